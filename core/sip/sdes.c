/* The grammar of a=crypto (RFC 4568 §9). */
#include "core/sip/sdes.h"

#include "core/base/ids.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* A decimal number of at most nine digits that fills the text up to `end`; -1 when it is none. */
static long number_read(const char *text, const char *end)
{
    long value = 0;

    if (text == end || end - text > 9)
        return -1;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        value = 10 * value + (*text - '0');
    }
    return value;
}

/*
 * Exactly `size` bytes. Padding may stand behind them or be left out: §6.1 has it discarded, and there are
 * phones that do not write it.
 */
static int base64_read(uint8_t *out, size_t size, const char *text, const char *end)
{
    size_t digits = (4 * size + 2) / 3, padding = (4 - digits % 4) % 4, length = (size_t)(end - text), at = 0;
    uint32_t bits = 0;
    unsigned count = 0;

    if (length != digits && length != digits + padding)
        return EINVAL;
    for (size_t i = 0; i < digits; i++) {
        const char *digit = text[i] ? strchr(alphabet, text[i]) : NULL;

        if (!digit)
            return EINVAL;
        bits = bits << 6 | (uint32_t)(digit - alphabet);
        count += 6;
        if (count >= 8 && at < size) {
            count -= 8;
            out[at++] = (uint8_t)(bits >> count);
        }
    }
    for (size_t i = digits; i < length; i++)
        if (text[i] != '=')
            return EINVAL;
    return at == size ? 0 : EINVAL;
}

static void base64_write(char *out, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t bits = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                        (left > 2 ? bytes[i + 2] : 0);

        *out++ = alphabet[bits >> 18];
        *out++ = alphabet[bits >> 12 & 63];
        *out++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
        *out++ = left > 2 ? alphabet[bits & 63] : '=';
    }
    *out = '\0';
}

/*
 * "2^20" or "1048576": how many packets its sender protects with the key before he changes it himself, so it
 * binds us to nothing. No key lasts for more than 2^48 (RFC 3711 §9.2), or for none.
 */
static bool lifetime_is_sound(const char *text, const char *end)
{
    uint64_t packets = 0;

    if (end - text > 2 && strncmp(text, "2^", 2) == 0) {
        long power = number_read(text + 2, end);

        return power >= 0 && power <= 48;
    }
    if (text == end || end - text > 15)
        return false;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9')
            return false;
        packets = 10 * packets + (uint64_t)(*text - '0');
    }
    return packets > 0 && packets <= UINT64_C(1) << 48;
}

/* "inline:KEY", then perhaps "|LIFETIME". With a ';' a second key would follow, with "|n:n" an identifier. */
static int key_read(struct sdes_line *line, const char *text, const char *end)
{
    static const char method[] = "inline:";
    size_t size = suite_key_length(line->suite) + suite_salt_length(line->suite);
    const char *bar;

    if ((size_t)(end - text) < sizeof method - 1 || strncasecmp(text, method, sizeof method - 1) != 0)
        return EINVAL;
    text += sizeof method - 1;
    bar = memchr(text, '|', (size_t)(end - text));
    if (bar && !lifetime_is_sound(bar + 1, end))
        return EINVAL;
    return base64_read(line->key, size, text, bar ? bar : end);
}

/*
 * A window size is a hint, and what begins with '-' may be passed over (§6.3.6, §6.3.7). All others change
 * the packets, or are not known.
 */
static bool parameter_is_harmless(const char *text, const char *end)
{
    if (*text == '-')
        return end - text > 1;
    return end - text > 4 && strncasecmp(text, "WSH=", 4) == 0 && number_read(text + 4, end) >= 64;
}

/* The next word: *text moves to it, its end is returned; NULL when there is none. */
static const char *word_next(const char **text)
{
    *text += strspn(*text, " \t");
    return **text ? *text + strcspn(*text, " \t") : NULL;
}

int sdes_read(struct sdes_line *out, const char *text)
{
    struct sdes_line line = {0};
    const char *end = word_next(&text);
    char name[32];
    long tag = end ? number_read(text, end) : -1;
    int error = EINVAL;

    if (tag < 1)
        goto out;
    line.tag = (unsigned)tag;
    text = end;
    end = word_next(&text);
    if (!end || (size_t)(end - text) >= sizeof name)
        goto out;
    memcpy(name, text, (size_t)(end - text));
    name[end - text] = '\0';
    line.suite = suite_from_name(name);
    if (line.suite == SUITE_NONE)
        goto out;
    text = end;
    end = word_next(&text);
    if (!end || key_read(&line, text, end) != 0)
        goto out;
    for (text = end; (end = word_next(&text)) != NULL; text = end)
        if (!parameter_is_harmless(text, end))
            goto out;
    *out = line;
    error = 0;
out:
    explicit_bzero(&line, sizeof line);
    return error;
}

void sdes_write(char out[SDES_LINE_TEXT], const struct sdes_line *line)
{
    char key[(SRTP_KEY_MAX + 2) / 3 * 4 + 1];

    base64_write(key, line->key, suite_key_length(line->suite) + suite_salt_length(line->suite));
    snprintf(out, SDES_LINE_TEXT, "a=crypto:%u %s inline:%s\r\n", line->tag, suite_name(line->suite), key);
    explicit_bzero(key, sizeof key);
}

const uint8_t *sdes_keys_get(struct sdes_keys *keys, enum srtp_suite suite)
{
    if (!keys->made[suite])
        random_fill(keys->key[suite], sizeof keys->key[suite]);
    keys->made[suite] = true;
    return keys->key[suite];
}

void sdes_keys_settle(struct sdes_keys *keys, enum srtp_suite suite)
{
    if (keys->used != SUITE_NONE && keys->used != suite) {
        explicit_bzero(keys->key[keys->used], sizeof keys->key[keys->used]);
        keys->made[keys->used] = false;
    }
    keys->used = suite;
}
