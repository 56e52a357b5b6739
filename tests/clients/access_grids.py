"""The table, part one: methods against rights and against paths, as grids.

Each cell was written by hand from [MS-TSCH] 3.2.5.4.1 to 3.2.5.4.20 and its notes; where FACTS or what was chosen for this
server says otherwise, the word in the cell has both codes and the reason in `CELLS`.
"""

from access_world import (
    ADMIN,
    MEMBER,
    NO_REGISTRATION_TRIGGERS,
    OTHER,
    OWNER,
    RUNNING,
    SECOND,
    SEEN,
    HIS,
    called,
    definition,
    folder,
    grid,
    own_task,
    started,
    task,
)
from service import (
    ACCESS_DENIED,
    CREATE,
    EXISTS,
    HAS_NOT_RUN,
    INVALID_ARGUMENT,
    INVALID_NAME,
    NOT_EMPTY,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    NOT_SCHEDULED,
    PATH_NOT_FOUND,
    S_FALSE,
    UPDATE,
)

OK = 0
SECTIONS = {
    "HighestVersion": "3.2.5.4.1", "RegisterTask": "3.2.5.4.2", "RetrieveTask": "3.2.5.4.3", "CreateFolder": "3.2.5.4.4",
    "SetSecurity": "3.2.5.4.5", "GetSecurity": "3.2.5.4.6", "EnumFolders": "3.2.5.4.7", "EnumTasks": "3.2.5.4.8",
    "EnumInstances": "3.2.5.4.9", "GetInstanceInfo": "3.2.5.4.10", "StopInstance": "3.2.5.4.11", "Stop": "3.2.5.4.12",
    "Run": "3.2.5.4.13", "Delete": "3.2.5.4.14", "Rename": "3.2.5.4.15", "ScheduledRuntimes": "3.2.5.4.16",
    "GetLastRunInfo": "3.2.5.4.17", "GetTaskInfo": "3.2.5.4.18", "GetNumberOfMissedRuns": "3.2.5.4.19", "EnableTask": "3.2.5.4.20",
    "ReadHistory": "core/src/tsch/history.rs",
}  # fmt: skip

UNSEEN = "what the caller may not read is missing for him: a code tells nothing of it"
TAKEN = "the right to edit a task is not the right to say who may: with it a task could be taken over"
STARTED = "whoever has the execute right may start a task as it is defined, else the right would mean nothing"
SAID = "a right that is lacking is said, not hidden in a success"
ENUMERATED = "FACTS: a missing folder is ERROR_FILE_NOT_FOUND in an enumeration"
COUNTED = "note 81 has a constant S_OK and 0; here it is counted, and a path is looked at as everywhere"
NOT_YET = "FACTS: what has never run says so"
ONE_CODE = "a missing task in a folder that is there is ERROR_FILE_NOT_FOUND in every method"
SERVED_ADMIN = "notes 70 and 79: no descriptor shuts an administrator out of what it takes to get rid of a task"

# A word in the grids: the code; and where another one is printed, that one and the reason.
CELLS = {
    "ok": (OK,),
    "false": (S_FALSE,),
    "missing": (NOT_FOUND,),
    "nopath": (PATH_NOT_FOUND,),
    "denied": (ACCESS_DENIED,),
    "exists": (EXISTS,),
    "argument": (INVALID_ARGUMENT,),
    "name": (INVALID_NAME,),
    "full": (NOT_EMPTY,),
    "unserved": (NOT_IMPLEMENTED,),
    "untimed": (NOT_SCHEDULED,),
    # The page has E_ACCESSDENIED, here it is missing; in a folder that is missing itself for the caller, so is the path.
    "unseen": (NOT_FOUND, ACCESS_DENIED, UNSEEN),
    "unseen3": (PATH_NOT_FOUND, ACCESS_DENIED, UNSEEN),
    "unseen3/missing": (PATH_NOT_FOUND, NOT_FOUND, UNSEEN),
    # The page has a success where the one right is there and the right to read is not.
    "unseen/ok": (NOT_FOUND, OK, UNSEEN),
    "unseen3/ok": (PATH_NOT_FOUND, OK, UNSEEN),
    "denied/nopath": (ACCESS_DENIED, PATH_NOT_FOUND, "nobody learns by it what there is in a folder where he may make nothing"),
    "unseen/false": (NOT_FOUND, S_FALSE, UNSEEN),
    "denied/false": (ACCESS_DENIED, S_FALSE, SAID),
    "takes": (ACCESS_DENIED, OK, TAKEN),
    "dac": (OK, ACCESS_DENIED, TAKEN),
    "starts": (OK, INVALID_ARGUMENT, STARTED),
    "enumerated": (NOT_FOUND, PATH_NOT_FOUND, ENUMERATED),
    "never": (HAS_NOT_RUN, OK, NOT_YET),
    "counted": (NOT_FOUND, OK, COUNTED),
    "counted3": (PATH_NOT_FOUND, OK, COUNTED),
    "countedname": (INVALID_NAME, OK, COUNTED),
    "countedroot": (INVALID_ARGUMENT, OK, COUNTED),
    "onecode": (NOT_FOUND, PATH_NOT_FOUND, ONE_CODE),
    "rootkept": (ACCESS_DENIED, INVALID_ARGUMENT, "note 76: Windows 7 and later"),
    "bypass": (OK, ACCESS_DENIED, SERVED_ADMIN),
    "made": (OK, ACCESS_DENIED, "FACTS: nobody makes folders first, the server does; further down the page does too"),
}

