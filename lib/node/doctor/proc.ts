// Reads what Linux tells of its network in /proc, as text that somebody else has fetched.
// Decides the meaning of its columns; never opens a file. What cannot be read is left out.

/** One row of /proc/net/udp or /proc/net/udp6. */
export interface UdpRow {
  /** `0.0.0.0`, or the hex digits of an IPv6 address. */
  readonly localAddress: string;
  readonly port: number;
  readonly inode: string;
  /** Datagrams dropped since the socket was made, mostly because its buffer was full. */
  readonly drops: number;
}

/** The UDP sockets of a machine (proc(5), /proc/net/udp). */
export function parseUdpTable(text: string): UdpRow[] {
  const rows: UdpRow[] = [];
  for (const line of text.split("\n").slice(1)) {
    const columns = line.trim().split(/\s+/);
    const [, local = ""] = columns;
    const [address = "", port = ""] = local.split(":");
    const inode = columns[9];
    if (inode === undefined || port === "") continue;
    rows.push({
      localAddress: address.length === 8 ? ipv4OfHex(address) : address,
      port: parseInt(port, 16),
      inode,
      drops: Number(columns[12] ?? 0) || 0,
    });
  }
  return rows;
}

/** By interface: the version of IGMP that it speaks, and its groups (/proc/net/igmp). */
export function parseIgmpTable(text: string): Map<string, { version: string; groups: string[] }> {
  const table = new Map<string, { version: string; groups: string[] }>();
  let current: { version: string; groups: string[] } | null = null;
  for (const line of text.split("\n").slice(1)) {
    const device = /^\d+\s+(\S+)\s*:\s*\d+\s+(V\d)/.exec(line);
    if (device !== null) {
      current = { version: device[2] ?? "", groups: [] };
      table.set(device[1] ?? "", current);
      continue;
    }
    const group = /^\s+([0-9A-F]{8})\s/.exec(line)?.[1];
    if (group !== undefined) current?.groups.push(ipv4OfHex(group));
  }
  return table;
}

/** The kernel writes the four bytes as a number of the machine, which is little-endian wherever hana runs. */
function ipv4OfHex(hex: string): string {
  const bytes = [6, 4, 2, 0].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return bytes.join(".");
}
