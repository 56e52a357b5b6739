"""A time server for the firmware, which can also be wrong in every way that a client must notice."""

import socket
import struct
import threading
import time

# Seconds from 1900 to 1970.
EPOCH = 2_208_988_800
WRONG = ("silent", "short", "unsynchronised", "kiss of death", "not the question's", "a question", "no time", "from elsewhere")


class TimeServer(threading.Thread):
    """Answers as `says` tells: "right", or one of `WRONG`, or "wrong" for all of these in turn. `ahead` is by how many
    seconds it is ahead of this machine; wrong answers are ahead by a year more."""

    def __init__(self, says="right", ahead=0.0):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.elsewhere.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.says, self.ahead = says, ahead
        self.asked, self.answered = [], []
        self.start()

    def run(self):
        while True:
            try:
                question, whom = self.socket.recvfrom(1024)
            except OSError:
                return
            says = WRONG[len(self.asked) % len(WRONG)] if self.says == "wrong" else self.says
            self.asked.append((time.monotonic(), says))
            if len(question) < 48 or question[0] & 7 != 3:
                self.asked.append((time.monotonic(), f"no question of a client: {question.hex()}"))
            elif says != "silent":
                out = self.elsewhere if says == "from elsewhere" else self.socket
                out.sendto(self.answer(question, says), whom)
                self.answered.append(says)

    def answer(self, question, says):
        now = time.time() + EPOCH + self.ahead + (0 if says == "right" else 365 * 86400)
        stamp = struct.pack("!II", int(now), int(now % 1 * 2**32))
        leap, mode, stratum, origin, sent = 0, 4, 2, question[40:48], stamp
        if says == "unsynchronised":
            leap = 3
        if says == "kiss of death":
            stratum = 0
        if says == "not the question's":
            origin = bytes(8)
        if says == "a question":
            mode = 3
        if says == "no time":
            sent = bytes(8)
        answer = struct.pack("!BBbbII4s", leap << 6 | 4 << 3 | mode, stratum, 6, -20, 0, 0, b"LOCL") + stamp + origin + stamp + sent
        return answer[:20] if says == "short" else answer

    def close(self):
        self.socket.close()
        self.elsewhere.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
