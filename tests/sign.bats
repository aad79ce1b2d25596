#!/usr/bin/env bats
# sign.bats: cert-sign: requests of others, as they come, one and many; what is
# taken from them, what is refused, and what the store remembers.

# shellcheck disable=SC2154  # stderr is run's

load helper
load pki

# request NAME SUBJECT [WORD...]: makes NAME.csr, and NAME.key if need be.
request() {
	pki cert "$1.csr" "$1.key" "$2" csr "${@:3}"
}

# issued: how many certificates the CA has signed.
issued() {
	cert-list -A ca -o serial | wc -l
}

# refused TEXT ARG...: status 2, one line that says so, nothing signed.
refused() {
	local text=$1 before

	shift
	before=$(issued)
	run -2 --separate-stderr cert-sign -A ca "$@"
	[ -z "$output" ] || fail "stdout: $output"
	[ "${#stderr_lines[@]}" -eq 1 ] || fail "stderr: $stderr"
	[[ $stderr == "cert-sign: "*"$text"* ]] || fail "stderr: $stderr"
	[ "$(issued)" = "$before" ] || fail "something was signed: $*"
}

# text FILE EXTENSION: openssl's text of one extension.
text() {
	openssl x509 -noout -ext "$2" -in "$1"
}

# verified FILE [PURPOSE]: as a client does it, that trusts the root alone.
verified() {
	openssl verify -x509_strict -no-CApath -no-CAstore \
	    -CAfile "$CERTSTORE/certs/ca/cert.pem" -untrusted "$1" \
	    -purpose "${2:-sslserver}" "$1"
}

setup() {
	common_setup
	cert-create -c -S O=Example ca
}

@test "a request: its certificate and chain, recorded, and no entry" {
	cert-create -c -A ca sub
	request r /O=Old/CN=r1.example.com \
	    subjectAltName=DNS:r1.example.com,IP:192.0.2.1
	run -0 --separate-stderr cert-sign -A sub r.csr
	[ -z "$stderr" ]
	echo "$output" >r.crt
	[ "$(grep -c BEGIN r.crt)" = 2 ]
	verified r.crt
	pki pair r.key r.crt
	[ "$(openssl x509 -noout -subject -nameopt RFC2253 -in r.crt)" = \
	    "subject=CN=r1.example.com,O=Old" ]
	run -0 cert-show -i r.crt -o names,kind
	[ "${lines[0]}" = $'r1.example.com,192.0.2.1\tserver' ]
	cert-verify -T "$CERTSTORE/certs/ca/cert.pem" -H 192.0.2.1 -i r.crt
	[ "$(cert-list -A sub -o serial,names)" = \
	    "$(cert-show -i r.crt -o serial,names | head -n 1)" ]
	[ "$(cert-list -o name)" = $'ca\nsub' ]
	# the chain has no root
	cert-sign -A ca r.csr >r2.crt
	[ "$(grep -c BEGIN r2.crt)" = 1 ]
}

@test "requests as people paste them, and DER" {
	local pem

	request r /CN=r.example.com
	openssl req -in r.csr -outform der -out r.der
	pem=$(sed 's/$/\r/; s/^/   /' r.csr)
	printf 'Hello,\n\nplease sign\n%s\n-- \nJ.\n' "$pem" >mail
	sed 's/BEGIN CERT/BEGIN NEW CERT/; s/END CERT/END NEW CERT/' r.csr >new
	cat r.key r.csr >both
	for file in r.der mail new both; do
		cert-sign -f -A ca "$file" >out || fail "$file"
		pki pair r.key out
		cert-sign -f -A ca <"$file" >out || fail "$file by stdin"
		pki pair r.key out
	done
	cert-sign -f -A ca - <r.csr >out
	cat r.csr r.csr >two
	refused 'two: has more than one request: use a file for each' two
	refused 'there is no request' "$CERTSTORE/certs/ca/cert.pem"
	refused 'No such file' none
	refused '' /dev/null
	head -n 4 r.csr >short
	refused short short
	refused 'which can be the only request' - r.csr
	head -c 2000000 /dev/zero | tr '\0' A >huge
	refused 'larger than' huge
}

