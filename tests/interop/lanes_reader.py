"""The packets of lanes in another language: written from docs/lanes.md, with Python's standard library alone.

Reads and writes the frames of a packet and the clear bytes before them. Decides nothing about what they mean.

    python3 lanes_reader.py verify docs/vectors/lanes.json    compares every vector, exit 1 on a difference
    python3 lanes_reader.py read                              reads packets in hex from stdin, a line each
"""

import json
import sys

WRAP = 2**32
MAX_VARINT = 2**30 - 1
MAX_SPAN = 2**31


class Refused(Exception):
    """Bytes that are no packet: the problem, and from which byte on."""

    def __init__(self, problem, offset):
        super().__init__(problem)
        self.problem = problem
        self.offset = offset


def expand(truncated, expected):
    """The number with these low 32 bits that is nearest to `expected`, the lower of two, none below zero."""
    base = expected - expected % WRAP + truncated
    candidates = [number for number in (base - WRAP, base, base + WRAP) if number >= 0]
    return min(candidates, key=lambda number: (abs(number - expected), number))


# --- reading ---------------------------------------------------------------------------------------------------------


class Reader:
    """The fields of a packet, one after the other."""

    def __init__(self, data):
        self.data = data
        self.at = 0
        # The number that N stands for, a lane.
        self.following = {}

    def take(self, count):
        if self.at + count > len(self.data):
            raise Refused("truncated", self.at)
        part = self.data[self.at : self.at + count]
        self.at += count
        return part

    def unsigned(self, count, low=0, high=None):
        at = self.at
        value = int.from_bytes(self.take(count), "big")
        if value < low or (high is not None and value > high):
            raise Refused("out-of-range", at)
        return value

    def varint(self):
        at = self.at
        if at == len(self.data):
            raise Refused("truncated", at)
        size = 1 << (self.data[at] >> 6)
        if size == 8:
            raise Refused("out-of-range", at)
        value = int.from_bytes(self.take(size), "big") & ((1 << (8 * size - 2)) - 1)
        if varint(value) != self.data[at : self.at]:
            raise Refused("not-canonical", at)
        return value

    def text(self, count):
        at = self.at
        part = self.take(count)
        try:
            return part.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("not-utf8", at) from None

    def frame(self):
        at = self.at
        kind = self.unsigned(1)
        if kind >= 0x80:
            return self.data_frame(at, kind)
        if kind == 0x00:
            rest = self.data[at:]
            for place, byte in enumerate(rest):
                if byte != 0:
                    raise Refused("padding", at + place)
            self.at = len(self.data)
            return {"type": "pad", "length": len(rest)}
        if kind == 0x01:
            return {"type": "ping", "time": self.unsigned(4)}
        if kind in (0x02, 0x03):
            return self.ack(kind == 0x03)
        if kind == 0x04:
            return {
                "type": "credit",
                "lane": self.unsigned(1),
                "messageLimit": self.unsigned(4),
                "byteLimit": self.unsigned(4),
            }
        if kind == 0x05:
            return {"type": "skip", "lane": self.unsigned(1), "number": self.unsigned(4)}
        if kind == 0x06:
            return {"type": "close", "code": self.unsigned(2), "text": self.text(self.unsigned(1, high=64))}
        if kind in (0x07, 0x08):
            bits = self.unsigned(8)
            name = "challenge" if kind == 0x07 else "response"
            return {"type": name, "high": bits >> 32, "low": bits % WRAP}
        if kind == 0x09:
            return {
                "type": "report",
                "received": self.unsigned(4),
                "lost": self.unsigned(4),
                "jitter": self.unsigned(2),
                "loopLag": self.unsigned(2),
            }
        if kind == 0x0A:
            return {
                "type": "open",
                "lane": self.unsigned(1, 16, 254),
                "kind": self.unsigned(1, high=3),
                "tier": self.unsigned(1, high=7),
                "keyed": self.unsigned(1, high=1) == 1,
                "maxMessageBytes": self.unsigned(4),
                "name": self.text(self.unsigned(1, 1, 32)),
            }
        raise Refused("unknown-frame", at)

    def ack(self, is_timed):
        frame = {"type": "ack", "largest": self.unsigned(4), "delay": self.unsigned(2)}
        frame["time"] = self.unsigned(4) if is_timed else None
        extra = self.unsigned(1, high=31)
        frame["ranges"] = []
        span = 0
        for at in range(extra + 1):
            entry = {"gap": 0}
            for name in ("gap", "length") if at > 0 else ("length",):
                place = self.at
                entry[name] = self.varint()
                span += entry[name]
                if entry[name] == 0 or span > MAX_SPAN:
                    raise Refused("out-of-range", place)
            frame["ranges"].append(entry)
        return frame

    def data_frame(self, at, first):
        lane = first & 15
        if lane == 15:
            place = self.at
            lane = self.unsigned(1)
            if lane < 15:
                raise Refused("not-canonical", place)
        following = self.following.get(lane)
        if first & 0x20:
            if following is None:
                raise Refused("no-previous", at)
            number = following
        else:
            place = self.at
            number = self.unsigned(4)
            if number == following:
                raise Refused("not-canonical", place)
        key = self.varint() if first & 0x10 else None
        offset = total = None
        if first & 0x40:
            offset = self.varint()
            place = self.at
            total = self.varint()
            if total < 2 or offset >= total:
                raise Refused("out-of-range", place)
        place = self.at
        length = self.varint()
        if total is not None and not (0 < length < total and offset + length <= total):
            raise Refused("out-of-range", place)
        payload = self.take(length)
        self.following[lane] = (number + 1) % WRAP
        return {
            "type": "data",
            "lane": lane,
            "number": number,
            "key": key,
            "offset": offset,
            "total": total,
            "payload": payload.hex(),
        }


