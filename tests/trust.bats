#!/usr/bin/env bats
# trust.bats: cert-trust: accepted and refused anchors, the shipped list,
# distrust, and that other programs can use the directory.

# shellcheck disable=SC2154  # stderr and stderr_lines are run's

load helper
load pki

SYSTEM=/etc/ssl/certs/ca-certificates.crt

setup() {
	common_setup
	trust=$CERTSTORE/trust
}

# Also when a test failed: a reader left running would hold up what waits.
teardown() {
	: >stop
	common_teardown
}

# root FILE SUBJECT [WORD...]: a CA that signed itself.
root() {
	pki cert "$1" "$1.key" "$2" days=3650 subjectKeyIdentifier=hash \
	    authorityKeyIdentifier=keyid:always \
	    basicConstraints=critical,CA:TRUE \
	    keyUsage=critical,keyCertSign,cRLSign "${@:3}"
}

# roots NAME...: such CAs, NAME.pem.
roots() {
	local name words=()

	for name; do
		words+=(cert "$name.pem" "$name.pem.key" "/CN=$name" days=3650
		    subjectKeyIdentifier=hash authorityKeyIdentifier=keyid
		    "basicConstraints=critical,CA:TRUE"
		    "keyUsage=critical,keyCertSign,cRLSign" --)
	done
	pki "${words[@]}" subjects "$name.pem" >/dev/null
}

# aged FILE CN START END: one for that time.
aged() {
	pki cert "$1" "$1.key" "/CN=$2" "from=$3" "to=$4" \
	    basicConstraints=critical,CA:TRUE
}

# below FILE SUBJECT ISSUER WORD...: a certificate that ISSUER signs.
below() {
	pki cert "$1" "$1.key" "$2" "ca=$3" "key=$3.key" days=300 "${@:4}" \
	    subjectKeyIdentifier=hash authorityKeyIdentifier=keyid
}

print() {
	openssl x509 -in "$1" -noout -fingerprint -sha256
}

# hex FILE: its fingerprint as the store has it.
hex() {
	pki fingerprint "$1"
}

names() {
	local -a line

	mapfile -t line < <(cert-trust -o name list)
	echo "${line[*]}"
}

# whole: the directory is all that certstore(5) says and nothing else.
whole() {
	local -a sets=("$CERTSTORE"/.trust@*)
	local left

	[[ $(readlink "$trust") = .trust@* ]] || fail "no link"
	for left in "$CERTSTORE"/.pending/{*,.[!.]*}; do
		[ ! -L "$left" ] && [ ! -e "$left" ] ||
		    fail "an intent is left: $left"
	done
	[ "${#sets[@]}" -le 2 ] || fail "old generations are left"
	pki anchors "$trust"
}

@test "an added anchor: file, link, bundle, list" {
	root a.pem '/O=Example/CN=Example Root X1'
	run -0 --separate-stderr cert-trust add a.pem
	[ "$output" = Example_Root_X1 ]
	[ -z "$stderr" ]
	whole
	run -0 cert-trust list
	[ "$output" = "$(printf 'Example_Root_X1\tadded\t%s\t%s' \
	    "$(cert-show -i a.pem -o ends)" 'CN=Example Root X1,O=Example')" ]
	run -0 cert-trust -o certfile,fingerprint,key,issuer list
	[ "$output" = "$(printf '%s\tsha256:%s\tp256\t%s' \
	    "$trust/Example_Root_X1.pem" "$(hex a.pem)" \
	    'CN=Example Root X1,O=Example')" ]
	cert-trust -j list | perl -MJSON::PP -ne '$o = decode_json($_);
	    exit !($o->{name} eq "Example_Root_X1" && $o->{origin} eq "added" &&
	    $o->{kind} eq "ca" && $o->{ends_epoch} > 0)'
	[ "$(cert-trust -0 list | tr -dc '\0' | wc -c)" -eq 1 ]
	run -0 --separate-stderr cert-trust add a.pem
	[ -z "$output" ]
	[ "$stderr" = 'cert-trust: a.pem:1: Example_Root_X1: is an anchor already' ]
	run -1 cert-trust -qx add a.pem
	[ "$(readlink "$trust")" = .trust@1 ]
}

@test "list: all without a pattern; with one, status 1 if nothing matches" {
	run -2 cert-trust list
	cert-create -c site-CA
	run -0 cert-trust list
	[ -z "$output" ]
	cert-show -o cert site-CA | cert-trust -q add -
	run -0 cert-trust -o name list 'site*' nothing
	[ "$output" = site-CA ]
	run -1 cert-trust list nothing 'ot*'
	run -0 sh -c "echo 'site*' | cert-trust -o name list -"
	[ "$output" = site-CA ]
	run -1 sh -c 'cert-trust list - </dev/null'
	run -2 cert-trust -o nonsense list
}

