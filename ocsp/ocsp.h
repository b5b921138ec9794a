/*
 * The OCSP responder of a status program: a table of all live certificates fed from the database, a
 * delegated key in memory that the CA certifies, and the HTTP routes.
 */
#ifndef CHANCERY_OCSP_OCSP_H
#define CHANCERY_OCSP_OCSP_H

#include "lib/base/config.h"
#include "lib/base/told.h"
#include "lib/http/route.h"
#include "lib/store/store.h"

struct ocsp_service;

/* Loads the table (blocking: it is complete when this returns) and starts following the feeds.
 * store and config are borrowed. ERR_UNAVAILABLE while the database is away. */
enum err
ocsp_open(struct store *store, const struct config *config, struct ocsp_service **out) MUST_CHECK;
void ocsp_close(struct ocsp_service *o);
/* From the program's loop, every second or so: obtains and renews the responder certificate (may
 * block for a few seconds), sweeps expired entries, notices new issuers. */
void ocsp_tick(struct ocsp_service *o);

struct ocsp_state {
	size_t certificates;
	int64_t responder_not_after; /* the earliest of the active issuing CAs' responders; 0: one
					has none, it is answered tryLater */
	const char *responder_of; /* which issuing CA that is; lives as long as the service; NULL:
				     no issuing CA yet */
	const char *missing; /* the first issuer that is configured but not active in the database;
				lives as long as the configuration; NULL: none */
	int64_t fed_at;	     /* when the feeds were last read */
};
struct ocsp_state ocsp_state(struct ocsp_service *o);

/* watch is called, from the feed's thread, whenever revocations that were new have been applied. Once,
 * before anything is served. */
void ocsp_watch(struct ocsp_service *o, told_watcher *watch, void *ctx);
/* A database snapshot (pg_snapshot as text) all of whose revocations are answered here. */
const char *ocsp_snapshot(struct ocsp_service *o, struct arena *a);

/* GET /ocsp/{*}, POST /ocsp; http_request.app is a struct ca_public. Ends with pattern NULL. */
extern const struct http_route ocsp_routes[];

AUTO_STRUCT_DEFINE(ocsp_service, ocsp_close)

#endif
