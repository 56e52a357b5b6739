"""kill -9 at random moments under load: nothing acknowledged is lost, and nothing runs twice."""

import collections
import os
import random
import signal
import subprocess
import threading
import time

from impacket import ntlm
from impacket.dcerpc.v5 import tsch
from impacket.dcerpc.v5.dtypes import NULL

import rpc
import tasks
from rpc import code, names
from server import Server, arguments, equal, run, until
from service import LOGON_FAILURE

ARGUMENTS = arguments()
SEED = int(os.environ.get("MAINSPRING_SEED", random.randrange(2**32)))
ROUNDS = int(os.environ.get("MAINSPRING_ROUNDS", 12))
DICE = random.Random(SEED)
print(f"# MAINSPRING_SEED={SEED}")


def register(dce, path, xml, flags=tsch.TASK_CREATE | tsch.TASK_UPDATE):
    return tsch.hSchRpcRegisterTask(dce, path, xml, flags, NULL, 0)


def read(path):
    try:
        with open(path) as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


class Load(threading.Thread):
    """One client that registers, runs, disables and deletes until its server is gone, and notes what was acknowledged.

    `there` and `gone` hold what a client knows for sure; what was under way when the server died is in neither. `moments`
    holds the tasks that must fire, and when: those acknowledged in time and left alone since.
    """

    def __init__(self, host, number, round_number):
        super().__init__(daemon=True)
        self.host, self.number, self.round = host, number, round_number
        self.dice = random.Random(SEED * 1000 + round_number * 10 + number)
        self.there, self.gone, self.disabled, self.runs = {}, set(), {}, []
        self.moments = {}
        self.failure = None

    def run(self):
        try:
            dce = rpc.bind(self.host.port)
            for turn in range(10**6):
                self.turn(dce, turn)
        except Exception as failure:  # The server was killed: whatever impacket makes of that.
            self.failure = failure

    def turn(self, dce, turn):
        name = f"r{self.round} c{self.number} t{turn}"
        path = f"\\Load\\{name}"
        line = name.replace(" ", "-")
        note = f"echo {line} >> {self.host.scratch}/fired"
        after = self.dice.uniform(0.3, 4)
        xml = tasks.task(tasks.shell(note), tasks.at(after), policy="Parallel")
        moment = time.time() + after
        register(dce, path, xml)
        self.there[path] = xml
        if time.time() < moment - 0.05:
            self.moments[line] = moment
        what = self.dice.random()
        if what < 0.5:
            self.moments.pop(line, None)
        if what < 0.2:
            del self.there[path]
            tsch.hSchRpcDelete(dce, path)
            self.gone.add(path)
        elif what < 0.4:
            self.disabled[path] = None
            tsch.hSchRpcEnableTask(dce, path, False)
            self.disabled[path] = True
        elif what < 0.5:
            # A run on demand has a line of its own, with a word that no other run has.
            word = f"{line}-demand"
            del self.there[path]
            register(dce, path, tasks.task(tasks.shell(f"echo $(Arg0) >> {self.host.scratch}/fired")))
            self.there[path] = None
            tsch.hSchRpcRun(dce, path, (word,))
            self.runs.append(word)


