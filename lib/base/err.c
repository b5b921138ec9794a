/* The thread-local reason behind enum err; see err.h for the rules of use. */
#include "lib/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

static _Thread_local char reason[1024] = "no error", advice[512];
static _Thread_local enum err_word word = WORD_OK;

/* The first are the names of the classes. */
#define TEXT(identifier, text, meaning) [WORD_##identifier] = text,
static const char *const word_text[WORD_COUNT] = {ERR_WORDS(TEXT)};
_Static_assert((int)WORD_STOPPED == (int)ERR_STOPPED && (int)WORD_OK == (int)ERR_OK,
	"each class has its word");

static void
set_reason(enum err code, enum err_word new_word, const char *fmt, va_list ap)
{
	char text[sizeof(reason)]; /* fmt's arguments may point into reason */

	vsnprintf(text, sizeof(text), fmt, ap);
	memcpy(reason, text, sizeof(reason));
	advice[0] = '\0';
	word = new_word != WORD_OK ? new_word : (enum err_word)code;
}

static void
append_reason(const char *text)
{
	size_t have = strlen(reason);

	snprintf(reason + have, sizeof(reason) - have, ": %s", text);
}

enum err
err_set_word(enum err code, enum err_word new_word, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_reason(code, new_word, fmt, ap);
	va_end(ap);
	return code;
}

enum err
err_errno(enum err code, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	set_reason(code, WORD_OK, fmt, ap);
	va_end(ap);
	append_reason(strerror(saved));
	return code;
}

enum err
err_openssl(enum err code, const char *fmt, ...)
{
	unsigned long e = ERR_get_error();
	const char *text = e != 0 ? ERR_reason_error_string(e) : NULL;
	va_list ap;

	va_start(ap, fmt);
	set_reason(code, WORD_OK, fmt, ap);
	va_end(ap);
	append_reason(text != NULL ? text : "OpenSSL gave no reason");
	ERR_clear_error();
	return code;
}

enum err
err_context(enum err code, const char *fmt, ...)
{
	char old[sizeof(reason)], text[512];
	va_list ap;

	memcpy(old, reason, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(reason, sizeof(reason), "%s: %.500s", text, old);
	return code;
}

void
err_advise(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(advice, sizeof(advice), fmt, ap);
	va_end(ap);
}

const char *
err_reason(void)
{
	return reason;
}

const char *
err_reason_advised(void)
{
	static _Thread_local char both[sizeof(reason) + sizeof(advice) + 2];

	snprintf(both, sizeof(both), "%s%s%s", reason, advice[0] != '\0' ? "; " : "", advice);
	return both;
}

enum err_word
err_word(void)
{
	return word;
}

const char *
err_name(enum err code)
{
	return code >= 0 && code < ERR_COUNT ? word_text[code] : "unknown";
}

const char *
err_word_text(enum err_word w)
{
	return word_text[w];
}

enum err_word
err_word_find(const char *text)
{
	for (unsigned i = 0; text != NULL && i < WORD_COUNT; i++)
		if (strcmp(word_text[i], text) == 0)
			return (enum err_word)i;
	return WORD_OK;
}
