/* Base URLs: selected by the exact authority of a Host header, and accounts found below any of
 * them. */
#include "acme/url.h"
#include "tests/unit/unit.h"

static char first[] = "https://CA.example.org:8443/", second[] = "https://ca.internal:443",
	    third[] = "https://[2001:db8::1]:8443";
static const char *const configured[] = {first, second, third};
#define ID "35Bf-f9h8d8Bx2yrQ36gXw"

static void
test_host_selects_its_base(void)
{
	static const struct {
		const char *host, *base;
	} cases[] = {
		{"ca.example.org:8443", "https://ca.example.org:8443"},
		{"CA.Example.ORG:8443", "https://ca.example.org:8443"},
		{"ca.internal", "https://ca.internal"},
		{"ca.internal:443", "https://ca.internal"},
		{"[2001:db8::1]:8443", "https://[2001:db8::1]:8443"},
		{"ca.example.org", NULL},
		{"ca.example.org:443", NULL},
		{"ca.example.org:84430", NULL},
		{"ca.internal:8443", NULL},
		{"ca.internal.", NULL},
		{"evil.example", NULL},
		{"ca.internal/x", NULL},
		{"", NULL},
		{":443", NULL},
		{NULL, NULL},
	};
	AUTO_STRUCT(arena) a = arena_new(0);
	struct url_bases bases;

	url_bases_set(&bases, a, configured, ARRAY_LEN(configured));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *name = cases[i].host != NULL ? cases[i].host : "no Host", *base = NULL;
		enum err e = url_base_select(&bases, cases[i].host, &base);

		CHECK_CASE(e == (cases[i].base != NULL ? ERR_OK : ERR_NOTFOUND), name);
		if (cases[i].base != NULL)
			CHECK_CASE(base != NULL && strcmp(base, cases[i].base) == 0, name);
		else
			CHECK_CASE(err_word() == WORD_UNKNOWN_HOST &&
					strstr(err_reason(), "base_urls") != NULL,
				name);
	}
}

static void
test_account_id_of_a_kid(void)
{
	static const struct {
		const char *kid, *id;
	} cases[] = {
		{"https://ca.example.org:8443/acme/account/" ID, ID},
		{"https://ca.internal/acme/account/" ID, ID},
		{"https://ca.internal:443/acme/account/" ID, NULL},
		{"https://ca.other/acme/account/" ID, NULL},
		{"https://ca.internal/acme/account/" ID "/orders", NULL},
		{"https://ca.internal/acme/account/short", NULL},
		{"https://ca.internal/acme/account/35Bf.f9h8d8Bx2yrQ36gXw", NULL},
		{"https://ca.internal/acme/order/" ID, NULL},
		{"https://ca.internal", NULL},
		{ID, NULL},
		{"", NULL},
	};
	AUTO_STRUCT(arena) a = arena_new(0);
	struct url_bases bases;

	url_bases_set(&bases, a, configured, ARRAY_LEN(configured));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *id = url_account_id(&bases, cases[i].kid);

		CHECK_CASE((id == NULL) == (cases[i].id == NULL), cases[i].kid);
		CHECK_CASE(id == NULL || strcmp(id, cases[i].id) == 0, cases[i].kid);
	}
}

UNIT_MAIN("acme-url", {"test_host_selects_its_base", test_host_selects_its_base},
	{"test_account_id_of_a_kid", test_account_id_of_a_kid})
