/*
 * Matching of raw paths. Nothing is decoded, no dot segment is removed, no slash is merged: a path
 * either is one the table names, octet for octet, or it does not exist. That leaves no second
 * spelling of a path that a proxy in front could judge differently.
 */
#include "lib/http/router.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/http/target.h"

struct compiled {
	const struct http_route *route;
	const char *pattern;
	unsigned methods;
	size_t literal; /* octets before the first brace */
	size_t params;
	bool rest;
};

struct router {
	size_t count;
	struct compiled entry[];
};

static const struct {
	enum http_method method;
	const char *name;
} method_name[] = {
	{HTTP_GET, "GET"},
	{HTTP_HEAD, "HEAD"},
	{HTTP_POST, "POST"},
	{HTTP_PUT, "PUT"},
	{HTTP_DELETE, "DELETE"},
	{HTTP_OPTIONS, "OPTIONS"},
};

static enum err
compile_pattern(const struct http_route *route, struct compiled *c)
{
	const char *p = route->pattern;

	*c = (struct compiled){.route = route, .pattern = p, .methods = route->methods};
	c->literal = strcspn(p, "{");
	if (c->methods & HTTP_GET)
		c->methods |= HTTP_HEAD;
	if (p[0] != '/' || c->methods == 0 || route->handler == NULL)
		return err_set(ERR_INVALID, "route \"%s\" needs a path, a method and a handler", p);
	while ((p = strchr(p, '{')) != NULL) {
		bool rest = strcmp(p, "{*}") == 0,
		     segment = !rest && strncmp(p, "{}", 2) == 0 && (p[2] == '/' || p[2] == '\0');

		if (p[-1] != '/' || (!rest && !segment))
			return err_set(ERR_INVALID,
				"route \"%s\": braces stand for a whole segment, {*} for all that follows",
				route->pattern);
		if (++c->params > HTTP_PARAMS_MAX)
			return err_set(ERR_INVALID, "route \"%s\" has more than %d parameters",
				route->pattern, HTTP_PARAMS_MAX);
		c->rest = rest;
		p += rest ? 3 : 2;
	}
	return ERR_OK;
}

/* The more a pattern says, the earlier it is tried. */
static int
by_precision(const void *left, const void *right)
{
	const struct compiled *a = left, *b = right;

	if (a->rest != b->rest)
		return a->rest ? 1 : -1;
	if (a->params != b->params && (a->params == 0 || b->params == 0))
		return a->params == 0 ? -1 : 1;
	if (a->literal != b->literal)
		return a->literal > b->literal ? -1 : 1;
	if (a->params != b->params)
		return a->params < b->params ? -1 : 1;
	return strcmp(a->pattern, b->pattern);
}

static enum err
refuse_twins(const struct router *r)
{
	for (size_t i = 1; i < r->count; i++)
		for (size_t k = i;
			k-- > 0 && strcmp(r->entry[i].pattern, r->entry[k].pattern) == 0;)
			if (r->entry[i].methods & r->entry[k].methods)
				return err_set(ERR_INVALID,
					"route \"%s\" stands twice for one method",
					r->entry[i].pattern);
	return ERR_OK;
}

static size_t
count_routes(const struct http_route *table)
{
	size_t n = 0;

	while (table[n].pattern != NULL)
		n++;
	return n;
}

struct http_route *
http_routes_join(const struct http_route *const tables[], size_t count)
{
	struct http_route *all;
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += count_routes(tables[i]);
	all = mem_zalloc(n + 1, sizeof(*all)); /* the zeroed one ends it */
	n = 0;
	for (size_t i = 0; i < count; i++) {
		size_t more = count_routes(tables[i]);

		memcpy(all + n, tables[i], more * sizeof(*all));
		n += more;
	}
	return all;
}

enum err
router_new(const struct http_route *routes, struct router **out)
{
	size_t count = count_routes(routes);
	AUTO_STRUCT(router) r = mem_zalloc(1, sizeof(*r) + count * sizeof(r->entry[0]));

	r->count = count;
	for (size_t i = 0; i < count; i++)
		TRY(compile_pattern(&routes[i], &r->entry[i]));
	qsort(r->entry, count, sizeof(r->entry[0]), by_precision);
	TRY(refuse_twins(r));
	*out = r;
	r = NULL;
	return ERR_OK;
}

void
router_free(struct router *r)
{
	free(r);
}

static bool
match_pattern(const char *pattern, struct bytes path, struct router_match *m)
{
	size_t i = 0;

	m->count = 0;
	while (*pattern != '\0') {
		size_t from = i;

		if (*pattern != '{') {
			if (i == path.n || path.p[i] != (uint8_t)*pattern)
				return false;
			i++;
			pattern++;
			continue;
		}
		if (pattern[1] == '*') {
			m->param[m->count++] = bytes_of(path.p + i, path.n - i);
			return true;
		}
		while (i < path.n && target_unreserved(path.p[i]))
			i++;
		if (i == from)
			return false;
		m->param[m->count++] = bytes_of(path.p + from, i - from);
		pattern += 2;
	}
	return i == path.n;
}

void
router_find(const struct router *r, struct bytes path, unsigned method, struct router_match *out)
{
	*out = (struct router_match){.route = NULL};
	for (size_t i = 0; i < r->count; i++) {
		const struct compiled *c = &r->entry[i];

		if (path.n < c->literal || memcmp(path.p, c->pattern, c->literal) != 0)
			continue;
		if (!match_pattern(c->pattern + c->literal,
			    bytes_of(path.p + c->literal, path.n - c->literal), out))
			continue;
		out->allowed |= c->methods;
		if (c->methods & method) {
			out->route = c->route;
			return;
		}
	}
	out->count = 0;
}

unsigned
router_method(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(method_name); i++)
		if (strcmp(method_name[i].name, name) == 0)
			return method_name[i].method;
	return 0;
}

void
router_allow(unsigned methods, char out[ROUTER_ALLOW_SIZE])
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(method_name); i++)
		if (methods & method_name[i].method)
			n += (size_t)snprintf(out + n, ROUTER_ALLOW_SIZE - n, "%s%s",
				n > 0 ? ", " : "", method_name[i].name);
}
