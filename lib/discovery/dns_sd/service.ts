// Runs responder and browser on a machine: sockets, the list of links, one timer.
// Decides which messages reach the cores (own copies, sources off the link and floods do not) and when everything is
// said and asked anew; all else is theirs. Never ends because the network went away: a port that a program holds
// without sharing it is told as a problem and tried again with every look.

import { HanaError } from "../../base/mod.ts";
import type { IpEndpoint, Platform, TimerHandle } from "../../platform/mod.ts";
import { isSameSubnet, parseIpv4 } from "../address.ts";
import type { DnsLink } from "./link.ts";
import { SourceLimiter } from "../limiter.ts";
import type { Advertisement } from "./advertisement.ts";
import { Browser, type ServiceEvent, type ServiceView } from "./browser.ts";
import { DnsSdCounters } from "./counters.ts";
import { decodeMessage } from "./decode.ts";
import { DnsOutbox } from "./outbox.ts";
import { Responder, type ResponderEvent } from "./responder.ts";
import { DnsSockets, Echoes, MDNS_PORT } from "./sockets.ts";

const SCAN_US = 2_000_000;
/** Looks between two joins of the group that nothing calls for. */
const SCANS_PER_JOIN = 5;
/** The clock of people went ahead by this much more than ours did: the machine slept. */
const SLEPT_MS = 10_000;
const SOURCE_PER_SECOND = 200;
const SOURCE_BURST = 400;
const MAX_SOURCES = 1_024;

/** What a service is made of. */
export interface DnsSdOptions {
  /** The links to use now; asked every two seconds. Loopback is passed over, as other responders do. */
  readonly links: () => readonly DnsLink[];
  /** Types to look for: `_hana._udp`. */
  readonly types?: readonly string[];
  /** Look for every type that anybody lists, too. */
  readonly browsesAll?: boolean;
}

/** What happened. */
export type DnsSdEvent = ServiceEvent | ResponderEvent;

/** DNS-SD on a machine. */
export class DnsSdService {
  readonly counters = new DnsSdCounters();
  readonly #responder: Responder;
  readonly #browser: Browser;
  readonly #outbox: DnsOutbox;
  readonly #sockets: DnsSockets;
  readonly #echoes = new Echoes();
  readonly #sources = new SourceLimiter(SOURCE_PER_SECOND, SOURCE_BURST, MAX_SOURCES);
  readonly #listeners = new Set<(event: DnsSdEvent) => void>();
  #links: readonly DnsLink[] = [];
  #state: "new" | "running" | "leaving" | "stopped" = "new";
  #timer: TimerHandle | null = null;
  #timerAtUs = Infinity;
  #nextScanUs = 0;
  #scans = 0;
  #clockGapMs = 0;
  #onGone: (() => void) | null = null;

