/* A profile's definition as JSON text for display (the profile table, `ca-admin status`). Private
 * to ca/. */
#ifndef CHANCERY_CA_PROFILE_JSON_H
#define CHANCERY_CA_PROFILE_JSON_H

#include "ca/profile.h"

/* With every default filled in; in the arena. */
const char *ca_profile_json(struct arena *a, const struct ca_profile *p);

#endif
