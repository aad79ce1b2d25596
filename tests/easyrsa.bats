#!/usr/bin/env bats
# easyrsa.bats: dist/easyrsa-import, with a PKI that Debian's easy-rsa made.

# shellcheck disable=SC2154  # stderr is run's

load helper
load pki

setup() {
	common_setup
	[ -z "${CERTSTORE_SANITIZE:-}" ] ||
	    skip 'the commands that it runs have tests of their own'
	[ -x /usr/share/easy-rsa/easyrsa ] ||
	    skip 'easy-rsa is not installed: NOT TESTED'
	shared easyrsa original
	cp -a "$shared/pki" .
	import=$ROOT/dist/easyrsa-import
}

easyrsa() {
	"$rsa/easyrsa" --pki-dir="$PWD/pki" "$@" >log 2>&1 || {
		cat log >&2
		return 1
	}
}

# original: in pki, server1 and carl are valid and carl and bert were renewed;
# anna, emil, fred and the former bert are revoked, dora has no key here.
original() {
	local rsa=/usr/share/easy-rsa

	export EASYRSA_BATCH=1 EASYRSA_ALGO=ec EASYRSA_CURVE=prime256v1 \
	    EASYRSA_CERT_RENEW=99999
	easyrsa init-pki
	EASYRSA_REQ_CN='Office CA' easyrsa build-ca nopass
	easyrsa build-server-full server1 nopass
	for name in anna bert carl emil fred; do
		easyrsa build-client-full $name nopass
	done
	pki cert pki/reqs/dora.req dora.key /CN=dora csr
	easyrsa sign-req client dora
	easyrsa revoke anna keyCompromise
	easyrsa renew bert nopass
	easyrsa revoke-renewed bert superseded
	easyrsa renew carl nopass
	easyrsa revoke emil
	easyrsa revoke fred certificateHold
	easyrsa gen-crl
	# nothing but its line is left of emil's
	rm pki/revoked/certs_by_serial/"$(serial_of emil)".crt
}

# serial_of NAME: of its revoked certificate, in index.txt
serial_of() {
	awk -F '\t' -v subject="/CN=$1" '$1 == "R" && $6 == subject {
		print $4
	}' pki/index.txt
}

# told FILE: serial numbers, dates and reasons in a CRL, sorted; what is on hold
# has none
told() {
	openssl crl -in "$1" -noout -text | sed -n '/Revoked Cert/,$p' |
	    awk '/Serial Number/ { n = $NF } /Revocation Date/ { d = $0 }
	    /^ *Key Comp|^ *Super|^ *Cert.*Hold/ { r[n] = $0 }
	    { date[n] = d } END { for (n in date) if (n != "")
	    print n, date[n], r[n] }' | sed 's/  *Certificate Hold//; s/ *$//' |
	    sort
}

