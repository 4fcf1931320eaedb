/**
 * pods/binding: the scheduler's word on where a pod runs.
 * Source: pkg/registry/core/pod/storage/storage.go (assignPod, setPodNodeAndMetadata).
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Binding, Pod, PodCondition, Status } from "../../apimachinery/schema/generated/types.ts";
import { newBadRequest, newConflict, newInvalid } from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { decodeBody } from "../pipeline/decode-body.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import type { UpdateStrategy } from "../pipeline/strategy.ts";
import type { Writer } from "../pipeline/writer.ts";
import { bindingKind } from "../registry/core/binding.ts";

/** How the messages name it. */
const bindingResource = { group: "", resource: "pods/binding" };

/** Takes the pod as `make` leaves it: the binding decides spec, annotations and one condition, and nobody owns them. */
const bindingStrategy: UpdateStrategy = {
	prepare: (object) => object,
	validate: () => [],
	isUntracked: true,
	keepsGeneration: true,
	isAdmitted: true,
};

export async function bindPod(context: RequestContext, writer: Writer): Promise<Status> {
	const binding = (await writer.admit(context, "CREATE", decodeBody(context, context.request.body, "Binding"))) as Binding;
	const { name } = context;
	if ((binding.metadata?.name ?? "") !== name) throw newBadRequest("name in URL does not match name in Binding object");
	const errors = bindingKind.validate?.(binding) ?? [];
	if (errors.length > 0) throw newInvalid(bindingKind, name, errors);
	const node = binding.target.name ?? "";
	const make = (current: KubeObject): KubeObject => {
		const pod = current as Pod;
		checkPreconditions(context, binding, pod);
		const fail = (why: string) => newConflict(bindingResource, name, why);
		if (pod.metadata?.deletionTimestamp !== undefined) throw fail(`pod ${name} is being deleted, cannot be assigned to a host`);
		if (pod.spec?.nodeName) throw fail(`pod ${name} is already assigned to node "${pod.spec.nodeName}"`);
		if ((pod.spec?.schedulingGates?.length ?? 0) > 0) throw fail(`pod ${name} has non-empty .spec.schedulingGates`);
		return boundPod(pod, binding, node, context.nowMs);
	};
	await writer.write(context, make, bindingStrategy);
	return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
}

/** The very pod that the scheduler saw, and in the state that it saw, where the binding names them. */
function checkPreconditions({ storage, name, namespace }: RequestContext, { metadata }: Binding, pod: Pod): void {
	const { uid = "", resourceVersion = "" } = metadata ?? {};
	const fail = (what: string, wanted: string, current: string | undefined) => {
		const subject = `StorageError: invalid object, Code: 4, Key: ${storage.key(namespace, name)}, ResourceVersion: 0`;
		const why = `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${current}`;
		return newConflict({ group: "", resource: "pods" }, name, `${subject}, AdditionalErrorMessage: ${why}`);
	};
	if (uid !== "" && uid !== pod.metadata?.uid) throw fail("UID", uid, pod.metadata?.uid);
	if (resourceVersion !== "" && resourceVersion !== pod.metadata?.resourceVersion) {
		throw fail("ResourceVersion", resourceVersion, pod.metadata?.resourceVersion);
	}
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
	const labels = { ...pod.metadata?.labels, ...binding.metadata?.labels };
	return {
		...pod,
		metadata: {
			...pod.metadata,
			...(Object.keys(annotations).length === 0 ? {} : { annotations }),
			...(Object.keys(labels).length === 0 ? {} : { labels }),
		},
		spec: { ...pod.spec, containers: pod.spec?.containers ?? [], nodeName: node },
		status: { ...pod.status, conditions: [...others, scheduled] },
	};
}
