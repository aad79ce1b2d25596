#!/usr/bin/env bats
# suites.bats: external test suites, if they are installed: every test passes,
# or tests/suites/reasons has the reason.

load helper

SUITES=$BATS_TEST_DIRNAME/suites

# A missing suite is reported as skipped, not as passed.
absent() {
	echo "# suites.bats: $1" >&3
	skip "$1"
}

@test "PKITS" {
	dir=/usr/lib/python3/dist-packages/cryptography_vectors/x509/PKITS_data
	dir=${PKITS:-$dir}
	[ -d "$dir" ] ||
	    absent "PKITS: sh tests/deps.sh suites brings it"
	"$SUITES/pkits" -q -c "$BIN/cert-verify" "$dir"
}

@test "x509-limbo" {
	[ -n "${LIMBO:-}" ] ||
	    absent "x509-limbo: set LIMBO to x509-limbo.json"
	"$SUITES/limbo" -q -c "$BIN/cert-verify" "$LIMBO"
}
