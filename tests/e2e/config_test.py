"""Configuration files: what is wrong is told with line and column, all of it at
once, and before anything is started or made."""

import os
import re
import subprocess
import unittest

import federation
import wire
from federation import BIN

HUB = "gaceta-hub"
NODE = "gaceta-node"


class ConfigTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.federation = federation.Federation(["HN"], test=cls, start=False)

    def run_server(self, program, *args):
        return subprocess.run([os.path.join(BIN, program), *args], capture_output=True,
                              encoding="utf-8", timeout=30, cwd="/")

    def config_of(self, program):
        server = self.federation.hub if program == HUB else self.federation.nodes["hn"]
        with open(server.config, encoding="utf-8") as file:
            return file.read()

    def check(self, program, text):
        """--check-config with this file: exit code, what it said, the file's path."""
        path = os.path.join(self.federation.folder, "checked.textproto")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        done = self.run_server(program, "--config", path, "--check-config")
        return done, path

    def assert_wrong(self, program, text, *places):
        """Each place is a line and column, and a pattern of what is said there."""
        done, path = self.check(program, text)
        self.assertEqual(done.returncode, 1, done.stdout)
        said = done.stderr.removeprefix(program + ": ").splitlines()
        self.assertEqual(len(said), len(places), done.stderr)
        for line, (place, pattern) in zip(said, places, strict=True):
            self.assertRegex(line, "^" + re.escape(f"{path}:{place}: ") + pattern)
        self.assertFalse(os.path.exists(self.federation.hub.data))

    def changed(self, program, old, new):
        text = self.config_of(program)
        self.assertEqual(text.count(old), 1, old)
        place = text.index(old)
        line = text.count("\n", 0, place) + 1
        column = place - (text.rfind("\n", 0, place) + 1) + 1
        return text.replace(old, new), f"{line}:{column}"

    def test_a_good_file_is_said_to_be_good_and_nothing_is_started(self):
        for program in (HUB, NODE):
            done, path = self.check(program, self.config_of(program))
            self.assertEqual((done.returncode, done.stdout), (0, f"{path}: good\n"), done.stderr)
        self.assertFalse(os.path.exists(self.federation.hub.data))

    def test_a_wrong_field_is_told_with_line_and_column(self):
        for program, old, new, pattern in (
                (HUB, 'federation: "', 'federatoin: "', ".*federatoin"),
                (HUB, 'federation: "gaceta.example"', 'federation: "Gaceta"', "federation: is "),
                (HUB, "listen:", "listen: 7443 #", ".*string"),
                (HUB, "key_file:", "keyfile:", '.*"keyfile"'),
                (NODE, 'state: "HN"', 'state: "Honduras"', 'state: is "Honduras", expected ISO'),
                (NODE, 'hub: "', 'hub: "https://', "hub: is "),
                (NODE, 'listen: "127.0.0.2', 'listen: "', "listen: is ")):
            with self.subTest(program=program, new=new):
                if pattern.startswith("hub"):
                    new = 'hub: "nowhere" # "'
                text, place = self.changed(program, old, new)
                done, path = self.check(program, text)
                self.assertEqual(done.returncode, 1)
                line = place.split(":", maxsplit=1)[0]
                self.assertRegex(done.stderr, re.escape(path) + f":{line}:[0-9]+: {pattern}")

    def test_all_mistakes_are_told_at_once(self):
        self.assert_wrong(
            HUB,
            'federation: "gaceta.example"\n'
            'listen: "nowhere"\n'
            'tls {\n'
            '  certificate_file: "hub.pem"\n'
            '  root_file: "root.pem"\n'
            '}\n'
            'relay_limits { heartbeat_seconds: 0 }\n'
            'publish_limits { per_second: 200\n'
            '  window: -1 }\n',
            ("2:1", 'listen: is "nowhere", expected host:port'),
            ("3:1", "tls.key_file: is missing, expected the path of a PEM file"),
            ("7:16", "relay_limits.heartbeat_seconds: is 0, expected 1 to 300"),
            ("9:3", "publish_limits.window: is -1, expected 1 to 100000"))

    def test_what_has_no_default_is_required(self):
        done, _ = self.check(HUB, "")
        for field in ("federation", "tls.certificate_file", "tls.key_file", "tls.root_file"):
            self.assertIn(f"{field}: is missing", done.stderr)
        done, _ = self.check(NODE, "")
        for field in ("state", "hub", "signer_key_file"):
            self.assertRegex(done.stderr, f": {field}: is ")

    def test_a_file_that_is_no_text_format_is_refused(self):
        for text in ("\0\1\2", "federation: gaceta", "tls {", "{}", "x" * 100000):
            done, path = self.check(HUB, text)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, re.escape(path) + ":[0-9]+:[0-9]+: ")
        done = self.run_server(HUB, "--config", "/nowhere.textproto")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot read configuration /nowhere.textproto", done.stderr)

    def test_check_config_checks_the_files_that_are_named(self):
        for program, key in ((HUB, "hub.key"), (NODE, "node.key"), (NODE, "signer.key")):
            text, _ = self.changed(program, key, "nobody.key")
            done, _ = self.check(program, text)
            self.assertEqual(done.returncode, 1)
            self.assertIn("nobody.key", done.stderr)

    def test_relative_paths_are_relative_to_the_file(self):
        text = self.config_of(HUB).replace(self.federation.folder + "/", "")
        done, _ = self.check(HUB, text)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_field_with_a_default_may_be_left_out(self):
        for program in (HUB, NODE):
            text = re.sub("(?m)^(listen|data_folder):.*\n", "", self.config_of(program))
            done, _ = self.check(program, text)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_examples_of_deploy_are_good_but_for_their_paths(self):
        for program, name in ((HUB, "hub"), (NODE, "node")):
            with open(os.path.join(wire.SOURCE, "deploy", name + ".textproto"),
                      encoding="utf-8") as file:
                example = file.read()
            # Also with all that is commented out, which shows the defaults.
            whole = re.sub("(?m)^# (?=[a-z_]+(:| \\{)|[ }])", "", example)
            self.assertIn("\nlog_level: INFO", whole)
            for text in (example, whole):
                text = text.replace("/etc/gaceta/pki", self.federation.pki)
                done, _ = self.check(program, text)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_wrong_usage_is_told(self):
        for program in (HUB, NODE):
            done = self.run_server(program, "--no-such-flag")
            self.assertEqual(done.returncode, 2)
            self.assertIn("no-such-flag", done.stderr)
            done = self.run_server(program, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn("--check-config", done.stdout)

    def test_who_may_call_what_is_printed(self):
        done = self.run_server(HUB, "--print-access")
        self.assertEqual(done.returncode, 0)
        self.assertIn("gaceta.v1.PublishingService/Publish: registrar, node\n", done.stdout)
        done = self.run_server(NODE, "--print-access")
        self.assertNotIn("PublishingService", done.stdout)
        self.assertIn("gaceta.v1.SubmissionsService/SubmitUpdate: agency, state-admin\n",
                      done.stdout)


if __name__ == "__main__":
    federation.main()
