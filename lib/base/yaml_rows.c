/* Paths: where the reader stands, and where a row of a table belongs; see yaml_table.h. */
#include "lib/base/yaml_table.h"

#include <stdio.h>

size_t
yaml_path_enter(struct yaml_reader *r, const char *part)
{
	size_t before = strlen(r->path);

	snprintf(r->path + before, sizeof(r->path) - before, "%s%s", before > 0 ? "." : "", part);
	return before;
}

size_t
yaml_path_enter_element(struct yaml_reader *r, size_t index)
{
	char part[24];

	snprintf(part, sizeof(part), "%zu", index);
	return yaml_path_enter(r, part);
}

void
yaml_path_leave(struct yaml_reader *r, size_t before)
{
	r->path[before] = '\0';
}

/* Whether the first n octets of a row's path are the given path. */
static bool
is_path(const char *pattern, size_t n, const char *path)
{
	const char *end = pattern + n;

	while (pattern < end && *path != '\0') {
		size_t p = strcspn(pattern, "."), q = strcspn(path, ".");

		p = p < (size_t)(end - pattern) ? p : (size_t)(end - pattern);
		if (!(p == 1 && *pattern == '*') && (p != q || memcmp(pattern, path, p) != 0))
			return false;
		pattern += p + (pattern + p < end);
		path += q + (path[q] == '.');
	}
	return pattern == end && *path == '\0';
}

const char *
yaml_row_key(const struct yaml_row *row)
{
	const char *dot = strrchr(row->path, '.');

	return dot != NULL ? dot + 1 : row->path;
}

bool
yaml_row_is_key(const struct yaml_row *row, const char *path)
{
	const char *dot = strrchr(row->path, '.');

	return is_path(row->path, dot != NULL ? (size_t)(dot - row->path) : 0, path);
}

bool
yaml_row_is_member(const struct yaml_row *row, const char *path)
{
	const char *star = strrchr(row->path, '*');

	return is_path(row->path, star != NULL ? (size_t)(star + 1 - row->path) : 0, path);
}
