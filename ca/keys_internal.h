/* Shared by the files of ca/keys: what a token and a key are inside. Nobody else includes this. */
#ifndef CHANCERY_CA_KEYS_INTERNAL_H
#define CHANCERY_CA_KEYS_INTERNAL_H

#include <libp11.h>
#include <p11-kit/pkcs11.h>

#include "ca/keys.h"

/* EC keys on Edwards curves (PKCS#11 3.0); the packaged header is of 2.40. */
#define KEYS_CKK_EC_EDWARDS 0x40UL

enum { KEYS_PIN_MAX = 255, KEYS_SLOTS_MAX = 256, KEYS_FOUND_MAX = 64 };

/* The module itself, by its function list. It stays loaded until the process ends: libp11 finalizes
 * it. */
struct keys_module {
	char *path;
	CK_FUNCTION_LIST_PTR f;
	char description[33], manufacturer[33], version[16];
};

enum err keys_module_load(const struct ca_token_config *c, struct keys_module *m) MUST_CHECK;
void keys_module_clear(struct keys_module *m);
/* A PKCS#11 failure as ERR_UNAVAILABLE: "what: CKR_NAME (0x...)" and, where there is one, the
 * remedy. */
enum err keys_fail(CK_RV rv, const char *what) MUST_CHECK;
/* A failure of libp11, with the text it left, as ERR_UNAVAILABLE (word "hsm"). */
#define KEYS_P11_FAIL(...)                                                                         \
	(err_openssl(ERR_UNAVAILABLE, __VA_ARGS__),                                                \
		err_set_word(ERR_UNAVAILABLE, "hsm", "%s", err_reason()))
/* The blank-padded fixed-size texts of PKCS#11 as a string; out has room for n + 1. */
void keys_text(const CK_UTF8CHAR *text, size_t n, char *out);

/* The slot whose token has this label, exactly one. ERR_NOTFOUND lists the labels there are,
 * ERR_CONFLICT: several. */
enum err keys_slot_find(const struct keys_module *m, const char *label, CK_SLOT_ID *slot,
	CK_TOKEN_INFO *info) MUST_CHECK;
/* A slot with a token that nobody has initialized yet. */
enum err keys_slot_free(const struct keys_module *m, CK_SLOT_ID *slot) MUST_CHECK;

/* A PIN in memory for as long as a login takes. */
struct keys_pin {
	CK_UTF8CHAR text[KEYS_PIN_MAX + 1];
	CK_ULONG n;
};
/* From a file only its owner may read, or from a descriptor; one final newline is dropped. */
enum err keys_pin_read(const char *file, int fd, struct keys_pin *out) MUST_CHECK;
void keys_pin_wipe(struct keys_pin *p);
#define AUTO_PIN(name) __attribute__((cleanup(keys_pin_wipe))) struct keys_pin name = {.n = 0}

struct ca_token {
	struct keys_module module;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session; /* ours: login, attributes, generation */
	PKCS11_CTX *p11;	   /* libp11's view of the same module: the signing keys */
	PKCS11_SLOT *slots, *p11_slot;
	unsigned slot_count;
	struct ca_token_info info;
};

/* Objects of a class with this label (NULL: any), at most KEYS_FOUND_MAX. */
enum err keys_find(const struct ca_token *t, CK_OBJECT_CLASS class, const char *label,
	CK_OBJECT_HANDLE *out, CK_ULONG *count) MUST_CHECK;

#endif
