/* SPDX-License-Identifier: Apache-2.0 */
/* A mullion.conf for this machine: its own kernel, initial RAM disk and command line. */
#include "propose.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/config.h"
#include "lib/fmt.h"
#include "share.h"
#include "text.h"
#include "tree.h"

/* The files in /boot that this system was started from, as modules' names. */
struct installed {
    char kernel[CONFIG_PATH_MAX];
    char initrd[CONFIG_PATH_MAX];
    bool has_kernel, has_initrd;
    uint64_t size; /* bytes of both */
};

static uint64_t file_size(const char *path)
{
    char full[TREE_PATH_MAX];
    struct stat status;
    bool found = tree_path(path, full, sizeof(full)) && stat(full, &status) == 0;
    return found && status.st_size > 0 ? (uint64_t)status.st_size : 0;
}

/* Put PREFIX, RELEASE and SUFFIX into NAME if /boot has such a file. */
static bool find_file(struct installed *files, char *name, const char *prefix, const char *release,
                      const char *suffix)
{
    char path[256];
    int length = snprintf(path, sizeof(path), "/boot/%s%s%s", prefix, release, suffix);
    const char *base = path + sizeof("/boot/") - 1;
    if (length >= (int)sizeof(path) || strlen(base) >= CONFIG_PATH_MAX || !tree_is_file(path))
        return false;
    files->size += file_size(path);
    strcpy(name, base);
    return true;
}

/* A release becomes part of file names. */
static bool is_release(const char *text)
{
    return text[0] != '\0' &&
           text[strspn(text,
                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+~_-")] ==
               '\0';
}

static void find_installed(struct installed *files)
{
    static const char *const initrds[][2] = {
        {"initrd.img-", ""}, {"initramfs-", ".img"}, {"initrd-", ""}};
    char release[128];
    *files = (struct installed){.kernel = "vmlinuz", .initrd = "initrd.img"};
    tree_read("/proc/sys/kernel/osrelease", release, sizeof(release));
    release[strcspn(release, "\n")] = '\0';
    if (!is_release(release))
        return;
    files->has_kernel = find_file(files, files->kernel, "vmlinuz-", release, "");
    for (unsigned i = 0; i < ARRAY_SIZE(initrds) && !files->has_initrd; i++)
        files->has_initrd = find_file(files, files->initrd, initrds[i][0], release, initrds[i][1]);
}

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The length of the first word of TEXT; in double quotes it may have blanks. */
static size_t word_length(const char *text)
{
    size_t length = 0;
    for (bool quoted = false; text[length] != '\0' && (quoted || text[length] != ' '); length++)
        quoted ^= text[length] == '"';
    return length;
}

/*
 * What the kernel was started with, less what the boot loader added. Words that do not fit are left
 * out; returns whether all do.
 */
static bool read_cmdline(char *cmdline, size_t size)
{
    char text[8192];
    size_t length = 0;
    bool whole = true;
    tree_read("/proc/cmdline", text, sizeof(text));
    text_clean(text);
    for (const char *word = text + strspn(text, " "); *word != '\0'; word += strspn(word, " ")) {
        size_t word_size = word_length(word);
        bool loader = begins_with(word, "BOOT_IMAGE=") || begins_with(word, "initrd=");
        bool fits = length + word_size + 1 < size;
        whole = whole && (loader || fits);
        if (!loader && fits)
            length += (size_t)snprintf(cmdline + length, size - length, "%s%.*s",
                                       length > 0 ? " " : "", (int)word_size, word);
        word += word_size;
    }
    cmdline[length] = '\0';
    return whole;
}

/* TEXT as a string of the configuration's language. */
static void print_string(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++)
        printf("%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
    putchar('"');
}

static void print_share(const struct share *share)
{
    char size[24];
    printf("cpus %u; memory %s", share->cores, fmt_size(size, sizeof(size), share->memory));
}

static void print_head(const struct probe_facts *facts, const struct installed *files)
{
    char size[24];
    printf("# Written by `mullion probe` for a machine of %u cores and %s. `mullion grub-entry`\n"
           "# finds the files in /boot that are named here.\n",
           facts->cores, fmt_size(size, sizeof(size), align_down(facts->memory, MIB)));
    if (facts->cores == 0 || facts->memory == 0)
        printf("# What could not be seen counts as 0: put the machine's cores and memory.\n");
    if (!files->has_kernel)
        printf("# No /boot/vmlinuz-* of the running kernel was found: put your kernel's name.\n");
    if (!files->has_initrd)
        printf("# No initial RAM disk of the running kernel was found: put your own's name.\n");
    printf("\n# The machine is switched off when the service VM is.\npoweroff service\n");
}

static void print_service(const struct share_plan *plan, const struct installed *files)
{
    static char cmdline[CONFIG_CMDLINE_MAX];
    bool whole = read_cmdline(cmdline, sizeof(cmdline));
    printf("\n# This system, with all devices.\nservice host {\n    ");
    print_share(&plan->service);
    printf("%s\n    kernel %s\n    initrd %s\n", plan->smt_sharing ? "; allow-smt-sharing" : "",
           files->kernel, files->initrd);
    if (!whole)
        printf("    # Words that exceed %u characters are left out.\n", CONFIG_CMDLINE_MAX - 1);
    printf("    cmdline ");
    print_string(cmdline);
    printf("\n}\n");
}

/* A VM has no disk: Debian's initial RAM disk must not look for one, and stops where told to. */
static void print_first_vm(const struct share_plan *plan, const struct installed *files)
{
    printf("\n# A VM has no disk. The word `break` stops Debian's initial RAM disk at a prompt on\n"
           "# the log port. For more, name an initrd that holds a whole system.\nvm vm1 {\n    ");
    print_share(&plan->vms[0]);
    printf("%s\n    kernel %s\n    initrd %s\n    cmdline \"console=ttyS0 break\"\n}\n",
           plan->smt_sharing ? "; allow-smt-sharing" : "", files->kernel, files->initrd);
}

void propose_print(const struct probe_facts *facts)
{
    struct installed files;
    find_installed(&files);
    struct share_plan plan = share_divide(facts, files.size);
    print_head(facts, &files);
    print_service(&plan, &files);
    if (plan.vm_count > 0)
        print_first_vm(&plan, &files);
    for (unsigned i = 1; i < plan.vm_count; i++) {
        printf("vm vm%u { like vm1; ", i + 1);
        print_share(&plan.vms[i]);
        printf(" }\n");
    }
}
