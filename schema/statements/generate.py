#!/usr/bin/env python3
"""Makes C out of the statements in *.sql: their texts, a structure to bind parameters by name, numbers of result columns by name.

    -- name: identity_find                       one statement, up to its semicolon
    -- by: gateway, signer                       the roles that run it ("all": those of the programs)
    -- in: name text, reason int2 null -1        its parameters, :name in the text; what stands in C for an SQL null
    -- out: {identity}, seen bool                its columns: those of a row first, then its own
    -- row: identity                             columns that several statements have, with "out"; {identity} is their list
    -- fragment: live                            text that several statements have: {live}

Any other comment is for the reader. Names are known in all files. A mistake ends the build with FILE:LINE. The C side is
described in lib/db/statement.h; tests/db/test_statements.py compares all with the schema.
"""

import argparse
import collections
import pathlib
import re
import sys

ROLES = ["gateway", "admin", "signer", "validator", "status", "owner"]
# Type in SQL -> how C holds it, and the function of lib/db that takes it.
TYPES = {
    "text": ("const char *{}", "params_text(p, {})"),
    "jsonb": ("const char *{}", "params_text(p, {})"),
    "bytea": ("struct bytes {}", "params_bytes(p, {})"),
    "bool": ("bool {}", "params_bool(p, {})"),
    "int2": ("int64_t {}", "params_int(p, {})"),
    "int4": ("int64_t {}", "params_int(p, {})"),
    "int8": ("int64_t {}", "params_int(p, {})"),
    "xid8": ("int64_t {}", "params_int(p, {})"),
    "timestamptz": ("int64_t {}", "params_time(p, {})"),
    "text[]": ("struct texts {}", "params_texts(p, {0}.items, {0}.count)"),
    "int8[]": ("struct ints {}", "params_ints(p, {0}.items, {0}.count)"),
    "int2[]": ("struct shorts {}", "params_shorts(p, {0}.items, {0}.count)"),
    "timestamptz[]": ("struct ints {}", "params_times(p, {0}.items, {0}.count)"),
    "bytea[]": ("struct octets {}", "params_bytes_array(p, {0}.items, {0}.count)"),
}
PARAMETERS_MAX = 24  # PARAMS_MAX of lib/db/statement.h
INTEGERS = ("int2", "int4", "int8", "xid8")

DIRECTIVE = re.compile(r"-- (name|row|fragment|by|in|out): *(.*)$")
TOKEN = re.compile(r"""(?P<comment>--[^\n]*) | (?P<quoted>'(?:[^']|'')*'|"[^"]*") | (?P<cast>::) | :(?P<parameter>[a-z]\w*)
    | \{(?P<fragment>\w+)\} | (?P<space>\s+) | (?P<number>\$\d) | (?P<end>;) | (?P<other>\w+|.)""", re.X)

Parameter = collections.namedtuple("Parameter", "name type null")
Column = collections.namedtuple("Column", "name type")


class Mistake(Exception):
    def __init__(self, file, line, reason):
        super().__init__(f"{file}:{line}: {reason}")


class Piece:
    """A statement, a row or a fragment as it stands in its file."""

    def __init__(self, kind, name, file, line):
        self.kind, self.name, self.file, self.line = kind, name, file, line
        self.by, self.parameters, self.own, self.body = [], [], [], []
        self.row_name, self.row, self.sql, self.said, self.used = None, None, None, set(), False

    def mistake(self, line, reason):
        return Mistake(self.file, line, f"{self.kind} {self.name}: {reason}")

    @property
    def columns(self):
        return (self.row.own if self.row else []) + self.own


def listed(text):
    return [item.strip() for item in text.split(",") if item.strip()]


