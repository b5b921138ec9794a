/* Inside lib/base: how the reader of a table hands its values around; see yaml.h. */
#ifndef CHANCERY_BASE_YAML_TABLE_H
#define CHANCERY_BASE_YAML_TABLE_H

#include "lib/base/yaml_tree.h"

enum { YAML_PATH_SIZE = 512 };

struct yaml_reader {
	struct arena *arena; /* of the values */
	const char *name;
	const struct yaml_table *table;
	char path[YAML_PATH_SIZE]; /* of the value at hand: "issuers.0.key" */
};

/* The path at hand grows by a key or an index; returns what yaml_path_leave() wants. */
size_t yaml_path_enter(struct yaml_reader *r, const char *part);
size_t yaml_path_enter_element(struct yaml_reader *r, size_t index);
void yaml_path_leave(struct yaml_reader *r, size_t before);

/* The last part of its path; whether it is a key of the mapping at path ("" for the file's own);
 * whether its member lies in the structure of that mapping: the file's, or that of a list's
 * element. Indexes in path may be numbers or "*". */
const char *yaml_row_key(const struct yaml_row *row);
bool yaml_row_is_key(const struct yaml_row *row, const char *path);
bool yaml_row_is_member(const struct yaml_row *row, const char *path);

/* Fills the structure from the tree, defaults included. */
enum err yaml_table_read(struct arena *a, const char *name, const struct yaml_table *t,
	const struct yaml_node *root, void *out) MUST_CHECK;

/* One value of each type into its member; a single one is a scalar without NUL by now. */
typedef enum err (*yaml_value_fn)(
	struct yaml_reader *r, const struct yaml_node *n, const struct yaml_row *row, void *member);
enum err yaml_value_text(struct yaml_reader *r, const struct yaml_node *n,
	const struct yaml_row *row, void *member) MUST_CHECK;
enum err yaml_value_number(struct yaml_reader *r, const struct yaml_node *n,
	const struct yaml_row *row, void *member) MUST_CHECK;
enum err yaml_value_flag(struct yaml_reader *r, const struct yaml_node *n,
	const struct yaml_row *row, void *member) MUST_CHECK;
enum err yaml_value_duration(struct yaml_reader *r, const struct yaml_node *n,
	const struct yaml_row *row, void *member) MUST_CHECK;
enum err yaml_value_word(struct yaml_reader *r, const struct yaml_node *n,
	const struct yaml_row *row, void *member) MUST_CHECK;

/* Lists, into the structure at base. */
enum err yaml_list_check(
	struct yaml_reader *r, const struct yaml_node *n, const struct yaml_row *row) MUST_CHECK;
enum err yaml_list_texts(struct yaml_reader *r, const struct yaml_node *n,
	const struct yaml_row *row, void *base) MUST_CHECK;
enum err yaml_list_set(struct yaml_reader *r, const struct yaml_node *n, const struct yaml_row *row,
	void *base) MUST_CHECK;

/* "FILE:LINE: "PATH" must be ...". */
enum err yaml_must_be(const struct yaml_reader *r, const struct yaml_node *n, const char *fmt, ...)
	PRINTF_LIKE(3, 4) MUST_CHECK;
/* That n says what first, an earlier element of its list, says already. */
enum err yaml_refuse_repeated(const struct yaml_reader *r, const struct yaml_node *n,
	const struct yaml_node *first) MUST_CHECK;

#endif
