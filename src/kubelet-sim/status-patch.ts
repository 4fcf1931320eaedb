/** The strategic merge patch from the status a pod has to the one it is to have, as the kubelet's status manager makes it. */
import type { Pod, PodStatus } from "../apimachinery/schema/generated/types.ts";

/** Fields that the kubelet owns and may take back. */
const owned = ["reason", "message", "podIP", "podIPs", "initContainerStatuses", "ephemeralContainerStatuses"] as const;

/** Conditions that the kubelet sets and may take back: of a pod that it refuses, all of them. */
const ownConditions: ReadonlySet<string> = new Set([
	"PodReadyToStartContainers",
	"Initialized",
	"Ready",
	"ContainersReady",
	"PodScheduled",
	"PodResizePending",
	"PodResizeInProgress",
]);

export function statusPatch(pod: Pod, status: PodStatus): unknown {
	const before = pod.status ?? {};
	const removed = Object.fromEntries(
		owned.filter((field) => before[field] !== undefined && status[field] === undefined).map((field) => [field, null]),
	);
	const conditions = status.conditions?.map((condition) => {
		const known = before.conditions?.find(({ type }) => type === condition.type);
		return {
			...(known?.reason !== undefined && condition.reason === undefined ? { reason: null } : {}),
			...(known?.message !== undefined && condition.message === undefined ? { message: null } : {}),
			...condition,
		};
	});
	const ended = (before.conditions ?? [])
		.filter(({ type }) => ownConditions.has(type) && status.conditions?.some((condition) => condition.type === type) !== true)
		.map(({ type }) => ({ $patch: "delete", type }));
	// Lists of addresses are merged by address: a new one does not take the old one's place by itself.
	const leaving = (before.podIPs ?? []).filter(({ ip }) => status.podIPs?.some((each) => each.ip === ip) === false);
	const podIPs = status.podIPs === undefined ? undefined : [...status.podIPs, ...leaving.map(({ ip }) => ({ $patch: "delete", ip }))];
	const changes = [...(conditions ?? []), ...ended];
	// The uid keeps the patch from hitting another pod of the same name.
	return {
		metadata: { uid: pod.metadata?.uid },
		status: {
			...status,
			...removed,
			...(podIPs === undefined ? {} : { podIPs }),
			...(changes.length === 0 ? {} : { conditions: changes }),
		},
	};
}
