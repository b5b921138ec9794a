#include "lib/base/log.h"

#include <stdio.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/base/clock.h"
#include "tests/unit/unit.h"

static char line[16384];

/* What the call writes to standard error, in line. */
static void
capture(void (*call)(void))
{
	FILE *f = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t n;

	dup2(fileno(f), STDERR_FILENO);
	call();
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(f);
	n = fread(line, 1, sizeof(line) - 1, f);
	line[n] = '\0';
	fclose(f);
}

static void
plain_event(void)
{
	log_event(LOG_INFO, "est.simpleenroll", LOG_S("peer", "192.0.2.1:443"),
		LOG_S("who", "two words"), LOG_I("us", -5), LOG_S("absent", NULL),
		LOG_S("empty", ""));
}

static void
hostile_event(void)
{
	log_event(LOG_WARNING, "x", LOG_S("name", "a\"b\\c\nlevel=error \x1b[2J\xc3\xa4"));
}

static void
debug_event(void)
{
	log_event(LOG_DEBUG, "x", LOG_I("n", 1));
}

static void
failure(void)
{
	log_failure("signer.batch", err_set_word(ERR_UNAVAILABLE, WORD_HSM, "token \"x\" is gone"));
}

static void
huge_event(void)
{
	static char huge[5000];

	memset(huge, '\n', sizeof(huge) - 1);
	log_event(LOG_INFO, "x", LOG_S("a", huge), LOG_S("b", huge), LOG_S("c", huge),
		LOG_S("d", huge), LOG_I("z", 1));
}

static void
test_event_is_one_line_of_pairs(void)
{
	log_setup("unit", LOG_INFO, LOG_FORMAT_KV);
	clock_pin(1795262400);
	capture(plain_event);
	clock_unpin();
	CHECK(strcmp(line,
		      "time=2026-11-21T12:00:00.000000Z level=info program=unit event=est.simpleenroll "
		      "peer=192.0.2.1:443 who=\"two words\" us=-5 empty=\"\"\n") == 0);
}

static void
test_peer_cannot_forge_a_line(void)
{
	log_setup("unit", LOG_INFO, LOG_FORMAT_KV);
	capture(hostile_event);
	CHECK(strstr(line, "name=\"a\\\"b\\\\c\\x0alevel=error \\x1b[2J\\xc3\\xa4\"\n") != NULL);
	CHECK(strchr(line, '\n') == line + strlen(line) - 1);
}

static void
test_json_form_stays_json(void)
{
	json_t *o;

	log_setup("unit", LOG_INFO, LOG_FORMAT_JSON);
	capture(hostile_event);
	o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	CHECK(o != NULL && strcmp(json_string_value(json_object_get(o, "event")), "x") == 0);
	CHECK(strcmp(json_string_value(json_object_get(o, "name")),
		      "a\"b\\c\\x0alevel=error \\x1b[2J\\xc3\\xa4") == 0);
	json_decref(o);
	capture(plain_event);
	o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	CHECK(json_integer_value(json_object_get(o, "us")) == -5);
	CHECK(json_object_get(o, "absent") == NULL);
	json_decref(o);
}

static void
test_overlong_event_is_cut_between_fields(void)
{
	json_t *o;

	log_setup("unit", LOG_INFO, LOG_FORMAT_JSON);
	capture(huge_event);
	o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	CHECK(o != NULL);
	CHECK(json_object_get(o, "a") != NULL && json_object_get(o, "z") == NULL);
	json_decref(o);
}

static void
test_lower_levels_are_silent(void)
{
	log_setup("unit", LOG_INFO, LOG_FORMAT_KV);
	capture(debug_event);
	CHECK(line[0] == '\0');
	log_setup("unit", LOG_DEBUG, LOG_FORMAT_KV);
	capture(debug_event);
	CHECK(strstr(line, "n=1\n") != NULL);
}

static void
test_failure_carries_class_word_and_reason(void)
{
	log_setup("unit", LOG_INFO, LOG_FORMAT_KV);
	capture(failure);
	CHECK(strstr(line, "level=error") != NULL);
	CHECK(strstr(line, "class=unavailable word=hsm reason=\"token \\\"x\\\" is gone\"\n") !=
		NULL);
}

UNIT_MAIN("log", {"test_event_is_one_line_of_pairs", test_event_is_one_line_of_pairs},
	{"test_peer_cannot_forge_a_line", test_peer_cannot_forge_a_line},
	{"test_json_form_stays_json", test_json_form_stays_json},
	{"test_overlong_event_is_cut_between_fields", test_overlong_event_is_cut_between_fields},
	{"test_lower_levels_are_silent", test_lower_levels_are_silent},
	{"test_failure_carries_class_word_and_reason", test_failure_carries_class_word_and_reason})
