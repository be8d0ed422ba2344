/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration parser on bad files: each message, its line and column, and what goes on. */
#include "unit.h"

#include "core/config.h"

static struct config config;
static struct config_errors errors;

#define X63         "123456789-123456789-123456789-123456789-123456789-123456789-123"
#define TOP         "write one of service, vm, strict, poweroff, profile"
#define EACH(word)  word " 1 allow\n" word " 2 allow\n" word " 3 allow\n" word " 4 allow\n"
#define RULES(word) EACH(word) EACH(word) EACH(word) EACH(word)

struct bad {
    const char *text;
    unsigned line, column;
    int vm; /* that is spoilt, or -1 */
    const char *message;
};

/* Files with one error each. */
static const struct bad bad_files[] = {
    /* the text */
    {"vm a {}\x01", 1, 8, -1, "the byte 0x01 is not text; remove it"},
    {"vm a { cmdline \"x\x7f\" }", 1, 18, 0, "vm \"a\": the byte 0x7f is not text; remove it"},
    {"vm a { cmdline \"x }\n}", 1, 16, 0,
     "vm \"a\": the string does not end on its line; write \" behind it"},
    {"vm a { cmdline \"x", 1, 16, 0,
     "vm \"a\": the string does not end on its line; write \" behind it"},
    {"vm a { cmdline \"x\\n\" }", 1, 18, 0,
     "vm \"a\": a lone \\ stands in the string; write \\\\ for it"},
    /* the file */
    {"", 1, 1, -1, "there is no VM; write at least: service host { }"},
    {"# nothing\n", 1, 1, -1, "there is no VM; write at least: service host { }"},
    {"strict; strict\nvm a {}", 1, 9, -1, "strict is written twice; keep one of the two"},
    {"strict now\nvm a {}", 1, 8, -1,
     "\"now\" is too much behind strict; write for example: strict"},
    {"poweroff\nvm a {}", 1, 1, -1, "poweroff lacks a value; write for example: poweroff last"},
    {"poweroff never\nvm a {}", 1, 10, -1,
     "poweroff \"never\" is not known; write last or service"},
    {"servise s {}", 1, 1, -1, "\"servise\" is not a keyword; write \"service\"?"},
    {"bridge lan { a b\nc {} }\nvm a {}", 1, 1, -1, "\"bridge\" is not a keyword; " TOP},
    {"a-word-that-is-far-too-long-to-be-shown-in-full {}\nvm a {}", 1, 1, -1,
     "\"a-word-that-is-far-too-long-to-be-sh...\" is not a keyword; " TOP},
    {"vm a {}\n cpus 2", 2, 2, -1, "\"cpus\" stands outside of a block; write it in vm NAME { }"},
    {"vm a {}\n}", 2, 1, -1, "a \"}\" is out of place; remove it"},
    {"vm a {} {}", 1, 9, -1, "a \"{\" is out of place; remove it"},
    /* the blocks */
    {"vm a {}\nvm { cpus 2 }", 2, 1, -1, "vm lacks a name; write for example: vm web { cpus 2 }"},
    {"vm Web {}", 1, 4, 0,
     "vm \"Web\": the name has other characters than a-z, 0-9, - and _; write for example vm "
     "web-1"},
    {"vm \"\" {}", 1, 4, 0,
     "vm \"\": the name has other characters than a-z, 0-9, - and _; write for example vm web-1"},
    {"vm a2345678901234567890123456789012 {}", 1, 4, 0,
     "vm \"a234567890123456789012345678901\": the name is too long; write at most 31 letters"},
    {"vm a {}\nvm b {}\nvm a {}", 3, 4, 2,
     "vm \"a\": another VM, in line 1, has this name; write a different one"},
    {"service a {}\nservice b {}", 2, 1, 1,
     "vm \"b\": \"a\" is the service VM already; write vm for service"},
    {"vm a\ncpus 2 }\nvm b {}", 2, 1, 0,
     "vm \"a\": a { is missing behind the name; write vm NAME { ... }"},
    {"vm a { cpus 2\nvm b {}", 2, 1, 0, "vm \"a\": the block is not closed; write a } before this"},
    {"vm a { cpus 2\n\n", 3, 1, 0, "vm \"a\": the block is not closed; write a } before this"},
    {"vm a { cpsu 2 }", 1, 8, 0, "vm \"a\": \"cpsu\" is not a keyword; write \"cpus\"?"},
    {"vm a { bridge lan }", 1, 8, 0,
     "vm \"a\": \"bridge\" is not a keyword; write one of cpus, cpus-most, memory, memory-most, "
     "node, kernel, "
     "initrd, "
     "modules, cmdline, console, network, peers, like, profile, allow-smt-sharing, unlisted, port, "
     "msr, "
     "exception, hlt, pause, monitor, mwait, rdtsc, rdtscp, rdpmc, invlpg, wbinvd, cr0, cr3, cr4, "
     "dr, descriptor-tables, xsetbv, invd, software-interrupts, cpuid, pause-filter, tsc-offset"},
    {"vm a { strict }", 1, 8, 0, "vm \"a\": \"strict\" stands in a block; write it outside"},
    {"vm a { cpus 2; { }", 1, 16, 0, "vm \"a\": a \"{\" is out of place; remove it"},
    {"vm a { cpus 2\n\tcpus 3 }", 2, 2, 0, "vm \"a\": cpus is written twice; keep one of the two"},
    /* the keywords */
    {"vm a { cpus }", 1, 8, 0, "vm \"a\": cpus lacks a value; write for example: cpus 2"},
    {"vm a { cpus 2 3 }", 1, 15, 0,
     "vm \"a\": \"3\" is too much behind cpus; write for example: cpus 2"},
    {"vm a { cpus 0 }", 1, 13, 0, "vm \"a\": cpus 0 is no core at all; write at least 1"},
    {"vm a { cpus 257 }", 1, 13, 0, "vm \"a\": cpus 257 is more than 256; write at most 256"},
    {"vm a { cpus 99999999999999999999 }", 1, 13, 0,
     "vm \"a\": cpus 99999999999999999999 is more than 256; write at most 256"},
    {"vm a { cpus two }", 1, 13, 0,
     "vm \"a\": cpus two is no number and no list; write for example 2, or 0,2,4-7, or 3-3"},
    {"vm a { cpus 1, }", 1, 13, 0,
     "vm \"a\": cpus 1, is no number and no list; write for example 2, or 0,2,4-7, or 3-3"},
    {"vm a { cpus 7-4 }", 1, 13, 0,
     "vm \"a\": cpus 7-4 has a range that runs backwards; write it as 4-7"},
    {"vm a { cpus 0,256 }", 1, 13, 0, "vm \"a\": cpus 0,256 has a core beyond 255; write 0 to 255"},
    {"vm a { cpus 0-3,2 }", 1, 13, 0,
     "vm \"a\": cpus 0-3,2 names a core twice; write each one once"},
    {"vm a { cpus-most many }", 1, 18, 0,
     "vm \"a\": cpus-most many is no number; write for example 4"},
    {"vm a { cpus-most 0 }", 1, 18, 0, "vm \"a\": cpus-most 0 is not possible; write 1 to 256"},
    {"vm a { cpus-most 257 }", 1, 18, 0, "vm \"a\": cpus-most 257 is not possible; write 1 to 256"},
    {"vm a {\n cpus-most 2; cpus 0-2 }", 2, 2, 0,
     "vm \"a\": cpus-most 2 is less than its cpus; write at least 3"},
    {"vm a { cpus-most 2 } vm b { like a; cpus 3 }", 1, 34, 1,
     "vm \"b\": cpus-most 2 is less than its cpus; write at least 3"},
    {"service a { cpus-most 2 }", 1, 13, 0,
     "vm \"a\": cpus-most is not for the service VM, which gives its cores and gets them back by "
     "itself; remove it"},
    {"vm web { memory 100K }", 1, 17, 0,
     "vm \"web\": memory 100K is less than 16M; write at least 16M"},
    {"vm a { memory 0K }", 1, 15, 0, "vm \"a\": memory 0K is less than 16M; write at least 16M"},
    {"vm a { memory 512 }", 1, 15, 0,
     "vm \"a\": memory 512 is no size; write a number with K, M, G or T, for example 512M"},
    {"vm a { memory 1.5G }", 1, 15, 0,
     "vm \"a\": memory 1.5G is no size; write a number with K, M, G or T, for example 512M"},
    {"vm a { memory 17M }", 1, 15, 0,
     "vm \"a\": memory 17M is not a multiple of 2M; write for example 18M"},
    {"vm a { memory 65T }", 1, 15, 0, "vm \"a\": memory 65T is more than 64T; write at most 64T"},
    {"vm a { memory-most 100K }", 1, 20, 0,
     "vm \"a\": memory-most 100K is less than 16M; write at least 16M"},
    {"vm a { memory-most 3M }", 1, 20, 0,
     "vm \"a\": memory-most 3M is less than 16M; write at least 16M"},
    {"vm a { memory-most 33M }", 1, 20, 0,
     "vm \"a\": memory-most 33M is not a multiple of 2M; write for example 34M"},
    {"vm a { memory 1G\nmemory-most 512M }", 2, 1, 0,
     "vm \"a\": memory-most 512M is less than memory; write 1G"},
    {"vm a { memory 1G; memory-most 66562M }", 1, 19, 0,
     "vm \"a\": memory-most 66562M is over 64G more than memory; write at most 65G"},
    {"service a { memory-most 1G }", 1, 13, 0,
     "vm \"a\": memory-most is for other VMs; the service VM's memory is changed by: give"},
    {"vm a { memory 99999999999999999999T }", 1, 15, 0,
     "vm \"a\": memory 99999999999999999999T is more than 64T; write at most 64T"},
    {"vm a { node x }", 1, 13, 0, "vm \"a\": node x is no node; write its number, or any"},
    {"vm a { node 16 }", 1, 13, 0, "vm \"a\": node 16 is beyond 15; write 0 to 15, or any"},
    {"vm a { kernel \"\" }", 1, 15, 0,
     "vm \"a\": kernel \"\" is empty; write for example: kernel vmlinuz"},
    {"vm a { initrd " X63 "4 }", 1, 15, 0,
     "vm \"a\": initrd is too long; write at most 63 characters"},
    {"vm a { modules 1 2 3 4 5 }", 1, 24, 0,
     "vm \"a\": there are more than 4 modules; write at most 4"},
    {"vm a { cmdline a b }", 1, 18, 0,
     "vm \"a\": \"b\" is too much behind cmdline; write for example: "
     "cmdline \"console=ttyS0 quiet\""},
    {"vm a { console urat }", 1, 16, 0, "vm \"a\": console urat is not known; write uart or none"},
    {"vm a { network Lan }", 1, 16, 0,
     "vm \"a\": network Lan has other characters than a-z, 0-9, - and _; write for example lan-1"},
    {"vm a { peers b }", 1, 8, 0, "vm \"a\": peers b names no other VM; write the name of one"},
    {"vm a { peers a }", 1, 8, 0, "vm \"a\": peers a names no other VM; write the name of one"},
    {"vm a { peers 1 2 3 4 5 6 7 8 9 }", 1, 30, 0,
     "vm \"a\": there are more than 8 peers; write at most 8, and this VM among the peers of the "
     "others"},
    {"vm a { allow-smt-sharing yes }", 1, 26, 0,
     "vm \"a\": \"yes\" is too much behind allow-smt-sharing; write for example: "
     "allow-smt-sharing"},
    {"vm a { port x allow }", 1, 13, 0,
     "vm \"a\": port x is no number and no range; write for example 0x70-0x71"},
    {"vm a { port 1- allow }", 1, 13, 0,
     "vm \"a\": port 1- is no number and no range; write for example 0x70-0x71"},
    {"vm a { port 2-1 allow }", 1, 13, 0,
     "vm \"a\": port 2-1 runs backwards; write the lower number first"},
    {"vm a { port 0x10000 allow }", 1, 13, 0,
     "vm \"a\": port numbers end at 0xffff; write a lower one"},
    {"vm a { msr 0x100000000 allow }", 1, 12, 0,
     "vm \"a\": msr numbers end at 0xffffffff; write a lower one"},
    {"vm a { port 1 pass }", 1, 15, 0,
     "vm \"a\": port pass is not known; write allow, count, log or deny"},
    {"vm a { port 1 read allow }", 1, 15, 0,
     "vm \"a\": port read is not known; write allow, count, log or deny"},
    {"vm a { msr 1 write }", 1, 8, 0,
     "vm \"a\": msr lacks a value; write for example: msr 0x1a0 write deny"},
    {"vm a {\n" RULES("port") "port 9 deny }", 18, 1, 0,
     "vm \"a\": there are more than 16 port rules; write ranges such as port 0x70-0x71 allow"},
    {"vm b {\nport 9 deny }\nvm a { like b\n" RULES("port") "}", 3, 13, 1,
     "vm \"a\": has more than 16 rules with those of \"b\"; write ranges"},
    {"vm a { like b }", 1, 13, 0, "vm \"a\": like b names no VM; write the name of another one"},
    {"vm a { like a }", 1, 13, 0,
     "vm \"a\": like leads back to this VM; write a VM that has settings of its own"},
};

