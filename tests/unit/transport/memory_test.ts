import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../lib/base/mod.ts";
import type { ByteStream } from "../../../lib/platform/mod.ts";
import { MemoryNetwork, memoryPair } from "../../../lib/transport/mod.ts";
import { StreamRecorder } from "../platform/harness.ts";
import { ManualTimers, RecordedLink, utf8 } from "./support.ts";

function pair(
  timers = new ManualTimers(),
): { timers: ManualTimers; near: StreamRecorder; far: StreamRecorder } {
  const [near, far] = memoryPair(timers, "mem://x");
  const recorded = { timers, near: new StreamRecorder(near).open(), far: new StreamRecorder(far).open() };
  timers.flush();
  return recorded;
}

Deno.test("bytes arrive whole, after the call that wrote them, and the writer hears of it", () => {
  const { timers, near, far } = pair();
  near.stream.write(utf8("hello"));
  assertEquals([far.total, near.written], [0, 0]);
  timers.flush();
  assertEquals([new TextDecoder().decode(Uint8Array.from(far.bytes)), near.written], ["hello", 1]);
});

Deno.test("a reader that pauses holds the writer back, and gets everything once it goes on", () => {
  const { timers, near, far } = pair();
  far.stream.pauseReading();
  near.stream.write(utf8("held"));
  timers.flush();
  assertEquals([far.total, near.written], [0, 0]);
  far.stream.resumeReading();
  timers.flush();
  assertEquals([far.total, near.written], [4, 1]);
});

Deno.test("either side may end first, the other one writes on, and both close in order", () => {
  const { timers, near, far } = pair();
  near.stream.write(utf8("last"));
  near.stream.closeWrite();
  timers.flush();
  assertEquals([far.total, far.ended, far.closed, near.closed], [4, true, false, false]);
  far.stream.write(utf8("reply"));
  far.stream.closeWrite();
  timers.flush();
  assertEquals([near.total, near.closed, near.error, far.closed, far.error], [5, true, null, true, null]);
});

Deno.test("aborting closes here without an error and there with one, once each", () => {
  const { timers, near, far } = pair();
  near.stream.write(utf8("lost"));
  near.stream.abort();
  near.stream.abort();
  timers.flush();
  assertEquals([near.events, near.error], [["close"], null]);
  assertEquals([far.events.filter((event) => event === "close").length, far.error?.code], [1, "closed"]);
  far.stream.abort();
  near.stream.write(utf8("dead"));
  timers.flush();
  assertEquals(near.events, ["close"]);
});

Deno.test("frames of two links arrive in order whatever is sent when", () => {
  const step = fc.oneof(fc.string({ minLength: 1, maxLength: 50 }), fc.constant(null));
  fc.assert(fc.property(fc.array(step), fc.array(step), (mine, theirs) => {
    const timers = new ManualTimers();
    const [a, b] = memoryPair(timers, "mem://x");
    const [near, far] = [new RecordedLink(a).open(), new RecordedLink(b).open()];
    const decoded = (texts: (string | null)[]) =>
      texts.filter((text) => text !== null).map((text) => new TextDecoder().decode(utf8(text)));
    const ascii = (text: string) => text.charCodeAt(0) < 128;
    for (let i = 0; i < Math.max(mine.length, theirs.length); i++) {
      for (const [side, text] of [[near, mine[i]], [far, theirs[i]]] as const) {
        if (text === null) timers.flush();
        else if (text !== undefined && ascii(text)) side.send(text);
      }
    }
    near.link.end();
    timers.flush();
    assertEquals(far.frames, decoded(mine.filter((text) => text !== null && ascii(text))));
    assertEquals(near.frames, decoded(theirs.filter((text) => text !== null && ascii(text))));
    assertEquals([near.closed, near.error, far.closed, far.error], [1, null, 1, null]);
  }));
});

Deno.test("a name has one listener; without one, connecting fails", () => {
  const timers = new ManualTimers();
  const network = new MemoryNetwork(timers);
  const accepted: ByteStream[] = [];
  const handlers = { onStream: (stream: ByteStream) => void accepted.push(stream), onError: () => {} };
  assertEquals(assertThrows(() => network.connect("a"), HanaError).code, "unreachable");
  const listener = network.listen("a", handlers);
  assertEquals(assertThrows(() => network.listen("a", handlers), HanaError).code, "address-in-use");
  assertEquals(network.connect("a").remote, "mem://a");
  assertEquals(accepted.length, 0);
  timers.flush();
  assertEquals(accepted.length, 1);
  listener.close();
  network.listen("a", handlers);
  // A listener that was replaced takes the new one's name with it no more.
  listener.close();
  assert(network.connect("a").local.startsWith("mem://"));
});
