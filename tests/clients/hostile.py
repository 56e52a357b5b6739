"""Bad input: each gets the protocol's own error or a closed connection in time, and everybody else is served.

What there is of it is measured by the target: it holds all connections but one, and sends what just does not fit.
"""

import os
import random
import resource
import select
import signal
import socket
import string
import struct
import subprocess
import tempfile
import threading
import time

from impacket.dcerpc.v5 import mgmt, tsch
from impacket.dcerpc.v5.dtypes import NULL
from impacket.uuid import uuidtup_to_bin

import rpc
import tasks
from rpc import code, names, refused
from server import Server, arguments, equal, needs, run, target, until

ARGUMENTS = arguments()
HOST = target(ARGUMENTS, epm=True)
# The server's own bound, and what a busy machine may add to it.
BIND_TIME, SLACK = 30, 5
# Seconds between two firings of the task that must go on firing whatever happens.
BEAT = 10
NDR = uuidtup_to_bin(("8a885d04-1ceb-11c9-9fe8-08002b104860", "2.0"))
BIND, BIND_ACK, BIND_NAK, REQUEST, RESPONSE, FAULT = 11, 12, 13, 0, 2, 3


def header(kind, length, call=1, flags=3, auth=0):
    return struct.pack("<BBBBIHHI", 5, 0, kind, flags, 0x10, length, auth, call)


def bind_pdu(interface=tsch.MSRPC_UUID_TSCHS):
    body = struct.pack("<HHIBBHHBB", 5840, 5840, 0, 1, 0, 0, 0, 1, 0) + interface + NDR
    return header(BIND, 16 + len(body)) + body


def request_pdu(opnum, stub, call=2, flags=3):
    body = struct.pack("<IHH", len(stub), 0, opnum) + stub
    return header(REQUEST, 16 + len(body), call, flags) + body


def connect():
    return socket.create_connection(("127.0.0.1", HOST.port), timeout=10)


def closed(connection, seconds=5):
    """Whether the other side closed within that time; what it sent before is dropped."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([connection], [], [], left)[0]:
            try:
                if not connection.recv(65536):
                    return True
            except ConnectionError:
                return True
    return False


def answer(connection):
    """The next PDU: its kind and all of it; `None` when the connection was closed."""
    got = b""
    try:
        while len(got) < 16 or len(got) < struct.unpack_from("<H", got, 8)[0]:
            more = connection.recv(65536)
            if not more:
                return None
            got += more
    except ConnectionError:
        return None
    return got[2], got


def served():
    """Somebody else is served, soon."""
    begun = time.monotonic()
    dce = rpc.bound(HOST)
    tsch.hSchRpcHighestVersion(dce)
    refused(0x80070002, tsch.hSchRpcGetTaskInfo, dce, "\\not there")
    equal(rpc.text(tsch.hSchRpcRetrieveTask(dce, "\\Kept")["pXml"]) is not None, True, "what was there")
    took = time.monotonic() - begun
    assert took < 2, f"somebody else waited for {took:.1f} s"
    dce.disconnect()
    assert HOST.alive()


def grown(before):
    """By how many KiB the server's memory has grown, where it has any that can grow."""
    return HOST.resident() - before if HOST.has("memory that grows") else 0


def given_back():
    """Nothing is left of connections that are gone."""
    if HOST.has("memory that grows"):
        until(lambda: HOST.descriptors() < 100, 10, "descriptors are given back")
    else:
        rpc.all_free(HOST)


def garbage():
    """garbage closes the connection"""
    for junk in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"\0" * 4096, b"\xff" * 16, b"\x05\x00\x0b\x03" + b"\xff" * 4000):
        connection = connect()
        connection.sendall(junk)
        assert closed(connection), f"{junk[:20]!r} left the connection open"
        connection.close()
        served()


def lying_lengths():
    """a fragment that lies about its length, or its authentication about its own, closes the connection or is refused"""
    good = bind_pdu()
    for length in (0, 1, 15, 16, 17, len(good) - 1):
        connection = connect()
        connection.sendall(good[:8] + struct.pack("<H", length) + good[10:])
        got = answer(connection)
        assert got is None or got[0] == BIND_NAK, f"length {length}: {got}"
        connection.close()
    for length in (5841, 65535):
        connection = connect()
        try:
            connection.sendall(good[:8] + struct.pack("<H", length) + good[10:] + b"x" * 70000)
        except ConnectionError:
            pass  # Closed before all was sent.
        assert closed(connection), f"length {length}"
        connection.close()
    for auth in (1, len(good), 65535):
        connection = connect()
        connection.sendall(good[:10] + struct.pack("<H", auth) + good[12:])
        got = answer(connection)
        assert got is None or got[0] == BIND_NAK, f"auth length {auth}: {got}"
        connection.close()
    served()


