// Asking somebody for somebody else: what a node does whom another one requests to ping a third (SWIM's indirect probe).
// Decides how often it asks and what it answers: always something within half a second, since silence would say that we
// are not there either. Never judges the third node.

import type { Context } from "./context.ts";
import type { PingRequest } from "./messages/mod.ts";
import type { Peer } from "./peer.ts";
import type { Prober } from "./prober.ts";

/** Heard so lately, it need not be asked, in µs. */
const FRESH_US = 250_000;
/** Times of our pings and of giving up, after the request, in µs. */
const SECOND_PING_US = 200_000;
const GIVE_UP_US = 500_000;
/** Requests at a time; at the bound a further one is counted and answered with what we know. */
const MAX_JOBS = 64;

interface Job {
  readonly asker: Peer;
  readonly nonce: string;
  readonly target: string;
  readonly about: Peer;
  readonly giveUpUs: number;
  secondUs: number;
}

/** Pings on behalf of others. */
export class Helpers {
  #jobs: Job[] = [];

  constructor(readonly context: Context, readonly prober: Prober) {}

  /** Takes a request. */
  request(nowUs: number, asker: Peer, { nonce, target }: PingRequest): void {
    const about = this.context.registry.peerByTarget(target) ?? null;
    const isKnown = about !== null && about.state !== "left" && about !== asker;
    if (!isKnown || (!about.isRelayed && nowUs - about.lastHeardUs < FRESH_US)) {
      this.#answer(nowUs, asker, nonce, target, about);
      return;
    }
    if (this.#jobs.length >= MAX_JOBS) {
      this.context.counters.dropped.helps++;
      this.#answer(nowUs, asker, nonce, target, about);
      return;
    }
    this.prober.ask(nowUs, about, "help");
    const [secondUs, giveUpUs] = [nowUs + SECOND_PING_US, nowUs + GIVE_UP_US];
    this.#jobs.push({ asker, nonce, target, about, secondUs, giveUpUs });
  }

  /** One whom we asked for somebody else has answered. */
  noteAnswer(nowUs: number, about: Peer): void {
    for (const job of this.#jobs) {
      if (job.about === about) this.#answer(nowUs, job.asker, job.nonce, job.target, about);
    }
    this.#jobs = this.#jobs.filter((job) => job.about !== about);
  }

  /** Asks again, and gives up. */
  handleTimeout(nowUs: number): void {
    if (this.nextUs > nowUs) return;
    for (const job of this.#jobs) {
      if (job.giveUpUs <= nowUs) this.#answer(nowUs, job.asker, job.nonce, job.target, job.about);
      else if (job.secondUs <= nowUs) {
        job.secondUs = Infinity;
        this.prober.ask(nowUs, job.about, "help");
      }
    }
    this.#jobs = this.#jobs.filter((job) => job.giveUpUs > nowUs);
  }

  /** When there is something to do; infinite when nobody has asked. */
  get nextUs(): number {
    let nextUs = Infinity;
    for (const job of this.#jobs) nextUs = Math.min(nextUs, job.secondUs, job.giveUpUs);
    return nextUs;
  }

  #answer(nowUs: number, asker: Peer, echo: string, target: string, about: Peer | null): void {
    const { own, outbox, links } = this.context;
    const isHeard = about !== null && !about.isRelayed && about.state !== "dead" && about.state !== "left";
    outbox.toEndpoint(nowUs, asker.route.from, links.linkOf(asker.route.from.host), {
      kind: "nack",
      bootNonce: own.bootNonce,
      echo,
      target,
      heardMs: isHeard ? Math.max(0, Math.round((nowUs - about.lastHeardUs) / 1000)) : null,
      seq: isHeard ? Math.max(0, about.life.window.highest) : 0,
    });
  }
}
