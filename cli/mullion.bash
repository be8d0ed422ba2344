# SPDX-License-Identifier: Apache-2.0
# Completion of `mullion` for bash: source it, or copy it to
# /usr/share/bash-completion/completions/mullion. Commands and options are taken from its help.

_mullion() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]}
    local usage line words=
    COMPREPLY=()
    usage=$("$program" help 2>/dev/null | sed -n '/^$/q; s/.*mullion //p')
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="$(echo "$usage" | sed 's/ .*//') --help --version"
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        return 0
    fi
    line=$(echo "$usage" | grep -E "^${COMP_WORDS[1]}( |$)")
    case $before in
    --cpus | --memory | --nodes | --timeout | --as) return 0 ;;
    --image) line=FILE ;;
    --root)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return 0
        ;;
    esac
    if [[ $word == -* ]]; then
        words=$(echo "$line" | grep -oE -- '--[a-z]+')
    elif [[ $line == *[[\ ]VM* ]]; then
        words=$("$program" list 2>/dev/null | sed '1d; s/ .*//')
    elif [[ $line == *FILE* ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return 0
    elif [[ $line == forget* ]]; then
        words=$("$program" machine 2>/dev/null | sed -n '/^MODULE/,/^$/s/^\([^ ]*\) .* yes$/\1/p')
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o filenames -F _mullion mullion
