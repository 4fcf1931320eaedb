/** One call of kubectl: its words, whom it asks, and the objects that its words name. */
import { readFile } from "node:fs/promises";
import { sleep } from "../../apimachinery/clock/clock.ts";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import type { JsonValue } from "../../apimachinery/json.ts";
import { JsonPath } from "../../apimachinery/json-path.ts";
import { readManifest } from "../../apimachinery/manifests.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { parseGoDuration } from "../../apimachinery/time.ts";
import type { ObjectRef } from "../../client/client.ts";
import type { Api, Resource } from "./api.ts";
import type { Words } from "./words.ts";

/** The streams of the program. */
export interface Streams {
	readonly stdin: AsyncIterable<Uint8Array>;
	readonly stdout: NodeJS.WritableStream;
	readonly stderr: NodeJS.WritableStream;
}

export interface CallOptions {
	readonly words: Words;
	readonly api: Api;
	/** That is meant where none is named. */
	readonly namespace: string;
	readonly streams: Streams;
	/** Of the shell; files are named from there. */
	readonly env: NodeJS.ProcessEnv;
}

/** An object, and its kind. */
export interface Found {
	readonly resource: Resource;
	readonly ref: ObjectRef & { readonly name: string };
	/** Undefined: it is not there. */
	readonly object: KubeObject | undefined;
}

/** Between two looks at something that is waited for, real ms. */
const pauseMs = 200;

export class Call {
	readonly api: Api;
	readonly streams: Streams;
	readonly env: NodeJS.ProcessEnv;
	/** What follows the verb. */
	readonly args: readonly string[];
	/** What follows `--`. */
	readonly command: readonly string[];
	readonly clock = new WallClock();
	readonly #flags: Words["flags"];
	readonly #namespace: string;

	/** @param verbLength how many words the verb has */
	constructor({ words, api, namespace, streams, env }: CallOptions, verbLength: number) {
		this.api = api;
		this.streams = streams;
		this.env = env;
		this.args = words.args.slice(verbLength);
		this.command = words.command;
		this.#flags = words.flags;
		this.#namespace = namespace;
	}

	get namespace(): string {
		return this.flag("namespace") ?? this.#namespace;
	}

	/** The last one counts. */
	flag(name: string): string | undefined {
		return this.#flags.get(name)?.at(-1);
	}

	isOn(name: string): boolean {
		return this.flag(name) === "true";
	}

