#!/usr/bin/env bats
# acmekill.bats: cert-acme that is killed at a request to the CA, or whose entry
# is changed by others meanwhile; cert-account and cert-revoke with an account,
# killed at a system call, with one that fails, and in a power cut.  With
# FAULTS=all at each request and each call and by each method, else at a sample
# of them (make check-faults).

# shellcheck disable=SC2154  # run --separate-stderr sets stderr

load helper
load pki
load servers
load faults
load acmemock

# Its name is proved by a file, by a hook that keeps a list, or by a responder.
setup() {
	mock_setup
	mkdir web "$CERTSTORE/hooks"
	cat >"$CERTSTORE/hooks/keep" <<-EOT
		#!/bin/sh
		list=$PWD/list
		touch \$list
		grep -vxF "\$3 \$6" \$list >\$list.new
		[ "\$1" != add ] || echo "\$3 \$6" >>\$list.new
		mv \$list.new \$list
	EOT
	chmod 755 "$CERTSTORE/hooks/keep"
	port=$(freeport)
	methods=("webroot:$PWD/web" hook:http-01:keep "http:127.0.0.1:$port")
	rules "${pending[@]}"
	: >"$mock/all"
	cert-acme -A mock -m "${methods[0]}" -s 127.0.0.1 -s 127.0.0.2 whole
	second=(cert-account -uy -T "$shared/bed.crt" new second
	    directory="$directory")
	requests=$(wc -l <"$mock/all")
	[ "$requests" -eq 12 ]
}

pending=('order * state pending')

# issue NAME METHOD: as a command that the server can kill.
issue() {
	# shellcheck disable=SC2016  # as it stands
	sh -c 'echo $$ >"$0"; exec "$@"' "$mock/pid" \
	    cert-acme -u -A mock -m "$2" -s 127.0.0.1 -s 127.0.0.2 "$1"
}

# clean NAME: nothing is left of an order.
clean() {
	[ -z "$(ls -A web)" ] || fail "$1: $(find web)"
	[ ! -s list ] || fail "$1: $(cat list)"
	! grep -s setup "$CERTSTORE/acme/orders/$1/state" || fail "$1: a set-up"
	! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null ||
	    fail "$1: a listener"
	[ -z "$(litter "$CERTSTORE")" ] || fail "$1: $(litter "$CERTSTORE")"
}

# total RESOURCE: in the log of the run that was killed and of the next one.
total() {
	cat killed.log "$mock/log" | grep -c "^$1 " || :
}

# killed NAME METHOD N WHEN: one order, one key, no trace after the next run.
killed() {
	local key=
	local what="$2, killed $4 request $3"

	rules "${pending[@]}" "any $3 kill $4"
	issue "$1" "$2" >/dev/null 2>&1 && fail "$what: it ended"
	cp "$mock/log" killed.log
	[ ! -e "$CERTSTORE/certs/$1/request.key" ] ||
	    key=$(sha256sum <"$CERTSTORE/certs/$1/request.key")
	rules "${pending[@]}"
	run --separate-stderr issue "$1" "$2"
	[ "$status" -eq 0 ] || fail "$what: $stderr"
	[ "$output" = "$1" ] || fail "$what: $output$stderr"
	[ "$(total finalize)" -eq 1 ] || fail "$what: $(cat killed.log)"
	# one of which the client could not know
	[ "$(total order)" -eq 1 ] ||
	    [ "$4 $(tail -1 killed.log | cut -d ' ' -f 1)" = 'after order' ] ||
	    fail "$what: more than one order"
	[ -z "$key" ] ||
	    [ "$(sha256sum <"$CERTSTORE/certs/$1/privkey.pem")" = "$key" ] ||
	    fail "$what: another key"
	[ ! -e "$CERTSTORE/certs/$1/request.key" ] || fail "$what: a request"
	pki entry "$CERTSTORE/certs/$1" || fail "$what"
	clean "$1"
}

@test "killed at each request: one order, one key, nothing left" {
	local try=0

	for n in $(seq "$requests"); do
		for when in before after; do
			for method in "${methods[@]}"; do
				try=$((try + 1))
				[ "${FAULTS:-}" = all ] ||
				    [ $(((n + try) % 5)) -eq 0 ] || continue
				killed "k$try" "$method" "$n" "$when"
			done
		done
	done
}

@test "killed again and again: nothing is left after the next good run" {
	local n=5

	[ "${FAULTS:-}" != all ] || n=20
	for method in "${methods[@]}"; do
		name=k${method%%:*}
		for i in $(seq "$n"); do
			rules "${pending[@]}" "any $((4 + i * 3 % 8)) kill after"
			issue "$name" "$method" >/dev/null 2>&1 || :
		done
		rules "${pending[@]}"
		run -0 --separate-stderr issue "$name" "$method"
		pki entry "$CERTSTORE/certs/$name"
		[ ! -e "$CERTSTORE/certs/$name/request.key" ]
		clean "$name"
	done
}

