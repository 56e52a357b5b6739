"""The table, part three: SetSecurity, GetSecurity, what a folder hands on, and descriptors that are none."""

from access_grids import ONE_CODE, SEEN, UNSEEN
from access_registration import BOTH, has, principal, soon
from access_world import (
    ADMIN,
    DONT_ADD_ACE,
    FLAG_FOLDER,
    FLAG_TASK,
    HIS,
    KEPT_FOLDER,
    KEPT_TASK,
    MEMBER,
    OTHER,
    OWNER,
    Raw,
    SYSTEM,
    Row,
    called,
    definition,
    folder,
    own_task,
    plain_folder,
    task,
)
from service import ACCESS_DENIED, CREATE, EXISTS, INVALID_ARGUMENT, INVALID_NAME, NOT_FOUND, PATH_NOT_FOUND

OK, INVALID_OWNER = 0, 0x8007051B
GET, SET, MAKE = "GetSecurity", "SetSecurity", "CreateFolder"
WHERE = {GET: "3.2.5.4.6", SET: "3.2.5.4.5", MAKE: "3.2.5.4.4", "RetrieveTask": "3.2.5.4.3", "EnumTasks": "3.2.5.4.8", "RegisterTask": "3.2.5.4.2"}
OWNING, INHERITING, FORM = "[MS-DTYP] 2.5.3", "[MS-DTYP] 2.5.3.4", "[MS-DTYP] 2.5.1"


def row(method, caller, condition, scene, call, code, where=None, **more):
    return Row(method, caller, condition, tuple(scene), call, code, where or WHERE[method], **more)


# --- what is asked for ---------------------------------------------------------------------------------------------

WHOLE = "O:@olgaG:BAD:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;@otto)S:(AU;SAFA;FA;;;WD)"
FULL = (folder(), task(head=WHOLE))
DACL_TEXT, SACL_TEXT = "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;@otto)", "S:AI(AU;SAFA;FA;;;WD)"


def asks(information, path="t"):
    return lambda who: who.get_security(path, information)


SELECTIONS = [
    row(GET, ADMIN, "OWNER", FULL, asks(1), OK, gives="O:@olga"),
    row(GET, ADMIN, "GROUP", FULL, asks(2), OK, gives="G:BA"),
    row(GET, ADMIN, "OWNER and GROUP", FULL, asks(3), OK, gives="O:@olgaG:BA"),
    row(GET, ADMIN, "DACL", FULL, asks(4), OK, gives=DACL_TEXT),
    row(GET, ADMIN, "OWNER and DACL", FULL, asks(5), OK, gives="O:@olga" + DACL_TEXT),
    row(GET, ADMIN, "GROUP and DACL", FULL, asks(6), OK, gives="G:BA" + DACL_TEXT),
    row(GET, ADMIN, "OWNER, GROUP and DACL", FULL, asks(7), OK, gives="O:@olgaG:BA" + DACL_TEXT),
    row(GET, ADMIN, "SACL", FULL, asks(8), OK, gives=SACL_TEXT),
    row(GET, ADMIN, "all four", FULL, asks(15), OK, gives="O:@olgaG:BA" + DACL_TEXT + SACL_TEXT),
    row(GET, ADMIN, "all four and LABEL", FULL, asks(31), OK, gives="O:@olgaG:BA" + DACL_TEXT + SACL_TEXT),
    row(GET, ADMIN, "nothing", FULL, asks(0), OK, gives=""),
    row(GET, OTHER, "OWNER, GROUP and DACL, who may read it", FULL, asks(7), OK, gives="O:@olgaG:BA" + DACL_TEXT),
    row(GET, OTHER, "SACL, who may read it", FULL, asks(8), ACCESS_DENIED, "[MS-DTYP] 2.4.7"),
    row(GET, OTHER, "all four, who may read it", FULL, asks(15), ACCESS_DENIED, "[MS-DTYP] 2.4.7"),
    row(GET, MEMBER, "SACL, who may not read it", FULL, asks(8), NOT_FOUND,
        differs=(ACCESS_DENIED, UNSEEN)),
    row(GET, OWNER, "SACL, of what he registered", (folder(SEEN + HIS), own_task()), asks(8), ACCESS_DENIED, "[MS-DTYP] 2.4.7"),
    row(GET, ADMIN, "SACL of a task that has none", (folder(), task()), asks(8), OK, gives=""),
    row(GET, ADMIN, "OWNER of a folder", (folder(),), asks(1, "."), OK, gives="O:BA"),
    row(GET, ADMIN, "DACL of a folder", (folder(),), asks(4, "."), OK, gives="D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;;FR;;;AU)"),
    row(GET, ADMIN, "OWNER, GROUP and DACL of the root", (), asks(7, "\\"), OK,
        gives="O:BAG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;CI;FR;;;AU)(A;OICIIO;FA;;;CO)"),
    row(GET, OTHER, "DACL of the root", (), asks(4, "\\"), OK),
    *(row(GET, ADMIN, f"a bit that is no part {bit:#x}: it is ignored", FULL, asks(7 | bit), OK, gives="O:@olgaG:BA" + DACL_TEXT)
      for bit in (0x20, 0x40, 0x80, 0x10000, 0x10000000, 0x20000000, 0x40000000, 0x80000000)),
    row(GET, ADMIN, "all bits, as impacket asks", FULL, asks(0xFFFFFFFF), OK, gives="O:@olgaG:BA" + DACL_TEXT + SACL_TEXT),
]  # fmt: skip

