"""The table, part five: an account that may do nothing any more, and a day of somebody who is no administrator."""

from access_grids import ON_PATH, SECTIONS
from access_registration import soon
from access_world import (
    ADMIN,
    DISABLED,
    FAULT,
    HIS,
    OTHER,
    OWNER,
    REMOVED,
    SEEN,
    SLEEPS,
    Row,
    definition,
    folder,
    own_task,
    task,
)
from service import ACCESS_DENIED, IS_RUNNING, NOT_FOUND, PATH_NOT_FOUND, READY, UPDATE

OK = 0

# --- accounts that are no more -------------------------------------------------------------------------------------


def gone(name):
    """Once: he is logged in and may call, and then he is disabled, or removed."""

    def step(world):
        if name in world.gone:
            return
        caller = world.by(name)
        world.must(caller.version(), f"{name} is not served before")
        assert caller.history("\\nothing").code != FAULT, f"{name} is not served before"
        world.host.account("disable" if name == DISABLED else "remove", name)
        world.gone.add(name)
        soon_refused(caller)

    return step


def soon_refused(caller):
    """The server sees it within a moment; from then on there is no call that is served."""
    soon(lambda who: who.version(), lambda answer: answer.code == FAULT)(caller)


NO_MORE = {
    "HighestVersion": lambda who: who.version(),
    **{name: call("t") for name, call in ON_PATH.items() if "." not in name},
    "GetInstanceInfo": lambda who: who.instance(),
    "StopInstance": lambda who: who.stop_instance(),
}


def again(who):
    """Another connection."""
    return type(who)(who.world, who.name, who.port).version()


GONE = [
    *(Row(method, name, f"an open connection of an account that is {what}", (folder(), task("(A;;FA;;;WD)"), gone(name)), call, FAULT,
        f"{SECTIONS[method]}; FACTS: fault 5")
      for name, what in ((DISABLED, "disabled"), (REMOVED, "removed")) for method, call in NO_MORE.items()),
    *(Row("bind", name, f"an account that is {what}", (gone(name),), again, FAULT,
        "FACTS: connections") for name, what in ((DISABLED, "disabled"), (REMOVED, "removed"))),
]  # fmt: skip

# --- what survives -------------------------------------------------------------------------------------------------


def restarted(world):
    """The server is killed and started again."""
    world.host.kill()
    world.host.start()
    world.callers.clear()
    world.rerouted.clear()


def as_new(who):
    """Somebody of the same name, who is made anew."""
    who.world.host.account("add", REMOVED, words=who.world.password(REMOVED) + "\n")
    return type(who)(who.world, who.name, who.port).retrieve("t")


KEPT = (
    folder(SEEN + HIS),
    folder("(A;OICI;FR;;;@otto)", "f"),
    task("(A;;FR;;;@otto)"),
    own_task("hers"),
    task(path="f\\t", sddl=False),
    task(path="shut"),
)
STAYS = "descriptors and owners are kept with what they are of"


def kept(method, caller, what, call, code, gives=None, scene=None):
    more = {} if gives is None else {"gives": gives}
    return Row(method, caller, f"after a power cut: {what}", scene, call, code, STAYS, **more)


RESTART = [
    kept("GetSecurity", ADMIN, "a descriptor", lambda who: who.get_security("t", 4), OK, "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;@otto)",
        (*KEPT, restarted)),
    kept("GetSecurity", ADMIN, "an owner", lambda who: who.get_security("hers", 1), OK, "O:@olga"),
    kept("GetSecurity", ADMIN, "what a folder hands on", lambda who: who.get_security("f\\t", 4), OK, lambda sddl: "(A;ID;FR;;;@otto)" in sddl),
    kept("RetrieveTask", OTHER, "what he may read", lambda who: who.retrieve("t"), OK),
    kept("RetrieveTask", OTHER, "what he may not read", lambda who: who.retrieve("shut"), NOT_FOUND),
    kept("Delete", OWNER, "what is hers", lambda who: who.delete("hers"), OK),
    kept("EnumFolders", OTHER, "what he sees", lambda who: who.folders("."), OK, ["f"]),
    kept("GetSecurity", ADMIN, "the root's", lambda who: who.get_security("\\", 7), OK,
        "O:BAG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;CI;FR;;;AU)(A;OICIIO;FA;;;CO)"),
]  # fmt: skip

AGAIN = [
    Row("RetrieveTask", REMOVED, "an account of the name of one that was removed gets nothing of what that had",
        (folder(), task("(A;;FA;;;@rita)"), gone(REMOVED)), as_new, NOT_FOUND, "a SID is never given twice"),
]  # fmt: skip

# --- a day ---------------------------------------------------------------------------------------------------------
# Olga may work in one folder. Each row goes on where the one before ended.

ELSEWHERE = (
    folder(SEEN),
    folder(SEEN + HIS, "hers"),
    folder(SEEN, "theirs"),
    folder("", "closed"),
    task(SEEN, "theirs\\t"),
    task("", "theirs\\secret"),
    task("", "closed\\t"),
)
SLEEPER = definition(action=SLEEPS)


def hers(method, what, call, code, gives=None, scene=None):
    more = {} if gives is None else {"gives": gives}
    return Row(method, OWNER, f"her day: {what}", scene, call, code, SECTIONS[method], **more)


