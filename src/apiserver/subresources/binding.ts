/**
 * pods/binding: the scheduler's word on where a pod runs.
 * Source: pkg/registry/core/pod/storage/storage.go (assignPod, setPodHostAndAnnotations).
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Binding, Pod, PodCondition, Status } from "../../apimachinery/schema/generated/types.ts";
import { newBadRequest, newConflict, newInvalid } from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { fieldRequired } from "../../apimachinery/validation/field-error.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import type { UpdateStrategy } from "../pipeline/strategy.ts";
import type { Writer } from "../pipeline/writer.ts";

/** How the messages name it. */
const bindingResource = { group: "", resource: "pods/binding" };

/** Takes the pod as `make` leaves it: the binding decides spec, annotations and one condition, and nobody owns them. */
const bindingStrategy: UpdateStrategy = { prepare: (object) => object, validate: () => [], isUntracked: true };

export async function bindPod(context: RequestContext, writer: Writer): Promise<Status> {
	const binding = writer.decode(context, context.request.body, "Binding") as Binding;
	const node = binding.target?.name ?? "";
	if (node === "") throw newInvalid({ group: "", kind: "Binding" }, context.name, [fieldRequired("target.name")]);
	const kind = binding.target.kind ?? "Node";
	if (kind !== "" && kind !== "Node") throw newBadRequest(`invalid binding target kind: ${kind}`);
	const { name } = context;
	const make = (current: KubeObject): KubeObject => {
		const pod = current as Pod;
		const uid = binding.metadata?.uid ?? "";
		const fail = (why: string) => newConflict(bindingResource, name, why);
		if (uid !== "" && uid !== pod.metadata?.uid) {
			throw fail(`Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata?.uid}`);
		}
		if (pod.metadata?.deletionTimestamp !== undefined) throw fail(`pod ${name} is being deleted, cannot be assigned to a host`);
		if (pod.spec?.nodeName) throw fail(`pod ${name} is already assigned to node "${pod.spec.nodeName}"`);
		if ((pod.spec?.schedulingGates?.length ?? 0) > 0) throw fail(`pod ${name} has non-empty .spec.schedulingGates`);
		return boundPod(pod, binding, node, context.nowMs);
	};
	await writer.write(context, make, bindingStrategy);
	return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
}

function boundPod(pod: Pod, binding: Binding, node: string, nowMs: number): Pod {
	const scheduled: PodCondition = {
		type: "PodScheduled",
		status: "True",
		lastTransitionTime: formatTime(nowMs),
		observedGeneration: pod.metadata?.generation ?? 1,
	};
	const others = (pod.status?.conditions ?? []).filter((condition) => condition.type !== "PodScheduled");
	const annotations = { ...pod.metadata?.annotations, ...binding.metadata?.annotations };
	return {
		...pod,
		metadata: { ...pod.metadata, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) },
		spec: { ...pod.spec, containers: pod.spec?.containers ?? [], nodeName: node },
		status: { ...pod.status, conditions: [...others, scheduled] },
	};
}
