"""A time server for the firmware, which can also be wrong in ways that a client must notice.

The kiss of death is not among them: it is obeyed, for longer than a test may take.
"""

import socket
import struct
import threading
import time

# Seconds from 1900 to 1970.
EPOCH = 2_208_988_800
# What is no answer to the question, and what is one of a server that does not know the time.
STRANGE = ("short", "not the question's", "a question", "from elsewhere")
IGNORANT = ("unsynchronised", "no time")


class TimeServer(threading.Thread):
    """Answers right or, until `says` is "right", first with silence, then with all that is strange and one that is ignorant.

    `ahead` is by how many seconds it is ahead of this machine; wrong answers are ahead by a year more.
    """

    def __init__(self, says="right", ahead=0.0):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.elsewhere.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.says, self.ahead = says, ahead
        self.asked, self.answered, self.complaints = 0, set(), []
        self.start()

    def run(self):
        while True:
            try:
                question, whom = self.socket.recvfrom(1024)
            except OSError:
                return
            self.asked += 1
            if len(question) < 48 or question[0] & 7 != 3:
                self.complaints.append(f"no question of a client: {question.hex()}")
                continue
            answers = ("right",) if self.says == "right" else STRANGE + (IGNORANT[self.asked % 2],) if self.asked > 1 else ()
            for says in answers:
                out = self.elsewhere if says == "from elsewhere" else self.socket
                out.sendto(self.answer(question, says), whom)
                self.answered.add(says)
                # The client has no room for all of them at once.
                time.sleep(0.02)

    def answer(self, question, says):
        now = time.time() + EPOCH + self.ahead + (0 if says == "right" else 365 * 86400)
        stamp = struct.pack("!II", int(now), int(now % 1 * 2**32))
        leap, mode, stratum, origin, sent = 0, 4, 2, question[40:48], stamp
        if says == "unsynchronised":
            leap = 3
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
