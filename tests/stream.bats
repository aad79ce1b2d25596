#!/usr/bin/env bats
# stream.bats: names and questions on stdin: the fields of a line, and answers
# that are printed before the next question is awaited.

# shellcheck disable=SC2154  # stderr and stderr_lines are run's

load helper

fill() {
	cert-create -l 20d -s www.example.com www
	cert-create -c ca
	cert-create -q -R -s old1.example.com old1
	cert-create -q -R -s old2.example.com old2
}

# ask QUESTION: one line to the coprocess, and one from it, in $REPLY.
ask() {
	printf '%s\n' "$1" >&"${COPROC[1]}"
	read -r -t 20 -u "${COPROC[0]}" || fail "$1: no answer"
}

# ended STATUS: it ends with its stdin, with that status.
ended() {
	local pid=$COPROC_PID in=${COPROC[1]} status=0

	exec {in}>&-
	wait "$pid" || status=$?
	[ "$status" -eq "$1" ]
}

@test "the first field of a line is the operand, in all commands" {
	fill
	run -0 sh -c 'cert-list -e 30d | cert-show -o name -'
	[ "$output" = www ]
	run -0 sh -c 'cert-list | cert-list -o name -'
	[ "$output" = $'ca\nold1\nold2\nwww' ]
	run -0 sh -c 'cert-list -o fingerprint,name www | cert-match -o name -'
	[ "$output" = www ]
	cert-show -o cert ca | cert-trust -q add -
	run -1 sh -c 'cert-list -k self | cert-verify -q -'
	run -0 sh -c 'cert-trust list | cert-trust distrust -'
	cert-list -k waiting 'old*' | cert-rm -
	run -0 cert-list -o name
	[ "$output" = $'ca\nwww' ]
}

@test "blanks, CR, no final newline; a line without first field is reported" {
	fill
	run -0 sh -c 'printf "\n \t \r\n  ca\t\t\n\r\nwww\r\nold1 \tx\nold2" |
	    cert-show -o name -'
	[ "$output" = $'ca\nwww\nold1\nold2' ]
	for line in '\twww' ' \twww\tx' 'w\0\twww' 'www\t\0' \
	    "$(printf 'w%.0s' $(seq 1024))"; do
		printf 'ca\n%b\nold1\n' "$line" >lines
		run -2 --separate-stderr cert-show -o name - <lines
		[ "$output" = $'ca\nold1' ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == 'cert-show: stdin:2: '* ]]
	done
	# one bad line of many; a second column is never taken for the first
	run -2 sh -c 'cert-list -o default,name | cert-rm -'
	run -0 cert-list ca www
	# a record may be as long as it likes
	{ printf 'ca\t'; head -c 300000 /dev/zero | tr '\0' a; } >long
	run -0 cert-show -o name - <long
	[ "$output" = ca ]
	run -2 --separate-stderr cert-show -o name - <.
	[[ $stderr == 'cert-show: stdin: Is a directory' ]]
}

@test "a coprocess answers each question before the next" {
	fill
	coproc cert-match -o host,name - 2>&1 3>&-
	ask www.example.com
	[ "$REPLY" = $'www.example.com\twww' ]
	ask none.example.com
	[[ $REPLY == 'cert-match: none.example.com: no entry matches'* ]]
	ask a..b
	[[ $REPLY == 'cert-match: "a..b": '* ]]
	# what others do meanwhile
	cert-create -s none.example.com late
	ask none.example.com
	[ "$REPLY" = $'none.example.com\tlate' ]
	cert-rm late
	ask none.example.com
	[[ $REPLY == *'no entry matches'* ]]
	# two at once, and a question in two pieces
	printf 'www.example.com\n127.0.0.1\nwww.exa' >&"${COPROC[1]}"
	read -r -t 20 -u "${COPROC[0]}"
	[ "$REPLY" = $'www.example.com\twww' ]
	read -r -t 20 -u "${COPROC[0]}"
	[[ $REPLY == 'cert-match: 127.0.0.1: '* ]]
	ask mple.com
	[ "$REPLY" = $'www.example.com\twww' ]
	ended 2
}

@test "cert-show and cert-verify answer at once, too, in each form" {
	fill
	coproc cert-show -j -o name - 3>&-
	ask ca
	[ "$REPLY" = '{"name":"ca"}' ]
	ask www
	[ "$REPLY" = '{"name":"www"}' ]
	ended 0
	cert-show -o cert ca | cert-trust -q add -
	coproc cert-verify - 3>&-
	ask www
	[[ $REPLY == www$'\t'error$'\t'* ]]
	ended 1
}

@test "lost output ends the command" {
	fill
	coproc cert-match - >/dev/full 2>err 3>&-
	local in=${COPROC[1]} pid=$COPROC_PID status=0
	printf 'www.example.com\n' >&"$in"
	# stdin stays open
	wait "$pid" || status=$?
	[ "$status" -eq 2 ]
	[ "$(cat err)" = 'cert-match: stdout: No space left on device' ]
}

@test "stdout and stderr in one file keep their order" {
	fill
	printf '%s.example.com\n' www none www none >hosts
	run -1 sh -c 'cert-match -o name - <hosts 2>&1'
	[ "${lines[0]}" = www ]
	[[ ${lines[1]} == *'no entry matches'* ]]
	[ "${lines[2]}" = www ]
	[[ ${lines[3]} == *'no entry matches'* ]]
}

@test "on a terminal each question is answered at once, under one header" {
	fill
	run -0 script -qec 'stty -echo; cert-match -o name,host -' /dev/null \
	    <<<$'www.example.com\nwww.example.com'
	[ "$(grep -c NAME <<<"$output")" -eq 1 ]
	[ "$(grep -Ec 'www +www.example.com' <<<"$output")" -eq 2 ]
}
