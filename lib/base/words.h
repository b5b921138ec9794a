/* Words that stand for numbers: lists end with NULL, the index is the number. */
#ifndef CHANCERY_BASE_WORDS_H
#define CHANCERY_BASE_WORDS_H

#include "lib/base/bytes.h"

/* Index of text in words; -1 when it is absent or NULL. */
int words_index(const char *const *words, const char *text);

#endif
