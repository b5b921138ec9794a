/*
 * Ceremony plans: one table for all commands (plan_table.c); each command says which sections it
 * needs and refuses the others, so that nothing in a plan is ever silently unused. deploy/ceremony
 * holds commented samples. Paths are relative to the plan.
 */
#ifndef CHANCERY_CA_CEREMONY_PLAN_H
#define CHANCERY_CA_CEREMONY_PLAN_H

#include "ca/hsm/hsm.h"
#include "lib/base/yaml.h"
#include "lib/pki/cert.h"
#include "lib/pki/crl.h"

enum { PLAN_TEXT_MAX = 32 * 1024 };

struct plan_token {
	const char *module, *module_config, *label, *pin_file, *so_pin_file;
};

struct plan_key {
	const char *label;
	enum pki_key_type type; /* only where the plan has it; see plan_key_type() */
	uint32_t rsa_bits;
};

struct plan_subject {
	const char *common_name, *organization, *organizational_unit, *country;
};

struct plan_root {
	struct plan_subject subject;
	uint32_t days;
	const char *certificate;
};

struct plan_revoked {
	const char *serial, *date, *reason;
};

struct plan_crl {
	const char *file, *previous;
	uint32_t days;
	struct plan_revoked *revoked;
	uint32_t revoked_count;
};

struct plan_request {
	struct plan_subject subject;
	const char *file;
};

struct plan_constraints {
	const char *const *permitted, *const *excluded;
	uint32_t permitted_count, excluded_count;
};

struct plan_sign {
	const char *csr, *csr_key_sha256, *certificate, *crl_url, *ca_issuers_url;
	struct plan_subject subject;
	uint32_t days;
	struct plan_constraints name_constraints;
};

/* What the file says; sections that a command does not need are zero. */
struct plan_file {
	const char *ceremony, *issuer_certificate, *evidence;
	const char *const *operators;
	uint32_t operators_count;
	struct plan_token token;
	struct plan_key key;
	struct plan_root root;
	struct plan_crl crl;
	struct plan_request request;
	struct plan_sign sign;
};

enum plan_section {
	PLAN_CEREMONY = 1 << 0,
	PLAN_OPERATORS = 1 << 1,
	PLAN_TOKEN = 1 << 2,
	PLAN_KEY = 1 << 3,
	PLAN_ISSUER = 1 << 4,
	PLAN_ROOT = 1 << 5,
	PLAN_CRL = 1 << 6,
	PLAN_REQUEST = 1 << 7,
	PLAN_SIGN = 1 << 8,
	PLAN_EVIDENCE = 1 << 9,
	PLAN_ALL = (1 << 10) - 1,
};

struct plan {
	struct arena *arena;
	const char *path;
	struct bytes text; /* exactly what was parsed: what the evidence quotes */
	struct plan_file file;
	const struct yaml_doc *doc;
};

/* ERR_INVALID with FILE:LINE and remedy. command names the command in reasons. */
enum err plan_load(const char *path, const char *command, unsigned required, unsigned allowed,
	struct plan **out) MUST_CHECK;
void plan_free(struct plan *p);

/* A path of the plan, relative to the plan's folder. */
const char *plan_path(const struct plan *p, const char *path);
/* key.type, or fallback when the plan leaves it out. */
enum err
plan_key_type(const struct plan *p, enum pki_key_type fallback, enum pki_key_type *out) MUST_CHECK;
int64_t plan_days(uint32_t days); /* in seconds */
enum err plan_subject(const struct plan *p, const char *path, const struct plan_subject *s,
	struct bytes *der) MUST_CHECK;
/* sign.name_constraints; *out is NULL when the plan has none. */
enum err
plan_name_constraints(const struct plan *p, const struct pki_name_constraints **out) MUST_CHECK;
struct ca_token_config plan_token_config(const struct plan *p);

AUTO_STRUCT_DEFINE(plan, plan_free)

#endif
