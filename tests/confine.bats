#!/usr/bin/env bats
# confine.bats: what a command cannot do, whoever controls it: write elsewhere
# than in its store, run a program, connect; and where keys cannot be found.
# tests/hostile.so, preloaded, tries all this at the end of each process.

load helper
load servers

setup() {
	common_setup
	export HOSTILE_DIR=$BATS_TEST_TMPDIR/outside
	mkdir "$HOSTILE_DIR"
}

# confined: skips if this kernel or this build confines nothing.
confined() {
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip "sanitizers write and run"
	grep -q '^Seccomp' /proc/self/status || skip "not Linux"
	cert-create -q -s here.example.com here
	strace -qq -o trace -e trace=landlock_restrict_self cert-list -q ||
	    skip "strace cannot trace here"
	grep -q ' = 0$' trace || {
		echo "# NOT TESTED: this kernel has no Landlock" >&3
		skip "this kernel has no Landlock"
	}
}

# hostile COMMAND...: runs it with the library; what that could do is in $could,
# a word for each.
hostile() {
	echo something >"$HOSTILE_DIR/victim"
	rm -f "$HOSTILE_DIR/made"
	LD_PRELOAD=$ROOT/tests/hostile.so "$@" >out 2>err </dev/null || :
	could=$(sed -n 's/^hostile: \([a-z]*\).*/\1/p' err | paste -sd' ' -)
}

# listen: a server on loopback at $HOSTILE_PORT.
listen() {
	export HOSTILE_PORT
	HOSTILE_PORT=$(freeport)
	perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(Listen => 9,
	    LocalAddr => "127.0.0.1", LocalPort => shift) or die;
	    $s->accept while 1' "$HOSTILE_PORT" 3>&- &
	started "$HOSTILE_PORT" $!
}

@test "the library can do all this in another program" {
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip "a preloaded library and ASan"
	listen
	hostile perl -e 1
	[ "$could" = "make write truncate remove connect run" ] ||
	    fail "it could only $could"
}

@test "a reader cannot write, connect or run a program" {
	local -a commands

	confined
	listen
	cert-create -c -q ca
	cert-create -A ca -q -s www.example.com www
	cert-trust -q add "$CERTSTORE/certs/ca/cert.pem"
	commands=("cert-list" "cert-list -e 30d" "cert-match www.example.com"
	    "cert-show www" "cert-show -i $CERTSTORE/certs/www/fullchain.pem"
	    "cert-verify www" "cert-set www" "cert-trust list"
	    "cert-account list" "cert-check" "cert-check www" "cert-probe -q"
	    "cert-report")
	for command in "${commands[@]}"; do
		for HOSTILE_DIR in "$BATS_TEST_TMPDIR/outside" "$CERTSTORE"; do
			# shellcheck disable=SC2086  # words
			hostile $command
			case $command in
			cert-account*|cert-probe*) could=${could/connect/} ;;
			esac
			[ -z "${could// /}" ] ||
			    fail "$command could $could in $HOSTILE_DIR"
		done
	done
	rm -f "$CERTSTORE/victim"
}

@test "a writer can write in its store and nowhere else" {
	local -a commands

	confined
	listen
	cert-create -q -c ca
	cp "$CERTSTORE/certs/ca/cert.pem" ca.pem
	cp "$CERTSTORE/certs/here/combined.pem" here.pem
	cert-create -q -d elsewhere -R -s a.example.com a >a.csr
	mkdir sub
	(umask 077; echo 'correct horse' >pass)
	cert-create -q -d elsewhere -R -s b.example.com b >sub/b.csr
	commands=("cert-create -A ca -s b.example.com b"
	    "cert-create -d new -s b.example.com b"
	    "cert-create -A ca -f -s b.example.com b" "cert-revert b"
	    "cert-import -N c here.pem" "cert-set b note=x" "cert-rm c"
	    "cert-trust add ca.pem" "cert-sign -A ca a.csr" "cert-crl ca" "cert-check -r"
	    "cert-sign -qfA ca a.csr sub/b.csr"
	    "cert-export -E pass here here.p12"
	    "cert-export -P legacy -E pass here $PWD/sub/here.p12"
	    "cert-check -M metrics:metrics.prom"
	    "cert-check -r -M metrics:$PWD/metrics.prom")
	for command in "${commands[@]}"; do
		# shellcheck disable=SC2086  # words
		hostile $command
		[ -z "$could" ] || fail "$command could $could"
		! grep -v '^hostile' err | grep -q 'ermission\|not permitted' ||
		    fail "$command: $(cat err)"
	done
	run -0 cert-list -o name -d new
	[ "$output" = b ]
	run -0 cert-list -o name
	[ "$output" = $'b\nca\nhere' ]

	HOSTILE_DIR=$CERTSTORE
	hostile cert-set b note=y
	[ "$could" = "make write truncate remove" ] || fail "only $could"
}

@test "a store that a link leads to is written" {
	confined
	mkdir elsewhere
	ln -s "$PWD/elsewhere" link
	cert-create -q -d link -s a.example.com a
	[ -f elsewhere/certs/a/privkey.pem ]
}

