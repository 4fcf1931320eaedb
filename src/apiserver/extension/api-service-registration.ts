/**
 * An APIService for each group version that CustomResourceDefinitions serve, as `kubectl get apiservices` lists them: made, put right and
 * removed as the definitions come, change and go. It runs in every server of a store; whoever is second finds the work done.
 *
 * Watches  customresourcedefinitions, apiservices
 * Writes   apiservices whose label says that they are managed; others of the same name are left alone, as are those of built-in kinds
 *
 * Source: pkg/controlplane/controller/crdregistration and k8s.io/kube-aggregator/pkg/controllers/autoregister.
 */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { jsonEqual } from "../../apimachinery/json.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { GroupVersion, KubeObject } from "../../apimachinery/meta.ts";
import type { APIService, CustomResourceDefinition } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { ObjectStorage } from "../storage/object-storage.ts";
import { NameQueue } from "./name-queue.ts";

/** Says how an APIService is managed: always ("true"), or at a start ("onstart"), as those of built-in kinds are. */
const managedLabel = "kube-aggregator.kubernetes.io/automanaged";

export interface ApiServiceRegistrationOptions {
	readonly definitions: ObjectStorage;
	readonly services: ObjectStorage;
	/** Group versions of built-in kinds. */
	readonly isBuiltin: (version: GroupVersion) => boolean;
	readonly handle: (request: ApiRequest) => Promise<unknown>;
	readonly clock: Clock;
	readonly log: Logger;
}

export class ApiServiceRegistration {
	readonly #options: ApiServiceRegistrationOptions;
	/** Of APIServices: `v1.example.com`. */
	readonly #names: NameQueue;
	#stopFollowing: () => void = () => undefined;

	constructor(options: ApiServiceRegistrationOptions) {
		this.#options = options;
		this.#names = new NameQueue({
			clock: options.clock,
			reconcile: (name) => this.#register(name),
			failed: (name, error) => options.log.warn("could not register a group version", { name, error: String(error) }),
		});
	}

	start(): void {
		const { definitions, services } = this.#options;
		const endDefinitions = definitions.cache.subscribe(({ object, previous }) => this.#queueVersions(object, previous));
		const endServices = services.cache.subscribe(({ object, previous }) => {
			if (isManaged(object) || (previous !== undefined && isManaged(previous))) this.#names.add([object.metadata?.name ?? ""]);
		});
		this.#stopFollowing = () => {
			endDefinitions();
			endServices();
		};
		for (const { object } of definitions.cache.list()) this.#queueVersions(object);
		// What was managed before this server started may have lost its definition.
		this.#names.add(services.cache.list().flatMap(({ object, name }) => (isManaged(object) ? [name] : [])));
	}

	stop(): void {
		this.#names.stop();
		this.#stopFollowing();
	}

	#queueVersions(...objects: readonly (KubeObject | undefined)[]): void {
		for (const object of objects) {
			const { spec } = (object ?? {}) as CustomResourceDefinition;
			this.#names.add((spec?.versions ?? []).map(({ name }) => `${name}.${spec.group}`));
		}
	}

	async #register(name: string): Promise<void> {
		try {
			await this.#reconcile(name);
		} catch (error) {
			// Another server of the store was first, and its change comes here.
			if (!isStatusError(error, "AlreadyExists", "Conflict", "NotFound")) throw error;
		}
	}

	async #reconcile(name: string): Promise<void> {
		const { services, handle } = this.#options;
		const current = services.find("", name) as APIService | undefined;
		const wanted = this.#wanted(name);
		const request = { group: "apiregistration.k8s.io", version: "v1", resource: "apiservices" } as const;
		if (current === undefined) {
			if (wanted !== undefined) await handle({ ...request, verb: "create", body: wanted });
			return;
		}
		if (!isManaged(current) || current.metadata?.deletionTimestamp !== undefined) return;
		if (wanted === undefined) await handle({ ...request, verb: "delete", name });
		else if (!jsonEqual(current.spec, wanted.spec))
			await handle({ ...request, verb: "update", name, body: { ...current, spec: wanted.spec } });
	}

	/** Undefined if no definition serves this group version. */
	#wanted(name: string): APIService | undefined {
		const { definitions, isBuiltin } = this.#options;
		const [version = "", ...rest] = name.split(".");
		const group = rest.join(".");
		const isServed = definitions.cache.list().some(({ object }) => {
			const { spec } = object as CustomResourceDefinition;
			return spec?.group === group && spec.versions.some((each) => each.name === version && each.served);
		});
		if (!isServed || isBuiltin({ group, version })) return undefined;
		return {
			apiVersion: "apiregistration.k8s.io/v1",
			kind: "APIService",
			metadata: { name, labels: { [managedLabel]: "true" } },
			// Low, so that built-in groups come first; versions of equal priority are in the order of their names.
			spec: { group, version, groupPriorityMinimum: 1000, versionPriority: 100 },
		};
	}
}

function isManaged({ metadata }: KubeObject): boolean {
	return metadata?.labels?.[managedLabel] === "true";
}
