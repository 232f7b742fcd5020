/* How much a mailbox still takes: by count, by seconds, by bytes. A quota of 0 is none
 * (sql/0001_initial.sql); messages that were deleted do not count. */
#include "apps/voicemail/voicemail.h"

#define BYTES_PER_S 32000 /* of a wideband message, 16 kHz and 16 bits; others take half of it */
#define ALMOST 90         /* per cent */

static bool quota_reached(uint64_t used, uint64_t most, unsigned percent)
{
    return most != 0 && used * 100 >= most * percent;
}

static bool quota_any(const struct mailbox *box, unsigned percent)
{
    return quota_reached(box->message_count, box->max_messages, percent) ||
           quota_reached(box->seconds, box->max_seconds, percent) ||
           quota_reached(box->bytes, box->max_bytes, percent);
}

bool mailbox_is_full(const struct mailbox *box)
{
    return quota_any(box, 100);
}

bool mailbox_is_almost_full(const struct mailbox *box)
{
    return quota_any(box, ALMOST);
}

static unsigned smaller(unsigned a, uint64_t b)
{
    return b < a ? (unsigned)b : a;
}

/* At least a second: that it is full is said before, not by a beep after a beep. */
unsigned mailbox_longest_s(const struct mailbox *box, const struct settings *settings)
{
    unsigned longest = box->max_message_s ? box->max_message_s : settings->message_max_s;

    if (box->max_seconds)
        longest = smaller(longest, box->max_seconds > box->seconds ? box->max_seconds - box->seconds : 0);
    if (box->max_bytes)
        longest =
            smaller(longest, box->max_bytes > box->bytes ? (box->max_bytes - box->bytes) / BYTES_PER_S : 0);
    return longest ? longest : 1;
}
