/*
 * The other side of http-01: one thread answers the validator, one connection after the other, with the
 * key authorization of whichever account is being asked with this token (RFC 8555 section 8.3).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/bench/load.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char proof[LOAD_THREADS_MAX][256]; /* key authorizations: token, dot, thumbprint */
static int listener;

void
load_http01_prove(unsigned index, const char *token, const char *thumbprint)
{
	pthread_mutex_lock(&lock);
	snprintf(proof[index], sizeof(proof[index]), "%s.%s", token, thumbprint);
	pthread_mutex_unlock(&lock);
}

/* The proof that the path of this request asks for; empty: none of ours. */
static void
find_proof(const char *request, char out[256])
{
	const char *token = strstr(request, "/.well-known/acme-challenge/");
	size_t n;

	out[0] = '\0';
	if (token == NULL)
		return;
	token += strlen("/.well-known/acme-challenge/");
	n = strcspn(token, " \r\n");
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < LOAD_THREADS_MAX; i++)
		if (n > 0 && strncmp(proof[i], token, n) == 0 && proof[i][n] == '.')
			memcpy(out, proof[i], sizeof(proof[i]));
	pthread_mutex_unlock(&lock);
}

static void
answer_validator(int fd)
{
	char request[4096], text[256], reply[512];
	ssize_t n = read(fd, request, sizeof(request) - 1);
	int length;

	if (n <= 0)
		return;
	request[n] = '\0';
	find_proof(request, text);
	length = snprintf(reply, sizeof(reply),
		"HTTP/1.1 %s\r\nContent-Type: application/octet-stream\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
		text[0] != '\0' ? "200 OK" : "404 Not Found", strlen(text), text);
	if (write(fd, reply, (size_t)length) != length)
		fprintf(stderr, "the validator went away\n");
}

static void *
serve_proofs(void *arg)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			return arg;
		answer_validator(fd);
		close(fd);
	}
}

void
load_http01_listen(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int one = 1;
	pthread_t id;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(listener, 512) != 0 ||
		pthread_create(&id, NULL, serve_proofs, NULL) != 0)
		load_die("cannot listen on port %d", port);
	pthread_detach(id);
}
