# helper.bash: functions for all bats files.  "load helper" gives each test an
# empty working directory, the path of a store that does not exist yet, the
# commands in PATH, and TLS servers on loopback that end with the test.
#
#	ROOT		top of the source tree
#	BIN		where the commands are: $CERTSTORE_BIN, else the tree
#	DATA		tests/data
#	CERTSTORE	$BATS_TEST_TMPDIR/store
#
# A file with a setup or teardown of its own calls common_setup and
# common_teardown in them.

bats_require_minimum_version 1.5.0

ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
# shellcheck disable=SC2034  # for the files that load this one
DATA=$ROOT/tests/data
BIN=${CERTSTORE_BIN:-$ROOT}
if [ -z "${CERTSTORE_BIN:-}" ] && [ ! -x "$BIN/cert-create" ] &&
    [ -x "$ROOT/cmd/cert-create" ]; then
	BIN=$ROOT/cmd
fi

# bats records the position of each command in a DEBUG trap, which takes a
# quarter of the time of all tests.  The report needs only the position of a
# failure, which an ERR trap records.
follow_failures() {
	if [ "${BATS_TRACE_LEVEL:-0}" -eq 0 ] &&
	    declare -F bats_debug_trap bats_error_trap >/dev/null; then
		trap - DEBUG
		trap 'BATS_ERROR_STATUS=$?
		    bats_debug_trap "${BASH_SOURCE[0]}"
		    BATS_DEBUG_LAST_STACK_TRACE_IS_VALID=1
		    bats_error_trap' ERR
	fi
}

# "run --separate-stderr" calls mktemp each time; one file is enough.
mktemp() {
	case $* in
	*/separate-stderr-*)
		: >"$BATS_TEST_TMPDIR/separate-stderr"
		echo "$BATS_TEST_TMPDIR/separate-stderr"
		;;
	*) command mktemp "$@" ;;
	esac
}

common_setup() {
	follow_failures
	unset MAILTO NO_COLOR OPENSSL_CONF SSL_CERT_FILE SSL_CERT_DIR
	export LC_ALL=C.UTF-8 TZ=UTC0
	export PATH="$BIN:$PATH"
	export CERTSTORE="$BATS_TEST_TMPDIR/store"
	export HOME="$BATS_TEST_TMPDIR"
	umask 022
	mkdir -p "$BATS_TEST_TMPDIR/cwd"
	cd "$BATS_TEST_TMPDIR/cwd" || return 1
}

common_teardown() {
	local pid

	[ -f "$BATS_TEST_TMPDIR/servers" ] || return 0
	while read -r pid; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done <"$BATS_TEST_TMPDIR/servers"
}

setup() {
	common_setup
}

teardown() {
	common_teardown
}

# reachable: other users get to the directory of this test.
reachable() {
	local dir

	for dir in "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "${TMPDIR:-/tmp}" \
	    "$(dirname "${TMPDIR:-/tmp}")"; do
		[[ $dir != *certstore-tests* ]] || chmod 711 "$dir"
	done
	chmod 711 "$(dirname "$BATS_TEST_TMPDIR")"
}

# traceable: skips where strace(1) cannot trace our commands.
traceable() {
	[ -z "${CERTSTORE_SANITIZE:-}" ] ||
	    skip "strace and the leak sanitizer do not go together"
	strace -o /dev/null true 2>/dev/null || skip "strace cannot trace here"
}

# fail MESSAGE...: prints the reason, and the test fails.
fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# within SECONDS COMMAND...: runs the command, with a limit for its CPU time.
within() (
	ulimit -t "$1"
	shift
	exec "$@"
)

# session COMMAND: runs it on a terminal.  Text written to descriptor 7 is
# typed, the output of the terminal is in ./log, the process is $session.
session() {
	rm -f keyboard log
	mkfifo keyboard
	# in the background SIGINT is ignored
	env --default-signal=INT script -qefc "$1" log <keyboard >/dev/null \
	    2>&1 3>&- &
	session=$!
	exec 7>keyboard
}

