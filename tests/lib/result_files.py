"""A pytest plugin: each module's results go to $CHANCERY_RESULTS/MODULE.xml, for count.py."""

import os

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    directory = os.environ.get("CHANCERY_RESULTS")
    modules = [os.path.basename(a)[:-3] for a in config.args if a.endswith(".py")]
    if directory and modules and not config.option.xmlpath:
        os.makedirs(directory, exist_ok=True)
        config.option.xmlpath = os.path.join(directory, "-".join(modules) + ".xml")
