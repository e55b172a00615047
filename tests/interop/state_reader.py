"""The messages of shared state in another language: from docs/state-protocol.md, with Python's standard library alone.

Reads and writes messages; decides nothing about what follows from them.

    python3 state_reader.py verify docs/vectors/state.json    compares every vector, exit 1 on a difference
    python3 state_reader.py read                              reads messages in hex from stdin, a line each
"""

import json
import math
import re
import struct
import sys

sys.dont_write_bytecode = True

MAX_NUMBER = 2**53 - 1
MAX_U32 = 2**32 - 1
MAX_SEQUENCE = 2**52 - 1
MAX_CLIENT = MAX_SUBSYSTEM = MAX_CHUNKS = 65_535
MAX_ENTRIES = 16_384
MAX_VALUE = 32_768

KINDS = {
    1: "hello",
    2: "welcome",
    3: "chunk",
    4: "set",
    5: "tx",
    6: "nack",
    7: "patch",
    8: "ack",
    9: "resync",
    10: "beat",
    12: "own",
    13: "priv",
    14: "bye",
    15: "error",
    16: "leave",
    17: "names",
}
FLAGS = {"hello": 2, "welcome": 1, "chunk": 2, "set": 3, "tx": 1, "nack": 2, "patch": 3, "resync": 2, "beat": 1, "bye": 1}
TYPES = ["f32", "unit", "i32", "bool", "enum", "text", "bytes", "vec3", "quat", "json", "definition", "gone"]
# The fewest bytes of each in a column; a bool has a bit, what is gone a byte of its id.
LEAST = {"f32": 4, "unit": 2, "i32": 1, "enum": 2, "text": 1, "bytes": 1, "vec3": 12, "quat": 16, "json": 2}
LEAST.update(definition=7, gone=1)
MERGES = ["latest", "highest", "sum", "lock"]
LOSSES = ["hold", "default", "fallback"]
RATES = ["fast", "slow", "rare"]
NACKS = "shadowed merged order epoch role privilege owner generation locked unknown-path type range version rate full"
NACKS = (NACKS + " suspended malformed").split()
RESYNCS = ["gap", "digest", "behind", "interest", "check"]
STATES = ["joining", "synced", "behind", "local", "leaving"]
OWNS = "request steal release transfer consent refuse ask requested answer changed".split()
STANDINGS = ["free", "owned", "asked", "grace"]
PRIVILEGES = "request release offer accept decline seize consent requested granted denied revoked changed".split()
PRIVILEGE_STATES = ["none", "held", "asked", "offered", "grace"]
LEAVES = ["loss", "expiry"]
BYES = ["leaving", "stopping", "moved", "replaced", "silent", "refused"]
ERRORS = "protocol malformed not-joined not-host epoch token role full rate internal".split()

SEGMENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)


class Refused(Exception):
    """Bytes that are no message, and why."""


def is_path(text):
    parts = text.split("/")
    return len(text) <= 128 and len(parts) <= 8 and all(SEGMENT.fullmatch(part) for part in parts)


def shared_length(a, b):
    length = 0
    while length < min(len(a), len(b)) and a[length] == b[length]:
        length += 1
    return length


# --- reading ---------------------------------------------------------------------------------------------------------


