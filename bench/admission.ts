/**
 * What admission adds to the creation of a Pod: the same pod, created in process on a store in memory, in a namespace that asks for
 * nothing and in one with a quota, limits and a level of Pod security. Processor time, which is the steadier figure on a machine
 * that is not idle.
 */
import { WallClock } from "../src/apimachinery/clock/wall-clock.ts";
import { silentLog } from "../src/apimachinery/log.ts";
import type { KubeObject } from "../src/apimachinery/meta.ts";
import { SeededRandom } from "../src/apimachinery/random.ts";
import { ApiServer } from "../src/apiserver/api-server.ts";
import { admin, makeTokenKeys } from "../src/apiserver/testing.ts";
import { createMemoryStore } from "../src/store/index.ts";
import { type Measurement, repeat } from "./measure.ts";

const creates = 4_000;
const warmUps = 4_000;
/** Creates of both namespaces in turn, so that whatever the machine does meets both. */
const batch = 200;

const pod = {
	spec: {
		securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
		containers: ["a", "b"].map((name) => ({
			name,
			image: "nginx",
			resources: { requests: { cpu: "100m" }, limits: { memory: "128Mi" } },
			securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
		})),
	},
};

const hard = { pods: "1M", "requests.cpu": "1M", "requests.memory": "1Pi", "limits.memory": "1Pi" };
const zero = Object.fromEntries(Object.keys(hard).map((name) => [name, "0"]));

/** The namespaces and what governs them; how pods are created there. */
async function makeServer(): Promise<(namespace: string) => Promise<unknown>> {
	const clock = new WallClock();
	const store = await createMemoryStore({ clock });
	const server = new ApiServer({ store, clock, random: new SeededRandom("bench"), log: silentLog, tokenKeys: makeTokenKeys() });
	await server.start();
	const send = async (verb: "create" | "update", resource: string, namespace: string | undefined, body: object, rest: object = {}) =>
		(
			await server.handle(admin, {
				verb,
				group: "",
				version: "v1",
				resource,
				...(namespace === undefined ? {} : { namespace }),
				body,
				...rest,
			})
		).object as KubeObject;
	const level = { "pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted" };
	for (const [name, labels] of Object.entries({ plain: {}, governed: level })) {
		await send("create", "namespaces", undefined, { metadata: { name, labels } });
		await send("create", "serviceaccounts", name, { metadata: { name: "default" } });
	}
	const limits = [
		{
			type: "Container",
			default: { cpu: "1" },
			defaultRequest: { memory: "64Mi" },
			max: { cpu: "2", memory: "1Gi" },
			min: { memory: "16Mi" },
		},
		{ type: "Pod", max: { cpu: "4" } },
	];
	await send("create", "limitranges", "governed", { metadata: { name: "limits" }, spec: { limits } });
	const quota = await send("create", "resourcequotas", "governed", { metadata: { name: "quota" }, spec: { hard } });
	// In place of the quota controller.
	await send("update", "resourcequotas", "governed", { ...quota, status: { hard, used: zero } }, { subresource: "status", name: "quota" });
	return (namespace) => send("create", "pods", namespace, { ...pod, metadata: { generateName: "pod-" } });
}

export async function benchAdmission(runs: number): Promise<Measurement[]> {
	const create = await makeServer();
	const cpuOfBatch = async (namespace: string) => {
		const before = process.cpuUsage();
		for (let index = 0; index < batch; index++) await create(namespace);
		const { user, system } = process.cpuUsage(before);
		return user + system;
	};
	const times = { plain: [] as number[], governed: [] as number[] };
	for (let done = 0; done < warmUps; done += 2 * batch) {
		await cpuOfBatch("plain");
		await cpuOfBatch("governed");
	}
	await repeat(runs, async () => {
		const total = { plain: 0, governed: 0 };
		for (let done = 0; done < creates; done += batch) {
			total.plain += await cpuOfBatch("plain");
			total.governed += await cpuOfBatch("governed");
		}
		times.plain.push(total.plain / creates);
		times.governed.push(total.governed / creates);
		return 0;
	});
	const added = times.governed.map((value, run) => value - (times.plain[run] ?? 0));
	return [
		{ name: "create a Pod, in process, in memory", unit: "µs of CPU", values: times.plain },
		{ name: "what quota, limits and Pod security add to that", unit: "µs of CPU", values: added, promise: 100 },
	];
}
