#!/usr/bin/env bats
# revert.bats: cert-revert: back to the kept generation and back again, what is
# refused, and the hold that keeps renewal away.

# shellcheck disable=SC2154  # run --separate-stderr sets stderr

load helper
load pki

# replaced: the entry a has a first and a second certificate of one root, for
# other hosts; both have www.example.com.
replaced() {
	ca root /CN=Root
	sign one root /CN=one 60 extendedKeyUsage=serverAuth \
	    subjectAltName=DNS:www.example.com,DNS:a.example.com
	sign two root /CN=two 90 extendedKeyUsage=serverAuth \
	    subjectAltName=DNS:www.example.com,DNS:b.example.com
	imports one
	imports two
	dir=$CERTSTORE/certs/a
}

# imports NAME [OPTION...]: as the entry a.
imports() {
	local certs=("$1.crt" "$1.key")

	[ ! -e root.crt ] || certs+=(root.crt)
	cert-import -qf -N a "${@:2}" "${certs[@]}" >/dev/null 2>&1
}

# serves NAME: the entry a has this certificate with its key, in each file.
serves() {
	local pem=$CERTSTORE/certs/a

	cert-show -i "$1.crt" -o fingerprint | cmp - \
	    <(cert-show -o fingerprint a) || fail "not $1" || return 1
	[ "$(openssl pkey -in "$pem/privkey.pem" -pubout)" = \
	    "$(openssl x509 -in "$pem/cert.pem" -noout -pubkey)" ] ||
	    fail "$1: no pair" || return 1
	cat "$pem/cert.pem" "$pem/chain.pem" | cmp - "$pem/fullchain.pem"
	[ ! -e "$pem/combined.pem" ] ||
	    cat "$pem/privkey.pem" "$pem/fullchain.pem" |
	    cmp - "$pem/combined.pem"
}

# refused PATTERN ARGUMENT...: and nothing is changed.
refused() {
	local pattern=$1

	shift
	rm -rf before
	cp -a "$CERTSTORE" before
	run -2 --separate-stderr cert-revert "$@"
	[ -z "$output" ] || fail "prints $output"
	[ "${#stderr_lines[@]}" -eq 1 ] || fail "says $stderr"
	[[ $stderr =~ $pattern ]] || fail "says $stderr"
	rm -f "$CERTSTORE/.lock" before/.lock
	diff -r --no-dereference before "$CERTSTORE" || fail "changed"
}

# forced PATTERN: refused, and with -f a warning.
forced() {
	refused "^cert-revert: a: the kept certificate $1: use -f" a
	run -0 --separate-stderr cert-revert -f a
	[ "$output" = a ]
	[[ ${stderr_lines[0]} =~ ^cert-revert:\ a:\ the\ kept\ certificate\ $1$ ]] ||
	    fail "says $stderr"
}