@test "every format that cert-import reads, many files at once" {
	for i in 1 2 3 4 5 6; do
		root "r$i.pem" "/CN=R$i"
	done
	openssl x509 -in r1.pem -outform DER -out r1.der
	openssl crl2pkcs7 -nocrl -certfile r2.pem -out r2.p7b
	openssl pkcs12 -export -nokeys -in r3.pem -passout pass:changeit \
	    -out r3.p12
	sed 's/^/> /; s/$/\r/' r4.pem >r4.mail
	cat r5.pem r6.pem | sed '$!N;s/-----\n/-----/;P;D' >glued.pem
	(umask 077 && echo changeit >pass)
	run -0 cert-trust -p pass add r1.der r2.p7b r3.p12 glued.pem
	[ "$output" = "$(printf 'R%s\n' 1 2 3 5 6)" ]
	run -0 cert-trust add r4.mail
	[ "$output" = R4 ]
	whole
	run -2 cert-trust -p pass list
}

@test "the other files are added when one cannot be read" {
	root a.pem /CN=A
	root b.pem /CN=B
	head -c 200 b.pem >cut.pem
	echo nothing >text
	run -2 --separate-stderr cert-trust add cut.pem absent.pem a.pem text .
	[ "$output" = A ]
	[ "${#stderr_lines[@]}" -eq 4 ]
	[ "$(names)" = A ]
}

@test "a certificate that is not a CA is refused with the remedy" {
	root ca.pem /CN=CA
	below leaf.pem /CN=www.example.com ca.pem basicConstraints=CA:FALSE
	pki cert self.pem self.key /CN=self.example.com \
	    basicConstraints=critical,CA:FALSE
	for option in '' -f; do
		# shellcheck disable=SC2086  # none is meant
		run -2 --separate-stderr cert-trust $option add leaf.pem self.pem
		[ -z "$output" ]
		[[ ${stderr_lines[0]} = *leaf.pem:1:*'not a CA'*'add the CA'* ]]
		[[ ${stderr_lines[1]} = *self.pem:1:*'not a CA'*cert-create* ]]
	done
	[ ! -e "$CERTSTORE" ]
	cat leaf.pem ca.pem >both.pem
	run -2 cert-trust -q add both.pem
	[ "$(names)" = CA ]
}

@test "each refusal that -f overrides is reported" {
	root ca.pem /CN=CA
	below inter.pem '/CN=In "the" middle' ca.pem \
	    basicConstraints=critical,CA:TRUE
	aged old.pem Old 20200101000000Z 20210101000000Z
	aged new.pem New 20990101000000Z 20991231000000Z
	pki key weak.pem.key rsa:1024
	root weak.pem /CN=Weak
	pki cert host.pem host.key /CN=Host subjectKeyIdentifier=hash \
	    basicConstraints=critical,CA:TRUE \
	    subjectAltName=DNS:host.example.com
	run -2 --separate-stderr cert-trust add inter.pem old.pem new.pem \
	    weak.pem host.pem
	[ -z "$output" ]
	[[ ${stderr_lines[0]} = *'is not self-signed: its issuer is "CN=CA"'* ]]
	[[ ${stderr_lines[1]} = *'expired 2021-01-01T00:00:00Z'* ]]
	[[ ${stderr_lines[2]} = *'not yet valid (valid from 2099-01-01T00:00:00Z'* ]]
	[[ ${stderr_lines[3]} = *'weak key (rsa:1024), below security level'* ]]
	[[ ${stderr_lines[4]} = *'is for a server, and openssl'* ]]
	[ "$(grep -c -- 'use -f to add it$' <<<"$stderr")" -eq 5 ]
	run -0 --separate-stderr cert-trust -f add inter.pem old.pem new.pem \
	    weak.pem host.pem
	[ "$(tr '\n' ' ' <<<"$output")" = 'In_the_middle Old New Weak Host ' ]
	[ -z "$stderr" ]
	whole
}

@test "a private key is not stored, and reported" {
	root ca.pem /CN=CA
	cat ca.pem.key ca.pem >both.pem
	run -0 --separate-stderr cert-trust add both.pem
	[ "$output" = CA ]
	[[ $stderr = *'both.pem:1: a private key: is not stored'* ]]
	run -1 grep -rl PRIVATE "$CERTSTORE"
	run -2 --separate-stderr cert-trust add ca.pem.key
	[[ $stderr = *'no certificate in it'* ]]
}

@test "two CAs with one subject: two names, links .0 and .1, stable" {
	root a.pem /CN=Twin
	root b.pem /CN=Twin
	root c.pem /CN=Twin
	run -0 cert-trust add a.pem b.pem
	second=Twin-$(hex b.pem | cut -c1-8)
	[ "$output" = "$(printf 'Twin\n%s' "$second")" ]
	hash=$(openssl x509 -in a.pem -noout -hash)
	[ -L "$trust/$hash.0" ] && [ -L "$trust/$hash.1" ]
	# nothing is written that is there already
	run -1 cert-trust -qx add b.pem a.pem
	[ "$(readlink "$trust")" = .trust@1 ]
	[ ! -e "$trust/$hash.2" ]
	whole
	below leaf.pem /CN=leaf b.pem
	openssl verify -no-CAfile -CApath "$trust" leaf.pem
	cert-trust rm Twin
	whole
	[ "$(names)" = "$second" ]
	openssl verify -no-CAfile -CApath "$trust" leaf.pem
	run -0 cert-trust add c.pem
	[ "$output" = Twin ]
	whole
}

