#!/usr/bin/env bats
# kill.bats: each writing command is killed before system calls that can change
# the store, a sample of them.  After each kill readers must see the old or the
# new store, complete; then the next writer must complete or undo the change.
#
# With FAULTS=all it is killed before every system call (make check-faults).

# shellcheck disable=SC2034,SC2154  # faults.bash uses target, sets saved

load helper
load faults

CHANGES=mkdirat,openat,write,fchmod,fsync,symlinkat,renameat,unlinkat,flock

setup() {
	faults_setup
	mends=() unlinked=
	[ "${FAULTS:-}" != all ] || CHANGES=all
}

teardown() {
	faults_teardown
}

# calls COMMAND...: "syscall number" of each call the command makes of CHANGES,
# in ./all, since strace counts each one for itself; those to try in ./some.
calls() {
	strace -f -qq -o trace -e trace="$CHANGES" "$@" >&2 || return 1
	numbered >all
	sample 8 <all >some
}

# sweep COMMAND...: killed at each of these; the input is the file ./input.
sweep() {
	local call n before after at

	before=$(state)
	calls "$@" <input
	after=$(state)
	[ "$before" != "$after" ] || fail "it changes nothing: $*"
	[ "$(wc -l <all)" -ge 30 ] || fail "traced: $(cat all)"
	before=$(printf '%s\n' "$before" | names)
	after=$(printf '%s\n' "$after" | names)
	while read -r call n <&4; do
		at="$call $n"
		restore
		killed "$call" "$n" "$@" <input || return 1
		readable "$at" || return 1
		pair || fail "$at: no pair" || return 1
		now=$(state | names)
		[ "$now" = "$before" ] || [ "$now" = "$after" ] ||
		    fail "$at: neither old nor new: $now" || return 1
		changed "$at" || return 1
		cert-rm -f nobody
		readable "$at, mended" || return 1
		pair || fail "$at, mended: no pair" || return 1
		clean "$at, mended" || return 1
		sound "$at, mended" || return 1
		changed "$at, mended" || return 1
	done 4<some
}

@test "cert-create of a new entry, killed anywhere" {
	target=new
	sweep cert-create -A CA -s new.example.org -s both.example.org new
}

@test "cert-create -f over an entry, killed anywhere" {
	target=serving
	sweep cert-create -f -A CA -s new.example.org -s both.example.org serving
}

@test "cert-create in a store that does not exist yet, killed anywhere" {
	local call n

	calls cert-create -d ./fresh -s a.example.org a
	while read -r call n <&4; do
		rm -rf fresh
		killed "$call" "$n" \
		    cert-create -d ./fresh -s a.example.org a || return 1
		cert-create -d ./fresh -s b.example.org b ||
		    fail "$call $n" || return 1
		CERTSTORE=$PWD/fresh clean "$call $n" || return 1
		! find fresh -type d ! -perm 755 | grep . ||
		    fail "$call $n: mode" || return 1
		cert-match -d ./fresh b.example.org >/dev/null ||
		    fail "$call $n: no match" || return 1
	done 4<some
}

@test "cert-create -R for an entry that has a certificate, killed anywhere" {
	target=serving
	sweep cert-create -R -s old.example.org -s more.example.org serving
}

@test "cert-import of an answer, killed anywhere" {
	answer
	target=waiting
	sweep cert-import
}

@test "cert-import -f over an entry, killed anywhere" {
	cert-create -d ./elsewhere -s old.example.org serving
	cat elsewhere/certs/serving/combined.pem >input
	target=serving
	sweep cert-import -f -N serving
}

