"""What a person sets wrong, or does on purpose, is told as that: nobody is accused,
no evidence is kept, and with the setting mended all goes on."""

import json
import os
import shutil
import unittest

import federation

WRONG_ORIGIN = "hub.gaceta.exmaple/log"
ORIGIN = f"hub.{federation.NAME}/log"
SAYS = f"log_origin says {WRONG_ORIGIN}, the hub has {ORIGIN}"


def evidence_below(folder):
    """Every file of every evidence folder below `folder`."""
    return [os.path.join(path, name) for path, _, names in os.walk(folder)
            if "evidence" in path.split(os.sep) for name in names]


class TwoFederationsTest(unittest.TestCase):
    def test_two_federations_of_the_same_name_are_read_side_by_side_on_one_account(self):
        first = federation.Federation(["HN"], test=self)
        second = federation.Federation(["HN"], test=self)
        second.publish("HN", federation.SAMPLES, check=True)
        home = {"HOME": os.path.join(first.folder, "home")}

        for _ in range(2):
            for one in (first, second):
                for words in (["log", "checkpoint"], ["log", "audit"],
                              ["updates", "follow", "--from", "start", "--until-live"]):
                    done = one.cli("hn-at-hub", *words, env=home)
                    self.assertEqual(done.returncode, 0, done.stderr)

        self.assertEqual(len(os.listdir(os.path.join(home["HOME"], ".local/state/gaceta"))), 2)
        self.assertEqual(evidence_below(home["HOME"]), [])


class OwnMistakesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.federation = federation.Federation(["HN"], test=cls)
        cls.federation.publish("HN", federation.SAMPLES, check=True)

    def gaceta(self, *args, profile="hn-at-hub", code=0):
        done = self.federation.cli(profile, *args)
        self.assertEqual(done.returncode, code, f"{args}: {done.stdout}{done.stderr}")
        return done

    def test_a_mistyped_log_origin_of_a_reader_is_told_with_both_names(self):
        cursor = os.path.join(self.federation.folder, "cursor")
        for words in (["updates", "follow", "--from", "start"],
                      ["updates", "follow", "--from", "start", "--cursor", cursor],
                      ["updates", "list"], ["log", "checkpoint"], ["log", "audit"]):
            for profile in ("hn-at-hub", "hn-monitor"):
                done = self.gaceta("--log-origin", WRONG_ORIGIN, *words, profile=profile, code=1)
                self.assertIn(SAYS, done.stderr)
                self.assertNotIn("evidence", done.stderr)

        self.assertEqual(evidence_below(os.path.join(self.federation.folder, "home")), [])
        self.gaceta("updates", "follow", "--from", "start", "--until-live", "--cursor", cursor)

    def test_a_mistyped_log_origin_of_a_node_is_told_and_mended_by_a_restart(self):
        node = self.federation.nodes["hn"]
        self.federation.stop("hn")
        with open(node.config, encoding="utf-8") as file:
            right = file.read()
        with open(node.config, "a", encoding="utf-8") as file:
            file.write(f'log_origin: "{WRONG_ORIGIN}"\n')
        self.addCleanup(lambda: node.is_running() or self.federation.start("hn"))

        self.federation.start("hn")
        node.await_log(SAYS)
        self.assertEqual(node.metrics()["gaceta_log_trusted"], 1)
        self.assertEqual(node.metrics()["gaceta_evidence_files"], 0)
        self.federation.stop("hn")
        with open(node.config, "w", encoding="utf-8") as file:
            file.write(right)
        self.federation.start("hn")

        self.federation.await_mirrors()
        self.assertEqual(evidence_below(node.data), [])


class LogMadeAnewTest(unittest.TestCase):
    def test_a_log_that_was_made_anew_on_purpose_is_read_once_the_old_one_is_forgotten(self):
        one = federation.Federation(["HN"], test=self)
        one.publish("HN", federation.SAMPLES, check=True)
        one.cli("hn-at-hub", "log", "checkpoint", check=True)
        for server in one.servers.values():
            self.assertEqual(server.stop(), 0)
            shutil.rmtree(server.data)
        one.create(*one.servers)
        one.start_all()
        one.publish_registry()

        done = one.cli("hn-at-hub", "log", "checkpoint")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("if the log was made anew on purpose: gaceta log forget", done.stderr)
        done = one.cli("hn-at-hub", "updates", "follow", "--from", "start", "--until-live")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("LOG_DISTRUSTED", done.stderr)
        self.assertIn("gaceta log forget", done.stderr)

        # A script has to say that it means it.
        self.assertEqual(one.cli("hn-at-hub", "log", "forget").returncode, 2)
        done = one.cli("hn-at-hub", "--output=json", "log", "forget", "--yes", check=True)
        forgotten = json.loads(done.stdout)
        self.assertEqual(forgotten["origin"], ORIGIN)
        self.assertEqual(len(forgotten["files"]), 2)
        for words in (["log", "checkpoint"], ["log", "audit"],
                      ["updates", "follow", "--from", "start", "--until-live"]):
            one.cli("hn-at-hub", *words, check=True)


if __name__ == "__main__":
    federation.main()
