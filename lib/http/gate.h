/*
 * The request gate: what libmicrohttpd lets through and this server refuses. Pure functions over
 * views of the request head, so that unit tests and the fuzzer call them without a socket.
 */
#ifndef CHANCERY_HTTP_GATE_H
#define CHANCERY_HTTP_GATE_H

#include "lib/base/bytes.h"

/* Why a request is refused; constants only, so a pointer is all that is passed on. */
struct http_refusal {
	unsigned status;
	const char *word, *reason;
};

/* Fields that may come once (RFC 9110 section 5.3): two of them are two messages to two parsers. */
enum gate_single {
	GATE_HOST,
	GATE_CONTENT_LENGTH,
	GATE_TRANSFER_ENCODING,
	GATE_CONTENT_TYPE,
	GATE_AUTHORIZATION,
	GATE_EXPECT,
	GATE_CONTENT_ENCODING,
	GATE_SINGLE_COUNT
};

struct gate {
	struct bytes single[GATE_SINGLE_COUNT]; /* p is NULL when absent */
	uint64_t length;			/* Content-Length, 0 when absent */
};

/* A length of more than 64 bits; no body is as long as this one. */
#define GATE_LENGTH_OVER UINT64_MAX

/* All return NULL when the request may go on. */
const struct http_refusal *gate_target(struct bytes path, struct bytes query);
/* One header field; name and value as they were sent, without the OWS around the value
 * (RFC 9110 section 5.5). */
const struct http_refusal *gate_field(struct gate *g, struct bytes name, struct bytes value);
/* Host, or the authority of a target in absolute-form. */
const struct http_refusal *gate_host(struct bytes host);
/* The value of Content-Length: digits, as many as the client likes (RFC 9110 section 8.6). */
const struct http_refusal *gate_length(struct bytes text, uint64_t *length);
/* After the last field: framing, Host, Expect, Content-Encoding. */
const struct http_refusal *gate_finish(struct gate *g, bool http10);
/* The media type of Content-Type against a NULL-terminated list, parameters ignored. */
const struct http_refusal *gate_media_type(struct bytes value, const char *const *allowed);

/* What the server says when the octets of the head are not the lines they should be (layout.c). */
extern const struct http_refusal gate_bad_layout;

#endif
