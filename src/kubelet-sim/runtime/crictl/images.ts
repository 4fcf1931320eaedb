/** Subcommands about images: images, pull, rmi, imagefsinfo. */
import type { JsonObject } from "../../../apimachinery/json.ts";
import type { RegistryAccount } from "../../images/registry-options.ts";
import type { RuntimeImage } from "../cri.ts";
import { formatTable, humanSize } from "../tools/table.ts";
import { flag, type Subcommand, type ToolCall, ToolError, valued } from "../tools/tool.ts";
import { expression, listLayout, nanoseconds, note, printList, printStatus, shortId } from "./output.ts";
import { type CrictlServices, helpExit } from "./services.ts";

export function imageJson({ id, repoTags, repoDigests, sizeBytes, isPinned }: RuntimeImage): JsonObject {
	const spec = { image: "", annotations: {}, userSpecifiedImage: "", runtimeHandler: "" };
	return {
		id,
		repoTags: [...repoTags],
		repoDigests: [...repoDigests],
		size: String(sizeBytes),
		uid: null,
		username: "",
		spec,
		pinned: isPinned,
	};
}

const images: Subcommand<CrictlServices> = {
	name: "images",
	aliases: ["image", "img"],
	usage: "List images",
	args: "[REPOSITORY[:TAG]]",
	options: [
		flag("verbose", "v"),
		flag("quiet", "q"),
		valued("filter", "f"),
		valued("output", "o"),
		flag("digests"),
		flag("no-trunc"),
		flag("pinned"),
	],
	run: async (call, { runtime }) => {
		const [name, ...more] = call.operands;
		if (more.length > 0) return helpExit;
		const named = name === undefined ? runtime.images() : [runtime.image(name)].flatMap((image) => image ?? []);
		const found = filtered(named, call.values("filter"));
		await printList(call, call.value("output") ?? "table", { images: found.map(imageJson) }, () =>
			call.has("quiet")
				? found.map(({ id }) => `${id}\n`).join("")
				: call.has("verbose")
					? found.map(verboseText).join("")
					: tableText(call, found),
		);
		return 0;
	},
};

function filtered(all: readonly RuntimeImage[], filters: readonly string[]): readonly RuntimeImage[] {
	return filters.reduce((rest, filter) => {
		const [key = "", ...value] = filter.split("=");
		const text = value.join("=");
		if (key === "reference") return rest.filter(({ repoTags }) => repoTags.some((tag) => expression(text).test(tag)));
		if (key === "dangling") return rest.filter(({ repoTags }) => (repoTags.length === 0) === (text === "true"));
		throw new ToolError(`listing images: unsupported filter ${JSON.stringify(key)}`);
	}, all);
}

function tableText(call: ToolCall, found: readonly RuntimeImage[]): string {
	const cut = (id: string) => (call.has("no-trunc") ? id : shortId(id));
	const rows = found.flatMap((image) => {
		const [name = "", digest = "<none>"] = (image.repoDigests[0] ?? "<none>@<none>").split("@");
		const tags = image.repoTags.length === 0 ? [`${name}:<none>`] : image.repoTags;
		return tags.map((tag) => {
			const colon = tag.lastIndexOf(":");
			return [
				tag.slice(0, colon),
				tag.slice(colon + 1),
				...(call.has("digests") ? [cut(digest)] : []),
				cut(image.id),
				humanSize(image.sizeBytes, 3),
				...(call.has("pinned") ? [String(image.isPinned)] : []),
			];
		});
	});
	const head = ["IMAGE", "TAG", ...(call.has("digests") ? ["DIGEST"] : []), "IMAGE ID", "SIZE", ...(call.has("pinned") ? ["PINNED"] : [])];
	return formatTable([head, ...rows], listLayout);
}

function verboseText({ id, repoTags, repoDigests, sizeBytes, isPinned }: RuntimeImage): string {
	return [
		`ID: ${id}`,
		...repoTags.map((tag) => `RepoTags: ${tag}`),
		...repoDigests.map((digest) => `RepoDigests: ${digest}`),
		`Size: ${sizeBytes}`,
		...(isPinned ? ["Pinned: true"] : []),
		"\n",
	].join("\n");
}

