/*
 * Orders this process made or finished moments ago, so that finalize and certificate of the usual
 * client cost no reads. What may have changed elsewhere is never believed: finalize is decided by
 * the database's own condition on the row.
 */
#include <stdlib.h>

#include "acme/order.h"
#include "lib/base/clock.h"

struct cached_order {
	struct cache_item item;
	struct store_order order; /* points into data */
	uint8_t data[];
};

/* Measures with room NULL, copies with it. */
struct packer {
	uint8_t *room;
	size_t used;
};

static void *
pack_octets(struct packer *p, const void *data, size_t n)
{
	void *at = p->room != NULL ? p->room + p->used : NULL;

	if (at != NULL && n > 0)
		memcpy(at, data, n);
	p->used += (n + 7) & ~(size_t)7;
	return at;
}

static const char *
pack_text(struct packer *p, const char *s)
{
	return s != NULL ? pack_octets(p, s, strlen(s) + 1) : NULL;
}

static const char **
pack_texts(struct packer *p, const char **texts, size_t count)
{
	const char **copy = pack_octets(p, texts, count * sizeof(*texts));

	for (size_t i = 0; i < count; i++) {
		const char *s = pack_text(p, texts[i]);

		if (copy != NULL)
			copy[i] = s;
	}
	return copy;
}

static void
pack_order(struct packer *p, const struct store_order *o, struct store_order *out)
{
	*out = *o;
	out->id = pack_text(p, o->id);
	out->account = pack_text(p, o->account);
	out->profile = pack_text(p, o->profile);
	out->identifiers = pack_texts(p, o->identifiers, o->identifier_count);
	out->authorizations = pack_texts(p, o->authorizations, o->authorization_count);
	out->proofs = pack_texts(p, o->proofs, o->authorization_count);
	out->result.der =
		bytes_of(pack_octets(p, o->result.der.p, o->result.der.n), o->result.der.n);
	out->result.refusal = pack_text(p, o->result.refusal);
	out->error_json = pack_text(p, o->error_json);
}

void
order_remember(struct acme *acme, const struct store_order *order)
{
	struct packer measure = {NULL, 0};
	struct store_order ignored;
	struct cached_order *cached;

	pack_order(&measure, order, &ignored);
	cached = mem_zalloc(1, sizeof(*cached) + measure.used);
	pack_order(&(struct packer){cached->data, 0}, order, &cached->order);
	cache_put(
		acme->orders, bytes_str(order->id), &cached->item, cache_generation(acme->orders));
	cache_release(&cached->item);
}

void
order_free(struct cache_item *item)
{
	free(item);
}

enum err
order_get_cached(struct call *c, const char *id, struct store_order *out)
{
	struct cached_order *cached =
		(struct cached_order *)cache_get(c->acme->orders, bytes_str(id));
	struct packer measure = {NULL, 0}, copy;
	struct store_order ignored;
	bool usable;

	if (cached == NULL)
		return order_get(c, id, out);
	usable = strcmp(cached->order.account, c->account->id) == 0 &&
		(cached->order.request != 0 || cached->order.expires > clock_now());
	if (usable) {
		pack_order(&measure, &cached->order, &ignored);
		copy = (struct packer){arena_alloc(c->arena, measure.used), 0};
		pack_order(&copy, &cached->order, out);
	}
	cache_release(&cached->item);
	return usable ? ERR_OK : order_get(c, id, out);
}
