/** What the user of a small cluster does who plagues its scheduler: see scheduler-life.ts. */
import fc from "fast-check";
import type { KubeObject } from "../../src/apimachinery/meta.ts";
import type { Node, Pod, PodAffinityTerm, TopologySpreadConstraint } from "../../src/apimachinery/schema/generated/types.ts";
import { StatusError } from "../../src/apimachinery/status-error.ts";
import {
	csiNodes,
	namespaces,
	nodes,
	persistentVolumeClaims,
	persistentVolumes,
	pods,
	type ResourceRef,
} from "../../src/client/resources.ts";
import type { TestCluster } from "../../src/testbench/test-cluster.ts";
import { isPlaced } from "./rules.ts";

/** With the time between them, shorter than what lets every pod be tried again. */
const maxSteps = 12;

/** Something that a user does. */
interface Action {
	/** For the report. */
	readonly name: string;
	readonly run: (cluster: TestCluster) => Promise<unknown>;
	readonly [fc.toStringMethod]: () => string;
}

/** Actions that come at once. */
export type Step = readonly Action[];

// ── What there is ──

const hosts = ["n0", "n1", "n2", "n3"] as const;
const apps = fc.constantFrom("web", "db");
const zones = fc.constantFrom("a", "b");
const teams = fc.constantFrom("red", "blue");
const claimNames = fc.constantFrom("c0", "c1");
const classNames = fc.constantFrom("late", "now");
const modes = fc.constantFrom("ReadWriteOnce", "ReadWriteOnce", "ReadWriteOncePod");
const places = fc.constantFrom("default", "other");
/** Mostly none. @param keyOf what no two of them share; default they may be alike */
const few = <T>(each: fc.Arbitrary<T>, keyOf?: (one: T) => unknown): fc.Arbitrary<readonly T[]> =>
	fc.oneof(
		{ arbitrary: fc.constant<readonly T[]>([]), weight: 5 },
		fc.uniqueArray(each, { minLength: 1, maxLength: 2, selector: (one) => keyOf?.(one) ?? one }),
	);
/** @param falses for one that is true */
const rarely = (falses: number) => fc.oneof({ weight: falses, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });
/** @param nones for one that is there */
const maybe = <T>(each: fc.Arbitrary<T>, nones = 3) =>
	fc.oneof({ weight: nones, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: each });

const anyNode = fc.record({
	cpu: fc.integer({ min: 1, max: 6 }),
	pods: fc.integer({ min: 2, max: 5 }),
	zone: maybe(zones, 1),
	disk: maybe(fc.constantFrom("ssd", "hdd"), 1),
	taints: few(
		fc.record({ key: fc.constantFrom("x", "y"), effect: fc.constantFrom("NoSchedule", "NoExecute", "PreferNoSchedule") }),
		({ key }) => key,
	),
	unschedulable: rarely(9),
});
type NodeShape = typeof anyNode extends fc.Arbitrary<infer T> ? T : never;

const term: fc.Arbitrary<PodAffinityTerm> = fc
	.record({
		topologyKey: fc.constantFrom("zone", "host"),
		labelSelector: apps.map((app) => ({ matchLabels: { app } })),
		scope: fc.oneof(
			{ weight: 3, arbitrary: fc.constant<Partial<PodAffinityTerm>>({}) },
			fc.constant({ namespaces: ["other"] }),
			teams.map((team) => ({ namespaceSelector: { matchLabels: { team } } })),
		),
	})
	.map(({ scope, ...rest }) => ({ ...rest, ...scope }));

const spread: fc.Arbitrary<TopologySpreadConstraint> = fc
	.record({
		topologyKey: fc.constantFrom("zone", "host"),
		maxSkew: fc.integer({ min: 1, max: 2 }),
		labelSelector: apps.map((app) => ({ matchLabels: { app } })),
		nodeAffinityPolicy: fc.constantFrom("Honor", "Ignore"),
		nodeTaintsPolicy: fc.constantFrom("Honor", "Ignore"),
		when: fc.constantFrom(
			{ whenUnsatisfiable: "DoNotSchedule" },
			{ whenUnsatisfiable: "DoNotSchedule", minDomains: 2 },
			{ whenUnsatisfiable: "ScheduleAnyway" },
		),
	})
	.map(({ when, ...rest }) => ({ ...rest, ...when }));

const expression = fc.oneof(
	fc.record({
		key: fc.constant("disk"),
		operator: fc.constantFrom("In", "NotIn"),
		values: fc.constantFrom(["ssd"], ["hdd"], ["ssd", "hdd"]),
	}),
	fc.record({ key: fc.constantFrom("disk", "zone"), operator: fc.constantFrom("Exists", "DoesNotExist") }),
);
const nodeTerm = fc.oneof(
	{ weight: 3, arbitrary: fc.tuple(expression).map((matchExpressions) => ({ matchExpressions })) },
	fc.constantFrom(...hosts).map((host) => ({ matchFields: [{ key: "metadata.name", operator: "In", values: [host] }] })),
);

