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

/* The configured ones in their order, into item[*n]; the names of those that are not there. */
static enum err
load_configured(const struct store_issuer *row, size_t count, const struct config *config,
	struct arena *a, struct ca_issuer *item, struct ca_issuers *out)
{
	const char **missing = arena_array(a, config->issuers_count + 1, sizeof(*missing));
	enum err e = ERR_OK;

	out->missing = missing;
	for (uint32_t i = 0; i < config->issuers_count && e == ERR_OK; i++) {
		const char *name = config->issuers[i].name;
		const struct store_issuer *found = find_active(row, count, name);

		if (found == NULL)
			missing[out->missing_count++] = arena_strdup(a, name);
		if (found == NULL || listed(item, out->count, found->id))
			continue;
		e = read_issuer(found, config, a, &item[out->count]);
		if (e == ERR_OK && out->count == 0)
			e = find_root(row, count, found->parent, &out->root);
		out->count++;
	}
	if (e == ERR_OK && out->count == 0)
		return err_set(ERR_NOTFOUND, "issuing CA \"%s\" " CA_ISSUERS_MISSING,
			out->missing_count > 0 ? missing[0] : "");
	return e;
}

enum err
ca_issuers_load(
	struct store *store, const struct config *config, struct arena *a, struct ca_issuers *out)
{
	struct ca_issuers found = {.first = NULL};
	struct store_issuer *row;
	struct ca_issuer *item;
	size_t count;
	enum err e = store_issuer_list(store, a, &row, &count);

	if (e != ERR_OK)
		return e;
	item = arena_array(a, count + 1, sizeof(*item));
	if ((e = load_configured(row, count, config, a, item, &found)) != ERR_OK)
		return e;
	found.all_count = found.count;
	for (size_t i = 0; i < count; i++)
		if (is_issuing(&row[i]) && !listed(item, found.all_count, row[i].id) &&
			(e = read_issuer(&row[i], config, a, &item[found.all_count++])) != ERR_OK)
			return e;
	found.item = item;
	found.first = arena_strdup(a, config->issuers[0].name);
	*out = found;
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
	return ca_issuers_active(
		issuers, profile->issuer != NULL ? profile->issuer : issuers->first);
}
