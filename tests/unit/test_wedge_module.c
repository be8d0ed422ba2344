/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of the guest's functions: a module as Linux has it when it calls module_finalize(). */
#include <elf.h>

#include "wedge_machine.h"

#define TEXT_AT    (MACHINE_FREE + 0x1000)
#define OTHER_AT   (MACHINE_FREE + 0x2000)
#define RECORDS_AT (MACHINE_FREE + 0x3000)
#define RELA_AT    (MACHINE_FREE + 0x4000)
#define SYMBOLS_AT (MACHINE_FREE + 0x5000)
#define NAMES_AT   (MACHINE_FREE + 0x6000)
#define TABLE_AT   (MACHINE_FREE + 0x7000)
#define HEADER_AT  (MACHINE_FREE + 0x8000)

enum { NONE, TEXT, TEMPLATE, DATA, TABLE, RECORDS, RELA, SYMBOLS, NAMES, SECTIONS };

static Elf64_Shdr sections[SECTIONS];
static unsigned records, names;
static uint8_t *function;

/* Its first instructions: mov %rdi,%rax; add $1,%rax. */
static const uint8_t body[] = {0x48, 0x89, 0xf8, 0x48, 0x83, 0xc0, 0x01};

static void section(unsigned number, const char *name, uint32_t type, uint64_t flags, uint32_t at,
                    uint64_t size)
{
    sections[number] = (Elf64_Shdr){.sh_name = names,
                                    .sh_type = type,
                                    .sh_flags = flags,
                                    .sh_addr = (uintptr_t)machine.base + at,
                                    .sh_size = size};
    strcpy((char *)machine.base + NAMES_AT + names, name);
    names += (unsigned)strlen(name) + 1;
}

static void hook(uint32_t id)
{
    function = machine_code(body, sizeof(body));
    machine_end();
    machine_symbol((struct afterburn_symbol){
        .id = id, .value = (uintptr_t)function, .prologue = sizeof(body)});
}

static void make_module(void)
{
    const uint64_t code = SHF_ALLOC | SHF_EXECINSTR;
    names = 1;
    records = 0;
    hook(AFTERBURN_MODULE_FINALIZE);
    memset(machine.base + TEXT_AT, 0x90, 0x1000);
    memset(machine.base + OTHER_AT, 0x90, 0x1000);
    section(TEXT, ".init.text", SHT_PROGBITS, code, TEXT_AT, 0x1000);
    section(TEMPLATE, ".altinstr_replacement", SHT_PROGBITS, code, OTHER_AT, 0x100);
    section(DATA, ".data", SHT_PROGBITS, SHF_ALLOC, OTHER_AT + 0x100, 0x100);
    section(TABLE, "__ex_table", SHT_PROGBITS, SHF_ALLOC, TABLE_AT, 0);
    section(RECORDS, ".debug_sfnames", SHT_PROGBITS, 0, RECORDS_AT, 0);
    section(RELA, ".rela.debug_sfnames", SHT_RELA, 0, RELA_AT, 0);
    section(SYMBOLS, ".symtab", SHT_SYMTAB, 0, SYMBOLS_AT, SECTIONS * sizeof(Elf64_Sym));
    section(NAMES, ".shstrtab", SHT_STRTAB, 0, NAMES_AT, 0x1000);
    sections[RELA].sh_info = RECORDS;
    sections[RELA].sh_link = SYMBOLS;
    for (unsigned i = 1; i < SECTIONS; i++)
        ((Elf64_Sym *)(void *)(machine.base + SYMBOLS_AT))[i] =
            (Elf64_Sym){.st_shndx = (uint16_t)i, .st_value = sections[i].sh_addr};
}

/* A site at OFFSET of this section, as its object file has it: address 0, a relocation. */
static uint8_t *site(unsigned number, unsigned offset, unsigned kind, const char *insn)
{
    unsigned length = (unsigned)strlen(insn);
    uint8_t *at = (uint8_t *)(uintptr_t)sections[number].sh_addr + offset;
    struct afterburn_record record = {.size = (uint8_t)(length < 5 ? 5 : length),
                                      .length = (uint8_t)length,
                                      .kind = (uint8_t)kind,
                                      .mode = {0xff, 0xc0}};
    Elf64_Rela rela = {.r_offset = records * sizeof(record),
                       .r_info = ELF64_R_INFO((uint64_t)number, R_X86_64_PC32),
                       .r_addend = offset};
    memcpy(at, insn, length);
    memcpy(machine.base + RECORDS_AT + records * sizeof(record), &record, sizeof(record));
    memcpy(machine.base + RELA_AT + records * sizeof(rela), &rela, sizeof(rela));
    records++;
    sections[RECORDS].sh_size = records * sizeof(record);
    sections[RELA].sh_size = records * sizeof(rela);
    return at;
}

