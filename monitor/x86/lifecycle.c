/* SPDX-License-Identifier: Apache-2.0 */
/* VMs that are made, started, stopped and taken apart at run time. */
#include "x86/lifecycle.h"

#include "core/changes.h"
#include "core/config_write.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "x86/cores.h"
#include "x86/cpu.h"
#include "x86/live.h"
#include "x86/memory.h"
#include "x86/setup.h"
#include "x86/vm_memory.h"

#define POOL_LEAST   (512 * KIB) /* what a new VM may need of the monitor's memory */
#define PARSED_PAGES ((unsigned)(align_up(sizeof(struct config), PAGE_SIZE) / PAGE_SIZE))
#define TEXT_BYTES   (128 * KIB) /* of all VMs, and those to be */
#define TEXT_PAGES   (TEXT_BYTES / PAGE_SIZE)

static struct control *asking; /* who is told what is wrong */
static unsigned lines_before;  /* of the VMs that there are, before those of the request */

/* The others' configurations must not name a VM that is no more: they could not be read again. */
static void forget_peer(const char *name)
{
    for (unsigned i = 0; i < MAX_VMS; i++) {
        struct config_vm *vm = &setup_config.vms[i];
        unsigned kept = 0;
        for (unsigned j = 0; j < vm->peer_count; j++)
            if (strcmp(vm->peers[j], name) != 0)
                memmove(vm->peers[kept++], vm->peers[j], sizeof(vm->peers[j]));
        memset(vm->peers[kept], 0, (vm->peer_count - kept) * sizeof(vm->peers[0]));
        vm->peer_count = kept;
    }
    vsock_change_peers();
}

static void forget_vm(unsigned index)
{
    forget_peer(setup_config.vms[index].name);
    memset(&setup_config.vms[index], 0, sizeof(setup_config.vms[index]));
    memset(&setup_plan.vms[index], 0, sizeof(setup_plan.vms[index]));
    memset(&setup_plan.more[index], 0, sizeof(setup_plan.more[index]));
}

void lifecycle_reap(void)
{
    lifecycle_reap_cores();
    for (unsigned i = 0; i < MAX_VMS; i++) {
        if (vms[i] == NULL)
            continue;
        vm_memory_reap(vms[i]);
        if (atomic_load(&vms[i]->state) != VM_GONE || !vm_release(vms[i]))
            continue;
        vm_free(vms[i]);
        forget_vm(i);
    }
    lifecycle_reap_given();
}

struct vm *lifecycle_find_any(const char *name)
{
    for (unsigned i = 0; i < MAX_VMS; i++)
        if (vms[i] != NULL && strcmp(vms[i]->config->name, name) == 0)
            return vms[i];
    return NULL;
}

struct vm *lifecycle_find(struct control *control)
{
    lifecycle_reap();
    struct vm *vm = lifecycle_find_any(control->words[1]);
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
    atomic_store(&vm->killed, false);
    cpu_kick(vm->vcpus[0].cpu, REQUEST_BOOT);
    return true;
}

bool lifecycle_kill(struct control *control)
{
    struct vm *vm = lifecycle_find(control);
    if (vm == NULL)
        return false;
    bool reboot = strcmp(control->words[0], "reboot") == 0;
    int state = atomic_load(&vm->state);
    bool between = state == VM_BUILDING || state == VM_STOPPING; /* it may be about to start */
    if (state != VM_RUNNING && (reboot || !between))
        return control_refuse(control, "vm \"%s\" is %s, not running", vm->config->name,
                              vm_state_name(vm));
    atomic_store(&vm->killed, !reboot);
    if (!between)
        cpu_kick(vm->vcpus[0].cpu, reboot ? REQUEST_REBOOT : REQUEST_KILL);
    return true;
}

bool lifecycle_destroy(struct control *control)
{
    struct vm *vm = lifecycle_find(control);
    if (vm == NULL)
        return false;
    live_generation++;
    vm_destroy(vm);
    return true;
}

/* What is said of a VM's configuration goes to who asked, with the lines of their text. */
static void complain(const struct config_position *at, const char *text)
{
    unsigned line = at->line > lines_before ? at->line - lines_before : 0;
    control_refuse(asking, "%u:%u: %s", line, at->column, text);
}

