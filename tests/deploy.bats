#!/usr/bin/env bats
# deploy.bats: cert-deploy: who is told of which change, how, and until when;
# hooks and their surroundings; systemd units; the ledgers.

# shellcheck disable=SC2154  # stderr and stderr_lines are run's
# shellcheck disable=SC2016  # hooks expand their own variables
# shellcheck disable=SC2030,SC2031  # a test is a subshell

load helper
load pki

store() {
	export CERTSTORE=$PWD/store
	cert-create -s a.example.com a
	cert-create -s b.example.com b
	cert-set -q a b user=web
	mkdir store/hooks
}

setup() {
	common_setup
	unset CERTSTORE_HOOK SYSTEMD_OFFLINE
	shared deploy store
	cp -a "$shared/store" store
	: >store/.lock
	export CERTSTORE=$PWD/store
	log=$PWD/log
	: >"$log"
}

# hook USER [LINE...]: makes its hook: it logs its verb and names, then the
# lines.
hook() {
	local file=$CERTSTORE/hooks/$1

	shift
	{
		echo '#!/bin/sh'
		echo "echo \"\${0##*/} \$1\" \$(cat) >>'$log'"
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} >"$file"
	chmod 755 "$file"
}

# told [LINE...]: the hooks logged exactly that since the last call.
told() {
	diff <([ $# -eq 0 ] || printf '%s\n' "$@") "$log" || return 1
	: >"$log"
}

ledger() {
	echo "$CERTSTORE"/deployed/*/"$1"
}

# later SECONDS: the ledger of web is as if that time had passed.
later() {
	perl -pi -e "s/^(since|tried|next) (\\d+)/\"\$1 \" . (\$2 - $1)/e" \
	    "$(ledger web)"
}

mounts() {
	[ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null ||
	    skip "needs root, to mount other files"
}

@test "each user is told once, of each change" {
	hook web
	run -0 --separate-stderr cert-deploy
	[ "$output" = $'a\tweb\tchanged\twas not delivered yet\nb\tweb\tchanged\twas not delivered yet' ]
	[ -z "$stderr" ]
	told 'web changed a b'
	run -0 cert-deploy
	[ -z "$output" ]
	run -1 cert-deploy -x
	run -1 cert-deploy -nx
	told
	cert-create -f -s a.example.com a
	run -0 cert-deploy -x
	[ "$output" = $'a\tweb\tchanged\tdiffers from what was delivered' ]
	told 'web changed a'
	# what servers do not read changes nothing for them
	cert-set -q a note=x tenant=t.example.com
	cert-create -R -s a.example.com a >/dev/null
	run -1 cert-deploy -x
	run -0 cert-deploy -f b
	told 'web changed b'
	run -0 cert-deploy -f
	told 'web changed a b'
	[ "$(mode "$(ledger web)")" = 644 ]
	[ "$(awk '{ print $1, $2, length($3) }' "$(ledger web)")" = \
	    $'entry a 64\nentry b 64' ]
}

@test "-n prints what is pending and runs nothing" {
	hook web
	run -0 --separate-stderr cert-deploy -nx
	[ "${#lines[@]}" -eq 2 ]
	told
	[ ! -e store/deployed ]
	cert-deploy -nj | perl -MJSON::PP -ne '$x = decode_json($_);
	    print "$x->{name} $x->{user} $x->{verb} $x->{failed}\n"' >out
	[ "$(cat out)" = $'a web changed 0\nb web changed 0' ]
	[ "$(cert-deploy -q)" = '' ]
	told 'web changed a b'
	run -1 cert-deploy -nx
	run -0 cert-deploy -fnx b
	[ "$output" = $'b\tweb\tchanged\twas delivered before' ]
	told
}

@test "names restrict it to these entries" {
	hook web
	run -0 cert-deploy b
	told 'web changed b'
	echo a | cert-deploy -
	told 'web changed a'
	cert-deploy -f - </dev/null
	told
	run -2 --separate-stderr cert-deploy -f c a
	[[ $stderr == 'cert-deploy: "c": no such entry' ]]
	told 'web changed a'
	for name in ../a '' -a @ @trust @trust/phones; do
		run -2 cert-deploy b "$name"
	done
	run -2 cert-deploy -W 0
	run -2 cert-deploy -W x
	run -2 cert-deploy -d ./none
}

@test "a removal is told, however it was made" {
	hook web
	cert-deploy -q
	told 'web changed a b'
	cert-set -q a user=/none
	run -2 cert-rm nothing
	cert-rm -f b
	run -0 cert-deploy -n
	[ "$output" = $'a\tweb\tremoved\tit is gone, or has no such user any more\nb\tweb\tremoved\tit is gone, or has no such user any more' ]
	cert-deploy b
	told 'web removed b'
	cert-create -s b.example.com b
	cert-set -q b user=web
	cert-deploy
	# one run for each verb
	told 'web changed b' 'web removed a'
	rm store/certs/b
	rm -r store/certs/.b@*
	cert-deploy
	told 'web removed b'
	[ -z "$(ls -A store/deployed/*)" ]
	run -1 cert-deploy -x
}

@test "a damaged entry is neither changed nor removed" {
	hook web
	cert-deploy -q
	: >"$log"
	echo >>store/certs/a/fullchain.pem
	run -2 --separate-stderr cert-deploy
	[ -z "$output" ]
	[[ $stderr == *'a: fullchain.pem was changed by hand'* ]]
	run -2 cert-deploy a
	run -0 cert-deploy b
	told
	grep -q '^entry a ' "$(ledger web)"
}

@test "a waiting request is delivered with its certificate" {
	hook web
	cert-deploy -q
	: >"$log"
	cert-create -R -s w.example.com w >/dev/null
	cert-set -q w user=web
	run -1 cert-deploy -x
	told
}

@test "another chain, other issuers and another group are changes" {
	cert-create -c root
	cert-create -c -A root mid
	cert-create -A mid -s c.example.com c
	cert-set -q c user=chain
	hook chain
	hook web
	cert-deploy -q
	: >"$log"
	# the same leaf, and other certificates of the same issuers
	cat store/certs/c/privkey.pem store/certs/c/cert.pem >leaf.pem
	fingerprint=$(cert-show -o fingerprint c)
	by=()
	for ca in root mid; do
		chain=$(cat store/certs/c/chain.pem)
		cert-create -q -c -f -K "store/certs/$ca/privkey.pem" \
		    "${by[@]}" "$ca"
		by=(-A root)
		cat leaf.pem store/certs/mid/cert.pem \
		    store/certs/root/cert.pem | cert-import -q -f -
		[ "$(cert-show -o fingerprint c)" = "$fingerprint" ]
		[ "$chain" = "$(cat store/certs/c/chain.pem)" ] ||
		    [ $ca = mid ]
		cert-deploy -q
		told 'chain changed c'
	done
	[ "$(id -u)" -eq 0 ] || skip "needs root, to give a file to a group"
	cert-set -q c group=daemon
	cert-deploy -q
	told 'chain changed c'
}

@test "an entry that changes while its hook runs stays pending" {
	hook web '[ -e again ] || { cd '"$PWD"' && [ -e again ] ||
	    cert-create -f -s a.example.com a; : >again; }'
	sed -i "2i PATH=$PATH" store/hooks/web
	cert-deploy
	told 'web changed a b'
	run -0 cert-deploy
	[ "$output" = $'a\tweb\tchanged\tdiffers from what was delivered' ]
	told 'web changed a'
	run -1 cert-deploy -x
}

@test "a hook that failed runs again, after a while" {
	hook web 'echo out; printf "\033[31merr\n" >&2; test -e '"$PWD/ok"
	run -2 --separate-stderr cert-deploy -q
	told 'web changed a b'
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = 'cert-deploy: web: out' ]
	[ "${stderr_lines[1]}" = 'cert-deploy: web: \033[31merr' ]
	[[ ${stderr_lines[2]} == "cert-deploy: web: $PWD/store/hooks/web changed: exit status 1: pending: a, b; next try 20"* ]]
	[ "${#stderr_lines[@]}" -eq 3 ]
	# nothing is new, and it is pending; cron gets no mail while it waits
	run -2 --separate-stderr cert-deploy -q
	[ -z "$output$stderr" ]
	run -2 --separate-stderr cert-deploy
	[[ $stderr == *'exit status 1: waits until 20'* ]]
	run -2 cert-deploy -n
	told
	# -f and who names an entry do not wait
	run -2 --separate-stderr cert-deploy -f
	[[ $stderr == *'pending: a, b; next try '*', failed 2 times since 20'* ]]
	told 'web changed a b'
	# 1, 2, 4 ... minutes, an hour at most
	for wait in 240 480 960 1920 3600 3600; do
		later 3600
		run -2 cert-deploy -q
		[ "$(awk '$1 == "next" { n = $2 } $1 == "tried" { t = $2 }
		    END { print n - t }' "$(ledger web)")" -eq "$wait" ]
	done
	[ "$(sort "$log" | uniq -c)" = '      6 web changed a b' ]
	: >"$log"
	run -2 --separate-stderr cert-deploy -q a
	told 'web changed a'
	# what changed since is a reason to try it again
	run -2 cert-deploy -q
	told 'web changed a b'
	cert-create -f -s a.example.com a
	run -2 cert-deploy -q
	run -2 cert-deploy -q
	told 'web changed a b'
	: >ok
	later 3600
	run -0 --separate-stderr cert-deploy -q
	[ -z "$stderr" ]
	told 'web changed a b'
	! grep -v '^entry' "$(ledger web)" || fail 'the failure is remembered'
	# a clock that was ahead does not stop it
	rm ok
	cert-create -f -s a.example.com a
	run -2 cert-deploy -q
	later -100000
	: >ok
	: >"$log"
	run -0 cert-deploy -q
	told 'web changed a'
}

@test "what -f could not deliver once more is pending" {
	hook web
	cert-deploy -q
	hook web false
	run -2 cert-deploy -qf a
	run -2 cert-deploy -qx
	later 3600
	run -0 cert-deploy -n
	[ "$output" = "$(printf 'a\tweb\tchanged\twas not delivered yet')" ]
	: >"$log"
	hook web
	run -0 cert-deploy -q
	told 'web changed a'
}

@test "what a hook gets" {
	cat >probe.c <<-'EOT'
		#include <dirent.h>
		#include <fcntl.h>
		#include <signal.h>
		#include <stdio.h>
		#include <sys/stat.h>
		#include <unistd.h>
		extern char **environ;
		int
		main(int argc, char *argv[])
		{
			char cwd[100];
			int fd, i;
			for (i = 1; i < argc; i++)
				printf("arg %s\n", argv[i]);
			for (i = 0; environ[i] != NULL; i++)
				printf("env %s\n", environ[i]);
			for (fd = 0; fd < 1000; fd++)
				if (fcntl(fd, F_GETFD) != -1)
					printf("fd %d\n", fd);
			for (i = 1; i < 32; i++) {
				struct sigaction sa;
				sigset_t mask;
				sigprocmask(SIG_SETMASK, NULL, &mask);
				if (sigaction(i, NULL, &sa) == 0 &&
				    (sa.sa_handler != SIG_DFL ||
				    sigismember(&mask, i)))
					printf("signal %d\n", i);
			}
			printf("umask %o\n", umask(0));
			printf("cwd %s\n", getcwd(cwd, sizeof(cwd)));
			printf("session %d\n", getsid(0) == getpid() &&
			    getpgrp() == getpid());
			while ((i = getchar()) != EOF)
				putchar(i);
			return 0;
		}
	EOT
	cc -o store/hooks/web probe.c
	unset HTTPS_PROXY HTTP_PROXY NO_PROXY http_proxy https_proxy no_proxy
	printf '%s\n' 'arg changed' "env CERTSTORE=$CERTSTORE" \
	    'env CERTSTORE_HOOK=web' 'env LANG=C.UTF-8' \
	    'env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
	    'env HOME=/home/x' 'env TMPDIR=/var/tmp' 'env SSL_CERT_FILE=/ca.pem' \
	    'env HTTPS_PROXY=http://proxy' 'env no_proxy=.lan' \
	    'fd 0' 'fd 1' 'fd 2' 'umask 22' 'cwd /' 'session 1' a b >want
	(
		trap '' PIPE HUP CHLD
		umask 077
		exec env -i PATH="$PATH" CERTSTORE=./store HOME=/home/x \
		    TMPDIR=/var/tmp SSL_CERT_FILE=/ca.pem LD_BIND_NOW=1 \
		    HTTPS_PROXY=http://proxy no_proxy=.lan SECRET=1 \
		    cert-deploy 7</dev/null 9>/dev/null 3>&-
	) 2>said
	sed 's/^cert-deploy: web: //' said | diff want -
	[ "$(mode "$(ledger web)")" = 644 ]
}

@test "a hook may be a link, and its script any file" {
	mkdir elsewhere
	hook one
	mv store/hooks/one elsewhere/script
	ln -s ../../elsewhere/script store/hooks/web
	cert-deploy -q
	told 'script changed a b'
	rm store/hooks/web
	ln -s gone store/hooks/web
	run -2 --separate-stderr cert-deploy -f
	[[ $stderr == *"$PWD/store/hooks/web: is a link to nothing: pending"* ]]
	rm store/hooks/web
	mkdir store/hooks/web
	run -2 --separate-stderr cert-deploy -f
	[[ $stderr == *'store/hooks/web: is not an executable file: '* ]]
	rmdir store/hooks/web
	hook web
	chmod 644 store/hooks/web
	run -2 --separate-stderr cert-deploy -f
	[[ $stderr == *'store/hooks/web: is not an executable file: '* ]]
	hook web
	sed -i '1s,/bin/sh,/no/such/sh,' store/hooks/web
	run -2 --separate-stderr cert-deploy -f
	[[ $stderr == *'changed: cannot be started: No such file or '* ]]
	told
}

@test "a hook that others can change is not run" {
	hook web
	chmod g+w store/hooks/web
	run -2 --separate-stderr cert-deploy -q
	[[ $stderr == *"store/hooks/web: $PWD/store/hooks/web: has mode 0775, so that others can change it: chmod go-w it: pending: "* ]]
	run -2 --separate-stderr cert-deploy -qn a
	[[ $stderr == *'has mode 0775'* ]]
	chmod g-w store/hooks/web
	chmod o+w store/hooks
	run -2 --separate-stderr cert-deploy -q a
	[[ $stderr == *"$PWD/store/hooks: has mode 0757"* ]]
	chmod o-w store/hooks
	# nor what a link leads to
	mkdir -m 777 open
	mv store/hooks/web open/web
	ln -s "$PWD/open/web" store/hooks/web
	run -2 --separate-stderr cert-deploy -q a
	[[ $stderr == *"$PWD/open: has mode 0777"* ]]
	told
	[ "$(id -u)" -eq 0 ] || skip "needs root, to give a file away"
	chmod 755 open
	chown daemon open/web
	run -2 --separate-stderr cert-deploy -q a
	[[ $stderr == *"$PWD/open/web: belongs to user $(id -u daemon): "* ]]
	told
	chown root open/web
	run -0 cert-deploy -qf
	told 'web changed a b'
}

@test "the store of another user is refused, hooks and all" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to give a store away"
	hook web
	chown -R daemon store
	run -2 --separate-stderr cert-deploy
	[[ $stderr == *"$PWD/store: belongs to another user"* ]]
	told
	[ ! -e store/deployed ]
	# who owns it may, and root's hooks are good for it
	chmod 666 log
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" . 2>/dev/null
	hook web
	if ! setpriv --reuid daemon --clear-groups test -x "$BIN/cert-deploy" ||
	    ! setpriv --reuid daemon --clear-groups test -r store/certs; then
		skip 'other users cannot get here'
	fi
	run -0 setpriv --reuid daemon --clear-groups cert-deploy -q
	told 'web changed a b'
	# others may look
	run -0 cert-deploy -n
}

@test "a user without hook and unit is pending, and said" {
	run -2 --separate-stderr cert-deploy
	[[ $stderr == *': web: there is no hook and no unit of that name: pending: a, b; '* ]]
	cert-set -q a user='a b' user+=/note
	run -2 --separate-stderr cert-deploy -q
	[[ $stderr == *': "a b": is not the name of a hook or unit: '* ]]
	[[ $stderr == *': web: '*': pending: b; '* ]]
	[ "${#stderr_lines[@]}" -eq 2 ]
	run -2 cert-deploy -nq
	# a hook that is gone together with its entries holds nothing up
	cert-set -q a user=/note
	hook web
	cert-deploy -q b
	cert-set -q b user=/note
	rm store/hooks/web
	run -0 --separate-stderr cert-deploy
	[[ $stderr == *'nobody is told that its entries were removed' ]]
	[ "$output" = $'b\tweb\tremoved\tit is gone, or has no such user any more' ]
	run -1 cert-deploy -x
}

@test "users in the order of their bytes; a failure stops none" {
	cert-set -q a b user=b user+=a user+=B user+=a.x
	hook a exit\ 3
	hook b
	hook B
	hook a.x
	run -2 --separate-stderr cert-deploy -q
	told 'B changed a b' 'a changed a b' 'a.x changed a b' 'b changed a b'
	[ "${#stderr_lines[@]}" -eq 1 ]
	run -2 cert-deploy -q
	told
}

@test "a hook that calls cert-deploy, and others that it may call" {
	hook web 'cert-deploy; echo "status $?"; cert-list -o name;
	    cert-set -q a note=hook'
	sed -i "2i PATH=$PATH" store/hooks/web
	run -0 --separate-stderr within 60 cert-deploy
	[[ $stderr == *'web: cert-deploy: runs already: this is the hook of web'* ]]
	[[ $stderr == *'web: status 2'*'web: a'*'web: b'* ]]
	[ "$(cert-set a)" = $'user=web\nnote=hook' ]
	told 'web changed a b'
}

@test "a run waits for another one, and then has nothing to do" {
	mkfifo go
	hook web ': >'"$PWD/began" 'read x <'"$PWD/go"
	cert-deploy -q 3>&- &
	until [ -e began ]; do sleep 0.01; done
	run -2 --separate-stderr cert-deploy -W 1
	[[ $stderr == 'cert-deploy: web: another cert-deploy has run for 1 s: '* ]]
	# -n does not wait
	run -0 cert-deploy -n
	cert-deploy 3>&- >second &
	echo >go
	wait %1
	wait %2
	[ ! -s second ]
	told 'web changed a b'
}

@test "a daemon that keeps the output holds nothing up, and lives on" {
	hook web 'echo started' \
	    'sleep 1000 & echo $! >'"$PWD/pid" 'kill -STOP $!'
	run -0 --separate-stderr within 60 cert-deploy -W 500
	[ "$stderr" = 'cert-deploy: web: started' ]
	kill -0 "$(cat pid)"
	kill -KILL "$(cat pid)"
}

@test "a hook that does not end is ended, with what it started" {
	hook web 'trap "" TERM' 'echo first' 'sleep 1000 & echo $! >'"$PWD/pid" \
	    'while :; do sleep 1000; done'
	run -2 --separate-stderr within 60 cert-deploy -W 1
	[ "${stderr_lines[0]}" = 'cert-deploy: web: first' ]
	[[ ${stderr_lines[1]} == *'changed: did not end within 1 s: pending: '* ]]
	# nobody may have waited for it
	! readlink "/proc/$(cat pid)/exe" || fail 'its child lives'
}

@test "an interrupted run ends its hook, and forgets nothing" {
	hook web 'echo $$ >'"$PWD/pid.new; mv $PWD/pid.new $PWD/pid" \
	    'exec sleep 1000'
	cert-deploy 3>&- 2>said &
	until [ -e pid ]; do sleep 0.01; done
	kill "$!"
	status=0
	wait "$!" || status=$?
	[ "$status" -eq 2 ]
	grep -qx 'cert-deploy: web: interrupted: run it again' said
	! readlink "/proc/$(cat pid)/exe" || fail 'its hook lives'
	hook web
	: >"$log"
	run -0 cert-deploy
	told 'web changed a b'
}

@test "a signal that comes when the hook has just ended is not lost" {
	local n=0

	# what it leaves keeps the output open, and waits until it is over
	hook web '(while kill -0 $$ 2>/dev/null; do :; done
	    kill $PPID && : >'"$PWD/sent"') &'
	for _ in $(seq 10); do
		rm -f sent
		run --separate-stderr cert-deploy -f
		# it ends by the signal if that comes a little later
		[ "$status" -ne 143 ] || continue
		[ -e sent ] || continue
		[ "$status" -eq 2 ]
		[ "$stderr" = 'cert-deploy: web: interrupted: run it again' ]
		n=$((n + 1))
	done
	[ "$n" -gt 0 ]
	hook web
	: >"$log"
	run -0 cert-deploy -f
	told 'web changed a b'
}

@test "much input that nobody reads, much output that nobody wants" {
	printf '#!/bin/sh\nexec 0<&-\nhead -c 300000 /dev/zero | tr "\\0" x\nexit 1\n' \
	    >store/hooks/web
	chmod 755 store/hooks/web
	run -2 --separate-stderr within 60 cert-deploy -q
	[ "${#stderr_lines[@]}" -eq 2 ]
	printf '#!/bin/sh\nyes line | head -n 100000; exit 1\n' >store/hooks/web
	run -2 --separate-stderr within 60 cert-deploy -fq
	[ "${#stderr_lines[@]}" -gt 10000 ]
	[ "${#stderr_lines[@]}" -lt 14000 ]
	[[ ${stderr_lines[-1]} == *'exit status 1'* ]]
	printf '#!/bin/sh\nprintf "one\\0two\\n"; exit 1\n' >store/hooks/web
	run -2 --separate-stderr cert-deploy -fq
	[ "${stderr_lines[0]}" = 'cert-deploy: web: one' ]
	[ "${stderr_lines[1]}" = 'cert-deploy: web: two' ]
}

@test "whatever call kills it, the hook runs at last" {
	local n status

	[ -z "${CERTSTORE_SANITIZE:-}" ] ||
	    skip 'strace and the leak sanitizer do not go together'
	strace -o /dev/null true 2>/dev/null || skip 'strace cannot trace here'
	hook web
	cp -a store saved
	calls=openat,write,renameat,unlinkat,fsync,flock,mkdirat,close,fork,clone
	for n in $(seq 12) $(seq 14 3 200); do
		rm -rf store
		cp -a saved store
		: >store/.lock
		: >"$log"
		status=0
		# set apart from bash, which would report the signal
		sh -c 'strace -qq -o /dev/null -e inject="$0" "$@"; exit' \
		    "$calls:signal=KILL:when=$n" cert-deploy -q 2>/dev/null ||
		    status=$?
		[ "$status" -ne 0 ] || break
		run -0 cert-deploy -q
		grep -qx 'web changed a b' "$log"
		run -1 cert-deploy -qx
		[ -z "$(find store/deployed -name '*@new')" ]
	done
	[ "$status" -eq 0 ] || fail 'it was killed every time'
	[ "$n" -gt 20 ]
}

@test "trust sets: anchors and CRLs" {
	hook web
	hook set
	cert-deploy -q
	: >"$log"
	cert-set -q @trust user=set
	cert-set -q @trust/phones user=set user+=web
	# other lines name no user
	printf '@trust note x\n@trust/%0100d user set\n' 0 \
	    >>"$CERTSTORE/props"
	run -1 cert-deploy -x
	cert-create -c ca
	cert-create -c other
	cert-show -o cert ca | cert-trust add -
	run -0 cert-deploy
	[ "$output" = $'@trust\tset\tchanged\twas not delivered yet' ]
	told 'set changed @trust'
	cert-show -o cert ca | cert-trust -T phones add -
	cert-deploy -q
	told 'set changed @trust/phones' 'web changed @trust/phones'
	pki crl ca.crl ca=store/certs/ca/fullchain.pem \
	    key=store/certs/ca/privkey.pem
	cert-trust -q -T phones add ca.crl
	cert-deploy -q @trust/phones
	told 'set changed @trust/phones' 'web changed @trust/phones'
	cert-show -o cert other | cert-trust add -
	cert-deploy -q
	told 'set changed @trust'
	cert-set -q @trust user=
	cert-deploy -q
	told 'set removed @trust'
}

@test "each host has its ledger, of a store that several share" {
	mounts
	hook web
	for i in 1 2; do
		echo "0123456789abcdef0123456789abcde$i" >"id$i"
	done
	on() {
		unshare -m sh -euc 'mount --bind "id$1" /etc/machine-id
		    shift
		    exec "$@"' - "$@"
	}
	on 1 cert-deploy -q
	told 'web changed a b'
	on 2 cert-deploy -q
	told 'web changed a b'
	run -1 on 1 cert-deploy -x
	run -1 on 2 cert-deploy -x
	told
	for i in 1 2; do
		[ -f "store/deployed/$(printf %s "$(cat id$i)" | sha256sum |
		    cut -c -12)/web" ]
	done
	cert-create -f -s a.example.com a
	on 2 cert-deploy -q
	told 'web changed a'
	on 1 cert-deploy -q
	told 'web changed a'
	# an image before its first boot: by its host name
	echo uninitialized >id1
	on 1 cert-deploy -q
	told 'web changed a b'
	[ -f "store/deployed/$(hostname | tr -d '\n' | sha256sum |
	    cut -c -12)/web" ]
}

@test "hooks of the host: those of the store come first" {
	mounts
	mkdir etc
	cp -a /etc/. etc
	mkdir -p etc/certstore/hooks
	hook web
	mv store/hooks/web etc/certstore/hooks/web
	run -0 unshare -m sh -euc 'mount --bind etc /etc; exec cert-deploy -qv'
	[ -z "$output" ]
	told 'web changed a b'
	hook web 'echo mine'
	run -0 --separate-stderr unshare -m sh -euc '
		mount --bind etc /etc; exec cert-deploy -f'
	[ "$stderr" = 'cert-deploy: web: mine' ]
}

# systemd COMMAND...: where systemd runs, as far as can be seen, with another
# systemctl: it logs its arguments, prints ./show and ends as ./ends says.
systemd() {
	cat >systemctl <<-EOT
		#!/bin/sh
		echo "\$*" >>'$log'
		case \$1 in
		show) cat '$PWD/show' ;;
		*) . '$PWD/ends' ;;
		esac
	EOT
	chmod 755 systemctl
	[ -e ends ] || echo 'exit 0' >ends
	unshare -m sh -euc 'mount -t tmpfs -o mode=755 none /run
		mkdir -p /run/systemd/system
		mount --bind systemctl /usr/bin/systemctl
		exec "$@"' - "$@"
}

unit() {
	printf 'LoadState=%s\nActiveState=%s\nCanReload=%s\n' "$@" >show
}

units() {
	mounts
	[ -e /usr/bin/systemctl ] || skip 'there is no /usr/bin/systemctl'
	asks='show -pLoadState,ActiveState,CanReload --'
	does='--no-ask-password --job-mode=replace'
	cert-set -q a user=web.service
	cert-set -q b user=/note
}

@test "a unit is reloaded" {
	units
	unit loaded active yes
	run -0 --separate-stderr systemd cert-deploy
	[ "$output" = $'a\tweb.service\tchanged\twas not delivered yet' ]
	[ -z "$stderr" ]
	told "$asks web.service" "$does reload -- web.service"
	run -1 systemd cert-deploy -x
	told
	# a hook comes first
	hook web.service
	systemd cert-deploy -qf
	told 'web.service changed a'
}

@test "a unit that does not run has nothing to reload" {
	units
	for state in inactive failed; do
		unit loaded "$state" no
		run -0 --separate-stderr systemd cert-deploy -fv
		[[ $stderr == *'web.service: does not run: it reads '* ]]
		told "$asks web.service"
	done
}

@test "a unit that is not known, or masked, stays pending" {
	units
	for state in not-found masked error; do
		unit "$state" inactive no
		run -2 --separate-stderr systemd cert-deploy -f
		[[ $stderr == *"web.service: web.service: is $state: pending: a; "* ]]
		told "$asks web.service"
	done
	# a chroot: systemctl does nothing, with status 0
	echo 'Running in chroot, ignoring command' >show
	run -2 --separate-stderr systemd cert-deploy -f
	[[ $stderr == *'web.service: is not known to systemd: pending: a; '* ]]
	told "$asks web.service"
}

@test "a unit that cannot be reloaded is not restarted unasked" {
	units
	unit loaded active no
	run -2 --separate-stderr systemd cert-deploy
	told "$asks web.service"
	[[ $stderr == *': web.service: web.service: cannot be reloaded: to restart it instead, use '* ]]
	remedy=${stderr#*use }
	eval "${remedy%%: *}" 2>/dev/null || eval "${remedy%: pending: *}"
	[ "$(cert-set -o user a)" = user=restart:web.service ]
	run -0 --separate-stderr systemd cert-deploy
	told "$asks web.service" "$does restart -- web.service"
	run -1 systemd cert-deploy -x
	# delivered before it was known: no longer a user, and nothing to be told
	unit loaded active yes
	cert-set -q a user=web.service
	systemd cert-deploy -qf
	: >"$log"
	unit loaded active no
	cert-set -q a user=restart:web.service
	run -0 systemd cert-deploy
	run -1 systemd cert-deploy -x
}

@test "a reload that fails, or does not end, stays pending" {
	units
	unit loaded active yes
	echo 'echo "Job failed." >&2; exit 1' >ends
	run -2 --separate-stderr systemd cert-deploy
	[ "${stderr_lines[0]}" = 'cert-deploy: web.service: Job failed.' ]
	[[ ${stderr_lines[1]} == *'systemctl reload web.service: exit status 1: pending: a; '* ]]
	echo 'exec sleep 1000' >ends
	run -2 --separate-stderr systemd cert-deploy -f -W 1
	[[ $stderr == *'systemctl reload web.service: did not end within 1 s: '* ]]
	echo 'exit 0' >ends
	run -0 systemd cert-deploy -f
}

@test "without systemd a unit stays pending" {
	units
	unit loaded active yes
	systemd true
	run -2 --separate-stderr unshare -m sh -euc '
		mount -t tmpfs none /run
		mount --bind systemctl /usr/bin/systemctl
		exec cert-deploy'
	[[ $stderr == *"web.service: systemd does not run here: add the hook $PWD/store/hooks/web.service: pending: a; "* ]]
	export SYSTEMD_OFFLINE=1
	run -2 --separate-stderr systemd cert-deploy -f
	[[ $stderr == *'systemd does not run here: '* ]]
	told
}