static void test_each_message(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad_files); i++) {
        const struct bad *bad = &bad_files[i];
        const struct config_error *error = &errors.list[0];
        assert_false(config_parse(bad->text, strlen(bad->text), &config, &errors));
        if (strcmp(error->text, bad->message) != 0 || error->at.line != bad->line ||
            error->at.column != bad->column || error->vm != bad->vm || errors.count != 1)
            fail_msg("%s\ngives  %u:%u: (%d) %s\nwanted %u:%u: (%d) %s\nerrors: %u", bad->text,
                     error->at.line, error->at.column, error->vm, error->text, bad->line,
                     bad->column, bad->vm, bad->message, errors.count);
        if (bad->vm >= 0)
            assert_true(config.vms[bad->vm].spoilt);
    }
    print_message("%zu messages\n", ARRAY_SIZE(bad_files));
}

static void expect(unsigned index, unsigned line, unsigned column, int vm, const char *part)
{
    assert_true(index < errors.count);
    assert_int_equal(errors.list[index].at.line, line);
    assert_int_equal(errors.list[index].at.column, column);
    assert_int_equal(errors.list[index].vm, vm);
    assert_non_null(strstr(errors.list[index].text, part));
}

static void test_recovery(void **state)
{
    (void)state;
    static const char text[] = "strikt\n"
                               "service host { cpus 0; memory 1K; kernel { } }\n"
                               "vm a { cpus 3 }\n"
                               "vm b { cmdline \"x\n"
                               "  memory 1K\n"
                               "vm c { like a\n cpus 2 }\n"
                               "vm d { like b }\n"
                               "vm e { like f } vm f { like e }\n"
                               "vm g { like e }\n"
                               "vm H { cpus 0 } strict\n";
    assert_false(config_parse(text, strlen(text), &config, &errors));
    assert_int_equal(errors.count, 8);
    expect(0, 1, 1, -1, "strict");
    expect(1, 2, 21, 0, "cpus 0");
    expect(2, 4, 16, 2, "string");
    expect(3, 11, 4, 8, "characters");
    expect(4, 8, 13, 4, "vm \"d\": like b copies a VM that has an error; correct \"b\"");
    expect(5, 9, 13, 5, "leads back");
    expect(6, 9, 29, 6, "leads back");
    expect(7, 10, 13, 7, "leads back");
    assert_int_equal(config.vm_count, 9);
    assert_true(config.strict);
    for (unsigned i = 0; i < config.vm_count; i++)
        assert_true(config.vms[i].spoilt == (i != 1 && i != 3));
    assert_int_equal(config.vms[1].cpu_count, 3);
    assert_int_equal(config.vms[3].cpu_count, 2);
}

