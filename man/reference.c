/*
 * Prints what the tables of settings say, while building: `reference sample` the sample
 * configuration below its head, `reference config|profiles|plan PAGE` the manual page with every
 * setting in place of its line "@SETTINGS@".
 */
#include <stdio.h>

#include "ca/ceremony/plan_table.h"
#include "ca/profile_table.h"
#include "lib/base/config.h"
#include "lib/base/yaml_help.h"

enum { TEXT_MAX = 1 << 18 };

static const struct {
	const char *name;
	const struct yaml_table *table;
} pages[] = {{"config", &config_table}, {"profiles", &profile_table}, {"plan", &plan_table}};

static enum err
print_page(const char *template, const struct yaml_table *t)
{
	AUTO_BUF(settings, TEXT_MAX);
	enum err e = yaml_manual(t, &settings);
	FILE *f = fopen(template, "r");
	char line[1024];

	if (f == NULL)
		return err_errno(ERR_NOTFOUND, "%s: cannot be opened", template);
	while (e == ERR_OK && fgets(line, sizeof(line), f) != NULL) {
		if (strcmp(line, "@SETTINGS@\n") == 0)
			fwrite(settings.data, 1, settings.len, stdout);
		else
			fputs(line, stdout);
	}
	fclose(f);
	return e;
}

static enum err
print_sample(void)
{
	AUTO_BUF(text, TEXT_MAX);

	TRY(yaml_sample(&config_table, &text));
	fwrite(text.data, 1, text.len, stdout);
	return ERR_OK;
}

static enum err
print_reference(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "sample") == 0)
		return print_sample();
	for (size_t i = 0; argc == 3 && i < ARRAY_LEN(pages); i++)
		if (strcmp(argv[1], pages[i].name) == 0)
			return print_page(argv[2], pages[i].table);
	return err_set(
		ERR_INVALID, "usage: reference sample | reference config|profiles|plan PAGE");
}

int
main(int argc, char **argv)
{
	if (print_reference(argc, argv) == ERR_OK)
		return 0;
	fprintf(stderr, "reference: %s\n", err_reason());
	return 1;
}
