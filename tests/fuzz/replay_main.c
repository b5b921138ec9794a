/*
 * Replays files, or every file of a directory, through a fuzz target: how corpora run as tests
 * without libFuzzer. Arguments beginning with "-" are libFuzzer's and ignored. Nothing replayed is
 * a failure.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { INPUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_MAX), *exact;
	size_t n;

	if (f == NULL || data == NULL) {
		perror(path);
		exit(2);
	}
	n = fread(data, 1, INPUT_MAX, f);
	fclose(f);
	exact = realloc(data, n > 0 ? n : 1); /* so that the address sanitizer sees the end */
	if (exact == NULL)
		exit(2);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 1;
}

static int
replay_directory(const char *path)
{
	struct dirent **names;
	int count = scandir(path, &names, NULL, alphasort), replayed = 0;

	for (int i = 0; i < count; i++) {
		char file[4096];
		struct stat st;

		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		if (stat(file, &st) == 0 && S_ISREG(st.st_mode))
			replayed += replay_file(file);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return replayed;
}

int
main(int argc, char **argv)
{
	int replayed = 0;
	struct stat st;

	for (int i = 1; i < argc; i++)
		if (argv[i][0] != '-')
			replayed += stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)
				? replay_directory(argv[i])
				: replay_file(argv[i]);
	printf("%d inputs replayed\n", replayed);
	return replayed > 0 ? 0 : 1;
}
