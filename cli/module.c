/* SPDX-License-Identifier: Apache-2.0 */
/* Boot modules that go to the monitor, with a bar on a terminal while they do. */
#include "module.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "give.h"
#include "record.h"
#include "tree.h"

#define BAR_WIDTH 30

struct file {
    char name[CONFIG_PATH_MAX];
    char path[TREE_PATH_MAX];
    uint64_t size;
    bool uploaded;
};

static struct {
    struct file list[MAX_MODULES];
    unsigned count;
} found;

/* What the bar is about. */
static struct {
    const char *name;
    size_t total;
    unsigned percent;
} bar;

static void print_bar(size_t bytes)
{
    unsigned percent = (unsigned)(bytes * 100 / bar.total);
    if (percent == bar.percent)
        return;
    bar.percent = percent;
    int filled = (int)(percent * BAR_WIDTH / 100);
    fprintf(stderr, "\r%s [%.*s%*s] %3u%%", bar.name, filled, "##############################",
            BAR_WIDTH - filled, "", percent);
}

/* Read the file into DATA, for the caller to free. */
static bool load(const char *path, char **data, size_t *size)
{
    struct stat status;
    FILE *file = fopen(path, "rb");
    *data = NULL;
    bool good = file != NULL && fstat(fileno(file), &status) == 0;
    errno = good && !S_ISREG(status.st_mode) ? EISDIR : errno;
    good = good && S_ISREG(status.st_mode) && status.st_size > 0;
    if (good) {
        *size = (size_t)status.st_size;
        *data = malloc(*size);
        good = *data != NULL && fread(*data, 1, *size, file) == *size;
    }
    if (!good)
        fprintf(stderr, "mullion: %s: %s\n", path,
                errno != 0 ? strerror(errno) : "this file is empty");
    if (file != NULL)
        fclose(file);
    return good;
}

static int upload(const char *path, const char *name)
{
    struct answer answer;
    char *data;
    size_t size = 0;
    errno = 0;
    if (!load(path, &data, &size)) {
        free(data);
        return STATUS_USAGE;
    }
    bool shown = isatty(STDERR_FILENO) == 1;
    bar.name = name;
    bar.total = size;
    bar.percent = UINT32_MAX;
    struct body body = {data, size, shown ? print_bar : NULL};
    int status = control_ask(&answer, &body, "upload %s", name);
    if (shown)
        fprintf(stderr, "\r%*s\r", BAR_WIDTH + CONFIG_PATH_MAX + 8, "");
    free(data);
    if (status == STATUS_ERRORS)
        control_complain(&answer, NULL);
    if (status == STATUS_OK)
        printf("%s: uploaded, %zu bytes\n", name, size);
    fflush(stdout);
    return status;
}

static bool is_found(const char *name)
{
    for (unsigned i = 0; i < found.count; i++)
        if (strcmp(found.list[i].name, name) == 0)
            return true;
    return false;
}

/* The folders in which to look: that of the configuration first. */
static bool find_file(const char *config, const char *name, struct file *file)
{
    const char *slash = strrchr(config, '/');
    char beside[TREE_PATH_MAX];
    struct stat status;
    snprintf(beside, sizeof(beside), "%.*s", slash == NULL ? 0 : (int)(slash + 1 - config), config);
    const char *const folders[] = {beside, "/var/lib/mullion/", "/boot/"};
    for (unsigned i = 0; i < ARRAY_SIZE(folders); i++) {
        char path[TREE_PATH_MAX];
        int length = snprintf(path, sizeof(path), "%s%s", folders[i], name);
        bool fits = i == 0 ? snprintf(file->path, sizeof(file->path), "%s", path) >= 0
                           : tree_path(path, file->path, sizeof(file->path));
        if (fits && (size_t)length < sizeof(path) && stat(file->path, &status) == 0 &&
            S_ISREG(status.st_mode)) {
            file->size = (uint64_t)status.st_size;
            snprintf(file->name, sizeof(file->name), "%s", name);
            file->uploaded = false;
            return true;
        }
    }
    return false;
}

static int find_one(const char *vm, const char *name, const char *config,
                    const struct records *known)
{
    if (name[0] == '\0' || is_found(name) || records_find(known, "module", "name", name) != NULL)
        return STATUS_OK;
    if (!control_module_name(name))
        return STATUS_ERRORS;
    if (found.count == MAX_MODULES) {
        fprintf(stderr, "mullion: %s: these are too many files; name at most %u\n", config,
                MAX_MODULES);
        return STATUS_ERRORS;
    }
    if (find_file(config, name, &found.list[found.count])) {
        found.count++;
        return STATUS_OK;
    }
    const char *slash = strrchr(config, '/');
    int folder = slash == NULL ? 0 : (int)(slash + 1 - config);
    fprintf(stderr,
            "mullion: %s: vm \"%s\": the monitor has no %s, and no file is called so in %.*s, "
            "/var/lib/mullion or /boot; put it there\n",
            config, vm, name, folder > 0 ? folder : 11, folder > 0 ? config : "this folder");
    return STATUS_ERRORS;
}

int module_find(const struct config_vm *vm, const char *config, const struct records *known)
{
    int status = find_one(vm->name, vm->kernel, config, known);
    if (status == STATUS_OK)
        status = find_one(vm->name, vm->initrd, config, known);
    for (unsigned i = 0; i < vm->module_count && status == STATUS_OK; i++)
        status = find_one(vm->name, vm->modules[i], config, known);
    return status;
}

int module_upload_found(bool *refused)
{
    *refused = false;
    for (unsigned i = 0; i < found.count; i++) {
        struct file *file = &found.list[i];
        int status = file->uploaded ? STATUS_OK : upload(file->path, file->name);
        *refused = status == STATUS_ERRORS;
        if (status != STATUS_OK)
            return status;
        file->uploaded = true;
    }
    return STATUS_OK;
}

uint64_t module_found_size(void)
{
    uint64_t size = 0;
    for (unsigned i = 0; i < found.count; i++)
        size += found.list[i].uploaded ? 0 : align_up(found.list[i].size + 1, LARGE_PAGE);
    return size;
}

void module_undo(void)
{
    struct answer answer;
    for (unsigned i = 0; i < found.count; i++)
        if (found.list[i].uploaded &&
            control_do(&answer, NULL, "forget %s", found.list[i].name) == STATUS_NO_CONTROL)
            return;
}

int module_upload(char **args, const struct options *options)
{
    int worst = STATUS_OK;
    if (options->as != NULL && args[1] != NULL) {
        fprintf(stderr, "mullion: --as is the name of one file, and there is also: %s\n", args[1]);
        return STATUS_USAGE;
    }
    for (; *args != NULL; args++) {
        const char *slash = strrchr(*args, '/');
        const char *name = options->as != NULL ? options->as : slash == NULL ? *args : slash + 1;
        int status = control_module_name(name) ? upload(*args, name) : STATUS_USAGE;
        worst = status > worst ? status : worst;
    }
    return worst;
}

int module_forget(char **args, const struct options *options)
{
    int worst = STATUS_OK;
    (void)options;
    for (; *args != NULL; args++) {
        struct answer answer;
        int status = control_module_name(*args) ? control_do(&answer, NULL, "forget %s", *args)
                                                : STATUS_USAGE;
        worst = status > worst ? status : worst;
    }
    /* What it lay in may have been this Linux's. */
    int back = worst < STATUS_USAGE ? give_back() : STATUS_OK;
    return back > worst ? back : worst;
}
