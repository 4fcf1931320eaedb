/**
 * The registries of the simulated world: which images there are, and which cannot be pulled.
 *
 * Any well-formed reference can be pulled, known or not, except:
 *  - a known image's tag that does not exist: versions have parts of at most two digits, so `nginx:1.161` (the typing
 *    error of the Deployment documentation) is not found;
 *  - a reference that says so itself: its repository or tag contains `does-not-exist`, `doesnotexist`, `nonexistent`,
 *    `non-existent`, `no-such`, `nosuch`, `not-found`, `notfound` or `invalid`, or `sometag`, which "happens to be unresolvable
 *    from inside the cluster" in the Deployment documentation.
 */
import { createHash } from "node:crypto";
import { guestbookFrontendImage } from "./guestbook.ts";
import { hpaExampleImage } from "./hpa-example.ts";
import { httpdImage } from "./httpd.ts";
import type { Image } from "./image.ts";
import { nginxAlpineImage, nginxImage } from "./nginx.ts";
import { perlImage } from "./perl.ts";
import { alpineImage, busyboxImage, curlImage, debianImage, pauseImage, unknownImage } from "./plain.ts";
import { redisFollowerImage, redisImage } from "./redis.ts";
import { formatImageReference, type ImageReference } from "./reference.ts";
import { stressImage, vishStressImage } from "./stress.ts";

const knownImages: readonly Image[] = [
	nginxImage,
	busyboxImage,
	alpineImage,
	debianImage,
	curlImage,
	redisImage,
	redisFollowerImage,
	httpdImage,
	pauseImage,
	guestbookFrontendImage,
	hpaExampleImage,
	stressImage,
	vishStressImage,
	perlImage,
];

const missing = /does-?not-?exist|non-?existent|no-?such|not-?found|invalid|sometag/;

/** The image behind a reference: code for what kubesim knows, a waiting process for what it does not. */
export function findImage({ repository, tag }: ImageReference): Image {
	const image = knownImages.find(({ repositories }) =>
		repositories.some((known) => (known.endsWith("*") ? repository.startsWith(known.slice(0, -1)) : known === repository)),
	);
	if (image === nginxImage && tag?.includes("alpine") === true) return nginxAlpineImage;
	return image ?? unknownImage;
}

/** Why the reference cannot be pulled, in containerd's words; undefined if it can. */
export function pullError(reference: ImageReference): string | undefined {
	const full = formatImageReference(reference);
	const failed = `failed to pull and unpack image "${full}": failed to resolve reference "${full}"`;
	if (missing.test(reference.repository)) {
		return `rpc error: code = Unknown desc = ${failed}: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`;
	}
	const { tag } = reference;
	if (tag === undefined || reference.digest !== undefined) return undefined;
	if (!missing.test(tag) && hasTag(findImage(reference), tag)) return undefined;
	return `rpc error: code = NotFound desc = ${failed}: ${full}: not found`;
}

function hasTag(image: Image, tag: string): boolean {
	return image.hasTag?.(tag) ?? !/\d{3,}/.test(tag);
}

/** `docker.io/library/nginx@sha256:…`: the digest that this reference has in every kubesim. */
export function imageIdOf(reference: ImageReference): string {
	const digest = reference.digest ?? `sha256:${createHash("sha256").update(formatImageReference(reference)).digest("hex")}`;
	return `${reference.repository}@${digest}`;
}
