"""The handshake over datagrams in another language: written from docs/lanes.md, with Python's standard library alone.

Computes every byte of docs/vectors/lanes-handshake.json from the mesh keys and the fixed draws that stand in it: INIT,
RESPONSE, COOKIE, the keys of the path, and sealed packets over a renewal of keys. Slow, and never fit for secrets.

    python3 handshake_reader.py verify docs/vectors/lanes-handshake.json   exit 1 on a difference
"""

import hashlib
import hmac
import json
import struct
import sys

SIZE = 1200


# X25519 (RFC 7748 section 5) and ChaCha20-Poly1305 (RFC 8439) ------------------------------------------------------

P = 2**255 - 19


def x25519(scalar: bytes, point: bytes) -> bytes:
    k = bytearray(scalar)
    k[0] &= 248
    k[31] = (k[31] & 127) | 64
    n = int.from_bytes(k, "little")
    u = int.from_bytes(point, "little") & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, u, 1, 0
    for t in reversed(range(255)):
        bit = (n >> t) & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = (x2 + z2) % P, (x2 - z2) % P, (x3 + z3) % P, (x3 - z3) % P
        aa, bb, da, cb = a * a % P, b * b % P, d * a % P, c * b % P
        e = (aa - bb) % P
        x3, z3 = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def public(scalar: bytes) -> bytes:
    return x25519(scalar, (9).to_bytes(32, "little"))


def chacha_block(key: bytes, counter: int, nonce: bytes) -> bytes:
    start = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key))
    start += [counter, *struct.unpack("<3I", nonce)]
    s = start[:]

    def turn(v: int, by: int) -> int:
        return ((v << by) | (v >> (32 - by))) & 0xFFFFFFFF

    def quarter(a: int, b: int, c: int, d: int) -> None:
        for x, y, z, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xFFFFFFFF
            s[z] = turn(s[z] ^ s[x], by)

    for _ in range(10):
        for i in range(4):
            quarter(i, i + 4, i + 8, i + 12)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(s, start)))


