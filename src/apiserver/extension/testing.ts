/** CustomResourceDefinitions for tests, and how to wait for what becomes of them. */
import type { JsonValue } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type {
	CustomResourceDefinition,
	CustomResourceDefinitionNames,
	CustomResourceDefinitionSpec,
	CustomResourceDefinitionVersion,
	JSONSchemaProps,
} from "../../apimachinery/schema/generated/types.ts";
import { admin, type ResourceDriver, type ServerFixture } from "../testing.ts";

/** A custom resource, as far as tests look into it. */
export interface CustomObject extends KubeObject {
	readonly spec?: Readonly<Record<string, JsonValue>>;
	readonly status?: Readonly<Record<string, JsonValue>>;
}

export const definitionsOf = (fixture: ServerFixture): ResourceDriver =>
	fixture.clusterResource("apiextensions.k8s.io", "v1", "customresourcedefinitions");

/** A version with the schema of its spec, and a status of any shape. */
export function version(
	name: string,
	spec: JSONSchemaProps,
	more: Partial<CustomResourceDefinitionVersion> = {},
): CustomResourceDefinitionVersion {
	const status: JSONSchemaProps = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
	return {
		name,
		served: true,
		storage: true,
		schema: { openAPIV3Schema: { type: "object", properties: { spec, status } } },
		...more,
	};
}

/** `crontabs.stable.example.com` and the like: names follow from the kind. */
export function definitionOf(
	kind: string,
	versions: readonly CustomResourceDefinitionVersion[],
	{
		names = {},
		...more
	}: Partial<Omit<CustomResourceDefinitionSpec, "names">> & { readonly names?: Partial<CustomResourceDefinitionNames> } = {},
): CustomResourceDefinition {
	const group = more.group ?? "stable.example.com";
	const plural = names.plural ?? `${kind.toLowerCase()}s`;
	return {
		apiVersion: "apiextensions.k8s.io/v1",
		kind: "CustomResourceDefinition",
		metadata: { name: `${plural}.${group}` },
		spec: { group, scope: "Namespaced", versions, ...more, names: { kind, plural, ...names } },
	};
}

/** Resolves with the object once it passes; its changes are waited for, not the time. */
export async function waitUntil<T extends KubeObject>(
	fixture: ServerFixture,
	{
		group,
		version: apiVersion,
		resource,
		name,
	}: { readonly group: string; readonly version: string; readonly resource: string; readonly name: string },
	test: (object: T | undefined) => boolean,
): Promise<T | undefined> {
	const found = Promise.withResolvers<T | undefined>();
	const present = fixture.server.find(group, resource, "", name) as T | undefined;
	if (test(present)) return present;
	const sink = {
		onEvent: ({ type, object }: { readonly type: string; readonly object: KubeObject }) => {
			const now = type === "DELETED" ? undefined : (object as T);
			if (test(now)) found.resolve(now);
		},
		onEnd: () => undefined,
	};
	const request = { verb: "watch", group, version: apiVersion, resource, options: { fieldSelector: `metadata.name=${name}` } } as const;
	const handle = await fixture.server.watch(admin, request, sink);
	const object = await found.promise;
	handle.stop();
	return object;
}

/** Resolves with the definition once it passes. */
export async function waitForDefinition(
	fixture: ServerFixture,
	name: string,
	test: (definition: CustomResourceDefinition) => boolean,
): Promise<CustomResourceDefinition> {
	const place = { group: "apiextensions.k8s.io", version: "v1", resource: "customresourcedefinitions", name };
	const definition = await waitUntil<CustomResourceDefinition>(fixture, place, (object) => object !== undefined && test(object));
	if (definition === undefined) throw new Error(`${name} is gone`);
	return definition;
}

/** Resolves once there is no such definition. */
export async function waitForEnd(fixture: ServerFixture, name: string): Promise<void> {
	const place = { group: "apiextensions.k8s.io", version: "v1", resource: "customresourcedefinitions", name };
	await waitUntil(fixture, place, (object) => object === undefined);
}

/** Creates a definition and waits until its objects are served. */
export async function install(fixture: ServerFixture, definition: CustomResourceDefinition): Promise<CustomResourceDefinition> {
	await definitionsOf(fixture).send("create", { body: definition });
	return waitForDefinition(fixture, definition.metadata?.name ?? "", ({ status }) =>
		(status?.conditions ?? []).some(({ type, status: state }) => type === "Established" && state === "True"),
	);
}
