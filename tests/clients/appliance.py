"""What only the firmware has: time over a network, a wire that is bad, few connections, little memory, SNTP.

Runs beside impacket_runs.py, impacket_definitions.py, samba_rpc.py, command_line.py and hostile.py, which run against firmware as they are.
"""

import os
import re
import random
import socket
import string
import struct
import subprocess
import threading
import time

from impacket.dcerpc.v5 import tsch
from impacket.dcerpc.v5.dtypes import NULL
from impacket.dcerpc.v5.rpcrt import DCERPCException

import rpc
import tasks
from firmware import Firmware
from proxy import Proxy, Wire, vanish
from rpc import code, refused
from server import arguments, equal, run, until
from sntp import IGNORANT, STRANGE, TimeServer

ARGUMENTS = arguments()
SEED = int(os.environ.get("MAINSPRING_SEED", random.randrange(2**32)))
print(f"# MAINSPRING_SEED={SEED}")
HOST = Firmware(ARGUMENTS.image, ARGUMENTS.board)
CREATE, UPDATE = tsch.TASK_CREATE, tsch.TASK_UPDATE
NO_MEMORY, TOO_BUSY = 0x8007000E, 0x80041323
# Pages of a small flash, and tasks with which it is almost full.
FEW_PAGES, SHIPPED = 8, 11
# What a call may end in when its connection does.
BROKEN = (DCERPCException, OSError, struct.error)


def register(dce, path, xml, flags=CREATE):
    return tsch.hSchRpcRegisterTask(dce, path, xml, flags, NULL, 0)


def through(proxy):
    return rpc.bind(proxy.port, user=HOST.name, password=HOST.password)


def seconds_off(noted, due):
    """By how much the n-th firing missed the n-th moment, by the firmware's clock."""
    return [note.moment - moment for note, moment in zip(noted, due)]


def on_time():
    """with the network on, a time trigger fires its function: none early, and 19 of 20 within 250 ms"""
    dce = rpc.bound(HOST)
    first = round(time.time() + 3, 3)
    due = [first + 0.6 * number for number in range(20)]
    for half in (0, 10):
        triggers = "".join(tasks.at_moment(moment) for moment in due[half : half + 10])
        register(dce, f"\\Clock {half}", tasks.task(HOST.notes("clock", "fired"), triggers, policy="Parallel"))
    # Somebody calls all the time.
    while time.time() < due[-1] + 1:
        tsch.hSchRpcGetTaskInfo(dce, "\\Clock 0", tsch.SCH_FLAG_STATE)
    noted = HOST.noted("clock")
    equal(len(noted), 20, "firings")
    off = seconds_off(noted, due)
    here = [note.arrived - moment for note, moment in zip(noted, due)]
    print(f"# late by its clock {1000 * min(off):.0f} to {1000 * max(off):.0f} ms, as seen here {1000 * min(here):.0f} to {1000 * max(here):.0f} ms")
    check_on_time(off)
    # Its clock is ours, as it was when it booted, to within what a host that is busy takes to tell it.
    assert max(here) < 1, "its clock is not this machine's"


def check_on_time(off):
    assert min(off) >= 0, f"early by {-1000 * min(off):.1f} ms"
    late = [one for one in off if one > 0.25]
    assert len(late) <= len(off) // 20, f"late: {late}"


def canary_on_time():
    """canary: one firing that is a millisecond early, and two that are late, are noticed"""
    check_on_time([0.001] * 19 + [0.3])
    for wrong in ([0.001] * 19 + [-0.001], [0.001] * 18 + [0.3, 0.3]):
        try:
            check_on_time(wrong)
        except AssertionError:
            continue
        raise AssertionError(f"not noticed: {wrong}")


