// Machines and cables for rehearsals: one network namespace a host, one bridge a segment, veth pairs as cables.
// Decides names (all of a run begin alike, so that what a dead run left behind is told and removed) and how frames
// of one direction between two hosts are lost: a filter on the port of the receiver. Nothing of it touches the
// machine's own network, there is no default route, and nothing is removed that this code did not make.

import { HanaError } from "../../../lib/base/mod.ts";

/** Namespaces and directories of rehearsals, with the process id of the run that made them. */
const OURS = /^hana-real-(\d+)-/;
const NAMESPACE_DIRECTORY = "/run/netns";
const TEMPORARY_DIRECTORY = "/tmp";
/** Processes that were killed may take this long to go. */
const END_MS = 5_000;

/** One interface of a host. */
export interface Attachment {
  readonly name: string;
  readonly segment: string;
  readonly address: string;
  readonly prefix: number;
}

/** Why rehearsals cannot run on this machine; null when they can. */
export function whyNoNamespaces(): HanaError | null {
  if (Deno.build.os !== "linux") {
    return new HanaError("unsupported", {
      what: "--real cannot run here",
      why: `it makes network namespaces, which ${Deno.build.os} does not have`,
      hint: "hana simulate run, without --real, runs everywhere",
    });
  }
  if (Deno.uid() !== 0) {
    return new HanaError("network-unusable", {
      what: "--real cannot make network namespaces",
      why: "it does not run as root",
      hint: "sudo hana simulate run NAME --real",
    });
  }
  for (const command of [["ip", "-Version"], ["unshare", "--net", "true"]]) {
    if (!succeeds(command)) {
      return new HanaError("network-unusable", {
        what: "--real cannot make network namespaces",
        why: `\`${command.join(" ")}\` fails here`,
        hint: "install iproute2 and util-linux; a container needs the capability SYS_ADMIN",
      });
    }
  }
  return null;
}

/** The machines of one run. Everything that it made goes with {@linkcode RealNetwork.remove}. */
export class RealNetwork {
  /** What every name begins with. */
  readonly prefix: string;
  /** An empty directory for files of the run; short, for the socket paths below it. */
  readonly directory: string;
  readonly #switch: string;
  readonly #bridges = new Map<string, string>();
  readonly #hosts = new Map<string, RealHost>();
  readonly #filtered = new Map<Cable, string>();
  #ports = 0;
  #isRemoved = false;

