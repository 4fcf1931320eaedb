/** Controllers of nodes: their health, their taints and ranges, and pods whose node is gone. */
import fc from "fast-check";
import type { Node, Toleration } from "../../../src/apimachinery/schema/generated/types.ts";
import { StatusError } from "../../../src/apimachinery/status-error.ts";
import { formatTime } from "../../../src/apimachinery/time.ts";
import { leases, nodes, pods } from "../../../src/client/resources.ts";
import { nodeIpamController } from "../../../src/controllers/node-ipam-controller.ts";
import { nodeLifecycleController } from "../../../src/controllers/node-lifecycle/node-lifecycle-controller.ts";
import { podGarbageCollector } from "../../../src/controllers/pod-garbage-collector.ts";
import { taintEvictionController } from "../../../src/controllers/taint-eviction/taint-eviction-controller.ts";
import type { TestCluster } from "../../../src/testbench/test-cluster.ts";
import { all, creating, deleting, type Life, makeNamespace, patching } from "../life.ts";
import { pod, podDeleted, podName } from "./pods.ts";

const nodeNames = ["node-1", "node-2", "node-3"];
const leaseNamespace = "kube-node-lease";
const heartbeatMs = 40_000;
const stopped = "example.com/stopped";

/** Every node but those that were stopped renews its Lease, and says that it is ready when it reads otherwise. */
async function beatHearts(cluster: TestCluster): Promise<void> {
	await makeNamespace(cluster, leaseNamespace);
	const ignore = (error: unknown) => {
		if (!(error instanceof StatusError)) throw error;
	};
	const beat = async ({ metadata, status }: Node) => {
		const { name = "" } = metadata ?? {};
		const renewTime = formatTime(cluster.clock.now()).replace("Z", ".000000Z");
		const client = cluster.client.resource(leases);
		const hasOne = all(cluster, leases).some((lease) => lease.metadata?.name === name);
		if (hasOne) await client.patch({ namespace: leaseNamespace, name }, "application/merge-patch+json", { spec: { renewTime } });
		else await client.create({ metadata: { namespace: leaseNamespace, name }, spec: { holderIdentity: name, renewTime } });
		if (!status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True")) await sayReady(cluster, name);
	};
	const all_ = () => {
		for (const node of all(cluster, nodes)) if (node.metadata?.annotations?.[stopped] === undefined) void beat(node).catch(ignore);
	};
	cluster.clock.setInterval(all_, heartbeatMs);
	await cluster.client.resource(nodes).create({ metadata: { name: "node-1" } });
	await beat(all(cluster, nodes)[0] ?? {});
}

function sayReady(cluster: TestCluster, name: string): Promise<unknown> {
	const now = formatTime(cluster.clock.now());
	const condition = { type: "Ready", status: "True", reason: "KubeletReady", lastHeartbeatTime: now, lastTransitionTime: now };
	const body = { status: { conditions: [condition] } };
	return cluster.client.resource(nodes).patch({ name }, "application/strategic-merge-patch+json", body, { subresource: "status" });
}

/** Nodes say what they are, and are tainted for it. */
function areJudged(cluster: TestCluster): boolean {
	return all(cluster, nodes).every(({ metadata, spec, status }) => {
		const isStopped = metadata?.annotations?.[stopped] !== undefined;
		const ready = status?.conditions?.find(({ type }) => type === "Ready")?.status;
		const has = (key: string, effect: string) => spec?.taints?.some((taint) => taint.key === key && taint.effect === effect) === true;
		const unreachable = has("node.kubernetes.io/unreachable", "NoExecute") && has("node.kubernetes.io/unreachable", "NoSchedule");
		const isCordoned = has("node.kubernetes.io/unschedulable", "NoSchedule");
		if (isCordoned !== (spec?.unschedulable === true)) return false;
		if (isStopped) return ready === "Unknown" && unreachable;
		return (
			ready === "True" && !(spec?.taints ?? []).some(({ key }) => key.startsWith("node.kubernetes.io/") && !key.endsWith("unschedulable"))
		);
	});
}

/** The first node never stops: if all did, nobody would be evicted. */
const mortal = fc.constantFrom("node-2", "node-3");

const nodeLifecycleLife: Life = {
	controller: () => nodeLifecycleController,
	prepare: beatHearts,
	actions: fc.oneof(
		{ weight: 3, arbitrary: mortal.map((name) => creating(nodes, { metadata: { name } })) },
		{ weight: 3, arbitrary: mortal.map((name) => patching(nodes, name, { metadata: { annotations: { [stopped]: "yes" } } })) },
		{ weight: 2, arbitrary: mortal.map((name) => patching(nodes, name, { metadata: { annotations: { [stopped]: null } } })) },
		{ weight: 1, arbitrary: mortal.map((name) => deleting(nodes, name)) },
		{
			weight: 1,
			arbitrary: fc
				.tuple(fc.constantFrom(...nodeNames), fc.boolean())
				.map(([name, unschedulable]) => patching(nodes, name, { spec: { unschedulable } })),
		},
		{ weight: 1, arbitrary: mortal.map((name) => patching(nodes, name, { spec: { taints: null } })) },
	),
	converged: areJudged,
	within: "10m",
	quietFor: "2m",
	owns: ({ kind }) => kind === "Node" || kind === "Pod",
};

const staysFor: readonly (readonly [string, Toleration | undefined])[] = [
	["goes", undefined],
	["waits", { key: "k", operator: "Exists", effect: "NoExecute", tolerationSeconds: 20 }],
	["stays", { key: "k", operator: "Exists", effect: "NoExecute" }],
];

const taintEvictionLife: Life = {
	controller: () => taintEvictionController,
	machines: true,
	prepare: ({ client }) => client.resource(nodes).create({ metadata: { name: "node-1" } }),
	actions: fc.oneof(
		{
			weight: 4,
			arbitrary: fc
				.tuple(fc.constantFrom(...staysFor), fc.constantFrom(...nodeNames))
				.map(([[name, toleration], nodeName]) =>
					creating(
						pods,
						pod(`${name}-${nodeName}`, "web", { nodeName, ...(toleration === undefined ? {} : { tolerations: [toleration] }) }),
					),
				),
		},
		{
			weight: 4,
			arbitrary: fc
				.tuple(fc.constantFrom(...nodeNames), fc.constantFrom(null, "NoExecute", "NoSchedule"))
				.map(([name, effect]) => patching(nodes, name, { spec: { taints: effect === null ? null : [{ key: "k", effect }] } })),
		},
		{ weight: 2, arbitrary: fc.constantFrom(...nodeNames).map((name) => creating(nodes, { metadata: { name } })) },
	),
	converged: (cluster) => {
		const tainted = all(cluster, nodes)
			.filter(({ spec }) => spec?.taints?.some(({ effect }) => effect === "NoExecute"))
			.map(({ metadata }) => metadata?.name);
		return all(cluster, pods).every(({ metadata, spec }) => metadata?.name?.startsWith("stays") || !tainted.includes(spec?.nodeName));
	},
	invariant: () => {
		return ({ kind, name, object }) => {
			const isGoing = object.metadata?.deletionTimestamp !== undefined;
			if (kind === "Pod" && isGoing && name.startsWith("stays")) throw new Error(`${name} is evicted, which tolerates everything`);
		};
	},
	owns: ({ kind }) => kind === "Pod",
};

const podGcLife: Life = {
	controller: () => podGarbageCollector,
	actions: fc.oneof(
		{
			weight: 3,
			arbitrary: fc
				.tuple(podName, fc.constantFrom(...nodeNames, ""))
				.map(([name, nodeName]) => creating(pods, pod(name, "web", nodeName === "" ? {} : { nodeName }))),
		},
		{ weight: 1, arbitrary: podDeleted },
		{ weight: 2, arbitrary: fc.constantFrom(...nodeNames).map((name) => creating(nodes, { metadata: { name } })) },
		{ weight: 2, arbitrary: fc.constantFrom(...nodeNames).map((name) => deleting(nodes, name)) },
	),
	// Nobody stops containers here: what is being deleted on a node that is there stays.
	converged: (cluster) => {
		const known = all(cluster, nodes).map(({ metadata }) => metadata?.name);
		return all(cluster, pods).every(({ spec }) => spec?.nodeName === undefined || known.includes(spec.nodeName));
	},
	owns: ({ kind }) => kind === "Pod",
};

/** Nodes that somebody else registers, some with a range of their own. */
const nodeIpamLife: Life = {
	controller: () => nodeIpamController("10.8.0.0/21"),
	actions: fc.oneof(
		{
			weight: 4,
			arbitrary: fc.tuple(fc.nat(9), fc.option(fc.nat(7), { nil: undefined, freq: 4 })).map(([which, range]) =>
				creating(nodes, {
					metadata: { name: `n${which}` },
					...(range === undefined ? {} : { spec: { podCIDR: `10.8.${range}.0/24`, podCIDRs: [`10.8.${range}.0/24`] } }),
				}),
			),
		},
		{ weight: 3, arbitrary: fc.nat(9).map((which) => deleting(nodes, `n${which}`)) },
	),
	converged: (cluster) => {
		const present = all(cluster, nodes);
		const ranges = present.flatMap(({ spec }) => spec?.podCIDRs ?? []);
		// There are eight: who finds none waits.
		return present.every(({ spec }) => spec?.podCIDR !== undefined) || new Set(ranges).size === 8;
	},
	owns: ({ kind }) => kind === "Node",
};

export const nodeLives: Readonly<Record<string, Life>> = {
	"node-ipam-controller": nodeIpamLife,
	"node-lifecycle-controller": nodeLifecycleLife,
	"taint-eviction-controller": taintEvictionLife,
	"pod-garbage-collector-controller": podGcLife,
};
