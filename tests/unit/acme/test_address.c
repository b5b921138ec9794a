/* Where the validator may connect: allow-list, exceptions, and what is special everywhere. */
#include "acme/validator/address.h"
#include "tests/unit/unit.h"

static char ten[] = "10.0.0.0/8", private6[] = "fd00::/8", all4[] = "0.0.0.0/0", all6[] = "::/0",
	    one[] = "10.1.2.3", odd[] = "10.9.0.0/17";
static char loop4[] = "127.0.0.0/8", loop6[] = "::1";

static enum err
check(const struct config_validator *config, const char *text)
{
	AUTO_STRUCT(address_policy) p = NULL;
	struct address a;
	enum err e = address_policy_new(config, &p);

	if (e == ERR_OK)
		e = address_parse(text, &a);
	return e != ERR_OK ? e : address_policy_check(p, &a);
}

static void
test_only_allowed_networks_are_reached(void)
{
	const char *allow[] = {ten, private6}, *deny[] = {one, odd};
	struct config_validator config = {
		.allow = allow, .allow_count = 2, .deny = deny, .deny_count = 2};
	static const struct {
		const char *address;
		enum err e;
	} cases[] = {
		{"10.0.0.1", ERR_OK},
		{"10.255.255.255", ERR_OK},
		{"fd12::1", ERR_OK},
		{"11.0.0.1", ERR_DENIED},
		{"9.255.255.255", ERR_DENIED},
		{"192.168.0.1", ERR_DENIED},
		{"2001:db8::1", ERR_DENIED},
		{"10.1.2.3", ERR_DENIED},
		{"10.1.2.4", ERR_OK},
		{"10.9.127.1", ERR_DENIED},
		{"10.9.128.1", ERR_OK},
		{"fe00::1", ERR_DENIED},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_CASE(check(&config, cases[i].address) == cases[i].e, cases[i].address);
	CHECK_REASON(check(&config, "192.168.0.1"), ERR_DENIED, "192.168.0.1");
	CHECK(err_word() == WORD_CONNECTION);
}

static const char *const special[] = {
	"127.0.0.1", "127.255.0.1", "::1", "169.254.169.254", "169.254.0.1", "fe80::1"};
static const char *const never[] = {"0.0.0.0", "0.1.2.3", "224.0.0.1", "239.1.1.1",
	"255.255.255.255", "240.0.0.1", "::", "ff02::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1",
	"::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2001:0:1::1"};

static void
test_special_addresses_are_refused_although_everything_is_allowed(void)
{
	const char *allow[] = {all4, all6};
	struct config_validator config = {.allow = allow, .allow_count = 2};

	for (size_t i = 0; i < ARRAY_LEN(special); i++)
		CHECK_CASE(check(&config, special[i]) == ERR_DENIED, special[i]);
	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		CHECK_CASE(check(&config, never[i]) == ERR_DENIED, never[i]);
	CHECK_OK(check(&config, "192.0.2.1"));
}

static void
test_allow_special_still_needs_the_list(void)
{
	const char *allow[] = {loop4, loop6}, *everything[] = {all4, all6};
	struct config_validator config = {.allow = allow, .allow_count = 2, .allow_special = true};

	CHECK_OK(check(&config, "127.0.0.1"));
	CHECK_OK(check(&config, "::1"));
	CHECK_ERR(check(&config, "169.254.169.254"), ERR_DENIED);
	config.allow = everything;
	CHECK_OK(check(&config, "169.254.169.254"));
	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		CHECK_CASE(check(&config, never[i]) == ERR_DENIED, never[i]);
}

static void
test_nothing_is_allowed_by_default(void)
{
	struct config_validator config = {.allow_count = 0};

	CHECK_ERR(check(&config, "10.0.0.1"), ERR_DENIED);
}

static void
test_networks_that_do_not_parse_are_refused(void)
{
	static const char *const bad[] = {"10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129",
		"example.org", "", "10.0.0.0/8x", "/8"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[32];
		const char *allow[] = {text};
		struct config_validator config = {.allow = allow, .allow_count = 1};
		struct address_policy *p = NULL;

		snprintf(text, sizeof(text), "%s", bad[i]);
		CHECK_CASE(address_policy_new(&config, &p) == ERR_INVALID, bad[i]);
	}
}

UNIT_MAIN("acme-address",
	{"test_only_allowed_networks_are_reached", test_only_allowed_networks_are_reached},
	{"test_special_addresses_are_refused_although_everything_is_allowed",
		test_special_addresses_are_refused_although_everything_is_allowed},
	{"test_allow_special_still_needs_the_list", test_allow_special_still_needs_the_list},
	{"test_nothing_is_allowed_by_default", test_nothing_is_allowed_by_default},
	{"test_networks_that_do_not_parse_are_refused",
		test_networks_that_do_not_parse_are_refused})
