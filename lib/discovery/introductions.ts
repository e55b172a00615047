// Making sure of what a start has begun: those who have not shown that they heard us are told by unicast, and those whom
// we know from the lists of others alone are asked whether they are there.
// Decides who, when and how often (discovery research 6.5); never what an answer means.

import { type Context, earlier, type Wake } from "./context.ts";
import type { Announcer } from "./announcer.ts";
import type { Liveness } from "./liveness.ts";
import type { Peer } from "./peer.ts";

/** Beats from our start until those are told whose beats have shown no sign of knowing us. */
const HELLO_AFTER_BEATS = 1.2;
/** Beats by which that is put off while a whole show is switched on. */
const MAX_POSTPONED = 3;
const HELLO_EVERY_US = 250_000;
const MAX_HELLOS = 5;
/** From the news of a node until it is asked, in beats: mostly its beat comes first. */
const CONFIRM_BEATS = 1.2;
const CONFIRM_EVERY_US = 400_000;
const MAX_CONFIRMS = 3;
/** Messages in one go, and the pause after them in µs: a start must not be a burst. */
const AT_A_TIME = 8;
const PAUSE_US = 10_000;
const MAX_WAITING = 1_024;

interface Waiting {
  readonly peer: Peer;
  readonly kind: "hello" | "confirm";
  dueUs: number;
  tries: number;
}

/** Introduces us, and gets to know those we have heard of. */
export class Introductions {
  #waiting: Waiting[] = [];
  #sweepUs = Infinity;
  #startUs = 0;
  #postponed = 0;
  #pausedUntilUs = 0;

  constructor(
    readonly context: Context,
    readonly announcer: Announcer,
    readonly liveness: Liveness,
    readonly isStorm: (nowUs: number) => boolean,
  ) {}

  /** We have started on some link: once the first noise is over, who does not know us is told. */
  noteStart(nowUs: number): void {
    if (this.context.isObserver) return;
    this.#startUs = nowUs;
    this.#postponed = 0;
    this.#sweepUs = nowUs + HELLO_AFTER_BEATS * this.announcer.beatUs;
  }

  /** A node is known from somebody's list. One that cannot be heard here (we listen to nobody, or a router) is asked now. */
  addRelayed(nowUs: number, peer: Peer): void {
    if (this.#waiting.length >= MAX_WAITING) return;
    const isHeard = !this.context.isObserver && peer.route.link !== null;
    const dueUs = isHeard ? nowUs + CONFIRM_BEATS * peer.beatUs : nowUs;
    this.#waiting.push({ peer, kind: "confirm", dueUs, tries: 0 });
  }

  /** Tells and asks who is due. */
  handleTimeout(nowUs: number): void {
    if (this.#sweepUs <= nowUs) this.#sweep(nowUs);
    if (this.#waiting.length === 0 || this.#pausedUntilUs > nowUs) return;
    this.#waiting = this.#waiting.filter(isNeeded);
    let left = AT_A_TIME;
    for (const each of this.#waiting) {
      if (each.dueUs > nowUs) continue;
      if (left-- === 0) {
        this.#pausedUntilUs = nowUs + PAUSE_US;
        return;
      }
      this.#send(nowUs, each);
    }
  }

  /** What is due next. */
  next(): Wake | null {
    let next: Wake | null = this.#sweepUs === Infinity ? null : { atUs: this.#sweepUs, reason: "hello" };
    let dueUs = Infinity;
    for (const each of this.#waiting) dueUs = Math.min(dueUs, each.dueUs);
    if (dueUs !== Infinity) {
      next = earlier(next, { atUs: Math.max(dueUs, this.#pausedUntilUs), reason: "hello" });
    }
    return next;
  }

  #sweep(nowUs: number): void {
    // By now we know how large the mesh is, and how long a beat of it takes.
    const beatUs = this.announcer.beatUs;
    if (nowUs < this.#startUs + HELLO_AFTER_BEATS * beatUs) {
      this.#sweepUs = this.#startUs + HELLO_AFTER_BEATS * beatUs;
      return;
    }
    // While everybody starts, lists are compared all the time, and that shows who knows whom.
    if (this.isStorm(nowUs) && this.#postponed++ < MAX_POSTPONED) {
      this.#sweepUs = nowUs + beatUs;
      return;
    }
    this.#sweepUs = Infinity;
    for (const peer of this.context.registry.peers()) {
      if (!peer.isPresent || peer.knowsUs || this.#waiting.length >= MAX_WAITING) continue;
      this.#waiting.push({ peer, kind: "hello", dueUs: nowUs, tries: 0 });
    }
  }

  #send(nowUs: number, each: Waiting): void {
    each.tries++;
    if (each.kind === "confirm") {
      each.dueUs = each.tries === MAX_CONFIRMS ? Infinity : nowUs + CONFIRM_EVERY_US;
      this.liveness.ask(nowUs, each.peer, "probe");
      return;
    }
    each.dueUs = each.tries === MAX_HELLOS ? Infinity : nowUs + HELLO_EVERY_US;
    const { outbox, links } = this.context;
    const to = each.peer.route.from;
    const link = links.linkOf(to.host);
    outbox.toEndpoint(nowUs, to, link, this.announcer.announcement(nowUs, link, null));
  }
}

function isNeeded({ peer, kind, dueUs }: Waiting): boolean {
  if (dueUs === Infinity || !peer.isListed || !peer.isPresent) return false;
  return kind === "hello" ? !peer.knowsUs : peer.isRelayed;
}
