/**
 * Asks the webhooks that a request concerns: those that change objects one after the other, by the name of their
 * configuration; those that only judge all at once.
 *
 *   mutating: w1 ─▶ w2 ─▶ w3 … each sees what the one before has made; whoever changed something may have the
 *             earlier ones (reinvocationPolicy IfNeeded) asked once more, in the chain's second pass
 *   validating: w1, w2, w3 … together; the first in order that objects is the one whose words count
 *
 * Source: k8s.io/apiserver/pkg/admission/plugin/webhook/{mutating,validating}/dispatcher.go and mutating/reinvocationcontext.go
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import { describeJsonError } from "../../../apimachinery/json-syntax.ts";
import type { Logger } from "../../../apimachinery/log.ts";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { applyJsonPatch } from "../../../apimachinery/patch/json-patch.ts";
import type { MutatingWebhook, ValidatingWebhook } from "../../../apimachinery/schema/generated/types.ts";
import { isStatusError, newBadRequest, newForbidden, newInternalError } from "../../../apimachinery/status-error.ts";
import { withMetadata } from "../../pipeline/system-metadata.ts";
import type { WebhookClient } from "../../webhooks/webhook-client.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { type CompiledBasics, compileConditions } from "../policy/compiled-policy.ts";
import { conditionsHold, type PolicyAuthorize } from "../policy/evaluation.ts";
import { CallingWebhookError, callWebhook, type WebhookCall } from "./call-webhook.ts";
import { type Endpoint, endpointFor, isExempt, type MatchedRequest } from "./invocation.ts";
import type { ObjectVersions } from "./object-versions.ts";
import { Reinvocations } from "./reinvocations.ts";

/** One webhook of a configuration. */
export interface Hook<W extends ValidatingWebhook = ValidatingWebhook> {
	readonly configuration: string;
	readonly webhook: W;
}

export interface DispatcherOptions {
	readonly client: WebhookClient;
	readonly versions: ObjectVersions;
	readonly log: Logger;
	/** For `authorizer` in match conditions. */
	readonly authorize: PolicyAuthorize;
}

const mutationKey = "mutation.webhook.admission.k8s.io/";
/** Shown only at audit level Request and above. */
export const patchAnnotationPrefix = "patch.webhook.admission.k8s.io/";
const failedOpenKey = { mutating: `failed-open.${mutationKey}`, validating: "failed-open.validating.webhook.admission.k8s.io/" };

export class WebhookDispatcher {
	readonly #options: DispatcherOptions;
	readonly #reinvocations = new Reinvocations();
	/** Compiled once a webhook, and forgotten with its configuration. */
	readonly #conditions = new WeakMap<ValidatingWebhook, CompiledBasics>();

	constructor(options: DispatcherOptions) {
		this.#options = options;
	}

	/** Returns the object as the webhooks leave it. @param object undefined for a DELETE. Rejects with a `StatusError`. */
	async mutate(
		hooks: readonly Hook<MutatingWebhook>[],
		object: KubeObject | undefined,
		attributes: AdmissionAttributes,
	): Promise<KubeObject | undefined> {
		const requested = this.#options.versions.requested(attributes);
		if (isExempt(requested)) return object;
		const hidden = object === undefined ? undefined : hideSystemMetadata(object, attributes);
		const pass = this.#reinvocations.begin(attributes, hidden);
		let current = hidden;
		for (const [index, hook] of hooks.entries()) {
			const key = `${hook.configuration}/${hook.webhook.name}`;
			const endpoint = this.#endpointFor(hook.webhook, requested, current, attributes);
			// A second pass is for those that were asked in the first.
			if (endpoint === undefined || (attributes.isReinvocation && !pass.mustAskAgain(key))) continue;
			const next = await this.#mutateOnce(hook, index, { endpoint, requested }, current, attributes);
			if (next !== current) {
				pass.changed();
				attributes.askForReinvocation();
			}
			current = next;
			if (hook.webhook.reinvocationPolicy === "IfNeeded") pass.asked(key);
		}
		pass.end(current);
		return current === undefined || object === undefined || current === hidden ? object : restoreSystemMetadata(current, object);
	}

