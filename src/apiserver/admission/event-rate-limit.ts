/**
 * EventRateLimit: so many events a second, of the whole cluster, of each namespace, of each user, or of each source about one
 * object. Source: plugin/pkg/admission/eventratelimit; https://kubernetes.io/docs/reference/config-api/apiserver-eventratelimit.v1alpha1/
 */
import type { CoreEvent } from "../../apimachinery/schema/generated/types.ts";
import { newTooManyRequests } from "../../apimachinery/status-error.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";

export interface EventLimit {
	readonly type: "Server" | "Namespace" | "User" | "SourceAndObject";
	/** Events a second, > 0. */
	readonly qps: number;
	/** Events at once, > 0. */
	readonly burst: number;
	/** How many keys are remembered; default 4096. */
	readonly cacheSize?: number;
}

const defaultCacheSize = 4096;

interface Bucket {
	/** 0 <= tokens <= burst, as of `atMs`. */
	tokens: number;
	atMs: number;
}

export function eventRateLimit(limits: readonly EventLimit[]): AdmissionPlugin {
	const limiters = limits.map((limit) => new Limiter(limit));
	return {
		name: "EventRateLimit",
		handles: ({ operation, resource, subresource, group }) =>
			(operation === "CREATE" || operation === "UPDATE") &&
			resource === "events" &&
			subresource === "" &&
			(group === "" || group === "events.k8s.io"),
		validate(object, attributes) {
			if (attributes.dryRun) return;
			// Each one counts the event, also if another one refuses it.
			const refusals = limiters.flatMap((limiter) => limiter.refusal(object as CoreEvent, attributes) ?? []);
			const last = refusals.at(-1);
			if (last !== undefined) throw newTooManyRequests(last, 1);
		},
	};
}

class Limiter {
	readonly #limit: EventLimit;
	/** The least recently used first. */
	readonly #buckets = new Map<string, Bucket>();

	constructor(limit: EventLimit) {
		this.#limit = limit;
	}

	/** Undefined if the event may pass. */
	refusal(event: CoreEvent, attributes: AdmissionAttributes): string | undefined {
		const { type, qps, burst, cacheSize = defaultCacheSize } = this.#limit;
		const key = keyOf(type, event, attributes);
		const known = this.#buckets.get(key);
		const { nowMs } = attributes;
		const tokens = known === undefined ? burst : Math.min(burst, known.tokens + (Math.max(0, nowMs - known.atMs) * qps) / 1000);
		this.#buckets.delete(key);
		this.#buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: nowMs });
		const [oldest] = this.#buckets.keys();
		if (this.#buckets.size > cacheSize && oldest !== undefined) this.#buckets.delete(oldest);
		return tokens >= 1 ? undefined : `limit reached on type ${type} for key ${key}`;
	}
}

function keyOf(type: EventLimit["type"], { source, involvedObject: about }: CoreEvent, { namespace, user }: AdmissionAttributes): string {
	switch (type) {
		case "Server":
			return "";
		case "Namespace":
			return namespace;
		case "User":
			return user.name;
		case "SourceAndObject":
			return [source?.component, source?.host, about.kind, about.namespace, about.name, about.uid, about.apiVersion].join("");
	}
}