def bad_connections():
    """calls in bytes, late, stalled and cut: each is answered or its connection ends, and others are served"""
    with Proxy(HOST.port, segment=1) as proxy:
        dce = through(proxy)
        register(dce, "\\Bytes", tasks.task(HOST.nothing(), registration=f"<Description>{'x' * 300}</Description>"))
        assert "x" * 300 in rpc.text(tsch.hSchRpcRetrieveTask(dce, "\\Bytes")["pXml"])
    for segment, delay in ((1, 0.0), (200, 0.03)):
        with Proxy(HOST.port, segment, delay, both=True) as proxy:
            shown = HOST.client(ARGUMENTS.client, "show", "\\Bytes", "--xml", where=f"127.0.0.1:{proxy.port}")
            assert "x" * 300 in shown.stdout, shown
    dice = random.Random(SEED)
    long = tasks.task(HOST.nothing(), registration=f"<Description>{'y' * (HOST.longest // 2)}</Description>")
    for number in range(8):
        with Proxy(HOST.port, cut=dice.randrange(1, 6000)) as proxy:
            try:
                dce = through(proxy)
                for _ in range(5):
                    register(dce, "\\Cut", long, CREATE | UPDATE)
                    tsch.hSchRpcRetrieveTask(dce, "\\Cut")
            except BROKEN:
                pass
    stalled = [Proxy(HOST.port, stall=bytes_before) for bytes_before in (0, 100, 900)]
    try:
        threads = [threading.Thread(target=give_up, args=(proxy,), daemon=True) for proxy in stalled]
        for one in threads:
            one.start()
        time.sleep(0.5)
        dce = rpc.bound(HOST)
        assert "x" * 300 in rpc.text(tsch.hSchRpcRetrieveTask(dce, "\\Bytes")["pXml"])
        dce.disconnect()
    finally:
        for proxy in stalled:
            proxy.close()
    rpc.all_free(HOST)
    assert HOST.alive()


def give_up(proxy):
    try:
        through(proxy)
    except Exception:
        pass


def canary_flip():
    """canary: an answer of which the way flips one bit is refused by our client, and one that it leaves alone is not"""
    for flip, expected in ((None, 0), (1, 3), (9, 3), (41, 3)):
        with Proxy(HOST.port, flip=flip) as proxy:
            done = HOST.client(ARGUMENTS.client, "--json", "list", where=f"127.0.0.1:{proxy.port}")
            assert (done.returncode == 0) == (expected == 0), f"bit {flip} from the end: {done}"


def vanishing_clients():
    """clients that vanish with a reset, logged in or not, in the middle of a call or not, free their connections"""
    for turn in range(3):
        for number in range(HOST.connections):
            if number % 2:
                connection = socket.create_connection(("127.0.0.1", HOST.port), timeout=5)
                connection.sendall(b"\x05\x00\x0b\x03")
            else:
                dce = rpc.bound(HOST)
                connection = dce.get_rpc_transport().get_socket()
                connection.sendall(os.urandom(turn * 7 + 1) if turn else b"")
            vanish(connection)
    rpc.all_free(HOST)
    assert HOST.alive()


