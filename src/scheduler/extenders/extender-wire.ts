/**
 * What the scheduler and an extender tell each other: JSON as Go writes the types of k8s.io/kube-scheduler/extender/v1, which have no
 * names of their own for it, so fields are written with a capital; and as Go reads it, which does not care.
 */
import { isJsonObject, type JsonObject } from "../../apimachinery/json.ts";
import { describeJsonError } from "../../apimachinery/json-syntax.ts";
import type { Node, Pod } from "../../apimachinery/schema/generated/types.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import type { PreemptionCandidate } from "../framework/plugin.ts";

/** Of `filter` and `prioritize`. @param namesOnly the extender knows the nodes */
export function extenderArgs(pod: Pod, nodes: readonly NodeInfo[], namesOnly: boolean): object {
	return {
		Pod: untyped(pod),
		Nodes: namesOnly ? null : { metadata: {}, items: nodes.map(({ node = {} }) => untyped(node)) },
		NodeNames: namesOnly ? nodes.map(({ name }) => name) : null,
	};
}

/** Of `preempt`. @param uidsOnly the extender knows nodes and pods */
export function preemptionArgs(pod: Pod, candidates: readonly PreemptionCandidate[], uidsOnly: boolean): object {
	const byNode = (podsOf: (candidate: PreemptionCandidate) => readonly object[]) =>
		Object.fromEntries(
			candidates.map((candidate) => [candidate.nodeName, { Pods: podsOf(candidate), NumPDBViolations: candidate.budgetViolations }]),
		);
	return {
		Pod: untyped(pod),
		NodeNameToVictims: uidsOnly ? null : byNode(({ victims }) => victims.map((victim) => untyped(victim.pod))),
		NodeNameToMetaVictims: uidsOnly ? byNode(({ victims }) => victims.map(({ uid }) => ({ UID: uid }))) : null,
	};
}

/** Of `bind`. */
export function bindingArgs({ metadata }: Pod, nodeName: string): object {
	return { PodName: metadata?.name ?? "", PodNamespace: metadata?.namespace ?? "", PodUID: metadata?.uid ?? "", Node: nodeName };
}

/** Objects of an informer have no kind of their own in Go. */
function untyped({ apiVersion: _, kind: __, ...rest }: Node | Pod): object {
	return rest;
}

export interface FilterAnswer {
	/** Absent: it did not say. */
	readonly nodeNames?: readonly string[];
	/** Names of the nodes that it sent back whole. */
	readonly nodes?: readonly string[];
	readonly failed: ReadonlyMap<string, string>;
	readonly unresolvable: ReadonlyMap<string, string>;
	readonly error: string;
}

/** Throws an Error in Go's words. */
export function readFilterAnswer(body: string): FilterAnswer {
	const answer = new Part("ExtenderFilterResult", objectOf(body, "v1.ExtenderFilterResult"));
	const nodeNames = answer.texts("NodeNames");
	const items = answer.part("Nodes", "v1.NodeList")?.parts("items", "v1.Node");
	return {
		...(nodeNames === undefined ? {} : { nodeNames }),
		...(items === undefined ? {} : { nodes: items.map((item) => item.part("metadata", "v1.ObjectMeta")?.text("name") ?? "") }),
		failed: answer.textsByKey("FailedNodes"),
		unresolvable: answer.textsByKey("FailedAndUnresolvableNodes"),
		error: answer.text("Error"),
	};
}

/** Scores by node name; a node that stands there twice has both. Throws an Error in Go's words. */
export function readPriorities(body: string): ReadonlyMap<string, number> {
	const value = parse(body);
	if (value !== null && !Array.isArray(value)) throw new Error(unmarshal(value, "value", "v1.HostPriorityList"));
	const scores = new Map<string, number>();
	for (const item of value ?? []) {
		if (!isJsonObject(item)) throw new Error(unmarshal(item, "value", "v1.HostPriority"));
		const priority = new Part("HostPriority", item);
		const host = priority.text("Host");
		scores.set(host, (scores.get(host) ?? 0) + priority.integer("Score"));
	}
	return scores;
}

export interface MetaVictims {
	readonly nodeName: string;
	readonly uids: readonly string[];
	readonly budgetViolations: number;
}

