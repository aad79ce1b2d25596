#!/usr/bin/env bats
# output.bats: what all commands have in common: usage and version, status,
# columns, NUL, JSON, terminals, and that lost output is an error.

# shellcheck disable=SC2030,SC2031  # each test is a subshell of its own
# shellcheck disable=SC2154  # stderr and stderr_lines are run's

load helper
load pki

COMMANDS='cert-create cert-import cert-list cert-match cert-rm cert-show
cert-trust cert-verify'

# ended NAME: an entry whose certificate is over.
ended() {
	pki cert "$1.crt" "$1.key" "/CN=$1" from=20200101000000Z \
	    to=20210101000000Z "subjectAltName=DNS:$1.example.com"
	cert-import -q -N "$1" "$1.key" "$1.crt"
}

entries() {
	export CERTSTORE=$PWD/store

	cert-create -c test-CA
	cert-create -A test-CA -l 90d -s sip.example.com -s 192.0.2.1 \
	    -s sip:a@example.com -S 'O=a, "b"=ü' sip
	cert-create -l 10d www.example.com
}

# fill: the store has these entries.
fill() {
	shared entries entries
	rm -rf "$CERTSTORE"
	cp -a "$shared/store" "$CERTSTORE"
}

# terminal COMMAND: its output on a terminal, without the CRs.
terminal() {
	script -qec "$1" /dev/null </dev/null | tr -d '\r'
}

# json FILE: each line is one JSON object in UTF-8.
json() {
	perl -MJSON::PP -ne 'ref(decode_json($_)) eq "HASH" or exit 1;
	    $n++; END { exit 1 if !$n }' "$1"
}

# has FILE NAME...: the first object has these keys.
has() {
	perl -MJSON::PP -e '$o = decode_json(scalar <STDIN>);
	    exists $o->{$_} or die "no $_\n" for @ARGV' "${@:2}" <"$1"
}

# key FILE NAME: the value in the first object, as JSON.
key() {
	perl -MJSON::PP -e '$o = decode_json(scalar <STDIN>);
	    exists $o->{$ARGV[0]} or die "no $ARGV[0]\n";
	    print JSON::PP->new->canonical->allow_nonref->encode(
	    $o->{$ARGV[0]}), "\n"' "$2" <"$1"
}

@test "usage and version are on stdout with status 0" {
	for command in $COMMANDS; do
		for option in -h --help; do
			run -0 --separate-stderr "$command" "$option"
			[[ $output == "usage: $command [-"* ]]
			[ -z "$stderr" ]
		done
		for option in -V --version; do
			run -0 --separate-stderr "$command" "$option"
			[[ $output == "$command (certstore) "[0-9]* ]]
			[ -z "$stderr" ]
		done
	done
}

@test "wrong options are named on stderr with the usage and status 2" {
	for command in $COMMANDS; do
		for option in -Z --nonsense; do
			run -2 --separate-stderr "$command" "$option"
			[ -z "$output" ]
			[[ $stderr == "$command: -"*"no such option"* ]]
			[[ $stderr == *"usage: $command"* ]]
		done
		run -2 --separate-stderr "$command" -d
		[[ $stderr == "$command: -d: needs an argument"* ]]
	done
}

@test "missing or surplus operands are a usage error" {
	for line in cert-create 'cert-create a b' cert-match cert-rm \
	    cert-show 'cert-show -i f a' 'cert-show -K f a' \
	    'cert-show -K f -i f' cert-trust 'cert-trust rm' \
	    'cert-trust distrust' 'cert-trust reset a b' \
	    'cert-trust update a b'; do
		# shellcheck disable=SC2086  # words are meant
		run -2 --separate-stderr $line
		[ -z "$output" ]
		[[ $stderr == usage:* ]]
	done
	[ ! -e "$CERTSTORE" ]
}

@test "options come before operands" {
	fill
	run -2 cert-show sip -q
	[[ $output == *'-q'* ]]
	run -2 cert-create a -q
	run -2 cert-list sip.nothing -q
	run -2 cert-list -- sip -q
	run -0 cert-list -- sip
	[[ $output == sip* ]]
}

