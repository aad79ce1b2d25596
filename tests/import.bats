#!/usr/bin/env bats
# import.bats: cert-import end to end.

load helper
load pki

# dated NAME START END: NAME.crt, self-signed, for NAME.key; YYYYMMDDHHMMSSZ.
dated() {
	pki cert "$1.crt" "$1.key" "/CN=$1" "from=$2" "to=$3" \
	    "subjectAltName=DNS:$1"
}

# subjects FILE: the subjects of its certificates in order, one a line.
subjects() {
	pki subjects "$1"
}

# holds NAME FILE: the entry's certificate is that one, with its key.
holds() {
	pki entry "$CERTSTORE/certs/$1" "$2"
}

# imports ARG...: succeeds and warns of nothing.
imports() {
	run -0 --separate-stderr cert-import "$@"
	[ -z "$stderr" ] || fail "$stderr"
}

# refuses REGEX ARG...: status 2, one line that fits, and nothing changed.
refuses() {
	local regex=$1 before after

	shift
	before=$(find "$CERTSTORE" 2>/dev/null | sort)
	run -2 --separate-stderr cert-import "$@"
	[ -z "$output" ] || fail "stdout: $output"
	# shellcheck disable=SC2154  # bats sets it
	[ "${#stderr_lines[@]}" -eq 1 ] || fail "$stderr"
	[[ ${stderr_lines[0]} =~ $regex ]] || fail "$stderr"
	after=$(find "$CERTSTORE" 2>/dev/null | sort)
	[ "$before" = "$after" ] || fail "the store was changed"
}

# warns REGEX ARG...: succeeds with one warning, which fits.
warns() {
	local regex=$1

	shift
	run -0 --separate-stderr cert-import "$@"
	[ "${#stderr_lines[@]}" -eq 1 ] || fail "warnings: $stderr"
	[[ ${stderr_lines[0]} =~ $regex ]] || fail "$stderr"
}

@test "a certificate and its key become an entry named after the first SAN" {
	ca root /CN=Root
	server www root www.example.com
	imports www.crt www.key root.crt
	[ "$output" = www.example.com ]
	holds www.example.com www.crt
	cd "$CERTSTORE/certs/www.example.com"
	[ "$(mode privkey.pem)" = 600 ]
	[ "$(mode combined.pem)" = 600 ]
	[ "$(mode fullchain.pem)" = 644 ]
	grep -qx 'origin import' props
	grep -qx 'origin import' info
	[ -z "$(litter "$CERTSTORE")" ]
}

@test "blocks in any order: the chain is sorted, the root is not in it" {
	ca root /CN=Root
	sign int root /CN=Int 900 basicConstraints=critical,CA:TRUE
	sign sub int /CN=Sub 800 basicConstraints=critical,CA:TRUE
	server www sub www.example.com
	cat root.crt sub.crt www.key int.crt www.crt sub.crt >bundle
	run -0 --separate-stderr cert-import <bundle
	[ -z "$stderr" ]
	cd "$CERTSTORE/certs/www.example.com"
	[ "$(subjects fullchain.pem)" = \
	    "$(printf 'CN=%s\n' www.example.com Sub Int)" ]
	[ "$(subjects ca.pem)" = "$(printf 'CN=%s\n' Sub Int Root)" ]
	head -n 1 combined.pem | grep -q 'BEGIN PRIVATE KEY'
}

@test "an imported entry passes a TLS handshake with verification of its name" {
	ca root /CN=Root
	sign int root /CN=Int 900 basicConstraints=critical,CA:TRUE,pathlen:0 \
	    keyUsage=critical,keyCertSign
	server www int www.example.com
	imports int.crt www.key root.crt www.crt
	proven www.example.com www.example.com
}

@test "one call makes an entry for each end-entity key" {
	ca root /CN=Root
	sign int root /CN=Int 900 basicConstraints=critical,CA:TRUE
	server a int a.example.com
	server b int b.example.com
	cat b.key a.key >keys
	imports a.crt int.crt b.crt keys
	[ "$output" = "$(printf '%s\n' a.example.com b.example.com)" ]
	holds a.example.com a.crt
	holds b.example.com b.crt
	[ "$(subjects "$CERTSTORE/certs/b.example.com/fullchain.pem")" = \
	    "$(printf 'CN=%s\n' b.example.com Int)" ]
}

@test "two keys for one name must be imported separately" {
	ca root /CN=Root
	server a root www.example.com
	key b rsa:2048
	server b root www.example.com
	cat root.crt >>a.crt
	refuses 'www.example.com: both a.crt:1 and b.crt:1 .*-N' \
	    a.crt a.key b.crt b.key
	imports a.crt a.key
	refuses 'www.example.com: .*-f' b.crt b.key
	imports -N www-rsa b.crt b.key root.crt
	holds www-rsa b.crt
}

@test "the newest of several certificates for a key is used" {
	ca root /CN=Root
	dated www 20240101000000Z 20990101000000Z
	mv www.crt old.crt
	dated www 20240601000000Z 20980101000000Z
	mv www.crt new.crt
	warns '^cert-import: old.crt:1: certificate "CN=www": left out: new.crt:1 ' \
	    old.crt new.crt www.key
	holds www new.crt
	# Begun together: the longer.
	dated two 20240101000000Z 20990101000000Z
	mv two.crt long.crt
	dated two 20240101000000Z 20980101000000Z
	warns 'two.crt:1: .*left out' two.crt long.crt two.key
	holds two long.crt
}

@test "missing issuers are found in the store" {
	ca root /CN=Root
	sign int root /CN=Int 900 basicConstraints=critical,CA:TRUE
	server www int www.example.com
	imports int.crt root.crt
	[ "$output" = "$(printf '%s\n' int root)" ]
	imports www.crt www.key
	cd "$CERTSTORE/certs/www.example.com"
	[ "$(subjects fullchain.pem)" = \
	    "$(printf 'CN=%s\n' www.example.com Int)" ]
	[ "$(subjects ca.pem)" = "$(printf 'CN=%s\n' Int Root)" ]
}

@test "a CA without a key becomes an entry that does not serve TLS" {
	ca root '/O=Some Org/CN=Some Root CA'
	imports root.crt
	[ "$output" = some-root-ca ]
	[ ! -e "$CERTSTORE/certs/some-root-ca/privkey.pem" ]
	[ ! -e "$CERTSTORE/combined/some-root-ca.pem" ]
	run -1 cert-import -x root.crt
	# Its key comes later: nothing is lost, so no -f.
	imports root.key root.crt
	[ "$output" = some-root-ca ]
	holds some-root-ca root.crt
	# And without its key again: it stays.
	run -1 --separate-stderr cert-import -x root.crt
	[ -z "$output" ]
	holds some-root-ca root.crt
}

@test "a CA with its key is an entry, alone or with a certificate it issued" {
	ca root /CN=Root
	server www root www.example.com
	imports www.crt www.key root.crt root.key
	[ "$output" = "$(printf '%s\n' www.example.com root)" ]
	holds root root.crt
	holds www.example.com www.crt
	cert-create -A root -s new.example.com new
	# An intermediate with its key: the root is above it, no entry.
	ca top /CN=Top
	sign int top /CN=Int 900 basicConstraints=critical,CA:TRUE
	imports top.crt int.crt int.key
	[ "$output" = int ]
	[ "$(subjects "$CERTSTORE/certs/int/ca.pem")" = CN=Top ]
}

