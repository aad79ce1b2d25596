#!/usr/bin/env bats
# acme.bats: cert-acme at Pebble and Caddy.

# shellcheck disable=SC2154  # run --separate-stderr sets stderr

load helper
load pki
load acme

setup_file() {
	HTTP01='' TLSALPN01='' bed_start
}

teardown_file() {
	bed_end
}

setup() {
	common_setup
	bed_need
}

# acme ARGUMENT...: cert-acme where the servers are.
acme() {
	inside cert-acme "$@"
}

@test "a first certificate, which is kept while it is good" {
	pebble plain
	run -2 --separate-stderr acme -A "$directory" -T "$serverca" \
	    -m http:5002 www.example.test
	[[ $stderr == *'terms of service: read '*', and use -y to agree'* ]]
	[ ! -e "$CERTSTORE/certs/www.example.test" ]
	run -0 --separate-stderr acme -y -A "$directory" -T "$serverca" \
	    -m http:5002 www.example.test
	[ "$output" = www.example.test ]
	[ -z "$stderr" ]
	cert-verify -q -T "$acmeroot" www.example.test
	[ "$(cert-list -o names,kind www.example.test)" = $'www.example.test\tpeer' ]
	pki entry "$CERTSTORE/certs/www.example.test"
	[ "$(cert-set -o method www.example.test)" = method=http:5002 ]
	was=$(cert-show -o fingerprint www.example.test)
	run -0 acme -u www.example.test
	[ -z "$output" ]
	run -1 acme -ux www.example.test
	[ "$(cert-show -o fingerprint www.example.test)" = "$was" ]
	run -2 --separate-stderr acme www.example.test
	[[ $stderr == *'www.example.test: has a certificate that is not due before '*': use -f '* ]]
	run -0 --separate-stderr acme -f www.example.test
	[ "$output" = www.example.test ]
	[ "$(cert-show -o fingerprint www.example.test)" != "$was" ]
	# nothing is left
	[ -z "$(litter "$CERTSTORE")" ]
}

# The names below example.test are all 127.0.0.1.
@test "names that are not proved: why, and nothing is left" {
	pebble often PEBBLE_WFE_NONCEREJECT=50
	run -2 --separate-stderr acme -y -A "$directory" -T "$serverca" \
	    -m webroot:"$PWD" www.example.test
	[[ $stderr == *'www.example.test'*'CA says '*connection*'(http-01)'* ]] ||
	    fail "$stderr"
	[ "$(cert-list -o name,kind)" = $'www.example.test\twaiting' ]
	[ ! -e .well-known ]
	# the same key, request and wish the next time
	cp "$CERTSTORE/certs/www.example.test/request.key" key
	run -0 acme -m http:5002 www.example.test
	cmp key "$CERTSTORE/certs/www.example.test/privkey.pem"
	run -2 --separate-stderr acme -A "$directory" -T "$serverca" \
	    -m http:5002 blocked-domain.example
	[[ $stderr == *'CA says '*blocked-domain.example* ]]
	run -2 --separate-stderr acme -u www2.example.test
	[[ $stderr == *'www2.example.test: has no account: use -A'* ]]
	[ ! -e "$CERTSTORE/acme/orders/www2.example.test" ]
	run -2 acme -d ./absent -u www2.example.test
	[ ! -e absent ]
}

@test "an account is not made without -y, external accounts not at all" {
	pebble eab EAB=true
	run -2 --separate-stderr acme -y -A "$directory" -T "$serverca" \
	    -m http:5002 www.example.test
	[[ $stderr == *'needs an external account: use cert-account new'* ]]
	[ ! -e "$CERTSTORE/acme/accounts" ] || [ -z "$(ls "$CERTSTORE/acme/accounts")" ]
}

@test "a change of the key that was interrupted is ended first" {
	pebble plain
	inside cert-account -yq -T "$serverca" new p "directory=$directory"
	cd "$CERTSTORE/acme/accounts/p"
	cp key.pem old
	inside cert-account -q roll p
	mv key.pem key.new
	mv old key.pem
	run -0 --separate-stderr acme -A p -m http:5002 www.example.test
	[ "$output" = www.example.test ]
	[[ $stderr == *'p: a change of the key was interrupted: the CA has the new one' ]]
	[ ! -e key.new ]
}

