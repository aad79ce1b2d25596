#!/usr/bin/env bats
# acmemock.bats: cert-acme at an ACME server that does what no packaged one
# does, see tests/acmemock.

# shellcheck disable=SC2154  # run --separate-stderr sets stderr

load helper
load pki
load acmemock
load examples

@test "the window of the CA: drawn once, asked again, moved, in the past" {
	window() {
		printf 'ari * set suggestedWindow {"start":"%s","end":"%s"}\n' \
		    "$(at "$1")" "$(at "$2")"
	}
	order www
	rules "$(window '20 days' '22 days')" 'ari * header Retry-After 21600'
	run -0 --separate-stderr cert-acme -u www
	[ -z "$output$stderr" ]
	[ "$(asked ari)" -eq 1 ]
	point=$(state www ari-point)
	[ "$point" -ge "$(state www ari-start)" ]
	[ "$point" -le "$(state www ari-end)" ]
	next=$(($(state www ari-next) - $(date +%s)))
	[ "$next" -gt 21500 ] && [ "$next" -le 21600 ]
	# not asked again before that
	run -0 cert-acme -u www
	[ "$(asked ari)" -eq 1 ]
	# asked again: the same point
	setstate www ari-next 1
	run -0 --separate-stderr cert-acme -u www
	[ "$(asked ari)" -eq 2 ]
	[ "$(state www ari-point)" -eq "$point" ]
	[ -z "$stderr" ]
	# Retry-After as a date, or beyond a day or under a minute
	for retry in "$(date -u -d '3 hours' '+%a, %d %b %Y %T GMT'):10800" \
	    999999999999:86400 1:60 0:60 -1:21600 \
	    'Thu, 01 Jan 1970 00:00:00 GMT:21600' 'soon:21600'; do
		rules "$(window '20 days' '22 days')" \
		    "ari * header Retry-After ${retry%:*}"
		setstate www ari-next 1
		run -0 --separate-stderr cert-acme -u www
		next=$(($(state www ari-next) - $(date +%s)))
		[ "$next" -gt "$((${retry##*:} - 10))" ] &&
		    [ "$next" -le "$((${retry##*:} + 1))" ] ||
		    fail "$retry: $next"
	done
	# the window moved into the past: now, and why
	rules "$(window '-2 days' '-1 day')" \
	    'ari * set explanationURL "https://ca.example/why"'
	setstate www ari-next 1
	was=$(print www)
	run -0 --separate-stderr cert-acme -u www
	[ "$output" = www ]
	oneline https://ca.example/why
	[ "$(asked order)" -eq 1 ]
	[[ $(grep '^order ' "$mock/log") == *'"replaces": "'* ]]
	[ "$(print www)" != "$was" ]
	[ -z "$(state www ari-point)" ]
}

@test "a key that the CA does not want any more is not used again" {
	spki() {
		cert-show -o spki www
	}
	order www keepkey=yes >/dev/null
	was=$(spki)
	run -0 renew www
	[ "$(spki)" = "$was" ]
	# when the request is sent, or found bad later
	for refusal in 'finalize 1 problem 400 badPublicKey' \
	    'finalize 1 problem 400 badCSR' 'poll 1 set error {"type":"urn:ietf:params:acme:error:badPublicKey"}'; do
		rules "$refusal" 'finalize * state processing' \
		    'poll 1 state invalid'
		run -2 --separate-stderr renew www
		oneline 'www: ' 'bad' ': the next key is new'
		rules
		run -0 renew www
		[ "$(spki)" != "$was" ]
		was=$(spki)
		run -0 renew www
		[ "$(spki)" = "$was" ] || fail "not kept after $refusal"
	done
	# the window moved into the past: perhaps it was revoked
	moved() {
		printf 'ari * set suggestedWindow {"start":"%s","end":"%s"}\n' \
		    "$(at "$1")" "$(at "$2")"
	}
	rules "$(moved '20 days' '22 days')"
	run -0 cert-acme -u www
	setstate www ari-next 1
	rules "$(moved '-2 days' '1 day')"
	setstate www ari-point 1
	run -0 cert-acme -u www
	[ "$(spki)" = "$was" ]
	rules "$(moved '20 days' '22 days')"
	run -0 cert-acme -u www
	setstate www ari-next 1
	rules "$(moved '-2 days' '-1 day')"
	run -0 --separate-stderr cert-acme -u www
	[ "$output" = www ]
	[[ $stderr == *"www: the CA has moved its renewal to the past: the next key is new" ]]
	[ "$(spki)" != "$was" ]
	# asked for the first time it is no move
	was=$(spki)
	run -0 cert-acme -u www
	[ "$output" = www ]
	[ "$(spki)" = "$was" ]
}

