"""Runs the C programs that call lib/store's functions, each on a database of its own."""

import os
import pathlib
import subprocess

import pytest
from built import built

PROGRAMS = sorted(p.stem for p in pathlib.Path(__file__).parent.glob("api_*.c"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_passes(db, program):
    env = dict(os.environ, STORE_HOST=db.cluster.socket, STORE_DBNAME=db.name)
    done = subprocess.run([built("tests/db", program)], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
