#!/usr/bin/env python3
"""Makes what words.txt describes, for C, for the database and for readers.

    words.py c DIRECTORY WORDS.TXT      words.h and words.c, at build time
    words.py write WORDS.TXT            words.sql and STATES.md beside it, which are committed
    words.py check WORDS.TXT            whether these two are what the list says

A mistake ends it with FILE:LINE.
"""

import collections
import pathlib
import re
import sys

HEAD = re.compile(r"(vocabulary|machine) ([a-z]\w*) ([A-Z]\w*) (\w+)\.(\w+)$")
WORD = re.compile(r"([a-z][a-z0-9-]*)( initial)?: (.+)$")
MOVE = re.compile(r"([a-z][a-z0-9-]*) -> ([a-z][a-z0-9-]*): (.+)$")

Word = collections.namedtuple("Word", "text initial meaning")
Move = collections.namedtuple("Move", "old new who")


class Mistake(Exception):
    pass


class List:
    def __init__(self, kind, name, prefix, table, column):
        self.kind, self.name, self.prefix, self.table, self.column = kind, name, prefix, table, column
        self.words, self.moves = [], []

    @property
    def stored(self):
        """Views are named after what they compute."""
        return not self.table.endswith("_state")

    @property
    def texts(self):
        return [w.text for w in self.words]

    def constant(self, word):
        return f"{self.prefix}_{word}".upper().replace("-", "_")

    @property
    def count(self):
        return f"{self.name}_COUNT".upper()

    @property
    def said(self):
        """As reasons call it; the part of the program is no part of the idea."""
        return re.sub("^(store|ca)_", "", self.name).replace("_", " ")

    def add(self, text):
        move, word = MOVE.match(text), WORD.match(text)
        if move and self.kind == "machine":
            if not {move[1], move[2]} <= set(self.texts) or move[1] == move[2] or any(m[:2] == (move[1], move[2]) for m in self.moves):
                raise ValueError(f"\"{move[1]} -> {move[2]}\" is no move of {self.name}")
            self.moves.append(Move(*move.groups()))
        elif word and word[1] not in self.texts and (self.kind == "machine" or not word[2]):
            self.words.append(Word(word[1], bool(word[2]), word[3]))
        else:
            raise ValueError(f"\"{text}\" is no word of {self.name}")

    def finish(self):
        reached = {m.new for m in self.moves} | {w.text for w in self.words if w.initial}
        if self.kind == "machine" and reached != set(self.texts):
            raise ValueError(f"{self.name}: nothing leads to {', '.join(sorted(set(self.texts) - reached))}")


def read_lists(path):
    lists = []
    for number, line in enumerate(pathlib.Path(path).read_text(encoding="utf-8").split("\n"), 1):
        head = HEAD.match(line)
        try:
            if head:
                if any(known.name == head[2] for known in lists):
                    raise ValueError(f"\"{head[2]}\" stands twice")
                lists.append(List(*head.groups()))
            elif line and not line.startswith("#"):
                if not lists:
                    raise ValueError("a word stands under no list")
                lists[-1].add(line)
            elif lists:
                lists[-1].finish()
        except ValueError as mistake:
            raise Mistake(f"{path}:{number}: {mistake}") from mistake
    return lists


HEADER = """
enum {name} {{
{constants}	{count}
}};
extern const struct words {name}_words;
static inline const char *
{name}_name(enum {name} v)
{{
	return words_name(&{name}_words, v);
}}
MUST_CHECK static inline enum err
{name}_parse(const char *text, enum {name} *out)
{{
	unsigned i;
	enum err e = words_parse(&{name}_words, "{said}", text, &i);

	if (e == ERR_OK)
		*out = (enum {name})i;
	return e;
}}
"""
SOURCE = """
static const char *
text_of_{name}(unsigned i)
{{
	static const char *const texts[] = {{{texts}}};

	return texts[i];
}}
const struct words {name}_words = {{text_of_{name}, {count}}};
"""


def make_c(lists, directory):
    head, source = "", ""
    for l in lists:
        constants = "".join(f"\t{l.constant(w.text)}, /* {w.meaning} */\n" for w in l.words)
        head += HEADER.format(name=l.name, constants=constants, count=l.count, said=l.said)
        source += SOURCE.format(name=l.name, count=l.count, texts=", ".join(f'"{t}"' for t in l.texts))
    (directory / "words.h").write_text(
        "/* Made from schema/words.txt by words.py. */\n#ifndef CHANCERY_SCHEMA_WORDS_H\n#define CHANCERY_SCHEMA_WORDS_H\n\n"
        f"#include \"lib/base/words.h\"\n{head}\n#endif\n", encoding="utf-8")
    (directory / "words.c").write_text(
        f"/* Made from schema/words.txt by words.py. */\n#include \"schema/words.h\"\n{source}", encoding="utf-8")


