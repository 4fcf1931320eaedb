import fc from "fast-check";
import { expect, test } from "vitest";
import { TestMachine } from "../testing/test-machine.ts";
import { decodeTar, encodeTar, type TarEntry } from "./tar-format.ts";

test("what was encoded is decoded, long names included", () => {
	const name = fc.array(fc.stringMatching(/^[a-zä_][a-z0-9._-]{0,40}$/), { minLength: 1, maxLength: 8 }).map((parts) => parts.join("/"));
	const common = { name, mode: fc.integer({ min: 0, max: 0o777 }), uid: fc.nat(70_000), gid: fc.nat(70_000) };
	const mtimeMs = fc.nat(2_000_000_000).map((seconds) => seconds * 1000);
	const file = fc.record({ ...common, mtimeMs, type: fc.constant("file" as const), content: fc.uint8Array({ maxLength: 1500 }) });
	const none = fc.constant(new Uint8Array());
	const directory = fc.record({ ...common, mtimeMs, type: fc.constant("directory" as const), content: none });
	const symlink = fc.record({ ...common, mtimeMs, type: fc.constant("symlink" as const), content: none, target: name });
	fc.assert(
		fc.property(fc.array(fc.oneof(file, directory, symlink), { maxLength: 5 }), (entries: TarEntry[]) => {
			const bytes = encodeTar(entries);
			expect(bytes.byteLength % 10_240).toBe(0);
			expect(decodeTar(bytes).map((entry) => ({ ...entry, content: new Uint8Array(entry.content) }))).toEqual(entries);
		}),
		{ numRuns: 50 },
	);
});

test("a tree goes through a pipe and comes out the same", async () => {
	const machine = new TestMachine();
	const { stdout, stderr, exitCode } = await machine.sh(
		[
			"mkdir -p /srv/a/b /dst",
			"printf 'one\\0two' > /srv/a/data",
			"chmod 600 /srv/a/data",
			"echo script > /srv/a/b/run.sh",
			"ln -s b/run.sh /srv/a/latest",
			"tar cf - /srv/a | tar -xmf - -C /dst",
			"cat /dst/srv/a/latest",
			"stat -c '%a %s' /dst/srv/a/data",
			"tar -czf /tmp/a.tgz -C /srv a && tar tzf /tmp/a.tgz",
			"tar -xf /tmp/a.tgz -C /dst --strip-components=1 a/b && ls /dst",
		].join("\n"),
	);
	expect({ stdout, stderr, exitCode }).toEqual({
		stdout: "script\n600 7\na/\na/b/\na/b/run.sh\na/data\na/latest\nb\nsrv\n",
		stderr: "tar: Removing leading `/' from member names\n",
		exitCode: 0,
	});
});

test("complains as GNU tar does", async () => {
	const machine = new TestMachine();
	expect(await machine.run(["tar", "cf", "-", "nope"])).toMatchObject({
		stderr: "tar: nope: Cannot stat: No such file or directory\ntar: Exiting with failure status due to previous errors\n",
		exitCode: 2,
	});
	expect(await machine.run(["tar", "xf", "-"], "x".repeat(2000))).toMatchObject({
		stderr: "tar: This does not look like a tar archive\ntar: Exiting with failure status due to previous errors\n",
		exitCode: 2,
	});
	expect(await machine.run(["tar", "xf", "/nope.tar"])).toMatchObject({
		stderr: "tar: /nope.tar: Cannot open: No such file or directory\ntar: Exiting with failure status due to previous errors\n",
		exitCode: 2,
	});
});
