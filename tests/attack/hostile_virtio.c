/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's virtio devices: where they may lie, whom their messages reach, rings of any content. */
#include "hostile.h"

#define PCI_ADDRESS  0xcf8u
#define PCI_DATA     0xcfcu
#define COMMAND      0x04u
#define BAR_PORTS    0x10u
#define BAR_PAGE     0x14u
#define MSIX         0x40u
#define FUNCTIONS    2u
#define WINDOW       0xc0fff000u /* the last page for devices, by the VM's DSDT */
#define PORTS_AT     0xd000u
#define STATUS       0x14u
#define QUEUE_SELECT 0x16u
#define QUEUE_SIZE   0x18u
#define QUEUE_VECTOR 0x1au
#define QUEUE_ENABLE 0x1cu
#define QUEUE_AT     0x20u
#define NOTIFY       0x3cu
#define SIZE         16u
#define QUEUE_TX     1u
#define APIC_IDS     64u
#define RING_ROUNDS  4000u
#define MARK         0x6d61726b6d61726bull

static struct function {
    uint32_t address; /* of its configuration */
    uint16_t ports;
    uint16_t sent; /* chains given to the tx queue */
} functions[FUNCTIONS];
static unsigned found;

/* The queue, and what its chains point to. */
static struct {
    struct {
        uint64_t address;
        uint32_t size;
        uint16_t flags, next;
    } descriptors[SIZE];
    uint16_t driver[2 + SIZE + 1];
    uint32_t device[1 + 2 * SIZE + 1];
    uint8_t frame[256];
} queue __attribute__((aligned(4096)));

static volatile uint64_t own_page[512] __attribute__((aligned(4096)));

static void out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static void out16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static uint32_t in32(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static uint32_t config_read(uint32_t function, uint32_t at)
{
    out32(PCI_ADDRESS, function | at);
    return in32(PCI_DATA);
}

static void config_write(uint32_t function, uint32_t at, uint32_t value)
{
    out32(PCI_ADDRESS, function | at);
    out32(PCI_DATA, value);
}

static void find_functions(void)
{
    found = 0;
    for (uint32_t device = 0; device < 32 && found < FUNCTIONS; device++) {
        uint32_t address = 1u << 31 | device << 11;
        if ((config_read(address, 0) & 0xffff) != 0x1af4)
            continue;
        functions[found].address = address;
        functions[found].ports = (uint16_t)(PORTS_AT + found * 0x100);
        found++;
    }
}

static void place(const struct function *f, uint32_t page, uint16_t ports)
{
    config_write(f->address, COMMAND, 0);
    config_write(f->address, BAR_PAGE, page);
    config_write(f->address, BAR_PORTS, ports);
    config_write(f->address, COMMAND, 7);
}

static void load(void *argument)
{
    uint64_t *access = argument;
    access[1] = *(volatile uint64_t *)access[0];
}

/* The page of messages must not come to lie over memory, nor open what isn't the VM's. */
static void bad_places(const struct function *f)
{
    static const uint32_t places[] = {0x00000000, 0x000a0000, 0x10000000, 0x80000000, 0xbffff000,
                                      0xc1000000, 0xfec00000, 0xfee00000, 0xfee01000, 0xfffff000};
    uint32_t own = (uint32_t)(uint64_t)own_page;
    own_page[0] = MARK;
    place(f, own, f->ports);
    if (own_page[0] != MARK)
        bad("a device lies over memory", own, own_page[0]);
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        uint64_t access[2] = {places[i], 0};
        if (memory_is_own(places[i]))
            continue;
        place(f, places[i], f->ports);
        int vector = attempt(load, access);
        tally(MEMORY, true);
        if (vector < 0 && access[1] != UINT64_MAX)
            bad("a device opened foreign memory", places[i], access[1]);
    }
    place(f, WINDOW, f->ports);
    *(volatile uint64_t *)(uint64_t)WINDOW = MARK;
    if (*(volatile uint64_t *)(uint64_t)WINDOW != MARK)
        bad("a device has no page of messages", WINDOW, *(volatile uint64_t *)(uint64_t)WINDOW);
    place(f, WINDOW - 0x1000, f->ports);
    uint64_t access[2] = {WINDOW, 0};
    int vector = attempt(load, access);
    tally(MEMORY, true);
    if (vector < 0 && access[1] != UINT64_MAX)
        bad("a page of messages stayed behind", WINDOW, access[1]);
}

static void enable(struct function *f, uint64_t descriptors, uint64_t driver, uint64_t device)
{
    const uint64_t parts[3] = {descriptors, driver, device};
    out8((uint16_t)(f->ports + STATUS), 0);
    out8((uint16_t)(f->ports + STATUS), 3);
    out32((uint16_t)(f->ports + 0x08), 1); /* VIRTIO_F_VERSION_1 and nothing else */
    out32((uint16_t)(f->ports + 0x0c), 1);
    out8((uint16_t)(f->ports + STATUS), 11);
    out16((uint16_t)(f->ports + QUEUE_SELECT), QUEUE_TX);
    out16((uint16_t)(f->ports + QUEUE_SIZE), SIZE);
    out16((uint16_t)(f->ports + QUEUE_VECTOR), 1);
    for (unsigned i = 0; i < 3; i++) {
        out32((uint16_t)(f->ports + QUEUE_AT + 8 * i), (uint32_t)parts[i]);
        out32((uint16_t)(f->ports + QUEUE_AT + 8 * i + 4), (uint32_t)(parts[i] >> 32));
    }
    out16((uint16_t)(f->ports + QUEUE_ENABLE), 1);
    out8((uint16_t)(f->ports + STATUS), 15);
    f->sent = 0;
}

