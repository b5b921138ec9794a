/* Subjects and names: what counts as the same, and what a request without names gets. */
#include "est/internal.h"
#include "tests/unit/unit.h"

/* SEQUENCE { SET { SEQUENCE { commonName, tag text } } }, then the rest of what is given. */
static struct bytes
common_name(struct arena *a, uint8_t tag, const char *text)
{
	static const uint8_t oid_cn[] = {0x55, 0x04, 0x03};
	uint8_t *room = arena_alloc(a, 256);
	struct derw w;
	struct bytes out;

	derw_init(&w, room, 256);
	derw_element(&w, tag, bytes_str(text));
	derw_oid(&w, bytes_of(oid_cn, sizeof(oid_cn)));
	derw_wrap(&w, DER_SEQUENCE, 0);
	derw_wrap(&w, DER_SET, 0);
	derw_wrap(&w, DER_SEQUENCE, 0);
	CHECK_OK(derw_done(&w, &out));
	return out;
}

static void
test_same_names_check_says_what_differs(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	const struct ca_profile profile = {
		.name = "p", .common_name = CA_CN_IDENTITY, .csr_subject = CA_CSR_SUBJECT_REFUSE};
	struct pki_san one[1], other[1];
	struct pki_csr csr = {.subject = common_name(a, DER_UTF8_STRING, "a"), .sans = {one, 1}};
	struct pki_cert cert = {.subject = csr.subject, .sans = {one, 1}};

	CHECK_OK(pki_san_from_text(BYTES_LIT("dns:a.example.org"), a, one));
	CHECK_OK(pki_san_from_text(BYTES_LIT("dns:b.example.org"), a, other));
	CHECK_OK(est_check_same_names(&csr, &cert, &profile, "a", a));
	cert.sans.item = other;
	CHECK_REASON(est_check_same_names(&csr, &cert, &profile, "a", a), ERR_INVALID,
		"missing: \"dns:b.example.org\"; beyond: \"dns:a.example.org\"");
	cert.sans.count = 0;
	CHECK_REASON(
		est_check_same_names(&csr, &cert, &profile, "a", a), ERR_INVALID, "subjectAltName");
	csr.sans.count = 0;
	CHECK_OK(est_check_same_names(&csr, &cert, &profile, "a", a));
	csr.subject = common_name(a, DER_UTF8_STRING, "b");
	CHECK_REASON(est_check_same_names(&csr, &cert, &profile, "a", a), ERR_INVALID,
		"subject differs");
	CHECK(err_word() == WORD_SUBJECT_CHANGED);
}

