// The reference visualization: what `hana serve --role visualization` does beside being a node.

export { VIZ_GET, VIZ_SET } from "./messages.ts";
export { Visualization, type VisualizationOptions } from "./visualization.ts";
