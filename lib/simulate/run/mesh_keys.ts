// The keys of a scenario's meshes: a number stands for a secret that is the same in every run.

import { MESH_KEY_BYTES, MeshKey, MeshKeyRing, openMeshKeyRing } from "../../security/mod.ts";

const rings = new Map<number, MeshKeyRing>();

/** The key ring of a number; the open mesh's for null. */
export function keyRingOf(key: number | null): MeshKeyRing {
  if (key === null) return openMeshKeyRing();
  let ring = rings.get(key);
  if (ring === undefined) {
    const secret = new Uint8Array(MESH_KEY_BYTES);
    for (let i = 0; i < secret.length; i++) secret[i] = (key * 31 + i * 7 + 11) & 255;
    rings.set(key, ring = new MeshKeyRing(new MeshKey(secret), null));
  }
  return ring;
}
