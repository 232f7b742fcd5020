/*
 * libmicrohttpd's side of a request: what only its thread calls.
 *
 * Ownership: as core/control/internal.h says. Threads: libmicrohttpd's. Failure: none.
 */
#ifndef CONFAB_CONTROL_HTTP_H
#define CONFAB_CONTROL_HTTP_H

#include "core/control/internal.h"

#include <microhttpd.h>

void exchange_free(struct exchange *exchange);

#endif
