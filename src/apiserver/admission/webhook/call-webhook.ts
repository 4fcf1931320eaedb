/**
 * One call of one admission webhook: what it is sent, and the three ways in which it can end.
 *
 *   allowed (and a patch, perhaps)       denied: the client is told why      no use: the webhook's failurePolicy decides
 *
 * Source: callHook and callAttrMutatingHook in k8s.io/apiserver/pkg/admission/plugin/webhook/{validating,mutating}/dispatcher.go
 */
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { MutatingWebhook, ValidatingWebhook } from "../../../apimachinery/schema/generated/types.ts";
import { newBadRequest } from "../../../apimachinery/status-error.ts";
import type { WebhookEndpoint } from "../../webhooks/endpoint-agent.ts";
import { WebhookCallError, type WebhookClient } from "../../webhooks/webhook-client.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { createReview, denial, InvalidReviewError, type ReviewAnswer, readReview, reviewVersionOf } from "./admission-review.ts";
import type { Endpoint } from "./invocation.ts";

/** A webhook that could not be asked, or whose answer is of no use: its failurePolicy decides what that means. */
export class CallingWebhookError extends Error {
	override readonly name = "CallingWebhookError";

	constructor(webhook: string, why: string) {
		super(`failed calling webhook ${JSON.stringify(webhook)}: ${why}`);
	}
}

export interface WebhookCall {
	readonly webhook: ValidatingWebhook | MutatingWebhook;
	readonly isMutating: boolean;
	readonly attributes: AdmissionAttributes;
	/** What the webhook's rule matched, and what was asked for. */
	readonly endpoint: Endpoint;
	readonly requested: Endpoint;
	/** As the webhook is told: "" for an object that has none yet. */
	readonly name: string;
	readonly namespace: string;
	/** In the endpoint's version. */
	readonly object: KubeObject | undefined;
	readonly oldObject: KubeObject | undefined;
}

/** Kubernetes' default. */
const defaultTimeoutSeconds = 10;
const harmless: readonly (string | undefined)[] = ["None", "NoneOnDryRun"];

/** Resolves if the webhook has no objections. @throws CallingWebhookError, StatusError */
export async function callWebhook(client: WebhookClient, call: WebhookCall): Promise<ReviewAnswer> {
	const { webhook, attributes } = call;
	if (attributes.dryRun && !harmless.includes(webhook.sideEffects)) {
		throw newBadRequest(`admission webhook ${JSON.stringify(webhook.name)} does not support dry run`);
	}
	const answer = await ask(client, call);
	for (const [key, value] of Object.entries(answer.auditAnnotations)) attributes.annotate(`${webhook.name}/${key}`, value);
	for (const warning of answer.warnings) attributes.warn(warning);
	if (!answer.isAllowed) throw denial(webhook.name, answer.status);
	return answer;
}

async function ask(client: WebhookClient, call: WebhookCall): Promise<ReviewAnswer> {
	const { webhook, attributes, isMutating } = call;
	const { user, operation, subresource, dryRun: isDryRun } = attributes;
	const uid = attributes.random.uuid();
	const failed = (why: string) => new CallingWebhookError(webhook.name, why);
	try {
		const version = reviewVersionOf(webhook.admissionReviewVersions);
		const review = createReview(version, { ...call, uid, user, operation, subresource, isDryRun, options: optionsOf(attributes) });
		const timeoutMs = (webhook.timeoutSeconds ?? defaultTimeoutSeconds) * 1000;
		const answer = await client.call(webhook.clientConfig as WebhookEndpoint, review, { timeoutMs });
		return readReview(version, uid, isMutating, answer);
	} catch (error) {
		if (error instanceof WebhookCallError) throw failed(`failed to call webhook: ${error.message}`);
		if (error instanceof InvalidReviewError)
			throw failed(`${error.isOfAnswer ? "received invalid webhook response" : "could not create admission objects"}: ${error.message}`);
		throw error;
	}
}

/** The options of what is done, not of what was asked for: a patch that creates has CreateOptions. */
function optionsOf({ operation, request, dryRun }: AdmissionAttributes): KubeObject | undefined {
	const apiVersion = "meta.k8s.io/v1";
	const { fieldManager = "", fieldValidation } = request.options ?? {};
	const written = {
		...(dryRun ? { dryRun: ["All"] } : {}),
		...(fieldManager === "" ? {} : { fieldManager }),
		...(fieldValidation === undefined ? {} : { fieldValidation }),
	};
	switch (operation) {
		case "CREATE":
			return { kind: "CreateOptions", apiVersion, ...written } as KubeObject;
		case "UPDATE":
			return { kind: "UpdateOptions", apiVersion, ...written } as KubeObject;
		case "DELETE":
			return { kind: "DeleteOptions", apiVersion, ...withoutKind(request.deleteOptions ?? {}) } as KubeObject;
		case "CONNECT":
			return undefined;
		default:
			return operation satisfies never;
	}
}

function withoutKind({ kind: _, apiVersion: __, ...options }: { readonly kind?: string; readonly apiVersion?: string }): object {
	return options;
}