@test "nonces that are refused, strict servers, several names, an address" {
	pebble strict -strict PEBBLE_WFE_NONCEREJECT=90 PEBBLE_AUTHZREUSE=0
	run -0 --separate-stderr acme -y -A "$directory" -T "$serverca" \
	    -m http:5002 -t rsa:2048 -s b.example.test -s a.example.test ab
	[ "$output" = ab ]
	[ "$(cert-list -o names,key ab)" = $'b.example.test,a.example.test\trsa:2048' ] ||
	    [ "$(cert-list -o names,key ab)" = $'a.example.test,b.example.test\trsa:2048' ]
	run -0 --separate-stderr acme -m http:5002 -A "$directory" \
	    -s 127.0.0.1 addr
	[ "$(cert-list -o names addr)" = 127.0.0.1 ]
}

@test "a wildcard and its apex, by a hook" {
	pebble plain
	cert-set -q @store note=x
	mkdir "$CERTSTORE/hooks"
	cat >"$CERTSTORE/hooks/dns" <<-'EOT'
		#!/bin/sh
		api=http://127.0.0.1:8055
		case $1 in
		add) exec curl -sf -o /dev/null -d \
		    "{\"host\":\"$4.\",\"value\":\"$6\"}" $api/set-txt ;;
		del) exec curl -sf -o /dev/null -d \
		    "{\"host\":\"$4.\"}" $api/clear-txt ;;
		esac
	EOT
	chmod 755 "$CERTSTORE/hooks/dns"
	run -0 --separate-stderr acme -y -A "$directory" -T "$serverca" \
	    -m hook:dns -s example.test -s '*.example.test' wild
	[ "$output" = wild ]
	[ "$(cert-match -o name x.example.test)" = wild ]
}

@test "a chain by the name of an issuer" {
	pebble roots PEBBLE_ALTERNATE_ROOTS=2 PEBBLE_CHAIN_LENGTH=2
	run -0 acme -y -A "$directory" -T "$serverca" -m http:5002 a.example.test
	first=$(openssl crl2pkcs7 -nocrl -certfile \
	    "$CERTSTORE/certs/a.example.test/fullchain.pem" |
	    openssl pkcs7 -print_certs -noout | grep issuer | tail -1)
	inside curl -sf --cacert "$serverca" "$management/roots/1" >root1
	other=$(openssl x509 -in root1 -noout -subject -nameopt RFC2253)
	run -0 --separate-stderr acme -f a.example.test chain="${other#*=CN=}"
	[[ $stderr != *chain* ]] || fail "$stderr"
	cert-verify -q -T ./root1 a.example.test
	run -0 --separate-stderr acme -f a.example.test chain='no such CA'
	[[ $stderr == *'the CA offers no chain with "no such CA": its default is used'* ]]
}

@test "another request that waits is not touched" {
	pebble plain
	cert-create -R -s www.example.test www >/dev/null
	cp "$CERTSTORE/certs/www/request.key" key
	run -2 --separate-stderr acme -y -A "$directory" -T "$serverca" \
	    -m http:5002 -s www.example.test www
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *request* ]]
	cmp key "$CERTSTORE/certs/www/request.key"
}

@test "killed at each step: the next run leaves one certificate and no trace" {
	pebble plain
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip "strace and sanitizers"
	run -0 acme -y -A "$directory" -T "$serverca" -m http:5002 first.example.test
	i=0
	for call in sendto:3 sendto:6 sendto:10 sendto:14 fsync:4 fsync:9 \
	    renameat:2 renameat:4; do
		i=$((i + 1))
		name=k$i.example.test
		inside strace -f -qq -o /dev/null -e \
		    "inject=${call%:*}:signal=KILL:when=${call#*:}" \
		    cert-acme -A "$directory" -m http:5002 "$name" \
		    >/dev/null 2>&1 || :
		run -0 --separate-stderr acme -u -A "$directory" -m http:5002 "$name"
		pki entry "$CERTSTORE/certs/$name"
		[ -z "$(find "$CERTSTORE/acme" -name held.pem)" ]
		! grep -q setup "$CERTSTORE/acme/orders/$name/state" || false
		[ ! -e "$CERTSTORE/certs/$name/request.key" ]
	done
	! inside pgrep acme-responder || false
	[ -z "$(litter "$CERTSTORE")" ]
}

