// What all sessions of a node share for their lanes: one set of datagram sockets, and a bound on memory.
// Decides when the sockets are opened (with the first session that can use them) and what happens when they cannot be:
// lanes stay on their streams, and the reason is kept for `hana ping` and doctor. Never speaks with a peer itself.

import { HanaError, toHanaError } from "../base/mod.ts";
import { EndpointBudget } from "../lanes/mod.ts";
import type { DatagramOptions, Platform } from "../platform/mod.ts";
import type { NoiseSuite } from "../security/mod.ts";
import { UdpEndpoint } from "../transport/mod.ts";

/** How a node takes datagrams. */
export interface NodeLanesOptions {
  readonly platform: Platform;
  readonly suite: NoiseSuite;
  /** False opens no sockets: all lanes stay on their streams. */
  readonly isOn: boolean;
}

/** The datagram side of one node's sessions. */
export class NodeLanes {
  readonly budget = new EndpointBudget();
  #endpoint: UdpEndpoint | null = null;
  #failure: HanaError | null = null;
  #errors = 0;
  #isClosed = false;

  constructor(private readonly options: NodeLanesOptions) {}

  /** The sockets; null when there are none, see {@linkcode failure}. */
  udp(): UdpEndpoint | null {
    const mayOpen = this.options.isOn && !this.#isClosed;
    if (mayOpen && this.#endpoint === null && this.#failure === null) this.#open();
    return this.#endpoint;
  }

  /** Why there are no sockets; null while nothing was wrong. */
  get failure(): HanaError | null {
    return this.#failure;
  }
  /** Counters of the sockets; null while none are open. */
  statistics(): Record<string, unknown> | null {
    const endpoint = this.#endpoint;
    if (endpoint === null) return this.#failure === null ? null : { failure: this.#failure.message };
    return {
      paths: endpoint.pathCount,
      errors: this.#errors,
      heldBytes: this.budget.heldBytes,
      ...endpoint.counters,
    };
  }

  /** Closes the sockets. */
  close(): void {
    this.#isClosed = true;
    this.#endpoint?.close();
    this.#endpoint = null;
  }

  #open(): void {
    const { platform, suite } = this.options;
    const { datagrams, clock, timers, interfaces } = platform;
    const hasIpv6 = interfaces.list().some(({ family }) => family === "ipv6");
    const make = (sockets: DatagramOptions[]): UdpEndpoint =>
      new UdpEndpoint({
        datagrams,
        clock,
        timers,
        random: platform.random.stream("transport/udp"),
        suite,
        sockets,
        onError: () => {
          this.#errors++;
        },
      });
    const ipv4: DatagramOptions = { host: "0.0.0.0", port: 0 };
    try {
      this.#endpoint = make(hasIpv6 ? [ipv4, { host: "::", port: 0 }] : [ipv4]);
    } catch {
      // A kernel may list ::1 and refuse the rest.
      try {
        this.#endpoint = make([{ host: "0.0.0.0", port: 0 }]);
      } catch (thrown) {
        this.#failure = toHanaError(thrown, "network-unusable", "no datagram socket could be opened");
      }
    }
  }
}
