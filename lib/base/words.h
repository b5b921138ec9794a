/* Words that stand for numbers: the values of an enum, or the bits of a set. */
#ifndef CHANCERY_BASE_WORDS_H
#define CHANCERY_BASE_WORDS_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

enum { WORDS_LIST_SIZE = 640 };

/* A vocabulary, by the function that names the enum. */
struct words {
	const char *(*name)(unsigned i); /* never NULL for i below count */
	unsigned count;
};

/* Word i, "unknown" when there is none. */
const char *words_name(const struct words *w, unsigned i);
/* Which of the words the text is, to the letter; false, and *i as it was, when it is none or NULL. */
bool words_find(const struct words *w, const char *text, unsigned *i);
/* words_find() for texts from outside: ERR_INVALID says what it is not, and what is allowed. */
enum err
words_parse(const struct words *w, const char *what, const char *text, unsigned *i) MUST_CHECK;
/* "a, b, c" for reasons; returns out. */
const char *words_list(const struct words *w, char out[WORDS_LIST_SIZE]);

#endif
