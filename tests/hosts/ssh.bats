#!/usr/bin/env bats
# ssh.bats: what certstore(7) says of several hosts, through a real sshd in a
# namespace of its own: push and receive, pull, and tar.

# shellcheck disable=SC2154  # stderr is run's
# shellcheck disable=SC2016  # scripts expand their own variables

load ../helper

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BIN=${CERTSTORE_BIN:-$ROOT}

# far COMMAND: what root's shell finds on the other host, its store is far.
setup() {
	common_setup
	[ -x /usr/sbin/sshd ] || skip 'sshd is not installed: NOT TESTED'
	[ "$(id -u)" -eq 0 ] || skip 'not root: NOT TESTED'
	if [ -z "${INSIDE:-}" ]; then
		unshare --net --mount true 2>/dev/null ||
		    skip 'no namespaces: NOT TESTED'
	fi
	work=$PWD
	export CERTSTORE=$work/near
	mkdir -p bin far.home
	# what ssh(1) would find by its configuration
	ssh-keygen -q -t ed25519 -N '' -f key
	ssh-keygen -q -t ed25519 -N '' -f host
	cat >sshd.conf <<-END
	ListenAddress 127.0.0.1
	Port 2222
	HostKey $work/host
	AuthorizedKeysFile $work/authorized
	PidFile none
	UsePAM no
	Subsystem sftp internal-sftp
	StrictModes no
	PermitRootLogin yes
	AllowUsers root
	SetEnv PATH=$BIN:$work/far.bin:$PATH
	END
	cat >ssh.conf <<-END
	Host web2
	HostName 127.0.0.1
	HostKeyAlias web2
	User root
	Port 2222
	IdentityFile $work/key
	IdentitiesOnly yes
	UserKnownHostsFile $work/known
	END
	echo "web2 $(cut -d' ' -f1,2 host.pub)" >known
	printf '#!/bin/sh\nexec %s -F %s "$@"\n' "$(command -v ssh)" \
	    "$work/ssh.conf" >bin/ssh
	chmod 755 bin/ssh
	PATH=$work/bin:$PATH
	cert-create -c ca
	cert-create -A ca -s www.example.com www
}

# allow [COMMAND]: what the key may do there.
allow() {
	echo "restrict${1:+,command=\"$1\"} $(cat key.pub)" >authorized
}

# connected SCRIPT: runs it in a namespace where sshd listens.
connected() {
	cat >script
	export BIN ROOT work
	timeout 300 unshare --net --mount --pid --fork --kill-child \
	    --mount-proc bash -c '
	ip link set lo up
	mount -t tmpfs -o mode=755 none /run && mkdir /run/sshd
	/usr/sbin/sshd -f "$work/sshd.conf" -E "$work/sshd.log"
	until (exec 3<>/dev/tcp/127.0.0.1/2222) 2>/dev/null; do
		sleep 0.05
	done
	# cert-deploy gives hooks a PATH of its own
	mkdir /run/bin
	mount --bind "$work/bin" /usr/local/bin
	ssh web2 true 2>>"$work/sshd.log" || :
	set -e
	. "$work/script"' 3>&-
}

@test "push and receive: stored there, its servers told, nothing lost" {
	allow "CERTSTORE=$work/far $ROOT/dist/receive www mail"
	mkdir near/hooks
	cp "$ROOT/dist/push" near/hooks/web2
	cert-set -q www user=web2
	cert-create -s other.example.com other
	connected <<-'END'
	# the first time the other host has no store
	cert-deploy
	[ -L far/certs/www ]
	cmp near/certs/www/combined.pem far/certs/www/combined.pem
	cmp near/certs/www/ca.pem far/certs/www/ca.pem
	[ "$(stat -c %a far/certs/www/privkey.pem)" = 600 ]
	mkdir far/hooks
	printf '#!/bin/sh\n[ ! -e "$CERTSTORE.down" ] && cat >>"$CERTSTORE.told"\n' \
	    >far/hooks/nginx
	chmod 755 far/hooks/nginx
	CERTSTORE=far cert-set -q www user=nginx note=kept
	CERTSTORE=far cert-deploy -q
	# its server is told by the delivery, which waits until it is
	: >far.told
	cert-create -f -A ca -s www.example.com www
	: >far.down
	! cert-deploy || exit 1
	cmp near/certs/www/combined.pem far/certs/www/combined.pem
	rm far.down
	CERTSTORE=far cert-deploy -fq
	cert-deploy -f
	grep -qx www far.told
	CERTSTORE=far cert-set www | grep kept
	# names that this key may not send
	cert-set -q other user=web2
	! cert-deploy >said 2>&1 || exit 1
	grep 'other: this name is not allowed here' said
	[ ! -e far/certs/other ]
	cert-set -q other user-=web2
	cert-deploy -f www
	# what has users there stays, and that is an error
	cert-rm -f www
	! cert-deploy -f >said 2>&1 || exit 1
	[ -L far/certs/www ]
	CERTSTORE=far cert-set -q www user=
	cert-deploy -f
	[ ! -e far/certs/www ]
	CERTSTORE=far cert-check -e 0
	END
}

