"""Every served method of ITaskSchedulerService, called with impacket's own functions.

impacket does not verify what the server signs; samba_rpc.py does.
"""

import re
import time

from impacket.dcerpc.v5 import epm, mgmt, tsch
from impacket.dcerpc.v5.dtypes import NULL
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.uuid import uuidtup_to_bin

import rpc
import tasks
from rpc import code, names, refused, text
from server import arguments, equal, needs, run, target, until

ARGUMENTS = arguments()
HOST = target(ARGUMENTS, epm=True)
S_FALSE = 1
NOT_FOUND, PATH_NOT_FOUND, INVALID_NAME = 0x80070002, 0x80070003, 0x8007007B
EXISTS, NOT_EMPTY = 0x800700B7, 0x80070091
INVALID_ARGUMENT, NOT_IMPLEMENTED, ACCESS_DENIED = 0x80070057, 0x80004001, 0x80070005
HAS_NOT_RUN, RUNNING, NO_MORE_RUNS, NOT_SCHEDULED = 0x41303, 0x41301, 0x41304, 0x41305
TASK_NOT_RUNNING, TASK_DISABLED, NOT_ON_DEMAND = 0x8004130B, 0x80041326, 0x80041328
UNEXPECTED_NODE, NAMESPACE, INVALID_VALUE = 0x80041316, 0x80041317, 0x80041318
MISSING_NODE, MALFORMED, TOO_MANY_NODES = 0x80041319, 0x8004131A, 0x8004131D
UNSUPPORTED_ACCOUNT_OPTION, NO_MEMORY = 0x80041314, 0x8007000E
CREATE, UPDATE, VALIDATE, DISABLE = tsch.TASK_CREATE, tsch.TASK_UPDATE, tsch.TASK_VALIDATE_ONLY, tsch.TASK_DISABLE
STATE = tsch.SCH_FLAG_STATE
DISABLED, READY, IS_RUNNING = tsch.TASK_STATE_DISABLED, tsch.TASK_STATE_READY, tsch.TASK_STATE_RUNNING


def bound():
    return rpc.bound(HOST)


def register(dce, path, xml, flags=CREATE, logon=0, credentials=()):
    return tsch.hSchRpcRegisterTask(dce, path, xml, flags, NULL, logon, credentials)


def state(dce, path):
    answer = tsch.hSchRpcGetTaskInfo(dce, path, STATE)
    return answer["pEnabled"], answer["pState"]


def retrieved(dce, path):
    return text(tsch.hSchRpcRetrieveTask(dce, path)["pXml"])


MINUTE = "\\Tests\\Every minute"


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


NORMALISED = """<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.3" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Version>1.0.0</Version>
    <Date>2024-02-29T12:00:00</Date>
    <Author>Somebody &amp; &lt;Co&gt; "x"</Author>
    <Description>Two words</Description>
    <URI>\\Tests\\Deep\\er\\Normal</URI>
  </RegistrationInfo>
  <Principals>
    <Principal id="Author">
      <UserId>S-1-5-18</UserId>
    </Principal>
  </Principals>
  <Settings>
    <DisallowStartIfOnBatteries>true</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT1H</ExecutionTimeLimit>
    <MultipleInstancesPolicy>Queue</MultipleInstancesPolicy>
    <StartWhenAvailable>true</StartWhenAvailable>
    <IdleSettings>
      <StopOnIdleEnd>true</StopOnIdleEnd>
      <RestartOnIdle>false</RestartOnIdle>
    </IdleSettings>
  </Settings>
  <Triggers>
    <BootTrigger>
      <Delay>PT30S</Delay>
    </BootTrigger>
    <TimeTrigger id="once">
      <Enabled>false</Enabled>
      <StartBoundary>2099-01-01T00:00:00Z</StartBoundary>
      <Repetition>
        <Interval>PT5M</Interval>
        <Duration>P1D</Duration>
        <StopAtDurationEnd>true</StopAtDurationEnd>
      </Repetition>
    </TimeTrigger>
    <CalendarTrigger>
      <StartBoundary>2099-01-01T02:30:00</StartBoundary>
      <ScheduleByWeek>
        <WeeksInterval>2</WeeksInterval>
        <DaysOfWeek>
          <Monday />
          <Friday />
        </DaysOfWeek>
      </ScheduleByWeek>
    </CalendarTrigger>
  </Triggers>
  <Actions Context="Author">
    <Exec>
      <Command>/bin/echo</Command>
      <Arguments>a &amp; b</Arguments>
      <WorkingDirectory>/tmp</WorkingDirectory>
    </Exec>
  </Actions>
</Task>""".replace("\n", "\r\n")

