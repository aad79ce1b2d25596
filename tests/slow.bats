#!/usr/bin/env bats
# slow.bats: a store on a file system where each small call is waited for:
# entries are read side by side, and what is said stays the same.

load helper

setup() {
	common_setup
	[ -z "${CERTSTORE_SANITIZE:-}" ] ||
	    skip "a preloaded library and the sanitizers do not go together"
	"$ROOT/tests/bench/gen" store "$CERTSTORE" 1 200
	# one that no thread can read
	cert-create -s www.example.com www
	echo >>"$CERTSTORE/certs/www/fullchain.pem"
}

# slow MICROSECONDS BUSY COMMAND...: what the command says, and its status; in
# ./threads how many threads read.
slow() {
	local status=0

	SLOW=$1 BUSY=$2 LD_PRELOAD=$ROOT/tests/slow.so "${@:3}" \
	    >out 2>err || status=$?
	cat out
	grep -v '^threads ' err || :
	echo "status $status"
	sed -n 's/^threads //p' err >threads
}

same() {
	slow 0 0 "$@" >want
	[ "$(cat threads)" = "0 at once 1" ]
	# work is not waiting
	slow 0 1000 "$@" >busy
	diff want busy
	[ "$(cat threads)" = "0 at once 1" ]
	slow 1000 0 "$@" >got
	diff want got
	grep ' at once [89]\| at once 1[0-6]' threads
	run ! grep '^0 ' threads
}

@test "cert-list" {
	same cert-list -o name,names,ends,fingerprint
	grep 'changed by hand' got
	[ "$(grep -c example got)" -ge 200 ]
}

@test "cert-list -e" {
	same cert-list -e 3650d
}

@test "cert-check" {
	for n in 3 150; do
		chmod 644 "$CERTSTORE/certs/e$(printf %07d $n)/privkey.pem"
	done
	same cert-check
	[ "$(grep -c key-readable got)" -eq 2 ]
}

@test "cert-renew -n" {
	same cert-renew -n
}