@test "requests of openssl, certtool and our own" {
	local type

	for type in rsa:2048 p256 p384 ed25519; do
		key "k-$type" "$type"
		openssl req -new -key "k-$type.key" -out "k-$type.csr" \
		    -subj /CN=host.example.com
		cert-sign -fq -A ca "k-$type.csr" >out.crt || fail "$type"
		verified out.crt
		pki pair "k-$type.key" out.crt
	done
	cert-create -d other -R -s own.example.com own >own.csr
	run -0 --separate-stderr cert-sign -A ca own.csr
	[ -z "$stderr" ]
	if [ -x /usr/share/easy-rsa/easyrsa ]; then
		export EASYRSA_BATCH=1 EASYRSA_PKI=$PWD/pki
		/usr/share/easy-rsa/easyrsa init-pki >/dev/null 2>&1
		/usr/share/easy-rsa/easyrsa --req-cn=vpn.example.com gen-req vpn \
		    nopass >/dev/null 2>&1
		cert-sign -A ca pki/reqs/vpn.req >out.crt
		verified out.crt
		pki pair pki/private/vpn.key out.crt
	fi
	type certtool >/dev/null 2>&1 || skip "no certtool here"
	printf 'cn = tool.example.com\ndns_name = tool.example.com\n%s\n' \
	    'challenge_password = hush' >template
	certtool --generate-request --load-privkey k-p256.key \
	    --template template --outfile tool.csr 2>/dev/null
	run -0 --separate-stderr cert-sign -A ca tool.csr
	[[ $stderr == *'left out: '*challengePassword* ]]
	[[ $stderr != *hush* ]]
}

@test "names: those of the request, else its CN, else of -s" {
	request none /CN=none.example.com
	cert-sign -A ca none.csr >out
	[ "$(cert-show -i out -o names)" = none.example.com ]
	request label /CN=label
	refused 'without a name' label.csr
	cert-sign -A ca -P client label.csr >out
	[ -z "$(text out subjectAltName 2>/dev/null)" ]
	cert-sign -A ca -s a.example -s 192.0.2.9 label.csr >out
	[ "$(cert-show -i out -o names)" = a.example,192.0.2.9 ]
	request empty / subjectAltName=critical,DNS:empty.example
	cert-sign -A ca empty.csr >out
	verified out
	[ "$(openssl x509 -noout -subject -in out)" = "subject=" ]
	text out subjectAltName | grep -q critical
	# what cert-create refuses
	request bad /CN=x subjectAltName=DNS:under_score.example
	refused 'bad.csr: asks for a name that is refused: ' bad.csr
	request wild /CN=x 'subjectAltName=DNS:a.*.example'
	refused 'wild.csr: asks for a name that is refused: ' wild.csr
	request upper /CN=x subjectAltName=DNS:UPPER.example
	cert-sign -A ca upper.csr >out
	[ "$(cert-show -i out -o names)" = upper.example ]
	request mail '/CN=Jo Doe' subjectAltName=email:jo@example.com
	cert-sign -A ca -P mail mail.csr >out
	verified out smimesign
}

@test "subject: that of the request, but for -S" {
	request r /C=fr/O=Old/OU=One/OU=Two/CN=r.example.com
	cert-sign -A ca -S O=New -S C= r.csr >out
	[ "$(openssl x509 -noout -subject -nameopt RFC2253 -in out)" = \
	    "subject=CN=r.example.com,OU=Two,OU=One,O=New" ]
	openssl req -new -key r.key -out odd.csr \
	    -subj '/unstructuredName=x/CN=odd.example.com'
	run -0 --separate-stderr cert-sign -A ca odd.csr
	[ "$stderr" = "cert-sign: odd.csr: left out: unstructuredName" ]
	request ip /CN=192.0.2.7
	cert-sign -A ca ip.csr >out
	[ "$(cert-show -i out -o names)" = 192.0.2.7 ]
}