  /** Touches nothing before `start`. */
  constructor(readonly platform: Platform, readonly options: DnsSdOptions) {
    const nowUs = platform.clock.nowUs();
    const random = platform.random.stream("dns-sd");
    this.#outbox = new DnsOutbox(this.counters);
    this.#responder = new Responder(nowUs, random, this.#outbox, this.counters);
    this.#browser = new Browser(
      random,
      this.#outbox,
      this.counters,
      (link, question) => this.#responder.answersOn(link, question),
    );
    this.#sockets = new DnsSockets(platform.datagrams, {
      onDatagram: (bytes, from, isUnicast) => this.#onDatagram(bytes, from, isUnicast),
      onError: () => this.#scanSoon(),
    });
  }

  /** All services that were found, by name; those without an address yet among them. */
  get services(): ServiceView[] {
    return this.#browser.services;
  }

  /** The links in use. */
  get links(): readonly DnsLink[] {
    return this.#links;
  }

  /** The name that we go by; null while nothing is advertised. */
  get instance(): string | null {
    return this.#responder.instance;
  }

  /** Whether what we advertise has been probed and stands on a link. */
  get isSpeaking(): boolean {
    return this.#responder.isSpeaking;
  }

  /** What keeps it from working; `interface` is null for the whole machine. */
  get problems(): { readonly interface: string | null; readonly error: HanaError }[] {
    const problems: { interface: string | null; error: HanaError }[] = [];
    const { problem, linkProblems } = this.#sockets;
    if (problem !== null) problems.push({ interface: null, error: unavailable(problem) });
    for (const [name, error] of linkProblems) problems.push({ interface: name, error: unavailable(error) });
    return problems;
  }

  /** Starts. Never throws because of the network. */
  start(): void {
    if (this.#state !== "new") return;
    this.#state = "running";
    const nowUs = this.platform.clock.nowUs();
    this.#clockGapMs = this.platform.clock.wallMs() - nowUs / 1000;
    for (const type of this.options.types ?? []) this.#browser.browse(nowUs, type);
    if (this.options.browsesAll === true) this.#browser.browseAll(nowUs);
    this.#scan();
    this.#flush();
  }

  /** Withdraws what we advertise, three times within 300 ms, and closes. */
  async stop(): Promise<void> {
    if (this.#state === "running") {
      this.#state = "leaving";
      const gone = new Promise<void>((resolve) => this.#onGone = resolve);
      this.#responder.leave(this.platform.clock.nowUs());
      this.#onTimer();
      await gone;
    }
    this.#state = "stopped";
    this.#timer?.cancel();
    this.#timer = null;
    this.#sockets.close();
  }

  /** Advertises this from now on; null nothing. */
  advertise(advertisement: Advertisement | null): void {
    this.#responder.advertise(this.platform.clock.nowUs(), advertisement);
    this.#flush();
  }

  /** Looks at the links now: they have changed, or one has gone deaf. */
  look(): void {
    if (this.#state !== "running") return;
    this.#sockets.rejoin();
    this.#scan();
    this.#flush();
  }

  /** Calls `listener` with every event from now on. Returns how to stop it. */
  onEvent(listener: (event: DnsSdEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // --- the machine -------------------------------------------------------------------------------------------

  #onDatagram(bytes: Uint8Array, from: IpEndpoint, isUnicast: boolean): void {
    if (this.#state !== "running") return;
    const nowUs = this.platform.clock.nowUs();
    this.counters.received++;
    this.counters.receivedBytes += bytes.length;
    const link = this.#linkOf(from.host);
    if (link === null) {
      this.counters.ignored["off-link"]++;
      return;
    }
    const isOwnHost = link.address === from.host;
    if (isOwnHost && from.port === MDNS_PORT && this.#echoes.take(nowUs, bytes)) {
      this.counters.ignored.own++;
      return;
    }
    if (!this.#sources.canTake(nowUs, from.host)) {
      this.counters.ignored.flood++;
      return;
    }
    const message = decodeMessage(bytes);
    if (typeof message === "string") {
      this.counters.refused[message]++;
      return;
    }
    const isLegacy = from.port !== MDNS_PORT;
    // We never ask for an answer by unicast, so that one was not asked for (RFC 6762 §6).
    if (message.isResponse && (isLegacy || isUnicast)) {
      this.counters.ignored["wrong-port"]++;
      return;
    }
    this.#responder.handleMessage(nowUs, link.key, message, from, isLegacy);
    if (!isLegacy) this.#browser.handleMessage(nowUs, link.key, message, from.host);
    this.#flush();
  }

  /** The link that an address lies on: our own, else the narrowest subnet; null for the rest of the world. */
  #linkOf(host: string): DnsLink | null {
    let best: DnsLink | null = null;
    for (const link of this.#links) {
      if (link.address === host) return link;
      if (isSameSubnet(link.address, host, link.prefix) && (best === null || link.prefix > best.prefix)) {
        best = link;
      }
    }
    return best;
  }

  #scan(): void {
    const nowUs = this.platform.clock.nowUs();
    this.#nextScanUs = nowUs + SCAN_US;
    // The address tells the family: IPv4 is what every other responder of a show speaks.
    const usable = this.options.links().filter((link) => !link.loopback && parseIpv4(link.address) >= 0);
    this.#links = this.#sockets.follow(usable);
    if (++this.#scans % SCANS_PER_JOIN === 0) this.#sockets.rejoin();
    const clockGapMs = this.platform.clock.wallMs() - nowUs / 1000;
    const hasSlept = clockGapMs - this.#clockGapMs > SLEPT_MS;
    this.#clockGapMs = clockGapMs;
    this.#responder.handleLinks(nowUs, this.#links);
    this.#browser.handleLinks(nowUs, this.#links.map(({ key }) => key));
    if (!hasSlept) return;
    this.#responder.restart(nowUs);
    this.#browser.restart(nowUs);
  }

  #scanSoon(): void {
    if (this.#state !== "running") return;
    this.#nextScanUs = Math.min(this.#nextScanUs, this.platform.clock.nowUs() + SCAN_US / 10);
    this.#arm();
  }

  #onTimer(): void {
    this.#timer = null;
    this.#timerAtUs = Infinity;
    if (this.#state === "stopped") return;
    const nowUs = this.platform.clock.nowUs();
    if (this.#state === "running" && nowUs >= this.#nextScanUs) this.#scan();
    this.#responder.handleTimeout(nowUs);
    if (this.#state === "running") this.#browser.handleTimeout(nowUs);
    this.#flush();
  }

  #flush(): void {
    const nowUs = this.platform.clock.nowUs();
    for (let next = this.#outbox.poll(); next !== null; next = this.#outbox.poll()) {
      if (this.#sockets.send(next.bytes, next.link, next.to) && next.to === null) {
        this.#echoes.noteSent(nowUs, next.bytes);
      }
    }
    for (let event = this.#responder.pollEvent(); event !== null; event = this.#responder.pollEvent()) {
      if (event.kind === "goodbye-sent") this.#onGone?.();
      this.#tell(event);
    }
    for (let event = this.#browser.pollEvent(); event !== null; event = this.#browser.pollEvent()) {
      this.#tell(event);
    }
    this.#arm();
  }

  #tell(event: DnsSdEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  #arm(): void {
    if (this.#state !== "running" && this.#state !== "leaving") return;
    const isRunning = this.#state === "running";
    const atUs = Math.min(
      this.#responder.nextUs(),
      isRunning ? this.#browser.nextUs() : Infinity,
      isRunning ? this.#nextScanUs : Infinity,
    );
    if (atUs === this.#timerAtUs && this.#timer !== null) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerAtUs = atUs;
    if (atUs === Infinity) return;
    this.#timer = this.platform.timers.schedule(Math.ceil(atUs), () => this.#onTimer());
  }
}

function unavailable(error: HanaError): HanaError {
  const isHeld = error.code === "address-in-use";
  return new HanaError(error.code, {
    what: "mdns-unavailable",
    why: isHeld
      ? `a program holds UDP port ${MDNS_PORT} and does not share it; nodes find each other all the same, but Bonjour and Avahi do not see them`
      : error.message,
    hint: isHeld ? `find it: ss -lunp sport = :${MDNS_PORT}` : "hana serve --no-dns-sd",
    cause: error,
  });
}
