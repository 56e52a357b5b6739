"""Prints request stubs as impacket and Samba's Python bindings encode them.

    python generate.py impacket > impacket.txt      with impacket 0.13 (PyPI)
    python3 generate.py samba > samba.txt           with Debian's python3-samba 4.17

Each line is a name and a stub in hexadecimal. impacket fills padding with garbage and draws referent identifiers at
random; the seed makes them the same every time. The files are committed, so that tests need neither of the two.
"""

import random
import sys

PATH = "\\Folder\\Tâsk 1"
XML = '<?xml version="1.0" encoding="UTF-16"?><Task/>'


def impacket():
    from impacket.dcerpc.v5 import epm, mgmt, tsch
    from impacket.dcerpc.v5.dtypes import NULL
    from impacket.uuid import uuidtup_to_bin

    class Captured(Exception):
        pass

    class Wire:
        def bind(self, *_):
            pass

        def request(self, request, *_, **__):
            raise Captured(request)

    def show(name, call, *args, **kwargs):
        random.seed(name)
        try:
            call(Wire(), *args, **kwargs)
        except Captured as captured:
            print(name, captured.args[0].getData().hex() or "-")

    def credential(user, password):
        cred = tsch.TASK_USER_CRED()
        cred["userId"] = user
        cred["password"] = password
        cred["flags"] = 0
        return cred

    def time(year, month, day):
        time = tsch.SYSTEMTIME()
        for field, value in zip(("wYear", "wMonth", "wDay", "wHour"), (year, month, day, 7)):
            time[field] = value
        for field in ("wDayOfWeek", "wMinute", "wSecond", "wMilliseconds"):
            time[field] = 0
        return time

    guid = bytes(range(16))
    show("tsch-0-version", tsch.hSchRpcHighestVersion)
    show("tsch-1-plain", tsch.hSchRpcRegisterTask, PATH, XML, 6, NULL, 0)
    show("tsch-1-unnamed", tsch.hSchRpcRegisterTask, NULL, XML, 2, "D:(A;;FA;;;BA)\0", 3)
    show("tsch-1-system", tsch.hSchRpcRegisterTask, PATH, XML, 2, NULL, 5, (credential("S-1-5-18\0", NULL),))
    show("tsch-1-password", tsch.hSchRpcRegisterTask, PATH, XML, 2, NULL, 1, (credential("ann\0", "pässword\0"),))
    show("tsch-1-two", tsch.hSchRpcRegisterTask, PATH, XML, 2, NULL, 1, (credential("a\0", "b\0"), credential("c\0", NULL)))
    show("tsch-2-any-language", tsch.hSchRpcRetrieveTask, PATH)
    show("tsch-2-languages", tsch.hSchRpcRetrieveTask, PATH, "en-US\\en\0", 2)
    show("tsch-3-folder", tsch.hSchRpcCreateFolder, "\\Folder\\Sub")
    show("tsch-3-sddl", tsch.hSchRpcCreateFolder, "Folder\\Sub", "D:(A;;FA;;;BA)\0")
    show("tsch-4-security", tsch.hSchRpcSetSecurity, PATH, "D:(A;;FA;;;BA)", 0)
    show("tsch-5-security", tsch.hSchRpcGetSecurity, PATH, 4)
    show("tsch-6-folders", tsch.hSchRpcEnumFolders, "\\", 0, 0, 100)
    show("tsch-7-tasks", tsch.hSchRpcEnumTasks, "\\Folder", 1, 0, 1)
    show("tsch-8-instances", tsch.hSchRpcEnumInstances, PATH)
    request = tsch.SchRpcEnumInstances()
    request["path"], request["flags"] = NULL, 0
    print("tsch-8-all", request.getData().hex())
    show("tsch-9-info", tsch.hSchRpcGetInstanceInfo, guid)
    show("tsch-10-stop", tsch.hSchRpcStopInstance, guid)
    show("tsch-11-stop", tsch.hSchRpcStop, PATH)
    show("tsch-12-run", tsch.hSchRpcRun, PATH)
    show("tsch-12-arguments", tsch.hSchRpcRun, PATH, ("one", "", "dréi"), 2, 0, NULL)
    show("tsch-12-user", tsch.hSchRpcRun, PATH, (), 8, 0, "S-1-5-18\0")
    show("tsch-13-delete", tsch.hSchRpcDelete, PATH)
    show("tsch-14-rename", tsch.hSchRpcRename, PATH, "New", 0)
    show("tsch-15-all", tsch.hSchRpcScheduledRuntimes, PATH)
    show("tsch-15-week", tsch.hSchRpcScheduledRuntimes, PATH, time(2030, 1, 1), time(2030, 1, 8), 0, 5)
    show("tsch-16-last", tsch.hSchRpcGetLastRunInfo, PATH)
    show("tsch-17-info", tsch.hSchRpcGetTaskInfo, PATH, 0)
    show("tsch-17-state", tsch.hSchRpcGetTaskInfo, PATH, 1 << 28)
    show("tsch-18-missed", tsch.hSchRpcGetNumberOfMissedRuns, PATH)
    show("tsch-19-enable", tsch.hSchRpcEnableTask, PATH, True)

    ours = tsch.MSRPC_UUID_TSCHS
    show("epm-3-map", lambda wire: epm.hept_map("host", ours, protocol="ncacn_ip_tcp", dce=wire))
    show("epm-3-pipe", lambda wire: epm.hept_map("host", ours, protocol="ncacn_np", dce=wire))
    show("epm-2-lookup", lambda wire: epm.hept_lookup(None, dce=wire))
    show("epm-2-interface", lambda wire: epm.hept_lookup(None, inquiry_type=1, ifId=ours, dce=wire))
    show("mgmt-0-ids", mgmt.hinq_if_ids)
    show("mgmt-1-stats", mgmt.hinq_stats, 4)
    show("mgmt-2-listening", mgmt.his_server_listening)
    show("mgmt-3-stop", mgmt.hstop_server_listening)
    show("mgmt-4-name", mgmt.hinq_princ_name, 10, 256)