def slow_bind():
    """a bind or a call that never finishes is closed within its stated time, one that trickles too"""

    def silent():
        return connect()

    def started():
        connection = connect()
        connection.sendall(bind_pdu()[:20])
        return connection

    def half_bound():
        """A bind with a first token, whose second leg never comes."""
        connection = connect()
        connection.sendall(rpc_negotiate())
        equal(answer(connection)[0], BIND_ACK, "answer to the first leg")
        return connection

    def half_a_call():
        """A call whose last fragment never comes."""
        dce = rpc.bound(HOST)
        send_part(dce)
        return dce.get_rpc_transport().get_socket()

    # One connection stays free: when all are taken, strangers are sent away sooner.
    some = HOST.connections - 1
    ways = [connect, half_a_call, silent, started, half_bound]
    for first in range(0, len(ways), some):
        rpc.all_free(HOST)
        waiting, trickling = {}, None
        begun = time.monotonic()
        for way in ways[first : first + some]:
            connection = way()
            waiting[connection] = way.__name__.replace("_", " ").replace("connect", "trickling")
            trickling = connection if way is connect else trickling
        all_closed(waiting, trickling, begun)
    served()


def all_closed(waiting, trickling, begun):
    """Waits until all these are closed, while a bind goes to one of them byte by byte."""
    trickle, at = bind_pdu(), 0
    while waiting and time.monotonic() - begun < BIND_TIME + SLACK:
        if trickling in waiting and at < len(trickle) - 1 and time.monotonic() - begun > at * 1.0:
            try:
                trickling.sendall(trickle[at : at + 1])
            except ConnectionError:
                pass
            at += 1
        for connection in select.select(list(waiting), [], [], 0.2)[0]:
            try:
                gone = not connection.recv(65536)
            except ConnectionError:
                gone = True
            if gone:
                print(f"# {waiting.pop(connection)}: closed after {time.monotonic() - begun:.1f} s")
                connection.close()
    assert not waiting, f"still open after {BIND_TIME + SLACK} s: {list(waiting.values())}"


def send_part(dce):
    """Sends the first fragment of a call of several."""
    way = dce.get_rpc_transport()
    send, parts = way.send, []
    way.send = lambda data, *_, **__: parts.append(data)
    dce.call(1, b"x" * 20000)
    way.send = send
    way.send(parts[0])


def rpc_negotiate():
    """A bind with an NTLM negotiate token."""
    flags = 0x1 | 0x4 | 0x10 | 0x20 | 0x200 | 0x8000 | 0x80000 | 0x20000000 | 0x40000000 | 0x80000000
    token = b"NTLMSSP\0" + struct.pack("<II", 1, flags) + b"\0" * 16
    body = bind_pdu()[16:] + struct.pack("<BBBBI", 10, 6, 0, 0, 1) + token
    return header(BIND, 16 + len(body), auth=len(token)) + body


def idle_connections():
    """a thousand idle connections, or three times as many as it serves: whoever is within the server's bound is served, and memory is bounded"""
    number = min(1000, 3 * HOST.connections)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4096), hard), hard))
    before = HOST.resident()
    idle = []
    for _ in range(number):
        try:
            idle.append(connect())
        except OSError:
            break
    print(f"# {len(idle)} connections; resident before {before} KiB, now {HOST.resident()} KiB")
    equal(len(idle), number, "connections")
    # Those who hold a connection that was authenticated keep it, whatever the others do.
    try:
        # With few connections one that is to be closed may be in the way for a moment.
        rpc.bound(HOST).disconnect()
        served()
    finally:
        cost = grown(before)
        for connection in idle:
            connection.close()
    assert cost < 32 * 1024, f"{number} idle connections cost {cost} KiB"
    given_back()
    served()


