#!/usr/bin/env bats
# account.bats: cert-account with Pebble and Caddy: accounts made, changed and
# closed, kills, and servers that answer something else.

# shellcheck disable=SC2154  # run --separate-stderr sets stderr

load helper
load pki
load acme

setup_file() {
	bed_start
}

teardown_file() {
	bed_end
}

setup() {
	common_setup
	bed_need
	accounts=$CERTSTORE/acme/accounts
}

# account ARGUMENT...: cert-account where the servers are.
account() {
	inside cert-account "$@"
}

# at SECONDS ARGUMENT...: the same, with a clock that is so much ahead.
at() {
	inside env "CLOCK_OFFSET=$1" "LD_PRELOAD=$ROOT/tests/clock.so" \
	    "ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" \
	    cert-account "${@:2}"
}

# made NAME [ARGUMENT...]: an account at the last server that was started.
made() {
	account -yq -T "$serverca" new "$1" "directory=$directory" "${@:2}"
}

# refused PATTERN ARGUMENT...: status 2, and one line on stderr.
refused() {
	local pattern=$1

	shift
	run -2 --separate-stderr account "$@"
	[[ -z $output || $* = *'-v show'* ]] || fail "prints $output"
	[ "${#stderr_lines[@]}" -eq 1 ] || fail "says $stderr"
	[[ $stderr =~ $pattern ]] || fail "says $stderr"
}

# value NAME PROP: a property of an account.
value() {
	account show "$1" | sed -n "s/^$2=//p"
}

# known NAME: the CA has the account.
known() {
	run -0 --separate-stderr account -v show "$1"
	[ -z "$stderr" ] || fail "says $stderr"
}

# edit NAME SED: changes the file of an account.
edit() {
	sed -i "$2" "$accounts/$1/account"
}

