// The ground floor: errors, identities, bytes. Every other room may stand on it; it stands on nothing.

export { ACCESS_LEVELS, type AccessLevel, hasAccess, isAccessLevel } from "./access.ts";
export { assert, type ErrorCode, type ErrorDetail, HanaError, toHanaError } from "./errors.ts";
export {
  compareTokens,
  type FencingToken,
  formatToken,
  isFencingToken,
  MAX_TOKEN_NUMBER,
  parseToken,
} from "./fencing_token.ts";
export { Histogram } from "./histogram.ts";
export { concatBytes, equalBytes, fromHex, toHex } from "./bytes.ts";
export {
  type Brand,
  type Incarnation,
  isNodeId,
  isRole,
  NODE_ID_BYTES,
  type NodeId,
  nodeIdFromBytes,
  nodeIdToBytes,
  type Role,
  ROLES,
} from "./identity.ts";
export { editDistance, nearest } from "./nearest.ts";
export { isNodeName, MAX_NODE_NAME_BYTES, nodeNameFromHost } from "./node_name.ts";
