/* The one gate: one request that passes, and for every word of refusal a request that differs from
 * it in one thing. */
#include "ca/issuers.h"
#include "ca/policy.h"
#include "tests/unit/unit.h"

enum { NOW = 1800000000, HOUR = 3600, ISSUER_END = NOW + 1000 * HOUR };

static struct arena *arena;

static struct pki_sans
names_of(const char *const *texts, size_t count)
{
	struct pki_sans sans = {arena_array(arena, count, sizeof(*sans.item)), count};

	for (size_t i = 0; i < count; i++)
		CHECK_OK(pki_san_from_text(bytes_str(texts[i]), arena, &sans.item[i]));
	return sans;
}
#define NAMES(...)                                                                                 \
	names_of((const char *const[]){__VA_ARGS__},                                               \
		ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

static const char *const grants[] = {
	"dns:*.example.org", "dns:**.deep.example.org", "ip:10.1.0.0/16", "uri:spiffe://mesh/*"};
static const char *const permitted[] = {
	"dns:**.example.org", "ip:10.0.0.0/8", "uri:spiffe://mesh/*"};

static struct ca_profile
profile(void)
{
	return (struct ca_profile){
		.name = "mesh",
		.requesters = 1 << IDENTITY_WORKLOAD,
		.protocols = 1 << CA_PROTOCOL_EST | 1 << CA_PROTOCOL_ACME,
		.keys = 1 << PKI_KEY_P256 | 1 << PKI_KEY_RSA,
		.rsa_min_bits = 3072,
		.lifetime = 8 * HOUR,
		.max_lifetime = 24 * HOUR,
		.backdate = 300,
		.key_usage = PKI_KU_DIGITAL_SIGNATURE,
		.rsa_key_usage = PKI_KU_DIGITAL_SIGNATURE | PKI_KU_KEY_ENCIPHERMENT,
		.eku = PKI_EKU_CLIENT_AUTH,
		.common_name = CA_CN_IDENTITY,
		.name_types = 1 << PKI_SAN_DNS | 1 << PKI_SAN_IP | 1 << PKI_SAN_URI,
		.permitted = permitted,
		.permitted_count = ARRAY_LEN(permitted),
		.names_min = 1,
		.names_max = 3,
		.wildcards = CA_WILDCARDS_REFUSED,
		.crl_url = true,
	};
}

/* A request that passes; each test changes one thing. */
static struct fixture {
	struct ca_profile profile;
	struct pki_spki spki;
	struct pki_sans names;
	struct ca_policy_request r;
} f;

static void
set_up(void)
{
	arena = arena_new(0);
	f = (struct fixture){.profile = profile(),
		.spki = {.type = PKI_KEY_P256,
			.bits = 256,
			.der = BYTES_LIT("spki"),
			.key = BYTES_LIT("point")}};
	f.names = NAMES("dns:a.example.org");
	f.r = (struct ca_policy_request){
		.profile = &f.profile,
		.protocol = CA_PROTOCOL_EST,
		.identity_name = "web-1",
		.kind = IDENTITY_WORKLOAD,
		.state = IDENTITY_ACTIVE,
		.spki = &f.spki,
		.names = &f.names,
		.grants = grants,
		.grant_count = ARRAY_LEN(grants),
		.now = NOW,
	};
}

static void
tear_down(void)
{
	arena_free(arena);
}

static void
refused(const char *what, enum err code, const char *word, const char *reason)
{
	struct ca_validity v;
	enum err e = ca_policy_check(&f.r, ISSUER_END, &v);

	CHECK_CASE(e == code, what);
	CHECK_CASE(strcmp(err_word_text(err_word()), word) == 0, what);
	CHECK_CASE(strstr(err_reason(), reason) != NULL, what);
	if (e != code || strcmp(err_word_text(err_word()), word) != 0 ||
		strstr(err_reason(), reason) == NULL)
		fprintf(stderr, "  %s, word %s: %s\n", err_name(e), err_word_text(err_word()),
			err_reason());
}

static void
test_a_granted_request_passes(void)
{
	struct ca_validity v;

	set_up();
	CHECK_OK(ca_policy_check(&f.r, ISSUER_END, &v));
	CHECK(v.not_before == NOW - 300 && v.not_after == NOW + 8 * HOUR);
	tear_down();
}

static void
test_identity_requester_protocol_and_key_are_refused_by_word(void)
{
	set_up();
	f.r.state = IDENTITY_BLOCKED;
	refused("blocked", ERR_DENIED, "identity-blocked", "\"web-1\" is blocked");
	f.r.state = IDENTITY_RETIRED;
	refused("retired", ERR_DENIED, "identity-blocked", "retired");
	f.r.state = IDENTITY_ACTIVE;
	f.r.kind = IDENTITY_OPERATOR;
	refused("kind", ERR_DENIED, "requester-not-allowed", "\"operator\"");
	f.r.kind = IDENTITY_WORKLOAD;
	f.r.protocol = CA_PROTOCOL_INTERNAL;
	refused("protocol", ERR_DENIED, "protocol-not-allowed", "\"internal\"");
	f.r.protocol = CA_PROTOCOL_EST;
	f.spki.type = PKI_KEY_ED25519;
	refused("key type", ERR_INVALID, "bad-key", "\"ed25519\"");
	f.spki = (struct pki_spki){.type = PKI_KEY_RSA, .bits = 2048};
	refused("key bits", ERR_INVALID, "bad-key", "3072");
	tear_down();
}

static void
test_names_are_refused_by_word(void)
{
	static const struct {
		const char *name, *word;
	} cases[] = {
		{"email:a@example.org", "name-type-not-allowed"},
		{"dns:*.deep.example.org", "wildcard-not-allowed"},
		{"dns:a.example.com", "name-not-allowed"}, /* outside the profile */
		{"dns:a.b.example.org",
			"name-not-allowed"}, /* within the profile, not granted: *. is one label */
		{"dns:example.org", "name-not-allowed"},  /* the suffix itself */
		{"dns:aexample.org", "name-not-allowed"}, /* no dot */
		{"ip:10.2.0.1", "name-not-allowed"},
		{"ip:192.0.2.1", "name-not-allowed"},
		{"uri:spiffe://other/x", "name-not-allowed"},
	};

	set_up();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		f.names = NAMES("dns:a.example.org", cases[i].name);
		refused(cases[i].name, ERR_DENIED, cases[i].word, cases[i].name);
		CHECK_CASE(strstr(err_reason(), "dns:a.example.org\"") == NULL, cases[i].name);
	}
	f.names = NAMES("dns:x.example.com", "dns:a.example.org", "ip:192.0.2.1");
	refused("all are listed", ERR_DENIED, "name-not-allowed",
		"\"dns:x.example.com\", \"ip:192.0.2.1\"");
	f.names = (struct pki_sans){NULL, 0};
	refused("none", ERR_INVALID, "too-few-names", "at least 1");
	f.names = NAMES(
		"dns:a.example.org", "dns:b.example.org", "dns:c.example.org", "dns:d.example.org");
	refused("four", ERR_INVALID, "too-many-names", "at most 3");
	tear_down();
}

