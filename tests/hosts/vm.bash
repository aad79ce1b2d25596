# vm.bash: hosts that are virtual machines with Debian's kernel, for what this
# machine's kernel cannot do.  Use "load vm" after "load ../helper".
#
# A host has the root of this machine as its own, read-only below a file system
# in memory, so that the tree and Debian's programs run in it; $work, with which
# hosts and tests talk to each other by files; and a disk, /dev/vda, which is
# kept when the host is booted again.  Two hosts have a network.  They have KVM
# where the processor has virtualization, else they are emulated, which is ten
# times as slow.

# vms NAME...: skips where there can be no such machine, or where one of the
# commands or files is missing; sets $work and $booted.
vms() {
	local need

	[ "$(id -u)" -eq 0 ] || skip 'not root: NOT TESTED'
	[ "$(uname -m)" = x86_64 ] || skip 'not on x86_64: NOT TESTED'
	PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
	for need in qemu-system-x86_64 busybox mkfs.ext4 "$@"; do
		command -v "$need" >/dev/null ||
		    skip "$need is not installed: NOT TESTED"
	done
	# disks are synced: not in memory
	work=$(command mktemp -d "${VM_DIR:-/var/tmp}/certstore-vm.XXXXXX")
	shared vm kernel 2>"$work/kernel.log" || {
		cat "$work/kernel.log" >&2
		skip 'no kernel can be downloaded: NOT TESTED'
	}
	booted=$shared
	if grep -qwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ]; then
		accel='-accel kvm -cpu host'
	else
		accel='-accel tcg,thread=multi -cpu max'
	fi
}

