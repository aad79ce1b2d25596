#!/usr/bin/env bats
# check.bats: cert-check finds each kind of damage, and nothing in a store that
# is as the commands left it.

# shellcheck disable=SC2154  # stderr and stderr_lines are run's

load helper
load pki

# A CA; a and b below it, of which a was replaced; w waits; ca is an anchor.
makestore() {
	export CERTSTORE=$PWD/store
	cert-create -q -c ca
	cert-create -q -A ca -s a.example.com a
	cert-create -q -f -A ca -s a.example.com a
	cert-create -q -A ca -s b.example.com b
	cert-create -q -R -s w.example.com w
	cert-show -o cert ca | cert-trust -q add
	cert-set -q a tenant=a.example.com
}

setup() {
	common_setup
	shared checked makestore
	cp -a "$shared/store" "$CERTSTORE"
}

# again: the store as it was.
again() {
	rm -rf "$CERTSTORE"
	cp -a "$shared/store" "$CERTSTORE"
}

# clean [ARG...]: nothing but notes is found.
clean() {
	run -0 --separate-stderr cert-check "$@"
	[ -z "$(grep -v '^note' <<<"$output")" ] || fail "$output"
	[ -z "$stderr" ] || fail "$stderr"
}

# finds SEVERITY NAME CODE [ARG...]: with status 1, or 0 for a note.
finds() {
	local status=1

	[ "$1" != note ] || status=0
	run "-$status" --separate-stderr cert-check "${@:4}"
	grep -q "^$1	$2	$3	." <<<"$output" || fail "no $3: $output"
	[ -z "$stderr" ] || fail "$stderr"
	seen="$seen $3"
}
seen=

# lasts SEVERITY NAME CODE [ARG...]: is it found in the copy?
lasts() {
	cert-check -d mended "${@:4}" 2>&1 | grep -q "^$1	$2	$3	"
}

