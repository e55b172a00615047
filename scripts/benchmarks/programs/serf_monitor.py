"""What a serf agent says of its members, as soon as it says it: the stream that `serf monitor` shows, read from the agent's
own socket. Waits for the agent (asks every 2 ms), so that it can be there before the agent is.

Writes a line for every change: `Join NAME`, `Failed NAME`, `Leave NAME`. Decides nothing. Ends with the agent.
"""

import re
import socket
import sys
import time

AGENT = ("127.0.0.1", 7373)
POLL_S = 0.002
EVENT = re.compile(rb"EventMember(Join|Failed|Leave|Update|Reap): (\S+) ")
MAX_KEPT = 1 << 16


def text(value):
    data = value.encode()
    return bytes([0xA0 | len(data)]) + data


def request(command, number, body):
    """A header and a body, both maps of MessagePack."""
    return b"\x82" + text("Command") + text(command) + text("Seq") + bytes([number]) + b"\x81" + body


print("waiting", flush=True)
while True:
    try:
        agent = socket.create_connection(AGENT)
        break
    except OSError:
        time.sleep(POLL_S)
agent.sendall(request("handshake", 0, text("Version") + b"\x01") + request("monitor", 1, text("LogLevel") + text("INFO")))
print("connected", flush=True)
kept = b""
while True:
    try:
        data = agent.recv(65_536)
    except OSError:
        break
    if data == b"":
        break
    kept += data
    end = 0
    for found in EVENT.finditer(kept):
        print(found[1].decode(), found[2].decode(), flush=True)
        end = found.end()
    kept = kept[end:][-MAX_KEPT:]
sys.exit(0)
