"""`mainspring validate`, `convert` and `runs`: definitions in files, for which no server is needed."""

import csv
import json
import os
import re
import subprocess
import tempfile
import time

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
    "runs `water.exe --all` with the highest privileges as PLANT\\gärtner; only on AC power; asks to wake the computer; "
    "stops after 72 hours; does not start while it runs"
)


def mainspring(*words, expect=0):
    done = subprocess.run([os.path.abspath(ARGUMENTS.client), *words], capture_output=True, text=True, timeout=60)
    equal(done.returncode, expect, f"{words}: exit code\n{done.stdout}{done.stderr}")
    return done.stdout if expect == 0 else done.stdout + done.stderr


def both(*words):
    """what is said on both outputs of something that is done"""
    done = subprocess.run([os.path.abspath(ARGUMENTS.client), *words], capture_output=True, text=True, timeout=60)
    equal(done.returncode, 0, f"{words}: exit code\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


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
    for encoding, declared, is_true in (
        ("utf-16", "UTF-16LE", True), ("utf-16", "UTF-16BE", False), ("utf-16-be", "UTF-16BE", True), ("utf-16-be", "UTF-16LE", False),
        ("ascii", "ISO-8859-1", True), ("ascii", "us-ascii", True), ("ascii", "UTF-16", False), ("utf-8-sig", "ISO-8859-1", False),
    ):
        named = file("named.xml", WATER.replace("ä", "ae").replace("UTF-16", declared), encoding)
        mainspring("validate", "--strict", named, expect=0 if is_true else 1)
    lines = file("lines.xml", WATER.replace('<?xml version="1.0" encoding="UTF-16"?>', '<?xml version="1.0"\r\n  encoding="UTF-16"?>'))
    said = mainspring("validate", "--strict", lines, expect=1)
    assert said.startswith(f"{lines}:(2,{len('  encoding=' + chr(34) + 'UTF-16' + chr(34) + '?>') + 1})::unable"), said
    silent = file("silent.xml", WATER.split("\n", 1)[1], "utf-16-le")
    mainspring("validate", "--strict", silent)
    noise = file("noise.xml", WATER, "latin-1")
    line, column = 8, WATER.split("\n")[7].index("ä") + 1
    said = mainspring("validate", noise, expect=1)
    assert said.startswith(f"{noise}:({line},{column})::neither UTF-8 nor UTF-16: SCHED_E_MALFORMEDXML "), said
    for name, content, place, why in (
        ("lone.xml", b"\xff\xfe<\0\0\xd8", "(1,2)", "lone surrogate"),
        ("lone.xml", "\n😀".encode("utf-16") + b"\0\xd8", "(2,3)", "lone surrogate"),
        ("odd.xml", b"\xff\xfe<\0\r\0x", "(2,1)", "half a UTF-16 unit"),
    ):
        with open(f"{FOLDER.name}/{name}", "wb") as out:
            out.write(content)
        said = mainspring("validate", f"{FOLDER.name}/{name}", expect=1)
        assert said.startswith(f"{FOLDER.name}/{name}:{place}::{why}: SCHED_E_MALFORMEDXML "), said
        error = json.loads(mainspring("--json", "validate", f"{FOLDER.name}/{name}", expect=1))[0]
        equal((error["valid"], error["code"]), (False, 0x8004131A), name)


def each_file():
    """one file that cannot be read hides nothing of the others; the exit status is 1 if any is invalid, else 2"""
    good, wrong = file("good.xml", WATER), file("wrong.xml", WATER.replace("<Priority>7", "<Priority>11"))
    with open(f"{FOLDER.name}/long.xml", "wb") as out:
        out.truncate(33 << 20)
    for long in (f"{FOLDER.name}/long.xml", "/dev/zero"):
        said = mainspring("validate", good, long, expect=1).splitlines()
        equal(said[1], f"{long}: E_OUTOFMEMORY: a file of definitions has at most 33554432 bytes", "too long")
    for unreadable in (f"{FOLDER.name}/nothing.xml", FOLDER.name):
        said = mainspring("validate", good, unreadable, wrong, expect=1).splitlines()
        equal(len(said), 3, f"lines of {said}")
        equal(said[0], f"{good}: {WORDS}", "the good one")
        assert said[1].startswith(f"{unreadable}: ") and "SCHED_E_INVALIDVALUE" in said[2], said
        said = json.loads(mainspring("--json", "validate", unreadable, good, expect=2))
        equal([(entry["file"], entry["valid"]) for entry in said], [(unreadable, None), (good, True)], "entries")


def one_line_each():
    """what a file holds breaks no line of what is said"""
    broken = file("broken.xml", WATER.replace("water.exe", "a\nb.xml:(1,1):x:y: SCHED_E\x85"))
    said = mainspring("validate", broken)
    equal(said.splitlines()[0] + "\n", said, "one line")
    assert "`a\\nb.xml" in said, said
    said = mainspring("validate", file("broken.xml", WATER.replace("<Enabled>false", "<Enabled>a\nb")), expect=1)
    assert len(said.splitlines()) == 1 and ":Enabled:a\\nb: SCHED_E_INVALIDVALUE" in said, said


def task(parts="", action="<Exec><Command>c</Command></Exec>"):
    return f'<Task version="1.4" xmlns="{NAMESPACE}">{parts}<Actions>{action}</Actions></Task>'


def every_word():
    """what the schema has is in the words"""
    principal = "<Principals><Principal><UserId>S-1-5-21-1-2-3-4</UserId><LogonType>{}</LogonType></Principal></Principals>"
    settings = "<Settings>{}</Settings>"
    event = "<Triggers><EventTrigger>{}<Subscription>q</Subscription>{}</EventTrigger></Triggers>"
    month = (
        "<Triggers><CalendarTrigger>{}<StartBoundary>2024-05-02T03:30:00</StartBoundary>"
        "<ScheduleByMonth><DaysOfMonth>{}</DaysOfMonth></ScheduleByMonth></CalendarTrigger></Triggers>"
    )
    email = "<SendEmail><Server>s</Server><To>t</To><Cc></Cc><From>f</From></SendEmail>"
    for definition, words in (
        (task(principal.format("InteractiveToken")), "runs `c` as S-1-5-21-1-2-3-4, who is to be logged on;"),
        (task(principal.format("S4U")), "as S-1-5-21-1-2-3-4 without a password;"),
        (task(settings.format("<AllowHardTerminate>false</AllowHardTerminate>")), "is not killed if it does not stop when told to"),
        (task(settings.format("<Foo/>")).replace('version="1.4"', 'version="1.5"'), "; kept without effect: Foo\n"),
        (task("", "<Exec><Command>c</Command><HideAppWindow>true</HideAppWindow></Exec>").replace('version="1.4"', 'version="1.5"'), "; kept without effect: HideAppWindow\n"),
        (task(settings.format("<RunOnlyIfIdle>true</RunOnlyIfIdle>")), "; only if the computer is idle, for which it waits as long as it takes, stops when it is not any more;"),
        (task(settings.format("<Volatile>true</Volatile>")), "; is disabled when the computer starts\n"),
        (task(settings.format("<NetworkSettings><Name>n</Name></NetworkSettings><RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>")), "; only if a network is there;"),
        (task(settings.format("<NetworkSettings><Name>n</Name></NetworkSettings><RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>")), "; kept without effect: NetworkSettings/Name\n"),
        (task(settings.format("<NetworkSettings><Name>n</Name><Id>{4d36e972-e325-11ce-bfc1-08002be10318}</Id></NetworkSettings><RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>")), "; only if the network n ({4d36e972-e325-11ce-bfc1-08002be10318}) is there;"),
        (task(settings.format("<StartWhenAvailable>true</StartWhenAvailable>")), "; the latest start that was missed is made up for\n"),
        (task('<Data><CatchUp xmlns="urn:mainspring:task">all 10</CatchUp></Data>'), "; of the starts that were missed the last 10 are made up for\n"),
        (task(settings.format("<StartWhenAvailable>true</StartWhenAvailable>") + '<Data><CatchUp xmlns="urn:mainspring:task">skip</CatchUp></Data>'), "; does not start while it runs\n"),
        (task(settings.format("<AllowStartOnDemand>false</AllowStartOnDemand>")), ": never starts; runs `c`"),
        (task("<Principals><Principal><GroupId>S-1-5-32-544</GroupId></Principal></Principals>"), "runs `c` as each member of Administrators that is logged on;"),
        (task("<Triggers><WnfStateChangeTrigger><StateName>a</StateName></WnfStateChangeTrigger></Triggers>"), ": starts only when somebody starts it; runs `c` as whoever registers it; "),
        (task("<Triggers><WnfStateChangeTrigger><StateName>a</StateName></WnfStateChangeTrigger></Triggers>"), "; kept without effect: WnfStateChangeTrigger\n"),
        (task("", "<ComHandler><ClassId>{4d36e972-e325-11ce-bfc1-08002be10318}</ClassId></ComHandler>"), "; is to call the handler {4d36e972-"),
        (task("", "<ShowMessage><Title>t</Title><Body>b</Body></ShowMessage>"), '; is to show the message "t"'),
        (task(settings.format("<RestartOnFailure><Interval>PT1M</Interval><Count>1</Count></RestartOnFailure>")), "tries again once after 1 minute if it cannot start"),
        (task(settings.format(
            "<RunOnlyIfIdle>true</RunOnlyIfIdle><IdleSettings><Duration>PT10M</Duration><WaitTimeout>PT2H</WaitTimeout><RestartOnIdle>true</RestartOnIdle></IdleSettings>"
        )), "idle for 10 minutes, for which it waits 2 hours, stops when it is not any more, starts again when it is once more"),
        (task(settings.format(
            "<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine><MaintenanceSettings><Period>P4D</Period><Deadline>P5D</Deadline><Exclusive>true</Exclusive></MaintenanceSettings>"
        )), ": starts in maintenance at 2 o'clock if that is 4 days ago (after 5 days whenever the computer is idle) beside no other maintenance; runs `c`"),
        (task(event.format("<ExecutionTimeLimit>PT5M</ExecutionTimeLimit>",
            "<PeriodOfOccurrence>PT3M</PeriodOfOccurrence><NumberOfOccurrences>2</NumberOfOccurrences>")),
            "on 2 events that its query selects within 3 minutes, stopped after 5 minutes"),
        (task(month.format("", "<Day>Last</Day>")), "on the last day of every month at"),
        (task(month.format("", "<Day>1</Day>")), "on day 1 of every month at"),
        (task(month.format("<Repetition><Interval>PT1M</Interval><Duration>PT1H</Duration><StopAtDurationEnd>true</StopAtDurationEnd></Repetition>",
            "<Day>1</Day><Day>15</Day><Day>Last</Day>")), "on days 1 and 15 and the last day of every month at 03:30 from 2024-05-02 and then every 1 minute for 1 hour, stopped at the end of that"),
        (task("", email), "is to send an email to t as whoever"),
    ):
        said = mainspring("validate", file("worded.xml", definition))
        assert words in said, f"{words}\n{said}"


def accounts():
    """nothing but the accounts of the elements that name them is written as it came, and nobody is where nobody was"""
    stranger, ours = "HOST\\me", "S-1-5-21-0-0-0-1001"
    definition = task(
        "<Triggers><LogonTrigger><UserId>S-1-0-0</UserId></LogonTrigger>"
        f"<LogonTrigger><UserId>{ours}</UserId></LogonTrigger><LogonTrigger><UserId>{stranger}</UserId></LogonTrigger></Triggers>"
        f"<Data><![CDATA[<UserId>{ours}</UserId>]]></Data>"
    )
    out = f"{FOLDER.name}/accounts.xml"
    def text(definition, *options):
        mainspring("convert", file("source.xml", definition), out, *options)
        with open(out, encoding="utf-16", newline="") as held:
            return held.read()
    written = text(definition)
    equal(re.findall("<UserId>[^<]*</UserId>", re.sub("<Data>.*</Data>", "", written)), [f"<UserId>{who}</UserId>" for who in ("S-1-0-0", ours, stranger)], "users")
    assert f"<![CDATA[<UserId>{ours}</UserId>]]>" in written and '    <Principal id="Author" />\r\n' in written, written
    nobody = "<Principals><Principal><UserId>S-1-0-0</UserId></Principal></Principals>"
    assert "<UserId>S-1-0-0</UserId>" in text(task(nobody))
    rest = f"{FOLDER.name}/accounts.cbor"
    named = file("source.xml", task("<Triggers><LogonTrigger><UserId>HOST\\me</UserId></LogonTrigger></Triggers>"))
    assert "--account HOST\\me=SID" in mainspring("convert", named, rest, expect=1)
    assert "--registrant SID" in mainspring("convert", named, rest, "--account", "HOST\\me=S-1-5-21-1-2-3-4", expect=1)
    mainspring("convert", named, rest, "--account", "host\\ME=S-1-5-21-1-2-3-4", "--registrant", "S-1-5-18")
    said = mainspring("validate", rest)
    assert "when S-1-5-21-1-2-3-4 logs on" in said and "as SYSTEM" in said, said
    for nobody in ("HOST=me", "=S-1-5-18", "HOST"):
        mainspring("convert", named, rest, "--account", nobody, expect=2)


def paths():
    """a task without URI, with an empty one, or with one that is no path, gets the name of the file, and the last is said"""
    out = f"{FOLDER.name}/named.xml"
    uri = lambda uri: file("uri.xml", task(f"<RegistrationInfo><URI>{uri}</URI></RegistrationInfo>"))
    mainspring("convert", uri(""), out)
    with open(out, encoding="utf-16") as held:
        assert "<URI>\\named</URI>" in held.read()
    # A server that is given a path does not look at it, and takes the definition.
    for unusable in ("\\a/b:*?", " \\x ", "\\"):
        mainspring("validate", uri(unusable))
        said = both("convert", uri(unusable), out)
        assert said.startswith(f"{out}: the URI `{unusable}`") and said.endswith(" is no path of a task, and \\named is written\n"), said
        with open(out, encoding="utf-16") as held:
            assert "<URI>\\named</URI>" in held.read()
    equal(both("convert", uri("\\x\\y"), out), "", "nothing is said of a path")


def permissions():
    """a file that is written has the permissions that any new file has, and one that was there keeps its own"""
    source, out = file("source.xml", task()), f"{FOLDER.name}/permitted.xml"
    mask = os.umask(0o027)
    mainspring("convert", source, out)
    equal(os.stat(out).st_mode & 0o777, 0o640, "a new one")
    os.umask(mask)
    os.chmod(out, 0o604)
    mainspring("convert", source, out)
    equal(os.stat(out).st_mode & 0o777, 0o604, "one that was there")


def versions():
    """the lowest version that expresses a task, and what no client reads"""
    def version(definition, *options):
        out = f"{FOLDER.name}/version.xml"
        mainspring("convert", file("source.xml", definition), out, *options)
        with open(out, encoding="utf-16") as held:
            return re.search('<Task version="([^"]*)"', held.read())[1]
    volatile = task("<Settings><Volatile>true</Volatile></Settings>")
    equal([version(task(), "--as-version", "lowest"), version(volatile, "--as-version", "lowest"), version(task(), "--as-version", "1.6")], ["1.2", "1.4", "1.6"], "versions")
    for unread in ("1.0", "1.1", "1.7"):
        said = mainspring("convert", file("source.xml", task()), f"{FOLDER.name}/none.xml", "--as-version", unread, expect=1)
        assert "those are 1.2 to 1.6" in said, said


def packed():
    """a record as stores have it is read too"""
    path = f"{FOLDER.name}/packed.cbor"
    with open(path, "wb") as out:
        # The one that the tests of the packing have pinned.
        out.write(bytes.fromhex("0181480002a105790163138928717a2312fcff2a2150086163"))
    assert "runs `c`" in mainspring("validate", path), "a packed record"
    with open(path, "ab") as out:
        out.write(b"\x01")
    mainspring("validate", path, expect=1)


def at_rest():
    """what is at rest is held against the rules too, and not its layout alone: flipped bits give what XML can say, or an error"""
    path = f"{FOLDER.name}/rest.cbor"
    for bytes_at_rest in ("a10001", "a200010880"):
        with open(path, "wb") as out:
            out.write(bytes.fromhex(bytes_at_rest))
        assert "SCHED_E_MISSINGNODE: Exec" in mainspring("validate", path, expect=1), bytes_at_rest
    settings = "<Settings><RestartOnFailure><Interval>PT1M</Interval><Count>3</Count></RestartOnFailure><Priority>5</Priority></Settings>"
    trigger = "<Triggers><TimeTrigger><StartBoundary>2024-05-02T03:30:00</StartBoundary><Repetition><Interval>PT5M</Interval><Duration>PT1H</Duration></Repetition></TimeTrigger></Triggers>"
    source = file("rest.xml", task(trigger + settings))
    mainspring("convert", source, path, "--registrant", "S-1-5-18")
    with open(path, "rb") as image:
        whole = image.read()
    valid = invalid = 0
    for bit in range(0, 8 * len(whole), 3):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        with open(path, "wb") as out:
            out.write(flipped)
        done = subprocess.run([os.path.abspath(ARGUMENTS.client), "convert", path, f"{FOLDER.name}/flipped.xml"], capture_output=True, text=True, timeout=60)
        assert done.returncode in (0, 1), done
        if done.returncode == 0:
            valid += 1
            mainspring("validate", f"{FOLDER.name}/flipped.xml")
        else:
            invalid += 1
    assert valid > 20 and invalid > 50, (valid, invalid)


def runs():
    """the next runs of a file, as local times with offsets; those that the clock is put forward over are marked"""
    daily = "<Triggers><CalendarTrigger><StartBoundary>2026-03-01T02:30:00</StartBoundary><ScheduleByDay/></CalendarTrigger><BootTrigger/></Triggers>"
    path = file("daily.xml", task(daily))
    of = lambda *words: mainspring("runs", path, "--zone", "CET-1CEST,M3.5.0,M10.5.0/3", *words).splitlines()
    said = of("--from", "2026-03-28T00:00:00", "-n", "3")
    equal(said[0], "2026-03-28T02:30:00+01:00", "the first")
    assert said[1].startswith("2026-03-29T03:00:00+02:00  moved"), said
    equal(said[2], "2026-03-30T02:30:00+02:00", "the third")
    equal(said[3:], ["1 of its triggers wait for something other than a time"], "what else is said")
    told = json.loads("".join(of("--json", "--from", "2026-10-24T00:00:00Z", "-n", "2")))
    equal(told, [{"at": "2026-10-24T02:30:00+02:00", "moved": False}, {"at": "2026-10-25T02:30:00+02:00", "moved": False}], "JSON")
    minutely = task("<Triggers><TimeTrigger><Repetition><Interval>PT1M</Interval></Repetition><StartBoundary>2026-01-01T00:00:00Z</StartBoundary></TimeTrigger></Triggers>")
    ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 150))
    since = mainspring("runs", file("minutely.xml", minutely), "--zone", "UTC", "--since", ago).splitlines()
    assert len(since) in (2, 3) and all(line.endswith(":00+00:00") for line in since), since
    equal(mainspring("runs", file("none.xml", task()), "--zone", "UTC"), "no run is on a schedule then\n", "a task without triggers")
    for words in (["--zone", "Nowhere/Else"], ["--from", "tomorrow"], ["--from", ago, "--since", ago]):
        mainspring("runs", path, *words, expect=2)
    mainspring("runs", file("wrong.xml", "<Task/>"), expect=1)


