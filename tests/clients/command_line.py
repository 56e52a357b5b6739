"""The command line is a contract: `mainspring` and `mainspringd` as a user or a script sees them."""

import json
import os
import re
import select
import signal
import subprocess
import time

import tasks
from server import arguments, equal, needs, run, target, until

ARGUMENTS = arguments()
HOST = target(ARGUMENTS)
KEYS = {"path", "state", "enabled", "last_run", "last_result", "next_run"}


def mainspring(*words, expect=0, **named):
    done = HOST.client(ARGUMENTS.client, *words, **named)
    assert done.returncode == expect, f"{words}: exit {done.returncode}, expected {expect}\n{done.stdout}{done.stderr}"
    return done


def file(xml):
    path = f"{HOST.folder}/task.xml"
    with open(path, "w") as out:
        out.write(xml)
    return path


def life_of_a_task():
    """register, list, show, run and delete, in words and as JSON"""
    xml = file(tasks.task(HOST.notes("note", "$(Arg0)") + HOST.fails(3), tasks.every_minute(40)))
    mainspring("register", "\\Shop\\Close", xml)
    shown = json.loads(mainspring("--json", "show", "\\Shop\\Close").stdout)
    equal(KEYS - set(shown), set(), "keys that are missing")
    equal((shown["path"], shown["state"].lower(), shown["enabled"]), ("\\Shop\\Close", "ready", True), "shown")
    equal(shown["last_run"], None, "last run of a task that has not run")
    assert re.match(r"20\d\d-", shown["next_run"]), shown
    listed = json.loads(mainspring("--json", "list", "\\Shop").stdout)
    equal([entry["path"] for entry in listed], ["\\Shop\\Close"], "listed")
    equal(KEYS - set(listed[0]), set(), "keys that are missing")
    assert "Close" in mainspring("list", "\\Shop").stdout
    assert "<Task " in mainspring("show", "\\Shop\\Close", "--xml").stdout
    ran = mainspring("run", "\\Shop\\Close", "argument").stdout
    assert re.search(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", ran), ran
    until(lambda: HOST.lines("note") == ["argument"], 5, "it ran")

    def result():
        return json.loads(mainspring("--json", "show", "\\Shop\\Close").stdout)

    until(lambda: result()["last_run"], 5, "a last run")
    equal(result()["last_result"], 3, "last result")
    mainspring("register", "\\Shop\\Close", xml, expect=1)
    mainspring("register", "\\Shop\\Close", xml, "--update")
    mainspring("delete", "\\Shop\\Close")
    equal(json.loads(mainspring("--json", "list", "\\Shop").stdout), [], "listed")


def history():
    """history says what ran, and what did not and why, in words and as JSON"""
    mainspring("register", "\\History", file(tasks.task(HOST.notes("history", "line"), tasks.every_minute(40))))
    equal(mainspring("history", "\\History").stdout, "nothing is in the history of this task\n", "at first")
    mainspring("run", "\\History")
    until(lambda: HOST.lines("history"), 5, "it ran")
    entries = until(lambda: json.loads(mainspring("--json", "history", "\\History").stdout), 5, "an entry")
    entry = entries[0]
    equal((entry["what"], entry["started_by"], entry["result"]), ("ran", "somebody", 0), "the entry")
    assert re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$", entry["at"]), entry
    said = mainspring("history", "\\History", "--zone", "Asia/Tokyo").stdout
    assert re.search(r"\+09:00  ran for \d+\.\d{3} s, started by somebody: 0x00000000 S_OK\n$", said), said
    shown = json.loads(mainspring("--json", "show", "\\History").stdout)
    equal(shown["missed_runs"], 0, "missed runs")
    assert "missed runs  0\n" in mainspring("show", "\\History").stdout
    for _ in range(3):
        mainspring("run", "\\History")
        time.sleep(0.2)
    until(lambda: len(json.loads(mainspring("--json", "history", "\\History").stdout)) >= 4, 5, "four entries")
    equal(len(mainspring("history", "\\History", "-n", "2").stdout.splitlines()), 2, "lines")
    mainspring("history", "\\nothing", expect=1)
    mainspring("history", "\\History", "--zone", "Nowhere", expect=2)
    mainspring("delete", "\\History")


def kept():
    """show names what is kept and not understood, and nothing where all is"""
    wnf = "<WnfStateChangeTrigger><StateName>7510BCA338038113</StateName></WnfStateChangeTrigger>"
    mainspring("register", "\\Kept\\Wnf", file(tasks.task(HOST.fails(3), 2 * wnf)))
    mainspring("register", "\\Kept\\Plain", file(tasks.task(HOST.fails(3), tasks.every_minute(40))))
    assert "\nkept         WnfStateChangeTrigger: not understood" in mainspring("show", "\\Kept\\Wnf").stdout
    assert "kept" not in mainspring("show", "\\Kept\\Plain").stdout.replace("\\Kept", "")
    for path, names in (("\\Kept\\Wnf", ["WnfStateChangeTrigger"]), ("\\Kept\\Plain", [])):
        equal(json.loads(mainspring("--json", "show", path).stdout)["kept"], names, path)
        mainspring("delete", path)
    mainspring("delete", "\\Kept")


def exit_codes():
    """exit 1 refused by the server, with code and name; 2 usage; 3 cannot reach or log in"""
    said = mainspring("show", "\\nothing", expect=1).stderr
    assert re.search(r"0x80070002 [A-Z_]+: ", said), said
    said = mainspring("register", "\\bad", file("<Task/>"), expect=1).stderr
    assert re.search(r"0x800413[0-9A-Fa-f]{2} SCHED_E_[A-Z]+: ", said), said
    mainspring("frobnicate", expect=2)
    mainspring("show", expect=2)
    mainspring("list", password="wrong", expect=3)
    mainspring("list", where="127.0.0.1:1", expect=3)


def images():
    """image build, list and check: what is made is listed, what is wrong is told with its file, and then nothing is made"""
    made, other = f"{HOST.folder}/made.bin", f"{HOST.folder}/other.bin"

    def image(*words, expect=0):
        done = subprocess.run([os.path.abspath(ARGUMENTS.client), *words], capture_output=True, text=True, timeout=30)
        equal(done.returncode, expect, f"{words}: exit code\n{done.stdout}{done.stderr}")
        return done.stdout if expect == 0 else done.stderr

    def named(name, xml):
        os.rename(file(xml), f"{HOST.folder}/{name}.xml")
        return f"{HOST.folder}/{name}.xml"

    plain = named("plain", tasks.task(HOST.notes("image", "plain")))
    placed = named("placed", tasks.task(HOST.notes("image", "placed"), registration="<URI>\\Plant\\Water</URI>"))
    part = ["--page-size", "4096", "--pages", "16"]
    image("image", "build", *part, plain, placed, "-o", made)
    equal(os.path.getsize(made), 16 * 4096, "bytes")
    listed = json.loads(image("--json", "image", "list", "--page-size", "4096", made))
    equal(listed, [{"path": path, "enabled": True, "readable": True} for path in ("\\Plant\\Water", "\\plain")], "listed")
    assert "whole, 2 tasks" in image("image", "check", "--page-size", "4096", made)
    assert "words of 4" in image("image", "check", "--page-size", "4096", "--word", "8", made, expect=1)
    said = image("image", "build", *part, plain, placed, plain, "-o", other, expect=1)
    assert "plain.xml" in said and "0x800700B7" in said, said
    said = image("image", "build", *part, plain, named("wrong", "<Task/>"), "-o", other, expect=1)
    assert "wrong.xml" in said and "SCHED_E_" in said, said
    image("image", "build", "--page-size", "4095", "--pages", "16", plain, "-o", other, expect=1)
    image("image", "build", *part, "-o", other, expect=2)
    assert not os.path.exists(other), "nothing was made"
    with open(other, "wb") as out:
        out.write(b"\xff" * 16 * 4096)
    assert "blank" in image("image", "check", "--page-size", "4096", other, expect=1)
    with open(made, "r+b") as out:
        # In the middle of the first item, behind the journal.
        out.seek(2 * 4096 + 14)
        out.write(b"\0")
    image("image", "check", "--page-size", "4096", made, expect=1)


def an_export_of_one():
    """an export of one task is registered like the task, and what the server finds wrong is told with its place in the file"""
    bare = re.sub(r"^\s*<\?xml.*?\?>\s*", "", tasks.task(HOST.fails(3), tasks.every_minute(40)))
    export = lambda text: file(f"<Tasks>\n <!-- one -->{text}</Tasks>")
    mainspring("register", "\\One", export(bare))
    equal(json.loads(mainspring("--json", "show", "\\One").stdout)["path"], "\\One", "registered")
    mainspring("delete", "\\One")
    wrong = re.sub("(<Task [^>]*>)", r"\1<Bad/>", bare)
    said = mainspring("register", "\\One", export(wrong), expect=1).stderr
    line, column = wrong[: wrong.index("<Bad/>")].count("\n") + 2, len(" <!-- one -->") + wrong.index("<Bad/>") + 1
    assert line == 2 and f"({line},{column}):Bad:" in said, (line, column, said)


def hidden():
    """what turns a line around reaches no terminal, and JSON has it as a number"""
    path, written = "\\a\u202eb", "\\a\\u{202e}b"
    said = mainspring("register", path, file(tasks.task(HOST.fails(3), tasks.every_minute(40)))).stdout
    equal(said, f"{written}\n", "registered")
    for said in (mainspring("list").stdout, mainspring("show", path).stdout):
        assert written in said and "\u202e" not in said, said
    said = mainspring("--json", "list").stdout
    assert "\u202e" not in said and path in [entry["path"] for entry in json.loads(said)], said
    # What no terminal shows is as the server gives it.
    assert path in mainspring("show", path, "--xml").stdout
    mainspring("delete", path)


@needs("processes")
def demo():
    """serve --demo: a folder, an account and a task of its own, and the line to try works"""
    process = subprocess.Popen([HOST.program, "serve", "--demo"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=HOST.folder)
    try:
        said, end = b"", time.monotonic() + 20
        while not (b"listening on" in said and re.search(rb"mainspring .*--server", said)) and time.monotonic() < end:
            if select.select([process.stdout], [], [], 0.2)[0]:
                got = os.read(process.stdout.fileno(), 4096)
                assert got, said
                said += got
        said = said.decode()
        print("".join(f"# {line}\n" for line in said.splitlines()), end="")
        line = next(line for line in said.splitlines() if re.search(r"mainspring .*--server", line))
        line = line[re.search(r"(MAINSPRING_PASSWORD=|\S*mainspring )", line).start() :]
        done = subprocess.run(
            line.replace("mainspring ", f"{os.path.abspath(ARGUMENTS.client)} ", 1) if not line.startswith("MAIN") else re.sub(r" \S*mainspring ", f" {os.path.abspath(ARGUMENTS.client)} ", line, count=1),
            shell=True, capture_output=True, text=True, timeout=30,
        )
        equal(done.returncode, 0, f"the line to try: {line}\n{done.stdout}{done.stderr}")
        assert done.stdout.strip(), "it says something"
    finally:
        process.send_signal(signal.SIGTERM)
        equal(process.wait(12), 0, "exit code")


with HOST:
    HOST.add_account()
    HOST.start()
    run([life_of_a_task, history, an_export_of_one, hidden, kept, exit_codes, images, demo], ARGUMENTS.only, HOST)