DAY = [
    hers("EnumFolders", "she sees the folders that she may see", lambda who: who.folders("."), OK, ["hers", "theirs"], ELSEWHERE),
    hers("RegisterTask", "she makes a task", lambda who: who.register("hers\\job", SLEEPER), OK, "\\hers\\job"),
    hers("CreateFolder", "and a folder", lambda who: who.create_folder("hers\\more"), OK),
    hers("RegisterTask", "and one in it", lambda who: who.register("hers\\more\\job", SLEEPER), OK),
    hers("RegisterTask", "and one in a folder that is made for it", lambda who: who.register("hers\\deep\\er\\job", SLEEPER), OK),
    hers("EnumTasks", "she lists her tasks", lambda who: who.tasks("hers"), OK, ["job"]),
    hers("EnumFolders", "and her folders", lambda who: who.folders("hers"), OK, ["deep", "more"]),
    hers("RetrieveTask", "she reads one", lambda who: who.retrieve("hers\\job"), OK, lambda xml: "<Task" in xml),
    hers("GetSecurity", "and who may what", lambda who: who.get_security("hers\\job", 7), OK, lambda sddl: sddl.startswith("O:@olga")),
    hers("Run", "she runs it", lambda who: who.run("hers\\job"), OK),
    hers("GetTaskInfo", "and sees it run", soon(lambda who: who.info("hers\\job"), (1, IS_RUNNING)), OK, (1, IS_RUNNING)),
    hers("EnumInstances", "and its instance", lambda who: who.instances("hers\\job"), OK, lambda seen: seen[1] == 1),
    hers("Stop", "she stops it", lambda who: who.stop("hers\\job"), OK),
    hers("GetTaskInfo", "and sees it stopped", soon(lambda who: who.info("hers\\job"), (1, READY)), OK, (1, READY)),
    hers("GetLastRunInfo", "and when it ran", lambda who: who.last_run("hers\\job"), OK),
    hers("RegisterTask", "she changes it", lambda who: who.register("hers\\job", definition(), UPDATE), OK),
    hers("EnableTask", "and switches it off", lambda who: who.enable("hers\\job", 0), OK),
    hers("EnableTask", "and on", lambda who: who.enable("hers\\job", 1), OK),
    hers("SetSecurity", "and lets everybody read it", lambda who: who.set_security("hers\\job", "D:P(A;;FA;;;@olga)(A;;FR;;;AU)"), OK),
    hers("ScheduledRuntimes", "and asks when it runs", lambda who: who.runtimes("hers\\job"), 0x41305),
    hers("Delete", "she deletes it", lambda who: who.delete("hers\\job"), OK),
    hers("RetrieveTask", "and it is gone", lambda who: who.retrieve("hers\\job"), NOT_FOUND),
    hers("Delete", "and the others", lambda who: who.delete("hers\\more\\job"), OK),
    hers("Delete", "and their folder", lambda who: who.delete("hers\\more"), OK),
    hers("Delete", "her folder she may not delete, which is another's", lambda who: who.delete("hers"), ACCESS_DENIED),
    hers("SetSecurity", "nor say who may what in it", lambda who: who.set_security("hers", "D:P(A;OICI;FA;;;@olga)"), ACCESS_DENIED),
    hers("RegisterTask", "beside it she makes nothing", lambda who: who.register("theirs\\job", SLEEPER), ACCESS_DENIED),
    hers("RegisterTask", "nor above it", lambda who: who.register("job", SLEEPER), ACCESS_DENIED),
    hers("RegisterTask", "nor in the root", lambda who: who.register("\\olga's job", SLEEPER), ACCESS_DENIED),
    hers("CreateFolder", "no folder either", lambda who: who.create_folder("theirs\\more"), ACCESS_DENIED),
    hers("CreateFolder", "nor in the root", lambda who: who.create_folder("\\olga's"), ACCESS_DENIED),
    hers("EnumTasks", "of what is there she sees what she may", lambda who: who.tasks("theirs"), OK, ["t"]),
    hers("RetrieveTask", "and reads that", lambda who: who.retrieve("theirs\\t"), OK),
    hers("Run", "and does not run it", lambda who: who.run("theirs\\t"), ACCESS_DENIED),
    hers("EnableTask", "nor switch it off", lambda who: who.enable("theirs\\t", 0), ACCESS_DENIED),
    hers("Delete", "nor delete it", lambda who: who.delete("theirs\\t"), ACCESS_DENIED),
    hers("SetSecurity", "nor give it to herself", lambda who: who.set_security("theirs\\t", "D:P(A;;FA;;;@olga)"), ACCESS_DENIED),
    hers("SetSecurity", "nor take it", lambda who: who.set_security("theirs\\t", "O:@olga"), ACCESS_DENIED),
    hers("RegisterTask", "nor change it", lambda who: who.register("theirs\\t", SLEEPER, UPDATE), ACCESS_DENIED),
    hers("RetrieveTask", "what is not for her is not there", lambda who: who.retrieve("theirs\\secret"), NOT_FOUND),
    hers("EnumTasks", "nor is a folder", lambda who: who.tasks("closed"), NOT_FOUND),
    hers("RetrieveTask", "nor what is in it", lambda who: who.retrieve("closed\\t"), PATH_NOT_FOUND),
    hers("RegisterTask", "and there too she makes nothing", lambda who: who.register("closed\\job", SLEEPER), ACCESS_DENIED),
    hers("RegisterTask", "nobody's work is done as the system for her",
        lambda who: who.register("hers\\job", definition(principal="<UserId>S-1-5-18</UserId>")), ACCESS_DENIED),
]  # fmt: skip

ROWS = [*DAY, *RESTART, *GONE, *AGAIN]