def at_random_moments():
    """killed at random moments under load, the server has what it acknowledged, and no firing ran twice"""
    with Server(ARGUMENTS.server) as host:
        host.add_account()
        there, gone, disabled, moments, runs = {}, set(), {}, {}, []
        spans = []
        for round_number in range(ROUNDS):
            host.start()
            up = time.time()
            load = [Load(host, number, round_number) for number in range(3)]
            for client in load:
                client.start()
            time.sleep(DICE.uniform(0.2, 2.0))
            host.kill()
            spans.append((up, time.time()))
            for client in load:
                client.join(30)
                assert not client.is_alive(), "a client did not notice that the server is gone"
                there.update(client.there)
                gone |= client.gone
                disabled.update(client.disabled)
                moments.update(client.moments)
                runs += client.runs
        assert len(there) > 10 * ROUNDS, f"only {len(there)} tasks were acknowledged"
        host.start()
        spans.append((time.time(), float("inf")))
        dce = rpc.bind(host.port)
        start, found = 0, []
        while True:
            result, answer = code(tsch.hSchRpcEnumTasks, dce, "\\Load", startIndex=start, cRequested=0)
            found += names(answer)
            start = answer["startIndex"]
            if result == 0:
                break
        equal(len(found), len(set(found)), "each name once")
        found = {f"\\Load\\{name}" for name in found}
        missing, risen = set(there) - found, gone & found
        assert not missing, f"{len(missing)} of {len(there)} acknowledged tasks are lost: {sorted(missing)[:5]}"
        assert not risen, f"{len(risen)} of {len(gone)} deleted tasks are back: {sorted(risen)[:5]}"
        for path in DICE.sample(sorted(there), 50):
            if there[path] is not None:
                got = rpc.text(tsch.hSchRpcRetrieveTask(dce, path)["pXml"])
                note = path.removeprefix("\\Load\\").replace(" ", "-")
                assert f"echo {note} " in got, f"{path} is another task now: {got}"
        for path, sure in disabled.items():
            if sure and path in found:
                equal(tsch.hSchRpcGetTaskInfo(dce, path)["pEnabled"], 0, f"{path} enabled")
        time.sleep(5)
        counted = collections.Counter(read(f"{host.scratch}/fired"))
        twice = {line: count for line, count in counted.items() if count > 1}
        assert not twice, f"ran more than once: {twice}"
        # A check that nothing runs twice needs that much runs at all: what fell due well within an uptime did.
        due = [note for note, moment in moments.items() if any(up + 0.1 < moment < down - 0.5 for up, down in spans)]
        late = [note for note in due if note not in counted]
        assert len(due) > 20, f"only {len(due)} firings fell into an uptime"
        assert not late, f"{len(late)} of {len(due)} firings did not happen: {late[:5]}"
        print(f"# {len(there)} tasks, {len(gone)} deletions, {len(disabled)} switched off, {sum(counted.values())} runs")


def survivor():
    """with IgnoreNew no second copy starts beside a child that survived its server"""
    with Server(ARGUMENTS.server) as host:
        host.add_account()
        host.start()
        dce = rpc.bind(host.port)
        note = f"{host.scratch}/copies"
        # Its own pid, when it starts; of two dollar signs a definition keeps one.
        xml = tasks.task(tasks.shell(f"echo $$$$ >> {note}; exec sleep 300"), tasks.at(*range(1, 20)))
        register(dce, "\\Survivor", xml)
        child = int(until(lambda: read(note), 5, "the child starts")[0])
        host.kill()
        os.kill(child, 0)
        for _ in range(2):
            time.sleep(1.2)
            host.start()
            dce = rpc.bind(host.port)
            for _ in range(20):
                code(tsch.hSchRpcRun, dce, "\\Survivor")
                time.sleep(0.1)
                copies = [int(pid) for pid in read(note)]
                living = [pid for pid in copies if alive(pid)]
                assert len(living) <= 1, f"{len(living)} copies at once"
            equal(len(tsch.hSchRpcEnumInstances(dce, "\\Survivor")["pGuids"]), 1, "instances")
            host.kill()
        host.start()
        dce = rpc.bind(host.port)
        tsch.hSchRpcEnableTask(dce, "\\Survivor", False)
        tsch.hSchRpcStop(dce, "\\Survivor")
        until(lambda: not any(alive(int(pid)) for pid in read(note)), 12, "what survived can be stopped")


