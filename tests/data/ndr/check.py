"""Has other people's programs read our answers (answers.txt), and compares what they understood.

    python check.py impacket      with impacket 0.13 (PyPI)
    python3 check.py samba        with Debian's python3-samba 4.17

answers.txt is what our services answer; a test in tests/all/tsch/answers.rs holds them to it.
"""

import pathlib
import sys

ANSWERS = {}
for line in pathlib.Path(__file__).with_name("answers.txt").read_text().splitlines():
    name, digits = line.split()
    ANSWERS[name] = bytes.fromhex(digits)

INSTANCE = b"\x11" * 16


def same(name, found, expected):
    if found != expected:
        raise SystemExit(f"{name}: {found!r} was understood, {expected!r} was meant")


def impacket():
    from impacket.dcerpc.v5 import epm, mgmt, tsch

    read = set()
    beside = {
        "epm": {2: epm.ept_lookupResponse, 3: epm.ept_mapResponse},
        "mgmt": {
            0: mgmt.inq_if_idsResponse,
            1: mgmt.inq_statsResponse,
            2: mgmt.is_server_listeningResponse,
            3: mgmt.stop_server_listeningResponse,
            4: mgmt.inq_princ_nameResponse,
        },
    }

    def response(name):
        interface, opnum, _ = name.split("-", 2)
        kind = tsch.OPNUMS[int(opnum)][1] if interface == "tsch" else beside[interface][int(opnum)]
        parsed = kind(ANSWERS[name])
        # impacket leaves the return value of is_server_listening unread.
        if name != "mgmt-2-listening" and parsed.getData()[-4:] != ANSWERS[name][-4:]:
            raise SystemExit(f"{name}: the status is not at the end")
        read.add(name)
        return parsed

    def text(value):
        return value.rstrip("\0")

    def code(name, expected):
        parsed = response(name)
        same(name, parsed["ErrorCode"], expected)
        return parsed

    same("version", code("tsch-0-version", 0)["pVersion"], 0x10004)
    for name in ("registered", "updated"):
        registered = code(f"tsch-1-{name}", 0)
        same(name, text(registered["pActualPath"]), "\\Folder\\Tâsk")
    same("second", text(code("tsch-1-second", 0)["pActualPath"]), "\\Folder\\b")
    code("tsch-1-exists", 0x800700B7)
    code("tsch-1-plain", 0x8007007B)
    invalid = code("tsch-1-invalid", 0x80041318)["pErrorInfo"]
    same("line", invalid["line"] >= 1 and invalid["column"] >= 1, True)
    same("node", text(invalid["node"]), "StartBoundary")
    same("value", text(invalid["value"]), "2030-01-01Tlater")
    xml = text(code("tsch-2-task", 0)["pXml"])
    same("xml", (xml.startswith("<?xml"), xml.endswith("</Task>"), "<URI>\\Folder\\Tâsk</URI>" in xml), (True,) * 3)
    code("tsch-2-missing", 0x80070002)
    code("tsch-3-made", 0)

    def names(name, status, index, expected):
        parsed = code(name, status)
        same(name, (parsed["startIndex"], parsed["pcNames"]), (index, len(expected)))
        found = [text(entry["Data"]) for entry in parsed["pNames"]] if expected else []
        same(name, found, expected)

    names("tsch-6-folders", 0, 1, ["Folder"])
    names("tsch-6-end", 0, 1, [])
    names("tsch-7-all", 0, 2, ["Tâsk", "b"])
    names("tsch-7-one", 1, 1, ["Tâsk"])

    same("none", code("tsch-8-none", 0)["pcGuids"], 0)
    running = code("tsch-8-running", 0)
    same("running", [bytes(guid["Data"]) for guid in running["pGuids"]], [INSTANCE])
    same("ran", bytes(code("tsch-12-ran", 0)["pGuid"]), INSTANCE)
    info = code("tsch-9-running", 0)
    same("info", text(info["pPath"]), "\\Folder\\Tâsk")
    same("action", text(info["pCurrentAction"]), "/bin/run")
    same("info", (info["pState"], info["pcGroupInstances"], info["pEnginePID"]), (4, 0, 100))
    code("tsch-9-other", 0x8004130B)
    code("tsch-11-stopped", 0)

    def moment(time):
        return tuple(time[field] for field in ("wYear", "wMonth", "wDayOfWeek", "wDay", "wHour", "wMinute", "wSecond"))

    two = code("tsch-15-two", 1)
    same("two", [moment(time) for time in two["pRuntimes"]], [(2030, 1, 2, 1, 7, 0, 0), (2030, 1, 3, 2, 7, 0, 0)])
    same("untimed", code("tsch-15-untimed", 0x41305)["pcRuntimes"], 0)
    never = code("tsch-16-never", 0x41303)
    same("never", (moment(never["pLastRuntime"]), never["pLastReturnCode"]), ((0,) * 7, 0))
    last = code("tsch-16-running", 0)
    same("last", (moment(last["pLastRuntime"]), last["pLastReturnCode"]), ((2030, 1, 2, 1, 1, 0, 0), 0x41301))
    state = code("tsch-17-state", 0)
    same("state", (state["pEnabled"], state["pState"]), (1, 3))

    def towers(name, status, field):
        parsed = response(name)
        same(name, parsed["status"], status)
        return parsed, [entry for entry in parsed[field]]

    mapped, found = towers("epm-3-map", 0, "ITowers")
    tower = epm.EPMTower(b"".join(found[0]["Data"]["tower_octet_string"]))
    port = epm.EPMPortAddr(tower["Floors"][3].getData())
    host = epm.EPMHostAddr(tower["Floors"][4].getData())
    same("map", (mapped["num_towers"], port["IpPort"], host["Ip4addr"]), (1, 49154, bytes((192, 0, 2, 7))))
    same("pipe", towers("epm-3-pipe", 0x16C9A0D6, "ITowers")[1], [])
    looked, found = towers("epm-2-lookup", 0, "entries")
    annotations = [b"".join(entry["annotation"]).rstrip(b"\0") for entry in found]
    same("lookup", annotations, [b"endpoint mapper", b"Mainspring"])
    same("interface", len(towers("epm-2-interface", 0, "entries")[1]), 1)

    ids = response("mgmt-0-ids")["if_id_vector"]
    same("ids", ids["count"], 2)
    same("ids", ids["if_id"][0]["Data"].getData()[:16], tsch.MSRPC_UUID_TSCHS[:16])
    stats = response("mgmt-1-stats")
    same("stats", (stats["count"], list(stats["statistics"])), (4, [1, 2, 3, 4]))
    listening = response("mgmt-2-listening")
    same("listening", listening["status"], 0)
    same("stop", response("mgmt-3-stop")["status"], 5)
    named = response("mgmt-4-name")
    same("name", b"".join(named["princ_name"]).rstrip(b"\0"), b"SPRING")
    same("read", set(ANSWERS) - read, set())


