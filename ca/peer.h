/*
 * Who is on the other side of a mutual-TLS connection: the identity behind a client certificate, as
 * the gateway knows it. Certificate -> identity is looked up once and cached; blocked identities
 * and revoked serials are fed from the database (bell and one-second poll) into memory and asked on
 * every request (struct http_judge.recheck).
 */
#ifndef CHANCERY_CA_PEER_H
#define CHANCERY_CA_PEER_H

#include "lib/http/http.h"
#include "lib/pki/cert.h"
#include "lib/store/certificate.h"

struct ca_peers;

struct http_peer { /* completes lib/http's opaque type; immutable but for what recheck reads */
	struct bytes der;     /* the verified leaf */
	struct pki_cert cert; /* views into der */
	uint8_t serial[STORE_SERIAL_SIZE];
	int16_t issuer;
	int64_t identity;
	const char *identity_name;
	enum identity_kind kind;
	const char *profile; /* the profile the certificate was issued under */
};

/* Loads issuers, revocations and identity states; then follows the feeds. store is borrowed. */
enum err ca_peers_open(struct store *store, struct ca_peers **out) MUST_CHECK;
void ca_peers_close(struct ca_peers *p);
/* The judge for http_config; ctx is p. */
struct http_judge ca_peers_judge(struct ca_peers *p);
/* Reads the feeds now: whoever changed state through this process calls it before answering, so
 * that the change is in effect here when the caller hears of it. */
void ca_peers_refresh(struct ca_peers *p);
/* Grants of an identity for a profile, from a bounded cache that state changes invalidate; copied
 * into the arena. */
enum err ca_peers_grants(struct ca_peers *p, struct arena *a, int64_t identity, const char *profile,
	const char *const **out, size_t *count) MUST_CHECK;

AUTO_STRUCT_DEFINE(ca_peers, ca_peers_close)

#endif
