/**
 * The operations of every served path, in a form that both versions of OpenAPI are written from.
 * Names and texts follow kube-apiserver's published document.
 * Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition
 */
import type { GroupVersionKind } from "../../apimachinery/meta.ts";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import { groupWords, lowerFirst, operationPrefix, upperFirst, withArticle } from "./names.ts";
import {
	deleteCollectionParameters,
	deleteParameters,
	deletesReturnObject,
	listParameters,
	patchParameters,
	proxyMethods,
	streamKinds,
	streamParameters,
	writeParameters,
} from "./operation-parameters.ts";
import type { Parameter } from "./parameters.ts";
import * as parameter from "./parameters.ts";
import { scalarDefinitions } from "./scalar-definitions.ts";
import { definitionOf, deleteOptionsDefinition, isCustomType, statusDefinition, watchEventDefinition } from "./schemas.ts";

type Method = "get" | "put" | "post" | "delete" | "options" | "head" | "patch";

export interface Operation {
	readonly method: Method;
	readonly id: string;
	readonly description: string;
	readonly tag: string;
	/** x-kubernetes-action; absent for paths that are not resources. */
	readonly action?: string;
	readonly kind?: GroupVersionKind;
	readonly consumes: readonly string[];
	readonly produces: readonly string[];
	readonly parameters: readonly Parameter[];
	readonly body?: { readonly definition: string; readonly required: boolean };
	/** HTTP status → definition; "" is a plain string. 401 goes without saying. */
	readonly responses: readonly (readonly [code: number, definition: string])[];
}

export interface PathOperations {
	readonly path: string;
	/** Parameters that every operation of the path takes. */
	readonly parameters: readonly Parameter[];
	/** Without the common parameters. */
	readonly operations: readonly Operation[];
}

const anyType = ["*/*"];
export const objectTypes = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const streamTypes = [...objectTypes, "application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch"];
const patchTypes = [
	"application/json-patch+json",
	"application/merge-patch+json",
	"application/strategic-merge-patch+json",
	"application/apply-patch+yaml",
];

/** What custom resources come in: their schemas say nothing of protobuf, nor of strategies of merging. */
const customTypes = ["application/json", "application/yaml"];
const customPatchTypes = patchTypes.filter((type) => type !== "application/strategic-merge-patch+json");

/** What the operations of one resource have in common. */
interface Subject {
	readonly resource: GeneratedResource;
	/** The resource itself, when `resource` is a subresource. */
	readonly main: GeneratedResource;
	readonly kind: GroupVersionKind;
	/** OpenAPI name of the object. */
	readonly definition: string;
	readonly tag: string;
	/** `CoreV1`. */
	readonly prefix: string;
	/** `NamespacedPodStatus`. */
	readonly noun: string;
}

/** The operations of one group version. @param resources its endpoints, subresources included */
export function operationsOf(resources: readonly GeneratedResource[]): PathOperations[] {
	const main = new Map(resources.filter(({ subresource }) => subresource === "").map((resource) => [resource.resource, resource]));
	return resources.flatMap((resource) => {
		const owner = main.get(resource.resource);
		return owner === undefined ? [] : pathsOf(subjectOf(resource, owner));
	});
}

function subjectOf(resource: GeneratedResource, main: GeneratedResource): Subject {
	const { group, version, resource: plural, subresource, namespaced } = resource;
	const definition = definitionOf(resource) ?? "";
	const kindName = streamKinds[`${plural}/${subresource}`] ?? (resource.kind === "" ? main.kind : resource.kind);
	return {
		resource,
		main,
		kind: { ...kindGroup(definition, group, version), kind: kindName },
		definition,
		tag: `${lowerFirst(groupWords(group))}_${version}`,
		prefix: operationPrefix(group, version),
		noun: `${namespaced ? "Namespaced" : ""}${main.kind}${upperFirst(subresource)}`,
	};
}

