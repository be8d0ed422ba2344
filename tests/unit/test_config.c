/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration parser on good files: every keyword, the defaults, `like`, units, any order. */
#include "unit.h"

#include "core/config.h"

static struct config config;
static struct config_errors errors;

static void parse(const char *text)
{
    if (!config_parse(text, strlen(text), &config, &errors))
        fail_msg("%u:%u: %s", errors.list[0].at.line, errors.list[0].at.column,
                 errors.list[0].text);
    assert_int_equal(errors.count, 0);
}

static void test_defaults(void **state)
{
    (void)state;
    parse("service host {}\nvm web {}");
    assert_int_equal(config.vm_count, 2);
    assert_int_equal(config.service, 0);
    assert_false(config.strict);
    assert_int_equal(config.poweroff, CONFIG_POWEROFF_LAST);
    for (unsigned i = 0; i < 2; i++) {
        const struct config_vm *vm = &config.vms[i];
        assert_string_equal(vm->name, i == 0 ? "host" : "web");
        assert_true(vm->service == (i == 0));
        assert_false(vm->spoilt);
        assert_int_equal(vm->cpu_count, 1);
        assert_false(vm->cpu_listed);
        assert_int_equal(vm->memory, 512 * MIB);
        assert_int_equal(vm->node, CONFIG_NODE_ANY);
        assert_false(vm->allow_smt_sharing);
        assert_string_equal(vm->kernel, "vmlinuz");
        assert_string_equal(vm->initrd, "");
        assert_int_equal(vm->module_count, 0);
        assert_string_equal(vm->cmdline, "console=ttyS0");
        assert_int_equal(vm->console, CONFIG_CONSOLE_UART);
        assert_int_equal(vm->controls.ports.count + vm->controls.msrs.count, 0);
        assert_int_equal(vm->at.line, i + 1);
        assert_int_equal(vm->at.column, 1);
        assert_int_equal(vm->memory_at.line, i + 1);
        assert_int_equal(vm->memory_at.column, 1);
    }
}

static void test_everything(void **state)
{
    (void)state;
    parse("# a comment with { and \"\n"
          "poweroff service; strict\n"
          "vm a-1_x\n"
          "{\r\n"
          "\tmsr 0x1a0 write deny ; msr 0x10-0x12 allow; msr 16 read allow\n"
          "  port 0x70-0x71 allow # behind a statement\n"
          "  port 128 deny; allow-smt-sharing;; console none\n"
          "  cmdline \"a=\\\"b c\\\" d=\\\\ # no comment\"; modules one \"two three\"\n"
          "  initrd none; kernel \"k l\"; node 15; memory 2g; cpus 0,2,4-6,255; cpus-most 6\n"
          "} service s { cpus 3-3; node any; modules none }\n");
    const struct config_vm *vm = &config.vms[0];
    assert_true(config.strict);
    assert_int_equal(config.poweroff, CONFIG_POWEROFF_SERVICE);
    assert_int_equal(config.service, 1);
    assert_int_equal(vm->controls.msrs.count, 3);
    assert_int_equal(vm->controls.msrs.list[0].first, 0x1a0);
    assert_int_equal(vm->controls.msrs.list[0].last, 0x1a0);
    assert_int_equal(vm->controls.msrs.list[0].access, CONTROL_WRITE);
    assert_int_equal(vm->controls.msrs.list[0].policy, CONTROL_DENY);
    assert_int_equal(vm->controls.msrs.list[1].last, 0x12);
    assert_int_equal(vm->controls.msrs.list[1].access, CONTROL_READ_WRITE);
    assert_int_equal(vm->controls.msrs.list[1].policy, CONTROL_PASS);
    assert_int_equal(vm->controls.msrs.list[2].first, 16);
    assert_int_equal(vm->controls.msrs.list[2].access, CONTROL_READ);
    assert_int_equal(vm->controls.ports.count, 2);
    assert_int_equal(vm->controls.ports.list[0].first, 0x70);
    assert_int_equal(vm->controls.ports.list[0].last, 0x71);
    assert_int_equal(vm->controls.ports.list[0].policy, CONTROL_PASS);
    assert_int_equal(vm->controls.ports.list[1].first, 128);
    assert_true(vm->allow_smt_sharing);
    assert_int_equal(vm->console, CONFIG_CONSOLE_NONE);
    assert_string_equal(vm->cmdline, "a=\"b c\" d=\\ # no comment");
    assert_int_equal(vm->module_count, 2);
    assert_string_equal(vm->modules[0], "one");
    assert_string_equal(vm->modules[1], "two three");
    assert_string_equal(vm->initrd, "");
    assert_string_equal(vm->kernel, "k l");
    assert_int_equal(vm->node, 15);
    assert_int_equal(vm->node_at.column, 30);
    assert_int_equal(vm->memory, 2 * GIB);
    assert_true(vm->cpu_listed);
    assert_int_equal(vm->cpu_count, 6);
    assert_int_equal(vm->cpus_most, 6);
    assert_int_equal(config.vms[1].cpus_most, 0);
    assert_true(cpu_set_has(&vm->cpu_list, 5));
    assert_true(cpu_set_has(&vm->cpu_list, 255));
    assert_false(cpu_set_has(&vm->cpu_list, 7));
    assert_true(config.vms[1].cpu_listed);
    assert_int_equal(config.vms[1].cpu_count, 1);
    assert_true(cpu_set_has(&config.vms[1].cpu_list, 3));
}

