/*
 * The console's files: all of them are read at the start, and nothing but what was read then is served. So
 * no path of a request ever reaches the file system.
 *
 * Ownership: files_read() makes, files_free() ends. Threads: any; they never change. Failure: ENOMEM; a
 * folder that is not there has no files.
 */
#ifndef CONFAB_CONTROL_FILES_H
#define CONFAB_CONTROL_FILES_H

#include "core/control/internal.h"

struct files;

CONTROL_CHECK int files_read(struct files **out, const char *folder);
void files_free(struct files *files);
/* False: there is no such file. `wanted`: the tags of If-None-Match. */
bool files_answer(const struct files *files, const char *method, const char *path, const char *wanted,
                  struct answer *answer);

#endif