def zones():
    """a zone that is none is refused, and never taken for UTC"""
    path = file("daily.xml", task("<Triggers><CalendarTrigger><StartBoundary>2026-03-01T02:30:00</StartBoundary><ScheduleByDay/></CalendarTrigger></Triggers>"))
    text = file("zone.tab", "# no zone at all\n")
    for zone in (text, "/etc/passwd", "../../../etc/passwd", "zone.tab", "", ":", "/dev/zero", "Europe"):
        said = mainspring("runs", path, "--zone", zone, expect=2)
        assert "zone" in said and "+00:00" not in said, said
    said = mainspring("runs", path, "--zone", text, expect=2)
    assert said.startswith(f"{text}: no zone can be read from it: "), said
    for words in (("runs", path), ("runs", path, "--from", "2026-04-01T00:00:00")):
        for zone in ("Nowhere/Else", text):
            done = subprocess.run([os.path.abspath(ARGUMENTS.client), *words], capture_output=True, text=True, timeout=60, env={**os.environ, "TZ": zone})
            equal((done.returncode, done.stdout), (2, ""), f"TZ={zone}")
            assert zone in done.stderr, done.stderr
    server = [os.path.abspath(ARGUMENTS.server), "serve", "--demo", "--listen", "127.0.0.1:0"]
    for zone in ("Nowhere/Else", text):
        done = subprocess.run(server, capture_output=True, text=True, timeout=20, env={**os.environ, "TZ": zone})
        equal(done.returncode, 1, "the server does not start")
        assert zone in done.stderr and "zone of local times" in done.stderr, done.stderr


