/* The list of applications: what confab.conf may name. */
#include "apps/apps.h"

#include <stddef.h>

const struct app *const applications[] = {
    &announcement_app, &conference_app, &echo_app, &http_app,      &ivr_app, &park_app,
    &pickup_app,       &redial_app,     &tag_app,  &voicemail_app, NULL,
};
