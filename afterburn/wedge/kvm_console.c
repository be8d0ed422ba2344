/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines to a VMM by KVM. KVM gives each byte of a REP OUTSB to the VMM by an exit of its own, so a
 * virtio console with ports (virtio 1.2, 4.1.4.10: legacy interface) takes a line in one. It is the
 * wedge's if the command line names it, as a device of PCI bus 0: `afterburn.console=virtio:5.1`.
 * The guest does not look for a function if the device has no function 0. The VMM shows what goes
 * there as it shows COM1.
 */
#include "kvm.h"

#define WORD         "afterburn.console=virtio:"
#define PCI_ADDRESS  0xcf8u
#define PCI_DATA     0xcfcu
#define PCI_COMMAND  4u
#define PCI_BAR0     0x10u
#define PCI_USE      5u /* its ports, and memory for it to read */
#define PCI_CONSOLE  0x10031af4u
#define BAR_IS_PORTS 1u
#define PORTS        0xff00u /* firmware and Linux give them out from below */

/* The ports, from BAR 0 on. */
enum { QUEUE_PAGE = 8, QUEUE_SIZE = 12, QUEUE_SELECT = 14, QUEUE_NOTIFY = 16, STATUS = 18 };
enum { STATUS_DRIVER = 3, STATUS_READY = 7 };
enum { SEND = 1 }; /* the queue of what the guest sends; no features: the other one is 0 */

#define PAGE         4096u
#define MOST_SIZE    256u /* of a queue: its descriptors fill a page */
#define IER_TRANSMIT 0x02u
#define SLOTS        16u /* lines that the device has not taken yet */
#define QUEUE_ALL    (4 * PAGE)

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

struct available {
    uint16_t flags, index, ring[];
};

struct used {
    uint16_t flags, index;
};

static void out32(unsigned port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"((uint16_t)port));
}

RESIDENT static void out16(unsigned port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"((uint16_t)port) : "memory");
}

static void out8(unsigned port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"((uint16_t)port));
}

static uint32_t in32(unsigned port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"((uint16_t)port));
    return value;
}

static uint16_t in16(unsigned port)
{
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"((uint16_t)port));
    return value;
}

static uint32_t pci_read(unsigned function, unsigned offset)
{
    out32(PCI_ADDRESS, 1u << 31 | function << 8 | offset);
    return in32(PCI_DATA);
}

static void pci_write(unsigned function, unsigned offset, uint32_t value)
{
    out32(PCI_ADDRESS, 1u << 31 | function << 8 | offset);
    out32(PCI_DATA, value);
}

/* Behind WORD in TEXT: DEVICE.FUNCTION, hexadecimal, as configuration addresses count functions. */
static bool find_word(const char *text, unsigned *function)
{
    static const char word[] = WORD;
    unsigned parts[2] = {0, 0}, same = 0;
    for (; *text != '\0' && word[same] != '\0'; text++)
        same = *text == word[same] ? same + 1 : *text == word[0];
    if (word[same] != '\0')
        return false;
    for (unsigned part = 0; part < 2; part++) {
        for (; (*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'f'); text++)
            parts[part] =
                parts[part] * 16 + (unsigned)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
        text += *text == '.';
    }
    *function = parts[0] << 3 | parts[1];
    return parts[0] < 32 && parts[1] < 8;
}

/* The console's first port, switched on; 0: it is not there. */
static uint16_t find_port(const char *cmdline)
{
    unsigned function;
    if (!find_word(cmdline, &function) || pci_read(function, 0) != PCI_CONSOLE)
        return 0;
    if (pci_read(function, PCI_BAR0) == BAR_IS_PORTS) /* firmware didn't look for it either */
        pci_write(function, PCI_BAR0, PORTS | BAR_IS_PORTS);
    const uint32_t bar = pci_read(function, PCI_BAR0);
    if ((bar & BAR_IS_PORTS) == 0 || bar >> 16 != 0)
        return 0;
    pci_write(function, PCI_COMMAND, (pci_read(function, PCI_COMMAND) & 0xffff) | PCI_USE);
    return (uint16_t)(bar & 0xfffc);
}

