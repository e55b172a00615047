// One machine of a rehearsal, with the face that the simulator's has for players of timelines.
// Decides what is asked of its interfaces, its clock and its processes, and remembers what was asked: that is the truth
// by which runs are judged. Never does it itself.

import type { ClockChange } from "../../../lib/simulate/mod.ts";
import type { ClockFault } from "./channel.ts";
import type { Attachment } from "./namespaces.ts";

/** What a host needs of its ground. */
export interface HostSurroundings {
  /** Changes an interface, after what was asked for before. */
  changeInterface(host: string, name: string, change: "down" | "up" | "remove" | "recreate"): void;
  setAddress(host: string, name: string, address: string, prefix: number): void;
  /** What the host's processes must be told has changed. */
  onImpairments(host: string): void;
  /** Stops or continues the host's processes. */
  onFrozen(host: string, isFrozen: boolean): void;
}

/** A machine of the rehearsal, with the face that the simulator's has for players of timelines. */
export class RehearsedHost {
  powered = true;
  /** Every callback of its processes takes this much longer. */
  slowUs = 0;
  /** How its wall clock goes wrong. */
  clock: ClockFault | null = null;
  readonly network: {
    find(name: string): { readonly addresses: readonly { address: string; prefix: number }[] } | null;
  };
  readonly #interfaces = new Map<string, { attachment: Attachment; isUp: boolean; isThere: boolean }>();
  readonly #clockChanges: { readonly change: ClockChange; readonly sinceMs: number }[] = [];

  constructor(
    readonly name: string,
    readonly plan: readonly Attachment[],
    private readonly around: HostSurroundings,
  ) {
    for (const attachment of plan) {
      this.#interfaces.set(attachment.name, { attachment, isUp: true, isThere: true });
    }
    this.network = {
      find: (wanted) => {
        const found = this.#interfaces.get(wanted);
        if (found === undefined || !found.isThere) return null;
        const { address, prefix } = found.attachment;
        return { addresses: [{ address, prefix }] };
      },
    };
  }

  /** The addresses that it has or had: datagrams under way may still carry an old one. */
  addresses(): string[] {
    const planned = this.plan.map(({ address }) => address);
    const present = Array.from(this.#interfaces.values(), ({ attachment }) => attachment.address);
    return [...new Set([...planned, ...present])];
  }

  /** Segments on which it can speak now. */
  usableSegments(): string[] {
    return [...this.#interfaces.values()].filter(({ isUp, isThere }) => isUp && isThere)
      .map(({ attachment }) => attachment.segment);
  }

  setInterfaceUp(name: string, isUp: boolean): void {
    const found = this.#interfaces.get(name);
    if (found === undefined) return;
    found.isUp = isUp;
    this.#change(name, isUp ? "up" : "down");
  }

  removeInterface(name: string): void {
    const found = this.#interfaces.get(name);
    if (found === undefined) return;
    found.isThere = false;
    this.#change(name, "remove");
  }

  /** Makes an interface that was removed anew. */
  addInterface(plan: Attachment): void {
    const found = this.#interfaces.get(plan.name);
    if (found === undefined) return;
    found.isThere = true;
    found.isUp = true;
    this.#change(plan.name, "recreate");
  }

  setAddresses(name: string, addresses: readonly { address: string; prefix: number }[]): void {
    const found = this.#interfaces.get(name);
    const [first] = addresses;
    if (found === undefined || first === undefined) return;
    found.attachment = { ...found.attachment, ...first };
    this.around.setAddress(this.name, name, first.address, first.prefix);
    this.around.onImpairments(this.name);
  }

  freeze(): void {
    this.around.onFrozen(this.name, true);
  }
  thaw(): void {
    this.around.onFrozen(this.name, false);
  }

  slow(extraUs: number): void {
    this.slowUs = extraUs;
    this.around.onImpairments(this.name);
  }

  /** Lets the wall clock go wrong; the result undoes it. */
  changeClock(change: ClockChange): () => void {
    const entry = { change, sinceMs: Date.now() };
    const apply = (): void => {
      this.clock = clockFaultOf(this.#clockChanges);
      this.around.onImpairments(this.name);
    };
    this.#clockChanges.push(entry);
    apply();
    return () => {
      this.#clockChanges.splice(this.#clockChanges.indexOf(entry), 1);
      apply();
    };
  }

  /** Its power is gone; its processes are the stations' business. */
  crash(): void {
    this.powered = false;
  }
  restart(): void {
    this.powered = true;
  }

  #change(name: string, change: "down" | "up" | "remove" | "recreate"): void {
    this.around.changeInterface(this.name, name, change);
    this.around.onImpairments(this.name);
  }
}

function clockFaultOf(
  changes: readonly { readonly change: ClockChange; readonly sinceMs: number }[],
): ClockFault | null {
  let fault: ClockFault = { offsetMs: 0, drift: null, sine: null };
  for (const { change, sinceMs } of changes) {
    switch (change.kind) {
      case "offset":
      case "step":
        fault = { ...fault, offsetMs: fault.offsetMs + change.ms };
        break;
      case "drift":
        fault = { ...fault, drift: { ppm: change.ppm, sinceMs } };
        break;
      case "sine":
        fault = {
          ...fault,
          sine: { amplitudeMs: change.amplitudeMs, periodUs: change.periodUs, sinceMs },
        };
        break;
    }
  }
  return changes.length === 0 ? null : fault;
}
