#!/usr/bin/env bats
# pull.bats: dist/pull: the copy is the same as the source, also after each of
# its steps, after an interruption, and while the source is written.

# shellcheck disable=SC2154  # stderr is run's

load helper
load pki


setup() {
	common_setup
	command -v rsync >/dev/null || skip 'rsync is not installed: NOT TESTED'
	pull=$ROOT/dist/pull
	looker
	shared pull original
	cp -a "$shared/a" a
	: >a/.lock
	export CERTSTORE=$PWD/a
}

original() {
	export CERTSTORE=$PWD/a
	cert-create -c ca
	cert-create -A ca -s www.example.com www
	cert-create -s mail.example.com mail
	cert-create -c client-ca
	cert-set -q www user=web default=yes
	cert-trust -f add "$CERTSTORE/certs/ca/cert.pem" >/dev/null
	cert-trust -T phones -f add "$CERTSTORE/certs/ca/cert.pem" >/dev/null
	cert-crl -q ca
}

teardown() {
	: >"$BATS_TEST_TMPDIR/cwd/over"
	common_teardown
}

# same: b has what a has, but for what is of one host.
same() {
	diff -r --no-dereference -x .lock -x .pending -x deployed a b &&
	    [ -z "$(CERTSTORE=b cert-check -e 0 |
	    grep -v delivery-pending)" ]
}

# whole STORE: each link leads to a complete generation of one pair.
looker() {
	cat >looker <<'END'
#!/bin/sh
cd "$1" || exit
for link in certs/* combined/* default trust trusts/* crl/* crl/.[!.]*; do
	[ ! -L "$link" ] || [ -e "$link" ] || echo "$link: leads to nothing"
done
for dir in certs/*/; do
	[ -f "$dir/privkey.pem" ] || continue
	cat "$dir/privkey.pem" "$dir/fullchain.pem" |
	    cmp -s - "$dir/combined.pem" &&
	    cat "$dir/cert.pem" "$dir/chain.pem" |
	    cmp -s - "$dir/fullchain.pem" &&
	    grep -q "^fingerprint $(openssl x509 -in "$dir/cert.pem" \
	    -outform der | sha256sum | cut -c1-64)" "$dir/info" &&
	    [ "$(openssl pkey -in "$dir/privkey.pem" -pubout)" = \
	    "$(openssl x509 -in "$dir/cert.pem" -noout -pubkey)" ] ||
	    echo "$dir: is of two pairs"
done
END
}

# changes: of each kind, which one pull follows together.
changes() {
	# the same number of a generation, with another key
	cert-rm -f www
	cert-create -A ca -s www.example.com -s www.example.org www
	cert-set -q www user=web
	cert-create -f -s mail.example.com mail
	cert-trust -f add "$CERTSTORE/certs/client-ca/cert.pem" >/dev/null
	cert-rm client-ca
	cert-create -s new.example.com new
	cert-set -q mail default=yes note=x
	cert-trust -T phones -f rm ca >/dev/null
	cert-crl -q ca
}

# stepping STATUS: an rsync that runs the real one, and then looks whether the
# copy is whole; with a file "stop" containing N the Nth one exits instead.
stepping() {
	mkdir bin
	cat >bin/rsync <<-END
	#!/bin/sh
	echo >>'$PWD/steps'
	n=\$(wc -l <'$PWD/steps')
	[ "\$n" != "\$(cat '$PWD/stop' 2>/dev/null)" ] || exit 30
	'$(command -v rsync)' "\$@" || exit
	[ ! -e '$PWD/looking' ] ||
	    sh '$BATS_TEST_TMPDIR/cwd/looker' '$PWD/b' >>'$PWD/wrong'
	END
	chmod 755 bin/rsync
	: >steps
	: >wrong
	PATH=$PWD/bin:$PATH
}

