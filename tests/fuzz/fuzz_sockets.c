/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile drivers of sockets: any rings, any headers, any order; and any bytes for CID 2. */
#include "fuzz.h"

#define VM_MEMORY   (64 * KIB)
#define VM_BUFFERS  (16 * KIB)
#define VM_SLOT     1024u
#define VM_RX_SIZE  16u
#define QUEUE_SPACE (4 * KIB)
#include "../unit/vsock_vm.h"

#include "core/endpoint.h"
#include "core/vsock_parts.h"

#define VMS     3u
#define TX_SIZE 16u
#define STEP                                                                                       \
    8u /* bytes of the input for one step: what and by whom, three small values, a large           \
        */

enum step { SEND, TEXT, POST, KICK, POKE, REGISTER, RESET, DRIVE, LEAVE, STEPS };

static struct socket_vm vms[VMS];
static bool there[VMS];
static uint8_t *memory;
static uint8_t place[64];

static bool run_list(struct control *control)
{
    while (!control->answer.overflow && control->answer.length < 3000)
        text_print(&control->answer, "%s\n", control->words[0]);
    return true;
}

/* All bodies go to one place; what is in one changes nothing else. */
static bool begin_keep(struct control *control)
{
    control->body = place;
    return control->body_length <= sizeof(place) || control_refuse(control, "too much");
}

static void abort_keep(struct control *control)
{
    must(control->body == place);
}

static const struct control_command commands[] = {
    {"list", NULL, run_list, NULL},
    {"keep LENGTH", begin_keep, run_list, abort_keep},
    {"echo LENGTH", NULL, run_list, NULL},
    {NULL, NULL, NULL, NULL},
};

static void check_lists(const struct vsock_port *port)
{
    unsigned held = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(port->lists); i++) {
        uint16_t head = port->lists[i].first;
        held += port->lists[i].count;
        for (unsigned n = port->lists[i].count; n > 0; n--) {
            must(head < VSOCK_TX_SIZE && port->behind[head] != 0);
            must(n > 1 || head == port->lists[i].last);
            head = (uint16_t)(port->behind[head] - 1);
        }
    }
    must(held == port->held && port->reset_count <= VSOCK_RESETS);
}

/* Who waits for VM's buffers is counted there, or a driver would not be asked to kick. */
static void check_waiting(unsigned vm)
{
    unsigned waiting = 0;
    for (unsigned i = 0; i < VMS; i++) {
        const struct vsock_port *from = &vms[i].port;
        waiting += there[i] ? from->lists[vm].count : 0;
        for (unsigned n = 0; there[i] && n < from->reset_count; n++)
            waiting += from->resets[n].dst_cid == vms[vm].port.cid ? 1 : 0;
    }
    must(waiting == atomic_load(&vms[vm].port.waiting));
}

static void check(void)
{
    for (unsigned i = 0; i < VMS; i++) {
        if (!there[i])
            continue;
        check_lists(&vms[i].port);
        check_waiting(i);
        must(vms[i].port.lists[VSOCK_ENDPOINT].count == 0);
    }
}

static void join(unsigned vm)
{
    virtio_init(&vms[vm].device, &vsock_class, &vms[vm].ram);
    vsock_join(&vms[vm].port, &vms[vm].device, VSOCK_CID_FIRST + vm, &vms[vm].config);
    there[vm] = true;
}

static void send(struct socket_vm *vm, const uint8_t *bytes, const uint8_t *text)
{
    static const uint64_t to[] = {3, 4, 5, 2, 2, 6, 0, UINT64_MAX};
    struct vsock_header header =
        vm_header(vm, to[bytes[1] % 8], bytes[1] >> 3, bytes[1] < 0xf0 ? ENDPOINT_PORT : bytes[2],
                  (enum vsock_op)(bytes[2] % 9));
    memcpy(&header.buf_alloc, bytes + 4, sizeof(header.buf_alloc));
    header.flags = bytes[3];
    header.size = text != NULL ? STEP - 3 : bytes[3] * 3u;
    header.fwd_cnt = bytes[6];
    if (text != NULL)
        header.op = VSOCK_RW;
    vm_send(vm, bytes[2] % TX_SIZE, &header, NULL, false);
    uint64_t *size = &vm->queues[VSOCK_TX].descriptors[2 * (bytes[2] % TX_SIZE) + 1];
    *size += header.size; /* the bytes are whatever lies there */
    if (text != NULL)
        memcpy(vm->memory + VM_PACKETS + bytes[2] % TX_SIZE * VM_SLOT + VSOCK_HEADER, text,
               header.size);
    virtio_write(&vm->device, VIRTIO_NOTIFY, 2, VSOCK_TX);
    if ((bytes[7] & 1) != 0) /* so many kicks would take long */
        vm->port.lists[bytes[7] >> 1 & 3].tries = VSOCK_PATIENCE;
}

static void take_step(const uint8_t *bytes)
{
    unsigned index = bytes[0] / STEPS % VMS;
    struct socket_vm *vm = &vms[index];
    uint32_t value;
    memcpy(&value, bytes + 4, sizeof(value));
    if (!there[index]) {
        join(index);
        vm_drive(vm, TX_SIZE);
    }
    switch ((enum step)(bytes[0] % STEPS)) {
    case SEND:
        send(vm, bytes, NULL);
        return;
    case TEXT:
        send(vm, bytes, bytes + 3);
        return;
    case POST:
        vm_post(vm, bytes[1] % 8, VSOCK_HEADER + bytes[2] * 4u);
        return;
    case KICK:
        virtio_write(&vm->device, VIRTIO_NOTIFY, 2, bytes[1] % 4);
        return;
    case POKE: /* into the rings, mostly */
        memcpy(vm->memory + (bytes[1] | (bytes[2] & 0x1fu) << 8) * 4u % (VM_MEMORY - 4), &value, 4);
        return;
    case REGISTER:
        virtio_write(&vm->device, bytes[1] % VIRTIO_BAR_BYTES & ~3u, 4, value);
        return;
    case RESET:
        virtio_reset(&vm->device);
        return;
    case DRIVE:
        vm_drive(vm, TX_SIZE);
        return;
    default:
        vsock_leave(&vm->port);
        there[index] = false;
    }
}

/* The memory of all VMs is made once; what a run leaves in it does not reach the next. */
static void make_vms(void)
{
    static const char *const names[VMS] = {"host", "a", "b"};
    static const char *const peers[VMS] = {NULL, "host", "a"};
    memory = malloc(ENDPOINT_MEMORY);
    must(memory != NULL);
    endpoint_init(commands, memory);
    for (unsigned i = 0; i < VMS; i++) {
        vm_init(&vms[i], names[i], i, peers[i]);
        vms[i].config.service = i == 0;
        there[i] = true;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (memory == NULL)
        make_vms();
    for (unsigned i = 0; i < VMS; i++) {
        memset(vms[i].memory, 0, VM_MEMORY);
        if (there[i])
            vsock_leave(&vms[i].port);
        join(i);
        vm_drive(&vms[i], TX_SIZE);
    }
    for (size_t at = 0; at + STEP <= size; at += STEP) {
        take_step(data + at);
        check();
    }
    return 0;
}