static void
test_no_grant_means_no_name_even_where_the_profile_permits_anything(void)
{
	set_up();
	f.profile.permitted_count = 0;
	f.r.grant_count = 0;
	refused("ungranted", ERR_DENIED, "name-not-allowed", "dns:a.example.org");
	tear_down();
}

static void
test_a_proof_counts_for_exactly_its_name_and_within_the_profile(void)
{
	static const char *const proven[] = {
		"dns:new.sub.example.org", "dns:x.example.com", "dns:*.star.example.org"};
	struct ca_validity v;

	set_up();
	f.r.grant_count = 0;
	f.r.authorized = proven;
	f.r.authorized_count = ARRAY_LEN(proven);
	f.names = NAMES("dns:new.sub.example.org");
	CHECK_OK(ca_policy_check(&f.r, ISSUER_END, &v));
	f.names = NAMES("dns:old.sub.example.org");
	refused("another", ERR_DENIED, "name-not-allowed", "old.sub");
	f.names = NAMES("dns:x.example.com");
	refused("outside the profile", ERR_DENIED, "name-not-allowed", "x.example.com");
	f.profile.wildcards = CA_WILDCARDS_ALLOWED;
	f.names = NAMES("dns:host.star.example.org");
	refused("a proof is no pattern", ERR_DENIED, "name-not-allowed", "host.star");
	f.names = NAMES("dns:*.star.example.org");
	CHECK_OK(ca_policy_check(&f.r, ISSUER_END, &v));
	tear_down();
}

