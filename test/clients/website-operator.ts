/**
 * An operator of a custom resource as somebody would write it who knows Kubernetes and @kubernetes/client-node, and nothing of kubesim. A
 * Website is a Deployment, a Service and a ConfigMap with its page; its name stands in a list outside of it, from which a finalizer takes it.
 *
 *   definition ─▶ elected ─▶ informers of Websites and Deployments ─▶ queue ─▶ reconcile: finalizer, record, children, status
 */
import {
	ApiextensionsV1Api,
	AppsV1Api,
	CoreV1Api,
	CustomObjectsApi,
	type Informer,
	type KubeConfig,
	KubernetesObjectApi,
	makeInformer,
	PatchStrategy,
	type V1Condition,
	type V1CustomResourceDefinition,
	type V1Deployment,
	type V1ObjectMeta,
} from "@kubernetes/client-node";
import { isCode, LeaderLease, pause } from "./leader-lease.ts";

const group = "example.com";
const version = "v1";
const plural = "websites";
const finalizer = "example.com/record";
/** Where the names of all Websites are: stands for something outside of the cluster. */
export const records = { namespace: "kube-system", name: "website-records" };

export interface Website {
	readonly apiVersion?: string;
	readonly kind?: string;
	readonly metadata?: V1ObjectMeta;
	readonly spec?: { readonly page: string; readonly replicas?: number };
	readonly status?: { readonly readyReplicas?: number; readonly observedGeneration?: number; readonly conditions?: readonly V1Condition[] };
}

