#include "lib/base/err.h"

#include <errno.h>
#include <pthread.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "tests/unit/unit.h"

static void
test_reason_and_word_are_kept(void)
{
	CHECK(err_set(ERR_DENIED, "profile \"%s\" forbids it", "x") == ERR_DENIED);
	CHECK(strcmp(err_reason(), "profile \"x\" forbids it") == 0);
	CHECK(err_word() == WORD_DENIED);
	CHECK(err_set_word(ERR_INVALID, WORD_BAD_CSR, "no") == ERR_INVALID);
	CHECK(err_word() == WORD_BAD_CSR);
}

static void
test_context_goes_before_the_reason_and_keeps_the_word(void)
{
	(void)err_set_word(ERR_INVALID, WORD_BAD_CSR, "too short");
	CHECK(err_context(ERR_INVALID, "issuer \"%s\"", "x") == ERR_INVALID);
	CHECK(strcmp(err_reason(), "issuer \"x\": too short") == 0);
	CHECK(err_word() == WORD_BAD_CSR);
}

static void
test_reason_may_be_quoted_in_the_next_one(void)
{
	(void)err_set(ERR_INVALID, "inner");
	(void)err_set(ERR_INVALID, "outer (%s)", err_reason());
	CHECK(strcmp(err_reason(), "outer (inner)") == 0);
}

static void
test_system_errors_carry_their_text(void)
{
	errno = ENOENT;
	CHECK(err_errno(ERR_UNAVAILABLE, "file \"%s\"", "f") == ERR_UNAVAILABLE);
	CHECK(strcmp(err_reason(), "file \"f\": No such file or directory") == 0);
	ERR_clear_error();
	CHECK(EVP_MD_fetch(NULL, "nonsense", NULL) == NULL);
	CHECK(err_openssl(ERR_INTERNAL, "digest") == ERR_INTERNAL);
	CHECK(strncmp(err_reason(), "digest: ", 8) == 0 &&
		strstr(err_reason(), "gave no reason") == NULL);
	CHECK(ERR_peek_error() == 0);
	(void)err_openssl(ERR_INTERNAL, "digest");
	CHECK(strstr(err_reason(), "gave no reason") != NULL);
}

static void
test_overlong_reason_is_cut(void)
{
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)err_set(ERR_INVALID, "%s", text);
	CHECK(strlen(err_reason()) == 1023);
	(void)err_context(ERR_INVALID, "%s", text);
	CHECK(strlen(err_reason()) <= 1023);
}

static void *
other_thread(void *unused)
{
	(void)unused;
	(void)err_set(ERR_INVALID, "of the other thread");
	return NULL;
}

static void
test_each_thread_has_its_own_reason(void)
{
	pthread_t t;

	(void)err_set(ERR_INVALID, "mine");
	CHECK(pthread_create(&t, NULL, other_thread, NULL) == 0);
	pthread_join(t, NULL);
	CHECK(strcmp(err_reason(), "mine") == 0);
}

static void
test_advice_is_apart_from_the_reason_and_ends_with_it(void)
{
	(void)err_set(ERR_DENIED, "no");
	CHECK(strcmp(err_reason_advised(), "no") == 0);
	err_advise("ask %s", "bob");
	CHECK(strcmp(err_reason(), "no") == 0 && strcmp(err_reason_advised(), "no; ask bob") == 0);
	(void)err_context(ERR_DENIED, "here");
	CHECK(strcmp(err_reason_advised(), "here: no; ask bob") == 0);
	(void)err_set(ERR_DENIED, "other");
	CHECK(strcmp(err_reason_advised(), "other") == 0);
}

static void
test_every_class_has_a_name(void)
{
	for (int i = 0; i < ERR_COUNT; i++)
		CHECK(strlen(err_name((enum err)i)) > 0 &&
			strcmp(err_name((enum err)i), "unknown") != 0);
	CHECK(strcmp(err_name(ERR_COUNT), "unknown") == 0);
}

static void
test_every_word_is_found_by_its_text(void)
{
	for (unsigned w = 0; w < WORD_COUNT; w++)
		CHECK_CASE(err_word_find(err_word_text((enum err_word)w)) == w,
			err_word_text((enum err_word)w));
	CHECK(err_word_find("never-heard-of") == WORD_OK && err_word_find(NULL) == WORD_OK);
	(void)err_set_word(ERR_DENIED, err_word_find("never-heard-of"), "no");
	CHECK(err_word() == WORD_DENIED);
}

UNIT_MAIN("err", {"test_reason_and_word_are_kept", test_reason_and_word_are_kept},
	{"test_context_goes_before_the_reason_and_keeps_the_word",
		test_context_goes_before_the_reason_and_keeps_the_word},
	{"test_reason_may_be_quoted_in_the_next_one", test_reason_may_be_quoted_in_the_next_one},
	{"test_system_errors_carry_their_text", test_system_errors_carry_their_text},
	{"test_overlong_reason_is_cut", test_overlong_reason_is_cut},
	{"test_each_thread_has_its_own_reason", test_each_thread_has_its_own_reason},
	{"test_advice_is_apart_from_the_reason_and_ends_with_it",
		test_advice_is_apart_from_the_reason_and_ends_with_it},
	{"test_every_class_has_a_name", test_every_class_has_a_name},
	{"test_every_word_is_found_by_its_text", test_every_word_is_found_by_its_text})
