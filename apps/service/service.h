/*
 * What the small services share: their parameters, and the callers and numbers that these name.
 *
 * Ownership: values that are returned belong to the parameters. Threads: signalling. Failure: a parameter
 * that is missing or of another kind is taken for one that was not given.
 */
#ifndef CONFAB_APPS_SERVICE_H
#define CONFAB_APPS_SERVICE_H

#include "apps/apps.h"
#include "core/base/log.h"
#include "storage/subscriber.h"

/* "" without it. `service` may be NULL in all of these. */
const char *service_text(const json_t *service, const char *key);
long service_number(const json_t *service, const char *key, long otherwise);
bool service_truth(const json_t *service, const char *key);
/* Whether `text` may be dialled: what a phone sends, and short enough. */
bool number_is_dialable(const char *text);

#endif