@test "a certificate that was replaced: the CA is not asked about it" {
	order www >/dev/null
	was=$(print www)
	run -0 renew www
	cert-revert -q www 2>/dev/null
	[ "$(print www)" = "$was" ]
	cert-set -q www hold=
	rules
	run -0 cert-acme -u www
	run -0 later 25200 cert-renew
	[ "$(asked ari || :)" -eq 0 ]
	run -0 cert-acme -f www
	[ "$(asked order)" -eq 1 ]
	[[ $(cat "$mock/log") != *replaces* ]]
	# the next one is as any
	rules
	run -0 cert-acme -u www
	[ "$(asked ari)" -eq 1 ]
	run -0 cert-acme -f www
	[[ $(cat "$mock/log") == *replaces* ]]
}

@test "a run makes at most 100 orders" {
	local i names=()

	cert-create -s a.example.test e1
	cert-set -q e1 acme=mock method="webroot:$PWD"
	for i in $(seq 102); do
		names+=("n$i")
	done
	for i in "${names[@]}"; do
		cert-create -q -s "$i.example.test" "$i"
	done
	printf '%s\n' "${names[@]}" |
	    cert-set -q - acme=mock method="webroot:$PWD"
	rules 'order * problem 400 malformed'
	run -0 --separate-stderr cert-renew -e 1000d
	[ "$(asked order)" -eq 100 ]
	[[ $stderr == *'cert-acme: 3 more are due: the next run continues' ]] ||
	    fail "${stderr##*$'\n'}"
	run -0 --separate-stderr cert-renew -e 1000d
	[ "$(asked order)" -eq 103 ]
}

@test "no window: one that ends before it begins, none, an error" {
	order www
	for bad in 'ari * set suggestedWindow {"start":"2030-01-02T00:00:00Z","end":"2030-01-01T00:00:00Z"}' \
	    'ari * set suggestedWindow []' 'ari * body 200 text/html html' \
	    'ari * problem 404 malformed' 'ari * problem 500 serverInternal' \
	    'ari * set explanationURL "http://x\u0000\n"'; do
		rules "$bad"
		run -0 --separate-stderr cert-acme -u www
		[ -z "$output$stderr" ] || fail "$bad: $output$stderr"
		[ "$(asked ari)" -eq 1 ]
		[ -z "$(state www ari-point)" ]
		next=$(($(state www ari-next) - $(date +%s)))
		[ "$next" -gt 21000 ] && [ "$next" -le 21600 ]
		setstate www ari-next 1
	done
	# for a day: once
	rules 'ari * problem 404 malformed'
	[ -n "$(state www ari-failed)" ]
	setstate www ari-failed $(($(date +%s) - 86401))
	run -0 --separate-stderr cert-acme -u www
	oneline 'www: for a day the CA has not said when it wants a renewal: ' \
	    'the mock says so'
	setstate www ari-next 1
	run -0 --separate-stderr cert-acme -u www
	[ "$(asked ari)" -eq 2 ]
	[ -z "$stderr" ]
	rules "ari * set suggestedWindow {\"start\":\"$(at '20 days')\",\"end\":\"$(at '22 days')\"}"
	setstate www ari-next 1
	run -0 --separate-stderr cert-acme -u www
	[ -z "$stderr$(state www ari-failed)" ]
	setstate www ari-next 1
	# a server without
	rules 'dir * set renewalInfo null'
	run -0 --separate-stderr cert-acme -u www
	[ "$(asked ari)" -eq 0 ]
	[ -z "$(state www ari-next)" ]
}

