#!/usr/bin/env python3
"""Proves that check.py can fail: small trees with one wrong line each, and the words it must be told with."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

import check

CHECK = pathlib.Path(__file__).with_name("check.py")

# What a clean tree holds; every case adds or replaces one file.
CLEAN = {
    "meson.build": "pq_dep = dependency('libpq')\nmhd_dep = dependency('libmicrohttpd')\np11_dep = dependency('libp11')\n",
    "lib/base/meson.build": "base_lib = static_library('base', 'a.c')\nbase_dep = declare_dependency(link_with: base_lib)\n",
    "lib/base/a.c": '#include "lib/base/a.h"\n#include <stdio.h>\n',
    "lib/store/meson.build": "store_dep = declare_dependency(dependencies: [base_dep, pq_dep])\n",
    "lib/store/s.c": "#include <libpq-fe.h>\n",
    "acme/meson.build": "acme_dep = declare_dependency(dependencies: [base_dep, store_dep])\n",
    "acme/x.c": '#include "lib/store/s.h"\n/* time(NULL) in a comment, */ const char *s = "time(NULL)";\n',
    "tests/unit/acme/t.c": '#include "acme/x.h"\n#include "tests/unit/unit.h"\n',
}

CASES = [
    ("lib/base/b.c", '\n#include "lib/pki/der.h"\n', 'lib/base/b.c:2: lib/base must not include "lib/pki/der.h"'),
    ("lib/pki/b.c", '#include "lib/store/store.h"\n', 'lib/pki/b.c:1: lib/pki must not include'),
    ("lib/pki/b.c", '#include "lib/base/clock.h"\n', 'lib/pki does no I/O and has no clock: "lib/base/clock.h"'),
    ("lib/pki/b.c", "#include <sys/socket.h>\n", "lib/pki does no I/O"),
    ("lib/pki/b.c", "#include <libpq-fe.h>\n", "<libpq-fe.h> belongs to lib/store only"),
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
    ("other/b.c", "\n", "no row in the layer table"),
    ("tests/unit/acme/t.c", '#include "est/est.h"\n', "acme must not include"),
    ("acme/meson.build", "\nacme_lib = static_library('acme',\n  dependencies: [base_dep, pq_dep])\n",
     "acme/meson.build:3: only lib/store may link libpq"),
    ("est/meson.build", "executable('e', dependencies: [acme_dep])\n", "est must not link acme_dep"),
    ("est/meson.build", "executable('e', dependencies: [mhd_dep])\n", "only lib/http may link libmicrohttpd"),
    ("est/meson.build", "executable('e', dependencies: dependency('libp11'))\n", "only ca/hsm may link libp11"),
    ("est/meson.build", "executable('e', dependencies: [none_dep])\n", "none_dep is made nowhere"),
]


def run(files, extra=()):
    with tempfile.TemporaryDirectory() as directory:
        for name, text in files.items():
            file = pathlib.Path(directory, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        done = subprocess.run([sys.executable, CHECK, "--root", directory, *extra], capture_output=True, text=True)
        return done.returncode, done.stdout


def program_is_refused():
    """A program that needs a library its row forbids; /bin/true stands for it and libc for the library."""
    check.PROGRAMS = {"forged": ["libc"], "absent": ["libc"]}
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(shutil.which("true"), pathlib.Path(directory, "forged"))
        judge = check.Check(pathlib.Path(directory))
        judge.programs(pathlib.Path(directory))
    return len(judge.found) == 1 and judge.found[0].startswith("forged: links libc.so")


def main():
    failed = 0
    if not program_is_refused():
        print("a program with a forbidden library is not told")
        failed += 1
    code, output = run(CLEAN)
    if code != 0:
        print("the clean tree is refused:", output)
        failed += 1
    if run({})[0] != 2:
        print("an empty tree is not told apart")
        failed += 1
    for name, text, words in CASES:
        code, output = run({**CLEAN, name: text})
        if code != 1 or words not in output or output.count("\n") != 1:
            print(f"{name}: {text!r}: expected {words!r}, got {code}: {output}")
            failed += 1
    print(f"{len(CASES) + 3} cases, {failed} judged wrongly")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
