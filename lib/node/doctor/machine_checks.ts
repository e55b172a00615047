// What is right or wrong with this machine: its interfaces, the discovery port, its own echo, IGMP, buffers, firewall,
// directories, and who else speaks on the port.
// Decides from observations alone, so that a table of them tests it; never looks at anything itself.

import { type Check, check } from "./checks.ts";
import type { LinkObservation, Observations, StrangerObservation } from "./observations.ts";

/** Below this a burst of a large mesh does not fit (512 records of 1.2 kB). */
const SMALL_BUFFER = 425_984;

/** All findings about this machine. */
export function machineChecks(seen: Observations): Check[] {
  const checks = [
    ...interfaceChecks(seen),
    portCheck(seen),
    dropCheck(seen),
    bufferCheck(seen),
    firewallCheck(seen),
    ...seen.storage.map((each) => storageCheck(seen, each)),
    ...strangerChecks(seen),
    ...nameChecks(seen),
  ];
  for (const link of seen.links) checks.push(...linkChecks(seen, link));
  return checks;
}

// --- interfaces ----------------------------------------------------------------------------------------------------

function interfaceChecks(seen: Observations): Check[] {
  const used = seen.links.filter((link) => !link.loopback);
  const names = used.filter((link) => link.family === "ipv4" || !used.some((other) => isTwinOf(link, other)))
    .map((link) =>
      `${link.name} ${link.address}/${link.prefix}${
        used.some((other) => isTwinOf(other, link)) ? " and IPv6" : ""
      }`
    )
    .join(", ");
  const ignored = seen.ignored.map((each) => `${each.name} ${each.address} (${each.why})`).join(", ");
  const checks: Check[] = [];
  if (used.length === 0) {
    checks.push(check("interfaces", "interfaces", "fail", "no network interface is used", {
      why: ignored === "" ? "there is none with an address" : `not used: ${ignored}`,
      hint: seen.ignored.length === 0
        ? "plug in a cable or join the WiFi, and give the interface an address"
        : `name the one to use: hana doctor --interface ${seen.ignored[0]?.name ?? "NAME"}`,
      weight: 100,
    }));
  } else {
    checks.push(
      check("interfaces", "interfaces", "ok", names, { why: ignored === "" ? null : `not used: ${ignored}` }),
    );
  }
  for (const name of seen.missing) {
    checks.push(check("interface-missing", "interfaces", "fail", `there is no interface ${name}`, {
      why: "it was asked for by --interface or in the configuration",
      hint: "hana config show --origin",
      weight: 90,
    }));
  }
  for (const [at, a] of used.entries()) {
    for (const b of used.slice(at + 1)) {
      if (a.address === b.address) {
        checks.push(
          check("same-address", "addresses", "fail", `${a.name} and ${b.name} both have ${a.address}`, {
            why: "answers go to one of them only",
            hint: `take the address away from one: ip address del ${b.address}/${b.prefix} dev ${b.name}`,
            weight: 80,
          }),
        );
      } else if (a.name !== b.name && networkOf(a) !== null && networkOf(a) === networkOf(b)) {
        checks.push(
          check("same-network", "addresses", "warn", `${a.name} and ${b.name} are both in ${networkOf(a)}`, {
            why:
              "the system sends by one of them whatever the program wants, and which one heard cannot be told",
            hint: `hana serve --interface ${a.name}, or another subnet for ${b.name}`,
            weight: 30,
          }),
        );
      }
    }
  }
  return checks;
}

/** Whether `link` is the IPv6 side of an interface whose IPv4 side is `other`. */
function isTwinOf(link: LinkObservation, other: LinkObservation): boolean {
  return link.family === "ipv6" && other.family === "ipv4" && link.name === other.name;
}

/** `10.0.0.0/24` of an IPv4 link, else null. */
function networkOf({ address, prefix }: LinkObservation): string | null {
  const parts = address.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part))) return null;
  const bits = parts.reduce((all, part) => all * 256 + part, 0);
  const size = 2 ** (32 - prefix);
  const network = Math.floor(bits / size) * size;
  return `${[24, 16, 8, 0].map((shift) => Math.floor(network / 2 ** shift) % 256).join(".")}/${prefix}`;
}

// --- port ----------------------------------------------------------------------------------------------------------

function portCheck(seen: Observations): Check {
  const holders = seen.system.portHolders ?? [];
  const others = holders.filter((each) => !each.isOurs).map((each) =>
    each.program === null
      ? "a program that may not be named (try as root)"
      : `${each.program} (process ${each.processId})`
  );
  const named = [...new Set(others)].join(", ");
  if (seen.isListening) {
    return check("port", "discovery port", "ok", `UDP ${seen.port} is shared as it should be`, {
      why: named === "" ? null : `also on it: ${named}`,
    });
  }
  return check(
    "port",
    "discovery port",
    "fail",
    `UDP ${seen.port} is held by ${named === "" ? "a foreign program" : named}`,
    {
      why: seen.portProblem ?? "it does not share the port, so that nobody's announcements are heard here",
      hint: named === ""
        ? `find it: ${findPortText(seen)}; or another port for all nodes: --discovery-port`
        : "end that program, or give all nodes another port: --discovery-port",
      weight: 95,
    },
  );
}

