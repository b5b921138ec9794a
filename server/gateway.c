/*
 * chancery-gateway: ACME and EST behind mutual TLS, their route tables end to end, and refusals
 * written the way the path's clients read them. This is the only place that knows both.
 */
#include "acme/acme.h"
#include "est/est.h"
#include "server/front.h"

/* For a person with curl who has just got through: where to go on. */
static void
handle_index(struct http_request *req, struct http_response *resp)
{
	(void)req;
	resp->status = 200;
	resp->content_type = "text/plain";
	resp->body = bytes_str("Chancery " CHANCERY_VERSION "\n\n"
			       "/acme/directory               ACME (RFC 8555)\n" EST_PREFIX
			       "/cacerts      EST (RFC 7030)\n");
	http_response_header(resp, "Cache-Control", "no-store");
}

static const struct http_route index_route[] = {
	{.pattern = "/",
		.methods = HTTP_GET,
		.handler = handle_index,
		.run = HTTP_RUN_INLINE,
		.operation = "gateway.index"},
	{.pattern = NULL},
};

static const struct surface {
	const char *prefix;
	http_refusal_writer *refuse;
} surfaces[] = {
	{"/acme/", acme_refuse},
	{EST_PREFIX "/", est_refuse},
};

static struct http_route *
join_routes(void)
{
	const struct http_route *const tables[] = {index_route, acme_routes, est_routes};

	return http_routes_join(tables, ARRAY_LEN(tables));
}

static void
refuse_plainly(struct http_request *req, struct http_response *resp, unsigned status,
	const char *word, const char *reason)
{
	resp->status = status;
	resp->content_type = "text/plain; charset=utf-8";
	resp->body = bytes_str(arena_printf(req->arena, "%s: %s%s (request %s)\n", word, reason,
		status == 404 ? "; GET / tells what is here" : "", req->id));
}

static void
refuse_request(struct http_request *req, struct http_response *resp, unsigned status,
	const char *word, const char *reason)
{
	for (size_t i = 0; i < ARRAY_LEN(surfaces); i++)
		if (req->path != NULL &&
			strncmp(req->path, surfaces[i].prefix, strlen(surfaces[i].prefix)) == 0) {
			surfaces[i].refuse(req, resp, status, word, reason);
			return;
		}
	refuse_plainly(req, resp, status, word, reason);
}

static const struct config_listener *
find_settings(const struct config *c)
{
	return &c->enroll;
}

static enum err
check_profiles(const struct config *c, const struct ca_profiles *profiles)
{
	const struct ca_profile *found;
	enum err e = ca_profiles_get(profiles, c->acme.default_profile, &found);

	if (e != ERR_OK)
		return err_context(e, "acme.default_profile");
	return est_check_profiles(c, profiles);
}

static enum err
open_protocols(struct ca_front *f)
{
	if (f->est == NULL)
		est_open(f);
	return f->acme == NULL ? acme_open(f) : ERR_OK;
}

static void
close_protocols(struct ca_front *f)
{
	est_close(f);
	acme_close(f);
}

int
main(int argc, char **argv)
{
	static const struct front_program gateway = {
		.service = {"chancery-gateway", "serves ACME and EST over mutual TLS", NULL, 0},
		.store = {"gateway", 4, DB_WITH_WRITER},
		.listener = "enroll",
		.settings = find_settings,
		.welcome = CA_CLIENTS_ALL,
		.own = "the gateway's own certificate",
		.check_profiles = check_profiles,
		.open = open_protocols,
		.close = close_protocols,
		.routes = join_routes,
		.refuse = refuse_request,
	};

	return front_run(&gateway, argc, argv);
}
