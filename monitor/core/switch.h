/* SPDX-License-Identifier: Apache-2.0 */
/* A layer-2 switch between the VMs that name the same network: virtio-net (virtio 1.2, 5.1). */
#pragma once

#include "core/config.h"
#include "core/virtio.h"

#define SWITCH_MAC_BYTES 6u

struct switch_port {
    struct virtio_device *device;
    char network[CONFIG_NAME_MAX];
    uint8_t mac[SWITCH_MAC_BYTES];
    unsigned index;          /* in the switch's table */
    _Atomic unsigned stream; /* who has sent a large frame, and for how many more is room */
};

extern const struct virtio_class switch_class;

/* Derive a VM's address from its name: 02, then the low 40 bits of the name's FNV-1a hash. */
void switch_mac(const char *vm, uint8_t mac[SWITCH_MAC_BYTES]);
/* DEVICE, of switch_class, is VM's on NETWORK from now on. PORT stays the switch's until it leaves.
 */
void switch_join(struct switch_port *port, struct virtio_device *device, const char *vm,
                 const char *network);
/* PORT, which has joined, is in that network from now on. */
void switch_move(struct switch_port *port, const char *network);
/* When this returns and the device is reset, no core of another VM touches it any more. */
void switch_leave(struct switch_port *port);