ONLY = definition()
ON_TASK = {
    "RetrieveTask": lambda who: who.retrieve("t"),
    "GetSecurity": lambda who: who.get_security("t"),
    "SetSecurity": lambda who: who.set_security("t", "D:(A;;FA;;;BA)(A;;FA;;;@otto)"),
    "SetSecurity.owner": lambda who: who.set_security("t", f"O:@{who.name}"),
    "EnumFolders": lambda who: who.folders("t"),
    "EnumTasks": lambda who: who.tasks("t"),
    "EnumInstances": lambda who: who.instances("t"),
    "GetInstanceInfo.running": (lambda who: who.instance(), True),
    "StopInstance.running": (lambda who: who.stop_instance(), True),
    "Stop": lambda who: who.stop("t"),
    "Stop.running": (lambda who: who.stop("t"), True),
    "Run": lambda who: who.run("t"),
    "Run.as_self": lambda who: who.run("t", flags=1),
    "Delete": lambda who: who.delete("t"),
    "Rename": lambda who: who.rename("t"),
    "ScheduledRuntimes": lambda who: who.runtimes("t"),
    "GetLastRunInfo": lambda who: who.last_run("t"),
    "GetTaskInfo": lambda who: who.info("t"),
    "GetNumberOfMissedRuns": lambda who: who.missed("t"),
    "EnableTask": lambda who: who.enable("t", 0),
    "RegisterTask.update": lambda who: who.register("t", ONLY, UPDATE),
    "RegisterTask.either": lambda who: who.register("t", ONLY, CREATE | UPDATE),
    "RegisterTask.create": lambda who: who.register("t", ONLY, CREATE),
    "RegisterTask.others": lambda who: who.register("t", ONLY, NO_REGISTRATION_TRIGGERS),
    "RegisterTask.no_xml": lambda who: who.register("t", "this is no XML", UPDATE),
    "CreateFolder": lambda who: who.create_folder("t"),
    "ReadHistory": lambda who: who.history("t"),
}


def given(aces, **parts):
    """A task with this in its descriptor, in a folder that everybody sees."""
    return lambda running: (
        folder(SEEN),
        task(aces, **(RUNNING if running else {}), **parts),
        *([started()] if running else []),
    )


def owned(running):
    return (folder(SEEN + HIS), own_task(**(RUNNING if running else {})), *([started()] if running else []))


def locked_out(running):
    """The owner has shut himself out: what is left is what an owner always may, to read and to change the descriptor."""
    return (*owned(running), called(lambda who: who.set_security("t", "D:P(A;;FA;;;SY)(A;;FR;;;BA)")))


def shut(running):
    """A task of the other administrator's, who then leaves nobody but the system anything."""
    return (
        folder(SEEN),
        task(by=SECOND, **(RUNNING if running else {})),
        *([started(by=SECOND)] if running else []),
        called(lambda who: who.set_security("t", "D:P(A;;FA;;;SY)"), SECOND),
    )


def to(sddl_rights):
    return OTHER, f"a task that gives him {sddl_rights}", given(f"(A;;{sddl_rights};;;@otto)")


