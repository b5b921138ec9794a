/* Issuer rows, parsed, with the URLs that relying parties use (public.base_url): BASE/crl/NAME.crl,
 * BASE/ocsp, BASE/ca/NAME.cer. */
#include "ca/issuers.h"
#include "lib/store/issuer.h"

#include <stdlib.h>

static enum err
read_issuer(const struct store_issuer *row, const struct config *config, struct arena *a,
	struct ca_issuer *out)
{
	const char *base = config->public.base_url;
	enum err e = pki_cert_parse(arena_bytes(a, row->der), a, &out->cert);

	if (e != ERR_OK)
		return err_context(ERR_INTERNAL, "issuer \"%s\"", row->name);
	out->id = row->id;
	out->state = row->state;
	out->key_label = row->key_label != NULL ? row->key_label : "";
	out->name = arena_strdup(a, row->name);
	out->profiles = row->profiles;
	out->profile_count = row->profile_count;
	out->crl_url = arena_printf(a, "%s/crl/%s.crl", base, row->name);
	out->ocsp_url = arena_printf(a, "%s/ocsp", base);
	out->ca_issuers_url = arena_printf(a, "%s/ca/%s.cer", base, row->name);
	return ERR_OK;
}

static const struct store_issuer *
find_active(const struct store_issuer *row, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (row[i].kind == ISSUER_ISSUING && row[i].state == ISSUER_ACTIVE &&
			strcmp(row[i].name, name) == 0)
			return &row[i];
	return NULL;
}

static enum err
find_root(const struct store_issuer *row, size_t count, int16_t id, struct bytes *out)
{
	for (size_t i = 0; i < count; i++)
		if (row[i].id == id && row[i].kind == ISSUER_ROOT) {
			*out = row[i].der;
			return ERR_OK;
		}
	return err_set(ERR_NOTFOUND,
		"the root above the issuing CA is not recorded; import it with `ca-admin issuer import`");
}

static bool
is_listed(const struct ca_issuer *item, size_t count, int16_t id)
{
	for (size_t i = 0; i < count; i++)
		if (item[i].id == id)
			return true;
	return false;
}

/* The configured ones in their order, into item[*n]; the names of those that are not there. */
static enum err
load_configured(const struct store_issuer *row, size_t count, const struct config *config,
	struct arena *a, struct ca_issuer *item, struct ca_issuers *out)
{
	const char **missing = arena_array(a, config->issuers_count + 1, sizeof(*missing));

	out->missing = missing;
	for (uint32_t i = 0; i < config->issuers_count; i++) {
		const char *name = config->issuers[i].name;
		const struct store_issuer *found = find_active(row, count, name);

		if (found == NULL)
			missing[out->missing_count++] = arena_strdup(a, name);
		if (found == NULL || is_listed(item, out->count, found->id))
			continue;
		TRY(read_issuer(found, config, a, &item[out->count++]));
	}
	return ERR_OK;
}

static enum err
load_others(const struct store_issuer *row, size_t count, const struct config *config,
	struct ca_issuer *item, struct ca_issuers *out)
{
	out->all_count = out->count;
	for (size_t i = 0; i < count; i++)
		if (row[i].kind == ISSUER_ISSUING && !is_listed(item, out->all_count, row[i].id))
			TRY(read_issuer(&row[i], config, out->arena, &item[out->all_count++]));
	return ERR_OK;
}

static int16_t
parent_of(const struct store_issuer *row, size_t count, int16_t id)
{
	for (size_t i = 0; i < count; i++)
		if (row[i].id == id)
			return row[i].parent;
	return 0;
}

static enum err
load_rows(const struct store_issuer *row, size_t count, const struct config *config,
	struct ca_issuers *out)
{
	struct ca_issuer *item = arena_array(out->arena, count + 1, sizeof(*item));

	out->item = item;
	TRY(load_configured(row, count, config, out->arena, item, out));
	TRY(load_others(row, count, config, item, out));
	if (out->all_count == 0)
		return ca_issuers_require(out);
	return find_root(row, count, parent_of(row, count, item[0].id), &out->root);
}