SQL = """\
-- Made from words.txt by words.py, which also says whether it is stale: the words each column may hold, and how states may move.
-- `ca-admin schema apply` runs it after the migrations. What is as it should be (its comment is its definition) is left alone. No row is
-- read: a row that was there before is judged when it changes.

-- A move that no line of words.txt allows; the trigger's own condition has judged it, so a legal one calls nothing.
CREATE OR REPLACE FUNCTION refuse_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '% "%" does not become "%" in %', TG_ARGV[0], to_jsonb(OLD) ->> TG_ARGV[0], to_jsonb(NEW) ->> TG_ARGV[0],
		TG_TABLE_NAME USING ERRCODE = 'triggered_data_change_violation';
END $$;

DO $do$
DECLARE
	w record;
BEGIN
	FOR w IN SELECT * FROM (VALUES
{checks}
		) AS v (relation, name, definition)
	LOOP
		CONTINUE WHEN w.definition = (SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint
			WHERE conrelid = w.relation::regclass AND conname = w.name);
		EXECUTE format('ALTER TABLE %I DROP CONSTRAINT IF EXISTS %I', w.relation, w.name);
		EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I %s NOT VALID', w.relation, w.name, w.definition);
		EXECUTE format('COMMENT ON CONSTRAINT %I ON %I IS %L', w.name, w.relation, w.definition);
	END LOOP;
	FOR w IN SELECT * FROM (VALUES
{triggers}
		) AS v (relation, name, definition)
	LOOP
		CONTINUE WHEN w.definition = (SELECT obj_description(oid, 'pg_trigger') FROM pg_trigger
			WHERE tgrelid = w.relation::regclass AND tgname = w.name);
		EXECUTE format('CREATE OR REPLACE TRIGGER %I %s', w.name, w.definition);
		EXECUTE format('COMMENT ON TRIGGER %I ON %I IS %L', w.name, w.relation, w.definition);
	END LOOP;
END $do$;
"""


def literal(text):
    return "'%s'" % text.replace("'", "''")


def row(*values):
    return "\t\t(%s)" % ", ".join(map(literal, values))


# One array of text: PostgreSQL reads a stored condition again for each statement, and a list of words costs it five times as much.
def array(texts):
    return literal("{%s}" % ",".join(texts)) + "::text[]"


def check_of(l):
    return row(l.table, f"{l.table}_{l.column}_check", f"CHECK ({l.column} = ANY ({array(l.texts)}))")


def trigger_of(l):
    legal = array(f"{m.old}>{m.new}" for m in l.moves)
    return row(l.table, f"{l.table}_{l.column}_moves",
               f"BEFORE UPDATE OF {l.column} ON {l.table} FOR EACH ROW WHEN (OLD.{l.column} IS DISTINCT FROM NEW.{l.column} "
               f"AND OLD.{l.column} || '>' || NEW.{l.column} <> ALL ({legal})) EXECUTE FUNCTION refuse_move({l.column})")


def make_sql(lists):
    stored = [l for l in lists if l.stored]
    return SQL.format(checks=",\n".join(map(check_of, stored)), triggers=",\n".join(trigger_of(l) for l in stored if l.moves))


STATES = """\
# Words and states

Made from `words.txt` by `words.py write`; a test compares. A word that is not here, or a move, is refused by the database; computed
states move by themselves, as facts and the clock say. tests/db/test_words.py walks all pairs.
"""


def section_of(l):
    text = f"\n## {l.said[0].upper() + l.said[1:]}\n\n`{l.table}.{l.column}`{'' if l.stored else ', computed'}\n\n| word | meaning |\n|---|---|\n"
    text += "".join(f"| {w.text}{' (initial)' if w.initial else ''} | {w.meaning} |\n" for w in l.words)
    if l.moves:
        text += "\n| from | to | who |\n|---|---|---|\n" + "".join(f"| {m.old} | {m.new} | {m.who} |\n" for m in l.moves)
    return text


def make_states(lists):
    return STATES + "".join(map(section_of, lists))


def main():
    if len(sys.argv) != (4 if sys.argv[1:2] == ["c"] else 3) or sys.argv[1] not in ("c", "write", "check"):
        sys.exit(__doc__)
    path = pathlib.Path(sys.argv[-1])
    try:
        lists = read_lists(path)
    except Mistake as mistake:
        sys.exit(str(mistake))
    if sys.argv[1] == "c":
        return make_c(lists, pathlib.Path(sys.argv[2]))
    for name, text in (("words.sql", make_sql(lists)), ("STATES.md", make_states(lists))):
        file = path.parent / name
        if sys.argv[1] == "write":
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            sys.exit(f"{file} is not what {path} says: run {sys.argv[0]} write {path}")
    return None


if __name__ == "__main__":
    sys.exit(main())
