/* Routes and labels (RFC 7030 section 3.2.2). A label selects a profile; every operation works with
 * and without one. */
#include <stdio.h>
#include <stdlib.h>

#include "est/internal.h"

enum { BODY_MAX = 32 * 1024 }; /* base64 with line ends of a PKI_CSR_MAX request */

static const char *const pkcs10[] = {"application/pkcs10", NULL};

#define CACERTS(path)                                                                              \
	{                                                                                          \
		.pattern = EST_PREFIX path "cacerts", .methods = HTTP_GET, .handler = est_cacerts, \
		.operation = "est.cacerts"                                                         \
	}
#define WITH_CSR(path, name)                                                                       \
	{                                                                                          \
		.pattern = EST_PREFIX path #name, .methods = HTTP_POST, .handler = est_handle_csr, \
		.body_max = BODY_MAX, .content_types = pkcs10, .operation = "est." #name,          \
		.arg = &est_##name                                                                 \
	}

const struct http_route est_routes[] = {
	CACERTS("/"),
	CACERTS("/{}/"),
	WITH_CSR("/", simpleenroll),
	WITH_CSR("/{}/", simpleenroll),
	WITH_CSR("/", simplereenroll),
	WITH_CSR("/{}/", simplereenroll),
	{.pattern = NULL},
};

enum err
est_label_profile(const struct http_request *req, const char *absent, const struct ca_profile **out)
{
	const struct config_est *c = est_service(req)->config;
	const char *label = req->param[0], *profile = label == NULL ? absent : NULL;

	for (uint32_t i = 0; label != NULL && i < c->labels_count; i++)
		if (strcmp(c->labels[i].name, label) == 0)
			profile = c->labels[i].profile;
	if (profile == NULL)
		return err_set_word(ERR_NOTFOUND, WORD_UNKNOWN_LABEL,
			"there is no label \"%s\"; est.labels of the configuration must list it "
			"(RFC 7030 section 3.2.2)",
			label);
	return ca_profiles_get(ca_front_profiles(est_front(req), req->arena), profile, out);
}

enum err
est_check_profiles(const struct config *config, const struct ca_profiles *profiles)
{
	const struct config_est *c = &config->est;
	const struct ca_profile *profile;
	enum err e = ca_profiles_get(profiles, c->default_profile, &profile);

	if (e != ERR_OK)
		return err_context(e, "est.default_profile");
	for (uint32_t i = 0; i < c->labels_count; i++) {
		e = ca_profiles_get(profiles, c->labels[i].profile, &profile);
		if (e != ERR_OK)
			return err_context(e, "est label \"%s\"", c->labels[i].name);
	}
	return ERR_OK;
}

void
est_open(struct ca_front *front)
{
	const struct config_est *c = &front->config->est;
	struct est_service *s = mem_zalloc(1, sizeof(*s));

	pthread_mutex_init(&s->cacerts_lock, NULL);
	s->config = c;
	s->wait_ms = c->wait * 1000;
	snprintf(s->retry_after, sizeof(s->retry_after), "%lld", (long long)c->retry_after);
	front->est = s;
}

void
est_close(struct ca_front *front)
{
	struct est_service *s = front->est;

	if (s == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(s->cacerts); i++)
		if (s->cacerts[i] != NULL)
			http_prepared_unref(s->cacerts[i]);
	pthread_mutex_destroy(&s->cacerts_lock);
	free(s);
	front->est = NULL;
}