# kernel: downloads Debian's kernel, and makes ./kernel and ./initrd of it.  The
# package is not installed: this machine boots another one.
kernel() {
	local package at dir

	package=$(apt-cache depends linux-image-amd64 |
	    sed -n 's/ *Depends: //p' | head -n 1)
	[ -n "$package" ] || return 1
	apt-get -q download "$package" >&2 || return 1
	dpkg --fsys-tarfile ./*.deb | tar -x ./boot ./lib || return 1
	rm ./*.deb
	mv boot/vmlinuz-* kernel
	at=$(cd lib/modules && echo *)
	mkdir -p initrd.d/bin "initrd.d/lib/modules/$at"
	for dir in crypto fs/9p fs/ext4 fs/fscache fs/jbd2 fs/lockd \
	    fs/mbcache.ko fs/netfs fs/nfs fs/nfs_common fs/nfsd fs/overlayfs \
	    lib net/9p net/core net/dns_resolver net/sunrpc drivers/virtio \
	    drivers/block/virtio_blk.ko drivers/net/virtio_net.ko \
	    drivers/net/net_failover.ko; do
		(cd "lib/modules/$at" && tar -c "kernel/$dir") |
		    tar -x -C "initrd.d/lib/modules/$at" || return 1
	done
	cp "lib/modules/$at"/modules.builtin* "lib/modules/$at/modules.order" \
	    "initrd.d/lib/modules/$at"
	rm -r boot lib
	cp "$(command -v busybox)" initrd.d/bin/busybox
	busybox depmod -b initrd.d "$at" >&2
	cat >initrd.d/init <<-'END'
	#!/bin/busybox sh
	/bin/busybox --install -s /bin
	export PATH=/bin:/sbin
	mkdir -p /proc /sys /dev /lower /upper /root
	mount -t proc none /proc
	mount -t sysfs none /sys
	mount -t devtmpfs none /dev
	for module in virtio_pci virtio_blk virtio_net 9pnet_virtio 9p overlay; do
		modprobe "$module"
	done
	options=trans=virtio,version=9p2000.L,msize=262144
	mount -t 9p -o "ro,cache=loose,$options" root /lower
	mount -t tmpfs none /upper
	mkdir /upper/u /upper/w
	mount -t overlay -o lowerdir=/lower,upperdir=/upper/u,workdir=/upper/w \
	    none /root
	for dir in proc sys dev; do
		mount --move "/$dir" "/root/$dir"
	done
	mount -t tmpfs -o mode=755 none /root/run
	mkdir -p /root/dev/shm /root/dev/pts "/root/$work"
	ln -s /proc/self/fd /root/dev/fd
	mount -t devpts none /root/dev/pts
	mount -t 9p -o "cache=none,$options" work "/root/$work"
	mount -t securityfs none /root/sys/kernel/security
	hostname "$name"
	# no name is looked up elsewhere
	echo "127.0.0.1 localhost $name" >/root/etc/hosts
	: >/root/etc/resolv.conf
	ip link set lo up
	ip link set eth0 up
	ip addr add "$address/24" dev eth0
	# the kernel asks for modules by these paths
	mkdir -p /root/lib/modules
	cp -r /lib/modules/* /root/lib/modules
	rm -f /root/sbin/modprobe
	cp /bin/busybox /root/sbin/modprobe
	PATH=$BIN:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	export HOME=/root LC_ALL=C.UTF-8 TZ=UTC0
	exec switch_root /root /bin/bash -c 'cd "$work"
	bash "$name.script" >"$name.out" 2>&1
	echo $? >"$name.new"
	mv "$name.new" "$name.status"
	sync
	busybox poweroff -f'
	END
	chmod 755 initrd.d/init
	(cd initrd.d && find . | busybox cpio -o -H newc 2>/dev/null) >initrd
	rm -r initrd.d
}

# host NAME 1|2 [APPEND]: boots a machine that runs the script on standard
# input, with $BIN, $ROOT and $name.  Its address is 10.9.9.1 or 10.9.9.2.
host() {
	local name=$1 to=$((3 - $2))

	cat >"$work/$name.script"
	if [ ! -e "$work/$name.disk" ]; then
		truncate -s 1G "$work/$name.disk"
		mkfs.ext4 -q "$work/$name.disk"
	fi
	rm -f "$work/net.$2" "$work/$name.status"
	: >"$work/$name.out"
	# shellcheck disable=SC2086  # words are meant
	qemu-system-x86_64 $accel -M q35 -smp 2 -m 1536 -nodefaults -no-reboot \
	    -display none -serial "file:$work/$name.console" \
	    -kernel "$booted/kernel" -initrd "$booted/initrd" \
	    -virtfs local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap \
	    -virtfs "local,path=$work,mount_tag=work,security_model=none" \
	    -drive "file=$work/$name.disk,format=raw,if=virtio" \
	    -netdev "dgram,id=net,local.type=unix,local.path=$work/net.$2,remote.type=unix,remote.path=$work/net.$to" \
	    -device "virtio-net-pci,netdev=net,mac=52:54:00:00:00:0$2" \
	    -append "console=ttyS0 quiet panic=-1 net.ifnames=0 name=$name \
address=10.9.9.$2 work=$work BIN=$BIN ROOT=$ROOT ${3:-}" \
	    >"$work/$name.qemu" 2>&1 </dev/null 3>&- &
	echo $! >"$work/$name.pid"
}

# trouble: has one host failed?  Says which, and what it printed.
trouble() {
	local pid name

	for pid in "$work"/*.pid; do
		name=$(basename "$pid" .pid)
		! kill -0 "$(cat "$pid")" 2>/dev/null ||
		    [ -e "$work/$name.status" ] || continue
		[ "$(cat "$work/$name.status" 2>/dev/null)" != 0 ] || continue
		echo "$name has failed:"
		cat "$work/$name.qemu" "$work/$name.out"
		tail -n 20 "$work/$name.console"
		return 0
	done
	return 1
}

# ended NAME: waits for the end of its script, and prints its output.
ended() {
	while [ "$(cat "$work/$1.status" 2>/dev/null)" != 0 ]; do
		! trouble || return 1
		sleep 0.1
	done
	cat "$work/$1.out"
	wait "$(cat "$work/$1.pid")" || :
}

# crash NAME: the host loses its power.
crash() {
	kill -9 "$(cat "$work/$1.pid")"
	wait "$(cat "$work/$1.pid")" || :
	rm "$work/$1.pid"
}

# until_is FILE...: waits until hosts have made these files in $work.
until_is() {
	local file

	for file; do
		until [ -e "$work/$file" ]; do
			! trouble || return 1
			sleep 0.1
		done
	done
}

# vms_end: what teardown does.
vms_end() {
	local pid

	for pid in "${work:-/none}"/*.pid; do
		[ -e "$pid" ] || continue
		kill -9 "$(cat "$pid")" 2>/dev/null || :
	done
	wait 2>/dev/null
	[ -z "${work:-}" ] || rm -rf "$work"
}
