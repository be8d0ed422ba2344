/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion grub-entry`: a menu entry for GRUB 2 that starts Mullion with a configuration. */
#pragma once

/*
 * Print the entry for the monitor's image IMAGE and the configuration at PATH, with all files that
 * it names. Nothing is changed on the machine. Returns a STATUS_.
 */
int grub_entry_print(const char *image, const char *path);
