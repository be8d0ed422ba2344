/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, writing and executing guest-physical addresses that are not this VM's memory. */
#include "hostile.h"

#define STRIDE  (2ull << 20)
#define END     (16ull << 30)
#define PATTERN 0x6c6f6f6b2061742dull

struct access {
    uint64_t address, value;
};

static void load(void *argument)
{
    struct access *access = argument;
    access->value = *(volatile uint64_t *)access->address;
}

static void store(void *argument)
{
    const struct access *access = argument;
    *(volatile uint64_t *)access->address = access->value;
}

static void execute(void *argument)
{
    call_at(((const struct access *)argument)->address);
}

static void exchange(void *argument)
{
    struct access *access = argument;
    __asm__ volatile("lock xchgq %0, (%1)" : "+r"(access->value) : "r"(access->address) : "memory");
}

static void read_one(uint64_t address)
{
    struct access access = {address, 0};
    int vector = attempt(load, &access);
    tally(MEMORY, true);
    if (vector < 0 && access.value != UINT64_MAX)
        bad("read foreign data", address, access.value);
}

static void write_one(uint64_t address)
{
    struct access access = {address, PATTERN};
    attempt(store, &access);
    tally(MEMORY, true);
}

static void execute_one(uint64_t address)
{
    struct access access = {address, 0};
    int vector = attempt(execute, &access);
    tally(MEMORY, true);
    if (vector != VECTOR_UD && vector != VECTOR_GP && vector != VECTOR_PF)
        bad("executed foreign code", address, (uint64_t)vector);
}

static void all_of(uint64_t address)
{
    struct access access = {address + 0x10, PATTERN};
    read_one(address);
    write_one(address);
    read_one(address); /* what was written must not be there either */
    execute_one(address);
    if (attempt(exchange, &access) < 0 && access.value != UINT64_MAX)
        bad("exchanged foreign data", address, access.value);
    tally(MEMORY, true);
}

void attack_memory(void)
{
    /* Devices, the APIC's page, PCI configuration space, the firmware's flash. */
    static const uint64_t special[] = {0xfee00000, 0xfee00300, 0xfee02000, 0xfee01008, 0xfec00000,
                                       0xfec00010, 0xfed00000, 0xb0000000, 0xb00f8000, 0xe0000000,
                                       0xfed40000, 0xffffff00, 0xfffffff0, 0x3fffffff8};
    for (uint64_t at = (memory_size + STRIDE - 1) & ~(STRIDE - 1); at < END; at += STRIDE)
        all_of(at);
    for (unsigned i = 0; i < sizeof(special) / sizeof(special[0]); i++)
        all_of(special[i] & ~0xfull);
    /* Each page just behind its end, and the last bytes of what the map reaches. */
    for (uint64_t at = memory_size; at < memory_size + STRIDE; at += 4096)
        read_one(at);
    read_one((64ull << 30) - 8);
    write_one((64ull << 30) - 8);
}
