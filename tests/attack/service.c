/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service VM that misuses what it alone has: the IO-APIC, the APIC's page, the ports that switch
 * the machine off or reset it. At 16 MiB, since it sees memory where the machine has it.
 */
#include "guest.h"

#define IOAPIC          0xfec00000ull
#define IOAPIC_SELECT   (*(volatile uint32_t *)IOAPIC)
#define IOAPIC_WINDOW   (*(volatile uint32_t *)(IOAPIC + 0x10))
#define IOAPIC_VERSION  1u
#define ENTRY_LOW(pin)  (0x10u + 2 * (pin))
#define ENTRY_HIGH(pin) (0x11u + 2 * (pin))
#define MASKED          (1u << 16)
#define LOGICAL         (1u << 11)
#define VECTOR          0x51u
#define LOG_PIN         3u
#define SLEEP_ENABLE    (1u << 13)
#define SLEEP_S3        (1u << 10)

static unsigned entries, refused, kept;

static void out16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static void out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint32_t ioapic_read(uint32_t reg)
{
    IOAPIC_SELECT = reg;
    return IOAPIC_WINDOW;
}

static void ioapic_write(uint32_t reg, uint32_t value)
{
    IOAPIC_SELECT = reg;
    IOAPIC_WINDOW = value;
}

static void bad(const char *what, uint32_t pin, uint32_t low, uint32_t high)
{
    print("SERVICE BAD: %s: entry %u low %x high %x\n", what, pin, low, high);
}

/* Write an entry, the half FIRST before the other; is it masked afterwards? */
static bool entry_refused(uint32_t pin, uint32_t low, uint32_t high, bool low_first)
{
    ioapic_write(ENTRY_LOW(pin), MASKED);
    ioapic_write(ENTRY_HIGH(pin), this_cpu()->apic_id << 24);
    if (low_first) {
        ioapic_write(ENTRY_LOW(pin), low);
        ioapic_write(ENTRY_HIGH(pin), high);
    } else {
        ioapic_write(ENTRY_HIGH(pin), high);
        ioapic_write(ENTRY_LOW(pin), low);
    }
    bool masked = (ioapic_read(ENTRY_LOW(pin)) & MASKED) != 0;
    ioapic_write(ENTRY_LOW(pin), MASKED);
    entries++;
    refused += masked;
    return masked;
}

static bool is_ours(uint32_t id)
{
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpus[i].apic_id == id)
            return true;
    return false;
}

static void attack_entry(uint32_t pin)
{
    uint32_t own = this_cpu()->apic_id << 24;
    for (uint32_t delivery = 2; delivery <= 6; delivery++) /* SMI, NMI, INIT, reserved ones */
        for (unsigned order = 0; order < 2; order++)
            if (!entry_refused(pin, delivery << 8 | VECTOR, own, order != 0))
                bad("a delivery mode that isn't a VM's", pin, delivery << 8, own);
    for (uint32_t id = 0; id < 256; id++)
        for (unsigned order = 0; order < 2; order++)
            if (entry_refused(pin, VECTOR, id << 24, order != 0) == is_ours(id))
                bad("a core that is another VM's", pin, VECTOR, id << 24);
    if (!entry_refused(pin, LOGICAL | VECTOR, 0xffu << 24, true))
        bad("a logical destination", pin, LOGICAL | VECTOR, 0xffu << 24);
    ioapic_write(ENTRY_HIGH(pin), own);
    ioapic_write(ENTRY_LOW(pin), VECTOR);
    kept += (ioapic_read(ENTRY_LOW(pin)) & MASKED) == 0;
    ioapic_write(ENTRY_LOW(pin), MASKED);
}

static void attack_ioapic(void)
{
    unsigned pins = (ioapic_read(IOAPIC_VERSION) >> 16 & 0xff) + 1;
    for (uint32_t pin = 0; pin < pins; pin++)
        if (pin != LOG_PIN)
            attack_entry(pin);
    ioapic_write(ENTRY_LOW(LOG_PIN), VECTOR);
    if ((ioapic_read(ENTRY_LOW(LOG_PIN)) & MASKED) == 0)
        bad("the log port's entry", LOG_PIN, ioapic_read(ENTRY_LOW(LOG_PIN)), 0);
    print("SERVICE ioapic: %u entries, %u refused, %u of %u pins kept\n", entries, refused, kept,
          pins - 1);
}

static void store(void *argument)
{
    *(volatile uint32_t *)*(uint64_t *)argument = 0x400;
}

/* A store there becomes a message: NMI to core 2, which is not ours. It must go nowhere. */
static void attack_messages(void)
{
    for (uint64_t id = 0; id < 8; id++) {
        uint64_t at = 0xfee00000ull | id << 12;
        attempt(store, &at);
        uint32_t back = *(volatile uint32_t *)at;
        if (back != UINT32_MAX)
            bad("a message's page", (uint32_t)id, back, 0);
    }
    print("SERVICE messages: 8\n");
}

/* Sleep requests in every width and at every place that touches the register. */
static void attack_sleep(void)
{
    uint32_t value = SLEEP_ENABLE | SLEEP_S3;
    uint16_t pm1 = (uint16_t)option_number("pm1"); /* control, as the FADT says */
    out16(pm1, (uint16_t)value);
    out32(pm1, value);
    out8((uint16_t)(pm1 + 1), (uint8_t)(value >> 8));
    out16((uint16_t)(pm1 + 1), (uint16_t)(value >> 8));
    out32((uint16_t)(pm1 - 2), value << 16);
    out32((uint16_t)(pm1 - 3), value << 24);
    out16((uint16_t)(pm1 - 1), (uint16_t)(value << 8));
    out8(0xb2, 0xff); /* the SMI port */
    out8(0x64, 0xd1); /* the keyboard controller's output port, reset line included */
    out8(0x60, 0x00);
    print("SERVICE sleep: awake\n");
}

void guest_main(void)
{
    print("SERVICE begin: %u cores, APIC id %u\n", cpu_count, this_cpu()->apic_id);
    attack_ioapic();
    attack_messages();
    attack_sleep();
    print("SERVICE done\n");
    out32(0xcf7, 0x00060000u); /* CF9h gets 06h by a wide write: this VM alone starts anew */
    for (;;)
        __asm__ volatile("cli; hlt");
}