def numbers_of_runs():
    """no number but one that can be shown is taken, and what is not shown is named"""
    path = file("minutely.xml", task("<Triggers><TimeTrigger><Repetition><Interval>PT1M</Interval></Repetition><StartBoundary>2020-01-01T00:00:00Z</StartBoundary></TimeTrigger></Triggers>"))
    for number in ("0", "-1", "100001", "18446744073709551615"):
        for words in (("runs", path), ("--server", "127.0.0.1:1", "--user", "a", "history", "\\a")):
            assert "-n" in mainspring(*words, f"-n={number}", expect=2)
    equal(len(mainspring("runs", path, "-n", "100000").splitlines()), 100000, "runs")
    since = ("--zone", "UTC", "--since", "2026-01-01T00:00:00Z", "-n", "3")
    said = mainspring("runs", path, *since).splitlines()
    equal(said[:3], [f"2026-01-01T00:0{minute}:00+00:00" for minute in range(3)], "the first since then, with that moment itself")
    equal(len(said), 4, f"{said}")
    assert said[3].startswith("there are more until now, the next at 2026-01-01T00:03:00+00:00: "), said
    equal(len(json.loads(mainspring("--json", "runs", path, *since))), 3, "JSON")
    assert "there are more until now" in both("--json", "runs", path, *since)
    equal(mainspring("runs", path, "--zone", "UTC", "--from", "2027-01-01T00:00:00Z", "-n", "1"), "2027-01-01T00:00:00+00:00\n", "from a moment on, with it")
    disabled = file("disabled.xml", open(path, encoding="utf-8").read().replace("</Triggers>", "</Triggers><Settings><Enabled>false</Enabled></Settings>"))
    said = mainspring("runs", disabled, *since).splitlines()
    assert said[4] == "the task is disabled: it missed none of these times, unless it was enabled then", said
    said = mainspring("runs", disabled, "-n", "1").splitlines()
    assert len(said) == 2 and said[1].startswith("the task is disabled: it runs at none of these times"), said
    help = mainspring("runs", "--help")
    for words in ("at or after this time", "the earliest first", "up to 100000", "disabled"):
        assert words in help, f"{words}\n{help}"


