/* SPDX-License-Identifier: Apache-2.0 */
/* The PVH boot protocol: an ELF kernel with an entry note (Xen's x86/HVM direct boot ABI). */
#pragma once

#include "x86/boot/guest.h"

/* Is it an ELF file at all (which then may still be unusable)? */
bool pvh_image_is(const struct boot_module *kernel);

/* Check KERNEL; NULL and the bytes of memory that it loads, or what is wrong. */
const char *pvh_check(const struct boot_module *kernel, uint64_t *size);

/* Load an ELF kernel and what belongs to it. NULL and START filled, or what is wrong. */
const char *pvh_load(const struct boot_request *request, struct guest_start *start);
