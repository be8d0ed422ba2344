/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CID 2: the control service's end of stream sockets (virtio 1.2, 5.10.6). The service VM alone may
 * connect, from source ports that need a privilege there.
 */
#pragma once

#include "core/control.h"
#include "core/vsock.h"

#define ENDPOINT_PORT        77u
#define ENDPOINT_PRIVILEGED  1024u /* source ports below */
#define ENDPOINT_CONNECTIONS 4u
#define ENDPOINT_CREDIT      (1024u * 1024u)
#define ENDPOINT_MEMORY      (ENDPOINT_CONNECTIONS * (CONTROL_BODY_MAX + CONTROL_ANSWER_MAX))

/*
 * What may be requested; ENDPOINT_MEMORY bytes at MEMORY are for bodies and answers. Before VMs
 * start. Requests run on a core of the service VM, one at a time, without a lock held.
 */
void endpoint_init(const struct control_command *commands, uint8_t *memory);
/* PORT, the service VM's, has sent packets to CID 2, or has new receive buffers. */
void endpoint_run(struct vsock_port *port);
/* The service VM's driver is gone, and all connections with it. */
void endpoint_reset(struct vsock_port *port);
