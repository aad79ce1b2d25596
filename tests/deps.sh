#!/bin/sh
# deps.sh: the one list of the Debian packages that the work on this tree
# needs.
#
#	sh tests/deps.sh list [command ...]
#
# A list is build, test, suites, acme, servers, check-servers, check-hosts,
# lint, bench, machines or package.
# Installs what is missing, as root or through sudo only then, and runs the
# command.  Says nothing when everything is there.  A test for which something
# of suites, acme or servers is missing is skipped, and says so.  The servers
# need not run: tests start their own, and those of check-servers with the
# packages' configuration.
set -eu

build='gcc libc6-dev make libssl-dev libbsd-dev libmd-dev libidn2-dev
libpsl-dev libcurl4-openssl-dev libjansson-dev libmicrohttpd-dev'
test="$build acl bats jq perl openssl libidn2-0 strace pkg-config binutils
bsdutils util-linux valgrind curl ca-certificates iproute2 procps rsync"
suites="$test python3-cryptography-vectors"
acme="$test pebble caddy knot bind9 bind9-dnsutils python3"
servers="$suites $acme prometheus nginx haproxy lighttpd coturn postfix
dovecot-imapd dovecot-lmtpd dovecot-managesieved dovecot-pop3d kamailio
kamailio-tls-modules lighttpd-mod-openssl logrotate mariadb-client-core
mariadb-server-core postgresql prosody slapd vsftpd openvpn strongswan-swanctl
charon-systemd freeradius eapoltest libstrongswan-standard-plugins gpgsm
gpg-agent dirmngr po-debconf systemd e2fsprogs g++ clang mandoc bash-completion
fish zsh chromium tidy apparmor default-jre-headless easy-rsa gnutls-bin
libnss3-tools"
check_servers="$test apache2 caddy coturn dovecot-imapd haproxy kamailio
kamailio-tls-modules ldap-utils lighttpd lighttpd-mod-openssl mariadb-server
mosquitto nginx passwd postfix postgresql prosody redis-server slapd ssl-cert
stunnel4"
check_hosts="$test apparmor busybox-static e2fsprogs glusterfs-client
glusterfs-server nfs-common nfs-kernel-server openssh-client openssh-server
pebble qemu-system-x86 rpcbind sshfs"
lint="$test clang bmake mandoc shellcheck cppcheck clang-format
libclang-rt-dev"
bench="$build mkcert openssl gnutls-bin libnss3-tools lego easy-rsa p11-kit
ca-certificates gnuplot-nox valgrind pebble caddy curl iproute2 uacme
dehydrated"
machines="$test abigail-tools dpkg-dev gcc-aarch64-linux-gnu
gcc-arm-linux-gnueabihf gcc-i686-linux-gnu gcc-s390x-linux-gnu musl-tools
qemu-user"
package="$build debhelper dh-apparmor dpkg-dev lintian debootstrap
autopkgtest"

case ${1:-} in
build) wanted=$build ;;
test) wanted=$test ;;
suites) wanted=$suites ;;
acme) wanted=$acme ;;
servers) wanted=$servers ;;
check-servers) wanted=$check_servers ;;
check-hosts) wanted=$check_hosts ;;
lint) wanted=$lint ;;
bench) wanted=$bench ;;
machines) wanted=$machines ;;
package) wanted=$package ;;
*)
	echo 'usage: sh tests/deps.sh build|test|suites|acme|servers|lint|'\
'check-servers|check-hosts|bench|machines|package [command ...]' >&2
	exit 2
	;;
esac
shift

installed() {
	dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null |
	    grep -qx installed
}

if ! command -v dpkg-query >/dev/null; then
	echo "deps.sh: not a Debian system: install by hand: $wanted" >&2
	exit 2
fi
missing=
for package in $wanted; do
	installed "$package" || missing="$missing $package"
done
if [ -n "$missing" ]; then
	asroot=
	if [ "$(id -u)" -ne 0 ]; then
		if ! command -v sudo >/dev/null; then
			echo "deps.sh: no sudo: as root: apt-get install$missing" >&2
			exit 2
		fi
		asroot=sudo
	fi
	$asroot apt-get -q update
	# shellcheck disable=SC2086  # words are meant
	# with this runlevel nothing is started
	$asroot env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
	    apt-get -qy install --no-install-recommends $missing
fi
[ $# -eq 0 ] || exec "$@"
