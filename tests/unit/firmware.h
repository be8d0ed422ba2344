/* SPDX-License-Identifier: Apache-2.0 */
/* A firmware's ACPI tables, made by hand for the tests, and a map function that allows no byte
 * more. */
#pragma once

#include "unit.h"
#include "x86/boot/acpi.h"

#define FIRMWARE_BASE 0x7ff00000ull
#define FIRMWARE_SIZE 0x8000u
#define MAPPED_MAX    4096u

struct firmware {
    uint8_t bytes[FIRMWARE_SIZE];
    uint32_t used;
    uint32_t tables[16]; /* offsets */
    unsigned count;
};

static struct firmware *mapped_firmware;
static void *mapped[MAPPED_MAX];
static unsigned mapped_count;

/* A fresh copy of exactly SIZE bytes: the address sanitizer sees each byte read beyond. */
static inline const void *firmware_map(uint64_t address, uint64_t size)
{
    if (address < FIRMWARE_BASE || address - FIRMWARE_BASE > FIRMWARE_SIZE ||
        size > FIRMWARE_SIZE - (address - FIRMWARE_BASE) || mapped_count == MAPPED_MAX)
        return NULL;
    void *copy = malloc(size);
    memcpy(copy, mapped_firmware->bytes + (address - FIRMWARE_BASE), size);
    mapped[mapped_count++] = copy;
    return copy;
}

static inline void firmware_unmap(void)
{
    while (mapped_count > 0)
        free(mapped[--mapped_count]);
}

static inline void put8(struct firmware *f, uint8_t value)
{
    f->bytes[f->used++] = value;
}

static inline void put16(struct firmware *f, uint16_t value)
{
    memcpy(f->bytes + f->used, &value, 2);
    f->used += 2;
}

static inline void put32(struct firmware *f, uint32_t value)
{
    memcpy(f->bytes + f->used, &value, 4);
    f->used += 4;
}

static inline void put64(struct firmware *f, uint64_t value)
{
    memcpy(f->bytes + f->used, &value, 8);
    f->used += 8;
}

static inline void put_zero(struct firmware *f, uint32_t size)
{
    memset(f->bytes + f->used, 0, size);
    f->used += size;
}

