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
    for (unsigned round = 0; round < 64; round++) {
        char text[4096] = "vm a {\n";
        size_t length = strlen(text);
        for (unsigned i = 0; i < CONTROL_EVENTS; i++) {
            unsigned policy = (round + i * i) % (i == CONTROL_PAUSE ? 4 : 5);
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%s %s\n",
                                       control_event_name(i), policies[policy]);
        }
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
        cmocka_unit_test(differences_are_told_once),
        cmocka_unit_test(errors_say_what_to_write),
        cmocka_unit_test(events_beyond_the_ring_are_lost_and_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
