/**
 * `tar`: create, extract and list, gzip included: all that `kubectl cp` asks of a container. It works on whole archives
 * in memory. Not there: appending, updating, comparing, sparse files, several volumes.
 * Texts are GNU tar's.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import type { ProcessContext, Program } from "../machine.ts";
import { readAll, writeText } from "../stream.ts";
import type { FileStat } from "../vfs/file-system.ts";
import { FsError } from "../vfs/inode.ts";
import { joinPath, parentPath, resolvePath } from "../vfs/path.ts";
import { type ParsedOptions, parseOptions } from "./options.ts";
import { decodeTar, encodeTar, type TarEntry, TarError } from "./tar-format.ts";

const shortOptions = "cxtvzmpkhOPf:C:";
const longOptions = [
	"create",
	"extract",
	"get",
	"list",
	"verbose",
	"gzip",
	"touch",
	"file:",
	"directory:",
	"strip-components:",
	"exclude:",
];
/** Named in full, and of no consequence here. */
const ignoredOptions = ["no-same-owner", "no-same-permissions", "same-owner", "preserve-permissions", "overwrite", "absolute-names"];
const failureStatus = 2;
const gzipMagic = [0x1f, 0x8b];

interface Job extends ParsedOptions {
	readonly context: ProcessContext;
	readonly directory: string;
	readonly archive: string;
	readonly verbose: boolean;
	/** Something went wrong that does not end the run. */
	fail(message: string): Promise<void>;
}

export const tar: Program = async (context) => {
	const [first = "", ...rest] = context.argv.slice(1);
	// The old way: `tar cf archive file`.
	const args = first === "" || first.startsWith("-") ? context.argv.slice(1) : [`-${first}`, ...rest];
	const options = parseOptions(args, shortOptions, [...longOptions, ...ignoredOptions]);
	const { flags, values, unknown } = options;
	const complain = (text: string) => writeText(context.stderr, `tar: ${text}\n`);
	const [stranger] = unknown;
	if (stranger !== undefined) {
		await complain(stranger.startsWith("--") ? `unrecognized option '${stranger}'` : `invalid option -- '${stranger.slice(1)}'`);
		await writeText(context.stderr, "Try 'tar --help' or 'tar --usage' for more information.\n");
		return failureStatus;
	}
	const has = (letter: string, ...names: string[]) => flags.has(letter) || names.some((name) => flags.has(name));
	let failed = false;
	const job: Job = {
		...options,
		context,
		directory: resolvePath(context.cwd, values.get("C") ?? values.get("directory") ?? "."),
		archive: values.get("f") ?? values.get("file") ?? "-",
		verbose: has("v", "verbose"),
		fail: async (message) => {
			failed = true;
			await complain(message);
		},
	};
	try {
		if (has("c", "create")) await create(job, has("z", "gzip"));
		else if (has("x", "extract", "get")) await extract(job, has("m", "touch"));
		else if (has("t", "list")) await list(job);
		else {
			await complain("You must specify one of the '-Acdtrux', '--delete' or '--test-label' options");
			await writeText(context.stderr, "Try 'tar --help' or 'tar --usage' for more information.\n");
			return failureStatus;
		}
	} catch (error) {
		if (!(error instanceof TarError)) throw error;
		await complain(error.message);
		failed = true;
	}
	if (failed) await complain("Exiting with failure status due to previous errors");
	return failed ? failureStatus : 0;
};

async function create(job: Job, compress: boolean): Promise<void> {
	const { context, operands, directory } = job;
	if (operands.length === 0) throw new TarError("Cowardly refusing to create an empty archive");
	const entries: TarEntry[] = [];
	if (operands.some((operand) => operand.startsWith("/"))) {
		await writeText(context.stderr, "tar: Removing leading `/' from member names\n");
	}
	for (const operand of operands) {
		try {
			gather(job, resolvePath(directory, operand), operand.replace(/^\/+/, "").replace(/\/+$/, "") || ".", entries);
		} catch (error) {
			if (!(error instanceof FsError)) throw error;
			await job.fail(`${operand}: Cannot stat: ${error.shellText}`);
		}
	}
	const { stdout, stderr, machine } = context;
	if (job.verbose) await writeText(job.archive === "-" ? stderr : stdout, entries.map((entry) => `${shownName(entry)}\n`).join(""));
	const bytes = compress ? gzipSync(encodeTar(entries)) : encodeTar(entries);
	if (job.archive === "-") await stdout.write(bytes);
	else machine.files.writeFile(resolvePath(context.cwd, job.archive), bytes);
}

/** The entry of a file; of a directory also everything in it. Throws `FsError`. */
function gather(job: Job, path: string, name: string, entries: TarEntry[]): void {
	const { files } = job.context.machine;
	if (isExcluded(job, name)) return;
	const stat = job.flags.has("h") ? files.stat(path) : files.lstat(path);
	entries.push(...entryOf(job, path, name, stat));
	if (stat.type !== "directory") return;
	for (const child of files.readdir(path).toSorted()) gather(job, joinPath(path, child), `${name}/${child}`, entries);
}

