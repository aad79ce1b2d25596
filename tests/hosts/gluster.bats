#!/usr/bin/env bats
# gluster.bats: a store on GlusterFS, replica 3, which two hosts write while a
# brick is killed: nothing that was acknowledged is lost, and no reader sees two
# pairs.  All of it is in a namespace of its own.

load ../helper

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BIN=${CERTSTORE_BIN:-$ROOT}

setup() {
	common_setup
	command -v glusterd >/dev/null ||
	    skip 'glusterfs-server is not installed: NOT TESTED'
	[ "$(id -u)" -eq 0 ] && [ -w /dev/fuse ] &&
	    unshare --net --mount --pid --fork true 2>/dev/null ||
	    skip 'needs root, FUSE and namespaces: NOT TESTED'
	# bricks keep their state in extended attributes
	work=$(mktemp -d "${GLUSTER_DIR:-/var/tmp}/gluster.XXXXXX")
}

teardown() {
	[ -z "${work:-}" ] || rm -rf "$work"
	common_teardown
}

# mounted OPTIONS: runs the script on standard input with a volume of three
# bricks that is mounted at m1 and m2.
mounted() {
	cat >"$work/script"
	export work ROOT MOUNT="$1"
	timeout 600 unshare --net --mount --pid --fork --kill-child \
	    --mount-proc bash -c '
	set -e
	ip link set lo up
	ip addr add 10.9.9.1/32 dev lo
	mkdir -p /var/lib/glusterd /var/log/glusterfs
	for dir in /run /var/lib/glusterd /var/log/glusterfs; do
		mount -t tmpfs none "$dir"
	done
	mkdir -p /run/gluster
	cd "$work"
	trap "umount -l m1 m2; kill -9 -1" EXIT
	mkdir b1 b2 b3 m1 m2
	volume() { gluster --mode=script volume "$@" >>volume.log; }
	glusterd -N --log-file="$work/glusterd.log" &
	until gluster --mode=script pool list >/dev/null 2>&1; do
		kill -0 $!
		sleep 0.05
	done
	volume create v replica 3 10.9.9.1:"$work"/b{1,2,3} force
	for cache in stat-prefetch quick-read io-cache readdir-ahead; do
		volume set v "performance.$cache" off
	done
	volume start v
	for m in m1 m2; do
		# shellcheck disable=SC2086
		glusterfs -s 10.9.9.1 --volfile-id=v $MOUNT \
		    --log-file="$work/$m.log" "$work/$m"
	done
	. ./script' 3>&-
}

uncached='--entry-timeout=0 --attribute-timeout=0 --negative-timeout=0'

@test "two writers, and a brick that is killed: nothing lost, no torn pair" {
	mounted "$uncached" <<-'END'
	cert-create -d m1/s -s both.example.com both
	write() {
		for i in $(seq 12); do
			cert-create -d "$1/s" -s "$1-$i.example.com" "$1-$i"
			echo "$1-$i" >>acknowledged
			cert-create -fq -d "$1/s" -s both.example.com both
			echo >>"switched.$1"
		done
	}
	cat >reader <<-'PERL'
	sub get { open my $f, "<", "$_[0].pem" or return; local $/; <$f> }
	until (-e "$ARGV[0]/over") {
		chdir "$ARGV[0]/$ARGV[1]/s/certs/both" or next;
		my @got = map { get($_) } "privkey", "fullchain", "combined";
		next if grep { !defined } @got;
		print "two pairs\n" if $got[0] . $got[1] ne $got[2];
		$n++;
	}
	print "$n read\n";
	PERL
	perl reader "$work" m1 >seen.m1 &
	perl reader "$work" m2 >seen.m2 &
	write m1 & one=$!
	write m2 & two=$!
	until [ "$(wc -l <switched.m1)" -ge 4 ]; do sleep 0.05; done 2>/dev/null
	kill -9 "$(pgrep -f "glusterfsd .*$work/b2 ")"
	wait "$one"
	wait "$two"
	: >over
	until grep -q read seen.m1 && grep -q read seen.m2; do sleep 0.05; done
	cat seen.m1 seen.m2
	! grep pairs seen.m1 seen.m2 || exit 1
	looked() {
		echo both >>acknowledged
		diff <(sort -u acknowledged) <(cert-list -d "$1/s" -o name)
		cert-check -d "$1/s" -e 0
		for name in $(cat acknowledged); do
			cat "$1/s/certs/$name/privkey.pem" \
			    "$1/s/certs/$name/fullchain.pem" |
			    cmp - "$1/s/certs/$name/combined.pem"
		done
	}
	looked m1
	looked m2
	# the brick that was away is healed, and one that had all goes
	volume start v force
	until [ -z "$(gluster --mode=script volume heal v info |
	    grep 'Number of entries' | grep -v ': 0$')" ]; do sleep 0.2; done
	kill -9 "$(pgrep -f "glusterfsd .*$work/b1 ")"
	# the mounts find the healed one again
	for m in m1 m2; do
		for i in $(seq 200); do
			! ls "$m/s" >/dev/null 2>&1 || break
			sleep 0.1
		done
		looked "$m"
	done
	END
}

@test "what one host writes, the other one sees at once" {
	mounted "$uncached" <<-'END'
	cert-create -d m1/s -s both.example.com both
	for i in 1 2 3 4 5; do
		cert-create -fq -d m1/s -s both.example.com both
		cmp m1/s/certs/both/cert.pem m2/s/certs/both/cert.pem
		cert-create -d m2/s -s "n$i.example.com" n
		cert-match -q -d m1/s "n$i.example.com"
		cert-rm -d m1/s n
		! cert-match -q -d m2/s "n$i.example.com" || exit 1
	done
	END
}
