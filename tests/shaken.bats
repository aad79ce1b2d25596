#!/usr/bin/env bats
# shaken.bats: certificates that sign calls (RFC 8226): which one signs, by
# which paths and URL it is used, how long these stay, what import says.

# shellcheck disable=SC2154  # stderr and stderr_lines are run's

load helper
load pki
load servers

# tlv TAG HEX: its DER, in hexadecimal.
tlv() {
	printf '%s%02x%s' "$1" "$((${#2} / 2))" "$2"
}

ascii() {
	printf %s "$1" | od -An -tx1 | tr -d ' \n'
}

# tnauth ENTRY...: an argument of sign for a list of spc:CODE, tel:NUMBER and
# tel:START+COUNT.
tnauth() {
	local entry hex='' text

	for entry; do
		text=${entry#*:}
		case $entry in
		spc:*) hex+=$(tlv a0 "$(tlv 16 "$(ascii "$text")")") ;;
		*+*) hex+=$(tlv a1 "$(tlv 30 "$(tlv 16 "$(ascii "${text%+*}")"
			)$(tlv 02 "$(printf %02x "${text#*+}")")")") ;;
		*) hex+=$(tlv a2 "$(tlv 16 "$(ascii "$text")")") ;;
		esac
	done
	printf '1.3.6.1.5.5.7.1.26=DER:%s' "$(tlv 30 "$hex")"
}

# caller NAME DAYS|- ENTRY...: imports a certificate that signs calls.
caller() {
	local name=$1 days=$2

	shift 2
	[ -e root.crt ] || ca root '/CN=SHAKEN CA'
	sign "$name" root "/CN=SHAKEN $name" "$days" \
	    keyUsage=critical,digitalSignature "$(tnauth "$@")"
	cert-import -qf -N "$name" "$name.crt" "$name.key" root.crt 2>/dev/null
}

# signs ENTRY HOW QUESTION [OPTION...]
signs() {
	local how=$2 name=$1 question=$3

	shift 3
	run -0 --separate-stderr cert-match "$@" -o name,how "$question"
	[ "$output" = "$name	$how" ] || fail "$question: $output $stderr"
}

# silent QUESTION [OPTION...]: nothing can sign.
silent() {
	local question=$1

	shift
	run -1 --separate-stderr cert-match "$@" "$question"
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "a code, a number, a range and a tenant choose what signs" {
	caller 818H 90 spc:818H
	caller 709a 90 spc:709a spc:710A
	caller ten 90 tel:12155550000+100
	caller two 90 tel:12155550010+2
	caller one 90 tel:12155550010 tel:*21
	signs 818H spc spc:818H
	signs 818H spc SPC:818h -k shaken
	signs 709a spc spc:709A
	signs 709a spc spc:710a
	silent spc:818
	silent spc:818HX
	silent spc:818H -k server
	signs ten range tel:+12155550000
	signs ten range tel:+1-215-555-0099
	signs ten range 'tel:+1(215)555.0020'
	signs two range tel:12155550011
	signs one number tel:+12155550010
	signs one number 'tel:*21'
	signs one number 'sip:+1-215-555-0010@gw.example.com;user=phone'
	signs one number 'sips:+12155550010;phone-context=x@a.example;User=Phone'
	silent tel:+12155550100
	silent tel:2155550010
	cert-set -q 818H tenant=acme.example.com 2>/dev/null
	signs 818H tenant acme.example.com -k shaken
	silent other.example.com -k shaken
	# numbers of a delegate are nobody else's
	signs 818H available spc:000X -D -k shaken || signs 709a available spc:000X -D
	run -0 cert-match -D -o how tel:+13105550100
	[ "$output" = available ]
	run -0 cert-match -D -k shaken -o how other.example.com
	[ "$output" = available ]
	run -0 cert-match -a -o name,how tel:+12155550010
	[ "${#lines[@]}" -eq 3 ]
	[ "${lines[0]}" = "one	number" ]
	[ "${lines[1]}" = "two	range: a single number comes first" ]
	run -0 cert-match -a -o name,how tel:+12155550011
	[ "${lines[1]}" = "ten	range: another is for fewer numbers" ]
	for question in spc: tel: tel:+ tel:abc tel:1234567890123456 \
	    'tel:+1 2' 'tel:+12155550100;ext=5'; do
		run -2 cert-match "$question"
	done
}

@test "numbers alone are never available" {
	caller ten 90 tel:12155550000+100
	silent spc:818H -D
	silent acme.example.com -D -k shaken
	silent tel:+13105550100 -D
	signs ten range tel:+12155550001 -D
}

@test "a number is looked for where numbers are" {
	cert-create -P shaken -s spc:818H code
	cert-create -P shaken -s tel:12155550000+100 ten
	cert-create -P shaken -s tel:12155550001 -s spc:709A one
	cert-create -c -s tel:12155550001 ca
	[ "$(find "$CERTSTORE/index/tn" -type l | wc -l)" -eq 2 ]
	signs one number tel:12155550001
	# an entry without numbers is not read
	mv "$CERTSTORE/certs/code/info" info
	signs one number tel:12155550001
	signs ten range tel:12155550002
	silent tel:12155550100
	mv info "$CERTSTORE/certs/code/info"
	cert-rm -f one
	signs ten range tel:12155550001
	# an index of an earlier version
	tick
	rm -r "$CERTSTORE/index/tn"
	signs ten range tel:12155550001
	cert-create -P shaken -s tel:12155550003 three
	cert-check -q -r
	[ "$(find "$CERTSTORE/index/tn" -type l | wc -l)" -eq 2 ]
	signs ten range tel:12155550001
	signs three number tel:12155550003
	# links that lead to what has no such numbers by now
	ln -s ../../../certs/code "$CERTSTORE/index/tn/+@/code"
	ln -s ../../../certs/none "$CERTSTORE/index/tn/+@/none"
	signs ten range tel:12155550001
	cert-rm -f ten three
	silent tel:12155550001
}

@test "what signs calls is never an answer for TLS" {
	caller www.example.com 90 spc:818H
	cert-set -q www.example.com tenant=pbx.example.com 2>/dev/null
	silent www.example.com
	silent pbx.example.com
	silent pbx.example.com -k server,shaken
	[ -z "$(ls -A "$CERTSTORE/combined")" ]
	[ "$(ls "$CERTSTORE/index/host")" = + ]
}

@test "an expired certificate signs no call" {
	local later

	later=$(date -u -d '+20 days' +%F)
	caller old 10 spc:818H
	signs old spc spc:818H
	run -1 --separate-stderr cert-match -w "$later" -o name spc:818H
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == "cert-match: spc:818H: no valid certificate: old: expired 20"*": renew it" ]]
	run -1 --separate-stderr cert-match -w "$later" -a -o name,how spc:818H
	[[ $output == "old	spc: expired 20"* ]]
	silent spc:818H -w 2000-01-01
	caller other 90 spc:709A
	silent spc:818H -w "$later"
	signs other available spc:818H -D -w "$later"
	caller new 90 spc:818H
	signs new spc spc:818H -w "$later"
	# a TLS server must present something, an expired one at worst
	server www root www.example.com 10
	cert-import -q www.crt www.key
	run -0 cert-match -w "$later" -o name www.example.com
	[ "${lines[-1]}" = www.example.com ]
}

