/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stub maker:
 *   head:  jmp behind the site      of a hook: ret, to the function's caller
 *   entry: push $word
 *          call wedge_common
 *   copy:  the instruction          of a hook: the function's first ones
 *          jmp behind the site
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

RESIDENT uint8_t *stub_put_relative(uint8_t *at, uint32_t opcode, unsigned size, const void *to)
{
    at = put(at, opcode, size);
    return put(at, (uint32_t)((uintptr_t)to - ((uintptr_t)at + 4)), 4);
}

RESIDENT uint8_t *stub_put_end(uint8_t *at, const uint8_t *from, unsigned length,
                               const uint8_t *back)
{
    while (length-- != 0)
        at = put(at, *from++, 1);
    return stub_put_relative(at, JMP, 1, back);
}

RESIDENT void stub_jump(uint8_t *from, const uint8_t *to, unsigned size)
{
    uint8_t *at = stub_put_relative(from, JMP, 1, to);
    while (at < from + size)
        at = put(at, INT3, 1);
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

/* Behind its head, at AT. */
static RESIDENT struct stub put_asking(const struct stub_place *place, uint8_t *at, uint32_t word,
                                       const uint8_t *from, unsigned length, const uint8_t *back)
{
    struct stub stub = {.entry = at};
    at = put(put(at, PUSH, 1), word, 4);
    stub.copy = stub_put_relative(at, CALL, 1, place->text + (wedge_common - wedge_resident_start));
    at = stub_put_end(stub.copy, from, length, back);
    place->data->stub_next = (uint32_t)(at - place->text);
    return stub;
}

RESIDENT struct stub stub_make(const struct stub_place *place, const uint8_t *site,
                               const struct afterburn_site *what)
{
    const uint8_t *back = site + what->size;
    uint32_t word = encode_word(what->kind, site), number;
    uint8_t *at = find_room(place, site, what->length);
    if (at == NULL)
        return (struct stub){0};
    if (place->data->ground == GROUND_COUNT) {
        struct stub stub = count_make(place, at, site, what, &number);
        if (stub.entry == NULL || stub.copy != NULL)
            return stub;
        word |= number << 19;
    }
    at = stub_put_relative(at, JMP, 1, back);
    return put_asking(place, at, word, site, what->length, back);
}

RESIDENT struct stub stub_hook(const struct stub_place *place, const uint8_t *function,
                               unsigned size, unsigned hook)
{
    uint8_t *at = find_room(place, function, size);
    if (at == NULL)
        return (struct stub){0};
    at = put(put(at, RET, 1), INT3 * 0x01010101u, STUB_HEAD - 1);
    return put_asking(place, at, hook, function, size, function + size);
}