def exports():
    """each task of an export is judged at its place, and what is not well-formed around them is; many are neither registered nor converted"""
    def export(*tasks):
        return file("export.xml", '<?xml version="1.0"?>\n<Tasks>\n<!-- \\a <Task> -->\n' + "\n".join(tasks) + "\n</Tasks>\n")
    wrong = task("<Settings>\n  <Priority>11</Priority></Settings>")
    path = export(task(), f"  {wrong}", task("<Data><![CDATA[</Task>]]></Data>"), "  <Task/>")
    said = mainspring("validate", path, expect=1).splitlines()
    assert said[0].startswith(f"{path}: task 1: starts") and said[2].startswith(f"{path}: task 3: starts"), said
    assert said[1].startswith(f"{path}:(6,13):Priority:11: SCHED_E_INVALIDVALUE") and said[3].startswith(f"{path}:(8,3):Task:"), said
    entries = json.loads(mainspring("--json", "validate", path, expect=1))
    equal([(entry["task"], entry["valid"], entry.get("line")) for entry in entries], [(1, True, None), (2, False, 6), (3, True, None), (4, False, 8)], "entries")
    for verb in (("convert", path, f"{FOLDER.name}/none.xml"), ("--server", "127.0.0.1:1", "--user", "a", "register", "\\a", path)):
        said = mainspring(*verb, expect=1)
        assert "an export of many tasks" in said, said
    assert "(task 2)" in mainspring("validate", path, expect=1).splitlines()[1]
    good = task()
    for text, fault in (
        (f"<Tasks>x{good}</Tasks>", "(1,8):Tasks:x: SCHED_E_UNEXPECTEDNODE"),
        (f"<Tasks>\n{good}\r\n 😀 y\n{good}</Tasks>", "(3,2):Tasks:😀 y: SCHED_E_UNEXPECTEDNODE"),
        (f"<Tasks><![CDATA[x]]>{good}</Tasks>", "(1,8):Tasks:x: SCHED_E_UNEXPECTEDNODE"),
        ("<Tasks></Tasks>", "(1,1):Task:: SCHED_E_MISSINGNODE"), ("<Tasks/>", "(1,1):Task:: SCHED_E_MISSINGNODE"),
        ("\n <Tasks><!-- none --></Tasks>", "(2,2):Task:: SCHED_E_MISSINGNODE"),
        (f"<Tasks>{good}", "::the root node was opened but never closed: SCHED_E_MALFORMEDXML"), (f"<Tasks>{good}</Task>", "SCHED_E_MALFORMEDXML"),
        (f"<Tasks>{good}</Tasks>junk", "::unknown token: SCHED_E_MALFORMEDXML"), (f"<Tasks>{good}</Tasks>\n<a/>", "SCHED_E_MALFORMEDXML"),
        (f"junk<Tasks>{good}</Tasks>", "SCHED_E_MALFORMEDXML"), (f"<a/><Tasks>{good}</Tasks>", "SCHED_E_MALFORMEDXML"),
        (f'<Tasks a="1" a="2">{good}</Tasks>', "SCHED_E_MALFORMEDXML"), (f'<Tasks a="&#xD800;">{good}</Tasks>', "(1,11)::a reference to what is no character: SCHED_E_MALFORMEDXML"),
        (f"<Tasks>{good}</Tasks junk>", "SCHED_E_MALFORMEDXML"), (f"<Tasks>{good}<!-- \x01 --></Tasks>", "SCHED_E_MALFORMEDXML"),
        (f"<Tasks>{good}<!-- a -- b --></Tasks>", "SCHED_E_MALFORMEDXML"), (f"<Tasks>&#xD800;{good}</Tasks>", "(1,8):Tasks:\ufffd: SCHED_E_UNEXPECTEDNODE"),
        (f"<!DOCTYPE Tasks><Tasks>{good}</Tasks>", "SCHED_E_MALFORMEDXML"), (f"<Tasks>&a;{good}</Tasks>", "SCHED_E_MALFORMEDXML"),
        (f'<Tasks xmlns="urn:a">{good}</Tasks>', "(1,1):Tasks:urn:a: SCHED_E_NAMESPACE"),
    ):
        said = mainspring("validate", file("export.xml", text), expect=1)
        assert fault in said, f"{fault}\n{said}"


