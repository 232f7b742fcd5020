/*
 * What the files of the settings share: the grammar of patterns and address blocks, and the links.
 *
 * Ownership: values. Threads: any. Failure: a fault comes back as the words for it.
 */
#ifndef CONFAB_BASE_SETTINGS_INTERNAL_H
#define CONFAB_BASE_SETTINGS_INTERNAL_H

#include "core/base/settings.h"

/* NULL when the text is a pattern of the number plan; else what is wrong with it. */
const char *pattern_fault(const char *pattern);

/* NULL when the text is an address or ADDRESS/BITS; else what is wrong with it. */
const char *block_fault(const char *block);

/* -- settings.c */

struct cfg_t;
/* The line on which the section that ends at `last` began; `title` may be NULL. */
int section_line(int last, const char *name, const char *title);

/* A fault of the file that is being loaded. */
__attribute__((format(printf, 2, 3))) void settings_complain(int line, const char *format, ...);

/* -- settings_keys.c: the table of keys */

/* NULL: no memory. Without functions of its own for faults and for sections as a whole. */
struct cfg_t *keys_parser(void);
/* Copies the plain keys of the table to their fields. */
void keys_fill(struct settings *s, struct cfg_t *cfg);
const char *realm_fault(const char *text);

/* -- settings_http.c */

const char *origin_fault(const char *text);
const char *host_fault(const char *text);
__attribute__((warn_unused_result)) int http_fill(struct settings *s, struct cfg_t *cfg);

/* -- settings_menus.c: menus of keys */

__attribute__((warn_unused_result)) int menus_fill(struct settings *s, struct cfg_t *cfg);
void menus_free(struct settings *s);
/* A section "menu", here or in a map; what there is of it is freed also after ENOMEM. */
__attribute__((warn_unused_result)) int menu_fill(struct menu_settings *menu, struct cfg_t *section);
void menu_free(struct menu_settings *menu);

/* -- settings_keymaps.c: the keys of voicemail */

__attribute__((warn_unused_result)) int keymaps_fill(struct settings *s, struct cfg_t *cfg);
void keymaps_free(struct settings *s);

/* -- settings_links.c: links of the service path */

#define LINK_DEADLINE_MS 5000
#define LINK_BREAKER_FAILURES 5
#define LINK_BREAKER_S 30
const char *region_fault(const char *text);
const char *on_fail_fault(const char *text);
const char *on_fail_late_fault(const char *text);
const char *test_hook_fault(const char *text);
/* The values of a LIST; *out is the caller's to free(), they are the parser's. ENOMEM. */
__attribute__((warn_unused_result)) int list_fill(char ***out, size_t *count, struct cfg_t *section,
                                                  const char *key);
bool link_is_built_in(const char *name);
__attribute__((warn_unused_result)) int links_fill(struct settings *s, struct cfg_t *cfg);
void link_release(struct link_settings *link);
void links_free(struct settings *s);

#endif
