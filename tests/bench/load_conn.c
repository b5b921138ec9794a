/* Blocking mutual-TLS connections that speak just enough HTTP/1.1. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/load.h"

bool
load_connect(struct load *l, struct load_conn *c)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)l->port)};
	char name[256];
	int one = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->have = 0;
	c->ssl = NULL;
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		return false;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->ssl = SSL_new(l->tls);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(l->host, ":"), l->host);
	SSL_set_tlsext_host_name(c->ssl, name);
	SSL_set1_host(c->ssl, name);
	SSL_set_fd(c->ssl, c->fd);
	return SSL_connect(c->ssl) == 1;
}

void
load_disconnect(struct load_conn *c)
{
	if (c->ssl != NULL) {
		SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
	}
	if (c->fd >= 0)
		close(c->fd);
	c->ssl = NULL;
	c->fd = -1;
}

bool
load_header(const struct load_response *r, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);

	for (const char *line = strstr(r->head, "\r\n"); line != NULL;
		line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
			const char *value = line + n + 1 + strspn(line + n + 1, " ");

			snprintf(out, size, "%.*s", (int)strcspn(value, "\r"), value);
			return true;
		}
	}
	return false;
}

bool
load_send(struct load_conn *c, struct bytes request)
{
	return SSL_write(c->ssl, request.p, (int)request.n) == (int)request.n;
}

bool
load_exchange(struct load_conn *c, struct bytes request, struct load_response *out)
{
	return load_send(c, request) && load_receive(c, out);
}

bool
load_receive(struct load_conn *c, struct load_response *out)
{
	char *end = NULL, length[32];
	size_t head, body;
	int n;

	for (c->have = 0; end == NULL;) {
		n = SSL_read(c->ssl, c->in + c->have, (int)(sizeof(c->in) - c->have - 1));
		if (n <= 0)
			return false;
		c->have += (size_t)n;
		c->in[c->have] = '\0';
		end = strstr((char *)c->in, "\r\n\r\n");
	}
	end[2] = '\0';
	head = (size_t)(end + 4 - (char *)c->in);
	out->head = (char *)c->in;
	out->status = (unsigned)atoi((char *)c->in + 9);
	body = load_header(out, "Content-Length", length, sizeof(length))
		? strtoul(length, NULL, 10)
		: 0;
	if (head + body >= sizeof(c->in))
		return false;
	while (c->have < head + body) {
		n = SSL_read(c->ssl, c->in + c->have, (int)(head + body - c->have));
		if (n <= 0)
			return false;
		c->have += (size_t)n;
	}
	c->in[head + body] = '\0';
	out->body = bytes_of(c->in + head, body);
	return true;
}

/* A new connection, one GET, done: what a bare mutual-TLS handshake costs the server. */
void
load_handshake_worker(struct load *l, unsigned index)
{
	struct load_conn *c = mem_zalloc(1, sizeof(*c));
	struct load_response r;
	char request[512];
	double began;

	(void)index;
	snprintf(request, sizeof(request),
		"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", l->path, l->host);
	load_begin(l);
	while (load_more(l, &began)) {
		if (load_connect(l, c) && load_exchange(c, bytes_str(request), &r) &&
			r.status < 500)
			load_ok(l, began);
		else
			load_fail(l, "handshake or GET %s", l->path);
		load_disconnect(c);
	}
	free(c);
}
