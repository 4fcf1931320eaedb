/**
 * Matchers for vitest and jest: `expect.extend(kubernetesMatchers)`, then `expect(pod).toHaveCondition("Ready", "True")`,
 * `expect(cluster).toHaveEvent({ reason: "FailedScheduling" })`, `await expect(cluster).toConverge(condition, { within: "2m" })`.
 */
import type { KubeObject } from "../apimachinery/meta.ts";
import type { CoreEvent } from "../apimachinery/schema/generated/types.ts";
import type { Duration } from "./pace.ts";
import { NotReachedError, type TestCluster } from "./test-cluster.ts";

interface MatchResult {
	readonly pass: boolean;
	message(): string;
}

interface Condition {
	readonly type: string;
	readonly status: string;
	readonly reason?: string;
	readonly message?: string;
}

/** What an event is to be like; absent fields may be anything. */
export interface EventPattern {
	readonly type?: "Normal" | "Warning";
	readonly reason?: string;
	/** All of it, or what it matches. */
	readonly message?: string | RegExp;
	/** `Pod/web-0`. */
	readonly object?: string;
}

export const kubernetesMatchers = {
	/** Whether an object's status has a condition; `reason` is looked at if it is given. */
	toHaveCondition(object: KubeObject, type: string, status = "True", reason?: string): MatchResult {
		const conditions = conditionsOf(object);
		const pass = conditions.some(
			(each) => each.type === type && each.status === status && (reason === undefined || each.reason === reason),
		);
		const wanted = `${type}=${status}${reason === undefined ? "" : ` (${reason})`}`;
		const found = conditions.map((each) => `${each.type}=${each.status}${each.reason === undefined ? "" : ` (${each.reason})`}`);
		return {
			pass,
			message: () =>
				`${nameOf(object)} has ${found.length === 0 ? "no conditions" : found.join(", ")}; ${pass ? "not " : ""}wanted: ${wanted}`,
		};
	},

	/** Whether such an event was ever recorded in the cluster. */
	toHaveEvent(cluster: TestCluster, pattern: EventPattern): MatchResult {
		const events = cluster.timeline.of("Event").map(({ object }) => object as CoreEvent);
		const pass = events.some((event) => matches(event, pattern));
		return {
			pass,
			message: () =>
				`${pass ? "there is" : "no"} event ${describePattern(pattern)}${pass ? "" : `; there are:\n${events.map(describeEvent).join("\n")}`}`,
		};
	},

	/** Whether a condition comes to hold as time passes. */
	async toConverge(
		cluster: TestCluster,
		condition: (cluster: TestCluster) => boolean | Promise<boolean>,
		options: { readonly within?: Duration } = {},
	): Promise<MatchResult> {
		try {
			await cluster.runUntil(() => condition(cluster), options);
			return { pass: true, message: () => "it converged" };
		} catch (error) {
			if (!(error instanceof NotReachedError)) throw error;
			return { pass: false, message: () => error.message };
		}
	},
};

function conditionsOf(object: KubeObject): readonly Condition[] {
	return (object as { readonly status?: { readonly conditions?: readonly Condition[] } }).status?.conditions ?? [];
}

function nameOf({ kind = "object", metadata }: KubeObject): string {
	return `${kind} ${metadata?.name ?? ""}`;
}

function matches({ type, reason, message = "", involvedObject }: CoreEvent, pattern: EventPattern): boolean {
	const text = pattern.message;
	return (
		(pattern.type === undefined || pattern.type === type) &&
		(pattern.reason === undefined || pattern.reason === reason) &&
		(pattern.object === undefined || pattern.object === `${involvedObject.kind}/${involvedObject.name}`) &&
		(text === undefined || (typeof text === "string" ? text === message : text.test(message)))
	);
}

function describePattern({ type, reason, message, object }: EventPattern): string {
	return [type, reason, object, message === undefined ? undefined : String(message)].filter((part) => part !== undefined).join(" ");
}

function describeEvent({ type, reason, message, involvedObject }: CoreEvent): string {
	return `  ${type} ${reason} ${involvedObject.kind}/${involvedObject.name} ${message}`;
}
