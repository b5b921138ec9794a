/*
 * EST re-enrollments. Each needs a key of its own (the server answers a repeated key with the same
 * certificate), so the requests are made before the clock starts; their number is the bound of the
 * run.
 */
#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/hex.h"
#include "lib/pki/cert.h"
#include "lib/pki/csr.h"
#include "tests/bench/load.h"

enum { CSRS_PER_SECOND = 6000, CSRS_MAX = 60000 };

static struct load_csrs csrs;

struct maker {
	struct load_csrs *csrs;
	struct bytes subject;
	struct pki_sans sans;
	size_t from, to;
	struct arena *arena;
	pthread_t id;
};

static void *
make_some(void *arg)
{
	struct maker *m = arg;

	for (size_t i = m->from; i < m->to; i++) {
		AUTO(EVP_PKEY) key = NULL;
		AUTO_BUF(der, PKI_CSR_MAX);
		struct pki_signer signer;
		struct bytes spki;

		if (pki_key_generate_p256(&key) != ERR_OK ||
			pki_spki_from_pkey(key, m->arena, &spki) != ERR_OK)
			load_die("cannot make a key: %s", err_reason());
		pki_signer_software(key, PKI_KEY_P256, &signer);
		if (pki_csr_build(m->subject, &m->sans, spki, &signer, &der) != ERR_OK)
			load_die("cannot make a CSR: %s", err_reason());
		m->csrs->der[i] = arena_bytes(m->arena, buf_bytes(&der));
	}
	return NULL;
}

static void
parse_names(const char *text, struct arena *a, struct pki_sans *out)
{
	out->item = arena_array(a, PKI_SANS_MAX, sizeof(*out->item));
	for (out->count = 0; *text != '\0' && out->count < PKI_SANS_MAX; out->count++) {
		size_t n = strcspn(text, ",");

		if (pki_san_from_text(bytes_of(text, n), a, &out->item[out->count]) != ERR_OK)
			load_die("--names: %s", err_reason());
		text += n + (text[n] == ',');
	}
}

void
load_csrs_make(struct load *l, struct load_csrs *out, size_t count, struct bytes subject)
{
	struct maker maker[2];

	out->arena = arena_new((size_t)2 << 30);
	out->der = mem_zalloc(count, sizeof(*out->der));
	out->count = count;
	for (size_t i = 0; i < 2; i++) {
		maker[i] = (struct maker){.csrs = out,
			.subject = subject,
			.from = i * count / 2,
			.to = (i + 1) * count / 2,
			.arena = arena_new((size_t)1 << 30)};
		parse_names(l->names, maker[i].arena, &maker[i].sans);
		pthread_create(&maker[i].id, NULL, make_some, &maker[i]);
	}
	for (size_t i = 0; i < 2; i++)
		pthread_join(maker[i].id, NULL);
}

/* The client certificate's own subject: a re-enrollment must repeat it (RFC 7030 section 4.2.2). */
static struct bytes
own_subject(struct load *l)
{
	static uint8_t der[4096];
	uint8_t *p = der;
	int n = i2d_X509_NAME(X509_get_subject_name(SSL_CTX_get0_certificate(l->tls)), &p);

	return bytes_of(der, (size_t)n);
}

void
load_est_prepare(struct load *l)
{
	size_t count = (size_t)(l->seconds * CSRS_PER_SECOND);

	count = count < CSRS_MAX ? count : CSRS_MAX;
	count = count < l->count_max ? count : l->count_max;
	l->count_max = count;
	l->path = strcmp(l->path, "/") == 0 ? "/.well-known/est/simplereenroll" : l->path;
	load_csrs_make(l, &csrs, count, own_subject(l));
}

static struct bytes
next_request(struct load *l, char *room, size_t size, struct arena *a, const char *connection)
{
	unsigned long i = atomic_fetch_add(&csrs.next, 1);
	const char *body = base64_string(a, csrs.der[i % csrs.count]);
	int n = snprintf(room, size,
		"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/pkcs10\r\nConnection: %s\r\nContent-Length: %zu\r\n\r\n%s",
		l->path, l->host, connection, strlen(body), body);

	return bytes_of(room, (size_t)n);
}

static void
enroll(struct load *l, struct load_conn *c, const char *connection, double began)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct load_response r;
	char room[8192];

	if (!load_exchange(c, next_request(l, room, sizeof(room), a, connection), &r))
		load_fail(l, "connection lost");
	else if (r.status != 200)
		load_fail(l, "status %u: %.*s", r.status, (int)r.body.n, r.body.p);
	else
		load_ok(l, began);
}

void
load_est_worker(struct load *l, unsigned index)
{
	struct load_conn *c = mem_zalloc(1, sizeof(*c));

	(void)index;
	if (!load_connect(l, c))
		load_die("cannot connect to port %d with this certificate", l->port);
	while (load_more(l))
		enroll(l, c, "keep-alive", load_now());
	load_disconnect(c);
	free(c);
}

void
load_est_new_worker(struct load *l, unsigned index)
{
	struct load_conn *c = mem_zalloc(1, sizeof(*c));

	(void)index;
	while (load_more(l)) {
		double began = load_now();

		if (load_connect(l, c))
			enroll(l, c, "close", began);
		else
			load_fail(l, "cannot connect");
		load_disconnect(c);
	}
	free(c);
}
