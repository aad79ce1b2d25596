#!/usr/bin/env bats
# ownrevoke.bats: cert-revoke for what CAs of the store have signed.

# shellcheck disable=SC2154  # stderr is run's

load helper
load pki

# A CA; www and phone below it, and sub, which has signed leaf.
makestore() {
	export CERTSTORE=$PWD/store
	cert-create -q -c ca
	cert-create -q -A ca -s www.example.com www
	cert-create -q -A ca -P client -S CN=0004f2aabbcc phone
	cert-create -q -c -A ca sub
	cert-create -q -A sub -s leaf.example.com leaf
}

setup() {
	common_setup
	shared revoking makestore
	cp -a "$shared/store" "$CERTSTORE"
}

# serial NAME: that of an entry, as a file is named.
serial() {
	cert-show -o serial "$1" | sed 's/^0*//'
}

# revoked CA: the serial numbers in its CRL.
revoked() {
	openssl crl -noout -text -in "$CERTSTORE/crl/$1.pem" |
	    sed -n 's/ *Serial Number: *0*//p' | tr A-F a-f | sort
}

# record NAME: the file of a revocation by "ca".
record() {
	echo "$CERTSTORE/revoked/$(cert-show -o spki ca | sed 's/spki://')/$1"
}

@test "an entry: recorded, published, due, and the last to answer" {
	s=$(serial www)
	run -0 --separate-stderr cert-revoke -n www
	[ "$output" = www ]
	[ ! -e "$CERTSTORE/revoked" ]
	run -0 --separate-stderr cert-revoke www reason=KEYCOMPROMISE
	[ "$output" = www ]
	[ -z "$stderr" ]
	grep -qx 'reason keyCompromise' "$(record "$s")"
	[ "$(revoked ca)" = "$s" ]
	grep -q '^revoked 20.* keyCompromise$' "$CERTSTORE/certs/www/props"
	[ "$(cert-renew -n www | cut -f 2)" = due ]
	run -0 --separate-stderr cert-revoke www
	[ "$stderr" = 'cert-revoke: www: was revoked before' ]
	run -1 cert-revoke -qx www
	# renewal makes another one, with another key, that is good
	before=$(cert-show -o spki www)
	cert-renew -q www
	[ "$(cert-show -o spki www)" != "$before" ]
	run ! grep -q ^revoked "$CERTSTORE/certs/www/props"
	[ "$(revoked ca)" = "$s" ]
	run -0 cert-check
}

@test "after a compromise keepkey is removed, else it is kept" {
	cert-set -q www keepkey=yes
	cert-set -q phone keepkey=yes
	cert-revoke -q www reason=keyCompromise
	cert-revoke -q phone reason=superseded
	run ! grep -q ^keepkey "$CERTSTORE/certs/www/props"
	grep -q ^keepkey "$CERTSTORE/certs/phone/props"
}

@test "by what one knows: a subject, a serial number, a fingerprint, a file" {
	cert-create -q -f -A ca -P client -S CN=0004f2aabbcc phone
	[ "$(cert-list -A ca -o serial '*0004f2*' | wc -l)" -eq 2 ]
	run -0 --separate-stderr bash -c \
	    "cert-list -A ca -o serial '*0004f2*' |
	    cert-revoke -A ca - reason=superseded"
	[ "${#lines[@]}" -eq 2 ]
	[ "$(revoked ca | wc -l)" -eq 2 ]
	grep -q '^revoked 20.* superseded$' "$CERTSTORE/certs/phone/props"
	# what cert-list -A prints is understood, too
	cert-rm -fq phone
	run -0 --separate-stderr bash -c \
	    "cert-list -A ca '*0004f2*' | cert-revoke -A ca -"
	[ "${#lines[@]}" -eq 2 ]
	[[ $stderr == *'was revoked before'* ]]
	run -0 cert-revoke "$(cert-show -o fingerprint www)"
	revoked ca | grep -qx "$(serial www)"
	cert-show -o cert leaf >leaf.pem
	cert-rm -fq leaf
	run -0 cert-revoke -i leaf.pem reason=cessationOfOperation
	[ "$output" = leaf.pem ]
	[ "$(revoked sub | wc -l)" -eq 1 ]
	# a fingerprint that only the records have
	cert-create -q -A sub -s gone.example.com gone
	print=$(cert-show -o fingerprint gone)
	cert-rm -fq gone
	run -0 cert-revoke "$print"
	[ "$(revoked sub | wc -l)" -eq 2 ]
	run -2 cert-revoke "sha256:$(printf '%064d' 1)"
	[[ $output == *'no entry has this certificate, and no CA of the store has signed it' ]]
}

