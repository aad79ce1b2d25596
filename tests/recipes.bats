#!/usr/bin/env bats
# recipes.bats: the recipes of certstore(7), each in an empty store; the results
# are verified by openssl verify -x509_strict and by TLS handshakes.

# A test is a subshell, and "load" is not followed.
# shellcheck disable=SC2030,SC2031,SC2154

load helper
load examples
load servers

setup() {
	common_setup
	world
	blocks "$ROOT/man/certstore.7" "$BATS_TEST_TMPDIR/blocks"
	seller_root=$seller/root.crt
}

# recipe N: its blocks are the ones that step runs, one after the other.
recipe() {
	mapfile -t steps < <(grep -l "^# certstore\.7: $1\. " \
	    "$BATS_TEST_TMPDIR"/blocks/???)
	[ "${#steps[@]}" -gt 0 ]
}

# step: the next block; the file said has what it said.
step() {
	local b=${steps[0]}

	steps=("${steps[@]:1}")
	block "$b" >said 2>&1 || {
		cat said >&2
		return 1
	}
}

# done_all: no block was left out.
done_all() {
	[ "${#steps[@]}" -eq 0 ]
}

# field OPTION NAME: the text of one field.
field() {
	cert-show -o "$1" "$2"
}

@test "1: CA and server with the same CN and organisation" {
	recipe 1
	step
	done_all
	[ "$(openssl x509 -noout -subject -in phones-CA.pem)" = \
	    "$(openssl x509 -noout -subject \
	    -in "$CERTSTORE/certs/phones/fullchain.pem")" ]
	proven phones voip.example.com phones-CA.pem
	# The phones get exactly the CA's certificate.
	cmp phones-CA.pem "$CERTSTORE/certs/phones-CA/fullchain.pem"
	# And no other name passes.
	run ! handshake other.example.com phones-CA.pem
}

@test "2: self-signed" {
	recipe 2
	step
	done_all
	proven xivo-ctid cti.example.com
	handshake localhost "$CERTSTORE/certs/xivo-ctid/fullchain.pem"
	[ "$(field kind xivo-ctid)" = self ]
}

@test "3: a wildcard certificate, pasted; a single one without names" {
	recipe 3
	step
	proven _.example.com anything.example.com "$seller_root"
	handshake example.com "$seller_root"
	run ! handshake a.b.example.com "$seller_root"
	[ "$(grep -c BEGIN "$CERTSTORE/certs/_.example.com/fullchain.pem")" \
	    -eq 2 ]
	step
	done_all
	grep 'vodia: .*2019-05-06' said
	grep 'vodia: .*no subject alternative name' said
	[ "$(field names vodia)" = localhost ]
	pki entry "$CERTSTORE/certs/vodia"
}

# paste FILE: its text, typed into cert-import.
paste() {
	session cert-import
	shown Ctrl-D
	cat "$1" >&7
	printf '\004' >&7
	over
}

@test "3: pasted into a terminal, which does not show the key" {
	paste star.example.com.pem
	proven _.example.com anything.example.com "$seller_root"
	run ! grep -E 'PRIVATE|BEGIN' log
}

@test "3: pasted into a terminal that cuts a long line" {
	{
		printf '%05000d\n' 0
		cat star.example.com.pem
	} >long
	run -2 paste long
	grep 4095 log
	[ ! -e "$CERTSTORE/certs/_.example.com" ]
}

@test "4: request, answer, and again for the same entry" {
	local first

	recipe 4
	step
	openssl req -in shop.csr -noout -verify
	[ "$(field kind shop)" = waiting ]
	run -1 cert-match shop.example.com
	step
	proven shop shop.example.com "$seller_root"
	handshake 192.0.2.10 "$seller_root"
	first=$(field fingerprint shop)
	step
	# It still serves, and the request waits with another key.
	[ "$(field fingerprint shop)" = "$first" ]
	proven shop www.shop.example.com "$seller_root"
	[ -e "$CERTSTORE/certs/shop/request.key" ]
	step
	done_all
	[ "$(field fingerprint shop)" != "$first" ]
	[ ! -e "$CERTSTORE/certs/shop/request.key" ]
	proven shop shop.example.com "$seller_root"
}

@test "5: a packaging script, any number of times" {
	local first

	recipe 5
	step
	proven mypkg pbx.example.com
	handshake localhost "$CERTSTORE/certs/mypkg/fullchain.pem"
	first=$(field fingerprint mypkg)
	recipe 5
	step
	step
	done_all
	[ "$(field fingerprint mypkg)" = "$first" ]
	# Nothing changed, so nothing was reloaded; now it does and is.
	[ ! -e "$BATS_TEST_TMPDIR/systemctl.log" ]
	cert-rm mypkg
	recipe 5
	steps=("${steps[@]:1}")
	step
	[ "$(cat "$BATS_TEST_TMPDIR/systemctl.log")" = 'reload mypkg' ]
	proven mypkg pbx.example.com
}

