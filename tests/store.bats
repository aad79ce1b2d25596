#!/usr/bin/env bats
# store.bats: the store on disk: modes, owners, planted files, a full disk, a
# store that was moved.

# shellcheck disable=SC2154  # run --separate-stderr sets stderr

load helper

teardown() {
	umount mnt after 2>/dev/null || :
	common_teardown
}

@test "modes do not depend on the umask" {
	local mask

	for mask in 0 077; do
		rm -rf "$CERTSTORE"
		umask "$mask"
		cert-create -c CA
		cert-create -A CA -s a.example.org a
		cert-create -R -s b.example.org b >csr
		umask 022
		[ "$(mode "$CERTSTORE")" = 755 ]
		[ "$(mode "$CERTSTORE/certs")" = 755 ]
		[ "$(mode "$CERTSTORE/index/host")" = 755 ]
		[ "$(mode "$CERTSTORE/combined")" = 755 ]
		[ "$(mode "$CERTSTORE/.lock")" = 600 ]
		[ "$(mode "$CERTSTORE/certs/.a@1")" = 755 ]
		[ "$(mode "$CERTSTORE/certs/a/privkey.pem")" = 600 ]
		[ "$(mode "$CERTSTORE/certs/a/combined.pem")" = 600 ]
		[ "$(mode "$CERTSTORE/certs/a/fullchain.pem")" = 644 ]
		[ "$(mode "$CERTSTORE/certs/a/ca.pem")" = 644 ]
		[ "$(mode "$CERTSTORE/certs/a/info")" = 644 ]
		[ "$(mode "$CERTSTORE/certs/b/request.key")" = 600 ]
		[ "$(mode "$CERTSTORE/certs/b/request.csr")" = 644 ]
	done
}

@test "a key is never open to others, not even for a moment" {
	strace -o /dev/null true 2>/dev/null || skip "strace cannot trace here"
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip "not under strace"
	umask 0
	strace -f -o calls -e trace=openat,open,creat,chmod,fchmod \
	    cert-create -s a.example.org a
	grep -E 'O_CREAT' calls | grep -v '\.lock' >made
	[ -s made ]
	run ! grep -v '0600)' made
}

@test "a store that others can write is refused" {
	local dir

	cert-create -s a.example.org a
	for dir in . certs index combined .pending; do
		chmod g+w "$CERTSTORE/$dir"
		run -2 --separate-stderr cert-create -s b.example.org b
		[[ $stderr == *"others can write it"* ]]
		run -2 cert-rm a
		chmod 755 "$CERTSTORE/$dir"
	done
	cert-match a.example.org
}

@test "another user's store is refused" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to give a store away"
	cert-create -s a.example.org a
	chown -R daemon "$CERTSTORE"
	run -2 --separate-stderr cert-create -s b.example.org b
	[[ $stderr == *"belongs to another user"* ]]
	run -2 cert-rm a
	cert-match a.example.org
}

@test "a directory that is not a store is not changed" {
	mkdir notes
	touch notes/letter
	run -2 --separate-stderr cert-create -d notes -s a.example.org a
	[[ $stderr == *"not a store and not empty"* ]]
	[ "$(ls -A notes)" = letter ]
	run -2 cert-list -d notes
	run -2 --separate-stderr cert-list -d nowhere
	[[ $stderr == *"nowhere"*"no store"* ]]
	run -2 cert-rm -d nowhere a
	[ ! -e nowhere ]
}

@test "a FIFO in place of a file blocks no command" {
	cert-create -s a.example.org a
	cert-create -s b.example.org b
	rm "$CERTSTORE/certs/a/info"
	mkfifo "$CERTSTORE/certs/a/info"
	run -2 --separate-stderr timeout 300 cert-list
	[[ $output == b* ]]
	[[ $stderr == *"a: "* ]]
	run -2 timeout 300 cert-match a.example.org
	timeout 300 cert-match b.example.org
	rm "$CERTSTORE/certs/b/fullchain.pem"
	mkfifo "$CERTSTORE/certs/b/fullchain.pem"
	run -2 timeout 300 cert-list
	run -2 timeout 300 cert-show -o cert b
	timeout 300 cert-rm a b
	[ -z "$(cert-list)" ]
}

