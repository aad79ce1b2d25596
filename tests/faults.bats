#!/usr/bin/env bats
# faults.bats: each writing command, while one system call that changes the
# store fails, for a sample of these calls: the command reports the error, and
# the store is the old or the new one, complete.  The next writer must not
# change it.
#
# With FAULTS=all every system call on the store fails, also those that only
# read, the writing ones for every reason, and also with all calls after it.

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

# sweep COMMAND...: with each of its calls failing once; the input is the file
# ./input.  After: old or new, whole, and the next writer has nothing to change
# in it.
sweep() {
	local at call left n often reason

	old=$(state | names)
	storecalls "$CHANGES" "$@" <input
	new=$(state | names)
	[ "$old" != "$new" ] || fail "it changes nothing: $*"
	[ "$(wc -l <all)" -ge 15 ] || fail "traced: $(cat all)"
	while read -r call n <&4; do
		for reason in $(reasons "$call"); do
			for often in "$n" ${FAULTS:+"$n+"}; do
				# then it could not say anything either
				[ "${call#write}$often" != "$n+" ] || continue
				at="$call $often: $reason"
				restore
				failing "$call:error=$reason:when=$often" "$@"
				judge "$at" || return 1
				left=$(ls -A "$CERTSTORE/.pending")
				cert-rm -f nobody || fail "$at: then" || return 1
				state >mended
				# what could not even be undone may be completed
				cmp is mended ||
				    { [ -n "$left" ] &&
				    [ "$(names <mended)" = "$new" ]; } ||
				    fail "$at: then" || return 1
				readable "$at, mended" || return 1
				clean "$at, mended" || return 1
				grep -q 'not in the log' said ||
				    sound "$at, mended" || return 1
			done
		done
	done 4<some
}

# reader COMMAND...: with each of its calls failing once it gives the right
# answer or none, and then says why.
reader() {
	local call n

	storecalls . "$@" <input
	"$@" <input >right
	[ "$(wc -l <all)" -ge 8 ] || fail "traced: $(cat all)"
	while read -r call n <&4; do
		failing "$call:error=EIO:when=$n" "$@"
		case $status in
		0) cmp printed right ;;
		2) [ -s said ] ;;
		*) false ;;
		esac || fail "$call $n: status $status: $(cat printed said)" ||
		    return 1
	done 4<some
}

@test "cert-create of a new entry, each call failing" {
	target=new keeps=
	sweep cert-create -A CA -s new.example.org -s both.example.org new
}

@test "cert-create -f over an entry, each call failing" {
	target=serving keeps=yes
	sweep cert-create -f -A CA -s new.example.org -s both.example.org serving
}

@test "cert-create -R for an entry that has a certificate, each call failing" {
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

@test "cert-set of a tenant, each call failing" {
	target=serving keeps=yes
	sweep cert-set serving tenant=t.example.org
}

@test "cert-revert, each call failing" {
	target=serving keeps=yes
	cert-create -f -A CA -s new.example.org -s both.example.org serving
	saved=$BATS_TEST_TMPDIR/saved
	cp -a "$CERTSTORE" "$saved"
	sweep cert-revert -f serving
}

@test "cert-renew, each call failing" {
	local call n was

	was=$(cert-show -o fingerprint serving)
	storecalls "$CHANGES" cert-renew -f serving
	[ "$(wc -l <all)" -ge 15 ]
	target=serving
	while read -r call n <&4; do
		restore
		failing "$call:error=EIO:when=$n" cert-renew -f serving
		case $status in
		0) [ "$(cert-show -o fingerprint serving)" != "$was" ] ;;
		2) [ -s said ] ;;
		*) false ;;
		esac || fail "$call $n: status $status: $(cat said)" || return 1
		pair || fail "$call $n: no pair" || return 1
		readable "$call $n" || return 1
		cert-rm -f nobody
		clean "$call $n, mended" || return 1
	done 4<some
}

@test "cert-rm, each call failing" {
	target=serving keeps=
	sweep cert-rm -f serving
}