@test "a missing store is status 2 for commands that do not make it" {
	for line in cert-list 'cert-list -e 30d' 'cert-match a.example.com' \
	    'cert-show a' 'cert-rm a' 'cert-rm -f a' 'cert-trust list' \
	    'cert-trust rm a' 'cert-trust distrust a'; do
		# shellcheck disable=SC2086  # words are meant
		run -2 --separate-stderr $line
		[ -z "$output" ]
		[[ $stderr == *"$CERTSTORE"* ]]
	done
}

@test "the store is -d, else \$CERTSTORE" {
	cert-create -d other a.example.com
	[ ! -e "$CERTSTORE" ]
	run -0 cert-list -d other -o name
	[ "$output" = a.example.com ]
	CERTSTORE=other run -0 cert-list -o name
	[ "$output" = a.example.com ]
	CERTSTORE=none run -0 cert-match -d other -o name a.example.com
	[ "$output" = a.example.com ]
}

@test "lost output is a failure of every command" {
	fill
	for command in $COMMANDS; do
		for option in -h -V; do
			run -2 sh -c "$command $option >/dev/full"
			[[ $output == "$command: stdout: "* ]]
		done
	done
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout new.pem -out new.crt -subj /CN=new.example.com \
	    -addext subjectAltName=DNS:new.example.com 2>/dev/null
	cat new.crt >>new.pem
	cert-show -o root sip >root.pem
	for line in cert-list 'cert-list -j' 'cert-list -0' \
	    'cert-match sip.example.com' 'cert-show sip' \
	    'cert-show -o cert sip' 'cert-show -o text sip' \
	    'cert-show -i new.crt' 'cert-show -K new.pem' \
	    'cert-import new.pem' 'cert-create -R shop.example.com' \
	    'cert-trust add root.pem' 'cert-trust list'; do
		run -2 sh -c "$line >/dev/full"
		[[ $output == *'stdout: '* ]]
	done
	run -2 sh -c 'cert-list >&-'
	[[ $output == *'stdout: '* ]]
}

@test "a file never gets the number of a closed standard descriptor" {
	run -0 sh -c 'cert-create a.example.com <&- >&- 2>&-'
	run -0 cert-show -o key a.example.com
	[ "$output" = p256 ]
	run -0 sh -c 'cert-rm a.example.com >&-'
}

@test "columns: name kind ends names, with tabs in a pipe" {
	fill
	run -0 cert-list
	[ "${#lines[@]}" -eq 3 ]
	time='[0-9-]{10}T[0-9:]{8}Z'
	grep -qE "^sip@server@$time@sip.example.com,192.0.2.1,sip:a_example.com$" \
	    <(printf '%s\n' "$output" | tr '@\t' '_@')
	grep -qE "^test-CA@ca@$time@test-CA$" \
	    <(printf '%s\n' "$output" | tr '@\t' '_@')
	cert-list sip >list
	cert-match sip.example.com >match
	cmp list match
}

@test "-o gives those fields in that order" {
	fill
	run -0 cert-list -o kind,name,key sip
	[ "$output" = "$(printf 'server\tsip\tp256')" ]
	run -0 cert-show -o name,dir,certfile,keyfile,combinedfile,cafile sip
	dir=$CERTSTORE/certs/sip
	[ "$output" = "$(printf '%s\t' sip "$dir" "$dir/fullchain.pem" \
	    "$dir/privkey.pem" "$dir/combined.pem")$dir/ca.pem" ]
	run -0 cert-match -o host,name,how SIP.example.com. 192.0.2.1
	[[ ${lines[0]} == *$'\tsip\texact' ]]
	run -0 cert-show -o fingerprint,spki,serial sip
	printf '%s\n' "$output" | tr '\t' '@' |
	    grep -qE '^sha256:[0-9a-f]{64}@spki:[0-9a-f]{64}@[0-9a-f]+$'
	run -0 cert-list -o left www.example.com
	[[ $output =~ ^(9|10)d$ ]]
}

