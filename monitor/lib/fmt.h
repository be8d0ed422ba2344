/* SPDX-License-Identifier: Apache-2.0 */
/* Formatted text into a fixed buffer: %s %c %u %d %x %lu %lx %zu %%, width, zero and minus flags.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* As snprintf, for the conversions above; always ends in NUL; returns the length written. */
__attribute__((format(printf, 3, 4))) size_t fmt_text(char *buffer, size_t size, const char *format,
                                                      ...);
size_t fmt_text_va(char *buffer, size_t size, const char *format, va_list args);

/* "512M", "1536K", "2G": BYTES in the largest unit that divides it. BUFFER of at least 24 bytes. */
const char *fmt_size(char *buffer, size_t size, unsigned long bytes);
