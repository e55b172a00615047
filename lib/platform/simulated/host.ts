// One machine of a simulated world: interfaces, disk, clocks, and the processes that run on it.
// Decides what survives what: what is synced to the disk survives everything, processes survive nothing.

import { HanaError } from "../../base/mod.ts";
import type { Host, MachineFacts, MachineLoad, OperatingSystem, Platform } from "../mod.ts";
import { isIpv6 } from "./address.ts";
import { DatagramPorts } from "./datagrams.ts";
import type { Engine } from "./engine.ts";
import { SimulatedDisk } from "./disk.ts";
import { HostCpu } from "./cpu.ts";
import { SimulatedHardware } from "./hardware.ts";
import { HostNetwork, type InterfaceAddress, type SimulatedInterface } from "./network.ts";
import { sendNotify } from "./notify.ts";
import { SimulatedProcess } from "./process.ts";
import type { ProcessStart } from "./process_record.ts";
import { FIRST_PROCESS_ID, HostProcessTable } from "./process_table.ts";
import { ProgramTable } from "./programs.ts";
import type { Segment } from "./segment.ts";
import type { StreamPieces } from "./stream.ts";
import { StreamPorts } from "./streams.ts";
import { type ClockFault, HostClocks } from "./wall_clock.ts";

/** An interface to be: one address on one segment. */
export interface InterfaceOptions {
  readonly name: string;
  readonly segment: string;
  readonly address: string;
  /** Length of the network part in bits. */
  readonly prefix: number;
  /**
   * `ipv4` unless given. With IPv6 it has a link-local address too, made of its hardware address; with IPv6 alone it
   * does without `address` if that is one of IPv4.
   */
  readonly family?: "ipv4" | "both" | "ipv6";
}

/** What a host is made of. */
export interface HostOptions {
  readonly name: string;
  /** Besides loopback, which every host has. */
  readonly interfaces?: readonly InterfaceOptions[];
  /** The interface by which multicast of an unbound socket leaves; none unless given. */
  readonly defaultInterface?: string;
  readonly os?: OperatingSystem;
  readonly userId?: number;
  /** How far the wall clock is off. */
  readonly wallOffsetMs?: number;
  /** Where the monotonic clock stands when the world begins: no two machines agree on that. */
  readonly monotonicOffsetUs?: number;
  /** What the machine has and how busy it is; it tells nothing of either unless given. */
  readonly hardware?: { readonly facts?: MachineFacts; readonly load?: MachineLoad };
}

/** What a host needs of its world. */
export interface HostSurroundings {
  readonly engine: Engine;
  readonly pieces: StreamPieces;
  readonly hostCalled: (name: string) => SimulatedHost | null;
  readonly segmentCalled: (name: string) => Segment;
}

const DEFAULT_USER_ID = 1000;
/** The number of a host's process before its first one. */
const PROCESS_IDS_FROM = 1000;
/** What a host starts by itself. */
const MAIN: ProcessStart = { program: "hana", env: {}, parentId: FIRST_PROCESS_ID, groupId: null };
/** What a crew's laptop brings along: a second network that leads nowhere. */
const WRONG_INTERFACE = "wrong0";

/** A machine. */
export class SimulatedHost {
  readonly name: string;
  /** What is on it stays, whatever happens to the host. */
  readonly disk: SimulatedDisk;
  readonly network: HostNetwork;
  /** Whether and how soon its programs run. */
  readonly cpu: HostCpu;
  /** What can be started on it. */
  readonly programs = new ProgramTable();
  /** Who runs on it. */
  readonly processTable: HostProcessTable;
  /** What it has and how busy that is; may be set while the world runs. */
  readonly hardware: SimulatedHardware;
  /** Its clocks; the wall clock may be set wrong while the world runs. */
  readonly clocks: HostClocks;
  readonly datagramPorts: DatagramPorts;
  readonly streamPorts: StreamPorts;
  readonly #engine: Engine;
  readonly #segmentCalled: (name: string) => Segment;
  readonly #facts: Omit<Host, "processId">;
  #processes: SimulatedProcess[] = [];
  #main: SimulatedProcess;
  #powered = true;
  #serial = 0;
  #nextProcessId: number | null = null;
  #defaultBefore: string | null = null;

