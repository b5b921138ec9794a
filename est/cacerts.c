/*
 * GET /cacerts (RFC 7030 section 4.1): every issuing CA and, last, the root: what a chain from one
 * of our certificates needs. Made once for each set of issuers, so the octets are the same for
 * everybody and can be compared.
 */
#include "est/internal.h"

static struct http_prepared *
prepare_answer(struct arena *a, struct bytes der, enum est_lines lines)
{
	static const struct http_header headers[] = {{"Content-Transfer-Encoding", "base64"}};

	return http_prepared_new(200, "application/pkcs7-mime; smime-type=certs-only",
		est_encode(a, der, lines), headers, ARRAY_LEN(headers));
}

static enum err
make_answers(struct est_service *s, const struct ca_issuers *issuers)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct bytes *certs = arena_array(a, issuers->all_count + 1, sizeof(*certs)), der;
	size_t n = 0;

	for (size_t i = 0; i < issuers->all_count; i++)
		if (issuers->item[i].state != ISSUER_REVOKED)
			certs[n++] = issuers->item[i].cert.der;
	certs[n++] = issuers->root;
	TRY(pki_certs_only(certs, n, a, &der));
	for (unsigned lines = EST_ONE_LINE; lines <= EST_WRAPPED; lines++) {
		if (s->cacerts[lines] != NULL)
			http_prepared_unref(s->cacerts[lines]);
		s->cacerts[lines] = prepare_answer(a, der, (enum est_lines)lines);
	}
	s->cacerts_of = issuers->counted.generation;
	return ERR_OK;
}

void
est_cacerts(struct http_request *req, struct http_response *resp)
{
	struct est_service *s = est_service(req);
	const struct ca_issuers *issuers = ca_front_issuers(est_front(req), req->arena);
	const struct ca_profile *profile;
	enum err e = est_label_profile(req, s->config->default_profile, &profile);

	if (e == ERR_OK) {
		pthread_mutex_lock(&s->cacerts_lock);
		if (s->cacerts_of != issuers->counted.generation)
			e = make_answers(s, issuers);
		if (e == ERR_OK)
			resp->prepared = http_prepared_ref(s->cacerts[est_lines_for(req)]);
		pthread_mutex_unlock(&s->cacerts_lock);
	}
	if (e != ERR_OK)
		est_fail(req, resp, e);
}
