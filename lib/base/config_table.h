/* Inside lib/base: what the files of the configuration share. */
#ifndef CHANCERY_BASE_CONFIG_TABLE_H
#define CHANCERY_BASE_CONFIG_TABLE_H

#include "lib/base/config.h"
#include "lib/base/yaml.h"

extern const struct yaml_form form_word;	/* a name of ours: profile, issuer, label */
extern const struct yaml_form form_label;	/* a word that is no EST operation */
extern const struct yaml_form form_path;	/* absolute */
extern const struct yaml_form form_secret_path; /* absolute, of a file */
extern const struct yaml_form form_address;	/* IPv4 or IPv6 */
extern const struct yaml_form form_dns_or_address;
extern const struct yaml_form form_database_host; /* directory or dns name or address */
extern const struct yaml_form form_https_url;
extern const struct yaml_form form_http_url;
extern const struct yaml_form form_network;  /* CIDR without host bits */
extern const struct yaml_form form_resolver; /* address and optional port */
extern const struct yaml_form form_sslmode;

/* Refuses what no single setting gets wrong, with a line. */
enum err config_relations_check(const struct config *c) MUST_CHECK;

#endif
