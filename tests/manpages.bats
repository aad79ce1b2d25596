#!/usr/bin/env bats
# manpages.bats: the manual pages describe what the programs do.

load helper

# The letters of a command's getopt string, with those all commands take.
letters_code() {
	local common

	common=$(sed -n 's/^#define CMD_OPTIONS[^"]*"\([^"]*\)".*/\1/p' \
	    "$ROOT/cmd/cmd.h")
	{
		echo "$common"
		grep -l "\.name = \"$1\"" "$ROOT"/cmd/*.c | xargs cat |
		    tr '\n' ' ' |
		    sed -n 's/.*CMD_OPTIONS *"\([^"]*\)".*/\1/p'
	} | grep -o '[A-Za-z0-9]' | sort -u | tr -d '\n'
}

# The letters its page describes, one item each.
letters_page() {
	sed -n -e '/^\.Sh ENVIRONMENT/q' -e 's/^\.It Fl \([A-Za-z0-9]\).*/\1/p' \
	    "$ROOT/man/$1.1" | sort -u | tr -d '\n'
}

# The letters of its synopsis.
letters_synopsis() {
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$ROOT/man/$1.1" |
	    sed -n 's/^\.\(Op \)*Fl \([A-Za-z0-9]*\).*/\2/p' |
	    grep -o . | sort -u | tr -d '\n'
}

# The letters of its usage text.
letters_usage() {
	"$1" -h | grep -oE '(\[| )-[A-Za-z0-9]+' | sed 's/.*-//' |
	    grep -o . | sort -u | tr -d '\n'
}

commands='cert-account cert-check cert-create cert-crl cert-deploy cert-export cert-import cert-list cert-match cert-probe cert-revert
cert-report cert-revoke cert-rm cert-show cert-sign cert-trust cert-verify'

@test "options: source, page, synopsis and usage are the same" {
	local c code

	for c in $commands; do
		code=$(letters_code "$c")
		[ -n "$code" ]
		[ "$(letters_page "$c")" = "$code" ] ||
		    fail "$c: page $(letters_page "$c"), code $code"
		code=$(printf %s "$code" | tr -d hV)
		[ "$(letters_synopsis "$c" | tr -d hV)" = "$code" ] ||
		    fail "$c: synopsis $(letters_synopsis "$c"), code $code"
		[ "$(letters_usage "$c" | tr -d hV)" = "$code" ] ||
		    fail "$c: usage $(letters_usage "$c"), code $code"
	done
}

@test "options: arguments have the same names in synopsis and usage" {
	local c u s

	for c in $commands; do
		u=$("$c" -h | tr '\n' ' ' | grep -oE -- '-[A-Za-z] [a-z]+' |
		    sort -u)
		s=$(sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' \
		    "$ROOT/man/$c.1" |
		    sed -nE 's/^\.(Op )?Fl ([A-Za-z]) Ar ([a-z]+).*/-\2 \3/p' |
		    sort -u)
		[ "$s" = "$u" ] || fail "$c: $s / $u"
	done
}

# The options of a page as -h has them: "-S attr=value".
items_page() {
	sed -n -e '/^\.Sh ENVIRONMENT/q' -e 's/^\.It Fl \([A-Za-z0-9]\)/-\1/p' \
	    "$ROOT/man/$1.1" |
	    sed -e 's/ , Fl .*//' -e 's/ Ar \.\.\./.../' -e 's/ Ns\( Ar\)*//g' \
		-e 's/ Ar / /' -e 's/ \([,=]\) *\(Ar\)*/\1/'
}

@test "-h has a line for each option of the page, with its argument" {
	local c

	for c in $commands; do
		run -0 --separate-stderr "$c" -h
		[ -z "$stderr" ]
		[ -z "$(awk 'length > 79' <<<"$output")" ]
		diff <(items_page "$c" | sort) \
		    <(sed -n 's/^  \(-[^ ]\( [^ ]*\)*\)  .*/\1/p' <<<"$output" |
			sed 's/ *$//' | sort)
		# a mistake is told with the synopsis alone
		run -2 --separate-stderr "$c" -Z
		[ -z "$output" ]
		diff <("$c" -h | sed '/^  -/,$d') <(sed 1d <<<"$stderr")
	done
}

