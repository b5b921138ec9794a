/* Profiles: what a good file becomes, and that every mistake names file, line and what is allowed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ca/profile.h"
#include "lib/store/identity.h"
#include "tests/unit/unit.h"

static const char good[] =
	"profiles:\n"							    /* 1 */
	"  - name: mesh\n"						    /* 2 */
	"    requesters: [workload, device]\n"				    /* 3 */
	"    protocols: [acme, est]\n"					    /* 4 */
	"    keys: [p256, rsa]\n"					    /* 5 */
	"    rsa_min_bits: 3072\n"					    /* 6 */
	"    lifetime: 8h\n"						    /* 7 */
	"    max_lifetime: 24h\n"					    /* 8 */
	"    backdate: 5m\n"						    /* 9 */
	"    same_key_renewal: false\n"					    /* 10 */
	"    key_usage: [digitalSignature]\n"				    /* 11 */
	"    rsa_key_usage: [digitalSignature, keyEncipherment]\n"	    /* 12 */
	"    extended_key_usage: [clientAuth, serverAuth]\n"		    /* 13 */
	"    subject: { common_name: first-name, organization: Example }\n" /* 14 */
	"    names:\n"							    /* 15 */
	"      types: [dns, ip]\n"					    /* 16 */
	"      permitted: [\"dns:**.example.org\", \"ip:10.0.0.0/8\"]\n"    /* 17 */
	"      min: 1\n"						    /* 18 */
	"      max: 4\n"						    /* 19 */
	"      wildcards: allowed\n"					    /* 20 */
	"    crl_url: false\n";						    /* 21 */

static enum err
load(const char *text, struct ca_profiles **out)
{
	char path[] = "/tmp/chancery-profile-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	fputs(text, f);
	fclose(f);
	enum err e = ca_profiles_load(path, out);
	unlink(path);
	return e;
}