@test "cert-renew gives what is due to cert-acme, and takes what is held" {
	pebble short VALIDITY=864000
	acme -y -A "$directory" -T "$serverca" -m http:5002 a.example.test
	acme -A "$directory" -m http:5002 b.example.test
	cert-create -c ca
	run -0 inside cert-renew
	[ -z "$output" ]
	was=$(cert-show -o fingerprint a.example.test)
	sleep 1.1 # for a later end
	run -0 --separate-stderr inside cert-renew -e 30d a.example.test
	[ "$output" = a.example.test ] || fail "$stderr"
	[ "$(cert-show -o fingerprint a.example.test)" != "$was" ]
	run -0 inside cert-renew -n a.example.test
	[ "$(cut -f 2 <<<"$output")" = later ]
	# nothing answers: a failure that is remembered; of an account for which
	# the name was never proven, since Pebble skips the proof now and then
	inside cert-account -qy -T "$serverca" new other directory="$directory"
	cert-set -q b.example.test acme=other method=webroot:"$PWD"
	cert-set -q a.example.test renew=no
	run -0 --separate-stderr inside cert-renew -e 30d
	[ -z "$output" ] || fail "$output"
	[[ $stderr == *'b.example.test: '*'CA says '*'; still good until '*'failed 1 times'* ]] ||
	    fail "$stderr"
	run -0 --separate-stderr inside cert-renew -e 30d
	[ -z "$stderr" ]
	# with names a failure is an error
	run -2 --separate-stderr inside cert-renew -e 30d b.example.test
	[[ $stderr == *'failed 2 times'* ]]
	# and so is an order that runs, which is no failure
	exec 8>>"$CERTSTORE/acme/orders/b.example.test/lock"
	flock 8
	run -2 --separate-stderr inside cert-renew -e 30d b.example.test
	[[ $stderr == *'b.example.test: an order for it runs'* ]]
	exec 8>&-
	grep -qx 'failed 2' "$CERTSTORE/renewal/b.example.test"
	run -0 --separate-stderr inside cert-renew -q -e 30d
	[ -z "$output$stderr" ]
	# and each is ordered once
	cert-set -q b.example.test method=http:5002
	run -0 --separate-stderr inside cert-acme -f b.example.test b.example.test
	[ "$output" = b.example.test ]
}

@test "Caddy: several names on the real port, and again" {
	command -v caddy >/dev/null || skip "no caddy: NOT TESTED"
	caddy
	run -0 --separate-stderr acme -y -A "$directory" -T "$serverca" \
	    -m http -s www.example.test -s b.example.test www
	[ "$output" = www ] || fail "$stderr"
	cert-verify -q -T "$acmeroot" www
	run -1 acme -ux www
	run -0 --separate-stderr acme -f www
	[ "$output" = www ]
	pki entry "$CERTSTORE/certs/www"
}

