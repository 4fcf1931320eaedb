/**
 * Images and registries as users write them: YAML of `apiVersion: kubesim.dev/v1alpha1`, kinds Image and Registry. docs/images.md describes
 * every field; nothing of a file counts before all of it has been found right.
 */
import { createHash } from "node:crypto";
import { ConfigSection } from "../../apimachinery/config-section.ts";
import { isJsonObject, type JsonObject } from "../../apimachinery/json.ts";
import { readManifest } from "../../apimachinery/manifests.ts";
import { QuantityError, quantityToNumber } from "../../apimachinery/quantity.ts";
import { commandNames, type Program, parseSignal, type SignalName, TreeBuilder } from "../../host/index.ts";
import { parseUsageCurve, peakOf, UsageCurveError } from "../usage/usage-curve.ts";
import { alpine, busyboxFiles, debian, imageBuiltMs } from "./base.ts";
import {
	type DeclaredListener,
	type DeclaredLog,
	type DeclaredProgram,
	type DeclaredReaction,
	type DeclaredRoute,
	declaredProgram,
} from "./declared-program.ts";
import { type Image, type ImageConfig, once, shellUsage } from "./image.ts";
import { ImageFileError } from "./image-file-error.ts";
import { parseImageReference } from "./reference.ts";
import type { RegistryOptions } from "./registry-options.ts";

export const imageFileVersion = "kubesim.dev/v1alpha1";
const defaultSize = "20Mi";

export interface ImageFile {
	readonly images: readonly Image[];
	readonly registries: readonly RegistryOptions[];
}

/** Rejects with ImageFileError. */
export async function readImageFile(text: string): Promise<ImageFile> {
	const problems: string[] = [];
	const images: Image[] = [];
	const registries: RegistryOptions[] = [];
	const documents = await readManifest(text).catch((error: unknown) => {
		throw new ImageFileError(error instanceof Error ? error.message : String(error), { cause: error });
	});
	for (const document of documents as readonly unknown[] as readonly JsonObject[]) {
		const { apiVersion, kind, metadata } = document;
		const name = isJsonObject(metadata) && typeof metadata.name === "string" ? metadata.name : "";
		const found: string[] = [];
		const file = new ConfigSection(document, "", found);
		file.ignore("apiVersion", "kind");
		file.part("metadata")?.ignore("name", "labels", "annotations");
		if (name === "") found.push("metadata.name: Required value");
		if (apiVersion !== imageFileVersion || (kind !== "Image" && kind !== "Registry"))
			found.push(`no kind ${JSON.stringify(kind)} of ${JSON.stringify(apiVersion)}: Image and Registry of ${imageFileVersion} are known`);
		else if (kind === "Image") images.push(readImage(name, file.part("spec") ?? new ConfigSection({}, "spec", found), found, document));
		else registries.push(readRegistry(name, file.part("spec") ?? new ConfigSection({}, "spec", found), found));
		if (found.length === 0) file.finish();
		problems.push(...found.map((problem) => `${String(kind)} ${name}: ${problem}`));
	}
	if (documents.length === 0) problems.push("there is nothing in it");
	if (problems.length > 0) throw new ImageFileError(problems.join("\n"));
	return { images, registries };
}

function readRegistry(host: string, spec: ConfigSection, problems: string[]): RegistryOptions {
	const scheme = oneOf(spec, "scheme", ["https", "http"] as const);
	const contents = oneOf(spec, "contents", ["anything", "known"] as const);
	const reachable = spec.flag("reachable");
	const latencyMs = spec.duration("latency");
	const bytesPerSecond = bytes(spec, "bandwidth");
	if (bytesPerSecond === 0) problems.push("spec.bandwidth: Invalid value: must be greater than zero");
	const accounts = spec.has("accounts")
		? spec.parts("accounts").map((account) => ({ username: required(account, "username"), password: required(account, "password") }))
		: undefined;
	if ("error" in parseImageReference(`${host}/x`))
		problems.push(`metadata.name: Invalid value: ${JSON.stringify(host)}: must be HOST or HOST:PORT`);
	return {
		host,
		...(scheme === undefined ? {} : { scheme }),
		...(contents === undefined ? {} : { contents }),
		...(reachable === undefined ? {} : { reachable }),
		...(latencyMs === undefined ? {} : { latencyMs }),
		...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
		...(accounts === undefined ? {} : { accounts }),
	};
}

