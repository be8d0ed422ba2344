/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports of the real machine that concern all VMs (ACPI 4.8.3; Intel ICH9 9.10, 13.9): the service
 * VM's power-off and reset become requests that concern the service VM alone.
 */
#include "x86/platform.h"

#include "core/log.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/guest_port.h"
#include "x86/pci.h"

#define PM1_SCI_ENABLE    1u
#define PM1_SLEEP_ENABLE  (1u << 13)
#define PM1_SLEEP_TYPE(v) ((v) >> 10 & 7u)
#define PORT_CF9          0xcf9u
#define PORT_KEYBOARD     0x64u
#define PORT_A20          0x92u
#define KEYBOARD_PULSE    0xf0u /* with bit 0 clear: pulses the reset line */
#define KEYBOARD_OUTPUT   0xd1u /* next byte drives the output port, reset line included */
#define TCO_OFFSET        0x60u /* from the PM base of Intel's chipsets: the watchdog */
#define TCO_SIZE          0x20u
#define SMI_OFFSET        0x30u
#define SMI_SIZE          8u
#define ACPI_ENABLE_US    300000u

static const struct acpi_info *acpi_info;
static uint32_t intel_pm_base; /* 0: not an Intel south bridge */

static bool in_range(uint32_t port, uint32_t first, uint32_t size)
{
    return first != 0 && port >= first && port < first + size;
}

static void switch_acpi_on(const struct acpi_info *acpi)
{
    if (acpi->smi_command == 0 || acpi->pm1a_control == 0 ||
        (in16((uint16_t)acpi->pm1a_control) & PM1_SCI_ENABLE) != 0)
        return;
    out8((uint16_t)acpi->smi_command, acpi->acpi_enable);
    uint64_t waited = 0;
    for (; (in16((uint16_t)acpi->pm1a_control) & PM1_SCI_ENABLE) == 0; waited += 1000) {
        if (waited >= ACPI_ENABLE_US) {
            log_warning("the firmware does not switch ACPI on; the service VM goes without power "
                        "events");
            return;
        }
        cpu_delay_us(1000);
    }
}

void platform_init(const struct acpi_info *acpi)
{
    acpi_info = acpi;
    bool intel = (pci_read(0x1f << 3, 0) & 0xffff) == 0x8086; /* 00:1f.0, the LPC bridge */
    if (intel && (acpi->pm1a_event & 0x7f) == 0)
        intel_pm_base = acpi->pm1a_event;
    switch_acpi_on(acpi);
}

/* PORT is in PM1a's or PM1b's control register; HIGH: it is the byte with SLP_TYP and SLP_EN. */
static bool is_pm1_control(uint32_t port, bool *high)
{
    *high = in_range(port - 1, acpi_info->pm1a_control, 1) ||
            in_range(port - 1, acpi_info->pm1b_control, 1);
    return *high || in_range(port, acpi_info->pm1a_control, 1) ||
           in_range(port, acpi_info->pm1b_control, 1);
}

/* Never the service VM's: SMIs run firmware outside all walls, the watchdog resets everybody. */
static bool is_denied(uint32_t port)
{
    return in_range(port, acpi_info->smi_command, 2) ||
           in_range(port, intel_pm_base + SMI_OFFSET, intel_pm_base != 0 ? SMI_SIZE : 0) ||
           in_range(port, intel_pm_base + TCO_OFFSET, intel_pm_base != 0 ? TCO_SIZE : 0) ||
           uart_owns_port(port, 1);
}

bool platform_guards_port(uint32_t port)
{
    bool high;
    return in_range(port, PCI_ADDRESS, 8) || port == PORT_KEYBOARD || port == PORT_A20 ||
           is_pm1_control(port, &high) || is_denied(port) ||
           in_range(port, acpi_info->reset_port, 1);
}

static bool byte_resets(uint32_t port, uint8_t value)
{
    if (port == PORT_CF9)
        return (value & 4) != 0;
    if (port == PORT_KEYBOARD)
        return (value & 0xf1) == KEYBOARD_PULSE;
    if (port == PORT_A20)
        return (value & 1) != 0;
    return in_range(port, acpi_info->reset_port, 1) && value == acpi_info->reset_value;
}

/* PM1 control: everything but SLP_EN passes; S5 is this VM's power-off, S3 and S4 are refused. */
static void write_pm1_high(struct vcpu *vcpu, uint16_t port, uint8_t value)
{
    uint32_t control = (uint32_t)value << 8;
    out8(port, (uint8_t)((control & ~PM1_SLEEP_ENABLE) >> 8));
    if ((control & PM1_SLEEP_ENABLE) == 0)
        return;
    if (PM1_SLEEP_TYPE(control) == acpi_info->s5_type_a)
        vm_stop(vcpu, false, "power off");
    else
        log_warning("vm \"%s\": sleep state with type %u refused: the other VMs stay awake",
                    vcpu->vm->config->name, PM1_SLEEP_TYPE(control));
}

static void write_byte(struct vcpu *vcpu, const struct port_access *access, uint8_t value)
{
    bool high;
    uint16_t port = access->port;
    if (is_denied(port) || (port == PORT_KEYBOARD && value == KEYBOARD_OUTPUT))
        port_deny(vcpu, access);
    else if (byte_resets(port, value))
        vm_stop(vcpu, true, "reboot");
    else if (is_pm1_control(port, &high) && high)
        write_pm1_high(vcpu, port, value);
    else
        out8(port, value);
}

/* A write that touches a guarded port, wherever it begins, is taken apart into its bytes. */
static void write_guarded(struct vcpu *vcpu, const struct port_access *access, uint32_t value)
{
    struct port_access byte = *access;
    byte.size = 1;
    for (unsigned i = 0; i < access->size && access->port + i <= UINT16_MAX; i++) {
        byte.port = (uint16_t)(access->port + i);
        write_byte(vcpu, &byte, (uint8_t)(value >> 8 * i));
    }
}

static bool any_byte(const struct port_access *access, bool (*is)(uint32_t port))
{
    for (unsigned i = 0; i < access->size; i++)
        if (is(access->port + i))
            return true;
    return false;
}

void platform_port(struct vcpu *vcpu, const struct port_access *access, uint32_t *value)
{
    if (!access->in && any_byte(access, platform_guards_port))
        write_guarded(vcpu, access, *value);
    else if (any_byte(access, is_denied))
        port_deny(vcpu, access);
    else if (access->in)
        *value = port_real_read(access->port, access->size);
    else
        port_real_write(access->port, access->size, *value);
}

void platform_quiesce(void)
{
    ioapic_mask_all();
    pci_quiesce();
}

static void enter_sleep(uint32_t control, uint32_t type)
{
    out16((uint16_t)control, (uint16_t)(type << 10 | PM1_SLEEP_ENABLE));
}

void platform_power_off(void)
{
    if (acpi_info->pm1a_control == 0 || acpi_info->s5_type_a == 0xff) {
        log_warning("the firmware names no way to switch off; the machine halts");
        return;
    }
    enter_sleep(acpi_info->pm1a_control, acpi_info->s5_type_a);
    if (acpi_info->pm1b_control != 0)
        enter_sleep(acpi_info->pm1b_control, acpi_info->s5_type_b);
}