/* The guest calls module_finalize(header, sections, module), which is unharmed. */
static void finalize(void)
{
    Elf64_Ehdr *header = (void *)(machine.base + HEADER_AT);
    *header = (Elf64_Ehdr){.e_shnum = SECTIONS, .e_shstrndx = NAMES};
    struct machine_cpu cpu, after;
    machine_cpu_random(&cpu);
    cpu.r[RDI] = (uintptr_t)header;
    cpu.r[RSI] = (uintptr_t)sections;
    after = cpu;
    machine_run(function, &after);
    assert_true(after.r[RAX] == cpu.r[RDI] + 1);
    cpu.r[RAX] = after.r[RAX];
    cpu.r[RSP] = 0;
    after.flags = cpu.flags; /* add has changed them */
    machine_cpu_same(&cpu, &after);
}

static void test_module(void **state)
{
    (void)state;
    machine_new(1);
    make_module();
    uint8_t *out = site(TEXT, 16, AFTERBURN_OUT, "\xee");
    memcpy(out + 5, (const uint8_t[]){0xe9}, 1);
    uint8_t *cpuid = site(TEXT, 64, AFTERBURN_CPUID, "\x0f\xa2");
    uint8_t *cli = site(TEXT, 80, AFTERBURN_CLI, "\xfa");
    uint8_t *template = site(TEMPLATE, 16, AFTERBURN_CPUID, "\x0f\xa2");
    uint8_t *data = site(DATA, 16, AFTERBURN_CPUID, "\x0f\xa2");
    uint8_t *wrong = site(TEXT, 96, AFTERBURN_CPUID, "\x0f\xa3");
    uint8_t *faulting = site(TEXT, 112, AFTERBURN_RDMSR, "\x0f\x32");
    uint8_t *shadowed = site(TEXT, 128, AFTERBURN_IN, "\xec");
    shadowed[-1] = 0xfb;
    uint8_t *outside = site(TEXT, 0xffd, AFTERBURN_IN, "\xec");
    uint8_t *other_mode = site(TEXT, 144, AFTERBURN_IN, "\xec");
    machine.base[RECORDS_AT + (records - 1) * 12 + 8] = 0x40;
    int32_t *entry = (void *)(machine.base + TABLE_AT);
    entry[0] = (int32_t)(faulting - (uint8_t *)entry);
    sections[TABLE].sh_size = 12;
    machine_patch(GROUND_KVM,
                  1ull << AFTERBURN_OUT | 1ull << AFTERBURN_IN | 1ull << AFTERBURN_CPUID |
                      1ull << AFTERBURN_RDMSR,
                  WEDGE_DELAY);
    assert_true(machine.counts.modules);
    finalize();
    assert_non_null(machine_target(out));
    assert_non_null(machine_target(cpuid));
    const uint8_t *const left[] = {cli,      template, data,    wrong,
                                   faulting, shadowed, outside, other_mode};
    for (unsigned i = 0; i < sizeof(left) / sizeof(left[0]); i++)
        if (machine_target(left[i]) != NULL)
            fail_msg("site %u was to be left", i);
    assert_int_equal(machine.data->module_sites, 7);
    assert_int_equal(machine.data->module_patched, 2);
    assert_int_equal(machine.data->lock, 0);
    assert_int_equal(seen.fences, 4); /* CR4 read; CR0 read, written, and written back */
    /* and the module's code does as it did */
    void (*leave)(void);
    machine_end();
    memcpy(&leave, machine.base + machine.end - 8, 8);
    memcpy(out + 5, (const uint8_t[]){0xff, 0x25, 0, 0, 0, 0}, 6);
    memcpy(out + 11, &leave, 8);
    struct machine_cpu cpu;
    machine_cpu_random(&cpu);
    cpu.r[RDX] = 0x80;
    machine_run(out, &cpu);
    assert_int_equal(seen.delays, 0);
    cpu.r[RDX] = 0x81;
    machine_run(out, &cpu);
    assert_true(seen.writes != 0);
}

static void test_module_without(void **state)
{
    (void)state;
    machine_new(2);
    make_module();
    uint8_t *cpuid = site(TEXT, 64, AFTERBURN_CPUID, "\x0f\xa2");
    machine_patch(GROUND_KVM, ~0ull, WEDGE_CPUID);
    machine.data->lock = 1; /* another core is in there */
    finalize();
    assert_null(machine_target(cpuid));
    machine.data->lock = 0;
    machine.data->trap = WEDGE_MODULES; /* CR0 is watched: a write of it could be a fault */
    finalize();
    assert_null(machine_target(cpuid));
    machine.data->trap = 0;
    sections[RELA].sh_name = 0; /* a module that was not prepared */
    finalize();
    assert_null(machine_target(cpuid));
    assert_int_equal(machine.data->module_sites, 0);
}