	/** @param object undefined for a DELETE. Rejects with a `StatusError`. */
	async validate(hooks: readonly Hook[], object: KubeObject | undefined, attributes: AdmissionAttributes): Promise<void> {
		const requested = this.#options.versions.requested(attributes);
		if (isExempt(requested)) return;
		const calls: Promise<unknown>[] = [];
		const asked = hooks.flatMap(({ webhook }) => {
			const endpoint = this.#endpointFor(webhook, requested, object, attributes);
			return endpoint === undefined ? [] : [{ webhook, endpoint }];
		});
		for (const [index, { webhook, endpoint }] of asked.entries()) {
			const call = this.#call(webhook, false, { endpoint, requested }, object, attributes);
			calls.push(
				callWebhook(this.#options.client, call).catch((error: unknown) =>
					this.#failOpen(error, webhook, `${failedOpenKey.validating}round_0_index_${index}`, attributes),
				),
			);
		}
		// All have their say, as they leave annotations and warnings.
		const outcomes = await Promise.allSettled(calls);
		const refused = outcomes.find((outcome) => outcome.status === "rejected");
		if (refused !== undefined) throw refused.reason;
	}

	/** Returns the same object if the webhook does not change it. */
	async #mutateOnce(
		{ configuration, webhook }: Hook<MutatingWebhook>,
		index: number,
		endpoints: { readonly endpoint: Endpoint; readonly requested: Endpoint },
		current: KubeObject | undefined,
		attributes: AdmissionAttributes,
	): Promise<KubeObject | undefined> {
		const round = `round_${attributes.isReinvocation ? 1 : 0}_index_${index}`;
		const call = this.#call(webhook, true, endpoints, current, attributes);
		let next = current;
		try {
			const { patch, patchType } = await callWebhook(this.#options.client, call);
			const operations = patch === undefined ? [] : readPatch(webhook.name, patch);
			if (operations.length === 0) return current;
			if (call.object === undefined || current === undefined) {
				const name = JSON.stringify(webhook.name);
				throw newInternalError(`admission webhook ${name} attempted to modify the object, which is not supported for this operation`);
			}
			if (patchType !== "JSONPatch") throw new CallingWebhookError(webhook.name, `unsupported patch type ${JSON.stringify(patchType)}`);
			const patched = this.#options.versions.fromVersion(applyPatch(call.object, operations), attributes, endpoints.endpoint);
			const annotation = { configuration, webhook: webhook.name, patch: operations, patchType };
			attributes.annotate(`${patchAnnotationPrefix}${round}`, JSON.stringify(annotation));
			if (!jsonEqual(patched, current)) next = patched;
			return next;
		} catch (error) {
			this.#failOpen(error, webhook, `${failedOpenKey.mutating}${round}`, attributes);
			return current;
		} finally {
			const annotation = { configuration, webhook: webhook.name, mutated: next !== current };
			attributes.annotate(`${mutationKey}${round}`, JSON.stringify(annotation));
		}
	}

	/** A webhook that is of no use does no harm where its failurePolicy says so. Throws the error that the client gets otherwise. */
	#failOpen(error: unknown, webhook: ValidatingWebhook, key: string, attributes: AdmissionAttributes): void {
		if (!(error instanceof CallingWebhookError)) throw error;
		if (webhook.failurePolicy !== "Ignore") throw newInternalError(error);
		this.#options.log.warn("failed calling webhook, failing open", { webhook: webhook.name, error: error.message });
		attributes.annotate(key, webhook.name);
	}

	#call(
		webhook: ValidatingWebhook,
		isMutating: boolean,
		{ endpoint, requested }: { readonly endpoint: Endpoint; readonly requested: Endpoint },
		object: KubeObject | undefined,
		attributes: AdmissionAttributes,
	): WebhookCall {
		const { versions } = this.#options;
		const { oldObject } = attributes;
		return {
			webhook,
			isMutating,
			attributes,
			endpoint,
			requested,
			name: nameOf(attributes),
			namespace: namespaceOf(attributes),
			object: object === undefined ? undefined : versions.toVersion(object, attributes, endpoint),
			oldObject: oldObject === undefined ? undefined : versions.toVersion(oldObject, attributes, endpoint),
		};
	}

	#endpointFor(
		webhook: ValidatingWebhook,
		requested: Endpoint,
		object: KubeObject | undefined,
		attributes: AdmissionAttributes,
	): Endpoint | undefined {
		const { versions } = this.#options;
		const request: MatchedRequest = {
			operation: attributes.operation,
			endpoint: requested,
			get equivalents() {
				return versions.equivalents(attributes);
			},
			subresource: attributes.subresource,
			namespace: namespaceOf(attributes),
			object,
			oldObject: attributes.oldObject,
			namespaceLabels(name) {
				const namespace = attributes.lookup.find("", "namespaces", "", name);
				return namespace === undefined ? undefined : (namespace.metadata?.labels ?? {});
			},
		};
		const endpoint = endpointFor(webhook, request);
		return endpoint !== undefined && this.#conditionsHold(webhook, endpoint, object, attributes) ? endpoint : undefined;
	}

	/** Throws Forbidden if nobody can say, and the failurePolicy is Fail. */
	#conditionsHold(
		webhook: ValidatingWebhook,
		endpoint: Endpoint,
		object: KubeObject | undefined,
		attributes: AdmissionAttributes,
	): boolean {
		const { matchConditions = [], failurePolicy } = webhook;
		if (matchConditions.length === 0) return true;
		const compiled = this.#conditions.get(webhook) ?? compileConditions(matchConditions);
		this.#conditions.set(webhook, compiled);
		const { versions, authorize } = this.#options;
		const seen = object === undefined ? undefined : (versions.toVersion(object, attributes, endpoint) as KubeObject);
		const holds = conditionsHold(compiled, { object: seen, attributes, params: undefined, authorize });
		if (typeof holds === "boolean") return holds;
		if (failurePolicy === "Ignore") return false;
		throw newForbidden(attributes, nameOf(attributes), holds.error);
	}
}

