#!/usr/bin/env bats
# examples.bats: every example of the manual and of README works, in order, in
# an empty store.

load helper
load examples

setup() {
	common_setup
	world
}

# page FILE: all its blocks; there is at least one.
page() {
	local b n=0

	blocks "$1" "$BATS_TEST_TMPDIR/blocks"
	for b in "$BATS_TEST_TMPDIR"/blocks/???; do
		[ -f "$b" ] || fail "$1: no examples"
		block "$b" || fail "$1: example $b fails"
		n=$((n + 1))
	done
	[ "$n" -gt 0 ]
}

# group FILE: the page, with a group that there is.
group() {
	if getent group ssl-cert >/dev/null; then
		cp "$ROOT/man/$1" .
	else
		sed 's/ssl-cert/root/' "$ROOT/man/$1" >"$1"
	fi
}

@test "cert-check(1)" {
	page "$ROOT/man/cert-check.1"
}

@test "cert-create(1)" {
	page "$ROOT/man/cert-create.1"
	# Signed below both CAs, and the lines of a list.
	[ "$(cert-list -o name '[ab].example.com')" = "a.example.com
b.example.com" ]
	openssl verify -x509_strict -CAfile phones-CA.pem \
	    -untrusted "$CERTSTORE/certs/bench1.lab.example.com/fullchain.pem" \
	    "$CERTSTORE/certs/bench1.lab.example.com/fullchain.pem"
}

@test "cert-crl(1)" {
	page "$ROOT/man/cert-crl.1"
	# one lasts a year, the other a week
	openssl crl -in "$CERTSTORE/crl/root.pem" -noout -nextupdate |
	    grep "$(date -u -d '+365 days' '+%b.*%Y')"
	[ "$(grep -c BEGIN "$CERTSTORE/crl/phones.pem")" -eq 2 ]
}

@test "cert-deploy(1)" {
	page "$ROOT/man/cert-deploy.1"
	[ "$(cat "$CERTSTORE"/deployed/*/kamailio | wc -l)" -eq 1 ]
}

@test "cert-export(1)" {
	page "$ROOT/man/cert-export.1"
	[ "$(mode laptop.p12)" = 600 ]
	[ "$(cert-show -p laptop.pass -i laptop.p12 -o fingerprint |
	    head -n 1)" = "$(cert-show -o fingerprint laptop)" ]
	[ "$(grep -c '"reason":"export"' "$CERTSTORE/log")" -eq 4 ]
}

@test "cert-import(1)" {
	page "$ROOT/man/cert-import.1"
	# It went back to the first answer; the second one is kept.
	run -0 cert-show -i shop.pem -o fingerprint
	[ "$(cert-show -o fingerprint shop)" != "${lines[0]}" ]
	kept=$(sed -n 's/^kept //p' "$CERTSTORE/certs/shop/info")
	[ "$(cert-show -o fingerprint \
	    -i "$CERTSTORE/certs/.shop@$kept/fullchain.pem" |
	    head -n 1)" = "${lines[0]}" ]
}

@test "cert-list(1)" {
	page "$ROOT/man/cert-list.1"
	# What ended soon was made anew.
	run -1 cert-list -q -e 30d
}

@test "cert-match(1)" {
	page "$ROOT/man/cert-match.1"
	[ "$(cert-match -o name www.example.com)" = www.example.com ]
	[ "$(cert-match -w "$(date -u -d '60 days' +%F)" -o name \
	    www.example.com)" = star ]
}

@test "cert-probe(1)" {
	page "$ROOT/man/cert-probe.1"
}

@test "cert-report(1)" {
	page "$ROOT/man/cert-report.1"
	grep -q voip.example.com report.html
	grep -q "</html>" later.html
}

@test "cert-revert(1)" {
	page "$ROOT/man/cert-revert.1"
	[ -z "$(cert-set -o hold www.example.com)" ]
}

@test "cert-rm(1)" {
	page "$ROOT/man/cert-rm.1"
	[ -z "$(cert-list)" ]
}

@test "cert-set(1)" {
	group cert-set.1
	page cert-set.1
	[ "$(cert-set -o tenant pbx2)" = tenant=acme.example.com ]
	[ "$(cert-set -o user new.example.com)" = user=nginx.service ]
}

@test "cert-show(1)" {
	page "$ROOT/man/cert-show.1"
}

@test "cert-sign(1)" {
	page "$ROOT/man/cert-sign.1"
	[ "$(cert-show -i router.crt -o subject,names)" = \
	    "$(printf 'CN=router1.example.com,O=Old\trouter1.example.com')" ]
	[ "$(wc -l <signed)" -eq 3 ]
	cert-show -o root site-CA >site-CA.pem
	cert-verify -T ./site-CA.pem -P client -i phones/0004f2000002.crt
	run -0 cert-show -i lab.crt -o kind
	[ "$output" = ca ]
}

@test "cert-trust(1)" {
	page "$ROOT/man/cert-trust.1"
	run -0 cert-trust -o name,origin list site-CA ISRG_Root_X2
	[ "$output" = "$(printf '%s\tadded\n' ISRG_Root_X2 site-CA)" ]
}

@test "cert-verify(1)" {
	page "$ROOT/man/cert-verify.1"
}

@test "certstore(5)" {
	group certstore.5
	# what is said of copies needs a store, and comes first
	cert-create -s www.example.com www
	page certstore.5
	# The group is carried along, and the modes are its.
	[ "$(mode "$CERTSTORE/certs/phones/privkey.pem")" = 640 ]
	[ "$(mode "$CERTSTORE/certs/phones/combined.pem")" = 640 ]
}

@test "certstore(7)" {
	local pem

	group certstore.7
	page certstore.7
	# The last renewal kept the key, and the group reads it.
	cat "$CERTSTORE/certs/phones/cert.pem" >new.pem
	pem=$(sed -n 's/^kept //p' "$CERTSTORE/certs/phones/info")
	pem=$CERTSTORE/certs/.phones@$pem/cert.pem
	run -1 cmp -s new.pem "$pem"
	[ "$(cert-show -i new.pem -o spki)" = "$(cert-show -i "$pem" -o spki)" ]
	[ "$(mode "$CERTSTORE/certs/phones/privkey.pem")" = 640 ]
	openssl x509 -inform der -in phones-CA.der | cmp - phones-CA.pem
}

@test "README" {
	page "$ROOT/README"
}

@test "the program of certstore(3) compiles and runs" {
	awk '/^#include <stdio.h>/ { on = 1 } /^\.Ed/ { on = 0 }
	    on { gsub(/\\e/, "\\"); print }' "$ROOT/man/certstore.3" >soon.c
	[ -s soon.c ]
	# shellcheck disable=SC2046  # words are meant
	if [ -f "$ROOT/libcertstore.a" ]; then
		set -- -I "$ROOT/lib" "$ROOT/libcertstore.a" -lcrypto -lbsd -lmd
	else
		set -- $(pkg-config --cflags --libs libcertstore)
	fi
	cc ${CERTSTORE_SANITIZE:+-fsanitize=address,undefined} -std=c11 \
	    -Wall -Wextra -Werror -o soon soon.c "$@"
	run -2 ./soon
	[[ $output = *certstore* ]]
	cert-create -l 20d soon.example.com
	cert-create -l 90d later.example.com
	run -0 ./soon "$CERTSTORE"
	[[ $output = "soon.example.com "*Z ]]
}