@test "5: on a host of any name, and after changes by an administrator" {
	local name names said

	name=$(printf 'a%.0s' $(seq 35))
	# What hostname -f prints, or fails, and the names of the entry.
	while IFS='|' read -r said names; do
		stub hostname <<-EOS
			#!/bin/sh
			$said
		EOS
		rm -rf "$CERTSTORE"
		for _ in 1 2; do
			recipe 5
			step
			step
			done_all
		done
		[ "$(field names mypkg)" = "$names" ] ||
		    fail "$said: $(field names mypkg)"
		# Once made, nothing changed: nothing was reloaded.
		[ ! -e "$BATS_TEST_TMPDIR/systemctl.log" ]
	done <<-EOS
		echo|localhost
		:|localhost
		echo my_host|localhost
		echo my_host.example.com|localhost
		echo no name >&2; exit 1|localhost
		echo pbx|pbx,localhost
		echo PBX.Example.COM|pbx.example.com,localhost
		echo pbx.example.com.|pbx.example.com,localhost
		echo localhost|localhost
		echo 2001:DB8::1|2001:db8::1,localhost
		echo fe80::1%eth0|localhost
		echo 192.0.2.1|192.0.2.1,localhost
		echo $name$name|localhost
		echo $name.$name|$name.$name,localhost
		echo a b|localhost
		echo 7|localhost
	EOS
	# The first time, also where the name is none.
	stub hostname <<-'EOS'
		#!/bin/sh
		echo my_host
	EOS
	cert-rm mypkg
	recipe 5
	steps=("${steps[@]:1}")
	step
	[ "$(cat "$BATS_TEST_TMPDIR/systemctl.log")" = 'reload mypkg' ]
	# An admin bought one, for another name.
	cert-import -qf -N mypkg star.example.com.pem
	names=$(field fingerprint mypkg)
	recipe 5
	step
	step
	[ "$(field fingerprint mypkg)" = "$names" ]
	# Or made one that is more.
	cert-create -c own-CA
	cert-create -qf -A own-CA -t rsa:2048 -s a.example -s localhost mypkg
	names=$(field fingerprint mypkg)
	recipe 5
	step
	step
	[ "$(field fingerprint mypkg)" = "$names" ]
	# Without any entry it fails.
	export CERTSTORE=/dev/null/store
	recipe 5
	run ! step
	run ! step
}

@test "6: mail only when something expires soon" {
	local line

	recipe 6
	line=$(grep -oE 'cert-list.*' "${steps[0]}")
	# No store is never "nothing runs out".
	run -2 --separate-stderr sh -c "$line"
	[ -z "$output" ] && [ -n "$stderr" ]
	cert-create -l 90d www.example.com
	run -1 sh -c "$line"
	[ -z "$output" ]
	cert-create -l 20d soon.example.com
	run -0 --separate-stderr sh -c "$line"
	[[ $output = soon.example.com* ]]
	[[ $output != *www.example.com* ]]
	proven soon.example.com soon.example.com
}

@test "6: a certificate in the chain that expires first is named" {
	cert-create -c -l 20d short-CA
	cert-create -c root-CA
	cert-create -c -A root-CA -l 20d short-int
	cert-create -A short-int www.example.com 2>/dev/null
	run -0 cert-list -e 30d
	[[ $output = *short-CA* ]]
	[[ $output = *www.example.com* ]]
	proven www.example.com www.example.com
}

@test "7: check a server, find a key, replace, restore, move" {
	local first

	recipe 1
	step
	first=$(field fingerprint phones)
	recipe 7
	step
	grep '	phones	same	' said
	step
	grep '^phones	' said
	step
	[ "$(field fingerprint phones)" = "$first" ]
	proven phones voip.example.com phones-CA.pem
	step
	grep '^phones-CA	' said
	# a backup, and what comes after it was restored
	step
	rm "$CERTSTORE/combined/phones.pem"
	step
	[ -L "$CERTSTORE/combined/phones.pem" ]
	done_all
	export CERTSTORE=$BATS_TEST_TMPDIR/newpbx/certstore
	[ "$(field fingerprint phones)" = "$first" ]
	proven phones voip.example.com phones-CA.pem
}

@test "7: a server that sends another certificate" {
	recipe 1
	step
	cert-create -s sip.example.com other
	serve -cert "$CERTSTORE/certs/other/fullchain.pem" \
	    -key "$CERTSTORE/certs/other/privkey.pem"
	cert-rm other
	openssl s_client -connect "127.0.0.1:$port" </dev/null 2>/dev/null |
	    cert-show -i - -o fingerprint >print
	run -1 cert-match - <print
}