const pull: Subcommand<CrictlServices> = {
	name: "pull",
	usage: "Pull an image from a registry",
	args: "NAME[:TAG|@DIGEST]",
	options: [valued("creds"), valued("auth"), valued("annotation", "a"), valued("pull-timeout")],
	run: async (call, { runtime }) => {
		const [name, ...more] = call.operands;
		if (name === undefined || name === "") throw new ToolError("image name cannot be empty");
		if (more.length > 0) return helpExit;
		const id = await pulled(() => runtime.pull(name, accountOf(call)));
		await call.print(`Image is up to date for ${id}\n`);
		return 0;
	},
};

async function pulled(act: () => Promise<string>): Promise<string> {
	try {
		return await act();
	} catch (error) {
		if (error instanceof Error) throw new ToolError(`pulling image: ${error.message}`);
		throw error;
	}
}

function accountOf(call: ToolCall): RegistryAccount | undefined {
	const { env } = call.context;
	const creds = call.value("creds") ?? env.get("CRICTL_CREDS");
	const auth = call.value("auth") ?? env.get("CRICTL_AUTH");
	if (creds !== undefined && auth !== undefined) throw new ToolError("both `--creds` and `--auth` are specified");
	const text = creds ?? (auth === undefined ? undefined : Buffer.from(auth, "base64").toString());
	if (text === undefined) return undefined;
	const [username = "", ...password] = text.split(":");
	if (username === "") throw new ToolError(text === "" ? "credentials can't be empty" : "username can't be empty");
	return { username, password: password.join(":") };
}

const remove: Subcommand<CrictlServices> = {
	name: "rmi",
	usage: "Remove one or more images",
	args: "IMAGE-ID [IMAGE-ID...]",
	options: [flag("all", "a"), flag("prune", "q")],
	run: async (call, { runtime }) => {
		const isPrune = call.has("prune");
		const inUse = new Set(runtime.containers().map(({ imageId }) => imageId));
		const wholesale =
			call.has("all") || isPrune ? runtime.images().filter(({ id, isPinned }) => !isPrune || !(isPinned || inUse.has(id))) : [];
		const names = [...new Set([...call.operands, ...wholesale.map(({ id }) => id)])];
		if (names.length === 0) {
			if (!call.has("all") && !isPrune) return helpExit;
			await note(call, "info", "No images to remove");
		}
		let hasFailed = false;
		for (const name of names) {
			const image = runtime.image(name);
			if (image === undefined) {
				await note(call, "error", `no such image ${name}`);
				hasFailed = true;
				continue;
			}
			runtime.removeImage(name);
			const gone = image.repoTags.length === 0 ? image.repoDigests : image.repoTags;
			await call.print(gone.map((each) => `Deleted: ${each}\n`).join(""));
		}
		if (hasFailed) throw new ToolError("unable to remove the image(s)");
		return 0;
	},
};

const imageFsInfo: Subcommand<CrictlServices> = {
	name: "imagefsinfo",
	usage: "Return image filesystem info",
	options: [valued("output", "o"), valued("template")],
	run: async (call, { runtime }) => {
		const usedBytes = runtime.images().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
		const image = {
			timestamp: nanoseconds(call.nowMs),
			fsId: { mountpoint: "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs" },
			usedBytes: { value: String(usedBytes) },
			inodesUsed: { value: String(Math.ceil(usedBytes / 16_384)) },
		};
		const format = call.value("output") ?? "json";
		if (format !== "table") await printStatus(call, [{ status: { imageFilesystems: [image], containerFilesystems: [image] } }], format);
		else
			for (const label of ["Container", "Image"])
				await call.print(
					`${label} Filesystem \nTimeStamp[0]: ${image.timestamp}\nDisk[0]: ${humanSize(usedBytes, 4)}\nInodes[0]: ${image.inodesUsed.value}\nMountpoint[0]: ${image.fsId.mountpoint}\n`,
				);
		return 0;
	},
};

export const imageCommands: readonly Subcommand<CrictlServices>[] = [images, pull, remove, imageFsInfo];
