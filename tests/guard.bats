#!/usr/bin/env bats
# guard.bats: how many instructions a command takes, by callgrind: figures
# that no noise touches (tests/bench/README has those that noise does).

load helper

setup() {
	common_setup
	# callgrind would count the sanitizers, if it could run them
	[ -z "${CERTSTORE_SANITIZE:-}" ] || uncounted "built with sanitizers"
	command -v valgrind >/dev/null || uncounted "valgrind is not installed"
	cert-create -c ca
	add 1 2 3
}

uncounted() {
	echo "# INSTRUCTIONS ARE NOT COUNTED: $1" >&3
	skip "instructions are not counted: $1"
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
	echo "# $1: $count instructions, $2 allowed"
	[ "$count" -le "$2" ] || fail "$1 takes $count instructions, over $2"
}

@test "a match takes at most 250,000 instructions" {
	instructions cert-match www.e2.example.com
	[ "$(cut -f 1 "$BATS_TEST_TMPDIR/out")" = e2.example.com ]
	guard "a hit" 250000
}

@test "no match takes at most 250,000 instructions" {
	instructions cert-match absent.example.com
	[ ! -s "$BATS_TEST_TMPDIR/out" ]
	guard "a miss" 250000
}

@test "a listed entry takes at most 20,000 instructions" {
	local few

	instructions cert-list
	few=$count
	add 4 5 6 7 8 9
	instructions cert-list
	[ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -eq 10 ]
	count=$(((count - few) / 6))
	guard "an entry" 20000
}
