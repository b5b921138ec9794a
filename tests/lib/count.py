"""Counts what really ran: meson's testlog of each suite, the CUnit summary of each unit program, the JUnit file of each
pytest module (result_files.py). Prints failures by name, then one line; exits 1 when something failed or a suite is missing.

    count.py RESULTS SUITE...      RESULTS/SUITE/run-SUITE.json, RESULTS/SUITE/MODULE.xml
"""

import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

CUNIT = re.compile(r"^\s*tests\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)", re.MULTILINE)  # total ran passed failed inactive


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []

    def fail(self, name, number=1):
        self.failed += number
        self.failures.append(name)


def count_pytest(count, name, ok, path):
    """A module: each test by itself. A module that ended without its file, or badly with no failed test, failed as a whole."""
    if not os.path.exists(path):
        count.fail("%s (left no results)" % name)
        return
    before = count.failed
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        full = "%s: %s" % (name, case.get("name"))
        if case.find("failure") is not None or case.find("error") is not None:
            count.fail(full)
        elif case.find("skipped") is not None:
            count.skipped += 1
        else:
            count.passed += 1
    if not ok and count.failed == before:
        count.fail("%s (ended badly)" % name)


def count_program(count, name, ok, output):
    summary = CUNIT.search(output or "")
    passed, failed = (int(summary.group(3)), int(summary.group(4))) if summary else (0, 0)
    if summary is None:
        passed = 1 if ok else 0
    count.passed += passed
    if not ok:
        count.fail(name, max(failed, 1))


def count_suite(count, directory, suite):
    log = os.path.join(directory, suite, "run-%s.json" % suite)
    lines = open(log, errors="replace").read().splitlines() if os.path.exists(log) else []
    if not lines:
        count.fail("suite %s has no tests or could not run" % suite)
    for line in lines:
        test = json.loads(line)
        ok, command = test["result"] in ("OK", "EXPECTEDFAIL"), test["command"]
        module = next((c for c in command if c.endswith(".py") and os.path.basename(c).startswith("test_")), None)
        if module:
            count_pytest(count, test["name"], ok, os.path.join(directory, suite, os.path.basename(module)[:-3] + ".xml"))
        else:
            count_program(count, test["name"], ok, test.get("stdout"))


def main():
    count = Count()
    for suite in sys.argv[2:]:
        count_suite(count, sys.argv[1], suite)
    for name in count.failures:
        print("FAILED: %s" % name)
    print("%d passed, %d failed%s" % (count.passed, count.failed, ", %d skipped" % count.skipped if count.skipped else ""))
    return 1 if count.failed or not count.passed else 0


sys.exit(main())
