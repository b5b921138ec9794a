/*
 * Extensions (RFC 5280 section 4.1.2.9) as certificates, CSRs and CRLs share them, and helpers that
 * only the files of this folder use.
 */
#ifndef CHANCERY_PKI_EXT_H
#define CHANCERY_PKI_EXT_H

#include "lib/pki/cert.h"

enum { EXT_MAX = 32 };

struct ext {
	struct bytes oid, value; /* value: content of the OCTET STRING */
	bool critical;
};

struct ext_list {
	struct ext item[EXT_MAX];
	size_t count;
};

/* Reads the SEQUENCE OF Extension at the cursor: not empty, at most EXT_MAX, none twice. */
enum err ext_list_get(struct der *d, struct ext_list *out) MUST_CHECK;
const struct ext *ext_find(const struct ext_list *list, struct bytes oid);
/* One Extension around everything written since mark. */
void ext_wrap(struct derw *w, struct bytes oid, bool critical, size_t mark);

/* The value of BasicConstraints; *path_len -1 when absent. */
enum err ext_basic_constraints(struct bytes value, bool *is_ca, int *path_len) MUST_CHECK;
enum err ext_key_usage(struct bytes value, uint32_t *bits) MUST_CHECK;

/* Opens value as one constructed element of this tag that fills it. */
enum err ext_open(struct bytes value, uint8_t tag, const char *what, struct der *inner) MUST_CHECK;

/* TBSCertificate alone; views in out->der stay empty, as do signature and sig_alg (inner_alg has
 * the TBS's own). Used by the parser and by the linter, which reads it before a signature exists.
 */
struct cert_tbs {
	struct pki_cert cert;
	struct ext_list exts;
	enum pki_sig_alg inner_alg;
};
enum err cert_tbs_read(struct bytes tbs, struct arena *a, struct cert_tbs *out) MUST_CHECK;
/* Writes the TBSCertificate backwards into w. Extensions in a fixed order so that golden files
 * hold. */
void cert_tbs_put(struct derw *w, const struct pki_cert_spec *spec, enum pki_sig_alg alg);
/* What every TBSCertificate passes before it is signed with alg (lint.c): ERR_INVALID (word "lint")
 * with the rule and its section in the reason. Names go into the arena. */
enum err lint_tbs(struct bytes tbs, enum pki_sig_alg alg, struct arena *a) MUST_CHECK;

void eku_put(struct derw *w, uint32_t bits);
enum err eku_get(struct bytes value, uint32_t *bits) MUST_CHECK;
void name_constraints_put(struct derw *w, const struct pki_name_constraints *nc);
enum err name_constraints_check(struct bytes value) MUST_CHECK;

#endif
