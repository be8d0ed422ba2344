/* SPDX-License-Identifier: Apache-2.0 */
/* The firmware and the boot loader: ACPI, BIOS or UEFI, Secure Boot, GRUB 2 with Multiboot 2. */
#include <stdio.h>
#include <string.h>

#include "probe.h"
#include "tree.h"

#define EFIVARS "/sys/firmware/efi/efivars"

enum secure_boot { SECURE_BOOT_OFF, SECURE_BOOT_ON, SECURE_BOOT_UNKNOWN };

static bool is_uefi(void)
{
    return tree_exists("/sys/firmware/efi");
}

static void add_acpi(struct report *report)
{
    if (tree_exists("/sys/firmware/acpi/tables/APIC"))
        report_add(report, NEEDED, "ACPI", ANSWER_YES, "with a table of the cores (MADT)");
    else if (tree_exists("/sys/firmware/acpi/tables"))
        report_add(report, NEEDED, "ACPI", ANSWER_NO,
                   "no table of the cores (MADT); switch \"APIC\" on in the firmware's set-up");
    else if (tree_exists("/sys/firmware"))
        report_add(report, NEEDED, "ACPI", ANSWER_NO,
                   "the kernel has none; remove acpi=off from its command line, or use a machine "
                   "that has it");
    else
        report_add(report, NEEDED, "ACPI", ANSWER_UNKNOWN, "/sys/firmware is not there");
}

/* The variable is four bytes of attributes and one of value (UEFI 3.3). */
static bool read_secure_boot(const char *name, void *context)
{
    char path[512], data[8];
    if (strncmp(name, "SecureBoot-", 11) != 0)
        return false;
    int length = snprintf(path, sizeof(path), EFIVARS "/%s", name);
    if (length < (int)sizeof(path) && tree_read(path, data, sizeof(data)) == 5)
        *(enum secure_boot *)context = data[4] == 0 ? SECURE_BOOT_OFF : SECURE_BOOT_ON;
    return true;
}

static void add_secure_boot(struct report *report)
{
    static const char label[] = "Secure Boot off";
    enum secure_boot state = SECURE_BOOT_UNKNOWN;
    tree_each(EFIVARS, read_secure_boot, &state);
    if (!tree_exists("/sys/firmware"))
        report_add(report, NEEDED, label, ANSWER_UNKNOWN, "/sys/firmware is not there");
    else if (!is_uefi())
        report_add(report, NEEDED, label, ANSWER_YES, "BIOS has none");
    else if (state == SECURE_BOOT_UNKNOWN)
        report_add(report, NEEDED, label, ANSWER_UNKNOWN,
                   "no variable SecureBoot in " EFIVARS ": mount efivarfs there");
    else if (state == SECURE_BOOT_ON)
        report_add(report, NEEDED, label, ANSWER_NO,
                   "Mullion is not signed; switch Secure Boot off in the firmware's set-up");
    else
        report_add(report, NEEDED, label, ANSWER_YES, "the firmware starts what is not signed");
}

void probe_firmware(struct report *report)
{
    add_acpi(report);
    add_secure_boot(report);
    if (!tree_exists("/sys/firmware"))
        report_add(report, USEFUL, "firmware", ANSWER_UNKNOWN, "/sys/firmware is not there");
    else if (is_uefi())
        report_add(report, USEFUL, "firmware", ANSWER_YES,
                   "UEFI; the service VM gets no EFI variables");
    else
        report_add(report, USEFUL, "firmware", ANSWER_YES, "BIOS");
}

void probe_boot_loader(struct report *report)
{
    static const char *const folders[] = {"/boot/grub", "/boot/grub2", "/usr/lib/grub"};
    const char *platform = is_uefi() ? "x86_64-efi" : "i386-pc";
    const char *package = is_uefi() ? "grub-efi-amd64-bin" : "grub-pc-bin";
    char path[96];
    for (unsigned i = 0; i < ARRAY_SIZE(folders); i++) {
        snprintf(path, sizeof(path), "%s/%s/multiboot2.mod", folders[i], platform);
        if (tree_is_file(path)) {
            report_add(report, NEEDED, "GRUB 2", ANSWER_YES, "%s", path);
            return;
        }
    }
    report_add(report, NEEDED, "GRUB 2", ANSWER_NO,
               "no multiboot2.mod for %s in /boot/grub or /usr/lib/grub; install %s and run "
               "grub-install",
               platform, package);
}