# damage COMMANDS SEVERITY NAME CODE [ARG...]: in the directory of a.  What the
# finding names as the remedy is one: cert-check -r, or a command with a path; and
# -r alone is one if -j says so.
damage() {
	local line remedy

	again
	(cd "$CERTSTORE/certs/a" && eval "$1") || fail "$1"
	finds "${@:2}"
	line=$(grep -m 1 "^$2	$3	$4	" <<<"$output")
	remedy=${line##*: }
	[[ $line != *": cert-check -r"* ]] ||
	    remedy=cert-check${line##*: cert-check}
	[[ $remedy =~ ^(chmod|chown|mv|rm|cert-check\ -r)\  ||
	    $remedy =~ ^cert-import\ .*\.pem$ ]] || return 0
	remedy=${remedy%% to make*}
	if cert-check -j "${@:5}" | grep -F "$(printf \
	    '"name":"%s","code":"%s"' "$3" "$4")" | grep -q '"repairs":true'; then
		rm -rf mended
		cp -a "$CERTSTORE" mended
		cert-check -q -r -d mended || :
		! lasts "${@:2}" || fail "$1: -r does not repair it"
	fi
	rm -rf mended
	cp -a "$CERTSTORE" mended
	remedy=${remedy//$CERTSTORE/$PWD/mended}
	CERTSTORE=$PWD/mended bash -c "$remedy" >/dev/null || :
	! lasts "${@:2}" || fail "$1: no remedy: $line"
}

@test "the codes: cert-check(1) lists those of the library, with their text" {
	sed -n '/^static const struct cs_codeline/,/^};/p' \
	    "$ROOT/lib/audit/code.c" | tr -d '\n\t' | grep -oE '\{ "[^}]*\}' |
	    sed -E 's/\{ "([a-z0-9-]*)", [A-Z]*, *"(.*)" *\}/\1 \2/' |
	    sed 's/" *"//g' >code
	sed -n '/^\.Ss Findings/,/^\.Sh ENV/p' "$ROOT/man/cert-check.1" |
	    awk '/^\.It Cm/ { code = $3; next }
	    code != "" { print code, $0; code = "" }' >page
	[ "$(wc -l <code)" -gt 50 ]
	LC_ALL=C sort -c code
	diff code page
}

@test "each code is found by a test" {
	local code

	for code in $(sed -n 's/^	\[CS_CODE.*{ "\([a-z0-9-]*\)".*/\1/p' \
	    "$ROOT/lib/audit/code.c"); do
		# those of a repair are in its own tests
		grep -qE "(critical|warning|note) [^ ]+ $code\\b" \
		    "$ROOT"/tests/check*.bats "$ROOT"/tests/cacrl.bats ||
		    fail "$code: no test finds it"
	done
}

@test "a store as the commands left it: nothing" {
	clean
	clean a b ca w @store @trust
	cert-create -q -f -A ca -s a.example.com a
	cert-set -q b tenant=b.example.com note=x group="$(id -gn)"
	cert-create -q -t rsa:2048 -s rsa.example.com rsa
	cert-revert -q a
	cert-rm -q rsa
	cert-set -q b default=yes
	cert-set -q b group=
	pki answer w.crt "$CERTSTORE/certs/w/request.csr" copy ca=<(cert-show -o cert ca) \
	    "key=$CERTSTORE/certs/ca/privkey.pem" days=90 \
	    extendedKeyUsage=serverAuth
	cert-import -q w.crt
	cert-trust -q -T phones add <(cert-show -o cert ca)
	cert-trust -q -T phones add <(cert-show -o cert ca)
	clean
	cert-list -o name | clean -
	cert-renew -q -f b
	cert-import -q -f -N b2 "$CERTSTORE/certs/b/combined.pem"
	cert-rm -q b2
	clean
}

@test "files of an entry" {
	damage 'rm combined.pem' critical a file-missing
	damage 'rm fullchain.pem' critical a file-missing
	[[ $output = *"fullchain.pem is missing or empty: "* ]]
	damage 'rm ../w/request.csr' critical w file-missing
	damage 'rm cert.pem' critical a file-missing
	damage 'rm info' critical a info-damaged
	damage 'echo >>fullchain.pem' critical a changed-by-hand
	damage 'truncate -s -1 combined.pem' critical a combined-differs
	damage 'truncate -s 100 privkey.pem' critical a combined-differs
	[[ $output = *"privkey.pem was changed by hand, and combined.pem"* ]]
	# of the same size
	damage 'cat ../b/combined.pem >combined.pem' critical a combined-differs
	damage 'cat ../b/privkey.pem >privkey.pem' critical a key-mismatch
	damage 'truncate -s -1 cert.pem' warning a parts-differ
	damage 'cp privkey.pem request.key' warning a unknown-file
	[[ $output = *"move it away"* ]]
	damage 'echo x >old' warning a unknown-file
	damage 'chmod 644 privkey.pem' critical a key-readable
	damage 'chmod 640 combined.pem' critical a key-readable
	damage 'chmod 666 cert.pem' critical a writable
	damage 'chmod 777 .' critical a writable
	damage 'chmod 600 fullchain.pem' warning a file-closed
	damage 'chmod 700 .' warning a file-closed
	damage 'rm props' critical a file-missing
	damage ': >ca.pem' critical a file-missing
	damage 'cat ../b/cert.pem >ca.pem' warning a parts-differ a
	damage 'echo x >ca.pem' warning a parts-differ a
	damage 'ln privkey.pem ../../x' warning a hard-link
	damage 'chmod 604 ../.a@1/privkey.pem' critical a key-readable
	damage 'rm -rf ../.a@1; touch -r .. ../../index' note a kept-missing
	damage 'cp -R . ../.a@9' warning a generation-orphan
	# it is found again while a writer may be at work
	damage 'ln -s .a@2 ../../.pending/a; chmod 644 privkey.pem' \
	    critical a key-readable
	damage 'echo "tenant x y" >>props' warning a props-bad
	damage 'echo "ignore no-such-code" >>props' warning a props-bad
	damage 'echo "tenant u.example.com" >>props' \
	    warning a props-not-in-force
	again
	# info has size and time of props: what has them is read if it is named
	grep -qx "props $(stat -c '%s %.9Y' "$CERTSTORE/certs/a/props")" \
	    "$CERTSTORE/certs/a/info"
	damage 'cp -p props ../../was; sed -i s/a[.]example/u.example/ props;
	    touch -r ../../was props; rm ../../was; touch -r info .' \
	    warning a props-not-in-force a
	clean
	for damage in 'rm combined.pem' 'chmod 644 privkey.pem'; do
		damage "$damage" critical a '[a-z-]*' a
	done
	again
	cert-set -q a group="$(id -gn)"
	chmod 644 "$CERTSTORE/certs/.a@1/privkey.pem"
	finds critical a key-readable
	[[ $output = *".a@1/privkey.pem has mode 0644, not 0640: "* ]]
	cert-check -q -r a
	clean
	chmod 600 "$CERTSTORE/certs/a/privkey.pem"
	finds warning a key-closed
	sed -i 's/^group .*/group nosuchgroup/' "$CERTSTORE/certs/a/"{info,props}
	finds warning a group-unknown
}

@test "an owner and an access control list" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	damage 'chown 65534 cert.pem' critical a owner
	damage 'chown 65534 privkey.pem' critical a owner
	damage 'chown 65534 ../.a@1/privkey.pem' critical a owner
	damage 'chown 65534 ../../trust/bundle.pem' critical @store owner
	again
	cert-set -q a group=root
	chgrp 65534 "$CERTSTORE/certs/a/privkey.pem"
	finds critical a key-readable
	cert-check -q -r a
	clean
	setfacl -m u:65534:r "$CERTSTORE/certs/a/privkey.pem"
	finds critical a key-readable
}

@test "links to an entry" {
	damage 'ln -sfn .a@9 ../a' critical a link-dangling
	damage 'ln -sfn .b@1 ../a' critical a link-foreign
	damage 'echo x >../x' warning x unknown-file
	damage 'echo x >../.x' warning @store unknown-file
	damage 'rm ../../index/host/a.example.com' critical a index-missing
	damage 'rm ../../index/ends/*/*/a' critical a index-missing
	damage 'ln -s ../../certs/a ../../index/host/z.example.com' \
	    warning a index-surplus
	damage 'mkdir ../../index/next/2020-01; mkdir ../../index/next/2020-01/01
	    ln -s ../../../../certs/a ../../index/next/2020-01/01/a' \
	    warning a index-surplus
	damage 'ln -s ../../certs/gone ../../index/host/gone.example.com' \
	    warning gone index-surplus
	ln -s .b@2 "$CERTSTORE/.pending/gone"
	finds warning @store interrupted
	[[ $output != *index-surplus* ]]
	damage 'echo x >../../index/host/x' warning @store unknown-file
	damage 'rm ../../combined/a.pem' critical a combined-missing
	damage 'rm ../../combined/a.pem; echo x >../../combined/a.pem' \
	    critical a combined-missing
	damage 'ln -s ../certs/ca/combined.pem ../../combined/ca.pem' \
	    critical ca combined-surplus
	damage 'ln -s ../certs/gone/combined.pem ../../combined/gone.pem' \
	    critical gone combined-surplus
	damage 'echo x >../../combined/x' warning @store unknown-file
	damage 'rm ../b' warning b generation-orphan
	damage 'ln -s certs/gone ../../default' critical @store default-dangling
	damage 'echo x >../../default' critical @store default-dangling
	[[ $output = *"default is a file, not a link"* ]]
}

@test "index: an entry that is not found, or only by a search" {
	damage 'rm -r ../../index/ends' warning @store index-missing
	[ "${#lines[@]}" -eq 1 ] || fail "$output"
	finds warning a index-missing a
	run -0 cert-check -r
	clean
	# as all readers see it, who search then
	touch "$CERTSTORE/certs"
	run -1 cert-match none.example.com
	[[ $output = *"use cert-check -r"* ]]
	finds warning @store index-missing
	run -1 cert-check -rn
	[[ $output = "repairable	@store	index	"* ]]
	run -0 cert-check -r
	[[ $output = "repaired	@store	index	"* ]]
	clean
	run -0 cert-check -rn
	[ -z "$output" ]
}

@test "an entry that is a directory, and a store without its links" {
	damage 'cd ..; cp -R .b@1 x; rm b; mv x b' critical b link-followed
	damage 'rm ../../.links' critical @store links-lost
}

@test "what is parsed: key, chain, info" {
	sign other "$shared/ca" /CN=x 90 2>/dev/null || :
	cert-create -q -s x.example.com x
	cp "$CERTSTORE/certs/x/privkey.pem" other.key
	again
	cat other.key >"$CERTSTORE/certs/a/privkey.pem"
	cat other.key "$CERTSTORE/certs/a/fullchain.pem" \
	    >"$CERTSTORE/certs/a/combined.pem"
	# by its time already, and by name
	finds critical a key-mismatch
	finds critical a key-mismatch a
	damage 'sed -i "s/^serial .*/serial 00/" info' critical a info-differs a
	damage 'cat ../b/cert.pem >cert.pem' warning a parts-differ a
	damage 'tac combined.pem >x; cat x >combined.pem; rm x' \
	    critical a combined-differs a
	again
	cat "$CERTSTORE/certs/a/privkey.pem" >"$CERTSTORE/certs/w/request.key"
	finds critical w key-mismatch w
}

@test "chains: order, gaps, and what expires first" {
	ca root /CN=root
	sign int root /CN=int 20 basicConstraints=critical,CA:TRUE \
	    keyUsage=critical,keyCertSign
	sign leaf int /CN=leaf 30 subjectAltName=DNS:c.example.com
	cat leaf.key leaf.crt int.crt root.crt >c.pem
	cert-import -q -f -N c c.pem
	finds note c issuer-ends-first
	# as an earlier version may have left it
	rewrite() {
		local dir=$CERTSTORE/certs/c

		cat "${@:2}" >"$dir/fullchain.pem"
		cp "$2" "$dir/cert.pem"
		cat "${@:3}" >"$dir/chain.pem"
		cat leaf.key "${@:2}" >"$dir/combined.pem"
		sed -i "s/^file .*/file fullchain.pem $(stat -c '%s %.9Y' \
		    "$dir/fullchain.pem") $(sha256sum <"$dir/fullchain.pem" |
		    cut -d ' ' -f 1)/" "$dir/info"
	}
	sign int2 root /CN=int2 300 basicConstraints=critical,CA:TRUE
	rewrite order leaf.crt int2.crt int.crt
	finds warning c chain-order c
	rewrite gap leaf.crt int2.crt
	finds warning c chain-gap c
	again
	cert-import -q -f -N c c.pem
	cert-trust -q distrust int.crt
	finds critical c distrusted
	[[ $output = *"CN=int in its chain is distrusted: "* ]]
}

@test "ends, distrust, revocation, weakness, tenants, twins" {
	finds critical b expired -w 2099-01-01
	finds warning b expires -e 9999d
	finds warning b expires -e 2099-01-01
	finds critical b expires -e 9999d,500d
	finds warning a expires -e 99% -w "$(date -u -d '30 days' +%F)"
	run -0 cert-check -e 30d
	finds warning b expires -e 9999d -w "$(date -u -d "@$(($(
	    cert-list -j -o ends b | sed 's/.*ends_epoch"://; s/}//'
	) - 130000))" +%FT%TZ)"
	[[ $output = *", in 1 day" || $output = *", in 1 day"$'\n'* ]] ||
	    fail "$output"
	finds warning a not-yet-valid -w 2020-01-01
	finds warning w request-waits -w "$(date -u -d '40 days' +%F)"
	finds warning a renewal-late -w "$(date -u -d '300 days' +%F)"
	finds critical a renewal-late -w "$(date -u -d '380 days' +%F)"
	cert-set -q b tenant=a.example.com
	finds warning b tenant-uncovered
	finds warning b tenant-shared
	again
	cert-create -q -t rsa:2048 -A ca -s a.example.com -s x.example.com twin
	finds note twin twins-differ
	[[ $output = *"twins-differ	"*", and has other names" ]]
	cert-create -q -f -t rsa:2048 -A ca -s a.example.com twin
	clean
	cert-create -q -f -t rsa:2048 -A ca -l 100d -s a.example.com twin
	finds note twin twins-differ
	[[ $output = *"twins-differ	"*", and expires at another time" ]]
	cert-create -q -f -A ca -s a.example.com -s y.example.com a
	cert-create -q -f -t rsa:2048 -A ca -s a.example.com -s z.example.com \
	    twin
	finds note twin twins-differ
	[[ $output = *"twins-differ	"*", and has other names" ]]
	cert-import -q -N same <(cat "$CERTSTORE/certs/b/combined.pem") ||
	    cert-import -q -f -N same "$CERTSTORE/certs/b/combined.pem"
	finds note same key-shared
	again
	cert-trust -q distrust "$CERTSTORE/certs/a/cert.pem"
	finds critical a distrusted
	again
	cert-set -q b revoked="$(date -u +%F)" || skip 'no property revoked'
	finds critical b revoked
}

@test "weak keys and signatures" {
	key weak rsa:1024
	pki cert weak.crt weak.key /CN=weak days=30 \
	    subjectAltName=DNS:weak.example.com
	cert-import -q -N weak weak.crt weak.key
	finds warning weak weak-key
	finds warning weak weak-key weak
	key asked rsa:1024
	cert-create -q -R -K asked.key -s asked.example.com asked >/dev/null 2>&1
	finds warning asked weak-key
	ca root /CN=root
	key sha1
	openssl req -new -key sha1.key -subj /CN=sha1.example.com |
	    openssl x509 -req -sha1 -CA root.crt -CAkey root.key -days 30 \
	    -set_serial 7 -out sha1.crt
	cert-import -q -N sha1 sha1.crt sha1.key root.crt
	finds warning sha1 weak-signature
}

@test "ignore makes a note, which -v prints" {
	chmod 644 "$CERTSTORE/certs/a/privkey.pem"
	finds critical a key-readable
	cert-set -q @store ignore=key-readable,weak-key
	run -0 cert-check
	[ -z "$output" ]
	run -0 cert-check -v
	[[ $output = "note	a	key-readable	"* ]]
	run -0 cert-check -jv
	[[ $output = *'"severity":"note"'*'"ignored":true}' ]]
	again
	cert-set -q a tenant+=t.example.com ignore=tenant-uncovered
	run -0 cert-check -v a
	[[ $output = "note	a	tenant-uncovered	"* ]]
}

@test "the store: what is left over, unknown, writable" {
	damage 'ln -s .b@2 ../../.pending/b' warning @store interrupted
	damage 'echo x >../../x' warning @store unknown-file
	damage 'mkdir -p ../../trusts/set' warning @trust/set unknown-file
	damage 'mkdir ../../trusts; echo x >../../trusts/set' \
	    warning @trust/set unknown-file
	damage 'chmod 777 ../../certs' critical @store writable
	damage 'mkdir -m 700 ../../lost; echo x >../../lost/x' note @store lost
	damage 'mkdir -m 755 ../../acme' critical @store account-readable
	damage 'mkdir -m 755 ../../lost' critical @store account-readable
	damage 'chmod 750 ../../issued' critical @store account-readable
	damage 'mkdir -p -m 700 ../../acme/accounts/x; chmod 711 ../../acme/*/x
	    chmod 700 ../../acme' critical @store account-readable
	damage 'mkdir ../../hooks; echo X=y >../../hooks/h.env' \
	    critical @store account-readable
	run -1 cert-check
	(eval "${output##*: }")
	clean
	damage 'ln -s certs/b ../../.default@link' warning @store interrupted
	damage 'ln -s certs/b ../../.default' warning @store interrupted
	damage 'mkdir ../../crl; ln -s x ../../crl/..ca@link' \
	    warning @store interrupted
	damage 'mkdir -m 700 ../../lost; >../../lost/.x.pem@new' \
	    warning @store interrupted
	damage 'mkdir ../../renewal; echo x >../../renewal/gone' \
	    note gone state-orphan
	damage 'echo "@store ignore ,"  >../../props' warning @store props-bad
	damage 'echo "@store ignore no-such" >../../props' \
	    warning @store props-bad
	damage 'mkdir ../../profiles; echo "-A ca" >../../profiles/vpn' \
	    warning @store profile-bad
	damage 'mkdir ../../profiles; ln -s ../props ../../profiles/vpn' \
	    warning @store profile-bad
	damage 'mkdir ../../profiles; echo "-P client" >../../profiles/server' \
	    warning @store profile-bad
	damage 'mkdir ../../profiles; touch ../../profiles/vpn~' \
	    warning @store profile-bad
	damage 'mkdir -m 770 ../../profiles' critical @store writable
	damage 'mkdir ../../profiles; touch ../../profiles/v; chmod 666 ../../profiles/v' critical @store writable
	again
	mkdir "$CERTSTORE/profiles"
	echo '-P client' >"$CERTSTORE/profiles/vpn"
	touch "$CERTSTORE/profiles/.vpn.swp"
	touch "$CERTSTORE/log.1"
	mkdir "$CERTSTORE/hooks"
	ln -s gone "$CERTSTORE/hooks/later"
	clean
	again
	mkdir -m 777 open
	cp -a "$CERTSTORE" open/store
	finds critical @store store-unsafe -d open/store
}

@test "what others can write in trust sets, CRLs and records" {
	local path

	cert-crl -q ca
	cert-trust -q -T phones add <(cert-show -o cert ca)
	cert-revoke -q -f b
	cp -a "$CERTSTORE/." "$BATS_TEST_TMPDIR/whole"
	again() {
		rm -rf "$CERTSTORE"
		cp -a "$BATS_TEST_TMPDIR/whole" "$CERTSTORE"
	}
	again
	for path in trust/ trust/bundle.pem trust/crls/ trust/crls/crls.pem \
	    trusts/phones/ trusts/phones/distrusted crl/.ca/ crl/ca.pem \
	    'revoked/*/' index/host x5u; do
		mkdir -p "$BATS_TEST_TMPDIR/whole/x5u"
		damage "chmod o+w ../../$path" critical @store writable
	done
	for path in trust/ trust/bundle.pem trusts/phones/distrusted crl/.ca/ \
	    crl/ca.pem 'revoked/*/' index/host; do
		damage "chmod go-r ../../$path" warning @store file-closed
	done
	# one of each directory is enough
	again
	chmod 666 "$CERTSTORE"/trust/*.*
	run -1 cert-check
	[ "$(grep -c '	writable	' <<<"$output")" -eq 1 ] || fail "$output"
}

@test "a writer at work is not a finding" {
	mkfifo fifo
	exec 8<>"$CERTSTORE/.lock"
	flock 8
	ln -s .b@2 "$CERTSTORE/.pending/b"
	clean
	exec 8>&-
	finds warning @store interrupted
}

@test "writers at work are no findings" {
	local i n pids=()

	for n in 1 2 3; do
		for i in 1 2 3 4 5 6; do
			cert-create -q -f -A ca -s "n$n.example.com" "n$n"
			cert-set -q "n$n" note="$i"
			[ $((i % 3)) -ne 0 ] || cert-rm -q "n$n"
		done & pids+=($!)
	done
	while kill -0 "${pids[@]}" 2>/dev/null; do
		clean
	done
	wait "${pids[@]}"
	clean
}

@test "trust sets and CRLs" {
	ca A /CN=A
	ca B /CN=B
	pki crl A.crl ca=A.crt key=A.key number=01 from=20260101000000Z \
	    to=20991231000000Z authorityKeyIdentifier=keyid
	cert-trust -q -T phones add A.crt B.crt
	cert-trust -q -f -T phones add A.crl
	finds warning @trust/phones crl-uncovered
	finds critical @trust/phones crl-expires -w 2090-01-01
	finds warning @trust/phones crl-expires -e 2099-12-31
	finds critical @trust/phones crl-expires -e 2199-12-31,2099-12-31
	finds critical @trust/phones crl-expired -w 2100-02-01
	[[ $output = *": use cert-trust -T phones add with the current one"* ]]
	finds critical @trust expired -w 2100-02-01 @trust
	rm "$CERTSTORE"/trust/*.0
	finds warning @trust trust-differs
	echo x >"$CERTSTORE/trust/ca.pem"
	finds critical @trust trust-damaged
	run -1 cert-check -r
	[[ $output = *"	trust-damaged	"* && $output != *repaired* ]]
}

@test "CRLs of a trust set: links from 0 on, crls.pem, and what is lost" {
	local dir=$CERTSTORE/trusts/phones/crls lost n

	ca A /CN=A
	for n in 01 02; do
		pki crl A.crl ca=A.crt key=A.key number=$n \
		    from=2026${n}01000000Z to=20991231000000Z \
		    authorityKeyIdentifier=keyid
		cert-trust -q -f -T phones add A.crt A.crl
	done
	run -0 ls "$dir"
	[[ $output = *.r0*.r1*crls.pem ]] || fail "$output"
	clean
	cp -a "$CERTSTORE" kept
	for lost in '*.r0' crls.pem; do
		eval "rm '$dir'/$lost"
		finds warning @trust/phones trust-differs
		run -0 cert-check -r
		clean
		diff <(ls kept/trusts/phones/crls) <(ls "$dir")
	done
	# without them all that they revoke is accepted
	for lost in "$dir" "$dir/*.crl"; do
		rm -rf "$CERTSTORE"
		cp -a kept "$CERTSTORE"
		eval "rm -r $lost"
		finds critical @trust/phones trust-damaged
		[[ $output = *"/crls has lost its CRLs"*"cert-trust -T phones add"* ]]
		run -1 cert-check -r
		[[ $output != *repaired* ]]
		run -0 cert-trust -q -f -T phones add A.crl
		clean
	done
}

@test "what expires first in a trust set is told by its file ends" {
	local ends=$CERTSTORE/trusts/phones/ends

	ca A /CN=A from=20260101000000Z to=20991231000000Z
	ca short /CN=short from=20260101000000Z to=20900101000000Z
	cert-trust -q -T phones add A.crt
	[ "$(sed -n 's/^ends [0-9]* //p' "$ends")" = 2099-12-31T00:00:00Z ]
	[ "$(sed -n 's/^late [0-9]* //p' "$ends")" = 9999-12-31T23:59:59Z ]
	cert-trust -q -T phones add short.crt
	[ "$(sed -n 's/^ends [0-9]* //p' "$ends")" = 2090-01-01T00:00:00Z ]
	finds critical @trust/phones expired -w 2090-02-01 -e 30d
	finds warning @trust/phones expires -w 2089-12-20 -e 30d
	pki crl A.crl ca=A.crt key=A.key number=01 from=20260101000000Z \
	    to=20290101000000Z authorityKeyIdentifier=keyid
	cert-trust -q -f -T phones add A.crl
	[ "$(sed -n 's/^ends [0-9]* //p' "$ends")" = 2029-01-01T00:00:00Z ]
	[ "$(sed -n 's/^late [0-9]* //p' "$ends")" = 2028-01-01T16:00:00Z ]
	finds critical @trust/phones crl-expires -w 2028-01-02 -e 30d
	kept=$PWD/ends
	cp "$ends" "$kept"
	# one that is damaged or older than what is there tells nothing
	for text in '' 'certstore 2' 'ends 4102444800'; do
		echo "$text" >"$ends"
		finds critical @trust/phones crl-expires -w 2028-01-02 -e 30d
	done
	# one that was edited is found
	sed -i 's/^ends [0-9]*/ends 4102444800/' "$kept"
	cp "$kept" "$ends"
	finds warning @trust/phones trust-differs
	remedy=$(sed -n 's/.*first: //p' <<<"$output")
	[ "$remedy" = "rm $ends" ]
	# nor is one needed
	$remedy
	run -1 cert-check
	[[ $output != *trust-differs* ]]
	finds critical @trust/phones crl-expires -w 2028-01-02 -e 30d
	run -0 cert-trust -T phones list
	cert-trust -q -T phones rm short
	[ -s "$ends" ]
}

@test "an anchor of the shipped list that expired is a note" {
	ca A /CN=A
	cert-trust -q -T phones update A.crt
	finds note @trust/phones expired -w 2100-02-01 @trust/phones
	finds note @trust/phones expires -e 3651d @trust/phones
	cert-trust -q -T own add A.crt
	finds critical @trust/own expired -w 2100-02-01 @trust/own
}

@test "trust sets by name: each one, and those that are not there" {
	ca A /CN=A
	cert-trust -q -T phones add A.crt
	run -1 cert-check -w 2100-02-01 @trust/phones
	[ "$(cut -f 2 <<<"$output" | uniq)" = @trust/phones ]
	# what is there is still looked at
	run -2 --separate-stderr cert-check -w 2100-02-01 @trust @trust/none
	[[ $output = "critical	@trust	expired	"* ]]
	[[ $stderr = *"/trusts/none: there is no such trust set: "* ]]
	for name in @foo @trust/ @trust/.. @storex; do
		run -2 cert-check "$name"
		[[ $output = *": cannot be checked: "* ]]
	done
	echo '@new tenant x y' >"$CERTSTORE/props"
	finds warning @new props-bad @new
}

@test "deliveries, renewals that failed, orders" {
	cert-set -q b user=nohook
	finds note b delivery-pending
	touch -d '2 hours ago' "$CERTSTORE/certs/b/"
	finds warning b delivery-pending
	again
	cert-show -o cert ca | cert-trust -q -T phones add -
	cert-set -q @trust user=nohook
	cert-set -q @trust/phones user=nohook
	finds note @trust delivery-pending
	finds note @trust/phones delivery-pending
	run cert-deploy -q
	finds warning @trust delivery-pending
	[[ $output = *"	@trust	delivery-pending	user nohook was not told, failed 1 times since "* ]]
	again
	: >"$CERTSTORE/acme"
	clean
	rm "$CERTSTORE/acme"
	mkdir -m 700 "$CERTSTORE/acme" "$CERTSTORE/acme/accounts" \
	    "$CERTSTORE/acme/orders" "$CERTSTORE/acme/orders/b"
	: >"$CERTSTORE/acme/accounts/x"
	clean
	again
	print=$(sed -n "s/^fingerprint //p" "$CERTSTORE/certs/b/info")
	mkdir "$CERTSTORE/renewal"
	printf '%s\n' "certificate $print" 'failed 3' 'since 1700000000' \
	    'tried 1700000000' 'next 1700000000' 'text no' \
	    >"$CERTSTORE/renewal/b"
	finds warning b renewal-failed -w "$(date -u -d '300 days' +%F)"
	again
	mkdir -p "$CERTSTORE/acme/orders/b"
	echo 'setup webroot /x' >"$CERTSTORE/acme/orders/b/state"
	chmod 700 "$CERTSTORE/acme"
	finds warning b order-leftover
	again
	# the request as one of an order
	spki=$(sed -n 's/^request //p' "$CERTSTORE/certs/w/info")
	sed -i 's/^request .*/& acme/' "$CERTSTORE/certs/w/info"
	mkdir -p "$CERTSTORE/acme/orders/w"
	chmod 700 "$CERTSTORE/acme"
	printf '%s\n' "spki $spki" 'status pending' 'since 1700000000' \
	    'url https://x/' >"$CERTSTORE/acme/orders/w/state"
	finds warning w order-stuck
	echo 'held it is worse' >>"$CERTSTORE/acme/orders/w/state"
	sed -i 's/^request .*/&\nacme x/' "$CERTSTORE/certs/w/info"
	echo 'acme x' >>"$CERTSTORE/certs/w/props"
	mkdir -p "$CERTSTORE/index/next/1970-01/01"
	ln -s ../../../../certs/w "$CERTSTORE/index/next/1970-01/01/w"
	finds warning w order-held
}

@test "a change that the log does not tell of" {
	cert-set -q b note=x
	[ -s "$CERTSTORE/log" ]
	clean
	sed -i '$d' "$CERTSTORE/log"
	finds warning b unlogged
	cert-check -q -r b
	cert-check -q
	grep '"entry":"b",.*"reason":"repair"' "$CERTSTORE/log"
	rm "$CERTSTORE/log"
	clean
	# where no line can be written, the rest is still looked at
	for log in 'mkfifo log' 'ln -s /etc/passwd log' 'mkdir log'; do
		damage "(cd ../.. && rm -f log && $log); rm ../../combined/b.pem" \
		    warning @store unknown-file
		[[ $output = *"	b	combined-missing	"* ]]
	done
}

@test "an entry that was removed and restored" {
	cp -a "$CERTSTORE/certs/b" "$CERTSTORE/certs/.b@1" .
	cert-rm -q b
	clean
	cp -a b .b@1 "$CERTSTORE/certs"
	finds warning b unlogged
	[[ $output = *"was restored after it was removed"* ]]
	run -0 cert-check -r
	[[ $output = *"repaired	b	log	"* ]]
	clean
	# removed again, and made again: another one of this name
	cert-rm -q b
	cert-create -q -A ca -s b.example.com b
	clean
	# an earlier generation than the one that was removed
	cp -a "$CERTSTORE/certs/.b@1" b1
	cert-set -q b note=x
	cert-rm -q b
	ln -s .b@1 "$CERTSTORE/certs/b"
	cp -a b1 "$CERTSTORE/certs/.b@1"
	finds warning b unlogged
	run -0 bash -c "$(sed -n 's/.* adds a line, \(.*\) removes it$/\1/p' \
	    <<<"$output")"
	run -0 cert-check -r
	clean
}

@test "chains for calls" {
	mkdir "$CERTSTORE/x5u"
	echo x >"$CERTSTORE/x5u/$(printf '%064d' 0).pem"
	finds critical @store x5u-damaged
	rm -r "$CERTSTORE/x5u"
	mkdir -p "$CERTSTORE/x5u/$(printf '%064d' 0).pem"
	finds critical @store x5u-damaged
	rm -r "$CERTSTORE/x5u"
	ca root '/CN=SHAKEN CA'
	# a TNAuthList with the code 818H
	sign call root '/CN=SHAKEN 818H' 90 keyUsage=critical,digitalSignature \
	    1.3.6.1.5.5.7.1.26=DER:3008a006160438313848
	cert-import -q -f -N call call.crt call.key root.crt
	cert-set -q call x5u=https://calls.example.com/
	clean
	rm "$CERTSTORE"/x5u/*
	finds critical call x5u-missing
}

@test "a monitor that may not read keys: one note, and modes are seen" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" 2>/dev/null || :
	nobody() {
		setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
	}
	nobody test -r "$CERTSTORE/certs/a/info" || skip 'not reachable'
	run -0 --separate-stderr nobody "$BIN/cert-check"
	[ "$(grep -c '^note	@store	keys-unread	' <<<"$output")" -eq 1 ]
	# note @store keys-unread
	run -0 --separate-stderr nobody "$BIN/cert-check"
	[ "${#lines[@]}" -eq 1 ]
	chmod 644 "$CERTSTORE/certs/a/privkey.pem"
	run -1 nobody "$BIN/cert-check"
	[[ $output = *"critical	a	key-readable	"* ]]
	again
	touch "$CERTSTORE/certs/a/privkey.pem"
	# for the owner it is what it was: warning a key-changed
	clean
	run -1 nobody "$BIN/cert-check"
	[[ $output = *"warning	a	key-changed	"* ]]
}

@test "nagios: one line, its own status, bars replaced" {
	run -0 cert-check -M nagios
	[[ $output = 'CERTSTORE OK: 0 critical, 0 warning | critical=0 warning=0 '* ]]
	run -1 cert-check -M nagios -e 9999d
	[[ $output = 'CERTSTORE WARNING: '*'b: expires'*' days_left='* ]]
	run -2 cert-check -M nagios -e 9999d,500d
	run -3 --separate-stderr cert-check -M nagios -d '/no|st
ore'
	[ -z "$stderr" ]
	run -3 --separate-stderr cert-check -M nagios -x
	[ "${#lines[@]}" -eq 1 ]
	[[ $output = 'CERTSTORE UNKNOWN: -x: no such option'* ]]
	run -3 --separate-stderr cert-check -M nagios -d '/no|st
ore'
	[ "${#lines[@]}" -eq 1 ]
	[ "$(grep -o '|' <<<"$output" | wc -l)" -eq 1 ]
	for i in $(seq 30); do
		ln -s ".x$i@1" "$CERTSTORE/certs/$(printf '%0190d' "$i")"
	done
	run -2 cert-check -M nagios
	[ "${#lines[@]}" -eq 1 ]
	[ "${#output}" -lt 1024 ]
}

@test "metrics: written whole, by name what expires, both parsers read it" {
	run -1 cert-check -M metrics:m.prom -e 9999d
	[ -z "$output" ]
	[ "$(mode m.prom)" = 644 ]
	[ "$(tail -n 1 m.prom)" = '# EOF' ]
	grep -q '^certstore_not_after_seconds{name="b",role="certificate"} [0-9]*$' \
	    m.prom
	grep -qx 'certstore_check_status 1' m.prom
	[ "$(grep -v '^#' m.prom | sed 's/ [^ ]*$//' | sort | uniq -d)" = '' ]
	[ "$(ls)" = m.prom ]
	run -0 cert-check -M metrics
	[[ $output != *"not_after_seconds{"* ]]
	# as root it would replace /dev/stdout
	mkfifo fifo
	ln -s /dev/stdout link
	for file in fifo link .; do
		run -2 --separate-stderr cert-check -M "metrics:$file"
		[[ $stderr == *": is not a regular file: use -M metrics to"* ]]
	done
	[[ -p fifo && -L link ]]
	command -v promtool >/dev/null || skip 'no promtool: not parsed'
	promtool check metrics <m.prom
}

@test "usage: -f and -n only with -r, a name that is none" {
	run -2 cert-check -n
	run -2 cert-check -M x
	run -2 cert-check -e 30
	run -2 --separate-stderr cert-check nosuch a
	[[ $stderr = *'nosuch: there is no such entry'* ]]
	run -0 cert-check - </dev/null
	[ -z "$output" ]
}

# both ARG...: cert-check answers as the program that it runs for an audit.
both() {
	local said

	run "$ROOT/check-store" "$@"
	status_is=$status said=$output
	run cert-check "$@"
	[ "$status $output" = "$status_is $said" ] ||
	    fail "cert-check $*: $status $output, not $status_is $said"
}

# record NAME: the file that says that "ca" has signed the entry.
record() {
	local s

	s=$(cert-show -o serial "$1" | sed 's/^0*//')
	echo "$CERTSTORE/issued/$(cert-show -o spki ca | sed \
	    's/spki://')/${s: -2}/$s.pem"
}

@test "a store from before gets the records of what its CAs have signed" {
	before=$(cert-list -A ca -o fingerprint | wc -l)
	[ "$before" -eq 3 ]
	mv "$CERTSTORE/issued" was
	finds warning a issued-missing
	finds warning b issued-missing b
	run -1 cert-list -A ca
	run -1 cert-check -rn
	[ "$(grep -c "^repairable	.	issued	" <<<"$output")" -eq 2 ]
	[ ! -e "$CERTSTORE/issued" ]
	run -0 cert-check -r
	[ "$(grep -c "^repaired	.	issued	" <<<"$output")" -eq 2 ]
	clean
	run -0 cert-check -r
	[ -z "$output" ]
	# as they were written, but for what was replaced
	run -1 diff -r was "$CERTSTORE/issued"
	[[ $output == "Only in was/"* ]]
	[ "${#lines[@]}" -le 2 ]
	# what a CA elsewhere signed is none of ours
	ca other /CN=other
	sign leaf other /CN=leaf 300 subjectAltName=DNS:x.example.com
	cat leaf.key leaf.crt other.crt | cert-import -q -N x
	clean
	# with the key of that CA, what is imported is recorded
	cat other.key other.crt | cert-import -q -N other
	finds warning x issued-missing
	cert-check -qr
	sign more other /CN=more 300 subjectAltName=DNS:y.example.com
	cat more.key more.crt | cert-import -q -N y
	clean
}

@test "damaged records are repaired of their certificates, or removed" {
	a=$(record a)
	b=$(record b)
	cp "$a" a.was
	cp "$b" b.was
	# a line of a is lost, the writer of b was interrupted
	sed -i '/^kind/d' "$a"
	truncate -s -40 "$b"
	torn=$(dirname "$b")/1$(basename "$b" | tail -c 7)
	: >"$torn"
	run -2 cert-list -A ca
	# seen without reading it
	cp "$b" b.torn
	truncate -s 500 "$b"
	finds warning b issued-missing
	: >"$b"
	finds warning b issued-missing b
	[[ $output == *"is cut short: cert-check -r" ]]
	cp b.torn "$b"
	run -1 cert-check -rn
	[ "$(grep -c "^repairable	@store	issued	" <<<"$output")" -eq 3 ]
	run -0 cert-check -r
	[ "$(grep -c "^repaired	@store	issued	" <<<"$output")" -eq 3 ]
	cmp "$a" a.was
	cmp "$b" b.was
	[ ! -e "$torn" ]
	run -0 cert-check -r
	[ -z "$output" ]
	# a certificate that is whole, but not with this number
	cp "$a" "$b"
	run -1 cert-check -r
	[[ $output == *"@store	issued	"*"restore the file from a backup" ]]
}

@test "-e finds what a CA has signed and no entry has" {
	for n in 1 2 3; do
		cert-create -q -A ca -P client -l 20d -S CN=phone$n phone$n
		sed -i "s/^name .*/name serial:$(cert-show -o serial phone$n |
		    sed 's/^0*//')/" "$(record phone$n)"
	done
	clean -e 10d
	cert-rm -fq phone1 phone2
	finds warning ca issued-expires -e 30d
	[ "$(grep -c issued-expires <<<"$output")" -eq 2 ]
	finds critical ca issued-expires -e 40d,30d
	# the entry that a new one has counts for both
	cert-create -q -A ca -P client -S CN=phone1 phone1
	run -1 cert-check -e 30d
	[ "$(grep -c issued-expires <<<"$output")" -eq 1 ]
	[[ $output == *"CN=phone2, which it has signed (serial:"* ]]
	# nobody uses it once it has expired
	cert-rm -fq phone3
	clean -e 30d -w "$(date -u -d '+25 days' +%F)"
	cert-set -q ca ignore=issued-expires
	clean -e 30d
	# what was made for an entry is of no interest without it
	again
	cert-create -q -A ca -s gone.example.com -l 20d gone
	cert-rm -fq gone
	clean -e 30d
}