@test "a malformed TNAuthList signs no call" {
	local why

	ca root '/CN=SHAKEN CA'
	sign bad root /CN=bad 90 1.3.6.1.5.5.7.1.26=DER:3006130438313848
	cert-import -q -N bad bad.crt bad.key root.crt 2>/dev/null
	cert-set -q bad tenant=acme.example.com 2>/dev/null
	silent acme.example.com -D -k shaken
	# and everybody says so
	why='malformed: it is not in the form of RFC 8226 section 9'
	run -0 cert-show bad
	[[ $output == *$'\ntnauth\t'"$why"$'\n'* ]]
	run -0 cert-show -i bad.crt
	[[ $output == *$'\ntnauth\t'"$why"* ]]
	[ "$(cert-list -o spc,tn,tnauth bad)" = "		$why" ]
	[[ $(cert-list -j bad) == *'"spc":[],"tn":[],"tnauth":"'"$why"'"'* ]]
	caller good 90 spc:818H
	[ -z "$(cert-list -o tnauth good)" ]
	[[ $(cert-list -j good) == *'"tnauth":null'* ]]
	[[ $(cert-show good) != *tnauth* ]]
	cert-set -q bad note=x
	[ "$(cert-list -o tnauth bad)" = "$why" ]
}

@test "paths are those of one generation" {
	local file

	caller a 90 spc:818H
	run -0 cert-match -o dir,certfile,keyfile spc:818H
	IFS='	' read -r dir certfile keyfile <<<"$output"
	[ "$dir" = "$CERTSTORE/certs/.a@1" ]
	[ "$certfile" = "$dir/fullchain.pem" ]
	[ "$keyfile" = "$dir/privkey.pem" ]
	[ -f "$keyfile" ]
	cert-create -q -s www.example.com www
	[ "$(cert-match -o keyfile www.example.com)" = \
	    "$CERTSTORE/certs/www/privkey.pem" ]
}

