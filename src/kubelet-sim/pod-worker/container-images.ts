/**
 * Brings the images that a container needs to its node: its own, and those of the volumes that it mounts. What is decided is in
 * image-pull.ts; this waits for Secrets, for its turn among the node's pulls, and for the registry.
 */
import type { Pod, Secret } from "../../apimachinery/schema/generated/types.ts";
import type { PulledImage } from "../images/image-catalog.ts";
import { credentialsFor, type PullCredential } from "../images/pull-secrets.ts";
import { formatImageReference, type ImageReference } from "../images/reference.ts";
import { registryHostOf } from "../images/registry-options.ts";
import { nextBackoff } from "./backoff.ts";
import { resyncMs } from "./container-life.ts";
import { type ContainerEvent, decidePull, type ImageNeed, pulledEvent, pullFailedEvents, storedOn } from "./image-pull.ts";
import type { ContainerRecord } from "./pod-record.ts";
import type { WorkerHost, WorkerNode } from "./worker-host.ts";

export type ImageOutcome =
	| { readonly type: "ready"; readonly reference: ImageReference; readonly pulled: PulledImage }
	| { readonly type: "wait"; readonly reason: string; readonly message: string; readonly retryAfterMs: number };

/** The pod around the container. */
interface ImagesScope {
	readonly host: WorkerHost;
	readonly node: WorkerNode;
	readonly pod: Pod;
	readonly closed: boolean;
	/** Plans anew. */
	sync(): void;
	event(type: "Normal" | "Warning", reason: string, message: string): void;
}

export interface ContainerImagesOptions {
	readonly scope: ImagesScope;
	readonly record: ContainerRecord;
	readonly events: (need: ImageNeed, events: readonly ContainerEvent[]) => void;
}

export class ContainerImages {
	readonly #options: ContainerImagesOptions;

	constructor(options: ContainerImagesOptions) {
		this.#options = options;
	}

