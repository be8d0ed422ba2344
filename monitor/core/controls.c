/* SPDX-License-Identifier: Apache-2.0 */
/* Execution controls: names, merging, writing, comparing. */
#include "core/controls.h"

#include "lib/fmt.h"
#include "lib/string.h"

static const char *const accesses[] = {"", "read", "write", ""};

const char *control_event_name(enum control_event event)
{
    static const char *const names[CONTROL_EVENTS] = {
        [CONTROL_HLT] = "hlt",         [CONTROL_PAUSE] = "pause",
        [CONTROL_MONITOR] = "monitor", [CONTROL_MWAIT] = "mwait",
        [CONTROL_RDTSC] = "rdtsc",     [CONTROL_RDTSCP] = "rdtscp",
        [CONTROL_RDPMC] = "rdpmc",     [CONTROL_INVLPG] = "invlpg",
        [CONTROL_WBINVD] = "wbinvd",   [CONTROL_CR0] = "cr0",
        [CONTROL_CR3] = "cr3",         [CONTROL_CR4] = "cr4",
        [CONTROL_DR] = "dr",           [CONTROL_TABLES] = "descriptor-tables",
        [CONTROL_XSETBV] = "xsetbv",   [CONTROL_INVD] = "invd",
        [CONTROL_CPUID] = "cpuid",     [CONTROL_SWINT] = "software-interrupts",
    };
    return (unsigned)event < CONTROL_EVENTS ? names[event] : "?";
}

const char *control_policy_name(enum control_policy policy)
{
    static const char *const names[] = {"pass", "pass", "count", "log", "stop", "deny", "ignore"};
    return (unsigned)policy < ARRAY_SIZE(names) ? names[policy] : "?";
}

const char *control_unlisted_name(enum control_unlisted unlisted)
{
    return unlisted == CONTROL_UNLISTED_AUDIT ? "audit" : "deny";
}

struct control_shown control_show(const struct controls *controls, enum control_event event)
{
    struct control_shown shown;
    const char *policy = control_policy_name(controls->events[event]);
    if (controls->bits[event] != 0)
        fmt_text(shown.text, sizeof(shown.text), "0x%lx-%s", controls->bits[event], policy);
    else
        fmt_text(shown.text, sizeof(shown.text), "%s", policy);
    return shown;
}

/* A rule's policy: what passes is written `allow`. */
static const char *rule_policy(const struct control_rule *rule)
{
    return rule->policy == CONTROL_PASS ? "allow" : control_policy_name(rule->policy);
}

const struct control_rule *control_find(const struct control_rules *rules, uint32_t number,
                                        enum control_access access)
{
    for (unsigned i = rules->count; i-- > 0;)
        if (number >= rules->list[i].first && number <= rules->list[i].last &&
            (rules->list[i].access & access) != 0)
            return &rules->list[i];
    return NULL;
}

static bool add_base_rules(struct control_rules *rules, const struct control_rules *base)
{
    if (rules->count + base->count > CONTROL_RULES_MAX)
        return false;
    memmove(rules->list + base->count, rules->list, rules->count * sizeof(rules->list[0]));
    memcpy(rules->list, base->list, base->count * sizeof(rules->list[0]));
    rules->count += base->count;
    return true;
}

bool controls_add_base(struct controls *controls, const struct controls *base)
{
    for (unsigned i = 0; i < CONTROL_EVENTS; i++)
        if (controls->events[i] == CONTROL_UNSET) {
            controls->events[i] = base->events[i];
            controls->bits[i] = base->bits[i];
        }
    for (unsigned i = 0; i < CONTROL_EXCEPTIONS; i++)
        if (controls->exceptions[i] == CONTROL_UNSET)
            controls->exceptions[i] = base->exceptions[i];
    if (controls->unlisted == CONTROL_UNLISTED_UNSET)
        controls->unlisted = base->unlisted;
    if (!controls->tsc_said) {
        controls->tsc_said = base->tsc_said;
        controls->tsc_offset = base->tsc_offset;
    }
    if (!controls->pause_said) {
        controls->pause_said = base->pause_said;
        controls->pause_count = base->pause_count;
        controls->pause_window = base->pause_window;
    }
    return add_base_rules(&controls->ports, &base->ports) &&
           add_base_rules(&controls->msrs, &base->msrs) &&
           control_cpuid_add_base(&controls->cpuids, &base->cpuids);
}

void controls_settle(struct controls *controls)
{
    for (unsigned i = 0; i < CONTROL_EVENTS; i++)
        if (!control_watches(controls->events[i])) {
            controls->events[i] = CONTROL_UNSET;
            controls->bits[i] = 0;
        }
    for (unsigned i = 0; i < CONTROL_EXCEPTIONS; i++)
        if (controls->exceptions[i] == CONTROL_PASS)
            controls->exceptions[i] = CONTROL_UNSET;
    if (controls->unlisted == CONTROL_UNLISTED_DENY)
        controls->unlisted = CONTROL_UNLISTED_UNSET;
    controls->tsc_said = controls->tsc_offset != 0;
    controls->pause_said = controls->pause_count != 0;
}

