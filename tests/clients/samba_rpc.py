"""Samba's client on our endpoint: it verifies every signature of the server, which impacket never does.

Runs with Debian's Python, which has Samba's modules.
"""

import multiprocessing
import socket
import struct
import threading

from samba import NTSTATUSError
from samba.credentials import DONT_USE_KERBEROS, Credentials
from samba.dcerpc import base, epmapper, mgmt, misc
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm

from server import arguments, equal, needs, run, target

ARGUMENTS = arguments()
HOST = target(ARGUMENTS, epm=True)
TSCH = ("86d35949-83c9-4044-b424-db363231fd0c", 1)
WAYS = ("seal,spnego", "sign,spnego", "seal,ntlm", "sign,ntlm")


def parameters():
    made = LoadParm()
    made.set("client ipc signing", "default")
    return made


def credentials(user=HOST.name, password=HOST.password):
    made = Credentials()
    made.set_kerberos_state(DONT_USE_KERBEROS)
    made.set_username(user)
    made.set_password(password)
    made.set_domain("WORKGROUP")
    made.set_workstation("TESTS")
    return made


def binding(way, port=None):
    return f"ncacn_ip_tcp:127.0.0.1[{port or HOST.port}{',' if way else ''}{way}]"


def management(way):
    connection = mgmt.mgmt(binding(way), parameters(), credentials())
    ids = connection.inq_if_ids()
    assert TSCH[0] in [str(entry.id.uuid) for entry in ids.if_id], [str(entry.id.uuid) for entry in ids.if_id]
    for _ in range(20):
        status, result = connection.is_server_listening()
        equal((status, result), (0, True), "listening")
    assert connection.inq_stats(4, 0).count >= 1
    return connection


def management_every_way():
    """rpcmgmt on our endpoint, sealed and signed, by SPNEGO and by raw NTLM"""
    for way in WAYS:
        management(way)


def management_in_the_clear():
    """rpcmgmt without authentication, as some clients ask"""
    connection = mgmt.mgmt(binding(""), parameters(), credentials())
    assert connection.inq_if_ids().count >= 2


def tower(interface, version):
    """The tower of five floors that a client sends: what it looks for, over TCP."""

    def floor(protocol, left, right):
        left = bytes([protocol]) + left
        return struct.pack("<H", len(left)) + left + struct.pack("<H", len(right)) + right

    uuid = ndr_pack(misc.GUID(interface))
    ndr = ndr_pack(misc.GUID("8a885d04-1ceb-11c9-9fe8-08002b104860"))
    floors = floor(0x0D, uuid + struct.pack("<H", version), b"\0\0")
    floors += floor(0x0D, ndr + struct.pack("<H", 2), b"\0\0")
    floors += floor(0x0B, b"", b"\0\0")
    floors += floor(0x07, b"", b"\0\0")
    floors += floor(0x09, b"", b"\0\0\0\0")
    return struct.pack("<H", 5) + floors


@needs("endpoint mapper")
def mapper_every_way():
    """the endpoint mapper on its port, sealed and signed, by SPNEGO and by raw NTLM, and in the clear"""
    for way in WAYS + ("",):
        connection = epmapper.epmapper(binding(way, HOST.epm), parameters(), credentials())
        octets = tower(*TSCH)
        asked = ndr_unpack(epmapper.epm_twr_t, struct.pack("<II", len(octets), len(octets)) + octets)
        handle = misc.policy_handle()
        handle, towers, result = connection.epm_Map(misc.GUID(), asked, handle, 4)
        equal(result, 0, f"epm_Map, {way}")
        ports = [t.twr.tower.floors[3].rhs.port for t in towers if t.twr]
        assert HOST.port in ports, f"{way}: {ports}"
        handle = misc.policy_handle()
        handle, entries, result = connection.epm_Lookup(
            epmapper.RPC_C_EP_ALL_ELTS, misc.GUID(), epmapper.rpc_if_id_t(), epmapper.RPC_C_VERS_ALL, handle, 1
        )
        equal(result, 0, f"epm_Lookup, {way}")
        equal(len(entries), 1, "entries of the one that was asked for")
        handle, result = connection.epm_LookupHandleFree(handle)
        equal(result, 0, f"epm_LookupHandleFree, {way}")


def wide(text):
    """A conformant and varying string."""
    units = (text + "\0").encode("utf-16-le")
    count = len(units) // 2
    padded = struct.pack("<III", count, 0, count) + units
    return padded + b"\0" * (-len(padded) % 4)


