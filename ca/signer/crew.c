/* See crew.h. A batch is a counter that every thread takes its next item from. */
#include "ca/signer/crew.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/bytes.h"

struct hand {
	struct crew *crew;
	struct arena *arena;
	pthread_t thread;
};

struct crew {
	pthread_mutex_t lock; /* all below */
	pthread_cond_t begun, ended;
	unsigned size, started; /* hand[0] is the caller's */
	unsigned wanted;	/* hands that have yet to take part in this batch */
	unsigned working;	/* and those that do, the caller's aside */
	bool stopping;
	size_t next, count;
	crew_work *work;
	void *ctx;
	enum err failed;
	enum err_word word;
	char *reason;
	struct hand hand[];
};

struct crew *
crew_new(unsigned size)
{
	struct crew *c = mem_zalloc(1, sizeof(*c) + size * sizeof(c->hand[0]));

	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->begun, NULL);
	pthread_cond_init(&c->ended, NULL);
	c->size = size;
	c->started = 1;
	for (unsigned i = 0; i < size; i++)
		c->hand[i] = (struct hand){.crew = c, .arena = arena_new(0)};
	return c;
}

/* With the lock held. */
static void
note_failure(struct crew *c, enum err e)
{
	c->next = c->count;
	if (c->failed != ERR_OK)
		return;
	c->failed = e;
	c->word = err_word();
	c->reason = mem_strdup(err_reason());
}

/* With the lock held at both ends, not in between. */
static void
work_along(struct crew *c, struct arena *a)
{
	while (c->next < c->count) {
		size_t i = c->next++;
		enum err e;

		pthread_mutex_unlock(&c->lock);
		e = c->work(c->ctx, i, a);
		pthread_mutex_lock(&c->lock);
		if (e != ERR_OK)
			note_failure(c, e);
	}
}

static void *
lend_hand(void *ctx)
{
	struct hand *h = ctx;
	struct crew *c = h->crew;

	pthread_mutex_lock(&c->lock);
	while (!c->stopping) {
		if (c->wanted == 0) {
			pthread_cond_wait(&c->begun, &c->lock);
			continue;
		}
		c->wanted--;
		c->working++;
		work_along(c, h->arena);
		if (--c->working == 0)
			pthread_cond_signal(&c->ended);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* With the lock held. Without a thread that does not start the work is done all the same. */
static void
start_hands(struct crew *c, unsigned hands)
{
	while (c->started < hands) {
		struct hand *h = &c->hand[c->started];

		if (pthread_create(&h->thread, NULL, lend_hand, h) != 0)
			return;
		c->started++;
	}
}

static enum err
take_failure(struct crew *c)
{
	enum err e = c->failed;

	if (e == ERR_OK)
		return ERR_OK;
	e = err_set_word(e, c->word, "%s", c->reason);
	free(c->reason);
	c->reason = NULL;
	c->failed = ERR_OK;
	return e;
}

enum err
crew_run(struct crew *c, unsigned hands, size_t count, crew_work *work, void *ctx)
{
	enum err e;

	for (unsigned i = 0; i < c->size; i++)
		arena_reset(c->hand[i].arena);
	hands = hands < c->size ? hands : c->size;
	hands = hands < count ? hands : (unsigned)count;
	pthread_mutex_lock(&c->lock);
	start_hands(c, hands);
	c->next = 0;
	c->count = count;
	c->work = work;
	c->ctx = ctx;
	c->wanted = hands > 1 ? hands - 1 : 0;
	if (c->wanted > 0)
		pthread_cond_broadcast(&c->begun);
	work_along(c, c->hand[0].arena);
	c->wanted = 0;
	while (c->working > 0)
		pthread_cond_wait(&c->ended, &c->lock);
	e = take_failure(c);
	pthread_mutex_unlock(&c->lock);
	return e;
}

void
crew_free(struct crew *c)
{
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->stopping = true;
	pthread_cond_broadcast(&c->begun);
	pthread_mutex_unlock(&c->lock);
	for (unsigned i = 1; i < c->started; i++)
		pthread_join(c->hand[i].thread, NULL);
	for (unsigned i = 0; i < c->size; i++)
		arena_free(c->hand[i].arena);
	pthread_cond_destroy(&c->begun);
	pthread_cond_destroy(&c->ended);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
