#!/usr/bin/env bats
# guard.bats: limits for instructions, counted by callgrind, and for system
# calls on the store, counted by strace.  These figures do not depend on the
# load of the machine; for times see tests/bench/README.

load helper
load pki

setup() {
	common_setup
	# how often a disk is waited for depends on the file system
	if [ -w /dev/shm ]; then
		memory=$(mktemp -d /dev/shm/certstore.XXXXXX)
		CERTSTORE=$memory/store
	fi
	# callgrind would count the sanitizers, if it could run them
	[ -z "${CERTSTORE_SANITIZE:-}" ] || uncounted "built with sanitizers"
	case $BATS_TEST_DESCRIPTION in
	*instructions) command -v valgrind >/dev/null ||
	    uncounted "valgrind is not installed" ;;
	*) strace -o /dev/null true || uncounted "strace cannot trace here" ;;
	esac
	cert-create -c ca
	add 1 2 3
}

teardown() {
	rm -rf "${memory:-}"
	common_teardown
}

uncounted() {
	echo "# NOT COUNTED: $1" >&3
	skip "not counted: $1"
}

# add NUMBER...: entries with two names.
add() {
	local i

	for i; do
		cert-create -A ca -s "e$i.example.com" \
		    -s "www.e$i.example.com" "e$i.example.com"
	done
}

# instructions COMMAND...: how many it took, in $count.
instructions() {
	valgrind --tool=callgrind --callgrind-out-file=/dev/null \
	    --log-file="$BATS_TEST_TMPDIR/log" "$@" >"$BATS_TEST_TMPDIR/out" ||
	    [ $? -eq 1 ] || return 1
	count=$(sed -n 's/.*Collected : //p' "$BATS_TEST_TMPDIR/log")
	[ -n "$count" ] || fail "callgrind gave no count"
}

# guard WHAT MOST: $count against the most that is allowed.
guard() {
	echo "# $1: $count, $2 allowed"
	[ "$count" -le "$2" ] || fail "$1 takes $count, over $2"
}

# syscalls WHICH COMMAND...: how many of them it makes on the store, in $count.
syscalls() {
	local which=$1

	shift
	strace -y -qq -o trace -e trace="$which" "$@" >"$BATS_TEST_TMPDIR/out" ||
	    [ $? -eq 1 ] || return 1
	count=$(grep -c "$CERTSTORE" trace)
}

@test "a match takes at most 250,000 instructions" {
	instructions cert-match www.e2.example.com
	[ "$(cut -f 1 "$BATS_TEST_TMPDIR/out")" = e2.example.com ]
	guard "a hit" 250000
}

@test "a host without a match takes at most 250,000 instructions" {
	instructions cert-match absent.example.com
	[ ! -s "$BATS_TEST_TMPDIR/out" ]
	guard "a miss" 250000
}

@test "a listed entry takes at most 12,000 instructions" {
	local few

	instructions cert-list
	few=$count
	add 4 5 6 7 8 9
	instructions cert-list
	[ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -eq 10 ]
	count=$(((count - few) / 6))
	guard "an entry" 12000
}

@test "a number takes as many system calls with 6 more entries" {
	local few

	cert-create -A ca -P shaken -s tel:12155550000+100 numbers
	aged
	syscalls all cert-match tel:12155550007
	few=$count
	add 4 5 6 7 8 9
	aged
	syscalls all cert-match tel:12155550007
	guard "a number" "$few"
}

# aged: what was made just now is looked at closely: see cs_store_refresh().
aged() {
	sleep 3.1
}

@test "a listed entry takes five system calls: open, read, close, two stats" {
	local few

	syscalls all cert-list
	few=$count
	add 4 5 6 7 8 9
	syscalls all cert-list
	[ "$((count - few))" -eq 30 ]
}

@test "an entry that is right takes at most 24 system calls of cert-check" {
	local few

	add 4
	syscalls all cert-check
	few=$count
	add 5 6 7 8 9
	syscalls all cert-check
	count=$(((count - few) / 5))
	guard "an entry" 24
}

