/* SPDX-License-Identifier: Apache-2.0 */
/* The ports of a VM without real devices. */
#include "x86/guest_port.h"

#define KEYBOARD_COMMAND 0x64u
#define KEYBOARD_RESET   0xfeu
#define RESET_SYSTEM     0x04u /* in port CF9: reset now */
#define SLEEP_ENABLE     0x20u /* ACPI 4.8.3.7: sleep control */
#define SLEEP_TYPE(v)    ((v) >> 2 & 7u)

static bool has_uart(const struct vm *vm)
{
    return vm->config->console != CONFIG_CONSOLE_NONE;
}

uint16_t guest_console_port(const struct vm *vm)
{
    return has_uart(vm) && !vm->service ? guest_pci_uart_port(&vm->pci) : 0;
}

static bool uart_claims(const struct vm *vm, uint16_t port)
{
    uint16_t bar = guest_console_port(vm);
    return bar != 0 && port >= bar && port < bar + SERIAL_PORTS;
}

static bool pci_claims(uint16_t port)
{
    return port >= PCI_ADDRESS && port < PCI_DATA + 4 && port != GUEST_PORT_RESET;
}

bool guest_port_fixed(const struct vm *vm, uint16_t port)
{
    if (vm->service)
        return false;
    return (has_uart(vm) && port >= UART_COM1 && port < UART_COM1 + SERIAL_PORTS) ||
           pci_claims(port) || port == GUEST_PORT_RESET || port == GUEST_PORT_SLEEP_CONTROL ||
           port == GUEST_PORT_SLEEP_STATUS || port == KEYBOARD_COMMAND;
}

bool guest_port_emulated(const struct vm *vm, uint16_t port)
{
    return guest_port_fixed(vm, port) || uart_claims(vm, port);
}

bool guest_port_absent(uint16_t port)
{
    static const struct {
        uint16_t first, last;
    } absent[] = {
        {0x20, 0x21},   {0xa0, 0xa1},   {0x4d0, 0x4d1},                 /* PIC */
        {0x40, 0x43},   {0x61, 0x61},   {0x70, 0x71},                   /* PIT, speaker, RTC */
        {0x60, 0x60},   {0x64, 0x64},   {0x80, 0x80},   {0x92, 0x92},   /* keyboard, POST, A20 */
        {0x2f8, 0x2ff}, {0x3e8, 0x3ef}, {0x2e8, 0x2ef}, {0x3f8, 0x3ff}, /* UARTs */
        {0x3b0, 0x3df}, {0x87, 0x87},   {0xc0, 0xdf},                   /* VGA, DMA */
    };
    for (unsigned i = 0; i < ARRAY_SIZE(absent); i++)
        if (port >= absent[i].first && port <= absent[i].last)
            return true;
    return false;
}

/* Tell the guest if the UART's interrupt has come up since BEFORE. */
static void uart_notify(struct vm *vm, bool before)
{
    uint64_t address;
    uint32_t data;
    if (!before && serial_interrupt(&vm->console.serial) &&
        guest_pci_uart_msi(&vm->pci, &address, &data))
        ipi_message(vm, address, data);
}

static void uart_write(struct console *console, unsigned reg, uint8_t value)
{
    int sent = serial_write(&console->serial, reg, value);
    if (sent >= 0)
        console_output(console, (uint8_t)sent);
}

static void uart_access(struct vm *vm, const struct port_access *access, uint32_t *value)
{
    struct console *console = &vm->console;
    unsigned reg = access->port % SERIAL_PORTS;
    lock_take(&console->lock);
    bool before = serial_interrupt(&console->serial);
    if (access->in)
        *value = serial_read(&console->serial, reg);
    else
        uart_write(console, reg, (uint8_t)*value);
    uart_notify(vm, before);
    lock_release(&console->lock);
}

bool guest_console_input(struct vm *vm, uint16_t byte)
{
    struct console *console = &vm->console;
    if (vm->service || vm->config->console == CONFIG_CONSOLE_NONE)
        return false;
    lock_take(&console->lock);
    bool before = serial_interrupt(&console->serial);
    bool taken = serial_receive(&console->serial, byte);
    uart_notify(vm, before);
    lock_release(&console->lock);
    return taken;
}

/* One line at most, as it may go to the log port; memory that could be taken meanwhile is left out.
 * A port that a line of the user's is about is to be written one by one. */
uint64_t guest_console_output(struct vm *vm, gpa_t at, uint64_t length)
{
    struct console *console = &vm->console;
    const struct guest_memory made_with = guest_made_with(&vm->memory);
    uint64_t done = 0;
    const uint16_t port = guest_console_port(vm);
    const struct control_rules *rules = &atomic_load(&vm->controls)->ports;
    bool ended = port == 0 || control_find(rules, port, CONTROL_WRITE) != NULL;
    lock_take(&console->lock);
    bool before = serial_interrupt(&console->serial);
    while (done < length && !ended) {
        const uint8_t *from = guest_pointer(&made_with, (gpa_t){at.v + done}, 1);
        if (from == NULL)
            break;
        uint8_t byte = *(const volatile uint8_t *)from;
        uart_write(console, 0, byte);
        ended = byte == '\n';
        done++;
    }
    uart_notify(vm, before);
    lock_release(&console->lock);
    return done;
}

static bool reset_requested(const struct port_access *access, uint32_t value)
{
    if (access->in)
        return false;
    return (access->port == GUEST_PORT_RESET && (value & RESET_SYSTEM) != 0) ||
           (access->port == KEYBOARD_COMMAND && (value & 0xff) == KEYBOARD_RESET);
}

enum exit_reason guest_port(struct vcpu *vcpu, const struct port_access *access, uint32_t *value)
{
    struct vm *vm = vcpu->vm;
    if (access->size == 1 && uart_claims(vm, access->port)) {
        uart_access(vm, access, value);
        return EXIT_CONSOLE;
    }
    if (reset_requested(access, *value)) {
        vm_stop(vcpu, true, "reboot");
    } else if (access->port == GUEST_PORT_SLEEP_CONTROL && !access->in) {
        if ((*value & SLEEP_ENABLE) != 0 && SLEEP_TYPE(*value) == GUEST_S5_TYPE)
            vm_stop(vcpu, false, "power off");
    } else if (access->port == GUEST_PORT_SLEEP_CONTROL ||
               access->port == GUEST_PORT_SLEEP_STATUS || access->port == GUEST_PORT_RESET) {
        *value = 0;
    } else {
        port_deny(vcpu, access);
    }
    return EXIT_PORT;
}