@test "an unknown field is a usage error that names them all" {
	fill
	for line in 'cert-list -o nonsense' 'cert-show -o name,,kind sip' \
	    'cert-match -o cert sip.example.com' 'cert-show -o cert,name sip' \
	    'cert-list -o name,name' 'cert-list -o '; do
		# shellcheck disable=SC2086  # words are meant
		run -2 --separate-stderr $line
		[ -z "$output" ]
		[[ $stderr == *usage:* ]]
	done
	run -2 cert-list -o nonsense
	for field in name kind ends left starts names subject issuer serial \
	    key fingerprint spki spc tn x5u origin tenants users group default host how order revoked dir \
	    certfile keyfile combinedfile cafile; do
		[[ $output == *" $field"* ]] || fail "$field"
		cert-list -o "$field" >/dev/null
	done
	run -2 cert-show -o nonsense sip
	for part in text cert chain fullchain ca root csr pubkey tlsa; do
		[[ $output == *" $part"* ]] || fail "$part"
	done
}

@test "-0 ends each record with a NUL byte" {
	fill
	cert-list -0 -o name >out
	printf 'sip\0test-CA\0www.example.com\0' | cmp - out
	cert-match -0 -o name sip.example.com >out
	printf 'sip\0' | cmp - out
	cert-show -0 -o name sip test-CA >out
	printf 'sip\0test-CA\0' | cmp - out
	cert-show -0 sip test-CA | tr -dc '\0' >out
	printf '\0\0' | cmp - out
	cert-list -0 -j | tr '\0' '\n' >out
	json out
}

@test "-j gives valid JSON lines with stable keys" {
	fill
	cert-create -R shop.example.com >/dev/null
	for line in cert-list 'cert-show sip shop.example.com' \
	    'cert-match -a sip.example.com' "cert-show -K $CERTSTORE/certs/sip/privkey.pem" \
	    "cert-show -i $CERTSTORE/certs/sip/fullchain.pem"; do
		# shellcheck disable=SC2086  # words are meant
		set -- $line
		command=$1
		shift
		"$command" -j "$@" >out
		json out || fail "$line"
		has out name kind ends ends_epoch left starts \
		    starts_epoch names subject issuer serial key \
		    fingerprint spki spc tn x5u origin tenants users group default \
		    host how order revoked dir certfile keyfile combinedfile cafile || fail "$line"
	done
	cert-list -j sip >out
	[ "$(key out name)" = '"sip"' ]
	[ "$(key out names)" = '[{"type":"dns","value":"sip.example.com"},{"type":"ip","value":"192.0.2.1"},{"type":"uri","value":"sip:a@example.com"}]' ]
	[ "$(key out default)" = false ]
	[ "$(key out tenants)" = '[]' ]
	[ "$(key out how)" = null ]
	[ "$(key out ends_epoch)" = \
	    "$(date -d "$(cert-list -o ends sip)" +%s)" ]
	[[ $(key out subject) == *'\\\"b\\\"'* ]]
	[[ $(key out fingerprint) == '"sha256:'* ]]
	cert-show -j shop.example.com >out
	for name in ends ends_epoch left starts fingerprint; do
		[ "$(key out "$name")" = null ] || fail "$name"
	done
	[ "$(key out kind)" = '"waiting"' ]
	run -0 cert-list -j -o name,kind sip
	[ "$output" = '{"name":"sip","kind":"server"}' ]
	run -2 cert-show -j -o cert sip
}

@test "a foreign path is escaped in text and in JSON" {
	dir=$'a\nb\t\033[31m\377\\'
	cert-create -d "$dir" a.example.com
	run -0 cert-list -d "$dir" -o dir
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *'/a\nb\t\033[31m\377\/certs/a.example.com' ]]
	cert-list -d "$dir" -j >out
	json out
	run -2 cert-show -d "$dir.none" a
	[ "${#lines[@]}" -eq 1 ]
	[[ $output != *$'\033'* ]]
	run -2 cert-import "$dir.none"
	[ "${#lines[@]}" -eq 1 ]
	[[ $output != *$'\033'* ]]
}

