#!/usr/bin/env python3
"""Do the documents say what is there, and do names say what they are of?

A file that a README or a page of docs/ names exists, a name_like_this in code marks is a name of the tree, and every
.c file is named in the README of its folder (or of the one above, for a folder without). Every event of the log stands in
docs/DEBUG.md, and nothing else does; every stop of docs/WALKS.md is a function of its file. Every suite has its command for one test in CONTRIBUTING.md, and what it runs exists.
A static function has a verb and an object, not a bare verb that many files share. What breaks this is told as
FILE:LINE: reason. Exits 1 when something was found, 2 when it could not look.
"""
import argparse
import fnmatch
import os
import pathlib
import re
import subprocess
import sys

import check

BARE = {"main"}
FOREIGN = {"acme_ca_root"}  # words of other programs, in code marks
MADE = {"statements.c"}  # by the build
NAME_FILES_MAX = 6  # files in which static functions may have one name

STATIC = re.compile(r"^static [^;{}=()]*\n(\w+)\(", re.M)
FILE = re.compile(r"[\w./*-]*\w\.(?:c|h|py|sql|sh|yaml|md|\*)(?![\w.])")
WORD = re.compile(r"`([a-z]\w*_\w+)(?:\(\))?`")
TICKED = re.compile(r"`([^`\n]+)`")
EVENT = [re.compile(p, re.S) for p in (
    r'log_event\(\s*[^"]*?,\s*"([a-z._]+)"', r'log_failure\(\s*"([a-z._]+)"', r'\.event = "([a-z._]+)"',
    r'db_follow\([^;]*?"([a-z.]+)"', r'tolerate_outage\(\s*s,\s*"([a-z.]+)"', r'(?m)^\t\{"(front\.[a-z]+)", \w+\},?$')]
EVENT_ROW = re.compile(r"^\| `([a-z._]+)`", re.M)
WALK = re.compile(r"(\d+) files, (\d+) stays, (\d+) returns\.\n.*?(?=\n## |\Z)", re.S)
STOP = re.compile(r"^\| \d+ \| `([\w/.]+)` \| (.*?) \|", re.M)
SUITE_ROW = re.compile(r"^\| `(\w+)` \|[^\n]*\| (`[^`]*`) \|$", re.M)


