/*
 * The linter every TBSCertificate passes before it is signed: RFC 5280 profile, serial, times,
 * extensions, encodings. It reads the octets that will be signed, not the specification they came
 * from.
 */
#ifndef CHANCERY_PKI_LINT_H
#define CHANCERY_PKI_LINT_H

#include "lib/pki/cert.h"

/* ERR_INVALID (word "lint") with the rule and its section in the reason. alg is the algorithm it
 * will be signed with. */
enum err pki_lint_tbs(struct bytes tbs, enum pki_sig_alg alg) MUST_CHECK;

#endif
