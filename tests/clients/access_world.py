"""What the rows of the access table are made of: callers and their calls, what is set up in front of a row, and the row itself.

A row is run in a folder of its own, to which its paths are relative: `t` is a task in it, `.` the folder itself. What begins
with a backslash is a path from the root. `@name` in a descriptor stands for the SID of the account or group of that name, also
in what comes back.
"""

import re
import struct
from dataclasses import dataclass
from typing import Any, Callable

from impacket.dcerpc.v5 import tsch
from impacket.dcerpc.v5.dtypes import DWORD, NULL, WSTR
from impacket.dcerpc.v5.ndr import NDRCALL
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.uuid import uuidtup_to_bin

import rpc
import tasks
from rpc import names, text
from service import CREATE, STATE

# Who calls. The other one has what a row gives him; the member has it through the group `gardeners`.
ADMIN, SECOND, OWNER, OTHER, MEMBER = "alice", "anton", "olga", "otto", "mila"
DISABLED, REMOVED = "dora", "rita"
GROUP = "gardeners"
ADMINISTRATORS, EVERYBODY = (ADMIN, SECOND), (ADMIN, SECOND, OWNER, OTHER, MEMBER, DISABLED, REMOVED)
# What no descriptor decides: the caller may do nothing at all.
FAULT = "rpc_s_access_denied"
MALFORMED_STUB = "rpc_x_bad_stub_data"

DONT_ADD_ACE, NO_REGISTRATION_TRIGGERS = 0x10, 0x20
# As printed: bit 1 from the left is FT, bit 2 is FF.
FLAG_TASK, FLAG_FOLDER = 0x40000000, 0x20000000
AS_SELF, IGNORE_CONSTRAINTS, SESSION, USER_SID = 1, 2, 4, 8

# What administrators and the system have in every scene, in a folder and on a task.
KEPT_FOLDER, KEPT_TASK = "O:BAG:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)", "D:P(A;;FA;;;SY)(A;;FA;;;BA)"
SEEN = "(A;;FR;;;AU)"


class ReadHistory(NDRCALL):
    """Our own interface, see core/src/tsch/history.rs."""

    opnum = 0
    structure = (("path", WSTR), ("from", DWORD))


HISTORY = uuidtup_to_bin(("4f687165-97f9-4d05-9602-c777aed95370", "1.0"))


@dataclass
class Answer:
    """What came back: the HRESULT or the name of a fault, and what the call was made for."""

    code: Any
    value: Any = None


def definition(triggers="", settings="", principal="", action="<Exec><Command>/bin/true</Command></Exec>", registration="", version="1.2"):
    """A whole definition; without a principal it is that of whoever registers it."""
    principals = f'<Principals><Principal id="A">{principal}</Principal></Principals>' if principal else ""
    return (
        f'<Task version="{version}" xmlns="{tasks.NAMESPACE}"><RegistrationInfo>{registration}</RegistrationInfo>'
        f"<Triggers>{triggers}</Triggers>{principals}<Settings><DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>"
        f"<StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>{settings}</Settings><Actions>{action}</Actions></Task>"
    )


SYSTEM = "<UserId>S-1-5-18</UserId>"
SLEEPS = tasks.shell("exec sleep 100")


class Raw(str):
    """A path that goes out as it is."""


