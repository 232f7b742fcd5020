/* Tables that sqlite3 or psql has written: JSON, or CSV (RFC 4180) with the columns' names in its first line.
 */
#include "core/import_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- CSV
 * --------------------------------------------------------------------------------------------------------------
 */

/* Reads one field to its end, which is ',' '\n' or EOF: returned. EINVAL or ENOMEM in *error. */
static int field_read(FILE *file, json_t **out, int *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *field = open_memstream(&text, &size);
    bool quoted = false;
    int c;

    if (field == NULL) {
        *error = ENOMEM;
        return EOF;
    }
    while ((c = getc(file)) != EOF && (quoted || (c != ',' && c != '\n'))) {
        if (c != '"') {
            if (c != '\r' || quoted) {
                putc(c, field);
            }
        } else if (quoted && (c = getc(file)) != '"') {
            quoted = false;
            ungetc(c, file);
        } else if (quoted) {
            putc('"', field);
        } else {
            quoted = true;
        }
    }
    fclose(field);
    *out = json_string(text);
    free(text);
    if (*out == NULL || quoted) {
        *error = EINVAL;
    }
    return c;
}

/* One line as an array; NULL at the end. */
static json_t *line_read(FILE *file, int *error)
{
    json_t *line = json_array(), *field = NULL;
    int c = getc(file);

    if (c == EOF) {
        json_decref(line);
        return NULL;
    }
    ungetc(c, file);
    do {
        c = field_read(file, &field, error);
        json_array_append_new(line, field);
        field = NULL;
    } while (c == ',' && *error == 0);
    return line;
}

static int csv_read(json_t **out, FILE *file)
{
    int error = 0;
    json_t *rows = json_array(), *names = line_read(file, &error);

    for (json_t *line; error == 0 && (line = line_read(file, &error)) != NULL; json_decref(line)) {
        json_t *row = json_object(), *field;
        size_t i;

        json_array_foreach(line, i, field)
        {
            const char *name = json_string_value(json_array_get(names, i));

            if (name != NULL) {
                json_object_set(row, name, field);
            }
        }
        json_array_append_new(rows, row);
    }
    json_decref(names);
    if (error != 0) {
        json_decref(rows);
        return error;
    }
    *out = rows;
    return 0;
}

/* -- JSON
 * -------------------------------------------------------------------------------------------------------------
 */

/* `sqlite3 -json` writes nothing at all for a table without rows. */
static int json_read(json_t **out, FILE *file)
{
    int c = getc(file);

    ungetc(c, file);
    *out = c == EOF ? json_array() : json_loadf(file, 0, NULL);
    if (json_is_array(*out)) {
        return 0;
    }
    json_decref(*out);
    *out = NULL;
    return EINVAL;
}

int table_read(json_t **out, const char *folder, const char *name)
{
    static const struct {
        const char *ending;
        int (*read)(json_t **out, FILE *file);
    } kinds[] = {{"json", json_read}, {"csv", csv_read}};

    for (size_t i = 0; i < 2; i++) {
        char path[1024];

        snprintf(path, sizeof path, "%s/%s.%s", folder, name, kinds[i].ending);
        FILE *file = fopen(path, "re");
        if (file != NULL) {
            int error = kinds[i].read(out, file);

            if (error != 0) {
                move_note(path, "cannot be read");
            }
            fclose(file);
            return error;
        }
    }
    return ENOENT;
}

const char *table_text(const json_t *row, const char *column)
{
    const char *text = json_string_value(json_object_get(row, column));

    return text != NULL ? text : "";
}

long long table_number(const json_t *row, const char *column)
{
    const json_t *value = json_object_get(row, column);

    return json_is_integer(value) ? json_integer_value(value) : strtoll(table_text(row, column), NULL, 10);
}