function findPortText(seen: Observations): string {
  if (seen.os === "windows") return `Get-NetUDPEndpoint -LocalPort ${seen.port}`;
  return seen.os === "darwin" ? `sudo lsof -nP -iUDP:${seen.port}` : `sudo ss -ulpn 'sport = ${seen.port}'`;
}

function dropCheck(seen: Observations): Check {
  const { portHolders } = seen.system;
  if (portHolders === null) {
    return check("drops", "lost on arrival", "skipped", "this system does not tell what it drops");
  }
  const bad = portHolders.filter((each) => each.drops > 0);
  const drops = bad.reduce((sum, each) => sum + each.drops, 0);
  if (drops === 0) return check("drops", "lost on arrival", "ok", "the system dropped nothing on the port");
  const who = bad.map((each) => `${each.program ?? "a program"}: ${each.drops}`).join(", ");
  return check("drops", "lost on arrival", "warn", `the system dropped ${drops} datagrams on the port`, {
    why: `a receive buffer was full (${who}); the machine was busy, or somebody floods the port`,
    hint: "hana discover --trace shows who sends how much",
    weight: 40,
  });
}

function bufferCheck(seen: Observations): Check {
  const { maxReceiveBuffer } = seen.system;
  if (maxReceiveBuffer === null) {
    return check("receive-buffer", "receive buffer", "skipped", "this system does not tell its limit here");
  }
  const text = `programs may buffer ${Math.round(maxReceiveBuffer / 1024)} KiB a socket`;
  if (maxReceiveBuffer >= SMALL_BUFFER || seen.peers.length < 100) {
    return check("receive-buffer", "receive buffer", "ok", text);
  }
  return check("receive-buffer", "receive buffer", "warn", text, {
    why: `little for a mesh of ${seen.peers.length} nodes`,
    hint: `sudo sysctl -w net.core.rmem_max=${SMALL_BUFFER}`,
    weight: 10,
  });
}

function firewallCheck(seen: Observations): Check {
  const { firewalls } = seen.system;
  if (seen.os === "darwin") {
    return check("firewall", "firewall", "skipped", "cannot be seen from here", {
      hint:
        "System Settings > Privacy & Security > Local Network must allow the terminal or app that runs hana, " +
        "and Network > Firewall must not block incoming connections of hana",
    });
  }
  if (seen.os === "windows") {
    return check("firewall", "firewall", "skipped", "cannot be seen from here", {
      hint:
        "the network must be a private one (Get-NetConnectionProfile), and the firewall needs an inbound UDP and " +
        "TCP rule for hana.exe",
    });
  }
  if (firewalls === null) return check("firewall", "firewall", "skipped", "this system does not tell");
  if (firewalls.length === 0) return check("firewall", "firewall", "ok", "none was found");
  return check("firewall", "firewall", "ok", `there is ${firewalls.join(", ")}`, {
    why: "whether it lets hana through, the checks below show",
  });
}

// --- one link ------------------------------------------------------------------------------------------------------

function linkChecks(seen: Observations, link: LinkObservation): Check[] {
  if (link.loopback) return [];
  const on = { interface: link.name, family: link.family };
  const checks: Check[] = [];
  if (link.problem !== null) {
    checks.push(check("join", "membership", "fail", link.problem, {
      ...on,
      hint: "is the interface up? ip link show " + link.name,
      weight: 85,
    }));
  }
  checks.push(echoCheck(seen, link, "multicast"));
  if (link.family === "ipv4") checks.push(echoCheck(seen, link, "broadcast"), igmpCheck(seen, link));
  return checks;
}

function echoCheck(seen: Observations, link: LinkObservation, path: "multicast" | "broadcast"): Check {
  const id = `${path}-echo`;
  const label = `own ${path}`;
  const on = { interface: link.name, family: link.family };
  const { sent, answered } = link.echo[path];
  if (path === "broadcast" && link.broadcast === null) {
    return check(id, label, "skipped", `a network of ${link.prefix} bits has no broadcast`, on);
  }
  if (!seen.isListening) {
    return check(id, label, "skipped", "cannot be heard while the discovery port is held", on);
  }
  if (sent === 0) return check(id, label, "skipped", "nothing was sent", on);
  if (answered > 0) return check(id, label, "ok", "comes back to this machine", on);
  return check(id, label, path === "multicast" ? "fail" : "warn", `does not come back to this machine`, {
    ...on,
    why: path === "multicast"
      ? "a firewall drops it, the program may not use the local network, or the interface cannot multicast"
      : "a firewall drops it, or the broadcast address is set wrong",
    hint: blockedHint(seen, link),
    weight: path === "multicast" ? 70 : 25,
  });
}