@test "what else is asked for is named, and left out" {
	cat >conf <<-'EOF'
	[req]
	distinguished_name = d
	attributes = a
	req_extensions = v
	prompt = no
	[d]
	CN = r.example.com
	[a]
	challengePassword = secret123
	unstructuredName = hush
	[v]
	basicConstraints = CA:FALSE
	keyUsage = nonRepudiation,digitalSignature
	extendedKeyUsage = serverAuth,codeSigning
	subjectAltName = DNS:r.example.com,dirName:d,otherName:1.2.3;UTF8:x
	tlsfeature = status_request
	1.2.3.4 = ASN1:UTF8:hush
	EOF
	key r p256
	openssl req -new -config conf -key r.key -out r.csr
	run -0 --separate-stderr cert-sign -A ca r.csr
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == 'cert-sign: r.csr: left out: '* ]]
	for what in challengePassword unstructuredName 'the directory name' \
	    'the name of type 1.2.3' 'keyUsage nonRepudiation' \
	    'extendedKeyUsage codeSigning' tlsfeature 1.2.3.4; do
		[[ $stderr == *"$what"* ]] || fail "$what: $stderr"
	done
	[[ $stderr != *hush* && $stderr != *secret* ]]
	[[ $stderr != *serverAuth* && $stderr != *digitalSignature* ]]
	echo "$output" >r.crt
	verified r.crt
	run -0 openssl x509 -noout -text -in r.crt
	[[ $output != *'1.2.3.4'* && $output != *hush* ]]
	# told once where many have it
	cp r.csr r2.csr
	cp r.csr r3.csr
	run -0 --separate-stderr cert-sign -f -A ca r.csr r2.csr r3.csr
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == 'cert-sign: r.csr and 2 more: left out: '* ]]
	run -0 --separate-stderr cert-sign -fq -A ca r.csr
	[ -z "$stderr" ]
}

@test "a CA only with -c, with the constraints of -C" {
	request sub '/CN=Sub CA' basicConstraints=critical,CA:TRUE,pathlen:3
	refused 'sub.csr: asks for a CA: use -c' sub.csr
	refused 'constraints are for a CA' -C pathlen=0 sub.csr
	refused 'a profile is not for a CA' -c -P client sub.csr
	run -0 --separate-stderr cert-sign -c -A ca -C pathlen=0 \
	    -C permit=lab.example sub.csr
	[[ $stderr == *'left out: pathlen=3' ]]
	echo "$output" >sub.crt
	text sub.crt basicConstraints,nameConstraints | grep -q 'CA:TRUE, pathlen:0'
	text sub.crt nameConstraints | grep -q 'DNS:lab.example'
	# it signs
	cat sub.crt sub.key | cert-import -N sub
	request in /CN=in.lab.example
	cert-sign -A sub in.csr >in.crt
	verified in.crt
	request out /CN=out.example
	run -2 cert-sign -A sub out.csr
	[[ $output == *'outside the name constraints of sub'* ]]
	run -2 cert-sign -c -A sub sub.csr
	[[ $output == *'path length 0'* ]]
	request plain '/CN=Plain'
	cert-sign -c -A ca plain.csr >out.crt
	[ "$(cert-show -i out.crt -o kind)" = ca ]
	request nobody / basicConstraints=CA:TRUE
	refused 'a CA without a subject' -c nobody.csr
}

