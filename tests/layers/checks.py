#!/usr/bin/env python3
"""Do the checklists (CHECKS.md of acme, est and ocsp) and the tests name each other truly?

Every number in a test's name, or cited in the tree as acme/CHECKS.md 34, is a line of its checklist; every test a checklist
names exists; a line whose number tests carry names one of them. What breaks this is told as FILE:LINE: reason. Exits 1 when
something was found, 2 when it could not look.
"""
import argparse
import fnmatch
import pathlib
import re
import sys

import check

# First word of a numbered test's name -> folder of the checklist.
FOLDERS = {"acme": "acme", "est": "est", "revocation": "ocsp"}
FILES = ["*.[ch]", "*.py", "*.md", "*.sql", "meson.build"]

LINE = re.compile(r"^\| (\d+[a-z]?) \|.*$", re.M)
NAMED = re.compile(r"`(test_\w+\*?)`")
# In Python behind def, in C at the beginning of the line behind the return type's.
DEFINED = re.compile(r"^(?:def )?(test_\w+)\(", re.M)
# test_acme_103_and_042_..., test_est_075_078_..., test_revocation_030_to_034_..., test_est_080a_...
NUMBERED = re.compile(r"test_(%s)_(\d{3}[a-z]?(?:_(?:and_|to_)?\d{3}[a-z]?(?![^_]))*)_" % "|".join(FOLDERS))
CITED = re.compile(r"(?:\b(%s)/)?\bCHECKS\.md((?:,? (?:and |to )?\d+[a-z]?\b)+)" % "|".join(FOLDERS.values()))


def numbers(text):
    """The numbers in "103_and_042" or "030_to_034", as a checklist writes them."""
    words, found = text.split("_"), []
    for i, word in enumerate(words):
        if word == "to":
            found += map(str, range(int(words[i - 1]) + 1, int(words[i + 1])))
        elif word != "and":
            found.append(word.lstrip("0"))
    return found


class Checklists(check.Check):
    """lines: folder -> number -> (offset, names of tests); tests: name -> (path, text, offset)."""

    def __init__(self, root):
        super().__init__(root)
        self.texts = dict(self.files(*FILES))
        self.lines = {f: self.read_lines(f + "/CHECKS.md") for f in FOLDERS.values()}
        self.tests = {m.group(1): (p, t, m.start()) for p, t in self.texts.items() if check.inside(p, "tests")
                      and p.endswith((".py", ".c")) for m in DEFINED.finditer(t)}

    def read_lines(self, path):
        text, lines = self.texts.get(path, ""), {}
        for match in LINE.finditer(text):
            if match.group(1) in lines:
                self.refuse(path, text, match.start(), f"line {match.group(1)} stands twice")
            lines[match.group(1)] = match.start(), NAMED.findall(match.group(0))
        return lines

    def named_tests(self):
        """Every test a checklist names, in whatever place, exists."""
        for folder in self.lines:
            path = folder + "/CHECKS.md"
            for match in NAMED.finditer(self.texts[path]):
                if not fnmatch.filter(self.tests, match.group(1)):
                    self.refuse(path, self.texts[path], match.start(), f"there is no test {match.group(1)}")

    def numbered_tests(self):
        """Every number has its line, and the line does not pass over all tests that carry it."""
        carriers = {}
        for name, place in self.tests.items():
            match = NUMBERED.match(name)
            for number in numbers(match.group(2)) if match else []:
                folder = FOLDERS[match.group(1)]
                if number in self.lines[folder]:
                    carriers.setdefault((folder, number), []).append(name)
                else:
                    self.refuse(*place, f"{name}: {folder}/CHECKS.md has no line {number}")
        for (folder, number), names in carriers.items():
            offset, patterns = self.lines[folder][number]
            if not any(fnmatch.filter(names, pattern) for pattern in patterns):
                path = folder + "/CHECKS.md"
                self.refuse(path, self.texts[path], offset, f"line {number} names no test of its number, as {names[0]}")

    def citations(self):
        for path, text in self.texts.items():
            for match in CITED.finditer(text):
                folder = match.group(1) or path.split("/")[0]
                for number in re.findall(r"\d+[a-z]?", match.group(2)):
                    if number not in self.lines.get(folder, {}):
                        self.refuse(path, text, match.start(), f"{folder}/CHECKS.md has no line {number}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    lists = Checklists(parser.parse_args().root)
    if not all(lists.lines.values()) or not lists.tests:
        print(f"{lists.root}: a checklist has no lines, or there are no tests", file=sys.stderr)
        return 2
    lists.named_tests()
    lists.numbered_tests()
    lists.citations()
    print("\n".join(lists.found) or f"{sum(map(len, lists.lines.values()))} lines of checklists and {len(lists.tests)} tests fit")
    return 1 if lists.found else 0


if __name__ == "__main__":
    sys.exit(main())