# --- what is set ---------------------------------------------------------------------------------------------------

OTHER_KIND = (PATH_NOT_FOUND, ONE_CODE)


def sets(sddl, flags=DONT_ADD_ACE, path="t"):
    return lambda who: who.set_security(path, sddl, flags)


def reads(information, gives, path="t"):
    return ((asks(information, path), OK, gives),)


TO_ALL = "D:P(A;;FA;;;BA)(A;;FR;;;AU)"
HIS_TASK = (folder(SEEN + HIS), own_task())
FOR_OLGA = (folder(), task(xml=definition(principal=principal("olga"))))
SETTING = [
    *(row(SET, ADMIN, f"undefined flag {bit:#x}", FULL, sets(TO_ALL, bit),
        INVALID_ARGUMENT) for bit in (1, 2, 4, 8, 0x20, 0x40, 0x80, 0x10000000, 0x80000000)),
    row(SET, OTHER, "undefined flag 1, who may not: the flag comes first", FULL, sets(TO_ALL, 1), INVALID_ARGUMENT),
    row(SET, ADMIN, "flags 0", FULL, sets(TO_ALL, 0), OK, after=reads(4, has("(A;;FR;;;AU)"))),
    row(SET, ADMIN, "DONT_ADD_PRINCIPAL_ACE", FULL, sets(TO_ALL), OK, after=reads(4, TO_ALL)),
    row(SET, ADMIN, "SCH_FLAG_TASK on a task", FULL, sets(TO_ALL, FLAG_TASK), OK),
    row(SET, ADMIN, "SCH_FLAG_FOLDER on a folder", FULL, sets(TO_ALL, FLAG_FOLDER, "."), OK),
    row(SET, ADMIN, "both kinds, on a task", FULL, sets(TO_ALL, FLAG_TASK | FLAG_FOLDER), OK),
    row(SET, ADMIN, "both kinds, on a folder", FULL, sets(TO_ALL, FLAG_TASK | FLAG_FOLDER, "."), OK),
    row(SET, ADMIN, "SCH_FLAG_FOLDER on a task", FULL, sets(TO_ALL, FLAG_FOLDER), NOT_FOUND, differs=OTHER_KIND, after=reads(4, DACL_TEXT)),
    row(SET, ADMIN, "SCH_FLAG_TASK on a folder", FULL, sets(TO_ALL, FLAG_TASK, "."), NOT_FOUND, differs=OTHER_KIND),
    row(SET, ADMIN, "a DACL: the rest stays", FULL, sets(TO_ALL), OK, after=reads(15, "O:@olgaG:BA" + TO_ALL + SACL_TEXT)),
    row(SET, ADMIN, "an owner: the rest stays", FULL, sets("O:@mila"), OK, after=reads(15, "O:@milaG:BA" + DACL_TEXT + SACL_TEXT)),
    row(SET, ADMIN, "a group: the rest stays", FULL, sets("G:SY"), OK, after=reads(15, "O:@olgaG:SY" + DACL_TEXT + SACL_TEXT)),
    row(SET, ADMIN, "a SACL: the rest stays", FULL, sets("S:(AU;FA;FW;;;WD)"), OK,
        after=reads(15, "O:@olgaG:BA" + DACL_TEXT + "S:AI(AU;FA;FW;;;WD)")),
    row(SET, ADMIN, "all of it", FULL, sets("O:@milaG:SY" + TO_ALL + "S:(AU;FA;FW;;;WD)"), OK,
        after=reads(15, "O:@milaG:SY" + TO_ALL + "S:AI(AU;FA;FW;;;WD)")),
    row(SET, ADMIN, "a DACL that gives nobody anything", FULL, sets("D:P"), OK, after=reads(4, "D:P")),
    row(SET, ADMIN, "no part at all", FULL, sets(""), INVALID_ARGUMENT, after=reads(15, "O:@olgaG:BA" + DACL_TEXT + SACL_TEXT)),
    row(SET, ADMIN, "the principal may read it", FOR_OLGA, sets(TO_ALL, 0), OK, after=reads(4, has("(A;;FR;;;@olga)"))),
    row(SET, ADMIN, "DONT_ADD_PRINCIPAL_ACE: he may not", FOR_OLGA, sets("D:P(A;;FA;;;BA)"), OK, after=reads(4, "D:P(A;;FA;;;BA)")),
    row(SET, ADMIN, "an owner alone adds nothing for the principal", FOR_OLGA, sets("O:@mila", 0), OK, after=reads(4, "D:P(A;;FA;;;SY)(A;;FA;;;BA)")),
    row(SET, OWNER, "a DACL, of what he registered", HIS_TASK, sets("D:P(A;;FA;;;@olga)"), OK, after=reads(4, "D:P(A;;FA;;;@olga)")),
    row(SET, OWNER, "himself as owner, of what he registered", HIS_TASK, sets("O:@olga"), OK),
    row(SET, OWNER, "another owner, of what he registered", HIS_TASK, sets("O:@otto"), INVALID_OWNER, OWNING,
        differs=(OK, "nobody but an administrator makes somebody else an owner, as in Windows"),
        after=reads(1, "O:@olga")),
    row(SET, OWNER, "administrators as owner, of what he registered", HIS_TASK, sets("O:BA"), INVALID_OWNER, OWNING,
        differs=(OK, "nobody but an administrator makes somebody else an owner, as in Windows")),
    row(SET, OWNER, "a SACL, of what he registered", HIS_TASK, sets("S:(AU;FA;FW;;;WD)"), ACCESS_DENIED, "[MS-DTYP] 2.4.7",
        differs=(OK, "SACLs belong to administrators, as in Windows"),
        after=reads(8, "")),
    row(SET, OWNER, "a DACL and a SACL, of what he registered: none is set", HIS_TASK, sets("D:PS:(AU;FA;FW;;;WD)"), ACCESS_DENIED, "[MS-DTYP] 2.4.7",
        differs=(OK, "SACLs belong to administrators, as in Windows")),
    row(SET, OTHER, "himself as owner, with WRITE_OWNER", (folder(), task("(A;;FRWO;;;@otto)")), sets("O:@otto"), OK, OWNING,
        differs=(ACCESS_DENIED, "WRITE_OWNER is the right for it"),
        after=reads(1, "O:@otto")),
    row(SET, OTHER, "a DACL, with WRITE_OWNER", (folder(), task("(A;;FRWO;;;@otto)")), sets(TO_ALL), ACCESS_DENIED, OWNING),
    row(SET, OTHER, "a group, with WRITE_DAC", (folder(), task("(A;;FRWD;;;@otto)")), sets("G:BU"), ACCESS_DENIED, OWNING),
    row(SET, OTHER, "a DACL and an owner, with WRITE_DAC: none is set", (folder(), task("(A;;FRWD;;;@otto)")), sets("O:@otto" + TO_ALL),
        ACCESS_DENIED, OWNING,
        after=reads(4, "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x160089;;;@otto)")),
    row(SET, MEMBER, "his group as owner", (folder(), task("(A;;FA;;;@mila)")), sets("O:@gardeners"), INVALID_OWNER, OWNING,
        differs=(OK, "a group is an owner only where it is marked as one")),
    row(SET, OTHER, "a DACL, of what is his but for OWNER RIGHTS", (folder(), task("(A;;FR;;;S-1-3-4)", head="O:@otto" + KEPT_TASK)),
        sets(TO_ALL), ACCESS_DENIED, "[MS-DTYP] 2.5.3: owner rights"),
    row(SET, OTHER, "the root", (), sets("D:P(A;;FA;;;@otto)", path="\\"), ACCESS_DENIED),
    row(SET, ADMIN, "the root", (), sets("O:BAG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;CI;FR;;;AU)(A;OICIIO;FA;;;CO)", path="\\"), OK),
    row(SET, ADMIN, "a name that is none", (folder(),), sets(TO_ALL, path="..\\t"), INVALID_NAME),
]  # fmt: skip

