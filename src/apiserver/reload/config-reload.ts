/**
 * Configuration files that a server follows while it runs: each is looked at once a minute of the cluster's time. What cannot be
 * used leaves in force what was there before; the log and the metrics say so.
 * Source: k8s.io/apiserver/pkg/server/options/{authenticationconfig,authorizationconfig,encryptionconfig}/metrics,
 * pkg/kubeapiserver/options/authentication.go, pkg/kubeapiserver/authorizer/reload.go,
 * k8s.io/apiserver/pkg/server/options/encryptionconfig/controller. Kubernetes looks at the first two at once, too, when the
 * system says that they changed.
 */
import { readFileSync } from "node:fs";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import { type Family, MetricRegistry, type Value } from "../../apimachinery/metrics/registry.ts";

const pollMs = 60_000;

export type ConfigurationKind = "authentication" | "authorization" | "encryption";

export interface FollowedFile {
	readonly kind: ConfigurationKind;
	readonly path: string;
	/** What is in force: what the file held when it was read last. */
	readonly text: string;
	/** Puts a new content into force. Throws, or rejects with, what is wrong with it. */
	apply(text: string): void | Promise<void>;
}

/** What the log says, in Kubernetes' words. */
interface Texts {
	readonly unread: string;
	readonly refused: string;
	readonly done: string;
	/** Whether a content that was refused is tried again each minute, although nothing in it changed. */
	readonly triesAgain: boolean;
}

const textsOf: Readonly<Record<ConfigurationKind, Texts>> = {
	authentication: {
		unread: "failed to read authentication config file",
		refused: "failed to load authentication config",
		done: "reloaded authentication config",
		triesAgain: false,
	},
	authorization: {
		unread: "reloading authorization config",
		refused: "reloading authorization config",
		done: "reloaded authz config",
		triesAgain: false,
	},
	encryption: {
		unread: "error processing encryption config file",
		refused: "error processing encryption config file",
		done: "Loaded new kms encryption config content",
		triesAgain: true,
	},
};

interface Counters {
	readonly total: Family<Value>;
	readonly lastSeconds: Family<Value>;
}

interface Followed {
	readonly file: FollowedFile;
	readonly counters: Counters;
	/** What was looked at last, and is not looked at again. */
	seen: string;
	/** A content that is being put into force. */
	applying: boolean;
}

export class ConfigReload {
	readonly metrics = new MetricRegistry();
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #files: readonly Followed[];

	constructor(files: readonly FollowedFile[], { clock, log }: { readonly clock: Clock; readonly log: Logger }) {
		this.#clock = clock;
		this.#log = log;
		this.#files = files.map((file) => ({ file, counters: this.#countersOf(file.kind), seen: file.text, applying: false }));
	}

	/** Looks at the files from now on. Without files it costs nothing. */
	start(signal: AbortSignal): void {
		if (this.#files.length === 0) return;
		const timer = this.#clock.setInterval(() => {
			for (const followed of this.#files) void this.#look(followed);
		}, pollMs);
		signal.addEventListener("abort", () => timer.cancel(), { once: true });
	}

	#countersOf(kind: ConfigurationKind): Counters {
		const prefix = `apiserver_${kind}_config_controller_automatic_reload`;
		const tail = `of ${kind} configuration split by status and apiserver identity.`;
		const shared = { labels: ["apiserver_id_hash", "status"], stability: "BETA" } as const;
		return {
			total: this.metrics.counter({ ...shared, name: `${prefix}s_total`, help: `Total number of automatic reloads ${tail}` }),
			lastSeconds: this.metrics.gauge({
				...shared,
				name: `${prefix}_last_timestamp_seconds`,
				help: `Timestamp of the last automatic reload ${tail}`,
			}),
		};
	}

	async #look(followed: Followed): Promise<void> {
		const { file } = followed;
		const texts = textsOf[file.kind];
		if (followed.applying) return;
		const text = this.#read(followed, texts);
		if (text === undefined || text === followed.seen) return;
		if (!texts.triesAgain) followed.seen = text;
		followed.applying = true;
		try {
			await file.apply(text);
			followed.seen = text;
			this.#count(followed, "success");
			this.#log.info(texts.done, { file: file.path });
		} catch (error) {
			this.#failed(followed, texts.refused, error);
		} finally {
			followed.applying = false;
		}
	}

	/** At once, so that virtual time need not wait for the disk. */
	#read(followed: Followed, texts: Texts): string | undefined {
		try {
			return readFileSync(followed.file.path, "utf8");
		} catch (error) {
			this.#failed(followed, texts.unread, error);
			return undefined;
		}
	}

	#failed(followed: Followed, text: string, error: unknown): void {
		this.#count(followed, "failure");
		this.#log.error(text, { file: followed.file.path, error: error instanceof Error ? error.message : String(error) });
	}

	#count({ counters }: Followed, status: "success" | "failure"): void {
		// Servers have no identities of their own here, of which Kubernetes puts the hash.
		counters.total.of("", status).add();
		counters.lastSeconds.of("", status).value = this.#clock.now() / 1000;
	}
}