# x5ufile ENTRY: the file that its URL stands for.
x5ufile() {
	local url

	url=$(cert-list -o x5u "$1")
	[[ $url == https://certs.example.com/shaken/*.pem ]] || fail "$url"
	echo "$CERTSTORE/x5u/${url##*/}"
}

@test "x5u= gives each chain a URL that never changes" {
	local first second

	caller a 90 spc:818H
	[ -z "$(cert-list -o x5u a)" ]
	[ ! -e "$CERTSTORE/x5u" ]
	umask 077
	cert-set -q a x5u=https://certs.example.com/shaken
	[ "$(cert-set -o x5u a)" = x5u=https://certs.example.com/shaken/ ]
	first=$(x5ufile a)
	cmp "$first" "$CERTSTORE/certs/a/fullchain.pem"
	[ "$(sha256sum <"$first" | cut -d' ' -f1).pem" = "${first##*/}" ]
	[ "$(stat -c %a "$CERTSTORE/x5u")" = 755 ]
	[ "$(stat -c %a "$first")" = 644 ]
	# the same certificate, another chain
	stat -c '%i %Y' "$first" >before
	cert-set -q a note=x
	[ "$(x5ufile a)" = "$first" ]
	sign mid root '/CN=SHAKEN mid' 90 basicConstraints=critical,CA:TRUE
	caller a 90 spc:818H
	second=$(x5ufile a)
	[ "$second" != "$first" ]
	cmp "$second" "$CERTSTORE/certs/a/fullchain.pem"
	stat -c '%i %Y' "$first" | cmp - before
	[ "$(find "$CERTSTORE/x5u" -mindepth 1 | wc -l)" -eq 2 ]
	# what a killed writer left, or a bad disk, is made whole
	echo damage >"$second"
	cert-set -q a note=y
	cmp "$second" "$CERTSTORE/certs/a/fullchain.pem"
	cert-rm a
	[ -f "$second" ]
	caller a 90 spc:818H
	cert-set -q a x5u=https://certs.example.com/shaken/
	third=$(x5ufile a)
	cert-rm -f a
	[ ! -e "$third" ]
	[ -f "$second" ]
}

@test "x5u= is for what signs calls, and an https URL" {
	cert-set -q @new x5u=https://certs.example.com/shaken
	cert-create -q -s www.example.com www
	[ -z "$(cert-list -o x5u www)" ]
	[ ! -e "$CERTSTORE/x5u" ]
	caller a 90 spc:818H
	[ -f "$(x5ufile a)" ]
	for url in http://a.example/ ftp://a.example/ https:/// https:// \
	    https://u@a.example/ 'https://a.example/?x' 'https://a.example/#x' \
	    'https://a.example/a b/' /srv/x5u; do
		run -2 cert-set a "x5u=$url"
	done
	cert-set -q a x5u=
	[ -z "$(cert-list -o x5u a)" ]
	ln -s /tmp x5u
	rm -r "$CERTSTORE/x5u"
	mv x5u "$CERTSTORE/x5u"
	run -2 cert-set a x5u=https://a.example/
	[ -z "$(cert-list -o x5u a)" ]
}

# remarks REGEX WORD...: the one warning about a certificate made with these.
remarks() {
	local regex=$1

	shift
	[ -e root.crt ] || ca root '/CN=SHAKEN CA'
	pki cert x.crt x.key "$1" ca=root.crt key=root.key days=9 \
	    authorityKeyIdentifier=keyid "${@:2}"
	run -0 --separate-stderr cert-import -fN x x.crt x.key root.crt
	[ "${#stderr_lines[@]}" -eq "${count:-1}" ] || fail "$stderr"
	[[ $stderr =~ $regex ]] || fail "$stderr"
	rm -f x.key x.crt
}

@test "cert-import warns of what verifiers of calls refuse" {
	local cn='/CN=SHAKEN 818H' ku=keyUsage=critical,digitalSignature
	local ski=subjectKeyIdentifier=hash list odd

	list=$(tnauth spc:818h)
	count=0 remarks '' "$cn" "$ku" "$ski" "$list"
	count=0 remarks '' /CN=delegate "$ku" "$ski" \
	    "$(tnauth tel:12155550000+100 tel:12155550100)"
	remarks 'does not contain its service provider code "818h"' \
	    '/CN=SHAKEN 1818HX' "$ku" "$ski" "$list"
	remarks 'no subject key identifier' "$cn" "$ku" "$list"
	remarks 'does not have digitalSignature' "$cn" "$ski" "$list"
	remarks 'does not have digitalSignature' "$cn" "$ski" "$list" \
	    keyUsage=critical,keyAgreement
	remarks 'it has 2 service provider codes' "$cn" "$ku" "$ski" \
	    "$(tnauth spc:818H spc:709A)"
	odd=818-H
	remarks 'is not 1 to 16 letters and digits' "/CN=SHAKEN $odd" "$ku" \
	    "$ski" "$(tnauth "spc:$odd")"
	openssl ecparam -genkey -name secp384r1 -noout -out x.key
	remarks '\(p384\) cannot sign calls' "$cn" "$ku" "$ski" "$list"
}

# pad BYTES: an argument of sign for an extension with so many.
pad() {
	printf '1.2.3.4=DER:0482%04x%0*d' "$1" "$((2 * $1))" 0
}

# textlength BYTES: of PEM with so many bytes of DER, in $text.
textlength() {
	text=$((($1 + 2) / 3))
	text=$((4 * text + (4 * text + 63) / 64 + 54))
}

# padsfor BYTES LEAF MID UP TOP: with these bytes of DER, which pads make a chain
# of so many bytes, in $pads.  A line ends after 64 characters of text, four for
# each three bytes, so that most sizes need the right lengths of all four.
padsfor() {
	local bytes=$1 a b c d rest text

	for ((a = 0; a < 48; a += 3)); do
		for ((b = 0; b < 48; b += 3)); do
			for ((c = 0; c < 48; c += 3)); do
				rest=$bytes
				for d in $(($2 + a)) $(($4 + b)) $(($5 + c)); do
					textlength "$d"
					rest=$((rest - text))
				done
				d=$(((rest - 54) * 48 / 65 / 3 * 3))
				textlength "$d"
				pads=("$a" $((d - $3)) "$b" "$c")
				[ "$text" -ne "$rest" ] || return 0
			done
		done
	done
	fail "no chain of $bytes bytes"
}

# chain PAD...: makes leaf.crt, mid.crt, up.crt and top.crt with these pads.
chain() {
	local ca=basicConstraints=critical,CA:TRUE

	sign top root /CN=top 90 "$ca" "$(pad $((300 + $4)))"
	sign up top /CN=up 90 "$ca" "$(pad $((300 + $3)))"
	sign mid up /CN=mid 90 "$ca" "$(pad $((300 + $2)))"
	sign leaf mid '/CN=SHAKEN 818H' 9 "$(pad $((300 + $1)))" \
	    keyUsage=critical,digitalSignature "$(tnauth spc:818H)"
}

# chainof BYTES: the same with so many bytes, unless a serial number is shorter
# than the others.
chainof() {
	local file lengths=() pads

	chain 0 0 0 0
	for file in leaf mid up top; do
		lengths+=("$(openssl x509 -in "$file.crt" -outform DER | wc -c)")
	done
	padsfor "$1" "${lengths[@]}"
	chain "${pads[@]}"
	[ "$(cat leaf.crt mid.crt up.crt top.crt | wc -c)" -eq "$1" ]
}

@test "a chain of more than 8192 bytes is too long for a verifier" {
	local bytes file i

	for file in root top up mid; do
		key "$file" ed25519 # whose signatures are all as long
	done
	ca root '/CN=SHAKEN CA'
	for bytes in 8191 8192 8193; do
		for i in 1 2 3 4 5 6 7 8 9; do
			! chainof "$bytes" || break
		done
		run -0 --separate-stderr cert-import -fN b leaf.crt leaf.key \
		    mid.crt up.crt top.crt root.crt
		[ "$(wc -c <"$CERTSTORE/certs/b/fullchain.pem")" -eq "$bytes" ]
		if [ "$bytes" -gt 8192 ]; then
			[[ $stderr == *"its chain has $bytes bytes: Asterisk"* ]]
		else
			[[ $stderr != *'its chain has'* ]]
		fi
	done
}

# fetched URL: the file in the cache of a verifier, which fetches each URL once
# in 24 hours from a web server that serves x5u/.
fetched() {
	local file=cache/${1##*/}

	mkdir -p cache
	[ -e "$file" ] || cp "$CERTSTORE/x5u/${1##*/}" "$file"
	echo "$file"
}

# calls KEYFILE URL: signs one, and the verifier accepts it.
calls() {
	local token url

	token=$("$ROOT/tests/passport" sign "$1" "$2")
	url=$("$ROOT/tests/passport" url <<<"$token")
	[ "$url" = "$2" ]
	"$ROOT/tests/passport" verify "$(fetched "$url")" <<<"$token"
}

# expirehold INFO...: what is held is held no longer.
expirehold() {
	local file

	for file; do
		sed 's/^\(held [0-9]*\) .*/\1 1/' "$file" >info.new
		cat info.new >"$file"
	done
}

@test "three replacements in an hour: no call is refused" {
	local answer answers=() i

	[ -x "$ROOT/tests/passport" ] || make -s -C "$ROOT" tests/passport
	cert-set -q @new x5u=https://certs.example.com/shaken
	for i in 1 2 3 4; do
		key a # another each time
		caller a 90 spc:818H
		rm -f a.key
		answers+=("$(cert-match -k shaken -o keyfile,x5u spc:818H)")
		[ "$i" -ne 2 ] || cert-set -q a note=between
		# signers with each answer so far, and one that asks now
		for answer in "${answers[@]}"; do
			calls "${answer%	*}" "${answer#*	}" ||
			    fail "$i: $answer"
		done
	done
	[ "$(printf '%s\n' "${answers[@]#*	}" | sort -u | wc -l)" -eq 4 ]
	[ "$(find "$CERTSTORE/certs" -name '.a@*' | wc -l)" -eq 5 ]
	run -0 cert-list -o name
	[ "$output" = a ]
	# a day later the next change removes them, but for the kept one
	expirehold "$CERTSTORE/certs/a/info"
	cert-set -q a note=later
	[ "$(find "$CERTSTORE/certs" -name '.a@*' | wc -l)" -eq 3 ]
	[ "$(find "$CERTSTORE/x5u" -name '*.pem' | wc -l)" -eq 4 ]
	cert-rm a
	[ -z "$(find "$CERTSTORE/certs" -name '.a@*')" ]
}

@test "what is held keeps no key for a group that lost it" {
	local group

	caller a 90 spc:818H
	group=$(id -gn)
	cert-set -q a "group=$group"
	rm -f a.key
	caller a 90 spc:818H
	rm -f a.key
	caller a 90 spc:818H
	[ "$(find "$CERTSTORE/certs" -name privkey.pem -perm 640 | wc -l)" -eq 3 ]
	cert-set -q a group=
	[ -z "$(find "$CERTSTORE/certs" -name privkey.pem ! -perm 600)" ]
	[ "$(find "$CERTSTORE/certs" -name privkey.pem | wc -l)" -eq 5 ]
}

# get PATH: the status, with the body in body and the header in header.
get() {
	curl -sS --path-as-is --unix-socket nginx.sock -o body -D header \
	    -w '%{http_code}' "http://localhost$1"
}

@test "nginx serves x5u/ by the recipe, and nothing beside it" {
	local url

	want nginx
	caller a 90 spc:818H
	cert-set -q a x5u=https://certs.example.com/shaken/
	{
		echo "user $(id -un) $(id -gn);"
		echo "daemon off; pid $PWD/pid; error_log $PWD/log;"
		echo "events { } http { access_log off;"
		for dir in client_body proxy fastcgi uwsgi scgi; do
			echo "${dir}_temp_path $PWD/temp;"
		done
		echo "server { listen unix:$PWD/nginx.sock;"
		sed -n '/^location \/shaken\/ {/,/^}/p' \
		    "$ROOT/man/certstore.7" |
		    sed "s|/var/lib/certstore|$CERTSTORE|"
		echo '} }'
	} >conf
	grep -q "alias $CERTSTORE/x5u/;" conf
	nginx -e "$PWD/log" -p "$PWD" -c "$PWD/conf" 2>/dev/null 3>&- &
	started "$PWD/nginx.sock" $!
	url=$(cert-list -o x5u a)
	[ "$(get "/shaken/${url##*/}")" = 200 ]
	cmp body "$CERTSTORE/certs/a/fullchain.pem"
	grep -qi '^content-type: application/pem-certificate-chain' header
	grep -qi '^cache-control: max-age=3600' header
	for path in /shaken../certs/a/privkey.pem /shaken/../certs/a/privkey.pem \
	    /shaken/%2e%2e/certs/a/privkey.pem /shaken../x5u/ /shaken/ /shaken; do
		[[ $(get "$path") != 200 ]] || fail "$path"
		run ! grep -q 'PRIVATE KEY' body
	done
}

# delegate ISSUER-ENTRY ENTRY...: verifies a delegate with these entries below a
# CA with that one.
delegate() {
	ca root '/CN=SHAKEN CA'
	sign mid root /CN=mid 90 basicConstraints=critical,CA:TRUE \
	    keyUsage=critical,keyCertSign "$(tnauth "$1")"
	sign leaf mid /CN=leaf 9 keyUsage=critical,digitalSignature \
	    "$(tnauth "${@:2}")"
	cat leaf.crt mid.crt >chain.pem
	cert-verify -T ./root.crt -P shaken -i chain.pem
}

@test "cert-verify -P shaken: a delegate has a part of its issuer's numbers" {
	cert-create -q -s www.example.com www # a store
	run -0 delegate tel:12155550000+100 tel:12155550099 tel:12155550010+5
	[ -z "$output" ]
	run -0 delegate spc:818H spc:818h
	[ -z "$output" ]
	run -1 delegate tel:12155550000+100 tel:12155550100
	[[ $output == *'error'*'RFC 9060 section 4.1'*'has numbers or codes that its issuer does not have: 12155550100' ]]
	run -1 delegate tel:12155550000+100 tel:12155550090+20
	run -1 delegate tel:12155550000+100 spc:818H
	run -1 delegate spc:709A spc:818H
	run -1 delegate spc:709A spc:4000 # digits, but no number
	run -0 delegate spc:709A tel:12155550100
	[[ $output == *warning*'cannot be checked'* ]]
}

# authlist FILE: what its certificate signs for, as cert-list prints it.
authlist() {
	openssl x509 -in "$1" -outform DER |
	    openssl asn1parse -inform DER |
	    sed -n '/:1\.3\.6\.1\.5\.5\.7\.1\.26$/{n;s/.*\[HEX DUMP\]://p;}'
}

@test "cert-create -P shaken makes what a verifier of calls accepts" {
	local dir=$CERTSTORE/certs hex

	cert-create -c calls-CA
	cert-trust -T calls add "$dir/calls-CA/cert.pem"
	run -0 --separate-stderr cert-create -A calls-CA -P shaken -S C=US \
	    -S O=Example -s spc:818H a.example.com
	[ -z "$stderr" ]
	run -0 cert-verify -T calls -P shaken a.example.com
	[ -z "$output" ]
	run -0 cert-list -o kind,subject,spc,tn,key a.example.com
	[ "$output" = "shaken	CN=SHAKEN 818H,O=Example,C=US	818H		p256" ]
	hex=$(authlist "$dir/a.example.com/cert.pem")
	[ "${hex,,}" = 3008a006160438313848 ] || fail "$hex"
	run -0 openssl x509 -in "$dir/a.example.com/cert.pem" -noout -ext \
	    keyUsage,extendedKeyUsage,basicConstraints,subjectKeyIdentifier,authorityKeyIdentifier,subjectAltName
	[[ $output == *'Key Usage: critical
    Digital Signature'$'\n'* ]]
	[[ $output == *'Basic Constraints: critical'*CA:FALSE* ]]
	[[ $output == *'Subject Key Identifier'*'Authority Key Identifier'* ]]
	[[ $output != *Extended* ]]
	[[ $output != *Alternative* ]]
	signs a.example.com spc spc:818h
	silent a.example.com
	[ -z "$(ls -A "$CERTSTORE/combined")" ]
	[ "$(ls "$CERTSTORE/index/host")" = + ]
	# what import warns of it is nothing
	run -0 --separate-stderr cert-import -d ./other \
	    "$dir/a.example.com/combined.pem" "$dir/calls-CA/cert.pem"
	[ -z "$stderr" ]
	cert-create -A calls-CA -P shaken -s TEL:+1-215-555-0000+100 \
	    -s 'tel:*21' -s tel:12155550007 -s spc:40 -s spc:40 numbers
	run -0 cert-list -o subject,spc,tn numbers
	[ "$output" = "CN=SHAKEN 40	40	12155550000+100,*21" ]
	hex=$(authlist "$dir/numbers/cert.pem")
	[ "${hex,,}" = "$(tnauth spc:40 tel:12155550000+100 'tel:*21' |
	    sed 's/.*DER://')" ] || fail "$hex"
	cert-create -P shaken -s tel:911 alone
	run -0 cert-list -o kind,subject,tn alone
	[ "$output" = "shaken	CN=alone	911" ]
}

@test "cert-create refuses what cannot sign calls" {
	local args

	openssl ecparam -genkey -name secp384r1 -noout -out p384.key
	for args in '-P shaken' '-P shaken -s www.example.com -s spc:818H' \
	    '-P shaken -s ip:192.0.2.1' '-s spc:818H' \
	    '-P server -s spc:818H -s www.example.com' \
	    '-P shaken -s spc:818H -t p384' '-P shaken -s spc:818H -t rsa:2048' \
	    '-P shaken -s spc:818H -K p384.key' '-P shaken -s spc:' \
	    '-P shaken -s spc:818-H' '-P shaken -s spc:12345678901234567' \
	    '-P shaken -s spc:../../x' '-P shaken -s tel:' \
	    '-P shaken -s tel:abc' '-P shaken -s tel:1+1' \
	    '-P shaken -s tel:1+' '-P shaken -s tel:1+2+3' \
	    '-P shaken -s tel:*1+2' '-P shaken -s tel:1+9' \
	    '-P shaken -s tel:1234567890123456' \
	    '-P shaken -s tel:100000000000000+900000000000000' \
	    '-P shaken -s tel:1+18446744073709551618' \
	    '-P shaken -s spc:818H -c' '-P shaken -s spc:818H -E p384.key'; do
		# shellcheck disable=SC2086  # words
		run -2 cert-create $args x.example.com
		[ "${#lines[@]}" -eq 1 ] || fail "$args: $output"
	done
	[ ! -e "$CERTSTORE/certs/x.example.com" ]
	cert-create -P shaken -s tel:100000000000000+899999999999999 most
	openssl ecparam -genkey -name prime256v1 -noout -out p256.key
	chmod 600 p256.key
	cert-create -P shaken -K p256.key -s spc:818H own
	run -0 --separate-stderr cert-create -P shaken -S 'CN=SHAKEN X818H' \
	    -s spc:818H -s spc:709A two
	[ "${#stderr_lines[@]}" -eq 2 ]
	[[ ${stderr_lines[0]} == *'2 service provider codes'* ]]
	[[ ${stderr_lines[1]} == *"use -S 'CN=SHAKEN 818H'" ]]
}

@test "cert-create makes delegates within what their CA has" {
	cert-create -c root
	cert-trust -T calls add "$CERTSTORE/certs/root/cert.pem"
	cert-create -c -A root -s tel:12155550000+100 numbers
	cert-create -c -A root -s spc:818H -s tel:12155550000+100 carrier
	run -0 --separate-stderr cert-create -A numbers -P shaken \
	    -s tel:12155550000 -s tel:12155550010+90 a
	[ -z "$stderr" ]
	run -0 cert-verify -T calls -P shaken a
	[ -z "$output" ]
	run -2 cert-create -A numbers -P shaken -s tel:12155550010+91 b
	[ "$output" = 'cert-create: b: 12155550010+91 is not in the TNAuthList of numbers (RFC 9060, section 4.1): use another CA' ]
	run -2 cert-create -A numbers -P shaken -s tel:12155550000 -s spc:818H b
	run -2 cert-create -A carrier -P shaken -s spc:4000 b
	run -2 cert-create -c -A numbers -s tel:12155550100 b
	[ ! -e "$CERTSTORE/certs/b" ]
	run -0 --separate-stderr cert-create -A carrier -P shaken -s spc:818h c
	[ -z "$stderr" ]
	run -0 --separate-stderr cert-create -A carrier -P shaken \
	    -s tel:13105550000 d
	[[ $stderr == *'d: signs calls for 13105550000, and it cannot be checked whether that belongs to the service provider code of carrier' ]]
	run -0 cert-verify -T calls -P shaken d
	[[ $output == *warning*'cannot be checked'* ]]
	# a malformed list allows nothing
	sign mid "$(calls_ca)" /CN=mid 90 basicConstraints=critical,CA:TRUE \
	    keyUsage=critical,keyCertSign 1.3.6.1.5.5.7.1.26=DER:3000
	cert-import -qN empty mid.crt mid.key x.crt 2>/dev/null
	run -2 cert-create -A empty -P shaken -s spc:818H b
	[[ $output == *'818H is not in the TNAuthList of empty'* ]]
}

# calls_ca: the stem of the files of a CA.
calls_ca() {
	[ -e x.crt ] || ca x '/CN=X' >&2
	echo x
}

@test "cert-create -u keeps what signs for all that is asked for" {
	cert-create -c root
	cert-create -A root -P shaken -s spc:818H -s tel:12155550000+100 a
	run -1 cert-create -ux -A root -P shaken -s spc:818h -s tel:12155550007 a
	run -1 cert-create -ux -P shaken a
	run -0 --separate-stderr cert-create -ux -P shaken -s tel:911 a
	[ "$stderr" = 'cert-create: a: does not sign calls for 911: replaced' ]
	run -0 cert-list -o subject,issuer,spc,tn a
	[ "$output" = "CN=SHAKEN 818H	CN=root	818H	911,12155550000+100" ]
	run -2 cert-create -u -s www.example.com a
	[[ $output == *': signs calls: use -f to replace it' ]]
	cert-create -s www.example.com www
	run -2 cert-create -u -P shaken -s spc:818H www
	[[ $output == *': does not sign calls: use -f to replace it' ]]
	run -0 --separate-stderr cert-create -f -A root -P shaken -s spc:818H a
	[ "$stderr" = 'cert-create: a: no longer signs calls for 911' ]
	# a CA keeps its list
	cert-create -c -A root -s tel:911 mid
	run -1 cert-create -uxc -A root mid
	run -0 cert-create -uxc -A root -s tel:912 mid
	[ "$(cert-list -o tn mid)" = 912,911 ]
}

@test "cert-create -R -P shaken makes a request with a TNAuthList" {
	cert-create -R -P shaken -s spc:818H -s tel:911 a >a.csr
	run -0 cert-list -o kind,spc,tn a
	[ "$output" = "waiting	818H	911" ]
	cert-create -uR -P shaken -s spc:818h a >again.csr
	cmp a.csr again.csr
	run -2 cert-create -uR -P shaken -s spc:818H -s tel:912 a
	[[ $output == *'which does not sign calls for 912: use -f to make a new one' ]]
	run -2 cert-create -uR -P client a
	[[ $output == *'which is for calls: use -f to make a new one' ]]
	cert-create -qR -P client -S CN=c c
	run -2 cert-create -uR -P shaken c
	[[ $output == *'which is not for calls: use -f to make a new one' ]]
	silent spc:818H
	ca x '/CN=X'
	pki answer a.crt a.csr ca=x.crt key=x.key copy
	cert-import -q a.crt x.crt
	signs a spc spc:818H
	# a request that waits does not change what signs
	cert-create -qR -P shaken -s spc:709A a
	[ "$(cert-list -o spc a)" = 818H ]
	silent spc:709A
	run -1 cert-create -qxuR -P shaken -s spc:709A a
	# an answer is for the calls that were requested
	cert-show -o csr a >a.csr
	pki answer b.crt a.csr ca=x.crt key=x.key subjectKeyIdentifier=hash \
	    keyUsage=critical,digitalSignature "$(tnauth spc:818H)"
	run -2 cert-import b.crt x.crt
	[[ $output == *'a: does not sign calls for 709A, which was requested: use -f to import it' ]]
	[ "$(cert-list -o spc a)" = 818H ]
	pki answer a.crt a.csr ca=x.crt key=x.key copy
	cert-import -q a.crt x.crt
	signs a spc spc:709A
}