/** Scale, Eviction and TokenRequest are kinds of other groups than the resources they belong to. */
function kindGroup(definition: string, group: string, version: string) {
	const foreign: Readonly<Record<string, string>> = {
		"io.k8s.api.autoscaling.v1.Scale": "autoscaling",
		"io.k8s.api.policy.v1.Eviction": "policy",
		"io.k8s.api.authentication.v1.TokenRequest": "authentication.k8s.io",
	};
	return { group: foreign[definition] ?? group, version: foreign[definition] === undefined ? version : "v1" };
}

function pathsOf(subject: Subject): PathOperations[] {
	const { resource } = subject;
	const key = `${resource.resource}/${resource.subresource}`;
	if (resource.subresource === "proxy") return proxyPaths(subject, key);
	if (resource.subresource === "log") return [join(objectPath(subject), objectParameters(subject), [logOperation(subject, key)])];
	if (streamKinds[key] !== undefined) {
		return [join(objectPath(subject), objectParameters(subject, false), connectOperations(subject, key, ["get", "post"], ""))];
	}
	if (resource.subresource !== "") return [join(objectPath(subject), objectParameters(subject), subresourceOperations(subject))];
	return [...collectionPaths(subject), ...objectPaths(subject)];
}

function collectionPaths(subject: Subject): PathOperations[] {
	const { resource, prefix, noun, definition, main } = subject;
	const has = (verb: string) => resource.verbs.includes(verb);
	const operations = [
		...(has("list") ? [listOperation(subject, `list${prefix}${noun}`)] : []),
		...(has("create") ? [createOperation(subject, `create ${withArticle(main.kind)}`)] : []),
		...(has("deletecollection") ? [deleteCollectionOperation(subject)] : []),
	];
	const path = `${basePath(resource)}${resource.namespaced ? "/namespaces/{namespace}" : ""}/${resource.resource}`;
	const paths = [join(path, collectionParameters(subject), operations)];
	if (!has("list") || definition === "") return paths;
	const forAll = `${main.kind}ForAllNamespaces`;
	if (resource.namespaced) {
		paths.push(join(`${basePath(resource)}/${resource.resource}`, [parameter.pretty], [listOperation(subject, `list${prefix}${forAll}`)]));
	}
	if (isWatched(resource)) paths.push(...watchListPaths(subject));
	return paths;
}

function objectPaths(subject: Subject): PathOperations[] {
	const { resource, prefix, noun, main } = subject;
	const has = (verb: string) => resource.verbs.includes(verb);
	const operations = [
		...(has("get") ? [getOperation(subject, `read the specified ${main.kind}`)] : []),
		...(has("update") ? [replaceOperation(subject, `replace the specified ${main.kind}`)] : []),
		...(has("patch") ? [patchOperation(subject, `partially update the specified ${main.kind}`)] : []),
		...(has("delete") ? [deleteOperation(subject)] : []),
	];
	if (operations.length === 0) return [];
	const paths = [join(objectPath(subject), objectParameters(subject), operations)];
	if (isWatched(resource)) {
		const text = `watch changes to an object of kind ${main.kind}. deprecated: use the 'watch' parameter with a list operation instead, filtered to a single item with the 'fieldSelector' parameter.`;
		const operation = watchOperation(subject, "watch", `watch${prefix}${noun}`, text);
		paths.push(join(watchPath(objectPath(subject), resource), objectParameters(subject), [operation]));
	}
	return paths;
}

function subresourceOperations(subject: Subject): Operation[] {
	const { resource, main } = subject;
	const has = (verb: string) => resource.verbs.includes(verb);
	const what = `${resource.subresource} of`;
	return [
		...(has("get") ? [getOperation(subject, `read ${what} the specified ${main.kind}`)] : []),
		...(has("create") ? [createOperation(subject, `create ${what} ${withArticle(main.kind)}`)] : []),
		...(has("update") ? [replaceOperation(subject, `replace ${what} the specified ${main.kind}`)] : []),
		...(has("patch") ? [patchOperation(subject, `partially update ${what} the specified ${main.kind}`)] : []),
	];
}

