// Two machines and a cable that loses frames: a network namespace each, and a third one in which
// native/lossy_forwarder.c forwards. Decides names and addresses, and that nothing stays behind. The sender stands on
// one side, receivers and the broker on the other, so that each peer's values cross it once.

import { signalChild, startChild } from "../children.ts";
import { dropNamespace, ip } from "../discovery_stage.ts";
import { TextLineReader } from "../lines.ts";
import type { CableKind } from "./workloads.ts";

const READY_MS = 5_000;

/** What the forwarder did, each way. */
export interface WayFigures {
  readonly passed: number;
  readonly bytes: number;
  readonly lost: number;
  readonly overflowed: number;
  readonly failed: number;
  /** Frames that left more than a millisecond late. */
  readonly late: number;
}

/** Both ways, seen from the sender. */
export interface CableFigures {
  readonly there: WayFigures;
  readonly back: WayFigures;
}

/** A cable for one run at a time. */
export class Cable {
  readonly senderAddress = "10.89.0.1";
  readonly receiverAddress = "10.89.0.2";
  readonly #names: { readonly sender: string; readonly hub: string; readonly receiver: string };
  #forwarder: { readonly child: Deno.ChildProcess; readonly lines: TextLineReader } | null = null;

  private constructor(private readonly directory: string, prefix: string) {
    this.#names = { sender: `${prefix}-a`, hub: `${prefix}-h`, receiver: `${prefix}-b` };
  }

  /** Throws where there are no namespaces. `directory` holds the compiled forwarder. */
  static async create(directory: string, prefix: string): Promise<Cable> {
    const cable = new Cable(directory, prefix);
    try {
      await cable.#build();
    } catch (thrown) {
      await cable.remove();
      throw thrown;
    }
    return cable;
  }

  /** What stands before a command that runs on that side. */
  prefix(role: "sender" | "receiver"): string[] {
    return ["ip", "netns", "exec", this.#names[role]];
  }

  /** Frames pass from now on. */
  async plug(kind: CableKind, seed: number): Promise<void> {
    const { lossPpm, delayUs, bytesPerS, queueBytes } = kind;
    const child = startChild([
      ...["ip", "netns", "exec", this.#names.hub, `${this.directory}/lossy_forwarder`, "left", "right"],
      ...[`loss=${lossPpm}`, `delay=${delayUs}`, `seed=${seed}`],
      ...(bytesPerS === undefined ? [] : [`rate=${bytesPerS}`, `queue=${queueBytes ?? 0}`]),
    ], { stdin: "piped", stdout: "piped", stderr: "inherit" });
    const lines = new TextLineReader(child.stdout);
    this.#forwarder = { child, lines };
    if (await lines.next(READY_MS) === null) throw new Error("the forwarder did not start");
  }

  /** No frame passes any more. */
  async unplug(): Promise<CableFigures> {
    const forwarder = this.#forwarder;
    if (forwarder === null) throw new Error("the cable is not plugged in");
    this.#forwarder = null;
    await forwarder.child.stdin.close().catch(() => {});
    const timer = setTimeout(() => signalChild(forwarder.child, "SIGKILL"), READY_MS);
    const line = await forwarder.lines.next(READY_MS);
    await forwarder.lines.cancel();
    await forwarder.child.status;
    clearTimeout(timer);
    if (line === null) throw new Error("the forwarder broke");
    return JSON.parse(line) as CableFigures;
  }

  async remove(): Promise<void> {
    if (this.#forwarder !== null) await this.unplug().catch(() => {});
    for (const name of Object.values(this.#names)) await dropNamespace(name);
  }

  async #build(): Promise<void> {
    const { sender, hub, receiver } = this.#names;
    const side = (
      port: string,
      name: string,
      address: string,
      mac: string,
      other: string,
      otherMac: string,
    ) => [
      `-n ${hub} link add ${port} type veth peer name eth0 address ${mac} netns ${name}`,
      // Segments leave one by one, as on a real cable: a lost frame is one frame.
      `-n ${name} link set eth0 gso_max_segs 1`,
      `-n ${hub} link set ${port} addrgenmode none`,
      `-n ${name} link set eth0 addrgenmode none`,
      `-n ${hub} link set ${port} up`,
      `-n ${name} link set lo up`,
      `-n ${name} link set eth0 up`,
      `-n ${name} addr add ${address}/24 dev eth0`,
      `-n ${name} neigh replace ${other} lladdr ${otherMac} dev eth0 nud permanent`,
    ];
    const [macA, macB] = ["02:00:4c:58:00:01", "02:00:4c:58:00:02"];
    await ip([
      ...[sender, hub, receiver].map((name) => `netns add ${name}`),
      ...side("left", sender, this.senderAddress, macA, this.receiverAddress, macB),
      ...side("right", receiver, this.receiverAddress, macB, this.senderAddress, macA),
    ]);
  }
}
