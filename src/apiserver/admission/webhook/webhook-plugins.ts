/**
 * MutatingAdmissionWebhook and ValidatingAdmissionWebhook: the two plugins that ask servers outside. As long as there is no
 * configuration they cost one look at an empty cache; what calls webhooks is loaded when there is a first one.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
 */
import type { Logger } from "../../../apimachinery/log.ts";
import type {
	MutatingWebhook,
	MutatingWebhookConfiguration,
	ValidatingWebhook,
	ValidatingWebhookConfiguration,
} from "../../../apimachinery/schema/generated/types.ts";
import type { WatchCache } from "../../storage/watch-cache.ts";
import type { WebhookClient } from "../../webhooks/webhook-client.ts";
import type { AdmissionPlugin } from "../admission.ts";
import type { PolicyAuthorize } from "../policy/evaluation.ts";
import type { Hook, WebhookDispatcher } from "./dispatcher.ts";
import type { ServedResources } from "./object-versions.ts";

export interface WebhookPluginOptions {
	/** The configurations that are stored. */
	readonly mutating: WatchCache;
	readonly validating: WatchCache;
	readonly resources: ServedResources;
	readonly log: Logger;
	readonly client: () => Promise<WebhookClient>;
	/** For `authorizer` in match conditions. */
	readonly authorize: PolicyAuthorize;
}

export function createWebhookPlugins(options: WebhookPluginOptions): readonly AdmissionPlugin[] {
	const { mutating, validating } = options;
	let dispatcher: Promise<WebhookDispatcher> | undefined;
	const loaded = () => {
		dispatcher ??= load(options);
		return dispatcher;
	};
	return [
		{
			name: "MutatingAdmissionWebhook",
			handles: () => true,
			mutate(object, attributes) {
				if (mutating.size === 0) return object;
				const hooks = mutatingHooks(mutating);
				return loaded().then(async (ready) => (await ready.mutate(hooks, object, attributes)) ?? object);
			},
			// A deletion has no object to change, and webhooks that may refuse it nevertheless.
			validate(_, attributes) {
				if (mutating.size === 0 || attributes.operation !== "DELETE") return;
				return loaded().then(async (ready) => {
					await ready.mutate(mutatingHooks(mutating), undefined, attributes);
				});
			},
		},
		{
			name: "ValidatingAdmissionWebhook",
			handles: () => true,
			validate(object, attributes) {
				if (validating.size === 0) return;
				return loaded().then((ready) => ready.validate(validatingHooks(validating), object, attributes));
			},
		},
	];
}

async function load({ resources, log, client, authorize }: WebhookPluginOptions): Promise<WebhookDispatcher> {
	const [{ WebhookDispatcher }, { ObjectVersions }, ready] = await Promise.all([
		import("./dispatcher.ts"),
		import("./object-versions.ts"),
		client(),
	]);
	return new WebhookDispatcher({ client: ready, versions: new ObjectVersions(resources), log, authorize });
}

/** In the order in which they are asked: by the configuration's name, then as they stand there. The cache is sorted by name. */
function mutatingHooks(cache: WatchCache): readonly Hook<MutatingWebhook>[] {
	return cache.list().flatMap(({ name, object }) => {
		const { webhooks = [] } = object as MutatingWebhookConfiguration;
		return webhooks.map((webhook) => ({ configuration: name, webhook }));
	});
}

function validatingHooks(cache: WatchCache): readonly Hook<ValidatingWebhook>[] {
	return cache.list().flatMap(({ name, object }) => {
		const { webhooks = [] } = object as ValidatingWebhookConfiguration;
		return webhooks.map((webhook) => ({ configuration: name, webhook }));
	});
}
