"""What README says by hand, line by line from an empty machine: its own file system for /etc, /run, /usr/local and /var/lib, its own
network, and the samples as they are shipped."""

import os
import subprocess
import tempfile

from built import BUILD, SOURCE
from pgcluster import Cluster

FIRST = "meson setup build && ninja -C build && meson install -C build"
EMPTY_MACHINE = """set -ex
cp -a /etc "$TOP/etc"
mount --bind "$TOP/etc" /etc
echo 127.0.0.1 localhost >/etc/hosts
rm -rf /etc/chancery
for d in /run /usr/local /var/lib; do mount -t tmpfs none $d; done
meson install -C "$BUILD" --no-rebuild --quiet
mkdir /run/postgresql
mount --bind "$SOCKET" /run/postgresql
ip link set lo up
"""


def commands():
    """The lines of README's part, without the first, which builds: that has been done."""
    with open(os.path.join(SOURCE, "README.md")) as f:
        part = f.read().split("## First steps by hand\n")[1].split("\n## ")[0]
    lines = [line[4:] for line in part.splitlines() if line.startswith("    ")]
    assert lines[0] == FIRST
    return "\n".join(lines[1:]) + "\n"


def test_readme_by_hand():
    with tempfile.TemporaryDirectory(prefix="chancery-hand-") as top, Cluster().start() as pg:
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": top, "LC_ALL": "C.UTF-8", "TOP": top, "BUILD": BUILD,
               "SOCKET": pg.socket}
        argv = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "bash", "-c", EMPTY_MACHINE + commands()]
        done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=200, check=False)
        assert done.returncode == 0, done.stdout[-6000:]
        assert 'offboarded "printer-7": 1 certificates revoked' in done.stdout, done.stdout[-2000:]
