// Where a node listens: its local socket, TCP, and, inside a program, a memory name.
// Decides the order and what is left behind: nothing, when one of them fails. Never greets (sessions.ts).

import { HanaError, type NodeId, type Role } from "../base/mod.ts";
import type { NetworkInterface } from "../platform/mod.ts";
import {
  type Address,
  formatAddress,
  type LinkListener,
  listen,
  type ListenCounters,
  prepareRunDirectory,
  socketPath,
} from "../transport/mod.ts";
import { byFamily, hostOf } from "./hosts.ts";
import type { ConnectorContext } from "./connector.ts";
import { removeNote, writeNote } from "./local.ts";
import type { SessionSet } from "./sessions.ts";

/** What to listen on. */
export interface ListenPlan {
  readonly id: NodeId;
  readonly name: string;
  readonly role: Role;
  /** Null: no local socket. */
  readonly runDirectory: string | null;
  /** Null: no TCP. */
  readonly tcpPort: number | null;
  readonly memoryName?: string;
}

/** The listeners of one node. */
export class NodeListeners {
  readonly counters: ListenCounters = { accepted: 0, acceptErrors: 0, staleSocketsCleared: 0 };
  #listeners: LinkListener[] = [];
  #plan: ListenPlan | null = null;
  #lastError: HanaError | null = null;

  constructor(private readonly context: ConnectorContext, private readonly sessions: SessionSet) {}

  /** Why accepting a connection failed last. */
  get lastError(): HanaError | null {
    return this.#lastError;
  }

  /** Opens all of `plan`. Rejects with the first failure and closes what was open. */
  async open(plan: ListenPlan): Promise<void> {
    this.#plan = plan;
    try {
      if (plan.tcpPort !== null) await this.#openTcp(plan.tcpPort);
      if (plan.memoryName !== undefined) await this.#openOne({ kind: "mem", name: plan.memoryName });
      if (plan.runDirectory !== null) await this.#openLocal(plan, plan.runDirectory);
    } catch (thrown) {
      this.close();
      throw thrown;
    }
  }

  /** Where the node can be reached: local first, then TCP once an interface address. */
  addresses(interfaces: readonly NetworkInterface[]): string[] {
    const all: string[] = [];
    for (const { address } of [...this.#listeners].reverse()) {
      if (address.kind !== "tcp") {
        all.push(formatAddress(address));
        continue;
      }
      const isForBoth = address.host === "::";
      const usable = interfaces.filter((nic) => !nic.loopback && (nic.family === "ipv4" || isForBoth));
      const hosts = usable.length > 0 ? usable.sort(byFamily).map(hostOf) : ["127.0.0.1"];
      for (const host of hosts) all.push(formatAddress({ kind: "tcp", host, port: address.port }));
    }
    return all;
  }

  /** The addresses as they are bound: `tcp://[::]:51234` stands for all interfaces, `0.0.0.0` for IPv4 alone. */
  bound(): Address[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /** The node has another name: the note beside the socket follows. */
  rename(name: string): void {
    if (this.#plan === null) return;
    this.#plan = { ...this.#plan, name };
    this.#writeNote();
  }

  /** The node has another role: tools of this machine read it in the note. */
  changeRole(role: Role): void {
    if (this.#plan === null) return;
    this.#plan = { ...this.#plan, role };
    this.#writeNote();
  }

  /** Stops listening and takes socket and note away. */
  close(): void {
    for (const listener of this.#listeners) listener.close();
    this.#listeners = [];
    const plan = this.#plan;
    if (plan !== null && plan.runDirectory !== null) {
      try {
        removeNote(this.context.platform.files, plan.runDirectory, plan.id);
      } catch (thrown) {
        // The directory may be gone before us; a note without a socket misleads nobody for longer than one dial.
        if (!(thrown instanceof HanaError)) throw thrown;
      }
    }
  }

  async #openTcp(port: number): Promise<void> {
    try {
      await this.#openBoth(port);
    } catch (thrown) {
      if (!(thrown instanceof HanaError) || thrown.code !== "address-in-use") throw thrown;
      throw new HanaError("address-in-use", {
        what: `TCP port ${port} is taken`,
        why: "another program on this machine listens on it",
        hint: "hana serve --port 0    (the machine chooses a free one)",
        cause: thrown,
      });
    }
  }

  /** For both families where the machine has both, so that whoever has IPv6 alone gets in as well. */
  async #openBoth(port: number): Promise<void> {
    const hasIpv6 = this.context.platform.interfaces.list().some(({ family }) => family === "ipv6");
    if (!hasIpv6) return await this.#openOne({ kind: "tcp", host: "0.0.0.0", port });
    try {
      await this.#openOne({ kind: "tcp", host: "::", port });
    } catch (thrown) {
      // A kernel may list ::1 and refuse the rest.
      if (thrown instanceof HanaError && thrown.code === "address-in-use") throw thrown;
      await this.#openOne({ kind: "tcp", host: "0.0.0.0", port });
    }
  }

  async #openLocal(plan: ListenPlan, runDirectory: string): Promise<void> {
    const { files, host } = this.context.platform;
    if (host.os === "windows") {
      files.makeDirectory(runDirectory, 0o700);
      await this.#openOne({ kind: "pipe", name: `hana-${plan.id}` });
    } else {
      const path = socketPath(runDirectory, plan.id);
      prepareRunDirectory(files, host, runDirectory);
      await this.#openOne({ kind: "unix", path });
    }
    this.#writeNote();
  }

  #writeNote(): void {
    const plan = this.#plan;
    const local = this.#listeners.find(({ address }) => address.kind === "unix" || address.kind === "pipe");
    if (plan === null || plan.runDirectory === null || local === undefined) return;
    const { files, host } = this.context.platform;
    const { id, name, role } = plan;
    writeNote(files, plan.runDirectory, {
      id,
      name,
      role,
      processId: host.processId,
      address: formatAddress(local.address),
    });
  }

  async #openOne(address: Address): Promise<void> {
    const local = address.kind !== "tcp";
    const listener = await listen(this.context, address, this.counters, {
      onLink: (link) => this.sessions.accept(this.context, link, local),
      onError: (error) => {
        this.#lastError = error;
      },
    });
    this.#listeners.push(listener);
  }
}