@test "an entry that does not say that its CA has revoked it" {
	cert-revoke -q b reason=keyCompromise
	cert-set -q b revoked=
	finds critical b revoked-unmarked
	finds critical b revoked-unmarked b
	run -1 cert-check -r
	grep -q "^repaired	b	revoked	." <<<"$output"
	cert-show -o revoked b | grep -q ' keyCompromise$'
	finds critical b revoked
}

@test "what needs no audit is answered as by one" {
	local args how

	for how in : 'rm -rf "$CERTSTORE"/trust "$CERTSTORE"/.trust@*' \
	    'rm "$CERTSTORE/trust"' 'rm "$CERTSTORE/.links"' \
	    'rm -rf "$CERTSTORE/index"' 'rm -r "$CERTSTORE/certs"' \
	    'rm "$CERTSTORE/certs/a/info"' 'rm -rf "$CERTSTORE"'; do
		again
		eval "$how"
		for args in '-e 30d' '-e 30d -M nagios' '-e 9000d' '-e 1/3' \
		    '-e 0 -w 2099-01-01' '-qe 30d' '-e 30d a' '-e 30d -x'; do
			# shellcheck disable=SC2086  # words are meant
			both $args
		done
	done
	again
	rm -rf "$CERTSTORE/trust" "$CERTSTORE"/.trust@*
	cp "$ROOT/cert-check" .
	run -0 ./cert-check -e 30d
	run -2 ./cert-check
	[[ $output == *check-store*'install certstore again' ]]
}

