/**
 * ImagePolicyWebhook: asks a service outside whether a pod may use its images, and remembers what it said. Off by default, and
 * loaded only where it is configured.
 *
 *   pod ─▶ ImageReview ─▶ remembered? ─▶ POST, tried up to five times ─▶ allowed, or not and why
 *                                                                   └▶ no answer: defaultAllow decides
 *
 * What differs: a pod that is let in because nobody answered gets no annotation of its own; its audit event has one.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#imagepolicywebhook,
 * plugin/pkg/admission/imagepolicy.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../apimachinery/json.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { formatGoDuration } from "../../apimachinery/time.ts";
import { postWithRetries, type WebhookPost } from "../authorization/webhook-retries.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { forbidden } from "./forbidden.ts";

const auditPrefix = "imagepolicywebhook.image-policy.k8s.io/";
/** Annotations of pods that the service is shown. */
const annotationPart = ".image-policy.k8s.io/";
/** How many answers are remembered; the one that was used longest ago goes first. */
const maxRemembered = 1024;

/** Milliseconds; a time to live of 0 is none. */
export interface ImagePolicyTimes {
	readonly allowTtlMs: number;
	readonly denyTtlMs: number;
	readonly retryBackoffMs: number;
}

export interface ImagePolicyOptions extends ImagePolicyTimes {
	/** Whether pods are let in when the service does not answer. */
	readonly defaultAllow: boolean;
	readonly post: WebhookPost;
	readonly clock: Clock;
	readonly random: Random;
}

interface ReviewStatus {
	readonly allowed: boolean;
	readonly reason: string;
	readonly auditAnnotations: JsonObject;
}

export function imagePolicyWebhook(options: ImagePolicyOptions): AdmissionPlugin {
	const judge = new Judge(options);
	return {
		name: "ImagePolicyWebhook",
		handles: ({ operation, group, resource, subresource }) =>
			(operation === "CREATE" || operation === "UPDATE") &&
			group === "" &&
			resource === "pods" &&
			(subresource === "" || subresource === "ephemeralcontainers"),
		validate: (object, attributes) => (object === undefined ? undefined : judge.judge(object as Pod, attributes)),
	};
}

class Judge {
	readonly #options: ImagePolicyOptions;
	/** By what was asked, the one that was used last at the end. */
	readonly #remembered = new Map<string, { readonly status: ReviewStatus; readonly untilMs: number }>();

	constructor(options: ImagePolicyOptions) {
		this.#options = options;
	}

	async judge(pod: Pod, attributes: AdmissionAttributes): Promise<void> {
		const spec = specOf(pod, attributes);
		const status = await this.#statusOf(JSON.stringify(spec), spec).catch((error: unknown) => {
			if (!this.#options.defaultAllow) throw forbidden(attributes, error instanceof Error ? error.message : String(error), pod);
			attributes.annotate(`${auditPrefix}failed-open`, "true");
			return undefined;
		});
		if (status === undefined) return;
		for (const [key, value] of Object.entries(status.auditAnnotations)) {
			if (typeof value === "string") attributes.annotate(`${auditPrefix}${key}`, value);
		}
		if (status.allowed) return;
		const why =
			status.reason === ""
				? "one or more images rejected by webhook backend"
				: `image policy webhook backend denied one or more images: ${status.reason}`;
		throw forbidden(attributes, why, pod);
	}

	async #statusOf(key: string, spec: JsonObject): Promise<ReviewStatus> {
		const { clock, random, post, retryBackoffMs, allowTtlMs, denyTtlMs } = this.#options;
		const known = this.#remembered.get(key);
		this.#remembered.delete(key);
		if (known !== undefined && known.untilMs > clock.now()) {
			this.#remembered.set(key, known);
			return known.status;
		}
		const review = { kind: "ImageReview", apiVersion: "imagepolicy.k8s.io/v1alpha1", metadata: {}, spec, status: {} };
		const { code, text } = await postWithRetries(post, JSON.stringify(review), { clock, random, firstPauseMs: retryBackoffMs });
		if (code < 200 || code >= 300) throw new Error(`error contacting webhook: ${code}`);
		const status = readStatus(text);
		const ttlMs = status.allowed ? allowTtlMs : denyTtlMs;
		if (ttlMs > 0) this.#remembered.set(key, { status, untilMs: clock.now() + ttlMs });
		const [oldest] = this.#remembered.keys();
		if (this.#remembered.size > maxRemembered && oldest !== undefined) this.#remembered.delete(oldest);
		return status;
	}
}

/** Of a pod's ephemeral containers only they are asked about: the others were. */
function specOf({ spec, metadata }: Pod, { subresource, namespace }: AdmissionAttributes): JsonObject {
	const containers =
		subresource === "" ? [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])] : (spec?.ephemeralContainers ?? []);
	const annotations = Object.entries(metadata?.annotations ?? {}).filter(([key]) => key.includes(annotationPart));
	return {
		...(containers.length === 0 ? {} : { containers: containers.map(({ image = "" }) => (image === "" ? {} : { image })) }),
		...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
		...(namespace === "" ? {} : { namespace }),
	};
}

function readStatus(text: string): ReviewStatus {
	const answer: unknown = JSON.parse(text);
	const { allowed, reason, auditAnnotations } = isJsonObject(answer) && isJsonObject(answer.status) ? answer.status : {};
	return {
		allowed: allowed === true,
		reason: typeof reason === "string" ? reason : "",
		auditAnnotations: isJsonObject(auditAnnotations) ? auditAnnotations : {},
	};
}

const second = 1_000;
const minute = 60 * second;

/** The times of a configuration: 0 is the usual, -1 none. @throws Error for one that may not be */
export function readImagePolicyTimes({ allowTTL, denyTTL, retryBackoff }: JsonObject): ImagePolicyTimes {
	return {
		retryBackoffMs: readTime(retryBackoff, 1, 1e-6, 5 * minute, 500),
		allowTtlMs: readTime(allowTTL, second, second, 30 * minute, 5 * minute),
		denyTtlMs: readTime(denyTTL, second, second, 30 * minute, 30 * second),
	};
}

function readTime(value: JsonValue | undefined, unitMs: number, leastMs: number, mostMs: number, usualMs: number): number {
	const given = typeof value === "number" ? value : 0;
	if (given === -1) return 0;
	if (given === 0) return usualMs;
	const timeMs = given * unitMs;
	if (timeMs >= leastMs && timeMs <= mostMs) return timeMs;
	const least = leastMs < 1 ? "1ns" : formatGoDuration(leastMs);
	throw new Error(`valid value is between ${least} and ${formatGoDuration(mostMs)}, got ${formatGoDuration(timeMs)}`);
}
