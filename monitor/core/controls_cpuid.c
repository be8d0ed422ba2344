/* SPDX-License-Identifier: Apache-2.0 */
/* What a VM is told by CPUID, by leaf and register: finding, merging, writing, comparing. */
#include "core/controls.h"
#include "lib/fmt.h"
#include "lib/string.h"

static const char *const registers[] = {"eax", "ebx", "ecx", "edx"};

static bool is_about(const struct control_cpuid *rule, const struct control_cpuid *other)
{
    return rule->leaf == other->leaf && rule->reg == other->reg &&
           rule->any_subleaf == other->any_subleaf && rule->subleaf == other->subleaf;
}

uint32_t control_cpuid_answer(const struct control_cpuids *rules, uint32_t leaf, uint32_t subleaf,
                              unsigned reg, uint32_t value)
{
    for (unsigned i = rules->count; i-- > 0;) {
        const struct control_cpuid *rule = &rules->list[i];
        if (rule->leaf != leaf || rule->reg != reg ||
            (rule->any_subleaf == 0 && rule->subleaf != subleaf))
            continue;
        if (rule->answer == CONTROL_ANSWER_SET)
            return rule->value;
        return rule->answer == CONTROL_ANSWER_MASK ? value & rule->value : value;
    }
    return value;
}

bool control_cpuid_add(struct control_cpuids *rules, const struct control_cpuid *rule)
{
    unsigned i = 0;
    while (i < rules->count && !is_about(&rules->list[i], rule))
        i++;
    if (i == rules->count && rules->count++ == CONTROL_CPUIDS_MAX) {
        rules->count--;
        return false;
    }
    /* The last one wins, so it goes to the end. */
    memmove(&rules->list[i], &rules->list[i + 1], (rules->count - 1 - i) * sizeof(*rule));
    rules->list[rules->count - 1] = *rule;
    return true;
}

bool control_cpuid_add_base(struct control_cpuids *rules, const struct control_cpuids *base)
{
    struct control_cpuids own = *rules;
    bool fits = true;
    *rules = *base;
    for (unsigned i = 0; i < own.count; i++)
        fits = control_cpuid_add(rules, &own.list[i]) && fits;
    return fits;
}

struct shown {
    char text[24];
};

/* LEAF or LEAF.SUBLEAF */
static struct shown show_leaf(const struct control_cpuid *rule)
{
    struct shown shown;
    if (rule->any_subleaf != 0)
        fmt_text(shown.text, sizeof(shown.text), "0x%x", rule->leaf);
    else
        fmt_text(shown.text, sizeof(shown.text), "0x%x.0x%x", rule->leaf, rule->subleaf);
    return shown;
}

/* What is done, as words with GAP between; NULL: there is no rule. */
static struct shown show_answer(const struct control_cpuid *rule, char gap)
{
    struct shown shown;
    if (rule == NULL || rule->answer == CONTROL_ANSWER_PASS)
        fmt_text(shown.text, sizeof(shown.text), "pass");
    else
        fmt_text(shown.text, sizeof(shown.text), "%s%c0x%x",
                 rule->answer == CONTROL_ANSWER_SET ? "set" : "mask", gap, rule->value);
    return shown;
}

void control_cpuid_write(struct text *text, const struct control_cpuids *rules)
{
    for (unsigned i = 0; i < rules->count; i++)
        text_print(text, "    cpuid %s %s %s\n", show_leaf(&rules->list[i]).text,
                   registers[rules->list[i].reg], show_answer(&rules->list[i], ' ').text);
}

static const struct control_cpuid *find_same(const struct control_cpuids *rules,
                                             const struct control_cpuid *rule)
{
    for (unsigned i = 0; i < rules->count; i++)
        if (is_about(&rules->list[i], rule))
            return &rules->list[i];
    return NULL;
}

static unsigned say_difference(struct text *text, const char *name,
                               const struct control_cpuid *rule, const struct control_cpuid *old,
                               const struct control_cpuid *now)
{
    struct shown before = show_answer(old, '-'), after = show_answer(now, '-');
    if (strcmp(before.text, after.text) == 0)
        return 0;
    text_print(text, "changed vm %s what cpuid-%s-%s old %s new %s\n", name, show_leaf(rule).text,
               registers[rule->reg], before.text, after.text);
    return 1;
}

unsigned control_cpuid_differences(struct text *text, const char *name,
                                   const struct control_cpuids *old,
                                   const struct control_cpuids *now)
{
    unsigned count = 0;
    for (unsigned i = 0; i < now->count; i++)
        count +=
            say_difference(text, name, &now->list[i], find_same(old, &now->list[i]), &now->list[i]);
    for (unsigned i = 0; i < old->count; i++)
        if (find_same(now, &old->list[i]) == NULL)
            count += say_difference(text, name, &old->list[i], &old->list[i], NULL);
    return count;
}
