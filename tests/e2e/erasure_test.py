"""What the secretariat erases is gone everywhere, and every proof still holds."""

import hashlib
import json
import os
import subprocess
import unittest

import federation
import grpc
import wire
from static_log import StaticLog, root_of, sha256
from wire import documents_grpc, documents_pb2, statement_pb2, updates_grpc, updates_pb2

ERASED = statement_pb2.Entry.OMISSION_ERASED
# Personal data that should not have been published: in an update, in a document. What
# the update was about goes with it.
NAME = "Juana Ejemplo Inventada"
URI = "urn:lex:hn:gobierno:plan:2024;2-2024"
FILE = "Expediente 4711 de una persona inventada"
GROUND = "Names a person; request 12-2026"


def holds(folder, text):
    """Files below `folder` that have these bytes."""
    found = []
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                with open(os.path.join(path, name), "rb") as file:
                    if text.encode() in file.read():
                        found.append(os.path.join(path, name))
            except FileNotFoundError:
                pass  # A temporary file that is gone by now.
    return found


class ErasureTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.federation = federation.Federation(["HN", "GT", "MX"], test=cls)
        cls.export = os.path.join(cls.federation.folder, "export")
        cls.places = [cls.federation.hub.data, cls.export,
                      *(node.data for node in cls.federation.nodes.values())]
        cls.document = os.path.join(cls.federation.folder, "expediente.txt")
        with open(cls.document, "w", encoding="utf-8") as file:
            file.write(FILE)
        with open(cls.document, "rb") as file:
            cls.sha256 = hashlib.sha256(file.read()).hexdigest()
        cls.publish()
        cls.exporting = cls.federation.popen(
            "gt-at-hub", "log", "export", cls.export, "--follow",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.federation.await_mirrors()
        # All have it, or nothing is shown by what follows.
        for text in (NAME, URI, FILE):
            for place in cls.places:
                federation.wait_until(lambda p=place, t=text: holds(p, t), 30,
                                      f"{place} has {text}")
        cls.size_before = cls.federation.log_size()
        cls.erase("--position", str(cls.position))
        cls.erase("--document", cls.sha256)
        cls.federation.await_mirrors()

    @classmethod
    def publish(cls):
        lines = []
        for number, title in enumerate(["Plan uno", NAME, "Plan tres"], 1):
            update = {"kind": "UPDATE_KIND_POLICY", "event": "UPDATE_EVENT_PUBLICATION",
                      "instrument": {"uri": f"urn:lex:hn:gobierno:plan:2024;{number}-2024",
                                     "type": "INSTRUMENT_TYPE_POLICY", "topics": ["health"],
                                     "titles": [{"language": "es", "text": title}]}}
            line = {"state": "HN", "submissionId": f"00000000-0000-4000-8000-{number:012x}",
                    "update": update}
            if number == 3:
                update["documents"] = [{"sha256": cls.sha256, "mediaType": "text/plain",
                                        "size": str(len(FILE.encode())), "language": "es",
                                        "legalValue": "LEGAL_VALUE_UNOFFICIAL",
                                        "licence": "Apache-2.0"}]
                line["documentFiles"] = {cls.sha256: cls.document}
            lines.append(line)
        cls.ids = [line["submissionId"] for line in lines]
        path = os.path.join(cls.federation.folder, "updates.ndjson")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        done = cls.federation.publish("HN", path, "--output=json", check=True)
        published = [json.loads(line)["submission"] for line in done.stdout.splitlines()]
        cls.position, = (int(one["receipt"]["position"]) for one in published
                         if one["submissionId"] == cls.ids[1])

    @classmethod
    def erase(cls, *what, check=True):
        return cls.federation.cli(
            "secretariat", "registry", "erase", *what, "--ground", GROUND,
            "--signer-key", cls.federation.file("secretariat/signer.key"), check=check)

    def gaceta(self, *args, profile="gt-at-hub"):
        return self.federation.cli(profile, *args, check=True).stdout

    def test_1_nothing_of_it_is_left_in_any_servers_or_exports_files(self):
        for text in (NAME, URI, FILE):
            for place in self.places:
                federation.wait_until(lambda p=place, t=text: not holds(p, t), 30,
                                      f"{place} has nothing of {text}")

    def test_2_every_proof_still_holds(self):
        self.assertIsNone(self.exporting.poll())
        for profile in ("gt-at-hub", "hn-monitor", "mx-monitor"):
            self.gaceta("log", "audit", profile=profile)
        receipt = os.path.join(self.federation.folder, "erased.tlog-proof")
        policy = os.path.join(self.federation.folder, "policy.txt")
        with open(policy, "w", encoding="utf-8") as file:
            file.write(self.gaceta("log", "policy"))
        self.gaceta("log", "prove", str(self.position), "--file", receipt)
        self.gaceta("receipts", "verify", receipt, "--root", self.federation.file("root.pem"),
                    "--policy", policy, profile=None)
        federation.wait_until(lambda: StaticLog(self.export).size > self.size_before + 1, 30,
                              "the export has the erasures")
        log = StaticLog(self.export)
        self.assertEqual(root_of([sha256(b"\0", leaf) for leaf in log.leaves()]), log.root)
        self.assertEqual(len(self.federation.audit()), self.federation.log_size())

    def test_3_readers_are_told_that_it_was_erased_and_why(self):
        for server in ("hub", *self.federation.nodes):
            member = "gt" if server == "hub" else server
            identity = f"{member}/subscriber-monitor"
            with self.federation.channel(identity, server) as channel:
                updates = updates_grpc.UpdatesServiceStub(channel)
                entry = updates.GetUpdate(updates_pb2.GetUpdateRequest(statement_id=self.ids[1]),
                                          timeout=30).entry
                listed = updates.ListUpdates(updates_pb2.ListUpdatesRequest(), timeout=30).entries
                with self.assertRaises(grpc.RpcError) as failed:
                    list(documents_grpc.DocumentsServiceStub(channel).DownloadDocument(
                        documents_pb2.DownloadDocumentRequest(sha256=self.sha256), timeout=30))
            self.assertEqual((entry.omission, entry.payload), (ERASED, b""))
            self.assertEqual(sorted(one.omission for one in listed), [0, 0, ERASED])
            self.assertEqual(failed.exception.code(), grpc.StatusCode.NOT_FOUND)
            self.assertIn(GROUND, failed.exception.details())
        shown = self.gaceta("updates", "follow", "--from", "start", "--until-live")
        self.assertEqual(shown.count("(erased)"), 1)
        self.assertEqual(shown.count("✓ verified"), 3)
        rows = [json.loads(line) for line in
                self.gaceta("--output=json", "erasures", profile="mx-monitor").splitlines()]
        self.assertEqual(rows, [{"position": str(self.position), "ground": GROUND},
                                {"document": self.sha256, "ground": GROUND}])

    def test_4_it_does_not_come_back(self):
        with self.federation.channel("hn/node", "hub") as channel:
            with self.assertRaises(grpc.RpcError) as failed:
                documents_grpc.DocumentsServiceStub(channel).UploadDocument(iter([
                    documents_pb2.UploadDocumentRequest(
                        sha256=self.sha256, size=len(FILE.encode()), chunk=FILE.encode())]),
                    timeout=30)
        self.assertEqual(failed.exception.code(), grpc.StatusCode.FAILED_PRECONDITION)
        # Sent again it is known, and still erased.
        path = os.path.join(self.federation.folder, "updates.ndjson")
        self.federation.publish("HN", path)
        for name in self.federation.servers:
            self.federation.restart(name)
        self.federation.await_mirrors()
        for place in (p for p in self.places if p != self.export):
            self.assertEqual(holds(place, NAME), [])
        self.assertEqual(holds(self.federation.hub.data, FILE), [])

    def test_5_what_cannot_be_erased_is_refused_by_name(self):
        for position, why in (("0", "a change of the registry"), ("100000", "the log ends at")):
            refused = self.erase("--position", position, check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("items[0].erasure.position", refused.stderr)
            self.assertIn(why, refused.stderr)
        again = self.erase("--position", str(self.position))
        self.assertIn("already", again.stdout)


if __name__ == "__main__":
    federation.main()
