/** What a lesson can ask of its cluster beside the API, by the names that its actions have. */
import type { Cluster } from "../../cluster/index.ts";
import type { ControlMethods } from "./control-server.ts";
import { controllerMethods } from "./controller-methods.ts";
import { imageMethods } from "./image-methods.ts";
import { nodeMethods } from "./node-methods.ts";
import { schedulerMethods } from "./scheduler-methods.ts";

export function lessonMethods(cluster: Cluster): ControlMethods {
	return { ...controllerMethods(cluster), ...imageMethods(cluster), ...nodeMethods(cluster), ...schedulerMethods(cluster) };
}