	/** All values, those between commas too. */
	list(name: string): readonly string[] {
		return (this.#flags.get(name) ?? []).flatMap((value) => value.split(","));
	}

	values(name: string): readonly string[] {
		return this.#flags.get(name) ?? [];
	}

	/** `--timeout` and the like, ms. */
	durationMs(name: string, usualMs: number): number {
		const text = this.flag(name);
		return text === undefined ? usualMs : parseGoDuration(text);
	}

	say(text: string): void {
		this.streams.stdout.write(`${text}\n`);
	}

	/** `name` is where the objects are, `-` for stdin. */
	async read(name: string): Promise<string> {
		if (name !== "-") return await readFile(name, "utf8");
		const chunks: Uint8Array[] = [];
		for await (const chunk of this.streams.stdin) chunks.push(chunk);
		return Buffer.concat(chunks).toString();
	}

	/** The objects in the files of `-f`, in their namespaces. */
	async manifests(): Promise<readonly { readonly resource: Resource; readonly object: KubeObject }[]> {
		const objects: { readonly resource: Resource; readonly object: KubeObject }[] = [];
		for (const file of this.values("filename")) {
			for (const object of await readManifest(await this.read(file))) {
				const resource = await this.api.resourceOf(object);
				objects.push({ resource, object: this.placed(resource, object) });
			}
		}
		return objects;
	}

	/** In the call's namespace, if it is in none. */
	placed(resource: Resource, object: KubeObject): KubeObject {
		return resource.namespaced ? { ...object, metadata: { namespace: this.namespace, ...object.metadata } } : object;
	}

	/**
	 * `pods web`, `pod/web`, `pods,services`, `pods -l a=b`, `-f FILE`.
	 * @param mayLack what is not there is left out, and not NotFound
	 */
	async find(names: readonly string[], mayLack = false): Promise<readonly Found[]> {
		const found: Found[] = [];
		for (const { resource, ref } of await this.named(names)) {
			const { name } = ref;
			if (name === undefined) found.push(...(await this.#list(resource)));
			else {
				const object = mayLack ? await findOne(resource, { ...ref, name }) : await resource.client.get({ ...ref, name });
				found.push({ resource, ref: { ...ref, name }, object });
			}
		}
		return found;
	}

	/** What the words name, not looked for yet; without a name: all of the kind. */
	async named(names: readonly string[]): Promise<readonly { readonly resource: Resource; readonly ref: Partial<ObjectRef> }[]> {
		const files = await this.manifests();
		if (files.length > 0) return files.map(({ resource, object }) => ({ resource, ref: refOf(object) }));
		const [first = "", ...others] = names;
		const wanted: readonly (string | undefined)[] = others.length === 0 ? [undefined] : others;
		const pairs = first.includes("/")
			? names.map((each) => splitAt(each, "/"))
			: first.split(",").flatMap((kind) => wanted.map((name) => [kind, name] as const));
		const named: { readonly resource: Resource; readonly ref: Partial<ObjectRef> }[] = [];
		for (const [kind, name] of pairs) {
			const resource = await this.api.resource(kind);
			const ref = { ...(name === undefined ? {} : { name }), namespace: this.namespaceFor(resource) };
			named.push({ resource, ref });
		}
		return named;
	}

	/** Undefined: everywhere, or in none. */
	namespaceFor({ namespaced }: Resource): string | undefined {
		return namespaced && !this.isOn("all-namespaces") ? this.namespace : undefined;
	}

	/** What `-l` and `--field-selector` say. */
	get selectors(): { readonly labelSelector?: string; readonly fieldSelector?: string } {
		const [labelSelector, fieldSelector] = [this.flag("selector"), this.flag("field-selector")];
		return { ...(labelSelector === undefined ? {} : { labelSelector }), ...(fieldSelector === undefined ? {} : { fieldSelector }) };
	}

	/** Resolves to whether it comes to hold within so much real time. */
	async comes(withinMs: number, holds: () => Promise<boolean>): Promise<boolean> {
		const untilMs = this.clock.now() + withinMs;
		while (!(await holds())) {
			if (this.clock.now() >= untilMs) return false;
			await sleep(this.clock, pauseMs);
		}
		return true;
	}

	async #list(resource: Resource): Promise<readonly Found[]> {
		const { items } = await resource.client.list(this.namespaceFor(resource), this.selectors);
		// Items of a list do not say what they are.
		const apiVersion = resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
		return items.map((item) => ({ resource, ref: refOf(item), object: { ...item, apiVersion, kind: resource.kind } }));
	}
}

export async function findOne({ client }: Resource, ref: ObjectRef): Promise<KubeObject | undefined> {
	try {
		return await client.get(ref);
	} catch (error) {
		if (isStatusError(error) && error.code === 404) return undefined;
		throw error;
	}
}

export function refOf({ metadata }: KubeObject): ObjectRef & { readonly name: string } {
	return { namespace: metadata?.namespace, name: metadata?.name ?? "" };
}

/** As kubectl names it: `pod/web`, `deployment.apps/web`. */
export function nameOf({ resource: { kind, group }, ref }: Pick<Found, "resource" | "ref">): string {
	return `${kind.toLowerCase()}${group === "" ? "" : `.${group}`}/${ref.name}`;
}

/** The first value at a path such as `.spec.replicas`. */
export function valueAt(object: KubeObject | undefined, path: string): JsonValue | undefined {
	return object === undefined ? undefined : valuesAt(object, path)[0];
}

/** Objects of the API are JSON values: their types say more, not less. */
export function valuesAt(object: KubeObject, path: string): readonly JsonValue[] {
	return new JsonPath(path).find(object as unknown as JsonValue);
}

/** At the first separator; what is not there is empty. */
export function splitAt(text: string, separator: string): readonly [string, string] {
	const index = text.indexOf(separator);
	return index < 0 ? [text, ""] : [text.slice(0, index), text.slice(index + separator.length)];
}

/** `a=b` of each. */
export function mapOf(pairs: readonly string[]): Readonly<Record<string, string>> {
	return Object.fromEntries(pairs.map((pair) => splitAt(pair, "=")));
}