@test "a planted symbolic link is not followed" {
	echo secret >victim
	cert-create -s a.example.org a
	rm "$CERTSTORE/certs/a/info"
	ln -s "$PWD/victim" "$CERTSTORE/certs/a/info"
	run -2 --separate-stderr cert-list
	[[ $output$stderr != *secret* ]]
	ln -s "$PWD/victim" "$CERTSTORE/certs/b"
	run -2 cert-show b
	ln -s ../../.. "$CERTSTORE/certs/c"
	run -2 cert-show c
	run -2 cert-create -f -s c.example.org c
	[ "$(readlink "$CERTSTORE/certs/c")" = ../../.. ]
	# in the way of what is going to be written
	ln -s "$PWD" "$CERTSTORE/certs/.d@1"
	cert-create -s d.example.org d
	[ "$(readlink "$CERTSTORE/certs/d")" = .d@2 ]
	rm -rf "$CERTSTORE/combined"
	ln -s "$PWD" "$CERTSTORE/combined"
	run -2 cert-create -s e.example.org e
	[ "$(cat victim)" = secret ]
	[ "$(find . -name '*.pem')" = "" ]
}

@test "names in a certificate never become paths" {
	cert-create -s victim.example.org victim
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout key.pem -out cert.pem -days 30 -subj '/CN=..\/..\/victim' \
	    -addext 'subjectAltName=DNS:../certs/victim,DNS:/etc/passwd,DNS:..' \
	    2>/dev/null
	find "$CERTSTORE" | sort >before
	run -2 --separate-stderr cert-import key.pem cert.pem
	[[ $stderr == *"-N"* ]]
	find "$CERTSTORE" | sort | diff before -
	cert-import -N odd key.pem cert.pem
	run ! grep -r odd "$CERTSTORE/index/host"
	[ -z "$(find "$CERTSTORE/index/host" -lname '*odd')" ]
	[ "$(cert-match -o name victim.example.org)" = victim ]
	cert-rm odd
	find "$CERTSTORE" | sort | diff before -
}

@test "a full disk leaves no incomplete files" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to mount a small file system"
	mkdir small
	mount -t tmpfs -o size=160k,nr_inodes=60 tmpfs small 2>/dev/null ||
	    skip "cannot mount here"
	local i failed=
	for i in $(seq 20); do
		if ! cert-create -d small/store -s "h$i.example.org" "n$i" \
		    2>told; then
			failed=$i
			break
		fi
	done
	find small/store/.pending small/store/certs | sort >left
	cert-list -d small/store >list
	umount small
	[ -n "$failed" ]
	grep -q 'No space left' told
	[ "$(wc -l <list)" -eq $((failed - 1)) ]
	run ! grep "n$failed" left
	[ "$(grep -c 'pending/' left)" -eq 0 ]
}

@test "a store can be moved with tar" {
	cert-create -c CA
	cert-create -A CA -s a.example.org a
	tar -cf - -C "$CERTSTORE" . | (mkdir moved && tar -xpf - -C moved)
	[ "$(cert-match -d moved -o name a.example.org)" = a ]
	cert-list -d moved | diff - <(cert-list)
	cert-create -d moved -A CA -s b.example.org b
}

@test "the group that props name may read the keys" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to give a file to a group"
	cert-create -s a.example.org a
	echo 'group daemon' >>"$CERTSTORE/certs/a/props"
	cert-create -f -s a.example.org a
	[ "$(stat -c %a:%G "$CERTSTORE/certs/a/privkey.pem")" = 640:daemon ]
	[ "$(stat -c %a:%G "$CERTSTORE/certs/a/combined.pem")" = 640:daemon ]
	[ "$(mode "$CERTSTORE/certs/a/fullchain.pem")" = 644 ]
	grep -qx 'group daemon' "$CERTSTORE/certs/a/info"
}

