/* SPDX-License-Identifier: Apache-2.0 */
/* Controls: what lines, profiles and `like` make of them, what is written back, what differs. */
#include "unit.h"

#include "core/config.h"
#include "core/config_write.h"
#include "core/events.h"

static struct config config;
static struct config_errors errors;
static char buffer[16384];

static bool parse(const char *text)
{
    return config_parse(text, strlen(text), &config, &errors);
}

static const struct controls *controls_of(unsigned vm)
{
    return &config.vms[vm].controls;
}

static void own_lines_win_over_profiles_over_like(void **state)
{
    (void)state;
    assert_true(parse("vm a { rdtsc count; hlt log; cr3 count; port 1 allow }\n"
                      "vm b { rdtsc pass; like a; profile p; port 3 deny }\n"
                      "profile p { hlt deny; rdtsc log; exception 14 count; port 2 count }\n"));
    const struct controls *b = controls_of(1);
    assert_int_equal(b->events[CONTROL_RDTSC], CONTROL_UNSET);
    assert_int_equal(b->events[CONTROL_HLT], CONTROL_DENY);
    assert_int_equal(b->events[CONTROL_CR3], CONTROL_COUNT);
    assert_int_equal(b->exceptions[14], CONTROL_COUNT);
    assert_int_equal(b->ports.count, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(b->ports.list[i].first, i + 1);
    assert_int_equal(controls_of(0)->events[CONTROL_HLT], CONTROL_LOG);
}

static void the_later_line_wins(void **state)
{
    (void)state;
    assert_true(parse("vm a { mwait count; mwait deny; exception 1 log; exception 1 pass;\n"
                      "port 0x60-0x6f count; port 0x64 log; msr 0x10 read count; msr 0x10 deny }"));
    const struct controls *a = controls_of(0);
    assert_int_equal(a->events[CONTROL_MWAIT], CONTROL_DENY);
    assert_int_equal(a->exceptions[1], CONTROL_UNSET);
    assert_int_equal(control_find(&a->ports, 0x64, CONTROL_READ)->policy, CONTROL_LOG);
    assert_int_equal(control_find(&a->ports, 0x6f, CONTROL_READ)->policy, CONTROL_COUNT);
    assert_null(control_find(&a->ports, 0x70, CONTROL_READ));
    assert_int_equal(control_find(&a->msrs, 0x10, CONTROL_READ)->policy, CONTROL_DENY);
}

/* What is written of controls is read as the same controls, for every event and policy. */
static void written_and_read_they_are_the_same(void **state)
{
    (void)state;
    static const char *const policies[] = {"pass", "count", "log", "stop", "deny"};
    static const char *const answers[] = {"pass", "mask 0x%x", "set 0x%x"};
    for (unsigned round = 0; round < 64; round++) {
        char text[4096] = "vm a {\n";
        size_t length = strlen(text);
        for (unsigned i = 0; i < CONTROL_EVENTS; i++) {
            bool undeniable = i == CONTROL_PAUSE || i == CONTROL_CPUID;
            bool bits = (i == CONTROL_CR0 || i == CONTROL_CR4) && round % 2 != 0;
            unsigned policy = (round + i * i) % (undeniable ? 4 : 5);
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%s %s%s\n",
                                       control_event_name(i), bits ? "0x80000001 " : "",
                                       policies[policy]);
        }
        for (unsigned i = 0; i < round % (CONTROL_CPUIDS_MAX + 1); i++) {
            length += (size_t)snprintf(text + length, sizeof(text) - length, "cpuid %u%s e%cx ",
                                       0x80000000u + i, i % 2 ? ".7" : "", 'a' + i % 4);
            length += (size_t)snprintf(text + length, sizeof(text) - length, answers[i % 3], i);
            text[length++] = '\n';
        }
        length += (size_t)snprintf(text + length, sizeof(text) - length,
                                   "tsc-offset %d\npause-filter %u %u\n", 30 - (int)round,
                                   round % 3, round);
        snprintf(text + length, sizeof(text) - length,
                 "exception %u %s\nport 0x%x-0x%x %s\nunlisted %s\nmsr 0x%x write %s\n}",
                 round % 2 ? 0 : 31, policies[round % 4], round, round + 5,
                 round % 3 ? policies[round % 3] : "allow", round % 5 ? "audit" : "deny", round,
                 round % 7 ? "ignore" : "log");
        assert_true(parse(text));
        struct controls first = *controls_of(0);
        struct text written = {buffer, sizeof(buffer), 0, false};
        config_write_vm(&written, &config.vms[0]);
        assert_true(config_parse(buffer, written.length, &config, &errors));
        assert_memory_equal(&first, controls_of(0), sizeof(first));
    }
}

