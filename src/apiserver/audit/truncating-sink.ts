/**
 * Cuts large events down to what their back end takes: without what was sent and what was answered; and gives up those that are
 * too large even then. Source: k8s.io/apiserver/plugin/pkg/audit/truncate; --audit-{log,webhook}-truncate-* flags.
 */
import type { Logger } from "../../apimachinery/log.ts";
import type { AuditEvent, AuditSink } from "./audit-event.ts";

/** Default of --audit-*-truncate-max-event-size: 100 KiB. */
const usualMaxEventBytes = 102_400;

export class TruncatingSink implements AuditSink {
	readonly #sink: AuditSink;
	readonly #maxEventBytes: number;
	readonly #log: Logger;

	constructor(
		sink: AuditSink,
		{ maxEventBytes = usualMaxEventBytes, log }: { readonly maxEventBytes?: number | undefined; readonly log: Logger },
	) {
		this.#sink = sink;
		this.#maxEventBytes = maxEventBytes;
		this.#log = log;
	}

	record(event: AuditEvent): void {
		const kept = this.#isTooLarge(event) && hasBodies(event) ? withoutBodies(event) : event;
		if (this.#isTooLarge(kept)) {
			this.#log.error("Error in audit plugin 'truncate' affecting 1 audit events: event is too large even after truncating");
		} else this.#sink.record(kept);
	}

	close(): Promise<void> {
		return this.#sink.close();
	}

	/** As a line: JSON and its end. */
	#isTooLarge(event: AuditEvent): boolean {
		return Buffer.byteLength(JSON.stringify(event)) + 1 > this.#maxEventBytes;
	}
}

const hasBodies = ({ level }: AuditEvent): boolean => level === "Request" || level === "RequestResponse";

function withoutBodies({ requestObject: _, responseObject: __, ...event }: AuditEvent): AuditEvent {
	return { ...event, annotations: { ...event.annotations, "audit.k8s.io/truncated": "true" } };
}
