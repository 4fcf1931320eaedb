/**
 * The kinds as feature gates have them: with GenericWorkload there are Workloads and PodGroups, and the specs of pods, wherever they
 * stand, keep the group that they name.
 */
import type { FeatureGates } from "../../apimachinery/feature-gates.ts";
import type { JsonObject } from "../../apimachinery/json.ts";
import { isJsonObject } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { type FieldError, fieldInvalid } from "../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain } from "../../apimachinery/validation/names.ts";
import type { KindDefinition } from "./kind.ts";
import { builtinKinds } from "./kinds.ts";
import { podGroup } from "./scheduling/pod-group.ts";
import { workload } from "./scheduling/workload.ts";
import { invalidFor } from "./validation/primitives.ts";

/** Where the spec of a pod is, by kind. */
const podSpecs: Readonly<Record<string, readonly string[]>> = {
	Pod: ["spec"],
	PodTemplate: ["template", "spec"],
	ReplicationController: ["spec", "template", "spec"],
	ReplicaSet: ["spec", "template", "spec"],
	Deployment: ["spec", "template", "spec"],
	StatefulSet: ["spec", "template", "spec"],
	DaemonSet: ["spec", "template", "spec"],
	Job: ["spec", "template", "spec"],
	CronJob: ["spec", "jobTemplate", "spec", "template", "spec"],
};

/** Those that stand behind a gate. */
export const gatedKinds: readonly KindDefinition[] = [podGroup, workload];

/** One and the same array where no gate is on. */
export function kindsFor({ genericWorkload }: FeatureGates): readonly KindDefinition[] {
	if (!genericWorkload) return builtinKinds;
	return [...builtinKinds.map(keepingSchedulingGroup), ...gatedKinds];
}

/** The kind with `schedulingGroup` in the specs of its pods, which are without it where the gate is off. */
function keepingSchedulingGroup(kind: KindDefinition): KindDefinition {
	const path = podSpecs[kind.kind];
	if (path === undefined || !["", "apps", "batch"].includes(kind.group)) return kind;
	return {
		...kind,
		setDefaults: (object) => {
			const group = specAt(object, path)?.schedulingGroup;
			const done = kind.setDefaults?.(object) ?? object;
			return group === undefined || group === null
				? done
				: (withGroup(done as unknown as JsonObject, path, group) as unknown as KubeObject);
		},
		validate: (object, old) => [
			...(kind.validate?.(object, old) ?? []),
			...validateGroup(specAt(object, path)?.schedulingGroup, [...path, "schedulingGroup"].join(".")),
		],
	};
}

function specAt(object: KubeObject, path: readonly string[]): JsonObject | undefined {
	let at: unknown = object;
	for (const key of path) at = isJsonObject(at) ? at[key] : undefined;
	return isJsonObject(at) ? at : undefined;
}

function withGroup(object: JsonObject, [key, ...rest]: readonly string[], group: unknown): JsonObject {
	if (key === undefined) return { ...object, schedulingGroup: group } as JsonObject;
	const part = object[key];
	return isJsonObject(part) ? { ...object, [key]: withGroup(part, rest, group) } : object;
}

/** Source: the declarative validation of PodSchedulingGroup in k8s.io/api/core/v1 of Kubernetes 1.36. */
function validateGroup(group: unknown, path: string): readonly FieldError[] {
	if (!isJsonObject(group)) return [];
	const { podGroupName: name } = group;
	if (typeof name !== "string") return [fieldInvalid(path, "", "must specify one of: `podGroupName`")];
	return invalidFor(`${path}.podGroupName`, name, isDns1123Subdomain(name));
}
