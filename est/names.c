/* Whose names: comparing a CSR with the certificate it replaces (RFC 7030 section 4.2.2), and
 * filling in what it left out. */
#include "est/internal.h"

enum err
est_check_same_names(const struct pki_csr *csr, const struct pki_cert *current)
{
	if (!pki_name_equal(csr->subject, current->subject))
		return err_set_word(ERR_INVALID, WORD_SUBJECT_CHANGED,
			"the subject differs from that of the presented certificate (RFC 7030 section 4.2.2)");
	if (!pki_sans_equal(&csr->sans, &current->sans))
		return err_set_word(ERR_INVALID, WORD_NAMES_CHANGED,
			"subjectAltName differs from that of the presented certificate (RFC 7030 section 4.2.2)");
	return ERR_OK;
}

enum err
est_granted_names(struct arena *a, const char *const *grants, size_t count, struct pki_sans *out)
{
	struct pki_san *item = arena_array(a, count, sizeof(*item));
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
