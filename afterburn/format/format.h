/* SPDX-License-Identifier: Apache-2.0 */
/* What the command and the wedges do alike with the format of packs (mullion/afterburn.h). */
#pragma once

#include "mullion/afterburn.h"

extern const char *const kind_names[AFTERBURN_KINDS]; /* kinds.c */

/* Of the pack's checksum: CRC-32 of bytes, after others that gave CRC (at first 0). crc32.c */
uint32_t crc32_add(uint32_t crc, const uint8_t *bytes, uint64_t size);
