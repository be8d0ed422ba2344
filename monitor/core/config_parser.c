/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration parser's common part: statements, values, errors, unknown words. */
#include "core/config_parser.h"

#include "lib/fmt.h"
#include "lib/string.h"

#define WORD_MAX 24u /* longer words resemble none of ours */

void config_parser_next(struct config_parser *parser)
{
    config_lex_next(&parser->lexer, &parser->token);
}

/* The message for a token that is none; returns its length, 0 if the token is sound. */
static size_t describe_bad_token(const struct config_token *token, char *text, size_t size)
{
    switch (token->kind) {
    case CONFIG_TOKEN_BAD_BYTE:
        return fmt_text(text, size, "the byte 0x%02x is not text; remove it",
                        (unsigned char)token->text[0]);
    case CONFIG_TOKEN_BAD_STRING:
        return fmt_text(text, size, "the string does not end on its line; write \" behind it");
    case CONFIG_TOKEN_BAD_ESCAPE:
        return fmt_text(text, size, "a lone \\ stands in the string; write \\\\ for it");
    default:
        return 0;
    }
}

bool config_parser_fail(struct config_parser *parser, struct config_position at, const char *format,
                        ...)
{
    struct config_errors *errors = parser->errors;
    if (parser->vm >= 0)
        config_parser_vm(parser)->spoilt = true;
    if (errors->count++ >= CONFIG_ERRORS_MAX)
        return false;
    struct config_error *error = &errors->list[errors->count - 1];
    size_t length = 0;
    if (parser->vm >= 0)
        length = fmt_text(error->text, sizeof(error->text),
                          "vm \"%s\": ", config_parser_vm(parser)->name);
    error->vm = parser->vm;
    error->at = parser->token.at;
    if (describe_bad_token(&parser->token, error->text + length, sizeof(error->text) - length) != 0)
        return false;
    va_list args;
    va_start(args, format);
    fmt_text_va(error->text + length, sizeof(error->text) - length, format, args);
    va_end(args);
    error->at = at;
    return false;
}

bool config_parser_has_value(const struct config_parser *parser)
{
    return parser->token.kind == CONFIG_TOKEN_WORD || parser->token.kind == CONFIG_TOKEN_STRING;
}

bool config_parser_value(struct config_parser *parser, struct config_token *value)
{
    if (!config_parser_has_value(parser))
        return config_parser_fail(parser, parser->keyword_at,
                                  "%s lacks a value; write for example: %s", parser->keyword->word,
                                  parser->keyword->example);
    *value = parser->token;
    config_parser_next(parser);
    return true;
}

static const struct config_keyword *find_keyword(const struct config_level *level,
                                                 const struct config_token *token)
{
    for (unsigned i = 0; i < level->count; i++)
        if (config_token_is(token, level->keywords[i].word))
            return &level->keywords[i];
    return NULL;
}

/* How many letters must be added, removed or changed to make WORD of TOKEN (Levenshtein). */
static unsigned word_distance(const struct config_token *token, const char *word)
{
    unsigned row[WORD_MAX + 1];
    size_t length = strlen(word);
    if (length > WORD_MAX)
        return UINT32_MAX;
    for (unsigned j = 0; j <= length; j++)
        row[j] = j;
    for (unsigned i = 0; i < token->length; i++) {
        unsigned diagonal = row[0];
        row[0] = i + 1;
        for (unsigned j = 0; j < length; j++) {
            unsigned cost = diagonal + (token->text[i] == word[j] ? 0u : 1u);
            unsigned step = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
            diagonal = row[j + 1];
            row[j + 1] = cost < step ? cost : step;
        }
    }
    return row[length];
}

static const char *nearest_word(const struct config_level *level, const struct config_token *token)
{
    unsigned best = token->length < 4 ? 2 : 3; /* nearer than this is a slip of the finger */
    const char *nearest = NULL;
    for (unsigned i = 0; i < level->count && token->length <= WORD_MAX; i++) {
        unsigned distance = word_distance(token, level->keywords[i].word);
        if (distance < best) {
            best = distance;
            nearest = level->keywords[i].word;
        }
    }
    return nearest;
}

static bool fail_unknown(struct config_parser *parser, const struct config_level *level)
{
    const struct config_token *token = &parser->token;
    char text[40];
    config_token_text(token, text, sizeof(text));
    if (find_keyword(&config_vm_level, token) != NULL)
        return config_parser_fail(
            parser, token->at, "\"%s\" stands outside of a block; write it in vm NAME { }", text);
    if (find_keyword(&config_top_level, token) != NULL)
        return config_parser_fail(parser, token->at,
                                  "\"%s\" stands in a VM's block; write it outside", text);
    const char *nearest = nearest_word(level, token);
    if (nearest != NULL)
        return config_parser_fail(parser, token->at, "\"%s\" is not a keyword; write \"%s\"?", text,
                                  nearest);
    char words[128];
    size_t length = 0;
    for (unsigned i = 0; i < level->count; i++)
        length += fmt_text(words + length, sizeof(words) - length, "%s%s", i == 0 ? "" : ", ",
                           level->keywords[i].word);
    return config_parser_fail(parser, token->at, "\"%s\" is not a keyword; write one of %s", text,
                              words);
}

static bool read_end(struct config_parser *parser)
{
    char text[40];
    switch (parser->token.kind) {
    case CONFIG_TOKEN_LINE:
    case CONFIG_TOKEN_SEMICOLON:
    case CONFIG_TOKEN_CLOSE:
    case CONFIG_TOKEN_END:
        return true;
    default:
        return config_parser_fail(parser, parser->token.at,
                                  "\"%s\" is too much behind %s; write for example: %s",
                                  config_token_text(&parser->token, text, sizeof(text)),
                                  parser->keyword->word, parser->keyword->example);
    }
}

bool config_parser_statement(struct config_parser *parser, const struct config_level *level,
                             uint32_t *seen)
{
    if (!config_parser_has_value(parser))
        return config_parser_fail(parser, parser->token.at, "a \"%s\" is out of place; remove it",
                                  parser->token.kind == CONFIG_TOKEN_OPEN ? "{" : "}");
    const struct config_keyword *keyword = find_keyword(level, &parser->token);
    if (keyword == NULL)
        return fail_unknown(parser, level);
    uint32_t bit = 1u << (keyword - level->keywords);
    if ((*seen & bit) != 0 && keyword->use == CONFIG_USE_ONCE)
        return config_parser_fail(parser, parser->token.at,
                                  "%s is written twice; keep one of the two", keyword->word);
    *seen |= bit;
    parser->keyword = keyword;
    parser->keyword_at = parser->token.at;
    config_parser_next(parser);
    return keyword->read(parser) && (keyword->use == CONFIG_USE_BLOCK || read_end(parser));
}
