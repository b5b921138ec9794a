/*
 * The authenticator of mutual-TLS listeners: which identity is behind a client certificate, as the
 * gateway knows it. Certificate -> identity is looked up once and cached; blocked identities and
 * revoked serials are fed from the database (bell and one-second poll) into memory and asked about
 * on every request.
 */
#ifndef CHANCERY_CA_AUTHENTICATOR_H
#define CHANCERY_CA_AUTHENTICATOR_H

#include "ca/requester.h"
#include "lib/base/told.h"

struct ca_authenticator;

/* Who may come in at all, judged in the handshake. */
enum ca_clients { CA_CLIENTS_ALL, CA_CLIENTS_OPERATORS };

/* Loads revocations and identity states; then follows the feeds. store is borrowed. */
enum err ca_authenticator_open(
	struct store *store, enum ca_clients welcome, struct ca_authenticator **out) MUST_CHECK;
void ca_authenticator_close(struct ca_authenticator *p);
/* For http_config; what it makes of a client is a struct ca_requester. */
struct http_authenticator ca_authenticator_http(struct ca_authenticator *p);
/* Reads the feeds now: whoever changed state through this process calls it before answering, so
 * that the change is in effect here when the caller hears of it. */
void ca_authenticator_refresh(struct ca_authenticator *p);
/* The database's snapshot all of whose revocations and identity states hold here; in the arena. watch is
 * called on the follower's thread when there is news and the snapshot has moved. */
const char *ca_authenticator_snapshot(struct ca_authenticator *p, struct arena *a);
void ca_authenticator_watch(struct ca_authenticator *p, told_watcher *watch, void *ctx);
/* Writes the audit events of refused clients that are due; by the front's main thread, every second or
 * so. What is left is written when it closes. */
enum err ca_authenticator_record(struct ca_authenticator *p) MUST_CHECK;
/* Grants of an identity for a profile, from a bounded cache that state changes invalidate; copied
 * into the arena. */
enum err ca_authenticator_grants(struct ca_authenticator *p, struct arena *a, int64_t identity,
	const char *profile, const char *const **out, size_t *count) MUST_CHECK;

AUTO_STRUCT_DEFINE(ca_authenticator, ca_authenticator_close)

#endif
