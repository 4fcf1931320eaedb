/**
 * What a kubelet remembers of how its node got its images, so that a pod gets one that is there only if it could have pulled it.
 * Source: https://kubernetes.io/docs/concepts/containers/images/#ensureimagepullcredentialverification and KEP-2535
 * (KubeletEnsureSecretPulledImages, on in 1.36). Credentials of service accounts come from plugins of the kubelet, of which there are none.
 */
import { fnv1a32 } from "../../apimachinery/hash.ts";
import type { PullCredential } from "./pull-secrets.ts";
import { parseImageReference } from "./reference.ts";

const policies = ["NeverVerify", "NeverVerifyPreloadedImages", "NeverVerifyAllowlistedImages", "AlwaysVerify"] as const;
type VerificationPolicy = (typeof policies)[number];

export interface VerificationConfiguration {
	/** Default NeverVerifyPreloadedImages. */
	readonly imagePullCredentialsVerificationPolicy?: string;
	/** Images, or `registry.example/path/*`, of the policy NeverVerifyAllowlistedImages. */
	readonly preloadedImagesVerificationAllowlist?: readonly string[];
}

export interface Verification {
	readonly policy: VerificationPolicy;
	readonly allowlist: readonly string[];
}

/** A secret by which an image was pulled. */
interface SecretRecord {
	readonly uid: string;
	readonly namespace: string;
	readonly name: string;
	readonly hash: number;
}

interface PullRecord {
	/** It was pulled without credentials: whoever is on the node may have it. */
	readonly isOpen: boolean;
	readonly secrets: readonly SecretRecord[];
}

/** Throws an Error with the kubelet's text. */
export function readVerification({
	imagePullCredentialsVerificationPolicy: policy = "NeverVerifyPreloadedImages",
	preloadedImagesVerificationAllowlist: allowlist = [],
}: VerificationConfiguration): Verification {
	const known = policies.find((each) => each === policy);
	if (known === undefined) throw new Error(`unknown image pull credential verification policy: ${policy}`);
	return { policy: known, allowlist: allowlist.map(inFull) };
}

/** `docker.io/library/alpine` of `alpine`. */
function inFull(pattern: string): string {
	const reference = pattern.endsWith("/*") ? undefined : parseImageReference(pattern);
	return reference === undefined || "error" in reference ? pattern : reference.repository;
}

export class PullRecords {
	readonly #verification: Verification;
	/** By image id. */
	readonly #records = new Map<string, PullRecord>();

	constructor(verification: Verification) {
		this.#verification = verification;
	}

	/** @param credential absent: none was shown */
	pulled(imageId: string, credential: PullCredential | undefined): void {
		const { isOpen = false, secrets = [] } = this.#records.get(imageId) ?? {};
		if (credential === undefined) {
			this.#records.set(imageId, { isOpen: true, secrets: [] });
			return;
		}
		if (isOpen) return;
		const record = recordOf(credential);
		const others = secrets.filter(
			({ uid, namespace, name }) => uid !== record.uid || namespace !== record.namespace || name !== record.name,
		);
		this.#records.set(imageId, { isOpen: false, secrets: [...others, record] });
	}

	forget(imageId: string): void {
		this.#records.delete(imageId);
	}

	/**
	 * Whether a pod that wants an image that is there has to pull it all the same.
	 * @param image in full, without tag and digest
	 * @param credentials the pod's, for this image; asked for only if they decide
	 */
	mustPull(image: string, imageId: string, credentials: () => readonly PullCredential[]): boolean {
		const record = this.#records.get(imageId);
		if (!this.#isVerified(image, record !== undefined)) return false;
		if (record === undefined) return true;
		if (record.isOpen) return false;
		return !credentials().some((credential) => {
			const { uid, namespace, name, hash } = recordOf(credential);
			return record.secrets.some(
				(known) => known.hash === hash || (known.uid === uid && known.namespace === namespace && known.name === name),
			);
		});
	}

	/** Whether the pod's credentials decide. */
	asksCredentials(image: string, imageId: string): boolean {
		const record = this.#records.get(imageId);
		return record !== undefined && !record.isOpen && this.#isVerified(image, true);
	}

	#isVerified(image: string, isPulled: boolean): boolean {
		const { policy, allowlist } = this.#verification;
		switch (policy) {
			case "NeverVerify":
				return false;
			case "NeverVerifyPreloadedImages":
				return isPulled;
			case "NeverVerifyAllowlistedImages":
				return !allowlist.some((each) => (each.endsWith("/*") ? image.startsWith(each.slice(0, -1)) : image === each));
			case "AlwaysVerify":
				return true;
			default:
				return policy satisfies never;
		}
	}
}

function recordOf({ account, secret }: PullCredential): SecretRecord {
	const { uid = "", namespace = "", name = "" } = secret.metadata ?? {};
	return { uid, namespace, name, hash: fnv1a32(JSON.stringify([account.username, account.password])) };
}