# --- what a folder hands on ----------------------------------------------------------------------------------------
TASK_OF_SYSTEM = definition(principal=SYSTEM)


def inside(path="t", sddl=None, **parts):
    """Registered by the administrator with this descriptor, or none."""
    return called(lambda who: who.register(path, TASK_OF_SYSTEM, CREATE | DONT_ADD_ACE, sddl))


def sees(path="t"):
    return lambda who: who.retrieve(path)


def handing(aces, *more):
    return (folder(SEEN + aces), plain_folder("sub"), inside(), inside("sub\\t"), *more)


HANDED = [
    row(GET, ADMIN, "a task to which nobody gave a descriptor", handing("(A;OICI;FR;;;@otto)"), asks(4), OK, INHERITING,
        gives="D:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;FR;;;@otto)"),
    row(GET, ADMIN, "a sub-folder to which nobody gave a descriptor", handing("(A;OICI;FR;;;@otto)"), asks(4, "sub"), OK, INHERITING,
        gives="D:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;FR;;;@otto)"),
    row(GET, ADMIN, "a task in such a sub-folder", handing("(A;OICI;FR;;;@otto)"), asks(4, "sub\\t"), OK, INHERITING,
        gives="D:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;FR;;;@otto)"),
    row(GET, ADMIN, "the owner of a task to which nobody gave a descriptor", handing(""), asks(1), OK, INHERITING, gives="O:@alice"),
    row(GET, ADMIN, "CREATOR OWNER becomes who registered it", (folder(SEEN + HIS), own_task()), asks(4), OK, INHERITING,
        gives=has("(A;ID;FA;;;@olga)", without=(";;;CO)",))),
    row(GET, ADMIN, "CREATOR OWNER becomes who made the sub-folder, and is handed on", (folder(SEEN + HIS), plain_folder("sub", OWNER)),
        asks(4, "sub"), OK, INHERITING,
        gives=has(";FA;;;@olga)", "(A;OICIIOID;FA;;;CO)")),
    row(GET, ADMIN, "a descriptor that is not protected gets the folder's behind its own",
        (folder(SEEN + "(A;OICI;FX;;;@olga)"), inside(sddl="D:(A;;FR;;;@otto)")), asks(4), OK, INHERITING,
        gives="D:AI(A;;FR;;;@otto)(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;FX;;;@olga)"),
    row(GET, ADMIN, "a protected one gets nothing", (folder(SEEN + "(A;OICI;FX;;;@olga)"), inside(sddl="D:P(A;;FR;;;@otto)")), asks(4), OK,
        INHERITING,
        gives="D:P(A;;FR;;;@otto)"),
    row(GET, ADMIN, "a sub-folder with a protected one hands on its own alone",
        (folder(SEEN + "(A;OICI;FR;;;@olga)"), folder("(A;OICI;FR;;;@otto)", "sub"), inside("sub\\t")), asks(4, "sub\\t"), OK, INHERITING,
        gives="D:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;FR;;;@otto)"),
    row("RetrieveTask", OTHER, "the folder gives it to itself, its tasks and sub-folders", handing("(A;OICI;FR;;;@otto)"), sees(), OK, INHERITING),
    row("RetrieveTask", OTHER, "the same in a sub-folder", handing("(A;OICI;FR;;;@otto)"), sees("sub\\t"), OK, INHERITING),
    row("RetrieveTask", OTHER, "to itself alone", handing("(A;;FR;;;@otto)"), sees(), NOT_FOUND, INHERITING),
    row("RetrieveTask", OTHER, "to sub-folders alone", handing("(A;CI;FR;;;@otto)"), sees(), NOT_FOUND, INHERITING),
    row("RetrieveTask", OTHER, "to sub-folders alone, in one", handing("(A;CI;FR;;;@otto)"), sees("sub\\t"), NOT_FOUND, INHERITING),
    row("EnumTasks", OTHER, "to sub-folders alone: the sub-folder", handing("(A;CI;FR;;;@otto)"), lambda who: who.tasks("sub"), OK, INHERITING,
        gives=[]),
    row("RetrieveTask", OTHER, "to tasks alone", handing("(A;OI;FR;;;@otto)"), sees(), OK, INHERITING),
    row("EnumTasks", OTHER, "to tasks alone: the sub-folder", handing("(A;OI;FR;;;@otto)"), lambda who: who.tasks("sub"), NOT_FOUND, INHERITING),
    row("RetrieveTask", OTHER, "to tasks alone, in a sub-folder", handing("(A;OI;FR;;;@otto)"), sees("sub\\t"), OK, INHERITING),
    row("RetrieveTask", OTHER, "to the next level alone", handing("(A;OICINP;FR;;;@otto)"), sees(), OK, INHERITING),
    row("RetrieveTask", OTHER, "to the next level alone, in a sub-folder", handing("(A;OICINP;FR;;;@otto)"), sees("sub\\t"), NOT_FOUND, INHERITING),
    row("RetrieveTask", OTHER, "a denial that is handed on, and a gift of the task's own before it",
        (folder(SEEN + "(D;OICI;FR;;;@otto)"), inside(sddl="D:(A;;FR;;;@otto)")), sees(), OK, INHERITING),
    row("RetrieveTask", OTHER, "generic rights that are handed on", handing("(A;OICI;GR;;;@otto)"), sees(), OK, INHERITING),
    row("RetrieveTask", OTHER, "a folder that was told later hands on to what has nothing of its own",
        (*handing(""), called(sets(KEPT_FOLDER + SEEN + "(A;OICI;FR;;;@otto)", path="."))), sees(), OK, "live inheritance"),
    row("RetrieveTask", OTHER, "the same in a sub-folder", (*handing(""), called(sets(KEPT_FOLDER + SEEN + "(A;OICI;FR;;;@otto)", path="."))),
        sees("sub\\t"), OK, "live inheritance"),
    row("RetrieveTask", OTHER, "the same for a protected one",
        (folder(), task(), called(sets(KEPT_FOLDER + SEEN + "(A;OICI;FR;;;@otto)", path="."))), sees(), NOT_FOUND, "live inheritance"),
    row("RetrieveTask", OTHER, "a folder that takes back what it handed on",
        (*handing("(A;OICI;FR;;;@otto)"), called(sets(KEPT_FOLDER + SEEN, path="."))), sees(), NOT_FOUND, "live inheritance"),
    row("RetrieveTask", OTHER, "no descriptor under the root's default", (plain_folder("."), inside()), sees(), NOT_FOUND, "the root's default"),
    row("EnumTasks", OTHER, "a folder without a descriptor under the root's default", (plain_folder("."), inside()), lambda who: who.tasks("."),
        OK, "the root's default",
        gives=[]),
    row("RetrieveTask", OTHER, "the principal of a task of the administrator's",
        (plain_folder("."), called(lambda who: who.register("t", definition(principal=principal("otto"))))), sees(), OK, "3.2.5.4.2"),
    row("RetrieveTask", MEMBER, "a member of the group that is its principal",
        (plain_folder("."), called(lambda who: who.register("t", definition(principal=principal("gardeners"))))), sees(), OK, "3.2.5.4.2"),
    row("RetrieveTask", OTHER, "a DACL that is null", (folder(), task(head="D:NO_ACCESS_CONTROL")), sees(), OK, OWNING),
    row("RetrieveTask", OTHER, "a DACL that is empty", (folder(), task(head="D:P")), sees(), NOT_FOUND, OWNING),
]  # fmt: skip

