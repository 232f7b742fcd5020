/*
 * Keys as sound: for a far side that has not negotiated telephone-event.
 */
#include "mixer/files.h"

#include <errno.h>
#include <math.h>
#include <spandsp.h>
#include <stdlib.h>
#include <string.h>

/* ITU-T Q.23, sent at -8 and -6 dBm0; the louder upper tone makes good for a line that loses high
 * frequencies. */
#define LOW_AMPLITUDE 8900.0
#define HIGH_AMPLITUDE 11200.0

struct tone_detector {
    dtmf_rx_state_t *rx;
};

int tone_detector_new(struct tone_detector **out)
{
    struct tone_detector *d = calloc(1, sizeof *d);

    if (!d)
        return ENOMEM;
    d->rx = dtmf_rx_init(NULL, NULL, NULL);
    if (!d->rx) {
        free(d);
        return ENOMEM;
    }
    *out = d;
    return 0;
}

void tone_detector_free(struct tone_detector *d)
{
    if (!d)
        return;
    dtmf_rx_free(d->rx);
    free(d);
}

char tone_detect(struct tone_detector *d, const int16_t *frame8k, size_t samples)
{
    char digit[2] = "";

    dtmf_rx(d->rx, frame8k, (int)samples);
    return dtmf_rx_get(d->rx, digit, 1) == 1 ? digit[0] : 0;
}

void digit_tone(char digit, unsigned rate, uint32_t position, int16_t *out, size_t samples)
{
    static const char keys[] = "123A456B789C*0#D";
    static const double low[] = {697, 770, 852, 941}, high[] = {1209, 1336, 1477, 1633};
    const char *key = digit != 0 ? strchr(keys, digit) : NULL;
    double step1, step2;

    if (!key) {
        memset(out, 0, samples * sizeof *out);
        return;
    }
    step1 = 2 * M_PI * low[(key - keys) / 4] / rate;
    step2 = 2 * M_PI * high[(key - keys) % 4] / rate;
    for (size_t i = 0; i < samples; i++) {
        double at = (double)position + (double)i;

        out[i] = (int16_t)(LOW_AMPLITUDE * sin(step1 * at) + HIGH_AMPLITUDE * sin(step2 * at));
    }
}
