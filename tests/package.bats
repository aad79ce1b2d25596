#!/usr/bin/env bats
# package.bats: what debian/ says is what the tree has; make check-package
# builds the packages and installs them.

load helper

# make install into dest, as debian/rules does it; its files are in the file files.
setup_file() {
	local ROOT=${BATS_TEST_DIRNAME%/*}

	unset MAKEFLAGS MAKELEVEL
	cd "$BATS_FILE_TMPDIR" || return 1
	[ -f /usr/share/dpkg/architecture.mk ] || return 0
	make -s -C "$ROOT" -f debian/rules \
	    --eval='variables:; @echo "$(VARIABLES)"' variables >variables
	# shellcheck disable=SC2046  # words are meant
	eval make -s -C "'$ROOT'" install DESTDIR="'$PWD/dest'" \
	    $(cat variables)
	(cd dest && find . ! -type d | sed 's,^\./,,' | sort) >files
}

setup() {
	common_setup
	debian=$ROOT/debian
	files=$BATS_FILE_TMPDIR/files
	dest=$BATS_FILE_TMPDIR/dest
}

# installed: skips where that was not possible.
installed() {
	[ -e "$dest" ] || skip "no dpkg-dev"
	[ -s "$files" ]
}

# has FILE: which of these files the patterns of debian/FILE have.
has() {
	local pattern

	grep -v '^#' "$debian/$1" | while read -r pattern _; do
		case $pattern in dist/*) [ -f "$ROOT/$pattern" ]; continue ;; esac
		# shellcheck disable=SC2086  # a pattern
		(cd "$dest" && find $pattern ! -type d) ||
		    fail "$1: $pattern: nothing is installed there"
	done | sort
}

# speaks FILE: is it linked with what only certstore-acme may need?
speaks() {
	readelf -d "$1" 2>/dev/null | grep -qE 'curl|jansson|microhttpd'
}

@test "the version is the same" {
	version=$(sed -n 's/^VERSION = //p' "$ROOT/config.mk")
	[[ $(head -n 1 "$debian/changelog") == \
	    "certstore ($version) "*'; urgency='* ]]
}

@test "what the packages need to be built is in the one list" {
	sed -n '/^Build-Depends:/,/^[^ B]/p' "$debian/control" |
	    grep -oE 'lib[a-z0-9-]+-dev' | sort >said
	sed -n "/^build='/,/'$/p" "$ROOT/tests/deps.sh" |
	    grep -oE 'lib[a-z0-9-]+-dev' | grep -vx libc6-dev | sort >list
	diff list said
}

@test "the symbols are those of the map" {
	sed -n 's/^	\([a-z0-9_]*\);$/\1/p' "$ROOT/lib/libcertstore.map" >map
	sed -n 's/^ \(certstore_[a-z0-9_]*\)@LIBCERTSTORE_0 [0-9.]*$/\1/p' \
	    "$debian/libcertstore0.symbols" >said
	diff map said ||
	    fail "debian/libcertstore0.symbols: see above, with the version"
}

@test "each file that is installed is in exactly one package" {
	installed
	for package in certstore-acme libcertstore0 libcertstore-dev; do
		has "$package.install" >"$package"
	done
	has not-installed >left
	# debian/rules takes from certstore what certstore-acme has
	has certstore.install | comm -23 - certstore-acme >certstore
	sort certstore certstore-acme libcertstore0 libcertstore-dev left >all
	uniq -d all >twice
	[ ! -s twice ] || fail "in two packages: $(cat twice)"
	diff "$files" all || fail "in no debian/*.install: see above"
}

@test "what needs libcurl, jansson or libmicrohttpd is in certstore-acme" {
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip "as without sanitizers"
	installed
	has certstore-acme.install >acme
	for file in $(grep -E '^usr/(bin|libexec/certstore)/[^/]*$' "$files"); do
		if speaks "$dest/$file"; then
			grep -qx "$file" acme ||
			    fail "debian/certstore-acme.install lacks $file"
			# with its page and completion
			name=${file##*/}
			[[ $file != usr/bin/* ]] ||
			    [ "$(grep -cE "/$name(\.1|\.fish)?$" acme)" -eq 4 ] ||
			    fail "debian/certstore-acme.install: $name has more"
		elif grep -qx "$file" acme; then
			fail "debian/certstore-acme.install: $file speaks no ACME"
		fi
	done
}

@test "what the scripts for several hosts run is suggested" {
	suggested=$(sed -n '/^Package: certstore$/,/^$/s/^Suggests: //p' \
	    "$debian/control")
	grep -q '^	rsync ' "$ROOT/dist/pull"
	grep -q '| ssh ' "$ROOT/dist/push"
	for package in openssh-client rsync; do
		[[ ", $suggested," == *", $package,"* ]] || fail "$package"
	done
}

@test "AppArmor accepts the profiles, which debian/ installs" {
	for profile in "$ROOT"/dist/apparmor/*; do
		name=${profile##*/}
		grep -q "^dist/apparmor/$name	etc/apparmor.d$" \
		    "$debian"/*.install
		grep -q -- "--profile-name=$name$" "$debian/rules"
		grep -q "^profile $name " "$profile"
		grep -qF "include if exists <local/$name>" "$profile"
	done
	grep -qx 'AppArmorProfile=-certstore-renew' \
	    "$ROOT/dist/cert-renew.service"
	command -v apparmor_parser >/dev/null || skip "no apparmor_parser"
	for profile in "$ROOT"/dist/apparmor/*; do
		apparmor_parser -QTK "$profile"
	done
}

# purged: runs what purges the package, with ./store, and the answer in ./answer.
purged() {
	cat >confmodule <<-'END'
	db_input() { :; }
	db_go() { :; }
	db_get() { RET=$(cat answer); }
	END
	sed -e "s|^store=.*|store=$CERTSTORE|" \
	    -e "s|/usr/share/debconf/confmodule|$PWD/confmodule|" \
	    "$debian/certstore.postrm" >postrm
	sh postrm purge 2>said
}

@test "purging removes keys only if it was told to do so, and then all" {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	echo false >answer
	purged
	[ ! -s said ]
	cert-create -s a.example.com a
	cp -a "$CERTSTORE" "$CERTSTORE.pull"
	: >"$CERTSTORE.pull/.pull-lock"
	purged
	[ -f "$CERTSTORE/certs/a/privkey.pem" ]
	[ -f "$CERTSTORE.pull/certs/a/privkey.pem" ]
	[ "$(grep -c " stay; rm -r $CERTSTORE" said)" -eq 2 ]
	echo true >answer
	purged
	[ ! -s said ]
	run -1 find "$CERTSTORE" "$CERTSTORE.pull"
	[ "${#lines[@]}" -eq 2 ]
	# without an entry there is nothing to ask
	echo false >answer
	cert-create -s a.example.com a
	cert-rm a
	cp -a "$CERTSTORE" "$CERTSTORE.pull"
	: >"$CERTSTORE.pull/.pull-lock"
	purged
	run -1 find "$CERTSTORE" "$CERTSTORE.pull"
	[ "${#lines[@]}" -eq 2 ]
}

@test "a store keeps its owner and its mode when the host boots" {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	command -v systemd-tmpfiles >/dev/null || skip "no systemd-tmpfiles"
	lib=$PWD/root/var/lib
	mkdir -p "$lib"
	for expected in '755 0 0' '2750 65534 65533'; do
		systemd-tmpfiles --root="$PWD/root" --create \
		    "$debian/certstore.tmpfiles"
		[ "$(stat -c '%a %u %g' "$lib/certstore")" = "$expected" ] ||
		    fail "$(stat -c '%a %u %g' "$lib/certstore")"
		chown 65534:65533 "$lib/certstore"
		chmod 2750 "$lib/certstore"
	done
}

@test "cron renews at the minute of dist/, and only without systemd" {
	line=$(grep root "$debian/certstore.cron.d")
	example=$(grep '	root	' "$ROOT/dist/certstore.cron")
	[[ $line == "${example%%root*}"root*"{ ${example##*root	}; }" ]]
	[[ $line == *'[ -d /run/systemd/system ] || '* ]]
}

@test "the template of translations is up to date" {
	command -v debconf-updatepo >/dev/null || skip "no po-debconf"
	cp -R "$debian" debian
	(cd debian && debconf-updatepo)
	diff -I POT-Creation-Date "$debian/po/templates.pot" \
	    debian/po/templates.pot
}
