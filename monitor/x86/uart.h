/* SPDX-License-Identifier: Apache-2.0 */
/* The log port: the second UART, and the emulators' debug console if there is one. */
#pragma once

#include "core/types.h"

#define LOG_UART      0x2f8u
#define LOG_UART_GSI  3u
#define LOG_UART_SIZE 8u

/* Find and set up the log port and connect the log to it. Boot core, once. */
void uart_init(void);
bool uart_present(void);
/* Whether a byte has come in. */
bool uart_waiting(void);
/* Next byte that has come in, or -1. */
int uart_read(void);
/* Raise an interrupt for each byte that comes in, and one now if a byte waits. */
void uart_enable_interrupt(void);
/* PORT..PORT+SIZE-1 touches the log port. */
bool uart_owns_port(uint32_t port, uint32_t size);