/* A guest's CPU masks against the list that the mapping gets. */
struct ipi_guest {
    uint64_t mask[4], offsets[256];
    uint32_t area[256][2];
};

static struct ipi_guest *make_ipi_guest(uint32_t id, unsigned size)
{
    hook(id);
    struct ipi_guest *guest = (void *)(machine.base + MACHINE_FREE);
    for (unsigned i = 0; i < 256; i++) {
        guest->offsets[i] = (uintptr_t)guest->area[i] - 0x40;
        guest->area[i][0] = (uint32_t)machine_random();
    }
    guest->area[0][1] = 3; /* where GS leads in this program: we are core 3 */
    machine_symbol((struct afterburn_symbol){.id = AFTERBURN_PER_CPU_OFFSET,
                                             .size = sizeof(guest->offsets),
                                             .value = (uintptr_t)guest->offsets});
    machine_symbol(
        (struct afterburn_symbol){.id = AFTERBURN_CPU_TO_APICID, .size = size, .value = 0x40});
    machine_symbol((struct afterburn_symbol){
        .id = AFTERBURN_CPU_NUMBER, .size = 4, .value = (uintptr_t)&guest->area[0][1]});
    return guest;
}

static bool send(const struct ipi_guest *guest, uint64_t vector)
{
    struct machine_cpu cpu, after;
    machine_cpu_random(&cpu);
    cpu.r[RDI] = (uintptr_t)guest->mask;
    cpu.r[RSI] = vector;
    void (*leave)(void);
    memcpy(&leave, function + sizeof(body) + 6, 8);
    cpu.stack[0] = (uintptr_t)leave; /* the caller */
    after = cpu;
    machine_run(function, &after);
    return after.r[RSP] == 8;
}

static void random_ipis(uint32_t id, unsigned size)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        machine_new(seed);
        struct ipi_guest *guest = make_ipi_guest(id, size);
        machine_patch(GROUND_KVM, ~0ull, WEDGE_IPI);
        unsigned want = (unsigned)(machine_random() % 80), count = 0;
        for (unsigned i = 0; i < want; i++) {
            unsigned cpu = (unsigned)(machine_random() % (seed % 2 != 0 ? 256 : 8));
            guest->mask[cpu / 64] |= 1ull << (cpu % 64);
        }
        uint32_t ids[256];
        for (unsigned cpu = 0; cpu < 256; cpu++)
            if ((guest->mask[cpu / 64] >> (cpu % 64) & 1) != 0 &&
                !(id == AFTERBURN_X2APIC_SEND_IPI_MASK_BUT_US && cpu == 3))
                ids[count++] = guest->area[cpu][0] & (size == 2 ? 0xffff : 0xffffffff);
        bool here = count >= 2 && count <= WEDGE_CPUS;
        assert_true(send(guest, 0xfb) == here);
        assert_int_equal(seen.ipi_calls, here);
        if (!here)
            continue;
        assert_int_equal(seen.vector, 0xfb);
        assert_int_equal(seen.id_count, count);
        assert_memory_equal(seen.ids, ids, count * sizeof(ids[0]));
    }
}

static void test_ipis(void **state)
{
    (void)state;
    random_ipis(AFTERBURN_X2APIC_SEND_IPI_MASK, 2);
    random_ipis(AFTERBURN_X2APIC_SEND_IPI_MASK, 4);
    random_ipis(AFTERBURN_X2APIC_SEND_IPI_MASK_BUT_US, 4);
}

static void test_ipis_native(void **state)
{
    (void)state;
    machine_new(1);
    struct ipi_guest *guest = make_ipi_guest(AFTERBURN_X2APIC_SEND_IPI_MASK, 4);
    machine_patch(GROUND_KVM, ~0ull, WEDGE_IPI);
    guest->mask[0] = 7;
    assert_true(send(guest, 0xfb));
    assert_false(send(guest, 2)); /* an NMI */
    seen.refuse = true;
    assert_false(send(guest, 0xfb));
    seen.refuse = false;
    machine.data->trap = WEDGE_IPI;
    assert_false(send(guest, 0xfb));
    assert_int_equal(seen.ipi_calls, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_module),
        cmocka_unit_test(test_module_without),
        cmocka_unit_test(test_ipis),
        cmocka_unit_test(test_ipis_native),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