@test "the copy is the same, and stays the same" {
	"$pull" -d b a
	same
	[ "$(mode b.pull/certs/www/privkey.pem)" = 600 ]
	changes
	"$pull" -d b a/
	same
	[ ! -e b/certs/.client-ca@1 ]
	[ "$(CERTSTORE=b cert-match -o name www.example.org)" = www ]
	run -1 env CERTSTORE=b cert-match mail.example.net
	# nothing to do
	find b -newer b.pull/.pull-done >changed
	"$pull" -d b a
	run -0 find b ! -type d -newer b.pull/.pull-done ! -name .lock
	[ -z "$output" ]
}

@test "it is whole after each step, and after an interruption" {
	"$pull" -d b a
	stepping
	generation=$(readlink a/certs/www)
	changes
	[ "$(readlink a/certs/www)" = "$generation" ]
	cp -a b b.before
	cp -a b.pull b.pull.before
	: >looking
	"$pull" -d b a
	rm looking
	same
	[ ! -s wrong ] || fail "$(cat wrong)"
	steps=$(wc -l <steps)
	[ "$steps" -ge 8 ]
	# of these make check takes two: the copy over ssh, and the links
	wanted="2 $((steps - 3))"
	[ -z "${HOSTS:-}" ] || wanted=$(seq "$steps")
	for step in $wanted; do
		rm -rf b b.pull
		cp -a b.before b
		cp -a b.pull.before b.pull
		: >steps
		echo "$step" >stop
		run "$pull" -d b a
		[ "$status" -ne 0 ] || fail "step $step: no failure"
		rm stop
		"$pull" -d b a
		same || fail "step $step"
	done
}

@test "the ledgers of the copy are its own" {
	mkdir a/hooks
	printf '#!/bin/sh\ncat >>"$CERTSTORE.told"\n' >a/hooks/web
	chmod 755 a/hooks/web
	cert-deploy -q
	[ "$(cat a.told)" = www ]
	"$pull" -d b a
	[ ! -e b/deployed ]
	CERTSTORE=$PWD/b cert-deploy -q
	[ "$(cat b.told)" = www ]
	"$pull" -d b a
	run -1 env CERTSTORE="$PWD/b" cert-deploy -x
	cert-create -f -A ca -s www.example.com www
	"$pull" -d b a
	run -0 env CERTSTORE="$PWD/b" cert-deploy -x
}

@test "only the host that @store names renews, also in the copy" {
	cert-create -f -A ca -l 30d -s www.example.com www
	cert-set -q www life=90d renew=30d
	cert-set -q @store renewhost="not-$(uname -n)"
	"$pull" -d b a
	run -0 env CERTSTORE="$PWD/b" cert-renew
	[ -z "$output" ]
	"$pull" -d b a
	same
	cert-set -q @store renewhost=
	"$pull" -d b a
	run -0 env CERTSTORE="$PWD/b" cert-renew
	[ "$output" = www ]
	run -2 --separate-stderr "$pull" -d b a
	[[ $stderr == 'pull: b: changed since it was copied: '*www* ]]
}

@test "a copy without links is refused, on both sides" {
	cp -rL a c
	run -2 --separate-stderr "$pull" -d b c
	[[ $stderr == 'pull: c: '*'cert-check -r there' && ! -e b ]]
	run -2 --separate-stderr "$pull" -d c a
	[[ $stderr == 'pull: c: a copy without links: use cert-check -r' ]]
	CERTSTORE=c cert-check -qr || [ $? -eq 1 ]
	"$pull" -d b c
	[ -L b/certs/www ]
}

