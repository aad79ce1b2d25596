#!/usr/bin/env bats
# repair.bats: cert-check -r: copies, restores, leftovers, hostile stores.

# shellcheck disable=SC2016,SC2154  # eval expands; stderr is of run

load helper

setup() {
	common_setup
	cert-create -c CA
	cert-create -A CA -s a.example.org -s both.example.org \
	    -s t.example.org a
	cert-create -A CA -s b.example.org -s both.example.org b
	cert-create -f -A CA -s b.example.org -s both.example.org b
	cert-create -q -R -s w.example.org w >/dev/null
	cert-set a tenant=t.example.org
	ln -s certs/a "$CERTSTORE/default"
	cert-show -o cert CA | cert-trust -q add -
	cert-show -o cert CA | cert-trust -q -T phones add -
	spki=$(spkiof b)
	key=$(spkiof a)
	answers >wanted
}

# spkiof NAME: the hash of its public key, without its prefix.
spkiof() {
	local hash

	hash=$(cert-show -o spki "$@")
	printf '%s\n' "${hash#spki:}"
}

# answers: what the store answers, to all kinds of questions.
answers() {
	cert-list -o name,kind,fingerprint,names,tenants,default
	cert-match -a -o host,name,how a.example.org b.example.org \
	    both.example.org t.example.org "spki:$spki" "spki:$key" || :
	cert-match -D -o host,name nobody.example.org none.example.org || :
	cert-list -o name -e 2000d
	cert-trust -o name list
	cert-trust -T phones -o name list
	cert-verify a b || :
}

# whole: all is repaired, and the second run finds nothing.
whole() {
	run -0 --separate-stderr cert-check -rn
	[ -z "$output" ] || fail "$1: $output"
	run -0 --separate-stderr cert-check -r
	[ -z "$output$stderr" ] || fail "$1: $output"
	answers | diff wanted - || fail "$1: other answers"
	run -0 find "$CERTSTORE" -xtype l
	[ -z "$output" ] || fail "$1: dangles: $output"
	run -0 find "$CERTSTORE/index" "$CERTSTORE/combined" -type f -name '*.pem'
	[ -z "$output" ] || fail "$1: copies of keys: $output"
}

@test "copies that follow or drop links, and links that a restore lacks" {
	cp -a "$CERTSTORE" saved
	for how in 'cp -rL saved "$CERTSTORE"' 'cp -rLp saved "$CERTSTORE"' \
	    'cp -r saved "$CERTSTORE"; find "$CERTSTORE" -type l -delete' \
	    'mkdir "$CERTSTORE"; tar -C saved -chf - . |
		tar -C "$CERTSTORE" -xpf -' \
	    'cp -a saved "$CERTSTORE"; rm "$CERTSTORE/.links"' \
	    'cp -a saved "$CERTSTORE"; rm -r "$CERTSTORE/index"' \
	    'cp -a saved "$CERTSTORE"; rm -r "$CERTSTORE/index/host"' \
	    'cp -a saved "$CERTSTORE"; rm -r "$CERTSTORE"/combined/*' \
	    'cp -a saved "$CERTSTORE"; cd "$CERTSTORE/certs"; cp -rL a x;
		rm a; mv x a'; do
		echo "# $how"
		rm -rf "$CERTSTORE"
		(eval "$how")
		run -1 --separate-stderr cert-check -rn
		[ -n "$output" ]
		cp -a "$CERTSTORE" before
		diff -r --no-dereference before "$CERTSTORE"
		rm -r before
		cert-check -r
		[ -L "$CERTSTORE/default" ] ||
		    ln -s certs/a "$CERTSTORE/default"
		whole "$how"
	done
}

@test "a copy stops all commands with 2 and the remedy, which works" {
	cp -rL "$CERTSTORE" copy
	for line in cert-list 'cert-match a.example.org' 'cert-show a' \
	    'cert-rm -f a' 'cert-create -s n.example.org n' 'cert-renew' \
	    'cert-trust list' 'cert-set a note=x' cert-deploy; do
		# shellcheck disable=SC2086  # words are meant
		run -2 --separate-stderr env CERTSTORE="$PWD/copy" $line
		[ -z "$output" ]
		[[ $stderr == *": use cert-check -r to make them again" ]] ||
		    fail "$line: $stderr"
	done
	run -2 --separate-stderr cert-list -d copy
	run -0 sh -c "$(sed -n 's/.*: use \(.*\) to make.*/\1/p' <<<"$stderr")"
	run -0 cert-list -d copy
}

