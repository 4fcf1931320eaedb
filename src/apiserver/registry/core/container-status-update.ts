/**
 * What a status update may say of containers: who may start again, whom they run as, how their devices are. Source:
 * ValidateContainerStateTransition and its kin, validateContainerStatusUsers,
 * validateContainerStatusAllocatedResourcesStatus in pkg/apis/core/validation/validation.go, pkg/api/v1/pod/util.go of
 * Kubernetes 1.36.
 */
import type {
	Container,
	ContainerStatus,
	LinuxContainerUser,
	PodSpec,
	ResourceHealth,
	ResourceStatus,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { type FieldErrors, NO_ERRORS, validateEach } from "../validation/primitives.ts";
import { validateId } from "../validation/security-context.ts";

type Statuses = readonly ContainerStatus[] | undefined;

/** What ended stays ended, unless it is to be started again; `containers` are those that may be, by their own rules. */
export function validateTransitions(
	next: Statuses,
	old: Statuses,
	spec: PodSpec,
	containers: readonly Container[],
	path: string,
): FieldErrors {
	if (restartsTogether(spec)) return NO_ERRORS;
	return validateEnded(next, old, path, ({ name, state }) => {
		const container = containers.find((candidate) => candidate.name === name);
		return container !== undefined && restarts(container, spec, state?.terminated?.exitCode ?? 0);
	});
}

/** Ephemeral containers are never started again. */
export const validateEphemeralTransitions = (next: Statuses, old: Statuses, path: string): FieldErrors =>
	validateEnded(next, old, path, () => false);

/** Paths count the old statuses, as upstream's do. */
function validateEnded(next: Statuses, old: Statuses, path: string, mayStart: (old: ContainerStatus) => boolean): FieldErrors {
	return validateEach(old, path, (before, at) => {
		if (before.state?.terminated === undefined) return NO_ERRORS;
		const started = next?.find(({ name, state }) => name === before.name && state?.terminated === undefined);
		if (started === undefined || mayStart(before)) return NO_ERRORS;
		return [fieldForbidden(`${at}.state`, "may not be transitioned to non-terminated state")];
	});
}

/** A rule of any container may start all of them again. */
const restartsTogether = ({ containers = [], initContainers = [] }: PodSpec): boolean =>
	[...containers, ...initContainers].some(({ restartPolicyRules }) =>
		restartPolicyRules?.some(({ action }) => action === "RestartAllContainers"),
	);

/** Its rules first, then its policy, then the Pod's. */
function restarts(container: Container, spec: PodSpec, exitCode: number): boolean {
	const matching = container.restartPolicyRules?.some(({ exitCodes }) => {
		const isListed = exitCodes?.values?.includes(exitCode) === true;
		return exitCodes !== undefined && (exitCodes.operator === "In" ? isListed : exitCodes.operator === "NotIn" && !isListed);
	});
	if (container.restartPolicy !== undefined && matching === true) return true;
	const policy = container.restartPolicy ?? spec.restartPolicy;
	return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

/** Whom containers run as. */
export const validateUsers = (statuses: Statuses, os: string, path: string): FieldErrors =>
	validateEach(statuses, path, ({ user }, at) => {
		if (user?.linux === undefined) return NO_ERRORS;
		if (os === "windows") return [fieldForbidden(`${at}.user.linux`, "cannot be set for a windows pod")];
		return os === "linux" ? validateLinuxUser(user.linux, `${at}.user.linux`) : NO_ERRORS;
	});

const validateLinuxUser = ({ uid, gid, supplementalGroups }: LinuxContainerUser, path: string): FieldErrors => [
	...validateId(uid, `${path}.uid`),
	...validateId(gid, `${path}.gid`),
	...validateEach(supplementalGroups, `${path}.supplementalGroups`, validateId),
];

/** Health of the devices that containers were given. */
export const validateAllocated = (statuses: Statuses, containers: readonly Container[] | undefined, path: string): FieldErrors =>
	validateEach(statuses, path, ({ name, allocatedResourcesStatus }, at) => {
		const container = containers?.find((candidate) => candidate.name === name);
		return validateEach(allocatedResourcesStatus, `${at}.allocatedResourcesStatus`, (allocated, allocatedPath) => [
			// A container that is not there is let pass.
			...(container === undefined ? NO_ERRORS : validateAllocatedName(allocated, container, `${allocatedPath}.name`)),
			...validateHealths(allocated.resources, `${allocatedPath}.resources`),
		]);
	});

function validateAllocatedName({ name = "" }: ResourceStatus, { resources }: Container, path: string): FieldErrors {
	if (name.startsWith("claim:")) {
		const names = (resources?.claims ?? []).map((claim) => `claim:${claim.name}${claim.request ? `/${claim.request}` : ""}`);
		const text =
			"must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty";
		return names.includes(name) ? NO_ERRORS : [fieldInvalid(path, name, text)];
	}
	return resources?.requests?.[name] === undefined
		? [fieldInvalid(path, name, "must match one of the container's resource requests")]
		: NO_ERRORS;
}

function validateHealths(healths: readonly ResourceHealth[] | undefined, path: string): FieldErrors {
	const seen = new Set<string>();
	return validateEach(healths, path, ({ health = "", message, resourceID = "" }, at) => {
		const errors: FieldError[] = [];
		const supported = ["Healthy", "Unhealthy", "Unknown"];
		if (!supported.includes(health)) errors.push(fieldNotSupported(`${at}.health`, health, supported));
		if (message === "") errors.push(fieldRequired(`${at}.message`, "must be non-empty if specified"));
		if (seen.has(resourceID)) errors.push(fieldDuplicate(`${at}.resourceID`, resourceID));
		seen.add(resourceID);
		return errors;
	});
}

/** Ephemeral containers are given no devices. */
export const validateNotAllocated = (statuses: Statuses, path: string): FieldErrors =>
	validateEach(statuses, path, ({ allocatedResourcesStatus = [] }, at) =>
		allocatedResourcesStatus.length === 0
			? NO_ERRORS
			: [fieldForbidden(`${at}.allocatedResourcesStatus`, "must not be specified in container status")],
	);
