/*
 * See publish.h. RFC 5280 section 5: entries are encoded once and concatenated, no object is made
 * of them.
 *
 * The number is the time in nanoseconds, or one more than the last if that is higher: it survives a
 * restore from backup. thisUpdate is backdated for slow clocks, so a revocationDate later than it
 * is written as thisUpdate (the true instant stays in the database and in OCSP); nextUpdate is one
 * second before the next period begins.
 */
#include "crl/publish.h"

#include "lib/base/clock.h"
#include "lib/pki/crl.h"

enum { ENTRY_MAX = 64, FRAME_MAX = 4096 };
static const size_t work_arena_max = (size_t)2 << 30;

static enum err
append_entries(const struct store_crl_work *work, int64_t this_update, struct buf *entries)
{
	for (size_t i = 0; i < work->count; i++) {
		const struct store_revoked *r = &work->revoked[i];
		int64_t revoked_at = r->revoked_at < this_update ? r->revoked_at : this_update;

		TRY(pki_crl_entry_append(entries, bytes_of(r->serial, sizeof(r->serial)),
			revoked_at, (enum pki_reason)r->reason));
	}
	return ERR_OK;
}

/* What goes out was read again first: signature, issuer, number. */
static enum err
verify_crl(const struct ca_issuer *issuer, struct bytes der, const struct pki_crl_spec *spec)
{
	AUTO(EVP_PKEY) key = NULL;
	struct pki_crl crl;

	TRY(pki_crl_parse(der, &crl));
	TRY(pki_spki_pkey(&issuer->cert.spki, &key));
	if (crl.number != spec->number || !bytes_equal(crl.issuer, spec->issuer) ||
		crl.entries.n != spec->entries.n)
		return err_set(ERR_INTERNAL,
			"issuer \"%s\": the CRL just built does not read back as it was meant",
			issuer->name);
	return pki_verify(key, crl.sig_alg, crl.tbs, crl.signature);
}

enum err
crl_build(const struct ca_issuer *issuer, const struct pki_signer *signer,
	const struct config_crl *policy, const struct store_crl_work *work, int64_t now_us,
	struct buf *der, struct crl_published *out)
{
	AUTO_BUF(entries, work->count * ENTRY_MAX + 1);
	int64_t this_update = now_us / 1000000 - policy->backdate, number = now_us * 1000;
	struct pki_crl_spec spec = {
		.issuer = issuer->cert.subject,
		.authority_key_id = issuer->cert.subject_key_id,
		.number = (uint64_t)(number > work->last_number ? number : work->last_number + 1),
		.this_update = this_update,
		.next_update = this_update + policy->lifetime - 1,
	};

	TRY(append_entries(work, this_update, &entries));
	spec.entries = buf_bytes(&entries);
	TRY(pki_crl_build(&spec, signer, der));
	TRY(verify_crl(issuer, buf_bytes(der), &spec));
	*out = (struct crl_published){
		(int64_t)spec.number, spec.this_update, spec.next_update, work->count};
	return ERR_OK;
}

enum err
crl_publish(struct store *store, const struct ca_issuer *issuer, const struct pki_signer *signer,
	const struct config_crl *policy, struct crl_published *out)
{
	AUTO_STRUCT(arena) arena = arena_new(work_arena_max);
	struct store_crl_work work;
	struct store_crl_job *job;
	struct crl_published made;
	enum err e;

	TRY(store_crl_begin(store, issuer->id, clock_now() - policy->refresh - policy->backdate,
		arena, &work, &job));
	AUTO_BUF(der, work.count * ENTRY_MAX + FRAME_MAX);

	if ((e = crl_build(issuer, signer, policy, &work, clock_now_us(), &der, &made)) != ERR_OK) {
		store_crl_abort(job);
		return e;
	}
	const struct store_crl row = {.issuer = issuer->id,
		.number = made.number,
		.this_update = made.this_update,
		.next_update = made.next_update,
		.entries = (int)made.entries,
		.der = buf_bytes(&der)};

	TRY(store_crl_finish(job, &row));
	*out = made;
	return ERR_OK;
}