@test "a serial number without a record needs its CA, and -f" {
	run -2 cert-revoke serial:77
	[[ $output == *'no CA of the store has a record of this serial number: use -A with the name of its CA' ]]
	run -2 cert-revoke -A ca serial:77
	[[ $output == *'ca has no record of this serial number: use -f to revoke it all the same' ]]
	run -0 cert-revoke -f -A ca -w 2026-01-31T12:00:00Z serial:0077 \
	    reason=superseded
	[ "$(revoked ca)" = 77 ]
	openssl crl -noout -text -in "$CERTSTORE/crl/ca.pem" |
	    grep -q 'Revocation Date: Jan 31 12:00:00 2026 GMT'
	run -2 cert-revoke -f -A ca -w 2099-01-01 serial:78
	[[ $output == *'is not a time in the past' ]]
	for bad in serial:xyz serial: serial:-1 sha256:12 \
	    "serial:$(printf '%0100x' 1 | tr 0 f)"; do
		run -2 cert-revoke -f -A ca "$bad"
	done
	# a name that could be a number
	cert-create -q -A ca -s beef.example.com beef
	run -0 cert-revoke -A ca beef
	[ "$output" = beef ]
	cert-revoke -fq -A ca serial:beef
	run -2 cert-revoke -A ca beef
	[[ $output == *'is the name of an entry, and a serial number of ca: use serial:beef, or leave out -A' ]]
}

@test "a CA: what hangs below is said, and -f is needed" {
	run -2 cert-revoke sub
	[[ $output == *'sub: is a CA, and 1 certificate that it has signed would be refused, too: see them with cert-list'*'and use -f' ]]
	[ ! -e "$CERTSTORE/revoked" ]
	run -0 --separate-stderr cert-revoke -f sub
	[ "$stderr" = 'cert-revoke: sub: is a CA: 1 certificate that it has signed is refused with it' ]
	run -2 cert-revoke ca
	[[ $output == *'is self-signed, and nobody can revoke it'* ]]
}

@test "what is asked of it in vain" {
	run -2 cert-revoke www reason=certificateHold
	[[ $output == *'www: a CA of the store revokes for good'* ]]
	run -2 cert-revoke -A ca www reason=certificateHold
	run -2 cert-revoke www reason=because
	[[ $output == *'is not a reason: use one of'* ]]
	run -2 cert-revoke www why=x
	run -2 cert-revoke -A www phone
	[[ $output == *'www: is not a CA' ]]
	run -2 cert-revoke -A sub www
	[[ $output == *'www: was not signed by sub' ]]
	run -2 cert-revoke absent
	run -2 cert-revoke
	run -2 cert-revoke reason=superseded
	: >empty
	run -2 cert-revoke -i empty
	cert-create -q other.example.com
	cert-show -o cert other.example.com >other.pem
	run -2 cert-revoke -i other.pem
	[[ $output == *'is self-signed'* ]]
	ca root /CN=root
	sign far root /CN=far 30 subjectAltName=DNS:far.example.com
	run -2 cert-revoke -i far.crt
	[[ $output == *'no CA of the store has signed this certificate: add the name of an entry whose ACME account is to revoke it' ]]
	[ ! -e "$CERTSTORE/revoked" ]
	# one that is refused stops no other
	run -2 --separate-stderr cert-revoke absent www
	[ "$output" = www ]
}