@test "profiles of the CA" {
	rules 'dir * set meta {"profiles":{"classic":"x","shortlived":"y"}}'
	run -0 order www acmeprofile=shortlived
	[[ $(grep '^order ' "$mock/log") == *'"profile": "shortlived"'* ]]
	# kept
	run -0 renew www
	[[ $(grep '^order ' "$mock/log" | tail -1) == *'"profile": "shortlived"'* ]]
	rules 'dir * set meta {"profiles":{"classic":"x","tlsserver":"y"}}'
	run -2 --separate-stderr renew www
	oneline shortlived 'classic, tlsserver'
	[ "$(asked order)" -eq 0 ]
}

@test "Retry-After of orders and authorizations, and processing for a while" {
	soon=$(date -u -d '2 seconds' '+%a, %d %b %Y %T GMT')
	rules 'order * state pending' "authz 2 header Retry-After $soon" \
	    'authz 2 state processing' 'authz 2 state pending' \
	    'challenge * header Retry-After 1' 'authz 3 state valid' \
	    'finalize * state processing' 'poll 2 state processing' \
	    'poll 2 header Retry-After 1'
	run -0 --separate-stderr cert-acme -A mock -m "webroot:$PWD" \
	    -s 127.0.0.1 addr
	[ "$output" = addr ]
	[ "$(asked authz)" -eq 3 ]
	[ "$(asked poll)" -eq 3 ]
	[ ! -e .well-known ]
	# that of the answer to the request, before the first poll
	rules 'finalize * state processing' 'finalize * header Retry-After 1'
	began=$(date +%s%3N)
	run -0 renew addr
	[ "$(asked poll)" -eq 1 ]
	[ "$(($(date +%s%3N) - began))" -ge 500 ]
	rules 'finalize * state processing' 'finalize * header Retry-After 3000'
	run -2 --separate-stderr renew -W 20 addr
	oneline 'addr: ' 'not done yet'
	[ "$(asked poll)" -eq 0 ]
	rules
	run -0 renew addr
	[ "$(asked order)" -eq 0 ]
	# a signal ends that
	rules 'finalize * state processing' 'poll * state processing' \
	    'poll * header Retry-After 500'
	cert-acme -A mock -m "webroot:$PWD" -s int.example.test int \
	    >out 2>&1 3>&- &
	until [ "$(asked poll)" -eq 1 ]; do
		sleep 0.02
	done
	sleep 0.1
	kill "$!"
	status=0
	wait "$!" || status=$?
	[ "$status" -eq 2 ]
	grep 'interrupted: what was set up is undone' out
	# it takes longer than we have: the next run takes it, without an order
	rules 'finalize * state processing' 'poll * state processing' \
	    'poll * header Retry-After 3000'
	run -2 --separate-stderr order www -W 20
	oneline 'www: ' 'not done yet'
	[ "$(asked poll)" -eq 1 ]
	cp "$CERTSTORE/certs/www/request.key" key
	rules
	run -0 --separate-stderr cert-acme -u www
	[ "$output" = www ]
	[ "$(asked order)" -eq 0 ]
	[ "$(asked finalize)" -eq 0 ]
	cmp key "$CERTSTORE/certs/www/privkey.pem"
}

@test "a limit of the account stops all orders there, which is no failure" {
	for name in a b c d e; do
		order "$name" >/dev/null
	done
	rules 'order 3- problem 429 rateLimited' \
	    'order 3- header Retry-After 7200'
	export CERTSTORE_RENEWAL=1
	run -0 --separate-stderr renew a b c d e
	[ "$output" = $'a\nb' ]
	oneline 'mock: 3 wait until ' 'the mock says so'
	[ "$(asked order)" -eq 3 ]
	cert-account show mock | grep '^retry'
	nofailure
	# nor does the next process, or with other names
	run -0 --separate-stderr renew c d
	oneline 'mock: 2 wait until '
	[ "$(asked order)" -eq 3 ]
	unset CERTSTORE_RENEWAL
	# by hand it is not what was asked for
	run -2 --separate-stderr renew c
	oneline 'mock: 1 wait until ' 'an earlier run'
	[ "$(asked order)" -eq 3 ]
	rules
	run -0 --separate-stderr cert-acme -f c
	[ "$output" = c ]
}

