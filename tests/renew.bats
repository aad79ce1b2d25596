#!/usr/bin/env bats
# renew.bats: cert-renew: what is due and when, renewal, failures, and a clock
# that is moved by a library.

# shellcheck disable=SC2154  # run --separate-stderr sets stderr

load helper
load pki

# at DAYS COMMAND...: runs it so many days from now.
at() {
	local days=$1

	shift
	ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" \
	    CLOCK_OFFSET=$((days * 86400)) \
	    LD_PRELOAD="$ROOT/tests/clock.so" "$@"
}

fingerprint() {
	cert-show -o fingerprint "$1"
}

setup() {
	common_setup
	cert-create -c -l 3000d ca
	cert-create -A ca -l 90d -s www.example.com www
}

@test "nothing is due: nothing is said, read or changed" {
	cp -a "$CERTSTORE" before
	run -0 --separate-stderr cert-renew
	[ -z "$output$stderr" ]
	run -1 cert-renew -x
	run -1 --separate-stderr cert-renew -xn
	diff -r --no-dereference before "$CERTSTORE"
	[ "${#lines[@]}" -eq 2 ]
	run -0 --separate-stderr cert-renew www
	[[ $stderr == *'www: is not due before 20'*': use -f to renew it now' ]]
	run -0 cert-renew -q www
	[ -z "$output" ]
	run -0 cert-renew - </dev/null
	[ -z "$output" ]
}

@test "what is due is renewed, once" {
	was=$(fingerprint www)
	key=$(cert-show -o spki www)
	run -0 at 61 cert-renew
	[ "$output" = www ]
	[ "$(fingerprint www)" != "$was" ]
	[ "$(cert-show -o spki www)" != "$key" ]
	at 61 cert-verify -q -T "$CERTSTORE/certs/ca/fullchain.pem" www
	[ "$(at 61 cert-match -o name www.example.com)" = www ]
	run -0 at 61 cert-renew
	[ -z "$output" ]
	# the same names, life and rules
	[ "$(cert-list -o names www)" = www.example.com ]
	starts=$(date -d "$(cert-list -o starts www)" +%s)
	ends=$(date -d "$(cert-list -o ends www)" +%s)
	[ $(((ends - starts) / 86400)) -eq 90 ]
}

@test "a name that is given twice is renewed once" {
	was=$(fingerprint www)
	run -0 cert-renew -f www www
	[ "$output" = www ]
	cert-revert -q www
	[ "$(fingerprint www)" = "$was" ]
	run -0 cert-renew -n www www
	[ "${#lines[@]}" -eq 1 ]
}

# One run has seen what is due, and waits for its passphrase.
@test "an entry that another run renewed has not failed" {
	mkfifo pass
	was=$(fingerprint www)
	at 61 cert-renew -p pass >log 2>&1 3>&- &
	# the writing end of a FIFO opens when there is a reader
	exec 9>pass
	run -0 at 61 cert-renew
	[ "$output" = www ]
	echo secret >&9
	exec 9>&-
	wait $!
	diff /dev/null log
	[ ! -e "$CERTSTORE/renewal/www" ]
	[ "$(fingerprint www)" != "$was" ]
}