# What the caller has on a task whose folder he sees, but in which he may make nothing.
TASK_COLUMNS = {
    "none": (OTHER, "a task that gives him nothing", given("")),
    "R": to("FR"),
    "X": to("FX"),
    "W": to("FW"),
    "RX": to("FRFX"),
    "RW": to("FRFW"),
    "D": to("SD"),
    "RD": to("FRSD"),
    "RC": to("RC"),
    "RWD": to("FRWD"),
    "RWO": to("FRWO"),
    "FA": to("FA"),
    "GR": to("GR"),
    "GRGX": to("GRGX"),
    "GA": to("GA"),
    # One bit of those that make up reading.
    "bit": to("0x1"),
    "deny": (OTHER, "a task that denies him to read what it then gives", given("(D;;FR;;;@otto)(A;;FA;;;@otto)")),
    "late": (OTHER, "a task that gives before it denies", given("(A;;FA;;;@otto)(D;;FR;;;@otto)")),
    "group": (MEMBER, "a task that gives his group FRFX", given("(A;;FRFX;;;@gardeners)")),
    "nogroup": (OTHER, "a task that gives a group FA that he is not in", given("(A;;FA;;;@gardeners)")),
    "users": (OTHER, "a task that gives Users FRFX", given("(A;;FRFX;;;BU)")),
    "inherit": (OTHER, "a task that gives him FA only to hand on", given("(A;OICIIO;FA;;;@otto)")),
}

MINE = {
    "owner": (OWNER, "a task that he registered where he may", owned),
    "locked": (OWNER, "his own task, that gives him nothing any more", locked_out),
    "stranger": (OTHER, "the task that its owner registered where he may", owned),
    "admin": (ADMIN, "the task that its owner registered where he may", owned),
    "shut": (ADMIN, "a task of another administrator that gives nobody but the system anything", shut),
}

TASK_GRID = """
method                   none          R            X            W          RX       RW      D          RD       RC         FA
RetrieveTask             unseen        ok           unseen       unseen     ok       ok      unseen     ok       unseen     ok
GetSecurity              unseen        ok           unseen       unseen     ok       ok      unseen     ok       unseen     ok
SetSecurity              unseen        denied       unseen       unseen/ok  denied   takes   unseen     denied   unseen     ok
SetSecurity.owner        unseen        denied       unseen       unseen/ok  denied   takes   unseen     denied   unseen     ok
EnumFolders              enumerated    enumerated   enumerated   enumerated enumerated enumerated enumerated enumerated enumerated enumerated
EnumTasks                missing       missing      missing      missing    missing  missing missing    missing  missing    missing
EnumInstances            unseen/ok     ok           unseen/ok    unseen/ok  ok       ok      unseen/ok  ok       unseen/ok  ok
GetInstanceInfo.running  denied        ok           denied       denied     ok       ok      denied     ok       denied     ok
StopInstance.running     denied        denied       ok           denied     ok       denied  denied     denied   denied     ok
Stop                     unseen/false  denied/false unseen/false unseen/false false  denied/false unseen/false denied/false unseen/false false
Stop.running             unseen/false  denied/false unseen/ok    unseen/false ok     denied/false unseen/false denied/false unseen/false ok
Run                      unseen        denied       unseen       unseen     starts   denied  unseen     denied   unseen     starts
Run.as_self              unseen        denied       unseen       unseen     ok       denied  unseen     denied   unseen     ok
Delete                   unseen        denied       unseen       unseen     denied   denied  unseen/ok  ok       unseen     ok
Rename                   unserved      unserved     unserved     unserved   unserved unserved unserved  unserved unserved   unserved
ScheduledRuntimes        unseen        untimed      unseen       unseen     untimed  untimed unseen     untimed  unseen     untimed
GetLastRunInfo           unseen        never        unseen       unseen     never    never   unseen     never    unseen     never
GetTaskInfo              unseen        ok           unseen       unseen     ok       ok      unseen     ok       unseen     ok
GetNumberOfMissedRuns    counted       ok           counted      counted    ok       ok      counted    ok       counted    ok
EnableTask               unseen        denied       unseen       unseen/ok  denied   ok      unseen     denied   unseen     ok
RegisterTask.update      denied        denied       denied       denied     denied   ok      denied     denied   denied     ok
RegisterTask.either      denied        denied       denied       denied     denied   ok      denied     denied   denied     ok
RegisterTask.create      denied        denied       denied       denied     denied   denied  denied     denied   denied     denied
RegisterTask.others      denied        denied       denied       denied     denied   denied  denied     denied   denied     denied
RegisterTask.no_xml      denied        denied       denied       denied     denied   malformed denied   denied   denied     malformed
CreateFolder             denied        denied       denied       denied     denied   denied  denied     denied   denied     denied
ReadHistory              missing       ok           missing      missing    ok       ok      missing    ok       missing    ok
"""
CELLS["malformed"] = (0x8004131A,)

