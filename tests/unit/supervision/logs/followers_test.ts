import { assert, assertEquals, assertExists } from "@std/assert";
import { Desk } from "./desk.ts";

const SECOND_US = 1_000_000;

Deno.test("a follower hears all that comes, in batches, and one that is too slow hears how much it missed", () => {
  const desk = new Desk();
  desk.book.startRun(1, desk.nowUs);
  desk.write("before\n");
  const heard: string[] = [];
  let told = 0;
  let takes = true;
  const follower = desk.book.follow((records, missed) => {
    if (!takes) return false;
    assert(records.length <= 256);
    told += missed;
    heard.push(...records.map(({ text }) => text));
    return true;
  });
  assertExists(follower);
  for (let i = 0; i < 600; i++) desk.write(`line ${i}\n`);
  assertEquals(heard, [], "nobody is told within the call that takes bytes");
  assertEquals(desk.book.deadline()?.reason, "logs: followers are told");
  desk.wait(SECOND_US);
  assertEquals(heard, Array.from({ length: 600 }, (_, i) => `line ${i}`));
  takes = false;
  for (let i = 0; i < 5000; i++) desk.write(`more ${i}\n`);
  desk.wait(SECOND_US);
  assertEquals(heard.length, 600);
  takes = true;
  desk.wait(3 * SECOND_US);
  assertEquals([told, follower.missed, desk.book.counters.missed], [3000, 3000, 3000]);
  assertEquals(heard.at(-1), "more 4999");
  assertEquals(heard.length, 2600);
  follower.stop();
  desk.write("unheard\n");
  desk.wait(SECOND_US);
  assertEquals(heard.at(-1), "more 4999");
  assertEquals(desk.book.counters.missed, 3000);
});

Deno.test("there are no more than 32 followers", () => {
  const desk = new Desk();
  const followers = Array.from({ length: 33 }, () => desk.book.follow(() => true));
  assertEquals(followers.filter((follower) => follower === null).length, 1);
  assertEquals(desk.book.counters.refused, 1);
  followers[0]?.stop();
  assertExists(desk.book.follow(() => true));
});