# --- folders -------------------------------------------------------------------------------------------------------


def makes(sddl=None, path="f", flags=0):
    return lambda who: who.create_folder(path, sddl, flags)


FOLDERS = [
    *(row(MAKE, ADMIN, f"flags {flags:#x}", (folder(),), makes(flags=flags), INVALID_ARGUMENT) for flags in (1, 2, 0x10, 0x80000000)),
    row(MAKE, OTHER, "flags 1 where he may make nothing: the flags come first", (folder(),), makes(flags=1), INVALID_ARGUMENT),
    row(MAKE, ADMIN, "an SDDL", (folder(),), makes("D:P(A;OICI;FA;;;BA)"), OK, after=reads(4, "D:P(A;OICI;FA;;;BA)", "f")),
    row(MAKE, ADMIN, "an SDDL, deeper: those above get it too", (folder(),), makes("D:P(A;OICI;FA;;;BA)", "f\\g"), OK,
        after=(*reads(4, "D:P(A;OICI;FA;;;BA)", "f"), *reads(4, has("FA;;;BA)"), "f\\g"))),
    row(MAKE, ADMIN, "no SDDL: that of the folder", (folder(SEEN + "(A;OICI;FR;;;@otto)"),), makes(), OK,
        after=reads(4, has("(A;OICIID;FR;;;@otto)"), "f")),
    row(MAKE, OTHER, "an SDDL with himself as owner", BOTH, makes("O:@ottoD:(A;OICI;FA;;;@otto)"), OK, after=reads(1, "O:@otto", "f")),
    row(MAKE, OTHER, "an SDDL with another owner", BOTH, makes("O:@olgaD:(A;OICI;FA;;;@otto)"), INVALID_OWNER, OWNING),
    row(MAKE, OTHER, "an SDDL with a SACL", BOTH, makes("D:(A;OICI;FA;;;@otto)S:(AU;SA;FA;;;WD)"), ACCESS_DENIED, "[MS-DTYP] 2.4.7"),
    row(MAKE, OTHER, "no SDDL: it is his", BOTH, makes(), OK, after=reads(1, "O:@otto", "f")),
    row(MAKE, OTHER, "in the root", (), makes(path="\\otto made it"), ACCESS_DENIED),
    row(MAKE, ADMIN, "existing", (folder(), folder(path="f")), makes(), EXISTS, "FACTS: CreateFolder"),
    row(MAKE, ADMIN, "existing, with an SDDL: it is left as it is", (folder(), folder(path="f")), makes("D:P(A;;FA;;;SY)"), EXISTS,
        "FACTS: CreateFolder",
        after=reads(4, has("(A;;FR;;;AU)"), "f")),
    row(MAKE, ADMIN, "a task of that name", (folder(), task(path="f")), makes(), EXISTS, "FACTS: CreateFolder"),
    row(MAKE, ADMIN, "below a task", (folder(), task()), makes(path="t\\f"), PATH_NOT_FOUND),
]  # fmt: skip

