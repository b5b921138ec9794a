/* Shared by the files of ca/hsm: what a token and a key are inside. Nobody else includes this. */
#ifndef CHANCERY_CA_HSM_INTERNAL_H
#define CHANCERY_CA_HSM_INTERNAL_H

#include <libp11.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>

#include "ca/hsm/hsm.h"

/* EC keys on Edwards curves (PKCS#11 3.0); the packaged header is of 2.40. */
#define HSM_CKK_EC_EDWARDS 0x40UL

enum { HSM_PIN_MAX = 255, HSM_SLOTS_MAX = 256, HSM_FOUND_MAX = 64 };

/* The module itself, by its function list. It stays loaded until the process ends: libp11 finalizes
 * it. */
struct hsm_module {
	char *path;
	CK_FUNCTION_LIST_PTR f;
	char description[33], manufacturer[33], version[16];
};

enum err module_load(const struct ca_token_config *c, struct hsm_module *m) MUST_CHECK;
void module_clear(struct hsm_module *m);
/* A PKCS#11 failure as ERR_UNAVAILABLE: "what: CKR_NAME (0x...)" and, where there is one, the
 * remedy. */
enum err module_fail(CK_RV rv, const char *what) MUST_CHECK;
/* A failure of libp11, with the text it left, as ERR_UNAVAILABLE (word "hsm"). */
#define HSM_P11_FAIL(...)                                                                          \
	(err_openssl(ERR_UNAVAILABLE, __VA_ARGS__),                                                \
		err_set_word(ERR_UNAVAILABLE, WORD_HSM, "%s", err_reason()))
/* The blank-padded fixed-size texts of PKCS#11 as a string; out has room for n + 1. */
void module_text(const CK_UTF8CHAR *text, size_t n, char *out);

/* The slot whose token has this label, exactly one. ERR_NOTFOUND lists the labels there are,
 * ERR_CONFLICT: several. */
enum err module_slot_find(const struct hsm_module *m, const char *label, CK_SLOT_ID *slot,
	CK_TOKEN_INFO *info) MUST_CHECK;
/* A slot with a token that nobody has initialized yet. */
enum err module_slot_free(const struct hsm_module *m, CK_SLOT_ID *slot) MUST_CHECK;

/* A PIN in memory for as long as a login takes. */
struct hsm_pin {
	CK_UTF8CHAR text[HSM_PIN_MAX + 1];
	CK_ULONG n;
};
/* From a file only its owner may read, or from a descriptor; one final newline is dropped. */
enum err pin_read(const char *file, int fd, struct hsm_pin *out) MUST_CHECK;
void pin_wipe(struct hsm_pin *p);
#define AUTO_PIN(name) __attribute__((cleanup(pin_wipe))) struct hsm_pin name = {.n = 0}

struct ca_token {
	struct hsm_module module;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session; /* ours: login, attributes, generation */
	PKCS11_CTX *p11;	   /* libp11's view of the same module: the signing keys */
	PKCS11_SLOT *slots, *p11_slot;
	unsigned slot_count;
	struct ca_token_info info;
	pthread_mutex_t lock; /* busy, and the sets of idle contexts of its keys */
	pthread_cond_t left;
	unsigned sessions, busy; /* those that work on keys now */
	unsigned patience;	 /* seconds, 0: for ever */
};
/* Around whatever works on keys: a signature takes one session, and all of them whatever libp11 or our
 * own session must be alone for. */
enum token_use { TOKEN_SIGNS, TOKEN_ALONE };
void token_enter(struct ca_token *t, enum token_use use);
void token_leave(struct ca_token *t, enum token_use use);

/* Objects of a class with this label (NULL: any), at most HSM_FOUND_MAX. */
enum err token_find(const struct ca_token *t, CK_OBJECT_CLASS class, const char *label,
	CK_OBJECT_HANDLE *out, CK_ULONG *count) MUST_CHECK;

#endif
