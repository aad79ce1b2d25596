#!/usr/bin/env bats
# install.bats: what make install leaves behind, and that a program outside
# the tree builds and runs against it.

load helper

setup() {
	common_setup
	unset MAKEFLAGS MAKELEVEL
	DEST=$BATS_TEST_TMPDIR/dest
	make -s -C "$ROOT" install DESTDIR="$DEST" PREFIX=/usr
}

# compile FILE OUT: as a user of the installed library would.
compile() {
	export PKG_CONFIG_PATH="$DEST/usr/lib/pkgconfig"
	export PKG_CONFIG_SYSROOT_DIR="$DEST"
	# shellcheck disable=SC2046  # words are meant
	cc ${CERTSTORE_SANITIZE:+-fsanitize=address,undefined} -Wall -Wextra \
	    -Werror -std=c11 -pedantic -o "$2" "$1" \
	    $(pkg-config --cflags --libs libcertstore)
}

@test "a program outside the tree builds with pkg-config and runs" {
	cp "$ROOT/tests/example/whose.c" .
	compile whose.c whose
	readelf -d whose | grep -F 'NEEDED' | grep -F '[libcertstore.so.0]'
	export LD_LIBRARY_PATH="$DEST/usr/lib"

	"$DEST/usr/bin/cert-create" -d "$CERTSTORE" -s sip.example.com sip
	run -0 ./whose "$CERTSTORE" SIP.example.com.
	[ "$output" = "sip exact $CERTSTORE/certs/sip/combined.pem" ]
	run -1 ./whose "$CERTSTORE" other.example.com
	[ "$output" = '' ]
	run -2 ./whose "$CERTSTORE" '*.example.com'
	[[ $output == 'whose: '* ]]
	run -2 ./whose "$CERTSTORE/none" sip.example.com
	[[ $output == "whose: $CERTSTORE/none"* ]]
}

@test "version and soname agree everywhere" {
	version=$(sed -n 's/^VERSION = //p' "$ROOT/config.mk")
	[ "$(PKG_CONFIG_PATH=$DEST/usr/lib/pkgconfig \
	    pkg-config --modversion libcertstore)" = "$version" ]
	grep -F "define CERTSTORE_VERSION" "$DEST/usr/include/certstore.h" |
	    grep -F "\"$version\""
	[ "$(readlink "$DEST/usr/lib/libcertstore.so")" = libcertstore.so.0 ]
	readelf -d "$DEST/usr/lib/libcertstore.so.0" |
	    grep -F 'soname: [libcertstore.so.0]'
	grep -qF "$version" "$ROOT/NEWS"
	for command in "$DEST"/usr/bin/cert-*; do
		run -0 "$command" -V
		[[ $output == *"$version"* ]]
	done
}

@test "modes do not depend on the umask" {
	rm -rf "$DEST"
	(umask 077; make -s -C "$ROOT" install DESTDIR="$DEST" PREFIX=/usr)
	run find "$DEST/usr" -type d ! -perm 755
	[ "$output" = '' ]
	run find "$DEST/usr" -type f ! -perm 644 ! -path '*/bin/*'
	[ "$output" = '' ]
	run find "$DEST/usr/bin" -type f ! -perm 755
	[ "$output" = '' ]
}

@test "every command and every page of the tree is installed" {
	for source in "$ROOT"/cmd/cert-*.c; do
		name=$(basename "$source" .c)
		[ -x "$DEST/usr/bin/$name" ] || fail "$name: not installed"
		[ -f "$DEST/usr/share/man/man1/$name.1" ] ||
		    fail "$name.1: no page"
	done
	for page in "$ROOT"/man/*.[1-9]; do
		[ -f "$DEST/usr/share/man/man${page##*.}/${page##*/}" ] ||
		    fail "$page: not installed"
	done
}

@test "uninstall leaves no file" {
	make -s -C "$ROOT" uninstall DESTDIR="$DEST" PREFIX=/usr
	run find "$DEST" ! -type d
	[ "$output" = '' ]
}
