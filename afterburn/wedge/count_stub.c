/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stub that counts:  pushfq
 *                      lock incl counter(%rip)
 *                      popfq
 *   copy:              the instruction, and a jump behind the site
 */
#include "stub.h"

#define PUSHFQ 0x9cu
#define POPFQ  0x9du
#define INCL   0x05fff0u /* lock incl disp32(%rip) */

RESIDENT struct stub count_make(const struct stub_place *place, uint8_t *at, const uint8_t *site,
                                const struct afterburn_site *what, uint32_t *number)
{
    struct wedge_data *data = place->data;
    bool asks = what->kind == AFTERBURN_OUT || what->kind == AFTERBURN_HLT;
    *number = data->counter_count;
    if (*number >= data->counter_room || (asks && *number >= SITE_NUMBERS))
        return (struct stub){0};
    struct wedge_counter *counter = &data->counters[data->counter_count++];
    counter->count = 0;
    counter->site = (uint32_t)(uintptr_t)site;
    counter->kind = what->kind;
    if (asks)
        return (struct stub){.entry = at};
    struct stub stub = {.entry = at};
    *at++ = PUSHFQ;
    at = stub_put_relative(at, INCL, 3, &counter->count);
    *at++ = POPFQ;
    stub.copy = at;
    at = stub_put_end(at, site, what->length, site + what->size);
    data->stub_next = (uint32_t)(at - place->text);
    return stub;
}