@test "an entry that is put back is found, and repaired" {
	tar -cf one.tar -C "$CERTSTORE" certs/a "certs/$(readlink "$CERTSTORE/certs/a")"
	rm "$CERTSTORE/default"
	cert-rm a
	tar -xpf one.tar -C "$CERTSTORE"
	run -0 --separate-stderr cert-match -o name a.example.org
	[ "$output" = a ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *": use cert-check -r" ]]
	run -1 --separate-stderr cert-match -o name x.example.org y.example.org
	[ "${#stderr_lines[@]}" -eq 3 ] # once, and two that are not there
	# a writer does not hide that
	cert-create -A CA -s c.example.org c
	cert-rm c
	run -0 cert-match -o name both.example.org
	run -0 --separate-stderr cert-check -r
	[[ $output == *"repaired	a	index	"* ]]
	ln -s certs/a "$CERTSTORE/default"
	whole "put back"
}

@test "what was removed is not restored" {
	cp -a "$CERTSTORE" saved
	cp -a "$CERTSTORE/certs/.b@2" b2
	cert-rm b
	mv b2 "$CERTSTORE/certs/.b@2"
	answers >removed
	run -1 --separate-stderr cert-check -r
	[[ $output == *"	b	generation-orphan	"* ]]
	answers | diff removed -
	# its key is not lost, nor restored
	cp -a "$CERTSTORE" orphan
	run -0 --separate-stderr cert-check -rf
	[ ! -e "$CERTSTORE/certs/.b@2" ]
	[ "$(spkiof -K "$CERTSTORE/lost/$spki.pem")" = "$spki" ]
	[ "$(stat -c %a "$CERTSTORE/lost" "$CERTSTORE/lost/$spki.pem")" = \
	    "$(printf '700\n600')" ]
	answers | diff removed -
	cert-import -q -N again "$CERTSTORE/lost/$spki.pem"
	# not even if it is named
	rm -rf "$CERTSTORE"
	cp -a orphan "$CERTSTORE"
	run -2 cert-check -r b
	[[ $output == *"whose certificate was removed: "* ]]
	[ ! -L "$CERTSTORE/certs/b" ]
	# but if nobody removed it
	rm -rf "$CERTSTORE"
	cp -a saved "$CERTSTORE"
	rm "$CERTSTORE/certs/b"
	run -1 cert-check -r
	[ ! -L "$CERTSTORE/certs/b" ]
	run -0 cert-check -r b
	whole named
	# not if it is distrusted
	cert-show -o cert b >b.pem
	cert-trust -q distrust b.pem
	rm "$CERTSTORE/certs/b"
	run -2 cert-check -r b
	[[ $output == *distrusted* ]]
	[ ! -L "$CERTSTORE/certs/b" ]
}

@test "last week's backup over today: what was removed stays removed" {
	tar -cf week.tar -C "$CERTSTORE" .
	cert-rm b w
	cert-create -f -A CA -s a.example.org a
	cert-create -f -A CA -s a.example.org a
	today=$(spkiof a)
	cert-create -A CA -s new.example.org new
	tar -xpf week.tar -C "$CERTSTORE"
	run cert-check -r
	[ "$status" -le 1 ]
	run -0 cert-check -r
	[ "$(cert-match -o name new.example.org)" = new ]
	[ "$(cert-match -o name a.example.org)" = a ]
	# index still had a link of its key, though no entry has it
	[ "$(spkiof -K "$CERTSTORE/lost/$today.pem")" = "$today" ]
	run -0 find "$CERTSTORE" -xtype l
	[ -z "$output" ]
	cert-list >/dev/null
}