@test "a group can have very many members" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to give a file to a group"
	cert-create -s a.example.org a
	echo 'group crowd' >>"$CERTSTORE/certs/a/props"
	{
		cat /etc/group
		printf 'crowd:x:54321:%s\n' "$(seq -s , -f user%g 2000)"
	} >group
	unshare -m mount --bind group /etc/group 2>/dev/null ||
	    skip "cannot mount here"
	unshare -m sh -c 'mount --bind group /etc/group && "$@"' - \
	    cert-create -f -s a.example.org a
	[ "$(stat -c %a:%g "$CERTSTORE/certs/a/privkey.pem")" = 640:54321 ]
}

# parts NAME CERTS: certbot's four files, and a ca.pem that a server loads.
parts() {
	local dir=$CERTSTORE/certs/$1

	cat "$dir/cert.pem" "$dir/chain.pem" | cmp - "$dir/fullchain.pem" &&
	    [ "$(grep -c BEGIN "$dir/cert.pem")" = 1 ] &&
	    [ "$(grep -c BEGIN "$dir/chain.pem")" = "$2" ] &&
	    [ "$(stat -c %a "$dir"/{cert,chain,ca}.pem | uniq)" = 644 ] &&
	    cert-show -o ca "$1" | cmp - "$dir/ca.pem" &&
	    openssl storeutl -noout -certs "$dir/ca.pem" | grep -qv ': 0$' ||
	    fail "parts of $1"
}

@test "ca.pem, cert.pem and chain.pem are in every generation" {
	local dir=$CERTSTORE/certs

	cert-create -c root
	cert-create -c -A root sub
	cert-create -A sub -s two.example.org two
	cert-create -A root -s one.example.org one
	cert-create -s self.example.org self
	parts root 0
	parts two 1
	parts one 0
	parts self 0
	cmp "$dir/self/ca.pem" "$dir/self/cert.pem"
	cat "$dir"/{sub,root}/cert.pem | cmp - "$dir/two/ca.pem"

	# an issuer that nobody knows, one that is half known, a renewal
	cert-import -qd other -N lone - \
	    < <(cat "$dir/one/privkey.pem" "$dir/one/cert.pem")
	cert-import -qd other -N half "$dir/two/combined.pem"
	CERTSTORE=$PWD/other dir=$PWD/other/certs
	parts lone 0
	parts half 1
	cmp "$dir/lone/ca.pem" "$dir/lone/cert.pem"
	cmp "$dir/half/ca.pem" "$dir/half/chain.pem"
	CERTSTORE=$BATS_TEST_TMPDIR/store dir=$CERTSTORE/certs
	cert-create -f -A sub -s one.example.org one
	parts one 1

	# what waits has none; what serves meanwhile keeps them
	cert-create -R -s w.example.org wait >/dev/null
	[ ! -e "$dir/wait/ca.pem" ]
	[ ! -e "$dir/wait/cert.pem" ]
	cert-create -R -s self.example.org self >/dev/null
	parts self 0
	grep -qx 'has key chain parts request' "$dir/self/info"
	cert-create -R -s two.example.org two >/dev/null
	parts two 1
	cert-rm self two
	run -0 find "$dir" -name '.self@*' -o -name '.two@*'
	[ -z "$output" ]
}

@test "an entry without them is valid, and a writer adds them" {
	local dir=$CERTSTORE/certs

	cert-create -c root
	cert-create -A root -s a.example.org a
	cert-create -s b.example.org b
	rm "$dir"/{a,b}/c{ert,hain}.pem "$dir/b/ca.pem"
	sed -i 's/ parts//' "$dir"/{a,b}/info
	cert-show -o cert a | cmp - "$dir/a/fullchain.pem"
	cert-show -o ca b | cmp - "$dir/b/fullchain.pem"
	cert-match -q b.example.org
	[ "$(cert-import -v "$dir/a/combined.pem" | cut -f 2)" = replace ]
	parts a 0
	[ "$(cert-import -v "$dir/a/combined.pem" | cut -f 2)" = same ]
	cert-create -R -s b.example.org b >/dev/null
	parts b 0
	rm "$dir/a/chain.pem"
	cert-import -q "$dir/a/combined.pem"
	parts a 0
	cert-rm b
	[ -z "$(find "$dir" -name '.b@*')" ]
}

