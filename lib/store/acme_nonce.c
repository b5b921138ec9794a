/*
 * Nonces used up (RFC 8555 section 6.5), shared by all gateways. A nonce is its own ticket
 * (acme/nonce.c); only its use is written down, with the condition that the key it was made with
 * still exists. Both tables are unlogged and are emptied together by a crash of PostgreSQL, so a
 * gateway that kept an old key in memory can still not accept an old nonce a second time.
 */
#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/store/acme_nonce.h"
#include "lib/store/internal.h"
#include "schema/statements/acme_nonce.h"

void
store_nonce_mark(const uint8_t key[32], uint8_t mark[STORE_NONCE_MARK_SIZE])
{
	uint8_t hash[SHA256_SIZE];

	sha256(bytes_of(key, 32), hash);
	memcpy(mark, hash, STORE_NONCE_MARK_SIZE);
}

static enum err
read_keys(struct store *s, struct store_nonce_key *out, size_t max, size_t *count)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	enum err e;

	BIND(&p, acme_nonce_newest, .most = (int64_t)max);
	e = db_read(s->db, &sql_acme_nonce_newest, &p, &res);
	for (size_t i = 0; e == ERR_OK && i < result_rows(res); i++) {
		out[i].id = result_int(res, i, COL_ACME_NONCE_NEWEST_ID);
		e = result_octets(
			res, i, COL_ACME_NONCE_NEWEST_KEY, out[i].key, sizeof(out[i].key));
		out[i].created_at = result_time(res, i, COL_ACME_NONCE_NEWEST_CREATED_AT);
	}
	if (e == ERR_OK)
		*count = result_rows(res);
	return e;
}

static enum err
make_key(struct store *s)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	uint8_t key[32];
	enum err e;

	random_bytes(key, sizeof(key));
	BIND(&p, acme_nonce_make, .key = bytes_of(key, sizeof(key)));
	e = db_run(s->db, &sql_acme_nonce_make, &p, &res);
	explicit_bzero(key, sizeof(key));
	return e;
}

enum err
store_nonce_keys(
	struct store *s, int64_t rotate_s, struct store_nonce_key *out, size_t max, size_t *count)
{
	enum err e = read_keys(s, out, max, count);

	if (e != ERR_OK || (*count > 0 && out[0].created_at + rotate_s > clock_now()))
		return e;
	TRY(make_key(s));
	return read_keys(s, out, max, count);
}

enum err
store_nonce_use(struct store *s, const uint8_t mark[STORE_NONCE_MARK_SIZE], struct bytes nonce,
	int64_t expires)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, acme_nonce_use, .nonce = nonce, .expires = expires,
		.mark = bytes_of(mark, STORE_NONCE_MARK_SIZE));
	TRY(db_write(s->db, &sql_acme_nonce_use, &p, &res));
	if (!result_bool(res, 0, COL_ACME_NONCE_USE_KNOWN))
		return err_set_word(ERR_NOTFOUND, WORD_BAD_NONCE,
			"the key of this nonce is gone (RFC 8555 section 6.5)");
	if (!result_bool(res, 0, COL_ACME_NONCE_USE_USED))
		return err_set_word(ERR_CONFLICT, WORD_BAD_NONCE,
			"the nonce was used before (RFC 8555 section 6.5)");
	return ERR_OK;
}

enum err
store_nonce_sweep(struct store *s)
{
	return db_run(s->db, &sql_acme_nonce_sweep, NULL, NULL);
}
