# servers.bash: real servers on loopback, for tests of what they make of our
# files.  Use "load servers" after "load helper"; tests/deps.sh names their
# packages.

# want COMMAND: without it, as on a host with less, that is said.
want() {
	command -v "$1" >/dev/null || skip "$1 is not installed: NOT TESTED"
}

# freeport: a port of loopback on which nothing listens.
freeport() {
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1,
	    LocalAddr => "127.0.0.1")->sockport'
}

# started PORT|SOCKET PID: waits until it listens; it ends with the test.
started() {
	local i

	echo "$2" >>"$BATS_TEST_TMPDIR/servers"
	for i in $(seq 200); do
		case $1 in
		/*) [ ! -S "$1" ] || return 0 ;;
		*) ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null || return 0 ;;
		esac
		kill -0 "$2" || fail "it does not start: try $i" || return 1
		sleep 0.05
	done
	fail "it does not listen"
}

# logged FILE PATTERN [PID]: waits until a line of the file matches.
logged() {
	local i

	for i in $(seq 400); do
		! grep -q -e "$2" "$1" 2>/dev/null || return 0
		sleep 0.05
	done
	cat "$1" >&2
	return 1
}
