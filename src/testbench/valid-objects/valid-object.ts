/**
 * Any valid object of a kind: what an API server takes without a word. The shapes are the schema's, the values what the rules of each kind
 * allow; what depends on other objects (a Namespace, a ServiceAccount, a class) names only what every cluster has, or what may be absent.
 */
import fc from "fast-check";
import { formatApiVersion, type KubeObject } from "../../apimachinery/meta.ts";
import { generatedResources } from "../../apimachinery/schema/resources.ts";
import { namesOf, otherKinds } from "./kinds.ts";
import { annotations, labels, objectName, type Part } from "./parts.ts";
import { workloads } from "./pods.ts";

const kinds: Readonly<Record<string, Part>> = { ...workloads, ...otherKinds };

/** Kinds that `validObject` knows: all that a user creates as objects of their own. */
export const validKinds: readonly string[] = Object.keys(kinds);

/**
 * @param kind `Deployment`; of an Event, that of the core group
 * @param options.namespace of kinds that have one; default `default`
 * @throws Error for a kind that is not one of `validKinds`
 */
export function validObject(kind: string, { namespace = "default" }: { readonly namespace?: string } = {}): fc.Arbitrary<KubeObject> {
	const part = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
	const resource = generatedResources.findLast(
		(entry) => entry.kind === kind && entry.subresource === "" && entry.verbs.includes("create") && entry.group !== "events.k8s.io",
	);
	if (part === undefined || resource === undefined)
		throw new Error(`no valid objects of kind ${JSON.stringify(kind)}; known: ${validKinds.join(", ")}`);
	const metadata = fc.record({ name: namesOf[kind] ?? objectName, labels, annotations }, { requiredKeys: ["name"] });
	const head = { apiVersion: formatApiVersion(resource), kind };
	return fc.tuple(metadata, part).map(([given, rest]) => {
		const placed = resource.namespaced ? { namespace, ...given } : given;
		return completed({ ...head, metadata: placed, ...(rest as object) });
	});
}

/** What a name repeats of the object, and an object of its name. */
function completed(object: KubeObject): KubeObject {
	const { metadata, spec } = object as KubeObject & { readonly spec?: Readonly<Record<string, unknown>> };
	const group = `${metadata?.name}.example.com`;
	if (object.kind === "APIService")
		return { ...object, metadata: { ...metadata, name: `v1.${group}` }, spec: { ...spec, group, version: "v1" } } as KubeObject;
	if (object.kind !== "CustomResourceDefinition") return object;
	const { schema, ...rest } = spec ?? {};
	const versions = [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }];
	const names = { plural: "things", singular: "thing", kind: "Thing" };
	return { ...object, metadata: { ...metadata, name: `things.${group}` }, spec: { ...rest, group, names, versions } } as KubeObject;
}
