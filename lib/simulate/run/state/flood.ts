// A hostile client: opens the lane of shared state and says as much as it can, right or wrong.
// Decides what it says; everything goes over a session like anybody's, and the host has to bear it.

import { HanaError } from "../../../base/mod.ts";
import type { Node } from "../../../node/mod.ts";
import type { RandomStream } from "../../../platform/mod.ts";
import {
  type ClientNumber,
  type ClientSequence,
  LaneLink,
  MessageEncoder,
  type PathId,
  STATE_LANE,
  STATE_PROTOCOL,
  type StateMessage,
} from "../../../state/mod.ts";
import type { FloodKind } from "../../state_plan.ts";

/** What a flood needs. */
export interface FloodOptions {
  node(): Node | null;
  nowUs(): number;
  at(atUs: number, run: () => void): void;
  readonly random: RandomStream;
  readonly everyUs: number;
  readonly kind: FloodKind;
}

/** Sessions are opened again after this. */
const AGAIN_US = 500_000;

/** A flood. */
export class Flood {
  readonly #options: FloodOptions;
  readonly #encoder = new MessageEncoder();
  #link: LaneLink | null = null;
  #sequence = 0;
  #isOver = false;

  constructor(options: FloodOptions) {
    this.#options = options;
  }

  /** Opens a session with the host and begins. */
  begin(): void {
    void this.#open();
    this.#next();
  }

  /** Ends with its session. */
  end(): void {
    this.#isOver = true;
    this.#link?.close();
  }

  async #open(): Promise<void> {
    if (this.#isOver) return;
    const { node, at, nowUs } = this.#options;
    const here = node();
    const hostId = here?.state.hostId ?? null;
    try {
      if (here === null || hostId === null) throw new HanaError("unreachable", { what: "a host to flood" });
      const session = await here.open(hostId);
      this.#link = new LaneLink(session, STATE_LANE);
      this.#sequence = 0;
      void session.ended.then(() => {
        this.#link = null;
        void this.#open();
      });
      this.#say({
        kind: "hello",
        protocol: STATE_PROTOCOL,
        name: "flood",
        token: null,
        epoch: null,
        have: [],
        interests: [{ prefix: "", rate: "fast", maxHz: 0 }],
        capabilities: [],
      });
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
      at(nowUs() + AGAIN_US, () => void this.#open());
    }
  }

  #next(): void {
    if (this.#isOver) return;
    const { at, nowUs, everyUs } = this.#options;
    if (this.#link !== null) this.#shout();
    at(nowUs() + everyUs, () => this.#next());
  }

  #shout(): void {
    const { random, kind } = this.#options;
    const id = (1 + Math.floor(random.float() * 64)) as PathId;
    // A host tells its term in what it answers; one that floods does not wait for it.
    const term = Math.floor(random.float() * 4);
    switch (kind) {
      case "writes":
        return this.#say({
          kind: "set",
          term,
          sequence: ++this.#sequence as ClientSequence,
          priority: 200,
          take: true,
          momentary: false,
          generation: null,
          entries: [{ id, type: "f32", value: Math.fround(random.float()), winner: null }],
        });
      case "wishes":
        return this.#say({
          kind: "own",
          term,
          action: "steal",
          request: ++this.#sequence,
          other: 0 as ClientNumber,
          objects: [{ id, state: "free", owner: 0 as ClientNumber, generation: 0, leftUs: 0 }],
          text: "",
        });
      case "hellos":
        return this.#say({
          kind: "hello",
          protocol: STATE_PROTOCOL,
          name: "flood",
          token: random.fill(new Uint8Array(16)),
          epoch: null,
          have: [],
          interests: [{ prefix: "", rate: "fast", maxHz: 0 }],
          capabilities: [],
        });
      case "garbage":
        this.#link?.send(random.fill(new Uint8Array(1 + Math.floor(random.float() * 200))));
    }
  }

  #say(message: StateMessage): void {
    const bytes = this.#encoder.encode(message);
    if (bytes !== null) this.#link?.send(bytes);
  }
}
