/* SPDX-License-Identifier: Apache-2.0 */
/* `audit vm NAME unlisted MODE lost N`, then a record for each access: printed as lines. */
#include "suggest.h"

#include <stdlib.h>
#include <string.h>

#include "accesses.h"
#include "core/controls.h"

#define LINE_MAX_WIDTH 64u

struct audit {
    const char *vm, *unlisted;
    uint64_t lost;
    struct accesses accesses;
};

static bool is_audited(const struct audit *audit)
{
    return strcmp(audit->unlisted, "audit") == 0;
}

static bool is_guarded(const struct access *access)
{
    return strcmp(access->policy, "none") == 0;
}

/* Whether the VM is answered the same without the line: it only says that this is known. */
static bool is_alike(const struct audit *audit, const struct access *access)
{
    return is_audited(audit) && (is_guarded(access) || strcmp(access->policy, "deny") == 0);
}

/* How many lines there are of one kind: the language has a limit. */
static unsigned count_lines(const struct audit *audit, bool msr)
{
    unsigned count = 0;
    for (size_t i = 0; i < audit->accesses.count; i++)
        if (audit->accesses.list[i].msr == msr && !is_guarded(&audit->accesses.list[i]))
            count++;
    return count;
}

static void print_access(const struct audit *audit, const struct access *access)
{
    char line[LINE_MAX_WIDTH], note[LINE_MAX_WIDTH];
    access_write(access, line, sizeof(line));
    snprintf(note, sizeof(note), "%lu time%s", access->count, access->count == 1 ? "" : "s");
    if (is_guarded(access))
        printf("    # %s: %s; denied, it belongs to the monitor\n", line, note);
    else
        printf("    %-36s # %s%s\n", line, note,
               is_alike(audit, access) ? "; audit and deny answer alike" : "");
}

static void print_lines(const struct audit *audit)
{
    if (audit->accesses.count == 0)
        printf("# vm \"%s\" has used nothing that is not listed\n", audit->vm);
    else if (is_audited(audit))
        printf("# vm \"%s\": lines for its block; then write there: unlisted deny\n", audit->vm);
    else
        printf("# vm \"%s\" has unlisted deny: what it was refused. With unlisted audit, what is\n"
               "# harmless is allowed, and the line says so\n",
               audit->vm);
    for (size_t i = 0; i < audit->accesses.count; i++)
        print_access(audit, &audit->accesses.list[i]);
    for (int msr = 0; msr < 2; msr++)
        if (count_lines(audit, msr != 0) > CONTROL_RULES_MAX)
            printf("# a VM may have %u %s lines: join some\n", CONTROL_RULES_MAX,
                   msr != 0 ? "msr" : "port");
    if (audit->lost > 0)
        printf("# and %lu accesses more, for which the monitor had no room\n", audit->lost);
}

/* The same as records: `audit`, and `line` or `guarded` for each. */
static void write_records(FILE *out, const struct audit *audit)
{
    fprintf(out, "audit vm \"%s\" unlisted \"%s\" lost %lu\n", audit->vm, audit->unlisted,
            audit->lost);
    for (size_t i = 0; i < audit->accesses.count; i++) {
        const struct access *access = &audit->accesses.list[i];
        char line[LINE_MAX_WIDTH];
        access_write(access, line, sizeof(line));
        fprintf(out, "%s what \"%s\" count %lu alike %s\n", is_guarded(access) ? "guarded" : "line",
                line, access->count, is_alike(audit, access) ? "yes" : "no");
    }
}

static int print_json(const struct audit *audit)
{
    char *text = NULL;
    size_t size;
    struct records records = {0};
    FILE *out = open_memstream(&text, &size);
    if (out != NULL)
        write_records(out, audit);
    bool good = out != NULL && fclose(out) == 0 && records_read(&records, text, size);
    if (good)
        records_print_json(stdout, &records, NULL);
    else
        fprintf(stderr, "mullion: there is no memory for so many lines\n");
    records_free(&records);
    free(text);
    return good ? STATUS_OK : STATUS_ERRORS;
}

static bool read_audit(struct audit *audit, const struct records *records)
{
    const struct record *head = records_next(records, "audit", NULL);
    if (head == NULL ||
        (!record_is(head, "unlisted", "audit") && !record_is(head, "unlisted", "deny")))
        return false;
    audit->unlisted = record_text(head, "unlisted");
    audit->lost = record_number(head, "lost");
    return accesses_read(&audit->accesses, records);
}

int suggest_run(char **args, const struct options *options)
{
    struct audit audit = {.vm = args[0]};
    struct records records;
    if (!control_vm_name(args[0]))
        return STATUS_USAGE;
    int status = records_ask(&records, "audit %s", args[0]);
    if (status != STATUS_OK)
        return status;
    if (!read_audit(&audit, &records)) {
        status = control_garbled("these are no accesses");
    } else {
        accesses_join(&audit.accesses);
        if (options->json)
            status = print_json(&audit);
        else
            print_lines(&audit);
    }
    accesses_free(&audit.accesses);
    records_free(&records);
    return status;
}
