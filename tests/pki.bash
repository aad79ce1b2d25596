# pki.bash: keys and certificates that our commands did not make, and what is
# made once for all tests.  "load pki" behind "load helper".
#
# Keys and certificates come from tests/pki, in a few milliseconds; openssl
# takes three or four starts for the same.  A certificate NAME is in NAME.crt,
# its key in NAME.key, of the type p256 unless "key" has made another one
# before.  Use openssl itself only where its own form of something is tested,
# or to judge what we made.

# pki COMMAND ...: the first comment of tests/pki.c explains the commands.
pki() {
	# it ends at once and frees nothing
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 "$ROOT/tests/pki" "$@"
}

# shared NAME COMMAND...: the directory of this name, in $shared, in which the
# command has worked.  It is run for the first test that asks; what it makes is
# there for all tests of the run (tests/run) or of the file (bats), to be
# copied from and never to be changed.
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

# key NAME [TYPE]: p256, p384, ed25519, rsa:BITS.  The one for rsa:2048 is
# always the same, since that takes long to make.
key() {
	case ${2:-} in
	rsa:2048) cp "$DATA/keys/pkcs1.pem" "$1.key" ;;
	*) pki key "$1.key" "${2:-p256}" ;;
	esac
}

# ca NAME SUBJECT [WORD...]: a CA that signed itself, for ten years.
ca() {
	local name=$1 subject=$2

	shift 2
	pki cert "$name.crt" "$name.key" "$subject" days=3650 \
	    subjectKeyIdentifier=hash authorityKeyIdentifier=keyid:always \
	    basicConstraints=critical,CA:TRUE \
	    keyUsage=critical,keyCertSign,cRLSign "$@"
}

# sign NAME CA SUBJECT DAYS [WORD...]: a certificate that the CA signed.
sign() {
	local name=$1 ca=$2 subject=$3 days=$4

	shift 4
	pki cert "$name.crt" "$name.key" "$subject" "ca=$ca.crt" \
	    "key=$ca.key" "days=$days" subjectKeyIdentifier=hash \
	    authorityKeyIdentifier=keyid "$@"
}

# server NAME CA HOST [DAYS [WORD...]]: for a TLS server.
server() {
	sign "$1" "$2" "/CN=$3" "${4:-90}" "subjectAltName=DNS:$3" \
	    extendedKeyUsage=serverAuth "${@:5}"
}