# remedy: what the last message gives as its remedy, with $CERTSTORE as it is.
remedy() {
	local line=${stderr##*: }

	case $line in
	"mv $CERTSTORE/"*|"mv -n $CERTSTORE/"*|"rm $CERTSTORE/"*) ;;
	*) fail "no remedy: $stderr" || return 1 ;;
	esac
	$line
}

@test "a link of another entry is not overwritten or removed" {
	local args dry

	cert-create -s a.example.org a
	cat "$CERTSTORE/certs/a/combined.pem" >a.pem
	cert-create -d ./from -s b.example.org b
	mv "$CERTSTORE/certs/a" "$CERTSTORE/certs/b"
	find "$CERTSTORE" ! -name .lock -printf '%p %l %s %i\n' | sort >before
	for dry in -n ''; do
		for args in "cert-create -f $dry -s b.example.org b" \
		    "cert-create -uf $dry -s b.example.org b" \
		    "cert-create -Rf $dry -s b.example.org b" \
		    "cert-import -f $dry -N b from/certs/b/combined.pem" \
		    "cert-rm $dry b" "cert-rm -f $dry b"; do
			run -2 --separate-stderr $args
			[[ $stderr == *"b: its link is that of the entry a: "* ]]
			find "$CERTSTORE" ! -name .lock -printf '%p %l %s %i\n' | sort |
			    diff before -
		done
	done
	run -2 --separate-stderr cert-list
	remedy
	cmp a.pem "$CERTSTORE/certs/a/combined.pem"
	cert-match a.example.org
	# beside its own
	ln -s .a@1 "$CERTSTORE/certs/b"
	run -2 --separate-stderr cert-create -f -s b.example.org b
	[[ $stderr == *"b: its link leads to the entry a: rm "* ]]
	remedy
	cert-create -s b.example.org b
	cmp a.pem "$CERTSTORE/certs/a/combined.pem"
	# another one in capitals, or what a file system that ignores case has
	ln -s .a@1 "$CERTSTORE/certs/A"
	run -2 --separate-stderr cert-create -f -s a.example.org A
	[[ $stderr == *"A: its link leads to the entry a: rm "* ]]
	remedy
	ln -P "$CERTSTORE/certs/a" "$CERTSTORE/certs/A"
	run -2 --separate-stderr cert-create -f -s a.example.org A
	[[ $stderr == *"A: is the entry a, since this file system ignores case: "* ]]
	rm "$CERTSTORE/certs/A"
	# elsewhere
	ln -s "$PWD/from" "$CERTSTORE/certs/c"
	run -2 --separate-stderr cert-rm -f c
	[[ $stderr == *"c: its link leads to \"$PWD/from\", which is "* ]]
	rm "$CERTSTORE/certs/c"
	[ -d from/certs/b ]
}

@test "after the last number of a generation nothing is written" {
	cert-create -s a.example.org a
	mv "$CERTSTORE/certs/.a@1" "$CERTSTORE/certs/.a@18446744073709551615"
	ln -sfn .a@18446744073709551615 "$CERTSTORE/certs/a"
	[ "$(getconf LONG_BIT)" -eq 64 ] || skip "the last number is another one"
	find "$CERTSTORE" ! -name .lock -printf '%p %l %s %i\n' | sort >before
	run -2 --separate-stderr cert-create -f -s a.example.org a
	[[ $stderr == *'a: certs/.a@: Value too large for defined data type' ]] ||
	    fail "$stderr"
	find "$CERTSTORE" ! -name .lock -printf '%p %l %s %i\n' | sort |
	    diff before -
	[ "$(cert-match -o name a.example.org)" = a ]
}

