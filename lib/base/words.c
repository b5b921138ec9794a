/* Lists of words; see words.h. */
#include "lib/base/words.h"

int
words_index(const char *const *words, const char *text)
{
	for (int i = 0; text != NULL && words[i] != NULL; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	return -1;
}
