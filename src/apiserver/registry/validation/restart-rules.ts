/**
 * When a container is started again: its own policy over the Pod's, rules by exit code, and what a resize restarts.
 * Source: validateContainerRestartPolicy, validateInitContainerRestartPolicy, validateResizePolicy in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type { Container, ContainerResizePolicy, ContainerRestartRule } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
	fieldTooMany,
} from "../../../apimachinery/validation/field-error.ts";
import { type FieldErrors, NO_ERRORS, validateEach, validateEnum } from "./primitives.ts";

const policies = ["Always", "Never", "OnFailure"];
const actions = ["Restart", "RestartAllContainers"];
const operators = ["In", "NotIn"];
const maxRules = 20;
const maxExitCodes = 255;

/** Of any container at `path`, sidecars included. */
export function validateRestartRules({ restartPolicy, restartPolicyRules = [] }: Container, path: string): FieldErrors {
	const errors: FieldError[] = [];
	if (restartPolicy === undefined) {
		if (restartPolicyRules.length === 0) return NO_ERRORS;
		errors.push(fieldRequired(`${path}.restartPolicy`, "must specify restartPolicy when restart rules are used"));
	} else if (!policies.includes(restartPolicy)) {
		errors.push(fieldNotSupported(`${path}.restartPolicy`, restartPolicy, policies));
	}
	const rulesPath = `${path}.restartPolicyRules`;
	if (restartPolicyRules.length > maxRules) errors.push(fieldTooMany(rulesPath, restartPolicyRules.length, maxRules));
	return [...errors, ...validateEach(restartPolicyRules, rulesPath, validateRule)];
}

/** An init container that names no policy may have no rules either; upstream says only that. */
export function validateInitRestartRules(container: Container, path: string): FieldErrors {
	if (container.restartPolicy !== undefined) return validateRestartRules(container, path);
	return (container.restartPolicyRules ?? []).length === 0
		? NO_ERRORS
		: [fieldRequired(`${path}.restartPolicy`, "must specify restartPolicy when restart rules are used")];
}

function validateRule({ action = "", exitCodes }: ContainerRestartRule, path: string): FieldErrors {
	const errors: FieldError[] = actions.includes(action) ? [] : [fieldNotSupported(`${path}.action`, action, actions)];
	if (exitCodes === undefined) return [...errors, fieldRequired(`${path}.exitCodes`, "must be specified")];
	const { operator = "", values = [] } = exitCodes;
	if (!operators.includes(operator)) errors.push(fieldNotSupported(`${path}.exitCodes.operator`, operator, operators));
	if (values.length > maxExitCodes) errors.push(fieldTooMany(`${path}.exitCodes.values`, values.length, maxExitCodes));
	return errors;
}

/** `podRestartPolicy` Never leaves nothing to restart. Upstream names the list where an item is wrong. */
export function validateResizePolicies(
	items: readonly ContainerResizePolicy[] | undefined,
	podRestartPolicy: string | undefined,
	path: string,
): FieldErrors {
	const seen = new Set<string>();
	return validateEach(items, path, ({ resourceName = "", restartPolicy = "" }, at) => {
		const errors: FieldError[] = seen.has(resourceName) ? [fieldDuplicate(at, resourceName)] : [];
		seen.add(resourceName);
		errors.push(...validateEnum(resourceName, path, ["cpu", "memory"]));
		errors.push(...validateEnum(restartPolicy, path, ["NotRequired", "RestartContainer"]));
		if (podRestartPolicy === "Never" && restartPolicy !== "NotRequired") {
			errors.push(fieldInvalid(path, restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"));
		}
		return errors;
	});
}
