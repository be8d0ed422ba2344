/* SPDX-License-Identifier: Apache-2.0 */
/* What a stub asks: may this be done here? By kind, and never of a class that is to be left. */
#include "stub.h"

#define PORT_DELAY    0x80u
#define PORT_KEYBOARD 0x64u /* FEh: resets */
#define PORT_RESET    0xcf9u
#define PORT_PCI      0xcf8u
#define PORT_PCI_LAST 0xcffu

static RESIDENT uint16_t port_of(const struct wedge_regs *regs)
{
    uint32_t word = (uint32_t)regs->site;
    return (uint16_t)((word & SITE_PORT_DX) != 0 ? regs->rdx : SITE_PORT(word));
}

/* IN's result: of 1 and 2 bytes the rest of RAX stays. */
static RESIDENT void set_in(struct wedge_regs *regs, uint32_t value)
{
    unsigned width = SITE_WIDTH((uint32_t)regs->site);
    uint64_t kept = width == 4 ? 0 : ~0ull << (8 * width);
    regs->rax = (regs->rax & kept) | (value & ~kept & UINT32_MAX);
}

static RESIDENT bool is_absent(const struct wedge_data *data, uint32_t first, uint32_t last)
{
    for (unsigned i = 0; i < data->absent_count && i < WEDGE_PORT_RANGES; i++)
        if (first >= data->absent[i].first && last <= data->absent[i].last)
            return true;
    return false;
}

/* Ports that turn the machine off or reset it are not seldom where nothing else is. */
static RESIDENT bool handle_absent(const struct wedge_data *data, struct wedge_regs *regs)
{
    bool out = SITE_KIND((uint32_t)regs->site) == AFTERBURN_OUT;
    uint32_t port = port_of(regs);
    if ((out && (port == PORT_KEYBOARD || port == PORT_RESET)) ||
        !is_absent(data, port, port + SITE_WIDTH((uint32_t)regs->site) - 1))
        return false;
    if (!out)
        set_in(regs, UINT32_MAX);
    return true;
}

/* A write may end the guest. One to PCI's configuration does not, and comes between the bytes of
 * another core's line. */
static RESIDENT bool may_be_last(uint32_t port, const struct wedge_regs *regs)
{
    return SITE_KIND((uint32_t)regs->site) == AFTERBURN_OUT &&
           (port < PORT_PCI || port > PORT_PCI_LAST || port == PORT_RESET);
}

static RESIDENT bool handle_port(struct wedge_data *data, uint32_t done, struct wedge_regs *regs)
{
    uint32_t port = port_of(regs);
    unsigned width = SITE_WIDTH((uint32_t)regs->site);
    uint32_t uart = data->console.port;
    if (uart != 0 && port + width > uart && port < uart + 8)
        return wedge_console_access(data, regs, port - uart, (done & WEDGE_CONSOLE) != 0);
    if ((done & WEDGE_DELAY) != 0 && port == PORT_DELAY && width == 1 &&
        SITE_KIND((uint32_t)regs->site) == AFTERBURN_OUT)
        return true;
    if ((done & WEDGE_ABSENT) != 0 && handle_absent(data, regs))
        return true;
    if (may_be_last(port, regs))
        wedge_console_flush(data);
    return false;
}

RESIDENT bool wedge_handle(struct wedge_regs *regs)
{
    struct wedge_data *data = wedge_data();
    if (data->ground == GROUND_MULLION)
        mullion_follow(data);
    uint32_t done = data->classes & ~__atomic_load_n(&data->trap, __ATOMIC_RELAXED);
    if (data->ground == GROUND_COUNT && SITE_KIND((uint32_t)regs->site) < AFTERBURN_KINDS)
        return count_access(data, regs);
    switch (SITE_KIND((uint32_t)regs->site)) {
    case AFTERBURN_IN:
    case AFTERBURN_OUT:
        return handle_port(data, done, regs);
    case AFTERBURN_CPUID:
        return (done & WEDGE_CPUID) != 0 && wedge_cpuid(data, regs);
    case AFTERBURN_RDMSR:
        return (done & WEDGE_RDMSR) != 0 && wedge_rdmsr(data, regs);
    case SITE_HOOK_MODULE:
        return wedge_module(data, regs);
    case SITE_HOOK_IPI:
        return (done & WEDGE_IPI) != 0 && wedge_ipi(data, regs, false);
    case SITE_HOOK_IPI_BUT_US:
        return (done & WEDGE_IPI) != 0 && wedge_ipi(data, regs, true);
    default:
        return false;
    }
}