# holds SECONDS REASON: renewal is held for so long, to half a minute.
holds() {
	local until

	until=$(cert-set -o hold a)
	[ "${until#* }" = "$2" ] || fail "hold: $until"
	until=${until#hold=}
	until=$(($(date -d "${until%% *}" +%s) - $(date +%s) - $1))
	[ "${until#-}" -le 30 ] || fail "off by $until"
}

@test "key and certificate go back together, and forth" {
	replaced
	cert-set -q a user=nginx note=today
	refused 'does not cover b.example.com: use -f' a
	run -0 cert-revert -f a
	serves one
	[ "$(cert-show -o serial a)" = "$(cert-show -i one.crt -o serial)" ]
	[ "$(readlink "$dir")" = .a@4 ]
	[ "$(sed -n 's/^kept //p' "$dir/info")" = 3 ]
	[ -z "$(sed -n '/^pair /p' "$dir/info")" ]
	[ "$(openssl x509 -in "$dir/ca.pem" -noout -subject)" = 'subject=CN = Root' ]
	# its hosts, and not those of the other
	[ "$(cert-match -o name a.example.com)" = a ]
	run -1 cert-match b.example.com
	find "$CERTSTORE/index" -type l -o -type d -name '*b.example.com*' |
	    (! grep b.example.com)
	[ "$(find "$CERTSTORE/certs" -name '.a@*' | wc -l)" -eq 2 ]
	[ -z "$(ls -A "$CERTSTORE/.pending")" ]
	[ "$(cert-set -o user,note a)" = $'user=nginx\nnote=today' ]
	# a change of properties does not change what is kept
	cert-set -q a note=tomorrow
	run -0 cert-revert -qf a
	[ -z "$output" ]
	serves two
	[ "$(cert-match -o name b.example.com)" = a ]
	run -1 cert-match a.example.com
	[ "$(cert-set -o note a)" = note=tomorrow ]
	cert-revert -qf a
	serves one
	[ "$(find "$CERTSTORE/certs" -name '.a@*' | wc -l)" -eq 2 ]
	# and the first one again is an import that changes nothing
	run -1 cert-import -x -N a one.crt one.key root.crt
}

@test "a waiting request and the default entry stay" {
	replaced
	cert-set -q a default=yes
	cert-create -R -s www.example.com a >a.csr
	cp "$dir/request.key" request.key
	cert-revert -qf a
	serves one
	cmp "$dir/request.key" request.key
	openssl req -in "$dir/request.csr" | cmp - a.csr
	[ "$(cert-match -D -o name other.example.net)" = a ]
	cert-revert -qf a
	serves two
	cmp "$dir/request.key" request.key
	pki answer a.crt a.csr copy ca=root.crt key=root.key
	cert-import a.crt
	[ "$(cert-show -o spki a)" = "$(cert-show -i a.crt -o spki)" ]
	cert-revert -qf a
	serves two
	[ ! -e "$dir/request.key" ]
}

@test "origin goes with the certificate" {
	cert-create -c ca
	cert-create -A ca -s a.example.com a
	cp "$CERTSTORE/certs/a/cert.pem" made.crt
	ca root /CN=Root
	server one root a.example.com
	imports one
	[ "$(cert-list -o origin a)" = import ]
	cert-revert -q a
	serves made
	[ "$(cert-list -o origin a)" = create ]
	cert-revert -q a
	serves one
	[ "$(cert-list -o origin a)" = import ]
}

@test "what is less fit is refused without -f" {
	local day=86400 now

	now=$(date +%s)
	ca root /CN=Root
	server now root www.example.com 90
	at() { date -u -d "@$((now + $1))" +%Y%m%d%H%M%SZ; }
	day() { date -u -d "@$((now + $1))" +%F; }
	server bad root www.example.com 1 "from=$(at $((-9 * day)))" \
	    "to=$(at $((-2 * day)))"
	imports bad
	imports now
	forced "expired $(day $((-2 * day)))T.*Z"
	serves bad
	[[ $stderr == *'renewal is not held: the certificate expires'* ]]
	[ -z "$(cert-set -o hold a)" ]
	cert-revert -q a
	serves now
	key bad
	server bad root www.example.com 1 "from=$(at $((2 * day)))" \
	    "to=$(at $((200 * day)))"
	imports bad
	imports now
	forced "is not yet valid \(valid from $(day $((2 * day)))T.*\)"
	# what is served with it has expired
	cert-rm -f a
	sign mid root '/O="x"/CN=mid' 1 basicConstraints=critical,CA:TRUE \
	    "from=$(at $((-9 * day)))" "to=$(at $((-2 * day)))"
	server bad mid www.example.com
	cert-import -qf -N a bad.crt bad.key mid.crt root.crt 2>/dev/null
	imports now
	forced "has the issuer .*CN=mid.*, expired $(day $((-2 * day)))T.*Z"
	cert-rm -f a
	# names of each kind
	sign bad root /CN=bad 90 extendedKeyUsage=serverAuth \
	    subjectAltName=DNS:www.example.com
	sign now root /CN=now 90 extendedKeyUsage=serverAuth \
	    subjectAltName=DNS:www.example.com,IP:192.0.2.1,email:a@example.com
	imports bad
	imports now
	forced 'does not cover 192.0.2.1, a@example.com'
	cert-rm -f a
	sign bad root /CN=bad 90 extendedKeyUsage=clientAuth \
	    subjectAltName=DNS:www.example.com
	imports bad
	imports now
	forced 'is of kind client, not server'
	cert-rm -f a
	key bad rsa:1024
	server bad root www.example.com
	key now
	server now root www.example.com
	imports bad
	imports now
	forced 'is refused by servers at security level 2'
	serves bad
	[ ! -e "$CERTSTORE/combined/a.pem" ]
}

@test "a key that is missing, and the key of a CA" {
	ca root /CN=Root
	cp root.crt a.crt
	cert-import -q -N ca a.crt
	ca root /CN=Root
	cert-import -qf -N ca root.crt root.key 2>/dev/null
	refused 'ca: the kept certificate has no private key: use -f' ca
	run -0 --separate-stderr cert-revert -f ca
	[[ ${stderr_lines[0]} == *'has no private key' ]]
	[[ ${stderr_lines[1]} == *'is not renewed until'* ]]
	[ ! -e "$CERTSTORE/certs/ca/privkey.pem" ]
	cert-revert -qf ca
	cmp "$CERTSTORE/certs/ca/cert.pem" <(openssl x509 -in root.crt)
	cert-rm ca
	cert-create -c ca
	cert-create -c -f ca
	refused 'ca: the kept certificate has another key: .*: use -f' ca
	openssl pkey -in "$CERTSTORE/certs/ca/privkey.pem" >ca.key
	# renewed with its key
	cert-create -c -f -K ca.key ca
	run -0 cert-revert ca
}

@test "without a kept certificate there is nothing to go back to" {
	replaced
	cert-create -s b.example.com b
	refused 'b: no earlier certificate is kept: use cert-import -f -N b' b
	cert-set -q b note=x
	refused 'b: no earlier certificate is kept' -f b
	cert-create -R -s w.example.com w >/dev/null
	refused 'w: no earlier certificate is kept' -f w
	refused 'none: there is no such entry' none
	refused '@new' @new
	run -2 cert-revert -d ./none -n a
	run -2 cert-revert -d ./none a
	[ ! -e none ]
	run -2 cert-revert
}

@test "damage is refused, with -f, too" {
	local kept

	replaced
	cp -a "$CERTSTORE" saved
	kept=$CERTSTORE/certs/.a@1
	damaged() {
		refused 'a: its kept generation is damaged: restore .*/certs/.a@1 ' \
		    -f a
		rm -rf "$CERTSTORE"
		cp -a saved "$CERTSTORE"
		: >"$CERTSTORE/.lock" # else it is seen to be a copy
	}
	rm "$kept/privkey.pem"
	damaged
	rm -r "$kept"
	damaged
	echo >"$kept/info"
	damaged
	echo x >>"$kept/fullchain.pem"
	damaged
	# with its size and time
	touch -r "$kept/fullchain.pem" time
	sed -i 's/END CERTIFICATE/END CERTIFICATF/' "$kept/fullchain.pem"
	touch -r time "$kept/fullchain.pem"
	damaged
	tr A-Z B-ZA <"$kept/privkey.pem" >new
	cat new >"$kept/privkey.pem"
	damaged
	# and of what serves
	rm "$CERTSTORE/certs/a/privkey.pem"
	refused 'a: privkey.pem is missing' -f a
}

@test "several names: all of them or none" {
	replaced
	for name in b c; do
		cert-create -s "$name.example.com" "$name"
	done
	cert-create -f -s b.example.com b
	refused 'c: no earlier certificate' -f a b c
	refused 'a: the kept certificate does not cover' b a
	printf 'b\tmore\na\nb\n' >names
	run -0 --separate-stderr cert-revert -nf - <names
	[ "$output" = $'a\nb' ]
	serves two
	[ "${#stderr_lines[@]}" -eq 3 ]
	sed 's/20[0-9T:-]*Z//' <<<"$stderr" >dry
	run -0 --separate-stderr cert-revert -fx - a <names
	[ "$output" = $'a\nb' ]
	sed 's/20[0-9T:-]*Z//' <<<"$stderr" | cmp - dry
	serves one
	run -0 cert-revert - </dev/null
	run -1 cert-revert -x - </dev/null
	run -1 cert-revert -nx - </dev/null
}

@test "renewal is held for a week, or until a quarter of its time is left" {
	local day=86400

	ca root /CN=Root
	server one root www.example.com 90
	server two root www.example.com 120
	imports one
	imports two
	cert-set -q a renew=yes
	run -0 --separate-stderr cert-revert a
	[[ $stderr =~ ^'cert-revert: a: is not renewed until '20.*Z': use cert-set a hold= to end this'$ ]]
	holds $((7 * day)) reverted
	cert-set -q a hold=
	[ -z "$(cert-set -o hold a)" ]
	# 12 days of 8 left: a third is 4 days, a quarter of that is 1
	server one root www.example.com 12 "from=$(date -u -d '-4 days' \
	    +%Y%m%d%H%M%SZ)" "to=$(date -u -d '+8 days' +%Y%m%d%H%M%SZ)"
	server two root www.example.com 90
	imports one
	imports two
	cert-revert -q a
	holds $((7 * day)) reverted
	server one root www.example.com 12 "from=$(date -u -d '-10 days' \
	    +%Y%m%d%H%M%SZ)" "to=$(date -u -d '+2 days' +%Y%m%d%H%M%SZ)"
	imports one
	imports two
	cert-revert -q a
	holds $day reverted
	# that day is when there is something to do
	until=$(cert-set -o hold a)
	[ "$(cd "$CERTSTORE/index/next" && find . -name a)" = \
	    "./${until:5:7}/${until:13:2}/a" ]
	# a later hold of ours does not outlive it, back and forth
	cert-revert -q a
	holds $((7 * day)) reverted
	cert-revert -q a
	holds $day reverted
	# too late for one
	server one root www.example.com 12 "from=$(date -u -d '-12 days' \
	    +%Y%m%d%H%M%SZ)" "to=$(date -u -d '+12 hours' +%Y%m%d%H%M%SZ)"
	imports one
	imports two
	run -0 --separate-stderr cert-revert a
	[[ $stderr == 'cert-revert: a: its renewal is not held: the certificate expires 20'*Z ]]
	[ -z "$(cert-set -o hold a)" ]
}

@test "a later hold of the user's stays, an earlier one does not" {
	local day=86400

	replaced
	cert-set -q a hold='30d holidays, at last'
	cert-revert -qf a
	holds $((30 * day)) 'holidays, at last'
	cert-set -q a hold=1d
	cert-revert -qf a
	holds $((7 * day)) reverted
	# edited by hand, and not yet in info
	sed -i "s/^hold .*/hold $(date -u -d '+20 days' +%FT%TZ) by hand/" \
	    "$dir/props"
	cert-revert -qf a
	holds $((20 * day)) 'by hand'
	echo 'hold tomorrow' >"$dir/props"
	refused 'props:1: hold does not begin with a time' -f a
}

@test "combined/ has what serves TLS" {
	ca root /CN=Root
	server one root www.example.com
	sign two root /CN=two 90 extendedKeyUsage=clientAuth
	imports one
	[ -e "$CERTSTORE/combined/a.pem" ]
	imports two
	[ ! -e "$CERTSTORE/combined/a.pem" ]
	cert-revert -qf a
	serves one
	cmp "$CERTSTORE/combined/a.pem" "$CERTSTORE/certs/a/combined.pem"
	cert-revert -qf a
	serves two
	[ ! -L "$CERTSTORE/combined/a.pem" ]
}

@test "the group of today reads the key, and no other" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to give a file to a group"
	replaced
	cert-set -q a group=daemon
	[ "$(stat -c %a:%G "$CERTSTORE/certs/.a@1/privkey.pem")" = 600:root ]
	cert-revert -qf a
	[ "$(stat -c %a:%G "$dir/privkey.pem" "$dir/combined.pem" | uniq)" = \
	    640:daemon ]
	cert-set -q a group=
	[ -z "$(find "$CERTSTORE/certs" -name '*.pem' -group daemon -perm /070)" ]
	cert-revert -qf a
	[ "$(stat -c %a:%G "$dir/privkey.pem")" = 600:root ]
	# that of a TLS server is not that of mail
	sign mail root /CN=mail 90 extendedKeyUsage=emailProtection \
	    subjectAltName=email:a@example.com
	imports mail
	imports two
	cert-set -q a group=daemon
	run -0 --separate-stderr cert-revert -f a
	[[ $stderr == *'a: its key is no longer that of a TLS server, and group "daemon" cannot read it'* ]]
	serves mail
	[ -z "$(find "$CERTSTORE/certs" -name '*.pem' -perm /070 ! -perm 644)" ]
}

