#!/usr/bin/env bats
# probe.bats: what cert-probe sees of servers, real ones and others.

# shellcheck disable=SC2154  # stderr is run's

load helper
load pki
load servers

setup() {
	common_setup
	shared probe makeprobe
	cp -a "$shared/store" "$CERTSTORE"
	# servers give up root, and come here as others
	chmod go+x "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/.." \
	    "$BATS_RUN_TMPDIR"
	port=$(freeport)
	take srv
}

makeprobe() (
	export CERTSTORE=$PWD/store
	cert-create -q -c site-CA
	cert-create -q -A site-CA -s srv.example.com srv
	cert-create -q -A site-CA -s www.example.com www-ec
	cert-create -q -A site-CA -t rsa:2048 -s www.example.com www-rsa
	cert-show -o cert site-CA | cert-trust add -
)

# take ENTRY [USER]: NAME.crt and NAME.key, for a server that runs as that user.
take() {
	cp "$CERTSTORE/certs/$1/fullchain.pem" "$1.crt"
	cp "$CERTSTORE/certs/$1/privkey.pem" "$1.key"
	[ -z "${2:-}" ] || chown "$2" "$1.crt" "$1.key"
}

asroot() {
	[ "$(id -u)" -eq 0 ] || skip 'needs root: NOT TESTED'
}

# renew ENTRY: another certificate, which no server has.
renew() {
	cert-create -qf -A site-CA -s "$(cert-list -o names "$1")" "$1"
}

# seen ENTRY STATE STATUS ARGUMENT...: what cert-probe prints.
seen() {
	run "-$3" --separate-stderr cert-probe "${@:4}"
	[ -z "$stderr" ] || fail "$stderr"
	[[ $output == *$'\t'"$1"$'\t'"$2"$'\t'[0-9]* ]] || fail "$output"
}

# loop PROTOCOL: renewed, and not yet seen by clients.
loop() {
	local place=127.0.0.1:$port

	seen srv same 0 -m "$1" -H srv.example.com "$place"
	[ "$output" = "$(printf '%s:%s=srv.example.com\t127.0.0.1\tsrv\tsame\t%s\t' \
	    "$1" "$place" "$(cut -f 5 <<<"$output")")" ]
	renew srv
	seen srv old 1 "$1:$place=srv.example.com"
	cert-set -q srv "endpoint=$1:$place"
	seen srv old 1
	seen srv old 1 srv
}

# nginx_on LINE...: starts nginx with these lines in its server.
nginx_on() {
	want nginx
	{
		echo "daemon off; pid $PWD/pid;"
		echo "error_log $PWD/log; events { } http { access_log off;"
		for dir in client_body proxy fastcgi uwsgi scgi; do
			echo "${dir}_temp_path $PWD/temp;"
		done
		printf '%s\n' "$@" '}'
	} >conf
	nginx -p "$PWD" -c "$PWD/conf" -e "$PWD/log" 3>&- &
	started "$port" $!
}

# serves ENTRY...: the lines of nginx for these.
serves() {
	for entry in "$@"; do
		echo "ssl_certificate $CERTSTORE/certs/$entry/fullchain.pem;"
		echo "ssl_certificate_key $CERTSTORE/certs/$entry/privkey.pem;"
	done
}

@test "nginx: same, old, other, none" {
	nginx_on "server { listen 127.0.0.1:$port ssl; $(serves srv) }"
	seen srv same 0 -H srv.example.com "127.0.0.1:$port"
	# what another name has, and one that the store does not know
	run -1 cert-probe -H www.example.com "127.0.0.1:$port"
	[[ $output == *$'\twww-'*$'\tother\t'*'sends that of the entry srv'* ]]
	run -1 cert-probe "127.0.0.1:$port=foreign.example.com"
	[[ $output == *$'\t-\tnone\t'*'sends that of the entry srv; host: is not for this host: '* ]]
	# as all that has an endpoint
	cert-set -q srv "endpoint=127.0.0.1:$port" \
	    "endpoint+=127.0.0.1:$port=srv.example.com"
	seen srv same 0
	[ "$(wc -l <<<"$output")" -eq 1 ]
	renew srv
	seen srv old 1
	# not the kept one any more, but the log has it
	renew srv
	seen srv old 1
	# nor that: it was of another entry
	served=$(cert-show -i srv.crt -o fingerprint | head -n 1)
	echo '{"entry":"www-ec","new":"'"${served#sha256:}"'"}' \
	    >"$CERTSTORE/log"
	run -1 cert-probe
	[[ $output == *$'\tsrv\tother\t'*'sends that of CN=srv.example.com, issuer CN=site-CA, sha256:'* ]]
	cert-create -qf -s srv.example.com -K srv.key srv
	run -1 cert-probe
	[[ $output == *'another certificate of the same key; sends that'* ]]
	# -q: the status
	run -1 --separate-stderr cert-probe -q
	[ -z "$output$stderr" ]
}

