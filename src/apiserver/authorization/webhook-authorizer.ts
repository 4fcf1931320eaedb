/**
 * Webhook: asks a service elsewhere, with a SubjectAccessReview, and remembers what it said for a while.
 *
 *   attributes ─▶ conditions ─▶ remembered? ─▶ POST, tried up to five times ─▶ status: allowed, denied, or no opinion
 *                  │                                                        └▶ no answer: the failure policy decides
 *                  └▶ one does not hold: no opinion; one cannot be evaluated: the failure policy decides
 *
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/webhook/ and
 * k8s.io/apiserver/plugin/pkg/authorizer/webhook
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { isJsonObject, type JsonObject } from "../../apimachinery/json.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { LabelRequirement } from "../../apimachinery/selector.ts";
import { parseLabelSelector, SelectorError } from "../../apimachinery/selector.ts";
import {
	type AuthorizationAttributes,
	type Authorizer,
	type Decision,
	fieldRequirements,
	type ResourceAttributes,
	type RuleList,
	type RuleResolver,
	undecided,
} from "./authorizer.ts";
import type { MatchConditions } from "./match-conditions.ts";
import { postWithRetries, type WebhookPost } from "./webhook-retries.ts";

/** How many answers are remembered; the one that was used longest ago goes first. */
const maxRemembered = 8192;
/** Longer questions are not remembered: their text is the asker's choice. */
const maxQuestionLength = 10_000;

const firstPauseMs = 500;

export interface WebhookOptions {
	/** Sends a JSON text to the service. Rejects if there is no answer within `timeoutMs`. */
	readonly post: WebhookPost;
	readonly version: "v1" | "v1beta1";
	/** How long an answer holds, ms; 0: it is asked for every time. */
	readonly authorizedTtlMs: number;
	readonly unauthorizedTtlMs: number;
	/** Which questions it is asked; absent: all. */
	readonly conditions?: MatchConditions;
	/** What counts when the service does not answer. */
	readonly onFailure: "undecided" | "deny";
	readonly clock: Clock;
	readonly random: Random;
}

interface ReviewStatus {
	readonly allowed: boolean;
	readonly denied: boolean;
	readonly reason: string;
}

export class WebhookAuthorizer implements Authorizer, RuleResolver {
	readonly #options: WebhookOptions;
	/** By question, the one that was used last at the end. */
	readonly #remembered = new Map<string, { readonly status: ReviewStatus; readonly untilMs: number }>();

	constructor(options: WebhookOptions) {
		this.#options = options;
	}

	authorize(attributes: AuthorizationAttributes): Decision | Promise<Decision> {
		const { conditions, onFailure } = this.#options;
		const matches = conditions?.(specOf(attributes)) ?? true;
		if (matches === false) return undecided;
		if (matches !== true) return { verdict: onFailure, reason: "", error: matches.error };
		const review = reviewOf(attributes, this.#options.version);
		const known = this.#recall(review);
		return known === undefined ? this.#ask(review) : decisionOf(known);
	}

	rulesFor(): RuleList {
		const error = "webhook authorizer does not support user rule resolution";
		return { resourceRules: [], nonResourceRules: [], incomplete: true, error };
	}

	async #ask(review: string): Promise<Decision> {
		const { onFailure, authorizedTtlMs, unauthorizedTtlMs } = this.#options;
		try {
			const status = readStatus(await this.#post(review));
			this.#remember(review, status, status.allowed ? authorizedTtlMs : unauthorizedTtlMs);
			return decisionOf(status);
		} catch (error) {
			return { verdict: onFailure, reason: "", error: error instanceof Error ? error.message : String(error) };
		}
	}

	async #post(review: string): Promise<string> {
		const { post, clock, random } = this.#options;
		const { code, text } = await postWithRetries(post, review, { clock, random, firstPauseMs });
		if (code >= 200 && code < 300) return text;
		throw new Error(`the authorization webhook answered with ${code}: ${text.slice(0, 200)}`);
	}

	#recall(review: string): ReviewStatus | undefined {
		const entry = this.#remembered.get(review);
		if (entry === undefined) return undefined;
		this.#remembered.delete(review);
		if (entry.untilMs <= this.#options.clock.now()) return undefined;
		this.#remembered.set(review, entry);
		return entry.status;
	}

