/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VM's UART interrupts by a message that the guest writes itself (PCI 3.0, 6.8.1). Here it names
 * every core, every delivery mode, and addresses that are no message's at all.
 */
#include "guest.h"

#define PCI_ADDRESS   0xcf8u
#define PCI_DATA      0xcfcu
#define UART_SLOT     (1u << 31 | 1u << 11)
#define UART_IER      0x3f9u
#define IER_TRANSMIT  2u
#define MSI           0x40u
#define MSI_ENABLE    (1u << 16)
#define MESSAGES      0xfee00000ull
#define LOGICAL       (1ull << 2)
#define COME_CYCLES   5000000000ull /* 2 s and more */
#define FIRST_VECTOR  16u
#define SOME_DELIVERY 2u /* the first that is neither fixed nor lowest priority */

static unsigned sent, good;

static void out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static void config_write(uint32_t at, uint32_t value)
{
    out32(PCI_ADDRESS, UART_SLOT | at);
    out32(PCI_DATA, value);
}

/* Its transmitter is always empty, so the UART interrupts as soon as that is asked for. */
static void send(uint64_t address, uint32_t data, bool allowed)
{
    config_write(MSI + 4, (uint32_t)address);
    config_write(MSI + 8, (uint32_t)(address >> 32));
    config_write(MSI + 12, data);
    config_write(MSI, MSI_ENABLE);
    out8(UART_IER, IER_TRANSMIT);
    config_write(MSI, 0);
    out8(UART_IER, 0);
    sent++;
    good += allowed;
}

static bool is_own(uint64_t id)
{
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpus[i].apic_id == id)
            return true;
    return false;
}

static void attack_core(uint64_t id)
{
    uint64_t at = MESSAGES | id << 12;
    send(at, VECTOR_IPI, is_own(id));
    send(at | LOGICAL, VECTOR_IPI, false);
    for (uint32_t delivery = SOME_DELIVERY; delivery < 8; delivery++)
        send(at, delivery << 8 | VECTOR_IPI, false);
    for (uint32_t vector = 0; vector < FIRST_VECTOR; vector += 5)
        send(at, vector, false);
}

/* Fixed interrupts for this core where no message is: beside the window, and far above it. */
static void attack_addresses(void)
{
    static const uint64_t places[] = {0,          0x1000,      0xfed00000,          0xfef00000,
                                      0xffe00000, 0x1fee00000, 0xffffffff00000000u, 0x80000000000u};
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        send(places[i] | this_cpu()->apic_id << 12, VECTOR_IPI, false);
}

/* One that is this VM's to send: it comes, so the others were not refused for lack of a UART. */
static bool own_comes(void)
{
    struct cpu *self = this_cpu();
    uint64_t before = self->interrupts, start = rdtsc();
    send(MESSAGES | self->apic_id << 12, VECTOR_IPI, true);
    while (self->interrupts == before && rdtsc() - start < COME_CYCLES)
        relax();
    return self->interrupts == before + 1;
}

void guest_main(void)
{
    print("MESSAGE begin: core %u\n", this_cpu()->apic_id);
    __asm__ volatile("sti");
    bool comes = own_comes();
    for (uint64_t id = 0; id < 256; id++)
        attack_core(id);
    attack_addresses();
    comes = own_comes() && comes;
    print("MESSAGE done: %u sent, %u refused, own ones %s\n", sent, sent - good,
          comes ? "come" : "do not come");
    for (;;)
        __asm__ volatile("cli; hlt");
}
