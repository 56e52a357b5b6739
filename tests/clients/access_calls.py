"""The table, part four: enumerations, instances, runs, deletion, reserved flags, and paths that are none."""

from access_grids import SAID, SECTIONS, SEEN, STARTED, UNSEEN
from access_registration import later, soon
from access_world import (
    ADMIN,
    AS_SELF,
    Answer,
    HIS,
    IGNORE_CONSTRAINTS,
    MALFORMED_STUB,
    MEMBER,
    OTHER,
    OWNER,
    Raw,
    RUNNING,
    SECOND,
    SESSION,
    SLEEPS,
    USER_SID,
    Row,
    called,
    definition,
    folder,
    own_task,
    started,
    task,
)
from service import (
    ACCESS_DENIED,
    DISABLED,
    INVALID_ARGUMENT,
    INVALID_NAME,
    IS_RUNNING,
    NOT_EMPTY,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    NOT_ON_DEMAND,
    PATH_NOT_FOUND,
    READY,
    S_FALSE,
    TASK_DISABLED,
    TASK_NOT_RUNNING,
)

OK, NONE_MAPPED, NO_SESSION, INVALID_PARAMETER = 0, 0x80070534, 0x80070520, 0x80010110


def row(method, caller, condition, scene, call, code, where=None, **more):
    return Row(method, caller, condition, tuple(scene), call, code, where or SECTIONS[method], **more)


# --- what enumerations show and skip -------------------------------------------------------------------------------

TO_OTTO = {"readable": "(A;;FR;;;@otto)", "writable": "(A;;FW;;;@otto)", "runnable": "(A;;FX;;;@otto)", "nobody's": "", "group's": "(A;;FR;;;@gardeners)"}
MANY_TASKS = (
    folder(),
    *(task(aces, name) for name, aces in TO_OTTO.items()),
    task("(A;;FR;;;@otto)", "hidden", settings="<Hidden>true</Hidden>"),
    task("", "hidden nobody's", settings="<Hidden>true</Hidden>"),
)
MANY_FOLDERS = (folder(), *(folder(aces, name) for name, aces in TO_OTTO.items()))
ALL = sorted(TO_OTTO)
PAST = "FACTS: enumerations"


def lists(folders=False, **named):
    return lambda who: (who.folders if folders else who.tasks)(".", **named)


def shown_in_root(who):
    """Whether the row's folder is among all of the root's. The end of a list that is cut where it ends is not known."""
    start, seen = 0, []
    while (answer := who.folders("\\", start=start, count=500)).code in (OK, S_FALSE) and answer.value:
        start += len(answer.value)
        seen += answer.value
    return Answer(S_FALSE if seen else answer.code, who.world.at[1:] in seen)


