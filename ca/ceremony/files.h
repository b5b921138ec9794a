/* The ceremony's files: bounded reads, outputs that never overwrite, PEM or DER by the file's name.
 */
#ifndef CHANCERY_CA_CEREMONY_FILES_H
#define CHANCERY_CA_CEREMONY_FILES_H

#include "lib/base/arena.h"

enum { FILE_OBJECT_MAX = 1 << 20 };

/* All of a regular file of at most max octets, in the arena. */
enum err file_read(struct arena *a, const char *path, size_t max, struct bytes *out) MUST_CHECK;
/* One object in PEM with this label, or DER. */
enum err file_read_object(
	struct arena *a, const char *path, const char *label, struct bytes *der) MUST_CHECK;
/* Nothing stands at path and its folder can be written: asked before anything irreversible happens.
 * ERR_CONFLICT, ERR_DENIED. */
enum err file_check_new(struct arena *a, const char *path) MUST_CHECK;
/* Creates the file (mode 0644), never over another one, and flushes it to the disk. */
enum err file_create(const char *path, struct bytes content) MUST_CHECK;
/* What goes into the file: DER when its name ends in .der, .cer or .crl, else PEM. */
struct bytes file_encode(struct arena *a, const char *path, const char *label, struct bytes der);
/* The part after the last slash. */
const char *file_base_name(const char *path);

#endif