function watchListPaths(subject: Subject): PathOperations[] {
	const { resource, prefix, noun, main } = subject;
	const text = `watch individual changes to a list of ${main.kind}. deprecated: use the 'watch' parameter with a list operation instead.`;
	const operation = (id: string) => [watchOperation(subject, "watchlist", id, text)];
	const { resource: plural, namespaced } = resource;
	const collection = `${basePath(resource)}${namespaced ? "/namespaces/{namespace}" : ""}/${plural}`;
	const paths = [join(watchPath(collection, resource), collectionParameters(subject), operation(`watch${prefix}${noun}List`))];
	if (namespaced) {
		const id = `watch${prefix}${main.kind}ListForAllNamespaces`;
		paths.push(join(watchPath(`${basePath(resource)}/${plural}`, resource), [parameter.pretty], operation(id)));
	}
	return paths;
}

function proxyPaths(subject: Subject, key: string): PathOperations[] {
	const common = objectParameters(subject, false);
	return [
		join(objectPath(subject), common, connectOperations(subject, key, proxyMethods, "")),
		join(
			`${objectPath(subject)}/{path}`,
			[...common, parameter.proxyPathSegment],
			connectOperations(subject, key, proxyMethods, "WithPath"),
		),
	];
}

/** A path whose parameters are those given, plus what all its operations share. */
function join(path: string, parameters: readonly Parameter[], operations: readonly Operation[]): PathOperations {
	const [first, ...others] = operations;
	const shared = (first?.parameters ?? []).filter((candidate) => others.every((operation) => operation.parameters.includes(candidate)));
	return {
		path,
		parameters: sortParameters([...parameters, ...shared]),
		operations: operations.map((operation) => ({
			...operation,
			parameters: sortParameters(operation.parameters.filter((candidate) => !shared.includes(candidate))),
		})),
	};
}

function sortParameters(parameters: readonly Parameter[]): readonly Parameter[] {
	return [...parameters].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.in < b.in ? -1 : 1));
}

function resourceOperation(
	{ tag, kind, main }: Subject,
	method: Method,
	action: string,
	parts: Pick<Operation, "id" | "description" | "parameters" | "responses"> & Partial<Operation>,
): Operation {
	const operation: Operation = { method, action, tag, kind, consumes: anyType, produces: objectTypes, ...parts };
	if (!isCustomType(main)) return operation;
	return { ...operation, produces: customTypes, consumes: method === "patch" ? customPatchTypes : customTypes };
}

function listOperation(subject: Subject, id: string): Operation {
	const verb = isWatched(subject.resource) ? "list or watch" : "list";
	return resourceOperation(subject, "get", "list", {
		id,
		description: `${verb} objects of kind ${subject.main.kind}`,
		produces: streamTypes,
		parameters: listParameters,
		responses: [[200, `${subject.definition}List`]],
	});
}

function watchOperation(subject: Subject, action: "watch" | "watchlist", id: string, description: string): Operation {
	return resourceOperation(subject, "get", action, {
		id,
		description,
		produces: streamTypes,
		parameters: listParameters,
		responses: [[200, watchEventDefinition]],
	});
}

function getOperation(subject: Subject, description: string): Operation {
	const { prefix, noun, definition } = subject;
	return resourceOperation(subject, "get", "get", {
		id: `read${prefix}${noun}`,
		description,
		parameters: [],
		responses: [[200, definition]],
	});
}

function createOperation(subject: Subject, description: string): Operation {
	const { prefix, noun, definition } = subject;
	return resourceOperation(subject, "post", "post", {
		id: `create${prefix}${noun}`,
		description,
		parameters: writeParameters,
		body: { definition, required: true },
		responses: [200, 201, 202].map((code) => [code, definition] as const),
	});
}

