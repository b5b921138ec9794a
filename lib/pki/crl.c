/*
 * Writing CRLs (RFC 5280 section 5). A list of 100,000 entries is 3 MB of octets that were encoded
 * one by one; around them goes a small head and a small tail, and nothing is ever held as objects.
 */
#include "lib/pki/crl.h"

#include <stdio.h>

#include "lib/pki/ext.h"
#include "lib/pki/oid.h"

enum { ENTRY_MAX = 96, HEAD_MAX = PKI_NAME_DER_MAX + 128, TAIL_MAX = 128, VERSION_2 = 1 };

static const struct {
	enum pki_reason reason;
	const char *name;
} reasons[] = {
	{PKI_REASON_NONE, "none"},
	{PKI_REASON_UNSPECIFIED, "unspecified"},
	{PKI_REASON_KEY_COMPROMISE, "keyCompromise"},
	{PKI_REASON_CA_COMPROMISE, "cACompromise"},
	{PKI_REASON_AFFILIATION_CHANGED, "affiliationChanged"},
	{PKI_REASON_SUPERSEDED, "superseded"},
	{PKI_REASON_CESSATION_OF_OPERATION, "cessationOfOperation"},
	{PKI_REASON_CERTIFICATE_HOLD, "certificateHold"},
	{PKI_REASON_REMOVE_FROM_CRL, "removeFromCRL"},
	{PKI_REASON_PRIVILEGE_WITHDRAWN, "privilegeWithdrawn"},
	{PKI_REASON_AA_COMPROMISE, "aACompromise"},
};

const char *
pki_reason_name(enum pki_reason r)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].reason == r)
			return reasons[i].name;
	return "unknown";
}

static bool
is_reason(enum pki_reason r)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].reason == r)
			return true;
	return false;
}

enum err
pki_reason_parse(const char *text, enum pki_reason *out)
{
	char number[4];

	for (size_t i = 1; i < ARRAY_LEN(reasons); i++) {
		snprintf(number, sizeof(number), "%d", (int)reasons[i].reason);
		if (strcmp(text, reasons[i].name) == 0 || strcmp(text, number) == 0) {
			*out = reasons[i].reason;
			return ERR_OK;
		}
	}
	return err_set(ERR_INVALID,
		"revocation reason \"%s\" is none of RFC 5280 section 5.3.1, such as keyCompromise, superseded, "
		"cessationOfOperation, privilegeWithdrawn",
		text);
}

/* reasonCode is not written for unspecified (section 5.3.1 says SHOULD be absent). */
static void
put_reason(struct derw *w, enum pki_reason reason)
{
	size_t mark = derw_mark(w);
	uint8_t code = (uint8_t)reason;

	if (reason == PKI_REASON_NONE || reason == PKI_REASON_UNSPECIFIED)
		return;
	derw_element(w, DER_ENUMERATED, bytes_of(&code, 1));
	ext_wrap(w, OID_REASON_CODE, false, mark);
	derw_wrap(w, DER_SEQUENCE, mark);
}

enum err
pki_crl_entry_append(
	struct buf *entries, struct bytes serial, int64_t revoked_at, enum pki_reason reason)
{
	uint8_t room[ENTRY_MAX];
	struct derw w;
	struct bytes entry;

	if (!is_reason(reason))
		return err_set(ERR_INVALID,
			"revocation reason %d does not exist (RFC 5280 section 5.3.1)",
			(int)reason);
	derw_init(&w, room, sizeof(room));
	put_reason(&w, reason);
	derw_time(&w, revoked_at);
	derw_integer(&w, serial);
	derw_wrap(&w, DER_SEQUENCE, 0);
	TRY(derw_done(&w, &entry));
	return buf_append(entries, entry.p, entry.n);
}

/* What follows the entries: authorityKeyIdentifier and cRLNumber, both not critical. */
static enum err
make_tail(const struct pki_crl_spec *s, uint8_t *room, struct bytes *out)
{
	struct derw w;
	size_t mark;

	derw_init(&w, room, TAIL_MAX);
	derw_uint(&w, s->number);
	ext_wrap(&w, OID_CRL_NUMBER, false, 0);
	mark = derw_mark(&w);
	derw_element(&w, DER_CONTEXT(0), s->authority_key_id);
	derw_wrap(&w, DER_SEQUENCE, mark);
	ext_wrap(&w, OID_AUTHORITY_KEY_ID, false, mark);
	derw_wrap(&w, DER_SEQUENCE, 0);
	derw_wrap(&w, DER_CONTEXT_CONS(0), 0);
	return derw_done(&w, out);
}

/* What precedes them, with the header of a TBSCertList that has rest octets more. */
static enum err
make_head(const struct pki_crl_spec *s, enum pki_sig_alg alg, size_t rest, uint8_t *room,
	struct bytes *out)
{
	struct derw w;

	derw_init(&w, room, HEAD_MAX);
	/* revokedCertificates may not be present and empty (section 5.1.2.6). */
	if (s->entries.n > 0)
		derw_header(&w, DER_SEQUENCE, s->entries.n);
	derw_time(&w, s->next_update);
	derw_time(&w, s->this_update);
	derw_raw(&w, s->issuer);
	pki_sig_alg_put(&w, alg);
	derw_uint(&w, VERSION_2);
	derw_header(&w, DER_SEQUENCE, derw_mark(&w) + rest);
	return derw_done(&w, out);
}

static enum err
check_spec(const struct pki_crl_spec *s)
{
	TRY(pki_name_check(s->issuer));
	if (pki_name_empty(s->issuer))
		return err_set(ERR_INVALID, "a CRL has an issuer (RFC 5280 section 5.1.2.3)");
	if (s->authority_key_id.n == 0)
		return err_set(ERR_INVALID,
			"a CRL has an authorityKeyIdentifier (RFC 5280 section 5.2.1)");
	if (s->this_update >= s->next_update)
		return err_set(ERR_INVALID,
			"thisUpdate is not earlier than nextUpdate (RFC 5280 section 5.1.2.5)");
	return ERR_OK;
}

enum err
pki_crl_build(const struct pki_crl_spec *spec, const struct pki_signer *s, struct buf *out)
{
	AUTO_BUF(tbs, spec->entries.n + HEAD_MAX + TAIL_MAX);
	uint8_t head_room[HEAD_MAX], tail_room[TAIL_MAX];
	struct bytes head, tail;

	TRY(check_spec(spec));
	TRY(make_tail(spec, tail_room, &tail));
	TRY(make_head(spec, s->alg, spec->entries.n + tail.n, head_room, &head));
	TRY(pki_concat(&tbs, (const struct bytes[]){head, spec->entries, tail}, 3));
	return pki_sign(s, buf_bytes(&tbs), out);
}
