// Sessions between two simulated machines: real carriers over simulated TCP, virtual time, cables to pull.

import { assert } from "@std/assert";
import type { HanaError } from "../../../lib/base/mod.ts";
import {
  type SimulatedHost,
  SimulatedWorld,
  type StreamPieces,
} from "../../../lib/platform/simulated/mod.ts";
import {
  type AccessSource,
  type Fence,
  HandlerTable,
  type Identity,
  Session,
  type SessionLimits,
} from "../../../lib/session/mod.ts";
import { Link, StreamCarrier } from "../../../lib/transport/mod.ts";
import { identity } from "./support.ts";

export const PORT = 700;

export interface StageOptions {
  readonly pieces?: StreamPieces;
  readonly limits?: Partial<SessionLimits>;
  readonly maxFrameBytes?: number;
  readonly local?: Partial<Identity>;
  readonly remote?: Partial<Identity>;
  readonly access?: AccessSource;
  /** What the far machine asks about commands. */
  readonly fence?: Fence;
}

/** Two machines on one segment; `near` dials, `far` listens. */
export class Stage {
  readonly crashes: HanaError[] = [];
  readonly world: SimulatedWorld;
  readonly near: SimulatedHost;
  readonly far: SimulatedHost;
  readonly nearHandlers = new HandlerTable();
  readonly farHandlers = new HandlerTable();
  /** Sessions that the far machine accepted. */
  readonly accepted: Session[] = [];

  constructor(readonly options: StageOptions = {}) {
    this.world = new SimulatedWorld({
      seed: 11,
      streamPieces: options.pieces ?? "whole",
      onCrash: (error) => this.crashes.push(error),
    });
    this.world.createSegment("lan", { delayUs: 200 });
    const host = (name: string, address: string) =>
      this.world.createHost({ name, interfaces: [{ name: "eth0", segment: "lan", address, prefix: 24 }] });
    this.near = host("near", "10.0.0.1");
    this.far = host("far", "10.0.0.2");
  }

  /** The far machine listens, as the process that runs there now. */
  async serve(): Promise<void> {
    const { platform } = this.far;
    await platform.streams.listen({ kind: "tcp", host: "0.0.0.0", port: PORT }, {
      onStream: (stream) => {
        const link = new Link(stream, { channel: null, maxFrameBytes: this.options.maxFrameBytes });
        this.accepted.push(Session.start({
          platform,
          carrier: new StreamCarrier(link),
          side: "listener",
          local: identity(2, this.options.remote),
          handlers: this.farHandlers,
          access: this.options.access ?? "operator",
          limits: this.options.limits,
          ...(this.options.fence === undefined ? {} : { fence: this.options.fence }),
        }));
      },
      onError: (error) => {
        throw error;
      },
    });
  }

  /** One attempt of the near machine. Settles only while the world runs. */
  async dial(signal?: AbortSignal): Promise<Session> {
    const { platform } = this.near;
    const stream = await platform.streams.connect({ kind: "tcp", host: "10.0.0.2", port: PORT }, { signal });
    const session = Session.start({
      platform,
      carrier: new StreamCarrier(
        new Link(stream, { channel: null, maxFrameBytes: this.options.maxFrameBytes }),
      ),
      side: "dialler",
      local: identity(1, this.options.local),
      handlers: this.nearHandlers,
      access: "operator",
      limits: this.options.limits,
    });
    await session.ready;
    return session;
  }

  /** A session that both sides have opened. */
  async connected(): Promise<{ near: Session; far: Session }> {
    await this.serve();
    const near = await this.settle(this.dial());
    const far = this.accepted.at(-1);
    assert(far !== undefined);
    await this.settle(far.ready);
    return { near, far };
  }

  /** Lets time pass until the promise settles, a simulated minute at most. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    promise.then(() => settled = true, () => settled = true);
    await this.until(() => settled, "the promise settles");
    return await promise;
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    assert(
      await this.world.runUntilTrue(condition, this.world.nowUs + 60_000_000),
      `not in a minute: ${what}`,
    );
  }

  /** Pulls the cable and sends until the system, the link and the lane take nothing more. Returns how many went. */
  async fill(send: () => string): Promise<number> {
    this.plug(false);
    for (let sent = 0, stuck = false;; await this.world.runFor(10_000)) {
      const before = sent;
      while (send() !== "full") sent++;
      if (stuck && sent === before) return sent;
      stuck = sent === before;
    }
  }

  /** The cable of the far machine. */
  plug(up: boolean): void {
    this.far.setInterfaceUp("eth0", up);
  }
}
