import { assertEquals } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { withWholeCall } from "../../../cli/frame/whole_call.ts";

function hintFor(hint: string, call: string): string | undefined {
  return withWholeCall(new HanaError("usage", { what: "x", hint }), call.split(" ")).hint;
}

Deno.test("a hint that speaks of one flag becomes the call with that flag put right", () => {
  const cases: readonly (readonly [hint: string, call: string, whole: string])[] = [
    ["--timeout 5s", "discover --timeout 5 -q", "hana discover --timeout 5s -q"],
    ["--timeout 5s", "discover --timeout=5 -q", "hana discover --timeout=5s -q"],
    ["--count 64", "ping a -c 1e3", "hana ping a -c 64"],
    ["--count 64", "ping a -c1e3", "hana ping a --count=64"],
    ["--lane all", "ping it's --lane x", `hana ping 'it'\\''s' --lane all`],
    ["--ndjson instead of --json", "discover --watch --json", "hana discover --watch --ndjson"],
    ["without --quiet", "discover --json -q", "hana discover --json"],
  ];
  for (const [hint, call, whole] of cases) assertEquals(hintFor(hint, call), whole);
});

Deno.test("any other hint stays as it is", () => {
  const cases: readonly (readonly [hint: string, call: string])[] = [
    ["hana discover", "ping a"],
    ["--timeout 5s", "ping a"],
    ["without --json", "discover -q"],
    ["--ndjson instead of --json", "discover --watch"],
  ];
  for (const [hint, call] of cases) assertEquals(hintFor(hint, call), hint);
  const other = new HanaError("config", { what: "x", hint: "--timeout 5s" });
  assertEquals(withWholeCall(other, ["discover", "--timeout", "5"]), other);
});