@test "hostile subjects become safe names" {
	root a.pem '/CN=..\/..\/x'
	root b.pem "/CN=$(printf 'two\nlines')"
	root c.pem "/O=$(printf 'y%.0s' {1..64})/OU=$(printf 'z%.0s' {1..64})/CN=-rf"
	root d.pem /CN=bundle
	root e.pem '/CN=中文'
	root f.pem /
	printf '%s\n' '[req]' 'distinguished_name=d' 'prompt=no' \
	    'x509_extensions=e' 'string_mask=nombstr' '[d]' \
	    "0.O=$(printf 'long %.0s' {1..12})" '[e]' \
	    'basicConstraints=critical,CA:TRUE' >cnf
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout g.key -out g.pem -days 10 -config cnf 2>/dev/null
	root h.pem /CN=distrusted
	root i.pem /CN=list
	run -0 --separate-stderr cert-trust add [a-i].pem
	[ -z "$stderr" ]
	[ "${lines[0]}" = x ]
	[ "${lines[1]}" = two_lines ]
	[ "${lines[2]}" = rf ]
	[ "${lines[3]}" = "bundle-$(hex d.pem | cut -c1-8)" ]
	[ "${lines[4]}" = "unnamed-$(hex e.pem | cut -c1-8)" ]
	[ "${lines[5]}" = "unnamed-$(hex f.pem | cut -c1-8)" ]
	[[ ${lines[6]} = long_long_*_long ]]
	[ "${lines[7]}" = distrusted ]
	[ "${lines[8]}" = list ]
	whole
	run -0 cert-trust rm list distrusted x
	whole
}

@test "rm: by name and fingerprint, unknown ones, stdin" {
	roots A B C D
	cert-trust -q add [A-D].pem
	run -2 --separate-stderr cert-trust rm A nothing B B
	[ "$stderr" = 'cert-trust: "nothing": there is no such anchor: use cert-trust list to see the anchors' ]
	[ -z "$output" ]
	[ "$(names)" = 'C D' ]
	run -0 cert-trust -f rm nothing
	run -1 cert-trust -fx rm nothing
	run -0 cert-trust rm - </dev/null
	run -2 cert-trust rm C -n
	[[ $output = *'options come before the operands'* ]]
	[ "$(names)" = 'C D' ]
	print C.pem | cert-trust rm -
	[ "$(names)" = D ]
	run -0 cert-trust rm "sha256:$(hex D.pem)"
	whole
	[ ! -s "$trust/bundle.pem" ]
	run -0 cert-trust list
	[ -z "$output" ]
}

@test "distrust: by name, fingerprint in each form, and file" {
	roots A B C D E F
	root inter.pem.ca /CN=Far
	below inter.pem '/CN=Inter mediate' inter.pem.ca \
	    basicConstraints=critical,CA:TRUE
	cert-trust -q add [A-E].pem
	run -0 --separate-stderr cert-trust distrust A "$(hex B.pem)" \
	    "sha256:$(hex C.pem)" "$(print D.pem | sed 's/.*=//')" ./E.pem
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr = *'no anchor is left'* ]]
	run -0 --separate-stderr cert-trust distrust F.pem inter.pem
	[ "${#stderr_lines[@]}" -eq 3 ]
	[[ $stderr = *'Inter_mediate: is not an anchor, and is distrusted'* ]]
	whole
	[ "$(grep -c BEGIN "$trust/bundle.pem")" -eq 0 ]
	run -0 cert-trust -o name,origin,fingerprint,ends,certfile list Inter*
	[ "$output" = "$(printf 'Inter_mediate\tdistrusted\tsha256:%s\t\t' \
	    "$(hex inter.pem)")" ]
	grep -qx "sha256:$(hex A.pem) A" "$trust/distrusted"
	run -1 --separate-stderr cert-trust -x distrust A "$(hex B.pem)"
	[ "$stderr" = "$(printf 'cert-trust: %s: is distrusted already\n' A B)" ]
	run -2 --separate-stderr cert-trust add A.pem
	[[ $stderr = *'A: is distrusted: use -f to trust it again' ]]
	run -2 cert-trust rm A
	[[ $output = *'is distrusted, not an anchor'* ]]
	run -0 --separate-stderr cert-trust -f add A.pem
	[ "$output" = A ]
	[[ $stderr = *'A: is no longer distrusted' ]]
	run -0 cert-trust -o origin list A
	[ "$output" = added ]
	whole
	# also of what can be no anchor
	below leaf.pem /CN=leaf A.pem basicConstraints=CA:FALSE
	cert-trust -q distrust leaf.pem
	run -2 --separate-stderr cert-trust -f add leaf.pem
	[ -z "$output" ]
	[[ $stderr = *'leaf: is not a CA'*'leaf: is no longer distrusted' ]]
	run -1 cert-trust list leaf
	whole
}

