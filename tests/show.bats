#!/usr/bin/env bats
# show.bats: cert-show: entries, certificates from files, keys, parts.

# shellcheck disable=SC2154  # stderr and stderr_lines are run's

load helper

fill() {
	cert-create -c root
	cert-create -q -c -A root mid
	cert-create -q -A mid www.example.com
	cert-create -q -R -s shop.example.com shop
}

@test "parts: status 0, and 1 if the entry does not have it" {
	fill
	dir=$CERTSTORE/certs/www.example.com
	cert-show -o fullchain www.example.com | cmp - "$dir/fullchain.pem"
	cert-show -o ca www.example.com | cmp - "$dir/ca.pem"
	cert-show -o cert www.example.com >one.pem
	cert-show -o chain www.example.com >rest.pem
	cat one.pem rest.pem | cmp - "$dir/fullchain.pem"
	cert-show -o root www.example.com |
	    cmp - "$CERTSTORE/certs/root/fullchain.pem"
	cert-show -o pubkey www.example.com >pub
	openssl x509 -in one.pem -noout -pubkey | cmp - pub
	hash=$(openssl pkey -pubin -in pub -outform der | sha256sum)
	run -0 cert-show -o tlsa www.example.com
	[ "$output" = "3 1 1 ${hash%% *}" ]
	cert-show -o csr shop | openssl req -noout -verify
	for part in cert chain fullchain ca root; do
		run -1 --separate-stderr cert-show -o "$part" shop
		[ -z "$output" ]
		[ "$stderr" = "cert-show: shop: has no $part" ]
	done
	run -1 --separate-stderr cert-show -q -o csr root
	[ -z "$output$stderr" ]
	run -2 cert-show -j -o cert root
	run -2 cert-show -o cert,text root
}

@test "a missing part of a file: the message names the file" {
	fill
	cert-show -o cert root >root.pem
	run -1 --separate-stderr cert-show -o csr -i root.pem
	[ "$stderr" = 'cert-show: root.pem: has no csr' ]
	run -1 --separate-stderr cert-show -o csr -i - <root.pem
	[ "$stderr" = 'cert-show: stdin: has no csr' ]
	run -1 --separate-stderr cert-show -o cert \
	    -K "$CERTSTORE/certs/root/privkey.pem"
	[[ $stderr == "cert-show: $CERTSTORE/"*'/privkey.pem: has no cert' ]]
}

@test "an option after the names is refused" {
	fill
	run -2 --separate-stderr cert-show shop -o csr
	[ -z "$output" ]
	[[ $stderr == 'cert-show: -o: not a name: options come '* ]]
}

@test "-i: all certificates in their order, whatever else is in the file" {
	fill
	cat "$CERTSTORE"/certs/{www.example.com,root}/fullchain.pem |
	    sed 's/^-----BEGIN/text\n&/' | cert-show -o subject -i - >out
	printf 'CN=%s\n' www.example.com mid root | cmp - out
	cert-show -i "$CERTSTORE/certs/www.example.com/combined.pem" >out
	run -1 grep -e PRIVATE -e ^name$'\t' -e ^keyfile out
	openssl x509 -in "$CERTSTORE/certs/root/fullchain.pem" -outform der |
	    cert-show -o subject -i - | grep -x CN=root
	for file in none . /dev/null "$CERTSTORE/certs/root/privkey.pem" \
	    "$CERTSTORE/certs/shop/request.csr"; do
		run -2 --separate-stderr cert-show -i "$file"
		[ -z "$output" ]
		[[ $stderr == "cert-show: $file: "* ]]
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
}

@test "-K: only the public key" {
	fill
	key=$CERTSTORE/certs/www.example.com/privkey.pem
	run -0 cert-show -K "$key" -o spki
	[ "$output" = "$(cert-show -o spki www.example.com)" ]
	for option in '' -v -j '-o text' '-o pubkey' '-o tlsa'; do
		# shellcheck disable=SC2086  # words are meant
		cert-show -K "$key" $option >out
		run -1 grep -i private out
	done
	printf 'secret\n' >pass
	chmod 600 pass
	openssl pkey -in "$key" -aes256 -passout file:pass -out enc.key
	run -2 setsid -w cert-show -K enc.key </dev/null
	[[ $output == *'enc.key'*'use -p with its passphrase' ]]
	run -2 cert-show -K enc.key -p /dev/null
	run -0 cert-show -K enc.key -p pass -o key
	[ "$output" = p256 ]
	run -2 cert-show -K "$CERTSTORE/certs/root/fullchain.pem"
}

