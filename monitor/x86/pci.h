/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's own PCI functions, through configuration mechanism 1. */
#pragma once

#include "x86/exit.h"

/* FUNCTION: bus << 8 | device << 3 | function; OFFSET: a multiple of 4. Service VM's cores stopped,
 * or boot. */
uint32_t pci_read(uint32_t function, uint32_t offset);
/* Two device numbers of bus 0 where the machine has nothing. */
void pci_free_devices(uint8_t numbers[2]);
/* The service VM's access to the data port while its address register is ADDRESS. */
void pci_access(uint32_t address, const struct port_access *access, uint32_t *value);
/* No function writes to memory any more or sends messages; then those that can be reset are. */
void pci_quiesce(void);
