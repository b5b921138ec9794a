/* The signer's judgement with a key in memory instead of a token: one request that is issued, and
 * for each fact that can be wrong one that is refused. The facts themselves are the database's
 * part. */
#include "ca/signer/decide.h"
#include "lib/base/clock.h"
#include "tests/unit/unit.h"

enum { NOW = 1800000000, HOUR = 3600 };

static struct arena *arena;
static struct ca_profiles *profiles;
static EVP_PKEY *root_key, *ca_key, *subject_key;
static struct pki_signer signer;
static struct ca_issuer issuer = {.id = 7,
	.name = "issuing-1",
	.crl_url = "http://pki.example/crl/issuing-1.crl",
	.ocsp_url = "http://pki.example/ocsp",
	.ca_issuers_url = "http://pki.example/ca/issuing-1.cer"};
static struct ca_issuers issuers = {
	.item = &issuer, .count = 1, .all_count = 1, .first = "issuing-1"};
static struct ca_signing_issuer signing = {.issuer = &issuer, .signer = &signer};
static struct bytes subject_spki;

static struct bytes
name_of(const char *common_name)
{
	const struct pki_name_parts parts = {.common_name = common_name};
	struct bytes der;

	CHECK_OK(pki_name_build(&parts, arena, &der));
	return der;
}

struct ca_shape {
	const char *subject, *issuer;
	uint32_t key_usage;
	int64_t not_before, not_after;
};

/* A CA certificate for ca_key, signed by root_key. */
static void
make_ca(const struct ca_shape *shape, struct pki_cert *out)
{
	struct pki_signer root;
	struct pki_spki spki;
	struct bytes spki_der, der;
	uint8_t serial[PKI_SERIAL_SIZE], *key_id = arena_alloc(arena, 20);

	pki_signer_software(root_key, PKI_KEY_P256, &root);
	CHECK_OK(pki_spki_from_pkey(ca_key, arena, &spki_der));
	CHECK_OK(pki_spki_parse(spki_der, &spki));
	pki_spki_key_id(&spki, key_id);
	pki_serial_new(serial);
	const struct pki_cert_spec spec = {.serial = {serial, sizeof(serial)},
		.issuer = name_of(shape->issuer),
		.subject = name_of(shape->subject),
		.spki = spki_der,
		.not_before = shape->not_before,
		.not_after = shape->not_after,
		.key_usage = shape->key_usage,
		.is_ca = true,
		.path_len = 0,
		.subject_key_id = {key_id, 20},
		.authority_key_id = {key_id, 20}};
	CHECK_OK(pki_cert_issue(&spec, &root, arena, &der, out));
}

static void
test_made(void)
{
	arena = arena_new(0);
	clock_pin(NOW);
	CHECK_OK(ca_profiles_load(SHIPPED_PROFILES, &profiles));
	CHECK_OK(pki_key_generate_p256(&root_key));
	CHECK_OK(pki_key_generate_p256(&ca_key));
	CHECK_OK(pki_key_generate_p256(&subject_key));
	CHECK_OK(pki_spki_from_pkey(subject_key, arena, &subject_spki));
	pki_signer_software(ca_key, PKI_KEY_P256, &signer);
	make_ca(&(struct ca_shape){"Issuing", "Root", PKI_KU_KEY_CERT_SIGN | PKI_KU_CRL_SIGN,
			NOW - HOUR, NOW + 10000 * HOUR},
		&issuer.cert);
}

static const char *names[] = {"dns:a.example.org"};
static const char *grants[] = {"dns:*.example.org"};

static struct store_claim_item
request(void)
{
	return (struct store_claim_item){.id = 1,
		.protocol = CA_PROTOCOL_EST,
		.role = "chancery_gateway",
		.request_id = "r",
		.profile = "device",
		.identity = 3,
		.identity_name = "printer-1",
		.identity_kind = IDENTITY_DEVICE,
		.identity_state = IDENTITY_ACTIVE,
		.requester_active = true,
		.shown_live = true,
		.names = names,
		.name_count = 1,
		.spki = subject_spki,
		.created_at = NOW,
		.grants = grants,
		.grant_count = 1};
}

