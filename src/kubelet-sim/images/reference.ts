/**
 * Image references: `nginx`, `redis:6.0.5`, `registry.k8s.io/pause:3.10@sha256:…`.
 * Source: https://github.com/distribution/reference (normalized names).
 */

export interface ImageReference {
	/** In full: `docker.io/library/nginx`. */
	readonly repository: string;
	/** `latest` if neither tag nor digest was given; absent with a digest alone. */
	readonly tag?: string;
	/** `sha256:…` */
	readonly digest?: string;
}

const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const domainPattern = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::\d+)?$/;

/** The parsed reference, or why it is none: the words behind `couldn't parse image name "…": `. */
export function parseImageReference(text: string): ImageReference | { readonly error: string } {
	const invalid = { error: "invalid reference format" };
	const [named = "", digest, ...more] = text.split("@");
	if (more.length > 0 || (digest !== undefined && !/^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/.test(digest))) return invalid;
	const colon = named.lastIndexOf(":");
	const hasTag = colon > named.lastIndexOf("/");
	const name = hasTag ? named.slice(0, colon) : named;
	const tag = hasTag ? named.slice(colon + 1) : undefined;
	if (tag !== undefined && !/^\w[\w.-]{0,127}$/.test(tag)) return invalid;
	const [first = "", ...rest] = name.split("/");
	const hasDomain =
		rest.length > 0 && (first.includes(".") || first.includes(":") || first === "localhost" || first !== first.toLowerCase());
	const path = hasDomain ? rest : [first, ...rest];
	if (hasDomain && !domainPattern.test(first)) return invalid;
	const isHub = !hasDomain || first === "docker.io" || first === "index.docker.io";
	const remote = !isHub || path.length > 1 ? path.join("/") : `library/${path[0]}`;
	if (remote !== remote.toLowerCase()) return { error: `invalid reference format: repository name (${remote}) must be lowercase` };
	if (!path.every((part) => component.test(part))) return invalid;
	const repository = `${isHub ? "docker.io" : first}/${remote}`;
	if (digest !== undefined) return { repository, digest, ...(tag === undefined ? {} : { tag }) };
	return { repository, tag: tag ?? "latest" };
}

/** `docker.io/library/nginx:latest`; with a digest `…@sha256:…`. */
export function formatImageReference({ repository, tag, digest }: ImageReference): string {
	return digest === undefined ? `${repository}:${tag}` : `${repository}@${digest}`;
}
