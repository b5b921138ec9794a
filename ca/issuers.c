/* Issuer rows, parsed, with the URLs that relying parties use (public.base_url): BASE/crl/NAME.crl,
 * BASE/ocsp, BASE/ca/NAME.cer. */
#include "ca/issuers.h"

static enum err
read_issuer(const struct store_issuer *row, const struct config *config, struct arena *a,
	struct ca_issuer *out)
{
	const char *base = config->public.base_url;
	enum err e = pki_cert_parse(arena_bytes(a, row->der), a, &out->cert);

	if (e != ERR_OK)
		return err_context(ERR_INTERNAL, "issuer \"%s\"", row->name);
	out->id = row->id;
	out->name = arena_strdup(a, row->name);
	out->crl_url = arena_printf(a, "%s/crl/%s.crl", base, row->name);
	out->ocsp_url = arena_printf(a, "%s/ocsp", base);
	out->ca_issuers_url = arena_printf(a, "%s/ca/%s.cer", base, row->name);
	return ERR_OK;
}

static bool
is_issuing(const struct store_issuer *row)
{
	return strcmp(row->kind, "issuing") == 0;
}

static const struct store_issuer *
find_active(const struct store_issuer *row, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (is_issuing(&row[i]) && strcmp(row[i].state, "active") == 0 &&
			strcmp(row[i].name, name) == 0)
			return &row[i];
	return NULL;
}

static enum err
find_root(const struct store_issuer *row, size_t count, int16_t id, struct bytes *out)
{
	for (size_t i = 0; i < count; i++)
		if (row[i].id == id && strcmp(row[i].kind, "root") == 0) {
			*out = row[i].der;
			return ERR_OK;
		}
	return err_set(ERR_NOTFOUND,
		"the root above the issuing CA is not recorded; import it with `ca-admin issuer import`");
}

static bool
listed(const struct ca_issuer *item, size_t count, int16_t id)
{
	for (size_t i = 0; i < count; i++)
		if (item[i].id == id)
			return true;
	return false;
}

enum err
ca_issuers_load(
	struct store *store, const struct config *config, struct arena *a, struct ca_issuers *out)
{
	struct store_issuer *row;
	struct ca_issuer *item;
	size_t count, n = 0;
	enum err e = store_issuer_list(store, a, &row, &count);

	if (e != ERR_OK)
		return e;
	item = arena_array(a, count, sizeof(*item));
	for (uint32_t i = 0; i < config->issuers_count; i++) {
		const struct store_issuer *found = find_active(row, count, config->issuers[i].name);

		if (found == NULL)
			return err_set(ERR_NOTFOUND,
				"issuing CA \"%s\" is configured but not active in the database; "
				"run `ca-admin issuer import`",
				config->issuers[i].name);
		if (listed(item, n, found->id))
			continue;
		if ((e = read_issuer(found, config, a, &item[n])) != ERR_OK ||
			(n == 0 &&
				(e = find_root(row, count, found->parent, &out->root)) != ERR_OK))
			return e;
		n++;
	}
	out->count = n;
	for (size_t i = 0; i < count; i++)
		if (is_issuing(&row[i]) && !listed(item, n, row[i].id) &&
			(e = read_issuer(&row[i], config, a, &item[n++])) != ERR_OK)
			return e;
	out->item = item;
	out->all_count = n;
	return ERR_OK;
}

const struct ca_issuer *
ca_issuers_find(const struct ca_issuers *issuers, int16_t id)
{
	for (size_t i = 0; i < issuers->all_count; i++)
		if (issuers->item[i].id == id)
			return &issuers->item[i];
	return NULL;
}

const struct ca_issuer *
ca_issuers_active(const struct ca_issuers *issuers, const char *name)
{
	for (size_t i = 0; i < issuers->count; i++)
		if (strcmp(name, issuers->item[i].name) == 0)
			return &issuers->item[i];
	return NULL;
}

const struct ca_issuer *
ca_issuers_for(const struct ca_issuers *issuers, const struct ca_profile *profile)
{
	if (profile->issuer != NULL)
		return ca_issuers_active(issuers, profile->issuer);
	return issuers->count > 0 ? &issuers->item[0] : NULL;
}