# The same, as somebody would write it: other order, other white space, defaults spelt out, no declaration.
WRITTEN = """
<!-- written by hand -->
<Task xmlns='http://schemas.microsoft.com/windows/2004/02/mit/task' version='1.3'>
 <Triggers>
  <BootTrigger><Enabled>true</Enabled><Delay>PT30S</Delay></BootTrigger>
  <TimeTrigger id="once"><Repetition><StopAtDurationEnd>true</StopAtDurationEnd><Interval>PT5M</Interval><Duration>P1D</Duration></Repetition>
    <StartBoundary>2099-01-01T00:00:00Z</StartBoundary><Enabled>false</Enabled></TimeTrigger>
  <CalendarTrigger><StartBoundary>2099-01-01T02:30:00</StartBoundary><ScheduleByWeek><WeeksInterval>2</WeeksInterval>
    <DaysOfWeek><Monday/><Friday/></DaysOfWeek></ScheduleByWeek></CalendarTrigger>
 </Triggers>
 <Actions Context="Author"><Exec><WorkingDirectory>/tmp</WorkingDirectory><Command>/bin/echo</Command>
   <Arguments><![CDATA[a & b]]></Arguments></Exec></Actions>
 <Settings><StartWhenAvailable>true</StartWhenAvailable><MultipleInstancesPolicy>Queue</MultipleInstancesPolicy>
   <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries><ExecutionTimeLimit>PT1H</ExecutionTimeLimit><Enabled>true</Enabled>
   <AllowStartOnDemand>true</AllowStartOnDemand></Settings>
 <RegistrationInfo><Author>Somebody &amp; &lt;Co&gt; &quot;x&quot;</Author><Date>2024-02-29T12:00:00</Date>
   <Description>Two words</Description><Version>1.0.0</Version></RegistrationInfo>
 <Principals><Principal id="Author"><UserId>SYSTEM</UserId></Principal></Principals>
</Task>
"""


def normalised_form():
    """a definition comes back in the normalised form, byte for byte, and that form comes back as itself"""
    dce = bound()
    path = "\\Tests\\Deep\\er\\Normal"
    answer = register(dce, path[1:], WRITTEN)
    equal(text(answer["pActualPath"]), path, "the actual path has the backslash that was left out")
    equal(retrieved(dce, path), NORMALISED, "normalised form")
    register(dce, path, NORMALISED, UPDATE)
    equal(retrieved(dce, path[1:].upper()), NORMALISED, "normalised form of itself, by another spelling of its path")


def long_definition():
    """a definition of many fragments comes back whole"""
    dce = bound()
    words = " ".join(f"word{number}" for number in range(20000))[: HOST.longest]
    register(dce, "\\Tests\\Long", tasks.task(HOST.nothing(), registration=f"<Description>{words}</Description>"))
    assert f"<Description>{words}</Description>" in retrieved(dce, "\\Tests\\Long")
    dce.set_max_fragment_size(500)
    register(dce, "\\Tests\\Long", tasks.task(HOST.nothing(), registration=f"<Description>{words[: len(words) // 18]}</Description>"), UPDATE)
    assert f"<Description>{words[: len(words) // 18]}</Description>" in retrieved(dce, "\\Tests\\Long")


