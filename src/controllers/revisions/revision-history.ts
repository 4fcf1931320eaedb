/**
 * The ControllerRevisions of StatefulSets or DaemonSets: those in the cache, newer by what this controller wrote itself,
 * and the writes on them.
 * Source of behaviour: pkg/controller/history/controller_history.go.
 */
import { type KubeObject, objectKey } from "../../apimachinery/meta.ts";
import type { ControllerRevision } from "../../apimachinery/schema/generated/types.ts";
import type { LabelSelectorMatcher } from "../../apimachinery/selector.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { ResourceClient } from "../../client/client.ts";
import type { Informer } from "../../client/informer.ts";
import { OwnWrites } from "../../client/own-writes.ts";
import { claimObjects, isControlledBy } from "../../client/owner.ts";
import { controllerRevisions } from "../../client/resources.ts";
import type { ControllerContext } from "../controller.ts";
import { addControllerIndex, managedBy, orphansIn } from "../pod-state.ts";
import { byRevision, sameRevision } from "./controller-revision.ts";

export class RevisionHistory {
	readonly #client: ResourceClient<ControllerRevision>;
	readonly #informer: Informer<ControllerRevision>;
	readonly #ownWrites = new OwnWrites<ControllerRevision>();

	constructor({ client, informers }: ControllerContext) {
		this.#client = client.resource(controllerRevisions);
		this.#informer = informers.informer(controllerRevisions);
		addControllerIndex(this.#informer.cache);
	}

	whenSynced(): Promise<void> {
		return this.#informer.whenSynced();
	}

	/** Forgets own writes as the cache learns of them. @param changed told of every revision that came, changed or went. */
	watch(changed: (revision: ControllerRevision) => void, signal: AbortSignal): void {
		const seen = (revision: ControllerRevision) => {
			this.#ownWrites.observed(revision);
			changed(revision);
		};
		const gone = (revision: ControllerRevision) => {
			this.#ownWrites.delete(objectKey(revision));
			changed(revision);
		};
		this.#informer.onChange({ added: seen, updated: (_old, revision) => seen(revision), deleted: gone }, signal);
	}

	/** The owner's revisions, oldest first; adopts and releases as its selector says. Rejects with the server's error. */
	async claim(
		owner: KubeObject,
		selector: LabelSelectorMatcher,
		readOwner: () => Promise<KubeObject>,
	): Promise<readonly ControllerRevision[]> {
		const { cache } = this.#informer;
		const { namespace, uid } = owner.metadata ?? {};
		const known = [...managedBy(cache, uid), ...orphansIn(cache, namespace)].map((revision) => this.#ownWrites.freshest(revision));
		const made = this.#ownWrites.unseen(cache).filter((revision) => isControlledBy(revision, owner));
		const claimed = await claimObjects({ owner, selector, candidates: [...known, ...made], client: this.#client, readOwner });
		return [...claimed].sort(byRevision);
	}

	/**
	 * The revision as the server has it now; one of its name and content that is there already is as good. Undefined: its
	 * name is taken by another content of the same hash.
	 */
	async create(revision: ControllerRevision): Promise<ControllerRevision | undefined> {
		try {
			return this.#ownWrites.note(await this.#client.create(revision));
		} catch (error) {
			if (!isStatusError(error, "AlreadyExists")) throw error;
			const taken = await this.#client.get({ namespace: revision.metadata?.namespace, name: revision.metadata?.name ?? "" });
			return sameRevision(taken, revision) ? taken : undefined;
		}
	}

	async update(revision: ControllerRevision): Promise<ControllerRevision> {
		return this.#ownWrites.note(await this.#client.update(revision));
	}

	/** One that is gone already is fine. */
	async delete({ metadata }: ControllerRevision): Promise<void> {
		try {
			await this.#client.delete({ namespace: metadata?.namespace, name: metadata?.name ?? "" });
		} catch (error) {
			if (!isStatusError(error, "NotFound")) throw error;
		}
	}
}