@test "a CA that issued none of the certificates is refused" {
	ca root /CN=Root
	ca other '/CN=Other CA'
	server www root www.example.com
	cat www.crt other.crt root.crt >chain
	n=$(grep -n BEGIN chain | sed -n '2s/:.*//p')
	refuses "chain:$n: certificate \"CN=Other CA\": .*remove it" \
	    chain www.key
	# The same name, another key: it signed nothing.
	ca root2 /CN=Root
	refuses 'root2.crt:1: .*"CN=Root"' www.crt www.key root.crt root2.crt
}

@test "a bundle may have both certificates of a cross-signature" {
	ca old '/CN=Old Root'
	ca new '/CN=New Root'
	server www new www.example.com
	cp new.crt new-self.crt
	sign new old '/CN=New Root' 900 basicConstraints=critical,CA:TRUE
	mv new.crt new-cross.crt
	imports www.crt www.key new-self.crt new-cross.crt old.crt
	[ "$output" = www.example.com ]
}

@test "an end-entity without a key is refused with file, line and subject" {
	ca root /CN=Root
	server www root www.example.com
	refuses 'www.crt:1: certificate "CN=www.example.com": .*key' \
	    www.crt root.crt
	# Also beside one that is complete; nothing is imported then.
	server b root b.example.com
	refuses 'www.crt:1: .*"CN=www.example.com"' \
	    b.crt b.key www.crt root.crt
}

@test "keys without a certificate, wrong keys and requests are refused" {
	ca root /CN=Root
	server www root www.example.com
	key other
	refuses 'www.key:1: a private key without its certificate' www.key
	refuses 'www.crt:1: .*"CN=www.example.com".*other.key:1 is not its private key' \
	    www.crt other.key
	refuses 'other.key:1: this private key matches no certificate' \
	    www.crt www.key other.key root.crt
	pki cert www.csr www.key /CN=x csr
	refuses 'www.csr:1: a certificate request' www.csr
	refuses 'www.csr:1: a certificate request' www.key www.csr
	pki spki www.key >www.pub
	refuses 'www.pub:1: there is no certificate' www.pub
	# Beside the rest a request does no harm.
	imports www.csr www.crt www.key root.crt www.key
}

@test "a private key that does not match its public part is refused" {
	ca root /CN=Root
	server www root www.example.com
	key other
	openssl ec -in www.key -outform DER -no_public -out www.der 2>/dev/null
	# SEC1: the private octets are at 7 to 38, the public ones at the end.
	openssl ec -in www.key -outform DER -out a.der 2>/dev/null
	openssl ec -in other.key -outform DER -out b.der 2>/dev/null
	{ head -c 7 a.der; tail -c +8 b.der | head -c 32
	  tail -c +40 a.der; } >mixed.der
	cmp -s mixed.der a.der && fail 'the same key'
	refuses 'mixed.der: this private key is damaged' \
	    www.crt mixed.der root.crt
}

@test "-K: only the key of that file is used" {
	ca root /CN=Root
	server www root www.example.com
	ca other /CN=Other
	cat www.key other.crt >bundle
	chmod 600 bundle
	imports -K bundle www.crt root.crt
	holds www.example.com www.crt
	refuses 'root.crt.*no private key' -K root.crt www.crt
	key wrong
	refuses 'wrong.key:1 is not its private key' -K wrong.key www.crt
}

@test "an answer goes to its waiting request" {
	ca root /CN=Root
	cert-create -R -s buy.example.com -s 192.0.2.7 shop >shop.csr
	pki answer shop.crt shop.csr ca=root.crt key=root.key days=90 \
	    subjectAltName=DNS:buy.example.com,IP:192.0.2.7
	refuses 'other: is the answer to the waiting request of shop' \
	    -N other shop.crt
	run -0 --separate-stderr cert-import -nv shop.crt root.crt
	[[ $output == *shop*answer* ]]
	imports shop.crt root.crt
	[ "$output" = shop ]
	holds shop shop.crt
	cd "$CERTSTORE/certs/shop"
	[ ! -e request.key ]
	[ ! -e request.csr ]
	run -1 grep '^request ' info
	run -1 cert-list -k waiting
}

@test "an answer that lacks requested names is refused" {
	ca root /CN=Root
	cert-create -R -s a.example.com -s b.example.com shop >shop.csr
	pki answer shop.crt shop.csr ca=root.crt key=root.key days=90 \
	    subjectAltName=DNS:a.example.com
	refuses 'shop: does not cover b.example.com, which was requested: use -f' \
	    shop.crt root.crt
	warns 'shop: does not cover b.example.com, which was requested' \
	    -f shop.crt root.crt
}

@test "an earlier certificate of a key that is kept is no answer" {
	ca root /CN=Root
	server www root www.example.com 90
	imports www.crt www.key root.crt
	# the same key, twice
	cp www.key two.key
	server two root www.example.com 60
	cert-import -q -f two.crt
	cert-create -R -K www.key -s www.example.com www.example.com >new.csr
	# which would even expire later
	refuses 'is the earlier certificate, which is kept.*use cert-revert' www.crt
	cp www.key old.key
	server old root www.example.com 50
	refuses 'expires .*, not later than the certificate that it would' old.crt
	[ -e "$CERTSTORE/certs/www.example.com/request.key" ]
	holds www.example.com two.crt
	# the one that serves changes nothing
	run -1 cert-import -x two.crt
	pki answer new.crt new.csr ca=root.crt key=root.key days=90 \
	    subjectAltName=DNS:www.example.com
	imports new.crt
	holds www.example.com new.crt
}

@test "the answer to a request of an entry that has a certificate needs no -f" {
	ca root /CN=Root
	server www root www.example.com
	imports www.crt www.key root.crt
	cert-create -R -s www.example.com www.example.com >new.csr
	holds www.example.com www.crt
	pki answer new.crt new.csr ca=root.crt key=root.key days=365 \
	    subjectAltName=DNS:www.example.com
	# The same again while it waits: nothing.
	run -1 cert-import -x www.crt www.key root.crt
	[ -e "$CERTSTORE/certs/www.example.com/request.key" ]
	imports new.crt
	holds www.example.com new.crt
	[ ! -e "$CERTSTORE/certs/www.example.com/request.key" ]
	[ "$(subjects "$CERTSTORE/certs/www.example.com/ca.pem")" = CN=Root ]
}

@test "a request for another key still waits" {
	ca root /CN=Root
	server www root www.example.com
	imports www.crt www.key root.crt
	cert-create -R -s www.example.com www.example.com >new.csr
	cp "$CERTSTORE/certs/www.example.com/request.key" kept.key
	server two root www.example.com 365
	imports -f two.crt two.key
	holds www.example.com two.crt
	cmp kept.key "$CERTSTORE/certs/www.example.com/request.key"
	pki answer new.crt new.csr ca=root.crt key=root.key days=366 \
	    subjectAltName=DNS:www.example.com
	imports new.crt
	holds www.example.com new.crt
}

@test "a certificate for another key does not end a waiting request" {
	ca root /CN=Root
	cert-create -R -s www.example.com www.example.com >new.csr
	server www root www.example.com
	imports www.crt www.key root.crt
	[ "$output" = www.example.com ]
	holds www.example.com www.crt
	[ -e "$CERTSTORE/certs/www.example.com/request.key" ]
}