class File:
    """One family of statements."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.family = self.path.stem
        self.pieces = []
        piece = None
        for line, text in enumerate(self.path.read_text(encoding="utf-8").split("\n"), 1):
            found = DIRECTIVE.match(text)
            if found and found.group(1) in ("name", "row", "fragment"):
                piece = self.begin(found.group(1), found.group(2), line)
            elif found:
                if piece is None or piece.kind == "fragment" or (piece.kind == "row" and found.group(1) != "out"):
                    raise Mistake(self.path, line, f"\"{found.group(1)}\" stands under no name")
                getattr(self, "say_" + found.group(1))(piece, found.group(2), line)
                piece.said.add(found.group(1))
            elif piece is not None:
                piece.body.append((line, text))
            elif text.strip() and not text.startswith("--"):
                raise Mistake(self.path, line, "text stands under no name")
        self.statements = [p for p in self.pieces if p.kind == "statement"]
        self.rows = [p for p in self.pieces if p.kind == "row"]

    def begin(self, word, rest, line):
        if not re.fullmatch(r"[a-z]\w*", rest):
            raise Mistake(self.path, line, f"\"{rest}\" is no name")
        piece = Piece("statement" if word == "name" else word, rest, self.path, line)
        self.pieces.append(piece)
        return piece

    def say_by(self, piece, rest, line):
        for role in listed(rest):
            if role not in ROLES + ["all"]:
                raise piece.mistake(line, f"no role \"{role}\"")
            piece.by += ROLES[:5] if role == "all" else [role]

    def say_in(self, piece, rest, line):
        for item in listed(rest):
            found = re.fullmatch(r"([a-z]\w*) (\S+)(?: null (-?\d+))?", item)
            if not found or found.group(2) not in TYPES or (found.group(3) and found.group(2) not in INTEGERS):
                raise piece.mistake(line, f"\"{item}\" is no parameter")
            if any(p.name == found.group(1) for p in piece.parameters):
                raise piece.mistake(line, f"parameter \"{found.group(1)}\" stands twice")
            piece.parameters.append(Parameter(*found.groups()))

    def say_out(self, piece, rest, line):
        found = re.match(r"\{(\w+)\}(?:, *|$)", rest)
        if found and not piece.own and piece.kind == "statement":
            piece.row_name, rest = found.group(1), rest[found.end():]
        piece.own += self.some_columns(piece, rest, line)

    def some_columns(self, piece, text, line):
        columns = []
        for item in listed(text):
            found = re.fullmatch(r"([a-z]\w*) (\S+)", item)
            if not found or found.group(2) not in [*TYPES, "void"]:
                raise piece.mistake(line, f"\"{item}\" is no column")
            if any(c.name == found.group(1) for c in columns + piece.columns):
                raise piece.mistake(line, f"column \"{found.group(1)}\" stands twice")
            columns.append(Column(*found.groups()))
        return columns


class Texts:
    """Statements with their rows and fragments put in."""

    def __init__(self, files):
        self.parts, statements = {}, {}
        for piece in (p for f in files for p in f.pieces):
            names = statements if piece.kind == "statement" else self.parts
            if piece.name in names:
                other = names[piece.name]
                raise piece.mistake(piece.line, f"stands in {other.file}:{other.line} too")
            names[piece.name] = piece
        for statement in statements.values():
            self.finish(statement)
        for part in self.parts.values():
            if not part.used:
                raise part.mistake(part.line, "no statement uses it")

    def finish(self, piece):
        """Text with numbers for parameters, on one line and without comments, as the server's log shows it."""
        if not piece.by:
            raise piece.mistake(piece.line, "\"by\" is missing: which roles run it?")
        if piece.row_name:
            piece.row = self.parts.get(piece.row_name)
            if piece.row is None or piece.row.kind != "row":
                raise piece.mistake(piece.line, f"no row \"{piece.row_name}\"")
        seen = set()
        piece.sql = self.expand(piece, piece, seen)
        if len(piece.parameters) > PARAMETERS_MAX:
            raise piece.mistake(piece.line, f"more than {PARAMETERS_MAX} parameters")
        for parameter in piece.parameters:
            if parameter.name not in seen:
                raise piece.mistake(piece.line, f"parameter \"{parameter.name}\" is not used")
        if answers(piece.sql) != ("out" in piece.said):
            reason = "\"out\" is missing: which columns has it?" if answers(piece.sql) else "it has no columns, so no \"out\""
            raise piece.mistake(piece.line, reason)

    def expand(self, piece, statement, seen):
        out, ended = [], False
        body = "\n".join(text for _, text in piece.body)
        for token in TOKEN.finditer(body):
            kind, value = token.lastgroup, token.group(token.lastgroup)
            line = piece.body[body.count("\n", 0, token.start())][0]
            if kind in ("comment", "space"):
                value = " "
            elif ended:
                raise piece.mistake(line, "something stands behind its semicolon")
            elif kind == "end":
                ended, value = True, ""
            elif kind == "number":
                raise piece.mistake(line, "a parameter is written :name")
            elif kind == "parameter":
                names = [p.name for p in statement.parameters]
                if value not in names:
                    raise piece.mistake(line, f"parameter \"{value}\" is unknown to statement {statement.name}")
                seen.add(value)
                value = "$%d" % (names.index(value) + 1)
            elif kind == "fragment":
                if piece is not statement or value not in self.parts:
                    raise piece.mistake(line, f"fragment \"{value}\" is unknown here")
                self.parts[value].used = True
                value = self.expand(self.parts[value], statement, seen)
            out.append(value)
        if ended != (piece is statement):
            raise piece.mistake(piece.line, "only a statement ends in a semicolon" if ended else "it does not end in a semicolon")
        return squeezed(out)


