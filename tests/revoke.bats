#!/usr/bin/env bats
# revoke.bats: cert-revoke at Pebble, which tells the status by serial number.

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
	pebble plain
}

# order NAME [OPTION...]: a certificate for NAME.example.test.
order() {
	local name=$1

	shift
	inside cert-acme -qfy -A "$directory" -T "$serverca" -m http:5002 \
	    -s "$name.example.test" "$@" "$name"
}

revoke() {
	inside cert-revoke "$@"
}

# status FILE: "Valid", or "Revoked" and the code of the reason.
status() {
	local serial

	serial=$(cert-show -i "$1" -o serial | head -n 1 | tr -d : | tr 'A-F' 'a-f' |
	    sed 's/^0*//')
	inside curl -sf --cacert "$serverca" \
	    "$management/cert-status-by-serial/$serial" |
	    perl -MJSON::PP -e '$j = decode_json(join "", <>);
	    print join(" ", $j->{Status}, $j->{Reason} // ()), "\n"'
}

@test "the old certificate, by the account, when there is another" {
	order www
	cert-show -o cert www >old.pem
	[ "$(status old.pem)" = Valid ]
	run -2 --separate-stderr revoke www
	[[ $stderr == *'www: no other certificate in the store serves www.example.test: order one first with cert-acme -f, or use -f' ]]
	[ "$(status old.pem)" = Valid ]
	order www
	run -0 revoke -n -i old.pem www reason=superseded
	[ "$output" = www ]
	[ "$(status old.pem)" = Valid ]
	run -0 --separate-stderr revoke -i old.pem www reason=superseded
	[ "$output" = www ]
	[ -z "$stderr" ]
	[ "$(status old.pem)" = 'Revoked 4' ]
	[ "$(status "$CERTSTORE/certs/www/fullchain.pem")" = Valid ]
	# the one that serves is not due for that
	[ "$(cert-renew -n www | cut -f 2)" = later ]
	run -0 --separate-stderr revoke -i - www <old.pem
	[ "$stderr" = 'cert-revoke: www: was revoked before' ]
}

@test "the kept certificate, from its file" {
	order www
	order www
	kept=$CERTSTORE/certs/.www@$(sed -n 's/^kept //p' \
	    "$CERTSTORE/certs/www/info")/fullchain.pem
	run -0 revoke -i "$kept" www
	[ "$(status "$kept")" = 'Revoked 0' ]
	run -2 --separate-stderr cert-revert www
	[[ $stderr == *'www: the kept certificate was revoked since then: use -f to go back to it' ]]
	[ "$(status "$CERTSTORE/certs/www/fullchain.pem")" = Valid ]
}

@test "one that serves: another entry has its names, or -f; then it is due" {
	order one
	order two -s one.example.test
	run -0 revoke one
	[ "$(status "$CERTSTORE/certs/one/fullchain.pem")" = 'Revoked 0' ]
	run -2 --separate-stderr revoke two
	[[ $stderr == *'serves two.example.test'* ]]
	run -0 revoke -f two reason=CESSATIONOFOPERATION
	[ "$(status "$CERTSTORE/certs/two/fullchain.pem")" = 'Revoked 5' ]
	[ "$(cert-renew -n two | cut -f 2)" = due ] || cert-renew -n two >&3
	[[ $(cert-renew -n two) == *revoked* ]]
	[[ $(cert-set -o revoked two) == "revoked=$(date -u +%F)"* ]]
	# it answers, since there is no other
	[ "$(cert-match -o name two.example.test)" = two ]
	was=$(cert-show -o fingerprint two)
	sleep 1.1 # for a later end
	run -0 --separate-stderr inside cert-renew
	[ "$output" = $'one\ntwo' ] || fail "$output $stderr"
	[ "$(cert-show -o fingerprint two)" != "$was" ]
	[ "$(cert-renew -n two | cut -f 2)" = later ]
	[ -z "$(cert-set -o revoked two)" ]
	[ -z "$(litter "$CERTSTORE")" ]
}

@test "a compromised key: it signs, another one must serve, the next is new" {
	order www
	cert-set -q www keepkey=yes
	cp "$CERTSTORE/certs/www/privkey.pem" copy.key
	cert-show -o cert www >old.pem
	sleep 1.1
	inside cert-acme -qu -e 400d www
	cmp copy.key "$CERTSTORE/certs/www/privkey.pem"
	# the same key does not count
	run -2 --separate-stderr revoke -i old.pem www reason=keyCompromise
	[[ $stderr == *'no other certificate with another key in the store serves www.example.test'* ]]
	run -0 --separate-stderr revoke -f www reason=keyCompromise
	[ "$stderr" = 'cert-revoke: www: keepkey is removed: the next key is new' ]
	[ "$(status "$CERTSTORE/certs/www/fullchain.pem")" = 'Revoked 1' ]
	[ -z "$(cert-set -o keepkey www)" ] || fail "$(cert-set -o keepkey www)"
	was=$(cert-show -o spki www)
	sleep 1.1
	run -0 inside cert-acme -u www
	[ "$(cert-show -o spki www)" != "$was" ]
	# and now the older one, by its key
	run -2 --separate-stderr revoke -i old.pem -K \
	    "$CERTSTORE/certs/www/privkey.pem" www reason=keyCompromise
	[[ $stderr == *'is not the key of the certificate' ]]
	run -0 revoke -i old.pem -K copy.key www reason=keyCompromise
	[ "$(status old.pem)" = 'Revoked 1' ]
}

@test "another account may not: the key of the certificate may" {
	order www
	cert-show -o cert www >old.pem
	cp "$CERTSTORE/certs/www/privkey.pem" old.key
	order www
	inside cert-account -qy -T "$serverca" new second directory="$directory"
	cert-set -q www acme=second
	run -2 --separate-stderr revoke -i old.pem www
	[[ $stderr == *'CA says'*': use -K with the key of the certificate' ]]
	run -0 revoke -i old.pem -K old.key www
	[ "$(status old.pem)" = 'Revoked 0' ]
}

@test "what cannot be revoked: the others still are" {
	cert-create -s own.example.test own
	cert-create -R -s wait.example.test wait >/dev/null
	order www
	run -2 --separate-stderr revoke -f own wait none www
	[ "$output" = www ]
	[[ $stderr == *'own: is self-signed, and nobody can revoke it'* ]]
	[[ $stderr == *'wait: has no certificate yet'* ]]
	[[ $stderr == *none* ]]
	run -2 --separate-stderr revoke www reason=bored
	[[ $stderr == *'reason=bored: is not a reason: use one of unspecified, '* ]]
	run -2 --separate-stderr revoke www why=superseded
	[[ $stderr == *'why: is not known: use reason=WORD' ]]
	run -2 --separate-stderr revoke -i "$CERTSTORE/certs/www/fullchain.pem" \
	    www own
	[[ $stderr == *'-i and -K are for one name' ]]
	run -2 revoke
	[ ! -e "$CERTSTORE/acme/orders/own" ]
}

@test "each kind of name needs a successor: wildcards, hosts, addresses" {
	mine=(-s '*.example.com' -s example.com -s 192.0.2.1 -s 2001:db8::1)
	cert-create "${mine[@]}" old
	cert-set -q old acme=letsencrypt
	cert-create -s x.example.com -s example.com -s 192.0.2.1 \
	    -s 2001:db8::1 host
	run -2 --separate-stderr cert-revoke -n old
	[ "$stderr" = 'cert-revoke: old: no other certificate in the store serves *.example.com: order one first with cert-acme -f, or use -f' ]
	cert-create -s '*.example.com' wild
	run -0 --separate-stderr cert-revoke -n old
	[ "$output" = old ]
	[ -z "$stderr" ]
	cert-rm host
	run -2 --separate-stderr cert-revoke -n old
	[[ $stderr == *'serves example.com: '* ]]
	# what has expired is none
	cert-create -l 1h "${mine[@]}" brief
	run -0 cert-revoke -n old
	run -2 --separate-stderr env CLOCK_OFFSET=7200 \
	    ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" \
	    LD_PRELOAD="$ROOT/tests/clock.so" cert-revoke -n old
	[[ $stderr == *'serves example.com: '* ]]
	cert-rm brief
	# or was revoked
	cert-set -q wild revoked=2026-01-02
	run -2 --separate-stderr cert-revoke -n old
	[[ $stderr == *'serves *.example.com: '* ]]
	run -0 cert-revoke -nf old
	run -2 --separate-stderr cert-revoke old
	[ ! -e "$CERTSTORE/acme/orders/old" ]
}
