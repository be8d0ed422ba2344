/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a bzImage by the Linux boot protocol, 64-bit entry (Documentation/arch/x86/boot). */
#include "x86/boot/linux.h"

#include "lib/string.h"
#include "x86/boot/space.h"

/* Page table bits (AMD APM volume 2, 5.4; Intel SDM volume 3, 4.5). */
#define PTE_PRESENT 1ull
#define PTE_WRITE   2ull
#define PTE_LARGE   (1ull << 7)

#define IDENTITY_GIGABYTES 4u
#define IDENTITY_PAGES     (2u + IDENTITY_GIGABYTES)
#define TABLE_ENTRIES      512u

/* One load in progress. */
struct linux_load {
    const struct boot_request *request;
    struct linux_image image;
    struct boot_space space;
    uint64_t kernel;
    uint64_t params_at;
    struct linux_params *params;
};

static const char no_low_memory[] =
    "no memory below 4 GiB is left for the boot parameters; give the VM more memory";

/* Linux moves itself up to pref_address if it is loaded lower, so lower places are no use. */
static const char *load_kernel(struct linux_load *load)
{
    const struct linux_setup *setup = load->image.setup;
    uint64_t preferred = setup->pref_address, size = load->image.load_size;
    struct boot_range within = {preferred, BOOT_TOP};
    if (setup->relocatable_kernel == 0)
        within.end = preferred + size;
    uint64_t align = setup->relocatable_kernel == 0 ? 1 : setup->kernel_alignment;
    if (!boot_space_take_low(&load->space, size, align, within, &load->kernel))
        return "the kernel does not fit into the memory; give the VM more memory";
    if (!guest_write(&load->request->memory, (gpa_t){load->kernel}, load->image.code,
                     load->image.code_size))
        return "the kernel does not fit into the memory; give the VM more memory";
    return NULL;
}

/* A cleared page below 4 GiB; NULL if there is none. */
static void *load_take_page(struct linux_load *load, uint64_t *at)
{
    struct boot_range within = {BOOT_LOW_START, BOOT_TOP};
    if (!boot_space_take_low(&load->space, PAGE_SIZE, PAGE_SIZE, within, at))
        return NULL;
    void *page = guest_pointer(&load->request->memory, (gpa_t){*at}, PAGE_SIZE);
    if (page != NULL)
        memset(page, 0, PAGE_SIZE);
    return page;
}

static const char *load_params(struct linux_load *load)
{
    load->params = load_take_page(load, &load->params_at);
    if (load->params == NULL)
        return no_low_memory;
    linux_params_fill(load->params, &load->image, load->request);
    load->params->setup.code32_start = (uint32_t)load->kernel;
    return NULL;
}

static const char *load_cmdline(struct linux_load *load)
{
    struct boot_range within = {BOOT_LOW_START, BOOT_TOP};
    const char *text = load->request->cmdline != NULL ? load->request->cmdline : "";
    uint64_t size = strlen(text) + 1, at;
    if (size - 1 > load->image.setup->cmdline_size)
        return "the command line is longer than this kernel takes; shorten it";
    if (!boot_space_take_low(&load->space, align_up(size, PAGE_SIZE), PAGE_SIZE, within, &at) ||
        !guest_write(&load->request->memory, (gpa_t){at}, text, size))
        return no_low_memory;
    load->params->setup.cmd_line_ptr = (uint32_t)at;
    return NULL;
}

/* As high as the kernel can reach it: out of the way of what the kernel unpacks. */
static const char *load_initrd(struct linux_load *load)
{
    const struct boot_module *initrd = load->request->initrd;
    if (initrd == NULL || initrd->size == 0)
        return NULL;
    struct boot_range within = {BOOT_LOW_START, load->image.setup->initrd_addr_max + 1ull};
    if (within.end > BOOT_PAYLOAD_TOP)
        within.end = BOOT_PAYLOAD_TOP;
    uint64_t at;
    if (!boot_space_take_high(&load->space, initrd->size, PAGE_SIZE, within, &at) ||
        !guest_write(&load->request->memory, (gpa_t){at}, initrd->data, initrd->size))
        return "the initrd does not fit into the memory beside the kernel; give the VM more "
               "memory or a smaller initrd";
    load->params->setup.ramdisk_image = (uint32_t)at;
    load->params->setup.ramdisk_size = (uint32_t)initrd->size;
    return NULL;
}

/* Map the first 4 GiB one to one with 2 MiB pages: root, one table of gigabytes, four of pages. */
static const char *load_page_tables(struct linux_load *load, gpa_t *root)
{
    uint64_t *tables[IDENTITY_PAGES], at[IDENTITY_PAGES];
    for (unsigned i = 0; i < IDENTITY_PAGES; i++) {
        tables[i] = load_take_page(load, &at[i]);
        if (tables[i] == NULL)
            return no_low_memory;
    }
    tables[0][0] = at[1] | PTE_PRESENT | PTE_WRITE;
    for (uint64_t gib = 0; gib < IDENTITY_GIGABYTES; gib++) {
        tables[1][gib] = at[2 + gib] | PTE_PRESENT | PTE_WRITE;
        for (uint64_t i = 0; i < TABLE_ENTRIES; i++)
            tables[2 + gib][i] = (gib * GIB + i * LARGE_PAGE) | PTE_PRESENT | PTE_WRITE | PTE_LARGE;
    }
    root->v = at[0];
    return NULL;
}

const char *linux_load(const struct boot_request *request, struct guest_start *start)
{
    struct linux_load load = {.request = request};
    boot_space_init(&load.space, request);
    const char *error = linux_image_open(request->kernel, &load.image);
    if (error == NULL)
        error = load_kernel(&load);
    if (error == NULL)
        error = load_params(&load);
    if (error == NULL)
        error = load_cmdline(&load);
    if (error == NULL)
        error = load_page_tables(&load, &start->cr3);
    if (error == NULL)
        error = load_initrd(&load);
    if (error != NULL)
        return error;
    start->entry = GUEST_ENTRY_LONG_MODE;
    start->rip.v = load.kernel + LINUX_ENTRY_64;
    start->argument.v = load.params_at;
    return NULL;
}
