#!/usr/bin/env bats
# Each writing command with every system call that changes something in the
# store failing once: the command says so, and the store is the old or the new
# one, whole.  Then the next writer leaves it as it is.
#
# FAULTS=all lets every system call on the store fail, those that only read,
# too, the writing ones for every reason there is, and all that follow as well.

# shellcheck disable=SC2154  # faults_setup sets saved and memory

load helper
load faults

# Calls that change something, and those by which a writer learns what there is
# to finish.
CHANGES='(mkdirat|write|fchmod|fchown|fsync|syncfs|symlinkat'
CHANGES="$CHANGES|renameat|unlinkat|flock)[(]|openat[(].*O_CREAT"
CHANGES="$CHANGES|readlinkat[(].*/([.]pending|index)>|openat[(].*@[0-9]*/info"

setup() {
	faults_setup
	[ "${FAULTS:-}" != all ] || CHANGES=.
}

teardown() {
	faults_teardown
}

# reasons SYSCALL: for which it is made to fail.
reasons() {
	case $1/${FAULTS:-} in
	write/|openat/) echo ENOSPC ;;
	mkdirat/|symlinkat/) echo EDQUOT ;;
	write/all|openat/all|mkdirat/all|symlinkat/all|renameat/all)
		echo EIO ENOSPC EDQUOT ;;
	*) echo EIO ;;
	esac
}

# calls WHICH COMMAND...: "syscall number" of each call on the store that is to
# fail; strace counts each syscall for itself.
calls() {
	local which=$1

	shift
	strace -y -qq -o trace "$@" >&2 || [ $? -eq 2 ] || return 1
	awk -v store="$CERTSTORE" -v want="^($which)" '
		match($0, /^[a-z0-9_]+/) {
			name = substr($0, 1, RLENGTH)
			n[name]++
			if (index($0, store "/") + index($0, store ">") &&
			    name != "execve" && $0 ~ want)
				print name, n[name]
		}' trace
}