	/**
	 * Brings an image, at once if nothing takes time.
	 * @param isOvertaken whether the start that this is for is of no interest any more; what is being pulled arrives all the same
	 */
	ensure(need: ImageNeed, isOvertaken: () => boolean, done: (outcome: ImageOutcome) => void): void {
		const { scope, record } = this.#options;
		const { node } = scope;
		const decide = (secrets: readonly Secret[], hasAsked: boolean) => {
			const decision = decidePull(need, record, {
				imageOf: (reference) => node.image(reference),
				mustPull: ({ repository }, { imageId }) =>
					node.pullRecords.mustPull(repository, imageId, () => credentialsFor(repository, secrets)),
				nowMs: scope.host.clock.now(),
			});
			if (decision.type === "use") {
				this.#options.events(need, decision.events);
				done({ type: "ready", reference: decision.reference, pulled: decision.pulled });
			} else if (decision.type === "wait") {
				this.#options.events(need, decision.events);
				done(decision);
			} else if (hasAsked) {
				this.#options.events(need, decision.events);
				record.phase = "pulling";
				this.#pull(need, decision.reference, credentialsFor(decision.reference.repository, secrets), isOvertaken, done);
			} else this.#withSecrets(isOvertaken, (all) => decide(all, true));
		};
		// What the pod's Secrets say matters only if something is to be pulled, or if who pulled it matters.
		if (scope.pod.spec?.imagePullSecrets === undefined) decide([], true);
		else if (this.#asksCredentials(need)) this.#withSecrets(isOvertaken, (all) => decide(all, true));
		else decide([], false);
	}

	#asksCredentials({ image }: ImageNeed): boolean {
		const { node } = this.#options.scope;
		const known = decidePull({ image, policy: "IfNotPresent" }, this.#options.record, {
			imageOf: (reference) => node.image(reference),
			mustPull: () => false,
			nowMs: 0,
		});
		return known.type === "use" && node.pullRecords.asksCredentials(known.reference.repository, known.pulled.imageId);
	}

	/** The Secrets that the pod names and that are there: at once where the caches have them. */
	#withSecrets(isOvertaken: () => boolean, use: (secrets: readonly Secret[]) => void): void {
		const { scope, record } = this.#options;
		const { host, pod, node } = scope;
		const namespace = pod.metadata?.namespace ?? "";
		const names = (pod.spec?.imagePullSecrets ?? []).flatMap(({ name }) => (name === undefined || name === "" ? [] : [name]));
		const isMissing = (name: string) => host.lookups.secret(namespace, name) === undefined;
		const found = () => names.flatMap((name) => host.lookups.secret(namespace, name) ?? []);
		const missing = names.filter(isMissing);
		if (missing.length === 0) {
			use(found());
			return;
		}
		record.phase = "pulling";
		void Promise.all(missing.map((name) => host.fetch(node.name, { kind: "secret", namespace, name }))).then(() => {
			if (scope.closed || isOvertaken()) return;
			const lost = names.filter(isMissing);
			if (lost.length > 0) {
				const message = `Unable to retrieve some image pull secrets (${lost.join(", ")}); attempting to pull the image may not succeed.`;
				scope.event("Warning", "FailedToRetrieveImagePullSecret", message);
			}
			use(found());
			scope.sync();
		});
	}

	#pull(
		need: ImageNeed,
		reference: ImageReference,
		credentials: readonly PullCredential[],
		isOvertaken: () => boolean,
		done: (outcome: ImageOutcome) => void,
	): void {
		const { scope } = this.#options;
		const { host, node } = scope;
		const { clock, images, latency, random } = host;
		const { pulls } = node;
		const full = formatImageReference(reference);
		const askedMs = clock.now();
		pulls.enter(() => {
			if (scope.closed || isOvertaken()) {
				pulls.leave();
				return;
			}
			const registryHost = registryHostOf(reference.repository);
			const registered = images.pull({
				reference,
				accounts: credentials.map(({ account }) => account),
				allowsPlainHttp: images.registry(registryHost)?.scheme === "http" && node.allowsPlainHttp(registryHost),
			});
			const isUpToDate = !("error" in registered) && node.image(full)?.imageId === registered.imageId;
			const tookMs =
				"error" in registered || isUpToDate ? latency.checkImageMs(random) : images.pullMs(reference, registered.image, latency, random);
			const finish = () => {
				const answer = storedOn(node, reference, registered);
				if (!("error" in answer) && !node.isOff) {
					node.addImage(full, answer);
					node.pullRecords.pulled(
						answer.imageId,
						credentials.find(({ account }) => account === answer.account),
					);
				}
				node.counters.count("runtime_operations_total", "pull_image");
				if ("error" in answer) node.counters.count("runtime_operations_errors_total", "pull_image");
				else node.counters.imagePulled(clock.now() - askedMs, answer.image.sizeBytes);
				pulls.leave();
				if (scope.closed || isOvertaken()) return;
				if ("error" in answer) done(this.#failed(need, answer.error));
				else {
					this.#options.events(need, [pulledEvent(need.image, tookMs, clock.now() - askedMs, answer.image.sizeBytes)]);
					done({ type: "ready", reference, pulled: answer });
				}
			};
			if (tookMs <= 0) finish();
			else
				clock.setTimeout(() => {
					finish();
					scope.sync();
				}, tookMs);
		});
	}

	#failed(need: ImageNeed, error: string): ImageOutcome {
		const { record, scope, events } = this.#options;
		const nowMs = scope.host.clock.now();
		record.pullError = error;
		record.imageBackoff = nextBackoff(record.imageBackoff, record.imageBackoff?.updatedMs ?? nowMs, nowMs);
		events(need, pullFailedEvents(need.image, error));
		return { type: "wait", reason: "ErrImagePull", message: error, retryAfterMs: resyncMs };
	}
}
