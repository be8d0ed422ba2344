/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that matter: the serial port for the monitor's log, and the IOMMU. */
#include <stdio.h>
#include <string.h>

#include "probe.h"
#include "text.h"
#include "tree.h"

#define LOG_PORT    0x2f8u /* COM2 */
#define TTYS_MAX    32u
#define SERIAL_TEXT 16384

#define PNP "/sys/bus/pnp/devices"

static bool read_value(const char *path, uint64_t *value)
{
    char text[64];
    return tree_read(path, text, sizeof(text)) > 0 && text_number(text, value);
}

/* The kernel's serial ports: their addresses are for root only. */
static enum finding find_tty(void)
{
    enum finding answer = ANSWER_UNKNOWN;
    for (unsigned i = 0; i < TTYS_MAX; i++) {
        char path[64];
        uint64_t port, type;
        snprintf(path, sizeof(path), "/sys/class/tty/ttyS%u/port", i);
        if (!read_value(path, &port))
            continue;
        answer = ANSWER_NO;
        snprintf(path, sizeof(path), "/sys/class/tty/ttyS%u/type", i);
        if (port == LOG_PORT && read_value(path, &type))
            return type != 0 ? ANSWER_YES : ANSWER_NO; /* 0: the kernel found no UART there */
    }
    return answer;
}

/* Lines such as "1: uart:16550A port:000002F8 irq:3 tx:0 rx:0". */
static enum finding find_driver_line(void)
{
    static char text[SERIAL_TEXT];
    if (tree_read("/proc/tty/driver/serial", text, sizeof(text)) <= 0)
        return ANSWER_UNKNOWN;
    const char *line = strstr(text, "port:000002F8");
    if (line == NULL)
        return ANSWER_NO;
    while (line > text && line[-1] != '\n')
        line--;
    const char *uart = strstr(line, "uart:");
    return uart == NULL || strncmp(uart, "uart:unknown", 12) == 0 ? ANSWER_NO : ANSWER_YES;
}

/* What the firmware says of its devices, for everybody to read: "io 0x2f8-0x2ff". */
static bool has_log_port(const char *name, void *context)
{
    char path[512], text[1024];
    (void)context;
    int length = snprintf(path, sizeof(path), PNP "/%s/resources", name);
    return length < (int)sizeof(path) && tree_read(path, text, sizeof(text)) > 0 &&
           strncmp(text, "state = active", 14) == 0 && strstr(text, "io 0x2f8-") != NULL;
}

static void add_log_port(struct report *report)
{
    enum finding answer = find_tty();
    if (answer == ANSWER_UNKNOWN)
        answer = find_driver_line();
    if (answer == ANSWER_UNKNOWN && tree_each(PNP, has_log_port, NULL))
        answer = ANSWER_YES;
    const char *text = "only root can see whether there is a COM2 (2F8h)";
    if (answer == ANSWER_YES)
        text = "COM2 (2F8h): Mullion's log, 115200 baud";
    else if (answer == ANSWER_NO)
        text =
            "no COM2 (2F8h): the log and its keys go nowhere; switch \"Serial Port 2\" on in the "
            "firmware's set-up, with address 2F8h";
    report_add(report, USEFUL, "log port", answer, "%s", text);
}

static bool note_name(const char *name, void *context)
{
    snprintf(context, 32, "%s", name);
    text_clean(context);
    return true;
}

static void add_iommu(struct report *report)
{
    char first[32] = "";
    bool table = tree_exists("/sys/firmware/acpi/tables/IVRS") ||
                 tree_exists("/sys/firmware/acpi/tables/DMAR");
    if (tree_each("/sys/class/iommu", note_name, first))
        report_add(report, USEFUL, "IOMMU", ANSWER_YES, "%s; Mullion does not use it yet", first);
    else if (table)
        report_add(report, USEFUL, "IOMMU", ANSWER_YES,
                   "named by the firmware; Mullion does not use it yet");
    else if (tree_exists("/sys/firmware/acpi/tables"))
        report_add(report, USEFUL, "IOMMU", ANSWER_NO,
                   "switch \"IOMMU\" on in the firmware's set-up; Mullion does not use it yet");
    else
        report_add(report, USEFUL, "IOMMU", ANSWER_UNKNOWN,
                   "neither /sys/class/iommu nor ACPI tables");
}

void probe_devices(struct report *report)
{
    add_log_port(report);
    add_iommu(report);
}