@test "generations that nothing uses go, and their keys are kept" {
	cp -a "$CERTSTORE/certs/.b@2" "$CERTSTORE/certs/.a@9"
	sed -i 's/^name b/name a/' "$CERTSTORE/certs/.a@9/info"
	cert-create -d other -s o.example.org o
	cp -a other/certs/.o@1 "$CERTSTORE/certs/.a@7"
	sed -i 's/^name o/name a/' "$CERTSTORE/certs/.a@7/info"
	cp -a "$CERTSTORE/certs/.b@2" "$CERTSTORE/certs/.b@9"
	: >"$CERTSTORE/certs/.b@9/privkey.pem"
	ln -s .a@9 "$CERTSTORE/certs/.a@link"
	ln -s ../certs/a/combined.pem "$CERTSTORE/combined/.a.pem@link"
	ln -s ../certs/gone/combined.pem "$CERTSTORE/combined/gone.pem"
	ln -s ../../certs/gone "$CERTSTORE/index/host/gone.example.org"
	ln -s ../../certs/a "$CERTSTORE/index/host/never.example.org"
	mkdir "$CERTSTORE/renewal"
	echo 'failed 1' >"$CERTSTORE/renewal/gone"
	mkdir -p "$CERTSTORE/deployed/0123456789ab"
	touch -d '2 years ago' "$CERTSTORE/deployed/0123456789ab/web" \
	    "$CERTSTORE/deployed/0123456789ab"
	run -0 cert-check -r
	[ "$(ls "$CERTSTORE/lost")" = "$(spkiof -d other o).pem" ]
	[ ! -e "$CERTSTORE/renewal/gone" ]
	[ ! -e "$CERTSTORE/deployed/0123456789ab" ]
	rm -r "$CERTSTORE/lost"
	whole leftovers
}

@test "what looks like a leftover, and is none, stays" {
	local dir

	mkdir -m 700 "$CERTSTORE/acme" "$CERTSTORE/acme/accounts" \
	    "$CERTSTORE/acme/accounts/.x" "$CERTSTORE/acme/orders" \
	    "$CERTSTORE/acme/orders/"{over,setup,held}
	(umask 077 && echo x >"$CERTSTORE/acme/accounts/.x/mine" &&
	    : >"$CERTSTORE/acme/orders/over/lock" &&
	    echo 'setup http token' >"$CERTSTORE/acme/orders/setup/state" &&
	    : >"$CERTSTORE/acme/orders/held/lock")
	chmod 644 "$CERTSTORE/acme/accounts/.x/mine"
	exec 8<"$CERTSTORE/acme/orders/held/lock"
	flock 8
	mkdir -p "$CERTSTORE/deployed/"{aaaaaaaaaaaa,bbbbbbbbbbbb,by-me}
	touch "$CERTSTORE/deployed/aaaaaaaaaaaa/web" \
	    "$CERTSTORE/deployed/cccccccccccc"
	touch -d '2 years ago' "$CERTSTORE/deployed/aaaaaaaaaaaa" \
	    "$CERTSTORE/deployed/by-me" "$CERTSTORE/deployed/cccccccccccc"
	rm "$CERTSTORE/default"
	mkdir "$CERTSTORE/default"
	echo 'name gone' >"$CERTSTORE/default/info"
	ln -s /etc "$CERTSTORE/certs/elsewhere"
	mkdir "$CERTSTORE/certs/mine"
	rm "$CERTSTORE/combined/a.pem"
	echo x >"$CERTSTORE/combined/a.pem"
	ln -s .b@2 "$CERTSTORE/.pending/b"
	mkdir "$CERTSTORE/index/host/x.example.org@"
	touch "$CERTSTORE/index/host/x.example.org@/.odd"
	ln -s ../../certs/a "$CERTSTORE/index/host/$(printf '%0255d' 0)"
	mkdir -p "$CERTSTORE/index/next/$(printf '%0255d/%0255d' 0 0)"
	find "$CERTSTORE/acme" "$CERTSTORE/deployed" "$CERTSTORE/default" \
	    "$CERTSTORE/combined" "$CERTSTORE/certs" -printf '%p %m %i %l\n' |
	    grep -v orders/over | sort >before
	run -1 cert-check -rn
	[[ $output == *"	leftover	a writer was interrupted, and its change is not complete"* ]]
	run -1 cert-check -r
	find "$CERTSTORE/acme" "$CERTSTORE/deployed" "$CERTSTORE/default" \
	    "$CERTSTORE/combined" "$CERTSTORE/certs" -printf '%p %m %i %l\n' |
	    sort | diff before -
	exec 8<&-
	# what is no store does not become one
	mkdir empty
	run -2 cert-check -d empty -r
	[ -z "$(ls -A empty)" ]
}

