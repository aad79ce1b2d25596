#!/usr/bin/env bats
# nfs.bats: a store on NFSv4.2 that two hosts write, which are virtual machines:
# web1 has the disk, exports it and mounts it from itself, web2 mounts it by a
# network.  Nothing that was acknowledged is lost, and no reader sees two pairs.

load ../helper

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BIN=${CERTSTORE_BIN:-$ROOT}

load ../pki
load vm

setup() {
	common_setup
	vms rpc.nfsd mount.nfs4 nfsdcld rpcbind
	cp "$BATS_TEST_DIRNAME/nfs.bash" "$work"
}

teardown() {
	vms_end
	common_teardown
}

@test "two hosts write: nothing is lost, no reader sees two pairs" {
	host web1 1 <<-'END'
	. ./nfs.bash
	begin
	pairs
	await joined.web2
	write 4
	await written.web2
	tell over
	paired
	whole
	tell looked
	await looked.web2
	END
	host web2 2 <<-'END'
	. ./nfs.bash
	await served
	joined
	pairs
	tell joined.web2
	write 4
	tell written.web2
	await looked
	paired
	whole
	tell looked.web2
	END
	ended web2
	ended web1
}

@test "what one host writes, the other one sees at once" {
	host web1 1 <<-'END'
	. ./nfs.bash
	begin
	for i in 1 2 3 4; do
		await "told.$i"
		cert-match -q "n$i.example.com"
		cmp both.pem /m/s/certs/both/cert.pem
		cert-rm n
		! cert-match -q "n$i.example.com" || exit 1
		tell "gone.$i"
	done
	END
	host web2 2 <<-'END'
	. ./nfs.bash
	await served
	joined
	for i in 1 2 3 4; do
		cert-create -s "n$i.example.com" n
		cert-create -fq -s both.example.com both
		cp /m/s/certs/both/cert.pem both.pem
		cert-match -q "n$i.example.com"
		tell "told.$i"
		await "gone.$i"
		! cert-match -q "n$i.example.com" || exit 1
		! cert-list n 2>/dev/null || exit 1
	done
	END
	ended web2
	ended web1
}

@test "a writer that is killed, and a host: the next one has a whole store" {
	local call

	host web1 1 <<-'END'
	. ./nfs.bash
	: >acked.web1
	begin
	while read -r call <&4; do
		await "killed.$call"
		cert-create -s next.example.com next
		echo next >acked.web1
		whole
		cert-rm next
		: >acked.web1
		tell "next.$call"
	done 4<calls
	for i in 1 2; do
		await "crashed.$i"
		from=$(date +%s)
		cert-create -fq -s both.example.com both
		echo "waited $(($(date +%s) - from)) s" >>waits
		whole
		tell "taken.$i"
	done
	END
	printf '%s\n' mkdirat:1 fchmod:4 symlinkat:2 renameat:1 unlinkat:1 \
	    unlinkat:2 >"$work/calls"
	host web2 2 <<-'END'
	. ./nfs.bash
	await served
	joined
	while read -r call <&4; do
		strace -f -qq -o /dev/null -e trace="${call%:*}" \
		    -e inject="${call%:*}:signal=KILL:when=${call#*:}" \
		    cert-create -fq -s both.example.com both && exit 1
		tell "killed.$call"
		await "next.$call"
	done 4<calls
	END
	ended web2
	for call in renameat:1 unlinkat:1; do
		crashes=$((${crashes:-0} + 1))
		echo "${call%:*} ${call#*:}" >"$work/call"
		host web2 2 <<-'END'
		. ./nfs.bash
		joined
		read -r call n <call
		stopped "$call" "$n" cert-create -fq -s both.example.com both
		tell stopped
		sleep inf
		END
		until_is stopped
		rm "$work/stopped"
		crash web2
		: >"$work/crashed.$crashes"
		until_is "taken.$crashes"
	done
	ended web1
	sed 's/^/# lease of 15 s: the next host /' "$work/waits" >&3
}

