/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of instructions that only this wedge has stubs for. Intel SDM 2, AMD APM 3. */
#include "stub.h"

#define ESCAPE 0x0fu

/* The opcodes of each kind; of two-byte ones the second byte, with ESCAPE in front. */
static const struct {
    uint8_t kind, escape, first, last;
} opcodes[] RESIDENT_CONST = {
    {AFTERBURN_CLI, 0, 0xfa, 0xfa},
    {AFTERBURN_PUSHF, 0, 0x9c, 0x9c},
    {AFTERBURN_POPF, 0, 0x9d, 0x9d},
    {AFTERBURN_IRET, 0, 0xcf, 0xcf},
    {AFTERBURN_HLT, 0, 0xf4, 0xf4},
    {AFTERBURN_INS, 0, 0x6c, 0x6d},
    {AFTERBURN_OUTS, 0, 0x6e, 0x6f},
    {AFTERBURN_WRMSR, ESCAPE, 0x30, 0x30},
    {AFTERBURN_RDTSC, ESCAPE, 0x31, 0x31},
    {AFTERBURN_RDTSCP, ESCAPE, 0x01, 0x01},
    {AFTERBURN_RDPMC, ESCAPE, 0x33, 0x33},
    {AFTERBURN_CR_READ, ESCAPE, 0x20, 0x20},
    {AFTERBURN_CR_WRITE, ESCAPE, 0x22, 0x22},
    {AFTERBURN_DR_READ, ESCAPE, 0x21, 0x21},
    {AFTERBURN_DR_WRITE, ESCAPE, 0x23, 0x23},
    {AFTERBURN_TABLE_LOAD, ESCAPE, 0x00, 0x01},
    {AFTERBURN_TABLE_STORE, ESCAPE, 0x00, 0x01},
    {AFTERBURN_MSW, ESCAPE, 0x01, 0x01},
    {AFTERBURN_MSW, ESCAPE, 0x06, 0x06},
    {AFTERBURN_SEGMENT, 0, 0x8c, 0x8e},
    {AFTERBURN_SEGMENT, ESCAPE, 0x00, 0x03},
    {AFTERBURN_SEGMENT, ESCAPE, 0xa0, 0xa9},
    {AFTERBURN_SEGMENT, ESCAPE, 0xb2, 0xb5},
    {AFTERBURN_FAR, 0, 0xca, 0xcb},
    {AFTERBURN_FAR, 0, 0xff, 0xff},
    {AFTERBURN_INT, 0, 0xcc, 0xcd},
    {AFTERBURN_INVLPG, ESCAPE, 0x01, 0x01},
    {AFTERBURN_INVPCID, ESCAPE, 0x38, 0x38},
    {AFTERBURN_CACHE, ESCAPE, 0x08, 0x09},
    {AFTERBURN_SWAPGS, ESCAPE, 0x01, 0x01},
    {AFTERBURN_SYSRET, ESCAPE, 0x07, 0x07},
    {AFTERBURN_SYSRET, ESCAPE, 0x35, 0x35},
    {AFTERBURN_SYSRET, ESCAPE, 0xaa, 0xaa},
    {AFTERBURN_XSETBV, ESCAPE, 0x01, 0x01},
    {AFTERBURN_VIRT, ESCAPE, 0x01, 0x01},
    {AFTERBURN_VIRT, ESCAPE, 0x38, 0x38},
    {AFTERBURN_VIRT, ESCAPE, 0x78, 0x79},
    {AFTERBURN_VIRT, ESCAPE, 0xc7, 0xc7},
    {AFTERBURN_PAUSE, 0, 0x90, 0x90},
    {AFTERBURN_MONITOR, ESCAPE, 0x01, 0x01},
    {AFTERBURN_MWAIT, ESCAPE, 0x01, 0x01},
};

static RESIDENT bool is_prefix(uint8_t byte)
{
    return (byte & 0xf0) == 0x40 || byte == 0x66 || byte == 0x67 || byte == 0xf2 || byte == 0xf3 ||
           (byte & 0xe7) == 0x26 || (byte & 0xfe) == 0x64;
}

/* Immediate operands and opcodes' third bytes aside, what follows is ModRM. */
static RESIDENT bool is_rip_relative(uint8_t escape, uint8_t opcode, const uint8_t *rest,
                                     unsigned length)
{
    if (escape == 0 && opcode != 0xff && opcode != 0x8c && opcode != 0x8e)
        return false;
    unsigned modrm = escape != 0 && opcode == 0x38 ? 1 : 0;
    return modrm < length && (rest[modrm] & 0xc7) == 0x05;
}

RESIDENT bool count_fits(unsigned kind, const uint8_t *insn, unsigned length)
{
    unsigned at = 0;
    while (at < length && is_prefix(insn[at]))
        at++;
    uint8_t escape = at < length && insn[at] == ESCAPE ? ESCAPE : 0;
    at += escape != 0;
    if (at >= length || length > 15)
        return false;
    uint8_t opcode = insn[at++];
    for (unsigned i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++)
        if (opcodes[i].kind == kind && opcodes[i].escape == escape && opcode >= opcodes[i].first &&
            opcode <= opcodes[i].last)
            return !is_rip_relative(escape, opcode, insn + at, length - at);
    return false;
}
