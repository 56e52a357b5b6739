"""The table, part two: RegisterTask, section 3.2.5.4.2, with both matrices of 3.2.5.1.1."""

import time

from access_grids import TAKEN
from access_world import (
    ADMIN,
    DONT_ADD_ACE,
    FLAG_FOLDER,
    HIS,
    KEPT_TASK,
    MALFORMED_STUB,
    NO_REGISTRATION_TRIGGERS,
    OTHER,
    OWNER,
    SECOND,
    SEEN,
    SLEEPS,
    SYSTEM,
    Row,
    definition,
    folder,
    own_task,
    task,
)
from service import (
    ACCESS_DENIED,
    CREATE,
    DISABLE,
    DISABLED,
    EXISTS,
    INVALID_ARGUMENT,
    INVALID_VALUE,
    MALFORMED,
    MISSING_NODE,
    NOT_FOUND,
    READY,
    UNEXPECTED_NODE,
    UPDATE,
    VALIDATE,
)

OK, LOGON_FAILURE, INVALID_OWNER = 0, 0x8007052E, 0x8007051B
NAMESPACE_WRONG = 0x80041317
WHERE, MATRIX = "3.2.5.4.2", "3.2.5.1.1"
REGISTER = "RegisterTask"
# Where both may make what they like.
BOTH = (folder(SEEN + HIS + HIS.replace("olga", "otto").split("(A;OICIIO")[0]),)


def row(caller, condition, call, code, where=WHERE, scene=BOTH, **more):
    return Row(REGISTER, caller, condition, tuple(scene), call, code, where, **more)


def soon(call, wanted, seconds=5):
    """The call, made again until it brings this, or the answer is as wanted."""
    right = wanted if callable(wanted) else lambda answer: answer.value == wanted

    def wait(who):
        end = time.monotonic() + seconds
        while not right(answer := call(who)) and time.monotonic() < end:
            time.sleep(0.05)
        return answer

    return wait


def later(call, seconds=0.5):
    def wait(who):
        time.sleep(seconds)
        return call(who)

    return wait


def unlocked(world):
    """Failed logins slow the next ones down: each row begins without any."""
    for name in (ADMIN, SECOND, OWNER, OTHER):
        world.host.unlock(name)


def principal(who, logon=None):
    kind = "GroupId" if who == "gardeners" else "UserId"
    name = "S-1-5-18" if who == "system" else f"@{who}"
    return f"<{kind}>{name}</{kind}>" + (f"<LogonType>{logon}</LogonType>" if logon else "")


# --- the first matrix ----------------------------------------------------------------------------------------------
# Who registers, for whom, and what comes of it with no credential, with the right and with the wrong one. A group and the
# system have no password that could be right.
S4U, PASSWORD, TOKEN, EITHER = "S4U", "Password", "InteractiveToken", "InteractiveTokenOrPassword"
MATRIX_GRID = """
who    whom    logon                       none    right   wrong
admin  self    S4U                         ok      ok      logon
admin  self    Password                    denied  ok      logon
admin  self    InteractiveToken            ok      ok      logon
admin  self    InteractiveTokenOrPassword  ok      ok      logon
admin  other   S4U                         denied  ok      logon
admin  other   Password                    denied  ok      logon
admin  other   InteractiveToken            ok      ok      logon
admin  other   InteractiveTokenOrPassword  ok      ok      logon
admin  group   S4U                         denied  -       -
admin  group   Password                    denied  -       -
admin  group   InteractiveToken            ok      -       -
admin  group   InteractiveTokenOrPassword  ok      -       -
admin  system  S4U                         ok      -       -
admin  system  Password                    ok      -       -
admin  system  InteractiveToken            ok      -       -
admin  system  InteractiveTokenOrPassword  ok      -       -
user   self    S4U                         ok      ok      logon
user   self    Password                    denied  ok      logon
user   self    InteractiveToken            ok      ok      logon
user   self    InteractiveTokenOrPassword  ok      ok      logon
user   other   S4U                         denied  ok      logon
user   other   Password                    denied  ok      logon
user   other   InteractiveToken            denied  ok      logon
user   other   InteractiveTokenOrPassword  denied  ok      logon
user   group   S4U                         denied  -       -
user   group   Password                    denied  -       -
user   group   InteractiveToken            denied  -       -
user   group   InteractiveTokenOrPassword  denied  -       -
user   system  S4U                         denied  -       -
user   system  Password                    denied  -       -
user   system  InteractiveToken            denied  -       -
user   system  InteractiveTokenOrPassword  denied  -       -
"""
NUMBERS = {PASSWORD: 1, S4U: 2, TOKEN: 3, EITHER: 6}


