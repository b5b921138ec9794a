/* Between wait.c and request.c. */
#ifndef CHANCERY_STORE_WAIT_H
#define CHANCERY_STORE_WAIT_H

#include "lib/store/internal.h"
#include "lib/store/request.h"

/* A result that outlives its query; on the heap because it changes threads. */
struct wait_result {
	enum store_result_state state;
	uint8_t serial[STORE_SERIAL_SIZE];
	int16_t issuer;
	uint8_t *der;
	size_t der_size;
	enum err refusal_class;
	char *refusal_word, *refusal;
};
enum err wait_read_result(const PGresult *res, size_t row, struct wait_result *out) MUST_CHECK;
void wait_result_free(struct wait_result *r);

/* How many RESULT bells have rung: taken before a request is added, told to wait_added() after. */
uint64_t wait_bells(struct store *s);
void wait_added(struct store *s, int64_t id, uint64_t bells_before);

/* request.c: writer_submit() of a request; and what a row of the result says (old: an equal request
 * was there already). */
void
request_submit(struct store *s, const struct store_request_new *r, writer_done_fn *done, void *ctx);
enum err request_read_added(const PGresult *res, size_t row, int64_t *id, bool *old) MUST_CHECK;
/* store_request_run() of a store with a writer. */
enum err wait_run(struct store *s, struct arena *a, const struct store_request_new *r,
	int64_t wait_ms, int64_t *id, struct store_result *out) MUST_CHECK;

#endif
