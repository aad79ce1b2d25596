#!/usr/bin/env bats
# methods.bats: how cert-acme shows a CA that a name is ours: webroot, http, hook
# and dns-persist, without a CA; the hooks nsupdate and dehydrated.

# shellcheck disable=SC2154  # stderr and stderr_lines are run's
# shellcheck disable=SC2016  # hooks and scripts expand their own variables
# shellcheck disable=SC2030,SC2031  # a test is a subshell

load helper

setup() {
	common_setup
	mkdir bin store
	cp "$ROOT/tests/method" "$BIN/acme-responder" bin/
	cp -R "$ROOT/hooks" bin/hooks
	export PATH=$PWD/bin:$PATH CERTSTORE=$PWD/store
	cert-create -q -s a.example.com a
}

teardown() {
	common_teardown
}

# innet SCRIPT [ARG...]: runs it in bash, with a network, mounts and processes
# of its own, which end with it.
innet() {
	[ "$(id -u)" -eq 0 ] && unshare -nmpf true 2>/dev/null ||
	    skip 'needs root, for a network of its own'
	command -v ip >/dev/null || skip 'needs ip, of iproute2'
	timeout 120 unshare -nmpf --kill-child --mount-proc bash -euc "
	    ip link set lo up
	    until_true() { for _ in {1..100}; do \"\$@\" && return; sleep .05
		done; false; }
	    listens() { grep -q \":\$(printf %04X \$1) .* 0A \" \
		/proc/net/tcp /proc/net/tcp6; }
	    $1" bash "${@:2}" 3>&-
}

@test "words of methods" {
	for word in webroot webroot: http: http:0 http:65536 http:x http:+1 \
	    http:1.2.3:80 http:::80 'http:[::1]' http:name:80 hook hook: \
	    hook:http-01: hook:/tmp/ hook:,x dns-persist:x dns tls: '' \
	    hook:x,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16 \
	    tkauth tkauth: tkauth:/tmp/ tkauth:,x; do
		run -2 method "$word" http-01 a.example.com
		[[ $output == 'new -1 -m '*': '* ]] || fail "$word: $output"
	done
	for word in http http:8080 http:127.0.0.1:80 'http:[::1]:80' \
	    webroot:/srv/www hook:nsupdate hook:nsupdate,192.0.2.1,/etc/x \
	    hook:http-01:/usr/x,y,/z dns-persist tkauth:x,y; do
		run -0 method "$word" http-01 a.example.com
		[ "$output" = "new 0 $word" ]
	done
	run -0 method webroot:www http-01 a.example.com
	[ "$output" = "new 0 webroot:$PWD/www" ]
	run -0 method hook:tls-alpn-01:./x,./y http-01 a.example.com
	[ "$output" = "new 0 hook:tls-alpn-01:$PWD/./x,./y" ]
	run -0 method tkauth:./x,./y tkauth-01 MAigBhYEODE4SA
	[ "$output" = "new 0 tkauth:$PWD/./x,./y" ]
}

@test "each method does its challenges" {
	while read -r word type name can; do
		run method "$word" "$type" "$name" can
		[ "${lines[1]}" = "can $can" ] ||
		    fail "$word $type $name: $output"
	done <<-'EOT'
	webroot:/www http-01 a.example.com 1
	webroot:/www http-01 192.0.2.1 1
	webroot:/www http-01 *.example.com 0
	webroot:/www dns-01 a.example.com 0
	webroot:/www tls-alpn-01 a.example.com 0
	http http-01 2001:db8::1 1
	http dns-01 a.example.com 0
	hook:x dns-01 a.example.com 1
	hook:x dns-01 *.example.com 1
	hook:x dns-01 192.0.2.1 0
	hook:x http-01 a.example.com 0
	hook:http-01:x http-01 a.example.com 1
	hook:http-01:x http-01 192.0.2.1 1
	hook:http-01:x dns-01 a.example.com 0
	hook:tls-alpn-01:x tls-alpn-01 a.example.com 1
	dns-persist dns-persist-01 *.example.com 1
	dns-persist dns-persist-01 192.0.2.1 0
	dns-persist dns-01 a.example.com 0
	tkauth:x tkauth-01 MAigBhYEODE4SA 1
	tkauth:x dns-01 a.example.com 0
	hook:x tkauth-01 MAigBhYEODE4SA 0
	EOT
	TKAUTH=other run method tkauth:x tkauth-01 MAigBhYEODE4SA can
	[ "${lines[1]}" = 'can 0' ]
}

@test "webroot: a file, and what was made for it is removed" {
	mkdir www
	for mask in 022 077 0777; do
		run -0 bash -c "umask $mask
		    method webroot:www http-01 a.example.com begin note setup"
		[ "${lines[2]}" = "note webroot:$PWD/www tok_-1 2" ]
		file=www/.well-known/acme-challenge/tok_-1
		[ "$(cat $file)" = tok_-1.thumb ]
		[ "$(mode $file)" = 644 ]
		[ "$(mode www/.well-known)" = 755 ]
		[ "$(mode www/.well-known/acme-challenge)" = 755 ]
		# in another process, and once more
		run -0 method undo "webroot:$PWD/www tok_-1 2"
		[ -z "$(ls -A www)" ]
		run -0 method undo "webroot:$PWD/www tok_-1 2"
	done
	# what was there before stays, and what others use
	mkdir www/.well-known
	run -0 method webroot:www http-01 a.example.com note setup
	[ "${lines[1]}" = "note webroot:$PWD/www tok_-1 1" ]
	touch www/.well-known/acme-challenge/other
	run -0 method undo "webroot:$PWD/www tok_-1 1"
	[ "$(ls www/.well-known/acme-challenge)" = other ]
	rm www/.well-known/acme-challenge/other
	run -0 method webroot:www http-01 a.example.com note setup
	run -0 method undo "webroot:$PWD/www tok_-1 0"
	[ -d www/.well-known/acme-challenge ]
	# a file of an interrupted run is replaced
	echo old >www/.well-known/acme-challenge/tok_-1
	run -0 method webroot:www http-01 a.example.com note setup undo
	[ "${lines[2]}" = 'setup 0' ]
	# gone with all that was in it
	rm -r www
	run -0 method undo "webroot:$PWD/www tok_-1 2"
	run -2 method webroot:www http-01 a.example.com begin
	[ "${lines[1]}" = "begin -1 $PWD/www: No such file or directory" ]
}

@test "webroot: a name with a space, and a note that is not one" {
	mkdir 'a b%'
	run -0 method 'webroot:a b%' http-01 a.example.com note setup
	[ "${lines[1]}" = "note webroot:$PWD/a%20b%25 tok_-1 2" ]
	run -0 method undo "webroot:$PWD/a%20b%25 tok_-1 2"
	[ -z "$(ls -A 'a b%')" ]
	touch victim
	mkdir -p www/.well-known/acme-challenge
	for note in "webroot:$PWD/www ../../../victim 2" \
	    "webroot:$PWD/www  2" "webroot:$PWD/www tok" 'webroot:' x \
	    "webroot:$PWD/www %2e%2e%2fx 2" "webroot:$PWD/www %0 2" \
	    "webroot:$PWD/www %00 2" "webroot:$PWD/www a 2 3 4 5 6 7 8 9 10"; do
		run -2 method undo "$note"
		[[ $output == 'undo -1 '* ]] || fail "$note: $output"
	done
	for token in ../../../victim '' . x/y "$(printf 'a%.0s' {1..129})"; do
		TOKEN=$token run -2 method webroot:www http-01 a.example.com \
		    note setup
		[[ ${lines[1]} == 'note -1 '*': is not a token' ]]
		[[ ${lines[2]} == 'setup -1 '*': is not a token' ]]
	done
	[ -e victim ]
}

@test "webroot: default ACLs do not hide the file" {
	mkdir www
	setfacl -d -m u::rwx,g::---,o::--- www 2>/dev/null ||
	    skip 'no ACLs in this file system'
	run -0 method webroot:www http-01 a.example.com note setup
	[ "$(mode www/.well-known)" = 755 ]
	[ "$(mode www/.well-known/acme-challenge/tok_-1)" = 644 ]
}

@test "webroot: a link is followed only if nobody else can have made it" {
	mkdir www victim other
	ln -s ../other www/.well-known
	run -0 method webroot:www http-01 a.example.com begin note setup
	[ -e other/acme-challenge/tok_-1 ]
	run -0 method undo "webroot:$PWD/www tok_-1 1"
	[ -z "$(ls -A other)" ]
	# of a directory that a web user can write to
	rm www/.well-known
	mkdir www/.well-known
	ln -s ../../victim www/.well-known/acme-challenge
	for bits in 775 777 1777; do
		chmod $bits www/.well-known
		run -2 method webroot:www http-01 a.example.com begin
		[[ ${lines[1]} == *'/.well-known/acme-challenge: is not a directory, or a link that others can change'* ]]
		run -2 method webroot:www http-01 a.example.com setup
	done
	chmod 755 www/.well-known
	if [ "$(id -u)" -eq 0 ]; then
		chown nobody www/.well-known
		run -2 method webroot:www http-01 a.example.com setup
		touch victim/tok_-1
		run -2 method undo "webroot:$PWD/www tok_-1 0"
		[ -e victim/tok_-1 ]
		rm victim/tok_-1
	fi
	[ -z "$(ls -A victim)" ]
}

@test "webroot: a web user that switches links gets nothing elsewhere" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root, to be another user than root'
	mkdir www victim
	chown nobody www
	chmod 755 "$BATS_TEST_TMPDIR" "$PWD"
	setpriv --reuid 65534 --clear-groups --regid 65534 perl -e '
	    while (! -e "stop") {
		mkdir "www/.well-known";
		rename "www/.well-known", "www/x";
		symlink "../victim", "www/.well-known";
		unlink "www/.well-known";
		rename "www/x", "www/.well-known";
	    }' 2>/dev/null 3>&- &
	racer=$!
	for i in $(seq 100); do
		method webroot:www http-01 a.example.com note setup undo >>log ||
		    :
	done
	touch stop
	wait $racer
	grep -q 'setup 0' log
	[ -z "$(ls -A victim)" ]
}