@test "an encrypted key: recorded, not published, until cert-crl can" {
	echo secret >pass
	cert-create -q -c -E pass locked
	cert-create -q -A locked -p pass -s x.example.com x
	run -2 --separate-stderr cert-revoke x </dev/null
	[ "$output" = x ]
	[[ $stderr == *'locked: recorded, not published: '*': use cert-crl locked' ]]
	grep -q ^revoked "$CERTSTORE/certs/x/props"
	run -1 cert-check
	[[ $output == *critical* ]]
	cert-crl -q -p pass locked
	[ "$(revoked locked)" = "$(serial x)" ]
	cert-create -q -A locked -p pass -s y.example.com y
	run -0 cert-revoke -p pass y
	[ "$(revoked locked | wc -l)" -eq 2 ]
}

@test "killed between record and CRL: the next run publishes" {
	s=$(serial www)
	# as a kill leaves it
	cert-revoke -q www
	rm -rf "$CERTSTORE/crl"
	cert-set -q www revoked=
	run -1 cert-check
	grep -q '^critical	www	revoked-unmarked	.' <<<"$output"
	run -1 cert-check -r
	grep -q '^repaired	www	revoked	.' <<<"$output"
	cert-set -q www revoked=
	run -0 --separate-stderr cert-revoke www
	[ "$stderr" = 'cert-revoke: www: was revoked before' ]
	[ "$(revoked ca)" = "$s" ]
	grep -q ^revoked "$CERTSTORE/certs/www/props"
}

@test "what is revoked is refused everywhere, without a CRL" {
	cert-show -o cert ca | cert-trust -q add
	cert-revoke -q www phone
	cert-revoke -fq sub
	run -1 cert-verify www phone leaf
	[ "$(grep -c 'is revoked' <<<"$output")" -eq 3 ]
	cert-show -o fullchain leaf >leaf.pem
	run -1 cert-verify -i leaf.pem
	[[ $output == *'CN=sub	RFC 5280 section 6.3	is revoked'* ]]
	# it was good until then
	cert-create -q -A ca -s late.example.com late
	cert-revoke -q late
	cert-show -o cert ca >./ca.pem
	run -1 cert-verify -T ./ca.pem late
	[[ $output == *'is revoked: by a CA of the store at 20'* ]]
	run -1 cert-verify -T ./ca.pem -w 2026-01-01 late
	[[ $output != *revoked* ]]
	run -2 cert-create -A sub -s new.example.com new
	[[ $output == *'sub: was revoked at '*': use another CA' ]]
	run -2 cert-renew -f leaf
	[[ $output == *'sub: was revoked at '* ]]
	# what is imported again says so
	cp "$CERTSTORE/certs/www/combined.pem" .
	cert-rm -fq www
	run -0 --separate-stderr cert-import -N again combined.pem
	[[ $stderr == *'again: this certificate was revoked by its CA: replace it' ]]
	[ -n "$(cert-show -o revoked again)" ]
	[ -z "$(cert-show -o revoked ca)" ]
	[ "$(cert-list -A ca -o revoked | grep -c 20)" -eq 4 ]
	# a good one answers before it
	cert-create -q -A ca -s www.example.com fresh
	run -0 cert-match -o name www.example.com
	[ "$output" = fresh ]
}

@test "two at once: all is revoked" {
	for n in 1 2 3 4; do
		cert-revoke -q www &
		cert-revoke -q phone &
	done
	wait
	[ "$(revoked ca)" = "$(printf '%s\n' "$(serial www)" \
	    "$(serial phone)" | sort)" ]
}