# The other ways to come to a right, and how it may be lost.
WAYS_GRID = """
method                   GR      GRGX     GA      bit      deny    late   group   nogroup  users    inherit  RWD     RWO
RetrieveTask             ok      ok       ok      unseen   unseen  ok     ok      unseen   ok       unseen   ok      ok
GetSecurity              ok      ok       ok      unseen   unseen  ok     ok      unseen   ok       unseen   ok      ok
SetSecurity              denied  denied   ok      unseen   unseen  ok     denied  unseen   denied   unseen   dac     denied
SetSecurity.owner        denied  denied   ok      unseen   unseen  ok     denied  unseen   denied   unseen   denied  dac
GetInstanceInfo.running  ok      ok       ok      denied   denied  ok     ok      denied   ok       denied   ok      ok
StopInstance.running     denied  ok       ok      denied   denied  ok     ok      denied   ok       denied   denied  denied
Run                      denied  starts   starts  unseen   unseen  starts starts  unseen   starts   unseen   denied  denied
Delete                   denied  denied   ok      unseen   unseen/ok ok   denied  unseen   denied   unseen   denied  denied
GetTaskInfo              ok      ok       ok      unseen   unseen  ok     ok      unseen   ok       unseen   ok      ok
EnableTask               denied  denied   ok      unseen   unseen  ok     denied  unseen   denied   unseen   denied  denied
RegisterTask.update      denied  denied   ok      denied   denied  ok     denied  denied   denied   denied   denied  denied
"""

# Who made it, who did not, and the administrators.
MINE_GRID = """
method                   owner     locked    stranger      admin    shut
RetrieveTask             ok        unseen    unseen        ok       unseen
GetSecurity              ok        ok        unseen        ok       bypass
SetSecurity              ok        dac       unseen        ok       bypass
SetSecurity.owner        ok        denied    unseen        ok       bypass
EnumInstances            ok        unseen/ok unseen/ok     ok       unseen/ok
GetInstanceInfo.running  ok        denied    denied        ok       denied
StopInstance.running     ok        denied    denied        ok       denied
Stop                     false     unseen/false unseen/false false  unseen/false
Stop.running             ok        unseen/false unseen/false ok     unseen/false
Run                      ok        unseen    unseen        ok       unseen
Run.as_self              ok        unseen    unseen        ok       unseen
Delete                   ok        unseen/ok unseen        ok       bypass
Rename                   unserved  unserved  unserved      unserved unserved
ScheduledRuntimes        untimed   unseen    unseen        untimed  unseen
GetLastRunInfo           never     unseen    unseen        never    unseen
GetTaskInfo              ok        unseen    unseen        ok       unseen
GetNumberOfMissedRuns    ok        counted   counted       ok       counted
EnableTask               ok        unseen    unseen        ok       unseen
RegisterTask.update      ok        denied    denied        ok       denied
RegisterTask.create      exists    denied    denied        exists   denied
RegisterTask.others      argument  denied    denied        argument denied
CreateFolder             exists    denied    denied        exists   exists
ReadHistory              ok        missing   missing       ok       missing
"""