def exports_of_one():
    """an export of one task is as good as the task, wherever one definition is needed, and so is a place in it"""
    out = f"{FOLDER.name}/one.xml"
    path = file("export.xml", f'<?xml version="1.0"?>\n<Tasks>\n  {task("<RegistrationInfo><URI>" + chr(92) + "a</URI></RegistrationInfo>")}\n</Tasks>')
    assert mainspring("validate", path).startswith(f"{path}: task 1 \\a: starts"), mainspring("validate", path)
    equal([(entry["task"], entry["uri"]) for entry in json.loads(mainspring("--json", "validate", path))], [(1, "\\a")], "which")
    mainspring("convert", path, out)
    mainspring("convert", file("alone.xml", task("<RegistrationInfo><URI>\\a</URI></RegistrationInfo>")), f"{FOLDER.name}/two.xml")
    with open(out, "rb") as first, open(f"{FOLDER.name}/two.xml", "rb") as second:
        equal(first.read(), second.read(), "the same")
    mainspring("runs", path)
    image = ("image", "build", "--page-size", "4096", "--pages", "8", "-o", f"{FOLDER.name}/one.img")
    system = "<Principals><Principal><UserId>SYSTEM</UserId></Principal></Principals>"
    mainspring(*image, file("export.xml", f"<Tasks>{task(system)}</Tasks>"))
    wrong = f"<Tasks>\n<!-- -->  {task(system + '<Settings><Priority>11</Priority></Settings>')}\n</Tasks>"
    column = wrong.splitlines()[1].index("11</") + 1
    for verb in (("validate", "FILE"), ("convert", "FILE", out), (*image, "FILE")):
        said = mainspring(*[file("export.xml", wrong) if word == "FILE" else word for word in verb], expect=1)
        assert f"(2,{column}):Priority:11" in said, said


