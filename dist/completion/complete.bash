# shellcheck shell=bash
# Completion of the commands of certstore for bash, with bash-completion or
# without; see complete.sh.

_certstore() {
	local left=${COMP_LINE:0:COMP_POINT} words=() word quotes head found

	# bash has broken words at "=" and ":", too
	for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
		if [[ $left == [[:blank:]]* || ${#words[@]} -eq 0 ]]; then
			left=${left#"${left%%[![:blank:]]*}"}
			words+=('')
		fi
		words[-1]+=${left:0:${#word}}
		left=${left:${#word}}
	done

	# readline keeps what is before an open quote, or before the last break,
	# where "@" is none
	word=${words[-1]}
	quotes=${word//[!\"\']/}
	if ((${#quotes} % 2)); then
		head=${word%"${word##*[\"\']}"}
	else
		quotes=
		head=${word%"${word##*["${COMP_WORDBREAKS//@/}"]}"}
	fi
	head=${head//[\"\'\\]/}

	found=$(@LIBEXECDIR@/certstore/complete "${words[@]//[\"\'\\]/}")
	case $found in
	*$'\tdirectory\t'*) compopt -o dirnames ;;
	*$'\tfile\t'*) compopt -o default ;;
	esac
	mapfile -t COMPREPLY < <(sed $'s/\t.*//; /^$/d' <<<"$found")
	COMPREPLY=("${COMPREPLY[@]#"$head"}")
	[[ $quotes ]] || COMPREPLY=("${COMPREPLY[@]//\*/\\*}")
	[[ ${COMPREPLY[0]-} != *[=:/] ]] || compopt -o nospace
}

complete -F _certstore @COMMANDS@
