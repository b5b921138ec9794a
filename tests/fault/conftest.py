"""What the fault tests share: one site for a file, run by the launcher; its log is shown when a test fails."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from site_under_fault import Site  # noqa: E402


@pytest.fixture(scope="module")
def site():
    with Site() as s:
        yield s


@pytest.fixture(autouse=True)
def whole_again(request):
    """A failed test leaves nothing held, away or down for the next one."""
    yield
    if "site" in request.fixturenames:
        s = request.getfixturevalue("site")
        s.mend()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if report.failed and "site" in item.funcargs:
        s = item.funcargs["site"]
        if s.launcher is not None:
            report.sections.append(("log of the programs", s.launcher.tail()))
