/* SPDX-License-Identifier: Apache-2.0 */
/* The small PCI bus of a VM without devices: what a kernel finds, sizes and switches. */
#include "unit.h"

#include "x86/guest_pci.h"

#define UART 0x80000800u /* device 1, function 0 */

static uint32_t config_read(struct guest_pci *pci, uint32_t address)
{
    guest_pci_write(pci, PCI_ADDRESS, 4, address & ~3u);
    return guest_pci_read(pci, PCI_DATA, 4);
}

static void config_write(struct guest_pci *pci, uint32_t address, unsigned size, uint32_t value)
{
    guest_pci_write(pci, PCI_ADDRESS, 4, address & ~3u);
    guest_pci_write(pci, (uint16_t)(PCI_DATA + (address & 3)), size, value);
}

static void only_two_functions_exist(void **state)
{
    struct guest_pci pci;
    unsigned found = 0;
    (void)state;
    guest_pci_reset(&pci, true);
    for (uint32_t function = 0; function < 65536; function++)
        found += config_read(&pci, 0x80000000u | function << 8) != UINT32_MAX ? 1 : 0;
    assert_int_equal(found, 2);
    assert_int_equal(config_read(&pci, 0x00000000u), UINT32_MAX); /* not enabled */
    guest_pci_reset(&pci, false);
    assert_int_equal(config_read(&pci, UART), UINT32_MAX); /* console none */
}

static void uart_bar_is_sized_and_moved(void **state)
{
    struct guest_pci pci;
    (void)state;
    guest_pci_reset(&pci, true);
    assert_int_equal(guest_pci_uart_port(&pci), 0x3f8);
    config_write(&pci, UART | 0x14, 4, UINT32_MAX);
    assert_int_equal(config_read(&pci, UART | 0x14) & 0xffff, 0xfff9);
    config_write(&pci, UART | 0x14, 4, 0x1000);
    assert_int_equal(guest_pci_uart_port(&pci), 0x1000);
    config_write(&pci, UART | 4, 2, 0);
    assert_int_equal(guest_pci_uart_port(&pci), 0);
    config_write(&pci, UART | 0, 4, 0); /* ids are not the guest's to change */
    assert_int_equal(config_read(&pci, UART), 0x037e1590);
}

static void message_follows_its_registers(void **state)
{
    struct guest_pci pci;
    uint64_t address;
    uint32_t data;
    (void)state;
    guest_pci_reset(&pci, true);
    assert_false(guest_pci_uart_msi(&pci, &address, &data));
    config_write(&pci, UART | 0x44, 4, 0xfee05000);
    config_write(&pci, UART | 0x48, 4, 0);
    config_write(&pci, UART | 0x4c, 2, 0x4023);
    config_write(&pci, UART | 0x42, 2, 1);
    assert_true(guest_pci_uart_msi(&pci, &address, &data));
    assert_int_equal(address, 0xfee05000);
    assert_int_equal(data, 0x4023);
}

/* Any access, of any size, at any port of the mechanism, is safe. */
static void any_access_is_safe(void **state)
{
    struct guest_pci pci;
    uint32_t seed = 12345;
    (void)state;
    guest_pci_reset(&pci, true);
    for (unsigned i = 0; i < 200000; i++) {
        seed = seed * 1664525 + 1013904223;
        uint16_t port = (uint16_t)(PCI_ADDRESS + (seed >> 8) % 8);
        unsigned size = 1u << (seed >> 16) % 3;
        if ((seed >> 20 & 1) != 0)
            guest_pci_write(&pci, port, size, seed ^ 0x80000000u);
        else
            guest_pci_read(&pci, port, size);
    }
    assert_int_equal(config_read(&pci, UART), 0x037e1590);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_two_functions_exist),
        cmocka_unit_test(uart_bar_is_sized_and_moved),
        cmocka_unit_test(message_follows_its_registers),
        cmocka_unit_test(any_access_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