@test "an account is made when its terms are agreed to" {
	pebble plain
	refused "terms of service: read data:text/plain.*, and use -y" -T "$serverca" \
	    new p "directory=$directory"
	[ ! -e "$CERTSTORE/acme" ]
	run -0 --separate-stderr account -y -T "$serverca" new p \
	    "directory=$directory" contact=mailto:a@example.com \
	    contact+=mailto:b@example.com
	[ "$output" = p ] && [ -z "$stderr" ]
	[ "$(mode "$accounts/p")" = 700 ]
	[ "$(mode "$accounts/p/key.pem")" = 600 ]
	[ "$(mode "$accounts/p/account")" = 600 ]
	run -0 account show p
	[ "${lines[0]}" = status=valid ]
	[ "${lines[1]}" = "directory=$directory" ]
	[[ ${lines[2]} = url=https://localhost:*/my-account/* ]]
	[ "${lines[3]}" = contact=mailto:a@example.com ]
	[ "${lines[4]}" = contact+=mailto:b@example.com ]
	[ "${lines[5]}" = "ca=$serverca" ]
	[[ $output = *$'\nthumbprint='* ]]
	run -0 account list
	[ "$output" = "p"$'\t'"valid"$'\t'"$directory" ]
	run -0 account -j list
	[[ $output = '{"name":"p","status":"valid",'*'"contact":["mailto:a@example.com","mailto:b@example.com"],'*'}' ]]
	known p
	# by the URL of its directory, and with another account a name each line
	[ "$(value "$directory" status)" = valid ]
	made q
	run -0 account show p q
	[[ ${lines[0]} = $'p\tstatus=valid' && $output = *$'\nq\tstatus=valid'* ]]
}

@test "new: an account that is there, -u, -x, -n, names" {
	pebble plain
	run -0 account -yn -T "$serverca" new p "directory=$directory"
	[ "$output" = p ]
	[ ! -e "$CERTSTORE/acme" ]
	made p
	before=$(cat "$accounts/p/key.pem")
	refused 'p: exists: use cert-account set' -y new p
	run -0 --separate-stderr account -yu new p
	[ -z "$output$stderr" ]
	run -1 account -yux new p
	[ "$(cat "$accounts/p/key.pem")" = "$before" ]
	# the name comes from the URL
	rm -r "$CERTSTORE/acme"
	run -0 account -yq -T "$serverca" new "$directory"
	account -y -T "$serverca" -u new "$directory"
	[ "$(account list | cut -f 2,3)" = "valid"$'\t'"$directory" ]
	refused 'one account at a time' -y new a b
	refused 'absolute|no such|has no directory|use https' -y new nodirectory
	run -2 account new
	refused 'not a property' -y new c "directory=$directory" status=valid
	refused 'use mailto' -y new c "directory=$directory" contact=a@b
	refused 'KID:FILE' -y new c "directory=$directory" eab=x
	refused 'none' -y new c "directory=$directory" key=none
	[ "$(account list | wc -l)" -eq 1 ]
}

@test "new: a CA that wants an external account" {
	pebble eab EAB=true
	echo zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W \
	    >hmac
	chmod 600 hmac
	refused 'use cert-account new p eab=KID:FILE' -y -T "$serverca" new p \
	    "directory=$directory"
	[ ! -e "$CERTSTORE/acme" ]
	refused 'CA says ".*(kid|key|unknown).*' -y -T "$serverca" new p \
	    "directory=$directory" eab=kid-2:hmac
	[ "$(value p status)" = incomplete ]
	echo AAAAAAAAAAAAAAAAAAAAAA >wrong
	chmod 600 wrong
	refused 'CA says "' -y new p eab=kid-1:wrong
	# the key that was made then is used now
	thumbprint=$(value p thumbprint)
	run -0 --separate-stderr account -y new p eab=kid-1:hmac
	[ "$output" = p ] && [ -z "$stderr" ]
	[ "$(value p thumbprint)" = "$thumbprint" ]
	[ "$(value p eab)" = kid-1 ]
	run -1 grep -r zWND "$CERTSTORE"
	known p
}

@test "new: a key that another client had" {
	pebble plain
	for jwk in p256 ed25519 rsa; do
		cp "$DATA/acme/$jwk.jwk" .
		chmod 600 "$jwk.jwk"
		[ "$jwk" != ed25519 ] || continue # not Pebble's
		account -yq -T "$serverca" new "$jwk" \
		    "directory=$directory" "key=$jwk.jwk"
		url=$(value "$jwk" url)
		known "$jwk"
		# it has agreed to the terms, and needs no -y
		run -0 --separate-stderr account -d again -T "$serverca" new \
		    "$jwk" "directory=$directory" "key=$jwk.jwk" \
		    contact=mailto:new@example.com
		[ "$output" = "$jwk" ] && [ -z "$stderr" ]
		account -d again show "$jwk" | grep -x "url=$url"
		CERTSTORE=$PWD/again known "$jwk"
	done
	refused 'cert-account roll' set p256 key=rsa.jwk
}

@test "nonces: refused ones are replaced at any rate" {
	pebble never PEBBLE_WFE_NONCEREJECT=0
	made p
	known p
	pebble often PEBBLE_WFE_NONCEREJECT=90
	made q
	account -q roll q
	known q
	pebble strict -strict
	made r
	known r
}

@test "roll: another key, the same account" {
	pebble plain
	made p
	url=$(value p url)
	cp -a "$CERTSTORE" before
	run -0 --separate-stderr account roll p
	[ "$output" = p ] && [ -z "$stderr" ]
	run -1 cmp -s "$accounts/p/key.pem" before/acme/accounts/p/key.pem
	[ ! -e "$accounts/p/key.new" ]
	[ "$(value p url)" = "$url" ]
	known p
	# the old key is none any more
	refused '.*' -d before -v show p
	# to a key that is given, and not to one that has an account
	key other
	chmod 600 other.key
	account -q roll p key=other.key
	known p
	[ "$(openssl pkey -in other.key -pubout)" = \
	    "$(openssl pkey -in "$accounts/p/key.pem" -pubout)" ]
	made q
	refused 'CA says "' roll q key=other.key
	[ ! -e "$accounts/q/key.new" ]
	known q
	run -0 account -n roll p
	cmp other.key "$accounts/p/key.pem" ||
	    openssl pkey -in other.key | cmp - "$accounts/p/key.pem"
}

@test "roll: what was interrupted is decided by the CA" {
	pebble plain
	made p
	cp "$accounts/p/key.pem" old
	account -q roll p
	cp "$accounts/p/key.pem" new
	# the answer never came
	cp new "$accounts/p/key.new"
	cp old "$accounts/p/key.pem"
	run -0 --separate-stderr account -v show p
	[[ $stderr = *'interrupted: the CA has the new one' ]]
	cmp new "$accounts/p/key.pem"
	[ ! -e "$accounts/p/key.new" ]
	# the request never came
	cp old "$accounts/p/key.new"
	run -0 --separate-stderr account -v show p
	[[ $stderr = *'interrupted: the CA still has the old one' ]]
	cmp new "$accounts/p/key.pem"
	[ ! -e "$accounts/p/key.new" ]
	known p
	# neither
	cp old "$accounts/p/key.new"
	cp old "$accounts/p/key.pem"
	refused 'knows neither key.pem nor key.new' -v show p
	[ -e "$accounts/p/key.new" ]
}

@test "set: contacts, CA and proxy" {
	pebble plain
	made p
	run -0 account set p contact=mailto:a@example.com
	[ "$output" = p ]
	known p
	run -1 account -x set p contact=mailto:a@example.com
	edit p '/^contact/d'
	run -0 --separate-stderr account -v show p
	[[ $stderr = *'other contacts'* ]]
	# what the CA refuses is not kept
	refused 'CA says "' set p contact=mailto:a@example.com contact+=tel:1
	[ -z "$(value p contact)" ]
	account -q set p contact=mailto:c@example.com
	account -q set p contact=
	known p
	# the file from where the command runs
	cp "$serverca" here.pem
	account -q -T here.pem set p
	[ "$(value p ca)" = "$PWD/here.pem" ]
	known p
	account -q set p ca=
	refused 'use -T with the CA' -v show p
	account -q set p ca=./here.pem
	run -0 account -n set p proxy=http://127.0.0.1:1
	[ -z "$(value p proxy)" ]
	account -q set p 'proxy=http://me:secret@127.0.0.1:1'
	[ "$(value p proxy)" = 'http://me:***@127.0.0.1:1' ]
	refused 'port 1 ' -v show p
	[[ $stderr != *secret* ]]
	account -q set p proxy=
	known p
	refused 'not a property' set p eab=x:y
}

@test "set: the directory of a server that has moved" {
	pebble plain
	made p
	url=$(value p url)
	# the same server by another URL
	account -q set p "directory=$directory?moved"
	[ "$(value p url)" = "$url" ]
	[ "$(value p directory)" = "$directory?moved" ]
	known p
	# another one
	pebble never PEBBLE_WFE_NONCEREJECT=0
	refused 'use -y' set p "directory=$directory"
	[ "$(value p url)" = "$url" ]
	account -yq set p "directory=$directory"
	[ "$(value p directory)" = "$directory" ]
	[ "$(value p url)" != "$url" ]
	known p
	refused 'localhost:9/dir: ' set p directory=https://localhost:9/dir
	[ "$(value p directory)" = "$directory" ]
}

@test "an account that the CA has lost is made again with its key" {
	pebble plain
	made p
	edit p 's,my-account/.*,my-account/lost,'
	run -0 --separate-stderr account -v show p
	[[ $stderr = *'did not know the account any more'* ]]
	[[ $output = *url=*/my-account/* && $output != */lost* ]]
	known p
	# not if the terms are others
	edit p 's,^terms.*,terms https://localhost/old,; s,my-account/.*,my-account/lost,'
	refused 'cert-account new p' -v show p
	refused 'terms of service|exists' new p
	account -yq new p
	known p
	[ "$(value p terms)" = 'data:text/plain,Do%20what%20thou%20wilt' ]
	# terms that changed are said, and -y agrees
	edit p 's,^terms.*,terms https://localhost/old,'
	run -0 --separate-stderr account -v show p
	[[ $stderr = *'terms of service have changed: data:'* ]]
	run -0 account -y new p
	known p
}

@test "deactivate: only without entries, and for good" {
	pebble plain
	made p
	cert-create -s a.example.com a
	cert-set -q a acme=p
	refused 'p: 1 entry orders from it, a: ' deactivate p
	cp -a "$CERTSTORE" other
	run -0 account -nf deactivate p
	[ "$(value p status)" = valid ]
	run -0 --separate-stderr account -f deactivate p
	[ "$output" = p ]
	[ "$(value p status)" = deactivated ]
	run -0 --separate-stderr account -f deactivate p
	[ -z "$output" ] && [[ $stderr = *'already'* ]]
	# a store that does not know it yet
	refused 'the account is deactivated: .* cert-account new p' -d other \
	    -v show p
	account -d other show p | grep -x status=deactivated
	# only by hand it gets another key
	thumbprint=$(value p thumbprint)
	url=$(value p url)
	run -0 --separate-stderr account -y new p
	[[ $stderr = *'this one has a new key'* ]]
	[ "$(value p status)" = valid ]
	[ "$(value p thumbprint)" != "$thumbprint" ]
	[ "$(value p url)" != "$url" ]
	known p
}

@test "Caddy: no terms, no change of keys" {
	command -v caddy >/dev/null || skip 'caddy is not installed: NOT TESTED'
	caddy
	run -0 --separate-stderr account -T "$serverca" new c \
	    "directory=$directory" contact=mailto:a@example.com
	[ "$output" = c ] && [ -z "$stderr" ]
	known c
	before=$(cat "$accounts/c/key.pem")
	refused '.' roll c
	[ "$(cat "$accounts/c/key.pem")" = "$before" ]
	run -0 account -v show c
	account -q deactivate c
	[ "$(value c status)" = deactivated ]
}

@test "the proxy of the environment is kept" {
	pebble plain
	# CONNECT, once at a time
	cat >proxy.pl <<-'EOP'
		use IO::Socket::INET; use IO::Select;
		my $s = IO::Socket::INET->new(Listen => 9, ReuseAddr => 1,
		    LocalAddr => "127.0.0.1:3128") or die;
		$| = 1; print "ready\n";
		while (my $c = $s->accept) {
			my $line = <$c>; print $line;
			while (my $h = <$c>) { last if $h =~ /^\r?\n/ }
			my ($to) = $line =~ /^CONNECT (\S+)/ or next;
			my $d = IO::Socket::INET->new($to) or next;
			print $c "HTTP/1.1 200 OK\r\n\r\n"; $c->flush;
			my $sel = IO::Select->new($c, $d);
			LOOP: while (my @r = $sel->can_read) {
				for my $r (@r) {
					sysread($r, my $b, 65536) or last LOOP;
					syswrite($r == $c ? $d : $c, $b);
				}
			}
		}
	EOP
	inside perl proxy.pl </dev/null >proxy.log 2>&1 3>&- &
	until grep -q ready proxy.log; do sleep 0.02; done
	export https_proxy=http://127.0.0.1:3128
	NO_PROXY=localhost made direct
	[ -z "$(value direct proxy)" ]
	made p
	[ "$(value p proxy)" = http://127.0.0.1:3128 ]
	unset https_proxy
	before=$(grep -c CONNECT proxy.log)
	known p
	[ "$(grep -c CONNECT proxy.log)" -eq $((before + 1)) ]
	known direct
	[ "$(grep -c CONNECT proxy.log)" -eq $((before + 1)) ]
}

@test "whom the connection trusts" {
	pebble plain
	refused 'use -T with the CA' -y new p "directory=$directory"
	SSL_CERT_FILE=$serverca account -yq new p "directory=$directory"
	[ -z "$(value p ca)" ]
	refused 'none.pem: No such file' -y -T none.pem new q \
	    "directory=$directory"
	: >empty.pem
	refused 'empty.pem: is empty' -y -T empty.pem new q "directory=$directory"
	export SSL_CERT_FILE=$PWD/empty.pem
	refused 'empty.pem: is empty' -v show p
	unset SSL_CERT_FILE
	# a trust set of the store
	cert-trust -q -T lab -f add "$serverca"
	account -yq -T lab new q "directory=$directory"
	[ "$(value q ca)" = lab ]
	known q
	# a wrong clock
	run -2 at 315360000 -v show q
	[[ $output = *'is the clock right? It is 203'* ]] || fail "$output"
	run -0 at 3600 -v show q
	[[ $output = *'the clock of this host is 3'*' seconds ahead of'* ]] ||
	    fail "$output"
}

# file NAME STATUS [HEADER...]: an answer of the server below; body on stdin.
file() {
	local name=$1

	{
		printf 'HTTP/1.0 %s\r\n' "$2"
		shift 2
		[ $# -eq 0 ] || printf '%s\r\n' "$@"
		printf '\r\n'
		cat
	} >"$name"
}

@test "directories that are none" {
	local at=https://localhost:4433 name

	shared bed bed_localhost
	serverca=$shared/bed.crt
	mkdir www
	cd www
	urls="\"newNonce\":\"$at/n\",\"newAccount\":\"$at/a\""
	file html '200 OK' 'Content-Type: text/html' <<<'<html>'
	file array '200 OK' <<<'[1]'
	file empty '200 OK' </dev/null
	file nothing '204 No Content' </dev/null
	file some '200 OK' <<<"{$urls}"
	file http '200 OK' <<<"{$urls,\"newOrder\":\"http://localhost/o\"}"
	file number '200 OK' <<<"{$urls,\"newOrder\":7}"
	file twice '200 OK' <<<"{$urls,\"newOrder\":\"$at/o\",\"newOrder\":\"$at/o\"}"
	file user '200 OK' <<<"{$urls,\"newOrder\":\"https://u@localhost/o\"}"
	file escape '200 OK' <<<"{$urls,\"newOrder\":\"$at/\\u001b[2J\"}"
	file moved '302 Found' "Location: $at/some" </dev/null
	file fragment '302 Found' $'Location: \e[2J' </dev/null
	file problem '403 Forbidden' 'Content-Type: application/problem+json' \
	    <<<'{"type":"urn:ietf:params:acme:error:rateLimited","detail":"\u001b[2J no\nmore","subproblems":[{"identifier":{"type":"dns","value":"a.example.com"},"type":"urn:ietf:params:acme:error:dns","detail":"x"}]}'
	file plain '500 Oh' <<<'oh'
	file large '200 OK' < <(printf '{"a":"'; head -c 3000000 /dev/zero | tr '\0' a)
	{ printf 'HTTP/1.0 200 OK\r\n'; for i in $(seq 3000); do
		printf 'Link: <https://localhost/%s>;rel="alternate"\r\n' "$i"
	done; printf '\r\n{}'; } >headers
	inside openssl s_server -accept 127.0.0.1:4433 -HTTP -quiet \
	    -cert "$shared/localhost.crt" -key "$shared/localhost.key" \
	    </dev/null >../log 2>&1 3>&- &
	answers "$at/html" "$serverca"
	cd ..
	while read -r name pattern; do
		refused "$pattern" -y -T "$serverca" new p "directory=$at/$name"
		[[ $stderr != *$'\e'* ]]
	done <<-EOT
		html the answer is not a JSON object
		array the answer is not a JSON object
		empty the answer is not a JSON object
		nothing the answer is not a JSON object
		some no https URL "newOrder"
		http no https URL "newOrder"
		number no https URL "newOrder"
		twice the answer is not a JSON object
		user no https URL "newOrder"
		escape no https URL "newOrder"
		moved redirects to $at/some: redirects are refused
		fragment redirects: redirects are refused
		problem CA says ".*no.*more" \(rateLimited\); a.example.com: "x" \(dns\)$
		plain HTTP status 500
		large the answer is too large
		headers the answer is too large
	EOT
	[ ! -e "$CERTSTORE/acme" ]
}

# killed SYSCALL STEP ARGUMENT...: the command is killed at these calls, at each
# of them with FAULTS=all, else at each STEPth, every time in a copy of the
# store, until it ends by itself.  After each kill the function "after" runs.
killed() {
	local syscall=$1 step=$2 n=0 rc=137

	shift 2
	[ "${FAULTS:-}" != all ] || step=1
	cp -a "$CERTSTORE" original
	while [ "$rc" -eq 137 ]; do
		n=$((n + step))
		rm -rf "$CERTSTORE"
		cp -a original "$CERTSTORE"
		rc=0
		inside strace -f -o /dev/null -e trace="$syscall" \
		    -e inject="$syscall:signal=KILL:when=$n" \
		    "$BIN/cert-account" "$@" >out 2>&1 || rc=$?
		after "$n" "$rc" || fail "$syscall $n: $(cat out)" || return 1
	done
	[ "$rc" -eq 0 ] || fail "$syscall $n: $rc $(cat out)"
	[ "$n" -gt 5 ] || fail "only $n calls of $syscall"
	rm -rf original
}

@test "new: a kill at each packet leaves one account and its key" {
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip 'strace and LeakSanitizer'
	pebble never PEBBLE_WFE_NONCEREJECT=0
	cert-create -s a.example.com a
	after() {
		local keys

		keys=$(find "$accounts" -name 'key.*' 2>/dev/null | wc -l)
		[ "$keys" -le 1 ]
		[ "$keys" -eq 0 ] || thumbprint=$(value p thumbprint)
		account -yqu -T "$serverca" new p "directory=$directory" &&
		    known p || return 1
		[ "$keys" -eq 0 ] ||
		    [ "$(value p thumbprint)" = "$thumbprint" ]
	}
	killed sendto 1 -yq -T "$serverca" new p "directory=$directory"
}

@test "roll: a kill at each packet leaves one key, the account's" {
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip 'strace and LeakSanitizer'
	pebble never PEBBLE_WFE_NONCEREJECT=0
	made p
	url=$(value p url)
	after() {
		account -qv show p >/dev/null && known p || return 1
		[ "$(value p url)" = "$url" ] || return 1
		[ ! -e "$accounts/p/key.new" ] || return 1
		# the copy for the next time has the key that is valid now
		rm -rf original
		cp -a "$CERTSTORE" original
	}
	killed sendto 1 -q roll p
	killed recvfrom 4 -q roll p
}

@test "an account that cannot be read now is not called missing" {
	local one=$accounts/one name

	traceable
	cert-create -q -c ca
	for name in one two; do
		mkdir -p "$accounts/$name"
		printf 'certstore 1\ndirectory https://%s.example/dir\n' \
		    "$name" >"$accounts/$name/account"
		cp "$CERTSTORE/certs/ca/privkey.pem" "$accounts/$name/key.pem"
	done
	chmod -R go= "$CERTSTORE/acme"
	failing=(strace -qq -o /dev/null -P "$one" -e inject=openat:error=EIO)
	# else another would be made for the same CA
	run -2 --separate-stderr "${failing[@]}" \
	    cert-account show https://one.example/dir
	[ "$stderr" = "cert-account: $one/account: Input/output error" ]
	# what is found elsewhere is an answer
	run -0 --separate-stderr "${failing[@]}" \
	    cert-account show https://two.example/dir
	[ "${lines[1]}" = directory=https://two.example/dir ]
	[ "$stderr" = "cert-account: $one/account: Input/output error" ]
	# one that is damaged stops no other
	rm "$one/account"
	run -2 --separate-stderr cert-account show https://one.example/dir
	[[ ${stderr_lines[1]} = *': does not exist: cert-account new '* ]]
	# the file that is missing is named
	rm "$accounts/two/key.pem"
	run -2 --separate-stderr cert-account show two
	[ "$stderr" = "cert-account: $accounts/two/key.pem: No such file or directory" ]
}
