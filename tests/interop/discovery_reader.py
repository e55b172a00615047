"""The discovery protocol in another language: written from docs/discovery.md, with Python's standard library alone.

Reads and checks datagrams, and is the smallest node that there can be: it announces itself, says beats, and answers
pings and questions. Decides nothing about others.

    python3 discovery_reader.py verify docs/vectors/discovery.json   compares every vector, exit 1 on a difference
    python3 discovery_reader.py read docs/vectors/discovery.json     reads datagrams in hex from stdin, a line each
    python3 discovery_reader.py listen                               a node on stdin and stdout, one JSON line each
    python3 discovery_reader.py serve ADDRESS NAME JOINCODE          a node on the network, until SIGTERM
"""

import hashlib
import hmac
import ipaddress
import json
import os
import random
import re
import select
import signal
import socket
import struct
import sys
import time

MAX_DATAGRAM = 1200
HEADER = 41
MAC = 16
MAX_BODY = MAX_DATAGRAM - HEADER - MAC
MAX_SAFE = 2**53 - 1
KINDS = {
    1: "announce",
    2: "heartbeat",
    3: "query",
    4: "offer",
    5: "bye",
    6: "ping",
    7: "ack",
    8: "sync-request",
    9: "sync-page",
    10: "get",
    11: "record-part",
    13: "ping-request",
    14: "nack",
    15: "suspect",
    16: "vouch",
    17: "claim",
    18: "grant",
    19: "deny",
    20: "lease",
    21: "lease-ack",
    22: "transfer",
}
PATHS = ["unicast", "multicast", "broadcast"]
ROLES = ["app", "visualization", "daemon", "observer"]
ENDPOINT_KINDS = ["tcp", "udp", "unix", "pipe"]
REASONS = ["quit", "sleep", "update", "id-change"]
SYNC_STATES = ["present", "dead", "left"]
DENIALS = ["starting", "term", "promised", "set", "storage"]
MODES = ["lease", "solo", "forced"]


class Refused(Exception):
    """A datagram that is not believed; the text is the reason."""


def require(condition):
    if not condition:
        raise Refused("malformed")


# --- keys and hashes -------------------------------------------------------------------------------------------------


def hkdf(secret, info, length):
    """HKDF-SHA-256 (RFC 5869) with the salt of all mesh keys."""
    key = hmac.new(b"hana mesh key 1", secret, hashlib.sha256).digest()
    block, out = b"", b""
    for counter in range(1, 256):
        if len(out) >= length:
            break
        block = hmac.new(key, block + info.encode() + bytes([counter]), hashlib.sha256).digest()
        out += block
    return out[:length]


def secret_of(code):
    """The secret in a join code, or in hex."""
    bare = re.sub("[\\s\u2010-\u2015_-]", "", code).upper()
    if not bare.startswith("HANA1"):
        return bytes.fromhex(code)
    bits = 0
    for letter in bare[5:].translate(str.maketrans("OIL", "011")):
        bits = bits << 5 | "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(letter)
    whole = (bits >> 4).to_bytes(37, "big")
    secret, check = whole[:32], whole[32:]
    if len(bare) != 65 or bits & 15 or check != hashlib.sha256(b"hana join code 1" + secret).digest()[:5]:
        raise ValueError("the join code was mistyped")
    return secret


class Key:
    """What a mesh key gives discovery. Without a secret it is the key of the open mesh."""

    def __init__(self, secret):
        is_open = secret is None
        if is_open:
            secret = hkdf(b"hana open mesh: a key that is public", "hana open mesh", 32)
        self.secret = secret
        self.id = hkdf(secret, "hana key id", 8)
        self.mac = hkdf(secret, "hana datagram mac", 32)
        self.tag = 0 if is_open else 1 + self.id[0] % 255

    def sign(self, data):
        return hmac.new(self.mac, data, hashlib.sha256).digest()[:MAC]


def hash32(text):
    """FNV-1a over UTF-16 units, finished by MurmurHash3's mixer."""
    units = text.encode("utf-16-be")
    value = 0x811C9DC5
    for at in range(0, len(units), 2):
        value = ((value ^ (units[at] << 8 | units[at + 1])) * 0x01000193) & 0xFFFFFFFF
    value = ((value ^ value >> 16) * 0x85EBCA6B) & 0xFFFFFFFF
    value = ((value ^ value >> 13) * 0xC2B2AE35) & 0xFFFFFFFF
    return value ^ value >> 16


