#!/usr/bin/env bats
# profile.bats: profiles as files: what they give to a certificate, that it stays
# over -u and renewal, and those of dist/profiles.

# shellcheck disable=SC2154  # stderr is run's

load helper

# profile NAME [LINE...]: writes a profile.
profile() {
	mkdir -p "$CERTSTORE/profiles"
	printf '%s\n' "${@:2}" >"$CERTSTORE/profiles/$1"
}

# exts NAME: the extensions that a profile can change, as openssl prints them.
exts() {
	cert-show -o cert "$1" | openssl x509 -noout -text |
	    sed -n '/X509v3 extensions/,/Subject Key Id/p' |
	    grep -v 'Subject Key Id'
}

# verified NAME [PROFILE]: by us and by openssl, strictly.
verified() {
	run -0 cert-verify -q -T "$CERTSTORE/certs/ca/cert.pem" \
	    -P "${2:-server}" "$1"
	openssl verify -x509_strict -no-CApath -no-CAstore \
	    -CAfile "$CERTSTORE/certs/ca/cert.pem" \
	    "$CERTSTORE/certs/$1/cert.pem"
}

setup() {
	common_setup
	cert-create -c -l 3000d ca
}

vpn=('# a VPN' '-P server' '-t rsa:2048' '-l 90d' '-S O=Example GmbH'
    '-s vpn.example.com' 'purpose ipsecIKE 1.2.3.4'
    'keyusage digitalSignature keyAgreement keyEncipherment'
    'extension 1.3.6.1.5.5.7.1.24=3003020105')

@test "a profile gives what its lines say" {
	profile vpn "${vpn[@]}"
	run -0 --separate-stderr cert-create -A ca -P vpn one
	[ -z "$output$stderr" ]
	verified one
	[ "$(cert-show -o key,kind,names,subject one)" = \
	    $'rsa:2048\tserver\tvpn.example.com\tCN=vpn.example.com,O=Example GmbH' ]
	run -0 exts one
	[[ $output == *'Digital Signature, Key Encipherment'$'\n'* ]]
	[[ $output == *'Authentication, ipsec Internet Key Exchange, 1.2.3.4'* ]]
	[[ $output == *'status_request'* ]]
	run -0 cert-show -o text one
	[[ $output == *'1.2.3.4'*'status_request'* ]]
}

@test "the command line wins, or adds" {
	profile vpn "${vpn[@]}"
	cert-create -A ca -P vpn -t p256 -l 30d -S O=Other -S CN=x \
	    -s a.example.com two
	verified two
	[ "$(cert-show -o key,names,subject two)" = \
	    $'p256\ta.example.com,vpn.example.com\tCN=x,O=Other' ]
	starts=$(date -d "$(cert-list -o starts two)" +%s)
	ends=$(date -d "$(cert-list -o ends two)" +%s)
	[ $(((ends - starts) / 86400)) -eq 30 ]
	# of the key usage, what this type of key can be used for
	[[ $(exts two) == *'Digital Signature, Key Agreement'$'\n'* ]]
	openssl genrsa -out key.pem 2048 2>/dev/null
	cert-create -A ca -P vpn -K key.pem three
	verified three
}

@test "-u compares with a profile, and keeps what it gave" {
	profile vpn "${vpn[@]}"
	cert-create -A ca -P vpn -t p256 one
	was=$(exts one)
	run -1 --separate-stderr cert-create -uxA ca -t p256 -P vpn one
	[ -z "$stderr" ]
	run -1 cert-create -uxA ca one
	# without the profile, all of it stays when something else changes
	run -0 --separate-stderr cert-create -uxA ca -s b.example.com one
	[[ $stderr == *'does not cover "b.example.com": replaced' ]]
	[ "$(exts one | grep -v DNS:)" = "$(grep -v DNS: <<<"$was")" ]
	# but -f makes exactly what is asked for
	cert-create -fA ca one.example.com
	cert-create -A ca -P vpn -t p256 two
	profile vpn "${vpn[@]/1.2.3.4/1.2.3.5}"
	run -0 --separate-stderr cert-create -uxA ca -t p256 -P vpn two
	[[ $stderr == *'two: is not for 1.2.3.5: replaced' ]]
	profile vpn "${vpn[@]/3003020105/3006020105020111}"
	run -0 --separate-stderr cert-create -uxA ca -t p256 -P vpn two
	[[ $stderr == *'two: has another value of the extension 1.3.6.1.5.5.7.1.24: replaced' ]]
	profile vpn "${vpn[@]/digitalSignature/nonRepudiation digitalSignature}"
	run -0 --separate-stderr cert-create -uxA ca -t p256 -P vpn two
	[[ $stderr == *'two: has another key usage: replaced' ]]
	verified two
}

@test "renewal keeps what a profile gave" {
	profile vpn "${vpn[@]}"
	cert-create -A ca -P vpn -t p256 one
	profile mine 'purpose codeSigning' 'extension 1.2.3.4=0500'
	cert-create -P mine -S CN=me self
	rm -r "$CERTSTORE/profiles"
	was=$(exts one)$(exts self)
	first=$(cert-show -o fingerprint one self)
	run -0 cert-renew -f one self
	[ "$(cert-show -o fingerprint one self)" != "$first" ]
	[ "$(exts one)$(exts self)" = "$was" ]
	verified one
}