@test "an older kernel confines less, and all commands work" {
	local inject

	confined
	for inject in error=ENOSYS error=EOPNOTSUPP retval=1:when=1 \
	    retval=2:when=1 retval=3:when=1 retval=99:when=1; do
		for command in "cert-create -qf -s a.example.com a" \
		    "cert-set a note=x" "cert-match a.example.com" "cert-rm a"
		do
			# shellcheck disable=SC2086  # words
			strace -qq -o /dev/null \
			    -e inject=landlock_create_ruleset:"$inject" \
			    $command || fail "$command with $inject"
		done
	done
}

@test "any user reads what is not secret in a store of root" {
	[ "$(id -u)" -eq 0 ] || skip "only root can change to another user"
	cert-create -q -s a.example.com a
	reachable
	for command in "cert-list" "cert-match a.example.com" "cert-show a" \
	    "cert-trust list"; do
		# shellcheck disable=SC2086  # words
		setpriv --reuid 65534 --regid 65534 --clear-groups \
		    --no-new-privs "$BIN/"$command >out ||
		    fail "$command fails as another user"
	done
}

# waiting COMMAND...: starts it while another writer has the lock, and returns
# when it waits, with its keys made; its process is $waiter.
waiting() {
	exec 8<"$CERTSTORE/.lock"
	flock 8
	"$@" >out 2>err 8<&- &
	waiter=$!
	for ((i = 0; i < 400; i++)); do
		! grep -q nanosleep "/proc/$waiter/wchan" || return 0
		sleep 0.05
	done
	fail "it does not wait for the lock"
}

@test "no key is in a core file, arguments or environment" {
	cert-create -q -s here.example.com here
	read -r pattern </proc/sys/kernel/core_pattern
	[ "$pattern" = core ] || skip "core files go to $pattern"
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip "sanitizers catch the signal"
	ulimit -c unlimited 2>/dev/null || skip "no core files here"
	sleep 60 &
	kill -SEGV $!
	run wait $!
	[ -n "$(find . -name 'core*')" ] || skip "no core files here"
	rm -f core*

	echo "open sesame" >pass
	chmod 600 pass
	waiting cert-create -c -E pass ca
	tr '\0' '\n' <"/proc/$waiter/cmdline" >args
	cat "/proc/$waiter/environ" >>args 2>/dev/null || :
	kill -SEGV "$waiter"
	wait "$waiter" || status=$?
	[ "$status" -eq 139 ] || fail "status $status: $(cat err)"
	exec 8<&-
	[ -z "$(find . "$CERTSTORE" -name 'core*')" ] || fail "a core file"
	! grep -q sesame args out err || fail "the passphrase is public"
	! grep -rlq sesame "$CERTSTORE" || fail "the passphrase is stored"
}

@test "another process of the user cannot read the keys of a writer" {
	[ "$(id -u)" -eq 0 ] || skip "only root can change to another user"
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip "LeakSanitizer reads them"
	reachable
	install -d -o 65534 "$BATS_TEST_TMPDIR/theirs"
	CERTSTORE=$BATS_TEST_TMPDIR/theirs/store
	as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	"${as[@]}" "$BIN/cert-create" -q -s here.example.com here
	waiting "${as[@]}" "$BIN/cert-create" -s a.example.com a
	run "${as[@]}" head -c 1 "/proc/$waiter/mem"
	[[ $output == *"ermission denied"* ]] || fail "it can: $output"
	kill "$waiter"
	exec 8<&-
}

@test "a file with a key is for its owner from the first moment on" {
	cert-create -q -c ca
	cp "$CERTSTORE/certs/ca/combined.pem" ca.pem 2>/dev/null ||
	    cat "$CERTSTORE"/certs/ca/{privkey,cert}.pem >ca.pem
	chmod 600 ca.pem
	strace -o /dev/null true || skip "strace cannot trace here"
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip "strace and LeakSanitizer"
	umask 0
	for command in "cert-create -q -s a.example.com a" \
	    "cert-create -qf -s a.example.com a" "cert-revert -q a" \
	    "cert-create -q -R -s b.example.com b" \
	    "cert-import -q -N copy ca.pem" "cert-set -q a note=x" \
	    "cert-renew -q -f a"; do
		# shellcheck disable=SC2086  # words
		strace -f -qq -y -o trace -e trace=openat,chmod,fchmod,fchmodat \
		    $command || fail "$command: $?"
		# each file that is made, and each mode that a key gets
		! grep O_CREAT trace | grep -v '/\.lock' |
		    grep -v ', 0[0-6]00) =' || fail "$command makes these"
		! grep 'fchmod.*\(privkey\|combined\|request\.key\)' trace |
		    grep -v ', 0[0-6][04]0) =' || fail "$command opens these"
	done
	run find "$CERTSTORE" \( -name 'privkey.pem' -o -name 'combined.pem' \
	    -o -name '*.key' \) -type f ! -perm 0600
	[ -z "$output" ] || fail "$output"
}
