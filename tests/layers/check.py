#!/usr/bin/env python3
"""Who may include and link whom. The tables below say it (ARCHITECTURE.md in short); a line that breaks one is told as FILE:LINE: reason.
And where SQL stands: statements in schema/statements, each of them used; columns are read by name.

Reads every #include of the tree, every target of every meson.build and, with --build, what the programs
really link (ELF NEEDED). Exits 1 when something was found, 2 when it could not look.
"""
import argparse
import pathlib
import re
import subprocess
import sys

LOW = ["lib/base", "lib/pki", "lib/http", "lib/db", "lib/store", "schema/words"]
PROTOCOLS = ["acme", "est", "ocsp", "crl"]

# Folder -> what it may include and link besides itself. The longest prefix of a path decides.
LAYERS = {
    "lib/base": [],
    "lib/pki": ["lib/base"],
    "lib/http": ["lib/base"],
    "lib/db": ["lib/base"],
    "lib/store": ["lib/base", "lib/db", "schema"],
    "schema": ["lib/base"],
    "ca": LOW,
    "ca/hsm": ["lib/base", "lib/pki"],
    "ca/signer": LOW + ["ca", "ca/hsm"],
    "ca/ceremony": ["lib/base", "lib/pki", "ca/hsm"],
    "admin": ["lib/base", "schema/words"],
    "admin/api": LOW + ["ca", "admin"],
    "admin/cli": LOW + ["ca", "ca/hsm", "schema", "admin"],
    "acme": LOW + ["ca"],
    "acme/validator": ["lib/base", "lib/pki", "lib/db", "lib/store", "ca", "acme"],
    "est": LOW + ["ca"],
    "ocsp": LOW + ["ca"],
    "crl": LOW + ["ca"],
    "man": ["lib/base", "ca", "ca/ceremony"],
    "server": LOW + ["ca", "ca/signer", "admin/api", "schema", "acme/validator"] + PROTOCOLS,
    "tests": LOW + ["ca", "schema", "server", "admin", "admin/api", "admin/cli"] + PROTOCOLS,
}

# Headers and packages of others -> path prefixes that may know them. A prefix may end inside a file name.
HEADERS = {
    "microhttpd.h": ["lib/http"],
    "gnutls/": ["lib/http"],
    "libpq": ["lib/db"],
    "postgres": ["lib/db"],
    "pqexpbuffer.h": ["lib/db"],
    "libp11.h": ["ca/hsm"],
    "p11-kit/": ["ca/hsm"],
    "pkcs11": ["ca/hsm"],
    "jansson.h": ["lib/base/json"],
    "yaml.h": ["lib/base/yaml"],
    "idn2.h": ["lib/pki"],
    "curl/": ["acme/validator", "admin/cli"],
    "ares": ["acme/validator"],
    "sys/ptrace.h": [],
}
PACKAGES = {
    "libmicrohttpd": ["lib/http"],
    "gnutls": ["lib/http"],
    "libpq": ["lib/db"],
    "libp11": ["ca/hsm"],
    "p11-kit-1": ["ca/hsm"],
    "yaml-0.1": ["lib/base"],
    "libidn2": ["lib/pki"],
    "libcurl": ["acme/validator", "admin/cli"],
    "libcares": ["acme/validator"],
    "libssl": [],
}
# lib/pki does no I/O and has no clock.
PKI_FORBIDDEN = ["lib/base/clock.h", "lib/base/config.h", "lib/base/service.h", "lib/base/log.h", "time.h", "sys/time.h",
                 "unistd.h", "fcntl.h", "poll.h", "netdb.h", "sys/socket.h", "sys/stat.h", "sys/epoll.h"]
# Time comes from clock_now(); the monotonic clock may be read where a condition variable needs it.
CLOCKS = re.compile(r"\b(?:time|gettimeofday|timespec_get|clock_gettime)\s*\((?!\s*CLOCK_MONOTONIC\b)")

# A failure that is only passed up, written otherwise than TRY(...): an early return, a chain in a condition, the end of a cascade.
PASSED_UP = re.compile(r"\be = [^;{}]*;\n+\t+if \(e != ERR_OK\)\n\t+return e;"
                       r"|\bif \([^;{}]*\(e = [^;{}]*\)\n\t+return e;"
                       r"|\bif \(e == ERR_OK\)\n\t+e = [^;]*;\n+\treturn e(?:;| == ERR_OK \? [^E][^;]* : e;)")

# SQL at the beginning of a text; what reads a column.
SQL = re.compile(r'"(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\b[^"]*')
READ = re.compile(r"\b(?:result|column)_(\w+)\(")
READ_COLUMN = {"text": 3, "bytes": 3, "texts": 3}  # which argument of result_... is the column, else 2
STATEMENT = re.compile(r"^-- name: (\w+)", re.M)

