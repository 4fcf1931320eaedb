/** All that one can look at beside a lesson, in the order in which Tab goes through it. */
import { clusterMap } from "./cluster-map.ts";
import { controllersPane } from "./controllers.ts";
import { eventsPane } from "./events.ts";
import type { Pane } from "./pane.ts";
import { requestPath } from "./request-path.ts";
import { schedulerPane } from "./scheduler.ts";
import { storePane } from "./store.ts";
import { timelinePane } from "./timeline.ts";

export const panes: readonly Pane[] = [clusterMap, eventsPane, requestPath, schedulerPane, controllersPane, storePane, timelinePane];
