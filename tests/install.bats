#!/usr/bin/env bats
# install.bats: make install and uninstall, and that programs outside the tree
# can be built with what is installed.

load helper
load pki

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
	"${CC:-cc}" ${CERTSTORE_SANITIZE:+-fsanitize=address,undefined} -Wall \
	    -Wextra -Werror -std="${STD:-c11}" -pedantic -o "$2" "$1" \
	    $(pkg-config --cflags --libs libcertstore)
}

# example NAME: built and ready to run, in this directory.
example() {
	compile "$ROOT/tests/example/$1.c" "$1"
	readelf -d "$1" | grep -F 'NEEDED' | grep -F '[libcertstore.so.0]'
	export LD_LIBRARY_PATH="$DEST/usr/lib"
	PATH=$DEST/usr/bin:$PATH
}

# hostile: files that are none, or hold nothing that can be used.
hostile() {
	: >empty
	head -c 4096 /dev/urandom >noise
	head -c 1048577 /dev/zero >large
	printf -- '-----BEGIN CERTIFICATE-----\nMI\e[2J\n' >torn
	printf '%s\n' empty noise large torn . ./absent
}

@test "an example program: which entry matches a host" {
	example whose
	cert-create -s sip.example.com sip
	run -0 ./whose "$CERTSTORE" SIP.example.com.
	[ "$output" = "sip exact $CERTSTORE/certs/sip/combined.pem" ]
	run -1 ./whose "$CERTSTORE" other.example.com
	[ "$output" = '' ]
	for host in '*.example.com' '' $'a\e[2Jb' a..b; do
		run -2 ./whose "$CERTSTORE" "$host"
		[[ $output == 'whose: '* && $output != *$'\e'* ]]
	done
	run -2 ./whose "$CERTSTORE/none" sip.example.com
	[[ $output == "whose: $CERTSTORE/none"* ]]
	run -2 sh -c "./whose '$CERTSTORE' sip.example.com >/dev/full"
	[[ $output == 'whose: stdout: '* ]]

	pki cert old.crt old.key /CN=old from=20200101000000Z \
	    to=20210101000000Z subjectAltName=DNS:old.example.com
	cert-import -q -N old old.crt old.key
	run -1 ./whose "$CERTSTORE" old.example.com
	[[ $output == "old exact: expired "* ]]
	rm "$CERTSTORE/certs/sip/info"
	run -2 ./whose "$CERTSTORE" sip.example.com
	[[ $output == 'whose: sip: '* ]]
	run -2 ./whose
	[[ $output == 'usage: '* ]]
}

@test "an example program: whether a chain is good, with reasons" {
	example isgood
	cert-create -c ca
	cert-create -A ca www.example.com
	cert-show -o cert ca | cert-trust -f add
	cert-show -o fullchain www.example.com >chain.pem
	run -0 ./isgood "$CERTSTORE" www.example.com chain.pem
	[ "${lines[0]}" = 'path: CN=www.example.com' ]
	[ "${lines[1]}" = 'path: CN=ca' ]
	run -1 ./isgood "$CERTSTORE" other.example.com chain.pem
	[[ ${lines[0]} == 'error: '*'(RFC 9525'* ]]
	for file in $(hostile); do
		run -2 ./isgood "$CERTSTORE" www.example.com "$file"
		[ "${#lines[@]}" -eq 1 ] && [[ $output != *$'\e'* ]]
	done
	run -2 ./isgood "$CERTSTORE" a..b chain.pem
	run -2 ./isgood "$CERTSTORE/none" www.example.com chain.pem
	run -2 sh -c "./isgood '$CERTSTORE' www.example.com chain.pem >/dev/full"
	cert-trust -f rm ca
	run -2 ./isgood "$CERTSTORE" www.example.com chain.pem
	[[ $output == 'isgood: '* ]]
	run -2 ./isgood
	[[ $output == 'usage: '* ]]
}

@test "an example program: import and report" {
	example takein
	cert-create -d from -s a.example.com a.example.com
	cert-create -d from -s b.example.com b.example.com
	cat from/certs/a.example.com/combined.pem >a.pem
	cert-create -d from -s c.example.com c.example.com
	for name in b c; do
		cat from/certs/$name.example.com/privkey.pem >$name.key
		cat from/certs/$name.example.com/fullchain.pem >$name.pem
	done
	run -0 ./takein "$CERTSTORE" a.pem b.key b.pem
	[[ ${lines[0]} == 'a.example.com new ends 2'*Z ]]
	[[ ${lines[1]} == 'b.example.com new ends 2'*Z ]]
	[ "${#lines[@]}" -eq 2 ]
	run -0 ./takein "$CERTSTORE" a.pem
	[[ $output == 'a.example.com same ends '* ]]
	[ "$(cert-list -o name | xargs)" = 'a.example.com b.example.com' ]
	before=$(find "$CERTSTORE" | sort)
	for file in $(hostile) c.key c.pem; do
		run -2 ./takein "$CERTSTORE" a.pem "$file"
		[ "${#lines[@]}" -eq 1 ] && [[ $output != *$'\e'* ]]
	done
	[ "$(find "$CERTSTORE" | sort)" = "$before" ]
	run -2 ./takein "$CERTSTORE/no/such" a.pem
	run -2 sh -c "./takein '$CERTSTORE' a.pem >/dev/full"
	run -2 ./takein
	[[ $output == 'usage: '* ]]
}

