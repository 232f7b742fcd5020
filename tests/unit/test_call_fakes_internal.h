/*
 * What the files of test_call_fakes share: the words that they write down.
 */
#ifndef CONFAB_TEST_CALL_FAKES_INTERNAL_H
#define CONFAB_TEST_CALL_FAKES_INTERNAL_H

#include "tests/unit/test_call_fakes.h"

__attribute__((format(printf, 3, 4))) void fake_note(char *log, size_t size, const char *format, ...);
#define NOTE(log, ...) fake_note(log, sizeof(log), " " __VA_ARGS__)

void fake_sip_begin(void);
void fake_mixer_begin(void);
void fake_mixer_end(void);

#endif