IN_FOLDER = {
    "GetSecurity": lambda who: who.get_security("f"),
    "SetSecurity": lambda who: who.set_security("f", "D:(A;;FA;;;BA)(A;;FA;;;@otto)"),
    "SetSecurity.owner": lambda who: who.set_security("f", f"O:@{who.name}"),
    "EnumFolders": lambda who: who.folders("f"),
    "EnumTasks": lambda who: who.tasks("f"),
    "CreateFolder": lambda who: who.create_folder("f\\sub"),
    "CreateFolder.deep": lambda who: who.create_folder("f\\one\\two\\three"),
    "CreateFolder.existing": lambda who: who.create_folder("f"),
    "CreateFolder.inside": lambda who: who.create_folder("f\\there"),
    "CreateFolder.hidden": lambda who: who.create_folder("f\\hidden"),
    "RegisterTask": lambda who: who.register("f\\new", ONLY),
    "RegisterTask.update": lambda who: who.register("f\\new", ONLY, UPDATE),
    "RegisterTask.deep": lambda who: who.register("f\\one\\new", ONLY),
    "RegisterTask.seen": lambda who: who.register("f\\seen", ONLY, CREATE),
    "RegisterTask.hidden": lambda who: who.register("f\\veiled", ONLY, CREATE),
    "RegisterTask.no_xml": lambda who: who.register("f\\new", "this is no XML"),
    "RegisterTask.valid": lambda who: who.register("f\\new", ONLY, 1),
    "Delete": lambda who: who.delete("f"),
    "Delete.empty": lambda who: who.delete("f\\there"),
    "Delete.seen": lambda who: who.delete("f\\seen"),
    "Delete.veiled": lambda who: who.delete("f\\veiled"),
    "RetrieveTask.seen": lambda who: who.retrieve("f\\seen"),
    "RetrieveTask.veiled": lambda who: who.retrieve("f\\veiled"),
    "RetrieveTask.no": lambda who: who.retrieve("f\\no"),
    "GetTaskInfo.folder": lambda who: who.info("f"),
}


def holding(aces):
    """A folder `f` with this, and in it, for everybody to see, a task and a folder, and ones that nobody sees."""
    return (
        folder(SEEN),
        folder(aces, "f"),
        folder(SEEN, "f\\there"),
        folder("", "f\\hidden"),
        task(SEEN, "f\\seen"),
        task("", "f\\veiled"),
    )


def shut_folder():
    """All of it is the other administrator's, who then leaves nobody but the system anything in the folder itself."""
    return (*holding(""), called(lambda who: who.set_security("f", f"O:@{SECOND}D:P(A;;FA;;;SY)"), SECOND))


def folder_to(rights):
    return OTHER, f"a folder that gives him {rights}", holding(f"(A;;{rights};;;@otto)")


FOLDER_COLUMNS = {
    "none": (OTHER, "a folder that gives him nothing", holding("")),
    "R": folder_to("FR"),
    "W": folder_to("FW"),
    "X": folder_to("FX"),
    "R+2": folder_to("0x12008b"),
    "R+4": folder_to("0x12008d"),
    "6": folder_to("0x6"),
    "R+40": folder_to("0x1200c9"),
    "RD": folder_to("FRSD"),
    "RW": folder_to("FRFW"),
    "FA": folder_to("FA"),
    "group": (MEMBER, "a folder that gives his group FRFW", holding("(A;;FRFW;;;@gardeners)")),
    "admin": (ADMIN, "a folder", holding("")),
    "shut": (ADMIN, "a folder of another administrator that gives nobody but the system anything", shut_folder()),
}