class Caller:
    """One account's connection, with a method for each of the interface's and of our own."""

    def __init__(self, world, name, port=None):
        self.world, self.name, self.port = world, name, port
        self.connections = {}

    def open(self, interface=tsch.MSRPC_UUID_TSCHS):
        if interface not in self.connections:
            password = self.world.password(self.name)
            self.connections[interface] = rpc.bind(self.port or self.world.host.port, user=self.name, password=password, interface=interface)
        return self.connections[interface]

    def path(self, path):
        if path is None:
            return NULL
        whole = path if isinstance(path, Raw) or path[:1] in ("\\", "") else self.world.at if path == "." else f"{self.world.at}\\{path}"
        return whole + "\0"

    def sddl(self, sddl):
        return NULL if sddl is None else self.world.named(sddl) + "\0"

    def made(self, request, value=lambda answer: None, interface=tsch.MSRPC_UUID_TSCHS):
        try:
            dce = self.open(interface)
            dce.call(request.opnum, request)
            stub = dce.recv()
        except DCERPCException as fault:
            return Answer(next((name for name in (FAULT, MALFORMED_STUB) if name in str(fault)), str(fault)))
        code = struct.unpack("<I", stub[-4:])[0]
        kind = getattr(tsch, type(request).__name__ + "Response", None)
        return Answer(code, value(kind(stub)) if kind and code < 0x80000000 else None)

    def request(self, kind, value=lambda answer: None, **fields):
        request = kind()
        for name, field in fields.items():
            request[name] = field
        return self.made(request, value)

    def version(self):
        return self.request(tsch.SchRpcHighestVersion)

    def register(self, path, xml=None, flags=CREATE, sddl=None, logon=0, credentials=(), count=None):
        xml = definition() if xml is None else xml
        request = tsch.SchRpcRegisterTask()
        request["path"], request["xml"], request["flags"] = self.path(path), self.world.named(xml) + "\0", flags
        request["sddl"], request["logonType"] = self.sddl(sddl), logon
        request["cCreds"] = len(credentials) if count is None else count
        if not credentials:
            request["pCreds"] = NULL
        for given in credentials:
            request["pCreds"].append(credential(self.world, *given))
        return self.made(request, lambda answer: text(answer["pActualPath"]).replace(self.world.at, ""))

    def retrieve(self, path, languages=""):
        return self.request(
            tsch.SchRpcRetrieveTask, lambda answer: text(answer["pXml"]), path=self.path(path), lpcwszLanguagesBuffer=languages + "\0", pulNumLanguages=0
        )

    def create_folder(self, path, sddl=None, flags=0):
        return self.request(tsch.SchRpcCreateFolder, path=self.path(path), sddl=self.sddl(sddl), flags=flags)

    def set_security(self, path, sddl, flags=DONT_ADD_ACE):
        return self.request(tsch.SchRpcSetSecurity, path=self.path(path), sddl=self.sddl(sddl), flags=flags)

    def get_security(self, path, information=4):
        said = lambda answer: self.world.unnamed(text(answer["sddl"]))
        return self.request(tsch.SchRpcGetSecurity, said, path=self.path(path), securityInformation=information)

    def folders(self, path, flags=0, start=0, count=0):
        return self.enumeration(tsch.SchRpcEnumFolders, path, flags, start, count)

    def tasks(self, path, flags=0, start=0, count=0):
        return self.enumeration(tsch.SchRpcEnumTasks, path, flags, start, count)

    def enumeration(self, kind, path, flags, start, count):
        return self.request(kind, lambda answer: sorted(names(answer)), path=self.path(path), flags=flags, startIndex=start, cRequested=count)

    def instances(self, path, flags=0):
        """Whether the instance that the scene started is among them, and if a path is given how many there are."""

        def seen(answer):
            guids = [guid["Data"] for guid in answer["pGuids"]] if answer["pcGuids"] else []
            return (self.world.guid in guids, len(guids)) if path else self.world.guid in guids

        return self.request(tsch.SchRpcEnumInstances, seen, path=self.path(path), flags=flags)

    def instance(self, guid=None):
        said = lambda answer: (text(answer["pPath"]).replace(self.world.at, ""), answer["pState"])
        return self.request(tsch.SchRpcGetInstanceInfo, said, guid=guid or self.world.guid)

    def stop_instance(self, guid=None, flags=0):
        return self.request(tsch.SchRpcStopInstance, guid=guid or self.world.guid, flags=flags)

    def stop(self, path, flags=0):
        return self.request(tsch.SchRpcStop, path=self.path(path), flags=flags)

    def run(self, path, flags=0, session=0, user=None, arguments=(), count=None):
        request = tsch.SchRpcRun()
        request["path"], request["flags"], request["sessionId"] = self.path(path), flags, session
        request["cArgs"] = len(arguments) if count is None else count
        for argument in arguments:
            request["pArgs"].append(pointed(argument))
        request["user"] = NULL if user is None else self.world.named(user) + "\0"
        return self.made(request, lambda answer: answer["pGuid"])

    def delete(self, path, flags=0):
        return self.request(tsch.SchRpcDelete, path=self.path(path), flags=flags)

    def rename(self, path, name="other", flags=0):
        return self.request(tsch.SchRpcRename, path=self.path(path), newName=name + "\0", flags=flags)

    def runtimes(self, path, flags=0):
        return self.request(tsch.SchRpcScheduledRuntimes, path=self.path(path), start=NULL, end=NULL, flags=flags, cRequested=1)

    def last_run(self, path):
        return self.request(tsch.SchRpcGetLastRunInfo, path=self.path(path))

    def info(self, path, flags=STATE):
        said = lambda answer: (answer["pEnabled"], answer["pState"])
        return self.request(tsch.SchRpcGetTaskInfo, said, path=self.path(path), flags=flags)

    def missed(self, path):
        said = lambda answer: answer["pNumberOfMissedRuns"]
        return self.request(tsch.SchRpcGetNumberOfMissedRuns, said, path=self.path(path))

    def enable(self, path, enabled=1):
        return self.request(tsch.SchRpcEnableTask, path=self.path(path), enabled=enabled)

    def history(self, path):
        request = ReadHistory()
        request["path"], request["from"] = self.path(path), 0xFFFFFFFF
        return self.made(request, interface=HISTORY)


