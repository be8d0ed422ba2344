/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Xen, a PVH guest that is not dom0: of the old PC nothing is there but the local APIC. Its console
 * is a ring in shared memory, so there is no UART to answer for. The numbers are those of Xen's
 * public interface: hypercalls, CPUID leaves, parameters of HVM guests, the console's ring.
 */
#include "ground.h"

#define CALL_VERSION        17u
#define CALL_SCHEDULE       29u
#define CALL_EVENT          32u
#define CALL_HVM            34u
#define VERSION_FEATURES    6u
#define FEATURE_DOM0        (1u << 11)
#define SCHEDULE_YIELD      0u
#define EVENT_SEND          4u
#define HVM_GET_PARAM       1u
#define PARAM_CONSOLE_PAGE  17u
#define PARAM_CONSOLE_EVENT 18u
#define DOMAIN_SELF         0x7ff0u

#define PORT_SPEAKER 0x61u
#define PORT_DEBUG   0xe9u /* Xen's own: a line to its log */
#define PORT_PCI     0xcf8u

#define RING_OUT 2048u
#define PATIENCE 10000u /* yields while the ring is full: no console may stop a boot */

/* A page that is shared with whoever shows the console. */
struct ring {
    char in[1024];
    char out[RING_OUT];
    uint32_t in_read, in_written; /* 0c00 */
    uint32_t out_read, out_written;
};
_Static_assert(offsetof(struct ring, out_written) == 0xc0c, "console ring");

static int64_t call(uint64_t number, uint64_t first, const void *second)
{
    if (is_intel())
        __asm__ volatile("vmcall" : "+a"(number), "+D"(first), "+S"(second) : : "memory");
    else
        __asm__ volatile("vmmcall" : "+a"(number), "+D"(first), "+S"(second) : : "memory");
    return (int64_t)number;
}

/* Xen's first leaf, 0 if nobody has its signature: "XenVMMXenVMM". */
static uint32_t xen_leaf(void)
{
    return ground_leaf(0x566e6558, 0x65584d4d, 0x4d4d566e);
}

static bool detect(void)
{
    return xen_leaf() != 0;
}

/* dom0 has the machine's ports. Any other PVH guest has none but Xen's own; two witnesses. */
static bool has_no_ports(void)
{
    struct {
        uint32_t index, features;
    } version = {0, 0};
    uint32_t pci;
    uint8_t speaker;
    if (call(CALL_VERSION, VERSION_FEATURES, &version) != 0 || (version.features & FEATURE_DOM0))
        return false;
    __asm__ volatile("outl %1, %w2; inl %w2, %0" : "=a"(pci) : "a"(0x80000000u), "d"(PORT_PCI));
    __asm__ volatile("inb %1, %0" : "=a"(speaker) : "Nd"((uint16_t)PORT_SPEAKER));
    return pci == UINT32_MAX && speaker == 0xff;
}

static const char *start(struct wedge_load *load)
{
    struct wedge_data *data = load->data;
    data->classes = WEDGE_DELAY | WEDGE_ABSENT | WEDGE_CPUID | WEDGE_RDMSR;
    load->kinds = GROUND_KINDS;
    if (has_no_ports()) {
        data->absent[data->absent_count++] = (struct wedge_ports){0, PORT_DEBUG - 1};
        data->absent[data->absent_count++] = (struct wedge_ports){PORT_DEBUG + 1, UINT16_MAX};
    } else {
        wedge_probe_absent(data);
    }
    ground_void(data, xen_leaf() + LEAF_STEP);
    ground_msrs(data);
    return NULL;
}

static uint64_t parameter(uint32_t index)
{
    struct {
        uint16_t domain;
        uint32_t index;
        uint64_t value;
    } asked = {DOMAIN_SELF, index, 0};
    return call(CALL_HVM, HVM_GET_PARAM, &asked) == 0 ? asked.value : 0;
}

static void notify(void)
{
    uint32_t event = (uint32_t)parameter(PARAM_CONSOLE_EVENT);
    call(CALL_EVENT, EVENT_SEND, &event);
}

static void send(struct ring *ring, char c)
{
    uint32_t at = ring->out_written;
    for (unsigned i = 0; i < PATIENCE; i++) {
        if (at - __atomic_load_n(&ring->out_read, __ATOMIC_ACQUIRE) < RING_OUT) {
            ring->out[at % RING_OUT] = c;
            __atomic_store_n(&ring->out_written, at + 1, __ATOMIC_RELEASE);
            return;
        }
        if (i == 0)
            notify();
        call(CALL_SCHEDULE, SCHEDULE_YIELD, NULL);
    }
}

/* As the guest's own lines, where `xl console` shows them; the guest goes on in the same ring. */
static void print(const char *text, size_t length)
{
    struct ring *ring = (struct ring *)(uintptr_t)(parameter(PARAM_CONSOLE_PAGE) << 12);
    for (size_t i = 0; i < length; i++) {
        if (ring == NULL) {
            __asm__ volatile("outb %0, %1" : : "a"(text[i]), "Nd"((uint16_t)PORT_DEBUG));
            continue;
        }
        if (text[i] == '\n')
            send(ring, '\r');
        send(ring, text[i]);
    }
    if (ring != NULL)
        notify();
}

const struct wedge_mapping mapping_xen = {"xen", GROUND_XEN, detect, start, print};
