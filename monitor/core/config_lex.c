/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration text, cut into tokens: words, "strings", braces, separators; # comments. */
#include "core/config_lex.h"

#include "lib/string.h"

static bool lex_at_end(const struct config_lexer *lexer)
{
    return lexer->next >= lexer->length;
}

static char lex_peek(const struct config_lexer *lexer)
{
    return lexer->text[lexer->next];
}

static void lex_advance(struct config_lexer *lexer)
{
    if (lexer->text[lexer->next++] == '\n') {
        lexer->at.line++;
        lexer->at.column = 1;
    } else {
        lexer->at.column++;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r'; /* files from Windows end their lines in \r\n */
}

static bool is_control(char c)
{
    return (c >= 0 && c < ' ') || c == 0x7f;
}

static bool ends_word(char c)
{
    return is_blank(c) || is_control(c) || c == ';' || c == '{' || c == '}' || c == '"' || c == '#';
}

static void lex_skip_blanks(struct config_lexer *lexer)
{
    bool comment = false;
    while (!lex_at_end(lexer)) {
        char c = lex_peek(lexer);
        if (c == '\n' || (!comment && !is_blank(c) && c != '#'))
            return;
        comment = comment || c == '#';
        lex_advance(lexer);
    }
}

/* Note the first thing that is wrong in a string; the rest is read so that its quotes pair up. */
static void lex_note(struct config_token *token, enum config_token_kind kind, const char *text,
                     struct config_position at)
{
    if (token->kind == CONFIG_TOKEN_STRING) {
        token->kind = kind;
        token->text = text;
        token->at = at;
    }
}

static void lex_string(struct config_lexer *lexer, struct config_token *token)
{
    struct config_position quote = lexer->at;
    lex_advance(lexer);
    const char *start = lexer->text + lexer->next;
    token->kind = CONFIG_TOKEN_STRING;
    token->text = start;
    while (!lex_at_end(lexer) && lex_peek(lexer) != '"' && lex_peek(lexer) != '\n') {
        struct config_position at = lexer->at;
        const char *text = lexer->text + lexer->next;
        lex_advance(lexer);
        if (is_control(*text))
            lex_note(token, CONFIG_TOKEN_BAD_BYTE, text, at);
        else if (*text != '\\')
            continue;
        else if (!lex_at_end(lexer) && (lex_peek(lexer) == '"' || lex_peek(lexer) == '\\'))
            lex_advance(lexer);
        else
            lex_note(token, CONFIG_TOKEN_BAD_ESCAPE, text, at);
    }
    token->length = (size_t)(lexer->text + lexer->next - token->text);
    if (lex_at_end(lexer) || lex_peek(lexer) == '\n')
        lex_note(token, CONFIG_TOKEN_BAD_STRING, start, quote);
    else
        lex_advance(lexer);
}

static enum config_token_kind lex_kind(char c)
{
    switch (c) {
    case '{':
        return CONFIG_TOKEN_OPEN;
    case '}':
        return CONFIG_TOKEN_CLOSE;
    case '\n':
        return CONFIG_TOKEN_LINE;
    case ';':
        return CONFIG_TOKEN_SEMICOLON;
    default:
        return is_control(c) ? CONFIG_TOKEN_BAD_BYTE : CONFIG_TOKEN_WORD;
    }
}

void config_lex_next(struct config_lexer *lexer, struct config_token *token)
{
    lex_skip_blanks(lexer);
    *token = (struct config_token){.kind = CONFIG_TOKEN_END, .text = "", .at = lexer->at};
    if (lex_at_end(lexer))
        return;
    size_t start = lexer->next;
    if (lex_peek(lexer) == '"') {
        lex_string(lexer, token);
        return;
    }
    token->kind = lex_kind(lex_peek(lexer));
    token->text = lexer->text + start;
    do
        lex_advance(lexer);
    while (token->kind == CONFIG_TOKEN_WORD && !lex_at_end(lexer) && !ends_word(lex_peek(lexer)));
    token->length = lexer->next - start;
}

bool config_token_is(const struct config_token *token, const char *text)
{
    return strlen(text) == token->length && memcmp(token->text, text, token->length) == 0;
}

bool config_token_copy(const struct config_token *token, char *buffer, size_t size)
{
    size_t length = 0;
    size_t from = 0;
    while (from < token->length && length + 1 < size) {
        if (token->kind == CONFIG_TOKEN_STRING && token->text[from] == '\\')
            from++; /* the lexer has seen to it that an escaped character follows */
        buffer[length++] = token->text[from++];
    }
    buffer[length] = '\0';
    return from == token->length;
}

const char *config_token_text(const struct config_token *token, char *buffer, size_t size)
{
    size_t length = token->length < size ? token->length : size - 4;
    memcpy(buffer, token->text, length);
    memcpy(buffer + length, token->length < size ? "" : "...", token->length < size ? 1 : 4);
    return buffer;
}