def matrix():
    rows = []
    for line in MATRIX_GRID.strip().split("\n")[1:]:
        who, whom, logon, *cells = line.split()
        caller = {"admin": ADMIN, "user": OTHER}[who]
        name = {"self": caller, "other": OWNER, "group": "gardeners", "system": "system"}[whom]
        for credential, cell in zip(("none", "right", "wrong"), cells):
            if cell == "-":
                continue
            code = {"ok": OK, "denied": ACCESS_DENIED, "logon": LOGON_FAILURE}[cell]
            rows += [
                row(
                    caller,
                    f"for {whom}, {logon} {by}, credential: {credential}",
                    with_credential(principal(name, said), number, name, credential),
                    code,
                    MATRIX,
                    (*BOTH, unlocked),
                )
                for by, said, number in (("by the definition", logon, 0), ("by logonType", None, NUMBERS[logon]))
                # A definition says all of it; logonType once more where a credential comes with it, as schtasks does.
                if said or credential != "wrong"
            ]
    return rows


def with_credential(words, logon, name, credential):
    def call(who):
        password = {"none": None, "right": who.world.password(name), "wrong": "wrong"}[credential]
        given = [] if password is None else [(name, password)]
        return who.register("t", definition(principal=words), logon=logon, credentials=given)

    return call


def signed(user, password, logon=3, flags=0, xml=None):
    """A registration with this credential: the password of that account, one that is wrong, or none."""

    def call(who):
        words = password if password in (None, "", "wrong") else who.world.password(password)
        return who.register("t", xml or definition(), logon=logon, credentials=[(user, words, flags)])

    return call


SAID_SYSTEM = definition(principal=SYSTEM)
SCHTASKS = "FACTS: schtasks /ru system"
CREDENTIALS = [
    row(ADMIN, "the system by its SID with an empty password", signed("S-1-5-18", "", 5), OK, SCHTASKS),
    row(ADMIN, "the system by its name without a password", signed("System", None, 5), OK, SCHTASKS),
    row(ADMIN, "LOCAL SERVICE without a password", signed("S-1-5-19", None, 5), OK, MATRIX),
    row(ADMIN, "NETWORK SERVICE without a password", signed("NETWORK SERVICE", None, 5), OK, MATRIX),
    row(OTHER, "the system by a credential", signed("S-1-5-18", "", 5), ACCESS_DENIED, MATRIX),
    row(OTHER, "LOCAL SERVICE by a credential", signed("S-1-5-19", None, 5), ACCESS_DENIED, MATRIX),
    *(row(who, f"{sid} by the definition", lambda who, sid=sid: who.register("t", definition(principal=f"<UserId>{sid}</UserId>")), code, MATRIX)
      for sid in ("S-1-5-19", "S-1-5-20") for who, code in ((ADMIN, OK), (OTHER, ACCESS_DENIED))),
    row(ADMIN, "a user that nobody knows", signed("nobody knows", "wrong"), LOGON_FAILURE, scene=(*BOTH, unlocked)),
    row(OTHER, "a user that nobody knows", signed("nobody knows", "wrong"), LOGON_FAILURE, scene=(*BOTH, unlocked)),
    row(OTHER, "the right credential of another, by SID", signed("@olga", OWNER), OK, MATRIX),
    row(OTHER, "the right credential of another, as HOST\\user", signed("HOST\\olga", OWNER), OK, "FACTS: names of users"),
    row(ADMIN, "a credential beside the definition's principal: the credential is it", signed("olga", OWNER, 3, 0, SAID_SYSTEM), OK,
        after=((lambda who: who.retrieve("t"), OK, lambda xml: "<UserId>S-1-5-18<" not in xml and "<UserId>" in xml),)),
    row(ADMIN, "credFlagDefault beside the definition's principal: the definition's is it", signed("olga", OWNER, 0, 1, SAID_SYSTEM), OK,
        after=((lambda who: who.retrieve("t"), OK, lambda xml: "<UserId>S-1-5-18<" in xml),)),
    row(ADMIN, "credFlagDefault where the definition names nobody: the credential is it", signed("olga", OWNER, 3, 1, definition()), OK,
        after=((lambda who: who.get_security("t", 4), OK, lambda sddl: "@olga" in sddl),)),
    row(ADMIN, "an undefined bit in the flags of a credential", signed("alice", ADMIN, 3, 2), INVALID_ARGUMENT,
        differs=(OK, "section 2.3.8 ignores what 3.2.5.4.2 says MUST be an error")),
    row(ADMIN, "two credentials", lambda who: who.register("t", credentials=[("S-1-5-18", ""), ("S-1-5-18", "")]), INVALID_ARGUMENT),
    row(ADMIN, "cCreds 1 without an array", lambda who: who.register("t", count=1), INVALID_ARGUMENT),
    row(ADMIN, "cCreds 0 beside an array of one", lambda who: who.register("t", credentials=[("S-1-5-18", "")], count=0), MALFORMED_STUB,
        "FACTS: malformed stub"),
    row(ADMIN, "logonType 7", lambda who: who.register("t", logon=7), INVALID_ARGUMENT, "2.3.9"),
    row(ADMIN, "logonType 0xFFFFFFFF", lambda who: who.register("t", logon=0xFFFFFFFF), INVALID_ARGUMENT, "2.3.9"),
    row(OTHER, "logonType 7, where he may make nothing", lambda who: who.register("t", logon=7), INVALID_ARGUMENT, scene=(folder(),)),
    row(ADMIN, "logonType group, without a group", lambda who: who.register("t", logon=4), INVALID_ARGUMENT, "2.3.9"),
    row(ADMIN, "logonType group, with a group", lambda who: who.register("t", definition(principal=principal("gardeners")), logon=4), OK, "2.3.9"),
    row(OTHER, "logonType group, with a group", lambda who: who.register("t", definition(principal=principal("gardeners")), logon=4),
        ACCESS_DENIED, MATRIX),
    row(ADMIN, "logonType service account, for a user", lambda who: who.register("t", definition(principal=principal("olga")), logon=5),
        INVALID_ARGUMENT, "2.3.9"),
    row(ADMIN, "a user and a group", lambda who: who.register("t", definition(principal=principal("olga") + principal("gardeners"))),
        UNEXPECTED_NODE),
]  # fmt: skip

