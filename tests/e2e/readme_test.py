"""The README's commands work as they are printed."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.path.abspath(os.environ.get(
    "GACETA_SOURCE_DIR", os.path.join(os.path.dirname(__file__), "..", "..")))
BIN = os.path.abspath(os.environ.get(
    "GACETA_BIN_DIR", os.path.join(SOURCE, "build", "dev", "bin")))
SECONDS = 150


def block_below(heading):
    """The first block of shell commands below a heading of the README."""
    with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
        text = file.read()
    section = text[text.index(f"\n## {heading}\n"):]
    return re.search(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE).group(1)


class ReadmeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gaceta-readme-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.tree = os.path.join(self.folder, "gaceta")
        self.copy_tree()

    def copy_tree(self):
        """What a clone has, with the programs where the README says they are."""
        files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others",
                                "--exclude-standard"], cwd=SOURCE, capture_output=True)
        if files.returncode != 0:
            self.skipTest("not in a clone, so nobody knows which files are of it")
        for name in files.stdout.decode().split("\0")[:-1]:
            source = os.path.join(SOURCE, name)
            if os.path.isfile(source):
                target = os.path.join(self.tree, name)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy2(source, target)
        os.makedirs(os.path.join(self.tree, "build", "release"))
        os.symlink(BIN, os.path.join(self.tree, "build", "release", "bin"))

    def run_as_printed(self, commands, cwd, **variables):
        """In a shell of one account that ends at the first command that fails."""
        home = os.path.join(self.folder, "home")
        temporary = os.path.join(self.folder, "tmp")
        os.makedirs(home, exist_ok=True)
        os.makedirs(temporary, exist_ok=True)
        shell = subprocess.Popen(
            ["bash", "-e", "-u", "-o", "pipefail"], cwd=cwd, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": temporary,
                 "LC_ALL": "C.UTF-8", **variables}, encoding="utf-8")
        try:
            out, err = shell.communicate(commands, timeout=SECONDS)
        finally:
            # Servers that a failure left behind are of the shell's group.
            try:
                os.killpg(shell.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.assertEqual(shell.returncode, 0, f"{err[-4000:]}\n{out[-2000:]}")
        return out, err

    def assert_worked(self, out, err, times):
        """Published, followed and listed; and both servers ended in good order."""
        published = re.findall(r"([1-9][0-9]*) published, 0 pending, 0 with errors, 0 done before",
                               err)
        self.assertEqual(len(published), times, err[-4000:])
        self.assertEqual(len(set(published)), 1)
        self.assertIn("urn:lex:mx:", out)
        self.assertRegex(out, r"(?m)^\d+  .*  MX  .* verified$")
        for program in ("gaceta-hub", "gaceta-node"):
            self.assertEqual(err.count(f"stopped program={program}"), times)

    def files(self, folder):
        return {os.path.relpath(os.path.join(place, name), folder)
                for place, folders, files in os.walk(folder) for name in folders + files}

    def test_a_federation_by_hand_can_be_repeated_and_leaves_nothing_in_the_checkout(self):
        block = block_below("By hand")
        before = self.files(self.tree)

        # Pasted twice into one shell, which the first time leaves in another folder.
        self.assert_worked(*self.run_as_printed(block + block, self.tree), times=2)
        # Then into a new one, on the same account.
        elsewhere = os.path.join(self.folder, "elsewhere")
        os.makedirs(elsewhere)
        self.assert_worked(*self.run_as_printed(block, elsewhere, GACETA_SOURCE=self.tree), times=1)

        self.assertEqual(self.files(self.tree) - before, set())
        self.assertEqual(before - self.files(self.tree), set())
        for folder in ("home", "elsewhere"):
            self.assertEqual(os.listdir(os.path.join(self.folder, folder)), [])

    def test_every_file_that_is_named_is_there(self):
        with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
            text = file.read()
        named = re.findall(r"\]\(([^):]+)\)", text)
        named += [n for n in re.findall(r"`([a-z]+/[a-z_/.-]*)`", text)
                  if not n.startswith(("build/", "documents/"))]
        self.assertGreater(len(named), 10)
        for name in named:
            self.assertTrue(os.path.exists(os.path.join(SOURCE, name)), name)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "--verbose", *sys.argv[1:]])
