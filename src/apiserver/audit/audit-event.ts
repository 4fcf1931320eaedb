/**
 * audit.k8s.io/v1 Event, with its fields in upstream's order: what stands in an audit log, one a line.
 * Source: https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
 */
import type { Status } from "../../apimachinery/schema/generated/types.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { AuditLevel, AuditStage } from "./policy.ts";

interface AuditUser {
	readonly username?: string;
	readonly uid?: string;
	readonly groups?: readonly string[];
	readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface ObjectReference {
	readonly resource?: string;
	readonly namespace?: string;
	readonly name?: string;
	readonly uid?: string;
	readonly apiGroup?: string;
	readonly apiVersion?: string;
	readonly resourceVersion?: string;
	readonly subresource?: string;
}

export interface AuditEvent {
	readonly kind: "Event";
	readonly apiVersion: "audit.k8s.io/v1";
	readonly level: AuditLevel;
	readonly auditID: string;
	readonly stage: AuditStage;
	readonly requestURI: string;
	readonly verb: string;
	readonly user: AuditUser;
	readonly impersonatedUser?: AuditUser;
	readonly sourceIPs?: readonly string[];
	readonly userAgent?: string;
	readonly objectRef?: ObjectReference;
	readonly responseStatus?: Status;
	readonly requestObject?: unknown;
	readonly responseObject?: unknown;
	/** RFC 3339 with microseconds. */
	readonly requestReceivedTimestamp: string;
	readonly stageTimestamp: string;
	readonly annotations?: Readonly<Record<string, string>>;
}

/** Takes every event that is recorded. */
export interface AuditSink {
	record(event: AuditEvent): void;
	/** Resolves when everything recorded so far has arrived, or been given up. */
	close(): Promise<void>;
}

export function auditUser({ name, uid = "", groups, extra = {} }: UserInfo): AuditUser {
	return {
		username: name,
		...(uid === "" ? {} : { uid }),
		...(groups.length === 0 ? {} : { groups }),
		...(Object.keys(extra).length === 0 ? {} : { extra }),
	};
}
