/* SPDX-License-Identifier: Apache-2.0 */
/* New VMs: their modules uploaded, their cores and memory brought into the pool. */
#include "create.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "core/config_write.h"
#include "give.h"
#include "record.h"
#include "timer.h"

#define TEXT_MAX (2 * 1024 * 1024)
#define TRIES    100 /* while what was given is on its way */
#define TRY_MS   50

static struct config parsed;

/* Read the file at PATH and, behind it, the blocks of the VMs that there are. The first OWN of
 * PARSED are the file's. */
static int read_all(const char *path, const char **text, long *length, unsigned *own)
{
    static char all[TEXT_MAX];
    struct answer answer;
    *length = check_load(path, text);
    if (*length < 0)
        return STATUS_USAGE;
    int status = control_do(&answer, NULL, "config");
    if (status != STATUS_OK)
        return status;
    memcpy(all, *text, (size_t)*length);
    size_t size = (size_t)*length;
    all[size++] = '\n';
    unsigned limit = 1;
    for (size_t i = 0; i < size; i++)
        limit += all[i] == '\n' ? 1u : 0u;
    if (size + answer.length > sizeof(all))
        return STATUS_USAGE;
    memcpy(all + size, answer.text, answer.length);
    status = check_text(path, all, size + answer.length, limit, &parsed);
    for (*own = 0; *own < parsed.vm_count && parsed.vms[*own].at.line < limit;)
        ++*own;
    return status;
}

static size_t upload_size;

static void show_progress(size_t sent)
{
    static size_t shown;
    size_t percent = upload_size > 0 ? sent * 100 / upload_size : 100;
    if (percent != shown)
        fprintf(stderr, "\r%3zu %%", percent);
    shown = percent;
}

static int upload(const char *path, const char *name)
{
    struct answer answer;
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        return STATUS_USAGE;
    }
    size_t size = (size_t)ftell(file);
    char *data = malloc(size + 1);
    rewind(file);
    if (data == NULL || fread(data, 1, size, file) != size) {
        fprintf(stderr, "mullion: %s cannot be read\n", path);
        fclose(file);
        free(data);
        return STATUS_USAGE;
    }
    fclose(file);
    bool terminal = isatty(STDERR_FILENO);
    struct body body = {data, size, terminal ? show_progress : NULL};
    upload_size = size;
    int status = control_do(&answer, &body, "upload %s", name);
    if (terminal)
        fprintf(stderr, "\r");
    free(data);
    if (status == STATUS_OK)
        printf("%s: uploaded, %zu bytes\n", name, size);
    return status;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

int create_upload(char **args, const struct options *options)
{
    const char *name = options->as != NULL ? options->as : base_name(args[0]);
    return control_module_name(name) ? upload(args[0], name) : STATUS_USAGE;
}

int create_forget(char **args, const struct options *options)
{
    struct answer answer;
    (void)options;
    if (!control_module_name(args[0]))
        return STATUS_USAGE;
    return control_do(&answer, NULL, "forget %s", args[0]);
}

/* Upload the module NAME if the monitor has none, from the configuration's folder or the usual. */
static int need_module(const char *config, const char *name)
{
    static const char *const places[] = {NULL, "/var/lib/mullion", "/boot"};
    struct records records;
    char path[512];
    if (name[0] == '\0')
        return STATUS_OK;
    int status = records_ask(&records, "machine");
    if (status != STATUS_OK)
        return status;
    bool there = records_find(&records, "module", "name", name) != NULL;
    records_free(&records);
    if (there)
        return STATUS_OK;
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        int folder = (int)(base_name(config) - config);
        if (i == 0)
            snprintf(path, sizeof(path), "%.*s%s", folder, config, name);
        else
            snprintf(path, sizeof(path), "%s/%s", places[i], name);
        if (access(path, R_OK) == 0)
            return upload(path, name);
    }
    fprintf(stderr,
            "mullion: %s: there is no such module, and no such file beside %s, in "
            "/var/lib/mullion or in /boot\n",
            name, config);
    return STATUS_ERRORS;
}