@test "hostile requests" {
	local at der

	request good /CN=good.example.com
	# another key's signature
	request other /CN=good.example.com
	openssl req -in good.csr -outform der -out good.der
	cp good.der changed.der
	printf X | dd of=changed.der bs=1 seek=30 conv=notrunc 2>/dev/null
	refused 'its signature does not verify' changed.der
	# version 1 and -1 instead of 0
	at=$(grep -obUaP '\x02\x01\x00' good.der | head -n 1)
	at=$((${at%%:*} + 2))
	for der in '\001' '\377'; do
		cp good.der version.der
		# shellcheck disable=SC2059  # an escape
		printf "$der" | dd of=version.der bs=1 seek="$at" conv=notrunc \
		    2>/dev/null
		refused 'version.der: its version is ' version.der
	done
	openssl genrsa -out weak.key 1024 2>/dev/null
	openssl req -new -key weak.key -subj /CN=weak.example -out weak.csr
	refused 'its key (rsa:1024) is weak' weak.csr
	openssl ecparam -name secp256k1 -genkey -noout -out k1.key
	openssl req -new -key k1.key -subj /CN=k1.example -out k1.csr
	refused 'TLS servers and clients refuse its key' k1.csr
	cert-sign -A ca -P mail -s a@k1.example k1.csr >out
	# explicit parameters that are those of a named curve become its name
	openssl ecparam -name prime256v1 -genkey -noout \
	    -param_enc explicit -out explicit.key
	openssl req -new -key explicit.key -subj /CN=e.example -out explicit.csr
	if cert-sign -A ca explicit.csr >out; then
		[ "$(openssl x509 -noout -pubkey -in out | openssl pkey \
		    -pubin -noout -text | grep -c 'ASN1 OID: prime256v1')" = 1 ]
	fi
	request many /CN=many.example "subjectAltName=$(seq -s, -f \
	    'DNS:h%.0f.example' 1001)"
	refused 'more than 1000 names' many.csr
	request long "/CN=$(printf '%064d' 0)" subjectAltName=DNS:l.example
	cert-sign -A ca long.csr >out
	printf '\n' >>good.der
	refused good.der good.der
	cert-sign -A ca good.csr >out
}

@test "a CA that cannot sign: expired, revoked key, none, encrypted" {
	request r /CN=r.example.com
	run -2 cert-sign r.csr
	[[ $output == *'use -A'* ]]
	run -2 cert-sign -A none r.csr
	[[ $output == *none* ]]
	run -2 cert-sign -A "$CERTSTORE/certs/ca/cert.pem" r.csr
	[[ $output == *'is a file, not a CA entry'* ]]
	run -2 cert-sign -d nowhere -A ca r.csr
	[ ! -e nowhere ]
	cert-create leaf.example.com
	run -2 cert-sign -A leaf.example.com r.csr
	[[ $output == *'is not a CA'* ]]
	ca old /CN=Old from=20200101000000Z to=20210101000000Z
	cat old.crt old.key | cert-import -q -f -N old
	run -2 cert-sign -A old r.csr
	[[ $output == *'expired 2021-01-01'* ]]
	cert-import -q -f -d keyless -N old old.crt
	run -2 cert-sign -d keyless -A old r.csr
	[[ $output == *'private key is not in the store'* ||
	    $output == *'expired'* ]]
	cert-create -c -A ca taken
	cert-revoke -q taken
	run -2 --separate-stderr cert-sign -A taken r.csr
	[ -z "$output" ]
	[[ $stderr == *'taken: was revoked at '* ]]
	echo secret >pass
	chmod 600 pass
	cert-create -c -E pass locked
	run -2 --separate-stderr setsid cert-sign -A locked r.csr </dev/null
	[ -z "$output" ]
	cert-sign -A locked -p pass r.csr >out
	cert-sign -f -A locked -p - r.csr <pass >out
	run -2 cert-sign -f -A locked -p - <pass
	[[ $output == *stdin* ]]
	echo wrong >wrong
	chmod 600 wrong
	run -2 cert-sign -f -A locked -p wrong r.csr
}