# haskey CERTIFICATE: does the store have its private key anywhere?
haskey() {
	local file want

	want=$(openssl x509 -in "$1" -noout -pubkey)
	for file in "$CERTSTORE"/certs/.*@*/{privkey.pem,request.key}; do
		[ ! -f "$file" ] ||
		    [ "$(openssl pkey -in "$file" -pubout)" != "$want" ] ||
		    return 0
	done
	return 1
}

# changed N COMMAND...: by others at request N of the renewal of an entry.
changed() {
	local n=$1 what

	shift
	what="at request $n: $*"
	rm -rf "$CERTSTORE"
	cp -a pristine "$CERTSTORE"
	printf '%s\n' "export CERTSTORE=$CERTSTORE PATH=$PATH" "cd '$PWD'" \
	    "$* >said 2>&1" 'echo "status $?" >>said' >"$mock/others"
	rules "${pending[@]}" "any $n run others"
	rm -f "$mock"/[0-9]*.crt said
	run --separate-stderr cert-acme -u -e 1000d whole
	[ "$status" -eq 0 ] || [ "$status" -eq 2 ] || fail "$what: $status"
	grep -q '^status [02]$' said || fail "$what: $(cat said)"
	clean whole
	case $1 in
	cert-rm) ;;
	*)
		pki entry "$CERTSTORE/certs/whole" || fail "$what"
		for file in "$mock"/[0-9]*.crt; do
			[ ! -f "$file" ] || haskey "$file" ||
			    fail "$what: the key of $file is lost: $(cat said)"
		done
		;;
	esac
}

@test "others change the entry at each request: a legal state, no key is lost" {
	local try=0

	# what others put there, and what cert-revert goes back to
	cert-acme -u -e 1000d whole
	cert-create -f -d own -s 127.0.0.1 -s 127.0.0.2 -l 400d own
	cat own/certs/own/{privkey,fullchain}.pem >bought
	mv "$CERTSTORE" pristine
	CERTSTORE=pristine cert-account -qy new other directory="$directory" \
	    ca="$shared/bed.crt"
	for n in $(seq "$requests"); do
		for command in 'cert-rm -f whole' \
		    'cert-create -Rf -s 127.0.0.1 whole' \
		    "cert-import -f -N whole $PWD/bought" \
		    'cert-set whole acme=other' 'cert-revert -f whole'; do
			try=$((try + 1))
			[ "${FAULTS:-}" = all ] || [ $((try % 4)) -eq 0 ] ||
			    continue
			# shellcheck disable=SC2086  # words are meant
			changed "$n" $command
			# whatever became of it, the next run succeeds
			[ -e "$CERTSTORE/certs/whole" ] || {
				[ ! -e "$CERTSTORE/acme/orders/whole" ] ||
				    fail "$command at $n: $(ls -R "$CERTSTORE/acme/orders")"
				continue
			}
			rules "${pending[@]}"
			run --separate-stderr cert-acme -u whole
			case $command in
			*-Rf*) [ "$status" -le 2 ] ;;
			*) [ "$status" -eq 0 ] ||
			    [[ $stderr == *held* ]] ||
			    fail "$command at $n: $stderr" ;;
			esac
			pki entry "$CERTSTORE/certs/whole"
			clean whole
		done
	done
}

@test "locks that the file system does not have: no order, nothing is lost" {
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip "strace and sanitizers"
	was=$(cert-show -o fingerprint whole)
	rules "${pending[@]}"
	for nth in 1 2 3 4; do
		run --separate-stderr strace -f -qq -o /dev/null \
		    -e "inject=flock:error=ENOLCK:when=$nth+" \
		    cert-acme -u -e 1000d whole
		[ "$status" -eq 2 ] || break
		[[ $stderr == *'No locks available'* ]] || fail "$stderr"
		[ "$(asked finalize || :)" -eq 0 ]
		[ "$(cert-show -o fingerprint whole)" = "$was" ]
		clean whole
	done
	[ "$nth" -gt 1 ]
	rules "${pending[@]}"
	run --separate-stderr cert-acme -u whole
	[ "$status" -eq 0 ]
	pki entry "$CERTSTORE/certs/whole"
	clean whole
}

# changes COMMAND...: "syscall number" of each call that changes the store or
# sends something, all with FAULTS=all, else a sample.
changes() {
	strace -f -qq -o trace -e \
	    trace=mkdirat,openat,write,fchmod,fsync,symlinkat,renameat,unlinkat,flock,sendto \
	    "$@" >/dev/null || return 1
	numbered >all
	sample 6 <all >some
}

