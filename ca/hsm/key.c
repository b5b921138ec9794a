/*
 * One private key in a token: found by its label, its attributes read back and judged, its public
 * key, its signatures.
 *
 * Attributes and counting are direct PKCS#11 calls (libp11 shows none of this); the signing handle
 * is libp11's EVP_PKEY, of which only the EVP_PKEY is kept: a PKCS11_KEY dangles after the next
 * enumeration. EVP_PKEY_dup must never be used on it (use after free in libp11 0.4.12). Any error
 * of the HSM is ERR_UNAVAILABLE; nothing here tries again.
 */
#include "ca/hsm/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/ec.h>

#include "lib/base/hex.h"
#include "lib/base/random.h"

struct ca_key {
	struct arena *arena;
	struct ca_token *token;
	EVP_PKEY *pkey;
	EVP_MD *md; /* fetched once: an implicit fetch per signature costs as much as the hash */
	/* One for each session; those that sign nothing now, under the token's lock. */
	EVP_PKEY_CTX *idle[CONFIG_SESSIONS_MAX];
	unsigned idle_count;
	size_t signature_max;
	struct ca_key_attributes attributes;
	struct bytes spki;
	struct pki_signer signer;
};

/* The required state of a CA key, and how each attribute is read. */
static const struct flag {
	CK_ATTRIBUTE_TYPE type;
	const char *name;
	size_t offset; /* in struct ca_key_attributes */
	enum { ANY, MUST_BE_TRUE, MUST_BE_FALSE } want;
} flags[] = {
	{CKA_TOKEN, "CKA_TOKEN", offsetof(struct ca_key_attributes, token_object), MUST_BE_TRUE},
	{CKA_PRIVATE, "CKA_PRIVATE", offsetof(struct ca_key_attributes, private_object), ANY},
	{CKA_SENSITIVE, "CKA_SENSITIVE", offsetof(struct ca_key_attributes, sensitive),
		MUST_BE_TRUE},
	{CKA_ALWAYS_SENSITIVE, "CKA_ALWAYS_SENSITIVE",
		offsetof(struct ca_key_attributes, always_sensitive), MUST_BE_TRUE},
	{CKA_EXTRACTABLE, "CKA_EXTRACTABLE", offsetof(struct ca_key_attributes, extractable),
		MUST_BE_FALSE},
	{CKA_NEVER_EXTRACTABLE, "CKA_NEVER_EXTRACTABLE",
		offsetof(struct ca_key_attributes, never_extractable), MUST_BE_TRUE},
	{CKA_LOCAL, "CKA_LOCAL", offsetof(struct ca_key_attributes, local), MUST_BE_TRUE},
	{CKA_SIGN, "CKA_SIGN", offsetof(struct ca_key_attributes, sign), MUST_BE_TRUE},
	{CKA_DECRYPT, "CKA_DECRYPT", offsetof(struct ca_key_attributes, decrypt), ANY},
	{CKA_DERIVE, "CKA_DERIVE", offsetof(struct ca_key_attributes, derive), ANY},
	{CKA_UNWRAP, "CKA_UNWRAP", offsetof(struct ca_key_attributes, unwrap), ANY},
	{CKA_MODIFIABLE, "CKA_MODIFIABLE", offsetof(struct ca_key_attributes, modifiable), ANY},
};

static bool *
flag_of(struct ca_key_attributes *a, const struct flag *f)
{
	return (bool *)((char *)a + f->offset);
}

static enum err
read_flags(const struct ca_token *t, CK_OBJECT_HANDLE object, struct ca_key_attributes *a)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		CK_BBOOL value = CK_FALSE;
		CK_ATTRIBUTE one = {flags[i].type, &value, sizeof(value)};
		CK_RV rv = t->module.f->C_GetAttributeValue(t->session, object, &one, 1);

		/* What a token does not know of a key it cannot vouch for: false, and so refused
		 * where true is required. */
		if (rv == CKR_ATTRIBUTE_TYPE_INVALID)
			value = CK_FALSE;
		else if (rv != CKR_OK)
			return module_fail(rv, "reading key attributes");
		*flag_of(a, &flags[i]) = value != CK_FALSE;
	}
	return ERR_OK;
}