@test "life: as asked, at most that of the CA, which is told once" {
	request a /CN=a.example.com
	request b /CN=b.example.com
	cert-sign -A ca -l 30d a.csr >a.crt
	[[ $(cert-list -A ca -o left) == @(29|30)d ]]
	run -0 --separate-stderr cert-sign -f -A ca -l 40y a.csr b.csr
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *'certificates expire '*', with their CA ca, not '* ]]
	[ "$(cert-show -i b.crt -o ends)" = "$(cert-show -o ends ca)" ]
	refused 'in the past' -l 2020-01-01 a.csr
}

@test "several files: a certificate beside each, a line for each" {
	mkdir in
	request in/a /CN=a.example.com
	request in/b /CN=b.example.com
	request in/c /CN=c.example.com
	mv in/b.csr in/b.REQ
	mv in/c.csr in/c.pem
	run -0 --separate-stderr cert-sign -A ca in/a.csr in/b.REQ in/c.pem
	[ -z "$stderr" ]
	[ "${#lines[@]}" -eq 3 ]
	[ "${lines[0]}" = "$(printf 'in/a.csr\t%s' \
	    "$(cert-show -i in/a.crt -o serial,fingerprint)")" ]
	[[ ${lines[1]} == in/b.REQ* && ${lines[2]} == in/c.pem* ]]
	pki pair in/b.key in/b.crt
	pki pair in/c.key in/c.pem.crt
	[ "$(mode in/a.crt)" = 644 ]
	[ "$(find in -name '.*' -type f)" = "" ]
	[ "$(issued)" = 3 ]
	# nothing is replaced, and nothing signed, without -f
	run -2 --separate-stderr cert-sign -A ca in/a.csr in/b.REQ
	[ -z "$output" ]
	[[ ${stderr_lines[0]} == *'in/a.crt: exists: use -f'* ]]
	[ "$(issued)" = 3 ]
	run -0 --separate-stderr cert-sign -f -A ca in/a.csr in/b.REQ
	[ "${#lines[@]}" -eq 2 ]
	[ "$(issued)" = 5 ]
	run -0 --separate-stderr cert-sign -fq -A ca in/a.csr in/b.REQ
	[ -z "$output" ]
	cp in/a.csr in/a.req
	run -2 cert-sign -f -A ca in/a.csr in/a.req
	[[ $output == *'in/a.crt: would be written twice'* ]]
}

@test "one that is refused stops no other" {
	request a /CN=a.example.com
	request b /CN=under_score
	request c /CN=c.example.com
	echo junk >d.csr
	mkdir e.crt
	request e /CN=e.example.com
	run -2 --separate-stderr cert-sign -A ca a.csr b.csr c.csr d.csr e.csr
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == a.csr* && ${lines[1]} == c.csr* ]]
	[ "${#stderr_lines[@]}" -eq 3 ]
	[[ $stderr == *b.csr* && $stderr == *d.csr* && $stderr == *e.crt* ]]
	[ -f a.crt ] && [ -f c.crt ] && [ ! -e b.crt ]
	[ "$(issued)" = 2 ]
	if [ "$(id -u)" -ne 0 ]; then
		mkdir ro
		cp e.csr ro/e.csr
		chmod 555 ro
		run -2 cert-sign -A ca ro/e.csr a.csr
		chmod 755 ro
		[ "$(issued)" = 2 ]
	fi
}

