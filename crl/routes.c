/* GET of the published objects: a look under the lock and a reference, on the network thread. */
#include "ca/public.h"
#include "crl/internal.h"

static void
not_found(struct http_request *req, struct http_response *resp, const char *what)
{
	resp->status = 404;
	resp->content_type = "text/plain";
	resp->body = bytes_str(arena_printf(req->arena, "not-found: %s\n", what));
}

/* The files of one folder: a suffix after the issuer's name, and bundle.pem. */
struct folder {
	struct {
		const char *suffix;
		enum object object;
	} file[2];
	enum bundle bundle;
};

static const struct folder crl_folder = {
	{{".crl", OBJECT_CRL}, {".pem", OBJECT_CRL_PEM}}, BUNDLE_CRL};
static const struct folder ca_folder = {
	{{".cer", OBJECT_CERT}, {".pem", OBJECT_CERT_PEM}}, BUNDLE_CA};

/* The place of the object with this file name; NULL: there is no such name. The caller holds the
 * lock. */
static struct http_prepared *const *
find_object(const struct crl_service *c, const struct folder *folder, const char *file)
{
	if (strcmp(file, "bundle.pem") == 0)
		return &c->bundle[folder->bundle];
	for (size_t i = 0; i < c->count; i++) {
		size_t n = strlen(c->issuer[i]->name);

		if (strncmp(c->issuer[i]->name, file, n) != 0)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(folder->file); k++)
			if (strcmp(file + n, folder->file[k].suffix) == 0)
				return &c->issuer[i]->object[folder->file[k].object];
	}
	return NULL;
}

/* The route's argument is the folder. */
static void
handle_object(struct http_request *req, struct http_response *resp)
{
	struct crl_service *c = ((struct ca_public *)req->app)->crl;
	struct http_prepared *const *object;

	pthread_rwlock_rdlock(&c->lock);
	object = find_object(c, req->route->arg, req->param[0]);
	if (object != NULL && *object != NULL)
		resp->prepared = http_prepared_ref(*object);
	pthread_rwlock_unlock(&c->lock);
	if (resp->prepared == NULL)
		not_found(req, resp,
			object == NULL
				? "no issuer has this name; GET / lists what is here"
				: "it has not been published yet; is chancery-signer running?");
}

const struct http_route crl_routes[] = {
	{.pattern = "/crl/{}",
		.methods = HTTP_GET,
		.handler = handle_object,
		.run = HTTP_RUN_INLINE,
		.operation = "crl.get",
		.arg = &crl_folder},
	{.pattern = "/ca/{}",
		.methods = HTTP_GET,
		.handler = handle_object,
		.run = HTTP_RUN_INLINE,
		.operation = "ca.get",
		.arg = &ca_folder},
	{.pattern = NULL},
};
