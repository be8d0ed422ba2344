/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CID 2: the control service's end of stream sockets (virtio 1.2, 5.10.6). The service VM alone may
 * connect, from source ports that need a privilege there. A request is a line, and a body if the
 * line asks for one; its answer is "ok N" or "error N", and N bytes.
 */
#pragma once

#include "core/vsock.h"

#define ENDPOINT_PORT        77u
#define ENDPOINT_PRIVILEGED  1024u /* source ports below */
#define ENDPOINT_CONNECTIONS 4u
#define ENDPOINT_LINE        256u /* of a request, with its newline */
#define ENDPOINT_CREDIT      (1024u * 1024u)
#define ENDPOINT_HEAD        32u /* room for an answer's first line */

/*
 * Who understands the requests. It is called by one core of the service VM at a time, which holds
 * no lock, for connection 0 .. ENDPOINT_CONNECTIONS - 1.
 */
struct endpoint_service {
    /* A request's LINE has come, without its newline: the length of the body that follows. */
    uint64_t (*line)(unsigned connection, const char *line);
    /* Some of the body. The guest may change DATA at any time: read it once. */
    void (*body)(unsigned connection, const uint8_t *data, uint32_t size);
    /* All has come: write the answer, at most SIZE bytes, and its length. False: an error. */
    bool (*answer)(unsigned connection, char *answer, uint32_t size, uint32_t *length);
    /* The connection ended before its request was complete. */
    void (*ended)(unsigned connection);
};

/* SIZE bytes at MEMORY are for answers, the same share for each connection. Before VMs start. */
void endpoint_init(const struct endpoint_service *service, char *memory, uint32_t size);
/* PORT, the service VM's, has sent packets to CID 2, or has new receive buffers. */
void endpoint_run(struct vsock_port *port);
/* The service VM's driver is gone, and all connections with it. */
void endpoint_reset(struct vsock_port *port);