function readImage(name: string, spec: ConfigSection, problems: string[], document: JsonObject): Image {
	const reference = parseImageReference(name);
	if ("error" in reference) problems.push(`metadata.name: Invalid value: ${JSON.stringify(name)}: ${reference.error}`);
	else if (name.includes("@") || /:[^/]*$/.test(name))
		problems.push(`metadata.name: Invalid value: ${JSON.stringify(name)}: must be a repository; tags are in spec.tags`);
	const base = oneOf(spec, "base", ["alpine", "busybox", "debian", "scratch"] as const) ?? "alpine";
	const files = spec.parts("files").map(readFile);
	const programs = spec
		.parts("programs")
		.map((section) => ({ path: required(section, "path"), program: declaredProgram(readProgram(section)) }));
	for (const { path } of [...files, ...programs])
		if (!path.startsWith("/")) problems.push(`spec: Invalid value: ${JSON.stringify(path)}: a path in the image must begin with /`);
	const tags = spec.texts("tags");
	const commands = spec.texts("commands") ?? [];
	for (const command of commands)
		if (!commandNames.includes(command))
			problems.push(`spec.commands: Invalid value: ${JSON.stringify(command)}: no command that kubesim knows`);
	return {
		repositories: "error" in reference ? [] : [reference.repository],
		sizeBytes: bytes(spec, "size") ?? quantityToNumber(defaultSize),
		config: readConfig(spec, programs[0]?.path),
		files: once(() => {
			const tree = baseOf(base).programs("/usr/local/bin", commands);
			for (const { path, content, mode } of files) tree.file(path, content, mode);
			for (const { path } of programs) tree.program(path, declaredName(path));
			return tree.build();
		}),
		programs: Object.fromEntries(programs.map(({ path, program }): [string, Program] => [declaredName(path), program])),
		usage: readUsage(spec.part("usage")),
		revision: createHash("sha256").update(JSON.stringify(document)).digest("hex"),
		...(tags === undefined ? { hasTag: () => true } : { tags }),
	};
}

/** Apart from the commands that every machine knows. */
const declaredName = (path: string) => `declared:${path}`;

function baseOf(base: "alpine" | "busybox" | "debian" | "scratch"): TreeBuilder {
	switch (base) {
		case "alpine":
			return alpine();
		case "busybox":
			return busyboxFiles();
		case "debian":
			return debian();
		case "scratch":
			return new TreeBuilder(imageBuiltMs);
		default:
			return base satisfies never;
	}
}

/** @param program what runs if nothing is said */
function readConfig(spec: ConfigSection, program: string | undefined): ImageConfig {
	const entrypoint = spec.texts("entrypoint") ?? (program === undefined || spec.has("cmd") ? undefined : [program]);
	const cmd = spec.texts("cmd");
	const workingDir = spec.text("workingDir");
	const stopSignal = oneOf(spec, "stopSignal", ["TERM", "QUIT", "INT", "USR1", "WINCH"] as const);
	const env = textValues(spec, "env");
	return {
		...(entrypoint === undefined ? {} : { entrypoint }),
		...(cmd === undefined ? {} : { cmd }),
		...(workingDir === undefined ? {} : { workingDir }),
		...(stopSignal === undefined ? {} : { stopSignal }),
		env,
	};
}

function readFile(section: ConfigSection) {
	const isExecutable = section.flag("executable") ?? false;
	return { path: required(section, "path"), content: readContent(section), mode: isExecutable ? 0o755 : 0o644 };
}

/** As text, or as bytes in base 64: a WebAssembly module, for one. */
function readContent(section: ConfigSection): string | Uint8Array {
	const text = section.text("content");
	const encoded = section.text("base64")?.replaceAll(/\s/g, "");
	if (encoded === undefined) return text ?? "";
	if (text !== undefined) section.refuse(`${section.at("base64")}: Forbidden: may not be set together with content`);
	if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(encoded))
		section.refuse(`${section.at("base64")}: Invalid value: must be base 64`);
	return Buffer.from(encoded, "base64");
}

function readUsage(section: ConfigSection | undefined): NonNullable<Image["usage"]> {
	const curve = (key: string) => {
		const text = section?.text(key);
		if (section === undefined || text === undefined) return undefined;
		try {
			return parseUsageCurve(text);
		} catch (error) {
			if (!(error instanceof UsageCurveError)) throw error;
			section.refuse(`${section.at(key)}: Invalid value: ${JSON.stringify(text)}: ${error.message}`);
			return undefined;
		}
	};
	const coresCurve = curve("cpu");
	const memoryCurve = curve("memory");
	return {
		...shellUsage,
		...(coresCurve === undefined ? {} : { coresCurve }),
		...(memoryCurve === undefined ? {} : { memoryCurve, memoryBytes: peakOf(memoryCurve) }),
	};
}

