/**
 * What admission sees of a CONNECT: the query of exec, attach, portforward and proxy as the object that Kubernetes makes of it.
 * Source: k8s.io/api/core/v1 (PodExecOptions …), which have no reference page of their own: they are never bodies.
 */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import { isPort } from "./spdy-port-forward.ts";

const kinds: Readonly<Record<string, string>> = {
	"pods/exec": "PodExecOptions",
	"pods/attach": "PodAttachOptions",
	"pods/portforward": "PodPortForwardOptions",
	"pods/proxy": "PodProxyOptions",
	"services/proxy": "ServiceProxyOptions",
	"nodes/proxy": "NodeProxyOptions",
};

export interface ConnectOptions {
	readonly kind: string;
	readonly options: Readonly<Record<string, unknown>>;
}

/** @param path what follows a proxy's own path */
export function connectOptions({ resource, subresource = "" }: ApiRequest, query: URLSearchParams, path: string): ConnectOptions {
	return { kind: kinds[`${resource}/${subresource}`] ?? "", options: optionsOf(subresource, query, path) };
}

function optionsOf(subresource: string, query: URLSearchParams, path: string): Readonly<Record<string, unknown>> {
	if (subresource === "proxy") return path === "" ? {} : { path };
	if (subresource === "portforward") {
		const ports = query
			.getAll("ports")
			.flatMap((text) => text.split(","))
			.map(Number)
			.filter(isPort);
		return ports.length === 0 ? {} : { ports };
	}
	const flags = ["stdin", "stdout", "stderr", "tty"].filter((name) => query.has(name) && !["false", "0"].includes(query.get(name) ?? ""));
	const container = query.get("container") ?? "";
	return {
		...Object.fromEntries(flags.map((name) => [name, true])),
		...(container === "" ? {} : { container }),
		...(subresource === "exec" ? { command: query.getAll("command") } : {}),
	};
}