def exports_with_namespaces():
    """the namespaces of Tasks count for its tasks, whose places stay, and one of their own is theirs"""
    bare = task().replace(f' xmlns="{NAMESPACE}"', "")
    said = mainspring("validate", file("export.xml", f'<Tasks xmlns="{NAMESPACE}" xmlns:b="urn:&amp;&lt;b">\n{bare}{task()}{bare.replace("<Task ", "<Task" + chr(10))}</Tasks>')).splitlines()
    equal(len(said), 3, "tasks")
    prefixed = bare.replace("<", "<t:").replace("<t:/", "</t:")
    mainspring("validate", file("export.xml", f'<t:Tasks xmlns:t="{NAMESPACE}">{prefixed}</t:Tasks>'))
    own = bare.replace("<Task ", f"<Task xmlns\n=\n'{NAMESPACE}' ")
    mainspring("validate", file("export.xml", f'<Tasks xmlns="{NAMESPACE}">{own}</Tasks>'))
    said = mainspring("validate", file("export.xml", f'<Tasks xmlns="{NAMESPACE}">{bare.replace("<Task ", "<Task xmlns=" + chr(34) * 2 + " ")}</Tasks>'), expect=1)
    assert ":Task:: SCHED_E_NAMESPACE" in said, said
    head = f'<Tasks xmlns="{NAMESPACE}">'
    for wrong, value in ((bare.replace('"1.4"', '"9.9"'), "9.9"), (bare.replace("</Command>", "</Command><Bad/>"), "<Bad/>"), (bare.replace('"1.4"', '"1.4" b="2"'), 'b="2"')):
        said = mainspring("validate", file("export.xml", head + wrong + "</Tasks>"), expect=1)
        assert f"(1,{len(head) + wrong.index(value) + 1})" in said and said.endswith("(task 1)\n"), (value, said)


