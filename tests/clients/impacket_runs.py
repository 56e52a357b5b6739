"""When tasks run, and who may call: the methods of ITaskSchedulerService that are about runs, with impacket's own functions.

impacket does not verify what the server signs; samba_rpc.py does.
"""

import time

from impacket.dcerpc.v5 import epm, mgmt, tsch
from impacket.dcerpc.v5.dtypes import NULL
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.uuid import uuidtup_to_bin

import rpc
import tasks
from rpc import code, names, refused, text
from server import arguments, equal, needs, run, target, until
from service import (
    ACCESS_DENIED,
    CREATE,
    DISABLED,
    HAS_NOT_RUN,
    INVALID_ARGUMENT,
    IS_RUNNING,
    NOT_IMPLEMENTED,
    NOT_ON_DEMAND,
    NOT_SCHEDULED,
    NO_MORE_RUNS,
    READY,
    S_FALSE,
    TASK_DISABLED,
    TASK_NOT_RUNNING,
    UPDATE,
    register,
    retrieved,
    state,
)

ARGUMENTS = arguments()
HOST = target(ARGUMENTS, epm=True)
MINUTE = "\\Tests\\Every minute"


def bound():
    return rpc.bound(HOST)


def main_job():
    """a task that fires every minute is registered, fires, runs on demand with arguments, is seen running and stopped"""
    dce = bound()
    definition = tasks.task(HOST.notes("minute", "fired"), tasks.every_minute(4), registration="<Author>the tests</Author>")
    answer = register(dce, MINUTE, definition)
    equal(text(answer["pActualPath"]), MINUTE, "actual path")
    equal(names(tsch.hSchRpcEnumTasks(dce, "\\Tests")), ["Every minute"], "names")
    answer = refused(HAS_NOT_RUN, tsch.hSchRpcGetLastRunInfo, dce, MINUTE)
    equal(answer["pLastRuntime"]["wYear"], 0, "year of a run that was not")
    equal(state(dce, MINUTE), (1, READY), "state")
    until(lambda: HOST.lines("minute"), 8, "the first firing")

    def year():
        got, answer = code(tsch.hSchRpcGetLastRunInfo, dce, MINUTE)
        return got == 0 and answer["pLastRuntime"]["wYear"]

    equal(until(year, 5, "a last run"), time.gmtime().tm_year, "year")
    equal(tsch.hSchRpcGetLastRunInfo(dce, MINUTE)["pLastReturnCode"], 0, "result")


def run_with_arguments():
    """run on demand: arguments are put in, the instance is seen, and stopped, and its end is the last run"""
    dce = bound()
    path = "\\Tests\\On demand"
    register(dce, path, tasks.task(HOST.notes_and_sleeps("demand", "$(Arg0)-$(Arg1)", 100)))
    instance = tsch.hSchRpcRun(dce, path, ("one", "two"))["pGuid"]
    assert instance != b"\0" * 16, "an instance has an identifier"
    until(lambda: HOST.lines("demand") == ["one-two"], 5, f"its line, but {HOST.lines('demand')}")
    equal(state(dce, path), (1, IS_RUNNING), "state while it runs")
    seen = tsch.hSchRpcEnumInstances(dce, path)
    equal([guid["Data"] for guid in seen["pGuids"]], [instance], "instances of the task")
    request = tsch.SchRpcEnumInstances()
    request["path"], request["flags"] = NULL, 1
    assert instance in [guid["Data"] for guid in dce.request(request)["pGuids"]], "instances of all tasks"
    info = tsch.hSchRpcGetInstanceInfo(dce, instance)
    equal(text(info["pPath"]), path, "path of the instance")
    equal(info["pState"], IS_RUNNING, "state of the instance")
    equal(info["pcGroupInstances"], 0, "group")
    process = info["pEnginePID"] if HOST.has("processes") else None
    if process:
        with open(f"/proc/{process}/cmdline", "rb") as command:
            assert b"sleep" in command.read(), "the process is the action"
    # IgnoreNew: a second start succeeds and starts nothing.
    equal(code(tsch.hSchRpcRun, dce, path, ("three",))[0], 0, "a second start")
    equal(len(tsch.hSchRpcEnumInstances(dce, path)["pGuids"]), 1, "instances after a second start")
    tsch.hSchRpcStopInstance(dce, instance)
    until(lambda: state(dce, path) == (1, READY), 10, "ready again")
    refused(TASK_NOT_RUNNING, tsch.hSchRpcGetInstanceInfo, dce, instance)
    refused(TASK_NOT_RUNNING, tsch.hSchRpcStopInstance, dce, instance)
    if process:
        until(lambda: not alive(process), 10, "the process is gone")
    last = tsch.hSchRpcGetLastRunInfo(dce, path)
    equal(last["pLastRuntime"]["wYear"], time.gmtime().tm_year, "year")
    equal(HOST.lines("demand"), ["one-two"], "lines")
    # Stop by path: S_OK when something was stopped, S_FALSE when nothing was there.
    tsch.hSchRpcRun(dce, path, ("four", "five"))
    until(lambda: len(HOST.lines("demand")) == 2, 5, "a second line")
    tsch.hSchRpcStop(dce, path)
    until(lambda: state(dce, path) == (1, READY), 10, "ready again")
    refused(S_FALSE, tsch.hSchRpcStop, dce, path)


