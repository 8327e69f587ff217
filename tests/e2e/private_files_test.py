"""Every file that hub, node and command create has the rights that belong to its
kind: secrets and state are their owner's alone, whatever the umask; results and what
is public by nature follow the umask."""

import collections
import json
import os
import re
import resource
import shutil
import stat
import subprocess
import tempfile
import unittest

import federation
import grpc
import wire
from statements import Chain, make_update
from wire import documents_grpc, documents_pb2

HEX = "[0-9a-f]{64}"
PIECE = r"[a-z-]+-[0-9a-f]{32}\.json"
STATE = r"home/\.local/state/gaceta"
LOG_NAME = r"hub\.gaceta\.example_log-[0-9a-f]{32}"
LOG = STATE + "/" + LOG_NAME

# What a path below the federation's folder is; folders end with `/`. Every path has to
# match exactly one line, and every line some path.
PRIVATE = [
    # Of the servers.
    r"(hub|hn|gt|rebuilt)/",
    r"(hub|hn|gt|rebuilt)/(log|checkpoints|tree|index|subscriptions)\.db",
    r"(hub|hn|gt|rebuilt)/(log|checkpoints|tree|index|subscriptions)\.db-(wal|shm)",
    r"(hub|hn|gt|rebuilt)/log\.db\.lock",
    r"(hub|hn|gt|rebuilt)/log\.size(\.tmp)?",
    r"(hn|gt)/outbox\.db(-wal|-shm)?",
    r"(hub|rebuilt)/log\.key",
    r"(hn|gt)/cosigner\.key",
    r"(hub|hn|gt|rebuilt)/documents/",
    r"(hub|hn|gt|rebuilt)/documents/sha256/([0-9a-f]{2}/)?",
    r"(hub|hn|gt|rebuilt)/documents/sha256/[0-9a-f]{2}/" + HEX,
    r"(hub|hn|gt|rebuilt)/documents/incoming/",
    r"hn/documents/incoming/" + HEX,
    r"(hn|gt)/documents/mirrored_position",
    r"(hub|hn|gt|rebuilt)/evidence/",
    r"hub/evidence/" + PIECE,
    r"(hn|gt)/evidence/" + PIECE,
    # Of the command: what it knows from one run to the next.
    r"home/\.local/(state/)?",
    STATE + "/",
    LOG + "/",
    LOG + "/checkpoint",
    LOG + "/evidence/",
    LOG + "/evidence/" + PIECE,
    LOG + "/submissions/",
    LOG + r"/submissions/updates\.ndjson-[0-9a-f]{32}",
    r"state-cut/",
    rf"state-cut/gaceta/({LOG_NAME}/(evidence/)?)?",
    rf"state-cut/gaceta/{LOG_NAME}/checkpoint\.tmp",
    r"out/journal",
    r"out/(cut-)?cursor(\.lock)?",
    r"out/cursor\.evidence/(dismissed/)?",
    r"out/cursor\.evidence/dismissed/" + PIECE,
    r"out/cut-cursor\.tmp",
    # It may be of a restricted statement.
    r"(out/receipt|cwd/[0-9]+)\.payload",
    r"out/www/log/\.gaceta/",
    r"out/www/log/\.gaceta/lock",
    r"out/www/log/\.gaceta/[a-z.]*cursor(\.lock)?",
    # Of `gaceta pki`.
    r"pki/([a-z]+/)?",
    r"pki/([a-z]+/)?[a-z-]+\.key",
]
OUTPUT = [
    r"(hub|rebuilt)/log\.key\.pub",
    r"(hn|gt)/cosigner\.key\.pub",
    r"pki/([a-z]+/)?[a-z-]+\.pem",
    r"out/receipt\.tlog-proof",
    r"cwd/[0-9]+\.tlog-proof",
    r"(out/receipt|cwd/[0-9]+)\.signer\.pem",
    r"out/policy\.txt",
    r"out/cut-policy\.txt\.tmp",
    r"out/law",
    r"out/cut-law\.part",
    r"cwd/" + HEX,
    r"out/www/(log/)?",
    r"out/www/log/checkpoint",
    r"out/www/log/tile/([0-9a-z.]+/)*",
    r"out/www/log/tile/([0-9a-z.]+/)+[0-9]+",
    r"out/www/log/blob/(sha256/)?",
    r"out/www/log/blob/sha256/" + HEX,
]
# Made by this test and by what it runs on, not by the programs.
OTHERS = [
    r"",
    r"profiles\.textproto",
    r"(config|log|home|input|out|cwd|tmp)/",
    r"config/(hub|hn|gt|mx|rebuilt)\.textproto",
    r"log/[a-z]+\.log",
    r"input/updates\.ndjson",
    r"input/documents/([a-z]{2}/)?",
    r"input/documents/[a-z]{2}/[^/]+\.md",
]


