#!/usr/bin/env bats
# crls.bats: CRLs and helpers of a trust set, and what servers make of them.

# shellcheck disable=SC2154  # stderr and stderr_lines are run's

load helper
load pki
load servers

setup() {
	common_setup
	set=$CERTSTORE/trusts/phones
	cas
}

# crl FILE CA NUMBER [WORD...]
crl() {
	pki crl "$1" "ca=$2.crt" "key=$2.key" ${3:+"number=$3"} "${@:4}"
}

# makecas: A, B and Twin, which has the name of A; I below A; a CRL signer S
# below B; certificates of clients; CRLs, of which A2 revokes clientA.
makecas() {
	local name

	ca A /CN=A
	ca B /CN=B
	ca Twin /CN=A
	sign I A /CN=I 300 basicConstraints=critical,CA:TRUE \
	    keyUsage=critical,keyCertSign,cRLSign
	sign S B /CN=S 300 basicConstraints=critical,CA:FALSE \
	    keyUsage=critical,cRLSign
	sign server A /CN=localhost 300 subjectAltName=DNS:localhost
	for name in A B Twin I; do
		sign "client$name" "$name" "/CN=client $name" 30 \
		    extendedKeyUsage=clientAuth
		crl "${name}1.crl" "$name" 01 from=20260101000000Z \
		    to=20991231000000Z authorityKeyIdentifier=keyid
	done
	crl A2.crl A 02 authorityKeyIdentifier=keyid revoke=clientA.crt
}