static struct store_claim_item
order(void)
{
	struct store_claim_item r = request();

	r.protocol = CA_PROTOCOL_ACME;
	r.profile = "workload";
	r.identity_kind = IDENTITY_WORKLOAD;
	r.grant_count = 0;
	r.acme_order = "o1";
	r.order_usable = true;
	r.authorized = names;
	r.authorized_count = 1;
	return r;
}

static struct decide
judge(void)
{
	return (struct decide){profiles, &issuers, &signing, arena, NOW};
}

static void
test_granted_request_is_certified(void)
{
	const struct store_claim_item r = request();
	const struct decide d = judge();
	struct store_outcome o;
	struct pki_cert cert;
	EVP_PKEY *key = NULL;

	CHECK_OK(decide(&d, &r, &o));
	CHECK(o.kind == STORE_OUTCOME_ISSUED && o.issuer == 7);
	CHECK_OK(pki_cert_parse(o.der, arena, &cert));
	CHECK(bytes_equal(cert.serial, bytes_of(o.serial, sizeof(o.serial))));
	CHECK(cert.not_before == o.not_before && cert.not_after == o.not_after);
	CHECK(o.not_before == NOW - 600 && o.not_after == NOW + 30 * 24 * HOUR);
	CHECK(bytes_equal(cert.spki.der, subject_spki) &&
		bytes_equal(cert.issuer, issuer.cert.subject));
	CHECK(cert.sans.count == 1 && !cert.is_ca);
	CHECK_OK(pki_cert_verify_issued_by(&cert, &issuer.cert));
	CHECK_OK(pki_spki_pkey(&issuer.cert.spki, &key));
	EVP_PKEY_free(key);
}

static void
test_proven_order_is_certified_without_a_grant(void)
{
	const struct store_claim_item r = order();
	const struct decide d = judge();
	struct store_outcome o;

	CHECK_OK(decide(&d, &r, &o));
	CHECK(o.kind == STORE_OUTCOME_ISSUED);
}

