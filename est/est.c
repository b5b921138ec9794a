/* Routes and labels (RFC 7030 section 3.2.2). A label selects a profile; every operation works with and without one. */
#include <stdio.h>
#include <stdlib.h>

#include "est/internal.h"

enum { BODY_MAX = 32 * 1024 }; /* base64 with line ends of a PKI_CSR_MAX request */

static const char *const pkcs10[] = {"application/pkcs10", NULL};

const struct http_route est_routes[] = {
	{.pattern = EST_PREFIX "/cacerts", .methods = HTTP_GET, .handler = est_cacerts, .operation = "est.cacerts"},
	{.pattern = EST_PREFIX "/{}/cacerts", .methods = HTTP_GET, .handler = est_cacerts, .operation = "est.cacerts"},
	{.pattern = EST_PREFIX "/simpleenroll", .methods = HTTP_POST, .handler = est_simpleenroll, .body_max = BODY_MAX,
		.content_types = pkcs10, .operation = "est.simpleenroll"},
	{.pattern = EST_PREFIX "/{}/simpleenroll", .methods = HTTP_POST, .handler = est_simpleenroll, .body_max = BODY_MAX,
		.content_types = pkcs10, .operation = "est.simpleenroll"},
	{.pattern = EST_PREFIX "/simplereenroll", .methods = HTTP_POST, .handler = est_simplereenroll, .body_max = BODY_MAX,
		.content_types = pkcs10, .operation = "est.simplereenroll"},
	{.pattern = EST_PREFIX "/{}/simplereenroll", .methods = HTTP_POST, .handler = est_simplereenroll, .body_max = BODY_MAX,
		.content_types = pkcs10, .operation = "est.simplereenroll"},
	{.pattern = NULL},
};

enum err
est_label_profile(const struct http_request *req, const struct ca_profile *absent, const struct ca_profile **out)
{
	const struct est_service *s = est_service(req);
	const char *label = req->param[0];

	if (label == NULL) {
		*out = absent;
		return ERR_OK;
	}
	for (size_t i = 0; i < s->label_count; i++)
		if (strcmp(s->label[i].name, label) == 0) {
			*out = s->label[i].profile;
			return ERR_OK;
		}
	return err_set_word(ERR_NOTFOUND, "unknown-label", "there is no label \"%s\" (RFC 7030 section 3.2.2)", label);
}

static enum err
resolve_labels(const struct ca_gateway *g, struct est_service *s)
{
	const struct config_est *c = &g->config->est;
	enum err e = ca_profiles_get(g->profiles, c->default_profile, &s->default_profile);

	if (e != ERR_OK)
		return err_context(e, "est.default_profile");
	s->label = mem_zalloc(c->labels_count, sizeof(*s->label));
	s->label_count = c->labels_count;
	for (uint32_t i = 0; i < c->labels_count; i++) {
		s->label[i].name = c->labels[i].name;
		e = ca_profiles_get(g->profiles, c->labels[i].profile, &s->label[i].profile);
		if (e != ERR_OK)
			return err_context(e, "est label \"%s\"", c->labels[i].name);
	}
	return ERR_OK;
}

enum err
est_open(struct ca_gateway *gateway)
{
	const struct config_est *c = &gateway->config->est;
	struct est_service *s = mem_zalloc(1, sizeof(*s));
	enum err e;

	pthread_mutex_init(&s->cacerts_lock, NULL);
	s->wrap_user_agents = c->wrap_user_agents;
	s->wrap_user_agent_count = c->wrap_user_agents_count;
	s->wait_ms = c->wait * 1000;
	snprintf(s->retry_after, sizeof(s->retry_after), "%lld", (long long)c->retry_after);
	gateway->est = s;
	e = resolve_labels(gateway, s);
	if (e != ERR_OK)
		est_close(gateway);
	return e;
}

void
est_close(struct ca_gateway *gateway)
{
	struct est_service *s = gateway->est;

	if (s == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(s->cacerts); i++)
		if (s->cacerts[i] != NULL)
			http_prepared_unref(s->cacerts[i]);
	pthread_mutex_destroy(&s->cacerts_lock);
	free(s->label);
	free(s);
	gateway->est = NULL;
}