def read_packet(data):
    reader = Reader(data)
    frames = []
    while reader.at < len(data):
        frames.append(reader.frame())
    return frames


def read_header(data):
    """The clear bytes of a datagram; raises Refused without a place."""
    if len(data) < 9 + 16:
        raise Refused("truncated", None)
    if data[0] >> 6 != 1:
        raise Refused("form", None)
    if data[0] & 15:
        raise Refused("reserved", None)
    return {
        "keyPhase": data[0] >> 5 & 1,
        "immediate": data[0] & 16 != 0,
        "receiverIndex": int.from_bytes(data[1:5], "big"),
        "number": int.from_bytes(data[5:9], "big"),
    }


# --- writing ---------------------------------------------------------------------------------------------------------


def u(value, count):
    return value.to_bytes(count, "big")


def varint(value):
    if value < 2**6:
        return u(value, 1)
    return u(value | 0x4000, 2) if value < 2**14 else u(value | 0x8000_0000, 4)


def write_packet(frames):
    out = b""
    following = {}
    for frame in frames:
        kind = frame["type"]
        if kind == "pad":
            out += bytes(frame["length"])
        elif kind == "ping":
            out += b"\x01" + u(frame["time"], 4)
        elif kind == "ack":
            time = frame["time"]
            out += (b"\x02" if time is None else b"\x03") + u(frame["largest"], 4) + u(frame["delay"], 2)
            out += b"" if time is None else u(time, 4)
            out += u(len(frame["ranges"]) - 1, 1)
            for at, entry in enumerate(frame["ranges"]):
                out += (varint(entry["gap"]) if at > 0 else b"") + varint(entry["length"])
        elif kind == "credit":
            out += b"\x04" + u(frame["lane"], 1) + u(frame["messageLimit"], 4) + u(frame["byteLimit"], 4)
        elif kind == "skip":
            out += b"\x05" + u(frame["lane"], 1) + u(frame["number"], 4)
        elif kind == "close":
            text = frame["text"].encode()
            out += b"\x06" + u(frame["code"], 2) + u(len(text), 1) + text
        elif kind in ("challenge", "response"):
            out += (b"\x07" if kind == "challenge" else b"\x08") + u(frame["high"], 4) + u(frame["low"], 4)
        elif kind == "report":
            out += b"\x09" + u(frame["received"], 4) + u(frame["lost"], 4)
            out += u(frame["jitter"], 2) + u(frame["loopLag"], 2)
        elif kind == "open":
            name = frame["name"].encode()
            out += b"\x0a" + bytes([frame["lane"], frame["kind"], frame["tier"], frame["keyed"]])
            out += u(frame["maxMessageBytes"], 4) + u(len(name), 1) + name
        else:
            lane, number = frame["lane"], frame["number"]
            is_next = following.get(lane) == number
            following[lane] = (number + 1) % WRAP
            is_part = frame["total"] is not None
            first = 0x80 | is_part << 6 | is_next << 5 | (frame["key"] is not None) << 4 | min(lane, 15)
            out += bytes([first]) + (bytes([lane]) if lane >= 15 else b"")
            out += b"" if is_next else u(number, 4)
            out += b"" if frame["key"] is None else varint(frame["key"])
            out += varint(frame["offset"]) + varint(frame["total"]) if is_part else b""
            payload = bytes.fromhex(frame["payload"])
            out += varint(len(payload)) + payload
    return out


# --- commands --------------------------------------------------------------------------------------------------------


def result_of(data):
    try:
        return {"frames": read_packet(data)}
    except Refused as refused:
        return {"problem": refused.problem, "offset": refused.offset}


def verify(path):
    with open(path, encoding="utf-8") as file:
        told = json.load(file)
    wrong = []

    def same(what, ours, theirs):
        if ours != theirs:
            wrong.append(f"{what}\n  here: {json.dumps(ours)}\n  told: {json.dumps(theirs)}")

    for each in told["expansions"]:
        same("expansion", expand(each["truncated"], each["expected"]), each["number"])
    for each in told["headers"]:
        ours = {"name": each["name"], **read_header(bytes.fromhex(each["header"]) + bytes(16))}
        ours.update(header=each["header"], number=expand(ours["number"], each["number"]))
        same(each["name"], ours, each)
    for each in told["streamHeaders"]:
        same("packet on a stream", "ff" + u(each["number"] % WRAP, 4).hex(), each["header"])
    for each in told["refusedHeaders"]:
        try:
            read_header(bytes.fromhex(each["datagram"]))
            wrong.append(f"{each['name']}: accepted, should be {each['problem']}")
        except Refused as refused:
            same(each["name"], refused.problem, each["problem"])
    for each in told["packets"]:
        same(each["name"], result_of(bytes.fromhex(each["packet"])), {"frames": each["frames"]})
        same(each["name"] + ", written", write_packet(each["frames"]).hex(), each["packet"])
    for each in told["refused"]:
        expected = {"problem": each["problem"], "offset": each["offset"]}
        same(each["name"], result_of(bytes.fromhex(each["packet"])), expected)
    for each in wrong:
        print(each, file=sys.stderr)
    counts = {name: len(each) for name, each in told.items() if isinstance(each, list)}
    print(json.dumps({**counts, "wrong": len(wrong)}))
    return 1 if wrong else 0


def read():
    """Prints what each packet of stdin says, and how it is written; or why and where it is refused."""
    for line in sys.stdin:
        result = result_of(bytes.fromhex(line))
        if "frames" in result:
            result["written"] = write_packet(result["frames"]).hex()
        print(json.dumps(result))
    return 0


if __name__ == "__main__":
    commands = {"verify": verify, "read": read}
    sys.exit(commands[sys.argv[1]](*sys.argv[2:]))
