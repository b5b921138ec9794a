/*
 * Strict YAML files: configuration, profiles and ceremony plans come through here, each with its
 * own libcyaml schema. Every refusal reads "FILE:LINE: what is wrong; what is allowed".
 *
 * Stricter than libcyaml alone: a doubled key, an alias, a second document, an unknown key, an
 * integer that is not plain decimal and a boolean other than true or false are refused.
 */
#ifndef CHANCERY_BASE_YAML_H
#define CHANCERY_BASE_YAML_H

#include <cyaml/cyaml.h>

#include "lib/base/bytes.h"
#include "lib/base/err.h"

enum { YAML_SIZE_MAX = 1 << 20, YAML_DEPTH_MAX = 16, YAML_NODE_MAX = 65536 };

/* What to say about a key that somebody will try although it is not in the schema ("hsm.pin");
 * sequence indexes in the path are written "*" ("issuers.*.pin"). Ends with a NULL path. */
struct yaml_hint {
	const char *path, *text;
};

/* The places of a loaded file: which key stands on which line. */
struct yaml_doc;

/*
 * Reads the file and fills *data as cyaml_load_data() would; schema is a CYAML_VALUE_MAPPING with
 * CYAML_FLAG_POINTER. hints may be NULL. Free *data with yaml_data_free() and *doc with
 * yaml_doc_free(). ERR_NOTFOUND when there is no such file, ERR_INVALID for its content, ERR_LIMIT
 * for its size.
 */
enum err yaml_load_checked(const char *path, const struct cyaml_schema_value *schema,
	const struct yaml_hint *hints, void **data, struct yaml_doc **doc) MUST_CHECK;
/* The same for text already in memory; name stands for the file's name in reasons. */
enum err
yaml_parse_checked(const char *name, struct bytes text, const struct cyaml_schema_value *schema,
	const struct yaml_hint *hints, void **data, struct yaml_doc **doc) MUST_CHECK;
/* Not yaml_free(): libyaml exports that name and would call ours. */
void yaml_data_free(const struct cyaml_schema_value *schema, void *data);
void yaml_doc_free(struct yaml_doc *doc);

/* The name the file was loaded under. */
const char *yaml_name(const struct yaml_doc *doc);
/* Line of a key or list element ("profiles.3.lifetime"), or of the nearest thing around it that the
 * file has. */
unsigned yaml_line(const struct yaml_doc *doc, const char *path);
/* Whether the file itself has it, rather than a default. */
bool yaml_present(const struct yaml_doc *doc, const char *path);
/* err_set(ERR_INVALID, "FILE:LINE: " ...) for the value at path. */
enum err yaml_refuse(const struct yaml_doc *doc, const char *path, const char *fmt, ...)
	PRINTF_LIKE(3, 4) MUST_CHECK;

AUTO_STRUCT_DEFINE(yaml_doc, yaml_doc_free)

#endif
