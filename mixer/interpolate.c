/*
 * From 16 to 48 kHz: a windowed sinc, made once, for what is played at 48 kHz.
 */
#include "mixer/sound_internal.h"

#include <math.h>
#include <string.h>

#define PHASES 3 /* 48 kHz of 16 */
#define TAPS 16  /* inputs behind each output: their delay is TAPS / 2 samples, 0.5 ms */
#define KAISER_BETA 7.0

static float interpolator[PHASES][TAPS];

static double bessel_i0(double x)
{
    double sum = 1, term = 1;

    for (int k = 1; k < 40; k++) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

/* A windowed sinc at a third of 48 kHz; phase 0 passes the input through, so a sound keeps its samples. */
static void interpolator_make(void)
{
    const double centre = PHASES * TAPS / 2;

    for (int n = 0; n < PHASES * TAPS; n++) {
        double at = n - centre, x = M_PI * at / PHASES, side = at / centre;
        double window = bessel_i0(KAISER_BETA * sqrt(1 - side * side)) / bessel_i0(KAISER_BETA);

        interpolator[n % PHASES][n / PHASES] = (float)((at == 0 ? 1 : sin(x) / x) * window);
    }
}

void interpolate_prepare(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, interpolator_make);
}

void interpolate(int16_t history[INTERPOLATE_HISTORY], const int16_t *in, int16_t *out)
{
    int16_t line[INTERPOLATE_HISTORY + WIDE_FRAME];

    memcpy(line, history, INTERPOLATE_HISTORY * sizeof *line);
    memcpy(line + INTERPOLATE_HISTORY, in, WIDE_FRAME * sizeof *line);
    for (int i = 0; i < WIDE_FRAME; i++) {
        for (int phase = 0; phase < PHASES; phase++) {
            float sum = 0;

            for (int tap = 0; tap < TAPS; tap++)
                sum += interpolator[phase][tap] * line[i + INTERPOLATE_HISTORY - tap];
            *out++ = (int16_t)lrintf(fminf(INT16_MAX, fmaxf(INT16_MIN, sum)));
        }
    }
    memcpy(history, line + WIDE_FRAME, INTERPOLATE_HISTORY * sizeof *line);
}
