/** Reads a lesson's folder. What is wrong with it is told all at once, each with file, line and column. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { parseGoDuration } from "../../apimachinery/time.ts";
import { readExpression, readRemark } from "./expression.ts";
import { FileReader, LessonFileError } from "./file-reader.ts";
import {
	type Action,
	builtinVariables,
	type Check,
	type ClusterSpec,
	type Lesson,
	type OrderStep,
	type PredictOption,
	type PredictStep,
	type Step,
	type TaskStep,
	type WrongAnswer,
} from "./lesson.ts";
import { type Look, LookError, parseLook } from "./look.ts";
import { languages, type Text } from "./text.ts";

export const lessonFileName = "lesson.yaml";

const stepKinds = ["read", "do", "predict", "order", "fix", "observe"] as const;
const stepFields = ["kind", "id", "title", "text", "begin"] as const;
const taskFields = ["checks", "solution", "wrong", "hints", "why"] as const;
/** Methods of a server, by the part that they are about. */
const callName = /^(node|nodes|controllers|store|scheduler|images?)\.[a-zA-Z]+$/;

/** What a list of lessons shows: of a lesson whose rest need not be right. */
export interface LessonHead {
	readonly section: string;
	readonly title: Text;
	readonly minutes: number;
	readonly steps: number;
}

/** @throws LessonFileError */
export function readLesson(directory: string): Lesson {
	const file = join(directory, lessonFileName);
	const { root, mistakes } = FileReader.of(readText(file), file);
	const fields = root.fields(["section", "title", "minutes", "namespace", "cluster", "setup", "steps"]);
	const files = filesIn(directory);
	const cluster = readCluster(fields.cluster, files);
	const lesson: Lesson = {
		section: readSection(fields.section),
		title: fields.title.text(),
		minutes: fields.minutes.number({ min: 1, max: 120 }),
		namespace: fields.namespace.optionalString() ?? "default",
		cluster,
		setup: readActions(fields.setup, files),
		steps: readSteps(fields.steps, files),
		directory,
		files: files.filter((each) => each !== cluster.images),
	};
	if (mistakes.length > 0) throw new LessonFileError(mistakes);
	return lesson;
}

/** It is a folder's name, too: of what is kept of the lesson. */
export const sectionName = /^[A-Za-z0-9][A-Za-z0-9.-]*$/;

function readSection(reader: FileReader): string {
	const section = reader.string();
	if (section !== "" && !sectionName.test(section)) reader.wrong("a section is of letters, digits, dots and dashes");
	return section;
}

/** @throws LessonFileError */
export function readLessonHead(directory: string): LessonHead {
	const file = join(directory, lessonFileName);
	const { root, mistakes } = FileReader.of(readText(file), file);
	const entries = new Map(root.entries());
	const field = (name: string) => entries.get(name) ?? root;
	const head: LessonHead = {
		section: readSection(field("section")),
		title: field("title").text(),
		minutes: field("minutes").number({ min: 1, max: 120 }),
		steps: field("steps").items().length,
	};
	if (mistakes.length > 0) throw new LessonFileError(mistakes);
	return head;
}

function readText(file: string): string {
	try {
		return readFileSync(file, "utf8");
	} catch (error) {
		throw new LessonFileError([{ file, line: 1, column: 1, path: "", message: error instanceof Error ? error.message : String(error) }]);
	}
}

/** Of the folder, `lesson.yaml` left out, with slashes. */
function filesIn(directory: string): readonly string[] {
	if (!existsSync(directory)) return [];
	return readdirSync(directory, { recursive: true, encoding: "utf8" })
		.filter((path) => statSync(join(directory, path)).isFile())
		.map((path) => relative(directory, join(directory, path)).split(sep).join("/"))
		.filter((path) => path !== lessonFileName && !path.split("/").some((part) => part.startsWith(".")))
		.sort();
}

