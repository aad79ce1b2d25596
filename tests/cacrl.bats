#!/usr/bin/env bats
# cacrl.bats: CRLs of the store's own CAs: cert-crl, crl/, and who is told.

# shellcheck disable=SC2154  # stderr and stderr_lines are run's

load helper
load servers

crl=
setup() {
	common_setup
	crl=$CERTSTORE/crl
}

# spki ENTRY: the hash of its public key.
spki() {
	cert-show -o spki "$1" | sed 's/^spki://'
}

# revoked CA SERIAL [LINE...]: records it, as cert-revoke does.
revoked() {
	local dir

	dir=$CERTSTORE/revoked/$(spki "$1")
	mkdir -p "$dir"
	chmod 755 "$CERTSTORE/revoked" "$dir"
	{
		printf 'certstore 1\nrevoked 1767225600\nissuer %s\n' \
		    "$(sed -n 's/^subjecthash //p' "$CERTSTORE/certs/$1/info")"
		[ $# -le 2 ] || printf '%s\n' "${@:3}"
	} >"$dir/$2"
	chmod 644 "$dir/$2"
}

# serial ENTRY: of its certificate, as a file name.
serial() {
	cert-show -o serial "$1" | sed 's/^0*//'
}

# number CA: of its CRL, in decimal.
number() {
	printf '%d\n' "$(openssl crl -in "$crl/$1.der" -noout -crlnumber |
	    sed 's/crlNumber=//')"
}

# hierarchy: root, sub below it, leaf below that.
hierarchy() {
	cert-create -c root
	cert-create -c -A root sub
	cert-create -A sub -s leaf.example.com leaf
}

# accepted FILE LEAF: by OpenSSL, which asks for the CRL of each issuer.
accepted() {
	cat "$CERTSTORE/certs/root/cert.pem" "$1" >trusted.pem
	openssl verify -crl_check_all -CAfile trusted.pem \
	    -untrusted "$CERTSTORE/certs/sub/cert.pem" "$2"
}

