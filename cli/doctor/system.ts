// What this machine's system tells of its network: who holds the port, what was dropped, groups, buffers, firewalls.
// Decides where it stands on Linux; elsewhere the system tells nothing without other programs, and null says so.
// Never changes anything, and never fails: what may not be read is not known.

import {
  type Observations,
  parseIgmpTable,
  parseUdpTable,
  type PortHolder,
  type UdpRow,
} from "../../lib/node/mod.ts";

/** Processes that are looked through for the holder of a port. */
const MAX_PROCESSES = 16_384;

/** Asks the system. */
export function readSystem(port: number): Promise<Observations["system"]> {
  if (Deno.build.os !== "linux") {
    return Promise.resolve({ portHolders: null, maxReceiveBuffer: null, igmp: null, firewalls: null });
  }
  const igmp = textOf("/proc/net/igmp");
  const maxReceiveBuffer = Number(textOf("/proc/sys/net/core/rmem_max")?.trim() ?? NaN);
  return Promise.resolve({
    portHolders: holdersOf(port),
    maxReceiveBuffer: Number.isFinite(maxReceiveBuffer) ? maxReceiveBuffer : null,
    igmp: igmp === null ? null : parseIgmpTable(igmp),
    firewalls: firewalls(),
  });
}

function holdersOf(port: number): PortHolder[] | null {
  const tables = ["/proc/net/udp", "/proc/net/udp6"].map(textOf).filter((text) => text !== null);
  if (tables.length === 0) return null;
  const rows = tables.flatMap(parseUdpTable).filter((row) => row.port === port);
  const owners = ownersOf(rows);
  return rows.map(({ inode, localAddress, drops }) => {
    const processId = owners.get(inode) ?? null;
    return {
      localAddress,
      drops,
      processId,
      program: processId === null ? null : programOf(processId),
      isOurs: processId === Deno.pid,
    };
  });
}

/** Which process has which socket, as far as we may look. */
function ownersOf(rows: readonly UdpRow[]): Map<string, number> {
  const wanted = new Map(rows.map(({ inode }) => [`socket:[${inode}]`, inode]));
  const owners = new Map<string, number>();
  const processes = namesIn("/proc").filter((name) => /^\d+$/.test(name)).slice(0, MAX_PROCESSES);
  for (const processId of processes) {
    if (owners.size === wanted.size) break;
    for (const fd of namesIn(`/proc/${processId}/fd`)) {
      const inode = wanted.get(linkOf(`/proc/${processId}/fd/${fd}`) ?? "");
      if (inode !== undefined) owners.set(inode, Number(processId));
    }
  }
  return owners;
}

/** What people call a program: `hana serve`, else the name of its executable. */
function programOf(processId: number): string | null {
  const args = textOf(`/proc/${processId}/cmdline`)?.split("\0") ?? [];
  const at = args.findIndex((arg) => /(^|\/)hana$/.test(arg) || arg.endsWith("/cli/main.ts"));
  if (at >= 0) return `hana ${args[at + 1] ?? ""}`.trim();
  return textOf(`/proc/${processId}/comm`)?.trim() || null;
}

function firewalls(): string[] {
  const found: string[] = [];
  if (/^\s*ENABLED=yes/m.test(textOf("/etc/ufw/ufw.conf") ?? "")) found.push("ufw");
  if (isThere("/run/firewalld.pid") || isThere("/run/firewalld")) found.push("firewalld");
  const tables = textOf("/proc/net/ip_tables_names")?.trim().split("\n").filter((name) => name !== "") ?? [];
  if (tables.includes("filter")) found.push("iptables");
  const modules = textOf("/proc/modules") ?? "";
  if (/^nf_tables \d+ [1-9]/m.test(modules)) found.push("nftables");
  return found;
}

function textOf(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null;
  }
}

function linkOf(path: string): string | null {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return null;
  }
}

function namesIn(path: string): string[] {
  try {
    return Array.from(Deno.readDirSync(path), ({ name }) => name);
  } catch {
    return [];
  }
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
