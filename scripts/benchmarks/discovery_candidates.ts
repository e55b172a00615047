// The programs that find each other: hana, Avahi, serf. How each is started, killed and listened to.
// Decides which line of which program means that a node is listed or missed; always the earliest that the program
// itself offers as a stream, so nothing is polled. Never measures and never judges.

import { hanaProgram } from "../../cli/simulate/real/node_process.ts";
import { Watching } from "../../cli/simulate/real/watching.ts";
import { denoPlatform } from "../../lib/platform/deno/mod.ts";
import type { StageMachine, StageProcess } from "./discovery_stage.ts";

/** What a member's list says of another. */
export type Seen = "listed" | "gone";

/** Told of every change that a member's list shows. */
export type OnSeen = (observer: string, subject: string, seen: Seen, atMs: number) => void;

/** What is killed: the program that talks, or everything of its machine at once. */
export type Blow = "program" | "machine";

/** A program of the comparison that runs on a machine. */
export interface Member {
  readonly name: string;
  /** When its process was started. */
  readonly startedMs: number;
  /** When its first line came; null before. */
  readonly firstLineMs: number | null;
  /** When it said that it is up; null before. */
  readonly readyMs: number | null;
  /** What it said last, for whoever wonders why it is not listed. */
  readonly lastWords: string;
  /** SIGKILL. */
  kill(blow: Blow): void;
  /** Ends whatever is left of it. */
  end(): Promise<void>;
}

/** A program of the comparison. */
export interface Candidate {
  readonly name: string;
  /** How it is started and observed, for the reader of the table. */
  readonly how: string;
  /** Whether a crash is ever told within minutes; a program that does not is awaited a few times only. */
  readonly tellsCrashes: boolean;
  /** Prepares what is no part of a start: buses, observers. Resolves with how to start. */
  prepare(
    machine: StageMachine,
    name: string,
    others: readonly StageMachine[],
    onSeen: OnSeen,
  ): Promise<() => Member>;
  /** Ends what belongs to no member. */
  close(): Promise<void>;
}

const PROGRAMS = new URL("./programs/", import.meta.url).pathname;

/** hana with a mesh key; its lists by the stream behind `hana discover --watch`. */
export class HanaCandidate implements Candidate {
  readonly name = "hana";
  readonly how: string;
  readonly tellsCrashes = true;
  readonly #program: readonly string[];
  readonly #directory: string;
  #watching: Promise<Watching> | null = null;
  #onSeen: OnSeen = () => {};
  #members = 0;

  constructor(directory: string, binary: string | null) {
    this.#directory = directory;
    this.#program = binary === null ? hanaProgram() : [binary];
    this.how = "hana serve with a mesh key; hana.nodes.watch on each node's local socket, alive and dead";
  }

