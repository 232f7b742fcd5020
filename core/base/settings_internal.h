/*
 * What the two files of the settings share: the grammar of patterns and address blocks.
 *
 * Ownership: values. Threads: any. Failure: a fault comes back as the words for it.
 */
#ifndef CONFAB_BASE_SETTINGS_INTERNAL_H
#define CONFAB_BASE_SETTINGS_INTERNAL_H

/* NULL when the text is a pattern of the number plan; else what is wrong with it. */
const char *pattern_fault(const char *pattern);

/* NULL when the text is an address or ADDRESS/BITS; else what is wrong with it. */
const char *block_fault(const char *block);

#endif
