# SPDX-License-Identifier: Apache-2.0
# The host side of Mullion: fetches the parts, starts the machine, reads what it says.