def creation_flags():
    """flags of a registration: create, update, validate, disable, and what none of them allows"""
    dce = bound()
    xml, path = tasks.task(HOST.nothing()), "\\Flags\\Task"
    refused(NOT_FOUND, register, dce, path, xml, UPDATE)
    answer = register(dce, path, xml, VALIDATE)
    equal(text(answer["pActualPath"]), "", "path of a validation")
    refused(PATH_NOT_FOUND, tsch.hSchRpcGetTaskInfo, dce, path)
    register(dce, path, xml, 0)
    for flags in (0, CREATE):
        refused(EXISTS, register, dce, path, xml, flags)
    register(dce, path, xml, UPDATE)
    register(dce, path, xml, CREATE | UPDATE | DISABLE)
    equal(state(dce, path), (0, DISABLED), "registered disabled")
    register(dce, path, xml, CREATE | UPDATE)
    equal(state(dce, path), (1, READY), "registered enabled")
    for flags in (0x40, 0x80000000 | CREATE):
        refused(INVALID_ARGUMENT, register, dce, path, xml, flags)
    refused(INVALID_ARGUMENT, register, dce, path, xml, CREATE | UPDATE, 99)
    # Without a path: the URI of the definition, or a name that the server makes.
    xml = tasks.task(HOST.nothing(), registration="<URI>\\Flags\\By URI</URI>")
    equal(text(register_nameless(dce, xml)["pActualPath"]), "\\Flags\\By URI", "path taken from the URI")
    made = text(register_nameless(dce, tasks.task(HOST.nothing()))["pActualPath"])
    assert re.fullmatch(r"\\\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}", made), made
    tsch.hSchRpcDelete(dce, made)


def register_nameless(dce, xml):
    request = tsch.SchRpcRegisterTask()
    request["path"] = NULL
    request["xml"] = xml + "\0"
    request["flags"] = CREATE
    request["sddl"] = NULL
    request["logonType"] = 0
    request["cCreds"] = 0
    request["pCreds"] = NULL
    return dce.request(request)


def credentials():
    """credentials are checked; those that would have to be kept are refused, and the system needs none"""
    dce = bound()
    xml = tasks.task(HOST.nothing())

    def credential(user, password):
        made = tsch.TASK_USER_CRED()
        made["userId"] = user + "\0"
        made["password"] = NULL if password is None else password + "\0"
        made["flags"] = 0
        return made

    for number, (user, password) in enumerate((("S-1-5-18", ""), ("System", None), ("SYSTEM", ""))):
        register(dce, f"\\Creds\\System {number}", xml, CREATE, tsch.TASK_LOGON_SERVICE_ACCOUNT, [credential(user, password)])
    got, _ = code(register, dce, "\\Creds\\Wrong", xml, CREATE, tsch.TASK_LOGON_PASSWORD, [credential(HOST.name, "wrong")])
    assert got in (0x8007052E, ACCESS_DENIED), f"wrong password: {got:#x}"
    right = [credential(HOST.name, HOST.password)]
    refused(UNSUPPORTED_ACCOUNT_OPTION, register, dce, "\\Creds\\Kept", xml, CREATE, tsch.TASK_LOGON_PASSWORD, right)
    equal(len(names(tsch.hSchRpcEnumTasks(dce, "\\Creds"))), 3, "tasks")


def bad_definitions():
    """what is wrong with a definition is told with its line, column, node and value"""
    dce = bound()
    start = f'<Task version="1.2" xmlns="{tasks.NAMESPACE}">\r\n'
    actions = "<Actions><Exec><Command>x</Command></Exec></Actions>\r\n"

    def wrong(expected, xml, line, node, value):
        answer = refused(expected, register, dce, "\\Bad", xml)
        info = answer["pErrorInfo"]
        got = (info["line"], text(info["node"]), text(info["value"]))
        equal(got, (line, node, value), f"error info of {xml[-160:]!r}")
        return info["column"]

    refused(MALFORMED, register, dce, "\\Bad", start + "<Actions>")
    refused(MALFORMED, register, dce, "\\Bad", "this is no XML")
    wrong(UNEXPECTED_NODE, start + "<Nonsense/>\r\n" + actions + "</Task>", 2, "Nonsense", "")
    wrong(
        INVALID_VALUE,
        start + "<Settings>\r\n <Priority>eleven</Priority></Settings>\r\n" + actions + "</Task>",
        3,
        "Priority",
        "eleven",
    )
    wrong(
        INVALID_VALUE,
        start
        + "<Settings>\r\n\r\n<RestartOnFailure><Interval>PT10S</Interval><Count>3</Count></RestartOnFailure></Settings>\r\n"
        + actions
        + "</Task>",
        4,
        "Interval",
        "PT10S",
    )
    refused(MISSING_NODE, register, dce, "\\Bad", start + "</Task>")
    refused(NAMESPACE, register, dce, "\\Bad", "<Task xmlns='urn:other'>" + actions + "</Task>")
    weekly = "<Triggers><CalendarTrigger><StartBoundary>2030-01-01T00:00:00</StartBoundary><ScheduleByWeek><WeeksInterval>1</WeeksInterval></ScheduleByWeek></CalendarTrigger></Triggers>"
    refused(MISSING_NODE, register, dce, "\\Bad", start + weekly + actions + "</Task>")
    triggers = "<Triggers>" + "<BootTrigger/>" * 49 + "</Triggers>"
    got, _ = code(register, dce, "\\Bad", start + triggers + actions + "</Task>")
    assert got == TOO_MANY_NODES or got == NO_MEMORY and HOST.scarce, f"too many triggers: {got:#010x}"
    doctype = '<!DOCTYPE Task [<!ENTITY a "b">]>' + start + actions + "</Task>"
    refused(MALFORMED, register, dce, "\\Bad", doctype)
    refused(NOT_FOUND, tsch.hSchRpcGetTaskInfo, dce, "\\Bad")


