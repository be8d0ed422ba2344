/* SPDX-License-Identifier: Apache-2.0 */
/* The picture: a frame for each node with its cores and its memory, and what each colour is. */
#include "drawing.h"

#include <stdio.h>

#include "lib/fmt.h"

#define WIDTH  860
#define MARGIN 20
#define INSIDE (WIDTH - 4 * MARGIN) /* what a frame holds */

#define CORE_SIZE    36
#define CORE_STEP    (CORE_SIZE + 4)
#define CORES_A_LINE (INSIDE / CORE_STEP)
#define HEAD         48 /* above the first frame */
#define NODE_HEAD    30
#define BAR_HEIGHT   44
#define LEGEND_STEP  24
#define LABEL_WIDTH  52 /* of a piece of memory that has room for its size */

static const char *const colours[MAX_VMS] = {
    "#bcd7ee", "#f2d9a8", "#c8e3c3", "#e9c3d3", "#d6cdea", "#f3c7b4", "#bfe3de", "#e7e3a9",
    "#9fc0dc", "#dcbf85", "#a6cd9f", "#d3a3b8", "#b8aad6", "#dea78f", "#9accc5", "#cfca80",
};

static const char *colour_of(int owner)
{
    return owner >= 0 && owner < (int)MAX_VMS ? colours[owner] : "#ffffff";
}

/* Print TEXT where XML has text. */
static void print_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '<')
            printf("&lt;");
        else if (*text == '&')
            printf("&amp;");
        else
            putchar(*text >= ' ' && *text <= '~' ? *text : '?');
    }
}

/* A size to be read, not to be copied: three digits or fewer, and a unit. */
static const char *short_size(char *text, size_t size, uint64_t bytes)
{
    static const char units[] = "KMGT";
    unsigned unit = 0;
    double number = (double)bytes / (double)KIB;
    for (; number >= 1000 && unit + 1 < sizeof(units) - 1; number /= 1024)
        unit++;
    snprintf(text, size, "%.3g%c", number, units[unit]);
    return text;
}

static unsigned count_cores(const struct drawing *drawing, unsigned node)
{
    unsigned count = 0;
    for (unsigned i = 0; i < drawing->cpu_count; i++)
        count += drawing->cpus[i].node == node ? 1u : 0u;
    return count;
}

static uint64_t count_memory(const struct drawing *drawing, unsigned node)
{
    uint64_t size = 0;
    for (unsigned i = 0; i < drawing->piece_count; i++)
        size += drawing->pieces[i].node == node ? drawing->pieces[i].size : 0;
    return size;
}

static unsigned core_lines(const struct drawing *drawing, unsigned node)
{
    return (count_cores(drawing, node) + CORES_A_LINE - 1) / CORES_A_LINE;
}

static unsigned node_height(const struct drawing *drawing, unsigned node)
{
    return NODE_HEAD + core_lines(drawing, node) * CORE_STEP + BAR_HEIGHT + MARGIN;
}

static void print_core(unsigned x, unsigned y, uint32_t number, int owner)
{
    printf("    <rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" rx=\"4\" fill=\"%s\"/>\n", x, y,
           CORE_SIZE, CORE_SIZE, colour_of(owner));
    printf("    <text x=\"%u\" y=\"%u\" text-anchor=\"middle\">%u</text>\n", x + CORE_SIZE / 2,
           y + CORE_SIZE / 2 + 5, number);
}

static void print_cores(const struct drawing *drawing, unsigned node, unsigned top)
{
    unsigned place = 0;
    for (unsigned i = 0; i < drawing->cpu_count; i++) {
        if (drawing->cpus[i].node != node)
            continue;
        print_core(2 * MARGIN + place % CORES_A_LINE * CORE_STEP,
                   top + place / CORES_A_LINE * CORE_STEP, drawing->cpus[i].number,
                   drawing->cpus[i].owner);
        place++;
    }
}

/* A piece of memory, with its size if there is room for that. */
static void print_piece(double x, double width, unsigned y, uint64_t size, int owner)
{
    char text[24];
    printf("    <rect x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%u\" fill=\"%s\"/>\n", x, y,
           width, BAR_HEIGHT, colour_of(owner));
    if (width >= LABEL_WIDTH)
        printf("    <text x=\"%.1f\" y=\"%u\" text-anchor=\"middle\">%s</text>\n", x + width / 2,
               y + BAR_HEIGHT / 2 + 5, short_size(text, sizeof(text), size));
}