@test "an entry that is not pending costs cert-deploy no more than cert-list" {
	local few

	mkdir "$CERTSTORE/hooks"
	printf '#!/bin/sh\n' >"$CERTSTORE/hooks/web"
	chmod 755 "$CERTSTORE/hooks/web"
	cert-set -q e1.example.com user=web
	# a user is told with two files synced: ledger and directory
	cert-deploy -q
	cert-create -q -A ca -f -s e1.example.com e1.example.com
	syscalls fsync,fdatasync,syncfs cert-deploy -q
	[ "$count" -eq 2 ]
	syscalls all cert-deploy
	few=$count
	add 4 5 6 7 8 9
	syscalls all cert-deploy
	[ "$((count - few))" -eq 30 ]
	syscalls fsync,write,mkdir,mkdirat,renameat,flock cert-deploy ||
	    [ "$count" -eq 0 ]
}

@test "the system calls of a match" {
	local one

	aged
	syscalls all cert-match www.e2.example.com
	one=$count
	guard "a hit" 18
	syscalls all cert-match www.e2.example.com e1.example.com
	count=$((count - one))
	guard "a further question" 9
	syscalls all cert-match absent.example.com
	guard "a miss" 18
}

@test "what expires later costs cert-list -e nothing" {
	local few

	aged
	syscalls all cert-list -e 30d
	few=$count
	instructions cert-list -e 30d
	guard "none, in instructions," 244000
	add 4 5 6 7 8 9
	aged
	syscalls all cert-list -e 30d
	[ "$count" -eq "$few" ]
	guard "none" 18
}

@test "what expires later costs cert-check -e nothing, and no libcrypto" {
	local few

	aged
	syscalls all cert-check -e 30d
	few=$count
	instructions cert-check -e 30d
	guard "none, in instructions," 260000
	add 4 5 6 7 8 9
	aged
	syscalls all cert-check -e 30d
	[ "$count" -eq "$few" ]
}

@test "trust sets cost cert-check -e no libcrypto until something ends" {
	local sets

	pki cert A.crt A.key /CN=A from=20260101000000Z to=20991231000000Z \
	    basicConstraints=critical,CA:TRUE
	pki cert B.crt B.key /CN=B from=20260101000000Z to=20270101000000Z \
	    basicConstraints=critical,CA:TRUE
	cert-trust -q add A.crt
	cert-trust -q -T phones add A.crt
	aged
	instructions cert-check -e 30d
	guard "with two trust sets, in instructions," 330000
	# a file that was added is parsed
	sets=$CERTSTORE/trust
	cp B.crt "$sets/B.pem"
	run -1 cert-check -e 2027-06-01
	[[ $output = *"@trust	expire"*"the anchor B"* ]]
}

@test "the number of fsyncs of a writer" {
	cert-create -d ./from -s n.example.com -s www.n.example.com n
	cat from/certs/n/combined.pem >n.pem
	aged
	syscalls all cert-import n.pem
	guard "an import" 194
	[ "$(grep -c '^fsync' trace)" -eq 15 ]
	syscalls all cert-rm n.example.com
	guard "a removal" 143
	[ "$(grep -c '^fsync' trace)" -eq 3 ]
	syscalls fsync,syncfs cert-rm e2.example.com e3.example.com
	guard "syncs of a removal of two" 3
	syscalls all cert-import -f -N e1.example.com n.pem
	guard "an import that replaces all names" 231
	[ "$(grep -c '^fsync' trace)" -eq 13 ]
}