cas() {
	shared crls makecas
	cp "$shared"/* .
}

trust() {
	cert-trust -T phones "$@"
}

# checked FILE: by OpenSSL, which takes both directories.
checked() {
	SSL_CERT_DIR="$set:$set/crls" SSL_CERT_FILE=/nonexistent \
	    openssl verify -crl_check "$1"
}

links() {
	local link

	for link in "$set"/crls/*.r*; do
		printf '%s ' "${link##*.}:$(readlink "$link")"
	done
}

@test "a CRL is refused while a CA has none; crls.pem is there when all have" {
	trust -q add A.crt B.crt
	run -2 --separate-stderr trust add A1.crl
	[[ $stderr = *'A.crl: these CAs of the set have no CRL'*': B: '* ]]
	[ ! -e "$set/crls" ]
	run -0 --separate-stderr trust -f add A1.crl
	[ "$output" = A.crl ]
	[[ $stderr = *'no crls/crls.pem'*': B' ]]
	[ ! -e "$set/crls/crls.pem" ]
	run -0 --separate-stderr trust add B1.crl
	[ -z "$stderr" ]
	[ "$(grep -c BEGIN "$set/crls/crls.pem")" -eq 2 ]
	cmp <(cat "$set"/crls/[AB].crl) "$set/crls/crls.pem"
	run -0 trust -o name,origin,subject list '*.crl'
	[ "$output" = "$(printf '%s.crl\tcrl\tCN=%s\n' A A B B)" ]
	run -0 trust -o certfile list A.crl
	[ "$output" = "$set/crls/A.crl" ]
	run -1 trust -x add A1.crl
	# two of one CA are one
	run -2 cert-trust -T two add A.crt B.crt A1.crl A2.crl
	[ ! -e "$CERTSTORE/trusts/two/crls" ]
	run -0 cert-trust -T two add A1.crl A2.crl B1.crl
	[ "$(grep -c BEGIN "$CERTSTORE/trusts/two/crls/crls.pem")" -eq 2 ]
	# a list that drops a CA drops its CRL
	run -0 cert-trust -T two reset A.crt
	[ "$(cat "$CERTSTORE"/trusts/two/crls/crls.pem)" = \
	    "$(cat "$CERTSTORE"/trusts/two/crls/A.crl)" ]
	run -1 cert-trust -T two list B.crl
	# all in one call
	run -0 cert-trust -T other add A.crt B.crt A1.crl B1.crl
	[ -s "$CERTSTORE/trusts/other/crls/crls.pem" ]
	# a CA more, and one less
	run -0 --separate-stderr trust add Twin.crt
	[[ $stderr = *'crls.pem: is removed'*': A-'* ]]
	[ ! -e "$set/crls/crls.pem" ]
	run -0 trust rm "sha256:$(pki fingerprint Twin.crt)"
	[ -s "$set/crls/crls.pem" ]
	run -0 trust rm B
	[ "$(links)" = 'r0:A.crl ' ]
	run -0 --separate-stderr trust rm A.crl
	[[ $stderr = *'A.crl: is no longer checked'* ]]
	[ ! -e "$set/crls" ]
}

@test "which CRL is newer: number, else time; what is expired or to come" {
	trust -q add A.crt
	trust -q add A1.crl
	run -0 trust add A2.crl
	run -2 --separate-stderr trust add A1.crl
	[[ $stderr = *'A.crl: the CRL is older'* ]]
	# the same number, later; a lower one, later; 20 octets
	crl same.crl A 02 from=20250601000000Z to=20991231000000Z
	run -2 trust add same.crl
	sleep 1.1
	crl low.crl A 01
	run -2 --separate-stderr trust add low.crl
	[[ $stderr = *'has a lower number'*'use -f'* ]]
	run -0 trust -f add low.crl
	crl big.crl A 7fffffffffffffffffffffffffffffffffffffff
	run -0 trust add big.crl
	crl big2.crl A 7ffffffffffffffffffffffffffffffffffffffe
	run -2 trust add big2.crl
	# none at all
	cert-trust -q -T none add A.crt
	crl none1.crl A '' from=20260101000000Z to=20991231000000Z
	crl none2.crl A ''
	run -0 cert-trust -T none add none1.crl
	run -0 cert-trust -T none add none2.crl
	run -2 cert-trust -T none add none1.crl
	run -0 cert-verify -T none -i clientA.crt
	crl old.crl A 7fffffffffffffffffffffffffffffffffffffff \
	    from=20200101000000Z to=20210101000000Z
	for option in '' -f; do
		# shellcheck disable=SC2086  # none is meant
		run -2 --separate-stderr cert-trust $option -T none add old.crl
		[[ $stderr = *'the CRL is expired'* ]]
	done
	crl soon.crl A 09 from=20990101000000Z to=20991231000000Z
	run -2 --separate-stderr trust add soon.crl
	[[ $stderr = *'not yet valid'* ]]
	# one that expires in place stays, and nobody is good
	cert-trust -q -T short add A.crt
	crl short.crl A 01 from=20250101000000Z \
	    "to=$(date -u -d '+2 seconds' +%Y%m%d%H%M%SZ)"
	run -0 cert-trust -T short add short.crl
	sleep 3
	run -1 cert-verify -T short -i clientA.crt
	[[ $output = *expired* ]]
	run -0 cert-trust -T short -o name list
	[ "$output" = "$(printf '%s\n' A A.crl)" ]
}

@test "whose CRL it is: a stranger's, a damaged one, two CAs of one name" {
	trust -q add A.crt
	run -2 --separate-stderr trust add B1.crl Twin1.crl
	[ "${#stderr_lines[@]}" -eq 2 ]
	[[ $stderr = *'signed by no CA and no helper'* ]]
	sed 's/^MII/MIJ/; s/^MI/MJ/' A1.crl >damaged.crl
	run -2 trust add damaged.crl
	# those that servers could not use, whoever signed them
	crl strange.crl A 01 1.2.3.4=critical,DER:0500
	crl reason.crl A 01 revoke=clientA.crt reason
	crl twice.crl A 01 issuingDistributionPoint=critical,onlyuser:TRUE \
	    issuingDistributionPoint=critical,onlyCA:TRUE
	crl malformed.crl A 01 2.5.29.35=DER:0500
	openssl crl -in A1.crl -outform DER |
	    LC_ALL=C sed 's/260101000000Z/261301000000Z/' >time.crl
	for what in strange:'critical extension that servers do not know (RFC 5280 section 5.2)' \
	    reason:'entry with a critical extension'*'section 5.3)' \
	    twice:'extension that is malformed, or there twice' \
	    malformed:'extension that is malformed, or there twice' \
	    time:'malformed time (RFC 5280 section 5.1.2.4)'; do
		run -2 --separate-stderr trust -f add "${what%%:*}.crl"
		# shellcheck disable=SC2295  # a pattern
		[[ $stderr = *"${what%%:*}.crl"*': the CRL has a'*' '${what#*:}* ]] ||
		    fail "$what: $stderr"
	done
	# another CA of this name and key, by the key identifier
	crl other.crl A 01 2.5.29.35=DER:3006800401020304
	run -2 --separate-stderr trust add other.crl
	[[ $stderr = *'signed by no CA and no helper'* ]]
	# both have a CRL, one behind the other
	trust -q add Twin.crt
	run -0 --separate-stderr trust add A1.crl Twin1.crl
	[ "$(links | wc -w)" -eq 2 ]
	for name in A Twin; do
		checked "client$name.crt"
	done
	run -0 trust add A2.crl
	[ "$(links | wc -w)" -eq 3 ]
	[[ $(links) = 'r0:A.crl r1:A-'*'.crl r2:A.crl ' ]]
	run -2 checked clientA.crt
	checked clientTwin.crt
	run -1 cert-verify -T phones -i clientA.crt
	[[ $output = *revoked* ]]
	run -0 cert-verify -T phones -i clientTwin.crt
	# no gap when one goes
	trust -q rm A
	[ "$(links | wc -w)" -eq 3 ]
	checked clientTwin.crt
	# from r0 again
	run -0 trust reset Twin.crt
	[[ $(links) = 'r0:A-'*'.crl ' ]]
}

@test "cert-verify: the CRLs of the set; one that is missing is a warning" {
	trust -q add A.crt B.crt
	trust -q -f add A2.crl
	run -1 cert-verify -T phones -i clientA.crt
	[[ $output = *'is revoked'* ]]
	run -0 cert-verify -T phones -i clientB.crt
	[[ $output = *$'\twarning\t'*'none of the CRLs of the trust set'* ]]
	run -0 cert-verify -jT phones -i clientB.crt
	[[ $output = *'"severity":"warning","code":"crl-missing"'* ]]
	run -1 cert-verify -T phones -L A1.crl -i clientB.crt
	[[ $output = *$'\terror\t'*'none of the CRLs'* ]]
	# a number is asked of those of -L only
	crl user.crl B 01 issuingDistributionPoint=critical,onlyuser:TRUE
	run -0 trust -f add user.crl
	run -0 cert-verify -T phones -i clientB.crt
	[ -z "$output" ]
	# which does not tell of CAs
	[ ! -e "$set/crls/crls.pem" ]
	cert-verify -T ./A.crt -i clientA.crt
	echo x >>"$set/crls/A.crl"
	: >"$set/crls/B.crl"
	run -2 cert-verify -T phones -i clientB.crt
	run -2 trust list
}

@test "helpers: an intermediate and a CRL signer; no anchors" {
	trust -q add A.crt B.crt
	# an issuer comes first, whatever the order
	sign J I /CN=J 300 basicConstraints=critical,CA:TRUE \
	    keyUsage=critical,keyCertSign,cRLSign
	sign clientJ J '/CN=client J' 30 extendedKeyUsage=clientAuth
	run -1 cert-verify -T phones -i clientJ.crt
	run -0 --separate-stderr trust add J.crt I.crt S.crt
	[ "$output" = "$(printf '%s\n' I J S)" ]
	[[ $stderr = *'I: is a helper, not an anchor'* ]]
	run -0 trust -o name,origin,certfile list '[IJS]'
	[ "$output" = "$(printf '%s\thelper\t%s\n' I "$set/untrusted/I.pem" \
	    J "$set/untrusted/J.pem" S "$set/untrusted/S.pem")" ]
	[ "$(grep -c BEGIN "$set/bundle.pem")" -eq 2 ]
	[ "$(pki asterisk certs "$set")" -eq 2 ]
	[ "$(pki asterisk certs "$set/untrusted")" -eq 3 ]
	run -0 cert-verify -T phones -v -i clientJ.crt
	[ "$(grep -c $'\tpath\t' <<<"$output")" -eq 4 ]
	# no anchor: alone it leads nowhere
	run -2 openssl verify -CAfile "$set/bundle.pem" J.crt
	cert-trust -q -T alone add B.crt
	run -2 --separate-stderr cert-trust -T alone add I.crt
	[[ $stderr = *'is not self-signed'* ]]
	# an update keeps those of the CAs that remain
	cat A.crt >list
	trust -q update list
	run -1 trust -x add I.crt
	trust -q rm A
	run -0 trust -o name list
	[ "$output" = "$(printf '%s\n' B S)" ]
	trust -q distrust S
	[ ! -e "$set/untrusted" ]
}

@test "an indirect CRL of a signer that is no CA of the set" {
	trust -q add A.crt
	# its distribution point names S as the issuer of CRLs
	sign called A /CN=called 30 \
	    crlDistributionPoints=DER:30143012a210a40e300c310a300806035504030c0153
	crl indirect.crl S 05 'issuingDistributionPoint=critical,indirectCRL:TRUE' \
	    revoke=clientA.crt
	run -2 --separate-stderr trust add indirect.crl
	[[ $stderr = *'signed by no CA and no helper'* ]]
	# no -f: it may be about all CAs
	run -0 --separate-stderr trust add S.crt
	run -0 trust add indirect.crl
	[ ! -e "$set/crls/crls.pem" ]
	run -1 cert-verify -T phones -i clientA.crt
	[[ $output = *'is revoked'* ]]
	run -0 cert-verify -T phones -P client -i server.crt
	[[ $output = *'none of the CRLs of the trust set'* ]]
	run -0 cert-verify -T phones -i called.crt
	[ -z "$output" ]
}

@test "a running s_server sees a revocation, and a new one too" {
	local ask=(-cert clientA.crt -key clientA.key -tls1_2)

	trust -q add A.crt
	trust -q add A1.crl
	serve -cert server.crt -key server.key -CAfile "$set/bundle.pem" \
	    -CApath "$set/crls" -crl_check -Verify 3 -verify_return_error
	handshake localhost A.crt "${ask[@]}" >/dev/null 2>&1
	[ "$(links)" = 'r0:A.crl ' ]
	trust -q add A2.crl
	[ "$(links)" = 'r0:A.crl r1:A.crl ' ]
	run -1 handshake localhost A.crt "${ask[@]}"
	serve -cert server.crt -key server.key -CAfile "$set/bundle.pem" \
	    -CApath "$set/crls" -crl_check -Verify 3 -verify_return_error
	run -1 handshake localhost A.crt "${ask[@]}"
	crl A3.crl A 03
	trust -q add A3.crl
	handshake localhost A.crt "${ask[@]}" >/dev/null 2>&1
	[ "$(pki asterisk crls "$set/crls")" -eq 3 ]
	[ "$(pki asterisk certs "$set")" -eq 1 ]
	# after its last CRL went, and another came, it has to be restarted
	trust -q rm A.crl
	handshake localhost A.crt "${ask[@]}" >/dev/null 2>&1
	crl A4.crl A 04 revoke=clientA.crt
	trust -q add A4.crl
	[ "$(links)" = 'r0:A.crl ' ]
	handshake localhost A.crt "${ask[@]}" >/dev/null 2>&1
	serve -cert server.crt -key server.key -CAfile "$set/bundle.pem" \
	    -CApath "$set/crls" -crl_check -Verify 3 -verify_return_error
	run -1 handshake localhost A.crt "${ask[@]}"
}

# asks PORT CLIENT: what a server that wants certificates answers.
asks() {
	curl -sS --max-time 5 --tls-max 1.2 --cacert "$set/bundle.pem" \
	    --cert "$2.crt" --key "$2.key" --resolve "localhost:$1:127.0.0.1" \
	    "https://localhost:$1/" 2>&1
}

@test "nginx: bundle.pem and crls.pem" {
	want nginx
	port=$(freeport)
	trust -q add A.crt B.crt
	trust -q add A2.crl B1.crl
	cat >nginx.conf <<-END
	daemon off; master_process off; pid $PWD/pid; error_log $PWD/log;
	events {}
	http {
		access_log off;
		server {
			listen 127.0.0.1:$port ssl;
			ssl_certificate $PWD/server.crt;
			ssl_certificate_key $PWD/server.key;
			ssl_client_certificate $set/bundle.pem;
			ssl_crl $set/crls/crls.pem;
			ssl_verify_client on;
			return 200 "welcome \$ssl_client_s_dn";
		}
	}
	END
	# with the CRL of one CA only nginx does not start, instead of refusing
	# the clients of the other
	trust -q rm B.crl
	run -1 nginx -t -p "$PWD" -c "$PWD/nginx.conf" -e "$PWD/log"
	[[ $output = *'crls/crls.pem'* ]]
	trust -q add B1.crl
	nginx -p "$PWD" -c "$PWD/nginx.conf" -e "$PWD/log" 3>&- &
	started "$port" $!
	[ "$(asks "$port" clientB)" = 'welcome CN=client B' ]
	[[ $(asks "$port" clientA) = *'400 '*'SSL certificate error'* ]]
}

@test "HAProxy: ca-file and crl-file" {
	want haproxy
	port=$(freeport)
	trust -q add A.crt B.crt
	trust -q add A2.crl B1.crl
	cat server.crt server.key >server.pem
	cat >haproxy.cfg <<-END
	defaults
		mode http
		timeout connect 5s
		timeout client 5s
		timeout server 5s
	frontend f
		bind 127.0.0.1:$port ssl crt $PWD/server.pem ca-file $set/bundle.pem crl-file $set/crls/crls.pem verify required
		http-request return status 200 content-type text/plain lf-string "welcome %[ssl_c_s_dn]"
	END
	trust -q rm B.crl
	run -1 haproxy -c -f haproxy.cfg
	[[ $output = *'crls/crls.pem'* ]]
	trust -q add B1.crl
	haproxy -db -f haproxy.cfg >log 2>&1 3>&- &
	started "$port" $!
	[ "$(asks "$port" clientB)" = 'welcome /CN=client B' ]
	run ! asks "$port" clientA
}

@test "OpenVPN: ca and crl-verify" {
	local who

	want openvpn
	trust -q add A.crt B.crt
	# with the CRL of one CA only it does not start
	trust -q -f add A2.crl
	run -1 openvpn --dev null --proto udp --local 127.0.0.1 --port 1 \
	    --tls-server --dh none --cert server.crt --key server.key \
	    --ca "$set/bundle.pem" --crl-verify "$set/crls/crls.pem"
	[[ $output = *"crl-verify"*'No such file'* ]]
	# Asterisk takes what is there
	[ "$(pki asterisk crls "$set/crls")" -eq 1 ]
	trust -q add B1.crl
	[ "$(pki asterisk crls "$set/crls")" -eq 2 ]
	for who in clientA clientB; do
		port=$(freeport)
		openvpn --dev null --proto udp --local 127.0.0.1 --port "$port" \
		    --tls-server --dh none --cert server.crt --key server.key \
		    --ca "$set/bundle.pem" --crl-verify "$set/crls/crls.pem" \
		    >"server.$who" 2>&1 3>&- &
		echo $! >>"$BATS_TEST_TMPDIR/servers"
		openvpn --dev null --proto udp --remote 127.0.0.1 "$port" \
		    --nobind --tls-client --cert "$who.crt" --key "$who.key" \
		    --ca A.crt >"$who" 2>&1 3>&- &
		echo $! >>"$BATS_TEST_TMPDIR/servers"
	done
	for _ in $(seq 200); do
		! grep -q 'Sequence Completed' clientB ||
		    ! grep -q 'VERIFY ERROR' server.clientA || break
		sleep 0.05
	done
	grep '\[client B\] Peer Connection Initiated' server.clientB
	grep 'VERIFY ERROR: depth=0, error=certificate revoked' server.clientA
	run ! grep 'Sequence Completed' clientA
}

@test "a large CRL: over the limit of other input, copied with each change" {
	trust -q add A.crt
	perl -e 'print "0" x 1400000' >hex
	crl large.crl A 01 "1.2.3.4=DER:0382$(printf %04x 60000)00$(head -c 119998 hex)"
	run -0 trust add large.crl
	head -c 1100000 /dev/zero | tr '\0' ' ' >large.pem
	cat A.crt >>large.pem
	run -2 --separate-stderr trust add large.pem
	[[ $stderr = *'larger than'* ]]
	cp "$set/crls/A.crl" kept
	trust -q add Twin.crt
	cmp kept "$set/crls/A.crl"
}

@test "a set that was edited by hand: a CRL without its CA, a directory" {
	trust -qf add A.crt B.crt A1.crl B1.crl
	rm "$set/A.pem"
	mkdir "$set/odd.pem"
	run -2 --separate-stderr trust -o name list
	[ "$output" = "$(printf '%s\n' B B.crl)" ]
	run -0 --separate-stderr trust -f add Twin.crt
	[[ $stderr == *'odd.pem: is not a plain file'* ]]
	[ ! -e "$set/crls/A.crl" ]
	[ -s "$set/crls/B.crl" ]
	[ ! -e "$set/odd.pem" ]
}

@test "CRLs of one CA that have other scopes, and one that is damaged" {
	trust -qf add A.crt A1.crl
	crl users.crl A 03 authorityKeyIdentifier=keyid \
	    issuingDistributionPoint=critical,onlyuser:TRUE
	crl cas.crl A 04 authorityKeyIdentifier=keyid \
	    issuingDistributionPoint=critical,onlyCA:TRUE
	trust -qf add users.crl cas.crl
	[ "$(find "$set/crls" -name 'A*.crl' | wc -l)" -eq 3 ]
	openssl crl -in A1.crl -outform DER |
	    perl -0pe 's/\x06\x08\x2a\x86/\x04\x08\x2a\x86/' >bad.crl
	run -2 trust -f add bad.crl
	[[ $output == *'bad.crl: the CRL is damaged: copy it again' ]]
}