@test "distrust: unknown operands, and ambiguous ones" {
	roots A B
	cert-trust -q add A.pem
	run -2 --separate-stderr cert-trust distrust nothing ./nothing \
	    sha256:1234 ''
	[ "${#stderr_lines[@]}" -eq 4 ]
	[[ ${stderr_lines[0]} = *'nothing: No such file'* ]]
	[[ ${stderr_lines[1]} = *'"nothing": is neither'*fingerprint*file* ]]
	cp B.pem A
	run -2 --separate-stderr cert-trust distrust A
	[[ $stderr = *'A: is both an anchor and a file: use ./A for'* ]]
	[ "$(names)" = A ]
	cert-trust -q distrust ./A
	[ "$(names)" = 'A B' ]
	run -0 cert-trust -o origin list A
	[ "$output" = added ]
	rm A
	mkdir A
	run -0 --separate-stderr cert-trust distrust A
	run -0 cert-trust -o origin list A
	[ "$output" = distrusted ]
	# a fingerprint of which nothing else is known
	run -0 cert-trust distrust "$(printf 'a%.0s' {1..64})"
	run -0 cert-trust -o name,origin list 'u*'
	[ "$output" = "$(printf 'unknown-aaaaaaaa\tdistrusted')" ]
	whole
}

@test "an anchor whose name is the fingerprint of another" {
	roots A B
	print=$(cert-show -i A.pem -o fingerprint)
	root odd.pem "/CN=${print#sha256:}"
	cert-trust -q add A.pem B.pem odd.pem
	for verb in rm distrust; do
		run -2 --separate-stderr cert-trust "$verb" "${print#sha256:}"
		[[ $stderr == *'is the name of an anchor and a fingerprint: use sha256:'* ]]
	done
	cert-trust -q rm "$print"
	[ "$(names | wc -w)" -eq 2 ]
	run -1 cert-trust list A
}

@test "several anchors with trust settings, given at once" {
	roots A B C
	for name in A B C; do
		openssl x509 -in "$name.pem" -addtrust serverAuth \
		    -out "$name.trusted"
	done
	cert-trust -q add A.trusted B.trusted C.trusted
	[ "$(names)" = 'A B C' ]
	openssl x509 -in B.pem -addreject serverAuth -out B.trusted
	run -2 --separate-stderr cert-trust add A.trusted B.trusted C.trusted
	[[ ${stderr_lines[1]} == *'B: is an anchor already, but here its trust settings reject serverAuth'* ]]
	[[ $stderr != *A:*reject*B:* && $stderr != *C:*reject* ]]
}

@test "update: follows the list only, and is quick if nothing changed" {
	roots A B C D
	cat A.pem B.pem C.pem >list
	run -0 --separate-stderr cert-trust update list
	[ "$output" = "$(printf '%s\n' A B C)" ]
	[ "$stderr" = 'cert-trust: 3 added: A, B, C' ]
	whole
	run -0 --separate-stderr cert-trust update list
	[ -z "$output$stderr" ]
	run -1 cert-trust -x update - <list
	[ "$(readlink "$trust")" = .trust@1 ]
	# a list in another order is the same, and nothing is locked for it
	cat C.pem C.pem B.pem A.pem >list
	(flock 9; cert-trust -x update list) 9>"$CERTSTORE/.lock" || [ $? -eq 1 ]
	cat A.pem D.pem B.pem >list
	run -0 --separate-stderr cert-trust update list
	[ "$output" = "$(printf '%s\n' D C)" ]
	[ "${stderr_lines[0]}" = 'cert-trust: 1 added: D' ]
	[ "${stderr_lines[1]}" = \
	    'cert-trust: 1 removed, no longer in the list: C' ]
	[ "$(names)" = 'A B D' ]
	run -0 --separate-stderr cert-trust rm D
	[[ $stderr = *'D: is in the shipped list, and the next update '*distrust* ]]
	run -0 cert-trust -q update list
	[ -z "$output" ]
	[ "$(names)" = 'A B D' ]
	whole
}

@test "update: added anchors stay; reset: only the list; distrust stays" {
	roots A B Own
	cat A.pem B.pem >list
	cert-trust -q update list
	cert-trust -q add Own.pem
	cert-trust distrust B
	run -1 cert-trust -x update list
	run -0 cert-trust -o name,origin list
	[ "$output" = "$(printf '%s\t%s\n' A shipped B distrusted Own added)" ]
	run -0 --separate-stderr cert-trust -n reset list
	[ "$output" = Own ]
	[ "${stderr_lines[0]}" = 'cert-trust: Own: was added by hand: is removed' ]
	[ "${stderr_lines[1]}" = 'cert-trust: 1 removed, added by hand: Own' ]
	[ "$(names)" = 'A B Own' ]
	says=$output$stderr
	run -0 --separate-stderr cert-trust reset list
	[ "$output$stderr" = "$says" ]
	[ "$(names)" = 'A B' ]
	whole
}

@test "update: an added anchor stays when the list drops it" {
	roots A Own
	cat A.pem >list
	cert-trust -q update list
	cert-trust -q add Own.pem
	cat A.pem Own.pem >longer
	run -0 --separate-stderr cert-trust update longer
	[ -z "$output" ]
	[[ $stderr = *'Own: was added by hand, and is now in the shipped list too' ]]
	run -1 --separate-stderr cert-trust -x update longer
	[ -z "$stderr" ]
	run -0 cert-trust -n rm Own
	[[ $output = *'the next update adds it again'* ]]
	run -0 --separate-stderr cert-trust update list
	[[ $stderr = *'Own: is no longer in the shipped list, but stays'* ]]
	run -0 cert-trust -o origin list Own
	[ "$output" = added ]
	# the other way round: one that is shipped can be kept with -f
	run -0 --separate-stderr cert-trust add A.pem
	[[ $stderr = *'from the shipped list: use -f to keep it'* ]]
	run -0 cert-trust -f add A.pem
	cert-trust -q update Own.pem
	[ "$(names)" = 'A Own' ]
	# and reset makes the list's all that it has
	cert-trust -q update longer
	run -0 --separate-stderr cert-trust reset longer
	run -0 cert-trust -o origin list
	[ "$output" = "$(printf 'shipped\nshipped')" ]
	whole
}