@test "what signs calls: URL and held generations" {
	local url

	ca root '/CN=SHAKEN CA'
	for name in one two; do
		sign "$name" root '/CN=SHAKEN 818H' 90 \
		    keyUsage=critical,digitalSignature \
		    1.3.6.1.5.5.7.1.26=DER:3008a006160438313848
		imports "$name"
	done
	cert-set -q a x5u=https://certs.example.com/shaken/
	[ "$(find "$CERTSTORE/certs" -name '.a@*' | wc -l)" -eq 3 ]
	cert-match -k shaken -o keyfile,x5u spc:818H >before
	cert-revert a
	serves one
	url=$(cert-match -k shaken -o x5u spc:818H)
	cmp "$CERTSTORE/x5u/${url##*/}" "$CERTSTORE/certs/a/fullchain.pem"
	# the answers given before can still be used
	[ -f "$(cut -f1 before)" ]
	url=$(cut -f2 before)
	[ -f "$CERTSTORE/x5u/${url##*/}" ]
	[ "$(find "$CERTSTORE/certs" -name '.a@*' | wc -l)" -eq 4 ]
	# another code
	sign three root '/CN=SHAKEN 709A' 90 \
	    keyUsage=critical,digitalSignature \
	    1.3.6.1.5.5.7.1.26=DER:3008a006160437303941
	imports three
	refused 'a: the kept certificate does not cover 709A: use -f' a
}