def four_at_once():
    """four clients at once, each with calls of its own, while a task fires: all are answered, and it is on time"""
    dce = rpc.bound(HOST)
    first = round(time.time() + 2, 3)
    due = [first + 0.5 * number for number in range(10)]
    register(dce, "\\Meanwhile", tasks.task(HOST.notes("meanwhile", "fired"), "".join(map(tasks.at_moment, due)), policy="Parallel"))
    dce.disconnect()
    counts, failures = [0] * HOST.connections, []

    def client(number):
        try:
            dce = rpc.bound(HOST)
            path = f"\\Client {number}"
            while time.time() < due[-1] + 0.5:
                words = f"{number}-{counts[number]} " * 20
                xml = tasks.task(HOST.nothing(), registration=f"<Description>{words}</Description>")
                rpc.patiently(register, dce, path, xml, CREATE | UPDATE)
                assert words.strip() in rpc.text(rpc.patiently(tsch.hSchRpcRetrieveTask, dce, path)["pXml"])
                counts[number] += 1
            dce.disconnect()
        except Exception as failure:
            failures.append(str(failure))

    crowd = [threading.Thread(target=client, args=(number,), daemon=True) for number in range(HOST.connections)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(30)
    assert not failures, failures
    assert min(counts) > 3, f"somebody waited: {counts}"
    noted = HOST.noted("meanwhile")
    equal(len(noted), len(due), "firings")
    off = seconds_off(noted, due)
    print(f"# registrations of each: {counts}; late by {1000 * min(off):.0f} to {1000 * max(off):.0f} ms")
    check_on_time(off[:10])


def one_too_many():
    """a client beyond those that it serves at once is refused or waits, and does no harm"""
    inside = [rpc.bound(HOST) for _ in range(HOST.connections)]
    begun = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", HOST.port), timeout=2) as outside:
            outside.settimeout(2)
            outside.sendall(b"\x05\x00\x0b\x03\x10\x00\x00\x00")
            said = outside.recv(100) or "closed"
    except OSError as failure:
        said = type(failure).__name__
    print(f"# one too many: {said} after {time.monotonic() - begun:.1f} s")
    for dce in inside:
        tsch.hSchRpcHighestVersion(dce)
        dce.disconnect()
    rpc.all_free(HOST)


def six_kilobytes():
    """a definition of 6 KB in UTF-16 with ten triggers is taken, in its normalised form and without any white space"""
    dce = rpc.bound(HOST)
    triggers = "".join(tasks.at_moment(2_000_000_000 + 1_000 * number) for number in range(10))
    given = tasks.task(HOST.nothing(), triggers, registration="<Description>@</Description>")
    register(dce, "\\Six", given)
    form = rpc.text(tsch.hSchRpcRetrieveTask(dce, "\\Six")["pXml"])
    for written in (form, given):
        words = "w" * (3_072 - len(written) + 1)
        xml, longer = written.replace("@", words), form.replace("@", words)
        equal(len(xml), 3_072, "UTF-16 units")
        for flags in (UPDATE, CREATE):
            if flags == CREATE:
                tsch.hSchRpcDelete(dce, "\\Six")
            got, _ = code(register, dce, "\\Six", xml, flags)
            equal(f"{got:#010x}", f"{0:#010x}", f"what {len(xml)} units get whose normalised form has {len(longer)}")
            equal(rpc.text(tsch.hSchRpcRetrieveTask(dce, "\\Six")["pXml"]), longer, "what comes back")


def too_much():
    """a definition too large for its memory is E_OUTOFMEMORY for that call alone; a call too long is a fault"""
    dce = rpc.bound(HOST)
    register(dce, "\\Kept", tasks.task(HOST.notes("kept", "ran")))
    answers = set()
    for size in (1_200, 1_700, 2_300, 4_000, 6_000, 10_000, 20_000, 50_000):
        xml = tasks.task(HOST.nothing(), registration=f"<Description>{'x' * size}</Description>")
        try:
            got, _ = code(register, dce, "\\Large", xml)
            said = f"{got:#010x}"
            if got == 0:
                tsch.hSchRpcDelete(dce, "\\Large")
            assert got in (0, NO_MEMORY), f"{size} characters: {said}"
        except DCERPCException as fault:
            assert "remote_no_memory" in str(fault), fault
            said = "remote_no_memory"
        except OSError:
            # What is left of a call that was refused is not read.
            said, dce = "closed", rpc.bound(HOST)
        answers.add(said)
        print(f"# {size} characters: {said}")
    # Many small elements need much more memory than their text.
    for count in (50, 150, 300, 500):
        data = tasks.task(HOST.nothing()).replace("<Triggers>", f"<Data>{'<a/>' * count}</Data><Triggers>")
        got, _ = code(register, dce, "\\Large", data, CREATE | UPDATE)
        assert got in (0, NO_MEMORY), f"{count} elements: {got:#010x}"
        answers.add(f"{got:#010x}")
        print(f"# {count} elements: {got:#010x}")
    assert f"{NO_MEMORY:#010x}" in answers, "nothing was too large"
    tsch.hSchRpcRun(dce, "\\Kept")
    until(lambda: HOST.lines("kept") == ["ran"], 5, "what was there runs")
    register(dce, "\\Large", tasks.task(HOST.nothing(), registration=f"<Description>{'z' * HOST.longest}</Description>"), CREATE | UPDATE)


def too_many():
    """tasks beyond those that there are slots for are refused, all others are kept, and after deletions there is room again"""
    dce = rpc.bound(HOST)
    rpc.clear(dce)
    kept, got = fill(HOST, dce, "Fill", 100)
    equal(f"{got:#010x}", f"{TOO_BUSY:#010x}", "the refusal")
    equal(len(kept), HOST.slots, "tasks")
    refused(TOO_BUSY, register, dce, "\\Another", tasks.task(HOST.nothing()))
    whole(dce, kept)
    # One that is there already needs no slot.
    for path in kept:
        kept[path] = f"another {path[1:]}"
        register(dce, path, tasks.task(HOST.nothing(), registration=described(kept[path])), UPDATE)
    for path in list(kept)[:5]:
        tsch.hSchRpcDelete(dce, path)
        del kept[path]
    again, _ = fill(HOST, dce, "Again", 100)
    equal(len(again), 5, "tasks after five deletions")
    whole(dce, {**kept, **again})


def fill(host, dce, name, size):
    """Registers until it is refused; returns the descriptions of what fitted, and the refusal."""
    kept = {}
    for number in range(10_000):
        words = noise(f"{name} {number}", size + 8)
        got, _ = code(register, dce, f"\\{name} {number}", tasks.task(host.notes("fill", f"{name}-{number}"), registration=described(words)))
        if got:
            print(f"# after {len(kept)} tasks with {size} characters: {got:#010x}")
            return kept, got
        kept[f"\\{name} {number}"] = words.strip()


def noise(seed, length):
    """Text that takes as much room as it is long, also where what is kept is packed."""
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=length))