@test "a path in a directory that is gone" {
	mkdir gone
	cd gone
	rmdir ../gone
	run -2 --separate-stderr cert-list -d store
	[ "$stderr" = "cert-list: store: the current directory: No such file or directory" ] ||
	    fail "$stderr"
	cd ..
}

@test "a foreign file in combined/ is kept" {
	cert-create -s a.example.org a
	cert-create -d ./from -s b.example.org b
	echo mine >"$CERTSTORE/combined/b.pem"
	for dry in -n ''; do
		for args in "cert-create $dry -s b.example.org b" \
		    "cert-import $dry -f -N b from/certs/b/combined.pem"; do
			run -2 --separate-stderr $args
			[[ $stderr == *"b: combined/b.pem is not its link, "* ]]
			[ ! -L "$CERTSTORE/certs/b" ]
		done
	done
	cert-create -c b
	run -2 --separate-stderr cert-create -f -s b.example.org b
	cert-rm b
	[ "$(cat "$CERTSTORE/combined/b.pem")" = mine ]
	# once there is one
	mv "$CERTSTORE/combined/b.pem" other.pem
	cert-create -s b.example.org b
	ln -sf ../certs/a/combined.pem "$CERTSTORE/combined/b.pem"
	run -2 --separate-stderr cert-create -u -s b.example.org b
	remedy
	run -0 --separate-stderr cert-create -u -s b.example.org b
	[[ $stderr == *"b: links to it were missing and were made again"* ]]
	[ "$(readlink "$CERTSTORE/combined/b.pem")" = ../certs/b/combined.pem ]
}

@test "files that are not entries are reported and kept" {
	cert-create -s a.example.org a
	echo mine >"$CERTSTORE/certs/README"
	mkdir "$CERTSTORE/certs/backup"
	echo mine >"$CERTSTORE/certs/backup/file"
	run -0 --separate-stderr cert-list -o name
	[ "$output" = a ]
	[ "${#stderr_lines[@]}" -eq 2 ]
	[[ ${stderr_lines[0]} == *"README: is not an entry, "* ]]
	run -0 --separate-stderr cert-match a.example.org
	[ -z "$stderr" ]
	# the links are made anew around it
	rm -r "$CERTSTORE/.links" "$CERTSTORE/index"
	run -1 cert-check -r
	cert-create -s b.example.org b
	cert-match b.example.org
	for args in "cert-show README" "cert-rm -f README" "cert-rm README" \
	    "cert-create -f -s r.example.org README" \
	    "cert-create -s r.example.org README" \
	    "cert-import -f -N README $CERTSTORE/certs/a/combined.pem"; do
		run -2 --separate-stderr $args
		[[ $stderr == *"README: is not an entry, "* ]]
	done
	[ "$(cat "$CERTSTORE/certs/README" "$CERTSTORE/certs/backup/file")" = \
	    "$(printf 'mine\nmine')" ]
	remedy
	run -0 --separate-stderr cert-list
	[ "${#stderr_lines[@]}" -eq 1 ]
	remedy
	run -0 --separate-stderr cert-list
	[ -z "$stderr" ]
	[ "$(cat "$CERTSTORE/README.moved")" = mine ]
}

# lost: how many of the entries that $acked names are gone from the disk as it
# would be if the power went now.
lost() {
	local name n=0

	# of one moment: the kernel may be writing
	until cp disk cut && cmp -s disk cut; do :; done
	e2fsck -fy cut >/dev/null 2>&1 || [ $? -le 2 ]
	mkdir -p after
	mount -o loop,ro cut after
	for name in $acked; do
		cmp -s "after/store/certs/$name/fullchain.pem" \
		    "mnt/store/certs/$name/fullchain.pem" || n=$((n + 1))
	done
	for name in $anchors; do
		[ -s "after/store/trust/$name.pem" ] || n=$((n + 1))
	done
	umount after
	echo "$n"
}

