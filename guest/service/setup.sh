#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in the new system, once its packages and files/ are there: keys, shares, and what is left out.
set -eu

update-initramfs -u -k all

mkdir -p /srv/share /srv/nbd /var/lib/mullion
truncate -s 64M /srv/nbd/disk.img
chown nbd:nbd /srv/nbd/disk.img

# The command comes with each run, on a disk of its own; see files/etc/fstab.
link() {
    mkdir -p "$(dirname "$2")"
    ln -s "/var/lib/mullion/$1" "$2"
}
link sbin/mullion /usr/local/sbin/mullion
link completion/mullion /usr/local/share/bash-completion/completions/mullion
link man/mullion.1 /usr/local/share/man/man1/mullion.1
link man/mullion.conf.5 /usr/local/share/man/man5/mullion.conf.5

mkdir -p -m 700 /root/.ssh
ssh-keygen -q -t ed25519 -N '' -C root@host -f /root/.ssh/id_ed25519
cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
touch /root/.hushlogin
# The console is a serial line: no codes around each line that is typed.
echo 'set enable-bracketed-paste off' >/root/.inputrc
echo '. /usr/share/bash-completion/bash_completion' >>/root/.bashrc

systemctl -q enable systemd-networkd systemd-resolved ssh nfs-server
systemctl -q disable nbd-server 2>/dev/null
# Nothing here runs for days, nor changes its packages by itself.
systemctl -q mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer man-db.timer nfs-blkmap.service
ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
: >/etc/machine-id
rm -rf /var/cache/man /var/log/*.log /var/log/apt
