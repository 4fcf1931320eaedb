/** Every built-in controller's life, by the name that `--controllers` takes. */
import type { Life } from "../life.ts";
import { attachmentLives } from "./attachments.ts";
import { autoscalingLives } from "./autoscaling.ts";
import { bindingLives } from "./binding.ts";
import { claimLives } from "./claims.ts";
import { diskLives } from "./disks.ts";
import { disruptionLives } from "./disruption.ts";
import { jobLives } from "./jobs.ts";
import { namespaceLives } from "./namespaces.ts";
import { nodeLives } from "./nodes.ts";
import { securityLives } from "./security.ts";
import { serviceCidrLives } from "./service-cidrs.ts";
import { serviceLives } from "./services.ts";
import { workloadLives } from "./workloads.ts";

export const lives: Readonly<Record<string, Life>> = {
	...workloadLives,
	...jobLives,
	...namespaceLives,
	...serviceLives,
	...serviceCidrLives,
	...nodeLives,
	...disruptionLives,
	...claimLives,
	...bindingLives,
	...autoscalingLives,
	...attachmentLives,
	...diskLives,
	...securityLives,
};
