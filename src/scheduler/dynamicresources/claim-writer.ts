/** Writes about claims that nobody waits for: what comes of them shows in the informer. */
import { deallocated, withoutClaimFinalizer } from "../../apimachinery/devices/resource-claims.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Pod, ResourceResourceClaim } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { Client } from "../../client/client.ts";
import { resourceClaims } from "../../client/resources.ts";

export class ClaimWriter {
	readonly #client: Client;
	readonly #log: Logger;

	constructor(client: Client, log: Logger) {
		this.#client = client;
		this.#log = log;
	}

	/** Gives the claim's devices back. If somebody has written it meanwhile, the next attempt sees what there is to do. */
	deallocate(claim: ResourceResourceClaim): void {
		void this.#client
			.resource(resourceClaims)
			.updateStatus(deallocated(claim))
			.catch((error: unknown) => this.#report("deallocate", claim, error));
	}

	/** Takes the pod from those who use the claim, and leaves the others. */
	unreserve(claim: ResourceResourceClaim, pod: Pod): void {
		const { namespace, name = "", uid } = claim.metadata ?? {};
		const body = { metadata: { uid }, status: { reservedFor: [{ $patch: "delete", uid: pod.metadata?.uid }] } };
		void this.#client
			.resource(resourceClaims)
			.patch({ namespace, name }, "application/strategic-merge-patch+json", body, { subresource: "status" })
			.catch((error: unknown) => this.#report("unreserve", claim, error));
	}

	/** A claim that we made for a pod which could not be bound. */
	remove(claim: ResourceResourceClaim): void {
		void this.#remove(claim).catch((error: unknown) => this.#report("delete", claim, error));
	}

	/** Whatever it has become meanwhile. */
	async #remove({ metadata }: ResourceResourceClaim): Promise<void> {
		const client = this.#client.resource(resourceClaims);
		const { namespace, name = "" } = metadata ?? {};
		const current = await client.get({ namespace, name });
		await client.update(withoutClaimFinalizer(current));
		await client.delete({ namespace, name });
	}

	#report(what: string, { metadata }: ResourceResourceClaim, error: unknown): void {
		if (isStatusError(error, "NotFound", "Conflict")) return;
		this.#log.error(`Error in ${what}`, { resourceclaim: `${metadata?.namespace}/${metadata?.name}`, error: String(error) });
	}
}