static void test_too_many(void **state)
{
    (void)state;
    static char text[4096];
    char *at = text;
    for (unsigned i = 0; i < MAX_VMS + 2; i++)
        at += sprintf(at, "vm v%u { cpus 1 }\n", i);
    assert_false(config_parse(text, strlen(text), &config, &errors));
    assert_int_equal(errors.count, 2);
    expect(0, 17, 1, -1, "there are more than 16 VMs; remove this one");
    expect(1, 18, 1, -1, "there are more than 16 VMs; remove this one");
    assert_int_equal(config.vm_count, MAX_VMS);

    at = text;
    for (unsigned i = 0; i < 40; i++)
        at += sprintf(at, "bad\n");
    assert_false(config_parse(text, strlen(text), &config, &errors));
    assert_int_equal(errors.count, 40);

    memset(text, 'x', sizeof(text));
    memcpy(text, "vm a { cmdline ", 15);
    text[15 + CONFIG_CMDLINE_MAX] = '}';
    assert_false(config_parse(text, 16 + CONFIG_CMDLINE_MAX, &config, &errors));
    expect(0, 1, 16, 0, "vm \"a\": cmdline is too long; write at most 2047 characters");
    text[14 + CONFIG_CMDLINE_MAX] = '}';
    assert_true(config_parse(text, 15 + CONFIG_CMDLINE_MAX, &config, &errors));
    assert_false(config_parse("vm a {}\0", 8, &config, &errors));
    expect(0, 1, 8, -1, "the byte 0x00 is not text; remove it");
}