# Every way to say who it is that runs it. Nobody becomes the system, or another, by how it is written.


def said(name):
    return lambda who: who.register("t", definition(principal=f"<UserId>{name}</UserId>"))


def two_principals(context):
    """The first is the caller, the second the system; the actions name one of them."""

    def call(who):
        both = f'<Principals><Principal id="A"><UserId>@{who.name}</UserId></Principal><Principal id="B">{SYSTEM}</Principal></Principals>'
        words = definition().replace("<Settings>", both + "<Settings>", 1)
        return who.register("t", words.replace("<Actions>", f'<Actions Context="{context}">'))

    return call


NOT_SYSTEM = ((lambda who: who.retrieve("t"), OK, lambda xml: "S-1-5-18" not in xml),)
UNMAPPED = 0x80070534
WRITTEN = [
    *(row(OTHER, f"the system as {name!r}", said(name), ACCESS_DENIED, MATRIX)
      for name in ("S-1-5-18", "SYSTEM", "system", "LocalSystem", "NT AUTHORITY\\SYSTEM", "nt authority\\system")),
    *(row(ADMIN, f"the system as {name!r}", said(name), OK, MATRIX, after=((lambda who: who.retrieve("t"), OK, lambda xml: "<UserId>S-1-5-18<" in xml),))
      for name in ("SYSTEM", "LocalSystem", "NT AUTHORITY\\SYSTEM")),
    *(row(OTHER, f"himself as {name!r}", said(name), OK, MATRIX) for name in ("@otto", "otto", "OTTO", "HOST\\otto", ".\\otto", "otto@host")),
    *(row(OTHER, f"another as {name!r}", said(name), ACCESS_DENIED, MATRIX) for name in ("@olga", "olga", "OLGA", "HOST\\olga", "olga@host")),
    *(row(OTHER, f"a group as {name!r}", lambda who, name=name: who.register("t", definition(principal=f"<GroupId>{name}</GroupId>")), ACCESS_DENIED, MATRIX)
      for name in ("Administrators", "BUILTIN\\Users", "S-1-5-32-544", "S-1-1-0", "S-1-5-18", "@otto")),
    row(OTHER, "a user whose name is empty", said(""), INVALID_VALUE, "2.5.6: nonEmptyString"),
    row(OTHER, "a principal that names nobody", lambda who: who.register("t", definition(principal="<LogonType>InteractiveToken</LogonType>")), OK, after=NOT_SYSTEM),
    row(ADMIN, "a principal that names nobody: it is not the system that runs it",
        lambda who: who.register("t", definition(principal="<LogonType>InteractiveToken</LogonType>")), OK, after=NOT_SYSTEM),
    row(OTHER, "himself and the system, the actions as the system", two_principals("B"), ACCESS_DENIED, MATRIX),
    row(OTHER, "himself and the system, the actions as himself", two_principals("A"), ACCESS_DENIED, MATRIX),
    row(OTHER, "his own credential, to be used if the definition names nobody, beside the system",
        signed("otto", OTHER, 0, 1, SAID_SYSTEM), ACCESS_DENIED, MATRIX),
    row(OTHER, "his own credential beside the system: it runs as himself", signed("otto", OTHER, 3, 0, SAID_SYSTEM), OK, MATRIX, after=NOT_SYSTEM),
    row(ADMIN, "a user of the definition that nobody knows", said("nobody knows"), UNMAPPED, "[MS-ERREF] 2.2"),
]  # fmt: skip

