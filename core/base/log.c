#include "core/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/base/clock.h"

/* Longer lines are cut. Below PIPE_BUF, so that lines of several threads never mix when standard error is a
 * pipe. */
#define LINE_MAX_BYTES 2048
#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char *const level_names[] = {"debug", "info", "notice", "warning", "error"};
static atomic_int lowest_level = LEVEL_INFO;

void log_set_level(enum log_level lowest)
{
    atomic_store_explicit(&lowest_level, (int)lowest, memory_order_relaxed);
}

int log_level_from_name(const char *name)
{
    for (size_t i = 0; i < COUNT(level_names); i++) {
        if (strcasecmp(name, level_names[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* Appends `text` to line[at…], with control characters as \xNN; a byte is kept for the newline. Returns the
 * new end. */
static size_t append_escaped(char line[LINE_MAX_BYTES], size_t at, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (; *text != '\0' && at + 5 < LINE_MAX_BYTES; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f) {
            line[at++] = '\\';
            line[at++] = 'x';
            line[at++] = digits[c >> 4];
            line[at++] = digits[c & 15];
        } else {
            line[at++] = (char)c;
        }
    }
    return at;
}

void log_event(enum log_level level, const char *module, const char *call, const char *format, ...)
{
    if ((int)level < atomic_load_explicit(&lowest_level, memory_order_relaxed)) {
        return;
    }
    int64_t now = clock_wall_us();
    char line[LINE_MAX_BYTES];
    size_t at = (size_t)snprintf(line, sizeof line, "%s.%06dZ %s %s ", clock_text((time_t)(now / 1000000)),
                                 (int)(now % 1000000), level_names[level], module);
    if (call != NULL) {
        at = append_escaped(line, at, "call=");
        at = append_escaped(line, at, call);
        at = append_escaped(line, at, " ");
    }
    char text[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    at = append_escaped(line, at, text);
    line[at++] = '\n';

    /* One write a line; whoever reads a log that is full or closed has lost the line, not we the call. */
    int saved = errno;
    ssize_t written = write(STDERR_FILENO, line, at);
    (void)written;
    errno = saved;
}
