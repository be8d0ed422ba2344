/* SPDX-License-Identifier: Apache-2.0 */
/* A guest that reaches for everything that isn't its own. `steps=a,b` chooses; default: all. */
#include "hostile.h"

#define TSC_HZ       2500000000ull
#define WAIT_SECONDS 240u
#define UART_DATA    0x3f8u
#define UART_STATUS  0x3fdu
#define UART_READY   1u

struct tally tallies[KINDS];

static const struct {
    const char *name;
    void (*run)(void);
    bool by_name_only; /* ends the guest, or what others may not survive */
} attacks[] = {
    {"wait", attack_wait, true},    {"memory", attack_memory, false},
    {"ports", attack_ports, false}, {"msrs", attack_msrs, false},
    {"ipis", attack_ipis, false},   {"insns", attack_insns, false},
    {"cpuid", attack_cpuid, false}, {"step", attack_step, false},
    {"init", attack_init, false},   {"timer", attack_timer, false},
    {"loops", attack_loops, false}, {"debug-stack", attack_debug_stack, true},
    {"flood", attack_flood, true},  {"crash", attack_crash, true},
};

void tally(enum kind kind, bool refused)
{
    tallies[kind].attempts++;
    tallies[kind].refused += refused;
}

void bad(const char *what, uint64_t where, uint64_t value)
{
    static unsigned said;
    if (said++ < 20)
        print("HOSTILE BAD: %s at %lx: %lx\n", what, where, value);
}

void wait_seconds(unsigned seconds)
{
    uint64_t end = rdtsc() + seconds * TSC_HZ;
    while (rdtsc() < end)
        relax();
}

void wait_byte(unsigned seconds)
{
    uint64_t end = rdtsc() + seconds * TSC_HZ;
    while ((in8(UART_STATUS) & UART_READY) == 0 && rdtsc() < end)
        relax();
    while ((in8(UART_STATUS) & UART_READY) != 0)
        in8(UART_DATA);
    wait_seconds(1); /* the log port detaches: what is printed then has the VM's name before it */
}

/* Until the test has its other VMs where it wants them. */
void attack_wait(void)
{
    wait_byte(WAIT_SECONDS);
}

/* Is NAME one of the words between commas in LIST? */
static bool listed(const char *list, const char *name)
{
    while (*list != '\0') {
        const char *n = name;
        while (*n != '\0' && *n == *list) {
            n++;
            list++;
        }
        if (*n == '\0' && (*list == ',' || *list == '\0'))
            return true;
        while (*list != '\0' && *list++ != ',')
            ;
    }
    return false;
}

static void print_totals(void)
{
    print("HOSTILE done attempts: memory %lu ports %lu msrs %lu ipis %lu insns %lu\n",
          tallies[MEMORY].attempts, tallies[PORTS].attempts, tallies[MSRS].attempts,
          tallies[IPIS].attempts, tallies[INSNS].attempts);
    print("HOSTILE done refused: memory %lu ports %lu msrs %lu ipis %lu insns %lu\n",
          tallies[MEMORY].refused, tallies[PORTS].refused, tallies[MSRS].refused,
          tallies[IPIS].refused, tallies[INSNS].refused);
}

void guest_main(void)
{
    char steps[128] = "";
    option("steps", steps, sizeof(steps));
    print("HOSTILE begin: %u cores, %lu MiB, steps %s\n", cpu_count, memory_size >> 20, steps);
    for (unsigned i = 1; i < cpu_count; i++)
        if (!cpu_revive(&cpus[i]))
            bad("a core does not start", cpus[i].apic_id, 0);
    tallies[IPIS].attempts += 2 * (cpu_count - 1); /* INIT and start-up */
    for (unsigned i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
        if (steps[0] == '\0' ? attacks[i].by_name_only : !listed(steps, attacks[i].name))
            continue;
        print("HOSTILE step %s\n", attacks[i].name);
        attacks[i].run();
    }
    print_totals();
    if (option("end", steps, sizeof(steps)) && same(steps, "wait"))
        for (;;) /* until the test has read the monitor's counts */
            __asm__ volatile("cli; hlt");
}
