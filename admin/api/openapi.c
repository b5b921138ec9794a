/*
 * The table of operations as an OpenAPI 3.1 document (JSON Schema 2020-12). Made from nothing but
 * the rows that requests are read by, so that it cannot tell of anything else.
 */
#include "admin/answers.h"
#include "admin/api/internal.h"

#include <limits.h>
#include <stdlib.h>

static const struct {
	const char *type, *pattern, *format, *encoding;
} types[ADMIN_TYPE_COUNT] = {
	[ADMIN_TEXT] = {"string", NULL, NULL, NULL},
	[ADMIN_NAME] = {"string", "^[A-Za-z0-9][A-Za-z0-9._@:-]{0,99}$", NULL, NULL},
	[ADMIN_PROFILE] = {"string", NULL, NULL, NULL},
	[ADMIN_PATTERN] = {"string", "^(dns|ip|uri|email|other):", NULL, NULL},
	[ADMIN_KIND] = {"string", NULL, NULL, NULL},
	[ADMIN_ROLE] = {"string", NULL, NULL, NULL},
	[ADMIN_REASON] = {"string", NULL, NULL, NULL},
	[ADMIN_SERIAL] = {"string", "^[0-9a-fA-F]{32}$", NULL, NULL},
	[ADMIN_NUMBER] = {"integer", NULL, NULL, NULL},
	[ADMIN_SECONDS] = {"integer", NULL, NULL, NULL},
	[ADMIN_SAN] = {"string", "^(dns|ip|uri|email|other):", NULL, NULL},
	[ADMIN_YES] = {"string", "^yes$", NULL, NULL},
	[ADMIN_GRANTS] = {"array", NULL, NULL, NULL},
	[ADMIN_CSR] = {"string", NULL, NULL, "base64"},
	[ADMIN_CURSOR] = {"string", NULL, NULL, NULL},
	[ADMIN_LIMIT] = {"integer", NULL, NULL, NULL},
	[ADMIN_FLAG] = {"boolean", NULL, NULL, NULL},
	[ADMIN_CHANGED] = {"boolean", NULL, NULL, NULL},
	[ADMIN_BEHIND] = {"integer", NULL, NULL, NULL},
	[ADMIN_TIME] = {"string", NULL, "date-time", NULL},
	[ADMIN_PEM] = {"string", "^-----BEGIN ", NULL, NULL},
	[ADMIN_TEXTS] = {"array", NULL, NULL, NULL},
	[ADMIN_ANYTHING] = {"object", NULL, NULL, NULL},
	[ADMIN_OBJECTS] = {"array", NULL, NULL, NULL},
};

static json_t *
list_words(const struct words *words, unsigned mask)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < words->count; i++)
		if (mask & 1U << i)
			json_array_append_new(list, json_string(words->name(i)));
	return list;
}

static json_t *
list_reasons(void)
{
	json_t *words = json_array();

	for (int r = PKI_REASON_UNSPECIFIED; r <= PKI_REASON_AA_COMPROMISE; r++)
		if (r != 7 && api_reason_applies((enum pki_reason)r)) /* 7 is not used */
			json_array_append_new(
				words, json_string(pki_reason_name((enum pki_reason)r)));
	return words;
}

static json_t *
refer_to_shape(const struct admin_shape *shape)
{
	json_t *text = json_sprintf("#/components/schemas/%s", shape->name);

	return json_pack("{s:o}", "$ref", text);
}

static json_t *
describe_elements(enum admin_type type, const struct admin_shape *of)
{
	if (type == ADMIN_GRANTS)
		return json_pack("{s:s, s:{s:{s:s}, s:{s:s}}, s:[s, s], s:b}", "type", "object",
			"properties", "profile", "type", "string", "pattern", "type", "string",
			"required", "profile", "pattern", "additionalProperties", 0);
	if (type == ADMIN_TEXTS)
		return json_pack("{s:s}", "type", "string");
	return of != NULL ? refer_to_shape(of) : NULL;
}

