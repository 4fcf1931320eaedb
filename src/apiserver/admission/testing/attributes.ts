/** Attributes of a request that was never made, for tests of plugins. */
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { SeededRandom } from "../../../apimachinery/random.ts";
import type { JoinedWrite } from "../../storage/object-storage.ts";
import type { AdmissionAttributes, AdmissionLookup } from "../admission.ts";

export interface TestAttributes extends AdmissionAttributes {
	readonly warnings: readonly string[];
	readonly annotations: Readonly<Record<string, string>>;
	readonly joined: readonly JoinedWrite[];
}

/** Other objects that a plugin can find, by `group/resource`. */
export type OtherObjects = Readonly<Record<string, readonly KubeObject[]>>;

export function lookupOf(objects: OtherObjects): AdmissionLookup {
	const list = (group: string, resource: string, namespace?: string) =>
		(objects[`${group}/${resource}`] ?? []).filter(({ metadata }) => namespace === undefined || (metadata?.namespace ?? "") === namespace);
	return {
		list,
		find: (group, resource, namespace, name) => list(group, resource, namespace).find(({ metadata }) => metadata?.name === name),
	};
}

export function attributesFor(
	given: Partial<AdmissionAttributes> & Pick<AdmissionAttributes, "operation" | "resource">,
	objects: OtherObjects = {},
): TestAttributes {
	const { group = "", version = "v1", resource, operation } = given;
	const warnings: string[] = [];
	const annotations: Record<string, string> = {};
	const joined: JoinedWrite[] = [];
	const verb = operation === "DELETE" ? "delete" : operation === "UPDATE" ? "update" : "create";
	return {
		group,
		version,
		subresource: "",
		kind: { group, version, kind: "" },
		namespace: "default",
		name: "a",
		user: { name: "alice", groups: ["system:authenticated"] },
		oldObject: undefined,
		dryRun: false,
		request: { verb, group, version, resource },
		nowMs: 0,
		lookup: lookupOf(objects),
		random: new SeededRandom("test"),
		isReinvocation: false,
		askForReinvocation: () => undefined,
		beginReinvocation: () => false,
		warn: (text) => warnings.push(text),
		annotate: (key, value) => {
			annotations[key] = value;
		},
		join: (write) => joined.push(write),
		...given,
		warnings,
		annotations,
		joined,
	};
}
