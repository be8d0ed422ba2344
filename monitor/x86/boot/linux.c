/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a bzImage by the Linux boot protocol, 64-bit entry (Documentation/arch/x86/boot). */
#include "x86/boot/linux.h"

#include "x86/boot/load.h"

#define HEADER_OFFSET       offsetof(struct linux_setup, header)
#define DEFAULT_SETUP_SECTS 4u /* what 0 means */
#define MIN_HEADER_END      0x264u
#define MAX_ALIGNMENT       GIB

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
    struct guest_start *start;
    struct boot_space space;
    const struct linux_setup *setup; /* in the file, checked */
    const uint8_t *code;             /* the protected-mode code */
    uint64_t code_size;
    uint64_t load_size; /* memory it needs from its load address on */
    uint64_t kernel;
    struct linux_params *params;
};

static const char no_low_memory[] =
    "no memory below 4 GiB is left for the boot parameters; give the VM more memory";

static const struct linux_setup *image_setup(const struct boot_module *kernel)
{
    return (const void *)(kernel->data + LINUX_SETUP_OFFSET);
}

bool linux_is(const struct boot_module *kernel)
{
    return kernel->size >= LINUX_SETUP_OFFSET + HEADER_OFFSET + sizeof(uint32_t) &&
           image_setup(kernel)->boot_flag == LINUX_BOOT_FLAG &&
           image_setup(kernel)->header == LINUX_MAGIC;
}

/* The 64-bit entry exists and the header's numbers make sense. */
static const char *image_check_setup(const struct linux_setup *setup)
{
    if (setup->version < LINUX_PROTOCOL_MIN)
        return "the kernel's boot protocol is older than 2.12; use Linux 3.8 or later";
    if ((setup->xloadflags & LINUX_XLF_KERNEL_64) == 0)
        return "a 32-bit kernel without 64-bit entry; use an x86-64 (amd64) kernel";
    if ((setup->loadflags & LINUX_LOADED_HIGH) == 0)
        return "a zImage, not a bzImage; build the kernel as bzImage";
    if (setup->jump_offset < MIN_HEADER_END - 0x202u)
        return "the kernel's setup header is damaged (it ends too early); copy the file again";
    uint64_t alignment = setup->kernel_alignment;
    if (alignment < PAGE_SIZE || alignment > MAX_ALIGNMENT || (alignment & (alignment - 1)) != 0)
        return "the kernel's setup header is damaged (kernel_alignment); copy the file again";
    if (setup->init_size == 0 || setup->pref_address >= BOOT_TOP)
        return "the kernel's setup header is damaged (init_size or pref_address); copy the file "
               "again";
    return NULL;
}

static const char *image_open(const struct boot_module *kernel, struct linux_load *load)
{
    static const char truncated[] = "the kernel file is truncated; copy it again";
    if (kernel->size < MIN_HEADER_END)
        return truncated;
    const struct linux_setup *setup = image_setup(kernel);
    const char *error = image_check_setup(setup);
    if (error != NULL)
        return error;

    uint64_t sects = setup->setup_sects != 0 ? setup->setup_sects : DEFAULT_SETUP_SECTS;
    uint64_t code_offset = (sects + 1) * LINUX_SECTOR;
    uint64_t paragraphs = setup->syssize; /* of 16 bytes; the file need not fill the last one */
    if (code_offset > kernel->size || paragraphs > (kernel->size - code_offset + 15) / 16)
        return truncated;
    uint64_t size = kernel->size - code_offset;
    if (size > paragraphs * 16)
        size = paragraphs * 16;
    if (size <= LINUX_ENTRY_64)
        return "the kernel file holds no code; copy it again";
    load->setup = setup;
    load->code = kernel->data + code_offset;
    load->code_size = size;
    load->load_size = align_up(setup->init_size > size ? setup->init_size : size, PAGE_SIZE);
    return NULL;
}