@test "a server that cannot be reached is told once, not for each type" {
	run -2 --separate-stderr cert-probe -H www.example.com "127.0.0.1:$port"
	[ "${#stderr_lines[@]}" -eq 1 ] || fail "$stderr"
	[[ $stderr == *": Connection refused: start the server"* ]]
	run -2 --separate-stderr cert-probe -j -H www.example.com \
	    "127.0.0.1:$port"
	[ "${#lines[@]}" -eq 1 ] || fail "$output"
}

@test "nginx: twins, each asked for its type" {
	nginx_on "server { listen 127.0.0.1:$port ssl;
	    $(serves www-ec www-rsa) }"
	run -0 cert-probe -H www.example.com "127.0.0.1:$port"
	[ "$(cut -f 3,4 <<<"$output" | sort)" = \
	    $'www-ec\tsame\nwww-rsa\tsame' ]
	# only one of them has the endpoint
	cert-set -q www-rsa "endpoint=127.0.0.1:$port"
	run -0 cert-probe
	[ "$(cut -f 3,4 <<<"$output" | sort)" = \
	    $'www-ec\tsame\nwww-rsa\tsame' ]
	renew www-ec
	run -1 cert-probe
	[ "$(cut -f 3,4 <<<"$output" | sort)" = \
	    $'www-ec\told\nwww-rsa\tsame' ]
}

@test "nginx: one of two twins is served" {
	for version in TLSv1.2 TLSv1.3; do
		port=$(freeport)
		nginx_on "server { listen 127.0.0.1:$port ssl; $(serves www-ec)
		    ssl_protocols $version; }"
		cert-set -q www-rsa endpoint=
		# a server need not have both
		run -0 cert-probe -H www.example.com "127.0.0.1:$port"
		[ "$(cut -f 3,4 <<<"$output")" = $'www-ec\tsame' ]
		cert-set -q www-ec "endpoint=127.0.0.1:$port"
		run -0 cert-probe
		[ "$(cut -f 3,4 <<<"$output")" = $'www-ec\tsame' ]
		# but if they say so
		cert-set -q www-rsa "endpoint=127.0.0.1:$port"
		run -1 cert-probe
		[ "$(cut -f 3,4 <<<"$output" | sort)" = \
		    $'www-ec\tsame\nwww-rsa\tother' ]
		[[ $output == *$'has no certificate with a key of type rsa; sends that of the entry www-ec'* ]]
		rm -f pid
	done
}

@test "nginx: client certificates, names that it does not know" {
	for version in TLSv1.2 TLSv1.3; do
		port=$(freeport)
		nginx_on "ssl_protocols $version; $(serves srv)
		    ssl_client_certificate $CERTSTORE/trust/bundle.pem;
		    server { listen 127.0.0.1:$port ssl default_server;
			ssl_reject_handshake on; }
		    server { listen 127.0.0.1:$port ssl; ssl_verify_client on;
			server_name srv.example.com; }"
		seen srv same 0 -H srv.example.com "127.0.0.1:$port"
		run -2 --separate-stderr cert-probe -H www.example.com \
		    "127.0.0.1:$port"
		[ -z "$output" ]
		[[ $stderr == *"127.0.0.1:$port=www.example.com: refuses the handshake with the alert \"unrecognized name\": it does not know the name"* ]]
	done
}

