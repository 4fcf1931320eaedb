/** Requests that a client might make, or somebody who means no good: every endpoint, all that HTTP lets one vary. */
import type { Random } from "../../src/apimachinery/random.ts";
import { type GeneratedResource, generatedResources } from "../../src/apimachinery/schema/resources.ts";
import { chance, objectOf, oddText, oddValue, ownKeys, pick, plausibleName, textOf } from "./objects.ts";
import { simpleObject } from "./simple-objects.ts";

export interface FuzzRequest {
	readonly method: string;
	/** Path and query. */
	readonly url: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: Buffer | undefined;
}

const methods = [
	"GET",
	"GET",
	"GET",
	"POST",
	"POST",
	"POST",
	"PUT",
	"PUT",
	"PATCH",
	"PATCH",
	"PATCH",
	"DELETE",
	"HEAD",
	"OPTIONS",
] as const;
const patchTypes = [
	"application/json-patch+json",
	"application/merge-patch+json",
	"application/strategic-merge-patch+json",
	"application/apply-patch+yaml",
] as const;

/** The request of one place in the sequence of a seed. */
export function makeRequest(random: Random): FuzzRequest {
	const endpoint = generatedResources[random.int(generatedResources.length)];
	if (endpoint === undefined || chance(random, 6)) return otherRequest(random);
	const hasName = endpoint.subresource !== "" || chance(random, 55);
	const method = chance(random, 85) ? fittingMethod(random, endpoint, hasName) : pick(random, methods);
	const url = `${pathOf(random, endpoint, hasName)}${queryOf(random, method)}`;
	const { body, type } = bodyOf(random, endpoint, method);
	return { method, url, body, headers: headersOf(random, type) };
}

function fittingMethod(random: Random, { verbs, subresource }: GeneratedResource, hasName: boolean): string {
	const byVerb: Readonly<Record<string, string>> = hasName
		? { get: "GET", update: "PUT", patch: "PATCH", delete: "DELETE", ...(subresource === "" ? {} : { create: "POST" }) }
		: { list: "GET", watch: "GET", create: "POST", deletecollection: "DELETE" };
	const fitting = verbs.flatMap((verb) => byVerb[verb] ?? []);
	return fitting[random.int(fitting.length)] ?? "GET";
}

function segment(random: Random): string {
	return encodeURIComponent(chance(random, 90) ? plausibleName(random) : oddText(random).replace(/[\ud800-\udfff]/g, "?"));
}

function pathOf(random: Random, { group, version, namespaced, resource, subresource }: GeneratedResource, hasName: boolean): string {
	const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
	const watch = chance(random, 2) ? "/watch" : "";
	const isWithin = namespaced ? hasName || chance(random, 90) : chance(random, 2);
	const namespace = isWithin
		? `/namespaces/${chance(random, 85) ? "default" : pick(random, ["other", "kube-system", segment(random)])}`
		: "";
	const name = hasName ? `/${segment(random)}` : "";
	const rest = subresource === "" ? (chance(random, 2) ? `/${segment(random)}` : "") : `/${subresource}`;
	return `${root}${watch}${namespace}/${resource}${name}${rest}${chance(random, 1) ? "/" : ""}`;
}

/** Query parameters and what they may be; "" stands for an odd text. */
const parameters: readonly (readonly [string, ...string[]])[] = [
	["watch", "true", "1", "false", "", "maybe"],
	["limit", "1", "2", "500", "0", "-1", "9223372036854775807", "99999999999999999999", "", "x"],
	[
		"continue",
		"",
		"eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NSwic3RhcnQiOiJhIn0",
		"eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiYVx1MDAwMCJ9",
	],
	["resourceVersion", "0", "1", "50", "100", "9007199254740993", "-1", "x", ""],
	["resourceVersionMatch", "Exact", "NotOlderThan", "exact", ""],
	["sendInitialEvents", "true", "false", ""],
	["allowWatchBookmarks", "true", "false", ""],
	["timeoutSeconds", "1", "0", "5", "-1", "9223372036854775807", "x", ""],
	["timeout", "1s", "0s", "1h", "-1s", "99999999999h", "x", ""],
	["labelSelector", "a=b", "a in (b,c)", "!a", "a>1", "a in (", "a=b=c", ",,,", ""],
	["fieldSelector", "metadata.name=a", "metadata.namespace!=default", "status.phase=Running", "spec.nodeName=", "x", "a\\=b=c", ""],
	["dryRun", "All", "None", ""],
	["fieldManager", "me", "", "x".repeat(200)],
	["fieldValidation", "Strict", "Warn", "Ignore", "x", ""],
	["force", "true", "false", ""],
	["pretty", "true", "0", ""],
	["includeObject", "None", "Metadata", "Object", "x", ""],
	["gracePeriodSeconds", "0", "30", "-1", "x", "9223372036854775807"],
	["propagationPolicy", "Foreground", "Background", "Orphan", "x"],
	["orphanDependents", "true", "false", ""],
	["container", "a", ""],
	["command", "sh", ""],
	["tailLines", "1", "-1", "x"],
	["sinceSeconds", "1", "-1"],
	["exclude", "etcd", ""],
	["verbose", "", "1"],
	["hash", "x"],
];

