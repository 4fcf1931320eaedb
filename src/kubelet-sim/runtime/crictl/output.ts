/** How crictl shows what it was told: tables, JSON in the order of the interface's fields or of their names, YAML, templates. */
import { stringify } from "yaml";
import { goJson } from "../../../apimachinery/go-text.ts";
import type { JsonObject, JsonValue } from "../../../apimachinery/json.ts";
import type { ContainerRuntime, RuntimeContainer } from "../cri.ts";
import { executeTemplate, TemplateError } from "../tools/go-template.ts";
import { humanDuration, type TableLayout } from "../tools/table.ts";
import { logLine, type ToolCall, ToolError } from "../tools/tool.ts";

export const listLayout: TableLayout = { minWidth: 20, padding: 3 };

const shortIdLength = 13;

export function shortId(id: string): string {
	return id.replace(/^sha256:/, "").slice(0, shortIdLength);
}

export function ago(call: ToolCall, createdMs: number): string {
	return `${humanDuration(call.nowMs - createdMs)} ago`;
}

/** A moment as the interface has it: nanoseconds, as a text. */
export function nanoseconds(timeMs: number): string {
	return timeMs === 0 ? "0" : `${Math.floor(timeMs)}000000`;
}

/** Go's `time.Time{}`. */
export const zeroTime = "0001-01-01T00:00:00Z";

/** Lists, in the order in which the interface names their fields. Throws `ToolError`. */
export async function printList(call: ToolCall, format: string, value: JsonObject, table: () => string): Promise<void> {
	if (format === "json") await call.print(`${JSON.stringify(value, undefined, 2)}\n`);
	else if (format === "yaml") await call.print(`${yamlText(value)}\n`);
	else if (format === "table") await call.print(table());
	else throw new ToolError(`unsupported output format ${JSON.stringify(format)}`);
}

/** States of things, by name: of one thing itself, of several a list. Throws `ToolError`. */
export async function printStatus(call: ToolCall, values: readonly JsonObject[], format: string): Promise<void> {
	const sorted = JSON.parse(goJson(values.length === 1 ? values[0] : [...values])) as JsonValue;
	if (format === "json") await call.print(`${escaped(JSON.stringify(sorted, undefined, 2))}\n`);
	else if (format === "yaml") await call.print(`${yamlText(sorted)}\n`);
	else if (format === "go-template") await call.print(`${templated(call.value("template") ?? "", sorted)}\n`);
	else throw new ToolError(`unsupported format: ${JSON.stringify(format)}`);
}

function templated(template: string, value: JsonValue): string {
	try {
		return executeTemplate(template, value);
	} catch (error) {
		if (!(error instanceof TemplateError)) throw error;
		throw new ToolError(`execute template: failed to template data: template: tmplExecuteRawJSON: ${error.message}`);
	}
}

/** Go's encoder writes what a browser might take for markup by number. */
function escaped(json: string): string {
	return json.replaceAll(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
}

function yamlText(value: JsonValue): string {
	return stringify(value, { sortMapEntries: true, lineWidth: 0, indentSeq: false });
}

/** `\tKEY -> VALUE` lines behind a heading. */
export function labelLines(heading: string, labels: Readonly<Record<string, string>>): string {
	const lines = Object.keys(labels)
		.sort()
		.map((key) => `\t${key} -> ${labels[key]}\n`);
	return `${heading}:\n${lines.join("")}`;
}

export interface ContainerFilter {
	readonly id?: string | undefined;
	readonly pod?: string | undefined;
	readonly name?: string | undefined;
	readonly namespace?: string | undefined;
	readonly image?: string | undefined;
	readonly state?: string | undefined;
	readonly labels: readonly string[];
	readonly all: boolean;
	readonly latest: boolean;
	/** 0: all. */
	readonly last: number;
}

/** What a subcommand's options say of the containers that it is about. */
export function containerFilter(call: ToolCall): ContainerFilter {
	return {
		id: call.value("id"),
		pod: call.value("pod"),
		name: call.value("name"),
		namespace: call.value("namespace"),
		image: call.value("image"),
		state: call.value("state"),
		labels: call.values("label"),
		all: call.has("all"),
		latest: call.has("latest"),
		last: Number(call.value("last") ?? 0),
	};
}

const states: Readonly<Record<string, string>> = {
	created: "CONTAINER_CREATED",
	running: "CONTAINER_RUNNING",
	exited: "CONTAINER_EXITED",
	unknown: "CONTAINER_UNKNOWN",
};

/** Newest first. Throws `ToolError`. */
export function findContainers(runtime: ContainerRuntime, filter: ContainerFilter): readonly RuntimeContainer[] {
	const { id, pod, name, namespace, image, state, labels, all, latest, last } = filter;
	const wanted = state === undefined ? undefined : states[state.toLowerCase()];
	if (state !== undefined && wanted === undefined) throw new ToolError("--state should be one of created, running, exited or unknown");
	const isAnyState = latest || last > 0 || (all && wanted === undefined);
	const imageId = image === undefined ? undefined : (runtime.image(image)?.id ?? "none");
	const [nameExpression, namespaceExpression] = [expression(name), expression(namespace)];
	const pairs = readLabels(labels);
	const found = runtime
		.containers()
		.filter(
			(container) =>
				(isAnyState || container.state === (wanted ?? "CONTAINER_RUNNING")) &&
				container.id.startsWith(id ?? "") &&
				container.sandboxId.startsWith(pod ?? "") &&
				(imageId === undefined || container.imageId === imageId) &&
				nameExpression.test(container.name) &&
				namespaceExpression.test(container.labels["io.kubernetes.pod.namespace"] ?? "unknown") &&
				pairs.every(([key, value]) => container.labels[key] === value),
		);
	return found.slice(0, last > 0 ? last : latest ? 1 : found.length);
}

/** Throws `ToolError`. */
export function expression(pattern: string | undefined): RegExp {
	try {
		return new RegExp(pattern ?? "");
	} catch {
		throw new ToolError(`invalid regular expression ${JSON.stringify(pattern)}`);
	}
}

/** `KEY=VALUE`. Throws `ToolError`. */
export function readLabels(labels: readonly string[]): readonly (readonly [string, string])[] {
	return labels.map((text) => {
		const [key = "", value, ...more] = text.split("=");
		if (value === undefined || more.length > 0) throw new ToolError(`incorrectly specified label: ${text}`);
		return [key, value];
	});
}

export async function note(call: ToolCall, level: "error" | "warning" | "info", message: string): Promise<void> {
	await call.context.stderr.write(Buffer.from(logLine(call.context, level, message)));
}
