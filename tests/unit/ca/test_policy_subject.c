/* The gate, for the subject of a request and what stands in its commonName. */
#include "tests/unit/ca/policy_test.h"

static const char *
subject_text(const char *identity)
{
	struct bytes der;
	enum err e = ca_policy_subject(&f.profile, identity, &f.names, arena, &der);

	return e == ERR_OK ? pki_name_text(arena, der) : NULL;
}

static void
test_subjects_come_from_the_profile(void)
{
	char longest[66], long_dns[100];
	struct bytes der;

	memset(longest, 'a', 65);
	longest[65] = '\0';
	set_up();
	CHECK(strcmp(subject_text("web-1"), "CN=web-1") == 0);
	f.profile.common_name = CA_CN_FIRST_NAME;
	CHECK(strcmp(subject_text("web-1"), "CN=a.example.org") == 0);
	snprintf(long_dns, sizeof(long_dns), "dns:%.40s.%.40s", longest, longest);
	f.names = NAMES(long_dns, "ip:10.1.2.3");
	CHECK(strcmp(subject_text("web-1"), "CN=10.1.2.3") == 0); /* the first that fits */
	f.profile.common_name = CA_CN_NONE;
	CHECK_OK(ca_policy_subject(&f.profile, "web-1", &f.names, arena, &der));
	CHECK(pki_name_empty(der));
	f.profile.serial_number = CA_SUBJECT_SERIAL_IDENTITY;
	f.profile.organization = "Example";
	CHECK(strstr(subject_text("web-1"), "Example") != NULL &&
		strstr(subject_text("web-1"), "web-1") != NULL);
	CHECK_REASON(ca_policy_subject(&f.profile, longest, &f.names, arena, &der), ERR_DENIED,
		"RFC 5280 appendix A.1");
	tear_down();
}

static void
csr_subject(const char *what, const struct pki_name_parts *parts, enum err expected)
{
	struct bytes der;

	CHECK_OK(pki_name_build(parts, arena, &der));
	CHECK_CASE(ca_policy_csr_subject(&f.profile, "web-1", &f.names, der) == expected, what);
	if (expected != ERR_OK)
		CHECK_CASE(err_word() == WORD_BAD_CSR, what);
}

static void
test_a_csr_subject_is_ignored_refused_or_pinned(void)
{
	static const struct {
		const char *what;
		struct pki_name_parts parts;
		enum err refuse, pin;
	} cases[] = {
		{"empty", {.common_name = NULL}, ERR_OK, ERR_OK},
		{"identity", {.common_name = "web-1"}, ERR_OK, ERR_OK},
		{"identity in capitals", {.common_name = "WEB-1"}, ERR_OK, ERR_OK},
		{"a name", {.common_name = "A.example.ORG"}, ERR_OK, ERR_INVALID},
		{"what the profile gives", {.common_name = "web-1", .organization = "Example"},
			ERR_OK, ERR_OK},
		{"what the profile gives, spelled otherwise",
			{.common_name = "Web-1", .organization = " example"}, ERR_OK, ERR_OK},
		{"somebody else", {.common_name = "web-2"}, ERR_INVALID, ERR_INVALID},
		{"another name", {.common_name = "b.example.org"}, ERR_INVALID, ERR_INVALID},
		{"more than the profile", {.common_name = "web-1", .organization = "Other"},
			ERR_INVALID, ERR_OK},
		{"no commonName", {.organization = "Example"}, ERR_INVALID, ERR_INVALID},
	};

	set_up();
	f.profile.organization = "Example";
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		f.profile.csr_subject = CA_CSR_SUBJECT_IGNORE;
		csr_subject(cases[i].what, &cases[i].parts, ERR_OK);
		f.profile.csr_subject = CA_CSR_SUBJECT_REFUSE;
		csr_subject(cases[i].what, &cases[i].parts, cases[i].refuse);
		f.profile.csr_subject = CA_CSR_SUBJECT_PIN;
		csr_subject(cases[i].what, &cases[i].parts, cases[i].pin);
	}
	tear_down();
}