# --- the second matrix, and what else needs an administrator -------------------------------------------------------


def logon_of(user):
    return f"<LogonTrigger>{user}</LogonTrigger>"


def session_of(user):
    return f"<SessionStateChangeTrigger>{user}<StateChange>SessionLock</StateChange></SessionStateChangeTrigger>"


def triggered(trigger):
    return lambda who: who.register("t", definition(trigger))


def of_self(kind, form="@{}"):
    return lambda who: who.register("t", definition(kind(f"<UserId>{form.format(who.name)}</UserId>")))


OF_OLGA = "<UserId>@olga</UserId>"
BOOT = "<BootTrigger/>"
TRIGGERS = [
    row(ADMIN, "a logon trigger for himself", of_self(logon_of), OK, MATRIX),
    row(ADMIN, "a logon trigger for another", triggered(logon_of(OF_OLGA)), OK, MATRIX),
    row(ADMIN, "a logon trigger for nobody named", triggered(logon_of("")), OK, MATRIX),
    row(OTHER, "a logon trigger for himself", of_self(logon_of), OK, MATRIX),
    row(OTHER, "a logon trigger for himself, by name", of_self(logon_of, "{}"), OK, MATRIX),
    row(OTHER, "a logon trigger for himself, as HOST\\user", of_self(logon_of, "HOST\\{}"), OK, MATRIX),
    row(OTHER, "a logon trigger for another", triggered(logon_of(OF_OLGA)), ACCESS_DENIED, MATRIX),
    row(OTHER, "a logon trigger for a group", triggered(logon_of("<UserId>@gardeners</UserId>")), ACCESS_DENIED, MATRIX),
    row(OTHER, "a logon trigger for everyone", triggered(logon_of("<UserId>S-1-1-0</UserId>")), ACCESS_DENIED),
    row(OTHER, "a logon trigger for nobody named", triggered(logon_of("")), ACCESS_DENIED, MATRIX),
    row(OTHER, "a logon trigger for a user whose name is empty", triggered(logon_of("<UserId></UserId>")), INVALID_VALUE, "2.5.3.7: nonEmptyString"),
    row(OTHER, "a logon trigger for himself and one for another", triggered(logon_of("<UserId>@otto</UserId>") + logon_of(OF_OLGA)),
        ACCESS_DENIED, MATRIX),
    row(ADMIN, "a session trigger for himself", of_self(session_of), OK, MATRIX),
    row(ADMIN, "a session trigger for another", triggered(session_of(OF_OLGA)), OK, MATRIX),
    row(ADMIN, "a session trigger for nobody named", triggered(session_of("")), OK, MATRIX),
    row(OTHER, "a session trigger for himself", of_self(session_of), OK, MATRIX),
    row(OTHER, "a session trigger for another", triggered(session_of(OF_OLGA)), ACCESS_DENIED, MATRIX),
    row(OTHER, "a session trigger for nobody named", triggered(session_of("")), ACCESS_DENIED, MATRIX),
    row(ADMIN, "a boot trigger", triggered(BOOT), OK),
    row(OTHER, "a boot trigger", triggered(BOOT), ACCESS_DENIED),
    row(OTHER, "a boot trigger that is disabled", triggered("<BootTrigger><Enabled>false</Enabled></BootTrigger>"), ACCESS_DENIED),
    row(OTHER, "a time trigger", triggered("<TimeTrigger><StartBoundary>2099-01-01T00:00:00Z</StartBoundary></TimeTrigger>"), OK),
    row(OTHER, "a registration trigger", triggered("<RegistrationTrigger/>"), OK),
    row(OTHER, "an idle trigger", triggered("<IdleTrigger/>"), OK),
    row(OWNER, "an update of his own with a boot trigger", lambda who: who.register("t", definition(BOOT), UPDATE), ACCESS_DENIED,
        scene=(*BOTH, own_task())),
    row(OWNER, "a boot trigger where the name is taken: the trigger comes first", lambda who: who.register("t", definition(BOOT)), ACCESS_DENIED,
        scene=(*BOTH, own_task())),
    row(OTHER, "a boot trigger, only validated", lambda who: who.register("t", definition(BOOT), VALIDATE), OK),
    row(OTHER, "a boot trigger and a wrong password: the password comes first",
        lambda who: who.register("t", definition(BOOT), logon=3, credentials=[("olga", "wrong")]), LOGON_FAILURE, scene=(*BOTH, unlocked)),
    row(ADMIN, "priority 0", lambda who: who.register("t", definition(settings="<Priority>0</Priority>")), OK),
    row(ADMIN, "priority 1", lambda who: who.register("t", definition(settings="<Priority>1</Priority>")), OK),
    row(OTHER, "priority 0", lambda who: who.register("t", definition(settings="<Priority>0</Priority>")), ACCESS_DENIED,
        differs=(OK, "the page names 1 alone, and 0 is higher still")),
    row(OTHER, "priority 1", lambda who: who.register("t", definition(settings="<Priority>1</Priority>")), ACCESS_DENIED),
    row(OTHER, "priority 2", lambda who: who.register("t", definition(settings="<Priority>2</Priority>")), OK),
    row(OTHER, "priority 1, only validated", lambda who: who.register("t", definition(settings="<Priority>1</Priority>"), VALIDATE), OK),
    row(ADMIN, "priority 11", lambda who: who.register("t", definition(settings="<Priority>11</Priority>")), INVALID_VALUE),
    row(OTHER, "highest privileges, for himself", lambda who: who.register("t", definition(principal="<UserId>@otto</UserId><RunLevel>HighestAvailable</RunLevel>")), OK),
]  # fmt: skip

