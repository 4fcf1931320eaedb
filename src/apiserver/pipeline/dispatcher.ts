/** Brings a request that may be made to the stage that carries it out: by its kind, its subresource and its verb. */
import type { KubeList, KubeObject } from "../../apimachinery/meta.ts";
import type { Status, TokenReview } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError, newInvalid, newMethodNotAllowed, newNotImplemented, newPathNotFound } from "../../apimachinery/status-error.ts";
import type { ServiceAccountTokens } from "../authentication/service-account-tokens.ts";
import type { TokenChain } from "../authentication/token-chain.ts";
import type { ServerAuthorization } from "../authorization/server-authorization.ts";
import { tokenReview } from "../registry/authentication/token-review.ts";
import { bindingKind } from "../registry/core/binding.ts";
import { componentStatusKind } from "../registry/core/component-status.ts";
import type { ResourceFinder } from "../registry/resource-table.ts";
import type { ObjectStorage } from "../storage/object-storage.ts";
import { bindPod } from "../subresources/binding.ts";
import { ephemeralContainersStrategy } from "../subresources/ephemeral-containers.ts";
import { evictPod } from "../subresources/eviction.ts";
import { resizeStrategy } from "../subresources/resize.ts";
import { answerReview } from "../subresources/reviews.ts";
import { readScale, writeScale } from "../subresources/scale.ts";
import { requestToken } from "../subresources/token.ts";
import { reviewToken } from "../subresources/token-review.ts";
import { type ComponentCheck, readComponentStatuses } from "./component-statuses.ts";
import { decodeBody } from "./decode-body.ts";
import type { Deleter } from "./deleter.ts";
import type { Reader } from "./reader.ts";
import { type RequestContext, toServedVersion } from "./request-context.ts";
import { parseSelection } from "./selection.ts";
import { approvalStrategy, finalizeStrategy, statusStrategy, type UpdateStrategy } from "./strategy.ts";
import type { Writer } from "./writer.ts";

export interface DispatcherOptions {
	readonly reader: Reader;
	readonly writer: Writer;
	readonly deleter: Deleter;
	readonly resources: ResourceFinder;
	/** Throws if there is none. */
	readonly storage: (group: string, resource: string) => ObjectStorage;
	/** An object as the cache has it. */
	readonly find: (group: string, resource: string, namespace: string, name: string) => KubeObject | undefined;
	readonly authorization: ServerAuthorization;
	readonly tokens: ServiceAccountTokens;
	readonly tokenChain: TokenChain;
	/** --api-audiences. */
	readonly audiences: readonly string[];
	readonly components: readonly ComponentCheck[];
}

export class Dispatcher {
	readonly #options: DispatcherOptions;

	constructor(options: DispatcherOptions) {
		this.#options = options;
	}