@test "cert-deploy: delivered is what the server took" {
	nginx_on "server { listen 127.0.0.1:$port ssl; $(serves srv) }"
	mkdir "$CERTSTORE/hooks"
	printf '#!/bin/sh\necho told >>%s\n' "$PWD/told" \
	    >"$CERTSTORE/hooks/nginx"
	chmod 755 "$CERTSTORE/hooks/nginx"
	cert-set -q srv user=nginx "endpoint=127.0.0.1:$port=srv.example.com"
	cert-deploy -q
	# the hook says that all is well, and the server has the old one
	renew srv
	run -2 --separate-stderr cert-deploy -W 1
	[ -z "$output" ]
	[[ $stderr == *"cert-deploy: nginx: 127.0.0.1:$port=srv.example.com: still sends an earlier certificate of srv at 127.0.0.1: pending: srv; next try "* ]]
	run -2 --separate-stderr cert-deploy -n
	[[ $output == $'srv\tnginx\tchanged\t'* ]]
	# reloaded a moment later, as servers do
	printf '#!/bin/sh\n(sleep 0.5; kill -HUP %s) >/dev/null 2>&1 &\n' \
	    "$(cat pid)" >"$CERTSTORE/hooks/nginx"
	run -0 --separate-stderr cert-deploy -f
	[[ $output == $'srv\tnginx\tchanged\t'* && -z $stderr ]]
	seen srv same 0
	run -0 cert-deploy -n
	[ -z "$output" ]
	# another that says nothing does not make the time longer
	renew srv
	port=$(freeport)
	mock ''
	cert-set -q srv "endpoint+=127.0.0.1:$port=srv.example.com"
	printf '#!/bin/sh\n' >"$CERTSTORE/hooks/nginx"
	start=$SECONDS
	run -2 cert-deploy -fW 2
	[ $((SECONDS - start)) -lt 6 ]
	cert-set -q srv "endpoint-=127.0.0.1:$port=srv.example.com"
	# a server that is down is nobody's failure here
	kill "$(cat pid)"
	printf '#!/bin/sh\n' >"$CERTSTORE/hooks/nginx"
	renew srv
	run -0 --separate-stderr cert-deploy -W 1
	# with two users nobody knows whose it is
	cert-set -q srv user+=other
	printf '#!/bin/sh\n' >"$CERTSTORE/hooks/other"
	chmod 755 "$CERTSTORE/hooks/other"
	port=$(freeport)
	take srv
	serve -cert srv.crt -key srv.key
	cert-set -q srv "endpoint=127.0.0.1:$port=srv.example.com"
	cert-deploy -q
	renew srv
	seen srv old 1
	run -0 cert-deploy -W 1
}

@test "the chain: a missing intermediate, an expired one, the wrong host" {
	ca root '/CN=Root'
	sign int root /CN=Int 100 basicConstraints=critical,CA:TRUE \
	    keyUsage=critical,keyCertSign
	server leaf int leaf.example.com 50
	cat leaf.crt int.crt >full.crt
	cert-import -q -N leaf leaf.key full.crt
	serve -cert leaf.crt -key leaf.key
	run -1 cert-probe "127.0.0.1:$port=leaf.example.com"
	[[ $output == *$'\tleaf\tsame\t'[45][09]$'d\tuntrusted: '*'; sends no issuer CN=Int: use fullchain.pem there' ]]
	run -1 cert-probe -T ./root.crt "127.0.0.1:$port=leaf.example.com"
	# a client that knows the intermediate does not mind
	run -0 cert-probe -T ./int.crt "127.0.0.1:$port=leaf.example.com"
	[[ $output == *$'\tleaf\tsame\t'[45][09]$'d\t' ]]
	serve -cert leaf.crt -key leaf.key -cert_chain int.crt
	run -0 cert-probe -T ./root.crt "127.0.0.1:$port=leaf.example.com"
	[[ $output == *$'\tleaf\tsame\t'[45][09]$'d\t' ]]
	# a fault of the entry itself is told, but it is what is to be served
	run -0 cert-probe "127.0.0.1:$port=leaf.example.com"
	[[ $output == *$'\tleaf\tsame\t'[45][09]$'d\t'?* ]]
	run -0 cert-probe -j -T ./root.crt "127.0.0.1:$port=leaf.example.com"
	[[ $output == '{"endpoint":"127.0.0.1:'"$port"'=leaf.example.com","protocol":null,"host":"127.0.0.1","port":'"$port"',"name":"leaf.example.com","address":"127.0.0.1","entry":"leaf","state":"same","key":"p256","fingerprint":"sha256:'*'","subject":"CN=leaf.example.com","issuer":"CN=Int","ends":"'*'Z","ends_epoch":'*',"left":'[45][09]',"verdict":"good","text":null}' ]]
	pki cert old.crt old.key /CN=old from=20200101000000Z \
	    to=20210101000000Z subjectAltName=DNS:old.example.com
	cert-import -q -N old old.crt old.key
	serve -cert old.crt -key old.key
	run -0 cert-probe "127.0.0.1:$port=old.example.com"
	[[ $output == *$'\told\tsame\t-'*d$'\t'*'expired: '* ]]
}

