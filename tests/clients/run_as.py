"""As whom actions run: a server that is root, and one that is not, with users, groups and a network of their own.

The checks have to be root. They run in namespaces in which the lists of users and groups are theirs, so nobody has to be there.
"""

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from xml.sax.saxutils import escape

from impacket.dcerpc.v5 import tsch
from impacket.dcerpc.v5.rpcrt import DCERPCException

import rpc
import tasks
from rpc import code, refused
from server import NAME, Server, arguments, equal, run, until
from service import ACCESS_DENIED, HAS_NOT_RUN, IS_RUNNING, NOT_FOUND, UNSUPPORTED_ACCOUNT_OPTION, UPDATE, register, state

ARGUMENTS = arguments()
APART = "MAINSPRING_APART"
SYSTEM, LOCAL_SERVICE, NETWORK_SERVICE = "S-1-5-18", "S-1-5-19", "S-1-5-20"
HIGHEST = "<RunLevel>HighestAvailable</RunLevel>"
# Name, user, group and further groups; the home of each is `/homes` and the name, in a folder that is made for the checks.
USERS = {"ann": (61001, 61001, (61001, 61007, 61008)), "ben": (61002, 61002, (61002,)), "nobody": (65534, 65534, (65534,))}


def go_apart():
    """Runs this program again, in namespaces of mounts and networks."""
    if os.environ.get(APART):
        return
    command = ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, *sys.argv]
    sys.exit(subprocess.run(command, env=dict(os.environ, **{APART: "yes"})).returncode)


def furnish(folder):
    """Makes the users of these namespaces, and lets programs talk to this machine."""
    os.chmod(folder, 0o755)
    users = ["root:x:0:0:root:/root:/bin/sh"]
    groups = ["root:x:0:", "nogroup:x:65534:", "first:x:61007:ann", "second:x:61008:ann"]
    for name, (user, group, _) in USERS.items():
        home = os.path.join(folder, name)
        os.mkdir(home, 0o700)
        os.chown(home, user, group)
        users.append(f"{name}:x:{user}:{group}::{home}:/bin/sh")
        if group < 65534:
            groups.append(f"{name}:x:{group}:")
    for name, lines in ("passwd", users), ("group", groups):
        path = os.path.join(folder, name)
        with open(path, "w") as file:
            file.write("\n".join(lines) + "\n")
        subprocess.run(["mount", "--bind", path, f"/etc/{name}"], check=True)
    equal(pwd.getpwnam("ann").pw_uid, 61001, "the user ann")
    with socket.socket() as link:
        up = struct.pack("16sH14s", b"lo", 1, b"")  # IFF_UP
        fcntl.ioctl(link, 0x8914, up)  # SIOCSIFFLAGS


class Host(Server):
    """A server on which `alice` is an administrator, and ann and ben have accounts of Unix users of these names.

    One that `lies` is told that everybody is root.
    """

    lies = False

    def __init__(self, *words, actions_as=None):
        words = ("--system-as", "root", "--service-as", "root") if self.lies else words
        super().__init__(ARGUMENTS.server, extra=words)
        self.actions_as = "root" if self.lies else actions_as
        self.children = []
        self.add_account()
        for name in "Ann", "Ben":
            self.add_account(name, admin=False)
            self.unix_user(name, name.lower())

    def close(self):
        """Also ends what a check that fails leaves behind."""
        super().close()
        for child in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def unix_user(self, name, user):
        self.account("unix", name, "root" if self.lies else user)

    def sid(self, name):
        rows = [line.split("\t") for line in self.account("list").splitlines()]
        return next(row[1] for row in rows if row[0] == name)

    def unix(self, name):
        rows = [line.split("\t") for line in self.account("list").splitlines()]
        return next(row[6] for row in rows if row[0] == name)


def definition(host, user, script, arguments="", principal="", directory=""):
    """A task of a user that hands a script to the shell, and arguments to the script."""
    script = script.replace('"', '""')
    directory = f"<WorkingDirectory>{escape(directory)}</WorkingDirectory>" if directory else ""
    words = escape(f'-c "{script}" sh {arguments}')
    action = f"<Exec><Command>/bin/sh</Command><Arguments>{words}</Arguments>{directory}</Exec>"
    return tasks.task(action, user=user, principal=principal)


