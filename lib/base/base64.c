/*
 * Base64 in the three forms the protocols use (RFC 4648 sections 4 and 5, RFC 8951 section 3.1);
 * see hex.h. Every decoder has exactly one text per value: stray bits in the last character are
 * refused, so that a signature or a digest over the text means the same as one over the octets.
 */
#include "lib/base/hex.h"

enum { SKIPPED = -2, FOREIGN = -1 };

/* The two alphabets differ in their last two characters only. */
struct alphabet {
	const char *name;
	char last[2]; /* characters of the values 62 and 63 */
	enum { PADDED, UNPADDED } padding;
	enum { EXACT, FOLDED } lines; /* FOLDED: white space is skipped wherever it stands */
};

static const struct alphabet standard = {"base64", {'+', '/'}, PADDED, EXACT};
static const struct alphabet mime = {"base64", {'+', '/'}, PADDED, FOLDED};
static const struct alphabet url = {"base64url", {'-', '_'}, UNPADDED, EXACT};

const char base64url_alphabet[65] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int
base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : FOREIGN;
}

static char
character_of(const struct alphabet *alphabet, unsigned value)
{
	return value < 62 ? base64url_alphabet[value] : alphabet->last[value - 62];
}

static int
value_of(const struct alphabet *alphabet, uint8_t c)
{
	int value = base64_value(c);

	if (value >= 62 && c != (uint8_t)alphabet->last[value - 62])
		return FOREIGN;
	if (alphabet->lines == FOLDED && (c == ' ' || c == '\t' || c == '\r' || c == '\n'))
		return SKIPPED;
	return value;
}

/* out holds a NUL, too. */
static size_t
write_octets(const struct alphabet *alphabet, struct bytes in, char *out)
{
	char *w = out;

	for (size_t i = 0; i < in.n; i += 3) {
		size_t have = in.n - i < 3 ? in.n - i : 3;
		unsigned group = (unsigned)in.p[i] << 16 |
			(have > 1 ? (unsigned)in.p[i + 1] << 8 : 0) | (have > 2 ? in.p[i + 2] : 0);

		for (size_t k = 0; k <= have; k++)
			*w++ = character_of(alphabet, group >> (18 - 6 * k) & 63);
		for (size_t k = have; alphabet->padding == PADDED && k < 3; k++)
			*w++ = '=';
	}
	*w = '\0';
	return (size_t)(w - out);
}

static char *
encode_octets(struct arena *a, const struct alphabet *alphabet, struct bytes in)
{
	char *out = arena_alloc(a, (in.n + 2) / 3 * 4 + 1);

	write_octets(alphabet, in, out);
	return out;
}

/* Everything from the first '=' on: one or two of them, then nothing that counts. */
static enum err
count_padding(const struct alphabet *alphabet, struct bytes tail, size_t *count)
{
	*count = 0;
	for (size_t i = 0; i < tail.n; i++) {
		if (tail.p[i] == '=')
			++*count;
		else if (value_of(alphabet, tail.p[i]) != SKIPPED)
			return err_set(ERR_INVALID,
				"%s text goes on after its padding (RFC 4648 section 3.3)",
				alphabet->name);
	}
	return ERR_OK;
}

static enum err
check_ending(const struct alphabet *alphabet, size_t characters, unsigned rest, size_t padding)
{
	size_t loose = characters % 4;

	if (loose == 1)
		return err_set(ERR_INVALID, "%s text ends inside an octet", alphabet->name);
	if (alphabet->padding == PADDED && padding != (4 - loose) % 4)
		return err_set(ERR_INVALID,
			"%s text has bad padding: %zu \"=\" where %zu belong (RFC 4648 section 3.2)",
			alphabet->name, padding, (4 - loose) % 4);
	if ((loose == 2 && (rest & 15) != 0) || (loose == 3 && (rest & 3) != 0))
		return err_set(ERR_INVALID,
			"%s text has stray bits in its last character (RFC 4648 section 3.5)",
			alphabet->name);
	return ERR_OK;
}

static enum err
decode_text(struct arena *a, const struct alphabet *alphabet, struct bytes text, struct bytes *out)
{
	uint8_t *data = arena_alloc(a, text.n / 4 * 3 + 3);
	size_t characters = 0, n = 0, padding = 0, i;
	unsigned group = 0;

	for (i = 0; i < text.n; i++) {
		int v = value_of(alphabet, text.p[i]);

		if (v == SKIPPED)
			continue;
		if (text.p[i] == '=' && alphabet->padding == PADDED)
			break;
		if (v == FOREIGN)
			return err_set(ERR_INVALID,
				"octet 0x%02x at offset %zu does not belong to %s", text.p[i], i,
				alphabet->name);
		group = group << 6 | (unsigned)v;
		if (characters++ % 4 != 0)
			data[n++] = (uint8_t)(group >> (6 - 2 * ((characters - 1) % 4)));
	}
	TRY(count_padding(alphabet, bytes_of(text.p + i, text.n - i), &padding));
	TRY(check_ending(alphabet, characters, group, padding));
	*out = bytes_of(data, n);
	return ERR_OK;
}

size_t
base64_encode(struct bytes in, char *out)
{
	return write_octets(&standard, in, out);
}

char *
base64_string(struct arena *a, struct bytes in)
{
	return encode_octets(a, &standard, in);
}

char *
base64url_string(struct arena *a, struct bytes in)
{
	return encode_octets(a, &url, in);
}

enum err
base64_decode(struct arena *a, struct bytes text, struct bytes *out)
{
	return decode_text(a, &standard, text, out);
}

enum err
base64url_decode(struct arena *a, struct bytes text, struct bytes *out)
{
	return decode_text(a, &url, text, out);
}

enum err
base64_decode_mime(struct arena *a, struct bytes text, struct bytes *out)
{
	static const char armour[] = "-----BEGIN ";

	/* The two mistakes people make with EST bodies deserve their own words. */
	if (text.n > 0 &&
		memmem(text.p, text.n < 256 ? text.n : 256, armour, sizeof(armour) - 1) != NULL)
		return err_set(ERR_INVALID,
			"the body is PEM; send its base64 without the BEGIN and END lines (RFC 8951 section 3.1)");
	if (text.n > 2 && text.p[0] == 0x30 && text.p[1] >= 0x80)
		return err_set(ERR_INVALID,
			"the body is raw DER; send it in base64 (RFC 8951 section 3.1)");
	return decode_text(a, &mime, text, out);
}
