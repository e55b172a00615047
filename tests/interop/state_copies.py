"""Digests and copies of shared state in another language: from docs/state-protocol.md, with Python's standard library.

Reads; decides nothing about what follows from a copy. state_reader.py verifies its vectors with this.

    python3 state_copies.py read        reads updates in hex from stdin, a line each
"""

import json
import math
import struct
import sys

sys.dont_write_bytecode = True

from state_reader import LEAVES, MAX_CLIENT, MAX_NUMBER, MAX_SUBSYSTEM, MAX_U32, MAX_VALUE
from state_reader import MessagePack, Reader, Refused, TYPES, is_path, pack, told_in_json

STANDINGS = ["live", "doubted", "unheard", "kept", "dormant", "overtaken", "reaching", "released"]
LEVELS = ["viewer", "crew", "operator"]
MASK = MAX_U32
MAX_ROWS = 1_048_576
MAX_WHOLE = 2**29 - 1

# --- digests ---------------------------------------------------------------------------------------------------------


def rotl(word, by):
    return (word << by | word >> (32 - by)) & MASK


def mixed(h):
    h = (h ^ h >> 16) * 0x85EBCA6B & MASK
    h = (h ^ h >> 13) * 0xC2B2AE35 & MASK
    return h ^ h >> 16


def hash_words(words):
    high, low = 0x68616E61, 0x73746174
    for word in words:
        k = rotl(word * 0xCC9E2D51 & MASK, 15) * 0x1B873593 & MASK
        high = (rotl(high ^ k, 13) * 5 + 0xE6546B64) & MASK
        k = rotl(word * 0xAB0E9789 & MASK, 16) * 0x38B34AE5 & MASK
        low = (rotl(low ^ k, 17) * 5 + 0x0BCAA747) & MASK
    return mixed(high ^ len(words)), mixed(low ^ len(words))


def words_of(data):
    padded = data + bytes(-len(data) % 4)
    return [len(data)] + [word for (word,) in struct.iter_unpack("<I", padded)]


def canonical(kind, value):
    """The bytes of a value under its digest; `bytes` come as hex."""
    if kind in ("f32", "vec3", "quat"):
        parts = [value] if kind == "f32" else value
        return struct.pack(f"<{len(parts)}f", *[part + 0.0 for part in parts])
    if kind == "unit":
        return round(value * 65_535).to_bytes(2, "little")
    if kind == "i32":
        return struct.pack("<i", value)
    if kind == "bool":
        return bytes([value])
    if kind == "bytes":
        return bytes.fromhex(value)
    return (canonical_json(value) if kind == "json" else value).encode()