/* `unlisted` is copied and overruled as events are; what is the default is not written. */
static void what_is_unlisted_is_said_once(void **state)
{
    (void)state;
    assert_true(parse("vm a { unlisted audit; msr 5 write ignore }\nvm b { like a }\n"
                      "vm c { unlisted deny; like a }\nvm d { profile p; like a }\n"
                      "profile p { unlisted deny }\n"));
    assert_int_equal(controls_of(0)->unlisted, CONTROL_UNLISTED_AUDIT);
    assert_int_equal(controls_of(1)->unlisted, CONTROL_UNLISTED_AUDIT);
    assert_int_equal(controls_of(2)->unlisted, CONTROL_UNLISTED_UNSET);
    assert_int_equal(controls_of(3)->unlisted, CONTROL_UNLISTED_UNSET);
    struct text text = {buffer, sizeof(buffer), 0, false};
    controls_write(&text, controls_of(0));
    controls_write(&text, controls_of(2));
    assert_int_equal(controls_differences(&text, "x", controls_of(0), controls_of(2)), 1);
    buffer[text.length] = '\0';
    assert_string_equal(buffer, "    unlisted audit\n    msr 0x5-0x5 write ignore\n"
                                "    msr 0x5-0x5 write ignore\n"
                                "changed vm x what unlisted old audit new deny\n");
}

/* The answer of the last rule about a leaf and its subleaf; others are as they were. */
static void cpuid_is_answered_by_the_last_rule(void **state)
{
    (void)state;
    assert_true(parse("profile p { cpuid 7 ebx set 1; cpuid 7 ecx set 2; cpuid 7 edx set 3 }\n"
                      "vm a { profile p; cpuid 7.1 ebx mask 0xf; cpuid 7 ecx pass;\n"
                      "cpuid 7 edx set 4; cpuid 7 edx mask 0xf0 }"));
    const struct control_cpuids *rules = &controls_of(0)->cpuids;
    assert_int_equal(rules->count, 4); /* one about the same goes in another's place */
    assert_int_equal(control_cpuid_answer(rules, 7, 0, 1, 0xff), 1);
    assert_int_equal(control_cpuid_answer(rules, 7, 1, 1, 0xff), 0xf);
    assert_int_equal(control_cpuid_answer(rules, 7, 0, 2, 0xff), 0xff);
    assert_int_equal(control_cpuid_answer(rules, 7, 9, 3, 0xff), 0xf0);
    assert_int_equal(control_cpuid_answer(rules, 7, 0, 0, 0xff), 0xff);
    assert_int_equal(control_cpuid_answer(rules, 8, 0, 1, 0xff), 0xff);
}

/* Bits go with their policy, an offset and a filter win over the profile's also where they are 0.
 */
static void what_is_said_once_wins(void **state)
{
    (void)state;
    assert_true(parse("profile p { cr0 0x10 count; cr4 4 log; tsc-offset -7; pause-filter 9 8 }\n"
                      "vm a { profile p }\n"
                      "vm b { profile p; cr0 deny; cr4 pass; tsc-offset 0; pause-filter 0 5 }\n"
                      "vm c { profile p; tsc-offset -0x7fffffffffffffff; cr0 0xff stop }"));
    const struct controls *a = controls_of(0), *b = controls_of(1), *c = controls_of(2);
    assert_int_equal(a->bits[CONTROL_CR0], 0x10);
    assert_int_equal(a->events[CONTROL_CR4], CONTROL_LOG);
    assert_true(a->tsc_offset == -7 && a->pause_count == 9 && a->pause_window == 8);
    assert_int_equal(b->events[CONTROL_CR0], CONTROL_DENY);
    assert_true(b->bits[CONTROL_CR0] == 0 && b->bits[CONTROL_CR4] == 0);
    assert_true(b->tsc_offset == 0 && b->pause_count == 0 && b->pause_window == 0);
    assert_true(c->tsc_offset == -INT64_MAX && c->bits[CONTROL_CR0] == 0xff);
    struct text text = {buffer, sizeof(buffer), 0, false};
    assert_int_equal(controls_differences(&text, "x", a, c), 2);
    buffer[text.length] = '\0';
    assert_string_equal(buffer, "changed vm x what cr0 old 0x10-count new 0xff-stop\n"
                                "changed vm x what tsc-offset old -7 new -9223372036854775807\n");
    text.length = 0;
    assert_int_equal(controls_differences(&text, "x", a, b), 4);
    buffer[text.length] = '\0';
    assert_string_equal(buffer, "changed vm x what cr0 old 0x10-count new deny\n"
                                "changed vm x what cr4 old 0x4-log new pass\n"
                                "changed vm x what pause-filter old 9,8 new 0,0\n"
                                "changed vm x what tsc-offset old -7 new 0\n");
}

