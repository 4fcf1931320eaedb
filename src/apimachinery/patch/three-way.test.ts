/**
 * What `kubectl apply` sends, computed here as its documentation tells it from the last applied configuration, the new one
 * and the live object, makes of the live object what the configuration's author wants.
 * Source: https://kubernetes.io/docs/tasks/manage-kubernetes-objects/declarative-config/#how-apply-calculates-differences-and-merges-changes
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { isJsonObject, type JsonObject, type JsonValue, jsonEqual, ownValue } from "../json.ts";
import { type FieldType, typeSchema } from "../schema/schema.ts";
import { deepFreeze } from "../testing/deep-freeze.ts";
import { applyStrategicMergePatch } from "./strategic-merge-patch.ts";

interface Field {
	readonly type: FieldType | undefined;
	readonly merges: boolean;
	readonly retainsKeys: boolean;
	readonly mergeKey: string | undefined;
}

function fieldOf(type: FieldType | undefined, key: string): Field {
	if (type?.form === "map") return { type: type.values, merges: false, retainsKeys: false, mergeKey: undefined };
	const schema = type?.form === "object" ? typeSchema(type.type)?.fields.get(key) : undefined;
	const strategy = schema?.patchStrategy ?? [];
	return {
		type: schema?.type,
		merges: strategy.includes("merge"),
		retainsKeys: strategy.includes("retainKeys"),
		mergeKey: schema?.patchMergeKey,
	};
}

const itemType = ({ type }: Field): FieldType | undefined => (type?.form === "list" ? type.items : undefined);
const entriesOf = (object: JsonObject) => Object.entries(object).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined);
const keyOf = (item: JsonValue, mergeKey = ""): JsonValue | undefined => (isJsonObject(item) ? ownValue(item, mergeKey) : item);
const withKey = (list: readonly JsonValue[], key: JsonValue | undefined, mergeKey: string | undefined) =>
	list.find((item) => keyOf(item, mergeKey) === key);

/** Which half of the patch is computed: what went since the last apply, or what is to be changed in the live object. */
type Half = "deletions" | "changes";

function diffObjects(old: JsonObject, next: JsonObject, type: FieldType | undefined, half: Half, retainsKeys = false): JsonObject {
	const patch: Record<string, JsonValue> = {};
	for (const [key, value] of entriesOf(next)) {
		const before = ownValue(old, key);
		const field = fieldOf(type, key);
		if (isJsonObject(before) && isJsonObject(value)) {
			const part = diffObjects(before, value, field.type, half, field.retainsKeys);
			if (Object.keys(part).length > 0) patch[key] = part;
		} else if (Array.isArray(before) && Array.isArray(value) && field.merges) {
			Object.assign(patch, diffLists(key, before, value, field, half));
		} else if (half === "changes" && !jsonEqual(before, value)) patch[key] = value;
	}
	const gone = Object.keys(old).filter((key) => ownValue(next, key) === undefined);
	if (half === "deletions") for (const key of gone) patch[key] = null;
	const needsRetain = retainsKeys && Object.keys(next).length > 0 && (Object.keys(patch).length > 0 || gone.length > 0);
	return needsRetain ? { ...patch, $retainKeys: Object.keys(next).sort() } : patch;
}

function diffLists(key: string, old: readonly JsonValue[], next: readonly JsonValue[], field: Field, half: Half): JsonObject {
	if (old.length === 0) return half === "changes" && next.length > 0 ? { [key]: next } : {};
	const gone = half === "changes" ? [] : old.filter((item) => withKey(next, keyOf(item, field.mergeKey), field.mergeKey) === undefined);
	const changed = next.flatMap((item): JsonValue[] => {
		const before = withKey(old, keyOf(item, field.mergeKey), field.mergeKey);
		if (before === undefined) return half === "changes" ? [item] : [];
		if (!isJsonObject(before) || !isJsonObject(item)) return [];
		const part = diffObjects(before, item, itemType(field), half, field.retainsKeys);
		return Object.keys(part).length === 0 ? [] : [{ ...part, [field.mergeKey ?? ""]: keyOf(item, field.mergeKey) ?? null }];
	});
	const isReordered =
		half === "changes" &&
		!jsonEqual(
			old.map((item) => keyOf(item, field.mergeKey)),
			next.map((item) => keyOf(item, field.mergeKey)),
		);
	if (changed.length + gone.length === 0 && !isReordered) return {};
	const identified = (item: JsonValue) => (field.mergeKey === undefined ? item : { [field.mergeKey]: keyOf(item, field.mergeKey) ?? null });
	const order = next.length === 0 ? {} : { [`$setElementOrder/${key}`]: next.map(identified) };
	if (field.mergeKey === undefined) {
		return {
			...order,
			...(changed.length > 0 && { [key]: changed }),
			...(gone.length > 0 && { [`$deleteFromPrimitiveList/${key}`]: gone }),
		};
	}
	const items = [...changed, ...gone.map((item) => ({ $patch: "delete", ...(identified(item) as JsonObject) }))];
	return { ...order, ...(items.length > 0 && { [key]: items }) };
}