/** Where to look when this machine itself drops what it should hear. */
export function blockedHint(seen: Observations, link: { readonly name: string } | null): string {
  if (seen.os === "darwin") {
    return "allow the terminal under System Settings > Privacy & Security > Local Network";
  }
  if (seen.os === "windows") {
    return "make the network private: Set-NetConnectionProfile -NetworkCategory Private";
  }
  const wall = seen.system.firewalls?.[0];
  if (wall === undefined) {
    return link === null ? "sudo nft list ruleset" : `ip link show ${link.name}; sudo nft list ruleset`;
  }
  if (wall.startsWith("ufw")) return `sudo ufw allow in proto udp to any port ${seen.port}`;
  if (wall.startsWith("firewalld")) return `sudo firewall-cmd --add-port=${seen.port}/udp`;
  return "sudo nft list ruleset; sudo iptables -L INPUT -n";
}

function igmpCheck(seen: Observations, link: LinkObservation): Check {
  const id = "igmp";
  const label = "group membership";
  const on = { interface: link.name, family: link.family };
  if (seen.system.igmp === null) {
    return check(id, label, "skipped", "this system does not tell its memberships", on);
  }
  const state = seen.system.igmp.get(link.name);
  if (state === undefined || !state.groups.includes(seen.group)) {
    if (!seen.isListening) return check(id, label, "skipped", "not joined, since the port is held", on);
    return check(id, label, "fail", `the system has not joined ${seen.group}`, {
      ...on,
      why: "the membership was lost, as when an interface is made anew",
      hint: "start hana again; it joins anew by itself within seconds, too",
      weight: 75,
    });
  }
  // The column tells which version queries were heard in: V3 is also what is assumed while none was ever heard.
  const querier = state.version === "V3"
    ? "whether a querier is there cannot be seen: the system speaks IGMPv3, which is also its default"
    : `a querier of IGMP ${state.version.toLowerCase()} was heard within the last minutes`;
  return check(id, label, "ok", `the system has joined ${seen.group}`, { ...on, why: querier });
}

// --- storage -------------------------------------------------------------------------------------------------------

function storageCheck(seen: Observations, each: Observations["storage"][number]): Check {
  const id = each.what.replaceAll(" ", "-");
  const isKey = each.what === "mesh key file";
  if (each.problem !== null) {
    return check(id, each.what, "fail", `${each.path} cannot be used`, {
      why: each.problem,
      hint: isKey && each.mode !== null && (each.mode & 0o077) !== 0
        ? `chmod 600 ${each.path}`
        : `ls -ld ${each.path}`,
      weight: 60,
    });
  }
  if (each.kind === null) {
    if (!isKey) {
      return check(id, each.what, "ok", `${each.path} will be made`, { why: "no node has run here yet" });
    }
    const isAlone = seen.strangers.every((stranger) => stranger.kind !== "other-key");
    return check(id, each.what, isAlone ? "ok" : "warn", "this machine has no mesh key: its mesh is open", {
      why: isAlone ? null : "nodes with a key are here, and do not see this one",
      hint: isAlone ? null : "on a machine of the mesh: hana mesh show --reveal; then here: hana mesh join -",
      weight: isAlone ? 0 : 65,
    });
  }
  const wanted = isKey ? "file" : "directory";
  if (each.kind !== wanted) {
    return check(id, each.what, "fail", `${each.path} is no ${wanted}`, {
      hint: `ls -ld ${each.path}`,
      weight: 60,
    });
  }
  if (seen.ownUserId !== null && each.userId !== null && seen.ownUserId !== each.userId) {
    return check(id, each.what, "fail", `${each.path} belongs to user ${each.userId}`, {
      why: `hana runs as user ${seen.ownUserId}`,
      hint: `sudo chown -R ${seen.ownUserId} ${each.path}`,
      weight: 60,
    });
  }
  if (each.mode !== null && (each.mode & 0o077) !== 0) {
    const octal = each.mode.toString(8).padStart(3, "0");
    // The state directory holds the key, but others can only list it; the file has a mode of its own.
    const verdict = isKey || each.what === "run directory" ? "fail" : "warn";
    return check(id, each.what, verdict, `${each.path} is open to others (mode ${octal})`, {
      hint: `chmod ${isKey ? "600" : "700"} ${each.path}`,
      weight: verdict === "fail" ? 60 : 15,
    });
  }
  return check(id, each.what, "ok", each.path);
}

// --- strangers and names -------------------------------------------------------------------------------------------