static enum err
read_id(const struct ca_token *t, CK_OBJECT_HANDLE object, struct ca_key_attributes *a)
{
	uint8_t id[32];
	CK_ATTRIBUTE one = {CKA_ID, id, sizeof(id)};
	CK_RV rv = t->module.f->C_GetAttributeValue(t->session, object, &one, 1);

	if (rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL)
		return module_fail(rv, "reading CKA_ID");
	if (rv == CKR_OK && one.ulValueLen <= sizeof(id))
		hex_encode(bytes_of(id, one.ulValueLen), a->id);
	return ERR_OK;
}

/* libp11 0.4.12 fails to list any key of a token that holds a key type it does not know. */
static enum err
refuse_foreign_keys(const struct ca_token *t)
{
	CK_OBJECT_HANDLE found[HSM_FOUND_MAX];
	CK_ULONG count = 0;
	TRY(token_find(t, CKO_PRIVATE_KEY, NULL, found, &count));

	for (CK_ULONG i = 0; i < count; i++) {
		CK_KEY_TYPE type = 0;
		CK_ATTRIBUTE one = {CKA_KEY_TYPE, &type, sizeof(type)};

		if (t->module.f->C_GetAttributeValue(t->session, found[i], &one, 1) == CKR_OK &&
			type == HSM_CKK_EC_EDWARDS)
			TRY(err_set(ERR_DENIED,
				"hsm: token \"%s\" holds an Edwards-curve key; libp11 then sees no key of the token at all: "
				"keep only EC and RSA keys in a CA token, move that key to another one",
				t->info.label));
	}
	return ERR_OK;
}

static enum err
find_object(const struct ca_token *t, const char *label, CK_OBJECT_HANDLE *out)
{
	CK_OBJECT_HANDLE found[HSM_FOUND_MAX];
	CK_ULONG count = 0;
	TRY(token_find(t, CKO_PRIVATE_KEY, label, found, &count));
	if (count == 0)
		return err_set(ERR_NOTFOUND,
			"hsm: token \"%s\" has no private key with label \"%s\"; make it with ca-ceremony or correct "
			"the label",
			t->info.label, label);
	if (count > 1)
		return err_set(ERR_CONFLICT,
			"hsm: token \"%s\" has %lu private keys with label \"%s\"; labels must be unique",
			t->info.label, count, label);
	*out = found[0];
	return ERR_OK;
}

static enum err
judge_attributes(const struct ca_key_attributes *a, const char *label)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		bool value = *((const bool *)((const char *)a + flags[i].offset));

		if ((flags[i].want == MUST_BE_TRUE && !value) ||
			(flags[i].want == MUST_BE_FALSE && value))
			return err_set_word(ERR_DENIED, WORD_WEAK_KEY_ATTRIBUTES,
				"hsm: key \"%s\" has %s %s: it was not made in the token or can "
				"leave it; make a new CA key with ca-ceremony (root or request)",
				label, flags[i].name, value ? "true" : "false");
	}
	return ERR_OK;
}

static enum err
get_pkey(struct ca_token *t, const char *label, EVP_PKEY **out)
{
	PKCS11_KEY *keys = NULL;
	unsigned count = 0;

	if (PKCS11_enumerate_keys(t->p11_slot->token, &keys, &count) != 0)
		return HSM_P11_FAIL(
			"hsm: libp11 cannot list the keys of token \"%s\"", t->info.label);
	for (unsigned i = 0; i < count; i++) {
		if (keys[i].label == NULL || strcmp(keys[i].label, label) != 0)
			continue;
		*out = PKCS11_get_private_key(&keys[i]);
		if (*out != NULL)
			return ERR_OK;
		return HSM_P11_FAIL(
			"hsm: key \"%s\" cannot be used through libp11 (is its public key object missing?)",
			label);
	}
	return err_set_word(
		ERR_UNAVAILABLE, WORD_HSM, "hsm: libp11 does not see key \"%s\"", label);
}

