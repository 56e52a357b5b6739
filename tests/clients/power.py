"""The power is cut at random moments: what was acknowledged is there, nothing is there by half, nothing ran twice.

With MAINSPRING_LONG it cuts 200 times instead of 20. MAINSPRING_SEED repeats a run as far as QEMU's own timing lets it.
"""

import collections
import os
import random
import struct
import threading
import time

from impacket.dcerpc.v5 import tsch
from impacket.dcerpc.v5.dtypes import NULL
from impacket.dcerpc.v5.rpcrt import DCERPCException

import rpc
import tasks
from firmware import Firmware
from server import arguments, equal, run, until

LONG = bool(os.environ.get("MAINSPRING_LONG"))
ARGUMENTS = arguments()
SEED = int(os.environ.get("MAINSPRING_SEED", random.randrange(2**32)))
CUTS = int(os.environ.get("MAINSPRING_ROUNDS", 200 if LONG else 20))
print(f"# MAINSPRING_SEED={SEED}")
BROKEN = (DCERPCException, OSError, struct.error)
# Tasks that exist at a time, at most.
PLACES = 14
# Pages of a small part, on which four of them fit.
PAGES_OF_FEW = 6
# What the firmware ends with when its power is cut.
POWER_CUT = 99
ABSENT = None
# A definition in the form in which it comes back, with what differs left out.
FORM = None


def register(dce, path, xml):
    return tsch.hSchRpcRegisterTask(dce, path, xml, tsch.TASK_CREATE | tsch.TASK_UPDATE, NULL, 0)


def definition(host, path, word, moment):
    """A definition whose lines in the log nobody else writes, and which is longer than a page of flash now and then."""
    boundary = tasks.at_moment(moment)[len("<TimeTrigger><StartBoundary>") : -len("</StartBoundary></TimeTrigger>")]
    size = sum(map(ord, word)) * 37 % host.longest
    return FORM.replace("@path@", path).replace("@word@", word).replace("2099-01-01T00:00:00.5Z", boundary).replace("@long@", f"{word} {'-' * size}")


def learn(host, dce):
    """Asks the server for the form, which it keeps from then on."""
    global FORM
    xml = tasks.task(host.notes("power", "@word@$(Arg0)"), policy="Parallel", registration="<Description>@long@</Description>")
    xml = xml.replace("<Triggers></Triggers>", "<Triggers><TimeTrigger><StartBoundary>2099-01-01T00:00:00.5Z</StartBoundary></TimeTrigger></Triggers>")
    register(dce, "\\Power\\@path@", xml)
    FORM = rpc.text(tsch.hSchRpcRetrieveTask(dce, "\\Power\\@path@")["pXml"])
    tsch.hSchRpcDelete(dce, "\\Power\\@path@")
    assert "2099-01-01T00:00:00.5Z" in FORM, FORM


