#!/usr/bin/env bats
# remedies.bats: the commands and options in messages can be pasted and work.

load helper

setup() {
	common_setup
	cert-create -c CA
	cert-create -A CA -s a.example.com a
	cert-show -o cert CA >ca.pem
	cert-trust -q add ca.pem
	cert-show -o cert a >'./leaf of a.crt'
	cp 'leaf of a.crt' leaf.crt
	cat "$CERTSTORE/certs/a/privkey.pem" >a.key
}

# remedied TEXT COMMAND...: it fails and says TEXT, and behind it a command,
# which then does what was meant; its output is in $output.
remedied() {
	local text=$1

	shift
	run -2 --separate-stderr "$@"
	[ -z "$output" ] || fail "stdout: $output"
	[ "${#stderr_lines[@]}" -eq 1 ] || fail "stderr: $stderr"
	[[ $stderr == *"$text: "* ]] || fail "stderr: $stderr"
	run -0 --separate-stderr sh -c "${stderr##*"$text: "}"
}

@test "a file where an entry is needed: the message has the command" {
	local file

	for file in leaf.crt ./leaf.crt 'leaf of a.crt' './leaf of a.crt'; do
		remedied 'is a file, not a name: use -i' cert-verify "$file"
		[ -z "$output" ]
		remedied 'is a file, not a name: use -i' \
		    cert-verify -v -H a.example.com "$file"
		[[ $output == "$file"$'\tgood\t'* ]]
		remedied 'is a file, not a name: use -i' \
		    cert-show -o names "$file"
		[ "$output" = a.example.com ]
		remedied 'find its entry with' cert-rm "$file"
		[[ $output == a$'\t'* ]]
		remedied 'find its entry with' \
		    cert-rm -n -d "$CERTSTORE/../store" "$file"
		[[ $output == a$'\t'* ]]
		remedied 'use what this prints' cert-trust rm "$file"
		[[ $output == sha256:* ]]
	done
	remedied 'is a file, not a name: use -K' cert-show -o key a.key
	[ "$output" = p256 ]
	remedied 'find its entry with' cert-match ./leaf.crt
	[[ $output == a$'\t'* ]]
	remedied 'find its entry with' cert-list ./leaf.crt
	remedied 'find its entry with' \
	    cert-match -d "$CERTSTORE/../store" './leaf of a.crt'
	[[ $output == a$'\t'* ]]

	# a file may be called as a host is: that is a no, with a hint
	run -1 --separate-stderr cert-match leaf.crt
	[[ ${stderr_lines[1]} == *"cert-show -i leaf.crt -o fingerprint"* ]]
	run -1 --separate-stderr cert-match -q leaf.crt
	[ -z "$stderr" ]
	# nor is an entry one that is called as a file
	cp leaf.crt a
	[ "$(cert-show -o name a)" = a ]
	# the others are still done
	run -2 --separate-stderr cert-show -o name ./leaf.crt a
	[ "$output" = a ]
}

@test "a file where -A needs a CA entry" {
	local file

	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc \
	    -subj /CN=Other -keyout other.key -out other.crt -days 9999 \
	    -addext keyUsage=critical,keyCertSign 2>/dev/null
	cat other.key other.crt >other.pem
	for file in other.pem ./other.pem; do
		remedied 'the name that is printed' \
		    cert-create -A "$file" -s b.example.com b
		[ "$output" = other ]
		cert-create -A other -s b.example.com b
		cert-rm b other
	done
}

@test "options after operands: the same message in every command" {
	local line words='not a name: options come before the operands'

	for line in 'create x -q' 'create x -s a.example' 'import a.key -f' \
	    'list a -q' 'match a -q' 'rm a -q' 'rm a -n' 'show a -q' \
	    'show -i a.key x -q' 'verify a -q' 'verify -i leaf.crt x -q' \
	    'trust list -j' 'trust rm CA -n' 'trust add ca.pem -f'; do
		# shellcheck disable=SC2086  # words are meant
		run -2 --separate-stderr cert-$line
		[ -z "$output" ]
		[[ ${stderr_lines[0]} == "cert-${line%% *}: -"*": $words"* ]] ||
		    fail "$line: $stderr"
		[[ ${stderr_lines[1]} == "usage: cert-${line%% *} "* ]]
	done
	[ "$(cert-list -o name | wc -l)" -eq 2 ]
	cp ca.pem ./-ca.pem
	cert-import -n -- -ca.pem
	cert-import -n ./-ca.pem
}

