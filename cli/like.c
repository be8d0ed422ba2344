/* SPDX-License-Identifier: Apache-2.0 */
/* A VM like one that is there: a block of a few lines, which the monitor completes. */
#include "like.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "change.h"
#include "check.h"
#include "core/text.h"
#include "create.h"
#include "saved.h"
#include "settings.h"

#define PROFILE_MAX 16384u

/* A profile's block as text. */
struct profile {
    char text[PROFILE_MAX];
};

/* Say that the file has no such profile, and which it has. */
static int fail_unknown(const char *path, const char *name, const struct config *file)
{
    fprintf(stderr, "mullion: %s: there is no profile \"%s\" in it; ", path, name);
    if (file->profile_count == 0)
        fprintf(stderr, "it has none: write profile %s { ... }, or --file and another file", name);
    for (unsigned i = 0; i < file->profile_count; i++)
        fprintf(stderr, "%s%s", i == 0 ? "write one of " : ", ", file->profiles[i].name);
    fprintf(stderr, "\n");
    return STATUS_ERRORS;
}

/* A file of profiles alone is none of a machine: read it as if there were a VM. */
static int check_profiles(const char *path, const char *text, size_t length, struct config *file)
{
    static const char vm[] = "\nvm any { }\n";
    static struct config_errors ignored;
    char *with_vm = NULL;
    size_t size;
    config_parse(text, length, file, &ignored);
    if (file->vm_count > 0)
        return check_text(path, text, length, 0, file);
    FILE *out = open_memstream(&with_vm, &size);
    if (out == NULL)
        return STATUS_ERRORS;
    fwrite(text, 1, length, out);
    fputs(vm, out);
    int status = fclose(out) == 0 ? check_text(path, with_vm, size, 0, file) : STATUS_ERRORS;
    free(with_vm);
    return status;
}

static int read_profiles(const char *path, struct config *file)
{
    size_t length;
    char *text = saved_load(path, &length);
    int status = text == NULL ? saved_fail(path, "write --file and one that has the profile")
                              : check_profiles(path, text, length, file);
    free(text);
    return status;
}

/* Take profile NAME out of the file at PATH: the monitor keeps none. */
static int find_profile(const char *path, const char *name, struct profile *profile)
{
    static struct config file;
    int status = read_profiles(path, &file);
    if (status != STATUS_OK)
        return status;
    for (unsigned i = 0; i < file.profile_count; i++) {
        struct text block = {profile->text, PROFILE_MAX - 1, 0, false};
        if (strcmp(file.profiles[i].name, name) != 0)
            continue;
        text_print(&block, "profile %s {\n", name);
        controls_write(&block, &file.profiles[i].controls);
        text_print(&block, "}\n");
        block.buffer[block.length] = '\0';
        return STATUS_OK;
    }
    return fail_unknown(path, name, &file);
}

/* The new VM's block, and the profile's, for the caller to free. */
static char *make_block(char *const *args, const struct options *options,
                        const struct config_vm *like, const struct profile *profile)
{
    char *text = NULL;
    size_t size;
    unsigned line = 3;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return NULL;
    fprintf(out, "vm %s {\n    like %s\n", args[0], like->name);
    if (like->cpu_listed && !settings_have(args + 1, "cpus")) { /* those very cores are taken */
        fprintf(out, "    cpus %u\n", like->cpu_count);
        line++;
    }
    if (options->profile != NULL) {
        fprintf(out, "    profile %s\n", options->profile);
        line++;
    }
    settings_place(args + 1, line);
    for (char *const *word = args + 1; *word != NULL; word++)
        block_write_setting(out, *word);
    fprintf(out, "}\n%s", profile->text);
    return fclose(out) == 0 ? text : NULL;
}

/* A fixed address in a command line, such as ip=10.0.0.5, of LENGTH bytes; or NULL. */
static const char *find_address(const char *cmdline, size_t *length)
{
    for (const char *word = cmdline; *word != '\0'; word += *length) {
        word += strspn(word, " ");
        *length = strcspn(word, " ");
        size_t key = strcspn(word, "= ");
        bool named = (key == 2 || (key > 2 && word[key - 3] == '.')) &&
                     memcmp(word + key - 2, "ip=", 3) == 0;
        if (named && word[key + 1] >= '0' && word[key + 1] <= '9')
            return word;
    }
    return NULL;
}

/* The monitor gives each card an address of its own; what a command line says is as it was. */
static void tell_address(const struct config_vm *vm, const struct config_vm *like)
{
    size_t length;
    const char *address = find_address(vm->cmdline, &length);
    if (address != NULL && strcmp(vm->cmdline, like->cmdline) == 0)
        fprintf(stderr,
                "mullion: %s: its command line is \"%s\"'s, with %.*s; if two cannot have that, "
                "destroy it, and create it with 'cmdline=\"...\"'\n",
                vm->name, like->name, (int)length, address);
}

/* The block with the machine's text behind it, read as the monitor will. */
static int parse_together(const char *block, const char *running, struct config *together)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return STATUS_ERRORS;
    fprintf(out, "%s%s", block, running);
    int status = fclose(out) == 0 ? settings_parse(text, together) : STATUS_ERRORS;
    free(text);
    return status;
}

static int carry_out(const char *block, const struct config_vm *vm, const struct config_vm *like)
{
    struct outcome outcome;
    struct change change = {.request = "create",
                            .path = vm->name,
                            .text = block,
                            .length = strlen(block),
                            .complain = settings_complain};
    int status = change_plan(&change, vm);
    if (status == STATUS_OK)
        status = change_carry_out(&change, &outcome);
    if (status == STATUS_OK)
        tell_address(vm, like);
    return status;
}

static const struct config_vm *find_vms(const struct config *running, const char *name,
                                        const char *like)
{
    const struct config_vm *vm = create_find(running, like);
    if (vm == NULL)
        fprintf(stderr, "mullion: there is no VM \"%s\" for --like; see: mullion list\n", like);
    if (vm == NULL || create_find(running, name) == NULL)
        return vm;
    fprintf(stderr,
            "mullion: there is a VM \"%s\" already; write a different name, or destroy it\n", name);
    return NULL;
}

int like_create(char **args, const struct options *options)
{
    static struct config running, together;
    static struct profile profile;
    const char *text;
    if (!control_vm_name(args[0]) || !control_vm_name(options->like) ||
        settings_check(args + 1) != STATUS_OK)
        return STATUS_USAGE;
    int status = STATUS_OK;
    if (options->profile != NULL)
        status = find_profile(saved_path(options->file), options->profile, &profile);
    if (status == STATUS_OK)
        status = create_ask_config(&running, &text);
    if (status != STATUS_OK)
        return status;
    const struct config_vm *like = find_vms(&running, args[0], options->like);
    char *block = like != NULL ? make_block(args, options, like, &profile) : NULL;
    if (block == NULL)
        return STATUS_ERRORS;
    status = parse_together(block, text, &together);
    if (status == STATUS_OK)
        status = carry_out(block, create_find(&together, args[0]), like);
    free(block);
    return status;
}
