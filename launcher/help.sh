# Sourced by ../run: help before anything is installed. It shows texts and makes nothing; launcher/commands.py does the rest.

# help_is_asked WORDS…: whether these words ask for help, or say nothing at all.
help_is_asked() {
    [ $# -gt 0 ] && [ "$1" != help ] || return 0
    local word
    for word in "$@"; do
        case "$word" in -h | '-?' | --[Hh][Ee][Ll][Pp]) return 0 ;; esac
    done
    return 1
}

# show_help FOLDER WORDS…: the text about the command that the words name, and all of them where they name none.
show_help() {
    local texts="$1/launcher/help" suites="$1/suites" name="" word near
    shift
    for word in "$@"; do
        case "$word" in
            help) ;;
            -*) break ;;
            *) name="$word"; break ;;
        esac
    done
    if [ -z "$name" ]; then
        cat "$texts/run.txt"
        [ $# -gt 0 ] || return 2
    elif [ -f "$texts/$name.txt" ]; then
        cat "$texts/$name.txt"
    elif [ -f "$texts/options/$name.txt" ]; then
        cat "$texts/options/$name.txt"
    elif [ -e "$suites/$name" ] || [ -e "$name" ]; then
        cat "$texts/area.txt"
    else
        while read -r word near _; do
            [ "$word" = ./run ] && [ "${near:0:3}" = "${name:0:3}" ] && break || near=""
        done <"$texts/run.txt"
        printf 'There is no command, area or suite %s.%s More: ./run --help\n' "$name" "${near:+ Did you mean '$near'?}" >&2
        return 2
    fi
}
