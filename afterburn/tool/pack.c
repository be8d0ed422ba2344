/* SPDX-License-Identifier: Apache-2.0 */
/* Decides on the host all that can be decided there, and writes it as one file. */
#include "pack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "entry.h"
#include "ex_table.h"
#include "exclude.h"
#include "fail.h"
#include "format/format.h"
#include "hook.h"
#include "site_check.h"

/* Boundary of what follows the header: the initial RAM disk is handed on where it lies. */
#define TABLE_ALIGN  16u
#define INITRD_ALIGN 4096u

struct pack {
    struct afterburn_pack header;
    uint8_t *bytes; /* behind the header, and with room for it */
    uint64_t size, room;
    unsigned excluded;
};

static uint64_t append(struct pack *pack, const void *bytes, uint64_t size, uint64_t align)
{
    uint64_t at = (pack->size + align - 1) / align * align;
    if (at + size > pack->room) {
        pack->room = (at + size) * 2;
        pack->bytes = realloc(pack->bytes, pack->room);
        if (pack->bytes == NULL)
            fail("no memory for a pack of %llu bytes", (unsigned long long)(at + size));
    }
    memset(pack->bytes + pack->size, 0, at - pack->size);
    if (size > 0)
        memcpy(pack->bytes + at, bytes, size);
    pack->size = at + size;
    return at;
}

static struct afterburn_range append_range(struct pack *pack, const void *bytes, uint64_t size,
                                           uint64_t align)
{
    uint64_t at = append(pack, bytes, size, align);
    return (struct afterburn_range){at, size};
}

static uint64_t physical_of(const struct image *image, const struct pack_request *request,
                            uint64_t address, const char *what)
{
    uint64_t physical;
    if (!image_physical(image, address, &physical))
        fail("%s: %s at %llx is in no segment that is loaded; build it again", image->path, what,
             (unsigned long long)address);
    return physical + request->shift;
}

static void add_segments(struct pack *pack, const struct image *image,
                         const struct pack_request *request)
{
    size_t count = image->segment_count;
    struct afterburn_segment *list = allocate(count, sizeof(*list));
    if (count == 0)
        fail("%s: nothing in it is to be loaded (no PT_LOAD segment); give the linked kernel, not "
             "an object file",
             image->path);
    for (size_t i = 0; i < count; i++) {
        const struct segment *segment = &image->segments[i];
        list[i] = (struct afterburn_segment){
            segment->physical + request->shift,
            append(pack, image->bytes + segment->offset, segment->file_size, INITRD_ALIGN),
            segment->file_size, segment->memory_size};
    }
    pack->header.segments = append_range(pack, list, count * sizeof(*list), TABLE_ALIGN);
    free(list);
}

static int by_physical(const void *left, const void *right)
{
    const struct afterburn_site *a = left, *b = right;
    return (a->physical > b->physical) - (a->physical < b->physical);
}

static void add_sites(struct pack *pack, const struct image *image,
                      const struct pack_request *request)
{
    struct sites sites;
    sites_read(image, &sites);
    exclude(image, &sites);
    struct afterburn_site *list = allocate(sites.count, sizeof(*list));
    size_t count = 0;
    for (size_t i = 0; i < sites.count; i++) {
        const struct site *site = &sites.list[i];
        uint64_t physical;
        if (!image_physical(image, site->address, &physical))
            continue;
        const char *what = site_wrong(site);
        if (what != NULL)
            fail("%s: recorded as %s at 0x%llx, but %s; `afterburn verify` lists all of them",
                 image->path, kind_names[site->kind], (unsigned long long)site->address, what);
        list[count++] = (struct afterburn_site){.physical = physical + request->shift,
                                                .size = site->size,
                                                .before = site->before,
                                                .length = site->length,
                                                .kind = site->kind,
                                                .flags = site->flags,
                                                .reason = site->reason};
        pack->excluded += (site->flags & AFTERBURN_EXCLUDED) != 0;
    }
    qsort(list, count, sizeof(*list), by_physical);
    pack->header.sites = append_range(pack, list, count * sizeof(*list), TABLE_ALIGN);
    free(list);
    free(sites.list);
}

static void add_symbols(struct pack *pack, const struct image *image,
                        const struct pack_request *request)
{
    struct afterburn_symbol list[AFTERBURN_SYMBOLS + 1];
    size_t count = hook_find(image, list);
    for (size_t i = 0; i < count; i++)
        if (list[i].id != AFTERBURN_CPU_TO_APICID && list[i].id != AFTERBURN_CPU_NUMBER)
            list[i].value += request->shift;
    pack->header.symbols = append_range(pack, list, count * sizeof(list[0]), TABLE_ALIGN);
}