def mesh_tag(name):
    return hash32("hana mesh " + name)


def contribution(node_id, incarnation, version):
    text = f"{node_id} {incarnation} {version}"
    return hash32(text) << 32 | hash32(text + " ")


# --- MessagePack -----------------------------------------------------------------------------------------------------


class Unpacker:
    """Exactly one value within the limits of a body."""

    def __init__(self, data):
        self.data = data
        self.at = 0
        self.nodes = 0

    def whole(self):
        value = self.value(0)
        require(self.at == len(self.data))
        return value

    def take(self, count):
        require(self.at + count <= len(self.data))
        part = self.data[self.at : self.at + count]
        self.at += count
        return part

    def unsigned(self, count):
        return int.from_bytes(self.take(count), "big")

    def integer(self, count, signed):
        value = int.from_bytes(self.take(count), "big", signed=signed)
        require(abs(value) <= MAX_SAFE)
        return value

    def real(self, form, count):
        value = struct.unpack(form, self.take(count))[0]
        # Numbers have no type: a whole one is the same in every form.
        return int(value) if value == value and abs(value) <= MAX_SAFE and value == int(value) else value

    def value(self, depth):
        self.nodes += 1
        require(self.nodes <= 1200)
        head = self.unsigned(1)
        if head < 0x80:
            return head
        if head >= 0xE0:
            return head - 0x100
        if head < 0x90:
            return self.map(head & 15, depth)
        if head < 0xA0:
            return self.array(head & 15, depth)
        if head < 0xC0:
            return self.text(head & 31)
        if head in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[head]
        if 0xC4 <= head <= 0xC6:
            size = self.unsigned(1 << head - 0xC4)
            require(size <= MAX_BODY)
            return self.take(size)
        if head == 0xCA:
            return self.real(">f", 4)
        if head == 0xCB:
            return self.real(">d", 8)
        if 0xCC <= head <= 0xCF:
            return self.integer(1 << head - 0xCC, False)
        if 0xD0 <= head <= 0xD3:
            return self.integer(1 << head - 0xD0, True)
        if 0xD9 <= head <= 0xDB:
            return self.text(self.unsigned(1 << head - 0xD9))
        if head in (0xDC, 0xDD):
            return self.array(self.unsigned(2 << head - 0xDC), depth)
        if head in (0xDE, 0xDF):
            return self.map(self.unsigned(2 << head - 0xDE), depth)
        raise Refused("malformed")

    def text(self, size):
        require(size <= MAX_BODY)
        try:
            return self.take(size).decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("malformed") from None

    def array(self, count, depth):
        require(count <= 64 and depth < 8)
        return [self.value(depth + 1) for _ in range(count)]

    def map(self, count, depth):
        require(count <= 64 and depth < 8)
        result = {}
        for _ in range(count):
            head = self.unsigned(1)
            if 0xA0 <= head < 0xC0:
                key = self.text(head & 31)
            else:
                require(0xD9 <= head <= 0xDB)
                key = self.text(self.unsigned(1 << head - 0xD9))
            require(key != "__proto__")
            result[key] = self.value(depth + 1)
        return result


