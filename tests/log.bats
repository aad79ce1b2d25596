#!/usr/bin/env bats
# log.bats: STORE/log: a line for each change, also after a kill, and no change
# that fails for want of a line.

# shellcheck disable=SC2154  # stderr is run's

load helper

setup() {
	common_setup
	log=$CERTSTORE/log
}

# value MEMBER: that of the last line, or nothing.
value() {
	tail -n 1 "$log" | perl -MJSON::PP -e '
	    my $l = decode_json(<STDIN>);
	    print $l->{$ARGV[0]} // ""' "$1"
}

# fingerprint NAME: as the log has it.
fingerprint() {
	sed -n 's/^fingerprint //p' "$CERTSTORE/certs/$1/info"
}

# said NAME [GENERATION]: how many lines tell of this.
said() {
	grep -c "\"entry\":\"$1\"${2:+,\"generation\":$2,}" "$log" || :
}

# valid: each line is an object of JSON, shorter than 4 KiB.
valid() {
	perl -MJSON::PP -ne 'decode_json($_); die if length > 4095' "$log"
}

@test "a line for each change: entries, settings, trust sets" {
	cert-create -c ca
	run -0 head -n 1 "$log"
	[[ $output == '{"time":"20'*'Z","begin":true}' ]]
	[ "$(stat -c %a "$log")" = 640 ]
	cert-create -A ca -s a.example.com a
	first=$(fingerprint a)
	[ "$(value entry) $(value generation) $(value reason) $(value old)" = \
	    "a 1 create " ]
	[ "$(value new)" = "$first" ]
	[ "$(value command)" = cert-create ]
	[ "$(value uid)" = "$(id -u)" ]
	[ "$(value host)" = "$(uname -n)" ]
	cert-create -f -A ca -s a.example.com a
	[ "$(value generation) $(value old)" = "2 $first" ]
	cert-revert -q a
	[ "$(value generation) $(value reason) $(value new)" = \
	    "3 revert $first" ]
	cert-set -q a note=x
	[ "$(value generation) $(value reason)" = "4 set" ]
	cert-set -q a default=yes
	[ "$(value entry) $(value reason)" = "a default" ]
	cert-set -q a default=no
	[ "$(value entry) $(value reason)" = "a no-default" ]
	cert-set -q @new life=90d
	[ "$(value entry) $(value reason)" = "@new set" ]
	cert-renew -q -f a
	[ "$(value command) $(value reason)" = "cert-renew renew" ]
	cert-create -R -s a.example.com a >a.csr
	[ "$(value reason)" = request ]
	cert-show -o cert ca | cert-trust -q add -
	[ "$(value entry) $(value generation)" = "@trust 1" ]
	cert-show -o cert ca | cert-trust -q -T phones add -
	[ "$(value entry) $(value generation)" = "@trust/phones 1" ]
	was=$(fingerprint a)
	cert-rm -f a
	[ "$(value entry) $(value reason) $(value old)" = "a remove $was" ]
	[ -z "$(value new)" ]
	valid
	# what changes nothing has no line
	n=$(wc -l <"$log")
	cert-set -q ca note= >/dev/null || :
	cert-rm -f a
	cert-list >/dev/null
	cert-create -n -s b.example.com b
	[ "$(wc -l <"$log")" -eq "$n" ]
}

@test "several at once, and foreign bytes" {
	SUDO_USER=$'a"\\\n\xff{}' cert-create -q a.example.com
	[ "$(value claimed)" = 'a"\\\n\377{}' ]
	SUDO_USER=$(printf '%9999s' x) cert-create -q b.example.com
	valid
	cert-set -q a.example.com b.example.com note=x
	[ "$(said a.example.com 2) $(said b.example.com 2)" = "1 1" ]
	cert-rm a.example.com b.example.com
	[ "$(said a.example.com 2) $(said b.example.com 2)" = "2 2" ]
	valid
}

@test "a log that cannot be written stops no change, and that is reported" {
	cp /etc/passwd before
	cert-create -c ca
	for kind in fifo directory link dangling full; do
		rm -rf "$log"
		case $kind in
		fifo) mkfifo "$log" ;;
		directory) mkdir "$log" ;;
		link) ln -s /etc/passwd "$log" ;;
		dangling) ln -s ../made "$log" ;;
		full) ln -s /dev/full "$log" ;;
		esac
		run -0 --separate-stderr within 10 cert-set ca "note=$kind"
		[[ $stderr == *"$log: is not a regular file"*"not in the log"* ]]
		[ "$(cert-set -o note ca)" = "note=$kind" ]
		[ -z "$(ls -A "$CERTSTORE/.pending")" ]
	done
	[ ! -e "$CERTSTORE/../made" ]
	cmp before /etc/passwd
	rm -rf "$log"
	cert-set -q ca note=again
	[ "$(wc -l <"$log")" -eq 2 ]
	if [ "$(id -u)" -ne 0 ]; then
		chmod 440 "$log"
		run -0 --separate-stderr cert-set ca note=read-only
		[[ $stderr == *"$log: this change is not in the log: "* ]]
	fi
}

