/* SPDX-License-Identifier: Apache-2.0 */
/* The lines that say what leaves a guest and what is done then. */
#include "core/config_parser.h"
#include "core/config_units.h"

static bool fail_value(struct config_parser *parser, const char *complaint)
{
    return config_fail(parser, parser->value.at, "%s %s %s", parser->keyword->word,
                       config_token_show(&parser->value).text, complaint);
}

/* The value as a policy, one of the words of CHOICE; the first is the one for CONTROL_PASS. */
static bool read_policy(struct config_parser *parser, const char *pass, const char *choice,
                        enum control_policy without, enum control_policy *policy)
{
    *policy = CONTROL_PASS;
    if (config_token_is(&parser->value, pass))
        return true;
    for (*policy = CONTROL_COUNT; *policy <= CONTROL_DENY; (*policy)++)
        if (*policy != without && config_token_is(&parser->value, control_policy_name(*policy)))
            return true;
    return config_fail(parser, parser->value.at, "%s %s is not known; write %s",
                       parser->keyword->word, config_token_show(&parser->value).text, choice);
}

/* For what never faults: all but `deny`. */
static bool read_undeniable(struct config_parser *parser, enum control_policy *policy)
{
    return read_policy(parser, "pass", "pass, count, log or stop", CONTROL_DENY, policy);
}

/* The policy of the keyword's event, about these BITS of its register. */
static bool read_event(struct config_parser *parser, uint64_t bits)
{
    enum control_policy policy;
    uint8_t event = parser->keyword->event;
    bool read =
        event == CONTROL_PAUSE || event == CONTROL_CPUID
            ? read_undeniable(parser, &policy)
            : read_policy(parser, "pass", "pass, count, log, stop or deny", CONTROL_UNSET, &policy);
    if (!read)
        return false;
    parser->controls->events[event] = (uint8_t)policy;
    parser->controls->bits[event] = bits;
    return true;
}

bool config_read_event(struct config_parser *parser, struct config_vm *vm)
{
    (void)vm;
    return read_event(parser, 0);
}

bool config_read_register(struct config_parser *parser, struct config_vm *vm)
{
    uint64_t bits;
    (void)vm;
    if (!config_units_number(parser->value.text, parser->value.length, &bits))
        return read_event(parser, 0);
    if (bits == 0)
        return fail_value(parser, "names no bit; write the bits that count, such as 0x10000");
    return config_read_value(parser) && read_event(parser, bits);
}

bool config_read_exception(struct config_parser *parser, struct config_vm *vm)
{
    enum control_policy policy;
    uint64_t vector;
    (void)vm;
    if (!config_units_number(parser->value.text, parser->value.length, &vector))
        return fail_value(parser, "is no vector; write for example: exception 14 count");
    if (vector >= CONTROL_EXCEPTIONS || vector == 2)
        return fail_value(parser, "is no exception; write 0 to 31, but not 2, which is the NMI");
    if (!config_read_value(parser) || !read_undeniable(parser, &policy))
        return false;
    parser->controls->exceptions[vector] = (uint8_t)policy;
    return true;
}

bool config_read_unlisted(struct config_parser *parser, struct config_vm *vm)
{
    bool audit = config_token_is(&parser->value, "audit");
    (void)vm;
    if (!audit && !config_token_is(&parser->value, "deny"))
        return fail_value(parser, "is not known; write deny or audit");
    parser->controls->unlisted = audit ? CONTROL_UNLISTED_AUDIT : CONTROL_UNLISTED_DENY;
    return true;
}

/* The addresses of a rule, at most MAX; it is added to RULES. */
static bool read_rule(struct config_parser *parser, struct control_rules *rules, uint32_t max)
{
    uint64_t first, last;
    if (rules->count == CONTROL_RULES_MAX)
        return config_fail(parser, parser->keyword_at,
                           "there are more than %u %s rules; write ranges such as %s",
                           CONTROL_RULES_MAX, parser->keyword->word, parser->keyword->example);
    if (!config_units_range(parser->value.text, parser->value.length, &first, &last))
        return fail_value(parser, "is no number and no range; write for example 0x70-0x71");
    if (first > last)
        return fail_value(parser, "runs backwards; write the lower number first");
    if (last > max)
        return config_fail(parser, parser->value.at, "%s numbers end at 0x%x; write a lower one",
                           parser->keyword->word, max);
    rules->list[rules->count++] = (struct control_rule){.first = (uint32_t)first,
                                                        .last = (uint32_t)last,
                                                        .access = CONTROL_READ_WRITE,
                                                        .policy = CONTROL_PASS};
    return true;
}

static bool read_action(struct config_parser *parser, struct control_rule *rule)
{
    bool write = rule->access == CONTROL_WRITE;
    if (!config_read_value(parser))
        return false;
    if (write && config_token_is(&parser->value, "ignore")) {
        rule->policy = CONTROL_IGNORE;
        return true;
    }
    return read_policy(parser, "allow",
                       write ? "allow, count, log, ignore or deny" : "allow, count, log or deny",
                       CONTROL_STOP, &rule->policy);
}

bool config_read_port(struct config_parser *parser, struct config_vm *vm)
{
    struct control_rules *ports = &parser->controls->ports;
    (void)vm;
    return read_rule(parser, ports, UINT16_MAX) &&
           read_action(parser, &ports->list[ports->count - 1]);
}

