#!/usr/bin/env bats
# readme.bats: what README shows is what there is: a session on a terminal, and
# the list of commands, in the words of certstore(7).  examples.bats runs its
# recipes and recipes.bats compares them with certstore(7); moving.bats,
# acmemock.bats and acmeshaken.bats run those for ACME.

load helper
load examples

# part TITLE: the lines of a part of README.
part() {
	awk -v title="$1" '
	last != "" && $0 == "" && was == "" { inside = 0 }
	$0 == title { inside = 1; next }
	{ was = last; last = $0 }
	inside' "$ROOT/README"
}

# same FILE: times and numbers of days differ, and where the store is.
same() {
	sed -E -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/TIME/g' \
	    -e 's/\([0-9]+d\)/(DAYS)/; s/in [0-9]+ days/in DAYS/' \
	    -e "s|$CERTSTORE|/var/lib/certstore|g" "$1"
}

@test "a session on a terminal" {
	local line

	command -v script >/dev/null || skip 'script is not installed'
	export TERM=dumb
	part 'What a terminal shows' | sed -n 's/^    //p' >shown
	[ "$(grep -c '^\$ ' shown)" -ge 8 ]
	while read -r line <&8; do
		printf '%s\n' "\$ $line"
		script -qec "$line" /dev/null </dev/null | tr -d '\r'
	done 8< <(sed -n 's/^\$ //p' shown) >did
	diff <(same shown) <(same did)
	grep -q '</html>' certs.html
}

@test "the list of commands is that of the Makefile and of certstore(7)" {
	part Commands | sed -n 's/^    \(cert-[a-z]*\) .*/\1/p' >listed
	# shellcheck disable=SC2016  # for make
	printf 'include Makefile\nprinted:\n\t@echo $(COMMANDS)\n' |
	    env -u MAKEFLAGS -u MAKELEVEL make -s -C "$ROOT" -f - printed |
	    tr ' ' '\n' | sort >made
	diff made listed
	while read -r command; do
		[ -f "$ROOT/man/$command.1" ] || fail "$command: has no page"
	done <listed
	part Commands | sed -n 's/^    \(cert-[a-z]*\) */\1 /p' >shown
	sed -n '/^Each of these commands/,/^\.El/p' "$ROOT/man/certstore.7" |
	    sed -n '/^\.It Xr /{ N; s/^\.It Xr \(.*\) 1\n/\1 /p; }' |
	    diff shown -
}

# told N: what recipe N of README shows that examples.bats does not run.
told() {
	awk -v n="$1." '/^[0-9]+\. / { inside = $1 == n }
	    inside && sub(/^    /, "")' "$ROOT/README"
}

@test "the other lines of recipes 11 and 12 are those of certstore(7), and work" {
	local n

	for n in 11 12; do
		told "$n" >lines
		[ -s lines ]
		network "$n" | grep -xFf lines | diff lines -
	done
	cert-create -c phones-CA
	cert-create -A phones-CA -s voip.example.com phones
	cert-create -A phones-CA -s calls.example.com carrier
	told 12 | sh -e
	[ "$(cert-set -o user phones | wc -l)" -eq 3 ]
	getent group asterisk >/dev/null || group=root
	told 11 | grep '^cert-set ' |
	    sed "s/group=asterisk/group=${group:-asterisk}/" | sh -e
	[ "$(cert-set -o group carrier)" = "group=${group:-asterisk}" ]
	command -v nginx >/dev/null || {
		echo "# NOT TESTED: nginx is not installed" >&3
		return 0
	}
	{
		printf 'events { }\npid nginx.pid;\nhttp { access_log off; server {\n'
		told 11 | sed '/^cert-set/d'
		printf '} }\n'
	} >nginx.conf
	nginx -t -q -e stderr -p "$PWD" -c "$PWD/nginx.conf"
}