class Reader:
    """The fields of a message, one after the other."""

    def __init__(self, data):
        self.data = data
        self.at = 0
        self.path = self.subsystem = ""

    @property
    def remaining(self):
        return len(self.data) - self.at

    def take(self, count):
        if count > self.remaining:
            raise Refused("truncated")
        self.at += count
        return self.data[self.at - count : self.at]

    def u8(self, high=255):
        value = self.take(1)[0]
        if value > high:
            raise Refused("out-of-range")
        return value

    def u32(self):
        return int.from_bytes(self.take(4), "big")

    def varint(self, high=MAX_NUMBER, low=0):
        at = self.at
        if self.remaining == 0:
            raise Refused("truncated")
        size = 1 << (self.data[at] >> 6)
        value = int.from_bytes(self.take(size), "big") & ((1 << (8 * size - 2)) - 1)
        if value > MAX_NUMBER:
            raise Refused("out-of-range")
        if varint(value) != self.data[at : self.at]:
            raise Refused("not-canonical")
        if not low <= value <= high:
            raise Refused("out-of-range")
        return value

    def finite(self, form, size):
        (value,) = struct.unpack(form, self.take(size))
        if not math.isfinite(value):
            raise Refused("not-finite")
        return value

    def f32(self):
        return self.finite("<f", 4)

    def f64(self):
        return self.finite(">d", 8)

    def text(self, length):
        try:
            return self.take(length).decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("not-utf8") from None

    def short(self, high):
        return self.text(self.u8(high))

    def word(self, words):
        return words[self.u8(len(words) - 1)]

    def count(self, high, least, low=0):
        count = self.varint(high, low)
        if count * least > self.remaining:
            raise Refused("truncated")
        return count

    def node(self):
        return self.take(16).hex()

    def epoch(self):
        return {"term": self.varint(), "hostId": self.node()}

    def ack(self):
        value = self.varint(2 * MAX_SEQUENCE + 1)
        return {"sequence": value >> 1, "single": value & 1 == 1}

    def digest(self):
        return {"high": self.u32(), "low": self.u32()}

    def subsystem_after(self, expected):
        number = expected + self.varint(MAX_SUBSYSTEM)
        if number > MAX_SUBSYSTEM:
            raise Refused("out-of-range")
        return number

    def versions(self):
        versions = []
        expected = 0
        for _ in range(self.count(256, 2)):
            number = self.subsystem_after(expected)
            versions.append({"subsystem": number, "version": self.varint()})
            expected = number + 1
        return versions

    # Lists of ascending numbers.

    def gaps(self, count, expected, high):
        numbers = []
        for _ in range(count):
            number = expected + self.varint(high)
            if number > high:
                raise Refused("out-of-range")
            numbers.append(number)
            expected = number + 1
        return numbers

    def runs(self, count, expected, high):
        numbers = []
        while len(numbers) < count:
            head = self.varint(2 * high + 1)
            length = self.varint(count) + 2 if head & 1 else 1
            first = expected + (head >> 1)
            if len(numbers) + length > count or first + length - 1 > high:
                raise Refused("out-of-range")
            numbers.extend(range(first, first + length))
            expected = first + length + 1
        return numbers

    # Values.

    def value(self, kind):
        if kind == "f32":
            return self.f32()
        if kind == "unit":
            return int.from_bytes(self.take(2), "little") / 65_535
        if kind == "i32":
            zigzag = self.varint(MAX_U32)
            return (zigzag >> 1) ^ -(zigzag & 1)
        if kind == "bool":
            return self.u8(1) == 1
        if kind == "enum":
            word = self.short(63)
            if word == "":
                raise Refused("out-of-range")
            return word
        if kind == "text":
            return self.text(self.varint(MAX_VALUE))
        if kind == "bytes":
            return self.take(self.varint(MAX_VALUE)).hex()
        if kind == "json":
            return MessagePack(self.take(self.varint(MAX_VALUE))).whole()
        return [self.f32() for _ in range(3 if kind == "vec3" else 4)]

    def exact(self, kind):
        """A default: its numbers are doubles."""
        size = {"f32": 1, "unit": 1, "vec3": 3, "quat": 4}.get(kind)
        if size is None:
            value = self.value(kind)
            if value is None:
                raise Refused("not-canonical")
            return value
        return self.f64() if size == 1 else [self.f64() for _ in range(size)]

    def definition(self):
        has = self.u8()
        shared = self.u8(128)
        path = self.path[:shared] + self.short(128)
        if shared > len(self.path) or not is_path(path):
            raise Refused("out-of-range")
        if shared_length(self.path, path) != shared:
            raise Refused("not-canonical")
        subsystem = self.short(63) if has & 1 else self.subsystem
        if has & 1 and subsystem == self.subsystem:
            raise Refused("not-canonical")
        told = {"path": path, "subsystem": subsystem, "type": self.word(TYPES[:10]), "merge": self.word(MERGES)}
        told.update(onLoss=self.word(LOSSES), rate=self.word(RATES))
        told["min"] = self.f64() if has & 2 else None
        told["max"] = self.f64() if has & 4 else None
        told["default"] = self.exact(told["type"]) if has & 8 else None
        told["unit"] = self.short(63) if has & 16 else None
        told["words"] = [self.short(63) for _ in range(self.count(256, 1, 1))] if has & 32 else []
        told["fadeUs"] = self.varint(3_600_000_000, 1) if has & 64 else 0
        told["description"] = self.text(self.varint(1_024)) if has & 128 else None
        self.path, self.subsystem = path, subsystem
        return told

    def entries(self):
        entries = []
        following = sections = 0
        while self.remaining > 0:
            head = self.u8()
            section, count = head & 15, head >> 4
            if count == 15:
                count += self.varint(MAX_ENTRIES - 15)
            if count == 0:
                raise Refused("out-of-range")
            if section < following:
                raise Refused("not-canonical")
            if section == 15:
                self.winners(count, entries)
                break
            if section >= len(TYPES) or len(entries) + count > MAX_ENTRIES:
                raise Refused("out-of-range")
            entries.extend(self.section(TYPES[section], count))
            following = section + 1
            sections += 1
        if len({entry["id"] for entry in entries}) != len(entries):
            raise Refused("out-of-range")
        return entries

    def section(self, kind, count):
        least = (count + 7) // 8 if kind == "bool" else count * LEAST[kind]
        if least > self.remaining:
            raise Refused("truncated")
        ids = self.gaps(count, 1, MAX_U32) if kind == "gone" else self.runs(count, 1, MAX_U32)
        if kind == "bool":
            values = []
            for start in range(0, count, 8):
                bits = min(8, count - start)
                byte = self.u8()
                if byte >> bits:
                    raise Refused("not-canonical")
                values.extend(byte >> bit & 1 == 1 for bit in range(bits))
        elif kind == "gone":
            values = [None] * count
        else:
            values = [self.definition() if kind == "definition" else self.value(kind) for _ in ids]
        return [{"id": i, "type": kind, "value": value, "winner": None} for i, value in zip(ids, values)]

    def winners(self, groups, entries):
        last = (-1, 0)
        for _ in range(groups):
            holder, priority = self.varint(MAX_CLIENT), self.u8()
            indexes = self.runs(self.varint(len(entries), 1), 0, len(entries) - 1)
            if (holder, priority) <= last:
                raise Refused("not-canonical")
            last = (holder, priority)
            for index in indexes:
                if entries[index]["winner"] is not None or entries[index]["type"] == "definition":
                    raise Refused("out-of-range")
                entries[index]["winner"] = {"holder": holder, "priority": priority}