@test "a change of properties waits as often as an import, and once for many" {
	cert-set e1.example.com note=one
	aged
	syscalls all cert-set e1.example.com note=two
	guard "a change" 237
	[ "$(grep -c '^fsync' trace)" -eq 11 ]
	syscalls all cert-set e1.example.com note=two
	guard "no change" 96
	[ "$(grep -c '^fsync' trace)" -eq 0 ]
	syscalls fsync,syncfs cert-set ca e1.example.com e2.example.com note=x
	guard "syncs of three" 28
	add 4 5 6 7 8 9 10 11 12 13 14 15 16 17
	cert-list -o name 'e*' >names
	syscalls fsync,syncfs cert-set - note=many <names
	guard "syncs of 17" 3
	syscalls fsync,syncfs cert-set @new @store note=x
	guard "syncs of settings" 2
	cert-create -f -A ca -s e1.example.com -s www.e1.example.com \
	    e1.example.com
	aged
	syscalls all cert-revert e1.example.com
	guard "a revert" 262
	[ "$(grep -c '^fsync' trace)" -eq 12 ]
}

# What libcrypto takes by itself differs from version to version.
libcrypto30() {
	case $(openssl version) in
	"OpenSSL 3.0."*) ;;
	*) uncounted "libcrypto is not OpenSSL 3.0" ;;
	esac
}

# Of these libcrypto takes 2.6 to be loaded and 2 to be initialised.
@test "importing an entry takes at most 18,000,000 instructions" {
	libcrypto30
	cert-create -d other -c root
	cert-create -d other -A root -s a.example.com a.example.com
	cert-show -d other -o cert root | cert-import
	instructions cert-import other/certs/a.example.com/combined.pem
	guard "an import" 18300000
}

@test "making a certificate takes at most 26,000,000 instructions" {
	libcrypto30
	instructions cert-create -A ca -s n.example.com n.example.com
	guard "cert-create -A" 26000000
	instructions cert-create -u -A ca -s n.example.com n.example.com
	guard "cert-create -u, nothing to do," 5000000
}

@test "a verification takes no more instructions with 200 anchors than with 2" {
	local few

	printf '%s\n' 'chain.pem leaf I' 'chain.pem I R' 'few/R.pem R R' \
	    'few/0.pem X0 X0' 'many/R.pem R R' 'many/%.pem X% X% times=199' \
	    >lines
	mkdir few many
	"$ROOT/tests/forge" <lines
	openssl rehash few many
	instructions cert-verify -T ./few -w 2026-06-01 -H leaf.example.com \
	    -i chain.pem
	few=$count
	instructions cert-verify -T ./many -w 2026-06-01 -H leaf.example.com \
	    -i chain.pem
	guard "200 anchors" $((few + few / 20))
}

# None is verified to tell what it is: that takes 400,000 with P-256.
@test "showing a root takes at most 1,600,000 instructions" {
	local one

	libcrypto30
	cert-show -o cert ca >one.pem
	cat one.pem one.pem one.pem one.pem one.pem >five.pem
	instructions cert-show -i one.pem
	one=$count
	instructions cert-show -i five.pem
	[ "$(grep -c ca "$BATS_TEST_TMPDIR/out")" -ge 5 ]
	count=$(((count - one) / 4))
	guard "a root" 1600000
}

# One decoded, one signature verified: the CAs are the same.
@test "verifying an entry takes at most 2,800,000 instructions" {
	local one

	libcrypto30
	cert-create -c -A ca sub
	for i in 5 6 7 8 9; do
		cert-create -A sub -s "e$i.example.com" "e$i.example.com"
	done
	cert-show -o cert ca | cert-trust -q add -
	sleep 3 # what changed just now is read again for each
	instructions cert-verify e5.example.com
	one=$count
	instructions cert-verify e{5,6,7,8,9}.example.com
	count=$(((count - one) / 4))
	guard "an entry" 2800000
}

# Two passes over info, and a row: not three times as many.  The rest is the start
# of libcrypto, 8 million.
@test "a report takes at most 3.9 times a list of instructions" {
	local list

	shared thousand thousand
	instructions cert-list -d "$shared/store"
	list=$count
	instructions cert-report -d "$shared/store"
	[ "$(grep -c '<tr id="e-' "$BATS_TEST_TMPDIR/out")" -eq 1011 ]
	guard "a report of 1,011 entries" $((list * 39 / 10))
}
