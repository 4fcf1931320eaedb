/** resource.k8s.io/v1 DeviceClass: a sort of device that claims can ask for by name. */
import type { DeviceClass } from "../../../apimachinery/schema/generated/types.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn } from "../printing/columns.ts";
import { validateOpaque, validateSelectorExpressions, validateSelectors } from "./device-claim.ts";
import { validateList } from "./device-names.ts";

const maxConfigs = 32;

export const deviceClass = defineKind<DeviceClass>({
	group: "resource.k8s.io",
	kind: "DeviceClass",
	resource: "deviceclasses",
	singular: "deviceclass",
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	validate: ({ spec }) => [
		...validateSelectors(spec?.selectors, "spec.selectors"),
		...validateList(spec?.config, maxConfigs, "spec.config", ({ opaque }, path) => validateOpaque(opaque, `${path}.opaque`)),
	],
	validateExpressions: ({ spec }) => validateSelectorExpressions(new Map([["spec.selectors", spec?.selectors ?? []]])),
	columns: [nameColumn(), ageColumn()],
});