class MessagePack:
    """The inside of a value of type json: MessagePack within bounds. Whatever is wrong with it, it is `not-json`."""

    def __init__(self, data):
        self.data = data
        self.at = 0
        self.nodes = 0

    def whole(self):
        value = self.value(0)
        if self.at != len(self.data):
            raise Refused("not-json")
        return value

    def take(self, count):
        if self.at + count > len(self.data):
            raise Refused("not-json")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size, signed=False):
        value = int.from_bytes(self.take(size), "big", signed=signed)
        if abs(value) > MAX_NUMBER:
            raise Refused("not-json")
        return value

    def text(self, size):
        try:
            return self.take(size).decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("not-json") from None

    def key(self):
        head = self.take(1)[0]
        if 0xA0 <= head < 0xC0:
            key = self.text(head & 31)
        elif 0xD9 <= head <= 0xDB:
            key = self.text(self.bounded(1 << (head - 0xD9), MAX_VALUE))
        else:
            raise Refused("not-json")
        if key == "__proto__":
            raise Refused("not-json")
        return key

    def bounded(self, size, high):
        count = int.from_bytes(self.take(size), "big")
        if count > high:
            raise Refused("not-json")
        return count

    def value(self, depth):
        self.nodes += 1
        head = self.take(1)[0]
        if self.nodes > 8_192:
            raise Refused("not-json")
        if head < 0x80:
            return head
        if head >= 0xE0:
            return head - 256
        if head < 0x90:
            return self.map(head & 15, depth)
        if head < 0xA0:
            return self.array(head & 15, depth)
        if head < 0xC0:
            return self.text(head & 31)
        if head in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[head]
        if 0xC4 <= head <= 0xC6:
            return self.take(self.bounded(1 << (head - 0xC4), MAX_VALUE)).hex()
        if head in (0xCA, 0xCB):
            return struct.unpack(">f" if head == 0xCA else ">d", self.take(4 if head == 0xCA else 8))[0]
        if 0xCC <= head <= 0xCF:
            return self.number(1 << (head - 0xCC))
        if 0xD0 <= head <= 0xD3:
            return self.number(1 << (head - 0xD0), signed=True)
        if 0xD9 <= head <= 0xDB:
            return self.text(self.bounded(1 << (head - 0xD9), MAX_VALUE))
        if head in (0xDC, 0xDD):
            return self.array(self.bounded(2 << (head - 0xDC), 4_096), depth)
        if head in (0xDE, 0xDF):
            return self.map(self.bounded(2 << (head - 0xDE), 1_024), depth)
        raise Refused("not-json")

    def array(self, count, depth):
        if depth >= 16:
            raise Refused("not-json")
        return [self.value(depth + 1) for _ in range(count)]

    def map(self, count, depth):
        if depth >= 16:
            raise Refused("not-json")
        value = {}
        for _ in range(count):
            key = self.key()
            value[key] = self.value(depth + 1)
        return value


