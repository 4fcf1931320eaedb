/**
 * What a check of the Pod Security Standards is, and the words that checks have in common.
 * Source: k8s.io/pod-security-admission/policy (checks.go, helpers.go, visitor.go).
 */
import type { Container, EphemeralContainer, PodSpec } from "../../../apimachinery/schema/generated/types.ts";

/** Why a pod is refused: in short, and with what in it is the matter. */
export interface Finding {
	readonly reason: string;
	readonly detail: string;
}

export type Annotations = Readonly<Record<string, string>>;

export type CheckPod = (spec: PodSpec, annotations: Annotations) => Finding | undefined;

export interface Check {
	readonly id: string;
	/** Its revisions, each with the first policy version (minor) that it is of, oldest first. */
	readonly versions: readonly { readonly since: number; readonly check: CheckPod }[];
	/** Of a restricted check: the baseline check that says less than this one. */
	readonly overrides?: string;
}

const none: readonly string[] = [];

type AnyContainer = Container | EphemeralContainer;

/** In the order in which checks name them. */
export function containersOf(spec: PodSpec): readonly AnyContainer[] {
	const { initContainers, containers, ephemeralContainers } = spec;
	if (initContainers === undefined && ephemeralContainers === undefined) return containers;
	return [...(initContainers ?? []), ...containers, ...(ephemeralContainers ?? [])];
}

/** Names of the containers of which something holds. */
export function containersWhere(spec: PodSpec, holds: (container: AnyContainer) => boolean): readonly string[] {
	const containers = containersOf(spec);
	// Most pods keep to the rules, and every check asks.
	if (!containers.some(holds)) return none;
	return containers.filter(holds).map(({ name }) => name);
}

/** `"a", "b"`. */
export function quoted(items: readonly string[]): string {
	return items.map((item) => `"${item}"`).join(", ");
}

/** Each once, in order. */
export function sorted(items: readonly string[]): readonly string[] {
	return [...new Set(items)].sort();
}

export function plural(items: readonly unknown[], one: string, several: string): string {
	return items.length === 1 ? one : several;
}

/** `container "a"`, `containers "a", "b"`. */
export function describeContainers(names: readonly string[]): string {
	return `${plural(names, "container", "containers")} ${quoted(names)}`;
}

/** `pod and container "a"`: who sets something. */
export function describeSetters(isPod: boolean, containers: readonly string[]): string {
	return [...(isPod ? ["pod"] : []), ...(containers.length === 0 ? [] : [describeContainers(containers)])].join(" and ");
}

export const isWindows = ({ os }: PodSpec): boolean => os?.name === "windows";

/** Users of a pod with a user namespace of its own are nobody on the node (KEP-127). */
export const hasUserNamespace = ({ hostUsers }: PodSpec): boolean => hostUsers === false;