@test "the same request again, and twice at once" {
	request a /CN=a.example.com
	cp a.csr copy.csr
	run -2 --separate-stderr cert-sign -A ca a.csr copy.csr
	[ "${#lines[@]}" -eq 1 ]
	[[ $stderr == *'copy.csr: asks for the same as a.csr: use -f'* ]]
	[ ! -e copy.crt ]
	refused 'was signed before, as serial:' copy.csr
	cert-sign -f -A ca copy.csr >out
	[ "$(issued)" = 2 ]
	# other names, other kinds and other CAs are not the same
	request a /CN=a.example.com subjectAltName=DNS:a.example.com,DNS:b.example
	cert-sign -A ca a.csr >out
	cert-sign -A ca -P client a.csr >out
	refused 'was signed before' -P client a.csr
	refused 'was signed before' copy.csr
	cert-create -c ca2
	cert-sign -A ca2 a.csr >out
	[ "$(issued)" = 4 ]
	# without a name the subject counts
	request s '/CN=Some One'
	cert-sign -A ca -P client s.csr >out
	refused 'was signed before' -P client s.csr
	pki cert t.csr s.key '/CN=Some One Else' csr
	cert-sign -A ca -P client t.csr >out
	[ "$(issued)" = 6 ]
	# what is no serial number among those of a key is passed over
	for link in "$CERTSTORE"/issued/*/keys/*/*; do
		ln -sfn "../x,$(readlink "$link")" "$link"
	done
	refused 'was signed before' -P client s.csr
	# nor what is revoked
	request c /CN=c.example.com
	cert-sign -A ca c.csr >c.crt
	cert-revoke -q -A ca "serial:$(cert-show -i c.crt -o serial |
	    head -n 1)"
	cert-sign -A ca c.csr >out
	# nor what expired
	request b /CN=b.example.com
	cert-sign -A ca -l 1h b.csr >out
	ASAN_OPTIONS=verify_asan_link_order=0 CLOCK_OFFSET=7200 \
	    LD_PRELOAD="$ROOT/tests/clock.so" cert-sign -A ca b.csr >out
}

@test "two at once sign one request once" {
	local i pids n

	request a /CN=a.example.com
	for i in 1 2 3 4 5; do
		pids=()
		request "r$i" "/CN=r$i.example.com"
		for n in 1 2 3; do
			cert-sign -A ca "r$i.csr" >"out$n" 2>"err$n" &
			pids+=($!)
		done
		n=0
		for pid in "${pids[@]}"; do
			! wait "$pid" || n=$((n + 1))
		done
		[ "$n" -eq 1 ] || fail "$n signed"
		[ "$(issued)" = "$i" ]
	done
}

@test "-n and -v: what would be signed" {
	request a /CN=a.example.com
	request b /CN=under_score
	run -0 --separate-stderr cert-sign -nv -A ca a.csr
	[ -z "$output" ]
	[[ $stderr == 'cert-sign: a.csr: CN=a.example.com; a.example.com; server; p256; 20'* ]]
	[ "$(issued)" = 0 ]
	[ ! -e "$CERTSTORE/issued" ]
	run -2 --separate-stderr cert-sign -n -A ca a.csr b.csr
	[ "${#stderr_lines[@]}" -eq 1 ]
	[ ! -e a.crt ]
	[ "$(issued)" = 0 ]
	run -0 --separate-stderr cert-sign -v -A ca a.csr
	[ -n "$output" ]
	run -2 cert-sign -n -A ca a.csr
	[[ $output == *'was signed before'* ]]
}

@test "pasted on a terminal: shown, and signed after a yes" {
	local status=0

	request a /CN=a.example.com
	session "cert-sign -A ca >out"
	shown 'paste a request'
	cat a.csr >&7
	printf '\n\004' >&7
	shown 'sign it with ca\? \[y/N\]'
	grep -q '^subject *CN=a.example.com' log
	grep -q '^names *a.example.com' log
	[ "$(issued)" = 0 ]
	echo n >&7
	over || status=$?
	[ "$status" -eq 1 ]
	[ ! -s out ]
	[ "$(issued)" = 0 ]

	session "cert-sign -A ca >out"
	shown 'paste a request'
	cat a.csr >&7
	printf '\n\004' >&7
	shown 'sign it with ca\? \[y/N\]'
	echo yes >&7
	over
	pki pair a.key out
	[ "$(issued)" = 1 ]
}

