/* The signer's judgement where it is the issuing CA that waits, refuses or bounds. */
#include "tests/unit/ca/decide_test.h"

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

UNIT_MAIN("decide-issuer", {"test_made", test_made},
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
	{"test_backdating_stays_behind_the_beginning_of_the_ca",
		test_backdating_stays_behind_the_beginning_of_the_ca},
	{"test_certificates_that_may_not_issue_are_refused",
		test_certificates_that_may_not_issue_are_refused},
	{"test_names_outside_the_constraints_of_the_ca_are_refused",
		test_names_outside_the_constraints_of_the_ca_are_refused},
	{"test_cleared", test_cleared})
