/*
 * The JWS envelope of RFC 8555 section 6.2. Exactly one signature, exactly one header, and
 * everything that decides is in the protected header; members that would say otherwise
 * ("signatures", "header", "crit", "b64") are refused rather than ignored, because a peer that
 * understands them differently would read another message than we do.
 */
#include "acme/jws.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include "lib/base/hex.h"

AUTO_DEFINE(EVP_MD_CTX, EVP_MD_CTX_free)
AUTO_DEFINE(ECDSA_SIG, ECDSA_SIG_free)

enum digest { DIGEST_NONE, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_COUNT };
enum padding { PADDING_PKCS1, PADDING_PSS };

static const struct algorithm {
	const char *name;
	enum pki_key_type type;
	enum digest digest;
	enum padding padding;
	size_t signature_size; /* 0: the key's */
} algorithms[] = {
	{"ES256", PKI_KEY_P256, DIGEST_SHA256, PADDING_PKCS1, 64},
	{"ES384", PKI_KEY_P384, DIGEST_SHA384, PADDING_PKCS1, 96},
	{"ES512", PKI_KEY_P521, DIGEST_SHA512, PADDING_PKCS1, 132},
	{"EdDSA", PKI_KEY_ED25519, DIGEST_NONE, PADDING_PKCS1, 64},
	{"RS256", PKI_KEY_RSA, DIGEST_SHA256, PADDING_PKCS1, 0},
	{"RS384", PKI_KEY_RSA, DIGEST_SHA384, PADDING_PKCS1, 0},
	{"RS512", PKI_KEY_RSA, DIGEST_SHA512, PADDING_PKCS1, 0},
	{"PS256", PKI_KEY_RSA, DIGEST_SHA256, PADDING_PSS, 0},
};

/* Fetched once: implicit fetching costs more than the hash and does not scale over threads. */
static const EVP_MD *digests[DIGEST_COUNT];

static void
fetch_digests(void)
{
	digests[DIGEST_SHA256] = EVP_MD_fetch(NULL, "SHA256", NULL);
	digests[DIGEST_SHA384] = EVP_MD_fetch(NULL, "SHA384", NULL);
	digests[DIGEST_SHA512] = EVP_MD_fetch(NULL, "SHA512", NULL);
}

const char *
jws_algorithm_name(size_t i)
{
	return i < ARRAY_LEN(algorithms) ? algorithms[i].name : NULL;
}

static const struct algorithm *
find_algorithm(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++)
		if (strcmp(algorithms[i].name, name) == 0)
			return &algorithms[i];
	return NULL;
}

static enum err
get_part(const json_t *body, const char *name, struct arena *a, const char **text,
	struct bytes *octets)
{
	enum err e = json_get_string(body, name, text);

	if (e == ERR_OK)
		e = base64url_decode(a, bytes_str(*text), octets);
	if (e != ERR_OK)
		return err_context(ERR_INVALID, "JWS member \"%s\" (RFC 8555 section 6.1)", name);
	return ERR_OK;
}

static enum err
refuse_members(const json_t *object, const char *const *names, const char *what)
{
	for (; *names != NULL; names++)
		if (json_object_get(object, *names) != NULL)
			return err_set(ERR_INVALID,
				"%s must not have \"%s\" (RFC 8555 section 6.2)", what, *names);
	return ERR_OK;
}

static enum err
check_nonce_member(const struct jws *jws, enum jws_place place, struct arena *a)
{
	struct bytes ignored;

	if (place == JWS_INNER)
		return jws->nonce == NULL
			? ERR_OK
			: err_set(ERR_INVALID,
				  "an inner JWS must not have a nonce (RFC 8555 section 7.3.5)");
	if (jws->nonce == NULL)
		return err_set(
			ERR_INVALID, "the protected header has no nonce (RFC 8555 section 6.5.2)");
	if (jws->nonce[0] == '\0' || base64url_decode(a, bytes_str(jws->nonce), &ignored) != ERR_OK)
		return err_set(ERR_INVALID, "the nonce is not base64url (RFC 8555 section 6.5.2)");
	return ERR_OK;
}

static enum err
read_header(struct jws *jws, enum jws_place place, struct arena *a)
{
	static const char *const refused[] = {"crit", "b64", NULL};
	const json_t *h = jws->protected;
	enum err e = refuse_members(h, refused, "the protected header");

	if (e == ERR_OK)
		e = json_get_string(h, "alg", &jws->alg);
	if (e == ERR_OK)
		e = json_get_string(h, "url", &jws->url);
	if (e == ERR_OK)
		e = json_find_string(h, "nonce", &jws->nonce);
	if (e == ERR_OK)
		e = json_find_string(h, "kid", &jws->kid);
	if (e != ERR_OK)
		return err_context(ERR_INVALID, "protected header (RFC 8555 section 6.2)");
	jws->jwk = json_object_get(h, "jwk");
	if ((jws->jwk == NULL) == (jws->kid == NULL))
		return err_set(ERR_INVALID,
			"the protected header needs exactly one of jwk and kid (RFC 8555 section 6.2)");
	return check_nonce_member(jws, place, a);
}