@test "cert-show: a line for each field that has a value, then a blank line" {
	fill
	run -0 cert-show sip
	[ "${lines[0]}" = "$(printf 'name\tsip')" ]
	[[ $output != *$'\nhow\t'* ]]
	[[ $output == *$'\nnames\tsip.example.com,192.0.2.1,'* ]]
	cert-show sip test-CA >out
	[ "$(grep -c '^$' out)" -eq 1 ]
	run -0 cert-show -v sip
	[[ $output == *$'\nspki\tspki:'* ]]
	printf 'sip\n\n  test-CA\t\r\n' | cert-show -o name - >out
	printf 'sip\ntest-CA\n' | cmp - out
	cert-show - </dev/null >out
	[ ! -s out ]
}

@test "-o prints one part; a missing one is status 1" {
	fill
	cert-show -o cert sip | openssl x509 -noout
	cert-show -o root sip | openssl x509 -noout
	run -1 --separate-stderr cert-show -o csr sip test-CA
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = 'cert-show: sip: has no csr' ]
	[ "${#stderr_lines[@]}" -eq 2 ]
	run -1 --separate-stderr cert-show -q -o csr sip
	[ -z "$output$stderr" ]
	run -2 cert-show -o csr none sip
}

@test "-q: only status and errors" {
	fill
	run -0 cert-list -q
	[ -z "$output" ]
	run -1 cert-list -q -e 1h
	[ -z "$output" ]
	run -0 cert-match -q sip.example.com
	[ -z "$output" ]
	run -1 cert-match -q none.example.com
	[ -z "$output" ]
	run -0 cert-show -q sip
	[ -z "$output" ]
	run -2 cert-show -q none
	[[ $output == 'cert-show: '* ]]
	run -0 cert-create -qR shop.example.com
	[ -z "$output" ]
}

@test "cert-list with a filter has status 1 if nothing matches" {
	cert-create -c test-CA
	cert-rm test-CA
	run -0 cert-list
	[ -z "$output" ]
	run -1 cert-list '*'
	fill
	run -0 cert-list -o name -k server
	[ "$output" = "$(printf 'sip\nwww.example.com')" ]
	run -0 cert-list -o name 'www*' 's?p' 'www*'
	[ "$output" = "$(printf 'sip\nwww.example.com')" ]
	run -0 cert-list -o name www.example.com sip sip none
	[ "$output" = "$(printf 'sip\nwww.example.com')" ]
	for line in '-k client' none 'n*' '-e 1h' '-k ca sip' ../certs; do
		# shellcheck disable=SC2086  # words are meant
		run -1 cert-list $line
		[ -z "$output" ]
	done
	run -2 cert-list -k nonsense
	run -2 cert-list -e 30
	[[ $output == *'-e "30"'* ]]
}

@test "cert-list -e reports which certificate expires" {
	fill
	ended over
	run -0 cert-list -e 30d
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == over$'\t'*$'\tcertificate' ]]
	[[ ${lines[1]} == www.example.com$'\t'*$'\tcertificate' ]]
	run -0 cert-list -e 0 -o name
	[ "$output" = over ]
	cert-create -A test-CA -c -l 20d -S CN=Between between-CA
	cert-create -A between-CA -l 19d short.example.com
	run -0 cert-list -e 400d -o how sip
	[ "$output" = certificate ]
	# Nothing that waits for its first certificate ends.
	cert-create -R shop.example.com >/dev/null
	run -1 cert-list -e 100y -k waiting
}

@test "a damaged entry is one message and status 2; the others are listed" {
	fill
	rm "$CERTSTORE"/certs/.sip@*/info
	run -2 --separate-stderr cert-list -o name
	[ "$output" = "$(printf 'test-CA\nwww.example.com')" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == 'cert-list: sip'* ]]
	run -2 cert-list -q
	[ "${#lines[@]}" -eq 1 ]
}

