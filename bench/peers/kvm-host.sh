#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# PID 1 of the KVM host: loads kvm-amd, runs the guests with each vCPU on a core of its own. Where
# there is more than one they are on a bridge.
export PATH=/bin:/sbin LD_LIBRARY_PATH=/lib/vmm
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
while read -r module; do
    insmod "/modules/$module" || echo "PEER-FAIL insmod $module"
done </modules/order
echo "PEER host $(uname -r) npt $(cat /sys/module/kvm_amd/parameters/npt)"
cpus=$(cat /guest/cpus)

# A port of the bridge for guest $1, and QEMU's words for it.
network() {
    [ -e /sys/class/net/br0 ] || { brctl addbr br0 && ip link set br0 up; }
    tunctl -t "tap$1" >/dev/null && brctl addif br0 "tap$1" && ip link set "tap$1" up ||
        echo "PEER-FAIL tap$1"
    words="$words -netdev tap,id=net,ifname=tap$1,script=no,downscript=no,vhost=on"
    words="$words -device virtio-net-pci,netdev=net,disable-legacy=on,romfile=,mac=02:00:00:00:00:0$1"
}

# The first guest's console is ours; what another one said is shown at the end.
guest() {
    words="-serial file:/tmp/console$1"
    [ "$1" -gt 0 ] || words=$(cat /guest/console)
    [ ! -e /guest/1 ] || network "$1"
    # shellcheck disable=SC2086
    /bin/qemu-system-x86_64 -L /share -name "guest$1,debug-threads=on" -accel kvm -cpu host \
        -machine "$(cat /guest/machine)" -smp "$cpus" -m "$(cat /guest/memory)M" \
        -no-user-config -nodefaults -display none -no-reboot $words \
        -kernel /guest/vmlinuz -initrd /guest/initrd.img -append "$(cat "/guest/$1/cmdline")" \
        </dev/null &
    eval "vmm$1=$!"
}

# The vCPU's threads are there once the VMM runs; each has its number in its name.
pin() {
    for task in /proc/$2/task/*; do
        name=$(cat "$task/comm")
        case $name in
        "CPU "*/KVM)
            cpu=${name#CPU }
            cpu=$(($1 * cpus + ${cpu%/KVM}))
            taskset -p -c "$cpu" "${task##*/}" >/dev/null && echo "PEER pinned guest$1 $name to $cpu"
            ;;
        esac
    done
}

guest 0
[ ! -e /guest/1 ] || guest 1
sleep 1
# shellcheck disable=SC2154 # set by guest
pin 0 "$vmm0"
# shellcheck disable=SC2154
[ ! -e /guest/1 ] || pin 1 "$vmm1"
wait "$vmm0"
echo "PEER vmm ended with status $?"
[ ! -e /guest/1 ] || { cat /tmp/console1; wait "$vmm1"; }
poweroff -f