ENUMERATIONS = [
    row("EnumTasks", ADMIN, "all but hidden ones", MANY_TASKS, lists(), OK, gives=ALL),
    row("EnumTasks", ADMIN, "with hidden ones", MANY_TASKS, lists(flags=1), OK, gives=sorted([*ALL, "hidden", "hidden nobody's"])),
    row("EnumTasks", OTHER, "what he may read or write", MANY_TASKS, lists(), OK, gives=["readable", "writable"]),
    row("EnumTasks", OTHER, "with hidden ones, what he may read or write", MANY_TASKS, lists(flags=1), OK, gives=["hidden", "readable", "writable"]),
    row("EnumTasks", MEMBER, "what his group may read", MANY_TASKS, lists(), OK, gives=["group's"]),
    row("EnumTasks", OWNER, "nothing of it is for him", MANY_TASKS, lists(), OK, gives=[]),
    row("EnumTasks", OTHER, "two asked for, of two that he sees", MANY_TASKS, lists(count=2), S_FALSE, PAST, gives=["readable", "writable"]),
    row("EnumTasks", OTHER, "three asked for, of two that he sees", MANY_TASKS, lists(count=3), OK, PAST, gives=["readable", "writable"]),
    row("EnumTasks", OTHER, "from the second that he sees", MANY_TASKS, lists(start=1), OK, PAST, gives=lambda names: len(names) == 1),
    row("EnumTasks", OTHER, "from behind the last that he sees", MANY_TASKS, lists(start=2), OK, PAST, gives=[]),
    row("EnumTasks", OTHER, "from further behind", MANY_TASKS, lists(start=3), S_FALSE, PAST, gives=[]),
    row("EnumTasks", ADMIN, "of a folder with none", (folder(),), lists(), OK, gives=[]),
    row("EnumTasks", OWNER, "his own", (folder(SEEN + HIS), own_task(), task("", "other")), lists(), OK, gives=["t"]),
    row("EnumFolders", ADMIN, "all", MANY_FOLDERS, lists(True), OK, gives=ALL),
    row("EnumFolders", OTHER, "what he may read or write", MANY_FOLDERS, lists(True), OK, gives=["readable", "writable"]),
    row("EnumFolders", OTHER, "TASK_ENUM_HIDDEN changes nothing", MANY_FOLDERS, lists(True, flags=1), OK, gives=["readable", "writable"]),
    row("EnumFolders", MEMBER, "what his group may read", MANY_FOLDERS, lists(True), OK, gives=["group's"]),
    row("EnumFolders", OTHER, "two asked for, of two that he sees", MANY_FOLDERS, lists(True, count=2), S_FALSE, PAST,
        gives=["readable", "writable"]),
    row("EnumFolders", OTHER, "from behind the last that he sees", MANY_FOLDERS, lists(True, start=2), OK, PAST, gives=[]),
    row("EnumFolders", OTHER, "from further behind", MANY_FOLDERS, lists(True, start=3), S_FALSE, PAST, gives=[]),
    row("EnumFolders", OTHER, "the root: a folder that gives him nothing is not shown", (folder(""),), shown_in_root, S_FALSE, gives=False),
    row("EnumFolders", OTHER, "the root: a folder that he may read is shown", (folder(),), shown_in_root, S_FALSE, gives=True),
]  # fmt: skip

# --- instances -----------------------------------------------------------------------------------------------------

UNKNOWN = bytes(range(16))


def running(aces, hidden=False):
    return (folder(), task(aces, settings="<Hidden>true</Hidden>" if hidden else "", **RUNNING), started())


