"""The example programs do what their comments say, the followers alike in C++, Python and
Node.js."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import unittest

import federation
import node_packages
import wire
from federation import wait_until
from updates_file import UpdatesFile, read_corridors
from wire import statement_pb2, update_pb2

PROGRAMS = os.path.join(federation.BIN, "examples")
EXAMPLES = os.path.join(wire.SOURCE, "client", "examples")
CORRIDOR = "central-america-north"


class CppFollower:
    mark = "verified"
    position_file = CORRIDOR + ".cursor"
    command = [os.path.join(PROGRAMS, "follow_corridor")]
    environment = {}
    options = {"server-id": "spiffe://hn.gaceta.example/node", "federation": federation.NAME}


class PythonFollower:
    mark = "not verified here"
    position_file = CORRIDOR + ".position"
    command = [sys.executable, os.path.join(EXAMPLES, "python", "follow_corridor.py")]
    environment = {"PYTHONPATH": wire.STUBS}
    options = {}


class NodeFollower:
    mark = "not verified here"
    position_file = CORRIDOR + ".position"
    command = ["node", os.path.join(EXAMPLES, "node", "follow_corridor.js")]
    environment = {}
    options = {}


class ExamplesTest(unittest.TestCase):
    """A federation for one class of tests."""

    @classmethod
    def setUpClass(cls):
        cls.file = UpdatesFile(federation.SAMPLES)
        cls.federation = federation.Federation(["GT", "HN", "PE"], test=cls)
        cls.federation.publish("GT", federation.SAMPLES, check=True)
        cls.federation.publish("PE", federation.SAMPLES, check=True)
        cls.federation.await_mirrors()

    def write(self, name, text):
        path = os.path.join(self.federation.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def new_update(self, state, number):
        update = dict(self.file.by_id[self.file.of_states({"HN"})[0]]["update"])
        update["instrument"] = {**update["instrument"],
                                "uri": f"urn:lex:{state.lower()}:congreso:decreto:2020;{number}-2020"}
        for field in ("documents", "relations", "version"):
            update.pop(field, None)
        return {**update, "event": "UPDATE_EVENT_PUBLICATION"}


class FollowerTests:
    """What every follower does. A subclass names the `follower`."""

    follower = None

    def setUp(self):
        self.folder = os.path.join(self.federation.folder, self.id())
        os.makedirs(self.folder)
        self.out = os.path.join(self.folder, "out")
        self.err = os.path.join(self.folder, "err")

    def start(self, identity="hn/subscriber-monitor", **changes):
        """Starts the follower at HN's node; its output goes behind that of earlier runs."""
        options = {"server": self.federation.servers["hn"].address, "corridor": CORRIDOR,
                   "certificate": self.federation.file(identity + ".pem"),
                   "key": self.federation.file(identity + ".key"),
                   "root": self.federation.file("root.pem"), **self.follower.options, **changes}
        words = [word for name, value in options.items() for word in ("--" + name, value)]
        with open(self.out, "ab") as out, open(self.err, "ab") as err:
            process = subprocess.Popen(
                [*self.follower.command, *words], cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=out, stderr=err,
                env=self.federation.environment(**self.follower.environment))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def text_of(self, path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def lines(self):
        return [line.split("\t") for line in self.text_of(self.out).splitlines()]

    def expected_lines(self):
        """What the log has of the corridor, as HN's reader may see it."""
        lines = []
        for entry in self.federation.read_log():
            leaf = statement_pb2.Leaf.FromString(entry.leaf)
            header = statement_pb2.StatementHeader.FromString(leaf.header)
            if header.publisher not in read_corridors()[CORRIDOR]:
                continue
            if header.audience.scope == statement_pb2.Audience.SCOPE_LISTED:
                what = ["OMISSION_RESTRICTED", "", ""]
            else:
                update = update_pb2.Update.FromString(entry.payload)
                what = [update_pb2.UpdateEvent.Name(update.event), update.instrument.uri,
                        update.instrument.titles[0].text]
            lines.append([str(entry.position), header.publisher, *what, self.follower.mark])
        return lines

    def await_all(self):
        """Waits until the follower has stored that it handled all that HN's node has."""
        self.federation.await_mirrors()
        size = str(self.federation.log_size("hn"))
        path = os.path.join(self.folder, self.follower.position_file)
        wait_until(lambda: os.path.exists(path) and size in self.text_of(path).split(), 30,
                   f"{path} has {size}")

    def publish(self, state, **fields):
        """Publishes an instrument that no test has published before."""
        line = {"update": self.new_update(state, self.federation.log_size()), **fields}
        self.federation.publish(
            state, self.write("update.ndjson", json.dumps(line) + "\n"), check=True)

    def test_resumes_behind_what_it_printed(self):
        self.assertNotIn("PE", read_corridors()[CORRIDOR])
        process = self.start()
        self.await_all()
        process.kill()
        process.wait()
        before = self.lines()
        self.publish("HN")
        self.publish("GT", audience={"scope": "SCOPE_LISTED", "states": ["GT"]})
        process = self.start()
        self.await_all()
        self.publish("HN")
        self.await_all()
        process.send_signal(signal.SIGTERM)

        self.assertEqual(process.wait(20), 0, self.text_of(self.err))
        self.assertGreater(len(before), 1)
        self.assertEqual(len(self.lines()), len(before) + 3)
        self.assertEqual(self.lines(), self.expected_lines())

    def test_connects_again_when_the_node_was_away(self):
        process = self.start()
        self.await_all()
        self.federation.stop("hn")
        wait_until(lambda: "next try within" in self.text_of(self.err), 30, "it waits")
        self.publish("GT")
        self.federation.start("hn")
        self.await_all()
        process.send_signal(signal.SIGINT)

        self.assertEqual(process.wait(20), 0, self.text_of(self.err))
        self.assertEqual(self.lines(), self.expected_lines())

    def test_ends_while_it_waits_for_the_node(self):
        process = self.start(server="127.0.0.1:1")
        wait_until(lambda: "next try within" in self.text_of(self.err), 30, "it waits")
        process.send_signal(signal.SIGTERM)

        self.assertEqual(process.wait(20), 0, self.text_of(self.err))

    def test_says_what_is_wrong_with_a_certificate(self):
        for changes, expected in self.wrong_certificates():
            with self.subTest(expected):
                process = self.start(**changes)

                self.assertEqual(process.wait(30), 1, self.text_of(self.err))
                self.assertRegex(self.text_of(self.err), f"(?m)^error: .*{expected}")
                self.assertEqual(self.lines(), [])

    def wrong_certificates(self):
        yield {"identity": "gt/subscriber-monitor"}, \
            "identity spiffe://gt.gaceta.example/subscriber/monitor is not of hn.gaceta.example"
        yield {"certificate": self.federation.file("none.pem")}, "none.pem"

    def test_an_unknown_corridor_is_told(self):
        process = self.start(corridor="nowhere")

        self.assertEqual(process.wait(30), 1, self.text_of(self.err))
        self.assertRegex(self.text_of(self.err), '(?m)^error: .*the registry has no "nowhere"')

    def test_options_are_told(self):
        environment = self.federation.environment(**self.follower.environment)
        for options, code in ((["--help"], 0), (["--corridor", CORRIDOR], 2), (["--bad", "x"], 2)):
            done = subprocess.run([*self.follower.command, *options], capture_output=True,
                                  encoding="utf-8", cwd=self.folder, env=environment, timeout=30)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn("--certificate", done.stdout if code == 0 else done.stderr)


class UnverifiedFollowerTests(FollowerTests):
    """What followers do that trust the node of their state."""

    def test_says_at_the_start_that_it_does_not_verify(self):
        process = self.start()
        self.await_all()
        process.send_signal(signal.SIGTERM)

        self.assertEqual(process.wait(20), 0)
        self.assertTrue(self.text_of(self.err).startswith("not verified here: "))

    def wrong_certificates(self):
        yield from super().wrong_certificates()
        other = os.path.join(self.federation.folder, "other-federation")
        for line in (["root", other, "--federation", federation.NAME], ["ca", other, "hn"],
                     ["leaf", other, "hn", "subscriber/monitor"]):
            if not os.path.exists(os.path.join(other, "hn", "subscriber-monitor.pem")):
                self.federation.cli(None, "pki", *line, check=True)
        theirs = os.path.join(other, "hn", "subscriber-monitor")
        yield {"certificate": theirs + ".pem", "key": theirs + ".key"}, \
            "the node refuses .*: is it of this federation"
        yield {"root": os.path.join(other, "root.pem")}, "unable to get local issuer certificate"
        yield {"key": self.federation.file("hn/node.key")}, "key values mismatch"


class CppFollowerTest(FollowerTests, ExamplesTest):
    follower = CppFollower


class PythonFollowerTest(UnverifiedFollowerTests, ExamplesTest):
    follower = PythonFollower


class NodeFollowerTest(UnverifiedFollowerTests, ExamplesTest):
    follower = NodeFollower

    @classmethod
    def setUpClass(cls):
        node_packages.install()
        super().setUpClass()


class PublishUpdateTest(ExamplesTest):
    def publish(self, update, *document):
        path = self.write("update.json", json.dumps(update, ensure_ascii=False))
        to = self.federation.servers["hn"]
        return self.run_program(
            to.address, federation.spiffe_id_of(to.identity),
            self.federation.file("hn/agency-migracion.pem"),
            self.federation.file("hn/agency-migracion.key"), self.federation.file("root.pem"),
            path, *document)

    def run_program(self, *arguments):
        return subprocess.run([os.path.join(PROGRAMS, "publish_update"), *arguments],
                              capture_output=True, encoding="utf-8", cwd=self.federation.folder,
                              env=self.federation.environment(), timeout=60)

    def test_publishes_an_update_with_its_document(self):
        text = "Artículo 1. Créase …\n"
        document = self.write("decreto.txt", text)
        update = self.new_update("HN", 1)
        digest = hashlib.sha256(text.encode()).hexdigest()
        update["documents"] = [{"sha256": digest, "size": len(text.encode()),
                                "mediaType": "text/plain", "language": "es",
                                "legalValue": "LEGAL_VALUE_OFFICIAL"}]

        done = self.publish(update, document)

        self.assertEqual(done.returncode, 0, done.stderr)
        entry = self.federation.read_log()[-1]
        self.assertEqual(done.stdout, f"position {entry.position}\n")
        published = update_pb2.Update.FromString(entry.payload)
        self.assertEqual(published.instrument.uri, update["instrument"]["uri"])
        self.federation.cli("gt-at-hub", "documents", "get", digest, "-o", document, check=True)

    def test_a_broken_rule_is_told_by_its_field(self):
        update = self.new_update("HN", 2)
        update["instrument"]["uri"] = "urn:lex:gt:congreso:decreto:2020;2-2020"
        update["instrument"]["titles"] = []

        done = self.publish(update)

        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertIn("  update.instrument.uri: ", done.stderr)
        self.assertIn("  update.instrument.titles: ", done.stderr)

    def test_wrong_usage_is_told(self):
        done = self.run_program("too", "few")
        self.assertEqual(done.returncode, 2)
        self.assertIn("usage: publish_update", done.stderr)


if __name__ == "__main__":
    federation.main()
