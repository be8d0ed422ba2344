/* SPDX-License-Identifier: Apache-2.0 */
/* The service VM's IO-APIC (Intel 82093AA): entries only to its own cores, never NMI, SMI or INIT.
 */
#include "core/log.h"
#include "core/types.h"
#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/msr.h"
#include "x86/uart.h"

#define REG_SELECT       0x00u
#define REG_WINDOW       0x10u
#define REG_EOI          0x40u
#define IOAPIC_VERSION   1u
#define IOAPIC_TABLE     0x10u
#define IOAPIC_TABLE_END 0x100u
#define ENTRY_LOGICAL    (1u << 11)
#define ENTRY_MASKED     (1u << 16)
#define PIC_BEGIN        0x11u /* ICW1 of the 8259A: cascaded, four words follow */
#define PIC_X86          1u
#define PIC_MASKED       0xffu

static const struct {
    uint16_t port;
    uint8_t vector, cascade;
} pics[] = {{0x20, 0x30, 4}, {0xa0, 0x38, 2}};
static const struct acpi_info *acpi_info;
static struct lock ioapic_lock = LOCK_INIT;
static unsigned log_ioapic = ACPI_IOAPICS_MAX; /* where the log port's pin is, if it is ours */
static uint32_t log_register;

static volatile uint32_t *ioapic_at(unsigned index)
{
    return (volatile uint32_t *)(uint64_t)acpi_info->ioapics[index].address;
}

/* The two registers are a pair: the lock is held. */
static uint32_t ioapic_read(unsigned index, uint32_t reg)
{
    ioapic_at(index)[REG_SELECT / 4] = reg;
    return ioapic_at(index)[REG_WINDOW / 4];
}

static void ioapic_write(unsigned index, uint32_t reg, uint32_t value)
{
    ioapic_at(index)[REG_SELECT / 4] = reg;
    ioapic_at(index)[REG_WINDOW / 4] = value;
}

static unsigned ioapic_pins(unsigned index)
{
    return (ioapic_read(index, IOAPIC_VERSION) >> 16 & 0xff) + 1;
}

void ioapic_init(const struct acpi_info *acpi)
{
    acpi_info = acpi;
}

/*
 * Both 8259s anew, with nothing pending, and all lines masked: firmware leaves its timer on them,
 * and a machine may bring their interrupt to its first core whatever that core's LINT0 says.
 */
static void pic_mask_all(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(pics); i++) {
        out8(pics[i].port, PIC_BEGIN);
        out8(pics[i].port + 1, pics[i].vector);
        out8(pics[i].port + 1, pics[i].cascade);
        out8(pics[i].port + 1, PIC_X86);
        out8(pics[i].port + 1, PIC_MASKED);
    }
}

void ioapic_mask_all(void)
{
    pic_mask_all();
    lock_take(&ioapic_lock);
    for (unsigned i = 0; i < acpi_info->ioapic_count; i++)
        for (unsigned pin = 0; pin < ioapic_pins(i); pin++)
            if (i != log_ioapic || IOAPIC_TABLE + 2 * pin != log_register)
                ioapic_write(i, IOAPIC_TABLE + 2 * pin, ENTRY_MASKED);
    lock_release(&ioapic_lock);
}

/* The log port's interrupt becomes an NMI: it reaches a core that never leaves its guest. */
void ioapic_enable_log_nmi(apic_id_t to)
{
    if (to.v > 0xff)
        return;
    for (unsigned i = 0; i < acpi_info->ioapic_count; i++) {
        uint32_t base = acpi_info->ioapics[i].gsi_base;
        if (LOG_UART_GSI < base || LOG_UART_GSI >= base + ioapic_pins(i))
            continue;
        log_ioapic = i;
        log_register = IOAPIC_TABLE + 2 * (LOG_UART_GSI - base);
        ioapic_write(i, log_register + 1, to.v << 24);
        ioapic_write(i, log_register, DELIVERY_NMI << 8);
    }
}

void ioapic_unmap(struct vm *vm)
{
    for (unsigned i = 0; i < acpi_info->ioapic_count; i++)
        backend->unmap(vm, (gpa_t){align_down(acpi_info->ioapics[i].address, PAGE_SIZE)},
                       PAGE_SIZE);
}

static int ioapic_find(gpa_t gpa)
{
    for (unsigned i = 0; i < acpi_info->ioapic_count; i++)
        if (gpa.v - acpi_info->ioapics[i].address < PAGE_SIZE)
            return (int)i;
    return -1;
}

bool ioapic_owns(gpa_t gpa)
{
    return ioapic_find(gpa) >= 0;
}

static bool is_log_register(unsigned index, uint32_t reg)
{
    return index == log_ioapic && (reg & ~1u) == log_register;
}

