/** `apt-get`, `apt`, `apt-cache` and `apt-mark` on the machine's own catalogue. Texts are apt 3.0's. Source: apt-get(8), apt-cache(8), apt-mark(8) */
import { parseOptions } from "../commands/options.ts";
import type { ProcessContext, Program } from "../machine.ts";
import { BufferedInput, writeText } from "../stream.ts";
import type { Package, Packages } from "./packages.ts";

const failed = 100;
const reading = "Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\n";
const database = "(Reading database ... 34212 files and directories currently installed.)\n";

/** Where a package comes from. */
function sourceOf({ name }: Package): string {
	if (name === "kubelet") return "https://pkgs.k8s.io/core:/stable:/v1.36/deb  Packages";
	if (name === "containerd.io") return "https://download.docker.com/linux/debian trixie/stable amd64 Packages";
	return "http://deb.debian.org/debian trixie/main amd64 Packages";
}

export function aptPrograms(packages: Packages): ReadonlyMap<string, Program> {
	return new Map([
		["apt-get", aptGet(packages)],
		["apt", aptGet(packages)],
		["apt-cache", aptCache(packages)],
		["apt-mark", aptMark(packages)],
	]);
}

function aptGet(packages: Packages): Program {
	return async (context) => {
		const { flags, operands } = parseOptions(context.argv.slice(1), "yqsdfV", longOptions);
		const [verb = "", ...names] = operands;
		const isSure = flags.has("y") || flags.has("yes") || flags.has("assume-yes");
		switch (verb) {
			case "update":
				await writeText(
					context.stdout,
					"Hit:1 http://deb.debian.org/debian trixie InRelease\nHit:2 https://pkgs.k8s.io/core:/stable:/v1.36/deb  InRelease\nReading package lists... Done\n",
				);
				return 0;
			case "install":
			case "reinstall":
				return install(packages, context, names);
			case "upgrade":
			case "dist-upgrade":
			case "full-upgrade":
			case "autoremove":
				await writeText(context.stdout, `${reading}${summary(0, 0, 0)}`);
				return 0;
			case "clean":
			case "autoclean":
				return 0;
			case "remove":
			case "purge":
				return remove(packages, context, names, isSure);
			case "list":
			case "search":
			case "show":
			case "policy":
				if (context.argv[0]?.endsWith("apt") === true) return cacheVerb(packages, context, verb, names, flags);
				break;
			default:
		}
		return fail(context, verb === "" ? "E: No operation given; say what to do: install, remove, update" : `E: Invalid operation ${verb}`);
	};
}

const longOptions: readonly string[] =
	"yes assume-yes quiet no-install-recommends allow-change-held-packages allow-downgrades purge installed upgradable only-upgrade simulate".split(
		" ",
	);

async function install(packages: Packages, context: ProcessContext, words: readonly string[]): Promise<number> {
	const { stdout } = context;
	const chosen: { readonly found: Package; readonly version: string }[] = [];
	let text = reading;
	for (const word of words) {
		const [name = "", wanted] = word.split("=");
		const found = packages.find(name);
		if (found === undefined) {
			await writeText(stdout, reading);
			return fail(context, `E: Unable to locate package ${name}`);
		}
		const version = wanted === undefined ? found.versions[0] : found.versions.find((each) => each === wanted || matches(wanted, each));
		if (version === undefined) {
			await writeText(stdout, reading);
			return fail(context, `E: Version '${wanted}' for '${name}' was not found`);
		}
		if (packages.installedVersion(name) === version) text += `${name} is already the newest version (${version}).\n`;
		else chosen.push({ found, version });
	}
	if (chosen.length === 0) {
		await writeText(stdout, `${text}${summary(0, 0, 0)}`);
		return 0;
	}
	const sizeKb = chosen.reduce((sum, { found }) => sum + found.sizeKb, 0);
	const lines = chosen.flatMap(({ found, version }, index) => {
		const of = `${found.name} amd64 ${version}`;
		return `Get:${index + 1} ${sourceOf(found).replace(" Packages", "").trim()} ${of} [${kilobytes(Math.ceil(found.sizeKb / 3))}]`;
	});
	const unpacked = chosen.map(
		({ found: { name }, version }) =>
			`Selecting previously unselected package ${name}.\n${database}Preparing to unpack .../${name}_${version}_amd64.deb ...\nUnpacking ${name} (${version}) ...\n`,
	);
	await writeText(
		stdout,
		`${text}The following NEW packages will be installed:\n  ${chosen.map(({ found }) => found.name).join(" ")}\n${summary(0, chosen.length, 0)}` +
			`Need to get ${kilobytes(Math.ceil(sizeKb / 3))} of archives.\nAfter this operation, ${kilobytes(sizeKb)} of additional disk space will be used.\n` +
			`${lines.join("\n")}\nFetched ${kilobytes(Math.ceil(sizeKb / 3))} in 0s\n${unpacked.join("")}`,
	);
	for (const { found, version } of chosen) {
		packages.install(found, version);
		await writeText(stdout, `Setting up ${found.name} (${version}) ...\n`);
	}
	return 0;
}