const condition = {
	type: "object",
	required: ["type", "status", "lastTransitionTime", "reason", "message"],
	properties: {
		type: { type: "string" },
		status: { type: "string", _enum: ["True", "False", "Unknown"] },
		observedGeneration: { type: "integer" },
		lastTransitionTime: { type: "string", format: "date-time" },
		reason: { type: "string" },
		message: { type: "string" },
	},
};
const definition: V1CustomResourceDefinition = {
	apiVersion: "apiextensions.k8s.io/v1",
	kind: "CustomResourceDefinition",
	metadata: { name: `${plural}.${group}` },
	spec: {
		group,
		scope: "Namespaced",
		names: { kind: "Website", plural, singular: "website", shortNames: ["ws"] },
		versions: [
			{
				name: version,
				served: true,
				storage: true,
				subresources: {
					status: {},
					scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.readyReplicas" },
				},
				additionalPrinterColumns: [
					{ name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
					{ name: "Replicas", type: "integer", jsonPath: ".status.readyReplicas" },
				],
				schema: {
					openAPIV3Schema: {
						type: "object",
						properties: {
							spec: {
								type: "object",
								required: ["page"],
								properties: {
									page: { type: "string", minLength: 1 },
									replicas: { type: "integer", minimum: 0, maximum: 5, _default: 1 },
								},
							},
							status: {
								type: "object",
								properties: {
									readyReplicas: { type: "integer" },
									observedGeneration: { type: "integer" },
									conditions: {
										type: "array",
										items: condition,
										x_kubernetes_list_type: "map",
										x_kubernetes_list_map_keys: ["type"],
									},
								},
							},
						},
					},
				},
			},
		],
	},
};

export class WebsiteOperator {
	readonly #config: KubeConfig;
	readonly #apps: AppsV1Api;
	readonly #core: CoreV1Api;
	readonly #custom: CustomObjectsApi;
	readonly #definitions: ApiextensionsV1Api;
	readonly #objects: KubernetesObjectApi;
	readonly #lease: LeaderLease;
	/** `namespace/name` of Websites to look at. */
	readonly #queue = new Set<string>();
	#wake: () => void = () => undefined;

	constructor(config: KubeConfig, { identity, leaseSeconds }: { readonly identity: string; readonly leaseSeconds: number }) {
		this.#config = config;
		this.#apps = config.makeApiClient(AppsV1Api);
		this.#core = config.makeApiClient(CoreV1Api);
		this.#custom = config.makeApiClient(CustomObjectsApi);
		this.#definitions = config.makeApiClient(ApiextensionsV1Api);
		this.#objects = KubernetesObjectApi.makeApiClient(config);
		this.#lease = new LeaderLease(config, { namespace: "default", name: "website-operator", identity, leaseSeconds });
	}

	/** Works until the signal aborts. */
	async run(signal: AbortSignal, options: { readonly isCrash?: boolean } = {}): Promise<void> {
		await this.#define(signal);
		await this.#lease.run((term) => this.#lead(term), signal, options);
	}

	/** Brings the definition along, unless it is there, and waits until it is served. */
	async #define(signal: AbortSignal): Promise<void> {
		await this.#definitions.createCustomResourceDefinition({ body: definition }).catch(ignore(409));
		const isEstablished = ({ status }: V1CustomResourceDefinition) =>
			status?.conditions?.some(({ type, status: state }) => type === "Established" && state === "True");
		while (!isEstablished(await this.#definitions.readCustomResourceDefinition({ name: `${plural}.${group}` }))) await pause(50, signal);
	}

	async #lead(term: AbortSignal): Promise<void> {
		const websites = makeInformer<Website>(this.#config, `/apis/${group}/${version}/${plural}`, () =>
			this.#custom.listCustomObjectForAllNamespaces({ group, version, resourcePlural: plural }),
		);
		const deployments = makeInformer<V1Deployment>(this.#config, "/apis/apps/v1/deployments", () =>
			this.#apps.listDeploymentForAllNamespaces(),
		);
		await this.#follow(websites, ({ metadata }) => metadata?.name, term);
		await this.#follow(
			deployments,
			({ metadata }) => metadata?.ownerReferences?.find(({ kind, controller }) => kind === "Website" && controller === true)?.name,
			term,
		);
		while (!term.aborted) await this.#workOnce(term);
		await Promise.all([websites.stop(), deployments.stop()]);
	}

	async #follow<T extends { metadata?: V1ObjectMeta }>(
		informer: Informer<T>,
		websiteOf: (object: T) => string | undefined,
		term: AbortSignal,
	): Promise<void> {
		const see = (object: T) => {
			const name = websiteOf(object);
			if (name === undefined) return;
			this.#queue.add(`${object.metadata?.namespace}/${name}`);
			this.#wake();
		};
		const start = async (): Promise<void> => {
			// The server may be away for a while.
			while (!term.aborted) {
				try {
					await informer.start();
					return;
				} catch {
					await pause(100, term);
				}
			}
		};
		for (const verb of ["add", "update", "delete"] as const) informer.on(verb, see);
		informer.on("error", () => void pause(100, term).then(start));
		await start();
	}

	async #workOnce(term: AbortSignal): Promise<void> {
		const [key] = this.#queue;
		if (key === undefined) {
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
				term.addEventListener("abort", () => resolve(), { once: true });
			});
			return;
		}
		this.#queue.delete(key);
		const [namespace = "", name = ""] = key.split("/");
		try {
			await this.#reconcile(namespace, name);
		} catch (error) {
			this.#queue.add(key);
			if (!isCode(error, 409)) await pause(100, term);
		}
	}

	async #reconcile(namespace: string, name: string): Promise<void> {
		const website = await this.#read(namespace, name);
		if (website === undefined) return;
		const finalizers = website.metadata?.finalizers ?? [];
		if (website.metadata?.deletionTimestamp !== undefined) {
			if (!finalizers.includes(finalizer)) return;
			await this.#record(`${namespace}.${name}`, undefined);
			await this.#setFinalizers(
				website,
				finalizers.filter((each) => each !== finalizer),
			);
			return;
		}
		// Its change brings the Website here again.
		if (!finalizers.includes(finalizer)) return this.#setFinalizers(website, [...finalizers, finalizer]);
		await this.#record(`${namespace}.${name}`, website.metadata?.uid);
		for (const child of childrenOf(website)) {
			await this.#objects.patch(child, undefined, undefined, "website-operator", true, PatchStrategy.ServerSideApply);
		}
		await this.#updateStatus(website);
	}

	async #read(namespace: string, name: string): Promise<Website | undefined> {
		return await this.#custom.getNamespacedCustomObject({ group, version, namespace, plural, name }).catch(ignore(404));
	}

	async #setFinalizers(website: Website, finalizers: string[]): Promise<void> {
		const { namespace = "", name = "" } = website.metadata ?? {};
		const body = { ...website, metadata: { ...website.metadata, finalizers } };
		await this.#custom.replaceNamespacedCustomObject({ group, version, namespace, plural, name, body });
	}

	/** Writes or removes one line of the list of all Websites. */
	async #record(key: string, value: string | undefined): Promise<void> {
		await this.#core
			.createNamespacedConfigMap({ namespace: records.namespace, body: { metadata: { name: records.name } } })
			.catch(ignore(409));
		const list = await this.#core.readNamespacedConfigMap(records);
		if (list.data?.[key] === value) return;
		const { [key]: _, ...others } = list.data ?? {};
		const data = value === undefined ? others : { ...others, [key]: value };
		await this.#core.replaceNamespacedConfigMap({ ...records, body: { ...list, data } });
	}

	async #updateStatus(website: Website): Promise<void> {
		const { namespace = "", name = "", generation = 0 } = website.metadata ?? {};
		const deployment = await this.#apps.readNamespacedDeployment({ namespace, name });
		const { readyReplicas = 0 } = deployment.status ?? {};
		const wanted = website.spec?.replicas ?? 1;
		const isReady = readyReplicas >= wanted && deployment.status?.observedGeneration === deployment.metadata?.generation;
		const before = website.status?.conditions?.find(({ type }) => type === "Ready");
		const state = isReady ? "True" : "False";
		const ready = {
			type: "Ready",
			status: state,
			observedGeneration: generation,
			lastTransitionTime: before?.status === state ? before.lastTransitionTime : new Date(),
			reason: isReady ? "Serving" : "Waiting",
			message: `${readyReplicas} of ${wanted} are ready`,
		};
		const isSame = before?.status === state && before.message === ready.message && before.observedGeneration === generation;
		if (isSame) return;
		const body = { ...website, status: { readyReplicas, observedGeneration: generation, conditions: [ready] } };
		await this.#custom.replaceNamespacedCustomObjectStatus({ group, version, namespace, plural, name, body });
	}
}