@test "cert-match: status, questions from stdin" {
	fill
	run -1 --separate-stderr cert-match -o name none.example.com \
	    sip.example.com
	[ "$output" = sip ]
	[[ $stderr == 'cert-match: none.example.com: '* ]]
	run -2 --separate-stderr cert-match -o name '*.example.com' \
	    none.example.com sip.example.com
	[ "$output" = sip ]
	[ "${#stderr_lines[@]}" -eq 2 ]
	printf 'sip.example.com\n\n www.example.com \r\n' |
	    cert-match -o host,name - >out
	printf 'sip.example.com\tsip\nwww.example.com\twww.example.com\n' |
	    cmp - out
	run -0 cert-match - </dev/null
	[ -z "$output" ]
	run -2 sh -c 'printf "sip.example.com\0x\nsip.example.com" |
	    cert-match -o name -'
	[[ ${lines[0]} == 'cert-match: stdin:1: '*NUL* ]]
	[ "${lines[1]}" = sip ]
	run -2 sh -c 'head -c 5000 /dev/zero | tr "\0" a | cert-match -'
	[[ $output == *'stdin:1: the line is too long' ]]
	yes sip.example.com | head -n 3000 | cert-match -o name - >out
	[ "$(sort out | uniq -c | tr -s ' ')" = ' 3000 sip' ]
	run -2 cert-match -w nonsense sip.example.com
}

@test "on a terminal: header, alignment, days left" {
	fill
	export TERM=xterm
	terminal 'cert-list' >out
	[[ $(sed -n 1p out) =~ ^NAME\ +KIND\ +ENDS\ +NAMES$ ]]
	[ "$(wc -l <out)" -eq 4 ]
	grep -qE '^sip  +server  [^ ]+ \((89|90)d\)  +sip\.example\.com,' out
	grep -qE '^test-CA  +ca  ' out
	run -1 grep -q "$(printf '\t')" out
	terminal 'cert-list none' >out
	[ ! -s out ]
	terminal 'cert-show sip' >out
	grep -qE '^name +sip$' out
	run -1 grep -q "$(printf '\t')" out
	terminal 'cert-list -0 -o name sip' >out
	printf 'sip\0' | cmp - out
	terminal 'cert-list -j sip' >out
	json out
}

@test "colour only on a terminal, and not with NO_COLOR" {
	fill
	ended over
	export TERM=xterm
	esc=$(printf '\033')
	terminal cert-list >out
	grep -q "^over.*$esc\[31m.*(expired)$esc\[m" out
	grep -qE "^www.*$esc\[33m.*\((9|10)d\)$esc\[m" out
	run -1 grep -q "^sip.*$esc" out
	NO_COLOR=1 terminal cert-list >out
	run -1 grep -q "$esc" out
	NO_COLOR='' terminal cert-list >out
	grep -q "$esc" out
	TERM=dumb terminal cert-list >out
	run -1 grep -q "$esc" out
	cert-list >out
	run -1 grep -q "$esc" out
}

@test "two readers of stdin are refused" {
	fill
	key=$CERTSTORE/certs/sip/privkey.pem
	for line in "cert-import -p -" "cert-import -K - -" \
	    "cert-import - -" "cert-create -p - -E - a.example.com" \
	    "cert-create -p - -K - a.example.com" "cert-show -p - -i -" \
	    "cert-show -p fd:0 -K -"; do
		# shellcheck disable=SC2086  # words are meant
		run -2 $line <"$key"
		[[ $output == *"cannot both read it"* ]] || fail "$line: $output"
	done
}

@test "input: an unreadable file is named" {
	mkdir dir
	for line in 'cert-import dir' 'cert-show -i dir' 'cert-show -K dir' \
	    'cert-create -K dir a.example.com'; do
		# shellcheck disable=SC2086  # words are meant
		run -2 $line
		[[ $output == *': dir: is a directory'* ]]
	done
	run -2 cert-import none
	[[ $output == 'cert-import: none: No such file or directory' ]]
	run -2 cert-create -p none -c a
	[[ $output == 'cert-create: none: No such file or directory' ]]
	run -2 cert-create -p fd:x -c a
	run -2 cert-create -p fd:77 -c a
	run -2 cert-create -E /dev/null -c a
	[[ $output == *'is empty'* ]]
	head -c 1025 /dev/zero | tr '\0' a >long
	run -2 cert-create -E long -c a
	[[ $output == *'at most 1024 bytes' ]]
	printf 'a\0b\n' >nul
	run -2 cert-create -E nul -c a
	[ ! -e "$CERTSTORE" ]
}

