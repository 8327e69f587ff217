"""The log that nobody has to trust, by the command alone: checkpoints, receipts
that hold without a server, audits, and a folder that any web server can serve."""

import base64
import glob
import json
import os
import random
import re
import shutil
import signal
import subprocess
import unittest

import federation
import wire
from static_log import StaticLog, sha256
from updates_file import UpdatesFile
from wire import statement_pb2

SCRIPT = os.path.join(wire.SOURCE, "deploy", "verify-receipt")
VERIFICATION_FAILED = 3
# More than a tile, and then some.
MANY = 700


class LogTestCase(unittest.TestCase):
    """One federation for all tests of a class, and verbs."""

    STATES = ["HN", "GT", "MX"]

    @classmethod
    def setUpClass(cls):
        file = UpdatesFile(federation.SAMPLES)
        cls.federation = federation.Federation(cls.STATES, test=cls, agencies=file.agencies)
        for state in cls.STATES:
            cls.federation.publish(state, federation.SAMPLES, check=True)
        cls.federation.await_mirrors()

    def gaceta(self, *args, profile="gt-at-hub", code=0, **kwargs):
        done = self.federation.cli(profile, *args, **kwargs)
        self.assertEqual(done.returncode, code, f"{args}: {done.stdout}{done.stderr}")
        return done

    def json(self, *args, **kwargs):
        return json.loads(self.gaceta("--output=json", *args, **kwargs).stdout)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.federation.folder, name)

    @classmethod
    def publish_many(cls, numbers):
        """Short updates of Honduras, as fast as its node takes them."""
        lines = [{"state": "HN", "submissionId": f"00000000-0000-4000-8000-{n:012x}", "update": {
            "kind": "UPDATE_KIND_LEGISLATION", "event": "UPDATE_EVENT_PUBLICATION",
            "instrument": {"uri": f"urn:lex:hn:congreso:decreto:2020-03-01;{n}-2020",
                           "type": "INSTRUMENT_TYPE_DECREE", "topics": ["entry-visa"],
                           "titles": [{"language": "es", "text": f"Decreto {n}"}]}}}
                 for n in numbers]
        cls.publish_lines(f"many-{numbers[0]}.ndjson", lines)

    @classmethod
    def publish_for_guatemala(cls):
        """An update that others may not read. Returns its position."""
        done = cls.publish_lines("restricted.ndjson", [{
            "state": "HN", "submissionId": "00000000-0000-4000-9000-000000000001",
            "audience": {"scope": "SCOPE_LISTED", "states": ["GT"]}, "update": {
                "kind": "UPDATE_KIND_POLICY", "event": "UPDATE_EVENT_PUBLICATION",
                "instrument": {"uri": "urn:lex:hn:gobierno:plan:2024;1-2024",
                               "type": "INSTRUMENT_TYPE_POLICY", "topics": ["health"],
                               "titles": [{"language": "es", "text": "Plan"}]}}}])
        return int(json.loads(done.stdout)["submission"]["receipt"]["position"])

    @classmethod
    def publish_lines(cls, name, lines):
        with open(cls.path(name), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        return cls.federation.publish("HN", cls.path(name), "--output=json", check=True)


class CheckpointTest(LogTestCase):
    def test_hub_and_nodes_show_one_log_and_witnesses_cosign_it(self):
        for profile in ("gt-at-hub", "gt-monitor", "hn-monitor"):
            note = self.gaceta("log", "checkpoint", profile=profile).stdout
            origin, size, root = note.split("\n")[:3]
            self.assertEqual(origin, f"hub.{federation.NAME}/log")
            self.assertEqual(int(size), self.federation.log_size())

        def cosigned():
            shown = self.json("log", "checkpoint", "--cosigned")
            return shown if shown["size"] == int(size) else None
        shown = federation.wait_until(cosigned, what="the newest checkpoint is cosigned")
        self.assertTrue(shown["quorum"])
        self.assertEqual(shown["root"], root)
        self.assertTrue({one["name"] for one in shown["cosignatures"]} <=
                        {f"node.{s.lower()}.{federation.NAME}" for s in self.STATES})

    def test_what_is_remembered_is_asked_for_of_every_server(self):
        self.gaceta("log", "checkpoint")
        (memory,) = glob.glob(os.path.join(self.federation.folder, "home", ".local", "state",
                                           "gaceta", f"hub.{federation.NAME}_log-*"))
        with open(os.path.join(memory, "checkpoint"), encoding="utf-8") as file:
            note = file.read()
        # As if the log had once been another: no other checkpoint of its size
        # can be extended.
        lines = note.split("\n")
        lines[2] = base64.b64encode(sha256(b"another history")).decode()
        home = self.path("betrayed")
        other = memory.replace(os.path.join(self.federation.folder, "home"), home)
        os.makedirs(other)
        with open(os.path.join(other, "checkpoint"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines))

        for profile in ("gt-at-hub", "gt-monitor"):
            shutil.rmtree(os.path.join(other, "evidence"), ignore_errors=True)
            done = self.gaceta("log", "checkpoint", profile=profile, env={"HOME": home},
                               code=VERIFICATION_FAILED)
            self.assertEqual(done.stdout, "")
            (evidence,) = os.listdir(os.path.join(other, "evidence"))
            with open(os.path.join(other, "evidence", evidence), encoding="utf-8") as file:
                kept = json.load(file)
            self.assertEqual(base64.b64decode(kept["checkpoints"][0]).decode(), "\n".join(lines))
            self.assertEqual(len(kept["checkpoints"]), 2)


class ReceiptTest(LogTestCase):
    def setUp(self):
        self.root = self.federation.file("root.pem")
        self.policy = self.path("policy.txt")
        self.gaceta("log", "policy", "-o", self.policy)

    def prove(self, position, name, **kwargs):
        path = self.path(name + ".tlog-proof")
        self.gaceta("log", "prove", str(position), "-o", path, **kwargs)
        return path

    def stop_everything(self):
        for name in ["hub", *self.federation.nodes]:
            self.federation.stop(name)
        self.addCleanup(self.federation.start_all)

    def verify(self, path, root=None, policy=None):
        """What the command says of a receipt: code and output."""
        done = subprocess.run(
            [os.path.join(federation.BIN, "gaceta"), "receipts", "verify", path,
             "--root", root or self.root, "--policy", policy or self.policy],
            env=self.federation.environment(), capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def verify_from_scratch(self, path, root=None, policy=None):
        """What Python and openssl say of it."""
        done = subprocess.run(["/usr/bin/python3", SCRIPT, path, root or self.root,
                               policy or self.policy],
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def test_receipts_hold_when_every_server_is_gone(self):
        # The registry's first statement, and a key of each sort.
        log = self.federation.audit()
        positions = [0] + [next(v.position for v in log if v.header.publisher == state)
                           for state in self.STATES] + [len(log) - 1]
        paths = [self.prove(position, f"gone-{position}") for position in positions]
        self.stop_everything()

        for path in paths:
            code, said = self.verify(path)
            self.assertEqual(code, 0, said)
            self.assertEqual(said.count("✓"), 8, said)
            code, said = self.verify_from_scratch(path)
            self.assertEqual(code, 0, said)
            self.assertEqual(said.count("ok "), 7, said)

    def test_a_receipt_that_is_altered_anywhere_does_not_hold(self):
        log = self.federation.audit()
        position = next(v.position for v in log if v.header.publisher == "HN")
        self.prove(next(v.position for v in log if v.header.publisher == "GT"), "other")
        path = self.prove(position, "altered")
        parts = {name: wire.read_bytes(self.path("altered" + name))
                 for name in (".tlog-proof", ".payload", ".signer.pem")}
        lines = parts[".tlog-proof"].decode().split("\n")
        blank = lines.index("")
        forged = {"index": self.replaced(lines, 2, f"index {position + 1}")}
        for number in [1, *range(3, blank), blank + 3]:
            forged[f"line {number}"] = self.replaced(lines, number, self.flipped(lines[number]))
        forged["size"] = self.replaced(lines, blank + 2, str(int(lines[blank + 2]) + 1))
        forged["origin"] = self.replaced(lines, blank + 1, "hub.other.example/log")
        forged["log's signature"] = self.replaced(lines, blank + 5,
                                                  self.flipped(lines[blank + 5]))
        forged["one cosignature"] = self.replaced(lines, blank + 6,
                                                  self.flipped(lines[blank + 6]))
        forged["no cosignatures"] = "\n".join(lines[:blank + 6]) + "\n"
        forged["a proof too many"] = "\n".join(lines[:3] + [lines[3]] + lines[3:])
        forged["a proof too few"] = "\n".join(lines[:3] + lines[4:])
        cases = [(name, {".tlog-proof": text.encode()}) for name, text in forged.items()]
        cases += [(f"another's {name}", {name: wire.read_bytes(self.path("other" + name))})
                  for name in (".payload", ".signer.pem")]
        last = parts[".payload"][-1]
        cases.append(("payload", {".payload": parts[".payload"][:-1] + bytes([last ^ 1])}))
        end = b"-----END"
        own, _ = parts[".signer.pem"].split(end, 1)
        _, others = wire.read_bytes(self.path("other.signer.pem")).split(end, 1)
        cases.append(("CA", {".signer.pem": own + end + others}))
        self.assertEqual(self.verify(path)[0], 0)

        for name, altered in cases:
            with self.subTest(altered=name):
                for ending, data in {**parts, **altered}.items():
                    with open(self.path("altered" + ending), "wb") as file:
                        file.write(data)
                code, said = self.verify(path)
                self.assertEqual(code, VERIFICATION_FAILED, said)
                self.assertIn("✗", said)
                code, said = self.verify_from_scratch(path)
                self.assertNotEqual(code, 0, said)

    def test_another_root_or_policy_does_not_hold(self):
        path = self.prove(0, "first")
        other = self.path("other-pki")
        subprocess.run([os.path.join(federation.BIN, "gaceta"), "pki", "root", other,
                        "--federation", federation.NAME], check=True, capture_output=True)
        # It asks for a witness that there is not.
        stricter = self.path("stricter.txt")
        name = f"node.absent.{federation.NAME}"
        with open(self.policy, encoding="utf-8") as file:
            rules = re.sub(r"group witnesses \d+ ", f"witness absent {self.key_of(name)}\n"
                           "group witnesses all absent ", file.read())
        with open(stricter, "w", encoding="utf-8") as file:
            file.write(rules)

        for check in (self.verify, self.verify_from_scratch):
            self.assertEqual(check(path)[0], 0)
            self.assertEqual(check(path, root=os.path.join(other, "root.pem"))[0],
                             VERIFICATION_FAILED)
            code, said = check(path, policy=stricter)
            self.assertEqual(code, VERIFICATION_FAILED)
            self.assertIn("quorum", said)

    @staticmethod
    def key_of(name):
        """A witness's key that nobody has."""
        key = b"\x04" + bytes.fromhex(
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        return "+".join([name, sha256(name.encode(), b"\n", key)[:4].hex(),
                         base64.b64encode(key).decode()])

    def test_who_may_not_read_a_payload_proves_the_statement_still(self):
        position = self.publish_for_guatemala()
        self.federation.await_mirrors()
        path = self.prove(position, "restricted", profile="mx-at-hub")

        self.assertFalse(os.path.exists(self.path("restricted.payload")))
        self.assertEqual(self.verify(path)[0], 0)
        self.assertEqual(self.verify_from_scratch(path)[0], 0)
        self.prove(position, "readable", profile="gt-at-hub")
        self.assertTrue(os.path.exists(self.path("readable.payload")))

    def test_a_missing_file_ends_with_1(self):
        path = self.prove(0, "lonely")
        os.remove(self.path("lonely.signer.pem"))
        self.assertEqual(self.verify(path)[0], 1)
        self.assertEqual(self.verify(self.path("nothing.tlog-proof"))[0], 1)

    @staticmethod
    def replaced(lines, number, line):
        return "\n".join(lines[:number] + [line] + lines[number + 1:])

    @staticmethod
    def flipped(line):
        """The line with one bit of its base64 turned."""
        *words, text = line.split(" ")
        data = bytearray(base64.b64decode(text))
        data[-1] ^= 1
        return " ".join([*words, base64.b64encode(data).decode()])


class WholeLogTest(LogTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.restricted = cls.publish_for_guatemala()
        cls.publish_many(range(1000, 1000 + MANY))
        cls.federation.await_mirrors()

    def test_audit_checks_all_and_goes_on_where_it_was(self):
        for profile in ("gt-at-hub", "gt-monitor"):
            state = self.path(f"audit-{profile}")
            report = self.json("log", "audit", "--state", state, profile=profile)
            self.assertTrue(report["verified"])
            self.assertEqual(report["begin"], 0)
            self.assertEqual(report["end"], self.federation.log_size())
            heads = {v.header.publisher: v.header.sequence for v in self.federation.audit()}
            self.assertEqual(report["publishers"], heads)
            self.assertTrue(report["cosigned"]["quorum"])
            again = self.json("log", "audit", "--state", state, profile=profile)
            self.assertEqual((again["begin"], again["end"]), (report["end"], report["end"]))
            self.assertEqual(again["publishers"], heads)

    def test_an_audit_that_is_killed_goes_on(self):
        state = self.path("killed-audit")
        done = None
        for _ in range(20):
            child = self.federation.popen("gt-at-hub", "--output=json", "log", "audit", "--state",
                                          state, "--threads", "1")
            try:
                done, _ = child.communicate(timeout=random.uniform(0.02, 0.3))
                self.assertEqual(child.returncode, 0)
                break
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
                child.communicate()
        report = self.json("log", "audit", "--state", state)
        self.assertEqual(report["end"], self.federation.log_size(), done)

    def test_the_exported_folder_is_the_log(self):
        folder = self.path("www")
        self.gaceta("log", "export", folder)

        exported = StaticLog(folder)
        leaves = exported.check()
        log = self.federation.audit()
        self.assertEqual(leaves, [v.entry.leaf for v in log])
        self.assertEqual(exported.origin, f"hub.{federation.NAME}/log")
        self.assertGreater(len(exported.signers), 1, "cosigned")
        public = {sha256(v.entry.payload).hex() for v in log if v.position != self.restricted}
        documents = {sha256 for sha256, (_, states) in
                     UpdatesFile(federation.SAMPLES).documents().items()
                     if states & set(self.STATES)}
        self.assertEqual(exported.blobs(), public | documents)

        self.publish_many(range(5000, 5003))
        self.gaceta("log", "export", folder)
        newer = StaticLog(folder)
        self.assertEqual(newer.size, exported.size + 3)
        self.assertEqual(newer.check()[:exported.size], leaves)

    def test_an_export_that_is_killed_at_any_time_leaves_what_holds(self):
        folder = self.path("killed-www")
        sizes = [0]
        for attempt in range(40):
            child = self.federation.popen("gt-at-hub", "log", "export", folder,
                                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                child.wait(timeout=random.uniform(0.02, 0.4))
                self.assertEqual(child.returncode, 0)
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
                child.wait()
            if os.path.exists(os.path.join(folder, "checkpoint")):
                sizes.append(len(StaticLog(folder).check()))
            if attempt % 10 == 9:
                self.publish_many(range(10_000 + attempt, 10_003 + attempt))
        self.gaceta("log", "export", folder)

        exported = StaticLog(folder)
        self.assertEqual(exported.check(), [v.entry.leaf for v in self.federation.audit()])
        self.assertEqual(sorted(sizes), sizes, "a checkpoint went back")
        exported.blobs()

    def test_an_export_that_follows_goes_on_until_it_is_interrupted(self):
        folder = self.path("followed-www")
        child = self.federation.popen("gt-at-hub", "log", "export", folder, "--follow")

        def has_all():
            return (os.path.exists(os.path.join(folder, "checkpoint"))
                    and StaticLog(folder).size == self.federation.log_size())
        federation.wait_until(has_all, 60)
        self.publish_many(range(20_000, 20_003))
        federation.wait_until(has_all, 60)
        child.send_signal(signal.SIGINT)
        output, errors = child.communicate(timeout=30)
        self.assertEqual(child.returncode, 0, errors)
        self.assertIn("entries are in", output)
        StaticLog(folder).check()

    def test_statements_of_a_receipt_are_those_of_the_folder(self):
        folder = self.path("www-again")
        self.gaceta("log", "export", folder)
        receipt = self.path("middle.tlog-proof")
        self.gaceta("log", "prove", "300", "-o", receipt)
        with open(receipt, encoding="utf-8") as file:
            leaf = base64.b64decode(file.read().split("\n")[1].split(" ")[1])
        self.assertEqual(StaticLog(folder).leaves()[300], leaf)
        statement_pb2.Leaf.FromString(leaf)


if __name__ == "__main__":
    federation.main()
