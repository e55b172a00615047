// `hana serve --role visualization`: the reference visualization. It draws, holds parameters, and speaks the child
// protocol when a shim started it. Decides how these belong together; never who may send what (the mesh does).

import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import type { Node } from "../../lib/node/mod.ts";
import type { Platform } from "../../lib/platform/mod.ts";
import type { ParameterDefinition } from "../../lib/state/mod.ts";
import { ChildClient } from "../../lib/supervision/mod.ts";
import { buildInfo } from "../build_info.ts";
import { type Output, whileRead } from "../output/mod.ts";
import { DRAW_EVERY_FRAMES, Drawing } from "./drawing.ts";
import { VIZ_GET, VIZ_SET } from "./messages.ts";
import { type Parameter, ParameterTable } from "./parameters.ts";
import { RenderLoop } from "./render_loop.ts";
import { SharedParameters } from "./shared.ts";

/** What a visualization is made of. */
export interface VisualizationOptions {
  readonly platform: Platform;
  readonly output: Output;
  /** Where HANA_SOCK and what belongs to it stand. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether it draws to the terminal. */
  readonly draws: boolean;
  /** What it shares with the mesh. */
  readonly shared?: readonly ParameterDefinition[];
  /** Asked to end: by its shim, or since nobody watches any more. */
  onStop(reason: string): void;
}

/** A running visualization; its node may come and go. */
export class Visualization {
  readonly parameters = new ParameterTable();
  readonly #options: VisualizationOptions;
  readonly #loop: RenderLoop;
  readonly #drawing: Drawing | null;
  #shim: ChildClient | null = null;
  #shared: SharedParameters | null = null;
  #title = "visualization";

  private constructor(options: VisualizationOptions) {
    this.#options = options;
    this.#drawing = options.draws ? new Drawing(options.output) : null;
    this.#loop = new RenderLoop(options.platform, (frame) => this.#draw(frame));
  }

  /** Says hello to the shim, if one started us. A shim that cannot be reached is no reason not to draw. */
  static async start(options: VisualizationOptions): Promise<Visualization> {
    const visualization = new Visualization(options);
    await visualization.#greet();
    return visualization;
  }

  /** The node is ready: its messages reach us from now on, and the picture runs. */
  attach(node: Node): void {
    this.#title = node.name;
    const { shared = [] } = this.#options;
    const isLooping = this.#shim !== null || this.#drawing?.isAnimated === true;
    // A node that takes another id is made anew, and its client with it.
    this.#shared?.close();
    this.#shared = shared.length === 0
      ? null
      : new SharedParameters(node, shared, isLooping, (parameter) => this.#drawing?.tell(parameter));
    node.onRequest(VIZ_SET, ({ name, value }) => {
      // A shared one tells its changes itself.
      if (this.#shared?.has(name) === true) return replyOf(this.#shared.setLocal(name, value));
      const parameter = this.#markedLocal(this.parameters.set(name, value));
      this.#drawing?.tell(parameter);
      return replyOf(parameter);
    });
    node.onRequest(VIZ_GET, ({ name }) => {
      const one = name === undefined ? null : this.#all().find((each) => each.name === name) ?? null;
      if (name !== undefined && one === null) {
        throw new HanaError("not-found", { what: `parameter ${name}`, why: "nobody has set it" });
      }
      const parameters = one === null ? this.#all() : [one];
      return {
        parameters: parameters.map(replyOf),
        frame: this.#loop.frame,
        fps: this.#loop.fps,
      };
    });
    // Nobody sees or hears the pictures otherwise: a node that stands by costs nothing.
    if (isLooping) this.#loop.start();
    this.#shim?.ready();
  }

  /** Says goodbye to the shim and stops drawing. */
  async stop(reason: string): Promise<void> {
    this.#loop.stop();
    this.#shared?.close();
    this.#drawing?.close();
    await this.#shim?.bye(reason);
  }

  /** The shared ones first, then those that somebody set here. */
  #all(): Parameter[] {
    return [...this.#shared?.all ?? [], ...this.parameters.all.map((each) => this.#markedLocal(each))];
  }

  /** Where some are shared, it has to be seen which are not. */
  #markedLocal(parameter: Parameter): Parameter {
    return this.#shared === null ? parameter : { ...parameter, local: true };
  }

  async #greet(): Promise<void> {
    const { platform, environment, output, onStop } = this.#options;
    try {
      this.#shim = await ChildClient.connect(platform, environment, {
        sdk: `hana/${buildInfo().version}`,
        onStop: (_graceUs, reason) => onStop(reason === "" ? "asked to" : reason),
      });
    } catch (thrown) {
      output.warn(`no shim to talk to: ${toHanaError(thrown, "unreachable", "HANA_SOCK").message}`);
    }
  }

  #draw(frame: number): void {
    const { fps, lateUs } = this.#loop;
    this.#shared?.frame(this.#options.platform.clock.nowUs());
    this.#shim?.frame(frame, { ...(fps === null ? {} : { fps }), lateMs: Math.round(lateUs / 1_000) });
    if (this.#drawing === null || frame % DRAW_EVERY_FRAMES !== 0) return;
    const picture = { title: this.#title, frame, fps, parameters: this.#all() };
    whileRead(() => this.#drawing?.draw(picture), () => this.#options.onStop("nobody watches"));
  }
}

function replyOf({ name, kind, value, local }: Parameter) {
  return { name, kind, value, ...(local === true ? { local } : {}) };
}