@test "update, reset: a malformed list changes nothing" {
	roots A B
	below leaf.pem /CN=leaf A.pem basicConstraints=CA:FALSE
	cert-trust -q update A.pem
	: >empty
	head -n 5 A.pem >short
	cat B.pem short >truncated
	echo text >text
	for file in empty short truncated text leaf.pem A.pem.key absent . \
	    /dev/null; do
		run -2 --separate-stderr cert-trust reset "$file"
		[ -z "$output" ] && [ -n "$stderr" ] || fail "$file"
		[ "$(names)" = A ]
	done
	cert-trust -q distrust B.pem
	run -2 cert-trust update B.pem
	[[ $output = *'no certificate in it can be an anchor'* ]]
	[ "$(names)" = 'A B' ]
	chmod 0 A.pem
	[ "$(id -u)" -eq 0 ] || run -2 cert-trust update A.pem
	[ "$(readlink "$trust")" = .trust@2 ]
}

@test "update: expired or weak roots are followed, other certificates refused" {
	root A.pem /CN=A
	aged old.pem Old 20200101000000Z 20210101000000Z
	aged new.pem New 20990101000000Z 20991231000000Z
	below inter.pem /CN=Inter A.pem basicConstraints=critical,CA:TRUE
	below leaf.pem /CN=leaf A.pem basicConstraints=CA:FALSE
	cat A.pem old.pem inter.pem new.pem leaf.pem A.pem.key >list
	run -0 --separate-stderr cert-trust update list
	[ "$(tr '\n' ' ' <<<"$output")" = 'A Old New ' ]
	[[ $stderr = *': Inter: is not self-signed'*'left out: use cert-trust -f add'* ]]
	[[ $stderr = *': leaf: is not a CA'* ]]
	[[ $stderr = *'a private key: is not stored'* ]]
	# From cron, the next day: nothing is new, and nothing is mailed.
	run -1 --separate-stderr cert-trust -x update list
	[ -z "$output$stderr" ]
	whole
}

@test "update: the system's list, twice" {
	[ -f "$SYSTEM" ] || skip "no system list"
	n=$(grep -c BEGIN "$SYSTEM")
	cert-trust update >came 2>said
	[ "$(wc -l <came)" -eq "$n" ]
	grep "$n added: " said
	whole
	run -1 --separate-stderr cert-trust -x update
	[ -z "$output$stderr" ]
	[ "$(readlink "$trust")" = .trust@1 ]
	# shellcheck disable=SC2046  # words are meant
	openssl verify -no-CAfile -CApath "$trust" $(find -L /etc/ssl/certs \
	    -name '*.pem' | head -n 20) >verified 2>&1 || :
	[ "$(grep -cE '^error [^0-9]|: OK$' verified)" -eq 20 ]
	run ! grep -E '^error [0-9]' <(grep -v 'has expired' verified)
	# and each list goes through the other's programs
	[ "$(openssl storeutl -noout -certs "$trust/bundle.pem" |
	    sed -n 's/^Total found: //p')" -eq "$n" ]
}

@test "-n: same messages, output and status, no change" {
	roots A B C
	run -0 cert-trust -n add A.pem
	[ "$output" = A ]
	[ ! -e "$CERTSTORE" ]
	cert-trust -q update A.pem
	cert-trust -q add B.pem
	for line in 'add C.pem' 'add A.pem' '-x add A.pem' 'rm A' 'rm none' \
	    '-f rm none' 'distrust A C.pem' 'distrust none' 'update C.pem' \
	    'reset C.pem' '-x update A.pem' '-x reset A.pem' 'update none'; do
		# shellcheck disable=SC2086  # words are meant
		run cert-trust -n $line
		says=$status:$output
		[ "$(readlink "$trust")" = .trust@2 ]
		rm -rf copy
		cp -a "$CERTSTORE" copy
		# shellcheck disable=SC2086
		CERTSTORE=$PWD/copy run cert-trust $line
		[ "$status:$output" = "$says" ] || fail "$line: $output, $says"
	done
}

@test "wrong usage" {
	root A.pem /CN=A
	for line in 'nonsense' '-j add A.pem' '-0 rm A' '-o name reset' \
	    '-f reset A.pem' '-f update A.pem' 'update A.pem B.pem' \
	    '-n list' '-f list' '-x list' '-f distrust A' '-p f rm A' \
	    'add -n' 'reset A.pem B.pem' 'rm' 'distrust'; do
		# shellcheck disable=SC2086  # words are meant
		run -2 --separate-stderr cert-trust $line
		[ -z "$output" ]
		[[ $stderr = *usage:* ]] || fail "$line: $stderr"
	done
	# a file that is called like a verb, or like an option
	cp A.pem list
	cp A.pem ./-n
	run -0 --separate-stderr cert-trust add list ./-n
	[ "$output" = A ]
	run -0 sh -c 'cert-trust rm A >/dev/full'
	run -2 sh -c 'cert-trust add >/dev/full' <A.pem
}

