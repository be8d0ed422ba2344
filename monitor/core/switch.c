/* SPDX-License-Identifier: Apache-2.0 */
#include "core/switch.h"
static void kick(struct virtio_device *d, unsigned q){(void)d;(void)q;}
const struct virtio_class switch_class={.name="net",.id=1,.queues=2,.features=1<<5,.config_bytes=6,.kick=kick};
void switch_join(struct switch_port *port, struct virtio_device *device, const char *vm, const char *network)
{(void)vm;(void)network;port->device=device;device->config[0]=2;device->config[5]=1;}
