/* The one place that says whether a mailbox may call a number: every way out of a visit asks here first. */
#include "apps/voicemail/voicemail.h"

#include <string.h>

#define DIAL_OUT_MAX 32 /* patterns; what comes after them is not allowed */

/*
 * Off unless the mailbox has patterns: who guesses a PIN must not get a telephone with it. Digits alone, as
 * the number comes from a caller's From or from keys, and is to be no URI. Emergency numbers are called from
 * phones, which are somewhere, and not from mailboxes.
 */
bool dial_out_allowed(const struct mailbox *box, const struct settings *settings, const char *number)
{
    char text[sizeof box->dial_out], *patterns[DIAL_OUT_MAX], *next = text;
    size_t count = 0, digits = strspn(number + (*number == '+'), "0123456789");

    if (digits == 0 || number[(*number == '+') + digits] || settings_is_emergency(settings, number))
        return false;
    strcpy(text, box->dial_out);
    for (char *word; count < DIAL_OUT_MAX && (word = strsep(&next, " ")) != NULL;)
        if (*word)
            patterns[count++] = word;
    return count > 0 && settings_any_pattern(patterns, count, number);
}
