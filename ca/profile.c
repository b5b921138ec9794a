/*
 * Profiles: read by their table, then judged as a whole; what is wrong is refused with file, line
 * and what is allowed. A profile that loads can be issued from.
 */
#include "ca/profile.h"

#include <stdlib.h>

#include "ca/profile_table.h"
#include "lib/base/duration.h"
#include "schema/words.h"

enum { NAMES_DEFAULT = 20 };

/* One profile being judged, and where it stands in the file. */
struct reader {
	const struct yaml_doc *doc;
	struct arena *arena;
	unsigned index;
};

static const char *
path_of(const struct reader *r, const char *key)
{
	return arena_printf(r->arena, "profiles.%u.%s", r->index, key);
}

/* Defaults that depend on another member. */
static void
complete_profile(const struct reader *r, struct ca_profile *p)
{
	if (p->max_lifetime == 0)
		p->max_lifetime = p->lifetime;
	if (p->rsa_key_usage == 0)
		p->rsa_key_usage = p->key_usage;
	if (p->name_types != 0 && !yaml_present(r->doc, path_of(r, "names.max")))
		p->names_max = NAMES_DEFAULT;
}

static enum err
check_times(const struct reader *r, const struct ca_profile *p)
{
	char least[DURATION_SIZE], most[DURATION_SIZE];

	if (p->max_lifetime < p->lifetime)
		return yaml_refuse(r->doc, path_of(r, "max_lifetime"),
			"%s is shorter than lifetime; allowed: %s or more",
			duration_text(p->max_lifetime, most), duration_text(p->lifetime, least));
	if (p->renew_expired != 0)
		return yaml_refuse(r->doc, path_of(r, "renew_expired"),
			"renew_expired: expired certificates are refused in the TLS handshake; allowed: 0s");
	return ERR_OK;
}

static enum err
check_permitted(const struct reader *r, const struct ca_profile *p)
{
	for (uint32_t i = 0; i < p->permitted_count; i++) {
		const char *text = p->permitted[i],
			   *path = path_of(r, arena_printf(r->arena, "names.permitted.%u", i));
		enum pki_san_type type;

		if (pki_pattern_check(bytes_str(text)) != ERR_OK)
			return yaml_refuse(r->doc, path,
				"%s; allowed: dns:host, dns:*.suffix, dns:**.suffix, "
				"ip:10.0.0.0/8, uri:prefix*, email:*@domain",
				err_reason());
		if (pki_san_type_parse(bytes_of(text, strcspn(text, ":")), &type) != ERR_OK ||
			!(p->name_types & 1U << type))
			return yaml_refuse(r->doc, path,
				"\"%s\" is of a type that names.types does not have", text);
	}
	return ERR_OK;
}

static enum err
check_names(const struct reader *r, const struct ca_profile *p)
{
	if (p->name_types == 0 && p->names_max > 0)
		return yaml_refuse(r->doc, path_of(r, "names.max"),
			"names.max is %u; allowed: 0 without names.types", p->names_max);
	if (p->names_min > p->names_max)
		return yaml_refuse(r->doc, path_of(r, "names.min"),
			"%u is more than names.max; allowed: up to %u", p->names_min, p->names_max);
	return check_permitted(r, p);
}

static enum err
check_sense(const struct reader *r, const struct ca_profile *p)
{
	bool nameless = p->common_name == CA_CN_NONE &&
		p->serial_number == CA_SUBJECT_SERIAL_NONE && p->organization == NULL &&
		p->organizational_unit == NULL;

	if (nameless && p->names_min == 0)
		return yaml_refuse(r->doc, path_of(r, "subject"),
			"neither subject nor names would be there "
			"(RFC 5280 section 4.1.2.6); allowed: a subject, or names.min of at least 1");
	if (p->ocsp_nocheck && !(p->eku & PKI_EKU_OCSP_SIGNING))
		return yaml_refuse(r->doc, path_of(r, "ocsp_nocheck"),
			"only a responder may go unchecked "
			"(RFC 6960 section 4.2.2.2.1); allowed: with extended_key_usage OCSPSigning");
	if (p->eku & PKI_EKU_OCSP_SIGNING && p->protocols != 1U << CA_PROTOCOL_INTERNAL)
		return yaml_refuse(r->doc, path_of(r, "protocols"),
			"a responder's certificate speaks for the CA; allowed: internal");
	if (p->requesters & (1U << IDENTITY_OPERATOR | 1U << IDENTITY_SERVICE) &&
		p->protocols & (1U << CA_PROTOCOL_EST | 1U << CA_PROTOCOL_ACME))
		return yaml_refuse(r->doc, path_of(r, "protocols"),
			"the gateway never asks for certificates of operators and programs; "
			"allowed with requesters operator or service: admin, internal");
	if (p->approvals > 0 && p->protocols & 1U << CA_PROTOCOL_INTERNAL)
		return yaml_refuse(r->doc, path_of(r, "approval"),
			"programs cannot wait for operators to have their own certificates; "
			"allowed: without protocol internal");
	if (p->approvals > 0 && p->requesters & 1U << IDENTITY_OPERATOR)
		return yaml_refuse(r->doc, path_of(r, "approval"),
			"operators renew their certificates before each command and cannot wait then; "
			"allowed: without requester operator");
	return ERR_OK;
}

static enum err
judge_profile(const struct reader *r, struct ca_profile *p)
{
	complete_profile(r, p);
	TRY(check_times(r, p));
	TRY(check_names(r, p));
	return check_sense(r, p);
}

static enum err
read_file(const char *path, struct ca_profiles *out)
{
	struct reader r = {.arena = out->arena};
	struct profile_file file = {0};
	enum err e = yaml_read_file(out->arena, path, &profile_table, &file, &r.doc);

	for (; e == ERR_OK && r.index < file.count; r.index++)
		e = judge_profile(&r, &file.item[r.index]);
	out->item = file.item;
	out->count = file.count;
	return e;
}

static void
free_profiles(struct counted *c)
{
	struct ca_profiles *p = (struct ca_profiles *)c;

	arena_free(p->arena);
	free(p);
}

enum err
ca_profiles_load(const char *path, struct ca_profiles **out)
{
	AUTO_STRUCT(ca_profiles) profiles = mem_zalloc(1, sizeof(*profiles));

	counted_init(&profiles->counted, free_profiles);
	profiles->arena = arena_new(0);
	TRY(read_file(path, profiles));
	*out = profiles;
	profiles = NULL;
	return ERR_OK;
}

void
ca_profiles_release(struct ca_profiles *p)
{
	if (p != NULL)
		counted_release(&p->counted);
}

static const struct ca_profile *
find_profile(const struct ca_profiles *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->item[i].name, name) == 0)
			return &p->item[i];
	return NULL;
}

enum err
ca_profiles_get(const struct ca_profiles *p, const char *name, const struct ca_profile **out)
{
	const struct ca_profile *found = find_profile(p, name);

	if (found == NULL) {
		AUTO_STRUCT(arena) a = arena_new(0);
		const char *list = "";

		for (size_t i = 0; i < p->count; i++)
			list = arena_printf(a, "%s%s%s", list, i > 0 ? ", " : "", p->item[i].name);
		return err_set_word(ERR_NOTFOUND, WORD_UNKNOWN_PROFILE,
			"there is no profile \"%s\"; there are: %s", name, list);
	}
	*out = found;
	return ERR_OK;
}