@test "receive: a message that is not whole, or malformed" {
	export CERTSTORE=$work/far
	{ echo changed www; cat near/certs/www/combined.pem; } >half
	run -2 --separate-stderr "$ROOT/dist/receive" <half
	[[ $stderr == 'receive: the message is not whole' && ! -e far ]]
	{ cat half near/certs/www/ca.pem; echo end; } >one
	run -2 --separate-stderr "$ROOT/dist/receive" <one
	[[ $stderr == 'receive: the message is not whole' ]]
	[ -L far/certs/www ]
	for line in 'changed ../x' 'removed' 'removed .x' 'shell www' ''; do
		run -2 --separate-stderr "$ROOT/dist/receive" <<-END
		$line
		END
		[[ $stderr == 'receive: a malformed line' ]] || fail "$line"
	done
	# a key that may only send one entry cannot fill the memory
	{ echo changed www; perl -e 'print "a" x 4000, "\n" for 1 .. 70'; } >many
	cat many many many >>many.txt
	run -2 --separate-stderr "$ROOT/dist/receive" <many.txt
	[[ $stderr == 'receive: www: more than 256 KiB' ]]
	{ cat one; echo removed www; echo over; } >all
	run -0 "$ROOT/dist/receive" <all
	[ ! -e far/certs/www ]
}

@test "push: a connection that breaks anywhere tears no entry" {
	allow "CERTSTORE=$work/far $ROOT/dist/receive"
	mkdir near/hooks
	cp "$ROOT/dist/push" near/hooks/web2
	for name in a b c; do
		cert-create -A ca -s $name.example.com $name
		cert-set -q $name user=web2
	done
	cert-set -q www user=web2
	connected <<-'END'
	cert-deploy
	# pieces of the message, each cut off in an entry or between two
	cat >bin/ssh.cut <<-EOT
	#!/bin/sh
	head -c \$CUT | $work/bin/ssh "\$@"
	EOT
	sed "s|ssh -T|$work/bin/ssh.cut -T|" "$ROOT/dist/push" >near/hooks/web2
	chmod 755 bin/ssh.cut near/hooks/web2
	for cut in 0 5 700 1000 2500 3300 5100; do
		sed -i "s/head -c [^ ]*/head -c $cut/" bin/ssh.cut
		for name in a b c www; do
			cert-create -f -A ca -s $name.example.com $name
		done
		! cert-deploy -f >said 2>&1 || { echo "$cut"; exit 1; }
		grep -q 'the message is not whole' said
		CERTSTORE=far cert-check -e 0
		for entry in far/certs/*; do
			cat "$entry/privkey.pem" "$entry/fullchain.pem" |
			    cmp - "$entry/combined.pem"
		done
	done
	cp "$ROOT/dist/push" near/hooks/web2
	cert-deploy -f
	for name in a b c www; do
		cmp near/certs/$name/combined.pem far/certs/$name/combined.pem
	done
	END
}

@test "the key is never an argument" {
	command -v strace >/dev/null || skip 'strace is not installed'
	allow "CERTSTORE=$work/far $ROOT/dist/receive"
	mkdir near/hooks
	cp "$ROOT/dist/push" near/hooks/web2
	cert-set -q www user=web2
	connected <<-'END'
	strace -f -qq -e trace=execve -s 4000 -v -o near.calls cert-deploy
	{ echo changed www; cat near/certs/www/combined.pem; echo end; echo over; } |
	    CERTSTORE=$work/far strace -f -qq -e trace=execve -s 4000 -v \
	    -o far.calls "$ROOT/dist/receive"
	END
	grep -q cert-import far.calls
	! grep -F "$(sed -n 2p near/certs/www/privkey.pem)" near.calls far.calls
}

@test "pull over ssh, while the source is written" {
	command -v rsync >/dev/null || skip 'rsync is not installed: NOT TESTED'
	allow
	mv near far
	export CERTSTORE=$work/far
	connected <<-'END'
	(while [ ! -e over ]; do
		cert-create -f -A ca -s www.example.com www
	done) &
	for i in 1 2 3 4 5; do
		"$ROOT/dist/pull" -d copy "web2:$work/far"
		cat copy/certs/www/privkey.pem copy/certs/www/fullchain.pem |
		    cmp - copy/certs/www/combined.pem
		CERTSTORE=copy cert-check -e 0
	done
	: >over
	wait
	"$ROOT/dist/pull" -d copy "web2:$work/far"
	diff -r --no-dereference -x .lock -x .pending far copy
	! "$ROOT/dist/pull" -d copy "web2:$work/nothing" || exit 1
	[ -L copy/certs/www ]
	END
}

@test "tar and ssh, with cert-check at the other end" {
	allow
	connected <<-'END'
	(while [ ! -e over ]; do
		cert-create -f -A ca -s www.example.com www
		cert-create -s y.example.com y
		cert-rm y
	done) &
	mkdir lib
	for i in 1 2 3 4 5; do
		rm -rf lib/near
		flock near/.lock tar -cf - near | ssh web2 tar -C "$work/lib" -xpf -
		ssh web2 env CERTSTORE="$work/lib/near" cert-check -e 0
		cat lib/near/certs/www/privkey.pem \
		    lib/near/certs/www/fullchain.pem |
		    cmp - lib/near/certs/www/combined.pem
	done
	: >over
	wait
	END
}

@test "a store on sshfs is read, and not written" {
	[ -e /dev/fuse ] && command -v sshfs >/dev/null ||
	    skip 'no sshfs here: NOT TESTED'
	allow
	mkdir mnt
	connected <<-'END'
	sshfs -o no_contain_symlinks -F "$work/ssh.conf" "web2:$work/near" mnt
	[ "$(CERTSTORE=mnt cert-match -o name www.example.com)" = www ]
	for n in "" -n; do
		! CERTSTORE=mnt cert-create $n -s a.example a 2>said || exit 1
		grep 'is on fuse.sshfs, where a lock holds for this host' said
		! CERTSTORE=mnt/s cert-create $n -s a.example a 2>said || exit 1
		grep 's: is on fuse.sshfs, where a lock holds' said
	done
	[ ! -e mnt/s ]
	umount mnt
	[ "$(cert-list -o name | xargs)" = "ca www" ]
	END
}
