#!/usr/bin/env bats
# dist.bats: the units of systemd and the lines for cron that are installed.

# shellcheck disable=SC2154  # run --separate-stderr sets stderr

load helper

setup() {
	common_setup
	unset MAKEFLAGS MAKELEVEL
	DEST=$BATS_TEST_TMPDIR/dest
	make -s -C "$ROOT" install DESTDIR="$DEST" PREFIX=/usr
	units=$DEST/usr/lib/systemd/system
}

@test "systemd accepts the units, and finds renewal confined" {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	# its files are looked for, and its default directories written
	mkdir units
	for unit in "$units"/*; do
		sed "s,/usr/bin/,$DEST/usr/bin/," "$unit" >"units/${unit##*/}"
	done
	run -0 --separate-stderr systemd-analyze verify --man=no units/cert-*
	# it reads the units of other packages, too
	! grep 'cert-' <<<"$stderr" || fail "$stderr"
	run -0 systemd-analyze security --offline=true --threshold=30 \
	    units/cert-renew.service
	! grep -q '@[A-Z]*@' "$units"/* || fail "not replaced"
}

@test "a store elsewhere, by the drop-ins that the units describe" {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	mkdir units
	for unit in cert-renew cert-deploy; do
		sed "s,/usr/bin/,$DEST/usr/bin/," "$units/$unit.service" \
		    >"units/$unit.service"
		mkdir "units/$unit.service.d"
		sed -n '/^# A store elsewhere/,/^# So does/s/^#	//p' \
		    "$units/$unit.service" >"units/$unit.service.d/store.conf"
		grep -qx 'Environment=CERTSTORE=/srv/certs' \
		    "units/$unit.service.d/store.conf"
		run -0 --separate-stderr systemd-analyze verify --man=no \
		    "units/$unit.service"
		! grep -E 'cert-|store\.conf' <<<"$stderr" || fail "$stderr"
	done
	# what cron.d of a package has for the same
	line=$(sed -n 's/^17 [* ]*	root	//p' "$ROOT/debian/certstore.cron.d")
	[[ $line == *'-e "${CERTSTORE:-/var/lib/certstore/certs}"'* ]]
}

@test "what a hook starts outlives the run" {
	grep -qx KillMode=process "$units/cert-deploy.service"
}

@test "the line for cron: two commands, which exist" {
	cron=$DEST/usr/share/doc/certstore/certstore.cron
	line=$(grep -v '^#' "$cron" | grep root)
	[[ $line == *'cert-renew -q; cert-deploy -q' ]]
	for command in cert-renew cert-deploy; do
		[ -x "$DEST/usr/bin/$command" ]
	done
	grep '^PATH=/usr/bin:' "$cron"
}

@test "logrotate accepts what is installed" {
	rotate=$DEST/usr/share/doc/certstore/certstore.logrotate
	grep -q 'create 0640 root adm' "$rotate"
	grep -qF "/var/lib/certstore/log {" "$rotate"
	command -v logrotate >/dev/null || skip "no logrotate"
	run -0 logrotate -d -s state "$rotate"
	[ "$(id -u)" -eq 0 ] || return 0
	# rotated as the year begins, it is the log of the year before
	mkdir -m 755 store
	echo line >store/log
	sed "s,/var/lib/certstore,$PWD/store," "$rotate" >rotate
	year=$(date -d yesterday +%Y)
	logrotate -f -s state rotate
	[ "$(zcat "store/log-$year.gz")" = line ]
	[ "$(mode store/log)" = 640 ]
}

@test "renewal by the unit can use a web root of another user" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to mount"
	unshare -m true 2>/dev/null || skip "cannot mount here"
	[ -d /var/www ] || skip "there is no /var/www"
	command -v setpriv >/dev/null || skip "no setpriv"
	caps=$(sed -n 's/^CapabilityBoundingSet=//p' \
	    "$units/cert-renew.service" | tr 'A-Z \n' 'a-z,,' |
	    sed 's/cap_/+/g; s/,*$//')
	cert-create -q -s a.example.com a
	paths=$(sed -n 's/^ReadWritePaths=-//p' "$units/cert-renew.service")
	run unshare -m sh -ec '
	    mount --make-rprivate /
	    mount -t tmpfs none /var/www
	    mkdir -m 700 /var/www/html
	    chown 65534 /var/www/html
	    mount -o remount,ro,bind / /
	    mount --bind /var/www /var/www
	    mount -o remount,ro,bind /var/www
	    for path in $2; do
		if [ -d "$path" ]; then
		    mount --bind "$path" "$path"
		    mount -o remount,rw,bind "$path"
		fi
	    done
	    exec setpriv --bounding-set="-all,$1" "$0" webroot:/var/www/html \
		http-01 a.example.com begin note setup' \
	    "$ROOT/tests/method" "$caps" "$paths"
	[[ $output == *'setup 0' ]] || fail "$output"
}

@test "renewal works where only the store can be written" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to mount"
	unshare -m true 2>/dev/null || skip "cannot mount here"
	cert-create -c ca
	cert-create -A ca -s a.example.com a
	mkdir other
	run -0 unshare -m sh -ec '
	    mount --make-rprivate /
	    mount --bind "$CERTSTORE" "$CERTSTORE"
	    mount -o remount,ro,bind / /
	    for dir in /tmp /dev/shm "$BATS_TEST_TMPDIR"; do
		mount --bind "$dir" "$dir" && mount -o remount,ro,bind "$dir"
	    done
	    mount --bind "$CERTSTORE" "$CERTSTORE"
	    mount -o remount,rw,bind "$CERTSTORE"
	    ! touch other/file 2>/dev/null
	    exec "$0" -f a' "$DEST/usr/bin/cert-renew"
	[ "$output" = a ]
}
