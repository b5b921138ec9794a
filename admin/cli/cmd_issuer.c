/*
 * issuer import: the road by which CA certificates and the root's CRL enter the database.
 * Everything the offline side may have got wrong is refused here, with the reason, before any
 * program trusts it. What the signer's key must be is the signer's own check at start. issuer remove
 * takes an import back that nothing refers to yet.
 */
#include "admin/cli/cli.h"
#include "lib/base/clock.h"
#include "lib/pki/crl.h"
#include "lib/store/crl.h"
#include "lib/store/issuer.h"

enum { CRL_FILE_MAX = 16 << 20 };

struct import {
	struct pki_cert root, issuing;
	struct pki_crl crl;
	const char *root_name, *name, *key_label;
	bool has_issuing;
	size_t revoked;
	const char **gone; /* issuing CAs in the database that the CRL lists */
	size_t gone_count;
};

static enum err
check_ca(const struct pki_cert *c, const char *what, int64_t now)
{
	const uint32_t wanted = PKI_KU_KEY_CERT_SIGN | PKI_KU_CRL_SIGN;
	char when[CLOCK_RFC3339_SIZE];

	if (pki_key_judge(&c->spki, NULL) != ERR_OK)
		return err_context(ERR_DENIED, "the %s certificate", what);
	if (!c->is_ca)
		return err_set(ERR_DENIED,
			"the %s certificate is no CA: basicConstraints has not cA TRUE (RFC 5280 section 4.2.1.9)",
			what);
	if (!c->has_key_usage || (c->key_usage & wanted) != wanted)
		return err_set(ERR_DENIED,
			"the %s certificate must have keyUsage keyCertSign and cRLSign (RFC 5280 section 4.2.1.3)",
			what);
	if (c->subject_key_id.n == 0)
		return err_set(ERR_DENIED,
			"the %s certificate has no subject key identifier (RFC 5280 section 4.2.1.2)",
			what);
	if (c->not_after <= now) {
		clock_format_rfc3339(c->not_after, when);
		return err_set(ERR_DENIED, "the %s certificate expired at %s", what, when);
	}
	if (c->not_before > now) {
		clock_format_rfc3339(c->not_before, when);
		return err_set(ERR_DENIED,
			"the %s certificate is not valid before %s; is this machine's clock right?",
			what, when);
	}
	return ERR_OK;
}

static enum err
check_root(const struct pki_cert *root, int64_t now)
{
	enum err e;

	TRY(check_ca(root, "root", now));
	if (!bytes_equal(root->subject, root->issuer))
		return err_set(ERR_DENIED,
			"the root certificate is not self-signed: issuer and subject differ");
	if (root->path_len == 0)
		return err_set(ERR_DENIED,
			"the root certificate has path length 0: nothing that an issuing CA below it certifies would verify (RFC 5280 section 4.2.1.9)");
	e = pki_cert_verify_issued_by(root, root);
	return e == ERR_OK ? ERR_OK : err_context(ERR_DENIED, "root certificate");
}

/* Relying parties hold what a CA has certified against its own usages. */
static enum err
check_usages(const struct pki_cert *c)
{
	const uint32_t needed = PKI_EKU_SERVER_AUTH | PKI_EKU_CLIENT_AUTH | PKI_EKU_OCSP_SIGNING;

	if (c->has_eku && (c->eku & needed) != needed)
		return err_set(ERR_DENIED,
			"the issuing certificate's extendedKeyUsage does not allow serverAuth, clientAuth and OCSPSigning: leave the extension out (RFC 5280 section 4.2.1.12)");
	return ERR_OK;
}