def samba():
    from samba.dcerpc import epmapper, mgmt
    from samba.ndr import ndr_unpack_out

    def response(name, request):
        ndr_unpack_out(request, ANSWERS[name])
        return request

    def asked(request, **parameters):
        for name, value in parameters.items():
            setattr(request, name, value)
        return request

    mapped = response("epm-3-map", asked(epmapper.epm_Map(), in_max_towers=4))
    same("map", (mapped.out_num_towers, mapped.result), (1, 0))
    floors = mapped.out_towers[0].twr.tower.floors
    same("floors", (len(floors), floors[3].rhs.port, floors[4].rhs.ipaddr), (5, 49154, "192.0.2.7"))
    nothing = response("epm-3-pipe", asked(epmapper.epm_Map(), in_max_towers=4))
    same("pipe", (nothing.out_num_towers, nothing.result), (0, 0x16C9A0D6))
    looked = response("epm-2-lookup", asked(epmapper.epm_Lookup(), in_max_ents=500))
    same("lookup", (looked.out_num_ents, looked.result), (2, 0))
    same("annotation", looked.out_entries[1].annotation.rstrip("\0"), "Mainspring")
    same("tower", looked.out_entries[1].tower.tower.floors[3].rhs.port, 49154)

    ids = response("mgmt-0-ids", mgmt.inq_if_ids()).out_if_id_vector
    same("ids", ids.count, 2)
    same("ids", str(ids.if_id[0].id.uuid), "86d35949-83c9-4044-b424-db363231fd0c")
    stats = response("mgmt-1-stats", mgmt.inq_stats()).out_statistics
    same("stats", (stats.count, list(stats.statistics)), (4, [1, 2, 3, 4]))
    listening = response("mgmt-2-listening", mgmt.is_server_listening())
    same("listening", (listening.out_status, listening.result), (0, 1))
    stopped = response("mgmt-3-stop", mgmt.stop_server_listening())
    same("stop", stopped.result[0], 5)


if __name__ == "__main__":
    {"impacket": impacket, "samba": samba}[sys.argv[1]]()
    print(f"ok - {sys.argv[1]} understood every answer")
