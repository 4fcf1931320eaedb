/**
 * A server behind the HTTP front door, for its tests: objects in a map, no rules. It records what it was asked.
 */
import type { ApiRequest, ApiResponse, WatchHandle, WatchSink } from "../../apimachinery/api-request.ts";
import { formatApiVersion, type KubeObject } from "../../apimachinery/meta.ts";
import { newAlreadyExists, newNotFound } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { KindDefinition } from "../registry/kind.ts";
import type { ApiHandler } from "./api-handler.ts";

const nameColumn = {
	name: "Name",
	type: "string",
	format: "name",
	priority: 0,
	description: "Name of the object",
	cell: (object: KubeObject) => object.metadata?.name ?? "",
} as const;

/** A definition with nothing but names. */
export function plainKind(
	group: string,
	version: string,
	kind: string,
	resource: string,
	shortNames: readonly string[] = [],
): KindDefinition {
	return {
		group,
		kind,
		resource,
		singular: kind.toLowerCase(),
		shortNames,
		versions: [version],
		storageVersion: version,
		columns: [nameColumn],
	};
}

export class MemoryHandler implements ApiHandler {
	readonly kinds: readonly KindDefinition[] = [
		plainKind("", "v1", "ConfigMap", "configmaps", ["cm"]),
		plainKind("", "v1", "Namespace", "namespaces", ["ns"]),
		plainKind("", "v1", "Pod", "pods", ["po"]),
		plainKind("apps", "v1", "Deployment", "deployments", ["deploy"]),
	];
	readonly objects = new Map<string, KubeObject>();
	readonly requests: ApiRequest[] = [];
	readonly users: UserInfo[] = [];
	readonly sinks = new Set<WatchSink>();
	#revision = 1;

	async handle(user: UserInfo, request: ApiRequest): Promise<ApiResponse> {
		this.requests.push(request);
		this.users.push(user);
		const { verb, resource, namespace = "", name = (request.body as KubeObject | undefined)?.metadata?.name ?? "" } = request;
		const key = `${resource}/${namespace}/${name}`;
		const answer = (object: KubeObject, code = 200) => ({ object, code, warnings: [] });
		switch (verb) {
			case "list":
			case "deletecollection": {
				const items = [...this.objects]
					.filter(([candidate]) => candidate.startsWith(`${resource}/${namespace}`))
					.map(([, object]) => object);
				const kind = `${this.kinds.find((candidate) => candidate.resource === resource)?.kind}List`;
				return {
					object: { kind, apiVersion: formatApiVersion(request), metadata: { resourceVersion: String(this.#revision) }, items },
					code: 200,
					warnings: [],
				};
			}
			case "create":
				if (this.objects.has(key)) throw newAlreadyExists(request, name);
				return { ...answer(this.put(key, request.body as KubeObject), 201), warnings: ['unknown field "spec.bogus"'] };
			case "update":
				return answer(this.put(key, request.body as KubeObject));
			case "patch":
				return answer(this.put(key, { ...this.objects.get(key), ...(request.body as KubeObject) }));
			case "get":
			case "delete": {
				const object = this.objects.get(key);
				if (object === undefined) throw newNotFound(request, name);
				if (verb === "delete") this.objects.delete(key);
				return answer(object);
			}
			case "watch":
				throw new Error("a watch is not handled");
			default:
				return verb satisfies never;
		}
	}

	async watch(user: UserInfo, request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
		this.requests.push(request);
		this.users.push(user);
		this.sinks.add(sink);
		return { stop: () => this.sinks.delete(sink) };
	}

	put(key: string, object: KubeObject): KubeObject {
		const [, namespace = ""] = key.split("/");
		this.#revision++;
		const stored = {
			...object,
			metadata: { ...object.metadata, ...(namespace === "" ? {} : { namespace }), resourceVersion: String(this.#revision) },
		};
		this.objects.set(key, stored);
		for (const sink of this.sinks) sink.onEvent({ type: "MODIFIED", object: stored });
		return stored;
	}
}
