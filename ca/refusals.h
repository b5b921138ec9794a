/*
 * What the audit hears of clients that a front refuses: in the handshake, before a request, or by a
 * protocol. Events are rows for ever, so clients must not be able to make them at will: one identity's
 * refusals for one reason are an event at once, then one for all that followed, ever more rarely while
 * it goes on; an identity has a few reasons at a time, the front not many more, and what is beyond is
 * counted in one event. Who presents no certificate of ours is in the log only.
 *
 * Noting is memory alone; the main thread records. Thread-safe. Private to ca/.
 */
#ifndef CHANCERY_CA_REFUSALS_H
#define CHANCERY_CA_REFUSALS_H

#include "ca/requester.h"
#include "lib/base/random.h"

struct ca_refusals;

/* Who is 0 and NULL where only the certificate says it, and whoever records looks it up; an event comes
 * of it when it is recorded here, or issued by us for sure. */
struct ca_refusal {
	int64_t identity;
	const char *actor; /* the identity's name */
	const char *operation, *reason, *request_id, *peer;
	uint8_t serial[STORE_SERIAL_SIZE]; /* of the certificate; zeros: not one of ours */
	uint8_t leaf[SHA256_SIZE];	   /* digest of it, where who is not known */
	enum ca_refused { CA_REFUSED_ANYBODY, CA_REFUSED_ISSUED } issued;
};

struct ca_refusals *ca_refusals_new(void);
void ca_refusals_free(struct ca_refusals *r);
/* Copies what it needs. */
void ca_refusals_note(struct ca_refusals *r, const struct ca_refusal *what);
/* Writes the events that are due, at most a few dozen; ALL: whatever has been noted. By one thread. On
 * failure they stay due. */
enum ca_refusals_which { CA_REFUSALS_DUE, CA_REFUSALS_ALL };
enum err
ca_refusals_record(struct ca_refusals *r, struct store *s, enum ca_refusals_which which) MUST_CHECK;

AUTO_STRUCT_DEFINE(ca_refusals, ca_refusals_free)

#endif
