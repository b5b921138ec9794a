/*
 * Linking identity and proof of possession (RFC 7030 section 3.5) under TLS 1.3: the
 * challengePassword holds base64 of the connection's tls-exporter (RFC 9266; RFC 9148 section 3 is
 * the precedent), because tls-unique does not exist there. Absent is fine: the client certificate
 * and the CSR's own signature already say who and which key. Present and wrong is refused always:
 * it is a CSR made for another connection.
 */
#include "est/internal.h"
#include "lib/base/hex.h"
#include "lib/base/random.h"

enum err
est_check_binding(
	const struct http_request *req, struct http_response *resp, const struct pki_csr *csr)
{
	uint8_t exporter[HTTP_EXPORTER_SIZE];

	if (!csr->has_challenge_password)
		return ERR_OK;
	resp->close =
		true; /* one exporter value serves one authentication (RFC 9266 section 4.1) */
	TRY(http_request_exporter(req, exporter));
	if (secret_equal(csr->challenge_password,
		    bytes_str(base64_string(req->arena, bytes_of(exporter, sizeof(exporter))))))
		return ERR_OK;
	return err_set_word(ERR_DENIED, WORD_BINDING_MISMATCH,
		"challengePassword is not base64 of this connection's tls-exporter (RFC 7030 section 3.5, RFC 9266 section 2)");
}
