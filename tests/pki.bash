# pki.bash: keys and certificates made without our commands, and files that are
# made once for all tests.  Use "load pki" after "load helper".
#
# tests/pki makes keys and certificates in a few milliseconds; openssl would
# have to be started three or four times.  The certificate NAME is in NAME.crt,
# its key in NAME.key, of the type p256 unless "key" has made it before.  Use
# openssl only to test its own formats, or to verify what our commands made.

# pki COMMAND ...: the first comment of tests/pki.c explains the commands.
pki() {
	# it ends at once and frees nothing
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 "$ROOT/tests/pki" "$@"
}

# shared NAME COMMAND...: sets $shared to a directory in which the command has
# been run.  It is run once for all tests of a run (tests/run) or a file (bats).
# Tests copy files from the directory and never change it.
shared() {
	local all=${TESTS_SHARED:-$BATS_RUN_TMPDIR} work

	shared=$all/shared.$1
	[ ! -d "$shared" ] || return 0
	shift
	work=$(mktemp -d "$all/work.XXXXXX") || return 1
	chmod 755 "$work"
	(cd "$work" && "$@") || return 1
	# another file may have been faster
	mv -T "$work" "$shared" 2>/dev/null || [ -d "$shared" ]
}

# key NAME [TYPE]: makes a key: p256, p384, ed25519, rsa:BITS.  For rsa:2048 it
# is always the same, since making one takes long.
key() {
	case ${2:-} in
	rsa:2048) cp "$DATA/keys/pkcs1.pem" "$1.key" ;;
	*) pki key "$1.key" "${2:-p256}" ;;
	esac
}

# ca NAME SUBJECT [WORD...]: makes a self-signed CA, valid for ten years.
ca() {
	local name=$1 subject=$2

	shift 2
	pki cert "$name.crt" "$name.key" "$subject" days=3650 \
	    subjectKeyIdentifier=hash authorityKeyIdentifier=keyid:always \
	    basicConstraints=critical,CA:TRUE \
	    keyUsage=critical,keyCertSign,cRLSign "$@"
}

# sign NAME CA SUBJECT DAYS [WORD...]: makes a certificate issued by the CA.
sign() {
	local name=$1 ca=$2 subject=$3 days=$4

	shift 4
	pki cert "$name.crt" "$name.key" "$subject" "ca=$ca.crt" \
	    "key=$ca.key" "days=$days" subjectKeyIdentifier=hash \
	    authorityKeyIdentifier=keyid "$@"
}

# server NAME CA HOST [DAYS [WORD...]]: makes one for a TLS server.
server() {
	sign "$1" "$2" "/CN=$3" "${4:-90}" "subjectAltName=DNS:$3" \
	    extendedKeyUsage=serverAuth "${@:5}"
}

# thousand: for shared: a store of 1,011 entries, a CA and what it issued.
thousand() {
	"$ROOT/tests/bench/gen" store store 0 1009
}