@test "status 0 means synced to disk, with a journal or without" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to mount a file system"
	command -v mke2fs e2fsck >/dev/null || skip "mke2fs is not installed"
	local acked anchors i type

	cert-create -d from -c CA
	cert-show -d from -o cert CA >CA.pem
	mkdir mnt
	for type in ext2 'ext4 -O ^has_journal' ext4; do
		acked='' anchors=''
		rm -f disk
		truncate -s 8M disk
		# shellcheck disable=SC2086  # words are meant
		mke2fs -q -F -t $type disk
		mount -o loop disk mnt 2>/dev/null || skip "cannot mount here"
		for i in 1 2; do
			cert-create -d mnt/store -s "e$i.example.com" "e$i"
			acked="$acked e$i"
			[ "$(lost)" -eq 0 ] || break
			cert-create -d mnt/store -f -s "e$i.example.com" e1
			[ "$(lost)" -eq 0 ] || break
		done
		cert-trust -d mnt/store -q add CA.pem
		anchors=CA
		i="$i $(lost)"
		cert-rm -d mnt/store e2
		acked=e1
		i="$i $(lost)"
		umount mnt
		[ "$i" = '2 0 0' ] || fail "$type: $i"
	done
}

@test "a container needs the whole store, not one entry" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to mount"
	unshare -m mount --bind /tmp /tmp 2>/dev/null || skip "cannot mount here"
	cert-create -s a.example.org a
	mkdir whole entry
	# shellcheck disable=SC2016  # by the shell inside
	unshare -m sh -e -c '
		mount --bind "$CERTSTORE" whole
		mount --bind "$CERTSTORE/certs/a" entry
		for i in 1 2; do
			cert-create -f -s a.example.org a
			cmp whole/certs/a/combined.pem \
			    "$CERTSTORE/certs/a/combined.pem"
		done
		[ -z "$(ls entry)" ]'
}

@test "an entry that is restored gets its links from the next writer" {
	cert-create -c CA
	cert-create -A CA -s a.example.org a
	cert-create -A CA -s z.example.org z
	tar -cf backup -C "$CERTSTORE" certs/a certs/.a@1 certs/CA certs/.CA@1
	cat "$CERTSTORE/certs/a/combined.pem" >a.pem
	for again in "cert-create -u -A CA -s a.example.org a" \
	    "cert-import -f -N a a.pem" "cert-import -N a a.pem" \
	    "cert-import -uf -N a a.pem"; do
		cert-rm a
		tar -xpf backup -C "$CERTSTORE"
		run -0 --separate-stderr cert-match a.example.org
		[[ $stderr == *": use cert-check -r" ]]
		[ ! -L "$CERTSTORE/combined/a.pem" ]
		run -0 --separate-stderr $again
		[[ $stderr == *"a: links to it were missing and were made again"* ]]
		[ "$(cert-match -o name a.example.org)" = a ]
		[ -e "$CERTSTORE/combined/a.pem" ]
		[ "$(readlink "$CERTSTORE/certs/a")" = .a@1 ]
		find "$CERTSTORE" -printf '%p %i\n' | sort >before
		run -0 --separate-stderr $again
		[ -z "$stderr" ]
		find "$CERTSTORE" -printf '%p %i\n' | sort | diff before -
	done
	# one link alone
	rm "$CERTSTORE/combined/a.pem"
	cert-create -u -A CA -s a.example.org a
	[ -e "$CERTSTORE/combined/a.pem" ]
	# a CA completes chains again
	cert-rm -f CA
	tar -xpf backup -C "$CERTSTORE"
	cert-show -o cert a >leaf.pem
	cert-create -u -c CA
	cert-import -d ./other "$CERTSTORE/certs/CA/combined.pem"
	run -0 cert-import -f -N b leaf.pem "$CERTSTORE/certs/a/privkey.pem"
	cmp "$CERTSTORE/certs/b/ca.pem" "$CERTSTORE/certs/CA/fullchain.pem"
}