# --- flags, paths and the definition -------------------------------------------------------------------------------

THERE = (*BOTH, task(SEEN))
HIS_OWN = (*BOTH, own_task())
SLEEPER = definition("<RegistrationTrigger/>", principal=SYSTEM, action=SLEEPS)
OF_URI = definition(registration="<URI>{at}\\by uri</URI>")
IGNORED = (OK, "note 66: Windows Server 2008 and Windows 10 and later refuse it")

FLAGS = [
    *(row(ADMIN, f"undefined flag {bit:#x}", lambda who, bit=bit: who.register("t", flags=CREATE | bit), INVALID_ARGUMENT, differs=IGNORED)
      for bit in (0x40, 0x80, 0x100, 0x10000000, FLAG_FOLDER, 0x80000000)),
    row(OTHER, "undefined flag 0x40 where he may make nothing: the flag comes first", lambda who: who.register("t", flags=0x42),
        INVALID_ARGUMENT, scene=(folder(),), differs=IGNORED),
    row(ADMIN, "flags 0, new", lambda who: who.register("t", flags=0), OK, "FACTS: flags 0"),
    row(ADMIN, "CREATE, new", lambda who: who.register("t", flags=CREATE), OK, gives="\\t"),
    row(ADMIN, "CREATE and UPDATE, new", lambda who: who.register("t", flags=CREATE | UPDATE), OK),
    row(ADMIN, "UPDATE, missing", lambda who: who.register("t", flags=UPDATE), NOT_FOUND),
    *(row(ADMIN, f"only flag {bit:#x}, missing", lambda who, bit=bit: who.register("t", flags=bit),
        INVALID_ARGUMENT) for bit in (DISABLE, DONT_ADD_ACE, NO_REGISTRATION_TRIGGERS)),
    *(row(ADMIN, f"only flag {bit:#x}, existing", lambda who, bit=bit: who.register("t", flags=bit), INVALID_ARGUMENT,
        scene=THERE) for bit in (DISABLE, DONT_ADD_ACE, NO_REGISTRATION_TRIGGERS)),
    row(ADMIN, "UPDATE with DISABLE, missing", lambda who: who.register("t", flags=UPDATE | DISABLE), NOT_FOUND),
    row(ADMIN, "flags 0, existing", lambda who: who.register("t", flags=0), EXISTS, "FACTS: flags 0", THERE),
    row(ADMIN, "CREATE, existing", lambda who: who.register("t", flags=CREATE), EXISTS, scene=THERE),
    row(ADMIN, "UPDATE, existing", lambda who: who.register("t", flags=UPDATE), OK, scene=THERE),
    row(ADMIN, "CREATE and UPDATE, existing", lambda who: who.register("t", flags=CREATE | UPDATE), OK, scene=THERE),
    row(OWNER, "CREATE, existing, his own", lambda who: who.register("t", flags=CREATE), EXISTS, scene=HIS_OWN),
    row(OWNER, "UPDATE, existing, his own", lambda who: who.register("t", flags=UPDATE), OK, scene=HIS_OWN),
    row(ADMIN, "VALIDATE_ONLY: nothing is kept, no path comes back", lambda who: who.register("t", flags=VALIDATE), OK, gives="",
        after=((lambda who: who.info("t"), NOT_FOUND),)),
    row(ADMIN, "VALIDATE_ONLY with CREATE", lambda who: who.register("t", flags=VALIDATE | CREATE), OK,
        after=((lambda who: who.info("t"), NOT_FOUND),)),
    row(ADMIN, "VALIDATE_ONLY, existing", lambda who: who.register("t", flags=VALIDATE | CREATE), OK, scene=THERE),
    row(ADMIN, "VALIDATE_ONLY of what is no definition", lambda who: who.register("t", "nonsense", VALIDATE), MALFORMED),
    row(OTHER, "VALIDATE_ONLY where he may make nothing", lambda who: who.register("t", flags=VALIDATE), ACCESS_DENIED, scene=(folder(),)),
    row(ADMIN, "DISABLE", lambda who: who.register("t", flags=CREATE | DISABLE), OK, after=((lambda who: who.info("t"), OK, (0, DISABLED)),)),
    row(OTHER, "DISABLE", lambda who: who.register("t", flags=CREATE | DISABLE), OK, after=((lambda who: who.info("t"), OK, (0, DISABLED)),)),
    row(ADMIN, "UPDATE without DISABLE of a disabled one", lambda who: who.register("t", flags=UPDATE), OK,
        scene=(*BOTH, task(flags=DISABLE | DONT_ADD_ACE)), after=((lambda who: who.info("t"), OK, (1, READY)),)),
    row(ADMIN, "a registration trigger starts it", lambda who: who.register("t", SLEEPER), OK,
        after=((soon(lambda who: who.info("t"), (1, 4)), OK, (1, 4)),)),
    row(ADMIN, "IGNORE_REGISTRATION_TRIGGERS: it does not start", lambda who: who.register("t", SLEEPER, CREATE | NO_REGISTRATION_TRIGGERS), OK,
        after=((later(lambda who: who.info("t")), OK, (1, READY)),)),
    row(ADMIN, "DISABLE with a registration trigger: it does not start", lambda who: who.register("t", SLEEPER, CREATE | DISABLE), OK,
        after=((later(lambda who: who.info("t")), OK, (0, DISABLED)),)),
]  # fmt: skip