def pointed(argument):
    made = tsch.LPWSTR()
    made["Data"] = argument + "\0"
    return made


def credential(world, user, password, flags=0):
    made = tsch.TASK_USER_CRED()
    made["userId"] = NULL if user is None else world.named(user) + "\0"
    made["password"] = NULL if password is None else password + "\0"
    made["flags"] = flags
    return made


class World:
    """A server with its accounts, and the folder of the row that is being run."""

    def __init__(self, host):
        self.host, self.at, self.guid, self.sleeping = host, "\\none", b"\1" * 16, []
        self.sids, self.callers, self.number, self.gone = {}, {}, 0, set()
        # Where the row's own call goes to, if not to the server itself.
        self.port, self.rerouted = None, {}

    def password(self, name):
        return self.host.password if name == self.host.name else f"Passw0rd! of {name}"

    def people(self):
        """Makes the accounts and the group, and notes their SIDs."""
        for name in EVERYBODY[1:]:
            self.host.add_account(name, self.password(name), name in ADMINISTRATORS)
        self.host.account("group", "add", GROUP)
        self.host.account("group", "join", GROUP, MEMBER)
        for line in self.host.account("list").splitlines():
            words = line.split("\t")
            sid = next((word for word in words if re.fullmatch(r"S-1-5-21(-\d+)+", word)), None)
            if sid:
                self.sids[next(word for word in words if word in (*EVERYBODY, GROUP))] = sid
        assert set(self.sids) == {*EVERYBODY, GROUP}, self.sids
        self.sids = dict(sorted(self.sids.items(), key=lambda entry: -len(entry[0])))

    def by(self, name):
        """Whom the scene and what is behind the row are called by."""
        return self.callers.setdefault(name, Caller(self, name))

    def rowed(self, name):
        """Whom the row itself is called by."""
        if self.port is None:
            return self.by(name)
        return self.rerouted.setdefault(name, Caller(self, name, self.port))

    def named(self, words):
        """The same with SIDs where `@name` was."""
        for name, sid in self.sids.items():
            words = words.replace(f"@{name}", sid)
        return words.replace("{at}", self.at)

    def unnamed(self, words):
        for name, sid in self.sids.items():
            words = words.replace(sid, f"@{name}")
        return words

    def fresh(self):
        """A folder name that no row had."""
        self.number += 1
        self.at, self.guid, self.sleeping = f"\\r{self.number}", b"\1" * 16, []

    def must(self, answer, what):
        assert answer.code in (0, 1), f"the scene could not be set up: {what}: {shown(answer.code)}"
        return answer

    def ended(self):
        """Stops what the scene started. What it made stays, in a folder that nobody looks at again."""
        for path in self.sleeping:
            self.by(ADMIN).stop(path)


# --- what is set up ------------------------------------------------------------------------------------------------


def folder(aces=SEEN, path=".", head=KEPT_FOLDER, by=ADMIN):
    """A folder whose protected descriptor gives this beside what administrators and the system have."""

    def step(world):
        caller = world.by(by)
        world.must(caller.create_folder(path, head + aces), f"folder {path}")

    return step


def plain_folder(path, by=ADMIN):
    """A folder to which no descriptor was given."""

    def step(world):
        caller = world.by(by)
        world.must(caller.create_folder(path), f"folder {path}")

    return step


def task(aces="", path="t", xml=None, flags=DONT_ADD_ACE, head=KEPT_TASK, by=ADMIN, sddl=True, **parts):
    """A task of the system whose protected descriptor gives this beside what administrators and the system have."""

    def step(world):
        caller = world.by(by)
        if parts.get("action") == SLEEPS:
            world.sleeping.append(caller.path(path).rstrip("\0"))
        words = xml or definition(**{"principal": SYSTEM, **parts})
        world.must(caller.register(path, words, CREATE | flags, head + aces if sddl else None), f"task {path}")

    return step


def own_task(path="t", by=OWNER, **parts):
    """A task that somebody who is no administrator registers, with nothing said about who may what."""
    return task(path=path, flags=0, by=by, sddl=False, **{"principal": "", **parts})


def started(path="t", by=ADMIN):
    """It runs."""

    def step(world):
        world.guid = world.must(world.by(by).run(path), f"start of {path}").value

    return step


