"""Samba's opinion on security descriptors: what SDDL means, what is written, and who may do what.

Runs with Debian's Python, which has Samba's modules. What the core says comes from the example `descriptors` beside the client.

Where Samba 4.17 is not what [MS-DTYP] and Windows are, it is asked otherwise, or not at all:

- Every list that it reads has revision 4 (ACL_REVISION_DS). 2.4.5 has 2 for lists without object ACEs, and so has Windows.
- `FA` is 0x1FF for it, without the standard rights. 2.5.1.1 has FILE_ALL_ACCESS, 0x1F01FF. It is asked about the same rights in
  other letters.
- An `OA` without GUIDs stays an object ACE. Windows makes an `A` of it, as the documentation of its conversion says.
- It does not know `KA`, `KR`, `KW`, `KX`, `NW`, `NR`, `NX`, `NO_ACCESS_CONTROL`, the flag `CR`, `ML`, `SP`, `TL`, the trustees `HO`,
  `SH`, nor white space, nor authorities of more than 32 bits. 2.5.1.1 and sddl.h of Windows have them.
- It does not read `D:PS:`, a list with flags and no entries before another. Nothing in 2.5.1.1 is against it.
- It takes letters in lower case for no rights at all, audits in a DACL, and the others in a SACL. Windows does not.
- Its access check takes masks as they are: mapping generic rights is left to its callers. It looks at no object ACEs.
"""

import os
import random
import re
import struct
import subprocess

import samba.security
from samba import NTSTATUSError
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack

from server import arguments, equal, run

ARGUMENTS = arguments()
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(ARGUMENTS.client)), "examples", "descriptors")
DOMAIN = security.dom_sid("S-1-5-21-1-2-3")
GENERATED = 10_000
SEED = 20261129

RIGHTS = "CC DC LC SW RP WP DT LO CR SD RC WD WO GA GX GW GR FA FR FW FX".split()
FLAGS = "OI CI NP IO ID".split()
TRUSTEES = (
    "AA AC AN AO AS AU BA BG BO BU CD CG CO CY ED ER ES HA HI IS IU LS LU LW ME MP MS MU NO NS NU OW PO PS PU RA RC RD RE RM "
    "RU SI SO SS SU SY UD WD WR CA CN DA DC DD DG DU EA LA LG PA RO RS SA"
).split()


def ask(questions):
    """What the core answers to each question."""
    done = subprocess.run([PROGRAM], input="".join(f"{question}\n" for question in questions), capture_output=True, text=True, timeout=120)
    equal(done.returncode, 0, f"exit code: {done.stderr}")
    answers = done.stdout.splitlines()
    equal(len(answers), len(questions), "answers")
    return answers


# Letters that Samba understands otherwise or not at all, in others.
SPELLED = {"FA": "CCDCLCSWRPWPDTLOCRSDRCWDWOFR", "KA": "CCDCLCSWRPWPSDRCWDWO", "KR": "CCSWRPRC", "KW": "DCLCRC"}


def for_samba(text):
    """The same descriptor, without the letters that Samba understands otherwise."""
    def same(found):
        rights = re.findall("..", found[2]) if not found[2].startswith("0") else [found[2]]
        return found[1] + "".join(SPELLED.get(right, right) for right in rights) + ";"

    return re.sub(r"(\([A-Z]+;[A-Z]*;)([^;]*);", same, text)


def read_by_samba(text):
    """The self-relative form; None if Samba does not read the text."""
    try:
        return ndr_pack(security.descriptor.from_sddl(for_samba(text), DOMAIN))
    except TypeError:
        return None


def of_samba(digits):
    """What the core wrote, with the revision that Samba has for every list."""
    octets = bytearray.fromhex(digits)
    for at in struct.unpack_from("<II", octets, 12):
        if at:
            octets[at] = 4
    return bytes(octets)


def guid(dice):
    return "-".join("%0*x" % (digits, dice.getrandbits(4 * digits)) for digits in (8, 4, 4, 4, 12))


def trustee(dice):
    if dice.random() < 0.7:
        return dice.choice(TRUSTEES)
    parts = [dice.choice((dice.getrandbits(32), dice.randrange(2000))) for _ in range(dice.randrange(1, 15))]
    return f"S-1-{dice.choice((1, 3, 5, 5, 5, 15, dice.getrandbits(32)))}-" + "-".join(map(str, parts))


def rights(dice):
    kind = dice.random()
    if kind < 0.6:
        return "".join(dice.choice(RIGHTS) for _ in range(dice.randrange(0, 5)))
    return "0x%x" % (dice.getrandbits(32) & dice.getrandbits(32))


