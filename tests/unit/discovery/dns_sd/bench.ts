// A link for the cores of DNS-SD: time that is turned by hand, messages that are kept with their times.
// Decides nothing; tests say what is heard and when.

import { assert } from "@std/assert";
import {
  Browser,
  decodeMessage,
  type DnsMessage,
  DnsOutbox,
  DnsSdCounters,
  encodeText,
  MAX_MESSAGE_OUT_BYTES,
  type Question,
  type ResourceRecord,
  Responder,
  TYPE,
} from "../../../../lib/discovery/dns_sd/mod.ts";
import type { Advertisement, DnsLink } from "../../../../lib/discovery/dns_sd/mod.ts";
import type { IpEndpoint, RandomStream } from "../../../../lib/platform/mod.ts";
import { PhiloxStream } from "../../../../lib/platform/simulated/mod.ts";

export const MS = 1_000;
export const SECOND = 1_000_000;
export const PEER: IpEndpoint = { host: "10.0.0.9", port: 5353 };

export function linkOf(number: number, overrides: Partial<DnsLink> = {}): DnsLink {
  return {
    key: `eth${number}`,
    name: `eth${number}`,
    address: `10.0.${number}.1`,
    prefix: 24,
    loopback: false,
    port: 40_000 + number,
    ...overrides,
  };
}

export const ADVERTISEMENT: Advertisement = {
  instance: "stage left",
  host: "stage-left-1a2b",
  services: [
    { type: "_hana._udp", subtypes: ["_app"], port: "link", text: encodeText({ txtvers: "1", id: "1a2b" }) },
    { type: "_hana._tcp", subtypes: ["_app"], port: 7000, text: encodeText({ txtvers: "1", id: "1a2b" }) },
  ],
};

export const question = (name: string, type: number, wantsUnicast = false): Question => ({
  name,
  type,
  class: 1,
  wantsUnicast,
});

export const record = (
  name: string,
  data: ResourceRecord["data"],
  ttlS = 120,
  isFlush = true,
): ResourceRecord => ({ name, class: 1, isFlush, ttlS, data });

export function message(parts: Partial<DnsMessage>): DnsMessage {
  return {
    id: 0,
    isResponse: false,
    isTruncated: false,
    questions: [],
    answers: [],
    authorities: [],
    additionals: [],
    ...parts,
  };
}

/** What was sent: when, where to, and what it says. */
export interface Sent {
  readonly atUs: number;
  readonly link: string;
  readonly to: IpEndpoint | null;
  readonly message: DnsMessage;
  readonly bytes: number;
}

/** One core with a clock. */
export abstract class Bench {
  nowUs = 0;
  readonly counters = new DnsSdCounters();
  readonly outbox = new DnsOutbox(this.counters);
  readonly random: RandomStream;
  sent: Sent[] = [];

  constructor(seed = 1) {
    this.random = new PhiloxStream(seed, "bench");
  }

  abstract next(): number;
  abstract timeout(): void;

  /** Turns time to `atUs`, doing what is due on the way. */
  runTo(atUs: number): void {
    this.fetch();
    for (let next = this.next(); next <= atUs; next = this.next()) {
      this.nowUs = Math.max(this.nowUs, Math.ceil(next));
      this.timeout();
      this.fetch();
    }
    this.nowUs = atUs;
  }

  run(us: number): void {
    this.runTo(this.nowUs + us);
  }

  /** Takes what was sent. */
  fetch(): void {
    for (let next = this.outbox.poll(); next !== null; next = this.outbox.poll()) {
      const read = decodeMessage(next.bytes);
      assert(typeof read !== "string", `we sent what we refuse: ${read}`);
      assert(next.bytes.length <= MAX_MESSAGE_OUT_BYTES, "oversize");
      assert(read.questions.every(({ wantsUnicast }) => !wantsUnicast), "asked for a unicast answer");
      this.sent.push({
        atUs: this.nowUs,
        link: next.link,
        to: next.to,
        message: read,
        bytes: next.bytes.length,
      });
    }
  }

  /** What was sent since the last call. */
  taken(): Sent[] {
    this.fetch();
    return this.sent.splice(0);
  }
}

export class ResponderBench extends Bench {
  readonly responder: Responder;

  constructor(seed = 1, advertisement = ADVERTISEMENT, links: readonly DnsLink[] = [linkOf(0)]) {
    super(seed);
    this.responder = new Responder(0, this.random, this.outbox, this.counters);
    this.responder.advertise(0, advertisement);
    this.responder.handleLinks(0, links);
  }

  next(): number {
    return this.responder.nextUs();
  }

  timeout(): void {
    this.responder.handleTimeout(this.nowUs);
  }

  hear(parts: Partial<DnsMessage>, from: IpEndpoint = PEER, link = "eth0"): void {
    this.responder.handleMessage(this.nowUs, link, message(parts), from, from.port !== 5353);
    this.fetch();
  }

  ask(name: string, type: number, answers: readonly ResourceRecord[] = []): void {
    this.hear({ questions: [question(name, type)], answers });
  }

  /** Lets the start pass: probes and announcements. */
  settle(): this {
    this.run(10 * SECOND);
    this.taken();
    return this;
  }
}

export class BrowserBench extends Bench {
  readonly browser: Browser;

  constructor(types: readonly string[] = ["_osc._udp"], seed = 1, own: readonly ResourceRecord[] = []) {
    super(seed);
    this.browser = new Browser(this.random, this.outbox, this.counters, () => own);
    for (const type of types) this.browser.browse(0, type);
    this.browser.handleLinks(0, ["eth0"]);
  }

  next(): number {
    return this.browser.nextUs();
  }

  timeout(): void {
    this.browser.handleTimeout(this.nowUs);
  }

  hear(
    parts: Partial<DnsMessage>,
    link = "eth0",
    host = parts.isResponse === true ? "10.0.0.5" : "10.0.0.9",
  ): void {
    this.browser.handleMessage(this.nowUs, link, message(parts), host);
    this.fetch();
  }

  /** The events since the last call, as text. */
  events(): string[] {
    const events: string[] = [];
    for (let event = this.browser.pollEvent(); event !== null; event = this.browser.pollEvent()) {
      events.push(`${event.op} ${event.service.instance}`);
    }
    return events;
  }
}

/** All records of a service. */
export function serviceRecords(
  name: string,
  {
    type = "_osc._udp",
    host = "desk.local",
    port = 9000,
    address = "10.0.0.5",
    text = {} as Record<string, string>,
  } = {},
): ResourceRecord[] {
  return [
    record(`${type}.local`, { type: TYPE.ptr, target: `${name}.${type}.local` }, 4500, false),
    record(`${name}.${type}.local`, { type: TYPE.srv, priority: 0, weight: 0, port, target: host }),
    record(`${name}.${type}.local`, { type: TYPE.txt, bytes: encodeText(text) }, 4500),
    record(host, { type: TYPE.a, address }),
  ];
}
