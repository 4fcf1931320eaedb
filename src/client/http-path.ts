/**
 * Where a request goes over HTTP: path and query of the Kubernetes API.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
 */
import type { ApiRequest, RequestOptions, Verb } from "../apimachinery/api-request.ts";

const methods: Readonly<Record<Verb, string>> = {
	get: "GET",
	list: "GET",
	watch: "GET",
	create: "POST",
	update: "PUT",
	patch: "PATCH",
	delete: "DELETE",
	deletecollection: "DELETE",
};

export function methodOf(verb: Verb): string {
	return methods[verb];
}

/** `/apis/apps/v1/namespaces/default/deployments/web/status?dryRun=All` */
export function pathOf(request: ApiRequest): string {
	const { group, version, namespace, resource, name, subresource } = request;
	const segments = [
		...(group === "" ? ["api", version] : ["apis", group, version]),
		...(namespace === undefined || namespace === "" ? [] : ["namespaces", namespace]),
		resource,
		...(name === undefined ? [] : [name]),
		...(subresource === undefined ? [] : [subresource]),
	];
	const query = queryOf(request.options ?? {}, request.verb === "watch").toString();
	return `/${segments.map(encodeURIComponent).join("/")}${query === "" ? "" : `?${query}`}`;
}

function queryOf(options: RequestOptions, watch: boolean): URLSearchParams {
	const query = new URLSearchParams();
	if (watch) query.set("watch", "true");
	for (const [name, value] of Object.entries(options)) {
		if (value === undefined) continue;
		if (name !== "dryRun") query.set(name, String(value));
		else if (value === true) query.set(name, "All");
	}
	return query;
}
