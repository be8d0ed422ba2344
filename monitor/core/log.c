/* SPDX-License-Identifier: Apache-2.0 */
/* The log. A line is built whole and then written under the lock, so lines never mix. */
#include "core/log.h"

#include "core/lock.h"
#include "core/ring.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define LOG_RING_SIZE 65536u
#define LOG_LINE_MAX  400u

static struct lock log_lock = LOCK_INIT;
static const struct log_ops *log_ops;
static char log_ring[LOG_RING_SIZE];
static uint64_t log_ring_end; /* bytes ever written */
static bool log_mid_line;     /* raw output has left a line open */

static void log_emit(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        log_ring[log_ring_end++ % LOG_RING_SIZE] = text[i];
    if (log_ops != NULL)
        log_ops->put(text, length);
}

static void log_emit_line(const char *text, size_t length)
{
    lock_take(&log_lock);
    if (log_mid_line)
        log_emit("\n", 1);
    log_mid_line = false;
    log_emit(text, length);
    lock_release(&log_lock);
}

void log_set_ops(const struct log_ops *ops)
{
    lock_take(&log_lock);
    log_ops = ops;
    uint64_t start = log_ring_end > LOG_RING_SIZE ? log_ring_end - LOG_RING_SIZE : 0;
    for (uint64_t at = start; at < log_ring_end; at++)
        ops->put(&log_ring[at % LOG_RING_SIZE], 1);
    lock_release(&log_lock);
}

void log_line(enum log_level level, const char *format, ...)
{
    static const char *const names[] = {"error", "warning", "info"};
    char line[LOG_LINE_MAX];
    uint64_t now = log_ops != NULL ? log_ops->microseconds() : 0;
    cpu_id_t cpu = log_ops != NULL ? log_ops->cpu() : 0;
    size_t length = fmt_text(line, sizeof(line), "[%4lu.%06lu] cpu%u %s: ", now / 1000000,
                             now % 1000000, cpu, names[level]);
    va_list args;
    va_start(args, format);
    length += fmt_text_va(line + length, sizeof(line) - length - 1, format, args);
    va_end(args);
    line[length++] = '\n';
    log_emit_line(line, length);
}

void log_console_line(const char *vm, const char *text, size_t length)
{
    char line[LOG_LINE_MAX];
    size_t at = fmt_text(line, sizeof(line), "[%s] ", vm);
    for (size_t i = 0; i < length && at < sizeof(line) - 1; i++)
        line[at++] = text[i];
    line[at++] = '\n';
    log_emit_line(line, at);
}

size_t log_copy(uint64_t *from, char *buffer, size_t size)
{
    lock_take(&log_lock);
    size_t length = ring_copy(log_ring, LOG_RING_SIZE, log_ring_end, from, buffer, size);
    lock_release(&log_lock);
    return length;
}

void log_raw(const char *text, size_t length)
{
    lock_take(&log_lock);
    log_emit(text, length);
    if (length > 0)
        log_mid_line = text[length - 1] != '\n';
    lock_release(&log_lock);
}
