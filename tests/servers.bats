#!/usr/bin/env bats
# servers.bats: the four quickest of make check-servers: the lines of
# certstore(7) in servers that are busy while their certificates are replaced.

load helper

# busy NAME: a short run of its file in tests/servers.
busy() {
	[ -z "${CERTSTORE_SANITIZE:-}" ] ||
	    skip 'the clients are too slow with sanitizers'
	CLIENTS=2 REST=20 HANDSHAKES=20 ROUNDS=1 run -0 \
	    bash "$ROOT/tests/servers/run" "$ROOT/tests/servers/$1.server"
	[[ $output != *'# SKIP '* ]] || skip "${output#*# SKIP }"
}

@test "nginx" {
	busy nginx
}

@test "haproxy" {
	busy haproxy
}

@test "lighttpd" {
	busy lighttpd
}

@test "coturn" {
	busy coturn
}