def stub_that_ends_early():
    """a stub that ends early, or counts more than there is, is a fault, and the connection is served on"""
    dce = rpc.bound(HOST)
    whole = tsch.SchRpcEnumTasks()
    whole["path"], whole["flags"], whole["startIndex"], whole["cRequested"] = "\\\0", 1, 0, 0
    stub = whole.getData()
    for end in range(len(stub) - 3):
        dce.call(7, stub[:end])
        rpc.fault("bad_stub_data", dce.recv)
    for lie in (0, 0x7FFFFFFF, 0xFFFFFFFF):
        for offset in (0, 4, 8):
            dce.call(7, stub[:offset] + struct.pack("<I", lie) + stub[offset + 4 :])
            # The offset is zero anyway, and a maximum count may be any that is large enough.
            if (lie == 0) == (offset == 4) and offset != 8:
                dce.recv()
            else:
                rpc.fault("bad_stub_data", dce.recv)
    tsch.hSchRpcHighestVersion(dce)
    # Nobody authenticated: refused before anything is decoded.
    connection = connect()
    connection.sendall(bind_pdu())
    equal(answer(connection)[0], BIND_ACK, "a bind without authentication")
    connection.sendall(request_pdu(0, b""))
    kind, pdu = answer(connection)
    equal((kind, struct.unpack_from("<I", pdu, 24)[0]), (FAULT, 5), "access denied")
    served()


def strangers_with_half_calls():
    """calls of nobody that never end do not keep long calls of others from being served"""
    strangers = []
    for _ in range(min(40, HOST.connections - 1)):
        connection = connect()
        connection.sendall(bind_pdu(mgmt.MSRPC_UUID_MGMT))
        equal(answer(connection)[0], BIND_ACK, "a bind without authentication")
        connection.sendall(request_pdu(0, b"x" * 5000, flags=1))
        strangers.append(connection)
    dce = rpc.bound(HOST)
    words = ("word " * 20000)[: HOST.longest]
    long = tasks.task(HOST.nothing(), registration=f"<Description>{words}</Description>")
    tsch.hSchRpcRegisterTask(dce, "\\Long", long, tsch.TASK_CREATE, NULL, 0)
    assert words in rpc.text(tsch.hSchRpcRetrieveTask(dce, "\\Long")["pXml"])
    tsch.hSchRpcDelete(dce, "\\Long")
    for connection in strangers:
        connection.close()
    served()


def fragments_without_end():
    """a call that is longer than any may be is refused, and memory stays bounded"""
    before = HOST.resident()
    dce = rpc.bound(HOST)
    # Sealed properly, but more than any call may have.
    try:
        dce.call(1, b"x" * (80 * HOST.longest))
        dce.recv()
        raise AssertionError(f"{80 * HOST.longest} bytes were taken")
    except (rpc.DCERPCException, ConnectionError, OSError, socket.timeout) as said:
        print(f"# {type(said).__name__}: {said}")
    cost = grown(before)
    assert cost < 32 * 1024, f"grew by {cost} KiB"
    served()