def answers(text):
    """Whether the statement itself, not a part in brackets, gives rows."""
    text = re.sub(r"'(?:[^']|'')*'", "''", text)
    changed = 1
    while changed:
        text, changed = re.subn(r"\([^()]*\)", "", text)
    return re.search(r"\b(SELECT|INSERT|UPDATE|DELETE)\b", text).group(1) == "SELECT" or re.search(r"\bRETURNING\b", text) is not None


def squeezed(tokens):
    """One line, with one space where there was any, none inside brackets; texts in quotes stay as they are."""
    text = ""
    for token in tokens:
        if token.isspace():
            text += " " if text and not text.endswith((" ", "(")) else ""
        else:
            text = text.rstrip(" ") + token if token == ")" else text + token
    return text.strip()


def read_files(paths):
    files = [File(p) for p in paths]
    Texts(files)
    return files


def numbers(prefix, columns, first):
    names = [f"COL_{prefix}_{c.name}".upper() for c in columns]
    return "enum { %s };\n" % ", ".join(f"{n} = {i}" for i, n in enumerate(names, first)) if names else ""


def binder(piece):
    """The parameters' structure, their number for BIND() to compare, and what puts them in order."""
    if not piece.parameters:
        return ""
    members = "".join(f"\t{TYPES[p.type][0].format(p.name)};\n" for p in piece.parameters)
    puts = "".join("\tparams_int_or_null(p, in->%s, %s);\n" % (p.name, p.null) if p.null else
                   "\t%s;\n" % TYPES[p.type][1].format("in->" + p.name) for p in piece.parameters)
    return (f"struct sql_{piece.name}_in {{\n{members}}};\nenum {{ sql_{piece.name}_count = {len(piece.parameters)} }};\n"
            f"static inline void\nsql_{piece.name}_bind(struct params *p, const struct sql_{piece.name}_in *in)\n{{\n{puts}}}\n")


def header(file):
    guard = f"CHANCERY_STATEMENTS_{file.family.upper()}_H"
    text = (f"/* Made from schema/statements/{file.path.name} by generate.py. */\n#ifndef {guard}\n#define {guard}\n\n"
            "#include \"lib/db/statement.h\"\n\n")
    text += "".join(numbers(row.name, row.own, 0) for row in file.rows)
    for piece in file.statements:
        first = len(piece.row.own) if piece.row else 0
        text += f"\nextern const struct stmt sql_{piece.name};\n{numbers(piece.name, piece.own, first)}{binder(piece)}"
    return text + "\n#endif\n"


def quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def constants(files):
    text = "/* Made from schema/statements by generate.py. */\n"
    text += "".join(f"#include \"schema/statements/{f.family}.h\"\n" for f in files)
    return text + "".join(f"\nconst struct stmt sql_{p.name} = {{\"{p.name}\",\n\t{quoted(p.sql)},\n\t{len(p.parameters)}}};\n"
                          for f in files for p in f.statements)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path, help="where the headers and statements.c go")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    try:
        files = read_files(arguments.files)
    except Mistake as mistake:
        print(mistake, file=sys.stderr)
        return 1
    for file in files:
        (arguments.directory / (file.family + ".h")).write_text(header(file), encoding="utf-8")
    (arguments.directory / "statements.c").write_text(constants(files), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
