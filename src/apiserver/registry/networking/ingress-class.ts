/** networking.k8s.io/v1 IngressClass: which controller implements an Ingress. */
import type { IngressClass, IngressClassParametersReference } from "../../../apimachinery/schema/generated/types.ts";
import { fieldForbidden, fieldNotSupported, fieldRequired, fieldTooLong } from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Label } from "../../../apimachinery/validation/names.ts";
import { mapField, withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { validateDomainPrefixedPath } from "../validation/domain-names.ts";
import { type FieldErrors, invalidFor, validateImmutable } from "../validation/primitives.ts";
import { validateReference } from "./ingress-validation.ts";

const maxControllerBytes = 250;

export const ingressClass = defineKind<IngressClass>({
	group: "networking.k8s.io",
	kind: "IngressClass",
	resource: "ingressclasses",
	singular: "ingressclass",
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	setDefaults: (object) =>
		mapField(object, "spec", (spec) => mapField(spec, "parameters", (parameters) => withDefaults(parameters, { scope: "Cluster" }))),
	validate: ({ spec = {} }) => [
		...validateController(spec.controller ?? ""),
		...(spec.parameters === undefined ? [] : validateParameters(spec.parameters)),
	],
	validateUpdate: (object, old) => validateImmutable(object.spec?.controller, old.spec?.controller, "spec.controller"),
	columns: [
		nameColumn(),
		stringColumn("Controller", "Controller that is responsible for handling this class", ({ spec }) => spec?.controller ?? ""),
		stringColumn("Parameters", "A reference to a resource with additional parameters", ({ spec }) => formatParameters(spec?.parameters)),
		ageColumn(),
	],
});

function validateController(controller: string): FieldErrors {
	const tooLong = Buffer.byteLength(controller) > maxControllerBytes ? [fieldTooLong("spec.controller", maxControllerBytes)] : [];
	return [...tooLong, ...validateDomainPrefixedPath(controller, "spec.controller")];
}

function validateParameters(parameters: IngressClassParametersReference): FieldErrors {
	const path = "spec.parameters";
	return [...validateReference(parameters, path), ...validateScope(parameters, path)];
}

function validateScope({ scope, namespace }: IngressClassParametersReference, path: string): FieldErrors {
	switch (scope) {
		case undefined:
			return [fieldRequired(`${path}.scope`)];
		case "Namespace":
			if (namespace === undefined) return [fieldRequired(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'")];
			return invalidFor(`${path}.namespace`, namespace, isDns1123Label(namespace));
		case "Cluster":
			return namespace === undefined ? [] : [fieldForbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'")];
		default:
			return [fieldNotSupported(`${path}.scope`, scope, ["Cluster", "Namespace"])];
	}
}

/** `IngressParameters.k8s.example.com/external-lb`. */
function formatParameters(parameters: IngressClassParametersReference | undefined): string {
	if (parameters === undefined) return "<none>";
	const { kind, apiGroup, name } = parameters;
	return `${apiGroup === undefined ? kind : `${kind}.${apiGroup}`}/${name}`;
}