@test "cert-set of a tenant, killed anywhere" {
	local group=

	target=serving
	rm "$CERTSTORE/default"
	saved=$BATS_TEST_TMPDIR/saved
	cp -a "$CERTSTORE" "$saved"
	[ "$(id -u)" -ne 0 ] || group=group=daemon
	# shellcheck disable=SC2086  # none is meant
	sweep cert-set serving tenant=t.example.org $group default=yes
	# the default is last
	if [ -n "$group" ]; then
		restore
		killed renameat "$(grep -c '^renameat ' all)" cert-set serving \
		    tenant=t.example.org $group default=yes
		[ ! -e "$CERTSTORE/default" ]
		cert-rm -f nobody
		grouped
		[ "$(cert-set -o group serving)" = group=daemon ]
		cert-set other default=yes
		[ "$(readlink "$CERTSTORE/default")" = certs/other ]
		[ -z "$(find "$CERTSTORE" -name '*@link')" ]
	fi
}

# replaced NAME...: these entries have an earlier certificate, too.
replaced() {
	local name

	for name; do
		cert-create -f -A CA -s "$name.example.org" -s both.example.org \
		    "$name" || return 1
	done
	cert-create -R -s old.example.org serving >/dev/null
	saved=$BATS_TEST_TMPDIR/saved
	cp -a "$CERTSTORE" "$saved"
}

@test "cert-revert, killed anywhere" {
	target=serving
	replaced serving
	sweep cert-revert -f serving
}

@test "cert-renew, killed anywhere" {
	target=serving
	sweep cert-renew -f serving
}

# follows WHEN: what the CA issued has its certificate, the old or the new.
follows() {
	local name

	for name in serving other; do
		cmp "$CERTSTORE/certs/CA/fullchain.pem" \
		    "$CERTSTORE/certs/$name/ca.pem" ||
		    fail "$1: $name has another certificate of its CA" ||
		    return 1
	done
}

@test "cert-renew of a CA, killed anywhere: what it issued follows" {
	local at call n

	calls cert-renew -f CA
	follows after
	run ! cmp -s "$CERTSTORE/certs/CA/fullchain.pem" \
	    "$saved/certs/CA/fullchain.pem"
	{ cat some; grep renameat all; } | sort -u >these
	while read -r call n <&4; do
		at="$call $n"
		restore
		killed "$call" "$n" cert-renew -f CA || return 1
		readable "$at" || return 1
		cert-rm -f nobody
		readable "$at, mended" || return 1
		clean "$at, mended" || return 1
		sound "$at, mended" || return 1
		follows "$at, mended" || return 1
		for target in serving other CA; do
			pair || fail "$at: no pair" || return 1
		done
	done 4<these
}

# together COMMAND...: killed anywhere, and once more in the writer that mends,
# all entries are changed or none is; "state" prints what is compared.
together() {
	local call n at old new now

	old=$(together_state)
	calls "$@" <input
	new=$(together_state)
	[ "$old" != "$new" ] || fail "it changes nothing: $*"
	# and switches of a link
	{ cat some; grep -E 'renameat|symlinkat' all | sample 8; } |
	    sort -u >these
	while read -r call n <&4; do
		at="$call $n"
		restore
		killed "$call" "$n" "$@" <input || return 1
		readable "$at" || return 1
		# in the middle of what the next writer has to do
		sh -c 'strace -f -qq -o /dev/null \
		    -e inject=renameat:signal=KILL:when=2 \
		    cert-rm -f nobody; exit' >/dev/null 2>&1 || :
		readable "$at, killed again" || return 1
		cert-rm -f nobody
		readable "$at, mended" || return 1
		clean "$at, mended" || return 1
		sound "$at, mended" || return 1
		now=$(together_state)
		[ "$now" = "$old" ] || [ "$now" = "$new" ] ||
		    fail "$at: some changed: $now" || return 1
		[ -z "$(ls -A "$CERTSTORE/.pending")" ] ||
		    fail "$at: pending" || return 1
		grouped || fail "$at: a key is open" || return 1
	done 4<these
}

together_state() {
	cert-list -o name,names,tenants
	cert-set -o note,x-a,group CA other serving waiting
}

