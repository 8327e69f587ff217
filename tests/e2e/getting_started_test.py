"""The commands of client/GETTING_STARTED.md work as they are printed, on an installation."""

import os
import re
import signal
import subprocess
import unittest

import federation
import wire
from federation import wait_until
from updates_file import UpdatesFile, read_corridors

PAGE = os.path.join(wire.SOURCE, "client", "GETTING_STARTED.md")
CORRIDOR = "central-america-north"


def sections_of_page():
    """The text of each section, by its heading."""
    with open(PAGE, encoding="utf-8") as file:
        parts = re.split(r"^## (.*)\n", file.read(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def commands_below(heading):
    """All blocks of shell commands of a section, as one script."""
    return "".join(re.findall(r"^```sh\n(.*?)^```", sections_of_page()[heading],
                              re.DOTALL | re.MULTILINE))


class GettingStartedTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.federation = federation.Federation(["GT", "HN"], test=cls)
        cls.folder = cls.federation.folder
        cls.prefix = os.path.join(cls.folder, "prefix")
        subprocess.run(["cmake", "--install", os.path.dirname(federation.BIN),
                        "--prefix", cls.prefix, "--component", "client"],
                       stdout=subprocess.DEVNULL, check=True)
        cls.federation.publish("GT", federation.SAMPLES, check=True)
        cls.federation.await_mirrors()
        done = cls.start("", commands_below("Certificate"))
        out, err = done.communicate(timeout=60)
        if done.returncode != 0:
            raise federation.Failure(f"the section Certificate: {err}{out}")

    @classmethod
    def settings(cls):
        """The page's settings, with the values of this federation."""
        values = {"PREFIX": cls.prefix, "NODE": cls.federation.servers["hn"].address,
                  "CORRIDOR": CORRIDOR}
        settings = commands_below("What you need")
        names = re.findall(r"^export (\w+)=", settings, re.MULTILINE)
        assert names == list(values) and len(settings.splitlines()) == len(names), settings
        return "".join(f"export {name}='{value}'\n" for name, value in values.items())

    @classmethod
    def start(cls, before, commands, **kwargs):
        """A shell that ends at the first command that fails, in the folder that has pki/."""
        environment = {**os.environ, "LC_ALL": "C.UTF-8",
                       "PATH": f"{federation.BIN}:/usr/bin:{os.environ['PATH']}"}
        environment.pop("PYTHONPATH", None)
        return subprocess.Popen(
            ["bash", "-e", "-u", "-o", "pipefail", "-c", before + commands], cwd=cls.folder,
            stdin=subprocess.DEVNULL, env=environment, encoding="utf-8", start_new_session=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **kwargs})

    def follow(self, heading):
        """Runs a section, whose last command follows, until all updates are there; then Ctrl-C.
        Returns their lines."""
        updates = UpdatesFile(federation.SAMPLES).of_states(
            {"GT"} & read_corridors()[CORRIDOR])
        path = os.path.join(self.folder, heading)
        with open(path + ".out", "w+") as out, open(path + ".err", "w+") as err:
            shell = self.start(self.settings(), commands_below(heading), stdout=out, stderr=err)
            self.addCleanup(self.end_group, shell)
            wait_until(lambda: len(self.lines_in(path)) >= len(updates) or
                       shell.poll() is not None, 200, f"{path}.out has all lines")
            self.assertIsNone(shell.poll(), self.text_of(path + ".err")[-4000:])
            os.killpg(shell.pid, signal.SIGINT)
            self.assertEqual(shell.wait(30), 0, self.text_of(path + ".err")[-4000:])
        lines = self.lines_in(path)
        self.assertEqual(len(lines), len(updates))
        self.assertEqual({line[1] for line in lines}, {"GT"})
        return lines

    def lines_in(self, path):
        """The lines that a follower printed, among those of other commands."""
        return [line.split("\t") for line in self.text_of(path + ".out").splitlines()
                if "\t" in line]

    @staticmethod
    def text_of(path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    @staticmethod
    def end_group(shell):
        try:
            os.killpg(shell.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        shell.wait()

    def test_the_program_in_python_follows(self):
        self.assertEqual({line[-1] for line in self.follow("Python")}, {"not verified here"})

    def test_the_program_in_node_js_follows(self):
        self.assertEqual({line[-1] for line in self.follow("Node.js")}, {"not verified here"})

    def test_the_program_in_cpp_follows_and_verifies(self):
        self.assertEqual({line[-1] for line in self.follow("C++")}, {"verified"})

    def test_every_package_that_is_named_is_one_that_the_tests_install(self):
        with open(os.path.join(wire.SOURCE, "deploy", "packages.txt"), encoding="utf-8") as file:
            installed = {line.split()[0] for line in file if line.strip() and line[0] != "#"}
        for heading in ("Python", "Node.js", "C++"):
            words = re.match(r"\nDebian 12 packages: (.*?)\.\s", sections_of_page()[heading],
                             re.DOTALL).group(1)
            named = re.findall(r"`([^`]+)`", words)
            self.assertGreater(len(named), 1)
            self.assertLessEqual(set(named), installed)

    def test_every_block_is_one_of_commands_in_a_section_that_is_run(self):
        for heading, text in sections_of_page().items():
            blocks = re.findall(r"^```(\w+)$", text, re.MULTILINE)
            is_run = heading in ("What you need", "Certificate", "Python", "Node.js", "C++")
            self.assertEqual(set(blocks), {"sh"} if is_run else set(), heading)


if __name__ == "__main__":
    federation.main()