def read_message(data):
    reader = Reader(data)
    if len(data) > 65_536:
        raise Refused("trailing")
    first = reader.u8()
    kind, flags = KINDS.get(first & 31), first >> 5
    if kind is None:
        raise Refused("unknown-kind")
    if flags >> FLAGS.get(kind, 0):
        raise Refused("out-of-range")
    message = {"kind": kind}
    if kind not in ("hello", "welcome", "beat"):
        message["term"] = reader.varint()
    message.update(FIELDS[kind](reader, flags))
    if reader.remaining > 0:
        raise Refused("trailing")
    return message


def read_hello(reader, flags):
    told = {"protocol": reader.u8(), "name": reader.short(63)}
    told["token"] = reader.take(16).hex() if flags & 1 else None
    told["epoch"] = reader.epoch() if flags & 2 else None
    told["have"] = reader.versions() if flags & 2 else []
    told["interests"] = [
        {"prefix": reader.short(128), "rate": reader.word(RATES), "maxHz": reader.u8()}
        for _ in range(reader.count(64, 3))
    ]
    told["capabilities"] = [reader.short(63) for _ in range(reader.count(32, 1))]
    return told


def read_welcome(reader, flags):
    told = {"epoch": reader.epoch(), "client": reader.varint(MAX_CLIENT, 1), "token": reader.take(16).hex()}
    told.update(resumed=flags == 1, ack=reader.ack(), nowUs=reader.varint())
    told["limits"] = {"setsPerSecond": reader.varint(MAX_U32), "maxPatchHz": reader.varint(MAX_U32)}
    told["limits"].update(maxPriority=reader.u8(), silenceUs=reader.varint())
    told["plans"] = []
    expected = 0
    for _ in range(reader.count(256, 4)):
        number = reader.subsystem_after(expected)
        plan = {"subsystem": number, "name": reader.short(63), "version": reader.varint()}
        told["plans"].append({**plan, "chunks": reader.varint(MAX_CHUNKS)})
        expected = number + 1
    told["takenOver"] = reader.gaps(reader.count(4_096, 1), 1, MAX_U32)
    return told


def read_chunk(reader, flags):
    told = {"subsystem": reader.varint(MAX_SUBSYSTEM), "version": reader.varint()}
    told.update(index=reader.varint(MAX_CHUNKS), count=reader.varint(MAX_CHUNKS, 1))
    if told["index"] >= told["count"]:
        raise Refused("out-of-range")
    told["nonce"] = reader.u32() if flags & 1 else None
    told["digest"] = reader.digest() if flags & 2 else None
    told["entries"] = reader.entries()
    return told


def read_set(reader, flags):
    told = {"sequence": reader.varint(MAX_SEQUENCE, 1), "priority": reader.u8()}
    told.update(take=flags & 1 != 0, momentary=flags & 2 != 0)
    told["generation"] = reader.varint(MAX_U32) if flags & 4 else None
    told["entries"] = reader.entries()
    for entry in told["entries"]:
        is_gone = entry["type"] == "gone"
        if is_gone != (told["priority"] == 0) or entry["type"] == "definition" or entry["winner"]:
            raise Refused("out-of-range")
    return told


def read_tx(reader, flags):
    told = {"sequence": reader.varint(MAX_SEQUENCE, 1)}
    told["generation"] = reader.varint(MAX_U32) if flags & 1 else None
    told["guards"] = []
    for _ in range(reader.count(64, 2)):
        number = reader.varint(MAX_U32)
        guard = {"on": "path", "id": number} if number else None
        guard = guard or {"on": "subsystem", "subsystem": reader.varint(MAX_SUBSYSTEM)}
        told["guards"].append({**guard, "version": reader.varint()})
    told["definitions"] = [reader.definition() for _ in range(reader.count(1_024, 7))]
    told["entries"] = reader.entries()
    if any(entry["winner"] for entry in told["entries"]):
        raise Refused("out-of-range")
    return told


def read_nack(reader, flags):
    told = {"sequence": reader.varint(MAX_SEQUENCE), "code": reader.word(NACKS)}
    told["id"] = reader.varint(MAX_U32, 1) if flags & 1 else None
    told["generation"] = reader.varint(MAX_U32) if flags & 2 else None
    told["text"] = reader.short(255)
    entries = reader.entries()
    if len(entries) > 1:
        raise Refused("out-of-range")
    told["current"] = entries[0] if entries else None
    return told


