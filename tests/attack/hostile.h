/* SPDX-License-Identifier: Apache-2.0 */
/* The hostile guest: one attack family a file, and what each counts. */
#pragma once

#include "guest.h"

enum kind { MEMORY, PORTS, MSRS, IPIS, INSNS, CPUIDS, MESSAGES, KINDS };

/* What was tried, and what of it the guest knows to have been refused. */
struct tally {
    uint64_t attempts, refused;
};

extern struct tally tallies[KINDS];

/* One attempt of KIND; REFUSED: it faulted, was dropped, or gave nothing. */
void tally(enum kind kind, bool refused);
/* Something that must never happen; the tests look for this line. */
void bad(const char *what, uint64_t where, uint64_t value);
/* Is this the service VM? The test has said so. */
bool is_service(void);
/* Wait by the TSC; it runs at a few GHz everywhere. */
bool is_vtx(void); /* `virt=vtx`: the machine's processor has VT-x, not SVM */
void wait_seconds(unsigned seconds);
/* Wait for a byte typed at the console, at most so long. */
void wait_byte(unsigned seconds);

void attack_wait(void);
void attack_memory(void);
void attack_ports(void);
void attack_msrs(void);
void attack_ipis(void);
void attack_insns(void);
void attack_cpuid(void);
void attack_loops(void);
void attack_debug_stack(void);
void attack_step(void);
void attack_timer(void);
void attack_init(void);
void attack_strings(void);
void attack_smi(void);
void attack_guarded_strings(void);
void attack_ram(void);
void attack_tib(void);
void attack_tib_sample(void);
void attack_all_msrs(void);
void attack_random_msrs(void);
void attack_icr(void);
void attack_icr_flood(void);
void attack_apic(void);
void attack_caches(void);
void attack_xsetbv(void);
void attack_registers(void);
void hypercalls_from_ring_3(unsigned times);
void attack_hypercalls(void);
void attack_hypercall_flood(void);
void attack_states(void);
void attack_flood(void);
void attack_crash(void);
void attack_virtio(void);
void attack_vectors(void);
bool vectors_left(void); /* is this the start after attack_vectors? Then it has looked */
