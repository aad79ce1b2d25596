#!/usr/bin/env bats
# symbols.bats: the shared library exports exactly what certstore.h declares,
# the commands use only that, and those that need no libcrypto do not load it.

load helper

# The symbols that the version script exports, sorted.
mapped() {
	sed -n 's/^	\([a-z0-9_]*\);$/\1/p' "$ROOT/lib/libcertstore.map" |
	    sort
}

@test "the shared library exports exactly the list" {
	nm -D --defined-only "$ROOT/libcertstore.so.0" |
	    sed -n 's/.* [A-Z] \([^@]*\).*/\1/p' |
	    grep -vx LIBCERTSTORE_0 | sort >exported
	mapped >list
	diff list exported
}

@test "the list has the functions of certstore.h, in their order" {
	printf '#include <certstore.h>\n' |
	    cc -E -P -I"$ROOT/lib" - | tr '\n' ' ' |
	    grep -o 'certstore_[a-z0-9_]* *(' | tr -d ' (' | sort >declared
	mapped >list
	diff list declared
	sed -n 's/^	\([a-z0-9_]*\);$/\1/p' \
	    "$ROOT/lib/libcertstore.map" | LC_ALL=C sort -c
}

@test "every exported function is in a page of section 3" {
	cat "$ROOT"/man/*.3 >pages
	for symbol in $(mapped); do
		grep -qx "\.Nm $symbol\( ,\)\?" pages ||
		    fail "$symbol: in no NAME of man/*.3"
		grep -q "^\.F[no] \"\?$symbol\b" pages ||
		    fail "$symbol: in no SYNOPSIS of man/*.3"
	done
}

@test "commands use only exported functions" {
	mapped >list
	for object in "$ROOT"/cmd/*.o; do
		nm -u "$object" | sed 's/^ *U //' |
		    grep -E '^(certstore|cs)_' | sort |
		    comm -13 list - >forbidden || :
		[ ! -s forbidden ] ||
		    fail "${object##*/}: not exported: $(cat forbidden)"
	done
}

@test "commands include no OpenSSL header and none of the library's own" {
	# but for the file that cert-probe has for its handshakes, and the one
	# that gives libcrypto its memory
	run -1 sh -c "grep -nE 'include.*(openssl/|internal\.h|crypto\.h)' \
	    '$ROOT'/cmd/*.[ch] | grep -vE '^[^:]*/(probe-tls|memory)\.c:'"
}

@test "the public header names no OpenSSL type" {
	run -1 grep -nE 'openssl|X509|EVP_|BIO' "$ROOT/lib/certstore.h"
}

@test "commands that need no certificate parsed do not load libcrypto" {
	for command in cert-check cert-deploy cert-list cert-match cert-renew \
	    cert-revert cert-rm cert-set; do
		run -0 ldd "$ROOT/$command"
		[[ $output != *libcrypto* ]] || fail "$command: $output"
		nm -D "$ROOT/$command" >symbols
		run -1 grep -E ' U (EVP|X509|ASN1|BIO|OPENSSL|OSSL)_' symbols
	done
	ldd "$ROOT/cert-show" | grep libcrypto
}

@test "no command is linked with libidn2" {
	for file in "$ROOT"/cert-create "$ROOT"/cert-import \
	    "$ROOT"/cert-list "$ROOT"/cert-match "$ROOT"/cert-revert \
	    "$ROOT"/cert-rm "$ROOT"/cert-show "$ROOT"/cert-trust "$ROOT"/cert-verify \
	    "$ROOT"/libcertstore.so.0; do
		run -0 readelf -d "$file"
		[[ $output != *libidn2* ]] || fail "$file: $output"
	done
}

@test "only cert-verify is linked with libpsl" {
	for file in "$ROOT"/cert-[a-z]* "$ROOT"/libcertstore.so.0; do
		run -0 readelf -d "$file"
		case $file in
		*/cert-verify) [[ $output = *libpsl* ]] ;;
		*) [[ $output != *libpsl* ]] ;;
		esac || fail "$file: $output"
	done
}

@test "only cert-probe is linked with libssl" {
	for file in "$ROOT"/cert-[a-z]* "$ROOT"/libcertstore.so.0; do
		run -0 readelf -d "$file"
		case $file in
		*/cert-probe) [[ $output = *libssl* ]] ;;
		*) [[ $output != *libssl* ]] ;;
		esac || fail "$file: $output"
	done
}

@test "only the commands of ACME are linked with libcurl and jansson" {
	for file in "$ROOT"/cert-[a-z]* "$ROOT"/libcertstore.so.0; do
		run -0 readelf -d "$file"
		case $file in
		*/cert-account|*/cert-acme|*/acme-revoke)
			[[ $output = *libcurl* && $output = *libjansson* ]]
			;;
		*) [[ $output != *libcurl* && $output != *libjansson* ]] ;;
		esac || fail "$file: $output"
	done
}

@test "the shared library is linked with all libraries it needs" {
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip 'needs the sanitizers too'
	run ldd -r "$ROOT/libcertstore.so.0"
	[[ $output != *undefined* ]] || fail "$output"
}

@test "programs are position independent and fully relocated at start" {
	for file in "$ROOT"/cert-create "$ROOT"/cert-match; do
		readelf -h "$file" | grep 'Type: *DYN'
		readelf -d "$file" | grep -E 'FLAGS.*NOW'
		readelf -lW "$file" | grep GNU_RELRO
	done
}