	/** Rejects with a `StatusError`. The caller has found that the user may do it. */
	async dispatch(context: RequestContext): Promise<{ object: KubeObject | KubeList | Status; code?: number }> {
		const { request, definition } = context;
		if (definition.ephemeral === true) return { object: await this.#review(context), code: 201 };
		if (request.subresource !== undefined) return this.#subresource(context);
		if (definition === bindingKind) return this.#bindByCollection(context);
		if (definition === componentStatusKind) return { object: readComponentStatuses(context, this.#options.components) };
		switch (request.verb) {
			case "get":
				return { object: await this.#options.reader.get(context) };
			case "list":
				return { object: await this.#options.reader.list(context) };
			case "create":
				return { object: await this.#options.writer.create(context, request.body), code: 201 };
			case "update":
				return answerOfWrite(await this.#options.writer.update(context, request.body));
			case "patch":
				return answerOfWrite(await this.#options.writer.patch(context));
			case "delete":
				return this.#options.deleter.delete(context);
			case "deletecollection":
				return { object: await this.deleteCollection(context) };
			default:
				throw newMethodNotAllowed();
		}
	}

	async #review(context: RequestContext): Promise<KubeObject> {
		const sent = decodeBody(context, context.request.body, context.endpoint.type);
		const { namespace } = context;
		const review = context.endpoint.namespaced ? { ...sent, metadata: { ...sent.metadata, namespace } } : sent;
		const errors = context.definition.validate?.(review) ?? [];
		if (errors.length > 0) throw newInvalid(context.definition, "", errors);
		const admitted = await this.#options.writer.admit(context, "CREATE", review);
		if (context.definition === tokenReview)
			return reviewToken(context, admitted as TokenReview, this.#options.tokenChain, this.#options.audiences);
		return answerReview(context, admitted, this.#options.authorization);
	}

	async #subresource(context: RequestContext): Promise<{ object: KubeObject | Status; code?: number }> {
		const { request, endpoint, definition } = context;
		const { subresource, resource } = endpoint;
		if (subresource === "scale") {
			if (request.verb === "get") return { object: readScale(context) };
			return { object: await writeScale(context, this.#options.writer) };
		}
		if (resource === "pods" && subresource === "binding") return this.#bind(context);
		if (resource === "pods" && subresource === "eviction") {
			const budgets = this.#options.storage("policy", "poddisruptionbudgets");
			return { object: await evictPod(context, { writer: this.#options.writer, deleter: this.#options.deleter, budgets }), code: 201 };
		}
		if (resource === "serviceaccounts" && subresource === "token") {
			const services = { writer: this.#options.writer, tokens: this.#options.tokens, find: this.#options.find };
			return { object: await requestToken(context, services), code: 201 };
		}
		if (resource === "pods" && subresource === "ephemeralcontainers") {
			return { object: await this.#readOrWrite(context, ephemeralContainersStrategy(definition)) };
		}
		if (resource === "pods" && subresource === "resize") {
			return { object: await this.#readOrWrite(context, resizeStrategy(definition)) };
		}
		if (subresource === "status") return { object: await this.#readOrWrite(context, statusStrategy(definition)) };
		if (subresource === "approval") return { object: await this.#readOrWrite(context, approvalStrategy(definition)) };
		if (subresource === "finalize") return { object: await this.#readOrWrite(context, finalizeStrategy) };
		throw newNotImplemented(`subresource ${resource}/${subresource}`);
	}

	async #bind(context: RequestContext): Promise<{ object: Status; code: number }> {
		return { object: await bindPod(context, this.#options.writer), code: 201 };
	}

	/** A Binding that is posted to its collection names the pod itself: the way of old. */
	#bindByCollection(context: RequestContext): Promise<{ object: Status; code: number }> {
		const { metadata } = decodeBody(context, context.request.body, context.endpoint.type);
		const served = this.#options.resources.find("", "v1", "pods");
		const endpoint = served?.subresources.get("binding");
		if (served === undefined || endpoint === undefined) throw newPathNotFound();
		const name = metadata?.name ?? "";
		return this.#bind({ ...context, served, endpoint, definition: served.definition, storage: this.#options.storage("", "pods"), name });
	}

	async #readOrWrite(context: RequestContext, strategy: UpdateStrategy): Promise<KubeObject> {
		const { verb, body } = context.request;
		if (verb === "get") return this.#options.reader.get(context);
		if (verb === "patch") return (await this.#options.writer.patch(context, strategy)).object;
		return (await this.#options.writer.update(context, body, strategy)).object;
	}

	/** Resolves to what was there. What somebody else deleted meanwhile is gone, too. */
	async deleteCollection(context: RequestContext): Promise<KubeList> {
		const list = await this.#options.reader.list(context);
		const selection = parseSelection(context.definition, context.namespace, context.options);
		const deletions = list.items.map(async (item) => {
			const { namespace = "", name = "" } = item.metadata ?? {};
			const current = context.storage.find(namespace, name);
			if (current === undefined || !selection.matches(current)) return;
			try {
				await this.#options.deleter.delete({ ...context, namespace, name });
			} catch (error) {
				// Somebody else deleted it meanwhile: what was asked for is done.
				if (!isStatusError(error, "NotFound")) throw error;
			}
		});
		await Promise.all(deletions);
		return { ...list, items: list.items.map((item) => toServedVersion(context, item)) };
	}
}

function answerOfWrite({ object, created }: { readonly object: KubeObject; readonly created: boolean }) {
	return { object, code: created ? 201 : 200 };
}
