/**
 * Reads protobuf-facts.txt, the field numbers of Kubernetes' messages, and checks it against the schema table: every
 * field of every type has a number, no number stands twice, and nothing is there that the schema does not have.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const factsFile = join(dirname(fileURLToPath(import.meta.url)), "protobuf-facts.txt");

/** The numbers of each type, by its name in OpenAPI: `name=1! image=2 …`. */
interface ProtobufFacts {
	readonly numbers: ReadonlyMap<string, string>;
	/** Types (by their names in the schema table) that have no numbers. */
	readonly without: ReadonlySet<string>;
}

interface SchemaType {
	/** Name in the schema table. */
	readonly name: string;
	/** Name in OpenAPI. */
	readonly definition: string;
	readonly fields: readonly { readonly name: string }[];
}

/**
 * The table that the decoder reads: the numbers of each type, by its name in the schema table.
 * @throws Error that lists every field without a number and every number without a field
 */
export function readProtobufTable(types: readonly SchemaType[]): Record<string, string> {
	const facts = readFacts();
	const table: Record<string, string> = {};
	const problems: string[] = [];
	for (const type of types) {
		const numbers = facts.numbers.get(type.definition);
		if (numbers === undefined) {
			if (!facts.without.has(type.name)) problems.push(`${type.definition}: no field numbers`);
			continue;
		}
		table[type.name] = numbers;
		problems.push(...checkType(type, numbers));
	}
	const known = new Set(types.map(({ definition }) => definition));
	for (const definition of facts.numbers.keys()) if (!known.has(definition)) problems.push(`${definition}: not in the schema`);
	if (problems.length > 0) throw new Error(`protobuf-facts.txt does not fit the schema:\n${problems.join("\n")}`);
	return table;
}

function readFacts(): ProtobufFacts {
	const numbers = new Map<string, string>();
	let without: string[] = [];
	let heading = "";
	for (const line of readFileSync(factsFile, "utf8").split("\n")) {
		if (line.startsWith("#") || line === "") continue;
		if (!line.startsWith("  ")) {
			heading = line;
		} else if (heading === "without") {
			without = line.trim().split(" ");
		} else {
			const [type = "", ...fields] = line.trim().split(" ");
			numbers.set(`${heading.replace("package ", "")}.${type}`, fields.join(" "));
		}
	}
	return { numbers, without: new Set(without) };
}

function checkType(type: SchemaType, numbers: string): string[] {
	const entries = numbers === "" ? [] : numbers.split(" ").map((entry) => /^([^=]+)=([\d.]+)(!|:\w+)?$/.exec(entry) ?? [entry]);
	const names = new Set(entries.map(([, name = ""]) => name));
	const paths = entries.map(([, , path = ""]) => path);
	const isObject = !names.has("apiVersion") && !names.has("kind");
	const fields = type.fields.map(({ name }) => name);
	return [
		...entries.filter(({ length }) => length === 1).map(([entry]) => `${type.definition}: cannot read ${entry}`),
		...fields.filter((name) => !names.has(name) && !(isObject && isTypeMeta(name))).map((name) => `${type.definition}.${name}: no number`),
		...[...names].filter((name) => !fields.includes(name)).map((name) => `${type.definition}.${name}: not in the schema`),
		...paths.filter((path, index) => paths.indexOf(path) !== index).map((path) => `${type.definition}: ${path} stands twice`),
		...paths
			.filter((path) => paths.some((other) => other.startsWith(`${path}.`)))
			.map((path) => `${type.definition}: ${path} is inline too`),
	];
}

function isTypeMeta(field: string): boolean {
	return field === "apiVersion" || field === "kind";
}
