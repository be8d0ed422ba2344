/* SPDX-License-Identifier: Apache-2.0 */
/* VMs that are made, started, stopped and taken apart at run time. */
#include "x86/lifecycle.h"

#include "core/config_write.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/memory.h"
#include "x86/setup.h"

#define POOL_LEAST   (512 * KIB) /* what a new VM may need of the monitor's memory */
#define PARSED_PAGES ((unsigned)(align_up(sizeof(struct config), PAGE_SIZE) / PAGE_SIZE))
#define TEXT_BYTES   (128 * KIB) /* of all VMs, and those to be */
#define TEXT_PAGES   (TEXT_BYTES / PAGE_SIZE)

static struct control *asking; /* who is told what is wrong */
static unsigned lines_before;  /* of the VMs that there are, before those of the request */

static void forget_vm(unsigned index)
{
    memset(&setup_config.vms[index], 0, sizeof(setup_config.vms[index]));
    memset(&setup_plan.vms[index], 0, sizeof(setup_plan.vms[index]));
}

void lifecycle_reap(void)
{
    for (unsigned i = 0; i < MAX_VMS; i++) {
        if (vms[i] == NULL || atomic_load(&vms[i]->state) != VM_GONE || !vm_release(vms[i]))
            continue;
        vm_free(vms[i]);
        forget_vm(i);
    }
    lifecycle_reap_given();
}

static struct vm *find_vm(const char *name)
{
    for (unsigned i = 0; i < MAX_VMS; i++)
        if (vms[i] != NULL && strcmp(vms[i]->config->name, name) == 0)
            return vms[i];
    return NULL;
}

struct vm *lifecycle_find(struct control *control)
{
    lifecycle_reap();
    struct vm *vm = find_vm(control->words[1]);
    if (vm == NULL)
        control_refuse(control, "there is no vm \"%s\"; see: list", control->words[1]);
    else if (vm->service)
        control_refuse(control, "vm \"%s\" is the service VM: its own kernel is to be asked",
                       control->words[1]);
    return vm == NULL || vm->service ? NULL : vm;
}

bool lifecycle_start(struct control *control)
{
    struct vm *vm = lifecycle_find(control);
    if (vm == NULL)
        return false;
    for (int off = VM_OFF, failed = VM_FAILED;;) {
        if (atomic_compare_exchange_strong(&vm->state, &off, VM_BUILDING) ||
            atomic_compare_exchange_strong(&vm->state, &failed, VM_BUILDING))
            break;
        return control_refuse(control, "vm \"%s\" is %s, not off", vm->config->name,
                              vm_state_name(vm));
    }
    cpu_kick(vm->vcpus[0].cpu, REQUEST_BOOT);
    return true;
}

bool lifecycle_kill(struct control *control)
{
    struct vm *vm = lifecycle_find(control);
    if (vm == NULL)
        return false;
    if (atomic_load(&vm->state) != VM_RUNNING)
        return control_refuse(control, "vm \"%s\" is %s, not running", vm->config->name,
                              vm_state_name(vm));
    bool reboot = strcmp(control->words[0], "reboot") == 0;
    cpu_kick(vm->vcpus[0].cpu, reboot ? REQUEST_REBOOT : REQUEST_KILL);
    return true;
}

/* False if it is just starting. */
static bool destroy(struct vm *vm)
{
    int state = atomic_load(&vm->state);
    atomic_store(&vm->doomed, state != VM_BUILDING);
    if (state == VM_RUNNING) {
        cpu_kick(vm->vcpus[0].cpu, REQUEST_KILL);
    } else if (state == VM_OFF || state == VM_FAILED) {
        atomic_store(&vm->state, VM_DESTROYING);
        cpu_kick(vm->vcpus[0].cpu, REQUEST_SCRUB);
    }
    return state != VM_BUILDING;
}

bool lifecycle_destroy(struct control *control)
{
    struct vm *vm = lifecycle_find(control);
    return vm != NULL && (destroy(vm) || control_refuse(control, "vm \"%s\" is starting; try again",
                                                        vm->config->name));
}

/* What is said of a VM's configuration goes to who asked, with the lines of their text. */
static void complain(const struct config_position *at, const char *text)
{
    unsigned line = at->line > lines_before ? at->line - lines_before : 0;
    control_refuse(asking, "%u:%u: %s", line, at->column, text);
}

/*
 * The text of the request parsed; with BESIDE, behind all VMs that there are, so that names can
 * refer to them.
 */
static bool parse(struct control *control, struct config *parsed, char *buffer, bool beside)
{
    static struct config_errors errors;
    struct text text = {buffer, TEXT_BYTES, 0, false};
    for (unsigned i = 0; i < MAX_VMS && beside; i++)
        if (vms[i] != NULL)
            config_write_vm(&text, vms[i]->config);
    lines_before = 0;
    for (size_t i = 0; i < text.length; i++)
        lines_before += buffer[i] == '\n' ? 1u : 0u;
    text_bytes(&text, (const char *)control->body, control->body_length);
    if (text.overflow)
        return control_refuse(control, "the text is too long");
    if (config_parse(buffer, text.length, parsed, &errors))
        return true;
    for (unsigned i = 0; i < errors.count && i < CONFIG_ERRORS_MAX; i++)
        complain(&errors.list[i].at, errors.list[i].text);
    return false;
}

/* More memory for the monitor, from what no VM has; it stays the monitor's. */
static bool extend_pool(struct control *control)
{
    hpa_t base;
    uint64_t size, used;
    memory_pool(&base, &size, &used);
    if (size - used >= POOL_LEAST)
        return true;
    if (!place_find(&machine, &setup_plan, LARGE_PAGE, &base) ||
        !place_memory_put(&setup_plan.kept, &(struct place_extent){base, {base.v}, LARGE_PAGE, 0}))
        return control_refuse(control, "no memory is left for the monitor; destroy a VM, or give "
                                       "memory of the service VM");
    memory_extend(base, LARGE_PAGE);
    return true;
}

