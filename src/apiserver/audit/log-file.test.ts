import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { silentLog } from "../../apimachinery/log.ts";
import type { AuditEvent } from "./audit-event.ts";
import { AuditLogFile } from "./log-file.ts";

const startMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
let directory: string;
let nowMs: number;

beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), "kubesim-audit-"));
	nowMs = startMs;
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const event = (auditID: string, sizeBytes = 0): AuditEvent => ({
	kind: "Event",
	apiVersion: "audit.k8s.io/v1",
	level: "Metadata",
	auditID,
	stage: "ResponseComplete",
	requestURI: "x".repeat(sizeBytes),
	verb: "get",
	user: {},
	requestReceivedTimestamp: "",
	stageTimestamp: "",
});

const file = (options: { readonly maxSizeMegabytes?: number; readonly maxBackups?: number; readonly maxAgeDays?: number } = {}) =>
	new AuditLogFile({ path: join(directory, "logs/audit.log"), log: silentLog, now: () => nowMs, ...options });
const idsIn = (name: string) =>
	readFileSync(join(directory, "logs", name), "utf8")
		.trimEnd()
		.split("\n")
		.map((line) => (JSON.parse(line) as AuditEvent).auditID);

it("writes one event a line, behind what is there", async () => {
	for (const id of ["a", "b"]) {
		const log = file();
		await log.open();
		log.record(event(`${id}1`));
		log.record(event(`${id}2`));
		await log.close();
	}
	expect(idsIn("audit.log")).toEqual(["a1", "a2", "b1", "b2"]);
});

it("puts a full file aside, and keeps so many", async () => {
	const log = file({ maxSizeMegabytes: 1, maxBackups: 2 });
	await log.open();
	for (const id of ["a", "b", "c", "d"]) log.record(event(id, 700_000));
	await log.close();
	expect(readdirSync(join(directory, "logs")).sort()).toEqual([
		"audit-2026-01-02T03-04-05.678-1.log",
		"audit-2026-01-02T03-04-05.678-2.log",
		"audit.log",
	]);
	expect(idsIn("audit.log")).toEqual(["d"]);
});

it("keeps files for so many days", async () => {
	const log = file({ maxSizeMegabytes: 1, maxAgeDays: 3 });
	await log.open();
	for (const day of ["2025-12-29", "2025-12-31"]) writeFileSync(join(directory, "logs", `audit-${day}T00-00-00.000.log`), "{}\n");
	log.record(event("a", 700_000));
	log.record(event("b", 700_000));
	await log.close();
	expect(readdirSync(join(directory, "logs")).sort()).toEqual([
		"audit-2025-12-31T00-00-00.000.log",
		"audit-2026-01-02T03-04-05.678.log",
		"audit.log",
	]);
});