/* The node's memory from low to high, without holes, neighbours of one owner in one piece. */
static void print_memory(const struct drawing *drawing, unsigned node, unsigned top)
{
    double scale = INSIDE / (double)(count_memory(drawing, node) + 1), x = 2 * MARGIN;
    uint64_t size = 0;
    int owner = DRAWING_FREE;
    for (unsigned i = 0; i < drawing->piece_count; i++) {
        if (drawing->pieces[i].node != node || drawing->pieces[i].size == 0)
            continue;
        if (size > 0 && drawing->pieces[i].owner != owner) {
            print_piece(x, (double)size * scale, top, size, owner);
            x += (double)size * scale;
            size = 0;
        }
        owner = drawing->pieces[i].owner;
        size += drawing->pieces[i].size;
    }
    if (size > 0)
        print_piece(x, (double)size * scale, top, size, owner);
}

static void print_node(const struct drawing *drawing, unsigned node, unsigned top)
{
    char text[24];
    unsigned cores = count_cores(drawing, node);
    printf("\n  <g stroke=\"#33475b\">\n"
           "    <rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" rx=\"4\" fill=\"none\" "
           "stroke-width=\"3\"/>\n  </g>\n",
           MARGIN, top, WIDTH - 2 * MARGIN, node_height(drawing, node) - MARGIN / 2);
    printf("  <text x=\"%u\" y=\"%u\" font-weight=\"bold\">node %u: %u core%s, memory %s</text>\n",
           2 * MARGIN, top + 20, node, cores, cores == 1 ? "" : "s",
           short_size(text, sizeof(text), count_memory(drawing, node)));
    printf("  <g class=\"part\">\n");
    print_cores(drawing, node, top + NODE_HEAD);
    print_memory(drawing, node, top + NODE_HEAD + core_lines(drawing, node) * CORE_STEP);
    printf("  </g>\n");
}

/* A line of the legend: the colour, the name, and what it has in all. */
static void print_owner(const struct drawing *drawing, int owner, unsigned y)
{
    char text[24];
    unsigned cores = 0;
    uint64_t memory = 0;
    for (unsigned i = 0; i < drawing->cpu_count; i++)
        cores += drawing->cpus[i].owner == owner ? 1u : 0u;
    for (unsigned i = 0; i < drawing->piece_count; i++)
        memory += drawing->pieces[i].owner == owner ? drawing->pieces[i].size : 0;
    printf("  <g class=\"part\"><rect x=\"%u\" y=\"%u\" width=\"16\" height=\"16\" rx=\"3\" "
           "fill=\"%s\"/></g>\n  <text x=\"%u\" y=\"%u\">",
           MARGIN, y, colour_of(owner), MARGIN + 26, y + 13);
    if (owner == DRAWING_FREE) {
        printf("free");
    } else {
        printf("%s ", drawing->vms[owner].service ? "service VM" : "VM");
        print_text(drawing->vms[owner].name);
    }
    printf(": %u core%s, memory %s", cores, cores == 1 ? "" : "s",
           short_size(text, sizeof(text), memory));
    if (owner != DRAWING_FREE) {
        printf(", kernel ");
        print_text(drawing->vms[owner].kernel);
    }
    printf("</text>\n");
}

void drawing_print(const struct drawing *drawing)
{
    unsigned height = HEAD, top = HEAD;
    for (unsigned node = 0; node < drawing->node_count; node++)
        height += node_height(drawing, node);
    unsigned legend = height;
    height += (drawing->vm_count + 1) * LEGEND_STEP + MARGIN;
    printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
           "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" width=\"%u\" "
           "height=\"%u\"\n     role=\"img\" aria-labelledby=\"title\" "
           "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"14\" fill=\"#24292f\">\n"
           "  <title id=\"title\">A machine divided by Mullion</title>\n"
           "  <style>.part rect { stroke: #33475b; } .part text { font-size: 12px; }</style>\n"
           "  <rect width=\"%u\" height=\"%u\" rx=\"8\" fill=\"#f6f5f1\"/>\n"
           "  <text x=\"%u\" y=\"32\" text-anchor=\"middle\" font-size=\"17\">one machine, "
           "%u VM%s</text>\n",
           WIDTH, height, WIDTH, height, WIDTH, height, WIDTH / 2, drawing->vm_count,
           drawing->vm_count == 1 ? "" : "s");
    for (unsigned node = 0; node < drawing->node_count; top += node_height(drawing, node++))
        print_node(drawing, node, top);
    printf("\n");
    for (unsigned i = 0; i < drawing->vm_count; i++)
        print_owner(drawing, (int)i, legend + i * LEGEND_STEP);
    print_owner(drawing, DRAWING_FREE, legend + drawing->vm_count * LEGEND_STEP);
    printf("</svg>\n");
}
