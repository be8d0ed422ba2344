/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stub maker. A stub that asks:      One that only counts:
 *   head:  jmp behind the site             entry: pushfq
 *   entry: push $word                             lock incl counter(%rip)
 *          call wedge_common                      popfq
 *   copy:  the instruction                 copy:  the instruction
 *          jmp behind the site                    jmp behind the site
 * A hook of a function has `ret` as its head, and the function's first instructions as its copy.
 */
#include "stub.h"

#define STUB_HEAD 5u /* bytes */
#define STUB_MOST (STUB_HEAD + 5 + 5 + 5)
#define REACH     0x7ffff000u

#define JMP  0xe9u
#define CALL 0xe8u
#define PUSH 0x68u
#define RET  0xc3u
#define INT3 0xccu

/* Byte by byte: the compiler must not make a call of memcpy() of it. */
static RESIDENT uint8_t *put(uint8_t *at, uint32_t value, unsigned size)
{
    for (; size != 0; size--, value >>= 8)
        *at++ = (uint8_t)value;
    return at;
}

/* An opcode of SIZE bytes whose operand, a distance from its end, leads to TO. */
static RESIDENT uint8_t *put_relative(uint8_t *at, uint32_t opcode, unsigned size, const void *to)
{
    at = put(at, opcode, size);
    return put(at, (uint32_t)((uintptr_t)to - ((uintptr_t)at + 4)), 4);
}

static RESIDENT uint8_t *put_copy(uint8_t *at, const uint8_t *from, unsigned length)
{
    while (length-- != 0)
        *at++ = *(const volatile uint8_t *)from++;
    return at;
}

RESIDENT void stub_jump(uint8_t *from, const uint8_t *to, unsigned size)
{
    uint8_t *at = put_relative(from, JMP, 1, to);
    while (at < from + size)
        *at++ = INT3;
}

/* Where the next stub will be, if there is room for it and a jump from SITE reaches it. */
static RESIDENT uint8_t *find_room(const struct stub_place *place, const uint8_t *site,
                                   unsigned length)
{
    struct wedge_data *data = place->data;
    uint8_t *at = place->text + data->stub_next;
    uint64_t far = site > at ? (uint64_t)(site - at) : (uint64_t)(at - site);
    bool fits = data->stub_end - data->stub_next >= STUB_MOST + length;
    return fits && far < REACH ? at : NULL;
}

static RESIDENT struct stub finish(const struct stub_place *place, struct stub stub, uint8_t *end)
{
    place->data->stub_next = (uint32_t)(end - place->text);
    return stub;
}

/* Behind its head, at AT: what asks, the copy, the way back. */
static RESIDENT struct stub put_asking(const struct stub_place *place, uint8_t *at, uint32_t word,
                                       const uint8_t *from, unsigned length, const uint8_t *back)
{
    struct stub stub = {.entry = at};
    at = put(put(at, PUSH, 1), word, 4);
    at = put_relative(at, CALL, 1, place->text + (wedge_common - wedge_resident_start));
    stub.copy = at;
    at = put_relative(put_copy(at, from, length), JMP, 1, back);
    return finish(place, stub, at);
}

static RESIDENT struct stub put_counting(const struct stub_place *place, uint8_t *at,
                                         struct wedge_counter *counter, const uint8_t *from,
                                         unsigned length, const uint8_t *back)
{
    struct stub stub = {.entry = at};
    at = put(at, 0x9c, 1);                               /* pushfq */
    at = put_relative(at, 0x05fff0, 3, &counter->count); /* lock incl */
    at = put(at, 0x9d, 1);                               /* popfq */
    stub.copy = at;
    at = put_relative(put_copy(at, from, length), JMP, 1, back);
    return finish(place, stub, at);
}

/* NULL: there are none left. */
static RESIDENT struct wedge_counter *take_counter(struct wedge_data *data, const uint8_t *site,
                                                   unsigned kind)
{
    if (data->counter_count >= data->counter_room)
        return NULL;
    struct wedge_counter *counter = &data->counters[data->counter_count++];
    counter->count = 0;
    counter->site = (uint32_t)(uintptr_t)site;
    counter->kind = kind;
    return counter;
}

RESIDENT struct stub stub_make(const struct stub_place *place, const uint8_t *site,
                               const struct afterburn_site *what)
{
    struct wedge_data *data = place->data;
    const uint8_t *from = site + what->before, *back = site + what->size;
    uint32_t word = encode_word(what->kind, from, what->length);
    uint8_t *at = find_room(place, site, what->length);
    if (at == NULL)
        return (struct stub){0};
    if (data->ground == GROUND_COUNT) {
        uint32_t number = data->counter_count;
        struct wedge_counter *counter = take_counter(data, site, what->kind);
        bool asks = what->kind == AFTERBURN_OUT || what->kind == AFTERBURN_HLT;
        if (counter == NULL || (asks && number >= SITE_NUMBERS))
            return (struct stub){0};
        if (what->kind == AFTERBURN_STI) /* stays where its shadow covers the next instruction */
            return put_counting(place, at, counter, from, 0, from);
        if (!asks)
            return put_counting(place, at, counter, from, what->length, back);
        word |= number << 19;
    }
    at = put_relative(at, JMP, 1, back);
    return put_asking(place, at, word, from, what->length, back);
}

RESIDENT struct stub stub_hook(const struct stub_place *place, const uint8_t *function,
                               unsigned size, unsigned hook)
{
    uint8_t *at = find_room(place, function, size);
    if (at == NULL)
        return (struct stub){0};
    at = put(put(at, RET, 1), (uint32_t)INT3 * 0x01010101u, STUB_HEAD - 1);
    return put_asking(place, at, hook, function, size, function + size);
}