# --- what is no descriptor -----------------------------------------------------------------------------------------

MANY = "D:P" + "(A;;FR;;;S-1-5-21-1-2-3-1000)" * 4000
LONG_SID = "S-1-5" + "-1" * 255
BAD_SDDL = {
    "words": "nonsense",
    "an ACE that does not end": "D:(A;;FA;;;BA",
    "an ACE with too few parts": "D:(A;;FA;BA)",
    "an unknown trustee": "D:(A;;FA;;;ZZ)",
    "unknown rights": "D:(A;;QQ;;;BA)",
    "unknown flags": "D:(A;QQ;FA;;;BA)",
    "an unknown kind of ACE": "D:(Q;;FA;;;BA)",
    "an owner who is nobody": "O:",
    "a SID that ends early": "D:(A;;FA;;;S-1-5-)",
    "a SID with 16 sub-authorities": f"D:(A;;FA;;;S-1-5{'-1' * 16})",
    "a SID with 255 sub-authorities": f"D:(A;;FA;;;{LONG_SID})",
    "an owner with 255 sub-authorities": f"O:{LONG_SID}",
    "a sub-authority of 33 bits": "D:(A;;FA;;;S-1-5-21-8589934592)",
    "a mask of 33 bits": "D:(A;;0x1ffffffff;;;BA)",
    "4,000 ACEs": MANY,
    "two DACLs": "D:(A;;FA;;;BA)D:(A;;FA;;;SY)",
    "an audit in a DACL": "D:(AU;SA;FA;;;BA)",
    "something behind it": "D:(A;;FA;;;BA)X",
    "a control character": "D:(A;;FA;;;BA)\x01",
    "64 KB of brackets": "D:" + "(" * 32768,
    "64 KB of letters": "O:" + "B" * 32768,
}
BAD = [
    one
    for what, sddl in BAD_SDDL.items()
    for one in (
        row("RegisterTask", ADMIN, f"an SDDL that is none: {what}", (folder(),),
            lambda who, sddl=sddl: who.register("t", TASK_OF_SYSTEM, CREATE, sddl), INVALID_ARGUMENT, FORM,
            after=((lambda who: who.info("t"), NOT_FOUND),)),
        row(MAKE, ADMIN, f"an SDDL that is none: {what}", (folder(),), makes(sddl), INVALID_ARGUMENT, FORM,
            after=((lambda who: who.tasks("f"), NOT_FOUND),)),
        row(SET, ADMIN, f"an SDDL that is none: {what}", FULL, sets(sddl), INVALID_ARGUMENT, FORM,
            after=reads(15, "O:@olgaG:BA" + DACL_TEXT + SACL_TEXT)),
    )
]  # fmt: skip