CAN_RUN = "(A;;FRFX;;;@otto)"
INSTANCES = [
    row("EnumInstances", ADMIN, "of a task that runs", running(""), lambda who: who.instances("t"), OK, gives=(True, 1)),
    row("EnumInstances", ADMIN, "of a task that does not run", (folder(), task()), lambda who: who.instances("t"), OK, gives=(False, 0)),
    row("EnumInstances", ADMIN, "of all tasks", running(""), lambda who: who.instances(None), OK, gives=True),
    row("EnumInstances", OTHER, "of all tasks, one that he may read", running("(A;;FR;;;@otto)"), lambda who: who.instances(None), OK, gives=True),
    row("EnumInstances", OTHER, "of all tasks, one that he may not read", running(""), lambda who: who.instances(None), OK, gives=False),
    row("EnumInstances", OTHER, "of all tasks, one that he may only run", running("(A;;FX;;;@otto)"), lambda who: who.instances(None), OK,
        gives=False),
    row("EnumInstances", ADMIN, "of all tasks, a hidden one", running("", True), lambda who: who.instances(None), OK, gives=False),
    row("EnumInstances", ADMIN, "of all tasks with hidden ones", running("", True), lambda who: who.instances(None, 1), OK, gives=True),
    row("EnumInstances", ADMIN, "of a hidden task", running("", True), lambda who: who.instances("t"), OK, gives=(False, 0)),
    row("EnumInstances", ADMIN, "of a hidden task, with hidden ones", running("", True), lambda who: who.instances("t", 1), OK, gives=(True, 1)),
    row("EnumInstances", OTHER, "of all tasks with hidden ones, one that he may not read", running("", True), lambda who: who.instances(None, 1), OK,
        gives=False),
    row("EnumInstances", OWNER, "of his own", (folder(SEEN + HIS), own_task(**RUNNING), started()), lambda who: who.instances("t"), OK,
        gives=(True, 1)),
    *(row("GetInstanceInfo", who, "an instance that nobody knows", (), lambda who: who.instance(UNKNOWN),
        TASK_NOT_RUNNING) for who in (ADMIN, OTHER)),
    row("GetInstanceInfo", ADMIN, "what it tells", running(""), lambda who: who.instance(), OK, gives=("\\t", IS_RUNNING)),
    row("GetInstanceInfo", OTHER, "what it tells who may read", running("(A;;FR;;;@otto)"), lambda who: who.instance(), OK,
        gives=("\\t", IS_RUNNING)),
    row("GetInstanceInfo", ADMIN, "of a hidden task", running("", True), lambda who: who.instance(), OK, gives=("\\t", IS_RUNNING)),
    row("GetInstanceInfo", ADMIN, "one that has ended",
        (*running(""), called(lambda who: who.stop("t")), called(soon(lambda who: who.info("t"), (1, READY)))), lambda who: who.instance(), TASK_NOT_RUNNING),
    *(row("StopInstance", who, "an instance that nobody knows", (), lambda who: who.stop_instance(UNKNOWN),
        TASK_NOT_RUNNING) for who in (ADMIN, OTHER)),
    *(row("StopInstance", ADMIN, f"flags {flags:#x}", running(""), lambda who, flags=flags: who.stop_instance(flags=flags),
        INVALID_ARGUMENT) for flags in (1, 0x80000000)),
    row("StopInstance", OTHER, "flags 1, of one that nobody knows: the flags come first", (), lambda who: who.stop_instance(UNKNOWN, 1),
        INVALID_ARGUMENT),
    row("StopInstance", OTHER, "who may run it: it ends", running(CAN_RUN), lambda who: who.stop_instance(), OK,
        after=((soon(lambda who: who.info("t"), (1, READY)), OK, (1, READY)),)),
    row("StopInstance", OTHER, "who may not run it: it goes on", running("(A;;FR;;;@otto)"), lambda who: who.stop_instance(), ACCESS_DENIED,
        after=((later(lambda who: who.info("t")), OK, (1, IS_RUNNING)),)),
    row("Stop", ADMIN, "no path", (), lambda who: who.stop(None), INVALID_ARGUMENT),
    row("Stop", OTHER, "no path", (), lambda who: who.stop(None), INVALID_ARGUMENT),
    row("Stop", OTHER, "who may not run it: it goes on", running("(A;;FR;;;@otto)"), lambda who: who.stop("t"), ACCESS_DENIED,
        after=((later(lambda who: who.info("t")), OK, (1, IS_RUNNING)),),
        differs=(S_FALSE, SAID)),
    row("Stop", OTHER, "who may run it: it ends", running(CAN_RUN), lambda who: who.stop("t"), OK,
        after=((soon(lambda who: who.info("t"), (1, READY)), OK, (1, READY)),)),
    row("Stop", ADMIN, "a hidden task: it ends", running("", True), lambda who: who.stop("t"), OK, "3.2.5.4.12, note 75",
        after=((soon(lambda who: who.info("t"), (1, READY)), OK, (1, READY)),)),
    row("Stop", ADMIN, "a task that does not run", (folder(), task()), lambda who: who.stop("t"), S_FALSE),
]  # fmt: skip

# --- runs ----------------------------------------------------------------------------------------------------------

RUN_SCENE = (folder(), task(CAN_RUN))
SLEEPER = (folder(), task(CAN_RUN, **RUNNING))
RUNS = (soon(lambda who: who.info("t"), (1, IS_RUNNING)), OK, (1, IS_RUNNING))
NO_DEMAND = "<AllowStartOnDemand>false</AllowStartOnDemand>"
HIS_USER = "who may run it may run it as himself"