def pack(value):
    """The shortest form of a value."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        if 0 <= value < 0x80:
            return bytes([value])
        if value >= 0:
            for head, size in ((0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8)):
                if value < 1 << 8 * size:
                    return bytes([head]) + value.to_bytes(size, "big")
        return b"\xd3" + value.to_bytes(8, "big", signed=True)
    if isinstance(value, bytes):
        return b"\xc5" + len(value).to_bytes(2, "big") + value
    if isinstance(value, str):
        data = value.encode()
        head = bytes([0xA0 | len(data)]) if len(data) < 32 else b"\xda" + len(data).to_bytes(2, "big")
        return head + data
    if isinstance(value, list):
        return b"\xdc" + len(value).to_bytes(2, "big") + b"".join(map(pack, value))
    return b"\xde" + len(value).to_bytes(2, "big") + b"".join(pack(k) + pack(v) for k, v in value.items())


# --- fields ----------------------------------------------------------------------------------------------------------


def is_whole(value):
    """Whether it is a whole number; to Python true and false are numbers, too."""
    return isinstance(value, int) and not isinstance(value, bool)


def count(value, limit=MAX_SAFE):
    require(is_whole(value) and 0 <= value <= limit)
    return value


def hexed(value, size):
    require(isinstance(value, bytes) and len(value) == size)
    return value.hex()


def maybe(body, key, read):
    return read(body[key]) if key in body else None


def rows(value, size, limit, least=1):
    require(isinstance(value, bytes) and len(value) % size == 0)
    require(least <= len(value) // size <= limit)
    return [value[at : at + size] for at in range(0, len(value), size)]


def u48(data):
    return int.from_bytes(data, "big")


def lives(body, key):
    if key not in body:
        return []
    return [{"target": row[:8].hex(), "incarnation": u48(row[8:])} for row in rows(body[key], 14, 6)]


def echoes(body):
    return [row.hex() for row in rows(body["e"], 4, 224)] if "e" in body else []


def question(value):
    require(isinstance(value, dict))
    known = value.get("k")
    require(isinstance(known, bytes) and len(known) % 4 == 0)
    return {
        "nonce": hexed(value.get("n"), 8),
        "attempt": count(value.get("a")),
        "known": known,
        "digest": hexed(value.get("g"), 8),
    }


HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def label(value, limit):
    require(isinstance(value, str) and len(value.encode()) <= limit and not HIDDEN.search(value))
    return value


def units(text):
    """UTF-16 units, by which lengths of text are counted that are not told in bytes."""
    return len(text.encode("utf-16-le")) // 2


def is_literal(host):
    bare, has_zone, zone = host.partition("%")
    if has_zone and not (":" in bare and re.fullmatch("[0-9A-Za-z_.-]{1,15}", zone)):
        return False
    try:
        ipaddress.ip_address(bare)
        return True
    except ValueError:
        return False


def address(kind, rest):
    require(isinstance(rest, str) and 0 < units(rest) <= 108 and not re.search("[\x00-\x1f\x7f-\x9f]", rest))
    if kind == "unix":
        require(rest.startswith("/"))
    elif kind == "pipe":
        require(re.fullmatch("[A-Za-z0-9_.-]+", rest))
    else:
        match = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\[\]]+)):([1-9][0-9]{0,4})", rest)
        require(match and int(match[3]) <= 65535)
        require(is_literal(match[1] or match[2]))
    return {"kind": kind, "address": f"{kind}://{rest}"}


def record(value):
    require(isinstance(value, dict))
    name = label(value.get("n"), 48)
    require(name != "" and name == name.strip())
    endpoints = value.get("e")
    require(isinstance(endpoints, list) and len(endpoints) <= 16)
    read = []
    for item in endpoints:
        require(isinstance(item, list) and len(item) >= 2)
        if is_whole(item[0]) and 0 <= item[0] < len(ENDPOINT_KINDS):
            read.append(address(ENDPOINT_KINDS[item[0]], item[1]))
    tags = value.get("t", {})
    require(isinstance(tags, dict) and len(tags) <= 16)
    for key, text in tags.items():
        require(key != "")
        label(key, 32)
        label(text, 64)
    for key in ("c", "o"):
        require(isinstance(value.get(key, {}), dict))
    more = value.get("m", False)
    require(isinstance(more, bool))
    result = {
        "stateVersion": count(value.get("s")),
        "name": name,
        "role": ROLES[count(value.get("r"), len(ROLES) - 1)],
        "version": label(value.get("v"), 32),
        "endpoints": read,
        "capabilities": value.get("c", {}),
        "resources": value.get("o", {}),
        "tags": tags,
    }
    return {**result, "more": True} if more else result


def named(row):
    return {"target": row[:8].hex(), "incarnation": u48(row[8:14]), "seq": int.from_bytes(row[14:18], "big")}


def stamp(value):
    return {
        "lineage": hexed(value.get("l"), 8),
        "term": count(value.get("s"), 2**48 - 1),
        "version": count(value.get("v"), 2**32 - 1),
    }


def voter_set(value):
    require(isinstance(value, dict))
    voters = [{"id": row[:8].hex(), "memory": row[8:].hex()} for row in rows(value.get("r"), 16, 8)]
    require(len({voter["id"] for voter in voters}) == len(voters))
    return {**stamp(value), "voters": voters}


# --- messages --------------------------------------------------------------------------------------------------------


def announce(b):
    return {
        "record": record(b.get("r")),
        "question": maybe(b, "q", question),
        "challenge": maybe(b, "c", lambda value: hexed(value, 8)),
        "echoes": echoes(b),
        "peerCount": count(b.get("p")),
        "beatMs": count(b.get("t")),
        "resumedMs": count(b.get("w", 0)),
    }


def heartbeat(b):
    availability = b.get("a", [])
    require(isinstance(availability, list) and len(availability) <= 5)
    for figure in availability:
        require(is_whole(figure) and figure >= -1)
    leader = b.get("l")
    if "l" in b:
        require(isinstance(leader, list) and len(leader) >= 2)
        leader = {"term": count(leader[0]), "target": hexed(leader[1], 8)}
    return {
        "stateVersion": count(b.get("v")),
        "peerCount": count(b.get("p")),
        "beatMs": count(b.get("t")),
        "beat": count(b.get("n")),
        "digest": hexed(b.get("g"), 8),
        "challenge": maybe(b, "c", lambda value: hexed(value, 8)),
        "echoes": echoes(b),
        "dead": lives(b, "d"),
        "joined": lives(b, "j"),
        "availability": availability,
        "leader": leader,
    }


def target(value):
    return hexed(value, 8)


def offer(b):
    return {
        "echo": hexed(b.get("e"), 8),
        "record": record(b.get("r")),
        "peerCount": count(b.get("p")),
        "beatMs": count(b.get("t")),
        "digest": hexed(b.get("g"), 8),
        "cookie": maybe(b, "c", lambda value: hexed(value, 8)),
    }


def bye(b):
    reason = b.get("w")
    known = is_whole(reason) and 0 <= reason < len(REASONS)
    return {"reason": REASONS[reason] if known else "quit"}


def sync_request(b):
    return {
        "cookie": hexed(b.get("c"), 8),
        "nonce": hexed(b.get("n"), 8),
        "from": hexed(b.get("f"), 8),
        "until": maybe(b, "u", target),
        "known": b"".join(rows(b.get("k"), 8, 120, 0)),
    }


def sync_entry(value):
    require(isinstance(value, dict))
    state = SYNC_STATES[count(value.get("z", 0), len(SYNC_STATES) - 1)]
    told = maybe(value, "r", record)
    require((told is None) == (state != "present"))
    source = value.get("f", "")
    require(isinstance(source, str) and units(source) <= 64)
    return {
        "id": hexed(value.get("i"), 16),
        "incarnation": count(value.get("k"), 2**48 - 1),
        "bootNonce": hexed(value.get("b"), 8),
        "seq": count(value.get("q")),
        "ageMs": count(value.get("a")),
        "beatMs": count(value.get("t", 1000)),
        "peerCount": count(value.get("p", 1)),
        "from": source,
        "state": state,
        "record": told,
    }


def sync_page(b):
    entries = b.get("l")
    require(isinstance(entries, list) and len(entries) <= 32)
    return {
        "echo": hexed(b.get("e"), 8),
        "next": maybe(b, "x", target),
        "entries": [sync_entry(entry) for entry in entries],
    }


def record_part(b):
    offset, total, part = count(b.get("o")), count(b.get("l"), 16_384), b.get("x")
    require(isinstance(part, bytes) and 1 <= len(part) <= 1000 and offset + len(part) <= total)
    return {
        "echo": hexed(b.get("e"), 8),
        "stateVersion": count(b.get("v")),
        "offset": offset,
        "total": total,
        "bytes": part,
    }


def claim(b):
    proposal = [row.hex() for row in rows(b["g"], 8, 7)] if "g" in b else None
    require(proposal is None or len(set(proposal)) == len(proposal))
    require("l" in b or proposal is not None)
    return {
        "term": count(b.get("t"), 2**48 - 1),
        "attempt": count(b.get("a"), 2**32 - 1),
        "set": stamp(b) if "l" in b else None,
        "proposal": proposal,
    }


def deny(b):
    return {
        "of": ["claim", "lease"][count(b.get("o"), 1)],
        "echo": count(b.get("e"), 2**32 - 1),
        "reason": DENIALS[count(b.get("w"), len(DENIALS) - 1)],
        "term": count(b.get("t"), 2**48 - 1),
        "set": maybe(b, "n", voter_set),
    }


def lease(b):
    mode = MODES[count(b.get("o"), len(MODES) - 1)]
    told = maybe(b, "n", voter_set)
    term = count(b.get("t"), 2**48 - 1)
    require(told["term"] == term if told is not None else mode == "solo")
    return {
        "term": term,
        "round": count(b.get("r"), 2**32 - 1),
        "mode": mode,
        "validMs": count(b.get("v"), 60_000),
        "set": told,
    }


def promise(name):
    return lambda b: {
        "term": count(b.get("t"), 2**48 - 1),
        {"a": "attempt", "r": "round"}[name]: count(b.get(name), 2**32 - 1),
        "memory": hexed(b.get("m"), 8),
    }


READERS = {
    "announce": announce,
    "heartbeat": heartbeat,
    "query": lambda b: {"question": question(b.get("q")), "target": maybe(b, "d", target)},
    "offer": offer,
    "bye": bye,
    "ping": lambda b: {
        "nonce": hexed(b.get("n"), 8),
        "target": maybe(b, "d", target),
        "observer": b.get("o") is True,
    },
    "ack": lambda b: {
        "echo": hexed(b.get("e"), 8),
        "stateVersion": count(b.get("v")),
        "heardBy": count(b.get("h", 0)),
    },
    "sync-request": sync_request,
    "sync-page": sync_page,
    "get": lambda b: {"nonce": hexed(b.get("n"), 8), "offset": count(b.get("o"), 16_384)},
    "record-part": record_part,
    "ping-request": lambda b: {"nonce": hexed(b.get("n"), 8), "target": hexed(b.get("d"), 8)},
    "nack": lambda b: {
        "echo": hexed(b.get("e"), 8),
        "target": hexed(b.get("d"), 8),
        "heardMs": None if b.get("a") is None else count(b["a"]),
        "seq": count(b.get("s")),
    },
    "suspect": lambda b: {"nodes": [named(row) for row in rows(b.get("l"), 18, 50)]},
    "vouch": lambda b: {
        "nodes": [
            {**named(row), "ageMs": int.from_bytes(row[18:], "big")} for row in rows(b.get("l"), 20, 50)
        ]
    },
    "claim": claim,
    "grant": promise("a"),
    "deny": deny,
    "lease": lease,
    "lease-ack": promise("r"),
    "transfer": lambda b: {"term": count(b.get("t"), 2**48 - 1), "to": maybe(b, "d", target)},
}


# --- datagrams -------------------------------------------------------------------------------------------------------


def open_datagram(data, tag, keys):
    """Header, body and message; raises Refused with the reason."""
    if len(data) < HEADER + 1 + MAC or data[:2] != b"hC":
        raise Refused("not-hana")
    if len(data) > MAX_DATAGRAM:
        raise Refused("oversize")
    if data[2] != 1:
        raise Refused("version")
    if int.from_bytes(data[4:8], "big") != tag:
        raise Refused("other-mesh")
    signed = (key.sign(data[:-MAC]) for key in keys if key.tag == data[40])
    if not any(hmac.compare_digest(mac, data[-MAC:]) for mac in signed):
        raise Refused("foreign")
    kind = KINDS.get(data[3] & 0x3F)
    if kind is None:
        raise Refused("unknown-kind")
    require(data[3] >> 6 < len(PATHS))
    header = {
        "kind": kind,
        "path": PATHS[data[3] >> 6],
        "id": data[8:24].hex(),
        "incarnation": u48(data[24:30]),
        "seq": int.from_bytes(data[30:34], "big"),
        "sentMs": u48(data[34:40]),
    }
    body = Unpacker(data[HEADER:-MAC]).whole()
    require(isinstance(body, dict))
    boot = hexed(body.get("b"), 8)
    return header, body, {"kind": kind, "bootNonce": boot, **READERS[kind](body)}


class Node:
    """The smallest node: it says that it is there and answers who asks. It lists nobody."""

    def __init__(self, told):
        self.key = Key(secret_of(told["meshKey"]) if told["meshKey"] else None)
        self.tag = mesh_tag(told["meshName"])
        self.id = bytes.fromhex(told["id"])
        self.incarnation = told["incarnation"]
        self.boot = bytes.fromhex(told["bootNonce"])
        self.record = {
            "s": 1,
            "r": ROLES.index("visualization"),
            "n": told["name"],
            "v": "python",
            "e": [[ENDPOINT_KINDS.index("udp"), told["endpoint"]]],
        }
        # Who lists nobody agrees with everybody: he repeats what the others say of the list.
        self.digest = contribution(told["id"], self.incarnation, 1).to_bytes(8, "big")
        self.count = 1
        self.seq = 0
        self.beats = 0

    def seal(self, kind, path, now_ms, body):
        self.seq += 1
        number = next(n for n, name in KINDS.items() if name == kind)
        header = b"hC\x01" + bytes([PATHS.index(path) << 6 | number]) + self.tag.to_bytes(4, "big") + self.id
        header += self.incarnation.to_bytes(6, "big") + self.seq.to_bytes(4, "big")
        header += now_ms.to_bytes(6, "big") + bytes([self.key.tag])
        data = header + pack({"b": self.boot, **body})
        return data + self.key.sign(data)

    def announce(self, now_ms):
        return self.seal("announce", "multicast", now_ms, {"p": self.count, "t": 1000, "r": self.record})

    def beat(self, now_ms):
        self.beats += 1
        body = {"v": 1, "p": self.count, "t": 1000, "n": self.beats, "g": self.digest}
        return self.seal("heartbeat", "multicast", now_ms, body)

    def ping(self, now_ms, nonce, to):
        return self.seal("ping", "unicast", now_ms, {"n": nonce, "d": to})

    def bye(self, now_ms):
        return self.seal("bye", "multicast", now_ms, {"w": 0})

    def answer(self, now_ms, data):
        """What a datagram is answered with, to where it came from; nothing where it asks nothing."""
        try:
            header, _, message = open_datagram(data, self.tag, [self.key])
        except Refused:
            return []
        us = self.id[:8].hex()
        if message["kind"] == "heartbeat":
            self.digest, self.count = bytes.fromhex(message["digest"]), message["peerCount"]
        if message["kind"] == "suspect" and any(named["target"] == us for named in message["nodes"]):
            return [self.beat(now_ms)]
        if message["kind"] == "ping" and message["target"] in (None, us):
            body = {"e": bytes.fromhex(message["nonce"]), "v": 1}
            if header["path"] != "unicast":
                body["h"] = PATHS.index(header["path"])
            return [self.seal("ack", "unicast", now_ms, body)]
        if message["kind"] == "query" and message["target"] == us:
            echo = bytes.fromhex(message["question"]["nonce"])
            body = {"e": echo, "p": self.count, "t": 1000, "r": self.record, "g": self.digest}
            return [self.seal("offer", "unicast", now_ms, body)]
        return []


# --- commands --------------------------------------------------------------------------------------------------------


def plain(value):
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return None
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return value


def verify(path):
    with open(path, encoding="utf-8") as file:
        told = json.load(file)
    wrong = []

    def same(what, ours, theirs):
        if ours != theirs:
            wrong.append(f"{what}\n  here: {json.dumps(ours)}\n  told: {json.dumps(theirs)}")

    tag = mesh_tag(told["meshName"])
    same("mesh tag", f"{tag:08x}", told["meshTag"])
    keys = {name: Key(bytes.fromhex(each["meshKey"])) for name, each in told["keys"].items()}
    keys["open"] = Key(None)
    for name, key in keys.items():
        theirs = told["keys"][name]
        secret = secret_of(theirs["joinCode"]).hex()
        ours = {"meshKey": secret, "keyId": key.id.hex(), "macKey": key.mac.hex(), "keyTag": key.tag}
        same(f"key {name}", {**ours, "joinCode": theirs["joinCode"]}, theirs)
    for each in told["hashes"]:
        same(f"hash of {each['text']!r}", f"{hash32(each['text']):08x}", each["hash"])
    for each in told["ranks"]:
        same("rank", hash32(each["id"] + each["nonce"]) % each["nodes"], each["rank"])
    digest = 0
    for node in told["digest"]["nodes"]:
        part = contribution(node["id"], node["incarnation"], node["stateVersion"])
        same(f"contribution of {node['id']}", f"{part:016x}", node["contribution"])
        digest ^= part
    same("digest", f"{digest:016x}", told["digest"]["digest"])
    for vector in told["datagrams"] + told["tolerated"]:
        try:
            read = open_datagram(bytes.fromhex(vector["datagram"]), tag, [keys[vector["key"]]])
        except Refused as refused:
            wrong.append(f"{vector['name']}: refused, {refused}")
            continue
        header, body, message = map(plain, read)
        same(vector["name"] + ": header", header, vector["header"])
        same(vector["name"] + ": body", body, vector["body"])
        same(vector["name"] + ": message", message, vector["message"])
    for vector in told["refused"]:
        try:
            open_datagram(bytes.fromhex(vector["datagram"]), tag, [keys["show"], keys["next"]])
            wrong.append(f"{vector['name']}: accepted, should be {vector['why']}")
        except Refused as refused:
            same(vector["name"], str(refused), vector["why"])
    for each in wrong:
        print(each, file=sys.stderr)
    counts = {name: len(told[name]) for name in ("hashes", "ranks", "datagrams", "tolerated", "refused")}
    print(json.dumps({**counts, "wrong": len(wrong)}))
    return 1 if wrong else 0


def read(path):
    """Prints what each datagram of stdin says, or why it is refused."""
    with open(path, encoding="utf-8") as file:
        told = json.load(file)
    keys = [Key(bytes.fromhex(told["keys"][name]["meshKey"])) for name in ("show", "next")]
    for line in sys.stdin:
        try:
            header, _, message = open_datagram(bytes.fromhex(line), mesh_tag(told["meshName"]), keys)
            print(json.dumps({"header": header, "message": plain(message)}))
        except Refused as refused:
            print(json.dumps({"why": str(refused)}))
    return 0


def listen():
    node = None
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["do"] == "start":
            node = Node(asked)
            said = []
        elif asked["do"] == "ping":
            said = [node.ping(asked["nowMs"], bytes.fromhex(asked["nonce"]), bytes.fromhex(asked["target"]))]
        elif asked["do"] == "answer":
            said = node.answer(asked["nowMs"], bytes.fromhex(asked["datagram"]))
        else:
            said = [{"announce": node.announce, "beat": node.beat, "bye": node.bye}[asked["do"]](asked["nowMs"])]
        print(json.dumps([data.hex() for data in said]), flush=True)
    return 0


GROUP, PORT = "239.255.76.86", 47676


def serve(address, name, join_code):
    """A node with one IPv4 link: an ear on the shared port, and a socket that speaks and hears answers."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    ear.bind(("0.0.0.0", PORT))
    here = socket.inet_aton(address)
    ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + here)
    mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    mouth.bind((address, 0))
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    node = Node(
        {
            "meshKey": join_code,
            "meshName": "",
            "id": os.urandom(16).hex(),
            # A program that is to be restarted keeps id and incarnation on disk.
            "incarnation": time.time_ns() // 1_000_000,
            "bootNonce": os.urandom(8).hex(),
            "name": name,
            "endpoint": f"{address}:{mouth.getsockname()[1]}",
        }
    )
    begun = time.monotonic()

    def now():
        return time.monotonic() - begun

    def say(build):
        mouth.sendto(build(int(now() * 1000)), (GROUP, PORT))

    def leave(*_):
        raise SystemExit

    signal.signal(signal.SIGTERM, leave)
    starts, next_beat = [0, 0.25, 1, 2], 1.0
    print("ready", flush=True)
    try:
        while True:
            while starts and starts[0] <= now():
                starts.pop(0)
                say(node.announce)
            if next_beat <= now():
                say(node.beat)
                print(f"beat {node.beats}", flush=True)
                # At most a hundred beats a second altogether.
                next_beat = now() + min(10, max(1, node.count / 100)) * random.uniform(0.9, 1.1)
            wait = min(starts[:1] + [next_beat]) - now()
            for heard in select.select([ear, mouth], [], [], max(0, wait))[0]:
                data, source = heard.recvfrom(2048)
                for answer in node.answer(int(now() * 1000), data):
                    mouth.sendto(answer, source)
    except SystemExit:
        for pause in (0, 0.1, 0.2):
            time.sleep(pause)
            say(node.bye)
    return 0


if __name__ == "__main__":
    commands = {"verify": verify, "read": read, "listen": listen, "serve": serve}
    sys.exit(commands[sys.argv[1]](*sys.argv[2:]))
