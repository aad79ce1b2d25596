#!/usr/bin/env bats
# check.bats: cert-check finds each kind of damage, and nothing in a store that
# is as the commands left it.

# shellcheck disable=SC2154  # stderr and stderr_lines are run's

load helper

@test "the codes: cert-check(1) lists those of the library, with their text" {
	sed -n '/^static const struct cs_codeline/,/^};/p' \
	    "$ROOT/lib/audit/code.c" | tr -d '\n\t' | grep -oE '\{ "[^}]*\}' |
	    sed -E 's/\{ "([a-z-]*)", [A-Z]*, *[01], *"(.*)" *\}/\1 \2/' |
	    sed 's/" *"//g' >code
	sed -n '/^\.Ss Findings/,/^\.Sh ENV/p' "$ROOT/man/cert-check.1" |
	    awk '/^\.It Cm/ { code = $3; next }
	    code != "" { print code, $0; code = "" }' >page
	[ -s code ]
	LC_ALL=C sort -c code
	diff code page
}

@test "a damaged entry and one that expired: status 1, the others are well" {
	cert-create a.example.com
	cert-create -l 2h b.example.com
	run -0 --separate-stderr cert-check
	[ -z "$output$stderr" ]
	run -1 --separate-stderr cert-check -w 2099-01-01 b.example.com
	[[ $output == "critical	b.example.com	expired	the certificate "* ]]
	rm "$CERTSTORE/certs/a.example.com/combined.pem"
	run -1 --separate-stderr cert-check
	[[ $output == "critical	a.example.com	damaged	combined.pem is "* ]]
	[ -z "$stderr" ]
	run -1 cert-check -q
	[ -z "$output" ]
}
