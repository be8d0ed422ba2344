/* SPDX-License-Identifier: Apache-2.0 */
/* The recorded sites of a prepared ELF file. */
#pragma once

#include "image.h"
#include "mullion/afterburn.h"

enum mode { MODE_64, MODE_32, MODE_16, MODES };

struct site {
    uint64_t
        address; /* its first byte, padding included; in object files an offset in its section */
    const struct section *section; /* NULL: none holds it */
    uint8_t size, before, length, kind;
    enum mode mode;
    uint8_t flags, reason; /* exclude.c */
};

struct sites {
    struct site *list; /* by section, then address */
    size_t count;
    size_t discarded; /* records of code that the linker left out */
};

/* Reads the records, or ends the command with what is wrong. */
void sites_read(const struct image *image, struct sites *sites);
/* The site's bytes; NULL: the file does not have them. */
const uint8_t *site_bytes(const struct site *site);

extern const char *const reason_names[AFTERBURN_REASONS];
extern const char *const mode_names[MODES];