function readCluster(reader: FileReader, files: readonly string[]): ClusterSpec {
	const defaults: ClusterSpec = { nodes: 3, speed: 1, latency: "usual", storeMembers: 1 };
	if (!reader.exists) return defaults;
	const fields = reader.fields(["nodes", "speed", "latency", "storeMembers", "controllers", "featureGates", "nodeTemplate", "images"]);
	const storeMembers = fields.storeMembers.number({ min: 1, max: 5, otherwise: 1 });
	if (![1, 3, 5].includes(storeMembers)) fields.storeMembers.wrong("a store has 1, 3 or 5 members");
	const images = fields.images.exists ? fileName(fields.images, files) : undefined;
	return {
		nodes: fields.nodes.number({ min: 0, max: 1000, otherwise: defaults.nodes }),
		speed: fields.speed.number({ min: 0, max: 1000, otherwise: defaults.speed }),
		latency: fields.latency.oneOf(["usual", "none"], defaults.latency),
		storeMembers,
		...(fields.controllers.exists ? { controllers: fields.controllers.items().map((item) => item.string()) } : {}),
		...(fields.featureGates.exists
			? { featureGates: Object.fromEntries(fields.featureGates.entries().map(([name, value]) => [name, value.boolean()])) }
			: {}),
		...(fields.nodeTemplate.exists
			? { nodeTemplate: Object.fromEntries(fields.nodeTemplate.entries().map(([name, value]) => [name, value.string()])) }
			: {}),
		...(images === undefined ? {} : { images }),
	};
}

function fileName(reader: FileReader, files: readonly string[]): string {
	const name = reader.string();
	if (name !== "" && !files.includes(name)) reader.wrong(`there is no file ${name} in the lesson's folder`);
	return name;
}

const actionForms = "an action is one of apply: FILE, delete: OBJECTS, until: { look, that }, GROUP.METHOD: { … }";

function readActions(reader: FileReader, files: readonly string[]): readonly Action[] {
	return reader.items().flatMap((item): readonly Action[] => {
		const [entry, ...more] = item.entries();
		if (entry === undefined || more.length > 0) {
			item.wrong(actionForms);
			return [];
		}
		const [name, value] = entry;
		if (name === "apply") return [{ kind: "apply", file: fileName(value, files) }];
		if (name === "delete") {
			const look = readLook(value);
			return look === undefined ? [] : [{ kind: "delete", look }];
		}
		if (name === "until") {
			const until = value.fields(["look", "that"]);
			const looks = readLooks(until.look);
			const that = readExpression(until.that, [...looks.keys()]);
			return that === undefined ? [] : [{ kind: "until", looks, that, source: String(until.that.json()).trim() }];
		}
		if (!callName.test(name)) {
			value.wrong(actionForms);
			return [];
		}
		const params = value.exists ? Object.fromEntries(value.entries().map(([key, each]) => [key, each.json()])) : {};
		return [{ kind: "call", method: name, params }];
	});
}

function readLook(reader: FileReader): Look | undefined {
	const text = reader.string();
	if (text === "") return undefined;
	try {
		return parseLook(text);
	} catch (error) {
		if (!(error instanceof LookError)) throw error;
		reader.wrong(error.message);
		return undefined;
	}
}

function readSteps(reader: FileReader, files: readonly string[]): readonly Step[] {
	if (!reader.exists) reader.wrong("");
	const ids = new Set<string>();
	return reader.items().flatMap((item) => {
		const step = readStep(item, files);
		if (step === undefined) return [];
		if (ids.has(step.id)) item.wrong(`there are two steps with the id ${step.id}`);
		ids.add(step.id);
		return [step];
	});
}

function readStep(reader: FileReader, files: readonly string[]): Step | undefined {
	const kindReader = new Map(reader.entries()).get("kind");
	if (kindReader === undefined) {
		reader.wrong(`a step has a kind: ${stepKinds.join(", ")}`);
		return undefined;
	}
	const kind = kindReader.oneOf(stepKinds);
	switch (kind) {
		case "read":
			return { kind, ...readBase(reader.fields(stepFields), files) };
		case "predict":
			return readPredict(reader, files);
		case "order":
			return readOrder(reader, files);
		default:
			return readTask(kind, reader, files);
	}
}