# keyheld: the key that $target had is still there.
keyheld() {
	local had key

	for had in privkey.pem request.key; do
		had=$saved/certs/$target/$had
		[ -e "$had" ] || continue
		for key in "$CERTSTORE/certs/.$target"@*/*key*; do
			cmp -s "$had" "$key" && continue 2
		done
		return 1
	done
}

# judge WHEN: what the command left and what it said.
judge() {
	local now

	case $status in
	0) ;;
	2) [ -s said ] || fail "$1: fails and says nothing" || return 1 ;;
	*) fail "$1: status $status: $(cat said)" || return 1 ;;
	esac
	readable "$1" || return 1
	changed "$1" || return 1
	pair || fail "$1: key and certificate do not match" || return 1
	state >is
	now=$(names <is)
	[ "$now" = "$new" ] || { [ "$status" -ne 0 ] && [ "$now" = "$old" ]; } ||
	    fail "$1: status $status and the store is: $now" || return 1
	# what failed and left the old entry left all of it
	[ "$now" != "$old" ] || [ "$(readlink "$CERTSTORE/default")" = \
	    certs/serving ] || fail "$1: the default is gone" || return 1
	{ [ "$now" = "$new" ] && [ -z "$keeps" ]; } || keyheld ||
	    fail "$1: the key of $target is gone" || return 1
}

# failing INJECT COMMAND...: with that call failing; sets status.
failing() {
	local inject=$1

	shift
	status=0
	timeout 30 strace -qq -o /dev/null -e trace="${inject%%:*}" \
	    -e inject="$inject" "$@" <input >printed 2>said || status=$?
}

# sweep COMMAND...: with each of its calls failing once; the input is the file
# ./input.  After: old or new, whole, and the next writer has nothing to change
# in it.
sweep() {
	local at call n often reason

	old=$(state | names)
	calls "$CHANGES" "$@" <input >counts
	new=$(state | names)
	[ "$old" != "$new" ] || fail "it changes nothing: $*"
	[ "$(wc -l <counts)" -ge 15 ] || fail "traced: $(cat counts)"
	trap - DEBUG # by which bats follows each command, slowly
	while read -r call n <&4; do
		for reason in $(reasons "$call"); do
			for often in "$n" ${FAULTS:+"$n+"}; do
				# then it could not say anything either
				[ "${call#write}$often" != "$n+" ] || continue
				at="$call $often: $reason"
				restore
				failing "$call:error=$reason:when=$often" "$@"
				judge "$at" || return 1
				cert-rm -f nobody || fail "$at: then" || return 1
				state | cmp is - || fail "$at: mended" || return 1
				readable "$at, mended" || return 1
				clean "$at, mended" || return 1
			done
		done
	done 4<counts
}

# reader COMMAND...: with each of its calls failing once it gives the right
# answer or none, and then says why.
reader() {
	local call n

	calls . "$@" <input >counts
	"$@" <input >right
	[ "$(wc -l <counts)" -ge 8 ] || fail "traced: $(cat counts)"
	while read -r call n <&4; do
		failing "$call:error=EIO:when=$n" "$@"
		case $status in
		0) cmp printed right ;;
		2) [ -s said ] ;;
		*) false ;;
		esac || fail "$call $n: status $status: $(cat printed said)" ||
		    return 1
	done 4<counts
}

@test "cert-create of a new entry, each call failing" {
	target=new keeps=
	sweep cert-create -A CA -s new.example.org -s both.example.org new
}

@test "cert-create -f over an entry, each call failing" {
	target=serving keeps=yes
	sweep cert-create -f -A CA -s new.example.org -s both.example.org serving
}

@test "cert-create -R for an entry that serves, each call failing" {
	target=serving keeps=yes
	sweep cert-create -R -s old.example.org -s more.example.org serving
}

@test "cert-import of a new entry, each call failing" {
	cert-create -d ./elsewhere -s new.example.org -s both.example.org new
	cat elsewhere/certs/new/combined.pem >input
	target=new keeps=
	sweep cert-import
}

@test "cert-import -f over an entry, each call failing" {
	cert-create -d ./elsewhere -s old.example.org serving
	cat elsewhere/certs/serving/combined.pem >input
	target=serving keeps=yes
	sweep cert-import -f -N serving
}

@test "cert-import of an answer, each call failing" {
	answer
	target=waiting keeps=yes
	sweep cert-import
}

@test "cert-rm, each call failing" {
	target=serving keeps=
	sweep cert-rm -f serving
}

@test "cert-rm of what others need, each call failing" {
	local call n

	state >is
	calls . cert-rm CA >counts
	[ "$(wc -l <counts)" -ge 15 ]
	while read -r call n <&4; do
		failing "$call:error=EIO:when=$n" cert-rm CA
		[ "$status" -eq 2 ] || fail "$call $n: status $status"
		state | cmp is - || fail "$call $n: it changes something"
	done 4<counts
}

@test "readers, each call failing" {
	reader cert-list -o name,names
	reader cert-match -a -o host,name both.example.org other.example.org
	reader cert-show -o fingerprint serving
	reader cert-show -o cert serving
	rm "$CERTSTORE/.links" "$CERTSTORE/certs/other"
	reader cert-list -o name,names
	reader cert-match -o name other.example.org
}

@test "a disk that fails from some call on ends the command" {
	calls . cert-create -s new.example.org new >counts
	restore
	while read -r call n <&4; do
		case $call in
		newfstatat|faccessat*|readlinkat|openat|flock|mkdirat) ;;
		*) continue ;;
		esac
		failing "$call:error=EIO:when=$n+" \
		    cert-create -s new.example.org new
		{ [ "$status" -eq 2 ] && [ -s said ]; } ||
		    fail "$call $n+: status $status"
	done 4<counts
	cert-rm -f nobody
	clean "mended"
}

@test "what is made anew is on disk, too, with the directories above it" {
	strace -y -qq -o trace -e trace=fsync \
	    cert-create -d "$memory/fresh" -s a.example.org a
	for dir in "$memory" "$memory/fresh" "$memory/fresh/certs" \
	    "$memory/fresh/index" "$memory/fresh/index/host" \
	    "$memory/fresh/combined"; do
		grep -F "<$dir>)" trace || fail "$dir is not synced"
	done
	rm -r "$memory/fresh/combined"
	strace -y -qq -o trace -e trace=fsync \
	    cert-create -d "$memory/fresh" -s b.example.org b
	grep -F "<$memory/fresh>)" trace
}