def entry(dice, kinds, flags):
    kind = dice.choice(kinds)
    guids = ["", ""]
    if kind.startswith("O"):
        guids = dice.choice(([guid(dice), ""], ["", guid(dice)], [guid(dice), guid(dice)]))
    chosen = "".join(flag for flag in flags if dice.random() < 0.3)
    return f"({kind};{chosen};{rights(dice)};{guids[0]};{guids[1]};{trustee(dice)})"


def generated(dice):
    parts = []
    if dice.random() < 0.7:
        parts.append("O:" + trustee(dice))
    if dice.random() < 0.7:
        parts.append("G:" + trustee(dice))
    for letter, kinds, flags in (("D", ("A", "A", "A", "D", "OA", "OD"), FLAGS), ("S", ("AU", "AU", "OU", "AL"), FLAGS + ["SA", "FA"])):
        if dice.random() < (0.9 if letter == "D" else 0.3):
            control = "".join(flag for flag in ("P", "AR", "AI") if dice.random() < 0.3)
            count = dice.randrange(1 if control else 0, 9)
            parts.append(f"{letter}:{control}" + "".join(entry(dice, kinds, flags) for _ in range(count)))
    return "".join(parts)


def differences(texts, lie=lambda digits: digits):
    """Where the core and Samba disagree on what these texts mean, and on what is written of them."""
    ours = [lie(digits) for digits in ask([f"read {text}" for text in texts])]
    written = ask([f"write {digits}" for digits in ours])
    by_samba = [security.descriptor.from_sddl(for_samba(text), DOMAIN).as_sddl(DOMAIN) for text in texts]
    again = [lie(digits) for digits in ask([f"read {text}" for text in by_samba])]
    found = []
    for text, digits, ours_written, samba_written, second in zip(texts, ours, written, by_samba, again):
        theirs = read_by_samba(text)
        if digits.startswith("refused") or of_samba(digits) != theirs:
            found.append(f"{text} is {theirs and theirs.hex()} for Samba and {digits} for us")
        elif ours_written.startswith(("refused", "not")) or read_by_samba(ours_written) != theirs:
            found.append(f"{text} is written as {ours_written}, which is another for Samba")
        elif second != digits:
            found.append(f"{text} is written by Samba as {samba_written}, which is {second} for us and not {digits}")
        # Samba's own view of our bytes, which no text was between.
        elif ndr_pack(ndr_unpack(security.descriptor, of_samba(digits))) != theirs:
            found.append(f"{text}: {digits} is laid out otherwise for Samba")
    return found


def real_ones():
    """every descriptor of a real task is for us what it is for Samba, read and written"""
    folder = os.environ.get("MAINSPRING_SHARED")
    if not folder:
        print("# no real descriptors: MAINSPRING_SHARED is not set")
        return
    with open(f"{folder}/sddl.tsv", encoding="utf-8") as table:
        texts = [line.split("\t")[1] for line in table][1:]
    assert len(texts) >= 50, len(texts)
    equal(differences(texts), [], "differences")
    print(f"# {len(texts)} descriptors of real tasks")


def generated_ones():
    """ten thousand generated descriptors are for us what they are for Samba, read and written"""
    dice = random.Random(SEED)
    texts = [generated(dice) for _ in range(GENERATED)]
    found = differences(texts)
    equal(found[:3], [], f"{len(found)} differences")
    aces = sum(text.count("(") for text in texts)
    print(f"# {GENERATED} generated descriptors with {aces} ACEs")


def letters():
    """each trustee and each right alone, and each flag"""
    texts = [f"O:{who}G:{who}D:(A;;FR;;;{who})" for who in TRUSTEES]
    texts += [f"D:(A;;{right};;;SY)" for right in RIGHTS]
    texts += [f"D:(A;{flag};FR;;;SY)S:(AU;{flag};FR;;;SY)" for flag in FLAGS + ["SA", "FA"]]
    texts += [f"D:{flags}(A;;FR;;;SY)S:{flags}(AU;;FR;;;SY)" for flags in ("", "P", "AR", "AI", "PAI", "PARAI")]
    equal(differences(texts), [], "differences")