# moved: the store in $CERTSTORE is refused until it was repaired, and its
# certificates are those of recipe 1.
moved() {
	run -2 cert-list
	[[ $output == *': use cert-check -r to make them again' ]]
	cert-check -r || [ $? -eq 1 ]
	cert-list >listed
	grep -q '^phones	' listed
	grep -q '^phones-CA	' listed
	[ "$(cert-match -o name voip.example.com)" = phones ]
	cert-create new.example.com
	for n in phones phones-CA new.example.com; do
		[ -L "$CERTSTORE/certs/$n" ] || return 1
	done
	[ -L "$CERTSTORE/combined/phones.pem" ] || return 1
	[ "$(cert-match -o name voip.example.com)" = phones ] || return 1
	proven phones voip.example.com phones-CA.pem
	proven new.example.com new.example.com
	[ -z "$(litter "$CERTSTORE")" ]
}

@test "7: moved by a tool that follows links" {
	recipe 1
	step
	mkdir "$BATS_TEST_TMPDIR/there"
	tar -C "$lib" -chf - certstore |
	    tar -C "$BATS_TEST_TMPDIR/there" -xpf -
	export CERTSTORE=$BATS_TEST_TMPDIR/there/certstore
	[ ! -L "$CERTSTORE/certs/phones" ]
	moved
}

@test "7: moved by a tool that drops links" {
	recipe 1
	step
	mkdir "$BATS_TEST_TMPDIR/there"
	cp -pR "$lib/certstore" "$BATS_TEST_TMPDIR/there"
	export CERTSTORE=$BATS_TEST_TMPDIR/there/certstore
	find "$CERTSTORE" -type l -delete
	moved
}

@test "8: the CAs of the system and your own; 9: verify" {
	local line

	[ -f /etc/ssl/certs/ca-certificates.crt ] || skip "no system list"
	recipe 1
	step
	recipe 8
	step
	# The next day nothing is mailed.
	step
	[ ! -s said ]
	step
	# An anchor is named after its subject, not after the entry.
	[ "$(cert-trust -o origin list voip.example.com)" = added ]
	step
	done_all
	run -0 cert-trust -o origin list ISRG_Root_X2
	[ "$output" = distrusted ]
	cert-trust -q update
	[ "$(cert-trust -o origin list ISRG_Root_X2)" = distrusted ]

	recipe 9
	step
	grep '^phones	good	server' said
	grep '^phones	path	CN=voip.example.com,O=Example	1	' said ||
	    grep '^phones	path	O=Example,CN=voip.example.com	1	' said
	# Silent as long as all is good, also when something is waiting.
	cert-create -R wait.example.com >/dev/null
	line=$(sed -n 's/^0 6 \* \* \* //p' "${steps[0]}")
	run -0 sh -c "$line"
	[ -z "$output" ]
	cert-create self.example.com
	run -0 sh -c "$line"
	[ "${#lines[@]}" -eq 1 ]
	[[ $output = 'self.example.com	error	CN=self.example.com	'* ]]
	step
	step
	[ ! -s said ]
	done_all
}

@test "10: a set of those who present certificates" {
	recipe 1
	step
	recipe 10
	step
	done_all
	[ ! -e "$CERTSTORE/trust" ]
	run -1 cert-verify -T phones -P client phones
}

@test "README has the same recipes" {
	local f n

	blocks "$ROOT/README" "$BATS_TEST_TMPDIR/readme"
	for n in 1 2 3 4 5 6 7 8 9 10 11 12 16 17 19 20; do
		recipe "$n"
		grep -hv '^# certstore\.7:' "${steps[@]}" >manual.txt
		for f in "$BATS_TEST_TMPDIR"/readme/???; do
			! grep -q "^# README: $n\. " "$f" ||
			    grep -v '^# README:' "$f"
		done >readme.txt
		[ -s manual.txt ]
		diff manual.txt readme.txt
	done
	for n in 13 14 15 18 19 20 21; do
		network "$n" >manual.txt
		awk -v n="$n." '
		/^[0-9]+\. / || /^Status$/ { inside = $1 == n }
		inside && sub(/^    /, "")' "$ROOT/README" >readme.txt
		[ -s manual.txt ]
		diff manual.txt readme.txt
	done
}

@test "11: sign calls" {
	recipe 11
	step
	done_all
	grep -qE "^$CERTSTORE/certs/\\.carrier@1/privkey\\.pem	https://certs\\.example\\.com/shaken/[0-9a-f]{64}\\.pem$" said
}

