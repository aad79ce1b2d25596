#!/usr/bin/env bats
# match.bats: cert-match: host names (RFC 9525), the order of candidates, and
# malformed questions.

# shellcheck disable=SC2154  # stderr and stderr_lines are run's

load helper

# made NAME SUBJECT [SANS]: an end-entity as openssl makes it.
made() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj "$2" -days 30 -keyout "$1.key" -out "$1.crt" \
	    -addext basicConstraints=CA:FALSE \
	    ${3:+-addext "subjectAltName=$3"} 2>/dev/null
	cert-import -q -N "$1" "$1.key" "$1.crt" 2>/dev/null
}

# answers ENTRY HOST...: each of them.
answers() {
	local entry=$1 host

	shift
	for host; do
		run -0 cert-match -o name -- "$host"
		[ "$output" = "$entry" ] || fail "$host: $output"
	done
}

# nobody HOST...: a good question without an answer.
nobody() {
	local host

	for host; do
		run -1 --separate-stderr cert-match -- "$host"
		[ -z "$output" ]
		[[ $stderr == "cert-match: $host: no entry matches" ]]
	done
}

# noquestion HOST...: refused on one line that names it once.
noquestion() {
	local host

	for host; do
		run -2 --separate-stderr cert-match "$host"
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == 'cert-match: "'*'": '* ]] || fail "$stderr"
		[[ $stderr != *'": "'* ]] || fail "$stderr"
	done
}

@test "the common name matches only if there is no SAN" {
	made bare /CN=localhost
	answers bare localhost LOCALHOST.
	made ip /CN=ip.example IP:192.0.2.9
	nobody ip.example
	answers ip 192.0.2.9
	made mail /CN=mail.example email:a@mail.example
	nobody mail.example
	made uri /CN=uri.example URI:sip:uri.example
	nobody uri.example
	made addr /CN=192.0.2.8
	nobody 192.0.2.8
}

@test "an address matches only names of type IP address" {
	made a /CN=x DNS:127.0.0.1
	nobody 127.0.0.1
	made b /CN=x IP:2001:db8::1
	answers b 2001:DB8:0:0::1 '[2001:db8::1]' ip:2001:db8::1
	nobody 2001:db8::2
}

@test "a wildcard is the whole first label and stands for one label" {
	made part /CN=x 'DNS:f*.example.com'
	nobody foo.example.com
	made wild /CN=x 'DNS:*.example.com'
	answers wild foo.example.com A.EXAMPLE.COM.
	nobody a.b.example.com example.com
}

@test "the question is normalised first" {
	made plain /CN=x DNS:example.com
	answers plain example.com. EXAMPLE.com dns:example.com
	made label /CN=x DNS:xn--mnchen-3ya.de
	answers label münchen.de MÜNCHEN.de XN--MNCHEN-3YA.DE
}

@test "a malformed question is refused with one message" {
	cert-create a.example.com
	noquestion '' ' ' . .. .example.com '*.example.com' 'f*.example.com' \
	    example.com.. a..b 'a b' 1.2.3 127.1 0x7f.1 256.1.1.1 ::g ::1%lo \
	    '[::1' '[::1]:443' a.example.com:443 ../../etc/passwd \
	    $'a\nb' $'\033[31m' $'\377\376' "$(printf 'a%.0s' $(seq 300))" \
	    dns: dns:127.0.0.1 dns:2001:db8::1 ip: ip:x email: email:x uri:x \
	    sha256: sha256:00 spki:../x "spki:$(printf '0%.0s' $(seq 65))"
	[[ $(cert-match $'\033[31m' 2>&1) != *$'\033'* ]]
	run -2 --separate-stderr cert-match dns:127.0.0.1
	[[ $stderr == 'cert-match: "dns:127.0.0.1": ends in a number'* ]]
}

@test "an option after the hosts is refused" {
	cert-create a.example.com
	run -2 --separate-stderr cert-match a.example.com -j
	[ -z "$output" ]
	[[ $stderr == 'cert-match: -j: not a name: options come '* ]]
}

