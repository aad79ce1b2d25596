#!/usr/bin/env bats
# acmeshaken.bats: certificates that sign calls from an ACME server, RFC 9448;
# tests/acmemock is the CA and the token authority.

# shellcheck disable=SC2154  # run --separate-stderr sets stderr

load helper
load pki
load examples
load acmemock

LIST=MAigBhYEODE4SA # RFC 8226 section 9: 30 08 a0 06 16 04 "818H"
# a TNAuthList with 818H, with 818H and 709J, with 709J, and a malformed one
NARROWER=1.3.6.1.5.5.7.1.26=DER:3008a006160438313848
WIDER=1.3.6.1.5.5.7.1.26=DER:3010a006160438313848a00616043730394a
OTHER=1.3.6.1.5.5.7.1.26=DER:3008a00616043730394a
BAD=1.3.6.1.5.5.7.1.26=DER:3006130438313848
TOKEN=eyJhbGciOiJFUzI1NiJ9.c2VjcmV0.c2lnbmF0dXJl

# program LINE...: the program that gets tokens, which logs its words.
program() {
	mkdir -p "$CERTSTORE/hooks"
	{
		echo '#!/bin/sh'
		echo "for w; do echo \"\$w\"; done >'$PWD/words'"
		printf '%s\n' "$@"
	} >"$CERTSTORE/hooks/spc-token"
	chmod 755 "$CERTSTORE/hooks/spc-token"
}

# One that asks the token authority, RFC 9448 section 5.6.
asking() {
	# shellcheck disable=SC2016  # for the program
	program 'curl -sSf --cacert "$CA" -H @"$HEADER" --data "{\"tktype\":\"TNAuthList\",\"tkvalue\":\"$3\",\"fingerprint\":\"$4\",\"ca\":$5}" "$6/at/account/1/token" | jq -er .token'
	cp "$shared/bed.crt" .
	echo 'Authorization: Bearer s3cret' >header
	printf '%s\n' "CA=$PWD/bed.crt" "HEADER=$PWD/header" \
	    >"$CERTSTORE/hooks/spc-token.env"
	chmod 600 "$CERTSTORE/hooks/spc-token.env"
}

# calls [ARGUMENT...]: orders what signs calls.
calls() {
	cert-acme -A mock -P shaken -s spc:818H -m tkauth:spc-token "$@" carrier
}

# The rules of a CA that wants a token for each order.
pending() {
	rules 'order * state pending' "$@"
}

# No run has asked for a token.
unasked() {
	[ ! -e words ] || fail "the program was run: $(cat words)"
}

