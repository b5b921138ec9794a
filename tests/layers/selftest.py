#!/usr/bin/env python3
"""Proves that check.py, checks.py and documents.py can fail: small trees with one wrong line each, and the words it must be told with."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

import check

CHECK, CHECKS, DOCUMENTS = (pathlib.Path(__file__).with_name(n) for n in ("check.py", "checks.py", "documents.py"))

# What a clean tree holds; every case adds or replaces one file.
CLEAN = {
    "meson.build": "pq_dep = dependency('libpq')\nmhd_dep = dependency('libmicrohttpd')\np11_dep = dependency('libp11')\n",
    "lib/base/meson.build": "base_lib = static_library('base', 'a.c')\nbase_dep = declare_dependency(link_with: base_lib)\n",
    "lib/base/a.c": '#include "lib/base/a.h"\n#include <stdio.h>\n',
    "lib/db/meson.build": "db_dep = declare_dependency(dependencies: [base_dep, pq_dep])\n",
    "lib/db/d.c": "#include <libpq-fe.h>\n",
    "schema/statements/s.sql": "-- name: find\n",
    "lib/store/s.c": 'db_read(db, &sql_find);\nresult_text(a, res, 0, COL_FIND_NAME);\nresult_int(res, 0, COL_FIND_ID);\n',
    "lib/store/meson.build": "store_dep = declare_dependency(dependencies: [base_dep, db_dep])\n",
    "acme/meson.build": "acme_dep = declare_dependency(dependencies: [base_dep, store_dep])\n",
    "acme/x.c": '#include "lib/store/s.h"\n/* time(NULL) in a comment, */ const char *s = "time(NULL)";\n',
    "admin/api/x.c": '#include "admin/operations.h"\n#include "ca/issue.h"\n',
    "admin/cli/x.c": '#include "admin/operations.h"\n',
    "tests/unit/admin/api/t.c": '#include "admin/api/api.h"\n#include "admin/operations.h"\n',
    "tests/unit/acme/t.c": '#include "acme/x.h"\n#include "tests/unit/unit.h"\n',
}

CASES = [
    ("lib/base/b.c", '\n#include "lib/pki/der.h"\n', 'lib/base/b.c:2: lib/base must not include "lib/pki/der.h"'),
    ("lib/pki/b.c", '#include "lib/store/store.h"\n', 'lib/pki/b.c:1: lib/pki must not include'),
    ("lib/pki/b.c", '#include "lib/base/clock.h"\n', 'lib/pki does no I/O and has no clock: "lib/base/clock.h"'),
    ("lib/pki/b.c", "#include <sys/socket.h>\n", "lib/pki does no I/O"),
    ("lib/pki/b.c", "#include <libpq-fe.h>\n", "<libpq-fe.h> belongs to lib/db only"),
    ("lib/store/b.c", "#include <libpq-fe.h>\n", "<libpq-fe.h> belongs to lib/db only"),
    ("lib/db/b.c", '#include "lib/store/store.h"\n', "lib/db must not include"),
    ("acme/b.c", '#include "est/est.h"\n', 'acme must not include "est/est.h"'),
    ("ocsp/b.c", '#include "crl/serve.h"\n', "ocsp must not include"),
    ("crl/b.c", '#include "server/run.h"\n', "crl must not include"),
    ("ca/b.c", '#include "acme/jws.h"\n', "ca must not include"),
    ("ca/b.c", '#include "admin/cli/cli.h"\n', "ca must not include"),
    ("ca/b.c", "#include <p11-kit/pkcs11.h>\n", "belongs to ca/hsm only"),
    ("ca/hsm/b.c", '#include "lib/store/store.h"\n', "ca/hsm must not include"),
    ("ca/b.c", '#include "ca/hsm/hsm.h"\n', "ca must not include"),
    ("admin/api/b.c", '#include "acme/jws.h"\n', "admin/api must not include"),
    ("admin/cli/b.c", '#include "admin/api/api.h"\n', "admin/cli must not include"),
    ("admin/b.c", '#include "admin/api/api.h"\n', "admin must not include"),
    ("admin/b.c", '#include "ca/issue.h"\n', "admin must not include"),
    ("tests/unit/admin/api/t.c", '#include "admin/cli/cli.h"\n', "admin/api must not include"),
    ("ca/signer/b.c", "#  include <libp11.h>\n", "belongs to ca/hsm only"),
    ("ca/ceremony/b.c", '#include "lib/http/http.h"\n', "ca/ceremony must not include"),
    ("ca/ceremony/b.c", '#include "ca/profile.h"\n', "ca/ceremony must not include"),
    ("est/b.c", "#include <gnutls/gnutls.h>\n", "belongs to lib/http only"),
    ("est/b.c", "#include <jansson.h>\n", "belongs to lib/base/json only"),
    ("server/b.c", "#include <microhttpd.h>\n", "belongs to lib/http only"),
    ("acme/b.c", "#include <curl/curl.h>\n", "belongs to acme/validator and admin/cli only"),
    ("acme/b.c", '#include "x.h"\n', "must be named from the top"),
    ("acme/b.c", "int f(void)\n{\n\treturn time(NULL);\n}\n", "acme/b.c:3: only lib/base/clock.c asks for the time"),
    ("acme/b.c", "clock_gettime(CLOCK_REALTIME, &t);\n", "only lib/base/clock.c"),
    ("acme/b.c", "\te = f();\n\n\tif (e != ERR_OK)\n\t\treturn e;\n", "acme/b.c:1: a failure is passed up by TRY"),
    ("acme/b.c", "\tif ((e = f()) != ERR_OK ||\n\t\t(e = g()) != ERR_OK)\n\t\treturn e;\n", "a failure is passed up by TRY"),
    ("acme/b.c", "\tif (e == ERR_OK)\n\t\te = g();\n\treturn e;\n", "a failure is passed up by TRY"),
    ("acme/b.c", "\tif (e == ERR_OK)\n\t\te = g();\n\treturn e == ERR_OK ? h(1) : e;\n", "a failure is passed up by TRY"),
    ("lib/store/b.c", '\n"SELECT 1"\n', "lib/store/b.c:2: SQL stands in schema/statements"),
    ("lib/store/b.c", '"WITH x AS (" "DELETE)"\n', "SQL stands in schema/statements"),
    ("lib/store/b.c", "result_text(a, res, f(0, 1), 12)\n", "a column is read by its name"),
    ("lib/store/b.c", "result_octets(res, 0, 3, out, n)\n", "a column is read by its name"),
    ("schema/statements/t.sql", "-- name: lost\n", "schema/statements/t.sql:1: nothing runs statement lost"),
    ("other/b.c", "\n", "no row in the layer table"),
    ("acme/test_forgotten.py", "", "acme/test_forgotten.py:1: acme/meson.build does not run this module"),
    ("tests/unit/acme/t.c", '#include "est/est.h"\n', "acme must not include"),
    ("acme/meson.build", "\nacme_lib = static_library('acme',\n  dependencies: [base_dep, pq_dep])\n",
     "acme/meson.build:3: only lib/db may link libpq"),
    ("est/meson.build", "executable('e', dependencies: [acme_dep])\n", "est must not link acme_dep"),
    ("est/meson.build", "executable('e', dependencies: [mhd_dep])\n", "only lib/http may link libmicrohttpd"),
    ("est/meson.build", "executable('e', dependencies: dependency('libp11'))\n", "only ca/hsm may link libp11"),
    ("est/meson.build", "executable('e', dependencies: [none_dep])\n", "none_dep is made nowhere"),
]


# The same for the checklists.
FITTING = {
    "acme/CHECKS.md": "| # | what | source | state |\n|---|---|---|---|\n| 7 | x | y | `test_acme_007_a`, `test_c` |\n| 8 | x | y | open: z |\n",
    "est/CHECKS.md": "| 80a | x | y | `test_est_080a_*` |\n",
    "ocsp/CHECKS.md": "".join("| %d | x | y | `test_revocation_030_to_032_b` |\n" % n for n in (30, 31, 32)),
    "tests/blackbox/test_a.py": "def test_acme_007_a():\n    pass\n\n\ndef test_est_080a_a_b():\n    pass\n\n\n"
                                "def test_revocation_030_to_032_b():\n    pass\n",
    "tests/unit/acme/t.c": "static void\ntest_c(void)\n{\n}\n",
    "acme/x.c": "/* Cited (%s 7 and 8; est/CHECKS.md 80a). */\n" % "CHECKS.md",
}

CHECKLIST_CASES = [
    ("tests/blackbox/test_b.py", "\ndef test_acme_009_b():\n", "tests/blackbox/test_b.py:2: test_acme_009_b: acme/CHECKS.md has no line 9"),
    ("tests/blackbox/test_b.py", "def test_est_080a_081_b():\n", "est/CHECKS.md has no line 81"),
    ("tests/blackbox/test_b.py", "def test_revocation_031_and_033_b():\n", "ocsp/CHECKS.md has no line 33"),
    ("tests/unit/acme/u.c", "static void\ntest_acme_010_b(void)\n", "tests/unit/acme/u.c:2: test_acme_010_b: acme/CHECKS.md has no line 10"),
    ("tests/blackbox/test_b.py", "def test_acme_008_b():\n", "acme/CHECKS.md:4: line 8 names no test of its number, as test_acme_008_b"),
    ("est/CHECKS.md", "| 80a | x | y | `test_est_080a_*`, `test_est_082_b` |\n", "est/CHECKS.md:1: there is no test test_est_082_b"),
    ("est/CHECKS.md", 2 * "| 80a | x | y | `test_est_080a_*` |\n", "est/CHECKS.md:2: line 80a stands twice"),
    ("acme/x.c", "/* %s 80 */\n" % "CHECKS.md", "acme/x.c:1: acme/CHECKS.md has no line 80"),
    ("crl/x.c", "\n/* ocsp/CHECKS.md 30 and 33 */\n", "crl/x.c:2: ocsp/CHECKS.md has no line 33"),
    ("acme/README.md", "As ../est/CHECKS.md 81 has it.\n", "acme/README.md:1: est/CHECKS.md has no line 81"),
]

# The same for the documents.
DOCUMENTED = {
    "acme/README.md": "| `x.c`, `x.h` | `read_name`, `test_x.py` |\n",
    "acme/x.h": "\n",
    "acme/x.c": 'static int\nread_name(void)\n{\n\tlog_event(LOG_INFO, "acme.x", 0);\n}\n',
    "est/README.md": "`*e.c`\n",
    **{"est/%de.c" % n: "static int\nread_much(void)\n{\n}\n" for n in range(6)},
    "tests/blackbox/test_x.py": "\n",
    "tests/blackbox/meson.build": "\n",
    "docs/DEBUG.md": "| `acme.x` | x |\n",
    "docs/WALKS.md": "1 files, 2 stays, 1 returns.\n\n| 1 | `acme/x.c` | `read_name` | x |\n| 2 | `acme/x.c` | `read_name` | x |\n",
    "CONTRIBUTING.md": "| `blackbox` | x | y | `pytest-3 tests/blackbox/test_x.py` |\n",
}

DOCUMENT_CASES = [
    ("est/7e.c", "static int\nread(void)\n{\n}\n", "est/7e.c:2: read() says not what of"),
    ("acme/x.c", 'void\nread_name(void)\n{\n\tlog_failure("acme.y", e); log_event(LOG_INFO, "acme.x", 0);\n}\n',
     "acme/x.c:4: docs/DEBUG.md does not explain event acme.y"),
    ("est/6e.c", "static int\nread_much(void)\n{\n}\n", "read_much() is static in 7 files: name its object"),
    ("docs/DEBUG.md", "| `acme.x` | x |\n| `acme.z` | x |\n", "docs/DEBUG.md:2: no program logs event acme.z"),
    ("docs/A.md", "\n`acme/z.c`\n", "docs/A.md:2: there is no acme/z.c"),
    ("ARCHITECTURE.md", "`read_nothing()`\n", "ARCHITECTURE.md:1: read_nothing is no name in the tree"),
    ("acme/README.md", "`x.c`, `x.h`, `y.c`\n", "acme/README.md:1: there is no y.c"),
    ("acme/y.c", "\n", "acme/y.c:1: acme/README.md does not name it"),
    ("docs/WALKS.md", "1 files, 2 stays, 1 returns.\n\n| 1 | `acme/x.c` | `read_name` | x |\n",
     "docs/WALKS.md:1: these are 1 files, 1 stays, 0 returns"),
    ("docs/WALKS.md", "1 files, 1 stays, 0 returns.\n\n| 1 | `acme/x.c` | `log_event` | x |\n",
     "docs/WALKS.md:3: acme/x.c has no function log_event"),
    ("tests/db/meson.build", "\n", "CONTRIBUTING.md:1: suite db has no command for one test"),
    ("CONTRIBUTING.md", "| `blackbox` | x | y | `pytest-3 tests/blackbox/test_y.py` |\n", "blackbox: there is no tests/blackbox/test_y.py"),
]


def run(files, extra=(), script=CHECK):
    with tempfile.TemporaryDirectory() as directory:
        for name, text in files.items():
            file = pathlib.Path(directory, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        done = subprocess.run([sys.executable, script, "--root", directory, *extra], capture_output=True, text=True)
        return done.returncode, done.stdout


def program_is_refused():
    """A program that needs a library its row forbids; /bin/true stands for it and libc for the library."""
    check.PROGRAMS = {"forged": ["libc"], "absent": ["libc"]}
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(shutil.which("true"), pathlib.Path(directory, "forged"))
        judge = check.Check(pathlib.Path(directory))
        judge.programs(pathlib.Path(directory))
    return len(judge.found) == 1 and judge.found[0].startswith("forged: links libc.so")


def judge(script, clean, cases):
    """The clean tree passes, the empty one is told apart, each case is told in its words and nothing else is."""
    failed = 0
    code, output = run(clean, script=script)
    if code != 0:
        print("the clean tree is refused:", output)
        failed += 1
    if run({}, script=script)[0] != 2:
        print("an empty tree is not told apart")
        failed += 1
    for name, text, words in cases:
        code, output = run({**clean, name: text}, script=script)
        if code != 1 or words not in output or output.count("\n") != 1:
            print(f"{name}: {text!r}: expected {words!r}, got {code}: {output}")
            failed += 1
    return failed


def main():
    failed = 0
    if not program_is_refused():
        print("a program with a forbidden library is not told")
        failed += 1
    for script, clean, cases in ((CHECK, CLEAN, CASES), (CHECKS, FITTING, CHECKLIST_CASES),
                                 (DOCUMENTS, DOCUMENTED, DOCUMENT_CASES)):
        failed += judge(script, clean, cases)
    print(f"{len(CASES) + len(CHECKLIST_CASES) + len(DOCUMENT_CASES) + 7} cases, {failed} judged wrongly")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
