"""impacket, bound to a service of the server under test."""

import gc
import struct
import time

from impacket.dcerpc.v5 import epm, transport, tsch
from impacket.dcerpc.v5.dtypes import NULL
from impacket.dcerpc.v5.rpcrt import (
    DCERPCException,
    RPC_C_AUTHN_LEVEL_NONE,
    RPC_C_AUTHN_LEVEL_PKT_INTEGRITY,
    RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
)

import server

NONE = RPC_C_AUTHN_LEVEL_NONE
INTEGRITY = RPC_C_AUTHN_LEVEL_PKT_INTEGRITY
PRIVACY = RPC_C_AUTHN_LEVEL_PKT_PRIVACY


def bound(host, **named):
    """A connection to the target, bound as its administrator unless `named` says otherwise.

    A target with few connections may refuse one while it is still ending others; then it is tried again for a while.
    """
    end = time.monotonic() + host.patience
    while True:
        try:
            return bind(host.port, **{"user": host.name, "password": host.password, **named})
        except (ConnectionError, struct.error):
            # What impacket makes of a connection that ends before it answers is an error of decoding.
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def all_free(host):
    """Waits until every connection of a target with few of them is free: as many clients as it serves are served at once."""
    if host.connections > 100:
        return
    # What a failed check left behind may still be open.
    gc.collect()
    clients = [bound(host) for _ in range(host.connections)]
    for dce in clients:
        tsch.hSchRpcHighestVersion(dce)
    for dce in clients:
        dce.disconnect()
    # The other side hears of it a moment later.
    time.sleep(0.2)


def bind(where, level=PRIVACY, user=server.NAME, password=server.PASSWORD, domain="", interface=tsch.MSRPC_UUID_TSCHS):
    """A bound connection; `where` is a port of this machine, or a string binding."""
    binding = where if isinstance(where, str) else f"ncacn_ip_tcp:127.0.0.1[{where}]"
    dce = connect(binding, level, user, password, domain)
    dce.bind(interface)
    return dce


def connect(binding, level=NONE, user="", password="", domain=""):
    """A connection that is not bound yet."""
    way = transport.DCERPCTransportFactory(binding)
    way.set_connect_timeout(10)
    if level != NONE:
        way.set_credentials(user, password, domain)
    dce = way.get_dce_rpc()
    if level != NONE:
        dce.set_auth_level(level)
    dce.connect()
    way.get_socket().settimeout(20)
    return dce


def through_mapper(port):
    """Asks the endpoint mapper on this port, and returns the string binding that it answers."""
    # impacket's function binds by itself.
    dce = connect(f"ncacn_ip_tcp:127.0.0.1[{port}]")
    binding = epm.hept_map("127.0.0.1", tsch.MSRPC_UUID_TSCHS, protocol="ncacn_ip_tcp", dce=dce)
    dce.disconnect()
    return binding


def code(call, *arguments, **named):
    """The return code of a call, and its answer where one was to be had."""
    try:
        return 0, call(*arguments, **named)
    except DCERPCException as refused:
        if refused.get_error_code() is None:
            raise
        return refused.get_error_code() & 0xFFFFFFFF, refused.get_packet()


def patiently(call, *arguments, **named):
    """A call that is made again while the server is too busy with others' long calls."""
    for _ in range(200):
        try:
            return call(*arguments, **named)
        except DCERPCException as said:
            if "server_too_busy" not in str(said):
                raise
            time.sleep(0.01)
    raise AssertionError(f"{call.__name__}: the server stays too busy")


def refused(expected, call, *arguments, **named):
    """The call must return this code."""
    got, answer = code(call, *arguments, **named)
    assert got == expected, f"{call.__name__}{arguments}: got {got:#010x}, expected {expected:#010x}"
    return answer


def fault(text, call, *arguments, **named):
    """The call must end in a fault of which impacket says this."""
    try:
        call(*arguments, **named)
    except DCERPCException as said:
        assert text in str(said), f"{call.__name__}{arguments}: {said}"
        return
    raise AssertionError(f"{call.__name__}{arguments}: no fault, expected {text}")


def clear(dce, kept=(), folder="\\"):
    """Deletes all tasks and folders but those `kept` and the folders above them."""
    for name in listed(dce, tsch.hSchRpcEnumTasks, folder, flags=1):
        if (path := f"{folder.rstrip(chr(92))}\\{name}") not in kept:
            tsch.hSchRpcDelete(dce, path)
    for name in listed(dce, tsch.hSchRpcEnumFolders, folder, flags=1):
        path = f"{folder.rstrip(chr(92))}\\{name}"
        clear(dce, kept, path)
        if not any(one.startswith(f"{path}\\") for one in kept):
            tsch.hSchRpcDelete(dce, path)


def listed(dce, call, folder, **named):
    """All names of an enumeration, in as many calls as it takes."""
    got, start = [], 0
    while True:
        result, answer = code(call, dce, folder, startIndex=start, cRequested=0, **named)
        assert result in (0, 1), f"{call.__name__} of {folder}: {result:#010x}"
        got += names(answer)
        start = answer["startIndex"]
        if result == 0:
            return got


def text(value):
    """A string of an answer, without its terminator; a null pointer is an empty one, as impacket has it."""
    return "" if value in (b"", None) else str(value).rstrip("\0")


def names(answer):
    """The names of an enumeration."""
    return [text(name["Data"]) for name in answer["pNames"]] if answer["pcNames"] else []
