// Machines and cables for tests: one network namespace a machine, one bridge a segment, veth pairs as cables.
// Decides names (all of a run begin alike, so that what a dead run left behind can be told and removed), addresses
// and cables. Nothing of it appears in the namespace of the tests, there is no default route, as at a show, and
// nothing is removed that this code did not make. Never looks into what the machines run.

import { CapturedProcess, type Ran, runToEnd, type StartOptions } from "./captured_process.ts";

/** Namespaces and directories of tests, with the process id of the run that made them. */
const OURS = /^hana-e2e-(\d+)-/;
const NAMESPACE_DIRECTORY = "/run/netns";
const TEMPORARY_DIRECTORY = "/tmp";

/** How long the processes of a machine may take to end once they are killed. */
const END_MS = 5_000;

/** A place of a machine on a segment. */
export interface Attachment {
  readonly segment: string;
  /** IPv4 with prefix: `10.77.1.2/24`; null for none. The system gives each interface a link-local IPv6 address. */
  readonly address: string | null;
  /** Whether there is IPv6 at all; true unless given. */
  readonly ipv6?: boolean;
  /** What the machine's methods know the cable by; the segment unless given, for a second cable to the same one. */
  readonly place?: string;
  /** The interface's name on the machine; `eth0`, `eth1`, … by default. */
  readonly interface?: string;
}

/** Machines and segments that nobody else sees. */
export class TestNetwork implements AsyncDisposable {
  /** An empty directory for the files of this network; short, for the socket paths below it. */
  readonly directory: string;
  /** What every name begins with. */
  readonly prefix: string;
  readonly #switch: string;
  readonly #segments = new Map<string, string>();
  readonly #machines = new Map<string, Machine>();
  #ports = 0;

  /** Removes what dead runs left and lays out an empty network. */
  static create(): TestNetwork {
    sweepDeadRuns();
    return new TestNetwork();
  }

