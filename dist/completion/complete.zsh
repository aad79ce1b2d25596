#compdef @COMMANDS@
# Completion of the commands of certstore for zsh; see complete.sh.

local -a found options open closed
local file
integer ret=1

found=(${(f)"$(@LIBEXECDIR@/certstore/complete \
    "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}")"})
options=(${${(M)found:#?*$'\t'*}/$'\t'/:})
closed=(${found:#*$'\t'*})
open=(${(M)closed:#*[=:/]})
closed=(${closed:#*[=:/]})

(($#options)) && _describe -o option options && return
compadd -a closed && ret=0
compadd -S '' -a open && ret=0
for file in ${(M)found:#$'\t'*}; do
	compset -P "${(b)file##*$'\t'}"
	case $file in
	*directory*) _files -/ && ret=0 ;;
	*) _files && ret=0 ;;
	esac
done
return ret
