/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration text, cut into tokens. Private to the parser. */
#pragma once

#include "core/config.h"

enum config_token_kind {
    CONFIG_TOKEN_WORD,
    CONFIG_TOKEN_STRING, /* text is what stands between the quotes, escapes as written */
    CONFIG_TOKEN_OPEN,
    CONFIG_TOKEN_CLOSE,
    CONFIG_TOKEN_LINE, /* the end of a line */
    CONFIG_TOKEN_SEMICOLON,
    CONFIG_TOKEN_END,
    CONFIG_TOKEN_BAD_BYTE, /* from here on: no token, but what is wrong with the text */
    CONFIG_TOKEN_BAD_STRING,
    CONFIG_TOKEN_BAD_ESCAPE,
};

struct config_token {
    enum config_token_kind kind;
    const char *text; /* in the text that is parsed: not ended by NUL */
    size_t length;
    struct config_position at;
};

struct config_lexer {
    const char *text;
    size_t length;
    size_t next;
    struct config_position at; /* the position of text[next] */
};

/* Read the next token; after the last one it is CONFIG_TOKEN_END for ever. */
void config_lex_next(struct config_lexer *lexer, struct config_token *token);

/* True if TOKEN, a word or a string, is TEXT. */
bool config_token_is(const struct config_token *token, const char *text);

/* Copy a word's or string's text without its escapes; false if it is longer than SIZE - 1. */
bool config_token_copy(const struct config_token *token, char *buffer, size_t size);

/* TOKEN for a message: as written, shortened to BUFFER. Returns BUFFER. */
const char *config_token_text(const struct config_token *token, char *buffer, size_t size);