static void add_areas(struct pack *pack, const struct image *image,
                      const struct pack_request *request)
{
    struct area text = area_text(image), data = area_data(image);
    struct afterburn_pack *header = &pack->header;
    if (image->symbol_count == 0)
        fail("%s: it has no symbols, and a wedge finds its room by them; strip it so: strip "
             "--strip-debug --keep-section=" AFTERBURN_SECTION,
             image->path);
    if (text.size == 0 || data.size == 0)
        fail("%s: no room for a wedge (symbols afterburn_text and afterburn_data); link an object "
             "of area.s into it, or give one source of it the prelude area.s, too",
             image->path);
    header->text_area = physical_of(image, request, text.address, "the text area");
    header->text_area_size = text.size;
    header->data_area = physical_of(image, request, data.address, "the data area");
    header->data_area_size = data.size;
    header->link_offset = (int64_t)(text.address - header->text_area);
    struct ex_table table = ex_table_find(image);
    if (table.size > 0)
        header->ex_table = physical_of(image, request, table.address, "the exception table");
    header->ex_table_size = table.size;
    ex_table_free(&table);
}

static uint64_t entry_of(const struct image *image, const struct pack_request *request)
{
    if (request->entry_kind == AFTERBURN_ENTRY_PVH)
        return entry_pvh(image) + request->shift;
    return physical_of(image, request, image->entry, "the entry");
}

/* The pack would overwrite what it is made of. */
static void check_output(const struct pack_request *request, const char *input, const char *option)
{
    struct stat in, out;
    if (input != NULL && stat(input, &in) == 0 && stat(request->output, &out) == 0 &&
        in.st_dev == out.st_dev && in.st_ino == out.st_ino)
        fail("--output %s is the file that %s names, and would be overwritten; write another name",
             request->output, option);
}

static void save(const struct pack *pack, const char *path)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        fail("%s: %s", path, strerror(errno));
    size_t written = fwrite(pack->bytes, 1, pack->size, file);
    if (fclose(file) != 0 || written != pack->size)
        fail("%s: cannot be written: %s; is the disk full?", path, strerror(errno));
}

/* What it is called unless --name says so: the file's name without folders, as far as it fits. */
static void name_by_file(char *name, size_t room, const char *path)
{
    const char *slash = strrchr(path, '/');
    snprintf(name, room, "%s", slash != NULL ? slash + 1 : path);
}

static void finish(struct pack *pack, const struct pack_request *request)
{
    struct afterburn_pack *header = &pack->header;
    memcpy(header->magic, AFTERBURN_MAGIC, sizeof(header->magic));
    header->version = AFTERBURN_VERSION;
    header->header_size = sizeof(*header);
    header->size = pack->size;
    header->entry_kind = request->entry_kind;
    if (strlen(request->name) >= sizeof(header->name))
        fail("--name %s: longer than %zu characters", request->name, sizeof(header->name) - 1);
    name_by_file(header->name, sizeof(header->name), request->guest);
    if (request->name[0] != '\0')
        snprintf(header->name, sizeof(header->name), "%s", request->name);
    memcpy(pack->bytes, header, sizeof(*header));
    header->checksum = crc32_add(0, pack->bytes, pack->size);
    memcpy(pack->bytes, header, sizeof(*header));
}

static void print_summary(const struct pack *pack, const struct pack_request *request)
{
    const struct afterburn_pack *header = &pack->header;
    printf("%s: %llu bytes, checksum %08x, entry %llx\n", request->output,
           (unsigned long long)header->size, header->checksum, (unsigned long long)header->entry);
    printf("  sites %llu, of them %u to stay as they are; names %llu; text area %llu, data area "
           "%llu, initial RAM disk %llu bytes\n",
           (unsigned long long)(header->sites.size / sizeof(struct afterburn_site)), pack->excluded,
           (unsigned long long)(header->symbols.size / sizeof(struct afterburn_symbol)),
           (unsigned long long)header->text_area_size, (unsigned long long)header->data_area_size,
           (unsigned long long)header->initrd.size);
}

void pack_write(const struct pack_request *request)
{
    struct pack pack = {.bytes = NULL};
    struct image image;
    check_output(request, request->guest, "--guest");
    check_output(request, request->initrd, "--initrd");
    image_open(&image, request->guest);
    append(&pack, &pack.header, sizeof(pack.header), 1);
    if (image.relocatable)
        fail("%s: an object file; give the linked kernel", image.path);
    pack.header.entry = entry_of(&image, request);
    add_sites(&pack, &image, request);
    add_areas(&pack, &image, request);
    add_symbols(&pack, &image, request);
    pack.header.cmdline = append_range(&pack, request->cmdline, strlen(request->cmdline), 1);
    add_segments(&pack, &image, request);
    if (request->initrd != NULL) {
        size_t size;
        uint8_t *bytes = file_read(request->initrd, &size);
        pack.header.initrd = append_range(&pack, bytes, size, INITRD_ALIGN);
        free(bytes);
    }
    finish(&pack, request);
    save(&pack, request->output);
    print_summary(&pack, request);
    image_close(&image);
    free(pack.bytes);
}