@test "a CA has no CRL until one is asked for" {
	hierarchy
	[ ! -e "$crl" ]
	run -1 cert-crl -x
	[ -z "$output" ]
	run -0 --separate-stderr cert-crl root
	[ -z "$stderr" ]
	[[ $output = root$'\t'20*Z$'\t'0$'\t'"$crl/root.pem" ]]
	run -0 openssl crl -in "$crl/root.pem" -CAfile \
	    "$CERTSTORE/certs/root/cert.pem" -text -noout
	[[ $output = *"Version 2"*"Authority Key Identifier"*"CRL Number"* ]]
	[[ $output = *"No Revoked Certificates"* ]]
	cmp <(openssl crl -in "$crl/root.pem" -outform DER) "$crl/root.der"
	[ "$(stat -Lc %a "$crl/root.pem" "$crl" "$crl/.root")" = "644
755
755" ]
	grep '"entry":"@crl/root","generation":1,"reason":"crl"' \
	    "$CERTSTORE/log"
	[ -z "$(litter "$CERTSTORE")" ]
}

@test "the file for servers has the CRLs of all issuers" {
	hierarchy
	run -0 --separate-stderr cert-crl sub
	[[ ${lines[0]} = root$'\t'* && ${lines[1]} = sub$'\t'* ]]
	[ "$(grep -c BEGIN "$crl/sub.pem")" -eq 2 ]
	accepted "$crl/sub.pem" "$CERTSTORE/certs/leaf/cert.pem"
	# what the root makes comes into the files of those it issued
	revoked root "$(serial sub)" 'reason keyCompromise'
	cert-crl root
	run -2 accepted "$crl/sub.pem" "$CERTSTORE/certs/leaf/cert.pem"
	[[ $output = *"certificate revoked"* ]]
	grep -q "reason\|Key Compromise" <(openssl crl -in "$crl/root.der" -text)
	cmp <(sed '/END/q' "$crl/root.pem") <(sed '1,/END/d' "$crl/sub.pem")
}

@test "what is revoked is in the CRL, with its date and reason" {
	hierarchy
	revoked sub "$(serial leaf)" 'reason superseded'
	revoked sub 5
	revoked sub 00ff
	run -0 cert-crl sub
	[[ ${lines[1]} = sub$'\t'*$'\t'2$'\t'* ]]
	openssl crl -in "$crl/sub.der" -text -noout >text
	[ "$(grep -c 'Serial Number' text)" -eq 2 ]
	grep -iA5 "Serial Number: 0*$(serial leaf)" text | grep Superseded
	grep -A1 'Serial Number: 05' text | grep 'Jan  1 00:00:00 2026 GMT'
	[ "$(grep -c 'Reason Code' text)" -eq 1 ]
	run -2 accepted "$crl/sub.pem" "$CERTSTORE/certs/leaf/cert.pem"
}

@test "what another name with the same key revoked is not in it" {
	cert-create -c two
	revoked two 7
	sed -i 's/^issuer .*/issuer 00000000/' \
	    "$CERTSTORE/revoked/$(spki two)/7"
	run -0 cert-check
	[ -z "$output" ]
	cert-create -c one
	revoked one 5
	revoked one 6
	sed -i 's/^issuer .*/issuer 00000000/' \
	    "$CERTSTORE/revoked/$(spki one)/6"
	cert-crl one
	run -0 openssl crl -in "$crl/one.der" -text -noout
	[ "$(grep -c 'Serial Number' <<<"$output")" -eq 1 ]
}

@test "an expired certificate leaves the CRL, but is in one after its end" {
	cert-create -c one
	revoked one 5 "ends $(($(date +%s) - 100))"
	revoked one 6 "ends $(($(date +%s) + 100))"
	run -0 cert-crl one
	[[ $output = one$'\t'*$'\t'2$'\t'* ]]
	# as if the CRL had been made behind the end
	sed -i "s/^starts .*/starts $(($(date +%s) - 50))/" "$crl/.one/info"
	run -0 cert-crl one
	[[ $output = one$'\t'*$'\t'1$'\t'* ]]
}

@test "the number grows, also in one second and behind a restore" {
	cert-create -c one
	cert-crl one
	first=$(number one)
	[ "$first" -ge "$(($(date +%s) - 100))" ]
	cert-crl one
	second=$(number one)
	[ "$second" -gt "$first" ]
	# a store from before that has the time for it
	sed -i 's/^number .*/number 1000/' "$crl/.one/info"
	cert-crl one
	[ "$(number one)" -ge "$(($(date +%s) - 100))" ]
	sed -i 's/^number .*/number 99999999999/' "$crl/.one/info"
	cert-crl one
	[ "$(number one)" -eq 100000000000 ]
}

@test "the life is that of -l, of the CRL before, or 30 days, or a year" {
	cert-create -c one
	(umask 077 && echo secret >pass)
	cert-create -c -E pass two
	days() {
		echo $((($(sed -n 's/^ends \([0-9]*\).*/\1/p' \
		    "$crl/.$1/info") - $(date +%s) + 43200) / 86400))
	}
	cert-crl one
	[ "$(days one)" -eq 30 ]
	cert-crl -l 7d one
	[ "$(days one)" -eq 7 ]
	cert-crl one
	[ "$(days one)" -eq 7 ]
	cert-crl -p pass two
	[ "$(days two)" -eq 365 ]
	run -2 cert-crl -l 1/3 one
	run -2 cert-crl -l 2020-01-01 one
	[[ $output = *"would expire at once"* ]]
}

@test "what cannot sign is refused: no CA, no key, no passphrase, no usage" {
	hierarchy
	run -2 cert-crl leaf
	[[ $output = *"leaf: is not a CA"* ]]
	run -2 cert-crl nothing
	run -2 cert-crl ../x
	(umask 077 && echo secret >pass)
	cert-create -c -E pass locked
	run -2 setsid cert-crl locked </dev/null
	[[ $output = *locked*passphrase* ]]
	echo wrong >wrong
	run -2 cert-crl -p wrong locked
	[ ! -e "$crl/locked.pem" ]
	cert-show -o cert root >root.pem
	cert-rm -f root
	cert-import -q -N bare root.pem
	run -2 cert-crl bare
	[[ $output = *"bare: its private key is not in the store"* ]]
	# one bad name stops no other
	run -2 cert-crl leaf sub
	[ -e "$crl/sub.pem" ]
}

@test "an issuer that cannot sign is told: the file is not complete" {
	(umask 077 && echo secret >pass)
	cert-create -c -E pass root
	cert-create -c -A root -p pass sub
	run -0 --separate-stderr setsid cert-crl sub </dev/null
	[[ $stderr = *"sub.pem: lacks the CRL of root"*passphrase* ]]
	[ "$(grep -c BEGIN "$crl/sub.pem")" -eq 1 ]
	run -0 --separate-stderr cert-crl -p pass root
	[ -z "$stderr" ]
	[ "$(grep -c BEGIN "$crl/sub.pem")" -eq 2 ]
	# of a root without key there is none
	cert-show -o cert root >root.pem
	cert-rm -f root
	rm -r "$crl"
	cert-import -q -N root root.pem
	run -0 --separate-stderr cert-crl sub
	[[ $stderr = *"lacks the CRL of"*"key is not in this store"* ]]
}

@test "a new CA does not take over the CRL of a former one of its name" {
	cert-create -c one
	cert-crl one
	cp "$crl/one.pem" before.pem
	cert-rm -f one
	cmp "$crl/one.pem" before.pem
	cert-create -c one
	run -2 cert-crl one
	[[ $output = *"is the CRL of another CA that had this name"* ]]
	cmp "$crl/one.pem" before.pem
	# cert-renew does not try
	run -0 cert-renew
	[ -z "$output" ]
	# but once it is expired
	sed -i "s/^ends .*/ends $(($(date +%s) - 10))/" "$crl/.one/info"
	cert-crl one
	openssl crl -in "$crl/one.pem" -CAfile \
	    "$CERTSTORE/certs/one/cert.pem" -noout
}

@test "-n makes nothing, names come from stdin" {
	cert-create -c one
	cert-create -c two
	run -0 cert-crl -n one
	[[ $output = one$'\t'* ]]
	[ ! -e "$crl" ]
	cert-list -k ca | cert-crl -q -
	[ -e "$crl/one.pem" ]
	run -0 cert-crl
	[ "${#lines[@]}" -eq 2 ]
	run -0 cert-crl -
	[ -z "$output" ]
}

@test "it is put into the trust sets that have the CA as an anchor" {
	cert-create -c one
	cert-create -c two
	cert-show -o cert one >one.pem
	cert-show -o cert two >two.pem
	cert-trust -q add one.pem two.pem
	cert-trust -q -T phones add one.pem
	cert-crl -q one
	grep -c BEGIN "$CERTSTORE/trusts/phones/crls/crls.pem"
	[ -L "$CERTSTORE/trusts/phones/crls/$(openssl crl -hash -noout \
	    -in "$crl/one.pem").r0" ]
	# two has none yet
	[ ! -e "$CERTSTORE/trust/crls/crls.pem" ]
	cert-crl -q two
	[ "$(grep -c BEGIN "$CERTSTORE/trust/crls/crls.pem")" -eq 2 ]
	revoked one 5
	cert-crl -q one
	openssl crl -in "$CERTSTORE/trusts/phones/crls/crls.pem" -text |
	    grep 'Serial Number: 05'
}

@test "a copy without links gets those of crl again" {
	hierarchy
	cert-crl -q sub
	cp -rL "$CERTSTORE" copy
	cert-check -q -r -d copy || :
	[ "$(readlink copy/crl/.sub)" = ..sub@2 ]
	[ "$(readlink copy/crl/sub.pem)" = .sub/crl.pem ]
	cmp copy/crl/sub.pem "$crl/sub.pem"
	rm "$crl/sub.der" "$crl/.root"
	run -0 cert-check -r
	[[ $output = *@crl/root*link*@crl/sub*link* ]] ||
	    [[ $output = *@crl/sub*link*@crl/root*link* ]]
	cmp "$crl/sub.der" "$crl/.sub/crl.der"
	cert-crl -q
}

@test "crlurl and aiaurl of a CA are in what it signs from then on" {
	local http=http://pki.example.com

	hierarchy
	run -2 cert-set leaf crlurl=$http/sub.der
	[[ $output = *"leaf: is not a CA: crlurl is a property of CAs"* ]]
	for url in ldap://x/y http:/// 'http://a b/' ftp://x 'http://u@h/c'; do
		run -2 cert-set sub "crlurl=$url"
	done
	cert-set -q sub crlurl=$http/sub.der aiaurl=$http/sub.cer
	run -0 cert-set sub
	[[ $output = *"crlurl=$http/sub.der"*"aiaurl=$http/sub.cer"* ]]
	cert-create -A sub -s b.example.com b
	run -0 openssl x509 -in "$CERTSTORE/certs/b/cert.pem" -noout \
	    -ext crlDistributionPoints,authorityInfoAccess
	[[ $output = *"CRL Distribution Points: "*"URI:$http/sub.der"* ]]
	[[ $output = *"CA Issuers - URI:$http/sub.cer"* ]]
	[[ $output != *critical* ]]
	run -0 cert-verify -T "$CERTSTORE/certs/root/cert.pem" b
	# renewal: set where there was none, and replaced
	cert-renew -q -f leaf
	cert-set -q sub crlurl=$http/new.der
	cert-renew -q -f b
	for name in leaf:sub b:new; do
		run -0 openssl x509 -in \
		    "$CERTSTORE/certs/${name%:*}/cert.pem" -noout -ext \
		    crlDistributionPoints,authorityInfoAccess
		[[ $output = *"URI:$http/${name#*:}.der"* ]]
		[ "$(grep -c 'URI:' <<<"$output")" -eq 2 ]
	done
	# without, it stays as it was
	cert-set -q sub crlurl= aiaurl=
	cert-renew -q -f b
	run -0 openssl x509 -in "$CERTSTORE/certs/b/cert.pem" -noout -ext \
	    crlDistributionPoints
	[[ $output = *new.der* ]]
	# that of the root is not the root's own
	cert-set -q root crlurl=$http/root.der
	cert-renew -q -f root
	run -0 openssl x509 -in "$CERTSTORE/certs/root/cert.pem" -noout -text
	[[ $output != *"Distribution"* ]]
}

# age CA SECONDS: as if its CRL had been made so long ago.
age() {
	awk -v by="$2" '$1 == "starts" || $1 == "ends" { $2 -= by; $3 = "" }
	    { print }' "$crl/.$1/info" >info
	cat info >"$crl/.$1/info"
}

@test "cert-renew makes a CRL again when a third is left" {
	hierarchy
	cert-crl -q sub
	run -0 cert-renew
	[ -z "$output" ]
	run -1 cert-renew -x
	run -0 cert-renew -n
	[[ $output = *@crl/root$'\t'later$'\t'*@crl/sub$'\t'later$'\t'* ]]
	age sub $((21 * 86400))
	run -0 cert-renew -n
	[[ $output = *@crl/sub$'\t'due$'\t'*third* ]]
	was=$(number sub)
	run -0 --separate-stderr cert-renew
	[ "$output" = @crl/sub ]
	[ -z "$stderr" ]
	[ "$(number sub)" -gt "$was" ]
	run -0 cert-renew
	[ -z "$output" ]
	# not that of a CA that is not there
	age root $((21 * 86400))
	cert-rm -f root
	run -0 cert-renew
	[ -z "$output" ]
	run -0 cert-renew -v
	[[ $output = *"@crl/root: is not renewed: the CA is not in the store"* ]]
	# nor that of one that expired
	cert-create -c -l 1h short
	cert-crl -q short
	run -0 env ASAN_OPTIONS=verify_asan_link_order=0 CLOCK_OFFSET=7200 \
	    LD_PRELOAD="$ROOT/tests/clock.so" cert-renew -nv
	[[ $output = *@crl/short$'\t'never$'\t'*'the CA expired'* ]] ||
	    fail "$output"
}

@test "cert-renew publishes a revocation that is in no CRL" {
	hierarchy
	cert-crl -q sub
	revoked sub 5
	run -0 cert-renew -n
	[[ $output = *@crl/sub$'\t'due$'\t'*revoked* ]]
	run -0 cert-renew
	[ "$output" = @crl/sub ]
	openssl crl -in "$crl/sub.der" -noout -text | grep 'Number: 05'
	# also of a CA that has no CRL yet
	cert-create -c other
	revoked other 5
	run -0 cert-renew
	[ "$output" = @crl/other ]
	run -0 cert-renew
	[ -z "$output" ]
}

@test "cert-renew reports a CRL that it cannot make" {
	(umask 077 && echo secret >pass)
	cert-create -c -E pass locked
	cert-crl -q -p pass locked
	age locked $((250 * 86400))
	run -0 --separate-stderr cert-renew
	[[ $stderr = *"@crl/locked: "*passphrase*"next update 20"* ]]
	[ -z "$output" ]
	age locked $((60 * 86400))
	run -2 cert-renew
	run -0 cert-renew -p pass
	[ "$output" = @crl/locked ]
	revoked locked 5
	run -2 cert-renew
	run -0 cert-renew -p pass
	[ "$output" = @crl/locked ]
	# another host does it
	age locked $((250 * 86400))
	cert-set -q @store renewhost=elsewhere
	run -0 cert-renew -p pass
	[ -z "$output" ]
	age locked $((60 * 86400))
	run -2 cert-renew -p pass
	[[ $output = *"@crl/locked: is due, and was not made by elsewhere"* ]]
}

# finds SEVERITY NAME CODE [ARGUMENT...]: cert-check has that line alone.
finds() {
	run -1 cert-check "${@:4}"
	[[ ${lines[0]} = $1$'\t'$2$'\t'$3$'\t'* && ${#lines[@]} -eq 1 ]] ||
	    fail "$output"
}

@test "cert-check finds CRLs that are late, expired, damaged, not published" {
	cert-create -c one
	cert-create -c two
	cert-show -o cert one >one.pem
	cert-trust -q -T own add one.pem
	cert-crl -q one
	run -0 cert-check
	[ -z "$output" ]
	# a new one always expires soon
	run -0 cert-check -e 400d
	revoked one 5
	finds critical @crl/one crl-unpublished
	run -0 cert-check -e 20d
	cert-renew -q
	run -0 cert-check
	# a CRL that was never made
	revoked two 5
	finds critical @crl/two crl-unpublished
	run -0 cert-check @crl/one
	cert-set -q two ignore=crl-unpublished
	run -0 cert-check
	cert-set -q two ignore=
	cert-renew -q
	cert-trust -q -T own rm one.pem || cert-trust -q -T own rm one
	age one $((21 * 86400))
	run -0 cert-check
	finds warning @crl/one crl-expires -e 10d
	finds critical @crl/one crl-expires -e 20d,10d
	age one $((5 * 86400))
	finds warning @crl/one crl-late
	age one $((5 * 86400))
	finds critical @crl/one crl-expired
	finds critical @crl/one crl-expired -e 1d
	[[ $output = *"cert-crl one"* ]]
	cert-crl -q one
	run -0 cert-check
	echo x >>"$crl/.one/crl.der"
	finds critical @crl/one crl-damaged
	cert-crl -q one
	sed -i 's/^number.*/number x/' "$crl/.one/info"
	finds critical @store crl-damaged
	cert-crl -q one
	sed -i "s/^spki.*/spki $(printf '%0100d' 0)/" "$crl/.one/info"
	finds critical @store crl-damaged
	cert-crl -q one
	cert-check
	run -2 cert-check @crl/../x
}

@test "cert-check finds what nobody made in crl" {
	cert-create -c one.pem
	cert-crl -q one.pem
	run -0 cert-check
	echo >"$crl/README"
	finds warning @store unknown-file
	rm "$crl/README"
	ln -s x "$crl/.one.pem.pem@link"
	finds warning @store interrupted
	run -0 cert-check -r
	run -0 cert-check
}

@test "cert-check reports the CRL of a CA that is not there any more" {
	cert-create -c one
	cert-crl -q -l 2d one
	cert-rm -f one
	run -0 cert-check
	age one $((3 * 86400))
	finds critical @crl/one crl-expired
	[[ $output = *"the CA is not in the store: import it"* ]]
	run -0 cert-renew
}

@test "cert-deploy tells the users of a CA that its CRL changed" {
	hierarchy
	mkdir -p "$CERTSTORE/hooks"
	printf '#!/bin/sh\ncat >>"%s"\n' "$BATS_TEST_TMPDIR/told" \
	    >"$CERTSTORE/hooks/vpn"
	chmod 755 "$CERTSTORE/hooks/vpn"
	cert-set -q sub user=vpn
	cert-deploy -q
	rm "$BATS_TEST_TMPDIR/told"
	cert-crl -q sub
	run -0 cert-deploy -n
	[[ $output = *sub*vpn* ]]
	cert-deploy -q
	[ -s "$BATS_TEST_TMPDIR/told" ]
	run -0 cert-deploy
	[ -z "$output" ]
	# the CRL of the issuer is in its file, too
	cert-crl -q root
	run -0 cert-deploy
	[[ $output = *sub*vpn* ]]
	run -0 cert-deploy
	[ -z "$output" ]
}

# clients: root, sub below it, a server, and clients a and b of sub.
clients() {
	cert-create -c root
	cert-create -c -A root sub
	cert-create -A sub -s localhost server
	cert-create -A sub -P client -S CN=a a
	cert-create -A sub -P client -S CN=b b
	cert-crl -q sub
	cert-show -o cert root >root.pem
}

# asks PORT CLIENT: what a server that wants certificates answers.
asks() {
	curl -sS --max-time 5 --tls-max 1.2 --cacert root.pem \
	    --cert "$CERTSTORE/certs/$2/fullchain.pem" \
	    --key "$CERTSTORE/certs/$2/privkey.pem" \
	    --resolve "localhost:$1:127.0.0.1" "https://localhost:$1/" 2>&1
}

# delivered: tells nginx, and waits for the end of the worker that has the old
# files, which answers until then.
delivered() {
	local master workers

	master=$(cat pid)
	workers=$(cat "/proc/$master/task/$master/children")
	cert-deploy -q
	while kill -0 "${workers%% *}" 2>/dev/null; do
		sleep 0.05
	done
}

@test "nginx refuses a client as soon as the hook has run" {
	want nginx
	want curl
	clients
	port=$(freeport)
	cat >nginx.conf <<-END
	daemon off; worker_processes 1; pid $PWD/pid; error_log $PWD/log;
	events {}
	http {
		access_log off;
		server {
			listen 127.0.0.1:$port ssl;
			ssl_certificate $CERTSTORE/certs/server/fullchain.pem;
			ssl_certificate_key $CERTSTORE/certs/server/privkey.pem;
			ssl_client_certificate $PWD/root.pem;
			ssl_crl $crl/sub.pem;
			ssl_verify_client on;
			ssl_verify_depth 3;
			return 200 "welcome \$ssl_client_s_dn";
		}
	}
	END
	nginx -p "$PWD" -c "$PWD/nginx.conf" -e "$PWD/log" 3>&- &
	started "$port" $!
	[ "$(asks "$port" a)" = 'welcome CN=a' ]
	mkdir "$CERTSTORE/hooks"
	printf '#!/bin/sh\nkill -HUP "$(cat "%s/pid")"\n' "$PWD" \
	    >"$CERTSTORE/hooks/nginx"
	chmod 755 "$CERTSTORE/hooks/nginx"
	cert-set -q sub user=nginx
	delivered
	cert-revoke -q a
	delivered
	run -0 asks "$port" a
	[[ $output = *'400 '*'SSL certificate error'* ]] || fail "$output"
	[ "$(asks "$port" b)" = 'welcome CN=b' ]
}

# registers PORT CLIENT: the answer of a SIP server, which wants certificates and
# keeps the connection; in ./said.
registers() {
	local pid

	printf '%s\r\n' 'OPTIONS sip:localhost SIP/2.0' \
	    'Via: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK1' \
	    'Max-Forwards: 5' 'From: <sip:a@localhost>;tag=1' \
	    'To: <sip:localhost>' 'Call-ID: 1@localhost' 'CSeq: 1 OPTIONS' \
	    'Content-Length: 0' '' >asked
	# here: the job opens it when it gets to run
	: >said
	timeout 60 openssl s_client -quiet -tls1_2 -CAfile root.pem \
	    -connect "127.0.0.1:$1" \
	    -cert "$CERTSTORE/certs/$2/fullchain.pem" \
	    -cert_chain "$CERTSTORE/certs/$2/chain.pem" \
	    -key "$CERTSTORE/certs/$2/privkey.pem" <asked >said 2>&1 3>&- &
	pid=$!
	while kill -0 "$pid" 2>/dev/null && ! grep -q '200 welcome' said; do
		sleep 0.05
	done
	kill "$pid" 2>/dev/null || :
	wait "$pid" || :
}

@test "Kamailio takes the file as its crl" {
	want kamailio
	ls /usr/lib/*/kamailio/modules/tls.so >/dev/null ||
	    skip "no tls.so of kamailio"
	clients
	cert-revoke -q a
	port=$(freeport)
	cat >tls.cfg <<-END
	[server:default]
	method = TLSv1.2+
	verify_certificate = yes
	require_certificate = yes
	certificate = $CERTSTORE/certs/server/fullchain.pem
	private_key = $CERTSTORE/certs/server/privkey.pem
	ca_list = $PWD/root.pem
	crl = $crl/sub.pem
	END
	cat >kamailio.cfg <<-END
	children=1
	tcp_children=1
	tcp_connection_lifetime=1
	enable_tls=yes
	listen=tls:127.0.0.1:$port
	loadmodule "tm.so"
	loadmodule "sl.so"
	loadmodule "tls.so"
	modparam("tls", "config", "$PWD/tls.cfg")
	request_route {
		sl_send_reply("200", "welcome");
		exit;
	}
	END
	kamailio -DD -E -f "$PWD/kamailio.cfg" -Y "$PWD" -P "$PWD/pid" \
	    >log 2>&1 3>&- &
	started "$port" $!
	registers "$port" b
	grep -q '200 welcome' said || fail "$(cat said log)"
	registers "$port" a
	grep -q 'alert certificate revoked' said || fail "$(cat said log)"
}

@test "HAProxy takes the file as its crl-file" {
	want haproxy
	want curl
	clients
	cert-revoke -q a
	port=$(freeport)
	cat >haproxy.cfg <<-END
	defaults
		mode http
		timeout connect 5s
		timeout client 5s
		timeout server 5s
	frontend f
		bind 127.0.0.1:$port ssl crt $CERTSTORE/combined/server.pem ca-file $PWD/root.pem crl-file $crl/sub.pem verify required
		http-request return status 200 content-type text/plain lf-string "welcome %[ssl_c_s_dn]"
	END
	haproxy -db -f haproxy.cfg >log 2>&1 3>&- &
	started "$port" $!
	[ "$(asks "$port" b)" = 'welcome /CN=b' ]
	run ! asks "$port" a
}

# vpn CLIENT: connects to a server of its own; waits for the end of it.
vpn() {
	local port dir=$CERTSTORE/certs

	port=$(freeport)
	: >vpn.server
	openvpn --dev null --proto udp --local 127.0.0.1 --port "$port" \
	    --tls-server --dh none --cert "$dir/server/fullchain.pem" \
	    --key "$dir/server/privkey.pem" --ca root.pem \
	    --crl-verify "$crl/sub.pem" >vpn.server 2>&1 3>&- &
	echo $! >>"$BATS_TEST_TMPDIR/servers"
	openvpn --dev null --proto udp --remote 127.0.0.1 "$port" --nobind \
	    --tls-client --cert "$dir/$1/fullchain.pem" \
	    --key "$dir/$1/privkey.pem" --ca root.pem >vpn.client 2>&1 3>&- &
	echo $! >>"$BATS_TEST_TMPDIR/servers"
	for _ in $(seq 200); do
		! grep -qE 'Peer Connection Initiated|VERIFY ERROR' vpn.server ||
		    break
		sleep 0.05
	done
}

@test "OpenVPN takes the file for crl-verify" {
	want openvpn
	clients
	vpn a
	grep '\[a\] Peer Connection Initiated' vpn.server
	cert-revoke -q a
	vpn a
	grep 'VERIFY ERROR: depth=0, error=certificate revoked' vpn.server
	vpn b
	grep '\[b\] Peer Connection Initiated' vpn.server
}

@test "CRLs that are made at once have numbers of their own" {
	local pids=() pid

	cert-create -c one
	for _ in 1 2 3 4; do
		cert-crl one >>made &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	[ "$(wc -l <made)" -eq 4 ]
	[ "$(grep -c '@crl/one' "$CERTSTORE/log")" -eq 4 ]
	[ "$(readlink "$crl/.one")" = ..one@4 ]
	openssl crl -in "$crl/one.pem" -noout -CAfile \
	    "$CERTSTORE/certs/one/cert.pem"
	[ -z "$(litter "$CERTSTORE")" ]
}

@test "the longest name of a CA" {
	name=$(printf 'a%.0s' $(seq 200))
	cert-create -c -S CN=long "$name"
	cert-crl -q "$name"
	rm "$crl/.$name"
	cert-check -q -r
	openssl crl -in "$crl/$name.pem" -noout
	run -0 cert-check
}

@test "revocations that are lost are found, and not admitted again" {
	local n

	cert-create -q -c ca
	for n in a b; do
		cert-create -q -A ca -s $n.example.com $n
		cert-revoke -q -f $n
	done
	cert-crl -q ca
	cp "$CERTSTORE/crl/ca.der" was.der
	cp -a "$CERTSTORE" "$BATS_TEST_TMPDIR/whole"
	run -0 cert-check @crl/ca
	set -- "$CERTSTORE"/revoked/*/*
	[ $# -eq 2 ]
	# critical @crl/ca revoked-lost
	rm "$1"
	: >"$2"
	run -1 cert-check @crl/ca
	[[ $output = "critical	@crl/ca	revoked-lost	2 revocations "* ]]
	rm "$2"
	run -2 cert-crl ca
	[[ $output = *"ca: 2 of 2 revocations are not recorded"* ]]
	cmp was.der "$CERTSTORE/crl/ca.der"
	# the remedy, twice: the CRL waits for both
	run -1 cert-check @crl/ca
	run -2 bash -c "${output##*, or }"
	run -1 cert-check @crl/ca
	[[ $output = *"	1 revocation "* ]]
	run -0 bash -c "${output##*, or }"
	run -0 cert-check @crl/ca
	[ "$(openssl crl -inform DER -in "$CERTSTORE/crl/ca.der" -noout -text |
	    grep -c 'Serial Number')" -eq 2 ]
	# a CRL without its info is made again
	rm "$CERTSTORE/crl/.ca/info"
	run -1 cert-check
	[[ $output = *"critical	@store	crl-damaged	"*": use cert-crl ca"* ]]
	run -0 cert-crl -q ca
	run -0 cert-check @crl/ca
	run -2 cert-check @crl/none
	[[ $output = *"/crl/none.pem: there is no such CRL: use cert-crl"* ]]
}
