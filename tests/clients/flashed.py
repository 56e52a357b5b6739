"""Firmware that boots from a flash image which the host wrote: by the guest's own clock, and when the image is damaged."""

import collections
import datetime
import os
import random
import shutil
import subprocess
import tempfile
import time

from impacket.dcerpc.v5 import tsch

import rpc
import tasks
from firmware import Firmware
from server import arguments, equal, run, until

ARGUMENTS = arguments()
SEED = int(os.environ.get("MAINSPRING_SEED", random.randrange(2**32)))
print(f"# MAINSPRING_SEED={SEED}")
FOLDER = tempfile.mkdtemp(prefix="mainspring-flash-")
DAY = 86400
PAGE, PAGES = 4096, 64
# Tasks of a flash that gets damaged, which fill several pages.
TASKS = 18
INVALID_TASK, READ_FAULT = 0x8004130E, 0x8007001E
# What the firmware says last when it refuses a flash.
REFUSALS = ("the flash is refused: ", "the file of the flash cannot be used")
# Images with which everything goes on.
SOUND = ("whole", "all ones")
# Images whose damage may be where nothing counts any more.
HARMLESS = ("a bit flipped", "one page random")
# Images of which something is left.
LEFT = ("a bit flipped", "fifty bits flipped", "five hundred bits flipped")


def written_by_firmware(name, definitions):
    """A flash that holds these, each of which has its path in it, as the firmware wrote it."""
    with Firmware(ARGUMENTS.image, ARGUMENTS.board) as host:
        host.start()
        dce = rpc.bound(host)
        for xml in definitions:
            request = tsch.SchRpcRegisterTask()
            request["path"], request["xml"], request["flags"], request["sddl"] = rpc.NULL, xml + "\0", tsch.TASK_CREATE, rpc.NULL
            request["logonType"], request["cCreds"], request["pCreds"] = 0, 0, rpc.NULL
            dce.request(request)
        host.kill()
        return shutil.copy(host.flash, f"{FOLDER}/{name}.bin")


def written_by_host(name, definitions):
    """A flash image that holds these, as our client wrote it."""
    files = []
    for number, xml in enumerate(definitions):
        files.append(f"{FOLDER}/{name}-{number}.xml")
        with open(files[-1], "w") as out:
            out.write(xml)
    made = f"{FOLDER}/{name}.bin"
    subprocess.run(
        [os.path.abspath(ARGUMENTS.client), "image", "build", "--page-size", str(PAGE), "--pages", str(PAGES), *files, "-o", made],
        check=True,
        timeout=60,
    )
    return made


