"""Who may do what: one table of methods, conditions and codes, each row of which is a call to the built server.

    access_table.py --server MAINSPRINGD [--only WORDS] [--lie]

The rows are in the files beside this one. They were written by hand from [MS-TSCH] and the facts that beat it, and know nothing
of how the server decides. Where something else is served than is printed, the row has the printed code and the reason, and is
listed at the end.

With `--lie` what the row's own caller is answered is changed on its way, and each row must notice.
"""

import sys
import time

import access_calls
import access_day
import access_descriptors
import access_grids
import access_registration
from access_world import World, shown
from proxy import Proxy
from server import Server, arguments

ARGUMENTS = arguments()
PARTS = (access_grids, access_registration, access_descriptors, access_calls, access_day)
# One row in so many is lied to: that it is noticed does not depend on the row.
LIES = 7


def chosen():
    """The rows that are to be run. A row that goes on where another ended comes with all that do."""
    days = []
    for row in (row for part in PARTS for row in part.ROWS):
        if row.scene is None:
            days[-1].append(row)
        else:
            days.append([row])
    days = [day for day in days if not ARGUMENTS.only or any(ARGUMENTS.only in str(row) for row in day)]
    if ARGUMENTS.lie:
        # What ends in a fault is no answer that could be changed.
        return [day[0] for day in days if len(day) == 1 and not isinstance(day[0].code, str)][::LIES]
    return [row for day in days for row in day]


def whole(world, rows):
    """Runs all of them, says which are wrong, and lists what differs from the page on purpose."""
    passed, failed = [], 0
    for row in rows:
        if row.scene is not None:
            world.ended()
        wrong = row.wrong(world)
        if wrong:
            failed += 1
            print(f"not ok - {row} [{row.where}]: {wrong}", flush=True)
        else:
            passed.append(row)
    differing = {}
    for row in passed:
        if row.differs:
            differing.setdefault(row.differs[1], []).append(row)
    for reason, those in differing.items():
        print(f"# {len(those)} on purpose: {reason}")
        for row in those:
            print(f"#     {row} [{row.where}]: {shown(row.code)}, printed {shown(row.differs[0])}")
    count = sum(map(len, differing.values()))
    print(f"| {len(passed)} rows passed, of which {count} differ from the printed specification on purpose; {failed} failed")
    if not failed:
        print(f"ok - {len(passed)} rows passed, of which {count} differ from the printed specification on purpose")
    return failed


def lied_to(world, rows):
    """The same rows on lies: each must be wrong, for what its own caller was told."""
    believed = 0
    with Proxy(HOST.port, lie=True) as proxy:
        world.port = proxy.port
        for row in rows:
            world.ended()
            told, wrong = proxy.lies, row.wrong(world)
            if not wrong.startswith("got ") or proxy.lies == told:
                believed += 1
                print(f"not ok - canary, must fail: {row}: {wrong or 'it believed a lie'}", flush=True)
    if not believed:
        print(f"ok - canary: {len(rows)} rows were lied to, and noticed")
    return believed


HOST = Server(ARGUMENTS.server)
with HOST:
    HOST.add_account()
    WORLD = World(HOST)
    WORLD.people()
    HOST.start()
    begun = time.monotonic()
    failures = (lied_to if ARGUMENTS.lie else whole)(WORLD, chosen())
    print(f"# {time.monotonic() - begun:.1f} s")
sys.exit(1 if failures else 0)