@test "a limit of a name is of its entry alone" {
	for name in a b c; do
		order "$name" >/dev/null
	done
	rules 'order 1 problem 429 rateLimited {"subproblems":[{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many for a","identifier":{"type":"dns","value":"a.example.test"}}]}' \
	    'order 1 header Retry-After 7200'
	run -2 --separate-stderr renew a b c
	[ "$output" = $'b\nc' ]
	oneline 'a: ' 'a.example.test: "too many for a" (rateLimited)'
	! cert-account show mock | grep '^retry' || false
}

@test "a server that is down: no failure of the entries" {
	order a
	order b
	for rule in 'order * problem 503 serverInternal' \
	    'dir * problem 500 serverInternal' \
	    'nonce * body 502 text/html html'; do
		rules "$rule"
		cp -a "$CERTSTORE" "$CERTSTORE.down"
		CERTSTORE_RENEWAL=1 CERTSTORE=$CERTSTORE.down \
		    run -0 --separate-stderr renew a b
		[ -z "$output" ]
		oneline 'mock: 2 wait until ' localhost
		CERTSTORE=$CERTSTORE.down nofailure
		[ "$(asked order)" -le 1 ]
		rm -rf "$CERTSTORE.down"
	done
	# with the order of one name, others are not kept waiting
	for rule in 'authz 1 problem 503 serverInternal' \
	    'finalize 1 problem 500 serverInternal'; do
		case $rule in
		authz*) rules "$rule" 'order 1 state pending' ;;
		*) rules "$rule" ;;
		esac
		cp -a "$CERTSTORE" "$CERTSTORE.down"
		CERTSTORE_RENEWAL=1 CERTSTORE=$CERTSTORE.down \
		    run -0 --separate-stderr renew a b
		[ "$output" = b ]
		oneline 'a: ' serverInternal 'failed 1 times'
		[ "$(ls "$CERTSTORE.down/renewal")" = a ]
		rm -rf "$CERTSTORE.down"
	done
}

@test "what replaces nothing: one order without it" {
	order www
	for type in '409 alreadyReplaced' '409 conflict' '400 malformed' \
	    '404 malformed'; do
		rules "order 1 problem $type"
		run -0 --separate-stderr renew www
		[ "$output" = www ]
		[ "$(asked order)" -eq 2 ]
		grep '^order ' "$mock/log" >orders
		[ "$(grep -c '"replaces": ' orders)" -eq 1 ]
		[[ $(head -1 orders) == *'"replaces": '* ]]
	done
	rules 'order * problem 400 malformed'
	run -2 --separate-stderr renew www
	oneline malformed
	[ "$(asked order)" -eq 2 ]
	# a limit is another matter
	rules 'order * problem 429 rateLimited'
	run -2 --separate-stderr renew www
	[ "$(asked order)" -eq 1 ]
}

@test "an order of an earlier run that is gone" {
	order www
	for gone in 'poll 1 problem 404 malformed' 'poll 1 state invalid' \
	    'poll 1 problem 403 orderNotReady' 'poll 1 set status "expired"'; do
		was=$(print www)
		rules 'finalize * state processing' 'poll * state processing' \
		    'poll * header Retry-After 3000'
		run -2 --separate-stderr renew www
		rules "$gone"
		run -0 --separate-stderr renew www
		[ "$output" = www ] || fail "$gone: $stderr"
		[ -z "$stderr" ]
		[ "$(asked order)" -eq 1 ]
		[ "$(print www)" != "$was" ]
	done
	# perhaps it was carried out
	rules 'finalize 1 problem 500 serverInternal'
	run -2 renew www
	sed -i '/^retry/d' "$CERTSTORE/acme/accounts/mock/account"
	run -0 renew www
	[ "$(asked order)" -eq 1 ]
	# a server that is down has not lost it
	rules 'finalize * state processing' 'poll * state processing' \
	    'poll * header Retry-After 3000'
	run -2 renew www
	url=$(state www url)
	rules 'poll * problem 500 serverInternal'
	run -2 renew www
	[ "$(state www url)" = "$url" ]
	rules
	sed -i '/^retry/d' "$CERTSTORE/acme/accounts/mock/account"
	run -0 renew www
	[ "$(asked order)" -eq 0 ]
}

