/* Certificates: list, show, revoke. A revocation is in effect when the answer is sent. */
#include "admin/api/internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/hex.h"
#include "lib/pki/crl.h"
#include "lib/store/revocation.h"

static const char *
certificate_status(const struct store_certificate *c, int64_t now)
{
	if (c->revoked_at != 0)
		return "revoked";
	if (c->not_after < now)
		return "expired";
	return c->not_before > now ? "not-yet-valid" : "valid";
}

static json_t *
names_json(struct api_call *c, const struct pki_sans *sans)
{
	json_t *out = json_array();

	for (size_t i = 0; i < sans->count; i++)
		json_array_append_new(out, json_string(pki_san_text(c->arena, &sans->item[i])));
	return out;
}

static const char *
issuer_name(struct api_call *c, int16_t id)
{
	const struct ca_issuer *issuer = ca_issuers_find(ca_front_issuers(c->g, c->arena), id);

	return issuer != NULL ? issuer->name : "";
}

json_t *
api_certificate_json(struct api_call *c, const struct store_certificate *cert)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s}", "serial",
		hex_string(c->arena, bytes_of(cert->serial, STORE_SERIAL_SIZE)), "identity",
		cert->identity_name, "profile", cert->profile, "issuer",
		issuer_name(c, cert->issuer), "status", certificate_status(cert, clock_now()));
	struct pki_cert parsed;

	if (pki_cert_parse(cert->der, c->arena, &parsed) == ERR_OK) {
		json_object_set_new(o, "names", names_json(c, &parsed.sans));
		json_object_set_new(
			o, "subject", json_string(pki_name_text(c->arena, parsed.subject)));
	}
	api_put_time(o, "not_before", cert->not_before);
	api_put_time(o, "not_after", cert->not_after);
	api_put_time(o, "issued_at", cert->issued_at);
	if (cert->revoked_at != 0) {
		api_put_time(o, "revoked_at", cert->revoked_at);
		json_object_set_new(o, "reason",
			json_string(cert->reason >= 0
					? pki_reason_name((enum pki_reason)cert->reason)
					: "unspecified"));
	}
	if (cert->has_renewed_from)
		json_object_set_new(o, "renewed_from",
			json_string(hex_string(
				c->arena, bytes_of(cert->renewed_from, STORE_SERIAL_SIZE))));
	return o;
}

/* "not_after-serial": the last row of the page before. */
static enum err
parse_after(const char *text, uint8_t serial[STORE_SERIAL_SIZE], struct store_certificate_filter *f)
{
	char *dash;
	size_t n;

	if (text == NULL)
		return ERR_OK;
	f->after_not_after = strtoll(text, &dash, 10);
	f->after_serial = serial;
	if (dash == text || *dash != '-' ||
		hex_decode(bytes_str(dash + 1), serial, STORE_SERIAL_SIZE, &n) != ERR_OK ||
		n != STORE_SERIAL_SIZE)
		return err_set(ERR_INVALID, "after must be the \"next\" of the page before");
	return ERR_OK;
}

/* A page ends early when its text grows large: names are long, and clients bound what they read. */
static void
answer_certificates(
	struct api_call *c, const struct store_certificate *list, size_t count, bool full)
{
	json_t *out = json_array();
	const char *next = NULL;
	size_t octets = 0;

	for (size_t i = 0; i < count && next == NULL; i++) {
		json_t *o = api_certificate_json(c, &list[i]);

		octets += strlen(json_text(c->arena, o));
		json_array_append_new(out, o);
		if ((octets > API_PAGE_OCTETS && i + 1 < count) || (i + 1 == count && full))
			next = arena_printf(c->arena, "%" PRId64 "-%s", list[i].not_after,
				hex_string(c->arena, bytes_of(list[i].serial, STORE_SERIAL_SIZE)));
	}
	api_answer_page(c, "certificates", out, next);
}

enum err
api_certificates(struct api_call *c)
{
	struct store_certificate_filter f = {.identity = api_text(c, "identity"),
		.name = api_text(c, "name"),
		.live = api_value(c, "all")->given ? STORE_LIVE_OR_NOT : STORE_LIVE_ONLY,
		.limit = (unsigned)api_value(c, "limit")->number};
	struct store_certificate *list = NULL;
	struct store_identity identity;
	uint8_t serial[STORE_SERIAL_SIZE];
	size_t count = 0;

	if (f.identity != NULL)
		TRY(api_find_identity(c, f.identity, &identity));
	TRY(parse_after(api_text(c, "after"), serial, &f));
	TRY(store_certificate_list(c->g->store, c->arena, &f, &list, &count));
	answer_certificates(c, list, count, count == f.limit);
	return ERR_OK;
}

