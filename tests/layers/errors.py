#!/usr/bin/env python3
"""The words of refusals (lib/base/err_words.h): is each one used, and does docs/ERRORS.md say of all what list and sources say?

    errors.py [--root DIRECTORY]        compares
    errors.py --write                   makes docs/ERRORS.md anew

Exits 1 when something was found.
"""
import argparse
import pathlib
import re
import sys

LIST, PROBLEMS, STATUSES, PAGE = "lib/base/err_words.h", "acme/problem.c", "admin/api/api.c", "docs/ERRORS.md"
WORD = re.compile(r'^\tX\((\w+), "([a-z0-9-]+)", "([^"]+)"\)', re.M)
PROBLEM = re.compile(r"\[WORD_(\w+)\] = \{(\w+), (\d+)\}")
TYPE = re.compile(r'^static const char (\w+)\[\] = "(\w+)";', re.M)
# The class a word is set with where both stand together; elsewhere it is that of what failed.
CLASS = re.compile(r"\bERR_(\w+)(?:,|\)\s*return err_set_word\(\s*e,)\s*WORD_(\w+)")
STORED = re.compile(r"\brefusal_word = '([^']+)'")  # by a function of the database
SET = re.compile(r"(?<![=!]= )\bWORD_(\w+)\b")
# First folders that fit -> who tells the word; the rest of the tree is reached from every protocol.
TELLERS = [("acme/validator", "ACME challenges"), ("acme", "ACME"), ("est", "EST"), ("admin/api", "admin API"), ("admin/cli", "ca-admin"),
           ("ca/ceremony", "ca-ceremony"), ("ca/hsm", "ca-ceremony"), ("ca/authenticator.c", "logs"), ("lib/store/store.c", "ca-admin, logs")]

HEAD = """# Refusals

Every refusal has a class, a stable word and a sentence for people. The word is in EST's line (`word: sentence (request ID)`), in the admin
API's `code`, in `ca-admin --json`, in logs and audit events; ACME clients see the problem type it stands for. Sentences of the classes
unavailable and internal stay in the logs. Where no class stands it is that of the check that failed. Refusals of the listener, before any
protocol has a say, have words of their own (`lib/http/`).

Made by `tests/layers/errors.py --write` from `lib/base/err_words.h` and the places that use it.

"""


def sources(root):
    for folder in ("acme", "admin", "ca", "crl", "est", "lib", "ocsp", "server"):
        for path in sorted((root / folder).rglob("*.[ch]")):
            yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def teller(path):
    return next((who for folder, who in TELLERS if path.startswith(folder)), "all")


def tellers(who):
    return "all" if "all" in who else ", ".join(sorted(who))


def read_tree(root):
    """identifier -> who tells it; identifier -> classes."""
    told, classes = {}, {}
    for path, text in sources(root):
        if path in (LIST, PROBLEMS):
            continue
        for identifier in SET.findall(text):
            told.setdefault(identifier, set()).add(teller(path))
        for name, identifier in CLASS.findall(text):
            classes.setdefault(identifier, set()).add(name)
    return told, classes


def table(head, rows):
    return "| %s |\n|%s\n%s" % (" | ".join(head), "---|" * len(head), "".join("| %s |\n" % " | ".join(row) for row in rows))


def class_table(root, words):
    admin = dict(re.findall(r"\[ERR_(\w+)\] = (\d+)", (root / STATUSES).read_text(encoding="utf-8")))
    est = dict(re.findall(r"\[ERR_(\w+)\] = \{(\d+),", (root / "est/answer.c").read_text(encoding="utf-8")))
    acme = dict(re.findall(r"\[ERR_(\w+)\] = \{\w+,\s*(\d+)\}", (root / PROBLEMS).read_text(encoding="utf-8")))
    rows = [[text, acme[name], est[name], admin[name], meaning] for name, text, meaning in words if name in est]
    return table(["class", "ACME", "EST", "admin API", "meaning"], rows)


def make_page(root):
    words = WORD.findall((root / LIST).read_text(encoding="utf-8"))
    problems = (root / PROBLEMS).read_text(encoding="utf-8")
    types = dict(TYPE.findall(problems))
    told, classes = read_tree(root)
    acme = {identifier: f"{types[kind]} {status}" for identifier, kind, status in PROBLEM.findall(problems)}
    of_class = re.findall(r"\bERR_(\w+)", (root / "lib/base/err.h").read_text(encoding="utf-8").split("ERR_COUNT")[0])
    texts = {name: text for name, text, _ in words}
    stored = {word for path in (root / "schema").glob("*.sql") for word in STORED.findall(path.read_text(encoding="utf-8"))}
    told.update((name, {"all"}) for name, text, _ in words if text in stored)
    found = [f"{LIST}: has no word \"{word}\", which the schema's functions write" for word in sorted(stored - set(texts.values()))]
    found += [f"{LIST}: no place sets WORD_{name}" for name, _, _ in words if name not in told and name not in of_class]
    rows = [[text, ", ".join(sorted(texts[c] for c in classes.get(name, []))), tellers(told.get(name, set())), acme.get(name, ""), meaning]
            for name, text, meaning in words if name not in of_class]
    return HEAD + class_table(root, words) + "\n" + table(["word", "class", "told by", "ACME problem", "what to do"], rows), found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    page, found = make_page(arguments.root)
    file = arguments.root / PAGE
    if arguments.write:
        file.write_text(page, encoding="utf-8")
    elif not file.exists() or file.read_text(encoding="utf-8") != page:
        found.append(f"{PAGE}: is not what list and sources say; run tests/layers/errors.py --write")
    for line in found:
        print(line)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