def alive(process):
    try:
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def exit_code():
    """actions run one after the other, and the exit code of the last is the result of the run, there when the client asks"""
    dce = bound()
    register(dce, "\\Tests\\Fails", tasks.task(HOST.fails(3) + HOST.notes("fails", "went on") + HOST.fails(7)))
    tsch.hSchRpcRun(dce, "\\Tests\\Fails")

    def result():
        got, answer = code(tsch.hSchRpcGetLastRunInfo, dce, "\\Tests\\Fails")
        return got == 0 and answer["pLastReturnCode"]

    until(lambda: result() == 7, 5, "result 7")
    # What the firmware logs may still be on its way.
    until(lambda: HOST.lines("fails"), 5, "what ran behind an action that failed")
    equal(HOST.lines("fails"), ["went on"], "what ran behind an action that failed")


def switched_off():
    """a disabled task does not run, and enabling brings it back"""
    dce = bound()
    path = "\\Tests\\Switch"
    register(dce, path, tasks.task(HOST.notes("switch", "ran")))
    tsch.hSchRpcEnableTask(dce, path, False)
    equal(state(dce, path), (0, DISABLED), "disabled")
    equal(tsch.hSchRpcGetTaskInfo(dce, path, 0)["pState"], 0, "state that was not asked for")
    refused(TASK_DISABLED, tsch.hSchRpcRun, dce, path)
    request = tsch.SchRpcEnableTask()
    request["path"], request["enabled"] = path + "\0", 42
    dce.request(request)
    equal(state(dce, path), (1, READY), "any value but zero enables")
    tsch.hSchRpcRun(dce, path)
    until(lambda: HOST.lines("switch") == ["ran"], 5, "one line")
    register(dce, path, tasks.task(HOST.nothing(), settings="<AllowStartOnDemand>false</AllowStartOnDemand>"), UPDATE)
    refused(NOT_ON_DEMAND, tsch.hSchRpcRun, dce, path)


