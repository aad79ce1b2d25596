# acme.bash: ACME servers for tests, in network, mount and process namespaces
# of their own: every port is free, nothing leaves, and all ends with the file.
# Use "load acme" after "load helper" and "load pki"; tests/deps.sh acme names
# the packages.
#
#	bed_start	in setup_file: makes the namespaces
#	bed_end		in teardown_file
#	bed_need	in setup: skips the test, and says so, if there are none
#	inside COMMAND	runs it there
#	pebble NAME [-strict] [VAR=VALUE ...]
#	caddy		start a server: its directory URL is in $directory, the
#			CA of its TLS certificate in $serverca, the root of
#			what it issues in $acmeroot
#
# Pebble validates http-01 at port 5002, tls-alpn-01 at 5001 and asks for names
# at 127.0.0.1:53, Caddy at the real ports.  VAR is one of Pebble's own, or EAB,
# VALIDITY, OCSP, which go into its configuration.

bed_start() {
	local bed=$BATS_FILE_TMPDIR/bed userns=

	mkdir "$bed"
	[ "$(id -u)" -eq 0 ] || userns=-Ur
	for command in unshare nsenter ip pebble pebble-challtestsrv; do
		command -v "$command" >/dev/null || {
			echo "$command is not installed" >"$bed/missing"
			return 0
		}
	done
	echo 'nameserver 127.0.0.1' >"$bed/resolv.conf"
	# the limit is for a bats that is killed
	# shellcheck disable=SC2016,SC2086  # as they stand
	unshare $userns --net --mount --pid --fork --kill-child --mount-proc \
	    sh -ec 'ip link set lo up
		mount --bind "$1/resolv.conf" /etc/resolv.conf
		echo ready >"$1/ready"
		exec sleep 1800' - "$bed" </dev/null >"$bed/log" 2>&1 3>&- &
	echo $! >"$bed/pid"
	until [ -s "$bed/ready" ]; do
		kill -0 "$(cat "$bed/pid")" 2>/dev/null || {
			echo 'no namespaces here' >"$bed/missing"
			return 0
		}
		sleep 0.02
	done
	tr -d ' ' <"/proc/$(cat "$bed/pid")/task/$(cat "$bed/pid")/children" \
	    >"$bed/init"
	bed_run chall pebble-challtestsrv -defaultIPv4 127.0.0.1 \
	    -defaultIPv6 '' -dns01 127.0.0.1:53 \
	    -http01 "${HTTP01-127.0.0.1:5002}" -https01 '' \
	    -tlsalpn01 "${TLSALPN01-127.0.0.1:5001}" \
	    -management 127.0.0.1:8055
}

bed_end() {
	local init=$BATS_FILE_TMPDIR/bed/init

	# unshare ignores SIGTERM, and the first process of a namespace, too
	[ ! -s "$init" ] || kill -KILL "$(cat "$init")" 2>/dev/null || :
}

bed_need() {
	local missing=$BATS_FILE_TMPDIR/bed/missing

	[ ! -f "$missing" ] || skip "$(cat "$missing"): NOT TESTED"
}

inside() {
	local init userns=

	init=$(cat "$BATS_FILE_TMPDIR/bed/init")
	[ "$(id -u)" -eq 0 ] || userns='-U --preserve-credentials'
	# shellcheck disable=SC2016,SC2086  # as they stand
	nsenter -t "$init" $userns -n -m -p -- \
	    sh -c 'cd "$1" && shift && exec "$@"' - "$PWD" "$@"
}

# bed_run NAME COMMAND...: in the background until the end of the file.
bed_run() {
	local log=$BATS_FILE_TMPDIR/bed/$1.log

	shift
	inside "$@" </dev/null >"$log" 2>&1 3>&- 4>&- &
}

# answers URL CAFILE: waits until the server does.
answers() {
	local i

	for i in $(seq 400); do
		! inside curl -sf --cacert "$2" -o /dev/null "$1" || return 0
		sleep 0.03
	done
	cat "$BATS_FILE_TMPDIR"/bed/*.log >&2
	fail "$1 does not answer: try $i"
}

# chall PATH JSON: tells the server of challenges, names and addresses.
chall() {
	inside curl -sf -o /dev/null -d "$2" "http://127.0.0.1:8055/$1"
}

# A CA and its certificate for localhost, made once.
bed_localhost() {
	ca bed /CN=bed
	server localhost bed localhost
}

# bed_port NAME: a number for a server of that name.
bed_port() {
	local file=$BATS_FILE_TMPDIR/bed/ports n

	touch "$file"
	n=$(grep -nx "$1" "$file" | cut -d: -f1)
	[ -n "$n" ] || {
		echo "$1" >>"$file"
		n=$(wc -l <"$file")
	}
	echo "$n"
}

pebble() {
	local bed=$BATS_FILE_TMPDIR/bed name=$1 n
	local strict='' word env=(PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=5)

	shift
	n=$(bed_port "$name")
	shared bed bed_localhost
	serverca=$shared/bed.crt
	directory=https://localhost:$((14000 + n))/dir
	acmeroot=$bed/$name.root
	management=https://localhost:$((15000 + n))
	[ ! -f "$acmeroot" ] || return 0
	local EAB=false VALIDITY=7776000 OCSP=
	for word in "$@"; do
		case $word in
		-strict) strict=-strict ;;
		EAB=*|VALIDITY=*|OCSP=*) local "$word" ;;
		*) env+=("$word") ;;
		esac
	done
	cat >"$bed/$name.json" <<-EOJ
		{"pebble":{"listenAddress":"127.0.0.1:$((14000 + n))",
		"managementListenAddress":"127.0.0.1:$((15000 + n))",
		"certificate":"$shared/localhost.crt",
		"privateKey":"$shared/localhost.key",
		"httpPort":5002,"tlsPort":5001,"ocspResponderURL":"$OCSP",
		"certificateValidityPeriod":$VALIDITY,
		"externalAccountBindingRequired":$EAB,
		"externalAccountMACKeys":{
		"kid-1":"zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"},
		"domainBlocklist":["blocked-domain.example"]}}
	EOJ
	# shellcheck disable=SC2086  # perhaps no word
	bed_run "$name" env "${env[@]}" pebble -config "$bed/$name.json" \
	    $strict -dnsserver 127.0.0.1:53
	answers "$directory" "$serverca" || return 1
	inside curl -sf --cacert "$serverca" "$management/roots/0" >"$acmeroot"
}

caddy() {
	local bed=$BATS_FILE_TMPDIR/bed

	directory=https://localhost:9443/acme/local/directory
	serverca=$bed/caddy/pki/authorities/local/root.crt
	acmeroot=$serverca
	[ ! -f "$bed/Caddyfile" ] || return 0
	cat >"$bed/Caddyfile" <<-EOC
		{
		 admin off
		 auto_https disable_redirects
		 skip_install_trust
		 storage file_system $bed/caddy
		 http_port 8880
		 https_port 9443
		}
		https://localhost:9443 {
		 bind 127.0.0.1
		 tls internal
		 acme_server
		}
	EOC
	bed_run caddy env HOME="$bed" XDG_DATA_HOME="$bed" \
	    XDG_CONFIG_HOME="$bed" caddy run --config "$bed/Caddyfile" \
	    --adapter caddyfile
	until [ -s "$serverca" ]; do
		sleep 0.03
	done
	answers "$directory" "$serverca"
}
