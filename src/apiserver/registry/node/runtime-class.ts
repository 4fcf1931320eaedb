/** node.k8s.io/v1 RuntimeClass: which container runtime runs a pod, and what it costs. */
import type { RuntimeClass } from "../../../apimachinery/schema/generated/types.ts";
import { validateLabels } from "../../../apimachinery/validation/label-selector.ts";
import { isDns1123Label } from "../../../apimachinery/validation/names.ts";
import { nodeLabelWarning } from "../core/node-label-warnings.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { invalidFor, validateImmutable } from "../validation/primitives.ts";
import { validateResourceRequirements } from "../validation/resources.ts";
import { validateTolerations } from "../validation/scheduling.ts";

export const runtimeClass = defineKind<RuntimeClass>({
	group: "node.k8s.io",
	kind: "RuntimeClass",
	resource: "runtimeclasses",
	singular: "runtimeclass",
	versions: ["v1"],
	storageVersion: "v1",
	allowUnconditionalUpdate: false,
	validate: ({ handler = "", overhead, scheduling }) => [
		...invalidFor("handler", handler, isDns1123Label(handler)),
		...(overhead?.podFixed === undefined ? [] : validateResourceRequirements({ limits: overhead.podFixed }, "overhead")),
		...validateLabels(scheduling?.nodeSelector, "scheduling.nodeSelector"),
		...validateTolerations(scheduling?.tolerations, "scheduling.tolerations"),
	],
	warnings: ({ scheduling }) =>
		Object.keys(scheduling?.nodeSelector ?? {}).flatMap((label) => {
			const text = nodeLabelWarning(label);
			return text === undefined ? [] : [`scheduling.nodeSelector: ${text}`];
		}),
	validateUpdate: (object, old) => validateImmutable(object.handler, old.handler, "handler"),
	columns: [
		nameColumn(),
		stringColumn(
			"Handler",
			"handler specifies the underlying runtime and configuration that the CRI implementation will use to handle pods of this class.",
			({ handler }) => handler,
		),
		ageColumn(),
	],
});
