/* Words and vocabularies; see words.h. */
#include "lib/base/words.h"

#include <stdio.h>

int
words_index(const char *const *words, const char *text)
{
	for (int i = 0; text != NULL && words[i] != NULL; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	return -1;
}

bool
words_find(const struct words *w, const char *text, unsigned *i)
{
	for (unsigned k = 0; k < w->count; k++) {
		if (strcmp(w->name(k), text) == 0) {
			*i = k;
			return true;
		}
	}
	return false;
}

const char *
words_list(const struct words *w, char out[WORDS_LIST_SIZE])
{
	size_t have = 0;

	out[0] = '\0';
	for (unsigned k = 0; k < w->count && have < WORDS_LIST_SIZE; k++)
		have += (size_t)snprintf(
			out + have, WORDS_LIST_SIZE - have, "%s%s", k > 0 ? ", " : "", w->name(k));
	return out;
}