# grouped: a key that can be read is of an entry with that group.
grouped() {
	local name

	while read -r name; do
		[ -n "$(cert-set -o group "$name")" ] || return 1
	done < <(find "$CERTSTORE/certs" -name privkey.pem -perm /070 |
	    sed 's,.*/[.]\(.*\)@.*,\1,')
}

@test "cert-set of several entries, killed anywhere: all or none" {
	local group=

	[ "$(id -u)" -ne 0 ] || group=group=daemon
	together cert-set other CA waiting serving note=n x-a=1 tenant=t.example
	if [ -n "$group" ]; then
		cert-set other serving "$group"
		saved=$BATS_TEST_TMPDIR/saved
		cp -a "$CERTSTORE" "$saved"
		together cert-set other serving note=n group=
	fi
}

@test "cert-set of very many entries, killed: all or none" {
	local n=100 at call

	# with all there are as many as were promised
	[ "${FAULTS:-}" != all ] || n=10000
	rm -rf "$CERTSTORE"
	"$ROOT/tests/bench/gen" store "$CERTSTORE" 1 "$n"
	cert-list -o name 'e*' >input
	[ "$(wc -l <input)" -eq "$n" ]
	for at in "openat $((n * 3))" "symlinkat $((n / 2))" \
	    'renameat 1' "renameat $((n / 2))" "unlinkat $n"; do
		read -r call at <<<"$at"
		killed "$call" "$at" cert-set - "note=$call$at" <input
		[ "$(cert-list 'e*' | wc -l)" -eq "$n" ]
		cert-rm -f nobody
		[ -z "$(ls -A "$CERTSTORE/.pending")" ]
		cert-set - <input | awk -v n="$n" -v now="note=$call$at" '
		    $2 == now { m++ }
		    END { print m + 0, now; exit m != 0 && m != n }' >>said ||
		    fail "some: $(cat said)"
	done
	# at least one of them before the switch, and one after it
	grep '^0 ' said
	grep "^$n " said
}

@test "cert-revert of several entries, killed anywhere: all or none" {
	replaced serving other
	together cert-revert -f serving other
}

@test "cert-import of several entries, killed anywhere: all or none" {
	cert-create -d ./elsewhere -c root
	cert-create -d ./elsewhere -A root -s new.example.org new
	cert-create -d ./elsewhere -A root -s next.example.org next
	cat elsewhere/certs/{new,next}/combined.pem >input
	together cert-import -f
}

@test "cert-rm, killed anywhere" {
	target=serving
	sweep cert-rm -f serving
}

@test "cert-trust of the first anchor, killed anywhere" {
	target=none
	cert-show -o cert CA >input
	sweep cert-trust add
}

@test "cert-trust of a further anchor, killed anywhere" {
	target=none
	anchors 2
	sweep cert-trust add r3.pem
}

@test "cert-trust of a trust set: the first anchor and one more, killed anywhere" {
	target=none SET=phones
	anchors 2
	cp r1.pem input
	sweep cert-trust -T phones add
	cert-trust -q -T phones add r1.pem
	rm -rf "$saved"
	cp -a "$CERTSTORE" "$saved"
	sweep cert-trust -T phones add r3.pem
}

@test "cert-trust of CRLs and a helper, killed anywhere" {
	target=none SET=phones
	anchors 1
	pki cert i.pem i.key /CN=i days=100 ca=r1.pem key=r1.key \
	    basicConstraints=critical,CA:TRUE -- \
	    crl r1.crl ca=r1.pem key=r1.key number=01 -- \
	    crl i.crl ca=i.pem key=i.key number=01 -- \
	    crl new.crl ca=r1.pem key=r1.key number=02 revoke=i.pem
	cert-trust -q -T phones add r1.pem i.pem r1.crl i.crl
	rm -rf "$saved"
	cp -a "$CERTSTORE" "$saved"
	sweep cert-trust -T phones add new.crl
	[ "$(find "$CERTSTORE/trusts/phones/crls" -type l | wc -l)" -eq 3 ]
}