static enum err
check_issuing(const struct import *in, int64_t now)
{
	const struct pki_cert *c = &in->issuing;
	enum err e;

	TRY(check_ca(c, "issuing", now));
	if (bytes_equal(c->subject, c->issuer))
		return err_set(ERR_DENIED,
			"the issuing certificate is %s: a root never signs in Chancery, let ca-ceremony sign an issuing CA with a name of its own",
			pki_cert_verify_issued_by(c, c) == ERR_OK
				? "self-signed"
				: "self-issued (its issuer's name is its own)");
	TRY(check_usages(c));
	if (bytes_equal(c->spki.der, in->root.spki.der))
		return err_set(ERR_DENIED,
			"the issuing certificate has the root's own key: make a key of its own in the issuing token");
	if (c->path_len != 0)
		return err_set(ERR_DENIED,
			"the issuing certificate must have path length 0, not %s (RFC 5280 section 4.2.1.9)",
			c->path_len < 0 ? "none" : "more");
	if (c->not_after > in->root.not_after)
		return err_set(ERR_DENIED, "the issuing certificate outlives its root");
	e = pki_cert_verify_issued_by(c, &in->root);
	return e == ERR_OK ? ERR_OK : err_context(ERR_DENIED, "issuing certificate");
}

static enum err
check_crl_signature(const struct import *in)
{
	AUTO(EVP_PKEY) key = NULL;
	enum err e = pki_spki_pkey(&in->root.spki, &key);

	if (e == ERR_OK)
		e = pki_verify(key, in->crl.sig_alg, in->crl.tbs, in->crl.signature);
	return e == ERR_OK ? ERR_OK : err_context(ERR_DENIED, "root CRL");
}

/* Counts the entries; whether the serial is among them. */
static enum err
read_entries(const struct pki_crl *crl, struct bytes wanted, size_t *count, bool *listed)
{
	struct der at = der_open(crl->entries);
	enum err e;

	*listed = false;
	for (*count = 0;; (*count)++) {
		struct bytes serial;
		int64_t revoked_at;
		enum pki_reason reason;

		e = pki_crl_entry_next(&at, &serial, &revoked_at, &reason);
		if (e != ERR_OK)
			return e == ERR_NOTFOUND ? ERR_OK : e;
		*listed = *listed || bytes_equal(serial, wanted);
	}
}

static enum err
check_crl_entries(struct import *in)
{
	bool listed;

	TRY(read_entries(&in->crl, in->issuing.serial, &in->revoked, &listed));
	if (in->has_issuing && listed)
		return err_set(ERR_DENIED, "the root CRL lists the issuing certificate as revoked");
	return ERR_OK;
}

/* The issuing CAs in the database that this CRL revokes. */
static enum err
find_gone(struct cli *a, struct store *s, struct import *in)
{
	struct store_issuer *list = NULL;
	size_t count = 0, entries;

	TRY(store_issuer_list(s, a->arena, &list, &count));
	in->gone = arena_array(a->arena, count + 1, sizeof(*in->gone));
	for (size_t i = 0; i < count; i++) {
		struct pki_cert cert;
		bool listed;

		if (list[i].kind != ISSUER_ISSUING || list[i].state == ISSUER_REVOKED)
			continue;
		TRY(pki_cert_parse(list[i].der, a->arena, &cert));
		if (!bytes_equal(cert.issuer, in->crl.issuer))
			continue;
		TRY(read_entries(&in->crl, cert.serial, &entries, &listed));
		if (listed)
			in->gone[in->gone_count++] = list[i].name;
	}
	return ERR_OK;
}

static enum err
check_crl(struct import *in, int64_t now)
{
	const struct pki_crl *c = &in->crl;
	char when[CLOCK_RFC3339_SIZE];

	if (!bytes_equal(c->issuer, in->root.subject))
		return err_set(ERR_DENIED, "the CRL was issued by another CA than this root");
	if (c->authority_key_id.n > 0 && !bytes_equal(c->authority_key_id, in->root.subject_key_id))
		return err_set(ERR_DENIED,
			"the CRL names another key than this root's (RFC 5280 section 5.2.1)");
	TRY(check_crl_signature(in));
	if (c->this_update > now) {
		clock_format_rfc3339(c->this_update, when);
		return err_set(ERR_DENIED,
			"the root CRL is from the future (%s); is this machine's clock right?",
			when);
	}
	if (c->next_update <= now) {
		clock_format_rfc3339(c->next_update, when);
		return err_set(ERR_DENIED,
			"the root CRL ended at %s: issue a new one with ca-ceremony", when);
	}
	return check_crl_entries(in);
}

