#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# PID 1 of dom0: starts Xen's daemons, then the guest, and ends with it. The guest's console is shown
# here as xenconsoled gets it.
export PATH=/bin LD_LIBRARY_PATH=/lib/xen
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run
while read -r module; do
    insmod "/modules/$module" || echo "XENHOST failed: insmod $module"
done </modules/order
mount -t xenfs xenfs /proc/xen
logs=/var/log/xen/console
mkdir -p /run/xen /run/lock /run/xenstored /var/lib/xen /var/lib/xenstored $logs
ln -sfn /run /var/run
ln -sfn /run/lock /var/lock

xenstored --pid-file /run/xenstored.pid || echo "XENHOST failed: xenstored"
xen-init-dom0 || echo "XENHOST failed: xen-init-dom0"
xenconsoled --pid-file=/run/xenconsoled.pid --log=guest --log-dir=$logs ||
    echo "XENHOST failed: xenconsoled"
xl info | grep -E '^(release|xen_version|virt_caps|nr_cpus|free_memory)'

log=$logs/guest-$(cat /guest/name).log
: >"$log"
tail -f "$log" &
echo "XENHOST start"
xl create -F /guest/xl.cfg || {
    echo "XENHOST failed: xl create"
    xl dmesg | tail -n 20
}
sleep 2 # its last lines
echo "XENHOST end"
poweroff -f
