#!/usr/bin/env bats
# props.bats: lines of props that are edited by hand: when they take effect, and
# which are refused.

# shellcheck disable=SC2154  # run --separate-stderr sets stderr

load helper

setup() {
	common_setup
	cert-create -s a.example.com a
	dir=$CERTSTORE/certs/a
	cp "$dir/privkey.pem" key.pem
	cp "$dir/fullchain.pem" chain.pem
}

# same N: the entry is in generation N and has the pair it had.
same() {
	[ "$(readlink "$dir")" = ".a@$1" ] || fail "generation $(readlink "$dir")"
	cmp "$dir/privkey.pem" key.pem && cmp "$dir/fullchain.pem" chain.pem
}

@test "lines added by hand take effect without a new certificate" {
	printf 'user /etc/nginx/a b\ntenant T.example.com\r\nuser x' \
	    >>"$dir/props"
	run -0 --separate-stderr cert-create -nux -s a.example.com a
	[[ $stderr == *"other tenants"* ]]
	same 1
	run -0 --separate-stderr cert-create -ux -s a.example.com a
	[[ $stderr == *"other tenants"*"same key and certificate"* ]]
	same 2
	[ "$(cert-show -o tenants,users a)" = \
	    $'T.example.com\t/etc/nginx/a b,x' ]
	[ "$(cert-match -o name,how t.example.com)" = $'a\ttenant, not covered' ]
	run -1 --separate-stderr cert-create -ux -s a.example.com a
	[ -z "$stderr" ]
	run -1 cert-import -x -N a chain.pem key.pem
	same 2
	# taken away again, and by the other command
	sed -i '/^tenant/d' "$dir/props"
	run -0 --separate-stderr cert-import -x -N a chain.pem key.pem
	[ "$output" = a ]
	[[ $stderr == *"other tenants"* ]]
	same 3
	run -1 cert-match t.example.com
	[ -z "$(find "$CERTSTORE/index/tenant" -type l)" ]
	sed -i '/^user x/d' "$dir/props"
	cert-import -f -N a chain.pem key.pem
	same 4
	[ "$(cert-show -o users a)" = '/etc/nginx/a b' ]
	grep -qx 'origin import' "$dir/props"
	# a note changes nothing that is in force
	echo 'note by hand' >>"$dir/props"
	run -1 cert-create -ux -s a.example.com a
	run -1 cert-import -fx -N a chain.pem key.pem
	same 4
}

@test "a group that is added, changed or removed takes effect" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to give a file to a group"
	echo 'group daemon' >>"$dir/props"
	cert-create -u -s a.example.com a
	same 2
	[ "$(stat -c %a:%G "$dir/privkey.pem")" = 640:daemon ]
	[ "$(stat -c %a:%G "$dir/combined.pem")" = 640:daemon ]
	sed -i 's/^group.*/group bin/' "$dir/props"
	cert-import -f -N a chain.pem key.pem
	same 3
	[ "$(stat -c %a:%G "$dir/privkey.pem")" = 640:bin ]
	[ "$(cert-list -o name,group)" = $'a\tbin' ]
	sed -i '/^group/d' "$dir/props"
	cert-create -u -s a.example.com a
	same 4
	[ "$(mode "$dir/privkey.pem")" = 600 ]
	[ "$(mode "$dir/combined.pem")" = 600 ]
	# a request is no server's
	cert-create -q -R -s b.example.com b
	echo 'group daemon' >>"$CERTSTORE/certs/b/props"
	cert-create -q -R -u -s b.example.com b
	[ "$(readlink "$CERTSTORE/certs/b")" = .b@2 ]
	[ "$(mode "$CERTSTORE/certs/b/request.key")" = 600 ]
	cert-create -q -R -f -s c.example.com b
	[ "$(mode "$CERTSTORE/certs/b/request.key")" = 600 ]
	grep -qx 'group daemon' "$CERTSTORE/certs/b/info"
	# a group that there is not
	echo 'group no-such-group' >>"$dir/props"
	run -2 --separate-stderr cert-create -u -s a.example.com a
	[[ $stderr == *'no group "no-such-group"'* ]]
	same 4
}

