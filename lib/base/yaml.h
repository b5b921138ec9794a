/*
 * Strict YAML files: configuration, profiles, ceremony plans and credentials come through here, each
 * by its own table of one row a setting. Every refusal reads "FILE:LINE: what is wrong; what is
 * allowed".
 *
 * Refused beside what the table does not know: a doubled key, an alias, a second document, a number
 * that is not plain decimal and a flag other than true or false.
 */
#ifndef CHANCERY_BASE_YAML_H
#define CHANCERY_BASE_YAML_H

#include "lib/base/arena.h"
#include "lib/base/bytes.h"
#include "lib/base/err.h"

enum { YAML_SIZE_MAX = 1 << 20, YAML_DEPTH_MAX = 16, YAML_NODE_MAX = 65536, YAML_TEXT_MAX = 1024 };

/* What a row's value is, and in brackets its member's type. */
enum yaml_type {
	YAML_TEXT,     /* [const char *], NULL when absent */
	YAML_NUMBER,   /* [uint32_t] plain decimal */
	YAML_FLAG,     /* [bool] true or false */
	YAML_DURATION, /* [int64_t] seconds; written 30s, 5m, 8h, 7d */
	YAML_WORD,     /* [an enum] which one of words */
	YAML_SECTION,  /* a mapping, whose keys are rows with members in the same structure */
	YAML_LIST,     /* [struct x *] mappings: the rows "PATH.*.key" are about one struct x */
	YAML_TEXTS,    /* [const char *const *] texts */
	YAML_SET,      /* [uint32_t] a list of words; 1 << which, for each */
	YAML_REFUSED,  /* a key that somebody will try: help says why not and what instead */
};

enum yaml_need {
	YAML_OPTIONAL,
	YAML_REQUIRED, /* wherever the mapping around it is there */
	YAML_CHOICE,   /* one of several, which a rule outside the table demands */
};

/* What a text must be besides short: the reason for a refusal is "must be <wanted>". */
struct yaml_form {
	bool (*matches)(const char *text);
	const char *wanted;
	bool secret; /* the value may be one by mistake: never repeated in a reason */
};

struct yaml_row {
	const char *path; /* "enroll.port", "issuers.*.key"; keys have no dots */
	enum yaml_type type;
	enum yaml_need need;
	size_t at;	 /* of the member */
	size_t count_at; /* YAML_LIST, YAML_TEXTS: of its uint32_t count */
	size_t size;	 /* YAML_LIST: of one structure */
	/* Of a number, of seconds, of a list's length, of a text's octets (max 0: YAML_TEXT_MAX). */
	int64_t min, max;
	const struct yaml_form *form; /* of a text, or each of a list; NULL: any */
	const struct words *words;    /* YAML_WORD, YAML_SET */
	bool unique; /* no two of the list (YAML_TEXTS), or of its structures, are the same */
	const char *fallback; /* the default as the file would have it; NULL: zero */
	const char *example;  /* for the sample file, where there is no default */
	const char *help;     /* a phrase: what it is for */
};

/* Offset of a member whose type must be the given one. */
#define YAML_AT(type, structure, member)                                                           \
	(offsetof(structure, member) + 0 * sizeof((type *)0 == &((structure *)0)->member))

struct yaml_table {
	const struct yaml_row *row;
	size_t count;
};

/* A file that was read: which key stands on which line. Lives in the arena. */
struct yaml_doc;

/*
 * Reads the file into *out, the structure of the table, which must be zero; texts and lists lie in
 * the arena, as does *doc. ERR_NOTFOUND when there is no such file, ERR_INVALID for its content,
 * ERR_LIMIT for its size; *out is then undefined.
 */
enum err yaml_read_file(struct arena *a, const char *path, const struct yaml_table *t, void *out,
	const struct yaml_doc **doc) MUST_CHECK;
/* The same for text already in memory; name stands for the file's name in reasons. */
enum err yaml_read(struct arena *a, const char *name, struct bytes text, const struct yaml_table *t,
	void *out, const struct yaml_doc **doc) MUST_CHECK;

/* Line of a key or list element ("profiles.3.lifetime"), or of the nearest thing around it that the
 * file has. */
unsigned yaml_line(const struct yaml_doc *doc, const char *path);
/* Whether the file itself has it, rather than a default. */
bool yaml_present(const struct yaml_doc *doc, const char *path);
/* err_set(ERR_INVALID, "FILE:LINE: " ...) for the value at path. */
enum err yaml_refuse(const struct yaml_doc *doc, const char *path, const char *fmt, ...)
	PRINTF_LIKE(3, 4) MUST_CHECK;

#endif