/* May the entry LOW, HIGH interrupt this VM's cores alone? */
static bool entry_confined(const struct vm *vm, uint32_t low, uint32_t high)
{
    uint32_t delivery = low >> 8 & 7;
    uint32_t destination = high >> 24;
    if ((low & ENTRY_MASKED) != 0)
        return true;
    if (delivery != DELIVERY_FIXED && delivery != DELIVERY_LOWEST && delivery != DELIVERY_EXTINT)
        return false;
    if ((low & ENTRY_LOGICAL) == 0)
        return vm_find_vcpu(vm, (apic_id_t){destination}) != NULL;
    for (unsigned bit = 0; bit < 8; bit++) /* cluster 0 of the x2APIC's logical ids */
        if ((destination >> bit & 1) != 0 && vm_find_vcpu(vm, (apic_id_t){bit}) == NULL)
            return false;
    return destination != 0;
}

/*
 * A write of one half of an entry. The half not written is the hardware's. An entry that points
 * outside the VM is masked, so neither half can be set first to smuggle the other in; the lock,
 * held from look to write, keeps a second core from doing so.
 */
static void entry_write(struct vcpu *vcpu, unsigned index, uint32_t reg, uint32_t value)
{
    bool high_half = (reg & 1) != 0;
    uint32_t low = high_half ? ioapic_read(index, reg - 1) : value;
    uint32_t high = high_half ? value : ioapic_read(index, reg + 1);
    if (entry_confined(vcpu->vm, low, high)) {
        ioapic_write(index, reg, value);
        return;
    }
    ioapic_write(index, reg & ~1u, low | ENTRY_MASKED);
    if (high_half)
        ioapic_write(index, reg, value);
    if (vm_may_log(vcpu->vm, DENIED_IPI))
        log_warning(
            "vm \"%s\": IO-APIC entry %u at %lx masked: %x%08x does not go to this VM's cores",
            vcpu->vm->config->name, (reg - IOAPIC_TABLE) / 2, vcpu->rip, high, low);
}

void ioapic_confine(const struct vm *vm)
{
    lock_take(&ioapic_lock);
    for (unsigned i = 0; i < acpi_info->ioapic_count; i++)
        for (uint32_t pin = 0; pin < ioapic_pins(i); pin++) {
            uint32_t reg = IOAPIC_TABLE + 2 * pin;
            uint32_t low = ioapic_read(i, reg);
            if (!is_log_register(i, reg) && !entry_confined(vm, low, ioapic_read(i, reg + 1)))
                ioapic_write(i, reg, low | ENTRY_MASKED);
        }
    lock_release(&ioapic_lock);
}

static void window_write(struct vcpu *vcpu, unsigned index, uint32_t value)
{
    uint32_t reg = vcpu->vm->ioapic_select[index] & 0xff;
    if (is_log_register(index, reg))
        return;
    if (reg >= IOAPIC_TABLE && reg < IOAPIC_TABLE_END)
        entry_write(vcpu, index, reg, value);
    else
        ioapic_write(index, reg, value); /* the IO-APIC's id */
}

/* The instruction has run: what did it write? */
static void ioapic_done(struct vcpu *vcpu)
{
    const volatile uint32_t *page = vcpu->step_page;
    int index = ioapic_find((gpa_t){vcpu->step_gpa});
    if (index < 0)
        return;
    lock_take(&ioapic_lock);
    uint64_t offset = vcpu->step_gpa - acpi_info->ioapics[index].address;
    if (offset == REG_SELECT)
        vcpu->vm->ioapic_select[index] = page[REG_SELECT / 4];
    else if (offset == REG_WINDOW)
        window_write(vcpu, (unsigned)index, page[REG_WINDOW / 4]);
    else if (offset == REG_EOI)
        ioapic_at((unsigned)index)[REG_EOI / 4] = page[REG_EOI / 4];
    lock_release(&ioapic_lock);
}

bool ioapic_access(struct vcpu *vcpu, gpa_t gpa, bool write)
{
    int index = ioapic_find(gpa);
    if (index < 0)
        return false;
    uint32_t *page = vcpu->step_page;
    uint32_t select = vcpu->vm->ioapic_select[index];
    for (unsigned i = 0; i < PAGE_SIZE / 4; i++)
        page[i] = 0;
    page[REG_SELECT / 4] = select;
    lock_take(&ioapic_lock);
    page[REG_WINDOW / 4] = is_log_register((unsigned)index, select & 0xff)
                               ? ((select & 1) != 0 ? 0 : ENTRY_MASKED)
                               : ioapic_read((unsigned)index, select & 0xff);
    lock_release(&ioapic_lock);
    vcpu->step_done = write ? ioapic_done : NULL;
    return true;
}