@test "names from stdin, and unknown ones" {
	fill
	printf 'shop\nnone\n root\r\n' >names
	run -2 --separate-stderr cert-show -o name - <names
	[ "$output" = $'shop\nroot' ]
	[[ $stderr == 'cert-show: none: '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	run -0 cert-show - </dev/null
	[ -z "$output" ]
}

@test "hostile certificates: no terminal control characters, valid JSON" {
	for file in "$DATA"/hostile/*.pem; do
		case $file in
		*/dupext.pem|*/nulltail.pem) continue ;;
		esac
		for option in -v '-o subject,names' -j '-o text'; do
			# shellcheck disable=SC2086  # words are meant
			cert-show $option -i "$file" >out
			LC_ALL=C run -1 grep -aP \
			    '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' out
			run -1 grep -aF $'\u202e' out
			[ "$option" != -j ] ||
			    perl -MJSON::PP -ne 'decode_json($_)' out
		done
	done
	cd "$DATA/hostile"
	run -0 cert-show -i nul.pem -o names,subject
	[ "$output" = 'good.example\000.evil.example,ok.example'$'\t'\
'CN=good.example\00.evil.example' ]
	run -0 cert-show -i commas.pem -o subject
	[ "$output" = 'CN=\ lead,OU=,O=\#a\, \"b\" \+ c=d\; \<e\>\\\ ' ]
	run -0 cert-show -i negative.pem -o serial
	[ "$output" = -80 ]
	run -0 cert-show -i zero.pem -o serial
	[ "$output" = 00 ]
	run -0 cert-show -i ages.pem -o starts,ends
	[ "$output" = $'0001-01-01T00:00:00Z\t9999-12-31T23:59:59Z' ]
	run -0 cert-show -i sixties.pem -o ends
	[ "$output" = 1969-01-01T00:00:00Z ]
	for file in dupext nulltail; do
		run -2 --separate-stderr cert-show -i "$file.pem"
		[[ $stderr == "cert-show: $file.pem:1: "* ]]
	done
}

@test "a certificate with a malformed extension: the rest is shown" {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
	    -out key.pem 2>/dev/null
	openssl req -x509 -key key.pem -subj /CN=bad -days 30 -out bad.pem \
	    -addext 2.5.29.17=DER:0401aa
	openssl req -x509 -key key.pem -subj /CN=good -days 30 -out good.pem \
	    -addext subjectAltName=DNS:good.example.com
	cat bad.pem good.pem >both.pem
	run -2 --separate-stderr cert-show -i both.pem -o subject,key
	[ "$output" = "$(printf 'CN=%s\tp256\n' bad good)" ]
	[[ ${stderr_lines[0]} == *'both.pem:1: the extension "X509v3 Subject Alternative Name" of the certificate is malformed (RFC 5280 section 4.2)' ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	for part in text cert pubkey; do
		run -2 --separate-stderr cert-show -i bad.pem -o "$part"
		[[ $output == *-----BEGIN* || $output == *'CN = bad'* ]]
	done
	run -2 --separate-stderr cert-show -ji bad.pem
	[[ $output == *'"subject":"CN=bad"'* ]]
	run -2 --separate-stderr cert-import bad.pem key.pem
	[[ $stderr == *'bad.pem:1: the extension'*malformed* ]]
}

@test "the text of a request that waits" {
	cert-create -R -s www.example.com www >www.csr
	run -0 cert-show -o text www
	openssl req -in www.csr -noout -text >text
	grep -q 'Subject: CN = www.example.com' <<<"$output" || fail "$output"
	grep -q 'DNS:www.example.com' <<<"$output" || fail "$output"
	# what OpenSSL says of the key
	grep -A 6 'pub:' text >key
	[[ $output == *"$(cat key)"* ]] || fail "$output"
}