@test "terms to be read and a closed account: one line, no further order" {
	for name in a b c; do
		order "$name" >/dev/null
	done
	rules 'order * problem 403 userActionRequired {"instance":"https://ca.example/terms-2"}'
	for CERTSTORE_RENEWAL in '' 1; do
		[ -z "$CERTSTORE_RENEWAL" ] || export CERTSTORE_RENEWAL
		run -2 --separate-stderr renew a b c
		oneline 'mock: ' https://ca.example/terms-2
	done
	[ "$(asked order)" -eq 2 ]
	rules 'order 2- problem 403 unauthorized' \
	    'acct * set status "deactivated"' \
	    'account * problem 403 unauthorized'
	run -2 --separate-stderr renew a b c
	[ "$output" = a ]
	oneline 'mock: ' deactivated
	[ "$(asked order)" -eq 2 ]
	nofailure
	run -2 --separate-stderr renew a b c
	oneline 'mock: ' deactivated
	[ "$(asked order)" -eq 2 ]
	cert-verify -q -T "$mock/root.crt" a b c
}

@test "a nonce that is never good: it ends; an account that was lost" {
	order www
	rules 'order 1 problem 400 accountDoesNotExist'
	run -0 --separate-stderr renew www
	[ "$output" = www ]
	oneline 'mock: the CA did not know the account any more'
	rules 'order * problem 400 badNonce'
	run -2 --separate-stderr renew www
	oneline badNonce
	[ "$(asked order)" -gt 20 ]
	[ "$(asked order)" -le 300 ]
}

# wish: its next order is for an address, too, which cannot be had.
wish() {
	rules 'order 1 state pending' 'authz 1 state valid' 'authz 3- state invalid' \
	    'authz 3- set challenges [{"type":"http-01","url":"BASE/challenge/0","status":"invalid","token":"x","error":{"type":"urn:ietf:params:acme:error:connection","detail":"no answer"}}]'
}

@test "a name that cannot be had: tried again, and others are renewed in time" {
	order www >/dev/null
	was=$(print www)
	wish
	run -2 --separate-stderr cert-acme -f -s www.example.test -s 127.0.0.1 www
	oneline 'www: 127.0.0.1: CA says "no answer" (connection) (http-01)'
	key=$(sha256sum <"$CERTSTORE/certs/www/request.key")
	[[ $(cert-list -o order www) == 'pending since '20*Z ]]
	run -0 cert-renew -n
	[[ $output == www$'\t'due$'\t'*$'\t'waiting ]] || fail "$output"
	# there is time: the names that it has are not ordered
	wish
	run -0 --separate-stderr cert-renew
	oneline 'www: 127.0.0.1: CA says ' 'failed 1 times'
	[[ $(cert-list -o order www) == 'failed since '20*Z ]]
	[ "$(asked order)" -eq 1 ]
	[ "$(print www)" = "$was" ]
	[ "$(sha256sum <"$CERTSTORE/certs/www/request.key")" = "$key" ]
	rm "$CERTSTORE/renewal/www"
	rules
	run -0 --separate-stderr cert-renew
	[ "$output" = www ]
	[ "$(cert-list -o names,order www)" = $'www.example.test,127.0.0.1\t' ]
	run -0 cert-renew -n
	[[ $output == www$'\t'later$'\t'* ]] || fail "$output"

	# the same when the certificate is about to expire
	rules "finalize * issue from=$(stamp '-80 days') to=$(stamp '10 days')"
	order late >/dev/null
	was=$(print late)
	wish
	run -2 cert-acme -f -s late.example.test -s 127.0.0.1 late
	key=$(sha256sum <"$CERTSTORE/certs/late/request.key")
	wish
	run -0 --separate-stderr cert-renew
	[ "$output" = late ] || fail "$stderr"
	oneline 'late: 127.0.0.1: CA says "no answer"' \
	    ': renewed with the names that it had'
	[ "$(asked order)" -eq 2 ]
	[ "$(print late)" != "$was" ]
	[ "$(cert-list -o names late)" = late.example.test ]
	[ "$(sha256sum <"$CERTSTORE/certs/late/privkey.pem")" != "$key" ]
	[ ! -e "$CERTSTORE/certs/late/request.key" ]
	# the wish is that of the next order
	run -0 cert-renew
	[ -z "$output" ]
	rules
	run -0 renew late
	[ "$(cert-list -o names late)" = late.example.test,127.0.0.1 ]
	[ -z "$(state late wish)" ]
}

