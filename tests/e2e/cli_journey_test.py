"""What a person does with the `gaceta` command, against real servers."""

import copy
import glob
import hashlib
import json
import os
import pty
import signal
import subprocess
import unittest

import federation
from lying_server import LyingServer, header_of
from updates_file import UpdatesFile, texts_of

# Two alphabets, marks that combine, characters beyond 16 bits, what JSON, HTML
# and terminals take for special, and letters that only look alike.
HARD = ("Ñandú – «café» e\u0301 ≠ é, ção, œuvre, ‘’“”, <b>&amp;</b> \\n \" 🛂𐐷 "
        "\u2028 שלום ½")


def ids_in(output):
    return [json.loads(line)["header"]["statementId"] for line in output.split("\n") if line]


class Journey(unittest.TestCase):
    """One federation for all tests of a class, and verbs."""

    STATES = ["HN", "GT"]

    @classmethod
    def setUpClass(cls):
        cls.federation = federation.Federation(cls.STATES, test=cls)
        cls.file = UpdatesFile(federation.SAMPLES)

    def gaceta(self, profile, *args, code=0, **kwargs):
        """Runs the command, which must end with `code`."""
        done = self.federation.cli(profile, *args, **kwargs)
        self.assertEqual(done.returncode, code, f"{args}: {done.stdout}{done.stderr}")
        return done

    def path(self, name):
        return os.path.join(self.federation.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        return self.path(name)

    def update(self, number, **fields):
        """An update of Honduras that obeys every rule."""
        return {"kind": "UPDATE_KIND_LEGISLATION", "event": "UPDATE_EVENT_PUBLICATION",
                "instrument": {"uri": f"urn:lex:hn:congreso:decreto:2020-03-01;{number}-2020",
                               "type": "INSTRUMENT_TYPE_DECREE", "topics": ["entry-visa"],
                               "titles": [{"language": "es", "text": f"Decreto {number}"}]},
                **fields}

    def write_updates(self, name, numbers):
        """A file with one update a line; returns its path and the ids."""
        lines = [{"state": "HN", "submissionId": f"00000000-0000-4000-8000-{n:012x}",
                  "update": self.update(n)} for n in numbers]
        path = self.write(name, "".join(json.dumps(line) + "\n" for line in lines))
        return path, [line["submissionId"] for line in lines]

    def log_ids(self, publisher="HN"):
        return [v.header.statement_id for v in self.federation.audit()
                if v.header.publisher == publisher]


class PublishingTest(Journey):
    def test_a_profile_file_in_the_home_folder_saves_typing(self):
        home = self.path("somebody")
        os.makedirs(os.path.join(home, ".config", "gaceta"))
        os.symlink(self.federation.pki, os.path.join(home, ".config", "gaceta", "pki"))
        hub = self.federation.hub
        config = os.path.join(home, ".config", "gaceta", "config")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'profiles {{ name: "me" server: "{hub.address}"\n'
                       f'  server_id: "{federation.spiffe_id_of(hub.identity)}"\n'
                       '  certificate_file: "pki/hn/subscriber-monitor.pem"\n'
                       '  key_file: "pki/hn/subscriber-monitor.key"\n'
                       '  root_file: "pki/root.pem" }\n')
        command = [os.path.join(federation.BIN, "gaceta"), "states"]
        environment = self.federation.environment(HOME=home)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Honduras", done.stdout)

        with open(config, "a", encoding="utf-8") as file:
            file.write('profiles { nom: "x" }\n')
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"{config}:6:", done.stderr)
        self.assertIn("nom", done.stderr)

    def test_one_update_is_published_with_its_document_and_read_by_another_state(self):
        update = self.update(1, abstracts=[{"language": "es", "text": HARD},
                                           {"language": "pt", "text": "Migração: " + HARD}])
        update["instrument"]["titles"].append({"language": "fr", "text": HARD})
        path = self.write("decreto-1.json", json.dumps(update, indent=2, ensure_ascii=False))
        text = os.urandom(700_000)  # more than two chunks
        document = self.write("decreto-1.pdf", text)

        done = self.gaceta("hn-agency", "--output=json", "updates", "publish", path,
                           "--document", document + ":es:official")
        submission = json.loads(done.stdout)["submission"]
        self.assertEqual(submission["state"], "STATE_ACCEPTED")
        again = self.gaceta("hn-agency", "--output=json", "updates", "publish", path,
                            "--document", document + ":es:official")
        self.assertEqual(json.loads(again.stdout)["submission"]["receipt"]["position"],
                         submission["receipt"]["position"], "the same again is the same")

        shown = json.loads(self.gaceta("gt-at-hub", "--output=json", "updates", "show",
                                       submission["submissionId"]).stdout)
        self.assertEqual(texts_of(shown["update"]), texts_of(update))
        self.assertTrue(shown["verified"])
        entry = shown["update"]["documents"][0]
        self.assertEqual((entry["sha256"], entry["size"], entry["mediaType"], entry["legalValue"]),
                         (hashlib.sha256(text).hexdigest(), str(len(text)), "application/pdf",
                          "LEGAL_VALUE_OFFICIAL"))
        target = self.path("came.pdf")
        self.gaceta("gt-at-hub", "documents", "get", entry["sha256"], "-o", target)
        with open(target, "rb") as file:
            self.assertEqual(file.read(), text)
        words = self.gaceta("gt-at-hub", "updates", "show",
                            str(shown["position"])).stdout
        self.assertIn("✓ verified", words)
        self.assertNotIn("\u2028", words, "a stranger's text ends no line")

    def test_publishing_goes_on_after_interrupts_and_publishes_nothing_twice(self):
        path, ids = self.write_updates("many.ndjson", range(1000, 1400))
        beside = sorted(os.listdir(os.path.dirname(path)))
        journal = os.path.join(self.federation.folder, "home", ".local", "state", "gaceta",
                               "hub.gaceta.example_log-*", "submissions", "many.ndjson-*")

        def journal_size():
            return sum(os.path.getsize(name) for name in glob.glob(journal))

        for number, ending in enumerate((signal.SIGKILL, signal.SIGINT, signal.SIGKILL)):
            before = journal_size()
            child = self.federation.popen("hn-agency", "updates", "publish", "--in-flight", "4",
                                          path, stdout=subprocess.DEVNULL)
            federation.wait_until(lambda size=before: journal_size() > size + 1500)
            child.send_signal(ending)
            child.communicate(timeout=60)
            self.assertNotEqual(child.returncode, 0, f"it was interrupted, {number}")

        done = self.gaceta("hn-agency", "--output=json", "updates", "publish", path)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(sorted(line["submission"]["submissionId"] for line in lines), ids)
        self.assertGreater(sum("doneBefore" in line for line in lines), 20)
        self.assertEqual(sorted(set(self.log_ids()) & set(ids)), ids)

        last = self.gaceta("hn-agency", "updates", "publish", path)
        self.assertIn(f"0 published, 0 pending, 0 with errors, {len(ids)} done before", last.stderr)
        self.assertEqual(sorted(os.listdir(os.path.dirname(path))), beside)

    def test_a_law_that_ends_and_resumes_in_one_file_is_taken_in_that_order(self):
        lines = []
        for number in range(2000, 2010):
            itself = {"type": "RELATION_TYPE_REPEALS",
                      "target": self.update(number)["instrument"]["uri"]}
            for event, status, more in (
                    ("PUBLICATION", "IN_FORCE", {}),
                    ("REPEAL", "REPEALED", {"relations": [itself]}),
                    ("RESUMPTION", "IN_FORCE", {"ground": "Sentencia 5-2021"})):
                lines.append({"state": "HN", "update": self.update(
                    number, event="UPDATE_EVENT_" + event,
                    version={"status": "VERSION_STATUS_" + status}, **more)})
        path = self.write("life.ndjson", "".join(json.dumps(line) + "\n" for line in lines))

        done = self.gaceta("hn-agency", "updates", "publish", path)

        self.assertIn("30 published, 0 pending, 0 with errors", done.stderr)
        listed = self.gaceta("gt-at-hub", "--output=json", "updates", "list", "--oldest-first",
                             "--instrument", lines[0]["update"]["instrument"]["uri"])
        events = [json.loads(line)["update"]["event"] for line in listed.stdout.splitlines()]
        self.assertEqual(events, [line["update"]["event"] for line in lines[:3]])

    def test_all_violations_are_told_by_field_and_nothing_is_kept(self):
        bad = self.update(3)
        bad["instrument"].update(titles=[], topics=["no-such-topic"],
                                 uri="urn:lex:gt:congreso:decreto:2020-03-01;3-2020")
        path = self.write("bad.json", json.dumps(bad))
        before = len(self.federation.audit())

        for args in ([], ["--validate-only"]):
            done = self.gaceta("hn-agency", "updates", "publish", path, *args, code=1)
            for field in ("titles", "topics", "uri"):
                self.assertRegex(done.stderr, rf"update\.instrument\.{field}\S*: ")
        self.gaceta("hn-agency", "updates", "publish", "--validate-only",
                    self.write("good.json", json.dumps(self.update(3))))

        self.assertEqual(len(self.federation.audit()), before)

    def test_each_line_from_a_pipe_is_published_as_it_comes_whatever_the_first_was(self):
        child = subprocess.Popen(
            self.federation.command("hn-agency", "updates", "publish", "-"),
            env=self.federation.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, encoding="utf-8")
        self.addCleanup(child.kill)
        child.stdin.write('{"state":"HN","update":{"kind"\n')
        for number in (3001, 3002):
            child.stdin.write(json.dumps({"state": "HN", "update": self.update(number)}) + "\n")
            child.stdin.flush()
            self.assertTrue(child.stdout.readline().startswith("published  "))
        # The writer has not ended.
        child.send_signal(signal.SIGTERM)
        _, errors = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 1)
        self.assertIn("-:1: ", errors)
        self.assertIn("2 published, 0 pending, 1 with errors", errors)

    def test_lines_of_other_states_are_left_out_and_said(self):
        done = self.gaceta("hn-agency", "updates", "publish", "--no-journal", "--validate-only",
                           federation.SAMPLES)
        self.assertIn("updates of other states; this profile is of HN", done.stderr)

    def test_the_command_speaks_the_readers_language(self):
        path = self.write("idioma.json", json.dumps(self.update(4), indent=2))
        for locale, published, verified in (
                ("es_ES.UTF-8", "publicado", "verificado"),
                ("pt_BR.UTF-8", "publicado", "verificado"),
                ("fr_CA.UTF-8", "publié", "vérifié"), ("C.UTF-8", "published", "verified")):
            env = {"LC_ALL": locale}
            done = self.gaceta("hn-agency", "updates", "publish", path, env=env)
            self.assertTrue(done.stdout.startswith(published + "  "), done.stdout)
            done = self.gaceta("gt-at-hub", "updates", "list", "--limit", "1", env=env)
            self.assertTrue(done.stdout.endswith("✓ " + verified + "\n"), done.stdout)