FOLDER_GRID = """
method                 none        R          W         X        R+2      R+4      6        R+40     RD       RW       FA      group    admin    shut
GetSecurity            unseen      ok         unseen    unseen   ok       ok       unseen   ok       ok       ok       ok      ok       ok       bypass
SetSecurity            unseen      denied     unseen/ok unseen   denied   denied   unseen   denied   denied   takes    ok      takes    ok       bypass
SetSecurity.owner      unseen      denied     unseen/ok unseen   denied   denied   unseen   denied   denied   takes    ok      takes    ok       bypass
EnumFolders            enumerated  ok         ok        enumerated ok     ok       enumerated ok     ok       ok       ok      ok       ok       bypass
EnumTasks              missing     ok         ok        missing  ok       ok       missing  ok       ok       ok       ok      ok       ok       bypass
CreateFolder           denied      denied     ok        denied   denied   ok       ok       denied   denied   ok       ok      ok       ok       bypass
CreateFolder.deep      denied      denied     ok        denied   denied   ok       ok       denied   denied   ok       ok      ok       ok       bypass
CreateFolder.existing  denied      denied     denied    denied   denied   denied   denied   denied   denied   denied   denied  denied   exists   exists
CreateFolder.inside    denied      denied     exists    denied   denied   exists   exists   denied   denied   exists   exists  exists   exists   exists
CreateFolder.hidden    denied      denied     denied    denied   denied   denied   denied   denied   denied   denied   denied  denied   exists   exists
RegisterTask           denied      denied     ok        denied   ok       denied   ok       denied   denied   ok       ok      ok       ok       denied
RegisterTask.update    denied      denied     missing   denied   missing  denied   missing  denied   denied   missing  missing missing  missing  denied
RegisterTask.deep      denied      denied     ok        denied   denied   ok       ok       denied   denied   ok       ok      ok       ok       denied
RegisterTask.seen      denied      denied     exists    denied   exists   denied   exists   denied   denied   exists   exists  exists   exists   denied
RegisterTask.hidden    denied      denied     denied    denied   denied   denied   denied   denied   denied   denied   denied  denied   exists   denied
RegisterTask.no_xml    denied      denied     malformed denied   malformed denied  malformed denied  denied   malformed malformed malformed malformed denied
RegisterTask.valid     denied      denied     ok        denied   ok       denied   ok       denied   denied   ok       ok      ok       ok       denied
Delete                 unseen      denied     unseen    unseen   denied   denied   unseen   denied   full     denied   full    denied   full     full
Delete.empty           denied      denied     denied    denied   denied   denied   denied   child    denied   denied   child   denied   ok       ok
Delete.seen            denied      denied     denied    denied   denied   denied   denied   child    denied   denied   child   denied   ok       ok
Delete.veiled          unseen3     unseen     unseen3   unseen3  unseen   unseen   unseen3  unseen   unseen   unseen   unseen  unseen   ok       ok
RetrieveTask.seen      ok          ok         ok        ok       ok       ok       ok       ok       ok       ok       ok      ok       ok       ok
RetrieveTask.veiled    unseen3     unseen     unseen3   unseen3  unseen   unseen   unseen3  unseen   unseen   unseen   unseen  unseen   ok       ok
RetrieveTask.no        unseen3/missing missing unseen3/missing unseen3/missing missing missing unseen3/missing missing missing missing missing missing missing unseen3/missing
GetTaskInfo.folder     missing     missing    missing   missing  missing  missing  missing  missing  missing  missing  missing missing  missing  missing
"""
CELLS["child"] = (OK, ACCESS_DENIED, "[MS-FSA]: FILE_DELETE_CHILD on the folder is delete access to what is in it")

ON_PATH = {
    name: (lambda call: lambda path: lambda who: call(who, path))(call)
    for name, call in {
        "RegisterTask": lambda who, path: who.register(path, ONLY),
        "RegisterTask.update": lambda who, path: who.register(path, ONLY, UPDATE),
        "RetrieveTask": lambda who, path: who.retrieve(path),
        "CreateFolder": lambda who, path: who.create_folder(path),
        "SetSecurity": lambda who, path: who.set_security(path, "D:(A;;FA;;;BA)(A;;FA;;;SY)"),
        "GetSecurity": lambda who, path: who.get_security(path),
        "EnumFolders": lambda who, path: who.folders(path),
        "EnumTasks": lambda who, path: who.tasks(path),
        "EnumInstances": lambda who, path: who.instances(path),
        "Stop": lambda who, path: who.stop(path),
        "Run": lambda who, path: who.run(path),
        "Delete": lambda who, path: who.delete(path),
        "Rename": lambda who, path: who.rename(path),
        "ScheduledRuntimes": lambda who, path: who.runtimes(path),
        "GetLastRunInfo": lambda who, path: who.last_run(path),
        "GetTaskInfo": lambda who, path: who.info(path),
        "GetNumberOfMissedRuns": lambda who, path: who.missed(path),
        "EnableTask": lambda who, path: who.enable(path),
        "ReadHistory": lambda who, path: who.history(path),
    }.items()
}
HIDDEN = (folder(SEEN), folder("", "h"), task("", "h\\t"), task("(A;;FA;;;@otto)", "h\\his"))
PLAIN = (folder(SEEN), folder(SEEN, "f"))
# The path, who calls, the condition and the scene.
PATHS = {
    "root": ("\\", ADMIN, "the root", ()),
    "empty": ("", ADMIN, "the root as an empty string", ()),
    "root-o": ("\\", OTHER, "the root", ()),
    "nofolder": ("no\\t", ADMIN, "a folder that is not there", PLAIN),
    "nofolder-o": ("no\\t", OTHER, "a folder that is not there", PLAIN),
    "notask": ("no", ADMIN, "a name that is not there", PLAIN),
    "notask-o": ("no", OTHER, "a name that is not there", PLAIN),
    "folder": ("f", ADMIN, "the name of a folder", PLAIN),
    "folder-o": ("f", OTHER, "the name of a folder that he sees", PLAIN),
    "bad": ("a/b", ADMIN, "a name that is none", PLAIN),
    "bad-o": ("a/b", OTHER, "a name that is none", PLAIN),
    "hid-no": ("h\\no", OTHER, "a name that is not there, in a folder that he does not see", HIDDEN),
    "hid-t": ("h\\t", OTHER, "a task that he does not see, in a folder that he does not see", HIDDEN),
    "hid-his": ("h\\his", OTHER, "a task that is his to use, in a folder that he does not see", HIDDEN),
}

