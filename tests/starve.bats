#!/usr/bin/env bats
# starve.bats: each allocation of a whole command fails once, and then all from
# there on, for a sample of them: it gives the right answer, or status 2 and says
# why.  tests/test-memory does the same to calls of the library.
#
# With FAULTS=all each allocation fails (make check-faults).

load helper
load pki
load faults

setup() {
	common_setup
	[ -z "${CERTSTORE_SANITIZE:-}" ] ||
	    skip "the sanitizers have a malloc of their own"
	cert-create -c CA
	cert-create -A CA -s a.example -s b.example a
	cp "$CERTSTORE/certs/CA/cert.pem" ca.pem
	cp "$CERTSTORE/certs/a/fullchain.pem" a.pem
	# what is printed must not depend on the second
	later=@$(($(date +%s) + 3600))
}

# starved WHICH COMMAND...: with these allocations failing; sets status.
starved() {
	status=0
	LD_PRELOAD=$ROOT/tests/starve.so STARVE=$1 "${@:2}" \
	    >printed 2>said </dev/null || status=$?
}

# truthful UNKNOWN COMMAND...: UNKNOWN is its status when it cannot tell.
truthful() {
	local n right=0 unknown=$1 which

	shift
	"$@" >right 2>&1 </dev/null || right=$?
	starved 0 "$@"
	n=$(tail -n 1 said)
	[ "$n" -ge 10 ] || fail "$n allocations: $*"
	for which in $(seq "$n" | sample 15) $(seq 1 10 "$n" | sed 's/$/+/' |
	    sample 8); do
		starved "$which" "$@"
		case $status in
		"$unknown") [ -s said ] || grep -q UNKNOWN printed ||
		    fail "$which: says nothing: $*" || return 1 ;;
		"$right") cat said printed | cmp -s - right ||
		    fail "$which: $(cat said printed)" || return 1 ;;
		*) fail "$which: $status, not $right: $(cat said printed)" ||
		    return 1 ;;
		esac
	done
}

@test "cert-verify without memory never calls a certificate bad or good" {
	truthful 2 cert-verify -v -T ca.pem -H a.example a
	truthful 2 cert-verify -j -T ca.pem -H other.example -i a.pem
}

@test "cert-show without memory shows all or fails" {
	truthful 2 cert-show -i a.pem
}

@test "cert-check without memory finds what there is, or nothing" {
	truthful 2 cert-check -w "$later" a
	truthful 3 cert-check -M nagios -w "$later" a
}

@test "cert-match and cert-list without memory" {
	truthful 2 cert-match a.example
	truthful 2 cert-list -e 1000d
}

@test "cert-report without memory" {
	truthful 2 cert-report -w "$later"
}

@test "a writer without memory says so, and never crashes" {
	local which

	for which in $(seq 60 | sample 20) $(seq 100 10000 | sample 20); do
		starved "$which" cert-create -f -A CA -s a.example a
		[ "$status" -eq 0 ] || { [ "$status" -eq 2 ] && [ -s said ]; } ||
		    fail "$which: $status: $(cat said)"
		cert-match a.example >/dev/null
	done
}
