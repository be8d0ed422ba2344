/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion top`, on a terminal (ncurses) or as text. */
#include "top.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rates.h"
#include "terminal.h"
#include "timer.h"

#define INTERVAL_MS 1000

/* Show the text, line by line, as far as the window goes. The first one is the heading. */
static void show_page(char *text)
{
    erase();
    mvaddnstr(0, 0, "mullion top - each second; q leaves", COLS);
    int row = 2;
    for (char *line = text, *end; *line != '\0' && row < LINES; line = end + 1, row++) {
        end = line + strcspn(line, "\n");
        if (*end == '\0')
            break;
        *end = '\0';
        attrset(row == 2 ? A_REVERSE : A_NORMAL);
        mvaddnstr(row, 0, line, COLS);
    }
    attrset(A_NORMAL);
    refresh();
}

/* The page of what happened between two samples, for the caller to free; NULL if memory is short.
 */
static char *make_page(const struct sample *before, const struct sample *now)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return NULL;
    sample_print(out, before, now);
    fclose(out);
    return text;
}

/* A second, or less if a key says that it is enough. */
static bool wait_for_quit(void)
{
    timeout(INTERVAL_MS);
    int key = getch();
    return key == 'q' || key == 'Q' || key == 3;
}

static void show(const struct sample *before, const struct sample *now)
{
    char *page = make_page(before, now);
    if (page != NULL)
        show_page(page);
    free(page);
}

/* Samples one after the other until a key; where one fails, BEFORE is the last one. */
static int show_samples(struct sample *before)
{
    int status = STATUS_OK;
    show(before, before);
    while (status == STATUS_OK && !wait_for_quit()) {
        struct sample now;
        status = sample_take(&now);
        if (status != STATUS_OK) {
            sample_free(&now);
            break;
        }
        show(before, &now);
        sample_free(before);
        *before = now;
    }
    return status;
}

/* What is said of errors meanwhile is kept until the terminal is as it was. */
static int run_live(struct sample *before)
{
    FILE *terminal = stderr;
    char *said = NULL;
    size_t size;
    FILE *kept = open_memstream(&said, &size);
    stderr = kept != NULL ? kept : terminal;
    cbreak();
    noecho();
    curs_set(0);
    int status = show_samples(before);
    endwin();
    stderr = terminal;
    if (kept != NULL)
        fclose(kept);
    if (said != NULL)
        fputs(said, stderr);
    free(said);
    return status;
}

/* Each line as far as the terminal is wide. */
static void print_page(const struct sample *before, const struct sample *now)
{
    unsigned rows, columns;
    if (isatty(STDOUT_FILENO) == 0 ||
        (!terminal_size(&rows, &columns) && !terminal_ask(&rows, &columns))) {
        sample_print(stdout, before, now);
        return;
    }
    char *page = make_page(before, now);
    for (char *line = page; line != NULL && *line != '\0';) {
        size_t length = strcspn(line, "\n");
        printf("%.*s\n", (int)(length < columns ? length : columns), line);
        line += length + (line[length] == '\n' ? 1 : 0);
    }
    free(page);
}

static int run_once(struct sample *before)
{
    struct sample now;
    timer_sleep(INTERVAL_MS);
    int status = sample_take(&now);
    if (status == STATUS_OK)
        print_page(before, &now);
    sample_free(&now);
    return status;
}

/* The terminal, as wide as it is; NULL if there is none. */
static SCREEN *open_screen(void)
{
    char number[16];
    unsigned rows, columns;
    if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0)
        return NULL;
    /* By itself ncurses takes one of which Linux has no size for one of 80 columns. */
    if (!terminal_size(&rows, &columns) && getenv("COLUMNS") == NULL &&
        terminal_ask(&rows, &columns)) {
        snprintf(number, sizeof(number), "%u", rows);
        setenv("LINES", number, 1);
        snprintf(number, sizeof(number), "%u", columns);
        setenv("COLUMNS", number, 1);
    }
    return newterm(NULL, stdout, stdin);
}

int top_run(char **args, const struct options *options)
{
    struct sample before;
    SCREEN *screen = NULL;
    (void)args;
    int status = sample_take(&before);
    /* In an initial RAM disk there may be no description of any terminal. */
    if (status == STATUS_OK && !options->once)
        screen = open_screen();
    if (status == STATUS_OK)
        status = screen == NULL ? run_once(&before) : run_live(&before);
    if (screen != NULL)
        delscreen(screen);
    sample_free(&before);
    return status;
}
