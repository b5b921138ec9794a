/*
 * Certification requests. What is accepted names a key that verifies, and every name in it has a
 * text that gives the same name again.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/pki/csr.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct pki_csr csr;
	struct pki_san again;

	if (pki_csr_parse(bytes_of(data, size), a, &csr) != ERR_OK)
		return 0;
	HOLDS(pki_name_check(csr.subject) == ERR_OK);
	for (size_t i = 0; i < csr.sans.count; i++) {
		const struct pki_san *san = &csr.sans.item[i];

		HOLDS(pki_san_from_text(bytes_str(pki_san_text(a, san)), a, &again) == ERR_OK);
		HOLDS(again.type == san->type && bytes_equal(again.value, san->value));
	}
	return 0;
}
