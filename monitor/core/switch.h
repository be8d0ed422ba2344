/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "core/virtio.h"
struct switch_port { struct virtio_device *device; };
extern const struct virtio_class switch_class;
void switch_join(struct switch_port *port, struct virtio_device *device, const char *vm, const char *network);
