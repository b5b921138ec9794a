/*
 * SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7): decides which keys exist for Chancery. An
 * AlgorithmIdentifier is compared octet by octet with the few that are allowed, which refuses
 * explicit curve parameters (CVE-2020-0601), missing or surplus parameters and BER spellings at
 * once. Whether such a key is also a good one, key_judge.c says.
 */
#include "lib/pki/key.h"

#include <openssl/x509.h>

#include "lib/base/random.h"
#include "lib/pki/oid.h"

struct key_kind {
	const char *name;
	struct bytes algorithm; /* AlgorithmIdentifier, whole */
	enum err (*read)(struct pki_spki *spki);
};

/* Uncompressed points only (RFC 5480 section 2.2 requires them). */
static enum err
read_point(struct pki_spki *spki, size_t octets, unsigned bits)
{
	if (spki->key.n != 1 + 2 * octets || spki->key.p[0] != 0x04)
		return bad_key(
			"the EC public key is not an uncompressed point of its curve (RFC 5480 section 2.2)");
	spki->bits = bits;
	return ERR_OK;
}

static enum err
read_p256(struct pki_spki *spki)
{
	return read_point(spki, 32, 256);
}

static enum err
read_p384(struct pki_spki *spki)
{
	return read_point(spki, 48, 384);
}

static enum err
read_ed25519(struct pki_spki *spki)
{
	if (spki->key.n != 32)
		return bad_key("an Ed25519 public key has 32 octets (RFC 8410 section 4)");
	spki->bits = 256;
	return ERR_OK;
}

/* A positive INTEGER without its sign octet. */
static enum err
get_magnitude(struct der *d, const char *what, struct bytes *out)
{
	struct bytes c;

	TRY(der_get_integer(d, what, &c));
	if (c.p[0] >= 0x80)
		return err_set(ERR_INVALID, "\"%s\" is negative", what);
	*out = c.p[0] == 0 ? bytes_of(c.p + 1, c.n - 1) : c;
	return ERR_OK;
}

unsigned
key_bit_length(struct bytes magnitude)
{
	return magnitude.n == 0
		? 0
		: (unsigned)(magnitude.n * 8) - (unsigned)(__builtin_clz(magnitude.p[0]) - 24);
}

static enum err
read_rsa(struct pki_spki *spki)
{
	struct der top = der_open(spki->key), d;

	TRY(der_enter(&top, DER_SEQUENCE, "RSAPublicKey", &d));
	TRY(der_finish(&top, "RSAPublicKey"));
	TRY(get_magnitude(&d, "modulus", &spki->modulus));
	TRY(get_magnitude(&d, "publicExponent", &spki->exponent));
	TRY(der_finish(&d, "RSAPublicKey"));
	spki->bits = key_bit_length(spki->modulus);
	return ERR_OK;
}

static const struct key_kind kinds[PKI_KEY_TYPE_COUNT] = {
	[PKI_KEY_P256] = {"p256",
		BYTES_LIT(
			"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"),
		read_p256},
	[PKI_KEY_P384] = {"p384",
		BYTES_LIT(
			"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22"),
		read_p384},
	[PKI_KEY_RSA] = {"rsa",
		BYTES_LIT("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"),
		read_rsa},
	[PKI_KEY_ED25519] = {"ed25519", BYTES_LIT("\x30\x05\x06\x03\x2b\x65\x70"), read_ed25519},
};

const char *
pki_key_type_name(enum pki_key_type t)
{
	return t < PKI_KEY_TYPE_COUNT ? kinds[t].name : "unknown";
}

/* Says what is wrong with an AlgorithmIdentifier that is not in the table. */
static enum err
refuse_algorithm(struct bytes algorithm)
{
	struct der top = der_open(algorithm), d;
	struct bytes oid;

	TRY(der_enter(&top, DER_SEQUENCE, "algorithm", &d));
	TRY(der_get_oid(&d, "algorithm", &oid));
	if (bytes_equal(oid, OID_EC_PUBLIC_KEY) && der_peek(&d) == DER_SEQUENCE)
		return bad_key("explicit EC parameters are not allowed (RFC 5480 section 2.1.1)");
	if (bytes_equal(oid, OID_EC_PUBLIC_KEY))
		return bad_key("the curve is neither P-256 nor P-384");
	if (bytes_equal(oid, OID_RSA_ENCRYPTION))
		return bad_key("parameters of rsaEncryption must be NULL (RFC 3279 section 2.3.1)");
	return bad_key("the key algorithm is none of P-256, P-384, RSA and Ed25519");
}

static enum err
find_kind(struct pki_spki *spki, struct bytes algorithm)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (bytes_equal(kinds[i].algorithm, algorithm)) {
			spki->type = (enum pki_key_type)i;
			return ERR_OK;
		}
	return refuse_algorithm(algorithm);
}

static enum err
read_spki(struct bytes der, struct pki_spki *spki)
{
	struct der top = der_open(der), d;
	struct bytes algorithm;

	TRY(der_enter(&top, DER_SEQUENCE, "subjectPublicKeyInfo", &d));
	TRY(der_finish(&top, "subjectPublicKeyInfo"));
	TRY(der_get_whole(&d, DER_SEQUENCE, "algorithm", &algorithm));
	TRY(find_kind(spki, algorithm));
	TRY(der_get_bits(&d, "subjectPublicKey", &spki->key));
	TRY(der_finish(&d, "subjectPublicKeyInfo"));
	return kinds[spki->type].read(spki);
}

enum err
pki_spki_parse(struct bytes der, struct pki_spki *out)
{
	struct pki_spki spki = {.der = der};
	enum err e = read_spki(der, &spki);

	if (e != ERR_OK)
		return der_reword(e, WORD_BAD_KEY);
	*out = spki;
	return ERR_OK;
}

void
pki_spki_hash(const struct pki_spki *spki, uint8_t out[32])
{
	sha256(spki->der, out);
}

void
pki_spki_key_id(const struct pki_spki *spki, uint8_t out[20])
{
	sha1(spki->key, out);
}

enum err
pki_spki_from_pkey(EVP_PKEY *key, struct arena *a, struct bytes *der)
{
	unsigned char *encoded = NULL;
	int n = i2d_PUBKEY(key, &encoded);
	struct pki_spki spki;
	struct bytes copy;

	if (n <= 0)
		return err_openssl(ERR_INTERNAL, "cannot encode the public key");
	copy = arena_bytes(a, bytes_of(encoded, (size_t)n));
	OPENSSL_free(encoded);
	TRY(pki_spki_parse(copy, &spki));
	TRY(pki_key_judge(&spki, NULL));
	*der = copy;
	return ERR_OK;
}
