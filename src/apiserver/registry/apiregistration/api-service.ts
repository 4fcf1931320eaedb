/** apiregistration.k8s.io/v1 APIService: who serves a group version: this server, or a Service behind it. */
import type { APIService, APIServiceSpec } from "../../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../../apimachinery/time.ts";
import { fieldInvalid, fieldNotOneOf, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isDns1035Label, isPathSegmentName, isValidPortNumber } from "../../../apimachinery/validation/names.ts";
import { mapField, withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import {
	type FieldErrors,
	invalidFor,
	NO_ERRORS,
	validateEach,
	validateOptionalSubdomain,
	validateRequired,
} from "../validation/primitives.ts";

export const apiService = defineKind<APIService>({
	group: "apiregistration.k8s.io",
	kind: "APIService",
	resource: "apiservices",
	singular: "apiservice",
	categories: ["api-extensions"],
	versions: ["v1"],
	storageVersion: "v1",
	storagePrefix: "apiregistration.k8s.io/apiservices",
	allowUnconditionalUpdate: false,
	setDefaults: (object) => mapField(object, "spec", (spec) => mapField(spec, "service", (service) => withDefaults(service, { port: 443 }))),
	prepareForCreate: (object, { nowMs }) => (object.spec?.service === undefined ? { ...object, status: localStatus(nowMs) } : object),
	validateName: isPathSegmentName,
	validate: ({ metadata, spec }) => [...validateNameOf(metadata?.name ?? "", spec ?? {}), ...validateSpec(spec ?? {})],
	validateStatusUpdate: ({ status }) =>
		validateEach(status?.conditions, "status.conditions", ({ status: value }, path) =>
			statuses.includes(value) ? NO_ERRORS : [fieldNotOneOf(`${path}.status`, value ?? "", statuses)],
		),
	columns: [
		nameColumn(),
		stringColumn("Service", "The reference to the service that hosts this API endpoint.", ({ spec }) =>
			spec?.service === undefined ? "Local" : `${spec.service.namespace ?? ""}/${spec.service.name ?? ""}`,
		),
		stringColumn("Available", "Whether this service is available.", formatAvailable),
		ageColumn(),
	],
});

const statuses: readonly string[] = ["True", "False", "Unknown"];

/** What this server serves itself is there at once. */
function localStatus(nowMs: number): NonNullable<APIService["status"]> {
	const message = "Local APIServices are always available";
	return {
		conditions: [{ type: "Available", status: "True", lastTransitionTime: formatTime(nowMs), reason: "Local", message }],
	};
}

/** `True`, `False (MissingEndpoints)`, `Unknown`. */
function formatAvailable({ status }: APIService): string {
	const condition = status?.conditions?.find(({ type }) => type === "Available");
	if (condition === undefined) return "Unknown";
	const { status: value, reason = "" } = condition;
	return value === "True" || reason === "" ? value : `${value} (${reason})`;
}

function validateNameOf(name: string, { version = "", group = "" }: Partial<APIServiceSpec>): FieldErrors {
	const required = `${version}.${group}`;
	// A name that no object may have has been refused before.
	if (name === required || isPathSegmentName(name).length > 0) return [];
	return [fieldInvalid("metadata.name", name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(required)}`)];
}

function validateSpec(spec: Partial<APIServiceSpec>): FieldErrors {
	const { version = "", group = "", groupPriorityMinimum = 0, versionPriority = 0 } = spec;
	return [
		...(group === "" && version !== "v1"
			? [fieldRequired("spec.group", "only v1 may have an empty group and it better be legacy kube")]
			: validateOptionalSubdomain(group, "spec.group")),
		...invalidFor("spec.version", version, isDns1035Label(version)),
		...(groupPriorityMinimum <= 0 || groupPriorityMinimum > 20_000
			? [fieldInvalid("spec.groupPriorityMinimum", groupPriorityMinimum, "must be positive and less than 20000")]
			: []),
		...(versionPriority <= 0 || versionPriority > 1000
			? [fieldInvalid("spec.versionPriority", versionPriority, "must be positive and less than 1000")]
			: []),
		...(spec.service === undefined ? validateLocal(spec) : validateRemote(spec)),
	];
}

function validateLocal({ caBundle = "", insecureSkipTLSVerify = false }: Partial<APIServiceSpec>): FieldErrors {
	const sizeBytes = Buffer.from(caBundle, "base64").length;
	return [
		...(sizeBytes > 0 ? [fieldInvalid("spec.caBundle", `${sizeBytes} bytes`, "local APIServices may not have a caBundle")] : []),
		...(insecureSkipTLSVerify
			? [fieldInvalid("spec.insecureSkipTLSVerify", true, "local APIServices may not have insecureSkipTLSVerify")]
			: []),
	];
}

function validateRemote({ service, caBundle = "", insecureSkipTLSVerify = false }: Partial<APIServiceSpec>): FieldErrors {
	const port = service?.port ?? 0;
	return [
		...validateRequired(service?.namespace, "spec.service.namespace"),
		...validateRequired(service?.name, "spec.service.name"),
		...invalidFor(
			"spec.service.port",
			port,
			isValidPortNumber(port).map((text) => `port is not valid: ${text}`),
		),
		...(insecureSkipTLSVerify && caBundle !== ""
			? [fieldInvalid("spec.insecureSkipTLSVerify", true, "may not be true if caBundle is present")]
			: []),
	];
}
