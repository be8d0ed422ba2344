/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal's size: Linux's, or what the terminal itself answers (ECMA-48, 8.3.14 and 8.3.35).
 */
#include "terminal.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ANSWER_MS  500 /* over a slow line */
#define ANSWER_MAX 32

/* Keep the cursor, move it as far as it goes, ask where it is, and back. */
static const char question[] = "\0337\033[999;999H\033[6n\0338";

/* Read up to the answer's last letter; what does not come in time is none. */
static void read_answer(char answer[ANSWER_MAX])
{
    struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};
    size_t length = 0;
    while (length < ANSWER_MAX - 1 && poll(&wait, 1, ANSWER_MS) > 0 &&
           read(STDIN_FILENO, answer + length, 1) == 1 && answer[length++] != 'R')
        ;
    answer[length] = '\0';
}

bool terminal_ask(unsigned *rows, unsigned *columns)
{
    struct termios before, raw;
    char answer[ANSWER_MAX];
    const char *kind = getenv("TERM");
    if (kind == NULL || strcmp(kind, "dumb") == 0 || tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) != 0)
        return false;
    bool asked = write(STDOUT_FILENO, question, strlen(question)) == (ssize_t)strlen(question);
    if (asked)
        read_answer(answer);
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    const char *begin = asked ? strchr(answer, '\033') : NULL;
    return begin != NULL && sscanf(begin, "\033[%3u;%3uR", rows, columns) == 2 && *rows > 0 &&
           *columns > 0;
}

bool terminal_size(unsigned *rows, unsigned *columns)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        return false;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return true;
}