/** A Namespace is in itself. */
function namespaceOf({ group, resource, namespace, name }: AdmissionAttributes): string {
	return group === "" && resource === "namespaces" ? name : namespace;
}

/** Whether the server has drawn the object's name, which in Kubernetes it does after admission. */
function hasGeneratedName({ operation, request }: AdmissionAttributes): boolean {
	if (operation !== "CREATE" || request.verb !== "create" || request.name !== undefined) return false;
	const { metadata } = (request.body ?? {}) as { readonly metadata?: { readonly name?: unknown } };
	return metadata?.name === undefined || metadata.name === "";
}

function nameOf(attributes: AdmissionAttributes): string {
	return hasGeneratedName(attributes) ? "" : attributes.name;
}

/** What a new object has only after mutating admission in Kubernetes, webhooks do not see: its uid, its time, a generated name. */
function hideSystemMetadata(object: KubeObject, attributes: AdmissionAttributes): KubeObject {
	if (attributes.operation !== "CREATE" || attributes.subresource !== "" || object.metadata === undefined) return object;
	const { uid: _, creationTimestamp: __, generation: ___, name, ...rest } = object.metadata;
	return withMetadata(object, hasGeneratedName(attributes) || name === undefined ? rest : { name, ...rest });
}

function restoreSystemMetadata(changed: KubeObject, original: KubeObject): KubeObject {
	const { uid, creationTimestamp, generation, name, namespace } = original.metadata ?? {};
	if ((changed.metadata?.namespace ?? "") !== (namespace ?? "")) {
		throw newBadRequest("the namespace of the provided object does not match the namespace sent on the request");
	}
	const given = { uid, creationTimestamp, generation, name: changed.metadata?.name || name };
	const known = Object.entries(given).filter(([, value]) => value !== undefined);
	return original.metadata === undefined ? changed : withMetadata(changed, { ...changed.metadata, ...Object.fromEntries(known) });
}

/** @throws CallingWebhookError */
function readPatch(webhook: string, patch: Buffer): readonly unknown[] {
	const text = patch.toString("utf8");
	const undecodable = (why: string) => new CallingWebhookError(webhook, `received undecodable patch in webhook response: ${why}`);
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (error) {
		throw undecodable(describeJsonError(text) ?? String(error));
	}
	if (value === null) return [];
	if (Array.isArray(value)) return value;
	const kind = typeof value === "boolean" ? "bool" : typeof value;
	throw undecodable(`json: cannot unmarshal ${kind} into Go value of type jsonpatch.Patch`);
}

/** @throws StatusError InternalError */
function applyPatch(object: KubeObject, operations: readonly unknown[]): unknown {
	try {
		return applyJsonPatch(object, operations);
	} catch (error) {
		if (!isStatusError(error)) throw error;
		throw newInternalError(error.cause instanceof Error ? error.cause : error);
	}
}
