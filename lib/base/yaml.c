/* Loading a YAML file: text to tree, tree to structure; and where each value stands. See yaml.h. */
#include "lib/base/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/yaml_table.h"

struct yaml_doc {
	const char *name;
	struct yaml_node *root;
};

static enum err
read_open_file(const char *path, int fd, struct buf *text)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_errno(ERR_INVALID, "%s: cannot be examined", path);
	if (!S_ISREG(st.st_mode))
		return err_set(ERR_INVALID, "%s: not a regular file", path);
	for (;;) {
		uint8_t *room;
		enum err e = buf_reserve(text, 4096, &room);
		ssize_t n;

		if (e != ERR_OK)
			return err_context(e, "%s", path);
		n = read(fd, room, 4096);
		if (n < 0)
			return err_errno(ERR_INVALID, "%s: cannot be read", path);
		if (n == 0)
			return ERR_OK;
		text->len += (size_t)n;
	}
}

static enum err
read_file(const char *path, struct buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* not to hang on a FIFO */
	enum err e;

	if (fd < 0)
		return err_errno(
			errno == ENOENT ? ERR_NOTFOUND : ERR_INVALID, "%s: cannot be opened", path);
	e = read_open_file(path, fd, text);
	close(fd);
	return e;
}

enum err
yaml_read(struct arena *a, const char *name, struct bytes text, const struct yaml_table *t,
	void *out, const struct yaml_doc **doc)
{
	struct yaml_doc *d = arena_alloc(a, sizeof(*d));

	if (text.n > YAML_SIZE_MAX)
		return err_set(ERR_LIMIT, "%s: longer than %d octets", name, YAML_SIZE_MAX);
	d->name = arena_strdup(a, name);
	TRY(yaml_tree_parse(a, d->name, text, &d->root));
	TRY(yaml_table_read(a, d->name, t, d->root, out));
	*doc = d;
	return ERR_OK;
}

enum err
yaml_read_file(struct arena *a, const char *path, const struct yaml_table *t, void *out,
	const struct yaml_doc **doc)
{
	AUTO_BUF(text, YAML_SIZE_MAX + 4096);

	TRY(read_file(path, &text));
	return yaml_read(a, path, buf_bytes(&text), t, out, doc);
}

static const struct yaml_node *
find_part(const struct yaml_node *parent, const char *part, size_t n)
{
	const struct yaml_node *child = parent->first;
	size_t index = 0;

	if (parent->kind == NODE_SEQUENCE) {
		for (size_t wanted = strtoul(part, NULL, 10); child != NULL && index < wanted;
			index++)
			child = child->next;
		return child;
	}
	while (child != NULL && (strlen(child->key) != n || memcmp(child->key, part, n) != 0))
		child = child->next;
	return child;
}

/* The node at path, or the innermost one around it; *rest is what of the path was not found. */
static const struct yaml_node *
walk_path(const struct yaml_doc *doc, const char *path, const char **rest)
{
	const struct yaml_node *at = doc->root;

	while (*path != '\0') {
		size_t n = strcspn(path, ".");
		const struct yaml_node *child = find_part(at, path, n);

		if (child == NULL)
			break;
		at = child;
		path += n + (path[n] == '.');
	}
	*rest = path;
	return at;
}

unsigned
yaml_line(const struct yaml_doc *doc, const char *path)
{
	const char *rest;

	return walk_path(doc, path, &rest)->line;
}

bool
yaml_present(const struct yaml_doc *doc, const char *path)
{
	const char *rest;

	(void)walk_path(doc, path, &rest);
	return *rest == '\0';
}

enum err
yaml_refuse(const struct yaml_doc *doc, const char *path, const char *fmt, ...)
{
	char text[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(ERR_INVALID, "%s:%u: %s", doc->name, yaml_line(doc, path), text);
}