PATH_GRID = """
method                 root      empty     root-o    nofolder    nofolder-o   notask     notask-o    folder     folder-o    bad    bad-o  hid-no    hid-t     hid-his
RegisterTask           argument  argument  argument  made        denied       ok         denied      exists     denied      name   name   denied    denied    denied
RegisterTask.update    argument  argument  argument  missing     denied       missing    denied      -          denied      name   name   denied    denied    ok
RetrieveTask           argument  argument  argument  nopath      nopath       missing    missing     missing    missing     name   name   unseen3/missing unseen3 ok
CreateFolder           argument  argument  argument  ok          denied       ok         denied      exists     denied      name   name   denied    denied    denied
SetSecurity            -         -         denied    nopath      nopath       onecode    onecode     ok         denied      name   name   unseen3/missing unseen3 ok
GetSecurity            ok        ok        ok        nopath      nopath       missing    missing     ok         ok          name   name   unseen3/missing unseen3 ok
EnumFolders            ok        ok        ok        enumerated  enumerated   enumerated enumerated  ok         ok          name   name   enumerated enumerated enumerated
EnumTasks              ok        ok        ok        enumerated  enumerated   missing    missing     ok         ok          name   name   missing   missing   missing
EnumInstances          missing   missing   missing   missing     missing      missing    missing     missing    missing     name   name   missing   unseen/ok ok
Stop                   missing   missing   missing   missing     missing      missing    missing     missing    missing     name   name   missing   unseen/false false
Run                    missing   missing   missing   nopath      nopath       missing    missing     missing    missing     name   name   unseen3/missing unseen3 starts
Delete                 rootkept  rootkept  rootkept  nopath      nopath       missing    missing     ok         denied      name   name   unseen3/missing unseen3 ok
Rename                 unserved  unserved  unserved  unserved    unserved     unserved   unserved    unserved   unserved    unserved unserved unserved unserved unserved
ScheduledRuntimes      missing   missing   missing   nopath      nopath       missing    missing     missing    missing     name   name   unseen3/missing unseen3 untimed
GetLastRunInfo         missing   missing   missing   nopath      nopath       missing    missing     missing    missing     name   name   unseen3/missing unseen3 never
GetTaskInfo            argument  argument  argument  nopath      nopath       missing    missing     missing    missing     name   name   unseen3/missing unseen3 ok
GetNumberOfMissedRuns  countedroot countedroot countedroot counted3 counted3  counted    counted     counted    counted     countedname countedname counted3 counted3 ok
EnableTask             argument  argument  argument  nopath      nopath       missing    missing     missing    missing     name   name   unseen3/missing unseen3 ok
ReadHistory            argument  argument  argument  nopath      nopath       missing    missing     missing    missing     name   name   nopath    nopath    ok
"""


def by_path():
    """The grid of paths, in which a column is a path beside what every column is."""
    rows = []
    for head, (path, *column) in PATHS.items():
        calls = {name: call(path) for name, call in ON_PATH.items()}
        lines = [line.split() for line in PATH_GRID.strip().split("\n")]
        at = lines[0].index(head)
        assert all(len(line) == len(lines[0]) for line in lines), [line[0] for line in lines if len(line) != len(lines[0])]
        cut = "\n".join(f"{line[0]} {line[at]}" for line in lines)
        rows += grid(cut, {head: column}, calls, CELLS, SECTIONS)
    return rows


ROWS = [
    *grid(TASK_GRID, TASK_COLUMNS, ON_TASK, CELLS, SECTIONS),
    *grid(WAYS_GRID, TASK_COLUMNS, ON_TASK, CELLS, SECTIONS),
    *grid(MINE_GRID, MINE, ON_TASK, CELLS, SECTIONS),
    *grid(FOLDER_GRID, {head: (who, what, tuple(scene)) for head, (who, what, scene) in FOLDER_COLUMNS.items()}, IN_FOLDER, CELLS, SECTIONS),
    *by_path(),
]
