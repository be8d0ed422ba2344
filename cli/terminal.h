/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal's size, also of one at the end of a serial line, of which Linux does not know it. */
#pragma once

#include <stdbool.h>

/* The size of the terminal at standard output, if Linux knows it. */
bool terminal_size(unsigned *rows, unsigned *columns);
/* Ask the terminal at standard input and output; false if it does not answer. */
bool terminal_ask(unsigned *rows, unsigned *columns);