@test "options: a letter means the same everywhere: certstore(7) has all" {
	local c l

	for c in $commands; do
		for l in $(letters_code "$c" | grep -o .); do
			grep -q "^\.It Fl $l\$" "$ROOT/man/certstore.7" ||
			    fail "$c: -$l is not in certstore(7)"
		done
	done
}

@test "fields and parts: certstore(7) and cert-show(1) have all" {
	local f

	for f in $(sed -n '/cmd_field_names\[/,/};/p' "$ROOT/cmd/field.c" |
	    grep -o '"[a-z]*"' | tr -d '"'); do
		sed -n '/^\.Ss Fields/,/^\.Sh RECIPES/p' \
		    "$ROOT/man/certstore.7" | grep '^\.It Cm' |
		    grep -qw "$f" || fail "field $f is not in certstore(7)"
	done
	for f in $(sed -n '/parts\[\] = /,/};/p' "$ROOT/cmd/cert-show.c" |
	    grep -o '"[a-z]*"' | tr -d '"'); do
		grep -q "^\.It Cm $f\$" "$ROOT/man/cert-show.1" ||
		    fail "part $f is not in cert-show(1)"
	done
}

@test "info: certstore(5) has every word" {
	local k

	for k in $(sed -n '/^} keys\[\] = {/,/^};/p' "$ROOT/lib/store/info.c" |
	    grep -o '"[a-z]*"' | tr -d '"'); do
		grep '^\.It Cm' "$ROOT/man/certstore.5" | grep -qw "$k" ||
		    fail "info: $k is not in certstore(5)"
	done
}

@test "store: every file written is in certstore(5)" {
	local f

	cert-create -c ca
	cert-create -A ca a.example.com
	cert-create -f -A ca a.example.com
	cert-create -R b.example.com >/dev/null
	cert-show -o cert ca | cert-trust add
	rm "$CERTSTORE/trust/ca.pem"
	for f in $(cd "$CERTSTORE/trust" && find . -type f -printf '%f\n'); do
		sed -n '/^\.Ss trust/,/^\.Ss C/p' "$ROOT/man/certstore.5" |
		    grep -q "^\.It Pa $f " || fail "trust/$f is not there"
	done
	# names of files that are numbers and months
	for f in $(find "$CERTSTORE" -path '*/.trust@*' -prune -o \
	    -path '*/issued/*' -prune -o -type f -printf '%f\n' | sort -u); do
		grep -q "^\.It Pa $f" "$ROOT/man/certstore.5" ||
		    fail "$f is not in certstore(5)"
	done
	for f in $(cd "$CERTSTORE" && find . -mindepth 1 -maxdepth 1 \
	    -printf '%f\n' | sed 's/@1$/@N/'); do
		grep -qE "^\.It Pa $f(\$|/)" "$ROOT/man/certstore.5" ||
		    fail "$f is not in certstore(5)"
	done
	for f in "$CERTSTORE"/index/*; do
		f=${f##*/}
		grep '^\.It Pa index/' "$ROOT/man/certstore.5" |
		    grep -q "index/$f/" ||
		    fail "index/$f is not in certstore(5)"
	done
}

# The names of all public functions.
functions() {
	grep -v '^[ */#]' "$ROOT/lib/certstore.h" |
	    grep -oE '\bcertstore_[a-z_]+\(' | tr -d '(' | sort -u
}

