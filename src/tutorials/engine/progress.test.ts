import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Progress, ProgressStore, startedSections } from "./progress.ts";

const state = mkdtempSync(join(tmpdir(), "kubesim-progress-"));
afterAll(() => rmSync(state, { recursive: true, force: true }));

const progress: Progress = {
	version: 1,
	section: "1.1",
	step: "two",
	outcomes: { one: "done" },
	answers: { one: 2 },
	hints: {},
	port: 6443,
	momentMs: 1,
	isFinished: false,
};

test("progress is kept, and read as nothing where it is damaged", () => {
	const store = new ProgressStore(state, "1.1");
	expect(store.read()).toBeUndefined();
	store.lock();
	store.write(progress);
	store.writeMoment({ store: new Uint8Array([1, 2]), atMs: 1 });
	expect(store.read()).toEqual(progress);
	expect(store.readMoment(progress)).toEqual({ store: Buffer.from([1, 2]), atMs: 1 });
	expect(startedSections(state)).toEqual(["1.1"]);
	writeFileSync(join(store.directory, "progress.json"), '{"version":');
	expect(store.read()).toBeUndefined();
	store.unlock();
});

test("a lesson is open once at a time; a process that is gone does not count", () => {
	const first = new ProgressStore(state, "1.2");
	const second = new ProgressStore(state, "1.2");
	first.lock();
	expect(() => second.lock()).toThrow(`this lesson is open in another terminal (process ${process.pid})`);
	expect(() => second.remove()).toThrow("this lesson is open");
	new ProgressStore(state, "1.3").lock();
	first.unlock();
	writeFileSync(join(second.directory, "lock"), JSON.stringify({ pid: process.pid, born: "long ago" }));
	second.lock();
	second.unlock();
	writeFileSync(join(second.directory, "lock"), "");
	second.lock();
	second.remove();
	expect(startedSections(state)).not.toContain("1.2");
});