static EVP_PKEY_CTX *
take_context(struct ca_key *k)
{
	EVP_PKEY_CTX *ctx;

	pthread_mutex_lock(&k->token->lock);
	ctx = k->idle[--k->idle_count];
	pthread_mutex_unlock(&k->token->lock);
	return ctx;
}

static void
give_context(struct ca_key *k, EVP_PKEY_CTX *ctx)
{
	pthread_mutex_lock(&k->token->lock);
	k->idle[k->idle_count++] = ctx;
	pthread_mutex_unlock(&k->token->lock);
}

/* As many contexts as sessions: who has the one finds the other. */
static bool
sign_digest(struct ca_key *k, struct bytes digest, uint8_t *room, size_t *n)
{
	EVP_PKEY_CTX *ctx;
	bool signed_ok;

	token_enter(k->token, TOKEN_SIGNS);
	ctx = take_context(k);
	signed_ok = EVP_PKEY_sign(ctx, room, n, digest.p, digest.n) == 1;
	give_context(k, ctx);
	token_leave(k->token, TOKEN_SIGNS);
	return signed_ok;
}

/* The hash of a CRL of a hundred megabytes takes a while: nobody waits for it. */
static enum err
sign_data(void *ctx, struct bytes data, struct buf *signature)
{
	struct ca_key *k = ctx;
	uint8_t digest[EVP_MAX_MD_SIZE], *room;
	size_t n = k->signature_max;
	unsigned digest_n;

	TRY(buf_reserve(signature, n, &room));
	if (EVP_Digest(data.p, data.n, digest, &digest_n, k->md, NULL) != 1)
		return err_openssl(ERR_INTERNAL, "digest of what is to be signed");
	if (!sign_digest(k, bytes_of(digest, digest_n), room, &n))
		return HSM_P11_FAIL("hsm: token \"%s\" does not sign with key \"%s\"",
			k->attributes.token_label, k->attributes.label);
	signature->len += n;
	return ERR_OK;
}

static enum err
probe_key(const struct ca_key *k)
{
	CK_OBJECT_HANDLE found[HSM_FOUND_MAX];
	CK_SESSION_INFO session;
	CK_ULONG count = 0;
	CK_RV rv = k->token->module.f->C_GetSessionInfo(k->token->session, &session);

	if (rv != CKR_OK)
		return module_fail(rv, "looking at the session");
	TRY(token_find(k->token, CKO_PRIVATE_KEY, k->attributes.label, found, &count));
	if (count != 1)
		return err_set_word(ERR_UNAVAILABLE, WORD_HSM,
			"hsm: token \"%s\" no longer shows key \"%s\"", k->attributes.token_label,
			k->attributes.label);
	return ERR_OK;
}

enum err
ca_key_probe(const struct ca_key *k)
{
	enum err e;

	token_enter(k->token, TOKEN_ALONE);
	e = probe_key(k);
	token_leave(k->token, TOKEN_ALONE);
	return e;
}

static const struct algorithm {
	enum pki_key_type type;
	const char *digest;
} algorithms[] = {{PKI_KEY_P256, "SHA256"}, {PKI_KEY_P384, "SHA384"}, {PKI_KEY_RSA, "SHA256"}};

static bool
add_context(struct ca_key *k)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->pkey, NULL);

	if (ctx == NULL)
		return false;
	k->idle[k->idle_count++] = ctx;
	return EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, k->md) == 1;
}