@test "a log without bytes begins anew, a torn line is ended" {
	cert-create -c ca
	: >"$log"
	cert-set -q ca note=x
	[ "$(wc -l <"$log")" -eq 2 ]
	grep -q '"begin":true' "$log"
	printf '{"time":"2026-' >>"$log"
	cert-set -q ca note=y
	[ "$(tail -n 2 "$log" | head -n 1)" = '{"time":"2026-' ]
	[ "$(value generation)" = 3 ]
}

@test "a full disk: the change is made, and the log keeps its lines" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to mount"
	unshare -m true 2>/dev/null || skip "cannot mount here"
	cert-create -c ca
	cp "$log" before
	traceable
	# the write(2) of a line is the last one of this writer
	strace -o trace -e trace=write cert-set -q ca note=x
	n=$(grep -n '{' trace | tail -n 1 | cut -d : -f 1)
	cp before "$log"
	run -0 --separate-stderr strace -o /dev/null \
	    -e inject="write:error=ENOSPC:when=$n" cert-set -q ca note=y
	cmp before "$log"
	[ "$(cert-set -o note ca)" = note=y ]
}

@test "syslog: a line to the caller, as @store has it" {
	cert-create -c ca
	run -2 cert-set @store log=file
	run -2 cert-set ca log=syslog
	run -2 cert-set @new log=syslog
	traceable
	strace -f -o trace -e trace=connect,socket cert-set -q ca note=x
	! grep -q /dev/log trace
	cert-set -q @store log=syslog
	[ "$(cert-set @store)" = log=syslog ]
	strace -f -o trace -e trace=connect,socket cert-set -q ca note=y
	grep -q /dev/log trace
	cert-set -q @store log=
	strace -f -o trace -e trace=connect,socket cert-set -q ca note=z
	! grep -q /dev/log trace
}

# killed CALL N COMMAND...: before its Nth system call of this name.
killed() {
	sh -c 'strace -f -qq -o /dev/null -e inject="$0" "$@"; exit' \
	    "$1:signal=KILL:when=$2" "${@:3}" >/dev/null 2>&1 || :
}

@test "after a kill the next writer adds the line, once" {
	traceable
	cert-create -c ca
	cert-create -q a.example.com
	cert-create -q -f a.example.com
	cp -a "$CERTSTORE" saved
	strace -f -qq -o trace -e trace=all \
	    cert-create -q -f a.example.com
	cut -d ' ' -f 2- trace | sed -n 's/^ *\([a-z_0-9]*\)(.*/\1/p' |
	    awk '{ print $1, ++n[$1] }' >all
	# from the switch on
	sed -n "$(grep -n '^renameat ' all | tail -n 1 | cut -d : -f 1),\$p" \
	    all >these
	[ "$(wc -l <these)" -ge 20 ]
	told=0
	while read -r call n <&4; do
		rm -rf "$CERTSTORE"
		cp -a saved "$CERTSTORE"
		: >"$CERTSTORE/.lock"
		killed "$call" "$n" cert-create -q -f a.example.com
		cert-rm -f nobody
		gen=$(readlink "$CERTSTORE/certs/a.example.com")
		gen=${gen#*@}
		[ "$(said a.example.com "$gen")" -ge 1 ] ||
		    fail "$call $n: no line of $gen: $(cat "$log")"
		[ "$(said a.example.com "$gen")" -eq 1 ] ||
		    fail "$call $n: doubles: $(cat "$log")"
		! grep -q recovered "$log" || told=1
		valid
	done 4<these
	[ "$told" -eq 1 ]
}

@test "a removal after a kill, and a number that begins again" {
	traceable
	cert-create -q a.example.com
	cert-rm -f a.example.com
	cert-create -q a.example.com
	cp -a "$CERTSTORE" saved
	strace -f -qq -o trace -e trace=fsync cert-rm -f a.example.com
	n=$(grep -c fsync trace)
	for at in $(seq "$n"); do
		rm -rf "$CERTSTORE"
		cp -a saved "$CERTSTORE"
		: >"$CERTSTORE/.lock"
		killed fsync "$at" cert-rm -f a.example.com
		cert-rm -f nobody
		gone=1
		[ ! -L "$CERTSTORE/certs/a.example.com" ] || gone=0
		[ "$(grep -c '"reason":"remove"' "$log")" -eq \
		    $((gone + 1)) ] || fail "fsync $at: $(cat "$log")"
	done
	# the same again: generation 1, and its line is that of a removal
	rm -rf "$CERTSTORE"
	cp -a saved "$CERTSTORE"
	cert-rm -f a.example.com
	strace -f -qq -o trace -e trace=unlinkat cert-create -q b.example.com
	killed unlinkat "$(grep -c unlinkat trace)" cert-create -q a.example.com
	cert-rm -f nobody
	[ "$(value entry)" = a.example.com ]
	valid
}

@test "a log whose first line is damaged does not say what it lacks" {
	local line

	cert-create a.example
	for line in x '{"time":"' '{"time":"soon","x":""}' \
	    '{"time":"2026-01-01T00:00:00Z, and that is too long","x":""}'; do
		echo "$line" >"$log"
		run -0 cert-check
		[ -z "$output" ] || fail "$line: $output"
	done
	echo '{"time":"2026-01-01T00:00:00Z","x":""}' >"$log"
	run -1 cert-check
	[[ $output == *$'\ta.example\tunlogged\t'* ]] || fail "$output"
}