def described(words):
    return f"<Description>{words.strip()}</Description>"


def whole(dce, kept):
    """All of these are there as they were given, and none beside them."""
    equal(sorted(rpc.listed(dce, tsch.hSchRpcEnumTasks, "\\", flags=1)), sorted(path[1:] for path in kept), "tasks")
    for path, words in kept.items():
        assert described(words) in rpc.text(tsch.hSchRpcRetrieveTask(dce, path)["pXml"]), f"{path} is not what it was"


def full_flash():
    """a flash that the host filled almost up takes what fits and refuses the rest, and all else works on, also after a new start"""
    with Firmware(ARGUMENTS.image, ARGUMENTS.board, extra=["--pages", str(FEW_PAGES)]) as host:
        kept = {f"\\Shipped {number}": noise(number, 1000) for number in range(SHIPPED)}
        ship(host, kept)
        host.start()
        dce = rpc.bound(host)
        whole(dce, kept)
        # Each time less is asked for, until not even a short definition has room.
        for size in (700, 300, 0):
            fitted, got = fill(host, dce, f"Fill {size}", size)
            assert got in (TOO_BUSY, NO_MEMORY), f"the refusal: {got:#010x}"
            kept.update(fitted)
        assert len(kept) < host.slots - 3, f"{len(kept)} tasks leave no slot, so it may not have been the flash that was full"
        # A definition that gets longer finds no room, and stays as it was.
        last = next(reversed(kept))
        longer = tasks.task(host.nothing(), registration=described(noise("longer", 800)))
        refused(got, register, dce, last, longer, UPDATE)
        for turn in range(2):
            whole(dce, kept)
            # All of them run, of which records are written, and more than a page of them.
            ran = []
            for _ in range(4):
                for path in kept:
                    rpc.patiently(tsch.hSchRpcRun, dce, path)
                    ran.append(path.removeprefix("\\").replace("Shipped ", "Shipped-").replace(" ", "-"))
                until(lambda: len(host.lines("fill")) >= len(ran), 10, "all runs")
            equal(sorted(line.replace(" ", "-") for line in host.lines("fill")), sorted(ran), "what ran")
            refused(got, register, dce, "\\Another", longer)
            # What is deleted makes room. A record in parts is only begun where more would fit than it takes.
            gone = f"\\Shipped {turn}"
            kept[gone] = kept[gone][: len(kept[gone]) // 2].strip()
            tsch.hSchRpcDelete(dce, gone)
            register(dce, gone, tasks.task(host.notes("fill", gone[1:]), registration=described(kept[gone])))
            assert host.alive()
            host.kill()
            host.said.clear()
            host.start()
            dce = rpc.bound(host)
        used, _ = host.used()
        print(f"# full: {len(kept)} tasks, {used} bytes")
        whole(dce, kept)


def ship(host, kept):
    """Has our client write a flash that holds these."""
    for number, (path, words) in enumerate(kept.items()):
        with open(f"{host.folder}/{number}.xml", "w") as out:
            out.write(tasks.task(host.notes("fill", path[1:]), registration=f"{described(words)}<URI>{path}</URI>"))
    files = [f"{host.folder}/{number}.xml" for number in range(len(kept))]
    part = ["--page-size", "4096", "--pages", str(FEW_PAGES)]
    subprocess.run([os.path.abspath(ARGUMENTS.client), "image", "build", *part, *files, "-o", host.flash], check=True, timeout=60)


def bad_wire():
    """frames that are lost, doubled and late: calls are answered all the same, and tasks fire on time"""
    host = Firmware(ARGUMENTS.image, ARGUMENTS.board)
    with Wire(host.port, SEED, lost=0.05, twice=0.15, late=0.3) as wire, host:
        host.start(extra=["--nic", wire.nic])
        dce = rpc.bound(host)
        # When an acknowledgement gets lost the gateway asks after five seconds.
        first = round(time.time() + 9, 3)
        due = [first + number for number in range(5)]
        triggers = "".join(map(tasks.at_moment, due))
        register(dce, "\\Wire", tasks.task(host.notes("wire", "fired"), triggers, policy="Parallel"))
        for number in range(100):
            words = f"{number} " * 200
            xml = tasks.task(host.nothing(), registration=f"<Description>{words}</Description>")
            register(dce, "\\Long", xml, CREATE | UPDATE)
            assert words.strip() in rpc.text(tsch.hSchRpcRetrieveTask(dce, "\\Long")["pXml"])
            if number > 10 and wire.dropped > 8 and wire.doubled > 20 and wire.delayed > 40:
                break
        until(lambda: len(host.noted("wire")) == len(due), 25, "all firings")
        check_on_time(seconds_off(host.noted("wire"), due))
        print(f"# {wire.carried} frames carried, {wire.dropped} lost, {wire.doubled} doubled, {wire.delayed} late")
        assert wire.dropped > 8 and wire.doubled > 20 and wire.delayed > 40, "that was not much of a test"
        # A wire that is cut: those who were there are forgotten, and when it is mended others are served.
        clients = [rpc.bound(host) for _ in range(host.connections - 1)]
        wire.lost = wire.twice = wire.late = 0
        wire.dead = True
        for client in clients + [dce]:
            vanish(client.get_rpc_transport().get_socket())
        time.sleep(host.silence)
        wire.dead = False
        begun = time.monotonic()
        again = [rpc.bound(host) for _ in range(host.connections)]
        print(f"# all connections free again {time.monotonic() - begun:.1f} s after {host.silence} s of silence")
        for client in again:
            tsch.hSchRpcHighestVersion(client)
        assert host.alive()


def by_sntp():
    """calendar triggers wait until a time server answers, wrong answers are ignored, and then they fire on its time"""
    ahead = 3 * 86400.0
    with TimeServer("wrong", ahead) as clock, Firmware(ARGUMENTS.image, ARGUMENTS.board) as host:
        host.start(extra=["--ntp", f"10.0.2.2:{clock.port}"])
        dce = rpc.bound(host)
        begun = round(time.time(), 3)
        due = [begun + ahead + number for number in range(1, 61)]
        for number in range(4):
            some = due[number * 15 : number * 15 + 15]
            xml = tasks.task(host.notes("sntp", "fired"), "".join(map(tasks.at_moment, some)), policy="Parallel")
            register(dce, f"\\Sntp {number}", xml)
        year = "".join(tasks.at_moment(begun + ahead + 365 * 86400 + after) for after in (2, 5, 10, 20))
        register(dce, "\\Wrong", tasks.task(host.notes("sntp", "on a wrong answer"), year))
        until(lambda: clock.answered == {*STRANGE, *IGNORANT}, 30, f"it asks again and again, but {clock.asked} times")
        time.sleep(1)
        equal(host.lines("sntp"), [], "what fired before the time was known")
        clock.says = "right"
        until(lambda: len(host.noted("sntp")) >= 3, 30, "firings")
        noted = host.noted("sntp")
        assert all(note.words == "fired" for note in noted), noted
        # Its clock does not run while this machine is too busy to run it, so some may be late, and what it says may arrive late.
        off = sorted((note.moment - begun) % 1 for note in noted)
        assert off[len(off) // 2] < 0.25, f"late by {off}"
        lag = [note.arrived + ahead - note.moment for note in noted]
        assert min(lag) > -0.5 and min(lag) < 0.5 and max(lag) < 5, f"not the server's time: {noted}"
        equal(clock.complaints, [], "what the time server complains of")


def stack():
    """measured, and an eighth is left: how deep the stack was in all that came before"""
    dce = rpc.bound(HOST)
    # All slots may be taken, so one that is there is used.
    path = "\\" + (rpc.listed(dce, tsch.hSchRpcEnumTasks, "\\", flags=1) or ["Memory"])[0]
    register(dce, path, tasks.task("<Exec><Command>memory</Command></Exec>"), CREATE | UPDATE)
    # So may be what descriptors take.
    sddl = "D:(A;;FA;;;BA)(A;;0x1200a9;;;AU)(A;;FR;;;BU)"
    tsch.hSchRpcSetSecurity(dce, path, sddl + "\0", 0)
    assert sddl[2:] in rpc.text(tsch.hSchRpcGetSecurity(dce, path, 7)["sddl"])
    tsch.hSchRpcRegisterTask(dce, path, tasks.task("<Exec><Command>memory</Command></Exec>"), UPDATE, sddl + "\0", 0)
    tsch.hSchRpcRun(dce, path)
    said = HOST.wait_for("stack: ").text
    print(f"# {said}")
    used, size = (int(number) for number in re.findall(r"\d+", said))
    assert used <= size * 7 / 8, said


def measures():
    """measured, not judged: from boot to the first answer, and one sealed call"""
    for _ in range(3):
        HOST.kill()
        HOST.start()
        dce = rpc.bound(HOST)
        tsch.hSchRpcHighestVersion(dce)
        took = time.time() - HOST.begun
        listening = HOST.wait_for("listening").arrived - HOST.begun
        print(f"# booted and listening after {listening:.2f} s, first sealed answer after {took:.2f} s")
    times = []
    for _ in range(300):
        begun = time.perf_counter()
        tsch.hSchRpcHighestVersion(dce)
        times.append(time.perf_counter() - begun)
    times.sort()
    print(f"# a sealed call: median {1000 * times[150]:.2f} ms, 99 of 100 within {1000 * times[297]:.2f} ms")


with HOST:
    HOST.start()
    run(
        [
            on_time,
            canary_on_time,
            bad_connections,
            canary_flip,
            vanishing_clients,
            four_at_once,
            one_too_many,
            six_kilobytes,
            too_much,
            too_many,
            full_flash,
            bad_wire,
            by_sntp,
            stack,
            measures,
        ],
        ARGUMENTS.only,
        HOST,
        lambda: rpc.all_free(HOST),
    )
