/* The one gate: one request that passes, and for every word of refusal a request that differs from
 * it in one thing. */
#include "tests/unit/ca/policy_test.h"

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
	{"test_spec_holds_the_decision_and_nothing_of_the_csr",
		test_spec_holds_the_decision_and_nothing_of_the_csr})
