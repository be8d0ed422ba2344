# Who waits for this system on its console (tools/run.py) named it on the kernel's command line.
# This is then its report, as the light initial RAM disk's init gives it.
if [ "$(tty)" = /dev/ttyS0 ]; then
    (
        name= nonce=
        for word in $(cat /proc/cmdline); do
            case $word in
            mullion.name=*) name=${word#*=} ;;
            mullion.nonce=*) nonce=${word#*=} ;;
            esac
        done
        [ -z "$nonce" ] || printf 'MULLION-REPORT name=%s nonce=%s kernel=%s cpus=%s memtotal_kb=%s numa_nodes=%s\n' \
            "$name" "$nonce" "$(uname -r)" "$(nproc)" "$(sed -n 's/MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)" \
            "$(ls -d /sys/devices/system/node/node[0-9]* 2>/dev/null | wc -l)"
        [ ! -x /usr/local/sbin/mullion ] || timeout 10 mullion list 2>/dev/null
    )
fi
