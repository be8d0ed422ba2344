/* SPDX-License-Identifier: Apache-2.0 */
/* Is a recorded instruction there, and what does its stub have to know? Intel SDM 2, AMD APM 3. */
#include "stub.h"

#define WORD_PREFIX 0x66u

/* IN E4 E5 EC ED and OUT E6 E7 EE EF: bit 0 is for 2 or 4 bytes, bit 3 for DX. */
static RESIDENT bool is_port(unsigned kind, const uint8_t *insn, unsigned length)
{
    unsigned prefix = insn[0] == WORD_PREFIX;
    return length > prefix && (insn[prefix] & 0xf6) == (kind == AFTERBURN_IN ? 0xe4 : 0xe6) &&
           length == prefix + ((insn[prefix] & 8) != 0 ? 1 : 2);
}

static RESIDENT bool is_instruction(unsigned kind, const uint8_t *insn, unsigned length)
{
    switch (kind) {
    case AFTERBURN_IN:
    case AFTERBURN_OUT:
        return is_port(kind, insn, length);
    case AFTERBURN_CPUID:
        return length == 2 && insn[0] == 0x0f && insn[1] == 0xa2;
    case AFTERBURN_RDMSR:
        return length == 2 && insn[0] == 0x0f && insn[1] == 0x32;
    default:
        return count_fits(kind, insn, length);
    }
}

/* Of no kind is `sti`, whose shadow is on what follows it: only that may have padding in front. */
RESIDENT bool encode_fits(const struct afterburn_site *what, const uint8_t *site)
{
    return what->size >= JUMP_SIZE && what->before == 0 && what->length <= what->size &&
           is_instruction(what->kind, site, what->length);
}

RESIDENT uint32_t encode_word(unsigned kind, const uint8_t *insn)
{
    if (kind != AFTERBURN_IN && kind != AFTERBURN_OUT)
        return kind;
    unsigned prefix = insn[0] == WORD_PREFIX;
    uint32_t width = (insn[prefix] & 1) == 0 ? 0 : 2 - prefix;
    uint32_t port = (insn[prefix] & 8) != 0 ? SITE_PORT_DX : (uint32_t)insn[prefix + 1] << 8;
    return kind | port | width << 17;
}
