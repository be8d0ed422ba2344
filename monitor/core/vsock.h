/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "core/config.h"
#include "core/virtio.h"
struct vsock_port {
    struct virtio_device *device;
};
extern const struct virtio_class vsock_class;
void vsock_join(struct vsock_port *port, struct virtio_device *device, uint64_t cid,
                const struct config_vm *config);
