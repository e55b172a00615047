"""Access keys in another language: written from docs/access.md and docs/protocol.md, with Python's standard library alone.

Computes every byte of docs/vectors/access.json from the mesh keys, the grants and the fixed draws that stand in it: keys,
codes, openings, answers, the first record, and the keys for datagrams beside the stream. Curve, cipher and Noise are those
of handshake_reader.py. Slow, and never fit for secrets.

    python3 access_reader.py verify docs/vectors/access.json   exit 1 on a difference
"""

import hashlib
import json
import struct
import sys

from handshake_reader import Noise, mac, nonce_of, outputs, path_keys, public, seal, x25519

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LEVELS = ["viewer", "crew", "operator"]


def derive(secret: bytes, info: str, length: int) -> bytes:
    """HKDF-SHA-256 (RFC 5869): one block is enough for 32 bytes."""
    return mac(mac(b"hana mesh key 1", secret), f"hana {info}".encode(), b"\x01")[:length]


def base32(data: bytes) -> str:
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return "".join(ALPHABET[int(bits[i : i + 5], 2)] for i in range(0, len(bits), 5))


class AccessKey:
    def __init__(self, mesh_key: bytes, name: str, level: str, expires):
        self.mesh_id = derive(mesh_key, "key id", 8)
        self.name = name.encode()
        self.level = LEVELS.index(level)
        self.expires = expires or 0
        end = "" if expires is None else f"/{expires}"
        self.secret = derive(mesh_key, f"access/{level}/{name}{end}", 16)
        self.query_secret = derive(mesh_key, "access/query", 16)
        self.psk = derive(self.secret, "access session psk", 32)
        self.query_key = derive(self.query_secret, "datagram query", 32)

    def code(self) -> str:
        body = self.mesh_id + self.secret + self.query_secret
        body += struct.pack(">BI", self.level, self.expires) + self.name
        check = hashlib.sha256(b"hana access code 1" + body).digest()[:5]
        text = base32(body + check)
        return "hana-access1-" + "-".join(text[i : i + 5] for i in range(0, len(text), 5))

    def preamble(self) -> bytes:
        head = b"HANA" + bytes([2, 1, self.level, len(self.name)]) + struct.pack(">I", self.expires)
        return head + self.mesh_id + self.name


def verify(path: str) -> int:
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    checked, wrong = 0, 0

    def check(what: str, made, expected: str) -> None:
        nonlocal checked, wrong
        checked += 1
        text = made if isinstance(made, str) else made.hex()
        if text != expected:
            wrong += 1
            print(f"{what}: made {text[:64]}…, expected {expected[:64]}…")

    for vector in document["keys"]:
        raw = {
            field: bytes.fromhex(vector[field])
            for field in ("meshKey", "diallerEphemeral", "listenerEphemeral", "text")
        }
        name = vector["name"]
        key = AccessKey(raw["meshKey"], name, vector["level"], vector["expires"])
        check(f"{name}: code", key.code(), vector["code"])
        check(f"{name}: psk", key.psk, vector["psk"])
        check(f"{name}: key of guests", key.query_key, vector["queryKey"])

        side = Noise(key.psk, key.preamble())
        dialler, listener = raw["diallerEphemeral"], raw["listenerEphemeral"]
        side.ephemeral(public(dialler))
        check(f"{name}: opening", key.preamble() + public(dialler) + side.seal(b""), vector["opening"])
        side.ephemeral(public(listener))
        side.mix_key(x25519(listener, public(dialler)))
        check(f"{name}: answer", b"\x00" + public(listener) + side.seal(b""), vector["answer"])

        from_dialler, from_listener = path_keys(side.ck, "udp")
        check(f"{name}: key of the dialler", from_dialler, vector["keyFromDialler"])
        check(f"{name}: key of the listener", from_listener, vector["keyFromListener"])
        sending = outputs(side.ck, b"", 2)[0]
        sealed = seal(sending, nonce_of(0), b"", raw["text"])
        check(f"{name}: record", struct.pack(">H", len(sealed)) + sealed, vector["record"])
    print(f"{checked} computed, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "verify":
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    sys.exit(verify(sys.argv[2]))
