"""The example programs of the library do what their comments say."""

import hashlib
import json
import os
import subprocess
import unittest

import federation
from updates_file import UpdatesFile, read_corridors

EXAMPLES = os.path.join(federation.BIN, "examples")
CORRIDOR = "central-america-north"


class ExamplesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.file = UpdatesFile(federation.SAMPLES)
        cls.federation = federation.Federation(["GT", "HN", "PE"], test=cls)
        cls.federation.publish("GT", federation.SAMPLES, check=True)
        cls.federation.publish("PE", federation.SAMPLES, check=True)

    def arguments(self, server, identity):
        """SERVER SERVER_ID CERTIFICATE KEY ROOT."""
        to = self.federation.servers[server]
        return [to.address, federation.spiffe_id_of(to.identity),
                self.federation.file(identity + ".pem"), self.federation.file(identity + ".key"),
                self.federation.file("root.pem")]

    def run_example(self, name, *arguments, **variables):
        return subprocess.run(
            [os.path.join(EXAMPLES, name), *arguments], capture_output=True, encoding="utf-8",
            cwd=self.federation.folder, env=self.federation.environment(**variables), timeout=60)

    def follow(self, count):
        return self.run_example("follow_corridor", *self.arguments("hub", "hn/subscriber-monitor"),
                                federation.NAME, CORRIDOR, GACETA_COUNT=str(count))

    def write(self, name, data):
        path = os.path.join(self.federation.folder, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def publish(self, update, *document):
        path = self.write("update.json", json.dumps(update, ensure_ascii=False).encode())
        return self.run_example("publish_update", *self.arguments("hn", "hn/agency-migracion"),
                                path, *document)

    def new_update(self, number):
        update = dict(self.file.by_id[self.file.of_states({"HN"})[0]]["update"])
        update["instrument"] = {**update["instrument"],
                                "uri": f"urn:lex:hn:congreso:decreto:2020;{number}-2020"}
        for field in ("documents", "relations", "version"):
            update.pop(field, None)
        return {**update, "event": "UPDATE_EVENT_PUBLICATION"}

    def test_one_program_publishes_and_the_other_follows_and_resumes(self):
        text = "Artículo 1. Créase …\n".encode()
        document = self.write("decreto.txt", text)
        update = self.new_update(1)
        digest = hashlib.sha256(text).hexdigest()
        update["documents"] = [{"sha256": digest, "size": len(text), "mediaType": "text/plain",
                                "language": "es", "legalValue": "LEGAL_VALUE_OFFICIAL"}]
        self.assertLessEqual({"GT", "HN"}, read_corridors()[CORRIDOR])
        self.assertNotIn("PE", read_corridors()[CORRIDOR])

        first = self.follow(len(self.file.of_states({"GT"})))
        published = self.publish(update, document)
        second = self.follow(1)

        self.assertEqual((first.returncode, published.returncode, second.returncode), (0, 0, 0),
                         first.stderr + published.stderr + second.stderr)
        self.assertEqual({line.split()[1] for line in first.stdout.splitlines()}, {"GT"})
        self.assertEqual(len(first.stdout.splitlines()), len(self.file.of_states({"GT"})))
        position = published.stdout.split()[1]
        title = update["instrument"]["titles"][0]["text"]
        self.assertEqual(second.stdout,
                         f"{position} HN {update['instrument']['uri']} {title}\n")
        self.federation.cli("gt-at-hub", "documents", "get", digest, "-o", document, check=True)

    def test_a_broken_rule_is_told_by_its_field(self):
        update = self.new_update(2)
        update["instrument"]["uri"] = "urn:lex:gt:congreso:decreto:2020;2-2020"
        update["instrument"]["titles"] = []

        done = self.publish(update)

        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertIn("  update.instrument.uri: ", done.stderr)
        self.assertIn("  update.instrument.titles: ", done.stderr)

    def test_wrong_usage_is_told(self):
        for name in ("publish_update", "follow_corridor"):
            done = self.run_example(name, "too", "few")
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"usage: {name}", done.stderr)


if __name__ == "__main__":
    federation.main()
