/*
 * The CRL of an offline CA (RFC 5280 section 5). The plan lists every revoked certificate; whatever
 * the previous CRL lists must be there again, because a revocation is not taken back. The number is
 * the time in nanoseconds, or one more than the previous number if that is higher, so it rises even
 * when an older backup is used.
 */
#include "ca/ceremony/ceremony.h"

#include "lib/base/clock.h"
#include "lib/base/hex.h"

enum { SERIAL_OCTETS_MAX = 20 };

struct entry {
	struct bytes serial;
	int64_t revoked_at;
	enum pki_reason reason;
};

static enum err
read_entry(const struct plan *p, uint32_t i, int64_t now, struct entry *out)
{
	const struct plan_revoked *r = &p->file.crl.revoked[i];
	uint8_t *serial = arena_alloc(p->arena, SERIAL_OCTETS_MAX);
	const char *path = arena_printf(p->arena, "crl.revoked.%u", i);
	size_t n;

	if (hex_decode(bytes_str(r->serial), serial, SERIAL_OCTETS_MAX, &n) != ERR_OK || n == 0 ||
		serial[0] > 0x7f)
		return yaml_refuse(p->doc, arena_printf(p->arena, "%s.serial", path),
			"\"%s\" is no serial number in hex", r->serial);
	if (clock_parse_rfc3339(bytes_str(r->date), &out->revoked_at) != ERR_OK)
		return yaml_refuse(p->doc, arena_printf(p->arena, "%s.date", path),
			"\"%s\" is no time like \"2026-11-21T12:00:00Z\"", r->date);
	if (out->revoked_at > now)
		return yaml_refuse(p->doc, arena_printf(p->arena, "%s.date", path),
			"\"%s\" lies in the future", r->date);
	out->reason = PKI_REASON_NONE;
	if (r->reason != NULL && pki_reason_parse(r->reason, &out->reason) != ERR_OK)
		return yaml_refuse(
			p->doc, arena_printf(p->arena, "%s.reason", path), "%s", err_reason());
	out->serial = bytes_of(serial, n);
	return ERR_OK;
}

/* No serial twice (ocsp/CHECKS.md 68). */
static enum err
read_entries(const struct plan *p, int64_t now, struct entry *out, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		TRY(read_entry(p, i, now, &out[i]));
		for (uint32_t j = 0; j < i; j++)
			if (bytes_equal(out[i].serial, out[j].serial))
				return yaml_refuse(p->doc,
					arena_printf(p->arena, "crl.revoked.%u.serial", i),
					"serial %s is listed twice",
					hex_string(p->arena, out[i].serial));
	}
	return ERR_OK;
}

static bool
is_listed(const struct entry *entries, uint32_t count, struct bytes serial)
{
	for (uint32_t i = 0; i < count; i++)
		if (bytes_equal(entries[i].serial, serial))
			return true;
	return false;
}

static enum err
check_nothing_forgotten(const struct plan *p, const struct pki_crl *previous,
	const struct entry *entries, uint32_t count)
{
	struct der at = der_open(previous->entries);
	struct bytes serial;
	int64_t revoked_at;
	enum pki_reason reason;
	enum err e;

	while ((e = pki_crl_entry_next(&at, &serial, &revoked_at, &reason)) == ERR_OK)
		if (!is_listed(entries, count, serial))
			return yaml_refuse(p->doc, "crl",
				"the previous CRL lists serial %s and the plan does not; a revocation is not taken back, "
				"add it under crl.revoked",
				hex_string(p->arena, serial));
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* Only what its key signed is a predecessor. */
static enum err
read_previous(struct ceremony *c, const struct pki_cert *issuer, struct pki_crl *out)
{
	const char *path = c->plan->file.crl.previous;
	AUTO(EVP_PKEY) key = NULL;
	struct bytes der;
	enum err e = record_read(c->record, RECORD_PREVIOUS_CRL, path, "X509 CRL", &der);

	if (e != ERR_OK || (e = pki_crl_parse(der, out)) != ERR_OK)
		return err_context(e, "previous CRL \"%s\"", path);
	if (!bytes_equal(out->issuer, issuer->subject))
		return yaml_refuse(
			c->plan->doc, "crl.previous", "\"%s\" is the CRL of another CA", path);
	TRY(pki_spki_pkey(&issuer->spki, &key));
	if (pki_verify(key, out->sig_alg, out->tbs, out->signature) != ERR_OK)
		return yaml_refuse(
			c->plan->doc, "crl.previous", "\"%s\" has a bad signature", path);
	return ERR_OK;
}

static uint64_t
next_number(const struct pki_crl *previous)
{
	uint64_t now = (uint64_t)clock_now_us() * 1000;

	return previous != NULL && previous->number >= now ? previous->number + 1 : now;
}

static enum err
build_crl(struct ceremony *c, const struct pki_cert *issuer, const struct pki_crl *previous,
	struct buf *out)
{
	const struct plan_crl *plan = &c->plan->file.crl;
	struct entry *list = arena_array(c->plan->arena, plan->revoked_count + 1, sizeof(*list));
	struct pki_crl_spec spec = {
		.issuer = issuer->subject, .authority_key_id = issuer->subject_key_id};
	AUTO_BUF(entries, 256 * 1024);

	spec.this_update = clock_now();
	spec.next_update = spec.this_update + plan_days(plan->days) - 1;
	spec.number = next_number(previous);
	TRY(read_entries(c->plan, spec.this_update, list, plan->revoked_count));
	if (previous != NULL)
		TRY(check_nothing_forgotten(c->plan, previous, list, plan->revoked_count));
	for (uint32_t i = 0; i < plan->revoked_count; i++)
		TRY(pki_crl_entry_append(
			&entries, list[i].serial, list[i].revoked_at, list[i].reason));
	spec.entries = buf_bytes(&entries);
	return pki_crl_build(&spec, ca_key_signer(c->key), out);
}

enum err
ceremony_crl_write(
	struct ceremony *c, const struct pki_cert *issuer, const struct pki_crl *previous)
{
	const struct plan_crl *plan = &c->plan->file.crl;
	AUTO_BUF(der, 512 * 1024);
	AUTO(EVP_PKEY) key = NULL;
	struct pki_crl made;
	char next[CLOCK_RFC3339_SIZE];

	TRY(build_crl(c, issuer, previous, &der));
	TRY(pki_crl_parse(buf_bytes(&der), &made));
	TRY(pki_spki_pkey(&issuer->spki, &key));
	TRY(pki_verify(key, made.sig_alg, made.tbs, made.signature));
	clock_format_rfc3339(made.next_update, next);
	record_step(c->record, "CRL number %llu with %u entries, next update %s",
		(unsigned long long)made.number, plan->revoked_count, next);
	return record_write(c->record, RECORD_CRL, plan->file, "X509 CRL", buf_bytes(&der));
}

enum err
ceremony_crl(struct plan *p)
{
	const char *outputs[] = {p->file.crl.file};

	AUTO_CEREMONY(c);
	struct pki_cert issuer;
	struct pki_crl previous;

	if (p->file.crl.previous == NULL)
		return yaml_refuse(p->doc, "crl",
			"\"previous\" is missing; name the CRL this one follows, so that its number is higher and no "
			"entry is lost");
	TRY(ceremony_open(&c, p, "crl", outputs, ARRAY_LEN(outputs)));
	TRY(ceremony_key_use(&c));
	TRY(ceremony_issuer(&c, &issuer));
	TRY(read_previous(&c, &issuer, &previous));
	TRY(ceremony_crl_write(&c, &issuer, &previous));
	return record_finish(c.record, c.key);
}