def service(way):
    """ITaskSchedulerService as a second context of a connection: Samba's own way to bind it first is only for interfaces
    of which it has the definition. Not after a raw NTLM login: Samba then sends its last token a second time."""
    first = mgmt.mgmt(binding(way), parameters(), credentials())
    return base.ClientConnection(binding(way), TSCH, lp_ctx=parameters(), credentials=credentials(), basis_connection=first)


def service_sealed():
    """ITaskSchedulerService, sealed: every signature of many answers is accepted"""
    for way in ("seal,spnego", "seal", "seal,ntlm"):
        connection = service(way)
        for _ in range(50):
            version, result = struct.unpack("<II", connection.request(0, b""))
            assert result == 0 and version >> 16 == 1, (hex(version), hex(result))
            answer = connection.request(17, wide("\\no such task") + struct.pack("<I", 0x10000000))
            equal(struct.unpack("<III", answer)[2], 0x80070002, "a task that is not there")
        # An answer of several fragments, each with a verifier of its own.
        count = min(60, HOST.entries)
        for number in range(count if way == "seal,spnego" else 0):
            made = connection.request(3, wide(f"\\Long {number:03} {'x' * 200}") + struct.pack("<II", 0, 0))
            equal(struct.unpack("<I", made)[0], 0, "folder")
        answer = connection.request(6, wide("\\") + struct.pack("<III", 1, 0, 0))
        assert len(answer) > min(count * 400, HOST.answer - 800), len(answer)


def service_below_privacy():
    """ITaskSchedulerService, signed only: access denied, as a fault, and the connection is served on"""
    connection = service("sign,spnego")
    for _ in range(2):
        try:
            connection.request(0, b"")
        except NTSTATUSError as refused:
            equal(refused.args[0] & 0xFFFFFFFF, 0xC0000022, "access denied")
        else:
            raise AssertionError("a call that was only signed was served")


def wrong_password():
    """a wrong password is refused, by SPNEGO and by raw NTLM"""
    for way in ("seal,spnego", "seal,ntlm"):
        try:
            # A raw NTLM login ends with a token of the client; the refusal comes with the first call.
            mgmt.mgmt(binding(way), parameters(), credentials(password="wrong")).inq_if_ids()
        except NTSTATUSError as refused:
            print(f"# {way}: {refused.args[0] & 0xFFFFFFFF:#010x} {refused.args[1]}")
        else:
            raise AssertionError(f"{way} was served")


class Tampering:
    """A way to the server that flips one bit of every response, at this distance from its end."""

    def __init__(self, distance):
        self.distance = distance
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        # A process, since Samba's calls let no other thread of theirs run.
        multiprocessing.Process(target=self.carry, daemon=True).start()
        self.listener.close()

    def carry(self):
        near, _ = self.listener.accept()
        far = socket.create_connection(("127.0.0.1", HOST.port))
        threading.Thread(target=self.pump, args=(near, far, False), daemon=True).start()
        self.pump(far, near, True)

    def pump(self, source, sink, tamper):
        pending = b""
        while True:
            try:
                got = source.recv(65536)
            except OSError:
                got = b""
            if not got:
                break  # The other thread must not go on waiting: it would keep the connection open.
            pending += got
            while len(pending) >= 16 and len(pending) >= (length := int.from_bytes(pending[8:10], "little")):
                pdu, pending = bytearray(pending[:length]), pending[length:]
                if tamper and pdu[2] == 2 and self.distance is not None:
                    pdu[-self.distance] ^= 0x10
                sink.sendall(pdu)
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


def canary_tampering():
    """canary: one flipped bit in an answer, in its signature or in its stub, and Samba refuses it; with none it does not"""
    for way in ("seal,spnego", "sign,spnego", "seal,ntlm", "sign,ntlm"):
        # The sequence number, the checksum, and the stub in front of pad, trailer and signature.
        for distance in (None, 1, 9, 16 + 8 + 16 + 1):
            middle = Tampering(distance)
            connection = mgmt.mgmt(binding(way, middle.port), parameters(), credentials())
            try:
                connection.inq_if_ids()
            except NTSTATUSError:
                assert distance is not None, f"{way}: refused without a flipped bit"
            else:
                assert distance is None, f"{way}: a bit flipped {distance} bytes from the end was not noticed"


with HOST:
    HOST.add_account()
    HOST.start()
    run(
        [
            management_every_way,
            management_in_the_clear,
            mapper_every_way,
            service_sealed,
            service_below_privacy,
            wrong_password,
            canary_tampering,
        ],
        ARGUMENTS.only,
        HOST,
    )