@test "12: renew, and tell the servers" {
	recipe 1
	step
	mkdir "$CERTSTORE/hooks"
	printf '#!/bin/sh\ncat >"$CERTSTORE/told"\n' >"$CERTSTORE/hooks/kamailio"
	chmod 755 "$CERTSTORE/hooks/kamailio"
	cert-set phones user=kamailio
	recipe 12
	step
	[ "$(cat "$CERTSTORE/told")" = phones ]
	rm "$CERTSTORE/told"
	step # cert-check
	[ ! -s said ]
	step
	step
	[ ! -s said ]
	done_all
	# the CA is renewed, and what it issued follows
	printf '#!/bin/sh\nexec cp "$CERTSTORE/certs/phones-CA/cert.pem" %s\n' \
	    "$PWD/tftp.pem" >"$CERTSTORE/hooks/provisioning"
	chmod 755 "$CERTSTORE/hooks/provisioning"
	cert-set phones-CA user=provisioning
	cert-renew -f phones-CA | sort >renewed
	[ "$(cat renewed)" = $'phones\nphones-CA' ]
	cert-deploy -q
	cmp tftp.pem "$CERTSTORE/certs/phones-CA/cert.pem"
	proven phones voip.example.com tftp.pem
	# who trusts the old one still does
	proven phones voip.example.com phones-CA.pem
}

@test "16: who changed what" {
	command -v jq >/dev/null || skip "jq is not installed"
	recipe 1
	step
	cert-create -f -A phones-CA -s voip.example.com phones
	recipe 16
	step
	[ "$(cut -f 3,4 said | sort -u)" = $'cert-create\tcreate' ]
	step
	[ "$(cut -f 1 said)" = phones ]
	step
	done_all
	[ "$(cert-set @store)" = log=syslog ]
}

@test "17: a page to look at" {
	recipe 1
	step
	recipe 17
	line=${steps[0]}
	step
	done_all
	[ ! -s said ]
	cd "$BATS_TEST_TMPDIR/www/certs"
	[ ! -e new ]
	grep -q 'voip\.example\.com' index.html
	# what could not be read is told on the page, too
	: >"$CERTSTORE/certs/phones/info"
	sh "$line.sh" 2>said
	grep -q phones said
	[ ! -e new ]
	grep -q 'this page is not complete' index.html
	# no page, or one that ends too early, replaces none
	printf '#!/bin/sh\nhead -c 4096 index.html\nexit 2\n' |
	    tee cert-report >/dev/null
	chmod 755 cert-report
	for short in "$PWD" /; do
		[ "$short" != / ] || mv "$CERTSTORE/certs" "$CERTSTORE/gone"
		PATH=$short:$PATH sh "$line.sh" 2>said ||
		    [ $? -eq 1 ]
		grep -q '</html>' index.html
	done
}

@test "19: sign the requests of routers and phones" {
	local n

	recipe 1
	step
	recipe 19
	step
	openssl verify -x509_strict -CAfile phones-CA.pem router.crt
	mkdir requests
	for n in 1 2; do
		pki cert "requests/$n.csr" "$n.key" "/CN=phone$n" csr
	done
	network 19 | sh -e >listed
	for n in 1 2; do
		grep -q "phone$n" listed
		openssl verify -x509_strict -purpose sslclient \
		    -CAfile phones-CA.pem "requests/$n.crt"
	done
	[ "$(grep -c . signed)" -eq 2 ]
	step
	done_all
	cert-verify -T phones-CA.pem -P client 0004f2000001 0004f2000002
}

@test "20: a VPN" {
	recipe 20
	step
	done_all
	[ ! -s said ]
	run -0 cert-verify -T "$CERTSTORE/certs/vpn-CA/cert.pem" -P client anna
	run -0 cert-verify -T "$CERTSTORE/certs/vpn-CA/cert.pem" vpn.example.com
	run -0 cert-check
	[ -z "$(grep -v ^note <<<"$output")" ]
}

@test "20: both ends of OpenVPN take their lines" {
	want openvpn
	recipe 20
	step
	port=$(freeport)
	network 20 | sed "s|/var/lib|$lib|" >lines
	sed '/^remote /,$d' lines >server.conf
	sed -n "/^remote /,\$p" lines |
	    sed "s/^remote .*/remote 127.0.0.1 $port/" >user.conf
	grep -q '^crl-verify ' server.conf
	grep -q '^verify-x509-name ' user.conf
	openvpn --dev null --proto udp --local 127.0.0.1 --port "$port" \
	    --tls-server --dh none --config server.conf >server.log 2>&1 3>&- &
	echo $! >>"$BATS_TEST_TMPDIR/servers"
	openvpn --dev null --proto udp --nobind --tls-client \
	    --ca "$CERTSTORE/certs/vpn-CA/cert.pem" \
	    --cert "$CERTSTORE/certs/anna/fullchain.pem" \
	    --key "$CERTSTORE/certs/anna/privkey.pem" \
	    --config user.conf >user.log 2>&1 3>&- &
	echo $! >>"$BATS_TEST_TMPDIR/servers"
	logged user.log 'Initialization Sequence Completed'
	grep '\[anna\] Peer Connection Initiated' server.log
}