@test "the header compiles as C++" {
	cat >plus.cc <<-'EOF'
	#include <certstore.h>

	static int count(void *, const char *) { return 0; }

	int
	main()
	{
		certstore_error err;
		certstore_verify *verify = certstore_verify_new(nullptr, &err);
		certstore *store = certstore_open("none",
		    CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE, &err);

		if (store == nullptr || certstore_verify_set_suffix(verify,
		    count, nullptr, &err) == -1)
			return 1;
		certstore_verify_free(verify);
		certstore_close(store);
		return 0;
	}
	EOF
	export LD_LIBRARY_PATH="$DEST/usr/lib"
	for cxx in g++ clang++; do
		if ! command -v "$cxx" >/dev/null; then
			echo "# NOT COMPILED AS C++: $cxx is not installed" >&3
			continue
		fi
		# a library with the sanitizers of one compiler is for that one
		if [ -n "${CERTSTORE_SANITIZE:-}" ] && [ "$cxx" = clang++ ]; then
			continue
		fi
		for std in c++11 c++20; do
			CC="$cxx" STD=$std compile plus.cc plus
			run -0 ./plus
		done
	done
}

@test "the version and soname are the same everywhere" {
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
	run find "$DEST/usr" -type f ! -perm 644 ! -path '*/bin/*' \
	    ! -path '*/libexec/*'
	[ "$output" = '' ]
	run find "$DEST/usr/bin" "$DEST/usr/libexec" -type f ! -perm 755
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

@test "completion is installed for every command" {
	for source in "$ROOT"/cmd/cert-*.c; do
		name=$(basename "$source" .c)
		[ -f "$DEST/usr/share/bash-completion/completions/$name" ]
		[ -f "$DEST/usr/share/fish/vendor_completions.d/$name.fish" ]
		grep -qE "^#compdef .*$name( |$)" \
		    "$DEST/usr/share/zsh/site-functions/_certstore"
		grep -q "^$name	" "$DEST/usr/share/certstore/completion"
	done
	! grep -r '@[A-Z]*@' "$DEST/usr/share/bash-completion" \
	    "$DEST/usr/share/fish" "$DEST/usr/share/zsh" \
	    "$DEST/usr/libexec/certstore/complete"
}

@test "pages and scripts name the files that are installed" {
	run -1 grep -rIE '/usr/local/(libexec|share/certstore)' "$DEST"
	grep -rhoIE '/usr/(libexec|share)/certstore/[a-z/-]+' \
	    "$DEST/usr/share/man" "$DEST/usr/libexec" | sort -u >named
	[ "$(wc -l <named)" -ge 4 ]
	while read -r file; do
		[ -e "$DEST$file" ] || fail "$file: is not installed"
	done <named
}

@test "a user who is not root installs into his home" {
	local as=()

	if [ "$(id -u)" -eq 0 ]; then
		as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
		reachable
		"${as[@]}" test -r "$ROOT/lib/certstore.h" ||
		    skip "the tree cannot be read by others"
	fi
	mkdir home
	chmod 777 home
	run -0 "${as[@]}" make -s -C "$ROOT" install PREFIX="$PWD/home/.local"
	[ "$output" = '' ]
	[ -x home/.local/bin/cert-list ]
}

@test "a directory whose name has a blank" {
	make -s -C "$ROOT" install DESTDIR="$BATS_TEST_TMPDIR/a dest" PREFIX=/usr
	diff -r --no-dereference "$DEST" "$BATS_TEST_TMPDIR/a dest"
	make -s -C "$ROOT" uninstall DESTDIR="$BATS_TEST_TMPDIR/a dest" \
	    PREFIX=/usr
	run find "$BATS_TEST_TMPDIR/a dest" ! -type d
	[ "$output" = '' ]
}

@test "uninstall leaves no file, and only what others put there" {
	: >"$DEST/usr/share/certstore/profiles/mine"
	make -s -C "$ROOT" uninstall DESTDIR="$DEST" PREFIX=/usr
	run find "$DEST" ! -type d
	[ "$output" = "$DEST/usr/share/certstore/profiles/mine" ]
	rm "$output"
	make -s -C "$ROOT" uninstall DESTDIR="$DEST" PREFIX=/usr
	run find "$DEST" -name certstore
	[ "$output" = '' ]
}