def starts(**named):
    return lambda who: who.run("t", **named)


RUN = [
    *(row("Run", ADMIN, f"undefined flag {bit:#x}", RUN_SCENE, starts(flags=bit), INVALID_ARGUMENT) for bit in (0x10, 0x20, 0x100, 0x80000000)),
    row("Run", OTHER, "undefined flag 0x10 of what he does not see: the flag comes first", (folder(), task()), starts(flags=0x10), INVALID_ARGUMENT),
    row("Run", ADMIN, "it runs", SLEEPER, starts(), OK, gives=lambda guid: guid != bytes(16), after=(RUNS,)),
    row("Run", OTHER, "who may run it: it runs", SLEEPER, starts(), OK, after=(RUNS,),
        differs=(INVALID_ARGUMENT, STARTED)),
    row("Run", OWNER, "his own", (folder(SEEN + HIS), own_task(**RUNNING)), starts(), OK, after=(RUNS,)),
    row("Run", OWNER, "one that runs as him, and is not his",
        (folder(), task("(A;;FRFX;;;@olga)", xml=definition(principal="<UserId>@olga</UserId>", action=SLEEPS))), starts(), OK, after=(RUNS,)),
    row("Run", ADMIN, "one that runs already", (*SLEEPER, started()), starts(), OK, after=((lambda who: who.instances("t"), OK, (True, 1)),)),
    row("Run", ADMIN, "a hidden task", (folder(), task(settings="<Hidden>true</Hidden>", **RUNNING)), starts(), OK, after=(RUNS,)),
    row("Run", ADMIN, "not on demand", (folder(), task(CAN_RUN, settings=NO_DEMAND)), starts(), NOT_ON_DEMAND),
    row("Run", OTHER, "not on demand", (folder(), task(CAN_RUN, settings=NO_DEMAND)), starts(), NOT_ON_DEMAND),
    row("Run", OTHER, "not on demand, who may not run it", (folder(), task("(A;;FR;;;@otto)", settings=NO_DEMAND)), starts(), ACCESS_DENIED),
    row("Run", OTHER, "not on demand, who does not see it", (folder(), task(settings=NO_DEMAND)), starts(), NOT_FOUND,
        differs=(ACCESS_DENIED, UNSEEN)),
    row("Run", ADMIN, "disabled", (folder(), task(settings="<Enabled>false</Enabled>")), starts(), TASK_DISABLED),
    row("Run", OTHER, "disabled", (folder(), task(CAN_RUN, settings="<Enabled>false</Enabled>")), starts(), TASK_DISABLED),
    row("Run", ADMIN, "disabled, and not on demand: that comes first", (folder(), task(settings=f"{NO_DEMAND}<Enabled>false</Enabled>")),
        starts(), NOT_ON_DEMAND),
    row("Run", ADMIN, "not on demand, IGNORE_CONSTRAINTS", (folder(), task(settings=NO_DEMAND)), starts(flags=IGNORE_CONSTRAINTS), NOT_ON_DEMAND),
    row("Run", ADMIN, "a condition that does not hold", (folder(), task(settings="<RunOnlyIfIdle>true</RunOnlyIfIdle>", **RUNNING)), starts(), OK,
        after=((later(lambda who: who.info("t")), OK, lambda state: state[1] != IS_RUNNING),)),
    row("Run", ADMIN, "the same, IGNORE_CONSTRAINTS", (folder(), task(settings="<RunOnlyIfIdle>true</RunOnlyIfIdle>", **RUNNING)),
        starts(flags=IGNORE_CONSTRAINTS), OK, after=(RUNS,)),
    row("Run", OTHER, "the same, IGNORE_CONSTRAINTS and AS_SELF",
        (folder(), task(CAN_RUN, settings="<RunOnlyIfIdle>true</RunOnlyIfIdle>", **RUNNING)), starts(flags=IGNORE_CONSTRAINTS | AS_SELF), OK, after=(RUNS,)),
    row("Run", ADMIN, "AS_SELF", SLEEPER, starts(flags=AS_SELF), OK, after=(RUNS,)),
    row("Run", OTHER, "AS_SELF", SLEEPER, starts(flags=AS_SELF), OK, after=(RUNS,)),
    row("Run", OTHER, "AS_SELF, who may not run it", (folder(), task("(A;;FR;;;@otto)")), starts(flags=AS_SELF), ACCESS_DENIED),
    row("Run", ADMIN, "AS_SELF with a user that nobody knows: he is ignored", RUN_SCENE, starts(flags=AS_SELF, user="nobody knows"), OK),
    row("Run", OTHER, "AS_SELF with another user: he is ignored", RUN_SCENE, starts(flags=AS_SELF, user="olga"), OK),
    row("Run", ADMIN, "another user, by name", RUN_SCENE, starts(user="olga"), OK),
    row("Run", ADMIN, "another user, as HOST\\user", RUN_SCENE, starts(user="HOST\\olga"), OK),
    row("Run", ADMIN, "another user, by SID", RUN_SCENE, starts(flags=USER_SID, user="@olga"), OK),
    row("Run", ADMIN, "the system, by SID", RUN_SCENE, starts(flags=USER_SID, user="S-1-5-18"), OK),
    row("Run", ADMIN, "a user that nobody knows, by name", RUN_SCENE, starts(user="nobody knows"), NONE_MAPPED),
    row("Run", ADMIN, "a user that nobody knows, by SID", RUN_SCENE, starts(flags=USER_SID, user="S-1-5-21-9-9-9-9"), NONE_MAPPED),
    row("Run", OTHER, "himself, by name", RUN_SCENE, starts(user="otto"), OK, differs=(INVALID_ARGUMENT, HIS_USER)),
    row("Run", OTHER, "himself, by SID", RUN_SCENE, starts(flags=USER_SID, user="@otto"), OK, differs=(INVALID_ARGUMENT, HIS_USER)),
    row("Run", OTHER, "another user, by name", RUN_SCENE, starts(user="olga"), INVALID_ARGUMENT),
    row("Run", OTHER, "another user, by SID", RUN_SCENE, starts(flags=USER_SID, user="@olga"), INVALID_ARGUMENT),
    row("Run", OTHER, "the system, by SID", RUN_SCENE, starts(flags=USER_SID, user="S-1-5-18"), INVALID_ARGUMENT),
    row("Run", OTHER, "a user that nobody knows: as one that is somebody", RUN_SCENE, starts(user="nobody knows"), INVALID_ARGUMENT),
    row("Run", OWNER, "another user, his own task", (folder(SEEN + HIS), own_task()), starts(user="otto"), INVALID_ARGUMENT),
    row("Run", ADMIN, "USER_SID with what is no SID", RUN_SCENE, starts(flags=USER_SID, user="olga"), INVALID_ARGUMENT),
    row("Run", ADMIN, "USER_SID without a user", RUN_SCENE, starts(flags=USER_SID), INVALID_ARGUMENT),
    row("Run", ADMIN, "a session: there are none", RUN_SCENE, starts(flags=SESSION, session=1), NO_SESSION, "[MS-ERREF] 2.2"),
    row("Run", ADMIN, "a session, AS_SELF", RUN_SCENE, starts(flags=SESSION | AS_SELF, session=1), NO_SESSION, "[MS-ERREF] 2.2"),
    row("Run", OTHER, "a session that is not his", RUN_SCENE, starts(flags=SESSION, session=1), INVALID_ARGUMENT),
    row("Run", OTHER, "a session that is not his, AS_SELF", RUN_SCENE, starts(flags=SESSION | AS_SELF, session=1), INVALID_ARGUMENT),
    row("Run", OTHER, "a session, himself", RUN_SCENE, starts(flags=SESSION, session=1, user="otto"), INVALID_ARGUMENT),
    row("Run", ADMIN, "a session that is not asked for is ignored", RUN_SCENE, starts(session=77), OK),
    row("Run", ADMIN, "cArgs 2 beside an array of one", RUN_SCENE, starts(arguments=("one",), count=2), MALFORMED_STUB, "FACTS: malformed stub",
        differs=(INVALID_PARAMETER, "what is not of the size that it says is no stub")),
    row("Run", ADMIN, "32 arguments", RUN_SCENE, starts(arguments=["x"] * 32), OK, "2.5.9"),
]  # fmt: skip

