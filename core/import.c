/* A move: what every importer does with a mailbox, a greeting or a message that it has read, and the report.
 */
#include "core/import_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int move_begin(struct move *move, const struct settings *settings, const struct import_order *order)
{
    *move = (struct move){.order = order, .boxes = json_object()};
    move->error = move->boxes == NULL ? ENOMEM : importer_open(&move->importer, settings, order->dry);
    return move->error;
}

static void tally_print(const struct move *move, const char *what, const struct tally *tally)
{
    printf("%s: %u %s, %u there already, %u left out\n", what, tally->taken,
           move->order->dry ? "would be taken" : "taken", tally->there, tally->left);
}

int move_end(struct move *move)
{
    if (move->importer != NULL) {
        tally_print(move, "mailboxes", &move->mailboxes);
        tally_print(move, "greetings", &move->greetings);
        tally_print(move, "messages", &move->messages);
    }
    importer_close(move->importer);
    json_decref(move->boxes);
    if (move->error != 0) {
        return move->error;
    }
    return move->mailboxes.left + move->greetings.left + move->messages.left > 0 ? ENODATA : 0;
}

bool move_wants(const struct move *move, const char *context)
{
    return move->order->context == NULL || strcmp(move->order->context, context) == 0;
}

void move_note(const char *place, const char *format, ...)
{
    va_list args;

    printf("%s: ", place);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

/* What storage said of one thing; true when it is there now. */
static bool move_count(struct move *move, struct tally *tally, const char *place, int error)
{
    switch (error) {
    case 0:
        tally->taken++;
        return true;
    case EEXIST:
        tally->there++;
        return true;
    case ENOTCONN:
    case ENOMEM:
    case EIO:
        move->error = error;
        move_note(place, "the import ends here: %s", strerror(error));
        return false;
    case EINVAL:
        move_note(place, "left out: not a sound file that can be read");
        break;
    case EFBIG:
        move_note(place, "left out: longer than an hour");
        break;
    default:
        move_note(place, "left out: %s", strerror(error));
    }
    tally->left++;
    return false;
}

bool move_has_mailbox(const struct move *move, const char *number, const char *context)
{
    const char *owner = json_string_value(json_object_get(move->boxes, number));

    return owner != NULL && strcmp(owner, context) == 0;
}

/* What somebody can dial, and no more: it comes from a file's name. */
static bool number_valid(const char *number)
{
    size_t length = strlen(number);

    return length > 0 &&
           strspn(number, "0123456789*#+-_.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == length;
}

bool move_mailbox(struct move *move, const struct import_mailbox *box, const char *context)
{
    const char *owner = json_string_value(json_object_get(move->boxes, box->number));

    if (move->error != 0) {
        return false;
    }
    if (!number_valid(box->number)) {
        move_note(box->number, "left out: no number of a mailbox");
        move->mailboxes.left++;
        return false;
    }
    if (owner != NULL && strcmp(owner, context) != 0) {
        char refused[160]; /* told once, however often it comes; '@' is in no number */

        snprintf(refused, sizeof refused, "%s@%s", box->number, context);
        if (json_object_get(move->boxes, refused) != NULL) {
            return false;
        }
        json_object_set_new(move->boxes, refused, json_true());
        move_note(box->number, "left out: mailbox of \"%s\", and \"%s\" has one of the same number", context,
                  owner);
        move->mailboxes.left++;
        return false;
    }
    if (owner != NULL) {
        return true;
    }
    int error = import_mailbox(move->importer, box);
    if (!move_count(move, &move->mailboxes, box->number, error)) {
        return false;
    }
    if (error == 0 && box->pin[0] == '\0') {
        move_note(box->number, "has no PIN of 1 to %d digits: nobody can log in until one is set", PIN_MAX);
    }
    json_object_set_new(move->boxes, box->number, json_string(context));
    return true;
}

void move_greeting(struct move *move, const char *mailbox, enum greeting_kind kind, const char *path)
{
    if (move->error == 0) {
        move_count(move, &move->greetings, path, import_greeting(move->importer, mailbox, kind, path));
    }
}

void move_message(struct move *move, const struct import_message *message)
{
    if (move->error == 0) {
        move_count(move, &move->messages, message->path, import_message(move->importer, message));
    }
}

void text_put(char *out, size_t size, const char *text)
{
    size_t length = strnlen(text, size - 1);

    memcpy(out, text, length);
    out[length] = '\0';
}

/* Asterisk marks a PIN that its owner must not change by a '-' before it. */
void pin_put(struct import_mailbox *box, const char *pin)
{
    pin += *pin == '-';
    size_t length = strlen(pin);
    bool good = length <= PIN_MAX && strspn(pin, "0123456789") == length;

    text_put(box->pin, sizeof box->pin, good ? pin : "");
}
