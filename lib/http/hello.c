/*
 * What GnuTLS lets pass in a ClientHello and RFC 8446 forbids: compression, a field that comes
 * twice, a list of protocols that is none, a pre-shared key without its mode, missing fields. Pure:
 * the fuzz target calls it with octets of anybody. Whatever else is wrong GnuTLS finds.
 */
#include "lib/http/hello.h"

#include "lib/base/err.h"

enum { VERSION_AND_RANDOM = 34, TLS13 = 0x0304, FIELD_NUMBERS = 65536 };

/* Extensions by their numbers (RFC 8446 section 4.2, RFC 7301). */
enum {
	GROUPS = 10,
	SIGNATURES = 13,
	PROTOCOLS = 16,
	PRE_SHARED_KEY = 41,
	VERSIONS = 43,
	PSK_MODES = 45,
	KEY_SHARE = 51
};

struct hello {
	uint8_t seen[FIELD_NUMBERS / 8];
	bool tls13;
};

static const char hello_malformed[] = "the ClientHello is malformed (RFC 8446 section 4.1.2)";

static enum tls_alert
refuse_hello(enum tls_alert alert, const char *reason)
{
	(void)err_set(ERR_INVALID, "%s", reason);
	return alert;
}

/* A number of size octets. */
static bool
take_number(struct bytes *in, size_t size, size_t *out)
{
	if (in->n < size)
		return false;
	*out = 0;
	for (size_t i = 0; i < size; i++)
		*out = *out << 8 | in->p[i];
	*in = bytes_of(in->p + size, in->n - size);
	return true;
}

/* Octets with their number in size octets before them (RFC 8446 section 3.4). */
static bool
take_vector(struct bytes *in, size_t size, struct bytes *out)
{
	size_t n;

	if (!take_number(in, size, &n) || in->n < n)
		return false;
	*out = bytes_of(in->p, n);
	*in = bytes_of(in->p + n, in->n - n);
	return true;
}

static bool
has_field(const struct hello *h, size_t number)
{
	return (h->seen[number / 8] & 1u << number % 8) != 0;
}

static bool
offers_tls13(struct bytes field)
{
	struct bytes list;
	size_t version;

	if (!take_vector(&field, 1, &list))
		return false;
	while (take_number(&list, 2, &version))
		if (version == TLS13)
			return true;
	return false;
}

/* One list of names, none of them empty, and nothing behind it (RFC 7301 section 3.1). */
static bool
is_protocol_list(struct bytes field)
{
	struct bytes list, name;

	if (!take_vector(&field, 2, &list) || field.n > 0 || list.n == 0)
		return false;
	while (list.n > 0)
		if (!take_vector(&list, 1, &name) || name.n == 0)
			return false;
	return true;
}

static enum tls_alert
read_field(struct hello *h, size_t number, struct bytes field)
{
	if (has_field(h, number))
		return refuse_hello(TLS_ALERT_ILLEGAL_PARAMETER,
			"an extension comes twice in the ClientHello (RFC 8446 section 4.2)");
	if (has_field(h, PRE_SHARED_KEY))
		return refuse_hello(TLS_ALERT_ILLEGAL_PARAMETER,
			"pre_shared_key is not the last extension (RFC 8446 section 4.2.11)");
	if (number == PROTOCOLS && !is_protocol_list(field))
		return refuse_hello(TLS_ALERT_DECODE_ERROR,
			"the list of application protocols is malformed (RFC 7301 section 3.1)");
	if (number == VERSIONS)
		h->tls13 = offers_tls13(field);
	h->seen[number / 8] |= (uint8_t)(1u << number % 8);
	return TLS_ALERT_NONE;
}

/* What depends on the whole message; the version first: older clients may lack all the rest. */
static enum tls_alert
check_fields(const struct hello *h, struct bytes compression)
{
	if (!h->tls13)
		return refuse_hello(
			TLS_ALERT_PROTOCOL_VERSION, "the client does not offer TLS 1.3");
	if (!bytes_equal(compression, bytes_of("\0", 1)))
		return refuse_hello(TLS_ALERT_ILLEGAL_PARAMETER,
			"the client offers compression (RFC 8446 section 4.1.2)");
	if (has_field(h, PRE_SHARED_KEY) && !has_field(h, PSK_MODES))
		return refuse_hello(TLS_ALERT_MISSING_EXTENSION,
			"pre_shared_key comes without psk_key_exchange_modes (RFC 8446 section 4.2.9)");
	if (!has_field(h, PRE_SHARED_KEY) && !(has_field(h, SIGNATURES) && has_field(h, GROUPS)))
		return refuse_hello(TLS_ALERT_MISSING_EXTENSION,
			"signature_algorithms or supported_groups is missing (RFC 8446 section 9.2)");
	if (has_field(h, GROUPS) != has_field(h, KEY_SHARE))
		return refuse_hello(TLS_ALERT_MISSING_EXTENSION,
			"supported_groups and key_share come together or not at all (RFC 8446 section 9.2)");
	return TLS_ALERT_NONE;
}

enum tls_alert
hello_check(struct bytes in)
{
	struct hello h = {.tls13 = false};
	struct bytes session, suites, compression, fields = {NULL, 0}, field;
	enum tls_alert alert = TLS_ALERT_NONE;
	size_t number;

	if (in.n < VERSION_AND_RANDOM)
		return refuse_hello(TLS_ALERT_DECODE_ERROR, hello_malformed);
	in = bytes_of(in.p + VERSION_AND_RANDOM, in.n - VERSION_AND_RANDOM);
	if (!take_vector(&in, 1, &session) || !take_vector(&in, 2, &suites) ||
		!take_vector(&in, 1, &compression) || (in.n > 0 && !take_vector(&in, 2, &fields)) ||
		in.n > 0)
		return refuse_hello(TLS_ALERT_DECODE_ERROR, hello_malformed);
	while (alert == TLS_ALERT_NONE && fields.n > 0) {
		if (!take_number(&fields, 2, &number) || !take_vector(&fields, 2, &field))
			return refuse_hello(TLS_ALERT_DECODE_ERROR, hello_malformed);
		alert = read_field(&h, number, field);
	}
	return alert != TLS_ALERT_NONE ? alert : check_fields(&h, compression);
}
