"""The server under test, and the counting of what was checked.

A program of this folder makes one `Server` per data folder, and hands its checks to `run`.
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

NAME = "alice"
PASSWORD = "Passw0rd! of alice"


def arguments():
    """What every program of this folder is called with."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True, help="the built mainspringd")
    parser.add_argument("--client", help="the built mainspring")
    parser.add_argument("--only", help="run the checks whose name contains this")
    return parser.parse_args()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One data folder and, while it runs, one server on it.

    `scratch` is a folder that actions may write to. As root actions run as `nobody`.
    """

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
        self.port = None
        self.process = None

    def add_account(self, name=NAME, password=PASSWORD, admin=True):
        command = [self.program, "account", "add", name, "--data", self.data]
        command += ["--admin"] if admin else []
        subprocess.run(command, input=password + "\n", text=True, check=True, timeout=30, stdout=subprocess.DEVNULL)

    def start(self, before=None):
        """Starts it and waits until it says where it listens; `before` runs in the new process first."""
        command = [self.program, "serve", "--data", self.data, "--listen", "127.0.0.1:0"]
        if self.epm:
            command += ["--epm", f"127.0.0.1:{self.epm}"]
        if os.getuid() == 0:
            command += ["--actions-as", "nobody"]
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

    def __enter__(self):
        return self

    def __exit__(self, kind, value, _):
        if kind is not None and not (kind is SystemExit and not value.code):
            print(f"# the server's log ends:\n{self.tail()}")
        self.close()


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


def run(checks, only=None):
    """Runs every check, each of which has its claim as its docstring, and exits."""
    failed = 0
    for check in checks:
        if only and only not in check.__name__:
            continue
        begun = time.monotonic()
        try:
            check()
            print(f"ok - {check.__doc__.strip()} ({time.monotonic() - begun:.1f} s)", flush=True)
        except Exception:
            failed += 1
            traceback.print_exc(file=sys.stdout)
            print(f"not ok - {check.__doc__.strip()}", flush=True)
    sys.exit(1 if failed else 0)
