/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What leaves a guest beyond the isolation floor, and what is done then: without hardware. The back
 * ends translate it into their control blocks.
 */
#pragma once

#include "core/text.h"

/* Instructions that a processor can be told to report. */
enum control_event {
    CONTROL_HLT,
    CONTROL_PAUSE,
    CONTROL_MONITOR,
    CONTROL_MWAIT,
    CONTROL_RDTSC,
    CONTROL_RDTSCP,
    CONTROL_RDPMC,
    CONTROL_INVLPG,
    CONTROL_WBINVD,
    CONTROL_CR0, /* writes */
    CONTROL_CR3,
    CONTROL_CR4,
    CONTROL_DR,     /* reads and writes of debug registers */
    CONTROL_TABLES, /* of descriptors: loads of GDTR, IDTR, LDTR and TR */
    CONTROL_XSETBV,
    CONTROL_INVD,
    CONTROL_CPUID,
    CONTROL_SWINT, /* INT n */
    CONTROL_EVENTS
};

#define CONTROL_EXCEPTIONS 32u
#define CONTROL_RULES_MAX  16u
#define CONTROL_CPUIDS_MAX 16u

/* CONTROL_UNSET is what no line says; it means CONTROL_PASS. */
enum control_policy {
    CONTROL_UNSET,
    CONTROL_PASS, /* does not leave the guest, where the monitor itself need not look; rules: allow
                   */
    CONTROL_COUNT,
    CONTROL_LOG,   /* count, and a record in the VM's ring of events */
    CONTROL_STOP,  /* the same, and the VM pauses; not for rules */
    CONTROL_DENY,  /* the instruction's own fault, or an absent device's answer */
    CONTROL_IGNORE /* rules for writes of MSRs: nothing is written */
};

/* What becomes of ports and MSRs that nothing lists. */
enum control_unlisted {
    CONTROL_UNLISTED_UNSET, /* means CONTROL_UNLISTED_DENY */
    CONTROL_UNLISTED_DENY,
    CONTROL_UNLISTED_AUDIT /* a record of each, and what is harmless to others is allowed */
};

enum control_access { CONTROL_READ = 1, CONTROL_WRITE = 2, CONTROL_READ_WRITE = 3 };

/* What is done with accesses to FIRST..LAST. Where rules overlap, the later one wins. */
struct control_rule {
    uint32_t first;
    uint32_t last;
    enum control_access access; /* ports: always both */
    enum control_policy policy;
};

struct control_rules {
    struct control_rule list[CONTROL_RULES_MAX];
    unsigned count;
};

enum control_answer { CONTROL_ANSWER_PASS, CONTROL_ANSWER_MASK, CONTROL_ANSWER_SET };

/* What becomes of one register of one leaf of CPUID. No padding: compared by its bytes. */
struct control_cpuid {
    uint32_t leaf, subleaf;
    uint16_t any_subleaf; /* a bool */
    uint8_t reg;          /* 0 to 3: EAX to EDX */
    uint8_t answer;       /* enum control_answer */
    uint32_t value;
};

struct control_cpuids {
    struct control_cpuid list[CONTROL_CPUIDS_MAX];
    unsigned count;
};

struct controls {
    uint64_t bits[CONTROL_EVENTS]; /* CR0, CR4: writes that change one of these; 0: all writes */
    int64_t tsc_offset;
    uint16_t pause_count, pause_window;     /* PAUSEs, ticks; 0: no filter, no window */
    bool tsc_said, pause_said;              /* by a line, be it 0 */
    uint8_t events[CONTROL_EVENTS];         /* enum control_policy */
    uint8_t exceptions[CONTROL_EXCEPTIONS]; /* by vector */
    uint8_t unlisted;                       /* enum control_unlisted */
    struct control_rules ports, msrs;
    struct control_cpuids cpuids;
};

/* As the configuration writes them. */
const char *control_event_name(enum control_event event);
const char *control_policy_name(enum control_policy policy);
const char *control_unlisted_name(enum control_unlisted unlisted);

/* The policy, and the bits it is about: `0x4-count`. */
struct control_shown {
    char text[40];
};
struct control_shown control_show(const struct controls *controls, enum control_event event);

/* What a guest may not simply do. */
static inline bool control_watches(uint8_t policy)
{
    return policy > CONTROL_PASS;
}

/* The last rule that covers ACCESS to NUMBER, or NULL. */
const struct control_rule *control_find(const struct control_rules *rules, uint32_t number,
                                        enum control_access access);
/* What a guest reads in register REG where the monitor answers VALUE; the last rule wins. */
uint32_t control_cpuid_answer(const struct control_cpuids *rules, uint32_t leaf, uint32_t subleaf,
                              unsigned reg, uint32_t value);
/* RULE goes in the place of the one about the same; false: too many rules. */
bool control_cpuid_add(struct control_cpuids *rules, const struct control_cpuid *rule);
/* As parts of the three functions below (controls_cpuid.c). */
bool control_cpuid_add_base(struct control_cpuids *rules, const struct control_cpuids *base);
void control_cpuid_write(struct text *text, const struct control_cpuids *rules);
unsigned control_cpuid_differences(struct text *text, const char *name,
                                   const struct control_cpuids *old,
                                   const struct control_cpuids *now);
/* What CONTROLS leave unset is as in BASE, whose rules go first; false: too many rules. */
bool controls_add_base(struct controls *controls, const struct controls *base);
/* CONTROL_PASS becomes CONTROL_UNSET: so that equal controls are equal bytes. */
void controls_settle(struct controls *controls);
/* As lines of a VM's block. */
void controls_write(struct text *text, const struct controls *controls);
/* What is different, as records `changed vm NAME what WHAT old OLD new NEW`; their number. */
unsigned controls_differences(struct text *text, const char *name, const struct controls *old,
                              const struct controls *now);
