/* Words that stand for numbers: the values of an enum, or the bits of a set. */
#ifndef CHANCERY_BASE_WORDS_H
#define CHANCERY_BASE_WORDS_H

#include "lib/base/bytes.h"

/* Index of text in words, a list that ends with NULL; -1 when it is absent or NULL. */
int words_index(const char *const *words, const char *text);

enum { WORDS_LIST_SIZE = 640 };

/* A vocabulary, by the function that names the enum. */
struct words {
	const char *(*name)(unsigned i); /* never NULL for i below count */
	unsigned count;
};

/* Which of the words the text is, to the letter; false, and *i as it was, when it is none. */
bool words_find(const struct words *w, const char *text, unsigned *i);
/* "a, b, c" for reasons; returns out. */
const char *words_list(const struct words *w, char out[WORDS_LIST_SIZE]);

#endif
