/**
 * Objects that a client might send: of the right shape as the schema has it, mostly, with values that are plausible,
 * extreme or of the wrong type.
 */
import type { Random } from "../../src/apimachinery/random.ts";
import type { FieldType } from "../../src/apimachinery/schema/schema.ts";
import { typeSchema } from "../../src/apimachinery/schema/schema.ts";

/** How deep objects of objects go. */
const maxDepth = 9;

export function pick<T>(random: Random, choices: readonly [T, ...T[]]): T {
	return choices[random.int(choices.length)] ?? choices[0];
}

/** True in `percent` of a hundred cases. */
export function chance(random: Random, percent: number): boolean {
	return random.int(100) < percent;
}

/** Few, so that requests of one run meet each other's objects. */
export function plausibleName(random: Random): string {
	return chance(random, 85)
		? pick(random, ["a", "b", "c"])
		: pick(random, ["default", "web", "node-1", "kube-system", "x".repeat(253), "a.b-c"]);
}

/** Names and texts that somebody did not think of. */
export function oddText(random: Random): string {
	return pick(random, [
		"",
		" ",
		"A",
		"-",
		".",
		"..",
		"a/b",
		"%",
		"%2F",
		"é",
		"\u0000",
		"\ud800",
		"𝕏",
		"\u202e",
		"__proto__",
		"constructor",
		"toString",
		"null",
		"NaN",
		"1e999",
		"-0",
		"9".repeat(40),
		"x".repeat(300),
		"x".repeat(70_000),
		"{}",
		"[]",
		"$patch",
		"a=b,c!=d",
		"2026-01-01T00:00:00Z",
		"10.96.0.5",
		"::1",
		"1Gi",
		"100m",
		"50%",
		"\n",
		"a\tb",
	]);
}

function oddNumber(random: Random): number {
	return pick(random, [0, -1, 1, 0.5, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 53, -(2 ** 53), 1e21, 1e-7, 1e308]);
}

/** A value of no type in particular. */
export function oddValue(random: Random, depth = 0): unknown {
	const nested = depth > 3 ? 6 : 9;
	switch (random.int(nested)) {
		case 0:
			return null;
		case 1:
			return random.int(2) === 0;
		case 2:
			return oddNumber(random);
		case 3:
		case 4:
			return oddText(random);
		case 5:
			return plausibleName(random);
		case 6:
			return Array.from({ length: random.int(4) }, () => oddValue(random, depth + 1));
		case 7:
			return ownKeys(Array.from({ length: random.int(4) }, () => [oddText(random), oddValue(random, depth + 1)]));
		default:
			return ownKeys([[plausibleName(random), oddValue(random, depth + 1)]]);
	}
}

/** An object whose keys are its own, `__proto__` too, as JSON.parse makes it. */
export function ownKeys(entries: readonly (readonly [string, unknown])[]): object {
	return JSON.parse(`{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value ?? null)}`).join(",")}}`) as object;
}

/** An object of a type of the schema. @param wild of a hundred values, how many are odd */
export function objectOf(random: Random, typeName: string, wild: number, depth = 0): Readonly<Record<string, unknown>> {
	const object: Record<string, unknown> = {};
	for (const [name, { type, required }] of typeSchema(typeName)?.fields ?? []) {
		const percent = required || name === "metadata" || name === "spec" ? 92 : depth < 2 ? 35 : 15;
		if (chance(random, percent)) object[name] = fieldValue(random, type, name, wild, depth + 1);
	}
	if (chance(random, wild)) object[oddText(random) || "unknown"] = oddValue(random);
	return object;
}

function fieldValue(random: Random, type: FieldType, name: string, wild: number, depth: number): unknown {
	if (chance(random, wild)) return oddValue(random);
	switch (type.form) {
		case "scalar":
			return scalarOf(random, type.scalar, name);
		case "object":
			return depth > maxDepth ? {} : objectOf(random, type.type, wild, depth);
		case "list":
			return Array.from({ length: random.int(3) }, () => fieldValue(random, type.items, name, wild, depth + 1));
		case "map":
			return ownKeys(
				Array.from({ length: random.int(3) }, () => [plausibleName(random), fieldValue(random, type.values, name, wild, depth + 1)]),
			);
		default:
			return type satisfies never;
	}
}

/** Texts that mean something somewhere. */
const words = [
	"a",
	"web",
	"nginx",
	"Always",
	"Never",
	"TCP",
	"UDP",
	"ClusterIP",
	"NodePort",
	"ExternalName",
	"RollingUpdate",
	"Recreate",
	"In",
	"Exists",
	"DoesNotExist",
	"NoSchedule",
	"NoExecute",
	"Equal",
	"ReadWriteOnce",
	"Retain",
	"Block",
	"Filesystem",
	"Queue",
	"Limited",
	"User",
	"Group",
	"ServiceAccount",
	"True",
	"Resource",
	"Utilization",
	"*/5 * * * *",
	"app",
	"apps",
	"v1",
	"*",
	"http",
	"/",
	"example.com",
	"example.com/a",
	"kubernetes.io/tls",
	"Opaque",
] as const;

function scalarOf(random: Random, scalar: string, name: string): unknown {
	switch (scalar) {
		case "string":
			if (/[nN]ame$/.test(name)) return plausibleName(random);
			return chance(random, 15) ? oddText(random) : pick(random, words);
		case "int32":
		case "int64":
			return chance(random, 80) ? random.int(100) : oddNumber(random);
		case "double":
			return oddNumber(random);
		case "boolean":
			return random.int(2) === 0;
		case "time":
		case "microtime":
			return pick(random, ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "soon"]);
		case "bytes":
			return pick(random, ["", "aGFsbG8=", "!"]);
		case "quantity":
			return pick<unknown>(random, ["1", "100m", "1Gi", "0", "-1", "1e3", "1e100000", "9".repeat(50), "x", 5, 0.1]);
		case "intOrString":
			return pick<unknown>(random, [0, 80, -1, 70_000, "http", "25%", "150%", "-5%", ""]);
		default:
			return oddValue(random);
	}
}

/** The JSON of a value, damaged now and then. */
export function textOf(random: Random, value: unknown): string {
	const text = JSON.stringify(value) ?? "null";
	switch (random.int(60)) {
		case 0:
			return text.slice(0, random.int(text.length + 1));
		case 1:
			return `${text}${oddText(random)}`;
		case 2:
			return text.replace(/"/g, "'");
		case 3:
			// A key twice.
			return text.replace(/^\{/, `{"metadata":{},"kind":${JSON.stringify(oddText(random))},`);
		case 4: {
			const depth = 10 ** (1 + random.int(5));
			return text.replace(/\}$/, `,"data":${"[".repeat(depth)}${"]".repeat(depth)}}`);
		}
		case 5:
			return text.replace(/:/g, ` :${"\n".repeat(3)}`);
		default:
			return text;
	}
}
