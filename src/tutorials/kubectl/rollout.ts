/** rollout status, restart, pause, resume, undo, history. */
import type { JsonValue } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { type Call, type Found, findOne, nameOf, valueAt } from "./call.ts";
import { aligned } from "./print.ts";
import { changeEach } from "./write.ts";

const revisionAnnotation = "deployment.kubernetes.io/revision";
/** How long a rollout is waited for, real ms. */
const patienceMs = 10 * 60_000;

export async function status(call: Call): Promise<number> {
	const found = await call.find(call.args);
	const isOver = async ({ resource, ref }: Found) => isRolledOut(await findOne(resource, ref));
	const isDone = await call.comes(call.durationMs("timeout", patienceMs), async () =>
		(await Promise.all(found.map(isOver))).every(Boolean),
	);
	call.say(
		isDone ? found.map((each) => `${nameOf(each)} successfully rolled out`).join("\n") : "error: timed out waiting for the condition",
	);
	return isDone ? 0 : 1;
}

export async function restart(call: Call): Promise<void> {
	const annotations = { "kubectl.kubernetes.io/restartedAt": formatTime(call.clock.now()) };
	const patch = (): JsonValue => ({ spec: { template: { metadata: { annotations } } } });
	await changeEach(call, call.args, { type: "application/merge-patch+json", patch, done: "restarted" });
}

export async function pause(call: Call): Promise<void> {
	await changeEach(call, call.args, { type: "application/merge-patch+json", patch: () => ({ spec: { paused: true } }), done: "paused" });
}

export async function resume(call: Call): Promise<void> {
	await changeEach(call, call.args, { type: "application/merge-patch+json", patch: () => ({ spec: { paused: null } }), done: "resumed" });
}

/** To the revision before, or `--to-revision`. */
export async function undo(call: Call): Promise<void> {
	for (const deployment of await call.find(call.args)) {
		if (valueAt(deployment.object, ".spec.paused") === true)
			throw new Error(
				`you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume ${nameOf(deployment)}' and try again`,
			);
		const revisions = await revisionsOf(call, deployment);
		const wanted = call.flag("to-revision");
		const target = wanted === undefined ? revisions.at(-2) : revisions.find(({ revision }) => revision === Number(wanted));
		if (target === undefined)
			throw new Error(wanted === undefined ? "no rollout history found" : `unable to find specified revision ${wanted} in history`);
		await deployment.resource.client.patch(deployment.ref, "application/json-patch+json", [
			{ op: "replace", path: "/spec/template", value: withoutHash(valueAt(target.replicaSet, ".spec.template")) },
		]);
		call.say(`${nameOf(deployment)} rolled back`);
	}
}

export async function history(call: Call): Promise<void> {
	for (const deployment of await call.find(call.args)) {
		const cause = ({ metadata }: KubeObject) => metadata?.annotations?.["kubernetes.io/change-cause"] ?? "<none>";
		const rows = (await revisionsOf(call, deployment)).map(({ revision, replicaSet }) => [String(revision), cause(replicaSet)]);
		call.say(nameOf(deployment));
		call.streams.stdout.write(aligned([["REVISION", "CHANGE-CAUSE"], ...rows]));
	}
}

/** Of Deployments, StatefulSets and DaemonSets. */
function isRolledOut(object: KubeObject | undefined): boolean {
	const count = (path: string, usual = 0) => Number(valueAt(object, path) ?? usual);
	if (count(".status.observedGeneration") < count(".metadata.generation")) return false;
	if (object?.kind === "DaemonSet") {
		const wanted = count(".status.desiredNumberScheduled");
		return count(".status.updatedNumberScheduled") === wanted && count(".status.numberAvailable") === wanted;
	}
	const wanted = count(".spec.replicas", 1);
	return [".status.updatedReplicas", ".status.availableReplicas", ".status.replicas"].every((path) => count(path) === wanted);
}

/** The oldest first. */
async function revisionsOf(call: Call, { ref, object }: Found) {
	const replicaSets = await call.api.resource("replicasets");
	const { items } = await replicaSets.client.list(ref.namespace);
	return items
		.filter(({ metadata }) => metadata?.ownerReferences?.some(({ uid }) => uid === object?.metadata?.uid))
		.map((replicaSet) => ({ replicaSet, revision: Number(replicaSet.metadata?.annotations?.[revisionAnnotation]) }))
		.toSorted((a, b) => a.revision - b.revision);
}

/** The controller gives the label anew. */
function withoutHash(template: JsonValue | undefined): JsonValue {
	return JSON.parse(
		JSON.stringify(template ?? null, (key, value: unknown) => (key === "pod-template-hash" ? undefined : value)),
	) as JsonValue;
}