@test "each address of a host is asked" {
	[ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null ||
	    skip 'needs to mount another /etc/hosts: NOT TESTED'
	printf '%s two.example.com\n' 127.0.0.1 ::1 >hosts
	nginx_on "server { listen 127.0.0.1:$port ssl; $(serves srv) }" \
	    "server { listen [::1]:$port ssl; $(serves www-ec) }"
	run -1 unshare -m sh -euc 'mount --bind hosts /etc/hosts
	    exec cert-probe -H srv.example.com "two.example.com:$1"' - "$port"
	[ "$(cut -f 2-4 <<<"$output" | sort)" = \
	    $'127.0.0.1\tsrv\tsame\n::1\tsrv\tother' ]
}

@test "an IPv6 address" {
	nginx_on "server { listen 127.0.0.1:$port ssl; $(serves srv) }" \
	    "server { listen [::1]:$port ssl; $(serves srv) }"
	seen srv same 0 "[::1]:$port=srv.example.com"
	[[ $output == "[::1]:$port=srv.example.com"$'\t::1\t'* ]]
}

@test "no answer is status 2, a difference is 1" {
	nginx_on "server { listen 127.0.0.1:$port ssl; $(serves srv) }"
	other=$(freeport)
	run -2 --separate-stderr cert-probe "127.0.0.1:$other"
	[ -z "$output" ]
	[ "$stderr" = "cert-probe: 127.0.0.1:$other: Connection refused: start the server, or correct the endpoint" ]
	run -2 --separate-stderr cert-probe "no-such-host.invalid:443"
	[[ $stderr == 'cert-probe: no-such-host.invalid:443: '*': '* ]]
	run -2 --separate-stderr cert-probe "127.0.0.1:$port=srv.example.com" \
	    "127.0.0.1:$other"
	[[ $output == *$'\tsame\t'* && $stderr == *refused* ]]
	renew srv
	run -1 --separate-stderr cert-probe "127.0.0.1:$other" \
	    "127.0.0.1:$port=srv.example.com"
	[[ $output == *$'\told\t'* && $stderr == *refused* ]]
	run -2 --separate-stderr cert-probe -j "127.0.0.1:$other"
	[[ $output == '{"endpoint":"127.0.0.1:'*'"state":null,'*'"text":"Connection refused: '* ]]
	run -2 --separate-stderr cert-probe -q "127.0.0.1:$other"
	[[ -z $output && $stderr == *refused* ]]
	run -2 sh -c "cert-probe 127.0.0.1:$port=srv.example.com >/dev/full"
}

@test "operands and options that cannot be" {
	for operand in :443 host: host:0 host:65536 http:host:80 a:b:c ::1:443 \
	    'host:1=*.example.com' $'h\e[2J:1'; do
		run -2 --separate-stderr cert-probe "$operand"
		[[ -z $output && $stderr == 'cert-probe: endpoint: '* &&
		    $stderr != *$'\e'* ]] || fail "$operand: $stderr"
	done
	run -2 --separate-stderr cert-probe srv
	[ "$stderr" = 'cert-probe: srv: has no endpoint: use cert-set srv endpoint=host:port' ]
	run -2 --separate-stderr cert-probe nothing
	[[ $stderr == *nothing* ]]
	run -2 cert-probe -m http 127.0.0.1:1
	run -2 cert-probe -H '*.example.com' 127.0.0.1:1
	run -2 cert-probe -H srv.example.com
	run -2 cert-probe -m smtp
	run -2 cert-probe -W 0 127.0.0.1:1
	run -2 cert-probe -T nothing 127.0.0.1:1
	run -0 --separate-stderr cert-probe
	[[ -z $output && $stderr == *'no entry has an endpoint: '* ]]
	run -0 --separate-stderr cert-probe - </dev/null
	[ -z "$output$stderr" ]
}

# mock TEXT [then]: a server that says this to each client, and then waits; or
# with "close", closes; or with "drip", says more and more.
mock() {
	perl -MIO::Socket::INET -e '
	    my ($port, $text, $then) = @ARGV;
	    my $l = IO::Socket::INET->new(Listen => 9, ReuseAddr => 1,
		LocalAddr => "127.0.0.1", LocalPort => $port) or die;
	    $SIG{PIPE} = "IGNORE";
	    $text =~ s/\\r/\r/g; $text =~ s/\\n/\n/g; $text =~ s/\\e/\e/g;
	    $text =~ s/\\0/\0/g; $text =~ s/\\x(..)/chr hex $1/eg;
	    while (my $c = $l->accept) {
		my @parts = split /\|/, $text;
		while (defined(my $part = shift @parts)) {
			syswrite $c, $part;
			sysread $c, my $buf, 4096 if @parts;
		}
		if ($then eq "drip") {
			1 while syswrite($c, "220-x\r\n") &&
			    select undef, undef, undef, 0.05;
		}
		push @kept, $c if $then ne "close";
	    }' "$port" "$1" "${2:-}" 3>&- &
	started "$port" $!
}

# refused PROTOCOL TEXT: status 2, in time, and one line with the text.
refused() {
	run -2 --separate-stderr within 2 cert-probe -W 1 ${1:+-m "$1"} \
	    "127.0.0.1:$port"
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == "cert-probe: ${1:+$1:}127.0.0.1:$port: "*"$2"* ]] ||
	    fail "$stderr"
	[[ $stderr != *$'\e'* ]]
}