@test "an order: what the program gets, what is sent, and what serves" {
	asking
	pending
	run -0 --separate-stderr calls -v
	[ "$output" = carrier ]
	[ -z "$stderr" ]
	base=${directory%/dir}
	mapfile -t words <words
	[ "${#words[@]}" -eq 6 ]
	[ "${words[0]} ${words[1]} ${words[2]}" = "token tkauth-01 $LIST" ]
	[[ ${words[3]} =~ ^SHA256\ ([0-9A-F]{2}:){31}[0-9A-F]{2}$ ]]
	[ "${words[4]} ${words[5]}" = "false $base" ]
	grep -qxF 'order {"identifiers": [{"type": "TNAuthList", "value": "'$LIST'"}]}' \
	    "$mock/log"
	[[ $(grep '^challenge ' "$mock/log") =~ ^challenge\ \{\"tkauth\":\ \"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\"\}$ ]]
	[ "$(cert-show -o kind,subject,spc,key carrier)" = \
	    $'shaken\tCN=SHAKEN 818H\t818H\tp256' ]
	[ "$(cert-show -o csr carrier 2>/dev/null)" = '' ]
	[ "$(sort "$CERTSTORE/certs/carrier/props")" = \
	    $'acme mock\nmethod tkauth:spc-token\norigin acme' ]
	[ "$(cert-match -k shaken -o name spc:818h)" = carrier ]
	[ "$(asked at)" -eq 1 ]
	# the token is nowhere
	token=$(sed -n 's/^challenge .*: "\(.*\)"}/\1/p' "$mock/log")
	! grep -rqF "$token" "$CERTSTORE" || false
	# it has what is asked for
	run -1 calls -ux
	[ "$(asked order)" -eq 1 ]
}

@test "renewal needs nothing else, and signers keep key and chain for a day" {
	asking
	cert-set @new x5u=https://certs.example.com/shaken/
	# a third of 17 days is left
	pending "finalize * issue from=$(date -u -d '12 days ago' +%Y%m%d%H%M%SZ) to=$(date -u -d '5 days' +%Y%m%d%H%M%SZ)"
	calls -S C=US -S 'O=Example Telco'
	subject='CN=SHAKEN 818H,O=Example Telco,C=US'
	[ "$(cert-show -o subject carrier)" = "$subject" ]
	IFS=$'\t' read -r key x5u < <(cert-match -k shaken -o keyfile,x5u spc:818H)
	[[ $key == "$CERTSTORE/certs/.carrier@"*/privkey.pem ]]
	cp "$key" key
	[ -s "$CERTSTORE/x5u/${x5u##*/}" ]
	[[ $(cert-renew -n carrier) == carrier* ]]
	pending
	run -0 --separate-stderr cert-renew
	[ "$output" = carrier ]
	[ -z "$stderr" ]
	[ "$(asked order)" -eq 1 ]
	[ "$(cert-show -o subject,spc carrier)" = "$subject"$'\t818H' ]
	IFS=$'\t' read -r newkey newx5u < <(cert-match -k shaken -o keyfile,x5u spc:818H)
	[ "$newkey" != "$key" ]
	[ "$newx5u" != "$x5u" ]
	cmp "$key" key
	! cmp -s "$newkey" key || false
	[ -s "$CERTSTORE/x5u/${x5u##*/}" ]
	[ -s "$CERTSTORE/x5u/${newx5u##*/}" ]
	# not due
	run -0 cert-renew
	[ -z "$output" ]
	[ "$(asked order)" -eq 1 ]
}

@test "codes, numbers and ranges are one identifier" {
	asking
	pending
	run -0 --separate-stderr calls -s tel:+1-215-555-0000+100 \
	    -s tel:12155550199 -s tel:12155550042
	[ -z "$stderr" ]
	list=MCugBhYEODE4SKESMBAWCzEyMTU1NTUwMDAwAgFkog0WCzEyMTU1NTUwMTk5
	[ "$(sed -n 3p words)" = "$list" ] || fail "$(cat words)"
	[[ $(grep '^order ' "$mock/log") == *'[{"type": "TNAuthList", "value": "'$list'"}]}' ]]
	[ "$(cert-show -o spc,tn carrier)" = $'818H\t12155550000+100,12155550199' ]
	run -0 renew carrier
	[ "$(sed -n 3p words)" = "$list" ]
	# another code: another CN
	run -0 --separate-stderr cert-acme -u -P shaken -s spc:709J carrier
	[ "$output" = carrier ]
	[ "$(cert-show -o subject,spc,tn carrier)" = $'CN=SHAKEN 709J\t709J\t' ]
	# numbers alone are named by the entry
	run -0 cert-acme -A mock -P shaken -s tel:12155550100 \
	    -m tkauth:spc-token customer
	[ "$(cert-show -o subject,tn customer)" = $'CN=customer\t12155550100' ]
}

@test "an order that was interrupted is continued with another token" {
	asking
	cp "$CERTSTORE/hooks/spc-token" good
	# shellcheck disable=SC2016  # for the program
	program 'kill -9 $PPID; sleep 1'
	pending
	run calls
	[ "$status" -eq 137 ]
	[ "$(asked challenge)" -eq 0 ]
	url=$(state carrier url)
	[[ $url == https://* ]]
	[ "$(state carrier identifier)" = "TNAuthList $LIST" ]
	cp "$CERTSTORE/certs/carrier/request.key" key
	cp good "$CERTSTORE/hooks/spc-token"
	: >"$mock/log"
	run -0 --separate-stderr cert-acme -u carrier
	[ "$output" = carrier ]
	[ "$(asked order)" -eq 0 ]
	[ "$(asked challenge)" -eq 1 ]
	cmp key "$CERTSTORE/certs/carrier/privkey.pem"
	# another list: another request, and another order
	# shellcheck disable=SC2016  # for the program
	program 'kill -9 $PPID; sleep 1'
	run calls -f
	cp good "$CERTSTORE/hooks/spc-token"
	: >"$mock/log"
	run -0 --separate-stderr cert-acme -P shaken -s spc:709J carrier
	[ "$(asked order)" -eq 1 ]
	[ "$(cert-show -o spc carrier)" = 709J ]
}

@test "calls that cannot be had: those of the certificate are renewed in time" {
	asking
	pending "finalize * issue from=$(date -u -d '16 days ago' +%Y%m%d%H%M%SZ) to=$(date -u -d '1 day' +%Y%m%d%H%M%SZ)"
	calls >/dev/null
	# the same calls: one order
	echo 'Authorization: Bearer other' >header
	pending
	run -2 --separate-stderr cert-renew
	[ -z "$output" ]
	[ "$(asked order)" -eq 1 ]
	rm "$CERTSTORE/renewal/carrier"
	asking
	# a code that is not ours
	pending 'authz 2 state invalid'
	run -2 --separate-stderr cert-acme -u -P shaken -s spc:709J carrier
	pending 'authz 2 state invalid'
	run -0 --separate-stderr cert-renew
	[ "$output" = carrier ] || fail "$stderr"
	[ "$(asked order)" -eq 2 ]
	[ "$(cert-show -o spc carrier)" = 818H ]
	[ "$(state carrier wish)" = spc:709J ]
	run -0 renew carrier
	[ "$(cert-show -o spc carrier)" = 709J ]
}

@test "challenges that are not for a token: the program is not run" {
	asking
	offer() {
		printf 'authz * set challenges [{"type":"tkauth-01","status":"pending","url":"BASE/challenge/0",%s}]' \
		    "$1"
	}
	while IFS=, read -r words challenge; do
		rm -f words
		pending "$(offer "$challenge")"
		run -2 --separate-stderr calls
		oneline 'carrier: ' "$words"
		unasked
		[ "$(asked challenge)" -eq 0 ]
	done <<-'EOR'
		not an https URL,"tkauth-type":"atc","token-authority":"http://localhost/x"
		not an https URL,"tkauth-type":"atc","token-authority":"https://local\u001bhost/\n"
		not an https URL,"tkauth-type":"atc","token-authority":"file:///etc/passwd"
		not an https URL,"tkauth-type":"atc","token-authority":[7]
		none of the methods,"tkauth-type":"other","token-authority":"https://localhost/x"
		none of the methods,"token-authority":"https://localhost/x"
		none of the methods,"tkauth-type":7
	EOR
	# nor for what the CA calls a host name
	pending 'authz * set identifier {"type":"dns","value":"MAigBhYENzA5Sg"}'
	run -2 --separate-stderr calls
	oneline 'carrier: ' 'MAigBhYENzA5Sg, which was not ordered'
	unasked
	# what was not ordered
	for identifier in '{"type":"TNAuthList","value":"MAigBhYENzA5Sg"}' \
	    '{"type":"TNAuthList","value":"MAigBhYEODE4SA=="}'; do
		pending "authz * set identifier $identifier"
		run -2 --separate-stderr calls
		oneline 'carrier: ' 'which was not ordered'
		unasked
	done
	pending "authz * set identifier {\"type\":\"TNAuthList\",\"value\":\"$LIST\"}" \
	    "$(offer '"tkauth-type":"atc"')"
	run -2 --separate-stderr cert-acme -A mock -m tkauth:spc-token \
	    -s www.example.test www
	oneline 'www: ' 'which was not ordered'
	unasked
	# none need be named
	pending "$(offer '"tkauth-type":"atc"')"
	run -2 --separate-stderr calls
	[ "$(sed -n 6p words)" = '' ]
	[ "$(wc -l <words)" -eq 6 ]
}

@test "programs that print no token: what they print is not shown or sent" {
	while IFS=, read -r words line; do
		program "$line"
		pending
		run -2 --separate-stderr calls -v
		oneline 'carrier: tkauth:spc-token: ' "$words"
		[[ $stderr$output != *eyJ* ]]
		[ -e words ]
		[ "$(asked challenge)" -eq 0 ]
	done <<-EOR
		printed no token,:
		printed no token,echo
		is not a token,echo eyJh
		is not a token,echo eyJh.eyJh
		is not a token,echo eyJh.eyJh.eyJh.eyJh
		is not a token,echo eyJh..eyJh
		is not a token,echo .eyJh.eyJh
		is not a token,echo eyJh.eyJh.
		is not a token,echo $TOKEN; echo
		is not a token,echo; echo $TOKEN
		is not a token,echo ' $TOKEN'
		is not a token,echo '$TOKEN"}{'
		is not a token,printf '$TOKEN\\r\\n'
		is not a token,printf '$TOKEN\\000eyJ\\n'
		is not a token,printf '$TOKEN\\033[2J'
		more than a token,printf 'eyJ.eyJ.'; head -c 65536 /dev/zero | tr '\\0' A
		more than a token,printf 'eyJ.eyJ.'; head -c 999999 /dev/zero | tr '\\0' A
		exit status 7,echo $TOKEN; exit 7
		ended by signal 9,echo $TOKEN; kill -9 \$\$
	EOR
	# a chain in its header makes it long
	program "printf 'eyJ.eyJ.'; head -c 12000 /dev/zero | tr '\\0' A"
	run -2 --separate-stderr calls
	oneline 'carrier: ' '"not a token for this" (unauthorized)'
	# what it has to say is for people
	program 'echo why >&2' 'exit 3'
	run -2 --separate-stderr calls
	[ "${stderr_lines[0]}" = 'cert-acme: spc-token: why' ]
	[ "${stderr_lines[1]}" = 'cert-acme: carrier: tkauth:spc-token: token tkauth-01 '$LIST': exit status 3' ]
	# the authority does not know us
	asking
	echo 'Authorization: Bearer other' >header
	run -2 --separate-stderr calls
	[[ $stderr == *'spc-token: curl: '*401* ]] || fail "$stderr"
	[ "$(state carrier status)" != processing ]
}

@test "a program that hangs ends with us" {
	program 'echo $$ >'"'$PWD/pid'" 'exec sleep 3600'
	pending
	cert-acme -A mock -P shaken -s spc:818H -m tkauth:spc-token carrier \
	    >out 2>&1 3>&- &
	until [ -s pid ]; do
		sleep 0.02
	done
	kill "$!"
	status=0
	wait "$!" || status=$?
	[ "$status" -eq 2 ]
	grep 'interrupted: what was set up is undone' out
	! kill -0 "$(cat pid)" 2>/dev/null || false
}

@test "the program is as safe as a hook, or no token is asked for" {
	pending
	run -2 --separate-stderr calls
	oneline 'tkauth:spc-token: there is no such hook'
	asking
	chmod 775 "$CERTSTORE/hooks/spc-token"
	run -2 --separate-stderr calls
	oneline 'carrier: ' 'others can change it'
	chmod 755 "$CERTSTORE/hooks/spc-token"
	chmod 640 "$CERTSTORE/hooks/spc-token.env"
	run -2 --separate-stderr calls
	oneline 'carrier: ' 'others can read it'
	unasked
	run -2 --separate-stderr cert-acme -n -A mock -P shaken -s spc:818H \
	    -m tkauth:other carrier
	oneline 'carrier: tkauth:other: there is no such hook'
}

@test "hostile certificates: what signs calls is what it was" {
	asking
	pending
	calls -s tel:12155550199
	was=$(print carrier)
	while IFS=, read -r words rule; do
		cp -a "$CERTSTORE" "$CERTSTORE.case"
		pending "$rule"
		CERTSTORE=$CERTSTORE.case run -2 --separate-stderr renew carrier
		[ -z "$output" ]
		oneline 'carrier: ' "$words"
		[ "$(CERTSTORE=$CERTSTORE.case print carrier)" = "$was" ]
		pki entry "$CERTSTORE.case/certs/carrier"
		rm -rf "$CERTSTORE.case"
	done <<-EOR
		does not sign calls for 818H,finalize * issue $OTHER
		does not sign calls for 12155550199,finalize * issue $NARROWER
		does not sign calls for 818H,finalize * issue $BAD
		sent a certificate that does not sign calls,finalize * issue subjectAltName=DNS:www.example.test
		the certificate of a CA,finalize * issue basicConstraints=critical,CA:TRUE
	EOR
	# wider
	pending
	run -0 cert-acme -f -P shaken -s spc:818H carrier
	was=$(print carrier)
	pending "finalize * issue $WIDER"
	run -2 --separate-stderr renew carrier
	oneline 'its new certificate is held: signs calls for 709J, which was not requested'
	[ "$(print carrier)" = "$was" ]
	run -0 cert-renew -f carrier
	[ "$(cert-show -o spc carrier)" = 818H,709J ]
	# and a server gets no certificate for calls
	rules "finalize * issue subjectAltName=DNS:www.example.test $OTHER"
	run -2 --separate-stderr order www
	oneline 'www: the CA sent a certificate that signs calls'
	! cert-match www.example.test >/dev/null || false
}

@test "hosts and calls do not mix" {
	asking
	pending
	order www >/dev/null
	refused() {
		local words=$1

		shift
		: >"$mock/log"
		run -2 --separate-stderr "$@"
		oneline "$words"
		[ "$(asked order)" -eq 0 ]
	}
	calls >/dev/null
	refused 'www: does not sign calls: use another entry' \
	    cert-acme -P shaken -s spc:818H -m tkauth:spc-token www
	refused 'carrier: signs calls: use another entry' \
	    cert-acme -P server -s www.example.test carrier
	refused 'carrier: a certificate that signs calls has no host names' \
	    cert-acme -u -s www.example.test carrier
	refused 'has no host names' calls -f -s www.example.test
	refused 'add -P shaken' cert-acme -u -s spc:709J carrier
	refused 'p256' calls -f -t p384
	refused 'carrier: calls are signed by ES256' cert-acme -f -t p384 carrier
	refused 'would sign calls for nobody' \
	    cert-acme -A mock -P shaken -m tkauth:spc-token new
	refused 'use the profile server or shaken' \
	    cert-acme -A mock -P client -s www.example.test -m "webroot:$PWD" new
	refused 'unknown profile' cert-acme -A mock -P other new
	# no method for it
	rules 'order * state pending'
	run -2 --separate-stderr cert-acme -A mock -P shaken -s spc:818H \
	    -m "webroot:$PWD" new
	oneline 'new: TNAuthList: none of the methods can do a challenge'
}

@test "recipe 15 of certstore(7)" {
	base=${directory%/dir}
	printf 'header = "Authorization: Bearer s3cret"\ncacert = "%s"\n' \
	    "$shared/bed.crt" >spc-token.curl
	rules 'order * state pending'
	network 15 | sed -e "s|/var/lib/certstore|$CERTSTORE|" \
	    -e "s|/etc/certstore|$PWD|" \
	    -e "s|https://authority.example.org|$base|" \
	    -e "s|new sti directory=.*|-T $shared/bed.crt new sti directory=$directory|" \
	    >lines
	run -0 --separate-stderr bash -eu lines
	[ "${lines[-1]}" = carrier ]
	[ -z "$stderr" ] || fail "$stderr"
	grep -qF 'at {"tktype": "TNAuthList", "tkvalue": "'$LIST'", "fingerprint": "SHA256 ' \
	    "$mock/log"
	[ "$(asked challenge)" -eq 1 ]
	[ "$(cert-show -o kind,spc carrier)" = $'shaken\t818H' ]
	run -0 renew carrier
	[ "$output" = carrier ]
}