enum err
jws_parse(struct bytes body, enum jws_place place, struct arena *a, struct jws *out)
{
	static const char *const refused[] = {"signatures", "header", NULL};
	AUTO(json_t) object = NULL;
	struct jws jws = {.protected = NULL};
	const char *protected, *payload, *signature;
	struct bytes header;
	enum err e = json_parse(body, &object);

	if (e != ERR_OK)
		return err_context(ERR_INVALID, "the body is not a JWS");
	if (!json_is_object(object))
		return err_set(ERR_INVALID,
			"the body is not a flattened JWS object (RFC 8555 section 6.2)");
	TRY(refuse_members(object, refused, "a flattened JWS"));
	TRY(get_part(object, "protected", a, &protected, &header));
	TRY(get_part(object, "payload", a, &payload, &jws.payload));
	TRY(get_part(object, "signature", a, &signature, &jws.signature));
	e = json_parse(header, &jws.protected);
	if (e != ERR_OK)
		return err_context(ERR_INVALID, "protected header");
	e = json_is_object(jws.protected)
		? read_header(&jws, place, a)
		: err_set(ERR_INVALID,
			  "the protected header is not an object (RFC 7515 section 4)");
	if (e != ERR_OK) {
		jws_clear(&jws);
		return e;
	}
	jws.input = bytes_str(arena_printf(a, "%s.%s", protected, payload));
	*out = jws;
	return ERR_OK;
}

void
jws_clear(struct jws *jws)
{
	json_decref(jws->protected);
	*jws = (struct jws){.protected = NULL};
}

enum err
jws_check_algorithm(const struct jws *jws)
{
	if (find_algorithm(jws->alg) == NULL)
		return err_set_word(ERR_INVALID, WORD_BAD_SIGNATURE_ALGORITHM,
			"the signature algorithm is not one of those accepted (RFC 8555 section 6.2)");
	return ERR_OK;
}

enum err
jws_check_key(const struct jws *jws, enum pki_key_type type)
{
	const struct algorithm *alg = find_algorithm(jws->alg);

	if (alg == NULL || alg->type != type)
		return err_set_word(ERR_INVALID, WORD_BAD_PUBLIC_KEY,
			"algorithm \"%s\" does not go with a key of type %s",
			alg != NULL ? alg->name : "?", jwk_type_name(type));
	return ERR_OK;
}

/* R and S of fixed length (RFC 7518 section 3.4) to the DER OpenSSL wants. */
static enum err
ecdsa_der(struct bytes rs, uint8_t *room, size_t size, struct bytes *der)
{
	AUTO(ECDSA_SIG) sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(rs.p, (int)(rs.n / 2), NULL);
	BIGNUM *s = BN_bin2bn(rs.p + rs.n / 2, (int)(rs.n / 2), NULL);
	uint8_t *p = room;
	int n;

	if (sig == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return err_openssl(ERR_INTERNAL, "cannot convert an ECDSA signature");
	}
	n = i2d_ECDSA_SIG(sig, NULL);
	if (n <= 0 || (size_t)n > size)
		return err_openssl(ERR_INTERNAL, "cannot convert an ECDSA signature");
	*der = bytes_of(room, (size_t)i2d_ECDSA_SIG(sig, &p));
	return ERR_OK;
}

static enum err
verify_signature(
	const struct algorithm *alg, EVP_PKEY *key, struct bytes input, struct bytes signature)
{
	AUTO(EVP_MD_CTX) ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options = NULL;

	if (ctx == NULL ||
		EVP_DigestVerifyInit(ctx, &options, digests[alg->digest], NULL, key) != 1)
		return err_openssl(ERR_INTERNAL, "cannot verify with %s", alg->name);
	if (alg->padding == PADDING_PSS &&
		(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
			EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) != 1))
		return err_openssl(ERR_INTERNAL, "cannot verify with %s", alg->name);
	if (EVP_DigestVerify(ctx, signature.p, signature.n, input.p, input.n) != 1) {
		err_openssl(ERR_INVALID, "verify"); /* empties OpenSSL's queue */
		return err_set_word(ERR_INVALID, WORD_BAD_JWS_SIGNATURE,
			"the JWS signature does not verify with the key it names (RFC 8555 section 6.2)");
	}
	return ERR_OK;
}

enum err
jws_verify(const struct jws *jws, EVP_PKEY *key)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const struct algorithm *alg = find_algorithm(jws->alg);
	uint8_t room[160];
	struct bytes signature = jws->signature;

	pthread_once(&once, fetch_digests);
	if (alg == NULL)
		return jws_check_algorithm(jws);
	if (alg->signature_size != 0 && signature.n != alg->signature_size)
		return err_set_word(ERR_INVALID, WORD_BAD_JWS_SIGNATURE,
			"a signature with %s has %zu octets (RFC 7518 section 3.4); DER is not accepted",
			alg->name, alg->signature_size);
	if (alg->digest != DIGEST_NONE && alg->type != PKI_KEY_RSA)
		TRY(ecdsa_der(signature, room, sizeof(room), &signature));
	return verify_signature(alg, key, jws->input, signature);
}
