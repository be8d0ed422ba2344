/* SPDX-License-Identifier: Apache-2.0 */
/* Requests cut into words, bodies and answers; configurations written and read again. */
#include "unit.h"

#include "core/config_write.h"
#include "core/control.h"

static char memory[CONTROL_ANSWER_MAX];
static uint8_t buffer[CONTROL_BODY_MAX];
static uint8_t place[64];
static struct control control;
static unsigned aborted;

static bool run_echo(struct control *c)
{
    text_print(&c->answer, "%s/%s", c->words[1], c->words[2]);
    return true;
}

static bool run_body(struct control *c)
{
    text_bytes(&c->answer, (const char *)c->body, (size_t)c->body_length);
    return true;
}

static bool run_long(struct control *c)
{
    for (unsigned i = 0; i < 10000; i++)
        text_print(&c->answer, "a line of some length, %u\n", i);
    return true;
}

static bool begin_own(struct control *c)
{
    c->body = place;
    return c->body_length <= sizeof(place) || control_refuse(c, "no room for %s", c->words[1]);
}

static void abort_own(struct control *c)
{
    (void)c;
    aborted++;
}

static const struct control_command commands[] = {
    {"echo A B", NULL, run_echo, NULL},
    {"put LENGTH", NULL, run_body, NULL},
    {"long", NULL, run_long, NULL},
    {"own NAME LENGTH", begin_own, run_body, abort_own},
    {"stats", NULL, run_body, NULL},
    {"stats VM", NULL, run_long, NULL},
    {0},
};

static const char *ask(const char *line, const char *body)
{
    static char text[CONTROL_ANSWER_MAX + 1];
    size_t length;
    control_line(&control, line, strlen(line));
    if (control.body != NULL && body != NULL)
        memcpy(control.body, body, (size_t)control.body_length);
    const char *answer = control_run(&control, &length);
    memcpy(text, answer, length);
    text[length] = '\0';
    return text;
}

static void words_and_bodies(void **state)
{
    (void)state;
    control_init(&control, commands, buffer, memory);
    assert_string_equal(ask("echo one two", NULL), "ok 7\none/two");
    assert_string_equal(ask("echo  one   two ", NULL), "ok 7\none/two");
    assert_string_equal(ask("put 5", "abcde"), "ok 5\nabcde");
    assert_string_equal(ask("own x 4", "abcd"), "ok 4\nabcd");
    assert_string_equal(ask("stats", NULL), "ok 0\n");
}

static void what_is_wrong_is_said(void **state)
{
    static const char *const bad[][2] = {
        {"echo one", "wrong number of words; write echo A B"},
        {"echo a b c", "wrong number of words"},
        {"a b c d e f g", "is no request; there are:"},
        {"", "is no request; there are:"},
        {"ech o p", "is no request"},
        {"put x", "\"x\" is no number"},
        {"put 99999999999999999999999", "longer than"},
        {"own big 65", "no room for big"},
        {"long", "the answer is too long"},
    };
    char line[600];
    (void)state;
    control_init(&control, commands, buffer, memory);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        const char *answer = ask(bad[i][0], NULL);
        assert_memory_equal(answer, "error ", 6);
        assert_non_null(strstr(answer, bad[i][1]));
    }
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    assert_non_null(strstr(ask(line, NULL), "longer than"));
    assert_string_equal(ask("echo still here", NULL), "ok 10\nstill/here");
}

static void a_lost_connection_is_told(void **state)
{
    (void)state;
    control_init(&control, commands, buffer, memory);
    control_line(&control, "own x 4", 7);
    control_abort(&control);
    assert_int_equal(aborted, 1);
    control_line(&control, "own x 99", 8); /* refused: nothing was begun */
    control_abort(&control);
    assert_int_equal(aborted, 1);
}

/* TEXT is read, written, read and written: both written texts are equal. */
static void written_is_read_again(void **state)
{
    static struct config config;
    static struct config_errors errors;
    static char written[2][32768];
    static const char *const texts[] = {
        "service host { }",
        "service host { cpus 0,2-3; memory 1G; node 1; network lan }\n"
        "vm a { cpus 2-2; initrd \"i \\\"x\\\".img\"; cmdline \"a \\\\ \\\"b\\\"\"; console none "
        "}\n"
        "vm b { like a; memory 258M; peers a host; modules m1 m2; allow-smt-sharing }\n"
        "vm c { port 0x70-0x71 allow; port 0x3f8 deny; msr 0x1a0 write deny; msr 0xc0000080 read "
        "allow; msr 1-2 allow; peers b }\n",
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
        const char *text = texts[i];
        for (unsigned round = 0; round < 2; round++) {
            struct text out = {written[round], sizeof(written[round]) - 1, 0, false};
            assert_true(config_parse(text, strlen(text), &config, &errors));
            for (unsigned vm = 0; vm < config.vm_count; vm++)
                config_write_vm(&out, &config.vms[vm]);
            assert_false(out.overflow);
            written[round][out.length] = '\0';
            text = written[round];
        }
        assert_string_equal(written[0], written[1]);
    }
    assert_non_null(strstr(written[0], "cpus 0-0,2-3"));
    assert_non_null(strstr(written[0], "cmdline \"a \\\\ \\\"b\\\"\""));
    assert_non_null(strstr(written[0], "msr 0x1a0-0x1a0 write deny"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_bodies),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(a_lost_connection_is_told),
        cmocka_unit_test(written_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