class Documents(check.Check):
    def __init__(self, root):
        super().__init__(root)
        self.texts = dict(self.files("*.[ch]", "*.py", "*.md", "*.sql", "*.yaml*", "meson.build"))
        skip = (".git/", "build")
        self.paths = [p for p in (f.relative_to(root).as_posix() for f in root.rglob("*")) if not p.startswith(skip)]
        self.code = {p: t for p, t in self.texts.items() if p.endswith((".c", ".h"))}
        self.own = {p: t for p, t in self.code.items() if not check.inside(p, "tests")}

    def static_names(self):
        files = {}
        for path, text in self.own.items():
            for match in STATIC.finditer(text):
                name = match.group(1)
                files.setdefault(name, []).append((path, text, match.start(1)))
                if "_" not in name and name not in BARE:
                    self.refuse(path, text, match.start(1), f"{name}() says not what of: a verb and its object")
        for name, places in files.items():
            if len({p for p, _, _ in places}) > NAME_FILES_MAX:
                self.refuse(*places[-1], f"{name}() is static in {len(places)} files: name its object")

    def readme_of(self, folder):
        """The README that speaks for a folder, and what it calls the folder."""
        above = folder.rpartition("/")[0]
        if folder + "/README.md" in self.texts:
            return folder + "/README.md", ""
        return above + "/README.md", folder.removeprefix(above + "/") + "/"

    def named_in(self, path):
        """Patterns of files in a README's code marks: `a.h`, `a.*`, `hsm/key.c`."""
        names = {}
        for ticked in TICKED.finditer(self.texts.get(path, "")):
            for match in FILE.finditer(ticked.group(1)):
                names.setdefault(match.group(0), ticked.start())
        return names

    def readmes(self):
        for path, text in self.texts.items():
            if not path.endswith("README.md"):
                continue
            for name, offset in self.named_in(path).items():
                if name not in MADE and not any(fnmatch.fnmatch("/" + file, "*/" + name.removeprefix("../")) for file in self.paths):
                    self.refuse(path, text, offset, f"there is no {name}")

    def words(self):
        """What stands in code marks and looks like a name of ours is one, or a part of one."""
        known = "\n".join([t for p, t in self.texts.items() if not p.endswith(".md")] + self.paths)
        for path, text in self.texts.items():
            if not path.endswith(("README.md", "ARCHITECTURE.md")) and not check.inside(path, "docs"):
                continue
            for match in WORD.finditer(text):
                if match.group(1) not in known and match.group(1) not in FOREIGN:
                    self.refuse(path, text, match.start(), f"{match.group(1)} is no name in the tree")

    def sources_are_named(self):
        for path, text in self.own.items():
            folder, _, file = path.rpartition("/")
            if not path.endswith(".c") or folder == "man":
                continue
            readme, prefix = self.readme_of(folder)
            if not any(fnmatch.fnmatch(prefix + file, name) for name in self.named_in(readme)):
                self.refuse(path, text, 0, f"{readme} does not name it")

    def paths_in_documents(self):
        for path, text in self.texts.items():
            if not check.inside(path, "docs") and path != "ARCHITECTURE.md":
                continue
            for ticked in TICKED.finditer(text):
                for name in re.findall(r"\b[\w/]+/\w+\.(?:c|h|py|sql)\b", ticked.group(1)):
                    if not re.search(r"[A-Z]", name) and name not in self.paths:
                        self.refuse(path, text, ticked.start(), f"there is no {name}")

    def events(self):
        page = self.texts.get("docs/DEBUG.md", "")
        rows = {m.group(1): m.start() for m in EVENT_ROW.finditer(page)}
        seen = set()
        for path, text in self.own.items():
            if not path.endswith(".c"):
                continue
            for match in (m for pattern in EVENT for m in pattern.finditer(text)):
                seen.add(match.group(1))
                if match.group(1) not in rows:
                    self.refuse(path, text, match.start(1), f"docs/DEBUG.md does not explain event {match.group(1)}")
        for name in rows.keys() - seen:
            self.refuse("docs/DEBUG.md", page, rows[name], f"no program logs event {name}")

    def walks(self):
        """Every stop is a function of its file, and the sums are right."""
        path = "docs/WALKS.md"
        text = self.texts.get(path, "")
        for walk in WALK.finditer(text):
            stops = [(m.group(1), m.group(2), walk.start() + m.start()) for m in STOP.finditer(walk.group(0))]
            files = len({file for file, _, _ in stops})
            said, counted = walk.group(1, 2, 3), (files, len(stops), len(stops) - files)
            if said != tuple(map(str, counted)):
                self.refuse(path, text, walk.start(1), "these are %d files, %d stays, %d returns" % counted)
            for file, names, offset in stops:
                for name in TICKED.findall(names):
                    if not re.search(rf"^{name}\(", self.texts.get(file, ""), re.M):
                        self.refuse(path, text, offset, f"{file} has no function {name}")

    def commands(self, build):
        """Every suite has a command for one test; with a build they are tried, those of pytest as far as they find it."""
        text = self.texts.get("CONTRIBUTING.md", "")
        rows = {m.group(1): (m.start(), m.group(2).strip("`")) for m in SUITE_ROW.finditer(text)}
        for meson in self.root.glob("tests/*/meson.build"):
            if meson.parent.name not in rows and meson.parent.name != "bench":
                self.refuse("CONTRIBUTING.md", text, 0, f"suite {meson.parent.name} has no command for one test")
        for suite, (offset, command) in rows.items():
            for name in re.findall(r"tests/\S+\.py", command):
                if not (self.root / name).exists():
                    self.refuse("CONTRIBUTING.md", text, offset, f"{suite}: there is no {name}")
            if build is not None and suite != "layers":
                said = self.try_command(command, build)
                if said is not None:
                    self.refuse("CONTRIBUTING.md", text, offset, f"{suite}: {command}: {said}")

    def try_command(self, command, build):
        words = [str(build / w.removeprefix("build/")) if w.startswith("build/") else w for w in command.split()]
        if words[0] == "pytest-3":
            words += ["--collect-only", "-q", "-p", "no:cacheprovider"]
        done = subprocess.run(words, cwd=self.root, env={**os.environ, "CHANCERY_BUILD": str(build)}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        return None if done.returncode == 0 else done.stdout.strip().rpartition("\n")[2] or f"exit {done.returncode}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--build", type=pathlib.Path, help="also try the commands of CONTRIBUTING.md on this build")
    arguments = parser.parse_args()
    documents = Documents(arguments.root)
    if not documents.own:
        print(f"{documents.root}: no sources", file=sys.stderr)
        return 2
    for look in (documents.static_names, documents.readmes, documents.words, documents.sources_are_named, documents.paths_in_documents,
                 documents.events, documents.walks):
        look()
    documents.commands(arguments.build)
    print("\n".join(documents.found) or f"{len(documents.texts)} files and what is said of them fit")
    return 1 if documents.found else 0


if __name__ == "__main__":
    sys.exit(main())
