"""The npm packages of the example in Node.js: the stock gRPC of Node.js."""

import fcntl
import os
import subprocess

import wire

FOLDER = os.path.join(wire.SOURCE, "client", "examples", "node")
MODULES = os.path.join(FOLDER, "node_modules")


def install():
    """Those of the lock file, unless they are there."""
    installed = os.path.join(MODULES, ".package-lock.json")
    wanted = os.path.join(FOLDER, "package-lock.json")
    with open(wanted, encoding="utf-8") as file:
        # Two test programs may come here at once.
        fcntl.flock(file, fcntl.LOCK_EX)
        if not (os.path.exists(installed) and
                os.path.getmtime(installed) >= os.path.getmtime(wanted)):
            subprocess.run(["npm", "ci", "--prefix", FOLDER, "--no-audit", "--no-fund"],
                           check=True, timeout=100)