static inline uint8_t sum_of(const uint8_t *bytes, uint64_t size)
{
    uint8_t sum = 0;
    for (uint64_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum;
}

/* Correct the checksum of the table at offset AT as its length says, where that makes sense. */
static inline void table_seal(struct firmware *f, uint32_t at)
{
    uint32_t size;
    memcpy(&size, f->bytes + at + 4, 4);
    if (size < 36 || size > FIRMWARE_SIZE - at)
        return;
    f->bytes[at + 9] = 0;
    f->bytes[at + 9] = (uint8_t)-sum_of(f->bytes + at, size);
}

static inline uint32_t table_open(struct firmware *f, const char *signature, uint8_t revision)
{
    f->used = (f->used + 15) & ~15u;
    uint32_t at = f->used;
    put_zero(f, 36);
    memcpy(f->bytes + at, signature, 4);
    f->bytes[at + 8] = revision;
    f->tables[f->count++] = at;
    return at;
}

static inline uint64_t table_close(struct firmware *f, uint32_t at)
{
    uint32_t size = f->used - at;
    memcpy(f->bytes + at + 4, &size, 4);
    table_seal(f, at);
    return FIRMWARE_BASE + at;
}

static inline void madt_apic(struct firmware *f, uint8_t uid, uint8_t id, uint32_t flags)
{
    put8(f, 0);
    put8(f, 8);
    put8(f, uid);
    put8(f, id);
    put32(f, flags);
}

static inline void madt_x2apic(struct firmware *f, uint32_t uid, uint32_t id, uint32_t flags)
{
    put8(f, 9);
    put8(f, 16);
    put16(f, 0);
    put32(f, id);
    put32(f, flags);
    put32(f, uid);
}

static inline void madt_ioapic(struct firmware *f, uint8_t id, uint32_t address, uint32_t gsi)
{
    put8(f, 1);
    put8(f, 12);
    put8(f, id);
    put8(f, 0);
    put32(f, address);
    put32(f, gsi);
}

static inline void srat_apic(struct firmware *f, uint32_t domain, uint8_t id)
{
    put8(f, 0);
    put8(f, 16);
    put8(f, (uint8_t)domain);
    put8(f, id);
    put32(f, 1);
    put32(f, domain & 0xffffff00u);
    put32(f, 0);
}

static inline void srat_x2apic(struct firmware *f, uint32_t domain, uint32_t id)
{
    put8(f, 2);
    put8(f, 24);
    put16(f, 0);
    put32(f, domain);
    put32(f, id);
    put32(f, 1);
    put64(f, 0);
}

static inline void srat_memory(struct firmware *f, uint32_t domain, uint64_t base, uint64_t size,
                               uint32_t flags)
{
    put8(f, 1);
    put8(f, 40);
    put32(f, domain);
    put16(f, 0);
    put64(f, base);
    put64(f, size);
    put32(f, 0);
    put32(f, flags);
    put64(f, 0);
}

/* The FADT of q35: PM block at 600h, SMI port B2h, reset by CF9. */
static inline uint64_t firmware_fadt(struct firmware *f, uint64_t dsdt)
{
    uint32_t at = table_open(f, "FACP", 3);
    put_zero(f, 244 - 36);
    f->used = at + 40;
    put32(f, (uint32_t)dsdt);
    f->used = at + 48;
    put32(f, 0xb2);
    put8(f, 2);
    put8(f, 3);
    f->used = at + 56;
    put32(f, 0x600);
    f->used = at + 64;
    put32(f, 0x604);
    f->used = at + 76;
    put32(f, 0x608);
    f->bytes[at + 91] = 4;
    f->used = at + 112;
    put32(f, 1u << 8 | 1u << 10);
    put32(f, 0x00010801); /* reset register: 8-bit port */
    put64(f, 0xcf9);
    put8(f, 0xf);
    f->used = at + 244;
    return table_close(f, at);
}

static inline uint64_t firmware_dsdt(struct firmware *f)
{
    static const uint8_t aml[] = {
        0x10, 0x05, '_', 'S', '3', '_',                                      /* a decoy */
        0x08, '_',  'S', '3', '_', 0x12, 0x06, 0x04, 0x01, 0x01, 0x00, 0x00, /* 1, 1 */
        0x08, '\\', '_', 'S', '4', '_',  0x12, 0x08, 0x04, 0x0a, 0x06, 0x0a, 0x06, 0,
        0,    0x08, '_', 'S', '5', '_',  0x12, 0x07, 0x04, 0x0a, 0x07, 0x00, 0x00, 0x00, /* 7, 0 */
    };
    uint32_t at = table_open(f, "DSDT", 2);
    memcpy(f->bytes + f->used, aml, sizeof(aml));
    f->used += sizeof(aml);
    return table_close(f, at);
}

/* XSDT and RSDT with ADDRESSES, then the RSDP, whose address is returned. */
static inline uint64_t firmware_root(struct firmware *f, const uint64_t *addresses, unsigned count)
{
    uint32_t xsdt = table_open(f, "XSDT", 1);
    for (unsigned i = 0; i < count; i++)
        put64(f, addresses[i]);
    uint64_t xsdt_address = table_close(f, xsdt);
    uint32_t rsdt = table_open(f, "RSDT", 1);
    for (unsigned i = 0; i < count; i++)
        put32(f, (uint32_t)addresses[i]);
    uint64_t rsdt_address = table_close(f, rsdt);
    f->used = (f->used + 15) & ~15u;
    uint32_t at = f->used;
    memcpy(f->bytes + at, "RSD PTR \0FIRMWA\2", 16);
    f->used += 16;
    put32(f, (uint32_t)rsdt_address);
    put32(f, 36);
    put64(f, xsdt_address);
    put32(f, 0);
    f->bytes[at + 8] = (uint8_t)-sum_of(f->bytes + at, 20);
    f->bytes[at + 32] = (uint8_t)-sum_of(f->bytes + at, 36);
    return FIRMWARE_BASE + at;
}

/*
 * A machine of four nodes with the domains 0, 2, 5 and 300: cores 0, 1 (domain 2), 4 (5, disabled
 * twin 5), 300 and 301 (300), two IO-APICs, memory of domains 0 (no core), 2 and 5. BSP: APIC id 1.
 */
static inline uint64_t firmware_four_nodes(struct firmware *f)
{
    uint64_t list[9];
    memset(f, 0, sizeof(*f));
    mapped_firmware = f;
    list[0] = firmware_fadt(f, firmware_dsdt(f));

    uint32_t at = table_open(f, "APIC", 3);
    put32(f, 0xfee00000);
    put32(f, 1);
    madt_apic(f, 7, 0, 1);
    madt_apic(f, 8, 1, 1);
    madt_apic(f, 9, 4, 1);
    madt_apic(f, 10, 5, 0);
    madt_x2apic(f, 400, 300, 1);
    madt_x2apic(f, 401, 301, 1);
    madt_x2apic(f, 8, 1, 1); /* again */
    madt_ioapic(f, 3, 0xfec00000, 0);
    madt_ioapic(f, 4, 0xfec10000, 24);
    put32(f, 0x00000a02); /* override: ISA irq 0 is GSI 2 */
    put32(f, 2);
    put16(f, 0);
    put32(f, 0x00ff0604); /* LINT1 is NMI on all cores */
    put16(f, 1);
    put32(f, 0x00090604); /* ... on the core with UID 9 */
    put16(f, 1);
    list[1] = table_close(f, at);

    at = table_open(f, "SRAT", 3);
    put32(f, 1);
    put64(f, 0);
    srat_memory(f, 5, 0x100000000, 0x40000000, 1);
    srat_memory(f, 0, 0, 0xa0000, 1);
    srat_memory(f, 0, 0x100000, 0x3ff00000, 1);
    srat_memory(f, 2, 0x40000000, 0x40000000, 1);
    srat_memory(f, 9, 0x800000000, 0x40000000, 0); /* not enabled */
    srat_apic(f, 2, 0);
    srat_apic(f, 2, 1);
    srat_apic(f, 5, 4);
    srat_x2apic(f, 300, 300);
    srat_x2apic(f, 300, 301);
    list[2] = table_close(f, at);

    at = table_open(f, "SLIT", 1);
    put64(f, 6);
    for (unsigned i = 0; i < 36; i++)
        put8(f, i / 6 == i % 6 ? 10 : (uint8_t)(20 + i / 6 + i % 6));
    list[3] = table_close(f, at);

    at = table_open(f, "MCFG", 1);
    put64(f, 0);
    put64(f, 0xb0000000);
    put32(f, 0xff000000); /* segment 0, buses 0 to FFh */
    put32(f, 0);
    list[4] = table_close(f, at);
    list[5] = table_close(f, table_open(f, "HPET", 1));
    list[6] = table_close(f, table_open(f, "DMAR", 1));
    list[7] = table_close(f, table_open(f, "WAET", 1));
    list[8] = table_close(f, table_open(f, "HEST", 1));
    return firmware_root(f, list, 9);
}
