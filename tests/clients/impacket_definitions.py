"""What is kept: definitions, folders, names and their enumerations, with impacket's own functions.

impacket does not verify what the server signs; samba_rpc.py does.
"""

import re

from impacket.dcerpc.v5 import tsch
from impacket.dcerpc.v5.dtypes import NULL

import rpc
import tasks
from rpc import code, names, refused, text
from server import arguments, equal, run, target
from service import (
    ACCESS_DENIED,
    CREATE,
    DISABLE,
    DISABLED,
    EXISTS,
    INVALID_ARGUMENT,
    INVALID_NAME,
    INVALID_VALUE,
    MALFORMED,
    MISSING_NODE,
    NAMESPACE,
    NOT_EMPTY,
    NOT_FOUND,
    NO_MEMORY,
    PATH_NOT_FOUND,
    READY,
    S_FALSE,
    TOO_MANY_NODES,
    UNEXPECTED_NODE,
    UNSUPPORTED_ACCOUNT_OPTION,
    UPDATE,
    VALIDATE,
    register,
    retrieved,
    state,
)

ARGUMENTS = arguments()
HOST = target(ARGUMENTS)


def bound():
    return rpc.bound(HOST)


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
    """credentials are checked, and kept where there are secrets, otherwise refused; the system needs none"""
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
    keeps = HOST.has("kept passwords")
    for number, logon in enumerate((tsch.TASK_LOGON_PASSWORD, tsch.TASK_LOGON_INTERACTIVE_TOKEN_OR_PASSWORD)):
        path = f"\\Creds\\Kept {number}"
        refused(0 if keeps else UNSUPPORTED_ACCOUNT_OPTION, register, dce, path, xml, CREATE, logon, right)
    # Who does not show it is refused, whether it is kept or not.
    xml = xml.replace("S-1-5-18", HOST.name)
    refused(ACCESS_DENIED, register, dce, "\\Creds\\Not shown", xml, CREATE, tsch.TASK_LOGON_PASSWORD)
    equal(len(names(tsch.hSchRpcEnumTasks(dce, "\\Creds"))), 5 if keeps else 3, "tasks")


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
    refused(ACCESS_DENIED, tsch.hSchRpcDelete, dce, "\\")


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


def fresh():
    """Every check begins with nothing."""
    rpc.clear(bound())


with HOST:
    HOST.add_account()
    HOST.start()
    run(
        [
            normalised_form,
            long_definition,
            creation_flags,
            credentials,
            bad_definitions,
            folders,
            enumerations,
            long_enumeration,
            paths,
        ],
        ARGUMENTS.only,
        HOST,
        fresh,
        ARGUMENTS.lie,
    )
