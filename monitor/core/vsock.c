/* SPDX-License-Identifier: Apache-2.0 */
#include "core/vsock.h"
static bool kick(struct virtio_device *d, unsigned q)
{
    (void)d;
    (void)q;
    return false;
}
const struct virtio_class vsock_class = {
    .name = "vsock", .id = 19, .queues = 3, .features = 0, .config_bytes = 8, .kick = kick};
void vsock_join(struct vsock_port *port, struct virtio_device *device, uint64_t cid,
                const struct config_vm *config)
{
    (void)config;
    port->device = device;
    device->config[0] = (uint8_t)cid;
}