@test "a dry run looks at the CA and the methods, and changes nothing" {
	pebble plain
	run -2 --separate-stderr acme -n -A "$directory" -T "$serverca" \
	    -m http:5002 a.example.test
	[[ $stderr == *'terms of service'* ]]
	run -0 --separate-stderr acme -ny -A "$directory" -T "$serverca" \
	    -m http:5002 a.example.test
	[ "$output" = a.example.test ]
	[ ! -e "$CERTSTORE" ]
	run -2 --separate-stderr acme -ny -A "$directory" -T "$serverca" \
	    -m webroot:/absent/webroot a.example.test
	[[ $stderr == *'/absent'* ]]
	# the responder's port is taken
	run -2 --separate-stderr acme -ny -A "$directory" -T "$serverca" \
	    -m http:8055 a.example.test
	[[ $stderr == *8055*pebble* ]]
	acme -qy -A "$directory" -T "$serverca" -m http:5002 a.example.test
	cp -a "$CERTSTORE" before
	run -0 acme -nu a.example.test note=x
	[ -z "$output" ]
	run -0 --separate-stderr acme -nf a.example.test
	[ "$output" = a.example.test ]
	# the responder of the probe is not at port 80
	[[ $stderr == *http://a.example.test/*127.0.0.1*'goes on' ]] ||
	    fail "$stderr"
	mkdir web
	run -0 --separate-stderr acme -nf -m "webroot:$PWD/web" a.example.test
	[ -z "$(ls -A web)" ]
	diff -r --no-dereference -x lock before "$CERTSTORE"
	# what an order would stop at
	cert-create -R -s www.example.test www >/dev/null
	run -2 --separate-stderr acme -n -A "$directory" -m http:5002 www
	[[ $stderr == *'a request waits that is not of an ACME order'* ]]
}

@test "a dry run at another CA: a whole order, and nothing is kept of it" {
	pebble often PEBBLE_WFE_NONCEREJECT=50
	other=$directory
	pebble plain
	acme -qy -A "$directory" -T "$serverca" -m http:5002 \
	    -s a.example.test -s b.example.test a
	cp -a "$CERTSTORE" before
	run -2 --separate-stderr acme -n -A "$other" -T "$serverca" a
	[[ $stderr == *'use -y to agree'* ]]
	diff -r --no-dereference -x lock before "$CERTSTORE"
	run -0 --separate-stderr acme -ny -A "$other" -T "$serverca" a
	[ "$output" = a ] || fail "$stderr"
	[ -z "$stderr" ]
	[ "$(cert-account list | wc -l)" -eq 2 ]
	diff -r --no-dereference -x accounts -x lock -x log before "$CERTSTORE"
	# what is given is tried, what fails is as an order that fails
	run -0 --separate-stderr acme -n -A "$other" -s c.example.test a
	[ "$output" = a ]
	run -2 --separate-stderr acme -n -A "$other" -s d.example.test \
	    -m "webroot:$PWD" a
	[[ $stderr == *'CA says '*'(http-01)'* ]]
	[ ! -e .well-known ]
	run -2 --separate-stderr acme -n -A "$other" -s blocked-domain.example a
	[[ $stderr == *'CA says '*blocked-domain.example* ]]
	diff -r --no-dereference -x accounts -x lock -x log before "$CERTSTORE"
	[ -z "$(litter "$CERTSTORE")" ]
}

@test "CAA records that are in the way: a dry run says so, and a failure" {
	command -v python3 >/dev/null || skip "no python3: NOT TESTED"
	mock=$BATS_TEST_TMPDIR/mock
	shared bed bed_localhost
	mkdir -p "$mock/ca"
	bed_run mock python3 "$BATS_TEST_DIRNAME/acmemock" "$mock" \
	    "$shared/localhost.crt" "$shared/localhost.key" "$ROOT/tests/pki"
	until [ -s "$mock/port" ]; do sleep 0.02; done
	directory=https://localhost:$(cat "$mock/port")/ca/dir
	echo 'dir * set meta {"caaIdentities":["ca.example"]}' >"$mock/ca/rules"
	chall add-caa '{"host":"caa.example.test.","policies":[{"tag":"issue","value":"stranger.example"}]}'
	chall add-caa '{"host":"ours.example.test.","policies":[{"tag":"issue","value":"ca.example; validationmethods=dns-01"}]}'
	inside cert-account -qy -T "$shared/bed.crt" new m "directory=$directory"
	mkdir hooks
	printf '#!/bin/sh\n' >hooks/true
	chmod 755 hooks/true
	run -0 --separate-stderr acme -n -A m -m hook:"$PWD/hooks/true" \
	    -s caa.example.test -s ours.example.test www
	[ "$output" = www ]
	line='caa.example.test: CAA record of caa.example.test does not allow it: 0 issue "stranger.example"'
	[ "$stderr" = "cert-acme: $line" ] || fail "$stderr"
	# a method that the record does not allow
	run -0 --separate-stderr acme -n -A m -m http:5002 ours.example.test
	[[ $stderr == *'ours.example.test: CAA record of '*validationmethods=dns-01* ]] ||
	    fail "$stderr"
	cat >>"$mock/ca/rules" <<-EOR
		order * state pending
		authz * set challenges [{"type":"dns-01","url":"BASE/challenge/0","status":"invalid","token":"x","error":{"type":"urn:ietf:params:acme:error:caa","detail":"forbidden"}}]
		authz 2- state invalid
	EOR
	run -2 --separate-stderr acme -A m -m hook:"$PWD/hooks/true" \
	    -s caa.example.test www
	[[ $stderr == *': CA says "forbidden" (caa) (dns-01); from here: '"$line" ]] ||
	    fail "$stderr"
}