@test "servers that say nothing, too little or too much" {
	mock ''
	refused '' 'no complete TLS handshake within 1 s: if it has STARTTLS'
	refused smtp 'no complete answer before TLS within 1 s: correct the protocol'
	port=$(freeport)
	mock '' close
	refused '' 'closes the connection during the TLS handshake'
	refused imap 'closes the connection before TLS'
	port=$(freeport)
	# the alert "close notify" as a fatal one
	mock '|\x15\x03\x03\0\x02\x02\0'
	refused '' 'refuses the handshake with the alert "close notify"'
	port=$(freeport)
	mock '220-a\r\n' drip
	refused smtp 'within 1 s'
	refused '' 'does not speak TLS: if it has STARTTLS, add its protocol'
	port=$(freeport)
	mock '554 go \e[2J away\r\n'
	refused smtp 'answers "554 go \033[2J away"'
	port=$(freeport)
	mock '220 a\r\n|250 b\r\n'
	refused smtp 'does not offer STARTTLS'
	# what somebody between puts behind the last answer
	port=$(freeport)
	mock '220 a\r\n|250 STARTTLS\r\n|220 go\r\n250 x\r\n'
	refused smtp 'sends text in clear after STARTTLS'
	port=$(freeport)
	mock '220 a\r\n|250 STARTTLS\r\n|220 go\r\n|HTTP/1.1 400 Bad Request\r\n'
	refused smtp 'does not speak TLS'
	[[ $stderr != *STARTTLS* ]]
}