def folders():
    """folders are made with their parents, listed, and deleted only when empty"""
    dce = bound()
    tsch.hSchRpcCreateFolder(dce, "\\Folders\\A\\B")
    refused(EXISTS, tsch.hSchRpcCreateFolder, dce, "\\Folders\\A")
    equal(names(tsch.hSchRpcEnumFolders(dce, "\\Folders")), ["A"], "sub-folders")
    assert "Folders" in names(tsch.hSchRpcEnumFolders(dce, "\\"))
    register(dce, "\\Folders\\A\\B\\Task", tasks.task(HOST.nothing()))
    refused(NOT_EMPTY, tsch.hSchRpcDelete, dce, "\\Folders\\A\\B")
    refused(NOT_EMPTY, tsch.hSchRpcDelete, dce, "\\Folders")
    tsch.hSchRpcDelete(dce, "\\Folders\\A\\B\\Task")
    refused(NOT_FOUND, tsch.hSchRpcGetTaskInfo, dce, "\\Folders\\A\\B\\Task")
    for folder in ("\\Folders\\A\\B", "\\Folders\\A", "\\Folders"):
        tsch.hSchRpcDelete(dce, folder)
    refused(NOT_FOUND, tsch.hSchRpcEnumFolders, dce, "\\Folders")
    refused(INVALID_ARGUMENT, tsch.hSchRpcDelete, dce, "\\")


def enumerations():
    """enumerations: an exact fill is S_FALSE, the end is empty, past the end is S_FALSE, and all names come once"""
    dce = bound()
    for number in range(7):
        register(dce, f"\\Many\\Task {number}", tasks.task(HOST.nothing()))
    got = names(tsch.hSchRpcEnumTasks(dce, "\\Many", cRequested=0))
    equal(sorted(got), [f"Task {number}" for number in range(7)], "all names")
    answer = refused(S_FALSE, tsch.hSchRpcEnumTasks, dce, "\\Many", cRequested=7)
    equal((answer["startIndex"], names(answer)), (7, got), "an exact fill")
    pages, start = [], 0
    while True:
        result, answer = code(tsch.hSchRpcEnumTasks, dce, "\\Many", startIndex=start, cRequested=3)
        pages += names(answer)
        start = answer["startIndex"]
        if result == 0:
            break
        equal(result, S_FALSE, "a page that is not the last")
    equal(pages, got, "pages together")
    answer = tsch.hSchRpcEnumTasks(dce, "\\Many", startIndex=7, cRequested=5)
    equal((answer["startIndex"], answer["pcNames"]), (7, 0), "at the end")
    answer = refused(S_FALSE, tsch.hSchRpcEnumTasks, dce, "\\Many", startIndex=8, cRequested=5)
    equal((answer["startIndex"], answer["pcNames"]), (8, 0), "past the end")
    refused(INVALID_ARGUMENT, tsch.hSchRpcEnumTasks, dce, "\\Many", flags=2)
    # What schtasks asks before it creates.
    result, answer = code(tsch.hSchRpcEnumTasks, dce, "\\", startIndex=0, cRequested=1)
    assert result in (0, S_FALSE), f"{result:#x}"
    # Hidden tasks are listed only to those who ask.
    register(dce, "\\Many\\Hidden", tasks.task(HOST.nothing(), settings="<Hidden>true</Hidden>"))
    equal(sorted(names(tsch.hSchRpcEnumTasks(dce, "\\Many", flags=0, cRequested=0))), sorted(got), "without hidden ones")
    equal(len(names(tsch.hSchRpcEnumTasks(dce, "\\Many", flags=1, cRequested=0))), 8, "with hidden ones")