  constructor(options: HostOptions, around: HostSurroundings) {
    this.name = options.name;
    this.#engine = around.engine;
    this.#segmentCalled = around.segmentCalled;
    const userId = options.userId ?? DEFAULT_USER_ID;
    this.disk = new SimulatedDisk(userId, around.engine.random.stream(`host:${options.name}/power-loss`));
    this.network = new HostNetwork(options.name, options.defaultInterface ?? null);
    for (const each of options.interfaces ?? []) this.addInterface(each);
    this.clocks = new HostClocks(options.wallOffsetMs ?? 0, options.monotonicOffsetUs ?? 0);
    this.cpu = new HostCpu(around.engine);
    this.processTable = new HostProcessTable(around.engine, options.name);
    this.hardware = new SimulatedHardware(options.hardware?.facts, options.hardware?.load ?? null);
    this.datagramPorts = new DatagramPorts(around.engine, this.network);
    this.streamPorts = new StreamPorts(
      around.engine,
      this.network,
      this.disk,
      around.pieces,
      () => this.#powered,
      (name) => around.hostCalled(name)?.streamPorts ?? null,
    );
    this.#facts = {
      hostname: options.name,
      userId: options.os === "windows" ? null : userId,
      os: options.os ?? "linux",
      arch: "x86_64",
      logicalCpus: 4,
    };
    this.#main = this.createProcess();
  }

  /** The platform of the host's main process; a new one after every restart. */
  get platform(): Platform {
    return this.#main.platform;
  }

  /** The host's main process. */
  get main(): SimulatedProcess {
    return this.#main;
  }

  /** Whether it has power. */
  get powered(): boolean {
    return this.#powered;
  }

  /** Starts another process: the same machine, addresses and disk, its own everything else. */
  createProcess(start: ProcessStart = MAIN): SimulatedProcess {
    if (!this.#powered) {
      throw new HanaError("usage", { what: `a process on ${this.name}`, why: "the host has no power" });
    }
    const serial = ++this.#serial;
    let processId = this.#nextProcessId ?? PROCESS_IDS_FROM + serial;
    this.#nextProcessId = null;
    while (!this.processTable.isFree(processId)) processId++;
    const process = new SimulatedProcess({
      engine: this.#engine,
      cpu: this.cpu,
      hardware: this.hardware,
      programs: this.programs,
      processTable: this.processTable,
      createProcess: (of) => this.createProcess(of),
      network: this.network,
      disk: this.disk,
      datagramPorts: this.datagramPorts,
      streamPorts: this.streamPorts,
      clocks: this.clocks,
      facts: this.#facts,
      serial,
      processId,
      start,
    });
    this.#processes = this.#processes.filter((each) => each.alive);
    this.#processes.push(process);
    return process;
  }

  /** Sends a datagram to a notification socket, as any process could; false when nobody takes it. */
  notify(path: string, what: string | Uint8Array): boolean {
    return sendNotify(this.disk, path, typeof what === "string" ? new TextEncoder().encode(what) : what);
  }

  /** Gives the next process this number: numbers are used again. Throws `conflict` while somebody has it. */
  reuseProcessId(processId: number): void {
    if (!this.processTable.isFree(processId)) {
      throw new HanaError("conflict", { what: `process ${processId} of ${this.name}`, why: "is there" });
    }
    this.#nextProcessId = processId;
  }

  /**
   * Pulls the power plug: every process is gone, nobody hears a word. The disk stays, but for what was not synced.
   * A crash of a program alone is {@linkcode SimulatedProcess.kill}.
   */
  crash(): void {
    if (!this.#powered) return;
    this.#fault("power off");
    this.#powered = false;
    this.network.setPower(false);
    this.cpu.reset();
    this.disk.losePower();
    for (const process of this.#processes) process.losePower();
    this.processTable.reset();
    this.#processes = [];
  }

  /** Power comes back (after a crash if there was none) and a new main process starts over the same disk. */
  restart(): Platform {
    this.crash();
    this.#fault("power on");
    this.#powered = true;
    this.processTable.boot();
    this.network.setPower(true);
    this.#main = this.createProcess();
    return this.platform;
  }

  /** Kills the main process and starts it anew; the machine stays up, so peers see a reset at once. */
  restartProcess(): Platform {
    this.#fault("process restarted");
    this.#main.kill();
    this.#main = this.createProcess();
    return this.platform;
  }

  /** Plugs a new interface in. */
  addInterface(options: InterfaceOptions): SimulatedInterface {
    const { name, segment, address, prefix, family = "ipv4" } = options;
    const addresses = family === "ipv6" && !isIpv6(address) ? [] : [{ address, prefix }];
    return this.network.add(name, this.#segmentCalled(segment), addresses, family !== "ipv4");
  }

  /** Removes an interface for good, with all memberships on it. */
  removeInterface(name: string): void {
    this.#fault(`${name} removed`);
    if (!this.network.remove(name)) throw this.#noInterface(name);
  }

  /** Removes an interface and makes it anew with the same name and addresses: memberships on it are gone. */
  recreateInterface(name: string): SimulatedInterface {
    const old = this.#interface(name);
    this.#fault(`${name} made anew`);
    this.network.remove(name);
    const addresses = old.addresses.filter(({ address }) => address !== old.linkLocal);
    return this.network.add(name, old.segment, addresses, old.linkLocal !== null);
  }

  /**
   * Adds an interface on a segment of its own that leads nowhere, and makes it the default one. Returns its name;
   * {@linkcode removeWrongInterface} takes it away.
   */
  addWrongInterface(): string {
    this.#fault(`${WRONG_INTERFACE} added`);
    this.network.add(WRONG_INTERFACE, this.#segmentCalled(`${this.name}/nowhere`), [{
      address: "169.254.13.37",
      prefix: 16,
    }]);
    this.#defaultBefore = this.network.defaultInterface;
    this.network.defaultInterface = WRONG_INTERFACE;
    return WRONG_INTERFACE;
  }

  /** Takes the wrong interface away and gives the default back. Throws `not-found` when there is none. */
  removeWrongInterface(): void {
    this.removeInterface(WRONG_INTERFACE);
    this.network.defaultInterface = this.#defaultBefore;
  }

  /** Pulls its cable, or puts it back. Addresses and memberships stay. */
  setInterfaceUp(name: string, up: boolean): void {
    this.#fault(`${name} ${up ? "up" : "down"}`);
    this.#interface(name).up = up;
  }

  /** What the switch does with multicast for an interface. */
  setMulticast(name: string, multicast: SimulatedInterface["multicast"]): void {
    this.#fault(`${name} multicast ${multicast}`);
    this.#interface(name).multicast = multicast;
  }

  /** Gives an interface other addresses, as DHCP does; memberships and its link-local address stay. */
  setAddresses(name: string, addresses: readonly InterfaceAddress[]): void {
    this.#fault(`${name} readdressed`);
    this.#interface(name).setAddresses(addresses);
  }

  // Faults ------------------------------------------------------------------------------------------------------

  /** Nothing of it gets out or in by any interface. Isolations add up; its processes go on and talk to each other. */
  isolate(): void {
    this.#fault("isolated");
    this.network.isolate(true);
  }

  /** Undoes one {@linkcode isolate}. */
  endIsolation(): void {
    this.#fault("isolation ended");
    this.network.isolate(false);
  }

  /** Loses this share (0 to 1) of multicast and broadcast from and to it, while unicast lives. */
  setGroupLoss(share: number): void {
    this.#fault(`group loss ${share}`);
    this.network.setGroupLoss(share);
  }

  /**
   * Stops all its programs: no timer, datagram or stream callback runs. Its system goes on: datagrams wait in bounded
   * buffers, connections are accepted, the clocks run. Freezes add up. Nobody else may call its programs meanwhile.
   */
  freeze(): void {
    this.#fault("frozen");
    this.cpu.freeze();
  }

  /** Undoes one {@linkcode freeze}; after the last one everything that was due runs late, in order. */
  thaw(): void {
    this.#fault("thawed");
    this.cpu.thaw();
  }

  /** Each callback occupies the host for so long; 0 makes it quick again. */
  slow(extraUs: number): void {
    this.#fault(`slow by ${extraUs} us`);
    this.cpu.slow(extraUs);
  }

  /**
   * Makes the wall clock wrong; the monotonic one never is. Returns how to end it: an offset or a step is taken back, a
   * drift or a swing stops, and what a drift has gathered stays.
   */
  changeClock(change: ClockFault): () => void {
    this.#fault(`clock ${change.kind}`);
    return this.clocks.change(this.#engine.nowUs, change, () => this.#engine.nowUs);
  }

  #interface(name: string): SimulatedInterface {
    const found = this.network.find(name);
    if (found === null) throw this.#noInterface(name);
    return found;
  }

  #noInterface(name: string): HanaError {
    return new HanaError("not-found", { what: `interface ${name} of ${this.name}`, why: "there is none" });
  }

  #fault(what: string): void {
    this.#engine.log.record(this.#engine.nowUs, "fault", this.name, what, 0);
  }
}
