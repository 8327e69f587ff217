"""Data folders that an older version made: today's programs open, audit, serve and
extend them. data/README.md says what is in them."""

import json
import os
import subprocess
import tarfile
import tempfile
import unittest

import federation
import wire
from server_process import ServerProcess, wait_until

ARCHIVE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "folders-7b5f114.tar.xz")
ENTRIES = 14
ERASED = 7
WITHDRAWING = 11
# What hub and node had cosigned last, from their checkpoints.db.
ROOT = "bJBIsXaLquMRFGiWyd5MXFlL0Uhev7p3jibhyZVWfS4="


class OldFoldersTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="gaceta-old-")
        self.addCleanup(self._folder.cleanup)
        self.folder = self._folder.name
        self.hub = self.node = None
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(self.folder)
        for name in ("config", "log"):
            os.mkdir(os.path.join(self.folder, name))
        # Leaves do not live as long as the archive.
        for member, role in (("secretariat", "hub"), ("secretariat", "admin/demo"), ("mx", "node"),
                             ("mx", "agency/inm"), ("mx", "subscriber/monitor")):
            self.run_gaceta("pki", "leaf", self.path("pki"), member, role)
        self.hub = self.server("hub", "gaceta-hub", "")
        self.node = self.server(
            "mx", "gaceta-node", f'state: "MX"\nhub: "{self.hub.address}"\n'
            f'signer_key_file: "{self.path("pki/mx/signer.key")}"\n')
        self.addCleanup(self.end_servers)

    def path(self, name):
        return os.path.join(self.folder, name)

    def server(self, name, program, lines):
        server = ServerProcess(name, os.path.join(federation.BIN, program), self.folder)
        identity = "pki/secretariat/hub" if name == "hub" else "pki/mx/node"
        with open(server.config, "w", encoding="utf-8") as file:
            file.write(f'federation: "{federation.NAME}"\nlisten: "{server.address}"\n'
                       f'data_folder: "{server.data}"\n'
                       f'metrics_address: "{server.metrics_address}"\n{lines}'
                       f'tls {{ certificate_file: "{self.path(identity)}.pem"\n'
                       f'  key_file: "{self.path(identity)}.key"\n'
                       f'  root_file: "{self.path("pki/root.pem")}" }}\n')
        return server

    def end_servers(self):
        for server in (self.node, self.hub):
            if server.process is not None:
                server.kill()

    def start(self):
        self.hub.start()
        self.node.start()

    def run_gaceta(self, *args):
        done = subprocess.run(
            [os.path.join(federation.BIN, "gaceta"), *args], capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=60,
            env={"PATH": os.environ["PATH"], "HOME": self.folder, "LC_ALL": "C.UTF-8"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + self.logs())
        return done.stdout

    def gaceta(self, server, leaf, *args):
        identity = self.path(f"pki/{leaf}")
        server_id = "secretariat.{}/hub" if server is self.hub else "mx.{}/node"
        return self.run_gaceta(
            "--server", server.address, "--server-id",
            "spiffe://" + server_id.format(federation.NAME), "--root", self.path("pki/root.pem"),
            "--certificate", identity + ".pem", "--key", identity + ".key", *args)

    def logs(self):
        return "".join(s.log_text() for s in (self.hub, self.node) if s)

    def audit(self, server, leaf):
        return json.loads(self.gaceta(server, leaf, "--output=json", "log", "audit"))

    def test_they_are_opened_audited_served_and_extended(self):
        self.start()

        for server, leaf in ((self.hub, "secretariat/admin-demo"),
                             (self.node, "mx/subscriber-monitor")):
            report = self.audit(server, leaf)
            self.assertTrue(report["verified"], report)
            self.assertEqual(report["end"], ENTRIES, report)
            self.assertEqual(report["checkpoint"]["root"], ROOT, report)
        self.check_served()
        self.extend()
        self.check_no_accusation()

    def check_served(self):
        """The same updates as ever; what was erased stays erased."""
        lines = self.gaceta(self.node, "mx/subscriber-monitor", "--output=json", "updates",
                            "follow", "--from", "start", "--until-live").splitlines()
        entries = {entry["position"]: entry for entry in map(json.loads, lines)}
        self.assertEqual(sorted(entries), list(range(5, 13)), lines)
        self.assertEqual(entries[ERASED]["omission"], "OMISSION_ERASED")
        self.assertIn("update", entries[WITHDRAWING])
        self.assertTrue(all(entry["verified"] for entry in entries.values()))

    def extend(self):
        """The chain of Mexico and the log go on where they were."""
        sample = next(json.loads(line) for line in wire.read_bytes(federation.SAMPLES).splitlines()
                      if json.loads(line)["state"] == "GT")
        update = sample["update"]
        update.pop("documents", None)
        update["instrument"]["uri"] = "urn:lex:mx:estado:ley:2026-11-20;1"
        line = {"state": "MX", "update": update}
        with open(self.path("line.ndjson"), "w", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.gaceta(self.node, "mx/agency-inm", "updates", "publish", "--no-journal",
                    self.path("line.ndjson"))
        report = self.audit(self.hub, "secretariat/admin-demo")
        self.assertEqual(report["end"], ENTRIES + 1, report)
        self.assertTrue(report["verified"], report)
        # The old node's cosigning key still vouches for all of it.
        wait_until(lambda: self.hub.metrics()["gaceta_log_cosigned_entries"] == ENTRIES + 1, 30,
                   "the witness has cosigned the new entry")

    def check_no_accusation(self):
        for server in (self.hub, self.node):
            # Both were off for long, which only time shows, and which ends no trust.
            kept = [name for name in os.listdir(os.path.join(server.data, "evidence"))
                    if not name.startswith("log-stale-")]
            self.assertEqual(kept, [])
            self.assertNotIn("level=critical", server.log_text())
            self.assertEqual(server.stop(), 0)

    def test_they_are_opened_again_after_they_were_extended(self):
        self.start()
        self.extend()
        self.end_servers()
        self.start()

        self.assertEqual(self.audit(self.node, "mx/subscriber-monitor")["end"], ENTRIES + 1)


if __name__ == "__main__":
    federation.main()
