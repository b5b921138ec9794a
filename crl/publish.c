/*
 * See publish.h. RFC 5280 section 5: entries are encoded once, page by page, into one buffer; no object is
 * made of them.
 *
 * The number is the time in nanoseconds, or one more than the last if that is higher: it survives a
 * restore from backup. thisUpdate is backdated for slow clocks, so a revocationDate later than it
 * is written as thisUpdate (the true instant stays in the database and in OCSP); nextUpdate is one
 * second before the next period begins.
 */
#include "crl/publish.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/pki/crl.h"

enum { FRAME_MAX = 4096 };

struct crl_publication {
	struct store_crl_job *job;
	int16_t issuer;
	struct crl_draft draft;
};

void
crl_draft_init(
	struct crl_draft *d, const struct config_crl *policy, int64_t last_number, int64_t now_us)
{
	int64_t this_update = now_us / 1000000 - policy->backdate, number = now_us * 1000;

	d->head = (struct crl_published){
		.number = number > last_number ? number : last_number + 1,
		.this_update = this_update,
		.next_update = this_update + policy->lifetime - 1,
	};
	d->entries = (struct buf){.max = STORE_CRL_OCTETS_MAX - FRAME_MAX};
}

enum err
crl_draft_add(struct crl_draft *d, const struct store_revoked *revoked, size_t count)
{
	int64_t this_update = d->head.this_update;

	for (size_t i = 0; i < count; i++) {
		const struct store_revoked *r = &revoked[i];
		int64_t revoked_at = r->revoked_at < this_update ? r->revoked_at : this_update;

		TRY(pki_crl_entry_append(&d->entries, bytes_of(r->serial, sizeof(r->serial)),
			revoked_at, (enum pki_reason)r->reason));
	}
	d->head.entries += count;
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
	const struct crl_draft *d, struct buf *der)
{
	const struct pki_crl_spec spec = {
		.issuer = issuer->cert.subject,
		.authority_key_id = issuer->cert.subject_key_id,
		.number = (uint64_t)d->head.number,
		.this_update = d->head.this_update,
		.next_update = d->head.next_update,
		.entries = buf_bytes(&d->entries),
	};

	TRY(pki_crl_build(&spec, signer, der));
	return verify_crl(issuer, buf_bytes(der), &spec);
}

enum err
crl_publish_begin(struct store *store, int16_t issuer, const struct config_crl *policy,
	struct crl_publication **out)
{
	struct store_crl_last last;
	struct store_crl_job *job;

	TRY(store_crl_begin(
		store, issuer, clock_now() - policy->refresh - policy->backdate, &last, &job));
	*out = mem_zalloc(1, sizeof(**out));
	(*out)->job = job;
	(*out)->issuer = issuer;
	crl_draft_init(&(*out)->draft, policy, last.number, clock_now_us());
	return ERR_OK;
}

void
crl_publish_abort(struct crl_publication *p)
{
	if (p == NULL)
		return;
	store_crl_abort(p->job);
	buf_clear(&p->draft.entries);
	free(p);
}

int16_t
crl_publish_issuer(const struct crl_publication *p)
{
	return p->issuer;
}

enum err
crl_publish_read(struct crl_publication *p, bool *more)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct store_revoked *page;
	size_t count;

	TRY(store_crl_page(p->job, a, &page, &count, more));
	return crl_draft_add(&p->draft, page, count);
}

enum err
crl_publish_finish(struct crl_publication *publication, const struct ca_issuer *issuer,
	const struct pki_signer *signer, struct crl_published *out)
{
	AUTO_STRUCT(crl_publication) p = publication;
	struct store_crl_job *job = p->job;
	AUTO_BUF(der, STORE_CRL_OCTETS_MAX);
	struct store_crl row = {.issuer = p->issuer,
		.number = p->draft.head.number,
		.this_update = p->draft.head.this_update,
		.next_update = p->draft.head.next_update,
		.entries = (int)p->draft.head.entries};

	TRY(crl_build(issuer, signer, &p->draft, &der));
	row.der = buf_bytes(&der);
	p->job = NULL; /* ends with what follows */
	TRY(store_crl_finish(job, &row));
	*out = p->draft.head;
	return ERR_OK;
}