PATHLESS = [
    row(ADMIN, "no path, a URI", lambda who: who.register(None, OF_URI), OK, gives="\\by uri"),
    row(OWNER, "no path, a URI where he may", lambda who: who.register(None, OF_URI), OK, gives="\\by uri"),
    row(OTHER, "no path, a URI where he may not", lambda who: who.register(None, OF_URI), ACCESS_DENIED, scene=(folder(),)),
    row(OTHER, "no path and no URI: the root, where he may not", lambda who: who.register(None), ACCESS_DENIED),
    row(OTHER, "no path, and no definition: that comes first", lambda who: who.register(None, "nonsense"), MALFORMED, scene=(folder(),)),
    row(OTHER, "a path where he may not, and no definition: the path comes first", lambda who: who.register("t", "nonsense"), ACCESS_DENIED,
        scene=(folder(),)),
    row(OTHER, "a path where he may, and no definition", lambda who: who.register("t", "nonsense"), MALFORMED),
    row(ADMIN, "no path, a URI that is none", lambda who: who.register(None, definition(registration="<URI>\\a:b</URI>")), 0x8007007B, "2.3.11"),
    row(ADMIN, "a path beside another URI: the path", lambda who: who.register("t", OF_URI), OK, gives="\\t"),
    row(OWNER, "a path where he may, beside a URI where he may not",
        lambda who: who.register("t", definition(registration="<URI>\\elsewhere</URI>")), OK,
        gives="\\t"),
    row(ADMIN, "an element that is not in the schema", lambda who: who.register("t", definition(settings="<Nonsense/>")), UNEXPECTED_NODE),
    row(ADMIN, "another namespace", lambda who: who.register("t", "<Task xmlns='urn:other'/>"), NAMESPACE_WRONG),
    row(ADMIN, "no action", lambda who: who.register("t", definition(action="")), MISSING_NODE),
    row(ADMIN, "below a task", lambda who: who.register("t\\below"), 0x80070003, scene=THERE),
]  # fmt: skip

# --- the descriptor of a new task ----------------------------------------------------------------------------------

GIVEN = KEPT_TASK + "(A;;FR;;;@otto)"
FOR_OLGA = definition(principal=principal("olga", TOKEN))
FOR_GROUP = definition(principal=principal("gardeners"))
IN_XML = definition(registration="<SecurityDescriptor>D:P(A;;FA;;;BA)(A;;FR;;;@mila)</SecurityDescriptor>", principal=SYSTEM)


def has(*aces, without=()):
    return lambda sddl: all(ace in sddl for ace in aces) and not any(ace in sddl for ace in without)


def dacl(who):
    return who.get_security("t", 4)


