/*
 * Signatures: the AlgorithmIdentifiers Chancery knows, verification and signing. ECDSA and RSA are
 * given the finished digest, made by a digest fetched once: EVP_DigestVerify would fetch it by name
 * each time, and that does not scale over threads in OpenSSL 3.0.
 */
#include "lib/pki/spki.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "lib/base/random.h"

AUTO_DEFINE(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
AUTO_DEFINE(EVP_MD_CTX, EVP_MD_CTX_free)

enum { SIGNATURE_MAX = 512 + 8 }; /* RSA 4096; ECDSA P-384 needs 104 */

enum digest { DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_NONE, DIGEST_COUNT };

struct sig_kind {
	struct bytes algorithm; /* AlgorithmIdentifier, whole, as it is written */
	struct bytes bare;	/* RSA: without NULL, which is read too (RFC 4055 section 5) */
	const char *key;	/* as EVP_PKEY_is_a() names it */
	enum digest digest;
};

#define RSA_ALGORITHM(last)                                                                        \
	BYTES_LIT("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01" last "\x05\x00"),             \
		BYTES_LIT("\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01" last)

static const struct sig_kind kinds[PKI_SIG_COUNT] = {
	[PKI_SIG_ECDSA_SHA256] = {BYTES_LIT("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"),
		{0}, "EC", DIGEST_SHA256},
	[PKI_SIG_ECDSA_SHA384] = {BYTES_LIT("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"),
		{0}, "EC", DIGEST_SHA384},
	[PKI_SIG_ECDSA_SHA512] = {BYTES_LIT("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04"),
		{0}, "EC", DIGEST_SHA512},
	[PKI_SIG_RSA_SHA256] = {RSA_ALGORITHM("\x0b"), "RSA", DIGEST_SHA256},
	[PKI_SIG_RSA_SHA384] = {RSA_ALGORITHM("\x0c"), "RSA", DIGEST_SHA384},
	[PKI_SIG_RSA_SHA512] = {RSA_ALGORITHM("\x0d"), "RSA", DIGEST_SHA512},
	[PKI_SIG_ED25519] = {BYTES_LIT("\x30\x05\x06\x03\x2b\x65\x70"), {0}, "ED25519",
		DIGEST_NONE},
};

static EVP_MD *digests[DIGEST_COUNT];
static pthread_once_t digests_once = PTHREAD_ONCE_INIT;

static void
fetch_digests(void)
{
	digests[DIGEST_SHA256] = EVP_MD_fetch(NULL, "SHA256", NULL);
	digests[DIGEST_SHA384] = EVP_MD_fetch(NULL, "SHA384", NULL);
	digests[DIGEST_SHA512] = EVP_MD_fetch(NULL, "SHA512", NULL);
	if (digests[DIGEST_SHA256] == NULL || digests[DIGEST_SHA384] == NULL ||
		digests[DIGEST_SHA512] == NULL)
		abort(); /* a libcrypto without SHA-2 cannot run a CA */
}

static const EVP_MD *
digest_of(enum pki_sig_alg alg)
{
	pthread_once(&digests_once, fetch_digests);
	return digests[kinds[alg].digest];
}

enum err
pki_sig_alg_get(struct der *d, enum pki_sig_alg *out)
{
	struct der saved = *d;
	struct bytes whole;

	TRY(der_get_whole(d, DER_SEQUENCE, "signatureAlgorithm", &whole));
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (bytes_equal(whole, kinds[i].algorithm) || bytes_equal(whole, kinds[i].bare)) {
			*out = (enum pki_sig_alg)i;
			return ERR_OK;
		}
	*d = saved;
	return err_set(ERR_INVALID,
		"the signature algorithm is not ECDSA or RSA (PKCS #1 v1.5) with SHA-256, "
		"SHA-384 or SHA-512, nor Ed25519, in its DER form");
}

void
pki_sig_alg_put(struct derw *w, enum pki_sig_alg alg)
{
	derw_raw(w, kinds[alg].algorithm);
}

enum pki_sig_alg
pki_sig_alg_for(enum pki_key_type type)
{
	static const enum pki_sig_alg algs[PKI_KEY_TYPE_COUNT] = {
		[PKI_KEY_P256] = PKI_SIG_ECDSA_SHA256,
		[PKI_KEY_P384] = PKI_SIG_ECDSA_SHA384,
		[PKI_KEY_RSA] = PKI_SIG_RSA_SHA256,
		[PKI_KEY_ED25519] = PKI_SIG_ED25519,
	};

	return algs[type];
}

static enum err
bad_signature(void)
{
	ERR_clear_error();
	return err_set_word(ERR_INVALID, WORD_BAD_SIGNATURE, "the signature does not verify");
}

/* RSA signs the digest's name too (DigestInfo); padding is PKCS #1 v1.5 by default. */
static bool
set_digest(EVP_PKEY_CTX *ctx, enum pki_sig_alg alg)
{
	return strcmp(kinds[alg].key, "RSA") != 0 ||
		EVP_PKEY_CTX_set_signature_md(ctx, digest_of(alg)) == 1;
}

static bool
digest_data(enum pki_sig_alg alg, struct bytes data, uint8_t out[EVP_MAX_MD_SIZE], unsigned *n)
{
	return EVP_Digest(data.p, data.n, out, n, digest_of(alg), NULL) == 1;
}

static enum err
verify_digest(EVP_PKEY *key, enum pki_sig_alg alg, struct bytes data, struct bytes signature)
{
	AUTO(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n;

	if (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1 || !set_digest(ctx, alg) ||
		!digest_data(alg, data, hash, &n))
		return err_openssl(ERR_INTERNAL, "cannot prepare to verify");
	return EVP_PKEY_verify(ctx, signature.p, signature.n, hash, n) == 1 ? ERR_OK
									    : bad_signature();
}

static enum err
verify_message(EVP_PKEY *key, struct bytes data, struct bytes signature)
{
	AUTO(EVP_MD_CTX) ctx = EVP_MD_CTX_new();

	if (ctx == NULL || EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) != 1)
		return err_openssl(ERR_INTERNAL, "cannot prepare to verify");
	return EVP_DigestVerify(ctx, signature.p, signature.n, data.p, data.n) == 1
		? ERR_OK
		: bad_signature();
}

enum err
pki_verify(EVP_PKEY *key, enum pki_sig_alg alg, struct bytes data, struct bytes signature)
{
	if (!EVP_PKEY_is_a(key, kinds[alg].key))
		return err_set_word(ERR_INVALID, WORD_BAD_SIGNATURE,
			"the signature algorithm does not fit the key");
	return kinds[alg].digest == DIGEST_NONE ? verify_message(key, data, signature)
						: verify_digest(key, alg, data, signature);
}

static enum err
sign_digest(EVP_PKEY *key, enum pki_sig_alg alg, struct bytes data, uint8_t *out, size_t *n)
{
	AUTO(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned hash_n;

	if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 || !set_digest(ctx, alg) ||
		!digest_data(alg, data, hash, &hash_n) ||
		EVP_PKEY_sign(ctx, out, n, hash, hash_n) != 1)
		return err_openssl(ERR_INTERNAL, "cannot sign");
	return ERR_OK;
}

static enum err
sign_message(EVP_PKEY *key, struct bytes data, uint8_t *out, size_t *n)
{
	AUTO(EVP_MD_CTX) ctx = EVP_MD_CTX_new();

	if (ctx == NULL || EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) != 1 ||
		EVP_DigestSign(ctx, out, n, data.p, data.n) != 1)
		return err_openssl(ERR_INTERNAL, "cannot sign");
	return ERR_OK;
}

