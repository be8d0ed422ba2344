/* SPDX-License-Identifier: Apache-2.0 */
/* Who takes part, and who may talk to whom. */
#include "core/vsock_parts.h"
#include "lib/string.h"

static struct vsock_port *_Atomic ports[MAX_VMS];
static _Atomic unsigned users[MAX_VMS];   /* cores that have that port in hand */
static _Atomic uint32_t allowed[MAX_VMS]; /* who may talk to whom, bits by slot */
static struct lock join_lock;

struct vsock_port *vsock_port_use(unsigned slot)
{
    if (atomic_load(&ports[slot]) == NULL)
        return NULL;
    atomic_fetch_add(&users[slot], 1);
    struct vsock_port *port = atomic_load(&ports[slot]);
    if (port == NULL)
        atomic_fetch_sub(&users[slot], 1);
    return port;
}

void vsock_port_release(struct vsock_port *port)
{
    atomic_fetch_sub(&users[vsock_slot(port)], 1);
}

bool vsock_allowed(const struct vsock_port *port, unsigned slot)
{
    return (atomic_load(&allowed[vsock_slot(port)]) >> slot & 1) != 0;
}

static bool names(const struct config_vm *a, const struct config_vm *b)
{
    for (unsigned i = 0; i < a->peer_count; i++)
        if (strcmp(a->peers[i], b->name) == 0)
            return true;
    return false;
}

void vsock_join(struct vsock_port *port, struct virtio_device *device, uint64_t cid,
                const struct config_vm *vm)
{
    unsigned slot = (unsigned)(cid - VSOCK_CID_FIRST);
    memset(port, 0, sizeof(*port));
    port->device = device;
    port->cid = cid;
    port->vm = vm;
    device->port = port;
    memcpy(device->config, &cid, sizeof(cid));
    lock_take(&join_lock);
    for (unsigned i = 0; i < MAX_VMS; i++) {
        struct vsock_port *other = atomic_load(&ports[i]);
        if (other == NULL || (!names(vm, other->vm) && !names(other->vm, vm)))
            continue;
        atomic_fetch_or(&allowed[slot], 1u << i);
        atomic_fetch_or(&allowed[i], 1u << slot);
    }
    atomic_store(&ports[slot], port);
    lock_release(&join_lock);
}

void vsock_change_peers(void)
{
    lock_take(&join_lock);
    for (unsigned i = 0; i < MAX_VMS; i++) {
        const struct vsock_port *port = atomic_load(&ports[i]);
        uint32_t mask = 0;
        for (unsigned j = 0; j < MAX_VMS && port != NULL; j++) {
            const struct vsock_port *other = atomic_load(&ports[j]);
            if (other != NULL && other != port &&
                (names(port->vm, other->vm) || names(other->vm, port->vm)))
                mask |= 1u << j;
        }
        atomic_store(&allowed[i], mask);
    }
    lock_release(&join_lock);
}

void vsock_leave(struct vsock_port *port)
{
    unsigned slot = vsock_slot(port);
    if (port->device == NULL)
        return; /* it never joined */
    virtio_reset(port->device);
    lock_take(&join_lock);
    for (unsigned i = 0; i < MAX_VMS; i++)
        atomic_fetch_and(&allowed[i], ~(1u << slot));
    atomic_store(&allowed[slot], 0);
    atomic_store(&ports[slot], NULL);
    lock_release(&join_lock);
    port->device->port = NULL;
    while (atomic_load(&users[slot]) > 0)
        ;
}
