#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Which host programs are missing for: build, run, disk, check, vmx, small, afterburn? Names the packages, installs when asked.
set -eu

# set   kind     what is looked for   Debian package that has it
needs='
build   program  gcc                  gcc
build   program  make                 make
build   program  ld                   binutils
build   program  objcopy              binutils
build   program  iasl                 acpica-tools
build   archive  libc.a               libc6-dev
build   header   curses.h             libncurses-dev
build   archive  libncurses.a         libncurses-dev
build   archive  libtinfo.a           libncurses-dev
build   program  /usr/bin/python3     python3
run     program  /usr/bin/python3     python3
run     program  apt-get              apt
run     program  setpriv              util-linux
run     file     /usr/share/keyrings/debian-archive-keyring.gpg  debian-archive-keyring
run     file     /etc/ssl/certs/ca-certificates.crt              ca-certificates
disk    program  mmdebstrap           mmdebstrap
disk    program  newuidmap            uidmap
disk    file     /sbin/mke2fs         e2fsprogs
disk    file     /sbin/debugfs        e2fsprogs
check   program  clang                clang
check   runtime  libclang_rt.fuzzer-x86_64.a  libclang-rt-dev
check   program  grub-mkrescue        grub-common
check   file     /usr/lib/grub/i386-pc/moddep.lst     grub-pc-bin
check   file     /usr/lib/grub/x86_64-efi/moddep.lst  grub-efi-amd64-bin
check   file     /usr/share/OVMF/OVMF_CODE_4M.fd      ovmf
check   program  xorriso              xorriso
check   program  mformat              mtools
check   file     /sbin/mke2fs         e2fsprogs
check   program  clang-format         clang-format
check   header   cmocka.h             libcmocka-dev
check   archive  libcmocka.so         libcmocka-dev
check   archive  libasan.so           gcc
check   module   pytest               python3-pytest
check   module   pexpect              python3-pexpect
vmx     program  g++                  g++
vmx     program  make                 make
vmx     program  xz                   xz-utils
vmx     program  strip                binutils
vmx     header   curses.h             libncurses-dev
vmx     archive  libncurses.so        libncurses-dev
vmx     program  grub-mkrescue        grub-common
vmx     file     /usr/lib/grub/i386-pc/moddep.lst     grub-pc-bin
vmx     program  xorriso              xorriso
small   program  flex                 flex
small   program  bison                bison
small   program  bc                   bc
small   program  lz4                  lz4
small   header   libelf.h             libelf-dev
vmx     module   pytest               python3-pytest
afterburn  program  gcc               gcc
afterburn  program  make              make
afterburn  program  as                binutils
afterburn  program  flex              flex
afterburn  program  bison             bison
afterburn  program  bc                bc
afterburn  program  perl              perl
afterburn  program  xz                xz-utils
afterburn  header   gelf.h            libelf-dev
afterburn  archive  libelf.so         libelf-dev
afterburn  header   capstone/capstone.h  libcapstone-dev
afterburn  archive  libcapstone.so    libcapstone-dev
afterburn  module   pytest            python3-pytest
'

usage() {
    echo "usage: tools/deps.sh SET...   with SET one of: build run disk check vmx small afterburn" >&2
    exit 2
}

# present KIND WHAT: by presence of the thing itself, whoever put it there
present() {
    case $1 in
    program) command -v "$2" >/dev/null ;;
    file) [ -e "$2" ] ;;
    archive) [ "$(gcc -print-file-name="$2" 2>/dev/null)" != "$2" ] && command -v gcc >/dev/null ;;
    runtime) [ -e "$(clang -print-runtime-dir 2>/dev/null)/$2" ] ;;
    header) echo "#include <$2>" | gcc -include stdarg.h -include stddef.h -include stdint.h \
        -include setjmp.h -E - >/dev/null 2>&1 ;;
    module) /usr/bin/python3 -c "import $2" >/dev/null 2>&1 ;;
    esac
}

# lists_fresh: the package lists exist and are younger than a week
lists_fresh() {
    [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -mtime -7 2>/dev/null)" ]
}

install_missing() {
    if ! lists_fresh; then
        echo "deps: apt-get update (the package lists are missing or older than a week)"
        apt-get update -q
    fi
    # shellcheck disable=SC2086  # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
}

[ $# -gt 0 ] || usage
sets=' '
for set in "$@"; do
    case $set in build | run | disk | check | vmx | small | afterburn) sets="$sets$set " ;; *) usage ;; esac
done

missing=
while read -r set kind what package; do
    case $sets in *" $set "*) ;; *) continue ;; esac
    case " $missing " in *" $package "*) continue ;; esac
    present "$kind" "$what" || missing="${missing:+$missing }$package"
done <<END
$(echo "$needs" | sed '/^$/d')
END
[ -n "$missing" ] || exit 0

echo "deps: missing for${sets% }: $missing"
command="apt-get install -y --no-install-recommends $missing"
if [ "$(id -u)" -ne 0 ]; then
    echo "deps: install them with: sudo $command" >&2
    exit 1
fi
if [ -t 0 ] && [ -t 1 ]; then
    printf 'deps: run "%s"? [y/N] ' "$command"
    read -r answer
    case $answer in y | Y | yes) ;; *)
        echo "deps: nothing was installed; to do it yourself: $command" >&2
        exit 1
        ;;
    esac
else
    echo "deps: no terminal to ask at, so this installs them: $command"
fi
install_missing