class ReadingTest(Journey):
    STATES = ["HN", "GT", "BR"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for state in cls.STATES:
            cls.federation.publish(state, federation.SAMPLES, "--in-flight", "1", check=True)
        cls.federation.await_mirrors()
        cls.log = [v for v in cls.federation.audit() if v.header.publisher != "OAS"]
        cls.ids = [v.header.statement_id for v in cls.log]

    def follow(self, *args, profile="hn-monitor", **kwargs):
        return self.gaceta(profile, "--output=json", "updates", "follow", *args, **kwargs).stdout

    def test_a_cursor_file_resumes_exactly(self):
        cursor = self.path("cursor")
        parts = [ids_in(self.follow(*start, "--cursor", cursor, "--count", str(n)))
                 for n, start in ((1, ["--from", "start"]), (4, []), (3, []))]
        parts.append(ids_in(self.follow("--cursor", cursor, "--until-live")))
        self.assertEqual([len(part) for part in parts[:3]], [1, 4, 3])
        self.assertEqual(sum(parts, []), self.ids)
        self.assertEqual(self.follow("--cursor", cursor, "--until-live"), "")

    def test_who_ends_a_follow_with_a_signal_resumes_exactly(self):
        cursor = self.path("signal-cursor")
        came = []
        for ending, start in ((signal.SIGINT, ["--from", "start"]), (signal.SIGTERM, [])):
            child = self.federation.popen("hn-monitor", "--output=json", "updates", "follow",
                                          *start, "--cursor", cursor)
            federation.wait_until(lambda child=child: "up to date" in child.stderr.readline())
            child.send_signal(ending)
            output, _ = child.communicate(timeout=30)
            self.assertEqual(child.returncode, 0)
            came += ids_in(output)
        self.assertEqual(came, self.ids)

    def test_a_named_subscription_survives_the_loss_of_the_cursor_file(self):
        cursor = self.path("named-cursor")
        flags = ["--subscription", "laws", "--cursor", cursor]
        first = ids_in(self.follow(*flags, "--from", "start", "--count", "5"))
        self.wait_until_acknowledged("laws", first[-1])
        os.remove(cursor)
        rest = ids_in(self.follow(*flags, "--until-live"))
        self.assertEqual(first + rest, self.ids)

    def test_a_start_that_would_not_count_is_refused_with_the_position_and_the_way_out(self):
        cursor = self.path("started-cursor")
        self.follow("--from", "start", "--cursor", cursor, "--until-live")
        self.follow("--from", "start", "--subscription", "started", "--until-live")
        for flags, way_out in ((["--cursor", cursor], f"remove {cursor}"),
                               (["--subscription", "started"],
                                "gaceta subscriptions delete started")):
            done = self.gaceta("hn-monitor", "updates", "follow", *flags, "--from", "start",
                               "--until-live", code=1)
            self.assertEqual(done.stdout, "")
            self.assertRegex(done.stderr, r"--from start would not count: .* at position \d+;")
            self.assertIn(way_out, done.stderr)
            self.follow(*flags, "--until-live")

    def test_another_filter_under_the_same_name_is_refused_and_moves_nothing(self):
        self.follow("--from", "start", "--subscription", "visa-laws", "--topic", "entry-visa",
                    "--until-live")
        done = self.gaceta("hn-monitor", "updates", "follow", "--subscription", "visa-laws",
                           "--topic", "asylum-refuge", "--until-live", code=1)
        self.assertIn('passes topics: "entry-visa", and is opened with topics: "asylum-refuge"',
                      done.stderr)
        shown = json.loads(self.gaceta("hn-monitor", "--output=json", "subscriptions", "show",
                                       "visa-laws").stdout)
        self.assertEqual(shown["filter"], {"topics": ["entry-visa"]})

    def test_a_second_program_on_one_cursor_is_refused(self):
        cursor = self.path("shared-cursor")
        first = self.federation.popen("hn-monitor", "updates", "follow", "--cursor", cursor)
        federation.wait_until(lambda: "up to date" in first.stderr.readline())
        done = self.gaceta("hn-monitor", "updates", "follow", "--cursor", cursor, code=1)
        self.assertIn(f"process {first.pid}", done.stderr)
        first.terminate()
        self.assertEqual(first.wait(timeout=30), 0)
        self.follow("--cursor", cursor, "--until-live")

    def test_a_second_program_on_one_name_is_told_and_goes_on_after_the_first(self):
        first = self.federation.popen("hn-monitor", "updates", "follow", "--subscription",
                                      "shared")
        federation.wait_until(lambda: "up to date" in first.stderr.readline())
        second = self.federation.popen("hn-monitor", "updates", "follow", "--subscription",
                                       "shared")
        self.assertIn("is in use by another stream", second.stderr.readline())
        first.terminate()
        self.assertEqual(first.wait(timeout=30), 0)
        federation.wait_until(lambda: "up to date" in second.stderr.readline())

    def test_languages_in_any_case_pass_and_agencies_in_another_case_are_refused(self):
        whole = ids_in(self.follow("--from", "start", "--until-live", "--language", "es"))
        self.assertNotEqual(whole, [])
        self.assertEqual(ids_in(self.follow("--from", "start", "--until-live", "--language", "ES")),
                         whole)
        self.gaceta("hn-monitor", "updates", "follow", "--agency", "MIGRACION", "--until-live",
                    code=2)

    def wait_until_acknowledged(self, name, statement_id):
        position = next(v.position for v in self.log if v.header.statement_id == statement_id)

        def is_so():
            shown = json.loads(self.gaceta("hn-monitor", "--output=json", "subscriptions", "show",
                                           name).stdout)
            return int(shown["nextPosition"]) > position
        federation.wait_until(is_so, what=f"{name} is acknowledged beyond {position}")

    def test_subscriptions_are_listed_shown_and_deleted_by_who_may(self):
        self.follow("--subscription", "visas", "--from", "start", "--topic", "entry-visa",
                    "--until-live")
        name = "hn.gaceta.example/subscriber/monitor:visas"
        # Its own, and the administrator's of the state; nobody else's.
        for profile in ("hn-monitor", "hn-admin"):
            self.assertIn(name, self.gaceta(profile, "subscriptions", "list").stdout)
        self.assertNotIn(name, self.gaceta("hn-agency", "subscriptions", "list").stdout)
        self.gaceta("hn-agency", "subscriptions", "show", name, code=1)
        shown = json.loads(self.gaceta("hn-monitor", "--output=json", "subscriptions", "show",
                                       "visas").stdout)
        self.assertEqual(shown["name"], name)
        self.assertEqual(shown["filter"], {"topics": ["entry-visa"]})

        self.gaceta("hn-monitor", "subscriptions", "delete", "visas", code=2)  # nobody to ask
        self.assertEqual(self.answer_deletion("visas", "n\n"), 1)
        self.gaceta("hn-monitor", "subscriptions", "show", "visas")
        self.assertEqual(self.answer_deletion("visas", "y\n"), 0)
        self.gaceta("hn-monitor", "subscriptions", "show", "visas", code=1)
        self.gaceta("hn-monitor", "subscriptions", "delete", "visas", "--yes", code=1)

    def answer_deletion(self, name, answer):
        """Deletes at a terminal, and returns the exit code."""
        leader, follower = pty.openpty()
        try:
            child = subprocess.Popen(
                self.federation.command("hn-monitor", "subscriptions", "delete", name),
                env=self.federation.environment(), stdin=follower, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE)
            os.write(leader, answer.encode())
            _, errors = child.communicate(timeout=60)
            self.assertIn(name.encode(), errors)
            return child.returncode
        finally:
            os.close(leader)
            os.close(follower)

    def test_list_and_follow_pass_the_same(self):
        for flags in ([], ["--state", "HN"], ["--state", "HN,BR"], ["--topic", "asylum-refuge"],
                      ["--corridor", "central-america-north"], ["--kind", "legislation"],
                      ["--corridor", "central-america-north:transit"], ["--event", "publication"],
                      ["--instrument", "urn:lex:br:*"], ["--language", "en"],
                      ["--agency", "migracion"], ["--state", "GT", "--language", "es"]):
            listed = ids_in(self.gaceta("hn-monitor", "--output=json", "updates", "list", *flags,
                                        "--oldest-first", "--limit", "1000").stdout)
            followed = ids_in(self.follow("--from", "start", "--until-live", *flags))
            self.assertEqual(listed, followed, flags)
            newest = ids_in(self.gaceta("hn-monitor", "--output=json", "updates", "list", *flags,
                                        "--limit", "2").stdout)
            self.assertEqual(newest, listed[::-1][:2], flags)

    def test_documents_are_put_and_got(self):
        path = self.write("ley.txt", "Ley de Migración")
        digest = hashlib.sha256("Ley de Migración".encode()).hexdigest()
        put = self.gaceta("hn-agency", "documents", "put", path)
        self.assertEqual(put.stdout, f"{digest}  17  {path}\n")
        self.gaceta("hn-monitor", "documents", "get", digest, "-o", self.path("got"))
        with open(self.path("got"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "Ley de Migración")
        self.gaceta("hn-monitor", "documents", "get", "0" * 64, "-o", self.path("no"), code=1)
        self.assertFalse(os.path.exists(self.path("no")))
        self.gaceta("hn-monitor", "documents", "get", "xyz", code=2)
        new = self.write("nueva.txt", "Nueva Ley de Migración")
        done = self.gaceta("hn-monitor", "documents", "put", new, code=1)  # a reader may not
        self.assertIn("ROLE_NOT_ALLOWED", done.stderr)

    def test_wrong_usage_ends_with_2_and_failure_with_1(self):
        for words in (["updates"], ["updates", "fly"], ["updates", "list", "--limit", "0"],
                      ["updates", "follow", "--from", "yesterday"], ["updates", "show", "x"],
                      ["--output=xml", "states"]):
            self.assertNotEqual(self.gaceta("hn-monitor", *words, code=2).stderr, "")
        self.gaceta("no-such-profile", "states", code=2)
        done = self.gaceta("hn-monitor", "updates", "list", "--corridor", "nowhere", code=1)
        self.assertIn("UNKNOWN_CORRIDOR", done.stderr)
        done = self.gaceta("hn-monitor", "updates", "follow", "--from", "100000", code=1)
        self.assertIn("POSITION_BEYOND_END", done.stderr)
        self.gaceta("hn-monitor", "updates", "show", "100000", code=1)
        # The node is another than the profile says.
        self.federation.add_profile("impostor", "gt", "hn/subscriber-monitor")
        done = self.gaceta("impostor", "--server-id", "spiffe://hn.gaceta.example/node", "states",
                           code=1)
        self.assertIn("spiffe://gt.gaceta.example/node", done.stderr)

    def test_what_does_not_verify_is_not_shown_and_ends_with_3(self):
        entries = self.federation.read_log()
        altered = copy.deepcopy(entries)
        victim = next(e for e in altered if header_of(e).publisher == "BR")
        victim.payload = victim.payload[:-1] + bytes([victim.payload[-1] ^ 1])
        self.federation.stop("hub")
        self.addCleanup(self.federation.start, "hub")
        liar = LyingServer(self.federation, altered, self.federation.hub.address)
        self.addCleanup(liar.stop)

        for words in (["updates", "show", str(victim.position)], ["updates", "list"]):
            done = self.gaceta("gt-at-hub", "--output=json", *words, code=3)
            self.assertNotIn(header_of(victim).statement_id, done.stdout)
            self.assertIn("PAYLOAD_DIGEST_MISMATCH", done.stderr)
        # The evidence is against the liar, not against the hub that comes back.
        shown = self.follow("--from", "start", "--until-live", profile="gt-at-hub", code=3,
                            env={"XDG_STATE_HOME": os.path.join(self.federation.folder, "liar")})
        self.assertTrue(set(ids_in(shown)) <= set(
            v.header.statement_id for v in self.log if v.position < victim.position))


if __name__ == "__main__":
    federation.main()
