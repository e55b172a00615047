// Typed face of the untyped package that republishes @std/msgpack: an independent MessagePack codec,
// the oracle against which lib/wire is tested.

// deno-lint-ignore-file no-explicit-any
import * as untyped from "deno-std/msgpack/mod.js";

const std = untyped as any;

export const encode: (value: unknown) => Uint8Array = std.encode;
export const decode: (bytes: Uint8Array) => unknown = std.decode;