/* The text of the request, parsed behind all VMs that there are: so that names can refer. */
static bool parse(struct control *control, struct config *parsed, char *buffer, bool whole)
{
    static struct config_errors errors;
    struct text text = {buffer, TEXT_BYTES, 0, false};
    for (unsigned i = 0; i < MAX_VMS; i++)
        if (vms[i] != NULL && !whole)
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

/* MORE memory for the monitor, from what no VM has; it stays the monitor's. */
static bool extend_pool(struct control *control, uint64_t more)
{
    hpa_t base;
    uint64_t size, used;
    memory_pool(&base, &size, &used);
    if (size - used >= POOL_LEAST + more)
        return true;
    more = align_up(more + POOL_LEAST, LARGE_PAGE);
    if (!place_find(&machine, &setup_plan, more, &base) ||
        !place_memory_put(&setup_plan.kept, &(struct place_extent){base, {base.v}, more, 0}))
        return control_refuse(control, "no memory is left for the monitor; destroy a VM, or give "
                                       "memory of the service VM");
    memory_extend(base, more);
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
    if (!live_check_processor(control, from))
        return MAX_VMS;
    setup_config.vms[slot] = *from;
    if (slot >= setup_config.vm_count)
        setup_config.vm_count = vm_count = slot + 1;
    lifecycle_check(slot);
    if (extend_pool(control, vm_memory_need(from)) && !setup_config.vms[slot].spoilt) {
        place_add(&machine, &setup_config, &setup_plan, slot);
        if (setup_vm(slot))
            return slot;
        if (control->answer.length == 0)
            control_refuse(control, "vm \"%s\" cannot be made; see the log", from->name);
    }
    forget_vm(slot);
    return MAX_VMS;
}

/* The VMs of PARSED that there are not yet: all, or none. */
static bool create_all(struct control *control, const struct config *parsed)
{
    unsigned slots[MAX_VMS];
    unsigned made = 0;
    for (unsigned i = 0; i < parsed->vm_count; i++) {
        if (lifecycle_find_any(parsed->vms[i].name) != NULL)
            continue;
        slots[made] = create_one(control, &parsed->vms[i]);
        if (slots[made++] != MAX_VMS)
            continue;
        while (--made > 0)
            atomic_store(&vms[slots[made - 1]]->state, VM_GONE);
        lifecycle_reap();
        return false;
    }
    for (unsigned i = 0; i < made; i++) {
        text_print(&control->answer, "created name %s cpus ", vms[slots[i]]->config->name);
        text_cpus(&control->answer, &vms[slots[i]]->cpu_set, false);
        text_print(&control->answer, " memory %lu\n", vms[slots[i]]->config->memory);
    }
    return true;
}

/* The VMs of the text are made, all or none; a WHOLE configuration leaves no others. */
static bool change_vms(struct control *control, struct config *parsed, char *buffer, bool whole)
{
    if (!parse(control, parsed, buffer, whole))
        return false;
    if (!whole)
        return create_all(control, parsed) &&
               (control->answer.length > 0 ||
                control_refuse(control, "there is no vm block; write vm NAME { ... }"));
    if (!live_check(control, parsed, buffer, TEXT_BYTES) || !live_reserve(control, parsed) ||
        !create_all(control, parsed)) {
        cores_forget();
        return false;
    }
    live_apply(control, parsed);
    return true;
}

bool lifecycle_create(struct control *control)
{
    bool whole = strcmp(control->words[0], "apply") == 0;
    lifecycle_reap();
    if (!extend_pool(control, 0))
        return false;
    struct config *parsed = memory_pages(PARSED_PAGES);
    char *buffer = memory_pages(TEXT_PAGES);
    void (*usual)(const struct config_position *at, const char *text) = setup_complain;
    asking = control;
    setup_complain = complain;
    bool done = parsed != NULL && buffer != NULL
                    ? change_vms(control, parsed, buffer, whole)
                    : control_refuse(control, "the monitor's memory is used up");
    setup_complain = usual;
    memory_free(parsed, PARSED_PAGES);
    memory_free(buffer, TEXT_PAGES);
    if (done && control->answer.length > 0)
        live_generation++;
    if (done)
        changes_log(&control->answer, live_generation);
    return done;
}

bool lifecycle_apply_at(struct control *control)
{
    uint64_t generation;
    if (!control_number(control, 1, &generation))
        return false;
    if (generation != live_generation)
        return control_refuse(control,
                              "the machine has changed meanwhile: its generation is %u, not %lu; "
                              "read its configuration again",
                              live_generation, generation);
    return lifecycle_create(control);
}