/* The label of the key in the signer's token: given, or the configuration's for this name. */
static enum err
find_key_label(struct cli *a, struct import *in)
{
	in->key_label = options_value(a, "key-label");
	for (uint32_t i = 0; i < a->config->issuers_count; i++)
		if (strcmp(a->config->issuers[i].name, in->name) == 0) {
			if (in->key_label == NULL)
				in->key_label = a->config->issuers[i].key;
			return ERR_OK;
		}
	if (in->key_label == NULL)
		return options_usage(a,
			"the configuration has no issuer \"%s\": give --key-label, or add it under issuers",
			in->name);
	fprintf(stderr,
		"ca-admin: note: issuer \"%s\" is not in the configuration; the signer uses it once it stands under issuers\n",
		in->name);
	return ERR_OK;
}

static enum err
read_crl(struct cli *a, struct import *in)
{
	struct bytes der;
	const char *path = options_value(a, "root-crl");
	enum err e = files_read_der(a->arena, path, "X509 CRL", CRL_FILE_MAX, &der);

	if (e == ERR_OK)
		e = pki_crl_parse(der, &in->crl);
	return e == ERR_INVALID ? err_context(e, "\"%s\"", path) : e;
}

static enum err
read_files(struct cli *a, struct import *in)
{
	const char *root = options_value(a, "root"), *issuing = options_value(a, "issuer");
	in->has_issuing = issuing != NULL;
	in->name = options_value(a, "name");
	in->root_name = options_value(a, "root-name");
	if (in->root_name == NULL)
		in->root_name = "root";
	TRY(read_crl(a, in));
	if (in->has_issuing && (root == NULL || in->name == NULL))
		return options_usage(a, "an issuing certificate needs --root and --name beside it");
	if (root != NULL)
		TRY(files_read_cert(a->arena, root, &in->root));
	if (!in->has_issuing)
		return ERR_OK;
	TRY(files_read_cert(a->arena, issuing, &in->issuing));
	return find_key_label(a, in);
}

/* A newer CRL alone: its root is already in the database. */
static enum err
root_from_database(struct cli *a, struct store *s, struct import *in)
{
	struct store_issuer *list = NULL;
	size_t count = 0;

	TRY(store_issuer_list(s, a->arena, &list, &count));
	for (size_t i = 0; i < count; i++)
		if (list[i].kind == ISSUER_ROOT && bytes_equal(list[i].subject, in->crl.issuer)) {
			in->root_name = list[i].name;
			return pki_cert_parse(list[i].der, a->arena, &in->root);
		}
	return err_set(ERR_NOTFOUND,
		"no root in the database has issued this CRL: import it with --root first");
}

/* With what the certificate says. */
static enum err
add_issuer(struct cli *a, struct store *s, const struct pki_cert *c, struct store_issuer *issuer)
{
	uint8_t *hash = arena_alloc(a->arena, 32);

	issuer->der = c->der;
	issuer->subject = c->subject;
	issuer->key_id = c->subject_key_id;
	issuer->not_after = c->not_after;
	pki_spki_hash(&c->spki, hash);
	issuer->spki_hash = bytes_of(hash, 32);
	return store_issuer_add(s, issuer, &issuer->id);
}

/* Whether this is the newest one, octet for octet. */
static enum err
known_crl(struct cli *a, struct store *s, const struct store_crl *crl, bool *same)
{
	struct store_crl_state *list;
	size_t count;

	*same = false;
	TRY(store_crl_states(s, a->arena, &list, &count));
	for (size_t i = 0; i < count; i++)
		if (list[i].issuer == crl->issuer && list[i].number == crl->number)
			return store_crl_is(s, crl, same);
	return ERR_OK;
}

static enum err
import_crl(struct cli *a, struct store *s, const struct import *in, int16_t root, bool *same)
{
	const struct store_crl crl = {
		.issuer = root,
		.number = (int64_t)in->crl.number,
		.this_update = in->crl.this_update,
		.next_update = in->crl.next_update,
		.entries = (int)in->revoked,
		.der = in->crl.der,
	};
	enum err e = known_crl(a, s, &crl, same);

	if (e != ERR_OK || *same)
		return e;
	e = store_crl_import(s, &crl, local_actor(a));
	if (e == ERR_CONFLICT)
		return err_set(e,
			"the database has a root CRL with this number (%llu) or a higher one: issue the next with ca-ceremony",
			(unsigned long long)in->crl.number);
	return e;
}

