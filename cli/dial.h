/* SPDX-License-Identifier: Apache-2.0 */
/* The way to the monitor. */
#pragma once

/* A connected stream socket, or -1 after a message that says what to do. */
int dial_monitor(void);
