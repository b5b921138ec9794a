/*
 * Bodies of EST enrollments: base64 with its white space, then the request. What is accepted is the
 * same request when its DER is encoded again, on one line and wrapped; and a subject equals itself.
 */
#include "tests/fuzz/fuzz.h"

#include "est/internal.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct pki_csr csr, again;

	if (est_csr_decode(a, bytes_of(data, size), &csr) != ERR_OK)
		return 0;
	for (unsigned lines = EST_ONE_LINE; lines <= EST_WRAPPED; lines++) {
		HOLDS(est_csr_decode(a, est_encode(a, csr.der, (enum est_lines)lines), &again) ==
			ERR_OK);
		HOLDS(bytes_equal(again.der, csr.der) && pki_sans_equal(&again.sans, &csr.sans));
	}
	HOLDS(pki_name_equal(csr.subject, again.subject));
	return 0;
}