def mode_of(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


class PrivateFilesTest(unittest.TestCase):
    def set_up(self, umask):
        self.addCleanup(os.umask, os.umask(umask))
        self.umask = umask
        # MX has no node: its statements are signed here.
        self.federation = federation.Federation(["HN", "GT", "MX"], test=self, start=False)
        self.folder = self.federation.folder
        self.matched = collections.Counter()
        for name in ("out", "cwd", "tmp"):
            os.mkdir(self.path(name))
        shutil.copytree(os.path.dirname(federation.SAMPLES), self.path("input"),
                        ignore=shutil.ignore_patterns("*.py", "README.md", "__pycache__"))
        # What a program leaves in its working folder, or in that for temporary files,
        # is seen as well.
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.path("cwd"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def gaceta(self, profile, *args, code=0, **kwargs):
        env = {"TMPDIR": self.path("tmp"), **kwargs.pop("env", {})}
        done = self.federation.cli(profile, *args, env=env, **kwargs)
        self.assertEqual(done.returncode, code, f"{args}: {done.stdout}{done.stderr}")
        return done.stdout

    def gaceta_cut_off(self, size, profile, *args, **env):
        """The command ends when it writes more than so many bytes into one file."""
        def limit():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        done = self.federation.cli(profile, *args, preexec_fn=limit, env=env)
        self.assertNotEqual(done.returncode, 0, done.stdout)

    def check(self):
        """Every file that is there now."""
        wrong = []
        for folder, _, files in os.walk(self.folder):
            for path in [folder, *(os.path.join(folder, name) for name in files)]:
                try:
                    wrong += self.wrong_with(path)
                except FileNotFoundError:
                    # Files come and go while servers run.
                    self.assertRegex(path, r"(\.db-(wal|shm)|log\.size\.tmp)$")
        self.assertEqual(wrong, [], f"with umask {self.umask:03o}")

    def wrong_with(self, path):
        mode = os.lstat(path).st_mode
        is_folder = stat.S_ISDIR(mode)
        name = os.path.relpath(path, self.folder)
        name = "" if name == "." else name + "/" * is_folder
        kinds = [(kind, pattern) for kind, patterns in (
            ("private", PRIVATE), ("output", OUTPUT), ("others", OTHERS))
            for pattern in patterns if re.fullmatch(pattern, name)]
        if len(kinds) != 1:
            return [f"{name}: of no kind, or of several: {kinds}"]
        kind, pattern = kinds[0]
        self.matched[pattern] += 1
        if kind == "others":
            return []
        if not is_folder and not stat.S_ISREG(mode):
            return [f"{name}: {mode:o}"]
        full = 0o777 if is_folder else 0o666
        expected = full & ~(0o077 if kind == "private" else self.umask)
        if stat.S_IMODE(mode) == expected:
            return []
        return [f"{name}: {stat.S_IMODE(mode):04o}, but {kind}"]

    # --- What makes files ---

    def publish(self):
        samples = self.path("input/updates.ndjson")
        self.gaceta("hn-agency", "updates", "publish", samples)
        restricted = json.dumps({"state": "HN", "update": make_update("HN", 1),
                                 "audience": {"scope": "SCOPE_MEMBERS"}})
        self.gaceta("hn-agency", "updates", "publish", "--journal", self.path("out/journal"), "-",
                    input=restricted + "\n")
        self.federation.await_mirrors()

    def break_off_an_upload(self):
        request = documents_pb2.UploadDocumentRequest(sha256="ab" * 32, size=1000, chunk=b"part")
        with self.federation.channel("hn/agency-migracion", "hn") as channel:
            with self.assertRaises(grpc.RpcError):
                documents_grpc.DocumentsServiceStub(channel).UploadDocument(
                    iter([request]), timeout=30)

    def contradict_at_the_hub(self):
        """One id with two contents: the hub keeps both."""
        chain = Chain(self.federation, "MX")
        with chain.connect() as hub:
            first = chain.sign(make_update("MX", 1))
            self.assertTrue(hub.publish(first).HasField("receipt"))
            header = wire.statement_pb2.StatementHeader.FromString(first.header)
            answer = hub.publish(chain.sign(make_update("MX", 2),
                                            statement_id=header.statement_id))
            self.assertEqual(wire.reason_of(answer.error), "STATEMENT_ID_TAKEN")

    def read(self):
        position = str(self.federation.log_size() - 1)
        for args in (["updates", "follow", "--from", "start", "--until-live", "--cursor",
                      self.path("out/cursor")],
                     ["updates", "follow", "--from", "start", "--until-live", "--subscription",
                      "all"],
                     ["log", "checkpoint"], ["log", "audit"],
                     ["log", "prove", position],
                     ["log", "prove", position, "-o", self.path("out/receipt.tlog-proof")],
                     ["log", "policy", "-o", self.path("out/policy.txt")],
                     ["log", "export", self.path("out/www/log")]):
            self.gaceta("hn-monitor", *args)
        self.gaceta(None, "receipts", "verify", self.path("out/receipt.tlog-proof"), "--root",
                    self.federation.file("root.pem"), "--policy", self.path("out/policy.txt"))
        law = self.path("input/documents/hn/decreto-106-2013.es.md")
        put = self.gaceta("hn-agency", "documents", "put", law)
        self.gaceta("hn-monitor", "documents", "get", put.split()[0])
        self.gaceta("hn-monitor", "documents", "get", put.split()[0], "-o", self.path("out/law"))
        return put.split()[0]

    def cut_off(self, document):
        self.gaceta_cut_off(16, "hn-monitor", "documents", "get", document, "-o",
                            self.path("out/cut-law"))
        self.gaceta_cut_off(16, "hn-monitor", "log", "policy", "-o",
                            self.path("out/cut-policy.txt"))
        self.gaceta_cut_off(16, "hn-monitor", "log", "checkpoint",
                            XDG_STATE_HOME=self.path("state-cut"))
        self.gaceta_cut_off(16, "hn-monitor", "updates", "follow", "--from", "start",
                            "--until-live", "--cursor", self.path("out/cut-cursor"))

    def rebuild_the_hub(self):
        """All servers are stopped. The folder was made by a person."""
        with open(self.federation.hub.config, encoding="utf-8") as file:
            text = file.read()
        with open(self.path("config/rebuilt.textproto"), "w", encoding="utf-8") as file:
            file.write(text.replace(self.federation.hub.data, self.path("rebuilt")))
        os.mkdir(self.path("rebuilt"))
        for name in ("log.key", "log.key.pub"):
            shutil.copy2(os.path.join(self.federation.hub.data, name), self.path("rebuilt"))
        done = subprocess.run(
            [os.path.join(federation.BIN, "gaceta-hub"), "--config",
             self.path("config/rebuilt.textproto"), "--rebuild-from",
             *(self.federation.nodes[n].data for n in ("hn", "gt"))],
            capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, "^rebuilt [0-9]+ entries")
        was_open = "was open to other users" in done.stderr
        self.assertEqual(was_open, self.umask != 0o077, done.stderr)

    def forget_a_part_of_the_log(self):
        """The hub goes on from a copy: nodes and readers keep evidence."""
        self.federation.is_damaged_because("nodes have seen another history")
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "hub")
            shutil.copytree(self.federation.hub.data, copy)
            self.federation.start("hub", "hn", "gt")
            self.federation.await_mirrors()
            self.gaceta("hn-agency", "updates", "publish", "--no-journal", "-",
                        input=json.dumps({"state": "HN", "update": make_update("HN", 2)}))
            self.federation.await_mirrors()
            self.gaceta("hn-at-hub", "log", "checkpoint")
            self.gaceta("hn-at-hub", "updates", "follow", "--until-live", "--cursor",
                        self.path("out/cursor"))
            self.federation.stop("hub")
            shutil.rmtree(self.federation.hub.data)
            shutil.copytree(copy, self.federation.hub.data)
        self.federation.start("hub")
        for node in ("hn", "gt"):
            evidence = os.path.join(self.federation.nodes[node].data, "evidence")
            federation.wait_until(lambda folder=evidence: os.listdir(folder), 40,
                                  f"{node} keeps evidence")
        self.gaceta("hn-at-hub", "log", "checkpoint", code=3)
        self.gaceta("hn-at-hub", "updates", "follow", "--until-live", "--cursor",
                    self.path("out/cursor"), code=3)
        kept = self.path("out/cursor.evidence")
        for name in os.listdir(kept):
            self.gaceta(None, "evidence", "dismiss", os.path.join(kept, name))

    def check_with(self, umask):
        self.set_up(umask)
        self.check()
        self.federation.start("hub")
        self.federation.start("hn", "gt")
        self.federation.publish_registry()
        self.publish()
        self.break_off_an_upload()
        self.contradict_at_the_hub()
        self.federation.await_mirrors()
        document = self.read()
        self.cut_off(document)
        self.check()
        self.federation.kill("hub")
        self.check()
        for node in ("hn", "gt"):
            self.assertEqual(self.federation.stop(node), 0)
        self.rebuild_the_hub()
        self.check()
        self.forget_a_part_of_the_log()
        self.check()
        unmatched = [p for p in PRIVATE + OUTPUT + OTHERS if not self.matched[p]]
        self.assertEqual(unmatched, [], "lines that match nothing")
        self.assertEqual(os.listdir(self.path("tmp")), [])

    def test_with_a_umask_that_leaves_all_to_everybody(self):
        self.check_with(0o000)

    def test_with_the_usual_umask(self):
        self.check_with(0o022)

    def test_with_a_umask_that_leaves_nothing_to_others(self):
        self.check_with(0o077)

    def test_data_folders_that_were_open_are_closed_at_the_start_which_says_so_once(self):
        self.set_up(0o022)
        self.federation.start("hub", "hn", "gt")
        self.federation.publish_registry()
        self.publish()
        servers = [self.federation.servers[name] for name in ("hub", "hn", "gt")]
        for server in servers:
            self.assertEqual(server.stop(), 0)
            for folder, _, files in os.walk(server.data):
                os.chmod(folder, 0o755)
                for name in files:
                    if not name.endswith((".key", ".pub")):
                        os.chmod(os.path.join(folder, name), 0o644)
        for expected in (1, 0):
            self.federation.start("hub", "hn", "gt")
            self.check()
            for server in servers:
                lines = re.findall(".* data folder was open to other users.*", server.log_text())
                self.assertEqual(len(lines), expected, server.log_text())
                self.assertEqual(server.stop(), 0)

    def test_a_folder_that_is_no_data_folder_is_refused_and_not_touched(self):
        self.set_up(0o022)
        shutil.copytree(self.path("input"), self.federation.hub.data)
        done = subprocess.run([os.path.join(federation.BIN, "gaceta-hub"), "--config",
                               self.federation.hub.config], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"data_folder {self.federation.hub.data} has files, but none of a server",
                      done.stderr)
        self.assertEqual(mode_of(self.federation.hub.data), 0o755)
        self.assertEqual(sorted(os.listdir(self.federation.hub.data)),
                         sorted(os.listdir(self.path("input"))))


if __name__ == "__main__":
    federation.main()