def result(dce, path):
    """The result of the last run; None if there was none yet or it goes on."""
    got, answer = code(tsch.hSchRpcGetLastRunInfo, dce, path)
    if got == HAS_NOT_RUN:
        return None
    value = answer["pLastReturnCode"] & 0xFFFFFFFF
    return None if value in (HAS_NOT_RUN, 0x41301) else value


def runs(host, dce, user, script, values=(), expected=0, **named):
    """Registers, runs, and returns what the script wrote to `$OUT`; each time under another name."""
    runs.count += 1
    path, out = f"\\r{runs.count}", f"{host.scratch}/out{runs.count}"
    register(dce, path, definition(host, user, f"exec > {out}; {script}", **named))
    tsch.hSchRpcRun(dce, path, values)
    until(lambda: result(dce, path) is not None, 10, f"the end of {path}")
    equal(f"{result(dce, path):#x}", f"{expected:#x}", f"result of {script}")
    return host.lines(os.path.basename(out))


runs.count = 0

WHO = "id -u; id -g; id -G; echo $HOME $USER $LOGNAME $SHELL; grep NoNewPrivs /proc/self/status | cut -f2; pwd"


def who(name, least=True):
    """What WHO says of a user."""
    entry = pwd.getpwnam(name)
    groups = " ".join(map(str, USERS.get(name, (0, 0, (0,)))[2]))
    words = f"{entry.pw_dir} {name} {name} {entry.pw_shell}"
    return [str(entry.pw_uid), str(entry.pw_gid), groups, words, str(int(least)), "/"]


def as_its_principal():
    """an action runs as the Unix user of its principal, with all groups, home and shell, and gains no rights unless it may"""
    with Host() as host:
        host.start()
        dce = rpc.bind(host.port)
        equal(runs(host, dce, host.sid("Ann"), WHO), who("ann"), "ann")
        equal(runs(host, dce, "ben", WHO), who("ben"), "ben, by name")
        equal(runs(host, dce, "Ann", WHO, principal=HIGHEST), who("ann", least=False), "ann, with the highest rights there are")
        clean = runs(host, dce, "Ann", "env | cut -d= -f1 | sort | tr '\\n' ' '; umask; grep -E 'Cap(Prm|Eff|Amb)' /proc/self/status")
        words = [word for word in clean[0].split() if word not in ("PWD", "OLDPWD", "SHLVL", "_", "TZ", "LANG", "0022")]
        equal(words, ["HOME", "LOGNAME", "MAINSPRING_INSTANCE", "PATH", "SHELL", "USER"], "environment")
        assert "0022" in clean[0], clean
        equal({line.split()[1] for line in clean[1:]}, {"0" * 16}, "capabilities")
        # Another user from now on, for a server that runs and a task that is there.
        host.unix_user("Ann", "ben")
        equal(runs(host, dce, "Ann", WHO), who("ben"), "ann, who is ben now")


