// The paths of one connection, and which of them carries the lanes.
// Decides when lanes move: datagrams are preferred where they pass both ways, the stream takes over when they fall
// silent, and a moved address takes the old one's place once it is proved. Never sends, never sees an address.

import { assert } from "../../base/mod.ts";
import {
  type CongestionControl,
  DelayBrake,
  FixedRate,
  LoopbackWindow,
  Pacer,
  StreamWindow,
} from "../congestion/mod.ts";
import { LOOPBACK_STEPS as LOCAL_STEPS, MtuSearch, STANDARD_STEPS } from "../mtu/mod.ts";
import { RttEstimator } from "../recovery/mod.ts";
import { type ConnectionOptions, UDP_OVERHEAD_BYTES } from "./options.ts";
import { Path, PathId, type PathKind, type PathReason } from "./path.ts";

const DEFAULT_FIXED_RATE = 12_500_000;

/** The paths of a connection. */
export class PathSet {
  /** By {@linkcode PathId}. */
  readonly #paths: (Path | null)[] = [null, null, null];
  #active: Path;
  #nextEpoch = 1;
  /** Times that lanes moved. */
  changes = 0;
  reason: PathReason = "first";
  readonly #options: ConnectionOptions;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { kind, maxPacketBytes, isLocal } = options.path;
    const id = kind === "stream" ? PathId.stream : PathId.udp;
    this.#active = this.add(options.nowUs, id, kind, maxPacketBytes, isLocal);
    this.#active.proved = true;
    this.#active.challengeAtUs = Infinity;
    this.#active.epoch = this.#nextEpoch++;
  }

  /** The path that carries the lanes. */
  get active(): Path {
    return this.#active;
  }

  /** A path by its {@linkcode PathId}, null when there is none. */
  get(id: number): Path | null {
    return this.#paths[id] ?? null;
  }

  /** The path whose packets of this life are told apart by `epoch`, null for one of an earlier life. */
  ofEpoch(epoch: number): Path | null {
    for (let id = 0; id < this.#paths.length; id++) {
      const path = this.#paths[id];
      if (path !== null && path !== undefined && path.epoch === epoch) return path;
    }
    return null;
  }

  /** Takes in a path and begins to ask whether the peer answers there. One of the same number is replaced. */
  add(
    nowUs: number,
    id: number,
    kind: PathKind,
    maxPacketBytes: number,
    isLocal = false,
  ): Path {
    const { quantumUs, maxRateBytesPerSecond } = this.#options;
    const control = kind === "stream"
      ? new StreamWindow()
      : isLocal
      ? new LoopbackWindow()
      : this.#newControl(nowUs);
    const steps = isLocal
      ? LOCAL_STEPS.filter((size) => size <= maxPacketBytes + UDP_OVERHEAD_BYTES)
      : STANDARD_STEPS;
    const rate = Math.min(control.rateBytesPerSecond, maxRateBytesPerSecond ?? Infinity);
    const path = new Path(
      id,
      kind,
      nowUs,
      maxPacketBytes,
      new RttEstimator(nowUs),
      control,
      new Pacer({ rateBytesPerSecond: rate, quantumUs }),
      kind === "udp" ? new MtuSearch(nowUs, { steps: this.#options.mtuSteps ?? steps }) : null,
    );
    path.startProving(nowUs);
    this.#paths[id] = path;
    return path;
  }

  /** Makes `path` carry the lanes; its packets are judged anew unless it is a stream, which forgets nothing. */
  activate(path: Path, reason: PathReason): void {
    if (path.epoch === 0 || path.kind === "udp") path.epoch = this.#nextEpoch++;
    this.#active = path;
    this.reason = reason;
    this.changes++;
  }

  /** The moved address becomes the address; returns its path. */
  adoptMoved(): Path {
    const moved = this.#paths[PathId.udpMoved];
    assert(moved !== null && moved !== undefined, "there is a moved address");
    const path = new Path(
      PathId.udp,
      "udp",
      moved.heardAtUs,
      moved.maxPacketBytes,
      moved.rtt,
      moved.control,
      moved.pacer,
      moved.mtu,
    );
    path.proved = true;
    this.#paths[PathId.udp] = path;
    this.#paths[PathId.udpMoved] = null;
    return path;
  }

  /** The stream, where there is one that still stands. */
  get liveStream(): Path | null {
    const stream = this.#paths[PathId.stream] ?? null;
    return stream !== null && stream.usable ? stream : null;
  }

  /** A path that owes an answer, or has a question to ask; null when none does. */
  pollQuestion(nowUs: number): Path | null {
    for (let id = 0; id < this.#paths.length; id++) {
      const path = this.#paths[id];
      if (path === null || path === undefined || !path.usable || !path.mayAsk) continue;
      if (path.responseDue || path.challengeAtUs <= nowUs) return path;
    }
    return null;
  }

  /** When the next question is due; Infinity for never. */
  nextQuestionUs(): number {
    let atUs = Infinity;
    for (let id = 0; id < this.#paths.length; id++) {
      const path = this.#paths[id];
      if (path !== null && path !== undefined && path.usable && path.mayAsk && path.challengeAtUs < atUs) {
        atUs = path.challengeAtUs;
      }
    }
    return atUs;
  }

  #newControl(nowUs: number): CongestionControl {
    const { congestion = "delay-brake", maxRateBytesPerSecond, quantumUs } = this.#options;
    if (typeof congestion === "function") return congestion(nowUs);
    if (congestion === "fixed") {
      return new FixedRate({ rateBytesPerSecond: maxRateBytesPerSecond ?? DEFAULT_FIXED_RATE });
    }
    return new DelayBrake({
      quantumUs,
      ...(maxRateBytesPerSecond === undefined ? {} : { maxRateBytesPerSecond }),
    });
  }
}
