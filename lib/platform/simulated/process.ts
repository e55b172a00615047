// One process on a simulated host: its clock, its timers, its view of the machine.
// Decides that a process that has ended does nothing any more: no timer fires, no deferred call runs.

import type {
  Clock,
  Hardware,
  Host,
  NetworkInterface,
  NetworkInterfaces,
  Platform,
  ProcessSignal,
  TimerHandle,
  Timers,
} from "../mod.ts";
import type { QueuedEvent } from "../event_queue.ts";
import type { HostCpu } from "./cpu.ts";
import type { DatagramPorts } from "./datagrams.ts";
import { SimulatedDatagrams } from "./datagrams.ts";
import type { Engine } from "./engine.ts";
import { SimulatedDatabases } from "./databases.ts";
import type { SimulatedDisk } from "./disk.ts";
import { SimulatedFiles } from "./files.ts";
import type { HostNetwork } from "./network.ts";
import { ProcessLife } from "./process_life.ts";
import type { StreamPorts } from "./streams.ts";
import { SimulatedStreams } from "./streams.ts";
import { type ProgramProcess, type ProgramSurroundings, SimulatedProcesses } from "./children.ts";
import { endedBy, type ProcessRecord, type ProcessStart } from "./process_record.ts";
import { SimulatedProcessTable } from "./process_table.ts";
import type { HostClocks } from "./wall_clock.ts";

class SimulatedClock implements Clock {
  readonly #engine: Engine;
  readonly #clocks: HostClocks;

  constructor(engine: Engine, clocks: HostClocks) {
    this.#engine = engine;
    this.#clocks = clocks;
  }

  nowUs(): number {
    return this.#engine.nowUs + this.#clocks.monotonicOffsetUs;
  }

  wallMs(): number {
    return this.#clocks.wallMs(this.#engine.nowUs);
  }
}

class SimulatedTimer implements TimerHandle {
  readonly #owner: SimulatedTimers;
  readonly #callback: () => void;
  #event: QueuedEvent | null = null;
  #isCancelled = false;

  constructor(owner: SimulatedTimers, callback: () => void) {
    this.#owner = owner;
    this.#callback = callback;
  }

  plan(engine: Engine, atUs: number): void {
    this.#event = engine.at(atUs, () => this.#onDue());
  }

  // A timer that is due on a frozen host has left the queue already.
  cancel(): void {
    this.#isCancelled = true;
    if (this.#event !== null) this.#owner.engine.cancel(this.#event);
    this.#event = null;
  }

  #onDue(): void {
    this.#event = null;
    const { life } = this.#owner;
    if (life.cpu.isFree) this.#fire();
    else if (life.alive) life.cpu.run(() => this.#fire());
  }

  #fire(): void {
    if (!this.#isCancelled) this.#owner.fire(this.#callback);
  }
}

class SimulatedTimers implements Timers {
  readonly engine: Engine;
  readonly life: ProcessLife;
  readonly #offsetUs: number;

  constructor(engine: Engine, life: ProcessLife, offsetUs: number) {
    this.engine = engine;
    this.life = life;
    this.#offsetUs = offsetUs;
  }

  schedule(atUs: number, callback: () => void): TimerHandle {
    const timer = new SimulatedTimer(this, callback);
    timer.plan(this.engine, atUs - this.#offsetUs);
    return timer;
  }

  /** Runs a timer that is due. */
  fire(callback: () => void): void {
    if (!this.life.alive) return;
    this.engine.log.record(this.engine.nowUs, "timer", this.life.hostName, this.life.hostName, 0);
    this.#run(callback, "a timer");
  }

  // A promise callback is what the real platform uses too: it runs between two events, in the order of its making.
  defer(callback: () => void): void {
    void Promise.resolve().then(() => {
      const { cpu } = this.life;
      // A frozen host runs it all the same: it belongs to the callback that was under way.
      if (cpu.isStopped) cpu.run(() => this.#runDeferred(callback));
      else this.#runDeferred(callback);
    });
  }

  #runDeferred(callback: () => void): void {
    if (this.life.alive) this.#run(callback, "a deferred call");
  }

  #run(callback: () => void, what: string): void {
    try {
      callback();
    } catch (thrown) {
      this.engine.crash(thrown, `${what} on ${this.life.hostName}`);
    }
  }
}

class SimulatedInterfaces implements NetworkInterfaces {
  readonly #network: HostNetwork;

  constructor(network: HostNetwork) {
    this.#network = network;
  }

  list(): NetworkInterface[] {
    const listed: NetworkInterface[] = [];
    for (const each of this.#network.interfaces) listed.push(...each.list());
    return listed.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  }
}

/** What a process needs of its host. */
export interface ProcessSurroundings extends ProgramSurroundings {
  readonly engine: Engine;
  readonly cpu: HostCpu;
  readonly hardware: Hardware;
  readonly network: HostNetwork;
  readonly disk: SimulatedDisk;
  readonly datagramPorts: DatagramPorts;
  readonly streamPorts: StreamPorts;
  readonly clocks: HostClocks;
  readonly facts: Omit<Host, "processId">;
  /** Counts the processes of the host, so that each has randomness of its own. */
  readonly serial: number;
  readonly processId: number;
  readonly start: ProcessStart;
}

/** A process and the platform that it runs on. */
export class SimulatedProcess implements ProgramProcess {
  readonly platform: Platform;
  /** It as its system keeps it. */
  readonly record: ProcessRecord;
  readonly #life: ProcessLife;

  constructor(around: ProcessSurroundings) {
    const { engine, facts, serial, processId, processTable } = around;
    this.#life = new ProcessLife(facts.hostname, processId, around.cpu);
    this.record = processTable.add(this.#life, around.start);
    const clock = new SimulatedClock(engine, around.clocks);
    const files = new SimulatedFiles(around.disk, this.#life, around.programs);
    this.platform = {
      clock,
      timers: new SimulatedTimers(engine, this.#life, around.clocks.monotonicOffsetUs),
      random: engine.random.under(`host:${facts.hostname}/process:${serial}`),
      datagrams: new SimulatedDatagrams(around.datagramPorts, this.#life, clock),
      streams: new SimulatedStreams(around.streamPorts, this.#life),
      interfaces: new SimulatedInterfaces(around.network),
      files,
      databases: new SimulatedDatabases(around.disk, files, this.#life),
      host: { ...facts, processId },
      hardware: around.hardware,
      processes: new SimulatedProcesses(this.record, around),
      processTable: new SimulatedProcessTable(processTable, this.record, facts.os === "linux"),
    };
  }

  /** Whether it runs. */
  get alive(): boolean {
    return this.#life.alive;
  }

  /** SIGKILL: it does nothing any more; its system closes what it held, so peers see a reset. */
  kill(): void {
    this.record.end(endedBy("SIGKILL"));
  }

  /** Sends it a signal; SIGSTOP stops it alone until SIGCONT. False when it has ended. */
  signal(signal: ProcessSignal): boolean {
    return this.record.signal(signal);
  }

  /** The machine lost power: silence. */
  losePower(): void {
    this.#life.end("power-lost");
  }
}
