#!/usr/bin/env bats
# rm.bats: cert-rm: what is removed, what others need, what is refused.

# shellcheck disable=SC2154  # stderr and stderr_lines are run's

load helper

# state: all of the store, to see that nothing was touched.
state() {
	find "$CERTSTORE" -printf '%P %l %s %m %T@ %i\n' | LC_ALL=C sort
}

@test "every file, link and generation of an entry is removed" {
	cert-create -s a.example -s 192.0.2.1 a
	empty=$(cert-create -d empty b.example && cert-rm -d empty b.example &&
	    cd empty && find . | LC_ALL=C sort)
	cert-create -f -s a.example a
	cert-create -q -R -s a.example a
	run -0 cert-rm a
	[ -z "$output" ]
	[ "$(cd "$CERTSTORE" && find . | LC_ALL=C sort)" = "$empty" ]
}

@test "an option after the names is refused, and nothing removed" {
	cert-create a.example
	before=$(state)
	for option in -n -f --help -nf; do
		run -2 --separate-stderr cert-rm a.example "$option"
		[ -z "$output" ]
		[[ $stderr == "cert-rm: $option: not a name: options come "* ]]
		[ "$(state)" = "$before" ]
	done
	run -2 cert-rm -- -x a.example
	[ "$(state)" = "$before" ]
}

