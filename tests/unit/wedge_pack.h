/* SPDX-License-Identifier: Apache-2.0 */
/* A small pack in a small machine: its RAM is mapped where the wedge would see it. */
#pragma once

#define _DEFAULT_SOURCE /* mmap at a fixed address */
#include "unit.h"

#include <sys/mman.h>

#include "../../afterburn/wedge/boot.h"

#define RAM       0x20000000ull
#define RAM_SIZE  0x00400000ull
#define WEDGE     (RAM + 0x100000)
#define WEDGE_END (RAM + 0x110000)
#define TEXT      (RAM + 0x200000)
#define TEXT_SIZE 0x3000u /* and as much again to be cleared */
#define DATA      (RAM + 0x280000)
#define DATA_SIZE 0x2000u

struct whole {
    struct afterburn_pack pack;
    struct afterburn_segment segments[2];
    struct afterburn_site sites[3];
    struct afterburn_symbol symbols[2];
    char cmdline[8];
    uint8_t text[TEXT_SIZE];
    uint8_t data[DATA_SIZE];
    uint8_t initrd[5000];
};

#define WHOLE_RANGE(field)                                                                         \
    {                                                                                              \
        offsetof(struct whole, field), sizeof(((struct whole *)NULL)->field)                       \
    }

static inline void pack_seal(struct whole *whole)
{
    whole->pack.checksum = pack_checksum(&whole->pack);
}

static inline void pack_fill(struct whole *whole)
{
    memset(whole, 0, sizeof(*whole));
    whole->pack = (struct afterburn_pack){.magic = {'A', 'F', 'T', 'R', 'B', 'U', 'R', 'N'},
                                          .version = AFTERBURN_VERSION,
                                          .header_size = sizeof(whole->pack),
                                          .size = sizeof(*whole),
                                          .entry = TEXT + 16,
                                          .text_area = TEXT + 0x1000,
                                          .text_area_size = 0x1000,
                                          .data_area = DATA,
                                          .data_area_size = DATA_SIZE,
                                          .ex_table = TEXT + 0x2000,
                                          .ex_table_size = 24,
                                          .segments = WHOLE_RANGE(segments),
                                          .sites = WHOLE_RANGE(sites),
                                          .symbols = WHOLE_RANGE(symbols),
                                          .initrd = WHOLE_RANGE(initrd),
                                          .cmdline = {offsetof(struct whole, cmdline), 5},
                                          .name = "guest"};
    whole->segments[0] =
        (struct afterburn_segment){TEXT, offsetof(struct whole, text), TEXT_SIZE, 2 * TEXT_SIZE};
    whole->segments[1] =
        (struct afterburn_segment){DATA, offsetof(struct whole, data), DATA_SIZE, DATA_SIZE};
    whole->sites[0] = (struct afterburn_site){.physical = TEXT + 32, .size = 5, .length = 1};
    whole->sites[1] = (struct afterburn_site){.physical = 7, .flags = AFTERBURN_EXCLUDED};
    whole->sites[2] = (struct afterburn_site){.physical = TEXT + 37, .size = 6, .length = 2};
    whole->symbols[0] = (struct afterburn_symbol){
        .id = AFTERBURN_MODULE_FINALIZE, .value = TEXT + 64, .skip = 9, .prologue = 5};
    whole->symbols[1] = (struct afterburn_symbol){.id = AFTERBURN_CPU_NUMBER, .value = 0x18};
    memcpy(whole->cmdline, "quiet", 5);
    for (unsigned i = 0; i < TEXT_SIZE; i++)
        whole->text[i] = (uint8_t)(i * 7 + i / 256);
    for (unsigned i = 0; i < sizeof(whole->initrd); i++)
        whole->initrd[i] = (uint8_t)(i * 13 + i / 128);
    memset(whole->data, 0xda, DATA_SIZE);
    pack_seal(whole);
}

static inline void expect_words(const char *error, const char *words)
{
    if (error == NULL || strstr(error, words) == NULL)
        fail_msg("expected \"%s\" in: %s", words, error != NULL ? error : "success");
}
