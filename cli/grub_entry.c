/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A menu entry for GRUB 2. By Multiboot 2 the monitor sees of a module what stands behind its path,
 * so each line names the module as the configuration does.
 */
#include "grub_entry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "disk.h"
#include "tree.h"

#define CONFIG_MODULE "mullion.conf"

#define MULTIBOOT2_MAGIC  0xe85250d6u
#define MULTIBOOT2_SEARCH 32768 /* the header lies within (Multiboot2 specification 2.0, 3.1) */
#define MULTIBOOT2_ALIGN  8

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-:@%=,~"

struct module {
    char name[CONFIG_PATH_MAX];
    struct disk_place place;
};

struct entry {
    struct module list[MAX_MODULES]; /* the image first, the configuration second */
    unsigned count;
};

/* Say what is wrong with FILE; for the callers to return. */
static bool fail(const char *file, const char *what, const char *advice)
{
    fprintf(stderr, "mullion: %s: %s; %s\n", file, what, advice);
    return false;
}

/* Find FILE on the disks, as module NAME. All must lie on one file system: GRUB looks on one. */
static bool add_file(struct entry *entry, const char *file, const char *name)
{
    char reason[DISK_REASON_MAX];
    if (entry->count == MAX_MODULES)
        return fail(file, "this is one boot module too many", "name at most 62 files");
    struct module *module = &entry->list[entry->count];
    snprintf(module->name, sizeof(module->name), "%s", name);
    if (!disk_find(file, &module->place, reason))
        return fail(file, reason, "copy it to a /boot that GRUB can read (ext4, xfs, btrfs, fat)");
    if (strchr(module->place.path, '\'') != NULL || strchr(module->place.path, '\n') != NULL)
        return fail(file, "its path has a quote or a line's end", "give it another name");
    if (strcmp(module->place.uuid, entry->list[0].place.uuid) != 0)
        return fail(file, "it is not on the file system of the monitor's image",
                    "copy it to the image's folder");
    entry->count++;
    return true;
}

static bool is_added(const struct entry *entry, const char *name)
{
    for (unsigned i = 1; i < entry->count; i++)
        if (strcmp(entry->list[i].name, name) == 0)
            return true;
    return false;
}

/* Add the file that CONFIG, the configuration's path, names: beside it, or in /boot. */
static bool add_named(struct entry *entry, const char *config, const char *vm, const char *name)
{
    char beside[TREE_PATH_MAX], in_boot[128], what[192];
    if (is_added(entry, name))
        return true;
    if (name[strspn(name, NAME_LETTERS)] != '\0') {
        snprintf(what, sizeof(what), "vm \"%s\": the module \"%s\" is no plain file name", vm,
                 name);
        return fail(config, what, "write a name of letters, digits and ._+-:@%=,~");
    }
    const char *slash = strrchr(config, '/');
    int folder = slash == NULL ? 0 : (int)(slash + 1 - config);
    snprintf(beside, sizeof(beside), "%.*s%s", folder, config, name);
    snprintf(in_boot, sizeof(in_boot), "/boot/%s", name);
    if (tree_is_file(beside))
        return add_file(entry, beside, name);
    if (tree_is_file(in_boot))
        return add_file(entry, in_boot, name);
    snprintf(what, sizeof(what), "vm \"%s\": there is no file \"%s\" beside it and none in /boot",
             vm, name);
    return fail(config, what, "copy the file there, or name another one");
}

static bool add_config(struct entry *entry, const struct config *config, const char *path)
{
    bool good = add_file(entry, path, CONFIG_MODULE);
    for (const struct config_vm *vm = config->vms; vm < config->vms + config->vm_count; vm++) {
        good = good && add_named(entry, path, vm->name, vm->kernel);
        if (vm->initrd[0] != '\0')
            good = good && add_named(entry, path, vm->name, vm->initrd);
        for (unsigned i = 0; i < vm->module_count; i++)
            good = good && add_named(entry, path, vm->name, vm->modules[i]);
    }
    return good;
}

static bool has_header(const char *data, long length)
{
    for (long at = 0; at + MULTIBOOT2_ALIGN <= length; at += MULTIBOOT2_ALIGN) {
        uint32_t word;
        memcpy(&word, data + at, sizeof(word));
        if (word == MULTIBOOT2_MAGIC)
            return true;
    }
    return false;
}

/* Whether FILE can be what the build calls build/mullion.elf. */
static bool check_image(const char *file)
{
    static char data[MULTIBOOT2_SEARCH + 1];
    long length = tree_read(file, data, sizeof(data));
    if (length < 0)
        return fail(file, strerror(errno), "copy build/mullion.elf there, or write --image FILE");
    return has_header(data, length) || fail(file,
                                            "this is not Mullion's image: it has no Multiboot "
                                            "2 header",
                                            "copy build/mullion.elf there");
}

static void print_path(const char *path)
{
    bool plain = path[strspn(path, NAME_LETTERS "/")] == '\0';
    printf(plain ? " %s" : " '%s'", path);
}

static void print_entry(const struct entry *entry)
{
    const struct disk_place *place = &entry->list[0].place;
    printf("# Printed by `mullion grub-entry`.\n"
           "menuentry 'Mullion' --id mullion {\n"
           "    insmod part_gpt\n"
           "    insmod part_msdos\n");
    if (place->raid)
        printf("    insmod mdraid1x\n");
    if (place->lvm)
        printf("    insmod lvm\n");
    printf("    insmod %s\n", place->module);
    /* The service VM finds a framebuffer only if GRUB sets a mode. */
    printf("    insmod all_video\n"
           "    set gfxpayload=auto\n"
           "    search --no-floppy --fs-uuid --set=root %s\n"
           "    echo 'Loading Mullion ...'\n"
           "    multiboot2",
           place->uuid);
    print_path(place->path);
    /* By itself GRUB unpacks what begins as gzip, and loses the second archive of an initrd. */
    for (unsigned i = 1; i < entry->count; i++) {
        printf("\n    module2 --nounzip");
        print_path(entry->list[i].place.path);
        printf(" %s", entry->list[i].name);
    }
    printf("\n}\n");
}

int grub_entry_print(const char *image, const char *path)
{
    static struct config config;
    static struct entry entry;
    char full[TREE_PATH_MAX];
    if (!tree_path(path, full, sizeof(full))) {
        fail(path, strerror(errno), "give a shorter path");
        return STATUS_USAGE;
    }
    int status = check_read(full, &config);
    if (status != STATUS_OK)
        return status;
    if (!check_image(image) || !add_file(&entry, image, "") || !add_config(&entry, &config, path))
        return STATUS_ERRORS;
    print_entry(&entry);
    return STATUS_OK;
}