@test "a removed group cannot read the key in kept generations, either" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to give a file to a group"
	local kept=$CERTSTORE/certs/.a@2

	echo 'group daemon' >>"$dir/props"
	cert-create -u -s a.example.com a
	# renewed, and nothing was withdrawn
	cert-create -f -K key.pem -s a.example.com a
	[ "$(readlink "$dir")" = .a@3 ]
	cmp "$kept/privkey.pem" key.pem
	[ "$(stat -c %a:%G "$kept/privkey.pem")" = 640:daemon ]
	# withdrawn with the same certificate: what is kept stays kept
	sed -i /^group/d "$dir/props"
	cert-create -u -s a.example.com a
	[ "$(readlink "$dir")" = .a@4 ]
	[ "$(mode "$kept/privkey.pem")" = 600 ]
	[ "$(mode "$kept/combined.pem")" = 600 ]
	# another writer finishes what one that was killed had left
	chmod 640 "$kept/privkey.pem" "$kept/combined.pem"
	ln -s .a@4 "$CERTSTORE/.pending/a"
	cert-create -s b.example.com b
	[ "$(mode "$kept/privkey.pem")" = 600 ]
	[ "$(mode "$kept/combined.pem")" = 600 ]
	# withdrawn, or changed, by a renewal that keeps the key
	echo 'group daemon' >>"$dir/props"
	cert-create -u -s a.example.com a
	sed -i 's/^group.*/group bin/' "$dir/props"
	cert-create -f -K key.pem -s a.example.com a
	kept=$CERTSTORE/certs/.a@5
	[ "$(mode "$kept/privkey.pem")" = 600 ]
	[ "$(stat -c %a:%G "$dir/privkey.pem")" = 640:bin ]
	# and what a copy opened, with a request that waited then
	cert-create -q -R -f -s a.example.com a
	chmod 644 "$dir"/*.pem "$dir/request.key"
	chmod 644 "$kept"/*.pem
	kept=$(readlink -f "$dir")
	cert-create -f -K key.pem -s a.example.com a
	[ "$(stat -c %a "$kept/privkey.pem" "$kept/combined.pem" \
	    "$kept/request.key" | sort -u)" = 600 ]
	[ "$(mode "$kept/fullchain.pem")" = 644 ]
}

# acls DIR: all that has an access control list there.
acls() {
	getfacl -R -s -p "$1"
}

@test "a default access control list gives nobody access" {
	local mask

	command -v setfacl >/dev/null || skip "setfacl is not installed"
	mkdir parent
	setfacl -d -m u:bin:rwx,g:bin:rwx parent 2>/dev/null ||
	    skip "no access control lists here"
	[ -n "$(acls parent)" ]
	for mask in 0 077; do
		umask "$mask"
		export CERTSTORE=$PWD/parent/store$mask
		cert-create -s a.example.com a
		cert-create -q -R -s b.example.com b
		[ -z "$(acls "$CERTSTORE")" ]
		setfacl -d -m u:bin:rwx,o::rwx "$CERTSTORE/certs" \
		    "$CERTSTORE/.pending" "$CERTSTORE/combined"
		printf 'group %s\n' "$(id -gn)" >>"$CERTSTORE/certs/a/props"
		cert-create -f -s a.example.com a
		[ "$(mode "$CERTSTORE/certs/a/privkey.pem")" = 640 ]
		[ -z "$(acls "$CERTSTORE/certs/a/")" ]
		[ "$(mode "$CERTSTORE/certs/.a@2")" = 755 ]
	done
	# a list that somebody added to a key
	setfacl -m u:bin:r "$CERTSTORE/certs/a/privkey.pem"
	run -0 --separate-stderr cert-create -ux -s a.example.com a
	[[ $stderr == *"privkey.pem has an access control list"* ]]
	[ -z "$(acls "$CERTSTORE/certs/a/")" ]
	run -1 cert-create -ux -s a.example.com a
}

@test "a key with a wrong mode is written again" {
	local file

	for file in privkey.pem combined.pem; do
		chmod 644 "$dir/$file"
		run -0 --separate-stderr cert-create -ux -s a.example.com a
		[[ $stderr == *"$file has mode 0644, not 0600"* ]]
		[ "$(mode "$dir/$file")" = 600 ]
		chmod 640 "$dir/$file"
		run -0 --separate-stderr cert-import -x -N a chain.pem key.pem
		[[ $stderr == *"$file has mode 0640, not 0600"* ]]
		[ "$(mode "$dir/$file")" = 600 ]
	done
	same 5
	chmod 666 "$dir/props"
	run -0 --separate-stderr cert-create -ux -s a.example.com a
	[[ $stderr == *"props can be written by others"* ]]
	[ "$(mode "$dir/props")" = 644 ]
	# with all files that a generation has
	for file in cert.pem chain.pem ca.pem; do
		[ -e "$dir/$file" ]
	done
	cert-create -q -R -s b.example.com b
	chmod 604 "$CERTSTORE/certs/b/request.key"
	run -0 --separate-stderr cert-create -Rux -s b.example.com b
	[[ $output == *BEGIN* && $stderr == *"request.key has mode 0604"* ]]
	[ "$(mode "$CERTSTORE/certs/b/request.key")" = 600 ]
	run -1 cert-create -Rux -s b.example.com b
	[ "$(id -u)" -eq 0 ] || return 0
	echo 'group daemon' >>"$dir/props"
	cert-create -u -s a.example.com a
	chgrp bin "$dir/combined.pem"
	run -0 --separate-stderr cert-create -ux -s a.example.com a
	[[ $stderr == *"combined.pem belongs to another group"* ]]
	chmod 600 "$dir/privkey.pem"
	cert-create -u -s a.example.com a
	chown daemon "$dir/privkey.pem"
	cert-create -u -s a.example.com a
	[ "$(stat -c %a:%U:%G "$dir/privkey.pem")" = 640:root:daemon ]
	run -1 cert-create -ux -s a.example.com a
}

@test "removing an entry depends on its current users" {
	echo 'user  nginx, the proxy ' >>"$dir/props"
	run -2 --separate-stderr cert-rm a
	[[ $stderr == *'used by "nginx, the proxy"'* ]]
	run -2 cert-rm -n a
	cert-create -u -s a.example.com a
	run -2 cert-rm a
	# also if it is damaged
	echo >>"$dir/fullchain.pem"
	run -2 --separate-stderr cert-rm a
	[[ $stderr == *'a: is used by "nginx'* ]]
	cp chain.pem "$dir/fullchain.pem"
	# lost is not withdrawn
	mv "$dir/props" lost
	run -2 cert-rm a
	run -1 cert-create -ux -s a.example.com a
	cert-create -f -s a.example.com a
	grep -qx 'user nginx, the proxy' "$dir/props"
	sed -i /^user/d "$dir/props"
	cert-rm a
}

@test "malformed lines are refused with their line number" {
	local line long

	printf '\357\273\277# by hand\r\n\norigin create\n' >"$dir/props"
	cp "$dir/props" good
	long=$(head -c 1001 /dev/zero | tr '\0' x)
	for line in 'group=daemon' 'User nginx' 'user' 'group a\ngroup b' \
	    'tenant *.example.com' 'tenant t.example.com.' 'tenant a b' \
	    'tenant m\303\274nchen.de' 'user a\001b' 'user a\377b' \
	    'user a\000b' 'note \000' "user $long"; do
		{
			cat good
			# shellcheck disable=SC2059
			printf "$line\n"
		} >"$dir/props"
		for how in 'create -ux -s a.example.com a' \
		    'create -fs a.example.com a' 'import -fN a chain.pem key.pem'; do
			# shellcheck disable=SC2086
			run -2 --separate-stderr cert-$how
			[[ $stderr == *"certs/a/props:"[45]": "*": correct this"* ]] ||
			    fail "$line: $stderr"
			[ "${#stderr_lines[@]}" -eq 1 ]
		done
		# readers make the best of it
		[ "$(cert-match -o name a.example.com)" = a ]
	done
	[[ $stderr == *"of more than 1000 bytes"* ]]
	same 1
	# not ours to judge, and kept
	{
		cat good
		printf 'future x\nusers y\nuser b\nuser b\n  user\tc  \nuser a'
	} >"$dir/props"
	cert-create -u -s a.example.com a
	[ "$(cert-show -o users a)" = a,b,c ]
	printf '%s\n' 'origin create' '# by hand' '' 'future x' 'users y' \
	    'user b' 'user b' $'  user\tc' 'user a' | diff - "$dir/props"
	run -1 cert-create -ux -s a.example.com a
}

@test "a line of 1 MiB: readers pass over it, writers refuse the file" {
	{
		printf 'origin create\ntenant t.example.com\nnote '
		head -c 1048576 /dev/zero | tr '\0' x
		printf '\ntenant u.example.com\n'
	} >"$dir/props"
	cp "$dir/props" good
	run -0 cert-match -o name a.example.com
	[ "$output" = a ]
	run -0 cert-list a
	for how in 'set a user=x' 'create -f -s a.example.com a'; do
		# shellcheck disable=SC2086  # words are meant
		run -2 --separate-stderr cert-$how
		[ "${#stderr_lines[@]}" -eq 1 ]
		[ "${#stderr}" -lt 1000 ]
		[[ $stderr == *' a: props: File too large' ]]
	done
	cmp good "$dir/props"
}
