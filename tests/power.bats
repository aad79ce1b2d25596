#!/usr/bin/env bats
# power.bats: power cuts while a command writes: writes that were not synced are
# on disk or not, in any combination.  tests/powercut has the combinations and
# the checks.
#
# With FAULTS=all all combinations are tried, not a sample (make check-faults).

# shellcheck disable=SC2154  # faults_setup sets saved and memory

load helper
load faults

setup() {
	faults_setup
	if [ "${FAULTS:-}" = all ]; then
		states=-a
	else
		states=-n5
	fi
}

teardown() {
	faults_teardown
}

# cut [-b BEFORE] COMMAND...: the input is the file ./input.
cut() {
	local before=

	[ "$1" != -b ] || { before=$2; shift 2; }
	perl "$ROOT/tests/powercut" "$states" ${before:+-b "$before"} \
	    "$CERTSTORE" "$@" <input >&2
}

# made N: N entries made elsewhere, in ./input.
made() {
	local i

	for i in $(seq "$1"); do
		cert-create -d ./elsewhere -s "m$i.example.org" \
		    -s both.example.org "m$i"
		cat "elsewhere/certs/m$i/combined.pem"
	done >input
}

# first_anchors N: r1.pem and so on, in ./roots together, but not in the store.
first_anchors() {
	anchors "$1"
	rm -rf "$CERTSTORE/trust" "$CERTSTORE"/.trust@*
}

@test "cert-create of a new entry, the power cut" {
	cut cert-create -f -A CA -s new.example.org -s both.example.org new
}

@test "cert-set of several entries, the power cut" {
	cut cert-set -q CA other serving waiting note=n tenant=t.example.org
}

@test "cert-revert of several entries, the power cut" {
	local name

	for name in serving other; do
		cert-create -qf -A CA -s "$name.example.net" "$name"
	done
	# a second one would undo what was done
	cat >once <<-'EOS'
		cert-rm -f nobody || exit
		[ "$(cert-show -o names other)" = other.example.org ] ||
		    exec cert-revert -qf other serving
	EOS
	cut sh once
}

@test "cert-create -f over an entry, the power cut" {
	cert-create -f -A CA -s old.example.org -s both.example.org serving
	cut cert-create -f -A CA -s new.example.org -s both.example.org serving
}

@test "cert-create of an entry that no longer serves TLS, the power cut" {
	cut cert-create -f -A CA -P client -s new.example.org serving
}

@test "cert-create -R for an entry that has a certificate, the power cut" {
	cut cert-create -f -R -s old.example.org -s more.example.org serving
}

@test "cert-create in a store that does not exist yet, the power cut" {
	CERTSTORE=$memory/fresh
	cut cert-create -f -s a.example.org a
}

@test "cert-create -R in a store that does not exist yet, the power cut" {
	CERTSTORE=$memory/fresh
	cut cert-create -f -R -s a.example.org a
}

@test "cert-import of one, the power cut" {
	made 1
	cut cert-import
}

@test "cert-import of three, the power cut" {
	made 3
	cut cert-import
}

@test "cert-import of many, the power cut" {
	made 17
	cut cert-import
	grep syncfs powercut.trace
}

@test "cert-import of an answer, the power cut" {
	answer
	cut cert-import
}

@test "cert-renew, the power cut" {
	cut cert-renew -f serving
}

@test "cert-sign, the power cut" {
	requests a
	# what was signed before is known
	cat >once <<-EOS
		cert-sign -qA CA "$outside/a.csr" >out && exit
		cert-sign -qfA CA "$outside/a.csr"
	EOS
	cut sh once
}

@test "cert-crl: the first one, and one that is replaced, the power cut" {
	cut cert-crl -q CA
	cut cert-crl -q CA
}

@test "cert-revoke, the power cut: the next one completes it" {
	local serial

	serial=$(cert-show -o serial serving)
	# most are those of any change of an entry
	[ "$states" != -a ] || states=-n400
	# one process at a time: the trace would be in pieces
	cat >once <<-EOS
		cert-revoke -q serving reason=superseded || exit
		openssl crl -noout -text -in "$CERTSTORE/crl/CA.pem" >text
		grep -qi "serial number: 0*${serial#0}" text
	EOS
	cut sh once
}

