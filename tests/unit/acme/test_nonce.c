/* Nonces: what they are made of, and that nothing but a fresh one of ours passes. */
#include "acme/nonce.h"
#include "lib/base/hex.h"
#include "tests/unit/unit.h"

enum { NOW = 1800000000, LIFETIME = 3600 };

static struct nonce_keys
make_keys(size_t count)
{
	struct nonce_keys keys = {.count = count};

	for (size_t i = 0; i < count; i++) {
		keys.item[i].id = (int64_t)(count - i);
		memset(keys.item[i].key, (int)(0x40 + count - i), sizeof(keys.item[i].key));
	}
	return keys;
}

static void
test_fresh_nonce_passes_and_is_unguessable(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct nonce_keys keys = make_keys(2);
	const char *one = nonce_make(&keys, a, NOW), *two = nonce_make(&keys, a, NOW);
	struct nonce_use use, other;

	CHECK(strcmp(one, two) != 0);
	CHECK(strlen(one) == 48);
	CHECK(strspn(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
		48);
	CHECK_OK(nonce_check(&keys, one, LIFETIME, NOW + 1, a, &use));
	CHECK_OK(nonce_check(&keys, two, LIFETIME, NOW + 1, a, &other));
	CHECK(use.expires == NOW + LIFETIME);
	CHECK(memcmp(use.unique, other.unique, NONCE_UNIQUE_SIZE) != 0);
	CHECK(memcmp(use.mark, other.mark, STORE_NONCE_MARK_SIZE) == 0);
}

static void
test_every_changed_character_is_refused(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct nonce_keys keys = make_keys(1);
	const char *nonce = nonce_make(&keys, a, NOW);
	struct nonce_use use;

	for (size_t i = 0; i < strlen(nonce); i++) {
		char *changed = arena_strdup(a, nonce);

		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		CHECK_CASE(nonce_check(&keys, changed, LIFETIME, NOW, a, &use) != ERR_OK, changed);
		CHECK_CASE(err_word() == WORD_BAD_NONCE, changed);
	}
	CHECK_ERR(nonce_check(&keys, "AAAA", LIFETIME, NOW, a, &use), ERR_CONFLICT);
	CHECK_ERR(nonce_check(&keys, arena_printf(a, "%sAAAA", nonce), LIFETIME, NOW, a, &use),
		ERR_CONFLICT);
}

static void
test_nonce_expires_and_is_not_from_the_future(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct nonce_keys keys = make_keys(1);
	const char *nonce = nonce_make(&keys, a, NOW);
	struct nonce_use use;

	CHECK_OK(nonce_check(&keys, nonce, LIFETIME, NOW + LIFETIME - 1, a, &use));
	CHECK_REASON(nonce_check(&keys, nonce, LIFETIME, NOW + LIFETIME, a, &use), ERR_CONFLICT,
		"expired");
	CHECK_OK(nonce_check(&keys, nonce, LIFETIME, NOW - 300, a, &use));
	CHECK_REASON(
		nonce_check(&keys, nonce, LIFETIME, NOW - 301, a, &use), ERR_CONFLICT, "expired");
}

static void
test_older_key_is_accepted_and_unknown_key_told_apart(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct nonce_keys old = make_keys(1), both = make_keys(2), other = make_keys(1);
	const char *nonce = nonce_make(&old, a, NOW);
	struct nonce_use use;

	other.item[0].key[0] ^= 1;
	CHECK_OK(nonce_check(&both, nonce, LIFETIME, NOW, a, &use));
	CHECK_ERR(nonce_check(&other, nonce, LIFETIME, NOW, a, &use), ERR_NOTFOUND);
	other.count = 0;
	CHECK_ERR(nonce_check(&other, nonce, LIFETIME, NOW, a, &use), ERR_NOTFOUND);
}

UNIT_MAIN("acme-nonce",
	{"test_fresh_nonce_passes_and_is_unguessable", test_fresh_nonce_passes_and_is_unguessable},
	{"test_every_changed_character_is_refused", test_every_changed_character_is_refused},
	{"test_nonce_expires_and_is_not_from_the_future",
		test_nonce_expires_and_is_not_from_the_future},
	{"test_older_key_is_accepted_and_unknown_key_told_apart",
		test_older_key_is_accepted_and_unknown_key_told_apart})