@test "a copy without links goes back, once it is repaired" {
	replaced
	cp -RLp "$CERTSTORE" copy
	rm -rf "$CERTSTORE"
	mv copy "$CERTSTORE"
	run -2 cert-revert -qf a
	[[ $output == *'use cert-check -r'* ]]
	cert-check -qr
	cert-revert -qf a
	serves one
	cert-revert -qf a
	serves two
}

@test "properties that are set meanwhile are not lost" {
	local i pids=

	replaced
	for i in 1 2 3 4 5 6; do
		cert-set -q a "x-a+=$i" 3>&- &
		pids="$pids $!"
		cert-revert -qf a 3>&- &
		pids="$pids $!"
	done
	for i in $pids; do
		wait "$i"
	done
	[ "$(cert-set -o x-a a | wc -l)" -eq 6 ]
	serves two
}

@test "renewal passes over it until the hold ends" {
	cert-create -c ca
	pki cert one.crt one.key /CN=one \
	    "ca=$CERTSTORE/certs/ca/fullchain.pem" \
	    "key=$CERTSTORE/certs/ca/privkey.pem" \
	    "from=$(date -u -d '-70 days' +%Y%m%d%H%M%SZ)" \
	    "to=$(date -u -d '+20 days' +%Y%m%d%H%M%SZ)" \
	    subjectAltName=DNS:a.example.com extendedKeyUsage=serverAuth
	cert-import -q -N a one.crt one.key
	cert-set -q a renew=yes
	run -0 --separate-stderr cert-renew
	[ "$output" = a ]
	cert-revert -q a
	serves one
	run -0 --separate-stderr cert-renew
	[ -z "$output" ]
	serves one
	cert-set -q a hold=
	run -0 --separate-stderr cert-renew
	[ "$output" = a ]
	run ! serves one
	[ -z "$(cert-set -o hold a)" ]
}
