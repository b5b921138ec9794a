"""An instance run by the launcher, with every database connection through a proxy that can hold a program at a step."""

import os
import signal

from httpclient import Client
from instance import Instance, Program, program
from pgcluster import alive, children, wait_for
from pgstop import Proxy

NAMES = ("chancery-signer", "chancery-gateway", "chancery-admin", "chancery-validator", "chancery-status")


class Site(Instance):
    def __init__(self, signers=2, config=None):
        settings = {"est": {"wait": "2s", "retry_after": "1s"}, "enroll": {"request_deadline": "10s"}, "log": {"level": "info"}}
        settings.update(config or {})
        super().__init__(config=settings, signers=signers, programs=())
        self.proxy = self.launcher = None

    # --- the instance, with a launcher where it would start programs ---

    def base_config(self):
        if self.proxy is None:
            self.proxy = Proxy(self.path("db"), self.pg.socket)
        config = super().base_config()
        config["database"]["host"] = self.proxy.folder
        return config

    def spawn(self, name, number=1, config=None):
        if name == "chancery-signer" and number == 1:
            self.launch()
        elif name != "chancery-signer":
            return super().spawn(name, number, config)
        return self.launcher

    def wait_seen(self, key, seconds=30):
        """The launcher's children have other numbers than the launcher."""
        wait_for(lambda: self.sql("SELECT 1 FROM node WHERE program = %s", key), seconds, "%s is in the node table" % key)

    def launch(self):
        self.launcher = Program("chancery", [program("chancery"), "--config", self.config_path], self.path("log", "chancery.log"))
        self.running["chancery"] = self.launcher

    def relaunch(self):
        """Ends all programs as an operator does and starts them afresh, with no back-off behind them."""
        code = self.launcher.stop()
        assert code == 0, self.launcher.tail()
        self.launch()
        self.wait_ready()

    def wait_ready(self, seconds=40):
        def ready():
            assert self.launcher.running(), self.launcher.tail()
            try:
                if not (self.answers("chancery-gateway") and self.answers("chancery-admin")):
                    return False
                with Client("127.0.0.1", self.public_port) as c:
                    return c.request("GET", "/ready").status == 200
            except OSError:
                return False
        wait_for(ready, seconds, "gateway and status are ready; %s" % self.launcher.log)

    def stop(self):
        if self.proxy is not None:
            self.proxy.disarm()
        super().stop()
        if self.proxy is not None:
            self.proxy.close()

    # --- processes ---

    def pids(self, name):
        """Of the launcher's children with this name, lowest first."""
        found = []
        for pid in children(self.launcher.process.pid):
            try:
                with open("/proc/%d/comm" % pid) as f:
                    if f.read().strip() == name[:15]:
                        found.append(pid)
            except OSError:
                pass
        return sorted(found)

    def all_pids(self):
        return [p for name in NAMES for p in self.pids(name)]

    def kill(self, pids):
        """kill -9, and until they are gone."""
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_for(lambda: not any(alive(p) for p in pids), 10, "killed programs are gone")

    def crash_database(self):
        self.pg.kill()

    def remove_token(self):
        os.rename(self.path("tokens"), self.path("tokens-away"))

    def return_token(self):
        if os.path.exists(self.path("tokens-away")):
            os.rename(self.path("tokens-away"), self.path("tokens"))

    def mend(self):
        """Whatever a test left broken."""
        self.proxy.disarm()
        self.return_token()
        if self.pg.process is None:
            self.pg.start()
        if not self.launcher.running():
            self.launch()

    def device(self, name):
        """A device's key and chain; it may have certificates without names."""
        self.add_identity(name, "device")
        return self.issue(name, "device")

    def workload(self, name):
        self.add_identity(name, "workload", ["workload=dns:%s.example.org" % name])
        return self.issue(name, "workload", ["dns:%s.example.org" % name])

    def launcher_events(self, event, name=None):
        """Lines of the launcher's own log, as dictionaries of their key=value words."""
        found = []
        for line in self.log_lines("chancery"):
            words = dict(w.split("=", 1) for w in line.split() if "=" in w)
            if words.get("event") == event and (name is None or words.get("program") == name):
                found.append(words)
        return found
