#!/usr/bin/env bats
# tree.bats: that Makefile and HACKING know every file.

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

@test "every folder of the library and source of the commands is in HACKING" {
	cd "$ROOT"
	for file in lib/*/ cmd/[!c]*.c cmd/cmd.c; do
		grep -q "^  $file  *[a-zA-Z0-9]" HACKING ||
		    fail "$file: not in HACKING"
	done
	grep -oE '^  [a-z]+/([a-z]+\.[ch]|[a-z0-9]+/)' HACKING |
	    while read -r file; do
		[ -e "$file" ] || fail "$file: in HACKING, but not there"
	done
}

@test "no two sources of the library have one name" {
	# ar keeps members by their base name
	run -0 sh -c "cd '$ROOT' && printf '%s\\n' lib/*/*.c |
	    sed 's,.*/,,' | sort | uniq -d"
	[ -z "$output" ]
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
