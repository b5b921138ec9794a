/* The signer's judgement of requests that operators must approve. */
#include "tests/unit/ca/decide_test.h"

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

UNIT_MAIN("decide-approval", {"test_made", test_made},
	{"test_too_few_approvals_hold_the_request", test_too_few_approvals_hold_the_request},
	{"test_enough_approvals_let_it_be_certified", test_enough_approvals_let_it_be_certified},
	{"test_approvals_that_do_not_come_in_time_end_it",
		test_approvals_that_do_not_come_in_time_end_it},
	{"test_what_is_refused_anyway_is_not_held", test_what_is_refused_anyway_is_not_held},
	{"test_cleared", test_cleared})