ORDER = "3.2.5.4.5: access is looked at first"
LONG = "D:P" + "".join(f"(A;;FR;;;S-1-5-21-1-2-3-{number})" for number in range(1000, 1100))
BOUNDS = [
    row(SET, OTHER, "an SDDL that is none, who may not", FULL, sets("nonsense"), ACCESS_DENIED, ORDER),
    row(SET, OTHER, "an SDDL that is none, of what he does not see", (folder(), task()), sets("nonsense"), NOT_FOUND, ORDER,
        differs=(ACCESS_DENIED, UNSEEN)),
    row(SET, OTHER, "no part at all, of what he does not see", (folder(), task()), sets(""), NOT_FOUND, ORDER,
        differs=(ACCESS_DENIED, UNSEEN)),
    row(SET, ADMIN, "100 ACEs", FULL, sets(LONG), OK, FORM, after=reads(4, LONG)),
    row(MAKE, ADMIN, "100 ACEs", (folder(),), makes(LONG), OK, FORM, after=reads(4, LONG, "f")),
    row(SET, ADMIN, "a SID with 15 sub-authorities", FULL, sets(f"D:P(A;;FR;;;S-1-5{'-1' * 15})"), OK, FORM,
        after=reads(4, f"D:P(A;;FR;;;S-1-5{'-1' * 15})")),
]  # fmt: skip