@test "a FIFO is read like a file" {
	fill
	mkfifo fifo
	cat "$CERTSTORE/certs/sip/fullchain.pem" >fifo &
	run -0 cert-show -o subject -i fifo
	wait
	[[ $output == *CN=sip.example.com* ]]
}

@test "passphrases come from a file, stdin or a descriptor" {
	head -c 1023 /dev/zero | tr '\0' a >pass
	printf '\nmore\n' >>pass
	cert-create -c -E pass test-CA
	grep -q 'BEGIN ENCRYPTED' "$CERTSTORE/certs/test-CA/privkey.pem"
	cert-create -A test-CA -p pass a.example.com
	cert-create -A test-CA -p - b.example.com <pass
	cert-create -A test-CA -p fd:5 c.example.com 5<pass
	printf 'wrong\n' >wrong
	run -2 cert-create -A test-CA -p wrong d.example.com
	# Nobody is asked where there is no terminal.
	run -2 setsid -w cert-create -A test-CA d.example.com </dev/null
	[[ $output == *-p* ]]
}

@test "the passphrase of a CA is asked for on the terminal, without echo" {
	printf 'secret word\n' >pass
	cert-create -c -E pass test-CA
	session 'cert-create -A test-CA a.example.com'
	shown '^passphrase of '
	cat pass >&7
	over
	grep -q '^passphrase of ' log
	run -1 grep -q 'secret word' log
	run -0 cert-list -o name a.example.com
}

@test "a paste: a hint, no echo, and a cut line is refused" {
	fill
	cp "$CERTSTORE/certs/sip/combined.pem" sip.pem
	session 'cert-import -d pasted'
	shown Ctrl-D
	cat sip.pem >&7
	printf '\004' >&7
	over
	run -1 grep -q 'BEGIN' log
	run -0 cert-list -d pasted -o name
	[ "$output" = sip.example.com ]
	session 'cert-import -d cut'
	shown Ctrl-D
	head -c 5000 /dev/zero | tr '\0' a >&7
	printf '\n\004' >&7
	status=0
	over || status=$?
	[ "$status" -eq 2 ]
	grep -q 'stdin:1: the terminal cut this line at 4095 bytes' log
	[ ! -e cut ]
}

@test "echo is restored, also after a signal" {
	session 'cert-import -d none; stty -a'
	shown Ctrl-D
	printf '\004' >&7
	over
	grep -qE '[^-]echo ' log
	session 'trap : INT; cert-import -d none; stty -a'
	shown Ctrl-D
	printf '\003' >&7
	over
	grep -qE '[^-]echo ' log
}

@test "cert-import: names of changed entries, -v all results, -x" {
	fill
	cp "$CERTSTORE/certs/sip/combined.pem" sip.pem
	run -0 --separate-stderr cert-import -n -d other sip.pem
	[ "$output" = sip.example.com ]
	run -0 --separate-stderr cert-import -nv -d other sip.pem
	printf '%s\n' "$output" | tr '\t' ' ' | grep -qE \
	    '^sip.example.com [a-z]+ server [^ ]+ sip.example.com,'
	[ ! -e other ]
	run -0 --separate-stderr cert-import -d other sip.pem
	[ "$output" = sip.example.com ]
	run -0 --separate-stderr cert-import -d other sip.pem
	[ -z "$output" ]
	run -1 --separate-stderr cert-import -x -d other sip.pem
	[ -z "$output" ]
	run -0 --separate-stderr cert-import -v -d other sip.pem
	[[ $output == sip.example.com$'\t'* ]]
	run -0 cert-import -q -d third sip.pem
	[ -z "$output" ]
	# One bad file, and nothing is imported.
	cert-create one.example.com
	cp "$CERTSTORE/certs/one.example.com/combined.pem" one.pem
	echo nonsense >bad
	run -2 cert-import -d fourth one.pem bad none
	[ "${#lines[@]}" -eq 2 ]
	[ ! -e fourth ]
}