static void
set_blocked(struct store_claim_item *r)
{
	r->identity_state = IDENTITY_BLOCKED;
}
static void
set_retired(struct store_claim_item *r)
{
	r->identity_state = IDENTITY_RETIRED;
}
static void
set_kind(struct store_claim_item *r)
{
	r->identity_kind = IDENTITY_OPERATOR;
}
static void
set_profile(struct store_claim_item *r)
{
	r->profile = "nonsense";
}
static void
set_protocol(struct store_claim_item *r)
{
	r->protocol = CA_PROTOCOL_INTERNAL;
}
static void
block_requester(struct store_claim_item *r)
{
	r->requester_active = false;
}
static void
revoke_shown(struct store_claim_item *r)
{
	r->shown_live = false;
}
static void
block_key(struct store_claim_item *r)
{
	r->key_blocked = true;
}
static void
no_grant(struct store_claim_item *r)
{
	r->grant_count = 0;
}
static void
no_key(struct store_claim_item *r)
{
	r->spki = (struct bytes){NULL, 0};
}
static void
cut_key(struct store_claim_item *r)
{
	r->spki.n--;
}
static void
bad_name(struct store_claim_item *r)
{
	static const char *bad[] = {"dns:-a.example.org"};

	r->names = bad;
}
static void
untyped_name(struct store_claim_item *r)
{
	static const char *bad[] = {"a.example.org"};

	r->names = bad;
}
static void
many_names(struct store_claim_item *r)
{
	static const char *many[PKI_SANS_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = "dns:a.example.org";
	r->names = many;
	r->name_count = ARRAY_LEN(many);
}
static void
dead_predecessor(struct store_claim_item *r)
{
	r->has_renewed_from = true;
}
static void
long_life(struct store_claim_item *r)
{
	r->not_after = NOW + 31 * 24 * HOUR;
}
static void
past_life(struct store_claim_item *r)
{
	r->not_after = NOW - 1;
}
static void
acme_without_order(struct store_claim_item *r)
{
	*r = order();
	r->acme_order = NULL;
}
static void
unusable_order(struct store_claim_item *r)
{
	*r = order();
	r->order_usable = false;
}
static void
unproven_order(struct store_claim_item *r)
{
	*r = order();
	r->authorized_count = 0;
}
static void
order_over_est(struct store_claim_item *r)
{
	r->acme_order = "o1";
}
/* A proof is of one exact name: read as a pattern it would be a grant. */
static void
proof_of_a_wildcard(struct store_claim_item *r)
{
	static const char *wild[] = {"dns:*.example.org"};

	*r = order();
	r->authorized = wild;
}

static const struct refused {
	const char *name;
	void (*change)(struct store_claim_item *r);
	enum err class;
	const char *word;
} table[] = {
	{"blocked", set_blocked, ERR_DENIED, "identity-blocked"},
	{"retired", set_retired, ERR_DENIED, "identity-blocked"},
	{"kind", set_kind, ERR_DENIED, "requester-not-allowed"},
	{"profile", set_profile, ERR_NOTFOUND, "unknown-profile"},
	{"protocol", set_protocol, ERR_DENIED, "protocol-not-allowed"},
	{"blocked requester", block_requester, ERR_DENIED, "identity-blocked"},
	{"revoked certificate was shown", revoke_shown, ERR_DENIED, "certificate-revoked"},
	{"compromised key", block_key, ERR_DENIED, "key-blocked"},
	{"no grant", no_grant, ERR_DENIED, "name-not-allowed"},
	{"no key", no_key, ERR_INVALID, "bad-key"},
	{"cut key", cut_key, ERR_INVALID, "bad-key"},
	{"bad name", bad_name, ERR_INVALID, "bad-name"},
	{"untyped name", untyped_name, ERR_INVALID, "bad-name"},
	{"many names", many_names, ERR_INVALID, "too-many-names"},
	{"dead predecessor", dead_predecessor, ERR_DENIED, "certificate-revoked"},
	{"long life", long_life, ERR_INVALID, "bad-validity"},
	{"past life", past_life, ERR_INVALID, "bad-validity"},
	{"acme without order", acme_without_order, ERR_DENIED, "order-not-usable"},
	{"unusable order", unusable_order, ERR_DENIED, "order-not-usable"},
	{"unproven order", unproven_order, ERR_DENIED, "name-not-allowed"},
	{"order over est", order_over_est, ERR_DENIED, "order-not-usable"},
	{"proof of a wildcard", proof_of_a_wildcard, ERR_DENIED, "name-not-allowed"},
};

static void
test_each_wrong_fact_is_an_outcome(void)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct store_claim_item r = request();
		const struct decide d = judge();
		struct store_outcome o;

		table[i].change(&r);
		CHECK_OK(decide(&d, &r, &o));
		CHECK_CASE(o.kind == STORE_OUTCOME_REFUSED, table[i].name);
		if (o.kind != STORE_OUTCOME_REFUSED)
			continue;
		CHECK_CASE(o.refusal_class == table[i].class, table[i].name);
		CHECK_CASE(
			strcmp(err_word_text(o.refusal_word), table[i].word) == 0, table[i].name);
		CHECK_CASE(o.refusal[0] != 0 && o.der.n == 0, table[i].name);
	}
}