@test "cert-crl: the first one, and one that is replaced, killed anywhere" {
	local spki

	target=none
	sweep cert-crl CA
	# one more, which is in the file of a CA that CA issued
	cert-create -c -A CA CAbelow
	cert-crl -q CAbelow
	spki=$(cert-show -o spki CA)
	mkdir -p "$CERTSTORE/revoked/${spki#spki:}"
	chmod 755 "$CERTSTORE/revoked" "$CERTSTORE/revoked/${spki#spki:}"
	printf 'certstore 1\nrevoked 1767225600\nissuer %s\n' \
	    "$(sed -n 's/^subjecthash //p' "$CERTSTORE/certs/CA/info")" \
	    >"$CERTSTORE/revoked/${spki#spki:}/5"
	chmod 644 "$CERTSTORE/revoked/${spki#spki:}/5"
	saved=$BATS_TEST_TMPDIR/saved
	cp -a "$CERTSTORE" "$saved"
	unpublished=1
	sweep cert-crl CA
}

# It is three changes: the record, the entry, the CRL.  Whatever was done holds,
# and the next call does the rest.
@test "cert-revoke, killed anywhere: the next one completes it" {
	local call n at serial

	target=none unpublished=1
	serial=$(cert-show -o serial serving | sed 's/^0*//')
	calls cert-revoke serving reason=superseded
	[ "$(wc -l <all)" -ge 40 ] || fail "traced: $(cat all)"
	while read -r call n <&4; do
		at="$call $n"
		restore
		killed "$call" "$n" cert-revoke serving reason=superseded ||
		    return 1
		readable "$at" || return 1
		pair || fail "$at: no pair" || return 1
		if ls "$CERTSTORE"/revoked/*/"$serial" >/dev/null 2>&1; then
			cert-check -qr || [ $? -eq 1 ]
			[ -n "$(cert-show -o revoked serving)" ] ||
			    fail "$at: recorded, and not to be seen" || return 1
		fi
		cert-revoke -q serving reason=superseded ||
		    fail "$at: not completed" || return 1
		[ -n "$(cert-show -o revoked serving)" ] ||
		    fail "$at: the entry does not say so" || return 1
		openssl crl -noout -text -in "$CERTSTORE/crl/CA.pem" |
		    grep -qi "serial number: 0*$serial" ||
		    fail "$at: not published" || return 1
		sound "$at, completed" || return 1
	done 4<some
}

@test "cert-sign, killed anywhere: nothing signed that is not recorded" {
	local at call n

	target=none
	requests a b
	CHANGES=$CHANGES,syncfs,link,rename,unlink
	[ "${FAULTS:-}" != all ] || CHANGES=all
	calls cert-sign -A CA "$outside/a.csr" "$outside/b.csr"
	[ "$(wc -l <all)" -ge 30 ] || fail "traced: $(cat all)"
	while read -r call n <&4; do
		at="$call $n"
		restore
		rm -f "$outside"/*.crt "$outside"/.*.crt.*
		killed "$call" "$n" cert-sign -A CA "$outside/a.csr" \
		    "$outside/b.csr" || return 1
		readable "$at" || return 1
		signed "$at" a b || return 1
		cert-rm -f nobody
		clean "$at" || return 1
		sound "$at" || return 1
		changed "$at" || return 1
		cert-sign -f -A CA "$outside/a.csr" "$outside/b.csr" ||
		    fail "$at: again" || return 1
		[ -e "$outside/a.crt" ] && [ -e "$outside/b.crt" ]
		signed "$at, again" a b || return 1
		sound "$at, again" || return 1
	done 4<some
}

@test "cert-export, killed anywhere: the file is the old or the new one" {
	local at call n

	target=none
	export_setup
	CHANGES=$CHANGES,rename,unlink
	[ "${FAULTS:-}" != all ] || CHANGES=all
	calls cert-export -f -E pass serving "$outside/file"
	# its passphrase is derived slowly
	sample 3 <all >some
	[ "$(wc -l <all)" -ge 15 ] || fail "traced: $(cat all)"
	while read -r call n <&4; do
		at="$call $n"
		restore
		rm -f "$outside"/.file.*
		echo precious >"$outside/file"
		killed "$call" "$n" cert-export -f -E pass serving \
		    "$outside/file" || return 1
		exported "$at" || return 1
		readable "$at" || return 1
		cert-export -f -E pass serving "$outside/file" ||
		    fail "$at: again" || return 1
		[ "$(cat "$outside/file")" != precious ]
		exported "$at, again" || return 1
		clean "$at, again" || return 1
		sound "$at, again" || return 1
		changed "$at, again" || return 1
	done 4<some
}

@test "cert-trust update to another list of many, killed anywhere" {
	target=none
	anchors 16
	tail -n +10 roots | sed -n '/BEGIN/,$p' >input
	cat r18.pem >>input
	# one syncfs(2) for all files
	[ "${FAULTS:-}" = all ] || CHANGES=mkdirat,fsync,syncfs,renameat,unlinkat
	sweep cert-trust update -
	grep syncfs all
}

# again COMMAND...: the writer that mends what is in ./broken is killed, too;
# the next one then does it.  It is ${mends[@]}.  COMMAND... says what must hold after.
again() {
	local at call n

	[ "${#mends[@]}" -gt 0 ] || mends=(cert-rm -f nobody)
	rm -rf broken
	cp -a "$CERTSTORE" broken
	calls "${mends[@]}"
	while read -r call n <&4; do
		at="$call $n"
		rm -rf "$CERTSTORE"
		cp -a broken "$CERTSTORE"
		: >"$CERTSTORE/.lock"
		killed "$call" "$n" "${mends[@]}" || return 1
		[ ! -L "$CERTSTORE/.links" ] || [ -n "$unlinked" ] ||
		    readable "$at" || return 1
		"${mends[@]}" >&2 || fail "$at: then" || return 1
		# after names, what is not of an entry
		[ -z "$unlinked" ] || cert-check -r >&2 || return 1
		readable "$at, mended" || return 1
		clean "$at, mended" || return 1
		sound "$at, mended" || return 1
		changed "$at, mended" || return 1
		"$@" || fail "$at: $*" || return 1
	done 4<some
}

default_is() {
	[ "$(readlink "$CERTSTORE/default")" = "$1" ]
}

@test "the writer that completes a replacement, killed anywhere" {
	target=serving
	cert-create -f -A CA -s mid.example.org serving
	cp -a "$CERTSTORE" mid
	saved=$PWD/mid
	strace -f -qq -o trace -e trace=fsync \
	    cert-create -f -A CA -s new.example.org -s both.example.org serving
	restore
	# the last but one of them, of combined/: the link leads to the new one
	killed fsync "$(wc -l <trace)" cert-create -f -A CA \
	    -s new.example.org -s both.example.org serving
	[ "$(readlink "$CERTSTORE/certs/serving")" = .serving@3 ]
	again default_is certs/serving
}

@test "the writer that completes a removal, killed anywhere" {
	target=serving
	strace -f -qq -o trace -e trace=fsync cert-rm -f serving
	restore
	killed fsync "$(($(wc -l <trace) - 1))" cert-rm -f serving
	[ ! -L "$CERTSTORE/certs/serving" ]
	again default_is ""
}

@test "the writer that completes a change of the anchors, killed anywhere" {
	target=none
	anchors 2
	strace -f -qq -o trace -e trace=unlinkat cert-trust add r3.pem
	restore
	# switched, and the generation before the last is about to go
	killed unlinkat "$(($(wc -l <trace) / 2))" cert-trust add r3.pem
	[ "$(readlink "$CERTSTORE/trust")" = .trust@4 ]
	again three_anchors
}

three_anchors() {
	[ "$(grep -c BEGIN "$CERTSTORE/trust/bundle.pem")" -eq 3 ]
}

@test "cert-check -r of a missing index, killed anywhere" {
	target=none
	rm -r "$CERTSTORE/index"
	mends=(cert-check -r)
	again default_is certs/serving
}

@test "cert-check -r of a copy without links, killed anywhere" {
	target=none
	anchors 3
	cp -RLp "$CERTSTORE" copy
	rm -rf "$CERTSTORE"
	mv copy "$CERTSTORE"
	[ "${FAULTS:-}" = all ] || CHANGES=syncfs,symlinkat,renameat,unlinkat
	mends=(cert-check -r)
	again default_is certs/serving
}

# The key of the generation that no entry has is not lost.
key_is_kept() {
	sed '/END .*KEY/q' "$CERTSTORE"/lost/*.pem |
	    cmp - elsewhere/certs/waiting/privkey.pem
}

@test "cert-check -r of entries after a restore, killed anywhere" {
	target=none unlinked=yes
	cert-create -d ./elsewhere -s wait.example.org waiting
	cp -a elsewhere/certs/.waiting@1 "$CERTSTORE/certs/.waiting@9"
	rm "$CERTSTORE/certs/other" "$CERTSTORE/certs/serving"
	mv "$CERTSTORE/certs/.serving@1" "$CERTSTORE/certs/serving"
	chmod 644 "$CERTSTORE/certs/CA/privkey.pem"
	mends=(cert-check -r CA other serving waiting)
	[ "${FAULTS:-}" = all ] || CHANGES=write,renameat
	again key_is_kept
}

settings() {
	cert-set @new @store
	readlink "$CERTSTORE/default"
}

@test "cert-set of settings and of the default entry, killed anywhere" {
	local at call n old new is

	old=$(settings)
	while read -r -a change <&5; do
		restore
		calls cert-set "${change[@]}"
		new=$(settings)
		while read -r call n <&4; do
			at="${change[*]}: $call $n"
			restore
			killed "$call" "$n" cert-set "${change[@]}" || return 1
			readable "$at" || return 1
			is=$(settings)
			[ "$is" = "$old" ] || [ "$is" = "$new" ] ||
			    fail "$at: $is" || return 1
			[ "$is" = "$old" ] ||
			    grep -q -e '"entry":"@new"' -e '"reason":"default"' \
			    "$CERTSTORE/log" ||
			    fail "$at: no line of the log" || return 1
			cert-check -r >&2
			[ "$(settings)" = "$is" ] || fail "$at: mended"
			clean "$at, mended" || return 1
			cert-check || fail "$at: wrong" || return 1
			cert-set "${change[@]}" >&2 ||
			    fail "$at: again" || return 1
			[ "$(settings)" = "$new" ] || fail "$at: not made"
		done 4<some
	done 5<<-'EOT'
		@new @store x-a=2
		other default=yes
	EOT
}

@test "cert-deploy, killed anywhere: what was not told is told by the next one" {
	local at call n

	target=none
	cert-set -q serving user=web
	mkdir "$CERTSTORE/hooks"
	printf '#!/bin/sh\ncat >>%s/told\n' "$PWD" >"$CERTSTORE/hooks/web"
	chmod 755 "$CERTSTORE/hooks/web"
	saved=$BATS_TEST_TMPDIR/saved
	rm -rf "$saved"
	cp -a "$CERTSTORE" "$saved"
	calls cert-deploy -q
	[ -s told ]
	while read -r call n <&4; do
		at="$call $n"
		restore
		rm -f told
		killed "$call" "$n" cert-deploy -q || return 1
		readable "$at" || return 1
		cert-deploy -q || fail "$at: then $?" || return 1
		[ -s told ] || fail "$at: the hook was not run" || return 1
		run -1 cert-deploy -qx
		clean "$at, told" || return 1
		sound "$at, told" || return 1
		changed "$at, told" || return 1
	done 4<some
}
