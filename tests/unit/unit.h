/*
 * What every CUnit program here shares: a main() that fails when a check failed or nothing ran, and
 * checks that print the case they belong to (CUnit's own carry no message).
 *
 *   UNIT_MAIN("der", {"test_long_length_is_refused", test_long_length_is_refused}, ...)
 */
#ifndef CHANCERY_TESTS_UNIT_H
#define CHANCERY_TESTS_UNIT_H

#include <stdio.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "lib/base/err.h"

#define CHECK(cond) CU_ASSERT(cond)
/* In a table of cases: prints the case's name when it fails. */
#define CHECK_CASE(cond, name)                                                                     \
	do {                                                                                       \
		int check_ok = (cond) ? 1 : 0;                                                     \
		if (!check_ok)                                                                     \
			fprintf(stderr, "%s:%d: case \"%s\": %s\n", __FILE__, __LINE__, (name),    \
				#cond);                                                            \
		CU_ASSERT(check_ok);                                                               \
	} while (0)
#define CHECK_OK(call)                                                                             \
	do {                                                                                       \
		enum err check_err = (call);                                                       \
		if (check_err != ERR_OK)                                                           \
			fprintf(stderr, "%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #call,          \
				err_name(check_err), err_reason());                                \
		CU_ASSERT(check_err == ERR_OK);                                                    \
	} while (0)
#define CHECK_ERR(call, expected)                                                                  \
	do {                                                                                       \
		enum err check_err = (call);                                                       \
		if (check_err != (expected))                                                       \
			fprintf(stderr, "%s:%d: %s: got %s\n", __FILE__, __LINE__, #call,          \
				err_name(check_err));                                              \
		CU_ASSERT(check_err == (expected));                                                \
	} while (0)
/* Refused, and the reason holds these words. */
#define CHECK_REASON(call, expected, words)                                                        \
	do {                                                                                       \
		CHECK_ERR(call, expected);                                                         \
		if (strstr(err_reason(), (words)) == NULL)                                         \
			fprintf(stderr, "%s:%d: reason is \"%s\"\n", __FILE__, __LINE__,           \
				err_reason());                                                     \
		CU_ASSERT(strstr(err_reason(), (words)) != NULL);                                  \
	} while (0)

#define UNIT_MAIN(suite_name, ...)                                                                 \
	int main(void)                                                                             \
	{                                                                                          \
		CU_TestInfo tests[] = {__VA_ARGS__, CU_TEST_INFO_NULL};                            \
		CU_SuiteInfo suites[] = {                                                          \
			{suite_name, NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};          \
		if (CU_initialize_registry() != CUE_SUCCESS ||                                     \
			CU_register_suites(suites) != CUE_SUCCESS)                                 \
			return 2;                                                                  \
		CU_basic_set_mode(CU_BRM_VERBOSE);                                                 \
		CU_basic_run_tests();                                                              \
		unsigned failed = CU_get_number_of_failures() + CU_get_number_of_suites_failed();  \
		unsigned ran = CU_get_number_of_tests_run();                                       \
		CU_cleanup_registry();                                                             \
		return failed > 0 || ran == 0;                                                     \
	}

#endif