/** Throws an Error in Go's words. */
export function readPreemptionAnswer(body: string): readonly MetaVictims[] {
	const answer = new Part("ExtenderPreemptionResult", objectOf(body, "v1.ExtenderPreemptionResult"));
	return answer.partsByKey("NodeNameToMetaVictims", "v1.MetaVictims").map(([nodeName, victims]) => ({
		nodeName,
		uids: (victims.parts("Pods", "v1.MetaPod") ?? []).map((pod) => pod.text("UID")),
		budgetViolations: victims.integer("NumPDBViolations"),
	}));
}

/** What went wrong; "" if nothing did. Throws an Error in Go's words. */
export function readBindingError(body: string): string {
	return new Part("ExtenderBindingResult", objectOf(body, "v1.ExtenderBindingResult")).text("Error");
}

function parse(body: string): unknown {
	if (body.trim() === "") throw new Error("EOF");
	try {
		return JSON.parse(body);
	} catch (error) {
		throw new Error(describeJsonError(body) ?? String(error));
	}
}

/** `null` is an answer that says nothing. */
function objectOf(body: string, type: string): JsonObject {
	const value = parse(body);
	if (value === null) return {};
	if (!isJsonObject(value)) throw new Error(unmarshal(value, "value", type));
	return value;
}

function unmarshal(value: unknown, target: string, type: string): string {
	const sort = Array.isArray(value) ? "array" : value === null ? "null" : typeof value === "boolean" ? "bool" : typeof value;
	return `json: cannot unmarshal ${sort} into Go ${target} of type ${type}`;
}

/** A struct of an answer. */
class Part {
	readonly #name: string;
	readonly #value: JsonObject;

	constructor(name: string, value: JsonObject) {
		this.#name = name;
		this.#value = value;
	}

	text(key: string): string {
		const value = this.#get(key) ?? "";
		if (typeof value !== "string") this.#refuse(key, value, "string");
		return value;
	}

	integer(key: string): number {
		const value = this.#get(key) ?? 0;
		if (typeof value !== "number") this.#refuse(key, value, "int64");
		if (!Number.isInteger(value)) {
			throw new Error(`json: cannot unmarshal number ${value} into Go struct field ${this.#name}.${key} of type int64`);
		}
		return value;
	}

	texts(key: string): readonly string[] | undefined {
		return this.#list(key, "string")?.map((item) => (typeof item === "string" ? item : this.#refuse(key, item, "string")));
	}

	textsByKey(key: string): ReadonlyMap<string, string> {
		const entries = Object.entries(this.#object(key, "v1.FailedNodesMap") ?? {});
		return new Map(entries.map(([name, item]) => [name, typeof item === "string" ? item : this.#refuse(key, item, "string")]));
	}

	part(key: string, type: string): Part | undefined {
		const value = this.#object(key, type);
		return value === undefined ? undefined : new Part(nameOf(type), value);
	}

	parts(key: string, type: string): readonly Part[] | undefined {
		return this.#list(key, type)?.map((item) => this.#struct(key, item, type));
	}

	partsByKey(key: string, type: string): readonly (readonly [key: string, part: Part])[] {
		const entries = Object.entries(this.#object(key, `map[string]*${type}`) ?? {});
		return entries.map(([name, item]) => [name, this.#struct(key, item, type)]);
	}

	#struct(key: string, item: unknown, type: string): Part {
		if (item !== null && !isJsonObject(item)) this.#refuse(key, item, type);
		return new Part(nameOf(type), item ?? {});
	}

	#object(key: string, type: string): JsonObject | undefined {
		const value = this.#get(key);
		if (value !== undefined && !isJsonObject(value)) this.#refuse(key, value, type);
		return value;
	}

	#list(key: string, type: string): readonly unknown[] | undefined {
		const value = this.#get(key);
		if (value !== undefined && !Array.isArray(value)) this.#refuse(key, value, `[]${type}`);
		return value;
	}

	/** Undefined for null as well. The field is found by its name, however that is capitalised; the last one counts. */
	#get(key: string): unknown {
		const wanted = key.toLowerCase();
		const found = Object.keys(this.#value).findLast((name) => name.toLowerCase() === wanted);
		return found === undefined ? undefined : (this.#value[found] ?? undefined);
	}

	#refuse(key: string, value: unknown, type: string): never {
		throw new Error(unmarshal(value, `struct field ${this.#name}.${key}`, type));
	}
}

function nameOf(type: string): string {
	return type.slice(type.indexOf(".") + 1);
}
