/* Inside lib/base: what the loader of the configuration shares between its files. */
#ifndef CHANCERY_BASE_CONFIG_RULES_H
#define CHANCERY_BASE_CONFIG_RULES_H

#include "lib/base/config.h"

/* A form a text must have, and how a reason names it: "must be <wanted>". */
struct text_form {
	bool (*matches)(const char *text);
	const char *wanted;
};

extern const struct text_form form_word; /* a name of ours: profile, issuer, label */
extern const struct text_form form_path; /* absolute */
extern const struct text_form
	form_secret_path;		    /* absolute; the value is never repeated in a reason */
extern const struct text_form form_address; /* IPv4 or IPv6 */
extern const struct text_form form_dns_or_address;
extern const struct text_form form_database_host; /* directory or dns name or address */
extern const struct text_form form_https_url;
extern const struct text_form form_http_url;
extern const struct text_form form_network;  /* CIDR without host bits */
extern const struct text_form form_resolver; /* address and optional port */
extern const struct text_form form_sslmode;

/* Fills in what the file leaves out, then refuses impossible values with their line. */
enum err config_values_apply(struct config *c) MUST_CHECK;

#endif
