/** apiextensions.k8s.io/v1 CustomResourceDefinition: a kind that users bring. */
import type { CustomResourceDefinition, CustomResourceDefinitionNames } from "../../../apimachinery/schema/generated/types.ts";
import { mapField, withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { createdAtColumn, nameColumn } from "../printing/columns.ts";
import { validateDefinition, validateDefinitionStatus, validateRules } from "./custom-resource-definition-validation.ts";

export const customResourceDefinition = defineKind<CustomResourceDefinition>({
	group: "apiextensions.k8s.io",
	kind: "CustomResourceDefinition",
	resource: "customresourcedefinitions",
	singular: "customresourcedefinition",
	shortNames: ["crd", "crds"],
	categories: ["api-extensions"],
	versions: ["v1"],
	storageVersion: "v1",
	storagePrefix: "apiextensions.k8s.io/customresourcedefinitions",
	hasGeneration: true,
	allowUnconditionalUpdate: false,
	setDefaults: (object) =>
		mapField(object, "spec", (spec) => {
			const filled = withDefaults(mapField(spec, "names", defaultNames), { conversion: { strategy: "None" } });
			return mapField(filled, "conversion", (conversion) =>
				mapField(conversion, "webhook", (webhook) =>
					mapField(webhook, "clientConfig", (client) => mapField(client, "service", (service) => withDefaults(service, { port: 443 }))),
				),
			);
		}),
	prepareForCreate: (object) => ({
		...object,
		status: {
			conditions: [],
			acceptedNames: { plural: "", kind: "" },
			storedVersions: (object.spec?.versions ?? []).filter(({ storage }) => storage).map(({ name }) => name),
		},
	}),
	prepareForUpdate: ({ status: _status, ...object }, old) => ({
		...object,
		status: { ...old.status, storedVersions: storedVersions(object, old) },
	}),
	validate: validateDefinition,
	validateExpressions: validateRules,
	validateStatusUpdate: validateDefinitionStatus,
	columns: [nameColumn(), createdAtColumn()],
});

function defaultNames(names: CustomResourceDefinitionNames): CustomResourceDefinitionNames {
	const { kind = "" }: Partial<CustomResourceDefinitionNames> = names;
	return kind === "" ? names : withDefaults(names, { singular: kind.toLowerCase(), listKind: `${kind}List` });
}

/** A new storage version joins those that objects are stored in. */
function storedVersions(object: CustomResourceDefinition, old: CustomResourceDefinition): readonly string[] {
	const stored = old.status?.storedVersions ?? [];
	const current = (object.spec?.versions ?? []).filter(({ storage, name }) => storage && !stored.includes(name));
	return [...stored, ...current.map(({ name }) => name)];
}