@test "the order of candidates, and why the others lost" {
	cert-create -c ca
	cert-create -l 30d -s www.example.com exact
	cert-create -l 2y -s '*.example.com' wild
	cert-create -q -A ca -P client -s www.example.com client
	run -0 cert-match -a -o name,how www.example.com
	[ "${lines[0]}" = $'exact\texact' ]
	[ "${lines[1]}" = $'wild\twildcard: an exact name comes first' ]
	[ "${#lines[@]}" -eq 2 ]
	later=$(date -u -d '60 days' +%F)
	run -0 --separate-stderr cert-match -w "$later" -a -o name,how \
	    www.example.com
	[ -z "$stderr" ]
	[[ $output == $'wild\twildcard\nexact\texact: expired '* ]]
	run -0 --separate-stderr cert-match -o name -w @0 www.example.com
	[ "$output" = exact ]
	[[ $stderr == *'no valid certificate'* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	run -0 cert-match -o name -k client www.example.com
	[ "$output" = client ]
	run -2 cert-match -k nonsense www.example.com
	run -2 cert-match -w 1y www.example.com
}

@test "localhost matches only itself, the default entry the rest" {
	cert-create -s localhost -s 127.0.0.1 -s ::1 lo
	answers lo localhost 127.0.0.1 ::1
	nobody 127.0.0.2 a.example.com
	cert-create b.example.com
	run -1 cert-match -D a.example.com
	ln -s certs/b.example.com "$CERTSTORE/default"
	run -0 cert-match -D -o name,how,default a.example.com
	[ "$output" = $'b.example.com\tdefault\tyes' ]
	nobody a.example.com
}

@test "the default entry is that of the link" {
	local default=$CERTSTORE/default

	cert-create b.example.com
	ln -s store "$BATS_TEST_TMPDIR/other"
	ln -s certs/b.example.com "$CERTSTORE/chosen"
	ln -s "$CERTSTORE/chosen" "$BATS_TEST_TMPDIR/far"
	for link in ./certs/b.example.com .//certs//b.example.com/ \
	    "$CERTSTORE/certs/b.example.com" ../store/certs/b.example.com \
	    "$BATS_TEST_TMPDIR/other/certs/b.example.com" chosen \
	    "$BATS_TEST_TMPDIR/far" certs/.b.example.com@1; do
		ln -sfn "$link" "$default"
		[ "$default/info" -ef "$CERTSTORE/certs/b.example.com/info" ]
		run -0 cert-match -D -o name,default a.example.com
		[ "$output" = $'b.example.com\tyes' ] || fail "$link: $output"
		run -0 cert-list -o default
		[ "$output" = yes ]
		run -2 --separate-stderr cert-rm b.example.com
		[[ $stderr == *': is the default entry: '* ]]
	done
	# not an entry of this store, or none at all
	cert-create -d "$BATS_TEST_TMPDIR/two" b.example.com
	cert-create -f -s b.example.com b.example.com
	for link in ../two/certs/b.example.com b.example.com certs .. / \
	    "certs/.$(printf '%0205d' 0)@1" certs/.b.example.com certs/-b \
	    certs/../b.example.com certs/.b.example.com@1 certs/.@1 \
	    certs/b.example.com/info default certs/none; do
		ln -sfn "$link" "$default"
		run -1 cert-match -D a.example.com
		run -0 cert-list -o default
		[ -z "$output" ] || fail "$link: $output"
	done
	# it goes with its entry, however it is written
	ln -sfn "$CERTSTORE/certs/b.example.com/" "$default"
	cert-rm -f b.example.com
	[ ! -L "$default" ]
}

@test "fingerprints and keys in the forms of cert-show and openssl" {
	cert-create a.example.com
	cert-create -c ca
	pem=$CERTSTORE/certs/a.example.com/fullchain.pem
	print=$(cert-show -o fingerprint a.example.com)
	answers a.example.com "$print" "${print^^}" \
	    "$(cert-show -o spki a.example.com)" "sha256:$(openssl x509 \
	    -in "$pem" -noout -fingerprint -sha256 | cut -d= -f2)"
	answers ca "$(cert-show -o spki ca)"
	nobody "sha256:$(printf '0%.0s' $(seq 64))"
}

@test "hostile names match nothing else" {
	for name in nul controls paths; do
		cat "$DATA/keys/p256.pem" "$DATA/hostile/$name.pem" |
		    cert-import -q -N "$name"
	done
	nobody good.example good.example.evil.example red.example \
	    foo.example münchen.example victim
	answers controls ok.example
	cert-rm controls
	answers nul ok.example
}

@test "questions on stdin are answered in their order" {
	cert-create -s '*.example.com' wild
	seq -f 'h%g.example.com' 5000 >hosts
	cert-match -o host - <hosts >out
	cmp out hosts
	run -0 cert-match - </dev/null
	[ -z "$output" ]
	run -0 cert-match -o host a.example.com - b.example.com \
	    <<<c.example.com
	[ "$output" = $'a.example.com\nc.example.com\nb.example.com' ]
	run -2 sh -c 'cert-match - <&-'
}

@test "it ends when its output is closed, even if stdin has more" {
	cert-create a.example.com
	for signal in --default-signal=PIPE --ignore-signal=PIPE; do
		# shellcheck disable=SC2016  # for the inner shell
		run -0 timeout 300 env "$signal" bash -c \
		    'yes a.example.com 2>/dev/null | cert-match - | head -n 1
		    echo "${PIPESTATUS[1]}"' 2>/dev/null
		[[ ${lines[-1]} == 141 || ${lines[-1]} == 2 ]]
	done
}

@test "-t: only keys of one type, for servers with several" {
	cert-create -t p256 -s www.example.com ec
	cert-create -t rsa:2048 -s www.example.com rsa
	cert-create -t ed25519 -s ed.example.com ed
	run -0 cert-match -t ec -o name,key www.example.com
	[ "$output" = $'ec\tp256' ]
	[ "$(cert-match -t p256 -o name www.example.com)" = ec ]
	[ "$(cert-match -t rsa -o name www.example.com)" = rsa ]
	[ "$(cert-match -t rsa:2048 -o name www.example.com)" = rsa ]
	[ "$(cert-match -a -o name www.example.com | wc -l)" -eq 2 ]
	[ "$(cert-match -a -t rsa -o name www.example.com)" = rsa ]
	run -1 cert-match -t p384 www.example.com
	run -1 cert-match -t ec ed.example.com
	[ "$(cert-match -t ed25519 -o name ed.example.com)" = ed ]
	for type in p265 rsa: rsa:x RSA '' dsa; do
		run -2 --separate-stderr cert-match -t "$type" www.example.com
		[[ $stderr == *'no such key type: use ec, rsa,'* ]]
	done
}

@test "tenants: how reports one that the certificate does not cover" {
	cert-create -s pbx.example.com -s '*.t.example.com' pbx
	cert-set -q pbx tenant=pbx.example.com tenant+=a.t.example.com \
	    tenant+=far.example.net
	[ "$(cert-match -o how pbx.example.com)" = exact ]
	[ "$(cert-match -o how a.t.example.com)" = wildcard ]
	[ "$(cert-match -o how far.example.net)" = 'tenant, not covered' ]
	[ "$(cert-match -D -o name,how far.example.net)" = \
	    $'pbx\ttenant, not covered' ]
	cert-create -s other.example.com other
	cert-set -q other tenant=far.example.net
	run -0 cert-match -a -o how far.example.net
	[ "${lines[0]}" = 'tenant, not covered' ]
	[[ ${lines[1]} == 'tenant: another '* ]]
}

@test "what was revoked answers last, but before what is for no such name" {
	cert-create -s www.example.com old
	cert-create -s '*.example.com' wild
	sleep 1.1
	cert-create -s www.example.com new
	cert-set -q wild default=yes
	cert-set -q new revoked=2026-01-02
	[ "$(cert-match -o name www.example.com)" = old ]
	run -0 cert-match -a -o name,how www.example.com
	[ "$output" = $'old\texact\nwild\twildcard: an exact name comes first\nnew\texact: revoked' ] ||
	    fail "$output"
	cert-set -q old revoked='2026-01-02 keyCompromise'
	[ "$(cert-match -o name www.example.com)" = wild ]
	cert-rm -f wild
	cert-create -s other.example.org other
	cert-set -q other default=yes
	run -0 --separate-stderr cert-match -D -o name www.example.com
	[ "$output" = new ]
	[ -z "$stderr" ]
	# a new certificate ends it, to go back needs -f
	cert-create -f -s www.example.com old
	[ -z "$(cert-set -o revoked old)" ]
	run -2 --separate-stderr cert-revert old
	[[ $stderr == *'old: '*'was revoked 2026-01-02T00:00:00Z keyCompromise'* ]] ||
	    fail "$stderr"
	run -0 --separate-stderr cert-revert -f old
	[[ $stderr == *'its renewal is not held: the certificate was revoked 2026-01-02T'* ]]
	[ "$(cert-set -o revoked old)" = 'revoked=2026-01-02T00:00:00Z keyCompromise' ]
	[[ $(cert-renew -n old) == old$'\t'due$'\t'*$'\t'revoked ]]
	run -2 --separate-stderr cert-set old revoked=7d
	[[ $stderr == *'does not begin with a date: use 2027-01-31 and a reason' ]]
}