function queryOf(random: Random, method: string): string {
	const count = chance(random, 45) ? 0 : 1 + random.int(method === "GET" ? 5 : 3);
	const parts = Array.from({ length: count }, () => {
		const [name = "x", ...values] = parameters[random.int(parameters.length)] ?? [];
		const value = values[random.int(values.length)] || (chance(random, 50) ? "" : oddText(random));
		return chance(random, 97) ? `${name}=${encodeURIComponent(value.replace(/[\ud800-\udfff]/g, "?"))}` : name;
	});
	return count === 0 ? "" : `?${parts.join("&")}`;
}

function headersOf(random: Random, type: string | undefined): Record<string, string> {
	const headers: Record<string, string> = {
		authorization: chance(random, 94) ? "Bearer admin" : pick(random, ["Bearer jane", "Bearer x", "Basic eA=="]),
	};
	if (type !== undefined) headers["content-type"] = type;
	if (chance(random, 20)) {
		headers.accept = pick(random, [
			"application/json",
			"application/yaml",
			"*/*",
			"application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
			"application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
			"application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
			"application/yaml;as=Table;v=v1beta1;g=meta.k8s.io",
			"application/vnd.kubernetes.protobuf",
			"application/vnd.kubernetes.protobuf,application/json",
			"application/cbor",
			"application/json;q=x",
			"application/json;q=-1,*/*;q=0",
			";;;,,,",
			"application/json;profile=nopeer;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io",
			"application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
		]);
	}
	if (chance(random, 8)) headers["accept-encoding"] = pick(random, ["gzip", "gzip;q=0", "*", "br, gzip"]);
	if (chance(random, 15)) headers["user-agent"] = pick(random, ["kubectl/v1.36.0", "Mozilla/5.0", "", "x".repeat(500), "/", "curl/8"]);
	if (chance(random, 3)) headers["impersonate-user"] = pick(random, ["jane", "system:serviceaccount:a:b", "system:anonymous", ""]);
	if (chance(random, 2)) headers["impersonate-group"] = pick(random, ["system:masters", ""]);
	if (chance(random, 1)) headers["impersonate-extra-%zz"] = "x";
	if (chance(random, 2)) headers["audit-id"] = pick(random, ["x", "x".repeat(1000)]);
	if (chance(random, 2)) headers["if-none-match"] = pick(random, ["*", '"x"']);
	return headers;
}

function bodyOf(random: Random, endpoint: GeneratedResource, method: string): { body: Buffer | undefined; type: string | undefined } {
	if (method === "GET" || method === "HEAD" || method === "OPTIONS") return { body: undefined, type: undefined };
	if (method === "DELETE") {
		if (chance(random, 70)) return { body: undefined, type: undefined };
		const options = chance(random, 70) ? objectOf(random, "DeleteOptions", 5) : oddValue(random);
		return { body: Buffer.from(textOf(random, options)), type: bodyType(random) };
	}
	const wild = pick(random, [0, 0, 1, 3, 10]);
	const plain = chance(random, 50) ? simpleObject(random, endpoint.kind) : undefined;
	const object = named(random, endpoint, plain ?? objectOf(random, endpoint.type, wild));
	if (method !== "PATCH") {
		if (chance(random, 2)) return { body: oddBytes(random), type: bodyType(random) };
		return { body: Buffer.from(textOf(random, object)), type: bodyType(random) };
	}
	const type = pick(random, patchTypes);
	const patch = type === "application/json-patch+json" ? jsonPatch(random, object) : mergePatch(random, object, type);
	return { body: Buffer.from(textOf(random, patch)), type: chance(random, 96) ? type : bodyType(random) };
}

/** Says mostly what it is. */
function named(random: Random, { group, version, kind }: GeneratedResource, object: Readonly<Record<string, unknown>>): object {
	if (chance(random, 4)) return object;
	const metadata = typeof object.metadata === "object" && object.metadata !== null ? object.metadata : {};
	const { managedFields: _, ownerReferences: __, resourceVersion, uid, ...kept } = metadata as Record<string, unknown>;
	return {
		...object,
		apiVersion: chance(random, 97) ? (group === "" ? version : `${group}/${version}`) : oddValue(random),
		kind: chance(random, 97) ? kind : oddValue(random),
		metadata: {
			...kept,
			...(chance(random, 5) ? { resourceVersion, uid } : {}),
			...(chance(random, 5) ? { managedFields: _, ownerReferences: __ } : {}),
			name: chance(random, 95) ? plausibleName(random) : oddValue(random),
			...(chance(random, 90) ? { namespace: undefined } : {}),
		},
	};
}

