/**
 * What the registries of a cluster's world have, and whom they give it to: kubesim's own images, those that users load, and for any other
 * well-formed reference a machine that waits. Pulls fail in containerd's words.
 *
 * Not found are
 *  - a known image's tag that does not exist: versions have parts of at most two digits, so `nginx:1.161` (the typing
 *    error of the Deployment documentation) is not found;
 *  - a reference that says so itself: its repository or tag contains `does-not-exist`, `doesnotexist`, `nonexistent`,
 *    `non-existent`, `no-such`, `nosuch`, `not-found`, `notfound` or `invalid`, or `sometag`, which "happens to be unresolvable
 *    from inside the cluster" in the Deployment documentation;
 *  - what is not known, in a registry that was told to have nothing else.
 */
import { createHash } from "node:crypto";
import type { Random } from "../../apimachinery/random.ts";
import type { LatencyModel } from "../latency.ts";
import { builtInImages } from "./built-in-images.ts";
import type { Image } from "./image.ts";
import { unknownImage } from "./plain.ts";
import { formatImageReference, type ImageReference } from "./reference.ts";
import { type RegistryAccount, type RegistryOptions, registryHostOf } from "./registry-options.ts";

/** Where Docker Hub is asked. */
const dockerHub = "registry-1.docker.io";
const missing = /does-?not-?exist|non-?existent|no-?such|not-?found|invalid|sometag/;

/** An image as a node has it. */
export interface PulledImage {
	readonly image: Image;
	/** `docker.io/library/nginx@sha256:…` */
	readonly imageId: string;
}

export interface PullRequest {
	readonly reference: ImageReference;
	/** Of the pod's imagePullSecrets, for the repository; tried one after the other, and nobody's at last. */
	readonly accounts: readonly RegistryAccount[];
	/** The node's runtime speaks plain HTTP to the registry. */
	readonly allowsPlainHttp: boolean;
}

/** @property account the one that the registry took; absent: it asked for none, and was shown none */
export type PullAnswer = (PulledImage & { readonly account?: RegistryAccount }) | { readonly error: string };

export class ImageCatalog {
	/** By repository, the one that was loaded last first. */
	readonly #loaded = new Map<string, readonly Image[]>();
	/** By host. */
	readonly #registries = new Map<string, RegistryOptions>();

	constructor(
		options: { readonly images?: readonly Image[] | undefined; readonly registries?: readonly RegistryOptions[] | undefined } = {},
	) {
		for (const image of options.images ?? []) this.load(image);
		for (const registry of options.registries ?? []) this.setRegistry(registry);
	}

