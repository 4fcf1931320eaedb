/** `kubesim image load|list`. */
import { ClusterDirectory } from "../cluster-directory.ts";
import type { ImageReport, NodeImageReport } from "../control/image-methods.ts";
import { askCluster } from "../control/running-server.ts";
import { keepImageFile } from "../image-files.ts";
import { readInput } from "../read-input.ts";
import { formatTable } from "../table.ts";

/** What `nginx` stands for is left out, as kubectl users write it. */
const shortPrefix = /^docker\.io\/(?:library\/)?/;

/** Nothing of a file counts unless all of it is right; files after one that is not are not read. */
export async function imageLoad(files: readonly string[], { name }: { readonly name: string }): Promise<void> {
	const directory = ClusterDirectory.existing(name);
	for (const file of files) {
		const text = await readInput(file);
		const loaded = await askCluster<readonly string[]>(name, "images.load", { file: text });
		keepImageFile(directory.path, file, text);
		for (const what of loaded) process.stdout.write(`${what} loaded\n`);
	}
}

export async function imageList(options: { readonly name: string; readonly node?: string; readonly output?: "json" }): Promise<void> {
	process.stdout.write(options.node === undefined ? await catalogText(options) : await nodeText({ ...options, node: options.node }));
}

async function catalogText({ name, output }: { readonly name: string; readonly output?: "json" }): Promise<string> {
	const images = await askCluster<readonly ImageReport[]>(name, "images.list");
	if (output === "json") return `${JSON.stringify(images)}\n`;
	const rows = images.map(({ repositories: [first = "", ...others], tags, sizeBytes, source }) => [
		first.replace(shortPrefix, ""),
		tags?.join(",") ?? "*",
		formatSize(sizeBytes),
		source,
		others.map((each) => each.replace(shortPrefix, "")).join(","),
	]);
	return formatTable(["REPOSITORY", "TAGS", "SIZE", "SOURCE", "ALSO AS"], rows);
}

async function nodeText({
	name,
	node,
	output,
}: {
	readonly name: string;
	readonly node: string;
	readonly output?: "json";
}): Promise<string> {
	const images = await askCluster<readonly NodeImageReport[]>(name, "images.ofNode", { node });
	if (output === "json") return `${JSON.stringify(images)}\n`;
	const rows = images.map(({ reference, imageId, sizeBytes }) => [reference, shortId(imageId), formatSize(sizeBytes)]);
	return formatTable(["IMAGE", "IMAGE ID", "SIZE"], rows);
}

/** As crictl shows it. */
function shortId(imageId: string): string {
	return imageId.replace(/^.*@sha256:/, "").slice(0, 13);
}

/** As docker and crictl print sizes: in powers of 1000, three digits. */
function formatSize(bytes: number): string {
	const units = ["B", "kB", "MB", "GB"];
	const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
	return `${Number((bytes / 1000 ** power).toPrecision(3))}${units[power]}`;
}
