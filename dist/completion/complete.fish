# Completion of the commands of certstore for fish; see complete.sh.  Each
# command has a link to this file, by whose name it is completed.

function __certstore_complete
    set -l current (commandline -ct | string replace -ra '["\'\\\\]' '')
    set -l found (@LIBEXECDIR@/certstore/complete (commandline -opc) "$current")
    string match -rv '^\t' -- $found
    string match -r '^\t.*' -- $found | while read -d \t none what before
        set -l start (string replace -- "$before" '' "$current")
        switch $what
            case file
                __fish_complete_path "$start"
            case directory
                __fish_complete_directories "$start" ''
        end | string replace -r -- ^ "$before"
    end
end

complete -c (basename (status filename) .fish) -f -a '(__certstore_complete)'
