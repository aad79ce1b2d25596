#!/usr/bin/env bats
# suites.bats: the outside suites, where they are there: all right, or
# tests/suites/reasons says why not.

load helper

SUITES=$BATS_TEST_DIRNAME/suites

# An optional package is not to pass in silence.
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