static void test_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } sizes[] = {{"16384K", 16 * MIB}, {"16m", 16 * MIB},    {"1026M", 1026 * MIB},
                 {"1G", GIB},          {"64T", 65536 * GIB}, {"00512M", 512 * MIB}};
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        char text[64];
        snprintf(text, sizeof(text), "vm a { memory %s }", sizes[i].text);
        parse(text);
        assert_int_equal(config.vms[0].memory, sizes[i].bytes);
    }
    parse("vm a { cpus 0x10 }");
    assert_int_equal(config.vms[0].cpu_count, 16);
    parse("vm a { cpus 256 }");
    assert_int_equal(config.vms[0].cpu_count, 256);
}

static void test_like(void **state)
{
    (void)state;
    parse("vm c { like b; memory 64M }\n"
          "vm b { like a\n cpus 4; port 0x80 deny }\n"
          "service a { cpus 2,3; memory 1G; node 1; kernel k; initrd i; modules m n; cmdline x\n"
          "console none; allow-smt-sharing; port 0x70 allow; msr 1 allow }\n"
          "vm d { like a; initrd none; modules none; node any }");
    const struct config_vm *c = &config.vms[0];
    const struct config_vm *b = &config.vms[1];
    const struct config_vm *d = &config.vms[3];
    assert_false(c->service);
    assert_string_equal(c->name, "c");
    assert_int_equal(c->cpu_count, 4);
    assert_false(c->cpu_listed);
    assert_int_equal(c->cpus_at.line, 1);
    assert_int_equal(c->cpus_at.column, 13);
    assert_int_equal(c->memory, 64 * MIB);
    assert_int_equal(b->memory, GIB);
    assert_int_equal(b->memory_at.line, 2);
    assert_int_equal(c->node, 1);
    assert_string_equal(c->kernel, "k");
    assert_string_equal(c->initrd, "i");
    assert_int_equal(c->module_count, 2);
    assert_string_equal(c->modules[1], "n");
    assert_string_equal(c->cmdline, "x");
    assert_int_equal(c->console, CONFIG_CONSOLE_NONE);
    assert_true(c->allow_smt_sharing);
    assert_int_equal(c->controls.ports.count, 2); /* the copied ones first: the VM's own win */
    assert_int_equal(c->controls.ports.list[0].first, 0x70);
    assert_int_equal(c->controls.ports.list[1].first, 0x80);
    assert_int_equal(c->controls.msrs.count, 1);
    assert_true(d->cpu_listed);
    assert_int_equal(d->cpu_count, 2);
    assert_string_equal(d->initrd, "");
    assert_int_equal(d->module_count, 0);
    assert_int_equal(d->node, CONFIG_NODE_ANY);
}

static void test_limits(void **state)
{
    (void)state;
    static char text[8192];
    char *at = text;
    for (unsigned i = 0; i < MAX_VMS; i++)
        at += sprintf(at, "vm a234567890123456789012345678-%02u {}", i);
    parse(text);
    assert_int_equal(config.vm_count, MAX_VMS);
    assert_int_equal(strlen(config.vms[15].name), CONFIG_NAME_MAX - 1);

    at = text + sprintf(text, "vm a { cmdline \"");
    memset(at, '\\', 2 * (CONFIG_CMDLINE_MAX - 1)); /* each pair is one character */
    strcpy(at + 2 * (CONFIG_CMDLINE_MAX - 1), "\" }");
    parse(text);
    assert_int_equal(strlen(config.vms[0].cmdline), CONFIG_CMDLINE_MAX - 1);
    parse("vm a { cmdline \"\" }");
    assert_string_equal(config.vms[0].cmdline, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_everything),
        cmocka_unit_test(test_units),    cmocka_unit_test(test_like),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
