/**
 * Puts into an empty cluster what kube-apiserver does at its first start, and keeps the `kubernetes` Service pointing
 * at this server. Source: pkg/controlplane/instance.go, controller/kubernetesservice, and the RBAC bootstrap hooks.
 */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { defaultFeatureGates, type FeatureGates } from "../../apimachinery/feature-gates.ts";
import type { Logger } from "../../apimachinery/log.ts";
import { formatApiVersion, type KubeObject, parseApiVersion } from "../../apimachinery/meta.ts";
import type { EndpointSlice, Endpoints, Service } from "../../apimachinery/schema/generated/types.ts";
import { generatedResources } from "../../apimachinery/schema/resources.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import type { ApiServer } from "../api-server.ts";
import { apiserverUser } from "../authentication/apiserver-user.ts";

const keepServiceEveryMs = 10_000;

export interface BootstrapTarget {
	readonly server: ApiServer;
	/** Where clients reach this server. */
	readonly address: string;
	/** TCP port, 1-65535. */
	readonly port: number;
	/** Cluster time, Unix ms. */
	readonly nowMs: number;
	readonly serviceCidr: string;
	/** Cluster IP of the `kubernetes` Service: the first of the range. */
	readonly serviceIp: string;
	/** Default: as in 1.36. */
	readonly featureGates?: FeatureGates;
	/** Awaited every few objects: what others ask of this server meanwhile is answered in between. Default: all is done in one go. */
	readonly pause?: () => Promise<void>;
}

/** Objects that are made between two pauses: some 3 ms of work. */
const objectsBetweenPauses = 8;

/** Whether this store has held a cluster before. */
export function isBootstrapped(server: ApiServer): boolean {
	return server.find("", "namespaces", "", "kube-system") !== undefined;
}

/** Creates what is missing, and puts right what RBAC relies on. Idempotent. */
export async function bootstrap(target: BootstrapTarget): Promise<void> {
	const { server, nowMs, serviceCidr, featureGates = defaultFeatureGates, pause } = target;
	if (isBootstrapped(server)) {
		await reconcileRbac(server, featureGates);
		await reconcileGatedVersions(server, nowMs, featureGates);
	} else {
		const { bootstrapObjects } = await import("./index.ts");
		const objects = bootstrapObjects({ nowMs, serviceCidrs: [serviceCidr], featureGates });
		const isNamespace = (object: KubeObject) => object.kind === "Namespace";
		await ensureAll(server, objects.filter(isNamespace), pause);
		await ensureAll(
			server,
			objects.filter((object) => !isNamespace(object)),
			pause,
		);
	}
	await server.repair();
	await publishKubernetesService(target);
}

/** Adds again what was taken from the roles and bindings of every cluster. */
async function reconcileRbac(server: ApiServer, featureGates: FeatureGates): Promise<void> {
	const { reconciledObjects } = await import("./index.ts");
	const { reconcile } = await import("./rbac-reconciliation.ts");
	const write = async (expected: KubeObject): Promise<void> => {
		const { group, resource, namespace = "" } = target(expected);
		const { name = "" } = expected.metadata ?? {};
		const existing = server.find(group, resource, namespace, name);
		const plan = existing === undefined ? undefined : reconcile(existing, expected);
		if (plan?.action === "keep") return;
		if (plan?.action === "recreate") await server.handle(apiserverUser, { ...target(expected), verb: "delete", name });
		if (plan?.action === "update") await server.handle(apiserverUser, { ...target(expected), verb: "update", name, body: plan.object });
		else await createIfAbsent(server, expected);
	};
	for (const expected of reconciledObjects(featureGates)) {
		try {
			await write(expected);
		} catch (error) {
			// Another server of the same store is at it.
			if (!isStatusError(error, "Conflict", "NotFound")) throw error;
		}
	}
}

/** The APIServices of versions behind a feature gate come and go with it. */
async function reconcileGatedVersions(server: ApiServer, nowMs: number, featureGates: FeatureGates): Promise<void> {
	const { apiServices } = await import("./api-services.ts");
	const now = formatTime(nowMs);
	const usual = new Set(apiServices(now).map(({ metadata }) => metadata?.name));
	const served = new Set(apiServices(now, featureGates).map(({ metadata }) => metadata?.name));
	for (const service of apiServices(now, { genericWorkload: true, gangScheduling: true })) {
		const { name = "" } = service.metadata ?? {};
		if (usual.has(name)) continue;
		if (served.has(name)) await ensure(server, service);
		else if (server.find("apiregistration.k8s.io", "apiservices", "", name) !== undefined) {
			await server.handle(apiserverUser, { ...target(service), verb: "delete", name });
		}
	}
}

