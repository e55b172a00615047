"""A switch in user space: learns addresses, forwards Ethernet frames between the interfaces that it is given, and loses
some of them by seed. Every program that is compared stands behind it, so that all of them lose alike.

Decides who gets a frame and which copies are lost (each copy by itself, ARP never); counts, and tells how long frames
stayed here. Never looks further into a frame than its addresses and type. Commands are lines of JSON on stdin:
{"loss": 0.3, "seed": 7} from now on, {"stats": true} figures since the last time; each is answered by a line.

Usage: discovery_switch.py PORT…   (needs CAP_NET_RAW; runs in the namespace that holds the ports)
       discovery_switch.py echo ADDRESS            answers datagrams, for `probe`
       discovery_switch.py probe ADDRESS COUNT     round trips through the switch, then what passes in a second
"""

import json
import os
import random
import selectors
import socket
import struct
import sys
import time

ETH_P_ALL = 3
ETH_P_ARP = 0x0806
SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_STATISTICS = 6
PACKET_VNET_HDR = 15
PACKET_IGNORE_OUTGOING = 23
PACKET_MR_PROMISC = 1
SO_TIMESTAMPNS = 35
# struct virtio_net_hdr: checksums of virtual Ethernet are not filled in yet; it says so, and travels along.
VNET_BYTES = 10
FRAME_BYTES = 70_000
QUEUE_BYTES = 4 << 20
# A learnt address, and what is kept of delays: bounds, not measurements.
MAX_ADDRESSES = 4_096
MAX_DELAYS = 1_000_000
PROBE_PORT = 7_999


