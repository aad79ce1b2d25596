#!/usr/bin/env bats
# apparmor.bats: the profiles of dist/apparmor, loaded by a kernel that has
# AppArmor, in a virtual machine: what cert-renew.service does is not denied,
# and what it has no business with is.

load ../helper

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BIN=${CERTSTORE_BIN:-$ROOT}

load ../pki
load vm

setup() {
	common_setup
	vms apparmor_parser aa-exec pebble pebble-challtestsrv curl setpriv
}

teardown() {
	vms_end
	common_teardown
}

bed() {
	ca bed /CN=bed
	server localhost bed localhost
}

@test "cert-renew, cert-acme, its responder and hooks under their profiles" {
	# as installed, without a build
	make -s -C "$ROOT" install DESTDIR="$work/installed" >&2
	tar -cf "$work/installed.tar" -C "$work/installed" .
	rm -r "$work/installed"
	shared bed bed
	cp "$shared"/* "$work"
	cat >"$work/pebble.json" <<-END
	{"pebble":{"listenAddress":"127.0.0.1:14000",
	"managementListenAddress":"127.0.0.1:15000",
	"certificate":"$work/localhost.crt","privateKey":"$work/localhost.key",
	"httpPort":80,"tlsPort":5001,"ocspResponderURL":"",
	"certificateValidityPeriod":7776000,
	"externalAccountBindingRequired":false,"externalAccountMACKeys":{}}}
	END
	cat >"$work/dns" <<-'END'
	#!/bin/sh
	api=http://127.0.0.1:8055
	case $1 in
	add) exec curl -sf -o /dev/null -d \
	    "{\"host\":\"$4.\",\"value\":\"$6\"}" $api/set-txt ;;
	del) exec curl -sf -o /dev/null -d "{\"host\":\"$4.\"}" $api/clear-txt ;;
	esac
	END
	host web1 1 'apparmor=1 security=apparmor' <<-'END'
	set -eEu
	trap 'echo "line $LINENO: $BASH_COMMAND: status $?" >&2' ERR
	denied() { dmesg | grep 'apparmor="DENIED"' || :; }
	show() { [ "$1" -eq 0 ] || denied; }
	trap 'show $?' EXIT
	tar --no-same-owner -xf installed.tar -C /
	ldconfig
	PATH=/usr/local/bin:$PATH
	export CERTSTORE=/var/lib/certstore
	rm -rf /var/lib/certstore
	# all of a burst is reported
	sysctl -qw kernel.printk_ratelimit=0
	apparmor_parser -rKT "$ROOT"/dist/apparmor/*
	cat /sys/kernel/security/apparmor/profiles
	grep -q '^certstore-renew (enforce)' /sys/kernel/security/apparmor/profiles
	# as cert-renew.service has it
	set=$(sed -n 's/^CapabilityBoundingSet=//p' \
	    "$ROOT/dist/cert-renew.service" | tr ' A-Z' ',a-z' |
	    sed 's/cap_/+/g' | paste -sd , -)
	renew() {
		setpriv --no-new-privs --bounding-set "-all,$set" \
		    aa-exec -p certstore-renew -- cert-renew "$@"
	}
	# renewed NAME...: it has a new certificate
	renewed() {
		local name

		for name; do
			cert-show -o fingerprint "$name" >"print.$name"
		done
		renew -q -e 100000d "$@"
		for name; do
			! cert-show -o fingerprint "$name" |
			    cmp -s - "print.$name" || {
				echo "$name: is not renewed"
				exit 1
			}
		done
	}

	# a CA of the store, an entry with a group, and a key of another type
	cert-create -c ca
	cert-create -A ca -s www.example.com www
	cert-set www group=ssl-cert
	cert-create -A ca -t rsa:2048 -s rsa.example.com rsa
	renewed ca www rsa

	# ACME
	pebble-challtestsrv -defaultIPv4 127.0.0.1 -defaultIPv6 '' \
	    -dns01 127.0.0.1:53 -http01 '' -https01 '' -tlsalpn01 '' \
	    -management 127.0.0.1:8055 >challtestsrv.log 2>&1 &
	PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 pebble \
	    -config pebble.json -dnsserver 127.0.0.1:53 >pebble.log 2>&1 &
	until curl -sf --cacert bed.crt -o /dev/null https://localhost:14000/dir; do
		sleep 0.2
	done
	cert-account -qy -T bed.crt new mock directory=https://localhost:14000/dir
	# on a command line only the responder has a profile
	while [ ! -e ordered ]; do
		cat /proc/[0-9]*/attr/current 2>/dev/null || :
		sleep 0.05
	done | sort -u >labels &
	labels=$!
	cert-acme -A mock -m http -s http.example.com http
	: >ordered
	wait "$labels"
	cat labels
	grep -q '^certstore-responder (enforce)' labels
	mkdir -p /var/lib/certstore/hooks
	cp dns /var/lib/certstore/hooks/dns
	chmod 755 /var/lib/certstore/hooks/dns
	cert-acme -A mock -m hook:dns -s hook.example.com hook
	renewed http hook
	# of another user
	mkdir /srv/www
	chown www-data /srv/www
	busybox httpd -p 80 -h /srv/www
	cert-acme -A mock -m webroot:/srv/www -s web.example.com web
	renewed web
	denied >denied
	if [ -s denied ]; then
		cat denied
		exit 1
	fi

	# what the service may not do
	for file in /etc/shadow /root/x /usr/local/bin/x /etc/cron.d/x; do
		! aa-exec -p certstore-renew -- sh -c "echo >>$file" \
		    2>/dev/null || { echo "$file: can be written"; exit 1; }
	done
	! aa-exec -p certstore-renew -- cat /etc/shadow >/dev/null 2>&1 || exit 1
	[ -n "$(denied)" ]
	END
	ended web1
}
