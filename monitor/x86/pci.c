/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's PCI functions, when the service VM that drove them is gone: no bus mastering, then
 * a reset of each function that has one (PCI Express 5.0, 6.6.2; PCI AF ECN; PCI PM 1.2, 5.4).
 */
#include "x86/pci.h"

#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/guest_port.h"

#define FUNCTIONS         65536u
#define HEADER_WORDS      16u
#define CFG_COMMAND       0x04u
#define COMMAND_MASTER    4u
#define STATUS_CAPS       (1u << 20)
#define CLASS(revision)   ((revision) >> 24)
#define CLASS_DISPLAY     0x03u /* a reset would take the service VM's framebuffer away */
#define CLASS_BRIDGE      0x06u
#define CAP_POWER         0x01u
#define CAP_EXPRESS       0x10u
#define CAP_ADVANCED      0x13u
#define CAPS_MAX          48u
#define EXPRESS_CAN_RESET (1u << 28)
#define EXPRESS_RESET     (1u << 15)
#define ADVANCED_RESETS   (3u << 24) /* transactions pending and reset are supported */
#define POWER_D3          3u
#define POWER_KEEPS       (1u << 3) /* no soft reset between D3hot and D0 */
#define RESET_US          100000u
#define POWER_US          10000u

uint32_t pci_read(uint32_t function, uint32_t offset)
{
    out32(PCI_ADDRESS, 1u << 31 | function << 8 | offset);
    return in32(PCI_DATA);
}

static void pci_write(uint32_t function, uint32_t offset, uint32_t value)
{
    out32(PCI_ADDRESS, 1u << 31 | function << 8 | offset);
    out32(PCI_DATA, value);
}

static bool is_there(uint32_t function)
{
    return (pci_read(function, 0) & 0xffff) != 0xffff;
}

void pci_free_devices(uint8_t numbers[2])
{
    unsigned found = 0;
    for (uint8_t device = 31; device > 0 && found < 2; device--)
        if (!is_there((uint32_t)device << 3))
            numbers[found++] = device;
}

void pci_access(uint32_t address, const struct port_access *access, uint32_t *value)
{
    out32(PCI_ADDRESS, address);
    if (access->in)
        *value = port_real_read(access->port, access->size);
    else
        port_real_write(access->port, access->size, *value);
}

/* Where the capability ID of FUNCTION is, or 0. */
static uint32_t find_capability(uint32_t function, uint32_t id)
{
    uint32_t at =
        (pci_read(function, CFG_COMMAND) & STATUS_CAPS) != 0 ? pci_read(function, 0x34) & 0xfc : 0;
    for (unsigned i = 0; i < CAPS_MAX && at != 0; i++) {
        uint32_t header = pci_read(function, at);
        if ((header & 0xff) == id)
            return at;
        at = header >> 8 & 0xfc;
    }
    return 0;
}

/* Ask FUNCTION for the first kind of reset that it has; false if it has none. */
static bool request_reset(uint32_t function)
{
    uint32_t express = find_capability(function, CAP_EXPRESS);
    if (express != 0 && (pci_read(function, express + 4) & EXPRESS_CAN_RESET) != 0) {
        pci_write(function, express + 8,
                  (pci_read(function, express + 8) & 0xffff) | EXPRESS_RESET);
        cpu_delay_us(RESET_US);
        return true;
    }
    uint32_t advanced = find_capability(function, CAP_ADVANCED);
    if (advanced != 0 && (pci_read(function, advanced) & ADVANCED_RESETS) == ADVANCED_RESETS) {
        pci_write(function, advanced + 4, 1);
        cpu_delay_us(RESET_US);
        return true;
    }
    uint32_t power = find_capability(function, CAP_POWER);
    if (power == 0 || (pci_read(function, power + 4) & POWER_KEEPS) != 0)
        return false;
    uint32_t state = pci_read(function, power + 4) & 0xffff & ~POWER_D3;
    pci_write(function, power + 4, state | POWER_D3);
    cpu_delay_us(POWER_US);
    pci_write(function, power + 4, state);
    cpu_delay_us(POWER_US);
    return true;
}

/* A reset takes the addresses that the firmware gave: put them back. */
static void reset(uint32_t function)
{
    uint32_t header[HEADER_WORDS];
    uint32_t class = CLASS(pci_read(function, 8));
    if (class == CLASS_BRIDGE || class == CLASS_DISPLAY)
        return;
    for (uint32_t i = 0; i < HEADER_WORDS; i++)
        header[i] = pci_read(function, i * 4);
    if (!request_reset(function))
        return;
    for (uint32_t i = HEADER_WORDS; i-- > 1;) /* the command word, which opens the BARs, last */
        pci_write(function, i * 4, i == 1 ? header[i] & 0xffff : header[i]);
}

/* Bridges must go on forwarding. */
static void stop_master(uint32_t function)
{
    bool bridge = (pci_read(function, 0x0c) >> 16 & 0x7f) != 0;
    uint32_t command = pci_read(function, CFG_COMMAND) & 0xffff;
    if (!bridge && (command & COMMAND_MASTER) != 0)
        pci_write(function, CFG_COMMAND, command & ~COMMAND_MASTER);
}

static void for_each(void (*what)(uint32_t function))
{
    for (uint32_t function = 0; function < FUNCTIONS; function++) {
        if (is_there(function))
            what(function);
        else if (function % 8 == 0)
            function += 7; /* no function 0: no device */
    }
}

void pci_quiesce(void)
{
    for_each(stop_master);
    for_each(reset);
}
