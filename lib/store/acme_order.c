/*
 * ACME orders (RFC 8555 section 7.4): written once at newOrder, read with what became of them.
 */
#include "lib/store/acme_order.h"

#include "lib/store/internal.h"
#include "lib/store/queue/internal.h"
#include "schema/statements/acme_order.h"
#include "schema/statements/request.h"

/* The authorizations of a new order, column by column. */
struct columns {
	const char **identifiers;
	int16_t *wildcards;
	int64_t *expires;
	const char **ids, **of, **types, **tokens; /* of challenges */
	size_t challenges;
};

static struct columns
lay_out(struct arena *a, const struct store_authorization *z, size_t count)
{
	struct columns c = {.challenges = 0};
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += z[i].challenge_count;
	c.identifiers = arena_array(a, count, sizeof(*c.identifiers));
	c.wildcards = arena_array(a, count, sizeof(*c.wildcards));
	c.expires = arena_array(a, count, sizeof(*c.expires));
	const char ***texts[] = {&c.ids, &c.of, &c.types, &c.tokens};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = arena_array(a, total, sizeof(**texts[i]));
	for (size_t i = 0; i < count; i++) {
		c.identifiers[i] = z[i].identifier;
		c.wildcards[i] = z[i].wildcard;
		c.expires[i] = z[i].expires;
		for (size_t k = 0; k < z[i].challenge_count; k++) {
			size_t n = c.challenges++;

			c.ids[n] = z[i].challenges[k].id;
			c.of[n] = z[i].id;
			c.types[n] = acme_challenge_type_name(z[i].challenges[k].type);
			c.tokens[n] = z[i].challenges[k].token;
		}
	}
	return c;
}

static enum err
add_granted(struct store *s, const struct store_order *o)
{
	AUTO_PARAMS(p);

	BIND(&p, acme_order_add_granted, .id = o->id, .account = o->account, .profile = o->profile,
		.identifiers = texts_of(o->identifiers, o->identifier_count),
		.not_before = o->not_before, .not_after = o->not_after, .expires = o->expires);
	return db_write(s->db, &sql_acme_order_add_granted, &p, NULL);
}

enum err
store_order_add(struct store *s, const struct store_order *o, const struct store_authorization *z,
	size_t count)
{
	AUTO_PARAMS(p);

	if (o->granted)
		return add_granted(s, o);
	AUTO_STRUCT(arena) a = arena_new(0);
	struct columns c = lay_out(a, z, count);
	BIND(&p, acme_order_add, .id = o->id, .account = o->account, .profile = o->profile,
		.identifiers = texts_of(o->identifiers, o->identifier_count),
		.authorizations = texts_of(o->authorizations, o->authorization_count),
		.not_before = o->not_before, .not_after = o->not_after, .expires = o->expires,
		.z_identifiers = texts_of(c.identifiers, count),
		.z_wildcards = shorts_of(c.wildcards, count),
		.z_expires = ints_of(c.expires, count), .c_ids = texts_of(c.ids, c.challenges),
		.c_authorizations = texts_of(c.of, c.challenges),
		.c_types = texts_of(c.types, c.challenges),
		.c_tokens = texts_of(c.tokens, c.challenges));
	return db_write(s->db, &sql_acme_order_add, &p, NULL);
}

static enum err
read_order(struct arena *a, const PGresult *res, struct store_order *out)
{
	unsigned status = column_word(res, 0, COL_ACME_ORDER_FIND_STATUS, &acme_order_status_words);

	if (status == ACME_ORDER_STATUS_COUNT)
		return err_set(ERR_INTERNAL, "an order has an unknown state");
	*out = (struct store_order){
		.id = result_text(a, res, 0, COL_ACME_ORDER_FIND_ID),
		.account = result_text(a, res, 0, COL_ACME_ORDER_FIND_ACCOUNT),
		.profile = result_text(a, res, 0, COL_ACME_ORDER_FIND_PROFILE),
		.granted = result_bool(res, 0, COL_ACME_ORDER_FIND_GRANTED),
		.not_before = result_time(res, 0, COL_ACME_ORDER_FIND_NOT_BEFORE),
		.not_after = result_time(res, 0, COL_ACME_ORDER_FIND_NOT_AFTER),
		.expires = result_time(res, 0, COL_ACME_ORDER_FIND_EXPIRES),
		.created_at = result_time(res, 0, COL_ACME_ORDER_FIND_CREATED_AT),
		.status = (enum acme_order_status)status,
		.request = result_int(res, 0, COL_RESULT_REQUEST),
		.error_json = result_text(a, res, 0, COL_ACME_ORDER_FIND_ERROR),
	};
	out->identifiers =
		result_texts(a, res, 0, COL_ACME_ORDER_FIND_IDENTIFIERS, &out->identifier_count);
	out->authorizations = result_texts(
		a, res, 0, COL_ACME_ORDER_FIND_AUTHORIZATIONS, &out->authorization_count);
	out->proofs =
		result_texts(a, res, 0, COL_ACME_ORDER_FIND_PROOFS, &out->authorization_count);
	return out->request != 0 ? wait_read_result(a, res, 0, &out->result) : ERR_OK;
}

enum err
store_order_find(struct store *s, struct arena *a, const char *id, struct store_order *out)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	struct store_order order;

	BIND(&p, acme_order_find, .id = id);
	TRY(db_read(s->db, &sql_acme_order_find, &p, &res));
	if (result_rows(res) == 0)
		return err_set(ERR_NOTFOUND, "no such order");
	TRY(read_order(a, res, &order));
	*out = order;
	return ERR_OK;
}

enum err
store_order_list(struct store *s, struct arena *a, const char *account, const char *after,
	unsigned limit, const char ***ids, size_t *count)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, acme_order_list, .account = account, .after = after, .page = limit);
	TRY(db_read(s->db, &sql_acme_order_list, &p, &res));
	*ids = arena_array(a, result_rows(res), sizeof(**ids));
	*count = result_rows(res);
	for (size_t i = 0; i < *count; i++)
		(*ids)[i] = result_text(a, res, i, COL_ACME_ORDER_LIST_ID);
	return ERR_OK;
}