static enum err
sign_with(EVP_PKEY *key, enum pki_sig_alg alg, struct bytes data, struct buf *signature)
{
	uint8_t out[SIGNATURE_MAX];
	size_t n = sizeof(out);

	TRY(kinds[alg].digest == DIGEST_NONE ? sign_message(key, data, out, &n)
					     : sign_digest(key, alg, data, out, &n));
	return buf_append(signature, out, n);
}

static enum err
sign_p256(void *key, struct bytes data, struct buf *signature)
{
	return sign_with(key, PKI_SIG_ECDSA_SHA256, data, signature);
}

static enum err
sign_p384(void *key, struct bytes data, struct buf *signature)
{
	return sign_with(key, PKI_SIG_ECDSA_SHA384, data, signature);
}

static enum err
sign_rsa(void *key, struct bytes data, struct buf *signature)
{
	return sign_with(key, PKI_SIG_RSA_SHA256, data, signature);
}

static enum err
sign_ed25519(void *key, struct bytes data, struct buf *signature)
{
	return sign_with(key, PKI_SIG_ED25519, data, signature);
}

void
pki_signer_software(EVP_PKEY *key, enum pki_key_type type, struct pki_signer *out)
{
	static enum err (*const sign[PKI_KEY_TYPE_COUNT])(void *, struct bytes, struct buf *) = {
		[PKI_KEY_P256] = sign_p256,
		[PKI_KEY_P384] = sign_p384,
		[PKI_KEY_RSA] = sign_rsa,
		[PKI_KEY_ED25519] = sign_ed25519,
	};

	*out = (struct pki_signer){.alg = pki_sig_alg_for(type), .ctx = key, .sign = sign[type]};
}

enum err
pki_key_generate_p256(EVP_PKEY **out)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (key == NULL)
		return err_openssl(ERR_INTERNAL, "cannot generate a P-256 key");
	*out = key;
	return ERR_OK;
}

/* Everything around the TBS is small; the TBS itself (a CRL may have megabytes) is copied once,
 * into out. */
enum err
pki_sign(const struct pki_signer *s, struct bytes tbs, struct buf *out)
{
	AUTO_BUF(signature, SIGNATURE_MAX);
	uint8_t tail_room[SIGNATURE_MAX + 64], head_room[16];
	struct derw tail, head;
	struct bytes after, before;

	TRY(s->sign(s->ctx, tbs, &signature));
	derw_init(&tail, tail_room, sizeof(tail_room));
	derw_bits(&tail, buf_bytes(&signature));
	pki_sig_alg_put(&tail, s->alg);
	TRY(derw_done(&tail, &after));
	derw_init(&head, head_room, sizeof(head_room));
	derw_header(&head, DER_SEQUENCE, tbs.n + after.n);
	TRY(derw_done(&head, &before));
	return pki_concat(out, (const struct bytes[]){before, tbs, after}, 3);
}

enum err
pki_concat(struct buf *out, const struct bytes *parts, size_t count)
{
	size_t total = 0;
	uint8_t *room;

	for (size_t i = 0; i < count; i++)
		total += parts[i].n;
	TRY(buf_reserve(out, total, &room));
	for (size_t i = 0; i < count; i++) {
		if (parts[i].n > 0)
			memcpy(room, parts[i].p, parts[i].n);
		room += parts[i].n;
	}
	out->len += total;
	return ERR_OK;
}