@test "keys of ACME accounts that others can read, and -r" {
	local account=acme/accounts/ca.example.org file

	mkdir -m 700 "$CERTSTORE/acme" "$CERTSTORE/acme/accounts" \
	    "$CERTSTORE/$account"
	for file in key.pem account lock; do
		(umask 077 && : >"$CERTSTORE/$account/$file")
	done
	run -0 cert-check
	chmod 640 "$CERTSTORE/$account/key.pem"
	run -1 --separate-stderr cert-check
	[[ $output == *"	@store	account-readable	$account/key.pem "* ]]
	run -0 cert-check -r
	[ "$(stat -c %a "$CERTSTORE/$account/key.pem")" = 600 ]
	run -0 cert-check
}

@test "a default that a copy made a directory, and -r" {
	cert-set -q b default=yes
	cp -rL "$CERTSTORE/default" "$CERTSTORE/copied"
	rm "$CERTSTORE/default"
	mv "$CERTSTORE/copied" "$CERTSTORE/default"
	run -1 cert-check
	[[ $output == *"	@store	link-followed	default is a directory"* ]]
	run -0 cert-check -r
	[ "$(readlink "$CERTSTORE/default")" = certs/b ]
}

@test "lines of info that no command writes are told, and do no harm" {
	local line

	cert-create a.example
	cp "$CERTSTORE/certs/a.example/info" info
	for line in san 'san dns' 'san dns x.example' issuing 'issuing 1 2' \
	    other 'other 1'; do
		{ cat info; echo "$line"; } >"$CERTSTORE/certs/a.example/info"
		cert-list -q >/dev/null
		run -1 cert-check a.example
		[[ $output == *$'\ta.example\tinfo-differs\t'* ]] ||
		    fail "$line: $output"
	done
	# what cannot be read of a line about files is as if it were not there
	for line in file 'file ca.pem' 'keyfile cert.pem 1 2'; do
		{ cat info; echo "$line"; } >"$CERTSTORE/certs/a.example/info"
		cert-check a.example
	done
}