function isExcluded({ lists }: Job, name: string): boolean {
	return (lists.get("exclude") ?? []).some((pattern) => {
		const expression = new RegExp(
			`(^|/)${pattern
				.replace(/[.+^${}()|[\]\\]/g, "\\$&")
				.replace(/\*/g, ".*")
				.replace(/\?/g, ".")}$`,
		);
		return expression.test(name);
	});
}

function entryOf({ context }: Job, path: string, name: string, { type, mode, uid, gid, mtimeMs }: FileStat): TarEntry[] {
	const { files } = context;
	const common = { name, mode, uid, gid, mtimeMs };
	const none = new Uint8Array();
	if (type === "directory") return [{ ...common, type, content: none }];
	if (type === "symlink") return [{ ...common, type, target: files.readlink(path), content: none }];
	return type === "file" ? [{ ...common, type, content: files.readBytes(path) }] : [];
}

async function extract(job: Job, touch: boolean): Promise<void> {
	const { context, values, operands } = job;
	const strip = Number(values.get("strip-components") ?? 0);
	for (const entry of await readArchive(job)) {
		if (operands.length > 0 && !operands.some((operand) => isWithin(entry.name, operand))) continue;
		const name = entry.name.replace(/^\/+/, "").split("/").slice(strip).join("/");
		if (name === "") continue;
		if (name.split("/").includes("..")) {
			await job.fail(`${entry.name}: Member name contains '..'`);
			continue;
		}
		if (job.verbose) await writeText(context.stdout, `${shownName(entry)}\n`);
		try {
			if (job.flags.has("O")) await context.stdout.write(entry.content);
			else unpack(job, entry, name, touch);
		} catch (error) {
			if (!(error instanceof FsError)) throw error;
			await job.fail(`${entry.name}: Cannot open: ${error.shellText}`);
		}
	}
}

function unpack({ context, directory }: Job, entry: TarEntry, name: string, touch: boolean): void {
	const { files } = context;
	const path = resolvePath(directory, name);
	if (parentPath(path) !== directory) files.mkdir(parentPath(path), { recursive: true });
	else files.readdir(directory);
	if (entry.type === "directory") files.mkdir(path, { recursive: true });
	else {
		if (files.exists(path) && files.lstat(path).type === "directory") throw new FsError("EISDIR", "open", path);
		if (entry.type === "symlink") {
			if (isEntry(context, path)) files.remove(path);
			files.symlink(entry.target ?? "", path);
			return;
		}
		if (entry.type === "link") {
			files.link(resolvePath(directory, entry.target ?? ""), path);
			return;
		}
		files.writeFile(path, entry.content);
	}
	files.chmod(path, entry.mode);
	if (!touch) files.setModifiedTime(path, entry.mtimeMs);
}

/** Whether there is something of that name, be it a symbolic link to nowhere. */
function isEntry({ machine }: ProcessContext, path: string): boolean {
	return machine.files.readdir(parentPath(path)).includes(path.slice(path.lastIndexOf("/") + 1));
}

async function list(job: Job): Promise<void> {
	const lines = (await readArchive(job)).map((entry) => `${job.verbose ? longLine(entry) : shownName(entry)}\n`);
	await writeText(job.context.stdout, lines.join(""));
}

async function readArchive({ context, archive }: Job): Promise<TarEntry[]> {
	let bytes: Uint8Array;
	try {
		bytes = archive === "-" ? await readAll(context.stdin) : context.files.readBytes(resolvePath(context.cwd, archive));
	} catch (error) {
		if (!(error instanceof FsError)) throw error;
		throw new TarError(`${archive}: Cannot open: ${error.shellText}`);
	}
	return decodeTar(gzipMagic.every((byte, at) => bytes[at] === byte) ? gunzipSync(bytes) : bytes);
}

function isWithin(name: string, operand: string): boolean {
	const wanted = operand.replace(/\/+$/, "");
	return name === wanted || name.startsWith(`${wanted}/`);
}

function shownName({ type, name }: TarEntry): string {
	return type === "directory" ? `${name}/` : name;
}

/** `-rw-r--r-- root/root      1021 2026-04-21 00:00 etc/nginx/nginx.conf`. */
function longLine(entry: TarEntry): string {
	const { type, mode, uid, gid, mtimeMs, target } = entry;
	const bits = ["rwx", "rwx", "rwx"].map((triple, at) =>
		[...triple].map((letter, bit) => ((mode >> (8 - 3 * at - bit)) & 1 ? letter : "-")).join(""),
	);
	const kind = type === "directory" ? "d" : type === "symlink" ? "l" : type === "link" ? "h" : "-";
	const owner = [uid, gid].map((id) => (id === 0 ? "root" : String(id))).join("/");
	const size = String(entry.content.byteLength).padStart(Math.max(1, 18 - owner.length));
	const date = new Date(mtimeMs).toISOString().slice(0, 16).replace("T", " ");
	const arrow = type === "symlink" ? ` -> ${target}` : type === "link" ? ` link to ${target}` : "";
	return `${kind}${bits.join("")} ${owner} ${size} ${date} ${shownName(entry)}${arrow}`;
}
