/* SPDX-License-Identifier: Apache-2.0 */
/* Any file as a kernel, for a VM whose memory, initrd and command line the first bytes choose. */
#include "fuzz_guest.h"
#include "x86/boot/elf.h"
#include "x86/boot/linux.h"

#define ENTRY_BIT  0xffffffffff000ull /* the address in a page table's entry */
#define PAYLOADS   (12 * MIB)
#define MODULE     5000u
#define CMDLINE    2047u
#define TEST_RSDP  0xe1230u
#define PVH_MAGIC  0x336ec578u
#define PVH_ENTRY  24u /* bytes of a memory map's entry */
#define PVH_MODULE 32u

/* hvm_start_info, version 1. */
struct start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t module_list, cmdline, rsdp, memory_map;
    uint32_t memory_entries, reserved;
};

static uint8_t payload[PAYLOADS];
static char cmdline[CMDLINE + 1];
static struct boot_module initrd, module = {"module", payload + 77, MODULE};
static struct boot_request request;

static void choose_request(const struct fuzz_guest *guest, const uint8_t *choice,
                           const struct boot_module *kernel)
{
    static const uint64_t initrds[] = {0, 1, PAGE_SIZE, 70001, MIB + 1, 3 * MIB, PAYLOADS};
    static const size_t lengths[] = {0, 13, 255, 256, CMDLINE};
    if (payload[1] == 0)
        for (uint64_t i = 0; i < PAYLOADS; i++)
            payload[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + 1);
    memset(cmdline, 'a', CMDLINE);
    cmdline[lengths[choice[2] % ARRAY_SIZE(lengths)]] = '\0';
    initrd = (struct boot_module){"initrd", payload, initrds[choice[1] % ARRAY_SIZE(initrds)]};
    request = (struct boot_request){.memory = guest->memory,
                                    .e820 = &guest->map,
                                    .kernel = kernel,
                                    .initrd = (choice[3] & 8) != 0 ? NULL : &initrd,
                                    .cmdline = (choice[3] & 16) != 0 ? NULL : cmdline};
    request.module_count = choice[3] % 8 % (CONFIG_VM_MODULES + 1);
    for (unsigned i = 0; i < request.module_count; i++)
        request.modules[i] = &module;
    request.firmware.rsdp = TEST_RSDP;
}

static const char *wanted_cmdline(void)
{
    return request.cmdline != NULL ? request.cmdline : "";
}

static uint64_t initrd_size(void)
{
    return request.initrd != NULL ? request.initrd->size : 0;
}

static void claim_cmdline(struct fuzz_guest *guest, uint64_t at)
{
    const char *text = wanted_cmdline();
    fuzz_guest_claim(guest, at, strlen(text) + 1);
    must(fuzz_guest_holds(guest, at, text, strlen(text) + 1));
}

static void claim_module(struct fuzz_guest *guest, uint64_t at, const struct boot_module *wanted)
{
    fuzz_guest_claim(guest, at, wanted->size);
    must(fuzz_guest_holds(guest, at, wanted->data, wanted->size));
}

/* The page tables map the first 4 GiB one to one. */
static void claim_tables(struct fuzz_guest *guest, uint64_t root)
{
    fuzz_guest_claim(guest, root, PAGE_SIZE);
    uint64_t gigabytes = *(uint64_t *)fuzz_guest_at(guest, root, PAGE_SIZE) & ENTRY_BIT;
    fuzz_guest_claim(guest, gigabytes, PAGE_SIZE);
    for (uint64_t i = 0; i < 4; i++) {
        const uint64_t *entries = fuzz_guest_at(guest, gigabytes, PAGE_SIZE);
        uint64_t pages = entries[i] & ENTRY_BIT;
        fuzz_guest_claim(guest, pages, PAGE_SIZE);
        entries = fuzz_guest_at(guest, pages, PAGE_SIZE);
        for (uint64_t page = 0; page < 512; page++)
            must(entries[page] == (i * GIB + page * LARGE_PAGE) + 0x83);
    }
}

