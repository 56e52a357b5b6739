"""`mainspring validate` and `convert`: definitions in files, for which no server is needed."""

import csv
import json
import os
import re
import subprocess
import tempfile

from server import arguments, equal, run

ARGUMENTS = arguments()
FOLDER = tempfile.TemporaryDirectory()
NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
CORPUS = os.environ.get("MAINSPRING_CORPUS")

WATER = (
    f'<?xml version="1.0" encoding="UTF-16"?>\n<Task version="1.4" xmlns="{NAMESPACE}">\n'
    "  <Triggers>\n"
    "    <CalendarTrigger>\n"
    "      <StartBoundary>2024-05-02T03:30:00</StartBoundary>\n"
    "      <ScheduleByWeek><DaysOfWeek><Monday/><Friday/></DaysOfWeek></ScheduleByWeek>\n"
    "    </CalendarTrigger>\n"
    "    <LogonTrigger><UserId>PLANT\\gärtner</UserId></LogonTrigger>\n"
    "    <BootTrigger><Enabled>false</Enabled></BootTrigger>\n"
    "  </Triggers>\n"
    '  <Principals><Principal id="A"><UserId>PLANT\\gärtner</UserId><RunLevel>HighestAvailable</RunLevel></Principal></Principals>\n'
    "  <Settings><WakeToRun>true</WakeToRun><Priority>7</Priority></Settings>\n"
    '  <Actions Context="A"><Exec><Command>water.exe</Command><Arguments>--all</Arguments></Exec></Actions>\n'
    "</Task>\n"
)
WORDS = (
    "starts every Monday and Friday at 03:30 from 2024-05-02 and when PLANT\\gärtner logs on; "
    "runs `water.exe --all` with the highest privileges as PLANT\\gärtner; only on AC power; wakes the computer; "
    "stops after 72 hours; does not start while it runs"
)


def mainspring(*words, expect=0):
    done = subprocess.run([os.path.abspath(ARGUMENTS.client), *words], capture_output=True, text=True, timeout=60)
    equal(done.returncode, expect, f"{words}: exit code\n{done.stdout}{done.stderr}")
    return done.stdout if expect == 0 else done.stdout + done.stderr


def file(name, text, encoding="utf-8"):
    path = f"{FOLDER.name}/{name}"
    with open(path, "wb") as out:
        out.write(text.encode(encoding))
    return path


def in_words():
    """validate says what a task does and under which conditions it runs"""
    water = file("water.xml", WATER)
    equal(mainspring("validate", water), f"{water}: {WORDS}\n", "said")
    equal(json.loads(mainspring("--json", "validate", water)), [{"file": water, "valid": True, "words": WORDS}], "said")


def in_any_encoding():
    """UTF-8 and UTF-16 of both orders are read, with and without a mark, whatever the declaration says; --strict holds it to that"""
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"):
        for declared in ("UTF-16", "UTF-8", "ISO-8859-1"):
            named = file("named.xml", WATER.replace("UTF-16", declared), encoding)
            equal(mainspring("validate", named), f"{named}: {WORDS}\n", f"{encoding} as {declared}")
            is_true = encoding[:6].rstrip("-").upper() == declared
            if is_true:
                mainspring("validate", "--strict", named)
                continue
            said = mainspring("validate", "--strict", named, expect=1)
            column = len(f'<?xml version="1.0" encoding="{declared}"?>') + 1
            assert said.startswith(f"{named}:(1,{column})::unable to switch the encoding: SCHED_E_MALFORMEDXML "), said
            mainspring("convert", "--strict", named, f"{FOLDER.name}/none.xml", expect=1)
            assert not os.path.exists(f"{FOLDER.name}/none.xml")
    silent = file("silent.xml", WATER.split("\n", 1)[1], "utf-16-le")
    mainspring("validate", "--strict", silent)
    said = mainspring("validate", file("noise.xml", WATER, "latin-1"), expect=2)
    assert "neither UTF-8 nor UTF-16" in said, said