@test "the store of another user is refused, and nothing written" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to give a store away"
	chown -R daemon "$CERTSTORE"
	run -2 --separate-stderr at 61 cert-renew -q
	[[ $stderr == *"belongs to another user"* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[ ! -e "$CERTSTORE/renewal" ]
}

@test "a failure that cannot be counted" {
	mv "$CERTSTORE/certs/ca/privkey.pem" key
	: >"$CERTSTORE/renewal"
	run -2 --separate-stderr at 61 cert-renew -q
	[[ ${stderr_lines[0]} == *'www: its CA '* ]]
	[[ ${stderr_lines[1]} == *'renewal/www: Not a directory' ]]
	[ "${#stderr_lines[@]}" -eq 2 ]
}

@test "the table" {
	cert-create self.example.com
	cert-create -l 6d -A ca -s short.example.com short
	cert-set www hold='2099-01-01 not now'
	cert-set short renew=no
	run -0 --separate-stderr cert-renew -n
	[ "$(cut -f 1,2,6 <<<"$output" | sort)" = $'ca\tlater\tthird\nwww\theld\theld: not now' ]
	run -0 cert-renew -nv
	[ "$(cut -f 1,2,6 <<<"$output" | grep never | sort)" = $'self.example.com\tnever\tis self-signed\nshort\tnever\trenew=no' ]
	cert-set short renew=1/2
	run -0 cert-renew -n -w "$(date -u -d '+5 days' +%Y-%m-%d)" short
	[ "$(cut -f 1,2,6 <<<"$output")" = $'short\tdue\trenew=1/2' ]
	run -0 cert-renew -nj short
	[[ $output == '{"name":"short","state":"later","ends":"20'*'"why":"renew=1/2","failed":0,"since":null,"error":null}' ]]
	run -0 cert-renew -n -e 7d short
	[ "$(cut -f 2,6 <<<"$output")" = $'due\twithin' ]
	run -0 cert-renew -n self.example.com
	[ "$(cut -f 2 <<<"$output")" = later ]
}

@test "renew=no, hold, imports: named ones are refused, others passed over" {
	cert-set www renew=no
	run -2 --separate-stderr cert-renew www
	[[ $stderr == *'www: is not renewed: renew=no' ]]
	run -2 --separate-stderr cert-renew -f www
	run -0 at 80 cert-renew
	[ -z "$output" ]
	cert-set www renew= hold='100d frozen'
	run -0 --separate-stderr at 80 cert-renew
	[ -z "$output$stderr" ]
	run -0 --separate-stderr at 80 cert-renew -v
	[[ $stderr == *'www: held: frozen: not renewed before 20'* ]]
	run -2 --separate-stderr at 80 cert-renew www
	[[ $stderr == *'www: held: frozen: not renewed before '*': use -f, or remove its property hold' ]]
	run -0 --separate-stderr at 80 cert-renew -f www
	[ "$output" = www ]
	cert-create -R -s new.example.com new >/dev/null
	run -2 --separate-stderr cert-renew new
	[[ $stderr == *'new: is not renewed: has no certificate yet' ]]
	run -2 --separate-stderr cert-renew absent
	[[ $stderr == *absent* ]]
}

@test "a failure is remembered, the others are renewed, and the next try waits" {
	cert-create -c gone
	cert-create -A gone -l 90d -s a.example.com a
	mv "$CERTSTORE/certs/gone/privkey.pem" key
	was=$(fingerprint a)
	run -0 --separate-stderr at 61 cert-renew
	[ "$output" = www ]
	[[ $stderr == 'cert-renew: a: '*'; still good until '*'d), next try '*', failed 1 times since '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	grep -q "^certificate ${was#sha256:}$" "$CERTSTORE/renewal/a"
	run -0 --separate-stderr at 61 cert-renew
	[ -z "$output$stderr" ]
	run -0 at 61 cert-renew -n a
	[ "$(cut -f 2 <<<"$output")" = failed ]
	run -0 --separate-stderr at 61 cert-renew -nv a
	[[ $stderr == *'a: failed 1 times since '* ]]
	# named: at once, and an error
	run -2 --separate-stderr at 61 cert-renew a
	[[ $stderr == *'failed 2 times'* ]]
	# the third time is an error, as is little time
	run -2 --separate-stderr at 63 cert-renew -q
	[[ $stderr == *'failed 3 times'* ]]
	# which goes with its entry
	cert-create -A ca -l 90d -s gone.example.com gone.example.com
	cp "$CERTSTORE/renewal/a" "$CERTSTORE/renewal/gone.example.com"
	cert-rm gone.example.com
	[ ! -e "$CERTSTORE/renewal/gone.example.com" ]
	# at most a day, and lines of a later version are no error
	sed -i 's/^failed .*/failed 9\nodd/' "$CERTSTORE/renewal/a"
	run -2 at 62 cert-renew a # another run failed since
	[[ $output == *'failed 9 times'* ]]
	run -2 at 64 cert-renew a
	[[ $output == *'failed 10 times'* ]]
	next=$(sed -n 's/^next //p' "$CERTSTORE/renewal/a")
	tried=$(sed -n 's/^tried //p' "$CERTSTORE/renewal/a")
	[ $((next - tried)) -ge $((86400 * 8 / 10)) ]
	[ $((next - tried)) -le $((86400 * 12 / 10)) ]
	# a clock that was wrong does not stop it for years
	run -2 at 3000 cert-renew a
	sed -i "s/^next .*/next 9999999999/" "$CERTSTORE/renewal/a"
	mv key "$CERTSTORE/certs/gone/privkey.pem"
	run -0 --separate-stderr at 64 cert-renew
	[ "$output" = a ]
	[ ! -e "$CERTSTORE/renewal/a" ]
	[ "$(fingerprint a)" != "$was" ]
}

@test "a CA with an encrypted key: said once, and renewed by hand" {
	printf 'secret\n' >pass
	chmod 600 pass
	cert-create -c -E pass enc
	cert-create -A enc -p pass -l 90d -s e.example.com e
	cert-set www renew=no
	run -0 --separate-stderr at 61 cert-renew
	[[ $stderr == *'enc: the key is encrypted: use -p with its passphrase; still good'* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	run -0 --separate-stderr at 61 cert-renew
	[ -z "$stderr" ]
	run -0 --separate-stderr at 61 cert-renew -p pass e
	[ "$output" = e ]
	[ ! -e "$CERTSTORE/renewal/e" ]
}

@test "a wrong clock renews nothing" {
	for i in $(seq 21); do
		cert-create -q -A ca -l 30d -s "h$i.example.com" "h$i"
	done
	run -2 --separate-stderr at 4000 cert-renew
	[[ $stderr == *'of the 23 certificates that are due have expired'*'is the clock right?'* ]]
	[ -z "$output" ]
	run -0 --separate-stderr at 26 cert-renew
	[ "${#lines[@]}" -eq 21 ]
}

@test "another host renews" {
	cert-set @store renewhost="not-$(uname -n)"
	run -0 --separate-stderr at 61 cert-renew
	[ -z "$output$stderr" ]
	run -0 --separate-stderr at 61 cert-renew -v
	[[ $stderr == *"www: is due: renewed by not-"* ]]
	run -2 --separate-stderr at 75 cert-renew
	[[ $stderr == *"www: is due, and was not renewed by not-"* ]]
	cert-set @store renewhost="$(uname -n)"
	run -0 at 75 cert-renew
	[ "$output" = www ]
}

@test "a run that takes too long continues next time" {
	cert-create -q -A ca -l 90d -s b.example.com b
	# the clock of this option is not moved
	run -0 --separate-stderr at 75 env -u X cert-renew -W 1
	[ "$(wc -l <<<"$output")" -ge 1 ]
	run -2 cert-renew -W 0
	run -2 cert-renew -W 1x
}

@test "the worker is found beside the program and installed, not by PATH" {
	mkdir -p bin other libexec/certstore
	cp "$BIN/cert-renew" bin/
	run -2 --separate-stderr at 61 bin/cert-renew
	[[ $stderr == *renew-due*'install certstore again' ]]
	printf '#!/bin/sh\ntouch ran\n' >other/renew-due
	chmod 755 other/renew-due
	PATH=$PWD/other:$PATH run -2 at 61 bin/cert-renew
	[ ! -e ran ]
	cp "$BIN/renew-due" libexec/certstore/
	run -0 at 61 bin/cert-renew
	[ "$output" = www ]
}

@test "nothing due needs no libcrypto" {
	run -1 grep -q libcrypto <(ldd "$BIN/cert-renew")
}

@test "cert-acme that fails without a word is not taken for one that succeeds" {
	cert-set -q www acme=mock renew=60d
	mkdir bin
	cp "$BIN/cert-renew" "$BIN/renew-due" bin
	printf '#!/bin/sh\ncat >/dev/null\neval "$OUTCOME"\n' >bin/cert-acme
	chmod 755 bin/cert-acme
	OUTCOME='exit 0' run -0 --separate-stderr bin/cert-renew -e 120d
	[ -z "$output$stderr" ]
	OUTCOME='echo www' run -0 --separate-stderr bin/cert-renew -e 120d
	[ "$output" = www ]
	# it has said why
	OUTCOME='exit 2' run -2 --separate-stderr bin/cert-renew -e 120d
	[ -z "$output$stderr" ]
	OUTCOME='exit 1' run -2 --separate-stderr bin/cert-renew -e 120d
	[ "$stderr" = 'cert-renew: cert-acme: account mock: ended with status 1' ]
	OUTCOME='kill -KILL $$' run -2 --separate-stderr bin/cert-renew -e 120d
	[ "$stderr" = 'cert-renew: cert-acme: account mock: killed by signal 9' ]
	rm bin/cert-acme
	OUTCOME='' run -2 --separate-stderr bin/cert-renew -e 120d
	[[ $stderr == 'cert-renew: cert-acme: '*': install it, on Debian with certstore-acme' ]]
}

@test "a chain that ends early with the CA of its CA renews that one" {
	ca root /CN=root from=20200101000000Z days=60
	sign sub root /CN=sub 3000 basicConstraints=critical,CA:TRUE \
	    keyUsage=critical,keyCertSign,cRLSign
	cert-import -q root.crt root.key sub.crt sub.key
	cert-set -q root renew=yes
	cert-create -q -A sub -s low.example.com low
	was=$(fingerprint sub)
	[ "$(cert-list -o ends low)" = "$(cert-list -o ends root)" ]
	run -0 cert-renew -f low
	[ "$output" = $'low\nroot\nsub' ] || fail "$output"
	# only its files have another root
	[ "$(fingerprint sub)" = "$was" ]
	[[ $(cert-list -o ends root) > $(cert-list -o ends low) ]]
	cert-trust -q add "$CERTSTORE/certs/root/fullchain.pem"
	cert-verify -q -H low.example.com low
}

@test "a key that somebody encrypted in the store is not replaced by a plain one" {
	(umask 077 && echo secret >pass)
	dir=$CERTSTORE/certs/www
	openssl pkcs8 -topk8 -in "$dir/privkey.pem" -out key -passout file:pass
	cat key >"$dir/privkey.pem"
	cat key "$dir/fullchain.pem" >"$dir/combined.pem"
	run -2 cert-renew -f www
	[[ $output == *"www: its key is encrypted, and a new one would not be: \
use cert-set www keepkey=yes to keep it"* ]] || fail "$output"
	cmp key "$dir/privkey.pem"
	cert-set -q www keepkey=yes
	cert-renew -f www
	cmp key "$CERTSTORE/certs/www/privkey.pem"
}