# --- deletion ------------------------------------------------------------------------------------------------------

DELETE = [
    *(row("Delete", ADMIN, f"flags {flags:#x}", (folder(), task()), lambda who, flags=flags: who.delete("t", flags),
        INVALID_ARGUMENT) for flags in (1, 2, 0x80000000)),
    row("Delete", OTHER, "flags 1, of what he does not see: the flags come first", (folder(), task()), lambda who: who.delete("t", 1),
        INVALID_ARGUMENT),
    row("Delete", ADMIN, "the root, flags 1", (), lambda who: who.delete("\\", 1), INVALID_ARGUMENT),
    row("Delete", ADMIN, "a task: it is gone", (folder(), task()), lambda who: who.delete("t"), OK, after=((lambda who: who.info("t"), NOT_FOUND),)),
    row("Delete", ADMIN, "a task that runs", running(""), lambda who: who.delete("t"), OK, after=((lambda who: who.info("t"), NOT_FOUND),)),
    row("Delete", ADMIN, "a hidden task", (folder(), task(settings="<Hidden>true</Hidden>")), lambda who: who.delete("t"), OK),
    row("Delete", ADMIN, "an empty folder", (folder(), folder(path="f")), lambda who: who.delete("f"), OK,
        after=((lambda who: who.tasks("f"), NOT_FOUND),)),
    row("Delete", ADMIN, "a folder with a task", (folder(), folder(path="f"), task(path="f\\t")), lambda who: who.delete("f"), NOT_EMPTY,
        "FACTS: Delete"),
    row("Delete", ADMIN, "a folder with a hidden task", (folder(), folder(path="f"), task(path="f\\t", settings="<Hidden>true</Hidden>")),
        lambda who: who.delete("f"), NOT_EMPTY, "FACTS: Delete"),
    row("Delete", ADMIN, "a folder with a folder", (folder(), folder(path="f\\g")), lambda who: who.delete("f"), NOT_EMPTY, "FACTS: Delete"),
    row("Delete", OTHER, "a folder that he may delete, with what he does not see",
        (folder(), folder("(A;;FRSD;;;@otto)", "f"), task(path="f\\t")), lambda who: who.delete("f"), NOT_EMPTY, "FACTS: Delete"),
    row("Delete", OTHER, "a folder that he may not delete, with something in it: the right comes first",
        (folder(), folder("(A;;FR;;;@otto)", "f"), task(path="f\\t")), lambda who: who.delete("f"), ACCESS_DENIED),
    row("Delete", OWNER, "his own folder", (folder(SEEN + HIS), called(lambda who: who.create_folder("f"), OWNER)), lambda who: who.delete("f"), OK),
    row("Delete", OTHER, "the folder that its owner made", (folder(SEEN + HIS), called(lambda who: who.create_folder("f"), OWNER)),
        lambda who: who.delete("f"), NOT_FOUND,
        differs=(ACCESS_DENIED, UNSEEN)),
    row("Delete", SECOND, "twice", (folder(), task(), called(lambda who: who.delete("t"))), lambda who: who.delete("t"), NOT_FOUND),
    row("EnableTask", ADMIN, "any value but zero", (folder(), task(settings="<Enabled>false</Enabled>")), lambda who: who.enable("t", 42), OK,
        "FACTS: EnableTask",
        after=((lambda who: who.info("t"), OK, (1, READY)),)),
    row("EnableTask", ADMIN, "zero", (folder(), task()), lambda who: who.enable("t", 0), OK, after=((lambda who: who.info("t"), OK, (0, DISABLED)),)),
    row("EnableTask", OTHER, "who may not: it stays as it was", (folder(), task("(A;;FR;;;@otto)")), lambda who: who.enable("t", 0), ACCESS_DENIED,
        after=((lambda who: who.info("t"), OK, (1, READY)),)),
    row("GetTaskInfo", OTHER, "without SCH_FLAG_STATE", (folder(), task("(A;;FR;;;@otto)")), lambda who: who.info("t", 0), OK, "FACTS: GetTaskInfo",
        gives=(1, 0)),
    row("GetTaskInfo", OTHER, "with undefined flags", (folder(), task("(A;;FR;;;@otto)")), lambda who: who.info("t", 0xFFFFFFFF), OK,
        gives=(1, READY)),
    row("RetrieveTask", OTHER, "a list of languages", (folder(), task("(A;;FR;;;@otto)")), lambda who: who.retrieve("t", "en-US\\en"), OK,
        gives=lambda xml: "<Task" in xml),
    row("RetrieveTask", OTHER, "a hidden task", (folder(), task("(A;;FR;;;@otto)", settings="<Hidden>true</Hidden>")),
        lambda who: who.retrieve("t"), OK),
    *(row("HighestVersion", who, "", (), lambda who: who.version(), OK) for who in (ADMIN, OWNER, OTHER, MEMBER)),
    *(row("Rename", who, f"flags {flags}", (folder(), task()), lambda who, flags=flags: who.rename("t", flags=flags),
        NOT_IMPLEMENTED) for who in (ADMIN, OTHER) for flags in (0, 1)),
    *(row("ScheduledRuntimes", ADMIN, f"flags {flags:#x}", (folder(), task()), lambda who, flags=flags: who.runtimes("t", flags),
        INVALID_ARGUMENT) for flags in (1, 0x80000000)),
    *(row("EnumTasks", ADMIN, f"flags {flags:#x}", (folder(),), lambda who, flags=flags: who.tasks(".", flags),
        INVALID_ARGUMENT) for flags in (2, 3, 0x80000000)),
    *(row("EnumFolders", ADMIN, f"flags {flags:#x}", (folder(),), lambda who, flags=flags: who.folders(".", flags),
        INVALID_ARGUMENT) for flags in (2, 3, 0x80000000)),
    *(row("EnumInstances", ADMIN, f"flags {flags:#x}", (folder(), task()), lambda who, flags=flags: who.instances("t", flags),
        INVALID_ARGUMENT) for flags in (2, 3, 0x80000000)),
    *(row("Stop", ADMIN, f"flags {flags:#x}", (folder(), task()), lambda who, flags=flags: who.stop("t", flags),
        INVALID_ARGUMENT) for flags in (1, 0x80000000)),
    *(row(method, OTHER, "undefined flags, of a name that is none: the flags come first", (), call, INVALID_ARGUMENT) for method, call in {
        "EnumTasks": lambda who: who.tasks("\\a:b", 2),
        "EnumFolders": lambda who: who.folders("\\a:b", 2),
        "EnumInstances": lambda who: who.instances("\\a:b", 2),
        "Stop": lambda who: who.stop("\\a:b", 1),
        "Run": lambda who: who.run("\\a:b", 0x10),
        "Delete": lambda who: who.delete("\\a:b", 1),
        "ScheduledRuntimes": lambda who: who.runtimes("\\a:b", 1),
        "CreateFolder": lambda who: who.create_folder("\\a:b", None, 1),
        "SetSecurity": lambda who: who.set_security("\\a:b", "D:P", 1),
        "RegisterTask": lambda who: who.register("\\a:b", flags=0x40),
    }.items()),
]  # fmt: skip