@test "another intermediate each time, 64 days instead of 90: taken" {
	rules "finalize 1 issue ca=inter1 from=$(stamp '-80 days') to=$(stamp '10 days')" \
	    "finalize 2 issue ca=inter2 from=$(stamp '-40 days') to=$(stamp '24 days')" \
	    'finalize 3 issue ca=inter1 days=45'
	order www
	run -0 --separate-stderr cert-acme -u www
	[ "$output" = www ]
	oneline 'www: is valid for 64 days, not 90 as before'
	run -0 --separate-stderr renew www
	[ "$output" = www ]
	oneline 'www: is valid for 45 days, not 64 as before'
	pki entry "$CERTSTORE/certs/www"
	cert-verify -q -T "$mock/root.crt" www
}

@test "a CA that issues by its root, which it does not send: taken" {
	rules 'finalize * issue ca=root'
	run -0 --separate-stderr order www
	[ "$output" = www ]
	[ -z "$stderr" ]
	cert-verify -q -T "$mock/root.crt" www
	run -0 --separate-stderr renew www
	[ -z "$stderr" ]
}

@test "cert-renew -f takes what is held, without the CA" {
	order www >/dev/null
	rules 'finalize * issue subjectAltName=DNS:www.example.test,DNS:bank.example.test'
	run -2 --separate-stderr renew www
	oneline 'www: ' 'held: covers bank.example.test' 'cert-renew -f www'
	rules
	run -0 --separate-stderr cert-renew -f www
	[ "$output" = www ]
	[ ! -s "$mock/log" ]
	[ "$(cert-show -o names www)" = www.example.test,bank.example.test ]
}

@test "a name that is added is ordered, though nothing is due" {
	order www >/dev/null
	rules
	run -0 --separate-stderr cert-acme -u -s www.example.test \
	    -s alt.example.test www
	[ "$output" = www ]
	[ "$(cert-show -o names www)" = www.example.test,alt.example.test ]
	run -0 cert-acme -u -s alt.example.test www
	[ -z "$output" ]
	[ "$(asked order)" -eq 1 ]
}

