// What most tests here begin with: machines on one segment, a user each, one key for all.

import { HanaUser } from "../support/hana_process.ts";
import type { TestNetwork } from "../support/namespaces.ts";

/** Machines on one segment called `stage`, with the addresses 10.77.1.1, 10.77.1.2, … in this order, and a user each. */
export function stageOf<const Names extends readonly string[]>(
  network: TestNetwork,
  ...names: Names
): { [Index in keyof Names]: HanaUser } {
  network.addSegment("stage");
  const users = names.map((name, index) => {
    const address = `10.77.1.${index + 1}/24`;
    return new HanaUser(network.addMachine(name, { segments: [{ segment: "stage", address }] }));
  });
  // One user a name: what the mapped type says.
  return users as { [Index in keyof Names]: HanaUser };
}

/** One key for all of them: made by the first, joined by the others. */
export async function shareKey(...users: readonly HanaUser[]): Promise<void> {
  const [first, ...others] = users;
  if (first === undefined) return;
  const code = await first.createMesh();
  await Promise.all(others.map((user) => user.joinMesh(code)));
}