function readProgram(section: ConfigSection): DeclaredProgram {
	const exit = section.part("exit");
	return {
		logs: section.parts("logs").map(readLog),
		listeners: section.parts("listen").map(readListener),
		signals: readSignals(section),
		...(exit === undefined ? {} : { exit: { afterMs: exit.duration("after") ?? 0, code: exitCode(exit) } }),
	};
}

function readLog(section: ConfigSection): DeclaredLog {
	const everyMs = section.duration("every");
	if (everyMs === 0) section.refuse(`${section.at("every")}: Invalid value: must be greater than zero`);
	return {
		text: section.text("text") ?? "",
		stream: oneOf(section, "stream", ["stdout", "stderr"] as const) ?? "stdout",
		afterMs: section.duration("after") ?? 0,
		...(everyMs === undefined ? {} : { everyMs }),
	};
}

function readListener(section: ConfigSection): DeclaredListener {
	const port = section.integer("port");
	if (port === undefined || port < 1 || port > 65_535)
		section.refuse(`${section.at("port")}: Invalid value: ${port}: must be between 1 and 65535`);
	return {
		port: port ?? 0,
		afterMs: section.duration("after") ?? 0,
		protocol: oneOf(section, "protocol", ["http", "echo"] as const) ?? "http",
		routes: section.parts("http").map(readRoute),
	};
}

function readRoute(section: ConfigSection): DeclaredRoute {
	const method = section.text("method");
	const status = section.integer("status") ?? 200;
	if (status < 200 || status > 599) section.refuse(`${section.at("status")}: Invalid value: ${status}: must be between 200 and 599`);
	return {
		path: required(section, "path"),
		...(method === undefined ? {} : { method: method.toUpperCase() }),
		status,
		headers: textValues(section, "headers"),
		body: section.text("body") ?? "",
		fromMs: section.duration("from") ?? 0,
		untilMs: section.duration("until") ?? Number.POSITIVE_INFINITY,
		delayMs: section.duration("delay") ?? 0,
		cpuMs: section.duration("cpu") ?? 0,
	};
}

function readSignals(section: ConfigSection): DeclaredProgram["signals"] {
	const reactions: [SignalName, DeclaredReaction][] = [];
	for (const each of section.parts("signals")) {
		const name = required(each, "name");
		const signal = parseSignal(name);
		if (signal === undefined || signal === "KILL" || signal === "STOP") {
			each.refuse(`${each.at("name")}: Invalid value: ${JSON.stringify(name)}: no signal that a program can handle`);
			continue;
		}
		reactions.push([
			signal,
			{ isIgnored: each.flag("ignore") ?? false, log: each.text("log"), afterMs: each.duration("after") ?? 0, code: exitCode(each) },
		]);
	}
	return Object.fromEntries(reactions);
}

function exitCode(section: ConfigSection): number {
	const code = section.integer("code") ?? 0;
	if (code < 0 || code > 255) section.refuse(`${section.at("code")}: Invalid value: ${code}: must be between 0 and 255`);
	return code;
}

function required(section: ConfigSection, key: string): string {
	const text = section.text(key) ?? "";
	if (text === "") section.refuse(`${section.at(key)}: Required value`);
	return text;
}

function oneOf<T extends string>(section: ConfigSection, key: string, values: readonly T[]): T | undefined {
	const text = section.text(key);
	const found = values.find((value) => value === text);
	if (text !== undefined && found === undefined)
		section.refuse(
			`${section.at(key)}: Unsupported value: ${JSON.stringify(text)}: supported values: ${values.map((value) => JSON.stringify(value)).join(", ")}`,
		);
	return found;
}

/** A quantity, as its bytes. */
function bytes(section: ConfigSection, key: string): number | undefined {
	const text = section.text(key);
	if (text === undefined) return undefined;
	try {
		return quantityToNumber(text);
	} catch (error) {
		if (!(error instanceof QuantityError)) throw error;
		section.refuse(`${section.at(key)}: Invalid value: ${JSON.stringify(text)}: ${error.message}`);
		return undefined;
	}
}

function textValues(section: ConfigSection, key: string): Readonly<Record<string, string>> {
	const entries = Object.entries(section.json(key) ?? {});
	for (const [name, value] of entries)
		if (typeof value !== "string") section.refuse(`${section.at(key)}.${name}: Invalid value: ${JSON.stringify(value)}: must be a string`);
	return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}
