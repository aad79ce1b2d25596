# acmemock.bash: tests that use the ACME server tests/acmemock.  Load pki first.
# shellcheck shell=bash

setup_file() {
	local i top=$BATS_FILE_TMPDIR/mock

	command -v python3 >/dev/null || return 0
	shared mocked mocked
	mkdir "$top"
	python3 "$BATS_TEST_DIRNAME/acmemock" "$top" "$shared/localhost.crt" \
	    "$shared/localhost.key" "$ROOT/tests/pki" \
	    </dev/null >"$top/stdout" 2>&1 3>&- 4>&- &
	echo $! >"$top/pid"
	for i in $(seq 300); do
		[ ! -s "$top/port" ] || return 0
		sleep 0.02
	done
	cat "$top/stdout" >&2
	fail "the server did not start: try $i"
}

teardown_file() {
	[ ! -s "$BATS_FILE_TMPDIR/mock/pid" ] ||
	    kill "$(cat "$BATS_FILE_TMPDIR/mock/pid")"
}

# What all tests use: the server's certificate, what issues, what it may send.
mocked() {
	local i ca=long chain=()

	ca bed /CN=bed
	server localhost bed localhost
	ca root '/CN=mock root'
	for i in 1 2; do
		sign "inter$i" root "/CN=mock R1$i" 3650 \
		    basicConstraints=critical,CA:TRUE \
		    keyUsage=critical,keyCertSign,cRLSign
	done
	server other root other.example.test
	# each issued by the one before
	sign long root /CN=long 3650 'basicConstraints=critical,CA:TRUE'
	for i in $(seq 49); do
		chain+=(-- cert "c$i.crt" long.key "/CN=mock $i" days=3650
		    "ca=$ca.crt" key=long.key subjectKeyIdentifier=hash
		    'basicConstraints=critical,CA:TRUE')
		ca=c$i
	done
	pki "${chain[@]:1}"
	cat $(seq -f 'c%g.crt' 48 -1 1) long.crt >above
	mv c49.crt last.crt
	cp long.key last.key
	for i in $(seq 70); do
		cat above
	done >large
	rm -f c[0-9]*.crt
	echo '<html><body>Bad gateway</body></html>' >html
}

# A server of this test's own, $mock, and an account there in an empty store.
mock_setup() {
	common_setup
	command -v python3 >/dev/null || skip 'no python3: NOT TESTED'
	shared mocked mocked
	mock=$BATS_FILE_TMPDIR/mock/$BATS_TEST_NUMBER
	mkdir "$mock"
	rewritten=0
	cp "$shared"/* "$mock"
	directory=https://localhost:$(cat "$BATS_FILE_TMPDIR/mock/port")/$BATS_TEST_NUMBER/dir
	cert-account -qy -T "$shared/bed.crt" new mock directory="$directory"
}

setup() {
	mock_setup
}

# rules LINE...: what the server does from here on; log and counts begin anew.
rules() {
	printf '%s\n' "$@" "# $((++rewritten))" >"$mock/rules.new"
	mv "$mock/rules.new" "$mock/rules"
	: >"$mock/log"
}

# asked RESOURCE: how often, since the rules were written.
asked() {
	grep -c "^$1 " "$mock/log"
}

# order NAME [OPTION ARGUMENT] [PROP=VALUE]: gets one for NAME.example.test.
order() {
	local name=$1 options=()

	shift
	case ${1:-} in
	-*)
		options=("$1" "$2")
		shift 2
		;;
	esac
	cert-acme -A mock -m "webroot:$PWD" -s "$name.example.test" \
	    "${options[@]}" "$name" "$@"
}

# renew NAME [ARGUMENT...]: what is not due yet, too.
renew() {
	cert-acme -u -e 1000d "$@"
}

print() {
	cert-show -o fingerprint "$1"
}

# state NAME KEY: what is kept of its order.
state() {
	sed -n "s/^$2 //p" "$CERTSTORE/acme/orders/$1/state"
}

# setstate NAME KEY VALUE
setstate() {
	sed -i "s/^$2 .*/$2 $3/" "$CERTSTORE/acme/orders/$1/state"
}

# No failure of an entry is remembered.
nofailure() {
	[ -z "$(ls "$CERTSTORE/renewal" 2>/dev/null)" ] ||
	    fail "$(grep . "$CERTSTORE"/renewal/*)"
}

# One line of printable text, which says all that.
oneline() {
	local word

	[ "${#stderr_lines[@]}" -eq 1 ] || fail "not one line: $stderr"
	[[ $stderr != *[^[:print:]]* ]] || fail "not printable: $stderr"
	for word in "$@"; do
		[[ $stderr == *"$word"* ]] || fail "no \"$word\": $stderr"
	done
}

at() {
	date -u -d "$1" +%FT%TZ
}

# stamp WHEN: as a certificate has it.
stamp() {
	date -u -d "$1" +%Y%m%d%H%M%SZ
}

# later SECONDS COMMAND...: where the clock is so much ahead.
later() {
	env CLOCK_OFFSET="$1" LD_PRELOAD="$ROOT/tests/clock.so" \
	    ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" "${@:2}"
}
