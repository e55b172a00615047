// Whether the way that lanes take still brings what is sent, where there is another one: datagrams beside a stream.
// Decides when datagrams count as silent (lanes go to the stream) and when a stream counts as stuck: its segments are
// lost and wait for retransmissions that come ever later (RFC 6298 section 5.5). Then datagrams are asked at once, and
// what the stream holds goes by them again. Never moves lanes itself.

import type { LossDetector, SentPackets, SentVisitor } from "../recovery/mod.ts";
import { type Path, PathId } from "./path.ts";
import type { PathSet } from "./path_set.ts";

/** Nothing of ours arrived for this long or four round trips, and not for want of sending. */
const SILENCE_US = 300_000;
/** So many probes or packets without an answer are no hiccup. Probes come late while packets are sent all the time. */
const SILENT_PTOS = 3;
const SILENT_PACKETS = 8;
/** Who comes this late was stalled itself: what came meanwhile has not been read yet. */
const LATE_US = 100_000;

/** Watches the paths of one connection. */
export class PathWatch {
  #wokeAtUs = -Infinity;

  constructor(
    private readonly paths: PathSet,
    private readonly sent: SentPackets,
    private readonly loss: LossDetector,
  ) {}

  /** When a path is to be judged; Infinity for never. */
  get atUs(): number {
    const { active, liveStream } = this.paths;
    const udp = this.paths.get(PathId.udp);
    if (udp === null || liveStream === null) return Infinity;
    const stuckAtUs = udp.isHurried ? Infinity : this.#silentAtUs(liveStream);
    return active.kind === "stream" ? stuckAtUs : Math.min(stuckAtUs, this.#deadAtUs(active));
  }

  /** Asks datagrams when the stream is stuck, or repairs by them what it holds. True when lanes are to leave them. */
  handleTimeout(nowUs: number, visitor: SentVisitor): boolean {
    if (this.atUs > nowUs) return false;
    const { active, liveStream } = this.paths;
    if (active.kind === "stream") {
      this.paths.get(PathId.udp)?.hurry(nowUs);
      return false;
    }
    if (liveStream !== null && this.#silentAtUs(liveStream) <= nowUs) {
      this.loss.loseAll(nowUs, liveStream.epoch, visitor);
    }
    const lateUs = nowUs - this.#deadAtUs(active);
    if (lateUs > LATE_US) this.#wokeAtUs = nowUs;
    return lateUs >= 0 && lateUs <= LATE_US;
  }

  /** Whether `path`, which is asked now, is all that there is: no stream, or one that is stuck. */
  isAlone(nowUs: number, path: Path): boolean {
    const stream = this.paths.liveStream;
    if (path.isHurried && (stream === null || this.#silentAtUs(stream) > nowUs)) path.isHurried = false;
    return path.isHurried || stream === null;
  }

  #deadAtUs(path: Path): number {
    const waiting = this.sent.path(path.epoch)?.outstanding ?? 0;
    return path.ptoCount < SILENT_PTOS && waiting < SILENT_PACKETS ? Infinity : this.#silentAtUs(path);
  }

  #silentAtUs(path: Path): number {
    const route = this.sent.path(path.epoch);
    const oldest = route === null ? -1 : this.sent.oldest(route);
    if (route === null || oldest < 0) return Infinity;
    const wokeAtUs = path.kind === "udp" ? this.#wokeAtUs : -Infinity;
    const sinceUs = Math.max(route.newsAtUs, this.sent.sentAtUs(oldest), wokeAtUs);
    return sinceUs + Math.max(SILENCE_US, 4 * path.rtt.smoothedUs);
  }
}