def large_exports():
    """an export of thousands of tasks takes the time that it takes to read it, and what is too large has an answer too"""
    bare = task("<RegistrationInfo><Description>" + "d" * 1000 + "</Description></RegistrationInfo>")
    path = file("export.xml", "<Tasks>\n" + f"{bare}\n" * 2500 + task("<Settings><Priority>11</Priority></Settings>") + "</Tasks>")
    began = time.monotonic()
    said = mainspring("validate", path, expect=1).splitlines()
    took = time.monotonic() - began
    equal(len(said), 2501, "tasks")
    assert said[-1].startswith(f"{path}:(2502,") and said[-1].endswith("(task 2501)"), said[-1]
    print(f"# {os.path.getsize(path)} bytes of 2501 tasks: {took:.2f} s")
    long = task(f"<RegistrationInfo><Description>{'d' * (1 << 20)}</Description></RegistrationInfo>")
    said = mainspring("validate", file("export.xml", f"<Tasks>{task()}{long}</Tasks>"), expect=1).splitlines()
    assert "E_OUTOFMEMORY: a definition has at most 524288 UTF-16 units, and this one has " in said[1] and said[1].endswith("(task 2)"), said
    said = mainspring("validate", file("export.xml", long), expect=1)
    assert "E_OUTOFMEMORY: a definition has at most" in said, said
    said = mainspring("validate", file("export.xml", f"<Tasks>\n{long}{task()}</Tasks>x"), expect=1)
    assert re.search(r":\(2,\d{7}\)::unknown token: SCHED_E_MALFORMEDXML", said), said
    hostile = {
        "attributes": "<Tasks " + " ".join(f'a{number}=""' for number in range(200_000)) + "/>",
        "nesting": "<Tasks>" + "<a>" * 500_000 + "</a>" * 500_000 + "</Tasks>",
        "namespaces": "<Tasks>" + "".join(f'<a xmlns:n{number}="u{number}">' for number in range(60_000)) + "</a>" * 60_000 + "</Tasks>",
    }
    for name, text in hostile.items():
        began = time.monotonic()
        said = mainspring("validate", file("export.xml", text), expect=1)
        took = time.monotonic() - began
        print(f"# {name}: {took:.2f} s: {said[:120].strip()}")
        assert took < 10, f"{name}: {took}"


def exports_of_windows():
    """the one real export: each of its tasks is told, or what is wrong with it"""
    if CORPUS and os.path.exists(f"{CORPUS}/316.xml"):
        done = subprocess.run([os.path.abspath(ARGUMENTS.client), "--json", "validate", f"{CORPUS}/316.xml"], capture_output=True, text=True, timeout=60)
        entries = json.loads(done.stdout)
        invalid = [entry for entry in entries if not entry["valid"]]
        print(f"# 316.xml: {len(entries)} tasks, {len(invalid)} invalid: {sorted({(entry['node'], entry['value'], entry['name']) for entry in invalid})}")
        with open(f"{CORPUS}/316.xml", encoding="utf-8", newline="") as held:
            text = held.read()
        equal(len(entries), len(re.findall(r"<Task\s", text)), "tasks")
        lines = text.splitlines()
        for entry in invalid:
            assert entry["node"] in lines[entry["line"] - 1] or entry["value"] in lines[entry["line"] - 1], entry


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
    said = mainspring("validate", f"{FOLDER.name}/old.job", f"{FOLDER.name}/rest.cbor").splitlines()
    assert "runs `water.exe --all` as SYSTEM" in said[0] and "runs `water.exe --all` with the highest" in said[1], said
    with open(f"{FOLDER.name}/old.job", "rb") as held:
        first = held.read()
    mainspring("convert", job, f"{FOLDER.name}/old.job")
    with open(f"{FOLDER.name}/old.job", "rb") as held:
        second = held.read()
    equal((first[:4], first[20:]), (second[:4], second[20:]), "all but the uuid")
    equal(first[:4], b"\x01\x06\x01\x00", "Product Version of Windows 7")
    assert first[4:20] != second[4:20] and b"\0\0" * 8 not in (first[4:20], second[4:20]), "uuids"
    short = file("short.job", "\x01")
    for said in (mainspring("convert", short, once, expect=1), mainspring("validate", short, expect=1)):
        assert said.startswith(f"{short}: E_INVALID_DATA: .JOB file ends in FIXDLEN_DATA"), said
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
    with open(once, encoding="utf-16", newline="") as held:
        assert '    <Principal id="Author" />\r\n' in held.read()
    mainspring("convert", system, f"{FOLDER.name}/system.txt", expect=2)
    mainspring("convert", f"{FOLDER.name}/nothing.xml", once, expect=2)
    mainspring("convert", file("short.cbor", "\x01"), once, expect=1)