@test "cert-set of settings, each call failing" {
	local at call n is

	storecalls "$CHANGES" cert-set @new @store x-a=1
	while read -r call n <&4; do
		at="$call $n"
		restore
		failing "$call:error=EIO:when=$n" cert-set @new @store x-a=1
		is=$(cert-set @new @store | grep -c x-a=1) || :
		case $status in
		0) [ "$is" -eq 2 ] ;;
		2) [ -s said ] && [ $((is % 2)) -eq 0 ] ;;
		*) false ;;
		esac || fail "$at: status $status, $is: $(cat said)" || return 1
		readable "$at" || return 1
		cert-check -r >&2
		clean "$at, mended" || return 1
		cert-check || fail "$at: wrong" || return 1
	done 4<some
}

@test "cert-check -r of entries after a restore, each call failing" {
	local at call n

	target=none
	rm "$CERTSTORE/certs/other" "$CERTSTORE/certs/serving"
	mv "$CERTSTORE/certs/.serving@1" "$CERTSTORE/certs/serving"
	rm -r "$CERTSTORE/index/host"
	cp -a "$CERTSTORE" broken
	storecalls "$CHANGES" cert-check -r CA other serving waiting
	[ "$(wc -l <all)" -ge 15 ]
	while read -r call n <&4; do
		at="$call $n"
		rm -rf "$CERTSTORE"
		cp -a broken "$CERTSTORE"
		: >"$CERTSTORE/.lock"
		failing "$call:error=EIO:when=$n" \
		    cert-check -r CA other serving waiting
		case $status in
		0|1) ;;
		2) [ -s said ] ;;
		*) false ;;
		esac || fail "$at: status $status: $(cat said)" || return 1
		cert-check -r other >&2 || [ $? -eq 1 ]
		cert-check -r >&2 || fail "$at: then" || return 1
		readable "$at, mended" || return 1
		clean "$at, mended" || return 1
		changed "$at, mended" || return 1
		grep -q 'not in the log' said || sound "$at" || return 1
	done 4<some
}

@test "cert-trust of the first anchor, each call failing" {
	target=none keeps=
	cert-show -o cert CA >input
	sweep cert-trust add
}

@test "cert-trust of a change of anchors, each call failing" {
	target=none keeps=
	anchors 2
	sweep cert-trust distrust r1
	anchors 2
	cat r1.pem r3.pem >input
	sweep cert-trust update -
}

@test "cert-trust of a trust set, each call failing" {
	target=none keeps="" SET=phones
	anchors 1
	cp r1.pem input
	sweep cert-trust -T phones add
	pki crl r1.crl ca=r1.pem key=r1.key number=01
	cert-trust -q -T phones add r1.pem
	rm -rf "$saved"
	cp -a "$CERTSTORE" "$saved"
	cp r1.crl input
	sweep cert-trust -T phones add
}

@test "cert-crl, each call failing" {
	target=none keeps=
	sweep cert-crl CA
}

@test "cert-revoke, each call failing: what is recorded is published in the end" {
	local at call n serial

	target=none unpublished=1
	serial=$(cert-show -o serial serving | sed 's/^0*//')
	storecalls "$CHANGES" cert-revoke serving
	[ "$(wc -l <all)" -ge 30 ] || fail "traced: $(cat all)"
	while read -r call n <&4; do
		at="$call $n"
		restore
		failing "$call:error=EIO:when=$n" cert-revoke serving
		case $status in
		0) published_is "$serial" ||
		    fail "$at: status 0, and not published" || return 1 ;;
		2) [ -s said ] ||
		    fail "$at: fails and says nothing" || return 1 ;;
		*) fail "$at: status $status: $(cat said)" || return 1 ;;
		esac
		readable "$at" || return 1
		pair || fail "$at: no pair" || return 1
		cert-revoke -q serving || fail "$at: then $?" || return 1
		published_is "$serial" || fail "$at: not published" || return 1
		clean "$at, then" || return 1
		grep -q 'not in the log' said || sound "$at, then" || return 1
	done 4<some
}