/* What made a certificate renews it: the certificate has more in both places than the request had. */
static void
test_the_request_that_made_a_certificate_renews_it(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	static const struct {
		const char *common_name, *san; /* NULL: none */
		enum ca_csr_subject subject;
		enum err_word refusal;
	} cases[] = {
		{"dev-7", NULL, CA_CSR_SUBJECT_REFUSE, WORD_OK},
		{"DEV-7", NULL, CA_CSR_SUBJECT_PIN, WORD_OK},
		{"dev-7.example.org", NULL, CA_CSR_SUBJECT_REFUSE, WORD_OK},
		{"dev-7.example.org", "dns:dev-7.example.org", CA_CSR_SUBJECT_REFUSE, WORD_OK},
		{NULL, "dns:dev-7.example.org", CA_CSR_SUBJECT_PIN, WORD_OK},
		{"SN 0017", "dns:dev-7.example.org", CA_CSR_SUBJECT_IGNORE, WORD_OK},
		{"SN 0017", NULL, CA_CSR_SUBJECT_IGNORE, WORD_OK},
		{"SN 0017", NULL, CA_CSR_SUBJECT_PIN, WORD_SUBJECT_CHANGED},
		{"dev-7.example.org", NULL, CA_CSR_SUBJECT_PIN, WORD_SUBJECT_CHANGED},
		{"dev-8.example.org", NULL, CA_CSR_SUBJECT_IGNORE, WORD_NAMES_CHANGED},
		{"10.0.0.8", NULL, CA_CSR_SUBJECT_IGNORE, WORD_NAMES_CHANGED},
		{"dev-8.example.org", "dns:dev-7.example.org", CA_CSR_SUBJECT_IGNORE,
			WORD_NAMES_CHANGED},
		{NULL, "dns:dev-8.example.org", CA_CSR_SUBJECT_IGNORE, WORD_NAMES_CHANGED},
	};
	struct pki_san name[1], asked[1];
	struct pki_cert cert = {
		.subject = common_name(a, DER_UTF8_STRING, "dev-7"), .sans = {name, 1}};

	CHECK_OK(pki_san_from_text(BYTES_LIT("dns:dev-7.example.org"), a, name));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *cn = cases[i].common_name;
		const struct ca_profile profile = {.name = "p",
			.common_name = CA_CN_IDENTITY,
			.csr_subject = cases[i].subject};
		struct pki_csr csr = {.subject = BYTES_LIT("\x30\x00"), .sans = {asked, 0}};
		enum err e;

		if (cn != NULL)
			csr.subject = common_name(a, DER_IA5_STRING, cn);
		if (cases[i].san != NULL) {
			CHECK_OK(pki_san_from_text(bytes_str(cases[i].san), a, asked));
			csr.sans.count = 1;
		}
		e = est_check_same_names(&csr, &cert, &profile, "dev-7", a);
		CHECK_CASE((e == ERR_OK) == (cases[i].refusal == WORD_OK), cn != NULL ? cn : "");
		CHECK_CASE(e == ERR_OK || err_word() == cases[i].refusal, err_reason());
	}
}

static void
test_only_exact_grants_become_names(void)
{
	static const char *const grants[] = {"dns:a.example.org", "dns:*.example.org",
		"dns:**.example.org", "ip:10.0.0.0/8", "ip:10.0.0.1", "uri:spiffe://mesh/*",
		"uri:spiffe://mesh/a", "email:*@example.org", "email:a@example.org"};
	static const char *const expected[] = {
		"dns:a.example.org", "ip:10.0.0.1", "uri:spiffe://mesh/a", "email:a@example.org"};
	AUTO_STRUCT(arena) a = arena_new(0);
	struct pki_sans got;

	CHECK_OK(est_granted_names(a, grants, ARRAY_LEN(grants), &got));
	CU_ASSERT_FATAL(got.count == ARRAY_LEN(expected));
	for (size_t i = 0; i < got.count; i++)
		CHECK_CASE(strcmp(pki_san_text(a, &got.item[i]), expected[i]) == 0, expected[i]);
	CHECK_OK(est_granted_names(a, grants + 1, 3, &got));
	CHECK(got.count == 0);
}

static void
test_more_grants_than_a_certificate_holds_are_refused(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	const char **grants = arena_array(a, PKI_SANS_MAX + 1, sizeof(*grants));
	struct pki_sans got;

	for (size_t i = 0; i <= PKI_SANS_MAX; i++)
		grants[i] = arena_printf(a, "dns:h%zu.example.org", i);
	CHECK_OK(est_granted_names(a, grants, PKI_SANS_MAX, &got));
	CHECK(got.count == PKI_SANS_MAX);
	CHECK_ERR(est_granted_names(a, grants, PKI_SANS_MAX + 1, &got), ERR_DENIED);
	CHECK(err_word() == WORD_TOO_MANY_NAMES);
}

UNIT_MAIN("names",
	{"test_same_names_check_says_what_differs", test_same_names_check_says_what_differs},
	{"test_the_request_that_made_a_certificate_renews_it",
		test_the_request_that_made_a_certificate_renews_it},
	{"test_only_exact_grants_become_names", test_only_exact_grants_become_names},
	{"test_more_grants_than_a_certificate_holds_are_refused",
		test_more_grants_than_a_certificate_holds_are_refused})
