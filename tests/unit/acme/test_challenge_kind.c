/* Which challenges are offered for a name. */
#include "acme/challenge_kind.h"
#include "tests/unit/unit.h"

static void
test_kinds_offered_are_those_that_prove_the_name(void)
{
	static const struct {
		const char *name;
		unsigned kinds;
	} cases[] = {{"dns:host.example.org", 1U << ACME_CHALLENGE_HTTP_01},
		{"ip:192.0.2.1", 1U << ACME_CHALLENGE_HTTP_01}, {"dns:*.example.org", 0},
		{"uri:spiffe://example.org/x", 0}, {"email:someone@example.org", 0}};
	AUTO_STRUCT(arena) a = arena_new(0);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pki_san san;

		CHECK_OK(pki_san_from_text(bytes_str(cases[i].name), a, &san));
		CHECK_CASE(challenge_kinds_for(&san) == cases[i].kinds, cases[i].name);
	}
}

UNIT_MAIN("acme challenge kinds",
	{"test_kinds_offered_are_those_that_prove_the_name",
		test_kinds_offered_are_those_that_prove_the_name})