@test "library: every function has a page, a prototype and a NAME" {
	local f page

	[ "$(functions | wc -l)" -gt 50 ]
	for f in $(functions); do
		page=$(grep -lE "^\.Nm $f( ,)?\$" "$ROOT"/man/*.3) ||
		    fail "$f has no page"
		[ "$(echo "$page" | wc -l)" -eq 1 ] ||
		    fail "$f has several pages"
		grep -q "^\.Fn $f " "$page" || fail "$f has no prototype"
	done
}

@test "library: no page documents a function that does not exist" {
	local f

	sed -n 's/^\.Nm \(certstore_[a-z_]*\).*/\1/p' "$ROOT"/man/*.3 |
	while read -r f; do
		functions | grep -qx "$f" || fail "$f is not in certstore.h"
	done
}

# prototypes_header, prototypes_pages: "int f(char *s, size_t len)", one a line.
prototypes_header() {
	perl -0777 -ne '
	    s{/\*.*?\*/}{}gs; s/^#.*$//mg; s/\s+/ /g;
	    while (/([a-z_0-9][a-z_0-9 ]*\*?) ?\b(certstore_[a-z_]+)\(((?:[^()]|\((?:[^()])*\))*)\);/g) {
		my ($type, $name, $args) = ($1, $2, $3);
		$type =~ s/ $//; $type =~ s/ ?\*$/ */;
		print "$type $name($args)\n";
	    }' "$ROOT/lib/certstore.h" | sed 's/^ //' | sort
}

prototypes_pages() {
	cat "$ROOT"/man/*.3 | perl -0777 -ne '
	    s/\\\n/ /g;
	    while (/^\.Ft (.*)\n\.Fn (\w+) (.*)$/mg) {
		my ($type, $name, $rest) = ($1, $2, $3);
		my @args = $rest =~ /"([^"]*)"|(\S+)/g;
		@args = grep { defined && length } @args;
		print "$type $name(", join(", ", @args), ")\n";
	    }' | sort
}

@test "library: prototypes are those of certstore.h, with their names" {
	prototypes_header >header
	prototypes_pages >pages
	[ "$(wc -l <header)" -eq "$(functions | wc -l)" ]
	diff header pages
}

@test "library: every code and flag is in a page" {
	local c

	grep -oE '\bCERTSTORE_[A-Z]+[A-Z_]*\b' "$ROOT/lib/certstore.h" |
	    sort -u | while read -r c; do
		case $c in
		CERTSTORE_H|CERTSTORE_VERSION) continue ;;
		esac
		grep -q "\b$c\b" "$ROOT"/man/*.3 || fail "$c is in no page"
	done
}

@test "sections: each page has those that its section needs" {
	local c f s

	for c in $commands; do
		for s in NAME SYNOPSIS DESCRIPTION ENVIRONMENT FILES \
		    'EXIT STATUS' EXAMPLES 'SEE ALSO' STANDARDS CAVEATS; do
			grep -q "^\.Sh $s\$" "$ROOT/man/$c.1" ||
			    fail "$c: no $s"
		done
		sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' "$ROOT/man/$c.1" |
		    grep -qE ' \| |^([0-9*]+ ){5}' ||
		    fail "$c: no pipeline and no crontab line"
		# shellcheck disable=SC2016  # as it stands
		grep -q '^case \$? in' "$ROOT/man/$c.1" ||
		    fail "$c: no case \$?"
	done
	for f in "$ROOT"/man/certstore_*.3; do
		for s in NAME SYNOPSIS DESCRIPTION 'RETURN VALUES' ERRORS \
		    CAVEATS; do
			grep -q "^\.Sh $s\$" "$f" || fail "$f: no $s"
		done
	done
	for f in "$ROOT"/man/*.[1-9] "$ROOT/README"; do
		! grep -nE '^[[:space:]]*if cert-' "$f" ||
		    fail "$f: a bare if takes a failure for a no"
	done
}

@test "cross references are to existing pages" {
	local f n s

	cat "$ROOT"/man/*.[1-9] | grep -oE '^\.Xr cert[a-z_-]* [1-9]' |
	    sort -u | while read -r _ n s; do
		[ -f "$ROOT/man/$n.$s" ] ||
		    grep -qE "^\.Nm $n( ,)?\$" "$ROOT"/man/*."$s" ||
		    fail "$n($s) is not there"
	done
	for f in "$ROOT"/man/*.[1-9]; do
		s=${f##*/}
		grep -qw "$s" "$ROOT/Makefile" || fail "$s is not installed"
	done
}

@test "who types man certstore is led to the introduction" {
	local s

	for s in 3 5; do
		sed -n '/^\.Sh DESCRIPTION/,$p' "$ROOT/man/certstore.$s" |
		    head -n 6 | grep -q '^\.Xr certstore 7 ' || fail "$s"
	done
}

@test "mandoc -T lint reports nothing" {
	command -v mandoc >/dev/null || skip 'mandoc is not installed'
	run -0 mandoc -T lint -W warning "$ROOT"/man/*.[1-9]
	[ -z "$output" ]
}