@test "a request of a damaged entry waits, unless it is damaged, too" {
	local dir=$CERTSTORE/certs/www.example.com

	ca root /CN=Root
	server www root www.example.com
	imports www.crt www.key root.crt
	cert-create -R -s www.example.com www.example.com >new.csr
	cp "$dir/request.key" kept.key
	rm "$dir/info"
	imports -f www.crt www.key root.crt
	cmp kept.key "$dir/request.key"
	pki answer new.crt new.csr ca=root.crt key=root.key days=366 \
	    subjectAltName=DNS:www.example.com
	imports new.crt
	holds www.example.com new.crt
	cert-create -R -s www.example.com www.example.com >new.csr
	rm "$dir/info"
	echo rubbish >"$dir/request.csr"
	imports -f www.crt www.key root.crt
	[ ! -e "$dir/request.key" ]
	[ ! -e "$dir/request.csr" ]
}

@test "a renewed certificate for the same key uses the stored key, with -f" {
	ca root /CN=Root
	server www root www.example.com
	imports -N site www.crt www.key root.crt
	server www root www.example.com 365
	refuses 'site: the entry has another certificate.*-f' www.crt
	imports -f www.crt
	[ "$output" = site ]
	holds site www.crt
	[ "$(subjects "$CERTSTORE/certs/site/ca.pem")" = CN=Root ]
}

@test "several entries with the key and names: -N is needed" {
	ca root /CN=Root
	server www root www.example.com
	imports -N one www.crt www.key root.crt
	imports -N two www.crt www.key root.crt
	server www root www.example.com 365
	refuses 'www.crt:1: .*2 entries have its key and names \(one, .*-N' -f www.crt
	imports -f -N two www.crt
	holds two www.crt
}

@test "entry names from wildcards, addresses, subjects and hostile text" {
	ca root /CN=Root
	imports root.crt
	sign w root /CN=x 90 'subjectAltName=DNS:*.Example.COM'
	imports w.crt w.key
	[ "$output" = _.example.com ]
	sign v6 root /CN=x 90 subjectAltName=IP:2001:db8::1
	imports v6.crt v6.key
	[ "$output" = 2001-db8--1 ]
	sign lo root /CN=x 90 subjectAltName=IP:::1
	imports lo.crt lo.key
	[ "$output" = 0--1 ]
	sign mail root '/CN=Jürgen  (Büro)' 90 \
	    subjectAltName=email:j@example.com extendedKeyUsage=emailProtection
	imports mail.crt mail.key
	[ "$output" = j-rgen-b-ro ]
	sign evil root /CN=x 90 \
	    'subjectAltName=DNS:../certs/victim,DNS:ok.example.com'
	warns 'its DNS name "../certs/victim" .*no client matches it' \
	    evil.crt evil.key
	[ "$output" = ok.example.com ]
	sign evil2 root '/CN=..\/..\/etc' 90 'subjectAltName=DNS:../certs/victim'
	warns 'its DNS name "../certs/victim" .*no client matches it' \
	    evil2.crt evil2.key
	[ "$output" = etc ]
	[ ! -e "$CERTSTORE/certs/victim" ]
	sign none root / 90 subjectAltName=URI:sip:a
	refuses 'none.crt:1: .*-N' none.crt none.key
	imports -N none none.crt none.key
	refuses '-N' -N ../x none.crt none.key
}

@test "a name that an entry of another kind has needs -N" {
	ca root /CN=Root
	imports root.crt
	sign a root /CN=a 90 subjectAltName=DNS:a.example.com,DNS:b.example.com
	imports a.crt a.key
	sign c root /CN=a 90 subjectAltName=DNS:a.example.com,DNS:c.example.com
	refuses 'a.example.com: .*other names.*-N' c.crt c.key
	refuses 'a.example.com: .*other names.*-N' -f c.crt c.key
	warns 'a.example.com: no longer covers b.example.com$' \
	    -f -N a.example.com c.crt c.key
	# A server is its hosts, a CA its subject.
	sign e root /CN=e 90 \
	    subjectAltName=DNS:e.example.com,email:e@example.com
	imports e.crt e.key
	sign e root /CN=e 90 subjectAltName=DNS:e.example.com
	imports -f e.crt e.key
	ca one /CN=Same/O=One
	imports one.crt one.key
	ca other /CN=Same/O=Other
	refuses 'same: .*other names.*-N' -f other.crt other.key
	holds a.example.com c.crt
	refuses 'one: there are certificates for 2 entries: remove -N' \
	    -N one a.crt a.key c.crt c.key
}