# Each kind of firing has a second of its own, so that none waits for another.
KINDS = {"minute": (60, 0), "quarter": (900, 20), "noon": (DAY, DAY // 2 + 40)}


def repeated(words, host):
    """A task that notes these words at every multiple of the interval of their kind."""
    interval, after = KINDS[words]
    first = f"2026-01-01T{after // 3600:02}:{after // 60 % 60:02}:{after % 60:02}Z"
    if interval == DAY:
        trigger = (
            f"<CalendarTrigger><StartBoundary>{first}</StartBoundary>"
            "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay></CalendarTrigger>"
        )
    else:
        trigger = (
            f"<TimeTrigger><Repetition><Interval>PT{interval // 60}M</Interval></Repetition>"
            f"<StartBoundary>{first}</StartBoundary></TimeTrigger>"
        )
    return tasks.task(host.notes("guest", words), trigger, policy="Parallel", registration=f"<URI>\\Day\\{words}</URI>")


def a_day():
    """a day by the guest's clock of a device that is shipped with its tasks: they fire exactly as often as they should, within 5 ms"""
    with Firmware(ARGUMENTS.image, ARGUMENTS.board) as host:
        made = written_by_host("day", [repeated(words, host) for words in KINDS])
        shutil.copy(made, host.flash)
        begun = time.monotonic()
        host.start(extra=["--icount"], wait=False)
        noted = until(lambda: (all_ := host.noted("guest")) and all_[-1].moment - all_[0].moment > DAY + 60 and all_, 200, "a day")
        off = check_times(noted)
        print(f"# a day in {time.monotonic() - begun:.1f} s; {len(noted)} firings, late by up to {1000 * max(off):.1f} ms")
        equal(host.boots(), 1, "boots")


def check_times(noted):
    """Of each kind, one at every multiple of its interval between the first and the last, and none early or late. The first
    of all may have been due while the device booted, and is not late."""
    first, last = noted[0].moment, noted[-1].moment
    off = []
    for words, (interval, after) in KINDS.items():
        fired = collections.Counter()
        for note in noted:
            if note.words == words:
                late = (note.moment - after) % interval
                fired[round(note.moment - late)] += 1
                if note is not noted[0]:
                    off.append(late)
        begin = int((first - after) // interval) * interval + after
        due = {moment for moment in range(begin, int(last) + 1, interval) if moment > first - 1}
        missed, surplus = sorted(due - set(fired)), sorted(set(fired) - due)
        assert not missed and not surplus, f"{words}: missed {missed[:5]}, surplus {surplus[:5]}"
        twice = [moment for moment, count in fired.items() if count > 1]
        assert not twice, f"{words}: fired twice at {twice[:5]}"
    # The log has milliseconds, which are no binary fractions of a second.
    assert round(1000 * max(off)) <= 5, f"late by {1000 * max(off):.1f} ms"
    return off


def canary_times():
    """canary: a firing that is missing, doubled, early, or 6 ms late is noticed"""
    Note = collections.namedtuple("Note", "moment words")
    start = 29_000_000 * 60
    right = [Note(start + 60 * number + 0.001, "minute") for number in range(100)]
    right += [Note(moment + 0.001, "quarter") for moment in range(start, start + 99 * 60) if moment % 900 == 20]
    right += [Note(moment + 0.001, "noon") for moment in range(start, start + 99 * 60) if moment % DAY == DAY // 2 + 40]
    right.sort()
    check_times(right)
    for name, wrong in {
        "missing": right[:40] + right[41:],
        "doubled": right[:40] + right[39:],
        "late": right[:40] + [right[40]._replace(moment=right[40].moment + 0.005)] + right[41:],
        "early": right[:40] + [right[40]._replace(moment=right[40].moment - 0.002)] + right[41:],
    }.items():
        try:
            check_times(wrong)
        except AssertionError:
            continue
        raise AssertionError(f"not noticed: {name}")


def damaged():
    """a damaged flash image is repaired or refused with a clear message, and nothing in it runs that nobody wrote"""
    dice = random.Random(SEED)
    with Firmware(ARGUMENTS.image, ARGUMENTS.board) as host:
        whole = written_by_firmware(
            "whole",
            [
                tasks.task(
                    host.notes("whole", f"task {number}"),
                    "<BootTrigger/>",
                    registration=f"<Description>{'d' * 50 * number}</Description><URI>\\Whole\\{number}</URI>",
                )
                for number in range(TASKS)
            ],
        )
    with open(whole, "rb") as file:
        good = file.read()
    written = [page for page in range(PAGES) if good[page * PAGE : (page + 1) * PAGE] != b"\xff" * PAGE]

    def random_pages(count):
        bad = bytearray(good)
        for page in dice.sample(written, min(count, len(written))):
            bad[page * PAGE : (page + 1) * PAGE] = dice.randbytes(PAGE)
        return bytes(bad)

    def random_bits(count):
        bad = bytearray(good)
        for _ in range(count):
            page = dice.choice(written)
            bad[page * PAGE + dice.randrange(PAGE)] ^= 1 << dice.randrange(8)
        return bytes(bad)

    images = {
        "whole": good,
        "all zero": bytes(len(good)),
        "all ones": b"\xff" * len(good),
        "random": dice.randbytes(len(good)),
        "one page random": random_pages(1),
        "three pages random": random_pages(3),
        "a bit flipped": random_bits(1),
        "fifty bits flipped": random_bits(50),
        "five hundred bits flipped": random_bits(500),
        "truncated in a page": good[: PAGE * PAGES // 2 + 100],
        "empty": b"",
        "pages in another order": good[PAGE * 3 :] + good[: PAGE * 3],
    }
    for name, content in images.items():
        said, refused_ = live_with(name, content, whole_or_refused=True)
        print(f"# {name}: {said}")
        assert refused_ or name in SOUND + HARMLESS, f"{name}: was not noticed"
        if refused_:
            said, gone = live_with(name, content, extra=["--salvage"])
            print(f"# {name}, salvaged: {said}")
            # What has nothing of a store in it is no more one when it is salvaged.
            assert not gone or name not in LEFT, f"{name}: {said}"


def live_with(name, content, whole_or_refused=False, extra=()):
    """Boots on a flash image and uses it; returns what was seen, and whether the firmware refused it."""
    with Firmware(ARGUMENTS.image, ARGUMENTS.board) as host:
        with open(host.flash, "wb") as out:
            out.write(content)
        host.start(extra=extra, wait=False)
        until(
            lambda: any("listening" in line.text for line in host.in_this_life()) or host.process.poll() is not None,
            20,
            f"{name}: boots or refuses\n{host.tail()}",
        )
        if host.process.poll() is not None:
            assert name not in SOUND, f"{name}: {host.tail()}"
            equal(host.process.poll(), 2, f"{name}: exit status\n{host.tail()}")
            # What it said last may still be on its way.
            host.ended()
            assert host.said[-1].text.startswith(REFUSALS), f"{name}: ended without a word about the flash:\n{host.tail()}"
            assert not host.lines("whole"), f"{name}: something ran before it was refused"
            return "refused: " + host.said[-1].text, True
        dce = rpc.bound(host)
        found = rpc.listed(dce, tsch.hSchRpcEnumTasks, "\\Whole", flags=1) if "Whole" in rpc.listed(dce, tsch.hSchRpcEnumFolders, "\\") else []
        unreadable = set()
        for task in found:
            got, answer = rpc.code(tsch.hSchRpcRetrieveTask, dce, f"\\Whole\\{task}")
            if got:
                # Its entry is whole and its definition is not: whoever asks is told, and it does not run.
                assert got in (INVALID_TASK, READ_FAULT), f"{name}: {task}: {got:#010x}"
                if got == INVALID_TASK:
                    host.wait_for("RecordDamaged", 3)
                unreadable.add(f"task {task}")
                continue
            xml = rpc.text(answer["pXml"])
            assert f"<Arguments>whole task {task}</Arguments>" in xml, f"{name}: {task} is another task now: {xml}"
        if whole_or_refused and name != "all ones":
            equal((len(found), unreadable), (TASKS, set()), f"{name}: whole, or refused")
        if name == "a bit flipped":
            assert len(found) >= TASKS - 1, f"{name}: {found}"
        time.sleep(0.5)
        # It takes tasks again.
        xml = tasks.task(host.notes("new", "ran"))
        got, _ = rpc.code(tsch.hSchRpcRegisterTask, dce, "\\New", xml, tsch.TASK_CREATE, rpc.NULL, 0)
        equal(got or rpc.code(tsch.hSchRpcRun, dce, "\\New")[0], 0, f"{name}: a new task")
        until(lambda: host.lines("new") == ["ran"], 5, f"{name}: a new task runs")
        ran = host.lines("whole")
        assert not unreadable & set(ran), f"{name}: an unreadable task ran"
        assert host.alive(), f"{name}: was reset"
        strange = [line for line in ran if line not in {f"task {number}" for number in range(TASKS)}]
        assert not strange, f"{name}: something ran that nobody wrote: {strange}"
        equal(len(ran), len(set(ran)), f"{name}: each ran once")
        return f"{len(found)} tasks, {len(unreadable)} of them unreadable", False


try:
    run([canary_times, a_day, damaged], ARGUMENTS.only)
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
