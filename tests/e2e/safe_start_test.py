"""A server starts on its own data or not at all: a folder that is missing, empty or
mistyped, and a copy that is not whole, are refused with what was found, what was
expected and what to do, and nothing in the folder changes. Data begins only when an
administrator says so."""

import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import unittest

import federation
from statements import make_update

CREATE = {"hub": "--create-log", "hn": "--create-data"}
KEY = {"hub": "log.key", "hn": "cosigner.key"}
NEXT_STEPS = (r"--reuse-key|--create-(log|data)|--rebuild-from|correct data_folder|restore|"
              r"move log\.db")


def snapshot(folder):
    """All that a folder has: names, rights, contents. None if it is not there."""
    if not os.path.exists(folder):
        return None
    found = {}
    for place, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(place, name)
            content = None
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    content = file.read()
            found[os.path.relpath(path, folder)] = (os.lstat(path).st_mode, content)
    return os.lstat(folder).st_mode, found


class SafeStartTest(unittest.TestCase):
    def set_up(self, start=True):
        self.federation = federation.Federation(["HN"], test=self, start=start)
        folder = tempfile.TemporaryDirectory(prefix="gaceta-safe-start-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.number = 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def config_with(self, name, folder, more=""):
        """That of a server, with another data folder."""
        server = self.federation.servers[name]
        with open(server.config, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(f'"{server.data}"', text)
        path = self.path(f"{name}.textproto")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(f'"{server.data}"', f'"{folder}"') + more)
        return path

    def run_server(self, name, folder, *args, more=""):
        program = self.federation.servers[name].program
        return subprocess.run([program, "--config", self.config_with(name, folder, more), *args],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=60, check=False)

    def refuses(self, name, folder, *patterns, args=(), more="", at=None):
        """Code 1, what was found, what was expected and what to do; nothing changes.
        `at` is the file that is named, if it is not the folder."""
        before = snapshot(folder)
        done = self.run_server(name, folder, *args, more=more)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        for pattern in patterns:
            self.assertRegex(done.stderr, pattern)
        self.assertRegex(done.stderr, NEXT_STEPS)
        self.assertIn(at or folder, done.stderr)
        after = snapshot(folder)
        if before is not None and after is not None:
            self.assertEqual(sorted(after[1]), sorted(before[1]))
        self.assertTrue(after == before, f"{folder} has changed: {done.stderr}")

    def creates(self, name, folder, *args, more=""):
        """Returns the public key that it printed."""
        done = self.run_server(name, folder, CREATE[name], *args, more=more)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"\A[^+\n]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+\n\Z")
        return done.stdout.strip()

    def publish(self, count):
        lines = []
        for _ in range(count):
            self.number += 1
            lines.append(json.dumps({"state": "HN", "update": make_update("HN", self.number)}))
        path = self.path("updates.ndjson")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        self.federation.publish("HN", path, check=True)

    def copy_of(self, name, pattern="*"):
        """A copy of what matches in a server's folder."""
        target = tempfile.mkdtemp(dir=self.folder)
        for path in glob.glob(os.path.join(self.federation.servers[name].data, pattern)):
            copied = os.path.join(target, os.path.basename(path))
            if os.path.isdir(path):
                shutil.copytree(path, copied)
            else:
                shutil.copy2(path, copied)
        return target

    # --- Data begins when somebody says so ---

    def test_a_start_makes_nothing_where_nothing_is(self):
        self.set_up(start=False)
        for name in ("hub", "hn"):
            mistyped = self.path("mistyped")
            self.refuses(name, mistyped, "found no such folder", "expected [a-z]+.db",
                         CREATE[name])
            self.assertFalse(os.path.exists(mistyped))
            for mount_point in (self.path("unmounted"), self.path("formatted")):
                os.makedirs(mount_point, exist_ok=True)
                self.refuses(name, mount_point, "found an empty folder", "expected [a-z]+.db",
                             "mount or restore", CREATE[name])
                os.makedirs(self.path("formatted/lost+found"), exist_ok=True)

    def test_a_key_elsewhere_does_not_begin_a_log(self):
        self.set_up()
        self.federation.stop("hub")
        key = os.path.join(self.federation.hub.data, "log.key")
        empty = self.path("unmounted")
        os.mkdir(empty)
        for folder in (empty, self.path("mistyped")):
            self.refuses("hub", folder, "there is no log", more=f'\nlog_key_file: "{key}"\n')

    def test_a_folder_of_something_else_is_refused(self):
        self.set_up(start=False)
        folder = self.path("letters")
        os.mkdir(folder, 0o700)
        with open(os.path.join(folder, "letter.txt"), "w", encoding="utf-8") as file:
            file.write("Dear colleague\n")
        for name in ("hub", "hn"):
            self.refuses(name, folder, "has files, but none of a server", "found letter.txt")
            self.refuses(name, folder, "is not empty: it has letter.txt", args=[CREATE[name]])

    def test_the_folder_of_the_other_server_is_refused(self):
        self.set_up()
        for name in ("hn", "hub"):
            self.federation.stop(name)
        self.refuses("hub", self.federation.nodes["hn"].data, "is that of a node")
        self.refuses("hn", self.federation.hub.data, "is that of a hub")

    def test_data_begins_once_and_prints_its_key(self):
        self.set_up(start=False)
        for name in ("hub", "hn"):
            folder = self.path(f"new/{name}")

            key = self.creates(name, folder)

            with open(os.path.join(folder, KEY[name] + ".pub"), encoding="utf-8") as file:
                self.assertEqual(file.read().strip(), key)
            self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)
            self.refuses(name, folder, "is not empty: it has .*log.db", args=[CREATE[name]])
        shutil.copytree(self.path("new/hub"), self.federation.hub.data)
        self.federation.start("hub")
        self.assertEqual(self.federation.log_size(), 0)

    def test_a_key_that_is_there_is_used_for_a_new_log_only_when_that_is_said(self):
        self.set_up(start=False)
        for name, field in (("hub", "log_key_file"), ("hn", "cosigner_key_file")):
            self.creates(name, self.path(f"first-{name}"))
            key = self.path(f"first-{name}/{KEY[name]}")
            with open(key + ".pub", encoding="utf-8") as file:
                public = file.read().strip()
            more = f'\n{field}: "{key}"\n'
            folder = self.path(f"second-{name}")

            self.refuses(name, folder, "is there already", "--reuse-key", args=[CREATE[name]],
                         more=more, at=key)
            self.assertEqual(self.creates(name, folder, "--reuse-key", more=more), public)
            missing = self.path("missing.key")
            self.refuses(name, self.path("third"), "restore it, or leave --reuse-key out",
                         args=[CREATE[name], "--reuse-key"], more=f'\n{field}: "{missing}"\n',
                         at=missing)

    def test_wrong_usage_has_its_own_code(self):
        self.set_up(start=False)
        for name in ("hub", "hn"):
            for args in (["--reuse-key"], [CREATE[name], "--check-config"],
                         [CREATE[name], "--print-access"],
                         [CREATE["hn" if name == "hub" else "hub"]]):
                done = self.run_server(name, self.path("data"), *args)
                self.assertEqual(done.returncode, 2, (args, done.stderr))
                self.assertEqual(done.stdout, "")
            self.assertIn(CREATE[name], self.run_server(name, "x", "--help").stdout)
        self.assertFalse(os.path.exists(self.path("data")))

    # --- What is not whole is not served ---

    def test_each_part_that_is_missing_is_named(self):
        self.set_up()
        self.publish(3)
        for name, parts in (("hub", ("log.db", "checkpoints.db", "log.size", "documents",
                                     "log.key")),
                            ("hn", ("outbox.db", "checkpoints.db", "log.size", "cosigner.key"))):
            self.assertEqual(self.federation.stop(name), 0)
            for part in parts:
                folder = self.copy_of(name)
                path = os.path.join(folder, part)
                if os.path.isdir(path):
                    shutil.rmtree(path)
                else:
                    os.remove(path)
                self.refuses(name, folder, re.escape(part))
            for part in parts:
                if part.endswith(".db"):
                    folder = self.copy_of(name)
                    with open(os.path.join(folder, part), "wb"):
                        pass
                    self.refuses(name, folder, f"{re.escape(part)} is an empty file")
            if name == "hub":
                self.refuses(name, self.copy_of(name, "log.key"),
                             "has no log.db: found log.key, expected log.db", "--rebuild-from")

    def test_copies_of_the_databases_of_a_running_server_without_their_wals_are_refused(self):
        self.set_up()
        self.publish(5)
        busy = threading.Thread(target=self.publish, args=(400,), daemon=True)
        busy.start()
        federation.wait_until(lambda: self.federation.log_size() > 60, 60, "it works")
        copies = {}
        for name in ("hub", "hn"):
            shown = os.path.join(self.federation.servers[name].data, "log.size")
            federation.wait_until(lambda path=shown: self.number_in(path) > 20, 60,
                                  f"{name} has written how much it showed")
            # As `cp *.db log.key`, and as a backup that leaves out *-wal alone.
            databases = self.copy_of(name, "*.db")
            for file in glob.glob(os.path.join(self.federation.servers[name].data, "*.key")):
                shutil.copy2(file, databases)
            os.makedirs(os.path.join(databases, "documents"), exist_ok=True)
            without_wal = self.copy_of(name)
            for file in glob.glob(os.path.join(without_wal, "*.db-*")):
                os.remove(file)
            copies[name] = (databases, without_wal)
        busy.join(120)
        self.federation.stop("hn")
        self.federation.stop("hub")
        for name, (databases, without_wal) in copies.items():
            self.refuses(name, databases, "log.size is missing", "restore the whole folder")
            self.refuses(name, without_wal,
                         "the log has [0-9]+ entries, but log.size says that [0-9]+ were shown",
                         "restore the whole folder")

    @staticmethod
    def number_in(path):
        with open(path, encoding="utf-8") as file:
            return int(file.read())

    def test_a_whole_copy_of_a_killed_server_is_served(self):
        self.set_up()
        self.publish(20)
        for name in ("hn", "hub"):
            self.federation.kill(name)
            server = self.federation.servers[name]
            copy = self.copy_of(name)
            shutil.rmtree(server.data)
            shutil.copytree(copy, server.data)
        self.federation.start("hub", "hn")
        self.federation.await_mirrors()
        self.publish(1)

    def test_a_checkpoint_newer_than_the_log_is_refused(self):
        self.set_up()
        self.publish(3)
        self.federation.await_mirrors()
        old = {}
        for name in ("hn", "hub"):
            self.federation.stop(name)
            old[name] = self.copy_of(name)
        self.federation.start("hub", "hn")
        self.publish(3)
        self.federation.await_mirrors()
        for name in ("hn", "hub"):
            self.federation.stop(name)
            folder = self.copy_of(name)
            for part in ("log.db", "log.size"):
                shutil.copy2(os.path.join(old[name], part), folder)
            self.refuses(name, folder,
                         "the log has [0-9]+ entries, but its last checkpoint has [0-9]+")
            # And the other way round.
            folder = self.copy_of(name)
            shutil.copy2(os.path.join(old[name], "checkpoints.db"), folder)
            self.refuses(name, folder, "the last checkpoint has [0-9]+ entries, but log.size")
            if name == "hn":
                # Nor is the log fetched again by a witness that has forgotten.
                os.remove(os.path.join(folder, "log.db"))
                self.refuses(name, folder, "the last checkpoint has [0-9]+ entries, but log.size",
                             "cosigning key must not be used again")

    # --- What a node has lost of its mirror comes back ---

    def test_a_node_fetches_again_what_the_hub_has(self):
        self.set_up()
        self.publish(5)
        self.federation.await_mirrors()
        node = self.federation.nodes["hn"]
        for lost in (["log.db"], ["log.db", "tree.db", "index.db", "documents"],
                     ["tree.db", "index.db"]):
            self.assertEqual(self.federation.stop("hn"), 0)
            for name in lost:
                path = os.path.join(node.data, name)
                if os.path.isdir(path):
                    shutil.rmtree(path)
                else:
                    os.remove(path)
            self.federation.start("hn")
            said = "the mirrored log is missing, and is fetched from the hub again"
            self.assertEqual(said in node.log_text(), "log.db" in lost)
            self.federation.await_mirrors()
            self.publish(1)
            self.federation.await_mirrors()
        self.assertEqual(os.listdir(os.path.join(node.data, "evidence")), [])
        # It cosigns as before.
        size = self.federation.log_size()
        federation.wait_until(
            lambda: self.federation.hub.metrics()["gaceta_log_cosigned_entries"] == size, 30,
            "the witness has cosigned all")

    def test_lost_subscriptions_are_said(self):
        self.set_up()
        for name in ("hn", "hub"):
            server = self.federation.servers[name]
            self.assertEqual(self.federation.stop(name), 0)
            os.remove(os.path.join(server.data, "subscriptions.db"))
            self.federation.start(name)
            self.assertRegex(server.log_text(),
                             "made anew, since it is missing path=.*subscriptions.db")


if __name__ == "__main__":
    federation.main()
