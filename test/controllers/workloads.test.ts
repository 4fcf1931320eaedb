import { autoscalingLives } from "./lives/autoscaling.ts";
import { workloadLives } from "./lives/workloads.ts";
import { testLives } from "./properties.ts";

testLives({ ...workloadLives, ...autoscalingLives });