	/** From now on pulls of its repositories get this image, where it has their tag; nodes keep what they have. */
	load(image: Image): void {
		for (const repository of image.repositories) {
			const others = (this.#loaded.get(repository) ?? []).filter((other) => !hasSameTags(other, image));
			this.#loaded.set(repository, [image, ...others]);
		}
	}

	/** A registry is described anew. */
	setRegistry(registry: RegistryOptions): void {
		this.#registries.set(registry.host, registry);
	}

	registry(host: string): RegistryOptions | undefined {
		return this.#registries.get(host);
	}

	/** Those that users loaded, one that shadows another before it. */
	loaded(): readonly Image[] {
		return [...new Set([...this.#loaded.values()].flat())];
	}

	/** kubesim's own. */
	builtIn(): readonly Image[] {
		return builtInImages;
	}

	registries(): readonly RegistryOptions[] {
		return [...this.#registries.values()];
	}

	/** What a registry answers to a node that asks it for an image. */
	pull({ reference, accounts, allowsPlainHttp }: PullRequest): PullAnswer {
		const host = registryHostOf(reference.repository);
		const registry = this.#registries.get(host);
		const full = formatImageReference(reference);
		const failed = (code: "Unknown" | "NotFound", why: string) => ({
			error: `rpc error: code = ${code} desc = failed to pull and unpack image "${full}": failed to resolve reference "${full}": ${why}`,
		});
		let taken = accounts[0];
		const denied = "pull access denied, repository does not exist or may require authorization";
		if (registry !== undefined) {
			const problem = connectionProblem(registry, reference, allowsPlainHttp);
			if (problem !== undefined) return failed("Unknown", `failed to do request: ${problem}`);
			const { accounts: known } = registry;
			taken = known === undefined ? taken : accounts.find((shown) => known.some((account) => isSameAccount(account, shown)));
			if (known !== undefined && taken === undefined) {
				if (accounts.length === 0) return failed("Unknown", `${denied}: authorization failed: no basic auth credentials`);
				return failed("Unknown", `unexpected status from HEAD request to ${manifestUrl(registry, reference)}: 401 Unauthorized`);
			}
		}
		if (missing.test(reference.repository)) return failed("Unknown", `${denied}: server message: insufficient_scope: authorization failed`);
		const image = this.#find(reference, registry);
		if (image === undefined) return failed("NotFound", `${full}: not found`);
		return { image, imageId: imageIdOf(reference, image), ...(taken === undefined ? {} : { account: taken }) };
	}

	/** What a pull of so much takes, ms. */
	pullMs(reference: ImageReference, { sizeBytes }: Image, latency: LatencyModel, random: Random): number {
		const registry = this.#registries.get(registryHostOf(reference.repository));
		const usualMs = latency.pullMs(sizeBytes, random);
		const { bytesPerSecond, latencyMs = 0 } = registry ?? {};
		return latencyMs + (bytesPerSecond === undefined ? usualMs : Math.round((sizeBytes / bytesPerSecond) * 1000));
	}

	/** What a node finds that has run the image before: as it is today, if it is not what it was. */
	known(reference: ImageReference): PulledImage {
		const image = this.#find(reference, undefined) ?? unknownImage;
		return { image, imageId: imageIdOf(reference, image) };
	}

	/** Undefined: the registry does not have it. */
	#find(reference: ImageReference, registry: RegistryOptions | undefined): Image | undefined {
		const image = this.#findAnyTag(reference, registry);
		return reference.tag === undefined ? image : (image?.ofTag?.(reference.tag) ?? image);
	}

	#findAnyTag(reference: ImageReference, registry: RegistryOptions | undefined): Image | undefined {
		const { repository, tag } = reference;
		const isThere = (image: Image) => tag === undefined || reference.digest !== undefined || hasTag(image, tag);
		const loaded = this.#loaded.get(repository);
		if (loaded !== undefined) return loaded.find(isThere);
		if (tag !== undefined && reference.digest === undefined && missing.test(tag)) return undefined;
		const builtIn = builtInImages.filter(({ repositories }) => repositories.some((known) => matches(known, repository)));
		if (builtIn.length > 0) return builtIn.find(isThere);
		return registry?.contents === "known" ? undefined : unknownImage;
	}
}

/** A trailing `*` stands for any suffix. */
function matches(known: string, repository: string): boolean {
	return known.endsWith("*") ? repository.startsWith(known.slice(0, -1)) : known === repository;
}

function hasTag(image: Image, tag: string): boolean {
	return image.tags?.includes(tag) ?? image.hasTag?.(tag) ?? !/\d{3,}/.test(tag);
}

function hasSameTags({ tags: one }: Image, { tags: other }: Image): boolean {
	return JSON.stringify(one) === JSON.stringify(other);
}

function isSameAccount(one: RegistryAccount, other: RegistryAccount): boolean {
	return one.username === other.username && one.password === other.password;
}

function manifestUrl({ host, scheme = "https" }: RegistryOptions, { repository, tag, digest }: ImageReference): string {
	const name = repository.slice(host.length + 1);
	return `${scheme}://${host === "docker.io" ? dockerHub : host}/v2/${name}/manifests/${digest ?? tag}`;
}

/** What Go's HTTP client says of a registry that cannot be asked. */
function connectionProblem(registry: RegistryOptions, reference: ImageReference, allowsPlainHttp: boolean): string | undefined {
	const scheme = registry.scheme === "http" && allowsPlainHttp ? "http" : "https";
	const asked = `Head "${manifestUrl({ ...registry, scheme }, reference)}"`;
	if (registry.reachable === false) {
		const name = (registry.host === "docker.io" ? dockerHub : registry.host).replace(/:\d+$/, "");
		return `${asked}: dial tcp: lookup ${name} on 172.18.0.1:53: no such host`;
	}
	if (registry.scheme === "http" && !allowsPlainHttp) return `${asked}: http: server gave HTTP response to HTTPS client`;
	return undefined;
}

/** `docker.io/library/nginx@sha256:…`: the digest that this reference has in every kubesim, as long as the image is the same. */
export function imageIdOf(reference: ImageReference, { revision = "" }: Image): string {
	const digest =
		reference.digest ??
		`sha256:${createHash("sha256")
			.update(`${formatImageReference(reference)}${revision}`)
			.digest("hex")}`;
	return `${reference.repository}@${digest}`;
}
