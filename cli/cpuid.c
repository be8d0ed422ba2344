/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUID and MSRs. Of a recorded machine DIR/cpuid has lines as `cpuid -1 -r` prints them,
 *     0x00000001 0x00: eax=0x00a20f12 ebx=0x00100800 ecx=0x7ef8320b edx=0x178bfbff
 * and DIR/msr one register a line, number and value: 0xc0010114 0x18. Other lines are left out.
 */
#include "cpuid.h"

#include <cpuid.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "text.h"
#include "tree.h"

#define RECORD_MAX 65536

/* The registers at TEXT, " eax=... ebx=... ecx=... edx=..."; false if they are not all there. */
static bool read_registers(const char *text, struct cpuid_leaf *leaf)
{
    static const char *const names[] = {"eax=", "ebx=", "ecx=", "edx="};
    uint32_t *const values[] = {&leaf->eax, &leaf->ebx, &leaf->ecx, &leaf->edx};
    for (unsigned i = 0; i < 4; i++) {
        uint64_t value;
        text += strspn(text, " \t");
        if (strncmp(text, names[i], 4) != 0)
            return false;
        text += 4;
        if (!text_hex(&text, &value))
            return false;
        *values[i] = (uint32_t)value;
    }
    return true;
}

static bool next_line(const char **text)
{
    *text = strchr(*text, '\n');
    return *text != NULL && *++*text != '\0';
}

static struct cpuid_leaf read_record(uint32_t wanted)
{
    static char record[RECORD_MAX];
    tree_read("/cpuid", record, sizeof(record));
    const char *line = record;
    do {
        struct cpuid_leaf found = {0};
        const char *at = line;
        uint64_t leaf, subleaf;
        if (text_hex(&at, &leaf) && leaf == wanted && text_hex(&at, &subleaf) && subleaf == 0 &&
            *at == ':' && read_registers(at + 1, &found))
            return found;
    } while (next_line(&line));
    return (struct cpuid_leaf){0};
}

struct cpuid_leaf cpuid_read(uint32_t leaf)
{
    struct cpuid_leaf r = {0};
    if (tree_is_copy())
        return read_record(leaf);
    if (leaf >> 16 == 0x4000) /* a hypervisor's range; the highest leaf is checked by the caller */
        __cpuid_count(leaf, 0, r.eax, r.ebx, r.ecx, r.edx);
    else
        __get_cpuid_count(leaf, 0, &r.eax, &r.ebx, &r.ecx, &r.edx);
    return r;
}

static bool msr_of_record(uint32_t msr, uint64_t *value)
{
    static char record[RECORD_MAX];
    tree_read("/msr", record, sizeof(record));
    const char *line = record;
    do {
        const char *at = line;
        uint64_t number;
        if (text_hex(&at, &number) && number == msr && text_hex(&at, value))
            return true;
    } while (next_line(&line));
    return false;
}

bool msr_read(uint32_t msr, uint64_t *value)
{
    if (tree_is_copy())
        return msr_of_record(msr, value);
    int file = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    bool done = pread(file, value, sizeof(*value), (off_t)msr) == (ssize_t)sizeof(*value);
    close(file);
    return done;
}

bool cpuid_is_mullion(void)
{
    struct cpuid_leaf leaf = cpuid_read(0x40000000);
    return (cpuid_read(1).ecx & 1u << 31) != 0 && memcmp(&leaf.ebx, "Mull", 4) == 0 &&
           memcmp(&leaf.ecx, "ionM", 4) == 0 && memcmp(&leaf.edx, "ulli", 4) == 0;
}
