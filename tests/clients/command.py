"""Runs a command-line client in an environment without cloud settings."""

import os
import pathlib
import subprocess
import sys

from world import PATIENCE


class Command:
    """A command of this virtual environment. `record` stores its outcome for the transcript."""

    def __init__(self, name, home, record, environment=None, arguments=()):
        self._program = str(pathlib.Path(sys.executable).with_name(name))
        self._arguments = list(arguments)
        self._record = record
        # OS_* variables and clouds.yaml of the machine must not take effect.
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "LANG": "C.UTF-8",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            **(environment or {}),
        }
        self._folder = home

    def __call__(self, *arguments):
        return subprocess.run(
            [self._program, *self._arguments, *arguments],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def succeeds(self, *arguments):
        """Runs the command, asserts success and returns its output."""
        done = self(*arguments)
        assert done.returncode == 0, done.stderr
        self._record("result", "exit code 0")
        return done

    def fails(self, message, *arguments):
        """Asserts exit code 1, empty stdout, and `message` on stderr."""
        done = self(*arguments)
        assert done.returncode == 1, done.stdout
        assert done.stdout == ""
        assert message in done.stderr
        self._record("result", f"exit code 1, {message}")
        return done