/* RFC 8555 section 7.4: a name is asked for in commonName, in subjectAltName, or in both. */
static void
test_a_common_name_counts_where_it_is_one_more_name(void)
{
	static const struct {
		const char *common_name, *added; /* added: to dns:a.example.org; NULL: nothing */
		bool known;			 /* "printer" is among the names there could be */
	} cases[] = {
		{NULL, NULL, false},
		{"a.example.org", NULL, false},
		{"A.Example.ORG", NULL, false},
		{"b.example.org", "dns:b.example.org", false},
		{"*.example.org", "dns:*.example.org", false},
		{"10.1.2.3", "ip:10.1.2.3", false},
		{"2001:db8::1", "ip:2001:db8::1", false},
		{"web-1.id", NULL, false}, /* the identity's name */
		{"WEB-1.ID", NULL, false},
		{"printer", NULL, false},
		{"printer", "dns:printer", true},
		{"Example Ltd.", NULL, false},
		{"SN:0017", NULL, false},
		{"a_b.example.org", NULL, false},
		{"me@example.org", NULL, false},
	};

	set_up();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pki_sans none = {NULL, 0}, names = NAMES("dns:a.example.org"), got,
				known = NAMES("dns:printer", "dns:a.example.org");
		struct pki_csr csr = {.sans = names};
		size_t more = cases[i].added != NULL;

		CHECK_OK(pki_name_build(
			&(struct pki_name_parts){.common_name = cases[i].common_name}, arena,
			&csr.subject));
		CHECK_OK(ca_policy_csr_names(
			&csr, "web-1.id", cases[i].known ? &known : NULL, arena, &got));
		CHECK_CASE(got.count == 1 + more, cases[i].common_name);
		if (more)
			CHECK_CASE(strcmp(pki_san_text(arena, &got.item[1]), cases[i].added) == 0,
				cases[i].common_name);
		csr.sans = none;
		CHECK_OK(ca_policy_csr_names(
			&csr, "web-1.id", cases[i].known ? &known : NULL, arena, &got));
		CHECK_CASE(
			got.count == more || strcasecmp(cases[i].common_name, "a.example.org") == 0,
			cases[i].common_name);
	}
	tear_down();
}

static void
test_a_common_name_beside_a_hundred_names_is_refused(void)
{
	struct pki_san item[PKI_SANS_MAX];
	struct pki_csr csr = {.sans = {item, PKI_SANS_MAX}};
	struct pki_sans got;

	set_up();
	for (size_t i = 0; i < PKI_SANS_MAX; i++)
		item[i] = NAMES("dns:a.example.org").item[0];
	CHECK_OK(pki_name_build(
		&(struct pki_name_parts){.common_name = "b.example.org"}, arena, &csr.subject));
	CHECK_REASON(
		ca_policy_csr_names(&csr, "web-1", NULL, arena, &got), ERR_INVALID, "one more");
	CHECK(err_word() == WORD_TOO_MANY_NAMES);
	tear_down();
}

static void
test_names_that_differ_are_named(void)
{
	struct pki_sans asked, wanted;

	set_up();
	asked = NAMES("dns:a.example.org", "dns:c.example.org");
	wanted = NAMES("dns:b.example.org", "dns:a.example.org");
	CHECK_REASON(ca_policy_same_names(&asked, &wanted, WORD_BAD_CSR, "not the same"),
		ERR_INVALID,
		"not the same; missing: \"dns:b.example.org\"; beyond: \"dns:c.example.org\"");
	CHECK(err_word() == WORD_BAD_CSR);
	wanted = NAMES("dns:c.example.org", "dns:a.example.org");
	CHECK_OK(ca_policy_same_names(&asked, &wanted, WORD_BAD_CSR, "not the same"));
	tear_down();
}

/* commonName first, then something else: no library writes it in this order, a client may. */
static void
test_a_part_behind_the_common_name_is_not_overlooked(void)
{
	static const uint8_t oid_cn[] = {0x55, 0x04, 0x03}, oid_unit[] = {0x55, 0x04, 0x0b};
	uint8_t room[128];
	struct bytes der;
	struct derw w;

	set_up();
	derw_init(&w, room, sizeof(room));
	for (unsigned i = 0; i < 2; i++) {
		size_t mark = derw_mark(&w);

		derw_element(&w, DER_UTF8_STRING, BYTES_LIT("web-1"));
		derw_oid(&w,
			i == 0 ? bytes_of(oid_unit, sizeof(oid_unit))
			       : bytes_of(oid_cn, sizeof(oid_cn)));
		derw_wrap(&w, DER_SEQUENCE, mark);
		derw_wrap(&w, DER_SET, mark);
	}
	derw_wrap(&w, DER_SEQUENCE, 0);
	CHECK_OK(derw_done(&w, &der));
	f.profile.csr_subject = CA_CSR_SUBJECT_REFUSE;
	CHECK_ERR(ca_policy_csr_subject(&f.profile, "web-1", &f.names, der), ERR_INVALID);
	tear_down();
}

UNIT_MAIN("policy-subject",
	{"test_subjects_come_from_the_profile", test_subjects_come_from_the_profile},
	{"test_a_csr_subject_is_ignored_refused_or_pinned",
		test_a_csr_subject_is_ignored_refused_or_pinned},
	{"test_a_common_name_counts_where_it_is_one_more_name",
		test_a_common_name_counts_where_it_is_one_more_name},
	{"test_a_common_name_beside_a_hundred_names_is_refused",
		test_a_common_name_beside_a_hundred_names_is_refused},
	{"test_names_that_differ_are_named", test_names_that_differ_are_named},
	{"test_a_part_behind_the_common_name_is_not_overlooked",
		test_a_part_behind_the_common_name_is_not_overlooked})
