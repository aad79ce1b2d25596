#!/usr/bin/env bats
# tree.bats: that Makefile and HACKING know every file.

load helper

@test "every source is in the Makefile" {
	cd "$ROOT"
	for file in lib/*.[ch] cmd/*.[ch] tests/*.[ch] tests/example/*.c; do
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

@test "every source of library and commands has its line in HACKING" {
	cd "$ROOT"
	for file in lib/*.[ch] cmd/[!c]*.c cmd/cmd.c; do
		grep -q "^  $file  *[a-zA-Z0-9]" HACKING ||
		    fail "$file: not in HACKING"
	done
	grep -o '^  [a-z]*/[a-z]*\.[ch]' HACKING | while read -r file; do
		[ -f "$file" ] || fail "$file: in HACKING, but not there"
	done
}

@test "every source begins with its name and responsibility" {
	cd "$ROOT"
	for file in lib/*.[ch] cmd/*.[ch]; do
		name=${file##*/}
		case $name in cert-*) name=${name%.c} ;; esac
		sed -n 2p "$file" | grep -qF " * $name: " ||
		    fail "$file: does not say what it is for"
	done
}
