/**
 * Units in the file system: where they are looked for, drop-ins, masks, and the links by which a unit is enabled.
 * Source: systemd.unit(5), systemctl(1)
 */
import type { FileSystem } from "../vfs/file-system.ts";
import { baseName, parentPath, resolvePath } from "../vfs/path.ts";
import { triggersOf } from "./timer-triggers.ts";
import { UnitSettings } from "./unit-file.ts";

/** The first one that has a unit wins. */
export const unitDirectories: readonly string[] = ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"];
const administratorsDirectory = "/etc/systemd/system";

export type LoadState = "loaded" | "not-found" | "masked" | "bad-setting";

/** A unit as its files had it when they were read. */
export interface UnitDefinition {
	readonly name: string;
	readonly loadState: LoadState;
	/** Why it can't be loaded, where that is more than not being there. */
	readonly loadError: string;
	readonly fragmentPath: string;
	readonly dropInPaths: readonly string[];
	readonly settings: UnitSettings;
	/** Of all these files, to notice that they have changed. */
	readonly fingerprint: string;
}

export type UnitFileState = "enabled" | "disabled" | "static" | "masked" | "alias" | "indirect" | "";

/** With its suffix. */
export function unitName(name: string): string {
	return /\.(service|target|slice|scope|timer|socket|mount|path|device|swap)$/.test(name) ? name : `${name}.service`;
}

export class UnitFiles {
	readonly #files: () => FileSystem;

	constructor(files: () => FileSystem) {
		this.#files = files;
	}

	load(name: string): UnitDefinition {
		const settings = new UnitSettings();
		const fragmentPath = this.#find(name) ?? "";
		const empty = { name, loadError: "", fragmentPath, dropInPaths: [], settings, fingerprint: this.fingerprint(name) };
		if (fragmentPath === "") return { ...empty, loadState: "not-found" };
		if (this.#isMask(fragmentPath)) return { ...empty, loadState: "masked" };
		const dropInPaths = this.#dropIns(name);
		for (const path of [fragmentPath, ...dropInPaths]) settings.add(this.#files().readText(path));
		const loadError = faultOf(name, settings);
		return { ...empty, dropInPaths, loadError, loadState: loadError === "" ? "loaded" : "bad-setting" };
	}

	/** The same for as long as the files of a unit are the same. */
	fingerprint(name: string): string {
		const path = this.#find(name);
		if (path === undefined) return "";
		if (this.#isMask(path)) return "masked";
		return [path, ...this.#dropIns(name)].map((file) => `${file}\0${this.#files().readText(file)}`).join("\0");
	}

	state(name: string): UnitFileState {
		const path = this.#find(name);
		if (path === undefined) return "";
		if (this.#isMask(path)) return "masked";
		const { settings } = this.load(name);
		const links = this.#linksOf(name, settings);
		if (links.length === 0) return "static";
		return links.some((link) => this.#isThere(link)) ? "enabled" : "disabled";
	}

	/** Names of all unit files. */
	list(): readonly string[] {
		const names = unitDirectories.flatMap((directory) => this.#entries(directory));
		return [...new Set(names.filter((name) => unitName(name) === name && !name.includes("@.")))].sort();
	}

	/** What a target's `.wants` or `.requires` directories name. */
	linked(name: string, kind: "wants" | "requires"): readonly string[] {
		return [...new Set(unitDirectories.flatMap((directory) => this.#entries(`${directory}/${name}.${kind}`)))].sort();
	}

	/** Makes the links of [Install]; returns systemctl's lines about what it did. */
	enable(name: string): readonly string[] {
		const { settings, fragmentPath } = this.load(name);
		return this.#linksOf(name, settings).flatMap((link) => {
			if (this.#isThere(link)) return [];
			this.#files().mkdir(parentPath(link), { recursive: true });
			this.#files().symlink(fragmentPath, link);
			return [`Created symlink '${link}' → '${fragmentPath}'.`];
		});
	}

	disable(name: string): readonly string[] {
		const targets = this.#entries(administratorsDirectory).filter((entry) => /\.(wants|requires)$/.test(entry));
		return targets.flatMap((entry) => this.#removeLink(`${administratorsDirectory}/${entry}/${name}`));
	}

	/** Undefined if a file is in the way. */
	mask(name: string): readonly string[] | undefined {
		const link = `${administratorsDirectory}/${name}`;
		if (this.#isThere(link)) return this.#isMask(link) ? [] : undefined;
		this.#files().symlink("/dev/null", link);
		return [`Created symlink '${link}' → '/dev/null'.`];
	}

	unmask(name: string): readonly string[] {
		const link = `${administratorsDirectory}/${name}`;
		return this.#isMask(link) ? this.#removeLink(link) : [];
	}

	#removeLink(path: string): readonly string[] {
		if (!this.#isThere(path)) return [];
		this.#files().remove(path);
		return [`Removed '${path}'.`];
	}

	#linksOf(name: string, settings: UnitSettings): readonly string[] {
		const of = (key: string, kind: string) =>
			settings.words("Install", key).map((target) => `${administratorsDirectory}/${target}.${kind}/${name}`);
		const aliases = settings.words("Install", "Alias").map((alias) => `${administratorsDirectory}/${alias}`);
		return [...of("WantedBy", "wants"), ...of("RequiredBy", "requires"), ...aliases];
	}

	/** Where its file is: an alias leads to another one's. */
	#find(name: string): string | undefined {
		for (const directory of unitDirectories) {
			const path = `${directory}/${name}`;
			if (!this.#isThere(path)) continue;
			if (this.#files().lstat(path).type !== "symlink" || this.#isMask(path)) return path;
			const target = resolvePath(directory, this.#files().readlink(path));
			if (this.#isThere(target)) return target;
		}
		return undefined;
	}

	/** In the order in which they count: by file name, whatever directory they are in; of the same name the first directory's. */
	#dropIns(name: string): readonly string[] {
		const found = new Map<string, string>();
		for (const directory of unitDirectories)
			for (const entry of this.#entries(`${directory}/${name}.d`))
				if (entry.endsWith(".conf") && !found.has(entry)) found.set(entry, `${directory}/${name}.d/${entry}`);
		return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
	}

	#isMask(path: string): boolean {
		if (!this.#isThere(path) || this.#files().lstat(path).type !== "symlink") return false;
		return resolvePath(parentPath(path), this.#files().readlink(path)) === "/dev/null";
	}

	#entries(directory: string): readonly string[] {
		const files = this.#files();
		return files.exists(directory) && files.stat(directory).type === "directory" ? files.readdir(directory) : [];
	}

	/** Also a link that leads nowhere. */
	#isThere(path: string): boolean {
		return this.#entries(parentPath(path)).includes(baseName(path));
	}
}

function faultOf(name: string, settings: UnitSettings): string {
	if (name.endsWith(".timer") && triggersOf(settings).length === 0) return `Unit ${name} has a bad unit file setting.`;
	if (!name.endsWith(".service")) return "";
	const type = settings.last("Service", "Type");
	if (settings.all("Service", "ExecStart").length === 0 && type !== "oneshot") return `Unit ${name} has a bad unit file setting.`;
	return "";
}
