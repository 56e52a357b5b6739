"""The server under test, and the counting of what was checked.

A program of this folder asks `target` for what it is to check, and hands its checks to `run`. There are two targets with
one interface: `Server`, the server on this machine, and `Firmware` in firmware.py. Checks that are about this machine
alone make a `Server` themselves.

What a target is asked for:

- `name`, `password`: an administrator's account; `port`, and `epm` or None, where it is called.
- `notes(name, words)`: an action that writes a line of these words, which `lines(name)` returns; `nothing()`;
  `sleeps(seconds)`, stubborn or not; `notes_and_sleeps`; `fails(code)`.
- `entries`: tasks and folders that a check may make; `longest`: characters of a description that it takes, and `scarce`;
  `answer`: bytes of its longest answer; `connections`: how many it serves at once; `patience`: for how many seconds one may
  be refused while others end.
- `has(ability)`: whether it can do that at all. If not, that is printed, with the reason, and counted.
- `start`, `kill` (a power cut), `stop`, `alive`, `tail` (the end of its log).
"""

import argparse
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

import tasks
from proxy import Proxy

NAME = "alice"
PASSWORD = "Passw0rd! of alice"


def arguments():
    """What every program of this folder is called with."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", help="the built mainspringd")
    parser.add_argument("--client", help="the built mainspring")
    parser.add_argument("--image", help="the built firmware, to be checked in QEMU instead of the server")
    parser.add_argument("--board", default="an385", help="the board that the firmware was built for")
    parser.add_argument("--only", help="run the checks whose name contains this")
    parser.add_argument("--lie", action="store_true", help="change what each call returns, and demand that each check fails")
    given = parser.parse_args()
    if not given.server and not given.image:
        parser.error("nothing to check: --server or --image")
    return given


def target(given, epm=False):
    """What the program is to check."""
    if given.image:
        from firmware import Firmware

        return Firmware(given.image, given.board)
    return Server(given.server, epm=epm)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Target:
    """What both targets have in common."""

    name, password = NAME, PASSWORD
    # Whether it has so little memory that a definition may be too large for it that is legal.
    scarce = False
    # Seconds for which a connection that is refused is tried again.
    patience = 0
    # What it lacks, and why; and how often a check did without.
    lacks = {}
    without = 0

    def has(self, ability):
        """Whether it can do this; says so if it cannot."""
        if ability in self.lacks:
            self.without += 1
            print(f"# not on {self.what}: {ability}: {self.lacks[ability]}")
            return False
        return True

    def client(self, program, *words, user=None, password=None, where=None):
        """Runs our own client on these words and returns what became of it."""
        command = [os.path.abspath(program), "--server", where or f"127.0.0.1:{self.port}", "--user", user or self.name, *words]
        environment = dict(os.environ, MAINSPRING_PASSWORD=password or self.password)
        return subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment, stdin=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, _):
        if kind is not None and not (kind is SystemExit and not value.code):
            print(f"# the log of {self.what} ends:\n{self.tail()}")
        self.close()


class Server(Target):
    """One data folder and, while it runs, one server on it.

    `scratch` is a folder that actions may write to. As root actions run as `nobody`, unless `actions_as` is another, or None.
    """

    what = "Linux"
    entries, longest, answer, connections = 330, 200_000, 65_536, 1024

    def __init__(self, program, epm=False, data=None, extra=()):
        self.program = os.path.abspath(program)
        self.folder = tempfile.mkdtemp(prefix="mainspring-")
        os.chmod(self.folder, 0o755)
        self.data = data or os.path.join(self.folder, "data")
        os.makedirs(self.data, mode=0o700, exist_ok=True)
        self.scratch = os.path.join(self.folder, "scratch")
        os.mkdir(self.scratch)
        os.chmod(self.scratch, 0o1777)
        self.log = os.path.join(self.folder, "log")
        self.epm = free_port() if epm else None
        self.extra = list(extra)
        self.actions_as = "nobody" if os.getuid() == 0 else None
        self.port = None
        self.process = None

    def add_account(self, name=NAME, password=PASSWORD, admin=True):
        self.account("add", name, *(["--admin"] if admin else []), words=password + "\n")

    def unlock(self, name=NAME):
        """Has the server forget the failed logins of an account."""
        self.account("unlock", name)

    def account(self, *verb, words=""):
        """A verb of `mainspringd account`, which is told these words, and what it says."""
        command = [self.program, "account", *verb, "--data", self.data]
        return subprocess.run(command, input=words, text=True, check=True, timeout=30, stdout=subprocess.PIPE).stdout

    def start(self, before=None):
        """Starts it and waits until it says where it listens; `before` runs in the new process first."""
        command = [self.program, "serve", "--data", self.data, "--listen", "127.0.0.1:0"]
        if self.epm:
            command += ["--epm", f"127.0.0.1:{self.epm}"]
        if self.actions_as:
            command += ["--actions-as", self.actions_as]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command + self.extra, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=before
            )
        self.port = int(self.line("listening on ").rsplit(":", 1)[1])
        return self

    def line(self, start, seconds=30):
        """The first line of standard output that starts so."""
        until = time.monotonic() + seconds
        pending = b""
        out = self.process.stdout.fileno()
        while time.monotonic() < until:
            if select.select([out], [], [], 0.1)[0]:
                got = os.read(out, 4096)
                if not got:
                    break
                pending += got
                for text in pending.decode().split("\n")[:-1]:
                    if text.startswith(start):
                        return text
        raise AssertionError(f"the server did not say {start!r} but {pending!r}; its log ends:\n{self.tail()}")

    def tail(self, size=4000):
        with open(self.log, "rb") as log:
            return log.read()[-size:].decode(errors="replace")

    def kill(self):
        """As a power cut would: nothing is said, nothing is flushed."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def stop(self, seconds=15):
        """Asks it to end, and returns its exit code and how long it took."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        self.process.stdout.close()
        self.process = None
        return code, time.monotonic() - begun

    def resident(self):
        """Resident memory in KiB."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def notes(self, name, words):
        return tasks.shell(f"echo {words} >> {self.scratch}/{name}")

    def notes_and_sleeps(self, name, words, seconds):
        return tasks.shell(f"echo {words} >> {self.scratch}/{name}; exec sleep {seconds}")

    def nothing(self):
        return tasks.shell("true")

    def sleeps(self, seconds, stubborn=False):
        """A stubborn one does not listen when it is asked to stop."""
        return tasks.shell(f"trap : TERM; sleep {seconds}; sleep {seconds}" if stubborn else f"sleep {seconds}")

    def fails(self, code):
        return tasks.shell(f"exit {code}")

    def lines(self, name):
        try:
            with open(f"{self.scratch}/{name}") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []


def actions_run_as():
    """Who actions are expected to run as."""
    return "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name


def until(condition, seconds, what):
    """Waits until the condition holds, and returns what it was."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def equal(got, expected, what=""):
    assert got == expected, f"{what}: got {got!r}, expected {expected!r}"


def needs(ability):
    """Marks a check that makes no sense on a target without this."""

    def mark(check):
        check.needs = ability
        return check

    return mark


def caught(check, host):
    """Runs a check on a target that lies about what each call returns: it must fail."""
    with Proxy(host.port, lie=True) as proxy:
        honest, host.port = host.port, proxy.port
        try:
            check()
        except Exception:
            assert proxy.lies, f"it failed before it was lied to:\n{traceback.format_exc()}"
        else:
            raise AssertionError(f"it believed {proxy.lies} lies")
        finally:
            host.port = honest


def run(checks, only=None, host=None, before=lambda: None, lie=False):
    """Runs every check, each of which has its claim as its docstring, and exits. `before` runs in front of each.

    What the target `host` cannot do is named, with the reason, and counted. With `lie` each check is run on lies.
    """
    failed = 0
    for check in checks:
        if only and only not in check.__name__:
            continue
        if host and hasattr(check, "needs") and not host.has(check.needs):
            print(f"# not on {host.what}: {check.__doc__.strip()}", flush=True)
            continue
        begun = time.monotonic()
        try:
            before()
            if lie:
                caught(check, host)
            else:
                check()
            print(f"ok - {'canary, must fail: ' * lie}{check.__doc__.strip()} ({time.monotonic() - begun:.1f} s)", flush=True)
        except Exception:
            failed += 1
            traceback.print_exc(file=sys.stdout)
            print(f"not ok - {check.__doc__.strip()}", flush=True)
    if host and host.without:
        print(f"# {host.without} not on {host.what}")
    sys.exit(1 if failed else 0)