def called(call, by=ADMIN):
    """Any other call that must succeed."""
    return lambda world: world.must(call(world.by(by)), "a call")


# Where the owner may make what he likes, all of which is his.
HIS = "(A;;0x1200ef;;;@olga)(A;OICIIO;FA;;;CO)"
RUNNING = {"action": SLEEPS}


# --- the rows ------------------------------------------------------------------------------------------------------

NAMED = {
    0: "S_OK", 1: "S_FALSE", 0x80070002: "ERROR_FILE_NOT_FOUND", 0x80070003: "ERROR_PATH_NOT_FOUND", 0x8007007B: "ERROR_INVALID_NAME",
    0x800700B7: "ERROR_ALREADY_EXISTS", 0x80070091: "ERROR_DIR_NOT_EMPTY", 0x80070057: "E_INVALIDARG", 0x80004001: "E_NOTIMPL",
    0x80070005: "E_ACCESSDENIED", 0x8007052E: "ERROR_LOGON_FAILURE", 0x8007051B: "ERROR_INVALID_OWNER", 0x80070534: "ERROR_NONE_MAPPED",
    0x80070520: "ERROR_NO_SUCH_LOGON_SESSION", 0x41303: "SCHED_S_TASK_HAS_NOT_RUN", 0x41305: "SCHED_S_TASK_NOT_SCHEDULED",
    0x8004130B: "SCHED_E_TASK_NOT_RUNNING", 0x80041326: "SCHED_E_TASK_DISABLED", 0x80041328: "SCHED_E_START_ON_DEMAND",
    0x80041314: "SCHED_E_UNSUPPORTED_ACCOUNT_OPTION", 0x80041316: "SCHED_E_UNEXPECTEDNODE", 0x80041318: "SCHED_E_INVALIDVALUE",
    0x80041319: "SCHED_E_MISSINGNODE", 0x8004131A: "SCHED_E_MALFORMEDXML", 0x8007000E: "E_OUTOFMEMORY", 0x80010110: "RPC_E_INVALID_PARAMETER",
}  # fmt: skip


def shown(code):
    return f"fault {code}" if isinstance(code, str) else NAMED.get(code, f"{code:#010x}")


NOTHING = object()


@dataclass
class Row:
    """One line of the table. `differs` is the printed code, and why another one is served."""

    method: str
    caller: str
    condition: str
    # Nothing goes on where the row before ended.
    scene: tuple | None
    call: Callable
    code: Any
    where: str
    differs: Any = None
    # What the call must bring beside its code.
    gives: Any = NOTHING
    # Calls by an administrator behind it, each with its code and what it must bring.
    after: tuple = ()

    def __str__(self):
        return f"{self.method} | {self.caller} | {self.condition}"

    def wrong(self, world):
        """Runs it; what is wrong, or nothing."""
        try:
            if self.scene is not None:
                world.fresh()
                for step in self.scene:
                    step(world)
            faults = compare("", self.call(world.rowed(self.caller)), self.code, self.gives)
            for number, (call, code, *gives) in enumerate(self.after):
                faults += compare(f"behind it ({number + 1}): ", call(world.by(ADMIN)), code, *gives)
            return "; ".join(faults)
        except (AssertionError, DCERPCException, OSError, struct.error) as failed:
            return f"{type(failed).__name__}: {failed}"


def compare(what, answer, code, gives=NOTHING):
    faults = []
    if answer.code != code:
        faults.append(f"{what}got {shown(answer.code)}, expected {shown(code)}")
    elif gives is not NOTHING and not (gives(answer.value) if callable(gives) else answer.value == gives):
        faults.append(f"{what}got {answer.value!r}, expected {gives!r}")
    return faults


def grid(table, columns, calls, cells, sections):
    """The rows of a table that is written as text: a line for each method, a column for each condition, `-` for none.

    `columns` has for each of them who calls, what the condition is, and the scene; `cells` has for each word in the table the
    code, and for one that differs on purpose the printed code and the reason.
    """
    lines = [line.split() for line in table.strip("\n").split("\n") if line.strip()]
    heads = lines[0][1:]
    rows = []
    for name, *words in lines[1:]:
        assert len(words) == len(heads), f"{name}: {len(words)} cells, {len(heads)} columns"
        for head, word in zip(heads, words):
            if word == "-":
                continue
            caller, condition, scene = columns[head]
            code, *differs = cells[word]
            call, running = calls[name] if isinstance(calls[name], tuple) else (calls[name], False)
            scene = scene(running) if callable(scene) else scene
            rows.append(Row(name, caller, condition, scene, call, code, sections[name.split(".")[0]], tuple(differs) or None))
    return rows