# shown REGEX: waits until the terminal shows a match.
shown() {
	until grep -qE "$1" log 2>/dev/null; do
		if ! kill -0 "$session" 2>/dev/null; then
			grep -qE "$1" log && return 0
			fail "the session ended without: $1"
			return 1
		fi
		sleep 0.02
	done
}

# over: waits for the end of the session; returns its status.
over() {
	local status=0

	wait "$session" || status=$?
	exec 7>&-
	return "$status"
}

# tick: waits until a change gets another time than the last one.  What else than
# a command changes certs/ or index/ in the same tick of the clock as a command
# is not noticed.
tick() {
	local was

	touch "$BATS_TEST_TMPDIR/tick"
	was=$(stat -c %y "$BATS_TEST_TMPDIR/tick")
	while [ "$(stat -c %y "$BATS_TEST_TMPDIR/tick")" = "$was" ]; do
		touch "$BATS_TEST_TMPDIR/tick"
	done
}

# mode FILE: its permission bits in octal.
mode() {
	stat -c %a "$1"
}

# litter DIR: the names in DIR that no writer may leave behind.
litter() {
	find "$1" \( -path "$1/.pending/*" -o -name '*.tmp' -o -name '*~' \) \
	    2>/dev/null
}

# serve ARG...: starts openssl s_server with these arguments on a free port
# of 127.0.0.1; the port is in $port, the process in $server.
serve() {
	local log i

	log=$(mktemp "$BATS_TEST_TMPDIR/server.XXXXXX")
	# -www: without it the server reads stdin and stops at its end.
	openssl s_server -accept 127.0.0.1:0 -www "$@" \
	    </dev/null >"$log" 2>&1 3>&- &
	server=$!
	# In a file: this may be a subshell.
	echo "$server" >>"$BATS_TEST_TMPDIR/servers"
	for i in $(seq 200); do
		port=$(sed -n 's/^ACCEPT .*:\([0-9][0-9]*\)$/\1/p' "$log" |
		    head -n 1)
		[ -z "$port" ] || return 0
		kill -0 "$server" 2>/dev/null || break
		sleep 0.05
	done
	cat "$log" >&2
	fail "openssl s_server did not start: try $i"
}

# handshake HOST CAFILE [ARG...]: a TLS handshake with the server on $port
# that verifies the chain and the host name or address.
handshake() {
	local host=$1 cafile=$2 check=-verify_hostname

	shift 2
	case $host in
	*:*|*[0-9].[0-9]*) check=-verify_ip ;;
	esac
	openssl s_client -connect "127.0.0.1:$port" "$check" "$host" \
	    -verify_return_error -x509_strict -no-CApath -no-CAstore \
	    -CAfile "$cafile" "$@" </dev/null
}

# proven NAME HOST [ROOT]: whether the entry NAME works for HOST: openssl
# verifies its chain strictly, and a TLS server with its files passes a
# handshake for HOST.  The trust anchor is ROOT, or that of cert-show.
proven() {
	local dir=$CERTSTORE/certs/$1 root=${3:-$BATS_TEST_TMPDIR/root.pem}
	local chain=$BATS_TEST_TMPDIR/chain.pem

	[ -n "${3:-}" ] || cert-show -o root "$1" >"$root" || return 1
	openssl verify -x509_strict -no-CApath -no-CAstore -CAfile "$root" \
	    -untrusted "$dir/fullchain.pem" -purpose sslserver \
	    "$dir/fullchain.pem" || return 1
	# s_server takes only the first certificate of -cert.
	awk '/BEGIN CERT/ { n++ } n > 1' "$dir/fullchain.pem" >"$chain"
	if [ -s "$chain" ]; then
		serve -cert "$dir/fullchain.pem" -cert_chain "$chain" \
		    -key "$dir/privkey.pem" || return 1
	else
		serve -cert "$dir/fullchain.pem" -key "$dir/privkey.pem" ||
		    return 1
	fi
	handshake "$2" "$root"
}
