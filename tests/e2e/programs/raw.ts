// Bare sockets, so that the tests' network is known to work before hana runs on it.
// raw.ts answer PORT            answers each TCP connection with the address that it came from
// raw.ts ask HOST PORT          prints the answer; exits with 1 when there is none
// raw.ts hear GROUP PORT ADDR   prints each multicast datagram that comes in on the interface with this address
// raw.ts say GROUP PORT ADDR    sends one from there
// raw.ts garble HOST PORT UDP   writes bytes of no meaning to a TCP port, each piece by a connection, and to a UDP port
// raw.ts crowd HOST PORT COUNT  connects so often, says nothing, and prints `gone` when all were closed by the other end
// raw.ts hold PORT              takes a UDP port for itself alone
// raw.ts mute PORT              accepts connections and neither reads nor writes

// deno-lint-ignore-file no-console

const [verb, ...rest] = Deno.args;

/** A group that stays on its segment must not be waited for longer than that. */
const DEADLINE_MS = 2_000;

/** Pieces of garbage. */
const GARBLED = 200;

if (verb === "answer") {
  const listener = Deno.listen({ hostname: "0.0.0.0", port: Number(rest[0]) });
  console.log("ready");
  for await (const connection of listener) {
    await connection.write(new TextEncoder().encode((connection.remoteAddr as Deno.NetAddr).hostname));
    connection.close();
  }
} else if (verb === "ask") {
  setTimeout(() => Deno.exit(1), DEADLINE_MS);
  try {
    const connection = await Deno.connect({ hostname: rest[0] ?? "", port: Number(rest[1]) });
    const bytes = new Uint8Array(64);
    const length = await connection.read(bytes);
    console.log(new TextDecoder().decode(bytes.subarray(0, length ?? 0)));
    Deno.exit(0);
  } catch (thrown) {
    console.error(String(thrown));
    Deno.exit(1);
  }
} else if (verb === "hold") {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: Number(rest[0]) });
  console.log("ready");
  for await (const _ of socket) { /* it hears and does nothing */ }
} else if (verb === "garble") {
  const [hostname = "", port, udpPort] = rest;
  const bytes = new Uint8Array(2000);
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
  for (let round = 0; round < GARBLED; round++) {
    crypto.getRandomValues(bytes);
    const piece = bytes.subarray(0, 1 + (bytes[0] ?? 0) * 7);
    await socket.send(piece, { transport: "udp", hostname, port: Number(udpPort) });
    const connection = await Deno.connect({ hostname, port: Number(port) });
    // Whoever is not understood is cut off, maybe before all is written.
    await connection.write(piece).catch(() => 0);
    await connection.closeWrite().catch(() => {});
    await connection.read(bytes).catch(() => null);
    connection.close();
  }
  console.log("done");
  Deno.exit(0);
} else if (verb === "crowd") {
  const [hostname = "", port, count] = rest;
  const silent = await Promise.all(
    Array.from({ length: Number(count) }, () => Deno.connect({ hostname, port: Number(port) })),
  );
  console.log("ready");
  let heard = 0;
  await Promise.all(silent.map(async (connection) => {
    heard += await connection.read(new Uint8Array(64)).catch(() => null) ?? 0;
  }));
  console.log(`gone, ${heard} bytes heard`);
  Deno.exit(0);
} else if (verb === "mute") {
  const listener = Deno.listen({ hostname: "0.0.0.0", port: Number(rest[0]) });
  console.log("ready");
  const kept: Deno.Conn[] = [];
  for await (const connection of listener) kept.push(connection);
} else if (verb === "hear" || verb === "say") {
  const [group = "", port, address = ""] = rest;
  const hears = verb === "hear";
  const socket = Deno.listenDatagram({
    transport: "udp",
    hostname: hears ? "0.0.0.0" : address,
    port: hears ? Number(port) : 0,
    reuseAddress: true,
  });
  if (!hears) {
    await socket.send(new TextEncoder().encode(address), {
      transport: "udp",
      hostname: group,
      port: Number(port),
    });
    Deno.exit(0);
  }
  await socket.joinMulticastV4(group, address);
  console.log("ready");
  for await (const [bytes] of socket) console.log(new TextDecoder().decode(bytes));
}