/** All at once, as far as the store is concerned: a pause waits for nothing of what was begun. */
async function ensureAll(server: ApiServer, objects: readonly KubeObject[], pause: BootstrapTarget["pause"]): Promise<void> {
	const begun: Promise<void>[] = [];
	for (const [index, object] of objects.entries()) {
		const ensured = ensure(server, object);
		// Whoever waits for all of them is told.
		ensured.catch(() => undefined);
		begun.push(ensured);
		if (pause !== undefined && (index + 1) % objectsBetweenPauses === 0) await pause();
	}
	await Promise.all(begun);
}

async function ensure(server: ApiServer, object: KubeObject & { readonly status?: unknown }): Promise<void> {
	const created = await createIfAbsent(server, object);
	if (created === undefined || object.status === undefined) return;
	const withStatus = { ...created, status: object.status } as KubeObject;
	await server.handle(apiserverUser, {
		...target(object),
		verb: "update",
		subresource: "status",
		name: object.metadata?.name ?? "",
		body: withStatus,
	});
}

/** The created object; undefined if there was one already. */
async function createIfAbsent(server: ApiServer, object: KubeObject): Promise<KubeObject | undefined> {
	const { group, resource, namespace = "" } = target(object);
	if (server.find(group, resource, namespace, object.metadata?.name ?? "") !== undefined) return undefined;
	try {
		return (await server.handle(apiserverUser, { ...target(object), verb: "create", body: object })).object as KubeObject;
	} catch (error) {
		if (isStatusError(error, "AlreadyExists")) return undefined;
		throw error;
	}
}

function target(object: KubeObject): Pick<ApiRequest, "group" | "version" | "resource"> & { readonly namespace?: string } {
	const { apiVersion = "", kind = "" } = object;
	const resource = resourceOf.get(`${apiVersion} ${kind}`);
	if (resource === undefined) throw new Error(`no resource for ${apiVersion} ${kind}`);
	const { namespace } = object.metadata ?? {};
	return { ...parseApiVersion(apiVersion), resource, ...(namespace === undefined ? {} : { namespace }) };
}

/** By "apps/v1 Deployment". */
const resourceOf: ReadonlyMap<string, string> = new Map(
	generatedResources
		.filter(({ subresource }) => subresource === "")
		.map((entry) => [`${formatApiVersion(entry)} ${entry.kind}`, entry.resource]),
);

/** The Service `kubernetes` in `default`, with this server as its only endpoint. */
async function publishKubernetesService({ server, address, port, serviceIp }: BootstrapTarget): Promise<void> {
	const metadata = { name: "kubernetes", namespace: "default" };
	const labels = { component: "apiserver", provider: "kubernetes" };
	const service: Service = {
		apiVersion: "v1",
		kind: "Service",
		metadata: { ...metadata, labels },
		spec: { type: "ClusterIP", clusterIP: serviceIp, ports: [{ name: "https", port: 443, protocol: "TCP", targetPort: port }] },
	};
	await createIfAbsent(server, service);
	const mirrored = { "endpointslice.kubernetes.io/skip-mirror": "true" };
	const endpoints: Endpoints = {
		apiVersion: "v1",
		kind: "Endpoints",
		metadata: { ...metadata, labels: mirrored },
		subsets: [{ addresses: [{ ip: address }], ports: [{ name: "https", port, protocol: "TCP" }] }],
	};
	const slice: EndpointSlice = {
		apiVersion: "discovery.k8s.io/v1",
		kind: "EndpointSlice",
		metadata: { ...metadata, labels: { "kubernetes.io/service-name": "kubernetes" } },
		addressType: "IPv4",
		endpoints: [{ addresses: [address], conditions: { ready: true } }],
		ports: [{ name: "https", port, protocol: "TCP" }],
	};
	await Promise.all([endpoints, slice].map((object) => replace(server, object)));
}

/**
 * Puts the `kubernetes` Service and its endpoints back when somebody deletes them, as `kubectl delete service --all` does.
 * Until the signal aborts. Source of the period: EndpointReconcilerInterval of kube-apiserver.
 */
export function keepKubernetesService(target: BootstrapTarget, options: { clock: Clock; log: Logger; signal: AbortSignal }): void {
	const { server } = target;
	const parts = [
		["", "services"],
		["", "endpoints"],
		["discovery.k8s.io", "endpointslices"],
	] as const;
	const timer = options.clock.setInterval(() => {
		if (parts.every(([group, resource]) => server.find(group, resource, "default", "kubernetes") !== undefined)) return;
		publishKubernetesService(target).catch((error: unknown) =>
			options.log.error("unable to sync kubernetes service", { error: String(error) }),
		);
	}, keepServiceEveryMs);
	options.signal.addEventListener("abort", () => timer.cancel(), { once: true });
}

/** Creates the object, or puts it in the place of the one that is there: after a restart the port may be another. */
async function replace(server: ApiServer, object: KubeObject): Promise<void> {
	if ((await createIfAbsent(server, object)) !== undefined) return;
	await server.handle(apiserverUser, { ...target(object), verb: "update", name: object.metadata?.name ?? "", body: object });
}
