/** What makes CustomResourceDefinitions work on one API server: their kinds, the controllers that look after them, and who converts their objects. */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { CustomResourceDefinition } from "../../apimachinery/schema/generated/types.ts";
import type { Store } from "../../store/store.ts";
import type { KindDefinition } from "../registry/kind.ts";
import type { Cacher } from "../storage/cacher.ts";
import type { StorageMetrics } from "../storage/storage-metrics.ts";
import type { StorageTable } from "../storage/storage-table.ts";
import type { WebhookClient } from "../webhooks/webhook-client.ts";
import { ApiServiceRegistration } from "./api-service-registration.ts";
import { CustomResources, type CustomServed } from "./custom-resources.ts";
import { DefinitionController, type Instances } from "./definition-controller.ts";
import type { ConversionCaller } from "./webhook-converter.ts";

/** As apiextensions-apiserver waits for a conversion. */
const conversionTimeoutMs = 30_000;

export interface ServerExtensionOptions {
	readonly store: Store;
	readonly cacher: Cacher;
	readonly clock: Clock;
	readonly log: Logger;
	readonly random: Random;
	readonly metrics: StorageMetrics;
	readonly storages: StorageTable;
	/** Kinds that are not anybody's to define. */
	readonly builtin: readonly KindDefinition[];
	/** How conversion webhooks are reached; default: as other webhooks are. */
	readonly conversion: ConversionCaller | undefined;
	readonly webhooks: () => Promise<WebhookClient>;
	/** Carries out a request of the server's own. */
	readonly handle: (request: ApiRequest) => Promise<unknown>;
	/** Deletes all objects of a resource, whether its version is served or not. */
	readonly deleteAll: (served: CustomServed) => Promise<void>;
}

export class ServerExtension {
	/** The kinds. */
	readonly resources: CustomResources;
	readonly #options: ServerExtensionOptions;
	readonly #definitions: DefinitionController;
	readonly #registration: ApiServiceRegistration;

	constructor(options: ServerExtensionOptions) {
		this.#options = options;
		const { store, cacher, clock, log, random, metrics, storages, builtin, handle } = options;
		const definitions = storages.get("apiextensions.k8s.io", "customresourcedefinitions");
		this.resources = new CustomResources({
			store,
			cacher,
			clock,
			log,
			metrics,
			definitions,
			builtin: new Set(builtin.map(({ group, resource }) => `${group}/${resource}`)),
			conversion: options.conversion ?? webhookCaller(options.webhooks),
			random,
			onOpen: (name) => this.#definitions.queue(name),
		});
		this.#definitions = new DefinitionController({
			clock,
			log,
			definitions,
			canServe: (definition) => this.resources.isOpen(definition),
			updateStatus: (definition) => this.#updateStatus(definition),
			instancesOf: (definition) => this.#instancesOf(definition),
		});
		const builtinVersions = new Set(builtin.flatMap(({ group, versions }) => versions.map((version) => `${version}.${group}`)));
		this.#registration = new ApiServiceRegistration({
			definitions,
			services: storages.get("apiregistration.k8s.io", "apiservices"),
			isBuiltin: ({ group, version }) => builtinVersions.has(`${version}.${group}`),
			handle,
			clock,
			log,
		});
	}

	/** Once the definitions are in the cache, before other caches are loaded. */
	load(): void {
		this.resources.load();
	}

	/** Follows the definitions and looks after them, once all caches are loaded. */
	start(): void {
		this.resources.follow();
		this.#definitions.start();
		this.#registration.start();
	}

	stop(): void {
		this.#definitions.stop();
		this.#registration.stop();
		this.resources.stop();
	}

	async #updateStatus(definition: CustomResourceDefinition): Promise<void> {
		const place = { group: "apiextensions.k8s.io", version: "v1", resource: "customresourcedefinitions", subresource: "status" };
		await this.#options.handle({ ...place, verb: "update", name: definition.metadata?.name ?? "", body: definition });
	}

	/** Whatever versions are served: in the one that they are stored in. */
	#instancesOf({ spec }: CustomResourceDefinition): Instances | undefined {
		const served = this.resources.stored(spec?.group ?? "", spec?.names.plural ?? "");
		if (served === undefined) return undefined;
		return { storage: served.storage, deleteAll: () => this.#options.deleteAll(served) };
	}
}

function webhookCaller(webhooks: () => Promise<WebhookClient>): ConversionCaller {
	return {
		call: async (endpoint, review) => {
			const client = await webhooks();
			return client.call(endpoint, review, { timeoutMs: conversionTimeoutMs });
		},
	};
}