@test "a store or directory that others can write is refused" {
	roots A B
	cert-trust -q add A.pem
	chmod g+w "$CERTSTORE"
	run -2 cert-trust add B.pem
	[[ $output = *'others can write it'* ]]
	chmod g-w "$CERTSTORE"
	chmod o+w "$trust/"
	run -2 cert-trust add B.pem
	[[ $output = *'/trust: '*'others can write it'* ]]
	chmod o-w "$trust/"
	[ "$(names)" = A ]
	[ "$(id -u)" -eq 0 ] || return 0
	chown 65534 "$trust/"
	run -2 cert-trust add B.pem
	chown 0 "$trust/"
	mkdir foreign
	: >foreign/file
	run -2 cert-trust -d foreign add B.pem
	[ "$(ls -A foreign)" = file ]
}

@test "modes do not depend on the umask" {
	root A.pem /CN=A
	(umask 077; cert-trust -q add A.pem)
	whole
	(umask 0; cert-trust distrust A)
	whole
}

@test "curl and s_client trust the directory and the bundle, until removal" {
	cert-create -c site-CA
	cert-create -A site-CA -s localhost -s 127.0.0.1 web
	cert-create -c other-CA
	dir=$CERTSTORE/certs/web
	serve -cert "$dir/fullchain.pem" -key "$dir/privkey.pem"
	cert-show -o cert other-CA | cert-trust -q add -
	trusts -
	cert-show -o cert site-CA | cert-trust -q add -
	trusts +
	cert-trust rm site-CA
	trusts -
	cert-show -o cert site-CA | cert-trust -q add -
	trusts +
	cert-trust distrust site-CA
	trusts -
	# an empty bundle and an empty directory trust nobody
	cert-trust rm other-CA
	trusts -
}

# trusts +|-: what clients say of the server on $port.
trusts() {
	local how=$1 line n=0

	for line in "curl -sS --capath $trust" \
	    "curl -sS --capath /nonexistent --cacert $trust/bundle.pem"; do
		# shellcheck disable=SC2086  # words are meant
		if $line -o /dev/null \
		    "https://127.0.0.1:$port/" 2>said; then
			[ "$how" = + ] || fail "$line: accepted"
		else
			[ "$how" = - ] || fail "$line: $(cat said)"
		fi
		n=$((n + 1))
	done
	for line in "-no-CAfile -CApath $trust" \
	    "-no-CApath -CAfile $trust/bundle.pem"; do
		# shellcheck disable=SC2086
		if openssl s_client -connect "127.0.0.1:$port" \
		    -verify_hostname localhost -verify_return_error \
		    -no-CAstore $line </dev/null >/dev/null 2>said; then
			[ "$how" = + ] || fail "s_client $line: accepted"
		else
			[ "$how" = - ] || fail "s_client $line: $(cat said)"
		fi
	done
}

@test "a reader sees the old or the new anchors during updates" {
	local i=0 reader

	: >reads
	roots A B C D
	below leaf.pem /CN=leaf A.pem
	cat A.pem B.pem C.pem >one
	cat A.pem D.pem >two
	cert-trust -q update one
	while [ ! -e stop ]; do
		openssl verify -no-CAfile -no-CAstore -CApath "$trust" \
		    leaf.pem >/dev/null 2>>bad || echo path >>bad
		openssl verify -no-CApath -no-CAstore -CAfile \
		    "$trust/bundle.pem" leaf.pem >/dev/null 2>>bad ||
		    echo file >>bad
		case $(cert-trust -o name list 2>>bad | tr '\n' ' ') in
		'A B C '|'A D ') ;;
		*) echo "neither" >>bad ;;
		esac
		echo read >>reads
	done 3>&- &
	reader=$!
	# and until the reader, however slow, has read some
	while [ "$i" -lt 30 ] || [ "$(wc -l <reads)" -lt 4 ]; do
		cert-trust -q update two
		cert-trust -q update one
		i=$((i + 1))
	done
	: >stop
	wait "$reader"
	[ ! -s bad ] || fail "a reader saw: $(sort bad | uniq -c)"
	whole
}

@test "two writers at once: both additions are stored" {
	local i pids=

	for i in 1 2 3 4 5 6 7 8; do
		root "r$i.pem" "/CN=R$i"
	done
	for i in 1 2 3 4 5 6 7 8; do
		cert-trust -q add "r$i.pem" 3>&- &
		pids="$pids $!"
	done
	for i in $pids; do
		wait "$i"
	done
	[ "$(names)" = 'R1 R2 R3 R4 R5 R6 R7 R8' ]
	whole
	cert-trust -q update r1.pem 3>&- &
	pids=$!
	for i in 2 3 4; do
		cert-trust distrust "R$i" 3>&- &
		pids="$pids $!"
	done
	for i in $pids; do
		wait "$i"
	done
	[ "$(grep -c . "$trust/distrusted")" -eq 3 ]
	[ "$(grep -c . "$trust/shipped")" -eq 1 ]
	whole
}