@test "links: of a request, of a moment, and copies of links" {
	mkdir -p "$CERTSTORE/acme/orders/a"
	chmod -R go= "$CERTSTORE/acme"
	(umask 077; echo 'ari-next 9999999999' >"$CERTSTORE/acme/orders/a/state")
	rm -r "$CERTSTORE/index"
	directory w
	# as a copy makes it, though the entry serves nothing
	cp "$CERTSTORE/certs/CA/combined.pem" "$CERTSTORE/combined/CA.pem"
	run -0 cert-check -r
	[ -L "$CERTSTORE/index/next/2286-11/20/a" ]
	[ -L "$CERTSTORE/certs/w" ]
	[ ! -e "$CERTSTORE/combined/CA.pem" ]
	whole links
}

# starts N SECONDS: changes when generation N of b begins.
starts() {
	sed -i "s/^starts [0-9]*/starts $2/" "$CERTSTORE/certs/.b@$1/info"
}

@test "of two generations without a link, the newer one" {
	local seconds

	sed -i '/^before/d; /^kept/d' "$CERTSTORE/certs/.b@2/info"
	seconds=$(sed -n 's/^starts \([0-9]*\).*/\1/p' "$CERTSTORE/certs/.b@2/info")
	rm "$CERTSTORE/certs/b"
	cp -a "$CERTSTORE" saved
	starts 1 "$seconds"
	run cert-check -r b
	[ "$(readlink "$CERTSTORE/certs/b")" = .b@2 ]
	rm -rf "$CERTSTORE"
	mv saved "$CERTSTORE"
	starts 1 $((seconds + 1))
	run cert-check -r b
	[ "$(readlink "$CERTSTORE/certs/b")" = .b@1 ]
}

@test "modes of an entry whose group is not known here stay" {
	local file

	for file in info props; do
		echo 'group no-such-group' >>"$CERTSTORE/certs/a/$file"
	done
	chmod 640 "$CERTSTORE/certs/a/privkey.pem"
	run -1 cert-check -r a
	[[ $output == *"	group-unknown	"* ]]
	[ "$(mode "$CERTSTORE/certs/a/privkey.pem")" = 640 ]
}

