/*
 * Subject alternative names kept typed (RFC 5280 section 4.2.1.6), their canonical text, the
 * patterns that grants use, and the few Name (DN) operations a CA needs.
 *
 * Canonical text is "dns:a.example", "ip:10.0.0.1" (RFC 5952 for v6), "uri:spiffe://x/y",
 * "email:a@example.org", "other:1.3.6.1.4.1.311.20.2.3:0c0161" (OID, hex of the value's DER). One
 * spelling everywhere: rows, JSON, YAML, command line, logs.
 */
#ifndef CHANCERY_PKI_NAMES_H
#define CHANCERY_PKI_NAMES_H

#include "lib/pki/der.h"

enum pki_san_type {
	PKI_SAN_DNS,
	PKI_SAN_IP,
	PKI_SAN_URI,
	PKI_SAN_EMAIL,
	PKI_SAN_OTHER,
	PKI_SAN_TYPE_COUNT
};

struct pki_san {
	enum pki_san_type type;
	struct bytes value; /* dns, uri, email: text (dns lower-case); ip: 4 or 16 octets; other:
			       content of OtherName */
};

struct pki_sans {
	struct pki_san *item;
	size_t count;
};

enum { PKI_SANS_MAX = 100, PKI_NAME_DER_MAX = 1024 };

/* "dns", "ip", "uri", "email", "other". */
const char *pki_san_type_name(enum pki_san_type t);
enum err pki_san_type_parse(struct bytes text, enum pki_san_type *out) MUST_CHECK;

/* Parses a GeneralNames SEQUENCE (the value of the SAN extension). Refuses empty, more than
 * PKI_SANS_MAX, types not listed, malformed values, wildcard other than a whole leftmost label
 * (word "bad-name"). DNS names come out lower-case, in the arena; duplicates collapse. */
enum err pki_sans_parse(struct bytes der, struct arena *a, struct pki_sans *out) MUST_CHECK;
/* Writes the GeneralNames SEQUENCE. */
void pki_sans_put(struct derw *w, const struct pki_sans *sans);
/* As sets: same names, order and duplicates ignored. */
bool pki_sans_equal(const struct pki_sans *a, const struct pki_sans *b);
bool pki_sans_contain(const struct pki_sans *sans, const struct pki_san *san);

/* Canonical text and back; text is checked as strictly as DER is. */
char *pki_san_text(struct arena *a, const struct pki_san *san);
enum err pki_san_from_text(struct bytes text, struct arena *a, struct pki_san *out) MUST_CHECK;
/* A host name of LDH labels and A-labels (RFC 5280 section 4.2.1.6, RFC 5890, code points by
 * RFC 5892), optionally with one leading "*.": labels 1..63, total <= 253, letters digits hyphen,
 * no underscore, no trailing dot, not all-numeric. Lower-cases into the arena. */
enum err pki_dns_check(struct bytes text, struct arena *a, struct bytes *out) MUST_CHECK;

/*
 * Grant patterns, canonical text too: an exact name; "dns:*.suffix" any one label; "dns:**.suffix"
 * one or more labels; "ip:10.0.0.0/8"; "uri:prefix*" (host and its slash complete);
 * "email:*@domain". A wildcard certificate name ("dns:*.a.b") is covered only by the same text or
 * by "dns:**.b" and the like; "dns:*.b" grants hosts.
 */
enum err pki_pattern_check(struct bytes text) MUST_CHECK;
bool pki_pattern_covers(struct bytes pattern, const struct pki_san *san);
/* What a pattern that pki_pattern_check() takes covers besides one name: any one label or the paths of
 * one URI; or everything below a domain, everybody in it, or a network. */
enum pki_reach { PKI_REACH_NAME, PKI_REACH_WILDCARD, PKI_REACH_DOMAIN };
enum pki_reach pki_pattern_reach(struct bytes pattern);

/* The DER of a Name with the given parts (UTF8String; NULL parts
 * are left out; all NULL gives the empty SEQUENCE), in the arena. */
struct pki_name_parts {
	const char *common_name, *organization, *organizational_unit, *serial_number,
		*country; /* country: PrintableString, 2 letters */
};
enum err
pki_name_build(const struct pki_name_parts *parts, struct arena *a, struct bytes *der) MUST_CHECK;
/* Checks the syntax of a Name (RFC 5280 section 4.1.2.4) of at most PKI_NAME_DER_MAX octets. */
enum err pki_name_check(struct bytes der) MUST_CHECK;
/* For people only ("CN=a,O=b", RFC 4514 escaping); never compared. */
char *pki_name_text(struct arena *a, struct bytes der);
/* The last commonName as text, or NULL. */
char *pki_name_common_name(struct arena *a, struct bytes der);
/* Whether a name is one commonName and nothing else; then text is its value, a view into der. */
bool pki_name_lone_common_name(struct bytes der, struct bytes *text);
/* Equal DER, or well-formed names with the same attributes in the same RDNs, whose texts are equal
 * whatever their string types: RFC 5280 section 7.1. */
bool pki_name_equal(struct bytes a, struct bytes b);
/* As texts of attributes: case of ASCII letters, spaces at the ends and the length of runs of spaces do
 * not count. */
bool pki_name_text_equal(struct bytes a, struct bytes b);
static inline bool
pki_name_empty(struct bytes der)
{
	return der.n == 2 && der.p[0] == DER_SEQUENCE;
}

#endif