@test "replacing needs -f; the same content changes nothing" {
	ca root /CN=Root
	server www root www.example.com
	imports www.crt www.key root.crt
	before=$(stat -c '%i %Z' "$CERTSTORE"/certs/www.example.com/*)
	run -0 --separate-stderr cert-import root.crt www.key www.crt
	[ -z "$output$stderr" ]
	run -1 cert-import -fx root.crt www.key www.crt
	# Without what is above it as well.
	run -1 cert-import -x www.key www.crt
	[ "$before" = "$(stat -c '%i %Z' "$CERTSTORE"/certs/www.example.com/*)" ]
	server two root www.example.com
	refuses 'www.example.com: the entry has another certificate.*-f' \
	    two.crt two.key
	run -0 cert-import -fx two.crt two.key root.crt
	[ "$output" = www.example.com ]
	holds www.example.com two.crt
}

@test "replacing warns of missing names, an earlier end, an older certificate" {
	dated www 20250101000000Z 20990101000000Z
	imports www.crt www.key
	rm www.key
	dated www 20240101000000Z 20980101000000Z
	run -0 --separate-stderr cert-import -f www.crt www.key
	[ "${#stderr_lines[@]}" -eq 2 ]
	[[ ${stderr_lines[0]} == "cert-import: www: expires 2098-"*2099-* ]]
	[[ ${stderr_lines[1]} == "cert-import: www: is older (2024-"*2025-* ]]
	# A wildcard stands for what is below it.
	ca root /CN=Root
	sign a root /CN=a 90 \
	    subjectAltName=DNS:a.example.com,DNS:b.a.example.com,IP:192.0.2.1
	imports -N w a.crt a.key root.crt
	sign b root /CN=a 91 'subjectAltName=DNS:*.example.com'
	warns 'w: no longer covers b.a.example.com, 192.0.2.1$' \
	    -f -N w b.crt b.key
}

@test "an import from the kept generation restores it" {
	ca root /CN=Root
	server www root www.example.com
	imports www.crt www.key root.crt
	server two root www.example.com 365
	imports -f two.crt two.key
	kept=$CERTSTORE/certs/.www.example.com@1/combined.pem
	run -0 cert-import -f -N www.example.com "$kept"
	holds www.example.com www.crt
	[ "$(subjects "$CERTSTORE/certs/www.example.com/ca.pem")" = CN=Root ]
}

@test "a damaged entry is replaced with -f" {
	ca root /CN=Root
	server www root www.example.com
	imports www.crt www.key root.crt
	rm "$CERTSTORE/certs/www.example.com/info"
	refuses 'www.example.com: its info is missing' www.crt www.key root.crt
	imports -f www.crt www.key root.crt
	holds www.example.com www.crt
	[ -e "$CERTSTORE/certs/www.example.com/info" ]
	# A key that was put there by hand is put right.
	key other
	cat other.key >"$CERTSTORE/certs/www.example.com/privkey.pem"
	imports www.crt www.key root.crt
	holds www.example.com www.crt
}

@test "warnings: one line each, and none for a good certificate" {
	ca root /CN=Root
	imports root.crt
	dated old 20200101000000Z 20210101000000Z
	warns '^cert-import: old: expired 2021-01-01' old.crt old.key
	dated young 20980101000000Z 20990101000000Z
	warns 'young: not yet valid .valid from 2098-01-01' young.crt young.key
	sign nosan root /CN=nosan 90
	warns 'nosan: no subject alternative name.*"nosan"' nosan.crt nosan.key
	sign cl root /CN=x 90 subjectAltName=DNS:cl.example.com \
	    extendedKeyUsage=clientAuth
	warns 'cl.example.com: .*serverAuth' cl.crt cl.key
	sign person root /CN=person 90 extendedKeyUsage=clientAuth
	imports person.crt person.key
	key short rsa:1024
	server short root short.example.com
	warns 'short.example.com: weak key \(rsa:1024\).*security level 2' \
	    short.crt short.key
	server sha root sha.example.com 90 md=sha1
	warns 'sha.example.com: weak signature \(SHA1\).*security level 2' \
	    sha.crt sha.key
	key rsa rsa:2048
	ca rsa /CN=RSA
	server md rsa md.example.com 90 md=md5
	warns 'md.example.com: weak signature \(MD5\)' md.crt md.key rsa.crt
	key ed ed25519
	server ed root ed.example.com
	imports ed.crt ed.key
}

@test "warnings: the chain" {
	ca root /CN=Root
	sign int root /CN=Int 900 basicConstraints=critical,CA:TRUE
	server www int www.example.com
	warns 'www.example.com: chain incomplete: its issuer "CN=Int"' \
	    www.crt www.key
	# With an intermediate the rest is taken to be the root.
	imports www.crt www.key int.crt
	sign bad root /CN=Bad 900 basicConstraints=critical,CA:TRUE md=sha1
	server b bad b.example.com
	warns 'b.example.com: its issuer "CN=Bad" has a weak signature' \
	    b.crt b.key bad.crt root.crt
}

@test "a published certificate of version 1 is imported with warnings" {
	run -0 --separate-stderr cert-import "$DATA/vodia-localhost.pem"
	[ "$output" = localhost ]
	[[ $stderr == *'localhost: expired 2019-05-06'* ]]
	[[ $stderr == *'localhost: a certificate of version 1'* ]]
	[[ $stderr == *'localhost: no subject alternative name'* ]]
	[[ $stderr == *'localhost: chain incomplete: its issuer "'*'Vodia Root CA'* ]]
	[ "${#stderr_lines[@]}" -eq 4 ]
}

@test "a STIR/SHAKEN certificate needs no serverAuth" {
	ca root '/CN=SHAKEN CA'
	sign shaken root '/CN=SHAKEN 818H' 90 \
	    1.3.6.1.5.5.7.1.26=DER:3008a006160438313848 \
	    keyUsage=critical,digitalSignature extendedKeyUsage=clientAuth
	imports shaken.crt shaken.key root.crt
	[ "$output" = shaken-818h ]
	grep -qx 'kind shaken' "$CERTSTORE/certs/shaken-818h/info"
	[ "$(cert-list -o name,spc,tn)" = "shaken-818h	818H	" ]
	[ -L "$CERTSTORE/index/spc/818H" ]
	[ ! -e "$CERTSTORE/index/host/shaken-818h" ]
}

@test "a malformed TNAuthList keeps the kind, and the reason is reported" {
	ca root '/CN=SHAKEN CA'
	sign bad root '/CN=SHAKEN 818H' 90 keyUsage=critical,digitalSignature \
	    1.3.6.1.5.5.7.1.26=DER:3006130438313848
	warns 'shaken-818h: its TNAuthList is malformed: it is not in the form of RFC 8226 section 9: it cannot sign calls' \
	    bad.crt bad.key root.crt
	[ "$(cert-list -o kind,spc,tn)" = "shaken		" ]
	[ -z "$(ls "$CERTSTORE/index/spc")" ]
	run -1 cert-verify -T root.crt -P shaken -i bad.crt
	[[ $output == *"has a malformed TNAuthList: "* ]]
	# a code that is not a name for a file
	sign odd root '/CN=odd' 90 \
	    1.3.6.1.5.5.7.1.26=DER:3011a00f160d2e2e2f2e2e2f63657274732f78
	cert-import -q -N odd odd.crt odd.key root.crt 2>/dev/null
	[ "$(cert-list -o spc odd)" = ../../certs/x ]
	[ -z "$(ls "$CERTSTORE/index/spc")" ]
}

@test "properties are kept when the certificate is replaced" {
	ca root /CN=Root
	cert-create -s www.example.com www
	printf 'note by hand\n' >>"$CERTSTORE/certs/www/props"
	server www root www.example.com 800
	run -0 cert-import -f -N www www.crt www.key root.crt
	grep -qx 'note by hand' "$CERTSTORE/certs/www/props"
	[ "$(grep -c '^origin' "$CERTSTORE/certs/www/props")" -eq 1 ]
	grep -qx 'origin import' "$CERTSTORE/certs/www/props"
}

@test "-n prints the same and changes nothing, and does not make a store" {
	ca root /CN=Root
	server www root www.example.com
	run -0 cert-import -nx www.crt www.key root.crt
	[ "$output" = www.example.com ]
	[ ! -e "$CERTSTORE" ]
	run -0 cert-import -nv www.crt www.key root.crt
	[[ $output == *www.example.com*new* ]]
	imports www.crt www.key root.crt
	run -1 cert-import -nx www.crt www.key root.crt
	run -0 cert-import -nv www.crt www.key root.crt
	[[ $output == *www.example.com*same* ]]
	server two root www.example.com
	run -0 cert-import -fnv two.crt two.key root.crt
	[[ $output == *www.example.com*replace* ]]
	holds www.example.com www.crt
}

@test "-p opens an encrypted key; that of a server is stored unencrypted" {
	ca root /CN=Root
	server www root www.example.com
	openssl pkcs8 -topk8 -in www.key -passout pass:phones -out enc.key
	echo phones >pass
	echo wrong >wrong
	chmod 600 pass wrong
	refuses 'enc.key:1: .*-p' www.crt enc.key root.crt
	refuses 'enc.key:1: .*passphrase' -p wrong www.crt enc.key root.crt
	imports -p pass www.crt enc.key root.crt
	holds www.example.com www.crt
	grep -q 'BEGIN PRIVATE KEY' "$CERTSTORE/certs/www.example.com/privkey.pem"
}

@test "the encrypted key of a CA stays encrypted" {
	ca root /CN=Root
	openssl pkcs8 -topk8 -in root.key -passout pass:phones -out enc.key
	echo phones >pass
	chmod 600 pass
	warns 'root: the key of a CA stays encrypted' -p pass root.crt enc.key
	grep -q 'BEGIN ENCRYPTED' "$CERTSTORE/certs/root/privkey.pem"
	openssl pkey -in "$CERTSTORE/certs/root/privkey.pem" \
	    -passin pass:phones -noout
	run -1 --separate-stderr cert-import -x -p pass root.crt enc.key
	[ -z "$stderr" ]
	cert-create -A root -p pass -s x.example.com x
}

@test "PKCS#12, PKCS#7 and DER are imported without conversion" {
	ca root /CN=Root
	sign int root /CN=Int 900 basicConstraints=critical,CA:TRUE
	server a int a.example.com
	cat int.crt root.crt >above
	echo phones >pass
	chmod 600 pass
	openssl pkcs12 -export -in a.crt -inkey a.key -certfile above \
	    -passout pass:phones -out a.p12
	refuses 'a.p12: .*-p' a.p12
	imports -p pass a.p12
	holds a.example.com a.crt
	server b int b.example.com
	cat above b.crt >all
	openssl crl2pkcs7 -nocrl -certfile all -outform DER -out b.p7b
	openssl pkey -in b.key -outform DER -out b.der
	imports b.p7b b.der
	holds b.example.com b.crt
	[ "$(subjects "$CERTSTORE/certs/b.example.com/fullchain.pem")" = \
	    "$(printf 'CN=%s\n' b.example.com Int)" ]
}

@test "many entries in one import" {
	ca root /CN=Root
	local i words=()

	for i in $(seq 100); do
		words+=(cert "n$i.crt" "n$i.key" "/CN=n$i" ca=root.crt
		    key=root.key "subjectAltName=DNS:n$i.example.com" --)
	done
	pki "${words[@]}" subjects root.crt
	for i in $(seq 100); do
		cat "n$i.key" "n$i.crt"
	done >bundle
	imports bundle root.crt
	[ "${#lines[@]}" -eq 100 ]
	[ "$(cert-list | wc -l)" -eq 100 ]
	holds n57.example.com n57.crt
	run -1 cert-import -x bundle root.crt
}

# entries: the names, in one line.
entries() {
	cert-list -o name | paste -sd ' '
}

@test "one key, two certificates: their names decide about the entries" {
	ca root /CN=Root
	key one
	for host in a b c; do
		cp one.key "$host.key"
		server "$host" root "$host.example.com"
	done
	# In one input, in any order, and then in turn, renewed.
	imports b.crt a.crt one.key root.crt
	[ "$(entries)" = 'a.example.com b.example.com' ]
	holds a.example.com a.crt
	holds b.example.com b.crt
	imports c.crt root.crt
	holds c.example.com c.crt
	[ "$(entries)" = 'a.example.com b.example.com c.example.com' ]
	server b root b.example.com 365
	refuses 'b.example.com: the entry has another certificate.*-f' b.crt
	imports -f b.crt
	holds b.example.com b.crt
	holds a.example.com a.crt
	# A name in common: the newer is the entry's, whatever it is called.
	sign a root /CN=a 365 subjectAltName=DNS:new.example.com,DNS:a.example.com
	imports -f a.crt
	[ "$output" = a.example.com ]
	[ "$(entries)" = 'a.example.com b.example.com c.example.com' ]
	# A wildcard is another name than what it covers, and than the apex.
	key two
	for host in wild apex below; do
		cp two.key "$host.key"
	done
	server wild root '*.example.org'
	server apex root example.org
	server below root www.example.org
	imports wild.crt apex.crt below.crt two.key root.crt
	[ "$(entries)" = "_.example.org a.example.com b.example.com c.example.com example.org www.example.org" ]
	# Of another key and other names than the entry of that name.
	imports -N d.example.com apex.crt two.key root.crt
	sign d root /CN=d 90 subjectAltName=DNS:d.example.com
	refuses 'd.example.com: .*other names.*-N' d.crt d.key
	cp two.key d.key
	sign d root /CN=d 90 subjectAltName=DNS:d.example.com
	refuses 'd.example.com: .*other names.*-N' -f d.crt
	imports -N d d.crt root.crt
	holds d d.crt
}

@test "an answer goes to the request with its names, of several with one key" {
	ca root /CN=Root
	key one
	cp one.key a.key
	server a root a.example.com
	imports a.crt a.key root.crt
	cert-create -R -K one.key -s b.example.com b >b.csr
	cert-create -R -K one.key -s c.example.com c >c.csr
	server a root a.example.com 365
	imports -f a.crt
	[ "$output" = a.example.com ]
	cp one.key c.key
	server c root c.example.com
	imports c.crt root.crt
	[ "$output" = c ]
	holds c c.crt
	[ "$(cert-list -k waiting -o name)" = b ]
	# A lone request, with -f, is answered with whatever names.
	cert-create -R -s x.example.com x >x.csr
	printf 'subjectAltName=DNS:y.example.com\n' >ext
	openssl x509 -req -in x.csr -CA root.crt -CAkey root.key -days 90 \
	    -extfile ext -out y.crt 2>/dev/null
	warns 'x: does not cover x.example.com, which was requested' -f y.crt root.crt
	[ "$output" = x ]
}

@test "the given certificates become the chain" {
	ca root /CN=Root
	ca old /CN=Old
	cp root.key cross.key
	sign cross old /CN=Root 900 basicConstraints=critical,CA:TRUE
	sign int root /CN=Int 900 basicConstraints=critical,CA:TRUE
	server www int www.example.com
	full=$CERTSTORE/certs/www.example.com/fullchain.pem
	imports www.crt www.key int.crt cross.crt
	[ "$(grep -c BEGIN "$full")" -eq 3 ]
	# The same certificate with the intermediate only, then without any.
	imports -f www.crt www.key int.crt
	[ "$(grep -c BEGIN "$full")" -eq 2 ]
	run -1 cert-import -fx www.crt www.key
	[ "$(grep -c BEGIN "$full")" -eq 2 ]
	# Renewed, with a chain and without: the old one serves.
	imports -f www.crt www.key int.crt cross.crt
	server www int www.example.com 120
	imports -f www.crt int.crt
	[ "$(grep -c BEGIN "$full")" -eq 2 ]
	server www int www.example.com 130
	imports -f www.crt
	[ "$(grep -c BEGIN "$full")" -eq 2 ]
	# A root that was known goes on being known, since it is not served.
	imports -f www.crt int.crt root.crt
	server www int www.example.com 140
	imports -f www.crt int.crt
	[ "$(grep -c BEGIN "$full")" -eq 2 ]
	[ "$(subjects "${full%/*}/ca.pem")" = "$(printf 'CN=%s\n' Int Root)" ]
}

@test "-u keeps what is of another kind, for servers, strong, or as good" {
	local same='from=20240601000000Z to=20980601000000Z' bad

	key u
	# shellcheck disable=SC2086  # words
	for bad in good again; do
		pki cert "$bad.crt" u.key /CN=u $same subjectAltName=DNS:u
	done
	# shellcheck disable=SC2086
	pki cert ca.crt u.key /CN=u $same basicConstraints=critical,CA:TRUE \
	    keyUsage=critical,keyCertSign subjectAltName=DNS:u
	# shellcheck disable=SC2086
	pki cert client.crt u.key /CN=u $same extendedKeyUsage=clientAuth \
	    subjectAltName=DNS:u
	# shellcheck disable=SC2086
	pki cert server.crt u.key /CN=u $same extendedKeyUsage=serverAuth \
	    subjectAltName=DNS:u
	openssl genrsa -out weak.key 1024 2>/dev/null
	pki cert weak.crt weak.key /CN=u to=20990101000000Z \
	    subjectAltName=DNS:u
	imports -u -N u good.crt u.key
	for bad in again:'is no better' ca:'is of kind ca, not self' \
	    client:'is not for TLS servers'; do
		run -1 --separate-stderr cert-import -ux -N u "${bad%%:*}.crt"
		[[ $stderr =~ ^cert-import:\ u:\ kept.*${bad#*:} ]] ||
		    fail "$stderr"
	done
	run -1 --separate-stderr cert-import -ux -N u weak.crt weak.key
	[[ $stderr =~ ^cert-import:\ u:\ kept.*is\ weak ]] || fail "$stderr"
	holds u good.crt
	# what serves is better than what does not
	cert-rm u
	cert-import -q -N u client.crt u.key
	imports -ux -N u server.crt
	holds u server.crt
}

@test "-u replaces only by a better certificate" {
	dated www 20240101000000Z 20980101000000Z
	cp www.crt first.crt
	dated www 20240601000000Z 20980601000000Z
	cp www.crt newer.crt
	dated www 20240701000000Z 20980301000000Z
	cp www.crt shorter.crt
	dated www 20970101000000Z 20990101000000Z
	cp www.crt future.crt
	imports -u first.crt www.key
	[ "$output" = www ]
	# Better: no -f needed; then it is the same.
	imports -ux newer.crt www.key
	holds www newer.crt
	run -1 --separate-stderr cert-import -ux newer.crt
	[ -z "$stderr" ]
	for bad in first:'is older: 2024-01-01.*2024-06-01' \
	    shorter:'expires earlier: 2098-03-01.*2098-06-01' \
	    future:'is not yet valid .valid from 2097-01-01'; do
		for f in '' f n; do
			run -1 --separate-stderr cert-import "-ux$f" "${bad%%:*}.crt"
			[ -z "$output" ]
			[[ $stderr =~ ^cert-import:\ www:\ kept.*${bad#*:} ]] ||
			    fail "$stderr"
		done
		run -0 --separate-stderr cert-import -uq "${bad%%:*}.crt"
		[ -z "$output$stderr" ]
		run -0 --separate-stderr cert-import -uv "${bad%%:*}.crt"
		[[ $output == www[[:space:]]kept[[:space:]]* ]] || fail "$output"
	done
	holds www newer.crt
	# The remedy: without -u, -f takes it, and says that it is older.
	run -0 --separate-stderr cert-import -f first.crt
	[[ $stderr == *'is older (2024-01-01'*'than the one that it replaces'* ]]
	holds www first.crt
	# A name lost, a name gained; another key.
	ca root /CN=Root
	sign two root /CN=x 90 subjectAltName=DNS:a.example.com,DNS:b.example.com
	sign one root /CN=x 95 subjectAltName=DNS:a.example.com
	sign all root /CN=x 95 'subjectAltName=DNS:*.example.com'
	imports -N h two.crt two.key root.crt
	run -1 --separate-stderr cert-import -ux -N h one.crt one.key
	[[ $stderr == *'does not cover b.example.com'* ]]
	imports -ux -N h all.crt all.key
	holds h all.crt
	# Ended: whatever is valid.
	dated gone 20200101000000Z 20210101000000Z
	run -0 cert-import gone.crt gone.key
	dated gone 20190101000000Z 20980101000000Z
	run -0 cert-import -ux gone.crt
	holds gone gone.crt
	run -1 cert-import -ux gone.crt
}

@test "the key of a CA stays encrypted in every import, except with -f" {
	dir=$CERTSTORE/certs/root
	ca root /CN=Root
	umask 077
	echo phones >pass
	echo other >other
	openssl pkcs12 -export -in root.crt -inkey root.key \
	    -passout pass:phones -out root.p12
	openssl pkcs12 -export -in root.crt -inkey root.key -keypbe NONE \
	    -certpbe NONE -passout pass:phones -out clear.p12
	openssl ec -in root.key -aes128 -passout pass:phones -out dek.key \
	    2>/dev/null
	openssl pkcs8 -topk8 -in root.key -passout pass:other -out other.key
	for form in root.p12 clear.p12 'dek.key root.crt'; do
		# shellcheck disable=SC2086  # words
		warns 'root: the key of a CA stays encrypted' -p pass $form
		grep -q 'BEGIN ENCRYPTED' "$dir/privkey.pem"
		openssl pkey -in "$dir/privkey.pem" -passin pass:phones -noout
		# shellcheck disable=SC2086
		run -1 --separate-stderr cert-import -x -p pass $form
		[ -z "$stderr" ]
		cert-rm root
	done
	imports root.crt root.key
	# Encrypted afterwards: -f.
	run -1 --separate-stderr cert-import -x -p pass root.p12
	[[ $stderr == *'root: the key of the CA stays unencrypted'*'-f'* ]]
	warns 'root: the key of a CA stays encrypted' -f -p pass root.p12
	openssl pkey -in "$dir/privkey.pem" -passin pass:phones -noout
	[ "$(grep -c ENCRYPTED "$dir/combined.pem")" -eq 2 ]
	# Another passphrase.
	run -1 --separate-stderr cert-import -x -p other root.crt other.key
	[[ $stderr == *'keeps its passphrase'*'-f'* ]]
	run -1 cert-import -ux -p other root.crt other.key
	openssl pkey -in "$dir/privkey.pem" -passin pass:phones -noout
	run -0 --separate-stderr cert-import -fx -p other root.crt other.key
	[[ $stderr == *'now has the passphrase that was given'* ]]
	openssl pkey -in "$dir/privkey.pem" -passin pass:other -noout
	# And none, also with a renewed certificate.
	run -1 --separate-stderr cert-import -x root.crt root.key
	[[ $stderr == *'stays encrypted as it was'*'-f'* ]]
	openssl req -x509 -key root.key -subj /CN=Root -days 3700 \
	    -addext keyUsage=critical,keyCertSign,cRLSign -out root.crt
	warns 'no longer encrypted' -f root.crt root.key
	holds root root.crt
	# Its certificate alone leaves the key as it is.
	run -0 cert-import -f -p other root.crt other.key
	run -1 --separate-stderr cert-import -fx root.crt
	[ -z "$stderr" ]
	grep -q 'BEGIN ENCRYPTED' "$dir/privkey.pem"
	# In place of another, which was encrypted.
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj /CN=Root -addext keyUsage=critical,keyCertSign,cRLSign \
	    -keyout root.key -out root.crt 2>/dev/null
	run -0 --separate-stderr cert-import -f -N root root.crt root.key
	[[ $stderr == *'not encrypted, but the key that it replaces was'* ]]
}

@test "the key of a waiting request stays encrypted, but not for a server" {
	ca top /CN=Top
	umask 077
	echo phones >pass
	cert-create -c -R -E pass -S CN=Sub sub >sub.csr
	printf 'basicConstraints=critical,CA:TRUE\n' >ext
	openssl x509 -req -in sub.csr -CA top.crt -CAkey top.key -days 90 \
	    -extfile ext -out sub.crt 2>/dev/null
	openssl pkey -in "$CERTSTORE/certs/sub/request.key" \
	    -passin pass:phones -out clear.key
	run -0 --separate-stderr cert-import sub.crt clear.key top.crt
	[ "$output" = sub ]
	[[ $stderr == *'stays encrypted as it was'* ]]
	openssl pkey -in "$CERTSTORE/certs/sub/privkey.pem" \
	    -passin pass:phones -noout
	cert-create -c -R -E pass -S CN=Leaf leaf >leaf.csr
	printf 'subjectAltName=DNS:leaf.example.com\n' >ext
	openssl x509 -req -in leaf.csr -CA top.crt -CAkey top.key -days 90 \
	    -extfile ext -out leaf.crt 2>/dev/null
	refuses 'leaf: request.key: .*-p' leaf.crt
	run -0 cert-import -p pass leaf.crt
	holds leaf leaf.crt
	grep -q 'BEGIN PRIVATE' "$CERTSTORE/certs/leaf/privkey.pem"
	# And what cert-create is given.
	openssl pkcs8 -topk8 -in top.key -passout pass:phones -out enc.key
	cert-create -c -K enc.key -p pass -S CN=Made made
	openssl pkey -in "$CERTSTORE/certs/made/privkey.pem" \
	    -passin pass:phones -noout
	grep -q ENCRYPTED "$CERTSTORE/certs/made/privkey.pem"
}

@test "keys match in every form of their points" {
	ca root /CN=Root
	key a
	openssl ec -in a.key -conv_form compressed -out short.key 2>/dev/null
	openssl ec -in a.key -param_enc explicit -out explicit.key 2>/dev/null
	openssl ec -in a.key -no_public -out nopub.key 2>/dev/null
	openssl ec -in a.key -conv_form hybrid -out hybrid.key 2>/dev/null
	server a root a.example.com
	cp short.key b.key
	server b root b.example.com
	for cert in a b; do
		for key in a short explicit nopub hybrid; do
			imports "$cert.crt" "$key.key" root.crt
			[ "$(fingerprint "$cert.crt")" = "$(fingerprint \
			    "$CERTSTORE/certs/$cert.example.com/fullchain.pem")" ]
			openssl ec -in "$CERTSTORE/certs/$cert.example.com/privkey.pem" \
			    -text -noout 2>/dev/null | grep -q 'ASN1 OID: prime256v1'
			openssl ec -in "$CERTSTORE/certs/$cert.example.com/privkey.pem" \
			    -text -noout 2>/dev/null | grep -A1 '^pub' | grep -q ' 04:'
			cert-rm "$cert.example.com"
		done
	done
	# Whose key is it?
	for key in a short explicit; do
		cert-import a.crt b.crt a.key root.crt
		[ "$(cert-show -K "$key.key" -o spki | cert-match -a - | wc -l)" -eq 2 ]
	done
	cert-rm a.example.com b.example.com
	# It serves, and a renewal finds the key, in the other form.
	imports b.crt short.key root.crt
	proven b.example.com b.example.com root.crt
	cp a.key b.key
	server b root b.example.com 100
	imports -u b.crt
	holds b.example.com b.crt
	key other
	openssl ec -in other.key -conv_form compressed -out c.key 2>/dev/null
	refuses 'c.key:1 is not its private key' a.crt c.key
}

# der HEX: a SEQUENCE of that.
der() {
	local len=$((${#1} / 2)) form=

	[ "$len" -lt 128 ] || form=81
	perl -e 'print pack "H*", @ARGV' \
	    "30$form$(printf %02x "$len")$1"
}

@test "keys of version 2, with their public key (RFC 5958)" {
	ca root /CN=Root
	echo phones >pass
	for alg in ed25519 ed448 ec; do
		case $alg in
		ec) key ec ;;
		*) openssl genpkey -algorithm "$alg" -out "$alg.key" ;;
		esac
		server "$alg" root "$alg.example.com"
		openssl pkcs8 -topk8 -nocrypt -in "$alg.key" -outform DER \
		    -out v1.der
		openssl pkey -in "$alg.key" -pubout -outform DER -out pub.der
		case $alg in
		ed25519) n=32 ;;
		ed448) n=57 ;;
		ec) n=65 ;;
		esac
		v1=$(od -An -v -tx1 v1.der | tr -d ' \n')
		pub=$(tail -c "$n" pub.der | od -An -v -tx1 | tr -d ' \n')
		body=020101${v1#*020100}
		# As RFC 8410 has it, and as ring writes it.
		for tail in "81$(printf %02x $((n + 1)))00$pub" \
		    "a1$(printf %02x $((n + 3)))03$(printf %02x $((n + 1)))00$pub" \
		    "a000" "a00081$(printf %02x $((n + 1)))00$pub"; do
			der "$body$tail" >v2.der
			imports "$alg.crt" v2.der root.crt
			holds "$alg.example.com" "$alg.crt"
			cert-rm "$alg.example.com"
		done
		[ "$alg" != ec ] || continue
		# The public part of another key.
		openssl genpkey -algorithm "$alg" -out wrong.key
		openssl pkey -in wrong.key -pubout -outform DER -out pub.der
		tail=81$(printf %02x $((n + 1)))00$(tail -c "$n" pub.der |
		    od -An -v -tx1 | tr -d ' \n')
		der "$body$tail" >v2.der
		refuses 'v2.der: this private key is damaged' "$alg.crt" v2.der
	done
}

@test "passphrase files with what editors add" {
	ca root /CN=Root
	server www root www.example.com
	openssl pkcs8 -topk8 -in www.key -passout pass:phones -out enc.key
	openssl ec -in www.key -aes128 -passout pass:phones -out dek.key \
	    2>/dev/null
	openssl pkcs12 -export -in www.crt -inkey www.key -passout pass:phones \
	    -out www.p12
	openssl pkcs12 -export -in root.crt -nokeys -passout pass:phones \
	    -out root.p12
	printf 'phones\r\n' >crlf
	printf '\357\273\277phones\n' >bom
	printf '\357\273\277phones\r\n' >both
	for pass in crlf bom both; do
		for key in enc.key dek.key www.p12; do
			run -0 cert-import -n -p "$pass" www.crt "$key" root.crt
		done
	done
	# One that was made with the CR, as openssl reads such a file.
	openssl pkcs8 -topk8 -in www.key -passout file:crlf -out cr.key
	refuses 'cr.key:1: the passphrase does not open the key' \
	    -p <(echo phones) www.crt cr.key root.crt
	run -0 cert-import -n -p crlf www.crt cr.key root.crt
	# Made by cert-create: without.
	cert-create -c -E both CA
	openssl pkey -in "$CERTSTORE/certs/CA/privkey.pem" \
	    -passin pass:phones -noout
	cert-create -A CA -p both -s x.example.com x
	# An empty passphrase is one, as without -p; no line at all is none.
	openssl pkcs12 -export -in www.crt -inkey www.key -passout pass: \
	    -out empty.p12
	echo >empty
	run -0 cert-import -n -p empty empty.p12 root.crt
	run -2 --separate-stderr cert-import -n -p /dev/null empty.p12 root.crt
	[[ $stderr == *'/dev/null: is empty: its first line'* ]]
	run -2 --separate-stderr cert-create -c -E empty CA2
	[[ $stderr == *'the first line is empty'* ]]
	# What is encrypted is named.
	refuses 'root.p12: the file is encrypted: .*-p' root.p12
	refuses 'enc.key:1: the key is encrypted: .*-p' www.crt enc.key
}

# req HOST ARG...: what plain openssl req -x509 makes, key.pem and cert.pem.
plainreq() {
	local host=$1

	shift
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout key.pem -out cert.pem -days 30 -subj "/CN=$host" "$@" \
	    2>/dev/null
}

@test "openssl req -x509 for a host makes a server entry, although it is a CA" {
	plainreq h.example.org -addext subjectAltName=DNS:h.example.org
	openssl x509 -in cert.pem -noout -text | grep -q 'CA:TRUE'
	cert-import key.pem cert.pem
	[ "$(cert-match -o name,kind h.example.org)" = "h.example.org	self" ]
	[ -e "$CERTSTORE/combined/h.example.org.pem" ]
	run -2 cert-create -A h.example.org -s a.example.org a
}

@test "without a SAN it is imported as a CA, with a warning" {
	plainreq h.example.org
	run -0 --separate-stderr cert-import key.pem cert.pem
	[[ $stderr == *"is marked as a CA"*"matches no host"* ]]
	run -1 cert-match h.example.org
	plainreq "Example CA" -addext keyUsage=critical,keyCertSign,cRLSign
	run -0 --separate-stderr cert-import key.pem cert.pem
	[ "$output" = example-ca ]
	[ -z "$stderr" ]
}

@test "an unknown critical extension is warned of; very many names match" {
	local names

	plainreq c.example.org -addext subjectAltName=DNS:c.example.org \
	    -addext 1.3.6.1.4.1.99999.1=critical,ASN1:NULL
	run -0 --separate-stderr cert-import key.pem cert.pem
	[[ $stderr == *"critical extension"* ]]
	names=$(seq -f 'DNS:n%g.example.org' -s , 1001)
	plainreq many.example.org -addext "subjectAltName=$names"
	run -0 --separate-stderr cert-import key.pem cert.pem
	[ -z "$stderr" ]
	[ "$(cert-match -o name n1001.example.org)" = n1.example.org ]
}

@test "an RSA key that does not match its public part is refused" {
	# The modulus of one key, all else of another: n comes first.
	openssl req -x509 -newkey rsa:2048 -noenc -keyout key.pem \
	    -subj /CN=a.example.com -addext subjectAltName=DNS:a.example.com \
	    -out cert.pem 2>said
	openssl genrsa -traditional -out other.pem 2048 2>said
	openssl rsa -in key.pem -traditional -outform DER -out key.der 2>said
	openssl rsa -in other.pem -traditional -outform DER -out other.der \
	    2>said
	# 4 bytes of header, 3 of version, 5 + 256 of modulus
	{
		head -c 4 other.der
		head -c 268 key.der | tail -c +5
		tail -c +269 other.der
	} >mixed.der
	{
		echo '-----BEGIN RSA PRIVATE KEY-----'
		openssl base64 -in mixed.der
		echo '-----END RSA PRIVATE KEY-----'
	} >mixed.pem
	run -2 cert-import mixed.pem cert.pem
	[[ $output = *"its public part does not match"* ]]
	[ ! -e "$CERTSTORE/certs/a.example.com" ]
	run -2 cert-create -K mixed.pem -s a.example.com a
	[[ $output = *"its public part does not match"* ]]
	cert-import key.pem cert.pem
}

@test "warnings: keys and names that clients refuse" {
	local alg names

	ca root /CN=Root
	for alg in brainpoolP256r1 secp256k1; do
		openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$alg" \
		    -out "$alg.key" 2>/dev/null
		server "$alg" root "${alg,,}.example.com"
		warns "refuse its key \(${alg,,}\) by default" \
		    "$alg.crt" "$alg.key" root.crt
	done
	names=DNS:ok.example.com,DNS:192.0.2.1,DNS:dot.example.com.
	sign ip root /CN=x 90 "subjectAltName=$names"
	warns 'its DNS name "192.0.2.1" \(and 1 more\) is an IP address' \
	    ip.crt ip.key root.crt
	sign utf root /CN=x 90 "subjectAltName=DNS:b\xc3\xbccher.example,DNS:u.example"
	warns 'not ASCII|DNS name' -N utf utf.crt utf.key root.crt
}

@test "BER and input that is too large are refused" {
	ca root /CN=Root
	openssl x509 -in root.crt -outform DER -out root.der
	# The outer length made indefinite.
	{ printf '\060\200'; tail -c +5 root.der; printf '\0\0'; } >root.ber
	refuses 'root.ber: a certificate in BER, with an indefinite length: it must be DER' root.ber
	{ echo '-----BEGIN CERTIFICATE-----'; openssl base64 -in root.ber
	  echo '-----END CERTIFICATE-----'; } >ber.pem
	refuses 'ber.pem:1: a certificate in BER' ber.pem
	head -c 1048577 /dev/zero | tr '\0' '\n' >large
	refuses 'large: larger than 1048576 bytes: split it into several files' large
}

@test "several certificates whose CA is in the store" {
	ca ca /CN=ca
	imports ca.crt
	server a ca a.example
	server b ca b.example
	imports a.crt a.key b.crt b.key
	for name in a.example b.example; do
		cmp "$CERTSTORE/certs/$name/ca.pem" \
		    "$CERTSTORE/certs/ca/fullchain.pem"
	done
}

@test "more CAs with one name and key than are tried for a certificate" {
	key ca
	for i in $(seq 65); do
		ca ca /CN=ca
		cat ca.crt >>cas.crt
	done
	server a ca a.example
	refuses 'has more than 64 possible issuers: import it with its own' \
	    a.crt a.key cas.crt
}

@test "of several keys without a certificate the first one is named" {
	ca ca /CN=ca
	server a ca a.example
	key one
	key two
	for keys in 'one two' 'two one'; do
		cp "${keys% *}.key" first.pem
		cp "${keys#* }.key" second.pem
		refuses 'first\.pem' a.crt a.key first.pem second.pem
		[[ $stderr != *second.pem* ]] || fail "$stderr"
	done
}

@test "a certificate without a subject is named by its file" {
	ca ca /CN=ca
	sign a ca / 90 subjectAltName=critical,DNS:a.example \
	    extendedKeyUsage=serverAuth
	refuses '^cert-import: a.crt:1: certificate: its private key is missing' \
	    a.crt
}

@test "a CA gets its name from its common name" {
	ca ca '/CN=My-CA v1.2 (Ltd.) -x'
	imports ca.crt
	run -0 cert-list -o name
	[ "$output" = my-ca-v1.2-ltd.x ] || fail "$output"
}

@test "a newer certificate of a CA, with its key encrypted now" {
	ca ca /CN=ca from=20260101000000Z to=20350101000000Z
	imports ca.crt ca.key
	(umask 077 && echo secret >pass)
	openssl pkcs8 -topk8 -in ca.key -out encrypted.key -passout file:pass
	ca ca /CN=ca
	cert-import -qu -p pass ca.crt encrypted.key
	head -n 1 "$CERTSTORE/certs/ca/privkey.pem" | grep ENCRYPTED
	cmp "$CERTSTORE/certs/ca/cert.pem" ca.crt
}