@test "cert-revoke of many, the power cut: no record is cut off" {
	local serials

	serials=$(seq -f serial:7%02.0f 16)
	# the key of the CA is used once, and most states are of its CRL
	[ "$states" != -a ] || states=-n400
	# shellcheck disable=SC2086  # one word each
	cut cert-revoke -fq -A CA $serials
	grep syncfs powercut.trace
}

@test "cert-rm, the power cut" {
	cut cert-rm -f serving
}

@test "cert-rm of two, the power cut" {
	cert-create -f -A CA -s old.example.org -s new.example.org serving
	cut cert-rm -f serving other
}

@test "cert-trust of the first anchors, the power cut" {
	first_anchors 2
	cut cert-trust add r1.pem r2.pem
}

@test "cert-trust of many first anchors, the power cut" {
	first_anchors 16
	cut cert-trust update roots
	grep syncfs powercut.trace
}

@test "cert-trust add, the power cut" {
	anchors 2
	cut cert-trust add r3.pem
}

@test "cert-trust distrust, the power cut" {
	anchors 2
	cut cert-trust distrust r1
}

@test "cert-trust update to another list of many, the power cut" {
	anchors 16
	tail -n +10 roots | sed -n '/BEGIN/,$p' >input
	cat r18.pem >>input
	cut cert-trust update -
	grep syncfs powercut.trace
}

@test "cert-trust in a store that does not exist yet, the power cut" {
	first_anchors 2
	CERTSTORE=$memory/fresh
	cut cert-trust reset roots
}

@test "cert-rm of the first entry of a store, the power cut" {
	CERTSTORE=$memory/fresh
	cut -b 'cert-create -s a.example.org a' cert-rm -f a
}

@test "the writer that completes or undoes a replacement, the power cut" {
	local n

	strace -f -qq -o trace -e trace=fsync \
	    cert-create -f -A CA -s new.example.org serving
	# the last one comes after the switch
	for n in "$(($(wc -l <trace) - 1))" "$(wc -l <trace)"; do
		restore
		cert-create -f -A CA -s old.example.org serving
		killed fsync "$n" cert-create -f -A CA -s new.example.org serving
		cut cert-rm -f nobody
	done
}

@test "the writer that completes a removal, the power cut" {
	killed fsync 3 cert-rm -f serving
	[ ! -L "$CERTSTORE/certs/serving" ]
	cut cert-rm -f nobody
}

@test "the writer that completes a change of the anchors, the power cut" {
	local n

	anchors 2
	for n in mkdirat:1 unlinkat:1; do
		restore
		killed "${n%:*}" "${n#*:}" cert-trust add r3.pem
		cut cert-rm -f nobody
	done
}

@test "cert-check -r of a missing index, the power cut" {
	rm -r "$CERTSTORE/index"
	cut cert-check -r
}

@test "cert-check -r of a copy without links, the power cut" {
	anchors 3
	cp -RLp "$CERTSTORE" copy
	rm -rf "$CERTSTORE"
	mv copy "$CERTSTORE"
	cut cert-check -r
}

@test "cert-check -r of entries after a restore, the power cut" {
	cert-create -d ./elsewhere -s wait.example.org waiting
	cp -a elsewhere/certs/.waiting@1 "$CERTSTORE/certs/.waiting@9"
	mv "$(readlink -f "$CERTSTORE/certs/serving")" dir
	rm "$CERTSTORE/certs/serving"
	mv dir "$CERTSTORE/certs/serving"
	cut cert-check -r
}

@test "cert-set of settings and of the default entry, the power cut" {
	cut cert-set -q @store x-a=1
	cut cert-set -q other default=yes
}

@test "cert-deploy, the power cut" {
	cert-set -q serving user=web
	mkdir "$CERTSTORE/hooks"
	cp /bin/true "$CERTSTORE/hooks/web"
	cat >once <<-'EOS'
		cert-deploy -q && ! cert-deploy -qx
	EOS
	cut sh once
}

@test "without any fsync the same checks fail" {
	local what

	for what in 'cert-create -f -A CA -s new.example.org serving' \
	    'cert-rm -f serving'; do
		restore
		# shellcheck disable=SC2086  # words are meant
		run perl "$ROOT/tests/powercut" -u -n 40 "$CERTSTORE" $what
		[ "$status" -eq 1 ]
		[[ ${lines[-1]} == *', '[1-9]*' bad' ]]
	done
}