def read_patch(reader, flags):
    told = {"ack": reader.ack() if flags & 1 else None}
    told.update(subsystem=reader.varint(MAX_SUBSYSTEM), version=reader.varint())
    told["base"] = told["version"] - reader.varint(told["version"])
    told["nonce"] = reader.u32() if flags & 2 else None
    told["digest"] = reader.digest() if flags & 4 else None
    told["entries"] = reader.entries()
    if told["entries"] and told["base"] == told["version"]:
        raise Refused("out-of-range")
    return told


def read_ack(reader, _):
    return {"heldUs": reader.varint(), "versions": reader.versions()}


def read_resync(reader, flags):
    told = {"subsystem": reader.varint(MAX_SUBSYSTEM), "have": reader.varint(), "nonce": reader.u32()}
    told["reason"] = reader.word(RESYNCS)
    told["digest"] = reader.digest() if flags & 1 else None
    told["buckets"] = [reader.digest() for _ in range(16 if flags & 2 else 0)]
    return told


def read_beat(reader, flags):
    told = {"epoch": reader.epoch(), "nowUs": reader.varint(), "state": reader.word(STATES)}
    told["ack"] = reader.ack() if flags & 1 else None
    told["versions"] = []
    expected = 0
    for _ in range(reader.count(256, 2)):
        head = reader.varint(2 * MAX_SUBSYSTEM + 1)
        number = expected + (head >> 1)
        if number > MAX_SUBSYSTEM:
            raise Refused("out-of-range")
        beat = {"subsystem": number, "version": reader.varint()}
        told["versions"].append({**beat, "digest": reader.digest() if head & 1 else None})
        expected = number + 1
    return told


def read_own(reader, _):
    told = {"action": reader.word(OWNS), "request": reader.varint(MAX_U32), "other": reader.varint(MAX_CLIENT)}
    told["objects"] = []
    expected = 1
    for _ in range(reader.count(1_024, 5)):
        number = expected + reader.varint(max(0, MAX_U32 - expected))
        standing = {"id": number, "state": reader.word(STANDINGS), "owner": reader.varint(MAX_CLIENT)}
        standing.update(generation=reader.varint(MAX_U32), leftUs=reader.varint())
        told["objects"].append(standing)
        expected = number + 1
    return {**told, "text": reader.short(255)}


def read_priv(reader, _):
    told = {"action": reader.word(PRIVILEGES), "request": reader.varint(MAX_U32)}
    told.update(state=reader.word(PRIVILEGE_STATES), holder=reader.varint(MAX_CLIENT))
    told.update(generation=reader.varint(MAX_U32), other=reader.varint(MAX_CLIENT))
    return {**told, "leftUs": reader.varint(), "text": reader.short(255)}


def read_bye(reader, flags):
    told = {"reason": reader.word(BYES), "successor": reader.node() if flags & 1 else None}
    return {**told, "text": reader.short(255)}


def read_leave(reader, _):
    operations = []
    for _ in range(reader.count(64, 4)):
        told = {"at": reader.word(LEAVES), "id": reader.varint(MAX_U32, 1), "priority": reader.u8()}
        told["type"] = reader.word(TYPES[:10] + ["gone"])
        if (told["type"] == "gone") != (told["priority"] == 0):
            raise Refused("out-of-range")
        told["value"] = None if told["type"] == "gone" else reader.value(told["type"])
        operations.append(told)
    return {"operations": operations}


def read_names(reader, _):
    subsystems = []
    expected = 0
    for _ in range(reader.count(256, 2, 1)):
        number = reader.subsystem_after(expected)
        subsystems.append({"subsystem": number, "name": reader.short(63)})
        expected = number + 1
    return {"subsystems": subsystems}


def read_error(reader, _):
    return {"code": reader.word(ERRORS), "text": reader.short(255)}


FIELDS = {kind: globals()["read_" + kind] for kind in KINDS.values()}

# --- writing ---------------------------------------------------------------------------------------------------------


def u(value, count):
    return value.to_bytes(count, "big")


def varint(value):
    if value < 2**6:
        return u(value, 1)
    if value < 2**14:
        return u(value | 0x4000, 2)
    return u(value | 0x8000_0000, 4) if value < 2**30 else u(value | 0xC000_0000_0000_0000, 8)


def short(text):
    data = text.encode()
    return u(len(data), 1) + data


def long(data):
    return varint(len(data)) + data


def word(text, words):
    return u(words.index(text), 1)


def optional(value, write):
    return b"" if value is None else write(value)


