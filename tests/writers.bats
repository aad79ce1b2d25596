#!/usr/bin/env bats
# writers.bats: several writers at the same time, and readers.

load helper

READERS=3

# reader: reads until ./stop is there; what it finds wrong goes to ./bad.N.
reader() {
	while [ ! -e stop ]; do
		cert-list >"list.$1" 2>"err.$1" || cat "err.$1" >>"bad.$1"
		cert-match steady.example.org >"got.$1" 2>>"bad.$1" ||
		    echo "no match" >>"bad.$1"
		# combined.pem, opened once, is a pair
		cat "$CERTSTORE/certs/steady/combined.pem" >"pem.$1" &&
		    [ "$(openssl pkey -in "pem.$1" -pubout)" = \
		    "$(openssl x509 -in "pem.$1" -noout -pubkey)" ] ||
		    echo "not a pair" >>"bad.$1"
	done
}

# Also when a test failed: readers left running would hold up what waits.
teardown() {
	: >stop
	common_teardown
}

start() {
	local i

	cert-create -c CA
	cert-create -A CA -s steady.example.org steady
	rm -f stop bad.*
	readers=
	for i in $(seq "$READERS"); do
		reader "$i" 3>&- &
		readers="$readers $!"
	done
}

stop() {
	: >stop
	# shellcheck disable=SC2086  # a list of process numbers
	wait $readers
	cat bad.* >bad
	[ ! -s bad ] || fail "a reader saw: $(sort bad | uniq -c)"
}

whole() {
	local dir

	[ -z "$(ls -A "$CERTSTORE/.pending")" ] || fail "intents are left"
	cert-list >/dev/null || fail "cert-list"
	for dir in "$CERTSTORE"/certs/[!.]*; do
		[ "$(openssl pkey -in "$dir/privkey.pem" -pubout)" = \
		    "$(openssl x509 -in "$dir/fullchain.pem" -noout -pubkey)" ] ||
		    fail "$dir: key and certificate do not match"
		openssl verify -x509_strict -no-CApath -no-CAstore \
		    -CAfile "$CERTSTORE/certs/CA/fullchain.pem" \
		    -untrusted "$dir/fullchain.pem" "$dir/fullchain.pem" ||
		    fail "$dir"
	done
}

@test "eight creations of different entries for one host" {
	local i pids=

	start
	for i in 1 2 3 4 5 6 7 8; do
		cert-create -A CA -s "h$i.example.org" -s all.example.org \
		    "n$i" 3>&- &
		pids="$pids $!"
	done
	for i in $pids; do
		wait "$i"
	done
	stop
	whole
	[ "$(cert-match -a -o name all.example.org | sort | tr '\n' ' ')" = \
	    "n1 n2 n3 n4 n5 n6 n7 n8 " ]
}

@test "eight creations of one entry: one makes it, seven are refused" {
	local i made=0 pids=

	start
	for i in 1 2 3 4 5 6 7 8; do
		cert-create -A CA -s "h$i.example.org" same 2>"told.$i" 3>&- &
		pids="$pids $!"
	done
	for i in $pids; do
		if wait "$i"; then made=$((made + 1)); fi
	done
	stop
	whole
	[ "$made" -eq 1 ]
	[ "$(cat told.* | grep -c "the entry exists")" -eq 7 ]
}

@test "eight replacements of one entry while it is read" {
	local i pids=

	start
	for i in 1 2 3 4 5 6 7 8; do
		cert-create -f -A CA -s steady.example.org steady 3>&- &
		pids="$pids $!"
	done
	for i in $pids; do
		wait "$i"
	done
	stop
	whole
	[ "$(find "$CERTSTORE/certs" -name '.steady@*' | wc -l)" -eq 2 ]
}

@test "eight imports and removals, of the same and of different names" {
	local i pids=

	start
	for i in 1 2 3 4 5 6 7 8; do
		cert-create -d "./s$i" -c "CA$i"
		cert-create -d "./s$i" -A "CA$i" -s "i$i.example.org" "i$i"
	done
	for i in 1 2 3 4 5 6 7 8; do
		{
			cert-import -q "s$i/certs/i$i/combined.pem" &&
			    cert-import -f -N shared -q \
			    "s$i/certs/i$i/combined.pem" &&
			    cert-rm "i$i.example.org"
		} 3>&- &
		pids="$pids $!"
	done
	for i in $pids; do
		wait "$i"
	done
	stop
	[ -z "$(ls -A "$CERTSTORE/.pending")" ]
	[ "$(cert-list -o name | tr '\n' ' ')" = "CA shared steady " ]
	openssl verify -CAfile "$CERTSTORE/certs/CA/fullchain.pem" \
	    "$CERTSTORE/certs/steady/fullchain.pem"
}

