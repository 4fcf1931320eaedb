import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { FileSystem } from "./file-system.ts";
import { FsError } from "./inode.ts";
import { resolvePath } from "./path.ts";
import { Tree } from "./tree.ts";
import { TreeBuilder } from "./tree-builder.ts";

const image = new TreeBuilder(0)
	.file("/etc/motd", "hi\n")
	.symlink("/etc/link", "motd")
	.symlink("/loop", "loop")
	.symlink("/var/log/out", "/etc/motd")
	.directory("/tmp")
	.build();

function open(limitBytes?: number) {
	const tree = new Tree({ clock: new VirtualClock(), lower: image, ...(limitBytes === undefined ? {} : { limitBytes }) });
	return { tree, files: new FileSystem(tree) };
}

function codeOf(action: () => unknown): string {
	try {
		action();
		return "no error";
	} catch (error) {
		if (error instanceof FsError) return error.code;
		throw error;
	}
}

describe("files", () => {
	it("of an image are shared until one container changes them", () => {
		const a = open().files;
		const b = open().files;
		a.writeFile("/etc/motd", "changed\n");
		a.remove("/etc/link");
		expect([a.readText("/etc/motd"), b.readText("/etc/motd"), b.readText("/etc/link")]).toEqual(["changed\n", "hi\n", "hi\n"]);
		expect([a.readdir("/etc"), b.readdir("/etc")]).toEqual([["motd"], ["link", "motd"]]);
	});

	it("are written through links, dangling ones too", () => {
		const { files } = open();
		files.appendFile("/var/log/out", "more\n");
		expect(files.readText("/etc/motd")).toBe("hi\nmore\n");
		files.symlink("/tmp/target", "/tmp/dangling");
		files.writeFile("/tmp/dangling", "x");
		expect(files.readText("/tmp/target")).toBe("x");
	});

	it("with two names are one file", () => {
		const { files } = open();
		files.link("/etc/motd", "/tmp/same");
		files.writeFile("/tmp/same", "new");
		expect([files.readText("/etc/motd"), files.stat("/etc/motd").ino === files.stat("/tmp/same").ino]).toEqual(["new", true]);
	});

	it("can be mounted, whole trees and single files, read-only too", () => {
		const { files } = open();
		const volume = new Tree({ clock: new VirtualClock() });
		const inside = new FileSystem(volume);
		inside.mkdir("/sub");
		inside.writeFile("/sub/a", "1");
		files.mount({ path: "/data", tree: volume, readOnly: false, source: "v", type: "ext4" });
		files.mount({ path: "/ro", tree: volume, readOnly: true, source: "v", type: "ext4" });
		files.mount({ path: "/one", tree: volume, inode: inside.inode("/sub/a"), readOnly: false, source: "v", type: "ext4" });
		files.writeFile("/data/sub/a", "2");
		files.writeFile("/one", "3");
		expect([files.readText("/ro/sub/a"), files.readdir("/data/sub/..")]).toEqual(["3", ["sub"]]);
		expect(codeOf(() => files.writeFile("/ro/sub/a", "4"))).toBe("EROFS");
		expect(codeOf(() => files.remove("/data", { recursive: true }))).toBe("EBUSY");
	});

	it("fail with the system's codes", () => {
		const { files } = open(10);
		const codes = [
			() => files.readBytes("/none"),
			() => files.readBytes("/etc"),
			() => files.readdir("/etc/motd"),
			() => files.readText("/loop"),
			() => files.mkdir("/etc"),
			() => files.remove("/etc"),
			() => files.writeFile("/none/x", ""),
			() => files.writeFile(`/tmp/${"x".repeat(256)}`, ""),
			() => files.writeFile("/tmp/big", "12345678901"),
			() => files.rename("/etc", "/etc/below"),
		].map(codeOf);
		expect(codes).toEqual(["ENOENT", "EISDIR", "ENOTDIR", "ELOOP", "EEXIST", "ENOTEMPTY", "ENOENT", "ENAMETOOLONG", "ENOSPC", "EINVAL"]);
	});

	it("behave like a map of paths, whatever is done to them", () => {
		const name = fc.constantFrom("a", "b", "c");
		const step = fc.record({
			kind: fc.constantFrom("write", "append", "remove", "rename"),
			name,
			other: name,
			text: fc.string({ maxLength: 3 }),
		});
		fc.assert(
			fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
				const { files, tree } = open();
				const model = new Map<string, string>();
				for (const { kind, name: from, other, text } of steps) {
					if (kind === "write") {
						files.writeFile(`/tmp/${from}`, text);
						model.set(from, text);
					} else if (kind === "append") {
						files.appendFile(`/tmp/${from}`, text);
						model.set(from, (model.get(from) ?? "") + text);
					} else if (kind === "remove" && model.delete(from)) files.remove(`/tmp/${from}`);
					else if (kind === "rename" && model.has(from) && from !== other) {
						files.rename(`/tmp/${from}`, `/tmp/${other}`);
						model.set(other, model.get(from) ?? "");
						model.delete(from);
					}
				}
				expect(new Map(files.readdir("/tmp").map((entry) => [entry, files.readText(`/tmp/${entry}`)]))).toEqual(new Map([...model].sort()));
				expect(tree.written().bytes).toBe([...model.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0));
			}),
		);
	});

	it("have paths that resolve to one normal form", () => {
		fc.assert(
			fc.property(fc.array(fc.constantFrom("a", "b", ".", "..", ""), { maxLength: 8 }), (parts) => {
				const path = resolvePath("/base", parts.join("/"));
				expect(resolvePath("/", path)).toBe(path);
				expect(path).toMatch(/^\/(?!.*\/\/)(?!.*\/\.{1,2}(\/|$)).*/);
			}),
		);
	});
});
