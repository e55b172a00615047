import { assertEquals } from "@std/assert";

Deno.test("the compiler allows what the role table allows, and refuses the rest", async () => {
  const fixture = new URL("./roles_fixture.ts", import.meta.url).pathname;
  const config = new URL("../../../deno.json", import.meta.url).pathname;
  const checked = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", "--config", config, fixture],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  assertEquals(new TextDecoder().decode(checked.stderr), "");
  assertEquals(checked.code, 0);
});
