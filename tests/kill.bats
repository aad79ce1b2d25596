#!/usr/bin/env bats
# Each writing command is killed before every system call that can change
# something.  After each kill the store is read as it is (old or new, whole),
# then the next writer finishes what is pending.
#
# FAULTS=all kills at every system call there is (make check-faults).

load helper
load faults

CHANGES=mkdirat,openat,write,fchmod,fsync,symlinkat,renameat,unlinkat,flock

setup() {
	faults_setup
	[ "${FAULTS:-}" != all ] || CHANGES=all
}

teardown() {
	faults_teardown
}

# calls COMMAND...: "syscall count" of each call the command makes of CHANGES,
# since strace counts each one for itself.
calls() {
	strace -f -qq -o trace -e trace="$CHANGES" "$@" >&2 || return 1
	sed -n 's/^[0-9]* *\([a-z_0-9]*\)(.*/\1/p' trace | sort | uniq -c |
	    awk '{ print $2, $1 }'
}

# killed SYSCALL N COMMAND...: killed before its Nth of these.
killed() {
	local call=$1 n=$2

	shift 2
	# a shell of its own keeps the notice of the kill to itself
	sh -c 'strace -f -qq -o /dev/null -e inject="$0" "$@"; exit' \
	    "$call:signal=KILL:when=$n" "$@" >/dev/null 2>&1 &&
	    fail "$call $n: not killed"
	return 0
}

# sweep COMMAND...: killed at each call; the input is the file ./input.
sweep() {
	local call last n before after at

	before=$(state)
	calls "$@" <input >counts
	after=$(state)
	[ "$before" != "$after" ] || fail "it changes nothing: $*"
	[ "$(wc -l <counts)" -ge 6 ] || fail "traced: $(cat counts)"
	before=$(printf '%s\n' "$before" | names)
	after=$(printf '%s\n' "$after" | names)
	while read -r call last <&4; do
		for n in $(seq "$last"); do
			at="$call $n of $last"
			restore
			killed "$call" "$n" "$@" <input || return 1
			readable "$at" || return 1
			now=$(state | names)
			[ "$now" = "$before" ] || [ "$now" = "$after" ] ||
			    fail "$at: neither old nor new: $now" || return 1
			changed "$at" || return 1
			cert-rm -f nobody
			readable "$at, mended" || return 1
			clean "$at, mended" || return 1
			changed "$at, mended" || return 1
		done
	done 4<counts
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
	local call last n

	calls cert-create -d ./fresh -s a.example.org a >counts
	while read -r call last <&4; do
		for n in $(seq "$last"); do
			rm -rf fresh
			killed "$call" "$n" \
			    cert-create -d ./fresh -s a.example.org a || return 1
			cert-create -d ./fresh -s b.example.org b ||
			    fail "$call $n" || return 1
			CERTSTORE=$PWD/fresh clean "$call $n" || return 1
			cert-match -d ./fresh b.example.org >/dev/null ||
			    fail "$call $n: no match" || return 1
		done
	done 4<counts
}

@test "cert-create -R for an entry that serves, killed anywhere" {
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

@test "cert-rm, killed anywhere" {
	target=serving
	sweep cert-rm -f serving
}
