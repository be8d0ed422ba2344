/* SPDX-License-Identifier: Apache-2.0 */
/* The saved file: found, read, and told of. */
#include "saved.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "record.h"
#include "replace.h"
#include "tree.h"

#define FILE_MAX (1024u * 1024) /* more is no configuration */

const char *saved_path(const char *given)
{
    static char path[TREE_PATH_MAX];
    if (given != NULL)
        return given;
    return tree_path(SAVED_DEFAULT, path, sizeof(path)) ? path : SAVED_DEFAULT;
}

/* Read all of FILE; NULL with errno. */
static char *read_all(FILE *file, size_t *length)
{
    struct stat status;
    if (fstat(fileno(file), &status) != 0)
        return NULL;
    errno = EISDIR;
    char *text = S_ISREG(status.st_mode) ? malloc(FILE_MAX) : NULL;
    if (text == NULL)
        return NULL;
    *length = fread(text, 1, FILE_MAX, file);
    if (ferror(file) == 0 && *length < FILE_MAX) {
        text[*length] = '\0';
        return text;
    }
    errno = ferror(file) != 0 ? errno : EFBIG;
    free(text);
    return NULL;
}

const char *saved_wanted(const struct options *options)
{
    return options->save || options->saved != NULL ? saved_path(options->saved) : NULL;
}

char *saved_load(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    char *text = read_all(file, length);
    int error = errno;
    fclose(file);
    errno = error;
    return text;
}

int saved_fail(const char *path, const char *advice)
{
    if (errno == ENOENT)
        fprintf(stderr, "mullion: %s: there is no such file; %s\n", path, advice);
    else
        fprintf(stderr, "mullion: %s: %s\n", path, strerror(errno));
    return STATUS_USAGE;
}

int saved_read(const char *path, char **text, struct config *config)
{
    size_t length;
    *text = saved_load(path, &length);
    return *text != NULL ? check_text(path, *text, length, 0, config)
                         : saved_fail(path, SAVED_ADVICE);
}

int saved_check(const char *path)
{
    size_t length;
    char folder[TREE_PATH_MAX];
    char *text = saved_load(path, &length);
    if (text == NULL)
        return saved_fail(path, SAVED_ADVICE);
    free(text);
    if (!replace_folder(path, folder, sizeof(folder)))
        return saved_fail(path, SAVED_ADVICE);
    if (access(folder, W_OK) == 0)
        return STATUS_OK;
    fprintf(stderr,
            "mullion: %s: nothing can be saved in %s (%s), so nothing is applied; make it "
            "writable, or leave --save out\n",
            path, folder, strerror(errno));
    return STATUS_USAGE;
}

/* The boot loader brings a module if a file of that name lies there and its entry names it. */
static void tell_module(const char *path, const struct records *machine, const char *name)
{
    const struct record *module = records_find(machine, "module", "name", name);
    if (name[0] != '\0' && (module == NULL || !record_is(module, "uploaded", "no")))
        fprintf(stderr,
                "mullion: %s: %s did not come with this boot; put it beside that file or into "
                "/boot, and make the boot entry anew (mullion grub-entry)\n",
                path, name);
}

static void tell_modules(const char *path, const char *text, size_t length)
{
    static struct config config;
    static struct config_errors errors;
    struct records machine;
    if (!config_parse(text, length, &config, &errors) ||
        records_ask(&machine, "machine") != STATUS_OK)
        return;
    for (const struct config_vm *vm = config.vms; vm < config.vms + config.vm_count; vm++) {
        tell_module(path, &machine, vm->kernel);
        tell_module(path, &machine, vm->initrd);
        for (unsigned i = 0; i < vm->module_count; i++)
            tell_module(path, &machine, vm->modules[i]);
    }
    records_free(&machine);
}

int saved_write(const char *path, const char *text, size_t length)
{
    size_t before;
    char *old = saved_load(path, &before);
    if (old != NULL && before == length && memcmp(old, text, length) == 0) {
        printf("%s: it says this already\n", path);
        free(old);
        return STATUS_OK;
    }
    bool done =
        old != NULL && replace_file(path, "~", old, before) && replace_file(path, "", text, length);
    free(old);
    if (!done) {
        fprintf(stderr, "mullion: %s: %s; the machine has changed, but boots next as before\n",
                path, strerror(errno));
        return STATUS_ERRORS;
    }
    printf("%s: saved; what it was is %s~\n", path, path);
    tell_modules(path, text, length);
    return STATUS_OK;
}
