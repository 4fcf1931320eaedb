/** cordon, uncordon, taint, drain. */
import type { JsonValue } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Taint } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { type Call, findOne, nameOf, refOf, splitAt, valueAt } from "./call.ts";
import { changeEach, changesOf } from "./write.ts";

/** A drain without `--timeout` goes on for so long, real ms. */
const drainPatienceMs = 10 * 60_000;

export async function cordon(call: Call): Promise<void> {
	await setSchedulable(call, true, "cordoned");
}

export async function uncordon(call: Call): Promise<void> {
	await setSchedulable(call, null, "uncordoned");
}

/** `kubectl taint nodes node-1 a=b:NoSchedule c- d:NoExecute-` */
export async function taint(call: Call): Promise<void> {
	const { names, changes } = changesOf(call.args);
	const patch = (node: KubeObject): JsonValue => {
		const old = (valueAt(node, ".spec.taints") ?? []) as unknown as readonly Taint[];
		return { spec: { taints: changes.reduce<readonly Taint[]>(tainted, old) as unknown as JsonValue } };
	};
	await changeEach(call, names, { type: "application/merge-patch+json", patch, done: "tainted" });
}

/** Evicts what runs there, and waits until it is gone. Pods that only the node itself has stay, and those of DaemonSets if they may. */
export async function drain(call: Call): Promise<number> {
	await cordon(call);
	const pods = await call.api.resource("pods");
	const [node = ""] = call.args;
	const { items } = await pods.client.list(undefined, { fieldSelector: `spec.nodeName=${node}` });
	const ownerOf = (pod: KubeObject) => pod.metadata?.ownerReferences?.find(({ controller }) => controller === true)?.kind;
	const moving = items.filter((pod) => !["DaemonSet", "Node"].includes(ownerOf(pod) ?? ""));
	const refusals = [
		...(items.some((pod) => ownerOf(pod) === "DaemonSet") && !call.isOn("ignore-daemonsets")
			? ["DaemonSet-managed Pods (use --ignore-daemonsets)"]
			: []),
		...(moving.some((pod) => ownerOf(pod) === undefined) && !call.isOn("force") ? ["Pods that declare no controller (use --force)"] : []),
		...(moving.some((pod) => valueAt(pod, ".spec.volumes[*].emptyDir") !== undefined) && !call.isOn("delete-emptydir-data")
			? ["Pods with local storage (use --delete-emptydir-data)"]
			: []),
	];
	if (refusals.length > 0) throw new Error(`unable to drain node "${node}": cannot delete ${refusals.join(", ")}`);
	const isGone = async (pod: KubeObject) => {
		const ref = refOf(pod);
		const now = await findOne(pods, ref);
		if (now === undefined || now.metadata?.uid !== pod.metadata?.uid) return true;
		if (now.metadata?.deletionTimestamp === undefined) await evict(call, ref);
		return false;
	};
	const areGone = async () => (await Promise.all(moving.map(isGone))).every(Boolean);
	const isDone = await call.comes(call.durationMs("timeout", drainPatienceMs), areGone);
	call.say(isDone ? `node/${node} drained` : `error: unable to drain node "${node}": the time is over`);
	return isDone ? 0 : 1;
}

async function evict(call: Call, ref: ReturnType<typeof refOf>): Promise<void> {
	const pods = await call.api.resource("pods");
	const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { ...ref } } as KubeObject;
	try {
		await pods.client.createSubresource(ref, "eviction", eviction);
		call.say(`evicting ${nameOf({ resource: pods, ref })}`);
	} catch (error) {
		// A budget that has no room yet is asked again.
		if (!isStatusError(error, "TooManyRequests", "NotFound")) throw error;
	}
}

async function setSchedulable(call: Call, unschedulable: true | null, done: string): Promise<void> {
	await changeEach(call, ["nodes", ...call.args], {
		type: "application/merge-patch+json",
		patch: () => ({ spec: { unschedulable } }),
		done,
	});
}

/** With one change of `key=value:Effect`, `key:Effect`, `key:Effect-`, `key-`. */
function tainted(taints: readonly Taint[], change: string): readonly Taint[] {
	const [what, effect] = splitAt(change.replace(/-$/, ""), ":");
	const [key, value] = splitAt(what, "=");
	const others = taints.filter((each) => each.key !== key || (effect !== "" && each.effect !== effect));
	return change.endsWith("-") ? others : [...others, { key, ...(value === "" ? {} : { value }), effect }];
}