/* The good file with one text replaced. */
static char *
changed(const char *from, const char *to)
{
	const char *at = strstr(good, from);
	char *out = mem_alloc(sizeof(good) + strlen(to));

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	sprintf(out, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
	return out;
}

static void
test_every_field_arrives(void)
{
	AUTO_STRUCT(ca_profiles) all = NULL;
	const struct ca_profile *p;

	CHECK_OK(load(good, &all));
	CU_ASSERT_FATAL(all != NULL);
	CHECK_OK(ca_profiles_get(all, "mesh", &p));
	CHECK(p->requesters == (1 << IDENTITY_WORKLOAD | 1 << IDENTITY_DEVICE));
	CHECK(p->protocols == (1 << CA_PROTOCOL_ACME | 1 << CA_PROTOCOL_EST));
	CHECK(p->keys == (1 << PKI_KEY_P256 | 1 << PKI_KEY_RSA));
	CHECK(p->rsa_min_bits == 3072);
	CHECK(p->lifetime == 8 * 3600 && p->max_lifetime == 24 * 3600 && p->backdate == 300 &&
		p->renew_expired == 0);
	CHECK(!p->same_key_renewal);
	CHECK(p->key_usage == PKI_KU_DIGITAL_SIGNATURE);
	CHECK(p->rsa_key_usage == (PKI_KU_DIGITAL_SIGNATURE | PKI_KU_KEY_ENCIPHERMENT));
	CHECK(p->eku == (PKI_EKU_CLIENT_AUTH | PKI_EKU_SERVER_AUTH));
	CHECK(p->common_name == CA_CN_FIRST_NAME && p->serial_number == CA_SUBJECT_SERIAL_NONE);
	CHECK(strcmp(p->organization, "Example") == 0 && p->organizational_unit == NULL);
	CHECK(p->name_types == (1 << PKI_SAN_DNS | 1 << PKI_SAN_IP));
	CHECK(p->permitted_count == 2 && strcmp(p->permitted[1], "ip:10.0.0.0/8") == 0);
	CHECK(p->names_min == 1 && p->names_max == 4 && p->wildcards == CA_WILDCARDS_ALLOWED);
	CHECK(!p->crl_url && p->ocsp_url && p->ca_issuers_url && !p->ocsp_nocheck);
	CHECK(p->issuer == NULL && strcmp(p->description, "") == 0);
}

static void
test_what_is_left_out_has_a_default(void)
{
	AUTO_STRUCT(ca_profiles) all = NULL;

	CHECK_OK(load(
		"profiles:\n  - name: a\n    requesters: [device]\n    protocols: [est]\n    keys: [p256]\n    lifetime: 1h\n"
		"    key_usage: [digitalSignature]\n    extended_key_usage: [clientAuth]\n",
		&all));
	CU_ASSERT_FATAL(all != NULL);
	const struct ca_profile *p = &all->item[0];
	CHECK(p->max_lifetime == 3600 && p->backdate == 0 && p->rsa_min_bits == 2048);
	CHECK(p->approvals == 0 && p->approval_within == 7 * 86400);
	CHECK(p->same_key_renewal && p->wildcards == CA_WILDCARDS_REFUSED);
	CHECK(p->common_name == CA_CN_IDENTITY && p->names_max == 0 && p->name_types == 0);
	CHECK(p->rsa_key_usage == p->key_usage && p->crl_url && p->ocsp_url && p->ca_issuers_url);
}

static void
test_names_have_a_limit_of_their_own(void)
{
	AUTO_STRUCT(ca_profiles) all = NULL;
	char *text = changed("      max: 4\n", "");

	CHECK_OK(load(text, &all));
	CHECK(all != NULL && all->item[0].names_max == 20);
	free(text);
}

static void
test_mistakes_name_line_and_what_is_allowed(void)
{
	static const struct {
		const char *from, *to, *words[3];
	} cases[] = {
		{"workload, device", "workload, robot",
			{":3: ", "\"robot\"", "workload, device, user, operator, service"}},
		{"workload, device", "workload, workload",
			{":3: ", "requesters.1", "repeats \"workload\""}},
		{"workload, device", "workload, operator",
			{":4: ", "operators and programs", "admin, internal"}},
		{"workload, device", "service", {":4: ", "operators and programs", "admin"}},
		{"[acme, est]", "[acme, scep]", {":4: ", "\"scep\"", "est, acme, admin, internal"}},
		{"[p256, rsa]", "[p256, p521]", {":5: ", "\"p521\"", "p256, p384, rsa, ed25519"}},
		{"3072", "1024", {":6: ", "1024", "2048 to 4096"}},
		{"3072", "8192", {":6: ", "8192", "2048 to 4096"}},
		{"lifetime: 8h", "lifetime: 8 hours", {":7: ", "\"8 hours\"", "30s, 5m, 8h, 7d"}},
		{"lifetime: 8h", "lifetime: 5s", {":7: ", "\"5s\"", "10s to 3660d"}},
		{"max_lifetime: 24h", "max_lifetime: 4h",
			{":8: ", "shorter than lifetime", "8h or more"}},
		{"backdate: 5m", "backdate: 2d", {":9: ", "\"2d\"", "0s to 1d"}},
		{"same_key_renewal: false", "same_key_renewal: no",
			{":10: ", "same_key_renewal", "true"}},
		{"key_usage: [digitalSignature]", "key_usage: [keyCertSign]",
			{":11: ", "\"keyCertSign\"", "keyAgreement"}},
		{"[clientAuth, serverAuth]", "[anyExtendedKeyUsage]",
			{":13: ", "\"anyExtendedKeyUsage\"", "serverAuth, clientAuth"}},
		{"first-name", "subject", {":14: ", "\"subject\"", "identity, first-name, none"}},
		{"organization: Example", "serial_number: random",
			{":14: ", "\"random\"", "none, identity"}},
		{"types: [dns, ip]", "types: [dns, x400]",
			{":16: ", "\"x400\"", "dns, ip, uri, email, other"}},
		{"types: [dns, ip]", "types: [dns]", {":17: ", "\"ip:10.0.0.0/8\"", "names.types"}},
		{"types: [dns, ip]", "types: []",
			{":19: ", "names.max is 4", "0 without names.types"}},
		{"ip:10.0.0.0/8", "ip:10.0.0.0/33", {":17: ", "allowed", "ip:10.0.0.0/8"}},
		{"dns:**.example.org", "example.org", {":17: ", "allowed", "dns:*.suffix"}},
		{"min: 1", "min: 5", {":18: ", "more than names.max", "up to 4"}},
		{"max: 4", "max: 101", {":19: ", "101", "0 to 100"}},
		{"wildcards: allowed", "wildcards: maybe",
			{":20: ", "\"maybe\"", "refused, allowed"}},
		{"crl_url: false", "crl_uri: false", {":21: ", "crl_uri", "crl_url"}},
		{"crl_url: false", "ocsp_nocheck: true", {":21: ", "RFC 6960", "OCSPSigning"}},
		{"[clientAuth, serverAuth]", "[OCSPSigning]", {":4: ", "responder", "internal"}},
		{"name: mesh", "name: Mesh!", {":2: ", "\"Mesh!\"", "a-z 0-9 -"}},
		{"    lifetime: 8h\n", "", {"lifetime", "", ""}},
		{"    lifetime: 8h\n", "    lifetime: 8h\n    lifetime: 9h\n",
			{":8: ", "lifetime", ""}},
		{"crl_url: false", "approval: {operators: 10}", {":21: ", "10", "0 to 9"}},
		{"requesters: [workload, device]\n    protocols: [acme, est]",
			"requesters: [operator]\n    approval: {operators: 1}\n    protocols: [admin]",
			{":4: ", "operators renew", "without requester operator"}},
		{"crl_url: false", "approval: {operators: 1, within: 5s}",
			{":21: ", "\"5s\"", "1m to"}},
		{"    crl_url: false\n", "    crl_url: false\n    renew_expired: 1d\n",
			{":22: ", "renew_expired", "0s"}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ca_profiles *all = NULL;
		char *text = changed(cases[i].from, cases[i].to);

		CHECK_CASE(load(text, &all) == ERR_INVALID, cases[i].to);
		for (size_t w = 0; w < ARRAY_LEN(cases[i].words); w++) {
			CHECK_CASE(strstr(err_reason(), cases[i].words[w]) != NULL, cases[i].to);
			if (strstr(err_reason(), cases[i].words[w]) == NULL)
				fprintf(stderr, "  reason: %s\n", err_reason());
		}
		ca_profiles_release(all);
		free(text);
	}
}

static void
test_a_certificate_without_any_name_is_refused(void)
{
	char *text = changed(
		"{ common_name: first-name, organization: Example }", "{ common_name: none }");
	struct ca_profiles *all = NULL;

	CHECK_OK(load(text, &all)); /* names.min is 1: there is always a name */
	ca_profiles_release(all);
	*strstr(text, "min: 1") = '#';
	all = NULL;
	CHECK_REASON(load(text, &all), ERR_INVALID, "RFC 5280 section 4.1.2.6");
	free(text);
}

static void
test_a_name_stands_once(void)
{
	char *text = mem_alloc(2 * sizeof(good));
	struct ca_profiles *all = NULL;

	sprintf(text, "%s%s", good, strchr(good, '\n') + 1);
	CHECK_REASON(load(text, &all), ERR_INVALID,
		":22: \"profiles.1.name\" repeats \"mesh\" of line 2");
	free(text);
}

static void
test_unknown_profile_lists_what_there_is(void)
{
	AUTO_STRUCT(ca_profiles) all = NULL;
	const struct ca_profile *p;

	CHECK_OK(load(good, &all));
	CHECK_REASON(ca_profiles_get(all, "mush", &p), ERR_NOTFOUND, "mesh");
	CHECK(err_word() == WORD_UNKNOWN_PROFILE);
}

static void
test_missing_file_is_not_found(void)
{
	struct ca_profiles *all = NULL;

	CHECK_ERR(ca_profiles_load("/nonexistent/profiles.yaml", &all), ERR_NOTFOUND);
}

static void
test_shipped_profiles_load(void)
{
	static const char *const names[] = {
		"workload", "device", "operator", "gateway-tls", "ocsp-responder"};
	AUTO_STRUCT(ca_profiles) all = NULL;
	const struct ca_profile *p;

	CHECK_OK(ca_profiles_load(SHIPPED_PROFILES, &all));
	CU_ASSERT_FATAL(all != NULL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		CHECK_OK(ca_profiles_get(all, names[i], &p));
	CHECK_OK(ca_profiles_get(all, "workload", &p));
	CHECK(p->lifetime == 8 * 3600);
	CHECK_OK(ca_profiles_get(all, "ocsp-responder", &p));
	CHECK(p->ocsp_nocheck && p->protocols == 1 << CA_PROTOCOL_INTERNAL);
}

static void
test_protocol_names_go_both_ways(void)
{
	enum ca_protocol p;

	for (unsigned i = 0; i < CA_PROTOCOL_COUNT; i++) {
		CHECK_OK(ca_protocol_parse(ca_protocol_name((enum ca_protocol)i), &p));
		CHECK(p == (enum ca_protocol)i);
	}
	CHECK_REASON(ca_protocol_parse("cmp", &p), ERR_INVALID, "est, acme, admin, internal");
}

UNIT_MAIN("profile", {"test_every_field_arrives", test_every_field_arrives},
	{"test_what_is_left_out_has_a_default", test_what_is_left_out_has_a_default},
	{"test_names_have_a_limit_of_their_own", test_names_have_a_limit_of_their_own},
	{"test_mistakes_name_line_and_what_is_allowed",
		test_mistakes_name_line_and_what_is_allowed},
	{"test_a_certificate_without_any_name_is_refused",
		test_a_certificate_without_any_name_is_refused},
	{"test_a_name_stands_once", test_a_name_stands_once},
	{"test_unknown_profile_lists_what_there_is", test_unknown_profile_lists_what_there_is},
	{"test_missing_file_is_not_found", test_missing_file_is_not_found},
	{"test_shipped_profiles_load", test_shipped_profiles_load},
	{"test_protocol_names_go_both_ways", test_protocol_names_go_both_ways})