@test "a writer waits for the lock and then continues" {
	cert-create -c CA
	flock "$CERTSTORE/.lock" sleep 1 3>&- &
	sleep 0.2
	cert-create -A CA -s a.example.org a
	wait
	cert-match a.example.org
}

# dry REGEX COMMAND ARG...: with -n it refuses what it refuses without, in the
# same words.
dry() {
	local regex=$1 cmd=$2 said

	shift 2
	run -2 --separate-stderr $AS "$cmd" "$@"
	[[ $stderr =~ $regex ]] || fail "$cmd: $stderr"
	said=$stderr
	run -2 --separate-stderr $AS "$cmd" -n "$@"
	[ "$stderr" = "$said" ] || fail "$cmd -n: $stderr, not $said"
}

# alldry REGEX: all commands that have -n, with what they would do.
alldry() {
	dry "$1" cert-import -N pair pair.pem
	dry "$1" cert-create -s new.example.com new
	dry "$1" cert-create -R -s new.example.com new
	dry "$1" cert-trust add root.pem
	[ ! -d "$CERTSTORE/certs" ] || dry "$1" cert-rm old
}

@test "-n refuses what a writer refuses: owner, mode, read-only, wrong path" {
	local other=$BATS_TEST_TMPDIR/other

	[ "$(id -u)" -eq 0 ] || skip 'needs another user'
	CERTSTORE=$other cert-create -c old
	cat "$other"/certs/old/{privkey,fullchain}.pem >pair.pem
	cert-show -d "$other" -o cert old >root.pem
	chmod 644 pair.pem
	chmod a+x "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR"
	cert-create -s old.example.com old
	# One of another user, by its owner and by root.
	AS='setpriv --reuid=65534 --regid=65534 --clear-groups'
	alldry 'another user'
	AS=
	chown 65534 "$CERTSTORE/certs"
	alldry 'certs: belongs to another user'
	chown 0 "$CERTSTORE/certs"
	chmod 775 "$CERTSTORE/index"
	alldry 'index: .*others can write it'
	chmod 755 "$CERTSTORE/index"
	# A directory that is not a store, one that cannot be made.
	mkdir foreign
	: >foreign/file
	CERTSTORE=$PWD/foreign alldry 'not a store and not empty'
	CERTSTORE=$PWD/absent/store alldry 'does not exist: mkdir -p'
	AS='setpriv --reuid=65534 --regid=65534 --clear-groups'
	CERTSTORE=$PWD/absent alldry 'Permission denied'
	AS=
	# Its props name a group that does not exist.
	echo 'group nosuch' >>"$CERTSTORE/certs/old/props"
	dry 'no group .*nosuch' cert-create -f -s old.example.com old
	# And nothing of this was done.
	[ "$(cert-list -o name)" = old ]
}

@test "-n on a read-only file system fails as a writer does" {
	[ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null ||
		skip 'needs to mount a file system'
	cert-create -s old.example.com old
	cat "$CERTSTORE"/certs/old/{privkey,fullchain}.pem >pair.pem
	CERTSTORE=$BATS_TEST_TMPDIR/other cert-create -c CA
	cert-show -d "$BATS_TEST_TMPDIR/other" -o cert CA >root.pem
	# shellcheck disable=SC2016  # for the inner shell
	AS='' run -0 unshare -m sh -c '
	    mount --bind "$CERTSTORE" "$CERTSTORE" &&
	    mount -o remount,ro,bind "$CERTSTORE" || exit 77
	    for n in "" -n; do
		cert-import $n -N other pair.pem
		echo $?
		cert-create $n -s new.example.com new
		echo $?
		cert-trust $n add root.pem
		echo $?
		cert-rm $n old
		echo $?
	    done'
	[ "$(grep -c 'Read-only file system' <<<"$output")" -eq 8 ]
	[ "$(grep -cx 2 <<<"$output")" -eq 8 ]
}