@test "what is not a copy, or was changed since, is not overwritten" {
	CERTSTORE=c cert-create -s own.example.com own
	run -2 --separate-stderr "$pull" -d c a
	[[ $stderr == 'pull: c: this is not a copy: '*-f* ]]
	[ -e c/certs/own/privkey.pem ]
	"$pull" -d b a
	CERTSTORE=b cert-create -f -s mail.example.com mail
	CERTSTORE=b cert-create -s own.example.com own
	cert-create -f -A ca -s www.example.com www
	# nor after the source was not there for a while
	mv a gone
	run -2 "$pull" -d b a
	mv gone a
	run -2 --separate-stderr "$pull" -d b a
	[[ $stderr == 'pull: b: changed since it was copied: '*' -f '* ]]
	[[ $stderr == *mail* && $stderr == *own* && $stderr != *www* ]]
	[ -e b/certs/own/privkey.pem ]
	"$pull" -f -d b a
	same
	CERTSTORE=b cert-set -q @store renewhost=pbx2
	run -2 --separate-stderr "$pull" -d b a
	[[ $stderr == 'pull: b: changed since it was copied: props here: '* ]]
	"$pull" -f -d b a
	same
	"$pull" -f -d c a
	[ ! -e c/certs/own ]
}

@test "a source that is gone removes nothing" {
	"$pull" -d b a
	mv a gone
	run -2 --separate-stderr "$pull" -d b a
	mkdir a
	run -2 --separate-stderr "$pull" -d b a
	[[ $stderr == 'pull: a: no store'* ]]
	[ -e b/certs/www/privkey.pem ]
	rmdir a
	mv gone a
	"$pull" -d b a
	for words in '' 'a b' -x '-d b' 'host:a;b' /; do
		# shellcheck disable=SC2086  # words are meant
		run -2 "$pull" $words
	done
	run -2 "$pull" -d '' a
	[[ $output == 'usage: '* ]]
	run -2 "$pull" -d / a
	ln -s a link
	for words in 'a a' 'a/x a' './link/certs/x a' 'a link' '. a'; do
		# shellcheck disable=SC2086  # words are meant
		run -2 "$pull" -f -d $words
		[[ $output == "pull: ${words% *}: is the source, or "* ]] ||
		    fail "$words: $output"
	done
	: >file
	run -2 "$pull" -d file/b a
	diff <(find a -name '*.pull') /dev/null
}

@test "while the source is written, readers of the copy see whole pairs" {
	[ -n "${HOSTS:-}" ] || skip 'make check-hosts has it'
	cert-create -s y.example.com y
	"$pull" -d b a
	: >written
	: >wrong
	(
		while [ ! -e over ]; do
			cert-create -f -A ca -s www.example.com www
			cert-rm -f y
			cert-create -s y.example.com y
			echo >>written
		done
	) 3>&- &
	writer=$!
	perl -e '
	sub get { open my $f, "<", "$_[0]" or return; local $/; <$f> }
	until (-e "over") {
		for my $name ("www", "y") {
			my $dir = readlink("b/certs/$name") or next;
			my @got = map { get("b/certs/$dir/$_.pem") }
			    "privkey", "fullchain", "combined";
			next if grep { !defined } @got;
			# of one generation, unless that one was exchanged
			next if (readlink("b/certs/$name") // "") ne $dir;
			print "$name: two pairs\n"
			    if $name eq "www" && $got[0] . $got[1] ne $got[2];
			my $one = get("b/certs/$name/combined.pem") // next;
			print "$name: torn\n" if $one !~
			    /\A-----BEGIN PRIVATE .*END CERTIFICATE-----\n\z/s;
			$n++;
		}
	}
	print "read $n\n"' >seen 3>&- &
	reader=$!
	for i in $(seq 20); do
		n=$(wc -l <written)
		"$pull" -d b a
		sh "$BATS_TEST_TMPDIR/cwd/looker" b >>wrong
		[ -L b/certs/www ] && [ -L b/certs/mail ]
		# until the next change
		until [ "$(wc -l <written)" -gt "$n" ]; do sleep 0.02; done
	done
	: >over
	wait "$writer" "$reader"
	[ ! -s wrong ] || fail "$(cat wrong)"
	grep -qx 'read [0-9]*' seen
	[ "$(wc -l <seen)" -eq 1 ] || fail "$(cat seen)"
	"$pull" -d b a
	same
}
