/** Writes on a Secret when its token was last used. Source: pkg/serviceaccount/legacy.go (KEP-2799). */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { formatTime } from "../../apimachinery/time.ts";

/** Day of the last use, UTC: 2026-01-01. */
const lastUsedLabel = "kubernetes.io/legacy-token-last-used";

export interface LegacyTokenUseOptions {
	readonly clock: Clock;
	readonly log: Logger;
	/** A Secret as it is now; undefined if there is none. */
	readonly findSecret: (namespace: string, name: string) => KubeObject | undefined;
	/** Carries out a request of the server's own. */
	readonly handle: (request: ApiRequest) => Promise<unknown>;
}

export class LegacyTokenUse {
	readonly #options: LegacyTokenUseOptions;
	/** Secrets, by namespace/name, whose last use is being written. */
	readonly #recording = new Set<string>();

	constructor(options: LegacyTokenUseOptions) {
		this.#options = options;
	}

	/** The token of a Secret was used: the Secret gets the day. Whether that succeeds is nobody's business who asked. */
	record(namespace: string, name: string): void {
		const { clock, log, findSecret, handle } = this.#options;
		const { metadata } = findSecret(namespace, name) ?? {};
		const today = formatTime(clock.now()).slice(0, 10);
		const key = `${namespace}/${name}`;
		if (metadata === undefined || metadata.labels?.[lastUsedLabel] === today || this.#recording.has(key)) return;
		this.#recording.add(key);
		const body = { metadata: { uid: metadata.uid ?? "", labels: { [lastUsedLabel]: today } } };
		const patchType = "application/merge-patch+json";
		handle({ verb: "patch", group: "", version: "v1", resource: "secrets", namespace, name, patchType, body })
			.catch((error: unknown) => log.debug("the use of a token was not recorded", { namespace, name, error: String(error) }))
			.finally(() => this.#recording.delete(key));
	}
}