/** Both halves in one patch. */
function combine(deletions: JsonObject, changes: JsonObject, type: FieldType | undefined): JsonObject {
	const patch: Record<string, JsonValue | undefined> = { ...deletions };
	for (const [key, change] of entriesOf(changes)) {
		const field = fieldOf(type, key);
		const other = ownValue(patch, key);
		if (isJsonObject(other) && isJsonObject(change)) patch[key] = combine(other, change, field.type);
		else if (Array.isArray(other) && Array.isArray(change) && field.mergeKey !== undefined) patch[key] = combineLists(other, change, field);
		else patch[key] = change;
	}
	return patch;
}

function combineLists(deletions: readonly JsonValue[], changes: readonly JsonValue[], field: Field): JsonValue[] {
	const isDeletion = (item: JsonValue) => isJsonObject(item) && item.$patch === "delete";
	const rest = deletions.filter((item) => withKey(changes, keyOf(item, field.mergeKey), field.mergeKey) === undefined);
	const merged = changes.map((item) => {
		const other = withKey(deletions, keyOf(item, field.mergeKey), field.mergeKey);
		return isJsonObject(other) && isJsonObject(item) ? combine(other, item, itemType(field)) : item;
	});
	return [...rest.filter((item) => !isDeletion(item)), ...merged, ...rest.filter(isDeletion)];
}

/** Items of a patch stand in the order that the patch asks for. */
function inOrder(patch: JsonValue): JsonValue {
	if (Array.isArray(patch)) return patch.map(inOrder);
	if (!isJsonObject(patch)) return patch;
	const ordered = entriesOf(patch).map(([key, value]): [string, JsonValue] => {
		const order = ownValue(patch, `$setElementOrder/${key}`);
		if (!Array.isArray(order) || !Array.isArray(value)) return [key, inOrder(value)];
		const rank = (item: JsonValue) =>
			order.findIndex((wanted) =>
				isJsonObject(wanted) ? entriesOf(wanted).every(([name, id]) => keyOf(item, name) === id) : wanted === item,
			);
		const isLast = (item: JsonValue) => rank(item) === -1;
		return [key, [...value.filter((item) => !isLast(item)).sort((a, b) => rank(a) - rank(b)), ...value.filter(isLast)].map(inOrder)];
	});
	return Object.fromEntries(ordered);
}

function threeWayPatch(original: JsonObject, modified: JsonObject, current: JsonObject, typeName: string): JsonObject {
	const type: FieldType = { form: "object", type: typeName };
	const changes = diffObjects(current, modified, type, "changes");
	const deletions = diffObjects(original, modified, type, "deletions");
	return inOrder(combine(deletions, changes, type)) as JsonObject;
}

/**
 * What the author wants, without any patch: what the configuration says, less what it no longer says, the rest as it is.
 * Of a union (patch strategy retainKeys) nothing else stays, unless the configuration names none of its members.
 */
function intended(
	original: JsonValue | undefined,
	modified: JsonObject,
	current: JsonObject,
	type: FieldType | undefined,
	retainsKeys = false,
): JsonObject {
	const was = isJsonObject(original) ? original : {};
	const clearsRest = retainsKeys && entriesOf(modified).length > 0;
	const kept = entriesOf(current).filter(
		([key]) => ownValue(modified, key) === undefined && ownValue(was, key) === undefined && !clearsRest,
	);
	const said = entriesOf(modified).map(([key, value]): [string, JsonValue] => {
		const [before, last] = [ownValue(current, key), ownValue(was, key)];
		const field = fieldOf(type, key);
		if (isJsonObject(before) && isJsonObject(value)) return [key, intended(last, value, before, field.type, field.retainsKeys)];
		if (Array.isArray(before) && Array.isArray(value) && field.merges)
			return [key, intendedList(Array.isArray(last) ? last : [], value, before, field)];
		return [key, value];
	});
	return Object.fromEntries([...kept, ...said]);
}

/** In no particular order. */
function intendedList(
	original: readonly JsonValue[],
	modified: readonly JsonValue[],
	current: readonly JsonValue[],
	field: Field,
): JsonValue[] {
	const { mergeKey } = field;
	const isIn = (list: readonly JsonValue[], item: JsonValue) => withKey(list, keyOf(item, mergeKey), mergeKey) !== undefined;
	const kept = current.filter((item) => !isIn(modified, item) && !isIn(original, item));
	const said = modified.map((item) => {
		const [before, last] = [current, original].map((list) => withKey(list, keyOf(item, mergeKey), mergeKey));
		return isJsonObject(before) && isJsonObject(item) ? intended(last, item, before, itemType(field), field.retainsKeys) : item;
	});
	return [...said, ...kept];
}

