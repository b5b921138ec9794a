/* Whose names: comparing a CSR with the certificate it replaces (RFC 7030 section 4.2.2), and
 * filling in what it left out. */
#include "est/internal.h"

static enum err
check_names(const struct pki_csr *csr, const struct pki_cert *current, const char *identity_name,
	struct arena *a)
{
	struct pki_sans asked;

	TRY(ca_policy_csr_names(csr, identity_name, &current->sans, a, &asked));
	if (csr->sans.count == 0 &&
		(asked.count == 0 || pki_sans_contain(&current->sans, &asked.item[0])))
		return ERR_OK;
	return ca_policy_same_names(&asked, &current->sans, WORD_NAMES_CHANGED,
		"subjectAltName differs from that of the presented certificate (RFC 7030 section 4.2.2)");
}

enum err
est_check_same_names(const struct pki_csr *csr, const struct pki_cert *current,
	const struct ca_profile *profile, const char *identity_name, struct arena *a)
{
	if (!pki_name_equal(csr->subject, current->subject) &&
		ca_policy_csr_subject(profile, identity_name, &current->sans, csr->subject) !=
			ERR_OK)
		return err_set_word(ERR_INVALID, WORD_SUBJECT_CHANGED,
			"the subject differs from that of the presented certificate (RFC 7030 section 4.2.2): %s",
			err_reason());
	return check_names(csr, current, identity_name, a);
}

enum err
est_granted_names(struct arena *a, const char *const *grants, size_t count, struct pki_sans *out)
{
	struct pki_san *item = arena_array(a, count + 1, sizeof(*item));
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (strchr(grants[i], '*') != NULL ||
			pki_san_from_text(bytes_str(grants[i]), a, &item[n]) != ERR_OK)
			continue; /* a pattern or a network: covers names, is none */
		if (++n > PKI_SANS_MAX)
			return err_set_word(ERR_DENIED, WORD_TOO_MANY_NAMES,
				"more than %d names are granted; ask for some of them",
				PKI_SANS_MAX);
	}
	*out = (struct pki_sans){item, n};
	return ERR_OK;
}
