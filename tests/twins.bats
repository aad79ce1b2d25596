#!/usr/bin/env bats
# twins.bats: two entries for one host, one with an EC key and one with an RSA
# key, and what servers give to clients that can use only one of them.

# shellcheck disable=SC2154  # stderr and stderr_lines are run's

load helper
load pki
load servers

setup() {
	common_setup
	shared twins maketwins
	cp -a "$shared/store" "$CERTSTORE"
	cp "$shared/root.pem" .
	port=$(freeport)
}

maketwins() (
	export CERTSTORE=$PWD/store
	cert-create -q -c site-CA
	cert-create -q -A site-CA -t p256 -s www.example.com www-ec
	cert-create -q -A site-CA -t rsa:2048 -s www.example.com www-rsa
	cert-show -o root www-ec >root.pem
	cert-set -q www-ec default=yes
)

ECDSA='ECDSA+SHA256'
RSA='RSA-PSS+SHA256:RSA+SHA256'

# client ALGORITHMS [ARG...]: a handshake of a client that can verify only these
# signatures; prints of which type that of the server was.
client() {
	local algorithms=$1

	shift
	[ $# -gt 0 ] || set -- -servername www.example.com
	openssl s_client -connect "127.0.0.1:$port" -sigalgs "$algorithms" \
	    -verify_hostname www.example.com -verify_return_error \
	    -CAfile root.pem "$@" </dev/null 2>&1 |
	    sed -n 's/^Peer signature type: //p; s/.*alert number /alert /p'
}

# both: each client gets the certificate that it can verify.
both() {
	local version

	for version in -tls1_2 -tls1_3; do
		[ "$(client "$ECDSA" -servername www.example.com $version)" = \
		    ECDSA ]
		[ "$(client "$RSA" -servername www.example.com $version)" = \
		    RSA-PSS ]
	done
	[ "$(client "$ECDSA:$RSA")" = ECDSA ]
}

@test "cert-match -t: one of the two; the default is one entry" {
	run -0 cert-match -t rsa -o name www.example.com
	[ "$output" = www-rsa ]
	run -0 cert-match -t ec -o name www.example.com
	[ "$output" = www-ec ]
	run -0 cert-match -D -t ec -o name,how other.example.com
	[ "$output" = $'www-ec\tdefault' ]
	run -1 --separate-stderr cert-match -D -t rsa other.example.com
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

# haproxied WORD...: starts one with these words on the line of bind.
haproxied() {
	cat >haproxy.cfg <<-END
	global
		ssl-default-bind-options ssl-min-ver TLSv1.2
	defaults
		mode http
		timeout connect 5s
		timeout client 5s
		timeout server 5s
	frontend f
		bind 127.0.0.1:$port ssl $*
		http-request return status 200
	END
	haproxy -db -f haproxy.cfg >log 2>&1 3>&- &
	started "$port" $!
}

@test "HAProxy: one directory serves both; without a name one entry" {
	local line

	want haproxy
	line=$(sed -n '/^bind :443 /s/^bind :443 ssl //p' \
	    "$ROOT/man/certstore.7")
	haproxied "${line//\/var\/lib\/certstore/$CERTSTORE}"
	both
	for name in -noservername '-servername other.example.com'; do
		# shellcheck disable=SC2086  # words are meant
		[ "$(client "$ECDSA" $name)" = ECDSA ]
		# shellcheck disable=SC2086  # words are meant
		[ "$(client "$RSA" $name)" = 'alert 40' ]
	done
	# an RSA entry as the default is for all
	cert-set -q www-rsa default=yes
	port=$(freeport)
	haproxied "${line//\/var\/lib\/certstore/$CERTSTORE}"
	both
	[ "$(client "$RSA" -noservername)" = RSA-PSS ]
	[ "$(client "$RSA:$ECDSA" -noservername)" = RSA-PSS ]
	[ "$(client "$ECDSA" -noservername)" = 'alert 40' ]
}

@test "nginx: two pairs of lines, as in certstore(7)" {
	want nginx
	{
		echo "daemon off; master_process off; pid $PWD/pid;"
		echo "error_log $PWD/log; events { } http { access_log off;"
		echo "server { listen 127.0.0.1:$port ssl;"
		echo 'ssl_protocols TLSv1.2 TLSv1.3;'
		sed -n '/^ssl_certificate.*www-/p' "$ROOT/man/certstore.7" |
		    sed "s|/var/lib/certstore|$CERTSTORE|"
		echo 'return 200 welcome; } }'
	} >conf
	[ "$(grep -c '^ssl_certificate' conf)" -eq 4 ]
	nginx -p "$PWD" -c "$PWD/conf" -e "$PWD/log" 3>&- &
	started "$port" $!
	both
	[ "$(client "$RSA" -noservername)" = RSA-PSS ]
}