function replaceOperation(subject: Subject, description: string): Operation {
	const { prefix, noun, definition } = subject;
	return resourceOperation(subject, "put", "put", {
		id: `replace${prefix}${noun}`,
		description,
		parameters: writeParameters,
		body: { definition, required: true },
		responses: [200, 201].map((code) => [code, definition] as const),
	});
}

function patchOperation(subject: Subject, description: string): Operation {
	const { prefix, noun, definition } = subject;
	return resourceOperation(subject, "patch", "patch", {
		id: `patch${prefix}${noun}`,
		description,
		consumes: patchTypes,
		parameters: patchParameters,
		body: { definition: scalarDefinitions.patch.definition, required: true },
		responses: [200, 201].map((code) => [code, definition] as const),
	});
}

function deleteOperation(subject: Subject): Operation {
	const { prefix, noun, definition, resource, main } = subject;
	const answer = deletesReturnObject.has(resource.resource) ? definition : statusDefinition;
	return resourceOperation(subject, "delete", "delete", {
		id: `delete${prefix}${noun}`,
		description: `delete ${withArticle(main.kind)}`,
		parameters: deleteParameters,
		body: { definition: deleteOptionsDefinition, required: false },
		responses: [200, 202].map((code) => [code, answer] as const),
	});
}

function deleteCollectionOperation(subject: Subject): Operation {
	const { prefix, noun, main } = subject;
	return resourceOperation(subject, "delete", "deletecollection", {
		id: `delete${prefix}Collection${noun}`,
		description: `delete collection of ${main.kind}`,
		parameters: deleteCollectionParameters,
		body: { definition: deleteOptionsDefinition, required: false },
		responses: [[200, statusDefinition]],
	});
}

function logOperation(subject: Subject, key: string): Operation {
	return resourceOperation(subject, "get", "get", {
		id: `read${subject.prefix}${subject.noun}`,
		description: `read log of the specified ${subject.main.kind}`,
		produces: ["text/plain", ...objectTypes],
		parameters: (streamParameters[key] ?? []).filter((candidate) => candidate !== parameter.pretty),
		responses: [[200, ""]],
	});
}

function connectOperations(subject: Subject, key: string, methods: readonly Method[], suffix: string): Operation[] {
	const { prefix, noun, resource, main } = subject;
	return methods.map((method) =>
		resourceOperation(subject, method, "connect", {
			id: `connect${prefix}${upperFirst(method)}${noun}${suffix}`,
			description: `connect ${method.toUpperCase()} requests to ${resource.subresource} of ${main.kind}`,
			produces: anyType,
			parameters: streamParameters[key] ?? [],
			responses: [[200, ""]],
		}),
	);
}

/** Whether there are paths for watches alone: a componentstatus is made up for every read, and custom resources never had them. */
function isWatched(resource: GeneratedResource): boolean {
	return resource.verbs.includes("watch") && resource.resource !== "componentstatuses" && !isCustomType(resource);
}

function basePath({ group, version }: GeneratedResource): string {
	return group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
}

function objectPath({ resource }: Subject): string {
	const { resource: plural, subresource, namespaced } = resource;
	return `${basePath(resource)}${namespaced ? "/namespaces/{namespace}" : ""}/${plural}/{name}${subresource === "" ? "" : `/${subresource}`}`;
}

function watchPath(path: string, resource: GeneratedResource): string {
	const base = basePath(resource);
	return `${base}/watch${path.slice(base.length)}`;
}

function objectParameters({ resource, kind }: Subject, pretty = true): Parameter[] {
	return [parameter.nameParameter(kind.kind), ...(resource.namespaced ? [parameter.namespace] : []), ...(pretty ? [parameter.pretty] : [])];
}

function collectionParameters({ resource }: Subject): Parameter[] {
	return [...(resource.namespaced ? [parameter.namespace] : []), parameter.pretty];
}
