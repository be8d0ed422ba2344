# SPDX-License-Identifier: Apache-2.0
# cores.sh ROUNDS ATTEMPTS ADDRESS: so many times takes CPUs 1 and 2 from the VM web, and gives them back.
# In the first ATTEMPTS rounds it tries to use them meanwhile. One session writes to the VM's /sys, and
# says what has become of it.
set -eu
folder=$(mktemp -d)
mkfifo "$folder/in"
ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "root@$3" \
    'while read -r round state; do
         for cpu in 1 2; do echo "$state" >/sys/devices/system/cpu/cpu$cpu/online; done
         echo "$round $state $(cat /sys/devices/system/cpu/online)"
     done' <"$folder/in" >"$folder/out" &
exec 3>"$folder/in"

# switch ROUND STATE ONLINE: waits until it is done; ONLINE is what the VM has then.
switch() {
    echo "$1 $2" >&3
    until grep -q "^$1 $2 " "$folder/out"; do sleep 0.02; done
    grep -qx "$1 $2 $3" "$folder/out"
}

for round in $(seq "$1"); do
    switch "$round" 0 0
    mullion set web cpus=1
    [ "$round" -gt "$2" ] || switch "attempt-$round" 1 0
    mullion set web cpus=3
    switch "$round" 1 0-2
done
exec 3>&-
wait
