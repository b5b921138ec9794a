/* States of authorizations and orders as functions of facts (RFC 8555 section 7.1.6). */
#include "lib/store/acme_authorization.h"
#include "lib/store/acme_order.h"
#include "tests/unit/unit.h"

enum { NOW = 1000, LATER = 2000, BEFORE = 500 };

static enum acme_authorization_status
authorization(int64_t expires, int64_t deactivated, enum acme_challenge_status one,
	enum acme_challenge_status two)
{
	struct store_challenge c[] = {{.status = one}, {.status = two}};
	struct store_authorization z = {.expires = expires,
		.deactivated_at = deactivated,
		.challenges = c,
		.challenge_count = 2};

	return store_authorization_status(&z, NOW);
}

static void
test_authorization_states(void)
{
	enum {
		P = ACME_CHALLENGE_PENDING,
		W = ACME_CHALLENGE_PROCESSING,
		V = ACME_CHALLENGE_VALID,
		I = ACME_CHALLENGE_INVALID
	};
	static const struct {
		const char *name;
		int64_t expires, deactivated;
		int one, two;
		enum acme_authorization_status status;
	} cases[] = {
		{"new", LATER, 0, P, P, ACME_AUTHZ_PENDING},
		{"being looked at", LATER, 0, W, P, ACME_AUTHZ_PENDING},
		{"one valid is enough", LATER, 0, P, V, ACME_AUTHZ_VALID},
		{"valid before invalid", LATER, 0, I, V, ACME_AUTHZ_VALID},
		{"one invalid fails it", LATER, 0, P, I, ACME_AUTHZ_INVALID},
		{"pending ran out of time", NOW, 0, P, P, ACME_AUTHZ_INVALID},
		{"valid expired", NOW, 0, V, P, ACME_AUTHZ_EXPIRED},
		{"deactivated when valid", LATER, BEFORE, V, P, ACME_AUTHZ_DEACTIVATED},
		{"deactivated when pending", LATER, BEFORE, P, P, ACME_AUTHZ_DEACTIVATED},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_CASE(authorization(cases[i].expires, cases[i].deactivated,
				   (enum acme_challenge_status)cases[i].one,
				   (enum acme_challenge_status)cases[i].two) == cases[i].status,
			cases[i].name);
}

static enum acme_order_status
order(bool granted, int64_t expires, int64_t request, enum store_result_state result,
	enum acme_challenge_status one, enum acme_challenge_status two, size_t known)
{
	struct store_challenge c[] = {{.status = one}, {.status = two}};
	struct store_authorization z[] = {
		{.expires = LATER, .challenges = &c[0], .challenge_count = 1},
		{.expires = LATER, .challenges = &c[1], .challenge_count = 1}};
	struct store_order o = {.granted = granted,
		.expires = expires,
		.request = request,
		.authorization_count = 2};

	o.result.state = result;
	return store_order_status(&o, z, known, NOW);
}

static void
test_order_states(void)
{
	enum { P = ACME_CHALLENGE_PENDING, V = ACME_CHALLENGE_VALID, I = ACME_CHALLENGE_INVALID };
	static const struct {
		const char *name;
		bool granted;
		int64_t expires, request;
		enum store_result_state result;
		int one, two;
		size_t known;
		enum acme_order_status status;
	} cases[] = {
		{"granted", true, LATER, 0, STORE_RESULT_PENDING, P, P, 0, ACME_ORDER_READY},
		{"granted but expired", true, NOW, 0, STORE_RESULT_PENDING, P, P, 0,
			ACME_ORDER_INVALID},
		{"waiting for both", false, LATER, 0, STORE_RESULT_PENDING, P, P, 2,
			ACME_ORDER_PENDING},
		{"waiting for one", false, LATER, 0, STORE_RESULT_PENDING, V, P, 2,
			ACME_ORDER_PENDING},
		{"both valid", false, LATER, 0, STORE_RESULT_PENDING, V, V, 2, ACME_ORDER_READY},
		{"one failed", false, LATER, 0, STORE_RESULT_PENDING, V, I, 2, ACME_ORDER_INVALID},
		{"an authorization is missing", false, LATER, 0, STORE_RESULT_PENDING, V, V, 1,
			ACME_ORDER_PENDING},
		{"expired before finalize", false, NOW, 0, STORE_RESULT_PENDING, V, V, 2,
			ACME_ORDER_INVALID},
		{"with the signer", false, LATER, 7, STORE_RESULT_PENDING, V, V, 2,
			ACME_ORDER_PROCESSING},
		{"with the signer, expired meanwhile", true, NOW, 7, STORE_RESULT_PENDING, P, P, 0,
			ACME_ORDER_PROCESSING},
		{"issued", true, LATER, 7, STORE_RESULT_DONE, P, P, 0, ACME_ORDER_VALID},
		{"issued long ago", true, BEFORE, 7, STORE_RESULT_DONE, P, P, 0, ACME_ORDER_VALID},
		{"refused by the signer", true, LATER, 7, STORE_RESULT_REFUSED, P, P, 0,
			ACME_ORDER_INVALID},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_CASE(order(cases[i].granted, cases[i].expires, cases[i].request,
				   cases[i].result, (enum acme_challenge_status)cases[i].one,
				   (enum acme_challenge_status)cases[i].two,
				   cases[i].known) == cases[i].status,
			cases[i].name);
}

UNIT_MAIN("acme-state", {"test_authorization_states", test_authorization_states},
	{"test_order_states", test_order_states})
