/*
 * The admin API under /admin/v1: what ca-admin speaks, served by chancery-admin to identities of
 * kind operator. JSON both ways; admin/operations.c has the operations.
 */
#ifndef CHANCERY_ADMIN_API_API_H
#define CHANCERY_ADMIN_API_API_H

#include "lib/http/route.h"

struct ca_front;
/* Sets g->admin, what the handlers keep between requests; and frees it when none runs any more. */
void admin_open(struct ca_front *g);
void admin_close(struct ca_front *g);

/* One for every operation, as http_routes_join() gives them. Handlers expect http_request.app to be
 * a struct ca_front. */
struct http_route *admin_routes(void);
/* Refusals made by lib/http for paths under /admin/: the same problem object handlers answer with.
 */
void admin_refuse(struct http_request *req, struct http_response *resp, unsigned status,
	const char *word, const char *reason);

#endif