const char *linux_check(const struct boot_module *kernel, uint64_t *size)
{
    struct linux_load load;
    const char *error = image_open(kernel, &load);
    if (error == NULL)
        *size = load.load_size;
    return error;
}

/* Linux moves itself up to pref_address if it is loaded lower, so lower places are no use. */
static const char *load_kernel(struct linux_load *load)
{
    bool movable = load->setup->relocatable_kernel != 0;
    uint64_t preferred = load->setup->pref_address, size = load->load_size;
    struct boot_range within = {preferred, movable ? BOOT_TOP : preferred + size};
    uint64_t align = movable ? load->setup->kernel_alignment : 1;
    if (!boot_space_take(&load->space, BOOT_LOWEST, within, size, align, &load->kernel) ||
        !guest_write(load->space.memory, (gpa_t){load->kernel}, load->code, load->code_size))
        return "the kernel does not fit into the memory; give the VM more memory";
    load->start->rip.v = load->kernel + LINUX_ENTRY_64;
    return NULL;
}

/* A cleared page below 4 GiB; NULL if there is none. */
static void *load_take_page(struct linux_load *load, uint64_t *at)
{
    if (!boot_space_put(&load->space, NULL, PAGE_SIZE, at))
        return NULL;
    return guest_pointer(load->space.memory, (gpa_t){*at}, PAGE_SIZE);
}

/* A screen whose numbers don't fit is left out: the kernel then has no console there, no more. */
static void params_set_screen(struct linux_screen *screen, const struct boot_firmware *firmware)
{
    uint64_t base = firmware->framebuffer.base;
    uint32_t width = firmware->framebuffer.width, height = firmware->framebuffer.height;
    uint32_t pitch = firmware->framebuffer.pitch, depth = firmware->framebuffer.bits_per_pixel;
    if (!firmware->has_framebuffer || width > UINT16_MAX || height > UINT16_MAX ||
        pitch > UINT16_MAX || depth > 32)
        return;
    screen->orig_video_type = LINUX_VIDEO_VLFB;
    screen->lfb_width = (uint16_t)width;
    screen->lfb_height = (uint16_t)height;
    screen->lfb_depth = (uint16_t)depth;
    screen->lfb_linelength = (uint16_t)pitch;
    screen->lfb_size = (uint32_t)(align_up((uint64_t)pitch * height, 64 * KIB) / (64 * KIB));
    screen->lfb_base = (uint32_t)base;
    screen->ext_lfb_base = (uint32_t)(base >> 32);
    screen->capabilities = screen->ext_lfb_base != 0 ? LINUX_VIDEO_64 : 0;
    screen->red_pos = firmware->framebuffer.red_pos;
    screen->red_size = firmware->framebuffer.red_size;
    screen->green_pos = firmware->framebuffer.green_pos;
    screen->green_size = firmware->framebuffer.green_size;
    screen->blue_pos = firmware->framebuffer.blue_pos;
    screen->blue_size = firmware->framebuffer.blue_size;
}

/* Linux then calls the firmware's runtime services, as it would without a monitor. */
static struct linux_efi params_efi(const struct boot_firmware *firmware)
{
    uint64_t table = firmware->efi.system_table, map = firmware->efi.map.v;
    return (struct linux_efi){
        .signature = table != 0 ? LINUX_EFI_64 : 0,
        .system_table = (uint32_t)table,
        .system_table_high = (uint32_t)(table >> 32),
        .stride = firmware->efi.stride,
        .version = firmware->efi.version,
        .map = (uint32_t)map,
        .map_high = (uint32_t)(map >> 32),
        .map_size = firmware->efi.map_size,
    };
}

