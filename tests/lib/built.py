"""Where the sources and what was built of them are: CHANCERY_BUILD names the build directory, else it is build."""

import os

import pytest

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.abspath(os.environ.get("CHANCERY_BUILD", os.path.join(SOURCE, "build")))


def built(*path):
    """A file of the build; without it no test of the suite can run."""
    file = os.path.join(BUILD, *path)
    if not os.path.exists(file):
        raise pytest.UsageError("%s is not built: run ninja -C %s, or name another build directory by CHANCERY_BUILD"
                                % (file, BUILD))
    return file