@test "a host with a port, or a URL" {
	local host

	for host in h:5061 a.example.com:5061 192.0.2.1:5061 '[2001:db8::1]:80'
	do
		run -2 --separate-stderr cert-verify -H "$host" a
		[[ $stderr == *": has a port, "*": remove it" ]]
	done
	run -2 --separate-stderr cert-verify -H https://a.example.com/ a
	[[ $stderr == *": is a URL: use only its host name" ]]
}

# pasted TEXT COMMAND...: it fails, and its message has a command line that
# begins with TEXT and ends there or before " to" or ", or"; it is in $line.
pasted() {
	local text=$1

	shift
	run ! --separate-stderr "$@"
	[ "$status" -eq 2 ] || fail "status $status: $stderr"
	[[ $stderr =~ ": "("use ")?"$text" ]] || fail "$text: $stderr"
	line=$(sed -nE "s/.*: (use )?($text.*)/\\2/p" <<<"$stderr" |
	    head -n 1 | sed -E 's/,? (to|or) .*//')
	[ -n "$line" ] || fail "$stderr"
}

# In a store that is named by -d and has a blank in its path.
@test "commands in messages name the store and work" {
	local dir="$PWD/my store" line

	cert-create -d "$dir" -c CA
	cert-create -d "$dir" -A CA -s a.example.com a
	cert-create -d "$dir" -R -s w.example.com w >w.csr

	pasted cert-list cert-show -d "$dir" nothing
	[ "$(eval "$line -o name" | tr '\n' ' ')" = 'CA a w ' ]
	pasted cert-show cert-create -d "$dir" -R -s w.example.com w
	eval "$line" | cmp - w.csr
	run -2 --separate-stderr sh -c \
	    "cert-create -d '$dir' -R -s v.example.com v >/dev/full"
	line=$(sed -n 's/.*: use \(cert-show.*\) to print it/\1/p' <<<"$stderr")
	eval "$line" | grep -q 'BEGIN CERTIFICATE REQUEST'

	run -2 --separate-stderr cert-verify -d "$dir" a
	line=$(sed -n 's/.*, or \(cert-trust.*\) to add some/\1/p' <<<"$stderr")
	cert-show -d "$dir" -o cert CA | eval "$line"
	cert-verify -d "$dir" a
	pasted cert-trust cert-trust -d "$dir" rm nothing
	[ "$(eval "$line" | cut -f 1)" = CA ]

	# what the shipped list has comes back unless it is distrusted
	cert-show -d "$dir" -o cert CA >list.pem
	cert-trust -q -d "$dir" update list.pem
	run -0 --separate-stderr cert-trust -d "$dir" rm CA
	line=$(sed -n 's/.*again: use \(.*\) to keep it out/\1/p' <<<"$stderr")
	eval "$line"
	run -2 cert-trust -q -d "$dir" update list.pem
	[ "$(cert-trust -d "$dir" -o origin list)" = distrusted ]

	# a damaged entry is made whole from what is not damaged
	for file in info fullchain.pem; do
		for name in a CA; do
			echo junk >>"$dir/certs/$name/$file"
			[ "$file" = fullchain.pem ] ||
			    rm "$dir/certs/$name/info"
			pasted cert-import cert-show -d "$dir" "$name"
			eval "$line"
			cert-show -d "$dir" -o cert "$name" |
			    cmp - "$dir/certs/$name/cert.pem"
			[ "$(cert-show -d "$dir" -o keyfile "$name")" = \
			    "$dir/certs/$name/privkey.pem" ]
		done
	done
	openssl x509 -in ca.pem >other.pem
	cert-import -q -d "$dir" -N keyless other.pem
	echo junk >>"$dir/certs/keyless/fullchain.pem"
	pasted cert-import cert-show -d "$dir" keyless
	eval "$line"
	cert-show -d "$dir" -o cert keyless | cmp - other.pem

	# what is no entry goes out of the way
	mkdir "$dir/certs/stray"
	echo kept >"$dir/certs/stray/file"
	pasted 'mv -n' cert-show -d "$dir" stray
	eval "$line"
	[ "$(cat "$dir/stray.moved/file")" = kept ]
	run -2 --separate-stderr cert-show -d "$dir" stray
	[[ $stderr == *'no such entry'* ]]
}