class Port:
    """One interface."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, QUEUE_BYTES)
        self.socket.bind((name, ETH_P_ALL))
        promiscuous = struct.pack("iHH8s", socket.if_nametoindex(name), PACKET_MR_PROMISC, 0, b"")
        self.socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, promiscuous)
        self.socket.setblocking(False)


class Switch:
    """All of them."""

    def __init__(self, names):
        self.ports = [Port(name) for name in names]
        self.learnt = {}
        self.ways = {}
        self.loss = 0.0
        self.seed = 0
        self.frames = self.copies = self.bytes = self.lost = self.spared = self.overflows = 0
        self.delays = []
        self.since = time.monotonic()

    def command(self, line):
        asked = json.loads(line)
        if "loss" in asked:
            self.loss = float(asked["loss"])
            self.seed = int(asked.get("seed", 0))
            self.ways = {}
        answer = self.statistics() if "stats" in asked else {"loss": self.loss, "seed": self.seed}
        print(json.dumps(answer), flush=True)

    def statistics(self):
        now = time.monotonic()
        missed = 0
        for port in self.ports:
            missed += struct.unpack("II", port.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        delays = sorted(self.delays)
        at = lambda share: delays[min(len(delays) - 1, int(share * len(delays)))] / 1000 if delays else None
        answer = {
            "seconds": now - self.since,
            "frames": self.frames,
            "copies": self.copies,
            "bytes": self.bytes,
            "lost": self.lost,
            "spared": self.spared,
            "overflows": self.overflows,
            "missed": missed,
            "delayUs": {"p50": at(0.5), "p99": at(0.99), "max": at(1.0)},
        }
        self.frames = self.copies = self.bytes = self.lost = self.spared = self.overflows = 0
        self.delays = []
        self.since = now
        return answer

    def is_lost(self, source, target):
        """Each way has a stream of its own: what others send changes nothing in what it loses."""
        way = self.ways.get((source, target))
        if way is None:
            way = self.ways[source, target] = random.Random(f"{self.seed}/{source}/{target}")
        return way.random() < self.loss

    def forward(self, source):
        try:
            frame, notes, _flags, _from = self.ports[source].socket.recvmsg(FRAME_BYTES, 64)
        except BlockingIOError:
            return False
        if len(frame) < VNET_BYTES + 14:
            return True
        to = frame[VNET_BYTES : VNET_BYTES + 6]
        by = frame[VNET_BYTES + 6 : VNET_BYTES + 12]
        kind = frame[VNET_BYTES + 12] << 8 | frame[VNET_BYTES + 13]
        self.frames += 1
        self.bytes += len(frame) - VNET_BYTES
        if not by[0] & 1 and (by in self.learnt or len(self.learnt) < MAX_ADDRESSES):
            self.learnt[by] = source
        known = None if to[0] & 1 else self.learnt.get(to)
        if known == source:
            return True
        for target in range(len(self.ports)) if known is None else (known,):
            if target == source:
                continue
            if kind == ETH_P_ARP:
                self.spared += 1
            elif self.loss > 0 and self.is_lost(source, target):
                self.lost += 1
                continue
            try:
                self.ports[target].socket.send(frame)
                self.copies += 1
            except OSError:
                self.overflows += 1
        for level, what, data in notes:
            if level == socket.SOL_SOCKET and what == SO_TIMESTAMPNS and len(self.delays) < MAX_DELAYS:
                seconds, nanoseconds = struct.unpack("qq", data[:16])
                self.delays.append(time.time_ns() - seconds * 1_000_000_000 - nanoseconds)
        return True

    def run(self):
        waiting = selectors.DefaultSelector()
        for index, port in enumerate(self.ports):
            waiting.register(port.socket, selectors.EVENT_READ, index)
        waiting.register(sys.stdin, selectors.EVENT_READ, None)
        print(json.dumps({"ports": [port.name for port in self.ports]}), flush=True)
        while True:
            for key, _events in waiting.select():
                if key.data is not None:
                    # A few at a time, so that no port waits for another that is flooded.
                    for _ in range(16):
                        if not self.forward(key.data):
                            break
                    continue
                line = sys.stdin.readline()
                if line == "":
                    return
                self.command(line)


def echo(address):
    """Answers `probe`; what begins with 0 is counted only, 1 asks for the count."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, QUEUE_BYTES)
    server.bind((address, PROBE_PORT))
    print("{}", flush=True)
    count = 0
    while True:
        data, peer = server.recvfrom(2_048)
        if data[0] == 0:
            count += 1
        elif data[0] == 1:
            server.sendto(struct.pack("!I", count), peer)
        else:
            server.sendto(data, peer)


def probe(address, count):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect((address, PROBE_PORT))
    client.settimeout(0.05)
    trips = []
    lost = 0
    for number in range(count):
        asked = struct.pack("!BI", 2, number)
        sent = time.perf_counter_ns()
        client.send(asked)
        try:
            while client.recv(64) != asked:
                pass
            trips.append((time.perf_counter_ns() - sent) / 1000)
        except TimeoutError:
            lost += 1
        time.sleep(0.001)
    sent = 0
    end = time.monotonic() + 1
    load = bytes(300)
    while time.monotonic() < end:
        client.send(load)
        sent += 1
    received = None
    client.settimeout(0.5)
    for _ in range(20):
        client.send(b"\x01")
        try:
            answer = client.recv(64)
        except TimeoutError:
            continue
        if len(answer) == 4:
            received = struct.unpack("!I", answer)[0]
            break
    trips.sort()
    at = lambda share: trips[min(len(trips) - 1, int(share * len(trips)))] if trips else None
    print(json.dumps({
        "rttUs": {"p50": at(0.5), "p99": at(0.99)},
        "asked": count,
        "lost": lost,
        "sentPerS": sent,
        "passedPerS": received,
    }), flush=True)


if sys.argv[1] == "echo":
    echo(sys.argv[2])
elif sys.argv[1] == "probe":
    probe(sys.argv[2], int(sys.argv[3]))
else:
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    except PermissionError:
        pass
    try:
        Switch(sys.argv[1:]).run()
    except KeyboardInterrupt:
        pass
