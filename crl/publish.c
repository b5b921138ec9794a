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

#include "ca/crl_late.h"
#include "lib/base/clock.h"
#include "lib/pki/crl.h"

enum { FRAME_MAX = 4096 };

struct crl_publication {
	struct store_crl_job *job;
	int16_t issuer;
	int64_t begun_us; /* monotonic */
	struct crl_draft draft;
	struct store_crl row; /* once it is signed, a view of der */
	struct buf der;
	size_t written;
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

bool
crl_is_due(const struct config_crl *policy, const struct store_crl_state *last, int64_t now)
{
	if (last->number == 0 || last->this_update > now ||
		last->this_update <= now - policy->refresh - policy->backdate)
		return true;
	return last->waiting_ms != STORE_CRL_NONE_WAIT &&
		last->age_ms >= ca_crl_pause_ms(last->build_ms);
}

enum err
crl_publish_begin(struct store *store, const struct store_crl_state *last,
	const struct config_crl *policy, struct crl_publication **out)
{
	AUTO_STRUCT(crl_publication) p = mem_zalloc(1, sizeof(*p));

	p->begun_us = clock_monotonic_us();
	p->issuer = last->issuer;
	p->der.max = STORE_CRL_OCTETS_MAX;
	TRY(store_crl_begin(store, last, &p->job));
	crl_draft_init(&p->draft, policy, last->number, clock_now_us());
	*out = p;
	p = NULL;
	return ERR_OK;
}

void
crl_publish_end(struct crl_publication *p)
{
	if (p == NULL)
		return;
	store_crl_end(p->job);
	buf_clear(&p->draft.entries);
	buf_clear(&p->der);
	free(p);
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
crl_publish_sign(
	struct crl_publication *p, const struct ca_issuer *issuer, const struct pki_signer *signer)
{
	const struct crl_published *head = &p->draft.head;

	TRY(crl_build(issuer, signer, &p->draft, &p->der));
	buf_clear(&p->draft.entries);
	p->row = (struct store_crl){.issuer = p->issuer,
		.number = head->number,
		.this_update = head->this_update,
		.next_update = head->next_update,
		.build_ms = (clock_monotonic_us() - p->begun_us) / 1000,
		.entries = (int)head->entries,
		.der = buf_bytes(&p->der)};
	return ERR_OK;
}

enum err
crl_publish_write(struct crl_publication *p, bool *more)
{
	TRY(store_crl_write(p->job, &p->row, &p->written));
	*more = p->written < p->row.der.n;
	return ERR_OK;
}

enum err
crl_publish_record(struct crl_publication *p, struct crl_published *out)
{
	TRY(store_crl_record(p->job, &p->row));
	*out = p->draft.head;
	return ERR_OK;
}