@test "CA, entries, register and CRL" {
	local old

	run -0 --separate-stderr "$import" pki office
	[ "$output" = "office: 8 certificates, 4 revoked" ]
	[[ $stderr == *'/pki/index.txt:6: is on hold: is revoked for good' ]]
	[ "$(cert-list -o name,kind)" = "bert	client
carl	client
office	ca
server1	server" ]
	for name in server1 bert carl; do
		cmp <(cert-show -o cert $name) \
		    <(cert-show -i pki/issued/$name.crt -o cert)
		cmp <(openssl pkey -in pki/private/$name.key) \
		    "$CERTSTORE/certs/$name/privkey.pem"
	done
	# what has no entry is known, too
	[ "$(cert-list -A office -o subject 'serial:*' | sort)" = "CN=anna
CN=bert
CN=carl
CN=dora
CN=fred" ]
	# the same revocations, but nothing is on hold
	told pki/crl.pem >old
	told "$CERTSTORE/crl/office.pem" >new
	cmp old new
	[ "$(wc -l <new)" -eq 4 ]
	run -0 openssl crl -in "$CERTSTORE/crl/office.pem" -noout \
	    -CAfile pki/ca.crt
	cert-check
	[ -z "$(litter "$CERTSTORE")" ]

	# the one that easy-rsa cannot revoke any more by its name
	old=$(cert-list -A office -o serial,subject 'serial:*' |
	    sed -n 's/\tCN=carl//p')
	cert-revoke -q -A office "serial:$old" reason=superseded
	[ "$(told "$CERTSTORE/crl/office.pem" | wc -l)" -eq 5 ]
}

@test "-n changes nothing, a second run adds what is new" {
	run -0 --separate-stderr "$import" -n pki
	[ "$output" = "entries 3, other certificates 5, revoked 4" ]
	[ ! -e "$CERTSTORE" ]
	"$import" pki
	[ "$(cert-list -k ca -o name)" = office-ca ]
	(cd "$CERTSTORE" && find . -type f -exec md5sum {} + | sort) >before
	cp -a pki kept
	run -0 --separate-stderr "$import" pki
	(cd "$CERTSTORE" && find . -type f -exec md5sum {} + | sort) >after
	! comm -3 before after | grep -v '/crl/\|/log$\|/.lock$' ||
	    fail "more than the CRL has changed"
	diff -r pki kept

	# carl was renewed here; anna's successor came from easy-rsa
	cert-renew -fq carl
	rsa=/usr/share/easy-rsa
	export EASYRSA_BATCH=1 EASYRSA_ALGO=ec EASYRSA_CURVE=prime256v1
	easyrsa build-client-full anna nopass
	easyrsa revoke bert
	new=$(cert-show -o fingerprint carl)
	run -0 --separate-stderr "$import" pki
	[ "$output" = "office-ca: 10 certificates, 5 revoked" ]
	[ "$(cert-show -o fingerprint carl)" = "$new" ]
	[ "$(cert-show -o subject anna)" = CN=anna ]
	run -2 "$import" pki other
	[[ $output = *'other: this CA is in the store as office-ca' ]]
}

@test "an encrypted CA key stays encrypted" {
	(umask 077; echo sesame >pass)
	openssl pkey -in pki/private/ca.key -aes256 -passout file:pass \
	    -out ca.key
	mv ca.key pki/private/ca.key
	run -2 setsid "$import" pki </dev/null
	[[ $output = *'is encrypted: use -p with its passphrase' ]]
	[ ! -e "$CERTSTORE" ]
	run -2 "$import" -p - pki <pass
	[ ! -e "$CERTSTORE" ]
	"$import" -p pass pki office
	grep ENCRYPTED "$CERTSTORE/certs/office/privkey.pem"
	[ "$(told "$CERTSTORE/crl/office.pem" | wc -l)" -eq 4 ]
}

@test "what is not understood is named, and nothing is changed" {
	# refused COMMAND MESSAGE: after this change of the PKI
	refused() {
		rm -rf pki
		cp -a "$shared/pki" .
		(cd pki && eval "$1")
		run -2 "$import" pki
		[[ $output = *"$2"* ]] || fail "$1: $output"
		[ ! -e "$CERTSTORE" ] || fail "$1: there is a store"
	}

	refused 'rm private/ca.key' 'pki/private/ca.key: is missing'
	refused 'cp issued/carl.crt ca.crt' 'pki/ca.crt: is not a CA'
	refused 'cat issued/carl.crt >>issued/bert.crt' \
	    'pki/issued/bert.crt: has more than one certificate'
	refused 'echo x >>index.txt' 'pki/index.txt:10: has not six fields'
	refused "sed -i '1s/^V/Q/' index.txt" \
	    'pki/index.txt:1: "Q" is neither V nor R nor E'
	refused "sed -i s/,keyComp.*ise/,removeFromCRL/ index.txt" \
	    'removeFromCRL" is not a reason that is known'
	refused "sed -i 's/[0-9]*Z,keyC/491127000000Z,keyC/' index.txt" \
	    'is revoked in the future'
	refused 'sed -n 1p index.txt >>index.txt' \
	    'pki/index.txt:10: has the serial number of line 1'
	refused "sed -i 1d index.txt" \
	    'pki/issued/server1.crt: its serial number is not in index.txt'
	refused 'cp private/bert.key private/carl.key' 'is not its private key'
	refused 'mv issued/carl.crt issued/carl@x.crt
	    mv private/carl.key private/carl@x.key' \
	    'pki/issued/carl@x.crt: is not the name of an entry'
	refused 'echo FFFFFFFFFF >crlnumber' 'pki/crlnumber: is higher'
	refused ': >issued/carl.crt' 'pki/issued/carl.crt'
	rm -rf pki
	cp -a "$shared/pki" .
	cert-create -s a.example.com carl
	run -2 "$import" pki
	[[ $output = *'carl: is another entry of the store' ]]
	[ "$(cert-list -o name)" = carl ]
	run -2 "$import" pki a b
	[[ $output = 'usage: easyrsa-import '* ]]
}

@test "what was interrupted is completed by the next run" {
	local command

	mkdir stubs
	for command in cert-check cert-revoke cert-crl; do
		# shellcheck disable=SC2016  # for the stub
		printf '#!/bin/sh\nkill -KILL $PPID\n' >stubs/$command
		chmod 755 stubs/$command
		PATH=$PWD/stubs:$PATH run -137 "$import" pki office
		rm stubs/$command
	done
	run -0 --separate-stderr "$import" pki office
	[ "$output" = "office: 8 certificates, 4 revoked" ]
	told pki/crl.pem >old
	told "$CERTSTORE/crl/office.pem" >new
	cmp old new
	cert-check
}