# published_is SERIAL: the CRL of the CA has it.
published_is() {
	[ -n "$(cert-show -o revoked serving)" ] &&
	    openssl crl -noout -text -in "$CERTSTORE/crl/CA.pem" |
	    grep -qi "serial number: 0*$1\$"
}

@test "cert-sign, each call failing: nothing signed that is not recorded" {
	local at call n

	target=none
	requests a b
	[ "$CHANGES" = . ] || CHANGES="$CHANGES|(link|rename|unlink)[(]"
	storecalls "$CHANGES" cert-sign -A CA "$outside/a.csr" "$outside/b.csr"
	[ "$(wc -l <all)" -ge 15 ] || fail "traced: $(cat all)"
	while read -r call n <&4; do
		for reason in $(reasons "$call"); do
			at="$call $n: $reason"
			restore
			rm -f "$outside"/*.crt
			failing "$call:error=$reason:when=$n" cert-sign -A CA \
			    "$outside/a.csr" "$outside/b.csr"
			case $status in
			0) [ "$(cat "$outside"/[ab].crt |
			    grep -c BEGIN)" -eq 2 ] ||
			    fail "$at: status 0, and not there" || return 1 ;;
			2) [ -s said ] ||
			    fail "$at: fails and says nothing" || return 1 ;;
			*) fail "$at: status $status" || return 1 ;;
			esac
			signed "$at" a b || return 1
			! find "$outside" -name '.*' -type f | grep . ||
			    fail "$at: left: $(cat said)" || return 1
			readable "$at" || return 1
			cert-rm -f nobody
			clean "$at" || return 1
			grep -q 'not in the log' said || sound "$at" || return 1
			cert-sign -f -A CA "$outside/a.csr" "$outside/b.csr" ||
			    fail "$at: again" || return 1
			[ -e "$outside/a.crt" ] && [ -e "$outside/b.crt" ]
			signed "$at, again" a b || return 1
		done
	done 4<some
}

@test "cert-export, each call failing: the file is the old or the new one" {
	local at call n

	target=none
	export_setup
	[ "$CHANGES" = . ] || CHANGES="$CHANGES|(rename|unlink)[(]"
	storecalls "$CHANGES" cert-export -f -E pass serving "$outside/file"
	# its passphrase is derived slowly
	sample 3 <all >some
	[ "$(wc -l <all)" -ge 8 ] || fail "traced: $(cat all)"
	while read -r call n <&4; do
		for reason in $(reasons "$call"); do
			at="$call $n: $reason"
			restore
			echo precious >"$outside/file"
			failing "$call:error=$reason:when=$n" cert-export -f \
			    -E pass serving "$outside/file"
			case $status in
			0) [ "$(cat "$outside/file")" != precious ] ||
			    fail "$at: status 0, and not there" || return 1 ;;
			2) [ -s said ] ||
			    fail "$at: fails and says nothing" || return 1 ;;
			*) fail "$at: status $status" || return 1 ;;
			esac
			grep -q 'not in the log' said || exported "$at" ||
			    return 1
			! find "$outside" -name '.*' -type f | grep . ||
			    fail "$at: left: $(cat said)" || return 1
			readable "$at" || return 1
			changed "$at" || return 1
			clean "$at" || return 1
		done
	done 4<some
}

@test "cert-rm of entries that others need, each call failing" {
	local call n

	state >is
	storecalls . cert-rm CA
	[ "$(wc -l <all)" -ge 15 ]
	while read -r call n <&4; do
		failing "$call:error=EIO:when=$n" cert-rm CA
		[ "$status" -eq 2 ] || fail "$call $n: status $status"
		state | cmp is - || fail "$call $n: it changes something"
	done 4<some
}

@test "readers, each call failing" {
	reader cert-list -o name,names
	reader cert-match -a -o host,name both.example.org other.example.org
	reader cert-show -o fingerprint serving
	reader cert-show -o cert serving
	anchors 1
	reader cert-trust list
	reader cert-trust -n update r1.pem
	# where index/ is not complete, all entries are searched
	rm -r "$CERTSTORE/index/host"
	reader cert-match -o name other.example.org
}

@test "a disk that fails permanently ends the command" {
	storecalls . cert-create -s new.example.org new
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
	done 4<some
	cert-rm -f nobody
	clean "mended"
}

@test "new files and directories are synced, with their parents" {
	anchors 1
	strace -y -qq -o trace -e trace=fsync \
	    cert-create -d "$memory/fresh" -s a.example.org a
	for dir in "$memory" "$memory/fresh" "$memory/fresh/certs" \
	    "$memory/fresh/index" "$memory/fresh/index/host" \
	    "$memory/fresh/combined"; do
		grep -F "<$dir>)" trace || fail "$dir is not synced"
	done
	strace -y -qq -o trace -e trace=fsync \
	    cert-trust -d "$memory/fresh" -f add r1.pem
	for dir in "$memory/fresh" "$memory/fresh/.trust@1" \
	    "$memory/fresh/.pending"; do
		grep -F "<$dir>)" trace || fail "$dir is not synced"
	done
	for file in r1.pem bundle.pem distrusted shipped; do
		grep -F "<$memory/fresh/.trust@1/$file>)" trace ||
		    fail "$file is not synced"
	done
	rm -r "$memory/fresh/combined"
	strace -y -qq -o trace -e trace=fsync \
	    cert-create -d "$memory/fresh" -s b.example.org b
	grep -F "<$memory/fresh>)" trace
}

# traced COMMAND...: what it does to the store, in ./did, one call a line:
# "sync DIRECTORY-OR-FILE", "link PATH", "unlink PATH", "write FILE".
traced() {
	strace -y -qq -o trace \
	    -e trace=fsync,syncfs,symlinkat,renameat,unlinkat,openat,mkdirat \
	    "$@" || return 1
	grep -v ' = -1 ' trace | sed -n -e "s#$CERTSTORE/*##g" \
	    -e 's/^fsync([0-9]*<\(.*\)>).*/sync \1/p' \
	    -e 's/^symlinkat(.*<\(.*\)>, "\(.*\)").*/link \1 \2/p' \
	    -e 's/^renameat(.*<\(.*\)>, "\(.*\)").*/link \1 \2/p' \
	    -e 's/^unlinkat([0-9]*<\(.*\)>, "\(.*\)", .*/unlink \1 \2/p' \
	    -e 's/^mkdirat([0-9]*<\(.*\)>, "\(.*\)", .*/mkdir \1 \2/p' \
	    -e 's/^openat(.*O_CREAT.*<\(.*\)>$/write \1/p' >did
}

# order PATTERN...: the last line of each comes before the first of the next.
order() {
	local before=0 first last n pattern
	local -a line

	mapfile -t line <did
	for pattern; do
		first=0 last=0
		for n in "${!line[@]}"; do
			[[ ${line[n]} =~ ^($pattern)$ ]] || continue
			last=$((n + 1))
			[ "$first" -ne 0 ] || first=$last
		done
		[ "$first" -ne 0 ] ||
		    fail "no $pattern in: $(cat did)" || return 1
		[ "$first" -gt "$before" ] ||
		    fail "$pattern is early: $(cat did)" || return 1
		before=$last
	done
}

# switched NAME N: what holds of a writer that makes generation N.
switched() {
	local dir=certs/.$1@$2 file

	# the switch itself, and all that comes after it
	sed -n "/^link certs $1$/,\$p; /^link certs .$1@link$/,\$p" did >after
	order "link .pending $1" "mkdir certs .$1@$2"
	sed -i -e '/^write .*[.]lock$/d' did
	for file in $(sed -n "s#^write \($dir/.*\)#\1#p" did); do
		# an empty one is on disk with its directory
		[ -s "$CERTSTORE/$file" ] || [ ! -e "$CERTSTORE/$file" ] ||
		    continue
		order "write $file" "sync $file" "link certs .?$1(@link)?"
	done
	for file in $(sed -n 's#^link index \(.*\)/.*#\1#p' did | sort -u); do
		order "link index $file/.*" "sync index/$file" \
		    "link certs .?$1(@link)?"
	done
	for file in $(sed -n 's#^mkdir index \([a-z]*\)/.*#\1#p' did); do
		order "mkdir index $file/.*" "sync index/$file" \
		    "link certs .?$1(@link)?"
	done
	order "mkdir certs .$1@$2" "sync $dir" "link certs .?$1(@link)?"
	order "link .pending $1" "sync .pending" "link certs .?$1(@link)?"
	[ "$(sed "/^link certs/,\$d" did | grep -c '^sync certs$')" -ge 1 ]
	cp after did
	grep -m 1 -n '^sync' did | grep ':sync certs$'
	tail -n 1 did | grep "^unlink .pending $1$"
}

@test "files are synced before anything refers to them" {
	traced cert-create -A CA -s new.example.org -s both.example.org new
	switched new 1
	grep -x 'link index host/both.example.org@/new' after ||
	    grep 'host/both.example.org@' trace
	order 'sync certs' 'link combined new.pem' 'sync combined' \
	    'unlink .pending new'
}

@test "the old generation stays until the switch is synced" {
	cert-create -f -A CA -s old.example.org serving
	traced cert-create -f -A CA -s old.example.org -s other.example.org \
	    serving
	switched serving 3
	order 'sync certs' 'unlink certs/.serving@1 .*' 'unlink .pending .*'
	run ! grep '^[a-z]* combined' did
}

@test "the removal from combined/ is synced before the entry changes" {
	traced cert-create -f -A CA -P client -s old.example.org serving
	order 'sync .pending' 'unlink combined .*' 'sync combined' \
	    'link certs .?serving(@link)?'
	switched serving 2
}

@test "an entry is removed in steps, each synced before the next" {
	traced cert-rm -f serving other
	order 'link .pending .*' 'sync .pending' 'unlink combined .*' \
	    'sync combined' 'unlink  certs/[a-z]*' 'sync certs' \
	    'unlink (index .*|certs/.*)' 'unlink certs .serving@1' \
	    'unlink .pending .*'
	[ "$(grep -c '^sync' did)" -eq 4 ] # the default, too
}

@test "a new store is marked complete after it is synced" {
	CERTSTORE=$memory/fresh
	traced cert-create -s a.example.org a
	order 'sync index' 'link  .links' 'sync ' 'link .pending a' \
	    'mkdir certs .*' 'link certs a'
	sed '/^link  .links$/,$d' did >before
	for dir in certs index combined .pending; do
		grep -x "sync $dir" before
	done
	sed -i -e '1,/^link  .links$/d' -e '/^link certs a$/,$d' did
	for dir in '' index/host index/spki; do
		grep -x "sync $dir" did
	done
}

@test "the intent for the first anchors is synced before any of them" {
	cert-show -o cert CA >input
	traced cert-trust add <input
	sed '/^mkdir  .trust@1$/,$d' did >before
	grep -x -A 1 'link .pending @trust' before | grep -x 'sync .pending'
}

@test "cert-deploy, each call failing: what was not told stays pending" {
	local at call n

	cert-set -q serving user=web
	mkdir "$CERTSTORE/hooks"
	printf '#!/bin/sh\ncat >%s/told\n' "$PWD" >"$CERTSTORE/hooks/web"
	chmod 755 "$CERTSTORE/hooks/web"
	saved=$BATS_TEST_TMPDIR/saved
	rm -rf "$saved"
	cp -a "$CERTSTORE" "$saved"
	storecalls "$CHANGES" cert-deploy
	[ -s told ]
	while read -r call n <&4; do
		at="$call $n"
		restore
		rm -f told
		failing "$call:error=EIO:when=$n" cert-deploy
		case $status in
		0) [ -s told ] ;;
		1|2) [ -s said ] ;;
		*) false ;;
		esac || fail "$at: status $status: $(cat said)" || return 1
		readable "$at" || return 1
		# one that failed has a later next try
		cert-deploy -q || cert-deploy -qf || fail "$at: then $?" ||
		    return 1
		[ -s told ] || fail "$at: the hook was not run" || return 1
		run -1 cert-deploy -qx
		clean "$at, told" || return 1
	done 4<some
}
