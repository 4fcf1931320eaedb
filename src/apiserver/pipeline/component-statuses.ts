/**
 * ComponentStatuses: made up on each read from checks of the components, never stored.
 * Source: pkg/registry/core/componentstatus of Kubernetes 1.36.
 */
import { formatApiVersion, type KubeList, type KubeObject } from "../../apimachinery/meta.ts";
import { newNotFound } from "../../apimachinery/status-error.ts";
import type { RequestContext } from "./request-context.ts";
import { parseSelection } from "./selection.ts";

/** A part of the control plane as `kubectl get componentstatuses` lists it. */
export interface ComponentCheck {
	/** `scheduler`, `controller-manager`, `etcd-0`. */
	readonly name: string;
	/** Throws when the component is not well. */
	check(): void;
}

/** Answers a get or a list. Throws NotFound. */
export function readComponentStatuses(context: RequestContext, components: readonly ComponentCheck[]): KubeObject | KubeList {
	const { definition, options, request, name } = context;
	const statuses = components.map(statusOf);
	if (request.verb === "list") {
		const selection = parseSelection(definition, "", options);
		const items = statuses.filter((status) => selection.matches(status));
		return { kind: "ComponentStatusList", apiVersion: formatApiVersion(request), metadata: {}, items };
	}
	const found = statuses.find(({ metadata }) => metadata?.name === name);
	if (found === undefined) throw newNotFound(definition, name);
	return found;
}

function statusOf({ name, check }: ComponentCheck): KubeObject {
	const condition = () => {
		try {
			check();
			return { type: "Healthy", status: "True", message: "ok" };
		} catch (error) {
			return { type: "Healthy", status: "False", message: error instanceof Error ? error.message : String(error) };
		}
	};
	const status = { kind: "ComponentStatus", apiVersion: "v1", metadata: { name }, conditions: [condition()] };
	return status;
}