static void differences_of_cpuid_are_told(void **state)
{
    (void)state;
    assert_true(parse("vm a { cpuid 7 ebx set 1; cpuid 1.2 eax mask 3; cpuid 9 edx pass }\n"
                      "vm b { cpuid 7 ebx mask 1; cpuid 5 ecx set 0; cpuid 9 eax pass }\n"));
    struct text text = {buffer, sizeof(buffer), 0, false};
    assert_int_equal(controls_differences(&text, "x", controls_of(0), controls_of(1)), 3);
    buffer[text.length] = '\0';
    assert_string_equal(buffer, "changed vm x what cpuid-0x7-ebx old set-0x1 new mask-0x1\n"
                                "changed vm x what cpuid-0x5-ecx old pass new set-0x0\n"
                                "changed vm x what cpuid-0x1.0x2-eax old mask-0x3 new pass\n");
}

static void differences_are_told_once(void **state)
{
    (void)state;
    assert_true(parse("vm a { rdtsc count; port 1-2 allow; msr 9 read deny }\n"
                      "vm b { hlt log; exception 6 count; port 1-2 count; port 7 deny }\n"));
    struct text text = {buffer, sizeof(buffer), 0, false};
    assert_int_equal(controls_differences(&text, "x", controls_of(0), controls_of(1)), 6);
    buffer[text.length] = '\0';
    assert_string_equal(buffer, "changed vm x what hlt old pass new log\n"
                                "changed vm x what rdtsc old count new pass\n"
                                "changed vm x what exception-6 old pass new count\n"
                                "changed vm x what port-0x1-0x2 old allow new count\n"
                                "changed vm x what port-0x7-0x7 old none new deny\n"
                                "changed vm x what msr-0x9-0x9-read old deny new none\n");
    assert_int_equal(controls_differences(&text, "x", controls_of(1), controls_of(1)), 0);
}

