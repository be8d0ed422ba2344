#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The service VM of the bench of changes: applies one file after the other, each when the one before is
# in force on all cores. Takes the place of the initramfs's own script.
export PATH=/bin:/sbin
while read -r module; do insmod "/lib/modules/$module"; done </etc/modules
ask() { socat -t 10 - VSOCK-CONNECT:2:77,bind=:1000; }
settled() { echo settle | ask | tee /tmp/settle | awk '/^settle/ && $5 == $7 { ok = 1 } END { exit !ok }'; }
apply() {
    { echo "apply $(wc -c <"/etc/$1")"; cat "/etc/$1"; } | ask >/tmp/answer
    until settled; do :; done
    echo "CHANGE $1 $(sed -n 's/^settle //p' /tmp/settle)" >/dev/console
    sleep 1
}
apply quiet # nothing changes: the first request finds code that has never run
for turn in 1 2; do
    apply rdtsc
    apply quiet
    apply traced
    apply quiet
done
echo "MULLION-BENCH done" >/dev/console
cat /tmp/answer >/dev/console
poweroff -f