function bodyType(random: Random): string {
	return chance(random, 90)
		? "application/json"
		: pick(random, ["application/yaml", "application/vnd.kubernetes.protobuf", "text/plain", "", "application/json; charset=utf-8", "x"]);
}

function oddBytes(random: Random): Buffer {
	return pick<() => Buffer>(random, [
		() => Buffer.alloc(0),
		() => Buffer.from([0x6b, 0x38, 0x73, 0, ...Array.from({ length: random.int(200) }, () => random.int(256))]),
		() => Buffer.from(Array.from({ length: random.int(200) }, () => random.int(256))),
		() => Buffer.from(oddText(random)),
		() =>
			Buffer.from(
				`a: &a [${"x,".repeat(9)}x]\nb: &b [${"*a,".repeat(9)}*a]\nc: &c [${"*b,".repeat(9)}*b]\nd: &d [${"*c,".repeat(9)}*c]\ne: [*d,*d,*d]\n`,
			),
		() => Buffer.from("x".repeat(3 * 1024 * 1024 + random.int(3))),
		() => Buffer.from("kind: ConfigMap\napiVersion: v1\nmetadata: {name: y}\n<<: *x\n? [a]\n: b\n"),
	])();
}

function jsonPatch(random: Random, object: object): unknown {
	if (chance(random, 4)) return oddValue(random);
	const paths = pathsOf(object, "", 0);
	return Array.from({ length: random.int(5) }, () => ({
		op: chance(random, 95) ? pick(random, ["add", "remove", "replace", "move", "copy", "test"]) : oddValue(random),
		path: chance(random, 85)
			? (paths[random.int(paths.length)] ?? "/metadata/labels")
			: pick(random, ["", "/", "/-", "/metadata/labels/~2", "/spec/containers/-", "/a/b/c", "/__proto__/x", "/metadata/name"]),
		...(chance(random, 50) ? { from: paths[random.int(paths.length)] ?? "/spec" } : {}),
		...(chance(random, 80) ? { value: oddValue(random) } : {}),
	}));
}

function pathsOf(value: unknown, path: string, depth: number): string[] {
	if (typeof value !== "object" || value === null || depth > 5) return [path];
	return [
		path,
		...Object.entries(value).flatMap(([key, child]) =>
			pathsOf(child, `${path}/${key.replace(/~/g, "~0").replace(/\//g, "~1")}`, depth + 1),
		),
	];
}

function mergePatch(random: Random, object: object, type: string): unknown {
	if (chance(random, 4)) return oddValue(random);
	const some = Object.entries(object).filter(() => chance(random, 70));
	const patch = {
		...Object.fromEntries(some),
		...(type.startsWith("application/strategic") && chance(random, 15)
			? { $patch: pick(random, ["replace", "delete", "merge", "x"]) }
			: {}),
	};
	return chance(random, 10) ? { ...patch, ...ownKeys([[oddText(random), oddValue(random)]]) } : patch;
}

/** Paths that are not resources, and such as are nothing. */
function otherRequest(random: Random): FuzzRequest {
	const path = pick(random, [
		"/",
		"/version",
		"/version/",
		"/metrics",
		"/healthz",
		"/livez",
		"/readyz",
		"/readyz/etcd",
		"/readyz/%zz",
		"/readyz/%2e%2e",
		"/openapi/v2",
		"/openapi/v3",
		"/openapi/v3/apis/apps/v1",
		"/openapi/v3/%zz",
		"/api",
		"/apis",
		"/api/v1",
		"/apis/apps",
		"/apis/apps/v1",
		"/apis/apps/v9",
		"/apis/nobody.example.com/v1/things",
		"/api/v1/%zz",
		"/api//v1",
		"/api/v1/namespaces/%00/pods",
		"/api/v1/watch",
		"/api/v1/namespaces/default",
		"/api/v1/namespaces/default/status",
		"/api/v1/namespaces/default/finalize",
		"/api/v1/nodes/node-1/proxy/x/y",
		"//",
		"/.well-known/openid-configuration",
		"/openid/v1/jwks",
		`/${"a/".repeat(2000)}`,
		`/${encodeURIComponent(oddText(random).replace(/[\ud800-\udfff]/g, "?"))}`,
	]);
	const method = chance(random, 75) ? "GET" : pick(random, methods);
	const hasBody = !["GET", "HEAD", "OPTIONS"].includes(method) && chance(random, 50);
	return {
		method,
		url: `${path}${queryOf(random, method)}`,
		headers: headersOf(random, hasBody ? bodyType(random) : undefined),
		body: hasBody ? Buffer.from(textOf(random, oddValue(random))) : undefined,
	};
}
