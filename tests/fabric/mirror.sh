#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mirror SERVER SERVER: md RAID-1 over the export "leg" of both; a server that was lost joins again by itself.
md=/sys/block/md0/md

connected() { grep -qs . "/sys/block/nbd$1/pid" && ! grep -q '^0$' "/sys/block/nbd$1/size"; }

connect() { # SERVER NUMBER: a request that waits for 5 s is an error
    nbd-client -L -N leg -timeout 5 "$1" "/dev/nbd$2" || return 1
    for try in 1 2 3 4 5; do # by then the program has told the kernel
        connected "$2" && return
        sleep 1
    done
    return 1
}

# A connection that broke is an error for the next request, and then the mirror calls this half faulty.
works() { connected "$1" && ! grep -qs faulty "$md/dev-nbd$1/state"; }

# Whatever answers there next may be another, empty one: the mirror forgets this half first.
leave() {
    while [ -e "$md/dev-nbd$1" ]; do
        echo remove >"$md/dev-nbd$1/state"
        sleep 1
    done
}

keep() {
    while :; do
        while works "$2"; do sleep 1; done
        leave "$2"
        connect "$1" "$2" && mdadm /dev/md0 --add "/dev/nbd$2"
        sleep 1
    done
}

until connect "$1" 0; do sleep 1; done
until connect "$2" 1; do sleep 1; done
# Both are empty, thus equal.
mdadm --create /dev/md0 --run --level=1 --raid-devices=2 --bitmap=none --assume-clean \
    /dev/nbd0 /dev/nbd1 || exit 1
keep "$1" 0 &
keep "$2" 1 &
wait
