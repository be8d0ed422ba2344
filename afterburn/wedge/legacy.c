/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the old PC's devices are not here: ports that read as ones even after a write. Load
 * time. */
#include "io.h"
#include "wedge.h"

/* Absent if READ gives FFh after VALUE went to WRITE (0: nothing is written first): DMA's status,
 * the PICs' masks, the PIT's status, keyboard and speaker, CMOS, IDE, the serial and parallel
 * ports' scratch registers, VGA, the PICs' edges. */
static const struct {
    uint16_t first, last, write, value, read;
} devices[] = {{0x000, 0x00f, 0, 0, 0x008},        {0x020, 0x021, 0x021, 0xfb, 0x021},
               {0x040, 0x043, 0x043, 0xe2, 0x040}, {0x060, 0x060, 0, 0, 0x064},
               {0x061, 0x061, 0, 0, 0x061},        {0x064, 0x064, 0, 0, 0x064},
               {0x070, 0x071, 0x070, 0x0a, 0x071}, {0x0a0, 0x0a1, 0x0a1, 0xfb, 0x0a1},
               {0x0c0, 0x0df, 0, 0, 0x0d0},        {0x170, 0x177, 0, 0, 0x177},
               {0x1f0, 0x1f7, 0, 0, 0x1f7},        {0x2e8, 0x2ef, 0x2ef, 0x5a, 0x2ef},
               {0x2f8, 0x2ff, 0x2ff, 0x5a, 0x2ff}, {0x378, 0x37a, 0x378, 0x5a, 0x378},
               {0x3c0, 0x3df, 0, 0, 0x3cc},        {0x3e8, 0x3ef, 0x3ef, 0x5a, 0x3ef},
               {0x4d0, 0x4d1, 0, 0, 0x4d0}};

static bool probe(uint16_t write, uint16_t value, uint16_t read)
{
    bool own = write == read && write != 0;
    uint8_t before = own ? port_read(read) : 0;
    if (write != 0)
        port_write(write, (uint8_t)value);
    uint8_t seen = port_read(read);
    if (own)
        port_write(write, before);
    return seen != 0xff;
}

/* The configuration mechanism's two registers are of 32 bits; CF9h, a reset, is not among them. */
static bool probe_pci(void)
{
    uint32_t seen;
    __asm__ volatile("outl %1, %w2; inl %w2, %0" : "=a"(seen) : "a"(0x80000000u), "d"(0xcf8u));
    return seen != UINT32_MAX;
}

static void add(struct wedge_data *data, uint16_t first, uint16_t last)
{
    if (data->absent_count < WEDGE_PORT_RANGES)
        data->absent[data->absent_count++] = (struct wedge_ports){first, last};
}

void wedge_probe_absent(struct wedge_data *data)
{
    for (unsigned i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
        if (!probe(devices[i].write, devices[i].value, devices[i].read))
            add(data, devices[i].first, devices[i].last);
    if (!probe_pci())
        add(data, 0xcf8, 0xcff);
}