/** Merged lists sorted by their keys, so that what is in them can be compared. */
function unordered(value: JsonValue, type: FieldType | undefined, field?: Field): JsonValue {
	if (Array.isArray(value)) {
		const items = value.map((item) => unordered(item, type?.form === "list" ? type.items : undefined));
		if (field?.merges !== true) return items;
		return items.sort((a, b) => (String(keyOf(a, field.mergeKey)) < String(keyOf(b, field.mergeKey)) ? -1 : 1));
	}
	if (!isJsonObject(value)) return value;
	return Object.fromEntries(entriesOf(value).map(([key, part]) => [key, unordered(part, fieldOf(type, key).type, fieldOf(type, key))]));
}

const names = ["a", "b", "c", "d"] as const;
const value = fc.constantFrom("1", "2", "3");
const dictionary = fc.dictionary(fc.constantFrom("k", "l", "m"), value, { maxKeys: 3, noNullPrototype: true });
const byName = <T extends JsonObject>(item: fc.Arbitrary<T>) => fc.uniqueArray(item, { selector: ({ name }) => name, maxLength: 4 });
const name = fc.constantFrom(...names);
const optional: { requiredKeys: []; noNullPrototype: true } = { requiredKeys: [], noNullPrototype: true };
const named: { requiredKeys: ["name"]; noNullPrototype: true } = { requiredKeys: ["name"], noNullPrototype: true };

const container = fc.record(
	{
		name,
		image: value,
		command: fc.array(value, { maxLength: 2 }),
		env: byName(fc.record({ name, value }, named)),
		ports: fc.uniqueArray(
			fc.record({ containerPort: fc.constantFrom(80, 81, 82), name: value }, { requiredKeys: ["containerPort"], noNullPrototype: true }),
			{
				selector: ({ containerPort }) => containerPort,
				maxLength: 3,
			},
		),
		resources: fc.record({ limits: dictionary, requests: dictionary }, optional),
	},
	named,
);
const volume = fc.record(
	{
		name,
		emptyDir: fc.record({ medium: value }, optional),
		configMap: fc.record(
			{ name: value, items: fc.array(fc.record({ key: value, path: value }, { noNullPrototype: true }), { maxLength: 2 }) },
			optional,
		),
	},
	named,
);
const podSpec = fc.record(
	{
		containers: byName(container),
		volumes: byName(volume),
		tolerations: fc.array(fc.record({ key: value, effect: value }, optional), { maxLength: 2 }),
		nodeSelector: dictionary,
		nodeName: value,
	},
	optional,
);
const deployment: fc.Arbitrary<JsonObject> = fc.record(
	{
		metadata: fc.record({ labels: dictionary, annotations: dictionary, finalizers: fc.uniqueArray(value, { maxLength: 3 }) }, optional),
		spec: fc.record(
			{
				replicas: fc.constantFrom(1, 2),
				strategy: fc.record({ type: value, rollingUpdate: fc.record({ maxSurge: value }, optional) }, optional),
				template: fc.record({ spec: podSpec }, optional),
			},
			optional,
		),
	},
	optional,
);

test("kubectl's three-way patch makes of the live object what the author wants", () => {
	const type: FieldType = { form: "object", type: "Deployment" };
	fc.assert(
		fc.property(deployment, deployment, deployment, (original, modified, current) => {
			const patch = deepFreeze(threeWayPatch(original, modified, current, "Deployment"));
			const result = applyStrategicMergePatch(deepFreeze(current), patch, "Deployment");
			expect(unordered(result, type)).toEqual(unordered(intended(original, modified, current, type), type));
			const containersOf = (object: JsonObject) => {
				const list = (object as { spec?: { template?: { spec?: { containers?: { name: string }[] } } } }).spec?.template?.spec?.containers;
				return (list ?? []).map((item) => item.name);
			};
			const wanted = containersOf(modified);
			expect(containersOf(result).filter((item) => wanted.includes(item))).toEqual(wanted);
			expect(applyStrategicMergePatch(result, threeWayPatch(modified, modified, result, "Deployment"), "Deployment")).toEqual(result);
		}),
		{ numRuns: 500 },
	);
});

test("nothing is sent when the live object is as the author wants it", () => {
	fc.assert(
		fc.property(deployment, (object) => {
			expect(threeWayPatch(object, object, object, "Deployment")).toEqual({});
		}),
	);
});