@test "many servers are asked side by side" {
	mock ''
	for i in $(seq 100); do
		echo "127.0.0.1:$port=s$i.example.com"
	done >places
	# one after another they would take 100 seconds
	start=$SECONDS
	run -2 --separate-stderr cert-probe -W 1 - <places
	[ $((SECONDS - start)) -lt 30 ]
	[ "${#stderr_lines[@]}" -eq 100 ]
	for i in 1 50 100; do
		[[ ${stderr_lines[$((i - 1))]} == *"=s$i.example.com: "* ]]
	done
	# names and addresses, with fewer descriptors than connections
	sed s/127.0.0.1/localhost/ places >names
	run -2 --separate-stderr bash -c '
	    ulimit -n 24 && cert-probe -W 1 - <<<"$(head -n 20 places names)"'
	[[ $stderr == *localhost* && $stderr != *"Too many"* &&
	    $stderr != *"not known"* ]] || fail "$stderr"
}

@test "Postfix: smtp" {
	want postfix
	asroot
	mkdir -p etc spool data
	chown postfix data
	cat >etc/main.cf <<-END
		compatibility_level = 3.6
		queue_directory = $PWD/spool
		data_directory = $PWD/data
		inet_interfaces = 127.0.0.1
		inet_protocols = ipv4
		myhostname = srv.example.com
		mynetworks_style = host
		maillog_file = $PWD/log
		maillog_file_prefixes = /
		local_recipient_maps =
		alias_maps =
		smtpd_tls_security_level = may
		smtpd_tls_chain_files = $PWD/srv.key, $PWD/srv.crt
	END
	cat >etc/master.cf <<-END
		$port inet n - n - - smtpd
		cleanup unix n - n - 0 cleanup
		rewrite unix - - n - - trivial-rewrite
		anvil unix - - n - 1 anvil
		tlsmgr unix - - n 1000? 1 tlsmgr
		postlog unix-dgram n - n - 1 postlogd
	END
	postfix -c "$PWD/etc" check
	setsid "$(postconf -h daemon_directory)/master" -c "$PWD/etc" -d \
	    >out 2>&1 3>&- &
	started "$port" $!
	loop smtp
}

@test "Dovecot: imap, pop3, sieve, lmtp" {
	want dovecot
	asroot
	local ports

	ports=("$(freeport)" "$(freeport)" "$(freeport)")
	cat >dovecot.conf <<-END
		base_dir = $PWD/run
		state_dir = $PWD/state
		log_path = $PWD/log
		protocols = imap pop3 sieve lmtp
		listen = 127.0.0.1
		ssl = yes
		ssl_cert = <$PWD/srv.crt
		ssl_key = <$PWD/srv.key
		default_internal_user = nobody
		default_internal_group = nogroup
		default_login_user = nobody
		service imap-login {
			chroot =
			inet_listener imap {
				port = $port
			}
			inet_listener imaps {
				port = 0
			}
		}
		service pop3-login {
			chroot =
			inet_listener pop3 {
				port = ${ports[0]}
			}
			inet_listener pop3s {
				port = 0
			}
		}
		service managesieve-login {
			chroot =
			inet_listener sieve {
				port = ${ports[1]}
			}
		}
		service lmtp {
			inet_listener lmtp {
				port = ${ports[2]}
			}
		}
		passdb {
			driver = static
		}
	END
	dovecot -F -c "$PWD/dovecot.conf" >out 2>&1 3>&- &
	started "$port" $!
	seen srv same 0 -H srv.example.com "imap:127.0.0.1:$port" \
	    "pop3:127.0.0.1:${ports[0]}" "sieve:127.0.0.1:${ports[1]}" \
	    "lmtp:127.0.0.1:${ports[2]}"
	[ "$(cut -f 4 <<<"$output" | sort | uniq -c | xargs)" = '4 same' ]
	loop imap
}

@test "PostgreSQL" {
	PATH=$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')
	want initdb
	local as=()

	if [ "$(id -u)" -eq 0 ]; then
		as=(setpriv --reuid nobody --regid nogroup --clear-groups)
		take srv nobody
	fi
	mkdir data
	chmod 700 data
	[ "$(id -u)" -ne 0 ] || chown nobody:nogroup data
	"${as[@]}" initdb -D "$PWD/data" -A trust -N >log 2>&1
	"${as[@]}" postgres -D "$PWD/data" -p "$port" -c fsync=off \
	    -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
	    -c ssl=on -c "ssl_cert_file=$PWD/srv.crt" \
	    -c "ssl_key_file=$PWD/srv.key" >>log 2>&1 3>&- &
	started "$port" $!
	loop postgres
	port=$(freeport)
	mock N
	refused postgres 'does not offer TLS: use ssl = on there'
}