enum err
ca_issuers_require(const struct ca_issuers *issuers)
{
	if (issuers->count == 0)
		return err_set(
			ERR_NOTFOUND, "issuing CA \"%s\" " CA_ISSUERS_MISSING, issuers->missing[0]);
	return ERR_OK;
}

static void
free_issuers(struct counted *c)
{
	struct ca_issuers *issuers = (struct ca_issuers *)c;

	arena_free(issuers->arena);
	free(issuers);
}

void
ca_issuers_release(struct ca_issuers *issuers)
{
	if (issuers != NULL)
		counted_release(&issuers->counted);
}

enum err
ca_issuers_load(struct store *store, const struct config *config, struct ca_issuers **out)
{
	AUTO_STRUCT(ca_issuers) found = mem_zalloc(1, sizeof(*found));
	struct store_issuer *row;
	size_t count;

	counted_init(&found->counted, free_issuers);
	found->arena = arena_new(0);
	found->first = arena_strdup(found->arena, config->issuers[0].name);
	TRY(store_issuer_list(store, found->arena, &row, &count));
	TRY(load_rows(row, count, config, found));
	*out = found;
	found = NULL;
	return ERR_OK;
}

static bool
same_profiles(const struct ca_issuer *a, const struct ca_issuer *b)
{
	if (a->profile_count != b->profile_count)
		return false;
	for (size_t i = 0; i < a->profile_count; i++)
		if (strcmp(a->profiles[i], b->profiles[i]) != 0)
			return false;
	return true;
}

static bool
same_issuer(const struct ca_issuer *a, const struct ca_issuer *b)
{
	return a->id == b->id && a->state == b->state && strcmp(a->key_label, b->key_label) == 0 &&
		bytes_equal(a->cert.der, b->cert.der) && same_profiles(a, b);
}

bool
ca_issuers_equal(const struct ca_issuers *a, const struct ca_issuers *b)
{
	if (a->count != b->count || a->all_count != b->all_count || !bytes_equal(a->root, b->root))
		return false;
	for (size_t i = 0; i < a->all_count; i++)
		if (!same_issuer(&a->item[i], &b->item[i]))
			return false;
	return true;
}

const struct ca_issuer *
ca_issuers_find(const struct ca_issuers *issuers, int16_t id)
{
	for (size_t i = 0; i < issuers->all_count; i++)
		if (issuers->item[i].id == id)
			return &issuers->item[i];
	return NULL;
}

/* A retired one has certificates out, so its responder goes on. */
static const struct ca_issuer *
find_usable(const struct ca_issuers *issuers, const char *name, const struct ca_profile *profile)
{
	bool responder = (profile->eku & PKI_EKU_OCSP_SIGNING) != 0;
	size_t n = responder ? issuers->all_count : issuers->count;

	for (size_t i = 0; i < n; i++)
		if (issuers->item[i].state != ISSUER_REVOKED &&
			strcmp(name, issuers->item[i].name) == 0)
			return &issuers->item[i];
	return NULL;
}

static bool
is_allowed(const struct ca_issuer *issuer, const char *profile)
{
	bool allowed = issuer->profile_count == 0;

	for (size_t i = 0; i < issuer->profile_count; i++)
		allowed = allowed || strcmp(issuer->profiles[i], profile) == 0;
	return allowed;
}

enum err
ca_issuers_named(const struct ca_issuers *issuers, const char *name,
	const struct ca_profile *profile, const struct ca_issuer **out)
{
	const struct ca_issuer *found = find_usable(issuers, name, profile);

	if (found == NULL)
		return err_set_word(ERR_UNAVAILABLE, WORD_NO_ISSUER,
			"profile \"%s\" wants issuing CA \"%s\", which is not active here",
			profile->name, name);
	if (!is_allowed(found, profile->name))
		return err_set_word(ERR_DENIED, WORD_ISSUER_NOT_ALLOWED,
			"issuing CA \"%s\" is limited to other profiles than \"%s\"; `ca-admin issuer list` shows which",
			name, profile->name);
	*out = found;
	return ERR_OK;
}

enum err
ca_issuers_for(const struct ca_issuers *issuers, const struct ca_profile *profile,
	const struct ca_issuer **out)
{
	return ca_issuers_named(
		issuers, profile->issuer != NULL ? profile->issuer : issuers->first, profile, out);
}