def canonical_json(value):
    """RFC 8785, as far as the vectors go: their numbers are the same in both languages, their keys sort alike."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest_of(hashes):
    """XOR of (id, high, low): the digest and its buckets."""
    buckets = [[0, 0] for _ in range(16)]
    for number, high, low in hashes:
        buckets[number & 15][0] ^= high
        buckets[number & 15][1] ^= low
    high = low = 0
    for bucket in buckets:
        high ^= bucket[0]
        low ^= bucket[1]
    return {"high": high, "low": low}, [{"high": each[0], "low": each[1]} for each in buckets]


def digest_of_entries(entries):
    hashes = []
    for each in entries:
        head = [each["id"], each["holder"], (TYPES.index(each["type"]) + 1) * 256 + each["priority"]]
        hashes.append((each["id"], *hash_words(head + words_of(canonical(each["type"], each["value"])))))
    return digest_of(hashes)


def digest_of_book(definitions):
    hashes = []
    for number, definition in enumerate(definitions, 1):
        told = {**definition, "default": canonical(definition["type"], definition["default"]).hex()}
        hashes.append((number, *hash_words([number] + words_of(canonical_json(told).encode()))))
    return digest_of(hashes)[0]


# --- updates ---------------------------------------------------------------------------------------------------------


def as_single(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def is_single(value):
    try:
        return as_single(value) == value
    except OverflowError:
        return False


def form_of(value):
    """The one form of a value that was read; bytes are `bytes` here."""
    if value is None or isinstance(value, bool):
        return {None: 0, False: 1, True: 2}[value]
    if isinstance(value, str):
        return 7
    if isinstance(value, bytes):
        return 8
    if isinstance(value, (int, float)):
        if value == int(value) and abs(value) <= MAX_WHOLE and math.copysign(1, value) * (value or 1) >= 0:
            if value != 0 or math.copysign(1, value) > 0:
                return 3
        if 0 < value < 1 and round(value * 65_535) / 65_535 == value:
            return 4
        return 5 if is_single(value) else 6
    is_vector = isinstance(value, list) and len(value) in (3, 4)
    if is_vector and all(type(part) in (int, float) and math.isfinite(part) for part in value):
        return 9 + 2 * (len(value) - 3) + (0 if all(map(is_single, value)) else 1)
    return 13


def read_value(reader):
    form = reader.u8(13)
    value = read_form(reader, form)
    if form_of(value) != form:
        raise Refused("not-canonical")
    return value.hex() if isinstance(value, bytes) else value


def read_form(reader, form):
    if form < 3:
        return (None, False, True)[form]
    if form == 3:
        doubled = reader.varint(2 * MAX_WHOLE + 1)
        return doubled >> 1 if doubled % 2 == 0 else -(doubled + 1 >> 1)
    if form == 4:
        return int.from_bytes(reader.take(2), "little") / 65_535
    if form == 5:
        return reader.f32()
    if form == 6:
        return reader.f64()
    if form == 7:
        return reader.text(reader.varint(MAX_VALUE))
    if form == 8:
        return reader.take(reader.varint(MAX_VALUE))
    if form < 13:
        return [reader.f32() if form % 2 == 1 else reader.f64() for _ in range(3 + (form - 9) // 2)]
    data = reader.take(reader.varint(MAX_VALUE))
    value = MessagePack(data).whole()
    if pack(value) != data:
        raise Refused("not-canonical")
    return value


def rows(reader, expected, high, least, read, bit=False, most=MAX_ROWS):
    """An ascending list; `read` gets the number of each row and its bit."""
    told = []
    for _ in range(reader.count(most, least)):
        gap = reader.varint()
        number = expected + (gap >> 1 if bit else gap)
        if number > high:
            raise Refused("out-of-range")
        told.append(read(number, gap & 1))
        expected = number + 1
    return told


def read_holder(reader):
    return reader.varint(MAX_CLIENT + 1) - 1


def read_update(data):
    reader = Reader(data)
    if reader.u8() != 1:
        raise Refused("unknown-kind")
    told = {"epoch": reader.epoch(), "number": reader.varint(MAX_NUMBER, 1)}
    told["base"] = reader.varint(told["number"])
    told["subsystems"] = rows(reader, 0, MAX_SUBSYSTEM, 2, lambda n, _: [n, reader.short(63)], most=256)
    told["rows"] = rows(reader, 1, MAX_U32, 3, lambda n, bit: read_row(reader, n, bit), True)
    told["paths"] = rows(reader, 1, MAX_U32, 6, lambda n, _: read_path(reader, n))
    told["clients"] = rows(reader, 1, MAX_CLIENT, 1, lambda n, bit: read_client(reader, n, bit), True)
    told["holding"] = read_holding(reader) if reader.u8(1) else None
    if reader.remaining > 0:
        raise Refused("trailing")
    return told


def read_row(reader, number, has_definition):
    revision = reader.varint()
    definition = reader.definition() if has_definition else None
    path = definition["path"] if has_definition else reader.short(128)
    if not is_path(path):
        raise Refused("out-of-range")
    return {"id": number, "path": path, "definition": definition, "revision": revision}


def read_path(reader, number):
    look = {"holder": read_holder(reader), "term": reader.varint(), "stamp": reader.varint()}
    look["value"] = read_value(reader)
    claims = rows(reader, -1, MAX_CLIENT, 8, lambda n, _: read_claim(reader, n), most=1_024)
    return {"id": number, "record": {"claims": claims, "look": look}}


def read_claim(reader, number):
    bits = reader.u8(63)
    told = {"client": number, "standing": STANDINGS[bits & 7], "momentary": bits & 8 != 0}
    told.update(priority=reader.u8(), term=reader.varint(), stamp=reader.varint())
    told.update(seq=reader.varint(), since=reader.varint())
    told["leaseUntilUs"] = reader.varint(MAX_NUMBER, 1) if bits & 16 else 0
    told["takenBy"] = read_holder(reader) if bits & 32 else 0
    if bits & 32 and told["takenBy"] == 0:
        raise Refused("not-canonical")
    told["value"] = read_value(reader)
    return told


def read_client(reader, number, is_gone):
    name, sequence = ("", 0) if is_gone else (reader.short(63), reader.varint())
    return {"client": number, "name": name, "sequence": sequence, "isGone": is_gone == 1}


def read_holding(reader):
    told = {"lastClient": reader.varint(MAX_CLIENT), "lastGeneration": reader.varint(MAX_U32)}
    told["privileged"] = reader.varint(MAX_CLIENT)
    told["privilegeGeneration"] = reader.varint(MAX_U32) if told["privileged"] else 0
    told["clients"] = rows(reader, 1, MAX_CLIENT, 22, lambda n, _: read_joined(reader, n))
    told["objects"] = rows(reader, 1, MAX_U32, 2, lambda n, _: read_object(reader, n))
    return told


def read_object(reader, number):
    owner = reader.varint(MAX_CLIENT)
    return {"id": number, "owner": owner, "generation": reader.varint(MAX_U32) if owner else 0}


def read_joined(reader, number):
    bits = reader.u8(3)
    peer = {"nodeId": reader.node(), "key": reader.short(255) if bits & 1 else None}
    token_hash = reader.take(32).hex() if bits & 2 else ""
    told = {"number": number, "peer": peer, "tokenHash": token_hash, "name": reader.short(63)}
    told.update(level=reader.word(LEVELS), sequence=reader.varint(), operations=[])
    for _ in range(reader.count(64, 4)):
        operation = {"at": reader.word(LEAVES), "id": reader.varint(MAX_U32, 1), "priority": reader.u8()}
        told["operations"].append({**operation, "value": read_value(reader)})
    return told


# --- messages about copies -------------------------------------------------------------------------------------------


def read_copy(data):
    reader = Reader(data)
    if len(data) > 61_440:
        raise Refused("trailing")
    first = reader.u8()
    kind, flags = first & 31, first >> 5
    if flags >> (2 if kind in (1, 3) else 1):
        raise Refused("out-of-range")
    if kind == 1:
        serial, second = reader.varint(MAX_NUMBER, 1), reader.varint(MAX_NUMBER, 1)
        told = {"kind": "part", "serial": serial, "at": 0 if flags & 1 else second}
        told.update(total=second if flags & 1 else None, isLast=flags & 2 != 0)
        if reader.remaining == 0:
            raise Refused("truncated")
        return {**told, "bytes": reader.take(reader.remaining).hex()}
    if kind == 2:
        told = {"kind": "confirmation", "epoch": reader.epoch()}
        told["number"] = reader.varint(MAX_NUMBER, 1) if flags else None
    elif kind in (3, 4):
        has = flags & 1
        told = {"kind": "question" if kind == 3 else "answer", "epoch": reader.epoch() if has else None}
        told["number"] = reader.varint() if has else 0
        if kind == 3:
            told["wants"] = flags & 2 != 0
    else:
        raise Refused("unknown-kind")
    if reader.remaining > 0:
        raise Refused("trailing")
    return told


# --- vectors ---------------------------------------------------------------------------------------------------------


def result_of(read, data):
    try:
        return read(data)
    except Refused as refused:
        return str(refused)


def verify(told, same):
    """Compares all vectors of digests and copies; `same` notes a difference."""
    for each in told["digests"]:
        digest, buckets = digest_of_entries(each["entries"])
        same(each["name"], [digest, buckets], [each["digest"], each["buckets"]])
    for each in told["books"]:
        same(each["name"], digest_of_book(each["definitions"]), each["digest"])
    for each in told["updates"]:
        same(each["name"], result_of(read_update, bytes.fromhex(each["bytes"])), each["update"])
    for each in told["refusedUpdates"]:
        same(each["name"], result_of(read_update, bytes.fromhex(each["bytes"])), each["problem"])
    for each in told["copies"]:
        same(each["name"], result_of(read_copy, bytes.fromhex(each["bytes"])), each["message"])


def read():
    """Prints what each update of stdin says, or why it is refused."""
    for line in sys.stdin:
        print(json.dumps(told_in_json(result_of(read_update, bytes.fromhex(line)))))
    return 0


if __name__ == "__main__":
    sys.exit({"read": read}[sys.argv[1]]())