@test "no key is lost, whatever info says of it" {
	cert-create -d other -s o.example.org o
	for gen in 7 8 9; do
		cp -a "$CERTSTORE/certs/a/" "$CERTSTORE/certs/.a@$gen"
	done
	# two keys that are called like that of b, which has another one
	cat other/certs/o/privkey.pem >"$CERTSTORE/certs/.a@8/privkey.pem"
	cert-create -q -f -d other -s o.example.org o
	cat other/certs/o/privkey.pem >"$CERTSTORE/certs/.a@9/privkey.pem"
	sed -i "s/^spki .*/spki $spki/" "$CERTSTORE"/certs/.a@[89]/info
	run cert-check -r
	for file in "$CERTSTORE"/lost/*; do
		spkiof -K "$file"
	done | sort >have
	for gen in 1 2; do
		spkiof -K "other/certs/.o@$gen/privkey.pem"
	done | sort | diff - have
}

@test "modes are repaired" {
	chmod 644 "$CERTSTORE/certs/a/privkey.pem"
	chmod 666 "$CERTSTORE/certs/a/fullchain.pem"
	chmod 640 "$CERTSTORE/certs/b/combined.pem"
	chmod 622 "$CERTSTORE/certs/w/request.csr"
	chmod 644 "$CERTSTORE/certs/.b@1/combined.pem" # which is kept
	mkdir "$CERTSTORE/profiles"
	echo '-P client' >"$CERTSTORE/profiles/vpn"
	chmod 666 "$CERTSTORE/profiles/vpn"
	run -0 cert-check -r
	[ "$(stat -c %a "$CERTSTORE/profiles/vpn")" = 644 ]
	[ "$(stat -c %a "$CERTSTORE/certs/.b@1/combined.pem")" = 600 ]
	[ "$(cd "$CERTSTORE/certs" && stat -c %a a/privkey.pem a/fullchain.pem \
	    b/combined.pem w/request.csr | xargs)" = "600 644 600 644" ]
	whole modes
}

@test "a hostile store: nothing outside it is touched" {
	mkdir victim
	echo secret >victim/shadow
	chmod 644 victim/shadow
	mkdir "$CERTSTORE/certs/.x@9" "$CERTSTORE/certs/.a@9"
	ln victim/shadow "$CERTSTORE/certs/.x@9/privkey.pem"
	ln victim/shadow "$CERTSTORE/certs/.a@9/privkey.pem"
	ln -s "$PWD/victim" "$CERTSTORE/certs/.y@9"
	ln -s "$PWD/victim" "$CERTSTORE/certs/.b@9"
	mkdir "$CERTSTORE/certs/.z@9" "$CERTSTORE/certs/.b@8"
	[ "$(id -u)" -ne 0 ] || chown 65534 "$CERTSTORE/certs/.b@8"
	ln -s "$PWD/victim/shadow" "$CERTSTORE/certs/.z@9/privkey.pem"
	ln -s "$PWD/victim" "$CERTSTORE/acme"
	ln -s "$PWD/victim" "$CERTSTORE/renewal"
	ln -s "$PWD/victim" "$CERTSTORE/deployed"
	ln -s "$PWD/victim" "$CERTSTORE/lost"
	cp "$CERTSTORE/certs/a/privkey.pem" victim/privkey.pem
	ln "$CERTSTORE/certs/a/fullchain.pem" victim/linked
	chmod 666 victim/linked
	find victim -printf '%p %m %n %i %s\n' | sort >before
	run cert-check -rf
	run -2 cert-check -rf x y z a b
	find victim -printf '%p %m %n %i %s\n' | sort | diff before -
	[ -e "$CERTSTORE/certs/.x@9/privkey.pem" ]
	[ -e "$CERTSTORE/certs/.a@9/privkey.pem" ]
	[ "$(id -u)" -ne 0 ] || [ -e "$CERTSTORE/certs/.b@8" ]
	[ -L "$CERTSTORE/certs/.y@9" ]
	answers | diff wanted -
}

@test "only the owner repairs a store" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to be somebody else"
	local all=$BATS_TEST_TMPDIR/..

	chmod go+x "$BATS_TEST_TMPDIR" "$all" "$all/.." "$all/../.."
	rm "$CERTSTORE/combined/a.pem"
	run -2 setpriv --reuid=65534 --regid=65534 --clear-groups cert-check -r
	[ ! -L "$CERTSTORE/combined/a.pem" ]
	chown -R 65534 "$CERTSTORE"
	run -2 cert-check -r
	[[ $output == *"belongs to another user"* ]]
	[ ! -L "$CERTSTORE/combined/a.pem" ]
	run -0 setpriv --reuid=65534 --regid=65534 --clear-groups cert-check -r
	[ -L "$CERTSTORE/combined/a.pem" ]
	[ -z "$(find "$CERTSTORE" -uid 0)" ]
}

@test "a store that cannot be written: status 2, and why" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to mount"
	unshare -m mount --bind /tmp /tmp 2>/dev/null || skip "cannot mount here"
	rm "$CERTSTORE/combined/a.pem"
	# shellcheck disable=SC2016  # by the shell inside
	run -2 unshare -m sh -e -c '
		mount --bind "$CERTSTORE" "$CERTSTORE"
		mount -o remount,ro,bind "$CERTSTORE"
		cert-check -r'
	[[ $output == *"Read-only file system"* ]]
}

# Every question about what no writer of the next test changes.
questions() {
	local name

	answers
	cert-match -a -o host,name,how "spki:$spki" "$(cert-show -o tenants a)" \
	    x.both.example.org absent.example.org || :
	for name in CA a b w; do
		cert-set "$name"
		cert-list -j "$name" | sed 's/"left":[-0-9]*,//'
		[ "$name" = w ] || cert-show -o fullchain "$name"
		cert-verify "$name" 2>&1 || :
	done
	cert-list -k ca,server,waiting -o name,key,spki
	cert-renew -nv
	cert-deploy -nv || :
	cert-set @store @new @trust || :
	cert-check -e 2000d | sed 's/, in [0-9]* days$//' || :
	cat "$CERTSTORE"/certs/{a,b}/{privkey,combined}.pem \
	    "$CERTSTORE/certs/w/request.key" "$CERTSTORE/combined/"*
}

# writer N: makes, replaces, changes and removes an entry until ./enough is there.
writer() {
	local n=n$1

	while :; do
		cert-create -f -A CA -s "$n.example.org" -s both.example.org \
		    "$n" || return 1
		cert-set -q "$n" note=x tenant="$n.example.org" || return 1
		cert-create -f -A CA -s "$n.example.org" "$n" || return 1
		cert-revert -qf "$n" || return 1
		cert-rm "$n" || return 1
		[ ! -e enough ] || break
	done
}

# With FAULTS=all 200 repairs (make check-faults).
@test "under four writers: no answer changes, all of what they do stays" {
	local pids=() hurt n runs=8

	[ "${FAULTS:-}" != all ] || runs=200
	questions >before 2>&1
	for n in 1 2 3 4; do
		writer "$n" >/dev/null 2>"writer$n" & pids+=($!)
	done
	for n in $(seq "$runs"); do
		# each time something to repair
		case $((n % 4)) in
		0) rm -f "$CERTSTORE/combined/b.pem" ;;
		1) rm -f "$CERTSTORE/index/tenant/t.example.org" ;;
		2) rm -f "$CERTSTORE/index/host/a.example.org" ;;
		3) chmod 644 "$CERTSTORE/certs/a/privkey.pem" ;;
		esac
		run cert-check -qr
		[ "$status" -le 1 ] ||
		    [[ $output == *": there is no such entry: "* ]] ||
		    { : >enough; fail "$n: $output"; }
		hurt=$(cert-match -o name a.example.org b.example.org 2>&1) ||
		    { : >enough; fail "$n: no match: $hurt"; }
		[ "$hurt" = $'a\nb' ] || { : >enough; fail "$n: $hurt"; }
	done
	: >enough
	for n in 0 1 2 3; do
		wait "${pids[n]}" || fail "writer $n: $(cat writer$((n + 1)))"
	done
	run -0 cert-check -r
	questions >after 2>&1
	diff before after || fail "other answers"
	whole writers
}

@test "files that can be made of others, and properties, are repaired" {
	local file

	# fullchain.pem is that of its parts while they have its hash
	for file in info combined.pem ca.pem cert.pem chain.pem privkey.pem \
	    fullchain.pem; do
		echo "# $file"
		rm "$CERTSTORE/certs/a/$file"
		run -1 cert-check -rn a
		[[ $output == *"repairable	a	files	"* ]]
		run -0 cert-check -r a
		grep -qx 'origin create' "$CERTSTORE/certs/a/info"
		whole "$file"
	done
	: >"$CERTSTORE/certs/a/ca.pem"
	run -0 cert-check -r a
	whole 'an empty ca.pem'
	rm "$CERTSTORE/certs/a/fullchain.pem"
	echo >>"$CERTSTORE/certs/a/cert.pem"
	run -1 cert-check -r a
	[[ $output != *"	files	"* ]]
	sed -i '$d' "$CERTSTORE/certs/a/cert.pem"
	run -0 cert-check -r a
	whole 'fullchain.pem of its parts'
	# changed by hand: that is not known
	echo >>"$CERTSTORE/certs/a/fullchain.pem"
	run -1 cert-check -r a
	[[ $output != *"	files	"* ]]
	sed -i '$d' "$CERTSTORE/certs/a/fullchain.pem"
	run -0 cert-check -r a
	whole 'set right'
	# the key of another entry
	cp "$CERTSTORE/certs/a/combined.pem" "$CERTSTORE/certs/a/info" .
	rm "$CERTSTORE/certs/a/combined.pem" "$CERTSTORE/certs/a/info"
	cp "$CERTSTORE/certs/a/privkey.pem" key
	cat "$CERTSTORE/certs/b/privkey.pem" >"$CERTSTORE/certs/a/privkey.pem"
	run -1 cert-check -r a
	[[ $output != *"	files	"* ]]
	cat key >"$CERTSTORE/certs/a/privkey.pem"
	run -0 cert-check -r a
	whole key
	# properties
	echo 'note by hand' >>"$CERTSTORE/certs/a/props"
	echo 'tenant new.example.org' >>"$CERTSTORE/certs/a/props"
	run -1 cert-match new.example.org
	run -1 cert-check -r # the tenant is not covered
	[[ $output == *"repaired	a	props	"* ]]
	[ "$(cert-match -o name new.example.org)" = a ]
	run -1 cert-check -rn
	[[ $output != *repairable* ]]
}

@test "a copy of an entry is whole after one run, without a word about index" {
	cp -R "$CERTSTORE/certs/a/" "$CERTSTORE/certs/c"
	run --separate-stderr cert-check -r # the tenant is shared
	[[ $output == *"repaired	c	link	"*"repaired	c	files	"* ]]
	[[ -z $stderr ]] || fail "$stderr"
	run cert-check -rn
	[[ $output != *repairable* && $output != *index* ]] || fail "$output"
}

@test "names with -r are those of entries: nothing else is repaired" {
	rm "$CERTSTORE/combined/b.pem"
	run -2 cert-check -r @trust
	[[ $output == *"@trust: only entries are repaired by name: "* ]]
	run -0 cert-check -r a
	[ ! -e "$CERTSTORE/combined/b.pem" ]
	run -0 cert-check -r
	[ -e "$CERTSTORE/combined/b.pem" ]
}

@test "hash links of trust sets are made again" {
	local set

	for set in "$CERTSTORE/trust" "$CERTSTORE/trusts/phones"; do
		(cd "$set/" && find . -type l) | sort >links
		[ -s links ]
		find "$set/" -type l -delete
		run -0 cert-check -r
		[[ $output == *"repaired	@trust"*"files"* ]]
		(cd "$set/" && find . -type l) | sort | diff links -
		whole "$set"
	done
}

@test "chains for calls go a day after they expired" {
	local file

	openssl x509 -in "$DATA/vodia-localhost.pem" -out old.pem
	cert-show -o cert a >new.pem
	mkdir "$CERTSTORE/x5u"
	for file in old.pem new.pem; do
		cp "$file" "$CERTSTORE/x5u/$(sha256sum "$file" |
		    cut -c 1-64).pem"
	done
	run cert-check -r
	[ "$(grep -c "^repaired.*x5u" <<<"$output")" -eq 1 ]
	[ "$(find "$CERTSTORE/x5u" -type f | wc -l)" -eq 1 ]
}

@test "what an interrupted writer left beside the settings and the default" {
	ln -s certs/b "$CERTSTORE/.default@link"
	echo '@new x-a 1' >"$CERTSTORE/.props@new"
	mkdir "$CERTSTORE/.foreign@new"
	mkdir -m 700 "$CERTSTORE/lost"
	head -c 99 "$CERTSTORE/certs/a/privkey.pem" \
	    >"$CERTSTORE/lost/.$(printf %064d 0).pem@new"
	run -1 --separate-stderr cert-check
	[ "$(grep -c '	interrupted	lost/.*was left over' <<<"$output")" -eq 1 ]
	run -1 --separate-stderr cert-check -r
	[ "$(grep -c '^repaired	@store	leftover	' <<<"$output")" -eq 3 ]
	rmdir "$CERTSTORE/lost"
	rmdir "$CERTSTORE/.foreign@new"
	[ "$(readlink "$CERTSTORE/default")" = certs/a ]
	whole aside
}

@test "a repair that changes an entry or a trust set is in the log" {
	local log=$CERTSTORE/log n

	n=$(wc -l <"$log")
	cp -rL "$CERTSTORE/certs/a" x
	rm "$CERTSTORE/certs/a"
	mv x "$CERTSTORE/certs/a"
	rm "$CERTSTORE/certs/b" "$CERTSTORE/trust"
	cert-check -r a b CA
	cert-check -r
	tail -n +$((n + 1)) "$log" >lines
	for it in 'a","generation":2' 'b","generation":2' \
	    '@trust","generation":1'; do
		grep "\"entry\":\"$it,\"reason\":\"repair\"" lines ||
		    fail "$it: $(cat lines)"
	done
	grep "\"new\":\"$(sed -n 's/^fingerprint //p' \
	    "$CERTSTORE/certs/a/info")\"" lines
	[ "$(wc -l <lines)" -eq 3 ]
	whole logged
	# in a copy all entries are as they were
	cp -rL "$CERTSTORE" copy
	cert-check -d copy -r
	n=$(wc -l <"$log")
	run ! grep '"entry":"[a-z]' <(tail -n +$((n + 1)) copy/log)
}

# directory NAME: the link of an entry becomes a copy of what it leads to.
directory() {
	cp -rL "$CERTSTORE/certs/$1" "$CERTSTORE/certs/copied"
	rm "$CERTSTORE/certs/$1"
	mv "$CERTSTORE/certs/copied" "$CERTSTORE/certs/$1"
}

@test "a directory instead of a link: what must not come back stays" {
	local hash

	cp -a "$CERTSTORE" saved
	directory a
	: >"$CERTSTORE/certs/a/mine"
	run -1 cert-check -r
	[[ $output == *"	a	link	"*"a directory with other files"* ]]
	rm "$CERTSTORE/certs/a/mine"
	run -0 cert-check -r
	whole "a directory"
	# an ACME server has revoked it
	hash=$(cert-show -o fingerprint a)
	(umask 077; mkdir -p "$CERTSTORE/acme/orders/a")
	printf 'cert-fingerprint %s\ncert-revoked 1\n' "${hash#sha256:}" \
	    >"$CERTSTORE/acme/orders/a/state"
	directory a
	run -1 cert-check -r
	[[ $output == *"	a	link	"*"its certificate was revoked: "* ]]
	# we have
	rm -rf "$CERTSTORE"
	cp -a saved "$CERTSTORE"
	cert-revoke -q a
	directory a
	run -1 cert-check -r
	[[ $output == *"	a	link	"*"its certificate was revoked: "* ]]
}

@test "a directory whose generation has other files gets another number" {
	cp -a "$CERTSTORE" saved
	for damage in 'echo >>"$CERTSTORE/certs/.a@2/cert.pem"' \
	    'rm "$CERTSTORE/certs/.a@2/cert.pem"'; do
		rm -rf "$CERTSTORE"
		cp -a saved "$CERTSTORE"
		directory a
		eval "$damage"
		run -0 cert-check -r
		[[ $output == *"repaired	a	files	its info was of generation 2, not 3"* ]]
		[ "$(readlink "$CERTSTORE/certs/a")" = .a@3 ]
		[ ! -e "$CERTSTORE/certs/.a@2" ]
		whole "$damage"
	done
	# one that nothing has is its own again
	directory a
	rm -r "$CERTSTORE/certs/.a@3"
	run -0 cert-check -r
	[ "$(readlink "$CERTSTORE/certs/a")" = .a@3 ]
	whole "its own"
	[ ! -e "$CERTSTORE/lost" ]
}

@test "info of another generation than its link's: repaired, if it is so" {
	cp -a "$CERTSTORE/certs/.a@2" "$CERTSTORE/certs/.a@5"
	ln -sfn .a@5 "$CERTSTORE/certs/a"
	: >"$CERTSTORE/certs/.a@5/.info@new" # as if that was interrupted
	run -1 cert-check a
	[[ $output == *"	info-damaged	its link leads to .a@5, but info is of .a@2: cert-check -r a" ]]
	run -1 cert-check -rn a
	[ "${lines[0]}" = "repairable	a	files	its info was of generation 2, not 5" ]
	run -0 cert-check -r
	[ ! -e "$CERTSTORE/certs/.a@5/.info@new" ]
	[ ! -e "$CERTSTORE/certs/.a@2" ]
	whole "another number"
	[ ! -e "$CERTSTORE/lost" ]
	# the files of another certificate: nothing goes
	cp -a "$CERTSTORE/certs/.a@5" "$CERTSTORE/certs/.a@6"
	cat "$CERTSTORE/certs/b/fullchain.pem" \
	    >"$CERTSTORE/certs/.a@6/fullchain.pem"
	ln -sfn .a@6 "$CERTSTORE/certs/a"
	run -1 cert-check -r a
	[[ $output == "critical	a	info-damaged	"* ]]
	[ -e "$CERTSTORE/certs/.a@5/privkey.pem" ]
	[ -e "$CERTSTORE/certs/.a@6/privkey.pem" ]
}

@test "generations without a link, none of them complete" {
	mkdir "$CERTSTORE/certs/.o@1"
	cp "$CERTSTORE/certs/a/privkey.pem" "$CERTSTORE/certs/.o@1"
	run -2 cert-check -r o
	[[ $output == *"none of them complete: use cert-check -rf "* ]]
	run cert-check -rf
	[ ! -e "$CERTSTORE/certs/.o@1" ]
}
