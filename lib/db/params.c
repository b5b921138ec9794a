/*
 * Statement parameters. Numbers go as text, which fits every integer type; times and arrays go in
 * PostgreSQL's binary format (network byte order), so that nothing ever has to be escaped.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include <assert.h>

#include "lib/db/conn.h"

/* Types of array elements: fixed numbers of PostgreSQL's catalogue (pg_type.dat). */
enum { OID_BYTEA = 17, OID_BIGINT = 20, OID_SMALLINT = 21, OID_TEXT = 25, OID_TIMESTAMPTZ = 1184 };
/* PostgreSQL counts microseconds since 2000-01-01. */
#define EPOCH_2000 INT64_C(946684800)

static void
add_param(struct params *p, const char *value, size_t length, int format)
{
	assert(p->count < PARAMS_MAX);
	p->value[p->count] = value;
	p->length[p->count] = (int)length;
	p->format[p->count] = format;
	p->count++;
}

void
params_clear(struct params *p)
{
	for (int i = 0; i < p->owned_count; i++)
		free(p->owned[i]);
	p->count = 0;
	p->owned_count = 0;
}

void
params_null(struct params *p)
{
	add_param(p, NULL, 0, 0);
}

void
params_text(struct params *p, const char *text)
{
	add_param(p, text, 0, 0);
}

void
params_bytes(struct params *p, struct bytes b)
{
	add_param(p, (const char *)b.p, b.n, 1);
}

void
params_int(struct params *p, int64_t n)
{
	char *text = p->number[p->count];

	snprintf(text, sizeof(p->number[0]), "%lld", (long long)n);
	add_param(p, text, 0, 0);
}

void
params_int_or_null(struct params *p, int64_t n, int64_t null)
{
	if (n == null)
		params_null(p);
	else
		params_int(p, n);
}

void
params_bool(struct params *p, bool b)
{
	add_param(p, b ? "t" : "f", 0, 0);
}

static void
put_time(void *out, int64_t unix_seconds)
{
	uint64_t us = htobe64((uint64_t)((unix_seconds - EPOCH_2000) * 1000000));

	memcpy(out, &us, sizeof(us));
}

void
params_time(struct params *p, int64_t unix_seconds)
{
	if (unix_seconds == 0) {
		params_null(p);
		return;
	}
	put_time(p->number[p->count], unix_seconds);
	add_param(p, p->number[p->count], 8, 1);
}

static uint8_t *
put_uint32(uint8_t *at, uint32_t n)
{
	n = htobe32(n);
	memcpy(at, &n, sizeof(n));
	return at + sizeof(n);
}

/* Room for an array of count elements with `size` octets of content in all; returns where the first
 * element goes. */
static uint8_t *
array_begin(struct params *p, uint32_t element_type, size_t count, size_t size, bool nulls)
{
	size_t total = (count > 0 ? 20 : 12) + 4 * count + size;
	uint8_t *data = mem_alloc(total), *at = data;

	p->owned[p->owned_count++] = data;
	add_param(p, (const char *)data, total, 1);
	at = put_uint32(at, count > 0 ? 1 : 0); /* dimensions: an empty array has none */
	at = put_uint32(at, nulls ? 1 : 0);
	at = put_uint32(at, element_type);
	if (count > 0) {
		at = put_uint32(at, (uint32_t)count);
		at = put_uint32(at, 1); /* lower bound */
	}
	return at;
}

static void
octets_array(struct params *p, uint32_t type, const struct bytes *items, size_t count)
{
	size_t size = 0;
	bool nulls = false;

	for (size_t i = 0; i < count; i++) {
		size += items[i].n;
		nulls |= items[i].p == NULL;
	}
	uint8_t *at = array_begin(p, type, count, size, nulls);
	for (size_t i = 0; i < count; i++) {
		at = put_uint32(at, items[i].p != NULL ? (uint32_t)items[i].n : UINT32_MAX);
		if (items[i].n > 0)
			memcpy(at, items[i].p, items[i].n);
		at += items[i].n;
	}
}

void
params_bytes_array(struct params *p, const struct bytes *items, size_t count)
{
	octets_array(p, OID_BYTEA, items, count);
}

void
params_texts(struct params *p, const char *const *texts, size_t count)
{
	struct bytes *items = mem_zalloc(count + 1, sizeof(*items));

	for (size_t i = 0; i < count; i++)
		items[i] = bytes_str(texts[i]);
	octets_array(p, OID_TEXT, items, count);
	free(items);
}

void
params_ints(struct params *p, const int64_t *numbers, size_t count)
{
	uint8_t *at = array_begin(p, OID_BIGINT, count, 8 * count, false);

	for (size_t i = 0; i < count; i++) {
		uint64_t n = htobe64((uint64_t)numbers[i]);

		at = put_uint32(at, sizeof(n));
		memcpy(at, &n, sizeof(n));
		at += sizeof(n);
	}
}

void
params_shorts(struct params *p, const int16_t *numbers, size_t count)
{
	uint8_t *at = array_begin(p, OID_SMALLINT, count, 2 * count, false);

	for (size_t i = 0; i < count; i++) {
		uint16_t n = htobe16((uint16_t)numbers[i]);

		at = put_uint32(at, sizeof(n));
		memcpy(at, &n, sizeof(n));
		at += sizeof(n);
	}
}

void
params_times(struct params *p, const int64_t *unix_seconds, size_t count)
{
	struct bytes *items = mem_zalloc(count + 1, sizeof(*items));
	uint8_t *octets = mem_alloc(8 * count + 1);

	for (size_t i = 0; i < count; i++) {
		put_time(octets + 8 * i, unix_seconds[i]);
		if (unix_seconds[i] != 0)
			items[i] = bytes_of(octets + 8 * i, 8);
	}
	octets_array(p, OID_TIMESTAMPTZ, items, count);
	free(octets);
	free(items);
}
