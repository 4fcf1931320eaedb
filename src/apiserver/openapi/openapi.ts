/**
 * OpenAPI: one version 2 document of everything, and version 3 documents one a group version. Made when first asked for
 * and kept as bytes; loaded, with 600 KB of descriptions, only then.
 * Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition
 */
import { createHash } from "node:crypto";
import { kubernetesVersion } from "../../apimachinery/kubernetes-version.ts";
import type { GroupVersion } from "../../apimachinery/meta.ts";
import { descriptions } from "../../apimachinery/schema/generated/descriptions.ts";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import type { Catalog } from "../http/catalog.ts";
import { customDefinitions } from "./custom-definitions.ts";
import { writeV2 } from "./document-v2.ts";
import { writeV3 } from "./document-v3.ts";
import type { JsonSchema } from "./json-schema.ts";
import { operationsOf, type PathOperations } from "./operations.ts";
import { encodeV2 } from "./protobuf-v2.ts";
import { type CustomDefinitions, isCustomType } from "./schemas.ts";
import { coreVersionsOperation, groupOperation, groupsOperation, resourcesOperation, versionOperation } from "./system-operations.ts";

interface OpenApiDocument {
	readonly contentType: string;
	readonly bytes: Buffer;
	/** Strong: a hash of the bytes. */
	readonly etag: string;
}

/** `{"paths": {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1?hash=…"}}}` */
interface OpenApiIndex {
	readonly paths: Readonly<Record<string, { readonly serverRelativeURL: string }>>;
}

const byCatalog = new WeakMap<Catalog, OpenApi>();
/** Hashes of documents by their first endpoint: it stays as long as nothing of the group version changes. */
const hashes = new WeakMap<GeneratedResource, { readonly endpoints: readonly GeneratedResource[]; readonly etag: string }>();

/** The documents of one set of served resources. */
export function openApiOf(catalog: Catalog): OpenApi {
	let documents = byCatalog.get(catalog);
	if (documents === undefined) {
		documents = new OpenApi(catalog);
		byCatalog.set(catalog, documents);
	}
	return documents;
}

class OpenApi {
	readonly #byGroupVersion: ReadonlyMap<string, readonly GeneratedResource[]>;
	readonly #groupVersions: readonly GroupVersion[];
	/** Those that DeleteOptions and WatchEvent belong to: custom resources change nothing in the documents of others. */
	readonly #ownGroupVersions: readonly GroupVersion[];
	readonly #custom: CustomDefinitions;
	/** Documents that somebody has asked for; the index needs only the hashes of the others. */
	readonly #v3 = new Map<string, OpenApiDocument>();
	#v2: OpenApiDocument | undefined;
	#v2Protobuf: OpenApiDocument | undefined;
	#index: OpenApiIndex | undefined;

	constructor({ resources, kinds, discovery }: Catalog) {
		this.#byGroupVersion = Map.groupBy(resources, ({ group, version }) => `${group}/${version}`);
		this.#groupVersions = discovery.groupVersions();
		const isOwn = ({ group, version }: GroupVersion) => !(this.#byGroupVersion.get(`${group}/${version}`) ?? []).some(isCustomType);
		this.#ownGroupVersions = this.#groupVersions.filter(isOwn);
		this.#custom = customDefinitions(resources, kinds);
	}

	v2(): OpenApiDocument {
		this.#v2 ??= toDocument("application/json", Buffer.from(JSON.stringify(this.#writeV2())));
		return this.#v2;
	}

	/** The form that client-go asks for: the same document as gnostic's protobuf message. */
	v2Protobuf(): OpenApiDocument {
		this.#v2Protobuf ??= toDocument("application/com.github.proto-openapi.spec.v2.v1.0+protobuf", encodeV2(this.#writeV2()));
		return this.#v2Protobuf;
	}

	/** Which version 3 documents there are; their hashes change with their bytes. */
	v3Index(): OpenApiIndex {
		this.#index ??= {
			paths: Object.fromEntries(
				this.#v3Paths().map((path) => {
					const hash = this.#etag(path).slice(1, -1);
					return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
				}),
			),
		};
		return this.#index;
	}

	/** @param path `api/v1`, `apis/apps/v1` …; undefined for one that is not served */
	v3(path: string): OpenApiDocument | undefined {
		const known = this.#v3.get(path);
		if (known !== undefined || !this.#v3Paths().includes(path)) return known;
		const document = this.#writeV3(path);
		this.#v3.set(path, document);
		return document;
	}

	/** Of the document at a path, which is not kept for it: with hundreds of custom resources they come to many megabytes. */
	#etag(path: string): string {
		const endpoints = this.#endpointsAt(path);
		const [first] = endpoints;
		const known = first === undefined ? undefined : hashes.get(first);
		const isSame =
			known?.endpoints.length === endpoints.length && known.endpoints.every((endpoint, index) => endpoint === endpoints[index]);
		if (known !== undefined && isSame) return known.etag;
		const { etag } = this.#v3.get(path) ?? this.#writeV3(path);
		if (first !== undefined) hashes.set(first, { endpoints, etag });
		return etag;
	}

	#writeV3(path: string): OpenApiDocument {
		const value = writeV3(this.#operations(path), this.#ownGroupVersions, descriptions, kubernetesVersion, this.#custom);
		return toDocument("application/json", Buffer.from(JSON.stringify(value)));
	}

	#endpointsAt(path: string): readonly GeneratedResource[] {
		const [prefix, ...rest] = path.split("/");
		const [group = "", version = ""] = prefix === "api" ? ["", ...rest] : rest;
		return this.#byGroupVersion.get(`${group}/${version}`) ?? [];
	}

	#writeV2(): JsonSchema {
		const paths = this.#v3Paths().flatMap((path) => this.#operations(path));
		return writeV2(paths, this.#ownGroupVersions, descriptions, kubernetesVersion, this.#custom);
	}

	#v3Paths(): string[] {
		const groups = [...new Set(this.#groupVersions.map(({ group }) => group))].filter((group) => group !== "");
		const versions = this.#groupVersions.map(({ group, version }) => (group === "" ? `api/${version}` : `apis/${group}/${version}`));
		return ["api", "apis", "version", ...groups.map((group) => `apis/${group}`), ...versions].sort();
	}

	#operations(path: string): readonly PathOperations[] {
		const [prefix, ...rest] = path.split("/");
		const [group = "", version] = prefix === "api" ? ["", ...rest] : rest;
		if (path === "version") return [versionOperation()];
		if (path === "api") return [coreVersionsOperation()];
		if (path === "apis") return [groupsOperation()];
		if (version === undefined) return [groupOperation(group)];
		return [resourcesOperation({ group, version }), ...operationsOf(this.#endpointsAt(path))];
	}
}

function toDocument(contentType: string, bytes: Buffer): OpenApiDocument {
	const hash = createHash("sha512").update(bytes).digest("hex").toUpperCase();
	return { contentType, bytes, etag: `"${hash}"` };
}
