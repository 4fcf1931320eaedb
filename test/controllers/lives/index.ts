/** Every built-in controller's life, by the name that `--controllers` takes. */
import type { Life } from "../life.ts";
import { clusterLives } from "./cluster.ts";
import { jobLives } from "./jobs.ts";
import { namespaceLives } from "./namespaces.ts";
import { securityLives } from "./security.ts";
import { workloadLives } from "./workloads.ts";

export const lives: Readonly<Record<string, Life>> = {
	...workloadLives,
	...jobLives,
	...namespaceLives,
	...clusterLives,
	...securityLives,
};
