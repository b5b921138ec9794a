/* issuer retire and activate: an issuing CA's state in the database, which all programs follow within
 * a second or two. */
#include "admin/cli/cli.h"
#include "lib/store/issuer.h"

static enum err
move_issuer(struct cli *a, enum issuer_state state, const char *verb, const char *effect)
{
	AUTO_STRUCT(store) s = NULL;
	const char *name = a->argument[0], *word = issuer_state_name(state);
	bool changed;

	TRY(local_config(a));
	if (!output_plan(a, "%s issuer \"%s\": %s", verb, name, effect))
		return ERR_OK;
	TRY(local_store(a, &s));
	TRY(store_issuer_move(s, name, state, local_actor(a), &changed));
	output_done(a,
		json_pack("{s:s, s:s, s:b}", "issuer", name, "state", word, "changed", changed),
		"issuer \"%s\" is %s%s", name, word, changed ? "" : " already");
	return ERR_OK;
}

enum err
cmd_issuer_retire(struct cli *a)
{
	return move_issuer(a, ISSUER_RETIRED, "retire",
		"it certifies nobody any more; its CRL and its OCSP answers go on while a signer has its key");
}

enum err
cmd_issuer_activate(struct cli *a)
{
	return move_issuer(a, ISSUER_ACTIVE, "activate",
		"it certifies again where the configuration names it");
}
