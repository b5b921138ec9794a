/*
 * Making a CA key inside the token: C_GenerateKeyPair by ourselves. PKCS11_generate_key of libp11
 * 0.4.12 makes an RSA key whatever it is asked for, allows decryption and does not forbid
 * extraction. Used by ca-ceremony only: key generation beside signing in one process is where
 * libp11's session pool has races.
 */
#include "ca/hsm/internal.h"

#include "lib/base/random.h"

static const uint8_t curve_p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t curve_p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

static const struct kind {
	enum pki_key_type type;
	CK_MECHANISM_TYPE mechanism;
	struct bytes curve; /* EC: CKA_EC_PARAMS */
} kinds[] = {
	{PKI_KEY_P256, CKM_EC_KEY_PAIR_GEN, {curve_p256, sizeof(curve_p256)}},
	{PKI_KEY_P384, CKM_EC_KEY_PAIR_GEN, {curve_p384, sizeof(curve_p384)}},
	{PKI_KEY_RSA, CKM_RSA_PKCS_KEY_PAIR_GEN, {NULL, 0}},
};

static const struct kind *
kind_of(enum pki_key_type type)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

static enum err
check_label_free(const struct ca_token *t, const char *label)
{
	static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
	CK_OBJECT_HANDLE found[HSM_FOUND_MAX];

	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		CK_ULONG count = 0;

		TRY(token_find(t, classes[i], label, found, &count));
		if (count > 0)
			return err_set(ERR_CONFLICT,
				"hsm: token \"%s\" has a key with label \"%s\" already; nothing was changed",
				t->info.label, label);
	}
	return ERR_OK;
}

struct request {
	const struct kind *kind;
	const char *label;
	uint8_t id[16]; /* joins both halves: libp11 finds the public point by it */
	CK_ULONG rsa_bits;
};

static CK_RV
generate_pair(const struct ca_token *t, CK_SESSION_HANDLE session, struct request *r)
{
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_BYTE exponent[] = {1, 0, 1};
	CK_MECHANISM mechanism = {r->kind->mechanism, NULL, 0};
	CK_ATTRIBUTE secret[] = {
		{CKA_TOKEN, &yes, sizeof(yes)},
		{CKA_PRIVATE, &yes, sizeof(yes)},
		{CKA_SENSITIVE, &yes, sizeof(yes)},
		{CKA_EXTRACTABLE, &no, sizeof(no)},
		{CKA_SIGN, &yes, sizeof(yes)},
		{CKA_DECRYPT, &no, sizeof(no)},
		{CKA_UNWRAP, &no, sizeof(no)},
		{CKA_DERIVE, &no, sizeof(no)},
		{CKA_MODIFIABLE, &no, sizeof(no)},
		{CKA_LABEL, (void *)(uintptr_t)r->label, strlen(r->label)},
		{CKA_ID, r->id, sizeof(r->id)},
	};
	CK_ATTRIBUTE open[] = {
		{CKA_TOKEN, &yes, sizeof(yes)},
		{CKA_PRIVATE, &no, sizeof(no)},
		{CKA_VERIFY, &yes, sizeof(yes)},
		{CKA_ENCRYPT, &no, sizeof(no)},
		{CKA_WRAP, &no, sizeof(no)},
		{CKA_MODIFIABLE, &no, sizeof(no)},
		{CKA_LABEL, (void *)(uintptr_t)r->label, strlen(r->label)},
		{CKA_ID, r->id, sizeof(r->id)},
		{CKA_EC_PARAMS, (void *)(uintptr_t)r->kind->curve.p, r->kind->curve.n},
		{CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent)},
	};
	CK_ULONG open_count = ARRAY_LEN(open) - 1;
	CK_OBJECT_HANDLE public_key, private_key;

	if (r->kind->curve.n == 0) {
		open[8] = (CK_ATTRIBUTE){CKA_MODULUS_BITS, &r->rsa_bits, sizeof(r->rsa_bits)};
		open_count++;
	}
	return t->module.f->C_GenerateKeyPair(session, &mechanism, open, open_count, secret,
		ARRAY_LEN(secret), &public_key, &private_key);
}

enum err
ca_key_generate(struct ca_token *t, const char *label, enum pki_key_type type, unsigned rsa_bits)
{
	struct request r = {.kind = kind_of(type), .label = label, .rsa_bits = rsa_bits};

	CK_SESSION_HANDLE session;
	CK_RV rv;

	if (r.kind == NULL)
		return err_set(ERR_INVALID,
			"a CA key is p256, p384 or rsa, not %s: libp11 sees no key at all in a token that holds an "
			"Edwards-curve key",
			pki_key_type_name(type));
	if (type == PKI_KEY_RSA && (rsa_bits < 2048 || rsa_bits > 4096 || rsa_bits % 8 != 0))
		return err_set(
			ERR_INVALID, "an RSA key of %u bits; 2048 to 4096 are allowed", rsa_bits);
	if (label[0] == 0 || strlen(label) > 64)
		return err_set(ERR_INVALID, "key label \"%s\" must have 1 to 64 octets", label);
	TRY(check_label_free(t, label));
	random_bytes(r.id, sizeof(r.id));
	rv = t->module.f->C_OpenSession(
		t->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
	if (rv != CKR_OK)
		return module_fail(rv, "C_OpenSession for writing");
	rv = generate_pair(t, session, &r);
	t->module.f->C_CloseSession(session);
	return rv == CKR_OK ? ERR_OK : module_fail(rv, "C_GenerateKeyPair");
}