# forced TEXT REMEDY COMMAND...: it fails and says TEXT; with the options of
# REMEDY behind its name it is done.
forced() {
	local text=$1 options=$2 name=$3

	shift 3
	run -2 --separate-stderr "$name" "$@"
	[[ $stderr == *": "*"$text"* ]] || fail "$name $*: $stderr"
	# shellcheck disable=SC2086  # words are meant
	run -0 --separate-stderr "$name" $options "$@"
}

@test "options in messages work" {
	local CERTSTORE=$CERTSTORE

	cert-create -d from -s a.example.com x
	cert-create -d from -s b.example.com y
	cp from/certs/x/combined.pem x.pem
	cp from/certs/y/combined.pem y.pem
	forced 'use -f to replace it' -f cert-create -A CA -s a.example.com a
	forced 'or -u to keep it' -u \
	    cert-create -A CA -s a.example.com a
	cert-create -R -s w.example.com w >/dev/null
	forced 'or -f to make a new one' -f cert-create -R -s w.example.com w
	forced 'use -f to replace it' -f cert-import -N a x.pem
	cert-create -s c.example.com b.example.com
	forced '-f -N b.example.com to replace that entry' \
	    '-f -N b.example.com' cert-import y.pem
	ln -s certs/a "$CERTSTORE/default"
	forced 'use -f to remove it' -f cert-rm a
	cert-create -A CA -s a.example.com a
	echo 'user nginx' >>"$CERTSTORE/certs/a/props"
	forced 'use -f to remove it' -f cert-rm a
	cert-create -A CA -s a.example.com a
	forced 'remove that too, or use -f' -f cert-rm CA
	cert-create -s c.example.com c
	forced 'use -s with its host' '-s d.example.com' cert-create d
	forced 'use -S CN=' '-S CN=D' cert-create -c -S CN= d2
	cert-trust -q distrust ca.pem
	forced 'use -f to trust it again' -f cert-trust add ca.pem
}

@test "modes in messages" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	local line

	echo secret >pass
	chmod 644 pass
	run --separate-stderr cert-create -c -E pass crypt
	line=$(sed -n 's/.*: \(chmod .*\)/\1/p' <<<"$stderr")
	[ -n "$line" ]
	eval "$line"
	run -0 --separate-stderr cert-create -fc -E pass crypt
	[[ $stderr != *chmod* ]]
	chmod 777 "$CERTSTORE"
	run -2 --separate-stderr cert-create -s q.example.com q
	[[ $stderr == *'chmod go-w'* ]]
	chmod go-w "$CERTSTORE"
	cert-create -s q.example.com q
	mkdir open
	chmod 777 open
	run -2 --separate-stderr cert-create -d open/store -s q.example.com q
	line=$(sed -n 's/.*: \(chmod .*\)/\1/p' <<<"$stderr")
	[ -n "$line" ]
	eval "$line"
	cert-create -d open/store -s q.example.com q
}

@test "a path that cannot be a store" {
	local line

	ln -s nowhere link
	for line in 'cert-list -d link' 'cert-create -d link -s q.example.com q'
	do
		run -2 --separate-stderr $line
		[[ $stderr == *'is a link to no directory: '* ]]
	done
	for line in 'cert-list -d x.pem' 'cert-import -d x.pem ca.pem'; do
		cp ca.pem x.pem
		run -2 --separate-stderr $line
		[[ $stderr == *'/x.pem: is not a directory: '* ]]
	done
	run -2 --separate-stderr cert-list -d 'no/such dir/store'
	[[ $stderr == *'/store: there is no store: '* ]]
	run -2 --separate-stderr cert-import -d 'no/such dir/store' ca.pem
	line=${stderr##*does not exist: }
	eval "$line"
	cert-import -d 'no/such dir/store' ca.pem
	mkdir new
	cert-import -d new ca.pem
	mkdir nowhere
	cert-import -d link ca.pem
	# an empty variable is none
	run --separate-stderr env CERTSTORE= cert-list
	[[ $stderr != *empty* ]]
	run -2 --separate-stderr cert-list -d ''
	[[ $stderr == *'the path of the store is empty: '* ]]
}
