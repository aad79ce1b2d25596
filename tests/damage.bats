#!/usr/bin/env bats
# damage.bats: damaged entries are status 2 with a message, also with -q, in
# every command, never status 1; and the printed remedies work.

# shellcheck disable=SC2154  # stderr and stderr_lines are run's

load helper

# The entry a, damaged in a copy of the store; b shares a name with it.
setup() {
	common_setup
	cert-create -s a.example.com -s both.example.com a
	cert-create -s b.example.com -s both.example.com b
	cert-create -q -R -s w.example.com w
	cert-create -c ca
	cert-show -o cert ca | cert-trust -q add -
	spki=$(cert-show -o spki a)
	print=$(cert-show -o fingerprint a)
	cp -a "$CERTSTORE" whole
}

# damage COMMANDS: in the directory of a, or of all entries.
damage() {
	rm -rf "$CERTSTORE"
	cp -a whole "$CERTSTORE"
	(cd "$CERTSTORE/certs/a" && eval "$1") || fail "$1"
}

# told COMMAND...: status 2, one line that names the entry.
told() {
	run -2 --separate-stderr "$@"
	[ "$(sort -u <<<"$stderr" | wc -l)" -eq 1 ] || fail "$*: $stderr"
	[[ $stderr == cert-*": a: "* ]] || fail "$*: $stderr"
}

DAMAGES=('echo >>fullchain.pem' 'rm fullchain.pem' 'rm info' ': >info'
    'echo "certstore 9" >info' 'rm info; mkdir info' 'sed -i /^file/d info'
    'sed -i "s/^name a/name b/" info' 'rm privkey.pem' ': >privkey.pem'
    'rm privkey.pem; mkdir privkey.pem' 'rm combined.pem' ': >combined.pem'
    'truncate -s -1 combined.pem' 'truncate -s -1 privkey.pem'
    'rm privkey.pem combined.pem' ': >privkey.pem; : >combined.pem'
    'cat fullchain.pem >combined.pem' 'ln -sfn .a@9 ../a')

@test "a damaged entry: status 2 from all commands that read it, with -q, too" {
	for how in "${DAMAGES[@]}"; do
		echo "# $how"
		damage "$how"
		told cert-match -q a.example.com
		[ -z "$output" ]
		told cert-match -aq b.example.com a.example.com c.example.com
		told cert-match -o name both.example.com
		[ "$output" = b ]
		for option in -q -qa; do
			run -2 --separate-stderr cert-match "$option" \
			    "$spki" "$print" email:x@y
			[ "$(grep -c '^cert-match: a: ' <<<"$stderr")" -eq 3 ]
			[ "${#stderr_lines[@]}" -eq 3 ]
		done
		# a changed link could be that of an entry with the second name
		[[ $how == ln* ]] || run -1 cert-match -q b.example.com \
		    c.example.com
		told cert-list -q a
		told cert-show -q a
		told cert-verify -q a
		told cert-verify -q
		# a list sees whether there is a key, and no more
		[[ $how != *combined* && $how != truncate* ||
		    $how == *rm*privkey* || $how == :*privkey* ]] || continue
		told cert-list -q
	done
}

@test "an entry without permission to read it: status 2" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to be somebody else"
	local all=$BATS_TEST_TMPDIR/..

	chmod go+x "$BATS_TEST_TMPDIR" "$all" "$all/.." "$all/../.."
	for how in 'chmod 700 .' 'chmod 600 info'; do
		damage "$how"
		for line in 'cert-match -q a.example.com' 'cert-match -aq a.example.com' \
		    "cert-match -q $spki" "cert-match -q $print" \
		    'cert-list -q' 'cert-list -q a' 'cert-show -q a'; do
			# shellcheck disable=SC2086  # words are meant
			told setpriv --reuid=65534 --regid=65534 --clear-groups \
			    $line
		done
		run -2 --separate-stderr setpriv --reuid=65534 --regid=65534 \
		    --clear-groups cert-match -o name both.example.com
		[ "$output" = b ]
	done
	damage 'chmod 700 ../../index/host'
	run -2 --separate-stderr setpriv --reuid=65534 --regid=65534 \
	    --clear-groups cert-match -q b.example.com
	[ -n "$stderr" ]
}

@test "the printed remedy works" {
	local remedy store

	for store in "$CERTSTORE" "$BATS_TEST_TMPDIR/it's mine"; do
		export CERTSTORE=$store
		for how in "${DAMAGES[@]}"; do
			damage "$how"
			echo "# $how"
			run -2 --separate-stderr cert-show a
			remedy=$(sed -n 's/.* again: //p' <<<"$stderr")
			if [[ $how == *privkey*combined* || $how == ln* ]]; then
				[ -z "$remedy" ]
				[[ $stderr == *backup* || $how == ln* ]] ||
				    fail "$stderr"
				continue
			fi
			[ -n "$remedy" ] || fail "$stderr"
			run -0 env -u CERTSTORE sh -c "$remedy"
			[ "$(cert-match -o name a.example.com)" = a ]
			[ "$(cert-show -o spki a)" = "$spki" ]
			[ "$(cert-list -o name)" = $'a\nb\nca\nw' ]
		done
	done
}

