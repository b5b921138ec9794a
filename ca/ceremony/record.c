/* See record.h. The key attributes in the record are those read back from the token, not those
 * asked for. */
#include "ca/ceremony/record.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ca/ceremony/files.h"
#include "lib/base/clock.h"
#include "lib/base/hex.h"
#include "lib/base/json.h"
#include "lib/base/random.h"

struct record {
	const struct plan *plan;
	json_t *json, *steps, *inputs, *outputs;
};

static const char *
now_text(struct arena *a)
{
	char *text = arena_alloc(a, CLOCK_RFC3339_SIZE);

	clock_format_rfc3339(clock_now(), text);
	return text;
}

static const char *
sha256_text(struct arena *a, struct bytes in)
{
	uint8_t digest[SHA256_SIZE];

	sha256(in, digest);
	return hex_string(a, bytes_of(digest, sizeof(digest)));
}

static void
set_text(json_t *object, const char *name, const char *value)
{
	json_object_set_new(object, name, json_string(value));
}

static json_t *
add_child(json_t *parent, const char *name, json_t *child)
{
	json_object_set_new(parent, name, child);
	return child;
}

static void
describe_plan(struct record *r)
{
	json_t *plan = add_child(r->json, "plan", json_object());
	struct arena *a = r->plan->arena;

	set_text(plan, "file", file_base_name(r->plan->path));
	set_text(plan, "sha256", sha256_text(a, r->plan->text));
	set_text(plan, "text", arena_string(a, r->plan->text));
}

struct record *
record_new(const struct plan *p, const char *command)
{
	struct record *r = mem_zalloc(1, sizeof(*r));
	json_t *operators;
	char host[256] = "";

	r->plan = p;
	r->json = json_object();
	set_text(r->json, "format", RECORD_FORMAT);
	json_object_set_new(r->json, "version", json_integer(RECORD_VERSION));
	set_text(r->json, "ceremony", p->file.ceremony);
	set_text(r->json, "command", command);
	set_text(r->json, "program", "ca-ceremony " CHANCERY_VERSION);
	gethostname(host, sizeof(host) - 1);
	set_text(r->json, "host", host);
	operators = add_child(r->json, "operators", json_array());
	for (uint32_t i = 0; i < p->file.operators_count; i++)
		json_array_append_new(operators, json_string(p->file.operators[i]));
	set_text(r->json, "started", now_text(p->arena));
	describe_plan(r);
	r->inputs = add_child(r->json, "inputs", json_array());
	r->outputs = add_child(r->json, "outputs", json_array());
	r->steps = add_child(r->json, "steps", json_array());
	printf("%s: ca-ceremony %s, plan \"%s\"\n", p->file.ceremony, command, p->path);
	return r;
}

void
record_free(struct record *r)
{
	if (r == NULL)
		return;
	json_decref(r->json);
	free(r);
}

void
record_step(struct record *r, const char *fmt, ...)
{
	json_t *step = json_object();
	const char *time = now_text(r->plan->arena);
	char text[900];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	set_text(step, "time", time);
	set_text(step, "step", text);
	json_array_append_new(r->steps, step);
	printf("  %s  %s\n", time, text);
	fflush(stdout);
}

void
record_token(struct record *r, const struct ca_token_info *i)
{
	json_t *module = add_child(r->json, "module", json_object()),
	       *token = add_child(r->json, "token", json_object());
	struct arena *a = r->plan->arena;
	struct bytes content;

	set_text(module, "path", i->module_path);
	set_text(module, "description", i->module_description);
	set_text(module, "manufacturer", i->module_manufacturer);
	set_text(module, "version", i->module_version);
	if (file_read(a, i->module_path, 64 << 20, &content) == ERR_OK)
		set_text(module, "sha256", sha256_text(a, content));
	set_text(token, "label", i->label);
	set_text(token, "manufacturer", i->manufacturer);
	set_text(token, "model", i->model);
	set_text(token, "serial", i->serial);
	set_text(token, "firmware", i->firmware);
	record_step(r, "logged in to token \"%s\" (%s, serial %s) through %s %s", i->label,
		i->model, i->serial, i->module_description, i->module_version);
}