@test "hostile certificates: the entry is what it was" {
	order www -s alt.example.test >/dev/null
	was=$(print www)
	key other.p256
	mv other.p256.key "$mock/new.key"
	while read -r rule; do
		cp -a "$CERTSTORE" "$CERTSTORE.case"
		rules "${rule%|*}" "${rule#*|}"
		CERTSTORE=$CERTSTORE.case run --separate-stderr renew www
		[ "$status" -eq 2 ] || fail "$rule: status $status: $output$stderr"
		[ -z "$output" ]
		oneline 'cert-acme: www'
		[ "$(CERTSTORE=$CERTSTORE.case print www)" = "$was" ]
		pki entry "$CERTSTORE.case/certs/www"
		rm -rf "$CERTSTORE.case"
	done <<-'EOR'
		finalize * issue key=new.key
		finalize * issue subjectAltName=DNS:www.example.test
		finalize * issue subjectAltName=DNS:www.example.test,DNS:alt.example.test,DNS:bank.example.test
		finalize * issue basicConstraints=critical,CA:TRUE
		finalize * issue from=20200101000000Z to=20210101000000Z
		finalize * append large
		finalize * append above
		finalize * issue ca=last|finalize * append above
		finalize * append other.crt
		finalize * append root.key
		cert * body 200 text/html html
		cert * body 200 application/pem-certificate-chain root.crt
		cert * body 200 application/pem-certificate-chain new.key
		cert * body 204 text/plain html
		order * body 200 text/html html
		order * body 204 text/plain html
		poll * body 200 text/html html|finalize * state processing
		finalize * body 200 text/html html
		finalize * set certificate "http://localhost/cert"
		finalize * set certificate "https://127.0.0.1:1/cert"
		finalize * set status "done\n\u001b[2J"
		order * header Location http://localhost/order
		order * header Location https://127.0.0.1:1/order
		order * header Location
		order * set finalize "https://127.0.0.1:1/finalize"
		order * set authorizations ["file:///etc/passwd"]
		order * set authorizations []
		finalize * set status "ready"
		order * problem 403 x {"type":"un\u001b[2J\r\nwww","detail":"x\n\u001b[31my"}
	EOR
}

@test "hostile tokens never become a path" {
	order www >/dev/null
	was=$(print www)
	for token in '"../../etc/x"' "\"$(printf 'a%.0s' $(seq 300))\"" '""' \
	    '"a/b"' '"a\u0000b"' '"a\nb"' '[]' null 7 '"-\u00e9"'; do
		rules 'order * state pending' \
		    "authz * set challenges [{\"type\":\"http-01\",\"url\":\"BASE/challenge/0\",\"status\":\"pending\",\"token\":$token}]"
		run -2 --separate-stderr renew www
		oneline 'www: '
		[ "$(asked challenge)" -eq 0 ]
		[ -z "$(ls -A)" ]
	done
	[ "$(print www)" = "$was" ]
}

@test "an authorization for what was not ordered: no hook is run" {
	printf '#!/bin/sh\nprintf "%%s\\n" "$*" >>%s\n' "$PWD/words" >hook
	chmod 755 hook
	for value in other.test 'www.example.test\nx' '$(id).www.example.test' \
	    -h xample.test .test ''; do
		rules 'order * state pending' \
		    "authz * set identifier {\"type\":\"dns\",\"value\":\"$value\"}"
		run -2 --separate-stderr cert-acme -A mock \
		    -m "hook:http-01:$PWD/hook" -s www.example.test www
		oneline 'www: ' 'which was not ordered'
		[ ! -e words ] || fail "$value: $(cat words)"
	done
	# a CA may want to see the domain, RFC 8555 section 7.1.3
	rules 'order * state pending' \
	    'authz * set identifier {"type":"dns","value":"Example.test"}'
	run cert-acme -f -A mock -m "hook:http-01:$PWD/hook" www
	grep -q '^add http-01 Example.test ' words
}

@test "fields of an answer that make no sense are as if they were missing" {
	order www >/dev/null
	for retry in 0 -1 'Thu, 01 Jan 1970 00:00:00 GMT' garbage '1 1' \
	    '99999999999999999999x'; do
		rules 'finalize * state processing' \
		    "finalize * header Retry-After $retry" \
		    "poll * header Retry-After $retry"
		run -0 --separate-stderr renew www
		[ "$output" = www ]
		[ -z "$stderr" ]
	done
	rules 'finalize * state processing' 'poll * state processing' \
	    "poll * header Retry-After 1000000000000"
	run -2 --separate-stderr renew www
	oneline 'www: '
	[ "$(asked poll)" -eq 1 ]
	rules
	# links that lead to themselves or away, a nonce that is none
	cert-set -q www chain='no such CA'
	rules 'cert * header Link <BASE/cert/1>;rel="alternate", <https://127.0.0.1:1/x>;rel=alternate, <>;rel=alternate, <x' \
	    'order * header Replay-Nonce a\r\n b'
	run -0 --separate-stderr renew www
	[ "$output" = www ]
	oneline 'the CA offers no chain with "no such CA"'
	[ "$(asked cert)" -le 4 ]
}

