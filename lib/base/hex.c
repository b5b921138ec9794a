/* Hexadecimal text; see hex.h. */
#include "lib/base/hex.h"

void
hex_encode(struct bytes in, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < in.n; i++) {
		*out++ = digits[in.p[i] >> 4];
		*out++ = digits[in.p[i] & 15];
	}
	*out = '\0';
}

char *
hex_string(struct arena *a, struct bytes in)
{
	char *out = arena_alloc(a, 2 * in.n + 1);

	hex_encode(in, out);
	return out;
}

/* -1 for other octets. */
static int
value_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
hex_escaped(struct bytes text)
{
	int high = text.n >= 3 && text.p[0] == '%' ? value_of(text.p[1]) : -1;
	int low = high >= 0 ? value_of(text.p[2]) : -1;

	return low >= 0 ? high << 4 | low : -1;
}

enum err
hex_decode(struct bytes text, uint8_t *out, size_t max, size_t *n)
{
	if (text.n % 2 != 0)
		return err_set(ERR_INVALID, "hexadecimal text has an odd number of digits");
	if (text.n / 2 > max)
		return err_set(ERR_LIMIT, "hexadecimal text is longer than %zu octets", max);
	/* All digits are judged before the first octet is written. */
	for (size_t i = 0; i < text.n; i++) {
		if (value_of(text.p[i]) < 0)
			return err_set(ERR_INVALID,
				"octet 0x%02x at offset %zu is not a hexadecimal digit", text.p[i],
				i);
	}
	for (size_t i = 0; i < text.n / 2; i++)
		out[i] = (uint8_t)(value_of(text.p[2 * i]) << 4 | value_of(text.p[2 * i + 1]));
	*n = text.n / 2;
	return ERR_OK;
}
