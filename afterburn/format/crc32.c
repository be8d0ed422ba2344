/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 with the reflected polynomial EDB88320h (ISO 3309, ITU-T V.42), eight bits by a table. For
 * the tool, which writes it, and the wedges. */
#include "format.h"

uint32_t crc32_add(uint32_t crc, const uint8_t *bytes, uint64_t size)
{
    static uint32_t table[256];
    if (table[1] == 0)
        for (uint32_t i = 0; i < 256; i++) {
            table[i] = i;
            for (int bit = 0; bit < 8; bit++)
                table[i] = table[i] >> 1 ^ (0xedb88320u & -(table[i] & 1));
        }
    crc = ~crc;
    for (uint64_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xff];
    return ~crc;
}
