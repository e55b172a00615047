// What all sessions of a node share for their lanes: one set of datagram sockets, and a bound on memory.
// Decides when the sockets are opened (at once by who listens, by others with the first session that can use them), which
// port they get, and what happens when they cannot be: lanes stay on their streams, and the reason is kept for people.
// Never speaks with a peer itself.

import { HanaError, toHanaError } from "../base/mod.ts";
import { EndpointBudget, LANES_VERSION } from "../lanes/mod.ts";
import type { DatagramOptions, IpEndpoint, NetworkInterface, Platform } from "../platform/mod.ts";
import type { KeyRing, NoiseSuite, ReplayGuard } from "../security/mod.ts";
import { formatAddress, UdpEndpoint, type UdpPath } from "../transport/mod.ts";
import { byFamily, hostOf } from "./hosts.ts";

/** How a node takes datagrams. */
export interface NodeLanesOptions {
  readonly platform: Platform;
  readonly suite: NoiseSuite;
  /** For handshakes over datagrams. */
  readonly ring: KeyRing;
  readonly replayGuard: ReplayGuard;
  /** False opens no sockets: all lanes stay on their streams. */
  readonly isOn: boolean;
}

/** How long an acknowledgement is held back at most, as told in a handshake. */
const MAX_ACK_DELAY_US = 25_000;

/** The datagram side of one node's sessions. */
export class NodeLanes {
  readonly budget = new EndpointBudget();
  #endpoint: UdpEndpoint | null = null;
  #failure: HanaError | null = null;
  #errors = 0;
  #isListening = false;
  #isClosed = false;

  constructor(private readonly options: NodeLanesOptions) {}

  /** The sockets; null when there are none, see {@linkcode whyNone}. */
  udp(): UdpEndpoint | null {
    const mayOpen = this.options.isOn && !this.#isClosed;
    if (mayOpen && this.#endpoint === null && this.#failure === null) this.#open(0, null);
    return this.#endpoint;
  }

  /**
   * Opens the sockets at once and answers whoever dials `udp:` addresses: on `port` by IPv4, where that is free, and on
   * any port by IPv6 (one port for both families is one socket for both, which tells no IPv4 addresses as such).
   */
  listen(port: number, onAccept: (path: UdpPath) => void): void {
    if (!this.options.isOn || this.#endpoint !== null) return;
    this.#isListening = true;
    this.#open(port, onAccept);
  }

  /** Where `udp:` addresses lead here, one an interface address; none while nothing listens. */
  addresses(interfaces: readonly NetworkInterface[]): string[] {
    if (!this.#isListening) return [];
    return interfaces.filter((nic) => !nic.loopback).sort(byFamily).flatMap((nic) => {
      const port = this.#portOf(nic.family === "ipv6");
      return port === null ? [] : [formatAddress({ kind: "udp", host: hostOf(nic), port })];
    });
  }

  /** Our end of a path to `host`. */
  localFor(host: string): IpEndpoint {
    const isIpv6 = host.includes(":");
    return this.#endpoint?.local.find((socket) => socket.host.includes(":") === isIpv6) ??
      { host: isIpv6 ? "::" : "0.0.0.0", port: 0 };
  }

  /** Why there are no sockets, for people; null while there are some, or nothing was wrong. */
  get whyNone(): string | null {
    if (!this.options.isOn) return "datagrams are switched off";
    return this.#failure === null ? null : this.#failure.message;
  }

  /** Counters of the sockets, or why there are none; null while none were wanted. */
  statistics(): Record<string, unknown> | null {
    const endpoint = this.#endpoint;
    const { whyNone } = this;
    if (endpoint === null) return whyNone === null ? null : { whyNone };
    return {
      ports: endpoint.local.map(({ port }) => port),
      paths: endpoint.pathCount,
      errors: this.#errors,
      heldBytes: this.budget.heldBytes,
      ...endpoint.counters,
    };
  }

  /** Closes the sockets. */
  close(): void {
    this.#isClosed = true;
    this.#isListening = false;
    this.#endpoint?.close();
    this.#endpoint = null;
  }

  #portOf(isIpv6: boolean): number | null {
    return this.#endpoint?.local.find((socket) => socket.host.includes(":") === isIpv6)?.port ?? null;
  }

  #open(port: number, onAccept: ((path: UdpPath) => void) | null): void {
    const hasIpv6 = this.options.platform.interfaces.list().some(({ family }) => family === "ipv6");
    const ipv6: DatagramOptions = { host: "::", port: 0 };
    const tries: DatagramOptions[][] = [];
    for (const each of port === 0 ? [0] : [port, 0]) {
      const ipv4: DatagramOptions = { host: "0.0.0.0", port: each };
      // A kernel may list ::1 and refuse the rest.
      tries.push(...(hasIpv6 ? [[ipv4, ipv6], [ipv4]] : [[ipv4]]));
    }
    for (const sockets of tries) {
      try {
        this.#endpoint = this.#make(sockets, onAccept);
        this.#failure = null;
        return;
      } catch (thrown) {
        this.#failure = toHanaError(thrown, "network-unusable", "no datagram socket could be opened");
      }
    }
  }

  #make(sockets: DatagramOptions[], onAccept: ((path: UdpPath) => void) | null): UdpEndpoint {
    const { platform, suite, ring, replayGuard } = this.options;
    const { datagrams, clock, timers } = platform;
    return new UdpEndpoint({
      datagrams,
      clock,
      timers,
      random: platform.random.stream("transport/udp"),
      suite,
      sockets,
      onError: () => {
        this.#errors++;
      },
      handshakes: {
        ring,
        replayGuard,
        hello: { laneVersion: LANES_VERSION, maxAckDelayUs: MAX_ACK_DELAY_US, extensions: [] },
        answers: onAccept !== null,
        onAccept: (path) => onAccept?.(path),
      },
    });
  }
}