@test "cert-create: prints only a request; -x: whether it changed anything" {
	run -0 cert-create a.example.com
	[ -z "$output" ]
	run -0 cert-create -u a.example.com
	run -1 cert-create -ux a.example.com
	[ -z "$output" ]
	run -0 cert-create -fx a.example.com
	cert-create -R b.example.com | openssl req -noout -verify
}

@test "cert-rm: prints nothing; unknown names are status 2, the rest goes" {
	fill
	run -0 cert-rm -n sip www.example.com
	[ -z "$output" ]
	run -0 cert-list sip www.example.com
	run -2 cert-rm none sip
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *none* ]]
	run -1 cert-list sip
	run -0 cert-rm -f none
	[ -z "$output" ]
	run -0 cert-rm - </dev/null
	printf 'www.example.com\nwww.example.com\n' | cert-rm -
	run -1 cert-list www.example.com
	run -2 cert-rm -n none
}

# slowed SYSCALL MS COMMAND: a terminal that it has alone, each such call
# taking that much longer; what was written to it is in ./shown.
slowed() {
	script -qec "strace -qq -o /dev/null -e trace=$1 \
	    -e inject=$1:delay_enter=$(($2 * 1000)) $3" /dev/null \
	    </dev/null >shown
}

# left: what stands on the terminal in the end: what follows a CR is written
# over what was there.
left() {
	perl -e 'local $/; for (split /\n/, <STDIN>) { $l = "";
	    for (split /\r/) { substr($l, 0, length) = $_ } $l =~ s/ +$//;
	    print "$l\n" if $l ne "" }' <shown
}

