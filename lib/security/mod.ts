// Keys, handshakes, encryption, replay protection. Decides who is in the mesh and what was really said;
// never does I/O of its own, never draws randomness of its own, never keeps time.
// Importing it loads no WebAssembly and no @noble package: loadSessionSuite and loadAead do, when they are called.

export {
  type Aead,
  AEAD_KEY_BYTES,
  AEAD_NONCE_BYTES,
  AEAD_TAG_BYTES,
  type AeadCipher,
  type AeadName,
  equalInConstantTime,
  NO_AAD,
  setNonce,
} from "./aead.ts";
export { type AeadCandidate, aeadCandidates, loadAead, type LoadedAead } from "./aead_load.ts";
export { CipherState } from "./cipher_state.ts";
export { Sha256, sha256Hex } from "./digest.ts";
export type { KeyPurpose, RingKey } from "./derivation.ts";
export {
  type AccessClaim,
  type AccessGrant,
  AccessKey,
  AccessKeyRing,
  checkGrant,
  isHolderName,
  MAX_EXPIRES_S,
  MAX_HOLDER_BYTES,
} from "./access_key.ts";
export { formatAccessCode, isAccessCode, parseAccessCode } from "./access_code.ts";
export { MAX_REVOKED, type Revocation, revoke } from "./revocation.ts";
export {
  checkMeshName,
  createMeshKey,
  KEY_ID_BYTES,
  type KeyRing,
  MAX_MESH_NAME_BYTES,
  MESH_KEY_BYTES,
  MeshKey,
  MeshKeyRing,
  openMeshKeyRing,
  type RingSlot,
  rotate,
} from "./mesh_key.ts";
export { type DirectionKeys, EXPORTED_KEY_BYTES, KeyExporter } from "./exporter.ts";
export { KeyedMac, MAC_BYTES } from "./keyed_mac.ts";
export { formatKeyFile, loadKeyRing, parseKeyFile, saveKeyRing } from "./key_file.ts";
export { formatJoinCode, parseJoinCode } from "./join_code.ts";
export {
  DATAGRAM_TAG_BYTES,
  DatagramAuthenticator,
  type DatagramSigner,
  OPEN_KEY_TAG,
} from "./datagram_auth.ts";
export { REPLAY_WINDOW_BITS, REPLAY_WINDOW_NUMBERS, ReplayWindow } from "./replay.ts";
export { type NoiseFailure, NoiseHandshake, type NoiseOptions, type NoiseTransport } from "./noise.ts";
export {
  loadSessionSuite,
  type NoiseHash,
  type NoiseHashName,
  type NoiseSuite,
  noiseSuite,
  SESSION_SUITE,
} from "./noise_suite.ts";
export {
  type ChannelContext,
  type ChannelSink,
  type ChannelState,
  MAX_RECORD_PLAINTEXT_BYTES,
  RECORD_OVERHEAD_BYTES,
  REKEY_BYTES,
  REKEY_RECORDS,
  SecureChannel,
} from "./channel.ts";
export { CHANNEL_FAILURES, ChannelCounters, channelError, type ChannelFailure } from "./channel_failure.ts";
export { ACCESS_CHANNEL_VERSION, CHANNEL_VERSION } from "./channel_preamble.ts";
export { X25519_BYTES } from "./x25519.ts";
export { REPLAY_GUARD_ENTRIES, ReplayGuard } from "./replay_guard.ts";
