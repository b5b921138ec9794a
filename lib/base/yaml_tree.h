/* Inside lib/base: a YAML document as a tree that knows its lines. */
#ifndef CHANCERY_BASE_YAML_TREE_H
#define CHANCERY_BASE_YAML_TREE_H

#include "lib/base/arena.h"
#include "lib/base/yaml.h"

enum node_kind { NODE_SCALAR, NODE_MAPPING, NODE_SEQUENCE };

struct yaml_node {
	enum node_kind kind;
	unsigned line;			/* of the key in a mapping, of the value elsewhere */
	const char *key;		/* in a mapping, else NULL */
	const char *text;		/* of a scalar */
	size_t len;			/* of text; it may hold NUL */
	struct yaml_node *first, *next; /* children; the next sibling */
	size_t count;			/* of children */
};

/* The only document of the text, without aliases and doubled keys; *root is NULL for an empty one.
 */
enum err yaml_tree_parse(
	struct arena *a, const char *name, struct bytes text, struct yaml_node **root) MUST_CHECK;

#endif