@test "calls: codes and numbers of a request, for a delegate" {
	cert-create -c -A ca -s tel:12155550000+100 calls
	cert-create -d other -R -P shaken -s tel:12155550010+2 d >d.csr
	run -2 cert-sign -A calls d.csr
	cert-sign -A calls -P shaken d.csr >out
	[ "$(cert-show -i out -o kind,tn | head -n 1)" = \
	    $'shaken\t12155550010+2' ]
	cert-create -d other -R -P shaken -s tel:12155559999 e >e.csr
	run -2 cert-sign -A calls -P shaken e.csr
	[[ $output == *'not in the TNAuthList of calls'* ]]
	request rsa /CN=x
	key rsa rsa:2048
	request rsa /CN=x
	run -2 cert-sign -A ca -P shaken -s spc:818H rsa.csr
	[[ $output == *'p256'* ]]
}

@test "lost output, a full disk, a kill: recorded, never signed unrecorded" {
	request a /CN=a.example.com
	run -2 sh -c 'cert-sign -A ca a.csr >/dev/full'
	[ "$(issued)" = 1 ]
	traceable
	request b /CN=b.example.com
	request c /CN=c.example.com
	# before the first certificate file has its name all are recorded
	run strace -f -qq -o /dev/null -e trace=link \
	    -e inject=link:signal=KILL cert-sign -A ca b.csr c.csr
	[ "$status" -ne 0 ]
	[ "$(issued)" = 3 ]
	[ ! -e c.crt ]
	run -2 cert-sign -A ca b.csr c.csr
	cert-sign -f -A ca b.csr c.csr
	pki pair b.key b.crt
	# no space for the record: nothing is printed
	request d /CN=d.example.com
	run -2 --separate-stderr strace -f -qq -o /dev/null \
	    -e trace=fsync,syncfs -e inject=fsync,syncfs:error=ENOSPC \
	    cert-sign -A ca d.csr
	[ -z "$output" ]
	[[ $stderr == *'No space left'* ]]
}

@test "a full disk beside the requests leaves no files behind" {
	[ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null ||
	    skip 'needs to mount a small file system'
	request a /CN=a.example.com
	request b /CN=b.example.com
	mkdir small
	# shellcheck disable=SC2016  # for the inner shell
	run -2 --separate-stderr unshare -m sh -c '
	    mount -t tmpfs -o size=64k x small || exit 77
	    cp a.csr b.csr small
	    dd if=/dev/zero of=small/fill bs=1k 2>/dev/null
	    cert-sign -A ca small/a.csr small/b.csr
	    status=$?
	    rm -f small/fill
	    ls -A small
	    exit $status'
	[ "$output" = $'a.csr\nb.csr' ]
	[[ ${stderr_lines[0]} == *'small/a.crt: No space left on device' ]]
	[ "$(issued)" = 2 ]
}

@test "many: one commit, whatever their number" {
	local i words=() files=()

	traceable
	for i in $(seq 300); do
		words+=(cert "p$i.csr" "p$i.key" "/CN=SEP$i" csr --)
		files+=("p$i.csr")
	done
	pki "${words[@]:0:${#words[@]}-1}"
	strace -f -qq -o trace -e trace=fsync,syncfs,fdatasync \
	    cert-sign -A ca -P client "${files[@]}" >signed
	[ "$(wc -l <signed)" -eq 300 ]
	[ "$(issued)" = 300 ]
	[ "$(wc -l <trace)" -lt 12 ] || fail "$(cat trace)"
	pki pair p300.key p300.crt
	verified p77.crt sslclient
}

@test "what is no request is told what one begins with" {
	echo junk >junk.csr
	run -2 --separate-stderr cert-sign -A ca junk.csr
	[ "$stderr" = 'cert-sign: junk.csr: no PEM block: a request begins with `-----BEGIN CERTIFICATE REQUEST-----`' ]
	[ -z "$output" ]
	[ -z "$(cert-list -A ca || [ $? -eq 1 ])" ]
}
