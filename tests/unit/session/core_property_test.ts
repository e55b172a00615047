// Two cores under everything at once: requests, answers, refusals, events, cancels, expiry, heartbeats, in any order,
// over a pipe that loses nothing but may be slow.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../lib/base/mod.ts";
import type { SessionCore } from "../../../lib/session/mod.ts";
import { compiled, core, DOUBLE, events, HUE, identity, NOTE, START_US } from "./support.ts";

type Side = "a" | "b";

type Step =
  | { readonly do: "request"; readonly side: Side; readonly timeoutMs: number }
  | { readonly do: "event"; readonly side: Side; readonly lane: "events" | "modulation" }
  | { readonly do: "answer" | "refuse" | "cancel"; readonly side: Side; readonly pick: number }
  | { readonly do: "carry"; readonly side: Side; readonly count: number }
  | { readonly do: "wait"; readonly ms: number };

const side = fc.constantFrom<Side>("a", "b");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("request" as const), side, timeoutMs: fc.integer({ min: 1, max: 3000 }) }),
  fc.record({
    do: fc.constant("event" as const),
    side,
    lane: fc.constantFrom("events" as const, "modulation" as const),
  }),
  fc.record({
    do: fc.constantFrom("answer" as const, "refuse" as const, "cancel" as const),
    side,
    pick: fc.nat(20),
  }),
  fc.record({ do: fc.constant("carry" as const), side, count: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.nat(700) }),
);

/** One side with what it has asked, been asked, and heard. */
class Peer {
  /** Payloads on their way to the other side. */
  readonly pipe: Uint8Array[] = [];
  readonly asked = new Map<number, "waits" | "settled" | "cancelled">();
  readonly running: number[] = [];
  readonly seen = new Set<number>();
  readonly sent = { events: [] as number[], modulation: [] as number[] };
  readonly heard = { events: [] as number[], modulation: [] as number[] };

  constructor(readonly core: SessionCore) {}

  flush(): void {
    for (let next = this.core.pollTransmit(); next !== null; next = this.core.pollTransmit()) {
      this.pipe.push(next.payload);
    }
  }

  read(): void {
    for (const event of events(this.core)) {
      switch (event.type) {
        case "request":
          assert(!this.seen.has(event.id), "a request came twice");
          this.seen.add(event.id);
          this.running.push(event.id);
          break;
        case "event": {
          const { number } = event.body as { number: number };
          this.heard[event.definition.name === NOTE.name ? "events" : "modulation"].push(number);
          break;
        }
        case "response":
        case "failure":
          assertEquals(this.asked.get(event.id), "waits", `request ${event.id} settled twice`);
          this.asked.set(event.id, "settled");
          if (event.type === "response") assertEquals(event.body, { value: event.id * 2 });
          break;
        case "cancel":
          assert(this.seen.has(event.id), "a request was taken back before it came");
          break;
        case "broken":
          throw event.error;
      }
    }
  }
}

class Run {
  nowUs = START_US;
  readonly a = new Peer(core({ side: "dialler", local: identity(1) }));
  readonly b = new Peer(core({ side: "listener", local: identity(2) }));
  #number = 0;

  constructor() {
    for (const peer of [this.a, this.b]) peer.core.handleOpen(this.nowUs);
    this.carryAll();
    assert(this.a.core.isOpen && this.b.core.isOpen);
  }

  do(what: Step): void {
    if (what.do === "wait") return this.wait(what.ms * 1000);
    const peer = this[what.side];
    switch (what.do) {
      case "request": {
        const body = { value: 0 };
        // The answer must be the one to this very request, so the body is its number, known only once it is made.
        const { id, payload } = peer.core.startRequest(
          this.nowUs,
          compiled(DOUBLE),
          body,
          what.timeoutMs * 1000,
        );
        const copy = payload.slice();
        peer.flush();
        peer.pipe.push(copy);
        peer.asked.set(id, "waits");
        break;
      }
      case "event": {
        const number = this.#number++;
        const payload = peer.core.encodeEvent(compiled(what.lane === "events" ? NOTE : HUE), { number })
          .slice();
        peer.flush();
        peer.pipe.push(payload);
        peer.sent[what.lane].push(number);
        break;
      }
      case "answer":
      case "refuse": {
        const [id] = peer.running.splice(what.pick % Math.max(1, peer.running.length), 1);
        if (id === undefined) return;
        if (what.do === "answer") peer.core.respond(id, { value: id * 2 });
        else peer.core.respondFailure(id, new HanaError("refused", { what: "no" }));
        break;
      }
      case "cancel": {
        const waiting = [...peer.asked].filter(([, state]) => state === "waits").map(([id]) => id);
        const id = waiting[what.pick % Math.max(1, waiting.length)];
        if (id === undefined) return;
        peer.core.cancelRequest(id);
        peer.asked.set(id, "cancelled");
        break;
      }
      case "carry":
        this.carry(what.side, what.count);
    }
    peer.flush();
  }

  carry(from: Side, count: number): void {
    const [sender, receiver] = from === "a" ? [this.a, this.b] : [this.b, this.a];
    sender.flush();
    for (const payload of sender.pipe.splice(0, count)) receiver.core.handlePayload(this.nowUs, payload);
    receiver.read();
    receiver.flush();
  }

  carryAll(): void {
    while (this.a.pipe.length + this.b.pipe.length > 0 || this.#hasMore()) {
      this.carry("a", Infinity);
      this.carry("b", Infinity);
    }
  }

  wait(us: number): void {
    this.nowUs += us;
    for (const peer of [this.a, this.b]) {
      if ((peer.core.pollTimeout()?.atUs ?? Infinity) <= this.nowUs) peer.core.handleTimeout(this.nowUs);
      peer.read();
      peer.flush();
    }
    // Slow is not silent: something arrives on either side.
    this.carry("a", 1);
    this.carry("b", 1);
  }

  #hasMore(): boolean {
    this.a.flush();
    this.b.flush();
    return this.a.pipe.length + this.b.pipe.length > 0;
  }
}

Deno.test("every request settles exactly once, nothing comes twice, and lanes keep their order", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const run = new Run();
      for (const what of steps) run.do(what);
      run.carryAll();
      // Whatever nobody answered runs out of time.
      for (let i = 0; i < 5; i++) {
        run.wait(1_000_000);
        run.carryAll();
      }
      for (const [peer, other] of [[run.a, run.b], [run.b, run.a]] as const) {
        for (const [id, state] of peer.asked) assert(state !== "waits", `request ${id} never settled`);
        assertEquals(peer.core.pendingRequests, 0);
        assertEquals(other.heard, peer.sent);
        assertEquals(other.core.counters.requestsReceived, peer.core.counters.requestsSent);
        assertEquals(peer.core.counters.violations, 0);
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("when the carrier goes at any moment, every request settles exactly once", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const run = new Run();
      for (const what of steps) run.do(what);
      for (const peer of [run.a, run.b]) {
        peer.core.handleClose(new HanaError("closed", { what: "cut" }));
        peer.read();
        for (const state of peer.asked.values()) assert(state !== "waits");
      }
    }),
    { numRuns: 200 },
  );
});
