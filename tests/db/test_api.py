"""Runs the C programs that call lib/store's functions, each on a database of its own."""

import os
import subprocess

import pytest


@pytest.mark.parametrize("program", os.environ.get("STORE_API", "").split(":"), ids=os.path.basename)
def test_program_passes(db, program):
    env = dict(os.environ, STORE_HOST=db.cluster.socket, STORE_DBNAME=db.name)
    done = subprocess.run([program], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