/* The "zero page": setup header, memory map, framebuffer, ACPI, EFI. */
static const char *load_params(struct linux_load *load)
{
    const struct e820_map *map = load->request->e820;
    struct linux_params *params = load_take_page(load, &load->start->argument.v);
    if (params == NULL)
        return no_low_memory;
    uint64_t setup_size = 0x202u + load->setup->jump_offset - LINUX_SETUP_OFFSET;
    memcpy((uint8_t *)params + LINUX_SETUP_OFFSET, load->setup,
           setup_size < LINUX_SETUP_SPACE ? setup_size : LINUX_SETUP_SPACE);
    params->setup.type_of_loader = LINUX_LOADER_OTHER;
    params->setup.setup_data = 0;
    params->setup.code32_start = (uint32_t)load->kernel;
    params->setup.ramdisk_image = 0;
    params->setup.ramdisk_size = 0;
    params->acpi_rsdp_addr = load->request->firmware.rsdp;
    params_set_screen(&params->screen, &load->request->firmware);
    params->efi = params_efi(&load->request->firmware);
    params->e820_entries = (uint8_t)map->count;
    memcpy(params->e820, map->entries, map->count * sizeof(map->entries[0]));
    load->params = params;
    return NULL;
}

static const char *load_cmdline(struct linux_load *load)
{
    const char *text = load->request->cmdline != NULL ? load->request->cmdline : "";
    uint64_t at;
    if (strlen(text) > load->setup->cmdline_size)
        return "the command line is longer than this kernel takes; shorten it";
    if (!boot_space_put(&load->space, text, strlen(text) + 1, &at))
        return no_low_memory;
    load->params->setup.cmd_line_ptr = (uint32_t)at;
    return NULL;
}

/* As high as the kernel can reach it: out of the way of what the kernel unpacks. */
static const char *load_initrd(struct linux_load *load)
{
    const struct boot_module *initrd = load->request->initrd;
    uint64_t end = load->setup->initrd_addr_max + 1ull, at;
    if (initrd == NULL || initrd->size == 0)
        return NULL;
    if (end > BOOT_PAYLOAD_TOP)
        end = BOOT_PAYLOAD_TOP;
    if (!boot_space_put_module(&load->space, initrd, end, &at))
        return "the initrd does not fit into the memory beside the kernel; give the VM more "
               "memory or a smaller initrd";
    load->params->setup.ramdisk_image = (uint32_t)at;
    load->params->setup.ramdisk_size = (uint32_t)initrd->size;
    return NULL;
}

/* Map the first 4 GiB one to one with 2 MiB pages: root, one table of gigabytes, four of pages. */
static const char *load_page_tables(struct linux_load *load)
{
    uint64_t *tables[IDENTITY_PAGES], at[IDENTITY_PAGES];
    for (unsigned i = 0; i < IDENTITY_PAGES; i++) {
        tables[i] = load_take_page(load, &at[i]);
        if (tables[i] == NULL)
            return no_low_memory;
    }
    tables[0][0] = at[1] | PTE_PRESENT | PTE_WRITE;
    for (uint64_t i = 0; i < IDENTITY_GIGABYTES; i++)
        tables[1][i] = at[2 + i] | PTE_PRESENT | PTE_WRITE;
    for (uint64_t i = 0; i < IDENTITY_GIGABYTES * TABLE_ENTRIES; i++)
        tables[2 + i / TABLE_ENTRIES][i % TABLE_ENTRIES] =
            i * LARGE_PAGE | PTE_PRESENT | PTE_WRITE | PTE_LARGE;
    load->start->cr3.v = at[0];
    return NULL;
}

const char *linux_load(const struct boot_request *request, struct guest_start *start)
{
    static const char *(*const steps[])(struct linux_load *) = {
        load_kernel, load_params, load_cmdline, load_page_tables, load_initrd};
    struct linux_load load = {.request = request, .start = start};
    const char *error = image_open(request->kernel, &load);
    boot_space_init(&load.space, request);
    start->entry = GUEST_ENTRY_LONG_MODE;
    for (unsigned i = 0; error == NULL && i < ARRAY_SIZE(steps); i++)
        error = steps[i](&load);
    return error;
}