static unsigned free_slot(void)
{
    unsigned slot = 0;
    while (slot < MAX_VMS && vms[slot] != NULL)
        slot++;
    return slot;
}

/* Make the VM of FROM; its slot, or MAX_VMS after a complaint. */
static unsigned create_one(struct control *control, const struct config_vm *from)
{
    unsigned slot = free_slot();
    if (slot == MAX_VMS) {
        control_refuse(control, "there are %u VMs; destroy one", MAX_VMS);
        return MAX_VMS;
    }
    setup_config.vms[slot] = *from;
    if (slot >= setup_config.vm_count)
        setup_config.vm_count = vm_count = slot + 1;
    lifecycle_check(slot);
    if (extend_pool(control) && !setup_config.vms[slot].spoilt) {
        place_add(&machine, &setup_config, &setup_plan, slot);
        if (setup_vm(slot))
            return slot;
        if (control->answer.length == 0)
            control_refuse(control, "vm \"%s\" cannot be made; see the log", from->name);
    }
    forget_vm(slot);
    return MAX_VMS;
}

/* Those VMs of PARSED that there are not yet: all, or none. */
static bool create_all(struct control *control, const struct config *parsed)
{
    unsigned slots[MAX_VMS];
    unsigned made = 0;
    for (unsigned i = 0; i < parsed->vm_count; i++) {
        if (find_vm(parsed->vms[i].name) != NULL)
            continue;
        slots[made] = create_one(control, &parsed->vms[i]);
        if (slots[made++] != MAX_VMS)
            continue;
        while (--made > 0) {
            vm_free(vms[slots[made - 1]]);
            forget_vm(slots[made - 1]);
        }
        return false;
    }
    for (unsigned i = 0; i < made; i++) {
        text_print(&control->answer, "created name %s cpus ", vms[slots[i]]->config->name);
        text_cpus(&control->answer, &vms[slots[i]]->cpu_set, false);
        text_print(&control->answer, " memory %lu\n", vms[slots[i]]->config->memory);
    }
    return true;
}

/* Is VM what WANTED says? BUFFER is for both blocks. */
static bool is_as(const struct vm *vm, const struct config_vm *wanted, char *buffer)
{
    struct text is = {buffer, TEXT_BYTES / 2, 0, false};
    struct text should = {buffer + TEXT_BYTES / 2, TEXT_BYTES / 2, 0, false};
    config_write_vm(&is, vm->config);
    config_write_vm(&should, wanted);
    return is.length == should.length && memcmp(is.buffer, should.buffer, is.length) == 0;
}

/* May what is on the machine stay as it is, or go? */
static bool check_apply(struct control *control, const struct config *parsed, char *buffer)
{
    for (unsigned i = 0; i < MAX_VMS; i++) {
        const struct config_vm *wanted = NULL;
        for (unsigned j = 0; vms[i] != NULL && j < parsed->vm_count; j++)
            if (strcmp(parsed->vms[j].name, vms[i]->config->name) == 0)
                wanted = &parsed->vms[j];
        if (vms[i] == NULL || (wanted == NULL && !vms[i]->service))
            continue;
        if (wanted == NULL || !is_as(vms[i], wanted, buffer))
            return control_refuse(control,
                                  "vm \"%s\" is otherwise on the machine, and can't be changed "
                                  "while it exists; %s",
                                  vms[i]->config->name,
                                  vms[i]->service ? "write its block as config shows it"
                                                  : "destroy it first");
    }
    return true;
}

static bool apply(struct control *control, const struct config *parsed, char *buffer)
{
    uint32_t before = 0;
    for (unsigned i = 0; i < MAX_VMS; i++)
        before |= vms[i] != NULL ? 1u << i : 0;
    if (!check_apply(control, parsed, buffer) || !create_all(control, parsed))
        return false;
    for (unsigned i = 0; i < MAX_VMS; i++) {
        bool named = false;
        for (unsigned j = 0; (before >> i & 1) != 0 && j < parsed->vm_count; j++)
            named = named || strcmp(parsed->vms[j].name, vms[i]->config->name) == 0;
        if ((before >> i & 1) == 0 || named)
            continue;
        text_print(&control->answer, "destroyed name %s\n", vms[i]->config->name);
        destroy(vms[i]);
    }
    return true;
}

/* For `create` (BESIDE what there is) and `apply` (instead of it). */
static bool divide(struct control *control, bool beside)
{
    lifecycle_reap();
    if (!extend_pool(control))
        return false;
    struct config *parsed = memory_pages(PARSED_PAGES);
    char *buffer = memory_pages(TEXT_PAGES);
    void (*usual)(const struct config_position *at, const char *text) = setup_complain;
    asking = control;
    setup_complain = complain;
    bool done = parsed != NULL && buffer != NULL
                    ? parse(control, parsed, buffer, beside) &&
                          (beside ? create_all(control, parsed) : apply(control, parsed, buffer))
                    : control_refuse(control, "the monitor's memory is used up");
    setup_complain = usual;
    memory_free(parsed, PARSED_PAGES);
    memory_free(buffer, TEXT_PAGES);
    return done && (!beside || control->answer.length > 0 ||
                    control_refuse(control, "there is no vm block; write vm NAME { ... }"));
}

bool lifecycle_create(struct control *control)
{
    return divide(control, true);
}

bool lifecycle_apply(struct control *control)
{
    return divide(control, false);
}
