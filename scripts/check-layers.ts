/**
 * `npm run check:layers`: the rules of architecture that a type checker does not see.
 *
 *  - A folder imports only from the folders that ARCHITECTURE.md's table allows it.
 *  - No import cycles, type imports included.
 *  - Time and chance come from Clock and Random: the machine's own are used in their implementations only.
 *
 * Prints one line a finding and exits with 1 if there is any.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const source = join(dirname(fileURLToPath(import.meta.url)), "../src");

/** Which folders a folder may import from, besides itself. */
const arrows: Readonly<Record<string, readonly string[]>> = {
	apimachinery: [],
	store: ["apimachinery"],
	apiserver: ["apimachinery", "store"],
	client: ["apimachinery"],
	controllers: ["apimachinery", "client"],
	scheduler: ["apimachinery", "client"],
	host: ["apimachinery"],
	"kubelet-sim": ["apimachinery", "client", "host"],
	cluster: ["apimachinery", "store", "apiserver", "client", "controllers", "scheduler", "host", "kubelet-sim"],
	testbench: ["apimachinery", "client", "controllers", "cluster"],
	tutorials: ["apimachinery", "cluster", "client"],
	cli: ["apimachinery", "cluster", "tutorials"],
	// The library's door.
	"index.ts": ["apimachinery", "client", "cluster", "testbench"],
	"testing.ts": ["testbench"],
	"images.ts": ["host", "kubelet-sim"],
};

/** The only files that may touch the machine's clock and dice. */
const clockAndRandom = new Set([
	"apimachinery/clock/clock.ts",
	"apimachinery/clock/wall-clock.ts",
	"apimachinery/clock/paced-clock.ts",
	"apimachinery/clock/virtual-clock.ts",
	"apimachinery/random.ts",
]);

const machineTimeAndChance = [
	/\bDate\.now\b/,
	/\bnew Date\(\s*\)/,
	/(?<![.\w])setTimeout\s*\(/,
	/(?<![.\w])setInterval\s*\(/,
	/\bMath\.random\b/,
	/\brandomUUID\b/,
	/\bperformance\.now\b/,
];

interface SourceFile {
	/** Path below src/, with slashes. */
	readonly path: string;
	readonly text: string;
	/** Paths below src/ of what it imports of ours. */
	readonly imports: readonly string[];
}

function readSources(): SourceFile[] {
	return readdirSync(source, { recursive: true, encoding: "utf8" })
		.map((path) => path.replaceAll("\\", "/"))
		.filter((path) => /\.tsx?$/.test(path))
		.map((path) => {
			const text = readFileSync(join(source, path), "utf8");
			const specifiers = [...text.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)"(\.[^"]+)"/g)].flatMap((match) => match[1] ?? []);
			const imports = specifiers.map((specifier) => relative(source, resolve(source, dirname(path), specifier)));
			return { path, text, imports: imports.filter((target) => target !== "../package.json") };
		});
}

function folderOf(path: string): string {
	return path.split("/")[0] ?? "";
}

/** The library's own door (src/index.ts) gathers what is public; package.json is nobody's folder. */
function arrowFindings(file: SourceFile): string[] {
	if (file.path === "index.ts") return [];
	const allowed = arrows[folderOf(file.path)];
	if (allowed === undefined) return [`${file.path}: folder is not in the architecture's table`];
	return file.imports
		.filter((target) => target !== "../package.json")
		.filter((target) => folderOf(target) !== folderOf(file.path) && !allowed.includes(folderOf(target)))
		.map((target) => `${file.path}: may not import ${target}`);
}

function timeFindings(file: SourceFile): string[] {
	if (clockAndRandom.has(file.path) || file.path.includes("/generated/")) return [];
	return file.text.split("\n").flatMap((line, index) => {
		const code = line.replace(/\/\/.*|^\s*\*.*/, "");
		return machineTimeAndChance
			.filter((pattern) => pattern.test(code))
			.map((pattern) => `${file.path}:${index + 1}: ${pattern.source} belongs in Clock or Random`);
	});
}

/** Depth-first search; reports each cycle once, from where it was met. */
function cycleFindings(files: readonly SourceFile[]): string[] {
	const byPath = new Map(files.map((file) => [file.path, file]));
	const state = new Map<string, "open" | "done">();
	const findings: string[] = [];
	const visit = (path: string, trail: readonly string[]) => {
		if (state.get(path) === "done") return;
		if (state.get(path) === "open") {
			findings.push(`import cycle: ${[...trail.slice(trail.indexOf(path)), path].join(" -> ")}`);
			return;
		}
		state.set(path, "open");
		for (const target of byPath.get(path)?.imports ?? []) visit(target, [...trail, path]);
		state.set(path, "done");
	};
	for (const file of files) visit(file.path, []);
	return findings;
}

const files = readSources();
const findings = [
	...files.flatMap(arrowFindings),
	...files.filter((file) => !file.path.endsWith(".test.ts")).flatMap(timeFindings),
	...cycleFindings(files.filter((file) => !file.path.includes("/generated/"))),
];
for (const finding of findings) console.error(finding);
console.log(`layers: ${files.length} files, ${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;
