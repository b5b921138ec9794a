/* Feeds, read to their ends: how many rows came. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/store/acme_account.h"
#include "lib/store/certificate.h"
#include "lib/store/identity.h"
#include "lib/store/revocation.h"
#include "tests/db/store_tool.h"

static void
count_issued(void *ctx, const struct store_issued *c)
{
	(void)c;
	++*(unsigned *)ctx;
}

static void
count_revoked(void *ctx, const struct store_revoked *r)
{
	(void)r;
	++*(unsigned *)ctx;
}

static void
count_change(void *ctx, int64_t id, enum identity_state state)
{
	(void)id;
	(void)state;
	++*(unsigned *)ctx;
}

static void
count_account(void *ctx, const char *id)
{
	(void)id;
	++*(unsigned *)ctx;
}

/* KIND (account, issued, revoked, identity), CURSOR. */
enum err
tool_feed(const struct tool *t)
{
	AUTO_STRUCT(store) s = NULL;
	uint64_t cursor = strtoull(t->argv[1], NULL, 10);
	unsigned count = 0;

	TRY(store_open(&t->config, &s));
	if (strcmp(t->argv[0], "issued") == 0)
		TRY(store_issued_changes(s, &cursor, count_issued, &count));
	else if (strcmp(t->argv[0], "account") == 0)
		TRY(store_account_changes(s, &cursor, count_account, &count));
	else if (strcmp(t->argv[0], "revoked") == 0)
		TRY(store_revocation_changes(s, &cursor, count_revoked, &count));
	else
		TRY(store_identity_changes(s, &cursor, count_change, &count));
	printf("%u\n", count);
	return ERR_OK;
}