/* One chain to the device, which gives it back and tells so. */
static void send(struct function *f)
{
    queue.descriptors[0].address = (uint64_t)queue.frame;
    queue.descriptors[0].size = sizeof(queue.frame);
    queue.descriptors[0].flags = queue.descriptors[0].next = 0;
    queue.driver[2 + f->sent % SIZE] = 0;
    __asm__ volatile("" : : : "memory");
    queue.driver[1] = ++f->sent;
    __asm__ volatile("" : : : "memory");
    out16((uint16_t)(f->ports + NOTIFY), QUEUE_TX);
}

static bool is_own(uint32_t apic_id)
{
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpus[i].apic_id == apic_id)
            return true;
    return false;
}

/* Every destination, kind and vector that a message can name; only its own cores may hear it. */
static void messages(struct function *f)
{
    static const uint32_t vectors[] = {0, 2, 15, VECTOR_IPI};
    volatile uint32_t *entry = (volatile uint32_t *)(uint64_t)(WINDOW - 0x1000 + 16);
    struct cpu *self = this_cpu();
    uint64_t own = 0;
    uint64_t before = self->interrupts;
    memset(&queue, 0, sizeof(queue));
    config_write(f->address, MSIX, 0x8000u << 16);
    enable(f, (uint64_t)queue.descriptors, (uint64_t)queue.driver, (uint64_t)queue.device);
    for (uint32_t id = 0; id < APIC_IDS; id++)
        for (uint32_t kind = 0; kind < 8; kind++)
            for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
                bool good = is_own(id) && kind <= 1 && vectors[i] == VECTOR_IPI;
                if (good && id != self->apic_id)
                    continue;
                entry[3] = 1;
                entry[0] = 0xfee00000 | id << 12;
                entry[1] = 0;
                entry[2] = kind << 8 | vectors[i];
                entry[3] = 0;
                send(f);
                __asm__ volatile("sti; nop; nop; cli");
                own += good ? 1 : 0;
                if (!good)
                    tally(MESSAGES, true);
            }
    if (self->interrupts - before != own)
        bad("messages that came", own, self->interrupts - before);
    if ((uint16_t)queue.device[0] != 0 || (queue.device[0] >> 16) != f->sent)
        bad("chains that came back", f->sent, queue.device[0]);
}

/* Rings of any content at any address; the rest of the machine is the judge. */
static void rings(struct function *f)
{
    for (unsigned round = 0; round < RING_ROUNDS; round++) {
        uint64_t *bytes = (uint64_t *)(void *)&queue;
        for (unsigned i = 0; i < sizeof(queue) / 8; i++) {
            bytes[i] = random();
            if (i < 2 * SIZE && i % 2 == 0 && round % 3 != 0) /* often an address that exists */
                bytes[i] %= memory_size;
        }
        queue.driver[1] = (uint16_t)(random() % (2 * SIZE));
        uint64_t at[3] = {(uint64_t)queue.descriptors, (uint64_t)queue.driver,
                          (uint64_t)queue.device};
        if (round % 4 == 3)
            at[random() % 3] = random() >> (random() % 64);
        /* What the device writes goes into this VM's memory; it must not be the program. */
        for (unsigned i = 0; i < SIZE; i++)
            queue.descriptors[i].flags &= (uint16_t)~2u;
        if (at[2] < memory_size)
            at[2] = (uint64_t)queue.device;
        enable(f, at[0], at[1], at[2]);
        out16((uint16_t)(f->ports + NOTIFY), (uint16_t)random() % 4);
        out16((uint16_t)(f->ports + NOTIFY), QUEUE_TX);
    }
    out8((uint16_t)(f->ports + STATUS), 0);
}

/* Any register, any value, any width. */
static void registers(const struct function *f)
{
    for (unsigned round = 0; round < RING_ROUNDS; round++) {
        uint16_t port = (uint16_t)(f->ports + random() % 0x80);
        uint32_t value = (uint32_t)(random() >> (random() % 64));
        unsigned width = random() % 4;
        if (width == 0)
            out8(port, (uint8_t)value);
        else if (width == 1)
            out16(port, (uint16_t)value);
        else if (width == 2)
            out32(port, value);
        else
            in32(port);
    }
    out8((uint16_t)(f->ports + STATUS), 0);
}

void attack_virtio(void)
{
    find_functions();
    print("HOSTILE virtio %u functions\n", found);
    for (unsigned i = 0; i < found; i++) {
        bad_places(&functions[i]);
        messages(&functions[i]);
        registers(&functions[i]);
        rings(&functions[i]);
        place(&functions[i], 0, 0);
    }
    if (found != FUNCTIONS)
        bad("virtio functions are missing", found, FUNCTIONS);
}