	#remember(review: string, status: ReviewStatus, ttlMs: number): void {
		if (ttlMs <= 0 || review.length > maxQuestionLength) return;
		this.#remembered.set(review, { status, untilMs: this.#options.clock.now() + ttlMs });
		const [oldest] = this.#remembered.keys();
		if (this.#remembered.size > maxRemembered && oldest !== undefined) this.#remembered.delete(oldest);
	}
}

function decisionOf({ allowed, denied, reason }: ReviewStatus): Decision {
	if (allowed && denied) return { verdict: "deny", reason, error: "webhook subject access review returned both allow and deny response" };
	return { verdict: denied ? "deny" : allowed ? "allow" : "undecided", reason };
}

function readStatus(text: string): ReviewStatus {
	const answer: unknown = JSON.parse(text);
	const status = isJsonObject(answer) ? answer.status : undefined;
	if (!isJsonObject(status)) throw new Error("the authorization webhook's answer has no status");
	const { allowed, denied, reason } = status;
	return { allowed: allowed === true, denied: denied === true, reason: typeof reason === "string" ? reason : "" };
}

/** The SubjectAccessReview, as JSON. v1beta1 calls groups `group`. */
function reviewOf(attributes: AuthorizationAttributes, version: "v1" | "v1beta1"): string {
	const { name, groups, uid, extra } = attributes.user;
	const spec = {
		...(attributes.path === undefined
			? { resourceAttributes: resourceOf(attributes) }
			: { nonResourceAttributes: { path: attributes.path, verb: attributes.verb } }),
		user: name,
		...(groups.length === 0 ? {} : { [version === "v1" ? "groups" : "group"]: groups }),
		...(extra === undefined ? {} : { extra }),
		...(uid === undefined ? {} : { uid }),
	};
	const apiVersion = `authorization.k8s.io/${version}`;
	return JSON.stringify({
		kind: "SubjectAccessReview",
		apiVersion,
		metadata: { creationTimestamp: null },
		spec,
		status: { allowed: false },
	});
}

/** As conditions see it: also texts that are empty are there. */
function specOf(attributes: AuthorizationAttributes): JsonObject {
	const { name, groups, uid = "", extra = {} } = attributes.user;
	const asked =
		attributes.path === undefined
			? { resourceAttributes: { ...textsOf(attributes), ...selectorsOf(attributes) } }
			: { nonResourceAttributes: { path: attributes.path, verb: attributes.verb } };
	return { ...asked, user: name, groups, uid, extra };
}

function resourceOf(attributes: ResourceAttributes): Readonly<Record<string, unknown>> {
	const texts = Object.entries(textsOf(attributes)).filter(([, text]) => text !== "");
	return { ...Object.fromEntries(texts), ...selectorsOf(attributes) };
}

function textsOf({ namespace, verb, group, version = "*", resource, subresource, name }: ResourceAttributes) {
	return { namespace, verb, group, version, resource, subresource, name };
}

function selectorsOf(attributes: ResourceAttributes) {
	const fields = fieldRequirements(attributes).map(({ field, operator, value }) => ({
		key: field,
		operator: operator === "=" ? "In" : "NotIn",
		values: [value],
	}));
	const labels = labelRequirements(attributes).flatMap(labelOf);
	return {
		...(fields.length === 0 ? {} : { fieldSelector: { requirements: fields } }),
		...(labels.length === 0 ? {} : { labelSelector: { requirements: labels } }),
	};
}

/** A selector that cannot be read asks for nothing. */
function labelRequirements({ labelSelector = "" }: ResourceAttributes): readonly LabelRequirement[] {
	if (typeof labelSelector !== "string") return labelSelector;
	try {
		return parseLabelSelector(labelSelector).requirements;
	} catch (error) {
		if (error instanceof SelectorError) return [];
		throw error;
	}
}

/** Comparisons have no words in a review: leaving them out asks for more, which a service may refuse. */
function labelOf({ key, operator, values }: LabelRequirement) {
	switch (operator) {
		case "=":
		case "==":
		case "in":
			return [{ key, operator: "In", values }];
		case "!=":
		case "notin":
			return [{ key, operator: "NotIn", values }];
		case "exists":
			return [{ key, operator: "Exists" }];
		case "!":
			return [{ key, operator: "DoesNotExist" }];
		case "gt":
		case "lt":
			return [];
		default: {
			const unknown: never = operator;
			return unknown;
		}
	}
}