def policies():
    """Parallel starts a second instance, Queue starts it after the first, StopExisting in its stead"""
    dce = bound()
    path = "\\Tests\\Policy"

    def runs(policy, seconds):
        register(dce, path, tasks.task(HOST.sleeps(seconds), policy=policy), CREATE | UPDATE)
        first = tsch.hSchRpcRun(dce, path)["pGuid"]
        until(lambda: state(dce, path)[1] == IS_RUNNING, 5, "running")
        time.sleep(0.2)
        _, answer = code(tsch.hSchRpcRun, dce, path)
        return first, answer["pGuid"]

    def instances():
        return [guid["Data"] for guid in tsch.hSchRpcEnumInstances(dce, path)["pGuids"]]

    first, second = runs("Parallel", 2)
    equal(sorted(instances()), sorted([first, second]), "parallel instances")
    until(lambda: not instances(), 10, "both end")
    first, second = runs("StopExisting", 3)
    until(lambda: instances() == [second], 10, "the second in the first one's stead")
    tsch.hSchRpcStop(dce, path)
    until(lambda: not instances(), 10, "it ends")
    first, second = runs("Queue", 1)
    equal(tsch.hSchRpcGetInstanceInfo(dce, first)["pState"], IS_RUNNING, "the first runs")
    equal(tsch.hSchRpcGetInstanceInfo(dce, second)["pState"], tsch.TASK_STATE_QUEUED, "the second waits")
    until(lambda: instances() == [second], 10, "the first ends")
    until(lambda: not instances(), 10, "the second ends")


def time_limit():
    """an action that outlives its time limit is stopped"""
    dce = bound()
    path = "\\Tests\\Limit"
    settings = "<ExecutionTimeLimit>PT1S</ExecutionTimeLimit>"
    register(dce, path, tasks.task(HOST.sleeps(60, stubborn=True), settings=settings))
    tsch.hSchRpcRun(dce, path)
    until(lambda: state(dce, path)[1] == IS_RUNNING, 5, "running")
    until(lambda: state(dce, path)[1] == READY, 12, "stopped, for good since it did not listen")


def triggers_that_start_at_once():
    """a registration trigger fires on registration, unless it is told not to"""
    dce = bound()
    xml = tasks.task(HOST.notes("registered", "ran"), "<RegistrationTrigger/>")
    register(dce, "\\Tests\\Registered", xml)
    until(lambda: HOST.lines("registered") == ["ran"], 5, "it ran")
    until(lambda: state(dce, "\\Tests\\Registered")[1] == READY, 5, "it ended")
    register(dce, "\\Tests\\Registered", xml, UPDATE | tsch.TASK_IGNORE_REGISTRATION_TRIGGERS)
    time.sleep(0.5)
    equal(HOST.lines("registered"), ["ran"], "it did not run again")


def scheduled_runtimes():
    """the next run times are told, with the codes for some, all, none and no schedule"""
    dce = bound()
    path = "\\Tests\\Times"
    daily = (
        "<CalendarTrigger><StartBoundary>2031-03-01T10:00:00Z</StartBoundary><EndBoundary>2031-03-04T11:00:00Z</EndBoundary>"
        "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay></CalendarTrigger>"
    )
    register(dce, path, tasks.task(HOST.nothing(), daily))

    def times(answer):
        return [tuple(t[f"w{part}"] for part in ("Year", "Month", "Day", "Hour", "Minute")) for t in answer["pRuntimes"]]

    start = tsch.PSYSTEMTIME()
    for name, value in zip(("Year", "Month", "DayOfWeek", "Day", "Hour", "Minute", "Second", "Milliseconds"), (2030, 1, 0, 1, 0, 0, 0, 0)):
        start[f"w{name}"] = value
    answer = refused(S_FALSE, tsch.hSchRpcScheduledRuntimes, dce, path, start, NULL, 0, 2)
    equal(times(answer), [(2031, 3, day, 10, 0) for day in (1, 2)], "two of them")
    answer = tsch.hSchRpcScheduledRuntimes(dce, path, start, NULL, 0, 10)
    equal(times(answer), [(2031, 3, day, 10, 0) for day in (1, 2, 3, 4)], "all of them")
    start["wYear"] = 2040
    refused(NO_MORE_RUNS, tsch.hSchRpcScheduledRuntimes, dce, path, start, NULL, 0, 10)
    register(dce, path, tasks.task(HOST.nothing(), "<BootTrigger/>"), UPDATE)
    refused(NOT_SCHEDULED, tsch.hSchRpcScheduledRuntimes, dce, path, start, NULL, 0, 10)
    refused(INVALID_ARGUMENT, tsch.hSchRpcScheduledRuntimes, dce, path, start, NULL, 1, 10)


