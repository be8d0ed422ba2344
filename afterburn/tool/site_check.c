/* SPDX-License-Identifier: Apache-2.0 */
/* Are a recorded site's bytes what its record says? */
#include "site_check.h"

#include "decode.h"

static bool are_nops(const struct site *site, const uint8_t *bytes, size_t from, size_t end)
{
    while (from < end) {
        struct instruction found =
            decode(site->mode, bytes + from, end - from, site->address + from);
        if (!found.nop)
            return false;
        from += found.length;
    }
    return true;
}

const char *site_wrong(const struct site *site)
{
    const uint8_t *bytes = site_bytes(site);
    if (bytes == NULL)
        return "the file has no bytes there";
    struct instruction found =
        decode(site->mode, bytes + site->before, site->length, site->address + site->before);
    bool is_int3 = site->kind == AFTERBURN_INT && bytes[site->before] == 0xcc; /* of `int $3` */
    if (!found.known || (found.kind != site->kind && !is_int3) || found.length != site->length)
        return "another instruction is there";
    if (!are_nops(site, bytes, 0, site->before) ||
        !are_nops(site, bytes, (size_t)(site->before + site->length), site->size))
        return "its padding is not NOPs";
    return NULL;
}
