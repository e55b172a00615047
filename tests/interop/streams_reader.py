"""Meters and modulation in another language: from docs/meters-and-modulation.md, with Python's standard library alone.

Reads and writes packets; decides nothing about what follows from them.

    python3 streams_reader.py verify docs/vectors/meters.json       compares every vector, exit 1 on a difference
    python3 streams_reader.py verify docs/vectors/modulation.json   the same
    python3 streams_reader.py read meters                           reads packets in hex from stdin, a line each
    python3 streams_reader.py read modulation
"""

import json
import math
import struct
import sys

MAX_NUMBER = 2**53 - 1
MAX_PACKET = 1_200
MODES = ["replace", "multiply", "add"]
PARTS = {"f32": 1, "unit": 1, "i32": 1, "bool": 1, "vec3": 3}


class Refused(Exception):
    """Bytes that are no packet, and why."""


class Reader:
    """The fields of a packet, one after the other."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def left(self):
        return len(self.data) - self.at

    def take(self, count):
        if count > self.left():
            raise Refused("truncated")
        self.at += count
        return self.data[self.at - count : self.at]

    def unsigned(self, size):
        return int.from_bytes(self.take(size), "big")

    def varint(self):
        first = self.unsigned(1)
        size = 1 << (first >> 6)
        value = int.from_bytes(bytes([first & 0x3F]) + self.take(size - 1), "big")
        # A number beyond 2^53 - 1 cannot be told from one whose rest is missing by what follows.
        if value > MAX_NUMBER:
            raise Refused("truncated")
        return value

    def f32(self):
        return struct.unpack("<f", self.take(4))[0]


def varint(value):
    for size, bits in ((1, 6), (2, 14), (4, 30), (8, 62)):
        if value < 1 << bits:
            return (value | (size.bit_length() - 1) << bits).to_bytes(size, "big")
    raise ValueError(value)


# --- meters ----------------------------------------------------------------------------------------------------------


def read_meters(data):
    if len(data) > MAX_PACKET:
        raise Refused("size")
    reader = Reader(data)
    if reader.unsigned(1) != 1:
        raise Refused("kind")
    sections = []
    while reader.left() > 0 or not sections:
        source = reader.varint()
        mark = reader.unsigned(4)
        number, age, first, count = (reader.varint() for _ in range(4))
        if source > 65_535 or mark == 0 or number < 1 or age > 65_535 or count < 1 or first + count > 256:
            raise Refused("range")
        # All that is missing is found before any value is looked at.
        column = Reader(reader.take(4 * count))
        values = [column.f32() for _ in range(count)]
        if not all(math.isfinite(value) for value in values):
            raise Refused("not-finite")
        sections.append(dict(source=source, mark=mark, number=number, ageMs=age, first=first, values=values))
    return sections


def write_meters(sections):
    out = b"\x01"
    for section in sections:
        out += varint(section["source"]) + section["mark"].to_bytes(4, "big")
        for field in (section["number"], section["ageMs"], section["first"], len(section["values"])):
            out += varint(field)
        out += struct.pack("<%df" % len(section["values"]), *section["values"])
    return out


# --- modulation ------------------------------------------------------------------------------------------------------


def read_modulation(data):
    if len(data) > MAX_PACKET:
        raise Refused("size")
    reader = Reader(data)
    kind = reader.unsigned(1)
    if kind not in (0x01, 0x11):
        raise Refused("kind")
    source, mark, number = reader.unsigned(1), reader.unsigned(4), reader.unsigned(4)
    if mark == 0:
        raise Refused("range")
    name = None
    if kind == 0x11:
        length = reader.unsigned(1)
        if length > reader.left():
            raise Refused("truncated")
        if not 1 <= length <= 31:
            raise Refused("range")
        try:
            name = reader.take(length).decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("text")
    effects = []
    while reader.left() > 0:
        mode, priority, count = reader.unsigned(1), reader.unsigned(1), reader.varint()
        if mode > 2 or not 1 <= priority <= 200 or not 1 <= count <= 128:
            raise Refused("range")
        slot = None
        for _ in range(count):
            step = reader.varint()
            value = reader.f32()
            if slot is not None and step == 0:
                raise Refused("order")
            slot = step if slot is None else slot + step
            if slot >= 4_096:
                raise Refused("range")
            if len(effects) >= 128:
                raise Refused("range")
            effects.append(dict(slot=slot, mode=MODES[mode], priority=priority, value=plain(value)))
    return dict(source=source, mark=mark, number=number, name=name, effects=effects)


def write_modulation(frame):
    name, effects = frame["name"], frame["effects"]
    out = bytes([0x01 if name is None else 0x11, frame["source"]])
    out += frame["mark"].to_bytes(4, "big") + frame["number"].to_bytes(4, "big")
    if name is not None:
        out += bytes([len(name.encode())]) + name.encode()
    groups = []
    for effect in effects:
        last = groups[-1] if groups else None
        same = last and all(last[-1][field] == effect[field] for field in ("mode", "priority"))
        if same and last[-1]["slot"] < effect["slot"]:
            last.append(effect)
        else:
            groups.append([effect])
    for group in groups:
        out += bytes([MODES.index(group[0]["mode"]), group[0]["priority"]]) + varint(len(group))
        before = 0
        for effect in group:
            out += varint(effect["slot"] - before) + struct.pack("<f", float(effect["value"]))
            before = effect["slot"]
    return out


def plain(value):
    """As JSON has it: NaN and the infinities are texts."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