@test "a restored old index/ does not hide newer entries" {
	cert-create -s a.example.org a
	tar -cf all -C "$CERTSTORE" .
	tar -cf index -C "$CERTSTORE" index
	cert-create -s b.example.org b
	rm -r "$CERTSTORE/index"
	tar -xpf index -C "$CERTSTORE"
	cert-create -s c.example.org c
	for name in a b c; do
		[ "$(cert-match -o name "$name.example.org")" = "$name" ]
	done
	# over the store, with its own .lock and combined/
	rm -r "$CERTSTORE/combined" "$CERTSTORE/index"
	tar -xpf all -C "$CERTSTORE"
	cert-create -s d.example.org d
	for name in a b c d; do
		[ "$(cert-match -o name "$name.example.org")" = "$name" ]
	done
	cert-check -r
	for name in a b c d; do
		run -0 --separate-stderr cert-match -o name "$name.example.org"
		[ "$output" = "$name" ]
		[ -z "$stderr" ]
		[ -e "$CERTSTORE/combined/$name.pem" ]
	done
}

@test "the lock gets mode 0600, whatever umask or copying did" {
	for mask in 0777 0277 077 0; do
		rm -rf "$CERTSTORE"
		(umask "$mask" && cert-create -s a.example.org a)
		[ "$(mode "$CERTSTORE/.lock")" = 600 ]
	done
	chmod 666 "$CERTSTORE/.lock"
	cert-create -s b.example.org b
	[ "$(mode "$CERTSTORE/.lock")" = 600 ]
}

@test "a new file system counts as an empty directory" {
	mkdir -p "$CERTSTORE/lost+found" "$CERTSTORE/.snapshot"
	cert-create -n -s a.example.org a
	cert-create -s a.example.org a
	cert-match a.example.org
	mkdir -p other/lost+found other/mine
	run -2 --separate-stderr cert-create -d ./other -s a.example.org a
	[[ $stderr == *"is not a store and not empty: "* ]]
}

@test "-n reports an impossible path with the same message" {
	ln -s nowhere dangling
	echo >file
	for dry in -n ''; do
		run -2 --separate-stderr cert-create -d ./dangling $dry \
		    -s a.example.org a
		[[ $stderr == *"/dangling: is a link to no "* ]]
		run -2 --separate-stderr cert-create -d ./file $dry \
		    -s a.example.org a
		[[ $stderr == *"/file: is not a directory: use "* ]]
		run -2 --separate-stderr cert-create -d ./file/store $dry \
		    -s a.example.org a
		[[ $stderr == *"/file is not a directory: use "* ]]
		run -2 --separate-stderr cert-create -d ./x/y/store $dry \
		    -s a.example.org a
		[[ $stderr == *"/store: the directory "* ]]
	done
	[ ! -e nowhere ]
}

@test "a file system without symbolic links: the message names the cause" {
	strace -o /dev/null true 2>/dev/null || skip "strace cannot trace here"
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip "not with sanitizers"
	cert-create -d ./from -c CA
	for why in EPERM EOPNOTSUPP; do
		for args in "cert-create -s a.example.org a" \
		    "cert-trust add from/certs/CA/fullchain.pem"; do
			run -2 --separate-stderr strace -f -qq -o /dev/null \
			    -e inject=symlinkat:error=$why $args
			[[ $stderr == *": this file system has no symbolic "* ]]
		done
	done
}

@test "a directory of the store that is a link is named with the remedy" {
	cert-create -q -s a.example.com a
	mv "$CERTSTORE/certs" elsewhere
	ln -s "$PWD/elsewhere" "$CERTSTORE/certs"
	for command in cert-list 'cert-set a note=x' cert-check; do
		# shellcheck disable=SC2086  # words
		run -2 $command
		[[ $output == *"/certs: is a link or a file: move the directory"* ]]
	done
}