def unlike_samba():
    """what is known to be otherwise for Samba still is: the list above is true"""
    for text, for_us, theirs in (
        ("D:(A;;FA;;;SY)", "ff011f00", "ff010000"),
        ("D:(OA;;CC;;;SY)", "0000140001000000", "0500180001000000"),
        ("D:(A;;fr;;;SY)", "89001200", "00000000"),
    ):
        assert for_us in ask([f"read {text}"])[0], text
        assert theirs in ndr_pack(security.descriptor.from_sddl(text, DOMAIN)).hex(), text
    unknown = ["D:NO_ACCESS_CONTROL", "S:(ML;;NW;;;HI)", "S:(SP;;CC;;;SY)", "S:(TL;;CC;;;SY)", "D:(A;CR;CC;;;SY)", "O:HO", "O:SH", " D:", "D:PS:"]
    unknown += [f"D:(A;;{right};;;SY)" for right in "KA KR KW KX NW NR NX".split()]
    for text, answer in zip(unknown, ask([f"read {text}" for text in unknown])):
        assert not answer.startswith("refused"), f"{text}: {answer}"
        try:
            security.descriptor.from_sddl(text, DOMAIN)
        except TypeError:
            continue
        raise AssertionError(f"Samba reads {text} now")
    wrong = ["D:(AU;SA;CC;;;SY)", "S:(A;;CC;;;SY)"]
    for text, answer in zip(wrong, ask([f"read {text}" for text in wrong])):
        assert answer.startswith("refused"), f"{text}: {answer}"
        security.descriptor.from_sddl(text, DOMAIN)


PEOPLE = ["S-1-1-0", "S-1-5-11", "S-1-5-32-544", "S-1-5-18", "S-1-3-4", "S-1-5-21-1-2-3-1000", "S-1-5-21-1-2-3-1001"]


def disagreements(count, lie=lambda answer: answer):
    """How often the core and Samba disagree on who may do what, and how often something was granted."""
    dice = random.Random(SEED)
    cases, questions = [], []
    for _ in range(count):
        text = f"O:{dice.choice(PEOPLE)}G:SYD:"
        for _ in range(dice.randrange(0, 9)):
            mask = dice.choice((0x1F01FF, 0x120089, 0x120116, dice.getrandbits(21) & 0x1F01FF, 1 << dice.randrange(9)))
            flags = dice.choice(("", "", "", "OICI", "OIIO", "ID"))
            text += f"({dice.choice('AAD')};{flags};0x{mask:x};;;{dice.choice(PEOPLE)})"
        sids = [sid for sid in PEOPLE if sid != "S-1-3-4" and dice.random() < 0.5] or ["S-1-5-7"]
        desired = dice.choice((0x120089, 1 << dice.randrange(9), 1 << dice.randrange(16, 21), dice.getrandbits(21) & dice.getrandbits(21) & 0x1F01FF)) or 1
        cases.append((text, sids, desired))
    for (text, sids, desired), digits in zip(cases, ask([f"read {text}" for text, _, _ in cases])):
        questions.append(f"check {digits} {desired} {' '.join(sids)}")
    different = granted = 0
    for (text, sids, desired), answer in zip(cases, ask(questions)):
        token = security.token()
        token.sids = [security.dom_sid(sid) for sid in sids]
        token.num_sids = len(sids)
        try:
            samba.security.access_check(security.descriptor.from_sddl(text, DOMAIN), token, desired)
            theirs = "granted"
        except NTSTATUSError as refused:
            equal(refused.args[0] & 0xFFFFFFFF, 0xC0000022, "access denied")
            theirs = "denied"
        granted += theirs == "granted"
        if lie(answer) != theirs:
            different += 1
            if different < 3 and lie(answer) == answer:
                print(f"# {text} {sids} {desired:#x}: {answer}, and {theirs} for Samba")
    return different, granted


def access():
    """ten thousand access checks end as Samba's do"""
    different, granted = disagreements(GENERATED)
    equal(different, 0, "disagreements")
    print(f"# {GENERATED} checks, {granted} granted")
    assert GENERATED / 5 < granted < GENERATED * 4 / 5


def canary_lies():
    """canary: one bit of each descriptor flipped, and each answer of a check turned around: all of it is noticed"""
    dice = random.Random(SEED)
    texts = ["O:SY" + generated(dice).replace("O:", "G:", 1) for _ in range(2000)]
    texts = [text for text in texts if text.count("G:") < 2][:500]
    equal(differences(texts), [], "differences without a lie")

    def flip(digits):
        octets = bytearray.fromhex(digits)
        # In the owner: elsewhere a bit may be one that Samba does not keep.
        octets[dice.randrange(22, 32)] ^= 1 << dice.randrange(8)
        return octets.hex()

    equal(len(differences(texts, flip)), len(texts), "lies that were noticed")
    turned = {"granted": "denied", "denied": "granted"}
    equal(disagreements(500, lambda answer: turned[answer])[0], 500, "turned answers that were noticed")


run([real_ones, generated_ones, letters, unlike_samba, access, canary_lies], ARGUMENTS.only)
