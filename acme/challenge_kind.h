/* Kinds of challenges (RFC 8555 section 8) and what each can prove. */
#ifndef CHANCERY_ACME_CHALLENGE_KIND_H
#define CHANCERY_ACME_CHALLENGE_KIND_H

#include "lib/pki/names.h"
#include "schema/words.h"

/* 1 << enum acme_challenge_type of each kind that can prove the name; 0: it needs a grant. */
unsigned challenge_kinds_for(const struct pki_san *san);

/* "http-01, ...": the kinds there are, in the arena. */
const char *challenge_kind_list(struct arena *a);

#endif
