"""deploy/demo on programs that are built already: it ends with code 0, again and
after every sort of interrupt, and leaves no process behind."""

import os
import random
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import federation
import wire

DEMO = os.path.join(wire.SOURCE, "deploy", "demo")
CORPUS = os.environ.get("GACETA_CORPUS_DIR", "")
# The hub's port and one for each node, with room.
PORTS = 16


def free_ports():
    """The first of PORTS ports in a row that nobody uses: the first on 127.0.0.1, the
    next on 127.0.0.2, as the servers of the demo have them."""
    while True:
        base = random.randrange(20000, 32000 - PORTS)
        try:
            for number in range(PORTS):
                with socket.socket() as probe:
                    probe.bind((f"127.0.0.{number + 1}", base + number))
            return base
        except OSError:
            continue


class DemoTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gaceta-demo-")
        self.addCleanup(folder.cleanup)
        self.dir = os.path.join(folder.name, "data")
        self.output = os.path.join(folder.name, "output.txt")
        self.base = free_ports()
        self.addCleanup(self.end_all)

    def processes(self):
        """Those that work in the demo's folder."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = wire.read_bytes(f"/proc/{pid}/cmdline").decode(errors="replace")
            except OSError:
                continue  # it has ended
            if self.dir + "/" in words or words.rstrip("\0").endswith(self.dir):
                found[int(pid)] = words.replace("\0", " ")
        return found

    def end_all(self):
        """Whatever went wrong, nothing of the demo stays."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def start(self, *args):
        """Starts the demo in a session of its own, as from a terminal."""
        environment = {**os.environ, "GACETA_BIN_DIR": federation.BIN}
        with open(self.output, "wb") as output:
            return subprocess.Popen(
                [DEMO, "--dir", self.dir, "--port-base", str(self.base), *args],
                env=environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True)

    def said(self):
        return wire.read_bytes(self.output).decode()

    def run_demo(self, *args):
        """Runs it to its end, which must be good."""
        start = time.monotonic()
        code = self.start(*args).wait(240)
        self.assertEqual(code, 0, self.said() + self.logs())
        print(f"{time.monotonic() - start:.1f} s", end=" ", flush=True)
        return self.said()

    def logs(self):
        text = ""
        for folder, _, names in os.walk(os.path.join(self.dir, "log")):
            for name in names:
                path = os.path.join(folder, name)
                text += f"--- {path}\n" + wire.read_bytes(path).decode(errors="replace")[-1500:]
        return text

    def interrupt(self, words, number, *args):
        """Starts it, and sends a signal to all of its terminal's processes, but not
        to its servers, when it has said `words`. Returns the exit code."""
        child = self.start(*args)
        federation.wait_until(lambda: words in self.said(), 120, words)
        self.assertIsNone(child.poll(), "it still runs")
        os.killpg(child.pid, number)
        return child.wait(60)

    def test_it_ends_well_twice_in_one_folder(self):
        for _ in range(2):
            said = self.run_demo()
            self.assertRegex(said, r"== done: \d+ updates of corridor \S+ arrived")
            self.assertGreaterEqual(len(re.findall(r"✓ verified$", said, re.M)), 12)
            self.assertEqual(self.processes(), {})

    def test_it_ends_its_servers_when_interrupted_and_works_again(self):
        for words in ("making the certificates", "starting the hub", "publishing the registry",
                      "each through its own node"):
            self.assertEqual(self.interrupt(words, signal.SIGINT), 130, words)
            federation.wait_until(lambda: not self.processes(), 15,
                                  f"no process is left after: {words}")
        self.run_demo()
        self.assertEqual(self.processes(), {})

    def test_an_interrupt_at_any_instant_of_a_step_ends_it_with_130(self):
        # Bash lost the trap, or ended it with a syntax error and code 2, when the
        # signal came while it expanded a command substitution.
        for instant in range(20):
            child = self.start()
            federation.wait_until(lambda: "making the certificates" in self.said(), 120,
                                  "the step begins")
            # The instants of the first 60 ms, in which most substitutions lie.
            time.sleep(instant * 0.003)
            os.killpg(child.pid, signal.SIGINT)
            self.assertEqual(child.wait(60), 130, f"{instant}: {self.said()}")
        federation.wait_until(lambda: not self.processes(), 15, "no process is left")

    def test_it_works_again_after_it_was_killed(self):
        for words in ("publishing the registry", "each through its own node"):
            self.assertEqual(self.interrupt(words, signal.SIGKILL), -signal.SIGKILL)
        said = self.run_demo("--keep")
        commands = re.findall(r"^  (/\S.*)$", said, re.M)
        audit = next(line for line in commands if line.endswith(" log audit"))
        self.assertIn("✓ ", self.run_as_printed(audit))
        self.run_as_printed(commands[-1])
        self.assertEqual(self.processes(), {})

    def run_as_printed(self, line):
        done = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=60,
                              env={**os.environ, "LC_ALL": "C.UTF-8"})
        self.assertEqual(done.returncode, 0, line + done.stdout + done.stderr)
        return done.stdout

    @unittest.skipUnless(os.path.isdir(CORPUS), "no corpus: GACETA_CORPUS_DIR names no folder")
    def test_it_does_the_same_with_a_corpus_and_may_be_interrupted_in_the_midst(self):
        self.assertEqual(self.interrupt("each through its own node", signal.SIGINT,
                                        "--from", CORPUS), 130)
        federation.wait_until(lambda: not self.processes(), 15, "no process is left")
        self.assertIn("== done: ", self.run_demo("--from", CORPUS))
        self.assertEqual(self.processes(), {})

    def test_what_keep_prints_works_as_printed(self):
        said = self.run_demo("--keep")
        self.assertGreater(len(self.processes()), 4)
        commands = re.findall(r"^  (/\S.*)$", said, re.M)
        self.assertGreater(len(commands), 5)
        for line in commands:
            self.run_as_printed(line)
        self.assertIn("--stop", commands[-1])
        self.assertEqual(self.processes(), {}, "the last of the commands ends it")

    def test_a_folder_that_is_not_a_demos_is_left_alone(self):
        os.makedirs(self.dir)
        kept = os.path.join(self.dir, "thesis.txt")
        with open(kept, "w", encoding="utf-8") as file:
            file.write("three years of work")
        self.assertEqual(self.start().wait(60), 1)
        self.assertIn("--dir", self.said())
        self.assertEqual(os.listdir(self.dir), ["thesis.txt"])


if __name__ == "__main__":
    federation.main()