# --- paths that are none -------------------------------------------------------------------------------------------

STRICTER = "more than 2.3.11 forbids: what could not be told apart by file systems and databases"
BOUND = "2.3.11 has no bound, a server must have one"
PATHS = {
    "two dots": ("..", ()),
    "two dots in the middle": ("a\\..\\b", ()),
    "two dots at the start": ("\\..\\..\\etc\\passwd", ()),
    "one dot": ("a\\.\\b", (OK, STRICTER)),
    "a drive": ("C:\\x", ()),
    "a drive below a backslash": ("\\C:\\x", ()),
    "a stream": ("a:b", ()),
    "a slash": ("a/b", ()),
    "a share": ("\\\\host\\share\\x", ()),
    "a device path": ("\\\\.\\PIPE\\x", ()),
    "two backslashes": ("a\\\\b", ()),
    "a backslash at the end": ("a\\", ()),
    "a space at the start": (" a", ()),
    "a space at the start of the second": ("a\\ b", ()),
    "a NUL": ("a\0b", ()),
    "a line feed": ("a\nb", (OK, STRICTER)),
    "a control character": ("a\x1fb", (OK, STRICTER)),
    "DEL": ("a\x7fb", (OK, STRICTER)),
    "261 characters": ("\\" + "x" * 260, (OK, BOUND)),
    "33 levels": ("\\x" * 33, (OK, BOUND)),
    "64 KB": ("\\" + "x" * 32767, (OK, BOUND)),
    "64 KB of backslashes": ("\\" * 32768, ()),
    "64 KB of levels": ("\\x" * 16384, (OK, BOUND)),
}
LEGAL = ["CON", "NUL", "nul.txt", "COM1", "LPT1.xml", "AUX", "a b", "b ", "b.", "...", "a*b", "a?b", "a<b>|\"", "~1", "%00", "{x}", "ß", "x" * 200]