@test "Prosody: xmpp, xmpp-server" {
	want prosody
	local s2s

	s2s=$(freeport)
	cat >prosody.cfg.lua <<-END
		run_as_root = true
		daemonize = false
		pidfile = "$PWD/pid"
		data_path = "$PWD"
		certificates = "$PWD"
		interfaces = { "127.0.0.1" }
		c2s_ports = { $port }
		s2s_ports = { $s2s }
		c2s_direct_tls_ports = { }
		s2s_direct_tls_ports = { }
		http_ports = { }
		https_ports = { }
		component_ports = { }
		modules_enabled = { "tls", "saslauth", "dialback" }
		modules_disabled = { "admin_shell", "http" }
		log = { info = "$PWD/log" }
		ssl = { certificate = "$PWD/srv.crt"; key = "$PWD/srv.key" }
		VirtualHost "srv.example.com"
	END
	prosody --config "$PWD/prosody.cfg.lua" -F >out 2>&1 3>&- &
	started "$port" $!
	started "$s2s" $!
	seen srv same 0 -H srv.example.com "xmpp-server:127.0.0.1:$s2s"
	loop xmpp
	# a host that it does not have
	run -2 --separate-stderr cert-probe "xmpp:127.0.0.1:$port=no.example.com"
	[[ $stderr == *'answers "<stream:error'*host-unknown* ]]
}

@test "OpenLDAP" {
	want slapd
	mkdir config db
	cat >slapd.ldif <<-END
		dn: cn=config
		objectClass: olcGlobal
		cn: config
		olcPidFile: $PWD/pid
		olcTLSCertificateFile: $PWD/srv.crt
		olcTLSCertificateKeyFile: $PWD/srv.key
		olcTLSCACertificateFile: $CERTSTORE/trust/bundle.pem
		olcTLSVerifyClient: never

		dn: olcDatabase=config,cn=config
		objectClass: olcDatabaseConfig
		olcDatabase: config
	END
	slapadd -n 0 -F "$PWD/config" -l slapd.ldif
	slapd -d 0 -h "ldap://127.0.0.1:$port" -F "$PWD/config" 3>&- &
	started "$port" $!
	loop ldap
}

@test "MariaDB: mysql" {
	want mariadbd
	want my_print_defaults # of mariadb-install-db
	local as=()

	if [ "$(id -u)" -eq 0 ]; then
		as=(--user=nobody)
		reachable
		take srv nobody
		mkdir db
		chown nobody:nogroup db
	else
		mkdir db
	fi
	as+=(--datadir="$PWD/db" --tmpdir="$PWD/db")
	mariadb-install-db --no-defaults "${as[@]}" --skip-test-db >log 2>&1 ||
	    cat log
	mariadbd --no-defaults "${as[@]}" --port="$port" \
	    --bind-address=127.0.0.1 --socket="$PWD/db/socket" \
	    --ssl-cert="$PWD/srv.crt" --ssl-key="$PWD/srv.key" \
	    >>log 2>&1 3>&- &
	started "$port" $!
	loop mysql
}

@test "vsftpd: ftp" {
	want vsftpd
	asroot
	mkdir empty
	cat >vsftpd.conf <<-END
		listen=YES
		background=NO
		listen_address=127.0.0.1
		listen_port=$port
		anonymous_enable=YES
		local_enable=NO
		secure_chroot_dir=$PWD/empty
		ssl_enable=YES
		allow_anon_ssl=YES
		ssl_ciphers=HIGH
		rsa_cert_file=$PWD/srv.crt
		rsa_private_key_file=$PWD/srv.key
	END
	vsftpd "$PWD/vsftpd.conf" >log 2>&1 3>&- &
	started "$port" $!
	loop ftp
}
