/* Words and vocabularies; see words.h. */
#include "lib/base/words.h"

#include <stdio.h>

const char *
words_name(const struct words *w, unsigned i)
{
	return i < w->count ? w->name(i) : "unknown";
}

bool
words_find(const struct words *w, const char *text, unsigned *i)
{
	for (unsigned k = 0; text != NULL && k < w->count; k++) {
		if (strcmp(w->name(k), text) == 0) {
			*i = k;
			return true;
		}
	}
	return false;
}

enum err
words_parse(const struct words *w, const char *what, const char *text, unsigned *i)
{
	char list[WORDS_LIST_SIZE];

	if (words_find(w, text, i))
		return ERR_OK;
	return err_set(ERR_INVALID, "%s \"%s\" is none of %s", what, text != NULL ? text : "",
		words_list(w, list));
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
