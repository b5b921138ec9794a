/*
 * A nonce is key mark (4) | time (4) | random (12) | HMAC-SHA-256 truncated to 16 octets, in
 * base64url. All gateways share the keys through the database, so any of them recognizes a nonce of
 * any other; handing one out costs no memory and no round trip, and a forged or expired one is
 * refused before the database hears of it. Single use is kept by store_nonce_use().
 */
#include "acme/nonce.h"

#include "lib/base/hex.h"
#include "lib/base/random.h"

enum {
	MARK_SIZE = 4,
	UNIQUE_AT = MARK_SIZE,
	RANDOM_AT = UNIQUE_AT + 4,
	MAC_AT = UNIQUE_AT + NONCE_UNIQUE_SIZE,
	MAC_SIZE = 16,
	NONCE_SIZE = MAC_AT + MAC_SIZE,
	FUTURE_MAX = 300, /* seconds by which the clocks of gateways may differ */
};

static void
put_mac(const struct store_nonce_key *key, uint8_t nonce[NONCE_SIZE])
{
	uint8_t mac[SHA256_SIZE];

	hmac_sha256(bytes_of(key->key, sizeof(key->key)), bytes_of(nonce, MAC_AT), mac);
	memcpy(nonce + MAC_AT, mac, MAC_SIZE);
}

char *
nonce_make(const struct nonce_keys *keys, struct arena *a, int64_t now)
{
	uint8_t nonce[NONCE_SIZE], mark[STORE_NONCE_MARK_SIZE];

	store_nonce_mark(keys->item[0].key, mark);
	memcpy(nonce, mark, MARK_SIZE);
	for (int i = 0; i < 4; i++)
		nonce[UNIQUE_AT + i] = (uint8_t)((uint64_t)now >> (24 - 8 * i));
	random_bytes(nonce + RANDOM_AT, MAC_AT - RANDOM_AT);
	put_mac(&keys->item[0], nonce);
	return base64url_string(a, bytes_of(nonce, sizeof(nonce)));
}

static enum err
refuse_nonce(enum err code, const char *why)
{
	return err_set_word(code, WORD_BAD_NONCE, "%s (RFC 8555 section 6.5)", why);
}

static const struct store_nonce_key *
find_key(const struct nonce_keys *keys, const uint8_t *octets, uint8_t mark[STORE_NONCE_MARK_SIZE])
{
	for (size_t i = 0; i < keys->count; i++) {
		store_nonce_mark(keys->item[i].key, mark);
		if (memcmp(mark, octets, MARK_SIZE) == 0)
			return &keys->item[i];
	}
	return NULL;
}

enum err
nonce_check(const struct nonce_keys *keys, const char *text, int64_t lifetime, int64_t now,
	struct arena *a, struct nonce_use *out)
{
	struct bytes octets;
	uint8_t right[NONCE_SIZE];
	struct nonce_use use;
	const struct store_nonce_key *key;
	int64_t made = 0;

	if (base64url_decode(a, bytes_str(text), &octets) != ERR_OK || octets.n != NONCE_SIZE)
		return refuse_nonce(ERR_CONFLICT, "the nonce is not one of ours");
	key = find_key(keys, octets.p, use.mark);
	if (key == NULL)
		return refuse_nonce(
			ERR_NOTFOUND, "the nonce is not one of ours, or its key is gone");
	memcpy(right, octets.p, NONCE_SIZE);
	put_mac(key, right);
	if (!secret_equal(bytes_of(right, NONCE_SIZE), octets))
		return refuse_nonce(ERR_CONFLICT, "the nonce is not one of ours");
	for (int i = 0; i < 4; i++)
		made = made << 8 | octets.p[UNIQUE_AT + i];
	if (made + lifetime <= now || made > now + FUTURE_MAX)
		return refuse_nonce(ERR_CONFLICT, "the nonce has expired");
	memcpy(use.unique, octets.p + UNIQUE_AT, NONCE_UNIQUE_SIZE);
	use.expires = made + lifetime;
	*out = use;
	return ERR_OK;
}