# Program -> libraries it must not need.
NETWORK = ["libmicrohttpd", "libgnutls", "libcurl", "libcares"]
PROGRAMS = {
    "ca-ceremony": NETWORK + ["libpq"],
    "ca-admin": ["libmicrohttpd", "libgnutls"],  # libp11: `config check` opens the token, and asks for no signature
    "chancery-signer": NETWORK,
    "chancery-gateway": ["libp11", "libcurl", "libcares"],
    "chancery-admin": ["libp11", "libcurl", "libcares"],
    "chancery-validator": ["libp11", "libmicrohttpd"],
    "chancery-status": ["libp11", "libcurl", "libcares"],
    "chancery": ["libp11", "libpq"] + NETWORK,
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
TARGET = re.compile(r"\b(static_library|shared_library|library|executable|declare_dependency)\s*\(")
PACKAGE_VARIABLE = re.compile(r"^[ \t]*(\w+)[ \t]*=[ \t]*dependency\(\s*'([^']+)'", re.M)
TARGET_VARIABLE = re.compile(r"^[ \t]*(\w+)[ \t]*=[ \t]*(?:static_library|shared_library|library|declare_dependency)\s*\(", re.M)
PLAIN_VARIABLE = re.compile(r"^[ \t]*(\w+_dep)[ \t]*=", re.M)


def starts(path, prefixes):
    return any(path.startswith(p) for p in prefixes)


def inside(path, folder):
    return path == folder or path.startswith(folder + "/")


def folder_of(path):
    """The row of LAYERS a file belongs to, or None."""
    return max((f for f in LAYERS if inside(path, f)), key=len, default=None)


def viewpoint(path):
    """Whose rights a file has: unit tests those of the part they test and of tests/, other tests all."""
    if not path.startswith("tests/unit/"):
        return folder_of(path)
    part = path.removeprefix("tests/unit/")
    return folder_of("lib/" + part) or folder_of(part) or "tests"


def may_use(path, wanted):
    """Whether the file may include the header, or link what is made in the folder."""
    me, them = viewpoint(path), folder_of(wanted)
    if me == "tests" or me == them:
        return True
    if inside(path, "tests") and (inside(wanted, "tests") or inside(wanted, me)):
        return True
    # an entry that is no folder is the beginning of file names
    return them in LAYERS[me] or any(a not in LAYERS and wanted.startswith(a) for a in LAYERS[me])


class Check:
    def __init__(self, root):
        self.root = root
        self.found = []

    def refuse(self, path, text, offset, reason):
        self.found.append(f"{path}:{text.count(chr(10), 0, offset) + 1}: {reason}")

    def files(self, *patterns):
        skip = ("build", ".git", "tests/out")
        for pattern in patterns:
            for file in sorted(self.root.rglob(pattern)):
                path = file.relative_to(self.root).as_posix()
                if not path.startswith(skip) and file.is_file():
                    yield path, file.read_text(encoding="utf-8", errors="replace")

    def sources(self):
        count = 0
        for path, text in self.files("*.[ch]"):
            count += 1
            if folder_of(path) is None:
                self.refuse(path, text, 0, "this folder has no row in the layer table")
                continue
            for match in INCLUDE.finditer(text):
                self.include(path, text, match)
            if not inside(path, "tests") and path != "lib/base/clock.c":
                for match in PASSED_UP.finditer(text):
                    self.refuse(path, text, match.start(), "a failure is passed up by TRY(...)")
                for match in CLOCKS.finditer(without_comments(text)):
                    self.refuse(path, text, match.start(), "only lib/base/clock.c asks for the time; use clock_now()")
        return count

    def suites(self):
        """Every test module is run by its folder's meson.build."""
        for path, text in self.files("test_*.py"):
            build = (self.root / path).parent / "meson.build"
            module = pathlib.PurePath(path).stem.removeprefix("test_")
            if build.is_file() and not re.search(r"['_@/]%s\b" % re.escape(module), build.read_text()):
                self.refuse(path, text, 0, f"{build.relative_to(self.root)} does not run this module")

    def sql(self):
        """No statement is a text in C, none of schema/statements is without use, no column is read by its number."""
        used = set()
        for path, text in self.files("*.[ch]"):
            used.update(re.findall(r"\bsql_(\w+)", text))
            if inside(path, "tests"):
                continue
            for match in SQL.finditer(text):
                self.refuse(path, text, match.start(), "SQL stands in schema/statements")
            for match in READ.finditer(text):
                column = arguments(text, match.end())[READ_COLUMN.get(match.group(1), 2):][:1]
                if column and column[0].isdigit():
                    self.refuse(path, text, match.start(), "a column is read by its name: COL_...")
        for path, text in self.files("schema/statements/*.sql"):
            for match in STATEMENT.finditer(text):
                if match.group(1) not in used:
                    self.refuse(path, text, match.start(), f"nothing runs statement {match.group(1)}")

    def include(self, path, text, match):
        quote, header = match.groups()
        if viewpoint(path) == "lib/pki" and not inside(path, "tests") and header in PKI_FORBIDDEN:
            self.refuse(path, text, match.start(), f"lib/pki does no I/O and has no clock: \"{header}\"")
        if quote == '"':
            if folder_of(header) is None:
                self.refuse(path, text, match.start(), f"\"{header}\" must be named from the top of the tree")
            elif not may_use(path, header):
                self.refuse(path, text, match.start(), f"{viewpoint(path)} must not include \"{header}\"")
            return
        if inside(path, "tests"):
            return
        for prefix, allowed in HEADERS.items():
            if header.startswith(prefix) and not starts(path, allowed):
                self.refuse(path, text, match.start(), f"<{header}> belongs to {' and '.join(allowed) or 'nobody'} only")

    def builds(self):
        texts = {p: without_hashes(t) for p, t in self.files("meson.build")}
        packages, makers, plain = {}, {}, set()
        for path, text in texts.items():
            packages.update({m.group(1): m.group(2) for m in PACKAGE_VARIABLE.finditer(text)})
            makers.update({m.group(1): path for m in TARGET_VARIABLE.finditer(text)})
            plain.update(m.group(1) for m in PLAIN_VARIABLE.finditer(text))
        for path, text in texts.items():
            if inside(path, "tests") and not path.startswith("tests/unit/"):
                continue
            for match in TARGET.finditer(text):
                end = closing(text, match.end())
                self.target(path, text, match.end(), end, packages, makers, plain)
        return len(texts)

    def target(self, path, text, begin, end, packages, makers, plain):
        for match in re.finditer(r"\b\w+_(?:dep|lib)\b|dependency\(\s*'([^']+)'", text[begin:end]):
            name, offset = match.group(0), begin + match.start()
            package = match.group(1) or packages.get(name)
            if package is not None:
                if package in PACKAGES and not inside(path, "tests") and not any(inside(path, a) for a in PACKAGES[package]):
                    owners = " and ".join(PACKAGES[package]) or "tests"
                    self.refuse(path, text, offset, f"only {owners} may link {package}")
            elif name in makers:
                if not may_link(path, name, makers[name]):
                    self.refuse(path, text, offset, f"{viewpoint(path)} must not link {name}")
            elif name not in plain and re.match(r"\w+_(dep|lib)$", name):
                self.refuse(path, text, offset, f"{name} is made nowhere")

    def programs(self, build):
        for name, forbidden in PROGRAMS.items():
            for file in sorted(build.rglob(name)):
                if not file.is_file() or inside(file.relative_to(build).as_posix(), "tests"):
                    continue
                output = subprocess.run(["readelf", "-d", str(file)], capture_output=True, text=True, check=True).stdout
                needed = re.findall(r"\(NEEDED\).*\[([^\]]+)\]", output)
                for library in needed:
                    if starts(library, [f + "." for f in forbidden] + [f + "-" for f in forbidden]):
                        self.found.append(f"{name}: links {library}, which it must not")


def may_link(path, name, maker):
    return may_use(path, maker)


def without_comments(text):
    """Comments and strings blanked out, every line where it was."""
    blank = lambda m: re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def without_hashes(text):
    return re.sub(r"#[^\n]*", lambda m: " " * len(m.group(0)), text)


def arguments(text, at):
    """Of a call whose opening parenthesis is the one before at."""
    end, depth, parts = closing(text, at) - 1, 0, [""]
    for char in text[at:end]:
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [p.strip() for p in parts]


def closing(text, at):
    """Offset of the parenthesis that closes the one before at."""
    depth = 1
    while depth > 0 and at < len(text):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--build", type=pathlib.Path, help="build directory whose programs are looked into")
    arguments = parser.parse_args()
    check = Check(arguments.root)
    sources, builds = check.sources(), check.builds()
    check.sql()
    check.suites()
    if sources == 0 or builds == 0:
        print(f"{arguments.root}: no sources or no meson.build here", file=sys.stderr)
        return 2
    if arguments.build is not None:
        check.programs(arguments.build)
    print("\n".join(check.found) or f"{sources} sources and {builds} meson.build keep to the layers")
    return 1 if check.found else 0


if __name__ == "__main__":
    sys.exit(main())