bool config_read_msr(struct config_parser *parser, struct config_vm *vm)
{
    struct control_rules *msrs = &parser->controls->msrs;
    (void)vm;
    if (!read_rule(parser, msrs, UINT32_MAX))
        return false;
    struct control_rule *rule = &msrs->list[msrs->count - 1];
    bool read = config_token_is(&parser->token, "read");
    if (read || config_token_is(&parser->token, "write")) {
        rule->access = read ? CONTROL_READ : CONTROL_WRITE;
        config_read_value(parser);
    }
    return read_action(parser, rule);
}

/* Which of the words of CHOICES, up to NULL, the next value is. */
static bool read_choice(struct config_parser *parser, const char *const *choices, const char *say,
                        uint8_t *choice)
{
    if (!config_read_value(parser))
        return false;
    for (*choice = 0; choices[*choice] != NULL; (*choice)++)
        if (config_token_is(&parser->value, choices[*choice]))
            return true;
    return fail_value(parser, say);
}

/* A number of up to MAX. */
static bool read_number(struct config_parser *parser, uint64_t max, const char *say,
                        uint64_t *number)
{
    return (config_units_number(parser->value.text, parser->value.length, number) &&
            *number <= max) ||
           fail_value(parser, say);
}

/* LEAF or LEAF.SUBLEAF */
static bool read_leaf(struct config_parser *parser, struct control_cpuid *rule)
{
    const char *text = parser->value.text;
    size_t length = parser->value.length, dot = 0;
    uint64_t leaf, subleaf = 0;
    while (dot < length && text[dot] != '.')
        dot++;
    bool good = config_units_number(text, dot, &leaf) &&
                (dot == length || config_units_number(text + dot + 1, length - dot - 1, &subleaf));
    if (!good || leaf > UINT32_MAX || subleaf > UINT32_MAX)
        return fail_value(parser, "is no leaf; write for example: cpuid 0x7.0 ebx mask 0xfffffffe");
    rule->leaf = (uint32_t)leaf;
    rule->subleaf = (uint32_t)subleaf;
    rule->any_subleaf = dot == length;
    return true;
}

/* What the monitor itself answers by, or NULL. */
static const char *is_refused(const struct control_cpuid *rule)
{
    enum { EAX, EBX, ECX, EDX };
    if (rule->leaf >> 16 == 0x4000)
        return "is the monitor's own answer, by which kernels find their clock and their APIC; "
               "leave it as it is";
    if ((rule->leaf == 0x1 && rule->reg == EBX) || (rule->leaf == 0xb && rule->reg == EDX) ||
        (rule->leaf == 0x1f && rule->reg == EDX) || (rule->leaf == 0x8000001e && rule->reg == EAX))
        return "has each core's own APIC id, by which interrupts reach it; leave it as it is";
    return NULL;
}

static bool read_cpuid_rule(struct config_parser *parser)
{
    static const char *const registers[] = {"eax", "ebx", "ecx", "edx", NULL};
    static const char *const answers[] = {"pass", "mask", "set", NULL};
    struct control_cpuid rule = {0};
    struct config_shown leaf = config_token_show(&parser->value);
    struct config_position at = parser->value.at;
    uint64_t value = 0;
    if (!read_leaf(parser, &rule) ||
        !read_choice(parser, registers, "is no register; write eax, ebx, ecx or edx", &rule.reg) ||
        !read_choice(parser, answers, "is not known; write mask, set or pass", &rule.answer))
        return false;
    if (rule.answer != CONTROL_ANSWER_PASS &&
        !(config_read_value(parser) &&
          read_number(parser, UINT32_MAX, "is no value; write up to 0xffffffff", &value)))
        return false;
    rule.value = (uint32_t)value;
    if (is_refused(&rule) != NULL)
        return config_fail(parser, at, "cpuid %s %s %s", leaf.text, registers[rule.reg],
                           is_refused(&rule));
    return control_cpuid_add(&parser->controls->cpuids, &rule) ||
           config_fail(parser, parser->keyword_at,
                       "there are more than %u cpuid rules; leave out what need not be",
                       CONTROL_CPUIDS_MAX);
}

bool config_read_cpuid(struct config_parser *parser, struct config_vm *vm)
{
    (void)vm;
    if (parser->value.text[0] >= '0' && parser->value.text[0] <= '9')
        return read_cpuid_rule(parser);
    if (config_token_is(&parser->value, "deny"))
        return fail_value(parser, "is no fault that the processor has; write pass, count, log or "
                                  "stop, or change an answer: cpuid 0x7.0 ebx set 0");
    return read_event(parser, 0);
}

bool config_read_pause_filter(struct config_parser *parser, struct config_vm *vm)
{
    struct controls *controls = parser->controls;
    uint64_t count, window = 0;
    (void)vm;
    if (!read_number(parser, UINT16_MAX, "is no number of PAUSEs; write 0 to 65535", &count) ||
        (config_has_value(parser) &&
         !(config_read_value(parser) &&
           read_number(parser, UINT16_MAX, "is no number of ticks; write 0 to 65535", &window))))
        return false;
    controls->pause_said = true;
    controls->pause_count = (uint16_t)count;
    controls->pause_window = count != 0 ? (uint16_t)window : 0;
    return true;
}

bool config_read_tsc_offset(struct config_parser *parser, struct config_vm *vm)
{
    const struct config_token *value = &parser->value;
    bool negative = value->text[0] == '-';
    uint64_t ticks;
    (void)vm;
    if (!config_units_number(value->text + negative, value->length - negative, &ticks) ||
        ticks > INT64_MAX)
        return fail_value(parser, "is no number of ticks; write for example -1000000");
    parser->controls->tsc_said = true;
    parser->controls->tsc_offset = negative ? -(int64_t)ticks : (int64_t)ticks;
    return true;
}