static json_t *
describe_type(enum admin_type type, const struct admin_shape *of)
{
	json_t *schema;

	if (type == ADMIN_OBJECT)
		return refer_to_shape(of);
	schema = json_pack("{s:s, s:s*, s:s*, s:s*, s:o*}", "type", types[type].type, "pattern",
		types[type].pattern, "format", types[type].format, "contentEncoding",
		types[type].encoding, "items", describe_elements(type, of));
	if (type == ADMIN_KIND)
		json_object_set_new(schema, "enum", list_words(&identity_kind_words, UINT_MAX));
	if (type == ADMIN_ROLE)
		json_object_set_new(schema, "enum", list_words(&operator_role_words, UINT_MAX));
	if (type == ADMIN_REASON)
		json_object_set_new(schema, "enum", list_reasons());
	return schema;
}

static json_t *
describe_input(const struct admin_input *i)
{
	json_t *schema = describe_type(i->type, NULL);
	bool number = strcmp(types[i->type].type, "integer") == 0,
	     list = strcmp(types[i->type].type, "array") == 0;

	if (number)
		json_object_set_new(schema, "minimum", json_integer(i->min));
	if (i->max > 0)
		json_object_set_new(schema,
			number	       ? "maximum"
				: list ? "maxItems"
				       : "maxLength",
			json_integer(i->max));
	if (i->fallback != NULL)
		json_object_set_new(schema, "default",
			number ? json_integer(strtoll(i->fallback, NULL, 10))
			       : json_string(i->fallback));
	return schema;
}

static json_t *
describe_shape(const struct admin_shape *shape)
{
	json_t *properties = json_object(), *required = json_array();

	for (const struct admin_member *m = shape->member; m->name != NULL; m++) {
		json_t *schema = describe_type(m->type, m->of);

		if (m->presence == ADMIN_OR_NULL)
			json_object_set_new(
				schema, "type", json_pack("[s, s]", types[m->type].type, "null"));
		if (m->presence != ADMIN_OR_ABSENT)
			json_array_append_new(required, json_string(m->name));
		json_object_set_new(properties, m->name, schema);
	}
	return json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required",
		required);
}

/* shape and those its members are made of, each once. */
static void
add_shape(json_t *schemas, const struct admin_shape *shape)
{
	if (json_object_get(schemas, shape->name) != NULL)
		return;
	json_object_set_new(schemas, shape->name, describe_shape(shape));
	for (const struct admin_member *m = shape->member; m->name != NULL; m++)
		if (m->of != NULL)
			add_shape(schemas, m->of);
}

static json_t *
list_parameters(const struct admin_operation *op)
{
	json_t *list = json_array();

	for (const struct admin_input *i = op->input; i->name != NULL; i++) {
		bool path = i->place == ADMIN_IN_PATH;

		if (path || (i->place == ADMIN_IN_REQUEST && op->effect == ADMIN_READS))
			json_array_append_new(list,
				json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", i->name, "in",
					path ? "path" : "query", "required",
					i->use == ADMIN_REQUIRED, "description", i->help, "schema",
					describe_input(i)));
	}
	return list;
}

static json_t *
describe_body(const struct admin_operation *op)
{
	json_t *properties = json_object(), *required = json_array();

	for (const struct admin_input *i = op->input; i->name != NULL; i++) {
		json_t *schema;

		if (i->place != ADMIN_IN_REQUEST)
			continue;
		schema = describe_input(i);
		json_object_set_new(schema, "description", json_string(i->help));
		json_object_set_new(properties, i->name, schema);
		if (i->use == ADMIN_REQUIRED)
			json_array_append_new(required, json_string(i->name));
	}
	return json_pack("{s:b, s:{s:{s:{s:s, s:o, s:o, s:b}}}}", "required", 1, "content",
		"application/json", "schema", "type", "object", "properties", properties,
		"required", required, "additionalProperties", 0);
}

