#!/bin/sh
# complete: prints the words that may follow in a command line, for bash, zsh
# and fish.
#
#	complete command word ... current
#
# One line for each word that begins like the current one, and after a tab what
# it does.  After a tab alone there is "file" or "directory", names that the
# shell finds itself, and after another tab what stands before them in the word.
#
# What the arguments are is in the table.  Names of entries, hosts and so on are
# those of files in the store; no command of the store is started.
set -f
unset CDPATH
export LC_ALL=C
table=@DATADIR@/completion
command=${1##*/}
shift
store=${CERTSTORE:-/var/lib/certstore}
set=			# -T
with=			# the options that have an argument
letter=			# the last option, if its argument follows
first=			# the first operand
end=			# there was --

# words WHO WHAT: those of this line of the table.
words() {
	while IFS='	' read -r who what words text; do
		case $who/$what in "$1/$2") echo "$words"; return ;; esac
	done <"$table"
	return 1
}

# names DIRECTORY BEFORE START: the names in this directory, or in this one of
# the store, that begin with START, each behind BEFORE.
names() (
	set +f
	case $1 in /*) dir=$1 ;; *) dir=$store/$1 ;; esac
	cd "$dir" 2>/dev/null || exit 0
	before=$2
	set -- "$3"*
	[ -e "$1" ] || [ -h "$1" ] || exit 0
	# not NAME@, which has more links of an index, nor its version, +
	printf '%s\n' "$@" | before=$before awk '
	    /^[A-Za-z0-9._:*-]+$/ { print ENVIRON["before"] $0 }'
)

# hooks DIRECTORIES BEFORE START: those of the store and of these directories.
hooks() {
	for dir in hooks $1; do
		names "$dir" "$2" "$3"
	done | grep -v '\.env$' | sort -u
}

# known X BEFORE START: what <X> is, each behind BEFORE.
known() {
	case $1 in
	account)
		names acme/accounts "$2" "$3"
		;;
	anchor)
		names "trust${set:+s/$set}" "$2" "$3" |
		    sed -n 's/\.pem$//p' | grep -vx bundle
		;;
	ca)
		# shellcheck disable=SC2012  # entries have plain names
		offer "$(ls -lR "$store/index/ski" 2>/dev/null |
		    sed -n 's,.* -> .*/,,p' | sort -u)" "$2" "$3"
		;;
	directory|file)
		printf '\t%s\t%s\n' "$1" "$2"
		;;
	entry)
		names certs "$2" "$3"
		;;
	group)
		offer "$(cut -d : -f 1 /etc/group)" "$2" "$3"
		;;
	hook)
		hooks /etc/certstore/hooks "$2" "$3"
		;;
	host)
		names index/host "$2" "$3"
		;;
	profile)
		names profiles "$2" "$3"
		;;
	program)
		hooks "/etc/certstore/hooks @LIBEXECDIR@/certstore/hooks" \
		    "$2" "$3"
		;;
	set)
		names trusts "$2" "$3"
		;;
	tenant)
		names index/tenant "$2" "$3"
		;;
	*)
		offer "$(words '*' "$1")" "$2" "$3"
		;;
	esac
}

# offer WORDS BEFORE START: those of the table's words that begin with START,
# each behind BEFORE.
offer() {
	was=
	for word in $1; do
		head=${word%%<*}
		case $word in
		-)
			;;
		,)
			set -- '' "$2${3%"${3##*,}"}" "${3##*,}"
			;;
		*'<'*)
			name=${word#*<}
			case $3 in
			"$head"*)
				known "${name%>}" "$2$head" "${3#"$head"}"
				;;
			*)
				# once for all kinds of values
				case $head in
				"$was") ;;
				"$3"*) echo "$2$head" ;;
				esac
				was=$head
				;;
			esac
			;;
		"$3"*)
			# once in a list
			case ,$2 in *,"$word",*) ;; *) echo "$2$word" ;; esac
			;;
		esac
	done
}

# options BEFORE: the options that are not in BEFORE, each behind it.
options() {
	while IFS='	' read -r who what words text; do
		case $who/$what in
		"$command"/-[!"$1"]*)
			what=${what#-}
			printf '%s\t%s\n' "$1${what%:}" "$text"
			;;
		esac
	done <"$table"
}

# cluster WORD: reads options, such as "-jo": if one has an argument, letter is
# that option, and argument the rest of the word.
cluster() {
	argument=${1#-}
	while [ -n "$argument" ]; do
		letter=${argument%"${argument#?}"}
		argument=${argument#?}
		case $with in *"$letter"*) return ;; esac
	done
	letter=
}

# given ARGUMENT: of the option letter.
given() {
	case $letter$1 in
	"d~/"*) store=$HOME${1#?} ;;
	d*) store=$1 ;;
	T*) set=$1 ;;
	esac
	letter=
}

while IFS='	' read -r who what words text; do
	case $who/$what in
	"$command"/-?:)
		what=${what%:}
		with=$with${what#-}
		;;
	esac
done <"$table"

while [ $# -gt 1 ]; do
	if [ -n "$letter" ]; then
		given "$1"
	elif [ -z "$first" ]; then
		case $end$1 in
		--) end=yes ;;
		-?*) cluster "$1"; [ -z "$argument" ] || given "$argument" ;;
		*) first=$1 ;;
		esac
	fi
	shift
done

if [ -n "$letter" ]; then
	offer "$(words "$command" "-$letter:")" '' "$1"
	exit 0
fi

case $first$end$1 in
--*)
	offer '--help --version' '' "$1"
	exit 0
	;;
-*)
	cluster "$1"
	if [ -z "$letter" ]; then
		options "$1"
	elif [ -z "$argument" ]; then
		echo "$1"
	else
		offer "$(words "$command" "-$letter:")" \
		    "${1%"$argument"}" "$argument"
	fi
	exit 0
	;;
esac

operands=$(
	if [ -z "$first" ] || { ! words "$command" "${first%%/*} ..." &&
	    ! words "$command" 'operand ...'; }; then
		words "$command" operand || words '*' operand
	fi)
case $1 in
*[a-z][+-]=*)
	sign=${1%%=*}
	sign=${sign#"${sign%?}"}
	offer "$operands" '' "${1%%[+-]=*}=${1#*=}" | sed "s/=/$sign=/"
	;;
*)
	offer "$operands" '' "$1"
	;;
esac
exit 0