# again: the store and the server as before the first try.
again() {
	rm -rf "$CERTSTORE"
	cp -a pristine "$CERTSTORE"
	: >"$CERTSTORE/.lock"
	rm -f "$mock/closed"
	rules
}

# completed WHEN STATE COMMAND...: the same command does what it did not, and
# nothing of the first one is left.
completed() {
	local at=$1 state=$2

	shift 2
	"$@" >/dev/null 2>said || $state || fail "$at: $(cat said)"
	$state || fail "$at: not done"
	cert-rm -f nobody
	clean whole
	cert-check >found || [ $? -eq 1 ]
	! grep -v -e '^note' -e '	revoked	' found ||
	    fail "$at: $(cat found)"
	pki entry "$CERTSTORE/certs/whole"
}

# swept STATE COMMAND...: killed before each of these calls.
swept() {
	local call n state=$1

	shift
	traceable
	rm -rf pristine
	cp -a "$CERTSTORE" pristine
	changes "$@"
	[ "$(wc -l <all)" -ge 15 ] || fail "traced: $(cat all)"
	while read -r call n <&4; do
		again
		# a shell of its own keeps the notice of the kill to itself
		sh -c 'strace -f -qq -o /dev/null -e inject="$0" "$@"; exit' \
		    "$call:signal=KILL:when=$n" "$@" >/dev/null 2>&1 &&
		    fail "$call $n: not killed"
		completed "$call $n" "$state" "$@"
	done 4<some
}

# faulty STATE COMMAND...: each of its calls on the store fails once; it reports
# that, or has done all.
faulty() {
	local at call n reason state=$1 which
	which='(mkdirat|write|fchmod|fsync|renameat|unlinkat|flock)[(]'

	shift
	traceable
	: >input
	rm -rf pristine
	cp -a "$CERTSTORE" pristine
	[ "${FAULTS:-}" != all ] || which=.
	storecalls "$which" "$@"
	[ "$(wc -l <all)" -ge 8 ] || fail "traced: $(cat all)"
	[ "${FAULTS:-}" = all ] || sample 3 <all >some
	while read -r call n <&4; do
		for reason in $(reasons "$call"); do
			at="$call $n: $reason"
			again
			failing "$call:error=$reason:when=$n" "$@"
			case $status in
			0) $state || fail "$at: status 0, and not done" ;;
			2) [ -s said ] || fail "$at: says nothing" ;;
			*) fail "$at: status $status: $(cat said)" ;;
			esac
			completed "$at" "$state" "$@"
		done
	done 4<some
}

is_revoked() {
	[ -n "$(cert-set -o revoked whole)" ]
}

has_second() {
	[ -n "$(cert-account list second)" ]
}

has_one_key() {
	[ ! -e "$CERTSTORE/acme/accounts/mock/key.new" ] &&
	    cert-account -u show mock >/dev/null
}

# has_contact: here and, if it was sent, at the CA.
has_contact() {
	cert-account show mock | grep -qx contact=mailto:ops@example.org &&
	    grep -qF '"contact": ["mailto:ops@example.org"]' "$mock/log"
}

is_closed() {
	cert-account show mock | grep -qx status=deactivated &&
	    [ -e "$mock/closed" ]
}

@test "cert-revoke, killed anywhere: the next one revokes" {
	rules
	swept is_revoked cert-revoke -f whole
}

@test "cert-account new, killed anywhere: the next one makes it" {
	[ "$(grep -c '"account":"mock"' "$CERTSTORE/log")" -eq 1 ]
	swept has_second "${second[@]}"
}

@test "cert-account roll, killed anywhere: the next one ends with one key" {
	swept has_one_key cert-account roll mock
}

@test "cert-account set, killed anywhere: the CA has what is kept" {
	swept has_contact cert-account set mock contact=mailto:ops@example.org
}

@test "cert-account deactivate, killed anywhere: the next one closes it" {
	swept is_closed cert-account -f deactivate mock
}

@test "cert-account, each call failing: it says so, and the next one does it" {
	faulty has_second "${second[@]}"
	faulty has_one_key cert-account roll mock
	faulty has_contact cert-account set mock contact=mailto:ops@example.org
	faulty is_closed cert-account -f deactivate mock
}

# powercut COMMAND...: tests/powercut with this command, which reads its own store.
powercut() {
	local states=-n4

	traceable
	[ "${FAULTS:-}" != all ] || states=-a
	rm -f "$mock/closed"
	perl "$ROOT/tests/powercut" "$states" "$CERTSTORE" "$@" </dev/null >&2
}

@test "cert-account, the power cut: each has its key, and what was answered" {
	powercut "${second[@]}"
	powercut cert-account set mock contact=mailto:ops@example.org
	powercut cert-account -f deactivate mock
}