def by_path():
    calls = {
        "RegisterTask": lambda who, path: who.register(path),
        "RetrieveTask": lambda who, path: who.retrieve(path),
        "CreateFolder": lambda who, path: who.create_folder(path),
        "SetSecurity": lambda who, path: who.set_security(path, "D:P(A;;FA;;;BA)"),
        "GetSecurity": lambda who, path: who.get_security(path),
        "EnumTasks": lambda who, path: who.tasks(path),
        "EnumFolders": lambda who, path: who.folders(path),
        "EnumInstances": lambda who, path: who.instances(path),
        "Stop": lambda who, path: who.stop(path),
        "Run": lambda who, path: who.run(path),
        "Delete": lambda who, path: who.delete(path),
        "ScheduledRuntimes": lambda who, path: who.runtimes(path),
        "GetLastRunInfo": lambda who, path: who.last_run(path),
        "GetTaskInfo": lambda who, path: who.info(path),
        "EnableTask": lambda who, path: who.enable(path),
    }
    making = ("RegisterTask", "CreateFolder")
    rows = []
    for what, (path, differs) in PATHS.items():
        for method, call in calls.items():
            # Elsewhere the page would have it missing, not made.
            other = ((OK if method in making else PATH_NOT_FOUND), differs[1]) if differs else None
            for caller in (ADMIN, OTHER) if method in ("RegisterTask", "RetrieveTask") else (ADMIN,):
                said = lambda who, call=call, path=path: call(who, Raw(path) if path[:1] == "\\" or path[1:2] == ":" else path)
                rows.append(row(method, caller, f"a path that is none: {what}", (folder(),), said, INVALID_NAME, "2.3.11", differs=other))
    for name in LEGAL:
        what = f"a legal name: {name!r}" if len(name) < 20 else f"a legal name of {len(name)} characters"
        for method, makes, lists in (
            ("RegisterTask", lambda who, name=name: who.register(name), lambda who: who.tasks(".")),
            ("CreateFolder", lambda who, name=name: who.create_folder(name), lambda who: who.folders(".")),
        ):
            rows.append(row(method, ADMIN, what, (folder(),), makes, OK, "2.3.11", after=((lists, OK, [name]),)))
    return rows


ROWS = [*ENUMERATIONS, *INSTANCES, *RUN, *DELETE, *by_path()]
