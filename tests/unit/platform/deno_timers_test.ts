import { assert, assertEquals } from "@std/assert";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";

Deno.test("timers that are all cancelled keep no system timer, and new ones still run", async () => {
  const { clock, timers } = denoPlatform();
  const handles = [60, 5, 30].map((seconds) =>
    timers.schedule(clock.nowUs() + seconds * 1_000_000, () => {})
  );
  for (const handle of handles) handle.cancel();
  // Deno's own leak check fails this test if one is left.
  const dueUs = clock.nowUs() + 3_000;
  const ranUs = await new Promise<number>((resolve) => timers.schedule(dueUs, () => resolve(clock.nowUs())));
  assert(ranUs >= dueUs);
});

Deno.test("a timer that cancels the last other one from its callback lets later ones run", async () => {
  const { clock, timers } = denoPlatform();
  const order: string[] = [];
  const doomed = timers.schedule(clock.nowUs() + 50_000, () => order.push("doomed"));
  await new Promise<void>((resolve) =>
    timers.schedule(clock.nowUs() + 1_000, () => {
      doomed.cancel();
      order.push("first");
      timers.schedule(clock.nowUs() + 1_000, () => {
        order.push("second");
        resolve();
      });
    })
  );
  assertEquals(order, ["first", "second"]);
});
