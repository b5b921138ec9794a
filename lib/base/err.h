/*
 * Errors: one enum for every fallible function, one thread-local reason.
 *
 * The place that detects a failure calls err_set() once, with a reason an operator can act on;
 * callers return the code unchanged; only the edge (HTTP layer, program loop, command line) logs or
 * shows it. Reasons of ERR_INTERNAL and ERR_UNAVAILABLE never leave the process.
 */
#ifndef CHANCERY_BASE_ERR_H
#define CHANCERY_BASE_ERR_H

#include "lib/base/err_words.h"

enum err {
	ERR_OK = 0,
	ERR_INVALID,	 /* the peer sent nonsense */
	ERR_DENIED,	 /* policy or authorization says no */
	ERR_NOTFOUND,	 /* no such object */
	ERR_CONFLICT,	 /* the state is not the one that was seen */
	ERR_LIMIT,	 /* a bound was reached */
	ERR_UNAVAILABLE, /* try again: database, HSM or network */
	ERR_INTERNAL,	 /* our fault */
	ERR_STOPPED,	 /* the program was told to end meanwhile */
	ERR_COUNT
};

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Passes a failure up unchanged: the one idiom for it. Where something is undone first, or the reason
 * gets a context, the code is kept in "e" and looked at at once. */
#define TRY(call)                                                                                  \
	do {                                                                                       \
		enum err try_err = (call);                                                         \
		if (try_err != ERR_OK)                                                             \
			return try_err;                                                            \
	} while (0)

/* Remembers why (printf form, lower case, names quoted, RFC section when refusing input); returns
 * code. */
#define err_set(code, ...) err_set_word((code), WORD_OK, __VA_ARGS__)

/* Like err_set() with a word that protocols map to their own error types; WORD_OK: that of the
 * class. */
enum err err_set_word(enum err code, enum err_word word, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* err_set() plus the text of errno. */
enum err err_errno(enum err code, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* err_set() plus the first entry of OpenSSL's error queue, which is emptied. */
enum err err_openssl(enum err code, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Puts context before the reason already set ("issuer \"x\": " + reason); keeps the word; returns
 * code. */
enum err err_context(enum err code, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The last reason set on this thread, never NULL; valid until the next err_set(). */
const char *err_reason(void);

/* Adds to the last reason what its operator could do about it, which peers have no business to read:
 * what else is granted or offered. The next err_set() forgets it. */
void err_advise(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* The last reason and what was advised, for logs and operators; valid until the next call. */
const char *err_reason_advised(void);

/* The last word of this thread. */
enum err_word err_word(void);

/* The class as a word: "ok", "invalid", ... */
const char *err_name(enum err code);

#endif
