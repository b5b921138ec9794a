/* Name constraints: which names a CA that has them may certify. */
#include "lib/pki/ext.h"
#include "tests/unit/pki/pki_test.h"

static struct bytes
encoded(const struct pki_name_constraints *nc)
{
	struct derw w;
	struct bytes out = NOTHING;

	derw_init(&w, arena_alloc(A(), 1024), 1024);
	name_constraints_put(&w, nc);
	CHECK_OK(derw_done(&w, &out));
	CHECK_OK(name_constraints_check(out));
	return out;
}

static enum err
ask(struct bytes constraints, const char *name)
{
	struct pki_sans sans = SANS(name);

	return pki_name_constraints_allow(constraints, &sans, A());
}

static void
test_each_type_has_its_rule(void)
{
	static struct pki_san permitted[] = {{PKI_SAN_DNS, BYTES_LIT("example.org")},
		{PKI_SAN_DNS, BYTES_LIT(".below.test")},
		{PKI_SAN_IP, BYTES_LIT("\x0a\0\0\0\xff\0\0\0")},
		{PKI_SAN_EMAIL, BYTES_LIT("example.org")},
		{PKI_SAN_EMAIL, BYTES_LIT("one@example.net")}};
	static struct pki_san excluded[] = {{PKI_SAN_DNS, BYTES_LIT("secret.example.org")},
		{PKI_SAN_URI, BYTES_LIT("bad.test")}};
	const struct pki_name_constraints nc = {
		{permitted, ARRAY_LEN(permitted)}, {excluded, ARRAY_LEN(excluded)}};
	static const struct {
		const char *name;
		enum err want;
	} cases[] = {
		{"dns:example.org", ERR_OK},
		{"dns:a.b.example.org", ERR_OK},
		{"dns:*.example.org", ERR_OK},
		{"dns:x.below.test", ERR_OK},
		{"dns:below.test", ERR_DENIED},
		{"dns:badexample.org", ERR_DENIED},
		{"dns:example.net", ERR_DENIED},
		{"dns:secret.example.org", ERR_DENIED},
		{"dns:a.secret.example.org", ERR_DENIED},
		{"dns:nosecret.example.org", ERR_OK},
		{"ip:10.255.0.1", ERR_OK},
		{"ip:11.0.0.1", ERR_DENIED},
		{"ip:fd00::1", ERR_DENIED},
		{"email:a@example.org", ERR_OK},
		{"email:a@sub.example.org", ERR_DENIED},
		{"email:one@example.net", ERR_OK},
		{"email:two@example.net", ERR_DENIED},
		{"uri:spiffe://good.test/x", ERR_OK},
		{"uri:https://bad.test/x", ERR_DENIED},
		{"uri:https://u@bad.test:8443/x", ERR_DENIED},
		{"uri:https://sub.bad.test/x", ERR_OK},
		{"uri:urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", ERR_OK},
	};
	const struct bytes constraints = encoded(&nc);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_CASE(ask(constraints, cases[i].name) == cases[i].want, cases[i].name);
}

static void
test_one_name_outside_is_enough_and_is_quoted(void)
{
	static struct pki_san permitted[] = {{PKI_SAN_DNS, BYTES_LIT("example.org")}};
	const struct bytes constraints =
		encoded(&(struct pki_name_constraints){{permitted, 1}, {NULL, 0}});
	struct pki_sans sans = SANS("dns:a.example.org", "dns:a.example.net", "ip:10.0.0.1");

	CHECK_REASON(pki_name_constraints_allow(constraints, &sans, A()), ERR_DENIED,
		"\"dns:a.example.net\"");
	CHECK(err_word() == WORD_NAME_NOT_ALLOWED);
	CHECK_OK(ask(constraints, "ip:10.0.0.1"));
}

static void
test_malformed_constraints_allow_nothing(void)
{
	static const struct {
		const char *name, *der;
	} cases[] = {
		{"nothing", ""},
		{"no subtree", "3000"},
		{"an empty list", "3002a000"},
		{"octets behind it", "3008a006300482 02 6161 00"},
		{"a minimum", "300aa008 3006 8201 61 800100"},
		{"a directoryName", "3008a006 3004a4023000"},
		{"an address without mask", "300aa008 3006 8704 0a000000"},
		{"a mask with holes", "300ea00c 300a 8708 0a000000 ff00ff00"},
		{"a wildcard", "300aa008 3006 8204 2a2e6162"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_CASE(name_constraints_check(hex(cases[i].der)) == ERR_INVALID, cases[i].name);
	for (size_t i = 0; i < 2; i++)
		CHECK_CASE(ask(hex(cases[i].der), "dns:a.example") == ERR_INVALID, cases[i].name);
	CHECK_ERR(ask(hex(cases[4].der), "dns:a.example"), ERR_INVALID);
	CHECK_ERR(ask(hex(cases[5].der), "dns:a.example"), ERR_INVALID);
}

UNIT_MAIN("pki-name-constraints", {"test_each_type_has_its_rule", test_each_type_has_its_rule},
	{"test_one_name_outside_is_enough_and_is_quoted",
		test_one_name_outside_is_enough_and_is_quoted},
	{"test_malformed_constraints_allow_nothing", test_malformed_constraints_allow_nothing})