def job_accounts():
    """whom a .job runs as is assumed and said, or given; what XML says and a .job cannot is named, or refused"""
    registration = "<RegistrationInfo><Date>2026-01-02T03:04:05</Date><Author>a</Author><URI>\\a\\b</URI></RegistrationInfo>"
    who = "S-1-5-21-1-2-3-4"
    principal = "<Principals><Principal><UserId>{}</UserId>{}</Principal></Principals>"
    job, out = f"{FOLDER.name}/who.job", f"{FOLDER.name}/who.xml"
    said = both("convert", file("who.xml", task(registration + principal.format("HOST\\me", ""))), job).splitlines()
    equal([line.split(": ")[0] for line in said], [job] * 3, "a line for each")
    assert "RegistrationInfo/Date 2026-01-02T03:04:05 is not kept" in said[0] and "URI \\a\\b is not kept" in said[1], said
    assert "UserId HOST\\me is not kept" in said[2], said
    def back(*options):
        said = both("convert", job, out, *options)
        with open(out, encoding="utf-16") as held:
            return said, re.findall("<UserId>(.*)</UserId>|<LogonType>(.*)</LogonType>", held.read())
    said, principals = back()
    assert said.startswith(f"{out}: a .job does not say whom its task runs as, and SYSTEM is assumed; --account NAME=SID "), said
    # 3.2.5.1.1: a LogonType that is not there is InteractiveToken.
    equal(principals, [("S-1-5-18", ""), ("", "InteractiveToken")], "assumed")
    for options in (("--account", f"HOST\\me={who}"), ("--registrant", who)):
        equal(back(*options), ("", [(who, ""), ("", "InteractiveToken")]), "given")
    mainspring("convert", job, out, "--account", f"HOST\\me={who}", "--registrant", who, expect=2)
    mainspring("convert", job, out, "--account", f"me={who}", "--account", f"you={who}", expect=2)
    assert "runs `c` as SYSTEM (assumed: a .job names nobody)" in mainspring("validate", job)
    both("convert", file("who.xml", task(principal.format("SYSTEM", ""))), job)
    equal(back("--registrant", "S-1-5-18")[1], [("S-1-5-18", "")], "a service")
    both("convert", file("who.xml", task(principal.format(who, "<LogonType>Password</LogonType>"))), job)
    equal(back("--registrant", who)[1], [(who, ""), ("", "Password")], "a password")
    equal(both("convert", file("who.xml", task()), job), "", "nobody is left out where nobody is named")
    equal(both("convert", job, f"{FOLDER.name}/again.job"), "", "nothing is assumed that is not written")
    said = both("convert", job, f"{FOLDER.name}/again.job", "--registrant", who)
    assert "a .job has no place for whom its task runs as" in said, said
    with open(job, "rb") as first, open(f"{FOLDER.name}/again.job", "rb") as second:
        equal(second.read(), first.read(), "the file is the same, whoever is given")
    rest = f"{FOLDER.name}/who.cbor"
    assert "SYSTEM is assumed" in both("convert", job, rest)
    mainspring("convert", rest, out, "--account", f"me={who}", expect=2)


def hidden():
    """characters that turn a line around, or that nobody sees, are written out"""
    for character, written in (("\u202e", "\\u{202e}"), ("\u2066", "\\u{2066}"), ("\u200f", "\\u{200f}"), ("\u200b", "\\u{200b}"), ("\ufeff", "\\u{feff}"), ("\u061c", "\\u{61c}"), ("\x9b", "\\u{9b}"), ("\U000e0041", "\\u{e0041}")):
        path = file("hidden.xml", WATER.replace("water.exe", f"a{character}b").replace("<Enabled>false", f"<Enabled>{character}x"))
        said = mainspring("validate", path, expect=1)
        assert f":Enabled:{written}x: " in said and character not in said, said
        path = file("hidden.xml", WATER.replace("water.exe", f"a{character}b"))
        said = mainspring("validate", path)
        assert f"`a{written}b " in said and character not in said, said
        said = mainspring("--json", "validate", path)
        assert character not in said and f"`a{character}b " in json.loads(said)[0]["words"], said
    said = mainspring("validate", f"{FOLDER.name}/\u202ename.xml", expect=2)
    assert "/\\u{202e}name.xml: " in said, said


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
        mainspring("convert", f"{folder}/jobs/{name}", again)
        with open(f"{folder}/jobs/{name}", "rb") as first, open(again, "rb") as second:
            assert first.read() == second.read(), f"{name} is another"
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
    # An export has many entries; it has a test of its own.
    present = [name for name in names if os.path.exists(name) and "KIND=Tasks" not in names[name]["features"]]
    assert len(present) > 70, len(present)
    done = subprocess.run([os.path.abspath(ARGUMENTS.client), "--json", "validate", *present], capture_output=True, text=True, timeout=60)
    equal(done.returncode, 1, "exit code")
    said = json.loads(done.stdout)
    invalid = [entry for entry in said if not entry["valid"]]
    for entry in invalid:
        print(f"# {os.path.basename(entry['file'])} ({entry['line']},{entry['column']}):{entry['node']}:{entry['value']}: {entry['name']}")
        assert entry["line"] > 0 and entry["column"] > 0, entry
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "task", "refused.tsv"), encoding="utf-8") as table:
        expected = [line.rstrip("\n") for line in table if not line.startswith("#")]
    places = [
        "\t".join(map(str, (os.path.basename(entry["file"])[:-4], entry["name"], entry["line"], entry["column"], entry["node"])))
        for entry in invalid
    ]
    equal(sorted(places), sorted(expected), "what is wrong, and where")
    malformed = {name for name in present if names[name]["wellformed"].startswith("bad")}
    equal(malformed - {entry["file"] for entry in invalid}, set(), "malformed, and not found to be")
    assert all(entry["name"] == "SCHED_E_MALFORMEDXML" for entry in invalid if entry["file"] in malformed), invalid
    print(f"# {len(said)} files: {len(said) - len(invalid)} told in words, {len(invalid)} invalid, {len(malformed)} of them malformed")


run([in_words, every_word, in_any_encoding, in_its_place, each_file, one_line_each, converted, accounts, paths, permissions, versions, runs, zones, numbers_of_runs, packed, at_rest, exports, exports_of_one, exports_with_namespaces, large_exports, exports_of_windows, job_accounts, hidden, jobs, corpus], ARGUMENTS.only)
