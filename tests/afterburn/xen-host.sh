#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# PID 1 of dom0: starts Xen's daemons, then the guests of /guest one after another, each until it
# ends. A guest's console is shown here as xenconsoled gets it.
export PATH=/bin:/sbin LD_LIBRARY_PATH=/lib/xen
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
while read -r module; do
    insmod "/modules/$module" || echo "XENHOST-FAIL insmod $module"
done </modules/order
mount -t xenfs xenfs /proc/xen
mkdir -p /run/xen /run/lock /run/xenstored /var/lib/xen /var/lib/xenstored /var/log/xen/console
ln -sfn /run /var/run
ln -sfn /run/lock /var/lock

xenstored --pid-file /run/xenstored.pid || echo "XENHOST-FAIL xenstored $?"
xen-init-dom0 || echo "XENHOST-FAIL xen-init-dom0 $?"
xenconsoled -i -v --log=guest --log-dir=/var/log/xen/console >/tmp/cons 2>&1 & false ||
    echo "XENHOST-FAIL xenconsoled $?"
echo "XENHOST dom0 $(uname -r) free $(xl info free_memory) MiB"
xl info | grep -E 'xen_version|virt_caps|nr_cpus|hw_caps'

for guest in /guest/*; do
    name=${guest##*/}
    echo "XENHOST start $name"
    log=/var/log/xen/console/guest-$name.log
    : >"$log"
    tail -f "$log" &
    shown=$!
    if xl create "$guest/xl.cfg"; then
        while xenstore ls >/tmp/xs 2>/dev/null; xl domid "$name" >/dev/null 2>&1; do sleep 0.2; done
    else
        echo "XENHOST-FAIL create $name"
        cat /var/log/xen/xl-"$name".log
        xl dmesg | tail -n 20
    fi
    sleep 0.5
    kill "$shown"; ps; cat /tmp/cons; xl dmesg | tail -3;  ls -la /var/log/xen /var/log/xen/console; cat "$log"
    echo "XENHOST end $name"
done
poweroff -f