EDITED = (*BOTH, task("(A;;FRFW;;;@otto)"))
PRINCIPAL_ACE = "(A;;FR;;;@olga)"
DESCRIPTORS = [
    row(ADMIN, "an SDDL: it is kept", lambda who: who.register("t", SAID_SYSTEM, CREATE | DONT_ADD_ACE, GIVEN), OK,
        after=((dacl, OK, "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;@otto)"),)),
    row(ADMIN, "an SDDL, and a principal: he may read it", lambda who: who.register("t", FOR_OLGA, CREATE, GIVEN), OK,
        after=((dacl, OK, has(PRINCIPAL_ACE, "(A;;FR;;;@otto)")),)),
    row(ADMIN, "DONT_ADD_PRINCIPAL_ACE: he may not", lambda who: who.register("t", FOR_OLGA, CREATE | DONT_ADD_ACE, GIVEN), OK,
        after=((dacl, OK, has(without=("@olga",))),)),
    row(ADMIN, "no SDDL, and a principal: he may read it", lambda who: who.register("t", FOR_OLGA, CREATE), OK,
        scene=(folder(),), after=((dacl, OK, has(PRINCIPAL_ACE)),)),
    row(ADMIN, "no SDDL, DONT_ADD_PRINCIPAL_ACE: he may not", lambda who: who.register("t", FOR_OLGA, CREATE | DONT_ADD_ACE), OK,
        scene=(folder(),), after=((dacl, OK, has(without=("@olga",))),)),
    row(ADMIN, "a group as principal: its members may read it", lambda who: who.register("t", FOR_GROUP, CREATE, GIVEN), OK,
        after=((dacl, OK, has("(A;;FR;;;@gardeners)")),)),
    row(ADMIN, "the definition's descriptor", lambda who: who.register("t", IN_XML, CREATE | DONT_ADD_ACE), OK,
        after=((dacl, OK, "D:P(A;;FA;;;BA)(A;;FR;;;@mila)"),)),
    row(ADMIN, "the definition's descriptor and an SDDL: the SDDL", lambda who: who.register("t", IN_XML, CREATE | DONT_ADD_ACE, GIVEN), OK,
        after=((dacl, OK, has("@otto", without=("@mila",))),)),
    row(ADMIN, "an update without an SDDL keeps the descriptor", lambda who: who.register("t", SAID_SYSTEM, UPDATE | DONT_ADD_ACE), OK,
        scene=(*BOTH, task("(A;;FR;;;@otto)")), after=((dacl, OK, "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;@otto)"),)),
    row(ADMIN, "an update with an SDDL changes it", lambda who: who.register("t", SAID_SYSTEM, UPDATE | DONT_ADD_ACE, "D:P(A;;FA;;;BA)"), OK,
        scene=(*BOTH, task("(A;;FR;;;@otto)")), after=((dacl, OK, "D:P(A;;FA;;;BA)"),)),
    row(OTHER, "an SDDL with himself as owner", lambda who: who.register("t", None, CREATE, "O:@ottoD:(A;;FA;;;@otto)"), OK,
        after=((lambda who: who.get_security("t", 1), OK, "O:@otto"),)),
    row(OTHER, "an SDDL with another owner", lambda who: who.register("t", None, CREATE, "O:@olgaD:(A;;FA;;;@otto)"), INVALID_OWNER,
        "MS-ADTS/MS-DTYP: who may be owner"),
    row(OTHER, "an SDDL with administrators as owner", lambda who: who.register("t", None, CREATE, "O:BAD:(A;;FA;;;@otto)"), INVALID_OWNER,
        "MS-DTYP: who may be owner"),
    row(ADMIN, "an SDDL with another owner", lambda who: who.register("t", SAID_SYSTEM, CREATE, "O:@olgaD:(A;;FA;;;BA)"), OK,
        after=((lambda who: who.get_security("t", 1), OK, "O:@olga"),)),
    row(OTHER, "an SDDL with a SACL", lambda who: who.register("t", None, CREATE, "D:(A;;FA;;;@otto)S:(AU;SA;FA;;;WD)"), ACCESS_DENIED,
        "MS-DTYP: SeSecurityPrivilege"),
    row(ADMIN, "an SDDL with a SACL", lambda who: who.register("t", SAID_SYSTEM, CREATE, "D:(A;;FA;;;BA)S:(AU;SA;FA;;;WD)"), OK,
        after=((lambda who: who.get_security("t", 8), OK, "S:AI(AU;SA;FA;;;WD)"),)),
    row(OWNER, "nothing said: it is his", lambda who: who.register("t"), OK, after=((lambda who: who.get_security("t", 1), OK, "O:@olga"),)),
    row(OTHER, "the definition's descriptor names another owner",
        lambda who: who.register("t", definition(registration="<SecurityDescriptor>O:@olgaD:(A;;FA;;;@otto)</SecurityDescriptor>")), INVALID_OWNER, "MS-DTYP: who may be owner"),
    row(OTHER, "the definition's descriptor has a SACL",
        lambda who: who.register("t", definition(registration="<SecurityDescriptor>D:S:(AU;SA;FA;;;WD)</SecurityDescriptor>")), ACCESS_DENIED, "MS-DTYP: SeSecurityPrivilege"),
    row(ADMIN, "an update with another descriptor in the definition: none in sddl keeps it",
        lambda who: who.register("t", IN_XML, UPDATE | DONT_ADD_ACE), OK,
        scene=(*BOTH, task("(A;;FR;;;@otto)")), after=((dacl, OK, "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;@otto)"),)),
    row(OTHER, "an update with an SDDL, who may only write", lambda who: who.register("t", None, UPDATE, "D:P(A;;FA;;;@otto)"), ACCESS_DENIED,
        scene=EDITED,
        differs=(OK, TAKEN), after=((dacl, OK, has("(A;;FA;;;BA)", without=("FA;;;@otto",))),)),
    row(OTHER, "an update with a descriptor in the definition, who may only write: it is not set",
        lambda who: who.register("t", definition(registration="<SecurityDescriptor>D:P(A;;FA;;;@otto)</SecurityDescriptor>"), UPDATE), OK, scene=EDITED,
        after=((dacl, OK, has("(A;;FA;;;BA)", without=("FA;;;@otto",))),)),
    row(OTHER, "an update with an SDDL, who may write it and say who may what",
        lambda who: who.register("t", None, UPDATE | DONT_ADD_ACE, "D:P(A;;FA;;;@otto)"), OK,
        scene=(*BOTH, task("(A;;FRFWWD;;;@otto)")), after=((dacl, OK, "D:P(A;;FA;;;@otto)"),)),
    row(OTHER, "an update of another's: it stays the other's", lambda who: who.register("t", flags=UPDATE), OK, scene=EDITED,
        after=((lambda who: who.get_security("t", 1), OK, "O:@alice"),)),
    row(OTHER, "an update of what the system runs, as the system", lambda who: who.register("t", SAID_SYSTEM, UPDATE), ACCESS_DENIED, MATRIX, EDITED),
    row(OTHER, "an update of what the system runs, with nobody named: it runs as himself", lambda who: who.register("t", flags=UPDATE), OK,
        scene=EDITED,
        after=((lambda who: who.retrieve("t"), OK, lambda xml: "S-1-5-18" not in xml),)),
    row(OTHER, "an update of what the system runs, as another with his password",
        lambda who: who.register("t", logon=3, flags=UPDATE, credentials=[("olga", who.world.password(OWNER))]), OK, MATRIX, EDITED),
    row(ADMIN, "an update with another principal: he may read it", lambda who: who.register("t", definition(principal=principal("mila", TOKEN)), UPDATE), OK,
        scene=(*BOTH, task(xml=FOR_OLGA, flags=0)), after=((dacl, OK, has("(A;;FR;;;@mila)")),)),
    row(ADMIN, "an update with another principal, of what has the folder's descriptor: he may read it, and the one before may not",
        lambda who: who.register("t", definition(principal=principal("mila", TOKEN)), UPDATE), OK,
        scene=(folder(), task(xml=FOR_OLGA, flags=0, sddl=False)), after=((dacl, OK, has("(A;;FR;;;@mila)", without=("@olga",))),)),
    row(ADMIN, "an update with another principal and DONT_ADD_PRINCIPAL_ACE: he may not",
        lambda who: who.register("t", definition(principal=principal("mila", TOKEN)), UPDATE | DONT_ADD_ACE), OK,
        scene=(*BOTH, task(xml=FOR_OLGA, flags=0)), after=((dacl, OK, has(without=("@mila",))),)),
    row(ADMIN, "folders on the way are made with the SDDL",
        lambda who: who.register("f\\t", SAID_SYSTEM, CREATE | DONT_ADD_ACE, "D:P(A;OICI;FA;;;BA)"), OK,
        after=((lambda who: who.get_security("f"), OK, "D:P(A;OICI;FA;;;BA)"),)),
    row(ADMIN, "the definition's descriptor is none",
        lambda who: who.register("t", definition(registration="<SecurityDescriptor>nonsense</SecurityDescriptor>")), INVALID_ARGUMENT,
        differs=(INVALID_VALUE, "the same words get the same code wherever they come")),
]  # fmt: skip

ROWS = [*matrix(), *CREDENTIALS, *WRITTEN, *TRIGGERS, *FLAGS, *PATHLESS, *DESCRIPTORS]