def ended_meanwhile():
    """a child that ended while no server was there is not run again, and its task is ready"""
    with Server(ARGUMENTS.server) as host:
        host.add_account()
        host.start()
        dce = rpc.bind(host.port)
        note = f"{host.scratch}/meanwhile"
        register(dce, "\\Meanwhile", tasks.task(tasks.shell(f"echo $$$$ >> {note}; exec sleep 300")))
        tsch.hSchRpcRun(dce, "\\Meanwhile")
        child = int(until(lambda: read(note), 5, "the child starts")[0])
        host.kill()
        os.kill(child, signal.SIGKILL)
        until(lambda: not alive(child), 5, "the child is gone")
        host.start()
        dce = rpc.bind(host.port)
        until(lambda: tsch.hSchRpcGetTaskInfo(dce, "\\Meanwhile", tsch.SCH_FLAG_STATE)["pState"] == 3, 5, "ready")
        time.sleep(1)
        equal(len(read(note)), 1, "runs")
        result, answer = code(tsch.hSchRpcGetLastRunInfo, dce, "\\Meanwhile")
        assert answer["pLastRuntime"]["wYear"] > 2000, "its last run is known"


def missed():
    """what came while no server was there is counted as missed, until a run goes well"""
    with Server(ARGUMENTS.server) as host:
        host.add_account()
        host.start()
        dce = rpc.bind(host.port)
        note = f"{host.scratch}/missed"
        register(dce, "\\Missed", tasks.task(tasks.shell(f"echo ran >> {note}"), tasks.at(2, 3, 4)))
        equal(tsch.hSchRpcGetNumberOfMissedRuns(dce, "\\Missed")["pNumberOfMissedRuns"], 0, "missed at first")
        host.kill()
        time.sleep(5)
        for _ in range(2):
            host.start()
            dce = rpc.bind(host.port)
            equal(tsch.hSchRpcGetNumberOfMissedRuns(dce, "\\Missed")["pNumberOfMissedRuns"], 3, "missed")
            # Long enough for it to be noted that these are counted.
            equal(host.stop()[0], 0, "exit code")
        host.start()
        dce = rpc.bind(host.port)
        tsch.hSchRpcRun(dce, "\\Missed")
        until(lambda: read(note), 5, "it runs")
        until(lambda: tsch.hSchRpcGetTaskInfo(dce, "\\Missed", tsch.SCH_FLAG_STATE)["pState"] == 3, 5, "ready")
        equal(tsch.hSchRpcGetNumberOfMissedRuns(dce, "\\Missed")["pNumberOfMissedRuns"], 0, "missed since it ran")


def volatile():
    """a Volatile task is there until the machine starts again, and is disabled then"""
    with Server(ARGUMENTS.server) as host:
        host.add_account()
        host.start()
        dce = rpc.bind(host.port)
        unified = "<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine>"
        settings = f"{unified}<Volatile>true</Volatile>"
        xml = tasks.task(tasks.shell("true"), settings=settings).replace('version="1.2"', 'version="1.4"')
        register(dce, "\\Volatile", xml)

        def enabled():
            return tsch.hSchRpcGetTaskInfo(rpc.bind(host.port), "\\Volatile", 0)["pEnabled"]

        host.kill()
        host.start()
        equal(enabled(), 1, "enabled after the server started again")
        host.kill()
        with open(f"{host.data}/boot", "w") as file:
            file.write("another start of the machine")
        host.start()
        equal(enabled(), 0, "enabled after the machine did")


def one_server_per_folder():
    """a data folder that another server holds is refused, and one that others may write too"""
    with Server(ARGUMENTS.server) as host:
        host.add_account()
        host.start()
        command = [host.program, "serve", "--data", host.data, "--listen", "127.0.0.1:0"]
        command += ["--actions-as", "nobody"] if os.getuid() == 0 else []
        second = subprocess.run(command, capture_output=True, text=True, timeout=10)
        assert second.returncode != 0 and second.stderr.strip(), second
        tsch.hSchRpcHighestVersion(rpc.bind(host.port))
        host.kill()
        os.chmod(host.data, 0o777)
        second = subprocess.run(command, capture_output=True, text=True, timeout=10)
        assert second.returncode != 0 and second.stderr.strip(), second
        os.chmod(host.data, 0o700)
        host.start()


