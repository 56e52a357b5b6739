"""Ways to the firmware that are worse than a wire: one for a stream of bytes, one for Ethernet frames."""

import random
import select
import socket
import struct
import subprocess
import threading
import time


class Proxy:
    """Carries connections to a port, badly.

    `segment`: bytes that travel together at most, to the port or, with `both`, also back, which not every client takes.
    `delay`: seconds before each of these. `stall`: after so many bytes of a
    direction nothing is carried any more, and nothing closed. `cut`: after so many the connection is reset on both sides.
    `flip`: the bit that is flipped in every answer of the service, at this distance from its end. `lie`: it is one of what the
    call returned, and `lies` counts them.
    """

    def __init__(self, port, segment=65536, delay=0.0, both=False, stall=None, cut=None, flip=None, lie=False):
        self.far, self.segment, self.delay, self.both = port, segment, delay, both
        self.stall, self.cut, self.flip, self.lie = stall, cut, flip, lie
        self.lies = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open, self.closed = [], False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while self.wait(self.listener):
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.far), timeout=10)
            except OSError:
                return
            far.settimeout(None)
            self.open += [near, far]
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, sink, answers in ((near, far, False), (far, near, True)):
                threading.Thread(target=self.pump, args=(source, sink, answers), daemon=True).start()

    def pump(self, source, sink, answers):
        carried, segment = 0, self.segment if self.both or not answers else 65536
        pending = b""
        try:
            while self.wait(source) and (got := source.recv(65536)):
                if answers and self.flip is not None and got[2] == 2:
                    got = bytearray(got)
                    got[-self.flip] ^= 0x10
                if answers and self.lie:
                    got, pending = self.lied(pending + got)
                for at in range(0, len(got), segment):
                    part = got[at : at + segment]
                    if self.stall is not None and carried + len(part) > self.stall:
                        return
                    if self.cut is not None and carried + len(part) > self.cut:
                        self.reset(source, sink)
                        return
                    if self.delay:
                        time.sleep(self.delay)
                    sink.sendall(part)
                    carried += len(part)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            self.reset(source, sink)

    def lied(self, pending):
        """The whole PDUs of this, each last part of an answer with another return code, and what is behind them."""
        whole = b""
        while len(pending) >= 16 and len(pending) >= (length := int.from_bytes(pending[8:10], "little")):
            pdu, pending = bytearray(pending[:length]), pending[length:]
            if pdu[2] == 2 and pdu[3] & 2:
                # Behind the stub, which ends with the code, are a pad, a trailer that has the pad's length, and a signature.
                # A sealed bit that is flipped is one that is flipped.
                signature = int.from_bytes(pdu[10:12], "little")
                end = len(pdu) - (signature + 8 if signature else 0)
                pdu[end - (pdu[end + 2] if signature else 0) - 1] ^= 0x10
                self.lies += 1
            whole += pdu
        return whole, pending

    def wait(self, source):
        """Whether there is something to take. A thread that waits in the kernel without end would keep a socket open."""
        try:
            while not self.closed and not select.select([source], [], [], 0.1)[0]:
                pass
        except ValueError:  # It was closed meanwhile.
            return False
        return not self.closed

    def reset(self, *connections):
        for connection in connections:
            try:
                vanish(connection)
            except OSError:
                pass

    def close(self):
        self.closed = True
        self.listener.close()
        self.reset(*self.open)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def vanish(connection):
    """Closes it with a reset, as a machine that has been restarted does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Wire(threading.Thread):
    """An Ethernet wire between the firmware and a gateway of its own, on which frames get lost, come twice, or late.

    What the firmware sends gets lost, and what it is sent comes twice, late and out of order. The other way round it would be
    a check of the gateway, which is QEMU's own network: it repeats what got lost so late that clients give up, and sends no
    more after acknowledgements that overtook each other. Both ways are bad in virtual time (tests/embassy/network.rs).

    `port` is where the gateway takes connections for the same port of the firmware, and `nic` is what QEMU is told of the
    wire. While `dead` nothing passes at all.
    """

    def __init__(self, port, seed, lost=0.0, twice=0.0, late=0.0):
        super().__init__(daemon=True)
        self.port, self.dice = port, random.Random(seed)
        self.lost, self.twice, self.late, self.dead = lost, twice, late, False
        self.carried = self.dropped = self.doubled = self.delayed = 0
        ends = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
        for end in ends:
            end.bind(("127.0.0.1", 0))
        self.ports = [end.getsockname()[1] for end in ends]
        # Two of the four are ours; the other two become the firmware's and the gateway's.
        ends[2].close()
        ends[3].close()
        self.ends = ends[:2]
        self.nic = f"socket,model=lan9118,udp=127.0.0.1:{self.ports[0]},localaddr=127.0.0.1:{self.ports[2]}"
        self.gateway = subprocess.Popen(
            ["qemu-system-arm", "-M", "none", "-nodefaults", "-display", "none", "-monitor", "none"]
            + ["-netdev", f"user,id=user,hostfwd=tcp:127.0.0.1:{port}-:{port}"]
            + ["-netdev", f"socket,id=wire,udp=127.0.0.1:{self.ports[1]},localaddr=127.0.0.1:{self.ports[3]}"]
            + ["-netdev", "hubport,hubid=0,id=one,netdev=user", "-netdev", "hubport,hubid=0,id=two,netdev=wire"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.waiting = []
        self.start()

    def run(self):
        while self.gateway.poll() is None:
            for end in select.select(self.ends, [], [], 0.005)[0]:
                frame = end.recv(65536)
                number = self.ends.index(end)
                sink = (self.ends[1 - number], ("127.0.0.1", self.ports[3 - number]))
                if self.dead or number == 0 and self.dice.random() < self.lost:
                    self.dropped += 1
                    continue
                self.carried += 1
                copies = 2 if number == 1 and self.dice.random() < self.twice else 1
                self.doubled += copies - 1
                for _ in range(copies):
                    late = number == 1 and self.dice.random() < self.late
                    self.delayed += late
                    self.waiting.append((time.monotonic() + (self.dice.uniform(0.005, 0.08) if late else 0), frame, *sink))
            now = time.monotonic()
            due = [one for one in self.waiting if one[0] <= now]
            self.waiting = [one for one in self.waiting if one[0] > now]
            for _, frame, end, to in due:
                end.sendto(frame, to)

    def close(self):
        self.gateway.kill()
        self.gateway.wait()
        self.join()
        for end in self.ends:
            end.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
