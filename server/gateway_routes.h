/* The routes of the enroll listener: EST, ACME and the admin API side by side. */
#ifndef CHANCERY_SERVER_GATEWAY_ROUTES_H
#define CHANCERY_SERVER_GATEWAY_ROUTES_H

#include "lib/http/http.h"

/* As http_routes_join() gives them. */
struct http_route *gateway_routes(void);
/* Writes a refusal in the protocol of the path. */
http_refusal_writer gateway_refuse;

#endif
