// A benchmark between two network namespaces: this very call runs again inside one of them, with its peer in the other.
// Decides what is handed over (the same arguments, and where the peer belongs in a variable) and that all that was made
// goes again. Linux and root alone.

import { HanaError } from "../../lib/base/mod.ts";
import { hanaProgram } from "../simulate/real/node_process.ts";
import { RealNetwork, whyNoNamespaces } from "../simulate/real/namespaces.ts";

/** Tells the inner call where its peer runs: JSON of {@linkcode PeerPlace}. */
export const PLACE_VARIABLE = "HANA_BENCH_PEER";

/** Where the peer of a benchmark runs. */
export interface PeerPlace {
  /** What stands before its call. */
  readonly prefix: readonly string[];
  readonly host: string;
}

const NEAR = "10.77.0.1";
const FAR = "10.77.0.2";
const SEGMENT = "wire";

/** Why it cannot be done here; null when it can. */
export function whyNoTwoNamespaces(): HanaError | null {
  const problem = whyNoNamespaces();
  if (problem === null) return null;
  return new HanaError(problem.code, {
    what: "--namespaces cannot be used here",
    ...(problem.why === undefined ? {} : { why: problem.why }),
    hint: "hana bench, without --namespaces, uses the loopback interface",
  });
}

/** Runs `hana ARGS…` in one namespace with its peer in another; its exit code. */
export async function inTwoNamespaces(
  args: readonly string[],
  onStart: (end: (signal: "SIGINT" | "SIGTERM") => void) => void,
): Promise<number> {
  const network = await RealNetwork.create();
  try {
    await network.addSegments([SEGMENT]);
    const attached = (address: string) => [{ name: "eth0", segment: SEGMENT, address, prefix: 24 }];
    await network.addHosts(new Map([["bench-near", attached(NEAR)], ["bench-far", attached(FAR)]]));
    const place: PeerPlace = { prefix: network.host("bench-far").enter([]), host: FAR };
    const [program = "", ...rest] = network.host("bench-near").enter([...hanaProgram(), ...args]);
    const child = new Deno.Command(program, {
      args: rest,
      env: { [PLACE_VARIABLE]: JSON.stringify(place) },
      stdin: "null",
    }).spawn();
    onStart((signal) => child.kill(signal));
    return (await child.status).code;
  } finally {
    await network.remove();
  }
}
