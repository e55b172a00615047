// A fast 32-bit hash for ranking and for telling meshes apart at a glance.
// Never security: the MAC of every datagram is (datagram.ts).

/** FNV-1a over the UTF-16 units of `text`, finished by MurmurHash3's mixer so that near texts land far apart. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The four bytes by which datagrams of another mesh name are dropped before any work (discovery research 6.2). */
export function meshTagOf(meshName: string): number {
  return hash32(`hana mesh ${meshName}`);
}