  /** Makes the mesh key. */
  async open(): Promise<void> {
    const [program = "", ...args] = this.#program;
    const { success, stderr } = await new Deno.Command(program, {
      args: [
        ...args,
        "mesh",
        "create",
        "--key-file",
        `${this.#directory}/key`,
        "--state-dir",
        this.#directory,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(`hana mesh create: ${new TextDecoder().decode(stderr)}`);
    this.#watching = Watching.start(
      denoPlatform(),
      () => Math.floor(performance.now() * 1000),
      ({ observer, op, listed }) => {
        const atMs = performance.now();
        if (op !== "remove" && listed.state === "alive") this.#onSeen(observer, listed.name, "listed", atMs);
        if (listed.state === "dead") this.#onSeen(observer, listed.name, "gone", atMs);
      },
    );
    await this.#watching;
  }

  prepare(
    machine: StageMachine,
    name: string,
    _others: readonly StageMachine[],
    onSeen: OnSeen,
  ): Promise<() => Member> {
    this.#onSeen = onSeen;
    const home = `${this.#directory}/h${this.#members++}`;
    const args = [
      ...["serve", "--ndjson", "--log-level", "warn", "--role", "visualization", "--name", name],
      ...["--state-dir", `${home}/s`, "--run-dir", `${home}/r`, "--key-file", `${this.#directory}/key`],
    ];
    return Promise.resolve(() => this.#start(machine, name, args, home));
  }

  async close(): Promise<void> {
    await (await this.#watching)?.stop();
    this.#watching = null;
  }

  #start(machine: StageMachine, name: string, args: readonly string[], home: string): Member {
    let readyMs: number | null = null;
    const process = machine.start([...this.#program, ...args], { env: { HOME: home } }, (line, atMs) => {
      if (readyMs !== null || !line.includes("hana.serve.ready/1")) return;
      readyMs = atMs;
      const { addresses } = JSON.parse(line) as { addresses: string[] };
      const local = addresses.find((address) => address.startsWith("unix://"));
      if (local !== undefined) void this.#watching?.then((watching) => watching.attach(name, local));
    });
    return new SimpleMember(name, process, [], () => readyMs, () => {
      void this.#watching?.then((watching) => watching.detach(name));
    });
  }
}

/** avahi-daemon with a service file; its list by `avahi-browse`. */
export class AvahiCandidate implements Candidate {
  readonly name = "avahi";
  readonly how =
    "avahi-daemon with one static service, a bus of its own; avahi-browse -fp from before it starts, + and -";
  readonly tellsCrashes = false;
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async prepare(
    machine: StageMachine,
    name: string,
    _others: readonly StageMachine[],
    onSeen: OnSeen,
  ): Promise<() => Member> {
    const home = `${this.#directory}/${name}`;
    await Deno.mkdir(`${home}/etc/services`, { recursive: true });
    await Deno.writeTextFile(`${home}/bus.conf`, busConfig(`${home}/bus`));
    await Deno.writeTextFile(`${home}/etc/avahi-daemon.conf`, avahiConfig(name));
    await Deno.writeTextFile(`${home}/etc/services/${name}.service`, serviceFile(name));
    const up = Promise.withResolvers<void>();
    const bus = machine.start(
      ["dbus-daemon", `--config-file=${home}/bus.conf`, "--nofork", "--nopidfile", "--print-address"],
      {},
      () => up.resolve(),
    );
    void bus.ended.then(() => up.reject(new Error(`dbus-daemon ended: ${bus.lastWords}`)));
    await up.promise;
    const env = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${home}/bus` };
    const browse = machine.start(["avahi-browse", "-fp", SERVICE_TYPE], { env }, (line, atMs) => {
      const [sign, link, , subject] = line.split(";");
      if (link !== "eth0" || subject === undefined || subject === name) return;
      if (sign === "+") onSeen(name, subject, "listed", atMs);
      if (sign === "-") onSeen(name, subject, "gone", atMs);
    });
    // It says nothing until the daemon is there; loading takes it some milliseconds.
    await new Promise((resolve) => setTimeout(resolve, 200));
    const script = [
      "set -e",
      "mount -t tmpfs bench /run",
      "mkdir -p /run/avahi-daemon",
      'mount --bind "$0/etc" /etc/avahi',
      "exec avahi-daemon --no-drop-root --no-chroot --no-rlimits --debug -f /etc/avahi/avahi-daemon.conf",
    ].join("\n");
    return () => {
      let readyMs: number | null = null;
      const daemon = machine.start(["unshare", "-m", "sh", "-c", script, home], { env }, (line, atMs) => {
        if (line.includes("Server startup complete")) readyMs ??= atMs;
      });
      return new SimpleMember(name, daemon, [bus, browse], () => readyMs);
    };
  }

  async close(): Promise<void> {}
}

/** serf agents that are given an address, or that look for each other by mDNS. */
export class SerfCandidate implements Candidate {
  readonly name: string;
  readonly how: string;
  readonly tellsCrashes = true;

  /** @param joins how many of the others it is told of, with `-join` */
  constructor(readonly by: "join" | "discover", readonly joins = 1) {
    this.name = `serf -${by}`;
    this.how = `serf agent -profile=lan ${
      by === "join" ? `-join with the addresses of ${joins} of the others` : "-discover (mDNS)"
    }, no key; the stream of serf monitor, from before it starts`;
  }

  async prepare(
    machine: StageMachine,
    name: string,
    others: readonly StageMachine[],
    onSeen: OnSeen,
  ): Promise<() => Member> {
    const waiting = Promise.withResolvers<void>();
    const monitor = machine.start(["python3", `${PROGRAMS}serf_monitor.py`], {}, (line, atMs) => {
      if (line === "waiting") waiting.resolve();
      const [what, subject] = line.split(" ");
      if (subject === undefined || subject === name) return;
      if (what === "Join") onSeen(name, subject, "listed", atMs);
      if (what === "Failed") onSeen(name, subject, "gone", atMs);
    });
    void monitor.ended.then(() => waiting.reject(new Error(`serf_monitor.py ended: ${monitor.lastWords}`)));
    await waiting.promise;
    const find = this.by === "join"
      ? others.slice(0, this.joins).map(({ address }) => `-join=${address}:7946`)
      : ["-discover=hana-peers", "-iface=eth0"];
    const command = [
      ...["serf", "agent", `-node=${name}`, `-bind=${machine.address}:7946`, "-profile=lan"],
      ...find,
    ];
    return () => {
      let readyMs: number | null = null;
      const agent = machine.start(command, {}, (line, atMs) => {
        if (line.includes("Serf agent running")) readyMs ??= atMs;
      });
      return new SimpleMember(name, agent, [monitor], () => readyMs);
    };
  }

  async close(): Promise<void> {}
}

class SimpleMember implements Member {
  constructor(
    readonly name: string,
    private readonly process: StageProcess,
    private readonly beside: readonly StageProcess[],
    private readonly ready: () => number | null,
    private readonly onKilled: () => void = () => {},
  ) {}

  get startedMs(): number {
    return this.process.startedMs;
  }
  get firstLineMs(): number | null {
    return this.process.firstLineMs;
  }
  get readyMs(): number | null {
    return this.ready();
  }
  get lastWords(): string {
    return `${this.process.isRunning ? "it runs" : "it ended"}: ${this.process.lastWords}`;
  }

  kill(blow: Blow): void {
    this.process.signal("SIGKILL");
    if (blow === "machine") { for (const process of this.beside) process.signal("SIGKILL"); }
    this.onKilled();
  }

  async end(): Promise<void> {
    this.kill("machine");
    await Promise.all([this.process, ...this.beside].map((process) => process.end()));
  }
}

const SERVICE_TYPE = "_hana-peers._udp";

function busConfig(socket: string): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
`;
}

function avahiConfig(name: string): string {
  return `[server]
host-name=${name}
allow-interfaces=eth0
enable-dbus=yes
[publish]
publish-hinfo=no
publish-workstation=no
`;
}

function serviceFile(name: string): string {
  return `<?xml version="1.0" standalone="no"?>
<!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group>
  <name>${name}</name>
  <service><type>${SERVICE_TYPE}</type><port>4000</port></service>
</service-group>
`;
}