static const struct {
    const char *text, *message;
} wrong[] = {
    {"vm a { hlt sometimes }",
     "vm \"a\": hlt sometimes is not known; write pass, count, log, stop or deny"},
    {"vm a { pause deny }", "vm \"a\": pause deny is not known; write pass, count, log or stop"},
    {"vm a { exception 2 count }",
     "vm \"a\": exception 2 is no exception; write 0 to 31, but not 2, which is the NMI"},
    {"vm a { exception x count }",
     "vm \"a\": exception x is no vector; write for example: exception 14 count"},
    {"vm a { exception 14 deny }",
     "vm \"a\": exception deny is not known; write pass, count, log or stop"},
    {"vm a { profile nothing }",
     "vm \"a\": profile nothing is none of this file; write: profile nothing { ... }"},
    {"profile p { cpus 2 }\nvm a { }",
     "\"cpus\" stands in a profile, which has controls only; write it in vm NAME { }"},
    {"profile p { }\nprofile p { }\nvm a { }",
     "another profile, in line 1, has this name; write a different one"},
    {"profile P { }\nvm a { }",
     "the profile's name has other characters than a-z, 0-9, - and _, or more than 31; write for "
     "example profile traced"},
    {"vm a { port 1 stop }", "vm \"a\": port stop is not known; write allow, count, log or deny"},
    {"vm a { unlisted log }", "vm \"a\": unlisted log is not known; write deny or audit"},
    {"vm a { msr 1 read ignore }",
     "vm \"a\": msr ignore is not known; write allow, count, log or deny"},
    {"vm a { port 1 ignore }",
     "vm \"a\": port ignore is not known; write allow, count, log or deny"},
    {"vm a { msr 1 write drop }",
     "vm \"a\": msr drop is not known; write allow, count, log, ignore or deny"},
    {"service a { cr4 stop }", "vm \"a\": the service VM has a line with stop, and nobody could "
                               "resume it; write log"},
    {"service a { tsc-offset 1 }",
     "vm \"a\": the service VM has a tsc-offset, and the machine's other clocks, which it has, "
     "too, would not agree; write it for another VM"},
    {"vm a { tsc-offset now }",
     "vm \"a\": tsc-offset now is no number of ticks; write for example -1000000"},
    {"vm a { tsc-offset 0x8000000000000000 }",
     "vm \"a\": tsc-offset 0x8000000000000000 is no number of ticks; write for example -1000000"},
    {"vm a { tsc-offset - }",
     "vm \"a\": tsc-offset - is no number of ticks; write for example -1000000"},
    {"vm a { pause-filter 65536 }",
     "vm \"a\": pause-filter 65536 is no number of PAUSEs; write 0 to 65535"},
    {"vm a { pause-filter 1 x }",
     "vm \"a\": pause-filter x is no number of ticks; write 0 to 65535"},
    {"vm a { cr0 0 count }",
     "vm \"a\": cr0 0 names no bit; write the bits that count, such as 0x10000"},
    {"vm a { cr4 0x10 }", "vm \"a\": cr4 lacks a value; write for example: cr4 0x100000 count"},
    {"vm a { cr3 0x10 count }",
     "vm \"a\": cr3 0x10 is not known; write pass, count, log, stop or deny"},
    {"vm a { cpuid deny }",
     "vm \"a\": cpuid deny is no fault that the processor has; write pass, count, log or stop, or "
     "change an answer: cpuid 0x7.0 ebx set 0"},
    {"vm a { cpuid 7. ebx pass }",
     "vm \"a\": cpuid 7. is no leaf; write for example: cpuid 0x7.0 ebx mask 0xfffffffe"},
    {"vm a { cpuid 0x100000000 ebx pass }",
     "vm \"a\": cpuid 0x100000000 is no leaf; write for example: cpuid 0x7.0 ebx mask 0xfffffffe"},
    {"vm a { cpuid 7 esi pass }", "vm \"a\": cpuid esi is no register; write eax, ebx, ecx or edx"},
    {"vm a { cpuid 7 ebx clear }", "vm \"a\": cpuid clear is not known; write mask, set or pass"},
    {"vm a { cpuid 7 ebx set 0x100000000 }",
     "vm \"a\": cpuid 0x100000000 is no value; write up to 0xffffffff"},
    {"vm a { cpuid 0x40000100 ebx set 0 }",
     "vm \"a\": cpuid 0x40000100 ebx is the monitor's own answer, by which kernels find their "
     "clock and their APIC; leave it as it is"},
    {"profile p { cpuid 1 ebx mask 0 }\nvm a { }",
     "cpuid 1 ebx has each core's own APIC id, by which interrupts reach it; leave it as it is"},
    {"vm a { profile p; cpuid 17 eax pass }\nprofile p {"
     "cpuid 1 eax pass; cpuid 2 eax pass; cpuid 3 eax pass; cpuid 4 eax pass; cpuid 5 eax pass;"
     "cpuid 6 eax pass; cpuid 7 eax pass; cpuid 8 eax pass; cpuid 9 eax pass; cpuid 10 eax pass;"
     "cpuid 11 eax pass; cpuid 12 eax pass; cpuid 13 eax pass; cpuid 14 eax pass;"
     "cpuid 15 eax pass; cpuid 16 eax pass }",
     "vm \"a\": has more than 16 rules with those of \"p\"; write ranges"},
    {"hlt count\nvm a { }", "\"hlt\" stands outside of a block; write it in vm NAME { }"},
};

static void errors_say_what_to_write(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(parse(wrong[i].text));
        assert_string_equal(errors.list[0].text, wrong[i].message);
    }
}

static void events_beyond_the_ring_are_lost_and_told(void **state)
{
    (void)state;
    static struct event_ring ring;
    for (uint64_t i = 0; i < EVENTS_KEPT + 50; i++)
        event_add(&ring, &(struct event){.tsc = i, .rip = 0x1000 + i, .kind = CONTROL_CR3});
    struct text text = {buffer, sizeof(buffer), 0, false};
    events_write(&text, &ring, 20, 2);
    buffer[text.length] = '\0';
    assert_string_equal(buffer, "events from 50 to 52 lost 30\n"
                                "event number 50 tsc 50 cpu 0 rip 0x1032 what cr3 operand 0x0\n"
                                "event number 51 tsc 51 cpu 0 rip 0x1033 what cr3 operand 0x0\n");
    text.length = 0;
    events_write(&text, &ring, EVENTS_KEPT + 50, 2);
    buffer[text.length] = '\0';
    assert_string_equal(buffer, "events from 450 to 450 lost 0\n");
    text.length = 0;
    events_write(&text, &ring, UINT64_MAX, 2);
    buffer[text.length] = '\0';
    assert_string_equal(buffer, "events from 450 to 450 lost 0\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_lines_win_over_profiles_over_like),
        cmocka_unit_test(the_later_line_wins),
        cmocka_unit_test(written_and_read_they_are_the_same),
        cmocka_unit_test(what_is_unlisted_is_said_once),
        cmocka_unit_test(cpuid_is_answered_by_the_last_rule),
        cmocka_unit_test(what_is_said_once_wins),
        cmocka_unit_test(differences_of_cpuid_are_told),
        cmocka_unit_test(differences_are_told_once),
        cmocka_unit_test(errors_say_what_to_write),
        cmocka_unit_test(events_beyond_the_ring_are_lost_and_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
