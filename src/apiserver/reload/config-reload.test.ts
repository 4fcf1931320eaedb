import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { renderMetrics } from "../../apimachinery/metrics/registry.ts";
import { ConfigReload, type ConfigurationKind } from "./config-reload.ts";

let directory: string;
let clock: VirtualClock;
let file: string;
let lines: string[];
/** What came into force. */
let inForce: string[];
const abort = new AbortController();

beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), "kubesim-reload-"));
	file = join(directory, "config.yaml");
	writeFileSync(file, "one");
	clock = new VirtualClock(Date.UTC(2026, 0, 1));
	lines = [];
	inForce = [];
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function follow(kind: ConfigurationKind): ConfigReload {
	const note =
		(level: string) =>
		(text: string, fields: Readonly<Record<string, unknown>> = {}) => {
			lines.push(`${level}: ${text}${fields.error === undefined ? "" : `: ${String(fields.error)}`}`);
		};
	const log = { info: note("info"), warn: note("warn"), error: note("error"), debug: note("debug") };
	const apply = async (text: string) => {
		if (text.startsWith("bad")) throw new Error(`no good: ${text}`);
		inForce.push(text);
	};
	const reload = new ConfigReload([{ kind, path: file, text: "one", apply }], { clock, log });
	reload.start(abort.signal);
	return reload;
}

const minute = () => clock.advance(60_000);

it("looks once a minute, and takes what is new", async () => {
	const reload = follow("authorization");
	await minute();
	expect(renderMetrics([reload.metrics])).toBe("");
	writeFileSync(file, "two");
	await clock.advance(59_000);
	expect(inForce).toEqual([]);
	await minute();
	await minute();
	expect(inForce).toEqual(["two"]);
	expect(lines).toEqual(["info: reloaded authz config"]);
	expect(renderMetrics([reload.metrics])).toContain(
		'apiserver_authorization_config_controller_automatic_reloads_total{apiserver_id_hash="",status="success"} 1\n',
	);
});

it("keeps what there was when what is new is no good, and says so once", async () => {
	const reload = follow("authentication");
	writeFileSync(file, "bad one");
	await minute();
	await minute();
	expect(inForce).toEqual([]);
	expect(lines).toEqual(["error: failed to load authentication config: no good: bad one"]);
	const seconds = Date.UTC(2026, 0, 1) / 1000 + 60;
	const page = renderMetrics([reload.metrics]);
	expect(page).toContain('apiserver_authentication_config_controller_automatic_reloads_total{apiserver_id_hash="",status="failure"} 1\n');
	const [, last = ""] = /last_timestamp_seconds\{apiserver_id_hash="",status="failure"\} (\S+)/.exec(page) ?? [];
	expect(Number(last)).toBe(seconds);
	writeFileSync(file, "two");
	await minute();
	expect(inForce).toEqual(["two"]);
});

it("tries an encryption configuration again, as what it needs may come later", async () => {
	follow("encryption");
	writeFileSync(file, "bad one");
	await minute();
	await minute();
	expect(lines).toEqual(Array(2).fill("error: error processing encryption config file: no good: bad one"));
});

it("says that a file is not there as long as it is not, and does not take its coming back for a change", async () => {
	follow("authentication");
	rmSync(file);
	await minute();
	await minute();
	expect(lines).toHaveLength(2);
	expect(lines[0]).toMatch(/^error: failed to read authentication config file: ENOENT/);
	writeFileSync(file, "one");
	await minute();
	expect(lines).toHaveLength(2);
	expect(inForce).toEqual([]);
});
