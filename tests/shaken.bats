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

@test "a chain of more than 8192 bytes is too long for a verifier" {
	local bytes long said=''

	ca root '/CN=SHAKEN CA'
	key b
	# bytes of an extension make it as long as wanted
	for long in 5400 5500 5510 5520 5600; do
		sign b root '/CN=SHAKEN 818H' 9 \
		    keyUsage=critical,digitalSignature "$(tnauth spc:818H)" \
		    "1.2.3.4=DER:0482$(printf %04x "$long")$(printf "%0$((2 * long))d" 0)"
		run -0 --separate-stderr cert-import -fN b b.crt b.key root.crt
		bytes=$(stat -c %s "$CERTSTORE/certs/b/fullchain.pem")
		if [ "$bytes" -gt 8192 ]; then
			[[ $stderr == *"its chain has $bytes bytes: Asterisk"* ]]
			said+=long
		else
			[[ $stderr != *"its chain has"* ]]
			said+=short
		fi
	done
	[[ $said == short*long ]] || fail "$said"
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
