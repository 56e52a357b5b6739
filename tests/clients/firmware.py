"""The firmware in QEMU, as a target of the checks: see server.py for what a target is.

Its flash is a file and outlives it, as does what it logged. A line of its log has two times: the one that the firmware wrote
into it, by its own clock, and the one at which it arrived here.
"""

import collections
import datetime
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from xml.sax.saxutils import escape

from server import Target, free_port, until

RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "qemu", "run")
# What the action `log` writes: the moment, or `-` where that is not known, and its arguments.
NOTE = re.compile(r"^log (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z|-) (.*)$")
BOOT = "boot of "
USED = re.compile(r"^flash: (\d+) of (\d+) bytes used by (\d+) items(?:, mended after a power cut)?$")
LISTENING = "listening on 127.0.0.1:"

# A line of the log, when it arrived here, and in which life of the firmware.
Line = collections.namedtuple("Line", "arrived life text")
# What the action `log` wrote: by the firmware's clock, and when it arrived here.
Note = collections.namedtuple("Note", "moment arrived life words")


class Firmware(Target):
    """One flash and, while it runs, one board on it. `extra` are further words for `examples/qemu/run`."""

    name, password = "alice", "Passw0rd!"
    entries, longest, answer, connections = 20, 1_000, 7_000, 4
    # Tasks and folders for which it has room, beside the root.
    slots = 32
    scarce = True
    patience = 5
    # Seconds after which a client that says nothing at all, not even to the network, is gone.
    silence = 42
    epm = None
    lacks = {
        "processes": "an action is a function of the firmware",
        "memory that grows": "its heap has a fixed size",
        "accounts": "they are built into the firmware",
        "endpoint mapper": "it listens on one port",
        "file system": "its store is a flash of its own",
        "kept passwords": "it has nowhere to keep a key",
    }

    def __init__(self, image, board="an385", flash=None, extra=()):
        self.image, self.board, self.extra = os.path.abspath(image), board, list(extra)
        self.what = f"firmware on {board}"
        self.folder = tempfile.mkdtemp(prefix="mainspring-")
        self.flash = flash or os.path.join(self.folder, "flash.bin")
        self.log = os.path.join(self.folder, "log")
        self.port = free_port()
        self.process, self.readers = None, []
        self.life, self.said = 0, []

    def add_account(self):
        """The account is in the firmware."""

    def start(self, extra=(), wait=True):
        """Boots it, and waits until it answers calls unless told not to."""
        self.life += 1
        command = [RUN, "--board", self.board, "--image", self.image, "--port", str(self.port), "--flash", self.flash]
        self.begun = time.time()
        # A session of its own, so that all that the program starts can be found.
        self.process = subprocess.Popen(
            command + self.extra + list(extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        # What the emulator itself has to say comes in pieces, which must not fall into a line of the firmware.
        pipes = self.process.stdout, self.process.stderr
        self.readers = [threading.Thread(target=self.read, args=(pipe, self.life), daemon=True) for pipe in pipes]
        for reader in self.readers:
            reader.start()
        if wait:
            self.wait_for(LISTENING)
        return self

    def read(self, pipe, life):
        with open(self.log, "ab") as log:
            for line in pipe:
                text = line.decode(errors="replace").rstrip("\r\n")
                self.said.append(Line(time.time(), life, text))
                log.write(line)
                log.flush()

    def in_this_life(self):
        return [line for line in list(self.said) if line.life == self.life]

    def wait_for(self, words, seconds=20):
        """The first line of this life that has these words in it."""

        def found():
            said = next((line for line in self.in_this_life() if words in line.text), None)
            if said is None and self.process.poll() is not None and not any(reader.is_alive() for reader in self.readers):
                raise AssertionError(f"the firmware ended ({self.process.returncode}) and never said {words!r}:\n{self.tail()}")
            return said

        return until(found, seconds, f"the firmware says {words!r}; its log ends:\n{self.tail()}")

    def machine(self):
        """The process id of QEMU."""
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/stat") as stat, open(f"/proc/{entry}/cmdline", "rb") as command:
                    session, words = stat.read().rsplit(")", 1)[1].split()[3], command.read().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(session) == self.process.pid and b"-kernel" in words:
                return int(entry)
        return None

    def kill(self):
        """Cuts the power: QEMU is gone between two instructions. What the firmware had logged by then still arrives."""
        machine = self.machine()
        if machine:
            os.kill(machine, signal.SIGKILL)
        self.ended()

    def ended(self, seconds=10):
        """Waits until nothing of it is left."""
        try:
            self.process.wait(seconds)
            for reader in self.readers:
                reader.join(seconds)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(5)
        for reader, pipe in zip(self.readers, (self.process.stdout, self.process.stderr)):
            reader.join(5)
            pipe.close()
        self.process = None

    def resident(self):
        """Its memory has a fixed size."""
        return 0

    def used(self):
        """Bytes of the flash, and records, that it said were in use when it booted."""
        found = next(found for line in self.in_this_life() if (found := USED.match(line.text)))
        return int(found[1]), int(found[3])

    def boots(self):
        """How often it has booted since it was started."""
        return sum(1 for line in self.in_this_life() if line.text.startswith(BOOT))

    def alive(self):
        """It runs, and never was reset."""
        return self.process is not None and self.process.poll() is None and self.boots() == 1

    def tail(self, size=4000):
        return "\n".join(line.text for line in list(self.said)[-60:])[-size:]

    def close(self):
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def notes(self, name, words):
        return f"<Exec><Command>log</Command><Arguments>{escape(f'{name} {words}')}</Arguments></Exec>"

    def notes_and_sleeps(self, name, words, seconds):
        return self.notes(name, words) + self.sleeps(seconds)

    def nothing(self):
        return self.fails(0)

    def sleeps(self, seconds, stubborn=False):
        """No action of firmware can be stubborn: it is dropped."""
        return f"<Exec><Command>sleep</Command><Arguments>{seconds}</Arguments></Exec>"

    def fails(self, code):
        return f"<Exec><Command>fail</Command><Arguments>{code}</Arguments></Exec>"

    def lines(self, name):
        return [note.words for note in self.noted(name)]

    def noted(self, name):
        """What actions wrote that begins with this word, in all lives."""
        return [Note(moment, line.arrived, line.life, words) for line, moment, words in self.all_notes(name)]

    def all_notes(self, name):
        for line in list(self.said):
            found = NOTE.search(line.text)
            if found and found[2].split(" ", 1)[0] == name:
                known = found[1] != "-"
                moment = datetime.datetime.fromisoformat(found[1].replace("Z", "+00:00")).timestamp() if known else None
                yield line, moment, found[2][len(name) + 1 :]