static int need_modules(const char *config, unsigned own)
{
    int status = STATUS_OK;
    for (unsigned i = 0; i < own && status == STATUS_OK; i++) {
        const struct config_vm *vm = &parsed.vms[i];
        status = need_module(config, vm->kernel);
        if (status == STATUS_OK)
            status = need_module(config, vm->initrd);
        for (unsigned j = 0; j < vm->module_count && status == STATUS_OK; j++)
            status = need_module(config, vm->modules[j]);
    }
    return status;
}

/* Memory and cores that were given come into the pool when all cores have seen it: try again. */
static int try_create(const struct body *body)
{
    struct answer answer;
    for (unsigned i = 0;; i++, timer_sleep(TRY_MS)) {
        int status = control_ask(&answer, body, "create");
        bool short_of = status == STATUS_ERRORS && strstr(answer.text, " left") != NULL;
        if (short_of && i < TRIES)
            continue;
        if (status == STATUS_OK)
            fputs(answer.text, stdout);
        else if (status == STATUS_ERRORS)
            control_complain(&answer);
        return status;
    }
}

int create_run(char **args, const struct options *options)
{
    const char *text;
    long length;
    unsigned own;
    uint64_t cpus = 0, memory = 0;
    (void)options;
    int status = read_all(args[0], &text, &length, &own);
    if (status != STATUS_OK)
        return status;
    for (unsigned i = 0; i < own; i++) {
        cpus += parsed.vms[i].cpu_count;
        memory += parsed.vms[i].memory;
    }
    status = need_modules(args[0], own);
    if (status == STATUS_OK)
        status = give_until(cpus, memory);
    struct body body = {text, (size_t)length, NULL};
    if (status == STATUS_OK)
        status = try_create(&body);
    if (status != STATUS_OK)
        give_back();
    return status;
}

/* VM's block, as text that lives until the next call but one. */
static const char *block_of(const struct config_vm *vm)
{
    static char buffers[2][16384];
    static unsigned next;
    struct text text = {buffers[next], sizeof(buffers[0]) - 1, 0, false};
    config_write_vm(&text, vm);
    text.buffer[text.length] = '\0';
    next = 1 - next;
    return text.buffer;
}

static const struct config_vm *find_vm(const struct config *config, const char *name)
{
    for (unsigned i = 0; i < config->vm_count; i++)
        if (strcmp(config->vms[i].name, name) == 0)
            return &config->vms[i];
    return NULL;
}

/* Print the lines of TEXT that OTHER has not, with MARK. */
static void print_lines(const char *text, const char *other, char mark)
{
    for (size_t length; *text != '\0'; text += length + 1) {
        char line[4096];
        length = strcspn(text, "\n");
        snprintf(line, sizeof(line), "%.*s\n", (int)length, text);
        if (other == NULL || strstr(other, line) == NULL)
            printf("%c %s", mark, line);
        if (text[length] == '\0')
            break;
    }
}

/* What the file says otherwise than the machine is: exit status 1 if anything. */
int create_diff(char **args, const struct options *options)
{
    static struct config now;
    struct answer answer;
    bool differ = false;
    (void)options;
    int status = check_read(args[0], &parsed);
    if (status == STATUS_OK)
        status = control_do(&answer, NULL, "config");
    if (status == STATUS_OK)
        status = check_text("the machine", answer.text, answer.length, 0, &now);
    if (status != STATUS_OK)
        return status;
    for (unsigned i = 0; i < now.vm_count; i++) {
        const struct config_vm *other = find_vm(&parsed, now.vms[i].name);
        const char *here = block_of(&now.vms[i]), *there = other != NULL ? block_of(other) : NULL;
        if (there != NULL && strcmp(here, there) == 0)
            continue;
        differ = true;
        printf("vm %s%s\n", now.vms[i].name, there == NULL ? ": only on the machine" : ":");
        print_lines(here, there, '-');
        if (there != NULL)
            print_lines(there, here, '+');
    }
    for (unsigned i = 0; i < parsed.vm_count; i++) {
        if (find_vm(&now, parsed.vms[i].name) != NULL)
            continue;
        differ = true;
        printf("vm %s: only in the file\n", parsed.vms[i].name);
        print_lines(block_of(&parsed.vms[i]), NULL, '+');
    }
    return differ ? STATUS_ERRORS : STATUS_OK;
}