const anyPod = fc.record({
	app: apps,
	cpu: fc.integer({ min: 0, max: 3 }),
	port: maybe(fc.constantFrom(80, 443), 4),
	priority: fc.constantFrom("low", "low", "high"),
	never: rarely(6),
	tolerations: fc.array(fc.record({ key: fc.constantFrom("x", "y"), operator: fc.constant("Exists") }), { maxLength: 2 }),
	disk: maybe(fc.constantFrom("ssd", "hdd"), 4),
	nodeTerms: few(nodeTerm),
	friends: few(term),
	foes: few(term),
	spread: fc.oneof({ arbitrary: fc.constant<readonly TopologySpreadConstraint[]>([]), weight: 3 }, fc.tuple(spread)),
	claim: maybe(claimNames, 4),
	gated: rarely(6),
	/** Most rules at once would leave nowhere to go. */
	plain: fc.boolean(),
});
type PodShape = typeof anyPod extends fc.Arbitrary<infer T> ? T : never;

function nodeOf(name: string, { cpu, pods: room, zone, disk, taints, unschedulable }: NodeShape): Node {
	const labels = { host: name, ...(zone === undefined ? {} : { zone }), ...(disk === undefined ? {} : { disk }) };
	const allocatable = { cpu: String(cpu), memory: "100", pods: String(room) };
	return { metadata: { name, labels }, spec: { taints, unschedulable }, status: { capacity: allocatable, allocatable } };
}

function podOf(namespace: string, name: string, shape: PodShape): Pod {
	const { app, cpu, port, priority, never, tolerations, gated, claim } = shape;
	const { nodeTerms, friends, foes } = shape.plain ? { nodeTerms: [], friends: [], foes: [] } : shape;
	const required = <T>(list: readonly T[]) => (list.length === 0 ? {} : { requiredDuringSchedulingIgnoredDuringExecution: list });
	return {
		metadata: { namespace, name, labels: { app } },
		spec: {
			terminationGracePeriodSeconds: 1,
			containers: [
				{
					name: "c",
					image: "i",
					resources: { requests: { cpu: String(cpu) } },
					...(port === undefined ? {} : { ports: [{ containerPort: port, hostPort: port }] }),
				},
			],
			priorityClassName: never ? `${priority}-never` : priority,
			tolerations,
			affinity: {
				nodeAffinity: nodeTerms.length === 0 ? {} : { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: nodeTerms } },
				podAffinity: required(friends),
				podAntiAffinity: required(foes),
			},
			topologySpreadConstraints: shape.plain ? [] : shape.spread,
			...(shape.disk === undefined || shape.plain ? {} : { nodeSelector: { disk: shape.disk } }),
			...(claim === undefined ? {} : { volumes: [{ name: "v", persistentVolumeClaim: { claimName: claim } }] }),
			...(gated ? { schedulingGates: [{ name: "example.com/wait" }] } : {}),
		},
	};
}

// ── What users do ──

function action(name: string, run: (cluster: TestCluster) => Promise<unknown>): Action {
	return { name, run, [fc.toStringMethod]: () => name };
}

/** Objects as the API server's cache has them. */
export function all<T extends KubeObject>({ inner }: TestCluster, { group, resource }: ResourceRef<T>): readonly T[] {
	return inner.apiServer
		.storage(group, resource)
		.cache.list()
		.map(({ object }) => object as T);
}

/** To one of the pods that there are, as many as there are. */
function toPod(what: string, which: number, run: (pod: Pod, cluster: TestCluster) => Promise<unknown>): Action {
	return action(`${what} pod number ${which}`, async (cluster) => {
		const there = all(cluster, pods);
		const pod = there[which % Math.max(1, there.length)];
		if (pod !== undefined) await run(pod, cluster);
	});
}

export const place = ({ metadata }: KubeObject) => ({ namespace: metadata?.namespace ?? "", name: metadata?.name ?? "" });
const merge = "application/merge-patch+json";

const host = fc.constantFrom(...hosts);
const which = fc.nat(20);

function patchNode(name: string, body: object, subresource?: string): Action {
	const options = subresource === undefined ? {} : { subresource };
	return action(`${name} ${JSON.stringify(body)}`, ({ client }) => client.resource(nodes).patch({ name }, merge, body, options));
}