/* e, in the caller's words where a statement did not find the certificate. */
static enum err
explain_unknown(enum err e, const char *serial)
{
	if (e != ERR_NOTFOUND)
		return e;
	return err_set_word(
		e, WORD_UNKNOWN_CERTIFICATE, "there is no certificate with serial %s", serial);
}

static json_t *
texts_json(const char *const *texts, size_t count)
{
	json_t *out = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(out, json_string(texts[i]));
	return out;
}

static void
put_authority(struct api_call *c, const struct store_authority *by)
{
	json_t *o = json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s*, s:s*}", "protocol",
		ca_protocol_name(by->protocol), "proof", store_proof_name(by->proof),
		"requested_by", by->requested_by, "shown_certificate", by->shown, "acme_order",
		by->acme_order, "acme_account", by->acme_account, "revoked_by", by->revoked_by);

	if (by->approved_count > 0)
		json_object_set_new(
			o, "approved_by", texts_json(by->approved_by, by->approved_count));
	json_object_update(c->answer, o);
	json_decref(o);
}

enum err
api_certificate_show(struct api_call *c)
{
	const struct api_value *serial = api_value(c, "serial");
	struct store_certificate cert;
	struct store_authority by;
	enum err e = store_certificate_find(c->g->store, c->arena, serial->serial, &cert);

	if (e == ERR_OK)
		e = store_certificate_authority(c->g->store, c->arena, serial->serial, &by);
	if (e != ERR_OK)
		return explain_unknown(e, serial->text);
	c->answer = api_certificate_json(c, &cert);
	put_authority(c, &by);
	json_object_set_new(
		c->answer, "pem", json_string(pem_string(c->arena, "CERTIFICATE", cert.der)));
	return ERR_OK;
}

/* What becomes of the revocation beyond listeners: only who has the key can publish it. */
static enum err
tell_crl(struct api_call *c, const uint8_t *serial, const char **out)
{
	struct store_certificate cert;
	AUTO(json_t) signed_for = NULL;
	const char *name;

	TRY(store_certificate_find(c->g->store, c->arena, serial, &cert));
	TRY(api_find_signed_for(c, &signed_for));
	name = issuer_name(c, cert.issuer);
	*out = json_object_get(signed_for, name) != NULL
		? "the CRL follows"
		: arena_printf(c->arena,
			  "but neither its CRL nor, once its responder's certificate ends, OCSP can follow: issuing CA \"%s\" " API_NO_KEY,
			  name);
	return ERR_OK;
}

/* What a thief may have asked for with it outlives it: whoever revokes must know. */
static enum err
tell_left(struct api_call *c, const struct api_value *serial)
{
	int64_t live;

	TRY(store_certificate_successors(c->g->store, serial->serial, &live));
	if (live > 0)
		json_object_set_new(c->answer, "left",
			json_string(arena_printf(c->arena,
				"%lld asked for with it or renewing it live on; `ca-admin cert revoke %s --with-successors` takes them too",
				(long long)live, serial->text)));
	return ERR_OK;
}

enum err
api_certificate_revoke(struct api_call *c)
{
	const struct api_value *serial = api_value(c, "serial");
	const struct store_revoke revoke = {.serial = serial->serial,
		.scope = api_text(c, "with_successors") != NULL ? STORE_REVOKE_LINE
								: STORE_REVOKE_ONE,
		.reason = (int)api_value(c, "reason")->number,
		.actor = c->actor,
		.request_id = c->req->id};
	struct store_revoke_done done;
	struct store_certificate cert;
	const char *crl;
	enum err e = store_certificate_find(c->g->store, c->arena, serial->serial, &cert);

	if (e == ERR_OK)
		e = api_check_over(c, cert.identity_kind);
	if (e == ERR_OK)
		e = store_certificate_revoke(c->g->store, c->arena, &revoke, &done);
	if (e != ERR_OK)
		return explain_unknown(e, serial->text);
	TRY(tell_crl(c, serial->serial, &crl));
	c->answer = json_pack("{s:s, s:s, s:o, s:s, s:I}", "serial", serial->text, "status",
		"revoked", "others", texts_json(done.others, done.count), "crl", crl,
		"programs_behind", (json_int_t)ca_front_settle(c->g, serial->serial, NULL));
	return tell_left(c, serial);
}
