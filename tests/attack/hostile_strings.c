/* SPDX-License-Identifier: Apache-2.0 */
/* String I/O at every port, in three widths, both directions, with and without a count. */
#include "hostile.h"

struct string {
    uint16_t port;
    uint64_t count;
};

static uint8_t buffer[64];

#define STRING(name, text)                                                                         \
    static void name(void *argument)                                                               \
    {                                                                                              \
        const struct string *s = argument;                                                         \
        uint64_t count = s->count;                                                                 \
        void *from = buffer, *to = buffer;                                                         \
        __asm__ volatile(text : "+S"(from), "+D"(to), "+c"(count) : "d"(s->port) : "memory");      \
    }

STRING(outs8, "outsb")
STRING(outs16, "outsw")
STRING(outs32, "outsl")
STRING(ins8, "insb")
STRING(ins16, "insw")
STRING(ins32, "insl")
STRING(rep_outs8, "rep outsb")
STRING(rep_outs16, "rep outsw")
STRING(rep_outs32, "rep outsl")
STRING(rep_ins8, "rep insb")
STRING(rep_ins16, "rep insw")
STRING(rep_ins32, "rep insl")

static void (*const strings[])(void *) = {
    outs8,     outs16,     outs32,     ins8,     ins16,     ins32,
    rep_outs8, rep_outs16, rep_outs32, rep_ins8, rep_ins16, rep_ins32,
};

static void every_string(uint16_t port)
{
    struct string s = {port, 1 + port % 8};
    for (unsigned i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        int vector = attempt(strings[i], &s);
        tally(PORTS, vector == VECTOR_GP);
        if (vector != VECTOR_GP)
            bad("string I/O", port, i);
    }
}

/* No port takes them, not even a VM's own: #GP before a byte has moved (CAVEATS). */
void attack_strings(void)
{
    for (uint32_t port = 0; port < 65536; port++)
        every_string((uint16_t)port);
    for (unsigned i = 0; i < sizeof(buffer); i++)
        if (buffer[i] != 0)
            bad("a port's data came in", i, buffer[i]);
}

/* The service VM's other ports are its own; those that concern all VMs take no strings either. */
void attack_guarded_strings(void)
{
    static const uint16_t guarded[] = {0x64,  0x92,  0xb2,  0xb3,  0x2f8, 0x2fb, 0x2ff, 0x604,
                                       0x605, 0x630, 0x634, 0x660, 0x664, 0x67c, 0xcf9};
    for (unsigned i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++)
        every_string(guarded[i]);
}

/* The SMI command port and the chipset's SMI control, all values: firmware must not be called. */
void attack_smi(void)
{
    static const uint16_t ports[] = {0xb2, 0xb3, 0x630, 0x631, 0x632, 0x633};
    for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        for (unsigned value = 0; value < 256; value++) {
            out8(ports[i], (uint8_t)value);
            tally(PORTS, true);
        }
        if (in8(ports[i]) != 0xff)
            bad("an SMI port answers", ports[i], 0);
        tally(PORTS, true);
    }
}