def not_served():
    """what is not served says so, and a number that is no method at all is a fault that keeps the connection"""
    dce = bound()
    refused(NOT_IMPLEMENTED, tsch.hSchRpcRename, dce, MINUTE, "Other")
    dce.call(77, b"")
    rpc.fault("nca_s_op_rng_error", dce.recv)
    tsch.hSchRpcHighestVersion(dce)


def versions():
    """the highest version is a version"""
    version = tsch.hSchRpcHighestVersion(bound())["pVersion"]
    assert version >> 16 == 1 and 2 <= version & 0xFFFF <= 6, f"{version:#x}"


@needs("endpoint mapper")
def by_endpoint_mapper():
    """the endpoint mapper names the port, lists it, and the connection made by it is served"""
    binding = rpc.through_mapper(HOST.epm)
    equal(binding, f"ncacn_ip_tcp:127.0.0.1[{HOST.port}]", "mapped binding")
    dce = rpc.bind(binding, user=HOST.name, password=HOST.password)
    tsch.hSchRpcHighestVersion(dce)
    mapper = rpc.connect(f"ncacn_ip_tcp:127.0.0.1[{HOST.epm}]")
    entries = epm.hept_lookup("127.0.0.1", dce=mapper)
    wanted = tsch.MSRPC_UUID_TSCHS[:16]
    found = [entry for entry in entries if entry["tower"]["Floors"][0]["InterfaceUUID"] == wanted]
    assert found, "the lookup does not list ITaskSchedulerService"
    # An interface that nobody serves is not mapped.
    other = rpc.connect(f"ncacn_ip_tcp:127.0.0.1[{HOST.epm}]")
    unknown = uuidtup_to_bin(("11111111-2222-3333-4444-555555555555", "1.0"))
    try:
        answer = epm.hept_map("127.0.0.1", unknown, protocol="ncacn_ip_tcp", dce=other)
    except Exception:
        return
    raise AssertionError(f"an interface that nobody serves is at {answer}")


def management():
    """rpcmgmt is served on the same endpoint, and refuses to stop the server"""
    dce = rpc.bound(HOST, interface=mgmt.MSRPC_UUID_MGMT)
    ids = mgmt.hinq_if_ids(dce)
    assert ids["if_id_vector"]["count"] >= 2
    equal(mgmt.his_server_listening(dce)["status"], 0, "status of listening")
    assert mgmt.hinq_stats(dce)["count"] >= 1
    got, _ = code(mgmt.hstop_server_listening, dce)
    assert got != 0, "the server may not be stopped so"
    tsch.hSchRpcHighestVersion(bound())


def two_interfaces_on_one_connection():
    """a second presentation and security context on the connection is served beside the first"""
    dce = bound()
    other = dce.alter_ctx(mgmt.MSRPC_UUID_MGMT)
    assert mgmt.hinq_if_ids(other)["if_id_vector"]["count"] >= 2
    tsch.hSchRpcHighestVersion(dce)


def who_gets_in():
    """a wrong password and nobody do not get in, nor does a call in the clear; somebody who is no administrator makes and sees no task"""
    for user, password in ((HOST.name, "wrong"), ("nobody at all", HOST.password), ("", "")):
        try:
            tsch.hSchRpcHighestVersion(rpc.bound(HOST, user=user, password=password))
        except DCERPCException as said:
            assert "access_denied" in str(said) or "logon" in str(said).lower(), said
        except (ConnectionError, OSError):
            pass
        else:
            raise AssertionError(f"{user!r} got in")
    for level in (rpc.NONE, rpc.INTEGRITY):
        rpc.fault("access_denied", tsch.hSchRpcHighestVersion, rpc.bound(HOST, level=level))
    for user, domain in ((HOST.name.upper(), ""), (HOST.name, "WORKGROUP"), (HOST.name, ".")):
        tsch.hSchRpcHighestVersion(rpc.bound(HOST, user=user, domain=domain))
    if not HOST.has("accounts"):
        return
    HOST.add_account("bob", "of bob", admin=False)
    ordinary = rpc.bound(HOST, user="bob", password="of bob")
    equal(rpc.listed(ordinary, tsch.hSchRpcEnumTasks, "\\", flags=1), [], "the tasks that somebody sees who is no administrator")
    refused(ACCESS_DENIED, register, ordinary, "\\Of bob", tasks.task(HOST.nothing()))
    # An account that is added while the server runs counts at once.
    HOST.add_account("carol", "of carol")
    tsch.hSchRpcHighestVersion(rpc.bound(HOST, user="carol", password="of carol"))