function strangerChecks(seen: Observations): Check[] {
  const checks: Check[] = [];
  const of = (kind: StrangerObservation["kind"]) => seen.strangers.filter((each) => each.kind === kind);
  const foreign = of("other-key");
  if (foreign.length === 0) {
    if (!seen.isLocalOnly) checks.push(check("keys", "mesh key", "ok", "nobody with another key was heard"));
  } else {
    const open = foreign.filter((each) => each.keyTag === "00");
    const sources = listOf(foreign.map((each) => each.source));
    const isAlone = seen.peers.every((peer) => peer.isHere || peer.known !== "heard");
    const whoText = foreign.length === open.length
      ? "without a key"
      : open.length === 0
      ? "with another key"
      : "without a key or with another one";
    checks.push(
      check(
        "keys",
        "mesh key",
        isAlone ? "fail" : "warn",
        `${counted(foreign.length, "node")} ${whoText}: ${sources}`,
        {
          why: seen.trust === "open"
            ? "this machine has no key; neither side sees the other"
            : "this machine has one; neither side sees the other",
          hint: seen.trust === "open"
            ? "on that machine: hana mesh show --reveal; then here: hana mesh join -"
            : "if they belong to this mesh, here: hana mesh show --reveal; then there: hana mesh join -",
          weight: isAlone ? 88 : 45,
        },
      ),
    );
  }
  const meshes = of("other-mesh");
  if (meshes.length > 0) {
    checks.push(
      check(
        "mesh-names",
        "other meshes",
        "ok",
        `${counted(meshes.length, "node")} of a mesh of another name`,
        {
          why: listOf(meshes.map((each) => each.source)),
        },
      ),
    );
  }
  const versions = of("other-version");
  if (versions.length > 0) {
    const numbers = [...new Set(versions.map((each) => each.version))].join(", ");
    checks.push(
      check(
        "protocol",
        "protocol version",
        "fail",
        `${counted(versions.length, "node")} of protocol version ${numbers}`,
        {
          why: `this hana speaks version ${seen.protocolVersion}: ${
            listOf(versions.map((each) => each.source))
          }`,
          hint: "the same release of hana on all machines: hana version",
          weight: 87,
        },
      ),
    );
  } else if (!seen.isLocalOnly) {
    checks.push(
      check("protocol", "protocol version", "ok", `everybody speaks version ${seen.protocolVersion}`),
    );
  }
  const noise = of("not-hana");
  if (noise.length > 0) {
    const first = noise[0];
    checks.push(
      check(
        "noise",
        "foreign traffic",
        "warn",
        `${counted(noise.length, "source")} of datagrams that are not hana's on the port`,
        {
          why: `${listOf(noise.map((each) => each.source))}; begins ${first?.head ?? ""}`,
          hint: "hana discover --trace --kind unknown; or another port for all nodes: --discovery-port",
          weight: 20,
        },
      ),
    );
  }
  return checks;
}

/** Nodes that wanted the same name: the mesh keeps names unique by a number behind the later one. */
function nameChecks(seen: Observations): Check[] {
  if (seen.isLocalOnly) return [];
  const checks: Check[] = [];
  const names = new Map<string, number>();
  for (const { name } of seen.peers) names.set(name, (names.get(name) ?? 0) + 1);
  for (const name of names.keys()) {
    const wanted = /^(.+)-[2-9]\d*$/.exec(name)?.[1];
    const count = names.get(name) ?? 1;
    const isTwin = count > 1 || (wanted !== undefined && names.has(wanted));
    if (!isTwin) continue;
    const asked = count > 1 ? name : wanted ?? name;
    checks.push(check("names", "names", "warn", `two nodes want the name ${asked}`, {
      why: count > 1 ? "one of them will soon be called otherwise" : `the later one is called ${name}`,
      hint: "name them apart: hana serve --name NAME; a copied state directory or disk image does this, too",
      weight: 35,
    }));
  }
  for (const peer of seen.peers) {
    if (!peer.isDouble) continue;
    checks.push(check("ids", "identity", "fail", `two processes speak under the id of ${peer.name}`, {
      node: peer.name,
      why: "a state directory was copied, or a disk image with one",
      hint: "on one of the machines: stop hana, remove its state directory, start hana again",
      weight: 82,
    }));
  }
  if (checks.length === 0) {
    checks.push(check("names", "names and ids", "ok", "no two nodes want one name, no two processes one id"));
  }
  return checks;
}

/** `2 sources`. */
function counted(count: number, noun: string): string {
  return count === 1 ? `one ${noun}` : `${count} ${noun}s`;
}

function listOf(items: readonly string[]): string {
  const few = items.slice(0, 6).join(", ");
  return items.length > 6 ? `${few} and ${items.length - 6} more` : few;
}