  private constructor() {
    const random = Array.from(crypto.getRandomValues(new Uint8Array(3)), (byte) => byte.toString(36)).join(
      "",
    );
    this.prefix = `hana-e2e-${Deno.pid}-${random}`;
    this.directory = `${TEMPORARY_DIRECTORY}/${this.prefix}`;
    Deno.mkdirSync(this.directory, { mode: 0o700 });
    this.#switch = `${this.prefix}-switch`;
    ip("netns", "add", this.#switch);
  }

  /** All machines, in the order in which they were added. */
  get machines(): readonly Machine[] {
    return [...this.#machines.values()];
  }

  /**
   * Adds a segment: whoever is on it hears each other and nobody else.
   * @param snoops whether its switch looks into memberships, and asks for them once at the beginning
   */
  addSegment(name: string, snoops = false): void {
    const bridge = `seg${this.#segments.size}`;
    this.#segments.set(name, bridge);
    // Snooping without a querier forgets groups after minutes, which is the business of tests that ask for it.
    const snooping = snoops
      ? [
        ...["mcast_snooping", "1", "mcast_querier", "1", "mcast_query_interval", "60000"],
        // In hundredths of a second; until the time to answer is over it forwards everything.
        ...["mcast_startup_query_count", "1", "mcast_query_response_interval", "100"],
        // A member that speaks version 2 keeps silent when it hears the report of another one.
        ...["mcast_igmp_version", "3"],
      ]
      : ["mcast_snooping", "0"];
    ip("-n", this.#switch, "link", "add", bridge, "type", "bridge", ...snooping, "stp_state", "0");
    ip("-n", this.#switch, "link", "set", bridge, "up");
  }

  /** Adds a machine with its own host name, loopback up, and a cable to each segment. */
  addMachine(name: string, options: { readonly segments?: readonly Attachment[] } = {}): Machine {
    const machine = new Machine(name, `${this.prefix}-${name}`, this.directory);
    this.#machines.set(name, machine);
    ip("netns", "add", machine.namespace);
    ip("-n", machine.namespace, "link", "set", "lo", "up");
    for (const attachment of options.segments ?? []) this.connect(machine, attachment);
    return machine;
  }

  /** Gives a machine one more interface, with a cable to a segment. */
  connect(machine: Machine, attachment: Attachment): void {
    const bridge = this.#segments.get(attachment.segment);
    if (bridge === undefined) throw new Error(`there is no segment ${attachment.segment}`);
    const number = this.#ports++;
    machine.attach(
      attachment.place ?? attachment.segment,
      new Cable(
        this.#switch,
        bridge,
        `p${number}`,
        machine.namespace,
        attachment.interface ?? `eth${machine.cableCount}`,
        macOf(number),
        attachment.address,
        attachment.ipv6 ?? true,
      ),
    );
  }

  /** Ends what runs on the machines and removes everything that was made. */
  async destroy(): Promise<void> {
    await Promise.all(this.machines.map((machine) => machine.endProcesses()));
    for (const { namespace } of this.machines) ip("netns", "del", namespace);
    this.#machines.clear();
    ip("netns", "del", this.#switch);
    Deno.removeSync(this.directory, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy();
  }
}

/** A machine: a network namespace and a host name of its own. Its files are those of the tests' machine. */
export class Machine {
  /** What runs or ran here, for the report of a failed test. */
  readonly processes: CapturedProcess[] = [];
  readonly #cables = new Map<string, Cable>();

  constructor(
    readonly name: string,
    readonly namespace: string,
    /** Where files of the network stand. */
    readonly directory: string,
  ) {}

  /** How many cables it has. */
  get cableCount(): number {
    return this.#cables.size;
  }

  /** Its address on a segment, without the prefix. */
  addressOn(segment: string): string {
    return this.#cable(segment).address?.split("/")[0] ?? "";
  }

  /** The name of its interface on a segment. */
  interfaceOn(segment: string): string {
    return this.#cable(segment).interfaceName;
  }

  /** Starts a program here. Its process id is that of the program itself: `ip`, `unshare` and `sh` replace themselves. */
  start(command: string, args: readonly string[], options: StartOptions = {}): CapturedProcess {
    const label = `[${this.name}] ${options.label ?? [command, ...args].join(" ")}`;
    const process = CapturedProcess.start("ip", this.#enter(command, args), { ...options, label });
    this.processes.push(process);
    return process;
  }

  /** Runs a program here to its end. */
  run(
    command: string,
    args: readonly string[],
    options: StartOptions & { readonly timeoutMs?: number } = {},
  ): Promise<Ran> {
    const label = `[${this.name}] ${options.label ?? [command, ...args].join(" ")}`;
    return runToEnd("ip", this.#enter(command, args), { ...options, label });
  }

  /** Pulls the cable: the interface keeps its address and loses its carrier. */
  pullCable(segment: string): void {
    this.#cable(segment).setCarrier(false);
  }

  /** Puts the cable back. */
  plugCable(segment: string): void {
    this.#cable(segment).setCarrier(true);
  }

  /** Makes the switch of a segment that snoops forget that this machine has joined a group. */
  forgetGroup(segment: string, group: string): void {
    this.#cable(segment).forgetGroup(group);
  }

  /** Whether the switch still knows that this machine has joined a group. */
  isGroupKnown(segment: string, group: string): boolean {
    const cable = this.#cable(segment);
    return cable.groupPorts(group).includes(cable.port);
  }

  /** What the switch hands to this machine of what goes to many. */
  setFlooding(segment: string, to: { readonly multicast: boolean; readonly broadcast: boolean }): void {
    this.#cable(segment).setFlooding(to.multicast, to.broadcast);
  }

  /** Tells each of two machines the other's hardware address for good, since asking for it takes a broadcast. */
  knowEachOther(other: Machine, segment: string): void {
    this.#cable(segment).learn(other.#cable(segment));
    other.#cable(segment).learn(this.#cable(segment));
  }

  /** Takes an interface down as its administrator would: routes go with it. */
  takeDown(segment: string): void {
    this.#cable(segment).setUp(false);
  }

  /** Takes it up again. */
  bringUp(segment: string): void {
    this.#cable(segment).setUp(true);
  }

  /** Removes an interface altogether, like an adapter that is unplugged. */
  removeInterface(segment: string): void {
    this.#cable(segment).remove();
  }

  /** Makes it anew with the same name and address; the system sees another interface. */
  recreateInterface(segment: string): void {
    this.#cable(segment).make();
  }

  /** Gives the interface another address and takes the old one away. */
  setAddress(segment: string, address: string): void {
    this.#cable(segment).setAddress(address);
  }

  /** Takes a cable into use. */
  attach(segment: string, cable: Cable): void {
    this.#cables.set(segment, cable);
    cable.make();
  }

  /** Kills whatever still runs here, also what a program left behind. */
  async endProcesses(): Promise<void> {
    await Promise.all(this.processes.map((process) => process[Symbol.asyncDispose]()));
    const endMs = performance.now() + END_MS;
    for (;;) {
      const left = processesIn(this.namespace);
      if (left.length === 0) return;
      if (performance.now() > endMs) {
        throw new Error(`processes ${left.join(", ")} on ${this.name} do not end`);
      }
      left.forEach(killHard);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  #cable(segment: string): Cable {
    const cable = this.#cables.get(segment);
    if (cable === undefined) throw new Error(`${this.name} is not on segment ${segment}`);
    return cable;
  }

  #enter(command: string, args: readonly string[]): string[] {
    const nameThenExec = 'printf %s "$0" > /proc/sys/kernel/hostname && exec "$@"';
    return [
      "netns",
      "exec",
      this.namespace,
      "unshare",
      "--uts",
      "sh",
      "-c",
      nameThenExec,
      this.name,
      command,
      ...args,
    ];
  }
}

/** A veth pair between the switch and a machine. */
class Cable {
  constructor(
    private readonly switchNamespace: string,
    private readonly bridge: string,
    readonly port: string,
    private readonly machineNamespace: string,
    readonly interfaceName: string,
    private readonly mac: string,
    private currentAddress: string | null,
    private readonly ipv6: boolean,
  ) {}

  get address(): string | null {
    return this.currentAddress;
  }

  make(): void {
    const inSwitch = ["-n", this.switchNamespace, "link"];
    const veth = [
      "type",
      "veth",
      "peer",
      "name",
      this.interfaceName,
      "address",
      this.mac,
      "netns",
      this.machineNamespace,
    ];
    ip(...inSwitch, "add", this.port, ...veth);
    ip(...inSwitch, "set", this.port, "master", this.bridge);
    ip(...inSwitch, "set", this.port, "up");
    // Without a link-local address of its own making the system keeps IPv6 off the interface.
    if (!this.ipv6) ip("-n", this.machineNamespace, "link", "set", this.interfaceName, "addrgenmode", "none");
    this.#giveAddress();
    this.setUp(true);
  }

  remove(): void {
    ip("-n", this.switchNamespace, "link", "del", this.port);
  }

  setCarrier(on: boolean): void {
    ip("-n", this.switchNamespace, "link", "set", this.port, on ? "up" : "down");
  }

  setUp(up: boolean): void {
    ip("-n", this.machineNamespace, "link", "set", this.interfaceName, up ? "up" : "down");
  }

  groupPorts(group: string): string[] {
    const lines = bridgeOutput("-n", this.switchNamespace, "mdb", "show", "dev", this.bridge).split("\n");
    return lines.flatMap((line) =>
      line.includes(`grp ${group} `) ? / port (\S+)/.exec(line)?.slice(1) ?? [] : []
    );
  }

  forgetGroup(group: string): void {
    const at = ["dev", this.bridge, "port", this.port, "grp", group];
    bridgeOutput("-n", this.switchNamespace, "mdb", "del", ...at);
  }

  setFlooding(multicast: boolean, broadcast: boolean): void {
    const onOff = (on: boolean): string => on ? "on" : "off";
    const flags = ["mcast_flood", onOff(multicast), "bcast_flood", onOff(broadcast)];
    bridgeOutput("-n", this.switchNamespace, "link", "set", "dev", this.port, ...flags);
  }

  learn(other: Cable): void {
    const to = [other.address?.split("/")[0] ?? "", "lladdr", other.mac, "nud", "permanent"];
    ip("-n", this.machineNamespace, "neigh", "replace", ...to, "dev", this.interfaceName);
  }

  setAddress(address: string): void {
    ip("-n", this.machineNamespace, "addr", "flush", "dev", this.interfaceName, "scope", "global");
    this.currentAddress = address;
    this.#giveAddress();
  }

  #giveAddress(): void {
    if (this.currentAddress === null) return;
    ip(
      "-n",
      this.machineNamespace,
      "addr",
      "add",
      this.currentAddress,
      "brd",
      "+",
      "dev",
      this.interfaceName,
    );
  }
}

/** A hardware address that stays the same when its interface is made anew, as that of an adapter does. */
function macOf(port: number): string {
  return `02:00:4c:56:00:${port.toString(16).padStart(2, "0")}`;
}

/** Removes the namespaces and directories of runs whose process is gone. */
function sweepDeadRuns(): void {
  for (const name of namesIn(NAMESPACE_DIRECTORY)) {
    if (!isOfDeadRun(name)) continue;
    processesIn(name).forEach(killHard);
    // Another run may sweep at the same moment.
    ipOutput("netns", "del", name);
  }
  for (const name of namesIn(TEMPORARY_DIRECTORY)) {
    if (!isOfDeadRun(name)) continue;
    try {
      Deno.removeSync(`${TEMPORARY_DIRECTORY}/${name}`, { recursive: true });
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    }
  }
}

function isOfDeadRun(name: string): boolean {
  const processId = OURS.exec(name)?.[1];
  return processId !== undefined && !isThere(`/proc/${processId}`);
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function namesIn(directory: string): string[] {
  return isThere(directory) ? Array.from(Deno.readDirSync(directory), (entry) => entry.name) : [];
}

/** The processes in a namespace. Only ever asked for namespaces that were made here. */
function processesIn(namespace: string): number[] {
  const { success, text } = ipOutput("netns", "pids", namespace);
  return success ? text.split("\n").filter((line) => line !== "").map(Number) : [];
}

function killHard(processId: number): void {
  try {
    Deno.kill(processId, "SIGKILL");
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
}

function ip(...args: string[]): void {
  const { success, text } = ipOutput(...args);
  if (!success) throw new Error(`ip ${args.join(" ")} failed: ${text}`);
}

function bridgeOutput(...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command("bridge", { args, stdin: "null" }).outputSync();
  if (!success) throw new Error(`bridge ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

function ipOutput(...args: string[]): { success: boolean; text: string } {
  const { success, stdout, stderr } = new Deno.Command("ip", { args, stdin: "null" }).outputSync();
  return { success, text: new TextDecoder().decode(success ? stdout : stderr).trim() };
}
