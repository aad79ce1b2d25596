# shellcheck shell=sh
# stores.sh: where the benchmarks work, and the stores they need; to be
# sourced.
#
#	$BENCH_DIR	a directory to work in that is kept, with the stores in
#			it for the next time; else one below $TMPDIR or
#			/var/tmp that goes at the end.  It must be on a disk:
#			on a tmpfs an fsync costs nothing.
#	$top		the tree
#	$work		the directory

top=$(cd "$(dirname "$0")/../.." && pwd)
unset CERTSTORE MAILTO NO_COLOR OPENSSL_CONF
export LC_ALL=C TZ=UTC0
umask 022

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	say "$*"
	exit 2
}

for program in time bare parse gen; do
	[ -x "$top/tests/bench/$program" ] ||
	    die "tests/bench/$program is not built: make bench"
done

cleanup() {
	[ -n "${BENCH_DIR:-}" ] || rm -rf "$work"
}

if [ -n "${BENCH_DIR:-}" ]; then
	mkdir -p "$BENCH_DIR"
	work=$(cd "$BENCH_DIR" && pwd)
else
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/certstore-bench.XXXXXX")
fi
trap cleanup EXIT
trap 'exit 2' HUP INT TERM

# store SIZE [-c]: makes $work/SIZE, or $work/SIZEc of what signs calls, if it
# is not there, a store of so many entries.  What gen says it made has to be
# what the commands find.
store() {
	made=$work/$1${2:+c}
	[ ! -e "$made.made" ] || return 0
	rm -rf "${made:?}"
	say "making a store of $1"
	# shellcheck disable=SC2086  # -c is one word or none
	"$top/tests/bench/gen" ${2-} store "$made" 0 $(($1 - 1)) || exit 2
	# and its CA
	[ "$("$top/cert-list" -d "$made" -o name | wc -l)" -eq \
	    $(($1 + 1)) ] || die "$1: not so many entries in the store"
	newest=$(printf 'e%07d' $(($1 - 1)))
	case ${2-} in
	-c) name=spc:$(printf '%03dH' $((($1 - 1) % 900))) ;;
	*) name=www.$newest.example.com ;;
	esac
	[ "$("$top/cert-match" -d "$made" -a -o name "$name" | sort |
	    tail -n 1)" = "$newest" ] ||
	    die "$1: $newest does not answer for $name"
	: >"$made.made"
}

# at SIZE: the number of an entry in the middle, seven digits.
at() {
	printf '%07d' $(($1 / 2))
}
