/*
 * Opens and closes this folder's state. The follower reads changed accounts (another gateway's key
 * change, an offboarding) out of the cache within a bell's time, and looks after nonce keys and
 * used nonces.
 */
#include "acme/state.h"

#include <stdlib.h>

#include "acme/account.h"
#include "acme/order.h"
#include "lib/base/clock.h"
#include "lib/db/follow.h"

enum { ACCOUNTS_MAX = 4096, ORDERS_MAX = 4096, KEYS_REFRESH_S = 10, SWEEP_S = 60 };

static enum err
refresh_keys(struct acme *acme)
{
	struct nonce_keys keys;

	TRY(store_nonce_keys(acme->front->store, acme->config->nonce_lifetime, keys.item,
		NONCE_KEYS_MAX, &keys.count));
	pthread_rwlock_wrlock(&acme->keys_lock);
	acme->keys = keys;
	acme->keys_read_at = clock_monotonic_us();
	pthread_rwlock_unlock(&acme->keys_lock);
	return ERR_OK;
}

static int64_t
keys_age_us(struct acme *acme)
{
	pthread_rwlock_rdlock(&acme->keys_lock);
	int64_t at = acme->keys_read_at;
	pthread_rwlock_unlock(&acme->keys_lock);
	return clock_monotonic_us() - at;
}

static void
drop_account(void *ctx, const char *id)
{
	struct acme *acme = ctx;

	cache_drop(acme->accounts, bytes_str(id));
}

static enum err
drop_changed_accounts(struct acme *acme)
{
	return store_account_changes(acme->front->store, &acme->account_cursor, drop_account, acme);
}

static enum err
follow_changes(void *ctx)
{
	struct acme *acme = ctx;

	TRY(drop_changed_accounts(acme));
	if (db_feed_doubtful(store_db(acme->front->store), &acme->connections_seen)) {
		acme->account_cursor = db_feed_back(acme->account_cursor);
		TRY(drop_changed_accounts(acme));
	}
	if (keys_age_us(acme) > KEYS_REFRESH_S * 1000000LL)
		TRY(refresh_keys(acme));
	if (clock_monotonic_us() - acme->swept_at > SWEEP_S * 1000000LL) {
		acme->swept_at = clock_monotonic_us();
		TRY(store_nonce_sweep(acme->front->store));
	}
	return ERR_OK;
}

enum err
acme_open(struct ca_front *front)
{
	struct acme *acme = mem_zalloc(1, sizeof(*acme));
	enum err e;

	acme->front = front;
	acme->config = &front->config->acme;
	acme->arena = arena_new(0);
	acme->accounts = cache_new(ACCOUNTS_MAX, account_free);
	acme->orders = cache_new(ORDERS_MAX, order_free);
	acme->swept_at = clock_monotonic_us();
	pthread_rwlock_init(&acme->keys_lock, NULL);
	url_bases_set(&acme->bases, acme->arena, front->config->enroll.base_urls,
		front->config->enroll.base_urls_count);
	front->acme = acme;
	e = refresh_keys(acme);
	if (e == ERR_OK)
		e = drop_changed_accounts(acme);
	if (e != ERR_OK) {
		acme_close(front);
		return e;
	}
	acme->follower = db_follow(
		store_db(front->store), 1U << STORE_BELL_STATE, "acme.feed", follow_changes, acme);
	return ERR_OK;
}

void
acme_close(struct ca_front *front)
{
	struct acme *acme = front->acme;

	if (acme == NULL)
		return;
	db_follower_stop(acme->follower);
	cache_free(acme->accounts);
	cache_free(acme->orders);
	arena_free(acme->arena);
	pthread_rwlock_destroy(&acme->keys_lock);
	explicit_bzero(&acme->keys, sizeof(acme->keys));
	free(acme);
	front->acme = NULL;
}

const char *
acme_nonce_new(struct acme *acme, struct arena *a)
{
	const char *nonce = NULL;

	pthread_rwlock_rdlock(&acme->keys_lock);
	if (acme->keys.count > 0)
		nonce = nonce_make(&acme->keys, a, clock_now());
	pthread_rwlock_unlock(&acme->keys_lock);
	return nonce;
}

static enum err
check_nonce(struct acme *acme, struct arena *a, const char *nonce, struct nonce_use *use)
{
	pthread_rwlock_rdlock(&acme->keys_lock);
	enum err e =
		nonce_check(&acme->keys, nonce, acme->config->nonce_lifetime, clock_now(), a, use);
	pthread_rwlock_unlock(&acme->keys_lock);
	return e;
}

enum err
acme_nonce_use(struct acme *acme, struct arena *a, const char *nonce)
{
	struct nonce_use use;
	enum err e = check_nonce(acme, a, nonce, &use);

	/* Another gateway may have made a key since; guesses cannot make us ask the database more
	 * than once a second. */
	if (e == ERR_NOTFOUND && keys_age_us(acme) > 1000000 && refresh_keys(acme) == ERR_OK)
		e = check_nonce(acme, a, nonce, &use);
	if (e != ERR_OK)
		return err_set_word(ERR_CONFLICT, WORD_BAD_NONCE, "%s", err_reason());
	e = store_nonce_use(acme->front->store, use.mark, bytes_of(use.unique, sizeof(use.unique)),
		use.expires);
	if (e != ERR_NOTFOUND)
		return e;
	/* The key is gone: PostgreSQL crashed. At once, or the nonce of this very answer would be
	 * refused too; only who was given a nonce by that key comes here, and when somebody else
	 * has read the keys meanwhile there is nothing to do. */
	if (check_nonce(acme, a, nonce, &use) == ERR_OK && refresh_keys(acme) != ERR_OK)
		return err_set(ERR_UNAVAILABLE, "nonce keys cannot be read");
	return err_set_word(ERR_CONFLICT, WORD_BAD_NONCE,
		"the key of this nonce is gone (RFC 8555 section 6.5)");
}
