#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a tar archive (standard input) into an ext4 file system (standard output). Needs root, or a namespace
# in which it is root: files keep their owners. Nothing is mounted.
set -eu
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
mkdir "$room/root"
# The kernel makes the devices; a namespace may not.
tar -x -C "$room/root" --numeric-owner --exclude './dev/?*'
PATH=$PATH:/sbin:/usr/sbin
mke2fs -q -t ext4 -L mullion-root -d "$room/root" "$room/disk" "$1" >&2
cat "$room/disk"