@test "an entry that others need is removed only with -f" {
	cert-create -c ca
	cert-create -A ca a.example
	cert-create -A ca b.example
	run -2 --separate-stderr cert-rm a.example ca
	[[ $stderr == 'cert-rm: ca: issued b.example, '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	run -0 cert-list -o name
	[ "$output" = "$(printf 'b.example\nca')" ]
	ln -s certs/b.example "$CERTSTORE/default"
	run -2 --separate-stderr cert-rm b.example ca
	[[ $stderr == *'b.example: is the default entry: '* ]]
	run -0 cert-rm -f b.example
	[ ! -L "$CERTSTORE/default" ]
	run -0 cert-rm ca
}

@test "a CA stays with what stays, and with what may need it" {
	cert-create -c root
	cert-create -A root -c int
	cert-create -A int -s leaf.example.com leaf
	cert-set leaf user=web
	run -2 --separate-stderr cert-rm root int leaf
	[ "${#stderr_lines[@]}" -eq 3 ]
	[[ $stderr == *"int: issued leaf, which needs it: "* ]]
	[[ $stderr == *"root: issued int, which needs it: "* ]]
	cert-set leaf user=
	cert-create -s damaged.example.com damaged
	rm "$CERTSTORE/certs/damaged/info"
	run -2 --separate-stderr cert-rm root int leaf
	[[ $stderr == *"root: damaged is damaged, and may need it: "* ]]
	[[ $stderr == *"int: damaged is damaged, and may need it: "* ]]
	run -0 cert-rm root int damaged
	# of two with one name, the one whose key signed it
	for name in one two three; do
		cert-create -c -S CN=same "$name"
	done
	cert-create -A two -s leaf.example.com leaf
	run -2 --separate-stderr cert-rm one two three
	[[ $stderr == *"two: issued leaf, which needs it: "* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[ "$(cert-list -o name)" = $'leaf\ntwo' ]
}

@test "-n prints the same and changes nothing" {
	cert-create -c ca
	cert-create -A ca a.example
	before=$(state)
	for line in a.example ca 'ca a.example' none '-f ca' '-f none' \
	    'none a.example'; do
		# shellcheck disable=SC2086  # words are meant
		run cert-rm -n $line
		says=$status:$output
		[ "$(state)" = "$before" ]
		rm -rf copy
		cp -a "$CERTSTORE" copy
		# shellcheck disable=SC2086
		CERTSTORE=$PWD/copy run cert-rm $line
		[ "$status:$output" = "$says" ]
	done
}

@test "wrong names are refused, the others removed" {
	cert-create a.example
	run -2 --separate-stderr cert-rm ../certs '*' .a.example@1 '' a.example
	[ "${#stderr_lines[@]}" -eq 4 ]
	run -1 cert-list a.example
	run -2 cert-rm -f ../certs
	[ -d "$CERTSTORE/certs" ]
}

@test "names on stdin" {
	cert-create a.example
	cert-create b.example
	run -0 cert-rm - </dev/null
	run -0 cert-list -o name
	[ "${#lines[@]}" -eq 2 ]
	printf ' a.example\r\n\nb.example' | cert-rm -
	run -0 cert-list
	[ -z "$output" ]
	run -2 sh -c 'cert-rm - <&-'
	run -2 sh -c 'printf "x\0y\n" | cert-rm -f -'
}

# nothing_of NAME: no generation, and no link that leads to it.
nothing_of() {
	! find "$CERTSTORE" -name ".$1@*" -o -lname "*certs/$1" \
	    -o -lname "*/$1/*" | grep .
}

@test "files that a restore over a newer store left behind are removed, too" {
	cert-create -s a.example -s first.example a
	cert-create -s b.example b
	tar -cf backup -C "$CERTSTORE" .
	for n in 2 3 4 5; do
		cert-create -f -s a.example -s "n$n.example" a
	done
	tar -xpf backup -C "$CERTSTORE"
	[ "$(readlink "$CERTSTORE/certs/a")" = .a@1 ]
	[ -d "$CERTSTORE/certs/.a@5" ]
	cert-rm a
	nothing_of a
	cert-match b.example
	# a copy that drops links does not bring it back
	find "$CERTSTORE" -type l -exec rm {} +
	cert-check -r
	cert-create -s c.example c
	[ "$(cert-list -o name | xargs)" = "b c" ]
}

@test "generations without a link, as after a power cut, are removed, too" {
	cert-create -s a.example a
	cert-create -s b.example b
	tick
	cp -a "$CERTSTORE/certs/.a@1" "$CERTSTORE/certs/.a@7"
	mkdir "$CERTSTORE/certs/.a@2"
	echo key >"$CERTSTORE/certs/.a@2/privkey.pem"
	cert-rm a
	nothing_of a
	tick
	rm "$CERTSTORE/certs/b"
	before=$(state | grep -v '^\(\.lock\|index\) ')
	for dry in -n ''; do
		run -2 --separate-stderr cert-rm $dry b
		[[ $stderr == *" or cert-check -r b to restore it" ]]
	done
	[ "$(state | grep -v '^\(\.lock\|index\) ')" = "$before" ]
	cert-check -r b
	cert-match b.example
	tick
	rm "$CERTSTORE/certs/b"
	run -2 cert-rm b
	cert-rm -f b
	nothing_of b
	run -2 cert-rm b
	cert-rm -f b
}

@test "replacing a damaged entry keeps one generation" {
	for n in 1 2 3; do
		cert-create -f -s a.example a
	done
	: >"$CERTSTORE/certs/a/info"
	cert-create -f -s a.example a
	[ "$(find "$CERTSTORE/certs" -name '.a@*' | wc -l)" -eq 2 ]
	cert-rm a
	nothing_of a
}

@test "a removal reads certs/ only after another writer changed it" {
	strace -o /dev/null true 2>/dev/null || skip "strace cannot trace here"
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip "not with sanitizers"
	for n in a b c d e f; do
		cert-create -s "$n.example" "$n"
	done
	reads() {
		strace -y -qq -o trace -e trace=getdents64 "$@"
		grep -c "$CERTSTORE/certs>" trace || :
	}
	[ "$(reads cert-rm a)" -eq 0 ]
	cert-create -f -s b.example b
	[ "$(reads cert-rm b)" -eq 0 ]
	tick
	touch "$CERTSTORE/certs"
	[ "$(reads cert-rm c)" -gt 0 ]
	[ "$(reads cert-rm d)" -eq 0 ]
	rm "$CERTSTORE/.lock"
	[ "$(reads cert-rm e)" -gt 0 ]
	[ "$(reads cert-rm f)" -eq 0 ]
}

@test "many CAs and the certificates they issued" {
	cert-create -c root
	cert-create -c -A root sub
	cert-create -A sub a.example
	cert-create -A root b.example
	ln -s certs/a.example "$CERTSTORE/default"
	run -2 --separate-stderr cert-rm root sub a.example b.example
	[ "${#stderr_lines[@]}" -eq 3 ]
	[[ ${stderr_lines[0]} == *"a.example: is the default entry: "* ]]
	[[ ${stderr_lines[1]} == *"root: issued sub, "* ]]
	[[ ${stderr_lines[2]} == *"sub: issued a.example, "* ]]
	[ "$(cert-list -o name | xargs)" = "a.example root sub" ]
	rm "$CERTSTORE/default"
	cert-rm root sub a.example
	[ -z "$(cert-list)" ]
}

# full ARG...: cert-rm where no inode is free, and so no link can be made.
full() {
	local why=$1

	shift
	strace -f -qq -o /dev/null -e inject=symlinkat,mkdirat:error="$why" \
	    "$@"
}

@test "a removal works on a full disk" {
	strace -o /dev/null true 2>/dev/null || skip "strace cannot trace here"
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip "not with sanitizers"
	for n in a b c d; do
		cert-create -s "$n.example" "$n"
		cert-create -f -s "$n.example" "$n"
	done
	ln -s certs/a "$CERTSTORE/default"
	full ENOSPC cert-rm -f a
	nothing_of a
	full EDQUOT cert-rm b c
	nothing_of b
	nothing_of c
	[ -z "$(ls -A "$CERTSTORE/.pending")" ]
	# stopped once the link was moved
	ln -s certs/d "$CERTSTORE/default"
	run -137 sh -c 'strace -f -qq -o /dev/null \
	    -e inject=symlinkat:error=ENOSPC \
	    -e inject=fsync:signal=KILL:when=3 cert-rm -f d; exit $?'
	[ "$(readlink "$CERTSTORE/.pending/d@rm")" = .d@2 ]
	[ ! -L "$CERTSTORE/certs/d" ]
	[ ! -L "$CERTSTORE/combined/d.pem" ]
	[ -z "$(cert-list)" ]
	# nor is it restored in a store that lost .links
	rm "$CERTSTORE/.links"
	cert-check -r
	nothing_of d
	[ -z "$(ls -A "$CERTSTORE/.pending")" ]
	[ ! -L "$CERTSTORE/default" ]
}