static void write_rules(struct text *text, const char *keyword, const struct control_rules *rules)
{
    for (unsigned i = 0; i < rules->count; i++) {
        const struct control_rule *rule = &rules->list[i];
        const char *access = accesses[rule->access];
        text_print(text, "    %s 0x%x-0x%x%s%s %s\n", keyword, rule->first, rule->last,
                   access[0] != '\0' ? " " : "", access, rule_policy(rule));
    }
}

void controls_write(struct text *text, const struct controls *controls)
{
    for (enum control_event i = 0; i < CONTROL_EVENTS; i++) {
        if (controls->events[i] == CONTROL_UNSET)
            continue;
        text_print(text, "    %s ", control_event_name(i));
        if (controls->bits[i] != 0)
            text_print(text, "0x%lx ", controls->bits[i]);
        text_print(text, "%s\n", control_policy_name(controls->events[i]));
    }
    for (unsigned i = 0; i < CONTROL_EXCEPTIONS; i++)
        if (controls->exceptions[i] != CONTROL_UNSET)
            text_print(text, "    exception %u %s\n", i,
                       control_policy_name(controls->exceptions[i]));
    if (controls->unlisted != CONTROL_UNLISTED_UNSET)
        text_print(text, "    unlisted %s\n", control_unlisted_name(controls->unlisted));
    write_rules(text, "port", &controls->ports);
    write_rules(text, "msr", &controls->msrs);
    control_cpuid_write(text, &controls->cpuids);
    if (controls->pause_said)
        text_print(text, "    pause-filter %u %u\n", controls->pause_count, controls->pause_window);
    if (controls->tsc_said)
        text_print(text, "    tsc-offset %ld\n", controls->tsc_offset);
}

static const struct control_rule *same_rule(const struct control_rules *rules,
                                            const struct control_rule *rule)
{
    for (unsigned i = 0; i < rules->count; i++)
        if (rules->list[i].first == rule->first && rules->list[i].last == rule->last &&
            rules->list[i].access == rule->access)
            return &rules->list[i];
    return NULL;
}

/* The rules of THESE: what OTHERS say of the same accesses. FORWARD: others are the old ones.
 */
static unsigned rule_differences(struct text *text, const char *name, const char *kind,
                                 const struct control_rules *these,
                                 const struct control_rules *others, bool forward)
{
    unsigned count = 0;
    for (unsigned i = 0; i < these->count; i++) {
        const struct control_rule *rule = &these->list[i];
        const struct control_rule *other = same_rule(others, rule);
        if (other != NULL && (!forward || other->policy == rule->policy))
            continue;
        const char *access = accesses[rule->access];
        const char *here = rule_policy(rule);
        const char *there = other != NULL ? rule_policy(other) : "none";
        text_print(text, "changed vm %s what %s-0x%x-0x%x%s%s old %s new %s\n", name, kind,
                   rule->first, rule->last, access[0] != '\0' ? "-" : "", access,
                   forward ? there : here, forward ? here : there);
        count++;
    }
    return count;
}

unsigned controls_differences(struct text *text, const char *name, const struct controls *old,
                              const struct controls *now)
{
    unsigned count = 0;
    for (enum control_event i = 0; i < CONTROL_EVENTS; i++) {
        if (old->events[i] == now->events[i] && old->bits[i] == now->bits[i])
            continue;
        text_print(text, "changed vm %s what %s old %s new %s\n", name, control_event_name(i),
                   control_show(old, i).text, control_show(now, i).text);
        count++;
    }
    for (unsigned i = 0; i < CONTROL_EXCEPTIONS; i++) {
        if (old->exceptions[i] == now->exceptions[i])
            continue;
        text_print(text, "changed vm %s what exception-%u old %s new %s\n", name, i,
                   control_policy_name(old->exceptions[i]),
                   control_policy_name(now->exceptions[i]));
        count++;
    }
    if (old->unlisted != now->unlisted) {
        text_print(text, "changed vm %s what unlisted old %s new %s\n", name,
                   control_unlisted_name(old->unlisted), control_unlisted_name(now->unlisted));
        count++;
    }
    if (old->pause_count != now->pause_count || old->pause_window != now->pause_window) {
        text_print(text, "changed vm %s what pause-filter old %u,%u new %u,%u\n", name,
                   old->pause_count, old->pause_window, now->pause_count, now->pause_window);
        count++;
    }
    if (old->tsc_offset != now->tsc_offset) {
        text_print(text, "changed vm %s what tsc-offset old %ld new %ld\n", name, old->tsc_offset,
                   now->tsc_offset);
        count++;
    }
    count += control_cpuid_differences(text, name, &old->cpuids, &now->cpuids);
    count += rule_differences(text, name, "port", &now->ports, &old->ports, true);
    count += rule_differences(text, name, "port", &old->ports, &now->ports, false);
    count += rule_differences(text, name, "msr", &now->msrs, &old->msrs, true);
    return count + rule_differences(text, name, "msr", &old->msrs, &now->msrs, false);
}