@test "webroot: a full disk leaves nothing" {
	innet '
	    mkdir www
	    mount -t tmpfs -o size=8k none www
	    mkdir -p www/.well-known/acme-challenge
	    cat /dev/zero >www/full 2>/dev/null || :
	    run=0
	    method webroot:www http-01 a.example.com note setup >out || run=$?
	    [ $run -eq 2 ]
	    grep "setup -1 .*tok_-1: No space left on device" out
	    [ -z "$(ls www/.well-known/acme-challenge)" ]
	    rm www/full
	    mount -o remount,ro www
	    method webroot:www http-01 a.example.com begin >out || :
	    grep "Read-only file system: for a unit of systemd" out'
}

@test "http: answers on both families, without privileges" {
	innet '
	    get() { curl -s -m 5 -w "%{http_code} %{content_type}\n" "$@"; }
	    mkfifo hold
	    exec 8<>hold
	    method http http-01 127.0.0.1 begin note setup look pause \
		<hold >out &
	    until_true grep -q look out
	    diff out - <<-EOT
	new 0 http
	begin 0
	note 
	setup 0
	look 0
	EOT
	    path=.well-known/acme-challenge/tok_-1
	    ok="tok_-1.thumb200 application/octet-stream"
	    [ "$(get http://127.0.0.1/$path)" = "$ok" ]
	    [ "$(get "http://[::1]/$path?x=y")" = "$ok" ]
	    [ "$(get -I -o headers http://127.0.0.1/$path)" = \
		"${ok#tok_-1.thumb}" ]
	    for url in "" .well-known/acme-challenge/ ${path}x /$path \
		.well-known/acme-challenge/../../etc/passwd $path/; do
		get --path-as-is http://127.0.0.1/$url | grep "^404"
	    done
	    get -d x=y http://127.0.0.1/$path | grep "^405"
	    pid=$(pgrep acme-responder)
	    uid=$(id -u _certstore 2>/dev/null || echo 65534)
	    gid=$(id -g _certstore 2>/dev/null || echo 65534)
	    grep -qx "Uid:	$uid	$uid	$uid	$uid" /proc/$pid/status
	    grep -qx "Gid:	$gid	$gid	$gid	$gid" /proc/$pid/status
	    grep -x "CapPrm:	0*" /proc/$pid/status
	    grep -x "NoNewPrivs:	1" /proc/$pid/status
	    grep -xE "Groups:[[:space:]]*" /proc/$pid/status
	    [ -z "$(ls -A /proc/$pid/root/)" ]
	    [[ $(readlink /proc/$pid/root) == *deleted* ]]
	    # signals of the terminal are for cert-acme
	    kill -INT $pid; kill -TERM $pid; kill -HUP $pid
	    [ "$(get http://127.0.0.1/$path)" = "$ok" ]
	    # the child ends with it, however that ends
	    kill -KILL $(pgrep -x method)
	    until_true eval "! pgrep acme-responder >/dev/null"
	    method http http-01 127.0.0.1 begin
	    ! pgrep acme-responder'
}

@test "http: a port in use names the program before there is an order" {
	innet '
	    perl -MSocket -e "socket(S, PF_INET, SOCK_STREAM, 0);
		setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1);
		bind(S, sockaddr_in(80, INADDR_ANY)); listen(S, 1);
		open(F, \">/proc/\$\$/comm\"); print F \"nginx\"; close F;
		sleep 60" &
	    until_true listens 80
	    for word in http http:80 http:127.0.0.1:80; do
		method $word http-01 127.0.0.1 begin >out && exit 1
		tail -n 1 out
		grep "^begin -1 $word: port 80 is used by nginx (pid $!): use -m webroot:DIR" out
	    done
	    method "http:[::1]:80" http-01 127.0.0.1 begin
	    method http:8080 http-01 127.0.0.1 begin
	    ! pgrep acme-responder'
}

@test "http: a family that the host lacks is left out" {
	innet '
	    [ -e /proc/sys/net/ipv6 ] || exit 0
	    mount -t tmpfs none /mnt
	    sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	    method http http-01 127.0.0.1 begin setup look >out
	    grep "look 0" out
	    ! method "http:[::1]:80" http-01 127.0.0.1 begin >out
	    grep "begin -1 .*Cannot assign requested address" out'
}

@test "http: not root" {
	innet '
	    sysctl -qw net.ipv4.ip_unprivileged_port_start=1024
	    as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
	    chmod 755 . .. ../.. ../../..
	    ! as method http http-01 127.0.0.1 begin >out
	    grep "begin -1 http: port 80: Permission denied: use -m http:8080" \
		out
	    mkfifo hold
	    exec 8<>hold
	    as method http:8080 http-01 127.0.0.1 begin setup pause <hold >out &
	    until_true grep setup out
	    curl -s http://127.0.0.1:8080/.well-known/acme-challenge/tok_-1 |
		grep tok_-1.thumb
	    setpriv --reuid 65534 --regid 65534 --clear-groups \
		--inh-caps +net_bind_service --ambient-caps +net_bind_service \
		"$(command -v method)" http http-01 127.0.0.1 begin setup look \
		>out2
	    grep "look 0" out2'
}

@test "http: in a user namespace, which may have no other user" {
	unshare -Urn true 2>/dev/null || skip 'no user namespaces here'
	run -0 unshare -Urn bash -euc 'ip link set lo up
	    method http http-01 127.0.0.1 begin begin setup look begin'
	[ "${lines[4]}" = 'look 0' ]
	[ "${lines[5]}" = 'begin 0' ]
}

@test "http: with the capabilities of the unit" {
	innet '
	    caps=-all
	    for cap in $(sed -n "s/^CapabilityBoundingSet=//p" "$1"); do
		caps=$caps,+$(tr A-Z a-z <<<"${cap#CAP_}")
	    done
	    setpriv --bounding-set "$caps" --inh-caps -all --no-new-privs \
		"$(command -v method)" http http-01 127.0.0.1 begin setup look \
		>out
	    grep "look 0" out' "$ROOT/dist/cert-renew.service"
}

@test "http: without the worker, and the worker alone" {
	rm bin/acme-responder
	run -2 method http:18080 http-01 127.0.0.1 begin
	[[ ${lines[1]} == 'begin -1 '*acme-responder*'install certstore again' ]]
	run -2 "$BIN/acme-responder" </dev/null
	[ "$output" = 'acme-responder: is run by cert-acme only' ]
}

@test "look: a wrong answer from a public address, and what is only a warning" {
	innet '
	    ip addr add 8.8.8.8/32 dev lo
	    ip addr add 10.0.0.1/32 dev lo
	    ip addr add 2001:4860::8/128 dev lo
	    cp /etc/hosts hosts
	    mount --bind hosts /etc/hosts
	    hosts() { printf "%s\n" "$@" >hosts; }
	    cat >server.pl <<-"EOT"
	use Socket qw(:all);
	my ($host, $port, $reply) = @ARGV;
	socket(my $s, $host =~ /:/ ? AF_INET6 : AF_INET, SOCK_STREAM, 0) or die;
	setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
	bind($s, $host =~ /:/ ?
	    pack_sockaddr_in6($port, inet_pton(AF_INET6, $host)) :
	    pack_sockaddr_in($port, inet_pton(AF_INET, $host))) or die $!;
	listen($s, 9) or die;
	$reply =~ s/\\r\\n/\r\n/g;
	while (accept(my $c, $s)) {
		sysread($c, my $request, 4096);
		syswrite($c, $reply);
		close($c);
	}
	EOT
	    serve() { perl server.pl "$@" & until_true listens $2; sleep .1; }
	    say() { printf "HTTP/1.0 $1\\\\r\\\\n$2\\\\r\\\\n\\\\r\\\\n$3"; }
	    look() {
		method webroot:/www http-01 ${1:-www.example.com} look >out ||
		    :
		sed 1d out
	    }
	    url=http://www.example.com/.well-known/acme-challenge/tok_-1
	    hosts
	    [[ $(look) == "look 1 www.example.com: has no address here: "*": goes on" ]]
	    hosts "8.8.8.8 www.example.com"
	    look | grep "^look 1 $url at 8.8.8.8: .*connect.*: goes on$"
	    serve 8.8.8.8 80 "$(say "404 Not Found" "Server: x" "<html>
it is not here")"
	    serve 10.0.0.1 80 "$(say "200 OK" A:b wrong)"
	    serve 2001:4860::8 80 "$(say "200 OK" A:b "tok_-1.thumb \\\\r\\\\n")"
	    [ "$(look)" = "look -1 $url at 8.8.8.8: answers 404 \"<html>\" instead of the key authorization" ]
	    hosts "10.0.0.1 www.example.com"
	    [ "$(look)" = "look 1 $url at 10.0.0.1: answers 200 \"wrong\" instead of the key authorization: goes on, since the address is private" ]
	    # each address apart; a proxy is not asked
	    export http_proxy=http://10.0.0.1:80 HTTP_PROXY=http://10.0.0.1:80
	    hosts "2001:4860::8 www.example.com"
	    [ "$(look)" = "look 0" ]
	    [ "$(look 2001:4860::8)" = "look 0" ]
	    hosts "8.8.8.8 www.example.com" "2001:4860::8 www.example.com"
	    look | grep "^look -1 .* at 8.8.8.8: answers 404"
	    hosts "10.0.0.1 www.example.com" "2001:4860::8 www.example.com"
	    look | grep "^look 1 .* at 10.0.0.1: answers 200"'
}

@test "look: redirects, as a CA follows them" {
	innet '
	    ip addr add 8.8.8.8/32 dev lo
	    cp /etc/hosts hosts
	    mount --bind hosts /etc/hosts
	    printf "%s\n" "8.8.8.8 www.example.com" \
		"127.0.0.1 other.example.com" >hosts
	    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
		-nodes -keyout key -out cert -subj /CN=x 2>/dev/null
	    cat >server.pl <<-"EOT"
	use Socket;
	my ($host, $port) = @ARGV;
	socket(my $s, AF_INET, SOCK_STREAM, 0) or die;
	setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
	bind($s, sockaddr_in($port, inet_aton($host))) or die $!;
	listen($s, 20) or die;
	while (accept(my $c, $s)) {
		sysread($c, my $request, 4096);
		open(my $f, "<", "to"); my $to = <$f>; chomp $to;
		syswrite($c, "HTTP/1.0 302 Found\r\nLocation: $to\r\n\r\n");
		close($c);
	}
	EOT
	    perl server.pl 8.8.8.8 80 &
	    mkdir -p www/.well-known/acme-challenge
	    printf tok_-1.thumb >www/.well-known/acme-challenge/tok_-1
	    (cd www && exec openssl s_server -accept 443 -key ../key \
		-cert ../cert -WWW >/dev/null 2>&1 </dev/null) &
	    (cd www && exec openssl s_server -accept 8443 -key ../key \
		-cert ../cert -WWW >/dev/null 2>&1 </dev/null) &
	    until_true listens 80
	    until_true listens 443
	    until_true listens 8443
	    look() {
		echo "$1" >to
		method webroot:/www http-01 www.example.com look >out || :
		sed 1d out
	    }
	    p=.well-known/acme-challenge/tok_-1
	    [ "$(look https://www.example.com/$p)" = "look 0" ]
	    [ "$(look https://other.example.com/$p)" = "look 0" ]
	    look https://other.example.com:8443/$p | grep "^look -1 .*302"
	    look ftp://other.example.com/$p | grep "^look -1 .*302"
	    look file:///etc/passwd | grep "^look -1 .*302"
	    look http://www.example.com/$p | grep "^look -1 .*302"'
}

# hook NAME LINE...: a hook in the store that logs its arguments.
hook() {
	mkdir -p store/hooks
	{
		echo '#!/bin/sh'
		echo "echo \"\$*\" >>'$PWD/log'"
		printf '%s\n' "${@:2}"
	} >"store/hooks/$1"
	chmod 755 "store/hooks/$1"
}

@test "hook: what it gets" {
	hook mine 'env | sort >'"$PWD"'/env; echo said; ls /proc/self/fd >&2'
	export CERTSTORE_HOOK=x SECRET=1 https_proxy=http://p:1
	run -0 --separate-stderr method hook:mine,one,two dns-01 \
	    '*.a.example.com' begin note setup wait undo
	[ "$(cat log)" = "one two add dns-01 a.example.com _acme-challenge.a.example.com _acme-challenge.a.example.com txt_-1 tok_-1
one two wait dns-01 a.example.com _acme-challenge.a.example.com _acme-challenge.a.example.com txt_-1 tok_-1
one two del dns-01 a.example.com _acme-challenge.a.example.com _acme-challenge.a.example.com txt_-1 tok_-1" ]
	[ "$(grep -v -e PWD -e ^_= -e ^TMPDIR env)" = "CERTSTORE=$PWD/store
HOME=$HOME
LANG=C.UTF-8
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
https_proxy=http://p:1" ]
	[ "${lines[2]}" = 'note hook:mine,one,two dns-01 a.example.com _acme-challenge.a.example.com _acme-challenge.a.example.com txt_-1 tok_-1' ]
	[[ ${lines[4]} == 'wait 1 _acme-challenge.a.example.com: no authoritative server answers here'* ]]
	[ "${stderr_lines[0]}" = 'method: mine: said' ]
	# the note is enough for another process
	: >log
	run -0 method undo "${lines[2]#note }"
	[ "$(cut -d' ' -f1-4 log)" = 'one two del dns-01' ]
	: >log
	run -0 method hook:http-01:mine http-01 192.0.2.1 note setup wait undo
	[ "$(head -n 1 log)" = 'add http-01 192.0.2.1 /.well-known/acme-challenge/tok_-1 /.well-known/acme-challenge/tok_-1 tok_-1.thumb tok_-1' ]
}

@test "hook: failures, and where it is found" {
	run -2 method hook:mine dns-01 a.example.com begin
	[[ ${lines[1]} == 'begin -1 hook:mine: there is no such hook: use its path, or put it into '* ]]
	hook mine 'echo why; [ $1 = wait ]'
	run -2 --separate-stderr method hook:mine dns-01 a.example.com note setup
	[ "${lines[2]}" = 'setup -1 hook:mine: add dns-01 a.example.com: exit status 1' ]
	[[ $stderr == *'mine: why' ]]
	run -2 method hook:mine dns-01 a.example.com note undo
	[[ ${lines[*]} == *'undo -1 hook:mine: del dns-01 a.example.com: exit status 1'* ]]
	chmod 775 store/hooks/mine
	run -2 method hook:mine dns-01 a.example.com begin
	[[ ${lines[1]} == 'begin -1 '*'others can change it'* ]]
	# a path goes before the name
	hook other
	run -0 method hook:store/hooks/other dns-01 a.example.com begin note
	[[ ${lines[2]} == "note hook:$PWD/store/hooks/other dns-01 "* ]]
	# installed, wherever that is
	run -0 method hook:nsupdate dns-01 a.example.com begin
	mkdir -p libexec/certstore
	mv bin/hooks libexec/certstore/
	run -0 method hook:nsupdate dns-01 a.example.com begin
	rm -r libexec
	for program in nsupdate . .. hooks; do
		run -2 method hook:$program dns-01 a.example.com begin
		[[ ${lines[1]} == 'begin -1 '* ]]
	done
}

@test "hook: an interrupt stops it, and undo runs all the same" {
	hook mine '[ $1 != wait ] || kill -TERM $PPID; [ $1 != wait ] || sleep 60'
	run -0 method hook:mine dns-01 a.example.com note setup wait look undo
	[ "${lines[-2]}" = 'wait -1 hook:mine: wait dns-01 a.example.com: was interrupted' ]
	[ "${lines[-1]}" = 'undo 0' ]
	[ "$(tail -n 1 log | cut -d' ' -f1)" = del ]
}

@test "tkauth: what it gets, and what is made of its output" {
	hook mine 'env | sort >'"$PWD"'/env; for w; do echo "$w"; done >'"$PWD"'/words; echo said >&2; echo head.claims.signature'
	export CERTSTORE_HOOK=x SECRET=1
	AUTHORITY=https://authority.example.org run -0 --separate-stderr \
	    method tkauth:mine,one tkauth-01 MAigBhYEODE4SA begin note \
	    setup answer
	[ "$(cat words)" = 'one
token
tkauth-01
MAigBhYEODE4SA
SHA256 01:AB
false
https://authority.example.org' ]
	[ "$(grep -v -e PWD -e ^_= -e ^TMPDIR env)" = "CERTSTORE=$PWD/store
HOME=$HOME
LANG=C.UTF-8
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" ]
	[ "$output" = 'new 0 tkauth:mine,one
begin 0
note 
setup 0
answer {"tkauth":"head.claims.signature"}' ]
	[ "$stderr" = 'method: mine: said' ]
	# what it leaves behind holds nothing up
	hook mine 'sleep 60 & echo a.b.c'
	run -0 method tkauth:mine tkauth-01 MAigBhYEODE4SA setup answer
	[ "${lines[2]}" = 'answer {"tkauth":"a.b.c"}' ]
	hook mine 'echo a.b.c; kill -TERM $PPID; sleep 60'
	run -2 method tkauth:mine tkauth-01 MAigBhYEODE4SA setup answer
	[ "${lines[1]}" = 'setup -1 tkauth:mine: token tkauth-01 MAigBhYEODE4SA: was interrupted' ]
}

@test "hook: credentials are lines of a file that nobody else can read" {
	hook mine 'env | sort >'"$PWD"'/env'
	printf '%s\n' '# a comment' '' 'TOKEN=s3cret value' 'HOME=/nowhere' \
	    'EMPTY=' "Q='x" >store/hooks/mine.env
	run -2 method hook:mine dns-01 a.example.com begin
	[ "${lines[1]}" = "begin -1 $PWD/store/hooks/mine.env: others can read it: chmod 600 it" ]
	chmod 600 store/hooks/mine.env
	run -0 method hook:mine dns-01 a.example.com note setup
	for line in 'TOKEN=s3cret value' HOME=/nowhere EMPTY= "Q='x"; do
		grep -qxF "$line" env
	done
	[ "$(grep -c ^HOME env)" = 1 ]
	for line in 's3cret' '=s3cret' '1A=s3cret' 'A B=s3cret'; do
		printf 'A=1\n%s\n' "$line" >store/hooks/mine.env
		run -2 method hook:mine dns-01 a.example.com begin
		[ "${lines[1]}" = "begin -1 $PWD/store/hooks/mine.env: line 2: is not KEY=VALUE" ]
	done
	head -c 20000 /dev/zero | tr '\0' A >store/hooks/mine.env
	run -2 method hook:mine dns-01 a.example.com begin
	[[ ${lines[1]} == *'is not a text of at most'* ]]
	rm store/hooks/mine.env
	mkfifo -m 600 store/hooks/mine.env
	run -2 method hook:mine dns-01 a.example.com begin
	[[ ${lines[1]} == *'mine.env: is not a file' ]]
	rm store/hooks/mine.env
	if [ "$(id -u)" -eq 0 ]; then
		echo A=1 >store/hooks/mine.env
		chown nobody store/hooks/mine.env
		run -2 method hook:mine dns-01 a.example.com begin
		[[ ${lines[1]} == *'belongs to user 65534'* ]]
	fi
	# of this host
	rm -f store/hooks/mine.env
	innet '
	    mkdir -p etc/certstore/hooks.d
	    cp /etc/passwd /etc/ld.so.cache /etc/hosts etc/
	    echo A=host >etc/certstore/hooks.d/mine.env
	    chmod 600 etc/certstore/hooks.d/mine.env
	    mount --bind etc /etc
	    method hook:mine dns-01 a.example.com note setup
	    grep -qx A=host env'
}

@test "hook dehydrated runs hooks of dehydrated" {
	hook theirs
	word=hook:dehydrated,$PWD/store/hooks/theirs
	run -0 method "$word" dns-01 '*.a.example.com' begin note setup undo
	[ "$(cat log)" = 'deploy_challenge a.example.com tok_-1 txt_-1
clean_challenge a.example.com tok_-1 txt_-1' ]
	: >log
	run -0 method "hook:http-01:${word#hook:}" http-01 192.0.2.1 \
	    note setup undo
	[ "$(head -n 1 log)" = 'deploy_challenge 192.0.2.1 tok_-1 tok_-1.thumb' ]
	: >log
	# a delegation that the hook can serve
	"$ROOT/hooks/dehydrated" "$PWD/store/hooks/theirs" add dns-01 a.example \
	    _acme-challenge.a.example _acme-challenge.b.example v t
	[ "$(cat log)" = 'deploy_challenge b.example t v' ]
	run -0 method "$word" dns-01 a.example.com serial
	[ "${lines[1]}" = 'serial 1' ]
	run -0 method hook:nsupdate dns-01 a.example.com serial
	[ "${lines[1]}" = 'serial 0' ]
	chmod o+w store/hooks/theirs
	run -2 method "$word" dns-01 a.example.com note setup
	[[ ${lines[*]} == *'others can change it'* ]]
}

# The servers of nsupdate: zones example.test and, which it may not change,
# other.test; a wildcard CNAME leads there from x.example.test.
servers='
    mkdir -p z/db etc
    chmod -R 777 z
    chmod 755 . .. ../..
    cp /etc/passwd /etc/group /etc/ld.so.cache /etc/hosts etc/
    cp -R /etc/ssl etc/ 2>/dev/null || :
    echo "nameserver 127.0.0.1" >etc/resolv.conf
    echo "hosts: files dns" >etc/nsswitch.conf
    secret=$(openssl rand -base64 32)
    echo "key \"acme\" { algorithm hmac-sha256; secret \"$secret\"; };" >etc/key
    for zone in example.test other.test deleg.test; do
	cat >z/$zone.zone <<-EOT
	\$ORIGIN $zone.
	\$TTL 1
	@ SOA ns hostmaster 1 3600 600 86400 1
	@ NS ns
	ns A 127.0.0.1
	a A 127.0.0.1
	EOT
    done
    cat >>z/example.test.zone <<-EOT
	*.x CNAME lb.other.test.
	_acme-challenge.b CNAME _b.deleg.test.
	_acme-challenge.c CNAME c.deleg.test.
	_acme-challenge.d CNAME _acme-challenge.b
	_validation-persist.p TXT "ca.example; accounturi=https://ca.example/" "acct/1"
	_validation-persist.w TXT "CA.example ;accounturi=https://ca.example/acct/1;policy=Wildcard"
	_validation-persist.o TXT "ca.example; accounturi=https://ca.example/acct/2"
	_validation-persist.e TXT "ca.example; accounturi=https://ca.example/acct/1; persistUntil=1000000000"
	EOT
    chmod 666 z/*.zone
    mount --bind etc /etc
    knot() {
	cat >knot.conf <<-EOT
	server:
	    rundir: "$PWD/z"
	    listen: 127.0.0.1@53
	key:
	  - id: acme
	    algorithm: hmac-sha256
	    secret: $secret
	acl:
	  - id: acme
	    key: acme
	    action: update
	    update-type: TXT
	  - id: dump
	    address: 127.0.0.1
	    action: transfer
	database:
	    storage: "$PWD/z/db"
	log:
	  - target: stderr
	    any: info
	template:
	  - id: default
	    storage: "$PWD/z"
	    file: "%s.zone"
	    zonefile-sync: -1
	    journal-content: changes
	zone:
	  - domain: example.test
	    acl: [acme, dump]
	  - domain: deleg.test
	    acl: [acme, dump]
	  - domain: other.test
	EOT
	knotd -c knot.conf >dns.log 2>&1 &
    }
    bind() {
	cat >named.conf <<-EOT
	include "/etc/key";
	options { directory "$PWD/z"; listen-on { 127.0.0.1; };
	    listen-on-v6 { none; }; recursion no; pid-file none;
	    session-keyfile "$PWD/z/session.key"; dnssec-validation no; };
	controls { };
	zone "example.test" { type primary; file "example.test.zone";
	    update-policy { grant acme zonesub TXT; }; };
	zone "deleg.test" { type primary; file "deleg.test.zone";
	    update-policy { grant acme zonesub TXT; }; };
	zone "other.test" { type primary; file "other.test.zone"; };
	EOT
	named -g -c named.conf >dns.log 2>&1 &
    }
    answers() { dig +short +time=1 +tries=1 @127.0.0.1 $1 SOA |
	grep -q hostmaster; }
    start() {
	$1
	for zone in example.test other.test deleg.test; do
		until_true answers $zone || { cat dns.log; exit 1; }
	done
    }
    txt() { dig +short @127.0.0.1 "$1" TXT | sort | tr "\n" " "; }'

# needs PROGRAM...
needs() {
	local program

	for program; do
		command -v "$program" >/dev/null ||
		    [ -x "/usr/sbin/$program" ] || skip "needs $program"
	done
}

nsupdate='
    export NAME
    mkdir -p store/hooks
    echo NSUPDATE_KEYFILE=/etc/key >store/hooks/nsupdate.env
    chmod 600 store/hooks/nsupdate.env
    step() { method hook:nsupdate dns-01 "$@" >out 2>&1 || { cat out; exit 1; }; }
    add() { TXT=$2 step "$1" begin note setup wait; grep "wait 0" out; }
    del() { TXT=$2 step "$1" note undo; }
    # apex and wildcard share a name; both twice
    add a.example.test one
    add "*.a.example.test" two
    add a.example.test one
    [ "$(txt _acme-challenge.a.example.test)" = "\"one\" \"two\" " ]
    del a.example.test one
    del a.example.test one
    [ "$(txt _acme-challenge.a.example.test)" = "\"two\" " ]
    del a.example.test two
    [ -z "$(txt _acme-challenge.a.example.test)" ]
    # a wildcard CNAME to a zone of strangers
    add h.x.example.test one
    grep "note .* _acme-challenge.h.x.example.test lb.other.test " out
    [ "$(txt _acme-challenge.h.x.example.test)" = "\"one\" " ]
    del h.x.example.test one
    [ "$(txt lb.other.test)" = "" ]
    # delegations
    for n in b c d; do
	case $n in c) target=c.deleg.test;; *) target=_b.deleg.test;; esac
	add $n.example.test one
	grep "note .* $target " out
	[ "$(dig +short @127.0.0.1 $target TXT)" = "\"one\"" ]
	del $n.example.test one
	[ -z "$(dig +short @127.0.0.1 $target TXT)" ]
    done
    # all at once, and removed in another order: the zones are what they were
    dump() {
	for zone in example.test deleg.test other.test; do
	    dig +noall +answer @127.0.0.1 $zone AXFR
	done | grep -v "[[:space:]]SOA[[:space:]]" | sort
    }
    dump >before
    [ "$(grep -c "example.test.*TXT" before)" -ge 4 ]
    add example.test one
    add "*.example.test" two
    add b.example.test three
    add d.example.test four
    add "*.h.x.example.test" five
    ! dump | cmp -s before - || exit 1
    del b.example.test three
    del example.test one
    del "*.h.x.example.test" five
    del d.example.test four
    del "*.example.test" two
    dump >after
    diff before after
    # no zone of this key
    ! TXT=one method hook:nsupdate dns-01 a.other.test note setup >out 2>&1
    grep "setup -1 hook:nsupdate: add dns-01 a.other.test: exit status 1" out
    grep "method: nsupdate: add _acme-challenge.a.other.test: .*REFUSED\|NOTAUTH" out
    # the key in the environment, the server as a word
    echo "NSUPDATE_KEY=hmac-sha256:acme $secret" >store/hooks/nsupdate.env
    add a.example.test one
    TXT=one method hook:nsupdate,127.0.0.1,/etc/key dns-01 a.example.test \
	note undo
    [ -z "$(txt _acme-challenge.a.example.test)" ]'

@test "hook nsupdate on knot" {
	needs knotd dig nsupdate
	innet "$servers
	    start knot
	    $nsupdate"
}

@test "hook nsupdate on bind9" {
	needs named dig nsupdate
	innet "$servers
	    start bind
	    $nsupdate"
}

@test "dns-01: waits until all servers have the record; goes on in the end" {
	needs knotd dig nsupdate
	hook late 'case $1 in add) echo txt_-1 >'"$PWD"'/want ;; esac'
	innet "$servers"'
	    start knot
	    (
		until [ -e want ]; do sleep .1; done
		sleep 1
		printf "server 127.0.0.1\nupdate add _acme-challenge.a.example.test 1 TXT txt_-1\nsend\n" |
		    nsupdate -k /etc/key
	    ) &
	    method hook:late dns-01 a.example.test note setup wait >out
	    grep -x "wait 0" out
	    # a signal ends the wait
	    rm want
	    (
		until [ -e want ]; do sleep .1; done
		sleep 1
		kill -TERM $(pgrep -x method)
	    ) &
	    TXT=never method hook:late dns-01 a.example.test note setup wait \
		undo >out || :
	    grep "wait -1 interrupted" out
	    tail -n 1 log | grep ^del'
}

@test "dns-01: each server of the zone has to have it, but one that is dead" {
	needs knotd dig nsupdate
	hook both 'case $1 in add) update 127.0.0.1 ;; esac'
	sed -i '2i update() { printf "server $1\\nupdate add _acme-challenge.a.example.test 1 TXT txt_-1\\nsend\\n" | nsupdate -k /etc/key; }' \
	    store/hooks/both
	innet "$servers"'
	    cat >>z/example.test.zone <<-EOT
	@ NS ns2
	@ NS ns3
	ns2 A 127.0.0.2
	ns3 A 127.0.0.3
	EOT
	    # too much for UDP without extensions
	    for i in {1..20}; do
		echo "_acme-challenge.a TXT \"$i-34567890123456789012345678901234567890123\""
	    done >>z/example.test.zone
	    cp -R z z2
	    start knot
	    sed -e s,/z,/z2, -e s/127.0.0.1@53/127.0.0.2@53/ knot.conf >knot2.conf
	    knotd -c knot2.conf >dns2.log 2>&1 &
	    until_true eval "dig +short +time=1 +tries=1 @127.0.0.2 example.test SOA | grep -q hostmaster"
	    (
		until_true eval "txt _acme-challenge.a.example.test | grep -q txt_-1"
		sleep 2
		touch second
		printf "server 127.0.0.2\nupdate add _acme-challenge.a.example.test 1 TXT txt_-1\nsend\n" |
		    nsupdate -k /etc/key
	    ) &
	    method hook:both dns-01 a.example.test note setup wait >out
	    cat out
	    grep -x "wait 0" out
	    [ -e second ]'
}

@test "CAA records that are in the way" {
	needs knotd dig
	innet "$servers"'
	    cat >>z/example.test.zone <<-EOT
	@ CAA 0 issue "ca.example"
	@ CAA 0 iodef "mailto:x@example.test"
	no CAA 0 issue ";"
	wild CAA 0 issue "ca.example"
	wild CAA 0 issuewild "stranger.example"
	acct CAA 0 issue "ca.example; accounturi=https://ca.example/acct/2"
	acct2 CAA 0 issue " CA.example ;accounturi=https://ca.example/acct/1;validationmethods=http-01,dns-01"
	meth CAA 0 issue "ca.example; validationmethods=http-01"
	two CAA 0 issue "stranger.example"
	two CAA 0 issue "ca.example"
	crit CAA 128 tbs "x"
	crit CAA 0 issue "ca.example"
	onlyio CAA 0 iodef "mailto:x@example.test"
	alias CNAME no
	EOT
	    start knot
	    caa() {
		ISSUER=${2:-ca.example} method hook:x dns-01 "$1" caa >out || :
		sed 1d out
	    }
	    for n in a.b.example.test "*.example.test" two.example.test \
		wild.example.test acct2.example.test onlyio.example.test; do
		[ "$(caa "$n")" = "caa 0" ] || { echo "$n"; cat out; exit 1; }
	    done
	    bad() {
		want="caa 1 ${1#"*."}: CAA record of $2 does not allow it: $3"
		[ "$(caa "$1")" = "$want" ] || { cat out; exit 1; }
	    }
	    no="0 issue \";\""
	    bad no.example.test no.example.test "$no"
	    bad a.no.example.test no.example.test "$no"
	    bad alias.example.test alias.example.test "$no"
	    bad "*.wild.example.test" wild.example.test \
		"0 issuewild \"stranger.example\""
	    bad acct.example.test acct.example.test \
		"0 issue \"ca.example; accounturi=https://ca.example/acct/2\""
	    bad meth.example.test meth.example.test \
		"0 issue \"ca.example; validationmethods=http-01\""
	    bad crit.example.test crit.example.test "128 tbs \"x\""
	    caa a.example.test nobody.example |
		grep "CAA record of example.test does not allow it"
	    caa x.nowhere.invalid |
		grep "^caa 1 .*: its CAA records cannot be read here"'
}

@test "dns-persist: the record is there, or is printed" {
	needs knotd dig
	innet "$servers"'
	    start knot
	    look() {
		method dns-persist dns-persist-01 "$1" begin note setup look \
		    undo >out || :
		grep ^look out
	    }
	    [ "$(look p.example.test)" = "look 0" ]
	    [ "$(look w.example.test)" = "look 0" ]
	    [ "$(look "*.w.example.test")" = "look 0" ]
	    [ "$(look h.w.example.test)" = "look 0" ]
	    add="look -1 %s: the record for dns-persist is missing: add it: _validation-persist.%s. IN TXT \"ca.example; accounturi=https://ca.example/acct/1%s\""
	    for n in o e n; do
		n=$n.example.test
		[ "$(look $n)" = "$(printf "$add" $n $n "")" ]
	    done
	    [ "$(look "*.p.example.test")" = \
		"$(printf "$add" p.example.test p.example.test "; policy=wildcard")" ]'
	innet '
	    method dns-persist dns-persist-01 a.example.test look >out
	    grep "^look 1 a.example.test: no name server answers here for the record: add it: " out'
}
