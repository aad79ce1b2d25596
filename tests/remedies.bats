#!/usr/bin/env bats
# remedies.bats: what a message says is to be done can be pasted and does it.

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

@test "a file where an entry is meant: the command that takes it" {
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
		remedied 'its entry is found by' cert-rm "$file"
		[[ $output == a$'\t'* ]]
		remedied 'its entry is found by' \
		    cert-rm -n -d "$CERTSTORE/../store" "$file"
		[[ $output == a$'\t'* ]]
		remedied 'use what this prints' cert-trust rm "$file"
		[[ $output == sha256:* ]]
	done
	remedied 'is a file, not a name: use -K' cert-show -o key a.key
	[ "$output" = p256 ]
	remedied 'its entry is found by' cert-match ./leaf.crt
	[[ $output == a$'\t'* ]]
	remedied 'its entry is found by' cert-list ./leaf.crt
	remedied 'its entry is found by' \
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

@test "a file where the CA of -A is meant" {
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

@test "options behind operands: the same words in every command" {
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
		[[ $stderr == *": has a port, "*": leave it out" ]]
	done
	run -2 --separate-stderr cert-verify -H https://a.example.com/ a
	[[ $stderr == *": is a URL: use its host name alone" ]]
}
