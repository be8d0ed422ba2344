/* SPDX-License-Identifier: Apache-2.0 */
/* A guest that reaches for everything that isn't its own. `steps=a,b` chooses; default: all. */
#include "hostile.h"

#define TSC_HZ       2500000000ull /* QEMU's clocks; `hz=` of the command line: another's, for both */
#define TIMER_HZ     1000000000ull
#define WAIT_SECONDS 240u
#define UART_DATA    0x3f8u
#define UART_STATUS  0x3fdu
#define UART_READY   1u
#define BAD_LINES    20u

struct tally tallies[KINDS];
static unsigned said; /* lines about what must not be, of this attack */

static const struct {
    const char *name;
    void (*run)(void);
    bool by_name_only; /* takes long, ends the guest, or what others may not survive */
} attacks[] = {
    {"wait", attack_wait, true},
    {"memory", attack_memory, false},
    {"ports", attack_ports, false},
    {"msrs", attack_msrs, false},
    {"ipis", attack_ipis, false},
    {"insns", attack_insns, false},
    {"cpuid", attack_cpuid, false},
    {"step", attack_step, false},
    {"init", attack_init, false},
    {"timer", attack_timer, false},
    {"loops", attack_loops, false},
    {"strings", attack_strings, true},
    {"guarded-strings", attack_guarded_strings, true},
    {"smi", attack_smi, true},
    {"ram", attack_ram, true},
    {"tib", attack_tib, true},
    {"tib-sample", attack_tib_sample, true},
    {"all-msrs", attack_all_msrs, true},
    {"random-msrs", attack_random_msrs, true},
    {"icr", attack_icr, true},
    {"icr-flood", attack_icr_flood, true},
    {"apic", attack_apic, true},
    {"caches", attack_caches, true},
    {"xsetbv", attack_xsetbv, true},
    {"registers", attack_registers, true},
    {"hypercalls", attack_hypercalls, true},
    {"hypercall-flood", attack_hypercall_flood, true},
    {"debug-stack", attack_debug_stack, true},
    {"flood", attack_flood, true},
    {"crash", attack_crash, true},
    {"states", attack_states, true},
    {"virtio", attack_virtio, true},
    {"vectors", attack_vectors, true},
};

void tally(enum kind kind, bool refused)
{
    tallies[kind].attempts++;
    tallies[kind].refused += refused;
}

void bad(const char *what, uint64_t where, uint64_t value)
{
    if (said++ < BAD_LINES)
        print("HOSTILE BAD: %s at %lx: %lx\n", what, where, value);
}

bool is_service(void)
{
    return option_number("service") != 0;
}

bool is_vtx(void)
{
    char virt[8] = "";
    return option("virt", virt, sizeof(virt)) && same(virt, "vtx");
}

static uint64_t hz(uint64_t otherwise)
{
    uint64_t given = option_number("hz");
    return given != 0 ? given : otherwise;
}

void wait_seconds(unsigned seconds)
{
    uint64_t end = rdtsc() + seconds * hz(TSC_HZ);
    while (rdtsc() < end)
        relax();
}

void wait_byte(unsigned seconds)
{
    uint64_t end = rdtsc() + seconds * hz(TSC_HZ);
    while ((in8(UART_STATUS) & UART_READY) == 0 && rdtsc() < end)
        relax();
    while ((in8(UART_STATUS) & UART_READY) != 0)
        in8(UART_DATA);
    wait_seconds(1); /* the log port detaches: what is printed then has the VM's name before it */
}

/* Sleep for about so many microseconds without an exit but that of the timer's set-up. */
static void nap(uint32_t microseconds)
{
    wrmsr(X2APIC_TIMER_DIVIDE, 0xb);
    wrmsr(X2APIC_LVT_TIMER, VECTOR_IPI);
    wrmsr(X2APIC_TIMER_INIT, hz(TIMER_HZ) / 1000000 * microseconds);
    __asm__ volatile("sti; hlt; cli");
}

/* A line typed at the console. The log port is given time to detach before anything is said. */
static void read_line(char *line, size_t size)
{
    size_t length = 0;
    for (;;) {
        while ((in8(UART_STATUS) & UART_READY) == 0)
            nap(10000);
        char c = (char)in8(UART_DATA);
        if (c == '\r')
            break;
        if (length + 1 < size)
            line[length++] = c;
    }
    line[length] = '\0';
    for (unsigned i = 0; i < 100; i++)
        nap(10000);
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

static void print_kind(const char *what, bool refused)
{
    static const char *const names[KINDS] = {"memory", "ports",  "msrs",    "ipis",
                                             "insns",  "cpuids", "messages"};
    print("HOSTILE done %s:", what);
    for (unsigned i = 0; i < KINDS; i++)
        print(" %s %lu", names[i], refused ? tallies[i].refused : tallies[i].attempts);
    print("\n");
}

static void print_totals(void)
{
    print_kind("attempts", false);
    print_kind("refused", true);
}

static bool run(const char *name)
{
    for (unsigned i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
        if (!same(name, attacks[i].name))
            continue;
        print("HOSTILE step %s\n", name);
        said = 0;
        attacks[i].run();
        return true;
    }
    return false;
}

/* The test types the name of each attack, and looks at its neighbours in between. */
static _Noreturn void ask(void)
{
    char name[32];
    for (;;) {
        print("HOSTILE ready\n");
        read_line(name, sizeof(name));
        if (!run(name))
            print("HOSTILE BAD: no attack is called %s\n", name);
        print_totals();
    }
}

void guest_main(void)
{
    char steps[128] = "";
    option("steps", steps, sizeof(steps));
    print("HOSTILE begin: %u cores, %lu MiB, steps %s\n", cpu_count, memory_size >> 20, steps);
    random_seed();
    for (unsigned i = 1; i < cpu_count; i++)
        if (!cpu_revive(&cpus[i]))
            bad("a core does not start", cpus[i].apic_id, 0);
    tallies[IPIS].attempts += 2 * (cpu_count - 1); /* INIT and start-up */
    if (vectors_left())
        print_totals();
    if (same(steps, "ask"))
        ask();
    for (unsigned i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
        if (steps[0] == '\0' ? !attacks[i].by_name_only : listed(steps, attacks[i].name))
            run(attacks[i].name);
    print_totals();
    if (option("end", steps, sizeof(steps)) && same(steps, "wait"))
        for (;;) /* until the test has read the monitor's counts */
            __asm__ volatile("cli; hlt");
}
