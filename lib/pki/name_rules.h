/* Rules for the values of SAN types, and OIDs as text; shared by the files of this folder. */
#ifndef CHANCERY_PKI_NAME_RULES_H
#define CHANCERY_PKI_NAME_RULES_H

#include "lib/pki/names.h"

/* An ASCII addr-spec; the domain is lower-cased into the arena. */
enum err email_check(struct bytes text, struct arena *a, struct bytes *out) MUST_CHECK;
/* An absolute URI in normal form (RFC 3986 section 6.2.2), so that octets decide equality. */
enum err uri_check(struct bytes text) MUST_CHECK;
/* Length of the scheme before the colon, 0 when there is none. */
size_t uri_scheme_length(struct bytes uri);

/* "1.2.840..." from content octets, NULL when an arc needs more than 63 bits. */
char *oid_text(struct arena *a, struct bytes content);

/* The tag in GeneralName. */
uint8_t san_tag(enum pki_san_type t);
/* The value of OtherName content: OID, then the DER of the one element inside [0]. */
enum err san_other_read(struct bytes content, struct bytes *oid, struct bytes *value) MUST_CHECK;

#endif
