#!/usr/bin/env bats
# parents.bats: the parent directories of the store and the links in its path: a
# writer refuses those that another user can change.

# shellcheck disable=SC2154  # run --separate-stderr sets stderr

load helper

setup() {
	common_setup
	mkdir -p top/mid
	export CERTSTORE=$PWD/top/mid/store
	cert-create -s a.example.com a
	cp top/mid/store/certs/a/combined.pem pair.pem
	cert-create -d ca -c ca
	cert-show -d ca -o cert ca >cert.pem
	find "$CERTSTORE" | sort >before
}

# refused WHAT [STORE]: every writer refuses, names it, and changes nothing.
refused() {
	local how store=${2:-$CERTSTORE}

	for how in 'create -s b.example.com b' 'import -N c pair.pem' 'rm a' \
	    'rm -f a' 'trust add cert.pem' 'create -n -s b.example.com b' \
	    'import -nN c pair.pem' 'rm -n a' 'trust -n add cert.pem'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr cert-${how%% *} -d "$store" ${how#* }
		[[ $stderr == *"$1"* ]] || fail "$how: $stderr"
		[ "${#stderr_lines[@]}" -eq 1 ] || fail "$how: $stderr"
	done
	find "$CERTSTORE" | sort | diff before -
	# readers go on
	[ "$(cert-match -d "$store" -o name a.example.com)" = a ]
}

@test "a parent directory that others can write is refused" {
	chmod g+w top
	refused "$PWD/top: has mode 0775"
	# what is printed helps
	eval "${stderr##*: }"
	[ "$(mode top)" = 755 ]
	cert-create -f -s a.example.com a
	find "$CERTSTORE" | sort >before
	chmod 757 top/mid
	refused "$PWD/top/mid: has mode 0757"
	# nor is a store made there
	run -2 --separate-stderr cert-create -d top/mid/new -s a.example.com a
	[[ $stderr == *"chmod go-w $PWD/top/mid" ]]
	[ ! -e top/mid/new ]
	# by whatever path
	ln -s top/mid/store link
	mkdir safe
	ln -s ../link safe/two
	refused "$PWD/top/mid: has mode 0757" safe/two
	run -2 cert-rm -d safe/../top//mid/./store/ a
	chmod 1777 top/mid
	cert-create -s b.example.com b
	cert-rm -d safe/../top//mid/./store/ b
	cert-create -s b.example.com b
	cert-rm -d safe/two b
	# a link in a directory that others can write
	mkdir open
	chmod 777 open
	ln -s ../top/mid/store open/store
	refused "$PWD/open: has mode 0777" open/store
	refused "$PWD/open: has mode 0777" open/../top/mid/store
	ln -s open/store safe/three
	ln -s ../open/store safe/four
	refused "$PWD/open: has mode 0777" safe/four
	# the link alone leads nowhere
	run -2 cert-rm -d safe/three a
	ln -s loop safe/loop
	run -2 cert-create -d safe/loop -s a.example.com a
}

@test "a path that is too long without its links is refused" {
	local dots part
	part=$(printf '%0200d' 0)
	dots=$(printf './%.0s' {1..1500})
	# the target of a link and what follows it
	ln -s "$PWD/${dots}top" link
	cert-list -d "link/${dots}mid/store" a
	run -2 --separate-stderr cert-rm -d "link/${dots}mid/store" a
	[[ $stderr == *'/./././././././.: File name too long' ]] || fail "$stderr"
	# a directory that deep
	mkdir deep
	dots=$(printf "/$part%.0s" {1..11})
	(
		cd deep
		for _ in {1..10}; do
			mkdir "$part"
			cd "$part"
		done
		ln -s "$PWD" "$BATS_TEST_TMPDIR/ten"
		ln -s "${dots#/}" more
		for _ in {1..11}; do
			mkdir "$part"
			cd -P "$part"
		done
		mv "$CERTSTORE" store
	)
	cert-list -d "$BATS_TEST_TMPDIR/ten/more/store" a
	run -2 --separate-stderr cert-rm -d "$BATS_TEST_TMPDIR/ten/more/store" a
	[[ $stderr == *"/ten/more/store: File name too long" ]]
	cert-list -d "$BATS_TEST_TMPDIR/ten/more/store" a
}

@test "a parent directory or link of another user is refused" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to give directories away"
	chown daemon top
	refused "$PWD/top: belongs to daemon"
	# one without a name
	! getent passwd 54321 || skip "there is a user 54321"
	chown 54321 top
	refused "$PWD/top: belongs to user 54321"
	chown root top
	mkdir theirs
	ln -s "$CERTSTORE" theirs/store
	chown daemon theirs
	refused "$PWD/theirs: belongs to daemon" theirs/store
	run -2 cert-create -d theirs/new -s a.example.com a
	[ ! -e theirs/new ]
	# sticky: others can rename what is theirs, and no more
	chown root theirs
	chmod 1777 theirs
	cert-create -d theirs/store -s b.example.com b
	cert-rm -d theirs/store b
	cert-create -d theirs/new -s a.example.com a
	ln -s "$CERTSTORE" theirs/link
	chown -h daemon theirs/link
	refused "$PWD/theirs/link: belongs to daemon" theirs/link
	mkdir -p theirs/dir
	ln -s "$CERTSTORE" theirs/dir/store
	chown daemon theirs/dir
	refused "$PWD/theirs/dir: belongs to daemon" theirs/dir/store
	# a link whose owner cannot change it
	ln -s "$CERTSTORE" plain
	chown -h daemon plain
	cert-create -d plain -s b.example.com b
}
