/* The signer's judgement: one request that is issued, and for each fact that can be wrong one that
 * is refused. The facts themselves are the database's part. */
#include "tests/unit/ca/decide_test.h"

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

UNIT_MAIN("decide", {"test_made", test_made},
	{"test_granted_request_is_certified", test_granted_request_is_certified},
	{"test_proven_order_is_certified_without_a_grant",
		test_proven_order_is_certified_without_a_grant},
	{"test_each_wrong_fact_is_an_outcome", test_each_wrong_fact_is_an_outcome},
	{"test_each_role_asks_only_for_what_is_its_work",
		test_each_role_asks_only_for_what_is_its_work},
	{"test_cleared", test_cleared})
