#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An editor that writes a line into `web`, while somebody else changes `db`.
mullion set db hlt=count
sed -i '/^vm web /a rdtsc count' "$1"
