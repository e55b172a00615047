// Two people at shells on two machines contest one parameter of a visualization, as the README shows it.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { liveTest } from "../../support/live.ts";
import { shareKey, stageOf } from "../stage.ts";

interface Why {
  readonly value: unknown;
  readonly priority: number;
  readonly claims: readonly { readonly name: string; readonly fate: string }[];
}

liveTest(
  "two people contest a parameter: the higher priority stands, the loser reads why, who leaves gives way",
  async (network) => {
    const [left, right] = stageOf(network, "left", "right");
    await shareKey(left, right);
    const server = await left.serve("--host-state");
    await right.serve(
      "--role",
      "visualization",
      "--name",
      "stage-left",
      "--parameter",
      "hue:f32:0..360:°=120",
    );
    const why = () => left.json<Why>(["state", "why", "stage-left/hue"]);
    const value = async () => (await left.run(["state", "get", "stage-left/hue", "-q"])).stdout.trim();

    const lighting = right.start(["state", "set", "stage-left/hue=30°", "--hold", "10m", "--as", "lighting"]);
    await lighting.until("it holds", ({ stdout, stderr }) => /stage-left\/hue/.exec(stdout + stderr));
    const video = right.start(
      ["state", "set", "stage-left/hue=200°", "--priority", "150", "--hold", "10m", "--as", "video"],
    );
    await video.until("it holds", ({ stdout, stderr }) => /stage-left\/hue/.exec(stdout + stderr));
    const contested = await why();
    assertEquals(contested.code, 0, contested.stderr);
    assertEquals([contested.document.value, contested.document.priority], [200, 150]);
    assertEquals(contested.document.claims.map(({ name, fate }) => [name, fate]), [["video", "stands"], [
      "lighting",
      "lower-priority",
    ]]);

    // What cannot be is refused with its reason; the state stays as it is.
    const [lower, unknown, outside, sessions] = await Promise.all([
      left.run(["state", "set", "stage-left/hue=10"]),
      left.run(["state", "set", "stage-left/hua=10"]),
      left.run(["state", "set", "stage-left/hue=400"]),
      left.run(["state", "sessions", "--json"]),
    ]);
    assertEquals(lower.code, 7, lower.stderr);
    assertStringIncludes(lower.stderr, "video");
    assert(unknown.code !== 0);
    assertStringIncludes(unknown.stderr, "stage-left/hue");
    assert(outside.code !== 0);
    assertMatch(outside.stderr, /360/);
    assertStringIncludes(sessions.stdout, "lighting");

    // Who ends with Ctrl-C gives way at once; who is killed keeps what it had until somebody else writes.
    video.kill("SIGINT");
    await video.ended();
    const after = await why();
    assertEquals(after.document.claims.filter(({ fate }) => fate === "stands").map(({ name }) => name), [
      "lighting",
    ]);
    lighting.kill("SIGKILL");
    await lighting.ended();
    assertEquals(await value(), "30°");
    assertEquals((await left.run(["state", "set", "stage-left/hue=77", "--as", "desk"])).code, 0);
    assertEquals(await value(), "77°");

    // The host starts again, and has what there was.
    server.process.kill("SIGTERM");
    await server.process.ended();
    await left.serve("--host-state");
    const again = await left.run(["state", "get", "stage-left/hue", "-q", "--timeout", "10s"]);
    assertEquals([again.code, again.stdout.trim()], [0, "77°"], again.stderr);
  },
);
