/**
 * What metrics-server's manifests bring besides the server: the APIService, and the role that lets those who may look at a
 * namespace look at its metrics. Put there at every start, unless it is.
 * Source: https://github.com/kubernetes-sigs/metrics-server/tree/master/manifests/base (rbac.yaml, apiservice.yaml)
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { APIService, ClusterRole } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import type { ApiServer } from "../api-server.ts";
import { apiserverUser } from "../authentication/apiserver-user.ts";
import { metricsGroup, metricsVersion } from "./kinds.ts";
import { metricsApiService } from "./metrics-api.ts";

const apiServices = { group: "apiregistration.k8s.io", version: "v1", resource: "apiservices" } as const;
const clusterRoles = { group: "rbac.authorization.k8s.io", version: "v1", resource: "clusterroles" } as const;
const toRoles = (role: string) => `rbac.authorization.k8s.io/aggregate-to-${role}`;

const reader: ClusterRole = {
	apiVersion: "rbac.authorization.k8s.io/v1",
	kind: "ClusterRole",
	metadata: {
		name: "system:aggregated-metrics-reader",
		labels: { "k8s-app": "metrics-server", [toRoles("admin")]: "true", [toRoles("edit")]: "true", [toRoles("view")]: "true" },
	},
	rules: [{ apiGroups: [metricsGroup], resources: ["pods", "nodes"], verbs: ["get", "list", "watch"] }],
};

const service: APIService = {
	apiVersion: "apiregistration.k8s.io/v1",
	kind: "APIService",
	metadata: { name: metricsApiService, labels: { "kube-aggregator.kubernetes.io/automanaged": "onstart" } },
	spec: { group: metricsGroup, version: metricsVersion, groupPriorityMinimum: 100, versionPriority: 100 },
};

export async function registerMetricsApi(server: ApiServer, nowMs: number): Promise<void> {
	await Promise.all([
		createIfAbsent(server, clusterRoles, reader),
		createIfAbsent(server, apiServices, service).then(async (created) => {
			if (created === undefined) return;
			const available = { type: "Available", status: "True", lastTransitionTime: formatTime(nowMs), reason: "Local" };
			const body = { ...created, status: { conditions: [{ ...available, message: "Local APIServices are always available" }] } };
			await server.handle(apiserverUser, { ...apiServices, verb: "update", subresource: "status", name: metricsApiService, body });
		}),
	]);
}

/** The created object; undefined if there was one already. */
async function createIfAbsent(
	server: ApiServer,
	resource: typeof apiServices | typeof clusterRoles,
	body: KubeObject,
): Promise<KubeObject | undefined> {
	if (server.find(resource.group, resource.resource, "", body.metadata?.name ?? "") !== undefined) return undefined;
	try {
		return (await server.handle(apiserverUser, { ...resource, verb: "create", body })).object as KubeObject;
	} catch (error) {
		// Another server of the same store was faster.
		if (isStatusError(error, "AlreadyExists")) return undefined;
		throw error;
	}
}
