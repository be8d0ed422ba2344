#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# PID 1 of the KVM host: loads kvm-amd, runs one guest with each vCPU on a core of its own.
export PATH=/bin:/sbin LD_LIBRARY_PATH=/lib/vmm
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
for module in irqbypass kvm kvm-amd; do
    insmod "/modules/$module.ko" || echo "PEER-FAIL insmod $module"
done
echo "PEER host $(uname -r) npt $(cat /sys/module/kvm_amd/parameters/npt)"

/bin/qemu-system-x86_64 -L /share -name guest,debug-threads=on -accel kvm -cpu host \
    -machine microvm,pit=off,pic=off,rtc=off -smp "$(cat /guest/cpus)" -m "$(cat /guest/memory)M" \
    -no-user-config -nodefaults -display none -no-reboot -serial stdio \
    -kernel /guest/vmlinuz -initrd /guest/initrd.img -append "$(cat /guest/cmdline)" </dev/null &
vmm=$!

# The vCPU's threads are there once the VMM runs; each has its number in its name.
sleep 1
for task in /proc/$vmm/task/*; do
    name=$(cat "$task/comm")
    case $name in
    "CPU "*/KVM)
        cpu=${name#CPU }
        taskset -p -c "${cpu%/KVM}" "${task##*/}" >/dev/null && echo "PEER pinned $name"
        ;;
    esac
done
wait $vmm
echo "PEER vmm ended with status $?"
poweroff -f