def xml_bombs():
    """XML bombs by depth, entities, nodes and size are refused with a code, and memory is given back"""
    dce = rpc.bound(HOST)
    before = HOST.resident()
    start, end = f'<Task version="1.2" xmlns="{tasks.NAMESPACE}">', "</Task>"

    def register(xml):
        return tsch.hSchRpcRegisterTask(dce, "\\Bomb", xml, tsch.TASK_CREATE, NULL, 0)

    malformed, too_many, unexpected, missing, no_memory = 0x8004131A, 0x8004131D, 0x80041316, 0x80041319, 0x8007000E
    # With little memory it may run out of it first, and what fits into it is no bomb yet: there the actions are missed.
    scarce = (no_memory, missing) if HOST.scarce else ()
    deep, wide = HOST.longest // 10, HOST.longest // 2
    laughs = "<!DOCTYPE lolz [<!ENTITY lol 'lol'>" + "".join(
        f"<!ENTITY lol{n} '{f'&lol{n - 1 if n > 1 else str()};' * 10}'>" for n in range(1, 10)
    )
    # So many nodes would take more of the heap than a text of that length may.
    bombs = {
        "depth": (start + "<Data>" + "<a>" * deep + "</a>" * deep + "</Data>" + end, (malformed, too_many)),
        "unclosed depth": (start + "<a>" * deep, (malformed,)),
        "entities": (laughs + "]>" + start + "<RegistrationInfo><Author>&lol9;</Author></RegistrationInfo>" + end, (malformed,)),
        "nodes": (start + "<Data>" + "<a/>" * wide + "</Data>" + end, (malformed, too_many, no_memory)),
        "attributes": (start + "<Data " + " ".join(f"a{n}='x'" for n in range(wide * 2 // 5)) + "/>" + end, (malformed, too_many, unexpected)),
        # A call this long is refused before anybody looks into it.
        "size": (start + "<!--" + "x" * (15 * HOST.longest) + "-->" + end, None),
    }
    for name, (xml, expected) in bombs.items():
        begun = time.monotonic()
        try:
            got, _ = code(register, xml)
        except rpc.DCERPCException as said:
            assert (expected is None or scarce) and "remote_no_memory" in str(said), f"{name}: {said}"
            got = str(said)
        else:
            assert expected is not None and got in expected + scarce, f"{name}: {got:#x}"
            got = f"{got:#010x}"
        took = time.monotonic() - begun
        print(f"# {name}: {got} in {took:.2f} s")
        assert took < 5, f"{name} took {took:.1f} s"
    served()
    cost = grown(before)
    assert cost < 32 * 1024, f"grew by {cost} KiB"


def wrong_passwords():
    """wrong passwords are refused, many of them, and logged without any secret"""
    delays = HOST.has("accounts")
    for number in range(20):
        if delays and number % 4 == 0:
            HOST.unlock()
        try:
            tsch.hSchRpcHighestVersion(rpc.bound(HOST, password=f"wrong {number}"))
        except (rpc.DCERPCException, OSError):
            continue
        raise AssertionError("a wrong password got in")
    if delays:
        # Whoever goes on waits longer and longer; one more here, for a second, and the right password after it for two.
        for number in range(2):
            begun = time.monotonic()
            try:
                tsch.hSchRpcHighestVersion(rpc.bound(HOST, password=f"wrong {number}"))
            except (rpc.DCERPCException, OSError):
                pass
        assert time.monotonic() - begun > 0.9, "the sixth failure came as quickly as the first"
        HOST.unlock()
    served()
    with open(HOST.log, errors="replace") as log:
        log = log.read()
    assert HOST.password not in log, "the log has the password"


def tampered_request():
    """a request whose signature does not verify closes the connection or is refused"""
    for flip in (-1, -9, 30):
        dce = rpc.bound(HOST)
        tsch.hSchRpcHighestVersion(dce)
        pipe = dce.get_rpc_transport().get_socket()
        send = pipe.send

        class Flipping:
            """The socket, but that it flips a bit of all it sends."""

            def send(self, data):
                data = bytearray(data)
                data[flip] ^= 1
                return send(bytes(data))

            def __getattr__(self, name):
                return getattr(pipe, name)

        way = dce.get_rpc_transport()
        way._TCPTransport__socket = Flipping()
        try:
            tsch.hSchRpcGetTaskInfo(dce, "\\Kept")
        except (rpc.DCERPCException, OSError) as said:
            print(f"# bit flipped at {flip}: {said}")
            continue
        except struct.error:
            continue
        raise AssertionError(f"a bit flipped at {flip} was not noticed")
    served()


def many_at_once():
    """clients on every connection but one that do all this at the same time, a hundred at most: no other client waits"""
    stop = threading.Event()

    def rude(number):
        while not stop.is_set():
            try:
                connection = connect()
                connection.sendall((bind_pdu(), os.urandom(200), bind_pdu()[:30], b"\x05\x00\x00\x03")[number % 4])
                time.sleep(0.01)
                connection.close()
            except OSError:
                time.sleep(0.01)

    crowd = [threading.Thread(target=rude, args=(number,), daemon=True) for number in range(min(100, HOST.connections - 1))]
    for one in crowd:
        one.start()
    try:
        for _ in range(5):
            begun = time.monotonic()
            dce = rpc.bound(HOST)
            tsch.hSchRpcHighestVersion(dce)
            took = time.monotonic() - begun
            assert took < 5, f"{took:.1f} s"
            dce.disconnect()
    finally:
        stop.set()
    for one in crowd:
        one.join(5)
    served()
    given_back()


@needs("endpoint mapper")
def hostile_mapper():
    """the endpoint mapper takes garbage as well as the service"""
    for junk in (os.urandom(4096), b"\xff" * 64):
        connection = socket.create_connection(("127.0.0.1", HOST.epm), timeout=10)
        connection.sendall(junk)
        assert closed(connection)
    equal(rpc.through_mapper(HOST.epm), f"ncacn_ip_tcp:127.0.0.1[{HOST.port}]", "mapped binding")


def failing_store(host, fill, free):
    """What must hold while the store cannot be written, and after."""
    host.add_account()
    host.start(before=fill if free is None else None)
    dce = rpc.bound(host)
    kept = []
    failed = None
    # What repeats would be packed.
    noise = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=20000))
    xml = tasks.task(HOST.nothing(), registration=f"<Description>{noise}</Description>")
    if free is not None:
        for name in ("one", "two", "three"):
            tsch.hSchRpcRegisterTask(dce, f"\\Full\\{name}", xml, tsch.TASK_CREATE, NULL, 0)
            kept.append(name)
        fill()
    for number in range(2000):
        got, _ = code(tsch.hSchRpcRegisterTask, dce, f"\\Full\\{number}", xml, tsch.TASK_CREATE, NULL, 0)
        if got:
            failed = got
            break
        kept.append(str(number))
    assert failed is not None, "the store never filled"
    assert failed & 0x80000000, f"{failed:#x}"
    print(f"# after {len(kept)} tasks: {failed:#010x}")
    # The server goes on answering, also new clients, and refuses again.
    tsch.hSchRpcHighestVersion(dce)
    other = rpc.bound(host)
    equal(sorted(listed(other)), sorted(kept), "what was acknowledged")
    got, _ = code(tsch.hSchRpcRegisterTask, other, "\\Full\\again", xml, tsch.TASK_CREATE, NULL, 0)
    assert got & 0x80000000 or "again" in listed(other), f"{got:#x}"
    if got == 0:
        kept.append("again")
    if free is not None:
        free()
        tsch.hSchRpcRegisterTask(other, "\\Full\\after", xml, tsch.TASK_CREATE, NULL, 0)
        kept.append("after")
    host.kill()
    host.start()
    equal(sorted(listed(rpc.bound(host))), sorted(kept), "what was acknowledged, after kill -9")


def listed(dce):
    got, start = [], 0
    while True:
        result, answer = code(tsch.hSchRpcEnumTasks, dce, "\\Full", startIndex=start, cRequested=0)
        if result not in (0, 1):
            return got
        got += names(answer)
        start = answer["startIndex"]
        if result == 0:
            return got


@needs("file system")
def full_disk():
    """a full disk: an error for that call, nothing acknowledged is lost, and the server goes on answering"""
    if os.getuid() != 0:
        print("# no root, so no file system of its own: see the limit on file size")
        return
    place = tempfile.mkdtemp(prefix="mainspring-disk-")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", place], capture_output=True, text=True)
    if mounted.returncode:
        print(f"# no file system of its own: {mounted.stderr.strip()}")
        os.rmdir(place)
        return
    try:
        with Server(ARGUMENTS.server, data=place) as host:
            ballast = f"{place}/ballast"

            def fill():
                with open(ballast, "wb", buffering=0) as file:
                    try:
                        while file.write(b"\0" * 4096):
                            pass
                    except OSError:
                        pass

            failing_store(host, fill, lambda: os.unlink(ballast))
    finally:
        subprocess.run(["umount", "-l", place], check=True)
        os.rmdir(place)


def beats():
    """a task went on firing all the time"""
    while not 1 < (time.time() - FIRST) % BEAT < BEAT - 1:
        time.sleep(0.1)  # It may fire at any moment now.
    equal(len(HOST.lines("beat")), int((time.time() - FIRST) // BEAT) + 1, "firings")


@needs("file system")
def limited_file():
    """a store that may not grow: an error for that call, nothing acknowledged is lost, and the server goes on answering"""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (6 << 20, 6 << 20))

    with Server(ARGUMENTS.server) as host:
        failing_store(host, limit, None)


with HOST:
    HOST.add_account()
    HOST.start()
    KEEPER = rpc.bound(HOST)
    tsch.hSchRpcRegisterTask(KEEPER, "\\Kept", tasks.task(HOST.nothing()), tsch.TASK_CREATE, NULL, 0)
    FIRST = time.time() + 2
    every = "".join(tasks.every_minute(2 + after) for after in range(0, 60, BEAT))
    tsch.hSchRpcRegisterTask(KEEPER, "\\Beat", tasks.task(HOST.notes("beat", "on"), every), tsch.TASK_CREATE, NULL, 0)
    KEEPER.disconnect()
    run(
        [
            garbage,
            lying_lengths,
            stub_that_ends_early,
            strangers_with_half_calls,
            fragments_without_end,
            xml_bombs,
            wrong_passwords,
            tampered_request,
            hostile_mapper,
            many_at_once,
            idle_connections,
            full_disk,
            limited_file,
            slow_bind,
            beats,
        ],
        ARGUMENTS.only,
        HOST,
        lambda: rpc.all_free(HOST),
    )
