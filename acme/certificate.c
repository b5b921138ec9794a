/*
 * Certificates (RFC 8555 section 7.4.2): leaf, then the issuing CA, in PEM. No root (clients have
 * it, or must not learn it here), no blank lines and no text between blocks (erratum 5983), no
 * charset parameter: each of these broke a client somewhere.
 */
#include "acme/order.h"
#include "acme/resources.h"
#include "lib/base/hex.h"

static enum err
fetch_certificate(struct call *c)
{
	const struct ca_issuer *issuer;
	struct store_order o;

	TRY(order_get_cached(c, call_id(c), &o));
	if (o.status != ACME_ORDER_VALID)
		TRY(order_get(c, call_id(c), &o));
	if (o.status != ACME_ORDER_VALID)
		return err_set(ERR_NOTFOUND, "the order has no certificate");
	issuer = ca_issuers_find(ca_front_issuers(c->front, c->arena), o.result.issuer);
	if (issuer == NULL)
		return err_set(ERR_INTERNAL, "issuer %d of a certificate is not known here",
			o.result.issuer);
	c->resp->status = 200;
	c->resp->content_type = "application/pem-certificate-chain";
	c->resp->body = bytes_str(
		arena_printf(c->arena, "%s%s", pem_string(c->arena, "CERTIFICATE", o.result.der),
			pem_string(c->arena, "CERTIFICATE", issuer->cert.der)));
	return ERR_OK;
}

const struct resource certificate_resource = {.key = CALL_KEY_ACCOUNT, .fetch = fetch_certificate};