/** What a Website consists of: the cluster takes it away with the Website. */
function childrenOf({ metadata, spec }: Website) {
	const { name = "", namespace = "", uid = "" } = metadata ?? {};
	const labels = { website: name };
	const owner = { apiVersion: `${group}/${version}`, kind: "Website", name, uid, controller: true, blockOwnerDeletion: true };
	const meta = { name, namespace, labels, ownerReferences: [owner] };
	const pages = { name: "pages", mountPath: "/usr/share/nginx/html" };
	return [
		{ apiVersion: "v1", kind: "ConfigMap", metadata: meta, data: { "index.html": spec?.page ?? "" } },
		{ apiVersion: "v1", kind: "Service", metadata: meta, spec: { selector: labels, ports: [{ port: 80 }] } },
		{
			apiVersion: "apps/v1",
			kind: "Deployment",
			metadata: meta,
			spec: {
				replicas: spec?.replicas ?? 1,
				selector: { matchLabels: labels },
				template: {
					metadata: { labels },
					spec: {
						containers: [{ name: "nginx", image: "nginx", volumeMounts: [pages] }],
						volumes: [{ name: pages.name, configMap: { name } }],
					},
				},
			},
		},
	];
}

const ignore = (code: number) => (error: unknown) => {
	if (!isCode(error, code)) throw error;
	return undefined;
};