static enum err
store_import(struct cli *a, struct store *s, const struct import *in)
{
	struct store_issuer root = {.name = in->root_name, .kind = ISSUER_ROOT};
	struct store_issuer issuing = {
		.name = in->name, .kind = ISSUER_ISSUING, .key_label = in->key_label};
	bool same = false, moved;

	TRY(add_issuer(a, s, &in->root, &root));
	TRY(import_crl(a, s, in, root.id, &same));
	for (size_t i = 0; i < in->gone_count; i++) /* also of a CRL that is known already */
		TRY(store_issuer_move(s, in->gone[i], ISSUER_REVOKED, local_actor(a), "", &moved));
	issuing.parent = root.id;
	issuing.profile_count = options_values(a, "profile", &issuing.profiles);
	if (in->has_issuing)
		TRY(add_issuer(a, s, &in->issuing, &issuing));
	output_done(a,
		json_pack("{s:s, s:I, s:b, s:s*, s:s*}", "root", in->root_name, "crl_number",
			(json_int_t)in->crl.number, "crl_known", same, "issuer",
			in->has_issuing ? in->name : NULL, "key_label", in->key_label),
		"root CRL number %llu is %s%s%s%s", (unsigned long long)in->crl.number,
		same ? "known already" : "imported", in->has_issuing ? "; issuer \"" : "",
		in->has_issuing ? in->name : "",
		in->has_issuing ? "\" is ready for the signer" : "");
	return ERR_OK;
}

static enum err
check_all(struct import *in)
{
	int64_t now = clock_now();

	TRY(check_root(&in->root, now));
	if (in->has_issuing)
		TRY(check_issuing(in, now));
	return check_crl(in, now);
}

/* What the database has to say, before anything is done; a dry run of files alone needs none. */
static enum err
look_ahead(struct cli *a, struct import *in, bool from_database, struct store **s)
{
	enum err e = local_store(a, s);

	if (e != ERR_OK)
		return a->dry_run && !from_database ? ERR_OK : e;
	if (from_database) {
		TRY(root_from_database(a, *s, in));
		TRY(check_all(in));
	}
	return find_gone(a, *s, in);
}

static const char *
tell_consequences(struct cli *a, const struct import *in)
{
	const char *text = "";

	for (size_t i = 0; i < in->gone_count; i++)
		text = arena_printf(a->arena,
			"%s; the CRL revokes issuing CA \"%s\": from then on nothing is signed with it, and its certificates let nobody in",
			text, in->gone[i]);
	return text;
}

enum err
cmd_issuer_import(struct cli *a)
{
	AUTO_STRUCT(store) s = NULL;
	struct import in = {.root_name = NULL};
	bool from_database = options_value(a, "root") == NULL;

	TRY(local_config(a));
	TRY(read_files(a, &in));
	if (!from_database)
		TRY(check_all(&in)); /* nonsense is refused before the database is asked */
	TRY(look_ahead(a, &in, from_database, &s));
	if (!output_plan(a, "import %s%s%s into the database%s",
		    from_database ? "a new root CRL" : "the root and its CRL",
		    in.has_issuing ? ", and issuing CA " : "", in.has_issuing ? in.name : "",
		    tell_consequences(a, &in)))
		return ERR_OK;
	return store_import(a, s, &in);
}

enum err
cmd_issuer_remove(struct cli *a)
{
	AUTO_STRUCT(store) s = NULL;
	const char *name = a->argument[0];

	TRY(local_config(a));
	if (!output_plan(a, "remove the unused issuer \"%s\" from the database", name))
		return ERR_OK;
	TRY(local_store(a, &s));
	TRY(store_issuer_remove(s, name, local_actor(a)));
	output_done(a, json_pack("{s:s}", "removed", name),
		"removed \"%s\"; its name and key may be imported again", name);
	return ERR_OK;
}
