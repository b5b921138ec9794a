/*
 * What a call brings, read as the operation's row says: query string (RFC 3986 section 3.4), body
 * and path become one object, and each of its values what its type means. Everything is known,
 * single, of its type and in its range, or it is refused by name.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/api/internal.h"
#include "lib/base/hex.h"
#include "lib/pki/crl.h"

enum { QUERY_TEXT_MAX = 2048, DIGITS_MAX = 15 };

static const char *
place_word(const struct api_call *c)
{
	return c->op->effect == ADMIN_READS ? "query parameter" : "member";
}

/* `member "x" must be ...`, naming what the caller has written. */
static enum err
refuse_input(const struct api_call *c, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
static enum err
refuse_input(const struct api_call *c, const char *name, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(ERR_INVALID, "%s \"%s\" %s", place_word(c), name, text);
}

/* The refusal of a reader that knows nothing of members, with the name in front. */
static enum err
name_input(const struct api_call *c, const struct admin_input *i, enum err e)
{
	if (e == ERR_OK)
		return e;
	return err_context(e, "%s \"%s\"", place_word(c), i->name);
}

/* One name or value of the query. No control characters: they would reach logs and rows. */
static enum err
decode_text(struct arena *a, struct bytes text, const char **out)
{
	char *to = arena_alloc(a, text.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++, n++) {
		int octet = text.p[i];

		if (octet == '%') {
			octet = hex_escaped(bytes_of(text.p + i, text.n - i));
			i += 2;
		}
		if (octet < 0)
			return err_set(ERR_INVALID,
				"the query has a broken percent-encoding (RFC 3986 section 2.1)");
		if (octet < 0x20 || octet == 0x7f)
			return err_set(ERR_INVALID, "the query has a control character");
		to[n] = (char)octet;
	}
	*out = to;
	return ERR_OK;
}

static bool
is_number(enum admin_type type)
{
	return type == ADMIN_NUMBER || type == ADMIN_SECONDS || type == ADMIN_LIMIT;
}

/* Texts of query, path and table as the body would have them. */
static json_t *
json_of_text(enum admin_type type, const char *text)
{
	size_t n = strlen(text);

	if (is_number(type) && n > 0 && n <= DIGITS_MAX && strspn(text, "0123456789") == n)
		return json_integer(strtoll(text, NULL, 10));
	return json_string(text);
}

static const struct admin_input *
find_asked(const struct api_call *c, const char *name)
{
	const struct admin_input *i = admin_input_find(c->op, name);

	return i != NULL && i->place == ADMIN_IN_REQUEST ? i : NULL;
}

static enum err
add_parameter(struct api_call *c, struct bytes text)
{
	const uint8_t *equals = memchr(text.p, '=', text.n);
	size_t n = equals != NULL ? (size_t)(equals - text.p) : text.n;
	const struct admin_input *input;
	const char *name, *value = NULL;

	TRY(decode_text(c->arena, bytes_of(text.p, n), &name));
	if (equals != NULL)
		TRY(decode_text(c->arena, bytes_of(equals + 1, text.n - n - 1), &value));
	input = c->op->effect == ADMIN_READS ? find_asked(c, name) : NULL;
	if (input == NULL)
		return err_set(ERR_INVALID, "unknown query parameter \"%s\"", name);
	if (value == NULL)
		return refuse_input(c, name, "has no value");
	if (json_object_get(c->input, name) != NULL)
		return refuse_input(c, name, "stands twice");
	if (json_object_set_new(c->input, name, json_of_text(input->type, value)) != 0)
		return refuse_input(c, name, "must be UTF-8");
	return ERR_OK;
}

static enum err
add_query(struct api_call *c)
{
	struct bytes left = bytes_str(c->req->query);
	enum err e = ERR_OK;

	if (left.n > QUERY_TEXT_MAX)
		return err_set(ERR_LIMIT, "the query is longer than %d octets", QUERY_TEXT_MAX);
	while (left.n > 0 && e == ERR_OK) {
		const uint8_t *and = memchr(left.p, '&', left.n);
		size_t n = and != NULL ? (size_t)(and-left.p) : left.n;

		e = add_parameter(c, bytes_of(left.p, n));
		left = and != NULL ? bytes_of(and+1, left.n - n - 1) : bytes_of(NULL, 0);
	}
	return e;
}

static enum err
add_body(struct api_call *c)
{
	AUTO(json_t) body = NULL;
	const char *name;
	json_t *value;

	TRY(json_parse(c->req->body, &body));
	if (!json_is_object(body))
		return err_set(ERR_INVALID, "the body must be a JSON object");
	json_object_foreach(body, name, value) {
		if (find_asked(c, name) == NULL)
			return refuse_input(c, name, "is not known here");
		json_object_set(c->input, name, value);
	}
	return ERR_OK;
}

static void
add_path(struct api_call *c)
{
	size_t n = 0;

	for (const struct admin_input *i = c->op->input; i->name != NULL; i++)
		if (i->place == ADMIN_IN_PATH)
			json_object_set_new(
				c->input, i->name, json_of_text(i->type, c->req->param[n++]));
}

/* The types: each takes a value of the JSON kind its row below names. */

#define READER(name)                                                                               \
	static enum err name(struct api_call *c, const struct admin_input *i, const json_t *from,  \
		struct api_value *out)

READER(read_text)
{
	out->text = json_string_value(from);
	if (i->max > 0 && json_string_length(from) > (size_t)i->max)
		return refuse_input(c, i->name, "must have at most %lld octets", (long long)i->max);
	return ERR_OK;
}

READER(read_number)
{
	out->number = json_integer_value(from);
	if (out->number < i->min || out->number > i->max)
		return refuse_input(c, i->name, "must be a number from %lld to %lld",
			(long long)i->min, (long long)i->max);
	return ERR_OK;
}

READER(read_yes)
{
	out->text = json_string_value(from);
	if (strcmp(out->text, "yes") != 0)
		return refuse_input(c, i->name, "must be \"yes\" or absent");
	return ERR_OK;
}

READER(read_kind)
{
	enum identity_kind kind;
	enum err e = identity_kind_parse(json_string_value(from), &kind);

	if (e == ERR_OK)
		out->number = kind;
	return name_input(c, i, e);
}

READER(read_role)
{
	enum operator_role role;
	enum err e = operator_role_parse(json_string_value(from), &role);

	if (e == ERR_OK)
		out->number = role;
	return name_input(c, i, e);
}

READER(read_reason)
{
	const char *text = json_string_value(from);
	enum pki_reason reason;
	enum err e = pki_reason_parse(text, &reason);

	if (e == ERR_OK && !api_reason_applies(reason))
		e = err_set(ERR_INVALID,
			"reason \"%s\" does not apply to these certificates; allowed: unspecified, keyCompromise, "
			"affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn",
			text);
	if (e != ERR_OK)
		return name_input(c, i, e);
	out->number = reason == PKI_REASON_UNSPECIFIED ? PKI_REASON_NONE : reason;
	return ERR_OK;
}

READER(read_serial)
{
	size_t n;

	(void)c, (void)i;
	out->text = json_string_value(from);
	if (hex_decode(bytes_str(out->text), out->serial, STORE_SERIAL_SIZE, &n) != ERR_OK ||
		n != STORE_SERIAL_SIZE)
		return err_set(ERR_INVALID,
			"\"%.64s\" is no serial; allowed: 32 hexadecimal digits", out->text);
	return ERR_OK;
}

READER(read_san)
{
	struct pki_san san;
	enum err e = pki_san_from_text(bytes_str(json_string_value(from)), c->arena, &san);

	if (e == ERR_OK)
		out->text = pki_san_text(c->arena, &san);
	return name_input(c, i, e);
}

READER(read_csr)
{
	struct bytes der;
	enum err e = base64_decode(c->arena, bytes_str(json_string_value(from)), &der);

	if (e == ERR_OK && der.n > PKI_CSR_MAX)
		e = err_set(ERR_LIMIT, "the request is larger than %d octets", PKI_CSR_MAX);
	if (e == ERR_OK)
		e = pki_csr_parse(der, c->arena, &out->csr);
	return name_input(c, i, e);
}

static enum err
read_grant(struct api_call *c, const struct admin_input *i, const json_t *from,
	struct store_grant *out)
{
	static const char *const members[] = {"profile", "pattern", NULL};

	if (!json_is_object(from))
		return refuse_input(c, i->name, "must have objects as elements");
	out->created_by = c->actor;
	TRY(name_input(c, i, json_only_members(from, members)));
	TRY(name_input(c, i, json_get_string(from, "profile", &out->profile)));
	return name_input(c, i, json_get_string(from, "pattern", &out->pattern));
}

static bool
has_grant(const struct store_grant *grants, int64_t count, const struct store_grant *wanted)
{
	for (int64_t n = 0; n < count; n++)
		if (strcmp(grants[n].profile, wanted->profile) == 0 &&
			strcmp(grants[n].pattern, wanted->pattern) == 0)
			return true;
	return false;
}

/* One that stands twice counts once. */
READER(read_grants)
{
	struct store_grant *grants =
		arena_array(c->arena, json_array_size(from) + 1, sizeof(*grants));

	out->grants = grants;
	if ((int64_t)json_array_size(from) > i->max)
		return refuse_input(
			c, i->name, "must have at most %lld elements", (long long)i->max);
	for (size_t n = 0; n < json_array_size(from); n++) {
		TRY(read_grant(c, i, json_array_get(from, n), &grants[out->number]));
		if (!has_grant(grants, out->number, &grants[out->number]))
			out->number++;
	}
	return ERR_OK;
}

static const struct {
	json_type json;
	enum err (*read)(struct api_call *c, const struct admin_input *i, const json_t *from,
		struct api_value *out);
} readers[ADMIN_TYPE_COUNT] = {
	[ADMIN_TEXT] = {JSON_STRING, read_text},
	[ADMIN_NAME] = {JSON_STRING, read_text},
	[ADMIN_PROFILE] = {JSON_STRING, read_text},
	[ADMIN_PATTERN] = {JSON_STRING, read_text},
	[ADMIN_CURSOR] = {JSON_STRING, read_text},
	[ADMIN_KIND] = {JSON_STRING, read_kind},
	[ADMIN_ROLE] = {JSON_STRING, read_role},
	[ADMIN_REASON] = {JSON_STRING, read_reason},
	[ADMIN_SERIAL] = {JSON_STRING, read_serial},
	[ADMIN_SAN] = {JSON_STRING, read_san},
	[ADMIN_YES] = {JSON_STRING, read_yes},
	[ADMIN_CSR] = {JSON_STRING, read_csr},
	[ADMIN_NUMBER] = {JSON_INTEGER, read_number},
	[ADMIN_SECONDS] = {JSON_INTEGER, read_number},
	[ADMIN_LIMIT] = {JSON_INTEGER, read_number},
	[ADMIN_GRANTS] = {JSON_ARRAY, read_grants},
};

static enum err
refuse_kind(const struct api_call *c, const struct admin_input *i)
{
	if (is_number(i->type))
		return refuse_input(c, i->name, "must be a number from %lld to %lld",
			(long long)i->min, (long long)i->max);
	return refuse_input(
		c, i->name, "must be %s", i->type == ADMIN_GRANTS ? "a list" : "a string");
}

static enum err
read_value(struct api_call *c, const struct admin_input *i, struct api_value *out)
{
	const json_t *from = json_object_get(c->input, i->name);

	assert(readers[i->type].read != NULL);
	if (from == NULL && i->use == ADMIN_REQUIRED)
		return refuse_input(c, i->name, "is missing");
	out->given = from != NULL;
	if (from == NULL && i->fallback != NULL) { /* kept there for as long as what was given */
		json_object_set_new(c->input, i->name, json_of_text(i->type, i->fallback));
		from = json_object_get(c->input, i->name);
	}
	if (from == NULL)
		return ERR_OK;
	if (json_typeof(from) != readers[i->type].json)
		return refuse_kind(c, i);
	return readers[i->type].read(c, i, from, out);
}

static enum err
read_request(struct api_call *c)
{
	c->input = json_object();
	TRY(add_query(c));
	if (c->op->effect == ADMIN_CHANGES)
		TRY(add_body(c));
	add_path(c);
	return ERR_OK;
}

enum err
api_read(struct api_call *c)
{
	if (c->input == NULL)
		TRY(read_request(c));
	for (size_t i = 0; c->op->input[i].name != NULL; i++) {
		assert(i < API_INPUTS_MAX);
		if (c->op->input[i].place != ADMIN_IN_COMMAND)
			TRY(read_value(c, &c->op->input[i], &c->value[i]));
	}
	return ERR_OK;
}

const struct api_value *
api_value(const struct api_call *c, const char *name)
{
	const struct admin_input *input = admin_input_find(c->op, name);

	assert(input != NULL);
	return &c->value[input - c->op->input];
}

bool
api_reason_applies(enum pki_reason reason)
{
	return reason != PKI_REASON_CERTIFICATE_HOLD && reason != PKI_REASON_REMOVE_FROM_CRL &&
		reason != PKI_REASON_CA_COMPROMISE && reason != PKI_REASON_AA_COMPROMISE;
}

enum err
api_read_after(const struct api_call *c, int64_t *out)
{
	const char *text = api_text(c, "after");
	char *end;
	int64_t number;

	if (text == NULL)
		text = "0";
	number = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || number < 0)
		return err_set(ERR_INVALID, "after must be the \"next\" of the page before");
	*out = number;
	return ERR_OK;
}

void
api_answer_page(struct api_call *c, const char *member, json_t *items, const char *next)
{
	c->answer = json_pack("{s:o, s:s*}", member, items, "next", next);
}

void
api_answer_numbered(struct api_call *c, const char *member, json_t *items, int64_t next)
{
	api_answer_page(
		c, member, items, next > 0 ? arena_printf(c->arena, "%" PRId64, next) : NULL);
}