class Load(threading.Thread):
    """A client that registers, changes, runs, switches and deletes until the power is cut.

    `sure` holds for each path what must be there, and `maybe` what may be there instead, because its call was under way. A
    definition is None when there is no task; behind it is whether the task is enabled. `moments` is when each word should be
    written, and `left_alone` until when nothing was done to its task.
    """

    def __init__(self, host, dice, name, places, sure):
        super().__init__(daemon=True)
        self.host, self.dice, self.name, self.places = host, dice, name, places
        self.sure, self.maybe = sure, {}
        self.turns, self.demanded, self.started, self.moments, self.left_alone = 0, [], [], {}, {}
        self.failure, self.failed = None, 0

    def run(self):
        try:
            dce = rpc.bound(self.host)
            while True:
                self.turn(dce)
                self.turns += 1
        except Exception as failure:  # The power was cut: whatever impacket makes of that.
            self.failure, self.failed = failure, time.time()

    def check(self, cut):
        """Nothing but the cut ended it."""
        assert self.failed > cut - 0.1, f"a call failed {cut - self.failed:.1f} s before the power was cut: {self.failure!r}"

    def change(self, path, to, call, *arguments):
        if path in self.sure:
            self.left_alone.setdefault(self.sure[path][2], time.time())
        self.maybe = {path: to}
        rpc.patiently(call, *arguments)
        self.sure[path] = to
        self.maybe = {}

    def turn(self, dce):
        # Some tasks are left alone until they have fired.
        now = time.time()
        busy = {f"\\Power\\{place}" for place in self.places[: len(self.places) // 2]}
        busy = {path for path in busy if path in self.sure and now < self.moments.get(self.sure[path][2], 0) + 1.2}
        place = self.dice.choice([place for place in self.places if f"\\Power\\{place}" not in busy])
        path = f"\\Power\\{place}"
        xml, enabled, word = self.sure.get(path, (ABSENT, True, None))
        what = self.dice.random()
        if xml is ABSENT or what < 0.4:
            word = f"{self.name}-{self.turns}"
            after = self.dice.uniform(0.3, 2)
            moment = round(time.time() + after, 3)
            xml = definition(self.host, place, word, moment)
            self.change(path, (xml, True, word), register, dce, path, xml)
            if time.time() < moment - 0.2:
                self.moments[word] = moment
        elif what < 0.6:
            run = f"{word}-{self.name}-{self.turns}"
            self.demanded.append(run)
            got, answer = rpc.code(tsch.hSchRpcRun, dce, path, (f"-{self.name}-{self.turns}",))
            # A run that the policy of the task did not let start has no instance.
            if got == 0 and any(bytes(answer["pGuid"])):
                self.started.append((run, time.time(), self.turns))
        elif what < 0.8:
            # The switch is part of the definition that comes back.
            self.change(path, (xml, not enabled, word), tsch.hSchRpcEnableTask, dce, path, not enabled)
        else:
            self.change(path, (ABSENT, True, None), tsch.hSchRpcDelete, dce, path)


def there(dce):
    """All that is there: for each path its definition, and whether it is enabled."""
    found = {}
    for name in rpc.listed(dce, tsch.hSchRpcEnumTasks, "\\Power", flags=1):
        path = f"\\Power\\{name}"
        assert path not in found, f"{path} is listed twice"
        xml = rpc.text(tsch.hSchRpcRetrieveTask(dce, path)["pXml"])
        enabled = bool(tsch.hSchRpcGetTaskInfo(dce, path)["pEnabled"])
        found[path] = (xml, enabled)
    return found


def judge(found, sure, maybe):
    """Everything is as it was acknowledged, or as the call that was under way would have made it."""
    for path in set(found) | set(sure) | set(maybe):
        got = found.get(path, (ABSENT, True))
        allowed = [sure.get(path, (ABSENT, True, None))] + ([maybe[path]] if path in maybe else [])
        wanted = [(switched(xml, enabled), enabled) for xml, enabled, _ in allowed]
        assert got in wanted, f"{path} is\n{got}\nand should be\n{wanted}"


def switched(xml, enabled):
    """The definition of a task that is switched off says so."""
    behind = "</StopIfGoingOnBatteries>\r\n"
    return xml if enabled or xml is ABSENT else xml.replace(behind, f"{behind}    <Enabled>false</Enabled>\r\n")


def exactly_once(noted, started, due):
    """No firing and no run on demand happened twice, and those that were acknowledged and had time to happen did."""
    # A run by a trigger has no arguments, and its parameter stays as it is.
    counted = collections.Counter(note.words.removesuffix("$(Arg0)") for note in noted)
    twice = {words: count for words, count in counted.items() if count > 1}
    assert not twice, f"ran more than once: {twice}"
    missing = [word for word in due if word not in counted]
    assert not missing, f"{len(missing)} of {len(due)} firings did not happen: {missing[:5]}"
    missing = [word for word in started if word not in counted]
    assert not missing, f"{len(missing)} of {len(started)} runs on demand did not happen: {missing[:5]}"
    return sum(counted.values())


def canary_exactly_once():
    """canary: a line of the log that is dropped, and one that is doubled, are noticed; so is a task that differs by a byte"""
    Line = collections.namedtuple("Line", "words")
    lines = [Line(f"r0-{number}") for number in range(30)]
    due = [line.words for line in lines]
    exactly_once(lines, [], due)
    sure = {"\\Power\\a": ("<Task/>", True, "w"), "\\Power\\b": (ABSENT, True, None)}
    judge({"\\Power\\a": ("<Task/>", True)}, sure, {})
    wrong = [
        lambda: exactly_once(lines[:-1], [], due),
        lambda: exactly_once(lines, ["r0-1", "r0-30"], due),
        lambda: exactly_once(lines + lines[3:4], [], due),
        lambda: judge({"\\Power\\a": ("<Tesk/>", True)}, sure, {}),
        lambda: judge({"\\Power\\a": ("<Task/>", False)}, sure, {}),
        lambda: judge({}, sure, {}),
        lambda: judge({"\\Power\\a": ("<Task/>", True), "\\Power\\b": ("<Task/>", True)}, sure, {}),
    ]
    for number, lie in enumerate(wrong):
        try:
            lie()
        except AssertionError:
            continue
        raise AssertionError(f"lie {number} was not noticed")


def at_random_moments():
    """the power is cut at random moments of registrations and runs: all that was acknowledged is there, whole, and nothing ran twice"""
    dice = random.Random(SEED)
    with Firmware(ARGUMENTS.image, ARGUMENTS.board) as host:
        host.start()
        dce = rpc.bound(host)
        learn(host, dce)
        rpc.clear(dce)
        fresh = settled(host)
        dce = rpc.bound(host)
        tsch.hSchRpcCreateFolder(dce, "\\Power")
        sure, moments, left_alone, demanded, started, spans, turns = {}, {}, {}, [], [], [], 0
        for number in range(CUTS):
            up = host.wait_for("listening").arrived
            places = [f"t{place}" for place in range(PLACES)]
            load = [
                Load(host, random.Random(SEED * 1000 + number * 10 + half), f"r{number}{'ab'[half]}", places[half::2], sure)
                for half in (0, 1)
            ]
            for client in load:
                client.start()
            time.sleep(dice.uniform(0.3, 3))
            cut = time.time()
            host.kill()
            spans.append((up, cut))
            maybe = {}
            for client in load:
                client.join(30)
                assert not client.is_alive(), "a client did not notice that the power was cut"
                client.check(cut)
                maybe.update(client.maybe)
                demanded += client.demanded
                started += [run for run, at, _ in client.started if at < cut - 0.5]
                turns += client.turns
                moments.update(client.moments)
                for word, moment in client.left_alone.items():
                    left_alone.setdefault(word, moment)
            host.start()
            dce = rpc.bound(host)
            found = there(dce)
            judge(found, sure, maybe)
            # From now on it is what it turned out to be.
            for path, to in maybe.items():
                if found.get(path, (ABSENT, True)) == to[:2]:
                    sure[path] = to
            assert host.alive()
            dce.disconnect()
        spans.append((host.wait_for("listening").arrived, float("inf")))
        time.sleep(4)
        due = [
            word
            for word, moment in moments.items()
            if any(up + 0.2 < moment < down - 0.5 for up, down in spans) and moment + 1 < left_alone.get(word, float("inf"))
        ]
        count = exactly_once(host.noted("power"), started, due)
        assert turns > 5 * CUTS, f"only {turns} calls"
        assert len(started) >= CUTS // 2, f"only {len(started)} runs on demand had to happen"
        assert len(due) >= CUTS // 2, f"only {len(due)} firings fell into an uptime"
        print(f"# {CUTS} cuts, {turns} calls, {len(demanded)} runs on demand, of which {len(started)} had to happen, {count} runs noted, of {len(due)} firings that had to happen")
        dce = rpc.bound(host)
        rpc.clear(dce)
        left = settled(host)
        print(f"# bytes and records before {fresh}, after {CUTS} cuts and with everything deleted {left}")
        # What happened to them is told for as long as there is room for it: a ring of eight records, of at most 64 bytes each.
        bytes_more, records_more = left[0] - fresh[0], left[1] - fresh[1]
        assert 0 <= records_more <= 8 and 0 <= bytes_more <= 80 * records_more, f"{left} is left of {fresh}"


def settled(host):
    """Bytes and records in use when it boots, once it has tidied up what needs no longer be kept, for which it takes idle time."""
    before = None
    for _ in range(8):
        time.sleep(1.5)
        host.kill()
        host.start()
        if host.used() == before:
            break
        before = host.used()
    return host.used()


def with_a_folder(*words):
    """The flash of a firmware that was started with these words and knows the folder of the tasks, and the words."""
    with Firmware(ARGUMENTS.image, ARGUMENTS.board, extra=words) as host:
        host.start()
        dce = rpc.bound(host)
        tsch.hSchRpcCreateFolder(dce, "\\Power")
        learn(host, dce)
        host.kill()
        with open(host.flash, "rb") as file:
            return words, file.read()


def at_exact_steps():
    """the power is cut at exact words that are programmed, and in the erase of a page: the same holds"""
    dice = random.Random(SEED)
    some = 10 if LONG else 1
    cuts = [("--cut", number) for number in [1, 133, 400, 900] + [dice.randrange(200, 6000) for _ in range(2 * some)]]
    # Each of four pages that follow one another is left in another way.
    first = dice.randrange(2 * some)
    cuts += [("--cut-erase", first + number) for number in range(4 * some)]
    judged = 0
    # A part of few pages soon erases some.
    parts = {"--cut": with_a_folder(), "--cut-erase": with_a_folder("--pages", str(PAGES_OF_FEW))}
    for number, (kind, step) in enumerate(cuts):
        words, flash = parts[kind]
        with Firmware(ARGUMENTS.image, ARGUMENTS.board, extra=words) as host:
            with open(host.flash, "wb") as out:
                out.write(flash)
            host.start(extra=[kind, str(step)], wait=False)
            load = None
            try:
                host.wait_for("listening")
                load = Load(host, random.Random(SEED * 1000 + number), f"w{number}", list("abcd"), {})
                load.start()
                load.join(30)
                assert not load.is_alive(), f"the power was not cut by {kind} {step}, after {load.turns} calls"
            except AssertionError:
                # It may be cut while it boots.
                if host.process.poll() is None:
                    raise
            equal(host.process.wait(10), POWER_CUT, "exit status")
            if load:
                load.check(time.time() - 2)
            host.ended()
            host.start()
            dce = rpc.bound(host)
            judge(there(dce), load.sure if load else {}, load.maybe if load else {})
            # What was answered three calls before the last had time to happen, however slow this machine is.
            started = [run for run, _, turn in load.started if turn + 3 < load.turns] if load else []
            exactly_once(host.noted("power"), started, [])
            judged += len(started)
            print(f"# {kind[2:]} {step}, after {load.turns if load else 0} calls, {len(started)} runs on demand had to happen")
    assert judged >= 5, f"only {judged} runs on demand had to happen"


def interrupted():
    """an action that runs when the power is cut is not run again, its task is ready, and its last run is known"""
    with Firmware(ARGUMENTS.image, ARGUMENTS.board) as host:
        host.start()
        dce = rpc.bound(host)
        path = "\\Power\\Interrupted"
        register(dce, path, tasks.task(host.notes_and_sleeps("power", "began", 300), tasks.at(1)))
        until(lambda: host.lines("power") == ["began"], 6, "it runs")
        host.kill()
        for _ in range(2):
            host.start()
            dce = rpc.bound(host)
            time.sleep(1)
            answer = tsch.hSchRpcGetTaskInfo(dce, path, tsch.SCH_FLAG_STATE)
            equal((answer["pEnabled"], answer["pState"]), (1, tsch.TASK_STATE_READY), "enabled, and its state")
            _, answer = rpc.code(tsch.hSchRpcGetLastRunInfo, dce, path)
            equal(answer["pLastRuntime"]["wYear"], time.gmtime().tm_year, "year of its last run")
            equal(host.lines("power"), ["began"], "what it noted")
            host.kill()


run([canary_exactly_once, interrupted, at_random_moments, at_exact_steps], ARGUMENTS.only)
