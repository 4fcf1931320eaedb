/**
 * What the restricted level asks for beyond the baseline: the best practices of hardening.
 * Source: k8s.io/pod-security-admission/policy; https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
 */
import type { PodSpec, Volume } from "../../../apimachinery/schema/generated/types.ts";
import { isSeccompAllowed, procMount, seccompFields } from "./baseline-checks.ts";
import {
	type Check,
	type CheckPod,
	containersOf,
	containersWhere,
	describeContainers,
	describeSetters,
	type Finding,
	hasUserNamespace,
	isWindows,
	plural,
	quoted,
	sorted,
} from "./check.ts";

/** What Windows has not is not asked of its pods. */
const notOnWindows =
	(check: CheckPod): CheckPod =>
	(spec, annotations) =>
		isWindows(spec) ? undefined : check(spec, annotations);

const notInUserNamespace =
	(check: CheckPod): CheckPod =>
	(spec, annotations) =>
		hasUserNamespace(spec) ? undefined : check(spec, annotations);

function allowPrivilegeEscalation(spec: PodSpec): Finding | undefined {
	const bad = containersWhere(spec, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
	if (bad.length === 0) return undefined;
	return {
		reason: "allowPrivilegeEscalation != false",
		detail: `${describeContainers(bad)} must set securityContext.allowPrivilegeEscalation=false`,
	};
}

function capabilities(spec: PodSpec): Finding | undefined {
	const added = (container: ReturnType<typeof containersOf>[number]) =>
		(container.securityContext?.capabilities?.add ?? []).filter((name) => name !== "NET_BIND_SERVICE");
	const keeping = containersWhere(spec, ({ securityContext }) => securityContext?.capabilities?.drop?.includes("ALL") !== true);
	const adding = containersWhere(spec, (container) => added(container).length > 0);
	const details = [
		...(keeping.length === 0 ? [] : [`${describeContainers(keeping)} must set securityContext.capabilities.drop=["ALL"]`]),
		...(adding.length === 0
			? []
			: [
					`${describeContainers(adding)} must not include ${quoted(sorted(containersOf(spec).flatMap(added)))} in securityContext.capabilities.add`,
				]),
	];
	return details.length === 0 ? undefined : { reason: "unrestricted capabilities", detail: details.join("; ") };
}

const allowedVolumes: readonly (keyof Volume)[] = [
	"configMap",
	"csi",
	"downwardAPI",
	"emptyDir",
	"ephemeral",
	"image",
	"persistentVolumeClaim",
	"projected",
	"secret",
];

function restrictedVolumes({ volumes = [] }: PodSpec): Finding | undefined {
	const bad = volumes.filter((volume) => !allowedVolumes.some((type) => volume[type] !== undefined));
	if (bad.length === 0) return undefined;
	const types = sorted(bad.map((volume) => Object.keys(volume).find((key) => key !== "name") ?? "unknown"));
	const what = plural(types, "restricted volume type", "restricted volume types");
	const names = quoted(bad.map(({ name }) => name));
	const detail = `${plural(bad, "volume", "volumes")} ${names} ${plural(bad, "uses", "use")} ${what} ${quoted(types)}`;
	return { reason: "restricted volume types", detail };
}

function runAsNonRoot(spec: PodSpec): Finding | undefined {
	const ofPod = spec.securityContext?.runAsNonRoot;
	const setters = describeSetters(
		ofPod === false,
		containersWhere(spec, ({ securityContext }) => securityContext?.runAsNonRoot === false),
	);
	const reason = "runAsNonRoot != true";
	if (setters !== "") return { reason, detail: `${setters} must not set securityContext.runAsNonRoot=false` };
	const silent = ofPod === true ? [] : containersWhere(spec, ({ securityContext }) => securityContext?.runAsNonRoot === undefined);
	if (silent.length === 0) return undefined;
	return { reason, detail: `pod or ${describeContainers(silent)} must set securityContext.runAsNonRoot=true` };
}

function runAsUser(spec: PodSpec): Finding | undefined {
	const setters = describeSetters(
		spec.securityContext?.runAsUser === 0,
		containersWhere(spec, ({ securityContext }) => securityContext?.runAsUser === 0),
	);
	return setters === "" ? undefined : { reason: "runAsUser=0", detail: `${setters} must not set runAsUser=0` };
}

function seccompProfile(spec: PodSpec): Finding | undefined {
	const bad = seccompFields(spec);
	if (bad !== undefined) return bad;
	if (isSeccompAllowed(spec.securityContext?.seccompProfile?.type)) return undefined;
	const silent = containersWhere(spec, ({ securityContext }) => securityContext?.seccompProfile === undefined);
	if (silent.length === 0) return undefined;
	const detail = `pod or ${describeContainers(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`;
	return { reason: "seccompProfile", detail };
}

/** In the order in which findings are told, after those of the baseline. */
export const restrictedChecks: readonly Check[] = [
	{
		id: "allowPrivilegeEscalation",
		versions: [
			{ since: 8, check: allowPrivilegeEscalation },
			{ since: 25, check: notOnWindows(allowPrivilegeEscalation) },
		],
	},
	{
		id: "capabilities_restricted",
		overrides: "capabilities_baseline",
		versions: [
			{ since: 22, check: capabilities },
			{ since: 25, check: notOnWindows(capabilities) },
		],
	},
	{ id: "procMount_restricted", overrides: "procMount_baseline", versions: [{ since: 35, check: procMount }] },
	{ id: "restrictedVolumes", overrides: "hostPathVolumes", versions: [{ since: 0, check: restrictedVolumes }] },
	{
		id: "runAsNonRoot",
		versions: [
			{ since: 0, check: runAsNonRoot },
			{ since: 35, check: notInUserNamespace(runAsNonRoot) },
		],
	},
	{
		id: "runAsUser",
		versions: [
			{ since: 23, check: runAsUser },
			{ since: 35, check: notInUserNamespace(runAsUser) },
		],
	},
	{
		id: "seccompProfile_restricted",
		overrides: "seccompProfile_baseline",
		versions: [
			{ since: 19, check: seccompProfile },
			{ since: 25, check: notOnWindows(seccompProfile) },
		],
	},
];