type BaseReaders = Readonly<Record<(typeof stepFields)[number], FileReader>>;

function readBase(fields: BaseReaders, files: readonly string[]) {
	const id = fields.id.string();
	if (id !== "" && !/^[a-z0-9-]+$/.test(id)) fields.id.wrong("an id is of small letters, digits and dashes");
	return { id, title: fields.title.text(), text: fields.text.text(), begin: readActions(fields.begin, files) };
}

function readPredict(reader: FileReader, files: readonly string[]): PredictStep {
	const fields = reader.fields([...stepFields, "options"]);
	const options = fields.options.items().map((item): PredictOption => {
		const option = item.fields([...languages, "right", "why"]);
		return {
			text: { zh: option.zh.string().trimEnd(), en: option.en.string().trimEnd() },
			isRight: option.right.boolean(),
			why: option.why.text(),
		};
	});
	if (options.length < 2) fields.options.wrong("there are to be two options at least");
	if (options.filter(({ isRight }) => isRight).length !== 1) fields.options.wrong("exactly one option is to be right");
	return { kind: "predict", ...readBase(fields, files), options };
}

function readOrder(reader: FileReader, files: readonly string[]): OrderStep {
	const fields = reader.fields([...stepFields, "items", "why"]);
	const items = fields.items.items().map((item) => item.text());
	if (items.length < 3) fields.items.wrong("there are to be three items at least, in the right order");
	return { kind: "order", ...readBase(fields, files), items, why: fields.why.text() };
}

function readTask(kind: TaskStep["kind"], reader: FileReader, files: readonly string[]): TaskStep {
	const fields = reader.fields([...stepFields, ...taskFields]);
	const checks = fields.checks.items().map(readCheck);
	const solution = fields.solution.items().map((item) => item.string());
	const wrong = fields.wrong.items().map((item): WrongAnswer => {
		const answer = item.fields([...languages, "run"]);
		return { idea: { zh: answer.zh.string(), en: answer.en.string() }, run: answer.run.items().map((line) => line.string()) };
	});
	const hints = fields.hints.items().map((item) => item.text());
	if (checks.length === 0) fields.checks.wrong("there is to be a check");
	if (kind !== "observe") {
		if (solution.length === 0) fields.solution.wrong("there is to be a solution");
		if (wrong.length === 0) fields.wrong.wrong("there is to be a wrong answer, after which a check is still false");
		if (hints.length === 0) fields.hints.wrong("there is to be a hint");
	}
	const why = fields.why.exists ? fields.why.text() : undefined;
	return { kind, ...readBase(fields, files), checks: checks.flatMap((check) => check ?? []), solution, wrong, hints, why };
}

function readCheck(reader: FileReader): Check | undefined {
	const fields = reader.fields(["expected", "look", "that", "lasting", "saw"]);
	const looks = readLooks(fields.look);
	const variables = [...looks.keys(), ...builtinVariables];
	const that = readExpression(fields.that, variables);
	const expected = fields.expected.text();
	const saw = fields.saw.items().map((item) => readRemark(item, variables));
	const lastingMs = fields.lasting.exists ? readDuration(fields.lasting) : 0;
	return that === undefined ? undefined : { expected, looks, that, lastingMs, saw, source: String(fields.that.json()).trim() };
}

function readLooks(reader: FileReader): ReadonlyMap<string, Look> {
	const looks = new Map<string, Look>();
	for (const [name, value] of reader.exists ? reader.entries() : []) {
		const look = readLook(value);
		if (!/^[a-z][A-Za-z0-9]*$/.test(name)) value.wrong("what is looked at is called by a word of letters and digits");
		else if ((builtinVariables as readonly string[]).includes(name)) value.wrong(`${name} is something else already`);
		else if (look !== undefined) looks.set(name, look);
	}
	return looks;
}

/** `5s`, `1m30s`: cluster ms. */
function readDuration(reader: FileReader): number {
	const text = reader.string();
	if (text === "") return 0;
	try {
		return parseGoDuration(text);
	} catch {
		reader.wrong("it is to be a duration, such as 5s or 1m30s");
		return 0;
	}
}