def in_its_place():
    """validate names the place of what is wrong, the code and its meaning; with one invalid file of two the exit status is 1"""
    wrong = file("wrong.xml", WATER.replace("<Priority>7", "<Priority>\n11"))
    good = file("good.xml", WATER)
    said = mainspring("validate", wrong, good, expect=1).splitlines()
    equal(said[1], f"{good}: {WORDS}", "the good one")
    assert re.match(re.escape(wrong) + r":\(13,1\):Priority:11: SCHED_E_INVALIDVALUE the task XML .+", said[0]), said
    error = json.loads(mainspring("--json", "validate", wrong, expect=1))[0]
    equal((error["line"], error["column"], error["node"], error["value"], error["code"]), (13, 1, "Priority", "11", 0x80041318), "error")
    mainspring("validate", f"{FOLDER.name}/nothing.xml", expect=2)
    mainspring("validate", expect=2)


def converted():
    """convert writes the normalised form, which it gives back as it is, and the form at rest; names of accounts stay"""
    water, once, twice = file("water.xml", WATER), f"{FOLDER.name}/once.xml", f"{FOLDER.name}/twice.xml"
    mainspring("convert", water, once)
    mainspring("convert", once, twice)
    with open(once, "rb") as first, open(twice, "rb") as second:
        written = first.read()
        equal(written, second.read(), "written again")
    assert written.startswith(b"\xff\xfe"), "a mark"
    text = written[2:].decode("utf-16-le")
    assert text.startswith('<?xml version="1.0" encoding="UTF-16"?>\r\n<Task version="1.4"'), text
    equal(text.count("<UserId>PLANT\\gärtner</UserId>"), 2, "names")
    assert "Priority" not in text, "a default is left out"
    mainspring("validate", "--strict", once)
    said = mainspring("convert", water, f"{FOLDER.name}/water.cbor", expect=1)
    assert "PLANT\\gärtner" in said, said
    system = file("system.xml", WATER.replace("PLANT\\gärtner", "SYSTEM").replace("  <Triggers>", "  <RegistrationInfo><URI>\\Water</URI></RegistrationInfo>\n  <Triggers>"))
    for source, made in (("system.xml", "rest.cbor"), ("rest.cbor", "rest.xml"), ("rest.xml", "again.cbor"), ("system.xml", "straight.xml")):
        mainspring("convert", f"{FOLDER.name}/{source}", f"{FOLDER.name}/{made}")
    content = {}
    for name in ("rest.cbor", "again.cbor", "rest.xml", "straight.xml"):
        with open(f"{FOLDER.name}/{name}", "rb") as held:
            content[name] = held.read()
    equal(content["rest.cbor"], content["again.cbor"], "the form at rest")
    equal(content["rest.xml"], content["straight.xml"], "the normalised form")
    job = file("old.xml", WATER.replace("PLANT\\gärtner", "SYSTEM").replace("<RunLevel>HighestAvailable</RunLevel>", "").replace('<BootTrigger><Enabled>false</Enabled></BootTrigger>', ""))
    said = mainspring("convert", job, f"{FOLDER.name}/old.job", expect=1)
    assert "SCHED_E_TASK_NOT_V1_COMPAT" in said, said
    job = file("old.xml", re.sub("<LogonTrigger>.*</LogonTrigger>", "", open(job, encoding="utf-8").read()))
    mainspring("convert", job, f"{FOLDER.name}/old.job")
    mainspring("convert", f"{FOLDER.name}/old.job", f"{FOLDER.name}/new.xml")
    assert "runs `water.exe --all` as SYSTEM" in mainspring("validate", "--strict", f"{FOLDER.name}/new.xml")
    mainspring("convert", file("short.job", "\x01"), once, expect=1)
    mainspring("convert", system, f"{FOLDER.name}/older.xml", "--as-version", "1.2")
    with open(f"{FOLDER.name}/older.xml", encoding="utf-16") as held:
        assert '<Task version="1.2"' in held.read()
    newer = file("newer.xml", WATER.replace("PLANT\\gärtner", "SYSTEM").replace("<WakeToRun>", "<Volatile>true</Volatile><WakeToRun>"))
    said = mainspring("convert", newer, f"{FOLDER.name}/newest.xml", "--as-version", "1.3", expect=1)
    assert "no Volatile" in said and not os.path.exists(f"{FOLDER.name}/newest.xml"), said
    mainspring("convert", newer, f"{FOLDER.name}/newest.xml", "--as-version", "1.1", expect=1)
    mainspring("convert", newer, f"{FOLDER.name}/newest.cbor", "--as-version", "1.3", expect=2)
    nobody = file("nobody.xml", re.sub("<Principals>.*</Principals>", "", WATER).replace(' Context="A"', ""))
    mainspring("convert", nobody, once)
    with open(once, encoding="utf-16") as held:
        assert "S-1-0-0" not in held.read()
    mainspring("convert", system, f"{FOLDER.name}/system.txt", expect=2)
    mainspring("convert", f"{FOLDER.name}/nothing.xml", once, expect=2)
    mainspring("convert", file("short.cbor", "\x01"), once, expect=1)


