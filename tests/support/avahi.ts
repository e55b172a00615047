// A real avahi-daemon on a machine of the tests' network, with a message bus of its own.
// Decides where its files stand (a private /run, so that several do not meet, and a private /etc/avahi) and when it is
// up; browses and publishes with Avahi's own tools. Never judges what they say.

import type { CapturedProcess, Ran } from "./captured_process.ts";
import type { Machine } from "./namespaces.ts";
import type { Need } from "./requirement.ts";

/** What a test with Avahi needs of the machine. */
export const AVAHI_NEEDS: readonly Need[] = [
  "command:avahi-daemon",
  "command:avahi-browse",
  "command:avahi-publish",
  "command:dbus-daemon",
];

/** How a daemon is set up. */
export interface AvahiOptions {
  /** Its host name: `foreign` is `foreign.local`. */
  readonly hostName: string;
  /** Static service files, by name, as they would stand in /etc/avahi/services. */
  readonly services?: Readonly<Record<string, string>>;
}

/** One line of `avahi-browse -p`. */
export interface BrowsedService {
  /** `+` seen, `=` resolved, `-` gone. */
  readonly sign: "+" | "=" | "-";
  readonly interface: string;
  readonly name: string;
  readonly type: string;
  readonly host: string | null;
  readonly address: string | null;
  readonly port: number | null;
  readonly text: readonly string[];
}

const BUS_CONFIG = (socket: string): string =>
  `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
`;

const DAEMON_CONFIG = (hostName: string): string =>
  `[server]
host-name=${hostName}
use-ipv4=yes
use-ipv6=no
enable-dbus=yes
[publish]
publish-hinfo=no
publish-workstation=no
`;

/** Avahi on a machine. */
export class AvahiMachine {
  private constructor(readonly machine: Machine, readonly daemon: CapturedProcess, readonly bus: string) {}

  /** Starts bus and daemon; resolves when the daemon has claimed its host name. */
  static async start(machine: Machine, options: AvahiOptions): Promise<AvahiMachine> {
    const directory = `${machine.directory}/${machine.name}-avahi`;
    Deno.mkdirSync(`${directory}/etc/services`, { recursive: true });
    const bus = `${directory}/bus`;
    Deno.writeTextFileSync(`${directory}/bus.conf`, BUS_CONFIG(bus));
    Deno.writeTextFileSync(`${directory}/etc/avahi-daemon.conf`, DAEMON_CONFIG(options.hostName));
    for (const [name, text] of Object.entries(options.services ?? {})) {
      Deno.writeTextFileSync(`${directory}/etc/services/${name}`, text);
    }
    const busArgs = [`--config-file=${directory}/bus.conf`, "--nofork", "--nopidfile", "--print-address"];
    const dbus = machine.start("dbus-daemon", busArgs, { label: "dbus-daemon" });
    await dbus.until("the bus is up", ({ stdout }) => stdout.includes("unix:") || null);
    const script = [
      "set -e",
      "mount -t tmpfs tests /run",
      "mkdir -p /run/avahi-daemon",
      'mount --bind "$0/etc" /etc/avahi',
      'export DBUS_SYSTEM_BUS_ADDRESS="unix:path=$0/bus"',
      "exec avahi-daemon --no-drop-root --no-chroot --no-rlimits --debug -f /etc/avahi/avahi-daemon.conf",
    ].join("\n");
    const args = ["-m", "sh", "-c", script, directory];
    const daemon = machine.start("unshare", args, { label: `avahi-daemon ${options.hostName}` });
    await daemon.until(
      "the daemon is up",
      ({ stderr }) => stderr.includes("Server startup complete") || null,
    );
    return new AvahiMachine(machine, daemon, bus);
  }

  get #env(): Record<string, string> {
    return { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${this.bus}`, LANG: "C.UTF-8" };
  }

  /** Starts `avahi-browse`, which goes on; resolved services among its lines. */
  browse(type: string): CapturedProcess {
    return this.machine.start("avahi-browse", ["-rp", type], { env: this.#env });
  }

  /** What `avahi-browse -t` lists: what there is now. */
  list(type: string): Promise<Ran> {
    return this.machine.run("avahi-browse", ["-rpt", type], { env: this.#env });
  }

  /** Publishes a service for as long as the returned process runs. */
  async publish(name: string, type: string, port: number, ...text: string[]): Promise<CapturedProcess> {
    const args = ["-s", name, type, String(port), ...text];
    const process = this.machine.start("avahi-publish", args, { env: this.#env });
    await process.until(
      "the service is published",
      ({ stderr }) => stderr.includes("Established under name") || null,
    );
    return process;
  }
}

/** The lines of `avahi-browse -p`. */
export function readBrowsed(stdout: string): BrowsedService[] {
  const complete = stdout.slice(0, stdout.lastIndexOf("\n") + 1);
  return complete.split("\n").filter((line) => /^[+=-];/.test(line)).map((line) => {
    const [sign, link, , name, type, , host, address, port, ...text] = line.split(";");
    return {
      sign: sign as BrowsedService["sign"],
      interface: link ?? "",
      name: (name ?? "").replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number(digits)))
        .replace(/\\(.)/g, "$1"),
      type: type ?? "",
      host: host ?? null,
      address: address ?? null,
      port: port === undefined ? null : Number(port),
      text: [...text.join(";").matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? ""),
    };
  });
}