@test "progress of long work is shown only on a terminal" {
	local i since want

	strace -o /dev/null true 2>/dev/null || skip "strace cannot trace here"
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip "not under strace"
	cert-create -c CA
	for i in 10 11 12 13 14 15 16 17 18 19 20 21 22 23; do
		cert-create -d from -s "a$i.example.com" "a$i"
		cat "from/certs/a$i/combined.pem" >>input
	done
	# the table comes when all is read, and nothing else is left
	cert-import -q input
	want=$(terminal 'cert-list -o name')
	[ "$(grep -c '^a.*example.com' <<<"$want")" -eq 14 ]
	run ! grep reading <<<"$want"
	slowed openat 120 'cert-list -o name'
	grep -qE 'reading, [0-9]+ of 15' shown
	[ "$(left)" = "$want" ]
	# never with -q, to a pipe or a file, or in less than a second
	slowed openat 120 'cert-list -q -o name'
	run ! grep reading shown
	slowed openat 120 'sh -c "cert-list -o name | cat"'
	run ! grep reading shown
	slowed openat 120 'sh -c "cert-list -o name 2>err"'
	run ! grep reading shown
	[ ! -s err ]
	since=${EPOCHREALTIME//[.,]}
	slowed openat 5 'cert-list -o name'
	[ "$((${EPOCHREALTIME//[.,]} - since))" -gt 1000000 ] ||
	    run ! grep reading shown
	# a message has a line of its own
	slowed unlinkat 25 'cert-rm a10.example.com nobody a11.example.com \
	    a12.example.com a13.example.com a14.example.com a15.example.com' ||
	    :
	grep -qE 'removing, [0-9] of 6' shown
	[ "$(left)" = "cert-rm: nobody: there is no such entry: use cert-list to see the entries" ]
	slowed fchmod 60 'cert-import input'
	grep -qE 'writing, [0-9] of 6' shown
	run -0 left
	[ "${lines[0]}" = a10.example.com ]
	[ "${#lines[@]}" -eq 6 ]
	# the same while another writer is at work, at most ten times a second
	exec 8<"$CERTSTORE/.lock"
	flock 8
	since=${EPOCHREALTIME//[.,]}
	session 'cert-rm a10.example.com' 8<&-
	shown 'waiting for another writer, [1-9]'
	flock -u 8
	over
	since=$(((${EPOCHREALTIME//[.,]} - since) / 1000000))
	[ "$(grep -o 'waiting' log | wc -l)" -le "$((10 * since + 11))" ]
}

# Without its provider libcrypto takes certificates for malformed.
@test "OpenSSL without algorithms: the message names the configuration" {
	local dir=$CERTSTORE/certs/a before conf line

	cert-create -c CA
	cert-create -A CA -s a.example.com a
	cert-create -R -s w.example.com w >/dev/null
	cert-show -o cert CA >ca.pem
	cat "$dir/combined.pem" >a.pem
	cat "$dir/privkey.pem" >a.key
	printf '%s\n' 'openssl_conf = i' '[i]' 'providers = p' '[p]' \
	    'legacy = l' '[l]' 'activate = 1' >legacy.cnf
	printf '%s\n' 'openssl_conf = i' '[i]' 'alg_section = a' '[a]' \
	    'default_properties = fips=yes' >fips.cnf
	before=$(find "$CERTSTORE" | sort)
	for conf in legacy.cnf fips.cnf; do
		for line in 'create -s b.example.com b' \
		    'create -A CA -s b.example.com b' \
		    'create -s b.example.com -K a.key b' \
		    'create -R -s b.example.com b' \
		    'create -Ru -s w.example.com w' 'import -f -N a a.pem' \
		    'show -i ca.pem' 'show -K a.key' 'show -o text a' \
		    'show -o csr w' 'trust list' 'trust add ca.pem' \
		    'trust distrust ca.pem' 'verify a' 'verify -T ca.pem -i a.pem'
		do
			# shellcheck disable=SC2086  # words are meant
			OPENSSL_CONF=$PWD/$conf run -2 --separate-stderr \
			    cert-$line
			[ -z "$output" ]
			[ "${#stderr_lines[@]}" -eq 1 ]
			[[ $stderr == "cert-${line%% *}: $PWD/$conf: OpenSSL "* ]]
		done
		# what needs no libcrypto
		OPENSSL_CONF=$PWD/$conf cert-match -q a.example.com
		OPENSSL_CONF=$PWD/$conf cert-create -u -A CA -s a.example.com a
	done
	[ "$(find "$CERTSTORE" | sort)" = "$before" ]
	OPENSSL_CONF=/dev/null cert-show -o text a | grep -q a.example.com
}

@test "a secret file that others can access is warned of" {
	local how line

	openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
	    -out key 2>/dev/null ||
	    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
		-out key 2>/dev/null
	(umask 077; echo secret >pass)
	run -0 --separate-stderr cert-create -c -E pass CA
	[ -z "$stderr" ]
	run -0 --separate-stderr cert-create -A CA -p pass -K key a.example.com
	[ -z "$stderr" ]
	chmod 644 pass
	chmod 640 key
	openssl pkcs12 -export -passout file:pass -inkey key \
	    -in "$CERTSTORE/certs/a.example.com/fullchain.pem" -out p12
	chmod 644 p12
	for line in 'E pass:cert-create -c -E pass CA2' \
	    'p pass:cert-create -A CA -p pass b.example.com' \
	    'K key:cert-create -K key c.example.com' \
	    'K key:cert-import -N d -K key cert' \
	    'p pass:cert-import -N e -p pass p12' \
	    'K key:cert-show -K key' 'p pass:cert-show -p pass -i p12' \
	    'p pass:cert-verify -p pass -T ./cert -i p12' \
	    'p pass:cert-trust -p pass add p12'; do
		cp "$CERTSTORE/certs/a.example.com/fullchain.pem" cert
		# shellcheck disable=SC2086
		run --separate-stderr ${line#*:}
		[ "$status" -le 1 ] || [[ $line == *cert-trust* ]] ||
		    fail "$line: $stderr"
		how=${line%%:*}
		grep -qE ": -$how: others can access it \(mode 06[04]{2}\): chmod go-rwx ${how#* }\$" \
		    <<<"$stderr" || fail "$line: $stderr"
		[ "$(grep -c 'others can access' <<<"$stderr")" -eq 1 ]
	done
	# not said with -q, of a pipe, of a descriptor
	for line in '-q -A CA -p pass' '-A CA -p fd:5' '-A CA -p /dev/fd/5'; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr cert-create -f $line f.example.com 5<pass
		[ -z "$stderr" ]
	done
	run -0 --separate-stderr cert-create -f -A CA -p <(cat pass) f.example.com
	[ -z "$stderr" ]
}
