/* SPDX-License-Identifier: Apache-2.0 */
/* All I/O ports in three widths, in, out and string. */
#include "hostile.h"

#define PORT_UART  0x3f8u
#define PORT_SLEEP 0x404u
#define PORT_PCI   0xcf8u
#define PORT_RESET 0xcf9u

struct port {
    uint16_t port;
    uint8_t size;
    uint32_t value;
};

static void port_in(void *argument)
{
    struct port *p = argument;
    uint32_t value = 0;
    if (p->size == 1)
        __asm__ volatile("inb %1, %b0" : "+a"(value) : "d"(p->port));
    else if (p->size == 2)
        __asm__ volatile("inw %1, %w0" : "+a"(value) : "d"(p->port));
    else
        __asm__ volatile("inl %1, %0" : "+a"(value) : "d"(p->port));
    p->value = value;
}

static void port_out(void *argument)
{
    const struct port *p = argument;
    if (p->size == 1)
        __asm__ volatile("outb %b0, %1" : : "a"(p->value), "d"(p->port));
    else if (p->size == 2)
        __asm__ volatile("outw %w0, %1" : : "a"(p->value), "d"(p->port));
    else
        __asm__ volatile("outl %0, %1" : : "a"(p->value), "d"(p->port));
}

static uint8_t buffer[64];

static void port_outs(void *argument)
{
    const struct port *p = argument;
    const void *from = buffer;
    uint64_t count = 8;
    __asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(p->port) : "memory");
}

static void port_ins(void *argument)
{
    const struct port *p = argument;
    void *to = buffer;
    uint64_t count = 8;
    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(p->port) : "memory");
}

static bool touches(const struct port *p, unsigned first, unsigned last)
{
    return p->port <= last && p->port + p->size - 1u >= first;
}

/* The ports that this VM has: its UART, its PCI bus, reset and power. What they do is known. */
static bool is_own(const struct port *p)
{
    return touches(p, PORT_UART, PORT_UART + 7) || touches(p, PORT_SLEEP, PORT_SLEEP + 1) ||
           touches(p, PORT_PCI, PORT_PCI + 7);
}

static void try_in(struct port p)
{
    if (is_own(&p))
        return;
    int vector = attempt(port_in, &p);
    uint32_t ones = p.size == 4 ? UINT32_MAX : (1u << 8 * p.size) - 1;
    tally(PORTS, true);
    if (vector < 0 && p.value != ones)
        bad("read a foreign port", p.port, p.value);
}

static void try_out(struct port p)
{
    if (is_own(&p) || (p.port == 0x64 && (p.value & 0xff) == 0xfe))
        return;
    attempt(port_out, &p);
    tally(PORTS, true);
}

static void try_string(uint16_t port)
{
    struct port p = {port, 1, 0};
    if (attempt(port_outs, &p) != VECTOR_GP)
        bad("string output", port, 0);
    if (attempt(port_ins, &p) != VECTOR_GP)
        bad("string input", port, 0);
    tally(PORTS, true);
    tally(PORTS, true);
}

void attack_ports(void)
{
    static const uint16_t strings[] = {0x20,  0x60,  0x64,  0x70,   0x80,  0x92,  0xb2,
                                       0x2f8, 0x3f8, 0x404, 0x402,  0x510, 0x600, 0x604,
                                       0xcf8, 0xcf9, 0xcfc, 0xae00, 0xffff};
    for (uint32_t port = 0; port < 65536; port++) {
        for (uint8_t size = 1; size <= 4; size *= 2) {
            try_in((struct port){(uint16_t)port, size, 0});
            try_out((struct port){(uint16_t)port, size, UINT32_MAX});
        }
    }
    /* What resets and switches off real machines. */
    try_out((struct port){0x92, 1, 1});
    try_out((struct port){0xb2, 1, 0xf1});
    try_out((struct port){0x604, 2, 0x2000});
    try_out((struct port){0x604, 2, 0x3400});
    try_out((struct port){0x600 + 0x30, 4, 0});
    try_out((struct port){0x660, 2, 8});
    for (unsigned i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        try_string(strings[i]);
}
