/* The list of applications: what confab.conf may name. */
#include "apps/apps.h"

#include <stddef.h>

const struct app *const applications[] = {
    &announcement_app, &callers_app,  &callout_app,   &conference_app, &dnd_app,
    &echo_app,         &features_app, &findme_app,    &forward_app,    &http_app,
    &isc_app,          &ivr_app,      &outgoing_app,  &page_app,       &park_app,
    &pickup_app,       &redial_app,   &screening_app, &tag_app,        &tap_app,
    &voicemail_app,    NULL,
};