def kept_password():
    """a task with a kept password runs after kill -9, and not once it is another, the account is disabled or the key is gone; no file has it in clear"""
    user, password, task = "bob", "Geheimnis of bob, ünd mehr", "\\Kept\\Task"
    with Server(ARGUMENTS.server) as host:
        host.add_account()
        host.add_account(user, password, admin=False)
        xml = tasks.task(host.notes("kept", "ran")).replace("S-1-5-18", user)

        def account(verb, text=None):
            command = [host.program, "account", verb, user, "--data", host.data]
            subprocess.run(command, input=text and text + "\n", text=True, check=True, timeout=30, stdout=subprocess.DEVNULL)

        def keep(dce, shown):
            credential = tsch.TASK_USER_CRED()
            credential["userId"] = user + "\0"
            credential["password"] = NULL if shown is None else shown + "\0"
            credential["flags"] = 0
            return tsch.hSchRpcRegisterTask(
                dce, task, xml, tsch.TASK_CREATE | tsch.TASK_UPDATE, NULL, tsch.TASK_LOGON_PASSWORD, [credential]
            )

        def runs(dce, expected=0):
            before = len(host.lines("kept"))
            tsch.hSchRpcRun(dce, task)
            if expected == 0:
                until(lambda: len(host.lines("kept")) > before, 10, "a run")

            def result():
                got, answer = code(tsch.hSchRpcGetLastRunInfo, dce, task)
                return answer["pLastReturnCode"] if got == 0 else None

            until(lambda: result() == expected, 10, f"result {expected:#x}")
            equal(len(host.lines("kept")), before + (expected == 0), "runs")

        def again():
            host.kill()
            host.start()
            return rpc.bind(host.port)

        host.start()
        dce = rpc.bind(host.port)
        rpc.refused(LOGON_FAILURE, keep, dce, "wrong")
        rpc.refused(LOGON_FAILURE, keep, dce, None)
        keep(dce, password)
        runs(dce)
        dce = again()
        runs(dce)

        # Nothing in the folder has the password, and nothing but the accounts, which have it anyway, its hash.
        digest = ntlm.compute_nthash(password)
        clear = [password.encode(), password.encode("utf-16le")]
        found, kept = 0, os.path.join(host.data, "records")
        for folder, _, files in os.walk(host.data):
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    held = file.read()
                for text in clear:
                    assert text not in held, f"{name} holds the password"
                hashed = digest in held or digest.hex().encode() in held.lower()
                assert hashed == (name == "accounts"), f"{name} holds the hash: {hashed}"
                found += hashed
        equal((found, os.path.getsize(kept) > 0), (1, True), "the search finds what is there")
        key = os.path.join(host.data, "key")
        equal((os.stat(key).st_mode & 0o7777, os.path.getsize(key)), (0o600, 32), "mode and length of the key")
        with open(host.log) as log:
            said = log.read()
        assert password not in said and digest.hex() not in said.lower(), "the log holds a secret"

        account("disable")
        runs(dce, LOGON_FAILURE)
        account("enable")
        runs(dce)
        account("passwd", "another")
        runs(dce, LOGON_FAILURE)
        keep(dce, "another")
        runs(dce)

        os.rename(key, key + ".away")
        dce = again()
        runs(dce, LOGON_FAILURE)
        os.rename(key + ".away", key)
        runs(dce)
        os.chmod(key, 0o640)
        dce = again()
        runs(dce, LOGON_FAILURE)
        assert "mode 0640, expected 0600" in host.tail(), host.tail()
        os.chmod(key, 0o600)
        runs(dce)


def alive(process):
    try:
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


run(
    [at_random_moments, survivor, ended_meanwhile, missed, volatile, kept_password, one_server_per_folder],
    ARGUMENTS.only,
)