/* What a program that is not its own master any more may ask for with its database role. */
static void
test_each_role_asks_only_for_what_is_its_work(void)
{
	static const struct {
		const char *role, *profile;
		enum ca_protocol protocol;
		bool may;
	} cases[] = {
		{"chancery_gateway", "device", CA_PROTOCOL_EST, true},
		{"chancery_gateway", "device", CA_PROTOCOL_ADMIN, false},
		{"chancery_gateway", "operator", CA_PROTOCOL_ADMIN, false},
		{"chancery_gateway", "gateway-tls", CA_PROTOCOL_INTERNAL, true},
		{"chancery_gateway", "ocsp-responder", CA_PROTOCOL_INTERNAL, false},
		{"chancery_admin", "device", CA_PROTOCOL_ADMIN, true},
		{"chancery_admin", "device", CA_PROTOCOL_EST, false},
		{"chancery_admin", "gateway-tls", CA_PROTOCOL_INTERNAL, true},
		{"chancery_admin", "ocsp-responder", CA_PROTOCOL_INTERNAL, false},
		{"chancery_status", "ocsp-responder", CA_PROTOCOL_INTERNAL, true},
		{"chancery_status", "gateway-tls", CA_PROTOCOL_INTERNAL, false},
		{"chancery_status", "device", CA_PROTOCOL_EST, false},
		{"chancery_signer", "device", CA_PROTOCOL_EST, false},
		{"chancery_validator", "device", CA_PROTOCOL_EST, false},
		{"chancery_owner", "device", CA_PROTOCOL_ADMIN, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct store_claim_item r = request();
		const struct decide d = judge();
		struct store_outcome o;

		r.role = cases[i].role;
		r.profile = cases[i].profile;
		r.protocol = cases[i].protocol;
		if (r.protocol == CA_PROTOCOL_INTERNAL)
			r.identity_kind = IDENTITY_SERVICE;
		if (strcmp(r.profile, "ocsp-responder") == 0)
			r.name_count = 0;
		CHECK_OK(decide(&d, &r, &o));
		CHECK_CASE(o.kind == (cases[i].may ? STORE_OUTCOME_ISSUED : STORE_OUTCOME_REFUSED),
			r.profile);
		if (!cases[i].may)
			CHECK_CASE(o.refusal_word == WORD_PROTOCOL_NOT_ALLOWED &&
					strstr(o.refusal, r.role) != NULL,
				r.role);
	}
}

static enum err
broken(void *ctx, struct bytes data, struct buf *signature)
{
	(void)ctx;
	return err_set_word(ERR_UNAVAILABLE, WORD_HSM, "hsm: gone after %zu octets, %zu written",
		data.n, signature->len);
}

static void
test_broken_hsm_is_no_outcome(void)
{
	const struct pki_signer gone = {.alg = PKI_SIG_ECDSA_SHA256, .sign = broken};
	const struct ca_signing_issuer bad = {.issuer = &issuer, .signer = &gone};
	const struct decide d = {profiles, &issuers, &bad, arena, NOW};
	const struct store_claim_item r = request();
	struct store_outcome o;

	CHECK_REASON(decide(&d, &r, &o), ERR_UNAVAILABLE, "hsm: gone");
	CHECK(err_word() == WORD_HSM);
}

static void
test_profile_of_an_issuer_elsewhere_waits_for_it(void)
{
	const struct ca_issuers none = {
		.item = &issuer, .count = 0, .all_count = 1, .first = "issuing-1"};
	const struct decide d = {profiles, &none, &signing, arena, NOW};
	const struct store_claim_item r = request();
	struct store_outcome o;

	CHECK_OK(decide(&d, &r, &o));
	CHECK(o.kind == STORE_OUTCOME_HELD && o.hold == STORE_HOLD_UNAVAILABLE);
}

/* Profiles without an issuer mean the first configured one, also while it is missing. */
static void
test_another_issuer_never_stands_in_for_the_first(void)
{
	const struct ca_issuers second = {
		.item = &issuer, .count = 1, .all_count = 1, .first = "issuing-0"};
	const struct decide d = {profiles, &second, &signing, arena, NOW};
	const struct store_claim_item r = request();
	struct store_outcome o;

	CHECK_OK(decide(&d, &r, &o));
	CHECK(o.kind == STORE_OUTCOME_HELD && strstr(o.hold_reason, "issuing-0") != NULL);
}

static void
test_issuer_limited_to_other_profiles_refuses(void)
{
	static const char *const limits[] = {"workload", "device"};
	struct ca_issuer limited = issuer;
	const struct ca_issuers one = {
		.item = &limited, .count = 1, .all_count = 1, .first = "issuing-1"};
	const struct ca_signing_issuer sign = {.issuer = &limited, .signer = &signer};
	const struct decide d = {profiles, &one, &sign, arena, NOW};
	const struct store_claim_item r = request();
	struct store_outcome o;

	limited.profiles = limits;
	limited.profile_count = 1;
	CHECK_OK(decide(&d, &r, &o));
	CHECK(o.kind == STORE_OUTCOME_REFUSED && o.refusal_word == WORD_ISSUER_NOT_ALLOWED);
	limited.profile_count = 2;
	CHECK_OK(decide(&d, &r, &o));
	CHECK(o.kind == STORE_OUTCOME_ISSUED);
}

static void
test_issuer_whose_key_cannot_be_used_keeps_the_request_waiting(void)
{
	const struct ca_signing_issuer unusable = {.issuer = &issuer};
	const struct decide d = {profiles, &issuers, &unusable, arena, NOW};
	const struct store_claim_item r = request();
	struct store_outcome o;

	CHECK_OK(decide(&d, &r, &o));
	CHECK(o.kind == STORE_OUTCOME_HELD && o.hold == STORE_HOLD_UNAVAILABLE);
	CHECK(o.until > NOW && o.until <= NOW + 60);
	CHECK(strstr(o.hold_reason, "cannot sign now") != NULL);
}

static void
test_what_waited_a_day_for_its_issuer_is_refused(void)
{
	const struct ca_signing_issuer unusable = {.issuer = &issuer};
	const struct decide d = {profiles, &issuers, &unusable, arena, NOW};
	struct store_claim_item r = request();
	struct store_outcome o;

	r.created_at = NOW - 24 * HOUR;
	CHECK_OK(decide(&d, &r, &o));
	CHECK(o.kind == STORE_OUTCOME_REFUSED && o.refusal_class == ERR_UNAVAILABLE);
	CHECK(o.refusal_word == WORD_NO_ISSUER);
}

/* The profiles as shipped, but for two operators to approve within a day what the request wants. */
static struct decide
judge_with_approval(struct ca_profiles *all)
{
	struct ca_profile *item = arena_array(arena, profiles->count, sizeof(*item));

	memcpy(item, profiles->item, profiles->count * sizeof(*item));
	for (size_t i = 0; i < profiles->count; i++) {
		item[i].approvals = 2;
		item[i].approval_within = 24 * HOUR;
	}
	*all = (struct ca_profiles){.item = item, .count = profiles->count};
	return (struct decide){all, &issuers, &signing, arena, NOW};
}

static void
test_too_few_approvals_hold_the_request(void)
{
	struct ca_profiles all;
	const struct decide d = judge_with_approval(&all);
	struct store_claim_item r = request();
	struct store_outcome o;

	for (r.approvals = 0; r.approvals < 2; r.approvals++) {
		CHECK_OK(decide(&d, &r, &o));
		CHECK(o.kind == STORE_OUTCOME_HELD && o.hold == STORE_HOLD_APPROVAL);
		CHECK(o.approvals_needed == 2 && o.until == r.created_at + 24 * HOUR);
		CHECK(o.der.n == 0);
	}
}

static void
test_enough_approvals_let_it_be_certified(void)
{
	struct ca_profiles all;
	const struct decide d = judge_with_approval(&all);
	struct store_claim_item r = request();
	struct store_outcome o;

	r.approvals = 2;
	CHECK_OK(decide(&d, &r, &o));
	CHECK(o.kind == STORE_OUTCOME_ISSUED);
}

static void
test_approvals_that_do_not_come_in_time_end_it(void)
{
	struct ca_profiles all;
	const struct decide d = judge_with_approval(&all);
	struct store_claim_item r = request();
	struct store_outcome o;

	r.created_at = NOW - 24 * HOUR;
	r.approvals = 1;
	CHECK_OK(decide(&d, &r, &o));
	CHECK(o.kind == STORE_OUTCOME_REFUSED && o.refusal_word == WORD_APPROVAL_EXPIRED);
}

/* Operators are not asked about what no approval could make right. */
static void
test_what_is_refused_anyway_is_not_held(void)
{
	struct ca_profiles all;
	const struct decide d = judge_with_approval(&all);
	struct store_claim_item r = request();
	struct store_outcome o;

	r.grant_count = 0;
	CHECK_OK(decide(&d, &r, &o));
	CHECK(o.kind == STORE_OUTCOME_REFUSED && o.refusal_word == WORD_NAME_NOT_ALLOWED);
}

static void
test_backdating_stays_behind_the_beginning_of_the_ca(void)
{
	struct ca_issuer young = issuer;
	const struct ca_issuers one = {
		.item = &young, .count = 1, .all_count = 1, .first = "issuing-1"};
	const struct ca_signing_issuer sign = {.issuer = &young, .signer = &signer};
	const struct decide d = {profiles, &one, &sign, arena, NOW};
	const struct store_claim_item r = request();
	struct store_outcome o;

	make_ca(&(struct ca_shape){"Issuing", "Root", PKI_KU_KEY_CERT_SIGN | PKI_KU_CRL_SIGN,
			NOW - 60, NOW + 2 * HOUR},
		&young.cert);
	CHECK_OK(decide(&d, &r, &o));
	CHECK(o.kind == STORE_OUTCOME_ISSUED && o.not_before == NOW - 60 &&
		o.not_after == NOW + 2 * HOUR);
}

static void
test_certificates_that_may_not_issue_are_refused(void)
{
	static const uint32_t both = PKI_KU_KEY_CERT_SIGN | PKI_KU_CRL_SIGN;
	static const struct {
		struct ca_shape shape;
		const char *words;
	} cases[] = {
		{{"Same", "Same", both, NOW - HOUR, NOW + HOUR}, "self-signed"},
		{{"Issuing", "Root", both, NOW + 1, NOW + HOUR}, "valid only from"},
		{{"Issuing", "Root", both, NOW - HOUR, NOW}, "ended"},
		{{"Issuing", "Root", PKI_KU_KEY_CERT_SIGN, NOW - HOUR, NOW + HOUR}, "may not sign"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ca_issuer one = {.name = "issuing-1"};

		make_ca(&cases[i].shape, &one.cert);
		CHECK_REASON(decide_issuer_usable(&one, NULL, NOW), ERR_DENIED, cases[i].words);
		CHECK(strstr(err_reason(), "issuing-1") != NULL);
	}
}

static void
test_names_outside_the_constraints_of_the_ca_are_refused(void)
{
	/* permittedSubtrees: dNSName "example.net" */
	const struct bytes elsewhere = BYTES_LIT("\x30\x11\xa0\x0f\x30\x0d\x82\x0b"
						 "example.net");
	const struct decide d = judge();
	struct store_claim_item r = request();
	struct store_outcome o;

	issuer.cert.name_constraints = elsewhere;
	CHECK_OK(decide(&d, &r, &o));
	issuer.cert.name_constraints.n = 0;
	CHECK(o.kind == STORE_OUTCOME_REFUSED && o.refusal_class == ERR_DENIED);
	CHECK(o.refusal_word == WORD_NAME_NOT_ALLOWED);
	CHECK(strstr(o.refusal, "issuing CA \"issuing-1\"") != NULL);
}

static void
test_cleared(void)
{
	ca_profiles_release(profiles);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(subject_key);
	arena_free(arena);
	clock_unpin();
	CHECK(clock_now() != NOW);
}

UNIT_MAIN("decide", {"test_made", test_made},
	{"test_granted_request_is_certified", test_granted_request_is_certified},
	{"test_proven_order_is_certified_without_a_grant",
		test_proven_order_is_certified_without_a_grant},
	{"test_each_wrong_fact_is_an_outcome", test_each_wrong_fact_is_an_outcome},
	{"test_each_role_asks_only_for_what_is_its_work",
		test_each_role_asks_only_for_what_is_its_work},
	{"test_broken_hsm_is_no_outcome", test_broken_hsm_is_no_outcome},
	{"test_profile_of_an_issuer_elsewhere_waits_for_it",
		test_profile_of_an_issuer_elsewhere_waits_for_it},
	{"test_another_issuer_never_stands_in_for_the_first",
		test_another_issuer_never_stands_in_for_the_first},
	{"test_issuer_limited_to_other_profiles_refuses",
		test_issuer_limited_to_other_profiles_refuses},
	{"test_issuer_whose_key_cannot_be_used_keeps_the_request_waiting",
		test_issuer_whose_key_cannot_be_used_keeps_the_request_waiting},
	{"test_what_waited_a_day_for_its_issuer_is_refused",
		test_what_waited_a_day_for_its_issuer_is_refused},
	{"test_too_few_approvals_hold_the_request", test_too_few_approvals_hold_the_request},
	{"test_enough_approvals_let_it_be_certified", test_enough_approvals_let_it_be_certified},
	{"test_approvals_that_do_not_come_in_time_end_it",
		test_approvals_that_do_not_come_in_time_end_it},
	{"test_what_is_refused_anyway_is_not_held", test_what_is_refused_anyway_is_not_held},
	{"test_backdating_stays_behind_the_beginning_of_the_ca",
		test_backdating_stays_behind_the_beginning_of_the_ca},
	{"test_certificates_that_may_not_issue_are_refused",
		test_certificates_that_may_not_issue_are_refused},
	{"test_names_outside_the_constraints_of_the_ca_are_refused",
		test_names_outside_the_constraints_of_the_ca_are_refused},
	{"test_cleared", test_cleared})
