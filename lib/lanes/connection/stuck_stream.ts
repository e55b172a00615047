// A stream that takes what is sent and tells of nothing: its segments are lost and wait for their retransmission.
// Decides when a stream counts as stuck: then datagrams are asked at once and not after their rest, and what it holds
// goes by datagrams again. A lossy network hurts both, and TCP waits longer with every loss (RFC 6298 section 5.5).

import type { LossDetector, SentPackets, SentVisitor } from "../recovery/mod.ts";
import { type Path, PathId } from "./path.ts";
import type { PathSet } from "./path_set.ts";

/** Nothing acknowledged for this long or four round trips: as long as datagrams may be silent (path.ts). */
const STUCK_US = 300_000;

/** Watches the stream of one connection. */
export class StuckStream {
  constructor(
    private readonly paths: PathSet,
    private readonly sent: SentPackets,
    private readonly loss: LossDetector,
  ) {}

  /** When the stream is to be judged; Infinity for never, and while datagrams are being asked already. */
  get atUs(): number {
    const udp = this.paths.get(PathId.udp);
    return udp === null || udp.isHurried ? Infinity : this.#stuckAtUs();
  }

  /** Asks datagrams if the stream is stuck, or repairs by them what it holds. */
  handleTimeout(nowUs: number, visitor: SentVisitor): void {
    if (this.atUs > nowUs) return;
    const { active, liveStream } = this.paths;
    if (active.kind === "stream") this.paths.get(PathId.udp)?.hurry(nowUs);
    else if (liveStream !== null) this.loss.loseAll(nowUs, liveStream.epoch, visitor);
  }

  /** Whether `path`, which is asked now, is all that there is: no stream, or one that is stuck. */
  isAlone(nowUs: number, path: Path): boolean {
    if (path.isHurried && this.#stuckAtUs() > nowUs) path.isHurried = false;
    return path.isHurried || this.paths.liveStream === null;
  }

  #stuckAtUs(): number {
    const stream = this.paths.liveStream;
    const route = stream === null ? null : this.sent.path(stream.epoch);
    if (stream === null || route === null || route.outstanding === 0) return Infinity;
    const oldest = this.sent.oldest(route);
    if (oldest < 0) return Infinity;
    const patienceUs = Math.max(STUCK_US, 4 * stream.rtt.smoothedUs);
    return Math.max(route.newsAtUs, this.sent.sentAtUs(oldest)) + patienceUs;
  }
}
