import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { findProgram, Shell } from "./shell.ts";

function isRunning(pid: number): boolean {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
}

const directory = mkdtempSync(join(tmpdir(), "kubesim-shell-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const env = { PATH: "/usr/bin:/bin", SHELL: "/bin/sh" };
const shell = new Shell({ directory, kubeconfigFile: join(directory, "kubeconfig"), env });

test("a command runs in the lesson's directory with its kubeconfig, and what it says and how it ends is known", async () => {
	let said = "";
	const record = await shell.run("echo $KUBECONFIG; pwd >&2; exit 3", { onOutput: (text) => (said += text) });
	expect(record.exitCode).toBe(3);
	expect(said.split("\n").sort()).toEqual(["", directory, join(directory, "kubeconfig")].sort());
	expect(record.output).toBe(said);
	expect((await shell.run("no-such-program")).exitCode).toBe(127);
});

test("a command that never ends is interrupted, with all that it started", async () => {
	let interrupted = false;
	const record = await shell.run("echo begun; sleep 1000 | cat", {
		onOutput: () => {
			if (!interrupted) shell.interrupt();
			interrupted = true;
		},
	});
	expect(record.exitCode).toBe(130);
	expect(shell.isRunning).toBe(false);
});

test("what a command leaves running in the background keeps nobody waiting, and ends with the lesson", async () => {
	const record = await shell.run("sleep 1000 & echo $!");
	const pid = Number(record.output);
	expect(record.exitCode).toBe(0);
	expect(isRunning(pid)).toBe(true);
	shell.kill();
	while (isRunning(pid)) await nextTurn();
	// Nothing is left to be ended.
	shell.kill();
});

test("programs are found on the PATH", () => {
	expect(findProgram("sh", env)).toMatch(/\/sh$/);
	expect(findProgram("sh", { PATH: directory })).toBeUndefined();
	expect(findProgram("sh", {})).toBeUndefined();
});
