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
    run([life_of_a_task, exit_codes, demo], ARGUMENTS.only, HOST)