static enum err
prepare_signer(struct ca_key *k)
{
	const char *digest = NULL;

	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++)
		if (algorithms[i].type == k->attributes.type)
			digest = algorithms[i].digest;
	if (digest == NULL)
		return err_set(ERR_DENIED,
			"hsm: key \"%s\" is of type %s; CA keys are p256, p384 or rsa",
			k->attributes.label, pki_key_type_name(k->attributes.type));
	k->md = EVP_MD_fetch(NULL, digest, NULL);
	if (k->md == NULL)
		return err_openssl(ERR_INTERNAL, "digest %s", digest);
	while (k->idle_count < k->token->sessions)
		if (!add_context(k))
			return err_openssl(ERR_INTERNAL, "signatures with %s", digest);
	k->signature_max = (size_t)EVP_PKEY_get_size(k->pkey);
	k->signer = (struct pki_signer){
		.alg = pki_sig_alg_for(k->attributes.type), .ctx = k, .sign = sign_data};
	return ERR_OK;
}

static enum err
read_public_key(struct ca_key *k)
{
	struct pki_spki spki;
	enum err e = pki_spki_from_pkey(k->pkey, k->arena, &k->spki);

	if (e != ERR_OK || (e = pki_spki_parse(k->spki, &spki)) != ERR_OK)
		return err_context(e, "hsm: key \"%s\"", k->attributes.label);
	k->attributes.type = spki.type;
	k->attributes.bits = spki.bits;
	return ERR_OK;
}

static enum err
open_key(struct ca_token *t, const char *label, struct ca_key *k)
{
	struct ca_key_attributes *a = &k->attributes;

	CK_OBJECT_HANDLE object;

	if (label[0] == 0 || strlen(label) >= sizeof(a->label))
		return err_set(ERR_INVALID, "key label \"%s\" must have 1 to %zu octets", label,
			sizeof(a->label) - 1);
	snprintf(a->label, sizeof(a->label), "%s", label);
	a->module_description = t->info.module_description;
	a->token_label = t->info.label;
	a->token_serial = t->info.serial;
	TRY(find_object(t, label, &object));
	TRY(read_flags(t, object, a));
	TRY(read_id(t, object, a));
	TRY(judge_attributes(a, label));
	TRY(refuse_foreign_keys(t));
	TRY(get_pkey(t, label, &k->pkey));
	TRY(read_public_key(k));
	return prepare_signer(k);
}

enum err
ca_key_open(struct ca_token *t, const char *label, struct ca_key **out)
{
	AUTO_STRUCT(ca_key) k = mem_zalloc(1, sizeof(*k));
	enum err e;

	k->arena = arena_new(64 * 1024);
	k->token = t;
	token_enter(t, TOKEN_ALONE);
	e = open_key(t, label, k);
	token_leave(t, TOKEN_ALONE);
	TRY(e);
	*out = k;
	k = NULL;
	return ERR_OK;
}

void
ca_key_close(struct ca_key *k)
{
	if (k == NULL)
		return;
	while (k->idle_count > 0)
		EVP_PKEY_CTX_free(k->idle[--k->idle_count]);
	EVP_MD_free(k->md);
	EVP_PKEY_free(k->pkey);
	arena_free(k->arena);
	free(k);
}

const struct ca_key_attributes *
ca_key_attributes(const struct ca_key *k)
{
	return &k->attributes;
}

struct bytes
ca_key_spki(const struct ca_key *k)
{
	return k->spki;
}

const struct pki_signer *
ca_key_signer(const struct ca_key *k)
{
	return &k->signer;
}

enum err
ca_key_matches(const struct ca_key *k, struct bytes spki)
{
	uint8_t digest[SHA256_SIZE];
	char ours[2 * SHA256_SIZE + 1], theirs[2 * SHA256_SIZE + 1];

	if (bytes_equal(k->spki, spki))
		return ERR_OK;
	sha256(k->spki, digest);
	hex_encode(bytes_of(digest, sizeof(digest)), ours);
	sha256(spki, digest);
	hex_encode(bytes_of(digest, sizeof(digest)), theirs);
	return err_set_word(ERR_DENIED, WORD_KEY_MISMATCH,
		"key \"%s\" of token \"%s\" (SHA-256 %.16s...) is not the key of the certificate "
		"(SHA-256 %.16s...); correct the key label or import the certificate made for this key",
		k->attributes.label, k->attributes.token_label, ours, theirs);
}
