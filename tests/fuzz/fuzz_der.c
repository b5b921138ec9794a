/*
 * The DER reader, names and texts. The first octet of the input chooses what reads the rest.
 * Properties: what the reader accepts, the writer writes again octet by octet; what a parser of
 * names accepts has one text, and that text gives the same name.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/pki/names.h"
#include "lib/pki/spki.h"

enum { DEPTH = 16, ROOM = 1 << 16 };

static void
check_same_name(struct arena *a, const struct pki_san *san)
{
	char *text = pki_san_text(a, san);
	struct pki_san again;

	HOLDS(pki_san_from_text(bytes_str(text), a, &again) == ERR_OK);
	HOLDS(again.type == san->type && bytes_equal(again.value, san->value));
	HOLDS(strcmp(text, pki_san_text(a, &again)) == 0);
}

static void
check_typed(struct der d)
{
	const uint8_t *before = d.p;
	struct bytes b;
	uint32_t n;
	int64_t t;
	bool v;

	if (der_get_integer(&d, "x", &b) != ERR_OK && der_get_uint(&d, "x", &n) != ERR_OK &&
		der_get_boolean(&d, "x", &v) != ERR_OK && der_get_bits(&d, "x", &b) != ERR_OK &&
		der_get_named_bits(&d, "x", &n) != ERR_OK && der_get_time(&d, "x", &t) != ERR_OK &&
		der_get_oid(&d, "x", &b) != ERR_OK)
		HOLDS(d.p == before); /* a refused value consumes nothing */
}

/* Times, bit lists and numbers come out as they went in. */
static void
check_rewritten(struct bytes whole)
{
	uint8_t room[64];
	struct derw w;
	struct bytes again;
	struct der d = der_open(whole);
	uint32_t n;
	int64_t t;

	derw_init(&w, room, sizeof(room));
	if (der_get_time(&d, "x", &t) == ERR_OK)
		derw_time(&w, t);
	else if (der_get_named_bits(&d, "x", &n) == ERR_OK)
		derw_named_bits(&w, n);
	else if (der_get_uint(&d, "x", &n) == ERR_OK)
		derw_uint(&w, n);
	else
		return;
	HOLDS(derw_done(&w, &again) == ERR_OK && bytes_equal(whole, again));
}

static void
walk(struct bytes in)
{
	static uint8_t room[ROOM];
	struct der stack[DEPTH] = {der_open(in)};
	size_t depth = 1;

	while (depth > 0) {
		struct der *d = &stack[depth - 1];
		struct bytes content, whole, again;
		struct derw w;
		uint8_t tag;

		check_typed(*d);
		if (der_at_end(d) || der_get_any(d, &tag, &content, &whole) != ERR_OK) {
			depth--;
			continue;
		}
		derw_init(&w, room, sizeof(room));
		derw_element(&w, tag, content);
		HOLDS(whole.n > ROOM ||
			(derw_done(&w, &again) == ERR_OK && bytes_equal(whole, again)));
		check_rewritten(whole);
		if ((tag & 0x20) != 0 && depth < DEPTH)
			stack[depth++] = der_open(content);
	}
}

static void
read_sans(struct bytes in)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	static uint8_t room[ROOM];
	struct pki_sans sans, again;
	struct bytes der;
	struct derw w;

	if (pki_sans_parse(in, a, &sans) != ERR_OK)
		return;
	for (size_t i = 0; i < sans.count; i++)
		check_same_name(a, &sans.item[i]);
	derw_init(&w, room, sizeof(room));
	pki_sans_put(&w, &sans);
	HOLDS(derw_done(&w, &der) == ERR_OK && pki_sans_parse(der, a, &again) == ERR_OK);
	HOLDS(pki_sans_equal(&sans, &again));
}

static void
read_name(struct bytes in)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	bool good = pki_name_check(in) == ERR_OK;

	HOLDS((strcmp(pki_name_text(a, in), "(malformed name)") == 0) == !good);
	HOLDS(good || pki_name_common_name(a, in) == NULL);
}

static void
read_text(struct bytes in)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct pki_san san;

	if (pki_san_from_text(in, a, &san) == ERR_OK)
		check_same_name(a, &san);
}

static void
read_pattern(struct bytes in)
{
	static const char *const names[] = {"dns:a.example", "dns:*.a.example", "ip:10.0.0.1",
		"ip:2001:db8::1", "uri:spiffe://a/b", "email:a@a.example", "other:1.2.3:0500"};
	AUTO_STRUCT(arena) a = arena_new(0);
	bool good = pki_pattern_check(in) == ERR_OK;
	struct pki_san san;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		HOLDS(pki_san_from_text(bytes_str(names[i]), a, &san) == ERR_OK);
		HOLDS(!pki_pattern_covers(in, &san) || good);
	}
}

static void
read_spki(struct bytes in)
{
	AUTO(EVP_PKEY) key = NULL;
	struct pki_spki spki;

	if (pki_spki_parse(in, &spki) == ERR_OK && pki_key_judge(&spki, &key) == ERR_OK)
		HOLDS((unsigned)EVP_PKEY_get_bits(key) >= spki.bits - 3);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(struct bytes) = {
		walk, read_sans, read_name, read_text, read_pattern, read_spki};

	if (size > 0)
		readers[data[0] % ARRAY_LEN(readers)](bytes_of(data + 1, size - 1));
	return 0;
}