@test "a missing key of a waiting request is an error" {
	for how in 'rm ../w/request.key' ': >../w/request.key'; do
		damage "$how"
		for line in 'cert-list -q' 'cert-show -q w' \
		    'cert-show -q -o csr w'; do
			# shellcheck disable=SC2086  # words are meant
			run -2 $line
			[ "${#lines[@]}" -eq 1 ]
			[[ $output == *'w: request.key is missing or empty: '* ]]
		done
	done
}

@test "a CA whose key is missing, and one imported without a key" {
	cert-create -d other -c root
	cert-show -d other -o cert root | cert-import -q -N root
	run -0 cert-list -o name root
	rm "$CERTSTORE/certs/ca/privkey.pem"
	run -2 cert-list -q
	run -2 cert-create -A ca x.example.com
	[[ $output == *'ca: privkey.pem is missing'* ]]
}

@test "all names of an entry match, also the longest" {
	local last long

	long=$(printf 'a%.0s' $(seq 61)) last=n5000.example.com
	long=$long.$long.$long.$long.$long
	cert-create -d many -s first.example.com -s "${long:0:253}" -s short m
	# shellcheck disable=SC2046  # many words
	cert-create -d many $(seq -f '-s n%g.example.com' 5000) n
	for host in "${long:0:253}" "$last" first.example.com; do
		run -0 cert-match -d many -o name "$host"
	done
	run -0 cert-match -d many -o name "$last"
	[ "$output" = n ]
	# an index that an earlier version made lacks some
	touch many/index
	rm many/index/host/+ "many/index/host/$last" \
	    "many/index/host/${long:0:253}"
	for host in "${long:0:253}" "$last" first.example.com; do
		run -0 cert-match -d many -o name "$host"
	done
	# it is made again; what is replaced and removed goes
	cert-create -d many -s other.example.com o
	cert-check -r -d many
	[ -L many/index/host/+ ]
	[ -L "many/index/host/$last" ]
	cert-create -d many -f -s n1.example.com n
	[ "$(find many/index/host -lname '*/n' | wc -l)" -eq 1 ]
	run -1 cert-match -d many "$last"
	cert-rm -d many m n o
	[ "$(ls many/index/host)" = + ]
}

@test "files that are not entries are not reported as unreadable" {
	touch "$CERTSTORE/certs/stray"
	run -1 --separate-stderr cert-match -q x.example.com email:x@y
	[ -z "$stderr" ]
	run -0 cert-match -q "$print"
}

@test "-u rewrites combined.pem with the same key, and replaces a missing key" {
	for how in 'rm combined.pem' ': >combined.pem' \
	    'cat fullchain.pem >combined.pem'; do
		damage "$how"
		run -0 --separate-stderr cert-create -nux -s a.example.com \
		    -s both.example.com a
		run -0 --separate-stderr cert-create -ux -s a.example.com \
		    -s both.example.com a
		[[ $stderr == *'a: combined.pem is missing: rewritten with the same key'* ]]
		cmp whole/certs/a/combined.pem "$CERTSTORE/certs/a/combined.pem"
		run -1 cert-create -ux -s a.example.com -s both.example.com a
	done
	for how in 'rm privkey.pem combined.pem' ': >privkey.pem' \
	    'truncate -s -90 privkey.pem' 'cp ../b/privkey.pem .'; do
		damage "$how"
		run -0 --separate-stderr cert-create -ux -s a.example.com \
		    -s both.example.com a
		[[ $stderr == *': replaced'* ]]
		run -0 cert-match -q a.example.com
		run -1 cert-create -ux -s a.example.com -s both.example.com a
	done
}

@test "a CA is not removed while a damaged entry may need it" {
	cert-create -A ca -s c.example.com c
	cert-create -c lone
	cp -a "$CERTSTORE" signed
	for how in 'rm c/privkey.pem' 'echo >>c/fullchain.pem' 'rm c/info'; do
		rm -rf "$CERTSTORE"
		cp -a signed "$CERTSTORE"
		(cd "$CERTSTORE/certs" && eval "$how")
		run -2 --separate-stderr cert-rm ca
		[[ ${stderr_lines[-1]} == 'cert-rm: ca: '*' needs it: '* ||
		    ${stderr_lines[-1]} == 'cert-rm: ca: c is damaged, '* ]] ||
		    fail "$how: $stderr"
		[ -e "$CERTSTORE/certs/ca/privkey.pem" ]
		if [[ $how == *info ]]; then
			run -2 cert-rm lone
		else
			run -0 cert-rm lone
		fi
		run -0 cert-rm ca c
	done
	cp -a signed/. "$CERTSTORE"
	rm "$CERTSTORE/certs/c/info"
	run -0 cert-rm -f ca
}
