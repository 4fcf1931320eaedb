/** API Priority and Fairness by the FlowSchemas and PriorityLevelConfigurations that an API server has in its store. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { FlowSchema, PriorityLevelConfiguration } from "../../apimachinery/schema/generated/types.ts";
import type { ApiServer } from "../api-server.ts";
import { FlowController } from "./flow-controller.ts";

const group = "flowcontrol.apiserver.k8s.io";

/** Follows `server`'s configuration from now on. @param seats see FlowControllerOptions */
export function createFlowControl(server: ApiServer, clock: Clock, seats?: number): FlowController {
	const schemas = server.storage(group, "flowschemas").cache;
	const levels = server.storage(group, "prioritylevelconfigurations").cache;
	return new FlowController({
		clock,
		schemas: () => schemas.list().map(({ object }) => object as FlowSchema),
		levels: () => levels.list().map(({ object }) => object as PriorityLevelConfiguration),
		onChange: (listener) => {
			schemas.subscribe(listener);
			levels.subscribe(listener);
		},
		...(seats === undefined ? {} : { seats }),
	});
}
