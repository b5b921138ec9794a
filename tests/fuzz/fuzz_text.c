/*
 * Hex, base64, PEM and times. A strict decoder has one text per value: encoding what it accepted
 * gives the very same text.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/base/clock.h"
#include "lib/base/hex.h"

static bool
same_text(struct bytes text, const char *again)
{
	return bytes_equal(text, bytes_str(again));
}

static void
try_pem(struct arena *a, struct bytes text)
{
	size_t offset = 0, before;
	struct bytes der, again;

	do {
		before = offset;
		if (pem_next(a, text, "CERTIFICATE", &offset, &der) != ERR_OK)
			return;
		HOLDS(offset > before && offset <= text.n);
		before = 0;
		HOLDS(pem_next(a, bytes_str(pem_string(a, "CERTIFICATE", der)), "CERTIFICATE",
			      &before, &again) == ERR_OK);
		HOLDS(bytes_equal(der, again));
	} while (offset < text.n);
}

static void
try_times(struct bytes text)
{
	char formatted[CLOCK_IMF_SIZE];
	int64_t t, again;

	if (clock_parse_imf(text, &t) == ERR_OK) {
		clock_format_imf(t, formatted);
		HOLDS(same_text(text, formatted));
	}
	if (clock_parse_rfc3339(text, &t) == ERR_OK && t >= -62167219200 && t <= 253402300799) {
		clock_format_rfc3339(t, formatted);
		HOLDS(clock_parse_rfc3339(bytes_str(formatted), &again) == ERR_OK && again == t);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STRUCT(arena) a = arena_new((size_t)256 << 20);
	struct bytes text = bytes_of(data, size), out;
	uint8_t octets[64];
	size_t n;

	if (size > 65536)
		return 0;
	if (base64_decode(a, text, &out) == ERR_OK)
		HOLDS(same_text(text, base64_string(a, out)));
	if (base64url_decode(a, text, &out) == ERR_OK)
		HOLDS(same_text(text, base64url_string(a, out)));
	if (base64_decode_mime(a, text, &out) == ERR_OK)
		HOLDS(out.n <= size);
	if (hex_decode(text, octets, sizeof(octets), &n) == ERR_OK)
		HOLDS(n * 2 == size && strlen(hex_string(a, bytes_of(octets, n))) == size);
	try_pem(a, text);
	try_times(text);
	return 0;
}