def samba():
    from samba.dcerpc import epmapper, mgmt, misc
    from samba.ndr import ndr_pack_in

    def show(name, request):
        print(name, ndr_pack_in(request).hex() or "-")
        print(name + "-big", ndr_pack_in(request, bigendian=True).hex() or "-")

    def syntax(uuid, version):
        syntax = misc.ndr_syntax_id()
        syntax.uuid, syntax.if_version = misc.GUID(uuid), version
        return syntax

    def floor(protocol, lhs, rhs):
        floor = epmapper.epm_floor()
        floor.lhs.protocol, floor.lhs.lhs_data, floor.rhs = protocol, lhs, rhs
        return floor

    def uuid_floor(uuid, version):
        floor = epmapper.epm_floor()
        floor.lhs.protocol = epmapper.EPM_PROTOCOL_UUID
        floor.lhs.lhs_data = misc.GUID(uuid).__ndr_pack__() + version.to_bytes(2, "little")
        floor.rhs = epmapper.epm_rhs_uuid()
        floor.rhs.unknown = bytes(2)
        return floor

    tower = epmapper.epm_twr_t()
    interface = uuid_floor("86d35949-83c9-4044-b424-db363231fd0c", 1)
    transfer = uuid_floor("8a885d04-1ceb-11c9-9fe8-08002b104860", 2)
    ncacn, tcp, ip = epmapper.epm_rhs_ncacn(), epmapper.epm_rhs_tcp(), epmapper.epm_rhs_ip()
    tcp.port, ip.ipaddr = 135, "0.0.0.0"
    floors = [interface, transfer]
    for protocol, rhs in ((epmapper.EPM_PROTOCOL_NCACN, ncacn), (epmapper.EPM_PROTOCOL_TCP, tcp), (epmapper.EPM_PROTOCOL_IP, ip)):
        floors.append(floor(protocol, b"", rhs))
    tower.tower.floors = floors
    tower.tower.num_floors = 5

    handle = misc.policy_handle()
    asked = epmapper.epm_Map()
    asked.in_object, asked.in_map_tower = misc.GUID(), tower
    asked.in_entry_handle, asked.in_max_towers = handle, 4
    show("epm-3-map", asked)

    looked = epmapper.epm_Lookup()
    looked.in_inquiry_type, looked.in_object, looked.in_interface_id = 0, None, None
    looked.in_vers_option, looked.in_entry_handle, looked.in_max_ents = 1, handle, 10
    show("epm-2-lookup", looked)

    looked = epmapper.epm_Lookup()
    asked = epmapper.rpc_if_id_t()
    asked.uuid, asked.vers_major, asked.vers_minor = misc.GUID("86d35949-83c9-4044-b424-db363231fd0c"), 1, 0
    looked.in_inquiry_type, looked.in_object, looked.in_interface_id = 1, misc.GUID(), asked
    looked.in_vers_option, looked.in_entry_handle, looked.in_max_ents = 3, handle, 1
    show("epm-2-interface", looked)

    freed = epmapper.epm_LookupHandleFree()
    freed.in_entry_handle = handle
    show("epm-4-free", freed)

    stats = mgmt.inq_stats()
    stats.in_max_count, stats.in_unknown = 4, 0
    show("mgmt-1-stats", stats)
    name = mgmt.inq_princ_name()
    name.in_authn_proto, name.in_princ_name_size = 9, 100
    show("mgmt-4-name", name)


if __name__ == "__main__":
    {"impacket": impacket, "samba": samba}[sys.argv[1]]()
