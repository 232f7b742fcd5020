/* What the files of the import share. Ownership, threads, failure: storage/import.h. */
#ifndef CONFAB_STORAGE_IMPORT_INTERNAL_H
#define CONFAB_STORAGE_IMPORT_INTERNAL_H

#include "storage/import.h"
#include "storage/rows.h"

/* ENOENT, EACCES, EINVAL no sound that can be read, EFBIG longer than an hour, ENOMEM. */
STORAGE_CHECK int import_sound(struct audio *out, const char *path);

#endif
