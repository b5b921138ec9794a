/*
 * OCSP requests: DER bodies, and GET paths (inputs that begin with '/', without it). What is
 * accepted has views inside the input and hashes of their algorithm's size.
 */
#include "tests/fuzz/fuzz.h"

#include "ocsp/request.h"

static void
check_request(struct bytes der)
{
	struct ocsp_request r;

	if (ocsp_request_parse(der, &r) != ERR_OK)
		return;
	HOLDS(r.count >= 1 && r.count <= OCSP_IDS_MAX && r.nonce.n <= OCSP_NONCE_MAX);
	for (size_t i = 0; i < r.count && !r.unanswerable; i++) {
		HOLDS(r.id[i].name_hash.n == (r.id[i].hash == OCSP_SHA1 ? 20 : 32) &&
			r.id[i].key_hash.n == r.id[i].name_hash.n);
		HOLDS(r.id[i].serial.p >= der.p &&
			r.id[i].serial.p + r.id[i].serial.n <= der.p + der.n);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t room[OCSP_REQUEST_MAX];
	struct bytes der;

	if (size == 0 || data[0] != '/') {
		check_request(bytes_of(data, size));
		return 0;
	}
	AUTO_STRUCT(arena) a = arena_new(0);
	if (ocsp_get_decode(arena_string(a, bytes_of(data + 1, size - 1)), room, &der) != ERR_OK)
		return 0;
	HOLDS(der.n <= OCSP_REQUEST_MAX);
	check_request(der);
	return 0;
}
