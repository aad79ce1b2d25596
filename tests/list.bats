#!/usr/bin/env bats
# list.bats: cert-list: its filters, expiry, and refused arguments.

# shellcheck disable=SC2154  # stderr is run's

load helper

fill() {
	cert-create -c ca
	cert-create -A ca sip.example.com
	cert-create -l 10d www.example.com
	cert-create -q -R -s shop.example.com shop
}

@test "patterns: names, globs, and names from stdin" {
	fill
	run -0 cert-list -o name '*.example.com'
	[ "$output" = "$(printf 'sip.example.com\nwww.example.com')" ]
	run -0 cert-list -o name '[a-c]*' shop '?????'
	[ "$output" = "$(printf 'ca\nshop')" ]
	printf 'shop\n\n  c* \r\n' | cert-list -o name - >out
	printf 'ca\nshop\n' | cmp - out
	printf 'www.example.com\n' | cert-list -o name ca - >out
	printf 'ca\nwww.example.com\n' | cmp - out
}

@test "an empty list of names does not select all entries" {
	fill
	run -1 cert-list - </dev/null
	[ -z "$output" ]
	run -1 cert-list -k server - </dev/null
	[ -z "$output" ]
	run -1 cert-list ''
	[ -z "$output" ]
	run -2 cert-list -k ''
}

@test "an option after the patterns is refused" {
	fill
	for line in '* -e 30d' 'ca -j' '-- -q'; do
		# shellcheck disable=SC2086  # words are meant
		set -f -- $line
		run -2 --separate-stderr cert-list "$@"
		set +f
		[ -z "$output" ]
		[[ $stderr == 'cert-list: -'*': not a name: options come '* ]]
		[[ $stderr == *'usage: cert-list'* ]]
	done
}

@test "-k: one kind, several, an unknown one" {
	fill
	run -0 cert-list -o name -k ca
	[ "$output" = ca ]
	run -0 cert-list -o name -k server
	[ "$output" = "$(printf 'sip.example.com\nwww.example.com')" ]
	run -0 cert-list -o name -k self,waiting
	[ "$output" = "$(printf 'shop\nwww.example.com')" ]
	for kinds in SERVER 'server,' ',ca' nonsense; do
		run -2 cert-list -k "$kinds"
		[[ $output == *'is not a kind'* ]]
	done
}

@test "-e: spans, dates, parts, and 0" {
	fill
	for within in 11d 2w 264h 1y "$(date -u -d '+12 days' +%F)" 100%; do
		run -0 cert-list -o name -e "$within" www.example.com
		[ "$output" = www.example.com ]
	done
	for within in 9d 1/3 33% 0 "$(date -u -d '+3 days' +%F)"; do
		run -1 cert-list -e "$within"
		[ -z "$output" ]
	done
	for within in 30 '' -1d 1/0 4/3 soon 2027-13-01; do
		run -2 --separate-stderr cert-list -e "$within"
		[[ $stderr == "cert-list: -e \"$within\": "* ]]
	done
}

@test "-e checks the chain, too, and reports which certificate expires" {
	cert-create -d other -c root
	cert-create -d other -q -c -A root -l 20d -S CN=Between between
	cert-create -d other -q -A between -l 19d www.example.com
	cp other/certs/www.example.com/combined.pem www.pem
	cert-import -q -N www www.pem
	run -0 cert-list -o name,how -e 20d
	[ "$output" = "www$(printf '\t')certificate" ]
	run -1 cert-list -e 18d
	run -0 cert-list -j -o how -e 400d
	[ "$output" = '{"how":"certificate"}' ]
}

