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
        [CONTROL_XSETBV] = "xsetbv",
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
        if (controls->events[i] == CONTROL_UNSET)
            controls->events[i] = base->events[i];
    for (unsigned i = 0; i < CONTROL_EXCEPTIONS; i++)
        if (controls->exceptions[i] == CONTROL_UNSET)
            controls->exceptions[i] = base->exceptions[i];
    if (controls->unlisted == CONTROL_UNLISTED_UNSET)
        controls->unlisted = base->unlisted;
    return add_base_rules(&controls->ports, &base->ports) &&
           add_base_rules(&controls->msrs, &base->msrs);
}

void controls_settle(struct controls *controls)
{
    for (unsigned i = 0; i < CONTROL_EVENTS; i++)
        if (controls->events[i] == CONTROL_PASS)
            controls->events[i] = CONTROL_UNSET;
    for (unsigned i = 0; i < CONTROL_EXCEPTIONS; i++)
        if (controls->exceptions[i] == CONTROL_PASS)
            controls->exceptions[i] = CONTROL_UNSET;
    if (controls->unlisted == CONTROL_UNLISTED_DENY)
        controls->unlisted = CONTROL_UNLISTED_UNSET;
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
    for (enum control_event i = 0; i < CONTROL_EVENTS; i++)
        if (controls->events[i] != CONTROL_UNSET)
            text_print(text, "    %s %s\n", control_event_name(i),
                       control_policy_name(controls->events[i]));
    for (unsigned i = 0; i < CONTROL_EXCEPTIONS; i++)
        if (controls->exceptions[i] != CONTROL_UNSET)
            text_print(text, "    exception %u %s\n", i,
                       control_policy_name(controls->exceptions[i]));
    if (controls->unlisted != CONTROL_UNLISTED_UNSET)
        text_print(text, "    unlisted %s\n", control_unlisted_name(controls->unlisted));
    write_rules(text, "port", &controls->ports);
    write_rules(text, "msr", &controls->msrs);
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

/* The rules of THESE: what OTHERS say of the same accesses. FORWARD: others are the old ones. */
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
        if (old->events[i] == now->events[i])
            continue;
        text_print(text, "changed vm %s what %s old %s new %s\n", name, control_event_name(i),
                   control_policy_name(old->events[i]), control_policy_name(now->events[i]));
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
    count += rule_differences(text, name, "port", &now->ports, &old->ports, true);
    count += rule_differences(text, name, "port", &old->ports, &now->ports, false);
    count += rule_differences(text, name, "msr", &now->msrs, &old->msrs, true);
    return count + rule_differences(text, name, "msr", &old->msrs, &now->msrs, false);
}
