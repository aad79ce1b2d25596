#!/usr/bin/env bats
# suites.bats: external test suites, if they are installed: every test passes,
# or tests/suites/reasons has the reason.

load helper

SUITES=$BATS_TEST_DIRNAME/suites

@test "PKITS" {
	dir=/usr/lib/python3/dist-packages/cryptography_vectors/x509/PKITS_data
	dir=${PKITS:-$dir}
	[ -d "$dir" ] ||
	    skip "PKITS: sh tests/deps.sh suites brings it"
	"$SUITES/pkits" -q -c "$BIN/cert-verify" "$dir"
}

@test "x509-limbo" {
	[ -n "${LIMBO:-}" ] ||
	    skip "x509-limbo: set LIMBO to x509-limbo.json"
	"$SUITES/limbo" -q -c "$BIN/cert-verify" "$LIMBO"
}