  /** Removes what dead runs left and lays out an empty network. */
  static async create(): Promise<RealNetwork> {
    await sweepDeadRuns();
    const network = new RealNetwork();
    await ip(null, [["netns", "add", network.#switch]]);
    return network;
  }

  private constructor() {
    const random = Array.from(crypto.getRandomValues(new Uint8Array(3)), (byte) => byte.toString(36));
    this.prefix = `hana-real-${Deno.pid}-${random.join("")}`;
    this.directory = `${TEMPORARY_DIRECTORY}/${this.prefix}`;
    Deno.mkdirSync(this.directory, { mode: 0o700 });
    this.#switch = `${this.prefix}-switch`;
  }

  /** The host of this name. */
  host(name: string): RealHost {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new HanaError("internal", { what: `there is no host ${name}` });
    return host;
  }

  /** All hosts. */
  get hosts(): readonly RealHost[] {
    return [...this.#hosts.values()];
  }

  /** Adds segments: whoever is on one hears everybody on it and nobody else. */
  async addSegments(names: readonly string[]): Promise<void> {
    const commands = names.flatMap((name) => {
      const bridge = `seg${this.#bridges.size}`;
      this.#bridges.set(name, bridge);
      // Snooping without a querier forgets groups after minutes.
      return [
        ["link", "add", bridge, "type", "bridge", "mcast_snooping", "0", "stp_state", "0"],
        ["link", "set", bridge, "up"],
      ];
    });
    await ip(this.#switch, commands);
  }

  /** Adds hosts with loopback and their interfaces up. */
  async addHosts(hosts: ReadonlyMap<string, readonly Attachment[]>): Promise<void> {
    const made = Array.from(hosts, ([name, attachments]) => {
      const host = new RealHost(name, `${this.prefix}-${this.#hosts.size}`);
      this.#hosts.set(name, host);
      for (const attachment of attachments) this.#addCable(host, attachment);
      return host;
    });
    await ip(null, made.map((host) => ["netns", "add", host.namespace]));
    await ip(this.#switch, made.flatMap((host) => host.cables.flatMap((cable) => cable.makeCommands())));
    for (const host of made) {
      await ip(host.namespace, [
        ["link", "set", "lo", "up"],
        ...host.cables.flatMap((cable) => cable.upCommands()),
      ]);
    }
  }

  /** Gives a host one more interface, on a segment of its own that leads nowhere. */
  async addStrayInterface(host: RealHost, name: string, address: string): Promise<void> {
    const segment = `stray-${host.name}-${name}`;
    await this.addSegments([segment]);
    const cable = this.#addCable(host, { name, segment, address, prefix: 24 });
    await ip(this.#switch, cable.makeCommands());
    await ip(host.namespace, [
      ...cable.upCommands(),
      ["route", "add", "default", "dev", name],
    ]);
  }

  /** Takes an interface down or up, away or back, as its administrator would. */
  async changeInterface(
    host: RealHost,
    name: string,
    change: "down" | "up" | "remove" | "recreate",
  ): Promise<void> {
    const cable = host.cable(name);
    if (change === "down") return await ip(host.namespace, [["link", "set", name, "down"]]);
    if (change === "up") return await ip(host.namespace, [["link", "set", name, "up"]]);
    this.#filtered.delete(cable);
    await ip(this.#switch, [["link", "del", cable.port]], true);
    if (change === "remove") return;
    await ip(this.#switch, cable.makeCommands());
    await ip(host.namespace, cable.upCommands());
  }

  /** Gives an interface another address in place of its own. */
  async setAddress(host: RealHost, name: string, address: string, prefix: number): Promise<void> {
    const cable = host.cable(name);
    cable.attachment = { ...cable.attachment, address, prefix };
    await ip(host.namespace, [
      ["addr", "flush", "dev", name, "scope", "global"],
      ["addr", "add", `${address}/${prefix}`, "brd", "+", "dev", name],
    ]);
  }

  /**
   * Loses every frame from the hosts that `lostFrom` names, at the switch port of the receiver: unicast, multicast
   * and what carries streams alike. What is not named passes.
   */
  async setCuts(lostFrom: ReadonlyMap<string, ReadonlySet<string>>): Promise<void> {
    const commands: string[][] = [];
    for (const host of this.#hosts.values()) {
      for (const cable of host.cables) {
        const senders = [...lostFrom.get(host.name) ?? []].flatMap((name) => this.host(name).cables)
          .filter((sender) => sender.attachment.segment === cable.attachment.segment);
        const wanted = senders.map((sender) => sender.mac).sort().join(" ");
        if (wanted === (this.#filtered.get(cable) ?? "")) continue;
        if (this.#filtered.has(cable)) commands.push(["qdisc", "del", "dev", cable.port, "root"]);
        this.#filtered.delete(cable);
        if (wanted === "") continue;
        this.#filtered.set(cable, wanted);
        commands.push(...lossCommands(cable.port, senders.map((sender) => sender.mac)));
      }
    }
    if (commands.length > 0) await batch(["tc"], this.#switch, commands, false);
  }

  /** Ends what still runs on the hosts and removes everything that was made. Harmless a second time. */
  async remove(): Promise<void> {
    if (this.#isRemoved) return;
    this.#isRemoved = true;
    const names = [...this.hosts.map((host) => host.namespace), this.#switch];
    await Promise.all(names.map(endProcessesIn));
    await ip(null, names.map((name) => ["netns", "del", name]), true);
    await Deno.remove(this.directory, { recursive: true });
  }

  #addCable(host: RealHost, attachment: Attachment): Cable {
    const bridge = this.#bridges.get(attachment.segment);
    if (bridge === undefined) {
      throw new HanaError("internal", { what: `there is no segment ${attachment.segment}` });
    }
    const number = this.#ports++;
    const cable = new Cable(`p${number}`, bridge, macOf(number), host.namespace, attachment);
    host.cables.push(cable);
    return cable;
  }
}

/** A machine: a network namespace. Its files are those of this machine. */
export class RealHost {
  readonly cables: Cable[] = [];

  constructor(readonly name: string, readonly namespace: string) {}

  /** The cable of an interface. */
  cable(name: string): Cable {
    const cable = this.cables.find((each) => each.attachment.name === name);
    if (cable === undefined) {
      throw new HanaError("config", { what: `host ${this.name} has no interface ${name}` });
    }
    return cable;
  }

  /** What to put before a command so that it runs here, under this host's name. Its process id stays that of the command. */
  enter(command: readonly string[]): string[] {
    const nameThenExec = 'printf %s "$0" > /proc/sys/kernel/hostname && exec "$@"';
    return [
      ...["ip", "netns", "exec", this.namespace, "unshare", "--uts", "sh", "-c", nameThenExec, this.name],
      ...command,
    ];
  }
}

/** A veth pair between the switch and a host. */
export class Cable {
  constructor(
    readonly port: string,
    private readonly bridge: string,
    readonly mac: string,
    private readonly namespace: string,
    public attachment: Attachment,
  ) {}

  /** For the switch's namespace. */
  makeCommands(): string[][] {
    const { name } = this.attachment;
    return [
      [
        ...["link", "add", this.port, "type", "veth"],
        ...["peer", "name", name, "address", this.mac, "netns", this.namespace],
      ],
      ["link", "set", this.port, "master", this.bridge],
      ["link", "set", this.port, "up"],
    ];
  }

  /** For the host's namespace. */
  upCommands(): string[][] {
    const { name, address, prefix } = this.attachment;
    return [
      // Hosts of scenarios speak IPv4 alone, and losses are played between IPv4 addresses.
      ["link", "set", name, "addrgenmode", "none"],
      ["addr", "add", `${address}/${prefix}`, "brd", "+", "dev", name],
      ["link", "set", name, "up"],
    ];
  }
}

/** A hardware address that stays when its interface is made anew, as that of an adapter does. */
function macOf(port: number): string {
  const [high, low] = [port >> 8, port & 255].map((byte) => byte.toString(16).padStart(2, "0"));
  return `02:00:4c:57:${high}:${low}`;
}

/** Everything leaves this port as it comes, but what these senders sent vanishes. */
function lossCommands(port: string, macs: readonly string[]): string[][] {
  const on = ["dev", port];
  return [
    ["qdisc", "add", ...on, "root", "handle", "1:", "htb", "default", "1"],
    ["class", "add", ...on, "parent", "1:", "classid", "1:1", "htb", "rate", "32gbit", "quantum", "60000"],
    ["class", "add", ...on, "parent", "1:", "classid", "1:2", "htb", "rate", "32gbit", "quantum", "60000"],
    ["qdisc", "add", ...on, "parent", "1:2", "handle", "2:", "blackhole"],
    ...macs.map((mac) => {
      // The sender's hardware address stands before the IP header, at which u32 counts from.
      const hex = mac.replaceAll(":", "");
      return [
        ...["filter", "add", ...on, "parent", "1:", "protocol", "all", "prio", "1", "u32"],
        ...["match", "u16", `0x${hex.slice(0, 4)}`, "0xffff", "at", "-8"],
        ...["match", "u16", `0x${hex.slice(4, 8)}`, "0xffff", "at", "-6"],
        ...["match", "u16", `0x${hex.slice(8)}`, "0xffff", "at", "-4"],
        ...["flowid", "1:2"],
      ];
    }),
  ];
}

/** Removes the namespaces and directories of runs whose process is gone. */
async function sweepDeadRuns(): Promise<void> {
  for (const name of namesIn(NAMESPACE_DIRECTORY)) {
    if (!isOfDeadRun(name)) continue;
    await endProcessesIn(name);
    // Another run may sweep at the same moment.
    await ip(null, [["netns", "del", name]], true);
  }
  for (const name of namesIn(TEMPORARY_DIRECTORY)) {
    if (isOfDeadRun(name)) {
      await Deno.remove(`${TEMPORARY_DIRECTORY}/${name}`, { recursive: true }).catch(() => {});
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

/** Kills what runs in a namespace. Only ever asked for namespaces that were made here. */
async function endProcessesIn(namespace: string): Promise<void> {
  const endMs = performance.now() + END_MS;
  for (;;) {
    const { success, text } = await run(["ip", "netns", "pids", namespace], "");
    const left = success ? text.split("\n").filter((line) => line !== "").map(Number) : [];
    if (left.length === 0 || performance.now() > endMs) return;
    for (const processId of left) {
      try {
        Deno.kill(processId, "SIGKILL");
      } catch {
        // It has gone by itself.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Runs lines of `ip`, in a namespace or in none. Throws what failed unless `isForced`. */
async function ip(
  namespace: string | null,
  commands: readonly (readonly string[])[],
  isForced = false,
): Promise<void> {
  if (commands.length > 0) await batch(["ip"], namespace, commands, isForced);
}

async function batch(
  program: readonly string[],
  namespace: string | null,
  commands: readonly (readonly string[])[],
  isForced: boolean,
): Promise<void> {
  const lines = commands.map((command) => command.join(" ")).join("\n") + "\n";
  const { success, text } = await run([
    ...program,
    ...(namespace === null ? [] : ["-n", namespace]),
    ...(isForced ? ["-force"] : []),
    "-batch",
    "-",
  ], lines);
  if (success || isForced) return;
  throw new HanaError("network-unusable", {
    what: `the network of the rehearsal cannot be changed by ${program.join(" ")}`,
    why: text.split("\n")[0] ?? "",
  });
}

async function run(command: readonly string[], stdin: string): Promise<{ success: boolean; text: string }> {
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  const fed = writer.write(new TextEncoder().encode(stdin)).then(() => writer.close()).catch(() => {});
  const { success, stdout, stderr } = await child.output();
  await fed;
  return { success, text: new TextDecoder().decode(success ? stdout : stderr).trim() };
}

function succeeds([program = "", ...args]: readonly string[]): boolean {
  try {
    return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}