static void
test_wildcards_need_permission_and_a_deep_grant(void)
{
	struct ca_validity v;

	set_up();
	f.profile.wildcards = CA_WILDCARDS_ALLOWED;
	f.names = NAMES("dns:*.x.deep.example.org");
	CHECK_OK(ca_policy_check(&f.r, ISSUER_END, &v));
	f.names = NAMES("dns:*.b.example.org");
	refused("hosts are granted, not wildcards", ERR_DENIED, "name-not-allowed",
		"*.b.example.org");
	tear_down();
}

static void
test_validity(void)
{
	static const struct {
		const char *what;
		int64_t before, after, issuer_end;
		int64_t expect_before, expect_after; /* 0: refused */
	} cases[] = {
		{"nothing asked", 0, 0, ISSUER_END, NOW - 300, NOW + 8 * HOUR},
		{"end asked", 0, NOW + 24 * HOUR, ISSUER_END, NOW - 300, NOW + 24 * HOUR},
		{"end too late", 0, NOW + 24 * HOUR + 1, ISSUER_END, 0, 0},
		{"end in the past", 0, NOW, ISSUER_END, 0, 0},
		{"start asked", NOW + HOUR, 0, ISSUER_END, NOW + HOUR, NOW + 9 * HOUR},
		{"start within backdate", NOW - 300, 0, ISSUER_END, NOW - 300, NOW + 8 * HOUR},
		{"start too early", NOW - 301, 0, ISSUER_END, 0, 0},
		{"start after end", NOW + 2 * HOUR, NOW + HOUR, ISSUER_END, 0, 0},
		{"start so late that the end is", NOW + 20 * HOUR, 0, ISSUER_END, 0, 0},
		{"clipped to the issuer", 0, 0, NOW + HOUR, NOW - 300, NOW + HOUR},
		{"asked and clipped", 0, NOW + 20 * HOUR, NOW + HOUR, NOW - 300, NOW + HOUR},
		{"issuer ended", 0, 0, NOW, 0, 0},
	};

	set_up();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ca_validity v = {0, 0};

		f.r.not_before = cases[i].before;
		f.r.not_after = cases[i].after;
		enum err e = ca_policy_check(&f.r, cases[i].issuer_end, &v);
		if (cases[i].expect_after == 0) {
			CHECK_CASE(e != ERR_OK && err_word() == WORD_BAD_VALIDITY, cases[i].what);
			continue;
		}
		CHECK_CASE(e == ERR_OK, cases[i].what);
		CHECK_CASE(v.not_before == cases[i].expect_before &&
				v.not_after == cases[i].expect_after,
			cases[i].what);
	}
	tear_down();
}

static void
test_granted_needs_every_name(void)
{
	set_up();
	struct pki_sans both = NAMES("dns:a.example.org", "ip:10.1.2.3"),
			one = NAMES("dns:a.example.org", "ip:10.2.2.3"), none = {NULL, 0};

	CHECK(ca_policy_granted(&both, grants, ARRAY_LEN(grants)));
	CHECK(!ca_policy_granted(&one, grants, ARRAY_LEN(grants)));
	CHECK(!ca_policy_granted(&none, grants, ARRAY_LEN(grants)));
	tear_down();
}

