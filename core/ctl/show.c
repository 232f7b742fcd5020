/* What people see of an answer, and what they type that nobody else may see. */
#include "core/ctl/ctl.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define CELL 64
#define COLUMNS_MAX 12
#define GAP 2

void complain(const char *format, ...)
{
    va_list args;

    fputs("confabctl: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

enum exit_code outcome(int error, const char *missing)
{
    switch (error) {
    case 0:
        return DONE;
    case ENOENT:
        complain("%s", missing);
        return NOTHING;
    case EEXIST:
        complain("it is there already");
        return NOTHING;
    case ESRCH:
        complain("that mailbox does not exist");
        return NOTHING;
    case EINVAL:
        complain(
            "a value was refused: too long, no such time zone or role, or a PIN that is not 6 to 16 digits");
        return USAGE;
    case EPERM:
        complain("that PIN is too easy to guess, or was used before");
        return USAGE;
    default:
        complain("the database does not answer as it should: %s", strerror(error));
        return TROUBLE;
    }
}

void json_print(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
}

const char *json_word(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

/* -- tables --------------------------------------------------------------------------------------------- */

int seconds_text(char *out, size_t size, const json_t *value)
{
    return snprintf(out, size, "%.1f", (double)json_integer_value(value) / 1000);
}

int moment_text(char *out, size_t size, const json_t *value)
{
    const char *text = json_string_value(value);
    struct tm utc = {0}, local;
    time_t when;

    if (text == NULL || strptime(text, "%Y-%m-%dT%H:%M:%S", &utc) == NULL) {
        return snprintf(out, size, "-");
    }
    when = timegm(&utc);
    localtime_r(&when, &local);
    return (int)strftime(out, size, "%Y-%m-%d %H:%M:%S", &local);
}

static void value_text(char *out, size_t size, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        snprintf(out, size, "%s", json_string_value(value));
        break;
    case JSON_INTEGER:
        snprintf(out, size, "%lld", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        snprintf(out, size, "%.1f", json_real_value(value));
        break;
    case JSON_TRUE:
        snprintf(out, size, "yes");
        break;
    case JSON_ARRAY:
        snprintf(out, size, "%zu", json_array_size(value));
        break;
    default:
        snprintf(out, size, "-");
    }
}

static void cell_text(char out[CELL], const json_t *row, const struct column *column)
{
    const json_t *value = json_object_get(row, column->key);

    if (value == NULL) {
        snprintf(out, CELL, "-");
    } else if (column->text != NULL) {
        (void)column->text(out, CELL, value);
    } else {
        value_text(out, CELL, value);
    }
    for (char *c = out; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F) {
            *c = '?';
        }
    }
}

/* Characters, not bytes: a first byte is none of 10xxxxxx. */
static int text_width(const char *text)
{
    int width = 0;

    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return width;
}

static void cell_print(FILE *to, const char *text, int width, bool last)
{
    int pad = last ? 0 : width + GAP - text_width(text);

    fprintf(to, "%s%*s%s", text, pad, "", last ? "\n" : "");
}

void table_print(FILE *to, const json_t *rows, const struct column *columns, size_t most)
{
    int widths[COLUMNS_MAX];
    char cell[CELL];
    const json_t *row;
    size_t i, count = 0;

    for (; count < COLUMNS_MAX && columns[count].title != NULL; count++) {
        widths[count] = text_width(columns[count].title);
        json_array_foreach(rows, i, row)
        {
            cell_text(cell, row, &columns[count]);
            widths[count] = text_width(cell) > widths[count] ? text_width(cell) : widths[count];
        }
    }
    for (size_t c = 0; c < count; c++) {
        cell_print(to, columns[c].title, widths[c], c + 1 == count);
    }
    json_array_foreach(rows, i, row)
    {
        for (size_t c = 0; c < count && (most == 0 || i < most); c++) {
            cell_text(cell, row, &columns[c]);
            cell_print(to, cell, widths[c], c + 1 == count);
        }
    }
}

/* -- secrets -------------------------------------------------------------------------------------------- */

static bool line_read(char *out, size_t size)
{
    if (fgets(out, (int)size, stdin) == NULL) {
        return false;
    }
    /* One that was cut would be another. */
    if (strchr(out, '\n') == NULL && !feof(stdin)) {
        return false;
    }
    out[strcspn(out, "\r\n")] = '\0';
    return out[0] != '\0';
}

static void interrupt_note(int number)
{
    (void)number; /* the read ends with EINTR, and the terminal is set right */
}

/* Silent before it asks: what is typed at once must be neither shown nor thrown away. */
static bool line_ask(char *out, size_t size, const char *prompt, const char *what)
{
    const struct sigaction note = {.sa_handler = interrupt_note};
    struct sigaction before;
    struct termios old, silent;
    bool there;

    if (tcgetattr(STDIN_FILENO, &old) != 0) {
        return false;
    }
    silent = old;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    sigaction(SIGINT, &note, &before);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &silent);
    fprintf(stderr, "%s %s: ", prompt, what);
    there = line_read(out, size);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &old);
    sigaction(SIGINT, &before, NULL);
    fputc('\n', stderr);
    return there;
}

bool secret_read(char *out, size_t size, const char *what)
{
    char again[256] = "";
    bool same;

    if (!isatty(STDIN_FILENO)) {
        if (!line_read(out, size)) {
            complain("stdin has no line with the %s", what);
            return false;
        }
        return true;
    }
    same = line_ask(out, size, "New", what) && line_ask(again, sizeof again, "Again the", what) &&
           strcmp(out, again) == 0;
    explicit_bzero(again, sizeof again);
    if (!same) {
        complain("nothing was changed: that was not the same %s twice", what);
    }
    return same;
}
