/*
 * The rules for a ClientHello, which is whatever a stranger sends. Properties: a refusal has its
 * alert and reason, what passes has the octets of a whole message, and nothing behind it.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/base/err.h"
#include "lib/http/hello.h"

enum { SMALLEST = 34 + 1 + 2 + 1 + 2 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)err_set(ERR_INVALID, "%s", "");
	if (hello_check(bytes_of(data, size)) != TLS_ALERT_NONE) {
		HOLDS(err_reason()[0] != '\0');
		return 0;
	}
	HOLDS(size >= SMALLEST);
	HOLDS(hello_check(bytes_of(data, size - 1)) != TLS_ALERT_NONE);
	return 0;
}
