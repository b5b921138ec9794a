/* Hex and base64 (RFC 4648), strict: decode exactly or refuse. */
#ifndef CHANCERY_BASE_HEX_H
#define CHANCERY_BASE_HEX_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"

/* The octet that a percent-encoding at the beginning of text stands for (RFC 3986 section 2.1), -1
 * where there is none with two digits. */
int hex_escaped(struct bytes text);
/* Lower-case hex with NUL; out holds 2n+1 octets. */
void hex_encode(struct bytes in, char *out);
char *hex_string(struct arena *a, struct bytes in);
/* Any case, even length, at most max octets; writes *n. */
enum err hex_decode(struct bytes text, uint8_t *out, size_t max, size_t *n) MUST_CHECK;

/* Base64 with padding on one line (section 4), base64url without padding (section 5);
 * NUL-terminated. */
char *base64_string(struct arena *a, struct bytes in);
char *base64url_string(struct arena *a, struct bytes in);
/* The same as base64_string() into out, which holds (n + 2) / 3 * 4 + 1; returns the length without
 * the NUL. */
size_t base64_encode(struct bytes in, char *out);
/* Strict section 4: padding required, zero stray bits; nothing else in the text. */
enum err base64_decode(struct arena *a, struct bytes text, struct bytes *out) MUST_CHECK;
/* As EST needs it (RFC 8951 section 3.1): CR, LF, space and tab anywhere are skipped; the reason of
 * a refusal tells PEM armour, raw DER and bad padding apart. */
enum err base64_decode_mime(struct arena *a, struct bytes text, struct bytes *out) MUST_CHECK;
/* Strict section 5: no padding, no '+' '/', no stray bits in the last character (RFC 8555
 * section 6.1). */
enum err base64url_decode(struct arena *a, struct bytes text, struct bytes *out) MUST_CHECK;

/* The characters of section 5 by their value; the value of one of either alphabet, else -1. */
extern const char base64url_alphabet[65];
int base64_value(uint8_t c);

/* PEM (RFC 7468): the DER of the next block with this label at or after *offset, which moves past
 * it; ERR_NOTFOUND when there is none. */
enum err pem_next(struct arena *a, struct bytes text, const char *label, size_t *offset,
	struct bytes *der) MUST_CHECK;
/* One block, 64 columns, final newline. */
char *pem_string(struct arena *a, const char *label, struct bytes der);
/* Its length, and n of its characters from the one at `at` on (all within it, no NUL): for text that
 * is too large to be held beside its octets. */
size_t pem_size(const char *label, struct bytes der);
void pem_copy(const char *label, struct bytes der, size_t at, char *out, size_t n);

#endif