static void check_linux(struct fuzz_guest *guest, const struct boot_module *kernel,
                        const struct guest_start *start)
{
    const struct linux_setup *setup = (const void *)(kernel->data + LINUX_SETUP_OFFSET);
    uint64_t code = (setup->setup_sects != 0 ? setup->setup_sects + 1u : 5u) * LINUX_SECTOR;
    uint64_t size = setup->syssize * 16ull, needed = setup->init_size;
    must(code < kernel->size && start->rip.v >= LINUX_ENTRY_64);
    must(code + size < kernel->size + 16);
    if (size > kernel->size - code)
        size = kernel->size - code; /* the last 16 bytes need not be all there */
    uint64_t base = start->rip.v - LINUX_ENTRY_64;
    fuzz_guest_claim(guest, base, needed > size ? needed : size);
    must(size > LINUX_ENTRY_64 && fuzz_guest_holds(guest, base, kernel->data + code, size));
    fuzz_guest_claim(guest, start->argument.v, PAGE_SIZE);
    const struct linux_params *params = fuzz_guest_at(guest, start->argument.v, PAGE_SIZE);
    must(params->e820_entries == guest->map.count && params->acpi_rsdp_addr == TEST_RSDP);
    must(memcmp(params->e820, guest->map.entries, guest->map.count * sizeof(params->e820[0])) == 0);
    must(params->ext_cmd_line_ptr == 0 && params->ext_ramdisk_image == 0);
    must(params->setup.setup_data == 0);
    claim_cmdline(guest, params->setup.cmd_line_ptr);
    must(params->setup.ramdisk_size == initrd_size());
    if (params->setup.ramdisk_size != 0)
        claim_module(guest, params->setup.ramdisk_image, &initrd);
    claim_tables(guest, start->cr3.v);
}

/* The segments, which may overlap each other, as one piece; the entry is in one of them. */
static void claim_segments(struct fuzz_guest *guest, const struct boot_module *kernel,
                           uint64_t entry)
{
    struct elf_file file;
    struct elf_segment segment;
    uint64_t first = UINT64_MAX, end = 0;
    bool has_entry = false;
    must(elf_open(kernel, &file) == NULL);
    for (uint64_t i = 0; i < file.count; i++) {
        must(elf_segment(&file, i, &segment));
        if (segment.type != ELF_PT_LOAD || segment.memory_size == 0)
            continue;
        guest->piece_count = 0;
        fuzz_guest_claim(guest, segment.address, segment.memory_size);
        has_entry |= entry - segment.address < segment.file_size;
        first = segment.address < first ? segment.address : first;
        uint64_t behind = segment.address + segment.memory_size;
        end = behind > end ? behind : end;
    }
    must(has_entry);
    /* Nothing else lies between them either, though that need not be RAM. */
    guest->pieces[0] = (struct fuzz_piece){first, end - first};
    guest->piece_count = 1;
}

static void check_pvh(struct fuzz_guest *guest, const struct boot_module *kernel,
                      const struct guest_start *start)
{
    claim_segments(guest, kernel, start->rip.v);
    fuzz_guest_claim(guest, start->argument.v, sizeof(struct start_info));
    const struct start_info *info =
        fuzz_guest_at(guest, start->argument.v, sizeof(struct start_info));
    must(info->magic == PVH_MAGIC && info->version == 1 && info->rsdp == TEST_RSDP);
    must(start->argument.v + PAGE_SIZE <= 4 * GIB && info->memory_entries == guest->map.count);
    fuzz_guest_claim(guest, info->memory_map, info->memory_entries * PVH_ENTRY);
    for (unsigned i = 0; i < guest->map.count; i++) {
        const uint64_t *entry = fuzz_guest_at(guest, info->memory_map + i * PVH_ENTRY, PVH_ENTRY);
        must(entry[0] == guest->map.entries[i].base && entry[1] == guest->map.entries[i].size);
        must(entry[2] == guest->map.entries[i].type);
    }
    claim_cmdline(guest, info->cmdline);
    unsigned first = initrd_size() != 0 ? 1 : 0;
    must(info->module_count == first + request.module_count);
    for (unsigned i = 0; i < info->module_count; i++) {
        const uint64_t *entry =
            fuzz_guest_at(guest, info->module_list + i * PVH_MODULE, PVH_MODULE);
        const struct boot_module *wanted = i < first ? &initrd : &module;
        must(entry[1] == wanted->size);
        claim_module(guest, entry[0], wanted);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t choice[4];
    struct guest_start start;
    if (!fuzz_choices(&data, &size, choice, sizeof(choice)))
        return -1;
    struct fuzz_guest *guest = fuzz_guest_get(choice[0]);
    uint8_t *file = fuzz_copy(data, size);
    struct boot_module kernel = {"kernel", file, size};
    choose_request(guest, choice, &kernel);
    const char *unfit = boot_check_kernel(&kernel, initrd_size(), guest->size);
    const char *bad = boot_check_kernel(&kernel, 0, UINT64_MAX);
    must(unfit == NULL || fuzz_is_text(unfit, CONFIG_MESSAGE_MAX));
    must(unfit != NULL || bad == NULL);
    const char *error = boot_load(&request, &start);
    must(error == NULL || fuzz_is_text(error, CONFIG_MESSAGE_MAX));
    must(bad == NULL || error != NULL);
    if (error == NULL && start.entry == GUEST_ENTRY_LONG_MODE)
        check_linux(guest, &kernel, &start);
    else if (error == NULL)
        check_pvh(guest, &kernel, &start);
    free(file);
    return 0;
}
