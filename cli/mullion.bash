# SPDX-License-Identifier: Apache-2.0
# Completion of `mullion` for bash: source it, or copy it to
# /usr/share/bash-completion/completions/mullion. Commands and options are taken from its help.

_mullion() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]}
    local usage line words=
    local events="hlt pause monitor mwait rdtsc rdtscp rdpmc invlpg wbinvd cr0 cr3 cr4 dr"
    events="$events descriptor-tables xsetbv invd cpuid software-interrupts"
    COMPREPLY=()
    usage=$("$program" help 2>/dev/null | sed -n '/^$/q; s/.*mullion //p')
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="$(echo "$usage" | sed 's/ .*//') --help --version"
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        return 0
    fi
    line=$(echo "$usage" | grep -E "^${COMP_WORDS[1]}( |$)")
    case $before in
    --cpus | --memory | --nodes | --timeout | --seconds | --as) return 0 ;;
    --event)
        mapfile -t COMPREPLY < <(compgen -W "$events exception port msr" -- "$word")
        return 0
        ;;
    --image) line=FILE ;;
    --root)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return 0
        ;;
    esac
    # What bash takes for three words, KEY, = and VALUE, stands behind the VM.
    if [[ $line == set* && ($word == = || $before == =) ]]; then
        mapfile -t COMPREPLY < <(compgen -W "pass count log deny" -- "${word#=}")
        return 0
    elif [[ $line == set* && $word != -* && $COMP_CWORD -gt 2 && $before != --* ]] &&
        [[ $COMP_CWORD -ne 4 || ${COMP_WORDS[2]} != --timeout ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$events pause-filter tsc-offset" -S = -- "$word")
        compopt -o nospace 2>/dev/null
        return 0
    fi
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
