"""Firmware without network or allocator that runs what it was shipped with, in an image that our client made."""

import datetime
import os
import random
import shutil
import subprocess
import tempfile
import time

import tasks
from firmware import Firmware
from server import arguments, equal, run, until

ARGUMENTS = arguments()
SEED = int(os.environ.get("MAINSPRING_SEED", random.randrange(2**32)))
print(f"# MAINSPRING_SEED={SEED}")
FOLDER = tempfile.mkdtemp(prefix="mainspring-shipped-")
PAGE, PAGES = 4096, 64


def image(name, definitions):
    """A flash image that holds these, by the name of a file each."""
    files = []
    for stem, xml in definitions.items():
        files.append(f"{FOLDER}/{stem}.xml")
        with open(files[-1], "w") as out:
            out.write(xml)
    made = f"{FOLDER}/{name}.bin"
    part = ["--page-size", str(PAGE), "--pages", str(PAGES)]
    subprocess.run([os.path.abspath(ARGUMENTS.client), "image", "build", *part, *files, "-o", made], check=True, timeout=60)
    return made


def device(made):
    host = Firmware(ARGUMENTS.image, ARGUMENTS.board)
    shutil.copy(made, host.flash)
    return host


def six_hours():
    """tasks of an image fire at their times by the guest's clock, each once, and none late by more than 5 ms"""
    with Firmware(ARGUMENTS.image, ARGUMENTS.board) as host:
        definitions = {
            "minutely": tasks.task(host.notes("guest", "minutely"), repeated(60), policy="Parallel"),
            "quarterly": tasks.task(host.notes("guest", "quarterly"), repeated(900, 20), policy="Parallel"),
            "disabled": tasks.task(host.notes("guest", "disabled"), repeated(60), settings="<Enabled>false</Enabled>"),
        }
    with device(image("times", definitions)) as host:
        host.start(extra=["--icount"], wait=False)
        notes = until(lambda: (all_ := host.noted("guest")) and all_[-1].moment - all_[0].moment > 6 * 3600 and all_, 100, "six hours")
        late = []
        for words, interval, after in (("minutely", 60, 0), ("quarterly", 900, 20)):
            moments = [note.moment for note in notes if note.words == words]
            # The first of all may have been due while the device booted.
            late += [(moment - after) % interval for moment in moments if moment != notes[0].moment]
            fired = [round((moment - after) // interval) for moment in moments]
            equal(fired, list(range(fired[0], fired[0] + len(fired))), f"{words}: each of its times once")
        assert max(late) <= 0.005, f"late by {1000 * max(late):.1f} ms"
        assert not [note for note in notes if note.words == "disabled"], "a disabled task ran"
        print(f"# {len(notes)} firings, late by up to {1000 * max(late):.1f} ms")


def repeated(seconds, after=0):
    return (
        f"<TimeTrigger><Repetition><Interval>PT{seconds // 60}M</Interval></Repetition>"
        f"<StartBoundary>2026-01-01T00:00:{after:02}Z</StartBoundary></TimeTrigger>"
    )


def cut():
    """what ran once does not run again after a power cut, and what runs at every start does"""
    soon = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(seconds=5)
    with Firmware(ARGUMENTS.image, ARGUMENTS.board) as host:
        definitions = {
            "once": tasks.task(
                host.notes("cut", "once"), f"<TimeTrigger><StartBoundary>{soon:%Y-%m-%dT%H:%M:%SZ}</StartBoundary></TimeTrigger>"
            ),
            "boot": tasks.task(host.notes("cut", "boot"), "<BootTrigger/>"),
        }
    with device(image("cut", definitions)) as host:
        host.start(wait=False)
        until(lambda: sorted(host.lines("cut")) == ["boot", "once"], 15, "both ran")
        host.kill()
        host.start(wait=False)
        until(lambda: host.lines("cut").count("boot") == 2, 10, "it starts again")
        time.sleep(2)
        equal(sorted(host.lines("cut")), ["boot", "boot", "once"], "what ran")


def damaged():
    """an image with a wrong bit is refused with a message, and nothing in it runs"""
    dice = random.Random(SEED)
    with Firmware(ARGUMENTS.image, ARGUMENTS.board) as host:
        definitions = {f"{number}": tasks.task(host.notes("bad", "ran"), "<BootTrigger/>") for number in range(8)}
    made = image("damaged", definitions)
    with open(made, "rb") as file:
        good = file.read()
    held = bytes_of_items(good)
    for _ in range(3):
        bad = bytearray(good)
        # In the first half, so that it is not in the last item, which a power cut may have cut.
        bad[dice.choice(held[: len(held) // 2])] ^= 1 << dice.randrange(8)
        with Firmware(ARGUMENTS.image, ARGUMENTS.board) as host:
            with open(host.flash, "wb") as out:
                out.write(bad)
            host.start(wait=False)
            until(lambda: host.process.poll() is not None, 10, "it refuses")
            host.ended()
            assert "the flash is refused" in host.tail(), host.tail()
            equal(host.lines("bad"), [], "what ran")


def bytes_of_items(flash):
    """Where the items of the first page are, behind its state: a header with the length at its fourth byte, and the data. What fills up a word
    is left out, since nobody reads it."""
    held, at = [], 2 * PAGE + 8
    while flash[at : at + 8] != b"\xff" * 8:
        end = at + 8 + int.from_bytes(flash[at + 4 : at + 6], "little")
        held += range(at, end)
        at = end + -end % 4
    return held


try:
    run([six_hours, cut, damaged], ARGUMENTS.only)
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
