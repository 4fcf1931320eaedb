/**
 * A pod out of a file of its node, as the kubelet makes it: named after the node, known by the hash of what it says, without anything
 * that only the API could give. Pure, but for the reader of YAML, which is loaded with the first file.
 * Source: pkg/kubelet/config/common.go, file.go; https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/
 */
import { createHash } from "node:crypto";
import { isJsonObject } from "../../apimachinery/json.ts";
import type { Container, Pod, PodSpec } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { configSourceAnnotation } from "../admission/critical-pods.ts";

const hashAnnotation = "kubernetes.io/config.hash";
const seenAnnotation = "kubernetes.io/config.seen";
export const mirrorAnnotation = "kubernetes.io/config.mirror";

/** A file that makes no static pod; the message says why. */
export class StaticManifestError extends Error {
	override readonly name = "StaticManifestError";
}

/** @throws StaticManifestError */
export async function readStaticPod(text: string, path: string, node: string, nowMs: number): Promise<Pod> {
	const value = await parse(text, path);
	if (!isJsonObject(value) || value.kind !== "Pod" || value.apiVersion !== "v1")
		throw new StaticManifestError(`${path}: couldn't parse as pod(Object 'Kind' is missing or not Pod of v1), please check config file`);
	const pod = value as Pod;
	const problem = problemOf(pod);
	if (problem !== undefined) throw new StaticManifestError(`invalid pod: ${problem}`);
	const referenced = apiReference(pod.spec);
	if (referenced !== undefined) throw new StaticManifestError(`static pods may not reference ${referenced}`);
	return staticPod(pod, path, node, nowMs);
}

async function parse(text: string, path: string): Promise<unknown> {
	const { parseDocument } = await import("yaml");
	const document = parseDocument(text);
	const [error] = document.errors;
	if (error !== undefined) throw new StaticManifestError(`${path}: couldn't parse as pod(${error.message}), please check config file`);
	return document.toJS() as unknown;
}

/** What the rest of the kubelet relies on. */
function problemOf({ metadata, spec }: Pod): string | undefined {
	const isName = (text: unknown) => typeof text === "string" && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(text);
	if (!isName(metadata?.name)) return `metadata.name: Invalid value: ${JSON.stringify(metadata?.name ?? "")}`;
	const containers: unknown = spec?.containers;
	if (!Array.isArray(containers) || containers.length === 0) return "spec.containers: Required value";
	const bad = containers.findIndex((each: Container) => !isName(each?.name) || typeof each.image !== "string");
	return bad === -1 ? undefined : `spec.containers[${bad}]: Invalid value: a container needs a name and an image`;
}

function staticPod(pod: Pod, path: string, node: string, nowMs: number): Pod {
	const hash = createHash("md5")
		.update(`host:${node}file:${path}${JSON.stringify(pod)}`)
		.digest("hex");
	const { name = "", namespace = "default", annotations, labels } = pod.metadata ?? {};
	const { containers, tolerations = [], ...spec } = pod.spec ?? { containers: [] };
	return {
		apiVersion: "v1",
		kind: "Pod",
		metadata: {
			name: `${name}-${node.toLowerCase()}`,
			namespace,
			uid: hash,
			...(labels === undefined ? {} : { labels }),
			annotations: {
				...annotations,
				[hashAnnotation]: hash,
				[seenAnnotation]: formatTime(nowMs),
				[configSourceAnnotation]: "file",
			},
		},
		spec: {
			restartPolicy: "Always",
			terminationGracePeriodSeconds: 30,
			...spec,
			containers,
			nodeName: node,
			// Troubles of its node do not drive it away.
			tolerations: [...tolerations, { operator: "Exists", effect: "NoExecute" }],
		},
		status: { phase: "Pending", qosClass: qosOf(containers) },
	};
}

/** The hash of the static pod that a pod in the API mirrors; undefined: it is none. */
export function mirroredHash({ metadata }: Pod): string | undefined {
	return metadata?.annotations?.[mirrorAnnotation];
}

/** What the API shows of a static pod. @param nodeUid of the Node, which owns it */
export function mirrorOf({ metadata, spec }: Pod, nodeUid: string): Pod {
	const { uid: hash = "", ...meta } = metadata ?? {};
	const name = spec?.nodeName ?? "";
	return {
		apiVersion: "v1",
		kind: "Pod",
		metadata: {
			...meta,
			annotations: { ...meta.annotations, [mirrorAnnotation]: hash },
			ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid: nodeUid, controller: true }],
		},
		...(spec === undefined ? {} : { spec }),
	};
}

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ */
function qosOf(containers: readonly Container[]): string {
	const lists = containers.map(({ resources }) => resources ?? {});
	const asks = lists.some(({ requests, limits }) =>
		Object.keys({ ...requests, ...limits }).some((name) => name === "cpu" || name === "memory"),
	);
	if (!asks) return "BestEffort";
	const isGuaranteed = lists.every(({ requests, limits }) =>
		(["cpu", "memory"] as const).every((name) => limits?.[name] !== undefined && (requests?.[name] ?? limits[name]) === limits[name]),
	);
	return isGuaranteed ? "Guaranteed" : "Burstable";
}

/** Source: HasAPIObjectReference of pkg/api/pod. */
function apiReference(spec: PodSpec | undefined): string | undefined {
	if (spec?.serviceAccountName !== undefined) return "serviceaccounts";
	if ((spec?.imagePullSecrets ?? []).length > 0) return "secrets";
	if ((spec?.resourceClaims ?? []).length > 0) return "resourceclaims";
	for (const { env = [], envFrom = [] } of [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]) {
		if (envFrom.some(({ secretRef }) => secretRef !== undefined) || env.some(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined))
			return "secrets";
		if (
			envFrom.some(({ configMapRef }) => configMapRef !== undefined) ||
			env.some(({ valueFrom }) => valueFrom?.configMapKeyRef !== undefined)
		)
			return "configmaps";
	}
	for (const { secret, configMap, persistentVolumeClaim, ephemeral, projected } of spec?.volumes ?? []) {
		if (secret !== undefined) return "secrets";
		if (configMap !== undefined) return "configmaps";
		if (persistentVolumeClaim !== undefined || ephemeral !== undefined) return "persistentvolumeclaims";
		for (const source of projected?.sources ?? []) {
			if (source.secret !== undefined) return "secrets";
			if (source.configMap !== undefined) return "configmaps";
			if (source.serviceAccountToken !== undefined) return "serviceaccounts";
			if (source.clusterTrustBundle !== undefined) return "clustertrustbundles";
		}
	}
	return undefined;
}
