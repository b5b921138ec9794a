/*
 * From libyaml's event stream to a tree with line numbers. Doubled keys are refused here; aliases
 * too, since a value that is written elsewhere has no line of its own.
 */
#include "lib/base/yaml_tree.h"

#include <yaml.h>

struct reader {
	struct arena *arena;
	const char *name;
	yaml_parser_t parser;
	size_t nodes;
};

/* A local event that its scope frees; deleting an empty one is allowed. */
#define AUTO_EVENT(e) __attribute__((cleanup(yaml_event_delete))) yaml_event_t e = {0}

static enum err
parse_value(struct reader *r, const yaml_event_t *event, unsigned depth, struct yaml_node **out);

static unsigned
line_of(const yaml_event_t *event)
{
	return (unsigned)event->start_mark.line + 1;
}

static enum err
next_event(struct reader *r, yaml_event_t *event)
{
	if (yaml_parser_parse(&r->parser, event))
		return ERR_OK;
	return err_set(ERR_INVALID, "%s:%u: not YAML: %s%s%s", r->name,
		(unsigned)r->parser.problem_mark.line + 1,
		r->parser.problem != NULL ? r->parser.problem : "unreadable",
		r->parser.context != NULL ? " " : "",
		r->parser.context != NULL ? r->parser.context : "");
}

static enum err
new_node(struct reader *r, enum node_kind kind, unsigned line, struct yaml_node **out)
{
	if (++r->nodes > YAML_NODE_MAX)
		return err_set(ERR_LIMIT, "%s:%u: more than %d values in one file", r->name, line,
			YAML_NODE_MAX);
	*out = arena_alloc(r->arena, sizeof(**out));
	(*out)->kind = kind;
	(*out)->line = line;
	return ERR_OK;
}

static enum err
read_key(struct reader *r, const yaml_event_t *event, const char **key)
{
	struct bytes text;

	if (event->type != YAML_SCALAR_EVENT)
		return err_set(
			ERR_INVALID, "%s:%u: a key must be plain text", r->name, line_of(event));
	text = bytes_of(event->data.scalar.value, event->data.scalar.length);
	if (text.n == 0 || text.n > 128 || memchr(text.p, '\0', text.n) != NULL)
		return err_set(ERR_INVALID, "%s:%u: a key must have 1 to 128 characters", r->name,
			line_of(event));
	*key = arena_string(r->arena, text);
	return ERR_OK;
}

static enum err
refuse_doubled(
	const struct reader *r, const struct yaml_node *mapping, const char *key, unsigned line)
{
	for (const struct yaml_node *n = mapping->first; n != NULL; n = n->next) {
		if (strcmp(n->key, key) == 0)
			return err_set(ERR_INVALID,
				"%s:%u: key \"%s\" is doubled: it stands already on line %u; remove one of them",
				r->name, line, key, n->line);
	}
	return ERR_OK;
}

/* The value that belongs to a key, with the line of the key. */
static enum err
parse_member(struct reader *r, const struct yaml_node *mapping, const yaml_event_t *key_event,
	unsigned depth, struct yaml_node **out)
{
	unsigned line = line_of(key_event);

	AUTO_EVENT(event);
	const char *key;

	TRY(read_key(r, key_event, &key));
	TRY(refuse_doubled(r, mapping, key, line));
	TRY(next_event(r, &event));
	TRY(parse_value(r, &event, depth, out));
	(*out)->key = key;
	(*out)->line = line;
	return ERR_OK;
}

static enum err
parse_children(struct reader *r, struct yaml_node *parent, unsigned depth)
{
	yaml_event_type_t end =
		parent->kind == NODE_MAPPING ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
	struct yaml_node **tail = &parent->first;

	if (depth >= YAML_DEPTH_MAX)
		return err_set(ERR_LIMIT, "%s:%u: nested deeper than %d levels", r->name,
			parent->line, YAML_DEPTH_MAX);
	for (;;) {
		AUTO_EVENT(event);
		enum err e;

		TRY(next_event(r, &event));
		if (event.type == end)
			return ERR_OK;
		if (parent->kind == NODE_MAPPING)
			e = parse_member(r, parent, &event, depth + 1, tail);
		else
			e = parse_value(r, &event, depth + 1, tail);
		if (e != ERR_OK) {
			*tail = NULL;
			return e;
		}
		tail = &(*tail)->next;
		parent->count++;
	}
}

static enum err
parse_value(struct reader *r, const yaml_event_t *event, unsigned depth, struct yaml_node **out)
{
	unsigned line = line_of(event);

	switch (event->type) {
	case YAML_SCALAR_EVENT:
		TRY(new_node(r, NODE_SCALAR, line, out));
		(*out)->len = event->data.scalar.length;
		(*out)->text = arena_string(
			r->arena, bytes_of(event->data.scalar.value, event->data.scalar.length));
		return ERR_OK;
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		TRY(new_node(r,
			event->type == YAML_MAPPING_START_EVENT ? NODE_MAPPING : NODE_SEQUENCE,
			line, out));
		return parse_children(r, *out, depth);
	case YAML_ALIAS_EVENT:
		return err_set(ERR_INVALID,
			"%s:%u: alias \"*%s\": aliases are not allowed; write the value out",
			r->name, line, (const char *)event->data.alias.anchor);
	default:
		return err_set(ERR_INVALID, "%s:%u: a value is missing", r->name, line);
	}
}

/* Stream start, document start, one value, document end, stream end. */
static enum err
parse_stream(struct reader *r, struct yaml_node **root)
{
	*root = NULL;
	for (;;) {
		AUTO_EVENT(event);

		TRY(next_event(r, &event));
		switch (event.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			continue;
		case YAML_STREAM_END_EVENT:
			return ERR_OK;
		case YAML_DOCUMENT_START_EVENT:
			if (*root != NULL)
				return err_set(ERR_INVALID,
					"%s:%u: a second document begins here; only one is allowed",
					r->name, line_of(&event));
			continue;
		default:
			TRY(parse_value(r, &event, 0, root));
		}
	}
}

enum err
yaml_tree_parse(struct arena *a, const char *name, struct bytes text, struct yaml_node **root)
{
	struct reader r = {.arena = a, .name = name};
	enum err e;

	if (!yaml_parser_initialize(&r.parser))
		return err_set(ERR_INTERNAL, "libyaml cannot start");
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, text.p, text.n);
	e = parse_stream(&r, root);
	yaml_parser_delete(&r.parser);
	return e;
}
