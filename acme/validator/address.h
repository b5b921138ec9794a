/*
 * Which addresses a validator may connect to. A private CA must reach private networks, so there is
 * an allow-list instead of the usual list of forbidden ones; what is special on any host is refused
 * on top of it (acme/CHECKS.md 105).
 */
#ifndef CHANCERY_ACME_VALIDATOR_ADDRESS_H
#define CHANCERY_ACME_VALIDATOR_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "lib/base/config.h"

struct address {
	sa_family_t family; /* AF_INET, AF_INET6 */
	uint8_t octets[16]; /* 4 or 16 of them */
};

enum { ADDRESS_TEXT_SIZE = 46 };
void address_text(const struct address *a, char out[ADDRESS_TEXT_SIZE]);
/* ERR_INVALID. */
enum err address_parse(const char *text, struct address *out) MUST_CHECK;
/* ERR_INVALID for other families. */
enum err address_from_sockaddr(const struct sockaddr *sa, struct address *out) MUST_CHECK;
bool address_equal(const struct address *a, const struct address *b);

struct address_policy;
/* ERR_INVALID when a network does not parse. */
enum err
address_policy_new(const struct config_validator *config, struct address_policy **out) MUST_CHECK;
void address_policy_free(struct address_policy *p);
/* ERR_DENIED (word "connection") says which rule. Own addresses are those of the interfaces now. */
enum err address_policy_check(const struct address_policy *p, const struct address *a) MUST_CHECK;

AUTO_STRUCT_DEFINE(address_policy, address_policy_free)

#endif