def nobody_holds_the_server():
    """a start that another user holds up fails after a while, in which nobody waits for more than that; each has a session of its own"""
    with Host() as host:
        host.start()
        dce = rpc.bind(host.port)
        # The parent of what reads it, and the session.
        parent, session = runs(host, dce, "Ann", "cut -d' ' -f4,6 /proc/self/stat; true")[0].split()
        equal(session, parent, "the session")
        program = f"{host.scratch}/held"
        with open(program, "w") as file:
            file.write("#!/bin/sh\nexit 0\n")
        os.chmod(program, 0o755)
        os.chown(program, 61001, 61001)
        hears, told = os.pipe()
        holder = os.fork()
        if holder == 0:
            # Whoever owns a file may hold it for as long as a lease lasts.
            try:
                os.setresuid(61001, 61001, 61001)
                signal.signal(signal.SIGIO, signal.SIG_IGN)
                fcntl.fcntl(os.open(program, os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)
                os.write(told, b"held")
                time.sleep(60)
            finally:
                os._exit(0)
        os.close(told)
        host.children.append(holder)
        if os.read(hears, 4) != b"held":
            print("# no leases here: no start was held up")
            return
        register(dce, "\\held", tasks.task(f"<Exec><Command>{program}</Command></Exec>", user="Ann"))
        begun = time.monotonic()
        tsch.hSchRpcRun(dce, "\\held")
        tsch.hSchRpcHighestVersion(dce)
        assert time.monotonic() - begun < 10, "the server waits for as long as the user likes"
        until(lambda: result(dce, "\\held") == 0x800705B4, 10, "the failure of the start")
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
        host.children.remove(holder)
        tsch.hSchRpcRun(dce, "\\held")
        until(lambda: result(dce, "\\held") == 0, 10, "its run")


def nothing_falls_back_to_root():
    """without a Unix user a principal is refused, at registration and at start; LocalService and NetworkService are nobody"""
    with Host() as host:
        host.start()
        dce = rpc.bind(host.port)
        for user in SYSTEM, host.sid(NAME), f"{host.sid(NAME)}0":
            xml = definition(host, user, f"id -u > {host.scratch}/root")
            refused(UNSUPPORTED_ACCOUNT_OPTION, register, dce, "\\refused", xml)
            refused(NOT_FOUND, tsch.hSchRpcGetTaskInfo, dce, "\\refused", 0)
        assert "no Unix user stands for it" in host.tail(), host.tail()
        for service in LOCAL_SERVICE, NETWORK_SERVICE:
            equal(runs(host, dce, service, WHO), who("nobody"), service)
        # Registered while somebody stood for it, and then nobody, or somebody who is no more.
        register(dce, "\\later", definition(host, "Ann", f"id -u > {host.scratch}/root"))
        for user in "-", "gone":
            if user == "gone":
                host.unix_user("Ann", "ann")
                with open(f"{host.data}/accounts") as file:
                    text = file.read()
                with open(f"{host.data}/accounts", "w") as file:
                    file.write(text.replace(" ann\n", " gone\n"))
                equal(host.unix("Ann"), "gone", "the user of Ann")
            else:
                host.unix_user("Ann", user)
            tsch.hSchRpcRun(dce, "\\later")
            until(lambda: result(dce, "\\later") == UNSUPPORTED_ACCOUNT_OPTION, 10, "the failure of the start")
            refused(UNSUPPORTED_ACCOUNT_OPTION, register, dce, "\\later", definition(host, "Ann", "true"), UPDATE)
        equal(host.lines("root"), [], "what ran nevertheless")
        wrong = subprocess.run(
            [host.program, "account", "unix", "Ann", "no-such-user", "--data", host.data], capture_output=True, text=True
        )
        assert wrong.returncode == 1 and "no Unix user" in wrong.stderr, wrong


def who_is_said_to():
    """SYSTEM is root where that is configured, and --actions-as stands for everybody who has nobody else"""
    with Host("--system-as", "root", "--service-as", "ben") as host:
        host.start()
        dce = rpc.bind(host.port)
        equal(runs(host, dce, SYSTEM, WHO), who("root"), "SYSTEM")
        equal(runs(host, dce, SYSTEM, WHO, principal=HIGHEST), who("root", least=False), "SYSTEM with the highest rights")
        equal(runs(host, dce, LOCAL_SERVICE, WHO), who("ben"), "LocalService")
        refused(UNSUPPORTED_ACCOUNT_OPTION, register, dce, "\\refused", definition(host, NAME, "true"))
    with Host("--service-as", "ann", actions_as="ben") as host:
        host.start()
        dce = rpc.bind(host.port)
        for user, name in (SYSTEM, "ben"), (NAME, "ben"), (LOCAL_SERVICE, "ann"), ("Ann", "ann"):
            equal(runs(host, dce, user, WHO), who(name), user)


def one_argument():
    """values of parameters stay in the argument that the parameter is in, whatever is in them"""
    with Host() as host:
        host.start()
        dce = rpc.bind(host.port)
        values = ("two words", 'a" "b', "", "\\", "$(Arg0) 'x';*")
        template = '$(Arg0) "-$(Arg1)-" $(Arg2) "$(Arg3)" $(Arg4) last'
        if host.lies:
            for ordinal, value in enumerate(values):
                template = template.replace(f"$(Arg{ordinal})", value)
        expected = ["two words", "-a\" \"b-", "", "\\", "$(Arg0) 'x';*", "last"]
        said = runs(host, dce, "Ann", 'printf "[%s]\\n" "$@"', values, arguments=template)
        equal(said, [f"[{argument}]" for argument in expected], "arguments")


def where_the_user_may_go():
    """a working directory that a value names is entered with the rights of the user, not those of the server"""
    with Host() as host:
        host.start()
        dce = rpc.bind(host.port)
        homes = {name: pwd.getpwnam(name).pw_dir for name in ("ann", "ben")}
        says = {"directory": "$(Arg0)"}
        equal(runs(host, dce, "Ann", "pwd", (homes["ann"],), **says), [homes["ann"]], "her own home")
        equal(runs(host, dce, "Ann", "pwd", (homes["ben"],), ACCESS_DENIED, **says), [], "the home of another")
        equal(runs(host, dce, "Ann", "pwd", (host.data,), ACCESS_DENIED, **says), [], "the data of the server")
        equal(runs(host, dce, "Ann", "pwd", ("/nowhere",), 0x8007010B, **says), [], "what is not there")


def survivors():
    """after kill -9 the next server finds the children of all users, with and without the notes, and stops them"""
    with Host() as host:
        host.start()
        dce = rpc.bind(host.port)
        pids = {}
        for name in "Ann", "Ben":
            path = f"\\{name}"
            register(dce, path, definition(host, name, f"echo $$$$ > {host.scratch}/{name}; exec sleep 1000"))
            tsch.hSchRpcRun(dce, path)
            pids[name] = int(until(lambda: host.lines(name), 10, f"the start of {name}")[0])
            host.children.append(pids[name])
        for noted in True, False:
            host.kill()
            if not noted:
                shutil.rmtree(f"{host.data}/running")
            host.start()
            dce = rpc.bind(host.port)
            for name, pid in pids.items():
                equal(os.stat(f"/proc/{pid}").st_uid, pwd.getpwnam(name.lower()).pw_uid, f"user of the child of {name}")
                equal(state(dce, f"\\{name}"), (1, IS_RUNNING), f"{name}, noted: {noted}")
        for name, pid in pids.items():
            tsch.hSchRpcStop(dce, f"\\{name}")
            until(lambda: not os.path.exists(f"/proc/{pid}") or ended(pid), 10, f"the end of the child of {name}")


def ended(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "Z"


def not_as_root():
    """a server that is not root runs everything as itself, and refuses whom somebody else stands for"""
    with Host() as host:
        ann = pwd.getpwnam("ann")
        # Who is not root may not be able to go where the server was built.
        host.program = shutil.copy(host.program, host.folder)
        for path, _, files in () if host.lies else os.walk(host.data):
            for each in (path, *(os.path.join(path, file) for file in files)):
                os.chown(each, ann.pw_uid, ann.pw_gid)

        def become_ann():
            os.setgroups(USERS["ann"][2])
            os.setgid(ann.pw_gid)
            os.setuid(ann.pw_uid)

        host.start(None if host.lies else become_ann)
        dce = rpc.bind(host.port)
        for user in "Ann", NAME, SYSTEM, LOCAL_SERVICE:
            equal(runs(host, dce, user, "id -u; grep NoNewPrivs /proc/self/status | cut -f2"), ["61001", "1"], user)
        refused(UNSUPPORTED_ACCOUNT_OPTION, register, dce, "\\refused", definition(host, "Ben", "true"))
        assert "only root can run actions as another user (ben)" in host.tail(), host.tail()


def canary(check):
    """The check, of a server that is told lies: it must fail."""

    def fails():
        Host.lies = True
        try:
            check()
        except (AssertionError, DCERPCException) as failure:
            print(f"# {failure}"[:200])
        else:
            raise AssertionError("it believed a server on which everybody is root")
        finally:
            Host.lies = False

    fails.__name__, fails.__doc__ = check.__name__, f"canary, must fail: {check.__doc__}"
    return fails


if os.getuid() != 0:
    print("# only root can run actions as others: nothing was checked")
    sys.exit(0)
go_apart()
with tempfile.TemporaryDirectory(prefix="mainspring-homes-") as homes:
    furnish(homes)
    checks = [
        as_its_principal,
        nothing_falls_back_to_root,
        who_is_said_to,
        one_argument,
        where_the_user_may_go,
        survivors,
        not_as_root,
    ]
    run([*checks, nobody_holds_the_server] + [canary(check) for check in checks], ARGUMENTS.only)