@test "the next change repairs a directory that was edited by hand" {
	roots A B
	cat A.pem B.pem >list
	cert-trust -q update list
	rm "$trust"
	ln -s .trust@9 "$trust"
	run -2 cert-trust list
	[[ $output = *'/trust: leads to nothing: remove this link'* ]]
	rm "$trust"
	run -2 cert-trust -o name list
	[[ $output = *'use cert-check -r'* ]]
	cert-check -q -r
	run -0 cert-trust -o name list
	[ "$output" = "$(printf 'A\nB')" ]
	rm "$trust"/*.0
	echo damaged >"$trust/A.pem"
	: >"$trust/README"
	run -2 --separate-stderr cert-trust -o name list
	[ "$output" = B ]
	[[ $stderr = *'/trust/A.pem: is not one certificate: use cert-trust add to add it again'* ]]
	run -0 --separate-stderr cert-trust update list
	[ "$output" = A ]
	[[ $stderr = *'/trust/A.pem: is not one certificate'* ]]
	whole
	sed -i 1d "$trust/bundle.pem"
	run -0 cert-trust update list
	whole
	echo "sha256:$(hex A.pem)" >>"$trust/distrusted"
	for line in list 'reset list' 'update list' 'add B.pem' 'rm B' 'distrust B'; do
		# shellcheck disable=SC2086  # words are meant
		run -2 cert-trust $line
		[[ $output = *'/trust/distrusted:1: is not a line'* ]]
	done
	# distrusted by hand, in the form it must have
	sed -i 's/$/ Ay/' "$trust/distrusted"
	run -0 cert-trust -o name,origin list
	[ "$output" = "$(printf 'Ay\tdistrusted\nB\tshipped')" ]
	cert-trust -q update list
	whole
	[ "$(names)" = 'Ay B' ]
}

@test "a store that was copied without links keeps its anchors" {
	roots A B
	cat A.pem B.pem >list
	cert-trust -q update list
	cert-trust distrust B
	cp -RLp "$CERTSTORE" followed
	openssl verify -CApath followed/trust A.pem
	cp -a "$CERTSTORE" dropped
	find dropped -type l -delete
	for copy in followed dropped; do
		run -2 cert-trust -d "$copy" -o name,origin list
		[[ $output = *"use cert-check -r -d "*"$copy"* ]] || fail "$output"
		cert-check -q -r -d "$copy"
		run -0 cert-trust -d "$copy" reset list
		(CERTSTORE=$PWD/$copy trust=$PWD/$copy/trust; whole)
		run -0 cert-trust -d "$copy" -o name,origin list
		[ "$output" = "$(printf 'A\tshipped\nB\tdistrusted')" ]
	done
}

@test "many certificates are added in limited time" {
	root A.pem /CN=A
	for i in $(seq 400); do
		printf 'sha256:%064x n%d\n' "$i" "$i"
	done >many
	cert-trust -q add A.pem
	cp many "$trust/distrusted"
	perl -ne '$text .= $_; END { print $text x 1500 }' A.pem >pile
	run -0 within 20 cert-trust -q add pile
	[ "$(cert-trust list | wc -l)" -eq 401 ]
}

@test "a distrusted certificate is refused with any signature and encoding" {
	"$ROOT/tests/forge" <<-'END'
	root.pem R R
	twins.pem I R twin
	leaf.pem leaf I
	END
	cert-trust add root.pem
	awk '/BEGIN/ { n++ } { print >("twin" n ".pem") }' twins.pem
	run ! cmp -s twin1.pem twin2.pem
	for n in 1 2; do
		cat leaf.pem twin$n.pem >chain$n.pem
		cert-verify -P server -w 2026-06-01 -i chain$n.pem
	done
	cert-trust distrust twin1.pem
	run -1 cert-verify -P server -w 2026-06-01 -i chain1.pem
	[[ $output = *"is distrusted in this store"* ]]
	run -1 cert-verify -P server -w 2026-06-01 -i chain2.pem
	[[ $output = *"is distrusted in this store"* ]]

	# 30 82 nn nn and 30 83 00 nn nn are the same length.
	openssl x509 -in root.pem -outform DER -out root.der
	{
		printf '\060\203\000'
		tail -c +3 root.der
	} >root.ber
	run -2 cert-trust distrust root.ber
	[[ $output = *"is not encoded as DER"* ]]
	cert-trust distrust R
	run -2 cert-trust add root.ber
	[[ $output = *"is not encoded as DER"* ]]
}

@test "trust settings: an anchor must be for TLS servers" {
	root a.pem /CN=A
	root b.pem /CN=B
	for what in addreject:serverAuth addtrust:emailProtection \
	    addtrust:clientAuth addreject:anyExtendedKeyUsage \
	    addtrust:codeSigning; do
		openssl x509 -in a.pem "-${what%:*}" "${what#*:}" -out no.pem
		for verb in add '-f add' update reset; do
			# shellcheck disable=SC2086  # words are meant
			run -2 --separate-stderr cert-trust $verb no.pem
			[ -z "$output" ]
			[[ $verb != *add || $stderr = *'its trust settings '*' to remove them' ]]
			[ ! -e "$trust" ]
		done
	done
	openssl x509 -in a.pem -addreject serverAuth -out rej.pem
	run -2 cert-trust add rej.pem
	[[ $output = *'rej.pem:1: A: is not an anchor for servers: its trust settings reject serverAuth: '* ]]
	# the stricter of two copies, whichever is first
	cat rej.pem a.pem >ab
	cat a.pem rej.pem >ba
	for file in ab ba; do
		run -2 --separate-stderr cert-trust add $file
		[ -z "$output" ]
	done
	run -2 --separate-stderr cert-trust add a.pem rej.pem b.pem
	[ "$output" = B ]
	# what is there stays, with the way out
	cert-trust add a.pem
	run -2 cert-trust add rej.pem
	[[ $output = *'A: is an anchor already, but here its trust settings reject serverAuth: use cert-trust rm A to remove it' ]]
	[ "$(names)" = 'A B' ]
	cert-trust rm A
	# a list drops it
	cat a.pem b.pem >list
	cert-trust -q update list
	cat rej.pem b.pem >list
	run -0 --separate-stderr cert-trust update list
	[ "$output" = A ]
	[[ $stderr = *'list:1: A: is not an anchor for servers: its trust settings reject serverAuth'* ]]
	[ "$(names)" = B ]
	# settings that include serverAuth, or say nothing of uses
	openssl x509 -in a.pem -addtrust serverAuth -out narrow.pem
	run -0 --separate-stderr cert-trust add narrow.pem
	[ "$output" = A ]
	[[ $stderr = *'its trust settings lack clientAuth, and the set does not keep them'* ]]
	for option in '-addtrust anyExtendedKeyUsage' '-setalias site' \
	    '-addreject emailProtection' '-addtrust serverAuth -addtrust clientAuth'; do
		cert-trust -q rm A
		# shellcheck disable=SC2086  # words are meant
		openssl x509 -in a.pem $option -out yes.pem
		run -0 --separate-stderr cert-trust add yes.pem
		[ "$output" = A ]
		[ -z "$stderr" ]
	done
	whole
	# put there by hand
	openssl x509 -in a.pem -addreject serverAuth -out "$trust/A.pem"
	run -2 cert-trust list
	[[ $output = *'/trust/A.pem: its trust settings reject serverAuth: use cert-trust add to add it again'* ]]
	# it is distrusted all the same, and damage is not passed over
	cert-trust distrust rej.pem
	{
		echo '-----BEGIN TRUSTED CERTIFICATE-----'
		{
			openssl x509 -in b.pem -outform DER
			printf '\060\003\002\001\005'
		} | base64
		echo '-----END TRUSTED CERTIFICATE-----'
	} >damaged.pem
	cert-trust -q rm B
	run -2 cert-trust add damaged.pem
	[[ $output = *'its trust settings are damaged'* ]]
	cert-show -i damaged.pem
}

@test "a change that leaves no anchors is warned of" {
	root a.pem /CN=A
	root b.pem /CN=B
	cert-trust -q add a.pem b.pem
	run -0 --separate-stderr cert-trust rm A
	[ -z "$stderr" ]
	for line in '-n rm B' '-n distrust B' 'rm B'; do
		# shellcheck disable=SC2086  # words are meant
		run -0 --separate-stderr cert-trust $line
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr = *"$trust/bundle.pem: no anchor is left, "*'cert-trust add to add one, '*'cert-trust update'* ]]
	done
	[ ! -s "$trust/bundle.pem" ]
	run -0 --separate-stderr cert-trust -f rm B
	[ -z "$stderr" ]
	cert-trust add b.pem
	run -0 --separate-stderr cert-trust distrust B
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr = *'no anchor is left'* ]]
	run -0 --separate-stderr cert-trust -q distrust a.pem
	[ -z "$stderr" ]
}

@test "many anchors: the work is linear in their number" {
	"$ROOT/tests/forge" <<-'END'
	small A%:k A%:k times=250
	large1 B%:k B%:k times=500
	large2 C%:k C%:k times=500
	same Root:k% Root:k% times=300
	END
	bash -c 'cert-trust -q -d small.store add small; times' |
	    tail -n 1 >small.time
	bash -c 'cert-trust -q -d large.store add large1 large2; times' |
	    tail -n 1 >large.time
	# user time of children: 0m1.234s
	perl -e 'sub secs { open my $f, "<", $_[0]; <$f> =~ /^(\d+)m([\d.]+)s/;
	    60 * $1 + $2 } my ($s, $l) = map { secs("$_.time") } qw(small large);
	    print "# $s $l\n"; exit !($l < 8 * $s + 0.2)'
	[ "$(grep -c BEGIN large.store/trust/bundle.pem)" -eq 1000 ]
	# of one subject, with names and links of their own
	cert-trust -q add same
	[ "$(cert-trust -o name list | sort -u | wc -l)" -eq 300 ]
	[ "$(find "$trust/" -name '*.299' | wc -l)" -eq 1 ]
	cert-trust -o name list | cert-trust -q rm -
	[ -z "$(cert-trust list)" ]
}
