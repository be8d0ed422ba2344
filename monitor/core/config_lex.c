/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration text, cut into tokens: words, "strings", braces, separators; # comments. */
#include "core/config_parser.h"

#include "lib/string.h"

/* The next character; the end of the text ends its last line. */
static char lex_peek(const struct config_lexer *lexer)
{
    return lexer->next < lexer->end ? *lexer->next : '\n';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r'; /* files from Windows end their lines in \r\n */
}

static bool is_control(char c)
{
    return (c >= 0 && c < ' ') || c == 0x7f;
}

static void lex_skip_blanks(struct config_lexer *lexer)
{
    while (is_blank(lex_peek(lexer)))
        lexer->next++;
    if (lex_peek(lexer) == '#')
        while (lex_peek(lexer) != '\n')
            lexer->next++;
}

/* The token begins at TEXT, which is in the line being read. */
static void lex_begin(const struct config_lexer *lexer, struct config_token *token,
                      enum config_token_kind kind, const char *text)
{
    token->kind = kind;
    token->text = text;
    token->at = (struct config_position){lexer->line, (unsigned)(text - lexer->line_start) + 1};
}

/* Of what is wrong in a string the first is noted; the rest is read so that its quotes pair up. */
static void lex_string(struct config_lexer *lexer, struct config_token *token)
{
    const char *quote = lexer->next++;
    for (char c; (c = lex_peek(lexer)) != '"' && c != '\n';) {
        const char *text = lexer->next++;
        bool escape = c == '\\' && (lex_peek(lexer) == '"' || lex_peek(lexer) == '\\');
        if (escape)
            lexer->next++;
        else if (token->kind == CONFIG_TOKEN_STRING && (is_control(c) || c == '\\'))
            lex_begin(lexer, token, c == '\\' ? CONFIG_TOKEN_BAD_ESCAPE : CONFIG_TOKEN_BAD_BYTE,
                      text);
    }
    if (lex_peek(lexer) != '"' && token->kind == CONFIG_TOKEN_STRING)
        token->kind = CONFIG_TOKEN_BAD_STRING;
    if (token->kind == CONFIG_TOKEN_STRING)
        token->text = quote + 1;
    token->length = (size_t)(lexer->next - token->text);
    if (lex_peek(lexer) == '"')
        lexer->next++;
}

static enum config_token_kind lex_kind(char c)
{
    switch (c) {
    case '"':
        return CONFIG_TOKEN_STRING;
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

static bool ends_word(char c)
{
    return is_blank(c) || c == '#' || lex_kind(c) != CONFIG_TOKEN_WORD;
}

void config_lex_next(struct config_lexer *lexer, struct config_token *token)
{
    lex_skip_blanks(lexer);
    const char *text = lexer->next;
    lex_begin(lexer, token, lex_kind(lex_peek(lexer)), text);
    if (token->kind == CONFIG_TOKEN_STRING) {
        lex_string(lexer, token);
        return;
    }
    if (text == lexer->end)
        token->kind = CONFIG_TOKEN_END;
    else
        lexer->next++;
    while (token->kind == CONFIG_TOKEN_WORD && !ends_word(lex_peek(lexer)))
        lexer->next++;
    token->length = (size_t)(lexer->next - text);
    if (token->kind == CONFIG_TOKEN_LINE) {
        lexer->line_start = lexer->next;
        lexer->line++;
    }
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

struct config_shown config_token_show(const struct config_token *token)
{
    struct config_shown shown = {""};
    bool fits = token->length < sizeof(shown.text);
    memcpy(shown.text, token->text, fits ? token->length : sizeof(shown.text) - 4);
    if (!fits)
        memcpy(shown.text + sizeof(shown.text) - 4, "...", 4);
    return shown;
}
