/** Objects out of what a user writes: YAML of one or many documents, JSON, values, and lists of any of them. */
import { isJsonObject } from "./json.ts";
import type { KubeObject } from "./meta.ts";

export type Manifest = string | KubeObject | readonly (string | KubeObject)[];

/** A document that is no object of the API. */
export class ManifestError extends Error {
	override readonly name = "ManifestError";
}

/**
 * In the order in which they stand; a List stands for its items.
 * @throws ManifestError
 */
export async function readManifest(manifest: Manifest): Promise<readonly KubeObject[]> {
	const parts = typeof manifest === "string" || !Array.isArray(manifest) ? [manifest as string | KubeObject] : manifest;
	const documents = await Promise.all(parts.map((part) => (typeof part === "string" ? parseDocuments(part) : [part])));
	return documents.flat().flatMap(objectsOf);
}

/** Loads what reads texts: real I/O, which takes longer the first time, and would let a first run go another way than the next ones. */
export async function preloadReader(): Promise<void> {
	await import("yaml");
}

async function parseDocuments(text: string): Promise<readonly unknown[]> {
	const { parseAllDocuments } = await import("yaml");
	return parseAllDocuments(text).flatMap((document) => {
		const [error] = document.errors;
		if (error !== undefined) throw new ManifestError(error.message);
		const value = document.toJS() as unknown;
		// A file may begin or end with a line of dashes.
		return value === null ? [] : [value];
	});
}

function objectsOf(value: unknown): readonly KubeObject[] {
	if (!isJsonObject(value) || typeof value.kind !== "string" || typeof value.apiVersion !== "string")
		throw new ManifestError(`an object needs apiVersion and kind: ${JSON.stringify(value).slice(0, 200)}`);
	if (value.kind === "List" && Array.isArray(value.items)) return value.items.flatMap(objectsOf);
	return [value as KubeObject];
}