@test "a request has it, too, but not the life" {
	profile vpn "${vpn[@]}"
	cert-create -R -P vpn -t p256 req >req.csr
	run -0 openssl req -in req.csr -noout -text
	[[ $output == *'1.2.3.4'* && $output == *'status_request'* ]]
	run -0 --separate-stderr cert-create -uR -P vpn -t p256 req
	[ "$output" = "$(cat req.csr)" ]
	profile vpn "${vpn[@]/1.2.3.4/1.2.3.5}"
	run -2 --separate-stderr cert-create -uR -P vpn -t p256 req
	[[ $stderr == *'is not for 1.2.3.5'* ]]
	run -2 --separate-stderr cert-create -R -l 1y -P vpn -t p256 other
	[[ $stderr == *'sets the validity'* ]]
}

@test "for what no built-in profile is, and for a CA" {
	profile code 'purpose codeSigning documentSigning'
	cert-create -A ca -P code -S CN=Releases release
	verified release any
	[ "$(cert-list -k other -o kind release)" = other ]
	[ ! -e "$CERTSTORE/combined/release.pem" ]
	profile stamp 'purpose timeStamping'
	cert-create -A ca -P stamp -S CN=Stamps stamp
	[[ $(exts stamp) == *'Extended Key Usage: critical'* ]]
	verified stamp any
	profile sub -c '-C pathlen=0' '-C permit=lab.example.com' '-l 1y' \
	    '-S O=Lab'
	cert-create -c -A ca -P sub lab
	[ "$(cert-show -o kind,subject lab)" = $'ca\tCN=lab,O=Lab' ]
	cert-create -A lab x.lab.example.com
	run -2 --separate-stderr cert-create -A lab x.example.com
	[[ $stderr == *'outside the name constraints of lab'* ]]
	run -2 --separate-stderr cert-create -c -A ca -P code sub2
	[[ $stderr == *'-P code: is not a profile for a CA: remove -c or'* ]]
	# a CA is made with -c only
	run -2 --separate-stderr cert-create -A ca -P sub sub2
	[[ $stderr == *'-P sub: is a profile for a CA: add -c' ]]
	cert-create -R -s x.lab.example.com x >x.csr
	run -2 --separate-stderr cert-sign -A ca -P sub x.csr
	[[ $stderr == *'-P sub: is a profile for a CA: add -c' ]]
	# no end that is known (RFC 5280 section 4.1.2.5), below such a CA
	profile device '-P client' '-l 9999-12-31T23:59:59Z' '-S OU=Devices'
	cert-create -c -l 9999-12-31T23:59:59Z devices
	cert-create -A devices -P device -S CN=4711 device
	openssl x509 -noout -enddate -in "$CERTSTORE/certs/device/cert.pem" |
	    grep -x 'notAfter=Dec 31 23:59:59 9999 GMT'
	run -0 --separate-stderr cert-create -A ca -P device -S CN=4712 cut
	[[ $stderr == *'with its CA ca, not 9999-12-31T23:59:59Z' ]]
}

@test "refused, with the line, and nothing changed" {
	profile vpn '-P server' '' '-A ca'
	find "$CERTSTORE" -printf '%P %s %T@\n' | sort >before
	run -2 --separate-stderr cert-create -A ca -P vpn one.example.com
	[ "$stderr" = "cert-create: -P $CERTSTORE/profiles/vpn:3: -A does not describe a certificate: remove this line, only -C, -c, -l, -P, -S, -s and -t can be in a profile" ]
	find "$CERTSTORE" -printf '%P %s %T@\n' | sort | diff before -
	run -2 --separate-stderr cert-create -P vpm one.example.com
	[[ $stderr == *"-P \"vpm\": unknown profile: use server, "*"or add the file $CERTSTORE/profiles/vpm" ]]
	run -2 --separate-stderr cert-create -P ../props one.example.com
	[[ $stderr == *'unknown profile'* ]]
	profile vpn '-P client'
	chmod 664 "$CERTSTORE/profiles/vpn"
	run -2 --separate-stderr cert-create -A ca -P vpn one
	[[ $stderr == *'/profiles/vpn: others can write it: chmod go-w' ]]
	profile real '-P client'
	ln -sf real "$CERTSTORE/profiles/vpn"
	run -2 --separate-stderr cert-create -A ca -P vpn one
	[[ $stderr == *'/profiles/vpn: is a symbolic link: use a regular file' ]]
	rm "$CERTSTORE/profiles/vpn"
	profile vpn '-P client' 'keyusage keyEncipherment'
	run -2 --separate-stderr cert-create -A ca -P vpn -S CN=x one
	[[ $stderr == *'the keyusage of the profile has no use for a key of type p256: add digitalSignature'* ]]
}

@test "cert-check -r keeps others from writing a profile" {
	profile vpn '-P client'
	chmod 666 "$CERTSTORE/profiles/vpn"
	run -1 cert-check
	[[ $output == *'profiles/vpn'* ]]
	run -0 cert-check -r
	[ "$(mode "$CERTSTORE/profiles/vpn")" = 644 ]
	run -0 cert-check
}