const anyAction: fc.Arbitrary<Action> = fc.oneof(
	{
		weight: 18,
		arbitrary: fc
			.tuple(places, anyPod)
			.map(([namespace, shape]) =>
				action(`create pod in ${namespace} ${JSON.stringify(shape)}`, ({ client }) =>
					client
						.resource(pods)
						.create({ ...podOf(namespace, "", shape), metadata: { namespace, generateName: "p-", labels: { app: shape.app } } }),
				),
			),
	},
	{
		weight: 3,
		arbitrary: fc
			.tuple(host, anyNode)
			.map(([name, shape]) =>
				action(`create node ${name} ${JSON.stringify(shape)}`, ({ client }) => client.resource(nodes).create(nodeOf(name, shape))),
			),
	},
	host.map((name) => action(`delete node ${name}`, ({ client }) => client.resource(nodes).delete({ name }))),
	fc
		.tuple(host, anyNode)
		.map(([name, shape]) => patchNode(name, { metadata: { labels: { zone: shape.zone ?? null, disk: shape.disk ?? null } } })),
	fc.tuple(host, anyNode).map(([name, { taints }]) => patchNode(name, { spec: { taints } })),
	fc.tuple(host, fc.boolean()).map(([name, unschedulable]) => patchNode(name, { spec: { unschedulable } })),
	fc
		.tuple(host, anyNode)
		.map(([name, { cpu, pods: room }]) => patchNode(name, { status: { allocatable: { cpu: String(cpu), pods: String(room) } } }, "status")),
	{
		weight: 3,
		arbitrary: which.map((number) => toPod("delete", number, (pod, { client }) => client.resource(pods).delete(place(pod)))),
	},
	which.map((number) =>
		toPod("finish", number, async (pod, { client }) => {
			if (isPlaced(pod))
				await client.resource(pods).patch(place(pod), merge, { status: { phase: "Succeeded" } }, { subresource: "status" });
		}),
	),
	fc
		.tuple(which, apps)
		.map(([number, app]) =>
			toPod(`label ${app}`, number, (pod, { client }) => client.resource(pods).patch(place(pod), merge, { metadata: { labels: { app } } })),
		),
	fc.tuple(which, fc.constantFrom("x", "y")).map(([number, key]) =>
		toPod(`tolerate ${key}`, number, (pod, { client }) => {
			const tolerations = [...(pod.spec?.tolerations ?? []), { key, operator: "Exists" }];
			return client.resource(pods).patch(place(pod), merge, { spec: { tolerations } });
		}),
	),
	which.map((number) =>
		toPod("ungate", number, (pod, { client }) => client.resource(pods).patch(place(pod), merge, { spec: { schedulingGates: null } })),
	),
	fc
		.tuple(places, teams)
		.map(([name, team]) =>
			action(`namespace ${name} is ${team}'s`, ({ client }) =>
				client.resource(namespaces).patch({ name }, merge, { metadata: { labels: { team } } }),
			),
		),
	{
		weight: 2,
		arbitrary: fc.tuple(places, claimNames, classNames, modes).map(([namespace, name, storageClassName, mode]) =>
			action(`create claim ${namespace}/${name} ${storageClassName} ${mode}`, ({ client }) =>
				client.resource(persistentVolumeClaims).create({
					metadata: { namespace, name },
					spec: { storageClassName, accessModes: [mode], resources: { requests: { storage: "1" } } },
				}),
			),
		),
	},
	{
		weight: 2,
		arbitrary: fc.tuple(fc.nat(5), classNames, modes, maybe(host)).map(([number, storageClassName, mode, on]) => {
			const name = `v${number}`;
			const requirement = { key: "host", operator: "In", values: [on ?? ""] };
			const reach = on === undefined ? {} : { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [requirement] }] } } };
			const source = storageClassName === "now" ? { csi: { driver: "disk", volumeHandle: name } } : { nfs: { server: "s", path: "/" } };
			return action(`create volume ${name} ${storageClassName} ${mode} ${on ?? "anywhere"}`, ({ client }) =>
				client.resource(persistentVolumes).create({
					metadata: { name },
					spec: { storageClassName, capacity: { storage: "1" }, accessModes: [mode], ...source, ...reach },
				}),
			);
		}),
	},
	fc
		.tuple(places, claimNames)
		.map(([namespace, name]) =>
			action(`delete claim ${namespace}/${name}`, ({ client }) => client.resource(persistentVolumeClaims).delete({ namespace, name })),
		),
	fc.tuple(host, fc.integer({ min: 1, max: 2 })).map(([name, count]) =>
		action(`${name} takes ${count} disks`, async ({ client }) => {
			const spec = { drivers: [{ name: "disk", nodeID: name, allocatable: { count } }] };
			await client.resource(csiNodes).delete({ name }).catch(unlessRefused);
			await client.resource(csiNodes).create({ metadata: { name }, spec });
		}),
	),
);

/** At first some nodes, then anything. */
const firstStep: fc.Arbitrary<Step> = fc
	.array(anyNode, { minLength: 2, maxLength: 4, size: "max" })
	.map((shapes) =>
		shapes.map((shape, index) =>
			action(`create node n${index} ${JSON.stringify(shape)}`, ({ client }) => client.resource(nodes).create(nodeOf(`n${index}`, shape))),
		),
	);

export const anySteps: fc.Arbitrary<readonly Step[]> = fc
	.tuple(
		firstStep,
		fc.array(fc.array(anyAction, { minLength: 1, maxLength: 5, size: "max" }), { minLength: 1, maxLength: maxSteps - 1, size: "max" }),
	)
	.map(([first, rest]) => [first, ...rest]);

/** What a user would be refused is left out of account. */
export function unlessRefused(error: unknown): void {
	if (!(error instanceof StatusError)) throw error;
}