# --- what becomes of a descriptor ----------------------------------------------------------------------------------


def group(verb):
    """Changes who is in the group, while its member is logged in."""
    return lambda world: world.host.account("group", verb, "gardeners", MEMBER)


def until_ok(call):
    """The server looks at its accounts a moment later."""
    return soon(call, lambda answer: answer.code == OK)


def gone(path):
    return called(lambda who: who.delete(path))


GIVEN_BACK = "nothing is left of what was deleted"
LIFE = [
    row("RetrieveTask", OTHER, "a task that was deleted, and registered again with nothing said",
        (folder(), task("(A;;FR;;;@otto)"), gone("t"), inside()), sees(), NOT_FOUND, GIVEN_BACK),
    row("EnumTasks", OTHER, "a folder that was deleted, and made again with nothing said",
        (folder(), folder("(A;;FR;;;@otto)", "f"), gone("f"), plain_folder("f")), lambda who: who.tasks("f"), NOT_FOUND, GIVEN_BACK),
    row("RetrieveTask", OTHER, "another letter case, of what he does not see", (folder(), task()), sees("T"), NOT_FOUND, "FACTS: paths"),
    row("RetrieveTask", OTHER, "another letter case, of what he may read", (folder(), task("(A;;FR;;;@otto)")), sees("T"), OK, "FACTS: paths"),
    row("RetrieveTask", OTHER, "without the backslash in front", (folder(), task("(A;;FR;;;@otto)")),
        lambda who: who.retrieve(Raw(f"{who.world.at[1:]}\\t")), OK, "FACTS: paths"),
    row("RetrieveTask", MEMBER, "who was taken out of the group meanwhile",
        (folder(), task("(A;;FR;;;@gardeners)"), called(sees(), MEMBER), group("leave")), soon(sees(), lambda answer: answer.code == NOT_FOUND), NOT_FOUND, "tokens are made of the accounts as they are"),
    row("RetrieveTask", MEMBER, "who was put into it again", (folder(), task("(A;;FR;;;@gardeners)"), group("join")), until_ok(sees()), OK,
        "tokens are made of the accounts as they are"),
]  # fmt: skip

ROWS = [*SELECTIONS, *SETTING, *HANDED, *FOLDERS, *BAD, *BOUNDS, *LIFE]