def write_epoch(epoch):
    return varint(epoch["term"]) + bytes.fromhex(epoch["hostId"])


def write_ack(ack):
    return varint(2 * ack["sequence"] + ack["single"])


def write_digest(digest):
    return u(digest["high"], 4) + u(digest["low"], 4)


def write_gaps(numbers, expected):
    out = b""
    for number in numbers:
        out += varint(number - expected)
        expected = number + 1
    return out


def write_runs(numbers, expected):
    out = b""
    at = 0
    while at < len(numbers):
        end = at + 1
        while end < len(numbers) and numbers[end] == numbers[end - 1] + 1:
            end += 1
        gap, length = numbers[at] - expected, end - at
        out += varint(2 * gap + (length > 1)) + (varint(length - 2) if length > 1 else b"")
        expected = numbers[end - 1] + 2
        at = end
    return out


def write_versions(versions):
    out = varint(len(versions))
    expected = 0
    for each in versions:
        out += varint(each["subsystem"] - expected) + varint(each["version"])
        expected = each["subsystem"] + 1
    return out


def pack(value):
    """MessagePack, the shortest form of each value; a number with a fraction is a double."""
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        if -32 <= value < 128:
            return u(value % 256, 1)
        heads = (0xCC, 0xCD, 0xCE, 0xCF) if value >= 0 else (0xD0, 0xD1, 0xD2, 0xD3)
        for head, size in zip(heads, (1, 2, 4, 8)):
            if (value < 256**size) if value >= 0 else (value >= -(256**size) // 2):
                return u(head, 1) + value.to_bytes(size, "big", signed=value < 0)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        return size_of(len(data), 32, 0xA0, (0xD9, 0xDA, 0xDB), (1, 2, 4)) + data
    if isinstance(value, list):
        return size_of(len(value), 16, 0x90, (0xDC, 0xDD), (2, 4)) + b"".join(map(pack, value))
    pairs = b"".join(pack(key) + pack(each) for key, each in value.items())
    return size_of(len(value), 16, 0x80, (0xDE, 0xDF), (2, 4)) + pairs


def size_of(count, inline, head, heads, sizes):
    if count < inline:
        return u(head | count, 1)
    at = next(at for at, size in enumerate(sizes) if count < 256**size)
    return u(heads[at], 1) + u(count, sizes[at])


def write_value(kind, value):
    if kind == "f32":
        return struct.pack("<f", value)
    if kind == "unit":
        return round(value * 65_535).to_bytes(2, "little")
    if kind == "i32":
        return varint((value << 1 ^ value >> 31) & MAX_U32)
    if kind == "bool":
        return u(value, 1)
    if kind == "enum":
        return short(value)
    if kind == "text":
        return long(value.encode())
    if kind == "bytes":
        return long(bytes.fromhex(value))
    if kind == "json":
        return long(pack(value))
    return struct.pack(f"<{len(value)}f", *value)


class Definitions:
    """Definitions one after the other: each leaves out what it shares with the one before."""

    def __init__(self):
        self.path = self.subsystem = ""

    def write(self, told):
        path, subsystem, kind = told["path"], told["subsystem"], told["type"]
        shared = shared_length(self.path, path)
        parts = [
            b"" if subsystem == self.subsystem else short(subsystem),
            optional(told["min"], lambda value: struct.pack(">d", value)),
            optional(told["max"], lambda value: struct.pack(">d", value)),
            optional(told["default"], lambda value: self.exact(kind, value)),
            optional(told["unit"], short),
            varint(len(told["words"])) + b"".join(map(short, told["words"])) if told["words"] else b"",
            varint(told["fadeUs"]) if told["fadeUs"] else b"",
            optional(told["description"], lambda text: long(text.encode())),
        ]
        has = sum(1 << at for at, part in enumerate(parts) if part)
        self.path, self.subsystem = path, subsystem
        out = u(has, 1) + u(shared, 1) + short(path[shared:]) + parts[0]
        out += word(kind, TYPES) + word(told["merge"], MERGES) + word(told["onLoss"], LOSSES)
        return out + word(told["rate"], RATES) + b"".join(parts[1:])

    def exact(self, kind, value):
        if kind in ("f32", "unit"):
            return struct.pack(">d", value)
        return struct.pack(f">{len(value)}d", *value) if kind in ("vec3", "quat") else write_value(kind, value)


def section(number, count):
    return u(count << 4 | number, 1) if count < 15 else u(0xF0 | number, 1) + varint(count - 15)


def write_entries(entries, definitions):
    entries = sorted(entries, key=lambda entry: (TYPES.index(entry["type"]), entry["id"]))
    out = b""
    for number, kind in enumerate(TYPES):
        part = [entry for entry in entries if entry["type"] == kind]
        if not part:
            continue
        ids = [entry["id"] for entry in part]
        out += section(number, len(part)) + (write_gaps(ids, 1) if kind == "gone" else write_runs(ids, 1))
        if kind == "bool":
            bits = sum(1 << at for at, entry in enumerate(part) if entry["value"])
            out += bits.to_bytes((len(part) + 7) // 8, "little")
        elif kind == "definition":
            out += b"".join(definitions.write(entry["value"]) for entry in part)
        elif kind != "gone":
            out += b"".join(write_value(kind, entry["value"]) for entry in part)
    groups = {}
    for index, entry in enumerate(entries):
        if entry["winner"]:
            key = (entry["winner"]["holder"], entry["winner"]["priority"])
            groups.setdefault(key, []).append(index)
    if groups:
        out += section(15, len(groups))
    for (holder, priority), indexes in sorted(groups.items()):
        out += varint(holder) + u(priority, 1) + varint(len(indexes)) + write_runs(indexes, 0)
    return out


def write_message(told):
    kind = told["kind"]
    definitions = Definitions()
    flags = []
    body = b""
    if kind not in ("hello", "welcome", "beat"):
        body = varint(told["term"])
    if kind == "hello":
        flags = [told["token"] is not None, told["epoch"] is not None]
        body = u(told["protocol"], 1) + short(told["name"]) + optional(told["token"], bytes.fromhex)
        body += b"" if told["epoch"] is None else write_epoch(told["epoch"]) + write_versions(told["have"])
        body += varint(len(told["interests"]))
        for each in told["interests"]:
            body += short(each["prefix"]) + word(each["rate"], RATES) + u(each["maxHz"], 1)
        body += varint(len(told["capabilities"])) + b"".join(map(short, told["capabilities"]))
    elif kind == "welcome":
        flags = [told["resumed"]]
        limits = told["limits"]
        body = write_epoch(told["epoch"]) + varint(told["client"]) + bytes.fromhex(told["token"])
        body += write_ack(told["ack"]) + varint(told["nowUs"]) + varint(limits["setsPerSecond"])
        body += varint(limits["maxPatchHz"]) + u(limits["maxPriority"], 1) + varint(limits["silenceUs"])
        body += varint(len(told["plans"]))
        expected = 0
        for each in told["plans"]:
            body += varint(each["subsystem"] - expected) + short(each["name"])
            body += varint(each["version"]) + varint(each["chunks"])
            expected = each["subsystem"] + 1
        body += varint(len(told["takenOver"])) + write_gaps(told["takenOver"], 1)
    elif kind == "chunk":
        flags = [told["nonce"] is not None, told["digest"] is not None]
        for name in ("subsystem", "version", "index", "count"):
            body += varint(told[name])
        body += optional(told["nonce"], lambda nonce: u(nonce, 4)) + optional(told["digest"], write_digest)
        body += write_entries(told["entries"], definitions)
    elif kind == "set":
        flags = [told["take"], told["momentary"], told["generation"] is not None]
        body += varint(told["sequence"]) + u(told["priority"], 1) + optional(told["generation"], varint)
        body += write_entries(told["entries"], definitions)
    elif kind == "tx":
        flags = [told["generation"] is not None]
        body += varint(told["sequence"]) + optional(told["generation"], varint) + varint(len(told["guards"]))
        for each in told["guards"]:
            body += varint(each["id"]) if each["on"] == "path" else b"\0" + varint(each["subsystem"])
            body += varint(each["version"])
        body += varint(len(told["definitions"])) + b"".join(map(definitions.write, told["definitions"]))
        body += write_entries(told["entries"], definitions)
    elif kind == "nack":
        flags = [told["id"] is not None, told["generation"] is not None]
        body += varint(told["sequence"]) + word(told["code"], NACKS) + optional(told["id"], varint)
        body += optional(told["generation"], varint) + short(told["text"])
        body += optional(told["current"], lambda entry: write_entries([entry], definitions))
    elif kind == "patch":
        flags = [told["ack"] is not None, told["nonce"] is not None, told["digest"] is not None]
        body += optional(told["ack"], write_ack) + varint(told["subsystem"]) + varint(told["version"])
        body += varint(told["version"] - told["base"]) + optional(told["nonce"], lambda nonce: u(nonce, 4))
        body += optional(told["digest"], write_digest) + write_entries(told["entries"], definitions)
    elif kind == "ack":
        body += varint(told["heldUs"]) + write_versions(told["versions"])
    elif kind == "resync":
        flags = [told["digest"] is not None, bool(told["buckets"])]
        body += varint(told["subsystem"]) + varint(told["have"]) + u(told["nonce"], 4)
        body += word(told["reason"], RESYNCS) + optional(told["digest"], write_digest)
        body += b"".join(map(write_digest, told["buckets"]))
    elif kind == "beat":
        flags = [told["ack"] is not None]
        body = write_epoch(told["epoch"]) + varint(told["nowUs"]) + word(told["state"], STATES)
        body += optional(told["ack"], write_ack) + varint(len(told["versions"]))
        expected = 0
        for each in told["versions"]:
            body += varint(2 * (each["subsystem"] - expected) + (each["digest"] is not None))
            body += varint(each["version"]) + optional(each["digest"], write_digest)
            expected = each["subsystem"] + 1
    elif kind == "own":
        body += word(told["action"], OWNS) + varint(told["request"]) + varint(told["other"])
        body += varint(len(told["objects"]))
        expected = 1
        for each in told["objects"]:
            body += varint(each["id"] - expected) + word(each["state"], STANDINGS) + varint(each["owner"])
            body += varint(each["generation"]) + varint(each["leftUs"])
            expected = each["id"] + 1
        body += short(told["text"])
    elif kind == "priv":
        body += word(told["action"], PRIVILEGES) + varint(told["request"])
        body += word(told["state"], PRIVILEGE_STATES) + varint(told["holder"]) + varint(told["generation"])
        body += varint(told["other"]) + varint(told["leftUs"]) + short(told["text"])
    elif kind == "bye":
        flags = [told["successor"] is not None]
        body += word(told["reason"], BYES) + optional(told["successor"], bytes.fromhex) + short(told["text"])
    elif kind == "leave":
        body += varint(len(told["operations"]))
        for each in told["operations"]:
            body += word(each["at"], LEAVES) + varint(each["id"]) + u(each["priority"], 1)
            body += word(each["type"], TYPES[:10] + ["gone"])
            body += b"" if each["type"] == "gone" else write_value(each["type"], each["value"])
    elif kind == "names":
        body += varint(len(told["subsystems"]))
        expected = 0
        for each in told["subsystems"]:
            body += varint(each["subsystem"] - expected) + short(each["name"])
            expected = each["subsystem"] + 1
    else:
        body += word(told["code"], ERRORS) + short(told["text"])
    number = next(number for number, name in KINDS.items() if name == kind)
    return u(number | sum(1 << (5 + at) for at, is_set in enumerate(flags) if is_set), 1) + body


# --- commands --------------------------------------------------------------------------------------------------------


def result_of(data):
    try:
        return {"message": read_message(data)}
    except Refused as refused:
        return {"problem": str(refused)}


def told_in_json(value):
    """JSON has no numbers that are not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [told_in_json(each) for each in value]
    if isinstance(value, dict):
        return {key: told_in_json(each) for key, each in value.items()}
    return value


def verify(path):
    with open(path, encoding="utf-8") as file:
        told = json.load(file)
    wrong = []

    def same(what, ours, theirs):
        if ours != theirs:
            wrong.append(f"{what}\n  here: {json.dumps(ours)}\n  told: {json.dumps(theirs)}")

    for each in told["messages"]:
        same(each["name"], result_of(bytes.fromhex(each["bytes"])), {"message": each["message"]})
        same(each["name"] + ", written", write_message(each["message"]).hex(), each["bytes"])
    for each in told["refused"]:
        same(each["name"], result_of(bytes.fromhex(each["bytes"])), {"problem": each["problem"]})
    # It reads with what is here, so that it cannot come first.
    from state_copies import verify as verify_copies

    verify_copies(told, same)
    for each in wrong:
        print(each, file=sys.stderr)
    counts = {name: len(each) for name, each in told.items() if isinstance(each, list)}
    print(json.dumps({**counts, "wrong": len(wrong)}))
    return 1 if wrong else 0


def read():
    """Prints what each message of stdin says, and how it is written; or why it is refused."""
    for line in sys.stdin:
        result = result_of(bytes.fromhex(line))
        if "message" in result:
            try:
                result["written"] = write_message(result["message"]).hex()
            except (KeyError, TypeError, ValueError) as error:
                result["written"] = repr(error)
        print(json.dumps(told_in_json(result)))
    return 0


if __name__ == "__main__":
    commands = {"verify": verify, "read": read}
    sys.exit(commands[sys.argv[1]](*sys.argv[2:]))
