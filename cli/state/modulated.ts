// What modulation makes of a parameter: asked of the visualization that draws it, which alone knows.
// Decides whom to ask and how long; most parameters are not modulated, and their reason must not wait for it.

import { HanaError } from "../../lib/base/mod.ts";
import { parametersPrefix } from "../../lib/node/mod.ts";
import type { ReplyOf } from "../../lib/session/mod.ts";
import { type ParameterDefinition, STATE_MODULATION } from "../../lib/state/mod.ts";
import type { MeshClient } from "../nodes/mesh_client.ts";

/** Why a parameter is drawn as it is. */
export type Modulated = ReplyOf<typeof STATE_MODULATION>;

const ASK_US = 500_000;
const MODULATED: readonly string[] = ["f32", "unit", "i32"];

/** What its visualization says; null where it is not modulated, or nobody answers in time. */
export async function modulationOf(
  mesh: MeshClient,
  { path, type }: ParameterDefinition,
): Promise<Modulated | null> {
  const [prefix, ...rest] = path.split("/");
  if (rest.length === 0 || !MODULATED.includes(type)) return null;
  const node = (await mesh.nodes()).find(({ name, state, capabilities }) =>
    state === "alive" && parametersPrefix(name) === prefix && capabilities["parameters"] !== undefined
  );
  if (node === undefined) return null;
  try {
    const session = mesh.local !== null && mesh.local.peer.id === node.id
      ? mesh.local
      : await mesh.node.open(node, { timeoutUs: ASK_US });
    const body = { path: rest.join("/"), part: 0 };
    const reply = await session.call(STATE_MODULATION, body, { timeoutUs: ASK_US }) as Modulated;
    return reply.sources.length === 0 ? null : reply;
  } catch (thrown) {
    // It takes no modulation, is of an older version, or does not answer.
    if (thrown instanceof HanaError) return null;
    throw thrown;
  }
}
