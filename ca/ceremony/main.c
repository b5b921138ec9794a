/*
 * ca-ceremony: the offline root. Reads one plan, does what it says, prints every step, leaves
 * signed evidence. Links no network code and no database: it runs on a machine without either.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "ca/ceremony/ceremony.h"
#include "lib/base/log.h"

enum {
	EXIT_REFUSED = 1,
	EXIT_COMMAND_LINE = 2,
	EXIT_PLAN = 3,
	EXIT_HSM = 4,
	EXIT_EVIDENCE = 5,
	EXIT_BUG = 70
};

static const struct command {
	const char *name, *what, *details, *example;
	enum err (*run)(struct plan *p); /* NULL: verify, which has no plan */
	unsigned required, allowed;
} commands[] = {
	{"root", "make a root: key in the token, self-signed certificate, first CRL, evidence",
		"Needs: ceremony, token, key, root, crl, evidence. The key is p384 unless the plan says p256 or rsa; it must not exist yet.",
		"ca-ceremony root root.yaml", ceremony_root,
		PLAN_CEREMONY | PLAN_TOKEN | PLAN_KEY | PLAN_ROOT | PLAN_CRL | PLAN_EVIDENCE,
		PLAN_OPERATORS},
	{"request", "make an issuing CA's key in its own token, and a request (CSR) for the root",
		"Needs: ceremony, token, key, request, evidence. The key is p256 unless the plan says otherwise.",
		"ca-ceremony request issuing.yaml", ceremony_request,
		PLAN_CEREMONY | PLAN_TOKEN | PLAN_KEY | PLAN_REQUEST | PLAN_EVIDENCE,
		PLAN_OPERATORS},
	{"sign", "certify an issuing CA: path length 0, name constraints if the plan says so",
		"Needs: ceremony, token, key, issuer_certificate, sign, evidence. The request must carry the plan's subject.",
		"ca-ceremony sign sign.yaml", ceremony_sign,
		PLAN_CEREMONY | PLAN_TOKEN | PLAN_KEY | PLAN_ISSUER | PLAN_SIGN | PLAN_EVIDENCE,
		PLAN_OPERATORS},
	{"crl", "issue the root's CRL anew, with a higher number",
		"Needs: ceremony, token, key, issuer_certificate, crl (with previous), evidence. Every entry of the previous CRL must be in the plan.",
		"ca-ceremony crl crl.yaml", ceremony_crl,
		PLAN_CEREMONY | PLAN_TOKEN | PLAN_KEY | PLAN_ISSUER | PLAN_CRL | PLAN_EVIDENCE,
		PLAN_OPERATORS},
	{"token", "initialise a SoftHSM token for trials",
		"Needs: token (with so_pin_file); the rest of the plan is checked and ignored. A real HSM is set up with its maker's tools.",
		"ca-ceremony token root.yaml", ceremony_token, PLAN_TOKEN, PLAN_ALL},
	{"verify", "check evidence: signature, plan, key attributes, every named file",
		"Takes EVIDENCE and, optionally, the CERTIFICATE that is trusted (else the one the evidence names; compare its fingerprint).",
		"ca-ceremony verify root.evidence.json root.pem", NULL, 0, 0},
};

static const char exit_codes[] =
	"exit codes: 0 done; 1 refused (output exists, key exists, state or policy); 2 wrong command line; 3 the plan or an input\n"
	"file is wrong; 4 HSM not available or PIN refused; 5 verify found evidence that does not hold; 70 a defect of the program\n";

static int
print_help(void)
{
	printf("usage: ca-ceremony COMMAND PLAN\n       ca-ceremony verify EVIDENCE [CERTIFICATE]\n       ca-ceremony COMMAND --help\n\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		printf("  %-8s %s\n           example: %s\n", commands[i].name, commands[i].what,
			commands[i].example);
	printf("\nA plan is a YAML file; commented samples are in deploy/ceremony. PINs are read from files with mode 0600.\n%s",
		exit_codes);
	return 0;
}

static int
help_command(const struct command *c)
{
	printf("usage: ca-ceremony %s %s\n\n%s\n%s\n\nexample: %s\n\n%s", c->name,
		c->run != NULL ? "PLAN" : "EVIDENCE [CERTIFICATE]", c->what, c->details, c->example,
		exit_codes);
	return 0;
}

static int
refuse_usage(const char *why, const char *what)
{
	fprintf(stderr, "ca-ceremony: %s%s; see ca-ceremony --help\n", why, what);
	return EXIT_COMMAND_LINE;
}

static int
exit_code(enum err e, bool verifying)
{
	static const int codes[ERR_COUNT] = {
		[ERR_OK] = 0,
		[ERR_INVALID] = EXIT_PLAN,
		[ERR_DENIED] = EXIT_REFUSED,
		[ERR_NOTFOUND] = EXIT_PLAN,
		[ERR_CONFLICT] = EXIT_REFUSED,
		[ERR_LIMIT] = EXIT_PLAN,
		[ERR_UNAVAILABLE] = EXIT_HSM,
		[ERR_INTERNAL] = EXIT_BUG,
	};

	if (verifying && e != ERR_OK)
		return EXIT_EVIDENCE;
	if (e == ERR_DENIED &&
		(err_word() == WORD_WRONG_PIN || err_word() == WORD_PIN_LOCKED ||
			err_word() == WORD_PIN_FINAL_TRY))
		return EXIT_HSM;
	return codes[e];
}

static enum err
run_plan(const struct command *c, const char *path)
{
	AUTO_STRUCT(plan) plan = NULL;

	TRY(plan_load(path, c->name, c->required, c->allowed, &plan));
	return c->run(plan);
}

static int
run_subcommand(const struct command *c, int argc, char **argv)
{
	int max = c->run == NULL ? 2 : 1;
	enum err e;

	if (argc >= 1 && strcmp(argv[0], "--help") == 0)
		return help_command(c);
	if (argc < 1)
		return refuse_usage(
			c->run == NULL ? "which evidence? " : "which plan? ", c->example);
	if (argc > max)
		return refuse_usage("too many arguments after ", argv[max - 1]);
	if (argv[0][0] == '-')
		return refuse_usage("unknown option ", argv[0]);
	e = c->run == NULL ? ceremony_verify(argv[0], argc > 1 ? argv[1] : NULL)
			   : run_plan(c, argv[0]);
	if (e != ERR_OK)
		fprintf(stderr, "ca-ceremony: %s\n", err_reason());
	else
		printf("done\n");
	return exit_code(e, c->run == NULL);
}

int
main(int argc, char **argv)
{
	const struct rlimit no_core = {0, 0};

	setrlimit(RLIMIT_CORE, &no_core);
	umask(022);
	log_setup("ca-ceremony", LOG_WARNING, LOG_FORMAT_KV);
	if (argc < 2)
		return refuse_usage("no command", "");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return print_help();
	if (strcmp(argv[1], "--version") == 0)
		return printf("ca-ceremony %s\n", CHANCERY_VERSION) < 0;
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return run_subcommand(&commands[i], argc - 2, argv + 2);
	return refuse_usage("unknown command ", argv[1]);
}