RESIDENT static struct available *available_of(uint8_t *queue, unsigned size)
{
    return (void *)(queue + size * sizeof(struct descriptor));
}

RESIDENT static volatile struct used *used_of(uint8_t *queue, unsigned size)
{
    const size_t end =
        size * sizeof(struct descriptor) + sizeof(struct available) + (size + 1) * sizeof(uint16_t);
    return (void *)(queue + (end + PAGE - 1) / PAGE * PAGE);
}

/* The lines' bytes are behind the queue's descriptors and its two rings. */
RESIDENT static char *line_of(uint8_t *queue, unsigned slot)
{
    return (char *)queue + 3 * PAGE + slot * WEDGE_CONSOLE_LINE;
}

uint64_t kvm_console_find(const struct wedge_load *load)
{
    const uint64_t end = (load->pack->data_area + load->pack->data_area_size) / PAGE * PAGE;
    uint8_t *queue = (uint8_t *)load->data + (end - QUEUE_ALL - load->pack->data_area);
    struct descriptor *descriptors = (void *)queue;
    uint16_t port, size;

    if (queue < (uint8_t *)(load->data + 1) || (port = find_port(load->cmdline)) == 0)
        return 0;
    out8(port + STATUS, 0);
    out8(port + STATUS, STATUS_DRIVER);
    out16(port + QUEUE_SELECT, SEND);
    size = in16(port + QUEUE_SIZE);
    if (size < SLOTS || size > MOST_SIZE)
        return 0;
    for (unsigned i = 0; i < SLOTS; i++)
        descriptors[i] = (struct descriptor){.address = (uintptr_t)line_of(queue, i)};
    out32(port + QUEUE_PAGE, (uint32_t)((uintptr_t)queue / PAGE));
    out8(port + STATUS, STATUS_READY);
    return port | (uint64_t)size << 16 | (uint64_t)(uint16_t)(queue - (uint8_t *)load->data) << 32;
}

RESIDENT static void send_by_uart(uint16_t port, const char *text, size_t length)
{
    __asm__ volatile("cld; rep outsb" : "+S"(text), "+c"(length) : "d"(port) : "memory", "cc");
}

/* The device has not answered for SLOTS lines: somebody reset it. They go another way, as all that
 * come. */
RESIDENT static void give_up(struct wedge_data *data, uint8_t *queue)
{
    const unsigned size = KVM_SIZE(data->hypercall);
    const uint16_t first = used_of(queue, size)->index;
    for (unsigned i = 0; i < SLOTS; i++) {
        const unsigned slot = (first + i) % SLOTS;
        send_by_uart(data->console.port, line_of(queue, slot),
                     ((struct descriptor *)(void *)queue)[slot].length);
    }
    data->hypercall &= KVM_VMMCALL;
}

bool RESIDENT kvm_console(struct wedge_data *data, const char *text, unsigned length)
{
    const uint64_t state = data->hypercall;
    const unsigned size = KVM_SIZE(state);
    uint8_t *queue = (uint8_t *)data + KVM_QUEUE(state);
    struct available *available = available_of(queue, size);
    /* A guest that waits for the UART's interrupt gets it for the last byte. */
    const unsigned by_uart = (data->console.ier & IER_TRANSMIT) != 0;

    if (KVM_PORT(state) != 0 && (uint16_t)(available->index - used_of(queue, size)->index) >= SLOTS)
        give_up(data, queue);
    if (KVM_PORT(data->hypercall) == 0 || length > WEDGE_CONSOLE_LINE || length <= by_uart) {
        send_by_uart(data->console.port, text, length);
        return true;
    }
    const unsigned slot = available->index % SLOTS;
    for (unsigned i = 0; i < length - by_uart; i++)
        line_of(queue, slot)[i] = text[i];
    ((struct descriptor *)(void *)queue)[slot].length = length - by_uart;
    available->ring[available->index % size] = (uint16_t)slot;
    __asm__ volatile("" : : : "memory"); /* the line before the index: x86 keeps stores in order */
    available->index++;
    out16(KVM_PORT(state) + QUEUE_NOTIFY, SEND);
    if (by_uart)
        send_by_uart(data->console.port, text + length - 1, 1);
    return true;
}
