/* What a table says about its file, for people: a commented sample, and the part of a manual page
 * that lists every setting. Made while building and by tests, never by the programs. */
#ifndef CHANCERY_BASE_YAML_HELP_H
#define CHANCERY_BASE_YAML_HELP_H

#include "lib/base/buf.h"
#include "lib/base/yaml.h"

/* A file with what must be given, by its example; all else behind "#", by its default, or by its
 * example and "no default". Sections of sections are not for it. */
enum err yaml_sample(const struct yaml_table *t, struct buf *out) MUST_CHECK;
/* man(7): a subsection a section, a paragraph a setting with what it may be and its default. */
enum err yaml_manual(const struct yaml_table *t, struct buf *out) MUST_CHECK;

#endif