def jobs():
    """the real .JOB files become definitions that are valid, and those such files again"""
    folder = os.environ.get("MAINSPRING_SHARED")
    if not folder:
        print("# no .JOB files: MAINSPRING_SHARED is not set")
        return
    for number, name in enumerate(sorted(os.listdir(f"{folder}/jobs"))):
        xml, again = f"{FOLDER.name}/job{number}.xml", f"{FOLDER.name}/job{number}.job"
        mainspring("convert", f"{folder}/jobs/{name}", xml)
        print(f"# {mainspring('validate', '--strict', xml).strip()}")
        mainspring("convert", xml, again)
        mainspring("convert", again, f"{FOLDER.name}/jobagain.xml")
        with open(xml, encoding="utf-16") as first, open(f"{FOLDER.name}/jobagain.xml", encoding="utf-16") as second:
            equal(re.sub("<URI>.*</URI>", "", second.read()), re.sub("<URI>.*</URI>", "", first.read()), name)


def corpus():
    """every real file is told in words, or its place is: what INDEX.tsv has as malformed is invalid"""
    if not CORPUS:
        print("# no corpus: MAINSPRING_CORPUS is not set")
        return
    with open(f"{CORPUS}/INDEX.tsv", encoding="utf-8") as index:
        rows = list(csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE))
    names = {f"{CORPUS}/{row['n']}.xml": row for row in rows}
    present = [name for name in names if os.path.exists(name)]
    assert len(present) > 70, len(present)
    done = subprocess.run([os.path.abspath(ARGUMENTS.client), "--json", "validate", *present], capture_output=True, text=True, timeout=60)
    equal(done.returncode, 1, "exit code")
    said = json.loads(done.stdout)
    invalid = [entry for entry in said if not entry["valid"]]
    for entry in invalid:
        print(f"# {os.path.basename(entry['file'])} ({entry['line']},{entry['column']}):{entry['node']}:{entry['value']}: {entry['name']}")
        assert entry["line"] > 0 and entry["column"] > 0, entry
    malformed = {name for name in present if names[name]["wellformed"].startswith("bad")}
    equal(malformed - {entry["file"] for entry in invalid}, set(), "malformed, and not found to be")
    assert all(entry["name"] == "SCHED_E_MALFORMEDXML" for entry in invalid if entry["file"] in malformed), invalid
    print(f"# {len(said)} files: {len(said) - len(invalid)} told in words, {len(invalid)} invalid, {len(malformed)} of them malformed")


run([in_words, in_any_encoding, in_its_place, converted, jobs, corpus], ARGUMENTS.only)
