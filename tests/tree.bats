#!/usr/bin/env bats
# tree.bats: the Makefile and HACKING name every file, and the folders of the
# library include only those below them.

load helper

@test "every source is in the Makefile" {
	cd "$ROOT"
	for file in lib/*.h lib/*/*.[ch] cmd/*.[ch] tests/*.[ch] \
	    tests/example/*.c; do
		grep -qE "(^|[ 	])$file( |$)" Makefile ||
		    fail "$file: not in the Makefile"
	done
}

@test "every page is in the Makefile" {
	cd "$ROOT/man"
	for file in *.[1-9]; do
		grep -qE "(^|[ 	])$file( |$)" ../Makefile ||
		    fail "$file: not in the Makefile"
	done
}

@test "HACKING names every folder of the library, and files that exist" {
	cd "$ROOT"
	for file in lib/*/; do
		grep -q "^  $file  *[a-zA-Z0-9]" HACKING ||
		    fail "$file: not in HACKING"
	done
	grep -oE '(lib|cmd|man|tests)/[a-z0-9*/-]+(\.[a-z0-9]+)?' HACKING |
	    while read -r file; do
		# shellcheck disable=SC2086  # a pattern
		ls -d $file >/dev/null || fail "$file: does not exist"
	done
}

@test "HACKING names functions that are in the files beside them" {
	cd "$ROOT"
	grep -oE '^  (lib|cmd)/[a-z0-9/-]+\.c +[a-z_]+\(\)' HACKING \
	    >"$BATS_TEST_TMPDIR/traces"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/traces")" -ge 25 ]
	while read -r file name; do
		grep -q "^${name%"()"}(" "$file" ||
		    fail "$file: has no $name"
	done <"$BATS_TEST_TMPDIR/traces"
}

@test "no two sources of the library have one name" {
	# ar keeps members by their base name
	run -0 sh -c "cd '$ROOT' && printf '%s\\n' lib/*/*.c |
	    sed 's,.*/,,' | sort | uniq -d"
	[ -z "$output" ]
}

@test "no two static functions of the library have one name" {
	cd "$ROOT"
	run -0 awk 'FNR == 1 || /^{/ { static = 0 }
	    /^static / { static = 1 }
	    static && /^[a-z0-9_]+\(/ {
		name = $0
		sub(/\(.*/, "", name)
		if (name in file && file[name] != FILENAME)
			print name ": " file[name] " and " FILENAME
		file[name] = FILENAME
		static = 0
	    }' lib/*/*.c
	[ -z "$output" ] || fail "$output"
}

@test "a folder of the library includes its own headers and those below it" {
	cd "$ROOT"
	# the order is that of HACKING
	grep -oE '^  lib/[a-z0-9]+/ ' HACKING | sed 's,.*lib/,,; s,/ ,,' \
	    >"$BATS_TEST_TMPDIR/order"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/order")" -ge 9 ]
	grep -n '^#include "' lib/*/*.[ch] |
	    awk -v order="$BATS_TEST_TMPDIR/order" '
	    BEGIN { while ((getline folder <order) > 0) floor[folder] = ++n }
	    {
		split($0, line, ":"); split(line[1], at, "/")
		split($0, quoted, "\""); split(quoted[2], to, "/")
		lines++
		if (quoted[2] == "certstore.h" && at[2] == "base")
			next
		if (quoted[2] == "system.h")
			next
		if (to[1] == at[2] && (to[2] == at[2] ".h" ||
		    to[2] == "private.h"))
			next
		if (to[1] in floor && floor[to[1]] < floor[at[2]] &&
		    to[2] == to[1] ".h")
			next
		print $0; bad = 1
	    }
	    END { exit bad || lines < 60 }'
}

@test "only system.h and confine.c include headers of Linux alone" {
	cd "$ROOT"
	run -0 grep -lE '^#include <(linux/|sys/(epoll|mman|prctl|signalfd|statfs|syscall|sysmacros|xattr))' \
	    lib/*.h lib/*/*.[ch] cmd/*.[ch]
	[ "$output" = "lib/system.h
cmd/confine.c" ]
}

@test "the files of a folder do not call each other in a circle" {
	cd "$ROOT"
	for folder in base store deploy pem x509 issue import trust verify ca renew due acme audit; do
		nm -o lib/$folder/*.o | awk '
		    { sub(".*/", "", $1); sub(":.*", "", $1) }
		    NF == 2 || $2 == "U" { user[++n] = $1; uses[n] = $NF }
		    $(NF - 1) ~ /^[TDRBV]$/ { from[$NF] = $1 }
		    END {
			for (i = 1; i <= n; i++)
				if (uses[i] in from)
					print user[i], from[uses[i]]
		    }' >"$BATS_TEST_TMPDIR/$folder"
		[ -s "$BATS_TEST_TMPDIR/$folder" ]
		tsort "$BATS_TEST_TMPDIR/$folder" >/dev/null ||
		    fail "lib/$folder: a circle of files, see above"
	done
}

@test "every source begins with its name and responsibility" {
	cd "$ROOT"
	for file in lib/*.h lib/*/*.[ch] cmd/*.[ch]; do
		name=${file##*/}
		case $name in cert-*) name=${name%.c} ;; esac
		sed -n 2p "$file" | grep -qF " * $name: " ||
		    fail "$file: does not say what it is for"
	done
}