def long_enumeration():
    """an enumeration that does not fit in an answer returns what fits and S_FALSE, and goes on from there"""
    dce = bound()
    expected = set()
    for number in range(HOST.entries):
        name = f"{number:04} {'x' * 200}"
        expected.add(name)
        tsch.hSchRpcCreateFolder(dce, f"\\Long\\{name}")
    got, start, turns = [], 0, 0
    while True:
        result, answer = code(tsch.hSchRpcEnumFolders, dce, "\\Long", startIndex=start, cRequested=0)
        got += names(answer)
        start, turns = answer["startIndex"], turns + 1
        if result == 0:
            break
        equal(result, S_FALSE, "a part")
    assert turns > 1, f"{2 * sum(map(len, got))} bytes fit in one answer?"
    equal((len(got), set(got)), (HOST.entries, expected), "names")


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


def paths():
    """names are compared without letter case, and bad ones are refused"""
    dce = bound()
    register(dce, "\\Tests\\Straße Ünïcode Ω", tasks.task(HOST.nothing()))
    equal(state(dce, "tests\\STRAßE üNÏCODE ω"), (1, READY), "another letter case")
    assert "Straße Ünïcode Ω" in names(tsch.hSchRpcEnumTasks(dce, "\\TESTS"))
    for bad in ("\\Tests\\", "\\\\Tests", "\\Tests\\a/b", "\\Tests\\a:b", "\\Tests\\" + "x" * 300):
        refused(INVALID_NAME, register, dce, bad, tasks.task(HOST.nothing()))
    refused(NOT_FOUND, tsch.hSchRpcGetTaskInfo, dce, "\\Tests\\Nothing here")
    refused(PATH_NOT_FOUND, tsch.hSchRpcRetrieveTask, dce, "\\Nowhere\\Nothing")
    refused(NOT_FOUND, tsch.hSchRpcEnumTasks, dce, "\\Nowhere")
    refused(INVALID_ARGUMENT, tsch.hSchRpcGetTaskInfo, dce, "\\")


def not_served():
    """what is not served says so, and a number that is no method at all is a fault that keeps the connection"""
    dce = bound()
    refused(NOT_IMPLEMENTED, tsch.hSchRpcRename, dce, MINUTE, "Other")
    refused(NOT_IMPLEMENTED, tsch.hSchRpcSetSecurity, dce, MINUTE, "D:(A;;FA;;;BA)", 0)
    refused(NOT_IMPLEMENTED, tsch.hSchRpcGetSecurity, dce, MINUTE, 4)
    refused(NOT_IMPLEMENTED, tsch.hSchRpcGetNumberOfMissedRuns, dce, MINUTE)
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
    """a wrong password, nobody, and somebody who is no administrator do not get in; neither does a call in the clear"""
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
    try:
        got, _ = code(tsch.hSchRpcEnumTasks, ordinary, "\\")
        equal(got, ACCESS_DENIED, "somebody who is no administrator")
    except DCERPCException as said:
        assert "access_denied" in str(said), said
    # An account that is added while the server runs counts at once.
    HOST.add_account("carol", "of carol")
    tsch.hSchRpcHighestVersion(rpc.bound(HOST, user="carol", password="of carol"))


def after_a_crash():
    """after kill -9 and a new start the task that fires every minute is there, with its last run, and fires on"""
    before = retrieved(bound(), MINUTE)
    HOST.kill()
    fired = len(HOST.lines("minute"))
    HOST.start()
    dce = bound()
    equal(retrieved(dce, MINUTE), before, "its definition")
    equal(tsch.hSchRpcGetLastRunInfo(dce, MINUTE)["pLastRuntime"]["wYear"], time.gmtime().tm_year, "year of its last run")
    until(lambda: len(HOST.lines("minute")) > fired, 62, "the next firing")
    time.sleep(1)
    equal(len(HOST.lines("minute")), fired + 1, "one firing in that minute")


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
            normalised_form,
            long_definition,
            creation_flags,
            credentials,
            bad_definitions,
            folders,
            enumerations,
            long_enumeration,
            switched_off,
            policies,
            time_limit,
            triggers_that_start_at_once,
            scheduled_runtimes,
            paths,
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
    )
