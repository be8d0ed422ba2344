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

bool config_read_event(struct config_parser *parser, struct config_vm *vm)
{
    enum control_policy policy;
    (void)vm;
    bool read =
        parser->keyword->event == CONTROL_PAUSE
            ? read_undeniable(parser, &policy)
            : read_policy(parser, "pass", "pass, count, log, stop or deny", CONTROL_UNSET, &policy);
    if (!read)
        return false;
    parser->controls->events[parser->keyword->event] = (uint8_t)policy;
    return true;
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
