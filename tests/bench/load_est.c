/*
 * EST re-enrollments. Each needs a key of its own (the server answers a repeated key with the same
 * certificate), so the requests are made before the clock starts; their number is the bound of the
 * run.
 */
#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/hex.h"
#include "lib/pki/cert.h"
#include "lib/pki/csr.h"
#include "tests/bench/load.h"

enum { CSRS_PER_SECOND = 6000, CSRS_MAX = 60000, EVENTS_MAX = 64 };

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
	size_t count = load_operations(l, CSRS_PER_SECOND);

	count = count < CSRS_MAX ? count : CSRS_MAX;
	count = count < l->count_max ? count : l->count_max;
	l->count_max = count;
	l->path = strcmp(l->path, "/") == 0 ? "/.well-known/est/simplereenroll" : l->path;
	load_csrs_make(l, &csrs, count, own_subject(l));
}

unsigned long
load_est_next(void)
{
	return atomic_fetch_add(&csrs.next, 1);
}

bool
load_est_send(struct load *l, struct load_conn *c, unsigned long number, const char *connection)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	char room[8192];
	const char *body = base64_string(a, csrs.der[number % csrs.count]);
	int n = snprintf(room, sizeof(room),
		"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/pkcs10\r\nConnection: %s\r\nContent-Length: %zu\r\n\r\n%s",
		l->path, l->host, connection, strlen(body), body);

	return load_send(c, bytes_of(room, (size_t)n));
}

static void
take_answer(struct load *l, struct load_conn *c, double began)
{
	struct load_response r;

	if (!load_receive(c, &r))
		load_fail(l, "connection lost");
	else if (r.status != 200)
		load_fail(l, "status %u: %.*s", r.status, (int)r.body.n, r.body.p);
	else
		load_ok(l, began);
}

struct kept {
	struct load_conn conn;
	double began;
};

/* False: no more requests are to be sent. */
static bool
next(struct load *l, struct kept *k)
{
	if (!load_more(l, &k->began))
		return false;
	if (!load_est_send(l, &k->conn, load_est_next(), "keep-alive"))
		load_die("the server closed a kept connection");
	return true;
}

/* An answer arrives in one piece, so that reading it does not hold up the others. */
void
load_est_worker(struct load *l, unsigned index)
{
	struct kept *kept = mem_zalloc(l->connections, sizeof(*kept));
	struct epoll_event events[EVENTS_MAX];
	unsigned open = 0;
	int ep = epoll_create1(0);

	(void)index;
	for (unsigned i = 0; i < l->connections; i++) {
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &kept[i]};

		if (!load_connect(l, &kept[i].conn))
			load_die("cannot connect to port %d with this certificate", l->port);
		epoll_ctl(ep, EPOLL_CTL_ADD, kept[i].conn.fd, &ev);
	}
	load_begin(l);
	for (unsigned i = 0; i < l->connections; i++)
		open += next(l, &kept[i]) ? 1 : 0;
	while (open > 0) {
		int n = epoll_wait(ep, events, EVENTS_MAX, 30000);

		if (n <= 0)
			load_die("no answer within 30 s");
		for (int i = 0; i < n; i++) {
			struct kept *k = events[i].data.ptr;

			take_answer(l, &k->conn, k->began);
			if (!next(l, k))
				open--;
		}
	}
	for (unsigned i = 0; i < l->connections; i++)
		load_disconnect(&kept[i].conn);
	close(ep);
	free(kept);
}

void
load_est_new_worker(struct load *l, unsigned index)
{
	struct load_conn *c = mem_zalloc(1, sizeof(*c));
	double began;

	(void)index;
	load_begin(l);
	while (load_more(l, &began)) {
		if (load_connect(l, c) && load_est_send(l, c, load_est_next(), "close"))
			take_answer(l, c, began);
		else
			load_fail(l, "cannot connect");
		load_disconnect(c);
	}
	free(c);
}
