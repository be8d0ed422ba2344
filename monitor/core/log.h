/* SPDX-License-Identifier: Apache-2.0 */
/* The log: a ring in memory first, then the sink that the hardware side provides. */
#pragma once

#include "core/types.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO };

struct log_ops {
    uint64_t (*microseconds)(void);               /* since the monitor's entry */
    cpu_id_t (*cpu)(void);                        /* the core that speaks */
    void (*put)(const char *text, size_t length); /* may be called by one core at a time */
};

/* Give the log its hardware; before that lines are kept in the ring only. Any core, once. */
void log_set_ops(const struct log_ops *ops);

/* One line: "[   1.234567] cpu0 info: text". Any core, any time. */
__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *format, ...);

/* One line of a VM's console: "[name] text"; not stamped, as it is the VM's own. */
void log_console_line(const char *vm, const char *text, size_t length);

/* Bytes as they are (the console of a VM that takes input just now). */
void log_raw(const char *text, size_t length);

/*
 * Copy what the ring still has from byte *FROM on, of all that was ever logged, at most SIZE bytes;
 * *FROM becomes the first byte copied. Returns their number. Any core.
 */
size_t log_copy(uint64_t *from, char *buffer, size_t size);

#define log_error(...)   log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