async function remove(packages: Packages, context: ProcessContext, names: readonly string[], isSure: boolean): Promise<number> {
	const { stdout } = context;
	const chosen: Package[] = [];
	let text = reading;
	for (const name of names) {
		const found = packages.find(name);
		if (found === undefined) {
			await writeText(stdout, reading);
			return fail(context, `E: Unable to locate package ${name}`);
		}
		if (packages.installedVersion(name) === undefined) text += `Package '${name}' is not installed, so not removed\n`;
		else chosen.push(found);
	}
	if (chosen.length === 0) {
		await writeText(stdout, `${text}${summary(0, 0, 0)}`);
		return 0;
	}
	const sizeKb = chosen.reduce((sum, each) => sum + each.sizeKb, 0);
	await writeText(
		stdout,
		`${text}The following packages will be REMOVED:\n  ${chosen.map(({ name }) => name).join(" ")}\n${summary(0, 0, chosen.length)}After this operation, ${kilobytes(sizeKb)} disk space will be freed.\n`,
	);
	if (!isSure && !(await agrees(context))) {
		await writeText(stdout, "Abort.\n");
		return 1;
	}
	await writeText(stdout, database);
	for (const each of chosen) {
		await writeText(stdout, `Removing ${each.name} (${packages.installedVersion(each.name)}) ...\n`);
		packages.remove(each);
	}
	return 0;
}

async function agrees({ stdin, stdout }: ProcessContext): Promise<boolean> {
	await writeText(stdout, "Do you want to continue? [Y/n] ");
	const answer = await new BufferedInput(stdin).readLine();
	return answer !== undefined && /^(y|yes|)$/i.test(answer.text.trim());
}

function summary(upgraded: number, installed: number, removed: number): string {
	return `${upgraded} upgraded, ${installed} newly installed, ${removed} to remove and 0 not upgraded.\n`;
}

/** `984 kB`, `3,692 kB`. */
function kilobytes(kb: number): string {
	return kb >= 10_000 ? `${(kb / 1000).toFixed(1)} MB` : `${String(kb).replace(/\B(?=(\d{3})+$)/g, ",")} kB`;
}

function matches(pattern: string, version: string): boolean {
	return pattern.endsWith("*") && version.startsWith(pattern.slice(0, -1));
}

function aptCache(packages: Packages): Program {
	return (context) => {
		const { operands, flags } = parseOptions(context.argv.slice(1), "n", ["names-only"]);
		const [verb = "", ...names] = operands;
		return cacheVerb(packages, context, verb, names, flags);
	};
}

async function cacheVerb(
	packages: Packages,
	context: ProcessContext,
	verb: string,
	names: readonly string[],
	flags: ReadonlySet<string>,
): Promise<number> {
	const { stdout } = context;
	const print = (text: string) => writeText(stdout, text);
	if (verb === "search") {
		const words = names.map((name) => name.toLowerCase());
		const found = packages
			.all()
			.filter(({ name, description }) => words.every((word) => `${name} ${description}`.toLowerCase().includes(word)));
		for (const { name, description } of found) await print(`${name} - ${description}\n`);
		return 0;
	}
	if (verb === "list") {
		await print("Listing... Done\n");
		for (const { name, versions } of packages.all()) {
			const installed = packages.installedVersion(name);
			if ((flags.has("installed") && installed === undefined) || flags.has("upgradable")) continue;
			if (names.length > 0 && !names.includes(name)) continue;
			await print(
				`${name}/stable${installed === undefined ? "" : ",now"} ${installed ?? versions[0]} amd64${installed === undefined ? "" : " [installed]"}\n`,
			);
		}
		return 0;
	}
	if (!["policy", "madison", "show"].includes(verb)) return fail(context, `E: Invalid operation ${verb}`);
	let status = 0;
	for (const name of names) {
		const found = packages.find(name);
		if (found === undefined) {
			if (verb === "policy") await writeText(context.stderr, `N: Unable to locate package ${name}\n`);
			else status = await fail(context, verb === "show" ? "E: No packages found" : `E: Unable to locate package ${name}`);
			continue;
		}
		const { versions, description, sizeKb } = found;
		const installed = packages.installedVersion(name);
		if (verb === "madison")
			for (const version of versions) await print(`${name.padStart(10)} | ${version.padStart(10)} | ${sourceOf(found)}\n`);
		else if (verb === "show")
			await print(
				`Package: ${name}\nVersion: ${installed ?? versions[0]}\nInstalled-Size: ${sizeKb}\nArchitecture: amd64\nDescription: ${description}\n\n`,
			);
		else {
			const table = versions.map((version) => {
				const isHere = version === installed;
				return ` ${isHere ? "***" : "   "} ${version} 500\n        500 ${sourceOf(found)}\n${isHere ? "        100 /var/lib/dpkg/status\n" : ""}`;
			});
			await print(`${name}:\n  Installed: ${installed ?? "(none)"}\n  Candidate: ${versions[0]}\n  Version table:\n${table.join("")}`);
		}
	}
	return status;
}

function aptMark(packages: Packages): Program {
	return async (context) => {
		const [verb = "", ...names] = context.argv.slice(1);
		if (verb === "showhold") {
			for (const name of [...packages.held].sort()) await writeText(context.stdout, `${name}\n`);
			return 0;
		}
		if (verb !== "hold" && verb !== "unhold") return fail(context, `E: Invalid operation ${verb}`);
		for (const name of names) {
			if (packages.find(name) === undefined) return fail(context, `E: Unable to locate package ${name}`);
			const was = packages.held.has(name);
			if (verb === "hold") packages.held.add(name);
			else packages.held.delete(name);
			const isNews = was === (verb === "unhold");
			const text =
				verb === "hold" ? (isNews ? "set on hold" : "was already set on hold") : isNews ? "Canceled hold on" : "was already not on hold";
			await writeText(context.stdout, text.startsWith("Canceled") ? `${text} ${name}.\n` : `${name} ${text}.\n`);
		}
		return 0;
	};
}

async function fail({ stderr }: ProcessContext, text: string): Promise<number> {
	await writeText(stderr, `${text}\n`);
	return failed;
}
