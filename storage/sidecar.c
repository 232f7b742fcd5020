/*
 * The record beside the body: who left it, for whom, when. JSON, as an administrator may have to read it one
 * day.
 */
#include "storage/deposits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#define SIDECAR_MAX 65536

static const char *const kind_names[] = {[DEPOSIT_VOICE] = "voice", [DEPOSIT_FAX] = "fax"};

static char *sidecar_encode(const struct deposit *d)
{
    json_t *json =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:b, s:b, s:b, s:s, s:s, s:s}", "format", 1,
                  "id", d->id, "mailbox", d->mailbox, "caller", d->caller, "caller_name", d->caller_name,
                  "call", d->call, "cause", cause_names[d->cause], "started_us", (json_int_t)d->started_us,
                  "urgent", d->marks & DEPOSIT_URGENT, "private", d->marks & DEPOSIT_PRIVATE, "receipt",
                  d->marks & DEPOSIT_RECEIPT, "cut", d->marks & DEPOSIT_CUT, "continues", d->continues,
                  "kind", kind_names[d->kind], "sender", d->sender);
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    return text;
}

/* A new file under another name, synced, then renamed: at no moment is there half a sidecar. The folder is
 * synced too, or a power cut could take the name away. */
int sidecar_write(int folder, const struct deposit *deposit)
{
    char name[SPOOL_NAME], fresh[SPOOL_NAME];
    char *text = sidecar_encode(deposit);
    int error = 0;

    if (text == NULL) {
        return ENOMEM;
    }
    spool_name(name, deposit->id, ".json");
    spool_name(fresh, deposit->id, ".json.tmp");
    int fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        error = disk_error(errno);
        goto out;
    }
    size_t length = strlen(text);
    ssize_t put = write(fd, text, length);
    if (put != (ssize_t)length) {
        error = put < 0 ? disk_error(errno) : ENOSPC; /* a short write to a file: no room for the rest */
    } else if (fsync(fd) != 0) {
        error = disk_error(errno);
    }
    close(fd);
    if (error == 0 && (renameat(folder, fresh, folder, name) != 0 || fsync(folder) != 0)) {
        error = disk_error(errno);
    }
    if (error != 0) {
        unlinkat(folder, fresh, 0);
    }
out:
    free(text);
    return error;
}

/*
 * EINVAL for anything that sidecar_write() did not write. Texts were made fit before they were written; they
 * are again here, as a file on disk may have been through other hands.
 */
static int sidecar_decode(struct deposit *out, const char *text)
{
    const char *id, *mailbox, *caller, *name, *call, *cause, *continues = "", *kind = "voice", *sender = "";
    json_int_t started;
    int urgent, confidential = 0, receipt = 0, cut = 0, error = EINVAL;
    json_t *json = json_loads(text, 0, NULL);

    if (json == NULL ||
        json_unpack(json, "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:b, s?b, s?b, s?b, s?s, s?s, s?s}", "id", &id,
                    "mailbox", &mailbox, "caller", &caller, "caller_name", &name, "call", &call, "cause",
                    &cause, "started_us", &started, "urgent", &urgent, "private", &confidential, "receipt",
                    &receipt, "cut", &cut, "continues", &continues, "kind", &kind, "sender", &sender) != 0) {
        goto out;
    }
    memset(out, 0, sizeof *out);
    text_copy(out->id, sizeof out->id, id);
    text_copy(out->mailbox, sizeof out->mailbox, mailbox);
    text_copy(out->caller, sizeof out->caller, caller);
    text_copy(out->caller_name, sizeof out->caller_name, name);
    text_copy(out->call, sizeof out->call, call);
    out->started_us = started;
    out->marks = (urgent ? DEPOSIT_URGENT : 0) | (confidential ? DEPOSIT_PRIVATE : 0) |
                 (receipt ? DEPOSIT_RECEIPT : 0) | (cut ? DEPOSIT_CUT : 0);
    text_copy(out->continues, sizeof out->continues, continues);
    text_copy(out->sender, sizeof out->sender, sender);
    out->kind = strcmp(kind, kind_names[DEPOSIT_FAX]) == 0 ? DEPOSIT_FAX : DEPOSIT_VOICE;
    for (int i = 0; i <= DEPOSIT_DIRECT; i++) {
        if (strcmp(cause, cause_names[i]) == 0) {
            out->cause = (enum deposit_cause)i;
            error = 0;
        }
    }
out:
    json_decref(json);
    return error;
}

int sidecar_read(struct deposit *out, int folder, const char *id)
{
    char name[SPOOL_NAME], *text = calloc(1, SIDECAR_MAX);
    int error;

    if (text == NULL) {
        return ENOMEM;
    }
    spool_name(name, id, ".json");
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        error = errno == ENOENT ? ENOENT : EIO;
        goto out;
    }
    /* A regular file that small comes in one read. */
    ssize_t got = read(fd, text, SIDECAR_MAX - 1);
    close(fd);
    error = got < 0 ? EIO : sidecar_decode(out, text);
    if (error == 0 && strcmp(out->id, id) != 0) {
        error = EINVAL;
    }
out:
    free(text);
    return error;
}