@test "a compromised key is not kept, not even of mail; a CA is not renewed" {
	cert-create -q -A ca -P mail -s email:a@example.com mail
	before=$(cert-show -o spki mail)
	cert-revoke -q mail reason=keyCompromise
	cert-renew -q mail
	[ "$(cert-show -o spki mail)" != "$before" ]
	cert-revoke -fq sub reason=keyCompromise
	run -2 --separate-stderr cert-renew -f sub
	[[ $stderr == *'sub: its key is compromised, and what it has signed can only be verified by that: use cert-create to make another CA'* ]]
}

@test "who may only read the store knows what is revoked, and what is not" {
	local fail=0 own

	[ "$(id -u)" -eq 0 ] || skip "needs root, to become another user"
	cert-show -o cert ca >ca.pem
	cert-trust -q add ca.pem
	cert-revoke -q www
	# where another user can go
	own=$(mktemp -d /tmp/certstore.XXXXXX)
	chmod 755 "$own"
	cp -a "$CERTSTORE" "$own/store"
	be() {
		CERTSTORE="$own/store" setpriv --reuid=nobody \
		    --regid=nogroup --clear-groups "$@"
	}
	run -0 be cert-verify -P client phone || fail=1
	run -1 be cert-verify www || fail=1
	[[ $output == *'is revoked'* ]] || fail=1
	rm -rf "$own"
	[ "$fail" -eq 0 ]
}

@test "a serial number alone, if one CA has a record of it" {
	s=$(serial www)
	run -0 cert-revoke "serial:$s"
	revoked ca | grep -qx "$s"
	# by two names it is one
	run -0 --separate-stderr cert-revoke leaf \
	    "$(cert-show -o fingerprint leaf)"
	[ "$output" = leaf ]
	# a record that is damaged is none
	s=$(serial phone)
	cert-rm -fq phone
	echo rubbish >"$(find "$CERTSTORE/issued" -name "$s.pem")"
	run -2 cert-revoke -A ca "serial:$s"
	[[ $output == *'ca has no record of this serial number: use -f'* ]]
	run -0 cert-revoke -fq -A ca "serial:$s"
	revoked ca | grep -qx "$s"
}

@test "the CRL of a CA below is damaged: it is said, and the others are made" {
	cert-crl -q ca sub
	for file in "$CERTSTORE"/crl/..sub@*/info; do
		echo rubbish >"$file"
	done
	run -0 --separate-stderr cert-revoke www
	[ "$output" = www ]
	[[ $stderr == *crl/.sub/info:\ is\ damaged* ]] || fail "$stderr"
	[ "$(revoked ca)" = "$(serial www)" ]
}

@test "CAs of others: no cRLSign, expired, no key identifier" {
	pki cert bare.crt bare.key /CN=bare days=100 \
	    subjectKeyIdentifier=hash basicConstraints=critical,CA:TRUE \
	    keyUsage=critical,keyCertSign
	pki cert over.crt over.key /CN=over from=20200101000000Z \
	    to=20210101000000Z subjectKeyIdentifier=hash \
	    basicConstraints=critical,CA:TRUE \
	    keyUsage=critical,keyCertSign,cRLSign
	pki cert noid.crt noid.key /CN=noid days=100 \
	    basicConstraints=critical,CA:TRUE \
	    keyUsage=critical,keyCertSign,cRLSign
	for name in bare over noid; do
		cert-import -q -N "$name" "$name.crt" "$name.key"
	done
	run -2 cert-crl bare
	[[ $output == *'bare: its keyUsage does not allow it to sign CRLs'* ]]
	run -2 cert-crl over
	[[ $output == *'over: expired at 2021-01-01T00:00:00Z: renew it first' ]]
	cert-crl -q noid
	openssl crl -noout -CAfile noid.crt -in "$CERTSTORE/crl/noid.pem"
	openssl crl -noout -text -in "$CERTSTORE/crl/noid.pem" |
	    grep -q 'Authority Key Identifier'
}
