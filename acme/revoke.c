/*
 * revokeCert (RFC 8555 section 7.6). Who may: any account of the TLS identity the certificate was
 * issued to, an account that could have all its names now (authorizations or grants), or whoever
 * signs with the certificate's own key. Revocation is one database transaction and in effect in
 * this process before the answer is sent.
 */
#include "acme/order.h"
#include "acme/resources.h"
#include "lib/base/clock.h"
#include "lib/base/hex.h"
#include "lib/pki/crl.h"
#include "lib/store/revocation.h"

enum { REASON_ABSENT = -1 };

/* What a client can know: not that the CA is compromised, and no holds. */
static enum err
read_reason(struct call *c, int *out)
{
	static const int allowed[] = {PKI_REASON_UNSPECIFIED, PKI_REASON_KEY_COMPROMISE,
		PKI_REASON_AFFILIATION_CHANGED, PKI_REASON_SUPERSEDED,
		PKI_REASON_CESSATION_OF_OPERATION};
	int64_t reason = REASON_ABSENT;

	if (json_object_get(c->payload, "reason") == NULL) {
		*out = REASON_ABSENT;
		return ERR_OK;
	}
	if (json_find_int(c->payload, "reason", &reason) == ERR_OK)
		for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
			if (reason == allowed[i]) {
				*out = allowed[i];
				return ERR_OK;
			}
	return err_set_word(ERR_INVALID, WORD_BAD_REASON,
		"\"reason\" is none of 0, 1, 3, 4, 5 (RFC 8555 section 7.6)");
}

static enum err
read_certificate(struct call *c, struct pki_cert *cert, struct store_certificate *row)
{
	const char *text;
	struct bytes der;
	enum err e;

	TRY(json_get_string(c->payload, "certificate", &text));
	e = base64url_decode(c->arena, bytes_str(text), &der);
	if (e != ERR_OK)
		return err_context(
			ERR_INVALID, "\"certificate\" is base64url of DER (RFC 8555 section 7.6)");
	TRY(pki_cert_parse(der, c->arena, cert));
	if (cert->serial.n != STORE_SERIAL_SIZE)
		return err_set(ERR_NOTFOUND, "the certificate is not one of this CA");
	e = store_certificate_find(c->front->store, c->arena, cert->serial.p, row);
	if (e == ERR_NOTFOUND || (e == ERR_OK && !bytes_equal(row->der, der)))
		return err_set(ERR_NOTFOUND, "the certificate is not one of this CA");
	return e;
}

static enum err
has_all_names(
	struct call *c, const struct pki_cert *cert, const struct store_certificate *row, bool *all)
{
	const char **names = arena_array(c->arena, cert->sans.count, sizeof(*names));
	const char *const *grants;
	size_t count;

	TRY(ca_authenticator_grants(
		c->front->clients, c->arena, c->account->identity, row->profile, &grants, &count));
	*all = ca_policy_granted(&cert->sans, grants, count);
	for (size_t i = 0; i < cert->sans.count; i++)
		names[i] = pki_san_text(c->arena, &cert->sans.item[i]);
	if (!*all)
		TRY(store_authorization_covers(
			c->front->store, c->account->id, names, cert->sans.count, all));
	return ERR_OK;
}

static enum err
check_authorized(struct call *c, const struct pki_cert *cert, const struct store_certificate *row)
{
	bool all = false;

	if (c->account == NULL) {
		if (jwk_is_spki(&c->jwk, &cert->spki))
			return ERR_OK;
		return err_set_word(ERR_DENIED, WORD_NOT_YOURS,
			"the request is not signed with the certificate's key (RFC 8555 section 7.6)");
	}
	if (row->identity == c->account->identity)
		return ERR_OK;
	TRY(has_all_names(c, cert, row, &all));
	if (!all)
		return err_set_word(ERR_DENIED, WORD_NOT_YOURS,
			"the account has no authorization for all names of the certificate (RFC 8555 section 7.6)");
	return ERR_OK;
}

static enum err
revoke_certificate(struct call *c)
{
	struct store_revoke revoke = {.scope = STORE_REVOKE_ACME,
		.account = c->account != NULL ? c->account->id : NULL,
		.actor = c->requester->identity_name,
		.request_id = c->req->id};
	struct store_revoke_done done;
	struct store_certificate row;
	struct pki_cert cert;

	TRY(read_certificate(c, &cert, &row));
	TRY(check_authorized(c, &cert, &row));
	TRY(read_reason(c, &revoke.reason));
	revoke.serial = row.serial;
	TRY(store_certificate_revoke(c->front->store, c->arena, &revoke, &done));
	(void)ca_front_settle(c->front, row.serial, NULL);
	call_empty(c, 200);
	return ERR_OK;
}

const struct resource revoke_resource = {.key = CALL_KEY_EITHER, .post = revoke_certificate};
