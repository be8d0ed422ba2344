/* SPDX-License-Identifier: Apache-2.0 */
/* Any sequence of a guest's accesses to its UART and PCI bus, and of input to its console. */
#include "fuzz.h"

#include "core/console.h"
#include "core/log.h"
#include "x86/guest_pci.h"

#define STEP 6u /* bytes of the input for one step: what, where, value */

enum step {
    UART_READ,
    UART_WRITE,
    UART_INPUT,
    PCI_READ,
    PCI_WRITE,
    PCI_SELECT,
    CONSOLE_FLUSH,
    CONSOLE_TEXT,
    STEPS,
};

static struct console console;
static struct guest_pci pci;
static char line[2 * CONSOLE_LINE];
static size_t line_length;

/* What reaches the log is whole lines that name the VM: it can't speak for another. */
static void check_log(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        must(line_length < sizeof(line));
        if (text[i] == '\r')
            continue;
        if (text[i] != '\n') {
            must((unsigned char)text[i] >= ' ' || text[i] == '\t');
            must(text[i] != 0x7f);
            line[line_length++] = text[i];
            continue;
        }
        must(line_length >= 5 && memcmp(line, "[vm] ", 5) == 0);
        must(line_length <= 5 + CONSOLE_LINE);
        line_length = 0;
    }
}

static uint64_t no_time(void)
{
    return 0;
}

static cpu_id_t one_core(void)
{
    return 0;
}

static void check_uart(void)
{
    const struct serial *serial = &console.serial;
    must(serial->fifo_count <= SERIAL_FIFO && serial->fifo_start < SERIAL_FIFO);
    must((serial->ier & 0xf0) == 0 && (serial->mcr & 0xe0) == 0);
    must(serial->ier != 0 || !serial_interrupt(serial));
    must(console.line_length <= CONSOLE_LINE);
}

static void check_pci(void)
{
    uint64_t address;
    uint32_t data;
    must(guest_pci_uart_port(&pci) % SERIAL_PORTS == 0);
    must(!guest_pci_uart_msi(&pci, &address, &data) || ((address & 3) == 0 && data <= 0xffff));
    struct guest_pci copy = pci; /* what the guest can't change: ids, class, capability */
    guest_pci_reset(&copy, pci.device[PCI_UART] != PCI_NOWHERE);
    guest_pci_add_virtio(&copy, PCI_NET, PCI_NET, 1, 3);
    must(guest_pci_virtio_port(&pci, PCI_NET) % 0x80 == 0);
    must(guest_pci_virtio_page(&pci, PCI_NET) % PAGE_SIZE == 0);
    for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
        for (unsigned i = 0; i < PCI_CONFIG_BYTES; i++)
            must(((pci.config[slot][i] ^ copy.config[slot][i]) & ~copy.writable[slot][i]) == 0);
}

/* An access of SIZE bytes reads no more than that, or all ones where nothing is. */
static void read_pci(uint16_t port, unsigned size)
{
    uint32_t value = guest_pci_read(&pci, port, size);
    must(value == UINT32_MAX || size == 4 || value < 1u << 8 * size);
}

static void take_step(const uint8_t *bytes)
{
    static const unsigned sizes[] = {1, 2, 4};
    uint32_t value;
    memcpy(&value, bytes + 2, sizeof(value));
    unsigned size = sizes[bytes[0] / STEPS % 3];
    uint16_t port = (uint16_t)(PCI_ADDRESS + bytes[1] % 8); /* the access may end behind them */
    switch ((enum step)(bytes[0] % STEPS)) {
    case UART_READ:
        (void)serial_read(&console.serial, bytes[1] % SERIAL_PORTS);
        return;
    case UART_WRITE:
        if (serial_write(&console.serial, bytes[1] % SERIAL_PORTS, bytes[2]) >= 0)
            console_output(&console, bytes[2]);
        return;
    case UART_INPUT:
        for (unsigned i = 0; i < bytes[1]; i++)
            (void)serial_receive(&console.serial, bytes[2]);
        return;
    case PCI_READ:
        read_pci(port, size);
        return;
    case PCI_SELECT: /* most addresses name no device: here, those of the bus's first slots */
        value = 0x80000000u | (value & 0x18fc);
        guest_pci_write(&pci, PCI_ADDRESS, 4, value);
        return;
    case PCI_WRITE:
        guest_pci_write(&pci, port, size, value);
        return;
    case CONSOLE_FLUSH:
        console_flush(&console);
        return;
    default:
        for (unsigned i = 0; i < bytes[1]; i++)
            console_output(&console, bytes[2 + i % 4]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct log_ops ops = {no_time, one_core, check_log};
    if (size < 1)
        return -1;
    if (console.name == NULL) /* once: the log says all that it remembers to new ones */
        log_set_ops(&ops);
    memset(&console, 0, sizeof(console));
    console_init(&console, "vm");
    guest_pci_reset(&pci, (data[0] & 1) != 0);
    guest_pci_add_virtio(&pci, PCI_NET, PCI_NET, 1, 3);
    for (size_t at = 1; at + STEP <= size; at += STEP) {
        take_step(data + at);
        check_uart();
        check_pci();
    }
    console_flush(&console);
    must(line_length == 0);
    return 0;
}
