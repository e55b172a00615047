// Typed face of the untyped package that republishes @std/assert; the one place that names it.

// deno-lint-ignore-file no-explicit-any
import * as untyped from "deno-std/assert/mod.js";

const std = untyped as any;

/** A constructor of errors, as `assertThrows` takes it. */
// The parameters are the package's: any error class must fit.
type ErrorClass<E extends Error> = new (...args: any[]) => E;

export const assert: (condition: unknown, message?: string) => asserts condition = std.assert;
export const assertEquals: <T>(actual: T, expected: T, message?: string) => void = std.assertEquals;
export const assertNotEquals: <T>(actual: T, expected: T, message?: string) => void = std.assertNotEquals;
export const assertStrictEquals: <T>(actual: unknown, expected: T, message?: string) => asserts actual is T =
  std.assertStrictEquals;
export const assertExists: <T>(actual: T, message?: string) => asserts actual is NonNullable<T> =
  std.assertExists;
export const assertMatch: (actual: string, expected: RegExp, message?: string) => void = std.assertMatch;
export const assertNotMatch: (actual: string, expected: RegExp, message?: string) => void =
  std.assertNotMatch;
export const assertStringIncludes: (actual: string, expected: string, message?: string) => void =
  std.assertStringIncludes;
export const assertInstanceOf: <T>(
  actual: unknown,
  expected: abstract new (...args: any[]) => T,
  message?: string,
) => asserts actual is T = std.assertInstanceOf;
export const assertThrows: <E extends Error = Error>(
  fn: () => unknown,
  errorClass?: ErrorClass<E>,
  messageIncludes?: string,
) => E = std.assertThrows;
export const assertRejects: <E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass?: ErrorClass<E>,
  messageIncludes?: string,
) => Promise<E> = std.assertRejects;
export const fail: (message?: string) => never = std.fail;
