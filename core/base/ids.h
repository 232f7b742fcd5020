/*
 * Names that cannot be guessed, and tickets for replies that may come too late.
 *
 * Ownership: values. Threads: any. Failure: none (getrandom(2) cannot fail for these sizes).
 */
#ifndef CONFAB_BASE_IDS_H
#define CONFAB_BASE_IDS_H

#include <stddef.h>
#include <stdint.h>

#define UUID_TEXT 37 /* "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx" and the NUL */

/* A random (version 4) UUID as text, RFC 9562 §5.4. */
void uuid_make(char out[UUID_TEXT]);

/* Bytes that nobody can guess: keys. */
void random_fill(void *out, size_t bytes);
/* 2 * bytes hexadecimal digits and a NUL. */
void random_hex(char *out, size_t bytes);
uint32_t random_below(uint32_t limit); /* 0 … limit - 1 */

/*
 * Who waits for a reply: the owner's id and the owner's epoch at the time of asking. Whoever receives the reply
 * looks the owner up by id and drops the reply when he is gone or his epoch has moved on.
 */
struct ticket {
    uint64_t owner;
    uint32_t epoch;
};

#endif
