# SPDX-License-Identifier: Apache-2.0
# Completion of `mullion` for bash: source it, or copy it to
# /usr/share/bash-completion/completions/mullion. Commands and options are taken from its help.

_mullion() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]}
    local usage line words= policies="pass count log stop deny"
    local events="hlt pause monitor mwait rdtsc rdtscp rdpmc invlpg wbinvd cr0 cr3 cr4 dr"
    events="$events descriptor-tables xsetbv invd cpuid software-interrupts unlisted"
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
    --image | --file | --saved) line=FILE ;;
    --like) line=VM ;;
    --profile)
        words=$(sed -n 's/^[ \t]*profile[ \t][ \t]*\([a-z0-9_-]*\)[ \t]*{.*/\1/p' \
            "${MULLION_ROOT:-}/boot/mullion/mullion.conf" 2>/dev/null)
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        return 0
        ;;
    --root)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return 0
        ;;
    esac
    if [[ " ${COMP_WORDS[*]:COMP_CWORD > 2 ? COMP_CWORD - 2 : 0} " == *" unlisted "* ]]; then
        policies="deny audit"
    fi
    # Which word is the VM of `set`, if it is there already.
    local vm=0 at
    for ((at = 2; at < COMP_CWORD && vm == 0; at++)); do
        case ${COMP_WORDS[at]} in
        --timeout | --saved) at=$((at + 1)) ;;
        -*) ;;
        *) vm=$at ;;
        esac
    done
    # What bash takes for three words, KEY, = and VALUE, stands behind the VM.
    if [[ $line == set* && ($word == = || $before == =) ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$policies" -- "${word#=}")
        return 0
    elif [[ $line == set* && $word != -* && $vm -gt 0 ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$events pause-filter tsc-offset" -S = -- "$word")
        compopt -o nospace 2>/dev/null
        return 0
    fi
    if [[ $word == -* ]]; then
        words=$(echo "$line" | grep -oE -- '--[a-z]+')
    elif [[ $line == *[[\ ]VM* && $line != create* || $line == VM ]]; then
        words=$("$program" list 2>/dev/null | sed -n '1d; /^\*/q; /: /q; s/ .*//p')
    elif [[ $line == *FILE* && ${line%% *} != @(list|set|edit) ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return 0
    elif [[ $line == forget* ]]; then
        words=$("$program" machine 2>/dev/null | sed -n '/^MODULE/,/^$/s/^\([^ ]*\) .* yes$/\1/p')
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o filenames -F _mullion mullion