static json_t *
describe_operation(const struct admin_operation *op)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:o, s:{s:{s:s, s:{s:{s:o}}}, s:{s:s}}}",
		"operationId", op->name + strlen("admin."), "summary", op->summary, "description",
		op->help, "parameters", list_parameters(op), "responses", "200", "description",
		"done", "content", "application/json", "schema", refer_to_shape(op->answer),
		"default", "$ref", "#/components/responses/problem");

	if (op->waits == ADMIN_MAY_WAIT)
		json_object_set_new(json_object_get(object, "responses"), "202",
			json_pack("{s:s, s:{s:{s:o}}}", "description",
				"nothing has happened: it waits for a second operator", "content",
				"application/json", "schema", refer_to_shape(&answer_proposed)));
	if (op->effect == ADMIN_CHANGES)
		json_object_set_new(object, "requestBody", describe_body(op));
	if (op->roles != 0)
		json_object_set_new(object, "x-roles", list_words(&operator_role_words, op->roles));
	if (op->over_operators != 0)
		json_object_set_new(object, "x-roles-over-operators",
			list_words(&operator_role_words, op->over_operators));
	return object;
}

/* "/certificates/{}" as "/certificates/{serial}". */
static const char *
fill_template(struct arena *a, const struct admin_operation *op)
{
	const char *text = "", *from = op->path, *brace;

	for (const struct admin_input *i = op->input; i->name != NULL; i++) {
		if (i->place != ADMIN_IN_PATH || (brace = strstr(from, "{}")) == NULL)
			continue;
		text = arena_printf(a, "%s%.*s{%s}", text, (int)(brace - from), from, i->name);
		from = brace + strlen("{}");
	}
	return arena_printf(a, "%s%s", text, from);
}

static json_t *
describe_components(void)
{
	json_t *schemas =
		json_pack("{s:{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}, s:[s,s,s,s]}}",
			"problem", "type", "object", "properties", "status", "type", "integer",
			"code", "type", "string", "reason", "type", "string", "request_id", "type",
			"string", "required", "status", "code", "reason", "request_id");

	add_shape(schemas, &answer_proposed);
	for (size_t i = 0; i < ADMIN_OPERATION_COUNT; i++)
		add_shape(schemas, admin_operations[i].answer);
	return json_pack("{s:o, s:{s:{s:s, s:{s:{s:{s:s}}}}}, s:{s:{s:s, s:s}}}", "schemas",
		schemas, "responses", "problem", "description",
		"refused or failed: 400 invalid, 403 denied, 404 not found, 409 conflict, 503 "
		"unavailable (with Retry-After), 500; the log has the reasons of the last two",
		"content", "application/problem+json", "schema", "$ref",
		"#/components/schemas/problem", "securitySchemes", "operator", "type", "mutualTLS",
		"description", "the certificate of an identity of kind operator");
}

json_t *
api_openapi_document(struct arena *a)
{
	json_t *paths = json_object();

	for (size_t i = 0; i < ADMIN_OPERATION_COUNT; i++) {
		const struct admin_operation *op = &admin_operations[i];
		const char *path = fill_template(a, op);
		json_t *item = json_object_get(paths, path);

		if (item == NULL) {
			item = json_object();
			json_object_set_new(paths, path, item);
		}
		json_object_set_new(
			item, op->effect == ADMIN_CHANGES ? "post" : "get", describe_operation(op));
	}
	return json_pack("{s:s, s:{s:s, s:s, s:s}, s:[{s:[]}], s:o, s:o}", "openapi", "3.1.0",
		"info", "title", "Chancery administration", "version", CHANCERY_VERSION,
		"description",
		"What ca-admin speaks. Pages end with next, to be given as after; a page without "
		"it is the last.",
		"security", "operator", "paths", paths, "components", describe_components());
}

enum err
api_openapi(struct api_call *c)
{
	c->answer = api_openapi_document(c->arena);
	return ERR_OK;
}
