/*
 * What a CSR asks for: its names, and what its subject may say (RFC 8555 section 7.4, RFC 7030 section
 * 4.2). Names are judged one by one, wherever they stand; subjects of certificates come from the profile,
 * never from here: many clients write their maker's name or a default there and mean nothing by it.
 */
#include "ca/policy.h"

/* An address, or a DNS name. */
static bool
read_name(struct bytes text, struct arena *a, struct pki_san *out)
{
	const char *name = arena_string(a, text);

	return pki_san_from_text(bytes_str(arena_printf(a, "ip:%s", name)), a, out) == ERR_OK ||
		pki_san_from_text(bytes_str(arena_printf(a, "dns:%s", name)), a, out) == ERR_OK;
}

/* A word alone is a name only to those who know it: "printer" may be a host or what people call it. */
static bool
asks_for_name(const char *common_name, const char *identity_name, const struct pki_sans *known,
	const struct pki_san *san)
{
	if (known != NULL && pki_sans_contain(known, san))
		return true;
	return !pki_name_text_equal(bytes_str(common_name), bytes_str(identity_name)) &&
		strpbrk(common_name, ".:") != NULL;
}

enum err
ca_policy_csr_names(const struct pki_csr *csr, const char *identity_name,
	const struct pki_sans *known, struct arena *a, struct pki_sans *out)
{
	const char *cn = pki_name_common_name(a, csr->subject);
	struct pki_sans names = csr->sans;
	struct pki_san san;

	*out = csr->sans;
	if (cn == NULL || !read_name(bytes_str(cn), a, &san) || pki_sans_contain(&names, &san) ||
		!asks_for_name(cn, identity_name, known, &san))
		return ERR_OK;
	if (names.count == PKI_SANS_MAX)
		return err_set_word(ERR_INVALID, WORD_TOO_MANY_NAMES,
			"the CSR has %d names in subjectAltName and one more as commonName; at most %d are certified",
			PKI_SANS_MAX, PKI_SANS_MAX);
	names.item = arena_array(a, names.count + 1, sizeof(*names.item));
	for (size_t i = 0; i < names.count; i++)
		names.item[i] = csr->sans.item[i];
	names.item[names.count++] = san;
	*out = names;
	return ERR_OK;
}

/* Those of names that others lack, quoted. */
static const char *
list_missing(const struct pki_sans *names, const struct pki_sans *others, struct arena *a)
{
	const char *list = "";

	for (size_t i = 0; i < names->count; i++)
		if (!pki_sans_contain(others, &names->item[i]))
			list = arena_printf(a, "%s%s\"%s\"", list, list[0] != '\0' ? ", " : "",
				pki_san_text(a, &names->item[i]));
	return list[0] != '\0' ? list : "none";
}

enum err
ca_policy_same_names(const struct pki_sans *asked, const struct pki_sans *wanted,
	enum err_word word, const char *rule)
{
	AUTO_STRUCT(arena) a = arena_new(0);

	if (pki_sans_equal(asked, wanted))
		return ERR_OK;
	return err_set_word(ERR_INVALID, word, "%s; missing: %s; beyond: %s", rule,
		list_missing(wanted, asked, a), list_missing(asked, wanted, a));
}

static bool
is_one_of(struct bytes common_name, const struct pki_sans *names, struct arena *a)
{
	for (size_t i = 0; i < names->count; i++) {
		struct bytes text = bytes_str(strchr(pki_san_text(a, &names->item[i]), ':') + 1);

		if (names->item[i].type == PKI_SAN_DNS ? pki_name_text_equal(common_name, text)
						       : bytes_equal(common_name, text))
			return true;
	}
	return false;
}

static bool
is_identity(struct bytes subject, const char *identity_name, struct arena *a)
{
	const char *cn = pki_name_common_name(a, subject);

	return cn != NULL && pki_name_text_equal(bytes_str(cn), bytes_str(identity_name));
}

static enum err
pin_subject(const struct ca_profile *profile, const char *identity_name, struct bytes subject,
	struct arena *a)
{
	if (is_identity(subject, identity_name, a))
		return ERR_OK;
	return err_set_word(ERR_INVALID, WORD_BAD_CSR,
		"subject \"%s\" does not name the identity: profile \"%s\" has csr_subject \"pin\", which wants \"%s\" as commonName, or an empty subject",
		pki_name_text(a, subject), profile->name, identity_name);
}

static enum err
refuse_subject(const struct ca_profile *profile, const char *identity_name,
	const struct pki_sans *names, struct bytes subject, struct arena *a)
{
	struct bytes ours, text;

	if (pki_name_lone_common_name(subject, &text) &&
		(is_identity(subject, identity_name, a) || is_one_of(text, names, a)))
		return ERR_OK;
	TRY(ca_policy_subject(profile, identity_name, names, a, &ours));
	return err_set_word(ERR_INVALID, WORD_BAD_CSR,
		"subject \"%s\": profile \"%s\" has csr_subject \"refuse\", which wants an empty one, \"%s\", or a commonName alone that is the identity's name or one of the names",
		pki_name_text(a, subject), profile->name, pki_name_text(a, ours));
}

enum err
ca_policy_csr_subject(const struct ca_profile *profile, const char *identity_name,
	const struct pki_sans *names, struct bytes subject)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct bytes ours;

	if (pki_name_empty(subject) || profile->csr_subject == CA_CSR_SUBJECT_IGNORE)
		return ERR_OK;
	TRY(ca_policy_subject(profile, identity_name, names, a, &ours));
	if (pki_name_equal(subject, ours))
		return ERR_OK;
	return profile->csr_subject == CA_CSR_SUBJECT_PIN
		? pin_subject(profile, identity_name, subject, a)
		: refuse_subject(profile, identity_name, names, subject, a);
}