static void
test_refused_names_tell_why_each(void)
{
	const char *reason[3];

	set_up();
	struct pki_sans names =
		NAMES("dns:ungranted.but.example.org", "dns:*.example.org", "email:a@example.org");
	CHECK(ca_policy_refused_names(&f.profile, &names, arena, reason) == 2);
	CHECK(reason[0] == NULL);
	CHECK(reason[1] != NULL && strstr(reason[1], "wildcard-not-allowed") != NULL);
	CHECK(reason[2] != NULL && strstr(reason[2], "name-type-not-allowed") != NULL);
	tear_down();
}

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

static void
test_spec_holds_the_decision_and_nothing_of_the_csr(void)
{
	struct ca_issuer issuer = {.id = 1,
		.name = "issuing-1",
		.crl_url = "http://c/crl",
		.ocsp_url = "http://c/ocsp",
		.ca_issuers_url = "http://c/ca"};
	struct ca_validity v = {NOW, NOW + HOUR};
	struct pki_cert_spec spec;

	set_up();
	issuer.cert.subject = BYTES_LIT("issuer name");
	issuer.cert.subject_key_id = BYTES_LIT("issuer key id");
	CHECK_OK(ca_policy_spec(&f.r, &issuer, &v, arena, &spec));
	CHECK(bytes_equal(spec.issuer, issuer.cert.subject) &&
		bytes_equal(spec.authority_key_id, issuer.cert.subject_key_id));
	CHECK(bytes_equal(spec.spki, f.spki.der) && spec.subject_key_id.n == 20);
	CHECK(spec.not_before == NOW && spec.not_after == NOW + HOUR);
	CHECK(!spec.is_ca && spec.key_usage == PKI_KU_DIGITAL_SIGNATURE &&
		spec.eku == PKI_EKU_CLIENT_AUTH);
	CHECK(strcmp(spec.crl_url, "http://c/crl") == 0 && spec.ocsp_url == NULL &&
		spec.ca_issuers_url == NULL);
	CHECK(spec.sans.count == 1 && strcmp(pki_name_text(arena, spec.subject), "CN=web-1") == 0);
	f.spki.type = PKI_KEY_RSA;
	CHECK_OK(ca_policy_spec(&f.r, &issuer, &v, arena, &spec));
	CHECK(spec.key_usage == (PKI_KU_DIGITAL_SIGNATURE | PKI_KU_KEY_ENCIPHERMENT));
	tear_down();
}

UNIT_MAIN("policy", {"test_a_granted_request_passes", test_a_granted_request_passes},
	{"test_identity_requester_protocol_and_key_are_refused_by_word",
		test_identity_requester_protocol_and_key_are_refused_by_word},
	{"test_names_are_refused_by_word", test_names_are_refused_by_word},
	{"test_no_grant_means_no_name_even_where_the_profile_permits_anything",
		test_no_grant_means_no_name_even_where_the_profile_permits_anything},
	{"test_a_proof_counts_for_exactly_its_name_and_within_the_profile",
		test_a_proof_counts_for_exactly_its_name_and_within_the_profile},
	{"test_wildcards_need_permission_and_a_deep_grant",
		test_wildcards_need_permission_and_a_deep_grant},
	{"test_validity", test_validity},
	{"test_granted_needs_every_name", test_granted_needs_every_name},
	{"test_refused_names_tell_why_each", test_refused_names_tell_why_each},
	{"test_subjects_come_from_the_profile", test_subjects_come_from_the_profile},
	{"test_a_csr_subject_is_ignored_refused_or_pinned",
		test_a_csr_subject_is_ignored_refused_or_pinned},
	{"test_a_common_name_counts_where_it_is_one_more_name",
		test_a_common_name_counts_where_it_is_one_more_name},
	{"test_a_common_name_beside_a_hundred_names_is_refused",
		test_a_common_name_beside_a_hundred_names_is_refused},
	{"test_names_that_differ_are_named", test_names_that_differ_are_named},
	{"test_a_part_behind_the_common_name_is_not_overlooked",
		test_a_part_behind_the_common_name_is_not_overlooked},
	{"test_spec_holds_the_decision_and_nothing_of_the_csr",
		test_spec_holds_the_decision_and_nothing_of_the_csr})