# --- marks -----------------------------------------------------------------------------------------------------------


class Mark:
    """lib/state/digest/hash64.ts: MurmurHash3 with two lanes, over words of 32 bits."""

    def __init__(self):
        self.high, self.low, self.count = 0x68616E61, 0x73746174, 0

    def word(self, word):
        k = rotated(word * 0xCC9E2D51, 15)
        self.high = (rotated(self.high ^ k * 0x1B873593, 13) * 5 + 0xE6546B64) % 2**32
        k = rotated(word * 0xAB0E9789, 16)
        self.low = (rotated(self.low ^ k * 0x38B34AE5, 17) * 5 + 0x0BCAA747) % 2**32
        self.count += 1

    def text(self, text):
        self.word(0 if text is None else 1)
        if text is None:
            return
        data = text.encode()
        self.word(len(data))
        for at in range(0, len(data), 4):
            self.word(int.from_bytes(data[at : at + 4], "little"))

    def number(self, number):
        self.word(0 if number is None else 1)
        if number is None:
            return
        high, low = struct.unpack(">II", struct.pack(">d", number + 0.0))
        self.word(high)
        self.word(low)

    def finish(self):
        return (mixed(self.high ^ self.count) ^ mixed(self.low ^ self.count)) or 1


def rotated(value, bits):
    value %= 2**32
    return (value << bits | value >> 32 - bits) % 2**32


def mixed(h):
    h = (h ^ h >> 16) * 0x85EBCA6B % 2**32
    h = (h ^ h >> 13) * 0xC2B2AE35 % 2**32
    return h ^ h >> 16


def mark_of_table(meters):
    mark = Mark()
    mark.number(len(meters))
    for meter in meters:
        mark.text(meter["name"])
        mark.text(meter["unit"])
        mark.number(meter["min"])
        mark.number(meter["max"])
    return mark.finish()


def mark_of_layout(parameters):
    mark = Mark()
    count = 0
    for parameter in parameters:
        parts = PARTS.get(parameter["type"], 0)
        if parts == 0:
            continue
        count += parts
        mark.text(parameter["path"])
        mark.text(parameter["type"])
        mark.number(parameter["min"])
        mark.number(parameter["max"])
    mark.number(count)
    return count, mark.finish()


# --- the program -----------------------------------------------------------------------------------------------------


def problem_of(read, data):
    try:
        return None, read(data)
    except Refused as refused:
        return str(refused), None


def verify(path):
    with open(path, encoding="utf-8") as file:
        told = json.load(file)
    wrong = []
    counts = {name: len(rows) for name, rows in told.items() if name != "schema"}
    is_meters = told["schema"].startswith("hana.meter")
    read, write = (read_meters, write_meters) if is_meters else (read_modulation, write_modulation)
    for row in told["packets" if is_meters else "frames"]:
        said = row["sections" if is_meters else "frame"]
        problem, found = problem_of(read, bytes.fromhex(row["bytes"]))
        if problem or found != said or write(said).hex() != row["bytes"]:
            wrong.append((row["name"], problem, found))
    for row in told["refused"]:
        problem, _ = problem_of(read, bytes.fromhex(row["bytes"]))
        if problem != row["problem"]:
            wrong.append((row["name"], problem))
    for row in told.get("tables", []):
        if mark_of_table(row["meters"]) != row["mark"]:
            wrong.append((row["name"], mark_of_table(row["meters"])))
    for row in told.get("layouts", []):
        if mark_of_layout(row["parameters"]) != (row["count"], row["mark"]):
            wrong.append((row["name"], mark_of_layout(row["parameters"])))
    for line in wrong:
        print(*line, file=sys.stderr)
    print(json.dumps({**counts, "wrong": len(wrong)}))
    return 1 if wrong else 0


def main():
    if sys.argv[1] == "verify":
        return verify(sys.argv[2])
    read = read_meters if sys.argv[2] == "meters" else read_modulation
    for line in sys.stdin:
        problem, found = problem_of(read, bytes.fromhex(line.strip()))
        print(json.dumps({"problem": problem} if problem else {"read": found}))
    return 0


sys.exit(main())