@test "-e reads what expires, and all entries without index/ends" {
	fill
	for n in 1 2 3; do
		cert-create -q -l "${n}00d" "later$n.example.com"
	done
	: >"$CERTSTORE/certs/later3.example.com/info"
	run -0 cert-list -o name -e 210d
	[ "$output" = "later1.example.com
later2.example.com
www.example.com" ]
	run -0 cert-list -o name -e 150d 'l*'
	[ "$output" = later1.example.com ]
	run -1 cert-list -e 150d -k client
	# a part of the validity ends at any time
	run -2 --separate-stderr cert-list -o name -e 1%
	[[ $stderr == *later3* ]]
	tick
	rm -r "$CERTSTORE/index/ends"
	run -2 --separate-stderr cert-list -o name -e 150d
	[ "$output" = "later1.example.com
www.example.com" ]
	[[ $stderr == *later3* ]]
	cert-rm -f later3.example.com
	[ -d "$CERTSTORE/index/ends" ]
	cert-check -qr
	run -0 cert-list -o name -e 150d
	[ "$output" = "later1.example.com
www.example.com" ]
}

@test "hostile certificates are listed on one clean line each" {
	for file in "$DATA"/hostile/*.pem; do
		case $file in
		*/dupext.pem|*/nulltail.pem) continue ;;
		esac
		cat "$DATA/keys/p256.pem" "$file" |
		    cert-import -q -N "$(basename "$file" .pem)"
	done
	run -0 cert-list
	[ "${#lines[@]}" -eq 12 ]
	[[ $output != *[$'\001'-$'\010\013'-$'\037\177']* ]]
	run -0 cert-list -o name -e 0
	[ "$output" = sixties ]
	cert-list -j >out
	perl -MJSON::PP -ne 'decode_json($_)' out
	[ "$(wc -l <out)" -eq 12 ]
	run -0 cert-list -o names commas
	[ "$output" = 'x\054ok.example,sip:x\054y' ]
	run -0 cert-list -jo names commas
	[[ $output == *'"value":"x,ok.example"'* ]]
	# Names that are none became neither links nor files.
	run -1 grep -rl victim "$CERTSTORE/index"
	[ ! -e "$CERTSTORE/certs/victim" ]
	[ -z "$(find "$CERTSTORE/index" -name '*victim*' -o -name '*[* ]*')" ]
}

# register: the directory of what the CA "ca" has signed.
register() {
	echo "$CERTSTORE/issued/$(cert-show -o spki ca | sed 's/spki://')"
}

@test "-A lists what a CA has signed, also what was replaced or removed" {
	cert-create -q -c -S CN=Root ca
	cert-create -q -A ca -s a.example.com a
	first=$(cert-show -o serial a | sed 's/^0*//')
	cert-create -q -f -A ca -s a.example.com a
	cert-create -q -A ca -P client -S CN=0004f2aabbcc phone
	second=$(cert-show -o serial phone | sed 's/^0*//')
	cert-show -o cert phone >phone.pem
	cert-rm -f phone
	run -0 cert-list -A ca -o name,kind
	[ "$(printf '%s\n' "${lines[@]}" | sort)" = "$(printf '%s\n' \
	    "a server" "serial:$first server" "serial:$second client" |
	    tr ' ' '\t' | sort)" ]
	# names and subjects are searched, and the filters apply
	run -0 cert-list -A ca -o name '*0004f2*'
	[ "$output" = "serial:$second" ]
	run -0 cert-list -A ca -o name -k client
	[ "$output" = "serial:$second" ]
	run -0 cert-list -A ca -o name "serial:$first"
	[ "$output" = "serial:$first" ]
	run -0 cert-list -A ca -o name,dir a.example.com
	[[ $output == *"a	$CERTSTORE/certs/a"* ]]
	run -1 cert-list -A ca absent
	run -1 cert-list -A ca -e 10d
	run -0 cert-list -A ca -e 400d -o name,how a
	[ "$output" = "a	certificate" ]
	# the certificate itself is kept
	sed -n '/BEGIN/,$p' "$(register)/${second: -2}/$second.pem" |
	    cmp - phone.pem
	run -0 cert-list -j -A ca -o name,serial '*0004f2*'
	[ "$output" = \
	    "{\"name\":\"serial:$second\",\"serial\":\"$(openssl x509 \
	    -noout -serial -in phone.pem | sed 's/.*=//' | tr A-F a-f)\"}" ]
	cert-check
}

@test "-A says what is no CA, and lists that of a CA's earlier key" {
	cert-create -q -c ca
	cert-create -q a.example.com
	cert-create -q -A ca b.example.com
	old=$(cert-show -o spki ca)
	run -2 cert-list -A a.example.com
	[ "$output" = "cert-list: a.example.com: is not a CA" ]
	run -2 cert-list -A absent
	[[ $output == *"absent: there is no such entry"* ]]
	run -2 cert-list -A spki:xyz
	run -2 cert-list -A ../ca
	cert-create -q -f -c ca
	run -1 cert-list -A ca
	run -0 cert-list -A "$old" -o name
	[ "$output" = b.example.com ]
}

@test "-A as a user who may not read what was signed: one error" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	cert-create -q -c ca
	cert-create -q -A ca a.example.com
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" 2>/dev/null || :
	nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	"${nobody[@]}" test -r "$CERTSTORE/certs/ca/info" || skip 'not reachable'
	run -2 timeout 60 "${nobody[@]}" "$BIN/cert-list" -A ca
	[ "${#lines[@]}" -eq 1 ] || fail "${lines[*]:0:3}"
	[[ $output == *"/issued/"*": Permission denied" ]]
}

@test "-A: a directory that cannot be read is named, the others are listed" {
	cert-create -q -c ca
	cert-create -q -A ca a.example.com
	for d in 00 f0 f1; do
		[ -e "$(register)/$d" ] || break
	done
	: >"$(register)/$d"
	run -2 timeout 60 cert-list -A ca -o name
	[ "${#lines[@]}" -eq 2 ] || fail "${lines[*]:0:3}"
	[[ $output == *"/$d: Not a directory"* && $output == *a.example.com* ]]
}

@test "a damaged record is named, and the others are listed" {
	cert-create -q -c ca
	for n in a b c d e f; do
		cert-create -q -A ca -s $n.example.com $n
	done
	dir=$(register)
	file() {
		s=$(cert-show -o serial $1 | sed 's/^0*//')
		echo "$dir/${s: -2}/$s.pem"
	}
	: >"$(file a)"
	cp "$(file c)" "$(file b)"
	head -c 300 "$(file d)" >part
	cp part "$(file d)"
	rm "$(file e)"
	ln -s /etc/passwd "$(file e)"
	touch "$dir/00x" "$dir/.new"
	mkdir -p "$dir/00"
	touch "$dir/00/x.pem" "$dir/00/00.pem.new" "$dir/00/0AB00.pem"
	run -2 --separate-stderr cert-list -A ca -o name
	[ "$(printf '%s\n' "${lines[@]}" | sort)" = "c
f" ]
	[ "${#stderr_lines[@]}" -eq 4 ]
	[[ $stderr == *"is damaged"* ]]
}
