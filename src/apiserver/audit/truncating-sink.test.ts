import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { readRequestInfo } from "../request-info.ts";
import type { AuditEvent } from "./audit-event.ts";
import { openAuditor } from "./auditor.ts";
import { TruncatingSink } from "./truncating-sink.ts";

const event = (more: Partial<AuditEvent> = {}): AuditEvent => ({
	kind: "Event",
	apiVersion: "audit.k8s.io/v1",
	level: "RequestResponse",
	auditID: "a",
	stage: "ResponseComplete",
	requestURI: "/api/v1/pods",
	verb: "create",
	user: { username: "jane" },
	requestReceivedTimestamp: "2026-01-01T00:00:00.000000Z",
	stageTimestamp: "2026-01-01T00:00:00.000000Z",
	...more,
});
const large = { data: "é".repeat(500) };
const size = (of: AuditEvent): number => Buffer.byteLength(JSON.stringify(of)) + 1;

/** What arrives of an event, and what the log says. */
function send(sent: AuditEvent, maxEventBytes?: number) {
	const events: AuditEvent[] = [];
	const errors: string[] = [];
	const sink = { record: (each: AuditEvent) => events.push(each), close: async () => undefined };
	const log = { ...silentLog, error: (text: string) => errors.push(text) };
	new TruncatingSink(sink, { maxEventBytes, log }).record(sent);
	return { events, errors };
}

it("leaves alone what is not too large", () => {
	const sent = event({ requestObject: large, responseObject: large });
	expect(send(sent, size(sent))).toEqual({ events: [sent], errors: [] });
	expect(send(sent)).toEqual({ events: [sent], errors: [] });
});

it("takes away what was sent and answered, and says so", () => {
	const sent = event({ requestObject: large, responseObject: large, annotations: { a: "b" } });
	expect(send(sent, size(sent) - 1)).toEqual({
		events: [event({ annotations: { a: "b", "audit.k8s.io/truncated": "true" } })],
		errors: [],
	});
});

it.each([
	["that is large without them", event({ requestObject: large, userAgent: "x".repeat(2_000) })],
	["that has none", event({ level: "Metadata", userAgent: "x".repeat(2_000) })],
])("gives up an event %s", (_which, sent) => {
	const errors = ["Error in audit plugin 'truncate' affecting 1 audit events: event is too large even after truncating"];
	expect(send(sent, 1_000)).toEqual({ events: [], errors });
});

it("is asked for by a flag of each back end", async () => {
	const directory = mkdtempSync(join(tmpdir(), "kubesim-truncate-"));
	const policyFile = join(directory, "policy.yaml");
	writeFileSync(policyFile, "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: Request }]\nomitStages: [RequestReceived]\n");
	const context = {
		clock: new VirtualClock(),
		random: new SeededRandom("audit"),
		log: silentLog,
		lookup: { find: () => undefined, list: () => [] },
	};
	const logged = async (logTruncateEnabled: boolean) => {
		const logPath = join(directory, `${logTruncateEnabled}.log`);
		const auditor = await openAuditor({ policyFile, logPath, logTruncateEnabled, logTruncateMaxEventSize: 900 }, context);
		const info = readRequestInfo("POST", "/api/v1/namespaces/default/configmaps");
		const trail = auditor.follow({ auditId: "a", info, uri: info.path, sourceIps: [], userAgent: "t", receivedMs: 0 });
		trail.identified({ name: "jane", groups: [] });
		trail.requested(large);
		trail.completed(201);
		await auditor.close();
		return JSON.parse(readFileSync(logPath, "utf8")) as AuditEvent;
	};
	expect(await logged(false)).toMatchObject({ requestObject: large });
	const cut = await logged(true);
	expect(cut.requestObject).toBeUndefined();
	expect(cut.annotations).toMatchObject({ "audit.k8s.io/truncated": "true" });
	rmSync(directory, { recursive: true });
});