void
record_key(struct record *r, const struct ca_key *key)
{
	const struct ca_key_attributes *k = ca_key_attributes(key);
	const struct {
		const char *name;
		bool value;
	} flags[] = {
		{"token", k->token_object},
		{"private", k->private_object},
		{"sensitive", k->sensitive},
		{"always_sensitive", k->always_sensitive},
		{"extractable", k->extractable},
		{"never_extractable", k->never_extractable},
		{"local", k->local},
		{"sign", k->sign},
		{"decrypt", k->decrypt},
		{"derive", k->derive},
		{"unwrap", k->unwrap},
		{"modifiable", k->modifiable},
	};
	json_t *json = add_child(r->json, "key", json_object()),
	       *attributes = add_child(json, "attributes", json_object());
	const char *hash = sha256_text(r->plan->arena, ca_key_spki(key));

	set_text(json, "label", k->label);
	set_text(json, "id", k->id);
	set_text(json, "type", pki_key_type_name(k->type));
	json_object_set_new(json, "bits", json_integer(k->bits));
	set_text(json, "spki_sha256", hash);
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		json_object_set_new(attributes, flags[i].name, json_boolean(flags[i].value));
	record_step(r,
		"key \"%s\": %s, %u bits; read back: sensitive, never extractable, made in this token",
		k->label, pki_key_type_name(k->type), k->bits);
	record_step(r, "public key SHA-256 %s", hash);
}

static void
add_file(struct record *r, json_t *list, const char *role, const char *path, struct bytes content)
{
	json_t *file = json_object();
	const char *hash = sha256_text(r->plan->arena, content);

	set_text(file, "role", role);
	set_text(file, "file", path);
	json_object_set_new(file, "bytes", json_integer((json_int_t)content.n));
	set_text(file, "sha256", hash);
	json_array_append_new(list, file);
	record_step(r, "%s %s \"%s\", %zu octets, SHA-256 %s", list == r->inputs ? "read" : "wrote",
		role, path, content.n, hash);
}

enum err
record_read(
	struct record *r, const char *role, const char *path, const char *label, struct bytes *der)
{
	const char *where = plan_path(r->plan, path);
	struct bytes content;

	TRY(file_read(r->plan->arena, where, FILE_OBJECT_MAX, &content));
	TRY(file_read_object(r->plan->arena, where, label, der));
	add_file(r, r->inputs, role, path, content);
	return ERR_OK;
}

enum err
record_write(
	struct record *r, const char *role, const char *path, const char *label, struct bytes der)
{
	struct bytes content = file_encode(r->plan->arena, path, label, der);

	TRY(file_create(plan_path(r->plan, path), content));
	add_file(r, r->outputs, role, path, content);
	return ERR_OK;
}

static enum err
sign_evidence(struct record *r, const struct ca_key *key, const char *path, struct bytes text)
{
	const struct pki_signer *s = ca_key_signer(key);
	AUTO_BUF(signature, 4096);

	TRY(s->sign(s->ctx, text, &signature));
	TRY(file_create(path, text));
	return file_create(arena_printf(r->plan->arena, "%s.sig", path), buf_bytes(&signature));
}

enum err
record_finish(struct record *r, const struct ca_key *key)
{
	const char *path = plan_path(r->plan, r->plan->file.evidence);
	char *text;
	enum err e;

	record_step(r, "writing evidence \"%s\" and its signature by key \"%s\"",
		r->plan->file.evidence, ca_key_attributes(key)->label);
	set_text(r->json, "finished", now_text(r->plan->arena));
	text = json_dumps(r->json, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	if (text == NULL)
		return err_set(
			ERR_INTERNAL, "the record does not become JSON (is the plan UTF-8?)");
	e = strlen(text) > JSON_TEXT_MAX
		? err_set(ERR_LIMIT, "the evidence is larger than %d octets; shorten the plan",
			  JSON_TEXT_MAX)
		: sign_evidence(r, key, path, bytes_str(text));
	free(text);
	return e;
}
