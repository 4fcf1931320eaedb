/**
 * What a check looks at, written as one would ask kubectl: `pods web`, `pods -l app=web`, `events -A`, `nodes`. With a name it is the
 * object, or null while there is none; without one it is the list of all that there are. `store` is no kind: the members of the cluster's
 * store, as `kubesim store status` has them.
 */
import type { JsonValue } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { Client } from "../../client/client.ts";
import { type Cluster, kindOfName, type StoreMember, storeMembers } from "../../cluster/index.ts";

export interface Look {
	/** As it was written. */
	readonly text: string;
	/** As kubectl takes it: `pods`, `deploy`, `endpointslices.discovery.k8s.io`. */
	readonly kind: string;
	/** Undefined: all of them. */
	readonly name: string | undefined;
	/** Undefined: the lesson's own. */
	readonly namespace: string | undefined;
	readonly isEverywhere: boolean;
	readonly labelSelector: string | undefined;
}

/** What is looked at by this word is not in the API. */
const storeWord = "store";

export class LookError extends Error {
	override readonly name = "LookError";
}

/** @throws LookError */
export function parseLook(text: string): Look {
	const words = text.trim().split(/\s+/);
	const plain: string[] = [];
	let namespace: string | undefined;
	let labelSelector: string | undefined;
	let isEverywhere = false;
	for (let index = 0; index < words.length; index++) {
		const word = words[index] ?? "";
		const value = words[index + 1];
		if (word === "-A") isEverywhere = true;
		else if (word === "-n" || word === "-l") {
			if (value === undefined) throw new LookError(`nothing follows ${word}`);
			if (word === "-n") namespace = value;
			else labelSelector = value;
			index++;
		} else if (word.startsWith("-")) throw new LookError(`there is no ${word} here, only -n NAMESPACE, -A and -l SELECTOR`);
		else plain.push(word);
	}
	const [kind = "", name, ...more] = plain;
	if (kind === "") throw new LookError("it names no kind");
	if (kind === storeWord && words.length > 1) throw new LookError(`${storeWord} stands alone: it is the list of its members`);
	if (more.length > 0) throw new LookError("it names more than one object");
	return { text, kind, name, namespace, isEverywhere, labelSelector };
}

/** Where looks are taken, and how: the engine's own client is nobody that the lesson is about. */
export interface Lookout {
	readonly cluster: Cluster;
	readonly client: Client;
	/** Where what is named without a namespace is. */
	readonly namespace: string;
}

/** As the API server has it in its cache, of which changes are told: also while the store has no majority to ask. */
export const asCached = { resourceVersion: "0" } as const;

/** What there is of it now. A kind that is not served (a definition that is not there yet) has no objects. */
export async function see(look: Look, { cluster, client: asEngine, namespace: usual }: Lookout): Promise<JsonValue> {
	if (look.kind === storeWord) return membersOf(cluster);
	const kind = kindFor(look, cluster);
	if (kind === undefined) return look.name === undefined ? [] : null;
	const namespace = kind.namespaced && !look.isEverywhere ? (look.namespace ?? usual) : undefined;
	const client = asEngine.resource<KubeObject>(kind);
	try {
		if (look.name !== undefined) return asJson(await client.get({ namespace, name: look.name }, asCached));
		const options = { ...asCached, ...(look.labelSelector === undefined ? {} : { labelSelector: look.labelSelector }) };
		return (await client.list(namespace, options)).items.map(asJson);
	} catch (error) {
		if (isStatusError(error) && error.code === 404) return look.name === undefined ? [] : null;
		throw error;
	}
}

/** `faults`: what is wrong with its links, in words. An etcd of its own has no members that are known here. */
function membersOf({ ownStore, storeGroup }: Cluster): JsonValue {
	if (ownStore === undefined) return [];
	const faults = storeGroup?.describeFaults() ?? [];
	return storeMembers(ownStore, storeGroup).map((member) => memberValue(member, faults));
}

function memberValue({ name, state, term, index, applied, revision }: StoreMember, faults: readonly string[]): JsonValue {
	const own = faults.filter((fault) => fault.startsWith(`${name}: `) || fault.startsWith(`${name} > `));
	return { name, state, term, index, applied, revision, faults: own };
}

function kindFor({ kind }: Look, cluster: Cluster) {
	try {
		return kindOfName(cluster.apiServer.namedKinds(), kind);
	} catch {
		return undefined;
	}
}

/** Objects of the API are JSON values: their types say more, not less. */
function asJson(object: KubeObject): JsonValue {
	return object as unknown as JsonValue;
}