static const char good[] =
    "# all of it\nstrict; poweroff last\n"
    "service host { cpus 0,2,4-7; memory 1G; kernel k; initrd i; node any }\n"
    "vm web { cpus 2; memory 512M; modules a b c; cmdline \"x \\\"y\\\" \\\\\" }\n"
    "vm db { like web; port 0x70-0x71 allow; msr 0x1a0 write deny\n"
    "console none; allow-smt-sharing }\n";

/* What must hold whatever the text was. */
static void parse_any(const char *text, size_t length)
{
    char *copy = malloc(length + 1); /* of exactly that size, so that the sanitizer sees overruns */
    assert_non_null(copy);
    memcpy(copy, text, length);
    copy = realloc(copy, length > 0 ? length : 1);
    bool sound = config_parse(copy, length, &config, &errors);
    free(copy);
    assert_true(sound == (errors.count == 0));
    for (unsigned i = 0; i < errors.count && i < CONFIG_ERRORS_MAX; i++) {
        assert_true(strlen(errors.list[i].text) > 0);
        assert_true(errors.list[i].vm < (int)config.vm_count);
        for (const char *c = errors.list[i].text; *c != '\0'; c++)
            assert_true((unsigned char)*c >= ' ');
    }
    for (unsigned i = 0; i < config.vm_count; i++) {
        const struct config_vm *vm = &config.vms[i];
        assert_true(vm->spoilt || (vm->cpu_count > 0 && vm->memory >= CONFIG_MEMORY_MIN));
        assert_true(vm->module_count <= CONFIG_VM_MODULES &&
                    vm->controls.ports.count <= CONTROL_RULES_MAX);
        assert_non_null(memchr(vm->name, 0, sizeof(vm->name)));
        assert_non_null(memchr(vm->cmdline, 0, sizeof(vm->cmdline)));
    }
}

static void test_any_text(void **state)
{
    (void)state;
    static char text[sizeof(good)];
    uint64_t random = 88172645463325252u;
    for (size_t length = 0; length < sizeof(good); length++)
        parse_any(good, length);
    for (unsigned round = 0; round < 20000; round++) {
        memcpy(text, good, sizeof(good));
        for (uint64_t flips = unit_random(&random) % 4 + 1; flips > 0; flips--) {
            size_t at = unit_random(&random) % (sizeof(good) - 1);
            /* Half of the changes swap pieces of grammar, which gets further than noise does. */
            uint64_t value = unit_random(&random);
            text[at] =
                value % 2 == 0 ? (char)(value >> 8) : good[(value >> 8) % (sizeof(good) - 1)];
        }
        parse_any(text, sizeof(good) - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_message),
        cmocka_unit_test(test_recovery),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_any_text),
    };
    return cmocka_run_group_tests_name("config errors", tests, NULL, NULL);
}