@test "a host that is paused while it writes does not undo what others wrote" {
	host web1 1 <<-'END'
	. ./nfs.bash
	: >acked.web1
	begin
	await paused
	cert-create -fq -s both.example.com both
	whole
	cp /m/s/certs/both/cert.pem mine.pem
	tell taken
	await continued
	cmp mine.pem /m/s/certs/both/cert.pem
	cert-check -e 0
	cert-create -fq -s both.example.com both
	whole
	END
	host web2 2 <<-'END'
	. ./nfs.bash
	await served
	joined
	stopped renameat 1 cert-create -fq -s both.example.com both 2>said
	tell stopped
	await taken
	pkill -CONT -x cert-create
	wait
	cat said
	grep -q 'another writer wrote during this change' said
	tell continued
	END
	until_is stopped
	kill -STOP "$(cat "$work/web2.pid")"
	: >"$work/paused"
	until_is taken
	kill -CONT "$(cat "$work/web2.pid")"
	ended web2
	ended web1
}

@test "a server that is restarted, and one that loses its power" {
	host web1 1 <<-'END'
	. ./nfs.bash
	begin
	write 4 &
	writer=$!
	for i in 2 5; do
		until [ "$(cat rounds.* 2>/dev/null | wc -l)" -ge "$i" ]; do
			sleep 0.1
		done
		rpc.nfsd 0
		kill "$(pgrep nfsdcld)" "$(pgrep rpc.mountd)"
		sleep 1
		serve
	done
	wait "$writer"
	await written.web2
	whole
	tell whole
	sleep inf
	END
	host web2 2 <<-'END'
	. ./nfs.bash
	await served
	joined
	write 4
	tell written.web2
	await whole
	name=again write 4
	whole
	END
	until_is whole rounds.again
	crash web1
	host web1 1 <<-'END'
	. ./nfs.bash
	serve
	joined
	await written.again
	whole
	END
	ended web2
	: >"$work/written.again"
	ended web1
}

@test "NFS whose locks are local is refused, all others hold" {
	host web1 1 <<-'END'
	. ./nfs.bash
	rpcbind -w
	modprobe lockd
	echo 1 >/proc/sys/fs/nfs/nlm_grace_period
	VERSION3=-V serve
	rpc.statd
	mkdir /m
	for options in vers=3,nolock vers=3,local_lock=flock \
	    vers=3,local_lock=all; do
		mount -t nfs -o "$options" 10.9.9.1:/srv /m
		! cert-create -s a.example.com a 2>refused || exit 1
		cat refused
		grep -q 'is on nfs, where a lock holds for this host only' refused
		[ ! -e /m/s ]
		umount /m
	done
	# the host that has the disk is excluded, too, and excludes
	for options in vers=3 vers=3,local_lock=posix vers=4.0 vers=4.1 \
	    vers=4.2,local_lock=flock vers=4.2,nolock; do
		dir=/
		[[ $options != vers=3* ]] || dir=/srv
		mount -t nfs -o "$options" "10.9.9.1:$dir" /m
		grep ' /m ' /proc/mounts
		cert-create -fq -s a.example.com a
		rm -f held let
		flock /m/s/.lock sh -c \
		    ': >held; until [ -e let ]; do sleep 0.1; done' &
		await held
		! timeout 2 cert-create -fq -d /srv/s -s b.example.com a || exit 1
		tell let
		wait
		stopped renameat 1 cert-create -fq -d /srv/s -s b.example.com a
		! flock -n /m/s/.lock true || exit 1
		pkill -CONT -x cert-create
		wait
		cert-match -q b.example.com
		umount /m
	done
	END
	ended web1
}

@test "what it costs, with 500 entries" {
	local i

	for i in $(seq 500); do
		cert-create -d ./s -s "n$i.example.com" "n$i"
	done
	tar -cf "$work/made" s
	host web1 1 <<-'END'
	. ./nfs.bash
	serve
	tar -xf made -C /srv
	tell served
	await measured
	CERTSTORE=/srv/s
	measure local
	END
	host web2 2 <<-'END'
	. ./nfs.bash
	await served
	joined
	measure NFS
	tell measured
	END
	ended web2
	ended web1
	sed 's/^/# /' "$work/costs" >&3
}
