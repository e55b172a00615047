// Modulation on a node: frames that sources elsewhere send to this visualization, and sources of this node.
// Decides how a source reaches its visualization, again after a loss; lib/state/modulation decides what comes of it.

import { HanaError } from "../../base/mod.ts";
import type { TimerHandle } from "../../platform/mod.ts";
import type { Session } from "../../session/mod.ts";
import {
  Alarm,
  type BaseValues,
  ModulatedValues,
  MODULATION_LANE,
  ModulationLayout,
  ModulationSource,
  type ParameterDefinition,
  readDefinitions,
  STATE_MODULATION,
  STATE_PARAMETERS,
} from "../../state/mod.ts";
import type { StateNode } from "./surroundings.ts";

const OPEN_US = 3_000_000;
/** The pause before a source that lost its visualization looks for it again, in microseconds. */
const RETRY_US = 500_000;

/** Modulation of one node. */
export class NodeModulation {
  readonly #node: StateNode;
  #values: ModulatedValues | null = null;
  /** Frames for a node that takes none, and frames that were none. */
  unwanted = 0;
  malformed = 0;

  constructor(node: StateNode) {
    this.#node = node;
    const { clock } = node.platform;
    node.onLane(MODULATION_LANE.name, (lane, session) => {
      const values = this.#values;
      if (values === null || lane.kind !== MODULATION_LANE.kind) {
        this.unwanted++;
        return null;
      }
      const { id, name } = session.peer;
      values.notePeer(id, name);
      return {
        onMessage: (bytes) => {
          if (values.handleFrame(clock.nowUs(), id, bytes) !== null) this.malformed++;
        },
      };
    });
    node.handlers.onRequest(STATE_MODULATION, ({ path, part }) => {
      const explanation = this.#values?.explain(path, clock.nowUs(), part) ?? null;
      if (explanation !== null) return { ...explanation, sources: [...explanation.sources] };
      throw new HanaError("not-found", {
        what: `modulation of ${path}`,
        why: this.#values === null ? "this node takes no modulation" : "it has no such number",
      });
    });
  }

  /**
   * From now on this node takes modulation of its parameters. Call `beginFrame` of what it returns with every picture.
   * Throws `overloaded` for too many parameters.
   */
  attach(
    parameters: readonly ParameterDefinition[],
    base: (layout: ModulationLayout) => BaseValues,
  ): ModulatedValues {
    const layout = new ModulationLayout(parameters);
    return this.#values = new ModulatedValues(layout, base(layout));
  }

  /**
   * A source of this node that modulates the visualization `target` (a name or an id).
   * @param number of this source among those of this node, 0 to 255
   * Rejects with `not-found`, `unreachable`, `schema`.
   */
  async open(target: string, { name, number }: { name: string; number: number }): Promise<OpenModulation> {
    const outlet = new SessionOutlet();
    const { session, layout } = await this.#reach(target);
    const source = new ModulationSource({ name, number, layout, outlet });
    outlet.take(session, source.key);
    const open = new OpenModulation(this.#node, source, layout, outlet);
    const follow = (lost: Session): void => {
      void lost.ended.then(() => {
        outlet.drop();
        open.retry(RETRY_US, async () => {
          const again = await this.#reach(target);
          if (again.layout.mark !== layout.mark) {
            void again.session.close("modulation");
            throw new HanaError("conflict", { what: `${target} has other parameters now` });
          }
          outlet.take(again.session, source.key);
          follow(again.session);
        });
      });
    };
    follow(session);
    return open;
  }

  async #reach(target: string): Promise<{ session: Session; layout: ModulationLayout }> {
    const session = await this.#node.open(target, { timeoutUs: OPEN_US });
    try {
      const { parameters } = await session.request(STATE_PARAMETERS, {}, { timeoutUs: OPEN_US });
      return { session, layout: new ModulationLayout(readDefinitions(parameters)) };
    } catch (thrown) {
      void session.close("modulation");
      throw thrown;
    }
  }
}

/** A lane that comes and goes with its session. */
class SessionOutlet {
  #lane: ReturnType<Session["openLane"]> | null = null;
  #session: Session | null = null;
  #key = 0;

  get isWritable(): boolean {
    return this.#lane?.isWritable === true;
  }

  send(bytes: Uint8Array): boolean {
    return this.#lane !== null && this.#lane.send(bytes, { key: this.#key }) >= 0;
  }

  take(session: Session, key: number): void {
    this.#session = session;
    this.#key = key;
    this.#lane = session.openLane(MODULATION_LANE);
  }

  drop(): void {
    this.#lane = null;
    this.#session = null;
  }

  close(): void {
    void this.#session?.close("modulation");
    this.drop();
  }
}

/** A source that is being driven: set values on `source`, then call {@linkcode flush}. */
export class OpenModulation {
  readonly #node: StateNode;
  readonly #outlet: SessionOutlet;
  readonly #alarm: Alarm;
  #retry: TimerHandle | null = null;
  #isClosed = false;
  /** Why the visualization was not reached again; null where it was, or nothing was lost. */
  lastFailure: unknown = null;

  /** Made by {@linkcode NodeModulation.open}. */
  constructor(
    node: StateNode,
    readonly source: ModulationSource,
    readonly layout: ModulationLayout,
    outlet: SessionOutlet,
  ) {
    this.#node = node;
    this.#alarm = new Alarm(node.platform.timers, () => this.flush());
    this.#outlet = outlet;
  }

  /** Sends what was set. Allocates nothing where it goes out at once. */
  flush(): void {
    this.source.handleTimeout(this.#node.platform.clock.nowUs());
    const atUs = this.source.pollTimeout()?.atUs ?? Infinity;
    if (!this.#isClosed) this.#alarm.set(atUs);
  }

  /** The visualization is gone: `reach` is called after a pause, until it succeeds. */
  retry(pauseUs: number, reach: () => Promise<void>): void {
    if (this.#isClosed) return;
    const { clock, timers } = this.#node.platform;
    this.#retry = timers.schedule(clock.nowUs() + pauseUs, () => {
      if (this.#isClosed) return;
      reach().then(() => this.lastFailure = null, (thrown) => {
        this.lastFailure = thrown;
        this.retry(pauseUs, reach);
      });
    });
  }

  /** Ends: what it did fades at the visualization, which is told as soon as the pace of frames allows. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#alarm.set(Infinity);
    this.#retry?.cancel();
    const { clock, timers } = this.#node.platform;
    this.source.unbindAll();
    const last = (): void => {
      this.source.handleTimeout(clock.nowUs());
      this.#outlet.close();
    };
    const atUs = this.source.pollTimeout()?.atUs ?? 0;
    if (atUs > clock.nowUs()) timers.schedule(atUs, last);
    else last();
  }
}