@test "cert-renew -f without names orders nothing that is not due" {
	order www >/dev/null
	cert-acme -u www
	[ -n "$(state www ari-next)" ]
	rules
	run -0 --separate-stderr later 25200 cert-renew -f
	[ -z "$output$stderr" ]
	run ! grep . "$mock/log"
	run -0 later 25200 cert-renew
	[ "$(asked ari)" -eq 1 ]
}

@test "cert-acme ends with the cert-renew that runs it" {
	order www >/dev/null
	rules 'finalize * state processing' 'poll * state processing'
	cert-renew -f www >/dev/null 2>&1 3>&- &
	until grep -q '^finalize' "$mock/log"; do sleep 0.02; done
	child=$(cat "/proc/$!/task/$!/children")
	kill -KILL "$!"
	for i in $(seq 1000); do
		kill -0 $child 2>/dev/null || return 0
		sleep 0.05
	done
	fail "cert-acme still runs: try $i"
}

@test "an account whose file is empty" {
	: >"$CERTSTORE/acme/accounts/mock/account"
	run -0 cert-account list
	[ "$output" = $'mock\tincomplete\t' ]
}

@test "an account by the name of a CA, which has no account yet" {
	export HTTPS_PROXY=http://127.0.0.1:1
	run -2 --separate-stderr cert-acme -y -A letsencrypt \
	    -m "webroot:$PWD" www.example.test
	oneline 'https://acme-v02.api.letsencrypt.org/directory: '
	run -2 --separate-stderr cert-acme -y -A nosuch -m "webroot:$PWD" \
	    www.example.test
	oneline 'account nosuch: does not exist: use one that cert-account list prints'
}

@test "dns-persist: the record that is missing is printed" {
	rules 'order * state pending' 'authz * set challenges [{"type":"dns-persist-01","status":"pending","url":"BASE/challenge/0","issuer-domain-names":["ca.example.test"]}]'
	run -0 --separate-stderr cert-acme -v -A mock -m dns-persist \
	    -s www.example.test www
	oneline '_validation-persist.www.example.test. IN TXT "ca.example.test; accounturi=' \
	    "${directory%/dir}/acct/1\""
}

@test "recipe 13: Let's Encrypt in two commands, and other CAs" {
	local files=$BATS_TEST_TMPDIR/files

	mkdir -p "$files/html" "$CERTSTORE/hooks"
	cp "$shared/bed.crt" "$files/lab.pem"
	echo key >"$files/acme.key"
	printf '#!/bin/sh\nexit 0\n' >"$CERTSTORE/hooks/nsupdate"
	chmod 755 "$CERTSTORE/hooks/nsupdate"
	cert-account -qy -T "$shared/bed.crt" new letsencrypt \
	    directory="$directory"
	# README begins with the same two commands
	awk '/^Let.s Encrypt, in two commands$/ { on = 1 } /^What a / { on = 0 }
	    on && sub(/^    /, "")' "$ROOT/README" >two
	network 13 | head -n 2 | diff - two
	network 13 | sed -e "s|/var/www/html|$files/html|" \
	    -e 's|-m http |-m http:5002 |' -e "s|/etc/certstore/|$files/|g" \
	    -e "s|https://ca.lab.example.com/acme/acme/directory|$directory|" \
	    >lines
	sh -eu lines >said
	for name in www.example.com mail.example.com pbx wildcard; do
		pki entry "$CERTSTORE/certs/$name"
		grep -q "^$name	later	" said
	done
	[ "$(cert-set -o user www.example.com)" = user=nginx.service ]
	[ "$(cert-set -o acme pbx)" = acme=lab ]
	[ "$(mode "$files/acme.key")" = 600 ]
	# nothing is left of what proved the names
	[ -z "$(find "$files/html" -type f)" ]
}