def seal(key: bytes, nonce: bytes, aad: bytes, text: bytes) -> bytes:
    stream = b"".join(chacha_block(key, 1 + i, nonce) for i in range((len(text) + 63) // 64))
    sealed = bytes(a ^ b for a, b in zip(text, stream))
    one_time = chacha_block(key, 0, nonce)
    r = int.from_bytes(one_time[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    message = aad + bytes(-len(aad) % 16) + sealed + bytes(-len(sealed) % 16)
    message += struct.pack("<QQ", len(aad), len(sealed))
    total = 0
    for at in range(0, len(message), 16):
        total = (total + int.from_bytes(message[at : at + 16] + b"\x01", "little")) * r % (2**130 - 5)
    tag = (total + int.from_bytes(one_time[16:32], "little")) % 2**128
    return sealed + tag.to_bytes(16, "little")


def nonce_of(number: int) -> bytes:
    return bytes(4) + struct.pack("<Q", number)


# Keys --------------------------------------------------------------------------------------------------------------


def mac(key: bytes, *parts: bytes) -> bytes:
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def mac16(key: bytes, data: bytes) -> bytes:
    return mac(key, data)[:16]


def outputs(key: bytes, material: bytes, count: int) -> list:
    """HKDF as Noise has it (revision 34, section 4.3)."""
    temporary, last, made = mac(key, material), b"", []
    for i in range(1, count + 1):
        last = mac(temporary, last, bytes([i]))
        made.append(last)
    return made


def hkdf1(key: bytes, text: str) -> bytes:
    return outputs(key, text.encode(), 2)[0]


class MeshKey:
    def __init__(self, secret: bytes):
        # HKDF-SHA-256 (RFC 5869): one block is enough for 32 bytes.
        extracted = mac(b"hana mesh key 1", secret)

        def derive(info: str, length: int = 32) -> bytes:
            return mac(extracted, info.encode(), b"\x01")[:length]

        self.id = derive("hana key id", 8)
        self.psk = derive("hana udp psk")
        self.mac = derive("hana udp mac")
        self.cookie = derive("hana udp cookie")


class Noise:
    """One side's view of NNpsk0; both sides of a vector can be computed, since all draws are known."""

    def __init__(self, psk: bytes, prologue: bytes):
        name = b"Noise_NNpsk0_25519_ChaChaPoly_SHA256"
        self.h = name + bytes(32 - len(name)) if len(name) <= 32 else hashlib.sha256(name).digest()
        self.ck = self.h
        self.mix_hash(prologue)
        self.ck, hashed, self.k = outputs(self.ck, psk, 3)
        self.mix_hash(hashed)
        self.n = 0

    def mix_hash(self, data: bytes) -> None:
        self.h = hashlib.sha256(self.h + data).digest()

    def mix_key(self, material: bytes) -> None:
        self.ck, self.k = outputs(self.ck, material, 2)
        self.n = 0

    def ephemeral(self, key: bytes) -> None:
        self.mix_hash(key)
        self.mix_key(key)

    def seal(self, text: bytes) -> bytes:
        sealed = seal(self.k, nonce_of(self.n), self.h, text)
        self.n += 1
        self.mix_hash(sealed)
        return sealed


def path_keys(ck: bytes, label: str) -> tuple:
    exporter = hkdf1(ck, "hana exporter")
    return tuple(hkdf1(exporter, f"hana export {label}: from the {end}") for end in ("initiator", "responder"))


# Datagrams ---------------------------------------------------------------------------------------------------------


def make_init(keys: list, ephemeral: bytes, index: int, hello: bytes) -> tuple:
    head = bytes([1, 1, 1, len(keys)]) + struct.pack(">IH", index, len(hello)) + b"".join(key.id for key in keys)
    sides = [Noise(key.psk, b"hana udp handshake" + head) for key in keys]
    body = head + public(ephemeral)
    for side in sides:
        side.ephemeral(public(ephemeral))
        body += side.seal(hello)
    body += bytes(1152 - len(body))
    macs = b"".join(mac16(key.mac, body) for key in keys)
    return body + macs + bytes(48 - len(macs)), sides


def make_response(key, side, offer, mine, theirs, receiver, sender, hello) -> bytes:
    body = bytes([2, 1, 1, offer]) + struct.pack(">IIH", receiver, sender, len(hello)) + public(mine)
    side.ephemeral(public(mine))
    side.mix_key(x25519(mine, theirs))
    body += side.seal(hello)
    body += bytes(SIZE - 16 - len(body))
    return body + mac16(key.mac, body)


def make_packet(key: bytes, generation: int, immediate: bool, index: int, number: int, text: bytes) -> bytes:
    for _ in range(generation):
        key = hkdf1(key, "hana lanes rekey")
    first = 0x40 | (generation & 1) << 5 | (0x10 if immediate else 0)
    head = bytes([first]) + struct.pack(">II", index, number % 2**32)
    return head + seal(key, nonce_of(number), head, text)


# Vectors -----------------------------------------------------------------------------------------------------------


def verify(path: str) -> int:
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    checked, wrong = 0, 0

    def check(what: str, made: bytes, expected: str) -> None:
        nonlocal checked, wrong
        checked += 1
        if made.hex() != expected:
            wrong += 1
            print(f"{what}: made {made.hex()[:64]}…, expected {expected[:64]}…")

    for vector in document["handshakes"]:
        name = vector["name"]
        ours = [MeshKey(bytes.fromhex(key)) for key in vector["initiatorKeys"]]
        held = [MeshKey(bytes.fromhex(key)).id for key in vector["responderKeys"]]
        raw = {field: bytes.fromhex(vector[field]) for field in vector if field.endswith(("Ephemeral", "Hello"))}
        init, sides = make_init(
            ours, raw["initiatorEphemeral"], vector["initiatorIndex"], raw["initiatorHello"]
        )
        check(f"{name}: INIT", init, vector["init"])
        offer = next(i for i, key in enumerate(ours) if key.id in held)
        response = make_response(
            ours[offer],
            sides[offer],
            offer,
            raw["responderEphemeral"],
            public(raw["initiatorEphemeral"]),
            vector["initiatorIndex"],
            vector["responderIndex"],
            raw["responderHello"],
        )
        check(f"{name}: RESPONSE", response, vector["response"])
        keys = path_keys(sides[offer].ck, "udp handshake")
        check(f"{name}: key of the initiator", keys[0], vector["keyFromInitiator"])
        check(f"{name}: key of the responder", keys[1], vector["keyFromResponder"])
        for packet in vector["packets"]:
            is_initiator = packet["from"] == "initiator"
            made = make_packet(
                keys[0 if is_initiator else 1],
                packet["generation"],
                packet["immediate"],
                vector["responderIndex" if is_initiator else "initiatorIndex"],
                packet["number"],
                bytes.fromhex(packet["text"]),
            )
            check(f"{name}: packet {packet['number']} of the {packet['from']}", made, packet["datagram"])

    vector = document["cookie"]
    key = MeshKey(bytes.fromhex(vector["meshKey"]))
    init, _ = make_init(
        [key],
        bytes.fromhex(vector["initiatorEphemeral"]),
        vector["initiatorIndex"],
        bytes.fromhex(vector["initiatorHello"]),
    )
    cookie = mac16(bytes.fromhex(vector["cookieSecret"]), vector["from"].encode())
    check("the cookie", cookie, vector["cookie"])
    demand = bytes.fromhex(vector["demand"])
    head = bytes([3, 1, 1, 0]) + struct.pack(">I", vector["initiatorIndex"])
    nonce = demand[8:20]
    check("COOKIE", head + nonce + seal(key.cookie, nonce, head + init[1152:1168], cookie), vector["demand"])
    with_cookie = init[:1184] + mac16(cookie, init[:1184])
    check("INIT with mac2", with_cookie, vector["initWithCookie"])
    print(f"{checked} computed, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "verify":
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    sys.exit(verify(sys.argv[2]))