def after_a_crash():
    """after kill -9 and a new start a task that fires every minute is there, with its last run, and fires on"""
    dce = bound()
    path = "\\Tests\\Every minute, twice"
    # The second of its triggers is due when the first has fired, and the server has been started again.
    triggers = tasks.every_minute(1.5) + tasks.every_minute(9)
    register(dce, path, tasks.task(HOST.notes("crash", "fired"), triggers))
    until(lambda: code(tsch.hSchRpcGetLastRunInfo, dce, path)[0] == 0, 8, "its first run")
    until(lambda: HOST.lines("crash") == ["fired"], 5, "one firing")
    before = retrieved(dce, path), retrieved(dce, MINUTE)
    HOST.kill()
    HOST.start()
    dce = bound()
    equal((retrieved(dce, path), retrieved(dce, MINUTE)), before, "its definition, and that of another")
    equal(tsch.hSchRpcGetLastRunInfo(dce, path)["pLastRuntime"]["wYear"], time.gmtime().tm_year, "year of its last run")
    until(lambda: len(HOST.lines("crash")) > 1, 70, "the next firing")
    time.sleep(1)
    equal(HOST.lines("crash"), ["fired"] * 2, "one firing more")


@needs("processes")
def ends_on_request():
    """SIGTERM ends the server cleanly within ten seconds, also children that do not listen, and what they started"""
    dce = bound()
    # Of two dollar signs a definition keeps one.
    deaf = f"trap '' TERM; echo $$$$ >> {HOST.scratch}/deaf; while :; do sleep 1; done"
    register(dce, "\\Tests\\Deaf", tasks.task(tasks.shell(deaf)))
    soft = "<AllowHardTerminate>false</AllowHardTerminate>"
    register(dce, "\\Tests\\Deaf and soft", tasks.task(tasks.shell(deaf), settings=soft))
    # A shell that listens, and leaves behind what does not; the first process of that ends too, and its own child stays.
    behind = f"(trap '' TERM; sleep 1000 & echo $! >> {HOST.scratch}/deaf) & wait; sleep 1000"
    register(dce, "\\Tests\\Deaf behind", tasks.task(tasks.shell(behind)))
    for path in ("\\Tests\\Deaf", "\\Tests\\Deaf and soft", "\\Tests\\Deaf behind"):
        tsch.hSchRpcRun(dce, path)
    until(lambda: len(HOST.lines("deaf")) == 3, 5, "they run")
    result, took = HOST.stop()
    equal(result, 0, "exit code")
    assert took < 10, f"took {took:.1f} s"
    left = [process for process in HOST.lines("deaf") if alive(process)]
    assert not left, f"{len(left)} outlived the server"


def fresh():
    """Every check begins with the task that fires every minute, and nothing else."""
    if HOST.alive():
        rpc.clear(bound(), kept=(MINUTE,))


with HOST:
    HOST.add_account()
    HOST.start()
    run(
        [
            main_job,
            run_with_arguments,
            exit_code,
            switched_off,
            policies,
            time_limit,
            triggers_that_start_at_once,
            scheduled_runtimes,
            not_served,
            versions,
            by_endpoint_mapper,
            management,
            two_interfaces_on_one_connection,
            who_gets_in,
            after_a_crash,
            ends_on_request,
        ],
        ARGUMENTS.only,
        HOST,
        fresh,
        ARGUMENTS.lie,
    )
